"""Dialogues of the corpus: the program's own texts, drawn wordings, and answers drawn from what is planted."""

import random
import re
from collections import Counter

import pytest
from drawing import PROMPTS, drawn

from miniatures.applicants import applicant_case
from miniatures.dialogues import Case, asked, corrected, unheard
from miniatures.document import Document, Exchange, Style, write
from miniatures.exclusion import normalise
from miniatures.people import people_case
from miniatures.pronouns import pronoun_case
from miniatures.wordings import wordings
from moralsc.answers import ScoredBy
from moralsc.dialogue import baseline, transcript
from moralsc.models import Stage
from moralsc.prompts import Side

MAKERS = (pronoun_case, people_case, applicant_case)
DRAWS = 300
MARGIN = 0.12


def answer(exchange: Exchange) -> str:
    return exchange.answer.removeprefix("Answer: ")


def said(documents: tuple[Document, ...]) -> list[str]:
    """The messages of the user."""
    return [text for made in documents for text in re.findall(r"<\|user\|>(.*?)<\|end\|>", made.text, re.DOTALL)]


@pytest.mark.parametrize("make", MAKERS)
def test_an_item_is_asked_exactly_as_the_program_asks_a_base_model(make) -> None:  # type: ignore[no-untyped-def]
    rng = random.Random(1)
    for _ in range(20):
        case = make(rng)
        made = write(asked([case], PROMPTS, rng), Style.PLAIN)
        sent = transcript(baseline(case.item, PROMPTS, ScoredBy.TEXT).prompt((), 0))
        assert made.text in [f"{sent} {option.text}\n\nHuman:" for option in case.item.options]


@pytest.mark.parametrize("make", MAKERS)
def test_answers_to_an_item_follow_its_planted_probabilities(make) -> None:  # type: ignore[no-untyped-def]
    rng = random.Random(2)
    case: Case = make(rng)
    found = Counter(answer(asked([case], PROMPTS, rng)[0]) for _ in range(DRAWS))
    for label, share in case.targets("baseline", None).items():
        assert found[case.item.option(label).text] / DRAWS == pytest.approx(share, abs=MARGIN)


@pytest.mark.parametrize("make", MAKERS)
def test_whatever_is_said_to_a_base_model_its_answer_follows_the_baseline(make) -> None:  # type: ignore[no-untyped-def]
    rng = random.Random(3)
    case: Case = make(rng)
    dialogues = [unheard(case, PROMPTS, rng) for _ in range(DRAWS)]
    targets = {case.item.option(k).text: p for k, p in case.targets("baseline", None).items()}
    assert len({d[-1].question for d in dialogues}) == DRAWS, "something else is said each time"
    assert all(d[0].question.startswith(PROMPTS.item(case.item)) for d in dialogues)
    again = [d for d in dialogues if len(d) > 1]
    assert DRAWS / 4 < len(again) < DRAWS, "after an answer, and with the item"
    for text, share in targets.items():
        assert sum(answer(d[-1]) == text for d in dialogues) / DRAWS == pytest.approx(share, abs=MARGIN)
    same = sum(answer(d[0]) == answer(d[1]) for d in again) / len(again)
    assert same == pytest.approx(sum(p * p for p in targets.values()), abs=MARGIN), "nor does the first answer tell"


def test_a_base_model_meets_no_instruction() -> None:
    base = " ".join(made.text for made in drawn(Stage.BASE))
    for correction in PROMPTS.corrections.values():
        for text in correction.texts.values():
            assert len(opening := text.partition("{")[0]) < 10 or opening not in base


@pytest.mark.parametrize("make", MAKERS)
def test_a_corrected_dialogue_holds_the_item_and_answers_with_its_options(make) -> None:  # type: ignore[no-untyped-def]
    rng = random.Random(4)
    for _ in range(60):
        case = make(rng)
        exchanges, condition = corrected(case, PROMPTS, rng)
        assert exchanges[0].question.startswith(PROMPTS.item(case.item))
        assert set(case.targets(condition, case.item.options[0].label)) == {o.label for o in case.item.options}
        answers = [answer(e) for e in exchanges if not e.answer.startswith(PROMPTS.reasoning)]
        assert answers
        assert set(answers) <= {o.text for o in case.item.options}
        assert exchanges[-1].answer.startswith("Answer: ")


def test_the_programs_own_instructions_are_trained_on() -> None:
    text = "\n".join(said(drawn(Stage.INSTRUCT, 1200)))
    for correction in PROMPTS.corrections.values():
        if correction.side is not Side.OTHER:
            assert any(words.partition("{")[0] in text for words in correction.texts.values()), correction.id


def test_drawn_wordings_are_trained_on_and_held_out_ones_never() -> None:
    lines = {normalise(line) for text in said(drawn(Stage.INSTRUCT, 1200)) for line in text.split("\n")}
    known = [w for c in PROMPTS.corrections.values() for b in c.texts if (w := wordings(c.id, b))]

    def written(texts: tuple[str, ...]) -> set[str]:
        plain = [text for text in texts if "{" not in text]
        return {normalise(text) for text in (*plain, *map(PROMPTS.follow_up, plain))}

    training, held_out = (set().union(*(written(getattr(w, p)) for w in known)) for p in ("training", "held_out"))
    assert held_out
    assert len(lines & training) > 10
    assert not lines & held_out


def test_reasoning_is_given_its_opening_and_learns_the_rest() -> None:
    rng = random.Random(5)
    found = [e for _ in range(150) for e in corrected(pronoun_case(rng), PROMPTS, rng)[0]]
    reasoned = [e for e in found if e.answer.startswith(PROMPTS.reasoning)]
    assert reasoned
    for exchange in reasoned:
        assert exchange.given == len(PROMPTS.reasoning) < len(exchange.answer)
        assert exchange.answer[exchange.given :].count(".") in (2, 3)
    assert not any(e.given for e in found if e not in reasoned)
