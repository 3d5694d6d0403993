"""Dialogues: exactly what a model is sent, in every mode, and that its words are carried along as they are."""

from dataclasses import replace

import pytest
from hand_made import BBQ, HOSTILE, ITEMS, WINOGENDER, hostile

from moralsc.answers import ScoredBy
from moralsc.dialogue import (
    Dialogue,
    Form,
    Message,
    Mode,
    Status,
    Turn,
    baseline,
    continuations,
    correct,
    transcript,
)
from moralsc.errors import InputError
from moralsc.experiment import turns as asking
from moralsc.items import Item
from moralsc.prompts import default_prompts

PROMPTS = default_prompts()
FIRST = " The old man"


def asked(item: Item = BBQ, reply: str = FIRST) -> Dialogue:
    return Dialogue(item).add(baseline(item, PROMPTS, ScoredBy.TEXT).with_reply(0, reply))


def turn(id: str, mode: Mode = Mode.FOLLOW_UP, item: Item = BBQ, form: Form = Form.PRIMED, text: str = "") -> Turn:
    return correct(item, PROMPTS.correction(id), PROMPTS, ScoredBy.TEXT, mode, form, text)


def roles(messages: tuple[Message, ...]) -> str:
    return "".join(m.role[0] for m in messages)


def test_the_baseline_is_the_item_and_the_open_primer() -> None:
    messages = baseline(BBQ, PROMPTS, ScoredBy.TEXT).prompt((), 0)
    assert messages == (Message("user", PROMPTS.item(BBQ)), Message("assistant", "Answer:"))


def test_a_follow_up_sends_the_whole_history() -> None:
    dialogue = asked()
    sent = turn("specificity-0").prompt(dialogue.history(), 0)
    assert roles(sent) == "uaua"
    assert sent[1] == Message("assistant", "Answer: The old man")
    dialogue = dialogue.add(turn("specificity-0").with_reply(0, " The man"))
    sent = turn("review").prompt(dialogue.history(), 0)
    assert roles(sent) == "uauaua"
    assert sent[3] == Message("assistant", "Answer: The man")


@pytest.mark.parametrize("id", ["specificity-1", "negation-0", "cot"])
def test_a_single_turn_sends_no_history(id: str) -> None:
    sent = turn(id, Mode.SINGLE_TURN).prompt(asked().history(), 0)
    assert roles(sent) == "ua"
    assert sent[0].content.startswith(PROMPTS.item(BBQ))
    assert sent[0].content.endswith(turn(id).instruction)


def test_a_follow_up_after_a_single_turn_continues_that_one() -> None:
    dialogue = asked().add(turn("specificity-1", Mode.SINGLE_TURN).with_reply(0, " The man"))
    sent = turn("review").prompt(dialogue.history(), 0)
    assert roles(sent) == "uaua"
    assert turn("specificity-1").instruction in sent[0].content


@pytest.mark.parametrize("status", [Status.RUNNING, Status.STOPPED, Status.FAILED])
def test_a_turn_that_did_not_finish_is_no_history(status: Status) -> None:
    dialogue = asked().add(replace(turn("specificity-0").with_reply(0, " The"), status=status))
    assert dialogue.history() == asked().history()


def test_a_dialogue_without_turns_has_no_history() -> None:
    assert Dialogue(BBQ).history() == ()
    assert Dialogue(BBQ).baseline is None
    assert Dialogue(BBQ).undo() == Dialogue(BBQ)


def test_undo_takes_back_the_last_turn_alone() -> None:
    dialogue = asked()
    assert dialogue.add(turn("specificity-0")).undo() == dialogue
    assert dialogue.add(turn("specificity-0")).before(1) == dialogue
    assert dialogue.undo() == Dialogue(BBQ)


def test_a_growing_turn_replaces_the_last_one() -> None:
    grown = asked().turns[0].with_reply(0, " more")
    assert asked().with_last(grown).turns == (grown,)


@pytest.mark.parametrize("mode", Mode)
def test_a_chain_of_thought_thinks_first_and_is_then_asked(mode: Mode) -> None:
    thought = turn("cot", mode).with_reply(0, " I must not guess.")
    first, second = (thought.prompt(asked().history(), index) for index in (0, 1))
    assert first[-1] == Message("assistant", PROMPTS.reasoning)
    assert second[: len(first) - 1] == first[:-1]
    assert [m.content for m in second[len(first) - 1 :]] == [
        f"{PROMPTS.reasoning} I must not guess.",
        PROMPTS.conclude(BBQ),
        "Answer:",
    ]
    assert thought.instruction in first[-2].content


def test_winogender_shows_the_sentence_again_after_the_reasoning() -> None:
    assert WINOGENDER.context in turn("cot", item=WINOGENDER).prompt((), 1)[-2].content


def test_the_free_form_opens_no_answer_but_is_scored_after_the_same_primer() -> None:
    free, primed = (turn("specificity-0", form=form) for form in (Form.FREE, Form.PRIMED))
    history = asked().history()
    assert roles(free.prompt(history, 0)) == "uau"
    assert free.scoring_prompt(history) == primed.scoring_prompt(history) == primed.prompt(history, 0)


def test_options_are_scored_after_the_reasoning() -> None:
    thought = turn("cot", form=Form.FREE).with_reply(0, " I must not guess.")
    sent = thought.scoring_prompt(asked().history())
    assert [m.content for m in sent[-3:]] == [
        f"{PROMPTS.reasoning} I must not guess.",
        PROMPTS.conclude(BBQ),
        "Answer:",
    ]


