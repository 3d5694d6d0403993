"""Engines behind an address whose server is the stand-in with a tiny model, and the same model on this machine."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import pytest
from engines import tiny_models
from stand_in_openai import MODEL, Served, served
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from moralsc.engines.endpoint import EndpointEngine
from moralsc.engines.local import LocalEngine
from moralsc.models.endpoints import Patience, endpoint_spec

QUICK = Patience(seconds=5, requests=4, attempts=3, pause=0.01)
TOKENIZERS = {
    "chat": tiny_models.chat_tokenizer,
    "plain": tiny_models.plain_tokenizer,
    "merging": tiny_models.merging_tokenizer,
    "sentencepiece": tiny_models.sentencepiece_like_tokenizer,
}


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@cache
def tiny(kind: str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    tokenizer = TOKENIZERS[kind]()
    return tiny_models.tiny("llama", tokenizer), tokenizer


def serving(kind: str = "chat", **settings: Any) -> AbstractContextManager[Served]:
    return served(*tiny(kind), **settings)


def connected(here: Served, path: str = "", patience: Patience = QUICK, **more: Any) -> EndpointEngine:
    return EndpointEngine.connect(endpoint_spec(f"openai:{here.url}{path}#{MODEL}"), patience, **more)


@cache
def _local(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> LocalEngine:
    return LocalEngine(endpoint_spec("openai:http://here"), model, tokenizer)


def beside(here: Served) -> LocalEngine:
    """The same model on this machine."""
    return _local(here.model, here.tokenizer)


@pytest.fixture
def vllm() -> Iterator[Served]:
    with serving() as here:
        yield here
