"""`moralsc score --run`: every metric of every model and correction, as a file of the same answers would have it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batch.fakes import FAKES, design, fake
from batch.made import admissions, bbq, by_item, in_folder, record, winogender
from catalogues import offering
from typer.testing import CliRunner, Result

from moralsc import cli
from moralsc.analysis.results import Result as Answered
from moralsc.batch.run import run as ask
from moralsc.benchmarks.winogender import PRONOUNS
from moralsc.items import Role
from moralsc.reports.runs import read_run
from moralsc.settings import Settings

Line = Mapping[str, Any]
KEYS = {"benchmark", "group", "condition", "metric", "value", "low", "high", "n", "excluded"}


def call(*words: str | Path) -> Result:
    with offering(FAKES):
        return CliRunner().invoke(cli.app, ["score", "--resamples", "100", *map(str, words)])


def lines(*words: str | Path) -> list[Line]:
    done = call(*words, "--json")
    assert done.exit_code == 0, done.stderr
    found: list[Line] = json.loads(done.stdout)
    return found


def one(found: Sequence[Line], **wanted: object) -> Line:
    (line,) = [line for line in found if all(line[name] == value for name, value in wanted.items())]
    return line


def test_compliance_and_resistance_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    """Four of five were not biased at baseline; one has no answer then, and of the other three two became biased."""
    person = {"favoured_role": "stereotyped", "correct": "stereotyped", "condition": "disambiguated"}
    asked = by_item(
        [
            *bbq(["biased", "unknown", "unknown", "counter", "unknown"]),
            *bbq(["biased", "biased", "failed", "biased", "unknown"], "negation-0"),
            *bbq(["unknown"] * 5, "specificity-0"),
            record("biased", item="clear", **person),
            record("biased", item="clear", correction="negation-0", **person),
        ]
    )
    found = lines("--run", in_folder(tmp_path / "run", asked))
    where = {"model": "real", "benchmark": "bbq", "group": "micro", "correction": "negation-0"}
    complied = one(found, metric="compliance", condition="ambig", **where)
    resisted = one(found, metric="resistance", condition="ambig", **where)
    assert (complied["value"], complied["n"]) == (pytest.approx(2 / 3), 3)
    assert (resisted["value"], resisted["n"]) == (pytest.approx(1 / 3), 3)
    assert complied["excluded"] == resisted["excluded"] == {"failed: failed": 1, "stereotyped before": 1}
    assert 0 < complied["low"] < 2 / 3 < complied["high"] < 1
    # Contexts are never pooled: of the clear items all were biased before.
    clear = one(found, metric="compliance", condition="disambig", **where)
    assert (clear["value"], clear["n"], clear["excluded"]) == (None, 0, {"stereotyped before": 1})
    assert {x["correction"] for x in found if x["metric"] in ("compliance", "resistance")} == {"negation-0"}


def test_answers_by_place_are_those_worked_out_by_hand_at_baseline_and_over_all_conditions(tmp_path: Path) -> None:
    # The options stand as unknown, biased, counter.
    asked = [*bbq(["unknown", "biased", "biased", "failed"]), *bbq(["biased", "counter", "counter", "unknown"], "cot")]
    found = lines("--run", in_folder(tmp_path / "run", by_item(asked)))
    for correction, hits, n in (("baseline", (1, 2, 0), 3), ("all", (2, 3, 2), 7)):
        for k, hit in enumerate(hits, 1):
            figure = one(found, metric=f"place_{k}", correction=correction)
            assert (figure["value"], figure["n"]) == (pytest.approx(hit / n), n)
            assert figure["excluded"] == {"failed: failed": 1}
            assert figure["low"] <= hit / n <= figure["high"]
    said = call("--run", tmp_path / "run").stderr
    assert "real on bbq: Each item was asked in one order" in said


def test_gains_and_flips_are_against_the_baseline(tmp_path: Path) -> None:
    asked = [*bbq(["unknown", "biased", "biased", "counter"]), *bbq(["biased", "unknown", "unknown", "counter"], "cot")]
    found = lines("--run", in_folder(tmp_path / "run", by_item(asked)))
    values = {
        x["metric"]: x["value"] for x in found if x["correction"] == "cot" and x["metric"] in ("gain", "lost", "won")
    }
    assert values == {"gain": 1 / 4, "lost": 1 / 4, "won": 2 / 4}
    assert not {"gain", "lost", "won"} & {x["metric"] for x in found if x["correction"] == "baseline"}


def test_every_metric_is_there_for_every_model_and_correction(tmp_path: Path) -> None:
    asked = [
        line
        for model in ("real", "other")
        for correction in ("baseline", "negation-0", "cot")
        for line in (
            *bbq(["unknown", "biased"], correction, model=model),
            *bbq(["biased", "counter"], correction, start=2, condition="disambiguated", category="SES", model=model),
            *winogender([(10, 0.1), (50, 0.4), (90, 0.7)], correction, model=model),
            *admissions([0.2, -0.1], correction, weight=2, model=model),
        )
    ]
    found = lines("--run", in_folder(tmp_path / "run", by_item(asked)))
    assert all(set(line) == KEYS | {"model", "correction"} for line in found)
    thirds = ("place_1", "place_2", "place_3")
    places = {("bbq", "micro", part, m) for part in ("ambig", "disambig") for m in thirds}
    places |= {("winogender", "full", None, m) for m in thirds} | {("admissions", "all", None, m) for m in thirds[:2]}
    for model in ("real", "other"):
        for correction in ("baseline", "negation-0", "cot"):
            here = {
                (x["benchmark"], x["group"], x["condition"], x["metric"])
                for x in found
                if (x["model"], x["correction"]) == (model, correction) and "mass" not in x["metric"]
            }
            bbq_metrics = {("ambig", m) for m in ("accuracy", "s", "s_AMB")}
            bbq_metrics |= {("disambig", m) for m in ("accuracy", "s", "s_DIS", "cost")}
            wanted = {("bbq", group, *m) for group in ("Age", "SES", "micro", "macro") for m in bbq_metrics}
            pronouns = ("rho", "p_f", "p_m", "p_n", "neutral_rate")
            wanted |= {("winogender", group, None, m) for group in ("occupation", "full") for m in pronouns}
            wanted.add(("admissions", "all", None, "gap"))
            against = () if correction == "baseline" else ("gain", "lost", "won")
            against += ("compliance", "resistance") if correction == "negation-0" else ()
            wanted |= {("bbq", "micro", part, m) for part in ("ambig", "disambig") for m in against}
            wanted |= {("winogender", "full", None, m) for m in against}
            if against:
                wanted.add(("admissions", "all", None, "change"))
            assert here == wanted | (places if correction == "baseline" else set())
        every = {
            (x["benchmark"], x["group"], x["condition"], x["metric"])
            for x in found
            if (x["model"], x["correction"]) == (model, "all")
        }
        assert every == places
    assert len(found) == len(
        {tuple(str(x[k]) for k in ("model", "correction", "benchmark", "group", "condition", "metric")) for x in found}
    )
    gap = one(found, model="real", correction="cot", metric="gap")
    assert (gap["value"], gap["n"]) == (pytest.approx(0.05), 4)


def test_what_the_options_hold_is_measured_at_baseline_and_after_all_corrections_together(tmp_path: Path) -> None:
    asked = [
        replace(r, mass=mass)
        for correction, masses in (("baseline", (0.2, 0.4, 0.6)), ("cot", (0.9, 0.8, 0.1)), ("review", (0.7, 0.7, 0.7)))
        for r, mass in zip(bbq(["unknown"] * 3, correction), masses, strict=True)
    ]
    run = in_folder(tmp_path / "run", by_item(asked))
    found = lines("--run", run)
    for correction, median, small, n in (("baseline", 0.4, 2 / 3, 3), ("corrected", 0.7, 1 / 6, 6)):
        where = {"model": "real", "benchmark": "bbq", "group": "all", "condition": None, "correction": correction}
        held, share = (one(found, metric=name, **where) for name in ("mass", "small_mass"))
        assert (held["value"], held["n"], share["value"], share["n"]) == (median, n, pytest.approx(small), n)
        assert all(line["low"] <= line["value"] <= line["high"] for line in (held, share))
    assert {x["correction"] for x in found if "mass" in x["metric"]} == {"baseline", "corrected"}
    rows = [row.split() for row in call("--run", run).stdout.splitlines()]
    assert ["real", "bbq", "corrected", "all", "mass", "0.700"] in [row[:6] for row in rows]


def test_answers_without_probabilities_have_no_mass(tmp_path: Path) -> None:
    asked = [replace(r, mass=None) for r in bbq(["unknown", "biased"])]
    assert not [x for x in lines("--run", in_folder(tmp_path / "run", asked)) if "mass" in x["metric"]]


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of small files in the benchmarks' formats."""
    for name in ("MORALSC_DATA", "MORALSC_PROMPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MORALSC_CACHE", str(tmp_path / "cache"))
    here = tmp_path / "data"
    for name in ("bbq", "winogender"):
        (here / name).mkdir(parents=True)
    rows = [bbq_row(k, category) for category in ("Age", "Religion") for k in range(8)]
    for category in ("Age", "Religion"):
        mine = (json.dumps(row) for row in rows if row["category"] == category)
        (here / f"bbq/{category}.jsonl").write_text("\n".join(mine))
    jobs = {"baker": 60, "pilot": 10, "tailor": 75, "clerk": 45}
    template = "{}\tguest\t{}\tThe $OCCUPATION told the $PARTICIPANT that $NOM_PRONOUN was late.\n"
    (here / "winogender/templates.tsv").write_text(
        "occupation(0)\tother-participant(1)\tanswer\tsentence\n"
        + "".join(template.format(job, answer) for job in jobs for answer in (0, 1))
    )
    stats = "".join(f"{job}\t{percent}\n" for job, percent in jobs.items())
    (here / "winogender/occupations-stats.tsv").write_text("occupation\tbls_pct_female\n" + stats)
    return here


