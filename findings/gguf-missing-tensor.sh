#!/usr/bin/env bash
# A GGUF file that lacks a weight loads, and is another model at every start.
#
# transformers fills a tensor that the file lacks with random numbers. That is what it does with checkpoints for
# fine-tuning; but of a file for inference it returns a model as well, exit code 0, with a line "MISSING" in a logged
# report alone, and two loads of one file disagree. llama.cpp refuses the file.
# What helps: from_pretrained(..., output_loading_info=True) names it in missing_keys.
#
# transformers 5.23.0, torch 2.13.0, gguf 0.19.0; llama.cpp by xllamacpp 2026.10.11549. Seen:
#   largest difference of two loads: 0.40  missing: ['model.layers.1.mlp.down_proj.weight']  llama.cpp refuses: True
set -euo pipefail
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
cd "$there"
venv=${VENV:-$there/venv}
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 accelerate==1.15.0 xllamacpp==2026.10.11549
HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$venv/bin/python" - <<'END'
import numpy as np
import torch
import xllamacpp
from gguf import GGUFWriter
from transformers import AutoModelForCausalLM
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

def logits():
    given = {"gguf_file": "lacking.gguf", "dtype": torch.float32, "output_loading_info": True}
    model, report = AutoModelForCausalLM.from_pretrained(".", **given)
    return model(torch.tensor([list(range(2, 60))])).logits[0, -1], sorted(report["missing_keys"])


write("lacking.gguf", without=["blk.1.ffn_down"])
(first, missing), (second, _) = logits(), logits()
parameters = xllamacpp.CommonParams()
parameters.model.path = "lacking.gguf"
try:
    xllamacpp.Server(parameters)
    refused = False
except Exception:
    refused = True
print(f"largest difference of two loads: {(first - second).abs().max():.2f}  missing: {missing}  llama.cpp refuses: {refused}")
assert (first - second).abs().max() > 0.01
assert missing == ["model.layers.1.mlp.down_proj.weight"]
assert refused
END
