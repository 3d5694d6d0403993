"""The results that come with moralsc: whole, of the models as they are, and small; those of practice models marked."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from moralsc.benchmarks import Source
from moralsc.models import catalogue
from moralsc.prompts import default_prompts
from moralsc.reports.dialogues import dialogues
from moralsc.reports.runs import read_run
from moralsc.settings import Settings
from moralsc.ui.library import BUNDLED

FOLDERS = sorted(BUNDLED.iterdir())
REAL = [folder for folder in FOLDERS if folder.name.startswith("real-")]
PRACTICE = [folder for folder in FOLDERS if folder not in REAL]
MEGABYTES = 8


def head(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return found


def test_they_are_small() -> None:
    assert FOLDERS
    assert sum(f.stat().st_size for f in BUNDLED.rglob("*") if f.is_file()) <= MEGABYTES * 1e6


@pytest.mark.parametrize("folder", REAL, ids=lambda f: f.name)
def test_those_of_real_models_are_whole_and_name_package_hash_and_quantisation(folder: Path) -> None:
    said, records = head(folder), pd.read_parquet(folder / "records.parquet")
    assert said["complete"]
    assert len(records) == said["rows"]
    for name, facts in said["models"].items():
        spec = catalogue()[name]
        assert facts["weights"] == f"{' '.join(spec.package)} sha256:{spec.sha256[:16]}"
        assert facts["quantisation"].startswith("gguf Q4")
    assert set(records["source"]) == {"bundled" if folder.name == "real-bundled" else "published"}
    assert set(records["mark"]) == {""}
    assert not (records["status"] == "failed").any()
    assert not any(word in (folder / "run.json").read_text() for word in ("/tmp", "/home", "/root"))


@pytest.mark.parametrize("folder", PRACTICE, ids=lambda f: f.name)
def test_they_are_whole_and_of_the_models_and_prompts_that_are_here(folder: Path) -> None:
    said = head(folder)
    bundled = {name: f"sha256:{spec.sha256}" for name, spec in catalogue().items() if spec.bundled}
    assert said["complete"]
    assert {name: facts["weights"] for name, facts in said["models"].items()} == bundled


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_what_was_sent_then_is_what_would_be_sent_now(folder: Path, request: pytest.FixtureRequest) -> None:
    """Every message of some items has the hash that its record holds: a new text elsewhere makes no run an old one."""
    records = pd.read_parquet(
        folder / "records.parquet", columns=["model", "benchmark", "source", "item", "correction"]
    )
    for (benchmark, source), found in records.groupby(["benchmark", "source"]):
        data = request.getfixturevalue("data_dir") if source == Source.PUBLISHED else None
        for row in found.drop_duplicates("item").iloc[:: max(1, found["item"].nunique() // 3)].itertuples():
            there = Settings(cache=folder, data=data)
            told = dialogues(folder, row.model, benchmark, Source(source), row.item, there, default_prompts())
            assert told
            assert all(one.same for one in told), (row.item, [one.correction for one in told if not one.same])


@pytest.mark.parametrize("folder", PRACTICE, ids=lambda f: f.name)
def test_every_record_is_there_and_is_marked(folder: Path) -> None:
    records = pd.read_parquet(folder / "records.parquet")
    assert len(records) == head(folder)["rows"]
    assert set(records["source"]) == {"published", "bundled"}
    assert all(records["mark"].str.startswith("planted biases"))
    assert not (records["status"] == "failed").any()


def test_they_are_read_as_any_run() -> None:
    run = read_run(FOLDERS[0])
    assert run.status is not None
    assert run.status.complete
    assert run.results
