"""A probe on a terminal: the verdict first, what it means, then the probes, the guards and the wording behind it."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from ultraqa.reports import numbers, probe_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console, RenderableType

    from ultraqa.reports.sections import Line, Table, Value

_PLAIN_WIDTH = 100
_STYLES = {"fail": "bold red", "warn": "bold yellow", "info": "bold blue", "good": "bold green"}
_WORDINGS = 5
"""Wordings of each list; the document has all."""


def show(document: Mapping[str, Any], console: Console | None = None) -> None:
    """Print a document on ``console``, by default on standard output."""
    from rich.console import Console  # noqa: PLC0415  (only to print)

    console = console or Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PLAIN_WIDTH
    if console.is_terminal and console.encoding.lower().startswith("utf"):
        for block in _blocks(document):
            console.print(block)
        return
    # No trailing blanks in a file, and a question mark, not an exception, for what its encoding cannot take.
    plain = text(document, console.width).encode(console.encoding, "replace").decode(console.encoding)
    console.print(plain, end="", markup=False, highlight=False, soft_wrap=True)


def text(document: Mapping[str, Any], width: int = _PLAIN_WIDTH) -> str:
    """What ``show`` prints, as plain text ``width`` columns wide."""
    from rich.console import Console  # noqa: PLC0415  (only to print)

    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None, highlight=False, legacy_windows=False)
    for block in _blocks(document):
        console.print(block)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _blocks(one: Mapping[str, Any]) -> Iterator[RenderableType]:
    from rich.text import Text  # noqa: PLC0415  (only to print)

    badge = probe_tables.badge(one)
    head = Text(f"{badge.sign} {badge.words}", _STYLES[badge.kind])
    yield head.append(f"  {probe_tables.title(one)}", "not bold default")
    yield Text(probe_tables.subject(one), "dim")
    yield Text(f"\n{numbers.visible(one['sentence'])}\n")
    if "levels" in one:
        yield _table(probe_tables.levels(one), "level")
        yield from (Text(numbers.visible(note), "dim") for note in one["notes"])
        return
    if "generations" in one:
        yield from _generations(one)
    yield _table(probe_tables.probes(one), "probe")
    yield Text(probe_tables.rule(), "dim")
    said = [probe_tables.distances(one), *one["notes"]]
    yield from (Text(numbers.visible(note), "dim") for note in said if note)
    yield Text()
    yield _table(probe_tables.guards(one), "guard")
    for listed in probe_tables.wordings(one):
        yield Text(f"\n{listed.title}: {listed.meaning}")
        for line in listed.table.lines[:_WORDINGS]:
            yield from _wording(listed.table, line)
        if len(listed.table.lines) > _WORDINGS:
            yield Text(f"{len(listed.table.lines) - _WORDINGS} more are in the JSON", "dim")


def _generations(one: Mapping[str, Any]) -> Iterator[RenderableType]:
    from rich.text import Text  # noqa: PLC0415  (only to print)

    yield _table(probe_tables.generations(one), "generation")
    yield Text(f"{'● a sign of narrowing' if probe_tables.is_judged(one) else probe_tables.NOT_JUDGED}\n", "dim")
    for name, drawn, last in probe_tables.sparklines(one):
        yield Text(f"{name:<18} {drawn}  {last}")
    yield Text()
    yield _table(probe_tables.trends(one), "trend over all generations")
    yield Text(
        f"\nthe last, {numbers.name_cell(one['candidate'])}, beside {numbers.name_cell(one['reference'])}:", "bold"
    )


def _wording(table: Table, line: Line) -> Iterator[RenderableType]:
    """A wording with its numbers, and below it where it stands."""
    from rich.padding import Padding  # noqa: PLC0415  (only to print)
    from rich.text import Text  # noqa: PLC0415

    counts = ", ".join(f"{name} {cell.text}" for name, cell in zip(table.head[1:], line.cells, strict=True))
    yield Padding(Text(f"{numbers.name_cell(line.name)}  ({counts})"), (0, 0, 0, 2))
    yield Padding(Text(numbers.name_cell(line.below), "dim"), (0, 0, 0, 6))


def _table(content: Table, corner: str) -> RenderableType:
    from rich.table import Table as Shown  # noqa: PLC0415  (only to print)
    from rich.text import Text  # noqa: PLC0415

    shown = Shown(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    shown.add_column(Text(corner), overflow="fold")
    for head in content.head[1:]:
        shown.add_column(Text(numbers.visible(head).replace("_", " ")), justify="right", overflow="fold")
    group = ""
    for line in content.lines:
        if line.group != group:
            group = line.group
            shown.add_row(Text(numbers.name_cell(group), "dim"))
        indent = "  " * bool(line.group)
        shown.add_row(Text(f"{indent}{numbers.name_cell(line.name)}"), *map(_cell, line.cells))
    return shown


def _cell(value: Value) -> RenderableType:
    from rich.text import Text  # noqa: PLC0415  (only to print)

    shown = Text(numbers.visible(value.text)).append(f" {value.mark}" if value.mark else "")
    if value.text.startswith(("●", "✕")) or value.mark:
        shown.stylize("bold")
    return shown
