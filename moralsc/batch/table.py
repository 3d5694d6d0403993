"""The Parquet file of a finished run. Only this module knows Parquet."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from moralsc.batch.record import LATER, Record, dictionary, kinds
from moralsc.errors import DataError

_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_ROWS = 20_000
"""Rows held in memory at a time."""
_SPLIT = [name for name, (kind, _, _) in kinds().items() if kind is float]
"""Figures: their bytes compress by a fifth better if those of equal place stand together."""


def schema(facts: Mapping[str, str]) -> Any:
    """The Arrow schema of Record; each field carries its meaning, the whole carries `facts`."""
    meanings = {entry["field"]: entry["meaning"] for entry in dictionary()}
    made = [
        pa.field(name, pa.list_(_TYPES[kind]) if listed else _TYPES[kind], nullable, {"meaning": meanings[name]})
        for name, (kind, listed, nullable) in kinds().items()
    ]
    return pa.schema(made, dict(facts))


def write(path: Path, records: Iterable[Record], facts: Mapping[str, str]) -> None:
    """Write the records in the order given.

    Raises:
        OSError: the file cannot be written.
    """
    shape = schema(facts)
    dictionary_of = [name for name in kinds() if name not in _SPLIT]
    split = {f"{name}.list.element" if kinds()[name][1] else name: "BYTE_STREAM_SPLIT" for name in _SPLIT}
    with pq.ParquetWriter(
        path, shape, compression="zstd", compression_level=19, use_dictionary=dictionary_of, column_encoding=split
    ) as file:
        for rows in _chunks(records):
            file.write_table(pa.Table.from_pylist([row.plain() for row in rows], schema=shape))


def check(path: Path, most_rows: int, most_bytes: int) -> None:
    """Accept a file that others made, before it is read.

    Args:
        most_bytes: of its columns once they are unpacked: as the file itself says, and then counted.

    Raises:
        DataError: it is no Parquet file, lacks fields of a record, has them of another type, or is too large.
    """
    rows = count(path)
    with _opened(path) as file:
        size = sum(file.metadata.row_group(k).total_byte_size for k in range(file.metadata.num_row_groups))
    if rows > most_rows or size > most_bytes:
        raise DataError(
            f"{path.name} holds {rows} rows and unpacks to {size / 1e6:.0f} MB. Allowed are {most_rows} rows and "
            f"{most_bytes / 1e6:.0f} MB."
        )
    if _texts_exceed(path, most_bytes):
        raise DataError(f"{path.name} holds texts of more than {most_bytes / 1e6:.0f} MB, which is the most.")


def count(path: Path, whole: bool = False) -> int:
    """How many records a file holds, by what it says of itself.

    Args:
        whole: read all of it too, which finds damage in its midst.

    Raises:
        DataError: it is no Parquet file, lacks fields of a record, or has them of another type.
    """
    with _opened(path) as file:
        found, rows = file.schema_arrow, int(file.metadata.num_rows)
        for _ in file.iter_batches(_ROWS) if whole else ():
            pass
    wanted = schema({})
    if missing := [name for name in wanted.names if name not in found.names and name not in LATER]:
        raise DataError(f"{path.name} lacks columns of a run's records: {_first(missing)}.")
    pairs = ((field, found.field(field.name).type) for field in wanted if field.name in found.names)
    if wrong := [f"{field.name} ({its}, not {field.type})" for field, its in pairs if not _fits(its, field)]:
        raise DataError(f"{path.name} has columns of another type than a run's records: {_first(wrong)}.")
    return rows


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file, whose damage is a DataError wherever it shows."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} cannot be read as Parquet: {str(error).splitlines()[0].rstrip('.')}.") from error


def _texts_exceed(path: Path, most_bytes: int) -> bool:
    """Whether its texts are longer in all: a file that holds one text once may name it in every row."""
    with pq.ParquetFile(path) as file:
        leaves = [file.schema.column(k) for k in range(len(file.schema.names))]
    names = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    total = 0
    with pq.ParquetFile(path, read_dictionary=names) as file:  # no text is unfolded before it is counted
        for chunk in file.iter_batches(_ROWS, columns=names):
            total += sum(map(_length, chunk.columns))
            if total > most_bytes:
                return True
    return False


def _length(column: Any) -> int:
    """Bytes of a column's texts, each counted as often as it is named."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return _length(column.flatten())
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = pc.take(pc.binary_length(column.dictionary), column.indices)
    return pc.sum(lengths).as_py() or 0


def _fits(kind: Any, field: Any) -> bool:
    """Whether a column holds what a field does; pandas makes numbers of whole ones where some are null."""
    allowed = {"", _sort(field.type), *(["number"] if field.nullable and _sort(field.type) == "whole" else [])}
    return _sort(kind) in allowed


def _sort(kind: Any) -> str:
    """What a type holds, however wide: programs differ in that. Empty for a column of nulls."""
    if pa.types.is_null(kind):
        return ""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list of {_sort(kind.value_type)}"
    sorts = {"text": ("is_string", "is_large_string"), "whole": ("is_integer",), "number": ("is_floating",)}
    return next((s for s, tests in sorts.items() if any(getattr(pa.types, test)(kind) for test in tests)), str(kind))


def _first(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def read(path: Path, only: Collection[str] | None = None) -> Iterator[Record]:
    """The records of a file, in order.

    Args:
        only: the fields to read, None for all; a record then has no others.

    Raises:
        DataError: the file is damaged, or has not all of these fields; see `count`.
    """
    count(path)
    with _opened(path) as file:
        here = [name for name in file.schema_arrow.names if name in kinds() and (only is None or name in only)]
        for chunk in file.iter_batches(_ROWS, columns=here):
            names = [name for name in kinds() if only is None or name in only]
            for values in zip(*(_column(chunk, name) for name in names), strict=True):
                record = Record.__new__(Record)
                # As Record(...) does it, but at once: for many thousand records that is most of the time of reading.
                record.__dict__.update(zip(names, values, strict=True))
                yield record


def _column(chunk: Any, name: str) -> list[Any]:
    if name not in chunk.schema.names:
        return [None] * chunk.num_rows
    values: list[Any] = chunk.column(name).to_pylist()
    _, listed, _ = kinds()[name]
    return [None if value is None else tuple(value) for value in values] if listed else values


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    rows = list[Record]()
    for record in records:
        rows.append(record)
        if len(rows) == _ROWS:
            yield rows
            rows = []
    if rows:
        yield rows
