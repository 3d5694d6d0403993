"""A run's records for other programs: CSV, Parquet, or the layout of lm-evaluation-harness (`lm_eval`)."""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from moralsc.batch import folder, table
from moralsc.batch.head import FORMAT, read_head
from moralsc.batch.record import Record
from moralsc.errors import RunError
from moralsc.reports import lm_eval
from moralsc.reports.cells import cell
from moralsc.reports.formats import Format


def export(run: Path, form: Format, out: Path) -> list[Path]:
    """Write the records that a run has so far, in the order of the plan; the files that were written.

    Raises:
        RunError: there is no run, or the place cannot be written.
    """
    status, head = folder.status(run), dict(read_head(run) or {})
    try:
        return _WRITERS[form](run, head, "" if status.complete else status.sentence, out)
    except OSError as error:
        raise RunError(f"{out} cannot be written ({error.strerror or error}). Name a place that can.") from error


def _csv(run: Path, head: Mapping[str, Any], incomplete: str, out: Path) -> list[Path]:
    """Lists as JSON; what is null stays empty; no text is a formula to a spreadsheet."""
    names = [f.name for f in fields(Record)]
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for record in folder.records(run):
            writer.writerow([cell(getattr(record, name)) for name in names])
    return [out]


def _parquet(run: Path, head: Mapping[str, Any], incomplete: str, out: Path) -> list[Path]:
    marks = {name: model["mark"] for name, model in head["models"].items() if model["mark"]}
    facts = {"format": FORMAT, "marks": json.dumps(marks), **({"incomplete": incomplete} if incomplete else {})}
    table.write(out, folder.records(run), facts)
    return [out]


def _lm_eval(run: Path, head: Mapping[str, Any], incomplete: str, out: Path) -> list[Path]:
    return lm_eval.write(out, head, list(folder.records(run)), incomplete)


_WRITERS: Mapping[Format, Callable[[Path, Mapping[str, Any], str, Path], list[Path]]] = {
    Format.CSV: _csv,
    Format.PARQUET: _parquet,
    Format.LM_EVAL: _lm_eval,
}
