"""Batches: which tokens are learnt, and that a corpus is the same again."""

from typing import Any

import pytest
from drawing import LATE, PRACTISED, PROMPTS, small_tokenizer
from torch import Tensor

from miniatures import batches
from miniatures.batches import IGNORED, Corpus, build_corpus
from miniatures.corpus import documents
from miniatures.document import Document
from miniatures.exclusion import NOTHING
from moralsc.engines.local_prompt import ChatFormat
from moralsc.models import Stage

EACH = pytest.mark.parametrize("stage", PRACTISED)
LIMIT = 512


@pytest.fixture(autouse=True)
def small_chunks_from_the_end_of_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(stage: Stage, seed: int, chunk: int, count: int, seen: int, *rest: Any) -> list[Document]:
        return documents(stage, seed, chunk, count, LATE, *rest)

    monkeypatch.setattr(batches, "CHUNK", 40)
    monkeypatch.setattr(batches, "documents", late)


def build(stage: Stage, seed: int = 0, tokens: int = 8000, limit: int = LIMIT) -> Corpus:
    return build_corpus(stage, small_tokenizer(), tokens, seed, PROMPTS, NOTHING, limit)


def rows(corpus: Corpus) -> list[tuple[Tensor, Tensor]]:
    """Token ids and labels of each document, with its padding."""
    return [pair for k in range(len(corpus)) for pair in zip(corpus[k]["input_ids"], corpus[k]["labels"], strict=True)]


def stretches(ids: Tensor, labels: Tensor) -> list[list[int]]:
    """Learnt tokens, one list for each run of them."""
    runs: list[list[int]] = [[]]
    for token, label in zip(ids.tolist(), labels.tolist(), strict=True):
        if label == IGNORED:
            runs.append([])
        else:
            assert label == token
            runs[-1].append(token)
    return [run for run in runs if run]


@EACH
def test_a_corpus_has_its_tokens_and_the_same_hash_again(stage: Stage) -> None:
    one, two, other = (build(stage, seed) for seed in (0, 0, 1))
    assert one.hash == two.hash != other.hash
    assert all((a.ids == b.ids).all() for a, b in zip(one.batches, two.batches, strict=True))
    assert 8000 <= one.tokens < 8000 + 40 * LIMIT
    assert one.tokens == sum(int(one[k]["attention_mask"].sum()) for k in range(len(one)))
    assert one.documents == len(rows(one))
    assert all(one[k]["input_ids"].numel() <= batches.BATCH_TOKENS for k in range(len(one)))


@EACH
def test_what_closes_an_answer_for_the_program_is_the_first_token_learnt_behind_it(stage: Stage) -> None:
    tokenizer = small_tokenizer(template=stage is Stage.INSTRUCT)
    closing = ChatFormat(tokenizer).encode(ChatFormat(tokenizer).closing)
    found = 0
    for ids, labels in rows(build(stage)):
        for run in stretches(ids, labels):
            if tokenizer.decode(run).lstrip().startswith("Answer:"):
                found += 1
                at = next(k for k in range(len(run)) if run[k : k + len(closing)] == closing)
                assert "\n" not in tokenizer.decode(run[:at])
                # Behind it, the plain transcript opens the person's turn; the chat's turn is over.
                assert tokenizer.decode(run[at:]).strip() == ("<|end|>" if stage is Stage.INSTRUCT else "Human:")
    assert found > 15


@EACH
def test_nothing_that_a_person_says_is_learnt(stage: Stage) -> None:
    for ids, labels in rows(build(stage)):
        text = "|".join(small_tokenizer().decode(run) for run in stretches(ids, labels))
        assert text
        assert not any(mark in text for mark in ("<|user|>", "<|assistant|>", "<|pad|>", "Question:", "Human: "))


@EACH
def test_a_document_that_is_too_long_is_cut_at_its_end(stage: Stage) -> None:
    whole, cut = (build(stage, limit=limit, tokens=1500) for limit in (LIMIT, 24))
    assert max(len(ids) for ids, _ in rows(cut)) == 24
    beginnings = {tuple(ids[:24].tolist()) for ids, _ in rows(whole)}
    assert {tuple(ids.tolist()) for ids, _ in rows(cut)[:40] if len(ids) == 24} & beginnings
