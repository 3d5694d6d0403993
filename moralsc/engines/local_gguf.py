"""From a GGUF file to an ordinary model folder: plain weights, config, tokenizer and chat template.

transformers can load such a file itself, but then reads its metadata many times over, passes silently over what it does
not know (stretched rotary positions, soft caps), and takes the tokenizer of a tokenizer.json that lies beside the file.
Here every key of the file's architecture is either understood or refused by its name. Names and layouts of tensors are
transformers' and the gguf package's own knowledge.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
import transformers
from tokenizers import AddedToken, Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.integrations import ggml
from transformers.integrations.gguf import gguf_tokenizer_mapping as tokenizers_of
from transformers.modeling_gguf_pytorch_utils import TENSOR_PROCESSORS, TensorProcessor

from moralsc.errors import ModelError
from moralsc.models.gguf import Gguf, Tensor

WRITTEN_BY = f"1-transformers-{transformers.__version__}-gguf-{version('gguf')}"
"""What a written folder depends on beside the file: a number for this module, and who knows names and layouts."""
_KEYS: Mapping[str, Mapping[str, str | None]] = ggml.GGUF_CONFIG_MAPPING  # type: ignore[assignment]
"""transformers' table: architecture -> key -> attribute of its config."""
_ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "gpt2", "starcoder2")
"""Those whose every key is known here."""
_NO_EFFECT = (
    *("vocab_size", "context_length", "block_count", "embedding_length", "feed_forward_length", "tensor_data_layout"),
    *("attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon", "rope.scaling.finetuned"),
)
_EQUAL_TO_HEAD = ("rope.dimension_count", "attention.key_length", "attention.value_length")
_ROPE = ("rope.scaling.type", "rope.scaling.factor", "rope.scaling.original_context_length", "rope.scale_linear")
_YARN = {"rope.scaling.yarn_beta_fast": "beta_fast", "rope.scaling.yarn_beta_slow": "beta_slow"}
_ONLY = {
    "expert_count": (0,),
    "expert_used_count": (0,),
    "attention.causal": (True,),
    "rope.freq_base_swa": (10000.0,),
    "rope.scaling.attn_factor": (1.0,),
    "rope.scaling.yarn_ext_factor": (1.0,),
    "rope.scaling.yarn_attn_factor": (1.0,),
    "rope.scaling.yarn_log_multiplier": (0.0,),
    "attention.max_alibi_bias": (0.0,),
}
"""Keys that may stand in a file with these values alone, since any other would change the computation."""
_RENAMED = {
    "gemma2": {
        "attn_logit_softcapping": "attn_logit_softcapping",
        "final_logit_softcapping": "final_logit_softcapping",
    },
    "phi3": {"attention.sliding_window": "sliding_window"},
    "gemma3": {"final_logit_softcapping": "final_logit_softcapping"},
}
"""Keys that transformers' own table of an architecture lacks."""
_LARGEST = {"gemma2": 46, "gemma3": 62}
"""Layers of the 27B: it alone divides its attention by the width of a head as if there were no head_dim."""
_BOS_BY_DEFAULT = ("llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "tekken", "chameleon")
"""Pre-tokenizers for which llama.cpp writes BOS where the file does not say (src/llama-vocab.cpp, 2026)."""
_CONTROL, _MARKS = 3, (3, 4)
"""Types of tokens in a file: control; control or defined by its makers, such as <think>."""
_FREQUENCIES = "rope_freqs.weight"
_AT_A_TIME = 1 << 16  # numbers that are de-quantised in one step, few enough for the processor's cache
_DTYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}

_Undo = Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]]
"""Pieces of a tensor as the file has them, to pieces as the model wants them."""


def write_folder(file: Gguf, folder: Path, dtype: torch.dtype) -> None:
    """Write config.json, model.safetensors and the tokenizer's files of a GGUF file into an empty folder.

    Args:
        dtype: of the weights that are written; numbers are de-quantised in float32 first.

    Raises:
        ModelError: the file holds what is not understood here, or lacks a tensor; the sentence names it.
    """
    _check(file)
    config = _config(file)
    config.dtype = dtype
    with torch.device("meta"):
        skeleton = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    config.architectures = [type(skeleton).__name__]
    plan = _plan(file, config, skeleton)
    _write_weights(plan, file.path, folder / "model.safetensors", dtype)
    config.save_pretrained(folder)
    read_tokenizer(file).save_pretrained(folder)


