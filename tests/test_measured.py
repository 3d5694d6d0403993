"""What was measured is what is named: files that answer with confident figures of another model are refused.

Each case was found with real weights; here it is made small, on the spot.
"""

import json
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from catalogues import offering
from engines.tiny_models import CHATML, chat_tokenizer, tiny
from gguf_files import LAYERS, WIDTH, make_gguf
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertLMHeadModel, LlamaForSequenceClassification

from moralsc.batch import run as running
from moralsc.batch.design import Design
from moralsc.batch.record import key
from moralsc.dialogue import Message
from moralsc.engines import local_gguf, packing, self_check
from moralsc.engines.base import Scoring
from moralsc.engines.fit import needed
from moralsc.engines.local import LocalEngine
from moralsc.engines.pool import load_local
from moralsc.engines.store import Store
from moralsc.errors import ModelError, RunError
from moralsc.models import catalogue
from moralsc.models.files import safetensors_facts
from moralsc.models.gguf import read_gguf
from moralsc.models.local import admit, local_spec
from moralsc.settings import Settings


@pytest.fixture(autouse=True)
def own_catalogue() -> Iterator[None]:
    """What a test admits is gone after it."""
    with offering(dict(catalogue())):
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole model, safe to change."""
    made, tokenizer = tmp_path / "mine", chat_tokenizer()
    tiny("llama", tokenizer, tie_word_embeddings=False).save_pretrained(made)
    tokenizer.save_pretrained(made)
    return made


def loaded(path: Path, tmp_path: Path) -> LocalEngine:
    return LocalEngine.load(local_spec(str(path)), store=Store(tmp_path / "cache"))


def without(folder: Path, part: str) -> None:
    """Drop the tensors whose names hold this."""
    file = folder / "model.safetensors"
    kept = {name: value for name, value in load_file(file).items() if part not in name}
    save_file(kept, file, {"format": "pt"})


# Parameters that no file holds ----------------------------------------------------------------------------------------


def test_a_whole_folder_is_loaded(folder: Path, tmp_path: Path) -> None:
    assert loaded(folder, tmp_path).provenance["weights"].startswith("sha256:")


@pytest.mark.parametrize("part", ["lm_head", "layers.1.", "down_proj"])
def test_a_folder_that_lacks_a_parameter_is_refused_by_its_name(part: str, folder: Path, tmp_path: Path) -> None:
    without(folder, part)
    with pytest.raises(ModelError, match=rf"not whole: \S*{re.escape(part)}.* missing"):
        loaded(folder, tmp_path)


def test_tied_embeddings_lack_nothing(tmp_path: Path) -> None:
    made, tokenizer = tmp_path / "tied", chat_tokenizer()
    tiny("llama", tokenizer, tie_word_embeddings=True).save_pretrained(made)
    tokenizer.save_pretrained(made)
    assert "lm_head.weight" not in load_file(made / "model.safetensors")
    loaded(made, tmp_path)


def test_a_classifier_is_refused_although_its_body_is_whole(folder: Path, tmp_path: Path) -> None:
    tokenizer = chat_tokenizer()
    config = tiny("llama", tokenizer, tie_word_embeddings=True).config
    LlamaForSequenceClassification(config).save_pretrained(folder)
    with pytest.raises(ModelError, match="LlamaForSequenceClassification. Only models that continue text"):
        loaded(folder, tmp_path)


@pytest.mark.parametrize("lacking", ["blk.1.ffn_down", "token_embd", "blk.0.attn_q"])
def test_a_gguf_that_lacks_a_tensor_is_refused_by_its_name(lacking: str, tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "lost.gguf", lacking=[lacking])
    with pytest.raises(ModelError, match=rf"lost\.gguf is not whole: it lacks {re.escape(lacking)}\.weight"):
        loaded(path, tmp_path)
    assert not [f for f in (tmp_path / "cache" / "weights").iterdir() if f.is_dir()], "nothing half written stays"


def test_a_gguf_with_a_tensor_that_no_parameter_takes_is_refused(tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "more.gguf", tensors={"blk.0.attn_q.bias": np.ones(WIDTH)})
    with pytest.raises(ModelError, match=r"has the tensor blk\.0\.attn_q\.bias, which is not understood"):
        loaded(path, tmp_path)


# Models that see what follows -----------------------------------------------------------------------------------------


def bert(folder: Path, **names: Any) -> Path:
    tokenizer = chat_tokenizer()
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    torch.manual_seed(0)
    BertLMHeadModel(BertConfig(vocab_size=len(tokenizer), **size)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | names))
    return folder


@pytest.mark.parametrize("named", [["BertModel"], ["BertForMaskedLM"], None])
def test_an_encoder_is_refused_by_its_name_or_by_what_it_sees(named: list[str] | None, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Only models that continue text"):
        loaded(bert(tmp_path / "bert", architectures=named), tmp_path)


def test_what_follows_a_token_changes_nothing_in_a_causal_model_and_much_in_an_encoder(tmp_path: Path) -> None:
    packing.check_causal(tiny("llama", chat_tokenizer()))
    with pytest.raises(ModelError, match="in both directions"):
        packing.check_causal(BertLMHeadModel.from_pretrained(bert(tmp_path / "bert")))


# Tokenizer and chat template ------------------------------------------------------------------------------------------


def test_a_tokenizer_beside_a_gguf_file_is_not_read(tmp_path: Path) -> None:
    alone = make_gguf(tmp_path / "alone.gguf", template=CHATML)
    before = loaded(alone, tmp_path)
    beside = tmp_path / "beside"
    beside.mkdir()
    shutil.copy(alone, beside / "alone.gguf")
    chat_tokenizer().save_pretrained(beside)
    after = loaded(beside / "alone.gguf", tmp_path)
    assert after._format.encode("a nurse") == before._format.encode("a nurse")
    assert after.provenance == before.provenance | {"model": after.provenance["model"]}
    assert "<|im_start|>user" in after.provenance["dialogue"]


def test_an_edited_template_or_tokenizer_is_another_model(folder: Path, tmp_path: Path) -> None:
    before = loaded(folder, tmp_path).provenance
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("| trim", ""))
    after = loaded(folder, tmp_path).provenance
    assert after["weights"] == before["weights"]
    assert after["config"] != before["config"]


def test_a_run_does_not_go_on_across_an_edited_template(folder: Path, tmp_path: Path) -> None:
    settings, out = Settings(cache=tmp_path / "cache"), tmp_path / "run"
    design = Design.of(str(folder), "winogender:bundled", "none", limit=3, batch=1, order="fixed")

    def stop(progress: Any) -> None:
        if progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        running.run(design, out, settings, on_progress=stop)
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|im_start|>assistant", "<|im_start|>assistant (fair)"))
    with pytest.raises(RunError, match="holds another run") as told:
        running.run(design, out, settings)
    shown = {line.split(": ")[0].removeprefix(f"  {folder}."): line for line in str(told.value).splitlines()[1:]}
    assert set(shown) == {"config", "dialogue"}
    before, now = shown["dialogue"].split(" there, ")
    assert "(fair)" not in before
    assert "<|im_start|>assistant (fair)" in now
    assert "(fair)" not in json.loads((out / "run.json").read_text())["models"][str(folder)]["dialogue"]


# Positions and the beginning of a text in GGUF files ------------------------------------------------------------------


def frequencies(path: Path, tmp_path: Path) -> torch.Tensor:
    return loaded(path, tmp_path)._model.model.rotary_emb.inv_freq  # type: ignore[union-attr,return-value]


def test_stretched_positions_of_a_gguf_are_honoured(tmp_path: Path) -> None:
    plain = frequencies(make_gguf(tmp_path / "plain.gguf"), tmp_path)
    linear = {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4.0}
    torch.testing.assert_close(frequencies(make_gguf(tmp_path / "linear.gguf", keys=linear), tmp_path), plain / 4)
    none = {"llama.rope.scaling.type": "none", "llama.rope.scaling.factor": 4.0}
    torch.testing.assert_close(frequencies(make_gguf(tmp_path / "none.gguf", keys=none), tmp_path), plain)


def test_yarn_of_a_gguf_is_honoured(tmp_path: Path) -> None:
    keys = {"type": "yarn", "factor": 4.0, "original_context_length": 256}
    path = make_gguf(tmp_path / "yarn.gguf", keys={f"llama.rope.scaling.{key}": value for key, value in keys.items()})
    rotary = loaded(path, tmp_path)._model.model.rotary_emb  # type: ignore[union-attr]
    plain = frequencies(make_gguf(tmp_path / "plain.gguf"), tmp_path)
    assert rotary.attention_scaling == pytest.approx(0.1 * math.log(4) + 1)
    assert rotary.inv_freq[0] == pytest.approx(plain[0].item()), "fast positions stay"
    assert rotary.inv_freq[-1] == pytest.approx(plain[-1].item() / 4), "slow ones are stretched"


def llama3(width: int, theta: float, factor: float, trained: int = 8192) -> np.ndarray:
    """The factors by which Llama 3.1 divides its frequencies, computed one by one as its makers describe it."""
    found = []
    for place in range(0, width, 2):
        wave = 2 * math.pi * theta ** (place / width)
        smooth = (trained / wave - 1) / (4 - 1)
        found.append(1.0 if wave < trained / 4 else factor if wave > trained else 1 / ((1 - smooth) / factor + smooth))
    return np.array(found)


def test_the_frequency_factors_of_llama_3_are_recognised(tmp_path: Path) -> None:
    base, factors = {"llama.rope.freq_base": 500_000.0}, llama3(WIDTH // 2, 500_000.0, 8.0)
    assert min(factors) == 1.0
    assert max(factors) == 8.0
    path = make_gguf(tmp_path / "three.gguf", keys=base, tensors={"rope_freqs.weight": factors})
    plain = frequencies(make_gguf(tmp_path / "plain.gguf", keys=base), tmp_path)
    torch.testing.assert_close(frequencies(path, tmp_path), plain / torch.tensor(factors, dtype=torch.float32))


@pytest.mark.parametrize(
    ("keys", "tensors", "named"),
    [
        ({}, {"rope_freqs.weight": np.array([1.0, 2.0, 3.0, 4.0])}, "rope_freqs.weight"),
        ({"llama.rope.scaling.type": "longrope", "llama.rope.scaling.factor": 2.0}, {}, "llama.rope.scaling.type"),
        ({"llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": 2.0}, {}, "original_context_length"),
        ({"llama.attention.value_length": 4}, {}, "llama.attention.value_length"),
        ({"llama.expert_count": 8}, {}, "llama.expert_count"),
        ({"llama.logit_scale": 0.5}, {}, "llama.logit_scale"),
    ],
)
def test_what_is_not_understood_in_a_gguf_is_refused_by_its_key(
    keys: dict[str, Any], tensors: dict[str, np.ndarray], named: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=re.escape(named)):
        loaded(make_gguf(tmp_path / "odd.gguf", keys=keys, tensors=tensors), tmp_path)


def test_an_architecture_that_is_not_read_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"architecture 'bert', which is not read here. Read are llama, qwen2"):
        loaded(make_gguf(tmp_path / "bert.gguf", architecture="bert"), tmp_path)


@pytest.mark.parametrize(
    ("pre", "said", "begins"),
    [("llama-bpe", None, True), ("llama-bpe", False, False), ("smollm", None, False), ("smollm", True, True)],
)
def test_a_text_begins_as_llama_cpp_begins_it(pre: str, said: bool | None, begins: bool, tmp_path: Path) -> None:
    keys = {} if said is None else {"tokenizer.ggml.add_bos_token": said}
    tokenizer = loaded(make_gguf(tmp_path / "x.gguf", pre=pre, keys=keys), tmp_path)._format.tokenizer
    assert (tokenizer.encode("hello")[0] == tokenizer.bos_token_id) == begins
    assert tokenizer.encode("hello", add_special_tokens=False)[0] != tokenizer.bos_token_id


# What counts ----------------------------------------------------------------------------------------------------------


def test_weights_that_lie_there_twice_count_once(folder: Path) -> None:
    before = local_spec(str(folder))
    shutil.copy(folder / "model.safetensors", folder / "consolidated.safetensors")
    after = local_spec(str(folder))
    assert (after.parameters, after.scored_by) == (before.parameters, before.scored_by)
    assert safetensors_facts(folder)[0] == before.parameters


def test_shards_that_an_index_names_count_and_a_lost_one_is_named(folder: Path, tmp_path: Path) -> None:
    whole = load_file(folder / "model.safetensors")
    names = sorted(whole)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, held in parts.items():
        save_file({name: whole[name] for name in held}, folder / file, {"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: file for file, held in parts.items() for name in held}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").unlink()
    assert safetensors_facts(folder)[0] == sum(value.numel() for value in whole.values())
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelError, match=r"not whole: model-00002-of-00002\.safetensors is missing"):
        local_spec(str(folder))


def test_unpacking_holds_a_little_of_one_tensor_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_gguf, "_AT_A_TIME", 64)
    file = read_gguf(make_gguf(tmp_path / "mine.gguf"))
    embeddings = next(tensor for tensor in file.tensors if tensor.name == "token_embd.weight")
    pieces = list(local_gguf._pieces(file.path, embeddings))
    assert max(piece.size for piece in pieces) <= 64
    assert np.concatenate(pieces).shape == embeddings.shape
    # What is expected of memory is the weights and a fifth: nothing of the file is held beside them.
    spec = local_spec(str(file.path))
    assert needed(spec, "float32") == round(file.parameters * 4 * 1.2)


def test_unpacked_weights_answer_as_transformers_own_loading_does(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    path = make_gguf(tmp_path / "mine.gguf")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=path.name, dtype=torch.float32)
    first, second = (loaded(path, tmp_path)._model for _ in range(2))  # written, then read from the cache
    tokens = torch.arange(3, 40)[None]
    with torch.inference_mode():
        for ours in (first, second):
            torch.testing.assert_close(ours(tokens).logits, theirs(tokens).logits, rtol=0, atol=1e-5)
    assert first.config.num_hidden_layers == LAYERS


# Options that nobody would say ----------------------------------------------------------------------------------------


def test_a_model_that_would_say_no_option_carries_a_warning_with_every_figure(folder: Path, tmp_path: Path) -> None:
    admit([str(folder)], Settings(cache=tmp_path / "cache"))
    engine = load_local(str(folder), store=Store(tmp_path / "cache"))
    assert "would say none of the options" in engine.provenance["warning"], "its weights are random"


def test_a_context_too_short_for_what_is_tried_refuses_no_model(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 8}))
    admit([str(folder)], Settings(cache=tmp_path / "cache"))
    assert "warning" not in load_local(str(folder), store=Store(tmp_path / "cache")).provenance


def test_a_model_that_says_options_carries_none() -> None:
    assert self_check.warning(LocalEngine.load(next(s for s in catalogue().values() if s.bundled))) == ""


def test_answers_under_two_chat_templates_have_two_keys() -> None:
    facts = {"model": "m", "weights": "w", "dtype": "float32", "config": "c", "dialogue": "<user>"}
    scoring = Scoring((Message("user", "?"),), (" a",), closed=True)

    def made(**changes: str) -> str:
        return key(facts | changes, scoring.messages, scoring, (), 0, 0)

    assert len({made(), made(config="d"), made(dialogue="<human>"), made(weights="v")}) == 4
