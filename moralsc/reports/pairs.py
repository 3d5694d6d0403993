"""Any two conditions, of one run or of two, over the items that both answered: flips with their test and their items.

The statistics are `analysis.correction`'s; here it is decided what is set against what.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from moralsc.analysis.correction import Comparison, compare, corrected
from moralsc.analysis.mass import SMALL, median_mass
from moralsc.analysis.mass import with_interval as mass_cell
from moralsc.analysis.results import Result
from moralsc.analysis.statistics import DEFAULT, Figure, Resampling
from moralsc.answers import is_small
from moralsc.batch.results import By
from moralsc.batch.summary import by_condition
from moralsc.benchmarks import benchmark_of
from moralsc.dialogue import Mode
from moralsc.errors import InputError, choose
from moralsc.items import BASELINE, Condition
from moralsc.notation import signed
from moralsc.reports.runs import Run
from moralsc.reports.words import counted, interval, p_value, value


@dataclass(frozen=True)
class Wanted:
    """A condition as a person names it; what is empty was left open."""

    model: str = ""
    correction: str = ""
    round: int = 0
    mode: str = ""

    @classmethod
    def read(cls, text: str) -> "Wanted":
        """Read MODEL[/CORRECTION[/ROUND][/MODE]], such as "mini-s-instruct/cot/1" or "/baseline".

        Raises:
            InputError: there is more than that, or a round or mode that cannot be.
        """
        model, _, rest = text.partition("/")
        correction, *more = (part.strip() for part in rest.split("/"))
        made = cls(model.strip(), correction)
        for part in filter(None, more):
            if part.isascii() and part.isdigit():
                made = replace(made, round=int(part[:4]))
            else:
                made = replace(made, mode=choose("mode", part, Mode))
        if len(more) > 2 or (made.round and made.correction in ("", BASELINE)):
            raise InputError(f"{text!r} names no condition. Write MODEL/CORRECTION, then /ROUND and /MODE if you like.")
        return made

    @property
    def condition(self) -> str:
        """As Results name it; empty if it was left open."""
        return Condition.of(self.correction, self.round)


@dataclass(frozen=True)
class Side:
    """One side of a comparison."""

    run: str
    model: str
    condition: str
    mode: str

    @property
    def label(self) -> str:
        """For people."""
        return " ".join(filter(None, (self.model, self.condition, f"({self.run})")))


@dataclass(frozen=True)
class Pair:
    """Two conditions over one part of one benchmark.

    Attributes:
        test: None where no answer is right; p_holm is corrected for all pairs of this part.
        change: what then changes instead: a figure of b minus that of a, paired.
        masses: of a and of b: the median of what the options hold.
    """

    a: Side
    b: Side
    benchmark: str
    part: str
    masses: tuple[Figure, Figure]
    test: Comparison | None = None
    change: Figure | None = None

    @property
    def figure(self) -> Figure:
        """What b has more than a."""
        found = self.test.gain if self.test else self.change
        assert found is not None
        return found


@dataclass(frozen=True)
class Compared:
    """All pairs that were asked for, with the sentences without which they would mislead."""

    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]


def compare_runs(
    a: Run, b: Run, left: Wanted = Wanted(), right: Sequence[Wanted] = (), how: Resampling = DEFAULT
) -> Compared:
    """Set conditions of run b against those of run a, which may be the same run.

    Without `right`: within one run every other condition of the model against `left` (its baseline, if that is open
    too; of every model, if none is named); over two runs every condition against the same one.

    Raises:
        InputError: a model, condition or mode is not there, options were scored in two ways, or no item is in both.
    """
    pairs = [pair for x, y in _sides(a, b, left, right) for pair in _compared(a, b, x, y, how)]
    if not pairs:
        raise InputError("There is nothing to compare: no benchmark was asked in both conditions.")
    names = dict.fromkeys((p.benchmark, p.part) for p in pairs)
    ordered = [_holm([p for p in pairs if (p.benchmark, p.part) == name]) for name in names]
    return Compared(tuple(p for family in ordered for p in family), tuple(dict.fromkeys(_notes(a, b, pairs))))


def _sides(a: Run, b: Run, left: Wanted, right: Sequence[Wanted]) -> Iterator[tuple[Side, Side]]:
    if right:
        x = _side(a, replace(left, correction=left.correction or BASELINE))
        for wanted in right:
            model = wanted.model or (x.model if x.model in b.models else "")
            if not wanted.correction:
                wanted = replace(wanted, correction=left.correction or BASELINE)
            yield x, _side(b, replace(wanted, model=model))
        return
    if a is b:
        for model in (left.model,) if left.model else a.models:
            x = _side(a, replace(left, model=model, correction=left.correction or BASELINE))
            for condition in _conditions(a, model):
                if condition != x.condition:
                    yield x, replace(x, condition=condition, mode=_mode(a, model, condition))
        return
    first = _side(a, replace(left, correction=left.correction or BASELINE)).model
    second = first if first in b.models else _only_model(b)
    there = set(_conditions(b, second))
    for condition in (left.condition,) if left.correction else _conditions(a, first):
        if condition in there:
            yield (
                Side(a.name, first, condition, _mode(a, first, condition)),
                Side(b.name, second, condition, _mode(b, second, condition)),
            )


def _side(run: Run, wanted: Wanted) -> Side:
    model = choose(f"model in {run.name}", wanted.model, run.models) if wanted.model else _only_model(run)
    condition = choose(f"condition of {model} in {run.name}", wanted.condition, _conditions(run, model))
    mode = _mode(run, model, condition)
    if wanted.mode and mode and wanted.mode != mode:
        raise InputError(f"{run.name} asked {condition} in mode {mode}. Name another run for {wanted.mode}.")
    return Side(run.name, model, condition, mode)


def _only_model(run: Run) -> str:
    if len(run.models) != 1:
        raise InputError(f"{run.name} has {len(run.models)} models. Name one: {', '.join(run.models)}.")
    return next(iter(run.models))


def _conditions(run: Run, model: str) -> list[str]:
    found = (r.correction for (name, _), rows in run.results.items() if name == model for r in rows)
    return list(dict.fromkeys(found))


def _mode(run: Run, model: str, condition: str) -> str:
    return "" if condition == BASELINE else run.models[model].mode


def _compared(a: Run, b: Run, x: Side, y: Side, how: Resampling) -> Iterator[Pair]:
    first, second = a.models[x.model], b.models[y.model]
    if By.PROBABILITY in (a.by, b.by) and first.scored_by != second.scored_by:
        raise InputError(
            f"{x.model} was scored by {first.scored_by} and {y.model} by {second.scored_by} of the options, which are "
            "never compared. Where both runs generated every answer, --by text compares what was written."
        )
    for benchmark in (name for model, name in a.results if model == x.model):
        if (y.model, benchmark) not in b.results:
            continue
        rows = by_condition(a.results[x.model, benchmark]).get(x.condition, [])
        others = by_condition(b.results[y.model, benchmark]).get(y.condition, [])
        if rows and others:
            yield from _parts(x, y, benchmark, rows, others, how)


def _parts(
    x: Side, y: Side, benchmark: str, rows: Sequence[Result], others: Sequence[Result], how: Resampling
) -> Iterator[Pair]:
    of = benchmark_of(rows[0].benchmark)
    if changed := of.change(rows, others, how):
        yield Pair(x, y, benchmark, "", (median_mass(rows), median_mass(others)), change=changed)
    for part in of.compared:
        before, after = part.of(rows), part.of(others)
        if before or after:
            masses = median_mass(before), median_mass(after)
            yield Pair(x, y, benchmark, part.name, masses, compare(before, after, how=how))


def _holm(pairs: Sequence[Pair]) -> list[Pair]:
    tests = iter(corrected(p.test for p in pairs if p.test))
    return [replace(p, test=next(tests)) if p.test else p for p in pairs]


def _notes(a: Run, b: Run, pairs: Sequence[Pair]) -> Iterator[str]:
    for run in (a, b):
        if run.incomplete:
            yield f"{run.name} is {run.incomplete} records."
    for name, asked in ((p.model, run.models[p.model]) for pair in pairs for p, run in ((pair.a, a), (pair.b, b))):
        if asked.mark:
            yield f"{name}: {asked.mark}."
    if a.by is not b.by:
        yield "One run is read by what was written, the other by the most probable option."
    for key in a.head.get("data", {}).keys() & b.head.get("data", {}).keys():
        before, after = (run.head["data"][key] for run in (a, b))
        if (before["files"], before["here"]) != (after["files"], after["here"]):
            yield f"The items of {key} come from different files: an item of one id may not be the same in both."
    held = {(s, p.benchmark, p.part): m for p in pairs for s, m in zip((p.a, p.b), p.masses, strict=True)}
    if small := sum(is_small(mass.value) for mass in held.values()):
        yield f"In {small} of {len(held)} conditions and their items {SMALL}"
    if _worded_otherwise(*(run.head.get("prompts", {}) for run in (a, b))):
        yield "The runs used different texts: what their prompt sets have in common is not worded alike."


def _worded_otherwise(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two runs worded something differently that both sent; false where that is not known, as of an earlier
    build's run beside one of this."""
    first, second = a.get("texts"), b.get("texts")
    if first and second:
        return any(first[name] != second[name] for name in first.keys() & second.keys())
    return not first and not second and a.get("hash") != b.get("hash")


