"""The family as it was measured: evaluation.json files, written, read and put in order."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from miniatures.measures import Figure
from miniatures.sizes import SIZES, STAGES
from moralsc.errors import InputError
from moralsc.models import Stage

FILE = "evaluation.json"
_DIGITS = 4


@dataclass(frozen=True, eq=False)
class Run:
    """One training run and what was measured of it.

    Attributes:
        evaluation: contents of evaluation.json, see evaluate.py; its "recipe" is training.json.
        bundled: its weights come with moralsc; of a further seed there is only what was measured.
    """

    name: str
    evaluation: dict[str, Any]
    bundled: bool = True

    @property
    def recipe(self) -> dict[str, Any]:
        """How it was trained."""
        recipe: dict[str, Any] = self.evaluation["recipe"]
        return recipe

    @property
    def size(self) -> str:
        """Key of SIZES."""
        return str(self.recipe["size"])

    @property
    def stage(self) -> Stage:
        """Its stage."""
        return Stage(self.recipe["stage"])

    @property
    def seed(self) -> int:
        """Seed of the training."""
        return int(self.recipe["seed"])

    def at(self, *path: str) -> Any:
        """What the evaluation holds there, None where that was not measured."""
        found: Any = self.evaluation
        for key in path:
            if not isinstance(found, dict) or key not in found:
                return None
            found = found[key]
        return found

    def figure(self, *path: str) -> Figure | None:
        """The figure there, None where that was not measured."""
        found = self.at(*path)
        return None if found is None else Figure(**found)


def read_run(folder: Path) -> Run:
    """The evaluated model of a folder."""
    return Run(folder.name, _read(folder / FILE))


def read_runs(models: Path, seeds: Path | None = None) -> list[Run]:
    """The evaluated bundled models, and the further seeds, in the order of sizes, stages and seeds."""
    runs = [read_run(p.parent) for p in models.glob(f"mini-*/{FILE}")]
    if seeds is not None:
        runs += [Run(p.stem.rpartition("-seed-")[0], _read(p), bundled=False) for p in seeds.glob("*-seed-*.json")]
    sizes = list(SIZES)
    return sorted(runs, key=lambda r: (sizes.index(r.size), STAGES.index(r.stage), r.seed))


def copy_seeds(trained: Path, seeds: Path) -> list[Path]:
    """Copy what was measured of trained/seed-N/MODEL to seeds/MODEL-seed-N.json.

    Raises:
        InputError: the folder holds none, or one lies under another seed than its own.
    """
    found = sorted(trained.glob(f"seed-*/mini-*/{FILE}"))
    if not found:
        raise InputError(f"{trained} holds no seed-N/mini-.../{FILE}. Evaluate these models first, with --model.")
    copies = []
    for path in found:
        evaluation = _read(path)
        seed = evaluation["recipe"]["seed"]
        if path.parents[1].name != f"seed-{seed}":
            raise InputError(f"{path.parent} was trained with seed {seed}; it must lie in a folder seed-{seed}.")
        copies.append(seeds / f"{path.parent.name}-seed-{seed}.json")
        save(copies[-1], evaluation)
    return copies


def save(path: Path, evaluation: dict[str, Any]) -> None:
    """Write an evaluation, fractions rounded to four digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_json(rounded(evaluation)) + "\n", encoding="utf-8")


def rounded(value: Any) -> Any:
    """The same value with its fractions rounded, as it stands in files."""
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list | tuple) else value


def _read(path: Path) -> dict[str, Any]:
    evaluation: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return evaluation


def _json(value: Any, indent: int = 0) -> str:
    """JSON with one line for each list or table that holds no other: one figure a line."""
    inner: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not any(isinstance(v, dict | list) for v in inner):
        return json.dumps(value, ensure_ascii=False)
    pad, end = "\n" + " " * (indent + 1), "\n" + " " * indent
    if isinstance(value, dict):
        lines: Sequence[str] = [f"{json.dumps(k)}: {_json(v, indent + 1)}" for k, v in value.items()]
        return "{" + pad + ("," + pad).join(lines) + end + "}"
    return "[" + pad + ("," + pad).join(_json(v, indent + 1) for v in value) + end + "]"
