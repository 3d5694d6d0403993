#!/usr/bin/env bash
# A GGUF file that holds nothing but float32 gives a model that calls itself quantised.
#
# Nothing in the file is quantised and every parameter in memory is a plain float32 tensor, yet `.float()`, `.half()` and
# `save_pretrained` refuse "a quantized model". So a copy cannot be kept in the ordinary way, while
# `.to(torch.bfloat16)`, which rounds the numbers, is allowed.
#
# transformers 5.23.0, torch 2.13.0, gguf 0.19.0. Seen:
#   dtypes: {torch.float32} is_quantized: True
#   float: ValueError: `.float()` is not supported for quantized model. Please use
#   half: ValueError: `.half()` is not supported for quantized model. Please use t
#   save_pretrained: ValueError: The model is quantized with gguf and is not serializable - c
#   to bfloat16: done
set -euo pipefail
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
cd "$there"
venv=${VENV:-$there/venv}
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 accelerate==1.15.0
HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$venv/bin/python" - <<'END'
import numpy as np
import torch
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

def refusal(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:60]}"
    return "done"


write("plain.gguf")
model = AutoModelForCausalLM.from_pretrained(".", gguf_file="plain.gguf", dtype=torch.float32)
print("dtypes:", {p.dtype for p in model.parameters()}, "is_quantized:", getattr(model, "is_quantized", False))
calls = {"float": model.float, "half": model.half, "save_pretrained": lambda: model.save_pretrained("copy")}
seen = {name: refusal(call) for name, call in calls.items()}
seen["to bfloat16"] = refusal(lambda: model.to(torch.bfloat16))
for name, what in seen.items():
    print(f"{name}: {what}")
assert all(seen[name].startswith("ValueError") for name in calls)
assert seen["to bfloat16"] == "done"
assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
END
