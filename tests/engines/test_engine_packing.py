"""Many sequences in one pass give what each gives alone."""

import logging
import math
import random
from typing import Any

import pytest
import torch
from engines.contract import HISTORY, LABELS, LATER, PRIMER, PRONOUNS, QUESTION
from engines.tiny_models import ARCHITECTURES, tiny

from moralsc.dialogue import Message
from moralsc.engines import tree_attention
from moralsc.engines.base import TOLERANCE, Scoring
from moralsc.engines.local import LocalEngine
from moralsc.engines.packing import logprobs, plan
from moralsc.engines.tree_attention import visible
from moralsc.engines.trees import Block, Candidate, Group, Tree, blocks, common_length, grouped, plant
from moralsc.errors import ModelError
from moralsc.models import catalogue, find

INSTRUCTIONS = ["Please be fair.", "Please be unfair.", "Please do not assume a gender.", "Say what is right: their."]
LADDER = [PRONOUNS] + [
    Scoring((*HISTORY[:2], Message("user", text), PRIMER), (" his", " her", " their"), closed=True)
    for text in INSTRUCTIONS
]


def random_sequences(seed: int) -> list[list[int]]:
    draw = random.Random(seed)
    return [[draw.randrange(2) for _ in range(draw.randrange(1, 9))] for _ in range(draw.randrange(1, 12))]


def seen_by_node(tree: Tree, least: int) -> dict[int, list[int]]:
    """Node -> the nodes that it sees, as the blocks have it."""
    found: dict[int, list[int]] = {}
    for block in blocks(tree.ends, least):
        start, end = block.nodes
        columns = [node for a, b in (*block.before, block.nodes) for node in range(a, b)]
        mask = visible(tree.ends, block)
        table = torch.ones(end - start, end - start).tril() if mask is None else mask
        for row, node in enumerate(range(start, end)):
            assert node not in found, "a node stands in two blocks"
            found[node] = [column for column, sees in zip(columns, table[row], strict=True) if sees]
    return found


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("least", [1, 3, 1000])
def test_a_node_sees_itself_and_its_ancestors_and_nothing_else(seed: int, least: int) -> None:
    sequences = random_sequences(seed)
    tree = plant(sequences)
    seen = seen_by_node(tree, least)
    assert sorted(seen) == list(range(len(tree.tokens)))
    for sequence, path in zip(sequences, tree.paths, strict=True):
        assert [tree.tokens[node] for node in path] == sequence
        assert [tree.depths[node] for node in path] == list(range(len(sequence)))
        for at, node in enumerate(path):
            assert seen[node] == path[: at + 1]


def test_cutting_a_tree_saves_what_its_branches_would_compute_for_each_other() -> None:
    trunk = list(range(100))
    tree = plant([trunk + [1000 + 50 * branch + k for k in range(50)] for branch in range(8)])

    def pairs(found: list[Block]) -> int:
        """Pairs of nodes that are compared."""
        sizes = [(block.nodes[1] - block.nodes[0], sum(b - a for a, b in block.before)) for block in found]
        return sum(own * (own + before) for own, before in sizes)

    assert pairs(blocks(tree.ends, 1000)) == 500**2
    assert pairs(blocks(tree.ends, 48)) == 100**2 + 8 * 50 * 150


@pytest.mark.parametrize("seed", range(20))
def test_a_common_beginning_is_computed_once(seed: int) -> None:
    sequences = random_sequences(seed)
    beginnings = {tuple(s[:n]) for s in sequences for n in range(1, len(s) + 1)}
    assert len(plant(sequences).tokens) == len(beginnings)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("budget", [1, 6, 15, 1000])
def test_groups_hold_every_candidate_once_and_keep_to_the_budget(seed: int, budget: int) -> None:
    candidates = [Candidate(tuple(s), 1) for s in random_sequences(seed)]
    groups = grouped(candidates, budget)
    assert sorted(i for group in groups for i in group.indices) == list(range(len(candidates)))
    for group in groups:
        assert group.nodes == len(plant([candidates[i].read for i in group.indices]).tokens)
        assert group.nodes <= budget or len({candidates[i].read for i in group.indices}) == 1


