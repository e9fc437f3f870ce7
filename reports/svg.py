"""Plots as inline SVG: no script, no font, no colour of their own beside the page's, the same bytes for the same data.

Colours are classes ``s0`` to ``s6`` (the page gives them the values of Okabe and Ito's palette, light and dark); from
the eighth series on a line is dashed as well. Every plot names itself (``title``) and says its numbers (``desc``).
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from ultraqa.reports import numbers
from ultraqa.reports.axes import Axis, histogram_axis, linear_ticks, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COLOURS = 7
_WIDTH = 440
_LEFT, _RIGHT = 46, 420
_HEIGHT = 150
_MAP_HEIGHT = 300
# A name on the map takes about this much room.
_LABEL_WIDTH, _LABEL_ROOM = 150, 18
_NAME_WIDTH = 118
# Plots of intervals are narrower, so that three stand in a row.
_NARROW = 340
# Nearer than this to the one before, a tick has no number.
_TICK_ROOM = 18


class Series(NamedTuple):
    """One dataset's histogram: bins, and the 5th, 50th and 95th percentile where they are known."""

    name: str
    edges: Sequence[float]
    counts: Sequence[int]
    quantiles: tuple[float, float, float] | None = None
    colour: int = 0


class Group(NamedTuple):
    """Points of a map that belong together; a group without a name stands in the background."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int = 0


class Point(NamedTuple):
    """One dataset's number with its interval, and the text that says both."""

    name: str
    value: float
    low: float
    high: float
    text: str
    colour: int = 0


class Step(NamedTuple):
    """A generation, how far a number has changed since the first, and whether that is a sign."""

    name: str
    change: float | None
    sign: bool = False


def colour_class(index: int) -> str:
    """The classes of the ``index``-th series."""
    return f"s{index % COLOURS}" + (" dashed" if index >= COLOURS else "")


def histogram(series: Sequence[Series], *, key: str, title: str, unit: str, log: bool) -> str:
    """Share of messages or dialogues in each bin: bars for one dataset, outlines for two or three, else a row each."""
    if len(series) > 3:
        return _rows(series, key, title, unit, log)
    top = 12 + 12 * len(series)
    bottom = top + _HEIGHT
    x = histogram_axis([(one.edges, one.counts) for one in series], _LEFT, _RIGHT, log=log)
    shares = [_shares(one) for one in series]
    y = Axis(0, max((max(one, default=0) for one in shares), default=0) or 1, bottom, top)
    parts = [_y_grid(y), _x_ticks(x, bottom, unit)]
    filled = len(series) == 1
    for i, (one, share) in enumerate(zip(series, shares, strict=True)):
        parts.append(_outline(one, share, x, y, filled=filled))
        parts.append(_range(one, x, 10 + 12 * i))
    return _svg(parts, key, title, _description(series, unit), bottom + 40)


def _rows(series: Sequence[Series], key: str, title: str, unit: str, log: bool) -> str:
    row = 40
    bottom = 8 + row * len(series)
    x = histogram_axis([(one.edges, one.counts) for one in series], _NAME_WIDTH + 8, _RIGHT, log=log)
    parts = [_x_ticks(x, bottom, unit, top=8)]
    for i, one in enumerate(series):
        base = 8 + row * (i + 1) - 6
        share = _shares(one)
        y = Axis(0, max(share, default=0) or 1, base, base - row + 12)
        parts.append(_outline(one, share, x, y, filled=True))
        parts.append(_range(one, x, base + 1))
        parts.append(_text(0, base - 6, _cut(one.name, 17), "name"))
    return _svg(parts, key, title, _description(series, unit), bottom + 40)


def intervals(points: Sequence[Point], *, key: str, title: str, percent: bool = False) -> str:
    """A dot and a whisker for each dataset: value and 95 % interval."""
    row = 22
    bottom = 6 + row * len(points)
    low, high = min(p.low for p in points), max(p.high for p in points)
    margin = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    x = Axis(low - margin, high + margin, _NAME_WIDTH + 8, _NARROW - 14)
    parts = [_x_ticks(x, bottom, "", top=6, percent=percent, wanted=3)]
    for i, point in enumerate(points):
        y = 6 + row * i + row / 2
        left, right, dot = (_px(x.place(v)) for v in (point.low, point.high, point.value))
        colour = colour_class(point.colour)
        parts.append(_text(0, y + 4, _cut(point.name, 17), "name"))
        parts.append(f'<path class="whisker {colour}" d="M{left} {_px(y)}H{right}"/>')
        parts.append(f'<circle class="dot {colour}" cx="{dot}" cy="{_px(y)}" r="4"/>')
    described = "; ".join(f"{point.name}: {point.text}" for point in points)
    return _svg(parts, key, title, described, bottom + 24, width=_NARROW)


