"""What the program measures of a trained miniature, and the files that it writes about it: record, card, report."""

import json
from pathlib import Path

import torch

from miniatures.asking import sample
from miniatures.card import render
from miniatures.cost import cost
from miniatures.evaluate import measure
from miniatures.family import FILE, read_run, read_runs, save
from miniatures.report import report
from moralsc.answers import ScoredBy
from moralsc.benchmarks import Source, load
from moralsc.engines.local import LocalEngine
from moralsc.errors import InputError
from moralsc.models import ModelSpec, Stage
from moralsc.prompts import default_prompts
from moralsc.settings import Settings

_TIMED = 10


def evaluate(path: Path, settings: Settings, items: int | None = None) -> None:
    """Measure one model; write evaluation.json and its card beside it. Sums come in the order of one thread.

    Raises:
        InputError: the folder holds no trained miniature.
    """
    torch.set_num_threads(1)
    record = path / "training.json"
    if not record.is_file() or not (path / "model.safetensors").is_file():
        raise InputError(f"{path} holds no practice model (training.json and model.safetensors). Train it first.")
    recipe = json.loads(record.read_text(encoding="utf-8"))
    spec = _spec(path, recipe)
    engine, prompts = LocalEngine.load(spec, device="cpu"), default_prompts()
    timed = sample(load("winogender", settings, Source.BUNDLED).items, min(items or _TIMED, _TIMED))
    evaluation = {
        "recipe": recipe,
        "items": items,
        "prompts": prompts.hash,
        "provenance": engine.provenance,
        **measure(engine, prompts, settings, items),
        "cost": cost(spec, path, timed, prompts),
    }
    save(path / FILE, evaluation)
    write_card(path)


def write_card(path: Path) -> None:
    """Write README.md from the evaluation.json beside it."""
    (path / "README.md").write_text(render(read_run(path)), encoding="utf-8")


def write_report(models: Path, docs: Path) -> None:
    """Write all cards, and miniatures.md in `docs`, from the evaluation.json files that are there."""
    runs = read_runs(models, docs / "miniatures-seeds")
    for run in runs:
        if run.bundled:
            write_card(models / run.name)
    docs.mkdir(exist_ok=True)
    (docs / "miniatures.md").write_text(report(runs), encoding="utf-8")


def _spec(path: Path, recipe: dict[str, object]) -> ModelSpec:
    return ModelSpec(
        name=path.name,
        title=path.name,
        parameters=int(str(recipe["parameters"])),
        stage=Stage(str(recipe["stage"])),
        scored_by=ScoredBy.TEXT,
        licence="Apache-2.0",
        nature="A miniature under evaluation.",
        path=str(path),
        bundled=True,
    )
