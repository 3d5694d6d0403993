"""A ZeroGPU Space on a machine without one, for a process of its own: the platform's client against a stub on loopback.

Does what visitors do, and prints what it saw as JSON for `test_engine_zero`.
"""

import importlib
import json
import multiprocessing
import os
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

GRANTED = {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "x", "allowToken": "t"}
ITEM = ("winogender:bundled", "b-nurse.sailor.0")
REFUSALS: dict[str, tuple[int, dict[str, str], str]] = {
    "quota exceeded": (429, {}, json.dumps({"left": 10, "wait": "PT1H"})),
    "illegal duration": (429, {}, json.dumps({"left": 10, "wait": "-PT1S"})),
    "pending credits exceeded": (
        429,
        {"X-Approve-Result": "pending-overquota-exceeded"},
        json.dumps({"left": 10, "wait": "PT1H"}),
    ),
    "client error": (503, {}, ""),
    "broken service": (500, {}, ""),
}


class Stub(BaseHTTPRequestHandler):
    """The platform's side: grants a GPU, or refuses it as `answer` says."""

    calls: list[tuple[str, dict[str, str]]] = []  # noqa: RUF012 - one stub a process
    answer: tuple[int, dict[str, str], str] = (200, {}, json.dumps(GRANTED))

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def do_POST(self) -> None:
        address = urlsplit(self.path)
        Stub.calls.append((address.path, dict(parse_qsl(address.query))))
        code, headers, body = Stub.answer if address.path == "/schedule" else (200, {}, "")
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


@contextmanager
def platform(folder: Path) -> Any:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    (folder / "cgroup").write_text("0::/x\n")
    os.environ |= {
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{server.server_port}",
        "ZEROGPU_PROC_SELF_CGROUP_PATH": str(folder / "cgroup"),
        "ZEROGPU_OFFLOAD_DIR": str(folder / "tensors"),
    }
    # Without CUDA the client cannot emulate it: it gets the part of itself that is for programs without torch.
    sys.modules["torch"] = None  # type: ignore[assignment]
    importlib.import_module("spaces")
    del sys.modules["torch"]
    try:
        yield
    finally:
        for worker in multiprocessing.active_children():
            worker.terminate()
        server.shutdown()


def main() -> dict[str, Any]:
    import spaces
    import torch
    from gradio_client import Client

    from moralsc import models
    from moralsc.answers import ScoredBy
    from moralsc.dialogue import Message
    from moralsc.engines import local_load, zero
    from moralsc.engines.base import Sampling, Scoring, StopFlag
    from moralsc.engines.local import LocalEngine
    from moralsc.errors import ModelError
    from moralsc.models import hub
    from moralsc.prompts import default_prompts
    from moralsc.settings import Settings
    from moralsc.ui.app import build_app, launch
    from moralsc.ui.context import Context
    from moralsc.ui.shelf import Shelf

    bundled = next(spec for spec in models.catalogue().values() if spec.bundled)
    folder = models.ASSETS / "models" / bundled.path
    # A model of the hub, whose files are those of a bundled one; and one that cannot be had.
    real = replace(
        bundled, name="real", family="Real", path="", sha256="", bundled=False, repo="a/b", revision="0" * 40
    )
    gone = replace(real, name="gone", family="Gone", repo="a/gone")
    assert real.scored_by is ScoredBy.TEXT

    def fetch(spec: Any, *_: Any, **__: Any) -> Any:
        if spec.name == "gone":
            raise ModelError("Gone cannot be had: the hub answered 503.")
        return hub.Snapshot(folder, spec)

    local_load.hub.fetch = fetch  # type: ignore[attr-defined]
    for spec in (real, gone):
        models.add(spec)
    seen: dict[str, Any] = {"host": os.getpid()}
    settings = Settings(Path(tempfile.mkdtemp()), port=0, queue=7, models=("real", "gone"), zero_gpu=True)

    engines = zero.zero_pool(settings, device="cpu")
    app = build_app(Context(settings, default_prompts(), engines, Shelf(settings)))
    url = launch(settings, block=False, app=app)
    decorated = set(spaces.zero.decorator.decorated_cache.values())  # type: ignore[attr-defined]
    seen["decorated"] = len(decorated)
    seen["queue"] = app._queue.max_size
    seen["started"] = [path for path, _ in Stub.calls]

    messages = (Message("user", "The nurse said that ___ shift was over."), Message("assistant", "Answer:"))
    scorings = [Scoring(messages, (" his", " her", " their"), True)]
    with torch.inference_mode():
        alone = LocalEngine(real, *_parts(folder), weights="alone")
    engine = engines.get("real")
    seen["render"] = engine.render(messages) == alone.render(messages)
    drawn = Sampling(12, temperature=1.0, seed=3)
    seen["text"] = ["".join(e.stream(messages, drawn, StopFlag())) for e in (engine, alone)]
    seen["scores"] = [e.score(scorings) for e in (engine, alone)]
    seen["facts"] = [engine.provenance, alone.provenance]
    seen["calls"] = list(Stub.calls)

    before, flag, pieces = len(Stub.calls), StopFlag(), []
    for piece in engine.stream(messages, Sampling(200, temperature=1.0), flag):
        pieces.append(piece)
        flag.stop()
    seen["stopped"] = {"pieces": len(pieces), "calls": [path for path, _ in Stub.calls[before:]]}

    def said(work: Any) -> str:
        try:
            return f"no error: {work()}"
        except ModelError as error:
            return f"{type(error).__name__}: {error}"

    seen["too long"] = said(lambda: list(engine.stream(messages, Sampling(100_000), StopFlag())))
    seen["gone"] = said(lambda: engines.get("gone"))
    client = Client(url, verbose=False)
    seen["asked"] = client.predict("real", *ITEM, api_name="/ask")
    granted = Stub.answer
    seen["refused"] = {}
    for name, answer in REFUSALS.items():
        Stub.answer = answer
        seen["refused"][name] = said(lambda: engine.score(scorings))
        if name == "quota exceeded":
            seen["asked refused"] = client.predict("real", *ITEM, api_name="/ask")
            seen["asked bundled"] = client.predict(bundled.name, *ITEM, api_name="/ask")
    Stub.answer = granted
    for worker in multiprocessing.active_children():
        worker.kill()
        worker.join()
    LocalEngine.score = lambda *_: os._exit(1)  # type: ignore[method-assign,assignment,return-value]
    seen["refused"]["worker error"] = said(lambda: engine.score(scorings))
    client.close()
    app.close(verbose=False)
    return seen


def _parts(folder: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation="sdpa")
    return model, AutoTokenizer.from_pretrained(folder)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, platform(Path(name)):
        found = main()
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")
    os._exit(0)  # threads of the page are of no interest any more
