"""Tables: the rows of CSV, TSV, Parquet and Arrow files as records, numbered from 0."""

from __future__ import annotations

import codecs
import csv
import io
import sys
from itertools import accumulate, pairwise
from typing import IO, TYPE_CHECKING, Any

from ultraqa.dialogues.files import is_remote, opened
from ultraqa.dialogues.slices import Gap
from ultraqa.dialogues.streams import DamagedError, blocks, head

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ultraqa.dialogues.files import Source

Row = tuple[int, "dict[str, Any] | Gap", int]
"""Number of the row, its values by column or why it has none, and its line (0 where lines mean nothing)."""

_DELIMITERS = ",\t;"
_ROWS = 1024


def text_rows(source: Source) -> Iterator[Row]:
    """The rows of CSV or TSV, named by the header; blank rows are no rows."""
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(_lines(source), delimiter=delimiter(head(source, 1 << 16)))
    number = 0
    try:
        names = _names(next(reader, []))
        for cells in reader:
            if cells:
                yield number, _row(number, names, cells), reader.line_num
                number += 1
    except (DamagedError, csv.Error) as error:
        yield number, Gap(number, f"the table ends here: {error}"), reader.line_num


def delimiter(start: bytes) -> str:
    """The character that separates columns, by the header line."""
    header = start.partition(b"\n")[0].decode("utf-8", "replace")
    return max(_DELIMITERS, key=header.count)


def parquet_cuts(source: Source) -> list[tuple[int, int]]:
    """First and last-plus-one row of each row group; one open-ended cut where the file cannot be opened."""
    import pyarrow.parquet as pq  # noqa: PLC0415  (slow to import)

    try:
        with opened(source) as file:
            return _groups(pq.read_metadata(file))
    except _arrow_errors():
        return [(0, -1)]


def arrow_cuts(source: Source, size: int) -> list[tuple[int, int]]:
    """Rows of an Arrow file in cuts of whole record batches of about ``size`` bytes; one cut where it is remote."""
    if is_remote(source.location):
        return [(0, -1)]
    ends, row, held = [0], 0, 0
    try:
        for batch in _arrow_batches(source):
            row, held = row + batch.num_rows, held + batch.get_total_buffer_size()
            if held >= size:
                ends.append(row)
                held = 0
    except _arrow_errors():
        return [*pairwise(ends), (ends[-1], -1)]
    return list(pairwise([*ends, row] if row > ends[-1] else ends))


def column_rows(source: Source, container: str, start: int, end: int) -> Iterator[Row]:
    """The rows of a Parquet or Arrow file from ``start`` to ``end`` (-1: to its end)."""
    batches = _parquet_batches(source, start, end) if container == "parquet" else _numbered(_arrow_batches(source), 0)
    row = start
    try:
        for first, batch in batches:
            if 0 <= end <= first:
                return
            if isinstance(batch, Gap):
                yield max(first, start), batch, 0
                continue
            skipped = max(start - first, 0)
            if skipped < batch.num_rows:
                for row, value in _values(batch.slice(skipped, _left(end, first + skipped)), first + skipped):
                    yield row, value, 0
    except _arrow_errors() as error:
        yield row, Gap(max(end, row), f"the table cannot be read from row {row} on: {error}"), 0


def row_batches(source: Source, *, parquet: bool) -> Iterator[tuple[int, Any]]:
    """The record batches of a Parquet or Arrow file that can be read, each with the number of its first row."""
    found = _parquet_batches(source, 0, -1) if parquet else _numbered(_arrow_batches(source), 0)
    return ((first, batch) for first, batch in found if not isinstance(batch, Gap))


def _names(header: list[str]) -> list[str]:
    """Column names; a column without a name is called by its position."""
    return [name.strip() or f"column_{i}" for i, name in enumerate(header, 1)]


def _row(number: int, names: list[str], cells: list[str]) -> dict[str, Any] | Gap:
    if len(cells) > len(names):
        reason = f"the row has {len(cells)} cells and the header {len(names)}: a quotation mark may be missing"
        return Gap(number + 1, reason)
    for name, cell in zip(names, cells, strict=False):
        if not cell.isascii() and (broken := _undecoded(cell)):
            return Gap(number + 1, f"invalid UTF-8: {broken} in column {name!r}")
    return dict(zip(names, cells, strict=False))


