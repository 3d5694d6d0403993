"""The ladder of one item, live: every condition scored at once."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from moralsc.dialogue import Dialogue, Turn
from moralsc.engines.base import Engine, Scoring, StopFlag, limits
from moralsc.errors import ModelError
from moralsc.experiment import turns as asking
from moralsc.experiment.probe import Ladder, Manner, Probe, Rung, ask, planned, write
from moralsc.items import Item
from moralsc.prompts import Correction, PromptSet


def climb(probe: Probe, engine: Engine, prompts: PromptSet, stop: StopFlag) -> Iterator[Probe]:
    """Run the ladder: every rung of this item, scored in one call to the engine.

    The follow-up rungs continue the probe's own baseline, which is asked first if it is missing. Chains of thought
    are written one by one before the scoring. A stop before the scoring leaves the ladder as it was.

    Raises:
        ModelError: the engine gives no probabilities, of which a ladder is made.
    """
    if not limits(engine).probabilities:
        raise ModelError(
            f"The ladder is drawn from probabilities, and the server of {engine.spec.title} gives none. Ask, and apply "
            "corrections one by one."
        )
    if not probe.asked:
        for probe in ask(probe, engine, prompts, stop):
            yield probe
        if not probe.asked:
            return
    started = time.perf_counter()
    sides = prompts.ladder(probe.item)
    others = tuple(c for c in prompts.offered(probe.item) if c.rung is None and not (c.needs_text or c.follow_up_only))
    cells = [_column(a, (*sides, *others), prompts, engine, probe.manner, stop) for a in probe.arms]
    if stop.stopped:
        return
    rungs = [Rung(turns[0].correction, turns) for turns in zip(*_score_all(cells, engine), strict=True)]
    left = sum(1 for c in sides if c.side == "unethical")
    on_ladder = (*rungs[1 : 1 + left], rungs[0], *rungs[1 + left : 1 + len(sides)])
    ladder = Ladder(on_ladder, tuple(rungs[1 + len(sides) :]), probe.manner, time.perf_counter() - started)
    yield replace(probe, ladder=ladder)


@dataclass(frozen=True)
class _Cell:
    """One condition of one arm, ready to be scored."""

    turn: Turn
    scoring: Scoring
    item: Item


def _column(
    dialogue: Dialogue,
    corrections: tuple[Correction, ...],
    prompts: PromptSet,
    engine: Engine,
    manner: Manner,
    stop: StopFlag,
) -> list[_Cell]:
    """The conditions of one arm: its baseline, then each correction on that baseline alone."""
    scored_by = engine.spec.scored_by
    first = dialogue.before(1)
    history = first.history()
    asked = dialogue.turns[0]
    cells = [_Cell(asked, asking.scoring(asked, (), dialogue.item, scored_by), dialogue.item)]
    for correction in corrections:
        turn = planned(first.item, correction, prompts, engine.spec, manner)
        if correction.reasoning:
            for turn in write(turn, 0, history, engine, manner, stop):
                pass
        cells.append(_Cell(turn, asking.scoring(turn, history, dialogue.item, scored_by), dialogue.item))
        if stop.stopped:
            break
    return cells


def _score_all(columns: list[list[_Cell]], engine: Engine) -> list[list[Turn]]:
    cells = [cell for column in columns for cell in column]
    scores = iter(engine.score([cell.scoring for cell in cells]))
    scored_by = engine.spec.scored_by
    turns = [[asking.scored(c.turn, c.item, next(scores), scored_by) for c in column] for column in columns]
    if not all(turn.score for column in turns for turn in column):
        raise ModelError(
            f"The server of {engine.spec.title} tells the likeliest tokens only, and in a condition of this ladder not "
            "every option is among them. Ask, and apply corrections one by one."
        )
    return turns
