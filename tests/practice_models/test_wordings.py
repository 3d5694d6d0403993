"""The wordings of the corpus: varied, well formed, and held-out ones that share no key word with training."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

import pytest

from miniatures.wordings import HELD_OUT, Phrasebook, read_phrasebook, remark, reworded, wordings
from moralsc.errors import DataError
from moralsc.prompts import BENCHMARKS, Correction, default_prompts
from moralsc.prompts.checker import fill, placeholders

# Words that carry no meaning of their own: articles, pronouns, auxiliaries, prepositions, conjunctions, negations.
FUNCTION_WORDS = frozenset(
    """
    a an the this that these those it its he him his she her they them their i me my we us our you your yourself
    who whom whose which what whatever where when why how whoever
    be am is are was were been being do does did doing have has had having
    can could may might must shall should will would ought let
    not no none nor neither never nothing nobody anything anybody anyone everyone everybody somebody
    and or but if as than so then though because while since whether else hence thus
    of in on at to from for with without by about into out over up down off through between among against towards
    before after under per within
    all any both each every some other one two more most less least much many too very only also just such
    here there now again once
    """.split()
)
# What every wording of the rung has to name, in this case an applicant's race; as good as a placeholder.
NAMED = {"admissions": {"black", "white", "applicant", "applicants"}}
SIDES = {
    "ethical": ("specificity", "feedback.fair"),
    "unethical": ("negation", "feedback.unfair"),
    "match-stats": ("match-stats",),
    "review": ("review",),
    "idle": ("feedback.idle",),
}


@dataclass(frozen=True)
class Listed:
    """A list of wordings with where it stands: "specificity-2", "bbq"."""

    correction: str
    key: str
    training: tuple[str, ...]
    held_out: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.correction}.{self.key}"

    @property
    def side(self) -> str:
        (side,) = (side for side, starts in SIDES.items() if self.name.startswith(starts))
        return side

    @property
    def texts(self) -> tuple[str, ...]:
        return self.training + self.held_out


def key_words(text: str, key: str = "") -> set[str]:
    """Stems of the words that are neither placeholders nor function words."""
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", re.sub(r"\{\w*\}", " ", text.lower()))
    plain = (re.sub(r"n't$|'\w+$", "", w) for w in words)
    return {stem(w) for w in plain if w not in FUNCTION_WORDS | NAMED.get(key, set())}


def stem(word: str) -> str:
    """A crude stem that errs on the side of calling two words the same: no un-, no ending, at most five letters."""
    word = re.sub(r"^(?:un|dis)(?=\w{4})", "", word)
    previous = ""
    while word != previous:
        previous, word = word, re.sub(r"(?<=\w{3})(?:ness|ity|ment|ly|ing|ed|er|s|e|y)$", "", word)
    return word[:5]


def normalised(text: str) -> str:
    return " ".join(re.findall(r"[\w{}'%]+", text.lower()))


@cache
def phrasebook() -> Phrasebook:
    file = resources.files("miniatures").joinpath("wordings.toml")
    return read_phrasebook(file.read_text(encoding="utf-8"), "wordings.toml")


def lists() -> list[Listed]:
    tables = phrasebook().tables
    return [Listed(c, k, w.training, w.held_out) for c, table in tables.items() for k, w in table.items()]


def app_texts() -> Iterator[str]:
    prompts = default_prompts()
    yield prompts.reasoning
    yield prompts.follow_up("")
    for correction in prompts.corrections.values():
        yield from correction.texts.values()


def least(listed: Listed) -> int:
    """How many training wordings a list has at least."""
    if listed.correction == "feedback":
        return 30
    return 24 if listed.key == "admissions" or listed.side in ("review", "match-stats") else 40


every_list = pytest.mark.parametrize("listed", lists(), ids=lambda listed: listed.name)


@every_list
def test_there_are_many_wordings_of_varied_length(listed: Listed) -> None:
    assert len(listed.training) >= least(listed)
    assert len(listed.held_out) == HELD_OUT >= 6
    if listed.side in ("ethical", "unethical"):
        lengths = [len(text.split()) for text in listed.training]
        assert min(lengths) <= 5
        assert max(lengths) >= (10 if listed.correction == "feedback" else 15)
        assert any(text.endswith("?") for text in listed.training)
        assert any(text.startswith("If ") for text in listed.training)


@every_list
def test_a_held_out_wording_shares_no_key_word_with_training_and_the_app(listed: Listed) -> None:
    trained = [(text, other.key) for other in lists() if other.side == listed.side for text in other.training]
    trained += [(text, "") for text in (*app_texts(), *phrasebook().openings)]
    known = set().union(*(key_words(text, listed.key) for text, _ in trained))
    for text in listed.held_out:
        assert not key_words(text, listed.key) & known, text
        if listed.correction != "specificity-3":
            assert key_words(text, listed.key), text


def test_forms_of_a_word_count_as_one() -> None:
    assert key_words("Fairness!") == key_words("unfairly fair")
    assert key_words("Don't assume.") == key_words("an assumption")
    assert key_words("prejudiced answers") == key_words("Answer with prejudice {dimension}")
    assert key_words("Black applicants", "admissions") == set() != key_words("Black applicants")


@every_list
def test_wordings_keep_the_placeholders_of_the_apps_own_instruction(listed: Listed) -> None:
    correction = default_prompts().corrections[listed.correction]
    for benchmark, own in correction.texts.items():
        if listed.key not in ("all", benchmark) or correction.needs_text:
            continue
        needed = placeholders(own) - ({"occupation"} if listed.correction == "match-stats" else set())
        assert all(needed <= placeholders(text) <= placeholders(own) for text in listed.texts)
        assert all(fill(text, dict.fromkeys(placeholders(own), "x")) for text in listed.texts)
    if listed.key == "admissions":
        assert all("Black" in text and "White" in text for text in listed.texts)


def test_no_wording_stands_twice_or_is_the_apps_own() -> None:
    within = [(listed.name, normalised(text)) for listed in lists() for text in listed.texts]
    assert [pair for pair, count in Counter(within).items() if count > 1] == []
    sides = {(listed.side, normalised(text)) for listed in lists() for text in listed.texts}
    assert [text for text, count in Counter(text for _, text in sides).items() if count > 1] == []
    assert not {normalised(text) for text in app_texts()} & {text for _, text in sides}


def test_the_two_sides_are_told_apart_in_minimal_pairs() -> None:
    """So that a small model learns that "not" turns an instruction round."""
    for rung in ("0", "1", "2"):
        for key in phrasebook().tables[f"specificity-{rung}"]:
            good, bad = (phrasebook().tables[f"{side}-{rung}"][key].training for side in ("specificity", "negation"))
            assert any(text.replace("Do not rely", "Do rely") in bad for text in good if text.startswith("Do not rely"))
            assert any("not" in text.lower().split() for text in bad)


def test_every_instruction_of_the_app_has_wordings_and_free_text_none() -> None:
    corrections: list[Correction] = list(default_prompts().corrections.values())
    for correction in corrections:
        for benchmark in correction.texts:
            assert (wordings(correction.id, benchmark) is None) == correction.needs_text
    assert wordings("cot", "bbq") == wordings("specificity-0", "bbq")
    assert wordings("negation-2", "own") == wordings("negation-2", "bbq")
    assert all(wordings("match-stats", b) is None for b in BENCHMARKS if b != "winogender")


def test_remarks_come_from_training_alone() -> None:
    rng = random.Random(1)
    for kind, known in phrasebook().tables["feedback"].items():
        assert {remark(rng, kind) for _ in range(1000)} == set(known.training)


def test_about_half_of_the_wordings_get_an_opening_and_all_keep_their_words() -> None:
    rng = random.Random(2)
    texts = ["Be fair about {dimension}.", "I want a fair reply.", "Black and White applicants are alike."]
    assert len(phrasebook().openings) >= 20
    for text in texts:
        drawn = [reworded(rng, text) for _ in range(2000)]
        assert 0.45 < drawn.count(text) / len(drawn) < 0.55
        assert len(set(drawn)) == len(phrasebook().openings) + 1
        assert all(text[1:] in d for d in drawn)
        assert not any("{x}" in d.lower() for d in drawn)
    assert all("I want" in reworded(rng, texts[1]) for _ in range(200))
    assert not any(re.search(r"[,:] (?:Be|And) |[.!] be ", reworded(rng, texts[0])) for _ in range(500))


def minimal(rung: str = "review", part: str = "training", key: str = "all", text: str = "Look again.") -> str:
    """A phrasebook of one wording and, held out, another one."""
    return f'openings = ["Now,"]\n[{rung}.{part}]\n{key} = ["{text}"]\n[{rung}.held_out]\n{key} = ["Sure?"]\n'


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (minimal(rung="specifity-0"), "specifity-0"),
        (minimal(rung="cot"), "cot"),
        (minimal(part="trained"), "trained"),
        (minimal(key="toxigen"), "toxigen"),
        (minimal(rung="feedback"), "all"),
        (minimal(text="Look at {groups}."), "{groups}"),
        (minimal(text="Look at {"), "review.training.all"),
        (minimal().replace("Now,", "{y} now"), "{y}"),
        (minimal().replace('["Sure?"]', "[]"), "review.held_out.all"),
        (minimal().replace('all = ["Sure?"]', ""), "review.held_out.all"),
        (minimal().replace('openings = ["Now,"]', ""), "openings"),
        ('openings = ["Now,"]\n[review.training]\nall = ["Look."]', "review.held_out"),
        ('openings = ["Now,"]\nreview = 1', "review"),
        ("openings = [", "TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, named: str) -> None:
    with pytest.raises(DataError, match=r"^mine\.toml: ") as error:
        read_phrasebook(text, "mine.toml")
    assert named in str(error.value)


def test_a_correct_phrasebook_is_read() -> None:
    assert read_phrasebook(minimal(), "mine.toml").tables["review"]["all"].training == ("Look again.",)
