"""Winogender, admissions, self-correction and claims on rows worked out by hand."""

from dataclasses import replace

import pytest
from answered import ambig

from moralsc.analysis.claims import Claim, Measured, Part, Verdict, claims, judge
from moralsc.analysis.correction import compare, compliance, corrected, resistance
from moralsc.analysis.lines import Line
from moralsc.analysis.results import Missing, Result
from moralsc.analysis.statistics import Figure, Resampling
from moralsc.benchmarks import BENCHMARKS, admissions, winogender
from moralsc.dialogue import Mode
from moralsc.errors import InputError
from moralsc.items import Role
from moralsc.models import catalogue

FEW = Resampling(200, seed=1)


def pronoun(occupation: str, percent: float, p_f: float, p_n: float = 0.0, group: str = "occupation") -> Result:
    return Result(
        benchmark="winogender",
        item=f"{occupation}.{group}",
        group=group,
        role=Role.UNBIASED if p_n > 0.5 else Role.STEREOTYPED,
        correct=Role.UNBIASED,
        chances={"female": p_f, "male": 1 - p_f - p_n, "neutral": p_n},
        occupation=occupation,
        percent_female=percent,
    )


def test_rho_is_pearsons_correlation_over_occupations() -> None:
    rows = [pronoun("a", 10, 0.2), pronoun("b", 50, 0.2), pronoun("c", 90, 0.8)]
    # deviations (-.2, -.2, .4) and (-40, 0, 40): 24 / sqrt(.24 * 3200)
    assert winogender.rho(rows, FEW).value == pytest.approx(24 / (0.24 * 3200) ** 0.5)


def test_the_two_items_of_an_occupation_are_averaged_first() -> None:
    rows = [pronoun("a", 10, 0.1), pronoun("a", 10, 0.5, group="participant"), pronoun("b", 90, 0.9)]
    rows.append(pronoun("c", 20, 0.3, group="participant"))
    figure = winogender.rho(rows, FEW)
    assert figure.n == 3
    pooled = [pronoun("a", 10, 0.3), pronoun("b", 90, 0.9), pronoun("c", 20, 0.3)]
    assert figure.value == pytest.approx(winogender.rho(pooled, FEW).value)


def test_always_they_has_no_rho_and_its_means_stand_beside() -> None:
    rows = [pronoun(name, percent, 0.0, 1.0) for name, percent in (("a", 10), ("b", 50), ("c", 90))]
    found = {(line.group, line.metric): line.figure for line in BENCHMARKS["winogender"].lines(rows, FEW)}
    assert found["occupation", "rho"].value is None
    assert [found["full", metric].value for metric in ("p_f", "p_m", "p_n", "neutral_rate")] == [0, 0, 1, 1]


def test_unread_pronouns_are_named_and_count_for_nothing() -> None:
    lost = replace(pronoun("b", 50, 0.2), role=None, missing=Missing.UNPARSED, chances={})
    rows = [pronoun("a", 10, 0.0, 1.0), lost]
    found = {line.metric: line.figure for line in BENCHMARKS["winogender"].lines(rows, FEW)}
    assert found["neutral_rate"].value == found["p_n"].value == 1
    assert found["neutral_rate"].excluded == found["p_n"].excluded == found["rho"].excluded == {"unparsed": 1}


def arms(item: str, black: float | None, white: float | None, weight: int = 1) -> list[Result]:
    return [
        Result("admissions", item, "law school", arm=arm, chances={} if p is None else {"yes": p}, weight=weight)
        for arm, p in (("Black", black), ("White", white))
    ]


def test_the_gap_is_paired_and_weighs_students() -> None:
    figure = admissions.gap(arms("x", 0.5, 0.7, 3) + arms("y", 0.6, 0.2), FEW)
    assert figure.value == pytest.approx((3 * -0.2 + 0.4) / 4)
    assert figure.n == 4


def test_a_weighted_item_is_its_students_one_by_one() -> None:
    together = admissions.gap(arms("x", 0.5, 0.7, 2) + arms("y", 0.6, 0.2), FEW)
    apart = admissions.gap(arms("x1", 0.5, 0.7) + arms("x2", 0.5, 0.7) + arms("y", 0.6, 0.2), FEW)
    assert together == apart


def test_a_pair_with_one_arm_is_left_out_by_name() -> None:
    assert admissions.gap(arms("x", 0.5, 0.5)[:1], FEW).value is None
    assert admissions.gap(arms("x", 0.5, None, 7) + arms("y", 0.5, 0.25), FEW).excluded == {"only one arm": 7}


BEFORE = ("unknown", "unknown", "biased", "biased", "counter", "unparsed", "unknown")
AFTER = ("unknown", "biased", "unknown", "unknown", "unknown", "unknown", "refused")


