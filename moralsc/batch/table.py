"""The Parquet file of a finished run. Only this module knows Parquet."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from moralsc.batch.record import Record, dictionary, from_plain, kinds

_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_ROWS = 20_000
"""Rows held in memory at a time."""


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
    with pq.ParquetWriter(path, shape, compression="zstd") as file:
        for rows in _chunks(records):
            file.write_table(pa.Table.from_pylist([row.plain() for row in rows], schema=shape))


def read(path: Path) -> Iterator[Record]:
    """The records of a file, in order."""
    with pq.ParquetFile(path) as file:
        for chunk in file.iter_batches(_ROWS):
            yield from map(from_plain, chunk.to_pylist())


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    rows = list[Record]()
    for record in records:
        rows.append(record)
        if len(rows) == _ROWS:
            yield rows
            rows = []
    if rows:
        yield rows
