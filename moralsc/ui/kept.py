"""Kept: results of slow work, made once for all visitors and forgotten in the order of their last use."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """A bounded cache, safe to use from any thread. Who asks for what is just being made waits for it.

    Args:
        most: what the kept values may weigh together; the one that was asked for last stays however much it weighs.
        weigh: of a value; each weighs 1 by default.
    """

    def __init__(self, most: int, weigh: Callable[[V], int] = lambda _: 1) -> None:
        self._most, self._weigh = most, weigh
        self._made: OrderedDict[K, Future[V]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of this key, made if it is not there; an error of `make` is raised and not kept."""
        with self._lock:
            mine = key not in self._made
            future: Future[V] = self._made.setdefault(key, Future())
            self._made.move_to_end(key)
        if mine:
            try:
                future.set_result(make())
            except BaseException as error:
                with self._lock:
                    self._made.pop(key, None)
                future.set_exception(error)
            self._forget()
        return future.result()

    def __contains__(self, key: K) -> bool:
        """Whether it need not be made any more."""
        with self._lock:
            return key in self._made and self._made[key].done()

    def _forget(self) -> None:
        with self._lock:
            weights = {key: self._weigh(f.result()) for key, f in self._made.items() if f.done() and not f.exception()}
            over = sum(weights.values()) - self._most
            for key in list(weights)[:-1]:
                if over <= 0:
                    break
                over -= weights[key]
                del self._made[key]
