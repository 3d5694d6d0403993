"""The catalogue of models: one TOML table a model, read into ModelSpec."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import MISSING, fields
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from moralsc.benchmarks import BENCHMARKS
from moralsc.errors import InputError, ModelError, choose
from moralsc.models.spec import ModelSpec, Precision, Quantisation, Stage, Template
from moralsc.prompts.prefills import prefills

__all__ = [
    "ASSETS",
    "PLANTED",
    "PRACTICE",
    "ModelSpec",
    "Precision",
    "Quantisation",
    "Stage",
    "Template",
    "add",
    "catalogue",
    "find",
    "find_for",
    "mark",
    "read_catalogue",
]

PLANTED = "planted biases; not evidence about language models"
"""The mark that stands with every result of a practice model; capitalised where a sentence begins."""

PRACTICE = "practice models"
"""What people read of the bundled miniatures as a kind."""

ASSETS = Path(__file__).resolve().parents[2] / "assets"


@cache
def catalogue() -> dict[str, ModelSpec]:
    """Every model by name, in the order of `catalogue.toml`.

    Raises:
        ModelError: a table has an unknown or missing key, or a value that is not allowed.
    """
    return read_catalogue(resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8"))


def read_catalogue(text: str) -> dict[str, ModelSpec]:
    """The models of a catalogue's text, see `catalogue`."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ModelError(f"catalogue.toml: {error}") from error
    models = {name: _spec(name, table) for name, table in tables.items()}
    _check_distinct(models.values())
    return models


def find(name: str) -> ModelSpec:
    """The model of this name.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    return catalogue()[choose("model", name, catalogue(), listed="`moralsc models` lists them.")]


def find_for(name: str, benchmark: str) -> ModelSpec:
    """The model of this name, to be asked items of this benchmark.

    Raises:
        InputError: there is none, or it is limited to other benchmarks; the message says to which and why.
    """
    spec = find(name)
    if reason := spec.why_not(benchmark):
        raise InputError(reason)
    return spec


def add(spec: ModelSpec) -> None:
    """Offer a model beside those of the catalogue, in this process alone."""
    catalogue()[spec.name] = spec


def mark(name: str) -> str:
    """PLANTED for a practice model, empty for any other name."""
    spec = catalogue().get(name)
    return PLANTED if spec and spec.bundled else ""


_KINDS = {
    str: "a text that is not empty",
    int: "a whole number above 0",
    bool: "true or false",
    tuple[str, ...]: "a list of texts that is not empty",
}
_NEVER_STATED = (Stage.UNKNOWN, Precision.UNSTATED, Template.UNSTATED)
# A spec that is made elsewhere, for a model in training or in a test, needs no place among the others.
_REQUIRED = ("family",)


def _spec(name: str, table: Any) -> ModelSpec:
    if not isinstance(table, dict):
        raise _mistake(name, "must be a table")
    known = {f.name: f for f in fields(ModelSpec) if f.name not in ("name", "address")}
    if surplus := sorted(set(table) - set(known)):
        raise _mistake(name, f"unknown key {surplus[0]!r}. Allowed: {', '.join(known)}")
    required = [key for key, f in known.items() if f.default is MISSING or key in _REQUIRED]
    if missing := [key for key in required if key not in table]:
        raise _mistake(name, f"missing key {missing[0]!r}")
    spec = ModelSpec(name=name, **{key: _value(name, key, known[key].type, value) for key, value in table.items()})
    if sum(map(bool, (spec.path, spec.repo, spec.package))) != 1:
        raise _mistake(name, "needs one of path (bundled), repo (downloaded) and package (installed), not several")
    if spec.bundled != bool(spec.path):
        raise _mistake(name, "bundled must be true with path, and left out with repo and package")
    _check_version(spec, "sha256", 64 if spec.package else 16, wanted=not spec.repo)
    _check_version(spec, "revision", 40, wanted=bool(spec.repo) and not spec.unpinned)
    _check_package(spec)
    _check_hub(spec)
    _check_limit(spec)
    return spec


def _value(name: str, key: str, kind: Any, value: Any) -> Any:
    """The value as the field's type; ModelError if it is of another one, empty, or not above 0."""
    if kind == tuple[str, ...]:
        if not (isinstance(value, list) and value and all(isinstance(v, str) for v in value)):
            raise _mistake(name, f"{key} is {value!r}. It must be {_KINDS[kind]}")
        return tuple(value)
    if issubclass(kind, StrEnum):
        allowed = [choice for choice in kind if choice not in _NEVER_STATED]
        if value not in allowed:
            raise _mistake(name, f"{key} is {value!r}. Allowed: {', '.join(allowed)}")
        return kind(value)
    if type(value) is not kind or (kind is not bool and value <= kind()):
        raise _mistake(name, f"{key} is {value!r}. It must be {_KINDS[kind]}")
    return value


