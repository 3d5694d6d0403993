"""An item of a run with its whole dialogues, made from its records: what the model was sent, wrote and weighed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from moralsc.batch.head import read_head
from moralsc.batch.record import Record
from moralsc.batch.replay import Replay, replayed
from moralsc.benchmarks import ITEM_SETS, Source, find_item
from moralsc.dialogue import Dialogue, Form, Mode, transcript
from moralsc.errors import RunError
from moralsc.experiment.export import sent
from moralsc.experiment.probe import Manner, Probe
from moralsc.items import BASELINE
from moralsc.prompts import PromptSet
from moralsc.reports.browse import records_of
from moralsc.settings import Settings

ORIGIN, ELSEWHERE = "origin", "predictions"
"""What run.json says of answers that were made elsewhere."""


@dataclass(frozen=True)
class Told:
    """What was asked about an item in one order of its options, with one correction.

    Attributes:
        correction: what follows the baseline, with its rounds if there are any; "baseline" where nothing does.
        order: the item's own labels in the order shown.
        probe: the same as a probe, with both arms if there are two. A turn's `seen` is its messages as a plain
            transcript, without the marks of a chat template.
        same: every turn's messages have the hash that its record holds, so they are what the model was sent then.
    """

    correction: str
    order: str
    probe: Probe
    same: bool


def dialogues(
    run: Path, model: str, benchmark: str, source: Source, item: str, settings: Settings, prompts: PromptSet
) -> list[Told]:
    """All that was asked about one item, in the order of the plan: for each order of its options one a correction.

    Raises:
        RunError: the run has no such item, or holds answers alone.
        DataError: the item is not on this machine.
    """
    records = records_of(run, model, benchmark, source, item)
    if not records:
        raise RunError(f"The run in {run.name} holds no answer of {model} to {item}.")
    head = read_head(run) or {}
    if head.get(ORIGIN) == ELSEWHERE:
        raise RunError(
            "These answers were made elsewhere: what the model was sent is not known, and no dialogue is there."
        )
    key = next(key for key, named in ITEM_SETS.items() if named == (benchmark, source))
    asked = find_item(key, item, settings)
    facts = {name: str(value) for name, value in head.get("models", {}).get(model, {}).items() if value}
    whole = Probe(model, asked, _manner(records), str(head.get("prompts", {}).get("hash", "")), (), provenance=facts)
    chains: dict[tuple[str, str], dict[str, list[Replay]]] = {}
    for replay in replayed(records, asked, prompts):
        r = replay.record
        chains.setdefault((r.order, r.correction), {}).setdefault(r.arm, []).append(replay)
    corrected = {order for order, correction in chains if correction != BASELINE}
    return [
        Told(
            correction,
            order,
            replace(whole, arms=tuple(_seen(chain[-1].dialogue) for chain in arms.values())),
            all(r.same for chain in (*arms.values(), *chains[order, BASELINE].values()) for r in chain),
        )
        for (order, correction), arms in chains.items()
        if correction != BASELINE or order not in corrected
    ]


def _manner(records: Sequence[Record]) -> Manner:
    """How the corrections were asked; of baselines alone, how they were."""
    r = next((r for r in records if r.correction != BASELINE), records[0])
    return Manner(Mode(r.mode), Form(r.form), r.temperature, r.seed, system=r.system, prefill=r.prefill or "")


def _seen(dialogue: Dialogue) -> Dialogue:
    turns = (replace(turn, seen=transcript(sent(dialogue, k))) for k, turn in enumerate(dialogue.turns))
    return replace(dialogue, turns=tuple(turns))
