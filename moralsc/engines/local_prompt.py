"""Text for a local model: messages -> the exact text that the model sees -> tokens.

Uses the tokenizer's chat template, or the plain transcript where there is none. What stands inside a message is
data: the markup of control tokens in it is defused before the template is applied. Knows no model and no tensor.
"""

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from transformers import PreTrainedTokenizerBase

from moralsc.dialogue import Message, transcript
from moralsc.engines.base import Scoring
from moralsc.engines.trees import Candidate, common_length
from moralsc.errors import ModelError

# Zero-width space and word joiner cannot be seen; the others stand in where a tokenizer drops those.
_SEPARATORS = ("\u200b", "\u2060", " ", "·")
# Marks in the place of messages, which occur in no template and no message.
_SYSTEM, _QUESTION, _REPLY = (f"{letter}{secrets.token_hex(8)}{letter}" for letter in "SQR")
_KNOWN = 1024  # messages that need no second look: a benchmark repeats its items and instructions
_MARKUP = re.compile(r"<.+>|\[.+\]")
# The elements of HTML. Some vocabularies hold their tags as added tokens, since web pages are full of them.
_HTML = re.compile(
    r"</?(?:"
    + "|".join(
        """a abbr acronym address area article aside audio b base bdi bdo big blockquote body br button canvas caption
        center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset
        figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img
        input ins kbd label legend li link main map mark marquee menu meta meter nav noscript object ol optgroup
        option output p param picture pre progress q rp rt ruby s samp script search section select slot small source
        span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr
        track tt u ul var video wbr""".split()
    )
    + r") ?/?>",
    re.IGNORECASE,
)
# Some templates write the date into the prompt, and a figure measured again tomorrow must see the same text.
_FIXED_DATE = "{% macro strftime_now(format) %}26 Jul 2024{% endmacro %}"


