"""A hub on loopback that serves repositories from memory, and fails in each way in which a hub fails."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LATER = "fedcba9876543210fedcba9876543210fedcba98"


@dataclass
class Repository:
    """What a repository holds.

    Attributes:
        files: name -> content.
        commit: that of main; it and `older` can be asked for.
        gated: only who is somebody gets its files, and nobody is here.
        parameters: what the hub counted in its safetensors; 0 if it says nothing.
    """

    files: dict[str, bytes]
    commit: str = COMMIT
    older: tuple[str, ...] = ()
    gated: bool = False
    parameters: int = 0


@dataclass
class Hub:
    """The server.

    Attributes:
        asked: "GET path" of every request, in order.
        ranges: what clients asked to go on from.
        down: every request is answered with 503.
        breaks: how many times a file's content ends in its middle.
        rate: bytes a second of a file's content; 0 for as fast as it goes.
    """

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    down: bool = False
    breaks: int = 0
    rate: int = 0

    @property
    def downloads(self) -> list[str]:
        """Names of the files whose content was sent, each once."""
        return sorted({a.rsplit("/", 1)[1] for a in self.asked if a.startswith("GET ") and "/resolve/" in a})


@contextmanager
def served(repositories: dict[str, Repository]) -> Iterator[Hub]:
    hub = Hub(repositories=repositories)

    class Handler(_Handler):
        here = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    here: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.here.asked.append(f"{self.command} {path}")
        if self.here.down:
            self._send(503, b"down", body=body)
        elif path.startswith("/api/models/"):
            self._api(path.removeprefix("/api/models/").split("/"), body)
        else:
            owner, name, _, revision, file = path.lstrip("/").split("/", 4)
            self._file(f"{owner}/{name}", revision, file, body)

    def _found(self, repo: str, revision: str, body: bool) -> Repository | None:
        found = self.here.repositories.get(repo)
        if found is None:
            self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
        elif revision not in ("main", found.commit, *found.older):
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
            found = None
        return found

    def _api(self, parts: list[str], body: bool) -> None:
        repo, rest = "/".join(parts[:2]), parts[2:]
        revision = rest[1] if len(rest) > 1 else "main"
        found = self._found(repo, revision, body)
        if found is None:
            return
        commit = found.commit if revision == "main" else revision
        if rest[:1] == ["tree"]:
            said: object = [
                {"type": "file", "path": name, "size": len(data), "oid": _oid(data)}
                for name, data in found.files.items()
            ]
        else:
            said = {
                "id": repo,
                "sha": commit,
                "private": False,
                "gated": "manual" if found.gated else False,
                "siblings": [{"rfilename": n, "size": len(d), "blobId": _oid(d)} for n, d in found.files.items()],
            }
            if found.parameters:
                said |= {"safetensors": {"parameters": {"BF16": found.parameters}, "total": found.parameters}}
        self._send(200, json.dumps(said).encode(), {"Content-Type": "application/json"}, body)

    def _file(self, repo: str, revision: str, file: str, body: bool) -> None:
        found = self._found(repo, revision, body)
        if found is None:
            return
        if found.gated or file not in found.files:
            code, kind = (403, "GatedRepo") if found.gated else (404, "EntryNotFound")
            self._send(code, b"{}", {"X-Error-Code": kind}, body)
            return
        data = found.files[file]
        headers = {"ETag": f'"{_oid(data)}"', "X-Repo-Commit": found.commit if revision == "main" else revision}
        asked = self.headers.get("Range", "")
        start = 0
        if body and asked.startswith("bytes="):
            self.here.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._send(206 if start else 200, data[start:], headers, body)

    def _send(self, code: int, data: bytes, headers: dict[str, str] | None = None, body: bool = True) -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if not body:
            return
        if code == 200 and self.here.breaks and len(data) > 10_000:
            self.here.breaks -= 1
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)
            return
        step = self.here.rate // 10 or len(data)
        for start in range(0, len(data), max(step, 1)):
            self.wfile.write(data[start : start + step])
            if self.here.rate:
                time.sleep(0.1)


def _oid(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()
