"""An item of a run with its whole dialogues, made from its records: what the model saw, said and weighed."""

from dataclasses import dataclass
from pathlib import Path

from moralsc.answers import ScoredBy
from moralsc.batch.head import read_head
from moralsc.batch.replay import Replay, replayed
from moralsc.benchmarks import ITEM_SETS, Source, find_item
from moralsc.dialogue import BASELINE
from moralsc.errors import RunError
from moralsc.experiment.card import Card, card_of
from moralsc.prompts import PromptSet
from moralsc.reports.browse import records_of
from moralsc.settings import Settings


@dataclass(frozen=True)
class Told:
    """One dialogue of an item.

    Attributes:
        correction: id of what follows the baseline, with its rounds if there are any; "baseline" where nothing does.
        arm, order: which dialogue of the item, as in its records.
        card: the dialogue, which can be asked again.
        same: every turn's messages have the hash that its record holds, so they are what the model saw then.
    """

    correction: str
    arm: str
    order: str
    card: Card
    same: bool


def dialogues(
    run: Path, model: str, benchmark: str, source: Source, item: str, settings: Settings, prompts: PromptSet
) -> list[Told]:
    """The dialogues of one item, in the order of the plan: for each arm and order one a correction.

    Raises:
        RunError: the run has no such item.
        DataError: the item is not on this machine.
    """
    records = records_of(run, model, benchmark, source, item)
    if not records:
        raise RunError(f"The run in {run.name} holds no answer of {model} to {item}.")
    key = next(key for key, named in ITEM_SETS.items() if named == (benchmark, source))
    found = replayed(records, find_item(key, item, settings), prompts)
    head = read_head(run) or {}
    facts = {name: str(value) for name, value in head.get("models", {}).get(model, {}).items() if value}
    facts |= {"weights": records[0].weights, "dtype": records[0].dtype}
    prompt_set = str(head.get("prompts", {}).get("hash", ""))
    chains: dict[tuple[str, str, str], list[Replay]] = {}
    for replay in found:
        r = replay.record
        chains.setdefault((r.arm, r.order, r.correction), []).append(replay)
    alone = {(arm, order) for arm, order, _ in chains} - {(a, o) for a, o, c in chains if c != BASELINE}
    told = []
    for (arm, order, correction), chain in chains.items():
        if correction == BASELINE and (arm, order) not in alone:
            continue
        first = chains.get((arm, order, BASELINE), [])
        card = card_of(chain[-1].dialogue, model, facts, prompt_set, ScoredBy(records[0].scored_by))
        told.append(Told(correction, arm, order, card, all(replay.same for replay in (*first, *chain))))
    return told
