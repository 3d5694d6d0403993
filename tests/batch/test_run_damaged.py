"""A complete run that was damaged since: whoever reads it is told, and the same call mends it; other weights do not."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from batch.fakes import FAKES, SETTINGS, FakeEngine, design, fake, untimed
from catalogues import REAL, offering
from typer.testing import CliRunner

from moralsc import cli
from moralsc.batch import folder
from moralsc.batch import run as running
from moralsc.batch.folder import Status
from moralsc.batch.run import run
from moralsc.engines.pool import load_local
from moralsc.errors import RunError
from moralsc.models import ModelSpec, Quantisation

SMALL = design("winogender:bundled", "specificity-0,cot", limit=1, batch=1)


def start(out: Path, engine: FakeEngine | None = None, **more: Any) -> Status:
    return run(SMALL, out, SETTINGS, load=lambda name: engine or fake(), **more)


def rows(out: Path) -> list[dict[str, Any]]:
    return untimed(list(folder.records(out)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("damaged") / "whole"
    with offering(FAKES):
        start(out)
    return out


@pytest.fixture
def kept(whole: Path, tmp_path: Path) -> Path:
    """A run to damage."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def edited(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], object]:
    return lambda file: change(pd.read_parquet(file)).to_parquet(file, index=False)


def in_its_midst(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:4] + bytes(500) + content[504:])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut off": (lambda file: file.write_bytes(file.read_bytes()[:5000]), "cannot be read as Parquet"),
    "empty": (lambda file: file.write_bytes(b""), "cannot be read as Parquet"),
    "in its midst": (in_its_midst, "cannot be read as Parquet"),
    "gone": (lambda file: file.unlink(), "there is no records.parquet in it"),
    "without columns": (
        edited(lambda frame: frame.drop(columns=["item", "probabilities"])),
        "lacks columns of a run's records: item, probabilities",
    ),
    "of another type": (edited(lambda frame: frame.assign(row="one")), "another type than a run's records: row"),
    "with fewer rows": (edited(lambda frame: frame.head(2)), "holds 2 of "),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_and_made_anew_by_the_same_call_without_asking(
    kept: Path, whole: Path, damage: str
) -> None:
    spoil, says = DAMAGES[damage]
    spoil(kept / folder.RECORDS)
    with pytest.raises(RunError, match=says) as told:
        rows(kept)
    assert str(told.value).startswith(f"{kept} is damaged: ")
    assert "The same run command as before makes the file anew" in str(told.value)
    untouched = fake(before=lambda: pytest.fail("everything is in the shards"))
    assert start(kept, untouched).complete
    assert rows(kept) == rows(whole)


@pytest.mark.parametrize("column", ["item", "probabilities", "favoured_role", "model", "correction"])
def test_no_column_is_read_as_nothing(kept: Path, column: str) -> None:
    edited(lambda frame: frame.drop(columns=column))(kept / folder.RECORDS)
    with pytest.raises(RunError, match=f"lacks columns of a run's records: {column}"):
        list(folder.records(kept, ("row",)))


def test_a_run_whose_records_are_all_gone_is_no_complete_one_and_is_asked_again(kept: Path, whole: Path) -> None:
    (kept / folder.RECORDS).unlink()
    shutil.rmtree(kept / folder.SHARDS)
    with pytest.raises(RunError, match="there is no records.parquet in it"):
        folder.status(kept)
    assert start(kept).complete
    assert rows(kept) == rows(whole)


def test_the_file_alone_is_a_complete_run(kept: Path, whole: Path) -> None:
    shutil.rmtree(kept / folder.SHARDS)
    assert folder.status(kept).complete
    assert rows(kept) == rows(whole)
    assert start(kept, fake(before=lambda: pytest.fail("nothing is left to ask"))).complete


