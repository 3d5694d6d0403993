"""The download button: published items arrive and are verified; a failure is one sentence and nothing is lost."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from scripted import ScriptedEngine
from served import make_context

from moralsc.benchmarks.winogender import STATISTICS, TEMPLATES
from moralsc.errors import ModelError
from moralsc.models import packages
from moralsc.prompts import default_prompts
from moralsc.ui import views
from moralsc.ui.choosing import Choosing
from moralsc.ui.fetching import Fetching
from moralsc.ui.parts import build_header, build_parts

REQUEST: Any = SimpleNamespace(session_hash="visitor")
KEY, CATEGORY = "winogender:bundled", "occupation"


def make_choosing(**settings: object) -> Choosing:
    with gr.Blocks():
        parts = build_parts(build_header(views.header([])), default_prompts())
    return Choosing(make_context(ScriptedEngine(), **settings), parts)


def test_a_failure_before_the_installation_is_not_told_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    choosing = make_choosing()
    context, parts, name = choosing.context, choosing.parts, "gemma-3-270m"
    monkeypatch.setattr("moralsc.engines.pool.EnginePool.has", lambda *_: False)
    failing: Any = SimpleNamespace(coming=lambda _: SimpleNamespace(result=lambda: _fail()), has=lambda _: False)
    context.ahead.load(failing, name, lambda _: None)
    assert context.ahead.readiness(context.engines, name).problem
    monkeypatch.setattr(packages, "offers_install", lambda *_: True)
    monkeypatch.setattr(packages, "install", lambda *_: None)
    *_, last = Fetching(choosing).install(name)
    assert "is here" in last[parts.status]["text"]
    assert not context.ahead.readiness(context.engines, name).problem


def _fail() -> None:
    raise ModelError("Its packages are missing.")


@pytest.fixture
def mirror(tmp_path: Path, data_dir: Path) -> Iterator[str]:
    """A server that holds the two Winogender files where the published ones lie."""
    for file in (TEMPLATES, STATISTICS):
        target = tmp_path / "mirror" / file.repository / file.commit / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((data_dir / "winogender" / file.name).read_bytes())
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "mirror"))
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()
    thread.join()


def test_the_published_items_are_downloaded_verified_and_offered(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    choosing = make_choosing(cache=tmp_path / "cache", mirror=mirror)
    assert choosing.context.shelf.fetchable(KEY, CATEGORY)
    *_, last = Fetching(choosing).fetch(KEY, CATEGORY, REQUEST)
    parts = choosing.parts
    assert ("Winogender", "winogender") in last[parts.shelf]["choices"]
    assert parts.state_item not in last
    assert last[parts.status]["text"] == "The published items are here: choose Winogender as the benchmark."
    assert last[parts.fetch]["visible"] is False
    assert not choosing.context.shelf.fetchable(KEY, CATEGORY)


def test_a_failed_download_is_one_sentence_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    choosing = make_choosing(cache=tmp_path / "cache", mirror="http://127.0.0.1:9")
    *_, last = Fetching(choosing).fetch(KEY, CATEGORY, REQUEST)
    assert "cannot be reached" in last[choosing.parts.status]["text"]
    assert last[choosing.parts.fetch]["interactive"] is True
    assert choosing.parts.state_item not in last


@pytest.mark.parametrize(
    ("settings", "key", "category"),
    [
        ({"offline": True}, KEY, CATEGORY),
        ({}, "admissions:bundled", "law school"),
    ],
)
def test_what_may_not_be_downloaded_is_not_offered(
    settings: dict[str, object], key: str, category: str, tmp_path: Path
) -> None:
    assert not make_choosing(cache=tmp_path, **settings).context.shelf.fetchable(key, category)


def test_a_download_that_was_not_offered_is_not_begun(tmp_path: Path) -> None:
    choosing = make_choosing(cache=tmp_path, mirror="http://127.0.0.1:9")
    for key, category in (("own", ""), ("admissions:bundled", "law school"), ("bbq:bundled", None), ("x", "y")):
        (only,) = Fetching(choosing).fetch(key, category, REQUEST)  # type: ignore[arg-type]
        assert only[choosing.parts.status]["kind"] == "m-problem"
