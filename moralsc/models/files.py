"""What the files of a model's folder say of it: headers and settings alone are read, never a weight."""

import json
import re
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from moralsc.errors import ModelError
from moralsc.models.spec import ModelSpec, Precision, Quantisation, Template

_TYPES = {"F32": Precision.FLOAT32, "BF16": Precision.BFLOAT16, "F16": Precision.FLOAT16}
_LONGEST_HEADER = 100_000_000  # bytes; safetensors itself allows no more


def filled(spec: ModelSpec, folder: Path) -> ModelSpec:
    """The spec with what its files say. A count of the catalogue stands: files may hold tied weights twice.

    Raises:
        ModelError: a file is damaged.
    """
    if spec.quantisation is Quantisation.GGUF:
        counted = gguf_parameters(folder / spec.gguf_file)
        return replace(spec, parameters=spec.parameters or counted, licence=spec.licence or licence(folder))
    parameters, dtype = safetensors_facts(folder)
    config = _read_json(folder / "config.json")
    text = config.get("text_config", config)
    length = text.get("max_position_embeddings") or text.get("n_positions")
    return replace(
        spec,
        parameters=spec.parameters or parameters,
        dtype=dtype if dtype is not Precision.UNSTATED else spec.dtype,
        context=length if isinstance(length, int) else spec.context,
        licence=spec.licence or licence(folder),
        template=_template(folder),
    )


def safetensors_facts(folder: Path) -> tuple[int, Precision]:
    """(parameters, the type that most of them have) of all shards of a folder; (0, UNSTATED) without shards.

    Raises:
        ModelError: a header cannot be read.
    """
    counts = Counter[str]()
    for shard in sorted(folder.glob("*.safetensors")):
        for tensor in _header(shard).values():
            counts[tensor["dtype"]] += prod(tensor["shape"])
    most = max(counts, key=lambda kind: counts[kind], default="")
    return sum(counts.values()), _TYPES.get(most, Precision.UNSTATED)


def _header(shard: Path) -> Mapping[str, Mapping[str, Any]]:
    try:
        with shard.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _LONGEST_HEADER:
                raise ValueError("its header is too long")
            header = json.loads(file.read(length))
        return {name: facts for name, facts in header.items() if name != "__metadata__"}
    except (OSError, ValueError, struct.error) as error:
        raise ModelError(f"{shard.name} in {shard.parent.name} is no safetensors file, or a damaged one.") from error


def licence(folder: Path) -> str:
    """The licence that the front matter of the folder's README.md names, else empty."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    front = re.match(r"\A---\n(.*?)\n---\s*$", text, flags=re.DOTALL | re.MULTILINE)
    named = re.search(r"^license:[ \t]*['\"]?([\w.+-]+)", front.group(1), flags=re.MULTILINE) if front else None
    return named.group(1) if named else ""


def _template(folder: Path) -> Template:
    beside = (folder / "chat_template.jinja").is_file()
    within = _read_json(folder / "tokenizer_config.json").get("chat_template")
    return Template.CHAT if beside or within else Template.PLAIN


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # whoever loads the model says what is missing
    return found if isinstance(found, dict) else {}


_GGUF_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_GGUF_TEXT, _GGUF_LIST = 8, 9


def gguf_parameters(path: Path) -> int:
    """Numbers in all tensors of a GGUF file.

    Raises:
        ModelError: it is no GGUF file, or a damaged one.
    """
    try:
        with path.open("rb") as file:
            magic, version, tensors, entries = struct.unpack("<4sIQQ", file.read(24))
            if magic != b"GGUF" or version < 2:
                raise ValueError("no GGUF of version 2 or later")
            for _ in range(entries):
                _skip_text(file)
                _skip_value(file, _number(file, "<I"))
            return sum(_tensor(file) for _ in range(tensors))
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise ModelError(f"{path.name} is no GGUF file, or a damaged one.") from error


def _number(file: BinaryIO, kind: str) -> int:
    (value,) = struct.unpack(kind, file.read(struct.calcsize(kind)))
    return int(value)


def _skip_text(file: BinaryIO) -> None:
    file.seek(_number(file, "<Q"), 1)


def _skip_value(file: BinaryIO, kind: int) -> None:
    if kind == _GGUF_TEXT:
        _skip_text(file)
    elif kind == _GGUF_LIST:
        inner, length = _number(file, "<I"), _number(file, "<Q")
        if inner in _GGUF_SIZES:
            file.seek(_GGUF_SIZES[inner] * length, 1)
        else:
            for _ in range(length):
                _skip_value(file, inner)
    else:
        file.seek(_GGUF_SIZES[kind], 1)


def _tensor(file: BinaryIO) -> int:
    """Numbers in the tensor whose entry comes next."""
    _skip_text(file)
    shape = [_number(file, "<Q") for _ in range(_number(file, "<I"))]
    file.seek(4 + 8, 1)  # its type and where it begins
    return prod(shape)
