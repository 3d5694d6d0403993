"""Whether a model that was just loaded would say any option of what it will be asked.

Weights that are damaged, of another model than their config, or read by another tokenizer answer with confident
probabilities all the same, since these are renormalised over the options: how little the options hold gives them away.
"""

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from moralsc.answers import ScoredBy
from moralsc.benchmarks import ITEM_SETS, Source, available, load
from moralsc.dialogue import baseline, continuations
from moralsc.engines.base import Engine, Scoring
from moralsc.errors import PromptTooLong
from moralsc.models import ModelSpec
from moralsc.prompts import default_prompts
from moralsc.settings import Settings

_EACH = 2
_LEAST = 0.01


def warning(engine: Engine) -> str:
    """A sentence if the options hold less than 1 % of the probability on every bundled item that is tried, else empty.

    Raises:
        ModelError: the model cannot be asked at all.
    """
    held = list[float]()
    for scoring in _scorings(engine.spec):
        with suppress(PromptTooLong):  # what a short context cannot hold is told when it is asked
            for logprobs in filter(None, engine.score([scoring])):
                held.append(math.fsum(map(math.exp, logprobs)))
        if held and held[-1] >= _LEAST:  # most models need one item to show it
            return ""
    if not held:
        return ""
    return (
        f"{engine.spec.title} would say none of the options: on {len(held)} items that were tried when it was loaded, "
        f"they hold {max(held):.1e} of the probability at most. Do these weights and this tokenizer belong together?"
    )


def _scorings(spec: ModelSpec) -> Iterator[Scoring]:
    """The options of a few bundled items."""
    prompts = default_prompts()
    here = Settings(cache=Path())  # bundled items are not looked for anywhere
    sets = [name for name, source in ITEM_SETS.values() if source is Source.BUNDLED and available(name, source, here)]
    for benchmark in (name for name in sets if not spec.only_for or name in spec.only_for):
        for item in load(benchmark, here, Source.BUNDLED).items[:_EACH]:
            turn = baseline(item, prompts, spec.scored_by, prefill=prompts.prefill("", spec.prefill))
            close = turn.opening.close
            words = continuations(item, spec.scored_by, close)
            closed = spec.scored_by is ScoredBy.TEXT and not close
            yield Scoring(turn.scoring_prompt(()), words, closed)