COMMANDS: dict[str, tuple[str, ...]] = {"report": (), "compare": (), "export": ("--format", "csv")}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["cut off", "without columns", "gone", "a bare head", "no design", "named as a file"])
def test_every_command_that_reads_a_damaged_run_ends_with_one_sentence(kept: Path, command: str, name: str) -> None:
    head, given = json.loads((kept / "run.json").read_text()), kept
    if name == "named as a file":
        given, says = kept / folder.RECORDS, f"is a file and no run's folder. Name the folder: {kept}."
    elif name in DAMAGES:
        spoil, says = DAMAGES[name]
        spoil(kept / folder.RECORDS)
    else:
        bare = name == "a bare head"
        broken = {"format": head["format"]} if bare else {k: v for k, v in head.items() if k != "design"}
        says = "another type, complete, rows, design, models, attempts." if bare else "another type, design."
        (kept / "run.json").write_text(json.dumps(broken))
    out = () if command == "compare" else ("--out", str(kept / "out"))
    done = CliRunner().invoke(cli.app, [command, str(given), *COMMANDS[command], *out])
    assert done.exit_code == 2, done.output
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


# Other weights


def locally(out: Path, monkeypatch: pytest.MonkeyPatch, engine: FakeEngine | None = None, **more: Any) -> Status:
    """As a run without an engine of the caller's own."""

    def load(name: str, **_: Any) -> FakeEngine:
        assert engine, "nothing is left to ask"
        return engine

    monkeypatch.setattr(running, "load_local", load)
    return run(SMALL, out, SETTINGS, **more)


def refused(out: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> list[str]:
    before = (out / "run.json").read_text()
    with pytest.raises(RunError, match="holds another run") as told:
        locally(out, monkeypatch, **more)
    assert (out / "run.json").read_text() == before
    return str(told.value).splitlines()[1:]


def test_a_complete_run_refuses_another_precision_without_loading_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    locally(out, monkeypatch, fake(), dtype="float32")
    assert refused(out, monkeypatch, dtype="bfloat16") == ['  fake.dtype: "float32" there, "bfloat16" now']
    assert locally(out, monkeypatch).complete
    assert locally(out, monkeypatch, dtype="float32").complete


def offered(**changes: Any) -> ModelSpec:
    return replace(FAKES["fake"], bundled=False, **changes)


def test_a_complete_run_refuses_other_weights_without_loading_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, out = tmp_path / "first", tmp_path / "second", tmp_path / "run"
    for place in (first, second):
        place.mkdir()
        (place / "model.safetensors").write_bytes(place.name.encode())
    with offering({"fake": offered(path=str(first))}):
        weights = running.weights.known("fake", None, tmp_path)["weights"]
        locally(out, monkeypatch, fake(weights=weights))
        assert locally(out, monkeypatch).complete
    with offering({"fake": offered(path=str(second))}):
        now = running.weights.known("fake", None, tmp_path)["weights"]
        assert refused(out, monkeypatch) == [f'  fake.weights: "{weights}" there, "{now}" now']
    with offering({"fake": offered(path=str(tmp_path / "gone"))}):
        assert locally(out, monkeypatch).complete


def test_what_is_known_of_weights_is_what_the_loaded_model_says_of_them(tmp_path: Path) -> None:
    with offering({REAL.name: REAL}):
        facts = load_local(REAL.name, offline=True, dtype="bfloat16").provenance
        known = running.weights.known(REAL.name, "bfloat16", tmp_path)
    assert known == {name: facts[name] for name in ("weights", "dtype")}


def test_of_a_model_of_the_hub_the_commit_is_known(tmp_path: Path) -> None:
    pinned = {"path": "", "repo": "owner/name", "revision": "a" * 40}
    with offering({"fake": offered(**pinned), "other": offered(**pinned, quantisation=Quantisation.INT8)}):
        weights = {"weights": f"owner/name@{'a' * 40}"}
        assert running.weights.known("fake", "bfloat16", tmp_path) == {**weights, "dtype": "bfloat16"}
        assert running.weights.known("fake", None, tmp_path) == weights
        # What a quantised model counts as its precision is not only what was asked for.
        assert running.weights.known("other", "bfloat16", tmp_path) == weights
