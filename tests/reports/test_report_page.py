"""The report: one inert file with everything in it, whatever the records say; and the three commands."""

import csv
import html
import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from batch.fakes import FAKES, design, fake
from batch.made import admissions, bbq, by_item, in_folder, winogender
from catalogues import HUB, offering
from typer.testing import CliRunner, Result

from moralsc import cli
from moralsc.analysis.statistics import Resampling
from moralsc.batch import folder
from moralsc.batch.record import Record
from moralsc.batch.results import By
from moralsc.batch.run import run as ask
from moralsc.models import PLANTED
from moralsc.reports.chart import Figures
from moralsc.reports.figures import figures
from moralsc.reports.page import html as page
from moralsc.reports.runs import read_run, run_of
from moralsc.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
FEW = Resampling(resamples=50)
HOSTILE = (
    "</svg></style><script>alert(1)</script><img src=x onerror=alert(1)>"
    '" onload="x" {{ 7*7 }} {% raw %} ${x} \u202e\x00'
)
ALL = by_item(
    [
        *bbq(["unknown", "biased", "counter"]),
        *bbq(["unknown", "unknown", "unknown"], "specificity-0"),
        *bbq(["biased", "biased", "biased"], "negation-0"),
        *winogender([(10, 0.1), (50, 0.4), (90, 0.7)]),
        *winogender([(10, 0.3), (50, 0.3), (90, 0.4)], "specificity-0"),
        *admissions([0.2, -0.1]),
    ]
)


