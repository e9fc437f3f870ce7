"""The tables of report.html's sections, taken from the document's rows and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ultraqa.reports import numbers
from ultraqa.reports.published import paper_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ultraqa.analysis.metric import Result
    from ultraqa.reports.table import Cell, ComparisonTable

_WINDOWS = ("tokens_over_2048", "tokens_over_4096", "tokens_over_8192", "tokens_over_32768")
_ROLES = (
    "system_messages",
    "tool_messages",
    "unknown_roles",
    "starts_with_assistant",
    "consecutive_roles",
    "ends_with_user",
    "no_assistant",
    "empty_messages",
)
SHAPE = ("rounds", "messages", "words", "characters", "tokens")
LEXICAL = ("mtld", "mtld_paper", "hdd", "mattr_50", "yule_k", "duplicated_5grams")
_BUDGETED = (
    *(f"{family}_{n}" for family in ("distinct", "entropy") for n in (1, 2, 3, 4)),
    *(f"missing_mass_{n}" for n in (1, 2, 3)),
    "self_repetition_4",
    "compression_ratio",
    "vocabulary",
)
SIMILARITY = (
    ("topic_similarity", "dialogue", "mean"),
    ("topic_similarity_paper", "dialogue", "mean"),
    ("topic_similarity", "prompt", "mean"),
    ("topic_similarity", "user", "mean"),
    ("topic_similarity", "assistant", "mean"),
    ("topic_entropy", "dialogue", "value"),
)
JUDGE = (
    ("coherence_judge", "dialogue", "mean"),
    ("judge_control", "dialogue", "mean"),
    ("coherence_judge_ceiling", "dialogue", "share"),
    ("judge_agreement", "dialogue", "share"),
    ("judge_length_correlation", "dialogue", "value"),
    ("judge_failures", "dialogue", "share"),
)
SYNTAX = (
    ("root_verbs", "prompt", "value"),
    ("verb_object_entropy", "prompt", "value"),
    ("pos_repetition", "assistant", "value"),
    ("entity_continuity", "dialogue", "mean"),
    ("entity_continuity", "dialogue", "auc"),
)
COHERENCE = (
    ("relevance", "assistant", "auc"),
    ("relevance_context", "assistant", "auc"),
    ("off_topic", "assistant", "share"),
    ("off_topic", "dialogue", "share"),
    ("turn_order", "dialogue", "auc"),
    ("turn_order", "dialogue", "mean"),
    ("adjacent_similarity", "dialogue", "mean"),
    ("drift", "dialogue", "mean"),
    ("topic_maintenance", "user", "share"),
    ("topic_drift", "user", "share"),
    ("topic_shift", "user", "share"),
)
USERS = (
    *((metric, "user", "share") for metric in ("questions", "unpunctuated", "lower_start", "polite", "assistant_like")),
    ("followups", "dialogue", "mean"),
    *((metric, "user", "share") for metric in ("dependent", "given", "echo", "friction")),
    ("closing", "dialogue", "share"),
    ("followup_words", "user", "mean"),
    ("words_cv", "prompt", "value"),
    ("words_tail", "prompt", "value"),
)
EXPOSURE = (
    ("specifics", "assistant", "value"),
    ("ungrounded_specifics", "assistant", "share"),
    ("hedging", "assistant", "share"),
    ("abstention", "assistant", "share"),
    ("number_conflicts", "dialogue", "share"),
    ("entities_per_100_words", "assistant", "value"),
)
SELF_BLEU = (("self_bleu_4", "assistant", "value"),)
SECTORS = tuple((f"sector.{name}", "prompt", "share") for name in ("world", "creation", "material"))
_QUANTILES = ("mean", "p05", "median", "p95")


class Value(NamedTuple):
    """One cell: the number as text, what stands below it, a share for a bar, the mark of a real difference."""

    text: str
    below: str = ""
    share: float | None = None
    mark: str = ""


class Line(NamedTuple):
    """One line of a table: its name, its cells, the group of lines it belongs to, and what stands below the name."""

    name: str
    cells: tuple[Value, ...]
    group: str = ""
    below: str = ""


class Table(NamedTuple):
    """A table with numbers in all columns but the first."""

    head: tuple[str, ...]
    lines: tuple[Line, ...]


class Rows:
    """The results of a document, by dataset, metric, scope and statistic."""

    def __init__(self, rows: Iterable[Result]) -> None:
        self.all = list(rows)
        self.datasets = tuple(dict.fromkeys(row.dataset for row in self.all))
        self.single = len(self.datasets) == 1
        self._first = {row[:4]: row for row in reversed(self.all)}
        self._index = {(r.dataset, r.metric, r.scope, r.statistic, r.budget): r for r in self.all}

    def get(self, dataset: str, metric: str, scope: str, statistic: str, budget: int | None = None) -> Result | None:
        """One row, None where it is not in the document."""
        return self._index.get((dataset, metric, scope, statistic, budget))

    def has(self, metric: str) -> bool:
        """Whether there is a number of a metric, whatever its value."""
        return any(row.metric == metric for row in self.all)

    def shares(self, metrics: Sequence[str], scope: str = "dialogue") -> Table:
        """Share and count of each metric, a column a dataset (for one dataset: a column each)."""
        lines = []
        for metric in metrics:
            rows = [(self.get(d, metric, scope, "share"), self.get(d, metric, scope, "count")) for d in self.datasets]
            if any(share for share, _ in rows):
                cells = tuple(share_cell(*pair) for pair in rows)
                lines.append(Line(metric, _apart(cells[0]) if self.single else cells))
        return Table(("", "share", "number") if self.single else ("", *self.datasets), tuple(lines))

    def roles(self) -> Table:
        """Structure of the dialogues."""
        return self.shares(_ROLES)

    def windows(self) -> Table:
        """Dialogues beyond the windows that trainers use."""
        table = self.shares(_WINDOWS)
        names = [f"over {int(line.name.rpartition('_')[2]):,} tokens" for line in table.lines]
        return table._replace(lines=tuple(line._replace(name=n) for line, n in zip(table.lines, names, strict=True)))

    def families(self, prefix: str) -> Table:
        """Shares of a family of metrics (``language.``, ``script.``), largest first."""
        best: dict[str, float] = {}
        for row in self.all:
            if row.metric.startswith(prefix) and row.value:
                best[row.metric] = max(best.get(row.metric, 0.0), row.value)
        metrics = sorted(best, key=lambda metric: (-best[metric], metric))[:20]
        table = self._none_found(self.shares(metrics, "dataset"), prefix)
        head = ("", "share", "95 % interval") if self.single else table.head
        return table._replace(
            head=head, lines=tuple(line._replace(name=line.name.removeprefix(prefix)) for line in table.lines)
        )

    def _none_found(self, table: Table, prefix: str) -> Table:
        """The table with 0 % where a dataset was looked at and the kind was not found in it."""
        looked = {row.dataset for row in self.all if row.metric.startswith(prefix) and row.value is not None}
        if self.single:
            return table
        none = Value(numbers.number(0.0, "share"), share=0.0)
        return table._replace(lines=tuple(
            line._replace(cells=tuple(
                none if cell.share is None and dataset in looked else cell
                for dataset, cell in zip(self.datasets, line.cells, strict=True)
            ))
            for line in table.lines
        ))  # fmt: skip

    def quantiles(self, metrics: Sequence[str], scopes: Sequence[str]) -> Table:
        """Mean and quantiles, a line for each metric, scope and dataset."""
        lines = []
        for metric in metrics:
            for scope in scopes:
                for dataset in self.datasets:
                    rows = [self.get(dataset, metric, scope, statistic) for statistic in _QUANTILES]
                    if rows[0] is not None:
                        cells = (*map(_number_cell, rows), *_base_cells(rows[0]))
                        lines.append(self.line(dataset, numbers.label(metric, scope, "mean"), cells))
        return Table(("", "mean", "5th percentile", "median", "95th percentile", "n", "undefined"), tuple(lines))

    def shape(self) -> Table:
        """Lengths."""
        return self.quantiles(SHAPE, ("dialogue", "user", "assistant"))

    def lexical(self) -> Table:
        """Lexical diversity of messages."""
        return self.quantiles(LEXICAL, ("assistant", "user"))

    def budgets(self, scope: str) -> Table:
        """Corpus statistics at each budget, a line for each metric and dataset."""
        budgets = sorted({row.budget for row in self.all if row.budget is not None and row.scope == scope})
        lines = []
        for metric in _BUDGETED:
            for dataset in self.datasets:
                rows = [self.get(dataset, metric, scope, "value", budget) for budget in budgets]
                if any(rows):
                    lines.append(self.line(dataset, metric, tuple(map(_number_cell, rows))))
        return Table(("", *(f"{budget:,} words" for budget in budgets)), tuple(lines))

    def selected(self, keys: Sequence[tuple[str, str, str]]) -> Table:
        """Numbers one by one, a column a dataset (for one dataset: value, interval and base)."""
        lines = []
        for key in keys:
            rows = [self._only(dataset, *key) for dataset in self.datasets]
            if any(rows):
                cells = _apart_from_base(rows[0]) if self.single and rows[0] else tuple(map(_number_cell, rows))
                lines.append(Line(numbers.label(*key), cells))
        head = ("value", "95 % interval", "n", "undefined") if self.single else self.datasets
        return Table(("", *head), tuple(lines))

    def _only(self, dataset: str, metric: str, scope: str, statistic: str) -> Result | None:
        """The row of a number that has one row, whatever its budget."""
        return self._first.get((dataset, metric, scope, statistic))

    def at_dialogues(self) -> Table:
        """What depends on the number of dialogues, at each number."""
        return self._at(("vendi", "dialogue", "value"), ("nearest_distance", "dialogue", "mean"), unit="dialogues")

    def at_prompts(self) -> Table:
        """What depends on the number of prompts, at each number."""
        return self._at(("opening_entropy", "prompt", "value"), unit="prompts")

    def _at(self, *keys: tuple[str, str, str], unit: str) -> Table:
        metrics = {metric for metric, _, _ in keys}
        budgets = sorted({row.budget for row in self.all if row.budget is not None and row.metric in metrics})
        lines = []
        for key in keys:
            for dataset in self.datasets:
                rows = [self.get(dataset, *key, budget) for budget in budgets]
                if any(rows):
                    lines.append(self.line(dataset, key[0], tuple(map(_number_cell, rows))))
        return Table(("", *(f"{budget:,} {unit}" for budget in budgets)), tuple(lines))

    def notes(self, keys: Sequence[tuple[str, str, str]]) -> list[tuple[str, str]]:
        """Why dialogues are in none of some numbers: (dataset, note), each once."""
        rows = [self._only(dataset, *key) for dataset in self.datasets for key in keys]
        return list(dict.fromkeys((row.dataset, row.note) for row in rows if row is not None and row.note))

    def line(self, dataset: str, name: str, cells: tuple[Value, ...]) -> Line:
        """A line of its own for one dataset, a line in the metric's group for several."""
        return Line(name, cells) if self.single else Line(dataset, cells, name)

    def growth(self) -> Table:
        """Numbers of the whole corpus that need no budget."""
        keys = [(m, s) for m in ("zipf_exponent", "heaps_exponent") for s in ("assistant", "user")]
        lines = []
        for metric, scope in keys:
            rows = [self.get(dataset, metric, scope, "value") for dataset in self.datasets]
            if any(rows):
                lines.append(Line(numbers.label(metric, scope, "value"), tuple(map(_number_cell, rows))))
        return Table(("", "value") if self.single else ("", *self.datasets), tuple(lines))

    def overused(self) -> list[Result]:
        """Word over- and under-use; the words are in the notes."""
        return [row for row in self.all if row.metric in ("word_overuse", "word_underuse")]