def _check_version(spec: ModelSpec, key: str, digits: int, wanted: bool) -> None:
    value = getattr(spec, key)
    if wanted and not re.fullmatch(rf"[0-9a-f]{{{digits}}}", value):
        raise _mistake(spec.name, f"{key} is {value!r}. It must be {digits} hex digits")
    if value and not wanted and not (key == "revision" and spec.unpinned):
        raise _mistake(spec.name, f"{key} stands with {'repo' if key == 'revision' else 'path or package'} alone")


def _check_package(spec: ModelSpec) -> None:
    """What a model in packages needs, and nothing else may have."""
    if any(bool(part) != bool(spec.package) for part in (spec.files, spec.file_size)):
        raise _mistake(spec.name, "package, files and file_size stand together or not at all")
    if unpinned := [text for text in spec.package if not re.fullmatch(r"[a-z0-9-]+==[0-9.]+", text)]:
        raise _mistake(spec.name, f"package is {unpinned[0]!r}. It must be a name and a version, such as name==1.0")
    if spec.terms and not spec.package:
        raise _mistake(spec.name, "terms stands with package alone")


def _check_hub(spec: ModelSpec) -> None:
    """What only a model of the hub can have, and what nobody may leave open."""
    if spec.unpinned and (spec.revision or not spec.repo):
        raise _mistake(spec.name, "unpinned says why repo has no revision, and stands nowhere else")
    if (spec.quantisation is Quantisation.GGUF) != bool(spec.gguf_file):
        raise _mistake(spec.name, f'gguf_file and quantisation = "{Quantisation.GGUF}" stand together or not at all')
    if spec.bundled and not spec.licence:
        raise _mistake(spec.name, "missing key 'licence'")


def _check_limit(spec: ModelSpec) -> None:
    allowed = (*BENCHMARKS, "own")
    if unknown := [name for name in spec.only_for if name not in allowed]:
        raise _mistake(spec.name, f"only_for names {unknown[0]!r}. Allowed: {', '.join(allowed)}")
    if spec.prefill and spec.prefill not in prefills():
        raise _mistake(spec.name, f"prefill is {spec.prefill!r}. Allowed: {', '.join(prefills())}, or nothing")
    if bool(spec.only_for) != bool(spec.why_only):
        raise _mistake(spec.name, "only_for and why_only stand together or not at all")


def _check_distinct(models: Iterable[ModelSpec]) -> None:
    """Models are chosen by family, size and stage, so no two may share all three."""
    places: dict[tuple[str, Stage], str] = {}
    for spec in models:
        other = places.setdefault((spec.series, spec.stage), spec.name)
        if other != spec.name:
            shared = f"{spec.series} at stage {spec.stage} is {other} already"
            raise _mistake(spec.name, f"{shared}: give it another family or size_label")


def _mistake(name: str, problem: str) -> ModelError:
    return ModelError(f"catalogue.toml, [{name}]: {problem}.")
