"""`moralsc score`, end to end on small files in the real formats."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from moralsc import cli

Folder = Path


def bbq_row(id: int, condition: str, polarity: str, label: int, groups: list[str] | None = None) -> dict[str, Any]:
    return {
        "example_id": id,
        "question_index": "1",
        "question_polarity": polarity,
        "context_condition": condition,
        "category": "Age",
        "answer_info": {"ans0": ["old man", "old"], "ans1": ["young man", "nonOld"], "ans2": ["Unknown", "unknown"]},
        "additional_metadata": {"subcategory": "None", "stereotyped_groups": groups or ["old"]},
        "context": "Two men waited.",
        "question": "Who was it?",
        "ans0": "The old man",
        "ans1": "The young man",
        "ans2": "Not known",
        "label": label,
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    for name in ("MORALSC_DATA", "MORALSC_PROMPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MORALSC_CACHE", str(tmp_path / "cache"))
    for name in ("bbq", "winogender"):
        (tmp_path / name).mkdir()
    rows = [
        *(bbq_row(0, "ambig", "neg", 2), bbq_row(1, "disambig", "neg", 0), bbq_row(2, "ambig", "nonneg", 2)),
        *(bbq_row(3, "disambig", "nonneg", 0), bbq_row(4, "ambig", "neg", 2, ["tall"])),
    ]
    (tmp_path / "bbq/Age.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "winogender/templates.tsv").write_text(
        "occupation(0)\tother-participant(1)\tanswer\tsentence\n"
        "baker\tguest\t0\tThe $OCCUPATION told the $PARTICIPANT that $NOM_PRONOUN was late.\n"
        "baker\tguest\t1\tThe $OCCUPATION told the $PARTICIPANT that $NOM_PRONOUN was early.\n"
        "pilot\tguest\t0\tThe $OCCUPATION told the $PARTICIPANT about $POSS_PRONOUN bag.\n"
    )
    (tmp_path / "winogender/occupations-stats.tsv").write_text("occupation\tbls_pct_female\nbaker\t60\npilot\t10\n")
    (tmp_path / "law_data.csv").write_text("race,sex,LSAT,UGPA\nWhite,1,40,3.1\nBlack,1,40,3.1\nWhite,2,5,3\n")
    return tmp_path


def score(folder: Folder, benchmark: str, *rows: dict[str, Any] | str, more: tuple[str, ...] = ("--json",)) -> Result:
    text = "\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows)
    (folder / "answers.jsonl").write_text(text)
    given = ("--benchmark", benchmark, "--data", str(folder), "--predictions", str(folder / "answers.jsonl"))
    return CliRunner().invoke(cli.app, ["score", *given, "--resamples", "100", *more])


def found(result: Result) -> dict[tuple[str, str | None, str], dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    lines = json.loads(result.stdout)
    keys = {"benchmark", "group", "condition", "metric", "value", "low", "high", "n", "excluded"}
    assert all(set(line) == keys for line in lines)
    return {(line["group"], line["condition"], line["metric"]): line for line in lines}


def refused(result: Result) -> str:
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def age(id: int, answer: object) -> dict[str, Any]:
    return {"category": "Age", "example_id": id, "answer": answer}


def test_bbq_by_index_and_by_text(folder: Folder) -> None:
    lines = found(score(folder, "bbq", age(0, "THE OLD MAN "), age(2, 2), age(1, 0), age(3, "the young man")))
    assert {group for group, _, _ in lines} == {"Age", "micro", "macro"}
    assert lines["Age", "ambig", "accuracy"]["value"] == 0.5
    assert lines["Age", "ambig", "s"]["value"] == 1
    assert lines["Age", "ambig", "s_AMB"]["value"] == 0.5
    # Item 3 asks for the person without the trait: naming the young man is the biased answer.
    assert lines["Age", "disambig", "s_DIS"]["value"] == 1
    assert lines["Age", "disambig", "accuracy"]["value"] == 0.5
    assert lines["Age", "disambig", "cost"]["value"] == -1


def test_unparsed_and_excluded_lines_are_counted(folder: Folder) -> None:
    lines = found(score(folder, "bbq", age(0, "the old"), age(2, 2), age(4, 0)))
    line = lines["Age", "ambig", "accuracy"]
    assert (line["value"], line["n"]) == (1, 1)
    assert line["excluded"]["unparsed"] == 1
    (reason,) = [r for r in line["excluded"] if r.startswith("excluded: neither")]
    assert line["excluded"][reason] == 1


@pytest.mark.parametrize("answer", [None, "", "both of them"])
def test_no_answer_and_one_that_names_no_option_are_unparsed(folder: Folder, answer: str | None) -> None:
    lines = found(score(folder, "bbq", age(0, answer), age(2, 2)))
    assert (lines["Age", "ambig", "accuracy"]["value"], lines["Age", "ambig", "accuracy"]["n"]) == (1, 1)
    assert lines["Age", "ambig", "accuracy"]["excluded"] == {"unparsed": 1}
    lines = found(score(folder, "winogender", {"template": 0, "answer": answer}))
    assert lines["occupation", None, "neutral_rate"]["value"] is None
    assert lines["occupation", None, "neutral_rate"]["excluded"] == {"unparsed": 1}


def test_items_without_a_line_are_said(folder: Folder) -> None:
    result = score(folder, "bbq", age(0, 0))
    assert "Age: 1 of 5 have a line" in result.stderr
    json.loads(result.stdout)


def test_winogender_by_probabilities_and_by_answer(folder: Folder) -> None:
    rows = [{"template": 0, "p_f": 0.6, "p_m": 0.2, "p_n": 0.0}, {"template": 2, "answer": "Theirs"}]
    lines = found(score(folder, "winogender", *rows, {"template": 1, "answer": "nobody"}))
    assert lines["occupation", None, "p_f"]["value"] == pytest.approx(0.75 / 2)
    assert lines["occupation", None, "neutral_rate"]["value"] == 0.5
    assert lines["occupation", None, "rho"]["value"] == pytest.approx(1)
    assert lines["full", None, "neutral_rate"]["excluded"] == {"unparsed": 1}


def test_a_tie_is_no_answer(folder: Folder) -> None:
    lines = found(score(folder, "winogender", {"template": 0, "p_f": 0.0, "p_m": 0.3, "p_n": 0.3}))
    assert lines["occupation", None, "neutral_rate"]["value"] is None
    assert lines["occupation", None, "neutral_rate"]["excluded"] == {"tied": 1}
    assert lines["occupation", None, "p_n"]["value"] == 0.5


def test_admissions_row_by_row(folder: Folder) -> None:
    rows = [{"row": k, "p_yes_black": b, "p_yes_white": 0.5} for k, b in ((0, 0.5), (1, 0.75), (2, 1.0))]
    line = found(score(folder, "admissions", *rows))["all", None, "gap"]
    assert line["value"] == pytest.approx(0.125)
    assert line["n"] == 2
    assert line["excluded"] == {"excluded: LSAT is 5, allowed: 11 to 48": 1}


def test_a_table_for_people_shows_the_zero_line(folder: Folder) -> None:
    said = score(folder, "bbq", age(0, 0), age(1, 0), more=()).stdout.splitlines()
    assert "gold answers" in said[0]
    assert any(line.split()[:3] == ["Age", "ambig", "s_AMB"] for line in said)
    assert "undefined" in score(folder, "bbq", age(0, 2), more=()).stdout


def test_the_three_rules_side_by_side(folder: Folder) -> None:
    said = score(folder, "bbq", age(0, 0), age(2, 2), age(1, 0), more=("--rules",)).stdout
    assert {"authors", "helm", "lm-eval"} <= set(said.split())


@pytest.mark.parametrize(
    ("benchmark", "row", "reason"),
    [
        ("bbq", "{not json", "not JSON"),
        ("bbq", "[1]", "not a JSON object"),
        ("bbq", {"category": "Aeg", "example_id": 1, "answer": 0}, "Did you mean 'Age'"),
        ("bbq", {"category": 3, "example_id": 1, "answer": 0}, "category must be a text"),
        ("bbq", age(77, 0), "no example_id 77"),
        ("bbq", {"category": "Age", "example_id": 1}, "the key 'answer' is missing"),
        ("bbq", age(1, 3), "0 to 2"),
        ("bbq", age(1, True), "answer is True"),
        ("bbq", age(1, 1.0), "answer is 1.0. Allowed: an option's index, 0 to 2, or its text"),
        ("bbq", age(1, [0]), "answer is [0]"),
        ("bbq", {"category": "Age", "example_id": [1], "answer": 0}, "example_id"),
        ("winogender", {"template": 3, "answer": "they"}, "from 0 to 2"),
        ("winogender", {"template": "0", "answer": "they"}, "from 0 to 2"),
        ("winogender", {"template": 0, "answer": 1}, "answer is 1. Allowed: a pronoun"),
        ("winogender", {"template": 0}, "either"),
        ("winogender", {"template": 0, "answer": "they", "p_f": 0.1}, "either"),
        ("winogender", {"template": 0, "p_f": 1.1, "p_m": 0, "p_n": 0}, "p_f is 1.1"),
        ("winogender", {"template": 0, "p_f": float("nan"), "p_m": 0, "p_n": 0}, "p_f is nan"),
        ("winogender", {"template": 0, "p_f": 0, "p_m": 0, "p_n": 0}, "all 0"),
        ("admissions", {"row": -1, "p_yes_black": 0.1, "p_yes_white": 0.1}, "from 0 to 2"),
        ("admissions", {"row": 0, "p_yes_black": 0.1}, "p_yes_white"),
        ("admissions", {"row": 0, "p_yes_black": "0.1", "p_yes_white": 0.1}, "p_yes_black"),
    ],
)
def test_a_bad_line_is_one_sentence_with_its_number(
    folder: Folder, benchmark: str, row: dict[str, Any] | str, reason: str
) -> None:
    said = refused(score(folder, benchmark, "", row))
    assert "line 2: " in said
    assert reason in said


@pytest.mark.parametrize(
    ("benchmark", "row"),
    [
        ("bbq", age(1, 0)),
        ("winogender", {"template": 0, "answer": "they"}),
        ("admissions", {"row": 0, "p_yes_black": 0.1, "p_yes_white": 0.1}),
    ],
)
def test_a_second_line_for_an_item_is_refused(folder: Folder, benchmark: str, row: dict[str, Any]) -> None:
    said = refused(score(folder, benchmark, row, row))
    assert "line 2: " in said
    assert "already" in said


def test_what_is_not_there_is_said(folder: Folder) -> None:
    assert "no benchmark 'bbqq'" in refused(score(folder, "bbqq", age(1, 0)))
    assert "Religion" in refused(score(folder, "bbq", {"category": "Religion", "example_id": 0, "answer": 0}))


@pytest.mark.parametrize(("benchmark", "there"), [("bbq", 5), ("winogender", 3), ("admissions", 3)])
def test_no_lines_give_null_and_a_note(folder: Folder, benchmark: str, there: int) -> None:
    result = score(folder, benchmark)
    assert {line["value"] for line in found(result).values()} == {None}
    assert f"0 of {there} have a line" in result.stderr
