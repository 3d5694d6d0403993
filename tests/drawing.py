"""What the tests of the corpus share: words, documents drawn once, a small tokenizer."""

from functools import cache

from transformers import PreTrainedTokenizerFast

from miniatures.corpus import Materials, documents
from miniatures.document import Document
from miniatures.exclusion import NOTHING
from miniatures.pairs import NOUNS
from miniatures.tokenizer import train_tokenizer
from miniatures.words import DEEDS, NAMES, THINGS
from moralsc.models import Stage
from moralsc.prompts import default_prompts

PROMPTS = default_prompts()
WORDS = (*NAMES, *NOUNS, *THINGS, *DEEDS)
MATERIALS = Materials(PROMPTS, NOTHING, WORDS)
PRACTISED = [Stage.BASE, Stage.INSTRUCT]
LATE = 10**9
"""Tokens after which the curriculum of a base training changes no more."""


@cache
def drawn(stage: Stage, count: int = 400) -> tuple[Document, ...]:
    """Documents from the end of a stage, none excluded."""
    return tuple(documents(stage, 0, 0, count, LATE, MATERIALS))


@cache
def small_tokenizer(template: bool = True) -> PreTrainedTokenizerFast:
    """A tokenizer of the corpus with few words; without its chat template as the base stage has it."""
    texts = [made.text for stage in PRACTISED for made in drawn(stage)]
    tokenizer = train_tokenizer(texts, context=512, size=900)
    if not template:
        tokenizer.chat_template = None
    return tokenizer
