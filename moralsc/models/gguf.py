"""What a GGUF file says of itself: its metadata and its table of tensors. No weight is read here, and no torch.

The gguf package's own reader makes an array object of every token, which takes seconds for each pass over a vocabulary;
this one walks the same bytes once.
"""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

from moralsc.errors import ModelError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9


@dataclass(frozen=True)
class Tensor:
    """An entry of the table.

    Attributes:
        shape: as numpy and torch write it, the longest stride first.
        kind: ggml's number of how its blocks are held.
        start: first byte of its data in the file.
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    start: int


@dataclass(frozen=True)
class Gguf:
    """The head of a file.

    Attributes:
        metadata: every key with its value; lists as Python lists.
    """

    path: Path
    metadata: Mapping[str, Any]
    tensors: tuple[Tensor, ...]

    @property
    def architecture(self) -> str:
        """llama.cpp's name of it: "llama", "gemma3"."""
        return str(self.metadata.get("general.architecture", ""))

    @cached_property
    def own(self) -> dict[str, Any]:
        """The keys of its architecture, without its name: "rope.freq_base"."""
        prefix = f"{self.architecture}."
        return {key.removeprefix(prefix): value for key, value in self.metadata.items() if key.startswith(prefix)}

    @property
    def parameters(self) -> int:
        """Numbers in all tensors."""
        return sum(prod(tensor.shape) for tensor in self.tensors)


def read_gguf(path: Path) -> Gguf:
    """The head of a GGUF file of version 2 or 3.

    Raises:
        ModelError: it is no GGUF file, or a damaged one.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).head(path)
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise ModelError(f"{path.name} is no GGUF file, or a damaged one.") from error


class _Reader:
    """Walks the bytes of a file; every read checks that they are there."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def head(self, path: Path) -> Gguf:
        magic, version, tensors, entries = struct.unpack_from("<4sIQQ", self._data)
        if magic != b"GGUF" or version not in (2, 3):
            raise ValueError("no GGUF of version 2 or 3")
        self._at = 24
        metadata = {}
        for _ in range(entries):
            name = self._text()
            metadata[name] = self._value(self._number("I"))
        table = [self._tensor() for _ in range(tensors)]
        unit = metadata.get("general.alignment", 32)
        if not isinstance(unit, int) or unit < 1:
            raise ValueError("tensors that lie nowhere")
        first = -(-self._at // unit) * unit
        return Gguf(path, metadata, tuple(Tensor(n, shape, kind, first + offset) for n, shape, kind, offset in table))

    def _number(self, kind: str) -> Any:
        (value,) = struct.unpack_from(f"<{kind}", self._data, self._at)
        self._at += struct.calcsize(f"<{kind}")
        return value

    def _text(self) -> str:
        length = self._number("Q")
        end = self._at + length
        if end > len(self._data):
            raise ValueError("a text that goes on beyond the file")
        text = self._data[self._at : end].decode("utf-8", "replace")
        self._at = end
        return text

    def _texts(self, count: int) -> list[str]:
        """What `_text` would give so often; a vocabulary has a quarter of a million of them."""
        data, at, size, texts = self._data, self._at, len(self._data), []
        length_at = struct.Struct("<Q").unpack_from
        for _ in range(count):
            end = at + 8 + length_at(data, at)[0]
            if end > size:
                raise ValueError("a text that goes on beyond the file")
            texts.append(data[at + 8 : end].decode("utf-8", "replace"))
            at = end
        self._at = at
        return texts

    def _value(self, kind: int) -> Any:
        if kind == _TEXT:
            return self._text()
        if kind != _LIST:
            return self._number(_SCALARS[kind])
        inner, length = self._number("I"), self._number("Q")
        if length > len(self._data):
            raise ValueError("a list that goes on beyond the file")
        if inner == _TEXT:
            return self._texts(length)
        if inner not in _SCALARS:
            return [self._value(inner) for _ in range(length)]
        values = struct.unpack_from(f"<{length}{_SCALARS[inner]}", self._data, self._at)
        self._at += struct.calcsize(f"<{length}{_SCALARS[inner]}")
        return list(values)

    def _tensor(self) -> tuple[str, tuple[int, ...], int, int]:
        name = self._text()
        shape = tuple(self._number("Q") for _ in range(self._number("I")))
        return name, shape[::-1], self._number("I"), self._number("Q")
