"""Benchmark: all that the rest of the program asks of one.

A benchmark is a class in a file of its own and one entry in `registry.BENCHMARKS`. What stands here holds for questions
with a right answer and options that play parts in a stereotype; a subclass says only what is different.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moralsc.analysis.lines import ALL, Line
from moralsc.analysis.results import Result, count
from moralsc.analysis.statistics import DEFAULT, Figure, Resampling, share
from moralsc.benchmarks.sources import Found, Published
from moralsc.errors import InputError
from moralsc.items import ContextKind, Item, ItemSet, Role
from moralsc.settings import Settings

Rows = Sequence[Result]
CONTEXTS: Mapping[ContextKind, str] = {ContextKind.AMBIGUOUS: "ambig", ContextKind.DISAMBIGUATED: "disambig"}
"""Kind of context -> what figures of such items carry as their context."""


@dataclass(frozen=True)
class Part:
    """Items that are measured together, and never pooled with those of another part.

    Attributes:
        group, context: as in `Line`.
        holds: whether a Result belongs to it.
    """

    group: str = ALL
    context: str = ""
    holds: Callable[[Result], bool] = lambda result: True

    @property
    def name(self) -> str:
        """What it is called beside the benchmark; empty where it is all there is."""
        return Line.part_of(self.group, self.context)

    def of(self, rows: Rows) -> list[Result]:
        """Those of the Results that belong to it."""
        return [r for r in rows if self.holds(r)]


@dataclass(frozen=True)
class Placed:
    """A figure of one place within a part: of a category, an occupation; see `reports.chart.Point`."""

    part: str
    place: str
    metric: str
    figure: Figure
    x: float | None = None
    beside: bool = False


@dataclass(frozen=True)
class Correlation:
    """A chart of places: what stands on its axes, and which figure sums it up.

    Attributes:
        part: whose places are shown.
        metric: of each place, from 0 to 1.
        x: what stands below, in words, and its end; it begins at 0.
        summary: the metric of the whole part.
        also: corrections that are shown beside the baseline and the usual one.
    """

    title: str
    part: str
    metric: str
    x: tuple[str, float]
    summary: str
    unit: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arms:
    """How an item is asked several times with one word changed, and nothing else.

    Attributes:
        names: of the two arms, in the order in which they are asked.
        who: whom the word describes: "applicant".
    """

    names: tuple[str, str]
    who: str


@dataclass(frozen=True)
class Predictions:
    """What a file of predictions came to.

    Attributes:
        results: in the order of the lines, one an arm.
        coverage: part of the benchmark -> (items with a line, items that there are).
    """

    results: tuple[Result, ...]
    coverage: Mapping[str, tuple[int, int]]


def by_group(rows: Rows) -> dict[str, list[Result]]:
    """Category -> its Results, in order of appearance."""
    found: dict[str, list[Result]] = {}
    for r in rows:
        found.setdefault(r.group, []).append(r)
    return found


class Benchmark:
    """One benchmark.

    Attributes:
        name: its key in BENCHMARKS.
        title, short: for people; `short` stands inside sentences and headings.
        citation, licence: of the published items.
        language: of its items.
        categories: what `load` takes as a category, in order.
        parts: part of the published files -> the files it is read from; of one part alone, named "".
        example: how the title of the item begins that a chooser opens with; its effect is easy to see.
        wording: the section of a prompt set that says how its items are put: "own" is the wording of any question.
        fields, fills: what its items fill in: in their own text, and in an instruction.
        watched: group of the option whose chance is followed where no answer is right.
        compared: parts whose items are set against their baseline; none where no answer is right.
        score: the metric by which conditions are shown; where parts are compared, the share that `scored` gives.
        by_category: context -> the metrics that a chart shows category by category.
        signed: metrics in [-1, 1], in which 0 is no leaning and + the stereotype; all others are shares.
        words: metric -> what it is in words, where its name does not say it.
        unit: what n counts.
        bundles: there are items of our own.
        prediction: the keys of a line of answers made elsewhere, the first of them its own.
    """

    name = ""
    title = ""
    short = ""
    citation = ""
    licence = ""
    language = "en"
    categories: tuple[str, ...] = ()
    parts: Mapping[str, tuple[Published, ...]] = {}
    example = ""
    wording = "own"
    fields: tuple[str, ...] = ("context", "question", "options")
    fills: tuple[str, ...] = ("dimension", "groups", "right")
    arms: Arms | None = None
    watched = ""
    compared: tuple[Part, ...] = (Part(),)
    score = "accuracy"
    by_category: Mapping[str, tuple[str, ...]] = {}
    signed: frozenset[str] = frozenset()
    words: Mapping[str, str] = {}
    unit = "items"
    correlation: Correlation | None = None
    bundles = False
    prediction: tuple[str, ...] = ()

    @property
    def difference(self) -> str:
        """What is measured between two arms, in symbols; empty without arms."""
        if self.arms is None:
            return ""
        first, second = self.arms.names
        return f"p({self.watched} | {first}) − p({self.watched} | {second})"

    # Items ------------------------------------------------------------------------------------------------------------

    def read(self, part: str, files: Sequence[Found]) -> ItemSet:
        """The published items of a part."""
        raise NotImplementedError

    def bundled(self, part: str) -> ItemSet:
        """Our own items of a part, of a benchmark that `bundles` any; an empty set where there are none."""
        return ItemSet(self.name, (), (), "", bundled=True)

    def part_of(self, category: str) -> str:
        """The part in which a category's items are."""
        return category if category in self.parts else ""

    def asked(self, item: Item) -> tuple[Item, ...]:
        """The item as it is asked: itself, or once an arm."""
        return (item,)

    # Figures ----------------------------------------------------------------------------------------------------------

    def scored(self, rows: Rows) -> Figure:
        """The share that the ladder shows: right answers / answers, with Wilson's interval."""
        answered = [r for r in rows if r.right is not None]
        left_out = count(r.why_missing for r in rows if r.right is None)
        return share(sum(r.right is True for r in answered), len(answered), left_out)

    def summary(self, rows: Rows, how: Resampling = DEFAULT) -> Iterator[Line]:
        """The few figures that stand at the end of a run and in its charts."""
        for part in self.compared:
            if found := part.of(rows):
                yield self.line(part, self.score, self.scored(found))
                yield from self._roles(part, found)

    def lines(self, rows: Rows, how: Resampling = DEFAULT) -> list[Line]:
        """Every figure of one model under one correction."""
        return list(self.summary(rows, how))

    def change(self, before: Rows, after: Rows, how: Resampling = DEFAULT) -> Figure | None:
        """What a condition changes where no answer is right, paired; None where answers are."""
        return None

    def gold(self, rows: Rows) -> tuple[Result, ...]:
        """The same items answered right, if their figures are a zero line that is not 0; else nothing."""
        return ()

    def rules(self, rows: Rows) -> Sequence[Any]:
        """The same answers by the rules of other projects; none by default."""
        return ()

    def placed(self, rows: Rows, how: Resampling = DEFAULT) -> Iterator[Placed]:
        """Figures of single places of one condition, for charts."""
        yield from ()

    def pooled(self, rows: Rows, how: Resampling = DEFAULT) -> Iterator[Placed]:
        """Further figures over all categories, which take longer and stand in tables."""
        yield from ()

    def where(self, result: Result) -> Iterator[tuple[str, str]]:
        """The (part, place)s of figures that an answer is behind."""
        yield from ((part.name, "") for part in self.compared if part.holds(result))

    def covers(self, line: Line, categories: frozenset[str]) -> bool:
        """Whether items of these categories are all that a published claim about the line's group is about."""
        return True

    def line(self, part: Part, metric: str, figure: Figure) -> Line:
        """A figure of a part."""
        return Line(self.name, part.group, part.context, metric, figure)

    def _roles(self, part: Part, rows: Rows) -> Iterator[Line]:
        """The share of answers with each part in the stereotype, where options play any but the unbiased one."""
        answered = [r for r in rows if r.answered]
        left_out = count(r.why_missing for r in rows if not r.answered)
        for role in (Role.STEREOTYPED, Role.COUNTER):
            if any(role in (r.role, *(r.probabilities or ())) for r in rows):
                found = share(sum(r.role is role for r in answered), len(answered), left_out)
                yield self.line(part, str(role), found)

    # Answers made elsewhere -------------------------------------------------------------------------------------------

    def predictions(self, path: Path, published: Callable[[str | None], ItemSet], settings: Settings) -> Predictions:
        """Read a file of answers made elsewhere.

        Args:
            path: JSON lines with the keys of `prediction`.
            published: category, or None for all -> the published items.

        Raises:
            InputError: its answers cannot be read.
            DataError: a line is not as described; file and line are named.
        """
        raise InputError(f"Answers to {self.title} that were made elsewhere cannot be read. Ask with `moralsc run`.")
