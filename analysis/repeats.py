"""Words that come again, found in the kernel's word hashes: loops within a message, 4-grams that two messages share.

All compiled code lives in this one file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.words import WordHashes

COPIES: Final = 4
"""A loop stands at least so many times in a row."""
WORDS: Final = 20
"""A loop has at least so many words altogether."""
_GRAM: Final = 5
_SHARED: Final = 4


class Loops(NamedTuple):
    """The longest loop of each of k messages, counted in words; ``words`` is 0 where there is none.

    Attributes:
        first: shape (k,), word at which the loop begins.
        period: shape (k,), words of what is repeated.
        words: shape (k,), words of the loop, all copies together.
    """

    first: NDArray[np.int64]
    period: NDArray[np.int64]
    words: NDArray[np.int64]


def loops(found: WordHashes, messages: NDArray[np.int64]) -> Loops:
    """The longest loop of each message: a run of words that stands there ``COPIES`` times in a row or more."""
    out = np.zeros((len(messages), 3), np.int64)
    if len(messages):
        _loops(*found, messages, out)
    return Loops(*out.T)


def echoes(found: WordHashes, messages: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the 4-grams of each message that stand in another, 0 where it lacks the other's first. Shape (k,)."""
    out = np.zeros(len(messages))
    if len(messages):
        _echoes(*found, messages, others, out)
    return out


def character_runs(text: NDArray[np.uint8], offsets: NDArray[np.int64], messages: NDArray[np.int64]) -> list[int]:
    """Those messages that may hold one letter, ! or ? 20 times in a row.

    A run of characters of one, two or four bytes repeats itself every four bytes, and one of three bytes every three.
    """
    marked = np.zeros(len(messages), np.bool_)
    _runs(text, text[: len(text) & ~7].view(np.uint64), offsets, messages, _MAY_RUN, marked)
    return list(map(int, messages[marked]))


_MAY_RUN: Final = np.array([chr(byte).isalpha() or chr(byte) in "!?" or byte > 0x7F for byte in range(256)])


# --- compiled --------------------------------------------------------------------------------------------------------

_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")
_inline: Any = nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")

_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_SPREAD: Final = np.uint64(0xD6E8FEB86659FD93)
_FORTY_BITS: Final = (1 << 40) - 1


@_inline
def _gram(hashes, k, size):
    """Hash of the words from ``k`` on, never 0."""
    h = np.uint64(0)
    for i in range(size):
        h = (h ^ (h >> np.uint64(31))) * _BASE + hashes[k + i]
    return ((h ^ (h >> np.uint64(32))) * _SPREAD) | np.uint64(1)


@_inline
def _slot(keys, mask, key):
    """Slot in which a key stands, or the empty one in which it would."""
    at = (key >> np.uint64(20)) & mask
    while keys[at] != key and keys[at] != 0:
        at = (at + np.uint64(1)) & mask
    return at


@_inline
def _table(offsets, messages):
    """Power of two that is twice the words of the longest message, or more."""
    longest = 1
    for m in messages:
        longest = max(longest, offsets[m + 1] - offsets[m])
    size = 4
    while size < 2 * longest:
        size *= 2
    return size


@_jit
def _loops(hashes, offsets, messages, out):
    keys = np.empty(_table(offsets, messages), np.uint64)
    places = np.empty(len(keys), np.int64)
    for j in range(len(messages)):
        first, last = offsets[messages[j]], offsets[messages[j] + 1]
        size = 4
        while size < 2 * (last - first):
            size *= 2
        keys[:size] = 0
        mask = np.uint64(size - 1)
        distance, run = 0, 0
        for k in range(first, last - _GRAM + 1):
            key = _gram(hashes, k, _GRAM)
            slot = _slot(keys, mask, key)
            back = k - places[slot] if keys[slot] == key else 0
            keys[slot], places[slot] = key, k
            if distance > 0 and hashes[k + _GRAM - 1] == hashes[k + _GRAM - 1 - distance]:
                run += 1  # what is repeated may hold a passage twice itself: its last place is then nearer
            else:
                distance, run = back, 1
            words = run + _GRAM - 1 + distance
            if distance > 0 and words > out[j, 2] and words >= WORDS and words >= COPIES * distance:
                out[j, 0], out[j, 1], out[j, 2] = k - first - run + 1 - distance, distance, words


@_inline
def _holds(hashes, first, last, other):
    """Whether the 4-gram at ``other`` is one of those from ``first`` on."""
    for k in range(first, last):
        if (
            hashes[k] == hashes[other]
            and hashes[k + 1] == hashes[other + 1]
            and hashes[k + 2] == hashes[other + 2]
            and hashes[k + 3] == hashes[other + 3]
        ):
            return True
    return False


@_jit
def _echoes(hashes, offsets, messages, others, out):
    keys = np.empty(_table(offsets, others), np.uint64)
    for j in range(len(messages)):
        first, last = offsets[messages[j]], offsets[messages[j] + 1] - _SHARED + 1
        begin, end = offsets[others[j]], offsets[others[j] + 1] - _SHARED + 1
        if begin >= end or not _holds(hashes, first, last, begin):
            continue
        size = 4
        while size < 2 * (end - begin):
            size *= 2
        keys[:size] = 0
        mask = np.uint64(size - 1)
        for k in range(begin, end):
            key = _gram(hashes, k, _SHARED)
            keys[_slot(keys, mask, key)] = key
        found = 0
        for k in range(first, last):
            key = _gram(hashes, k, _SHARED)
            found += keys[_slot(keys, mask, key)] == key
        out[j] = found / (last - first)


@_jit
def _runs(text, text64, offsets, messages, may_run, marked):
    """20 characters hold eight bytes that begin at a multiple of eight; those that repeat themselves are looked at."""
    for j in range(len(messages)):
        first, last = offsets[messages[j]], offsets[messages[j] + 1]
        for q in range((first + 7) >> 3, last >> 3):
            w = text64[q]
            four, three = (
                np.uint32(w) == np.uint32(w >> np.uint64(32)),
                w >> np.uint64(24) == w & np.uint64(_FORTY_BITS),
            )
            if not (four or three) or not may_run[text[q << 3]]:
                continue
            step = 4 if four else 3
            begin, end = q << 3, (q << 3) + 8
            while begin > first and text[begin - 1] == text[begin - 1 + step]:
                begin -= 1
            while end < last and text[end] == text[end - step]:
                end += 1
            if end - begin >= (20 if four else 60):
                marked[j] = True
                break
