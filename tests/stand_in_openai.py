"""A server on loopback that speaks OpenAI's API about a tiny model, as vLLM and others do, and fails as servers fail.

Its figures are the model's own, so what a client measures through it can be compared with the model on this machine.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

MODEL = "tiny"
_LOOK_SECONDS = 0.02
"""A server that is to end notices it within so many."""
_OWN_HEADER = ("always", "never", "dropped")
_OWN = {"model", "messages", "prompt", "stream", "max_tokens", "temperature", "top_p", "seed", "stop"}


@dataclass(frozen=True)
class Trouble:
    """What happens to one request in the place of an answer.

    Attributes:
        status: answered at once, with `headers` and `said`; 0 for an answer that begins.
        hangs: seconds of silence before anything.
        drops: pieces of text after which the connection ends.
        stalls: pieces of text after which nothing more comes.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    said: str = "no"
    hangs: float = 0.0
    drops: int | None = None
    stalls: int | None = None


@dataclass
class Served:
    """The server, and what it was asked.

    Attributes:
        continues: an open assistant message: "asked" as vLLM does, "always" as llama.cpp, "never" as OpenAI, "half" as
            one that only leaves out the header of the next, "dropped" as one that passes over the message.
        prompt_logprobs, echo: whether it tells what the prompt's own tokens have, in chats and in texts.
        top: how many of the likeliest tokens it tells at most; 0 for none.
        strict: parameters that OpenAI does not know are refused, as OpenAI does.
        key: what must stand in the header, empty for no key.
        models: what it lists; None for a failure.
        troubles: what happens to the next requests, one each.
        asked: (path, body) of every request; keys: every Authorization header.
        left: requests whose client went away before the reply was whole.
        most: requests that were answered side by side at most.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    continues: Literal["asked", "always", "never", "half", "dropped"] = "asked"
    prompt_logprobs: bool = True
    echo: bool = True
    top: int = 20
    strict: bool = False
    key: str = ""
    models: list[dict[str, Any]] | None = field(
        default_factory=lambda: [{"id": MODEL, "owned_by": "vllm", "max_model_len": 512}]
    )
    pause: float = 0.0
    troubles: deque[Trouble] = field(default_factory=deque)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    most: int = 0
    now: int = 0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def prompt_ids(self, body: Mapping[str, Any]) -> list[int]:
        if "prompt" in body:
            return list(self.tokenizer(body["prompt"])["input_ids"])
        messages = body["messages"]
        if self.continues == "dropped" and messages[-1]["role"] == "assistant":
            messages = messages[:-1]
        opened = messages[-1]["role"] == "assistant"
        told = {"asked": bool(body.get("continue_final_message")), "always": True}
        goes_on = opened and told.get(self.continues, False)
        header = not goes_on and (body.get("add_generation_prompt", True) or self.continues in _OWN_HEADER)
        text = self.tokenizer.apply_chat_template(
            messages,
            tokenize=False,
            add_generation_prompt=header and not goes_on,
            continue_final_message=goes_on,
        )
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def logprobs(self, ids: list[int]) -> torch.Tensor:
        """(tokens, vocabulary): what comes after each token."""
        with self.lock, torch.no_grad():
            return torch.log_softmax(self.model(torch.tensor([ids])).logits[0].float(), dim=-1)

    def written(self, ids: list[int], body: Mapping[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
        """Pieces of the reply, and what was likely before each."""
        generator = torch.Generator().manual_seed(body.get("seed") or 0)
        new: list[int] = []
        given = ""
        for _ in range(body.get("max_tokens") or body.get("max_completion_tokens") or 16):
            after = self.logprobs(ids + new)[-1]
            heat = body.get("temperature", 1.0)
            drawn = (
                torch.multinomial(torch.softmax(after / heat, -1), 1, generator=generator) if heat else after.argmax()
            )
            new.append(int(drawn))
            if new[-1] == self.tokenizer.eos_token_id:
                return
            text = self.tokenizer.decode(new, skip_special_tokens=True).rstrip("\ufffd")
            yield text[len(given) :], after
            given = text


@contextmanager
def served(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, **settings: Any) -> Iterator[Served]:
    here = Served(model, tokenizer, **settings)

    class Handler(_Handler):
        server_here = here

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(_LOOK_SECONDS,), daemon=True)
    thread.start()
    try:
        yield here
    finally:
        here.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    server_here: Served
    protocol_version = "HTTP/1.1"
    answers = False
    disable_nagle_algorithm = True  # else each answer of several writes waits for the client's acknowledgement

    def do_GET(self) -> None:
        here = self.server_here
        here.keys.append(self.headers.get("Authorization", ""))
        if self._refused():
            return
        if self.path != "/v1/models":
            self._json(404, {"detail": "Not Found"})
        elif here.models is None:
            self._json(500, {})
        else:
            self._json(200, {"object": "list", "data": here.models})

    def do_POST(self) -> None:
        here = self.server_here
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with here.lock:
            here.asked.append((self.path, body))
            here.keys.append(self.headers.get("Authorization", ""))
            trouble = here.troubles.popleft() if here.troubles else Trouble()
            here.now, self.answers = here.now + 1, True
            here.most = max(here.most, here.now)
        try:
            here.ended.wait(trouble.hangs)
            if trouble.status:
                self._json(trouble.status, {"error": {"message": trouble.said}}, trouble.headers)
            elif not self._refused() and not self._mistaken(body):
                self._answer(body, trouble)
        except (BrokenPipeError, ConnectionResetError):
            here.left.set()
            self.close_connection = True
        finally:
            self._over()

    def _over(self) -> None:
        """Counts no longer as under way; before its last bytes go, since the client may ask anew at once."""
        with self.server_here.lock:
            self.server_here.now -= self.answers
            self.answers = False

    def _refused(self) -> bool:
        key = self.server_here.key
        given = self.headers.get("Authorization", "")
        if key and given != f"Bearer {key}":
            self._json(401, {"error": {"message": f"Incorrect API key provided: {given.removeprefix('Bearer ')}."}})
        return bool(key and given != f"Bearer {key}")

    def _mistaken(self, body: Mapping[str, Any]) -> bool:
        here, problem, status = self.server_here, "", 400
        unknown = set(body) - _OWN - ({"logprobs", "top_logprobs"} if here.top else set())
        if self.path not in ("/v1/chat/completions", "/v1/completions"):
            self._json(404, {"detail": "Not Found"})
            return True
        if body["model"] != MODEL:
            problem, status = f"The model `{body['model']}` does not exist.", 404
        elif here.strict and unknown:
            problem = f"Unrecognized request argument supplied: {min(unknown)}"
        elif body.get("add_generation_prompt", True) and body.get("continue_final_message"):
            problem = "Cannot set both `continue_final_message` and `add_generation_prompt` to True."
        elif max(body.get("top_logprobs") or 0, int(body.get("logprobs") or 0)) > here.top > 0:
            problem = f"Requested sample logprobs of {body.get('top_logprobs')}, which is greater than allowed"
        elif len(here.prompt_ids(body)) + body.get("max_tokens", 16) > 512:
            problem = "This model's maximum context length is 512 tokens. Reduce the length of the input messages."
        if problem:
            self._json(status, {"error": {"message": problem, "code": status}})
        return bool(problem)

    def _answer(self, body: Mapping[str, Any], trouble: Trouble) -> None:
        ids = self.server_here.prompt_ids(body)
        if body.get("stream"):
            self._stream(ids, body, trouble)
        elif "prompt" in body:
            self._json(200, self._text(ids, body))
        else:
            self._json(200, self._chat(ids, body))

    def _chat(self, ids: list[int], body: Mapping[str, Any]) -> dict[str, Any]:
        here = self.server_here
        pieces = list(here.written(ids, body))
        told: dict[str, Any] = {}
        if body.get("prompt_logprobs") is not None and here.prompt_logprobs:
            after = here.logprobs(ids)
            places = [{str(i): {"logprob": float(after[k, i]), "rank": 1}} for k, i in enumerate(ids[1:])]
            told = {"prompt_logprobs": [None, *places]}
        content = [{"top_logprobs": self._likeliest(after, body.get("top_logprobs") or 0)} for _, after in pieces]
        logprobs = {"content": content} if body.get("logprobs") and here.top else None
        message = {"role": "assistant", "content": "".join(text for text, _ in pieces)}
        choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": "length"}
        return {"choices": [choice], "usage": {"prompt_tokens": len(ids)}, **told}

    def _text(self, ids: list[int], body: Mapping[str, Any]) -> dict[str, Any]:
        here = self.server_here
        pieces = list(here.written(ids, body))
        logprobs: dict[str, Any] | None = None
        if body.get("logprobs") and here.top:
            top = [{e["token"]: e["logprob"] for e in self._likeliest(after, body["logprobs"])} for _, after in pieces]
            logprobs = {"tokens": [text for text, _ in pieces], "token_logprobs": [0.0] * len(pieces)}
            logprobs |= {"top_logprobs": top}
        if body.get("echo") and here.echo and logprobs is not None:
            after = here.logprobs(ids)
            figures = [None, *(float(after[k, i]) for k, i in enumerate(ids[1:])), *logprobs["token_logprobs"]]
            names = [here.tokenizer.decode([i]) for i in ids]
            logprobs |= {"tokens": names + logprobs["tokens"], "token_logprobs": figures}
        choice = {"index": 0, "text": "".join(t for t, _ in pieces), "logprobs": logprobs, "finish_reason": "length"}
        return {"choices": [choice], "usage": {"prompt_tokens": len(ids)}}

    def _likeliest(self, after: torch.Tensor, count: int) -> list[dict[str, Any]]:
        figures, ids = after.topk(min(count, len(after)))
        names = [self.server_here.tokenizer.decode([i]) for i in ids.tolist()]
        return [{"token": name, "logprob": p} for name, p in zip(names, figures.tolist(), strict=True)]

    def _stream(self, ids: list[int], body: Mapping[str, Any], trouble: Trouble) -> None:
        here = self.server_here
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, (text, _) in enumerate(here.written(ids, body)):
            if trouble.drops == number:
                self.close_connection = True
                return
            if trouble.stalls == number:
                here.ended.wait(30)
            time.sleep(here.pause)
            self._event(body, text, None)
        self._over()
        self._event(body, "", "stop")
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, body: Mapping[str, Any], text: str, reason: str | None) -> None:
        said = {"text": text} if "prompt" in body else {"delta": {"content": text}}
        event = {"choices": [{"index": 0, **said, "finish_reason": reason}]}
        self._chunk(f"data: {json.dumps(event)}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self._over()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": len(data), **(headers or {})}.items():
            self.send_header(name, str(text))
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass
