"""Models of one's own: a folder with a transformers model, a GGUF file, or an address that serves one."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from moralsc.answers import ScoredBy
from moralsc.errors import InputError
from moralsc.models import ModelSpec, Quantisation, Stage, add, catalogue
from moralsc.models.endpoints import endpoint_spec, is_endpoint
from moralsc.models.files import filled
from moralsc.settings import Settings

_SMALL = 1_000_000_000
"""Models below so many parameters seldom bind letters, so their options are scored by their words."""


def admit(names: Iterable[str], settings: Settings) -> None:
    """Offer each name that is a path or an address, as `--model` takes it, beside the catalogue in this process.

    A name without a slash, a dot at its beginning or .gguf at its end is never a path, and neither is a model of the
    catalogue. Nobody is asked yet whether an address is right.

    Raises:
        InputError: there is no model at the path, it is no address, or this place offers those of the catalogue only
            and its settings do not name the address.
        ModelError: a file there is damaged.
    """
    for name in names:
        if name in catalogue() or not (is_endpoint(name) or _is_path(name)):
            continue
        kind = "an address" if is_endpoint(name) else "a path"
        if settings.only_catalogue and not (is_endpoint(name) and name in settings.models):
            raise InputError(
                f"{name[:60]!r} is {kind}, and here only models of the catalogue can be asked: `moralsc models` "
                "lists them."
            )
        add(endpoint_spec(name) if is_endpoint(name) else local_spec(name))


def _is_path(name: str) -> bool:
    return bool(re.search(r"[/\\]|^[.~]|\.gguf$", name))


def local_spec(name: str) -> ModelSpec:
    """The model at a path, described by its files.

    Raises:
        InputError: there is no folder with config.json and safetensors, and no GGUF file.
        ModelError: a file there is damaged.
    """
    path = Path(name).expanduser().absolute()
    single = path.is_file() and path.suffix == ".gguf"
    if not single:
        _check_folder(path, name)
    spec = ModelSpec(
        name=name,
        title=path.stem if single else path.name,
        parameters=0,
        stage=Stage.UNKNOWN,
        scored_by=ScoredBy.LABEL,
        nature="A model from a folder of your own: nothing is known here of how it was trained.",
        path=str(path.parent if single else path),
        family=path.name,
        quantisation=Quantisation.GGUF if single else Quantisation.NONE,
        gguf_file=path.name if single else "",
    )
    found = filled(spec, Path(spec.path))
    return found if found.parameters >= _SMALL else replace(found, scored_by=ScoredBy.TEXT)


def _check_folder(path: Path, name: str) -> None:
    if not path.is_dir():
        raise InputError(
            f"There is no folder and no .gguf file {name!r}. Give the path of one, or a name that `moralsc models` "
            "lists."
        )
    if not (path / "config.json").is_file() or not any(path.glob("*.safetensors")):
        raise InputError(
            f"The folder {name!r} holds no model: it needs config.json, the tokenizer's files and weights as "
            ".safetensors. A GGUF file is named itself."
        )
