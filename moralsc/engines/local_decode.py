"""One reply, token by token: the forward steps, the choice of a token, and text out of tokens.

Each step is a plain call. There is no worker thread that could hang, and the caller may stop between any two.
"""

from collections.abc import Sequence

import torch
from transformers import DynamicCache, PreTrainedModel

from moralsc.engines.base import Sampling
from moralsc.engines.local_prompt import ChatFormat
from moralsc.errors import ModelError

_PARTIAL = "\ufffd"
_CONTEXT = 4


class Decoder:
    """The model at the end of a growing sequence. Recurrent architectures keep other caches, so they read it anew."""

    def __init__(self, model: PreTrainedModel, prompt: Sequence[int]) -> None:
        self._model = model
        self._tokens = list(prompt)
        self._done = 0
        self._cache = None if getattr(model, "_is_stateful", False) else DynamicCache(config=model.config)

    @property
    def unread(self) -> int:
        """Tokens that the next step reads."""
        return len(self._tokens) - self._done

    @torch.inference_mode()
    def logits(self) -> torch.Tensor:
        """(V,) fp32 logits of the next token, on the CPU.

        Raises:
            ModelError: the model answers with something that is not a number.
        """
        new = torch.tensor([self._tokens[self._done :]], device=self._model.device)
        cached = {"past_key_values": self._cache} if self._cache is not None else {}
        output = self._model(input_ids=new, use_cache=self._cache is not None, logits_to_keep=1, **cached)
        logits: torch.Tensor = output.logits[0, -1].float().cpu()
        if logits.isnan().any():
            raise ModelError("The model's output is not a number.")
        if self._cache is not None:
            self._done = len(self._tokens)
        return logits

    def append(self, token: int) -> None:
        """Let the sequence grow by the token that was chosen."""
        self._tokens.append(token)


def choose_token(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """The most probable token, or one drawn from the nucleus of softmax(logits / temperature).

    The nucleus is the smallest set of most probable tokens that holds `top_p`; it is never empty.
    """
    if sampling.temperature <= 0:
        return int(logits.argmax())
    probabilities, tokens = (logits / sampling.temperature).softmax(-1).sort(descending=True)
    before = probabilities.cumsum(-1) - probabilities
    outside = before >= sampling.top_p
    outside[0] = False
    drawn = torch.multinomial(probabilities.masked_fill(outside, 0), 1, generator=generator)
    return int(tokens[drawn])


class ReplyText:
    """Text of a reply that grows by tokens, given out in complete characters only.

    Attributes:
        ended: the text has come to the mark that ends it, or to a line that opens the next turn; nothing follows.
    """

    def __init__(self, format: ChatFormat, prompt: Sequence[int], until: str = "") -> None:
        self._format = format
        self._until = until
        # Tokenizers drop a leading space where a text begins: decoding goes on from the prompt's end.
        self._tokens = list(prompt[-_CONTEXT:])
        self._skip = len(format.decode(self._tokens))
        self._given = ""
        self.ended = False

    def add(self, token: int) -> str:
        """The text that this token completes, possibly empty."""
        self._tokens.append(token)
        return self._new(final=False)

    def rest(self) -> str:
        """What was held back, now that no token follows. Bytes of a character that never became whole are dropped."""
        return "" if self.ended else self._new(final=True)

    def _new(self, final: bool) -> str:
        text = self._format.decode(self._tokens)[self._skip :].rstrip(_PARTIAL)
        if self._format.next_turn:
            text = self._before_next_turn(text, final)
        if self._until and self._until in text:
            self.ended = True
            text = text[: text.index(self._until) + len(self._until)]
        # Byte-fallback tokenizers unmake a whole run of characters while its last one is incomplete.
        if not text.startswith(self._given):
            return ""
        piece = text[len(self._given) :]
        self._given = text
        return piece

    def _before_next_turn(self, text: str, final: bool) -> str:
        opening = "\n" + self._format.next_turn
        if opening in text:
            self.ended = True
            return text.partition(opening)[0].rstrip("\n")
        head, newline, line = text.rpartition("\n")
        if newline and not final and self._format.next_turn.startswith(line):
            return head.rstrip("\n")
        return text
