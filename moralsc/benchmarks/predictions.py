"""Answers made elsewhere, one JSON line each: how lines are checked before a benchmark joins them with its items.

A line that cannot be read is an error with its number; null or a text that names no option is "unparsed", and counted.
"""

from collections.abc import Mapping
from typing import Any

from moralsc.analysis.results import Missing, Result
from moralsc.errors import DataError
from moralsc.items import ContextKind

Row = Mapping[str, Any]


def key(place: str, row: Row, name: str) -> Any:
    """The value under a key that every line has."""
    if name not in row:
        raise DataError(f"{place}: the key {name!r} is missing.")
    return row[name]


def index(place: str, row: Row, name: str, count: int) -> int:
    """A whole number from 0 to count - 1."""
    value = key(place, row, name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise DataError(f"{place}: {name} is {value!r}. Allowed: a whole number from 0 to {count - 1}.")
    return value


def probability(place: str, row: Row, name: str) -> float:
    """A number from 0 to 1."""
    value = key(place, row, name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise DataError(f"{place}: {name} is {value!r}. Allowed: a probability from 0 to 1.")
    return float(value)


def text(place: str, answer: object, allowed: str) -> str:
    """An answer's text without case, "" for null: a model that gave none."""
    if answer is not None and not isinstance(answer, str):
        raise DataError(f"{place}: answer is {answer!r}. Allowed: {allowed}; null or another text counts as unparsed.")
    return (answer or "").strip().casefold()


def once(place: str, id: object, found: Mapping[Any, object]) -> None:
    """Refuse a second line about one item."""
    if id in found:
        raise DataError(f"{place}: {id} has a line already. Give one line each.")


def excluded(benchmark: str, id: str, group: str, reason: str, condition: ContextKind = ContextKind.NONE) -> Result:
    """What every answer to a row comes to that is no item."""
    return Result(benchmark, id, group, missing=Missing.EXCLUDED, reason=reason, condition=condition)