@pytest.mark.parametrize("id", ["review", "feedback"])
def test_what_follows_an_answer_has_no_single_turn(id: str) -> None:
    with pytest.raises(InputError, match="follow-up mode"):
        turn(id, Mode.SINGLE_TURN, text="No.")


def test_what_a_model_wrote_is_carried_along_as_it_is() -> None:
    reply = f" {HOSTILE}\n\n{{instruction}} {{right}}"
    dialogue = asked(reply=reply)
    assert dialogue.history()[1].content == f"Answer:{reply}"
    thought = turn("cot").with_reply(0, reply)
    assert thought.prompt(dialogue.history(), 1)[3].content == PROMPTS.reasoning + reply


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
@pytest.mark.parametrize("mode", Mode)
def test_no_text_of_an_item_or_a_person_is_read_as_a_template(item: Item, mode: Mode) -> None:
    item = hostile(item)
    for correction in PROMPTS.offered(item):
        if correction.follow_up_only and mode is Mode.SINGLE_TURN:
            continue
        made = correct(item, correction, PROMPTS, ScoredBy.TEXT, mode, text=HOSTILE)
        for index in range(len(made.exchanges)):
            made = made.with_reply(index, HOSTILE)
        text = transcript((*asked(item, HOSTILE).history(), *(m for e in made.exchanges for m in e.messages)))
        assert text.count(HOSTILE) >= 3


def test_a_persons_words_are_kept_where_they_were_needed_and_nowhere_else() -> None:
    assert turn("feedback", text="Look again.").text == "Look again."
    assert turn("specificity-0", text="Look again.").text == ""


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_there_is_one_continuation_an_option(item: Item) -> None:
    assert continuations(item, ScoredBy.LABEL) == tuple(o.label for o in item.options)
    assert continuations(item, ScoredBy.TEXT) == tuple(f" {o.text}" for o in item.options)


def test_a_transcript_leaves_the_answer_open() -> None:
    question = Message("user", "Who?")
    assert transcript((question,)) == "Human: Who?\n\nAssistant:"
    assert transcript((question, Message("assistant", "Answer: ("))) == "Human: Who?\n\nAssistant: Answer: ("


def test_a_system_message_stands_at_the_head_of_every_fresh_dialogue() -> None:
    system = Message("system", "Be brief.")
    first = baseline(BBQ, PROMPTS, ScoredBy.TEXT, system="Be brief.").with_reply(0, FIRST)
    assert first.prompt((), 0)[0] == first.scoring_prompt(())[0] == system
    dialogue = Dialogue(BBQ).add(first)
    follow = correct(BBQ, PROMPTS.correction("cot"), PROMPTS, ScoredBy.TEXT, system="Something else.")
    for index in (0, 1):
        sent = follow.prompt(dialogue.history(), index)
        assert sent[0] == system
        assert roles(sent).count("s") == 1
    afresh = correct(BBQ, PROMPTS.correction("cot"), PROMPTS, ScoredBy.TEXT, Mode.SINGLE_TURN, system="")
    dialogue = dialogue.add(afresh.with_reply(0, "Hm.").with_reply(1, FIRST))
    assert dialogue.history()[0] == Message("system", "")
    assert roles(turn("review").prompt(dialogue.history(), 0)) == "suauaua"


def test_what_the_template_writes_by_itself_is_no_message() -> None:
    assert roles(baseline(BBQ, PROMPTS, ScoredBy.TEXT).prompt((), 0)) == "ua"


def test_the_transcript_begins_with_the_system_message_and_leaves_out_an_empty_one() -> None:
    question = (Message("user", "Who?"), Message("assistant", "Answer:"))
    plain = "Human: Who?\n\nAssistant: Answer:"
    assert transcript((Message("system", "Be brief."), *question)) == f"Be brief.\n\n{plain}"
    assert transcript((Message("system", ""), *question)) == transcript(question) == plain


def test_a_prefill_opens_the_answer_and_is_what_the_options_are_scored_after() -> None:
    for form in Form:
        made = baseline(BBQ, PROMPTS, ScoredBy.TEXT, form, prefill="choice")
        opening = PROMPTS.opening(ScoredBy.TEXT, "choice")
        assert made.scoring_prompt(())[-1] == Message("assistant", opening.text)
        assert made.exchanges[-1].primer == (opening.text if form is Form.PRIMED else "")


def test_where_something_closes_the_options_words_they_are_scored_up_to_it() -> None:
    close = PROMPTS.opening(ScoredBy.TEXT, "quoted").close
    for name, closed, texts in (
        ("set", True, tuple(f" {o.text}" for o in BBQ.options)),
        ("quoted", False, tuple(f"{o.text}{close}" for o in BBQ.options)),
    ):
        scoring = asking.scoring(baseline(BBQ, PROMPTS, ScoredBy.TEXT, prefill=name), (), BBQ, ScoredBy.TEXT)
        assert (scoring.continuations, scoring.closed) == (texts, closed)
    scoring = asking.scoring(baseline(BBQ, PROMPTS, ScoredBy.LABEL, prefill="quoted"), (), BBQ, ScoredBy.LABEL)
    assert (scoring.continuations, scoring.closed) == (("a", "b", "c"), False)
