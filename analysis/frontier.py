"""Divergence frontiers of two histograms: how far apart two distributions are, as one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EDGE: Final = 1e-6  # of the mixtures; the two ends, where one side alone is the mixture, are known without


def frontier_integral(p: NDArray[Any], q: NDArray[Any]) -> float:
    """Distance of two histograms: the mean cost of describing both by a mixture of them, over all mixtures.

    Higher = further apart; 0 where shares are equal, 1 where no bin is shared; symmetric. Per bin, in closed form,
    (p + q) / 2 - p q log(p / q) / (p - q). Depends on the bins: only numbers over equal ones are compared. NaN where a
    histogram is empty. Source: Liu et al. 2021, NeurIPS, "Divergence Frontiers for Generative Models".

    Args:
        p: counts or shares, shape (bins,).
        q: of the other side, in the same bins.
    """
    first, second = _shares(p), _shares(q)
    high, low = np.maximum(first, second), np.minimum(first, second)
    gap = np.divide(high - low, high, out=np.zeros_like(high), where=high > 0)
    inner = (gap > 0) & (gap < 1)
    shared = np.where(gap < 1, high, 0.0)
    # log1p of the gap and not the difference of logarithms, which is all rounding where the two sides nearly agree
    shared[inner] *= -(1 - gap[inner]) * np.log1p(-gap[inner]) / gap[inner]
    return float(np.clip(((high + low) / 2 - shared).sum(), 0, 1))


def mauve(p: NDArray[Any], q: NDArray[Any], scaling: float = 5.0, points: int = 25) -> float:
    """Likeness of two histograms: the area under the curve of the two kinds of error as their mixture changes.

    Higher = more alike, in (0, 1]; 1 where shares are equal. The curve is (exp(-c KL(q | r)), exp(-c KL(p | r))) for
    mixtures r of the two. Depends on the bins, hence on encoder and clusters: only numbers over equal ones are
    compared, and none with those published for GPT-2. NaN where a histogram is empty. Source: Pillutla et al. 2021,
    NeurIPS; points that tie in one coordinate are joined in descending order of the other, without which equal
    histograms could have less than 1.

    Args:
        p: counts or shares, shape (bins,).
        q: of the other side, in the same bins.
        scaling: the constant c; higher punishes differences more.
        points: mixtures at which the curve is computed.
    """
    first, second = _shares(p), _shares(q)
    if np.isnan(first).any() or np.isnan(second).any():
        return float("nan")
    weights = np.linspace(_EDGE, 1 - _EDGE, points)[:, None]
    mixed = second + weights * (first - second)  # in this form it is exactly both where they are equal
    x = np.concatenate([[0.0], np.exp(-scaling * _divergence(second, mixed)), [1.0]])
    y = np.concatenate([[1.0], np.exp(-scaling * _divergence(first, mixed)), [0.0]])
    return (_area(x, y) + _area(y, x)) / 2


def _shares(counts: NDArray[Any]) -> NDArray[np.float64]:
    found = np.asarray(counts, np.float64)
    total = found.sum()
    return found / total if total > 0 else np.full(found.shape, np.nan)


def _divergence(one: NDArray[np.float64], mixed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of a histogram from each of some mixtures, shape (points,), in nats."""
    some = one > 0
    found: NDArray[np.float64] = (one[some] * np.log(one[some] / mixed[:, some])).sum(axis=1)
    return np.maximum(found, 0)


def _area(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    order = np.lexsort((-y, x))
    return float(np.trapezoid(y[order], x[order]))
