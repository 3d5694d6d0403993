"""What the files of a model's folder say of it: headers and settings alone are read, never a weight."""

import json
import re
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from moralsc.errors import ModelError
from moralsc.models.gguf import read_gguf
from moralsc.models.spec import ModelSpec, Precision, Quantisation, Template

_TYPES = {"F32": Precision.FLOAT32, "BF16": Precision.BFLOAT16, "F16": Precision.FLOAT16}
_LONGEST_HEADER = 100_000_000  # bytes; safetensors itself allows no more


def filled(spec: ModelSpec, folder: Path) -> ModelSpec:
    """The spec with what its files say. A count of the catalogue stands: files may hold tied weights twice.

    Raises:
        ModelError: a file is damaged.
    """
    if spec.quantisation is Quantisation.GGUF:
        file = read_gguf(folder / spec.gguf_file)
        length = file.metadata.get(f"{file.metadata.get('general.architecture')}.context_length")
        return replace(
            spec,
            parameters=spec.parameters or file.parameters,
            context=length if isinstance(length, int) else spec.context,
            licence=spec.licence or licence(folder),
            template=Template.CHAT if file.metadata.get("tokenizer.chat_template") else Template.PLAIN,
        )
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
    """(parameters, the type that most of them have) of the shards that are loaded; (0, UNSTATED) without shards.

    Raises:
        ModelError: a header cannot be read.
    """
    counts = Counter[str]()
    for shard in shards(folder):
        for tensor in _header(shard).values():
            counts[tensor["dtype"]] += prod(tensor["shape"])
    most = max(counts, key=lambda kind: counts[kind], default="")
    return sum(counts.values()), _TYPES.get(most, Precision.UNSTATED)


def shards(folder: Path) -> list[Path]:
    """The weights of a folder that transformers loads, by name: those of the index, else model.safetensors.

    Some repositories hold the same weights a second time under another name ("consolidated.safetensors"). Where there
    is neither an index nor a model.safetensors, all files count.

    Raises:
        ModelError: the index names a file that is missing.
    """
    index = _read_json(folder / "model.safetensors.index.json").get("weight_map")
    if isinstance(index, dict):
        named = sorted({folder / str(name) for name in index.values()})
        if lost := [path.name for path in named if not path.is_file()]:
            raise ModelError(f"The folder {folder.name} is not whole: {lost[0]} is missing, which its index names.")
        return named
    single = folder / "model.safetensors"
    return [single] if single.is_file() else sorted(folder.glob("*.safetensors"))


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
