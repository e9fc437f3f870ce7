"""The comparison table: a line of numbers for each dataset, under true names, with marks where a difference is real.

The first columns are those of the UltraChat table, the rest are ours. Numbers of different definitions, tokenizers or
budgets never stand in one column: the cell is empty and says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ultraqa.analysis.catalog import definitions
from ultraqa.reports import numbers, published
from ultraqa.reports.differences import Difference, differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ultraqa.analysis.metric import Result

PAPER = "as in the UltraChat table"
OURS = "length, diversity and duplicates"
VECTORS = "topics and coherence"
TEXTS = "user turns and knowledge gaps"
OTHER = "other measures"
SMALLEST_BUDGET = 10_000

_VARIED, _REPEATED = "higher = more varied", "lower = less repetition"

# Group, metric, scope, statistic, and which way is which.
_COLUMNS: tuple[tuple[str, str, str, str, str], ...] = (
    (PAPER, "dialogues", "dataset", "value", ""),
    (PAPER, "rounds", "dialogue", "mean", ""),
    (PAPER, "tokens", "dialogue", "mean", ""),
    (PAPER, "tokens", "assistant", "mean", ""),
    (PAPER, "mtld_paper", "assistant", "mean", "higher = more varied or longer"),
    (PAPER, "topic_similarity", "dialogue", "mean", "lower = more diverse"),
    (PAPER, "coherence_judge", "dialogue", "mean", "higher = more coherent"),
    (OURS, "words", "dialogue", "mean", ""),
    (OURS, "words", "user", "mean", ""),
    (OURS, "words", "assistant", "mean", ""),
    (OURS, "assistant_token_share", "dataset", "value", "higher = more to learn from"),
    (OURS, "tokens_over_4096", "dialogue", "share", "lower = less is cut off"),
    (OURS, "mtld", "assistant", "mean", _VARIED),
    (OURS, "mtld", "user", "mean", _VARIED),
    (OURS, "distinct_2", "assistant", "value", _VARIED),
    (OURS, "missing_mass_1", "assistant", "value", "higher = more new words to come"),
    (OURS, "self_repetition_4", "assistant", "value", _REPEATED),
    (OURS, "compression_ratio", "assistant", "value", _REPEATED),
    (OURS, "duplicated_5grams", "assistant", "mean", _REPEATED),
    (OURS, "exact_duplicates", "dialogue", "share", _REPEATED),
    (OURS, "exact_duplicates", "prompt", "share", _REPEATED),
    (OURS, "exact_duplicates", "assistant", "share", _REPEATED),
    (OURS, "near_duplicates", "dialogue", "share", _REPEATED),
    (OURS, "near_duplicates", "prompt", "share", _REPEATED),
    (OURS, "near_duplicates", "assistant", "share", _REPEATED),
    (OURS, "near_duplicates", "message", "share", _REPEATED),
    (OURS, "semantic_duplicates", "dialogue", "share", _REPEATED),
    (OURS, "contaminated", "dialogue", "share", "lower = less is leaked"),
    (VECTORS, "vendi", "dialogue", "value", "higher = more diverse"),
    (VECTORS, "nearest_distance", "dialogue", "mean", "higher = more spread out"),
    (VECTORS, "topic_entropy", "dialogue", "value", "higher = more even"),
    (VECTORS, "relevance", "assistant", "auc", "higher = replies fit their messages"),
    (VECTORS, "relevance_context", "assistant", "auc", "the same with all that was said before"),
    (VECTORS, "off_topic", "assistant", "share", "lower = fewer replies beside the point"),
    (VECTORS, "turn_order", "dialogue", "auc", "higher = the order is plainer"),
    (TEXTS, "opening_entropy", "prompt", "value", "higher = prompts open more differently"),
    (TEXTS, "dependent", "user", "share", "higher = follow-ups lean on what was said"),
    (TEXTS, "assistant_like", "user", "share", "lower = less role exchange"),
    (TEXTS, "specifics", "assistant", "value", "higher = more that can be checked"),
    (TEXTS, "ungrounded_specifics", "assistant", "share", "lower = more of it comes from the user’s text"),
    (TEXTS, "hedging", "assistant", "share", ""),
)

_FAMILIES = ("language.", "script.", "role.", "sector.", "contaminated.", "teacher.", "provenance_")


class Column(NamedTuple):
    """One number of the table: what it is, at which budget and in which version it is compared."""

    group: str
    metric: str
    scope: str
    statistic: str
    unit: str
    direction: str
    budget: int | None
    version: str

    @property
    def label(self) -> str:
        """Its true name."""
        return numbers.label(self.metric, self.scope, self.statistic, self.budget)


_SHORT = 40
_FITTED = "1 lsa "
_ANY_LANGUAGE = frozenset({
    "dialogues", "rounds", "messages", "assistant_token_share", "tokens_over_4096", "exact_duplicates",
    "topic_similarity", "coherence_judge", "contaminated",
})  # fmt: skip
"""Metrics that mean the same in every language; lengths and lexical indices depend on how a language is written."""


class Cell(NamedTuple):
    """One dataset's number: the row behind it, or the reason why there is none, and the mark of a real difference."""

    result: Result | None
    reason: str = ""
    mark: str = ""

    @property
    def value(self) -> str:
        """The number as it is printed, with its mark."""
        if self.result is None or self.result.value is None:
            return "–"
        if self.result.version == published.VERSION:
            return numbers.printed(self.result.value)
        return numbers.number(self.result.value, self.result.statistic, self.result.unit)

    @property
    def short_reason(self) -> str:
        """The reason up to its first colon: room in a cell is scarce, the notes under the table have all of it."""
        short = self.reason.partition(":")[0].partition(" where ")[0]
        return short if len(short) <= _SHORT else f"{short[:_SHORT].rpartition(' ')[0]} …"

    @property
    def interval(self) -> str:
        """Its 95 % interval as it is printed, empty where it has none."""
        if self.result is None or self.result.value is None:
            return ""
        return numbers.interval(self.result.low, self.result.high, self.result.statistic, self.result.unit)


