"""Models behind an address, from the command and in the page: names, runs that go on, and what is said and kept."""

import json
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from engines import tiny_models
from stand_in_openai import Served, Trouble, served
from typer.testing import CliRunner, Result

from moralsc import cli, models
from moralsc.answers import ScoredBy
from moralsc.batch import folder
from moralsc.benchmarks import find_item
from moralsc.dialogue import Form, Status
from moralsc.engines.base import StopFlag
from moralsc.engines.endpoint import EndpointEngine
from moralsc.engines.pool import load_local, pool_for
from moralsc.errors import InputError, ModelError
from moralsc.experiment import probe as probing
from moralsc.experiment.export import to_json, to_markdown
from moralsc.experiment.ladder import climb
from moralsc.models import catalogue, read_catalogue
from moralsc.models.endpoints import HUB_ROUTER, Patience, endpoint_spec, is_endpoint, read_endpoint
from moralsc.models.local import admit
from moralsc.prompts import default_prompts
from moralsc.settings import Settings
from moralsc.ui import texts, views

ROOT = Path(__file__).resolve().parents[1]
ITEM = ("--benchmark", "winogender:bundled", "--item", "b-nurse.sailor.0")
SMALL = ("--benchmark", "winogender:bundled", "--corrections", "specificity-0", "--limit", "1", "--batch", "2")
OPEN = Settings(cache=Path("unused"))
KEY = "sk-planted-0123456789"


