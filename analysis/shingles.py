"""Shingles: the word 5-grams of a text, as a sketch that is small and as the exact set, by compiled code.

A shingle never crosses a message. The **sketch** is one-permutation hashing (Li, Owen & Zhang 2012): a shingle's hash
falls into one of 128 bins, and each bin keeps the smallest; the share of equal bins of two texts estimates the Jaccard
similarity of their sets. ``shingles`` is the definition and the oracle. All compiled code that hashes a shingle lives
in this one file: numba's cache does not notice a changed callee in another file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba as nb
import numpy as np

from ultraqa.dialogues.batch import USER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.words import WordHashes
    from ultraqa.dialogues.batch import Batch

SHINGLE: Final = 5
"""Words of a shingle."""
BINS: Final = 128
"""Values of a sketch."""
SHORT: Final = 25
"""Texts of fewer words have too few shingles for one changed word to leave them similar: they have their own rule."""
EMPTY: Final = 0xFFFF
"""What stands in a bin that no shingle fell into."""


def shingles(words: Sequence[str]) -> list[str]:
    """Word 5-grams of one message, each as its words joined by a blank, in order."""
    return [" ".join(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1)]


class Bounds(NamedTuple):
    """The u texts of a batch that are compared, as messages ``first[i]`` to ``last[i]`` (one past it), shape (u,)."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]


def dialogues(batch: Batch) -> Bounds:
    """Every dialogue as one text."""
    return Bounds(batch.dialogue_offsets[:-1], batch.dialogue_offsets[1:])


def prompts(batch: Batch) -> Bounds:
    """The first user message of every dialogue, nothing where it has none."""
    users = np.flatnonzero(batch.roles == USER)[::-1]
    owner = np.searchsorted(batch.dialogue_offsets, users, side="right") - 1
    first, last = np.zeros((2, len(batch)), np.int64)
    first[owner], last[owner] = users, users + 1
    return Bounds(first, last)


def messages(batch: Batch) -> Bounds:
    """Every message as a text of its own."""
    numbers = np.arange(len(batch.roles) + 1)
    return Bounds(numbers[:-1], numbers[1:])


SCOPES: Final = {"dialogue": dialogues, "prompt": prompts}
"""The texts whose sketches are made while the data is read."""
SUFFIXES: Final = {"dialogue": "", "prompt": "_prompt", "assistant": "_assistant", "message": "_message"}
"""What is added to the name of a column of each scope."""


class Template:
    """Shingles that so many dialogues share that they say nothing about any two of them: stripped before comparison.

    Attributes:
        hashes: shape (k,), ascending.
    """

    def __init__(self, hashes: NDArray[np.uint64]) -> None:
        self.hashes = np.sort(hashes)
        self.marks = np.zeros(1 << 16, np.bool_)
        self.marks[self.hashes >> np.uint64(48)] = True

    def __len__(self) -> int:
        """Number of shingles."""
        return len(self.hashes)


NO_TEMPLATE: Final = Template(np.empty(0, np.uint64))


def bins(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """The bin of a sketch that each shingle falls into, and its value there."""
    found, values = np.empty(len(hashes), np.int64), np.empty(len(hashes), np.uint16)
    _places(hashes, found, values)
    return found, values


class Sketches(NamedTuple):
    """What is kept of u texts to find near-duplicates.

    Attributes:
        plain: shape (u,), of a text under 25 words (or without a shingle) the hash of its words, digits and symbols, 0
            of any other and of texts without a word.
        sketched: shape (k,), the texts of 25 words or more that have a shingle.
        values: shape (k, 128), the smallest hash in each bin, EMPTY where there is none.
        counts: shape (k,), shingles that are not template, repeated ones as often as they stand there.
    """

    plain: NDArray[np.uint64]
    sketched: NDArray[np.int64]
    values: NDArray[np.uint16]
    counts: NDArray[np.int64]


def sketch(batch: Batch, words: WordHashes, bounds: Bounds, template: Template = NO_TEMPLATE) -> Sketches:
    """Sketches of the texts of a batch, without the shingles of a template."""
    counts = words.offsets[bounds.last] - words.offsets[bounds.first]
    room = np.concatenate([[0], np.cumsum(np.maximum(np.diff(words.offsets) - (SHINGLE - 1), 0))])
    short = (counts < SHORT) | (room[bounds.last] == room[bounds.first])
    plain = np.zeros(len(counts), np.uint64)
    chosen = np.flatnonzero(short & (counts > 0))
    plain[chosen] = plain_hashes(batch, words, Bounds(bounds.first[chosen], bounds.last[chosen]))
    sketched = np.flatnonzero(~short)
    values = np.full((len(sketched), BINS), EMPTY, np.uint16)
    left = np.empty(len(sketched), np.int64)
    _sketch(*words, bounds.first[sketched], bounds.last[sketched], template.hashes, template.marks, values, left)
    return Sketches(plain, sketched, values, left)


def plain_hashes(batch: Batch, words: WordHashes, bounds: Bounds) -> NDArray[np.uint64]:
    """Hashes of texts by their roles, words, digits and symbols: equal but for case, blanks and punctuation."""
    found: NDArray[np.uint64] = _plain(batch.text, batch.message_offsets, batch.roles, words, bounds)
    return found


class Sets(NamedTuple):
    """Shingles of u texts: text i has ``hashes[offsets[i]:offsets[i + 1]]``."""

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]


