"""What a miniature takes: bytes, seconds to load, and how fast it writes, on one core of the machine at hand."""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from transformers import AutoTokenizer

from miniatures.asking import REASONING, write
from miniatures.rows import Section
from moralsc.answers import ScoredBy
from moralsc.dialogue import Mode, baseline, correct
from moralsc.engines.base import Sampling
from moralsc.engines.local import LocalEngine
from moralsc.items import Item
from moralsc.models import ModelSpec
from moralsc.prompts import PromptSet

_LOADS = 3
_FIRST = Sampling(max_new_tokens=1)


def cost(spec: ModelSpec, folder: Path, items: Sequence[Item], prompts: PromptSet) -> Section:
    """Bytes of weights and of the tokenizer, median seconds to load after imports, median
    milliseconds to the first token of an answer, and tokens a second while reasoning (None if it wrote none)."""
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    loading = [_seconds(partial(LocalEngine.load, spec, device="cpu")) for _ in range(_LOADS)]
    engine = LocalEngine.load(spec, device="cpu")
    first, tokens, writing = [], 0, 0.0
    for item in items:
        asked = baseline(item, prompts, ScoredBy.TEXT).prompt((), 0)
        first.append(_seconds(partial(write, engine, asked, _FIRST)))
        messages = correct(item, prompts.correction("cot"), prompts, ScoredBy.TEXT, Mode.SINGLE_TURN).prompt((), 0)
        before = _seconds(partial(write, engine, messages, _FIRST))
        start = time.perf_counter()
        text = write(engine, messages, REASONING)
        writing += time.perf_counter() - start - before
        tokens += max(len(tokenizer(text)["input_ids"]) - 1, 0)
    return {
        "weights_bytes": sum(p.stat().st_size for p in folder.glob("*.safetensors")),
        "tokenizer_bytes": sum(p.stat().st_size for p in folder.glob("tokenizer*")),
        "load_seconds": statistics.median(loading),
        "first_token_ms": 1000 * statistics.median(first),
        "tokens_per_second": tokens / writing if tokens and writing > 0 else None,
    }


def _seconds(do: Callable[[], object]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start
