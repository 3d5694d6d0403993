"""Waiting for a model that is not in memory yet: it is loaded aside, so that the page can say how far it is."""

import time
from collections.abc import Iterator
from concurrent.futures import wait

from moralsc.engines.base import StopFlag
from moralsc.engines.pool import EnginePool

Far = tuple[int, int] | None
"""Bytes of a download that came, and in all; None while nothing is downloaded."""
_LOOK_SECONDS = 0.2
_TELL_SECONDS = 1.0


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
