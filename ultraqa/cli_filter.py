"""The command ``filter``."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ultraqa.console import Display, import_numba, say, stdout
from ultraqa.options import (
    PATHS,
    AsJson,
    Contamination,
    Format,
    Map,
    Overwrite,
    Paths,
    Seed,
    Tokenizer,
    Workers,
    choice,
    pairs,
)

if TYPE_CHECKING:
    from ultraqa.filters.rule import Rule


def filter_(
    data: Annotated[str, typer.Argument(metavar="DATA", help="one dataset, as for report, or a finished Profile")],
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="OUT", help="file of what is kept; - for standard output (with --beside)"),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="NAME|FILE",
            help="rules by name or file, or none; recommended if neither this nor --min or --max is given",
        ),
    ] = None,
    least: Annotated[
        list[str] | None, typer.Option("--min", metavar="KEY=V", help="drop what lies below, repeatable")
    ] = None,
    most: Annotated[
        list[str] | None, typer.Option("--max", metavar="KEY=V", help="drop what lies above, repeatable")
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="N|P%", help="then keep so many dialogues, chosen to differ")
    ] = None,
    select: Annotated[
        str,
        typer.Option("--select", help="how they are chosen: facility, novelty, balanced, semdedup, quality, random"),
    ] = "facility",
    quality: Annotated[
        str, typer.Option("--quality", metavar="KEY", help="prefer dialogues of high values (-KEY: of low ones)")
    ] = "words.assistant",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be kept and write nothing")] = False,
    beside: Annotated[
        Path | None, typer.Option("--beside", metavar="DIR", help="folder of the other files, by default that of OUT")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--source", metavar="PATH", help="where the data of a Profile lies now")
    ] = None,
    embedder: Annotated[
        str | None, typer.Option("--embedder", help="vectors, where a rule or --keep needs them: static, minilm, …")
    ] = None,
    contamination: Contamination = None,
    tokenizer: Tokenizer = None,
    format_: Format = None,
    map_: Map = None,
    paths: Paths = "best",
    seed: Seed = 0,
    workers: Workers = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Keep the records that rules want as they stand; rejected.jsonl, ledger.parquet and the reasons go beside.

    Example: ultraqa filter mine.jsonl -o kept.jsonl --recipe recommended
    """
    import_numba()
    import ultraqa

    with Display() as progress:
        done = ultraqa.filter(
            data, out, recipe=recipe, rules=_rules(least, most), keep=keep, select=select, quality=quality,
            dry_run=dry_run, beside=beside, source=source, embedder=embedder, contamination=contamination or (),
            tokenizer=tokenizer, format=format_, map=pairs(map_), paths=choice("--paths", paths, PATHS), seed=seed,
            workers=workers, overwrite=overwrite, progress=progress,
        )  # fmt: skip
    if out == "-":
        from rich.console import Console

        from ultraqa.reports import filtered

        filtered.show(done.summary, Console(stderr=True, highlight=False))
    elif as_json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(done.summary, option=orjson.OPT_INDENT_2) + b"\n")
    else:
        from ultraqa.reports import filtered

        filtered.show(done.summary)
    if dry_run:
        say("dry run: nothing is written")
    if done.beside is not None:
        say(f"{out}  (beside it in {done.beside}: rejected.jsonl, ledger.parquet, {done.profile.path.name})")


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="a recipe, whose rules are printed as TOML")
    ] = None,
) -> None:
    """List the recipes of filter, or print the rules of one.

    Example: ultraqa recipes recommended
    """
    from ultraqa.filters.recipe import FOLDER, names, recipe

    console = stdout()
    if name is None:
        for one in names():
            console.print(f"{one}: {recipe(one).description}", markup=False, soft_wrap=True)
        return
    recipe(name)
    text = (FOLDER / f"{name}.toml" if name in names() else Path(name)).read_text("utf-8")
    console.print(text, end="", markup=False, soft_wrap=True)


def _rules(least: list[str] | None, most: list[str] | None) -> list[Rule]:
    """Rules from ``--min`` and ``--max``, of one key together an interval."""
    from ultraqa.filters.rule import Rule, number

    bounds: dict[str, list[float]] = {}
    for place, option, given in ((0, "min", least), (1, "max", most)):
        for item in given or ():
            key, _, value = item.partition("=")
            try:
                bounds.setdefault(key, [-math.inf, math.inf])[place] = number(value)
            except ValueError as error:
                raise typer.BadParameter(f"{item!r} is not KEY=V: {error}", param_hint=f"--{option}") from error
    return [Rule(key, min=low, max=high) for key, (low, high) in bounds.items()]
