"""Keeping rows of tables: some rows of CSV, Parquet and Arrow files, with their values and types."""

from __future__ import annotations

import csv
import io
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ultraqa.dialogues.decoding import Decoder, Value
from ultraqa.dialogues.files import DataError, Source
from ultraqa.dialogues.sharding import DEFAULT, UNCUT, shards, values
from ultraqa.dialogues.streams import head
from ultraqa.dialogues.tables import delimiter, row_batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def write_csv(out: IO[bytes], kept: Sequence[tuple[Source, NDArray[np.int64]]]) -> None:
    """Write some rows of CSV or TSV files, ascending, under the header of the first, with its separator.

    Raises:
        DataError: a file has a column that the first one has not.
    """
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    header: list[str] | None = None
    for source, rows in kept:
        wanted = iter(rows.tolist())
        following = next(wanted, -1)
        for part in shards(source, UNCUT):
            writer = csv.writer(text, delimiter=delimiter(head(source, 1 << 16)), lineterminator="\n")
            for value in values(part, Decoder(source.path, part.container, DEFAULT)):
                if not isinstance(value, Value):
                    continue
                if header is None:
                    header = list(value.value)
                    writer.writerow(header)
                if value.start != following:
                    continue
                writer.writerow(_cells(source, header, value.value))
                following = next(wanted, -1)
    text.detach()


def _cells(source: Source, header: list[str], row: dict[str, Any]) -> list[str]:
    beyond = next((name for name in row if name not in header), None)
    if beyond is not None:
        raise DataError(f"{source.path} has a column {beyond!r} that the first table has not: filter them one by one")
    return [row.get(name, "") for name in header]


def write_arrow(out: IO[bytes], kept: Sequence[tuple[Source, NDArray[np.int64]]]) -> None:
    """Write some rows of Parquet or Arrow files, ascending, with the columns and types of the first.

    Raises:
        DataError: the columns of the files differ.
    """
    import pyarrow as pa  # noqa: PLC0415  (slow to import)
    import pyarrow.parquet as pq  # noqa: PLC0415

    writer: Any = None
    schema: Any = None
    for source, rows in kept:
        parquet = shards(source, UNCUT)[0].container == "parquet"
        for first, batch in row_batches(source, parquet=parquet):
            here = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + batch.num_rows)] - first
            if writer is None:
                schema = batch.schema
                writer = pq.ParquetWriter(out, schema) if parquet else pa.ipc.new_file(out, schema)
            elif not batch.schema.equals(schema):
                raise DataError(f"{source.path} has other columns than the first table: filter them one by one")
            writer.write_batch(batch.take(pa.array(here)))
    if writer is not None:
        writer.close()
