"""Reading: from the files of a dataset to batches of dialogues, by shards that depend on the files alone.

A record that cannot be read becomes an ``Unreadable`` with its place and the reason; it never stops the run. Bytes
that are neither in a record nor in an ``Unreadable`` are blank lines, newlines, a byte order mark, and the brackets and
commas between the elements of an array.

Flat OpenAssistant rows are grouped: a record is then a whole tree, and its span reaches from the start of its first row
to the end of its last one, over the rows of other trees where they lie between.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from ultraqa.dialogues import trees
from ultraqa.dialogues.batch import Batch, BatchBuilder, Dialogue, Record, Unreadable
from ultraqa.dialogues.decoding import Decoder, ReadOptions, Value
from ultraqa.dialogues.files import DataError, Source, opened
from ultraqa.dialogues.sharding import DEFAULT, JSON, TABLES, UNCUT, Shard, shards, slices, values
from ultraqa.dialogues.streams import DamagedError, blocks, compression, line_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ultraqa.dialogues.slices import Cut

__all__ = ["ReadOptions", "Shard", "batches", "pieces", "records", "records_at", "reopen", "shards"]

BATCH_BYTES = 1 << 20


def batches(shard: Shard, options: ReadOptions = DEFAULT, size: int = BATCH_BYTES) -> Iterator[Batch]:
    """The dialogues of a shard in batches of about ``size`` bytes of input."""
    path, table = shard.source.path, shard.container in TABLES
    builder, held, count = BatchBuilder(options.fields), 0, 0
    for record in records(shard, options):
        if isinstance(record, Unreadable):
            builder.reject(record)
        else:
            builder.add(path, record)
            held += _text_bytes(record) if table else 0
        held += record.end - record.start
        count += 1
        if held >= size:
            yield builder.batch()
            builder, held, count = BatchBuilder(options.fields), 0, 0
    if count:
        yield builder.batch()


def records(part: Source | Shard, options: ReadOptions = DEFAULT) -> Iterator[Record | Unreadable]:
    """The records of a source or shard in file order, trees of grouped rows in the order of their roots."""
    if isinstance(part, Source):
        for shard in shards(part, UNCUT, options):
            yield from records(shard, options)
        return
    decoder = _decoder(part, options)
    if part.grouped:
        yield from map(decoder.record, _grouped(values(part, decoder)))
    elif part.container in JSON:
        yield from decoder.records(slices(part))
    else:
        yield from map(decoder.record, values(part, decoder))


def first_values(source: Source, n: int, options: ReadOptions = DEFAULT) -> list[Any]:
    """The first ``n`` records of a source as parsed, before any format reads them."""
    parsed = (value for shard in shards(source, UNCUT, options) for value in values(shard, _decoder(shard, options)))
    return [value.value for value in islice(parsed, n) if isinstance(value, Value)]


def reopen(source: Source, spans: Sequence[tuple[int, int]], options: ReadOptions = DEFAULT) -> list[list[Dialogue]]:
    """The dialogues of records that were read before, by their spans, reading only what is needed.

    Rows of a table are found in their shards; a tree of grouped rows by reading and grouping the file again.

    Raises:
        DataError: a span holds no readable record any more.
    """
    dialogues = {(one.start, one.end): one.dialogues for one in records_at(source, sorted(set(spans)), options)}
    return [dialogues[span] for span in spans]


def records_at(source: Source, spans: Sequence[tuple[int, int]], options: ReadOptions = DEFAULT) -> Iterator[Record]:
    """The records at spans (sorted, each once) of a source, in the order of its file.

    Raises:
        DataError: a span holds no readable record any more.
    """
    parts = shards(source, UNCUT, options)
    if parts and parts[0].container in JSON and not parts[0].grouped:
        found = _decoder(parts[0], options).records(pieces(source, spans))
    else:
        found = _among(parts, spans, options)
    left = set(spans)
    for one in found:
        if isinstance(one, Record) and (one.start, one.end) in left:
            left.discard((one.start, one.end))
            yield one
    if left:
        start, end = min(left)
        raise DataError(f"{source.path}: no record stands at {start} to {end} any more: the data has changed")


def _decoder(shard: Shard, options: ReadOptions) -> Decoder:
    """A decoder that knows the lines of the shard, counting those before it only when one is asked for."""

    @cache
    def first_line() -> int:
        return shard.first_line if shard.first_line > 0 else line_at(shard.source, shard.start)

    def line(newlines: int) -> int:
        return first_line() + newlines

    return Decoder(shard.source.path, shard.container, options, line)


def _grouped(found: Iterable[Value | Unreadable]) -> Iterator[Value | Unreadable]:
    """Flat rows as trees; what is no flat row passes as it stands, before them."""
    rows = []
    for value in found:
        if isinstance(value, Value) and trees.is_flat_row(value.value):
            rows.append(value)
        else:
            yield value
    listed = [row.value for row in rows]
    for tree, positions in zip(trees.group(listed), trees.members(listed), strict=True):
        first, findings = rows[positions[0]], {name: None for at in positions for name in rows[at].findings}
        yield Value(first.start, max(rows[at].end for at in positions), first.line, tree, tuple(findings))


def pieces(source: Source, spans: Sequence[tuple[int, int]]) -> Iterator[Cut]:
    """The bytes of sorted spans: by seeking, or in one walk where the source is compressed."""
    if not compression(source):
        with opened(source) as file:
            for start, end in spans:
                file.seek(start)
                yield start, file.read(end - start), 0
        return
    held, base, stream = b"", 0, _good(blocks(source))
    for start, end in spans:
        while base + len(held) < end and (block := next(stream, b"")):
            dropped = min(max(start - base, 0), len(held))
            held, base = held[dropped:] + block, base + dropped
        yield start, held[start - base : end - base], 0


def _good(stream: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks before a stream breaks."""
    with suppress(DamagedError):
        yield from stream


def _among(
    parts: Sequence[Shard], wanted: Sequence[tuple[int, int]], options: ReadOptions
) -> Iterator[Record | Unreadable]:
    """The wanted records of shards that can only be read through."""
    for shard in parts:
        rows = [span for span in wanted if span[0] >= shard.start and (shard.end < 0 or span[0] < shard.end)]
        if not rows:
            continue
        narrow = shard.container in {"parquet", "arrow"} and not shard.grouped
        part = replace(shard, start=rows[0][0], end=rows[-1][1]) if narrow else shard
        left = set(rows)
        for record in records(part, options):
            if (record.start, record.end) in left:
                left.discard((record.start, record.end))
                yield record
            if not left:
                break


def _text_bytes(record: Record) -> int:
    return sum(len(text) for dialogue in record.dialogues for text in dialogue.texts)
