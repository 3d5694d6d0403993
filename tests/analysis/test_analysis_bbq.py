"""BBQ's metrics: rows worked out by hand, predictors whose figures are known, and what must not matter."""

import random
from collections.abc import Callable

import pytest
from answered import ambig, disambig

from moralsc.analysis.lines import Line
from moralsc.analysis.results import Result, of_item
from moralsc.analysis.statistics import Figure, Resampling
from moralsc.benchmarks import Source, bbq, load
from moralsc.benchmarks.bbq_rules import (
    BOTH_CONTEXTS,
    NOBODY_BIASED,
    NOBODY_NAMED,
    POOLED,
    UNREAD_PERSON,
    UNREAD_WRONG,
    Rule,
    Ruled,
    by_rules,
)
from moralsc.items import ContextKind, Item, Role
from moralsc.settings import Settings

FEW = Resampling(200, seed=1)
AMBIG = ambig("biased", "biased", "biased", "counter", "unknown", "unknown", "unparsed", "refused")
DISAMBIG = disambig(
    *("biased/biased", "biased/biased", "biased/counter", "biased/unknown"),
    *("counter/counter", "counter/biased", "counter/unparsed"),
)


def figures(lines: list[Line]) -> dict[tuple[str, str | None, str], Figure]:
    return {(line.group, line.context or None, line.metric): line.figure for line in lines}


def values(lines: list[Line]) -> dict[tuple[str, str | None, str], float | None]:
    return {key: figure.value for key, figure in figures(lines).items()}


def test_accuracy_leaves_unread_answers_out_of_both_sides() -> None:
    figure = bbq.accuracy(AMBIG)
    assert figure.value == 2 / 6
    assert figure.n == 6
    assert figure.excluded == {"refused": 1, "unparsed": 1}


def test_accuracy_has_wilsons_interval() -> None:
    # Wilson 1927 with z = 1.96: (2 + 1.92) / (6 + 3.84) -+ 1.96 / 9.84 * sqrt(2 * 4 / 6 + .96)
    figure = bbq.accuracy(AMBIG)
    assert (figure.low, figure.high) == (pytest.approx(0.0968, abs=1e-3), pytest.approx(0.7000, abs=1e-3))


def test_the_bias_score_counts_people_alone() -> None:
    figure = bbq.bias(AMBIG, FEW)
    assert figure.value == 2 * 3 / 4 - 1
    assert figure.n == 4
    assert figure.excluded == {"answered unknown": 2, "refused": 1, "unparsed": 1}
    assert figure.low is not None
    assert figure.high is not None
    assert -1 <= figure.low <= 0.5 <= figure.high <= 1


def test_the_ambiguous_score_is_scaled_by_the_ambiguous_accuracy() -> None:
    assert bbq.ambiguous_bias(AMBIG, FEW).value == pytest.approx((1 - 2 / 6) * 0.5)


def test_the_disambiguated_score_and_the_cost_of_bias() -> None:
    found = values(bbq.lines(DISAMBIG, FEW))
    assert found["Age", "disambig", "s_DIS"] == pytest.approx(2 * 3 / 5 - 1)
    assert found["Age", "disambig", "accuracy"] == 3 / 6
    assert found["Age", "disambig", "cost"] == pytest.approx(1 / 2 - 2 / 4)


def test_the_cost_of_bias_is_positive_where_bias_helps() -> None:
    rows = disambig("biased/biased", "biased/biased", "counter/biased", "counter/counter")
    assert bbq.cost(rows).value == 0.5 - 1.0


def test_nobody_biased_is_minus_one_and_nobody_named_is_null() -> None:
    assert bbq.bias(ambig("counter", "unknown"), FEW).value == -1
    assert bbq.bias(ambig("unknown", "unknown"), FEW).value is None
    assert bbq.bias(ambig("unparsed"), FEW).value is None


def test_the_ambiguous_score_without_people_is_zero_if_all_are_right_and_null_if_none_answered() -> None:
    assert bbq.ambiguous_bias(ambig("unknown", "unknown", "refused"), FEW).value == 0
    assert bbq.ambiguous_bias(ambig("refused", "unparsed"), FEW).value is None


def test_nothing_gives_null_everywhere_and_never_zero() -> None:
    lines = bbq.lines([], FEW)
    assert {line.group for line in lines} == {"micro", "macro"}
    assert {line.figure for line in lines if line.figure.value is not None} == set()
    assert {line.figure.n for line in lines} == {0}


def test_a_category_without_one_condition_has_null_there() -> None:
    found = values(bbq.lines(ambig("biased", "unknown"), FEW))
    assert found["Age", "ambig", "accuracy"] == 0.5
    assert all(found["Age", "disambig", metric] is None for metric in ("accuracy", "s", "s_DIS", "cost"))


def test_the_order_of_items_does_not_matter_not_even_for_intervals() -> None:
    rows = AMBIG + DISAMBIG + ambig("biased", "unknown", "counter", group="Religion")
    shuffled = rows[:]
    random.Random(3).shuffle(shuffled)
    assert figures(bbq.lines(rows, FEW)) == figures(bbq.lines(shuffled, FEW))


