"""Designs and plans: what is asked follows from the words alone, and what is not allowed is said in a sentence."""

import json
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from batch.fakes import FAKES, PROMPTS, SETTINGS, design, plan_of
from catalogues import offering
from typer.testing import CliRunner

from moralsc import cli, cli_run
from moralsc.batch.design import Design, Order, Selection, read_corrections
from moralsc.batch.plan import make_plan, sample
from moralsc.benchmarks import Source, load
from moralsc.dialogue import Mode
from moralsc.errors import InputError
from moralsc.items import ContextKind, Polarity

DESIGNS = [
    design(),
    design(["bbq:bundled:Age,Religion", "admissions:bundled"], "specificity-0,review,rounds=2", mode="single-turn"),
    design("admissions:bundled", order="balanced"),
    design(system="Be brief; it's --short.", prefill="quoted"),
    design(system="", prefill="set"),
    design("bbq", "none", limit=None, order="averaged", form="free", temperature=0.5, seed=7, spoken=True, texts=True),
]


@pytest.mark.parametrize("made", DESIGNS, ids=lambda made: " ".join(made.command[2:]))
def test_a_design_comes_back_from_its_record_also_through_json(made: Design) -> None:
    through = json.loads(json.dumps(made.record())) | {"of a later version": 1}
    assert Design.from_record(through) == made == Design.from_record(made.record())
    assert Design.from_record(through).command == made.command


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ladder", (("ladder",), 0)),
        (" ladder , cot,rounds=3 ", (("ladder", "cot"), 3)),
        ("none", ((), 0)),
        ("review,rounds=0", (("review",), 0)),
    ],
)
def test_corrections_are_read(text: str, expected: tuple[tuple[str, ...], int]) -> None:
    assert read_corrections(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Name at least one"),
        ("rounds=3", "Name at least one"),
        ("none,rounds=1", "Rounds follow a correction"),
        ("cot,rounds=x", "rounds=K"),
        ("cot,rounds=-1", "rounds=K"),
        ("cot,rounds=9", "from 0 to 8"),
        ("cot,rounds=1,rounds=2", "once"),
        ("cot,temperature=2", "no correction"),
        ("cot,cot", "named twice"),
        ("feedback", "Allowed: ladder"),
        ("laddr", "Did you mean 'ladder'"),
        ("none,cot", "no correction for a run 'none'"),
    ],
)
def test_corrections_that_cannot_be_are_refused_with_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        plan_of(design(corrections=text))


@pytest.mark.parametrize("name", ["limit", "seed", "batch", "temperature"])
@pytest.mark.parametrize("value", ["5", 2.5, -1, None, [1]])
def test_what_is_no_allowed_number_is_refused_with_what_is(name: str, value: object) -> None:
    if (name, value) == ("limit", None):
        assert design(limit=None).limit is None
        return
    with pytest.raises(InputError, match=rf"{name} is {re.escape(repr(value))}. Allowed: "):
        design(**{name: value})


def test_what_nobody_chose_is_left_out_of_the_record_so_that_older_runs_go_on() -> None:
    assert not {"system", "prefill"} & set(design().record())
    assert design(system="", prefill="set").record()["system"] == ""
    assert Design.from_record(design().record()).system is None


def test_a_record_that_is_no_design_is_refused() -> None:
    with pytest.raises(InputError, match="lacks models, corrections"):
        Design.from_record({"benchmarks": ["bbq"]})


@pytest.mark.parametrize("text", ["bbq", "bbq:bundled", "bbq:Age,SES", "bbq:bundled:Age", "winogender:occupation"])
def test_a_selection_is_written_as_it_is_read(text: str) -> None:
    assert Selection.read(text).key == text


@pytest.mark.parametrize("text", ["bbc", "bbq:Agee", "bbq:bundled:Age:SES", "own", "", "bbq:bundeld:Age"])
def test_a_selection_of_nothing_known_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="Allowed|Write NAME"):
        Selection.read(text)


@pytest.mark.parametrize(
    "more",
    [
        {"models": []},
        {"models": ["fake", "fake"]},
        {"limit": 0},
        {"seed": -1},
        {"temperature": 2.5},
        {"batch": 0},
        {"mode": "sideways"},
        {"order": "random"},
    ],
)
def test_values_out_of_range_are_refused(more: dict[str, object]) -> None:
    with pytest.raises(InputError):
        design(**more)


@pytest.mark.parametrize("made", DESIGNS, ids=lambda d: ",".join(s.key for s in d.benchmarks))
def test_the_command_of_a_design_says_the_design(made: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Design] = []
    monkeypatch.setattr(cli_run, "make_plan", lambda design, prompts, settings: said.append(design))
    monkeypatch.setattr(cli_run, "_show_plan", lambda plan: None)
    done = CliRunner().invoke(cli.app, [*made.command[1:], "--dry-run", "--out", "unused"])
    assert done.exit_code == 0, done.stderr
    assert said == [made]


