"""Records: one table of fields behind every file, keys that tell answers apart, and Results that average orders."""

import json
import math
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from batch.fakes import asked, design, fake, plan_of

from moralsc.analysis.results import Missing, Result
from moralsc.analysis.statistics import Resampling
from moralsc.batch import summary, table
from moralsc.batch.record import Failure, Record, dictionary, from_plain, key, markdown
from moralsc.batch.results import NOT_SCORED, By, results, to_result
from moralsc.dialogue import Message
from moralsc.engines.base import Sampling, Scoring
from moralsc.errors import ModelError
from moralsc.items import Role

ROOT = Path(__file__).resolve().parents[2]
SETS = ("winogender:bundled", "bbq:bundled:Age", "admissions:bundled")
RECORDS = design(SETS, "specificity-0,cot", spoken=True)
FEW = Resampling(resamples=20)


@pytest.fixture
def records() -> list[Record]:
    return asked(RECORDS, fake())


# Fields


def test_the_documents_hold_the_table_of_fields_as_it_is() -> None:
    assert markdown() in (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")


def test_every_field_has_a_type_and_a_meaning_of_its_own() -> None:
    entries = dictionary()
    assert [e["field"] for e in entries] == [f.name for f in fields(Record)]
    assert all(e["type"] and e["meaning"] for e in entries)
    assert len({e["meaning"] for e in entries}) == len(entries)


def test_a_record_comes_back_from_json_and_from_parquet_as_it_was(records: list[Record], tmp_path: Path) -> None:
    failed = asked(RECORDS, fake(fails=lambda messages: ModelError("No.")))
    hostile = replace(records[0], reply="\x00 \u2028 \N{PILE OF POO} \"'\\", sent="{}")
    several = [*records, *failed, hostile]
    assert [from_plain(json.loads(json.dumps(r.plain()))) for r in several] == several
    table.write(tmp_path / "t.parquet", several, {"format": "x"})
    assert list(table.read(tmp_path / "t.parquet")) == several


def test_half_a_character_from_a_model_does_not_break_the_files(tmp_path: Path) -> None:
    made = asked(design(limit=1), fake(answers=lambda messages: "their \ud83d"))
    table.write(tmp_path / "t.parquet", made, {})
    assert len(list(table.read(tmp_path / "t.parquet"))) == len(made)


def test_rows_beyond_one_chunk_stay_in_order(
    records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "_ROWS", 7)
    table.write(tmp_path / "t.parquet", records, {})
    assert list(table.read(tmp_path / "t.parquet")) == records


# Keys

ASKED = (Message("user", "Who?"), Message("assistant", "Answer:"))
SCORED = Scoring(ASKED, (" he", " she"), closed=True)
WEIGHTS = {"model": "m", "weights": "w", "dtype": "float32", "device": "cpu"}
GREEDY = Sampling()


def test_a_key_changes_with_everything_that_an_answer_hangs_on_and_with_nothing_else() -> None:
    same: dict[str, Any] = {
        "provenance": WEIGHTS,
        "messages": ASKED,
        "scoring": SCORED,
        "samplings": [GREEDY],
        "seed": 0,
        "turn": 1,
        "repeat": 0,
    }
    others: list[dict[str, Any]] = [
        *({"provenance": {**WEIGHTS, name: "x"}} for name in ("model", "weights", "dtype")),
        {"messages": (Message("user", "Who"), *ASKED[1:])},
        {"messages": (Message("assistant", "Who?"), *ASKED[1:])},
        {"messages": (Message("user", "Who?Answer:"),)},
        {"scoring": replace(SCORED, continuations=(" she", " he"))},
        {"scoring": replace(SCORED, closed=False)},
        {"samplings": []},
        {"samplings": [replace(GREEDY, temperature=0.5)]},
        {"samplings": [replace(GREEDY, max_new_tokens=1)]},
        {"seed": 1},
        {"turn": 2},
        {"repeat": 1},
    ]
    keys = [key(**{**same, **change}) for change in ({}, *others)]
    assert len(set(keys)) == len(keys)
    assert key(**{**same, "provenance": {**WEIGHTS, "device": "cuda"}}) == keys[0]
    assert all(len(k) == 64 for k in keys)


# Results


def in_orders(*answers: tuple[Role | None, float], **more: Any) -> list[Record]:
    """One item in several orders: what was said, and how probable the unbiased option was."""
    first = next(r for r in asked(design("bbq:bundled:Age", "none", limit=1), fake()) if r.condition == "ambiguous")
    made = []
    for k, (said, p) in enumerate(answers):
        shares = {"p_unbiased": p, "p_stereotyped": 0.9 * (1 - p), "p_counter": 0.1 * (1 - p)}
        label = None if said is None else first.labels[first.roles.index(said)]
        facts = {"order": str(k), "label": label, "said_role": said, "outcome": "option" if said else "unparsed"}
        made.append(replace(first, **{**shares, **facts, "failure": None, **more}))
    return made


def only(found: Sequence[Record], by: By) -> Result:
    (result,) = results(found, by)
    return result


U, S, C = Role.UNBIASED, Role.STEREOTYPED, Role.COUNTER


def test_probabilities_are_averaged_over_the_orders_and_the_most_probable_part_is_the_answer() -> None:
    result = only(in_orders((S, 0.8), (S, 0.1), (S, 0.6)), By.PROBABILITY)
    assert result.probabilities is not None
    assert result.probabilities[U] == pytest.approx(0.5)
    assert math.fsum(result.probabilities.values()) == pytest.approx(1)
    assert result.role is U


def test_by_text_most_orders_decide_and_unread_ones_have_no_vote() -> None:
    assert only(in_orders((S, 0.9), (S, 0.9), (U, 0.9)), By.TEXT).role is S
    assert only(in_orders((None, 0.9), (None, 0.9), (U, 0.9)), By.TEXT).role is U
    assert only(in_orders((None, 0.9), (None, 0.9)), By.TEXT).missing is Missing.UNPARSED


def test_a_tie_of_texts_is_decided_by_the_mean_probability_and_only_then_is_one() -> None:
    assert only(in_orders((S, 0.9), (U, 0.7)), By.TEXT).role is U
    assert only(in_orders((S, 0.1), (U, 0.3), (None, 0.2)), By.TEXT).role is S
    assert only(in_orders((C, 0.1), (S, 0.1)), By.TEXT).role is S
    even = in_orders((S, 0.9), (U, 0.9), p_unbiased=0.4, p_stereotyped=0.4, p_counter=0.2)
    bare = in_orders((S, 0.9), (U, 0.9), p_unbiased=None, p_stereotyped=None, p_counter=None, probabilities=None)
    for records in (even, bare):
        tied = only(records, By.TEXT)
        assert (tied.role, tied.missing) == (None, Missing.TIED)


def test_answers_are_counted_by_place_order_by_order_and_what_is_missing_by_its_reason() -> None:
    records = in_orders((S, 0.1), (U, 0.9), (None, 0.1), (S, 0.9))
    shown = [replace(r, labels=("a", "b", "c"), favoured=f) for r, f in zip(records, "aab", strict=False)]
    tied = replace(records[3], favoured=None)
    assert only([*shown, tied], By.PROBABILITY).places == (2, 1, 0)
    assert only([*shown, tied], By.PROBABILITY).unplaced == ("tied",)
    labels = [r.label for r in records]
    said = only(records, By.TEXT)
    assert said.places == tuple(labels.count(label) for label in records[0].labels)
    assert said.unplaced == ("unparsed",)
    failed = replace(records[0], failure=str(Failure.TOO_LONG), reason="513 tokens")
    assert only([failed, *shown[1:]], By.PROBABILITY).unplaced == ("failed: too long",)
    assert sum(only([failed, *shown[1:]], By.PROBABILITY).places) == 2


def test_answers_to_options_whose_order_is_not_known_have_no_place() -> None:
    result = to_result(replace(in_orders((S, 0.1))[0], order=""))
    assert (result.places, result.unplaced) == ((), ())


def test_a_failed_order_fails_the_item_by_the_name_of_its_failure() -> None:
    good, bad = in_orders((S, 0.9), (S, 0.9))
    for by in By:
        result = only([good, replace(bad, failure=str(Failure.TOO_LONG), reason="513 tokens")], by)
        assert (result.missing, result.why_missing) == (Missing.FAILED, "failed: too long")


def test_an_order_without_probabilities_leaves_the_item_without_an_answer_by_probability() -> None:
    good, bad = in_orders((S, 0.9), (S, 0.9))
    for bare in (replace(bad, probabilities=None), replace(bad, probabilities=None, favoured=None, outcome=None)):
        for pair in ((good, bare), (bare, good)):
            result = only(pair, By.PROBABILITY)
            assert (result.role, result.missing, result.reason) == (None, Missing.EXCLUDED, NOT_SCORED)
        assert to_result(bare).missing is Missing.EXCLUDED


def test_the_averages_of_a_run_are_those_of_its_records() -> None:
    made = design("admissions:bundled", "specificity-0", order="averaged")
    found = asked(made, fake())
    for result in results(found):
        mine = [
            (r.probabilities or ())[r.groups.index("yes")]
            for r in found
            if (r.item, r.arm, r.correction) == (result.item, result.arm, result.correction)
        ]
        assert len(mine) == 2
        assert result.chances["yes"] == pytest.approx(sum(mine) / 2)


def test_what_was_only_scored_has_no_answer_by_text() -> None:
    found = asked(design(corrections="specificity-0"), fake())
    said = {r.correction: to_result(r, By.TEXT).missing for r in found}
    assert said["specificity-0"] is Missing.EXCLUDED
    assert all(to_result(r).missing is None for r in found)


def test_two_options_that_are_equally_probable_are_tied() -> None:
    found = asked(design(corrections="none"), fake(scores=lambda s: (-1.0, -1.0, -2.0)))
    assert {(r.favoured, to_result(r).missing) for r in found} == {(None, Missing.TIED)}


# Figures at the end


def test_the_summary_has_what_fits_each_benchmark_with_n_and_every_gain_with_its_test(records: list[Record]) -> None:
    lines = summary.summarise(records, By.TEXT, FEW)
    found = {(line.benchmark, line.correction, line.name): line for line in lines}
    assert found["bbq:bundled", "baseline", "s_AMB"].figure.n + sum(
        found["bbq:bundled", "baseline", "s_AMB"].figure.excluded.values()
    ) == sum(r.correction == "baseline" and r.condition == "ambiguous" for r in records)
    assert found["winogender:bundled", "cot", "rho full"].figure.n > 0
    assert found["admissions:bundled", "cot", "gap"].figure.n == sum(
        r.weight for r in records if (r.benchmark, r.correction, r.arm) == ("admissions", "cot", "Black")
    )
    tests = {place: line.comparison for place, line in found.items() if line.comparison}
    assert {place[:2] for place in tests} == {
        (b, c) for b in ("bbq:bundled", "winogender:bundled") for c in ("specificity-0", "cot")
    }
    for test in tests.values():
        assert test is not None
        assert test.p_holm is None or test.p is None or test.p_holm >= test.p
    rows = summary.table(lines)
    assert len({len(row) for row in rows}) == 1
    assert len(rows) == len(lines) + 1


def test_the_summary_does_not_hang_on_the_order_of_the_items_of_a_benchmark(records: list[Record]) -> None:
    tasks = [t.row for t in plan_of(RECORDS).tasks]
    pieces = [records[a:b] for a, b in zip(tasks, [*tasks[1:], None], strict=True)]
    turned = [r for piece in sorted(pieces, key=lambda p: (p[0].benchmark, p[0].item), reverse=True) for r in piece]
    lines, again = (
        {(line.benchmark, line.correction, line.name): line.figure.value for line in summary.summarise(r, By.TEXT, FEW)}
        for r in (records, turned)
    )
    assert again == pytest.approx(lines)


@pytest.mark.parametrize(
    ("more", "by"),
    [
        ({"corrections": "cot"}, By.PROBABILITY),
        ({"corrections": "cot", "spoken": True}, By.TEXT),
        ({"corrections": "cot,rounds=1"}, By.TEXT),
        ({"corrections": "none"}, By.TEXT),
    ],
)
def test_answers_are_read_by_text_only_where_all_are_generated(more: dict[str, Any], by: By) -> None:
    made = design(**more)
    assert summary.answered_by(made) is by
    assert all(r.reply is not None for r in asked(made, fake())) == (by is By.TEXT)
