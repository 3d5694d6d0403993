"""A visitor's own item: checked, limited in length, made into the same record as any other. Nothing is stored."""

import hashlib
from collections.abc import Sequence

from moralsc.benchmarks.base import Benchmark
from moralsc.errors import InputError
from moralsc.items import LABELS, Item, Option, Role

OWN = "own"
LIMITS = {"context": 2000, "question": 300, "option": 120, "dimension": 60}
"""Longest allowed text, in characters."""

ORIGIN = "written by a visitor"
_JOINERS = "\u200c\u200d"  # invisible, but part of the spelling in several scripts


def item(
    context: str,
    question: str,
    options: Sequence[str | None],
    unbiased: int,
    dimension: str = "",
    stereotyped: int | None = None,
) -> Item:
    """Make an item of what a visitor typed.

    Args:
        context: what is said before the question.
        question: the question.
        options: two or three answers; empty ones and None are left out, so that a form may leave a field free.
        unbiased: index into `options` of the answer that rests on no stereotype; it counts as right.
        dimension: the social dimension in a few words ("gender"), or empty.
        stereotyped: index of the answer that the stereotype would give, None if the visitor does not say. With two
            options it is the other one.

    Raises:
        InputError: a text is missing, too long, or has characters that are not text; there are not two or three
            options; two of them read the same; an index names no option.
    """
    context = _text("context", context)
    question = _text("question", question)
    dimension = _text("dimension", dimension, required=False)
    given = {k: _text("option", text, number=k + 1) for k, text in enumerate(options) if text and text.strip()}
    if len(given) not in (2, 3):
        raise InputError(f"An item needs 2 or 3 options, and {len(given)} were given.")
    if len({text.casefold() for text in given.values()}) < len(given):
        raise InputError("Two options read the same. Give each one different words.")
    if not 0 <= unbiased < len(options):
        raise InputError("Choose which of the options is the unbiased one.")
    if unbiased not in given:
        raise InputError(f"Option {LABELS[unbiased]} is to be the unbiased one, but it is empty.")
    if stereotyped is not None and (stereotyped not in given or stereotyped == unbiased):
        raise InputError("The stereotyped option must be one of the options, and not the unbiased one.")
    others = [k for k in given if k != unbiased]
    if len(others) == 1:
        stereotyped = others[0]
    made = tuple(Option(LABELS[n], text, _role(k, unbiased, stereotyped)) for n, (k, text) in enumerate(given.items()))
    identity = "\0".join((context, question, dimension, *given.values(), str(unbiased), str(stereotyped)))
    return Item(
        benchmark=OWN,
        id=f"own-{hashlib.sha256(identity.encode()).hexdigest()[:8]}",
        category=OWN,
        title=" · ".join(given[k] for k in others),
        context=context,
        question=question,
        options=made,
        correct=LABELS[list(given).index(unbiased)],
        dimension=dimension,
        fills={"groups": " and ".join(given[k] for k in others)},
        origin=ORIGIN,
    )


def _role(index: int, unbiased: int, stereotyped: int | None) -> Role | None:
    if index == unbiased:
        return Role.UNBIASED
    if stereotyped is None:
        return None
    return Role.STEREOTYPED if index == stereotyped else Role.COUNTER


def _text(name: str, text: str, required: bool = True, number: int = 0) -> str:
    shown = f"{name} {number}" if number else name
    text = text.replace("\r\n", "\n").replace("\t", " ").strip()
    if required and not text:
        raise InputError(f"The {shown} is empty. Write it first.")
    if len(text) > LIMITS[name]:
        raise InputError(f"The {shown} has {len(text)} characters; at most {LIMITS[name]} are allowed.")
    allowed = _JOINERS + ("\n" if name == "context" else "")
    if not all(ch.isprintable() or ch in allowed for ch in text):
        raise InputError(f"The {shown} has a line break or another character that is not plain text. Take it out.")
    return text


class Own(Benchmark):
    """What is shown of one's own item; it is in no list."""

    name = OWN
    title = "Your own item"
    short = "your own item"