def _undecoded(cell: str) -> str:
    """The first byte of a cell that was no UTF-8, "" where there is none."""
    try:
        cell.encode()
    except UnicodeEncodeError as error:
        return f"byte 0x{ord(cell[error.start]) - 0xDC00:02x}"
    return ""


class _Blocks(io.RawIOBase):
    """A stream of blocks as a file, for readers that want one."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        super().__init__()
        self._stream = iter(stream)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._left = self._left or memoryview(next(self._stream, b""))
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _lines(source: Source) -> IO[str]:
    """The text of a source line by line, with bytes that are no UTF-8 escaped instead of raised."""
    file = io.BufferedReader(_Blocks(blocks(source)), 1 << 20)
    return io.TextIOWrapper(file, codecs.lookup("utf-8-sig").name, errors="surrogateescape", newline="")


def _left(end: int, row: int) -> int | None:
    return None if end < 0 else end - row


def _groups(metadata: Any) -> list[tuple[int, int]]:
    """First and last-plus-one row of each row group."""
    rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    if any(count < 0 for count in rows):
        raise OSError("a row group has fewer than no rows")
    return list(pairwise(accumulate(rows, initial=0)))


def _parquet_batches(source: Source, start: int, end: int) -> Iterator[tuple[int, Any]]:
    """Record batches with the number of their first row; a Gap for what of a row group cannot be read."""
    import pyarrow.parquet as pq  # noqa: PLC0415  (slow to import)

    with opened(source) as file, pq.ParquetFile(file) as table:
        for group, (first, last) in enumerate(_groups(table.metadata)):
            if last <= start or 0 <= end <= first:
                continue
            row = first
            try:
                for row, batch in _numbered(table.iter_batches(_ROWS, row_groups=[group]), first):
                    if row + batch.num_rows > last:
                        raise OSError("it has more rows than the file says")
                    yield row, batch
            except _arrow_errors() as error:
                yield row, Gap(last, f"row group {group} cannot be read: {error}")


def _numbered(batches: Iterable[Any], first: int) -> Iterator[tuple[int, Any]]:
    """Record batches with the number of their first row."""
    for batch in batches:
        yield first, batch
        first += batch.num_rows


def _arrow_batches(source: Source) -> Iterator[Any]:
    """The record batches of an Arrow file or stream, mapped into memory where it is local."""
    import pyarrow as pa  # noqa: PLC0415  (slow to import)

    with pa.PythonFile(opened(source), "r") if is_remote(source.location) else pa.memory_map(source.location) as file:
        if file.read(6) == b"ARROW1":
            reader = pa.ipc.open_file(file)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)
        else:
            file.seek(0)
            yield from pa.ipc.open_stream(file)


def _values(batch: Any, first: int) -> Iterator[tuple[int, dict[str, Any] | Gap]]:
    """The numbered rows of a record batch; a row that does not bear a look at its bytes is refused alone."""
    try:
        batch.validate()
    except _arrow_errors() as error:
        yield first, Gap(first + batch.num_rows, f"the rows are damaged: {error}")
        return
    for piece in range(0, batch.num_rows, _ROWS):
        rows = batch.slice(piece, _ROWS)
        try:
            # Arrow trusts a file's offsets and would follow broken ones out of its memory.
            rows.validate(full=True)
            values = rows.to_pylist()
        except _arrow_errors():
            values = [_value(rows.slice(i, 1), first + piece + i) for i in range(rows.num_rows)]
        yield from enumerate(values, first + piece)


def _value(row: Any, number: int) -> dict[str, Any] | Gap:
    try:
        row.validate(full=True)
        return dict(row.to_pylist()[0])
    except _arrow_errors() as error:
        return Gap(number + 1, f"the row is damaged: {error}")


def _arrow_errors() -> tuple[type[Exception], ...]:
    import pyarrow as pa  # noqa: PLC0415  (slow to import)

    return (pa.ArrowException, OSError, EOFError, ValueError)
