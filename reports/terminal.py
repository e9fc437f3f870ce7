"""The report on a terminal: the table and the findings, as wide as the terminal is and plain where it is none."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from ultraqa.reports import compatibility, defect_rules, numbers, probe_tables
from ultraqa.reports import document as documents
from ultraqa.reports.table import Cell, ComparisonTable, comparison

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_SIGNS = {"fail": "✕ fail", "warn": "! warn", "info": "i info"}
_STYLES = {"fail": "bold red", "warn": "yellow", "info": "blue"}
_PLAIN_WIDTH = 100
_LABEL_WIDTH = 40
# A column of values with their marks, and one of intervals, with the space between columns.
_CELL_WIDTH, _INTERVAL_WIDTH = 14, 16
# A terminal is for the gravest; the files have everything.
_FINDINGS, _NOTES, _BENCHMARKS = 24, 6, 3
# Dialogues up to which a defect is one of several in a sentence and has none of its own.
_RARE = 3
# What fewer dialogues share is a turn of phrase rather than a form that was filled in.
_TEMPLATE = 0.1


def show(document: Mapping[str, Any], console: Console | None = None) -> None:
    """Print a document's table and findings on ``console``, by default on standard output."""
    from rich.console import Console  # noqa: PLC0415  (only to print)

    console = console or Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PLAIN_WIDTH
    if console.is_terminal and console.encoding.lower().startswith("utf"):
        _show(document, console)
        return
    # No trailing blanks in a file, and a question mark, not an exception, for what its encoding cannot take.
    plain = text(document, console.width).encode(console.encoding, "replace").decode(console.encoding)
    console.print(plain, end="", markup=False, highlight=False, soft_wrap=True)


def text(document: Mapping[str, Any], width: int = _PLAIN_WIDTH) -> str:
    """What ``show`` prints, as plain text ``width`` columns wide."""
    from rich.console import Console  # noqa: PLC0415  (only to print)

    stream = io.StringIO()
    _show(document, Console(file=stream, width=width, color_system=None, highlight=False, legacy_windows=False))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _show(document: Mapping[str, Any], console: Console) -> None:
    table = comparison(documents.results(document))
    for block in _blocks(table, console.width):
        console.print(block)
    _notes(table, console)
    if document["published"]:
        published = comparison(documents.results(document, "published"))
        console.print()
        for block in _blocks(published, console.width, title="Published, not measured here"):
            console.print(block)
        _print(console, f"Source: {document['published_source']}. report.html has the caveats of each column.")
    _duplicates(document, console)
    _findings(document, console)


def _duplicates(document: Mapping[str, Any], console: Console) -> None:
    """What table and findings do not say: templates, questions that were found, and what trainers would not keep."""
    told = {one["dataset"] for one in document["findings"] if one["finding"] == "templated"}
    lines = [
        (one["dataset"], _template(one)) for one in document.get("near_duplicates", ()) if one["dataset"] not in told
    ]
    lines += [(one["dataset"], _contamination(one)) for one in document.get("contamination", ())]
    lines += [(one["dataset"], _overlap(one)) for one in (document.get("overlap") or {"matrix": ()})["matrix"]]
    lines += compatibility.losses(document)
    lines += [(one["candidate"], _narrowing(one)) for one in document.get("narrowing", ())]
    many = len(document["datasets"]) > 1
    for dataset, line in lines:
        _print(console, f"{numbers.name_cell(dataset)}, {line}" if many and line else line)


def _template(one: Mapping[str, Any]) -> str:
    phrases = one["template"]["phrases"]
    if not phrases or phrases[0]["share"] < _TEMPLATE:
        return ""
    words = f"“{phrases[0]['text']}”" if "text" in phrases[0] else "one phrase"
    return f"template: {words} stands in {numbers.number(phrases[0]['share'], 'share')} of the dialogues"


def _overlap(one: Mapping[str, Any]) -> str:
    """What of a dataset is in another."""
    kinds = {"exact": "equal dialogues", "near": "near-duplicates", "prompts": "equal prompts"}
    counts = [f"{one[kind]['count']:,} {name}" for kind, name in kinds.items() if one[kind]]
    return f"in {one['other']}: {', '.join(counts)}" if counts else ""


def _narrowing(one: Mapping[str, Any]) -> str:
    """Whether a dataset says less than the first."""
    return f"beside {numbers.name_cell(one['reference'])}: {probe_tables.verdict(one)}"


def _contamination(one: Mapping[str, Any]) -> str:
    asked = one["benchmarks"]
    found = sorted((each for each in asked if each["found"]), key=lambda each: -each["found"] / each["items"])
    if found:
        listed = ", ".join(f"{each['found']:,} of {each['items']:,} of {each['name']}" for each in found[:_BENCHMARKS])
        shown = f"questions found: {listed}{' and others' * (len(found) > _BENCHMARKS)}"
    else:
        shown = f"none of {sum(each['items'] for each in asked):,} questions found"
    return f"contamination: {shown}; paraphrases are not excluded"


def _notes(table: ComparisonTable, console: Console) -> None:
    _print(console, table.note)
    reasons = table.reasons()
    for dataset, columns, reason in reasons[:_NOTES]:
        where = f"{dataset}, {columns}" if len(table.datasets) > 1 else columns
        _print(console, f"–  {where}: {reason}")
    if len(reasons) > _NOTES:
        _print(console, "–  other cells are empty for reasons that report.html names")


