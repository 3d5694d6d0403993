"""What the Explore section shows, as plain values for its templates; like `views`, without gradio and HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from moralsc.benchmarks import ITEM_SETS, Source
from moralsc.dialogue import Mode
from moralsc.models import catalogue
from moralsc.prompts import Correction, tick
from moralsc.ui.explorer import Filters, Shown
from moralsc.ui.texts import category_title, set_title
from moralsc.ui.views import View, inert, keyed

if TYPE_CHECKING:
    from moralsc.reports.chart import Chart, MassOf, Series
    from moralsc.reports.runs import Asked

MOST_ROWS = 200

READING: View = {"shown": "Reading the runs…"}
_EMPTY = "There are no runs to show yet."
_ADVICE = "Or make one in a terminal, and start the page with MORALSC_RESULTS=runs, the folder that holds it:"
_BUNDLED = next(key for key, (_, source) in ITEM_SETS.items() if source is Source.BUNDLED)
_COMMAND = f"moralsc run --model smollm2-135m-instruct-q4 --benchmark {_BUNDLED} --limit 20 --out runs/first"
_NARROWED = "Nothing is left of this chart: the filters leave it out."
_CONTEXTS = {"ambig": "ambiguous", "disambig": "disambiguated"}
_MODES = {Mode.FOLLOW_UP: "after the answer", Mode.SINGLE_TURN: "with the item, afresh"}

Choices = list[tuple[str, str]]


def runs(shown: Shown) -> View:
    """Which runs are shown and what could not be read."""
    facts = "; ".join(shown.facts)
    more = f"; {shown.left_out} more can be chosen above" if shown.left_out else ""
    return keyed(
        inert(
            {
                "empty": "" if shown.names else _EMPTY,
                "advice": _ADVICE,
                "command": _COMMAND,
                "shown": f"Shown: {facts}{more}." if facts else "",
                "problems": list(shown.problems),
            }
        )
    )


def other_side(shown: Shown) -> str:
    """The words on the button that changes between real models and practice models."""
    return "Show real models" if shown.only_aside else "Show practice models"


def problem(said: str) -> View:
    """Nothing but what went wrong."""
    return keyed(inert({"problems": [said]}))


def head(chart: Chart, narrowed: bool) -> View:
    """A chart's words: title, n, what it says, and what has to be known beside it.

    Args:
        narrowed: filters are set, so that a chart without figures may have some.
    """
    empty = _NARROWED if narrowed else chart.reading
    return keyed(
        inert(
            {
                "title": chart.title,
                "n": chart.n,
                "reading": chart.reading if chart.points else empty,
                "marks": _marks(chart.series),
                "notes": list(chart.notes),
            }
        )
    )


def table(chart: Chart) -> View:
    """A chart's figures as a table, as many rows as a page should have."""
    return keyed(inert({"title": chart.title, **_table(chart.table(), "the CSV has all of them")}))


def _table(rows: Sequence[Sequence[str]], rest: str) -> View:
    """A header and rows, as many as a page should have, with a sentence on where the rest is."""
    first, *those = rows
    more = f"The first {MOST_ROWS} of {len(those)} rows; {rest}." if len(those) > MOST_ROWS else ""
    return {"head": list(first), "rows": [list(row) for row in those[:MOST_ROWS]], "more": more}


def masses(found: Sequence[MassOf]) -> View:
    """How much of the probability the options hold: a sentence, and the figures as a table; nothing without any."""
    from moralsc.analysis.mass import EXPLAINED
    from moralsc.reports.chart import mass_table
    from moralsc.reports.readings import mass_reading

    if not found:
        return {}
    return keyed(
        inert(
            {
                "title": "How much of the probability the options hold",
                "reading": mass_reading(found),
                "marks": _marks(one.series for one in found),
                "notes": [EXPLAINED],
                **_table(mass_table(found), "choose runs or models to see the others"),
            }
        )
    )


def offered(shown: Shown, corrections: Mapping[str, Correction]) -> dict[str, Choices]:
    """Filter -> what it offers as (title, value); a choice of one begins with "all"."""
    held = shown.held
    return {
        "runs": [(name, name) for name in shown.names],
        "models": [(_model(asked), asked.model) for asked in held.models],
        "benchmarks": [(set_title(key), key) for key in held.benchmarks],
        "category": [("all", ""), *((category_title(c), c) for c in held.categories)],
        "context": [("all", ""), *((_CONTEXTS[c], c) for c in held.contexts)],
        "corrections": [(condition_title(id, corrections), id) for id in _in_order(held.corrections, corrections)],
        "mode": [("all", ""), *((_MODES.get(Mode(m), m), m) for m in held.modes)],
    }


def chosen(filters: Filters) -> dict[str, Any]:
    """Filter -> its value as its chooser takes it."""
    values = {name: getattr(filters, name) for name in Filters.__dataclass_fields__}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def folded(values: Mapping[str, Any], offered: Mapping[str, Choices], everything: bool = True) -> View:
    """What is chosen in one line, for a narrow screen on which the filters themselves are folded.

    Args:
        everything: no run of practice models waits to be chosen.
    """
    said = list[str]()
    for name, value in values.items():
        titles = {key: title for title, key in offered[name]}
        keys: list[str] = value if isinstance(value, list) else [value]
        chosen = [titles.get(key, key) for key in keys if key]
        if chosen:
            said.append(chosen[0] if len(chosen) == 1 else f"{len(chosen)} {name}")
    return inert({"chosen": ", ".join(said) or ("everything is shown" if everything else "real models")})


def _in_order(ids: tuple[str, ...], corrections: Mapping[str, Correction]) -> list[str]:
    from moralsc.reports.chart import in_ladder_order

    return in_ladder_order(ids, corrections)


def _marks(whose: Iterable[Series]) -> list[str]:
    """Each mark once, with whose figures it is about where not all are."""
    by: dict[str, list[str]] = {}
    for series in whose:
        by.setdefault(series.asked.mark, []).append(series.asked.model)
    everybody = len(by) == 1
    return [
        f"{mark[0].upper()}{mark[1:]}." if everybody else f"{', '.join(dict.fromkeys(models))}: {mark}."
        for mark, models in by.items()
        if mark
    ]


def _model(asked: Asked) -> str:
    spec = catalogue().get(asked.model)
    return " · ".join((asked.model, spec.size, spec.stage)) if spec else asked.model


def condition_title(condition: str, corrections: Mapping[str, Correction]) -> str:
    """A condition as lists show it: "0 · be fair", and "CoT · think step by step, round 2"."""
    id, comma, nth = condition.partition(", ")
    known = corrections.get(id)
    return f"{tick(id, corrections)} · {known.short}{comma}{nth}" if known else condition
