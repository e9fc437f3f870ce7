"""Slices: the records of JSON text as bytes, with offset and line, before anyone reads a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ultraqa.dialogues.streams import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

# A record beyond this is refused and not held: parsed it would take several times as much memory.
LONGEST = 256 << 20
_TOO_LONG = f"the record is longer than {LONGEST >> 20} MiB"

_CAPACITY = 4096


class Gap(NamedTuple):
    """Bytes that are no whole record: where they end, the reason, and as many of them as were kept."""

    end: int
    reason: str
    kept: bytes = b""


Cut = tuple[int, "bytes | Gap", int]
"""A record: offset of its first byte, its bytes or why it has none, number of newlines since the stream's start."""


def lines(stream: Iterable[bytes], start: int) -> Iterator[Cut]:
    """The lines of a stream whose first byte has the offset ``start``, without their newlines, blank ones too."""
    held = _Held()
    line = 0
    try:
        for block in stream:
            cut = block.rfind(b"\n")
            if cut < 0:
                held.add(block)
                continue
            pieces = block[:cut].split(b"\n")
            if held.length:
                first = pieces.pop(0)
                yield start, held.with_end(start, first), line
                start, line, held = start + held.length + len(first) + 1, line + 1, _Held()
            for piece in pieces:
                yield start, piece, line
                start += len(piece) + 1
                line += 1
            held.add(block[cut + 1 :])
    except DamagedError as error:
        yield start, Gap(start + held.length, str(error), held.kept()), line
        return
    if held.length:
        yield start, held.with_end(start, b""), line


def elements(stream: Iterable[bytes], start: int, closer: str, *, closes: bool = True) -> Iterator[Cut]:
    """The elements of an array, or the ``"key": value`` members of an object, in a stream that begins inside it.

    Args:
        stream: bytes from behind the opening bracket, or from an element's first byte on.
        start: the offset of its first byte.
        closer: ``]`` or ``}``; "" for values one after another.
        closes: whether the closing bracket must come before the stream ends.
    """
    scan = _Scan(start, closer)
    reason = ""
    try:
        for block in stream:
            yield from scan.feed(block)
    except DamagedError as error:
        reason = str(error)
    yield from scan.finish(reason, closes=closes and bool(closer))


def element_starts(stream: Iterable[bytes], start: int, closer: str, size: int) -> Iterator[int]:
    """Starts of elements about ``size`` bytes apart, in a stream as for ``elements``."""
    scan = _Scan(start, closer)
    wanted = start + size
    for block in stream:
        for starts in scan.starts(block):
            while (place := int(np.searchsorted(starts, wanted))) < len(starts):
                yield int(starts[place])
                wanted = int(starts[place]) + size


def as_words(block: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """A block as the scanner wants it: byte by byte, and eight bytes at a time."""
    return np.frombuffer(block, np.uint8), np.frombuffer(block, np.uint64, len(block) // 8)


class _Held:
    """The bytes of a record that began in an earlier block."""

    def __init__(self) -> None:
        self.length = 0
        self._blocks: list[bytes] = []

    def add(self, block: bytes) -> None:
        """Append bytes; beyond the longest record they are counted, not kept."""
        self.length += len(block)
        if block and self.length <= LONGEST:
            self._blocks.append(block)

    def kept(self) -> bytes:
        """What was kept."""
        return b"".join(self._blocks)

    def with_end(self, start: int, end: bytes, length: int = -1) -> bytes | Gap:
        """The whole record: what was held and its end, cut to ``length`` where one is given."""
        if self.length + len(end) > LONGEST:
            return Gap(start + self.length + len(end), _TOO_LONG)
        whole = b"".join([*self._blocks, end])
        return whole if length < 0 else whole[:length]


class _Scan:
    """The compiled scanner with the state and the bytes that it carries from block to block."""

    def __init__(self, start: int, closer: str) -> None:
        from ultraqa.dialogues import scanning  # noqa: PLC0415  (numba is slow to import, and only arrays need it)

        self._names = scanning
        self._state = scanning.new_state(start)
        self._found = np.empty((_CAPACITY, 3), np.int64)
        self._base = start
        self._closer = ord(closer) if closer else 0
        self._held = _Held()

    def starts(self, block: bytes) -> Iterator[NDArray[np.int64]]:
        """Where the elements begin that end in the next block."""
        yield from (found[:, 0] for found in self._spans(block))
        self._base += len(block)

    def feed(self, block: bytes) -> Iterator[Cut]:
        """The elements that end in the next block."""
        names, state, base = self._names, self._state, self._base
        for found in self._spans(block):
            for first, last, line in found.tolist():
                if first >= base:
                    yield first, block[first - base : last - base], line
                else:
                    yield first, self._held.with_end(first, block[: max(last - base, 0)], last - first), line
                    self._held = _Held()
        unfinished = int(state[names.POSITION] if state[names.CLOSED] else state[names.ITEM])
        if unfinished >= 0:
            self._held.add(block[max(unfinished - base, 0) :])
        self._base += len(block)

    def finish(self, reason: str, *, closes: bool) -> Iterator[Cut]:
        """What is left at the end of the stream: nothing, where all is well."""
        names, state, end = self._names, self._state.tolist(), self._base
        kept = self._held.kept()
        if state[names.CLOSED]:
            if reason or kept.strip() not in {b"", b"}"}:
                rest = Gap(end, reason or "more bytes behind the end of the data")
                yield state[names.POSITION], rest, state[names.LINE]
            return
        if state[names.ITEM] >= 0:
            whole = not state[names.DEPTH] and len(kept) == self._held.length
            if not whole or (closes and not kept.rstrip().endswith((b"}", b"]"))):
                too_long = _TOO_LONG if len(kept) < self._held.length else "the file ends inside this record"
                yield state[names.ITEM], Gap(end, reason or too_long, kept), state[names.ITEM_LINE]
                return
            yield state[names.ITEM], kept.rstrip(), state[names.ITEM_LINE]
        if reason or closes:
            yield end, Gap(end, reason or "the file ends before its closing bracket"), state[names.LINE]

    def _spans(self, block: bytes) -> Iterator[NDArray[np.int64]]:
        """Start, end and line of the elements that end in the next block; each array is overwritten by the next."""
        names, state, end = self._names, self._state, self._base + len(block)
        array, words = as_words(block)
        while state[names.POSITION] < end and not state[names.CLOSED]:
            count = names.scan(array, words, self._base, self._closer, state, self._found)
            yield self._found[:count]
