"""Keeping: some records of a dataset as they stand in its files, written one after the other in the same form.

Bytes of JSON text are copied, never parsed: of the spans that are kept, windows of the file are gathered in compiled
code, so that a filter costs little more than a copy. Rows of tables keep their values and types.
"""

from __future__ import annotations

from itertools import islice
from json import JSONDecoder
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.dialogues import trees
from ultraqa.dialogues.decoding import Decoder, ReadOptions, Value
from ultraqa.dialogues.files import COMPRESSION_SUFFIXES, DataError, Source
from ultraqa.dialogues.keeping_tables import write_arrow, write_csv
from ultraqa.dialogues.reading import pieces
from ultraqa.dialogues.sharding import DEFAULT, UNCUT, Shard, shards, values
from ultraqa.dialogues.streams import blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

Span = tuple[int, int]

_FORMS: Final = {
    "jsonl": "jsonl", "ndjson": "jsonl", "json": "json", "csv": "csv", "tsv": "csv", "parquet": "parquet",
    "arrow": "arrow",
}  # fmt: skip
_OWN: Final = {
    "jsonl": "jsonl", "array": "json", "object": "json", "record": "json", "text": "text", "csv": "csv", "tsv": "csv",
    "parquet": "parquet", "arrow": "arrow",
}  # fmt: skip
"""The form of what is written, by the container that was read."""
_WINDOW: Final = 1 << 20
_TOGETHER: Final = 256


class Kept(NamedTuple):
    """Which records of one file are kept.

    Attributes:
        source: the file.
        spans: shape (k, 2), where they stand, ascending.
        instead: what is written in place of a record that was cut, by its span.
    """

    source: Source
    spans: NDArray[np.int64]
    instead: Mapping[Span, bytes]


def form_of(out: str, containers: Iterable[str]) -> str:
    """The form in which records are written: what the name of the output says, else that of the data.

    Args:
        out: name of the output, "-" for standard output.
        containers: what the files of the dataset are.

    Raises:
        DataError: the data cannot be written in that form without being changed.
    """
    own = {_OWN[container] for container in containers}
    name = out.lower()
    for suffix in COMPRESSION_SUFFIXES:
        name = name.removesuffix(suffix)
    wanted = _FORMS.get(PurePath(name).suffix.removeprefix("."), "")
    json = own <= {"json", "jsonl"}
    if json and wanted in {"", "json", "jsonl"}:
        return wanted or ("json" if own == {"json"} else "jsonl")
    if len(own) == 1 and wanted in {"", *own}:
        return own.pop()
    held = " and ".join(sorted(own))
    raise DataError(
        f"{out}: the data is {held}, whose records cannot be kept as they stand in {wanted or 'one'} file: "
        f"choose another suffix for the output (.{min(own)}), or convert the data first (`ultraqa convert`)"
    )


def write(out: IO[bytes], kept: Sequence[Kept], form: str, options: ReadOptions = DEFAULT) -> None:
    """Write the kept records of all files of a dataset in file order.

    Args:
        out: what is written to.
        kept: the files, in the order of the dataset.
        form: see ``form_of``.
        options: how the records were read.

    Raises:
        DataError: tables of different columns cannot be written into one.
    """
    if form in {"csv", "parquet", "arrow"}:
        rows = [(one.source, np.sort(parted(one.source, options).rows_of(one.spans)[:, 0])) for one in kept]
        (write_csv if form == "csv" else write_arrow)(out, rows)
        return
    if form == "text":
        for one in kept:
            out.writelines(blocks(one.source) if len(one.spans) else ())
        return
    member = form == "json" and all(parted(one.source, options).container == "object" for one in kept)
    opener, between, closer = (b"{" if member else b"["), b",\n", (b"}" if member else b"]")
    if form == "jsonl":
        opener, between, closer = b"", b"\n", b""
    out.write(opener)
    started = False
    for one in kept:
        whole = parted(one.source, options)
        there = one._replace(spans=whole.rows_of(one.spans))
        for n, text in enumerate(_texts(there, whole.container, form, between, member=member)):
            out.write(between + text if started and n == 0 else text)
            started = True
    out.write(closer or (b"\n" if started else b""))


