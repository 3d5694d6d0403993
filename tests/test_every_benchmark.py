"""One test for all benchmarks: whatever stands in the registry goes through everything that this program does."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from batch.fakes import FAKES, PROMPTS, SETTINGS, design, fake
from batch.fakes import asked as records_of
from catalogues import offering

from moralsc.analysis.statistics import Resampling
from moralsc.batch.run import run as ask
from moralsc.benchmarks import BENCHMARKS, ITEM_SETS, available, benchmark_of
from moralsc.benchmarks.bundled import bbq_rows
from moralsc.benchmarks.mbbq import LANGUAGES
from moralsc.errors import DataError, InputError
from moralsc.reports import pairs
from moralsc.reports.export import export
from moralsc.reports.figures import figures
from moralsc.reports.formats import Format
from moralsc.reports.page import html
from moralsc.reports.readings import benchmark_title
from moralsc.reports.runs import Run, read_run, run_of
from moralsc.reports.score import predictions
from moralsc.reports.scored import score_run
from moralsc.settings import Settings
from moralsc.ui import views
from moralsc.ui.behind import PLAN, Behind, Chosen
from moralsc.ui.library import Library
from moralsc.ui.run_readings import read as read_so_far
from moralsc.ui.shelf import Shelf

LAW = "index,race,sex,LSAT,UGPA\n0,White,1,39.0,3.1\n1,Black,2,31.0,2.8\n"
AGE = "\n".join(map(json.dumps, bbq_rows("Age")[:48]))
MADE = {"admissions": {"law_data.csv": LAW}} | {
    f"mbbq_{language}": {f"Age_{language}.jsonl": AGE, f"Age_control_{language}.jsonl": AGE} for language in LANGUAGES
}
SOURCES = Path(__file__).resolve().parents[1] / "moralsc"
FEW = Resampling(resamples=20)


@pytest.fixture(scope="module", params=ITEM_SETS)
def key(request: pytest.FixtureRequest) -> str:
    """Every set of items: published ones where they are, and ours."""
    return str(request.param)


@pytest.fixture(scope="module")
def settings(key: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Where its items are found; skipped where they are not. Of those that nobody may hand on, files are made here."""
    if key in MADE:
        folder = tmp_path_factory.mktemp("data")
        for name, text in MADE[key].items():
            (folder / name).write_text(text, encoding="utf-8")
        return replace(SETTINGS, data=folder)
    found = SETTINGS if ":" in key else replace(SETTINGS, data=request.getfixturevalue("data_dir"))
    if not available(*ITEM_SETS[key], found):
        pytest.skip(f"the published items of {key} are not here")
    return found


