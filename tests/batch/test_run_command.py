"""`moralsc run`: the plan first, then progress, then figures and the path; and every end in a sentence."""

import json
import os
import re
import shlex
import statistics
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from batch.fakes import FAKES, fake, untimed
from typer.testing import CliRunner, Result

import moralsc
from moralsc import cli, cli_run
from moralsc.batch import design, folder, run
from moralsc.models import PLANTED
from moralsc.notation import percent

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
    first, *_, last = done.stderr.splitlines()
    assert re.fullmatch(r"fake: 0 of 18 records, 1 tokens written, .* a second(, at most .* of writing left)?", first)
    assert re.match(r"fake: 18 of 18 records, .* a second, \d+ tokens written, .*; right: baseline", last)
    assert "\r" not in done.stderr


def test_a_run_says_which_order_its_options_had_and_how_answers_fell_on_the_places(tmp_path: Path) -> None:
    for order, sentences in (
        ("fixed", ("figures from one order are partly position", "cannot be told apart")),
        ("balanced", ("figures are averages over these orders", "each of the 3 places would hold .33")),
    ):
        out = tmp_path / order
        done = call(out, "--order", order)
        assert done.exit_code == 0, done.stderr
        plan, table = done.stdout.split("Position: ")
        assert f"Order {order}. " in plan
        assert all(sentence in done.stdout for sentence in sentences)
        n = {"fixed": 1, "balanced": 3}[order]
        rows = [re.split(r"  +", line) for line in table.splitlines() if line.startswith("fake  ")]
        assert [(row[1:4], row[-1]) for row in rows[:2]] == [
            (["winogender:bundled", "full", "baseline"], str(4 * n)),
            (["winogender:bundled", "full", "all"], str(12 * n)),
        ]
        head = json.loads((out / "run.json").read_text())
        assert head["design"]["order"] == order
        assert sentences[0] in " ".join(head["notes"])


def test_the_end_says_how_the_other_reading_is_had_and_that_command_gives_it(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert f"`moralsc score --run {out} --by text` reads what was written" in call(out).stdout
    shown = {
        by: CliRunner().invoke(cli.app, ["score", "--run", str(out), "--by", by, "--json"])
        for by in ("text", "probability")
    }
    figures = {by: json.loads(done.stdout) for by, done in shown.items()}
    assert figures["text"] != figures["probability"]
    assert "what was written" in shown["text"].stderr
    assert CliRunner().invoke(cli.app, ["score", "--run", str(out), "--json"]).stdout == shown["probability"].stdout


def test_a_run_ends_with_what_the_options_hold_before_and_after_correction(tmp_path: Path) -> None:
    said = call(tmp_path / "run").stdout.splitlines()
    at = next(k for k, line in enumerate(said) if "options' mass" in line)
    rows = [line.split() for line in said[at + 1 : at + 5]]
    assert [row[:3] for row in rows] == [
        ["fake", key, asked] for key in ("winogender:bundled", "bbq:bundled") for asked in ("baseline", "corrected")
    ]
    records = list(folder.records(tmp_path / "run"))
    for (_, key, asked, *figures), line in zip(rows, said[at + 1 :], strict=False):
        those = [
            r.mass
            for r in records
            if f"{r.benchmark}:{r.source}" == key and (r.correction == "baseline") == (asked == "baseline")
        ]
        assert percent(statistics.median(those)) in line
        assert percent(sum(mass < 0.5 for mass in those) / len(those)) in line
        assert str(len(those)) in figures


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
        (("--dtype", "int3"), "no dtype 'int3'. Allowed: float32, bfloat16, float16."),
        (("--device-map", "foo"), "no device map 'foo'. Allowed: auto."),
        (("--data", "nowhere"), "--data or MORALSC_DATA is 'nowhere'"),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_what_cannot_be_is_said_before_anything_is_made(
    tmp_path: Path, more: tuple[str, ...], says: str, dry: tuple[str, ...]
) -> None:
    done = call(tmp_path / "run", *more, *dry)
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


def command(out: Path) -> list[str]:
    """The words of the command line that a run's folder holds."""
    (attempt,) = json.loads((out / "run.json").read_text())["attempts"]
    return shlex.split(attempt["command"])


def test_the_command_in_the_folder_repeats_the_run_with_the_data_and_prompts_that_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my data").mkdir()
    mine = resources.files("moralsc.prompts").joinpath("default.toml").read_text(encoding="utf-8")
    Path("mine.toml").write_text(mine.replace("is fair and does not rest", "is kind and does not rest"))
    assert call(Path("run"), "--data", "my data", "--prompts", "mine.toml").exit_code == 0
    words = command(Path("run"))
    assert [words[words.index(name) + 1] for name in ("--data", "--prompts")] == ["my data", "mine.toml"]
    words[words.index("--out") + 1] = "again"
    assert CliRunner().invoke(cli.app, words[1:]).exit_code == 0
    read = [untimed(list(folder.records(Path(out)))) for out in ("run", "again")]
    assert read[0] == read[1]


def test_the_command_in_the_folder_says_nothing_that_only_the_environment_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MORALSC_DATA", str(tmp_path))
    assert call(tmp_path / "run").exit_code == 0
    assert "--data" not in command(tmp_path / "run")
    assert "--prompts" not in command(tmp_path / "run")


def test_the_package_offers_run_and_stays_light() -> None:
    assert moralsc.run is run.run
    assert moralsc.Design is design.Design
    with pytest.raises(AttributeError, match="rum"):
        _ = moralsc.rum
    code = "import sys, moralsc; print([m for m in sys.modules if m.startswith('moralsc.')])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
