"""The requests that an OpenAI-compatible server is sent, and the plain values that it answers with.

Chat completions go through huggingface_hub's InferenceClient, text completions (which it does not know) through its
HTTP session. The key goes into the header of each request and nowhere else.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from huggingface_hub import InferenceClient, errors, get_session

from moralsc.dialogue import Message

Asked = Sequence[Message] | str
"""Messages, for the server's chat template to write; or a text as it is."""
Body = Mapping[str, Any]

_NO_KEY = "none"
"""Sent where there is no key: given none, the hub's client would send the hub's own token, to any server."""
_LONGEST_LINE = 1_000_000
"""Characters of one event of a text: what has no end is never gathered."""


class BrokenOff(ValueError):
    """A reply ended before the server said that it was whole."""


class Wire:
    """One server. Everything raises what huggingface_hub's client raises; nothing is tried twice."""

    def __init__(self, address: str, key: str, seconds: float) -> None:
        self._address = address
        self._key = key or _NO_KEY
        self._seconds = seconds

    def models(self) -> list[dict[str, Any]]:
        """What the server says that it serves, as it says it."""
        response = get_session().get(f"{self._address}/models", headers=self._headers, timeout=self._seconds)
        if response.status_code != 200:
            raise errors.HfHubHTTPError("", response=response)
        found = response.json()
        data = found.get("data") if isinstance(found, dict) else None
        if not isinstance(data, list):
            raise ValueError("no list of models")
        return [entry for entry in data if isinstance(entry, dict) and isinstance(entry.get("id"), str)]

    def answer(self, asked: Asked, model: str, body: Body) -> dict[str, Any]:
        """A completion in one piece."""
        if not isinstance(asked, str):
            with self._client() as client:
                return dict(client.chat_completion(_plain(asked), model=model, extra_body=dict(body)))
        response = get_session().post(
            f"{self._address}/completions",
            json={"model": model, "prompt": asked, **body},
            headers=self._headers,
            timeout=self._seconds,
        )
        if response.status_code != 200:
            raise errors.HfHubHTTPError("", response=response)
        found = response.json()
        if not isinstance(found, dict):
            raise ValueError("no completion")
        return found

    def pieces(self, asked: Asked, model: str, body: Body) -> Iterator[str]:
        """The text of a completion as it comes; "" where the server said something else than text.

        Raises:
            BrokenOff: it ended without saying that it was whole.
        """
        ended = False
        said = self._texts(asked, model, body) if isinstance(asked, str) else self._chat(asked, model, body)
        for text, finished in said:
            yield text
            ended = ended or finished
        if not ended:
            raise BrokenOff

    def _chat(self, messages: Sequence[Message], model: str, body: Body) -> Iterator[tuple[str, bool]]:
        with self._client() as client:
            chunks = client.chat_completion(_plain(messages), model=model, stream=True, extra_body=dict(body))
            for chunk in chunks:
                choice = next(iter(chunk.choices or ()), None)
                text = choice.delta.content if choice and choice.delta else None
                yield text or "", bool(choice and choice.finish_reason)

    def _texts(self, text: str, model: str, body: Body) -> Iterator[tuple[str, bool]]:
        with get_session().stream(
            "POST",
            f"{self._address}/completions",
            json={"model": model, "prompt": text, "stream": True, **body},
            headers=self._headers,
            timeout=self._seconds,
        ) as response:
            if response.status_code != 200:
                response.read()
                raise errors.HfHubHTTPError("", response=response)
            for line in _lines(response.iter_text()):
                data = line.removeprefix("data:").strip()
                if not line.startswith("data:") or data == "[DONE]":
                    continue
                event = json.loads(data)
                if not isinstance(event, dict):
                    raise ValueError("no event of a completion")
                if event.get("error"):
                    raise errors.TextGenerationError(str(event["error"]))
                yield _said(event)

    def _client(self) -> InferenceClient:
        # One a request: leaving it closes what it opened.
        return InferenceClient(base_url=self._address, api_key=self._key, timeout=self._seconds)

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._key}"}


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in messages]


def _said(event: Mapping[str, Any]) -> tuple[str, bool]:
    """The text that an event of a text completion brings, and whether it is the last."""
    choices = event.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    text = choice.get("text")
    return text if isinstance(text, str) else "", bool(choice.get("finish_reason"))


def _lines(chunks: Iterable[str]) -> Iterator[str]:
    """The lines of a text that comes in chunks; not by `iter_lines`, which keeps a line without end."""
    held = ""
    for chunk in chunks:
        *whole, held = (held + chunk).split("\n")
        yield from whole
        if len(held) > _LONGEST_LINE:
            raise ValueError("a line without end")
    yield held
