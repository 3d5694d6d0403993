"""The layers of ARCHITECTURE.md, held by walking the imports: each imports only from itself and those before it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = tuple(
    tuple(line.split("  ")[0].split())
    for line in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("```")[1].strip().splitlines()
)
"""The picture, line by line."""
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
SOURCES = sorted((ROOT / "moralsc").rglob("*.py"))
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
# Who may touch the heavy libraries, as prefixes of paths.
HOMES = {
    "torch": (
        "moralsc/engines/local",
        "moralsc/engines/packing",
        "moralsc/engines/tree_attention",
    ),
    "transformers": (
        "moralsc/engines/local",
        "moralsc/engines/packing",
        "moralsc/engines/tree_attention",
    ),
    "tokenizers": ("moralsc/engines/local",),
    "gradio": ("moralsc/ui/", "app.py"),
    "pyarrow": ("moralsc/batch/table",),
    "jinja2": ("moralsc/reports/page", "moralsc/reports/card_page"),
    "altair": ("moralsc/reports/charts", "moralsc/reports/look", "moralsc/reports/multiples"),
    "vl_convert": ("moralsc/reports/pictures",),
    "accelerate": ("moralsc/batch/crew",),
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module that a file names in an import, inside functions too; "moralsc.x" where x comes from moralsc."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: relative import, line {node.lineno}"
            assert node.module is not None
            yield from ([f"moralsc.{a.name}" for a in node.names] if node.module == "moralsc" else [node.module])


def imported_at_once(path: Path) -> list[str]:
    """What importing the file itself imports: not what stands inside its functions."""
    top = tree(path).body
    names = [n for n in top if isinstance(n, ast.Import | ast.ImportFrom)]
    return [a.name for n in names for a in n.names] + [str(n.module) for n in names if isinstance(n, ast.ImportFrom)]


def layer(module: str) -> str | None:
    """The layer that a module of ours belongs to, None for the package itself and for others' modules."""
    parts = module.split(".")
    return parts[1] if parts[0] == "moralsc" and len(parts) > 1 and parts[1] != "__version__" else None


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 10


def test_the_picture_names_what_is_there_and_nothing_else() -> None:
    there = {path.relative_to(ROOT / "moralsc").with_suffix("").parts[0] for path in SOURCES} - {"__init__"}
    assert set(RANK) == there
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split()) < 800


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_module_imports_only_from_its_own_layer_and_those_before(path: Path) -> None:
    own = path.relative_to(ROOT / "moralsc").with_suffix("").parts[0]
    if own == "__init__":
        assert [m for m in imported_at_once(path) if layer(m)] == []
        return
    assert own in RANK, f"{own} is no layer: add it to the picture in ARCHITECTURE.md"
    for module in imports(path):
        below = layer(module)
        assert below is None or RANK[below] <= RANK[own], f"{name(path)} imports {module}, which is a later layer"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_at_run_time_imports_the_training_of_the_miniatures(path: Path) -> None:
    assert not any(module.split(".")[0] == "miniatures" for module in imports(path))


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_is_imported_only_where_it_belongs(library: str) -> None:
    users = [name(p) for p in (*SOURCES, ROOT / "app.py") if library in {m.split(".")[0] for m in imports(p)}]
    assert users
    assert [user for user in users if not user.startswith(HOMES[library])] == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_module_does_nothing_when_it_is_imported(path: Path) -> None:
    """Definitions, constants and checks for type checkers; no loop, no `with`, no call for its effect."""
    for node in tree(path).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        guard = isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'")
        defines = isinstance(node, DEFINITIONS)
        # typer has no other way to join two groups of commands.
        joins = name(path) == "moralsc/cli.py" and ast.unparse(node).startswith("app.add_typer(")
        assert docstring or guard or defines or joins, f"{name(path)}, line {node.lineno}: {ast.unparse(node)[:60]}"