def test_groups_are_about_alike() -> None:
    candidates = [Candidate((k, *range(10, 19), 0), 1) for k in range(11)]  # ten nodes each, nothing shared
    assert [group.nodes for group in grouped(candidates, 100)] == [60, 50]


def test_a_beginning_that_is_read_in_each_group_makes_no_group_more() -> None:
    shared = tuple(range(100, 130))
    candidates = [Candidate((*shared, k, *range(10, 19), 0), 1) for k in range(12)]
    assert [group.nodes for group in grouped(candidates, 100)] == [80, 100]


def test_answers_of_one_token_share_all_that_is_read() -> None:
    prompt = (5, 6, 7)
    letters = [Candidate((*prompt, letter), 3) for letter in (1, 2, 3)]
    assert grouped(letters, 3) == [Group([0, 1, 2], len(prompt))]


def test_common_length_counts_leading_tokens_that_all_share() -> None:
    assert common_length([1, 2, 3], [1, 2, 4], [1, 2]) == 2
    assert common_length([1], [2]) == 0
    assert common_length([], [1]) == 0
    assert common_length([1, 2]) == 2


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_packed_and_separate_passes_agree(architecture: str, engines: Any) -> None:
    packed = engines.get(architecture).score([*LADDER, LABELS])
    separate = engines.get(architecture, packing=False).score([*LADDER, LABELS])
    for left, right in zip(packed, separate, strict=True):
        assert left == pytest.approx(right, abs=1e-4)


