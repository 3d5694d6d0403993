"""A server that fails, is silent, says too much or is asked to stop: borne, bounded, or said in one sentence."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from engines import endpoint_servers
from engines.contract import HISTORY, LABELS, PRIMER, streamed
from engines.endpoint_servers import QUICK, connected, serving
from stand_in_openai import MODEL, Served, Trouble

from moralsc.dialogue import Message
from moralsc.engines.base import Sampling, Scoring, StopFlag
from moralsc.engines.endpoint import EndpointEngine
from moralsc.engines.endpoint_abilities import examine
from moralsc.engines.endpoint_client import Client
from moralsc.errors import EngineLost, ModelError, PromptTooLong
from moralsc.models.endpoints import Patience, endpoint_spec, read_endpoint

no_keys, vllm = endpoint_servers.no_keys, endpoint_servers.vllm


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


@pytest.mark.parametrize("path", ["", "/v1/completions"])
@pytest.mark.parametrize("piece", ["x" * 50, ""])
def test_a_server_that_never_ends_is_left_after_what_was_asked_for(
    path: str, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that sends events without text; in the page as in a run."""

    def endless(ids: list[int], body: dict[str, Any]) -> Iterator[tuple[str, None]]:
        while not here.ended.is_set():
            yield piece, None

    asked = Sampling(max_new_tokens=2)
    with serving() as here:
        engine = connected(here, path)
        monkeypatch.setattr(here, "written", endless)
        streamed_text = "".join(streamed(engine, sampling=asked))
        assert here.left.wait(10)
        here.left.clear()
        (replied,) = engine.replies([(HISTORY, asked)])
        assert here.left.wait(10)
        assert streamed_text == replied
        assert len(replied) < 1000
        assert set(replied) == set(piece)


def test_an_event_without_end_is_never_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of texts: events of chats are read by the hub's client."""
    with serving() as here:
        engine = connected(here, "/v1/completions")
        monkeypatch.setattr(here, "written", lambda ids, body: iter([("x" * 30_000_000, None)]))
        with pytest.raises(EngineLost, match="not as an OpenAI-compatible server"):
            engine.replies([(HISTORY, Sampling())])
        assert here.left.wait(10)
