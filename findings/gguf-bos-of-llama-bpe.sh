#!/usr/bin/env bash
# The same GGUF file begins every prompt with BOS in llama.cpp and never in transformers.
#
# A file whose `tokenizer.ggml.pre` is `llama-bpe` (Llama 3 and its many children) and that does not say
# `tokenizer.ggml.add_bos_token` gets BOS from llama.cpp, which has a default for this pre-tokenizer. transformers has a
# default for the SentencePiece kind alone. A base model scored without its BOS gives other figures, and nothing is said.
#
# transformers 5.23.0, gguf 0.19.0; llama.cpp by xllamacpp 2026.10.11549. Seen:
#   unsaid.gguf  transformers [256]  llama.cpp [257, 256]  (BOS is 257)
#   said.gguf    transformers [257, 256]  llama.cpp [257, 256]  (BOS is 257)
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

def both(path):
    ours = AutoTokenizer.from_pretrained(".", gguf_file=path)("ab").input_ids
    server = serve(path)
    return ours, post(server, "/tokenize", content="ab", add_special=True)["tokens"]


write("unsaid.gguf")
write("said.gguf", lambda file: file.add_add_bos_token(True))
seen = {path: both(path) for path in ("unsaid.gguf", "said.gguf")}
for path, (ours, theirs) in seen.items():
    print(f"{path:12} transformers {ours}  llama.cpp {theirs}  (BOS is 257)")
assert seen == {"unsaid.gguf": ([256], [257, 256]), "said.gguf": ([257, 256], [257, 256])}
END
