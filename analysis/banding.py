"""Candidates: pairs of texts whose sketches share a band, found by sorting, with bounds on large groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba as nb
import numpy as np

from ultraqa.analysis.shingles import BINS, EMPTY

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS: Final = 4
"""Bins of a band. 32 bands of 4 let 99.98 % of pairs of similarity .7 through (1 - (1 - .7⁴)³²), fewer and longer ones
lose more; ``benchmarks/duplicates.py`` measures what is found."""
ESTIMATE: Final = 0.45
"""Least share of equal bins of a candidate, 5 standard deviations below .7 for 128 bins: spares reading its text."""
EXHAUSTIVE: Final = 300
"""Up to so many texts every pair is a candidate."""
NEAR: Final = 8
"""In a larger group of equal bands each text is paired with as many of its first and before it."""

_HELD_PAIRS: Final = 1 << 24


def densify(values: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Fill empty bins from others chosen by hash (Shrivastava 2017), in place; which sketches have any shingle.

    Equal sets stay equal, and the share of equal bins stays an unbiased estimate of the Jaccard similarity. A sketch
    without a shingle becomes noise, which is like no other.
    """
    filled = np.zeros(len(values), np.bool_)
    _densify(values, filled)
    return filled


def candidates(values: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Pairs of texts that may be similar (shape (p, 2), each ascending, sorted), from densified sketches (u, 128).

    Of a group of texts that share a band not every pair is one, so that their number is linear in the texts.
    """
    n = len(values)
    if n <= EXHAUSTIVE:
        return np.argwhere(np.triu(np.ones((n, n), np.bool_), 1))
    bits = np.uint64(n.bit_length())
    bands = values.view(np.uint64)  # a band of four bins of 16 bits is one number
    parts: list[NDArray[np.uint64]] = []
    for band in range(BINS // ROWS):
        keys = _spread(bands[:, band]) >> bits << bits | np.arange(n, dtype=np.uint64)
        keys.sort()
        parts.append(_pairs(keys, bits, values))
        if sum(map(len, parts)) > _HELD_PAIRS:
            parts = [np.unique(np.concatenate(parts))]
    found = np.unique(np.concatenate(parts))
    return np.stack([found >> np.uint64(32), found & np.uint64(0xFFFFFFFF)], axis=1).astype(np.int64)


def connected(pairs: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The smallest text that each of ``size`` texts is connected with by pairs, itself where it stands in none."""
    group = np.arange(size)
    _join(pairs, group)
    return group


class Kept(NamedTuple):
    """Which of u texts are kept: ``kept[i]`` is the one that i duplicates, or i; ``similarity`` to it, 1 of itself."""

    kept: NDArray[np.int64]
    similarity: NDArray[np.float64]


def keep(pairs: NDArray[np.int64], similarity: NDArray[np.float64], rank: NDArray[np.int64]) -> Kept:
    """Keep texts in order of rank; one that is similar to a kept one duplicates the most similar (ties: lowest rank).

    Nothing is a duplicate of a duplicate, so whatever is dropped is similar to what is kept in its place.

    Args:
        pairs: shape (p, 2), similar texts.
        similarity: shape (p,).
        rank: shape (u,), who is kept rather; no two are equal.
    """
    swapped = rank[pairs[:, 0]] > rank[pairs[:, 1]]
    earlier = np.where(swapped, pairs[:, 1], pairs[:, 0])
    later = np.where(swapped, pairs[:, 0], pairs[:, 1])
    order = np.lexsort((rank[earlier], rank[later]))
    kept, best = np.arange(len(rank)), np.zeros(len(rank))
    _lead(later[order], earlier[order], similarity[order], kept, best)
    return Kept(kept, np.where(kept == np.arange(len(rank)), 1.0, best))


def _spread(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    keys = keys * np.uint64(0x9E3779B97F4A7C15)
    return (keys ^ keys >> np.uint64(29)) * np.uint64(0xC2B2AE3D27D4EB4F)


def _pairs(keys: NDArray[np.uint64], bits: np.uint64, values: NDArray[np.uint16]) -> NDArray[np.uint64]:
    room = 1 << 16
    while True:
        out = np.empty(room, np.uint64)
        n = _linked(keys, bits, values, out)
        if n <= room:
            return out[:n]
        room = n


# --- compiled --------------------------------------------------------------------------------------------------------

_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")
_inline: Any = nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")


@_jit
def _densify(values, filled):
    for u in range(len(values)):
        row = values[u]
        full = 0
        for b in range(BINS):
            full += row[b] != EMPTY
        filled[u] = full > 0
        if full == 0:
            for b in range(BINS):
                h = (np.uint64(u) * np.uint64(BINS) + np.uint64(b + 1)) * np.uint64(0x9E3779B97F4A7C15)
                row[b] = np.uint16(h >> np.uint64(48))
        if full == 0 or full == BINS:
            continue
        source = row.copy()
        for b in range(BINS):
            h = np.uint64(b + 1)
            while row[b] == EMPTY:  # every bin asks the others in an order of its own, the same in all sketches
                h = h * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                row[b] = source[np.int64(h >> np.uint64(57))]


@_inline
def _similar(values, a, b):
    """Whether enough bins of two sketches are equal."""
    equal = 0
    for k in range(BINS):
        equal += values[a, k] == values[b, k]
    return equal >= ESTIMATE * BINS


@_jit
def _linked(keys, bits, values, out):
    """Similar pairs within groups of equal keys, as many as there is room for; how many there are."""
    n, begin = 0, 0
    mask = (np.uint64(1) << bits) - np.uint64(1)
    for end in range(1, len(keys) + 1):
        if end < len(keys) and keys[end] >> bits == keys[begin] >> bits:
            continue
        for j in range(begin + 1, end):
            b = keys[j] & mask
            for i in range(begin, j):
                if begin + NEAR <= i < j - NEAR:
                    continue
                a = keys[i] & mask
                if _similar(values, a, b):
                    if n < len(out):
                        out[n] = a << np.uint64(32) | b
                    n += 1
        begin = end
    return n


@_jit
def _join(pairs, group):
    """Smallest text of each text's group of connected pairs, by union-find."""
    for p in range(len(pairs)):
        a, b = pairs[p, 0], pairs[p, 1]
        while group[a] != a:
            group[a] = group[group[a]]
            a = group[a]
        while group[b] != b:
            group[b] = group[group[b]]
            b = group[b]
        group[max(a, b)] = min(a, b)
    for u in range(len(group)):
        group[u] = group[group[u]]


@_jit
def _lead(later, earlier, similarity, kept, best):
    for e in range(len(later)):
        a, b = earlier[e], later[e]
        if kept[a] == a and similarity[e] > best[b]:
            kept[b], best[b] = a, similarity[e]
