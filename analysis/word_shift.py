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


class Shift(NamedTuple):
    """How the common words of two sides differ.

    Attributes:
        distance: root mean square of the logarithms of the words' rate ratios, weighted by rate, beyond what texts
            that change sides give; 0 or above, .4 = a common word is typically 1.5 times as frequent or as rare.
            None without a common word.
        slope: how much the logarithm of a word's ratio grows with that of its rate: above 0 where the candidate is
            sharper, its frequent words more frequent still. The distance is what the slope does not explain.
    """

    distance: float | None
    slope: float | None


def word_shift(matched: Matched, flips: NDArray[np.bool_]) -> Shift:
    """The shift of common words between two sides.

    Args:
        matched: n pairs of texts.
        flips: shape (p, n), whether the texts of a pair change sides; the first row as observed.
    """
    words, counts = _common(matched)
    if len(words) < 3:
        return Shift(None, None)
    second = counts @ sides_of(flips)
    total = counts.sum(axis=1, keepdims=True)
    weights, rates = (total / total.sum()), np.log(total / len(matched.ids))
    ratios = np.log((second + 0.5) / (total - second + 0.5))
    ratios -= (weights * ratios).sum(axis=0)
    rates -= (weights * rates).sum()
    slopes = (weights * rates * ratios).sum(axis=0) / (weights * rates**2).sum()
    squares = (weights * (ratios - slopes * rates) ** 2).sum(axis=0)
    beyond = float(squares[0] - squares[1:].mean()) if len(squares) > 1 else float(squares[0])
    return Shift(max(0.0, beyond) ** 0.5, float(slopes[0]))


def _common(matched: Matched) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The common words and how often each stands in each text, shape (words, texts)."""
    totals = np.bincount(matched.ids, minlength=len(matched.vocabulary))
    words = np.flatnonzero(totals >= COMMON * max(1, len(matched.ids)))
    places = np.full(len(totals), -1)
    places[words] = np.arange(len(words))
    stands = places[matched.ids]
    owners, texts = matched.owners[stands >= 0], len(matched.rows)
    counts = np.bincount(stands[stands >= 0] * texts + owners, minlength=len(words) * texts)
    return words, counts.reshape(len(words), texts).astype(np.float64)
