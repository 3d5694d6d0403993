"""An engine behind an address: the contract, its texts, what it finds out of a server, and whose key it sends.

`stand_in_openai` serves a tiny model as vLLM, llama.cpp and OpenAI do; `test_engine_served` asks a real server.
"""

import itertools
import json
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from engines import endpoint_servers
from engines.contract import HISTORY, LABELS, PRIMER, QUESTION, EngineContract, streamed
from engines.endpoint_servers import QUICK, beside, connected, serving
from stand_in_openai import MODEL, Served, Trouble

from moralsc.dialogue import Message, transcript
from moralsc.engines.base import Engine, Sampling, limits, own_system
from moralsc.engines.endpoint import EndpointEngine
from moralsc.errors import InputError, ModelError
from moralsc.models.endpoints import endpoint_spec

KEY = "sk-planted-0123456789"
no_keys, vllm = endpoint_servers.no_keys, endpoint_servers.vllm


class TestEndpointOfAChatModel(EngineContract):
    @pytest.fixture
    def engine(self, vllm: Served) -> Engine:
        return connected(vllm)


class TestEndpointOfAModelWithoutTemplate(EngineContract):
    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        with serving("plain") as here:
            yield connected(here, "/v1/completions")


@pytest.mark.parametrize("kind", ["chat", "plain"])
def test_greedy_text_is_that_of_the_model_on_this_machine(kind: str) -> None:
    with serving(kind) as here:
        engine = connected(here, "/v1/completions" if kind == "plain" else "")
        sampling = Sampling(max_new_tokens=24)
        own = "".join(streamed(beside(here), sampling=sampling))
        assert "".join(streamed(engine, sampling=sampling)) == own
        heard: list[int] = []
        assert isinstance(engine, EndpointEngine)
        engine.listen(lambda: heard.append(engine.written))
        assert engine.replies([(HISTORY, sampling)] * 3) == [own] * 3
        assert len(heard) == max(heard) == engine.written > 3


@pytest.mark.parametrize("continues", ["asked", "always", "never", "half", "dropped"])
@pytest.mark.parametrize("strict", [False, True])
def test_whether_an_opening_is_continued_is_found_out(continues: Any, strict: bool) -> None:
    with serving(continues=continues, strict=strict, prompt_logprobs=not strict) as here:
        engine = connected(here)
        # A strict server refuses the words by which it would be asked.
        assert limits(engine).continues is (continues == "always" or (continues == "asked" and not strict))
        if limits(engine).continues:
            assert "".join(streamed(engine)) == "".join(streamed(beside(here)))
        else:
            with pytest.raises(ModelError, match=r"begins a message of its own .*--form free"):
                streamed(engine)
            assert "".join(streamed(engine, (QUESTION,))) == "".join(streamed(beside(here), (QUESTION,)))
            assert engine.score([LABELS]) == [None]


