"""Runs of one model in several languages of items and of instructions, set against each other."""

from pathlib import Path

import pytest
from batch.fakes import FAKES, SETTINGS, design, fake
from catalogues import offering

from moralsc.analysis.statistics import Resampling
from moralsc.batch.run import run as ask
from moralsc.reports.chart import Kind
from moralsc.reports.figures import figures
from moralsc.reports.languages import crossed
from moralsc.reports.page import html
from moralsc.reports.runs import Run, read_run
from moralsc.settings import Settings

FEW = Resampling(resamples=20)


def made(folder: Path, *languages: str) -> list[Run]:
    """Runs of our own BBQ items, a run for each language of the instructions."""
    for language in languages:
        settings = SETTINGS if language == "en" else Settings(cache=SETTINGS.cache, prompts=Path(language))
        wanted = design("bbq:bundled:Age", "specificity-0", limit=4)
        ask(wanted, folder / language, settings, load=lambda name: fake())
    return [read_run(folder / language) for language in languages]


@pytest.fixture(autouse=True)
def _fakes() -> object:
    with offering(FAKES):
        yield


def test_instruction_languages_stand_side_by_side_for_the_same_items(tmp_path: Path) -> None:
    runs = made(tmp_path, "en", "es", "ko")
    shown = figures(runs, how=FEW)
    header, *rows = crossed(runs, shown.chart(Kind.LADDER))
    assert header[-3:] == ("instructions: en", "instructions: es", "instructions: ko")
    assert {(row[2], row[4]) for row in rows} == {("en", "baseline"), ("en", "specificity-0")}
    points = {(p.series.run, p.part, p.condition): p.figure for p in shown.chart(Kind.LADDER).points}
    assert all(cell.endswith(f"n = {points['es', 'ambig', 'baseline'].n})") for cell in rows[0][-3:])
    assert '<section id="languages"' in html(runs, shown)
    assert [run.head["prompts"].get("language") for run in runs] == [None, "es", "ko"]


def test_where_all_is_in_english_there_is_no_such_table(tmp_path: Path) -> None:
    runs = made(tmp_path, "en")
    shown = figures(runs, how=FEW)
    assert crossed(runs, shown.chart(Kind.LADDER)) == []
    assert '<section id="languages"' not in html(runs, shown)
