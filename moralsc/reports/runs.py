"""Run: the Results of one run with what has to be said of them, read from its folder or made from bare records."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from moralsc.analysis.results import Result
from moralsc.batch import folder
from moralsc.batch.design import Design
from moralsc.batch.folder import Status
from moralsc.batch.head import read_head
from moralsc.batch.record import Record
from moralsc.batch.results import NEEDED, By
from moralsc.batch.summary import answered_by, by_benchmark
from moralsc.items import BASELINE
from moralsc.models import catalogue


@dataclass(frozen=True)
class Asked:
    """One model as one run asked it.

    Attributes:
        parameters: count, None for a model that is not in the catalogue; so are stage and family then empty.
        mark: what stands with every result of a bundled miniature, else empty.
        mode: where its corrections stood, empty without any.
        scored_by: "label" or "text"; figures of the two are never compared.
    """

    model: str
    mark: str = ""
    mode: str = ""
    scored_by: str = ""
    parameters: int | None = None
    stage: str = ""
    family: str = ""


@dataclass(frozen=True)
class Run:
    """What figures are made from.

    Attributes:
        name: tells it from the others that it is shown with.
        by: what counts as the answer.
        results: (model, benchmark) -> Results in the order of the plan; bundled items apart from published ones.
        models: by name, in the order of the plan.
        failures: why -> how many records failed for it.
        status: how far it is; None if that is not known, as of bare records.
        head: what run.json says; empty if that is not known.
    """

    name: str
    by: By
    results: Mapping[tuple[str, str], Sequence[Result]]
    models: Mapping[str, Asked]
    failures: Mapping[str, int] = field(default_factory=dict)
    status: Status | None = None
    head: Mapping[str, Any] = field(default_factory=dict)

    @property
    def incomplete(self) -> str:
        """What stands wherever an unfinished run is shown: "done X of Y"; else empty."""
        if self.status is None or self.status.complete:
            return ""
        return f"incomplete: done {self.status.done} of {self.status.planned}"

    @property
    def answers_by(self) -> str:
        """What counts as the answer, in words."""
        return self.by.words

    @property
    def other_reading(self) -> str:
        """How the same records are read in the other way."""
        return f"With --by {self.by.other}: {self.by.other.words}."


def read_run(path: Path, name: str = "", by: By | None = None) -> Run:
    """The run in a folder, complete or not.

    Args:
        by: what counts as the answer; None for what the run's design says.

    Raises:
        RunError: there is no run in it.
    """
    status, head = folder.status(path), dict(read_head(path) or {})
    by = by or answered_by(Design.from_record(head["design"]))
    made = run_of(folder.records(path, (*NEEDED, *_NOTED)), name or path.resolve().name, by)
    return replace(made, status=status, head=head)


def read_runs(paths: Sequence[Path], by: By | None = None) -> tuple[Run, ...]:
    """Several runs; folders of one name are told apart by their number.

    Raises:
        RunError: there is no run in one of them.
    """
    names = [path.resolve().name for path in paths]
    shown = [f"{name} ({k})" if names.count(name) > 1 else name for k, name in enumerate(names, 1)]
    return tuple(read_run(path, name, by) for path, name in zip(paths, shown, strict=True))


def read_comparable(first: Path, second: Path | None, by: By | None = None) -> tuple[Run, Run]:
    """One run twice, or two runs whose answers are read in one way: by text only where both generated all of them.

    Raises:
        RunError: there is no run in one of them.
    """
    if second is None:
        run = read_run(first, by=by)
        return run, run
    a, b = read_runs((first, second), by)
    if a.by is not b.by:
        a, b = read_runs((first, second), By.PROBABILITY)
    return a, b


def run_of(records: Iterable[Record], name: str = "", by: By | None = None) -> Run:
    """The run of bare records in the order of the plan.

    Args:
        by: None: by what was written if every answer was generated, else by probability.
    """
    if by is None:
        records = tuple(records)
        said = all(r.outcome is not None for r in records if not r.failure)
        by = By.TEXT if said else By.PROBABILITY
    models: dict[str, Asked] = {}
    failures: dict[str, int] = {}
    results = by_benchmark(_noted(records, models, failures), by)
    return Run(name, by, results, models, dict(sorted(failures.items())))


_NOTED = ("mark", "mode", "scored_by")
"""The fields that are read here beside NEEDED."""


def _noted(records: Iterable[Record], models: dict[str, Asked], failures: dict[str, int]) -> Iterator[Record]:
    for record in records:
        if record.model not in models:
            spec = catalogue().get(record.model)
            known = (spec.parameters, str(spec.stage), spec.family) if spec else ()
            models[record.model] = Asked(record.model, record.mark, "", record.scored_by, *known)
        if record.correction != BASELINE and not models[record.model].mode:
            models[record.model] = replace(models[record.model], mode=record.mode)
        if record.failure:
            failures[record.failure] = failures.get(record.failure, 0) + 1
        yield record
