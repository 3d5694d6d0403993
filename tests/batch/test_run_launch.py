"""Two real processes, started by accelerate's launcher, on the bundled miniature: their records are those of one."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from batch.fakes import untimed

from moralsc.batch import folder
from moralsc.batch.design import Design
from moralsc.batch.run import run
from moralsc.settings import Settings

MODEL = "mini-s-instruct"
MADE = Design.of(MODEL, "winogender:bundled", "specificity-0,cot", limit=3, batch=1)
LAUNCH = "accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no "
LAUNCH += "--dynamo_backend no --main_process_port 0 -m"
TIMEOUT = 900


def loopback() -> bool:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 5):
            return any(name == "lo" for _, name in socket.if_nameindex())
    except OSError:
        return False


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or not loopback(), reason="needs Linux and its loopback interface"),
]


@pytest.fixture(autouse=True)
def fakes() -> None:
    """The real catalogue instead of the fakes."""


def launch(out: Path) -> "subprocess.Popen[str]":
    # One thread, since the number of threads may change the last digits of a sum.
    ours = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "CUDA_VISIBLE_DEVICES": ""}
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MORALSC_", "ACCELERATE_"))}
    command = [sys.executable, "-m", *LAUNCH.split(), *MADE.command, "--out", str(out)]
    return subprocess.Popen(
        command,
        env={**clean, **ours},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def alone(out: Path) -> list[dict[str, Any]]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert run(MADE, out, Settings(cache=out.parent / "unused")).complete
    finally:
        torch.set_num_threads(threads)
    return untimed(list(folder.records(out)))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return alone(tmp_path_factory.mktemp("launch") / "alone")


@pytest.fixture
def cleared() -> Iterator[list["subprocess.Popen[str]"]]:
    """Whatever a failing test leaves running ends with it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            for child in (*psutil.Process(process.pid).children(recursive=True), process):
                child.kill()
            process.communicate()


def working(launched: "subprocess.Popen[str]", out: Path) -> dict[int, psutil.Process]:
    """Number -> process, once something is written."""
    deadline = time.monotonic() + TIMEOUT
    while not list((out / "records").glob("*.jsonl")):
        assert launched.poll() is None, launched.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return {int(p.environ()["RANK"]): p for p in psutil.Process(launched.pid).children() if "RANK" in p.environ()}


def test_two_processes_write_the_records_of_one(
    tmp_path: Path, expected: list[dict[str, Any]], cleared: list[Any]
) -> None:
    cleared.append(launched := launch(tmp_path / "run"))
    shown, said = launched.communicate(timeout=TIMEOUT)
    assert launched.returncode == 0, said
    assert untimed(list(folder.records(tmp_path / "run"))) == expected
    assert sorted(p.name for p in (tmp_path / "run" / "records").iterdir()) == ["001-0.jsonl", "001-1.jsonl"]
    assert shown.count("Plan: ") == shown.count("Complete: ") == 1


@pytest.mark.parametrize("victim", [0, 1], ids=["the main process", "the other process"])
def test_when_one_of_two_is_killed_the_other_ends_too_and_one_goes_on(
    tmp_path: Path, expected: list[dict[str, Any]], cleared: list[Any], victim: int
) -> None:
    cleared.append(launched := launch(tmp_path / "run"))
    workers = working(launched, tmp_path / "run")
    workers[victim].kill()
    _, said = launched.communicate(timeout=TIMEOUT)
    assert launched.returncode != 0
    assert ("Process 2 of 2 was told to end" if victim == 0 else "The same command goes on from there") in said
    assert not folder.status(tmp_path / "run").complete
    assert alone(tmp_path / "run") == expected


def test_an_interrupt_ends_all_and_is_said_once(tmp_path: Path, cleared: list[Any]) -> None:
    cleared.append(launched := launch(tmp_path / "run"))
    workers = working(launched, tmp_path / "run")
    launched.send_signal(signal.SIGINT)  # as a terminal does: the workers are no part of its group
    _, said = launched.communicate(timeout=TIMEOUT)
    assert launched.returncode != 0
    assert said.count("The same command goes on from there") == 1
    assert not any(worker.is_running() for worker in workers.values())
    assert not folder.status(tmp_path / "run").complete


def test_a_foreign_launch_on_the_same_folder_is_told_once(tmp_path: Path, cleared: list[Any]) -> None:
    with folder.opened(tmp_path / "run", {"design": {}, "rows": 1}):
        cleared.append(launched := launch(tmp_path / "run"))
        _, said = launched.communicate(timeout=TIMEOUT)
    assert launched.returncode != 0
    assert said.count("Another process is working in") == 1
