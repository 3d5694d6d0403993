#!/usr/bin/env bash
# A tokenizer.json that lies beside a GGUF file replaces the file's own tokenizer, and its chat template with it.
#
# `from_pretrained(folder, gguf_file=...)` reads as if the file alone were loaded, and weights and config are the file's.
# The tokenizer is that of any tokenizer.json in the folder: other numbers for the same text, and no chat template, so
# that an instruct model is asked without its markup. A tokenizer_config.json there changes neither. Nothing is logged.
#
# transformers 5.23.0, tokenizers 0.23.3, gguf 0.19.0. Seen:
#   alone: ([256], True)  with tokenizer_config.json: ([256], True)  with tokenizer.json: ([1, 0], False)  (tokens
#     of 'ab', template)
set -euo pipefail
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
cd "$there"
venv=${VENV:-$there/venv}
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 accelerate==1.15.0
HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$venv/bin/python" - <<'END'
from pathlib import Path

import numpy as np
from gguf import GGUFWriter
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode


def write(path, *more, marks=(), without=()):
    """A Llama of two layers with random float32 weights; its vocabulary is the 256 bytes, "ab" and control tokens."""
    vocabulary = [*bytes_to_unicode().values(), "ab", *marks, "<|begin|>", "<|end|>"]
    file, width, inner = GGUFWriter(path, "llama"), 32, 48
    file.add_context_length(256), file.add_embedding_length(width), file.add_feed_forward_length(inner)
    file.add_block_count(2), file.add_head_count(2), file.add_head_count_kv(2), file.add_rope_dimension_count(16)
    file.add_layer_norm_rms_eps(1e-5), file.add_rope_freq_base(10000.0)
    file.add_tokenizer_model("gpt2"), file.add_tokenizer_pre("llama-bpe"), file.add_token_list(vocabulary)
    file.add_token_types([1] * 257 + [3] * (len(vocabulary) - 257)), file.add_token_merges(["a b"])
    file.add_bos_token_id(len(vocabulary) - 2), file.add_eos_token_id(len(vocabulary) - 1)
    for add in more:
        add(file)
    draw = np.random.default_rng(0)
    shapes = {"token_embd": (len(vocabulary), width), "output_norm": (width,)}
    for layer in range(2):
        shapes |= {f"blk.{layer}.attn_{part}": (width, width) for part in ("q", "k", "v", "output")}
        shapes |= {f"blk.{layer}.{part}_norm": (width,) for part in ("attn", "ffn")}
        shapes |= {f"blk.{layer}.ffn_{part}": (inner, width) for part in ("gate", "up")}
        shapes |= {f"blk.{layer}.ffn_down": (width, inner)}
    for name, shape in shapes.items():
        numbers = (draw.standard_normal(shape) * 0.3 + (len(shape) == 1)).astype(np.float32)
        if name not in without:
            file.add_tensor(name + ".weight", numbers)
    file.write_header_to_file(), file.write_kv_data_to_file(), file.write_tensors_to_file(), file.close()

def read(path):
    tokenizer = AutoTokenizer.from_pretrained("folder", gguf_file=path)
    return tokenizer("ab").input_ids, bool(tokenizer.chat_template)


Path("folder").mkdir()
write("folder/own.gguf", lambda file: file.add_chat_template("{{ messages[0]['content'] }}"))
alone = read("own.gguf")
Path("folder/tokenizer_config.json").write_text('{"chat_template": "{{ 1 }}"}')
with_config = read("own.gguf")
Path("folder/tokenizer_config.json").unlink()
other = Tokenizer(models.BPE(vocab={"b": 0, "a": 1}, merges=[]))
other.save("folder/tokenizer.json")
beside = read("own.gguf")
print(f"alone: {alone}  with tokenizer_config.json: {with_config}  with tokenizer.json: {beside}  (tokens of 'ab', template)")
assert alone == with_config == ([256], True)
assert beside == ([1, 0], False)
END
