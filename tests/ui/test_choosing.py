"""Choosing: what is left as it was changes nothing, and what is new empties the dialogue."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr
import pytest
from catalogues import FIRST, HUB, LIMIT, MANY, offering
from scripted import ScriptedEngine
from served import MODEL, make_context

from moralsc.errors import InputError
from moralsc.experiment.probe import MAX_TURNS, Manner, new_probe
from moralsc.models import find
from moralsc.prompts import default_prompts
from moralsc.ui import link as links
from moralsc.ui import texts, updates, views
from moralsc.ui.choosing import Choosing, manner_of
from moralsc.ui.parts import build_header, build_parts

REQUEST: Any = SimpleNamespace(session_hash="visitor")
KEY = "winogender:bundled"
MANNER = ("follow-up", "primed", 0, 0, False, "template", "", "model")


class NoParameters(dict[str, str]):
    """The parameters of an address without any."""

    def getlist(self, key: str) -> list[str]:
        return []


@pytest.fixture(scope="module")
def choosing() -> Choosing:
    with gr.Blocks():
        parts = build_parts(build_header(views.header([])), default_prompts())
    return Choosing(make_context(ScriptedEngine()), parts)


def test_leaving_a_chooser_as_it_was_changes_nothing(choosing: Choosing) -> None:
    item = choosing.context.shelf.example(KEY)
    assert item is not None
    assert choosing.choose_model(MODEL, MODEL, item, REQUEST) == {}
    assert choosing.choose_size(find(MODEL).series, MODEL, item, REQUEST) == {}
    assert choosing.choose_shelf(KEY, KEY, MODEL, REQUEST) == {}
    assert choosing.choose_category(KEY, item.category, item, MODEL, REQUEST) == {}
    assert choosing.choose_item(KEY, item.id, item, MODEL, REQUEST) == {}


def test_choosing_something_else_empties_the_dialogue(choosing: Choosing) -> None:
    parts, item = choosing.parts, choosing.context.shelf.example(KEY)
    assert item is not None
    for changed in (
        choosing.choose_model(MODEL, "another", item, REQUEST),
        choosing.choose_shelf("bbq:bundled", KEY, MODEL, REQUEST),
        choosing.choose_category(KEY, "participant", item, MODEL, REQUEST),
        choosing.choose_item(KEY, "b-nurse.sailor.1", item, MODEL, REQUEST),
    ):
        assert changed[parts.state_probe] is None
        assert changed[parts.dialogue] == {"empty": True, "barred": False}


def test_a_search_that_finds_nothing_keeps_the_item_and_says_so(choosing: Choosing) -> None:
    item = choosing.context.shelf.example(KEY)
    assert item is not None
    kept = choosing.choose_item(KEY, "zzz", item, MODEL, REQUEST)
    assert kept[choosing.parts.item]["value"] == item.id
    assert "no such item" in kept[choosing.parts.status]["text"]
    assert choosing.parts.state_item not in kept


def test_the_preview_says_why_a_correction_cannot_be_applied_yet(choosing: Choosing) -> None:
    item = choosing.context.shelf.example(KEY)
    shown = choosing.preview("specificity-0", item, None, MODEL, "", *MANNER)
    assert shown["text"]
    assert "Press Ask first" in shown["hint"]
    full: Any = SimpleNamespace(asked=True, turns=MAX_TURNS)
    assert str(MAX_TURNS) in texts.not_yet(full)
    assert texts.not_yet(SimpleNamespace(asked=True, turns=1)) == ""  # type: ignore[arg-type]


# The two axes of the models


def test_another_size_keeps_the_stage_where_it_exists_and_another_stage_the_size(choosing: Choosing) -> None:
    parts, item = choosing.parts, choosing.context.shelf.example(KEY)
    with offering(MANY):
        moved = choosing.choose_size("Mini L", "mini-s-aligned", item, REQUEST)
        assert moved[parts.state_model] == moved[parts.model]["value"] == "mini-l-aligned"
        assert moved[parts.size]["value"] == "Mini L"
        assert moved[parts.model]["visible"]
        assert [title for title, _ in moved[parts.model]["choices"]] == ["base", "instruct", "aligned"]
        assert moved[parts.dialogue]["empty"]
        alone = choosing.choose_size("Solo 135M", "mini-l-aligned", item, REQUEST)
        assert alone[parts.state_model] == HUB.name
        assert not alone[parts.model]["visible"]
        back = choosing.choose_size("Mini M", HUB.name, item, REQUEST)
        assert back[parts.state_model] == "mini-m-instruct"
        staged = choosing.choose_model("mini-m-base", "mini-m-instruct", item, REQUEST)
        assert (staged[parts.size]["value"], staged[parts.state_model]) == ("Mini M", "mini-m-base")


@pytest.mark.parametrize("key", [None, "", "Mini", "mini-s-base"])
def test_a_size_that_is_none_is_named(choosing: Choosing, key: Any) -> None:
    with offering(MANY), pytest.raises(InputError, match="There is no size"):
        choosing.choose_size(key, FIRST.name, None, REQUEST)


def test_with_one_model_there_is_no_stage_to_choose(choosing: Choosing) -> None:
    with offering({FIRST.name: FIRST}):
        request: Any = SimpleNamespace(session_hash="one", query_params=NoParameters())
        shown = choosing.restore(request)
    assert shown[choosing.parts.size]["choices"] == [("Mini S · 0.35M · instruct · practice model", "Mini S")]
    assert not shown[choosing.parts.model]["visible"]
    assert shown[choosing.parts.state_model] == FIRST.name


def test_what_a_model_cannot_be_asked_is_said_and_not_offered(choosing: Choosing) -> None:
    p = choosing.parts
    with offering(MANY):
        barred = choosing.choose_shelf("bbq:bundled", KEY, "mini-l-base", REQUEST)
        own = choosing.choose_shelf("own", KEY, "mini-l-base", REQUEST)
        free = choosing.choose_shelf(KEY, "bbq:bundled", "mini-l-base", REQUEST)
        item = barred[p.state_item]
        other = choosing.choose_model("mini-l-instruct", "mini-l-base", item, REQUEST)
    assert barred[p.limit]["text"] == f"Mini L · base is asked items of Winogender only. {LIMIT}"
    assert barred[p.state_item] is not None
    assert own[p.limit]["text"] == barred[p.limit]["text"]
    assert own[p.status]["text"] == ""
    for shown in (free, other):
        assert shown[p.limit]["text"] == ""
    for part in (p.ask, p.climb):
        assert not barred[part]["interactive"]
        assert free[part]["interactive"]
        assert other[part]["interactive"]
    for part in (p.ethical, p.unethical, p.more):
        assert barred[part]["choices"] == []
        assert free[part]["choices"] != []
        assert other[part]["choices"] != []


def test_the_card_is_read_for_the_model_that_is_chosen(choosing: Choosing) -> None:
    with offering(MANY):
        assert "## Planted" in choosing.card("mini-s-base")[choosing.parts.card]
        assert "is missing" in choosing.card("mini-l-aligned")[choosing.parts.card]
        assert "somebody/solo" in choosing.card(HUB.name)[choosing.parts.card]


# How it is asked


@pytest.mark.parametrize("manner", [Manner(), Manner(system=""), Manner(system="Be brief.", prefill="quoted", seed=3)])
def test_the_controls_show_what_a_link_says_and_are_read_as_they_show(choosing: Choosing, manner: Manner) -> None:
    probe = new_probe(MODEL, choosing.context.shelf.example(KEY), manner, default_prompts())
    params = NoParameters(parse_qsl(links.query(probe, KEY, "", default_prompts()), keep_blank_values=True))
    request: Any = SimpleNamespace(session_hash="one", query_params=params)
    shown = choosing.restore(request)
    values = [shown[part] for part in choosing.parts.manner]
    assert manner_of(*(v.get("value") if isinstance(v, dict) else v for v in values)) == manner
    assert shown[choosing.parts.system]["visible"] == bool(manner.system)


def test_a_text_that_is_not_written_yet_leaves_the_system_message_to_the_template() -> None:
    for text in (None, "", " \n"):
        assert manner_of("follow-up", "primed", 0, 0, False, "text", text, "model").system is None
    assert manner_of("follow-up", "primed", 0, 0, False, "none", "Be brief.", "model").system == ""


def test_the_page_shows_the_chat_templates_own_system_message_once_the_model_is_loaded() -> None:
    class Saying(ScriptedEngine):
        own_system = "You are ${a helper}."

    with gr.Blocks():
        parts = build_parts(build_header(views.header([])), default_prompts())
    context = make_context(Saying())
    assert updates.model_line(parts, context, MODEL)[parts.system_line]["text"] == texts.SYSTEM_UNKNOWN
    context.engines.get(MODEL)
    shown = updates.model_line(parts, context, MODEL)[parts.system_line]["text"]
    assert shown == "The chat template's system message: You are \\${a helper}."
