"""Spooling: records that are cut, written to a temporary file before anything is decided that depends on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING

from ultraqa.dialogues.cutting import CutError, without
from ultraqa.dialogues.keeping import Span
from ultraqa.dialogues.reading import pieces
from ultraqa.dialogues.sharding import JSON, UNCUT, shards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.dialogues.reading import ReadOptions
    from ultraqa.dialogues.sources import Source
    from ultraqa.filters.records import Records


class Spool(Mapping[Span, bytes]):
    """Records that were cut, in a temporary file, by their spans."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._places: dict[Span, tuple[int, int]] = {}
        self._end = 0

    def add(self, span: Span, record: bytes) -> None:
        """Append a record, as it is after the cut."""
        self._file.seek(self._end)
        self._file.write(record)
        self._places[span] = (self._end, len(record))
        self._end += len(record)

    def __getitem__(self, span: Span) -> bytes:
        start, length = self._places[span]
        self._file.seek(start)
        return self._file.read(length)

    def __iter__(self) -> Iterator[Span]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def spool_cut(
    sources: Mapping[str, Source],
    records: Records,
    spools: Mapping[str, Spool],
    options: ReadOptions,
    turns: dict[int, list[int]],
) -> dict[int, str]:
    """Write the records of dialogues that are cut into spools; why others cannot be cut."""
    failed: dict[int, str] = {}
    for number, path in enumerate(records.files):
        rows = [row for row in turns if records.path[records.of[row]] == number]
        if not rows:
            continue
        spans = [records.span(row) for row in rows]
        if not all(end > start for start, end in spans) or _container(sources[path], options) not in JSON:
            failed |= dict.fromkeys(rows, "only records of JSON can be cut")
            continue
        for row, span, (_, text, _) in zip(rows, spans, pieces(sources[path], spans), strict=True):
            try:
                spools[path].add(span, without(text if isinstance(text, bytes) else b"", turns[row], options))
            except CutError as error:
                failed[row] = str(error)
    return failed


def _container(source: Source, options: ReadOptions) -> str:
    return shards(source, UNCUT, options)[0].container
