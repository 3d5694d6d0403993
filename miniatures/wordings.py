"""The wordings of instructions in the corpus: wordings.toml, what training sees and what is held out from it."""

import random
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from moralsc.errors import DataError
from moralsc.prompts import BE_FAIR, Correction, default_prompts
from moralsc.prompts.checker import placeholders

HELD_OUT = 6
"""How many wordings of each list are held out; as many everywhere, so that every rung weighs the same."""
WITH_OPENING = 0.5
"""Share of wordings that training opens with something else."""

_FILE = "wordings.toml"
_KINDS = ("fair", "unfair", "idle")
# Own items are two-person items and take their wordings.
_SAME = {"own": "bbq"}
# Words that keep their capital letter inside a sentence.
_CAPITAL = re.compile(r"(?:I|Black|White|[A-Z]{2,})\b")


@dataclass(frozen=True)
class Wordings:
    """The wordings of one correction for one benchmark: texts with placeholders."""

    training: tuple[str, ...]
    held_out: tuple[str, ...]


@dataclass(frozen=True)
class Phrasebook:
    """A checked file of wordings.

    Attributes:
        openings: what may stand before a wording, with {X} or {x} for it; as the head of wordings.toml explains.
        tables: correction -> "all", a benchmark or, of feedback, a kind of remark -> its wordings.
    """

    openings: tuple[str, ...]
    tables: Mapping[str, Mapping[str, Wordings]]


def wordings(correction: str, benchmark: str) -> Wordings | None:
    """The wordings, or None where the correction has none of its own for the benchmark."""
    table = _phrasebook().tables.get(BE_FAIR if correction == "cot" else correction, {})
    return table.get("all") or table.get(_SAME.get(benchmark, benchmark))


def remark(rng: random.Random, kind: str) -> str:
    """What a reader says about an answer in training: `kind` is fair, unfair or idle."""
    return rng.choice(_phrasebook().tables["feedback"][kind].training)


def reworded(rng: random.Random, text: str) -> str:
    """The text, in about half of the cases with a drawn opening. Its placeholders stay as they are."""
    if rng.random() >= WITH_OPENING:
        return text
    opening = rng.choice(_phrasebook().openings)
    if "{X}" in opening:
        return opening.replace("{X}", text)
    lowered = text if _CAPITAL.match(text) else text[:1].lower() + text[1:]
    return opening.replace("{x}", lowered) if "{x}" in opening else f"{opening} {lowered}"


def read_phrasebook(text: str, file: str) -> Phrasebook:
    """Read and check wordings.

    Args:
        text: TOML of the form of wordings.toml.
        file: its name, for complaints.

    Raises:
        DataError: it is not TOML, a list is missing, or a key or placeholder is unknown. File and key are named.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{file}: not a TOML file ({error}).") from error
    openings = _texts(file, "openings", data.pop("openings", None), {"x", "X"})
    corrections = {c.id: c for c in default_prompts().corrections.values() if not c.reasoning and c.id != "custom"}
    _known(file, "", data, corrections)
    return Phrasebook(openings, {id: _table(file, corrections[id], table) for id, table in data.items()})


def _table(file: str, correction: Correction, table: Any) -> dict[str, Wordings]:
    parts = ("training", "held_out")
    _known(file, correction.id, table, parts)
    keys = _KINDS if correction.needs_text else ("all", *correction.texts)
    for part in parts:
        _known(file, f"{correction.id}.{part}", table.get(part), keys)
    found = {}
    for key in {**table["training"], **table["held_out"]}:
        own = [placeholders(t) for benchmark, t in correction.texts.items() if key in ("all", *_KINDS, benchmark)]
        allowed = set.intersection(*own) - {"text"}
        found[key] = Wordings(*(_texts(file, f"{correction.id}.{p}.{key}", table[p].get(key), allowed) for p in parts))
    return found


def _known(file: str, key: str, table: Any, allowed: Collection[str]) -> None:
    if not isinstance(table, dict):
        raise DataError(f"{file}: {key}: must be a table with keys out of: {', '.join(allowed)}.")
    for name in table:
        if name not in allowed:
            raise DataError(f"{file}: {key or 'top level'}: unknown key {name!r}. Allowed: {', '.join(allowed)}.")


def _texts(file: str, key: str, texts: Any, allowed: set[str]) -> tuple[str, ...]:
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) and t for t in texts):
        raise DataError(f"{file}: {key}: must be a list of texts.")
    for text in texts:
        try:
            unknown = placeholders(text) - allowed
        except ValueError as error:
            raise DataError(f"{file}: {key}: braces are not closed in {text!r}.") from error
        if unknown:
            raise DataError(
                f"{file}: {key}: unknown placeholder {{{min(unknown)}}} in {text!r}. "
                f"Allowed: {', '.join(sorted(allowed)) or 'none'}."
            )
    return tuple(texts)


@cache
def _phrasebook() -> Phrasebook:
    return read_phrasebook(resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8"), _FILE)
