"""An engine behind an address: the contract, figures that are the model's own, and every failure in a sentence.

`stand_in_openai` serves a tiny model as vLLM, llama.cpp and OpenAI do; `test_engine_served` asks a real server.
"""

import itertools
import json
import logging
import math
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import pytest
import torch
from engines import tiny_models
from engines.contract import HISTORY, LABELS, LATER, PRIMER, PRONOUNS, QUESTION, EngineContract, streamed
from stand_in_openai import MODEL, Served, Trouble, served
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from moralsc.dialogue import Message, transcript
from moralsc.engines.base import Engine, Sampling, Scoring, StopFlag, limits
from moralsc.engines.endpoint import EndpointEngine
from moralsc.engines.endpoint_abilities import examine
from moralsc.engines.endpoint_client import Client
from moralsc.engines.local import LocalEngine
from moralsc.errors import EngineLost, InputError, ModelError, PromptTooLong
from moralsc.models.endpoints import Patience, endpoint_spec, read_endpoint

QUICK = Patience(seconds=5, requests=4, attempts=3, pause=0.01)
KEY = "sk-planted-0123456789"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@cache
def tiny(kind: str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    tokenizer = tiny_models.chat_tokenizer() if kind == "chat" else tiny_models.plain_tokenizer()
    return tiny_models.tiny("llama", tokenizer), tokenizer


def serving(kind: str = "chat", **settings: Any) -> AbstractContextManager[Served]:
    return served(*tiny(kind), **settings)


def connected(here: Served, path: str = "", patience: Patience = QUICK, **more: Any) -> EndpointEngine:
    return EndpointEngine.connect(endpoint_spec(f"openai:{here.url}{path}#{MODEL}"), patience, **more)


def beside(here: Served) -> LocalEngine:
    """The same model on this machine."""
    return LocalEngine(endpoint_spec(f"openai:{here.url}"), here.model, here.tokenizer)


@pytest.fixture
def vllm() -> Iterator[Served]:
    with serving() as here:
        yield here


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
def test_exact_figures_are_those_of_the_model_on_this_machine(kind: str) -> None:
    with serving(kind) as here:
        engine = connected(here, "/v1/completions" if kind == "plain" else "")
        assert engine.provenance["scoring"].startswith("exact: ")
        asked = [PRONOUNS, LABELS, LATER]
        for got, own in zip(engine.score(asked), beside(here).score(asked), strict=True):
            assert got == pytest.approx(own, abs=1e-4)


@pytest.mark.parametrize("kind", ["chat", "plain"])
def test_greedy_text_is_that_of_the_model_on_this_machine(kind: str) -> None:
    with serving(kind) as here:
        engine = connected(here, "/v1/completions" if kind == "plain" else "")
        sampling = Sampling(max_new_tokens=24)
        own = "".join(streamed(beside(here), sampling=sampling))
        assert "".join(streamed(engine, sampling=sampling)) == own
        assert engine.replies([(HISTORY, sampling)] * 3) == [own] * 3


def test_a_first_token_is_scored_for_letters_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # A random model does not find letters likely: it is asked for all its tokens.
    monkeypatch.setattr("moralsc.engines.endpoint_abilities._MOST", (400,))
    with serving(prompt_logprobs=False, top=400) as here:
        engine = connected(here)
        letters, words = engine.score([LABELS, PRONOUNS])
        assert engine.provenance["scoring"].startswith("first token: ")
        assert letters == pytest.approx(beside(here).score([LABELS])[0], abs=1e-4)
        assert words is None


def test_a_letter_that_is_not_among_the_likeliest_tokens_leaves_all_without_probabilities() -> None:
    with serving(prompt_logprobs=False, top=5) as here:
        engine = connected(here)
        assert engine.provenance["top_logprobs"] == "5"
        rare = Scoring(LABELS.messages, ("a", "no such token"), closed=False)
        assert engine.score([rare]) == [None]


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


def test_a_server_without_log_probabilities_gives_the_answer_alone() -> None:
    with serving(prompt_logprobs=False, top=0) as here:
        engine = connected(here)
        assert (limits(engine).continues, limits(engine).probabilities) == (True, False)
        assert engine.score([PRONOUNS, LABELS]) == [None, None]
        assert (
            engine.provenance["scoring"] == "none: the generated answer alone (the server gives no log-probabilities)"
        )
        assert streamed(engine)


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


def test_a_refusal_for_a_while_is_borne(vllm: Served) -> None:
    engine = connected(vllm)
    before = "".join(streamed(engine))
    for status in (429, 500, 502, 503):
        vllm.troubles.extend([Trouble(status), Trouble(status, {"Retry-After": "0"})])
        assert "".join(streamed(engine)) == before


def test_the_wait_that_a_server_asks_for_is_kept(vllm: Served) -> None:
    engine = connected(vllm)
    vllm.troubles.append(Trouble(429, {"Retry-After": "0.4"}))
    started = time.monotonic()
    assert streamed(engine)
    assert time.monotonic() - started >= 0.4


def test_a_wait_that_nobody_would_bear_ends_at_once_and_is_named(vllm: Served) -> None:
    engine = connected(vllm)
    vllm.troubles.append(Trouble(429, {"Retry-After": "3600"}))
    with pytest.raises(EngineLost, match=r"rate limit .* is used up. It asks to wait 3600 seconds. .*MORALSC_REQUESTS"):
        streamed(engine)
    assert not vllm.troubles


@pytest.mark.parametrize(
    ("trouble", "kind", "sentence"),
    [
        (Trouble(429), EngineLost, "rate limit .* used up"),
        (Trouble(500, said="out of cards"), ModelError, "failed with 500. It says: out of cards"),
        (Trouble(503), EngineLost, "failed with 503"),
        (Trouble(401), EngineLost, "to answer without a key: set OPENAI_API_KEY"),
        (Trouble(402), EngineLost, "wants to be paid"),
        (Trouble(404, said="The model is gone"), EngineLost, f"has no model '{MODEL}'"),
        (Trouble(404), EngineLost, "not as an OpenAI-compatible server"),
        (Trouble(400, said="bad words"), ModelError, r"does not take this request \(400\). It says: bad words"),
        (Trouble(drops=0), ModelError, "broke off before its reply was whole"),
        (Trouble(drops=2), ModelError, "broke off before its reply was whole"),
    ],
)
def test_a_failure_that_stays_is_one_sentence(vllm: Served, trouble: Trouble, kind: Any, sentence: str) -> None:
    engine = connected(vllm)
    vllm.troubles.extend([trouble] * QUICK.attempts)
    with pytest.raises(ModelError, match=sentence) as failure:
        streamed(engine)
    assert type(failure.value) is kind or kind is ModelError
    assert isinstance(failure.value, EngineLost) is (kind is EngineLost)


def test_a_text_that_breaks_off_is_asked_for_again_where_nobody_has_read_it(vllm: Served) -> None:
    engine = connected(vllm)
    whole = "".join(streamed(engine))
    vllm.troubles.append(Trouble(drops=2))
    assert engine.replies([(HISTORY, Sampling(max_new_tokens=12))]) == [whole]
    vllm.troubles.append(Trouble(drops=2))
    pieces: list[str] = []
    with pytest.raises(ModelError, match="broke off"):
        pieces.extend(engine.stream(HISTORY, Sampling(max_new_tokens=12), StopFlag()))


def test_one_failed_reply_leaves_the_others(vllm: Served) -> None:
    engine = connected(vllm, patience=Patience(seconds=5, requests=1, attempts=1, pause=0.01))
    vllm.troubles.extend([Trouble(), Trouble(500), Trouble()])
    first, second, third = engine.replies([(HISTORY, Sampling(max_new_tokens=4))] * 3)
    assert first == third
    assert isinstance(second, ModelError)


def test_a_server_that_is_lost_ends_all_replies(vllm: Served) -> None:
    engine = connected(vllm)
    vllm.troubles.extend([Trouble(401)] * 8)
    with pytest.raises(EngineLost):
        engine.replies([(HISTORY, Sampling())] * 8)


def test_silence_ends_after_its_time_in_a_sentence(vllm: Served) -> None:
    spec = endpoint_spec(f"openai:{vllm.url}#{MODEL}")
    # Found out patiently: the tiny model, too, may need longer than it is given below.
    quick, hasty = (
        Client(read_endpoint(spec.name), MODEL, patience=patience)
        for patience in (QUICK, Patience(seconds=0.3, attempts=2, pause=0.01))
    )
    engine = EndpointEngine(spec, hasty, examine(quick))
    vllm.troubles.extend([Trouble(hangs=2)] * 2)
    with pytest.raises(EngineLost, match=r"said nothing for 0.3 seconds.*MORALSC_TIMEOUT"):
        streamed(engine)
    vllm.troubles.extend([Trouble(stalls=1)] * 2)
    with pytest.raises(EngineLost, match="said nothing"):
        streamed(engine)


def test_nobody_there_is_said_at_once() -> None:
    with serving() as here:
        address = here.url
    for path in ("", f"#{MODEL}", f"/v1/completions#{MODEL}"):
        with pytest.raises(EngineLost, match="No server answers at"):
            EndpointEngine.connect(endpoint_spec(f"openai:{address}{path}"), Patience(attempts=9, pause=9))


def test_a_wrong_path_is_said(vllm: Served) -> None:
    with pytest.raises(EngineLost, match=r"not as an OpenAI-compatible server .* Give the address"):
        connected(vllm, "/elsewhere")


def test_an_unknown_model_is_said(vllm: Served) -> None:
    with pytest.raises(EngineLost, match=r"has no model 'other'"):
        EndpointEngine.connect(endpoint_spec(f"openai:{vllm.url}#other"), QUICK)


def test_a_dialogue_that_is_too_long_is_said_as_by_a_local_engine(vllm: Served) -> None:
    engine, long = connected(vllm), (Message("user", "word " * 600), PRIMER)
    with pytest.raises(PromptTooLong, match="too long for tiny"):
        streamed(engine, long)
    with pytest.raises(PromptTooLong):
        engine.score([Scoring(long, (" a", " b"), closed=False)])
    assert isinstance(engine.replies([(long, Sampling())])[0], PromptTooLong)


def test_a_stop_closes_the_connection() -> None:
    with serving(pause=0.02) as here:
        engine, stop = connected(here), StopFlag()
        pieces = engine.stream(HISTORY, Sampling(max_new_tokens=400), stop)
        next(pieces)
        stop.stop()
        assert len(list(pieces)) <= 1
        assert here.left.wait(10)


def test_a_reader_who_leaves_closes_the_connection() -> None:
    with serving(pause=0.02) as here:
        pieces = connected(here).stream(HISTORY, Sampling(max_new_tokens=400), StopFlag())
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]
        assert here.left.wait(10)


