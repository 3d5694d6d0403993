"""Asking an OpenAI-compatible server: patiently, a bounded number of requests at a time, and failing in sentences.

What is raised never carries the failed request along, whose header holds the key; and the server's own words are
repeated without it.
"""

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from huggingface_hub import errors

from moralsc.engines.base import Sampling, StopFlag
from moralsc.engines.endpoint_wire import Asked, Body, BrokenOff, Wire
from moralsc.errors import EngineLost, ModelError, PromptTooLong
from moralsc.models.endpoints import Endpoint, Patience

Told = TypeVar("Told")

_LONGEST_WAIT = 60.0
_LOOK_SECONDS = 0.05
_WORDS = 200
_TOKEN_CHARACTERS = 200
"""No token is longer: bounds what is read of a server that does not keep to the length it was asked for."""
_TOO_LONG = ("context length", "context_length", "context size", "context window", "too long", "max_model_len")
_CAUGHT = (errors.HTTPError, errors.TextGenerationError, OSError, ValueError)  # type: ignore[attr-defined]


class Refused(ModelError):
    """The server does not take a request of this form (400, 404, 422)."""


@dataclass(frozen=True)
class _Failure:
    """What a failed request means: the error to raise, whether asking again may help, and after how many seconds.

    `most` bounds the attempts where each one costs as much time as a server may be silent.
    """

    error: ModelError
    again: bool = False
    wait: float = 0.0
    most: int = sys.maxsize


