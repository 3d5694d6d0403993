"""The pool loads each model once, keeps a few, and lets nobody wait for another's model."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted import ScriptedEngine, make_spec

from moralsc.engines.base import Engine
from moralsc.engines.fit import DoesNotFitError
from moralsc.engines.pool import EnginePool, load_local, pool_for
from moralsc.engines.weights import fingerprint
from moralsc.errors import InputError, ModelError
from moralsc.models.endpoints import is_endpoint
from moralsc.settings import Settings

WAIT = 20


def any_name(name: str) -> None:
    """Every name is a model's."""


class Loader:
    """Counts loads; a model that is held back loads only when it is let go."""

    def __init__(self, *held: str) -> None:
        self.loads: list[str] = []
        self.started = {name: threading.Event() for name in held}
        self.held = {name: threading.Event() for name in held}

    def __call__(self, name: str) -> Engine:
        self.loads.append(name)
        if name in self.held:
            self.started[name].set()
            assert self.held[name].wait(WAIT)
        return ScriptedEngine(spec=make_spec(name))


def test_a_model_is_loaded_once_however_many_ask() -> None:
    loader = Loader("a")
    pool, got = EnginePool(loader, check=any_name), []
    threads = [threading.Thread(target=lambda: got.append(pool.get("a"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert loader.started["a"].wait(WAIT)
    loader.held["a"].set()
    for thread in threads:
        thread.join(WAIT)
    assert loader.loads == ["a"]
    assert len({id(engine) for engine in got}) == 1
    assert len(got) == 4


def test_loading_one_model_delays_nobody_who_asks_for_another() -> None:
    loader = Loader("slow")
    pool = EnginePool(loader, check=any_name)
    pool.get("loaded")
    slow = threading.Thread(target=pool.get, args=("slow",))
    slow.start()
    assert loader.started["slow"].wait(WAIT)
    others = threading.Thread(target=lambda: (pool.get("loaded"), pool.get("new")))
    others.start()
    others.join(WAIT)
    assert not others.is_alive()
    assert slow.is_alive()
    loader.held["slow"].set()
    slow.join(WAIT)


def test_the_least_recently_used_model_is_dropped() -> None:
    loader = Loader()
    pool = EnginePool(loader, limit=2, check=any_name)
    for name in ("a", "b", "a", "c", "a", "b"):
        assert pool.get(name).spec.name == name
    assert loader.loads == ["a", "b", "c", "b"]


def test_a_failed_load_is_told_and_tried_again() -> None:
    failures = [ModelError("no memory")]

    def load(name: str) -> Engine:
        if failures:
            raise failures.pop()
        return ScriptedEngine()

    pool = EnginePool(load, check=any_name)
    with pytest.raises(ModelError, match="no memory"):
        pool.get("a")
    assert pool.get("a") is pool.get("a")


def test_a_model_that_is_not_in_the_catalogue_is_named() -> None:
    with pytest.raises(InputError, match="no-such-model"):
        load_local("no-such-model")


def test_nothing_is_loaded_or_kept_of_a_name_that_is_not_in_the_catalogue() -> None:
    loader = Loader()
    pool = EnginePool(loader)
    empty = {key: len(value) for key, value in vars(pool).items() if isinstance(value, dict)}
    for number in range(3):
        with pytest.raises(InputError, match="no-such-model"):
            pool.get(f"no-such-model-{number}")
    assert loader.loads == []
    assert {key: len(value) for key, value in vars(pool).items() if isinstance(value, dict)} == empty


def test_a_name_of_any_length_makes_a_short_sentence() -> None:
    with pytest.raises(InputError, match=r"There is no model 'x{60}\.\.\.'\.") as raised:
        EnginePool().get("x" * 200_001)
    assert len(str(raised.value)) < 300


def test_a_fingerprint_is_the_hash_of_all_shards_by_name(tmp_path: Path) -> None:
    shards = [f"{number:02}" for number in range(12)]
    for number in sorted(shards, key=lambda n: n[::-1]):
        (tmp_path / f"model-{number}.safetensors").write_bytes(number.encode())
    assert fingerprint(tmp_path) == hashlib.sha256("".join(shards).encode()).hexdigest()[:16]


def test_a_model_behind_an_address_takes_no_loaded_model_s_place_and_loses_its_own_to_none() -> None:
    loader = Loader()
    pool = EnginePool(loader, limit=2, check=any_name)
    names = ("a", "openai:http://one", "hf:owner/two", "openai:http://three", "b")
    for name in names * 2:
        pool.get(name)
    assert loader.loads == list(names)
    pool.get("c")
    pool.get("openai:http://one")
    assert loader.loads == [*names, "c"]


def test_models_behind_addresses_are_bounded_too() -> None:
    pool = EnginePool(Loader(), check=any_name)
    pool.get("a")
    for number in range(100):
        pool.get(f"hf:owner/{number}")
    assert len(kept(pool)) < 50
    assert (kept(pool)[0], kept(pool)[-1]) == ("a", "hf:owner/99")


# A budget of memory


class Heavy(ScriptedEngine):
    """An engine that takes memory."""

    memory = 0


def heavy(name: str) -> Heavy:
    """Its name ends with the gigabytes that it takes."""
    engine = Heavy(spec=make_spec(name))
    engine.memory = size(name)
    return engine


def size(name: str) -> int:
    return int(name.rpartition("-")[2]) * 10**9


def kept(pool: EnginePool) -> list[str]:
    return list(pool._engines)


def within(budget: int, load: Callable[[str], Engine] = heavy) -> EnginePool:
    return EnginePool(load, limit=9, check=any_name, budget=budget * 10**9, needs=size)


def test_engines_keep_to_the_budget_and_the_least_recently_used_goes_first() -> None:
    pool = within(10)
    for name, here in (
        ("a-4", ["a-4"]),
        ("b-4", ["a-4", "b-4"]),
        ("a-4", ["b-4", "a-4"]),
        ("c-3", ["a-4", "c-3"]),
        ("d-10", ["d-10"]),
    ):
        pool.get(name)
        assert kept(pool) == here


def test_a_model_behind_an_address_leaves_the_memory_as_it_is() -> None:
    pool = EnginePool(
        lambda name: ScriptedEngine(spec=make_spec(name)) if is_endpoint(name) else heavy(name),
        check=any_name,
        budget=10 * 10**9,
        needs=lambda name: 0 if is_endpoint(name) else 1,
    )
    # One that is larger than was expected is kept alone, over the budget.
    for name in ("a-12", "openai:http://one"):
        pool.get(name)
    assert kept(pool) == ["a-12", "openai:http://one"]
    pool.get("b-6")
    assert kept(pool) == ["openai:http://one", "b-6"]


def test_room_is_made_before_a_model_is_loaded() -> None:
    seen = []

    def load(name: str) -> Engine:
        seen.append(list(pool._engines))
        return heavy(name)

    pool = within(10, load)
    pool.get("a-6")
    pool.get("b-5")
    assert seen == [[], []]


def test_what_a_model_takes_is_measured_and_not_believed() -> None:
    pool = EnginePool(heavy, limit=9, check=any_name, budget=10 * 10**9, needs=lambda name: 1)
    pool.get("a-6")
    pool.get("b-6")
    assert kept(pool) == ["b-6"]


def test_a_model_that_does_not_fit_beside_the_others_takes_their_place() -> None:
    def load(name: str) -> Engine:
        if name == "large" and len(pool._engines) > 1:
            raise DoesNotFitError("too large")
        return ScriptedEngine(spec=make_spec(name))

    pool = EnginePool(load, limit=9, check=any_name)
    for name in ("a", "b", "c", "large"):
        pool.get(name)
    assert kept(pool) == ["c", "large"]


def test_a_model_that_fits_nowhere_is_told_after_the_others_were_dropped() -> None:
    def load(name: str) -> Engine:
        if name == "large":
            raise DoesNotFitError("too large")
        return ScriptedEngine(spec=make_spec(name))

    pool = EnginePool(load, check=any_name)
    pool.get("a")
    with pytest.raises(DoesNotFitError):
        pool.get("large")
    assert pool.get("a").spec.name == "a"


def test_without_a_budget_memory_is_no_matter() -> None:
    pool = EnginePool(heavy, limit=3, check=any_name)
    for name in ("a-400", "b-400"):
        pool.get(name)
    assert kept(pool) == ["a-400", "b-400"]


def test_how_far_a_download_is_can_be_asked_while_it_lasts() -> None:
    during: list[object] = []

    def load(name: str) -> Engine:
        pool.downloads.note(name, 3, 10)
        during.append(pool.downloads.of(name))
        return ScriptedEngine()

    pool = EnginePool(load, check=any_name)
    assert pool.downloads.of("a") is None
    pool.get("a")
    assert during == [(3, 10)]
    assert pool.downloads.of("a") is None


def test_however_many_wait_one_thread_loads() -> None:
    gate, begun = threading.Event(), list[str]()

    def load(name: str) -> ScriptedEngine:
        begun.append(name)
        assert gate.wait(30)
        return ScriptedEngine()

    pool = EnginePool(load, check=any_name)
    before = threading.active_count()
    waiting = [pool.coming("a") for _ in range(20)]
    assert threading.active_count() == before + 1
    gate.set()
    assert len({id(coming.result(30)) for coming in waiting}) == 1
    assert begun == ["a"]
    assert pool.coming("a").result(30) is pool.get("a")


def test_the_settings_say_the_budget(tmp_path: Path) -> None:
    assert pool_for(Settings(cache=tmp_path, memory=12))._budget == 12 * 10**9
    assert pool_for(Settings(cache=tmp_path))._budget == 0


LIGHT = [
    "moralsc.engines.base",
    "moralsc.engines.fit",
    "moralsc.engines.pool",
    "moralsc.engines.weights",
    "moralsc.models.hub",
]


@pytest.mark.parametrize("module", LIGHT)
def test_nothing_heavy_is_imported_before_a_model_is_asked_for(module: str) -> None:
    code = (
        f"import {module}, sys; sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'huggingface_hub')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
