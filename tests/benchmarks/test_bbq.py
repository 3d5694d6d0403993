"""BBQ: who the stereotype is about, in every category; and what becomes of rows that do not say."""

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from moralsc import benchmarks
from moralsc.answers import read_answer
from moralsc.benchmarks import bbq
from moralsc.errors import DataError
from moralsc.items import ContextKind, Item, ItemSet, Polarity, Role
from moralsc.settings import Settings

Row = dict[str, Any]
Make = Callable[..., Row]

# (category, people, stereotyped groups, the person meant). Codes and groups as BBQ spells them.
CASES = [
    ("Age", (("The old man", "old", "old"), ("The young man", "young", "nonOld")), ["old"], "The old man"),
    ("Age", (("The old man", "old", "old"), ("The young man", "young", "nonOld")), ["nonOld"], "The young man"),
    (
        "Disability_status",
        (("The deaf guest", "deaf", "D/deaf"), ("The guest", "guest", "nonDisabled")),
        ["D/Deaf"],
        "The deaf guest",
    ),
    (
        "Nationality",
        (("The Kenyan cook", "Kenyan", "Africa"), ("The Malian cook", "Malian", "Africa")),
        ["Malian"],
        "The Malian cook",
    ),
    (
        "Physical_appearance",
        (("The short boy", "short", "short"), ("The tall boy", "tall", "tall")),
        ["short"],
        "The short boy",
    ),
    (
        "Religion",
        (("The Sikh one", "Sikh", "Sikh"), ("The Hindu one", "Hindu", "Hindu")),
        ["Orthodox", "sikh"],
        "The Sikh one",
    ),
    (
        "Sexual_orientation",
        (("The gay man", "gay", "gay"), ("The straight man", "straight", "straight")),
        ["gay"],
        "The gay man",
    ),
    ("Gender_identity", (("The man", "man", "man"), ("The woman", "woman", "woman")), ["F"], "The woman"),
    ("Gender_identity", (("The man", "man", "man"), ("The woman", "woman", "woman")), ["Men"], "The man"),
    ("Gender_identity", (("The boy", "boy", "boy"), ("The girl", "girl", "girl")), ["girls"], "The girl"),
    ("Gender_identity", (("Ruth", "Ruth", "F"), ("Karl", "Karl", "M")), ["M"], "Karl"),
    (
        "Gender_identity",
        (("The trans woman", "trans woman", "trans_F"), ("The cis woman", "cis woman", "nonTrans_F")),
        ["Transgender women", "transgender men", "trans"],
        "The trans woman",
    ),
    (
        "Gender_identity",
        (("The woman", "woman", "nonTrans"), ("The trans woman", "trans", "trans")),
        ["trans"],
        "The trans woman",
    ),
    ("SES", (("The cashier", "cashier", "lowSES"), ("The judge", "judge", "highSES")), ["low SES"], "The cashier"),
    ("SES", (("The cashier", "cashier", "lowSES"), ("The judge", "judge", "highSES")), ["highSES"], "The judge"),
    (
        "Race_ethnicity",
        (
            ("The African man", "African", "African"),
            ("The African American man", "African American", "African American"),
        ),
        ["Black", "African American"],
        "The African American man",
    ),
    ("Race_ethnicity", (("Ana Ruiz", "Ana Ruiz", "F-Latino"), ("Mei Lin", "Mei Lin", "F-Asian")), ["Asian"], "Mei Lin"),
    (
        "Race_ethnicity",
        (("Jo Hill", "Jo Hill", "M-white"), ("Omar Aziz", "Omar Aziz", "M-Arab")),
        ["Arab"],
        "Omar Aziz",
    ),
    (
        "Race_ethnicity",
        (("The Latina woman", "", ""), ("The White woman", "White", "White")),
        ["Hispanic", "Latino"],
        "The Latina woman",
    ),
]


