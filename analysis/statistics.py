"""Means, quantiles and shares with 95 % intervals, the dialogue being the unit of inference.

A value is over all messages or dialogues. An interval knows that the messages of one dialogue are not independent: its
spread comes from the sums over dialogues, and exact duplicate dialogues count once in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Z: Final = 1.959963984540054
QUANTILES: Final = {"p05": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}


class Statistic(NamedTuple):
    """A number with its interval, None where it is undefined."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Clusters:
    """Which dialogue each value belongs to, and which dialogues are the first of their kind.

    Attributes:
        owner: shape (n,), index of the value's dialogue; None where every value is a dialogue of its own.
        distinct: shape (d,), whether the dialogue is not a copy of an earlier one.
    """

    owner: NDArray[np.int64] | None
    distinct: NDArray[np.bool_]

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of the values over each distinct dialogue."""
        if self.owner is None:
            return values[self.distinct]
        whole: NDArray[np.float64] = np.bincount(self.owner, weights=values, minlength=len(self.distinct)).astype(float)
        return whole[self.distinct]


def describe(values: NDArray[np.float64], clusters: Clusters) -> list[Statistic]:
    """Mean and quantiles of the defined values (NaN is undefined), intervals for the mean and the median."""
    defined = ~np.isnan(values)
    kept = values if defined.all() else values[defined]
    if not len(kept):
        return [Statistic("mean", None), *(Statistic(name, None) for name in QUANTILES)]
    mean = float(kept.mean())
    top = values if len(kept) == len(values) else np.where(defined, values, 0.0)
    low, high = ratio_interval(mean, top, defined.astype(float), clusters)
    ordered = np.sort(kept)  # faster than several selections
    if low is not None and high is not None:  # a mean of these values cannot leave their range
        low, high = max(low, min(mean, float(ordered[0]))), min(high, max(mean, float(ordered[-1])))
    found = [Statistic("mean", mean, low, high)]
    for name, p in QUANTILES.items():
        point = quantile(ordered, p)
        bounds = _median_interval(values, defined, ordered, point, clusters) if name == "median" else (None, None)
        found.append(Statistic(name, point, *bounds))
    return found


def quantile(ordered: NDArray[np.float64], p: float) -> float:
    """The p-quantile of ascending values, linear between neighbours (type 7 of Hyndman & Fan 1996)."""
    place = p * (len(ordered) - 1)
    below = int(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    return low + (place - below) * (high - low)


def share(marked: NDArray[np.bool_], clusters: Clusters) -> list[Statistic]:
    """Share and count of marked dialogues; the interval is Wilson's, over distinct dialogues."""
    n = len(marked)
    if not n:
        return [Statistic("share", None), Statistic("count", 0)]
    distinct = marked[clusters.distinct]
    low, high = wilson(float(distinct.mean()), len(distinct))
    value = float(marked.mean())
    return [Statistic("share", value, min(low, value), max(high, value)), Statistic("count", int(marked.sum()))]


def wilson(p: float, n: int) -> tuple[float, float]:
    """Wilson's score interval of a share p of n independent draws (Wilson 1927, JASA 22, 209-212)."""
    centre, spread = p + Z * Z / (2 * n), Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    low = max(0.0, (centre - spread) / (1 + Z * Z / n)) if p > 0 else 0.0  # rounding leaves 1e-18 there
    return low, min(1.0, (centre + spread) / (1 + Z * Z / n)) if p < 1 else 1.0


def ratio_interval(
    value: float, top: NDArray[np.float64], bottom: NDArray[np.float64], clusters: Clusters
) -> tuple[float | None, float | None]:
    """Interval of sum(top) / sum(bottom) by linearisation over dialogues (Cochran 1977, Sampling Techniques, 6.4)."""
    numerators, denominators = clusters.sums(top), clusters.sums(bottom)
    n, total = int(np.count_nonzero(denominators)), float(denominators.sum())  # the others say nothing of the spread
    if n < 2 or total <= 0:
        return None, None
    centre = float(numerators.sum()) / total
    spread = Z * sqrt(float(((numerators - centre * denominators) ** 2).sum()) * n / (n - 1)) / total
    return value - spread, value + spread


def _median_interval(
    values: NDArray[np.float64],
    defined: NDArray[np.bool_],
    ordered: NDArray[np.float64],
    median: float,
    clusters: Clusters,
) -> tuple[float | None, float | None]:
    """Woodruff's interval: the quantiles at the interval of the share below the median (Woodruff 1952, JASA 47)."""
    below = np.where(defined, values <= median, False)
    low, high = ratio_interval(0.5, below.astype(float), defined.astype(float), clusters)
    if low is None or high is None:
        return None, None
    return min(quantile(ordered, max(0.0, low)), median), max(quantile(ordered, min(1.0, high)), median)