def test_flips_are_counted_both_ways_with_their_items() -> None:
    made = compare(ambig(*BEFORE), ambig(*AFTER, correction="specificity-0"), how=FEW)
    assert (made.before, made.after, made.n) == ("baseline", "specificity-0", 5)
    assert made.excluded == {"refused": 1, "unparsed": 1}
    assert made.flips[True, False] == ("Age-ambiguous-1",)
    assert made.flips[False, True] == ("Age-ambiguous-2", "Age-ambiguous-3", "Age-ambiguous-4")
    assert made.moves["unbiased", "stereotyped"] == ("Age-ambiguous-1",)
    assert made.gain.value == pytest.approx((3 - 1) / 5)
    assert made.p == pytest.approx(2 * (1 + 4) / 2**4)
    assert made.needed is not None


def test_compliance_looks_at_items_that_were_not_stereotyped_before() -> None:
    before, after = ambig(*BEFORE), ambig(*AFTER, correction="negation-0")
    figure = compliance(before, after)
    assert figure.value == 1 / 3
    assert figure.excluded == {"refused": 1, "stereotyped before": 2, "unparsed": 1}
    assert resistance(before, after).value == pytest.approx(1 - 1 / 3)


def test_items_of_one_side_alone_are_counted() -> None:
    made = compare(ambig("unknown", "biased"), ambig("unknown"), how=FEW)
    assert made.n == 1
    assert made.excluded == {"not in both conditions": 1}


def test_no_common_item_gives_null() -> None:
    made = compare(ambig("unparsed"), ambig("unknown"), how=FEW)
    assert (made.gain.value, made.p, made.needed) == (None, None, None)


def test_an_item_twice_is_refused() -> None:
    with pytest.raises(InputError, match="each item once"):
        compare(ambig("unknown") * 2, ambig("unknown"), how=FEW)


def test_many_conditions_are_corrected_together() -> None:
    base = ambig(*["biased"] * 6)
    made = [compare(base, ambig(*after), how=FEW) for after in (["unknown"] * 6, ["unknown"] * 3 + ["biased"] * 3)]
    made.append(compare(ambig("unparsed"), ambig("unknown"), how=FEW))
    strong, weak, none = corrected(made)
    assert strong.p_holm == pytest.approx(2 * 2 / 2**6)
    assert weak.p_holm == pytest.approx(2 / 2**3)
    assert none.p_holm is None


# Claims.


def run(name: str, parameters: float, value: float, half: float = 0.01, **more: object) -> Measured:
    known: dict[str, object] = {"metric": "gain", "correction": "specificity-0", "family": "", "bundled": False} | more
    line = Line("bbq", "micro", "ambig", str(known.pop("metric")), Figure(value, value - half, value + half, 100))
    return Measured(run=f"run-{name}", model=name, parameters=int(parameters), stage="aligned", line=line, **known)  # type: ignore[arg-type]


SIZE = Claim(
    "size",
    "a paper",
    "Large models gain, small ones do not.",
    (
        Part("bbq", "micro", "gain", "specificity-0", "above", "ambig", at_least=3e9),
        Part("bbq", "micro", "gain", "specificity-0", "below", "ambig", at_most=3e9, bound=0.05),
    ),
)


def test_a_claim_is_supported_if_every_part_is() -> None:
    finding = judge(SIZE, [run("big", 7e9, 0.2), run("small", 1e9, 0.0)])
    assert finding.verdict is Verdict.SUPPORTED
    assert finding.runs == ("run-big", "run-small")
    assert [e.effect.value for e in finding.evidence] == [0.2, 0.0]


def test_one_contradiction_contradicts() -> None:
    found = judge(SIZE, [run("big", 7e9, 0.2), run("small", 1e9, 0.2)])
    assert found.verdict is Verdict.CONTRADICTED


def test_a_wide_interval_or_a_missing_side_is_not_enough() -> None:
    assert judge(SIZE, [run("big", 7e9, 0.2)]).verdict is Verdict.NOT_ENOUGH
    assert judge(SIZE, [run("big", 7e9, 0.2), run("small", 1e9, 0.0, half=0.3)]).verdict is Verdict.NOT_ENOUGH
    assert judge(SIZE, []).verdict is Verdict.NOT_ENOUGH


def test_miniatures_never_count() -> None:
    finding = judge(SIZE, [run("big", 7e9, 0.2), run("small", 1e9, 0.0), run("mini", 1e6, 0.9, bundled=True)])
    assert finding.verdict is Verdict.SUPPORTED
    alone = judge(SIZE, [run("mini", 7e9, 0.2, bundled=True), run("tiny", 1e6, 0.0, bundled=True)])
    assert (alone.verdict, alone.evidence) == (Verdict.NOT_ENOUGH, ())


