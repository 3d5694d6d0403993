"""What holds for a model wherever it is asked, on the page, in the terminal, through the API and in files: results of a
miniature carry their mark, and a model that is limited to some benchmarks is asked no others."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from catalogues import HUB, LIMIT, MANY, offering
from gradio_client import Client
from gradio_client.exceptions import AppError
from served import GatedEngine, Served, make_context, serving
from typer.testing import CliRunner, Result

from moralsc import cli
from moralsc.engines.base import StopFlag
from moralsc.experiment import probe as probing
from moralsc.experiment.export import to_json, to_markdown
from moralsc.experiment.ladder import climb
from moralsc.experiment.probe import Manner, Probe
from moralsc.models import PLANTED, find
from moralsc.ui import views
from moralsc.ui.jobs import Job
from moralsc.ui.runs import Action, Order, carry_out

MINIATURE, LIMITED = "mini-m-aligned", "mini-l-base"
NURSE = ("winogender:bundled", "b-nurse.sailor.0")
OLD = ("bbq:bundled", "b-Age-0")


@pytest.fixture(autouse=True)
def many() -> Iterator[None]:
    with offering(MANY):
        yield


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> GatedEngine:
    engine = GatedEngine()
    monkeypatch.setattr(cli, "load_local", lambda name, *_, **__: engine)
    return engine


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with offering(MANY), serving() as page:
        yield page


@pytest.fixture(scope="module")
def client(served: Served) -> Client:
    return Client(served.url, verbose=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def asked(model: str, ladder: bool) -> Probe:
    context, engine = make_context(GatedEngine()), GatedEngine()
    probe = probing.new_probe(model, context.shelf.get(*NURSE), Manner(), context.prompts)
    grow = climb if ladder else probing.ask
    *_, probe = grow(probe, engine, context.prompts, StopFlag())
    return probe


PROMPTS = make_context(GatedEngine()).prompts
DRAWN: dict[str, Callable[[str], Any]] = {
    "the page's dialogue": lambda model: views.dialogue(asked(model, ladder=False), PROMPTS)["planted"],
    "the page's ladder": lambda model: views.ladder(asked(model, ladder=True), PROMPTS)["planted"],
    "the page's line": lambda model: views.model_line(find(model)),
    "JSON": lambda model: json.loads(to_json(asked(model, ladder=True)))["mark"],
    "Markdown": lambda model: to_markdown(asked(model, ladder=False)),
    "the ladder in Markdown": lambda model: to_markdown(asked(model, ladder=True)).split("# The ladder")[1],
}


def marked(output: Any) -> bool:
    text = str(output)
    return PLANTED in text or PLANTED[0].upper() + PLANTED[1:] in text


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_what_is_drawn_of_a_miniature_is_marked_and_of_others_not(draw: Callable[[str], Any]) -> None:
    assert marked(draw(MINIATURE))
    assert not marked(draw(HUB.name))


@pytest.mark.parametrize("more", [[], ["--correct", "specificity-0"], ["--json"]], ids=" ".join)
def test_what_the_terminal_prints_of_a_miniature_is_marked_and_of_others_not(
    engine: GatedEngine, more: list[str]
) -> None:
    for model, expected in ((MINIATURE, True), (HUB.name, False)):
        result = run("ask", "--model", model, "--benchmark", NURSE[0], "--item", NURSE[1], *more)
        assert result.exit_code == 0, result.stderr
        results = result.stdout if more == ["--json"] else result.stdout.partition("1. Baseline")[2]
        assert marked(results) is expected


@pytest.mark.parametrize(("endpoint", "more"), [("ask", []), ("correct", [["specificity-0"]]), ("ladder", [])])
def test_what_the_api_returns_of_a_miniature_is_marked_and_of_others_not(
    client: Client, endpoint: str, more: list[Any]
) -> None:
    for model, expected in ((MINIATURE, PLANTED), (HUB.name, "")):
        assert client.predict(model, *NURSE, *more, api_name=f"/{endpoint}")["mark"] == expected


# Limits

REFUSAL = f"Mini L · base is asked items of Winogender only. {LIMIT}"


@pytest.mark.parametrize("action", Action)
def test_the_page_asks_a_limited_model_nothing_else(action: Action) -> None:
    engine = GatedEngine()
    context = make_context(engine)
    order = Order(action, LIMITED, context.shelf.get(*OLD), Manner())
    *_, last = carry_out(context, order, None, Job())
    assert (last.status, last.problem) == (REFUSAL, True)
    assert engine.streamed == engine.scored == []
    *_, last = carry_out(context, Order(Action.ASK, LIMITED, context.shelf.get(*NURSE), Manner()), None, Job())
    assert not last.problem


@pytest.mark.parametrize(("endpoint", "more"), [("ask", []), ("correct", [["specificity-0"]]), ("ladder", [])])
def test_the_api_asks_a_limited_model_nothing_else(
    served: Served, client: Client, endpoint: str, more: list[Any]
) -> None:
    served.engine.streamed.clear()
    with pytest.raises(AppError, match=REFUSAL):
        client.predict(LIMITED, *OLD, *more, api_name=f"/{endpoint}")
    assert served.engine.streamed == []
    assert client.predict(LIMITED, *NURSE, *more, api_name=f"/{endpoint}")["model"] == LIMITED


def test_the_terminal_asks_a_limited_model_nothing_else(monkeypatch: pytest.MonkeyPatch, engine: GatedEngine) -> None:
    result = run("ask", "--model", LIMITED, "--benchmark", NURSE[0], "--item", NURSE[1])
    assert result.exit_code == 0, result.stderr
    monkeypatch.setattr(cli, "load_local", lambda *_, **__: pytest.fail("a model was loaded"))
    result = run("ask", "--model", LIMITED, "--benchmark", OLD[0], "--item", OLD[1])
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", REFUSAL + "\n")


# The list and the cards in the terminal


def test_the_terminal_lists_family_size_stage_and_limit() -> None:
    lines = run("models").stdout.splitlines()[2:]  # what this machine has stands above
    assert lines[0].split()[:5] == ["name", "family", "size", "parameters", "stage"]
    rows = {line.split()[0]: line.split()[1:5] for line in lines[1 : len(MANY) + 1]}
    assert list(rows) == list(MANY)
    assert rows["mini-m-base"] == ["Mini", "M", "1.2M", "base"]
    assert rows[HUB.name] == ["Solo", "135M", "135M", "sft"]
    (limited,) = (line for line in lines if LIMIT in line)
    assert limited.startswith(f"{LIMITED}: ")
    assert "winogender" in limited


def test_the_terminal_prints_a_models_card(monkeypatch: pytest.MonkeyPatch) -> None:
    said = run("models", "--card", MINIATURE).stdout
    assert said.startswith("# ")
    assert "## Planted" in said
    missing = run("models", "--card", "mini-l-aligned")
    assert missing.exit_code == 2
    assert "is missing" in missing.stderr
    assert "Did you mean 'mini-m-aligned'" in run("models", "--card", "mini-m-alined").stderr
    monkeypatch.setattr("moralsc.cli_models.read_card", lambda spec: "\x1b[2J# A card\n")
    assert "\x1b" not in run("models", "--card", MINIATURE).stdout
