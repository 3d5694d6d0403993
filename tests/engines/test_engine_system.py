"""System messages: the template's own is found and can be left out, one of a person's own stands where it belongs."""

from typing import Any

import pytest
from engines.contract import HISTORY, PRIMER, QUESTION
from engines.tiny_models import CHATML, byte_level

from moralsc.dialogue import Message
from moralsc.engines.local_prompt import ChatFormat
from moralsc.errors import ModelError

OWN = "You are a helper by the name of Wombat."
CHAT_TOKENS = ["<|im_start|>", "<|im_end|>"]
LLAMA_TOKENS = ["<|begin|>", "<|head|>", "<|/head|>", "<|eot|>"]
# As SmolLM2's: a message of its own unless the dialogue begins with one, and the token that opens turns is called BOS.
WRITING = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}"
    "{{ '<|im_start|>system\n" + OWN + "<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# As Llama 3.1's: a system message is always there, with a date of its own before what it is given.
DATING = (
    "{% if messages[0]['role'] == 'system' %}{% set given = messages[0]['content'] %}{% set rest = messages[1:] %}"
    "{% else %}{% set given = '' %}{% set rest = messages %}{% endif %}"
    "{{ bos_token + '<|head|>system<|/head|>\n\nToday: 26 Jul 2024\n\n' + given + '<|eot|>' }}"
    "{% for m in rest %}{{ '<|head|>' + m['role'] + '<|/head|>\n\n' + m['content'] | trim + '<|eot|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|head|>assistant<|/head|>\n\n' }}{% endif %}"
)
# As Gemma 3's: nothing of its own, and what it is given stands at the head of the first question.
LEADING = (
    "{{ bos_token }}{% set first = messages[0] %}{% if first['role'] == 'system' %}"
    "{% set lead = first['content'] + '\n\n' %}{% set rest = messages[1:] %}"
    "{% else %}{% set lead = '' %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}{{ '<turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' }}"
    "{{ (lead if loop.first else '') + m['content'] | trim + '</turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<turn>model\n' }}{% endif %}"
)
# As Gemma 2's: refuses it.
REFUSING = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + LEADING
)
# Drops it without a word.
DROPPING = CHATML.replace("{% for m in messages %}", "{% for m in messages if m['role'] != 'system' %}")
# As Llama 2's was: its own message stands inside the first question.
INSIDE = (
    "{% if messages[0]['role'] == 'system' %}{% set lead = messages[0]['content'] %}{% set rest = messages[1:] %}"
    "{% else %}{% set lead = '" + OWN + "' %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}{% if m['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + ('<<SYS>>\n' + lead + '\n<</SYS>>\n\n' if loop.first else '') }}"
    "{{ m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + ' ' + eos_token }}{% endif %}{% endfor %}"
)
# What it writes at the beginning cannot be told from how it opens a question.
TANGLED = (
    "{% for m in messages %}{{ 'Hark, ' if loop.first else 'Then, ' }}"
    "{{ m['role'] + ': ' + m['content'] + '<|im_end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Then, assistant: ' }}{% endif %}"
)


def chat_format(template: str, special: list[str], bos: str = "", eos: str = "") -> ChatFormat:
    names: dict[str, Any] = {"eos_token": eos or special[-1]} | ({"bos_token": bos} if bos else {})
    return ChatFormat(byte_level(special, template, **names))


FORMATS = {
    "writing": lambda: chat_format(WRITING, CHAT_TOKENS, bos="<|im_start|>"),
    "chatml": lambda: chat_format(CHATML, CHAT_TOKENS),
    "dating": lambda: chat_format(DATING, LLAMA_TOKENS, bos="<|begin|>"),
    "leading": lambda: chat_format(LEADING, ["<bos>", "<turn>", "</turn>"], bos="<bos>"),
    "refusing": lambda: chat_format(REFUSING, ["<bos>", "<turn>", "</turn>"], bos="<bos>"),
    "inside": lambda: chat_format(INSIDE, ["<s>", "</s>"], bos="<s>"),
    "plain": lambda: chat_format("", ["</s>"]),
    "tangled": lambda: chat_format(TANGLED, CHAT_TOKENS),
}
OWNS = {"writing": OWN, "dating": "Today: 26 Jul 2024", "inside": OWN}
WITHOUT = {
    "writing": f"<|im_start|>user\n{QUESTION.content}<|im_end|>\n<|im_start|>assistant\nAnswer:",
    "chatml": f"<|im_start|>user\n{QUESTION.content}<|im_end|>\n<|im_start|>assistant\nAnswer:",
    "dating": f"<|begin|><|head|>user<|/head|>\n\n{QUESTION.content}<|eot|><|head|>assistant<|/head|>\n\nAnswer:",
    "leading": f"<bos><turn>user\n{QUESTION.content}</turn>\n<turn>model\nAnswer:",
    "refusing": f"<bos><turn>user\n{QUESTION.content}</turn>\n<turn>model\nAnswer:",
    "inside": f"<s>[INST] {QUESTION.content} [/INST] Answer:",
    "plain": f"Human: {QUESTION.content}\n\nAssistant: Answer:",
}


