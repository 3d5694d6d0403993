"""How many visitors ask a model at a time, and who is next.

Gradio's queues count events, and an event that downloads its model first would keep others from asking. So many events
may be under way, and those whose model is there stand in a line of ours. Two of gradio's queues after one another would
do as well, but its client loses messages of an event that begins while the stream of the one before is closing.

The setting `queue` bounds each of the two: those who stand in our line, and the events that wait in gradio's queues,
which of the page's are those that come while MODEL_LIMIT are under way.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from moralsc.engines.base import StopFlag
from moralsc.errors import MoralscError
from moralsc.ui import texts

MODEL_QUEUE = "model"
# Gradio takes the limit of a queue from whichever of its events comes first: each of them must name it. A place is a
# thread that mostly sleeps.
MODEL_LIMIT = 24
# A call of the API may wait long for its model: it holds up other calls, and nobody at the page.
API_QUEUE = "api"
API_LIMIT = 2
_ASKING = 2
_LOOK_SECONDS = 0.02


class LineFull(MoralscError):
    """As many wait for a model as may; the sentence says to try again."""


class Line:
    """The first few in line may ask; the others wait, first come first served."""

    def __init__(self, places: int = _ASKING) -> None:
        self._places = places
        self._line: list[object] = []
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many stand in line and may not ask yet."""
        return max(0, len(self._line) - self._places)

    @contextmanager
    def turn(self, job: StopFlag, most: int | None = None) -> Iterator[None]:
        """Wait for a turn and have it; whoever is stopped meanwhile has it at once, and is expected to leave.

        Args:
            most: how many may wait, this one counted; None for any number.

        Raises:
            LineFull: that many wait already.
        """
        place = object()
        with self._lock:
            if most is not None and len(self._line) >= self._places + most:
                raise LineFull(texts.BUSY)
            self._line.append(place)
        try:
            while not job.stopped and not self._is_next(place):
                time.sleep(_LOOK_SECONDS)
            yield
        finally:
            with self._lock:
                self._line.remove(place)

    def _is_next(self, place: object) -> bool:
        with self._lock:
            return self._line.index(place) < self._places
