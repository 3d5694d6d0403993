"""Weights of GGUF files as ordinary folders, unpacked once and kept in the user's cache, within a bound.

A folder is written under another name and renamed when it is whole, and renamed again before it is removed, so that a
process that ends at any moment leaves nothing that could be taken for one. Whoever reads one holds the cache's lock.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs
from filelock import FileLock

from moralsc.errors import ModelError
from moralsc.notation import bytes_text
from moralsc.settings import Settings

FOLDER = "weights"
_GB = 10**9
_HALF = ".half-"
_SPARE = 200_000_000  # bytes of the disk that unpacking leaves free


@dataclass(frozen=True)
class Store:
    """The user's cache, as far as weights lie in it.

    Attributes:
        cache: the folder.
        limit: bytes that all unpacked folders may take together; those that were not used for longest make room.
    """

    cache: Path = field(default_factory=lambda: platformdirs.user_cache_path("moralsc"))
    limit: int = 20 * _GB

    @classmethod
    def of(cls, settings: Settings) -> "Store":
        """What the settings say."""
        return cls(settings.cache, settings.weights_gb * _GB)

    @contextmanager
    def unpacked(self, key: str, size: int, write: Callable[[Path], None]) -> Iterator[Path]:
        """The folder of this key, written now if it is not there; it stays for the next time if the bound allows.

        While it is in use no other process or thread can use, remove or write any.

        Args:
            key: tells it from every other one.
            size: bytes that it takes, about.
            write: fills an empty folder.

        Raises:
            ModelError: the disk is full, or the cache cannot be written.
        """
        root = self.cache / FOLDER
        kept = root / key
        with ExitStack() as held:
            try:
                root.mkdir(parents=True, exist_ok=True)
                held.enter_context(_lock(self.cache))
                if kept.is_dir():
                    os.utime(kept)
                else:
                    _make_room(root, self.limit - size)
                    _write_whole(kept, size, write)
            except OSError as error:
                raise _cannot(root, size, error) from error
            try:
                yield kept
            finally:
                if size > self.limit:
                    _remove(kept)


def clear(cache: Path) -> int:
    """Remove every unpacked folder, and files joined from parts; the bytes that this frees."""
    if not cache.is_dir():
        return 0
    with _lock(cache):
        roots = (cache / FOLDER, cache / "joined")
        freed = sum(f.stat().st_size for root in roots for f in root.rglob("*") if f.is_file())
        _make_room(roots[0], 0)
        for root in roots:
            shutil.rmtree(root, ignore_errors=True)
    return freed


def _lock(cache: Path) -> FileLock:
    return FileLock(cache / f"{FOLDER}.lock")


def _write_whole(kept: Path, size: int, write: Callable[[Path], None]) -> None:
    root = kept.parent
    if (free := shutil.disk_usage(root).free - _SPARE) < size:
        raise _no_room(root, size, max(0, free))
    half = Path(tempfile.mkdtemp(prefix=_HALF, dir=root))
    try:
        write(half)
        half.rename(kept)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise


def _make_room(root: Path, allowed: int) -> None:
    """Remove what was left half written, then the folders that were not used for longest, down to these bytes."""
    folders = [folder for folder in root.iterdir() if folder.is_dir()] if root.is_dir() else []
    held = {folder: sum(f.stat().st_size for f in folder.iterdir()) for folder in folders}
    for folder in [f for f in held if f.name.startswith(_HALF)]:
        shutil.rmtree(folder, ignore_errors=True)
        del held[folder]
    for folder in sorted(held, key=lambda f: f.stat().st_mtime):
        if sum(held.values()) <= max(0, allowed):
            return
        _remove(folder)
        del held[folder]


def _remove(folder: Path) -> None:
    with suppress(OSError):
        shutil.rmtree(folder.rename(folder.with_name(_HALF + folder.name)))


def _cannot(root: Path, size: int, error: OSError) -> ModelError:
    if error.errno == errno.ENOSPC:
        return _no_room(root, size, 0)
    return ModelError(f"Weights cannot be unpacked in {root}: {error.strerror}. Set MORALSC_CACHE to another folder.")


def _no_room(root: Path, size: int, free: int) -> ModelError:
    return ModelError(
        f"Unpacking this model takes {bytes_text(size)} in {root}, but the disk has room for {bytes_text(free)}. Free "
        "some, or set MORALSC_CACHE to a folder on a larger disk."
    )
