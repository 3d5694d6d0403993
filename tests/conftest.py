"""Options, data and guards for every test."""

import gc
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from moralsc.models import catalogue

ROOT = Path(__file__).resolve().parents[1]
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # there is a worker a core; read when torch is imported


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what is compared to the files in tests/golden")


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: more than there are cores, since many tests wait for a browser or for a process of their own."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported now lasts: the garbage collector walks it neither meanwhile nor whenever a test collects."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with real benchmark files; the test is skipped where there is none."""
    folder = Path(os.environ.get("MORALSC_DATA") or ROOT / "../shared/data").resolve()
    if not folder.is_dir():
        pytest.skip("no benchmark files: set MORALSC_DATA to a folder that holds bbq/ and winogender/")
    return folder


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with golden/<name>.txt beside the test, or write it there with --update-golden."""

    def compare(name: str, text: str) -> None:
        path = request.path.with_name("golden") / f"{name}.txt"
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing: look at the text, then run pytest --update-golden"
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture(autouse=True)
def no_models_of_other_tests() -> Iterator[None]:
    """Models that a test adds, as every command does that names an address, are offered to no other test."""
    models = catalogue()
    before = dict(models)
    yield
    models.clear()
    models |= before


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of ours may leave the machine; what leaves it anyway fails loudly."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not _local(address[0]):
            pytest.fail(f"a test tried to connect to {address[0]}")
        connect(self, address)

    def guarded_resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _local(host):
            raise socket.gaierror(socket.EAI_NONAME, f"a test tried to look up {host}")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_resolve)
    # Every client of HTTP reads some hundred certificates first, and what stays on the machine needs none of them.
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None)


def _local(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback or ipaddress.ip_address(name).is_unspecified
    except ValueError:
        return False