class ComparisonTable(NamedTuple):
    """Datasets beside one another: ``cells[d][c]`` is dataset ``d`` in column ``c``; the first is the reference."""

    datasets: tuple[str, ...]
    columns: tuple[Column, ...]
    cells: tuple[tuple[Cell, ...], ...]
    differences: tuple[Difference, ...] = ()
    note: str = ""

    def reasons(self) -> list[tuple[str, str, str]]:
        """Why cells are empty: (dataset, its columns, reason), for the notes under the table."""
        reasons: dict[tuple[str, str], list[str]] = {}
        for dataset, line in zip(self.datasets, self.cells, strict=True):
            for column, cell in zip(self.columns, line, strict=True):
                if cell.reason:
                    reasons.setdefault((dataset, cell.reason), []).append(column.label)
        return [(dataset, "; ".join(labels), reason) for (dataset, reason), labels in reasons.items()]


def comparison(rows: Iterable[Result]) -> ComparisonTable:
    """The table of all datasets in ``rows``, in their order of appearance."""
    found = list(rows)
    datasets = tuple(dict.fromkeys(row.dataset for row in found))
    index = _index(found)
    lines: list[list[Cell]] = [[] for _ in datasets]
    columns = []
    for group, metric, scope, statistic, direction in (*_COLUMNS, *_others(found)):
        rows_of = [index.get((dataset, metric, scope, statistic), {}) for dataset in datasets]
        if not any(rows_of):
            continue
        column, cells = _column((group, metric, scope, statistic, direction), rows_of)
        columns.append(column)
        for line, cell in zip(lines, cells, strict=True):
            line.append(cell)
    table = ComparisonTable(datasets, tuple(columns), tuple(map(tuple, lines)))
    return _marked(table, _main_languages(found))


def _index(rows: Sequence[Result]) -> dict[tuple[str, str, str, str], dict[int | None, Result]]:
    index: dict[tuple[str, str, str, str], dict[int | None, Result]] = {}
    for row in rows:
        index.setdefault((row.dataset, row.metric, row.scope, row.statistic), {})[row.budget] = row
    return index


def _others(rows: Sequence[Result]) -> list[tuple[str, str, str, str, str]]:
    """Numbers that are none of ours, such as external scores: they join the table by themselves."""
    ours = {one.name for one in definitions()}
    keys = dict.fromkeys(
        (OTHER, row.metric, row.scope, row.statistic, "")
        for row in rows
        if row.metric not in ours
        and not row.metric.startswith(_FAMILIES)
        and row.statistic in ("value", "mean", "share", "auc")
    )
    return list(keys)


