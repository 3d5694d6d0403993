"""Where a model's files lie, and which ones they are. Loads nothing."""

import hashlib
from pathlib import Path

from moralsc.errors import ModelError
from moralsc.models import ASSETS, ModelSpec, hub, packages, stamps
from moralsc.models.files import shards

_AROUND = ("*.json", "*.jinja", "*.model", "vocab*", "merges.txt")
"""Files beside the weights that decide what a model reads and answers: config, tokenizer, chat template."""
_NO_PART = ("*.safetensors.index.json", "training*.json", "evaluation.json")


def model_folder(spec: ModelSpec, cache: Path, offline: bool = False) -> Path:
    """The local folder of a model's files, downloaded where the entry names a repository.

    Args:
        cache: where files that come in parts are joined.
        offline: use what was downloaded before and ask nobody.

    Raises:
        ModelError: the files are missing and cannot be had; the sentence says why.
    """
    if spec.package:
        return packages.locate(spec, cache).parent
    if not spec.path:
        return hub.fetch(spec, offline).folder
    folder = ASSETS / "models" / spec.path  # a local model's path is absolute, and stays as it is
    if not folder.is_dir():
        raise ModelError(f"The practice model {spec.name} is missing: there is no folder assets/models/{spec.path}.")
    return folder


def fingerprint(place: Path, cache: Path | None = None) -> str:
    """First 16 hex digits of the SHA-256 of a folder's weights, shard after shard by name, or of a file.

    Args:
        cache: where sums are kept, so that they are computed once; None computes it anew.

    Raises:
        ModelError: the folder holds no safetensors file.
    """
    files = [place] if place.is_file() else shards(place)
    if not files:
        raise ModelError(f"The model folder {place.name} holds no .safetensors file, and no other format is read.")
    return stamps.sha256(files, cache)[:16]


def weights_of(spec: ModelSpec, folder: Path, cache: Path) -> str:
    """Which weights a model's folder holds: hash of a folder's or a file's, with the packages that it came in."""
    carried = " ".join(spec.package)
    return f"{carried} sha256:{fingerprint(folder / spec.gguf_file, cache)}".strip()


def around(folder: Path) -> str:
    """First 16 hex digits of the SHA-256 of what lies beside a folder's weights: config, tokenizer, chat template."""
    found = {path for pattern in _AROUND for path in folder.glob(pattern)}
    found -= {path for pattern in _NO_PART for path in folder.glob(pattern)}
    digest = hashlib.sha256()
    for path in sorted(found):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
