"""Log-probabilities by transformers alone: its chat template, its tokenizer, its cache, one text at a time.

Nothing of moralsc.engines is in here, so that a mistake there cannot be made here too.
"""

import copy
import math
import re
from collections.abc import Sequence

import torch
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from moralsc.dialogue import Message

NO_SYSTEM = Message("system", "")
SYSTEM_TURN = re.compile(r"\A<\|im_start\|>system\n.*?<\|im_end\|>\n", re.DOTALL)


class Plain:
    """A model and its tokenizer as transformers loads them."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self._model = model
        self._tokenizer = tokenizer

    def text(self, messages: Sequence[Message]) -> str:
        """The dialogue as the model reads it; the last message is the assistant's and stays open."""
        *before, last = messages
        assert last.role == "assistant"
        if self._tokenizer.chat_template:
            chat = [{"role": m.role, "content": m.content} for m in before if m != NO_SYSTEM]
            head = str(self._tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))
            return (SYSTEM_TURN.sub("", head) if NO_SYSTEM in before else head) + last.content
        names = {"user": "Human", "assistant": "Assistant"}
        return "\n\n".join(f"{names[m.role]}: {m.content}" for m in messages)

    def tokens(self, text: str) -> list[int]:
        """With BOS where the tokenizer puts one by itself and no template does."""
        return list(self._tokenizer(text, add_special_tokens=not self._tokenizer.chat_template)["input_ids"])

    def logprobs(
        self, messages: Sequence[Message], options: Sequence[str], closed: bool, whole: bool = False
    ) -> tuple[float, ...]:
        """Of each option after the dialogue, with what ends a message where `closed`.

        Args:
            whole: read the dialogue anew for each option, with no cache.
        """
        text = self.text(messages)
        end = ("<|im_end|>" if self._tokenizer.chat_template else "\n\n") if closed else ""
        read = [self.tokens(text + option + end) for option in options]
        prompt = self.tokens(text)
        columns = enumerate(zip(prompt, *read, strict=False))
        # A tokenizer may merge the end of the prompt with an option's beginning: all count from where they part.
        start = next((i for i, column in columns if len(set(column)) > 1), len(prompt))
        common = None if whole else self._read(read[0][:start])
        rests = {tuple(tokens[start:-1]) for tokens in read}  # options of one token each need but one pass
        tables = {rest: self._table([*read[0][:start], *rest], start, common) for rest in rests}
        return tuple(
            math.fsum(float(tables[tuple(tokens[start:-1])][row, token]) for row, token in enumerate(tokens[start:]))
            for tokens in read
        )

    @torch.no_grad()
    def greedy(self, messages: Sequence[Message], length: int) -> str:
        """The likeliest next tokens, each by a pass of its own over everything before it."""
        prompt = self.tokens(self.text(messages))
        tokens = list(prompt)
        for _ in range(length):
            tokens.append(int(self._table(tokens, len(tokens))[-1].argmax()))
        return str(self._tokenizer.decode(tokens[len(prompt) :]))

    @torch.no_grad()
    def _read(self, tokens: Sequence[int]) -> DynamicCache:
        """What the model keeps of all these tokens but the last, whose logits are wanted."""
        cache = DynamicCache(config=self._model.config)
        self._model(torch.tensor([list(tokens[:-1])]), past_key_values=cache, logits_to_keep=1)
        return cache

    @torch.no_grad()
    def _table(self, tokens: Sequence[int], start: int, common: DynamicCache | None = None) -> torch.Tensor:
        """(counted, V) log-probabilities of what follows each token from the one before `start` on, in float64."""
        kept = len(tokens) - start + 1
        if common is None:
            output = self._model(torch.tensor([list(tokens)]), use_cache=False, logits_to_keep=kept)
        else:
            output = self._model(torch.tensor([list(tokens[start - 1 :])]), past_key_values=copy.deepcopy(common))
        return torch.log_softmax(output.logits[0].double(), dim=-1)