class Defuser:
    """Breaks the markup of control tokens, so that no text can become one.

    Control tokens are those that a tokenizer calls special, and, since many call only some of them so (Qwen's
    <tool_call> and <think>, Cohere's and DeepSeek's marks of a turn, GGUF's "user defined" tokens), every added token
    that stands in the chat template or is written as markup: in angle or square brackets, and no tag of HTML. Added
    tokens that are ordinary text (Gemma's <b> and runs of newlines, a word, "C++") reach the model as they are.

    A separator is put after the first character of each; a special token of one character is replaced by it, unless
    that is an ordinary one ("!" as padding), which then is no more than itself.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        template, named = str(tokenizer.chat_template or ""), set(tokenizer.all_special_ids)
        tokens = {
            id: token.content
            for id, token in tokenizer.added_tokens_decoder.items()
            if _controls(token.content, token.special or id in named, template)
        }
        # The unknown token also stands for characters that a tokenizer lacks; that is no forgery.
        self.ids = frozenset(tokens) - {tokenizer.unk_token_id}
        texts = list(tokens.values())
        self.pattern = re.compile(_any_of(texts) if texts else r"(?!)")
        self._known = lru_cache(_KNOWN)(self._defused)
        self._separator = next((s for s in _SEPARATORS if self._breaks(s, texts)), "")
        if not self._separator:
            raise ModelError("The tokenizer's control tokens cannot be kept out of messages.")

    def __call__(self, text: str) -> str:
        """The text with every control token broken, nested and overlapping ones too.

        Raises:
            ModelError: the tokenizer still reads a control token, as one that folds case or width may.
        """
        return self._known(text)

    def _defused(self, text: str) -> str:
        text = self._broken(text)
        if found := self.ids.intersection(self._encode(text)):
            token = self._tokenizer.convert_ids_to_tokens(min(found))
            raise ModelError(f"A message holds markup that this model reads as its control token {token!r}. Remove it.")
        return text

    def _broken(self, text: str) -> str:
        while self.pattern.search(text):
            text = self.pattern.sub(self._break, text)
        return text

    def _break(self, match: re.Match[str]) -> str:
        token = match.group()
        return token[0] + self._separator + token[1:] if len(token) > 1 else self._separator

    def _breaks(self, separator: str, tokens: Sequence[str]) -> bool:
        if any(separator in token for token in tokens):
            return False
        self._separator = separator
        # All in one text: Gemma has some six thousand of them.
        return self.ids.isdisjoint(self._encode(self._broken(" ".join(tokens))))

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))


def _controls(content: str, special: bool, template: str) -> bool:
    if not content.strip():
        return False
    if len(content) == 1:
        return special and not (content.isascii() and content.isprintable())
    if special or re.fullmatch(r"[\w\s'-]+", content):  # templates are full of plain words, "assistant" among them
        return special
    return content in template or bool(_MARKUP.fullmatch(content) and not _HTML.fullmatch(content))


def _any_of(texts: Iterable[str]) -> str:
    """A pattern of the longest of these texts, as a tree: of thousands side by side each would be tried in turn."""
    rests: dict[str, list[str]] = {}
    ends = False
    for text in texts:
        ends = ends or not text
        if text:
            rests.setdefault(text[0], []).append(text[1:])
    branches = "|".join(re.escape(first) + _any_of(rest) for first, rest in rests.items())
    return f"(?:{branches})" + "?" * ends if branches else ""


@dataclass(frozen=True)
class _Head:
    """What a template writes before the words of a first question.

    Attributes:
        text: all of it.
        start, end: where in it a system message stands that the template writes by itself; nothing lies between them
            where it writes none.
    """

    text: str
    start: int
    end: int

    @property
    def block(self) -> str:
        """That message with its markup, empty if there is none."""
        return self.text[self.start : self.end]


class ChatFormat:
    """How one tokenizer writes a dialogue.

    Attributes:
        closing: what ends an assistant's message: the end-of-turn token, or the newline token of a plain transcript.
        stop_ids: tokens that end a reply.
        next_turn: words that open the next turn at the start of a line; empty if a control token ends the reply.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.defuse = Defuser(tokenizer)
        self._template = _FIXED_DATE + tokenizer.get_chat_template() if tokenizer.chat_template else ""
        self._head = [] if self._template else self._beginning()
        self.closing, self.next_turn = self._find_closing()
        ends = {tokenizer.eos_token_id} | self.defuse.ids.intersection(self.encode(self.closing)[len(self._head) :])
        self.stop_ids = frozenset(ends - {None})

    def render(self, messages: Sequence[Message]) -> str:
        """The exact text that the model sees, see `Engine.render`; a leading BOS of the tokenizer's own is not in it.

        Raises:
            ModelError: the template refuses the dialogue.
        """
        prefix, primer = self._opened(messages)
        return prefix + self.defuse(primer)

    @cached_property
    def own_system(self) -> str:
        """The system message that the chat template writes where a dialogue has none, without markup; empty if none."""
        head = self._first_head
        if head is None or not head.block:
            return ""
        # Where a system message of one's own would take its place, its place shows which of it is the text.
        before, _, after = self._with_system.partition(_SYSTEM)
        if self._takes_system and head.text.startswith(before) and head.text.endswith(after):
            text = head.text[len(before) : len(head.text) - len(after)].strip()
            if text:
                return text
        return self.defuse.pattern.sub("", head.block).strip().removeprefix("system").strip()

    def encode(self, text: str) -> list[int]:
        """Tokens of a whole text, after BOS where the tokenizer wants one and no template writes it."""
        return self._head + list(self.tokenizer.encode(text, add_special_tokens=False))

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens, without control tokens and with spaces as they are."""
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def candidates(self, scorings: Sequence[Scoring]) -> list[list[Candidate]]:
        """For each scoring its prompt joined with each of its continuations, tokenised together.

        Where a tokenizer merges characters across the boundary, prompt and continuation have no boundary in tokens.
        Counting then starts earlier, at the first token in which the prompt and any of its continuations differ, and
        for all of them at the same one, so that they stay comparable: each figure is the log-probability of
        everything after the beginning that all share.
        """
        texts = [self._texts(scoring) for scoring in scorings]
        flat = [text for group in texts for text in group]
        # In one call, since fast tokenizers read several texts at a time.
        read = iter(self.tokenizer(flat, add_special_tokens=False)["input_ids"] if flat else ())
        return [self._split([self._head + list(next(read)) for _ in group]) for group in texts]

    def _texts(self, scoring: Scoring) -> list[str]:
        """The prompt, and the prompt with each continuation."""
        prefix, primer = self._opened(scoring.messages)
        closing = self.closing if scoring.closed else ""
        wholes = (prefix + self.defuse(primer + c) + closing for c in scoring.continuations)
        return [prefix + self.defuse(primer), *wholes]

    def _split(self, read: Sequence[Sequence[int]]) -> list[Candidate]:
        """Candidates of the tokens of `_texts`."""
        start = common_length(*read)
        if start == 0:
            raise ModelError("The tokenizer leaves no token of the prompt apart from the answer.")
        return [Candidate(tuple(tokens), start) for tokens in read[1:]]

    def _opened(self, messages: Sequence[Message]) -> tuple[str, str]:
        """The text up to where the assistant's open message stands, and that message, as it was given."""
        if not messages:
            raise ModelError("A dialogue needs at least one message.")
        primed = messages[-1].role == "assistant"
        primer = messages[-1].content if primed else ""
        before = tuple(replace(m, content=self.defuse(m.content)) for m in (messages[:-1] if primed else messages))
        if not self._template:
            return transcript((*before, Message("assistant", "")) if primed else before), primer
        system = messages[0].content if messages[0].role == "system" else None
        if system == "":
            before = before[1:]
        elif system and not self._takes_system:
            raise ModelError(
                "The chat template of this model takes no system message of one's own. Allowed are the template's own "
                "and none."
            )
        text = self._before_reply(before) if primed else self._apply(before, generation=True)
        return (self._without_system(text) if system == "" else text), primer

    def _without_system(self, text: str) -> str:
        """A rendered dialogue without the system message that the template wrote by itself."""
        head = self._first_head
        if head is None or not text.startswith(head.text):
            raise ModelError(
                "What the chat template of this model writes before a question cannot be left out. Allowed are its own "
                "system message and, where it takes one, a text."
            )
        return text[: head.start] + text[head.end :]

    @cached_property
    def _first_head(self) -> _Head | None:
        """What stands before a first question; None where it cannot be told from how later questions begin."""
        if not self._template:
            return _Head("", 0, 0)
        text = self._apply((Message("user", _QUESTION),)).partition(_QUESTION)[0]
        opening = self._between.partition(self.closing)[2].lstrip()
        bos = self.tokenizer.bos_token or ""
        if opening and text.endswith(opening):
            # In ChatML the token that opens every turn may be called BOS too.
            start = len(bos) if text.startswith(bos) and not opening.startswith(bos) else 0
            end = len(text) - len(opening)
        elif opening and text.startswith(opening):  # inside the first question, as in Llama 2
            start, end = len(opening), len(text)
        else:
            return None
        return _Head(text, start, end) if text[start:end].strip() else _Head(text, start, start)

    @cached_property
    def _with_system(self) -> str:
        """What stands before a first question under a system message, empty if the template refuses it."""
        try:
            text = self._apply((Message("system", _SYSTEM), Message("user", _QUESTION)))
        except ModelError:
            return ""
        return text.partition(_QUESTION)[0]

    @property
    def _takes_system(self) -> bool:
        return _SYSTEM in self._with_system

    def _before_reply(self, before: tuple[Message, ...]) -> str:
        # A mark in the primer's place: templates trim and cut a message's content, and the primer must stay whole.
        try:
            text = self._apply((*before, Message("assistant", _REPLY)))
        except ModelError:
            text = ""  # some templates accept no assistant message at the end
        return text[: text.rindex(_REPLY)] if _REPLY in text else self._apply(before, generation=True)

    def _apply(self, messages: tuple[Message, ...], generation: bool = False) -> str:
        chat = [{"role": m.role, "content": m.content} for m in messages]
        try:
            text = self.tokenizer.apply_chat_template(
                chat,
                chat_template=self._template,
                tokenize=False,
                add_generation_prompt=generation,
                enable_thinking=False,  # for templates that know it: they would think aloud before every answer
            )
        except Exception as error:  # a template is a program and raises what it likes
            raise ModelError(f"The model's chat template refuses this dialogue: {error}") from error
        return str(text)

    def _find_closing(self) -> tuple[str, str]:
        after = self._between
        control = self.defuse.pattern.search(after)
        return (control.group(), "") if control else (self._newline(after), after.strip())

    @cached_property
    def _between(self) -> str:
        """What stands between a reply and the next question."""
        messages = (Message("user", "x"), Message("assistant", _REPLY), Message("user", _QUESTION))
        text = self._apply(messages) if self._template else transcript(messages)
        return text.partition(_REPLY)[2].partition(_QUESTION)[0]

    def _newline(self, after: str) -> str:
        """The newlines that form one token where the next turn follows: tokenizers have one for one, two, or both."""
        word = self.encode("x")
        joined = self.encode("x" + after)[: len(word) + 1]
        return next((run for run in ("\n\n", "\n") if self.encode("x" + run) == joined), "\n")

    def _beginning(self) -> list[int]:
        bos = self.tokenizer.bos_token_id
        return [bos] if bos is not None and self.tokenizer.encode("x")[:1] == [bos] else []
