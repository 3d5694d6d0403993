"""Loaded engines, shared by everyone who asks for a model by name.

Loads each model once, keeps the most recently used within a number and a budget of memory, and knows nothing of how a
model is loaded. A model behind an address takes no room here: it neither drops a loaded one nor is dropped for it.
"""

import gc
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from moralsc.engines import self_check
from moralsc.engines.base import Engine
from moralsc.engines.fit import DoesNotFitError, needed
from moralsc.engines.store import Store
from moralsc.errors import InputError, ModelError
from moralsc.models import add, find
from moralsc.models.endpoints import Patience, is_endpoint
from moralsc.models.hub import Progress
from moralsc.models.local import admit
from moralsc.models.offer import find_offered, offered
from moralsc.settings import Settings

_GB = 10**9
_ADDRESSES = 32
"""Models behind addresses that are kept at a time: each is a little text, and asking anew what it can do is cheap."""


def load_local(
    name: str,
    offline: bool = False,
    dtype: str | None = None,
    device_map: str | None = None,
    place: int | None = None,
    progress: Progress | None = None,
    memory: int = 0,
    patience: Patience | None = None,
    store: Store | None = None,
) -> Engine:
    """Load a model of the catalogue on this machine, or reach one behind an address; `offline` forbids downloads.

    Args:
        dtype, device_map, place, progress, memory, store: see `LocalEngine.load`.
        patience: with the server of a model behind an address.

    Raises:
        InputError: the catalogue has no such model, or there is no such dtype or device map.
        ModelError: it cannot be loaded.
    """
    spec = find(name)
    if spec.address:
        if dtype or device_map:
            raise InputError(f"{name} runs on its server, where --dtype and --device-map are chosen. Leave them out.")
        from moralsc.engines.endpoint import EndpointEngine

        engine = EndpointEngine.connect(spec, patience)
        add(engine.spec)  # with what its server says of it
        return engine
    from moralsc.engines.local import LocalEngine

    local = LocalEngine.load(
        spec,
        dtype=dtype,
        device_map=device_map,
        place=place,
        offline=offline,
        progress=progress,
        memory=memory,
        store=store,
    )
    if not spec.bundled and (said := self_check.warning(local)):
        local.warn(said)
    return local


class Downloads:
    """How far the downloads are, for whoever wants to show it. May be used from several threads."""

    def __init__(self) -> None:
        self._state: dict[str, tuple[int, int]] = {}

    def note(self, name: str, done: int, total: int) -> None:
        """Take bytes so far and in all; a download that is whole is forgotten."""
        if done >= total:
            self._state.pop(name, None)
        else:
            self._state[name] = done, total

    def forget(self, name: str) -> None:
        """It is over, whole or not."""
        self._state.pop(name, None)

    def of(self, name: str) -> tuple[int, int] | None:
        """(bytes so far, bytes in all) of a model that is being downloaded, else None."""
        return self._state.get(name)


