"""Sizes against each other, in sentences that follow from the figures by rule."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from miniatures.evaluate import FREE, HELD_OUT, REAL
from miniatures.family import Run
from miniatures.sizes import SIZES, STAGES
from miniatures.tables import cell
from moralsc.models import Stage

_TAUGHT = (Stage.INSTRUCT, Stage.ALIGNED)
_REAL = ("winogender", "published")
_MEASURES: tuple[tuple[str, tuple[str, ...], tuple[Stage, ...]], ...] = (
    ("rho at baseline", (*_REAL, "follow-up", "baseline", "rho"), STAGES),
    ("neutral rate at specificity-2", (*_REAL, "follow-up", "specificity-2", "unbiased"), _TAUGHT),
    ("the same in held-out wordings", (*_REAL, "held-out wordings", "specificity-2", "unbiased"), _TAUGHT),
    ("chains of thought that end in an answer", ("thoughts", "parsed"), _TAUGHT),
    ("who-did-it, held-out attributes", ("reading", HELD_OUT, "person"), STAGES),
    ("who-did-it, free wording", ("reading", FREE, "person"), STAGES),
    *((f"published BBQ {c}, disambiguated, accuracy", ("bbq", c, "disambiguated", "accuracy"), STAGES) for c in REAL),
)  # fmt: skip
"""What more is better of: in words, where it stands, and for which stages."""


def compared(runs: Sequence[Run]) -> Iterator[str]:
    """Paragraphs: the rule, the count, then each stage and pair of neighbouring sizes."""
    lines, better, worse, total = [], 0, 0, 0
    for stage in STAGES:
        for small, large in pairwise(SIZES):
            found = _pair(runs, stage, small, large)
            total += sum(map(len, found.values()))
            better, worse = better + len(found["better"]), worse + len(found["worse"])
            if any(found.values()):
                parts = [f"{what} at {', '.join(names) or 'nothing'}" for what, names in found.items()]
                lines.append(f"- {large} against {small}, {stage}: {'; '.join(parts)}.")
    if not total:
        yield "Not measured: it takes two sizes of one stage."
        return
    yield (
        "A size counts as better at something if its whole interval lies above that of the smaller one, in every "
        f"pair of their seeds. So the next larger size is better in {better} of {total} comparisons and worse in "
        f"{worse}; in the other {total - better - worse} it is not better. In brackets: the larger one's figure, the "
        "smaller one's, of the first seed."
    )
    yield "\n".join(lines)


def _pair(runs: Sequence[Run], stage: Stage, small: str, large: str) -> dict[str, list[str]]:
    """ "better", "worse" and "not better" -> what the larger size is that at."""
    found: dict[str, list[str]] = {"better": [], "worse": [], "not better": []}
    for words, path, stages in _MEASURES:
        ones, others = ([f for r in runs if (r.size, r.stage) == (size, stage) and (f := r.figure(*path))]
                        for size in (large, small))  # fmt: skip
        if stage not in stages or not ones or not others:
            continue
        pairs = [(one, other) for one in ones for other in others]
        verdict = "not better"
        if all(one.above(other) for one, other in pairs):
            verdict = "better"
        elif all(other.above(one) for one, other in pairs):
            verdict = "worse"
        found[verdict].append(f"{words} ({cell(ones[0])}, {cell(others[0])})")
    return found
