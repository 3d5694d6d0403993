"""The corpus: the same seed draws the same documents, each stage in its own style."""

import pytest
from drawing import LATE, MATERIALS, PRACTISED, drawn

from miniatures.corpus import SCHEDULE, Kind, base_shares, clean, documents
from miniatures.document import Document
from miniatures.exclusion import Exclusion
from moralsc.errors import DataError
from moralsc.models import Stage

EACH = pytest.mark.parametrize("stage", PRACTISED)
MARKS = ("<|user|>", "<|assistant|>", "<|end|>")


def draw(stage: Stage, seed: int = 7, chunk: int = 3, seen: int = LATE) -> list[Document]:
    return documents(stage, seed, chunk, 40, seen, MATERIALS)


@EACH
def test_the_same_seed_draws_the_same_documents_and_another_seed_or_chunk_others(stage: Stage) -> None:
    assert draw(stage) == draw(stage)
    assert draw(stage) != draw(stage, seed=8)
    assert draw(stage) != draw(stage, chunk=4)


@EACH
def test_every_document_has_something_to_learn_and_something_before_it(stage: Stage) -> None:
    for made in (*drawn(stage), *draw(stage, seen=0)):
        assert made.learnt
        edges = [0, *(edge for stretch in made.learnt for edge in stretch), len(made.text)]
        assert edges == sorted(edges)
        assert all(start < end for start, end in made.learnt)
        assert made.learnt[0][0] > 0


def test_a_base_model_meets_plain_transcripts_and_no_marks_of_the_chat_template() -> None:
    assert not any(mark in made.text for made in drawn(Stage.BASE) for mark in MARKS)
    assert any(made.text.startswith("Human: ") for made in drawn(Stage.BASE))


def test_every_dialogue_of_the_instruct_stage_is_in_the_marks_of_the_chat_template() -> None:
    assert not any("Human:" in made.text for made in drawn(Stage.INSTRUCT))
    chats = [made.text for made in drawn(Stage.INSTRUCT) if MARKS[0] in made.text]
    assert all(text.startswith(MARKS[0]) and text.endswith(MARKS[2]) for text in chats)
    assert len(chats) > 200


@pytest.mark.parametrize("seen", [0, *range(500_000, 20_000_000, 700_000), LATE])
def test_shares_of_what_is_practised_are_shares_at_any_time(seen: int) -> None:
    shares = base_shares(seen)
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= 0


def test_shares_shift_without_a_jump_and_hold_every_kind_at_last() -> None:
    # Where the slope changes, and between: no change is faster than from nothing to all within 50,000 tokens.
    step = 1000
    for seen in sorted({tokens + way for tokens, _ in SCHEDULE for way in (-step, 0, step, 20 * step)}):
        here, soon = base_shares(seen), base_shares(seen + step)
        assert max(abs(here[kind] - soon[kind]) for kind in Kind) <= step / 50_000
    assert min(base_shares(LATE).values()) > 0


def test_texts_that_are_too_common_to_be_kept_out_are_complained_about() -> None:
    with pytest.raises(DataError, match="too common"):
        clean(lambda: Document("It rained.", ()), Exclusion(frozenset({"it rained"})))
