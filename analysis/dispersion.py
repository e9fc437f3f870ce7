"""How varied the prompts of a set are: the spread of their lengths, and the entropy of how they open.

Dispersion tells human prompts from written ones where means do not. The entropy grows with the number of prompts, so
it is given at fixed numbers, as the exact expectation over all ways to draw so many without replacement.
"""

from __future__ import annotations

from math import log2, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.statistics import Z, quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUDGETS: Final = (100, 300, 1_000)
"""Numbers of prompts at which the entropy of openings is computed."""


def words_cv(lengths: NDArray[np.float64]) -> float | None:
    """Coefficient of variation of the words of prompts: their standard deviation over their mean.

    Higher = more unequal lengths, as people write. None below two prompts and where none has a word.
    """
    if len(lengths) < 2 or not lengths.any():
        return None
    return float(lengths.std(ddof=1) / lengths.mean())


def words_cv_interval(value: float, lengths: NDArray[np.float64]) -> tuple[float | None, float | None]:
    """95 % interval of the coefficient of variation by linearisation; lengths of one value give none."""
    n, mean, sd = len(lengths), float(lengths.mean()), float(lengths.std())
    if n < 2 or not sd:
        return None, None
    gaps = lengths - mean
    influence = (gaps**2 - sd**2) / (2 * sd * mean) - sd * gaps / mean**2
    spread = Z * sqrt(float((influence**2).sum()) / (n * (n - 1)))
    return max(0.0, value - spread), value + spread


def words_tail(lengths: NDArray[np.float64]) -> float | None:
    """The 95th percentile of the words of prompts over their median.

    Higher = a longer tail, as people write. None where the median is 0.
    """
    ordered = np.sort(lengths)
    median = quantile(ordered, 0.5) if len(ordered) else 0.0
    return quantile(ordered, 0.95) / median if median else None


def opening_entropy(counts: NDArray[np.int64], n: int) -> float:
    """Entropy of the first two words of n prompts, over log₂ n: 1 where all prompts open differently, 0 where none do.

    Lower = more concentrated on a few openings. Each way to draw n prompts without replacement counts alike; depends on
    n, so compare only at an equal one (the budget).

    Args:
        counts: prompts with each opening.
        n: prompts to draw, at most all of them.
    """
    kinds, number = np.unique(counts, return_counts=True)
    return float(number @ entropy_terms(kinds, int(counts.sum()), n)) / log2(n)


def opening_entropy_interval(value: float, counts: NDArray[np.int64], n: int) -> tuple[float | None, float | None]:
    """95 % interval of the entropy by the jackknife, which leaves out each prompt once; none where n is all of them."""
    total = int(counts.sum())
    if total <= n:
        return None, None
    kinds, number = np.unique(counts, return_counts=True)
    kept = np.minimum(kinds, total - 1)  # where all open alike, one of them is always left out
    with_all, with_one_less = entropy_terms(kept, total - 1, n), entropy_terms(kinds - 1, total - 1, n)
    left = (number @ with_all - with_all + with_one_less) / log2(n)  # without one prompt of an opening that has k
    weights = number * kinds
    centre = float(weights @ left) / total
    spread = Z * sqrt(float(weights @ (left - centre) ** 2) * (total - 1) / total)
    return max(0.0, value - spread), min(1.0, value + spread)


def entropy_terms(counts: NDArray[np.int64], total: int, n: int) -> NDArray[np.float64]:
    """What an opening of each count adds to the expected entropy of n of ``total`` prompts, in bits.

    The number k of the n that open so is hypergeometric, and adds -(k/n) log₂(k/n).
    """
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])
    ways = factorials[total] - factorials[n] - factorials[total - n]
    found = np.zeros(len(counts))
    for i, count in enumerate(counts.tolist()):
        k = np.arange(max(1, n - total + count), min(count, n) + 1)
        inside = factorials[count] - factorials[k] - factorials[count - k]
        outside = factorials[total - count] - factorials[n - k] - factorials[total - count - n + k]
        found[i] = -float(np.exp(inside + outside - ways) @ (k / n * np.log2(k / n)))
    return found
