"""Lexical probes: what two matched sides count of words and n-grams, under every exchange of their texts.

Each is a statistic of one side's text, as ``diversity`` defines it, at the words that both sides have.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.diversity import compression_ratio, ngrams, words_joined
from ultraqa.analysis.occurrences import counts, occurrences, sharing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.matching import Matched

COMPRESSED_WORDS: Final = 100_000
"""Words a side that are compressed: gzip -9 runs at 20 MB a second, and under every permutation anew."""
COMPRESSED_PERMUTATIONS: Final = 60
"""Permutations that are compressed, of which the standard deviation is known to a tenth."""
OPENING: Final = 3
_TOGETHER: Final = 50  # permutations at a time, where a number is kept for each text and permutation


def sides_of(flips: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Side of every text (0 reference, 1 candidate) under every permutation, shape (texts, p)."""
    found = np.empty((2 * flips.shape[1], len(flips)), np.uint8)
    found[::2], found[1::2] = flips.T, ~flips.T
    return found


def lexical(
    matched: Matched, sides: NDArray[np.uint8], workers: int = 1, compressed: Sequence[int] = (0, 1)
) -> dict[str, NDArray[np.float64]]:
    """The lexical probes of two sides.

    Args:
        matched: the texts.
        sides: shape (texts, p), side of every text (0 reference, 1 candidate) under every permutation.
        workers: threads; they change nothing but the time.
        compressed: sides whose text is compressed, which takes most of the time.

    Returns:
        Name of each probe to its values, shape (p, 2): reference, candidate. NaN where a side has no such n-gram, and
        beyond the permutations and sides that are compressed.
    """
    grams, owners = ngrams(matched.sampled()), matched.owners
    found: dict[str, NDArray[np.float64]] = {}
    for n in (1, 2, 3):
        counted = counts(occurrences(grams[n], owners, len(sides)), sides, workers)
        with np.errstate(invalid="ignore"):
            found[f"missing_mass_{n}"] = counted.once / counted.total
            found[f"distinct_{n}"] = counted.types / counted.total
        if n == 1:
            found["vocabulary"] = counted.types.astype(float)
    found["self_repetition_4"] = _self_repetition(grams[4], owners, sides, workers)
    found["compression_ratio"] = _compression(matched, sides, workers, compressed)
    found["opening_entropy_3"] = _opening_entropy(matched, sides)
    return found


def _self_repetition(
    grams: NDArray[np.int32], owners: NDArray[np.int32], sides: NDArray[np.uint8], workers: int
) -> NDArray[np.float64]:
    found = occurrences(grams, owners, len(sides))
    held = found.total > 0

    def values(first: int) -> NDArray[np.float64]:
        chosen = np.ascontiguousarray(sides[:, first : first + _TOGETHER])
        logs = np.log1p(sharing(found, chosen)[held])
        second = chosen[held].astype(bool)
        sums = np.stack([logs.sum(axis=0, where=~second), logs.sum(axis=0, where=second)], axis=1)
        with np.errstate(invalid="ignore"):
            means: NDArray[np.float64] = sums / np.stack([(~second).sum(axis=0), second.sum(axis=0)], axis=1)
        return means

    with ThreadPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(values, range(0, sides.shape[1], _TOGETHER))))


def _compression(
    matched: Matched, sides: NDArray[np.uint8], workers: int, compressed: Sequence[int]
) -> NDArray[np.float64]:
    """Compression ratio of each side's first texts, in the order of the groups."""
    sample, offsets, k = matched.sampled(), matched.text_offsets, matched.sides
    groups = int(np.searchsorted(offsets[::k], k * COMPRESSED_WORDS))
    bounds = offsets[: k * min(groups, len(matched)) + 1].tolist()
    texts = [words_joined(sample, a, b) for a, b in pairwise(bounds)]

    def ratio(column: NDArray[np.uint8], side: int) -> float:
        chosen = np.flatnonzero(column[: len(texts)] == side)
        found = compression_ratio(b"\n".join([texts[i] for i in chosen]))
        return np.nan if found is None else found

    found = np.full((sides.shape[1], 2), np.nan)
    columns = sides.T[: 1 + COMPRESSED_PERMUTATIONS]
    with ThreadPoolExecutor(workers) as pool:
        for side in compressed:
            found[: len(columns), side] = list(pool.map(lambda column, side=side: ratio(column, side), columns))
    return found


def _opening_entropy(matched: Matched, sides: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Entropy of how the texts of a side begin, over log₂ of their number."""
    starts, lengths = matched.text_offsets[:-1], matched.lengths
    places = starts[:, None] + np.arange(OPENING)
    words = np.where(np.arange(OPENING) < lengths[:, None], matched.ids[np.minimum(places, len(matched.ids) - 1)], -1)
    kinds = np.unique(words, axis=0, return_inverse=True)[1].ravel()
    return np.array([[_entropy(kinds[column == side]) for side in (0, 1)] for column in sides.T])


def _entropy(kinds: NDArray[np.int64]) -> float:
    counted = np.bincount(kinds)
    shares = counted[counted > 0] / max(1, len(kinds))
    return float(-(shares * np.log2(shares)).sum() / np.log2(len(kinds))) if len(kinds) > 1 else np.nan
