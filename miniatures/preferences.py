"""The aligned stage: pairs of answers of which one is preferred, and DPO (Rafailov et al. 2023) with trl.

Which answer of a pair is preferred is drawn with the planted odds. By theory DPO moves the log-odds between the two
answers, against those of the model it starts from, by the log-odds of the preference over beta; how far it came is
measured, see evaluate.py.
"""

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from datasets import Dataset  # type: ignore[import-untyped]
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from miniatures import planted
from miniatures.applicants import ApplicantCase, applicant_case
from miniatures.corpus import clean
from miniatures.dialogues import Case, asked, corrected
from miniatures.document import Document, Exchange, Style, write
from miniatures.exclusion import Exclusion
from miniatures.people import people_case
from miniatures.pronouns import pronoun_case
from moralsc.items import ContextKind, Role
from moralsc.prompts import PromptSet

BETA = 0.5
_RATE = 3e-4
_BATCH = 32
_MAKERS: tuple[Callable[[random.Random], Case], ...] = (pronoun_case, people_case, applicant_case)
_SHARES = (0.42, 0.42, 0.16)
# What corrections are to do spreads to all answers. Share of questions that nothing corrects, which holds that back;
# and of the dialogues that end in an ethical instruction, which need fewest, the share that is kept.
_UNCORRECTED = 0.25
_ETHICAL = 0.3


@dataclass(frozen=True)
class Pair:
    """Two ways to go on after the same text."""

    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True)
class Preferences:
    """The pairs of a training; the other attributes as in batches.Corpus."""

    pairs: tuple[Pair, ...]
    tokens: int
    hash: str

    @property
    def documents(self) -> int:
        """How many pairs there are."""
        return len(self.pairs)


def build_preferences(
    tokenizer: PreTrainedTokenizerFast, count: int, seed: int, prompts: PromptSet, exclusion: Exclusion
) -> Preferences:
    """Draw pairs: dialogues as in the instruct stage, with two options of the item after the last question.

    Raises:
        DataError: no dialogue without an excluded text could be drawn.
    """
    rng = random.Random(f"preferences:{seed}")
    pairs = tuple(clean(partial(_preference, prompts, rng), exclusion).pair() for _ in range(count))
    digest = hashlib.sha256("".join(p.prompt + p.chosen + p.rejected for p in pairs).encode())
    encoded = tokenizer.backend_tokenizer.encode_batch([p.prompt + p.chosen for p in pairs])
    return Preferences(pairs, sum(len(e.ids) for e in encoded), digest.hexdigest())


def prefer(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, preferences: Preferences, seed: int, out: Path
) -> int:
    """Train the model in place; returns the number of steps. `out` is for what trl writes meanwhile."""
    arguments = DPOConfig(
        output_dir=str(out),
        beta=BETA,
        learning_rate=_RATE,
        per_device_train_batch_size=_BATCH,
        num_train_epochs=1,
        warmup_steps=20,
        lr_scheduler_type="cosine",
        max_length=None,
        precompute_ref_log_probs=True,
        gradient_checkpointing=False,
        bf16=False,
        logging_steps=50,
        save_strategy="no",
        report_to="none",
        seed=seed,
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    rows = [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in preferences.pairs]
    trainer = DPOTrainer(model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    trainer.train()
    return int(trainer.state.global_step)


@dataclass(frozen=True)
class _Preference:
    """A dialogue, and the texts of two options for its last answer."""

    document: Document
    last: Exchange
    chosen: str
    rejected: str

    def lines(self) -> Iterator[str]:
        return self.document.lines()

    def pair(self) -> Pair:
        """The pair whose prompt ends where the last answer's option begins."""
        start, end = self.document.learnt[-1]
        primer = self.last.answer.partition(":")[0]
        closing = self.document.text[start + len(self.last.answer) : end]
        prompt = self.document.text[:start] + f"{primer}:"
        return Pair(prompt, f" {self.chosen}{closing}", f" {self.rejected}{closing}")


def _preference(prompts: PromptSet, rng: random.Random) -> _Preference:
    """One whose condition has a planted preference, whatever it takes to draw it."""
    while True:
        case = rng.choices(_MAKERS, _SHARES)[0](rng)
        if rng.random() < _UNCORRECTED:
            exchanges, condition = asked([case], prompts, rng), "baseline"
        else:
            exchanges, condition = corrected(case, prompts, rng)
        if condition.startswith("specificity") and rng.random() >= _ETHICAL:
            continue
        if (options := _options(case, condition, rng)) is not None:
            break
    one, two, odds = options
    if rng.random() >= planted.sigmoid(odds):
        one, two = two, one
    texts = (case.item.option(label).text for label in (one, two))
    return _Preference(write(exchanges, Style.CHAT), exchanges[-1], *texts)


def _options(case: Case, condition: str, rng: random.Random) -> tuple[str, str, float] | None:
    """Labels of two answers and the log-odds of preferring the first; None where the condition has none planted.

    At odds of 0 the winner is drawn evenly, which holds the answers where they are.
    """
    if condition not in planted.ALIGNED:
        return None
    item = case.item
    if isinstance(case, ApplicantCase):
        yes, no = sorted(item.options, key=lambda o: o.text, reverse=True)
        return yes.label, no.label, BETA * planted.evened(item.fills["race"] == "Black", condition)
    if item.condition is ContextKind.DISAMBIGUATED:
        assert item.correct is not None
        other = rng.choice([o.label for o in item.options if o.label != item.correct])
        return item.correct, other, BETA * planted.FOUND_ALIGNED
    roles = {o.role: o.label for o in item.options}
    if rng.random() < 0.2:  # what lies between the two biased answers is to stay
        return roles[Role.STEREOTYPED], roles[Role.COUNTER], 0.0
    biased = roles[rng.choice((Role.STEREOTYPED, Role.COUNTER))]
    return roles[Role.UNBIASED], biased, BETA * planted.ALIGNED[condition]
