"""Answers made elsewhere, one JSON line each -> Results, joined with the published items that they are about.

A line that cannot be read is an error with its number; null or a text that names no option is "unparsed", and counted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from moralsc.analysis.results import Missing, Result, of_item
from moralsc.benchmarks import BENCHMARKS, Source, admissions, bbq, load, sources
from moralsc.errors import DataError, InputError, choose
from moralsc.items import Condition, Item
from moralsc.settings import Settings

Row = Mapping[str, Any]

_PRONOUNS = ("p_f", "p_m", "p_n")
_ARMS = {"Black": "p_yes_black", "White": "p_yes_white"}
_CONDITIONS = {"ambig": Condition.AMBIGUOUS, "disambig": Condition.DISAMBIGUATED}


@dataclass(frozen=True)
class Predictions:
    """What a file of predictions came to.

    Attributes:
        results: in the order of the lines; of admissions two a line, one an arm.
        coverage: part of the benchmark -> (items with a line, items that there are).
    """

    results: tuple[Result, ...]
    coverage: Mapping[str, tuple[int, int]]


def read(benchmark: str, path: Path, settings: Settings) -> Predictions:
    """Read a file of predictions.

    Args:
        benchmark: "bbq", "winogender" or "admissions".
        path: JSON lines. bbq: {"category", "example_id", "answer"}, the answer as option index or text; winogender:
            {"template", "p_f", "p_m", "p_n"} or {"template", "answer"}; admissions: {"row", "p_yes_black",
            "p_yes_white"}. Templates and rows are counted from 0. Texts are matched whole, without case; one that
            matches nothing is unparsed, as is null. Further keys are passed over.
        settings: where the published files are.

    Raises:
        InputError: there is no such benchmark.
        DataError: a file is missing, or a line is not as described; file and line are named.
    """
    choose("benchmark", benchmark, BENCHMARKS)
    return {"bbq": _bbq, "winogender": _winogender, "admissions": _admissions}[benchmark](path, settings)


def _bbq(path: Path, settings: Settings) -> Predictions:
    known: dict[str, dict[str, Item | Result]] = {}
    found: dict[str, Result] = {}
    for place, row in sources.read_jsonl(path):
        category = _category(place, row)
        if category not in known:
            known[category] = _bbq_items(category, settings)
        id = f"{category}-{_example(place, row)}"
        _once(place, id, found)
        if id not in known[category]:
            raise DataError(f"{place}: {category} has no example_id {row['example_id']!r}.")
        answer, item = _key(place, row, "answer"), known[category][id]
        if isinstance(item, Result):
            found[id] = item
        else:
            label = _option(place, answer, item)
            found[id] = of_item(item, label, missing=None if label else Missing.UNPARSED)
    coverage = {c: (sum(id in found for id in items), len(items)) for c, items in known.items()}
    if not known:  # no line names a category: all that are here
        items = load("bbq", settings, Source.PUBLISHED)
        coverage = {"items": (0, len(items.items) + len(items.excluded))}
    return Predictions(tuple(found.values()), coverage)


def _bbq_items(category: str, settings: Settings) -> dict[str, Item | Result]:
    """Id -> the item; for a row that is no item, what every answer to it comes to."""
    items = load("bbq", settings, Source.PUBLISHED, category)
    known: dict[str, Item | Result] = {item.id: item for item in items.items}
    if not items.excluded:
        return known
    reasons = {e.id: e.reason for e in items.excluded}
    file = sources.find(sources.BBQ[category], settings)
    for _, row in sources.read_jsonl(file.path) if file else ():
        if (id := f"{category}-{row['example_id']}") in reasons:
            condition = _CONDITIONS[row["context_condition"]]
            known[id] = _excluded("bbq", id, category, reasons[id], condition)
    return known


def _winogender(path: Path, settings: Settings) -> Predictions:
    items = load("winogender", settings, Source.PUBLISHED)
    by_id: dict[str, Item | Result] = {i.id: i for i in items.items}
    by_id |= {e.id: _excluded("winogender", e.id, _winogender_group(e.id), e.reason) for e in items.excluded}
    known = [by_id[id] for id in _template_ids(settings)]
    found: dict[int, Result] = {}
    for place, row in sources.read_jsonl(path):
        index = _index(place, row, "template", len(known))
        _once(place, index, found)
        shares = _pronouns(place, row)
        item = known[index]
        if isinstance(item, Result):
            found[index] = item
        elif shares is None:
            found[index] = _by_answer(_text(place, row["answer"], "a pronoun"), item)
        else:
            found[index] = _by_probabilities(shares, item)
    return Predictions(tuple(found.values()), {"templates": (len(found), len(known))})


def _template_ids(settings: Settings) -> Iterator[str]:
    """The ids of the templates in the order of their file."""
    columns = ("occupation(0)", "other-participant(1)", "answer")
    file = sources.find(sources.TEMPLATES, settings)
    for _, row in sources.read_table(file.path, "\t", columns) if file else ():
        yield ".".join(row[column] for column in columns)


def _winogender_group(id: str) -> str:
    return "participant" if id.endswith(".1") else "occupation"


def _by_answer(text: str, item: Item) -> Result:
    """An answer alone: it counts as probability 1 of its pronoun."""
    option = next((o for o in item.options if text in {w.casefold() for w in (o.text, *o.aliases)}), None)
    if option is None:
        return of_item(item, missing=Missing.UNPARSED)
    return of_item(item, option.label, probabilities={o.label: float(o is option) for o in item.options})


def _by_probabilities(shares: Mapping[str, float], item: Item) -> Result:
    probabilities = {o.label: shares[o.group] for o in item.options}
    top = max(probabilities.values())
    favoured = [label for label, p in probabilities.items() if p == top]
    if len(favoured) > 1:
        return of_item(item, missing=Missing.TIED, probabilities=probabilities)
    return of_item(item, favoured[0], probabilities=probabilities)


def _pronouns(place: str, row: Row) -> Mapping[str, float] | None:
    """Group -> probability, renormalised; None for a line with an answer instead."""
    given = [key for key in _PRONOUNS if key in row]
    if bool(given) == ("answer" in row):
        raise DataError(f"{place}: give either an answer, or {', '.join(_PRONOUNS)}.")
    if not given:
        return None
    p_f, p_m, p_n = (_probability(place, row, key) for key in _PRONOUNS)
    total = p_f + p_m + p_n
    if total == 0:
        raise DataError(f"{place}: {', '.join(_PRONOUNS)} are all 0. At least one must be greater.")
    return {"female": p_f / total, "male": p_m / total, "neutral": p_n / total}


def _admissions(path: Path, settings: Settings) -> Predictions:
    items = load("admissions", settings, Source.PUBLISHED)
    file = sources.find(sources.LAW, settings)
    count = sum(1 for _ in sources.read_table(file.path, ",", admissions.COLUMNS)) if file else 0
    reasons = {e.id: e.reason for e in items.excluded}
    found: dict[int, tuple[Result, ...]] = {}
    for place, row in sources.read_jsonl(path):
        index = _index(place, row, "row", count)
        _once(place, index, found)
        # The loader names excluded rows from 1.
        blank = Result("admissions", f"row-{index}", admissions.CATEGORY)
        if reason := reasons.get(f"row-{index + 1}"):
            blank = _excluded("admissions", blank.item, blank.group, reason)
        chances = {arm: _probability(place, row, key) for arm, key in _ARMS.items()}
        found[index] = tuple(replace(blank, arm=arm, p_yes=None if blank.missing else p) for arm, p in chances.items())
    return Predictions(tuple(r for pair in found.values() for r in pair), {"rows": (len(found), count)})


def _excluded(benchmark: str, id: str, group: str, reason: str, condition: Condition = Condition.NONE) -> Result:
    return Result(benchmark, id, group, missing=Missing.EXCLUDED, reason=reason, condition=condition)


def _option(place: str, answer: object, item: Item) -> str | None:
    """The label that an answer names by index or by text, None if it names none."""
    if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < len(item.options):
        return item.options[answer].label
    wanted = _text(place, answer, "an option's index, 0 to 2, or its text")
    return next((o.label for o in item.options if o.text.strip().casefold() == wanted), None)


def _category(place: str, row: Row) -> str:
    category = _key(place, row, "category")
    if not isinstance(category, str):
        raise DataError(f"{place}: category must be a text. Allowed: {', '.join(bbq.CATEGORIES)}.")
    try:
        return choose("BBQ category", category, bbq.CATEGORIES)
    except InputError as error:
        raise DataError(f"{place}: {error}") from error


def _example(place: str, row: Row) -> int | str:
    id = _key(place, row, "example_id")
    if isinstance(id, bool) or not isinstance(id, (int, str)):
        raise DataError(f"{place}: example_id is {id!r}. It must be a number or a text, as in BBQ's file.")
    return id


def _index(place: str, row: Row, key: str, count: int) -> int:
    value = _key(place, row, key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise DataError(f"{place}: {key} is {value!r}. Allowed: a whole number from 0 to {count - 1}.")
    return value


def _probability(place: str, row: Row, key: str) -> float:
    value = _key(place, row, key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise DataError(f"{place}: {key} is {value!r}. Allowed: a probability from 0 to 1.")
    return float(value)


def _text(place: str, answer: object, allowed: str) -> str:
    """An answer's text without case, "" for null: a model that gave none."""
    if answer is not None and not isinstance(answer, str):
        raise DataError(f"{place}: answer is {answer!r}. Allowed: {allowed}; null or another text counts as unparsed.")
    return (answer or "").strip().casefold()


def _key(place: str, row: Row, key: str) -> Any:
    if key not in row:
        raise DataError(f"{place}: the key {key!r} is missing.")
    return row[key]


def _once(place: str, id: object, found: Mapping[Any, object]) -> None:
    if id in found:
        raise DataError(f"{place}: {id} has a line already. Give one line each.")
