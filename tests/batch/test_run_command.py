"""`moralsc run`: the plan first, then progress, then figures and the path; and every end in a sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from batch.fakes import FAKES, fake
from typer.testing import CliRunner, Result

import moralsc
from moralsc import cli, cli_run
from moralsc.batch import design, folder, run
from moralsc.models import PLANTED

MINI = ("--model", "fake", "--benchmark", "winogender:bundled", "--benchmark", "bbq:bundled:Age", "--limit", "2")


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("MORALSC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MORALSC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(run, "load_local", lambda name, **_: fake(FAKES[name]))


def call(out: Path, *more: str) -> Result:
    return CliRunner().invoke(cli.app, ["run", *MINI, "--corrections", "specificity-0,cot", *more, "--out", str(out)])


def test_a_run_shows_its_plan_its_progress_its_figures_and_where_they_lie(tmp_path: Path) -> None:
    done = call(tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    plan, figures = done.stdout.index("Plan: items 6,"), done.stdout.index("rho occupation")
    assert plan < figures < done.stdout.index("Complete: 18 records.")
    assert str(tmp_path / "run" / "records.parquet") in done.stdout
    assert PLANTED in done.stdout.lower()
    assert "gain ambig" in done.stdout
    assert "left; right: baseline" in done.stderr
    assert "\r" not in done.stderr


def test_the_same_command_shows_a_complete_run_again_without_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = call(tmp_path / "run").stdout
    monkeypatch.setattr(run, "load_local", lambda *_, **__: pytest.fail("nothing is left to ask"))
    assert call(tmp_path / "run").stdout == first


def test_a_dry_run_shows_the_plan_and_writes_nothing(tmp_path: Path) -> None:
    done = call(tmp_path / "run", "--dry-run")
    assert done.exit_code == 0
    assert "conditions to score 18 " in done.stdout
    assert not (tmp_path / "run").exists()


def test_an_interrupted_run_says_how_far_it_is_and_how_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(1000))

    def stop() -> None:
        if next(calls) == 10:
            raise KeyboardInterrupt

    monkeypatch.setattr(run, "load_local", lambda name, **_: fake(before=stop))
    done = call(tmp_path / "run", "--batch", "1")
    assert done.exit_code == 130
    status = folder.status(tmp_path / "run")
    assert 0 < status.done < status.planned == 18
    assert f"Stopped. Incomplete: done {status.done} of 18 records. The same command goes on from there." in done.stderr
    assert call(tmp_path / "run", "--batch", "1").exit_code == 0


def test_an_interrupt_before_the_first_question_is_said_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_run, "_show_plan", stop)
    done = call(tmp_path / "run")
    assert done.exit_code == 130
    assert "Stopped before anything was asked." in done.stderr


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--limit", "0"), "limit"),
        (("--corrections", "laddr"), "Did you mean 'ladder'?"),
        (("--benchmark", "bbq:bundled:Agee"), "Did you mean 'Age'?"),
        (("--model", "fakes"), "Did you mean 'fake'?"),
        (("--benchmark", "bbq:Age"), "moralsc data fetch bbq --category Age"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(tmp_path: Path, more: tuple[str, ...], says: str) -> None:
    done = call(tmp_path / "run", *more)
    assert done.exit_code == 2
    assert says in done.stderr
    assert not (tmp_path / "run").exists()


def test_how_the_weights_are_to_be_loaded_reaches_the_model_and_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: list[object] = []

    def load(name: str, *, dtype: str | None, device_map: str | None, **_: object) -> object:
        wanted.append((dtype, device_map))
        return fake()

    monkeypatch.setattr(run, "load_local", load)
    assert call(tmp_path / "run", "--dtype", "bfloat16", "--device-map", "auto").exit_code == 0
    assert wanted == [("bfloat16", "auto")]
    (attempt,) = json.loads((tmp_path / "run" / "run.json").read_text())["attempts"]
    assert "--dtype bfloat16 --device-map auto" in attempt["command"]


def test_the_package_offers_run_and_stays_light() -> None:
    assert moralsc.run is run.run
    assert moralsc.Design is design.Design
    with pytest.raises(AttributeError, match="rum"):
        _ = moralsc.rum
    code = "import sys, moralsc; print([m for m in sys.modules if m.startswith('moralsc.')])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
