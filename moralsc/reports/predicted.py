"""Predictions as a run: answers made elsewhere, read as `moralsc score` does, become records with the same Results.

Of an option only its part in the stereotype is known then, and of a dialogue nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from moralsc.analysis import predictions
from moralsc.analysis.results import Result
from moralsc.analysis.score import coverage_notes
from moralsc.batch.record import Record
from moralsc.benchmarks import Source, sources
from moralsc.dialogue import Form, Mode
from moralsc.errors import DataError
from moralsc.items import Role
from moralsc.settings import Settings

_KEYS: Mapping[str, tuple[str, ...]] = {
    "bbq": ("category", "example_id", "answer"),
    "winogender": ("template", "answer or p_f, p_m, p_n"),
    "admissions": ("row", "p_yes_black", "p_yes_white"),
}
_MARKS = {"bbq": "example_id", "winogender": "template", "admissions": "row"}
"""The key that tells a benchmark's lines from those of the others."""
_GROUPS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "winogender": (("female", "p_f"), ("male", "p_m"), ("neutral", "p_n")),
    "admissions": (("yes", "p_yes"),),
}


@dataclass(frozen=True)
class Predicted:
    """Predictions as a run has them.

    Attributes:
        records: one a Result, in its order, each a baseline answer.
        notes: sentences on what the file does not cover.
    """

    records: tuple[Record, ...]
    notes: tuple[str, ...]


def read(path: Path, model: str, settings: Settings) -> Predicted:
    """Read a file of predictions; the keys of its first line tell the benchmark.

    Args:
        model: who answered, as lists shall call them.

    Raises:
        DataError: the published items are missing, or a line is not as `predictions.read` describes it.
    """
    read = predictions.read(_benchmark(path), path, settings)
    records = tuple(_record(result, row, model) for row, result in enumerate(read.results))
    return Predicted(records, tuple(coverage_notes(read.coverage)))


def _benchmark(path: Path) -> str:
    place, first = next(sources.read_jsonl(path), (path, {}))
    found = next((name for name, key in _MARKS.items() if key in first), None)
    if found is None:
        lines = "; ".join(f"{name}: {', '.join(keys)}" for name, keys in _KEYS.items())
        keys = json.dumps(list(first)[:5])
        raise DataError(f"{place}: its keys are {keys}, which are no prediction's. Allowed are {lines}.")
    return found


def _record(result: Result, row: int, model: str) -> Record:
    shares = [(group, getattr(result, name)) for group, name in _GROUPS.get(result.benchmark, ())]
    groups = [(group, p) for group, p in shares if p is not None]
    part, by_role = str(result.role) if result.role else None, result.probabilities or {}
    values: dict[str, Any] = {f.name: None for f in fields(Record)}
    values |= dict.fromkeys(("mark", "weights", "dtype", "order"), "") | dict.fromkeys(("batch", "round", "repeat"), 0)
    values |= {"mode": str(Mode.FOLLOW_UP), "form": str(Form.FREE), "scored_by": "text", "temperature": 0.0, "seed": 0}
    values |= {
        "row": row,
        "model": model,
        "benchmark": result.benchmark,
        "source": str(Source.PUBLISHED),
        "category": result.group,
        "item": result.item,
        "arm": result.arm,
        "condition": str(result.condition),
        "polarity": str(result.polarity),
        "occupation": result.occupation,
        "percent_female": result.percent_female,
        "weight": result.weight,
        "correction": result.correction,
        "labels": (),
        "groups": tuple(group for group, _ in groups),
        "roles": (),
        "correct": str(result.correct) if result.correct else None,
        "probabilities": tuple(p for _, p in groups) or None,
        "p_unbiased": by_role.get(Role.UNBIASED),
        "p_stereotyped": by_role.get(Role.STEREOTYPED),
        "p_counter": by_role.get(Role.COUNTER),
        "favoured": part if by_role else None,
        "favoured_role": part if by_role else None,
        "favoured_right": result.right if by_role else None,
        "outcome": str(result.missing or "option"),
        "label": None if result.missing else part or "",
        "said_role": part,
        "said_right": result.right,
        "status": "done",
        "reason": result.reason or None,
        "seconds": 0.0,
    }
    return Record(**values)