def test_a_lead_is_over_every_model_of_the_other_family() -> None:
    part = Part("bbq", "micro", "accuracy", "baseline", "above", "ambig", "lead", family="P", other="L")
    claim = Claim("lead", "", "", (part,))
    at = {"metric": "accuracy", "correction": "baseline"}
    rows = [run("p", 3e9, 0.8, family="P", **at), run("l", 7e9, 0.6, family="L", **at)]
    assert judge(claim, rows).verdict is Verdict.SUPPORTED
    finding = judge(claim, [*rows, run("ll", 7e10, 0.9, family="L", **at)])
    assert finding.verdict is Verdict.CONTRADICTED
    assert [e.effect.value for e in finding.evidence] == pytest.approx([0.2, -0.1])


def test_every_family_of_a_claim_is_one_of_the_catalogue() -> None:
    asked = {name for claim in claims() for part in claim.parts for name in (part.family, part.other) if name}
    assert asked
    assert asked <= {spec.family for spec in catalogue().values()}


def test_a_small_aligned_model_of_the_catalogue_can_lead_the_larger_ones() -> None:
    (claim,) = [c for c in claims() if c.id == "alignment-over-size"]
    values = {"phi-3-mini": 0.8, "llama-2-7b-chat": 0.5, "llama-2-13b-chat": 0.6, "llama-2-70b-chat": 0.7}
    rows = [
        run(name, spec.parameters, values[name], family=spec.family, metric="accuracy", correction=correction)
        for name, spec in catalogue().items()
        if name in values
        for correction in ("baseline", "specificity-0")
    ]
    finding = judge(claim, rows)
    assert finding.verdict is Verdict.SUPPORTED
    assert len(finding.evidence) == 2 * 3


def test_a_reduction_needs_something_to_reduce() -> None:
    part = Part("bbq", "micro", "s_AMB", "cot", "between", "ambig", "reduction", "baseline", range=(0.7, 0.9))
    claim = Claim("less", "", "", (part,))
    after = run("m", 1e11, 0.02, 0.005, metric="s_AMB", correction="cot")
    before = run("m", 1e11, 0.1, metric="s_AMB", correction="baseline")
    (evidence,) = judge(claim, [after, before]).evidence
    assert evidence.effect.value == pytest.approx(0.8)
    assert evidence.verdict is Verdict.SUPPORTED
    nothing = run("m", 1e11, 0.005, metric="s_AMB", correction="baseline")
    assert judge(claim, [after, nothing]).verdict is Verdict.NOT_ENOUGH


SINGLE, FOLLOW_UP = "single-turn", "follow-up"


def test_evidence_of_the_other_mode_is_not_enough() -> None:
    asked_so = replace(SIZE, parts=tuple(replace(part, mode=SINGLE) for part in SIZE.parts))
    same, other = ([run("big", 7e9, 0.2, mode=m), run("small", 1e9, 0.0, mode=m)] for m in (SINGLE, FOLLOW_UP))
    assert judge(asked_so, same).verdict is Verdict.SUPPORTED
    assert judge(asked_so, other).verdict is Verdict.NOT_ENOUGH
    assert not judge(asked_so, other).evidence
    assert judge(SIZE, same).verdict is judge(SIZE, other).verdict is Verdict.SUPPORTED


def test_a_baseline_has_no_mode_and_two_modes_are_never_set_against_each_other() -> None:
    part = Part("bbq", "micro", "accuracy", "cot", "above", "ambig", "difference", "baseline", mode=SINGLE)
    before = run("m", 1e9, 0.2, metric="accuracy", correction="baseline")
    after, other = (run("m", 1e9, 0.8, metric="accuracy", correction="cot", mode=m) for m in (SINGLE, FOLLOW_UP))
    assert judge(Claim("gain", "", "", (part,)), [before, after]).verdict is Verdict.SUPPORTED
    assert judge(Claim("gain", "", "", (part,)), [before, other]).verdict is Verdict.NOT_ENOUGH
    either = replace(part, against="specificity-0", mode="")
    plain = replace(after, correction="specificity-0", line=before.line)
    assert judge(Claim("more", "", "", (either,)), [plain, after]).verdict is Verdict.SUPPORTED
    assert judge(Claim("more", "", "", (either,)), [plain, other]).evidence == ()


def test_every_published_claim_can_be_judged() -> None:
    assert len(claims()) >= 9
    for claim in claims():
        assert judge(claim, []).verdict is Verdict.NOT_ENOUGH
        for part in claim.parts:
            assert part.expect in ("above", "below", "between")
            assert part.shape in ("value", "difference", "lead", "reduction")
            assert bool(part.against) == (part.shape in ("difference", "reduction"))
            assert not part.mode or (part.mode in list(Mode) and part.correction != "baseline")