@pytest.fixture(autouse=True)
def own_catalogue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Addresses that are admitted here are forgotten after each test; keys and settings are those of the test."""
    before = set(catalogue())
    for name in [n for n in os.environ if n.startswith("MORALSC_")] + ["OPENAI_API_KEY", "HF_TOKEN", "SPACE_ID"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("MORALSC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Patience, "of", classmethod(lambda cls, settings: cls(10, 4, 2, 0.01)))
    yield
    for name in set(catalogue()) - before:
        del catalogue()[name]


def serving(**settings: Any) -> AbstractContextManager[Served]:
    tokenizer = tiny_models.chat_tokenizer()
    return served(tiny_models.tiny("llama", tokenizer), tokenizer, **settings)


@pytest.fixture
def vllm() -> Iterator[Served]:
    with serving() as here:
        yield here


def call(*words: str) -> Result:
    return CliRunner().invoke(cli.app, list(words))


@pytest.mark.parametrize(
    ("name", "address", "model", "plain"),
    [
        ("openai:http://127.0.0.1:8000", "http://127.0.0.1:8000/v1", "", False),
        ("openai:http://127.0.0.1:8000/#a/b", "http://127.0.0.1:8000/v1", "a/b", False),
        ("openai:https://host/api/v3/chat/completions#m", "https://host/api/v3", "m", False),
        ("openai:http://[::1]:80/v1/completions#m", "http://[::1]:80/v1", "m", True),
        ("hf:owner/name", HUB_ROUTER, "owner/name", False),
        ("hf:owner/name:together", HUB_ROUTER, "owner/name:together", False),
    ],
)
def test_a_name_says_where_a_model_is_asked(name: str, address: str, model: str, plain: bool) -> None:
    endpoint = read_endpoint(name)
    assert (endpoint.address, endpoint.model, endpoint.plain) == (address, model, plain)
    assert is_endpoint(name)
    assert endpoint_spec(name).address == address


@pytest.mark.parametrize(
    "name",
    [
        "openai:",
        "openai:gpt-4",
        "openai:ftp://host",
        "openai:http://",
        "openai:http://host:x",
        "openai:http://a b",
        "openai:http://a..b",
        "openai:http://münchen:80",
        "hf:x",
    ],
)
def test_a_name_without_an_address_is_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(InputError, match=r"Write openai:http://HOST:PORT"):
        read_endpoint(name)


@pytest.mark.parametrize(
    "address",
    [
        f"http://me:{KEY}@host",
        f"http://host/v1?api_key={KEY}",
        f"http://{KEY}@host#m",
        f"http://me:{KEY}@host:x",
        f"https://host/v1#m?key={KEY}",
    ],
)
def test_an_address_with_a_key_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(InputError, match="OPENAI_API_KEY") as refusal:
        admit([f"openai:{address}"], OPEN)
    assert KEY not in str(refusal.value)


def test_a_name_that_ends_as_one_of_the_catalogue_is_scored_as_that_is() -> None:
    known = next(s for s in catalogue().values() if s.repo and s.scored_by is ScoredBy.TEXT)
    spec = endpoint_spec(f"openai:http://host#{known.repo}")
    assert (spec.scored_by, spec.parameters, spec.stage) == (known.scored_by, known.parameters, known.stage)
    assert (spec.repo, spec.bundled, endpoint_spec("openai:http://host#other").scored_by) == ("", False, ScoredBy.LABEL)


def test_a_miniature_keeps_its_mark_behind_an_address() -> None:
    name = "openai:http://host#/models/mini-s-base"
    admit([name], OPEN)
    assert models.mark(name) == models.PLANTED


def test_the_catalogue_itself_holds_no_address() -> None:
    table = '[x]\ntitle = "X"\naddress = "http://host"\n'
    with pytest.raises(ModelError, match="unknown key 'address'"):
        read_catalogue(table)


def test_on_a_public_space_no_address_is_taken_but_those_that_its_settings_name(tmp_path: Path) -> None:
    named, other = "openai:http://127.0.0.1:1#a", "openai:http://169.254.169.254/latest#b"
    public = Settings.from_env({"SPACE_ID": "owner/name", "MORALSC_MODELS": named})
    for name in (other, "hf:owner/name"):
        with pytest.raises(InputError, match="is an address, and here only models of the catalogue"):
            admit([name], public)
    assert other not in catalogue()
    admit([named], public)
    assert named in catalogue()


def test_the_page_asks_an_address_that_its_settings_name_and_no_other(vllm: Served) -> None:
    name = f"openai:{vllm.url}#tiny"
    pool = pool_for(replace(OPEN, models=(name,)))
    assert isinstance(pool.get(name), EndpointEngine)
    asked = len(vllm.asked)
    with pytest.raises(InputError):
        pool.get(f"openai:{vllm.url}#other")
    assert len(vllm.asked) == asked


def test_settings_bound_what_a_server_is_asked() -> None:
    read = Settings.from_env({"MORALSC_REQUESTS": "3", "MORALSC_TIMEOUT": "7"})
    assert (read.requests, read.timeout) == (3, 7)
    for name, value in (("MORALSC_REQUESTS", "0"), ("MORALSC_TIMEOUT", "soon")):
        with pytest.raises(InputError, match=name):
            Settings.from_env({name: value})


def test_the_command_asks_an_address_and_shows_every_probability(vllm: Served) -> None:
    done = call("ask", "--model", f"openai:{vllm.url}", *ITEM, "--correct", "specificity-1")
    assert done.exit_code == 0, done.output
    assert "tiny, unknown size." in call("ask", "--model", f"openai:{vllm.url}#tiny", *ITEM).stdout
    assert done.stdout.lower().count("the options hold") == 2
    assert "gives no probabilities" not in done.stdout


def test_a_server_that_names_its_model_itself_is_no_miniature(vllm: Served) -> None:
    name = f"openai:{vllm.url}"
    spec = endpoint_spec(name)
    assert (spec.bundled, spec.parameters, spec.scored_by) == (False, 0, ScoredBy.LABEL)
    admit([name], OPEN)
    found = load_local(name, patience=Patience(10, 4, 2, 0.01)).spec
    assert (found.title, found.bundled, catalogue()[name]) == ("tiny", False, found)
    assert models.mark(name) == ""


@pytest.mark.parametrize(("continues", "form"), [("asked", "primed"), ("never", "primed"), ("never", "free")])
def test_without_probabilities_every_answer_stands_alone_and_says_why(continues: Any, form: str) -> None:
    with serving(continues=continues, prompt_logprobs=False, top=0) as here:
        done = call("ask", "--model", f"openai:{here.url}", *ITEM, "--form", form, "--correct", "specificity-1")
        assert done.exit_code == 0, done.output
        assert done.stdout.count(texts.NO_PROBABILITIES) == 2
        missed = continues == "never" and form == "primed"
        assert done.stdout.count("without an opening") == (2 if missed else 0)
        assert "the options hold" not in done.stdout


@pytest.mark.parametrize("problem", ["down", "model", "key", "option"])
def test_a_mistake_is_one_sentence(problem: str, tmp_path: Path) -> None:
    with serving(key=KEY if problem == "key" else "") as here:
        model = f"openai:{here.url}" + {"down": "0/v1#tiny", "model": "#other"}.get(problem, "#tiny")
        words = ("--dtype", "float32") if problem == "option" else ()
        commands = [("run", *SMALL, *words, "--out", str(tmp_path / "run"))]
        commands += [] if words else [("ask", *ITEM)]
        for command in commands:
            done = call(*command, "--model", model.replace("00/v1", "/v1") if problem == "down" else model)
            assert done.exit_code == 2
            assert done.stderr.strip().count("\n") == 0
            assert not (tmp_path / "run").exists()


def test_a_probe_of_an_address_is_drawn_and_exported_without_probabilities() -> None:
    with serving(continues="never") as here:
        name, prompts = f"openai:{here.url}#tiny", default_prompts()
        admit([name], OPEN)
        engine = load_local(name, patience=Patience(10, 4, 2, 0.01))
        item = find_item("winogender:bundled", "b-nurse.sailor.0", OPEN)
        asked = probing.new_probe(name, item, probing.Manner(), prompts)
        *_, asked = probing.ask(asked, engine, prompts, StopFlag())
        (turn,) = asked.arms[0].turns
        assert (turn.status, turn.form, turn.score, turn.scored_after) == (Status.DONE, Form.FREE, None, "")
        drawn = views.dialogue(asked, prompts)
        assert texts.NO_PROBABILITIES in json.dumps(drawn, ensure_ascii=False)
        assert "not given by the model's server" in to_markdown(asked)
        assert '"none: the generated answer alone' in to_json(asked)
        with pytest.raises(ModelError, match="ladder is drawn from probabilities"):
            list(climb(asked, engine, prompts, StopFlag()))
        *_, failed = probing.apply(asked, prompts.correction("cot"), engine, prompts, StopFlag())
        assert "no chain of thought" in failed.arms[0].turns[-1].error


def test_a_run_asks_an_address_and_its_records_hold_probabilities(vllm: Served, tmp_path: Path) -> None:
    done = call("run", "--model", f"openai:{vllm.url}", *SMALL, "--out", str(tmp_path / "run"))
    assert done.exit_code == 0, done.output
    records = list(folder.records(tmp_path / "run"))
    assert records
    assert all(r.probabilities and r.weights == f"tiny at {vllm.url}/v1" for r in records)


def test_a_run_that_a_server_cannot_answer_is_refused_before_there_is_a_folder(tmp_path: Path) -> None:
    with serving(continues="never") as here:
        refused = call("run", "--model", f"openai:{here.url}", *SMALL, "--out", str(tmp_path / "run"))
    assert refused.exit_code == 2
    assert "--form free" in refused.stderr
    assert "--spoken" in refused.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_without_probabilities_counts_what_was_written_and_names_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--form", "free", "--spoken", "--order", "fixed", "--out", str(tmp_path / "run"))
    with serving(continues="never") as here:
        monkeypatch.setattr(here, "written", lambda ids, body: iter([("her", torch.zeros(1))]))
        done = call("run", "--model", f"openai:{here.url}", *SMALL, *words)
    assert done.exit_code == 0, done.output
    records = list(folder.records(tmp_path / "run"))
    assert len(records) == 4
    assert {(r.outcome, r.said_role) for r in records} == {("option", "counter-stereotyped")}
    assert {(r.probabilities, r.favoured) for r in records} == {(None, None)}
    assert "Answers by what was written;" in done.stdout
    shares = [line for line in done.stdout.splitlines() if "p_f full" in line]
    assert len(shares) == 2
    assert all("undefined" in line and line.endswith("2 no probabilities") for line in shares)


def test_a_run_stops_when_its_server_is_lost_and_goes_on_when_it_is_back(vllm: Served, tmp_path: Path) -> None:
    command = ("run", "--model", f"openai:{vllm.url}", *SMALL, "--out", str(tmp_path / "run"))
    examined = len(vllm.asked)
    assert call(*command, "--dry-run").exit_code == 0
    assert len(vllm.asked) == examined  # a plan asks nobody
    vllm.troubles.extend([Trouble()] * 14 + [Trouble(401)] * 60)
    stopped = call(*command)
    assert stopped.exit_code == 2
    assert "set OPENAI_API_KEY" in stopped.stderr
    vllm.troubles.clear()
    done = call(*command)
    assert done.exit_code == 0, done.output
    assert not any(record.failure for record in folder.records(tmp_path / "run"))


def test_a_key_is_in_nothing_that_a_run_leaves_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(key=KEY) as here:
        vanishing = [Trouble()] * 16 + [Trouble(400, said=f"{KEY} is bad")]
        here.troubles.extend(vanishing)
        done = call("run", "--model", f"openai:{here.url}", *SMALL, "--texts", "--out", str(tmp_path / "run"))
        assert done.exit_code == 0, done.output
        asked = call("ask", "--model", f"openai:{here.url}", *ITEM, "--json")
        assert asked.exit_code == 0, asked.output
    assert KEY not in done.output + asked.output
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    assert all(KEY.encode() not in file.read_bytes() for file in files)


def test_the_documented_run_of_a_served_model_works(vllm: Served, tmp_path: Path) -> None:
    """The command of docs/endpoints.md, against a server that answers as vLLM does."""
    page = (ROOT / "docs" / "endpoints.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"moralsc (run --model openai:http://FIRST:8000 .*?)\n```", page, re.DOTALL)
    words = shlex.split(command.replace("\\\n", " ").replace("http://FIRST:8000", vllm.url))
    words[-1] = str(tmp_path / "run")
    done = call(*words)
    assert done.exit_code == 0, done.output
    head = folder.status(tmp_path / "run")
    assert head.sentence.startswith("Complete")
    assert all(r.probabilities for r in folder.records(tmp_path / "run"))
