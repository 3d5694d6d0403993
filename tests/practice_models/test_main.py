"""The command line of the miniatures: what it refuses, in sentences, before it does anything."""

import json
from pathlib import Path
from typing import Any

import pytest

from miniatures import __main__ as command
from miniatures import training
from miniatures.exclusion import read_exclusion
from miniatures.sizes import STAGES, folder
from moralsc.models import Stage


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("train --size Q", "invalid choice: 'Q'"),
        ("train --size S --seed -1", "'-1' is not a whole number of at least 0"),
        ("train --size S --seed 4294967296", "at most 4294967295"),
        ("train --size S --stage base --amount 0", "'0' is not a whole number of at least 1"),
        ("train --size S --amount 10", "--amount goes with one --stage"),
        ("evaluate --items 1 --model x", "'1' is not a whole number of at least 2"),
        ("evaluate --items 5", "--items goes with --model"),
        ("evaluate --items 5 --report-only", "--items goes with --model"),
    ],
)
def test_a_wrong_argument_is_refused_with_what_is_allowed(
    arguments: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        command.main(arguments.split())
    assert refused.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "--model", "{}/nowhere"], "nowhere holds no practice model"),
        (["evaluate", "--seeds", "{}"], "holds no seed-N/mini-"),
        (["train", "--size", "S", "--exclude", "{}"], "no .tsv or .jsonl file to exclude"),
    ],
)
def test_a_folder_without_what_is_needed_is_named(arguments: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=said):
        command.main([argument.format(tmp_path) for argument in arguments])


def test_without_miniatures_nothing_is_measured_and_no_page_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "MODELS", tmp_path / "models")
    monkeypatch.setattr(command, "DOCS", tmp_path / "docs")
    with pytest.raises(SystemExit, match="nothing to measure"):
        command.main(["evaluate"])
    assert not (tmp_path / "docs").exists()


def test_seeds_must_lie_under_their_own_seed(tmp_path: Path) -> None:
    model = tmp_path / "seed-1" / "mini-s-base"
    model.mkdir(parents=True)
    (model / "evaluation.json").write_text(json.dumps({"recipe": {"seed": 2}}), encoding="utf-8")
    with pytest.raises(SystemExit, match="trained with seed 2; it must lie in a folder seed-2"):
        command.main(["evaluate", "--seeds", str(tmp_path)])


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Stage]:
    """The stages that a training begins, without training; the base of seed 0 is there."""
    stages: list[Stage] = []

    def train(size: str, stage: Stage, *_: Any, **__: Any) -> str:
        stages.append(stage)
        return "trained"

    recipe = dict.fromkeys(training.Recipe.__dataclass_fields__, "")
    recipe |= {"size": "S", "stage": "base", "seed": 0, "excluded_sha256": read_exclusion(None).hash}
    (tmp_path / folder("S", Stage.BASE)).mkdir()
    (tmp_path / folder("S", Stage.BASE) / "training.json").write_text(json.dumps(recipe), encoding="utf-8")
    monkeypatch.setattr(training, "train", train)
    return stages


def test_stages_that_are_there_already_stay(tmp_path: Path, begun: list[Stage]) -> None:
    command.main(["train", "--size", "S", "--out", str(tmp_path)])
    assert begun == list(STAGES[1:])


def test_a_stage_asked_for_by_name_is_trained_again(tmp_path: Path, begun: list[Stage]) -> None:
    command.main(["train", "--size", "S", "--stage", "base", "--out", str(tmp_path)])
    assert begun == [Stage.BASE]


def test_a_folder_of_another_seed_is_left_alone(tmp_path: Path, begun: list[Stage]) -> None:
    with pytest.raises(SystemExit, match="trained with seed 0"):
        command.main(["train", "--size", "S", "--seed", "1", "--out", str(tmp_path)])
    assert not begun
