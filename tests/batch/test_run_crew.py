"""A run over several processes: the records of one process, and a sentence where one of them fails."""

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batch.broken_off import MADE
from batch.fakes import FAKES, SETTINGS, FakeEngine, design, fake, plan_of, untimed
from catalogues import offering

from moralsc.batch import crew as crews
from moralsc.batch import folder, run, shards
from moralsc.batch.crew import Crew, ElsewhereError, join
from moralsc.batch.design import Design
from moralsc.batch.folder import Status
from moralsc.batch.progress import Progress
from moralsc.errors import InputError, ModelError, MoralscError, RunError

SHORT = design("winogender:bundled", "specificity-0,cot", limit=1, batch=1)


class Threads:
    """Crews whose processes are threads of this one. The one that fails leaves; who then waits for it is told."""

    def __init__(self, size: int) -> None:
        self._given: list[Any] = [None] * size
        self._met = threading.Barrier(size)

    def crew(self, number: int) -> Crew:
        def exchange(given: Any) -> Sequence[Any]:
            try:
                self._given[number] = given
                self._met.wait(20)
                gathered = list(self._given)
                self._met.wait(20)
            except threading.BrokenBarrierError:
                raise RunError("Another process of this run has ended.") from None
            return gathered

        return Crew(number, len(self._given), number, len(self._given), exchange)

    def together(self, act: Callable[[Crew], Any]) -> list[Any]:
        """What each process comes to, or its error."""

        def one(number: int) -> Any:
            try:
                return act(self.crew(number))
            except MoralscError as error:
                return error
            except BaseException as error:
                self._met.abort()
                return error

        with ThreadPoolExecutor(len(self._given)) as pool:
            return list(pool.map(one, range(len(self._given))))


def start(out: Path, size: int, made: Design = MADE, **more: Any) -> list[Any]:
    def one(crew: Crew) -> Status:
        return run.run(made, out, SETTINGS, **{"load": lambda name: fake(FAKES[name]), **more}, crew=crew)

    return Threads(size).together(one)


def rows(out: Path) -> list[dict[str, Any]]:
    return untimed(list(folder.records(out)))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    out = tmp_path_factory.mktemp("crew") / "alone"
    with offering(FAKES):
        run.run(MADE, out, SETTINGS, load=lambda name: fake(FAKES[name]))
    return rows(out)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(run, "PATIENCE", 60.0)


def test_without_a_launcher_a_run_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (None, "1"):
        monkeypatch.delenv("WORLD_SIZE", raising=False) if size is None else monkeypatch.setenv("WORLD_SIZE", size)
        assert join() == Crew()


@pytest.mark.parametrize("size", [2, 3, 7])
def test_however_many_processes_there_are_the_records_are_those_of_one(
    tmp_path: Path, size: int, alone: list[dict[str, Any]]
) -> None:
    ended = start(tmp_path / "run", size)
    assert {type(status) for status in ended} == {Status}
    assert all(status.complete and status == ended[0] for status in ended)
    assert rows(tmp_path / "run") == alone
    written = sorted(p.name for p in (tmp_path / "run" / "records").iterdir())
    assert written == [f"001-{number}.jsonl" for number in range(len(written))]
    assert len(written) > 1
    (attempt,) = json.loads((tmp_path / "run" / "run.json").read_text())["attempts"]
    assert attempt["processes"] == size
    assert len(attempt["models"]["fake"]["devices"]) <= size


def test_every_batch_is_asked_by_one_process_alone(tmp_path: Path) -> None:
    engines: list[FakeEngine] = []

    def load(name: str) -> FakeEngine:
        engines.append(fake(FAKES[name]))
        return engines[-1]

    start(tmp_path / "run", 3, load=load)
    scored = sum(size for engine in engines for kind, size in engine.calls if kind == "score")
    assert scored == plan_of(MADE).rows


