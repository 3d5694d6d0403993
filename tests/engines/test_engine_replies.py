"""Replies that are written side by side are those that each dialogue gets alone."""

from typing import Any

import pytest
import torch
from engines.contract import HISTORY, PRIMER, QUESTION
from engines.tiny_models import ARCHITECTURES

from moralsc.dialogue import Message
from moralsc.engines.base import Sampling, Scoring, StopFlag
from moralsc.engines.batching import BatchEngine
from moralsc.engines.local import LocalEngine
from moralsc.engines.local_replies import Request, side_by_side
from moralsc.errors import ModelError, PromptTooLong

EACH = pytest.mark.parametrize("architecture", ARCHITECTURES)
Asked = tuple[tuple[Message, ...], Sampling]
LONG = (Message("user", "Which word? " * 9), PRIMER)
MANY: list[Asked] = [
    (HISTORY, Sampling(12)),
    ((QUESTION, PRIMER), Sampling(5)),
    ((*HISTORY[:2], Message("user", "Please be unfair."), PRIMER), Sampling(20)),
    (LONG, Sampling(12, temperature=1.0, seed=1)),
    (HISTORY, Sampling(12, temperature=0.8, top_p=0.9, seed=2)),
    (HISTORY, Sampling(12, temperature=0.8, top_p=0.9, seed=3)),
    (HISTORY, Sampling(1)),
]


def alone(engine: LocalEngine, asked: Asked) -> str:
    return "".join(engine.stream(*asked, StopFlag()))


@EACH
def test_replies_are_those_of_a_stream_whatever_stands_beside_them(architecture: str, engines: Any) -> None:
    engine = engines.get(architecture)
    assert isinstance(engine, BatchEngine)
    wanted = [alone(engine, asked) for asked in MANY]
    assert engine.replies(MANY) == wanted
    assert engine.replies(MANY[::-1]) == wanted[::-1]
    assert engine.replies([]) == []


def test_replies_differ_by_their_own_seed_and_length(engines: Any) -> None:
    replies = engines.get().replies(MANY)
    assert len(set(replies)) > 4


@pytest.mark.parametrize("tokenizer", ["plain", "sentencepiece", "merging"])
def test_replies_end_where_a_stream_ends(tokenizer: str, engines: Any) -> None:
    engine = engines.get(tokenizer=tokenizer)
    asked = [(messages, Sampling(40, temperature=1.3, seed=seed)) for seed in range(4) for messages in (HISTORY, LONG)]
    assert engine.replies(asked) == [alone(engine, one) for one in asked]


@EACH
def test_each_reply_ends_with_its_own_mark(architecture: str, engines: Any) -> None:
    engine = engines.get(architecture)
    whole = alone(engine, (HISTORY, Sampling(12)))
    asked = [(HISTORY, Sampling(12, until=mark)) for mark in (*whole[:6], "never said")]
    found = engine.replies(asked)
    assert found == [alone(engine, one) for one in asked]
    assert found[:-1] == [whole[: whole.index(mark) + 1] for mark in whole[:6]]


def test_what_dialogues_have_in_common_is_read_once(engines: Any) -> None:
    engine = engines.fresh()
    forks = [(*HISTORY[:2], Message("user", f"{word}."), PRIMER) for word in ("Be fair", "Be kind", "Be brief")]
    alone(engine, (forks[0], Sampling(1)))
    one, before = engine.tokens, engine.tokens
    engine.replies([(fork, Sampling(1)) for fork in forks])
    assert engine.tokens - before < 2 * one


@EACH
def test_who_listens_hears_of_every_step_and_of_scoring(architecture: str, engines: Any) -> None:
    engine = engines.get(architecture)
    counts: list[tuple[int, int]] = []
    before = engine.written, engine.tokens
    engine.listen(lambda: counts.append((engine.written - before[0], engine.tokens - before[1])))
    try:
        engine.replies([(HISTORY, Sampling(12, temperature=1.0, seed=seed)) for seed in range(3)])
        written = len(counts)
        engine.score([Scoring(HISTORY, (" he", " she"), closed=True)])
    finally:
        engine.listen(lambda: None)
    assert counts == sorted(counts)
    assert 3 < counts[-1][0] <= 36
    assert len({n for n, _ in counts}) > 5
    assert len(counts) > written


def test_a_dialogue_that_is_too_long_is_an_error_of_its_own(engines: Any) -> None:
    engine = engines.get()
    endless = ((Message("user", "Which word? " * 400), PRIMER), Sampling(4))
    replies = engine.replies([MANY[0], endless, MANY[1]])
    assert isinstance(replies[1], PromptTooLong)
    assert [replies[0], replies[2]] == [alone(engine, MANY[0]), alone(engine, MANY[1])]


def test_output_that_is_not_a_number_is_an_error(engines: Any) -> None:
    engine = engines.fresh()
    with torch.no_grad():
        engine._model.lm_head.weight[0] = float("nan")
    with pytest.raises(ModelError, match="not a number"):
        engine.replies(MANY)


@pytest.mark.parametrize("budget", [1, 100, 10_000])
def test_groups_hold_every_request_once_and_keep_to_the_budget_padding_included(budget: int) -> None:
    requests = [Request(tuple(range(n % 7, n + 1)), Sampling(1 + n % 5)) for n in range(1, 40)]
    groups = side_by_side(requests, budget)
    assert sorted(i for group in groups for i in group) == list(range(len(requests)))
    for group in groups:
        longest = max(len(requests[i].prompt) + requests[i].sampling.max_new_tokens for i in group)
        assert len(group) == 1 or len(group) * longest <= budget
