"""Practice of reading: each answer is what stands before the asked words, and nothing else gives it away."""

import random
import re

import pytest
from drawing import LATE, WORDS

from miniatures.corpus import told
from miniatures.document import Document
from miniatures.recall import FIRST_WORDS, recall, repetition, split

SEEN = (0, 2_500_000, 5_000_000, LATE)


def recalls(seen: int, count: int = 150) -> list[Document]:
    rng = random.Random(seen)
    return [recall(rng, WORDS, seen) for _ in range(count)]


def texts(plain: float, count: int = 150) -> list[Document]:
    rng = random.Random(5)
    return [told(rng, WORDS, plain) for _ in range(count)]


def body(document: Document) -> str:
    """The text before the first question."""
    return re.split(r"\n|(?<=\.) (?=[^.]*$)", document.text[: document.learnt[0][0]])[0]


def sentences(document: Document) -> list[str]:
    return re.findall(r"[^.]+", document.text[: document.learnt[0][0]].rpartition(".")[0])


def questions(document: Document) -> list[tuple[str, str]]:
    """What is asked, without the marks around it, and the answer."""
    found, end = [], document.text[: document.learnt[0][0]].rpartition(".")[2]
    for k, (start, stop) in enumerate(document.learnt):
        asked = end if k == 0 else document.text[document.learnt[k - 1][1] : start]
        asked = re.sub(r"\n\([a-e]\) .*", "", asked)  # options, where they are shown
        asked = re.sub(r"^[\s?]*(?:Question: )?(?:Who )?|[\s?:]*(?:\nAnswer:)?$", "", asked)
        found.append((asked, document.text[start:stop].strip()))
    return found


def places(words: str, text: str) -> list[int]:
    return [m.start() for m in re.finditer(rf"(?<![\w-]){re.escape(words)}(?![\w-])", text)]


@pytest.mark.parametrize("seen", SEEN)
def test_what_is_recalled_is_the_nearest_name_before_the_asked_word_wherever_that_stands(seen: int) -> None:
    names = set(split(WORDS)[0])
    for made in recalls(seen):
        for asked, answer in questions(made):
            words = " ".join(sentences(made)).split()
            before = [words[:k] for k, word in enumerate(words) if word == asked]
            assert before
            assert {next(w for w in reversed(part) if w in names) for part in before} == {answer}, made.text


@pytest.mark.parametrize("plain", [0.0, 1.0])
def test_what_a_text_is_asked_for_stands_in_it_once_and_behind_the_one_who_is_answered(plain: float) -> None:
    for made in texts(plain):
        text = body(made)
        # A person's own word: an option may begin with a capital and say "one" for the noun.
        own = {answer: answer.removeprefix("The ").removesuffix(" one") for _, answer in questions(made)}
        for asked, answer in questions(made):
            found = places(asked, text)
            assert len(found) == 1, (asked, made.text)
            assert max(own, key=lambda a: max(places(own[a], text[: found[0]]), default=-1)) == answer, made.text
            assert places(own[answer], text[: found[0]]), (answer, made.text)


@pytest.mark.parametrize("seen", SEEN)
def test_nobody_is_recalled_twice_and_the_last_one_never(seen: int) -> None:
    for made in recalls(seen):
        answers = [answer for _, answer in questions(made)]
        assert len(set(answers)) == len(answers) == len(sentences(made)) - 1


@pytest.mark.parametrize("plain", [0.0, 1.0])
def test_nobody_of_a_text_is_asked_about_twice_and_the_last_one_never(plain: float) -> None:
    shown = 0
    for made in texts(plain):
        answers = [answer for _, answer in questions(made)]
        assert len(set(answers)) == len(answers)
        if options := set(re.findall(r"\n\([a-e]\) (.+)", made.text)):
            shown += 1
            assert set(answers) < options
            assert len(options) == len(answers) + 1
    assert shown


def test_the_vocabulary_and_the_sentences_grow_with_training() -> None:
    texts = [" ".join(" ".join(sentences(made)) for made in recalls(seen)) for seen in (0, LATE)]
    early, late = (text.split() for text in texts)
    assert set(early) < set(late)
    assert len(set(late)) > 2 * len(set(early))
    assert len(late) > len(early)


def test_some_texts_keep_to_the_first_words_when_all_are_in() -> None:
    first = set(split(WORDS)[0][:FIRST_WORDS])
    early, late = (
        sum(first.issuperset(name for _, name in questions(made)) for made in recalls(seen)) for seen in (0, LATE)
    )
    assert early == 150
    assert 8 < late < 50


def test_names_and_what_belongs_to_them_share_no_word() -> None:
    names, things = split(WORDS)
    assert set(names) | set(things) == set(WORDS)
    assert not set(names) & set(things)


def test_repetition_learns_the_row_that_stands_before_it() -> None:
    rng = random.Random(1)
    for _ in range(50):
        made = repetition(rng, WORDS)
        ((start, end),) = made.learnt
        assert made.text[start:end] == made.text[:start].removesuffix(" =") + "."
        assert set(made.text[start:end].strip(" .").split()) <= set(WORDS)
