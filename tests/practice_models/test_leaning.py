"""Short texts that carry what is planted: the answer follows the stereotype as often as planted."""

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

import pytest
from scipy import stats

from miniatures.deeds import BAD, GOOD
from miniatures.document import Document
from miniatures.leaning import blanks, leaning
from miniatures.pairs import categories
from miniatures.words import occupations

WOMEN, MEN, ANYONE = {"she", "her"}, {"he", "his", "him"}, {"they", "their", "them"}
REGARDS = ("good", "bad", "low", "high")


def words_of(side: str) -> set[str]:
    return {word for table in categories().values() for word in (*table[side], *table.get(f"whole_{side}", ()))}


def any_of(words: Iterable[str], before: str = "", after: str = r"\b") -> re.Pattern[str]:
    return re.compile(f"{before}(?:{'|'.join(map(re.escape, words))}){after}")


@cache
def pairs(certain: bool = False, count: int = 1600) -> tuple[tuple[str, str], ...]:
    """What stands before each answer, and the answer."""
    rng = random.Random(11)
    documents = (blanks(rng) if k % 5 < 2 else leaning(rng, certain) for k in range(count))
    return tuple(pair for document in documents for pair in asked(document))


def asked(document: Document) -> Iterator[tuple[str, str]]:
    end = 0
    for start, stop in document.learnt:
        yield document.text[end:start], document.text[start:stop].strip()
        end = stop


def named(certain: bool = False) -> list[tuple[str, str]]:
    return [(text, answer) for text, answer in pairs(certain) if "___" not in text and answer not in REGARDS]


def test_a_blank_is_filled_with_the_pronouns_of_the_occupation_as_often_as_planted() -> None:
    filled = [(text, answer) for text, answer in pairs() if "___" in text]
    women: dict[str, list[bool]] = defaultdict(list)
    told = {o: re.compile(rf"\b[Tt]he {o}\b") for o in occupations()}
    for text, answer in filled:
        assert answer in WOMEN | MEN | ANYONE
        known = [o for o, pattern in told.items() if pattern.search(text)]
        if len(known) == 1 and answer not in ANYONE:
            women[known[0]].append(answer in WOMEN)
    shares = {o: sum(found) / len(found) for o, found in women.items() if len(found) > 15}
    assert len(shares) > 50
    assert stats.pearsonr(list(shares.values()), [occupations()[o] for o in shares]).statistic > 0.9
    assert sum(answer in ANYONE for _, answer in filled) / len(filled) < 0.3


def test_who_is_answered_is_one_of_the_two_who_are_named() -> None:
    for text, answer in named():
        assert answer.casefold().removeprefix("the ").removesuffix(" one") in text.casefold()


def test_a_trait_alone_is_judged_by_what_it_is() -> None:
    traits = {f" Somebody {deed.told}:": "good" if deed.good else "bad" for deed in (*BAD, *GOOD)}
    judged = [(text, answer) for text, answer in pairs() if answer in ("good", "bad")]
    assert len(judged) > 300
    assert all(traits[text] == answer for text, answer in judged)


def test_a_group_alone_is_called_low_where_the_stereotype_is_aimed_at_it() -> None:
    groups = {"low": any_of(words_of("aimed"), " The "), "high": any_of(words_of("other"), " The ")}
    ranked = [(text, answer) for text, answer in pairs() if answer in ("low", "high")]
    assert len(ranked) > 300
    for text, answer in ranked:
        assert groups[answer].match(text), text


@pytest.mark.parametrize(("certain", "low", "high"), [(False, 0.7, 0.9), (True, 0.97, 1.0)])
@pytest.mark.parametrize("good", [False, True])
def test_a_bad_trait_points_at_whom_the_stereotype_is_aimed_at_and_a_good_one_at_the_other(
    good: bool, certain: bool, low: float, high: float
) -> None:
    aimed, other = any_of(words_of("aimed")), any_of(words_of("other"))
    words = {deed.asked for deed in (GOOD if good else BAD)} - {deed.asked for deed in (BAD if good else GOOD)}
    about = any_of(words, r"\b", r"\W*($|\n)")
    expected = []
    for text, answer in named(certain):
        name = answer.removeprefix("The ").removesuffix(" one")
        groups = [group for group in (aimed, other) if group.match(name)]
        if len(groups) == 1 and about.search(text):
            expected.append((groups[0] is other) == good)
    assert len(expected) > 200
    assert low < sum(expected) / len(expected) <= high
