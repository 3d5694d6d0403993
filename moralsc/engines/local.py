"""An engine that runs a transformers model on this machine.

Loads safetensors from a local folder (a GGUF file becomes one first), continues dialogues with a decode loop of its
own, and scores all continuations of a call in one packed pass. Never runs code that comes with a model.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel, PreTrainedTokenizerBase

import moralsc
from moralsc.dialogue import Message
from moralsc.engines import local_load
from moralsc.engines.allocator import keep_memory
from moralsc.engines.base import Sampling, Scoring, StopFlag
from moralsc.engines.local_decode import Decoder, ReplyText, choose_token
from moralsc.engines.local_lean import make_lean
from moralsc.engines.local_load import explained
from moralsc.engines.local_prompt import ChatFormat
from moralsc.engines.local_replies import Request, side_by_side, write
from moralsc.engines.packing import Packing, check_causal, logprobs, plan
from moralsc.engines.store import Store
from moralsc.engines.trees import Candidate, Group, grouped
from moralsc.errors import ModelError, PromptTooLong
from moralsc.models import ModelSpec
from moralsc.models.hub import Progress

_log = logging.getLogger(__name__)
_WAIT_SECONDS = 0.05


class LocalEngine:
    """A causal language model and its tokenizer, see `moralsc.engines.base.Engine`.

    Calls from several threads take turns pass by pass: the lock is held for one forward pass and never while a
    stream hands out text. So a visitor who stops reading, or leaves, holds up nobody, and two streams advance
    side by side. The cost, one cache a running stream, is bounded by whoever starts the streams.
    """

    def __init__(
        self,
        spec: ModelSpec,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        weights: str = "in memory",
        config: str = "",
        quantisation: str = "",
        packing: bool = True,
        token_budget: int = 3072,
        reply_budget: int = 8192,
    ) -> None:
        """Take a loaded model.

        Args:
            weights, config, quantisation: which files these are, for the provenance: see `local_load.Loaded`.
            packing: False scores every continuation in a pass of its own.
            token_budget: nodes of a packed pass; a longer tree is split.
            reply_budget: tokens of the replies that are written side by side, their prompts and padding included.

        Raises:
            ModelError: the tokenizer has no safe way to write messages.
        """
        self._spec = spec
        self._model = model
        self._model.train(False)
        make_lean(model)
        self._format = ChatFormat(tokenizer)
        self._stop_ids = self._format.stop_ids | _end_ids(model)
        self._context: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self._budget, self._reply_budget = token_budget, reply_budget
        self._tokens = self._written = 0
        self._heard: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._files = {"weights": weights, "config": config, "quantisation": quantisation}
        self._sample = _sample(self._format)
        check_causal(model)
        self._packing = plan(model) if packing else Packing(0, "packing is switched off")
        self._warning = ""
        self._said = not packing  # nobody needs telling what they chose
        if self._packing.limit == 0:
            self._say_why()

    @classmethod
    def load(
        cls,
        spec: ModelSpec,
        device: str | None = None,
        dtype: str | None = None,
        *,
        device_map: str | Mapping[str, str | int] | None = None,
        place: int | None = None,
        offline: bool = False,
        packing: bool = True,
        progress: Progress | None = None,
        memory: int = 0,
        store: Store | None = None,
    ) -> "LocalEngine":
        """Load the model of a catalogue entry.

        Args:
            device: as torch names it; by default a CUDA device where there is one, else the GPU of a Mac.
            dtype: float32, bfloat16 or float16. By default float32 for bundled models, and for others what
                `fit.place` chooses.
            device_map: "auto" lets accelerate spread the layers over all cards, and over the machine's memory if they
                are too small; or part of the model -> device. Takes the place of `device`.
            place: number of this process among those of the machine; each takes the card of its number.
            offline: do not download anything.
            packing: see the constructor.
            progress: told how far a download is.
            memory: bytes that the model may take at most, 0 for what is free.
            store: where unpacked weights are kept; None for the user's cache.

        Raises:
            DoesNotFitError: there is too little memory for it; nothing was downloaded then.
            ModelError: files are missing, or the model cannot be loaded from them.
            InputError: there is no such dtype or device map.
        """
        keep_memory()
        found = local_load.load(
            spec,
            device,
            dtype,
            device_map=device_map,
            place=place,
            offline=offline,
            progress=progress,
            memory=memory,
            store=store,
        )
        with explained(spec.name, "loading"):
            return cls.of(found, packing=packing)

    @classmethod
    def of(cls, found: local_load.Loaded, **options: Any) -> "LocalEngine":
        """The engine of a model in memory, with what is known of its files; options are the constructor's."""
        return cls(
            found.spec,
            found.model,
            found.tokenizer,
            weights=found.weights,
            config=found.config,
            quantisation=found.quantisation,
            **options,
        )

    @property
    def spec(self) -> ModelSpec:
        """The catalogue entry that this engine runs."""
        return self._spec

    @property
    def provenance(self) -> dict[str, str]:
        """Facts to store with every figure."""
        packing = self._packing
        scoring = "packed" if packing.limit else f"separate passes: {packing.reason}"
        if packing.limit and packing.reason:
            scoring = f"packed up to {packing.limit} tokens, separate passes beyond"
        return {
            "engine": "local",
            "model": self._spec.name,
            **{name: value for name, value in self._files.items() if value},
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "device": ", ".join(_devices(self._model)),
            "attention": str(self._model.config._attn_implementation),
            "scoring": scoring,
            "dialogue": self._sample,
            **({"warning": self._warning} if self._warning else {}),
            "moralsc": moralsc.__version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }

    def warn(self, sentence: str) -> None:
        """Let a sentence of doubt about this model stand with everything that it answers."""
        self._warning = sentence
        _log.warning("%s", sentence)

    @property
    def own_system(self) -> str:
        """See `base.own_system`."""
        with explained(self._spec.name, "rendering"):
            return self._format.own_system

    def render(self, messages: Sequence[Message]) -> str:
        """The exact text that the model sees, see `Engine.render`.

        Raises:
            ModelError: the model's chat template refuses the dialogue.
        """
        with explained(self._spec.name, "rendering"):
            return self._format.render(messages)

    def stream(self, messages: Sequence[Message], sampling: Sampling, stop: StopFlag) -> Iterator[str]:
        """Continue the dialogue, see `Engine.stream`. Errors are raised when the first piece is asked for."""
        with explained(self._spec.name, "reading the prompt"):
            prompt = self._format.encode(self._format.render(messages))
            self._check_length(len(prompt), sampling.max_new_tokens)
            decoder, reply = Decoder(self._model, prompt), ReplyText(self._format, prompt, sampling.until)
        generator = torch.Generator().manual_seed(sampling.seed)
        for _ in range(sampling.max_new_tokens):
            logits = self._next_logits(decoder, stop)
            if logits is None:
                break
            with explained(self._spec.name, "continuing"):
                token = choose_token(logits, sampling, generator)
                self._wrote(1)
                if token in self._stop_ids:
                    break
                decoder.append(token)
                piece = reply.add(token)
            if piece:
                yield piece
            if reply.ended:
                return
        if rest := reply.rest():
            yield rest

    def score(self, scorings: Sequence[Scoring]) -> list[tuple[float, ...]]:
        """Summed log-probabilities, see `Engine.score`; `ChatFormat.candidates` says from which token on."""
        with explained(self._spec.name, "scoring"):
            candidates = self._format.candidates(scorings)
            flat = [c for group in candidates for c in group]
            longest = max((len(c.tokens) for c in flat), default=0)
            self._check_length(longest, 0)
            values = iter(self._logprobs(flat, longest))
            return [tuple(next(values) for _ in group) for group in candidates]

    @property
    def memory(self) -> int:
        """Bytes that the weights take, measured."""
        return int(self._model.get_memory_footprint())  # type: ignore[no-untyped-call]

    @property
    def tokens(self) -> int:
        """Tokens that went through the model since it was loaded."""
        return self._tokens

    @property
    def written(self) -> int:
        """Tokens that it has chosen since it was loaded, those that ended a reply included."""
        return self._written

    def listen(self, heard: Callable[[], None]) -> None:
        """See `BatchEngine.listen`."""
        self._heard = heard

    def replies(self, requests: Sequence[tuple[tuple[Message, ...], Sampling]]) -> list[str | ModelError]:
        """The replies of many dialogues, see `BatchEngine.replies`."""
        found: dict[int, str | ModelError] = {}
        wanted: dict[int, Request] = {}
        for index, (messages, sampling) in enumerate(requests):
            try:
                with explained(self._spec.name, "reading the prompt"):
                    prompt = tuple(self._format.encode(self._format.render(messages)))
                    self._check_length(len(prompt), sampling.max_new_tokens)
                if len(prompt) + sampling.max_new_tokens <= self._packing.limit:
                    wanted[index] = Request(prompt, sampling)
                else:
                    found[index] = "".join(self.stream(messages, sampling, StopFlag()))
            except ModelError as error:
                found[index] = error
        indices = tuple(wanted)
        for group in side_by_side(tuple(wanted.values()), self._reply_budget):
            chosen = [indices[i] for i in group]
            with explained(self._spec.name, "continuing"):
                these = [wanted[i] for i in chosen]
                written = write(self._model, self._format, these, self._stop_ids, self._pass, self._wrote)
            found |= zip(chosen, written, strict=True)
        return [found[index] for index in range(len(requests))]

    @contextmanager
    def _pass(self, tokens: int) -> Iterator[None]:
        """Hold the model for one pass over so many tokens."""
        with self._lock:
            yield
            self._tokens += tokens
        self._heard()

    def _wrote(self, tokens: int) -> None:
        self._written += tokens
        self._heard()

    def _logprobs(self, candidates: Sequence[Candidate], longest: int) -> list[float]:
        if longest > self._packing.limit:
            self._say_why()
            groups = [Group([index], len(c.read)) for index, c in enumerate(candidates)]
        else:
            groups = grouped(candidates, self._budget)
        values = [0.0] * len(candidates)
        for group in groups:
            with self._pass(group.nodes):
                scored = logprobs(self._model, [candidates[index] for index in group.indices])
            for index, value in zip(group.indices, scored, strict=True):
                values[index] = value
        return values

    def _next_logits(self, decoder: Decoder, stop: StopFlag) -> torch.Tensor | None:
        """Wait for a turn and take one step; None if the end is asked for before the turn comes."""
        while not stop.stopped:
            if self._lock.acquire(timeout=_WAIT_SECONDS):
                try:
                    with explained(self._spec.name, "continuing"):
                        self._tokens += decoder.unread
                        return decoder.logits()
                finally:
                    self._lock.release()
        return None

    def _check_length(self, tokens: int, new: int) -> None:
        if self._context is not None and tokens + new > self._context:
            more = f" and up to {new} more are asked for" if new else ""
            raise PromptTooLong(
                f"The dialogue has {tokens} tokens{more}; {self._spec.name} holds {self._context}. "
                "Undo a turn or shorten the text."
            )

    def _say_why(self) -> None:
        if not self._said:
            _log.warning("%s is scored in separate passes, which is slower: %s.", self._spec.name, self._packing.reason)
            self._said = True


def _sample(format: ChatFormat) -> str:
    """How a small dialogue is written: what a record says of the chat template, and tells one template from another."""
    told = (Message("user", "QUESTION"), Message("assistant", "ANSWER"), Message("user", "CORRECTION"))
    try:
        return format.render(told)
    except ModelError as error:
        return f"refused: {error}"


def _devices(model: PreTrainedModel) -> list[str]:
    """Where the model's parts lie, in their order."""
    spread: Mapping[str, object] = getattr(model, "hf_device_map", None) or {"": model.device}
    return list(dict.fromkeys(f"cuda:{where}" if isinstance(where, int) else str(where) for where in spread.values()))


def _end_ids(model: PreTrainedModel) -> frozenset[int]:
    config = model.generation_config
    ids = config.eos_token_id if config is not None else None
    return frozenset([ids] if isinstance(ids, int) else ids or ())
