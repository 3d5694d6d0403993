"""Models of the Hugging Face hub: which commit, what it holds, and its files on this machine.

Only safetensors (or one named GGUF file), tokenizer, settings and card are ever downloaded: no pickle and no code.
"""

import errno
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from threading import Lock
from typing import Any

from moralsc.errors import ModelError
from moralsc.models.files import filled
from moralsc.models.spec import ModelSpec, Precision
from moralsc.notation import bytes_text

Progress = Callable[[str, int, int], None]
"""Called with (model, bytes so far, bytes in all)."""

_WANTED = ("*.safetensors", "*.json", "*.jinja", "*.model", "tokenizer*", "vocab*", "merges.txt", "README.md")
_UNWANTED = ("*/*", "consolidated*")  # copies that some repositories keep for other programs
_REF = "moralsc"
"""Name under which the hub's cache keeps the commit that the first download of an unpinned model settled."""
_SECONDS = 20.0  # for the hub's first answer
_SPARE = 1_000_000_000
"""Bytes of the disk that a download leaves free."""


@dataclass(frozen=True)
class Snapshot:
    """A model's files.

    Attributes:
        spec: with its commit, and with what the files say.
    """

    folder: Path
    spec: ModelSpec


def fetch(
    spec: ModelSpec,
    offline: bool = False,
    progress: Progress | None = None,
    admit: Callable[[ModelSpec], object] = lambda spec: None,
) -> Snapshot:
    """The files of a model of the hub: those that are here, else downloaded, going on where an earlier download broke.

    A commit never changes, so what is here whole needs no question to the hub.

    Args:
        offline: ask nobody.
        admit: called before a download with what the hub says of the model; raises ModelError to refuse it.

    Raises:
        ModelError: the files cannot be had; one sentence says why and what helps.
    """
    here = cached(spec)
    if here is not None:
        return here
    from huggingface_hub import is_offline_mode, snapshot_download

    if offline or is_offline_mode():
        how = "MORALSC_OFFLINE" if offline else "HF_HUB_OFFLINE"
        raise ModelError(
            f"{spec.title} was not downloaded before, and offline nothing is downloaded. Unset {how} to download it "
            "once, or choose a model that is here: `moralsc models` says which are."
        )
    tell = progress or (lambda name, done, total: None)
    with _explained(spec):
        found, files = _asked(spec)
        _check_files(found, files)
        admit(found)
        _check_disk(found, files)
        total = sum(files.values())
        folder = snapshot_download(
            found.repo,
            revision=found.revision,
            allow_patterns=list(_patterns(found)),
            ignore_patterns=list(_UNWANTED),
            tqdm_class=_bar(lambda done: tell(spec.name, min(done, total), total)),
        )
        if not spec.revision:
            _keep_commit(found)
    tell(spec.name, total, total)
    return Snapshot(Path(folder), filled(found, Path(folder)))


def cached(spec: ModelSpec) -> Snapshot | None:
    """The files that were downloaded before, None if there are none or not all.

    Raises:
        ModelError: a file is damaged.
    """
    from huggingface_hub import errors, snapshot_download

    try:
        folder = Path(
            snapshot_download(
                spec.repo,
                revision=spec.revision or _REF,
                allow_patterns=list(_patterns(spec)),
                ignore_patterns=list(_UNWANTED),
                local_files_only=True,
            )
        )
    except errors.LocalEntryNotFoundError:
        return None
    # Other programs keep parts of a repository in this cache.
    if not (folder / spec.gguf_file).is_file() if spec.gguf_file else not _whole(folder):
        return None
    return Snapshot(folder, filled(replace(spec, revision=folder.name), folder))


