"""Where a model's files lie, and which ones they are. Loads nothing."""

import hashlib
from functools import cache
from pathlib import Path

from moralsc.errors import ModelError
from moralsc.models import ASSETS, ModelSpec, hub


def model_folder(spec: ModelSpec, offline: bool = False) -> Path:
    """The local folder of a model's files, downloaded where the entry names a repository.

    Args:
        offline: use what was downloaded before and ask nobody.

    Raises:
        ModelError: the files are missing and cannot be had; the sentence says why.
    """
    if not spec.path:
        return hub.fetch(spec, offline).folder
    folder = ASSETS / "models" / spec.path  # a local model's path is absolute, and stays as it is
    if not folder.is_dir():
        raise ModelError(f"The bundled model {spec.name} is missing: there is no folder assets/models/{spec.path}.")
    return folder


@cache
def fingerprint(place: Path) -> str:
    """First 16 hex digits of the SHA-256 of a folder's weights, shard after shard by name, or of a file; read once.

    Raises:
        ModelError: the folder holds no safetensors file.
    """
    shards = [place] if place.is_file() else sorted(place.glob("*.safetensors"))
    if not shards:
        raise ModelError(f"The model folder {place.name} holds no .safetensors file, and no other format is read.")
    digest = hashlib.sha256()
    for shard in shards:
        with shard.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:16]
