"""An engine that asks a model behind an address: any OpenAI-compatible server, or Hugging Face's Inference Providers.

Text comes from streamed chat completions, in a prompt that the server writes by its own chat template; or, of models
that have none, from text completions of the plain transcript. What can be scored depends on the server
(`endpoint_abilities`), and every record says how it was.
"""

import os
import queue
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import huggingface_hub

import moralsc
from moralsc.dialogue import Message, transcript
from moralsc.engines.base import Limits, Sampling, Scoring, StopFlag
from moralsc.engines.endpoint_abilities import Abilities, Scores, examine
from moralsc.engines.endpoint_client import Client
from moralsc.engines.endpoint_scores import Scorer
from moralsc.engines.endpoint_wire import Asked, Body
from moralsc.errors import EngineLost, InputError, ModelError
from moralsc.models import ModelSpec
from moralsc.models.endpoints import Patience, named, read_endpoint

_LOOK_SECONDS = 0.05
_NEXT_TURN = "\nHuman:"
SENT = "Sent as messages; the server's own chat template makes the model's text of them."

One = TypeVar("One")
Told = TypeVar("Told")


class EndpointEngine:
    """A model behind an address, see `moralsc.engines.base.Engine`. Requests of several threads go side by side."""

    def __init__(
        self, spec: ModelSpec, client: Client, abilities: Abilities, plain: bool = False, served_by: str = ""
    ) -> None:
        """Take a server that was examined.

        Args:
            plain: ask it by text completions of the plain transcript.
            served_by: what it says that it is, for the provenance.
        """
        self._spec = spec
        self._client = client
        self._can = abilities
        self._plain = plain
        self._served_by = served_by
        self._scored = Scorer(client, abilities, plain)
        self._written = 0
        self._heard: Callable[[], None] = lambda: None
        self._counting = threading.Lock()

    @classmethod
    def connect(cls, spec: ModelSpec, patience: Patience | None = None, key: str | None = None) -> "EndpointEngine":
        """Reach the model that the name of the spec says, and find out what its server can do.

        Args:
            key: None reads the environment's variable, OPENAI_API_KEY or HF_TOKEN.

        Raises:
            InputError: the name names no endpoint, or the server has several models and the name says none.
            ModelError: the server does not answer, refuses the key, or has no such model.
        """
        endpoint = read_endpoint(spec.name)
        key = (os.environ.get(endpoint.key, "") if key is None else key).strip()
        if endpoint.needs_key and not key:
            raise ModelError(f"Inference Providers answer nobody without a token: set {endpoint.key}.")
        client = Client(endpoint, endpoint.model, key, patience)
        entry: dict[str, Any] = {}
        if not endpoint.model:
            entry = _only(client, spec.name)
            client.model = entry["id"]
        spec = replace(named(spec, client.model), context=_whole_number(entry.get("max_model_len")))
        return cls(spec, client, examine(client, endpoint.plain), endpoint.plain, str(entry.get("owned_by") or ""))

    @property
    def spec(self) -> ModelSpec:
        """The model, under the name by which it was asked for."""
        return self._spec

    @property
    def limits(self) -> Limits:
        """What cannot be asked through this server, see `base.limits`."""
        return Limits(continues=self._can.opening is not None, probabilities=self._can.scores is not Scores.NONE)

    @property
    def provenance(self) -> dict[str, str]:
        """Facts to store with every figure; what only the server knows is called untold."""
        can, opening = self._can, "not continued"
        if can.opening is not None:
            opening = f"continued, as asked by {', '.join(can.opening)}" if can.opening else "continued by the server"
        return {
            "engine": "endpoint",
            "model": self._spec.name,
            "weights": f"{self._client.model} at {self._client.address}",
            "dtype": "untold",
            "device": "untold",
            "server": self._served_by or "untold",
            "template": "plain transcript" if self._plain else "the server's own",
            "opening": opening,
            "scoring": str(can.scores) + (f" ({can.reason})" if can.reason else ""),
            **({"top_logprobs": str(can.top)} if can.top else {}),
            "moralsc": moralsc.__version__,
            "huggingface_hub": huggingface_hub.__version__,
        }

    def render(self, messages: Sequence[Message]) -> str:
        """The text as it is sent; or the messages, of which the server makes a text that it does not tell."""
        if self._plain:
            return transcript(tuple(messages))
        parts = [f"[{m.role}]\n{m.content}" for m in messages]
        if messages and messages[-1].role == "assistant":
            parts[-1] = f"[{messages[-1].role}, to be continued]\n{messages[-1].content}"
        return "\n\n".join((SENT, *parts))

    def stream(self, messages: Sequence[Message], sampling: Sampling, stop: StopFlag) -> Iterator[str]:
        """Continue the dialogue, see `Engine.stream`.

        A thread of its own reads, so that a stop is obeyed at once also while the server is silent; the connection is
        closed as soon as it says something, or its time is over.
        """
        if stop.stopped:
            return
        asked, body = self._asked(messages), self._body(messages, sampling)
        pieces: queue.Queue[str | Exception | None] = queue.Queue()
        gone = StopFlag()

        def read() -> None:
            try:
                for piece in self._reply_of(self._client.pieces(asked, body, gone, sampling)):
                    pieces.put(piece)
                pieces.put(None)
            except Exception as error:  # whatever it is, who waits must hear of it
                pieces.put(error)

        threading.Thread(target=read, name="endpoint", daemon=True).start()
        try:
            while not stop.stopped:
                try:
                    piece = pieces.get(timeout=_LOOK_SECONDS)
                except queue.Empty:
                    continue
                if piece is None:
                    return
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            gone.stop()

    def score(self, scorings: Sequence[Scoring]) -> Sequence[tuple[float, ...] | None]:
        """Log-probabilities as far as the server gives them, see `Engine.score` and `Scores`."""
        return self._side_by_side(self._scored, scorings)

    @property
    def tokens(self) -> int | None:
        """Not counted."""
        return None

    @property
    def written(self) -> int:
        """Pieces of text that came, see `BatchEngine.written`."""
        return self._written

    def listen(self, heard: Callable[[], None]) -> None:
        """See `BatchEngine.listen`."""
        self._heard = heard

    def replies(self, requests: Sequence[tuple[tuple[Message, ...], Sampling]]) -> list[str | ModelError]:
        """The replies of many dialogues, see `BatchEngine.replies`.

        Raises:
            EngineLost: the server is gone, or refuses everything.
        """
        return self._side_by_side(self._reply, requests)

    def _reply(self, request: tuple[tuple[Message, ...], Sampling], gone: StopFlag) -> str | ModelError:
        messages, sampling = request
        try:
            body = self._body(messages, sampling)
            text = self._client.text(self._asked(messages), body, gone, sampling, self._piece)
            return "".join(self._reply_of(iter((text,))))
        except EngineLost:
            raise
        except ModelError as error:
            return error

    def _piece(self) -> None:
        with self._counting:
            self._written += 1
        self._heard()

    def _side_by_side(self, call: Callable[[One, StopFlag], Told], asked: Sequence[One]) -> list[Told]:
        """The calls' results, in order; where one fails, those that have not begun are not made."""
        gone = StopFlag()
        with ThreadPoolExecutor(self._client.patience.requests) as pool:
            try:
                return list(pool.map(lambda one: call(one, gone), asked))
            except BaseException:
                gone.stop()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _reply_of(self, pieces: Iterator[str]) -> Iterator[str]:
        return _before_next_turn(pieces) if self._plain else pieces

    def _asked(self, messages: Sequence[Message]) -> Asked:
        return transcript(tuple(messages)) if self._plain else messages

    def _body(self, messages: Sequence[Message], sampling: Sampling) -> Body:
        drawn = {"seed": sampling.seed, "top_p": sampling.top_p} if sampling.temperature else {}
        length = {self._can.length: sampling.max_new_tokens}
        ends = {"stop": [_NEXT_TURN]} if self._plain else {}
        return {
            **self._can.body,
            **self._can.opened(messages),
            **length,
            "temperature": sampling.temperature,
            **drawn,
            **ends,
        }


def _before_next_turn(pieces: Iterator[str]) -> Iterator[str]:
    """A model without a template goes on with the next question: its pieces up to there, and no newline before it."""
    held = ""
    for piece in pieces:
        held += piece
        reply, found, _ = held.partition(_NEXT_TURN)
        sure = len(reply.rstrip("\n")) if found else len(re.sub(r"\n+[Human]*$", "", held))
        if sure:
            yield held[:sure]
        if found:
            return
        held = held[sure:]
    if held:
        yield held


def _only(client: Client, name: str) -> dict[str, Any]:
    """What the server says of its only model."""
    try:
        served = client.models()
    except EngineLost:
        raise
    except ModelError:
        served = []
    if len(served) != 1:
        listed = ", ".join(str(entry["id"]) for entry in served[:20])
        serves = (
            f"serves {listed}{' and more' if len(served) > 20 else ''}" if served else "does not say what it serves"
        )
        raise InputError(f"{client.address} {serves}. Name a model behind the address: {name.partition('#')[0]}#MODEL.")
    return served[0]


def _whole_number(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
