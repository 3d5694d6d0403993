"""Prefills: named openings of an answer, which no prompt set and no model changes unasked."""

from dataclasses import replace
from pathlib import Path

import pytest
from hand_made import ITEMS

from moralsc.answers import ScoredBy
from moralsc.dialogue import Form, baseline, correct
from moralsc.errors import InputError, ModelError, PromptError
from moralsc.experiment import turns
from moralsc.experiment.probe import MAX_TEXT, Manner
from moralsc.models import catalogue, read_catalogue
from moralsc.prompts import default_prompts, load_prompts
from moralsc.prompts.prefills import OWN, names, prefills, read_prefills

PROMPTS = default_prompts()
SET_FILE = Path(__file__).parents[1] / "moralsc" / "prompts" / "default.toml"


def test_the_prompt_sets_own_opening_stays_available_by_its_name() -> None:
    assert names()[0] == OWN
    for way, text in ((ScoredBy.TEXT, "Answer:"), (ScoredBy.LABEL, "Answer: (")):
        assert PROMPTS.opening(way) == PROMPTS.opening(way, OWN)
        assert (PROMPTS.opening(way).text, PROMPTS.opening(way).close) == (text, "")


@pytest.mark.parametrize("name", list(prefills()))
def test_every_opening_leaves_room_for_the_option_and_for_nothing_else(name: str) -> None:
    label, text = PROMPTS.opening(ScoredBy.LABEL, name), PROMPTS.opening(ScoredBy.TEXT, name)
    assert label.text.endswith("(")
    assert label.close == ""
    assert text.text == text.text.rstrip()
    # What closes the words was opened, and opened last.
    assert not text.close or text.text.endswith(text.close)


def test_an_answer_ends_with_the_mark_that_its_opening_asks_for_and_a_thought_does_not() -> None:
    item = ITEMS["winogender"]
    cot = correct(item, PROMPTS.correction("cot"), PROMPTS, ScoredBy.TEXT, prefill="quoted")
    assert [turns.sampling(cot, k, 0.0, 0).until for k in (0, 1)] == ["", '"']
    for form, prefill, way in ((Form.FREE, "quoted", ScoredBy.TEXT), (Form.PRIMED, OWN, ScoredBy.TEXT)):
        assert turns.sampling(baseline(item, PROMPTS, way, form, prefill), 0, 0.0, 0).until == ""


def test_openings_are_all_different() -> None:
    for way in ScoredBy:
        texts = [PROMPTS.opening(way, name).text for name in names() if (way, name) != (ScoredBy.LABEL, "quoted")]
        assert len(set(texts)) == len(texts)


def test_an_unknown_prefill_is_named_with_those_that_there_are() -> None:
    for ask in (lambda: Manner(prefill="choise"), lambda: PROMPTS.opening(ScoredBy.TEXT, "choise")):
        with pytest.raises(InputError, match="prefill 'choise'. Did you mean 'choice'"):
            ask()


def test_a_person_decides_before_the_model_and_the_model_before_the_set() -> None:
    assert PROMPTS.prefill("quoted", "choice") == "quoted"
    assert PROMPTS.prefill("", "choice") == "choice"
    assert PROMPTS.prefill("", "") == OWN
    assert PROMPTS.prefill(OWN, "choice") == OWN


def test_a_prompt_set_of_ones_own_is_sent_as_it_is_written(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_bytes(SET_FILE.read_bytes())
    prompts = load_prompts(mine)
    assert (prompts.prefill("", "choice"), prompts.prefill("choice", "")) == (OWN, "choice")
    assert replace(prompts, ours=True).hash == PROMPTS.hash


def test_a_family_has_one_prefill_so_that_its_sizes_can_be_compared() -> None:
    families: dict[str, set[str]] = {}
    for spec in catalogue().values():
        families.setdefault(spec.family, set()).add(spec.prefill)
    assert {family for family, found in families.items() if len(found) > 1} == set()
    assert families["SmolLM2"] == {"choice"}
    assert families["Mini"] == {""}


def test_a_catalogue_names_no_prefill_that_there_is_not() -> None:
    text = (Path(__file__).parents[1] / "moralsc" / "models" / "catalogue.toml").read_text(encoding="utf-8")
    with pytest.raises(ModelError, match="prefill is 'chosen'. Allowed: quoted"):
        read_catalogue(text.replace('prefill = "choice"', 'prefill = "chosen"', 1))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[a]\nlabel = '('", "missing key 'text'"),
        ("[a]\nlabel = '('\ntext = ''", "a.text: must be a text"),
        ("[a]\nlabel = '('\ntext = 'A'\nend = '.'", "unknown key 'end'"),
        ("[set]\nlabel = '('\ntext = 'A'", "the prompt set's own"),
    ],
)
def test_a_mistake_in_the_file_is_named(content: str, problem: str) -> None:
    with pytest.raises(PromptError, match=problem):
        read_prefills(content, "prefills.toml")


@pytest.mark.parametrize("system", [" ", "\n\t", "a\0b", "x" * (MAX_TEXT + 1)])
def test_a_system_message_is_a_text_of_bounded_length(system: str) -> None:
    with pytest.raises(InputError, match="The system message"):
        Manner(system=system)
    assert Manner(system="").system == ""
    assert Manner(system="x" * MAX_TEXT).system
