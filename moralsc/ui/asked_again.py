"""What came of asking an item card again, as plain values for its template: a row for each text and each figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from moralsc.answers import Score, is_small
from moralsc.notation import number, options_hold, percent
from moralsc.ui.views import View, inert, keyed

if TYPE_CHECKING:
    from moralsc.experiment.again import Again, Match
    from moralsc.experiment.card import Card

_BEFORE, _LONGEST = 12, 60
_HOLD = "the options hold together"
_CLASSES = {"same": "m-same", "within tolerance": "m-within", "different": "m-differs", "not measured": ""}


def view(card: Card, again: Sequence[Again], weights: str, mark: str = "") -> View:
    """Every turn with what stands on the card, what came now, and how the two compare.

    Args:
        weights: the hash or revision of those that answered now.
        mark: what has to stand with every answer of a miniature.
    """
    turns = [
        {"title": f"{k}. {found.step.title}", **_said(found.match), "rows": _rows(card, found)}
        for k, found in enumerate(again, 1)
    ]
    return keyed(inert({"lines": _lines(card, again, weights, mark), "kind": "", "turns": turns}))


def sentence(text: str, problem: bool = False) -> View:
    """One sentence instead of a table."""
    return keyed(inert({"lines": [text], "kind": "m-problem" if problem else "", "turns": []}))


def _lines(card: Card, again: Sequence[Again], weights: str, mark: str) -> list[str]:
    from moralsc.experiment.again import Match

    said = [mark] if mark else []
    before = card.provenance.get("weights", "")
    if before and before != weights:
        said.append(f"The card is of other weights ({before}) than those here ({weights}).")
    if len(again) < len(card.steps):
        said.append(f"Stopped after {len(again)} of {len(card.steps)} turns.")
    if without := [str(k) for k, found in enumerate(again, 1) if Match.NOT_MEASURED in found.matches]:
        turns = f"turn{'s' if len(without) > 1 else ''} {', '.join(without)}"
        said.append(f"The log-probabilities of {turns} could not be measured again: the model gave none this time.")
    for k, found in enumerate(again, 1):
        if found.logprobs is not None and is_small(mass := _mass(card, found.logprobs)):
            said.append(f"Turn {k}: {options_hold(mass)}")
    return said


def _rows(card: Card, found: Again) -> list[View]:
    from moralsc.experiment.again import Match

    rows = list[View]()
    for written, now, place in zip(found.step.written, found.texts, found.differs_at, strict=True):
        name = "reasoning" if written.reasoning else "answer"
        match = Match.SAME if place is None else Match.DIFFERENT
        name += f", from character {place + 1} on" if place is not None else ""
        rows.append({"name": name, "then": _part(written.reply, place), "now": _part(now, place), **_said(match)})
    if (scored := found.step.scored) is not None:
        texts = {option.label: option.text for option in card.options}
        given = found.logprobs or (None,) * len(scored.logprobs)
        for label, old, new, match in zip(scored.labels, scored.logprobs, given, found.matches, strict=True):
            shift = "" if new is None or match is Match.SAME else f" by {abs(old - new):.1g}"
            name = f"log p of “{texts.get(label, label)}”"
            shown = "none" if new is None else number(new, 4)
            rows.append({"name": name, "then": number(old, 4), "now": shown, **_said(match, shift)})
        now = "none" if found.logprobs is None else percent(_mass(card, found.logprobs))
        rows.append({"name": _HOLD, "then": percent(_mass(card, scored.logprobs)), "now": now, "match": "", "cls": ""})
    return rows


def _mass(card: Card, logprobs: Sequence[float]) -> float:
    return Score(tuple(option.label for option in card.options), tuple(logprobs), card.scored_by).mass


def _said(match: Match, more: str = "") -> View:
    return {"match": f"{match}{more}", "cls": _CLASSES[match]}


def _part(text: str, place: int | None) -> str:
    """The text around what differs, or its beginning."""
    start = max(0, place - _BEFORE) if place is not None else 0
    shown = " ".join(text[start : start + _LONGEST].split())
    return f"“{'…' if start else ''}{shown}{'…' if len(text) > start + _LONGEST else ''}”"