def test_a_stop_is_obeyed_while_the_server_is_silent(vllm: Served) -> None:
    engine, stop = connected(vllm, patience=Patience(seconds=60)), StopFlag()
    vllm.troubles.append(Trouble(stalls=0))
    threading.Timer(0.2, stop.stop).start()
    started = time.monotonic()
    assert list(engine.stream(HISTORY, Sampling(), stop)) == []
    assert time.monotonic() - started < 20


def test_a_stop_is_obeyed_between_attempts(vllm: Served) -> None:
    engine, stop = connected(vllm, patience=Patience(pause=30)), StopFlag()
    vllm.troubles.append(Trouble(503))
    threading.Timer(0.2, stop.stop).start()
    started = time.monotonic()
    assert list(engine.stream(HISTORY, Sampling(), stop)) == []
    assert time.monotonic() - started < 20


def test_no_more_requests_go_side_by_side_than_are_allowed() -> None:
    with serving(pause=0.01) as here:
        engine = connected(here, patience=Patience(seconds=20, requests=3))
        engine.replies([(HISTORY, Sampling(max_new_tokens=6))] * 9)
        assert here.most <= 3
        engine.score([LABELS] * 6)
        assert here.most <= 3
        assert here.most > 1


def test_a_seed_goes_to_the_server_where_text_is_drawn(vllm: Served) -> None:
    engine = connected(vllm)
    streamed(engine, sampling=Sampling(4, temperature=0.7, top_p=0.9, seed=11))
    body = vllm.asked[-1][1]
    assert (body["temperature"], body["top_p"], body["seed"], body["max_tokens"]) == (0.7, 0.9, 11, 4)


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


def test_what_is_not_a_number_is_no_probability(vllm: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = connected(vllm)
    monkeypatch.setattr(vllm, "logprobs", lambda ids: torch.full((len(ids), 400), math.nan))
    for scores in engine.score([LABELS, PRONOUNS]):
        assert scores is not None
        assert all(map(math.isnan, scores))


def test_probabilities_never_hold_more_than_all(vllm: Served) -> None:
    (score,) = connected(vllm).score([LABELS])
    assert score is not None
    assert math.fsum(map(math.exp, score)) <= 1 + 1e-6