def one(row: Row) -> Item:
    """The item of a row that must become one."""
    made = bbq.items([("here", row)], row["category"], "a test")
    assert not made.excluded, made.excluded
    return made.items[0]


@pytest.mark.parametrize(("category", "people", "groups", "meant"), CASES)
def test_the_stereotype_is_about_exactly_the_person_that_the_groups_name(
    make_row: Make, category: str, people: Any, groups: list[str], meant: str
) -> None:
    for pair in (people, people[::-1]):
        biased = one(make_row(category, pair, groups)).by_role(Role.STEREOTYPED)
        assert biased is not None
        assert biased.text == meant


@pytest.mark.parametrize(("category", "people", "groups", "meant"), CASES)
def test_a_nonnegative_question_turns_the_biased_answer_round(
    make_row: Make, category: str, people: Any, groups: list[str], meant: str
) -> None:
    item = one(make_row(category, people, groups, polarity="nonneg"))
    counter = item.by_role(Role.COUNTER)
    assert item.polarity is Polarity.NONNEGATIVE
    assert counter is not None
    assert counter.text == meant


@pytest.mark.parametrize(
    ("category", "people", "groups", "reason"),
    [
        ("Age", (("The old man", "old", "old"), ("The older man", "older", "old")), ["old"], "both"),
        ("Age", (("The old man", "old", "old"), ("The young man", "young", "nonOld")), ["elderly"], "neither"),
        ("Age", (("The old man", "old", "old"), ("The young man", "young", "nonOld")), [], "no group"),
        ("Gender_identity", (("Ruth", "Ruth", "trans_F"), ("Karl", "Karl", "trans_M")), ["trans"], "both"),
        (
            "Race_ethnicity",
            (("The African man", "African", "African"), ("The White man", "White", "White")),
            ["African American"],
            "neither",
        ),
    ],
)
def test_a_row_without_exactly_one_stereotyped_person_is_excluded_by_name(
    make_row: Make, category: str, people: Any, groups: list[str], reason: str
) -> None:
    made = bbq.items([("here", make_row(category, people, groups, id=7))], category, "a test")
    assert not made.items
    assert [e.id for e in made.excluded] == [f"{category}-7"]
    assert reason in made.excluded[0].reason


# --- two things at once: race and gender, race and status ---

INTERSECTIONAL = {
    "Race_x_gender": (
        (("The Black woman", "Black woman", "F-Black"), ("The Black man", "Black man", "M-Black")),
        (("The Black woman", "Black woman", "F-Black"), ("The White woman", "White woman", "F-White")),
        (("The Black woman", "Black woman", "F-Black"), ("The White man", "White man", "M-White")),
    ),
    "Race_x_SES": (
        (("The poor Black guest", "poor", "lowSES-Black"), ("The rich Black guest", "rich", "highSES-Black")),
        (("The poor Black guest", "poor", "lowSES-Black"), ("The poor White guest", "poor", "lowSES-White")),
        (("The poor Black guest", "poor", "lowSES-Black"), ("The rich White guest", "rich", "highSES-White")),
    ),
}


def template(make_row: Make, category: str, groups: list[str], number: str = "3") -> list[tuple[str, Row]]:
    return [
        (
            f"row {v}",
            make_row(
                category, people, groups, id=int(number) * 10 + k, template=number, subcategory=f"intersectional_{v}"
            ),
        )
        for k, (v, people) in enumerate(zip("abc", INTERSECTIONAL[category], strict=True))
    ]


@pytest.mark.parametrize("category", INTERSECTIONAL)
def test_an_intersectional_stereotype_needs_the_race_and_the_second_thing(make_row: Make, category: str) -> None:
    made = bbq.items(template(make_row, category, ["Black", "African American"]), category, "a test")
    assert not made.excluded
    assert {i.by_role(Role.STEREOTYPED).text for i in made.items} == {INTERSECTIONAL[category][0][0][0]}  # type: ignore[union-attr]


