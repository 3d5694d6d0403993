"""Documents: the text is the one that the program sends, and only what the assistant writes is learnt."""

import pytest
from drawing import PROMPTS, small_tokenizer
from hand_made import BBQ

from miniatures.document import Document, Exchange, Style, draw, write
from moralsc.answers import ScoredBy
from moralsc.dialogue import Dialogue, Message, baseline, correct, transcript
from moralsc.engines.local_prompt import ChatFormat

EXCHANGES = (Exchange("Who sang?", "Answer: Ann"), Exchange("Who was it?\nSay it again.", "Answer: not known"))
MESSAGES = tuple(m for e in EXCHANGES for m in (Message("user", e.question), Message("assistant", e.answer)))


def program(style: Style) -> ChatFormat:
    """How the program writes to a model that was trained in this style."""
    return ChatFormat(small_tokenizer(template=style is Style.CHAT))


def learnt(document: Document) -> list[str]:
    return [document.text[start:end] for start, end in document.learnt]


def test_a_chat_document_is_what_the_chat_template_renders() -> None:
    chat = [{"role": m.role, "content": m.content} for m in MESSAGES]
    assert write(EXCHANGES, Style.CHAT).text == small_tokenizer().apply_chat_template(chat, tokenize=False)


def test_a_plain_document_is_a_transcript_up_to_the_next_turn() -> None:
    assert write(EXCHANGES, Style.PLAIN).text == transcript(MESSAGES) + "\n\nHuman:"


@pytest.mark.parametrize("style", Style)
def test_an_answer_stands_behind_exactly_what_the_program_sends(style: Style) -> None:
    first = baseline(BBQ, PROMPTS, ScoredBy.TEXT).with_reply(0, " The old man")
    asked = Dialogue(BBQ).add(first)
    second = correct(BBQ, PROMPTS.correction("specificity-0"), PROMPTS, ScoredBy.TEXT).with_reply(0, " The man")
    messages = asked.add(second).history()
    exchanges = [Exchange(u.content, a.content) for u, a in zip(messages[::2], messages[1::2], strict=True)]
    text = write(exchanges, style).text
    for turn, history in ((first, ()), (second, asked.history())):
        assert text.startswith(program(style).render(turn.prompt(history, 0)) + turn.reply + program(style).closing)


@pytest.mark.parametrize("style", Style)
def test_the_answers_alone_are_learnt_each_with_what_closes_its_turn(style: Style) -> None:
    closing = program(style).closing
    for exchange, part in zip(EXCHANGES, learnt(write(EXCHANGES, style)), strict=True):
        assert part.strip().startswith(exchange.answer + closing)
        assert exchange.question not in part


def test_the_given_opening_of_an_answer_is_not_learnt() -> None:
    made = write([Exchange("Why?", "Let me think. It rained.", given=len("Let me think."))], Style.CHAT)
    assert learnt(made) == [" It rained.<|end|>"]


@pytest.mark.parametrize("style", Style)
def test_lines_are_free_of_turns_and_marks(style: Style) -> None:
    exchanges = [Exchange("Ann sang. Bob slept.\nQuestion: Who sang?\n(a) Ann", "Answer: Ann"), *EXCHANGES]
    lines = [line.strip() for line in write(exchanges, style).lines()]
    assert {"Ann sang. Bob slept.", "Who sang?", "(a) Ann", "Ann"} <= set(lines)
    assert all(lines)


def test_a_drawn_document_joins_its_parts_and_learns_those_wanted() -> None:
    made = draw([("a cat", False), (" sat", True), (" on", False), (" it", True)])
    assert made.text == "a cat sat on it"
    assert learnt(made) == [" sat", " it"]
