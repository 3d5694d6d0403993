"""Many replies at once: prompts that begin alike share what they share, and then grow side by side."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from transformers import DynamicCache, PreTrainedModel

from moralsc.engines.base import Sampling
from moralsc.engines.local_decode import ReplyText, choose_token
from moralsc.engines.local_prompt import ChatFormat
from moralsc.engines.trees import common_length
from moralsc.errors import ModelError


class Decoders:
    """The model at the ends of several growing sequences (B of them).

    The tokens that all prompts have in common are read once. What follows is padded on its left, so that every
    sequence ends in the same column; a sequence never sees its padding.

    Attributes:
        shared: how many tokens all prompts begin with; each keeps one of its own at least.
    """

    def __init__(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> None:
        """Take prompts of at least one token each."""
        self._model = model
        self._cache = DynamicCache(config=model.config)
        self.shared = shared = min(common_length(*prompts), min(map(len, prompts)) - 1)
        self._prompts = prompts
        rests = [list(prompt[shared:]) for prompt in prompts]
        longest = max(map(len, rests))
        self._new = torch.tensor([[0] * (longest - len(rest)) + rest for rest in rests])
        padding = torch.tensor([longest - len(rest) for rest in rests])[:, None]
        columns = torch.arange(longest)[None, :]
        self._mask = torch.cat([torch.ones(len(prompts), shared, dtype=torch.long), (columns >= padding).long()], 1)
        # What is padding has no position; 0 does no harm, since nothing sees it.
        self._positions = (columns - padding).clamp(min=0) + shared

    @property
    def unread(self) -> int:
        """Tokens that the next step reads, padding included."""
        return self._new.numel()

    @torch.inference_mode()
    def read_shared(self) -> None:
        """Read what all prompts have in common; comes before the first step."""
        if self.shared:
            new = torch.tensor([list(self._prompts[0][: self.shared])], device=self._model.device)
            self._model(input_ids=new, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
            self._cache.batch_repeat_interleave(len(self._prompts))

    @torch.inference_mode()
    def logits(self) -> torch.Tensor:
        """(B, V) fp32 logits of the next tokens, on the CPU."""
        device = self._model.device
        output = self._model(
            input_ids=self._new.to(device),
            attention_mask=self._mask.to(device),
            position_ids=self._positions.to(device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        table: torch.Tensor = output.logits[:, -1].float().cpu()
        return table

    def append(self, tokens: Sequence[int]) -> None:
        """Let every sequence grow by the token that was chosen for it."""
        self._new = torch.tensor(tokens)[:, None]
        self._mask = torch.cat([self._mask, torch.ones_like(self._new)], 1)
        self._positions = self._positions[:, -1:] + 1

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these sequences alone, after `append`."""
        chosen = torch.tensor(rows)
        self._cache.batch_select_indices(chosen)
        self._new, self._mask, self._positions = (t[chosen] for t in (self._new, self._mask, self._positions))


@dataclass(frozen=True)
class Request:
    """A reply that is wanted.

    Attributes:
        prompt: token ids, at least one.
    """

    prompt: tuple[int, ...]
    sampling: Sampling


def side_by_side(requests: Sequence[Request], budget: int) -> list[list[int]]:
    """Indices of requests in groups of at most `budget` tokens, padding included (or one request).

    Those that begin alike and are of like length stand together.
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(requests)), key=lambda i: requests[i].prompt):
        group = [*(groups[-1] if groups else []), index]
        longest = max(len(requests[i].prompt) + requests[i].sampling.max_new_tokens for i in group)
        if groups and len(group) * longest <= budget:
            groups[-1] = group
        else:
            groups.append([index])
    return groups


def write(
    model: PreTrainedModel,
    format: ChatFormat,
    requests: Sequence[Request],
    ends: Collection[int],
    held: Callable[[int], AbstractContextManager[None]],
    wrote: Callable[[int], None],
) -> list[str]:
    """The replies, as `LocalEngine.stream` would give them.

    Args:
        ends: tokens that end a reply.
        held: gives what is entered for a pass over so many tokens.
        wrote: told of every step how many tokens it has chosen.

    Raises:
        ModelError: the model answers with something that is not a number.
    """
    texts = [ReplyText(format, r.prompt, r.sampling.until) for r in requests]
    generators = [torch.Generator().manual_seed(r.sampling.seed) for r in requests]
    replies = [""] * len(requests)
    growing = list(range(len(requests)))
    decoders = Decoders(model, [r.prompt for r in requests])
    with held(decoders.shared):
        decoders.read_shared()
    for written in range(max(r.sampling.max_new_tokens for r in requests)):
        with held(decoders.unread):
            table = decoders.logits()
        if table.isnan().any():
            raise ModelError("The model's output is not a number.")
        tokens = [choose_token(row, requests[i].sampling, generators[i]) for i, row in zip(growing, table, strict=True)]
        wrote(len(tokens))
        left = []
        for row, (index, token) in enumerate(zip(growing, tokens, strict=True)):
            if token in ends:
                continue
            replies[index] += texts[index].add(token)
            if not texts[index].ended and written + 1 < requests[index].sampling.max_new_tokens:
                left.append(row)
        if not left:
            break
        decoders.append(tokens)
        if len(left) < len(growing):
            decoders.keep(left)
            growing = [growing[row] for row in left]
    return [reply + text.rest() for reply, text in zip(replies, texts, strict=True)]
