"""The items behind a run's figures: found, searched and sorted in its Parquet file, read only as far as needed.

A row of the tables here is one item under one correction beside its baseline.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from moralsc.answers import SMALL_MASS
from moralsc.batch import folder
from moralsc.batch.record import Record, from_plain, kinds
from moralsc.batch.results import By
from moralsc.benchmarks import Source, benchmark_of
from moralsc.items import BASELINE

_KEYS = ["item", "arm", "order"]
_FACTS = ["category", "condition", "polarity"]
_READ = {
    By.TEXT: ("said_role", "said_right"),
    By.PROBABILITY: ("favoured_role", "favoured_right"),
}
_SHARES = {"unbiased": "p_unbiased", "stereotyped": "p_stereotyped", "counter-stereotyped": "p_counter"}


@dataclass(frozen=True)
class Behind:
    """Whose items are wanted.

    Attributes:
        correction, round: beside the baseline; the baseline itself for its answers alone.
        category, context: empty for all; context as `items.ContextKind`.
        search: words that must all occur in the item's id or category, without case.
        by: what counts as the answer.
    """

    model: str
    benchmark: str
    source: Source
    correction: str
    round: int = 0
    category: str = ""
    context: str = ""
    search: str = ""
    by: By = By.PROBABILITY


def items(path: Path, behind: Behind) -> pd.DataFrame:
    """A row for each item, arm and order under the correction.

    Returns:
        item, arm, order, category, condition, polarity; `row` of the record; `before` and `after`: the answer's part in
        the stereotype, or why there is none; `right_before`, `right_after`: null where nothing is right; `p_before`,
        `p_after`: probability of the right option, or of that which is watched where none is right;
        `change`: their difference; `mass_before`, `mass_after`: what the options hold together; `small`: over all
        orders of the item's options that is less than half on average, before or after, or in one of the arms.

    Raises:
        RunError: there is no run in the folder, or its records are damaged.
    """
    role, right = _READ[behind.by]
    columns = [*_KEYS, *_FACTS, "row", "correction", "round", "correct", "outcome", "failure", role, right]
    watched = benchmark_of(behind.benchmark).watched
    columns += ["mass", *_SHARES.values(), *(("groups", "probabilities") if watched else ())]
    frame = _frame(path, columns, _same(behind))
    frame = _found(frame, behind)
    frame = frame.assign(p=_probability(frame, watched), answer=_answer(frame, role), right=frame[right])
    kept = [*_KEYS, "row", "answer", "right", "p", "mass"]
    before = frame[frame["correction"] == BASELINE][[*kept, *_FACTS]]
    after = frame[(frame["correction"] == behind.correction) & (frame["round"] == behind.round)][kept]
    joined = before.merge(after, on=_KEYS, how="inner", suffixes=("_before", "_after"))
    names = {"answer_before": "before", "answer_after": "after", "row_after": "row"}
    joined = joined.rename(columns=names).assign(change=joined["p_after"] - joined["p_before"], small=_small(joined))
    pairs = [f"{name}_{when}" for name in ("right", "p", "mass") for when in ("before", "after")]
    return joined[[*_KEYS, *_FACTS, "row", "before", "after", *pairs, "change", "small"]]


def ranked(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The rows that a ranking shows by default, and how many items it leaves out for their small mass."""
    return frame[~frame["small"]], int(frame.loc[frame["small"], "item"].nunique())


def by_change(frame: pd.DataFrame, falling: bool) -> pd.DataFrame:
    """The rows with the greatest loss first, or the greatest gain; those without a change last."""
    return frame.sort_values("change", ascending=falling, kind="stable", na_position="last")


def page(frame: pd.DataFrame, number: int, size: int) -> pd.DataFrame:
    """Page `number`, from 0; the last one if there are fewer."""
    last = max(0, (len(frame) - 1) // size)
    start = min(max(number, 0), last) * size
    return frame.iloc[start : start + size]


def records_of(path: Path, model: str, benchmark: str, source: Source, item: str) -> list[Record]:
    """All records of one item, in the order of the plan.

    Raises:
        RunError: there is no run in the folder, or its records are damaged.
    """
    wanted = {"model": model, "benchmark": benchmark, "source": str(source), "item": item}
    frame = _frame(path, None, wanted)
    return [from_plain(_plain(values)) for values in frame.sort_values("row").to_dict("records")]


def _same(behind: Behind) -> dict[str, Any]:
    wanted = {"model": behind.model, "benchmark": behind.benchmark, "source": str(behind.source)}
    return wanted | {k: v for k, v in (("category", behind.category), ("condition", behind.context)) if v}


def _frame(path: Path, columns: list[str] | None, wanted: Mapping[str, Any]) -> pd.DataFrame:
    """The rows that have these values, of a complete run straight from its file."""
    if folder.status(path).complete:
        filters = [(name, "==", value) for name, value in wanted.items()]
        kept = None if columns is None else list(columns)
        try:
            return pd.read_parquet(path / folder.RECORDS, columns=kept, filters=filters)
        except (ValueError, NotImplementedError, OSError) as error:  # what Arrow raises is one of them
            raise folder.damaged(path, f"{folder.RECORDS} cannot be read.") from error
    found = [r for r in folder.records(path) if all(getattr(r, name) == value for name, value in wanted.items())]
    names = list(columns) if columns is not None else list(Record.__dataclass_fields__)
    return pd.DataFrame([{name: getattr(r, name) for name in names} for r in found], columns=names)


def _found(frame: pd.DataFrame, behind: Behind) -> pd.DataFrame:
    text = (frame["item"] + " " + frame["category"]).str.casefold()
    for word in behind.search.casefold().split():
        frame = frame[text.loc[frame.index].str.contains(word, regex=False)]
    return frame


def _small(frame: pd.DataFrame) -> pd.Series:
    """(rows,) whether the row's item is one of small mass; where none is known, it is not."""
    masses = frame[["item", "arm", "mass_before", "mass_after"]].astype({"mass_before": float, "mass_after": float})
    least = masses.groupby(["item", "arm"]).mean().min(axis=1).groupby("item").min()
    return frame["item"].map(least < SMALL_MASS).astype(bool)


def _probability(frame: pd.DataFrame, group: str) -> Any:
    """(rows,) probability of the right option, or of that of a group; nan where there is neither."""
    right = [frame["correct"] == role for role in _SHARES]
    known = np.select(right, [frame[name].astype(float) for name in _SHARES.values()], default=np.nan)
    if not group:
        return known
    chances = [_chance(group, g, p) for g, p in zip(frame["groups"], frame["probabilities"], strict=True)]
    return np.where(np.isnan(known), np.array(chances, dtype=float), known)


def _chance(group: str, groups: Any, probabilities: Any) -> float:
    if groups is None or probabilities is None or group not in groups:
        return float("nan")
    return float(probabilities[list(groups).index(group)])


def _answer(frame: pd.DataFrame, role: str) -> pd.Series:
    """The part of the answer in the stereotype; where it has none, why."""
    why = frame["failure"].where(frame["failure"].notna(), frame["outcome"])
    return frame[role].where(frame[role].notna(), why).where(lambda s: s.notna(), "none")


def _plain(values: Mapping[Any, Any]) -> dict[str, Any]:
    """A row as a record has it: null as None, and whole numbers that pandas had to make others of."""
    found: dict[str, Any] = {}
    for name, (kind, listed, _) in kinds().items():
        value = values.get(name)
        if listed:
            found[name] = None if value is None else list(value)
        else:
            found[name] = None if value is None or pd.isna(value) else kind(value)
    return found
