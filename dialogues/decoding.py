"""Decoding: from a record's bytes to its value and its dialogues, or to the reason why it has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson

from ultraqa.dialogues.batch import Record, Unreadable
from ultraqa.dialogues.formats import RecordReader, UnknownFormat
from ultraqa.dialogues.origins import origin
from ultraqa.dialogues.parsing import RefusedError, next_start, second_reading
from ultraqa.dialogues.slices import Cut, Gap, elements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CLOSERS = {"array": "]", "object": "}", "record": ""}
"""The containers whose records the scanner finds, with the byte that closes each."""

# What a format's reader may raise on hostile values; a reader's error costs one record, never the run.
_REFUSALS = (ValueError, RecursionError, TypeError, LookupError, AttributeError, ArithmeticError)
_NO_FIELDS: dict[str, Any] = {}


@dataclass(frozen=True)
class ReadOptions:
    """What a person may choose about reading.

    Attributes:
        format: name of the only format to try, None for all.
        mapping: (old key, new key) pairs, and ("role:tag", role).
        paths: "best" or "all" paths through a tree of replies.
        fields: names of record fields to keep beside the dialogues, "outer.inner" for one inside another.
    """

    format: str | None = None
    mapping: tuple[tuple[str, str], ...] = ()
    paths: Literal["best", "all"] = "best"
    fields: tuple[str, ...] = ()


class Value(NamedTuple):
    """A record's parsed value, where it stands, and what was mended in it."""

    start: int
    end: int
    line: int
    value: Any
    findings: tuple[str, ...] = ()


class Decoder:
    """Decodes the records of one file.

    Args:
        path: the file, as findings name it.
        container: what holds its records.
        options: what a person has chosen.
        line: number of the line that a count of newlines since the start of the stream stands for.
    """

    def __init__(
        self, path: str, container: str, options: ReadOptions, line: Callable[[int], int] = lambda count: count + 1
    ) -> None:
        self._path = path
        self._container = container
        self._line = line
        self._fields = options.fields
        self._read = RecordReader(format=options.format, mapping=dict(options.mapping), paths=options.paths)

    def knows(self, value: Any) -> bool:
        """Whether a value is a record of a known format."""
        try:
            self._read(value)
        except _REFUSALS:
            return False
        return True

    def records(self, cuts: Iterable[Cut]) -> Iterator[Record | Unreadable]:
        """The records of JSON text. Most take this short way; what orjson or a format refuses takes the careful one."""
        loads, read, fields = orjson.loads, self._read, self._fields
        if self._container == "object":
            yield from map(self.record, self.values(cuts))
            return
        for cut in cuts:
            start, piece, _ = cut
            try:
                value = loads(piece)  # type: ignore[arg-type]  # a Gap is refused, like all that is not JSON
                name, dialogues = read(value)
            except UnknownFormat as error:
                yield Unreadable(self._path, self._line(cut[2]), start, start + len(piece), str(error))
                continue
            except _REFUSALS:
                yield from map(self.record, self._careful(cut))
                continue
            kept = _chosen(value, fields) if fields else _NO_FIELDS
            yield Record(start, start + len(piece), name, dialogues, kept, (), origin(value))

    def values(self, cuts: Iterable[Cut]) -> Iterator[Value | Unreadable]:
        """The values of JSON text; blank lines are nothing."""
        for cut in cuts:
            yield from self._careful(cut)

    def record(self, found: Value | Unreadable) -> Record | Unreadable:
        """The dialogues of a value, where a format reads it."""
        if isinstance(found, Unreadable):
            return found
        start, end, line, value, findings = found
        try:
            key, value = next(iter(value.items())) if self._container == "object" else (None, value)
            name, dialogues = self._read(value)
        except UnknownFormat as error:
            reason = str(error)
        except _REFUSALS as error:
            reason = f"its format cannot be read ({type(error).__name__}: {error})"
        else:
            if key is not None:
                dialogues = [one if one.id is not None else one._replace(id=key) for one in dialogues]
            return Record(start, end, name, dialogues, _chosen(value, self._fields), findings, origin(value))
        return Unreadable(self._path, line, start, end, reason)

    def _careful(self, cut: Cut) -> Iterator[Value | Unreadable]:
        """The value of one piece, or of the elements that a broken element has swallowed."""
        waiting = [cut]
        while waiting:
            start, piece, line = waiting.pop()
            if isinstance(piece, bytes) and not piece.strip():
                continue
            try:
                value, findings = self._value(piece)
            except RefusedError as error:
                end, behind = self._broken(start, piece, line)
                yield Unreadable(self._path, self._line(line), start, end, str(error))
                waiting += reversed(behind)
            else:
                yield Value(start, start + len(piece), self._line(line), value, findings)

    def _value(self, piece: bytes | Gap) -> tuple[Any, tuple[str, ...]]:
        """The JSON value of a piece and what was mended in it."""
        if isinstance(piece, Gap):
            raise RefusedError(piece.reason)
        text = b"{%b}" % piece if self._container == "object" else piece
        try:
            return orjson.loads(text), ()
        except orjson.JSONDecodeError:
            return second_reading(text)

    def _broken(self, start: int, piece: bytes | Gap, line: int) -> tuple[int, list[Cut]]:
        """Where a broken piece ends, and the elements behind it that the scanner took for a part of it."""
        kept, end = (piece.kept, piece.end) if isinstance(piece, Gap) else (piece, start + len(piece))
        again = next_start(kept) if self._container in CLOSERS else -1
        if again < 0:
            return end, []
        closes = isinstance(piece, Gap) and self._container != "record"
        behind = elements([kept[again:]], start + again, CLOSERS[self._container], closes=closes)
        newlines = line + kept.count(b"\n", 0, again)
        return start + len(kept[:again].rstrip(b", \t\r\n")), [(at, cut, newlines + more) for at, cut, more in behind]


def _chosen(value: Any, fields: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a record that were asked for, as far as it has them."""
    if not fields or not isinstance(value, dict):
        return _NO_FIELDS
    return {name: found for name in fields if (found := _field(value, name)) is not None}


def _field(value: dict[str, Any], name: str) -> Any:
    """A field by its name, or by the names from the outer to the inner object joined by dots; None where absent."""
    if name in value:
        return value[name]
    inner: Any = value
    for part in name.split("."):
        inner = inner.get(part) if isinstance(inner, dict) else None
    return inner
