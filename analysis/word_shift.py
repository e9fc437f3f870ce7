"""Word shift: how far the rates of common words of a candidate lie from a reference's, which tells another domain.

A generator that narrows draws its words from its training data: the rates of common words stay, or all of them sharpen
together, while rare words are lost. Text about other things, or of another kind, uses other common words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis.lexical_probes import sides_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.matching import Matched

COMMON: Final = 1 / 2000
"""Share of all words from which on a word is common: some 250 words, each 25 times in 50,000 words."""
SPREAD: Final = 0.01
"""Share of all texts in which a common word stands at least: one that a few texts repeat without end is not common."""
_TOGETHER: Final = 10_000  # texts, of which a number is kept for each common word


class Shift(NamedTuple):
    """How the common words of two sides differ.

    Attributes:
        distance: root mean square of the logarithms of the words' rate ratios, weighted by rate, beyond what texts
            that change sides give; 0 or above, .4 = a common word is typically 1.5 times as frequent or as rare.
            None without a common word.
        slope: how much the logarithm of a word's ratio grows with that of its rate: above 0 where the candidate is
            sharper, its frequent words more frequent still. The distance is what the slope does not explain.
        z: the squared distance in standard deviations of what texts that change sides give.
    """

    distance: float | None
    slope: float | None
    z: float | None


def word_shift(matched: Matched, flips: NDArray[np.bool_]) -> Shift:
    """The shift of common words between two sides.

    Args:
        matched: n pairs of texts.
        flips: shape (p, n), whether the texts of a pair change sides; the first row as observed.
    """
    common = _common(matched)
    if common.max(initial=-1) < 2:
        return Shift(None, None, None)
    total, second = _counts(matched, common, sides_of(flips))
    weights, rates = (total / total.sum()), np.log(total / len(matched.ids))
    ratios = np.log((second + 0.5) / (total - second + 0.5))
    ratios -= (weights * ratios).sum(axis=0)
    rates -= (weights * rates).sum()
    variance = (weights * rates**2).sum() if np.ptp(total) else np.inf  # of equal rates there is no slope
    slopes = (weights * rates * ratios).sum(axis=0) / variance
    squares = (weights * (ratios - slopes * rates) ** 2).sum(axis=0)
    exchanged = squares[1:]
    beyond = float(squares[0] - exchanged.mean()) if len(exchanged) else float(squares[0])
    deviation = float(exchanged.std()) if len(exchanged) else 0.0
    return Shift(max(0.0, beyond) ** 0.5, float(slopes[0]), beyond / deviation if deviation else None)


def _common(matched: Matched) -> NDArray[np.int64]:
    """A number for each common word of the vocabulary, from 0 on, and -1 for every other."""
    words = len(matched.vocabulary)
    frequent = np.bincount(matched.ids, minlength=words) >= COMMON * max(1, len(matched.ids))
    read, texts = frequent[matched.ids], len(matched.rows)
    places = np.unique(matched.ids[read].astype(np.int64) * texts + matched.owners[read])
    common = frequent & (np.bincount(places // max(1, texts), minlength=words) >= SPREAD * texts)
    return np.where(common, np.cumsum(common) - 1, -1)


def _counts(
    matched: Matched, common: NDArray[np.int64], sides: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often each common word stands, shape (words, 1), and how often on the second side, shape (words, p)."""
    words, offsets, owners = int(common.max()) + 1, matched.text_offsets, matched.owners
    total, second = np.zeros((words, 1)), np.zeros((words, sides.shape[1]))
    for start in range(0, len(sides), _TOGETHER):
        block = sides[start : start + _TOGETHER]
        read = slice(offsets[start], offsets[start + len(block)])
        stands, texts = common[matched.ids[read]], owners[read] - start
        places = (stands * len(block) + texts)[stands >= 0]
        counts = np.bincount(places, minlength=words * len(block)).reshape(words, -1).astype(np.float64)
        total += counts.sum(axis=1, keepdims=True)
        second += counts @ block
    return total, second
