#!/usr/bin/env bash
# A token that a tokenizer names as its EOS is not skipped by skip_special_tokens, until the tokenizer is saved and read.
#
# PreTrainedTokenizerFast(tokenizer_object=..., eos_token="</s>") lists the token in all_special_ids, yet leaves the
# added token of the backend as it was. Where that one is not special, decode(skip_special_tokens=True) writes it out.
# After save_pretrained and from_pretrained the same tokenizer calls it special and leaves it out. So all_special_ids and
# added_tokens_decoder[...].special have to be asked both.
#
# transformers 5.23.0, tokenizers 0.23.3. Seen:
#   (in all_special_ids, special, decoded) made: (True, False, 'ab </s>')  saved and read: (True, True, 'ab')
set -euo pipefail
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
cd "$there"
venv=${VENV:-$there/venv}
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet transformers==5.23.0 tokenizers==0.23.3
HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$venv/bin/python" - <<'END'
from tokenizers import AddedToken, Tokenizer, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

backend = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "ab": 2}, merges=[("a", "b")]))
backend.add_tokens([AddedToken("</s>")])
made = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>")
made.save_pretrained("saved")
read = AutoTokenizer.from_pretrained("saved")
seen = [
    (3 in t.all_special_ids, t.added_tokens_decoder[3].special, t.decode([2, 3], skip_special_tokens=True))
    for t in (made, read)
]
print(f"(in all_special_ids, special, decoded) made: {seen[0]}  saved and read: {seen[1]}")
assert seen == [(True, False, "ab </s>"), (True, True, "ab")]
END