@pytest.fixture(scope="module")
def path(key: str, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of its items."""
    out = tmp_path_factory.mktemp("runs") / "run"
    with offering(FAKES):
        done = ask(design(key, "ladder", limit=4, batch=8, order="rotated"), out, settings, load=lambda name: fake())
    assert done.complete
    return out


@pytest.fixture(scope="module")
def run(path: Path) -> Run:
    with offering(FAKES):
        return read_run(path)


def test_nothing_of_it_fails(run: Run, key: str) -> None:
    assert run.failures == {}
    assert [benchmark.partition(":")[0] for _, benchmark in run.results] == [key.partition(":")[0]]


def test_every_condition_is_scored_and_compared(path: Path, run: Run) -> None:
    conditions = {r.correction for rows in run.results.values() for r in rows}
    lines = score_run(path, how=FEW).records()
    assert conditions <= {line["correction"] for line in lines}
    assert all(line["n"] for line in lines if line["value"] is not None)
    compared = pairs.compare_runs(run, run, how=FEW)
    assert {pair.b.condition for pair in compared.pairs} == conditions - {"baseline"}


def test_its_figures_stand_in_a_report(run: Run) -> None:
    made = figures([run], how=FEW, pools=True)
    shown = {chart.kind: chart for chart in made.charts if chart.points}
    assert {"position"} < set(shown), "beside the share of places there is a figure of its own"
    assert all(chart.reading and chart.table() and chart.records() for chart in shown.values())
    assert all(f'<section id="{kind}"' in html([run], made) for kind in shown)


@pytest.mark.parametrize("form", Format)
def test_its_records_are_exported(path: Path, form: Format, tmp_path: Path) -> None:
    assert export(path, form, tmp_path / "out")


def test_in_the_harness_s_layout_every_share_of_right_answers_has_a_key_of_its_own(path: Path, tmp_path: Path) -> None:
    of = benchmark_of(next(iter(read_run(path).results))[1].partition(":")[0])
    (results,) = (p for p in export(path, Format.LM_EVAL, tmp_path / "out") if p.name.startswith("results"))
    for values in json.loads(results.read_text(encoding="utf-8"))["results"].values():
        shares = [name for name in values if re.fullmatch(r"acc\w*,none", name) and "_stderr" not in name]
        assert len(shares) == len(of.compared)


def test_parts_and_conditions_have_titles_of_their_own(run: Run) -> None:
    for chart in figures([run], how=FEW).charts:
        panels = {(p.benchmark, p.part) for p in chart.points if not p.place}
        assert len({benchmark_title(*panel) for panel in panels}) == len(panels)


def test_the_page_reads_a_run_while_it_goes_on(run: Run) -> None:
    reading = read_so_far(run, PROMPTS.corrections)
    assert "Nothing to show" not in reading.text
    assert reading.text
    assert bool(reading.scores) is any(benchmark_of(rows[0].benchmark).compared for rows in run.results.values())


def test_its_items_are_listed_behind_their_figures(path: Path, key: str, settings: Settings) -> None:
    there = replace(settings, results=path.parent)
    with offering(FAKES):
        library = Library(there)
        (folder,) = library.folders()
        chosen = Chosen(folder.name, "fake", next(iter(library.open(folder).held.benchmarks)), "negation-0", sort=PLAN)
        listing = Behind(library, there, PROMPTS).listing(chosen, 0)
    assert listing.rows
    assert all(any(cell for cell in row[1:4]) for row in listing.rows), "a probability stands in every row"


def test_the_page_offers_its_items_and_shows_each_kind(key: str, settings: Settings) -> None:
    shelf = Shelf(settings)
    assert key in shelf.titles()
    for _, category in shelf.categories(key):
        for _, condition in shelf.conditions(key, category):
            item = shelf.first(key, category, condition)
            card = views.item_card(item)
            assert len(card["options"]) == len(item.options) >= 2
            assert PROMPTS.ladder(item)
    assert shelf.example(key)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_answers_made_elsewhere_are_read_or_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text("{}\n")
    with pytest.raises((InputError, DataError), match=r"missing|not on this machine|cannot be read"):
        predictions(name, file, replace(SETTINGS, cache=tmp_path))


@pytest.mark.parametrize("key", ["winogender:bundled", "admissions:bundled"])
def test_a_run_of_a_benchmark_that_is_not_here_has_its_name_and_the_figures_of_any_question(key: str) -> None:
    with offering(FAKES):
        asked = [replace(r, benchmark="gone") for r in records_of(design(key, "negation-0", limit=3), fake())]
    found = run_of(asked, "theirs")
    chart = figures([found], how=FEW).charts[0]
    assert benchmark_of("gone").title == "gone"
    assert {p.benchmark for p in chart.points} == {"gone:bundled"}
    assert html([found], figures([found], how=FEW))


NAMES = re.compile(rf"\b({'|'.join(BENCHMARKS)}|{'|'.join(b.title for b in BENCHMARKS.values())})\b")


@pytest.mark.parametrize(
    "source",
    [p for p in sorted(SOURCES.rglob("*.py")) if p.relative_to(SOURCES).parts[0] != "benchmarks"],
    ids=lambda path: path.relative_to(SOURCES).as_posix(),
)
def test_no_other_module_names_a_benchmark(source: Path) -> None:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    assert [words for words in _words(tree) if NAMES.search(words)] == []


def _words(tree: ast.Module) -> Iterator[str]:
    """Every name and text of a module but its docstrings, in which a benchmark may be an example."""
    said = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value
        elif isinstance(node, ast.Name | ast.Attribute | ast.alias):
            yield getattr(node, "id", "") or getattr(node, "attr", "") or getattr(node, "name", "")