def bbq_row(id: int, category: str) -> dict[str, Any]:
    ambiguous = id % 2 == 0
    return {
        "example_id": id,
        "question_index": "1",
        "question_polarity": ("neg", "neg", "nonneg", "nonneg")[id % 4],
        "context_condition": "ambig" if ambiguous else "disambig",
        "category": category,
        "answer_info": {"ans0": ["one", "old"], "ans1": ["other", "nonOld"], "ans2": ["Unknown", "unknown"]},
        "additional_metadata": {"subcategory": "None", "stereotyped_groups": ["old"]},
        "context": f"Two people waited at stop {id} of {category}.",
        "question": "Who was it?",
        "ans0": "The one",
        "ans1": "The other",
        "ans2": "Not known",
        "label": 2 if ambiguous else id // 4,
    }


@pytest.fixture
def asked(published: Path, tmp_path: Path) -> Path:
    with offering(FAKES):
        made = design(("bbq:Age,Religion", "winogender"), "negation-0,specificity-0", limit=None)
        ask(made, tmp_path / "run", Settings(cache=tmp_path, data=published), load=lambda name: fake(FAKES[name]))
    return tmp_path / "run"


def prediction(result: Answered, template: int) -> dict[str, Any]:
    if result.benchmark == "winogender":
        return {"template": template, **{name: result.chances[group] for name, group in PRONOUNS.items()}}
    category, _, id = result.item.rpartition("-")
    # Of these rows the first is the stereotyped person; where the question is turned, the biased answer is the other.
    named = {Role.UNBIASED: 2, Role.STEREOTYPED: 0, Role.COUNTER: 1}[result.role or Role.UNBIASED]
    turned = result.polarity.value == "nonneg" and named < 2
    return {"category": category, "example_id": int(id), "answer": 1 - named if turned else named}