class Client:
    """One model of one server. Methods may be called from several threads."""

    def __init__(self, endpoint: Endpoint, model: str, key: str = "", patience: Patience | None = None) -> None:
        self.address = endpoint.address
        self.model = model
        self.patience = patience or Patience()
        self._key_name = endpoint.key
        self._key = key
        self._wire = Wire(endpoint.address, key, self.patience.seconds)
        self._slots = threading.BoundedSemaphore(self.patience.requests)
        self._met = False  # whether the server has ever answered

    def models(self) -> list[dict[str, Any]]:
        """What the server says that it serves, as it says it.

        Raises:
            ModelError: it does not say.
        """
        return self._patiently(self._wire.models, StopFlag(), attempts=2)

    def answer(self, asked: Asked, body: Body, gone: StopFlag | None = None) -> dict[str, Any]:
        """A completion in one piece, as plain values.

        Raises:
            Refused: the server does not take such a request.
            ModelError: it does not answer.
        """
        with self._slots:
            return self._patiently(lambda: self._wire.answer(asked, self.model, body), gone or StopFlag())

    def pieces(self, asked: Asked, body: Body, gone: StopFlag, drawn: Sampling) -> Iterator[str]:
        """The text of a completion as it comes, until `gone`. Asks again as long as nothing has come.

        Args:
            drawn: what the body asks for. No more is read than its tokens can have, nor beyond its mark.

        Raises:
            ModelError: the server does not answer, or breaks off.
        """
        with self._slots:
            opened: list[Iterator[str]] = []

            def begun() -> str | None:
                opened[:] = [self._until(gone, asked, body, drawn)]
                return next(opened[0], None)

            piece = self._patiently(begun, gone)
            while piece is not None:
                yield piece
                piece = self._patiently(lambda: next(opened[0], None), gone, attempts=1)

    def text(self, asked: Asked, body: Body, gone: StopFlag, drawn: Sampling, heard: Callable[[], None]) -> str:
        """The whole text of a completion, see `pieces`; one that breaks off is asked for again from its beginning.

        Args:
            heard: called at every piece.
        """

        def whole() -> str:
            pieces = list[str]()
            for piece in self._until(gone, asked, body, drawn):
                pieces.append(piece)
                heard()
            return "".join(pieces)

        with self._slots:
            return self._patiently(whole, gone)

    def _until(self, gone: StopFlag, asked: Asked, body: Body, drawn: Sampling) -> Iterator[str]:
        """The pieces that hold text; closes the connection when they are enough, or nobody waits for them any more."""
        return _through(self._bounded(gone, asked, body, drawn.max_new_tokens), drawn.until)

    def _bounded(self, gone: StopFlag, asked: Asked, body: Body, tokens: int) -> Iterator[str]:
        left = tokens * _TOKEN_CHARACTERS
        for piece in () if gone.stopped else self._wire.pieces(asked, self.model, body):
            if gone.stopped:
                return
            if piece:
                yield piece[:left]
            left -= max(1, len(piece))  # what brings no text counts too: it may come without end
            if left <= 0:
                return

    def _patiently(self, call: Callable[[], Told], gone: StopFlag, attempts: int = 0) -> Told:
        """What the call gives, made again after a pause where that may help."""
        attempts = attempts or self.patience.attempts
        for attempt in range(1, attempts + 1):
            try:
                told = call()
                self._met = True
                return told
            except _CAUGHT as error:
                failure = self._explained(error)
            if not failure.again or failure.wait > _LONGEST_WAIT or gone.stopped:
                break
            if attempt >= min(attempts, failure.most):
                break
            # A little chance, so that many who were refused at once do not come back at once.
            pause = self.patience.pause * 2 ** (attempt - 1) * (1 + random.random() / 4)
            _rest(failure.wait or min(pause, _LONGEST_WAIT), gone)
        # Outside of `except`: the caught error refers to the request with its headers.
        raise failure.error

    def _explained(self, error: BaseException) -> _Failure:
        response = getattr(error, "response", None)
        if response is not None:
            self._met = True
            return self._answered(response.status_code, self._words(response), response.headers.get("retry-after", ""))
        if isinstance(error, errors.OfflineModeIsEnabled):
            return _Failure(EngineLost("HF_HUB_OFFLINE is set, which keeps this from asking any server. Unset it."))
        if "Timeout" in (kind := type(error).__name__):
            sentence = (
                f"{self.address} has said nothing for {self.patience.seconds:g} seconds. It may still be loading the "
                "model, or have too much to do; MORALSC_TIMEOUT allows more seconds."
            )
            return _Failure(EngineLost(sentence), again=True, most=2)
        if isinstance(error, BrokenOff) or kind in ("ReadError", "RemoteProtocolError", "WriteError"):
            return _Failure(ModelError(f"{self.address} broke off before its reply was whole."), again=True)
        if isinstance(error, errors.TextGenerationError):
            return _Failure(ModelError(f"{self.address} failed: {self._clean(str(error))}"), again=True)
        if isinstance(error, ValueError):
            return _Failure(EngineLost(f"{self.address} answers, but {_NO_API}"))
        # Where nobody has answered yet there is nobody to be patient with.
        sentence = f"No server answers at {self.address}. Is it running, and is the address right?"
        return _Failure(EngineLost(sentence), again=self._met)

    def _answered(self, status: int, words: str, after: str) -> _Failure:
        """What an answer that is no success means."""
        said = f" It says: {words}" if words else ""
        if status in (401, 403):
            key = f"the key in {self._key_name}" if self._key else f"to answer without a key: set {self._key_name}"
            return _Failure(EngineLost(f"{self.address} refuses {key}.{said}"))
        if status == 402:
            return _Failure(EngineLost(f"{self.address} wants to be paid before it answers more.{said}"))
        if status == 429:
            wait = _seconds(after)
            when = f" It asks to wait {wait:.0f} seconds." if wait > _LONGEST_WAIT else ""
            sentence = (
                f"The rate limit of {self.address} is used up.{when} Try again later, or ask fewer at a time with "
                f"MORALSC_REQUESTS.{said}"
            )
            return _Failure(EngineLost(sentence), again=True, wait=wait)
        if status in (408, 409) or status >= 500:
            kind = EngineLost if status in (502, 503, 504, 529) else ModelError
            return _Failure(kind(f"{self.address} failed with {status}.{said}"), again=True, wait=_seconds(after))
        if status == 404 and "model" in words.lower():
            return _Failure(EngineLost(f"{self.address} has no model {self.model!r}.{said}"))
        if status == 404:
            return _Failure(EngineLost(f"{self.address} answers, but {_NO_API}"))
        if any(sign in words.lower() for sign in _TOO_LONG):
            return _Failure(
                PromptTooLong(f"The dialogue is too long for {self.model}.{said} Undo a turn or shorten it.")
            )
        return _Failure(Refused(f"{self.address} does not take this request ({status}).{said}"))

    def _words(self, response: Any) -> str:
        """What the server says of a failure, short."""
        with suppress(*_CAUGHT, RuntimeError):
            response.read()
            found = response.json()
            for name in ("error", "message", "detail"):
                found = found.get(name, found) if isinstance(found, dict) else found
            return self._clean(found if isinstance(found, str) else "")
        return ""

    def _clean(self, text: str) -> str:
        text = text.replace(self._key, "***") if self._key else text
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text[:_WORDS] + ("..." if len(text) > _WORDS else "")


def _through(pieces: Iterator[str], mark: str) -> Iterator[str]:
    """The pieces up to the first mark, and with it; all of them where there is none."""
    text = ""
    for piece in pieces:
        begins, text = len(text), text + piece
        if mark and (found := text.find(mark)) >= 0:
            yield text[begins : found + len(mark)]
            return
        yield piece


_NO_API = (
    "not as an OpenAI-compatible server does. Give the address up to where /chat/completions follows, as in "
    "openai:http://HOST:PORT/v1."
)


def _seconds(after: str) -> float:
    """The seconds that a Retry-After header names, as a number or as a date; 0 if it names none."""
    with suppress(ValueError):
        return max(0.0, float(after))
    with suppress(ValueError, TypeError):
        date = parsedate_to_datetime(after)
        return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
    return 0.0


def _rest(seconds: float, gone: StopFlag) -> None:
    """Wait; no longer than whoever asked."""
    until = time.monotonic() + seconds
    while not gone.stopped and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK_SECONDS))
