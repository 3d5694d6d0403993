"""Loaded engines, shared by everyone who asks for a model by name.

Loads each model once, keeps the least recently used down to a limit, and knows nothing of how a model is loaded.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from moralsc.engines.base import Engine
from moralsc.models import find


def load_local(
    name: str,
    offline: bool = False,
    dtype: str | None = None,
    device_map: str | None = None,
    place: int | None = None,
) -> Engine:
    """Load a model of the catalogue on this machine; `offline` forbids downloads.

    Args:
        dtype, device_map, place: see `LocalEngine.load`.

    Raises:
        InputError: the catalogue has no such model, or there is no such dtype or device map.
        ModelError: it cannot be loaded.
    """
    from moralsc.engines.local import LocalEngine

    return LocalEngine.load(find(name), dtype=dtype, device_map=device_map, place=place, offline=offline)


class EnginePool:
    """Name -> engine. May be used from several threads.

    Each model has a lock of its own, so loading one never delays who asks for another. An engine that is dropped
    lives on for those who still hold it.
    """

    def __init__(
        self, load: Callable[[str], Engine] = load_local, limit: int = 3, check: Callable[[str], object] = find
    ) -> None:
        """Start empty.

        Args:
            load: makes the engine of a name; what it raises reaches the caller, and the next one tries anew.
            limit: engines kept at a time, at least 1.
            check: raises InputError for a name that is no model's; nothing is kept of such a name.
        """
        self._load = load
        self._limit = max(1, limit)
        self._check = check
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._loading: dict[str, threading.Lock] = {}
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
            engine = self._kept(name)
            if engine is None:
                engine = self._load(name)
                self._keep(name, engine)
        return engine

    def _kept(self, name: str) -> Engine | None:
        with self._lock:
            if name in self._engines:
                self._engines.move_to_end(name)
            return self._engines.get(name)

    def _keep(self, name: str, engine: Engine) -> None:
        with self._lock:
            self._engines[name] = engine
            while len(self._engines) > self._limit:
                self._engines.popitem(last=False)