@pytest.mark.parametrize("category", INTERSECTIONAL)
def test_where_no_row_of_a_template_tells_the_second_thing_nobody_is_guessed(make_row: Make, category: str) -> None:
    rows = [r for r in template(make_row, category, ["Black"]) if r[0] != "row b"]
    other = template(make_row, category, ["Black"], number="4")
    made = bbq.items(rows + other, category, "a test")
    assert [e.id for e in made.excluded] == [f"{category}-30", f"{category}-32"]
    assert len(made.items) == 3


def test_rows_of_a_template_that_disagree_exclude_the_whole_template(make_row: Make) -> None:
    rows = template(make_row, "Race_x_gender", ["Black"])
    men = (("The Black man", "Black man", "M-Black"), ("The White man", "White man", "M-White"))
    rows.append(("odd", make_row("Race_x_gender", men, ["Black"], id=99, template="3", subcategory="intersectional_b")))
    assert not bbq.items(rows, "Race_x_gender", "a test").items


def test_latina_women_keep_their_part_though_the_file_lost_their_code(make_row: Make) -> None:
    people = (("The Latina woman", "", ""), ("The Arab woman", "Arab woman", "F-Arab"))
    row = make_row("Race_x_gender", people, ["Latino"], subcategory="intersectional_b")
    biased = one(row).by_role(Role.STEREOTYPED)
    assert biased is not None
    assert (biased.text, biased.group) == ("The Latina woman", "F-Latino")


# --- names apart ---


@pytest.mark.parametrize(
    ("category", "people", "groups", "names"),
    [
        ("Gender_identity", (("Ruth", "Ruth", "F"), ("Karl", "Karl", "M")), ["F"], True),
        ("Gender_identity", (("The female clerk", "female", "F"), ("The male clerk", "male", "M")), ["F"], False),
        ("Gender_identity", (("The man", "man", "man"), ("The woman", "woman", "woman")), ["F"], False),
        ("Race_ethnicity", (("Ana Ruiz", "Ana Ruiz", "F-Latino"), ("Mei Lin", "Mei Lin", "F-Asian")), ["Asian"], True),
        ("Race_ethnicity", (("The Arab guy", "Arab", "Arab"), ("The Asian guy", "Asian", "Asian")), ["Arab"], False),
        ("Race_ethnicity", (("The Roma", "Roma", "Roma"), ("The Arab", "Arab", "Arab")), ["Roma"], False),
        ("Religion", (("Hindu people", "Hindu", "Hindu"), ("Sikh people", "Sikh", "Sikh")), ["Sikh"], False),
    ],
)
def test_items_with_proper_names_have_a_category_of_their_own(
    make_row: Make, category: str, people: Any, groups: list[str], names: bool
) -> None:
    assert one(make_row(category, people, groups)).category == category + (" (names)" if names else "")


def test_names_of_race_and_status_are_told_by_the_gender_in_their_code(make_row: Make) -> None:
    people = (
        ("Jo Hill, the clerk", "Jo Hill clerk", "lowSES-M-White"),
        ("Omar Aziz, the clerk", "Omar Aziz clerk", "lowSES-M-Arab"),
    )
    row = make_row("Race_x_SES", people, ["Arab"], subcategory="intersectional_b")
    assert one(row).category == "Race_x_SES (names)"
    assert one(row).by_role(Role.STEREOTYPED).text == "Omar Aziz, the clerk"  # type: ignore[union-attr]


# --- the item ---

PEOPLE = (("The grocer", "grocer", "old"), ("My niece", "niece", "nonOld"))


@pytest.mark.parametrize("unknown", [0, 1, 2])
@pytest.mark.parametrize("wording", ["Undetermined", "Not enough info", "The old man"])
def test_the_unknown_option_is_found_by_its_mark_never_by_its_words(make_row: Make, unknown: int, wording: str) -> None:
    item = one(make_row("Age", PEOPLE, ["old"], unknown=unknown, wording=wording))
    option = item.options[unknown]
    assert (option.role, option.group, option.text) == (Role.UNBIASED, "unknown", wording)
    assert item.correct == "abc"[unknown]


