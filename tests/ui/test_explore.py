"""The Explore section: its figures are those of a report of the same runs, whatever is filtered, missing or broken."""

import base64
import csv
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from batch.made import admissions, bbq, by_item, in_folder, winogender
from catalogues import HUB, offering

from moralsc.analysis.statistics import Resampling
from moralsc.batch.record import Record
from moralsc.models import PLANTED
from moralsc.prompts import default_prompts
from moralsc.reports.figures import Choice, arranged, chosen, figures, measured
from moralsc.reports.runs import read_runs
from moralsc.settings import Settings
from moralsc.ui import explore_section, explore_views
from moralsc.ui.explorer import KINDS, MOST_RUNS, Explorer, Filters, Form, Selection
from moralsc.ui.library import Library
from moralsc.ui.own import build_visitor
from moralsc.ui.pieces import template

FEW = Resampling(resamples=100)
CORRECTIONS = default_prompts().corrections


def asked(model: str, **more: Any) -> list[Record]:
    made = list[Record]()
    for correction, answers in (
        ("baseline", ["unknown", "biased", "biased", "counter"]),
        ("specificity-0", ["unknown", "unknown", "biased", "unknown"]),
        ("negation-0", ["biased", "biased", "biased", "biased"]),
    ):
        made += bbq(answers, correction)
        made += bbq(answers[::-1], correction, start=10, category="SES", condition="disambiguated")
        made += winogender([(10, 0.1), (50, 0.4), (90, 0.7)], correction)
        made += admissions([0.2, -0.1], correction)
    return [replace(r, model=model, **more) for r in made]


@pytest.fixture(autouse=True)
def catalogue() -> Iterator[None]:
    with offering({name: replace(HUB, name=name) for name in ("real", "other")}):
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    in_folder(folder / "one", by_item([*asked("real"), *asked("other")]))
    in_folder(folder / "two", by_item(asked("real", mark=PLANTED)), complete=False)
    return folder


@pytest.fixture
def shelf(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "runs"))


def explorer(shelf: Path | None, tmp_path: Path) -> Explorer:
    settings = Settings(cache=tmp_path / "cache", results=shelf)
    return Explorer(Library(settings, tmp_path / "bundled", FEW), CORRECTIONS)


def test_what_is_shown_equals_a_report_of_the_same_runs(shelf: Path, tmp_path: Path) -> None:
    here = explorer(shelf, tmp_path)
    for names in (("one",), ("two",), ("one", "two")):
        found = here.figures(here.choose(Filters(runs=names)).selection)
        expected = figures(read_runs([shelf / name for name in names]), CORRECTIONS, FEW)
        assert found.charts == expected.charts
        assert [f.verdict for f in found.findings] == [f.verdict for f in expected.findings]


@pytest.mark.parametrize(
    ("filters", "choice", "category"),
    [
        (Filters(models=("other",)), Choice(models=("other",)), ""),
        (Filters(benchmarks=("winogender",)), Choice(benchmarks=("winogender",)), ""),
        (Filters(context="ambig"), Choice(contexts=("ambig",)), ""),
        (Filters(corrections=("negation-0",)), Choice(corrections=("negation-0",)), ""),
        (Filters(mode="follow-up"), Choice(modes=("follow-up",)), ""),
        (Filters(category="SES", models=("real",)), Choice(models=("real",)), "SES"),
    ],
)
def test_a_filter_shows_what_a_report_would_of_that_choice(
    shelf: Path, tmp_path: Path, filters: Filters, choice: Choice, category: str
) -> None:
    here = explorer(shelf, tmp_path)
    selection = here.choose(filters).selection
    runs = read_runs([shelf / "one", shelf / "two"])
    expected = arranged(chosen(measured(runs, FEW, category), choice), CORRECTIONS)
    assert selection.narrowed
    assert here.figures(selection).charts == expected.charts
    assert any(chart.points for chart in expected.charts)


def test_a_filter_that_the_chosen_runs_do_not_hold_is_dropped(shelf: Path, tmp_path: Path) -> None:
    here = explorer(shelf, tmp_path)
    wanted = Filters(("two", "gone"), ("other", "real"), ("xstest",), "Religion", "disambig", ("cot",), "sung")
    shown = here.choose(wanted)
    assert shown.selection.filters == Filters(runs=("two",), models=("real",), context="disambig")
    offered = explore_views.offered(shown, CORRECTIONS)
    assert [value for _, value in offered["models"]] == ["real"]
    assert [value for _, value in offered["runs"]] == ["one", "two"]
    assert [value for _, value in offered["corrections"]] == ["negation-0", "specificity-0"]
    assert [value for _, value in offered["context"]] == ["", "ambig", "disambig"]