def _blocks(table: ComparisonTable, width: int, title: str = "") -> Iterator[Table]:
    """The table in blocks of as many datasets as fit; of a comparison, the first dataset leads each block."""
    room = width - min(_LABEL_WIDTH, width // 2)
    chosen = list(range(len(table.datasets)))
    with_interval = len(chosen) * (_CELL_WIDTH + _INTERVAL_WIDTH) <= room
    fitting = len(chosen) if with_interval else max(2, room // _CELL_WIDTH)
    if len(chosen) <= fitting:
        yield _block(table, chosen, title, with_interval)
    elif table.note:
        for start in range(1, len(chosen), fitting - 1):
            yield _block(table, [0, *chosen[start : start + fitting - 1]], title if start == 1 else "", False)
    else:
        for start in range(0, len(chosen), fitting):
            yield _block(table, chosen[start : start + fitting], title if start == 0 else "", False)


def _block(table: ComparisonTable, block: Sequence[int], title: str, with_interval: bool) -> Table:
    from rich import box  # noqa: PLC0415  (only to print)
    from rich.table import Table  # noqa: PLC0415

    style = _text(title, "bold") if title else None
    shown = Table(box=box.SIMPLE_HEAD, title=style, title_justify="left", pad_edge=False, show_edge=False)
    shown.add_column("", overflow="fold")
    for d in block:
        name = table.datasets[d].removesuffix(" (published)")
        shown.add_column(_text(name, "bold"), justify="right", overflow="fold")
        if with_interval:
            shown.add_column(_text("95 % interval", "dim"), justify="right", no_wrap=True)
    for c, column in enumerate(table.columns):
        last = c + 1 == len(table.columns) or table.columns[c + 1].group != column.group
        cells = [part for d in block for part in _cells(table.cells[d][c], with_interval, marked=bool(table.note))]
        shown.add_row(_text(column.label), *cells, end_section=last)
    return shown


def _cells(cell: Cell, with_interval: bool, *, marked: bool) -> list[Text]:
    value = _text(cell.value)
    value.append(f" {cell.mark or ' '}" if marked else "", style="bold magenta")
    return [value, _text(cell.interval, "dim")] if with_interval else [value]


def _findings(document: Mapping[str, Any], console: Console) -> None:
    found = document["findings"]
    counted = ", ".join(f"{sum(f['severity'] == name for f in found)} {name}" for name in _SIGNS)
    number = len(document["not_measured"])
    counted += f", {number} not measured" if number else ""
    console.print()
    console.print(_text("Findings: ", "bold").append(counted, style="not bold"))
    names = dict.fromkeys(missing["finding"].replace("_", " ") for missing in document["not_measured"])
    _print(console, f"  not measured: {', '.join(names)}; report.html says why" if names else "")
    shown = _together(found)
    for finding in shown[:_FINDINGS]:
        console.print(_finding(finding, many=len(document["datasets"]) > 1))
    if len(shown) > _FINDINGS:
        _print(console, f"  {len(shown) - _FINDINGS} more are in report.html and report.md")


def _together(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The findings; defects of one severity that are rare or only worth knowing stand in one sentence a dataset."""
    shown: list[Mapping[str, Any]] = []
    for severity in _SIGNS:
        alike = [one for one in found if one["severity"] == severity]
        short = [one for one in alike if one["finding"] in defect_rules.NAMES and _short(one)]
        shown += [one for one in alike if one not in short]
        for dataset in dict.fromkeys(one["dataset"] for one in short):
            some = [one for one in short if one["dataset"] == dataset]
            shown += some if len(some) == 1 else [_also(some)]
    return shown


def _short(finding: Mapping[str, Any]) -> bool:
    """Whether a finding goes without a sentence of its own."""
    severity, count = str(finding["severity"]), int(finding["count"])
    return severity == "info" or (severity == "warn" and count <= _RARE)


def _also(some: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Several findings as one, the most frequent first."""
    listed = []
    for one in sorted(some, key=lambda one: -one["count"]):
        rows = f"row{'s' * (len(one['rows']) > 1)} {', '.join(map(str, one['rows']))}"
        place = numbers.number(one["value"], "share") if one["count"] > _RARE else rows
        listed.append(f"{one['finding'].replace('_', ' ')} in {one['count']:,} ({place})")
    return {**some[0], "sentence": f"Also, of {some[0]['n']:,} dialogues: {', '.join(listed)}.", "rows": []}


def _finding(finding: Mapping[str, Any], *, many: bool) -> Table:
    from rich.table import Table  # noqa: PLC0415  (only to print)

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=8, no_wrap=True)
    grid.add_column(overflow="fold")
    line = _text(numbers.name_cell(finding["dataset"]) + ": " if many else "", "bold")
    line.append(numbers.visible(finding["sentence"]), style="not bold")
    if finding["rows"]:
        line.append(f" (rows {', '.join(map(str, finding['rows']))})", style="dim not bold")
    severity = _text(f"  {_SIGNS[finding['severity']]}", _STYLES[finding["severity"]])
    grid.add_row(severity, line)
    return grid


def _text(raw: str, style: str = "") -> Text:
    """Text without markup and with its control characters shown: nothing in it is obeyed."""
    from rich.text import Text  # noqa: PLC0415  (only to print)

    return Text(numbers.visible(raw), style=style)


def _print(console: Console, line: str) -> None:
    if line:
        console.print(_text(line, "dim"))
