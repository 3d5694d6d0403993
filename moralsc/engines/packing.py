"""Log-probabilities of many token sequences in one forward pass over their common tree.

Takes a transformers model and token sequences that share beginnings; returns one number a sequence. Knows no text,
no tokenizer and no item. How the nodes of a tree attend to each other stands in tree_attention.
"""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from moralsc.engines.base import TOLERANCE
from moralsc.engines.tree_attention import LEAST, attending
from moralsc.engines.trees import Candidate, plant
from moralsc.errors import ModelError

_PLAIN_LAYERS = {"full_attention", "sliding_attention", "chunked_attention"}
_WINDOWS = ("sliding_window", "attention_chunk_size", "window_size", "keep_window_size")
_ROWS = {"cpu": 8}  # of logits in fp32, few enough for the cache; of other devices:
_MANY_ROWS = 64


@torch.inference_mode()
def logprobs(model: PreTrainedModel, candidates: Sequence[Candidate], least: int = LEAST) -> list[float]:
    """Summed natural log-probabilities of the counted tokens of each candidate, fp32 log-softmax, in one pass.

    A single candidate runs under the model's own causal mask; several need a model that passes `plan`.

    Args:
        least: see `trees.blocks`.

    Raises:
        ModelError: the model answers with something that is not a number.
    """
    tree = plant([c.read for c in candidates])
    # (node, token) for every counted token: the logits of a node score what follows it.
    asked = [
        list(zip(path[c.start - 1 :], c.tokens[c.start :], strict=True))
        for c, path in zip(candidates, tree.paths, strict=True)
    ]
    kept = sorted({node for path in asked for node, _ in path})
    if not kept:
        return [0.0] * len(candidates)
    inputs = {"input_ids": torch.tensor([tree.tokens]), "logits_to_keep": torch.tensor(kept)}
    if not tree.is_chain:
        inputs["position_ids"] = torch.tensor([tree.depths])
    inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
    with nullcontext() if tree.is_chain else attending(model, tree, least):
        logits = model(**inputs, use_cache=False).logits[0]
    row = {node: index for index, node in enumerate(kept)}
    rows = [row[node] for path in asked for node, _ in path]
    columns = [token for path in asked for _, token in path]
    values = iter(_chosen(logits, rows, columns))
    sums = [math.fsum(next(values) for _ in path) for path in asked]
    if not all(math.isfinite(s) for s in sums):
        raise ModelError("The model's output is not a number.")
    return sums


def _chosen(logits: torch.Tensor, rows: Sequence[int], columns: Sequence[int]) -> list[float]:
    """Entries of the log-softmax of (kept, V) logits, a slice at a time: a copy in fp32 of all would be large."""
    each = _ROWS.get(logits.device.type, _MANY_ROWS)
    norms = torch.cat([part.float().logsumexp(-1) for part in torch.split(logits, each)])
    at = torch.tensor(rows, device=logits.device)
    found: list[float] = (logits[at, torch.tensor(columns, device=logits.device)].float() - norms[at]).tolist()
    return found


@dataclass(frozen=True)
class Packing:
    """Whether a model's sequences may share a pass.

    Attributes:
        limit: longest sequence in tokens for which they may; 0 never, infinite always.
        reason: why there is a limit, empty if there is none.
    """

    limit: float
    reason: str = ""


def plan(model: PreTrainedModel) -> Packing:
    """Decide from the architecture, then compare packed with separate passes on a small example.

    Raises:
        ModelError: the two differ by nats, so that no way of scoring can be trusted.
    """
    if obstacle := _obstacle(model):
        return Packing(0, obstacle)
    limit, reason = _limit(model)
    if limit < _EXAMPLE_LENGTH:
        return Packing(0, reason)
    try:
        difference = _difference(model)
    except Exception as error:  # whatever an architecture does with a mask that it does not expect
        return Packing(0, f"the packed pass failed ({type(error).__name__}: {error})")
    tolerance = TOLERANCE.get(str(model.dtype).removeprefix("torch."), 0.0)
    if difference > _WRONG:
        raise ModelError(
            f"The same text scored alone and beside others differs by {difference:.2g} nats: the architecture "
            f"({model.config.model_type}) reads what it should not see, so its figures cannot be trusted."
        )
    if not difference <= tolerance:
        return Packing(0, f"packed and separate passes differ by {difference:.2g} nats, allowed are {tolerance:g}")
    return Packing(limit, reason)