def occurrences(words: WordHashes, bounds: Bounds) -> Sets:
    """The shingles of each text in the order of the text, repeated ones as often as they stand there."""
    room = int((words.offsets[bounds.last] - words.offsets[bounds.first]).sum())
    hashes, offsets = np.empty(room, np.uint64), np.zeros(len(bounds.first) + 1, np.int64)
    _fill(*words, *bounds, hashes, offsets)
    return Sets(hashes[: offsets[-1]], offsets)


def shingle_sets(words: WordHashes, bounds: Bounds) -> Sets:
    """The distinct shingles of each text, ascending."""
    hashes, offsets = occurrences(words, bounds)
    _distinct(hashes, offsets)
    return Sets(hashes[: offsets[-1]].copy(), offsets)


def members(hashes: NDArray[np.uint64], template: Template) -> NDArray[np.bool_]:
    """Which shingles belong to a template."""
    found = np.zeros(len(hashes), np.bool_)
    _members(hashes, template.hashes, template.marks, found)
    return found


class Similarity(NamedTuple):
    """How similar the texts of p pairs are, each of shape (p,), 0 to 1.

    Attributes:
        jaccard: shingles that both have, of those that one has, without the template's.
        containment: shingles that both have, of those of the smaller set, without the template's.
        unstripped: ``jaccard`` with the template's.
    """

    jaccard: NDArray[np.float64]
    containment: NDArray[np.float64]
    unstripped: NDArray[np.float64]


def similarity(sets: Sets, pairs: NDArray[np.int64], template: Template = NO_TEMPLATE) -> Similarity:
    """Similarity of pairs of texts (shape (p, 2)) by their sets; 0 where one has no shingle that counts."""
    found = np.zeros((len(pairs), 3))
    _compare(*sets, ~members(sets.hashes, template), pairs, found)
    return Similarity(*found.T)


# --- compiled --------------------------------------------------------------------------------------------------------

_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")
_inline: Any = nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")

_K1 = np.uint64(0x9E3779B97F4A7C15)
_K2 = np.uint64(0xC2B2AE3D27D4EB4F)
_K4 = np.uint64(0xD6E8FEB86659FD93)

# ASCII that tells short texts apart beside their words: digits, and every mark but blanks and . , ; : ! ? ' " ( ) -
_TELLING = bytes(c for c in range(33, 127) if not chr(c).isalpha() and chr(c) not in ".,;:!?'\"()-")
_LOW = np.uint64(sum(1 << c for c in _TELLING if c < 64))
_HIGH = np.uint64(sum(1 << (c - 64) for c in _TELLING if c >= 64))


@_inline
def _mix(h):
    h ^= h >> np.uint64(32)
    h *= _K4
    h ^= h >> np.uint64(29)
    h *= _K1
    return h ^ (h >> np.uint64(32))


@_inline
def _turned(h, bits):
    return (h << np.uint64(bits)) | (h >> np.uint64(64 - bits))


@_inline
def _shingle(hashes, k):
    """Hash of the shingle that begins at word ``k``."""
    left = hashes[k] + _turned(hashes[k + 1], 13) + _turned(hashes[k + 2], 26)
    return _mix(left + _turned(hashes[k + 3], 39) + _turned(hashes[k + 4], 52))


@_inline
def _is_member(h, ascending, marks):
    if not marks[h >> np.uint64(48)]:
        return False
    at = np.searchsorted(ascending, h)
    return at < len(ascending) and ascending[at] == h


@_inline
def _place(h):
    """Bin of a hash and its value there."""
    value = min((h >> np.uint64(41)) & np.uint64(0xFFFF), np.uint64(EMPTY - 1))
    return np.int64(h >> np.uint64(57)), np.uint16(value)


@_jit
def _places(hashes, bins, values):
    for k in range(len(hashes)):
        bins[k], values[k] = _place(hashes[k])


