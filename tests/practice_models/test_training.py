"""Training: a tiny run of the three stages gives the same models twice, and they load."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from drawing import PROMPTS, small_tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, TrainerCallback

from miniatures import batches, training
from miniatures.exclusion import Exclusion
from miniatures.optimizer import MuonAdamW, orthogonal
from miniatures.sizes import SIZES, STAGES, folder
from miniatures.training import Recipe, train, trained
from moralsc.engines.weights import fingerprint
from moralsc.errors import InputError
from moralsc.models import Stage

TINY = replace(SIZES["S"], width=16, layers=1, heads=2, inner=32, base=3000, instruct=3000, aligned=96)
EXCLUSION = Exclusion(frozenset({"it rained on ann"}))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, "tiny", TINY)
    monkeypatch.setattr(batches, "CHUNK", 32)
    monkeypatch.setattr(training, "_TOKENIZER_DOCUMENTS", 300)


def learn(out: Path, seed: int = 0) -> list[Recipe]:
    """Train every stage, each from the one before."""
    return [train("tiny", stage, seed, out, EXCLUSION, vocabulary=900, command="typed") for stage in STAGES]


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_a_tiny_run_of_all_stages_gives_the_same_models_twice_and_they_load(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    recipes = learn(one)
    assert recipes == learn(two)
    for stage, recipe in zip(STAGES, recipes, strict=True):
        made = one / folder("tiny", stage)
        assert (made / "model.safetensors").read_bytes() == (two / made.name / "model.safetensors").read_bytes()
        model, tokenizer = AutoModelForCausalLM.from_pretrained(made), AutoTokenizer.from_pretrained(made)
        assert model.dtype == torch.float16
        assert model.num_parameters() == recipe.parameters
        assert len(tokenizer) == model.config.vocab_size
        assert model.config.max_position_embeddings >= 1024
        assert GenerationConfig.from_pretrained(made).eos_token_id == tokenizer.eos_token_id
        assert bool(tokenizer.chat_template) is (stage is not Stage.BASE)
        assert all(torch.isfinite(weights).all() for weights in model.state_dict().values())
    assert len({fingerprint(one / folder("tiny", stage)) for stage in STAGES}) == len(STAGES), "every stage learns"
    _check_records(one, recipes)


def _check_records(out: Path, recipes: list[Recipe]) -> None:
    """training.json beside each model: what it says, and how the stages follow each other."""
    start = ""
    for stage, recipe in zip(STAGES, recipes, strict=True):
        record = json.loads((out / folder("tiny", stage) / "training.json").read_text(encoding="utf-8"))
        assert Recipe(**record) == recipe
        assert set(record) == {field.name for field in fields(Recipe)}
        assert (recipe.size, recipe.stage, recipe.seed, recipe.command) == ("tiny", stage.value, 0, "typed")
        assert recipe.start == start
        assert recipe.prompts == PROMPTS.hash
        assert recipe.excluded_texts == 1
        assert min(recipe.tokens, recipe.documents, recipe.steps) > 0
        assert (recipe.documents if stage is Stage.ALIGNED else recipe.tokens) >= TINY.amount(stage)
        start = fingerprint(out / folder("tiny", stage))
    assert recipes[-1].documents == TINY.aligned
    assert len({recipe.corpus_sha256 for recipe in recipes}) == len(recipes)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_another_seed_gives_another_model_and_an_amount_ends_a_trial_early(tmp_path: Path) -> None:
    one, two = (
        train("tiny", Stage.BASE, seed, tmp_path / str(seed), EXCLUSION, 500, vocabulary=900) for seed in (0, 1)
    )
    assert one.corpus_sha256 != two.corpus_sha256
    assert 500 <= one.tokens < TINY.base + 32 * training.CONTEXT
    names = [tmp_path / str(seed) / folder("tiny", Stage.BASE) for seed in (0, 1)]
    assert fingerprint(names[0]) != fingerprint(names[1])


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
@pytest.mark.skipif(not shutil.which("g++"), reason="torch compiles with g++")
def test_compiled_layers_learn_the_same(tmp_path: Path) -> None:
    plain, compiled = (
        train("tiny", Stage.BASE, 0, tmp_path / str(on), EXCLUSION, vocabulary=900, compiled=on) for on in (False, True)
    )
    assert plain == compiled
    one, two = (
        AutoModelForCausalLM.from_pretrained(tmp_path / str(on) / folder("tiny", Stage.BASE), dtype=torch.float32)
        for on in (False, True)
    )
    torch.manual_seed(0)  # as the training began
    new = training._begin(SIZES["tiny"], EXCLUSION, 900)[0]
    moved = apart = 0.0
    for start, expected, found in zip(*(m.state_dict().values() for m in (new, one, two)), strict=True):
        moved += float((expected - start).square().sum())
        apart += float((found - expected).square().sum())
    assert apart < 0.01 * moved


class _Ended(TrainerCallback):
    """Ends a training as a lost machine would, in the step after a checkpoint."""

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 3:
            raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_a_training_that_was_ended_goes_on_to_the_same_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_CHECKPOINT", 2)
    whole, ended = tmp_path / "whole", tmp_path / "ended"

    def learn_base(out: Path, callbacks: Sequence[TrainerCallback] = ()) -> Recipe:
        return train("tiny", Stage.BASE, 0, out, EXCLUSION, vocabulary=900, callbacks=callbacks)

    with pytest.raises(KeyboardInterrupt):
        learn_base(ended, [_Ended()])
    assert trained("tiny", Stage.BASE, ended) is None
    (checkpoint,) = ended.glob("*-checkpoints/checkpoint-2")
    # A later one, cut off while it was written, is passed over.
    (checkpoint.parent / "checkpoint-4").mkdir()
    steps: list[int] = []
    assert learn_base(ended, [_Steps(steps)]) == learn_base(whole)
    assert steps[0] == 2, "it begins where the checkpoint stands"
    files = [out / folder("tiny", Stage.BASE) / "model.safetensors" for out in (whole, ended)]
    assert files[0].read_bytes() == files[1].read_bytes()


class _Steps(TrainerCallback):
    """Notes the steps done when each new one begins."""

    def __init__(self, steps: list[int]) -> None:
        self.steps = steps

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.steps.append(state.global_step)


@pytest.mark.usefixtures("tiny")
def test_a_stage_does_not_go_on_from_another_seed(tmp_path: Path) -> None:
    base = tmp_path / folder("tiny", Stage.BASE)
    base.mkdir()
    recipe = {field.name: "" for field in fields(Recipe)} | {"size": "tiny", "stage": "base", "seed": 0}
    (base / "training.json").write_text(json.dumps(recipe), encoding="utf-8")
    with pytest.raises(InputError, match="trained with seed 0, not 1.*--out"):
        train("tiny", Stage.INSTRUCT, 1, tmp_path, EXCLUSION)


@pytest.mark.parametrize("stage", [Stage.INSTRUCT, Stage.ALIGNED])
def test_a_stage_needs_the_one_before(tmp_path: Path, stage: Stage) -> None:
    with pytest.raises(InputError, match=folder("S", STAGES[STAGES.index(stage) - 1])):
        train("S", stage, 0, tmp_path, EXCLUSION)


def test_an_unknown_size_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="size 'Q'.*Allowed: S, M, L"):
        train("Q", Stage.BASE, 0, tmp_path, EXCLUSION)


@pytest.mark.parametrize("stage", ["instuct", Stage.SFT])
def test_an_unknown_stage_is_named(tmp_path: Path, stage: Stage) -> None:
    with pytest.raises(InputError, match=f"stage '{stage}'.*Allowed: base, instruct, aligned"):
        train("S", stage, 0, tmp_path, EXCLUSION)


def test_sizes_grow() -> None:
    widths = [SIZES[name].width for name in "SML"]
    assert widths == sorted(widths)
    for size in SIZES.values():
        assert size.width % size.heads == 0
        assert all(size.amount(stage) > 0 for stage in STAGES)


def test_the_chat_template_continues_a_final_message() -> None:
    tokenizer = small_tokenizer()
    messages = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Answer:"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, continue_final_message=True)
    assert text == "<|user|>Who?<|end|><|assistant|>Answer:"
    opened = tokenizer.apply_chat_template(messages[:1], tokenize=False, add_generation_prompt=True)
    assert opened == "<|user|>Who?<|end|><|assistant|>"


def test_a_continuation_is_tokenized_alike_alone_and_in_place() -> None:
    def ids(text: str) -> list[int]:
        return small_tokenizer()(text, add_special_tokens=False)["input_ids"]

    for text in (" their", " The old man", " Can't be determined", " yes"):
        assert ids("Answer:") + ids(text) + ids("<|end|>") == ids(f"Answer:{text}<|end|>")


def test_orthogonal_brings_singular_values_near_one() -> None:
    torch.manual_seed(0)
    for shape in ((8, 20), (20, 8)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
        assert 0.6 < values.min() <= values.max() < 1.3


def test_the_optimizer_lowers_a_loss_with_both_its_rules() -> None:
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"layers": torch.nn.ModuleList([torch.nn.Linear(4, 4)]), "out": torch.nn.Linear(4, 1)})
    x = torch.randn(64, 4)
    y = x[:, :1] * x[:, 1:2]

    def loss() -> torch.Tensor:
        return (model["out"](torch.tanh(model["layers"][0](x))) - y).square().mean()

    optimizer = MuonAdamW(torch.nn.Sequential(model), 0.01, 0.02)
    assert [len(g["params"]) for g in optimizer.param_groups] == [1, 3]
    before = loss().item()
    for _ in range(100):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss().item() < 0.7 * before
