"""A filter run on a terminal: the waterfall of rules, the numbers before and after, and what was chosen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ultraqa.reports import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console
    from rich.table import Table

_PLAIN_WIDTH = 100
_CHOICES = (
    "dialogues", "words_per_reply", "topic_similarity", "vendi", "nearest_distance", "topic_entropy",
    "clusters_covered", "facility_coverage",
)  # fmt: skip
_VERBS = {"drop": "drops", "truncate": "cuts", "drop_round": "takes rounds out of", "flag": "notes"}


def show(summary: Mapping[str, Any], console: Console | None = None) -> None:
    """Print a summary on ``console``, by default on standard output."""
    from rich.console import Console  # noqa: PLC0415  (only to print)

    console = console or Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PLAIN_WIDTH
    for block in _blocks(summary):
        console.print(block, markup=False) if isinstance(block, str) else console.print(block)


def _blocks(summary: Mapping[str, Any]) -> Iterator[Table | str]:
    if any(one["hit"] for one in summary["waterfall"]) or "budget" in summary:
        yield _waterfall(summary)
    idle = [one["wanted"].partition(" ≤ 0")[0] for one in summary["waterfall"] if not one["hit"]]
    if idle:
        yield f"these hit nothing: {', '.join(idle)}"
    records, dialogues = summary["records"], summary["dialogues"]
    cut = f", {dialogues['cut']:,} of their dialogues cut" if dialogues["cut"] else ""
    yield (
        f"{records['read']:,} records read = {records['kept']:,} kept{cut} + {records['dropped']:,} dropped"
        f" + {records['unreadable']:,} unreadable"
    )
    if dialogues["uncut"]:
        reason = "no reply would be left, or their turns are no list"
        many = f"{dialogues['uncut']:,} dialogue" + ("s" if dialogues["uncut"] > 1 else "")
        yield f"! of those to be cut, {many} dropped instead: {reason}"
    if not records["kept"]:
        yield "! nothing is kept"
    if summary["skipped"]:
        listed = ", ".join(f"{one['rule']} (measured with {one['option']})" for one in summary["skipped"])
        yield f"! not measured and not looked at: {listed}"
    if summary["numbers"]:
        yield ""
        yield _before_after(summary)
    if "budget" in summary:
        yield ""
        yield f"--keep {summary['budget']['dialogues']:,}: {summary['budget']['note']}"
        compared = summary["budget"]["compared"]
        if compared:
            yield _choices(compared)
            covers = {one["selection"]: one.get("facility_coverage") for one in compared}
            if covers["chosen"] is not None and covers["chosen"] < covers["random"]:
                yield "! this choice covers the whole less well than a random one of the same size (facility coverage)"


def _waterfall(summary: Mapping[str, Any]) -> Table:
    from rich.table import Table  # noqa: PLC0415  (only to print)

    table = Table(box=None, pad_edge=False, title=f"{summary['dataset']}: {summary['recipe']}", title_justify="left")
    table.add_column("wanted", overflow="fold")
    table.add_column("else")
    for name in ("hit", "by it first", "undefined"):
        table.add_column(name, justify="right")
    total = summary["dialogues"]["read"]
    for one in summary["waterfall"]:
        if not one["hit"]:
            continue
        first = "–" if one["action"] == "flag" else f"{one['first']:,} ({_share(one['first'], total)})"
        undefined = f"{one['undefined']:,}" if one["undefined"] else ""
        table.add_row(one["wanted"], _VERBS[one["action"]], f"{one['hit']:,}", first, undefined)
    if "budget" in summary:
        left_out = summary["budget"]["left_out"]
        table.add_row(
            f"--keep {summary['budget']['dialogues']:,}", "drops", f"{left_out:,}",
            f"{left_out:,} ({_share(left_out, total)})", "",
        )  # fmt: skip
    return table


def _share(part: int, whole: int) -> str:
    return numbers.number(part / whole if whole else 0.0, "share")


def _before_after(summary: Mapping[str, Any]) -> Table:
    from rich.table import Table  # noqa: PLC0415  (only to print)

    table = Table(box=None, pad_edge=False)
    table.add_column("number")
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    for one in summary["numbers"]:
        budget = f" @{one['budget']:,} words" if one["budget"] else ""
        table.add_row(
            one["key"].removesuffix(".value") + budget, numbers.number(one["before"], one["unit"]),
            numbers.number(one["after"], one["unit"]),
        )  # fmt: skip
    return table


def _choices(compared: list[dict[str, Any]]) -> Table:
    from rich.table import Table  # noqa: PLC0415  (only to print)

    table = Table(box=None, pad_edge=False)
    names = [name for name in _CHOICES if any(one.get(name) is not None for one in compared)]
    table.add_column("selection of the same size")
    for name in names:
        table.add_column(name.replace("_", " "), justify="right", overflow="fold")
    for one in compared:
        table.add_row(str(one["selection"]), *(_value(one.get(name)) for name in names))
    return table


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else str(value)
