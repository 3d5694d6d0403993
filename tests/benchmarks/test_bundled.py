"""The bundled items: counts, balance, grammar, and that none of them is taken from a published benchmark."""

import csv
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from moralsc.answers import read_answer
from moralsc.benchmarks import admissions, bbq, bundled, winogender
from moralsc.benchmarks.bbq import stereotyped
from moralsc.benchmarks.bundled.templates import read_templates
from moralsc.errors import DataError, InputError
from moralsc.items import ContextKind, Polarity, Role

CATEGORIES = (
    "Age",
    "Disability_status",
    "Gender_identity",
    "Nationality",
    "Physical_appearance",
    "Race_ethnicity",
    "Religion",
    "SES",
    "Sexual_orientation",
)
EXACT = ("Age", "Disability_status", "Nationality", "Physical_appearance", "Religion", "Sexual_orientation")
ANSWERS = ("ans0", "ans1", "ans2")
KEYS = {"example_id", "question_index", "question_polarity", "context_condition", "category", "answer_info"}
KEYS |= {"additional_metadata", "context", "question", "label", *ANSWERS}
METADATA = {"subcategory", "stereotyped_groups", "version", "source"}
OUR_METADATA = {"wording", "attributes"}
PRONOUNS = ("$NOM_PRONOUN", "$POSS_PRONOUN", "$ACC_PRONOUN")
# Verbs that go with he, she and they alike: modals and past tenses.
AGREE_WITH_ALL = re.compile(r"had|could|would|might|should|did|drew|rode|\w+ed")

every_category = pytest.mark.parametrize("category", CATEGORIES)


