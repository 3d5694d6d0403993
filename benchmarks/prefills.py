"""How much of the probability the options hold together behind each opening of an answer, on items of our own.

Run `python -m benchmarks.prefills [--model NAME ...] [--limit N]`. Each item is asked in every cyclic order of its
options: as it is, and after a follow-up that only says to be fair, which continues the greedy answer. Prints a table
for docs/prefills.md; asserts nothing and writes nothing. Published items are not looked at, so that an opening which
is chosen by this table is not chosen by what it is to measure.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

from moralsc.answers import SMALL_MASS, Score
from moralsc.benchmarks import Source, load
from moralsc.dialogue import Dialogue, Turn
from moralsc.engines.batching import BatchEngine
from moralsc.engines.pool import load_local
from moralsc.errors import ModelError
from moralsc.experiment import turns as asking
from moralsc.experiment.probe import Manner, first, planned
from moralsc.items import Item
from moralsc.models.local import admit
from moralsc.prompts import BE_FAIR, PromptSet, default_prompts
from moralsc.prompts.prefills import names
from moralsc.settings import Settings

MODELS = ("smollm2-135m-instruct-q4", "gemma-3-270m")
BENCHMARKS = ("winogender", "bbq")


def drawn(benchmark: str, limit: int, settings: Settings) -> list[Item]:
    """At most `limit` bundled items, drawn by a seed, each in every cyclic order of its options."""
    items = load(benchmark, settings, Source.BUNDLED).items
    chosen = random.Random(0).sample(items, min(limit, len(items)))
    return [i.reordered((*range(k, n), *range(k))) for i in chosen for n in (len(i.options),) for k in range(n)]


def asked(engine: BatchEngine, items: Sequence[Item], prompts: PromptSet, manner: Manner) -> Iterator[list[Score]]:
    """The options' scores of all items: at the baseline, then told to be fair.

    Raises:
        ModelError: an item cannot be asked or scored.
    """
    spec, correction = engine.spec, prompts.correction(BE_FAIR)
    turns = [first(item, prompts, spec, manner) for item in items]
    requests = [(t.prompt((), 0), asking.sampling(t, 0, manner.temperature, manner.seed)) for t in turns]
    answered: list[Turn] = []
    for turn, reply in zip(turns, engine.replies(requests), strict=True):
        if isinstance(reply, ModelError):
            raise reply
        answered.append(turn.with_reply(0, reply))
    told = [planned(item, correction, prompts, spec, manner) for item in items]
    histories = [Dialogue(item, (turn,)).history() for item, turn in zip(items, answered, strict=True)]
    for asked_turns, before in ((turns, [()] * len(items)), (told, histories)):
        points = zip(asked_turns, before, items, strict=True)
        found = engine.score([asking.scoring(t, history, i, spec.scored_by) for t, history, i in points])
        scores = [
            asking.scored(t, i, p, spec.scored_by).score for t, i, p in zip(asked_turns, items, found, strict=True)
        ]
        yield [score for score in scores if score is not None]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="of the catalogue, or a path; may be given several times")
    parser.add_argument("--limit", type=int, default=16, help="items of each benchmark")
    given = parser.parse_args()
    settings, prompts, models = Settings.from_env({}), default_prompts(), given.model or MODELS
    admit(models, settings)
    print("| model | benchmark | opening | n | median mass | below .5 | told to be fair: median | below .5 |")
    print("|---|---|---|---|---|---|---|---|")
    for name in models:
        engine = load_local(name)
        assert isinstance(engine, BatchEngine)
        for benchmark in BENCHMARKS:
            items = drawn(benchmark, given.limit, settings)
            for prefill in names():
                manner = replace(Manner(), prefill=prefill)
                cells = [_cell(scores) for scores in asked(engine, items, prompts, manner)]
                print(f"| {name} | {benchmark} | {prefill} | {len(items)} | {' | '.join(cells)} |", flush=True)


def _cell(scores: Sequence[Score]) -> str:
    masses = [score.mass for score in scores]
    below = sum(mass < SMALL_MASS for mass in masses) / len(masses)
    return f"{median(masses):.3f} | {below:.2f}"


if __name__ == "__main__":
    main()