class Seen(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def drawn(records: Sequence[Record]) -> tuple[Figures, str]:
    runs = [run_of(records, "one", By.PROBABILITY)]
    made = figures(runs, how=FEW, pools=True)
    return made, page(runs, made)


@cache
def plain() -> tuple[Figures, str]:
    """The page of ordinary records, whose model is in the catalogue."""
    with offering({"real": replace(HUB, name="real")}):
        return drawn(ALL)


def test_every_figure_reading_and_n_of_the_charts_stands_in_the_page() -> None:
    made, text = plain()
    for chart in made.charts:
        section = section_of(text, chart.kind)
        assert chart.reading in section
        assert chart.n in section
        assert "<svg" in section
        assert cells(section) == chart.table()[1:]


def section_of(text: str, name: str) -> str:
    found = text[text.index(f'<section id="{name}"') :]
    return html.unescape(found[: found.index("</section>")])


def cells(section: str) -> list[tuple[str, ...]]:
    return [tuple(re.findall(r"<td>(.*?)</td>", row)) for row in re.findall(r"<tr>(<td>.*?)</tr>", section)]


def test_the_means_of_p_f_p_m_and_p_n_stand_beside_rho_in_picture_and_table() -> None:
    section = section_of(plain()[1], "correlation")
    assert "means: p_f .400, p_m .000, p_n .600" in section
    rows = cells(section)
    at = next(k for k, row in enumerate(rows) if "rho" in row)
    assert [next(c for c in row if "mean" in c) for row in rows[at + 1 : at + 4]] == [
        "mean p_f",
        "mean p_m",
        "mean p_n",
    ]


def test_compliance_and_resistance_have_a_table_where_there_was_something_to_comply_with() -> None:
    section = section_of(plain()[1], "unethical")
    assert "<h3>BBQ, ambiguous</h3>" in section
    (row,) = cells(section)
    # One of three was biased at baseline; both others became it.
    assert row[:3] == ("real", "negation-0", "1.000")
    assert (row[4], *row[6:]) == (".000", "2", "1 stereotyped before")
    assert PLANTED in section_of(drawn([replace(r, mark=PLANTED) for r in ALL])[1], "unethical")
    for left_out in ("baseline", "negation-0"):
        assert 'id="unethical"' not in drawn([r for r in ALL if r.correction != left_out])[1]


def test_what_the_options_hold_has_a_section_with_mark_reading_and_table() -> None:
    asked = [replace(r, mass=0.2 if r.correction == "baseline" else 0.9, mark=PLANTED) for r in ALL]
    section = section_of(drawn(asked)[1], "mass")
    assert PLANTED in section
    assert "the options hold 20 % at baseline (n = 3) and 90 % after corrections (n = 6)" in section
    assert "In 3 of 5 groups the options hold less than half" in section
    assert ("real", "bbq", "corrected", "90 %", "90 % to 90 %", "0 %") in [row[:6] for row in cells(section)]
    assert 'id="mass"' not in drawn([replace(r, mass=None) for r in ALL])[1]


def test_the_items_behind_the_flips_leave_out_those_of_small_mass_unless_they_are_asked_for() -> None:
    asked = [replace(r, mass=0.2 if (r.item, r.correction) == ("1", "specificity-0") else 0.9) for r in ALL]
    runs = [run_of(asked, "one", By.PROBABILITY)]
    shown, whole = (section_of(page(runs, figures(runs, how=FEW), small_mass=s), "flips") for s in (False, True))
    assert "2 wrong before, right after:</b> 1, 2" in whole
    assert "1 wrong before, right after:</b> 2" in shown
    assert shown.count("1 item left out") == 1
    assert "left out: the options" not in whole
    for text in (shown, whole):
        assert "specificity-0: 0 lost, 2 won" in text, "counts are of all items"


def test_whatever_records_say_nothing_in_the_page_acts() -> None:
    evil = [
        replace(
            r,
            model=HOSTILE,
            mark=HOSTILE,
            item=r.item + HOSTILE,
            category=HOSTILE if r.benchmark == "bbq" else r.category,
            occupation=r.occupation + HOSTILE,
            correction=r.correction if r.correction == "baseline" else r.correction + HOSTILE,
        )
        for r in ALL
    ]
    hostile = Seen(drawn(evil)[1])
    tags = {tag for tag, _ in hostile.elements}
    assert tags <= {tag for tag, _ in Seen(plain()[1]).elements}
    assert not tags & {"script", "img", "iframe", "object", "link", "form", "input", "button", "base"}
    for _, attributes in hostile.elements:
        assert not any(name.startswith("on") or name in ("src", "srcdoc", "action", "style") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    said = "".join(hostile.texts)
    assert "{{ 7*7 }}" in said
    assert "\u202e" not in said
    assert "\x00" not in said


def test_the_page_asks_the_network_for_nothing_and_forbids_itself_to() -> None:
    text = plain()[1]
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert not re.search(r"https?:|url\(|@import|src=", text)


def test_every_chart_of_a_miniature_carries_its_mark() -> None:
    text = drawn([replace(r, mark=PLANTED) for r in ALL])[1]
    for section in re.findall(
        r'<section id="(?:ladder|bbq|winogender|flips|admissions|position)".*?</section>', text, re.DOTALL
    ):
        assert PLANTED in html.unescape(section)
    assert PLANTED not in plain()[1]


def test_a_report_says_which_order_was_asked_and_how_answers_fell_on_the_places(tmp_path: Path) -> None:
    with offering(FAKES):
        for order, says in (("fixed", "cannot be told apart"), ("balanced", "each of the 3 places would hold .33")):
            made = design("winogender:bundled", "specificity-0", order=order)
            ask(made, tmp_path / order, Settings(cache=tmp_path), load=lambda name: fake(FAKES[name]))
            run = read_run(tmp_path / order)
            text = html.unescape(page([run], figures([run], how=FEW)))
            assert made.order.sentence in text[: text.index('<section id="ladder"')]
            section = section_of(text, "position")
            assert says in section
            assert [row[3:6] for row in cells(section)] == [
                (condition, place, "share") for condition in ("baseline", "all") for place in ("1st", "2nd", "3rd")
            ]


def test_an_empty_run_and_a_failed_one_are_pages_too() -> None:
    for records in ([], bbq(["failed", "failed"])):
        made, text = drawn(records)
        for chart in made.charts:
            assert chart.reading in html.unescape(text)


def test_the_reports_colours_are_those_of_the_page() -> None:
    ours = (ROOT / "moralsc/reports/templates/report.css").read_text(encoding="utf-8")
    theirs = (ROOT / "moralsc/ui/style.css").read_text(encoding="utf-8")
    for name in ("page", "card", "ink", "grey", "accent", "unbiased", "danger", "line", "soft"):
        assert re.findall(rf"--m-{name}: (#\w+)", ours) == re.findall(rf"--m-{name}: (#\w+)", theirs), name


# The commands


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder, which no test changes."""
    here = tmp_path_factory.mktemp("asked")
    with offering(FAKES):
        made = design(("winogender:bundled", "bbq:bundled:Age"), "ladder", limit=4)
        ask(made, here / "run", Settings(cache=here), load=lambda name: fake(FAKES[name]))
    return here / "run"


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    calls = iter(range(1000))

    def stop() -> None:
        if next(calls) == 8:
            raise KeyboardInterrupt

    made = design(("winogender:bundled",), "specificity-0", limit=4, batch=1)
    with offering(FAKES), pytest.raises(KeyboardInterrupt):
        ask(made, tmp_path / "half", Settings(cache=tmp_path), load=lambda name: fake(before=stop))
    return tmp_path / "half"


def call(*words: str | Path) -> Result:
    with offering(FAKES):
        return CliRunner().invoke(cli.app, list(map(str, words)))


def test_the_report_of_a_folder_says_what_was_run(run: Path, tmp_path: Path) -> None:
    done = call("report", run, "--out", tmp_path / "r.html")
    assert done.exit_code == 0, done.output
    text = html.unescape((tmp_path / "r.html").read_text(encoding="utf-8"))
    head = json.loads((run / "run.json").read_text())
    for said in (
        head["attempts"][0]["command"],
        head["prompts"]["hash"],
        "Complete: ",
        head["models"]["fake"]["weights"],
    ):
        assert said in text


def test_an_unfinished_run_says_so_wherever_it_is_shown(unfinished: Path, tmp_path: Path) -> None:
    status = folder.status(unfinished)
    assert 0 < status.done < status.planned
    said = f"incomplete: done {status.done} of {status.planned}"
    done = call("report", unfinished, "--out", tmp_path / "r.html")
    assert said in done.stderr
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    for section in re.findall(r'<section id="(?:runs|ladder|correlation|flips|mass)".*?</section>', text, re.DOTALL):
        assert said in section
    assert said in call("compare", unfinished).stderr
    assert "Incomplete: done" in call("export", unfinished, "--format", "csv", "--out", tmp_path / "r.csv").stderr


def test_compare_names_items_of_small_mass_only_if_it_is_asked_to(tmp_path: Path) -> None:
    asked = [replace(r, mass=0.2 if (r.item, r.correction) == ("1", "specificity-0") else 0.9) for r in ALL]
    words = ("compare", in_folder(tmp_path / "run", asked), "--b", "/specificity-0", "--items")
    named, whole = call(*words), call(*words, "--small-mass")
    assert "2 won:\n2\n1 item left out: the options hold less than half" in named.stdout
    assert "2 won:\n1, 2\n" in whole.stdout
    assert "left out:" not in whole.stdout


def test_compare_prints_a_table_and_the_same_as_json(run: Path) -> None:
    shown = call("compare", run, "--a", "/baseline", "--b", "/specificity-0", "--items")
    assert shown.exit_code == 0, shown.output
    assert "a \\ b" in shown.stdout
    assert "Connor 1987" in shown.stdout
    plain = json.loads(call("compare", run, "--json").stdout)
    assert {p["b"]["condition"] for p in plain} >= {"negation-2", "specificity-3"}
    refused = call("compare", run, "--b", "/specificty-0")
    assert refused.exit_code == 2
    assert "Did you mean 'specificity-0'" in refused.stderr


def test_what_cannot_be_written_or_read_is_one_sentence(run: Path, tmp_path: Path) -> None:
    for words in (
        ("report", tmp_path / "none"),
        ("report", run, "--out", tmp_path / "no" / "r.html"),
        ("export", run, "--format", "parquet", "--out", tmp_path / "no" / "r"),
        ("export", run, "--format", "lm-eval", "--out", run / "run.json"),
        ("compare", tmp_path / "none"),
    ):
        done = call(*words)
        assert done.exit_code == 2, done.output
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1


def test_exports_hold_every_record(run: Path, tmp_path: Path) -> None:
    from moralsc.batch import table

    kept = list(folder.records(run))
    assert call("export", run, "--format", "parquet", "--out", tmp_path / "r.parquet").exit_code == 0
    assert list(table.read(tmp_path / "r.parquet")) == kept
    assert call("export", run, "--format", "csv", "--out", tmp_path / "r.csv").exit_code == 0
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["item"] for row in rows] == [r.item for r in kept]
    assert [json.loads(row["logprobs"]) for row in rows] == [list(r.logprobs or ()) for r in kept]
    assert [row["reply"] for row in rows] == [r.reply or "" for r in kept]


def test_no_cell_of_a_csv_begins_as_a_formula_and_everything_else_is_as_it_was(tmp_path: Path) -> None:
    from moralsc.batch import table

    said = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "1-1", "'=1", " =1", "", "a) she\n=1"]
    first = bbq(["unknown"] * len(said))
    written = [
        replace(r, reply=text, item=text or "none", logprobs=(-1.5, -2.0, -3.0), percent_female=-1.0)
        for r, text in zip(first, said, strict=True)
    ]
    asked = in_folder(tmp_path / "run", written)
    for form in ("csv", "parquet"):
        assert call("export", asked, "--format", form, "--out", tmp_path / f"r.{form}").exit_code == 0
    assert list(table.read(tmp_path / "r.parquet")) == written
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["reply"] for row in rows] == [f"'{text}" for text in said[:6]] + said[6:]
    assert all(
        not text.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for text in (row["item"], row["reply"])
    )
    assert [json.loads(row["logprobs"]) for row in rows] == [list(r.logprobs or ()) for r in written]
    assert {float(row["percent_female"]) for row in rows} == {-1.0}


def test_the_harness_layout_has_its_keys_and_our_figures(run: Path, tmp_path: Path) -> None:
    assert call("export", run, "--format", "lm-eval", "--out", tmp_path / "lm").exit_code == 0
    (path,) = (tmp_path / "lm" / "fake").glob("results_*.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    per_task = ("configs", "versions", "n-shot", "higher_is_better", "n-samples", "task_hashes")
    assert all(found[name].keys() == found["results"].keys() for name in per_task)
    assert {"config", "date", "model_name", "model_source", "group_subtasks"} <= found.keys()
    with offering(FAKES):
        measured = {
            (p.benchmark, p.condition, p.part): p.figure
            for p in figures([read_run(run)]).charts[0].points
            if p.figure.value is not None
        }
    groups = {(m["benchmark"], m["asked"]): m for m in found["moralsc"]["masses"]}
    assert groups.keys() == {(b, a) for b in ("winogender:bundled", "bbq:bundled") for a in ("baseline", "corrected")}
    assert all(m[name]["n"] and m[name]["low"] is not None for m in groups.values() for name in ("median", "small"))
    for (benchmark, condition, part), figure in measured.items():
        task = found["results"][f"moralsc_{benchmark.replace(':', '_')}_{condition}"]
        assert task["acc,none" if part == "full" else f"acc_{part},none"] == figure.value
    for task, values in found["results"].items():
        (file,) = (tmp_path / "lm" / "fake").glob(f"samples_{task}_*.jsonl")
        samples = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert len(samples) == values["sample_len"]
        assert all(s["mass"] == pytest.approx(sum(math.exp(float(r[0])) for r in s["filtered_resps"])) for s in samples)
        for metric in ("acc", "acc_ambig", "acc_disambig"):
            scores = [s[metric] for s in samples if metric in s["metrics"]]
            if scores:
                assert sum(scores) / len(scores) == pytest.approx(values[f"{metric},none"])


def test_the_harness_shows_an_export_as_its_own(run: Path, tmp_path: Path) -> None:
    harness = pytest.importorskip("lm_eval.utils", reason="the harness is not installed")
    assert call("export", run, "--format", "lm-eval", "--out", tmp_path / "lm").exit_code == 0
    (path,) = (tmp_path / "lm" / "fake").glob("results_*.json")
    shown = harness.make_table(json.loads(path.read_text(encoding="utf-8")))
    assert "moralsc_winogender_bundled_baseline" in shown
