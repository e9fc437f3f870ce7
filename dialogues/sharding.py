"""Sharding: a source in parts that are read on their own, cut where its bytes alone say, and each part's values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from ultraqa.dialogues import trees
from ultraqa.dialogues.batch import Unreadable
from ultraqa.dialogues.containers import Layout, layout
from ultraqa.dialogues.decoding import CLOSERS, Decoder, ReadOptions, Value
from ultraqa.dialogues.files import Source, opened
from ultraqa.dialogues.slices import LONGEST, Cut, Gap, element_starts, elements, lines
from ultraqa.dialogues.streams import blocks, compression, head
from ultraqa.dialogues.tables import Row, arrow_cuts, column_rows, parquet_cuts, text_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

JSON = frozenset({"jsonl", *CLOSERS})
"""The containers whose records are bytes of JSON text."""
TABLES = frozenset({"csv", "tsv", "parquet", "arrow"})
"""The containers whose records are numbered rows."""
SHARD_BYTES = 16 << 20
UNCUT = 1 << 62
"""A shard size that cuts nothing but tables."""
DEFAULT = ReadOptions()

_GROUPABLE = TABLES | {"jsonl", "array"}
_STEP = 1 << 16


@dataclass(frozen=True)
class Shard:
    """A part of a source that is read on its own; the shards of a source, in order, hold all its records once.

    Attributes:
        source: the file.
        index: position among the shards of the source.
        start: first byte, or first row of a table.
        end: one past the last; -1 for the end of a file whose length in these units is not known.
        container: jsonl, array, object, record, csv, tsv, parquet, arrow or text.
        first_line: line of the first byte, -1 where only counting would tell.
        grouped: whether its records are messages to be grouped into trees.
    """

    source: Source
    index: int
    start: int
    end: int
    container: str
    first_line: int = -1
    grouped: bool = False


def shards(source: Source, size: int = SHARD_BYTES, options: ReadOptions = DEFAULT) -> list[Shard]:
    """The shards of a source, of about ``size`` bytes where its container can be cut, fixed by the file alone.

    Raises:
        UnreadableError: the file is in no container we read.
    """
    found = layout(source, Decoder(source.path, "", options).knows, text=options.format == "text")
    whole = _whole(source, found)
    if found.container in _GROUPABLE and any(_holds_rows(shard) for shard in whole[:1]):
        return [replace(shard, grouped=True) for shard in whole]
    spans = [span for shard in whole for span in _cuts(shard, size)]
    lines_known = {shard.start: shard.first_line for shard in whole}
    return [
        Shard(source, i, start, end, found.container, lines_known.get(start, -1))
        for i, (start, end) in enumerate(spans)
    ]


def _whole(source: Source, found: Layout) -> list[Shard]:
    """One shard for each region of a source, before any is cut."""
    size = source.size if found.container in JSON else -1
    size = -1 if compression(source) else size
    spans = [(start, size if end < 0 else end) for start, end in found.regions]
    return [
        Shard(source, i, start, end, found.container, _first_line(source, start))
        for i, (start, end) in enumerate(spans)
        if start != end
    ]


def _first_line(source: Source, start: int) -> int:
    """The line of an offset near the start of the file, -1 elsewhere."""
    return 1 + head(source, start).count(b"\n") if start < _STEP else -1


def _cuts(shard: Shard, size: int) -> Iterable[tuple[int, int]]:
    """The spans of a shard's parts of about ``size`` bytes, where it can be cut."""
    source, start, end = shard.source, shard.start, shard.end
    if shard.container == "parquet":
        return parquet_cuts(source)
    if shard.container == "arrow":
        return arrow_cuts(source, size)
    if end < 0 or end - start <= size or shard.container not in {"jsonl", "array", "object"}:
        return [(start, end)]
    if shard.container == "jsonl":
        return pairwise([start, *_line_starts(source, start, end, size), end])
    return pairwise([start, *element_starts(blocks(source, start, end), start, CLOSERS[shard.container], size), end])


def _line_starts(source: Source, start: int, end: int, size: int) -> Iterator[int]:
    """Starts of lines about ``size`` bytes apart."""
    with opened(source) as file:
        position = start + size - 1
        while position < end:
            file.seek(position)
            block = file.read(_STEP)
            newline = block.find(b"\n")
            if not block or position + newline + 1 >= end:
                return
            position += len(block) if newline < 0 else newline + 1
            if newline >= 0:
                yield position
                position += size - 1


def slices(shard: Shard) -> Iterator[Cut]:
    """The pieces of JSON text in a shard."""
    stream = blocks(shard.source, shard.start, shard.end)
    if shard.container == "jsonl":
        return lines(stream, shard.start)
    closes = shard.end in {-1, shard.source.size}
    return elements(stream, shard.start, CLOSERS[shard.container], closes=closes)


def values(shard: Shard, decoder: Decoder) -> Iterator[Value | Unreadable]:
    """The values of the records of any container."""
    if shard.container in JSON:
        yield from decoder.values(slices(shard))
    elif shard.container == "text":
        yield _document(shard.source)
    else:
        for number, row, line in _rows(shard):
            if isinstance(row, Gap):
                yield Unreadable(shard.source.path, line, number, row.end, row.reason)
            else:
                yield Value(number, number + 1, line, row)


def _rows(shard: Shard) -> Iterator[Row]:
    if shard.container in {"csv", "tsv"}:
        return text_rows(shard.source)
    return column_rows(shard.source, shard.container, shard.start, shard.end)


def _document(source: Source) -> Value | Unreadable:
    """A plain text as one record."""
    content = head(source, LONGEST + 1)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"invalid UTF-8: byte 0x{content[error.start]:02x} at byte {error.start + 1}"
        return Unreadable(source.path, 1, 0, len(content), reason)
    if len(content) > LONGEST:
        return Unreadable(source.path, 1, 0, len(content), f"the text is longer than {LONGEST >> 20} MiB")
    return Value(0, len(content), 1, {"text": text})


def _holds_rows(shard: Shard) -> bool:
    """Whether the first record is a message of a tree."""
    first = next(values(shard, Decoder(shard.source.path, shard.container, DEFAULT)), None)
    return isinstance(first, Value) and trees.is_flat_row(first.value)