def test_a_model_is_offered_with_its_size_and_stage(shelf: Path, tmp_path: Path) -> None:
    shown = explorer(shelf, tmp_path).choose(Filters())
    assert ("real · 135M · sft", "real") in explore_views.offered(shown, CORRECTIONS)["models"]


def test_an_unfinished_run_and_a_miniature_are_said_to_be_what_they_are(shelf: Path, tmp_path: Path) -> None:
    here = explorer(shelf, tmp_path)
    shown = here.choose(Filters())
    count = len(asked("real"))
    assert f"two: incomplete: done {count} of {count + 1} records" in explore_views.runs(shown)["shown"]
    assert shown.unfinished
    head = explore_views.head(here.chart(shown.selection, "ladder"), False)
    assert any(f"two is incomplete: done {count} of {count + 1}" in note for note in head["notes"].values())
    assert list(head["marks"].values()) == [f"real: {PLANTED}."]


@pytest.fixture
def both(shelf: Path) -> Path:
    """The shelf with a run of practice models beside the real ones."""
    in_folder(shelf / "planted", by_item(asked("real", mark=PLANTED)))
    head = json.loads((shelf / "planted/run.json").read_text())
    (shelf / "planted/run.json").write_text(json.dumps(head | {"models": {"real": {"mark": PLANTED}}}))
    return shelf


def test_what_opens_the_page_are_the_real_models_and_one_click_shows_the_others(both: Path, tmp_path: Path) -> None:
    here = explorer(both, tmp_path)
    shown = here.choose(Filters())
    assert [f.name for f in shown.selection.folders] == ["one", "two"]
    assert shown.names[-1] == shown.aside[0] == "practice models: planted"
    assert explore_views.other_side(shown) == "Show practice models"
    other = here.choose(Filters(runs=here.other_side(shown.selection.filters.runs)))
    assert [f.name for f in other.selection.folders] == ["practice models: planted"]
    assert explore_views.other_side(other) == "Show real models"
    assert here.other_side(other.selection.filters.runs) == ()
    mixed = here.choose(Filters(runs=("one", "practice models: planted")))
    assert here.other_side(mixed.selection.filters.runs) == ("practice models: planted",)


def test_the_button_between_them_is_there_only_with_both(both: Path) -> None:
    ask = look(both)
    assert ask()["practice"] == gr.update(value="Show practice models", visible=True)
    assert ask()["fold"]["chosen"] == "real models"
    planted = ask(["practice models: planted"], [], [], "", "", [], "")
    assert planted["practice"]["value"] == "Show real models"
    shutil.rmtree(both / "planted")
    assert not ask()["practice"]["visible"]


def test_no_runs_at_all_say_what_to_do(tmp_path: Path) -> None:
    here = explorer(None, tmp_path)
    shown = here.choose(Filters())
    said = explore_views.runs(shown)
    assert said["empty"]
    assert "MORALSC_RESULTS" in said["advice"]
    assert all(f'href="#{section}"' in template("shown") for section in ("m-run-title", "m-bring"))
    assert said["command"].startswith("moralsc run ")
    assert shown.selection.folders == ()


def test_a_broken_run_is_named_and_the_others_are_shown(shelf: Path, tmp_path: Path) -> None:
    (shelf / "bad").mkdir()
    (shelf / "bad/run.json").write_text("[]")
    shown = explorer(shelf, tmp_path).choose(Filters())
    assert [f.name for f in shown.selection.folders] == ["one", "two"]
    (said,) = shown.problems
    assert said.startswith("bad")
    assert str(shelf) not in said


def test_no_more_runs_are_shown_than_a_page_should_have(tmp_path: Path) -> None:
    for k in range(MOST_RUNS + 2):
        in_folder(tmp_path / f"runs/r{k:02}", bbq(["unknown"]))
    shown = explorer(tmp_path / "runs", tmp_path).choose(Filters())
    assert (len(shown.selection.folders), shown.left_out, len(shown.names)) == (MOST_RUNS, 2, MOST_RUNS + 2)
    assert "2 more" in explore_views.runs(shown)["shown"]


def test_a_chart_that_the_filters_empty_says_so_and_one_without_answers_says_why(shelf: Path, tmp_path: Path) -> None:
    here = explorer(shelf, tmp_path)
    chart = here.chart(here.choose(Filters(benchmarks=("bbq",))).selection, "gap")
    assert "filters" in explore_views.head(chart, True)["reading"]
    assert explore_views.head(chart, False)["reading"] == chart.reading


