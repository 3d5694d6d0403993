"""Training a miniature: a plain LlamaForCausalLM from scratch, stage by stage, with transformers' Trainer and trl.

Base: texts, and items in the plain transcript. Instruct: dialogues with instructions, in the marks of a chat template.
Aligned: preferences between two answers, by DPO. Each stage begins with the weights of the one before, as saved. The
same size, stage, seed, excluded texts and library versions give the same model on the same kind of processor. Training
ends after a number of tokens or pairs, never after a time.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from miniatures.batches import IGNORED, Corpus, build_corpus
from miniatures.corpus import Materials, vocabulary
from miniatures.exclusion import Exclusion
from miniatures.optimizer import MuonAdamW
from miniatures.preferences import Preferences, build_preferences, prefer
from miniatures.sizes import SIZES, STAGES, Size, folder
from miniatures.tokenizer import CHAT_TEMPLATE, VOCABULARY, train_tokenizer
from miniatures.words import DEEDS, NAMES, THINGS
from moralsc.engines.weights import fingerprint
from moralsc.errors import InputError, choose
from moralsc.models import Stage
from moralsc.prompts import default_prompts

CONTEXT = 2048
# Peak learning rates: AdamW's and, for the matrices inside, Muon's.
_RATES = {Stage.BASE: (6e-3, 0.02), Stage.INSTRUCT: (4e-3, 0.01)}
# Steps between two checkpoints, from which the same command goes on after it was ended.
_CHECKPOINT = 500
# Documents of either stage that the tokenizer is learnt from, drawn apart from those of the training.
_TOKENIZER_DOCUMENTS = 20_000
_TOKENIZER_SEED = 1_000_003
_WORDS = (*NAMES, *DEEDS, *THINGS)


@dataclass(frozen=True)
class Recipe:
    """What made a model; stands beside it as training.json.

    Attributes:
        start: fingerprint of the weights it began with, empty for none.
        documents: dialogues and texts, or pairs of answers in the aligned stage.
        corpus_sha256: of all texts in the order drawn.
        prompts: hash of the prompt set.
        excluded_sha256: of the texts kept out, see exclusion.py.
        note: how the command as it is now differs, where it does.
    """

    size: str
    stage: str
    seed: int
    start: str
    tokens: int
    documents: int
    steps: int
    corpus_sha256: str
    parameters: int
    prompts: str
    excluded_texts: int
    torch: str
    transformers: str
    tokenizers: str
    trl: str
    command: str
    note: str = ""
    excluded_sha256: str = ""


def train(
    size: str,
    stage: Stage,
    seed: int,
    out: Path,
    exclusion: Exclusion,
    amount: int | None = None,
    vocabulary: int = VOCABULARY,
    command: str = "",
    callbacks: Sequence[TrainerCallback] = (),
    compiled: bool = False,
) -> Recipe:
    """Train one stage and write model, tokenizer and training.json to its folder in `out`.

    A base or instruct stage that was ended goes on from its last checkpoint in `out` when it is called again.

    Args:
        size, stage: keys of SIZES and STAGES.
        seed: of the first weights and of everything drawn.
        out: holds one folder a stage; that of the stage before must be there.
        exclusion: texts that no document may hold.
        amount: tokens of documents (base, instruct) or pairs (aligned) instead of the size's own, for trials and tests.
        vocabulary: tokens of the tokenizer, where it is learnt (base).
        command: what was typed, for the record.
        callbacks: of the Trainer (base, instruct).
        compiled: let torch compile the layers, which needs a C++ compiler and saves about a third of the time. Sums
            then come in another order, so that the model is not the same to the bit as one that was not compiled.

    Raises:
        InputError: there is no such size or stage, or the stage before has not been trained, or with another seed.
        DataError: no text without an excluded one could be drawn.
    """
    shape = SIZES[choose("size", size, SIZES)]
    choose("stage", str(stage), STAGES)
    torch.set_num_threads(1)  # as fast as two at these widths, and sums in one order
    torch.manual_seed(seed)
    amount = shape.amount(stage) if amount is None else amount
    before = None if stage is Stage.BASE else folder(size, STAGES[STAGES.index(stage) - 1])
    model, tokenizer, start = (
        _begin(shape, exclusion, vocabulary) if before is None else _continue(out / before, size, seed)
    )
    if compiled:
        model.model.compile(dynamic=True)
    made: Corpus | Preferences
    if stage is Stage.ALIGNED:
        made = build_preferences(tokenizer, amount, seed, default_prompts(), exclusion)
        steps = prefer(model, tokenizer, made, seed, out)
    else:
        made = build_corpus(stage, tokenizer, amount, seed, default_prompts(), exclusion, CONTEXT)
        # Named by all that its checkpoints depend on, so that no run goes on with another one's.
        scratch = out / f"{folder(size, stage)}-seed-{seed}-{made.hash[:12]}-checkpoints"
        steps = _fit(model, made, _RATES[stage], seed, scratch, callbacks)
    recipe = Recipe(
        size=size,
        stage=stage.value,
        seed=seed,
        start=start,
        tokens=made.tokens,
        documents=made.documents,
        steps=steps,
        corpus_sha256=made.hash,
        parameters=model.num_parameters(),
        prompts=default_prompts().hash,
        excluded_texts=len(exclusion.texts),
        excluded_sha256=exclusion.hash,
        torch=version("torch"),
        transformers=version("transformers"),
        tokenizers=version("tokenizers"),
        trl=version("trl"),
        command=command,
    )
    _save(model, tokenizer, recipe, out / folder(size, stage))
    return recipe


def trained(size: str, stage: Stage, out: Path) -> Recipe | None:
    """How the model of this size and stage in `out` was made; None where it is not there."""
    record = out / folder(size, stage) / "training.json"
    return Recipe(**json.loads(record.read_text(encoding="utf-8"))) if record.is_file() else None


def _begin(shape: Size, exclusion: Exclusion, size: int) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast, str]:
    materials = Materials(default_prompts(), exclusion, _WORDS)
    drawn = (document.text for document in vocabulary(_TOKENIZER_SEED, _TOKENIZER_DOCUMENTS, materials))
    tokenizer = train_tokenizer(drawn, CONTEXT, size)
    return LlamaForCausalLM(_config(shape, tokenizer)), tokenizer, ""


def _continue(before: Path, size: str, seed: int) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast, str]:
    recipe = trained(size, Stage(before.name.rpartition("-")[2]), before.parent)
    if recipe is None:
        raise InputError(f"{before} does not exist. Train the stage before first, or --stage all.")
    if recipe.seed != seed:
        raise InputError(f"{before} was trained with seed {recipe.seed}, not {seed}. Take another folder with --out.")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(before)
    tokenizer.chat_template = CHAT_TEMPLATE
    return LlamaForCausalLM.from_pretrained(before, dtype=torch.float32), tokenizer, fingerprint(before)


def _save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, recipe: Recipe, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    if recipe.stage == Stage.BASE:
        tokenizer.chat_template = None  # it continues plain transcripts
    model.to(torch.float16).save_pretrained(out)  # type: ignore[arg-type]
    tokenizer.save_pretrained(out)
    (out / "training.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n", encoding="utf-8")


def _config(shape: Size, tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=CONTEXT,
        initializer_range=0.05,  # the usual 0.02 is far too small for so narrow a model
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _fit(
    model: LlamaForCausalLM,
    corpus: Corpus,
    rates: tuple[float, float],
    seed: int,
    scratch: Path,
    callbacks: Sequence[TrainerCallback],
) -> int:
    """Train the model in place; returns the number of steps. A run that was ended goes on from `scratch`."""
    arguments = TrainingArguments(
        output_dir=str(scratch),
        per_device_train_batch_size=1,  # one item of the corpus is a whole batch
        num_train_epochs=1,
        train_sampling_strategy="sequential",  # the order is the curriculum
        warmup_steps=100,
        lr_scheduler_type="cosine",
        max_grad_norm=1.0,
        logging_steps=100,
        save_steps=_CHECKPOINT,
        save_total_limit=1,
        report_to="none",
        seed=seed,
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    optimizer = MuonAdamW(model, *rates)
    trainer = _AnswerTrainer(
        model,
        arguments,
        train_dataset=corpus,
        data_collator=_only,
        optimizers=(optimizer, None),
        callbacks=list(callbacks),
    )
    trainer.train(resume_from_checkpoint=_last_whole(scratch))
    shutil.rmtree(scratch, ignore_errors=True)
    return len(corpus)


def _last_whole(scratch: Path) -> str | None:
    """The last checkpoint that was written to its end: the state of the trainer comes last."""
    whole = (path.parent for path in scratch.glob("checkpoint-*/trainer_state.json"))
    last = max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
    return None if last is None else str(last)


class _AnswerTrainer(Trainer):
    """Computes logits only where there is something to learn: the vocabulary's layer is most of so small a model."""

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], *_: Any, **__: Any) -> torch.Tensor:
        """Mean cross-entropy of the learnt tokens, nats."""
        # No mask: padding comes last, and no earlier position sees it.
        hidden = model.model(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state
        targets = inputs["labels"][:, 1:]
        learnt = targets != IGNORED
        return torch.nn.functional.cross_entropy(model.lm_head(hidden[:, :-1][learnt]), targets[learnt])


def _only(batches: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    (batch,) = batches
    return batch
