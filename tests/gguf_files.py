"""GGUF files of random numbers, made on the spot: a Llama of two layers and a vocabulary of bytes or of byte pairs."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from transformers.convert_slow_tokenizer import bytes_to_unicode

BYTES = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *map(chr, range(97, 123))]
PAIRS = ["<|begin|>", "<|end|>", *bytes_to_unicode().values(), "he", "ll"]
LAYERS, WIDTH, WIDE = 2, 16, 24


def shapes(tokens: int, layers: int = LAYERS) -> dict[str, tuple[int, ...]]:
    """Tensor -> shape as torch writes it, without ".weight"."""
    found: dict[str, tuple[int, ...]] = {
        "token_embd": (tokens, WIDTH),
        "output": (tokens, WIDTH),
        "output_norm": (WIDTH,),
    }
    for layer in range(layers):
        parts: dict[str, tuple[int, ...]] = {
            **dict.fromkeys(("attn_norm", "ffn_norm"), (WIDTH,)),
            **{f"attn_{part}": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")},
            **{f"ffn_{part}": (WIDE, WIDTH) for part in ("gate", "up")},
            "ffn_down": (WIDTH, WIDE),
        }
        found |= {f"blk.{layer}.{name}": shape for name, shape in parts.items()}
    return found


def make_gguf(
    path: Path,
    *,
    lacking: Collection[str] = (),
    keys: Mapping[str, Any] | None = None,
    tensors: Mapping[str, np.ndarray] | None = None,
    pre: str = "",
    template: str = "",
    architecture: str = "llama",
) -> Path:
    """Write a file.

    Args:
        lacking: tensors that are left out, without ".weight".
        keys: metadata beside what such a file needs; texts, whole numbers, numbers and truths.
        tensors: more of them, by their whole name.
        pre: the pre-tokenizer of a vocabulary of byte pairs; without one it is of bytes, as sentencepiece has it.
    """
    writer = gguf.GGUFWriter(path, architecture)
    tokens = PAIRS if pre else BYTES
    control, normal, byte = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL, gguf.TokenType.BYTE
    writer.add_context_length(1024)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_feed_forward_length(WIDE)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // 2)
    writer.add_vocab_size(len(tokens))
    writer.add_token_list(tokens)
    if pre:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre)
        writer.add_token_merges(["h e", "l l"])
        writer.add_token_types([control, control] + [normal] * (len(tokens) - 2))
        writer.add_bos_token_id(0)
        writer.add_eos_token_id(1)
    else:
        writer.add_tokenizer_model("llama")
        writer.add_token_scores([0.0] * len(tokens))
        writer.add_token_types([gguf.TokenType.UNKNOWN, control, control] + [byte] * 256 + [normal] * 26)
        for role, index in (("unk", 0), ("bos", 1), ("eos", 2)):
            getattr(writer, f"add_{role}_token_id")(index)
    if template:
        writer.add_chat_template(template)
    adds = {str: writer.add_string, bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32}
    for key, value in (keys or {}).items():
        adds[type(value)](key, value)
    numbers = np.random.default_rng(0)
    for name, shape in shapes(len(tokens)).items():
        drawn = numbers.normal(scale=0.3, size=shape).astype(np.float32)
        if name not in lacking:
            writer.add_tensor(f"{name}.weight", drawn)
    for name, given in (tensors or {}).items():
        writer.add_tensor(name, given.astype(np.float32))
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    return path