def curves(
    lines: Sequence[tuple[str, int, Sequence[Point]]], *, key: str, title: str, unit: str, percent: bool = False
) -> str:
    """A line for each dataset over a logarithmic axis: ``name`` of a point is its place there, a number of words."""
    top, bottom = 8, 8 + _HEIGHT
    points = [point for _, _, line in lines for point in line]
    places = [float(point.name) for point in points]
    x = Axis(min(places) * 0.8, max(places) * 1.25, _LEFT, _RIGHT, log=True)
    low, high = min(p.low for p in points), max(p.high for p in points)
    margin = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    y = Axis(low - margin, high + margin, bottom, top)
    parts = [_y_grid(y, percent=percent), _x_ticks(x, bottom, unit)]
    for _, colour, line in lines:
        parts.append(_curve(line, colour_class(colour), x, y))
    described = "; ".join(
        f"{name}: " + ", ".join(f"{point.text} at {int(point.name):,} words" for point in line)
        for name, _, line in lines
    )
    return _svg(parts, key, title, described, bottom + 40)


def steps(points: Sequence[Step], *, key: str, title: str, limit: float) -> str:
    """Relative changes from generation to generation, 0 at the first; a dashed line where a change begins to count."""
    top, bottom = 8, 8 + _HEIGHT
    known = [(i, point) for i, point in enumerate(points) if point.change is not None]
    changes = [point.change or 0.0 for _, point in known]
    low, high = min(0.0, limit, *changes), max(0.0, limit, *changes)
    margin = 0.08 * (high - low) or 1.0
    x = Axis(0, max(1, len(points) - 1), _LEFT + 14, _RIGHT, whole=True)
    y = Axis(low - margin, high + margin, bottom, top)
    places = [(_px(x.place(i)), _px(y.place(point.change or 0.0)), point) for i, point in known]
    path = "L".join(f"{across} {down}" for across, down, _ in places)
    kinds = {True: 'class="dot s1" r="5"', False: 'class="dot s0" r="3"'}
    dots = "".join(f'<circle {kinds[point.sign]} cx="{across}" cy="{down}"/>' for across, down, point in places)
    at = _px(y.place(limit))
    parts = [
        _y_grid(y), _x_ticks(x, bottom, "generation"), f'<path class="limit" d="M{_LEFT} {at}H{_RIGHT}"/>',
        f'<path class="line s0" d="M{path}"/>', dots,
    ]  # fmt: skip
    described = ", ".join(f"{point.name} {100 * (point.change or 0.0):+.1f} %" for _, point in known)
    return _svg(parts, key, title, described, bottom + 40)


def scatter(groups: Sequence[Group], *, key: str, title: str) -> str:
    """A map: a dot for each point, groups by colour, each named where its points are densest."""
    points = [point for group in groups for point in group.points]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x = Axis(min(xs), max(xs), 8, _WIDTH - 8)
    y = Axis(min(ys), max(ys), _MAP_HEIGHT - 8, 8)
    parts = []
    for group in groups:
        dots = "".join(f"M{_px(x.place(a))} {_px(y.place(b))}h0" for a, b in group.points)
        parts.append(f'<path class="dots {colour_class(group.colour) if group.name else "rest"}" d="{dots}"/>')
    taken: list[tuple[float, float]] = []
    for group in groups:
        if group.name:
            across = x.place(_median([a for a, _ in group.points]))
            down = y.place(_median([b for _, b in group.points]))
            while any(abs(across - a) < _LABEL_WIDTH and abs(down - b) < _LABEL_ROOM for a, b in taken):
                down += _LABEL_ROOM
            taken.append((across, down))
            parts.append(_text(across, down, group.name, "label middle"))
    described = "; ".join(f"{group.name}: {len(group.points):,} dialogues" for group in groups if group.name)
    return _svg(parts, key, title, described, _MAP_HEIGHT)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def bar(share: float) -> str:
    """A small bar beside a percentage; it repeats the number, so it is hidden from screen readers."""
    width = _px(100 * min(1.0, max(0.0, share)))
    return (
        '<svg class="bar" viewBox="0 0 100 8" aria-hidden="true" preserveAspectRatio="none">'
        f'<rect class="track" width="100" height="8"/><rect class="s0" width="{width}" height="8"/></svg>'
    )