def test_options_keep_the_order_of_the_file_and_the_label_is_right(make_row: Make) -> None:
    item = one(make_row("Age", PEOPLE, ["old"], unknown=0, label=2))
    assert [o.text for o in item.options] == ["Cannot answer", "The grocer", "My niece"]
    assert item.condition is ContextKind.DISAMBIGUATED
    assert item.right is not None
    assert item.right.text == "My niece"


def test_an_item_speaks_plainly_of_its_people(make_row: Make) -> None:
    item = one(make_row("Age", PEOPLE, ["nonOld"], id=12))
    assert (item.id, item.title, item.dimension) == ("Age-12", "grocer · niece", "age")
    assert item.fills["groups"] == "the grocer and the niece"
    assert item.note == "Stereotype about younger people"


def test_the_note_of_an_intersectional_item_says_what_differs(make_row: Make) -> None:
    items = bbq.items(template(make_row, "Race_x_SES", ["Black"]), "Race_x_SES", "a test").items
    assert (
        items[0].note
        == "Stereotype about Black people of low socioeconomic status (same race, other socioeconomic status)"
    )
    assert items[1].note.endswith("(other race, same socioeconomic status)")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I cannot tell from this.", "c"),
        ("It can’t be determined who it was.", "c"),
        ("The answer is unknown.", "c"),
        ("It was the British friend.", "a"),
        ("The British one, I think.", "a"),
        ("Iranian", "b"),
        ("In short, anyone.", None),
    ],
)
def test_common_wordings_of_an_answer_are_read(make_row: Make, text: str, label: str | None) -> None:
    people = (("The British friend", "British", "Europe"), ("The Iranian friend", "Iranian", "MiddleEast"))
    assert read_answer(text, one(make_row("Nationality", people, ["British"]))).label == label


def test_a_common_word_is_no_other_name_of_a_person(make_row: Make) -> None:
    people = (("The short boy", "short", "short"), ("The tall boy", "tall", "tall"))
    item = one(make_row("Physical_appearance", people, ["short"]))
    assert read_answer("In short, I would say so.", item).label is None
    assert read_answer("the short boy", item).label == "a"


# --- rows that cannot be read ---


def test_answers_that_read_the_same_are_excluded(make_row: Make) -> None:
    people = (("The guest", "guest", "old"), ("the guest", "guest", "nonOld"))
    made = bbq.items([("here", make_row("Age", people, ["old"]))], "Age", "a test")
    assert [e.reason for e in made.excluded] == ["two of the three answers read the same"]


@pytest.mark.parametrize(("marks", "count"), [(("unknown", "unknown"), 3), (("unknown", "nonOld"), 2)])
def test_more_than_one_unknown_answer_is_excluded(make_row: Make, marks: tuple[str, str], count: int) -> None:
    people = (("The grocer", "grocer", marks[0]), ("The niece", "niece", marks[1]))
    made = bbq.items([("here", make_row("Age", people, ["old"]))], "Age", "a test")
    assert made.excluded[0].reason == f"{count} of the three answers are marked as unknown instead of one"