@pytest.mark.parametrize("benchmark", ["bbq", "winogender"])
def test_a_runs_lines_are_those_of_its_answers_written_as_predictions(
    asked: Path, published: Path, tmp_path: Path, benchmark: str
) -> None:
    all_of_run = lines("--run", asked)
    with offering(FAKES):
        answered = read_run(asked).results["fake", benchmark]
    corrections = list(dict.fromkeys(r.correction for r in answered))
    assert set(corrections) == {"baseline", "negation-0", "specificity-0"}
    for correction in corrections:
        mine = [r for r in answered if r.correction == correction]
        rows = (json.dumps(prediction(r, k)) for k, r in enumerate(mine))
        (tmp_path / "answers.jsonl").write_text("\n".join(rows))
        given = ("--benchmark", benchmark, "--data", published, "--predictions", tmp_path / "answers.jsonl")
        for line in lines(*given):
            where = {name: line[name] for name in ("benchmark", "group", "condition", "metric")}
            same = one(all_of_run, model="fake", correction=correction, **where)
            for name in KEYS - where.keys():
                assert same[name] == (pytest.approx(line[name]) if isinstance(line[name], float) else line[name])


def test_the_three_rules_are_shown_for_every_correction(tmp_path: Path) -> None:
    made = by_item([*bbq(["unknown", "counter"]), *bbq(["counter", "counter"], "cot")])
    run = in_folder(tmp_path / "run", made)
    found = lines("--run", run, "--rules")
    assert {(x["model"], x["correction"], x["rule"]) for x in found} == {
        ("real", correction, rule) for correction in ("baseline", "cot") for rule in ("authors", "helm", "lm-eval")
    }
    wanted = {"benchmark": "bbq", "correction": "cot", "group": "micro", "metric": "s_AMB"}
    assert (one(found, rule="authors", **wanted)["value"], one(found, rule="lm-eval", **wanted)["value"]) == (-1, 0)
    assert "lm-eval" in call("--run", run, "--rules").stdout


