"""The plain templates of the bundled BBQ items: looking up the words asked for gives the person.

So a model that was trained on little English can answer them, and what it never met is known.
"""

import re
from collections import Counter
from typing import Any

import pytest

from miniatures.deeds import BAD, GOOD
from moralsc.benchmarks import bbq, bundled
from moralsc.items import Item

KNOWN_BAD = {
    *("was rude", "was lazy", "told lies", "started a fight", "was drunk", "stole a phone", "was forgetful"),
    *("was dirty", "failed the exam", "was a coward", "was careless", "sold drugs"),
}
KNOWN_GOOD = {
    *("was polite", "worked hard", "told the truth", "ended the fight", "was sober", "returned a phone"),
    *("had a good memory", "was clean", "passed the exam", "was brave", "was careful", "helped the others"),
}
# Words that say nothing about who somebody is.
SMALL = set("a an the of to in on at for over by with from about across was were is had and or that it out up".split())

every_category = pytest.mark.parametrize("category", bundled.bbq_categories())


def plain_rows(category: str, attributes: str = "") -> list[dict[str, Any]]:
    rows = [(row["additional_metadata"], row) for row in bundled.bbq_rows(category)]
    return [r for m, r in rows if m["wording"] == "plain" and attributes in ("", m["attributes"])]


def attribute(row: dict[str, Any]) -> str:
    """What the question asks for, without how it asks."""
    return re.sub(r"^(Who was it that|Which of the two|Who) |\?$", "", row["question"])


def attributes(kind: str) -> Counter[tuple[str, str]]:
    """(polarity, attribute) -> the number of templates that ask for it."""
    rows = [r for category in bundled.bbq_categories() for r in plain_rows(category, kind)]
    asked = {(r["category"], r["question_index"], r["question_polarity"], attribute(r)) for r in rows}
    return Counter((polarity, words) for *_, polarity, words in asked)


def stems(text: str) -> set[str]:
    """The words that say something, cut short so that "forgot" is met in "forgetful"."""
    return {word[:5] for word in re.findall(r"[a-z]+", re.sub(r"{\w+}", " ", text.casefold())) if word not in SMALL}


def settled(row: dict[str, Any]) -> str:
    """What goes on after the first sentence, which leaves all open."""
    return str(row["context"].split(". ", 1)[1])


def items(category: str) -> tuple[Item, ...]:
    rows = ((f"row {k}", row) for k, row in enumerate(bundled.bbq_rows(category)))
    return bbq.items(rows, category, bundled.ORIGIN, bundled=True).items


@every_category
def test_two_known_and_three_held_out_templates_come_first(category: str) -> None:
    kinds = {
        r["question_index"]: (r["additional_metadata"]["wording"], r["additional_metadata"]["attributes"])
        for r in bundled.bbq_rows(category)
    }
    assert list(kinds.values())[:5] == [("plain", "known")] * 2 + [("plain", "held-out")] * 3
    assert set(list(kinds.values())[5:]) == {("free", "")}


@every_category
def test_the_person_named_last_before_the_words_asked_for_is_the_right_one(category: str) -> None:
    rows = [r for r in plain_rows(category) if r["context_condition"] == "disambig"]
    assert rows
    for row in rows:
        words, text = attribute(row), settled(row)
        (found,) = re.finditer(rf"\b{re.escape(words)}\b", text)
        before = text[: found.start()].casefold()
        people = [row[a].casefold() for a, (_, code) in row["answer_info"].items() if code != "unknown"]
        nearest = max(people, key=before.rfind)
        assert nearest in before
        assert nearest == row[f"ans{row['label']}"].casefold(), row
        assert len(before[before.rfind(nearest) + len(nearest) :].split()) <= 1, row


@every_category
def test_an_open_context_has_no_word_of_what_is_asked_for(category: str) -> None:
    """Else the looking up would find something where nothing is said."""
    for row in plain_rows(category):
        if row["context_condition"] == "ambig":
            assert not stems(attribute(row)) & stems(row["context"]), row


@every_category
def test_plain_texts_are_short(category: str) -> None:
    for row in plain_rows(category):
        if row["context_condition"] == "disambig":
            assert 8 <= len(settled(row).split()) <= 25, settled(row)


@pytest.mark.parametrize("kind", ["known", "held-out"])
def test_either_person_settles_a_plain_text_first(kind: str) -> None:
    rows = [r for category in bundled.bbq_categories() for r in plain_rows(category, kind)]
    first = Counter()
    for row in rows:
        if row["context_condition"] == "disambig":
            people = [row[a] for a, (_, code) in row["answer_info"].items() if code != "unknown"]
            right = min(people, key=lambda p: settled(row).casefold().find(p.casefold())) == row[f"ans{row['label']}"]
            first[row["question_polarity"], right] += 1
    for polarity in ("neg", "nonneg"):
        assert 0.4 <= first[polarity, True] / (first[polarity, True] + first[polarity, False]) <= 0.6


def test_known_attributes_are_the_listed_ones_in_about_equal_shares() -> None:
    found = attributes("known")
    assert {words for polarity, words in found if polarity == "neg"} == KNOWN_BAD
    assert {words for polarity, words in found if polarity == "nonneg"} == KNOWN_GOOD
    assert set(found.values()) == {1, 2}


def test_held_out_attributes_have_no_word_of_what_training_may_use() -> None:
    trained = stems(" ".join([*KNOWN_BAD, *KNOWN_GOOD, *(deed.told for deed in (*BAD, *GOOD))]))
    found = attributes("held-out")
    assert len(found) == 2 * 3 * len(bundled.bbq_categories())
    assert set(found.values()) == {1}
    for _, words in found:
        assert stems(words), words
        assert not stems(words) & trained, words


@every_category
@pytest.mark.parametrize("tag", ["known attributes", "held-out attributes", "free"])
def test_no_place_gives_an_answer_away_in_any_kind(category: str, tag: str) -> None:
    chosen = [i for i in items(category) if tag in i.tags]
    places = Counter((k, option.role) for item in chosen for k, option in enumerate(item.options))
    assert len(places) == 9
    assert len(set(places.values())) == 1


@every_category
def test_tags_say_what_a_selection_may_ask_for(category: str) -> None:
    found = Counter(item.tags for item in items(category))
    kinds = ({"plain", "known attributes"}, {"plain", "held-out attributes"}, {"free"})
    assert set(found) == {frozenset(kind) for kind in kinds}


def test_published_rows_have_no_tags_whatever_they_say() -> None:
    rows = (("here", row) for row in bundled.bbq_rows("Age"))
    assert {item.tags for item in bbq.items(rows, "Age", "elsewhere").items} == {frozenset()}