def _curve(line: Sequence[Point], colour: str, x: Axis, y: Axis) -> str:
    spots = [(_px(x.place(float(p.name))), p) for p in line]
    whiskers = "".join(f"M{at} {_px(y.place(p.low))}V{_px(y.place(p.high))}" for at, p in spots if p.low < p.high)
    path = "L".join(f"{at} {_px(y.place(p.value))}" for at, p in spots)
    dots = "".join(f'<circle class="dot {colour}" cx="{at}" cy="{_px(y.place(p.value))}" r="3"/>' for at, p in spots)
    return f'<path class="line {colour}" d="M{path}"/><path class="whisker {colour}" d="{whiskers}"/>{dots}'


def _shares(series: Series) -> list[float]:
    total = sum(series.counts)
    return [count / total if total else 0.0 for count in series.counts]


def _outline(series: Series, shares: Sequence[float], x: Axis, y: Axis, *, filled: bool) -> str:
    base = _px(y.left)
    filled_bins = [i for i, share in enumerate(shares) if share] or [0]
    first, last = filled_bins[0], filled_bins[-1] + 1
    steps = [f"M{_px(x.place(series.edges[first]))} {base}"]
    for edge, share in zip(series.edges[first + 1 : last + 1], shares[first:last], strict=True):
        steps.append(f"V{_px(y.place(share))}H{_px(x.place(edge))}")
    kind = "area" if filled else "step"
    return f'<path class="{kind} {colour_class(series.colour)}" d="{"".join(steps)}V{base}"/>'


def _range(series: Series, x: Axis, at: float) -> str:
    if series.quantiles is None:
        return ""
    left, middle, right = (_px(x.place(value)) for value in series.quantiles)
    colour = colour_class(series.colour)
    return (
        f'<path class="whisker {colour}" d="M{left} {_px(at)}H{right}"/>'
        f'<circle class="dot {colour}" cx="{middle}" cy="{_px(at)}" r="3.5"/>'
    )


def _y_grid(y: Axis, *, percent: bool = True) -> str:
    parts = []
    for tick in linear_ticks(y.start, y.end, 4):
        at = _px(y.place(tick))
        shown = _tick(tick, percent)
        parts.append(f'<path class="grid" d="M{_LEFT} {at}H{_RIGHT}"/>')
        parts.append(_text(_LEFT - 6, y.place(tick) + 4, shown, "tick end"))
    return "".join(parts)


def _x_ticks(
    x: Axis, bottom: float, unit: str, top: float | None = None, *, percent: bool = False, wanted: int = 5
) -> str:
    parts = [f'<path class="axis" d="M{_px(x.left)} {_px(bottom)}H{_px(x.right)}"/>']
    start, last = bottom if top is None else top, -math.inf
    for tick in x.ticks(wanted):
        at = x.place(tick)
        parts.append(f'<path class="grid" d="M{_px(at)} {_px(start)}V{_px(bottom + 4)}"/>')
        if at - last > _TICK_ROOM:
            parts.append(_text(at, bottom + 17, _tick(tick, percent), "tick middle"))
            last = at
    if unit:
        parts.append(_text((x.left + x.right) / 2, bottom + 34, unit, "unit middle"))
    return "".join(parts)


def _tick(value: float, percent: bool) -> str:
    return f"{round(100 * value, 6):g} %" if percent else short(value)


def _description(series: Iterable[Series], unit: str) -> str:
    parts = []
    for one in series:
        if one.quantiles is None:
            parts.append(f"{one.name}: {sum(one.counts):,} counted")
            continue
        low, middle, high = (numbers.number(value, "median") for value in one.quantiles)
        parts.append(f"{one.name}: median {middle}, 5th to 95th percentile {low} to {high}")
    return "; ".join(parts) + (f" ({unit})" if unit else "")


def _svg(parts: Sequence[str], key: str, title: str, description: str, height: float, *, width: float = _WIDTH) -> str:
    return (
        f'<svg class="plot" role="img" aria-labelledby="{key}-t {key}-d" viewBox="0 0 {_px(width)} {_px(height)}">'
        f'<title id="{key}-t">{_safe(title)}</title><desc id="{key}-d">{_safe(description)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{_px(x)}" y="{_px(y)}">{_safe(text)}</text>'


def _safe(text: str) -> str:
    return escape(" ".join(numbers.visible(text).split()))


def _cut(text: str, length: int) -> str:
    """A name in ``length`` characters; what tells names apart is often at their end, so the middle goes."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 8]}…{line[-7:]}"


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
