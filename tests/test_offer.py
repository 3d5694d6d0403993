"""Which models a page offers: a setting, the same for its choosers, its links, its API and its runs."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from catalogues import HUB, MANY, offering
from gradio_client import Client
from scripted import ScriptedEngine
from served import MODEL, make_context, serving

from moralsc.engines.fit import BYTES
from moralsc.engines.pool import pool_for
from moralsc.errors import InputError
from moralsc.models import Quantisation, catalogue
from moralsc.models.offer import find_offered, first, instead_of, offered
from moralsc.prompts import default_prompts
from moralsc.settings import Settings
from moralsc.ui import texts, views
from moralsc.ui.choosing import Choosing
from moralsc.ui.parts import build_header, build_parts
from moralsc.ui.run_choices import NO_GPU, check_runnable, missing, runnable

ZERO_GPU_MOST = 40 * 2**30
"""Bytes: with more on the GPU, ZeroGPU takes a larger one, which costs visitors twice as much."""
BUNDLED = [name for name, spec in catalogue().items() if spec.bundled]
OFFERED, OTHER = "gpt2", "gpt2-medium"
FEW = Settings(Path("/nowhere"), models=(OFFERED,))
SPACE = Settings.from_env({"SPACE_ID": "a/b"})
KEY, ITEM = "winogender:bundled", "b-nurse.sailor.0"


@pytest.fixture(autouse=True)
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is installed, whatever is."""
    monkeypatch.setattr("moralsc.models.offer.installed", lambda spec: False)


def choosing(**settings: object) -> Choosing:
    with gr.Blocks():
        parts = build_parts(build_header(views.header([])), default_prompts())
    return Choosing(make_context(ScriptedEngine(), **settings), parts)


def arriving(**params: str) -> Any:
    class Parameters(dict[str, str]):
        def getlist(self, key: str) -> list[str]:
            return []

    return SimpleNamespace(session_hash="visitor", query_params=Parameters(params))


# The setting


def test_a_page_of_ones_own_offers_the_whole_catalogue() -> None:
    assert Settings.from_env({}).models == ()
    assert offered(Settings.from_env({})) == catalogue()
    space = offered(Settings.from_env({"SPACE_ID": "a/b", "MORALSC_MODELS": "all"}))
    assert space == {name: spec for name, spec in catalogue().items() if not spec.package}


def test_the_bundled_models_and_those_of_the_setting_are_offered() -> None:
    settings = Settings.from_env({"MORALSC_MODELS": f" {OFFERED}, qwen3-0.6b ,"})
    assert list(offered(settings)) == [*BUNDLED, OFFERED, "qwen3-0.6b"]


def test_a_model_that_the_catalogue_lacks_is_named_at_the_start() -> None:
    with pytest.raises(InputError, match="'gtp2'.*Did you mean 'gpt2'.*MORALSC_MODELS"):
        pool_for(Settings.from_env({"MORALSC_MODELS": "gtp2"}))


# Order, what the page opens with, and what stands in for another model

PACKAGED = replace(HUB, name="packaged", family="Packaged", repo="", revision="", package="some-weights==1.0")
BEHIND = "openai:http://host#x"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Names of the packages' models that are installed; the catalogue holds PACKAGED last."""
    names = {PACKAGED.name}
    monkeypatch.setattr("moralsc.models.offer.installed", lambda spec: spec.name in names)
    with offering({**MANY, OFFERED: catalogue()[OFFERED], PACKAGED.name: PACKAGED}):
        yield names


MINIS = [name for name, spec in MANY.items() if spec.bundled]
MINE = Settings(Path("/nowhere"))


def test_what_is_installed_opens_the_page_and_practice_models_come_before_downloads(here: set[str]) -> None:
    assert list(offered(MINE)) == [PACKAGED.name, *MINIS, HUB.name, OFFERED]
    assert list(offered(FEW)) == [PACKAGED.name, *MINIS, OFFERED], "the setting limits what is not installed"
    assert first(MINE) == PACKAGED


def test_without_the_package_the_page_opens_with_a_practice_model(here: set[str]) -> None:
    here.clear()
    assert list(offered(MINE)) == [*MINIS, HUB.name, OFFERED, PACKAGED.name]
    assert first(MINE).bundled
    assert PACKAGED.name not in offered(FEW)


def test_a_space_takes_nothing_from_packages_and_puts_the_hubs_models_first(here: set[str]) -> None:
    assert list(offered(replace(MINE, space_id="a/b"))) == [HUB.name, OFFERED, *MINIS]


def test_a_space_opens_with_its_smallest_instruct_model_where_it_offers_it() -> None:
    assert first(SPACE).name == "smollm2-135m-instruct"
    assert first(replace(SPACE, models=(OFFERED,))).name == OFFERED
    assert first(replace(SPACE, open_with=(BUNDLED[2], OFFERED))).name == BUNDLED[2]


def test_what_the_settings_open_with_comes_first_in_their_order(here: set[str]) -> None:
    given = (HUB.name, BEHIND, MINIS[3])
    found = list(offered(replace(FEW, open_with=given)))
    assert found[:4] == [*given, PACKAGED.name]
    with pytest.raises(InputError, match="There is no model 'solo'"):
        offered(replace(MINE, open_with=("solo",)))


