"""Quoting: records of any container as JSON values on one line, to be shown beside what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from ultraqa.dialogues.decoding import Decoder, ReadOptions, Value
from ultraqa.dialogues.keeping import Parted, Span, one_line, parted, value_of
from ultraqa.dialogues.reading import pieces
from ultraqa.dialogues.sharding import DEFAULT, JSON, UNCUT, shards, values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ultraqa.dialogues.files import Source


def as_json(source: Source, spans: Sequence[Span], options: ReadOptions = DEFAULT) -> Iterator[bytes]:
    """Some records (ascending spans) of a file as JSON values on one line: what a filter shows of what it drops.

    Bytes that are JSON stay as they are but for line breaks between values; others become a string. A row of a table is
    an object, a tree of flat rows the array of its rows.
    """
    whole = parted(source, options)
    if whole.trees:
        yield from _trees(source, whole, spans)
    elif whole.container in JSON:
        for _, text, _ in pieces(source, spans):
            yield _shown(text if isinstance(text, bytes) else b"", whole.container)
    else:
        wanted = set(spans)
        for value in _values(source, options):
            if (value.start, value.end) in wanted:
                yield _dumped(value.value)


def _trees(source: Source, whole: Parted, spans: Sequence[Span]) -> Iterator[bytes]:
    """Every tree as the array of its rows; trees lie among each other, so that all of the wanted ones are held."""
    wanted = whole.rows_of(np.array(spans, np.int64).reshape(-1, 2)).tolist()
    if whole.container in JSON:
        texts = (_shown(text, whole.container) for _, text, _ in pieces(source, wanted) if isinstance(text, bytes))
        rows = dict(zip(map(tuple, wanted), texts, strict=True))
    else:
        chosen = set(map(tuple, wanted))
        found = (value for value in _values(source, DEFAULT) if (value.start, value.end) in chosen)
        rows = {(value.start, value.end): _dumped(value.value) for value in found}
    found_of: dict[Span, list[bytes]] = {span: [] for span in spans}
    for part, record in zip(whole.parts.tolist(), whole.record.tolist(), strict=True):
        if tuple(record) in found_of:
            found_of[record[0], record[1]].append(rows[part[0], part[1]])
    yield from (b"[" + b", ".join(one) + b"]" for one in found_of.values())


def _values(source: Source, options: ReadOptions) -> Iterator[Value]:
    for part in shards(source, UNCUT, options):
        for value in values(part, Decoder(source.path, part.container, options)):
            if isinstance(value, Value):
                yield value


def _shown(text: bytes, container: str) -> bytes:
    try:
        value = one_line(value_of(text) if container == "object" else text.strip())
        orjson.loads(value)
    except ValueError:
        return orjson.dumps(text.decode("utf-8", "replace"))
    return value


def _dumped(value: Any) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