def test_a_reply_ends_before_the_next_turn_of_a_plain_transcript(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("plain") as here:
        engine = connected(here, "/v1/completions")
        text = " her.\n\nHuman: And now?\n\nAssistant: no"
        told = [(piece, None) for piece in (text[i : i + 3] for i in range(0, len(text), 3))]
        monkeypatch.setattr(here, "written", lambda ids, body: iter(told))
        assert "".join(streamed(engine)) == " her."
        assert engine.replies([(HISTORY, Sampling())]) == [" her."]
        assert engine.render(HISTORY) == transcript(HISTORY)


def test_the_model_is_asked_for_where_it_is_not_named(vllm: Served) -> None:
    engine = EndpointEngine.connect(endpoint_spec(f"openai:{vllm.url}"), QUICK)
    assert vllm.asked[-1][1]["model"] == MODEL
    assert (engine.spec.title, engine.spec.context, engine.provenance["server"]) == (MODEL, 512, "vllm")


@pytest.mark.parametrize("models", [None, [], [{"id": "one"}, {"id": "two"}]])
def test_several_models_or_none_must_be_named(models: Any) -> None:
    with serving(models=models) as here, pytest.raises(InputError, match=r"Name a model .*#MODEL"):
        EndpointEngine.connect(endpoint_spec(f"openai:{here.url}"), QUICK)


def test_a_seed_goes_to_the_server_where_text_is_drawn(vllm: Served) -> None:
    engine = connected(vllm)
    streamed(engine, sampling=Sampling(4, temperature=0.7, top_p=0.9, seed=11))
    body = vllm.asked[-1][1]
    assert (body["temperature"], body["top_p"], body["seed"], body["max_tokens"]) == (0.7, 0.9, 11, 4)


@pytest.mark.parametrize("system", ["Be brief.", ""])
def test_a_system_message_is_sent_as_one_also_where_it_is_empty(system: str, vllm: Served) -> None:
    engine = connected(vllm)
    messages = (Message("system", system), QUESTION, PRIMER)
    streamed(engine, messages)
    assert vllm.asked[-1][1]["messages"][0] == {"role": "system", "content": system}
    engine.score([replace(LABELS, messages=messages)])
    assert vllm.asked[-1][1]["messages"][0] == {"role": "system", "content": system}
    assert own_system(engine) is None


def test_what_was_sent_is_shown_and_said_to_be_messages(vllm: Served) -> None:
    text = connected(vllm).render((QUESTION, PRIMER))
    assert text.startswith("Sent as messages; the server's own chat template")
    assert f"[user]\n{QUESTION.content}" in text


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", None])
def test_the_key_of_the_environment_is_sent_and_no_other(name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_not_for_others")
    if name:
        monkeypatch.setenv(name, KEY)
    with serving(key=KEY if name else "") as here:
        streamed(connected(here))
        streamed(connected(here, "/v1/completions"))
        EndpointEngine.connect(endpoint_spec(f"openai:{here.url}"), QUICK)
        assert set(here.keys) == {f"Bearer {KEY}" if name else "Bearer none"}


def test_the_key_of_a_session_goes_before_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    with serving(key=KEY) as here:
        assert streamed(connected(here, key=KEY))


def failure_of(call: Callable[[], Sequence[Any]]) -> ModelError:
    try:
        (told,) = call()
    except ModelError as error:
        return error
    assert isinstance(told, ModelError)
    return told


@pytest.mark.parametrize("path", ["", "/v1/completions"])
def test_a_key_is_never_repeated(
    path: str, vllm: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in provenance, in names, in what is raised with all its causes, nor in the log, whatever a server says."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    engine = connected(vllm, path)
    seen = [json.dumps(engine.provenance), repr(engine), repr(engine.spec), repr(vars(engine._client).keys())]
    calls = (
        lambda: streamed(engine),
        lambda: engine.score([LABELS]),
        lambda: engine.replies([(HISTORY, Sampling())]),
    )
    troubles = (
        Trouble(401, said=f"Incorrect API key provided: {KEY}."),
        Trouble(503, said=f"a {KEY} b"),
        Trouble(400, said=KEY),
    )
    for trouble, call in itertools.product(troubles, calls):
        vllm.troubles.clear()
        vllm.troubles.extend([trouble] * 40)
        error = failure_of(call)
        seen.append("".join(traceback.format_exception(error)))
        assert (error.__cause__, error.__context__) == (None, None)
    assert all(KEY not in text for text in seen)
    assert KEY not in caplog.text


def test_inference_providers_need_a_token() -> None:
    with pytest.raises(ModelError, match="set HF_TOKEN"):
        EndpointEngine.connect(endpoint_spec("hf:owner/name:together"), QUICK)


def test_inference_providers_are_asked_for_the_model_and_its_provider(
    vllm: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moralsc.models.endpoints.HUB_ROUTER", f"{vllm.url}/v1")
    monkeypatch.setattr("stand_in_openai.MODEL", "owner/name:together")
    monkeypatch.setenv("HF_TOKEN", "hf_planted")
    engine = EndpointEngine.connect(endpoint_spec("hf:owner/name:together"), QUICK)
    assert streamed(engine)
    assert vllm.asked[-1][1]["model"] == "owner/name:together"
    assert set(vllm.keys) == {"Bearer hf_planted"}
