#!/usr/bin/env bash
# transformers loads a GGUF file that stretches its rotary positions as if it did not.
#
# A file says `llama.rope.scaling.type = linear, factor = 4` (or holds `rope_freqs.weight`, as files of Llama 3.1 do).
# llama.cpp computes with it. transformers reads the file without an error or a warning at its default level, keeps
# rope_type "default", and gives the log-probabilities of the file without these keys: another model answers.
#
# transformers 5.23.0, torch 2.13.0, gguf 0.19.0; llama.cpp by xllamacpp 2026.10.11549. Seen:
#   plain.gguf   transformers [(218, -2.14), (183, -2.87), (24, -3.12)]  llama.cpp [(218, -2.14), (183, -2.87), (24,
#     -3.11)]
#   linear.gguf  transformers [(218, -2.14), (183, -2.87), (24, -3.12)]  llama.cpp [(126, -1.9), (249, -2.16), (166,
#     -2.84)]
#   tabled.gguf  transformers [(218, -2.14), (183, -2.87), (24, -3.12)]  llama.cpp [(126, -1.9), (249, -2.16), (166,
#     -2.84)]
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
import torch
import xllamacpp
from gguf import GGUFWriter, RopeScalingType
from transformers import AutoModelForCausalLM
from transformers.convert_slow_tokenizer import bytes_to_unicode

PROMPT = list(range(2, 60))


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

def by_transformers(path):
    model = AutoModelForCausalLM.from_pretrained(".", gguf_file=path, dtype=torch.float32)
    likeliest = model(torch.tensor([PROMPT])).logits[0, -1].log_softmax(-1).topk(3)
    return [(i, round(v, 2)) for v, i in zip(likeliest.values.tolist(), likeliest.indices.tolist())]


def by_llama_cpp(path):
    server = serve(path)
    # The bias only makes the one token that is written a letter; the probabilities are those before it.
    found = post(server, "/completion", prompt=PROMPT, n_predict=1, n_probs=3, logit_bias=[[66, 50.0]])
    return [(top["id"], round(top["logprob"], 2)) for top in found["completion_probabilities"][0]["top_logprobs"]]


def linear(file):
    file.add_rope_scaling_type(RopeScalingType.LINEAR), file.add_rope_scaling_factor(4.0)


def tabled(file):
    file.add_tensor("rope_freqs.weight", np.full(8, 4, np.float32))


write("plain.gguf")
write("linear.gguf", linear)
write("tabled.gguf", tabled)
seen = {path: (by_transformers(path), by_llama_cpp(path)) for path in ("plain.gguf", "linear.gguf", "tabled.gguf")}
for path, (ours, theirs) in seen.items():
    print(f"{path:12} transformers {ours}  llama.cpp {theirs}")
(plain, same), *stretched = seen.values()
assert [i for i, _ in plain] == [i for i, _ in same], "the two differ on an ordinary file"
for ours, theirs in stretched:
    assert ours == plain, "transformers now honours stretched positions"
    assert theirs != same, "llama.cpp no longer honours them"
END
