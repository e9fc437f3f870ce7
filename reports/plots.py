"""The plots of report.html, drawn from the document's rows and distributions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from ultraqa.reports import numbers, svg
from ultraqa.reports.sections import LEXICAL, SHAPE, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ultraqa.analysis.metric import Result
    from ultraqa.reports.table import ComparisonTable

_COLOURED = 6
_CURVES = ("distinct_2", "missing_mass_1", "compression_ratio", "vocabulary")


class Figure(NamedTuple):
    """A plot and the words under it."""

    title: str
    picture: str
    caption: str = ""


def interval_figures(table: ComparisonTable, colours: Mapping[str, int]) -> list[Figure]:
    """A dot-and-whisker plot for each column in which two datasets or more have an interval."""
    figures = []
    for c, column in enumerate(table.columns):
        points = [
            svg.Point(
                dataset, row.value, row.low, row.high, f"{line[c].value} ({line[c].interval})", colours.get(dataset, 0)
            )
            for dataset, line in zip(table.datasets, table.cells, strict=True)
            if (row := line[c].result) and row.value is not None and row.low is not None and row.high is not None
        ]
        if len(points) > 1:
            percent = numbers.is_share(column.statistic, column.unit)
            picture = svg.intervals(points, key=f"interval-{c}", title=column.label, percent=percent)
            figures.append(Figure(column.label, picture))
    return figures


def distribution_figures(document: Mapping[str, Any], rows: Rows, metrics: Sequence[str]) -> list[Figure]:
    """Histograms of the document's distributions of these metrics, datasets together where they are comparable."""
    groups: list[tuple[tuple[str, ...], list[Mapping[str, Any]]]] = []
    for one in document["distributions"]:
        if one["metric"] not in metrics or not sum(one["counts"]):
            continue
        mean = rows.get(one["dataset"], one["metric"], one["scope"], "mean")
        key = (one["metric"], one["scope"], one["unit"], one["scale"], mean.version if mean else "")
        group = next((group for other, group in groups if other == key and _same_bins(one, group[0])), None)
        if group is None:
            groups.append((key, [one]))
        else:
            group.append(one)
    groups.sort(key=lambda keyed: metrics.index(keyed[0][0]))
    return [_distribution(number, key, group, rows) for number, (key, group) in enumerate(groups)]


def _same_bins(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two histograms share their bins as far as both go: only then are their heights comparable."""
    return all(math.isclose(a, b) for a, b in zip(one["edges"], other["edges"], strict=False))


def shape_figures(document: Mapping[str, Any], rows: Rows) -> list[Figure]:
    """Histograms of lengths."""
    return distribution_figures(document, rows, SHAPE)


def lexical_figures(document: Mapping[str, Any], rows: Rows) -> list[Figure]:
    """Histograms of lexical diversity."""
    return distribution_figures(document, rows, LEXICAL)


def _distribution(number: int, key: tuple[str, ...], group: Sequence[Mapping[str, Any]], rows: Rows) -> Figure:
    metric, scope, unit, scale, version = key
    series = [
        svg.Series(
            one["dataset"],
            one["edges"],
            one["counts"],
            _quantiles_of(rows, one),
            rows.datasets.index(one["dataset"]) if one["dataset"] in rows.datasets else 0,
        )
        for one in group
    ]
    title = numbers.label(metric, scope, "mean")
    log = scale == "log"
    axis = f"{unit or metric}{' (logarithmic axis)' if log else ''}"
    picture = svg.histogram(series, key=f"plot-{metric}-{scope}-{number}", title=title, unit=axis, log=log)
    caption = f"Height: share of the {numbers.things(scope)} in each bin."
    if any(one.quantiles for one in series):
        caption += " Dot: median; line: 5th to 95th percentile."
    return Figure(title, picture, caption + (f" Tokenizer: {version}." if metric == "tokens" and version else ""))


def _quantiles_of(rows: Rows, one: Mapping[str, Any]) -> tuple[float, float, float] | None:
    found = [rows.get(one["dataset"], one["metric"], one["scope"], name) for name in ("p05", "median", "p95")]
    values = [row.value for row in found if row is not None and row.value is not None]
    return (values[0], values[1], values[2]) if len(values) == 3 else None


def curve_figures(rows: Rows) -> list[Figure]:
    """Corpus statistics of the assistant's words over the budgets."""
    figures = []
    for metric in _CURVES:
        lines = [
            (dataset, colour, points)
            for colour, dataset in enumerate(rows.datasets)
            if len(points := _curve(rows, dataset, metric)) > 1
        ]
        if lines:
            title = numbers.label(metric, "assistant", "value")
            percent = any(numbers.is_share(r.statistic, r.unit) for r in rows.all if r.metric == metric)
            unit = "words (logarithmic axis)"
            picture = svg.curves(lines, key=f"curve-{metric}", title=title, unit=unit, percent=percent)
            figures.append(Figure(title, picture))
    return figures


def topic_maps(document: Mapping[str, Any]) -> list[Figure]:
    """A map of each dataset's dialogues by their vectors, its largest topics in colour."""
    figures = []
    for i, one in enumerate(document["topics"]):
        named = {topic["topic"]: ", ".join(topic["words"][:2]) for topic in one["topics"][:_COLOURED]}
        places = one["map"]
        points = list(zip(places["x"], places["y"], places["topic"], strict=True))
        groups = [svg.Group("", [(x, y) for x, y, topic in points if topic not in named])]
        groups += [
            svg.Group(name, [(x, y) for x, y, t in points if t == topic], colour)
            for colour, (topic, name) in enumerate(named.items())
        ]
        picture = svg.scatter([group for group in groups if group.points], key=f"map-{i}", title=one["dataset"])
        shown = numbers.number(places["explained"], "share")
        caption = f"{len(points):,} dialogues; two principal components of their vectors, {shown} of the variance."
        figures.append(Figure(one["dataset"], picture, caption))
    return figures


def _curve(rows: Rows, dataset: str, metric: str) -> list[svg.Point]:
    found = [r for r in rows.all if (r.dataset, r.metric, r.scope) == (dataset, metric, "assistant") and r.budget]
    return [
        svg.Point(str(row.budget), row.value, *_ends(row), numbers.number(row.value, "value", row.unit))
        for row in sorted(found, key=lambda row: row.budget or 0)
        if row.value is not None
    ]


def _ends(row: Result) -> tuple[float, float]:
    value = row.value or 0.0
    return (value if row.low is None else row.low, value if row.high is None else row.high)
