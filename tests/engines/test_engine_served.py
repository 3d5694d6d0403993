"""A real server on loopback: `transformers serve` with bundled miniatures, asked by the engine and by the command.

It gives no log-probabilities and continues no opening in chats, so texts are what can be compared.
"""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines.contract import HISTORY, QUESTION
from typer.testing import CliRunner

from moralsc import cli
from moralsc.dialogue import Message
from moralsc.engines.base import Limits, Sampling, StopFlag, limits
from moralsc.engines.endpoint import EndpointEngine
from moralsc.engines.local import LocalEngine
from moralsc.models import ASSETS, PLANTED, find
from moralsc.models.endpoints import endpoint_spec

pytestmark = pytest.mark.slow
BASE, INSTRUCT = (str(ASSETS / "models" / name) for name in ("mini-s-base", "mini-s-instruct"))
_NEEDED = ("fastapi", "uvicorn", "openai")
_PATIENCE = 180


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's address; it loads a model when it is first asked for it."""
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        pytest.skip(f"transformers serve needs {', '.join(missing)}: see requirements-dev.txt")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("served")
    command = [str(Path(sys.executable).with_name("transformers")), "serve", "--device", "cpu"]
    environ = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder), "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log, env=environ, cwd=folder
        )
    try:
        _wait(server, port, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"transformers serve did not listen: {log.read_text()}")


def local(name: str, messages: tuple[Message, ...], sampling: Sampling) -> str:
    return "".join(LocalEngine.load(find(name)).stream(messages, sampling, StopFlag()))


def test_a_text_from_a_real_server_is_that_of_the_model_on_this_machine(url: str) -> None:
    engine = EndpointEngine.connect(endpoint_spec(f"openai:{url}/v1/completions#{BASE}"))
    assert limits(engine) == Limits(continues=True, probabilities=False)
    own = local("mini-s-base", HISTORY, Sampling(16))
    assert "".join(engine.stream(HISTORY, Sampling(16), StopFlag())) == own
    assert engine.replies([(HISTORY, Sampling(16))] * 2) == [own] * 2


def test_a_chat_with_a_real_server_is_that_with_the_model_on_this_machine(url: str) -> None:
    engine = EndpointEngine.connect(endpoint_spec(f"openai:{url}#{INSTRUCT}"))
    assert limits(engine) == Limits(continues=False, probabilities=False)
    own = local("mini-s-instruct", (QUESTION,), Sampling(16))
    assert "".join(engine.stream((QUESTION,), Sampling(16), StopFlag())) == own


def test_the_command_asks_a_real_server(url: str) -> None:
    words = ("--benchmark", "winogender:bundled", "--item", "b-nurse.sailor.0", "--correct", "specificity-1")
    done = CliRunner().invoke(cli.app, ["ask", "--model", f"openai:{url}#{INSTRUCT}", *words])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("The server gives no probabilities for this") == 2
    assert PLANTED in done.stdout.lower()