@_jit
def _sketch(hashes, offsets, first, last, template, marks, values, counts):
    for u in range(len(first)):
        out, counts[u] = values[u], 0
        for message in range(first[u], last[u]):
            begin, end = offsets[message], offsets[message + 1] - 4
            if len(template) == 0:  # without a branch
                counts[u] += max(end - begin, 0)
                for k in range(begin, end):
                    slot, value = _place(_shingle(hashes, k))
                    out[slot] = min(out[slot], value)
            else:
                for k in range(begin, end):
                    h = _shingle(hashes, k)
                    if not _is_member(h, template, marks):
                        slot, value = _place(h)
                        out[slot] = min(out[slot], value)
                        counts[u] += 1


@_jit
def _plain(text, message_offsets, roles, words, bounds):
    """Hashes of texts: of their roles, their words, and the marks that tell them apart."""
    hashes, offsets, first, last = words.hashes, words.offsets, bounds.first, bounds.last
    out = np.empty(len(first), np.uint64)
    for u in range(len(first)):
        h = np.uint64(last[u] - first[u])
        for message in range(first[u], last[u]):
            h = _mix(h ^ (np.uint64(roles[message]) + _K2))
            for k in range(offsets[message], offsets[message + 1]):
                h = _mix(h ^ hashes[k])
            before = False  # whether the byte before is a digit: 1 2 is not 12
            for i in range(message_offsets[message], message_offsets[message + 1]):
                c = np.uint64(text[i])
                digit = np.uint64(0x30) <= c <= np.uint64(0x39)
                mask = _LOW if c < np.uint64(64) else _HIGH
                if c >= np.uint64(128) or (mask >> (c & np.uint64(63))) & np.uint64(1):
                    h = _mix(h ^ (c + np.uint64(256) * np.uint64(before and digit)))
                before = digit
        out[u] = h | np.uint64(1)
    return out


@_jit
def _fill(hashes, offsets, first, last, out, ends):
    at = 0
    for u in range(len(first)):
        for message in range(first[u], last[u]):
            for k in range(offsets[message], offsets[message + 1] - 4):
                out[at] = _shingle(hashes, k)
                at += 1
        ends[u + 1] = at


@_jit
def _distinct(hashes, offsets):
    """Sort each text's shingles and drop repeated ones, in place.

    Hashes are spread evenly: as many buckets as shingles, by their first bits, leave next to nothing to sort.
    """
    longest = 1
    for u in range(len(offsets) - 1):
        longest = max(longest, offsets[u + 1] - offsets[u])
    spread, counts = np.empty(longest, np.uint64), np.empty(2 * longest + 1, np.int64)
    kept, begin = 0, 0
    for u in range(len(offsets) - 1):
        end = offsets[u + 1]
        n, bits = end - begin, 0
        while 1 << bits < n:
            bits += 1
        shift = np.uint64(64 - bits)
        counts[: (1 << bits) + 1] = 0
        for k in range(begin, end):
            counts[np.int64(hashes[k] >> shift if bits else 0) + 1] += 1
        for b in range(1 << bits):
            counts[b + 1] += counts[b]
        for k in range(begin, end):
            b = np.int64(hashes[k] >> shift if bits else 0)
            spread[counts[b]] = hashes[k]
            counts[b] += 1
        for k in range(1, n):
            h, at = spread[k], k
            while at > 0 and spread[at - 1] > h:
                spread[at] = spread[at - 1]
                at -= 1
            spread[at] = h
        for k in range(n):
            if k == 0 or spread[k] != hashes[kept - 1]:
                hashes[kept] = spread[k]
                kept += 1
        begin = end
        offsets[u + 1] = kept


@_jit
def _members(hashes, ascending, marks, out):
    for k in range(len(hashes)):
        out[k] = _is_member(hashes[k], ascending, marks)


@_jit
def _compare(hashes, offsets, counting, pairs, out):
    """Jaccard similarity and containment of the shingles that count, and Jaccard similarity of all."""
    counts = np.zeros(len(offsets) - 1, np.int64)
    for u in range(len(counts)):
        for k in range(offsets[u], offsets[u + 1]):
            counts[u] += counting[k]
    for p in range(len(pairs)):
        left, right = pairs[p, 0], pairs[p, 1]
        i, i_end = offsets[left], offsets[left + 1]
        j, j_end = offsets[right], offsets[right + 1]
        both, shared, kept = i_end - i + j_end - j, 0, 0
        while i < i_end and j < j_end:  # without a branch on what is compared
            a, b = hashes[i], hashes[j]
            shared += a == b
            kept += (a == b) & counting[i]
            i += a <= b
            j += b <= a
        if min(counts[left], counts[right]) > 0:
            out[p, 0] = kept / (counts[left] + counts[right] - kept)
            out[p, 1] = kept / min(counts[left], counts[right])
        out[p, 2] = shared / (both - shared) if both > 0 else 0.0
