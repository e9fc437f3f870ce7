"""Containers: in what a file holds its records, decided by its bytes and only then by its name."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ultraqa.dialogues.files import COMPRESSION_SUFFIXES, JSON_SUFFIXES, READABLE, UnreadableError
from ultraqa.dialogues.parsing import RefusedError, second_reading
from ultraqa.dialogues.slices import Cut, Gap, elements
from ultraqa.dialogues.streams import blocks, compression, head
from ultraqa.dialogues.tables import delimiter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.dialogues.files import Source

_HEAD = 1 << 20
# A file with one JSON value is parsed whole to see what it is, up to this size; beyond it, its first members decide.
_WHOLE = 32 << 20
_LOOKED_AT = 8
# An object of so many objects is a collection of records; one of fewer may be a record with parts.
_SURE = 4

_BOM = b"\xef\xbb\xbf"
_KEY = re.compile(rb'\s*"(?:[^"\\]|\\.)*"\s*:\s*')
_SPACE = b" \t\r\n"
_BINARY = (
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database: export its table as CSV or JSONL"),
    (b"\xff\xfe", "UTF-16 text: convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)"),
    (b"\xfe\xff", "UTF-16 text: convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)"),
    (b"\x80\x04", "a Python pickle, which is never loaded because it can run code: save the data as JSONL"),
)

Readable = Callable[[Any], bool]
"""Whether a value is a record of a known format."""


@dataclass(frozen=True)
class Layout:
    """How a file holds its records.

    Attributes:
        container: jsonl, array, object, record (values one after another), csv, tsv, parquet, arrow or text.
        regions: where the records of JSON text lie, as (start, end) bytes; -1 is the end of the file.
    """

    container: str
    regions: tuple[tuple[int, int], ...] = ((0, -1),)


def layout(source: Source, readable: Readable, *, text: bool = False) -> Layout:
    """How a source holds its records.

    Args:
        source: the file.
        readable: asked where structure alone does not tell.
        text: whether plain text is wanted (``--format text``): then a file in no container is one record.

    Raises:
        UnreadableError: it is in no container we read.
    """
    start = head(source, _HEAD)
    suffix = _suffix(source)
    for magic, what in _BINARY:
        if start.startswith(magic):
            raise UnreadableError(f"{source.path} is {what}; read are {READABLE}")
    found = _table_layout(source, start, suffix) or _json_layout(source, start, readable)
    if found is None and not suffix:
        found = _csv_layout(start, readable)
    if found is None and suffix in JSON_SUFFIXES:
        found = Layout("jsonl", ((_body(start), -1),))
    if found is None and text:
        found = Layout("text")
    if found is None:
        raise UnreadableError(
            f"{source.path} is plain text or unknown bytes, not a dataset; read are {READABLE}. "
            "Each such file is read as one document with --format text"
        )
    return found


def _table_layout(source: Source, start: bytes, suffix: str) -> Layout | None:
    """The layout of a table, by its magic bytes or its name."""
    if suffix in {".csv", ".tsv"}:
        return Layout(suffix[1:])
    if start.startswith(b"PAR1") or suffix == ".parquet":
        container = "parquet"
    elif start.startswith((b"ARROW1", b"\xff\xff\xff\xff")) or suffix == ".arrow":
        container = "arrow"
    else:
        return None
    if compression(source):
        raise UnreadableError(f"{source.path} is a compressed {container} file: unpack it first")
    return Layout(container)


def _suffix(source: Source) -> str:
    name = PurePosixPath(source.path.lower())
    return (name.with_suffix("") if name.suffix in COMPRESSION_SUFFIXES else name).suffix


def _csv_layout(start: bytes, readable: Readable) -> Layout | None:
    """CSV or TSV without a name that says so, as from a pipe: its first row must be a record of a known format."""
    separator = delimiter(start)
    text = io.StringIO(start.decode("utf-8-sig", "replace"), newline="")
    rows = list(islice(csv.reader(text, delimiter=separator), 2))
    known = len(rows) == 2 and readable(dict(zip(*rows, strict=False)))
    return Layout("tsv" if separator == "\t" else "csv") if known else None


def _body(start: bytes) -> int:
    return len(_BOM) if start.startswith(_BOM) else 0


def _json_layout(source: Source, start: bytes, readable: Readable) -> Layout | None:
    """The layout of JSON text, None where it is none."""
    body = _body(start)
    first = len(start) - len(start[body:].lstrip(_SPACE))
    line, newline, rest = start[first:].partition(b"\n")
    jsonl = Layout("jsonl", ((body, -1),))
    more = bool(rest.strip()) or len(start) == _HEAD
    value = _value(line)
    if first == len(start) or (newline and more and isinstance(value, dict)):
        return jsonl
    if line[:1] == b"[":
        several = isinstance(value, list) and rest.lstrip(_SPACE)[:1] in {b"[", b"{"}
        return jsonl if several else Layout("array", ((first + 1, -1),))
    if line[:1] == b"{":
        return _brace_layout(source, first, rest, readable)
    return jsonl if _has_json_lines(rest) else None


def _brace_layout(source: Source, first: int, rest: bytes, readable: Readable) -> Layout:
    """The layout of a file that begins with a brace and whose first line is not one of several good ones."""
    values = list(islice(elements(_beginning(source, first), first, "", closes=False), 2))
    value = _value(values[0][1])
    if isinstance(value, dict) and len(values) > 1:
        one_line = isinstance(values[0][1], bytes) and b"\n" not in values[0][1]
        return Layout("jsonl" if one_line else "record", ((first, -1),))
    if not isinstance(value, dict) and _has_json_lines(rest):
        return Layout("jsonl", ((first, -1),))
    members = [_member(start, piece) for start, piece, _ in islice(_inside(source, first + 1), _LOOKED_AT)]
    whole = [member for member in members if member.end >= 0]
    objects = bool(whole) and all(member.bracket == b"{" for member in whole)
    if isinstance(value, dict) and not (objects and len(whole) >= _SURE) and readable(value):
        return Layout("record", ((first, -1),))
    if objects and (len(whole) > 1 or readable(whole[0].sample)):
        return Layout("object", ((first + 1, -1),))
    regions = tuple((one.start, one.end) for one in members if one.bracket == b"[" and readable(one.sample))
    return Layout("array", regions) if regions else Layout("record", ((first, -1),))


class _Member(NamedTuple):
    """A member of an object.

    Attributes:
        start: offset behind the value's opening bracket.
        end: one past the value, -1 where it is not known.
        bracket: ``{``, ``[`` or another byte.
        sample: the value, of a list its first element.
    """

    start: int
    end: int
    bracket: bytes
    sample: Any


def _member(start: int, piece: bytes | Gap) -> _Member:
    """What a ``"key": value``, whole or cut short, holds."""
    text, end = (piece.kept, -1) if isinstance(piece, Gap) else (piece, start + len(piece))
    key = _KEY.match(text)
    value = key.end() if key else len(text)
    bracket = text[value : value + 1]
    sample: bytes | Gap = text[value:]
    if bracket == b"[":
        sample = next((cut[1] for cut in elements([text[value + 1 :]], 0, "]")), b"")
    return _Member(start + value + 1, end, bracket, _value(sample))


def _inside(source: Source, start: int) -> Iterator[Cut]:
    """The members of an object, as far as a decision may read."""
    return elements(_beginning(source, start), start, "}", closes=False)


def _beginning(source: Source, start: int) -> Iterator[bytes]:
    """The blocks of a source from an offset on, as far as a decision may read."""
    left = _WHOLE
    for block in blocks(source, start):
        yield block[:left]
        left -= len(block)
        if left <= 0:
            return


def _has_json_lines(text: bytes) -> bool:
    return any(isinstance(_value(line), dict) for line in text.split(b"\n")[: _LOOKED_AT * 10])


def _value(piece: bytes | Gap) -> Any:
    """The JSON value of a piece, None where it is none."""
    if isinstance(piece, Gap):
        return None
    try:
        return orjson.loads(piece)
    except orjson.JSONDecodeError:
        pass
    try:
        return second_reading(piece)[0]
    except RefusedError:
        return None