def settled(spec: ModelSpec) -> str:
    """The commit of a model of the hub: the pinned one, else the one that a first download settled, else empty."""
    if spec.revision:
        return spec.revision
    try:
        return (_place(spec) / "refs" / _REF).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def cache_folder() -> Path:
    """Where downloaded models lie."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def free_disk() -> int:
    """Bytes that a download may take."""
    folder = cache_folder()
    there = next((f for f in (folder, *folder.parents) if f.exists()), Path.cwd())
    return max(0, shutil.disk_usage(there).free - _SPARE)


def _patterns(spec: ModelSpec) -> Sequence[str]:
    return (spec.gguf_file, "README.md") if spec.gguf_file else _WANTED


def _whole(folder: Path) -> bool:
    """Whether config and every shard are there; shards say in their names how many they are."""
    shards = [p.name for p in folder.glob("*.safetensors")]
    wanted = {int(name.split("-of-")[1].split(".")[0]) for name in shards if "-of-" in name}
    return bool(shards) and (folder / "config.json").exists() and (not wanted or len(shards) >= max(wanted))


def _place(spec: ModelSpec) -> Path:
    from huggingface_hub.file_download import repo_folder_name

    return cache_folder() / repo_folder_name(repo_id=spec.repo, repo_type="model")


def _keep_commit(spec: ModelSpec) -> None:
    refs = _place(spec) / "refs"
    refs.mkdir(parents=True, exist_ok=True)
    (refs / _REF).write_text(spec.revision, encoding="utf-8")


def _asked(spec: ModelSpec) -> tuple[ModelSpec, dict[str, int]]:
    """The spec with its commit and what the hub counted, and the files that would be downloaded with their sizes."""
    from huggingface_hub import HfApi

    info = HfApi().model_info(spec.repo, revision=spec.revision or None, files_metadata=True, timeout=_SECONDS)
    files = {
        file.rfilename: file.size or 0
        for file in info.siblings or ()
        if any(fnmatch(file.rfilename, pattern) for pattern in _patterns(spec))
        and not any(fnmatch(file.rfilename, pattern) for pattern in _UNWANTED)
    }
    found = replace(spec, revision=info.sha or spec.revision, gated=bool(info.gated))
    counted: Any = info.safetensors
    if counted and counted.total and not spec.gguf_file:
        types = {"F32": Precision.FLOAT32, "BF16": Precision.BFLOAT16, "F16": Precision.FLOAT16}
        most = max(counted.parameters, key=counted.parameters.__getitem__, default="")
        found = replace(found, parameters=spec.parameters or counted.total, dtype=types.get(most, spec.dtype))
    return found, files


def _check_files(spec: ModelSpec, files: dict[str, int]) -> None:
    if spec.gguf_file and spec.gguf_file not in files:
        raise ModelError(f"{spec.title} cannot be had: {spec.repo} holds no file {spec.gguf_file}.")
    if not spec.gguf_file and not any(name.endswith(".safetensors") for name in files):
        raise ModelError(
            f"{spec.title} cannot be had: {spec.repo} holds no .safetensors file, and no other format is read."
        )


def _check_disk(spec: ModelSpec, files: dict[str, int]) -> None:
    snapshot = _place(spec) / "snapshots" / spec.revision
    needed = sum(size for name, size in files.items() if not (snapshot / name).exists())
    if needed > (free := free_disk()):
        raise ModelError(
            f"{spec.title} is a download of {bytes_text(needed)}, but the disk of {cache_folder()} has room for "
            f"{bytes_text(free)}. Free some, or set HF_HOME to a folder on a larger disk."
        )


@contextmanager
def _explained(spec: ModelSpec) -> Iterator[None]:
    """Each failure of the hub as one sentence that says what helps."""
    from huggingface_hub import constants, errors

    page = f"{constants.ENDPOINT}/{spec.repo}"
    try:
        yield
    except ModelError:
        raise
    except errors.GatedRepoError as error:  # a kind of RepositoryNotFoundError, so it comes first
        raise _missing(
            spec, f"it is gated. Accept its licence at {page}, log in with `hf auth login`, and try again"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise _missing(spec, f"{spec.repo} has no revision {spec.revision}; it may have been withdrawn") from error
    except errors.RepositoryNotFoundError as error:
        raise _missing(spec, f"the hub shows no repository {spec.repo}: it is gone, or private") from error
    except errors.HfHubHTTPError as error:
        said = getattr(error.response, "status_code", "an error")
        raise _missing(spec, f"the hub answered {said}. It may be down: try again later") from error
    except errors.LocalEntryNotFoundError as error:
        raise _missing(spec, _UNREACHABLE.format(constants.ENDPOINT)) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            problem = f"the disk of {cache_folder()} is full. Free some and try again: it goes on from there"
        else:
            problem = f"downloading {spec.repo} failed ({error})"
        raise _missing(spec, problem) from error
    except errors.HTTPError as error:  # type: ignore[attr-defined]  # the client's own, before there was an answer
        raise _missing(spec, _UNREACHABLE.format(constants.ENDPOINT)) from error


_UNREACHABLE = "{} cannot be reached, and not all of the model is here. Is there a network?"


def _missing(spec: ModelSpec, problem: str) -> ModelError:
    end = "" if problem.endswith(("?", ".")) else "."
    return ModelError(f"{spec.title} cannot be had: {problem}{end}")


def _bar(told: Callable[[int], None]) -> type[Any]:
    """A class of progress bars that draw nothing and tell how many bytes came, whatever number of files they are in."""
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    one_at_a_time = Lock()  # several files come at once

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            # The hub opens three: bytes over the network (with its own protocol alone), bytes written, and files.
            self._told = kwargs.get("name") == "huggingface_hub.snapshot_download"
            self._done = 0
            super().__init__(*args, **{**kwargs, "disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> None:
            with one_at_a_time:
                self._done += int(n or 0)
                if self._told:
                    told(self._done)

    return Bar