class Parted(NamedTuple):
    """A file and the parts of its records: a record is one line, element or row, or, of a tree, several of them.

    Attributes:
        container: what the file is.
        trees: whether its records are trees of flat rows; only then are they parted.
        parts: shape (p, 2), span of each line, element or row of a tree, ascending.
        record: shape (p, 2), span of the record that each belongs to.
    """

    container: str
    trees: bool
    parts: NDArray[np.int64]
    record: NDArray[np.int64]

    def rows_of(self, spans: NDArray[np.int64]) -> NDArray[np.int64]:
        """The spans of all parts of some records."""
        if not self.trees:
            return spans
        wanted = set(map(tuple, spans.tolist()))
        chosen = np.fromiter((tuple(one) in wanted for one in self.record.tolist()), np.bool_, len(self.record))
        found: NDArray[np.int64] = self.parts[chosen]
        return found


def parted(source: Source, options: ReadOptions = DEFAULT) -> Parted:
    """The container of a file, and the parts of its records where they are trees of flat rows."""
    parts = shards(source, UNCUT, options)
    if not parts or not parts[0].grouped:
        nothing = np.empty((0, 2), np.int64)
        return Parted(parts[0].container if parts else "jsonl", False, nothing, nothing)
    found: list[tuple[int, int, int, int]] = []
    for shard in parts:
        found += _rows_of_trees(shard, options)
    table = np.array(sorted(found), np.int64).reshape(-1, 4)
    return Parted(parts[0].container, True, table[:, :2], table[:, 2:])


def _rows_of_trees(shard: Shard, options: ReadOptions) -> Iterator[tuple[int, int, int, int]]:
    """Span of every row and of the record that it is a part of."""
    read = Decoder(shard.source.path, shard.container, options)
    rows = []
    for value in values(shard, read):
        if isinstance(value, Value) and trees.is_flat_row(value.value):
            rows.append(value)
        elif isinstance(value, Value):
            yield value.start, value.end, value.start, value.end
    for positions in trees.members([row.value for row in rows]):
        start, end = rows[positions[0]].start, max(rows[at].end for at in positions)
        yield from ((rows[at].start, rows[at].end, start, end) for at in positions)


# --- bytes of JSON text ----------------------------------------------------------------------------------------------


def _texts(kept: Kept, container: str, form: str, between: bytes, *, member: bool) -> Iterator[bytes]:
    """The kept records of a file with a separator between them, in pieces of about a window."""
    if not len(kept.spans):
        return
    changed = form == "jsonl" and container not in {"jsonl", "object"}
    if container == "object" and not member:
        yield from _separated((one_line(value_of(text)) for text in _one_by_one(kept)), between)
    elif kept.instead or changed:
        yield from _separated((one_line(text) if changed else text for text in _one_by_one(kept)), between)
    else:
        yield from _copied(kept, between, lines=container == "jsonl")


def _one_by_one(kept: Kept) -> Iterator[bytes]:
    spans = list(map(tuple, kept.spans.tolist()))
    for span, (_, text, _) in zip(spans, pieces(kept.source, spans), strict=True):
        yield kept.instead.get(span, text if isinstance(text, bytes) else b"")


def _separated(texts: Iterable[bytes], between: bytes) -> Iterator[bytes]:
    first = True
    while held := list(islice(texts, _TOGETHER)):
        yield (b"" if first else between) + between.join(held)
        first = False


def one_line(text: bytes) -> bytes:
    """A JSON value on one line: a newline in it can only stand between its parts."""
    return text.replace(b"\r", b" ").replace(b"\n", b" ")


def value_of(member: bytes) -> bytes:
    """The value of a ``"key": value`` member of an object."""
    text = member.decode()
    _, end = JSONDecoder().raw_decode(text, text.index('"'))
    return text[text.index(":", end) + 1 :].strip().encode()


def _copied(kept: Kept, between: bytes, *, lines: bool) -> Iterator[bytes]:
    """The bytes of ascending spans, read window by window; neighbouring lines are copied together."""
    starts, ends = kept.spans.T
    if lines and between == b"\n":
        apart = np.flatnonzero(starts[1:] != ends[:-1] + 1)
        starts, ends = starts[np.append(0, apart + 1)], ends[np.append(apart, len(ends) - 1)]
    base, started = 0, False
    for window in blocks(kept.source, size=_WINDOW):
        after = base + len(window)
        some = slice(int(np.searchsorted(ends, base, side="right")), int(np.searchsorted(starts, after)))
        firsts, lasts = np.maximum(starts[some], base) - base, np.minimum(ends[some], after) - base
        view = memoryview(window)
        text = between.join([view[a:b] for a, b in zip(firsts.tolist(), lasts.tolist(), strict=True)])
        if len(firsts):
            yield between + text if started and starts[some][0] >= base else text
            started = True
        base = after
