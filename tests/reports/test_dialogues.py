"""From an item of a run to its dialogues: all of them, whole, and asked again they are the same."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from batch.fakes import FAKES, PROMPTS, SETTINGS, design, fake
from catalogues import offering

from moralsc.batch import folder
from moralsc.batch.run import run
from moralsc.benchmarks import Source
from moralsc.engines.base import StopFlag
from moralsc.errors import RunError
from moralsc.experiment.again import Match, reask
from moralsc.experiment.card import card_of
from moralsc.reports.dialogues import Told, dialogues

MADE = design(["bbq:bundled:Age", "admissions:bundled"], "specificity-0,cot,rounds=1", limit=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "run"
    with offering(FAKES):
        run(MADE, out, SETTINGS, load=lambda name: fake(FAKES[name]))
    return out


def told(made: Path, benchmark: str) -> list[list[Told]]:
    names = dict.fromkeys(r.item for r in folder.records(made) if r.benchmark == benchmark)
    return [dialogues(made, "fake", benchmark, Source.BUNDLED, name, SETTINGS, PROMPTS) for name in names]


@pytest.mark.parametrize(("benchmark", "arms"), [("bbq", [""]), ("admissions", ["Black", "White"])])
def test_an_item_has_a_dialogue_for_every_correction_with_all_arms(made: Path, benchmark: str, arms: list[str]) -> None:
    for found in told(made, benchmark):
        assert [t.correction for t in found] == ["specificity-0", "cot"]
        for one in found:
            assert one.same
            assert [a.item.arm for a in one.probe.arms] == arms
            assert one.probe.provenance["weights"] == "sha256:0"
            assert one.probe.prompts == json.loads((made / "run.json").read_text())["prompts"]["hash"]
            for arm in one.probe.arms:
                assert [t.correction for t in arm.turns] == ["baseline", one.correction, "review"]


def test_its_figures_are_those_of_the_records(made: Path) -> None:
    for found in told(made, "bbq"):
        for one in found:
            last = one.probe.arms[0].turns[-1]
            (record,) = (
                r
                for r in folder.records(made)
                if (r.item, r.correction, r.round) == (one.probe.item.id, one.correction, 1)
            )
            assert last.score is not None
            assert last.score.logprobs == record.logprobs
            assert last.reply == record.reply
            assert one.probe.item.question in last.seen


def test_asked_again_every_dialogue_is_the_same(made: Path) -> None:
    for found in told(made, "bbq"):
        for one in found:
            card = card_of(one.probe.arms[0], "fake", {}, one.probe.prompts, FAKES["fake"].scored_by)
            assert {again.match for again in reask(card, fake(), StopFlag())} == {Match.SAME}


def test_a_changed_prompt_set_is_noticed(made: Path) -> None:
    name = next(iter(folder.records(made))).item
    changed = replace(PROMPTS, _item={k: f"{text}\n" for k, text in PROMPTS._item.items()})
    assert not any(t.same for t in dialogues(made, "fake", "bbq", Source.BUNDLED, name, SETTINGS, changed))


def test_a_run_of_baselines_alone_has_them(tmp_path: Path) -> None:
    with offering(FAKES):
        run(design("bbq:bundled:Age", "none", limit=1), tmp_path, SETTINGS, load=lambda name: fake(FAKES[name]))
    name = next(iter(folder.records(tmp_path))).item
    (only,) = dialogues(tmp_path, "fake", "bbq", Source.BUNDLED, name, SETTINGS, PROMPTS)
    assert (only.correction, only.probe.turns, only.same) == ("baseline", 1, True)


def test_an_item_that_is_not_there_gets_a_sentence(made: Path) -> None:
    with pytest.raises(RunError, match="holds no answer of fake to nowhere"):
        dialogues(made, "fake", "bbq", Source.BUNDLED, "nowhere", SETTINGS, PROMPTS)
