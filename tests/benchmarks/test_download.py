"""Downloads against a server on this machine: what is kept, what is not, and what is said."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from moralsc import benchmarks
from moralsc.benchmarks import download, sources
from moralsc.benchmarks.admissions import LAW
from moralsc.benchmarks.bbq import FILES
from moralsc.benchmarks.sources import Published
from moralsc.errors import DataError
from moralsc.settings import Settings

CONTENT = b"".join(b'{"line": %d}\n' % n for n in range(20_000))
BLOB = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
FILE = Published("bbq", "owner/name", "c0ffee" * 6 + "c0de", "data/Sample.jsonl", BLOB)


@dataclass
class Server:
    """What the server does, and what it was asked."""

    content: bytes = CONTENT
    status: int = 200
    ranges: bool = True
    cut_at: int | None = None
    paths: list[str] = field(default_factory=list)
    asked_from: list[int] = field(default_factory=list)


@pytest.fixture
def server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Settings]]:
    """A server that serves CONTENT at any path, and settings whose mirror it is."""
    monkeypatch.setenv("NO_PROXY", "*")
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
            state.paths.append(self.path)
            state.asked_from.append(start)
            start = start if state.ranges else 0
            if start and start >= len(state.content):
                self.send_response(416)
                self.end_headers()
                return
            self.send_response(state.status if not start else 206)
            self.send_header("Content-Length", str(len(state.content) - start))
            self.end_headers()
            self.wfile.write(state.content[start : state.cut_at])

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state, replace(settings, mirror=f"http://127.0.0.1:{http.server_port}")
    http.shutdown()
    http.server_close()
    thread.join()


def kept(settings: Settings) -> list[str]:
    return sorted(p.name for p in settings.cache.rglob("*") if p.is_file())


def test_a_file_comes_from_the_pinned_commit_and_is_verified(server: tuple[Server, Settings]) -> None:
    state, settings = server
    path = download.fetch(FILE, settings)
    assert path.read_bytes() == CONTENT
    assert state.paths == [f"/owner/name/{FILE.commit}/data/Sample.jsonl"]
    assert kept(settings) == ["Sample.jsonl"]
    found = sources.find(FILE, settings)
    assert found is not None
    assert (found.path, found.verified, found.own) == (path, True, False)


def test_what_is_in_the_cache_is_not_downloaded_again(server: tuple[Server, Settings]) -> None:
    state, settings = server
    assert download.fetch(FILE, settings) == download.fetch(FILE, replace(settings, offline=True))
    assert len(state.paths) == 1


def test_a_category_that_was_fetched_is_loaded_as_the_published_one(
    server: tuple[Server, Settings], real: Settings
) -> None:
    state, settings = server
    theirs = sources.find(FILES["Religion"], real)
    if theirs is None:
        pytest.skip("Religion.jsonl is not here")
    assert benchmarks.load("bbq", settings, category="Religion").bundled
    state.content = theirs.path.read_bytes()
    (path,) = benchmarks.fetch("bbq", settings, "Religion")
    assert path.is_relative_to(settings.cache)
    made = benchmarks.load("bbq", settings, category="Religion")
    assert (made.bundled, made.origin, len(made.items)) == (False, "nyu-mll/BBQ at bea11bd97d79", 1200)
    assert made.items == benchmarks.load("bbq", real, category="Religion").items


def test_progress_is_told_up_to_the_whole(server: tuple[Server, Settings]) -> None:
    told: list[tuple[str, int, int]] = []
    download.fetch(FILE, server[1], lambda name, done, total: told.append((name, done, total)))
    assert {name for name, _, _ in told} == {"Sample.jsonl"}
    assert {total for _, _, total in told} == {len(CONTENT)}
    done = [d for _, d, _ in told]
    assert done == sorted(done)
    assert len(done) > 1
    assert done[-1] == len(CONTENT)


def test_another_content_is_refused_and_nothing_is_kept(server: tuple[Server, Settings]) -> None:
    state, settings = server
    state.content = CONTENT + b"\n"
    with pytest.raises(DataError, match=r"is not the file of owner/name at c0ffeec0ffee.* Nothing was kept\."):
        download.fetch(FILE, settings)
    assert kept(settings) == []
    assert sources.find(FILE, settings) is None


def test_a_missing_file_is_told_with_its_address(server: tuple[Server, Settings]) -> None:
    state, settings = server
    state.status = 404
    with pytest.raises(DataError, match=r"Sample\.jsonl could not be downloaded: http://127.* answered 404\."):
        download.fetch(FILE, settings)
    assert kept(settings) == []


def test_a_download_that_broke_off_goes_on_from_there(server: tuple[Server, Settings]) -> None:
    state, settings = server
    state.cut_at = 150_000
    with pytest.raises(DataError, match=r"the connection broke off\. Try again: it goes on from there"):
        download.fetch(FILE, settings)
    assert sources.find(FILE, settings) is None
    state.cut_at = None
    assert download.fetch(FILE, settings).read_bytes() == CONTENT
    assert state.asked_from[0] == 0 < state.asked_from[1] <= 150_000
    assert kept(settings) == ["Sample.jsonl"]


def test_where_the_server_knows_no_ranges_the_download_begins_anew(server: tuple[Server, Settings]) -> None:
    state, settings = server
    state.cut_at, state.ranges = 150_000, False
    with pytest.raises(DataError):
        download.fetch(FILE, settings)
    state.cut_at = None
    assert download.fetch(FILE, settings).read_bytes() == CONTENT
    assert kept(settings) == ["Sample.jsonl"]


@pytest.mark.parametrize("rest", [b"rubbish", CONTENT + b"too long", CONTENT[:-1] + b"?"])
def test_a_rest_that_does_not_fit_is_thrown_away(server: tuple[Server, Settings], rest: bytes) -> None:
    state, settings = server
    target = sources.cached(FILE, settings)
    target.parent.mkdir(parents=True)
    target.with_name(target.name + ".part").write_bytes(rest)
    assert download.fetch(FILE, settings).read_bytes() == CONTENT
    assert state.asked_from == [len(rest), 0]
    assert kept(settings) == ["Sample.jsonl"]


def test_a_damaged_file_in_the_cache_counts_as_absent_and_is_replaced(server: tuple[Server, Settings]) -> None:
    _, settings = server
    target = sources.cached(FILE, settings)
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT[:100])
    assert sources.find(FILE, settings) is None
    assert download.fetch(FILE, settings).read_bytes() == CONTENT


def test_a_person_who_stops_a_download_can_go_on_later(server: tuple[Server, Settings]) -> None:
    class Stopped(Exception):
        pass

    def stop(name: str, done: int, total: int) -> None:
        raise Stopped

    state, settings = server
    with pytest.raises(Stopped):
        download.fetch(FILE, settings, stop)
    assert sources.find(FILE, settings) is None
    assert download.fetch(FILE, settings).read_bytes() == CONTENT
    assert state.asked_from[1] > 0


@pytest.mark.parametrize("mirror", ["http://mirror.invalid", "http://127.0.0.1:9"])
def test_without_a_network_the_sentence_says_so(
    settings: Settings, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(DataError, match=r"cannot be reached\. Is there a network\?"):
        download.fetch(FILE, replace(settings, mirror=mirror))
    assert kept(settings) == []


def test_offline_nothing_is_asked(server: tuple[Server, Settings]) -> None:
    state, settings = server
    with pytest.raises(DataError, match=r"Sample\.jsonl is not in the cache, and moralsc is set to work offline"):
        download.fetch(FILE, replace(settings, offline=True))
    assert state.paths == []


def test_the_law_school_file_is_never_downloaded(server: tuple[Server, Settings]) -> None:
    state, settings = server
    with pytest.raises(DataError, match=r"law_data\.csv is never downloaded"):
        download.fetch(LAW, settings)
    assert state.paths == []


def test_a_cache_that_cannot_be_written_is_told(server: tuple[Server, Settings], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="the cache cannot be written"):
        download.fetch(FILE, replace(server[1], cache=tmp_path / "file"))
