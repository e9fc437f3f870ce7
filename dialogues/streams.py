"""Streams: a source's bytes in blocks, decompressed where it is compressed, and the line numbers of byte offsets."""

from __future__ import annotations

import bz2
import lzma
import threading
import zlib
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ultraqa.dialogues.files import Source, is_remote, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 1 << 19

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
_COMPRESSED_BLOCK = 1 << 14
# A decompression bomb: no text we have seen shrinks a thousandfold, and a gibibyte of it is not read to find out.
_BOMB_RATIO = 1000
_BOMB_BYTES = 1 << 30
# zstd's --long=31 and --ultra frames need more window than the library allows by default.
_ZSTD_WINDOW = 1 << 31


class DamagedError(Exception):
    """A stream that ends or breaks before its end; what came before it is good."""


class _Decompressor(Protocol):
    """What zlib, bz2, lzma and zstandard decompression objects have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def compression(source: Source) -> str:
    """How a source is compressed, by its first bytes: gzip, zstd, bz2, xz, or "" where it is not."""
    with opened(source) as file:
        start = file.read(6)
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")


def blocks(source: Source, start: int = 0, end: int = -1, size: int = BLOCK) -> Iterator[bytes]:
    """The bytes of a source from ``start`` to ``end`` (-1: to its end), decompressed, in blocks of about ``size``.

    Raises:
        DamagedError: after the last good block of a truncated or corrupt stream.
    """
    kind = compression(source)
    if kind:
        yield from _cut(_decompressed(source, kind), start, end)
        return
    with opened(source) as file:
        file.seek(start)
        left = (source.size if end < 0 else end) - start
        while left > 0 and (block := file.read(min(size, left))):
            left -= len(block)
            yield block
    if left > 0:
        raise DamagedError("the file became shorter while it was read")


def head(source: Source, size: int) -> bytes:
    """The first bytes of a source, as many as are there, at most ``size``."""
    held: list[bytes] = []
    length = 0
    with suppress(DamagedError):
        for block in blocks(source, size=min(size, BLOCK)):
            held.append(block)
            length += len(block)
            if length >= size:
                break
    return b"".join(held)[:size]


def line_at(source: Source, offset: int) -> int:
    """Number of the line (from 1) in which a byte of the decompressed source lies."""
    counts = _newlines(source)
    step = min(offset // BLOCK, len(counts) - 1)
    try:
        return 1 + counts[step] + sum(block.count(b"\n") for block in blocks(source, step * BLOCK, offset))
    except DamagedError:
        return 1 + counts[-1]


_newline_counts: dict[tuple[Source, int], list[int]] = {}
_newline_lock = threading.Lock()


def _newlines(source: Source) -> list[int]:
    """Newlines before each multiple of BLOCK, counted once a source, and only when a line number is asked for."""
    changed = 0 if is_remote(source.location) else Path(source.location).stat().st_mtime_ns
    with _newline_lock:
        if (source, changed) not in _newline_counts:
            _newline_counts[source, changed] = _count_newlines(source)
        return _newline_counts[source, changed]


def _count_newlines(source: Source) -> list[int]:
    counts: list[int] = []
    with suppress(DamagedError):
        counts.extend(block.count(b"\n") for block in _even(blocks(source)))
    return [0, *accumulate(counts)]


def _even(stream: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of BLOCK bytes, the last one shorter."""
    held = b""
    for block in stream:
        held += block
        while len(held) >= BLOCK:
            yield held[:BLOCK]
            held = held[BLOCK:]
    if held:
        yield held


def _cut(stream: Iterator[bytes], start: int, end: int) -> Iterator[bytes]:
    """The part of a stream between two offsets."""
    position = 0
    for block in stream:
        first, last = max(start - position, 0), len(block) if end < 0 else min(end - position, len(block))
        position += len(block)
        if first < last:
            yield block[first:last]
        if 0 <= end <= position:
            return


def _decompressed(source: Source, kind: str) -> Iterator[bytes]:
    """All members or frames of a compressed file, one after another."""
    read = written = 0
    decompressor = _decompressor(kind)
    with opened(source) as file:
        data = b""
        while data or (data := file.read(_COMPRESSED_BLOCK)):
            if decompressor.eof:
                data = data.lstrip(b"\0")  # padding between and after members, as gzip and tar write it
                if not data:
                    continue
                decompressor = _decompressor(kind)
            block, data = _step(decompressor, data, written)
            read, written = file.tell(), written + len(block)
            if block:
                yield block
            if written > _BOMB_BYTES and written > _BOMB_RATIO * read:
                raise DamagedError(f"it unpacks to more than {_BOMB_RATIO} times its size, as only a bomb does")
    if not decompressor.eof:
        raise DamagedError("the compressed file is cut short")


def _step(decompressor: _Decompressor, data: bytes, written: int) -> tuple[bytes, bytes]:
    """What one piece of compressed bytes gives, and what of it lies behind the end of a member."""
    try:
        block = decompressor.decompress(data)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, _zstd_error()) as error:
        raise DamagedError(f"the compressed file is damaged after {written} bytes of text ({error})") from error
    return block, decompressor.unused_data if decompressor.eof else b""


def _decompressor(kind: str) -> _Decompressor:
    if kind == "gzip":
        return zlib.decompressobj(wbits=31)
    if kind == "bz2":
        return bz2.BZ2Decompressor()
    if kind == "xz":
        return lzma.LZMADecompressor()
    import zstandard  # noqa: PLC0415  (only for .zst)

    return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()


def _zstd_error() -> type[Exception]:
    import zstandard  # noqa: PLC0415  (only for compressed input)

    return zstandard.ZstdError
