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
LOOPED_5GRAMS: Final = WORDS - WORDS // COPIES - 4
"""5-grams that stand earlier in a message, of a loop at least."""
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


def said_again(
    text: NDArray[np.uint8], offsets: NDArray[np.int64], messages: NDArray[np.int64], least: tuple[int, int]
) -> NDArray[np.int64]:
    """Words of sentences that stood before in their message, or more. Shape (k,).

    A sentence ends as in ``repetition``; only its letters and digits are compared. Every character beyond ASCII counts
    as a word.

    Args:
        text: bytes of a batch.
        offsets: of its messages.
        messages: those that are looked at.
        least: words and bytes of a sentence that counts.
    """
    out = np.zeros(len(messages), np.int64)
    if len(messages):
        _say(text, offsets, messages, *least, _LETTERS, out)
    return out


def character_runs(text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which messages may hold one letter, ! or ? 20 times in a row. Shape (m,).

    A run of characters of one, two or four bytes repeats itself every four bytes, and one of three bytes every three.
    """
    marked = np.zeros(len(offsets) - 1, np.bool_)
    _runs(text, text[: len(text) & ~7].view(np.uint64), offsets, _MAY_RUN, marked)
    return marked


_MAY_RUN: Final = np.array([chr(byte).isalpha() or chr(byte) in "!?" or byte > 0x7F for byte in range(256)])

_LETTERS: Final = np.array(
    [chr(byte).isalpha() + 2 * chr(byte).isdigit() + 8 * (chr(byte) in ".!?") for byte in range(128)] + [4] * 128,
    np.uint8,
)
"""1 for letters of ASCII, 2 for digits, 4 for what is beyond, 8 for marks that end sentences."""


# --- compiled --------------------------------------------------------------------------------------------------------

_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")
_inline: Any = nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")

_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_SPREAD: Final = np.uint64(0xD6E8FEB86659FD93)
_THIRD: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_FOURTH: Final = np.uint64(0x165667B19E3779F9)
_BLOCK: Final = 512


@_inline
def _gram(hashes, k, size):
    """Hash of the words from ``k`` on, never 0."""
    h = hashes[k] * _BASE + hashes[k + 1] * _SPREAD + hashes[k + 2] * _THIRD + hashes[k + 3] * _FOURTH
    if size == _GRAM:
        h += hashes[k + 4]
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
def _repeated(words):
    """Whether one of several words of eight bytes repeats itself; without a branch, so that many are done at once."""
    found = np.uint64(0)
    for j in range(len(words)):
        w = words[j]
        four, three = (w ^ (w >> np.uint64(32))) << np.uint64(32), (w ^ (w >> np.uint64(24))) << np.uint64(24)
        found |= ~(four | (~four + np.uint64(1))) | ~(three | (~three + np.uint64(1)))  # the high bit is that of a zero
    return found >> np.uint64(63) != 0


@_jit
def _runs(text, text64, offsets, may_run, marked):
    """20 characters hold eight bytes that begin at a multiple of eight; those that repeat themselves are looked at."""
    m = 0
    for block in range(0, len(text64), _BLOCK):
        if not _repeated(text64[block : block + _BLOCK]):
            continue
        for q in range(block, min(block + _BLOCK, len(text64))):
            w = text64[q]
            four = (w ^ (w >> np.uint64(32))) << np.uint64(32) == 0
            if not may_run[text[q << 3]] or not (four or (w ^ (w >> np.uint64(24))) << np.uint64(24) == 0):
                continue
            while offsets[m + 1] <= q << 3:
                m += 1
            if marked[m]:  # one run is enough, and a long one would be read again and again
                continue
            step = 4 if four else 3
            begin, end = q << 3, (q << 3) + 8
            while begin > offsets[m] and text[begin - 1] == text[begin - 1 + step]:
                begin -= 1
            while end < offsets[m + 1] and text[end] == text[end - step]:
                end += 1
            if end - begin >= (20 if four else 60):
                marked[m] = True


@_jit
def _say(text, offsets, messages, least_words, least_bytes, letters, out):
    keys = np.empty(_table(offsets, messages), np.uint64)
    for j in range(len(messages)):
        first, last = offsets[messages[j]], offsets[messages[j] + 1]
        size = 4
        while size * least_bytes < 2 * (last - first):
            size *= 2
        keys[:size] = 0
        mask = np.uint64(size - 1)
        h, words, start, joined = np.uint64(0), 0, first, False
        k = first
        while k < last:
            byte = text[k]
            kind = letters[byte]
            if kind == 1 or kind == 2:  # a letter, a digit
                words += kind == 1 and not joined
                joined = kind == 1
                h = (h ^ (h >> np.uint64(31))) * _BASE + np.uint64(byte)
                k += 1
                continue
            joined = False
            second = text[k + 1] if k + 1 < last else 0x0A
            third = text[k + 2] if k + 2 < last else 0
            ends, step = 0, 1  # 2: a sentence with a mark ends here; 1: a line or code ends
            if kind == 8:  # . ! ?
                quoted = second == 0xE2 and third == 0x80 and k + 3 < last and text[k + 3] == 0x9D  # ”
                ends = 2 * (second == 0x20 or second == 0x0A or second == 0x22 or quoted)
            elif byte == 0x0A or (byte == 0x60 and second == 0x60 and third == 0x60):  # a line break, ```
                ends = 1
            elif kind == 4:  # beyond ASCII
                stop = byte == 0xE3 and second == 0x80 and third == 0x82  # 。
                stop |= byte == 0xEF and second == 0xBC and (third == 0x81 or third == 0x9F)  # ！ ？
                if stop:
                    ends, step = 2, 3
                elif byte == 0xE2:  # quotation marks and bullets, which may stand before a sentence
                    words, step = words + 1, 3
                else:
                    words += byte >= 0xC0
                    h = (h ^ (h >> np.uint64(31))) * _BASE + np.uint64(byte)
            if ends == 2 and words >= least_words and k - start >= least_bytes:
                key = ((h ^ (h >> np.uint64(32))) * _SPREAD) | np.uint64(1)
                slot = (key >> np.uint64(20)) & mask
                while keys[slot] != key and keys[slot] != 0:
                    slot = (slot + np.uint64(1)) & mask
                out[j] += words * (keys[slot] == key)
                keys[slot] = key
            k += step
            if ends:
                h, words, start = np.uint64(0), 0, k