def raw(category: str) -> list[dict[str, Any]]:
    """The templates as they stand in the file, read without the reader under test."""
    text = resources.files(bundled).joinpath("bbq.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)[category]


def unknown(row: dict[str, Any]) -> list[str]:
    return [answer for answer in ANSWERS if row["answer_info"][answer][1] == "unknown"]


def item_set(category: str) -> Any:
    rows = ((f"row {k}", row) for k, row in enumerate(bundled.bbq_rows(category)))
    return bbq.items(rows, category, bundled.ORIGIN, bundled=True)


# BBQ


def test_the_nine_single_categories_are_there() -> None:
    assert bundled.bbq_categories() == CATEGORIES
    assert set(CATEGORIES) == {c for c in bbq.CATEGORIES if "_x_" not in c}


@every_category
def test_every_pair_is_asked_in_all_twelve_ways(category: str) -> None:
    templates = raw(category)
    assert len(templates) >= 5
    assert all(len(t["pairs"]) >= 2 for t in templates)
    rows = bundled.bbq_rows(category)
    assert [r["example_id"] for r in rows] == list(range(12 * sum(len(t["pairs"]) for t in templates)))
    ways = Counter(
        (r["question_index"], r["additional_metadata"]["version"], r["context_condition"], r["question_polarity"])
        for r in rows
    )
    for number, template in enumerate(templates, start=1):
        for version in "ab":
            for polarity in ("neg", "nonneg"):
                assert ways[str(number), version, "ambig", polarity] == len(template["pairs"])
                assert ways[str(number), version, "disambig", polarity] == 2 * len(template["pairs"])
    assert len({(r["context"], r["question"]) for r in rows}) == len(rows)


@every_category
def test_rows_have_the_keys_of_bbq_and_say_their_wording(category: str) -> None:
    for row in bundled.bbq_rows(category):
        assert set(row) == KEYS
        assert set(row["additional_metadata"]) == METADATA | OUR_METADATA
        assert set(row["answer_info"]) == set(ANSWERS)
        assert all(len(words) == 2 for words in row["answer_info"].values())
        assert row["category"] == category
        assert json.loads(json.dumps(row)) == row


def test_rows_have_the_keys_and_types_of_the_real_file(data_dir: Path) -> None:
    with (data_dir / "bbq" / "Age.jsonl").open(encoding="utf-8") as lines:
        real = json.loads(next(lines))
    for category in CATEGORIES:
        for row in bundled.bbq_rows(category):
            assert {k: type(v) for k, v in row.items()} == {k: type(v) for k, v in real.items()}
            assert set(row["additional_metadata"]) - OUR_METADATA == set(real["additional_metadata"])


@pytest.mark.parametrize("category", EXACT)
def test_exactly_one_person_is_stereotyped_by_exact_match(category: str) -> None:
    for row in bundled.bbq_rows(category):
        groups = {g.casefold() for g in row["additional_metadata"]["stereotyped_groups"]}
        people = [{row[a].casefold(), *(w.casefold() for w in row["answer_info"][a])} for a in ANSWERS]
        assert sum(not groups.isdisjoint(words) for words in people) == 1, row


@every_category
def test_the_first_of_a_pair_is_the_stereotyped_one(category: str) -> None:
    firsts = {
        (str(number), re.sub(r"[\[\]]", "", pair["stereotyped"][0]).split(" ", 1)[1])
        for number, template in enumerate(raw(category), start=1)
        for pair in template["pairs"]
    }
    for row in bundled.bbq_rows(category):
        (person,) = stereotyped(row, "")
        assert (row["question_index"], person.bare) in firsts


@every_category
def test_no_row_is_excluded_and_none_counts_as_names(category: str) -> None:
    made = item_set(category)
    assert made.excluded == ()
    assert made.categories() == (category,)
    assert len(made.items) == len(bundled.bbq_rows(category))
    assert {o.role for i in made.items for o in i.options} == {Role.UNBIASED, Role.STEREOTYPED, Role.COUNTER}


@every_category
def test_the_right_answer_to_an_ambiguous_context_is_unknown(category: str) -> None:
    rows = [r for r in bundled.bbq_rows(category) if r["context_condition"] == "ambig"]
    assert rows
    assert all(unknown(row) == [f"ans{row['label']}"] for row in rows)


@every_category
def test_the_right_answer_to_a_settled_context_is_the_person_it_names(category: str) -> None:
    templates = raw(category)
    rows = [r for r in bundled.bbq_rows(category) if r["context_condition"] == "disambig"]
    assert rows
    for row in rows:
        template = templates[int(row["question_index"]) - 1]
        pattern = re.escape(template["disambiguated"])
        for name in "xy":
            pattern = re.sub(rf"\\{{{name}\\}}", f"(?P<{name}>.+)", pattern, flags=re.IGNORECASE)
        match = re.fullmatch(pattern, row["context"].split(". ", 1)[1])
        assert match, row["context"]
        named = match["x" if row["question_polarity"] == "neg" else "y"]
        right = row[f"ans{row['label']}"]
        assert right[0] == "T"
        assert named[1:] == right[1:]


@every_category
def test_a_settled_context_begins_with_the_ambiguous_one(category: str) -> None:
    rows = bundled.bbq_rows(category)
    ambiguous = [r["context"] for r in rows if r["context_condition"] == "ambig"]
    for row in rows:
        if row["context_condition"] == "disambig":
            assert sum(row["context"].startswith(f"{context} ") for context in set(ambiguous)) == 1


@every_category
def test_gold_answers_are_biased_exactly_half_of_the_time(category: str) -> None:
    """So the zero line of s_DIS is 0: right answers alone show no bias."""
    settled = [i for i in item_set(category).items if i.condition is ContextKind.DISAMBIGUATED]
    for polarity in (Polarity.NEGATIVE, Polarity.NONNEGATIVE):
        roles = Counter(i.right.role for i in settled if i.polarity is polarity)
        assert roles[Role.STEREOTYPED] == roles[Role.COUNTER] > 0


@every_category
def test_no_place_gives_an_answer_away(category: str) -> None:
    """Each role stands in each place equally often, and each person comes first in the context equally often."""
    made = item_set(category).items
    for role in Role:
        places = Counter(next(k for k, o in enumerate(i.options) if o.role is role) for i in made)
        assert len(set(places.values())) == 1
        assert len(places) == 3
    # By the stereotype, not by the role, which turns round with the question.
    first = Counter()
    for row in bundled.bbq_rows(category):
        (person,) = stereotyped(row, "")
        (other,) = {a for a in ANSWERS if a not in unknown(row)} - {f"ans{person.index}"}
        first[row["context"].find(person.bare) < row["context"].find(row[other].removeprefix("The "))] += 1
    assert first[True] == first[False]


def test_the_settling_sentence_names_either_person_first() -> None:
    orders = [
        t["disambiguated"].lower().find("{x}") < t["disambiguated"].lower().find("{y}")
        for c in CATEGORIES
        for t in raw(c)
    ]
    assert 0.4 <= sum(orders) / len(orders) <= 0.6


@every_category
def test_unknown_is_found_by_answer_info_and_worded_in_many_ways(category: str) -> None:
    rows = bundled.bbq_rows(category)
    assert all(len(unknown(row)) == 1 for row in rows)
    assert {row[unknown(row)[0]] for row in rows} == set(bundled.UNKNOWN_WORDINGS)
    assert len(bundled.UNKNOWN_WORDINGS) == 10
    # A person must never read like an unknown option.
    assert not {row[a] for row in rows for a in ANSWERS if a not in unknown(row)} & set(bundled.UNKNOWN_WORDINGS)


@every_category
def test_every_option_is_read_back_as_itself(category: str) -> None:
    for item in item_set(category).items:
        for option in item.options:
            assert read_answer(option.text, item).label == option.label
            assert read_answer(f"It was {option.text[0].lower()}{option.text[1:]}.", item).label == option.label


@every_category
def test_rows_are_the_same_every_time_and_share_no_lists(category: str) -> None:
    rows, again = bundled.bbq_rows(category), bundled.bbq_rows(category)
    assert rows == again
    rows[0]["additional_metadata"]["stereotyped_groups"].append("changed")
    rows[0]["answer_info"]["ans0"][0] = "changed"
    assert again == bundled.bbq_rows(category)
    assert rows[1] == again[1]


@every_category
def test_texts_are_well_formed(category: str) -> None:
    for row in bundled.bbq_rows(category):
        texts = [row["context"], row["question"], *(row[a] for a in ANSWERS)]
        for text in texts:
            assert_well_formed(text)
        assert row["context"].endswith(".")
        assert re.fullmatch(r"(Who|Which couple|Which of the two) .*[^ ]\?", row["question"])
        wording = row["additional_metadata"]["wording"]
        lengths = {1} if row["context_condition"] == "ambig" else {"free": {2}, "plain": {2, 3}}[wording]
        assert len(re.findall(r"[.!?](?: |$)", row["context"])) in lengths


def assert_well_formed(text: str) -> None:
    assert text[0].isupper(), text
    assert not re.search(r"[{}\[\]$_]|\s{2}|^\s|\s$|\s[,.?]", text), text
    assert all(piece[0].isupper() for piece in re.split(r"(?<=[.!?]) ", text)), text
    assert not re.search(r"\b(\w+) \1\b", text.replace("had had", "")), text
    for article, word in re.findall(r"\b(an?) (\S+)", text, re.IGNORECASE):
        vowel = re.match(r"(?!(?:one|uni|use|eu)\w*)[aeiou]|hour|honest|heir|8|11\b|18\b", word, re.IGNORECASE)
        assert article.lower() == ("an" if vowel else "a"), text


def test_an_unknown_category_is_refused_with_a_hint() -> None:
    with pytest.raises(InputError, match="Did you mean 'Religion'"):
        bundled.bbq_rows("Religon")


# Winogender


def test_every_occupation_has_one_template_for_each_answer() -> None:
    templates = bundled.winogender_templates()
    stats = bundled.occupation_stats()
    assert len(stats) == 60
    assert Counter((t["occupation"], t["answer"]) for t in templates) == {(o, a): 1 for o in stats for a in "01"}
    assert all(0 <= percent <= 100 for percent in stats.values())


def test_templates_make_sixty_items_of_each_set() -> None:
    rows = ((f"row {k}", row) for k, row in enumerate(bundled.winogender_templates()))
    made = winogender.items(rows, bundled.occupation_stats(), bundled.ORIGIN, bundled=True)
    assert made.excluded == ()
    assert Counter(i.category for i in made.items) == {"occupation": 60, "participant": 60}
    for item in made.items:
        assert item.context.count(winogender.BLANK) == 1
        assert_well_formed(item.context.replace(winogender.BLANK, "whose"))


def test_every_template_has_each_person_once_and_one_pronoun() -> None:
    occupations = set(bundled.occupation_stats())
    for template in bundled.winogender_templates():
        sentence = template["sentence"]
        assert sentence.count("$") == 3
        assert all(f"he ${word}" in sentence for word in ("OCCUPATION", "PARTICIPANT"))
        assert sum(sentence.count(pronoun) for pronoun in PRONOUNS) == 1
        assert sentence.endswith(".")
        assert template["participant"] not in occupations
    sentences = {t["sentence"] for t in bundled.winogender_templates()}
    assert len(sentences) == 120


def test_all_three_cases_are_common() -> None:
    cases = Counter(p for t in bundled.winogender_templates() for p in PRONOUNS if p in t["sentence"])
    assert min(cases[p] for p in PRONOUNS) >= 15


def test_nothing_around_a_blank_tells_the_number_of_the_pronoun() -> None:
    for template in bundled.winogender_templates():
        sentence = template["sentence"]
        for verb in re.findall(r"\$NOM_PRONOUN (\w+)", sentence):
            assert AGREE_WITH_ALL.fullmatch(verb), sentence
        # No other pronoun either, which the blank could be matched with.
        assert not re.search(r"\b(he|she|they|him|hers?|them|his|theirs?|\w+sel(f|ves))\b", sentence), sentence


def test_statistics_are_those_of_the_real_table(data_dir: Path) -> None:
    with (data_dir / "winogender" / "occupations-stats.tsv").open(encoding="utf-8") as lines:
        real = list(csv.DictReader(lines, delimiter="\t"))
    assert bundled.occupation_stats() == {row["occupation"]: float(row["bls_pct_female"]) for row in real}


# Admissions


def test_applicants_form_a_full_grid_within_range() -> None:
    rows = bundled.admissions_rows()
    assert set(rows[0]) == {"index", *admissions.COLUMNS}
    assert len({(r["sex"], r["LSAT"], r["UGPA"]) for r in rows}) == len(rows) == 2 * 6 * 5
    made = admissions.items(((f"row {k}", row) for k, row in enumerate(rows)), bundled.ORIGIN, bundled=True)
    assert made.excluded == ()
    assert len(made.items) == 60


# Own words


def normalised(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", " ", text.casefold()).split())


def own_texts() -> set[str]:
    rows = [row for category in CATEGORIES for row in bundled.bbq_rows(category)]
    texts = {row[key] for row in rows for key in ("context", "question")}
    texts |= {piece for text in texts for piece in re.split(r"(?<=[.?]) ", text)}
    for template in bundled.winogender_templates():
        sentence = template["sentence"]
        texts.add(sentence)
        filled = sentence.replace("$OCCUPATION", template["occupation"]).replace(
            "$PARTICIPANT", template["participant"]
        )
        texts |= {
            filled.replace(slot, p)
            for slot in PRONOUNS
            for p in ("he", "she", "they", "his", "her", "their", "him", "them")
        }
    return {normalised(text) for text in texts}


def real_texts(data_dir: Path) -> set[str]:
    texts: set[str] = set()
    for file in (data_dir / "bbq").glob("*.jsonl"):
        with file.open(encoding="utf-8") as lines:
            texts |= {row[key] for row in map(json.loads, lines) for key in ("context", "question")}
    for file in (data_dir / "winogender").glob("*.tsv"):
        with file.open(encoding="utf-8") as lines:
            texts |= {row["sentence"] for row in csv.DictReader(lines, delimiter="\t") if "sentence" in row}
    texts |= {piece for text in texts for piece in re.split(r"(?<=[.?!]) ", text)}
    return {normalised(text) for text in texts}


def runs(texts: Iterable[str], length: int) -> set[tuple[str, ...]]:
    found = set()
    for text in texts:
        words = text.split()
        found |= {tuple(words[k : k + length]) for k in range(len(words) - length + 1)}
    return found


def test_no_text_is_one_of_a_published_benchmark(data_dir: Path) -> None:
    real = real_texts(data_dir)
    assert len(real) > 1000
    assert not own_texts() & real


def test_no_text_shares_eight_words_in_a_row_with_a_published_benchmark(data_dir: Path) -> None:
    """Up to seven occur: "a Muslim man and a Christian man"."""
    assert not runs(own_texts(), 8) & runs(real_texts(data_dir), 8)


# Mistakes in the files

GOOD = """
[[Age]]
stereotyped_groups = ["old"]
source = "A note."
context = "There were {first} and {second}."
disambiguated = "{X} fell and {y} ran."
negative = "Who fell?"
nonnegative = "Who ran?"
pairs = [{ stereotyped = ["an [old] man", "old"], other = ["a young man", "nonOld"] }]
"""


def test_brackets_mark_the_name_and_vanish_from_the_texts() -> None:
    ((man, other),) = read_templates(GOOD, "own.toml")["Age"][0].pairs
    assert (man.first, man.again, man.name, man.group) == ("an old man", "the old man", "old", "old")
    assert (other.first, other.again, other.name, other.group) == (
        "a young man",
        "the young man",
        "young man",
        "nonOld",
    )


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("[[Age]]", "[[Age", "not a TOML file"),
        ("[[Age]]", "[Age]", "Age must be a list of tables"),
        ('source = "A note."', "", "Age, template 1: missing key 'source'"),
        ("source =", "sauce = 1\nsource =", "Age, template 1: unknown key 'sauce'"),
        ('"A note."', '" "', "Age, template 1, source: must be a text"),
        ('"A note."', "3", "Age, template 1, source: must be a text"),
        ("{first} and", "{third} and", "Age, template 1, context: the placeholders are {second}, {third}"),
        ("{first} and", "{FIRST} and", "Age, template 1, context: the placeholders are {FIRST}, {second}"),
        ("There were {first}", "There were {first", "Age, template 1, context"),
        (
            "{X} fell",
            "It fell",
            "Age, template 1, disambiguated: the placeholders are {y}. Needed: {x} and {y} once each",
        ),
        ("{y} ran", "{y} and {x} ran", "Age, template 1, disambiguated"),
        ("Who fell?", "Who fell, {x}?", "Age, template 1, negative: the placeholders are {x}. Needed: none"),
        ('["old"]', "[]", "Age, template 1, stereotyped_groups: must be a list"),
        ("an [old] man", "[old] man", "Age, template 1, pair 1, stereotyped: '[old] man' must begin with a or an"),
        ("an [old] man", "an [old man", "Age, template 1, pair 1, stereotyped"),
        (', "nonOld"]', "]", "Age, template 1, pair 1, other: must be a phrase and a group code"),
        ("other =", "another =", "Age, template 1, pair 1: missing key 'other'"),
        ("source =", 'wording = "plane"\nsource =', "template 1, wording: is 'plane'. Allowed: free, plain."),
        ("source =", "wording = []\nsource =", "template 1, wording: is []. Allowed: free, plain."),
        ("source =", 'wording = "plain"\nsource =', "template 1, attributes: missing. Allowed: known, held-out."),
        (
            "source =",
            'wording = "plain"\nattributes = "new"\nsource =',
            "template 1, attributes: is 'new'. Allowed: known, held-out.",
        ),
        ("source =", 'attributes = "known"\nsource =', "template 1, attributes: is 'known'. Only a plain template"),
    ],
)
def test_a_mistake_in_the_templates_is_named_with_file_and_key(old: str, new: str, named: str) -> None:
    assert GOOD.count(old) == 1 or old == '["old"]'
    with pytest.raises(DataError) as error:
        read_templates(GOOD.replace(old, new, 1), "own.toml")
    assert str(error.value).startswith("own.toml: ")
    assert named in str(error.value)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("occupation\tbls_pct_female\n", "occupations-stats.tsv, line 1: the columns are occupation, bls_pct_female"),
        (
            "occupation\tbergsma_pct_female\tbls_pct_female\tbls_year\nnurse\t1\t2\n",
            "occupations-stats.tsv, line 2: needs 4",
        ),
        (
            "occupation\tbergsma_pct_female\tbls_pct_female\tbls_year\nnurse\t1\tmany\t2015\n",
            "line 2: bls_pct_female is 'many'",
        ),
    ],
)
def test_a_mistake_in_a_table_is_named_with_file_and_line(
    monkeypatch: pytest.MonkeyPatch, content: str, named: str
) -> None:
    monkeypatch.setattr(bundled, "_text", lambda file: content)
    with pytest.raises(DataError) as error:
        bundled.occupation_stats()
    assert named in str(error.value)