def with_system(text: str, *messages: Message) -> tuple[Message, ...]:
    return (Message("system", text), *messages)


@pytest.mark.parametrize("name", [n for n in FORMATS if n != "tangled"])
def test_the_templates_own_system_message_is_told(name: str) -> None:
    assert FORMATS[name]().own_system == OWNS.get(name, "")


@pytest.mark.parametrize("name", WITHOUT)
def test_none_leaves_out_what_the_template_writes_by_itself_and_nothing_else(name: str) -> None:
    assert FORMATS[name]().render(with_system("", QUESTION, PRIMER)) == WITHOUT[name]


@pytest.mark.parametrize("name", WITHOUT)
def test_none_is_the_same_as_nothing_where_the_template_writes_nothing(name: str) -> None:
    format = FORMATS[name]()
    same = format.render(with_system("", *HISTORY)) == format.render(HISTORY)
    assert same is (name not in OWNS)


@pytest.mark.parametrize("name", WITHOUT)
def test_without_a_system_message_a_longer_history_stays_whole(name: str) -> None:
    format = FORMATS[name]()
    text, whole = format.render(with_system("", *HISTORY)), format.render(HISTORY)
    assert OWNS.get(name, OWN) not in text
    assert whole.endswith(text[text.index(QUESTION.content) :])


@pytest.mark.parametrize("name", [n for n in WITHOUT if n != "refusing"])
def test_a_text_of_ones_own_takes_the_place_of_the_templates(name: str) -> None:
    text = FORMATS[name]().render(with_system("Be brief.", *HISTORY))
    assert text.count("Be brief.") == 1
    assert text.index("Be brief.") < text.index(QUESTION.content)
    assert OWN not in text


def test_without_a_template_the_system_message_is_the_first_paragraph() -> None:
    text = FORMATS["plain"]().render(with_system("Be brief.", QUESTION, PRIMER))
    assert text == f"Be brief.\n\n{WITHOUT['plain']}"


def test_a_system_message_is_defused_like_every_other_text() -> None:
    format = FORMATS["writing"]()
    text = format.render(with_system("It says <|im_end|>.", QUESTION, PRIMER))
    plain = format.render(with_system("It says.", QUESTION, PRIMER))
    assert text.count("<|im_end|>") == plain.count("<|im_end|>")


@pytest.mark.parametrize("template", [REFUSING, DROPPING], ids=["refusing", "dropping"])
def test_a_template_that_takes_no_system_message_is_named_with_what_is_allowed(template: str) -> None:
    format = chat_format(template, ["<bos>", "<turn>", "</turn>", *CHAT_TOKENS], bos="<bos>")
    with pytest.raises(ModelError, match="takes no system message .* Allowed are the template's own and none"):
        format.render(with_system("Be brief.", QUESTION, PRIMER))


def test_what_cannot_be_told_apart_is_not_left_out_in_silence() -> None:
    format = FORMATS["tangled"]()
    assert format.render((QUESTION,)).startswith("Hark, user: ")
    with pytest.raises(ModelError, match="cannot be left out"):
        format.render(with_system("", QUESTION, PRIMER))


def test_bos_comes_once_whatever_the_system_message_is() -> None:
    for name in ("dating", "leading"):
        format = FORMATS[name]()
        bos = format.tokenizer.bos_token_id
        for messages in (HISTORY, with_system("", *HISTORY), with_system("Be brief.", *HISTORY)):
            tokens = format.encode(format.render(messages))
            assert (tokens[0], tokens.count(bos)) == (bos, 1)
