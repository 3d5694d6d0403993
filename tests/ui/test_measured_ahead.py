"""Categories of a large run are measured before anybody chooses them, with the same figures; of a small one not."""

import threading
from pathlib import Path

import pytest
from batch.made import bbq, by_item, in_folder

from moralsc.analysis.statistics import Resampling
from moralsc.settings import Settings
from moralsc.ui import library as libraries
from moralsc.ui.library import Library

MADE = by_item([*bbq(["unknown", "biased", "biased"]), *bbq(["unknown", "unknown", "biased"], "specificity-0")])


@pytest.fixture
def here(tmp_path: Path) -> Library:
    in_folder(tmp_path / "runs/a", MADE)
    return Library(Settings(cache=tmp_path / "cache"), tmp_path / "runs", Resampling(resamples=50))


def test_a_large_run_is_ready_for_every_category(here: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_LARGE", 1)
    (folder,) = here.folders()
    category = here.open(folder).held.categories[0]
    asked = here.parts([folder], category)
    other = Library(Settings(cache=folder.path / "none"), folder.path.parent, Resampling(resamples=50))
    assert not other.ready(folder, category)
    other.measure_ahead(folder)
    for thread in threading.enumerate():
        if thread.daemon and thread is not threading.current_thread() and thread.name.startswith("measuring"):
            thread.join(30)
    assert all(other.ready(folder, c) for c in other.open(folder).held.categories)
    assert other.parts([folder], category) == asked


def test_a_small_run_is_left_alone(here: Library) -> None:
    (folder,) = here.folders()
    here.measure_ahead(folder)
    assert not any(here.ready(folder, c) for c in here.open(folder).held.categories)