@pytest.mark.parametrize(("first", "second"), [(3, 1), (1, 3), (2, 5)])
def test_a_run_goes_on_with_another_number_of_processes(
    tmp_path: Path, first: int, second: int, alone: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PATIENCE", 0.4)  # who is done with his own part waits for those that are gone
    gate = threading.Lock()
    left = [40]

    def stop() -> None:
        with gate:
            left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    ended = start(tmp_path / "run", first, load=lambda name: fake(FAKES[name], before=stop))
    assert any(isinstance(end, KeyboardInterrupt) for end in ended)
    monkeypatch.setattr(run, "PATIENCE", 60.0)
    status = folder.status(tmp_path / "run")
    assert 0 < status.done < status.planned
    assert all(end.complete for end in start(tmp_path / "run", second))
    assert rows(tmp_path / "run") == alone


def test_progress_is_the_whole_runs_and_told_once(tmp_path: Path) -> None:
    seen: list[Progress] = []
    plans: list[Any] = []
    start(tmp_path / "run", 3, on_progress=seen.append, on_plan=plans.append)
    assert len(plans) == 1
    assert len(seen) == len(plan_of(MADE).batches)
    assert [p.done for p in seen] == sorted({p.done for p in seen})
    assert seen[-1].done == seen[-1].planned == plan_of(MADE).rows
    assert seen[-1].left == 0


# What goes wrong


def told_once(ended: Sequence[Any], says: str, by: int) -> None:
    """One process says it; the others only know."""
    assert all(isinstance(end, MoralscError) and says in str(end) for end in ended)
    assert [number for number, end in enumerate(ended) if not isinstance(end, ElsewhereError)] == [by]


def test_a_folder_that_cannot_be_is_said_once(tmp_path: Path) -> None:
    start(tmp_path / "run", 2, SHORT)
    told_once(start(tmp_path / "run", 3, replace(SHORT, seed=1)), "design.seed: 0 there, 1 now", by=0)


def test_a_foreign_launch_on_the_same_folder_is_told_in_one_sentence(tmp_path: Path) -> None:
    with folder.opened(tmp_path / "run", {"design": {}, "rows": 1}):
        told_once(start(tmp_path / "run", 2, SHORT), "Another process is working in", by=0)


def test_a_model_that_one_process_cannot_load_ends_all(tmp_path: Path) -> None:
    loaded = threading.Semaphore(1)

    def load(name: str) -> FakeEngine:
        if not loaded.acquire(blocking=False):
            raise ModelError("The card is full.")
        return fake()

    ended = start(tmp_path / "run", 2, SHORT, load=load)
    assert sorted(type(end) for end in ended if not isinstance(end, ElsewhereError)) == [ModelError]
    assert all("The card is full." in str(end) for end in ended)


def test_other_weights_in_another_process_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    numbers = iter(range(2))
    ended = start(tmp_path / "run", 2, SHORT, load=lambda name: fake(weights=f"sha256:{next(numbers)}"))
    told_once(ended, "fake.weights", by=0)
    assert folder.status(tmp_path / "run").done == 0
    assert all(end.complete for end in start(tmp_path / "run", 2, SHORT))


def test_other_data_in_another_process_are_refused(tmp_path: Path) -> None:
    def one(crew: Crew) -> Any:
        made = SHORT if crew.main else replace(SHORT, limit=2)
        return run.run(made, tmp_path / "run", SETTINGS, load=lambda name: fake(), crew=crew)

    told_once(Threads(2).together(one), "design.limit: 1 there, 2 now", by=1)


def test_who_sees_nothing_new_for_too_long_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "PATIENCE", 0.5)
    hung = threading.Event()
    gate, calls = threading.Lock(), [0]

    def hang() -> None:
        with gate:
            calls[0] += 1
            mine = calls[0]
        if mine == 1:
            hung.wait(20)
            raise KeyboardInterrupt

    def one(crew: Crew) -> Any:
        try:
            return run.run(SHORT, tmp_path / "run", SETTINGS, load=lambda name: fake(before=hang), crew=crew)
        finally:
            hung.set()

    ended = Threads(2).together(one)
    (said,) = [end for end in ended if isinstance(end, RunError)]
    assert "have written nothing" in str(said)
    assert "the same command goes on" in str(said)
    assert all(end.complete for end in start(tmp_path / "run", 2, SHORT))


def test_a_model_over_all_cards_needs_a_machine_of_its_own() -> None:
    with pytest.raises(InputError, match="Start one process on each machine"):
        run.run(SHORT, "nowhere", SETTINGS, device_map="auto", crew=Crew(size=2, places=2, exchange=lambda x: [x, x]))
    assert not Path("nowhere").exists()


def test_a_shard_is_followed_while_it_grows(tmp_path: Path) -> None:
    """However much of a batch is there when somebody looks, each batch is seen once, and whole."""
    folder_, whole = tmp_path / "records", tmp_path / "run"
    run.run(SHORT, whole, SETTINGS, load=lambda name: fake())
    content = (whole / "records" / "001-0.jsonl").read_bytes()
    folder_.mkdir()
    path = folder_ / "001-0.jsonl"
    followed, seen = shards.Followed(path), list[shards.Segment]()
    assert followed.new() == []
    for place in [*range(0, len(content), 701), len(content)]:
        path.write_bytes(content[:place])
        seen += followed.new()
    assert seen == list(shards.scan(folder_).values())
    assert [s.records() for s in seen] == [s.records() for s in shards.scan(whole / "records").values()]


def test_the_wait_is_bounded() -> None:
    assert 0 < crews.PATIENCE <= 3600
