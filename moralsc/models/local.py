"""Models of one's own: a folder with a transformers model, a GGUF file, or an address that serves one."""

import re
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from itertools import chain, count
from pathlib import Path

from moralsc.answers import ScoredBy
from moralsc.errors import InputError
from moralsc.models import ModelSpec, Quantisation, Stage, add, catalogue, find
from moralsc.models.endpoints import endpoint_spec, is_endpoint
from moralsc.models.files import filled
from moralsc.settings import Settings

_SMALL = 1_000_000_000
"""Models below so many parameters seldom bind letters, so their options are scored by their words."""


def admit(names: Iterable[str], settings: Settings) -> None:
    """Offer each name that is a path or an address, as `--model` takes it, beside the catalogue in this process.

    A name without a slash, a dot at its beginning or .gguf at its end is never a path, and neither is a model of the
    catalogue or one that the settings open the page with (`opened`). Nobody is asked yet whether an address is right.

    Raises:
        InputError: there is no model at the path, it is no address, or this place offers those of the catalogue only
            and its settings do not name the address.
        ModelError: a file there is damaged.
    """
    opened(settings)
    for name in names:
        if kind := _kind(name, settings):
            add(endpoint_spec(name) if kind is _Kind.ADDRESS else local_spec(name))


def opened(settings: Settings) -> tuple[str, ...]:
    """Names of the models that the settings open the page with; from now on each is offered.

    One at a path goes by the name of its folder or file alone, so that no list, link or record tells the path.

    Raises:
        InputError, ModelError: see `admit`, and for a name that is no model's.
    """
    return tuple(dict.fromkeys(_named(given, settings) for given in settings.open_with))


def _named(given: str, settings: Settings) -> str:
    match _kind(given, settings):
        case None:
            return find(given).name
        case _Kind.ADDRESS:
            add(endpoint_spec(given))
            return given
    models, (folder, file) = catalogue(), _place(given)
    known = [spec for spec in models.values() if (spec.path, spec.gguf_file) == (str(folder), file)]
    if short := next((spec.name for spec in known if not _PATH.search(spec.name)), ""):
        return short
    spec = local_spec(given)
    taken = {*models, *(other.family for other in models.values())}
    numbered = (f"{spec.title}-{k}" for k in count(2))
    name = next(n for n in chain([spec.title], numbered) if n not in taken)
    add(replace(spec, name=name, title=name, family=name))
    return name


class _Kind(StrEnum):
    """What a name that is not of the catalogue is."""

    ADDRESS = "an address"
    PATH = "a path"


_PATH = re.compile(r"[/\\]|^[.~]|\.gguf$")


def _kind(name: str, settings: Settings) -> _Kind | None:
    """None for a model of the catalogue and for what is no name of a model at all."""
    if name in catalogue() or not (is_endpoint(name) or _PATH.search(name)):
        return None
    kind = _Kind.ADDRESS if is_endpoint(name) else _Kind.PATH
    if settings.only_catalogue and not (kind is _Kind.ADDRESS and name in settings.models):
        raise InputError(
            f"{name[:60]!r} is {kind}, and here only models of the catalogue can be asked: `moralsc models` lists them."
        )
    return kind


def local_spec(name: str) -> ModelSpec:
    """The model at a path, described by its files.

    Raises:
        InputError: there is no folder with config.json and safetensors, and no GGUF file.
        ModelError: a file there is damaged.
    """
    folder, file = _place(name)
    path = folder / file
    if not file:
        _check_folder(path, name)
    spec = ModelSpec(
        name=name,
        title=path.stem if file else path.name,
        parameters=0,
        stage=Stage.UNKNOWN,
        scored_by=ScoredBy.LABEL,
        nature="A model from a folder of your own: nothing is known here of how it was trained.",
        path=str(folder),
        family=path.name,
        quantisation=Quantisation.GGUF if file else Quantisation.NONE,
        gguf_file=file,
    )
    found = filled(spec, Path(spec.path))
    return found if found.parameters >= _SMALL else replace(found, scored_by=ScoredBy.TEXT)


def _place(name: str) -> tuple[Path, str]:
    """A model's folder and, where it is a GGUF file, the file's name; else an empty one."""
    path = Path(name).expanduser().absolute()
    single = path.is_file() and path.suffix == ".gguf"
    return (path.parent, path.name) if single else (path, "")


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
