"""Whether two datasets really differ in a number: a z statistic from their 95 % intervals, corrected for many looks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ultraqa.analysis.metric import Result

LEVEL = 0.05
_Z95 = 1.959963984540054
# Below this many messages or dialogues an interval says too little about its own width for a normal approximation.
_SMALLEST_N = 20


class Difference(NamedTuple):
    """One compared cell: dataset and column by position, the z of its difference to dataset 0, p, and the verdict."""

    dataset: int
    column: int
    z: float
    p: float
    real: bool


class _Measured(NamedTuple):
    value: float
    low: float
    high: float


def differences(lines: Sequence[Sequence[Result | None]]) -> list[Difference]:
    """Compare every line with the first, cell by cell where both have intervals; Holm's correction over all of them."""
    compared = [
        (d, c, z)
        for d, line in enumerate(lines[1:], 1)
        for c, (first, other) in enumerate(zip(lines[0], line, strict=True))
        if (z := z_score(first, other)) is not None
    ]
    p_values = [math.erfc(abs(z) / math.sqrt(2)) for _, _, z in compared]
    verdicts = holm(p_values, LEVEL)
    return [Difference(d, c, z, p, real) for (d, c, z), p, real in zip(compared, p_values, verdicts, strict=True)]


def z_score(first: Result | None, other: Result | None) -> float | None:
    """How many standard errors ``other`` lies above ``first``; None where one of them has no usable interval.

    The standard error joins the halves of the two intervals that face each other (Zou and Donner 2008), so lopsided
    intervals of shares and ratios are used as they are. Infinite where two intervals of no width differ. A part
    against its own whole (``--by``) is judged as if they were independent, which errs on the side of no difference.
    """
    left, right = _measured(first), _measured(other)
    if left is None or right is None:
        return None
    gap = right.value - left.value
    if gap == 0:
        return 0.0
    lower, upper = (left, right) if gap > 0 else (right, left)
    error = math.hypot(max(0.0, lower.high - lower.value), max(0.0, upper.value - upper.low)) / _Z95
    return gap / error if error else math.copysign(math.inf, gap)


def holm(p_values: Sequence[float], level: float) -> list[bool]:
    """Which hypotheses Holm's step-down procedure rejects at ``level``."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = [False] * len(p_values)
    for rank, i in enumerate(order):
        if p_values[i] > level / (len(p_values) - rank):
            break
        rejected[i] = True
    return rejected


def _measured(row: Result | None) -> _Measured | None:
    if row is None or row.value is None or row.low is None or row.high is None or 0 < row.n < _SMALLEST_N:
        return None
    return _Measured(row.value, row.low, row.high)
