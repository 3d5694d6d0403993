"""What the scoring benchmarks ask, and the random model that they ask."""

from collections.abc import Sequence

import torch
from transformers import LlamaForCausalLM

from benchmarks.counting import llama, tokenizer_of
from moralsc.answers import ScoredBy
from moralsc.dialogue import baseline, continuations, correct
from moralsc.engines.allocator import keep_memory
from moralsc.engines.base import Scoring
from moralsc.engines.local import LocalEngine
from moralsc.items import Item
from moralsc.models import ModelSpec, Stage
from moralsc.prompts import PromptSet

CONDITIONS = (
    "baseline",
    *(f"specificity-{k}" for k in range(4)),
    *(f"negation-{k}" for k in range(3)),
)


def scorings(item: Item, prompts: PromptSet) -> list[Scoring]:
    """The eight conditions of an item, as follow-ups of its first option; letters are scored."""
    first = baseline(item, prompts, ScoredBy.LABEL)
    letters = continuations(item, ScoredBy.LABEL)
    answered = first.with_reply(0, f"{letters[0]})").exchanges[0].messages
    corrections = [prompts.correction(id) for id in CONDITIONS[1:]]
    asked = [first.scoring_prompt(())]
    asked += [correct(item, c, prompts, ScoredBy.LABEL).scoring_prompt(answered) for c in corrections]
    return [Scoring(messages, letters, closed=False) for messages in asked]


def random_model(size: str, dtype: str, device: str, texts: Sequence[str]) -> LocalEngine:
    """A Llama of random weights with a tokenizer made for these texts."""
    keep_memory()
    tokenizer = tokenizer_of(texts)
    torch.manual_seed(0)
    config = llama(size)
    config._attn_implementation = "sdpa"
    torch.set_default_dtype(getattr(torch, dtype))
    with torch.device(device):
        model = LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    spec = ModelSpec(
        "random", "Random", model.num_parameters(), Stage.BASE, ScoredBy.LABEL, "none", "Random.", path="-"
    )
    return LocalEngine(spec, model, tokenizer)
