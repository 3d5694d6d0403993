"""Attention over a tree of tokens, for any transformers model that looks its attention up by name.

The nodes of a tree stand in one row. Each block of them attends, by torch's own kernel, to its ancestors and to
itself; what it cannot see is never computed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

from moralsc.engines.trees import Block, Tree, blocks

_NAME = "moralsc_tree"
LEAST = 128
"""Nodes of the smallest block worth a call of its own."""


@dataclass
class Layout:
    """The blocks of the tree that is being passed through a model; tensors are made where they are first needed."""

    ends: Sequence[int]
    blocks: Sequence[Block]
    _masks: dict[tuple[int, torch.dtype, torch.device], torch.Tensor | None] = field(default_factory=dict)
    _seen: dict[torch.device, torch.Tensor] = field(default_factory=dict)

    def mask(self, index: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor | None:
        """(n, ancestors + n) additive mask of a block; None where the plain causal one is meant.

        It is a float mask because a boolean one is silently misread by some kernels.
        """
        key = index, dtype, device
        if key not in self._masks:
            seen = visible(self.ends, self.blocks[index])
            self._masks[key] = None if seen is None else _additive(seen, dtype).to(device)
        return self._masks[key]

    def seen(self, device: torch.device) -> torch.Tensor:
        """(T,) nodes that the blocks look at, block after block: a block's ancestors, then the block itself."""
        if device not in self._seen:
            ranges = [torch.arange(*r) for block in self.blocks for r in (*block.before, block.nodes)]
            self._seen[device] = torch.cat(ranges).to(device)
        return self._seen[device]


_layout: ContextVar[Layout | None] = ContextVar("layout", default=None)


def visible(ends: Sequence[int], block: Block) -> torch.Tensor | None:
    """(n, ancestors + n) which nodes each node of a block sees; None for a chain without ancestors."""
    start, end = block.nodes
    own = torch.arange(start, end)
    seen = (own[None, :] <= own[:, None]) & (own[:, None] < torch.tensor(ends[start:end])[None, :])
    if not block.before and torch.equal(seen, torch.ones_like(seen).tril()):
        return None
    ancestors = torch.ones(end - start, block.sees - (end - start), dtype=torch.bool)
    return torch.cat([ancestors, seen], dim=1)


@contextmanager
def attending(model: PreTrainedModel, tree: Tree, least: int = LEAST) -> Iterator[None]:
    """Let the model's layers attend along the tree. One pass of a model at a time: its configuration is changed."""
    AttentionInterface.register(_NAME, _attend)
    config = model.config.get_text_config()
    usual = config._attn_implementation
    token = _layout.set(Layout(tree.ends, blocks(tree.ends, least)))
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = usual
        _layout.reset(token)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """As transformers calls it: query (1, heads, N, d), key and value (1, groups, N, d); returns (1, N, heads, d)."""
    layout = _layout.get()
    if layout is None or attention_mask is not None or more.get("softcap") is not None:
        raise ValueError("tree attention serves a whole tree, without a mask or a cap")
    repeats, grouped = query.shape[1] // key.shape[1], key.device.type == "cpu"
    # All blocks' at once, token by token as they lie in memory; a call a block costs more than the copying.
    key, value = (t.transpose(1, 2).index_select(1, layout.seen(t.device)).transpose(1, 2) for t in (key, value))
    if repeats > 1 and not grouped:  # elsewhere a mask and grouped heads together leave the fast kernels
        key, value = (t.repeat_interleave(repeats, dim=1) for t in (key, value))
    heads, nodes = query.shape[1:3]
    result = query.new_empty(1, nodes, heads, value.shape[-1])
    first = 0
    for index, block in enumerate(layout.blocks):
        start, end = block.nodes
        last = first + block.sees
        mask = layout.mask(index, query.dtype, query.device)
        attended = scaled_dot_product_attention(
            query[:, :, start:end],
            key[:, :, first:last],
            value[:, :, first:last],
            attn_mask=mask,
            is_causal=mask is None,
            scale=scaling,
            enable_gqa=repeats > 1 and grouped,
        )
        result[:, start:end] = attended.transpose(1, 2)
        first = last
    return result, None


def _additive(seen: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min)
