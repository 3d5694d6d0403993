"""A run's folder: whatever ends a run, the same call goes on, and the records are those of an undisturbed run."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pytest
from batch import broken_off
from batch.broken_off import MADE
from batch.fakes import FAKES, SETTINGS, FakeEngine, asked, design, fake, plan_of, untimed
from catalogues import offering

from moralsc.batch import folder, shards
from moralsc.batch.design import Design
from moralsc.batch.folder import Status
from moralsc.batch.progress import Progress
from moralsc.batch.run import run
from moralsc.errors import ModelError, RunError
from moralsc.models import PLANTED

TESTS = Path(__file__).resolve().parents[1]


def start(out: Path, made: Design = MADE, engine: FakeEngine | None = None, **more: Any) -> Status:
    return run(made, out, SETTINGS, load=lambda name: engine or fake(FAKES[name]), **more)


def rows(out: Path) -> list[dict[str, Any]]:
    return untimed(list(folder.records(out)))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    out = tmp_path_factory.mktemp("run") / "whole"
    with offering(FAKES):
        assert start(out).complete
        return rows(out)


def child(out: Path, *moment: str) -> "subprocess.Popen[str]":
    path = os.pathsep.join((str(TESTS), str(TESTS.parent)))
    return subprocess.Popen(
        [sys.executable, broken_off.__file__, str(out), *moment],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_run_holds_a_record_for_every_row_of_the_plan_in_its_order(undisturbed: list[dict[str, Any]]) -> None:
    plan = plan_of(MADE)
    assert [r["row"] for r in undisturbed] == list(range(plan.rows))
    assert [r["batch"] for r in undisturbed] == [b.index for b in plan.batches for _ in range(b.rows)]
    assert len({r["key"] for r in undisturbed}) == plan.rows


# Broken off


@pytest.mark.parametrize(
    ("moment", "whole"),
    [
        ("before the first flush", 0),
        ("in the middle of a batch", 2),
        ("while closing", None),
    ],
)
def test_a_killed_run_goes_on_and_ends_as_if_nothing_had_been(
    tmp_path: Path, moment: str, whole: int | None, undisturbed: list[dict[str, Any]]
) -> None:
    killed = child(tmp_path / "run", moment)
    killed.communicate(timeout=120)
    assert killed.returncode == -9
    batches = plan_of(MADE).batches
    whole = len(batches) if whole is None else whole
    before = folder.status(tmp_path / "run")
    assert not before.complete
    assert before.done == sum(b.rows for b in batches[:whole])
    assert "Incomplete" in before.sentence
    engines = {name: fake(spec) for name, spec in FAKES.items()}
    assert run(MADE, tmp_path / "run", SETTINGS, load=lambda name: engines[name]).complete
    assert rows(tmp_path / "run") == undisturbed
    # Nothing that was whole is asked again.
    scored = sum(size for engine in engines.values() for kind, size in engine.calls if kind == "score")
    assert scored == sum(b.rows for b in batches[whole:])


def test_twenty_kills_at_random_moments_change_no_record(tmp_path: Path, undisturbed: list[dict[str, Any]]) -> None:
    said, _ = child(tmp_path, "at random", "20").communicate(timeout=300)
    assert said.strip() == "20"
    found = [out for out in tmp_path.iterdir() if out.name != "whole"]
    assert found
    for out in found:
        assert start(out).complete
        assert rows(out) == undisturbed


def test_a_full_disk_is_said_in_a_sentence_and_the_run_goes_on_when_there_is_room(
    tmp_path: Path, undisturbed: list[dict[str, Any]]
) -> None:
    full = child(tmp_path / "run", "full disk")
    _, said = full.communicate(timeout=120)
    assert full.returncode == 1
    assert "RunError" in said.splitlines()[-1]
    assert "the same command goes on" in said.splitlines()[-1]
    assert 0 < folder.status(tmp_path / "run").done < len(undisturbed)
    assert start(tmp_path / "run").complete
    assert rows(tmp_path / "run") == undisturbed


def test_a_second_process_is_told_and_harms_nothing(tmp_path: Path, undisturbed: list[dict[str, Any]]) -> None:
    first = child(tmp_path / "run", "working")
    assert first.stdout is not None
    assert first.stdout.readline() == "working\n"
    with pytest.raises(RunError, match="Another process is working in"):
        start(tmp_path / "run")
    assert "Incomplete" in folder.status(tmp_path / "run").sentence
    first.communicate("", timeout=120)
    assert first.returncode == 0
    assert rows(tmp_path / "run") == undisturbed


SMALL = design("winogender:bundled", "specificity-0,cot", limit=1, batch=1)


def calls() -> int:
    engine = fake()
    asked(SMALL, engine)
    return len(engine.calls)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_wherever_a_run_is_interrupted_it_ends_with_the_same_records(tmp_path: Path, error: type[Exception]) -> None:
    start(tmp_path / "whole", SMALL)
    for number in range(calls()):
        countdown = iter(range(number, -1, -1))

        def before(countdown: Iterator[int] = countdown) -> None:
            if next(countdown, 1) == 0:
                raise error

        engine, out = fake(before=before), tmp_path / str(number)
        with pytest.raises(error):
            start(out, SMALL, engine)
        assert start(out, SMALL, engine).complete
        assert rows(out) == rows(tmp_path / "whole")
        assert json.loads((out / "run.json").read_text())["attempts"][0]["how"] == error.__name__


@pytest.mark.parametrize("name", ["table.write", "os.replace", "os.fsync"])
def test_wherever_closing_is_interrupted_the_run_stays_incomplete_until_it_is_closed(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path / "whole", SMALL)

    def close(held: folder.RunFolder) -> Status:
        with monkeypatch.context() as patched:
            patched.setattr(f"moralsc.batch.folder.{name}", interrupt)
            return original(held)

    original = folder.RunFolder.close
    with monkeypatch.context() as patched:
        patched.setattr(folder.RunFolder, "close", close)
        with pytest.raises(KeyboardInterrupt):
            start(tmp_path / "run", SMALL)
    assert folder.status(tmp_path / "run").sentence.startswith("Incomplete")
    untouched = fake(before=lambda: pytest.fail("nothing is left to ask"))
    assert start(tmp_path / "run", SMALL, untouched).complete
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_wherever_a_shard_is_torn_the_batches_before_are_kept_and_the_rest_is_asked_again(tmp_path: Path) -> None:
    start(tmp_path / "whole", SMALL)
    shard = tmp_path / "whole" / "records" / "001-0.jsonl"
    content, ends = shard.read_bytes(), [s.offset + s.length for s in shards.scan(shard.parent).values()]
    for place in [*range(0, len(content), 997), *ends, len(content) - 1]:
        torn = tmp_path / "torn" / str(place)
        torn.mkdir(parents=True)
        (torn / "001-0.jsonl").write_bytes(content[:place])
        kept = shards.scan(torn)
        assert list(kept) == [k for k, end in enumerate(ends) if content.find(b"\n", end) <= place]
        # A line that another program changed is no record of ours either.
        (torn / "001-0.jsonl").write_bytes(content[:place].replace(b'"fake"', b'"fade"'))
        assert not shards.scan(torn)


def test_time_is_summed_over_all_attempts(tmp_path: Path) -> None:
    class Slow(FakeEngine):
        def score(self, scorings: Any) -> Any:
            if self.calls and sum(kind == "score" for kind, _ in self.calls) == 1:
                raise KeyboardInterrupt
            return super().score(scorings)

    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "run", SMALL, Slow(spec=fake().spec))
    first = folder.status(tmp_path / "run").seconds
    second = start(tmp_path / "run", SMALL)
    assert second.seconds > first > 0
    shares = sum(r.seconds for r in folder.records(tmp_path / "run"))
    assert shares == pytest.approx(second.seconds)
    assert second.tokens is None


def test_a_complete_run_is_left_as_it_is(tmp_path: Path) -> None:
    start(tmp_path / "run", SMALL)
    files = {p: p.stat().st_mtime_ns for p in (tmp_path / "run").rglob("*") if p.is_file() and p.name != ".lock"}
    untouched = fake(before=lambda: pytest.fail("a complete run asks nothing"))
    status = start(tmp_path / "run", SMALL, untouched)
    assert status.complete
    assert status == folder.status(tmp_path / "run")
    assert {p: p.stat().st_mtime_ns for p in files} == files


# Another run


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (replace(SMALL, seed=1), "  design.seed: 0 there, 1 now"),
        (replace(SMALL, limit=3), "  design.limit: 1 there, 3 now"),
        (replace(SMALL, rounds=1), "  design.rounds: 0 there, 1 now"),
        (replace(SMALL, texts=True), "  design.texts: false there, true now"),
        (replace(SMALL, corrections=("cot",)), '  design.corrections: ["specificity-0", "cot"] there, ["cot"] now'),
    ],
    ids=str,
)
def test_a_changed_design_is_refused_with_the_difference(tmp_path: Path, made: Design, line: str) -> None:
    start(tmp_path / "run", SMALL)
    with pytest.raises(RunError) as refused:
        start(tmp_path / "run", made)
    assert str(refused.value).splitlines()[1:] == [line]
    assert start(tmp_path / "run", SMALL).complete


def interrupted(out: Path, engine: FakeEngine) -> None:
    with pytest.raises(KeyboardInterrupt):
        start(out, SMALL, engine, on_progress=interrupt)


def test_other_weights_are_refused_with_the_difference(tmp_path: Path) -> None:
    interrupted(tmp_path / "run", fake())
    with pytest.raises(RunError) as refused:
        start(tmp_path / "run", SMALL, fake(weights="sha256:1"))
    assert str(refused.value).splitlines()[1:] == ['  fake.weights: "sha256:0" there, "sha256:1" now']
    assert start(tmp_path / "run", SMALL).complete


def test_another_prompt_set_is_refused(tmp_path: Path) -> None:
    interrupted(tmp_path / "run", fake())
    mine = tmp_path / "mine.toml"
    text = resources.files("moralsc.prompts").joinpath("default.toml").read_text(encoding="utf-8")
    mine.write_text(text.replace("Which word belongs", "What word belongs"), encoding="utf-8")
    with pytest.raises(RunError, match=f'prompts.hash: "{plan_of(SMALL).prompt_hash}" there'):
        run(SMALL, tmp_path / "run", replace(SETTINGS, prompts=mine), load=lambda name: fake())
    mine.write_text(f"# A comment, and a text that this run does not send.\n{text.replace('rests on', 'leans on')}")
    assert run(SMALL, tmp_path / "run", replace(SETTINGS, prompts=mine), load=lambda name: fake()).complete


def test_a_folder_with_other_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(RunError, match="holds other files and no run"):
        start(tmp_path, SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        start(tmp_path / "file", SMALL)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.json").write_text("[]")
    with pytest.raises(RunError, match="not of this program"):
        start(tmp_path / "other", SMALL)
    with pytest.raises(RunError, match="holds no run"):
        folder.status(tmp_path / "nowhere")


# What stands in it


def test_run_json_holds_what_is_needed_to_repeat_the_run(tmp_path: Path) -> None:
    status = start(tmp_path / "run", SMALL)
    head = json.loads((tmp_path / "run" / "run.json").read_text())
    assert head["complete"] is True
    assert head["rows"] == head["done"] == status.done == plan_of(SMALL).rows
    assert head["design"]["seed"] == 0
    assert head["models"]["fake"]["weights"] == "sha256:0"
    assert head["models"]["fake"]["mark"] == PLANTED
    assert head["prompts"]["hash"] == plan_of(SMALL).prompt_hash
    assert head["data"]["winogender:bundled"]["origin"]
    (attempt,) = head["attempts"]
    assert attempt["command"].startswith("moralsc run --model fake --benchmark winogender:bundled")
    assert attempt["versions"].keys() >= {"moralsc", "python", "torch", "transformers", "pyarrow"}
    assert attempt["started"] <= attempt["ended"]
    assert attempt["how"] == "finished"


def test_progress_counts_up_to_the_plan_and_its_estimate_down_to_nothing(tmp_path: Path) -> None:
    seen: list[Progress] = []
    plans = []
    start(tmp_path / "run", MADE, on_plan=plans.append, on_progress=seen.append)
    assert [p.rows for p in plans] == [plan_of(MADE).rows]
    assert [p.done for p in seen] == sorted({p.done for p in seen})
    assert seen[-1].done == seen[-1].planned == plan_of(MADE).rows
    assert seen[-1].left == 0 < seen[0].left
    assert all(p.rate > 0 for p in seen)
    assert set(seen[-1].right) == {"baseline", "ethical"}


def test_the_results_of_a_miniature_carry_its_mark(tmp_path: Path) -> None:
    start(tmp_path / "run")
    assert {(r["model"], r["mark"]) for r in rows(tmp_path / "run")} == {("fake", PLANTED), ("other", "")}


def test_a_failed_model_ends_the_run_and_another_attempt_goes_on(tmp_path: Path) -> None:
    def load(name: str) -> FakeEngine:
        if name == "other":
            raise ModelError("other cannot be had.")
        return fake()

    with pytest.raises(ModelError, match="other cannot be had"):
        run(MADE, tmp_path / "run", SETTINGS, load=load)
    assert folder.status(tmp_path / "run").done == plan_of(MADE).rows // 2
    assert start(tmp_path / "run").complete


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("table") / "run"
    with offering(FAKES):
        start(out)
    return out / "records.parquet"


def test_pandas_reads_the_table_as_it_is(parquet: Path, undisturbed: list[dict[str, Any]]) -> None:
    frame = pd.read_parquet(parquet)
    assert list(frame["row"]) == list(range(len(undisturbed)))
    assert list(frame["item"]) == [r["item"] for r in undisturbed]
    assert [tuple(x) for x in frame["logprobs"]] == [tuple(r["logprobs"]) for r in undisturbed]


def test_datasets_reads_the_table_as_it_is(parquet: Path, undisturbed: list[dict[str, Any]], tmp_path: Path) -> None:
    loaded = datasets.load_dataset("parquet", data_files=str(parquet), split="train", cache_dir=str(tmp_path))
    assert loaded.num_rows == len(undisturbed)
    for mine, row in zip(undisturbed, loaded, strict=True):
        assert {k: v for k, v in row.items() if v is not None and k not in ("seconds", "tokens")} == {
            k: list(v) if isinstance(v, tuple) else v for k, v in mine.items()
        }