@pytest.mark.parametrize("architecture", [name for name, (_, _, packs) in ARCHITECTURES.items() if packs])
def test_a_whole_ladder_is_one_forward_pass(architecture: str, engines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engines.get(architecture)
    assert forwards(engine, monkeypatch, LADDER) == 1
    assert engine.provenance["scoring"].startswith("packed")


@pytest.mark.parametrize("architecture", [name for name, (_, _, packs) in ARCHITECTURES.items() if not packs])
def test_what_cannot_be_packed_runs_separately_and_says_so_once(
    architecture: str, engines: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="moralsc"):
        engine = engines.fresh(architecture)
        count = forwards(engine, monkeypatch, LADDER)
        engine.score(LADDER)
    assert count == sum(len(s.continuations) for s in LADDER)
    assert [r.getMessage().count("separate passes") for r in caplog.records if r.name.startswith("moralsc")] == [1]
    assert "separate passes" in engine.provenance["scoring"]


def forwards(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, scorings: list[Scoring]) -> int:
    calls = []
    forward = engine._model.forward

    def counted(*args: Any, **inputs: Any) -> Any:
        calls.append(inputs)
        return forward(*args, **inputs)

    monkeypatch.setattr(engine._model, "forward", counted)
    engine.score(scorings)
    return len(calls)


def test_a_window_matters_only_to_sequences_that_are_longer(engines: Any) -> None:
    model = tiny("mistral", engines.get()._format.tokenizer, sliding_window=24)
    assert plan(model).limit == 24
    # The tree is longer than the window, no sequence in it is.
    draw = random.Random(0)
    prompt = tuple(draw.randrange(300) for _ in range(16))
    candidates = [Candidate(prompt + tuple(draw.randrange(300) for _ in range(8)), 16) for _ in range(6)]
    packed = logprobs(model, candidates)
    assert packed == pytest.approx([logprobs(model, [c])[0] for c in candidates], abs=1e-4)


def test_a_window_too_short_for_the_check_is_the_reason_that_is_given(engines: Any) -> None:
    model = tiny("mistral", engines.get()._format.tokenizer, sliding_window=8)
    decision = plan(model)
    assert decision.limit == 0
    assert "8 tokens (sliding window)" in decision.reason


def test_only_the_logits_that_score_something_are_computed(engines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engines.get()
    shapes = []
    head = engine._model.lm_head.forward
    monkeypatch.setattr(engine._model.lm_head, "forward", lambda x: shapes.append(x.shape) or head(x))
    engine.score([PRONOUNS])
    assert [shape[1] for shape in shapes] == [
        4
    ]  # the prompt's end, and each pronoun's (the closing token has no child)


def test_a_tree_over_the_budget_is_split_and_scores_the_same(engines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, split = engines.get(), engines.fresh(token_budget=60)
    for left, right in zip(split.score(LADDER), whole.score(LADDER), strict=True):
        assert left == pytest.approx(right, abs=1e-4)
    assert 1 < forwards(split, monkeypatch, LADDER) < sum(len(s.continuations) for s in LADDER)


def test_the_check_at_load_notices_a_wrong_mask(engines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def causal(ends: list[int], block: Block) -> torch.Tensor:
        """As if the nodes were one text: a branch sees its neighbours."""
        mask = visible(ends, block)
        return mask if mask is None else torch.ones_like(mask).tril(mask.shape[1] - mask.shape[0])

    assert plan(engines.get()._model).limit == math.inf
    monkeypatch.setattr(tree_attention, "visible", causal)
    with pytest.raises(ModelError, match=r"differs by \d.* nats"):
        plan(engines.get()._model)


def test_the_check_at_load_survives_a_model_that_refuses_the_mask(
    engines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engines.fresh()
    forward = engine._model.forward

    def refusing(*args: Any, **inputs: Any) -> Any:
        if "position_ids" in inputs:
            raise TypeError("no such argument")
        return forward(*args, **inputs)

    monkeypatch.setattr(engine._model, "forward", refusing)
    decision = plan(engine._model)
    assert decision.limit == 0
    assert "no such argument" in decision.reason


def test_stretched_rotary_positions_limit_packing_to_the_trained_length(engines: Any) -> None:
    stretched = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
    model = tiny("llama", engines.get()._format.tokenizer, max_position_embeddings=64, rope_parameters=stretched)
    assert plan(model).limit == 64


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_packs_within_its_declared_tolerance(dtype: torch.dtype, engines: Any) -> None:
    model = tiny("llama", engines.get()._format.tokenizer).to(dtype)
    assert plan(model).limit == math.inf
    candidates = [c for group in engines.get()._format.candidates(LADDER) for c in group]
    separate = [logprobs(model, [c])[0] for c in candidates]
    assert logprobs(model, candidates) == pytest.approx(separate, abs=TOLERANCE[str(dtype).removeprefix("torch.")])


def test_log_probabilities_follow_the_chain_rule(engines: Any) -> None:
    """Against a plain reference: one forward over the whole sequence, one term a token."""
    engine = engines.get()
    candidate = engine._format.candidates([LATER])[0][2]
    with torch.inference_mode():
        table = engine._model(torch.tensor([candidate.tokens])).logits[0].double().log_softmax(-1)
    terms = [table[at - 1, candidate.tokens[at]].item() for at in range(candidate.start, len(candidate.tokens))]
    assert len(terms) >= 2
    assert engine.score([LATER])[0][2] == pytest.approx(sum(terms), abs=1e-4)


def test_output_that_is_not_a_number_is_an_error(engines: Any) -> None:
    engine = engines.fresh()
    with torch.no_grad():
        engine._model.lm_head.weight[0] = math.nan
    with pytest.raises(ModelError, match="not a number"):
        engine.score([PRONOUNS])


def test_a_continuation_without_a_token_costs_nothing(engines: Any) -> None:
    scoring = Scoring((QUESTION, PRIMER), ("", " her"), closed=False)
    nothing, her = engines.get().score([scoring])[0]
    assert nothing == 0
    assert her < 0


@pytest.mark.parametrize("name", [name for name, spec in catalogue().items() if spec.bundled])
def test_bundled_models_pack(name: str) -> None:
    packed, separate = (LocalEngine.load(find(name), "cpu", packing=packing) for packing in (True, False))
    assert packed.provenance["scoring"] == "packed"
    for left, right in zip(packed.score(LADDER), separate.score(LADDER), strict=True):
        assert left == pytest.approx(right, abs=1e-4)
