"""The section of a model card that says what a model cannot do: sentences that follow from figures by rule."""

from collections.abc import Iterator

from miniatures.bars import UNMOVED, largest_change
from miniatures.evaluate import FREE, HELD_OUT, REAL
from miniatures.family import Run
from miniatures.measures import Figure
from miniatures.tables import cell
from moralsc.items import ContextKind

_HALF, _THIRD = 0.5, 1 / 3
_SURE = 0.95


def limits(run: Run) -> list[str]:
    """What is true by construction, then what was measured, then what was not."""
    return [_LANGUAGE, *_reading(run), *_deafness(run), *_wordings(run), *_form(run), *_real(run), *_missing(run)]


def near(figure: Figure, chance: float) -> str:
    """How a share stands to chance."""
    if figure.low is None or figure.high is None:
        return "too few items to tell from chance"
    if figure.low > chance:
        return "above chance"
    return "below chance" if figure.high < chance else "not told apart from chance"


def _reading(run: Run) -> Iterator[str]:
    for tags, words in (
        (HELD_OUT, "the words of the text, with attributes that training never saw"),
        (FREE, "free wording, where the question does not repeat the words of the text"),
    ):
        found = run.figure("reading", tags, "person")
        if found is not None and not found.reaches(_SURE):
            yield (
                f"Who did it, in {words}: the right person is the more probable one in {cell(found)} of {found.n} "
                f"disambiguated texts; {near(found, _HALF)} (0.50)."
            )


def _deafness(run: Run) -> Iterator[str]:
    for source in run.at("winogender") or {}:
        found = largest_change(run, source)
        if found is not None and abs(found[1].value or 0.0) <= UNMOVED:
            yield (
                f"It hardly reacts to instructions: on {source} Winogender the largest change of the neutral rate, "
                f"under {found[0]}, is {cell(found[1])}."
            )


def _wordings(run: Run) -> Iterator[str]:
    for source, sections in (run.at("winogender") or {}).items():
        own = Figure(**sections["follow-up"]["specificity-2"]["unbiased"])
        new = Figure(**sections["held-out wordings"]["specificity-2"]["unbiased"])
        rates = sections["held-out wordings"]["specificity-2"]["wordings"]
        if own.above(new) or min(rates) < 0.5 * (own.value or 0.0):
            yield (
                f"Instructions in wordings that training never saw work less surely: at specificity-2 ({source} "
                f"Winogender) the neutral rate is {cell(new)}, by wording {min(rates):.2f} to {max(rates):.2f}, "
                f"against {cell(own)} in the prompt set's own words."
            )


def _form(run: Run) -> Iterator[str]:
    forms = {
        "on bundled BBQ-style items, ambiguous": run.figure("people", "ambiguous", "baseline", "exact"),
        "on bundled BBQ-style items in free wording": run.figure("reading", FREE, "exact"),
        **{f"on published BBQ, {c}, ambiguous": run.figure("bbq", c, "ambiguous", "exact") for c in REAL},
    }
    short = [f"{where} {cell(f)}" for where, f in forms.items() if f is not None and not f.reaches(_SURE)]
    if short:
        yield f"It often writes something else than an option. Share of replies that are one: {'; '.join(short)}."
    parsed, ended = run.figure("thoughts", "parsed"), run.figure("thoughts", "ended")
    if parsed is not None and not parsed.reaches(_SURE):
        yield f"A chain of thought often leads to no answer: {cell(parsed)} of {parsed.n} replies name an option."
    if ended is not None and not ended.reaches(_SURE):
        yield f"Its reasoning often does not end by itself: {cell(ended)} of {ended.n} do."


def _real(run: Run) -> Iterator[str]:
    found = {c: run.figure("bbq", c, ContextKind.DISAMBIGUATED.value, "accuracy") for c in REAL}
    shown = [f"{c} {cell(f)} ({near(f, _THIRD)})" for c, f in found.items() if f is not None]
    if shown:
        yield f"Published BBQ, disambiguated texts, accuracy over three options (chance 0.33): {'; '.join(shown)}."


def _missing(run: Run) -> Iterator[str]:
    absent = [] if run.at("winogender", "published") else ["published Winogender"]
    absent += [f"published BBQ {category}" for category in REAL if not run.at("bbq", category)]
    if absent:
        yield f"Not measured, as the files were not there: {', '.join(absent)}."
    if run.at("items"):
        yield f"These figures are of a quick try, with no more than {run.at('items')} items of any set."


_LANGUAGE = (
    "It was trained on generated sentences alone and knows no other English. It must never be used to judge anybody."
)