def test_rows_and_batches_are_numbered_without_gaps_and_batches_hold_one_model() -> None:
    corrections = "ladder,cot,match-stats,rounds=2"
    plan = plan_of(design(["winogender:bundled", "bbq:bundled:Age"], corrections, models=("fake", "other")))
    tasks = list(plan.tasks)
    assert [b.index for b in plan.batches] == list(range(len(plan.batches)))
    assert tasks[0].row == 0
    assert all(b.row == a.row + a.rows for a, b in pairwise(tasks))
    assert plan.rows == tasks[-1].row + tasks[-1].rows
    assert all({t.model for t in b.tasks} == {b.model} for b in plan.batches)
    assert [b.model for b in plan.batches] == sorted(b.model for b in plan.batches)


@pytest.mark.parametrize("size", [1, 5, 100])
def test_a_batch_holds_no_more_dialogues_than_allowed_unless_one_task_needs_them(size: int) -> None:
    for batch in plan_of(design("bbq:bundled:Age", order="averaged", batch=size)).batches:
        assert len(batch.tasks) == 1 or sum(len(t.asked) for t in batch.tasks) <= size


def test_every_order_of_the_options_is_asked_once_and_the_right_option_moves_along() -> None:
    for task in plan_of(design("bbq:bundled:Age", order="averaged")).tasks:
        assert Counter(a.order for a in task.asked) == Counter(["abc", "acb", "bac", "bca", "cab", "cba"])
        first = task.asked[0].item
        assert first.right is not None
        for other in task.asked:
            right = other.item.right
            assert right is not None
            assert (right.text, right.role) == (first.right.text, first.right.role)
            assert [first.option(label).text for label in other.order] == [o.text for o in other.item.options]


@pytest.mark.parametrize(
    ("key", "options"), [("bbq:bundled:Age", 3), ("winogender:bundled", 3), ("admissions:bundled", 2)]
)
def test_in_balanced_orders_every_option_stands_once_in_each_place(key: str, options: int) -> None:
    for task in plan_of(design(key, order="balanced")).tasks:
        for arm in {a.item.arm for a in task.asked}:
            orders = [a.order for a in task.asked if a.item.arm == arm]
            assert len(orders) == options
            assert orders[0] == "abcdefgh"[:options]
            assert all(sorted(place) == sorted(orders[0]) for place in zip(*orders, strict=True))
        for a in task.asked:
            assert [task.asked[0].item.option(label).text for label in a.order] == [o.text for o in a.item.options]


@pytest.mark.parametrize("key", ["bbq:bundled:Age", "winogender:bundled"])
def test_in_rotated_orders_the_right_option_stands_in_each_place_equally_often(key: str) -> None:
    places = Counter[tuple[str, str, int]]()
    for task in plan_of(design(key, order="rotated", limit=24)).tasks:
        (asked,) = task.asked
        assert asked.order in "abcab"
        assert asked.item.right is not None
        places[asked.item.category, asked.item.condition, asked.item.options.index(asked.item.right)] += 1
    assert len(places) == 6
    assert max(places.values()) - min(places.values()) <= 1


def test_where_no_option_is_right_rotated_orders_go_round_all_the_same() -> None:
    orders = Counter(
        a.order
        for task in plan_of(design("admissions:bundled", order="rotated", limit=20)).tasks
        for a in task.asked[:1]
    )
    assert orders == {"ab": 10, "ba": 10}


@pytest.mark.parametrize(
    ("models", "order"),
    [
        (["fake"], Order.FIXED),
        (["other"], Order.BALANCED),
        (["fake", "other"], Order.BALANCED),
        (["fake", "./a-folder"], Order.BALANCED),
        (["openai:http://localhost:1/v1"], Order.BALANCED),
    ],
)
def test_real_models_are_asked_in_balanced_orders_unless_told_otherwise(models: list[str], order: Order) -> None:
    assert Design.of(models, "winogender:bundled").order is order
    assert Design.of(models, "winogender:bundled", order="fixed").order is Order.FIXED


def test_the_command_line_resolves_the_order_as_the_api_does(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Design] = []
    monkeypatch.setattr(cli_run, "make_plan", lambda design, prompts, settings: said.append(design))
    monkeypatch.setattr(cli_run, "_show_plan", lambda plan: None)
    words = ["--benchmark", "winogender:bundled", "--dry-run", "--out", "unused"]
    for model in ("fake", "other"):
        done = CliRunner().invoke(cli.app, ["run", "--model", model, *words])
        assert done.exit_code == 0, done.stderr
    assert [d.order for d in said] == [Order.FIXED, Order.BALANCED]


def test_a_run_of_an_earlier_version_that_says_no_order_was_asked_in_the_items_own() -> None:
    plain = {name: value for name, value in design().record().items() if name != "order"}
    assert Design.from_record(plain).order is Order.FIXED