def test_a_public_place_opens_with_no_address_and_no_path() -> None:
    for given in (BEHIND, "/a/path"):
        with pytest.raises(InputError, match="only models of the catalogue"):
            pool_for(replace(SPACE, open_with=(given,)))


def test_what_stands_in_for_a_model_needs_no_download_and_no_server(here: set[str]) -> None:
    practice = catalogue()[MINIS[0]]
    assert instead_of(HUB.name, MINE) == PACKAGED
    assert instead_of(PACKAGED.name, MINE) == practice, "it is what could not be had"
    assert instead_of(MINIS[4], MINE) is None
    for opening in (BEHIND, HUB.name):
        assert instead_of(OFFERED, replace(MINE, open_with=(opening,))) == practice
    assert instead_of(HUB.name, replace(MINE, space_id="a/b")) == practice
    assert texts.instead(practice) == f"Use the practice model {practice.title} instead"
    assert texts.instead(PACKAGED) == f"Use {PACKAGED.title} instead"


# What a Space offers by itself


def test_a_space_offers_ungated_models_that_were_not_quantised_and_its_bundled_ones() -> None:
    here = offered(SPACE)
    assert set(BUNDLED) < set(here) < set(catalogue())
    real = [spec for spec in here.values() if not spec.bundled]
    assert len(real) == len(SPACE.models) >= 6
    assert not [spec.name for spec in real if spec.gated or not spec.revision]
    assert {spec.quantisation for spec in real} == {Quantisation.NONE}


def test_what_a_space_offers_fits_on_one_borrowed_gpu() -> None:
    placed = sum(spec.parameters * BYTES["bfloat16"] for spec in offered(SPACE).values() if not spec.bundled)
    assert placed < ZERO_GPU_MOST
    assert placed < 20e9, "a process that is new moves all of it to the GPU first, on a visitor's time"


def test_on_each_size_that_a_space_offers_two_stages_can_be_compared() -> None:
    stages: dict[str, set[str]] = {}
    for spec in offered(SPACE).values():
        stages.setdefault(spec.series, set()).add(spec.stage)
    assert all(len(found) > 1 for found in stages.values())


# The same wherever a model is named


def test_the_choosers_list_what_is_offered_alone() -> None:
    here = choosing(models=(OFFERED,))
    shown = here.restore(arriving())
    sizes = [key for _, key in shown[here.parts.size]["choices"]]
    assert sizes == [*dict.fromkeys(catalogue()[name].series for name in BUNDLED), "GPT-2 124M"]
    with pytest.raises(InputError, match="There is no size 'GPT-2 355M'"):
        here.choose_size("GPT-2 355M", OFFERED, None, arriving())
    with pytest.raises(InputError, match="does not offer GPT-2 355M"):
        here.choose_model(OTHER, OFFERED, None, arriving())


def test_a_space_that_lends_gpus_says_whose_time_a_question_takes() -> None:
    for zero_gpu in (True, False):
        here = choosing(models=(OFFERED,), zero_gpu=zero_gpu)
        lines = {name: here.choose_model(name, "", None, arriving())[here.parts.model_line] for name in offered(FEW)}
        assert ["your minutes a day" in line["facts"] for line in lines.values()] == [
            zero_gpu and name == OFFERED for name in lines
        ]


def test_a_link_to_a_model_that_is_not_offered_says_so_and_shows_another() -> None:
    here = choosing(models=(OFFERED,))
    shown = here.restore(arriving(model=OTHER))
    assert shown[here.parts.state_model] == MODEL
    said = shown[here.parts.notice]["link"]
    assert "does not offer GPT-2 355M" in said
    assert "GPT-2 124M" in said, "one of its family"
    assert "There is no model" not in said
    assert "There is no model 'nobody'" in here.restore(arriving(model="nobody"))[here.parts.notice]["link"]


def test_no_way_leads_to_the_engine_of_a_model_that_is_not_offered() -> None:
    with pytest.raises(InputError, match="does not offer GPT-2 355M"):
        pool_for(FEW).get(OTHER)
    with pytest.raises(InputError, match="does not offer GPT-2 355M"):
        find_offered(OTHER, FEW)
    with serving(models=(OFFERED,)) as page:
        client = Client(page.url, verbose=False)
        with pytest.raises(Exception, match="does not offer GPT-2 355M"):
            client.predict(OTHER, KEY, ITEM, api_name="/ask")
        assert json.dumps(client.predict(OFFERED, KEY, ITEM, api_name="/ask"))
        assert client.predict("", KEY, ITEM, api_name="/ask")["model"] == MODEL, "the one that the page opens with"
        client.close()


def test_a_run_asks_offered_models_and_on_borrowed_gpus_the_bundled_ones() -> None:
    specs = catalogue()
    assert runnable(specs[OFFERED], FEW)
    with pytest.raises(InputError, match="does not offer"):
        check_runnable(specs[OTHER], FEW)
    zero = replace(FEW, zero_gpu=True)
    assert [name for name, spec in specs.items() if runnable(spec, zero)] == BUNDLED
    assert NO_GPU in missing(zero)
    assert NO_GPU not in missing(FEW)