def quantisation(file: Gguf) -> str:
    """How most of the file's weights are held: "Q4_1"."""
    kind = int(file.metadata.get("general.file_type", -1))
    named = {t.value: t.name for t in gguf.LlamaFileType}
    return named.get(kind, "unstated").removeprefix("MOSTLY_").removeprefix("ALL_")


def read_tokenizer(file: Gguf) -> PreTrainedTokenizerFast:
    """The tokenizer and chat template that the file itself describes; what lies beside it is not looked at."""
    architecture, vocabulary, settings = tokenizers_of.get_gguf_tokenizer(str(file.path))
    backend, _ = tokenizers_of.convert_gguf_tokenizer(architecture, vocabulary)
    backend = _with_all_marks(backend, vocabulary)
    if file.metadata.get("tokenizer.ggml.pre") in _BOS_BY_DEFAULT:
        settings.setdefault("add_bos_token", True)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **settings)  # type: ignore[no-untyped-call]
    if settings.get("add_bos_token") and tokenizer.bos_token is not None:
        begin = (tokenizer.bos_token, tokenizer.bos_token_id)
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=[begin[0], "$A"], pair=[begin[0], "$A", begin[0], "$B"], special_tokens=[begin]
        )
    return tokenizer


def _with_all_marks(backend: Tokenizer, vocabulary: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer with every control token of a byte-level vocabulary whole.

    transformers takes one that is not written in the byte alphabet, as DeepSeek's <｜User｜> with its wide bars, for a
    mistake: it spells the entry in bytes, so that the template's marks become a dozen ordinary tokens.
    """
    kinds = vocabulary.get("token_type") or ()
    marks = [(id, t) for id, (t, kind) in enumerate(zip(vocabulary["tokens"], kinds, strict=False)) if kind in _MARKS]
    lost = {id: token for id, token in marks if backend.token_to_id(token) is None}
    if not lost or vocabulary.get("tokenizer_type") != "gpt2":
        return backend
    state = json.loads(backend.to_str())
    state["model"]["vocab"] = {lost.get(id, token): id for token, id in state["model"]["vocab"].items()}
    backend = Tokenizer.from_str(json.dumps(state))
    added = {token: AddedToken(token, normalized=False, special=kinds[id] == _CONTROL) for id, token in lost.items()}
    backend.add_tokens([token for token in added.values() if not token.special])
    backend.add_special_tokens([token for token in added.values() if token.special])
    return backend


def _check(file: Gguf) -> None:
    """Refuse an architecture, or a key or value of it, that is not understood."""
    arch, name = file.architecture, file.path.name
    if arch not in _ARCHITECTURES:
        raise ModelError(
            f"{name} is a GGUF file of architecture {arch!r}, which is not read here. Read are "
            f"{', '.join(_ARCHITECTURES)}; llama.cpp's server runs the others: ask it at its address."
        )
    table = _KEYS[arch]
    known = {key for key, renamed in table.items() if renamed is not None} | set(_RENAMED.get(arch, ()))
    known |= {*_NO_EFFECT, *_EQUAL_TO_HEAD, *_ROPE, *_YARN}
    for key, value in file.own.items():
        if key not in known and value not in _ONLY.get(key, ()):
            raise ModelError(
                f"{name} has {arch}.{key} = {str(value)[:60]}, which is not understood here: figures could be wrong."
            )


def _config(file: Gguf) -> Any:
    arch, own = file.architecture, file.own
    table = {**_KEYS[arch], **_RENAMED.get(arch, {})}
    values = {renamed: own[key] for key, renamed in table.items() if renamed and key in own}
    tokens = {f"tokenizer.{key}": to for key, to in _KEYS["tokenizer"].items() if to}
    values |= {to: file.metadata[key] for key, to in tokens.items() if key in file.metadata}
    values["vocab_size"] = len(file.metadata.get("tokenizer.ggml.tokens", ()))
    values["tie_word_embeddings"] = all(tensor.name != "output.weight" for tensor in file.tensors)
    if arch == "gpt2":
        values.setdefault("n_positions", own.get("context_length"))
    kind = {"gemma3": "gemma3_text"}.get(arch, arch)
    theta = values.pop("rope_theta", None)
    config = AutoConfig.for_model(kind, **values)
    _set_head(file, config)
    _set_rotary(file, config, theta)
    if own.get("block_count") == _LARGEST.get(arch):
        config.query_pre_attn_scalar = config.hidden_size // config.num_attention_heads
    return config


def _set_head(file: Gguf, config: Any) -> None:
    """The width of a head; keys that say another one are refused."""
    if "attention.key_length" in file.own and hasattr(config, "head_dim"):
        config.head_dim = file.own["attention.key_length"]
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    for key in _EQUAL_TO_HEAD:
        if (said := file.own.get(key, width)) != width:
            raise ModelError(
                f"{file.path.name} has {file.architecture}.{key} = {said}, but a head is {width} wide: that is not "
                "understood here."
            )


def _set_rotary(file: Gguf, config: Any, theta: float | None) -> None:
    """The positions' frequencies: their base, how they are stretched, and factors of their own."""
    arch = file.architecture
    if arch == "gpt2":
        return
    rope = _stretched(file)
    if theta is None and arch == "gemma3":
        raise ModelError(f"{file.path.name} lacks the key {arch}.rope.freq_base.")
    base = {"rope_theta": theta if theta is not None else 10000.0}
    factors = next((tensor for tensor in file.tensors if tensor.name == _FREQUENCIES), None)
    if factors is not None:
        if rope or arch != "llama":
            raise ModelError(f"{file.path.name} has {_FREQUENCIES} beside other factors: that is not understood here.")
        rope = _llama3(file, factors, config)
    parameters = {"rope_type": "default", **rope, **base}
    if arch == "gemma3":  # layers with a window are never stretched
        near = {"rope_type": "default", "rope_theta": 10000.0}
        config.rope_parameters = {"full_attention": parameters, "sliding_attention": near}
    else:
        config.rope_parameters = parameters


def _stretched(file: Gguf) -> dict[str, Any]:
    """rope.scaling.* in transformers' words; empty where nothing is stretched."""
    own, name, arch = file.own, file.path.name, file.architecture
    kind = own.get("rope.scaling.type", "linear")
    factor = float(own.get("rope.scaling.factor", own.get("rope.scale_linear", 0.0)))
    if kind == "none" or factor in (0.0, 1.0):
        return {}
    if kind == "linear":
        return {"rope_type": "linear", "factor": factor}
    if kind == "yarn":
        trained = own.get("rope.scaling.original_context_length")
        if not trained:
            raise ModelError(f"{name} lacks the key {arch}.rope.scaling.original_context_length, which yarn needs.")
        betas = {to: float(own[key]) for key, to in _YARN.items() if key in own}
        return {"rope_type": "yarn", "factor": factor, "original_max_position_embeddings": int(trained), **betas}
    raise ModelError(f"{name} has {arch}.rope.scaling.type = {kind!r}. Understood are none, linear and yarn.")


def _llama3(file: Gguf, tensor: Tensor, config: Any) -> dict[str, Any]:
    """The four figures behind Llama 3.1's factors: tried from what its models have, kept if they give these factors."""
    found = np.concatenate(list(_pieces(file.path, tensor)), axis=None)
    width, factor = len(found) * 2, float(found.max())
    theta = float(file.own.get("rope.freq_base", 10000.0))
    waves = 2 * math.pi * theta ** (np.arange(0, width, 2) / width)
    for trained in (8192, int(config.max_position_embeddings)):
        rope = {
            "rope_type": "llama3",
            "factor": factor,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": trained,
        }
        smooth = np.clip((trained / waves - 1.0) / 3.0, 0.0, 1.0)
        if np.allclose(1 / ((1 - smooth) / factor + smooth), found, rtol=1e-4):
            return rope
    raise ModelError(
        f"{file.path.name} has {_FREQUENCIES} with factors that are not those of Llama 3.1 to 3.3: they are not "
        "understood here."
    )


@dataclass(frozen=True)
class _Parameter:
    """A parameter of the model and where it comes from."""

    name: str
    shape: tuple[int, ...]
    tensor: Tensor
    made: _Undo


def _plan(file: Gguf, config: Any, skeleton: torch.nn.Module) -> list[_Parameter]:
    """Every parameter with its tensor; ModelError names a tensor that is missing, or that no parameter takes."""
    arch = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == file.architecture)
    names = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
    there = {tensor.name: tensor for tensor in file.tensors if tensor.name != _FREQUENCIES}
    process = _processed(file.architecture, config)
    found, lacking = list[_Parameter](), list[str]()
    tied = set(getattr(skeleton, "all_tied_weights_keys", {}))
    for name, value in skeleton.state_dict().items():
        if name in tied:
            continue
        stem, _, kind = name.rpartition(".")
        other = f"{names.get_name(stem)}.{kind}"
        if other not in there:
            lacking.append(f"{other} ({name})")
            continue
        found.append(_Parameter(name, tuple(value.shape), there.pop(other), process(other)))
    if lacking:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        raise ModelError(f"{file.path.name} is not whole: it lacks {', '.join(lacking[:3])}{more}.")
    if there:
        raise ModelError(f"{file.path.name} has the tensor {min(there)}, which is not understood here.")
    return found


