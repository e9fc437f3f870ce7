"""Occurrences: where n-grams stand among texts that may change sides, and what each side then counts of them.

N-grams that stand once in all texts are once on whichever side their text is; only the others are listed. A row of
``sides`` holds the side of one text under every permutation, so a kernel adds rows, many permutations at a time.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Occurrences(NamedTuple):
    """The n-grams of some texts.

    Attributes:
        total: shape (texts,), n-grams of each text.
        once: shape (texts,), those that stand nowhere else, and once there.
        offsets: shape (g + 1,), into ``texts``, for each n-gram that stands twice or more.
        texts: the texts in which these stand, ascending for each, as often as they stand there.
    """

    total: NDArray[np.int64]
    once: NDArray[np.int64]
    offsets: NDArray[np.int64]
    texts: NDArray[np.int32]


class Counts(NamedTuple):
    """N-grams of both sides under p permutations, each of shape (p, 2): all, different ones, those that stand once."""

    total: NDArray[np.int64]
    types: NDArray[np.int64]
    once: NDArray[np.int64]


def occurrences(grams: NDArray[np.int32], owners: NDArray[np.int32], texts: int) -> Occurrences:
    """The occurrences of n-grams.

    Args:
        grams: shape (words,), dense id of the n-gram that starts at each word, -1 for none.
        owners: shape (words,), text of each word, ascending.
        texts: number of texts.
    """
    grams, owners = grams[grams >= 0], owners[grams >= 0]
    counts = np.bincount(grams)
    often = counts > 1
    offsets = np.concatenate([[0], np.cumsum(counts[often])])
    places = np.where(often, np.cumsum(often) - 1, -1)
    total = np.bincount(owners, minlength=texts)
    single = np.bincount(owners[~often[grams]], minlength=texts)
    listed = np.empty(int(offsets[-1]), np.int32)
    _list(grams, owners, places, offsets[:-1].copy(), listed)
    return Occurrences(total, single, offsets, listed)


def counts(found: Occurrences, sides: NDArray[np.uint8], workers: int = 1) -> Counts:
    """What each side counts.

    Args:
        found: n-grams of the texts.
        sides: shape (texts, p), side of each text (0 or 1) under each permutation.
        workers: threads.
    """
    bounds = np.linspace(0, len(found.offsets) - 1, workers + 1).astype(np.int64)
    with ThreadPoolExecutor(workers) as pool:
        parts = pool.map(lambda a, b: _count(found.offsets[a : b + 1], found.texts, sides), bounds[:-1], bounds[1:])
        listed = sum(parts, np.zeros((2, sides.shape[1], 2), np.int64))
    total, once = _sums(found.total, sides), _sums(found.once, sides)
    return Counts(total, once + listed[0], once + listed[1])


def sharing(found: Occurrences, sides: NDArray[np.uint8]) -> NDArray[np.int32]:
    """For each text, the number of other texts of its side that hold each of its different n-grams, summed.

    Returns:
        Shape (texts, p).
    """
    return _share(found.offsets, found.texts, sides)  # type: ignore[no-any-return]


def _sums(values: NDArray[np.int64], sides: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Sums of values of texts by side, shape (p, 2)."""
    second = values.astype(np.float64) @ sides  # whole numbers far below 2⁵³
    return np.stack([values.sum() - second, second], axis=1).astype(np.int64)


# --- compiled --------------------------------------------------------------------------------------------------------

_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def _list(grams, owners, places, ends, listed):
    for k in range(len(grams)):
        place = places[grams[k]]
        if place >= 0:
            listed[ends[place]] = owners[k]
            ends[place] += 1


@_jit
def _count(offsets, texts, sides):
    """Different n-grams, and those that stand once, of each side under each permutation: shape (2, p, 2)."""
    permutations = sides.shape[1]
    found = np.zeros((2, permutations, 2), np.int64)
    types0, types1 = np.zeros(permutations, np.int32), np.zeros(permutations, np.int32)
    once0, once1 = np.zeros(permutations, np.int32), np.zeros(permutations, np.int32)
    second = np.zeros(permutations, np.int32)
    for gram in range(len(offsets) - 1):
        first, last = offsets[gram], offsets[gram + 1]
        second[:] = 0
        for k in range(first, last):
            row = sides[texts[k]]
            for p in range(permutations):
                second[p] += row[p]
        size = np.int32(last - first)
        for p in range(permutations):
            types0[p] += second[p] < size
            types1[p] += second[p] > 0
            once0[p] += second[p] == size - 1
            once1[p] += second[p] == 1
    found[0, :, 0], found[0, :, 1] = types0, types1
    found[1, :, 0], found[1, :, 1] = once0, once1
    return found


@_jit
def _share(offsets, texts, sides):
    permutations = sides.shape[1]
    sums = np.zeros(sides.shape, np.int32)
    second = np.zeros(permutations, np.int32)
    for gram in range(len(offsets) - 1):
        first, last = offsets[gram], offsets[gram + 1]
        second[:] = 0
        holders = np.int32(0)
        for k in range(first, last):
            if k == first or texts[k] != texts[k - 1]:
                holders += 1
                row = sides[texts[k]]
                for p in range(permutations):
                    second[p] += row[p]
        if holders < 2:
            continue
        for k in range(first, last):
            if k == first or texts[k] != texts[k - 1]:
                row, out = sides[texts[k]], sums[texts[k]]
                for p in range(permutations):
                    out[p] += second[p] - 1 if row[p] else holders - second[p] - 1
    return sums