def records(compared: Compared) -> list[Mapping[str, Any]]:
    """The pairs as plain values, with the items behind every count."""
    return [_plain(pair) for pair in compared.pairs]


def _plain(pair: Pair) -> dict[str, Any]:
    plain: dict[str, Any] = {"a": asdict(pair.a), "b": asdict(pair.b), "benchmark": pair.benchmark, "part": pair.part}
    plain["difference"] = _figure(pair.figure)
    plain["mass"] = {name: _figure(mass) for name, mass in zip("ab", pair.masses, strict=True)}
    if test := pair.test:
        plain |= {
            "n": test.n,
            "excluded": dict(test.excluded),
            "flips": [{"a": _judged(x), "b": _judged(y), "items": items} for (x, y), items in test.flips.items()],
            "roles": [{"a": x, "b": y, "items": items} for (x, y), items in test.moves.items()],
            "p": test.p,
            "p_holm": test.p_holm,
            "needed": test.needed,
            "small_mass": sorted(test.small_mass),
        }
    return plain


def _figure(figure: Figure) -> dict[str, Any]:
    return asdict(figure) | {"excluded": dict(figure.excluded)}


def _judged(right: bool) -> str:
    return "right" if right else "wrong"


def table(compared: Compared) -> list[tuple[str, ...]]:
    """A header and a row for each pair."""
    header = ("a", "b", "benchmark", "items", "n", "both right", "lost", "won", "both wrong", "b - a", "95 % interval")
    rows: list[tuple[str, ...]] = [(*header, "p", "p (Holm)", "n needed", "left out", "mass a", "mass b")]
    for pair in compared.pairs:
        test, figure = pair.test, pair.figure
        cells: tuple[str, ...] = ("",) * 4
        tests: tuple[str, ...] = ("",) * 3
        if test:
            cells = tuple(str(len(test.flips[cell])) for cell in _CELLS)
            tests = (p_value(test.p), p_value(test.p_holm), str(test.needed or ""))
        shown = value(figure) if figure.value is None else signed(figure.value, 3)
        excluded = test.excluded if test else figure.excluded
        rows.append(
            (
                *(pair.a.label, pair.b.label, pair.benchmark, pair.part, str(figure.n), *cells),
                *(shown, interval(figure), *tests, counted(excluded), *map(mass_cell, pair.masses)),
            )
        )
    return rows


_CELLS = ((True, True), (True, False), (False, True), (False, False))


def squares(pair: Pair) -> list[list[tuple[str, ...]]]:
    """The 2x2 table of right and wrong and the table of roles, each with a header; rows are a, columns b."""
    if pair.test is None:
        return []
    flips = {(_judged(x), _judged(y)): items for (x, y), items in pair.test.flips.items()}
    return [_square(flips, ("right", "wrong")), _square(pair.test.moves, _roles(pair.test.moves))]


def _roles(moves: Mapping[tuple[str, str], Sequence[str]]) -> tuple[str, ...]:
    known = ("unbiased", "stereotyped", "counter-stereotyped")
    return (*known, *sorted({name for move in moves for name in move} - set(known)))


def _square(cells: Mapping[tuple[str, str], Sequence[str]], names: Sequence[str]) -> list[tuple[str, ...]]:
    rows = [(x, *(str(len(cells.get((x, y), ()))) for y in names)) for x in names]
    return [("a \\ b", *names), *rows]