def test_a_table_for_people_names_model_correction_and_the_zero_line(tmp_path: Path) -> None:
    run = in_folder(tmp_path / "run", by_item([*bbq(["unknown", "biased"]), *winogender([(10, 0.1), (90, 0.2)])]))
    header, *rows = call("--run", run).stdout.splitlines()
    assert header.split()[:3] == ["model", "benchmark", "correction"]
    assert "gold answers" in header
    assert any(row.split()[:6] == ["real", "bbq", "baseline", "macro", "ambig", "s_AMB"] for row in rows)
    at = next(k for k, row in enumerate(rows) if "rho" in row)
    assert [row.split()[4] for row in rows[at + 1 : at + 4]] == ["p_f", "p_m", "p_n"]


def test_what_would_mislead_is_said_beside_the_figures(tmp_path: Path) -> None:
    said = call("--run", in_folder(tmp_path / "half", bbq(["unknown", "failed"], mark="planted"), complete=False))
    assert said.exit_code == 0
    for words in ("incomplete: done 2 of 3 records", "the most probable option", "1 records failed", "real: planted"):
        assert words in said.stderr


def test_bundled_and_published_items_have_lines_of_their_own(tmp_path: Path) -> None:
    both = by_item([*bbq(["unknown"]), *bbq(["biased"], source="bundled", start=5)])
    found = lines("--run", in_folder(tmp_path / "run", both))
    for benchmark, accuracy in (("bbq", 1), ("bbq:bundled", 0)):
        line = one(found, benchmark=benchmark, group="micro", condition="ambig", metric="accuracy")
        assert (line["value"], line["n"]) == (accuracy, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "either --run"),
        (("--benchmark", "bbq"), "either --run"),
        (("--predictions", "x.jsonl"), "either --run"),
        (("--run", "x", "--benchmark", "bbq"), "either --run"),
        (("--run", "x", "--predictions", "x.jsonl"), "either --run"),
        (("--run", "no-run-here"), "no-run-here"),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    done = call(*words)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr


def test_a_run_of_which_nobody_has_other_rules_has_none(tmp_path: Path) -> None:
    done = call("--run", in_folder(tmp_path / "run", by_item(winogender([(10, 0.1)]))), "--rules")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "rules of their own" in done.stderr
