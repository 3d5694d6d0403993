#!/usr/bin/env bash
# transformers cuts DeepSeek's marks of a turn to pieces when it reads them from a GGUF file.
#
# `<｜User｜>` is one control token. Its bars are U+FF5C, which the byte alphabet of a byte-level vocabulary lacks, so
# transformers takes the entry for a mistake, respells it in bytes and adds no token: the chat template's marks become
# twelve ordinary tokens, the one of the turn is never seen by the model, and convert_tokens_to_ids knows no such token.
# No warning; `<|im_start|>` in the same file works. llama.cpp reads both.
#
# transformers 5.23.0, tokenizers 0.23.3, gguf 0.19.0; llama.cpp by xllamacpp 2026.10.11549. Seen:
#   <｜User｜>      transformers [27, 171, 121, 250, 52, 82, 68, 81, 171, 121, 250, 29]  llama.cpp [257]
#   <|im_start|>  transformers [258]  llama.cpp [258]
#   convert_tokens_to_ids: [None, 258]
set -euo pipefail
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
cd "$there"
venv=${VENV:-$there/venv}
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 accelerate==1.15.0 xllamacpp==2026.10.11549
HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$venv/bin/python" - <<'END'
import json
import urllib.request

import numpy as np
import xllamacpp
from gguf import GGUFWriter
from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

MARKS = ["<｜User｜>", "<|im_start|>"]


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

def serve(path):
    parameters = xllamacpp.CommonParams()
    parameters.model.path, parameters.n_ctx, parameters.warmup = path, 256, False
    return xllamacpp.Server(parameters)


def post(server, where, **body):
    asked = urllib.request.Request(server.listening_address + where, json.dumps(body).encode())
    asked.add_header("Content-Type", "application/json")
    return json.load(urllib.request.urlopen(asked))

write("marked.gguf", marks=MARKS)
tokenizer, server = AutoTokenizer.from_pretrained(".", gguf_file="marked.gguf"), serve("marked.gguf")
seen = {
    mark: (tokenizer(mark).input_ids, post(server, "/tokenize", content=mark, parse_special=True)["tokens"])
    for mark in MARKS
}
for mark, (ours, theirs) in seen.items():
    print(f"{mark:12}  transformers {ours}  llama.cpp {theirs}")
print("convert_tokens_to_ids:", [tokenizer.convert_tokens_to_ids(mark) for mark in MARKS])
(cut, whole), other = seen.values()
assert len(cut) == 12, "transformers keeps the mark whole now"
assert whole == [257]
assert other == ([258], [258])
END
