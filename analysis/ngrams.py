"""Word 8-grams of some texts, the items, found in others: an index, one walk over hashes of words, and what is covered.

An 8-gram never crosses a message. Its hash is that of a polynomial in the 64-bit hashes of its words, so a walk updates
it by one word at a time.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ultraqa.analysis.words import WordHashes

GRAM: Final = 8
"""Words of an n-gram (PaLM, FLAN and Tülu 3 count 8-grams)."""
_TOGETHER: Final = 1 << 18  # hits that are expanded at a time
_ROOM: Final = 1 << 12  # hits of a batch that are expected


class Index(NamedTuple):
    """The 8-grams of items, whose words are counted through all items.

    Attributes:
        offsets: shape (items + 1,), first word of each item.
        grams: shape (g,), hash of each distinct 8-gram, ascending.
        bounds: shape (g + 1,), into ``places``.
        places: the words at which an 8-gram begins, ascending for each.
        marks: a bit for each hash that may be an 8-gram's, few enough to stay in the processor's cache.
        slots: hash table of numbers of 8-grams, -1 where there is none.
    """

    offsets: NDArray[np.int64]
    grams: NDArray[np.uint64]
    bounds: NDArray[np.int64]
    places: NDArray[np.int64]
    marks: NDArray[np.uint64]
    slots: NDArray[np.int32]

    def items(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The items in which words stand."""
        found: NDArray[np.int64] = np.searchsorted(self.offsets, places, side="right") - 1
        return found

    def covered(self, grams: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The words of items that some of the 8-grams (a mask of shape (g,)) cover, shape (words,)."""
        found = np.zeros(int(self.offsets[-1]), np.bool_)
        for k in range(GRAM):
            found[self.places[np.repeat(grams, np.diff(self.bounds))] + k] = True
        return found


class Hits(NamedTuple):
    """Where 8-grams of items stand: message, word of the message at which it begins, and number of the 8-gram."""

    message: NDArray[np.int64]
    word: NDArray[np.int64]
    gram: NDArray[np.int64]

    def chosen(self, which: NDArray[np.bool_]) -> Hits:
        """Some of them."""
        return Hits._make(column[which] for column in self)


class Runs(NamedTuple):
    """Stretches of consecutive words that a message and an item share, each as long as it goes.

    Attributes:
        pair: number of the pair of a message and an item, ascending.
        word: first word in the message.
        place: first word in the item, counted within it.
        words: length.
    """

    pair: NDArray[np.int64]
    word: NDArray[np.int64]
    place: NDArray[np.int64]
    words: NDArray[np.int64]


class Overlaps(NamedTuple):
    """Pairs of a message and an item that share an 8-gram, by message, then item.

    Attributes:
        message: shape (p,).
        item: shape (p,).
        covered: shape (p,), counted words of the item that lie in an 8-gram of the message.
        longest: shape (p,), words of the longest run.
        runs: all runs.
    """

    message: NDArray[np.int64]
    item: NDArray[np.int64]
    covered: NDArray[np.int64]
    longest: NDArray[np.int64]
    runs: Runs


def index(words: WordHashes) -> Index:
    """The index of items by the hashes of their words."""
    hashes = np.zeros(len(words.hashes), np.uint64)
    _begin(words.hashes, words.offsets, hashes)
    numbers = np.arange(len(hashes))
    begins = np.flatnonzero(words.offsets[np.searchsorted(words.offsets, numbers, side="right")] - numbers >= GRAM)
    grams, inverse, counts = np.unique(hashes[begins], return_inverse=True, return_counts=True)
    marks = np.zeros(1 << max(6, (len(grams) // 8).bit_length()), np.uint64)  # 8 bits or more for each
    slots = np.full(1 << (2 * len(grams)).bit_length(), -1, np.int32)
    _enter(grams, marks, slots)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    return Index(words.offsets, grams, bounds, begins[np.argsort(inverse, kind="stable")], marks, slots)


def find(words: WordHashes, known: Index) -> tuple[Hits, NDArray[np.uint64]]:
    """The 8-grams of items in m messages, and for each message a hash of all its words, shape (m,)."""
    wholes, room = np.empty(len(words.offsets) - 1, np.uint64), _ROOM
    while True:
        found = np.empty((3, room), np.int64)
        n = _find(words.hashes, words.offsets, known.grams, known.marks, known.slots, found, wholes)
        if n <= room:
            return Hits(*(row[:n].copy() for row in found)), wholes
        room = n


def overlaps(known: Index, hits: Hits, total: NDArray[np.int64]) -> Iterator[Overlaps]:
    """What messages share with items, some messages at a time.

    Args:
        known: the items.
        hits: in order of message; those of a message are not torn apart.
        total: words that count before each word of the items, shape (words + 1,).
    """
    ends = np.flatnonzero(np.diff(hits.message, append=-1)) + 1
    sizes = np.cumsum(np.diff(known.bounds)[hits.gram])[ends - 1]
    cuts = np.searchsorted(sizes, np.arange(_TOGETHER, sizes[-1] if len(sizes) else 0, _TOGETHER))
    bounds = np.unique(np.concatenate([[0], ends[cuts], [len(hits.gram)]]))
    for a, b in pairwise(bounds.tolist()):
        yield _overlaps(known, Hits(*(column[a:b] for column in hits)), total)


def _overlaps(known: Index, hits: Hits, total: NDArray[np.int64]) -> Overlaps:
    """Overlaps of the hits of some messages."""
    sizes = np.diff(known.bounds)[hits.gram]
    firsts = np.repeat(known.bounds[hits.gram] - np.cumsum(sizes) + sizes, sizes)
    place = known.places[firsts + np.arange(len(firsts))]
    message, word, item = np.repeat(hits.message, sizes), np.repeat(hits.word, sizes), known.items(place)
    order = np.lexsort((place, message))
    covered = _covered(message[order], item[order], place[order], total)
    order = np.lexsort((place, word - place, item, message))
    message, word, item, place = message[order], word[order], item[order], place[order]
    fresh = np.append(True, (np.diff(message) != 0) | (np.diff(item) != 0))[: len(message)]
    begins = np.flatnonzero(fresh | np.append(True, (np.diff(word) != 1) | (np.diff(place) != 1))[: len(fresh)])
    pair = np.cumsum(fresh)[begins] - 1
    words = np.diff(begins, append=len(fresh)) + GRAM - 1
    longest = np.maximum.reduceat(words, np.flatnonzero(np.diff(pair, prepend=-1))) if len(pair) else words
    runs = Runs(pair, word[begins], place[begins] - known.offsets[item[begins]], words)
    return Overlaps(message[fresh], item[fresh], covered, longest, runs)


def _covered(
    message: NDArray[np.int64], item: NDArray[np.int64], place: NDArray[np.int64], total: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Words that count in the 8-grams of each pair of a message and an item; an 8-gram reaches to the next at most."""
    fresh = np.append(True, (np.diff(message) != 0) | (np.diff(item) != 0))[: len(message)]
    last = np.append(fresh[1:], True)[: len(fresh)]
    reach = np.where(last, GRAM, np.minimum(GRAM, np.diff(place, append=0)))
    found: NDArray[np.int64] = np.add.reduceat(total[place + reach] - total[place], np.flatnonzero(fresh))
    return found


# --- compiled --------------------------------------------------------------------------------------------------------

_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")
_inline: Any = nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")

_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_OUT: Final = np.uint64(pow(0x9E3779B97F4A7C15, GRAM, 1 << 64))  # what the word that leaves was multiplied with
_SPREAD: Final = np.uint64(0xD6E8FEB86659FD93)


@_inline
def _mixed(h):
    return (h ^ (h >> np.uint64(32))) * _SPREAD


@_inline
def _bit(mixed, size):
    """Word of the bitmap (a power of two of them) and bit of it."""
    return (mixed >> np.uint64(32)) & np.uint64(size - 1), np.uint64(1) << (mixed >> np.uint64(58))


@_inline
def _place(h, mixed, grams, slots):
    """Slot in which a hash stands, or the empty one in which it would."""
    at = mixed & np.uint64(len(slots) - 1)
    while slots[at] >= 0 and grams[slots[at]] != h:
        at = (at + np.uint64(1)) & np.uint64(len(slots) - 1)
    return at


@_jit
def _enter(grams, marks, slots):
    for k in range(len(grams)):
        mixed = _mixed(grams[k])
        at, bit = _bit(mixed, len(marks))
        marks[at] |= bit
        slots[_place(grams[k], mixed, grams, slots)] = k


@_jit
def _begin(hashes, offsets, out):
    """Hash of the 8-gram that begins at each word; of the last seven words of a text it means nothing."""
    for i in range(len(offsets) - 1):
        first, h = offsets[i], np.uint64(0)
        for k in range(first, offsets[i + 1]):
            h = h * _BASE + hashes[k]
            if k - first >= GRAM:
                h -= hashes[k - GRAM] * _OUT
            if k - first >= GRAM - 1:
                out[k - GRAM + 1] = h


@_jit
def _find(hashes, offsets, grams, marks, slots, found, wholes):
    """Fill ``found`` as far as it goes and ``wholes``; the number of hits."""
    n = 0
    for i in range(len(offsets) - 1):
        first, end = offsets[i], offsets[i + 1]
        h, whole = np.uint64(0), np.uint64(1)
        for k in range(first, end):
            h = h * _BASE + hashes[k]
            whole = whole * _BASE + hashes[k]
            if k - first >= GRAM:
                h -= hashes[k - GRAM] * _OUT
            if k - first < GRAM - 1:
                continue
            mixed = _mixed(h)
            at, bit = _bit(mixed, len(marks))
            if marks[at] & bit:
                gram = slots[_place(h, mixed, grams, slots)]
                if gram >= 0:
                    if n < found.shape[1]:
                        found[0, n], found[1, n], found[2, n] = i, k - first - GRAM + 1, gram
                    n += 1
        wholes[i] = whole
    return n