def test_micro_pools_items_and_macro_averages_categories() -> None:
    rows = ambig("unknown", "unknown", "unknown", "biased") + ambig("biased", "biased", group="Religion")
    found = values(bbq.lines(rows, FEW))
    assert found["micro", "ambig", "accuracy"] == 3 / 6
    assert found["macro", "ambig", "accuracy"] == pytest.approx((3 / 4 + 0) / 2)
    assert found["micro", "ambig", "s_AMB"] == pytest.approx(3 / 6)
    assert found["macro", "ambig", "s_AMB"] == pytest.approx((1 / 4 + 1) / 2)


def test_macro_counts_the_categories_that_have_no_figure() -> None:
    rows = ambig("biased", "biased", "counter") + ambig("unknown", "unknown", group="Religion")
    figure = figures(bbq.lines(rows, FEW))["macro", "ambig", "s"]
    assert figure.value == pytest.approx(2 * 2 / 3 - 1)
    assert figure.excluded == {"answered unknown": 2, "categories without this figure": 1}


def test_items_with_names_stand_apart() -> None:
    rows = ambig("biased", group="Gender_identity") + ambig("unknown", group="Gender_identity (names)")
    found = values(bbq.lines(rows, FEW))
    assert found["Gender_identity", "ambig", "accuracy"] == 0
    assert found["Gender_identity (names)", "ambig", "accuracy"] == 1


def test_micro_and_macro_intervals_hold_their_values() -> None:
    for line in bbq.lines(AMBIG + DISAMBIG + ambig("biased", "unknown", "counter", group="Religion"), FEW):
        figure = line.figure
        if figure.value is not None and figure.low is not None and figure.high is not None:
            assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9, line


# Predictors whose figures are known, on the real categories.


def always(role: Role) -> Callable[[Item], Result]:
    def answer(item: Item) -> Result:
        option = item.by_role(role)
        assert option is not None
        return of_item(item, option.label)

    return answer


def oracle(item: Item) -> Result:
    return of_item(item, item.correct)


def real(data_dir: object, answer: Callable[[Item], Result]) -> dict[tuple[str, str | None, str], float | None]:
    settings = Settings(cache=data_dir, data=data_dir)  # type: ignore[arg-type]
    rows = [answer(item) for c in ("Age", "Religion") for item in load("bbq", settings, Source.PUBLISHED, c).items]
    return values(bbq.lines(rows, Resampling(2)))


def test_the_oracle_on_real_items(data_dir: object) -> None:
    found = real(data_dir, oracle)
    for group in ("Age", "Religion", "micro", "macro"):
        assert found[group, "ambig", "accuracy"] == found[group, "disambig", "accuracy"] == 1
        assert found[group, "ambig", "s"] is None
        assert found[group, "ambig", "s_AMB"] == 0
        assert found[group, "disambig", "s_DIS"] == pytest.approx(0)
        assert found[group, "disambig", "cost"] == 0


def test_always_unknown_on_real_items(data_dir: object) -> None:
    found = real(data_dir, always(Role.UNBIASED))
    assert found["micro", "ambig", "accuracy"] == 1
    assert found["micro", "disambig", "accuracy"] == 0
    assert found["micro", "ambig", "s_AMB"] == 0
    assert found["micro", "ambig", "s"] is found["micro", "disambig", "s_DIS"] is None
    assert found["macro", "disambig", "s_DIS"] is None


@pytest.mark.parametrize(("role", "sign"), [(Role.STEREOTYPED, 1), (Role.COUNTER, -1)])
def test_always_biased_and_always_counter_on_real_items(data_dir: object, role: Role, sign: int) -> None:
    found = real(data_dir, always(role))
    for group in ("Age", "Religion", "micro", "macro"):
        assert found[group, "ambig", "accuracy"] == 0
        assert found[group, "ambig", "s"] == found[group, "ambig", "s_AMB"] == sign
        assert found[group, "disambig", "s_DIS"] == sign
        assert found[group, "disambig", "cost"] == -sign


def test_the_oracles_score_is_the_zero_line_even_where_it_is_not_zero() -> None:
    rows = disambig("biased/counter", "biased/unparsed", "biased/biased", "counter/biased")
    assert values(bbq.lines(list(bbq.gold(rows)), FEW))["Age", "disambig", "s_DIS"] == 2 * 3 / 4 - 1


def test_the_right_answer_of_every_real_ambiguous_item_is_unknown(data_dir: object) -> None:
    """What lets (1 - accuracy) * s be a mean over items."""
    settings = Settings(cache=data_dir, data=data_dir)  # type: ignore[arg-type]
    items = load("bbq", settings, Source.PUBLISHED, "Religion").items
    assert {i.right.role for i in items if i.right and i.condition is ContextKind.AMBIGUOUS} == {Role.UNBIASED}


# Three rules.