_WRONG = 1.0
"""Nats by which two ways of scoring differ only if one of them is wrong, whatever the precision."""


@torch.inference_mode()
def check_causal(model: PreTrainedModel) -> None:
    """Refuse a model whose logits depend on the tokens that follow: an encoder, in which every token sees all others.

    Raises:
        ModelError: it is one.
    """
    size = model.config.get_text_config().vocab_size
    tokens = torch.randint(size, (2, _EXAMPLE_LENGTH), generator=torch.Generator().manual_seed(0))
    before = _EXAMPLE_LENGTH - 3
    tokens[1, :before] = tokens[0, :before]
    logits = model(input_ids=tokens.to(model.device), use_cache=False).logits[:, :before].float().log_softmax(-1)
    difference = (logits[0] - logits[1]).abs().max().item()
    # Both rows go through the same pass, so that float32 leaves next to nothing.
    allowed = 2e-5 if model.dtype is torch.float32 else TOLERANCE.get(str(model.dtype).removeprefix("torch."), 0.0)
    if difference > allowed:
        raise ModelError(
            f"This {model.config.model_type} reads a text in both directions: what follows a word changes its "
            "probability. Only models that continue text from left to right can be asked."
        )


def _obstacle(model: PreTrainedModel) -> str:
    config = model.config.get_text_config()
    if getattr(model, "_is_stateful", False):
        return "the architecture is recurrent"
    if surplus := set(getattr(config, "layer_types", None) or ()) - _PLAIN_LAYERS:
        return f"the architecture has layers of type {sorted(surplus)[0]}"
    if getattr(config, "alibi", False):
        return "the architecture has ALiBi positions"
    if model.config._attn_implementation != "sdpa":
        return f"the attention is {model.config._attn_implementation}, not sdpa"
    return ""


def _limit(model: PreTrainedModel) -> tuple[float, str]:
    """Longest sequence that sees all of its past, under frequencies that do not depend on the longest neighbour."""
    config = model.config.get_text_config()
    windows = {name: getattr(config, name, None) for name in _WINDOWS}
    if getattr(config, "layer_types", None) and set(config.layer_types) == {"full_attention"}:
        windows = {}
    rope = getattr(config, "rope_parameters", None) or {}
    for table in (rope, *(t for t in rope.values() if isinstance(t, dict))):
        if table.get("rope_type") in ("longrope", "dynamic"):
            trained = table.get("original_max_position_embeddings") or config.max_position_embeddings
            windows["stretched rotary positions"] = trained
    limits = {name.replace("_", " "): size for name, size in windows.items() if isinstance(size, int) and size > 0}
    if not limits:
        return math.inf, ""
    name = min(limits, key=lambda key: limits[key])
    return limits[name], f"the architecture has a limit of {limits[name]} tokens ({name})"


_EXAMPLE_LENGTH = 15


def _difference(model: PreTrainedModel) -> float:
    """Largest difference in nats between packed and separate passes over a small tree of arbitrary tokens."""
    size = model.config.get_text_config().vocab_size
    draw = torch.Generator().manual_seed(0)

    def arbitrary(length: int) -> tuple[int, ...]:
        return tuple(torch.randint(size, (length,), generator=draw).tolist())

    prompt, middle = arbitrary(6), arbitrary(3)
    branches = [prompt + arbitrary(2), prompt + middle + arbitrary(4), prompt + middle + arbitrary(6)]
    candidates = [Candidate(tokens, len(prompt)) for tokens in branches]
    separate = [logprobs(model, [c])[0] for c in candidates]
    # As one block, and cut into many as a large tree is.
    packed = [logprobs(model, candidates, least) for least in (LEAST, 2)]
    return max(abs(p - s) for sums in packed for p, s in zip(sums, separate, strict=True))
