"""The command ``convert``."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003  (typer reads it)
from typing import Annotated

import typer

from ultraqa.console import say, stdout
from ultraqa.options import PATHS, AsJson, Format, Map, Paths, choice, pairs

FORMS = ("messages", "sharegpt", "alpaca", "ultrachat")


def convert(
    data: Annotated[str, typer.Argument(metavar="DATA", help="one dataset, as for report")],
    out: Annotated[Path, typer.Option("-o", "--out", help="a .jsonl, .json or .parquet file, .gz or .zst behind it")],
    to: Annotated[str, typer.Option("--to", help="the form: messages, sharegpt, alpaca or ultrachat")],
    format_: Format = None,
    map_: Map = None,
    paths: Paths = "best",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace an output that is there")] = False,
    as_json: AsJson = False,
) -> None:
    """Write dialogues as messages, ShareGPT, Alpaca or UltraChat, and say what that form cannot hold.

    Example: ultraqa convert mine.jsonl -o messages.jsonl --to messages
    """
    import ultraqa

    done = ultraqa.convert(
        data, out, to=choice("--to", to, FORMS), format=format_, map=pairs(map_),
        paths=choice("--paths", paths, PATHS), overwrite=overwrite,
    )  # fmt: skip
    if as_json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(done._asdict(), option=orjson.OPT_INDENT_2) + b"\n")
        return
    console = stdout()
    console.print(
        f"{done.records:,} records: {done.written:,} dialogues written + {done.unconverted:,} unconverted, "
        f"{done.unreadable:,} records unreadable",
        markup=False,
    )
    for what, count in done.lost.items():
        console.print(f"! lost in {count:,} dialogues: {what}", markup=False)
    for reason, count in done.reasons.items():
        console.print(f"! {count:,} unconverted: {reason}", markup=False)
    say(str(out))