def comparison_lines(table: ComparisonTable) -> Table:
    """The comparison table turned: a line a number, a column a dataset (for one dataset: value, interval and base)."""
    single = len(table.datasets) == 1
    lines = []
    for c, column in enumerate(table.columns):
        cells = [line[c] for line in table.cells]
        values = _single_cells(cells[0]) if single else tuple(map(_comparison_cell, cells))
        lines.append(Line(column.label, values, column.group, column.direction))
    head = ("value", "95 % interval", "n", "undefined") if single else table.datasets
    return Table(("", *head), tuple(lines))


def published_lines(table: ComparisonTable) -> Table:
    """The published rows turned, each line with the name that the paper gives it."""
    lines = [
        Line(column.label, tuple(Value(line[c].value) for line in table.cells), "", f"“{printed}”")
        for c, column in enumerate(table.columns)
        if (printed := paper_name(column.metric, column.scope))
    ]
    return Table(("", *(name.removesuffix(" (published)") for name in table.datasets)), tuple(lines))


def share_cell(share: Result | None, count: Result | None) -> Value:
    """A share with its number below, or why there is none."""
    if share is None or share.value is None:
        return Value("–", (share.note if share else "") or "not measured")
    below = numbers.number(count.value, "count") if count else ""
    below = below or numbers.interval(share.low, share.high, "share")
    return Value(numbers.number(share.value, "share"), below, share.value)