class EnginePool:
    """Name -> engine. May be used from several threads.

    Each model has a lock of its own, so loading one never delays who asks for another. An engine that is dropped
    lives on for those who still hold it.

    Attributes:
        downloads: how far the downloads of models are that are being loaded now.
    """

    def __init__(
        self,
        load: Callable[[str], Engine] = load_local,
        limit: int = 3,
        check: Callable[[str], object] = find,
        budget: int = 0,
        needs: Callable[[str], int] = lambda name: 0,
        downloads: Downloads | None = None,
    ) -> None:
        """Start empty.

        Args:
            load: makes the engine of a name; what it raises reaches the caller, and the next one tries anew.
            limit: loaded engines kept at a time, at least 1; models behind an address are not among them.
            check: raises InputError for a name that is no model's; nothing is kept of such a name.
            budget: bytes that the engines take together at most, 0 for any number. Those that are loaded count as they
                measure themselves (`LocalEngine.memory`).
            needs: bytes that the model of a name is expected to take, while it is being loaded.
        """
        self._load = load
        self._limit = max(1, limit)
        self._check = check
        self._budget = budget
        self._needs = needs
        self.downloads = downloads or Downloads()
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._reserved: dict[str, int] = {}
        self._loading: dict[str, threading.Lock] = {}
        self._coming: dict[str, Future[Engine]] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Engine:
        """The engine of this name, loaded if it is not.

        Raises:
            InputError: there is no such model.
            ModelError: it cannot be loaded.
        """
        self._check(name)
        with self._lock:
            loading = self._loading.setdefault(name, threading.Lock())
        with loading:
            return self._kept(name) or self._loaded(name)

    def held(self, name: str) -> Engine | None:
        """The engine of this name if it is loaded; asking counts as no use of it."""
        with self._lock:
            return self._engines.get(name)

    def coming(self, name: str) -> Future[Engine]:
        """What `get` gives or raises, once it is there; one thread loads a model, however many wait for it."""
        with self._lock:
            if found := self._coming.get(name):
                return found
            coming = self._coming[name] = Future()

        def load() -> None:
            tell: Callable[[], None]
            try:
                tell = partial(coming.set_result, self.get(name))
            except BaseException as error:
                tell = partial(coming.set_exception, error)
            with self._lock:
                del self._coming[name]
            tell()

        # No pool of threads: it would keep a server that is told to end alive until the download is over.
        threading.Thread(target=load, daemon=True).start()
        return coming

    def has(self, name: str) -> bool:
        """Whether `get` would answer at once."""
        with self._lock:
            return name in self._engines

    def loading(self, name: str) -> bool:
        """Whether it is being loaded now."""
        with self._lock:
            return name in self._coming or name in self._reserved

    def _kept(self, name: str) -> Engine | None:
        with self._lock:
            if name in self._engines:
                self._engines.move_to_end(name)
            return self._engines.get(name)

    def _loaded(self, name: str) -> Engine:
        """Make room, load and keep; what is too large even then is loaded in the place of the others, one by one."""
        self._reserve(name)
        try:
            while True:
                try:
                    engine = self._load(name)
                    break
                except DoesNotFitError:
                    if not self._drop(name):
                        raise
            self._keep(name, engine)
        finally:
            self.downloads.forget(name)
            with self._lock:
                self._reserved.pop(name, None)
        return engine

    def _reserve(self, name: str) -> None:
        with self._lock:
            self._reserved[name] = self._needs(name)
        while self._full(name) and self._drop(name):
            pass

    def _keep(self, name: str, engine: Engine) -> None:
        with self._lock:
            self._reserved.pop(name, None)
            self._engines[name] = engine
        while (self._many(name) or self._full(name)) and self._drop(name):
            pass

    def _many(self, name: str) -> bool:
        """Whether there are more of its kind than are kept."""
        with self._lock:
            return len(self._beside(name)) >= (_ADDRESSES if is_endpoint(name) else self._limit)

    def _full(self, name: str) -> bool:
        """Whether there is no memory for it beside the others."""
        if not self._budget or is_endpoint(name):
            return False
        with self._lock:
            held = sum(getattr(engine, "memory", 0) for engine in self._engines.values())
            return held + sum(self._reserved.values()) > self._budget

    def _beside(self, name: str) -> list[str]:
        """The others of its kind, loaded ones or addresses, the least recently used first. Called with the lock."""
        return [other for other in self._engines if other != name and is_endpoint(other) == is_endpoint(name)]

    def _drop(self, name: str) -> bool:
        """Drop the least recently used other of its kind; False if there is none."""
        with self._lock:
            oldest = next(iter(self._beside(name)), None)
            if oldest is None:
                return False
            del self._engines[oldest]
        if not is_endpoint(name):
            gc.collect()  # a model's parts refer to each other
        return True


def pool_for(settings: Settings) -> EnginePool:
    """A pool of the models that the page offers, within the memory that the settings allow.

    Raises:
        InputError: the settings offer a model that the catalogue does not have, or more than a borrowed GPU takes.
    """
    if settings.zero_gpu:
        from moralsc.engines.zero import zero_pool

        return zero_pool(settings)
    admit([name for name in settings.models if is_endpoint(name)], settings)
    offered(settings)
    budget, downloads = settings.memory * _GB, Downloads()
    patience = Patience.of(settings)
    load = partial(
        load_local,
        offline=settings.offline,
        progress=downloads.note,
        memory=budget,
        patience=patience,
        store=Store.of(settings),
    )
    load = partial(_without_place, load)
    check = partial(find_offered, settings=settings)
    return EnginePool(load, check=check, budget=budget, needs=_expected, downloads=downloads)


def _without_place(load: Callable[[str], Engine], name: str) -> Engine:
    """Load it; a sentence on a model of one's own names it, and never tells visitors where it lies."""
    try:
        return load(name)
    except DoesNotFitError:
        raise
    except ModelError as error:
        path = find(name).path
        if Path(path).is_absolute() and path in str(error):
            raise ModelError(str(error).replace(path, name)) from error
        raise


def _expected(name: str) -> int:
    """What it takes at least: the precision is settled when it is loaded."""
    spec = find(name)
    return 0 if spec.address else needed(spec, "bfloat16")