def _column(
    key: tuple[str, str, str, str, str], rows_of: Sequence[dict[int | None, Result]]
) -> tuple[Column, list[Cell]]:
    """One column: the largest budget that all datasets that have any share, the first dataset's version."""
    group, metric, scope, statistic, direction = key
    budget = _common_budget(rows_of)
    first = next((rows[budget] for rows in rows_of if budget in rows), None)
    version, unit = (first.version, first.unit) if first else ("", "")
    column = Column(group, metric, scope, statistic, unit, direction, budget, version)
    return column, [_cell(column, rows) for rows in rows_of]


def _common_budget(rows_of: Sequence[dict[int | None, Result]]) -> int | None:
    reached = [
        {budget for budget, row in rows.items() if budget is not None and row.value is not None} for rows in rows_of
    ]
    reached = [budgets for budgets in reached if budgets]
    if not reached:
        return next((budget for rows in rows_of for budget in rows), None)
    common = set.intersection(*reached)
    return max(common) if common else max(reached[0])


def _cell(column: Column, rows: dict[int | None, Result]) -> Cell:
    row = rows.get(column.budget, rows.get(None))
    if row is None:
        return Cell(None, _absence(column, sorted(budget for budget in rows if budget is not None)))
    if row.value is None:
        return Cell(None, row.note or "undefined")
    if row.version != column.version:
        return Cell(None, _incomparable(row.version, column.version))
    return Cell(row)


def _incomparable(version: str, other: str) -> str:
    if version.startswith(_FITTED) and other.startswith(_FITTED):
        return "not comparable: vectors fitted on each dataset's own texts; report them one by one"
    return f"not comparable: measured with {version}, this column with {other}"


def _absence(column: Column, budgets: Sequence[int]) -> str:
    """Why a dataset has no number in a column: measured at other budgets, too small, or not asked for."""
    if column.budget is None:
        return "not measured"
    if budgets:
        listed = ", ".join(f"{budget:,}" for budget in budgets)
        return f"measured at {listed} {numbers.budgeted(column.metric)} only, this column is at {column.budget:,}"
    return f"not measured: fewer than {SMALLEST_BUDGET:,} words, or not asked for"


def _comparable(table: ComparisonTable, languages: Mapping[str, str]) -> list[list[Result | None]]:
    """The numbers to compare: of words, indices and n-grams only those in the first dataset's main language."""
    same = [languages.get(name) == languages.get(table.datasets[0]) for name in table.datasets]
    return [
        [
            cell.result if same[d] or column.metric in _ANY_LANGUAGE else None
            for column, cell in zip(table.columns, line, strict=True)
        ]
        for d, line in enumerate(table.cells)
    ]


def _main_languages(rows: Sequence[Result]) -> dict[str, str]:
    """The language of most sampled dialogues of each dataset, empty where none was named."""
    shares: dict[str, tuple[float, str]] = {}
    for row in rows:
        if row.metric.startswith("language.") and row.value is not None:
            shares[row.dataset] = max(shares.get(row.dataset, (0.0, "")), (row.value, row.metric.partition(".")[2]))
    return {dataset: language for dataset, (_, language) in shares.items()}


def _marked(table: ComparisonTable, languages: Mapping[str, str]) -> ComparisonTable:
    """The table with a mark on every cell that differs from the first dataset's beyond chance."""
    if len(table.datasets) < 2:
        return table
    found = differences(_comparable(table, languages))
    real = {(d.dataset, d.column): d for d in found if d.real}
    cells = tuple(
        tuple(cell._replace(mark=_mark(real.get((d, c)))) for c, cell in enumerate(line))
        for d, line in enumerate(table.cells)
    )
    note = (
        f"▲ above, ▼ below {table.datasets[0]} beyond chance: two-sided z from the 95 % intervals at the 5 % level, "
        f"Holm’s correction over the {len(found):,} compared cells; no mark means that no difference was "
        "shown, or that a number has no interval to test."
    )
    if len({languages.get(name, "") for name in table.datasets}) > 1:
        note += " Words, indices and n-grams are not compared between main languages, which differ here."
    return table._replace(cells=cells, differences=tuple(found), note=note if found else "")


def _mark(difference: Difference | None) -> str:
    if difference is None:
        return ""
    return "▲" if difference.z > 0 else "▼"