def _apart(cell: Value) -> tuple[Value, ...]:
    """A share and its number in two cells."""
    if cell.share is None:
        return (cell, Value(""))
    return (cell._replace(below=""), Value(cell.below))


def _number_cell(row: Result | None) -> Value:
    if row is None:
        return Value("–")
    if row.value is None:
        return Value("–", row.note)
    shown = numbers.number(row.value, row.statistic, row.unit)
    return Value(shown, numbers.interval(row.low, row.high, row.statistic, row.unit))


def _apart_from_base(row: Result) -> tuple[Value, ...]:
    cell = _number_cell(row)
    if row.value is None:
        return (Value(cell.text), Value(""), *_base_cells(row))
    return (cell._replace(below=""), Value(cell.below), *_base_cells(row))


def _base_cells(row: Result) -> tuple[Value, ...]:
    return (Value(f"{row.n:,}"), Value(f"{row.n_undefined:,}" if row.n_undefined else ""))


def _single_cells(cell: Cell) -> tuple[Value, ...]:
    if cell.result is None:
        return (Value("–", cell.short_reason), Value(""), Value(""), Value(""))
    # A number of the dataset as a whole has no base beside itself.
    base = _base_cells(cell.result) if cell.result.scope != "dataset" else (Value(""), Value(""))
    return (Value(cell.value), Value(cell.interval), *base)


def _comparison_cell(cell: Cell) -> Value:
    return Value(cell.value, cell.interval or cell.short_reason, None, cell.mark)
