"""A model whose layers lie on several devices. What a CPU can show: layers that accelerate keeps on the disk."""

from pathlib import Path

import pytest
import torch
from engines.contract import LABELS, LATER, PRONOUNS, streamed
from engines.tiny_models import chat_tokenizer, tiny
from scripted import make_spec

from moralsc.engines import weights
from moralsc.engines.base import Sampling
from moralsc.engines.local import LocalEngine
from moralsc.engines.local_machine import best_device
from moralsc.errors import InputError

SPREAD = {
    "model.embed_tokens": "cpu",
    "model.rotary_emb": "cpu",
    "model.layers.0": "cpu",
    "model.layers.1": "disk",
    "model.norm": "cpu",
    "lm_head": "cpu",
}


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tokenizer = chat_tokenizer()
    folder = tmp_path / "models" / "bundled"
    tiny("llama", tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    monkeypatch.setattr(weights, "ASSETS", tmp_path)
    return folder


def load(**more: object) -> LocalEngine:
    return LocalEngine.load(make_spec("bundled"), "cpu", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("device_map", ["auto", SPREAD], ids=["auto", "layers on the disk"])
def test_a_spread_model_answers_and_is_packed_as_a_whole_one_is(saved: Path, device_map: object) -> None:
    whole, spread = load(), load(device_map=device_map)
    assert spread.provenance["scoring"] == "packed"
    asked = [PRONOUNS, LABELS, LATER]
    for mine, theirs in zip(spread.score(asked), whole.score(asked), strict=True):
        assert mine == pytest.approx(theirs, abs=1e-4)
    assert streamed(spread) == streamed(whole)
    requests = [(s.messages, Sampling(max_new_tokens=6 + k)) for k, s in enumerate(asked)]
    assert spread.replies(requests) == whole.replies(requests)


def test_where_the_layers_lie_stands_in_the_provenance(saved: Path) -> None:
    assert load(device_map="auto").provenance["device"] == "cpu"
    assert load(device_map=SPREAD).provenance["device"] == "cpu, disk"


def test_another_device_map_is_refused(saved: Path) -> None:
    with pytest.raises(InputError, match="auto"):
        load(device_map="automatic")


@pytest.mark.parametrize(
    ("place", "cards", "device"),
    [(None, 2, "cuda"), (0, 2, "cuda:0"), (1, 2, "cuda:1"), (3, 2, "cuda:1"), (1, 0, "cpu")],
)
def test_each_process_of_a_machine_takes_a_card_of_its_own(
    monkeypatch: pytest.MonkeyPatch, place: int | None, cards: int, device: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cards > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
    assert best_device(place) == device
