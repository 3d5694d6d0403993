"""What 1,000 BBQ items with the whole ladder cost, by size of the model: an estimate from counted operations.

Run `python -m benchmarks.cost [--limit N] [--utilisation 0.4] [--reply 16] [--peak 989] [--bandwidth 3.35]` with
MORALSC_DATA set. A run's own plan goes through its own asking; instead of a model, a counter notes which tree each pass
of scoring would hold and which prompts each reply would read. Prints a table for docs/cluster.md; measures no time.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from benchmarks.counting import Cost, chain, llama, packed, parameters, tokenizer_of
from moralsc.answers import ScoredBy
from moralsc.batch.ask import Asker
from moralsc.batch.design import Design
from moralsc.batch.plan import make_plan
from moralsc.dialogue import Message
from moralsc.engines.base import Sampling, Scoring
from moralsc.engines.local_prompt import ChatFormat
from moralsc.engines.local_replies import Request, side_by_side
from moralsc.engines.trees import common_length, grouped
from moralsc.models import ModelSpec, catalogue
from moralsc.prompts import default_prompts
from moralsc.settings import Settings

MODELS = ("135M", "1B", "8B", "70B")
CARD_BYTES = 80e9
ROOM = 0.9
"""Share of a card that weights may fill."""


@dataclass
class Counter:
    """An engine that names the first option, whatever it is asked, and counts what a model would compute.

    Attributes:
        scoring, separate: of scoring as trees, and of each prompt by itself (its options differ in a last token).
        reading, writing: of generated replies: their prompts, and their own tokens.
        steps: passes that write a token of each of several replies.
    """

    spec: ModelSpec
    format: ChatFormat
    reply: int
    tokens: int = 0
    written: int = 0
    provenance: dict[str, str] = field(default_factory=dict)
    scoring: Cost = field(default_factory=Cost)
    separate: Cost = field(default_factory=Cost)
    reading: Cost = field(default_factory=Cost)
    writing: Cost = field(default_factory=Cost)
    steps: int = 0

    def listen(self, heard: Callable[[], None]) -> None:
        """Nobody waits here."""

    def render(self, messages: Sequence[Message]) -> str:
        return self.format.render(messages)

    def score(self, scorings: Sequence[Scoring]) -> list[tuple[float, ...]]:
        candidates = self.format.candidates(scorings)
        flat = [c for group in candidates for c in group]
        for group in grouped(flat, 2048):
            self.scoring += packed([flat[index] for index in group.indices])
        for first, *_ in candidates:
            self.separate += chain(len(first.tokens) - 1)
        return [(-1.0,) * len(s.continuations) for s in scorings]

    def replies(self, requests: Sequence[tuple[tuple[Message, ...], Sampling]]) -> list[str]:
        wanted = [Request(tuple(self.format.encode(self.format.render(m))), sampling) for m, sampling in requests]
        for indices in side_by_side(wanted, 8192):
            prompts = [wanted[index].prompt for index in indices]
            shared = min(common_length(*prompts), min(map(len, prompts)) - 1)
            self.reading += chain(shared)
            for prompt in prompts:
                self.reading += chain(len(prompt), shared)
                self.writing += replace(chain(len(prompt) + self.reply, len(prompt)), logits=self.reply)
            self.steps += self.reply
        return ["a)"] * len(requests)


def counted(limit: int | None, reply: int) -> tuple[Counter, int, int]:
    """What the run would compute, and its numbers of items and conditions."""
    spec = replace(next(spec for spec in catalogue().values() if spec.bundled), scored_by=ScoredBy.LABEL)
    prompts = default_prompts()
    design = Design.of(spec.name, "bbq", order="fixed", limit=limit)
    plan = make_plan(design, prompts, Settings.from_env(os.environ))
    items = [asked.item for task in plan.tasks for asked in task.asked]
    texts = [
        text for item in items for text in (item.context, item.question, *(option.text for option in item.options))
    ]
    texts += [text for c in prompts.corrections.values() for text in c.texts.values()]
    counter = Counter(spec, ChatFormat(tokenizer_of(texts)), reply)
    asker = Asker(counter, prompts, design)
    for batch in plan.batches:
        asker.ask(batch)
    return counter, plan.items, plan.rows


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=100, help="items of each category to count")
    parser.add_argument("--utilisation", type=float, default=0.4, help="share of the peak while scoring and reading")
    parser.add_argument("--reply", type=int, default=16, help="tokens of a baseline answer")
    parser.add_argument("--peak", type=float, default=989, help="TFLOP/s of a card, dense bfloat16")
    parser.add_argument("--bandwidth", type=float, default=3.35, help="TB/s of a card's memory")
    options = parser.parse_args()
    counter, items, rows = counted(options.limit, options.reply)
    scale = 1000 / items
    print(f"{items} items, {rows / items:.1f} conditions each, answers of {options.reply} tokens; per 1,000 items:")
    print(
        f"tokens scored: {counter.scoring.tokens * scale:,.0f} in trees, {counter.separate.tokens * scale:,.0f} apart"
    )
    print("| model | PFLOP, scored apart | PFLOP, scored as trees | PFLOP, answers | cards | card-minutes |")
    print("|---|---|---|---|---|---|")
    for size in MODELS:
        config = llama(size)
        apart, trees = (cost.flops(config) * scale for cost in (counter.separate, counter.scoring))
        written = (counter.reading + counter.writing).flops(config) * scale
        weights = 2 * parameters(config)
        cards = ceil(weights / (ROOM * CARD_BYTES))
        computing = (trees + counter.reading.flops(config) * scale) / (options.utilisation * options.peak * 1e12)
        # Writing a token reads all weights once for all replies side by side.
        writing = counter.steps * scale * weights / (options.utilisation * options.bandwidth * 1e12)
        # Layers on several cards work one after the other: all cards are held all the time.
        minutes = cards * (computing + writing) / 60
        row = [*(f"{x / 1e15:.3g}" for x in (apart, trees, written)), f"{cards}", f"{minutes:.2g}"]
        print(f"| {size} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
