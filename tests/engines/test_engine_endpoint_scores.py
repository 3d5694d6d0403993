"""Log-probabilities through a server: the model's own, or none; never others, however the server names its tokens."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import stand_in_openai
import torch
from engines import endpoint_servers
from engines.contract import LABELS, LATER, PRIMER, PRONOUNS, QUESTION, streamed
from engines.endpoint_servers import beside, connected, serving
from stand_in_openai import Served, Trouble

from moralsc.dialogue import Message
from moralsc.engines.base import Scoring, limits

PLAIN = "/v1/completions"
CUT = "\ufffd"
OCCUPATIONS = (" médico", " medica", " mädchen")
CHARACTERS = (" 日本", " 中国", " é")
no_keys, vllm = endpoint_servers.no_keys, endpoint_servers.vllm


@pytest.mark.parametrize("kind", ["chat", "plain"])
def test_exact_figures_are_those_of_the_model_on_this_machine(kind: str) -> None:
    with serving(kind) as here:
        engine = connected(here, "/v1/completions" if kind == "plain" else "")
        assert engine.provenance["scoring"].startswith("exact: ")
        asked = [PRONOUNS, LABELS, LATER]
        for got, own in zip(engine.score(asked), beside(here).score(asked), strict=True):
            assert got == pytest.approx(own, abs=1e-4)


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


def test_a_server_without_log_probabilities_gives_the_answer_alone() -> None:
    with serving(prompt_logprobs=False, top=0) as here:
        engine = connected(here)
        assert (limits(engine).continues, limits(engine).probabilities) == (True, False)
        assert engine.score([PRONOUNS, LABELS]) == [None, None]
        assert (
            engine.provenance["scoring"] == "none: the generated answer alone (the server gives no log-probabilities)"
        )
        assert streamed(engine)


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


def replaced(here: Served, ids: list[int]) -> list[str]:
    """As a tokenizer decodes one token alone: what is no whole character is a replacement."""
    return [here.tokenizer.decode([i]) for i in ids]


def numbered(here: Served, ids: list[int]) -> list[str]:
    """As vLLM does when it is asked for."""
    return [f"token_id:{i}" for i in ids]


def gathered(here: Served, ids: list[int]) -> list[str]:
    """As vLLM does otherwise: nothing of a character until its last token, which has all of it."""
    names, held = list[str](), list[int]()
    for i in ids:
        held.append(i)
        text = here.tokenizer.decode(held)
        names.append("" if text.endswith(CUT) else text)
        held = held if text.endswith(CUT) else []
    return names


def spelled(here: Served, ids: list[int]) -> list[str]:
    """As OpenAI does: the bytes of what is no whole character."""
    return [
        name if CUT not in name else f"bytes:\\x{i % 256:02x}" for i, name in zip(ids, replaced(here, ids), strict=True)
    ]


def silent(here: Served, ids: list[int]) -> list[str]:
    """Nothing of what is no whole character."""
    return [name.replace(CUT, "") for name in replaced(here, ids)]


Names = Callable[[Served, list[int]], list[str]]
WAYS: tuple[Names, ...] = (replaced, numbered, gathered, spelled, silent)


def named(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the stand-in name the tokens of an echo so."""
    answered = stand_in_openai._Handler._text

    def answer(self: Any, ids: list[int], body: dict[str, Any]) -> dict[str, Any]:
        told = answered(self, ids, body)
        if body.get("echo"):
            told["choices"][0]["logprobs"]["tokens"][: len(ids)] = names(self.server_here, ids)
        return told

    monkeypatch.setattr(stand_in_openai._Handler, "_text", answer)


def options(texts: tuple[str, ...], primer: Message = PRIMER, closed: bool = True) -> Scoring:
    return Scoring((QUESTION, primer), texts, closed)


ASKED = [
    *(options(texts, closed=closed) for texts in (OCCUPATIONS, CHARACTERS) for closed in (True, False)),
    options(OCCUPATIONS, Message("assistant", "答え:")),
    PRONOUNS,
    LABELS,
]


@pytest.mark.parametrize("kind", ["plain", "merging", "sentencepiece"])
@pytest.mark.parametrize("names", WAYS)
def test_a_figure_is_the_model_s_own_or_there_is_none_however_tokens_are_named(
    kind: str, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(names, monkeypatch)
    with serving(kind) as here:
        got, own = connected(here, PLAIN).score(ASKED), beside(here).score(ASKED)
    for scores, expected in zip(got, own, strict=True):
        assert scores is None or scores == pytest.approx(expected, abs=1e-4)
    if names is numbered:
        assert None not in got


@pytest.mark.parametrize("names", [replaced, gathered, spelled])
def test_options_of_cut_characters_are_scored_where_it_shows_where_they_begin(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(names, monkeypatch)
    with serving("plain") as here:
        engine = connected(here, PLAIN)
        assert None not in engine.score([options(OCCUPATIONS), options(CHARACTERS)])
        assert "told by their texts" in engine.provenance["scoring"]


def test_an_opening_that_ends_in_a_cut_character_leaves_its_options_without_probabilities() -> None:
    # The same replacements would be told of other tokens.
    with serving("plain") as here:
        asked = options(("日", "本"), Message("assistant", "答"), closed=False)
        assert connected(here, PLAIN).score([asked, PRONOUNS])[0] is None


def test_tokens_whose_texts_are_not_the_prompt_s_leave_all_without_probabilities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named(lambda here, ids: ["x"] * len(ids), monkeypatch)
    with serving("plain") as here:
        assert connected(here, PLAIN).score([PRONOUNS, LABELS]) == [None, None]


def test_numbers_of_tokens_are_asked_for_and_a_server_that_refuses_them_is_asked_without(vllm: Served) -> None:
    connected(vllm, PLAIN)
    assert vllm.asked[-1][1]["return_tokens_as_token_ids"] is True
    vllm.troubles.append(Trouble(400))
    engine = connected(vllm, PLAIN)
    assert engine.provenance["scoring"].startswith("exact: echoed")
    assert engine.score([PRONOUNS]) != [None]
    assert all("return_tokens_as_token_ids" not in body for _, body in vllm.asked[2:])