def test_a_table_has_the_charts_figures_and_says_when_it_is_cut(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = explorer(shelf, tmp_path)
    chart = here.chart(here.choose(Filters()).selection, "categories")
    whole = explore_views.table(chart)
    cells = [tuple(row.values()) for row in (whole["head"], *whole["rows"].values())]
    assert cells == chart.table()
    assert whole["more"] == ""
    monkeypatch.setattr(explore_views, "MOST_ROWS", 5)
    cut = explore_views.table(chart)
    assert len(cut["rows"]) == 5
    assert f"5 of {len(chart.points)}" in cut["more"]


def test_every_chart_with_figures_is_drawn_and_its_drawings_name_no_address(shelf: Path, tmp_path: Path) -> None:
    here = explorer(shelf, tmp_path)
    selection = here.choose(Filters()).selection
    for kind in KINDS:
        assert here.chart(selection, kind).points
        drawn = here.drawn(selection, kind)
        assert drawn
        assert all("https:" not in panel.spec and json.loads(panel.spec)["width"] for panel in drawn)


def test_a_chart_is_saved_as_what_it_says(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    in_folder(tmp_path / "odd/=1+1", by_item(asked("real")))
    here = explorer(tmp_path / "odd", tmp_path)
    selection = here.choose(Filters()).selection
    files = {form: here.file(selection, "ladder", form) for form in Form}
    content = {form: base64.b64decode(file["data"]) for form, file in files.items()}
    assert content[Form.PNG].startswith(b"\x89PNG")
    assert content[Form.SVG].startswith(b"<svg")
    assert [file["name"] for file in files.values()] == [f"moralsc-ladder.{form}" for form in Form]
    rows = list(csv.DictReader(io.StringIO(content[Form.CSV].decode())))
    records = here.chart(selection, "ladder").records()
    assert [row["value"] for row in rows] == [str(r["value"]) for r in records]
    assert {row["run"] for row in rows} == {"'=1+1"}


def look(shelf: Path | None) -> Callable[..., dict[str, Any]]:
    """The section's handler -> the name of a part: its update."""
    here = Explorer(Library(Settings(cache=Path("none"), results=shelf), Path("none"), FEW), CORRECTIONS)
    with gr.Blocks(), gr.Tab() as tab:
        p = explore_section.build(here, build_visitor(), tab)
    handler = explore_section._looking(here, p)
    names = {p.selection: "selection", p.runs: "runs", p.again: "again", p.fold: "fold", p.practice: "practice"}
    names |= {part: name for name, part in p.filters.items()}
    names |= {card.head: f"{kind} head" for kind, card in p.cards.items()}
    names |= {card.body: f"{kind} body" for kind, card in p.cards.items()} | {p.mass: "mass"}

    def ask(*values: Any) -> dict[str, Any]:
        *_, last = handler("", *(values or ([], [], [], "", "", [], "")))
        return {names[part]: update for part, update in last.items()}

    return ask


def test_the_section_fills_its_cards_and_hides_what_is_empty(shelf: Path) -> None:
    ask = look(shelf)
    found = ask()
    assert all(found[f"{kind} body"]["visible"] for kind in KINDS)
    assert found["models"]["visible"]
    assert not found["mode"]["visible"], "there is one alone"
    found = ask([], [], ["bbq"], "", "", [], "")
    assert found["benchmarks"]["value"] == ["bbq"]
    assert found["fold"]["chosen"] == "BBQ"
    assert not found["gap body"]["visible"]
    assert "filters" in found["gap head"]["reading"]


def test_the_section_says_what_the_options_hold_of_what_is_chosen(shelf: Path) -> None:
    ask, models = look(shelf), {}
    for benchmarks in ([], ["bbq"]):
        found = ask([], [], benchmarks, "", "", [], "")["mass"]
        models[bool(benchmarks)] = {row["1"] for row in found["rows"].values()}
        assert "the options hold 90 %" in found["reading"]
        assert found["head"]["3"] == "options' mass"
    assert {"bbq"} == models[True] < models[False]


def test_the_section_without_runs_shows_no_card(tmp_path: Path) -> None:
    found = look(None)(None, None, None, None, None, None, None)
    assert found["runs"]["empty"]
    assert found["selection"] == Selection()
    assert found["again"]["visible"]
    assert found["mass"] == {}
    assert not any(found[f"{kind} body"]["visible"] for kind in KINDS)


def test_text_from_a_run_is_without_effect(tmp_path: Path) -> None:
    in_folder(tmp_path / "runs/a", by_item(asked("${alert(1)}\\")))
    here = explorer(tmp_path / "runs", tmp_path)
    selection = here.choose(Filters()).selection
    chart = here.chart(selection, "ladder")
    shown = json.dumps([explore_views.head(chart, False), explore_views.table(chart)])
    assert "${" not in shown.replace("\\\\$", "")
