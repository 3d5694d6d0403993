"""Predictions as a run: answers made elsewhere, read as `moralsc score` does, become records with the same Results.

Of an option only its part in the stereotype is known then, and of a dialogue nothing.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from moralsc.analysis.results import Result
from moralsc.batch.record import Record
from moralsc.benchmarks import BENCHMARKS, Source, sources
from moralsc.dialogue import Form, Mode
from moralsc.errors import DataError
from moralsc.items import Role
from moralsc.reports.score import coverage_notes, predictions
from moralsc.settings import Settings


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
        DataError: the published items are missing, or a line is not as `score.predictions` describes it.
    """
    read = predictions(_benchmark(path), path, settings)
    records = tuple(_record(result, row, model) for row, result in enumerate(read.results))
    return Predicted(records, tuple(coverage_notes(read.coverage)))


def _benchmark(path: Path) -> str:
    place, first = next(sources.read_jsonl(path), (path, {}))
    readable = {name: b.prediction for name, b in BENCHMARKS.items() if b.prediction}
    found = next((name for name, keys in readable.items() if keys[0] in first), None)
    if found is None:
        lines = "; ".join(f"{name}: {', '.join(keys)}" for name, keys in readable.items())
        keys = json.dumps(list(first)[:5])
        raise DataError(f"{place}: its keys are {keys}, which are no prediction's. Allowed are {lines}.")
    return found


def _record(result: Result, row: int, model: str) -> Record:
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
        "groups": tuple(result.chances),
        "roles": (),
        "correct": str(result.correct) if result.correct else None,
        "probabilities": tuple(result.chances.values()) or None,
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