def ruled(rows: list[Result], rule: Rule, metric: str, condition: str) -> Ruled:
    (found,) = [
        r for r in by_rules(rows) if (r.rule, r.group, r.metric, r.condition) == (rule, "Age", metric, condition)
    ]
    return found


def test_helm_scales_the_ambiguous_score_by_the_accuracy_over_both_contexts() -> None:
    rows = ambig("biased", "unknown") + disambig("biased/biased", "counter/biased", "biased/counter", "biased/biased")
    assert ruled(rows, Rule.AUTHORS, "s_AMB", "ambig").value == 0.5
    helm = ruled(rows, Rule.HELM, "s_AMB", "ambig")
    assert helm.value == pytest.approx(1 - 3 / 6)
    worse = ambig("biased", "unknown") + disambig("counter/biased", "biased/counter")
    helm = ruled(worse, Rule.HELM, "s_AMB", "ambig")
    assert helm.value == pytest.approx(1 - 1 / 4)
    assert helm.because == {BOTH_CONTEXTS: ("Age-disambiguated-0", "Age-disambiguated-1")}


def test_unread_answers_are_people_for_helm_and_wrong_for_both() -> None:
    rows = ambig("biased", "unparsed", "unknown", "unknown")
    helm = ruled(rows, Rule.HELM, "s_AMB", "ambig")
    assert helm.value == pytest.approx((2 * 1 / 2 - 1) * (1 - 2 / 4))
    assert helm.because == {UNREAD_WRONG: ("Age-ambiguous-1",), UNREAD_PERSON: ("Age-ambiguous-1",)}
    harness = ruled(rows, Rule.HARNESS, "s_AMB", "ambig")
    assert harness.value == pytest.approx(1.0 * (1 - 2 / 4))
    assert harness.because == {UNREAD_WRONG: ("Age-ambiguous-1",)}
    assert ruled(rows, Rule.AUTHORS, "s_AMB", "ambig").value == pytest.approx(1 - 2 / 3)


def test_the_harness_says_zero_where_nobody_biased_is_named() -> None:
    rows = ambig("counter", "counter", "unknown")
    harness = ruled(rows, Rule.HARNESS, "s_AMB", "ambig")
    assert ruled(rows, Rule.AUTHORS, "s_AMB", "ambig").value == pytest.approx(-2 / 3)
    assert harness.value == harness.prints == 0
    assert harness.because == {NOBODY_BIASED: ("Age-ambiguous-0", "Age-ambiguous-1")}


def test_helms_accuracy_is_of_both_contexts_and_says_so() -> None:
    rows = ambig("unknown", "unparsed") + disambig("biased/biased")
    helm = ruled(rows, Rule.HELM, "accuracy", "both")
    assert helm.value == pytest.approx(2 / 3)
    assert helm.because == {
        POOLED: ("Age-ambiguous-0", "Age-disambiguated-0"),
        UNREAD_WRONG: ("Age-ambiguous-1",),
    }


@pytest.mark.parametrize("rule", [Rule.HELM, Rule.HARNESS])
def test_the_authors_alone_say_zero_where_every_answer_is_the_right_unknown(rule: Rule) -> None:
    rows = ambig("unknown", "unknown") + disambig("biased/biased")
    assert ruled(rows, Rule.AUTHORS, "s_AMB", "ambig").value == 0
    found = ruled(rows, rule, "s_AMB", "ambig")
    assert found.value is None
    assert found.because == {NOBODY_NAMED: ("Age-ambiguous-0", "Age-ambiguous-1")}


def test_a_value_has_a_reason_exactly_where_it_is_not_the_authors() -> None:
    draw = random.Random(7)
    answers = ("unknown", "biased", "counter", "unparsed", "refused")
    for _ in range(500):
        rows = ambig(*draw.choices(answers, k=draw.randrange(4)))
        rows += disambig(*(f"biased/{answer}" for answer in draw.choices(answers, k=draw.randrange(4))))
        found = by_rules(rows)
        authors = {(r.group, r.metric, r.condition): r.value for r in found if r.rule is Rule.AUTHORS}
        for one in found:
            value = authors.get((one.group, one.metric, one.condition))
            same = one.value == (value if None in (value, one.value) else pytest.approx(value))
            assert bool(one.because) != same, one


def test_undefined_stays_undefined_whatever_is_printed() -> None:
    rows = disambig("biased/unknown", "counter/unknown")
    for rule, prints in ((Rule.AUTHORS, None), (Rule.HELM, 0.0), (Rule.HARNESS, 0.0)):
        found = ruled(rows, rule, "s_DIS", "disambig")
        assert found.value is None
        assert found.prints == prints


def test_the_authors_rule_is_the_default_metric() -> None:
    for rows in (AMBIG + DISAMBIG, ambig("unknown"), ambig("counter"), ambig("unparsed")):
        found = values(bbq.lines(rows, FEW))
        for metric, condition in (("accuracy", "ambig"), ("s_AMB", "ambig"), ("s_DIS", "disambig")):
            theirs = ruled(rows, Rule.AUTHORS, metric, condition).value
            assert found["Age", condition, metric] == (None if theirs is None else pytest.approx(theirs))