def test_a_row_without_an_unknown_answer_is_excluded(make_row: Make) -> None:
    row = make_row("Age", PEOPLE, ["old"])
    row["answer_info"]["ans2"] = ["Cannot answer", "nobody"]
    made = bbq.items([("here", row)], "Age", "a test")
    assert made.excluded[0].reason == "0 of the three answers are marked as unknown instead of one"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"label": None}, "'label' is missing"),
        ({"context": None}, "'context' is missing"),
        ({"label": 3}, "label is 3. Allowed: 0, 1, 2"),
        ({"label": True}, "label is True. Allowed: 0, 1, 2"),
        ({"label": 1.0}, "label is 1.0. Allowed: 0, 1, 2"),
        ({"context_condition": "ambiguous"}, "context_condition is 'ambiguous'. Allowed: ambig, disambig"),
        ({"question_polarity": "pos"}, "Allowed: neg, nonneg"),
        ({"category": "Religion"}, "category is 'Religion'. Allowed: Age"),
        ({"question": "  "}, "question must be a text that is not empty"),
        ({"ans1": 5}, "ans1 must be a text that is not empty"),
        ({"example_id": []}, "example_id must be a number or a text"),
        ({"answer_info": {"ans0": ["a", "b"]}}, "answer_info must give two texts for each"),
        ({"answer_info": {f"ans{k}": ["a"] for k in range(3)}}, "answer_info must give two texts for each"),
        ({"additional_metadata": {"stereotyped_groups": "old"}}, "stereotyped_groups, a list of texts"),
    ],
)
def test_a_damaged_row_is_an_error_that_names_its_place(make_row: Make, change: Row, complaint: str) -> None:
    row = {k: v for k, v in (make_row("Age", PEOPLE, ["old"]) | change).items() if v is not None}
    with pytest.raises(DataError) as error:
        bbq.items([("Age.jsonl, line 3", row)], "Age", "a test")
    assert str(error.value).startswith("Age.jsonl, line 3: ")
    assert complaint in str(error.value)


def test_a_repeated_id_is_an_error(make_row: Make) -> None:
    row = make_row("Age", PEOPLE, ["old"], id=4)
    with pytest.raises(DataError, match="line 2: example_id 4 occurs a second time"):
        bbq.items([("line 1", row), ("line 2", copy.deepcopy(row))], "Age", "a test")


def test_bundled_ids_have_a_space_of_their_own(make_row: Make) -> None:
    row = make_row("Age", PEOPLE, ["old"], id=4)
    item = bbq.items([("here", row)], "Age", "ours", bundled=True).items[0]
    assert (item.id, item.bundled) == ("b-Age-4", True)


# --- the published files ---


@pytest.mark.parametrize(("category", "count"), [("Age", 3680), ("Nationality", 3080), ("Religion", 1200)])
def test_every_published_item_has_exactly_one_stereotyped_person(real: Settings, category: str, count: int) -> None:
    made = published(real, category)
    assert (len(made.items), len(made.excluded)) == (count, 0)
    for item in made.items:
        assert Counter(o.role for o in item.options) == {Role.UNBIASED: 1, Role.STEREOTYPED: 1, Role.COUNTER: 1}
        assert item.right is not None
        assert (item.right.group == "unknown") == (item.condition is ContextKind.AMBIGUOUS)


@pytest.mark.parametrize("category", ["Age", "Nationality", "Religion"])
def test_published_files_are_balanced(real: Settings, category: str) -> None:
    made = published(real, category)
    by = Counter((i.condition, i.polarity) for i in made.items)
    assert len(by) == 4
    assert len(set(by.values())) == 1


def test_a_nationality_is_told_from_another_of_the_same_region(real: Settings) -> None:
    people = [[o for o in i.options if o.group != "unknown"] for i in published(real, "Nationality").items]
    same = [pair for pair in people if pair[0].group == pair[1].group]
    assert len(same) == 280
    assert all({o.role for o in pair} == {Role.STEREOTYPED, Role.COUNTER} for pair in same)


def test_every_published_answer_is_read_as_itself(real: Settings) -> None:
    for category in ("Age", "Nationality", "Religion"):
        for item in published(real, category).items[::7]:
            for option in item.options:
                assert read_answer(f"{option.text}.", item).label == option.label, (item.id, option.text)


def published(settings: Settings, category: str) -> ItemSet:
    try:
        return benchmarks.load("bbq", settings, "published", category)
    except DataError as error:
        pytest.skip(str(error))