def _processed(arch: str, config: Any) -> Callable[[str], _Undo]:
    """By a tensor's name, what undoes the layout that llama.cpp gave it."""
    processor = TENSOR_PROCESSORS.get(arch, TensorProcessor)(config=config.to_dict())  # type: ignore[no-untyped-call]

    def of(name: str) -> _Undo:
        def made(pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
            # Only what changes places between rows needs the whole tensor at once.
            whole = arch == "gpt2" or ".attn_q." in name or ".attn_k." in name
            for piece in [np.concatenate(list(pieces))] if whole else pieces:
                yield processor.process(weights=piece, name=name).weights  # type: ignore[no-untyped-call]

        return made

    return of


def _pieces(path: Path, tensor: Tensor) -> Iterator[np.ndarray]:
    """The tensor's numbers as float32, some rows at a time: (rows, ...)."""
    kind = gguf.GGMLQuantizationType(tensor.kind)
    numbers, size = gguf.GGML_QUANT_SIZES[kind]
    width = tensor.shape[-1] // numbers * size
    rows = math.prod(tensor.shape[:-1])
    data = np.memmap(path, np.uint8, "r", tensor.start, (rows, width))
    step = max(1, _AT_A_TIME // tensor.shape[-1])
    for first in range(0, rows, step):
        # As one long row: the package works through sixteen rows at a time, which is slow where rows are short.
        plain = gguf.dequantize(np.array(data[first : first + step]).reshape(1, -1), kind)
        yield plain.reshape(-1, *tensor.shape[1:]) if len(tensor.shape) > 1 else plain.reshape(-1)


def _write_weights(plan: list[_Parameter], source: Path, target: Path, dtype: torch.dtype) -> None:
    """A safetensors file, tensor after tensor: the library's own writer would hold all of them in memory."""
    each = dtype.itemsize
    head: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    total = 0
    for parameter in plan:
        size = math.prod(parameter.shape) * each
        head[parameter.name] = {
            "dtype": _DTYPES[dtype],
            "shape": list(parameter.shape),
            "data_offsets": [total, total + size],
        }
        total += size
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with target.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for parameter in plan:
            written = 0
            for piece in parameter.made(_pieces(source, parameter.tensor)):
                numbers = torch.from_numpy(np.ascontiguousarray(piece)).to(dtype)
                out.write(numbers.view(torch.uint8).numpy().data)
                written += numbers.numel() * each
            if written != math.prod(parameter.shape) * each:
                raise ModelError(
                    f"{source.name} has {parameter.tensor.name} of shape {parameter.tensor.shape}, where "
                    f"{parameter.name} is {parameter.shape}."
                )
