"""Waiting for a model that is not in memory yet: it is loaded aside, so that the page can say how far it is.

The one that the page opens with is loaded with the server, before anybody asks.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from dataclasses import dataclass

from moralsc.engines.base import StopFlag
from moralsc.engines.pool import EnginePool
from moralsc.errors import MoralscError
from moralsc.models import find
from moralsc.notation import duration
from moralsc.ui import texts

Far = tuple[int, int] | None
"""Bytes of a download that came, and in all; None while nothing is downloaded."""
_LOOK_SECONDS = 0.2
_TELL_SECONDS = 1.0


@dataclass(frozen=True)
class Readiness:
    """Where a model stands, for the line that says so.

    Attributes:
        text: a sentence; empty for a model that nobody has asked for yet.
        coming: it is being loaded, so that the sentence will change by itself.
        problem: it could not be loaded.
    """

    text: str = ""
    coming: bool = False
    problem: bool = False


class Ahead:
    """What is loaded before anybody asks. Safe to use from any thread; a failure is kept and stops nothing."""

    def __init__(self) -> None:
        self._failed: dict[str, str] = {}

    def load(self, engines: EnginePool, name: str, tell: Callable[[str], None]) -> None:
        """Have a model loaded and return when it is there or has failed.

        Args:
            tell: given a line when it begins and one when it is over.
        """
        title, started = find(name).title, time.monotonic()
        tell(f"Loading {title} ...")
        try:
            engines.coming(name).result()
        except MoralscError as error:
            said = str(error)
        except Exception as error:  # whatever it is, the server goes on without this model
            said = f"{title} could not be loaded ({type(error).__name__}: {error})."
        else:
            tell(f"{title} is ready after {duration(time.monotonic() - started)}.")
            return
        self._failed[name] = said
        tell(said)

    def forget(self, name: str) -> None:
        """What made it fail may be mended: a new try tells anew."""
        self._failed.pop(name, None)

    def readiness(self, engines: EnginePool, name: str) -> Readiness:
        """Where a model of the catalogue stands now."""
        title = find(name).title
        if engines.has(name):
            self.forget(name)
            return Readiness(f"{title} is ready.")
        if engines.loading(name):
            return Readiness(texts.coming(title, engines.downloads.of(name)), coming=True)
        if said := self._failed.get(name):
            return Readiness(f"{said} {texts.NOT_LOADED}", problem=True)
        return Readiness()


def in_background(*work: Callable[[], None]) -> threading.Thread:
    """Do these one after the other, aside; they end with the server."""

    def do() -> None:
        for each in work:
            each()

    thread = threading.Thread(target=do, name="preparing", daemon=True)
    thread.start()
    return thread


def until_loaded(engines: EnginePool, name: str, job: StopFlag) -> Iterator[Far]:
    """Have a model loaded; says about every second how far its download is, and ends once the engine is there.

    A job that is stopped ends the waiting alone: the download goes on, for whoever asks next.

    Raises:
        MoralscError: the model cannot be had; the sentence says why.
    """
    coming, told = engines.coming(name), 0.0
    while not wait([coming], _LOOK_SECONDS).done:
        if job.stopped:
            return
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            yield engines.downloads.of(name)
    coming.result()
