"""Axes of a plot: where a number stands, and which numbers are written beside."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Axis(NamedTuple):
    """A linear or logarithmic axis from ``start`` to ``end``, in pixels ``left`` to ``right``.

    On a logarithmic axis 0 stands where ``zero`` would; a ``whole`` axis has ticks at whole numbers only.
    """

    start: float
    end: float
    left: float
    right: float
    log: bool = False
    zero: float = 1.0
    whole: bool = False

    def place(self, value: float) -> float:
        """Pixel of a value, inside the axis."""
        start, end = self._scaled(self.start), self._scaled(self.end)
        part = (self._scaled(value) - start) / ((end - start) or 1.0)
        return self.left + min(1.0, max(0.0, part)) * (self.right - self.left)

    def _scaled(self, value: float) -> float:
        return math.log10(value if value > 0 else self.zero) if self.log else value

    def ticks(self, wanted: int = 5) -> list[float]:
        """Round numbers inside the axis."""
        if self.log:
            return self._log_ticks(wanted)
        ticks = linear_ticks(self.start, self.end, wanted)
        return [tick for tick in ticks if tick == int(tick)] if self.whole else ticks

    def _log_ticks(self, wanted: int) -> list[float]:
        start = self.start if self.start > 0 else self.zero
        powers = range(math.floor(math.log10(start)), math.ceil(math.log10(self.end)) + 1)
        for steps in ((1, 2, 5), (1, 3), (1,)):
            ticks = [step * 10.0**power for power in powers for step in steps]
            inside = [tick for tick in ticks if start <= tick <= self.end]
            if len(inside) <= wanted + 2:
                break
        return [0.0, *[tick for tick in inside if tick > start]] if self.start <= 0 else inside


def linear_ticks(start: float, end: float, wanted: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, about ``wanted`` of them."""
    span = end - start
    if span <= 0:
        return [start]
    power = 10.0 ** math.floor(math.log10(span / wanted))
    step = min((s * power for s in (1, 2, 5, 10)), key=lambda step: abs(math.log(span / step / wanted)))
    return [round(i * step, 10) for i in range(math.ceil(start / step - 1e-9), math.floor(end / step + 1e-9) + 1)]


def short(value: float) -> str:
    """A tick's number: 0, 0.05, 50, 2k, 1M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def histogram_axis(
    histograms: Sequence[tuple[Sequence[float], Sequence[int]]], left: float, right: float, *, log: bool
) -> Axis:
    """The axis that holds all bins that are not empty; on a logarithmic one a bin from 0 is as wide as the next."""
    spans = [_filled(edges, counts) for edges, counts in histograms]
    positive = sorted({edge for edges, _ in histograms for edge in edges if edge > 0})
    zero = positive[0] ** 2 / positive[1] if len(positive) > 1 else 1.0
    start, end = min(span[0] for span in spans), max(span[1] for span in spans)
    # Bins around whole numbers (-0.5, 0.5, 1.5 …) hold counts.
    whole = all(edge % 1 == 0.5 for edges, _ in histograms for edge in edges)
    return Axis(start, end, left, right, log and bool(positive), zero, whole)


def _filled(edges: Sequence[float], counts: Sequence[int]) -> tuple[float, float]:
    """First and last edge of the bins that hold something, with an empty bin around where they are few."""
    filled = [i for i, count in enumerate(counts) if count] or [0]
    margin = 1 if filled[-1] - filled[0] < 3 else 0
    return edges[max(0, filled[0] - margin)], edges[min(len(edges) - 1, filled[-1] + 1 + margin)]
