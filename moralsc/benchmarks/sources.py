"""Where the published benchmark files lie, and how they are read: the user's folder first, then the cache.

Files are pinned to a commit and verified by their git blob id. Nothing is downloaded here (see `download`), and no row
is understood here: a file becomes (place, row) pairs, where the place names file and line for every later complaint.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from moralsc.errors import DataError
from moralsc.settings import Settings


@dataclass(frozen=True)
class Published:
    """A file of a published benchmark at its pinned commit.

    Attributes:
        benchmark: key in `moralsc.benchmarks.BENCHMARKS`; also the name of its folder in the cache.
        repository, commit, path: where it lies: "owner/name", 40 hex digits, path inside the repository. A file
            without a repository is only ever read from the user's folder and has nothing to be verified against.
        blob: git blob id of its content, 40 hex digits.
        folders: of the user's folder, in which it may lie: sorted by benchmark, as a clone, or just there.
        names: other names that a copy there may have.
    """

    benchmark: str
    repository: str
    commit: str
    path: str
    blob: str
    folders: tuple[str, ...] = (".",)
    names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return Path(self.path).name

    @property
    def revision(self) -> str:
        """Source and revision in one phrase."""
        return f"{self.repository} at {self.commit[:12]}"


@dataclass(frozen=True)
class Found:
    """A published file that lies on this machine.

    Attributes:
        verified: its content is that of the pinned commit. Never false in the cache.
        own: it lies in the user's folder, not in the cache.
    """

    file: Published
    path: Path
    verified: bool
    own: bool

    @property
    def origin(self) -> str:
        """For records: source and revision, without the machine's paths."""
        if self.verified:
            return self.file.revision
        differs = f" (differs from {self.file.revision})" if self.file.repository else ""
        return f"{self.file.name} of your own{differs}"


def cached(file: Published, settings: Settings) -> Path:
    """Where the cache keeps the file, whether it is there or not."""
    return settings.cache / file.benchmark / file.commit[:12] / file.name


def find(file: Published, settings: Settings) -> Found | None:
    """The file in the user's folder, else in the cache, else None. A damaged file in the cache counts as absent."""
    folders = [settings.data / folder for folder in file.folders] if settings.data else []
    for own in (folder / name for folder in folders for name in (file.name, *file.names)):
        if own.is_file():
            return Found(file, own, blob_id(own) == file.blob, own=True)
    path = cached(file, settings)
    if path.is_file() and blob_id(path) == file.blob:
        return Found(file, path, verified=True, own=False)
    return None


def stamp(path: Path) -> tuple[int, int]:
    """(modification time in ns, size in bytes): changes when the file does.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read ({error.strerror}).") from error
    return facts.st_mtime_ns, facts.st_size


def blob_id(path: Path) -> str:
    """The git blob id of a file: sha1 of "blob ", its length in bytes, a zero byte and its content.

    Raises:
        DataError: the file cannot be read.
    """
    return _blob_id(path, stamp(path))


@lru_cache(maxsize=64)
def _blob_id(path: Path, stamp: tuple[int, int]) -> str:
    content = _bytes(path)
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def read_jsonl(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a JSON-lines file with their places. Empty lines are passed over.

    Raises:
        DataError: a line is not a JSON object in UTF-8. File and line are named.
    """
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataError(f"{place}: not JSON ({getattr(error, 'msg', 'nested too deep')}).") from error
        if not isinstance(row, dict):
            raise DataError(f"{place}: not a JSON object.")
        yield place, row


def read_table(path: Path, delimiter: str, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a table with a header, as column -> text, with their places. Empty lines are passed over.

    Args:
        delimiter: one character. Tab-separated files know no quotes, comma-separated ones do.
        columns: what the header must have; further columns are kept.

    Raises:
        DataError: a column is missing, or a row has too few or too many fields. File and line are named.
    """
    reader = csv.reader(
        io.StringIO(_text(path), newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
        strict=True,
    )
    try:
        header = next(reader, [])
        for column in columns:
            if column not in header:
                raise DataError(
                    f"{path}, line 1: the column {column!r} is missing. Found: {', '.join(header) or 'nothing'}."
                )
        for fields in reader:
            place = f"{path}, line {reader.line_num}"
            if fields and len(fields) != len(header):
                raise DataError(f"{place}: {len(fields)} fields, and the header has {len(header)}.")
            if fields:
                yield place, dict(zip(header, fields, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}.") from error


def _text(path: Path) -> str:
    content = _bytes(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, line {line}: not text in UTF-8.") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read ({error.strerror}).") from error