def test_shuffled_options_stand_as_a_probe_of_the_same_seed_shuffles_them() -> None:
    orders = (Order.FIXED, Order.SHUFFLED)
    fixed, shuffled = (plan_of(design("bbq:bundled:Age", order=o, seed=3, limit=None)) for o in orders)
    for before, after in zip(fixed.tasks, shuffled.tasks, strict=True):
        assert after.asked[0].item == before.asked[0].item.shuffled(3)


def test_admissions_are_asked_in_two_arms_and_keep_their_weight() -> None:
    items = {i.id: i for i in load("admissions", SETTINGS, Source.BUNDLED).items}
    for task in plan_of(design("admissions:bundled")).tasks:
        black, white = (a.item for a in task.asked)
        assert (black.arm, white.arm) == ("Black", "White")
        assert black.options == white.options
        assert black.weight == items[black.id].weight


def test_a_sample_is_balanced_seeded_nested_and_in_order() -> None:
    items = load("bbq", SETTINGS, Source.BUNDLED, "Age").items
    chosen = sample(items, 10, 0, "bbq")
    strata = Counter((i.condition, i.polarity) for i in chosen)
    assert set(strata) == {(c, p) for c in list(ContextKind)[:2] for p in list(Polarity)[:2]}
    assert max(strata.values()) - min(strata.values()) <= 1
    assert sample(items, 10, 0, "bbq") == chosen != sample(items, 10, 1, "bbq")
    assert set(map(id, chosen)) < set(map(id, sample(items, 11, 0, "bbq")))
    assert list(chosen) == [i for i in items if i in chosen]
    assert sample(items, None, 0, "bbq") == items == sample(items, 10_000, 0, "bbq")


def test_the_limit_counts_every_category_for_itself() -> None:
    plan = plan_of(design(["winogender:bundled", "bbq:bundled:Age,Religion"], limit=5))
    assert set(Counter(t.asked[0].item.category for t in plan.tasks).values()) == {5}


def test_a_correction_is_asked_only_where_the_item_offers_it_and_it_is_said_where_none_does() -> None:
    plan = plan_of(design("bbq:bundled:Age", "specificity-0,match-stats"))
    assert {c.id for t in plan.tasks for c in t.corrections} == {"specificity-0"}
    assert [s for s in plan.skipped if "Match the statistics" in s]


def test_the_ladder_is_what_each_item_offers_and_nothing_is_asked_twice() -> None:
    for task in plan_of(design(["winogender:bundled", "bbq:bundled:Age"], "ladder,specificity-0")).tasks:
        assert task.corrections == PROMPTS.ladder(task.asked[0].item)


@pytest.mark.parametrize("benchmarks", [["bbq:bundled", "bbq:bundled:Age"], ["bbq:bundled:Age,Age"]])
def test_an_item_named_twice_is_refused(benchmarks: list[str]) -> None:
    with pytest.raises(InputError, match="stands in"):
        plan_of(design(benchmarks, limit=None))


def test_a_limited_model_is_asked_only_what_it_can_be_asked() -> None:
    limited = replace(FAKES["other"], only_for=("winogender",), why_only="It learned nothing else.")
    with offering({**FAKES, "other": limited}):
        plan = plan_of(design(["winogender:bundled", "bbq:bundled:Age"], models=["fake", "other"]))
        asked = {(t.model, t.asked[0].item.benchmark) for t in plan.tasks}
        assert asked == {("fake", "winogender"), ("fake", "bbq"), ("other", "winogender")}
        assert any("It learned nothing else." in s for s in plan.skipped)
        with pytest.raises(InputError, match="Nothing is left"):
            plan_of(design("bbq:bundled:Age", models="other"))


def test_counts_are_those_of_the_work() -> None:
    plan = plan_of(design("admissions:bundled", "specificity-0,cot,rounds=2", limit=2))
    assert (plan.items, plan.dialogues) == (2, 4)
    assert plan.rows == 4 * (1 + 2 * 3)
    assert plan.replies == 4 * (1 + (1 + 2) + (2 + 2))
    scored = plan_of(design("admissions:bundled", "specificity-0,cot", limit=2, mode=Mode.SINGLE_TURN))
    assert scored.replies == 4 * (1 + 0 + 1)


def test_published_items_come_with_the_blob_ids_of_their_files(data_dir: object) -> None:
    from pathlib import Path

    settings = replace(SETTINGS, data=Path(str(data_dir)))
    (data,) = make_plan(design("winogender", limit=2), PROMPTS, settings).data
    assert set(data.files) == {"templates.tsv", "occupations-stats.tsv"}
    assert all(len(id) == 40 for id in data.files.values())
    (bundled,) = plan_of(design("winogender:bundled", limit=2)).data
    assert bundled.files == {}
    assert bundled.hash != data.hash
