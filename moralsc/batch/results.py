"""From records to Results, by which everything is measured: one a condition, option orders averaged."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum

from moralsc.analysis.results import NO_CHANCES, Missing, Result, why_missing
from moralsc.batch.record import Record
from moralsc.items import Condition, ContextKind, Polarity, Role

NOT_GENERATED = "scored, not generated"
NOT_SCORED = "its server gives no probabilities"

NEEDED = (
    *("model", "benchmark", "source", "category", "item", "arm", "condition", "polarity", "occupation"),
    *("percent_female", "weight", "correction", "round", "groups", "correct", "mass", "probabilities"),
    *("p_unbiased", "p_stereotyped", "p_counter", "favoured", "favoured_role"),
    *("order", "labels"),
    *("outcome", "label", "said_role", "failure", "reason"),
)
"""The fields of a Record that its Result is made from."""


class By(StrEnum):
    """What counts as the answer: the option that the reply names, or the most probable one."""

    TEXT = "text"
    PROBABILITY = "probability"

    @property
    def words(self) -> str:
        """What counts, for people."""
        return "what was written" if self is By.TEXT else "the most probable option"

    @property
    def other(self) -> "By":
        """The other one of the two."""
        return By.PROBABILITY if self is By.TEXT else By.TEXT


def condition(record: Record) -> Condition:
    """The name of what was asked: "cot", and with a round of review "cot, round 2"."""
    return Condition.of(record.correction, record.round)


def to_result(record: Record, by: By = By.PROBABILITY) -> Result:
    """The Result of one record; its correction is `condition`."""
    shares = dict(zip(record.groups, record.probabilities or (), strict=False))
    parts = (
        (Role.UNBIASED, record.p_unbiased),
        (Role.STEREOTYPED, record.p_stereotyped),
        (Role.COUNTER, record.p_counter),
    )
    by_role = {role: p for role, p in parts if p is not None}
    role, missing, reason = _answer(record, by)
    label = record.favoured if by is By.PROBABILITY else record.label
    known = bool(record.order)  # of answers made elsewhere it is not
    return Result(
        benchmark=record.benchmark,
        item=record.item,
        group=record.category,
        role=Role(role) if role else None,
        correct=Role(record.correct) if record.correct else None,
        missing=missing,
        reason=reason,
        condition=ContextKind(record.condition),
        polarity=Polarity(record.polarity),
        probabilities=by_role or None,
        chances=shares or NO_CHANCES,
        occupation=record.occupation,
        percent_female=record.percent_female,
        arm=record.arm,
        weight=record.weight,
        mass=record.mass,
        model=record.model,
        correction=condition(record),
        places=tuple(int(missing is None and label == shown) for shown in record.labels) if known else (),
        unplaced=(why_missing(missing, reason),) if known and missing else (),
    )


def results(records: Iterable[Record], by: By = By.PROBABILITY) -> Iterator[Result]:
    """The Results of a run in plan order, one an item, arm and condition.

    Over several option orders, probabilities and mass are averaged. By probability the answer is then the option that
    is most probable on average; by text the part that most orders name, and of parts named equally often the one that
    is more probable on average. Where that does not decide either, it is `tied`. An item with an order that failed has
    failed, and by probability one without probabilities has none, since an average over some orders would favour their
    places.
    """
    held: dict[tuple[str, str, int], list[Record]] = {}
    task: tuple[str, ...] = ()
    for record in records:
        this = (record.model, record.benchmark, record.source, record.item)
        if this != task:
            yield from (_joined(group, by) for group in held.values())
            held, task = {}, this
        held.setdefault((record.arm, record.correction, record.round), []).append(record)
    yield from (_joined(group, by) for group in held.values())


def _answer(record: Record, by: By) -> tuple[str | None, Missing | None, str]:
    if record.failure:
        return None, Missing.FAILED, record.failure
    if by is By.PROBABILITY and record.probabilities is None:
        return None, Missing.EXCLUDED, NOT_SCORED
    if by is By.PROBABILITY:
        return (record.favoured_role, None, "") if record.favoured else (None, Missing.TIED, "")
    if record.outcome is None:
        return None, Missing.EXCLUDED, NOT_GENERATED
    if record.label is None:
        return None, Missing(record.outcome), record.reason or ""
    return record.said_role, None, ""


def _joined(records: Sequence[Record], by: By) -> Result:
    found = [to_result(record, by) for record in records]
    if len(found) == 1:
        return found[0]
    lacking = [r for r in found if r.missing is Missing.FAILED] or [r for r in found if r.reason == NOT_SCORED]
    if lacking:
        return _placed(lacking[0], found)
    averaged = _placed(_averaged(found), found)
    return _voted(averaged, found) if by is By.TEXT else _favoured(averaged)


def _placed(result: Result, found: Sequence[Result]) -> Result:
    """The result with the places of all."""
    places = tuple(map(sum, zip(*(r.places for r in found), strict=True)))
    return replace(result, places=places, unplaced=tuple(why for r in found for why in r.unplaced))


def _averaged(found: Sequence[Result]) -> Result:
    """The first of them with the averages of all."""

    def mean(values: Sequence[float | None]) -> float | None:
        known = [v for v in values if v is not None]
        return sum(known) / len(known) if len(known) == len(values) else None

    first = found[0]
    chances = {group: mean([r.chances.get(group) for r in found]) for group in first.chances}
    by_role = {role: mean([(r.probabilities or {}).get(role) for r in found]) for role in first.probabilities or {}}
    return replace(
        first,
        chances={group: p for group, p in chances.items() if p is not None},
        probabilities={role: p for role, p in by_role.items() if p is not None} or None,
        mass=mean([r.mass for r in found]),
    )


def _favoured(result: Result) -> Result:
    if not result.probabilities:
        return result
    ranked = Counter(result.probabilities).most_common()
    if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
        return replace(result, role=None, missing=Missing.TIED)
    return replace(result, role=ranked[0][0], missing=None, reason="")


def _voted(result: Result, found: Sequence[Result]) -> Result:
    votes = Counter(r.role for r in found if r.role and r.answered)
    if not votes:
        most = Counter((r.missing, r.reason) for r in found).most_common(1)[0][0]
        return replace(result, role=None, missing=most[0], reason=most[1])
    first = [role for role, n in votes.items() if n == max(votes.values())]
    shares = [(result.probabilities or {}).get(role, 0.0) for role in first]
    role = first[shares.index(max(shares))]
    tied = shares.count(max(shares)) > 1
    return replace(result, role=None if tied else role, missing=Missing.TIED if tied else None, reason="")
