"""The command ``check``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ultraqa.console import Display, import_numba, say
from ultraqa.options import (
    DUPLICATES,
    PATHS,
    TOKENS,
    VECTORS,
    AsJson,
    Contamination,
    Data,
    Duplicates,
    Embedder,
    Format,
    Map,
    Paths,
    Representative,
    Seed,
    Tokenizer,
    Tokens,
    Vectors,
    Workers,
    choice,
    pairs,
)


def check(
    data: Data,
    least: Annotated[
        list[str] | None,
        typer.Option("--min", metavar="KEY=V", help="least number that passes, mtld=60, repeatable"),
    ] = None,
    most: Annotated[
        list[str] | None,
        typer.Option("--max", metavar="KEY=V", help="greatest number that passes, near_duplicates=5%, repeatable"),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="[[gate]]s, by default of ultraqa.toml or pyproject.toml here"),
    ] = None,
    fail_on: Annotated[
        str, typer.Option("--fail-on", help="fail, or warn for broken gates of tier warn to fail too")
    ] = "fail",
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="write JUnit XML")] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", metavar="DIR", help="where Profiles of raw data are kept")
    ] = None,
    embedder: Embedder = "static",
    vectors: Vectors = "auto",
    duplicates: Duplicates = "auto",
    representative: Representative = "first",
    contamination: Contamination = None,
    tokens: Tokens = "auto",
    tokenizer: Tokenizer = None,
    format_: Format = None,
    map_: Map = None,
    paths: Paths = "best",
    seed: Seed = 0,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Hold datasets to gates: exit 0 where all are kept, 1 where one is broken, 3 where one cannot be evaluated.

    Example: ultraqa check mine.jsonl --min mtld=60 --max near_duplicates=5%
    """
    import_numba()
    import ultraqa
    from ultraqa.filters.gates import found_config
    from ultraqa.reports import verdicts

    with Display() as progress:
        done = ultraqa.check(
            *data, min=least or (), max=most or (), config=config or found_config(Path()),
            fail_on=choice("--fail-on", fail_on, ("fail", "warn")), junit=junit, cache=cache,
            tokens=choice("--tokens", tokens, TOKENS), tokenizer=tokenizer, embedder=embedder,
            vectors=choice("--vectors", vectors, VECTORS),
            duplicates=choice("--duplicates", duplicates, DUPLICATES), representative=representative,
            contamination=contamination or (), format=format_, map=pairs(map_),
            paths=choice("--paths", paths, PATHS), seed=seed, workers=workers, progress=progress,
        )  # fmt: skip
    if as_json:
        import orjson

        _write(orjson.dumps(done.document(), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        _write(verdicts.table(done.outcomes).encode(sys.stdout.encoding or "utf-8", "replace"))
    _summarise(verdicts.step_summary(done.outcomes))
    raise typer.Exit(done.exit_code)


def _write(printed: bytes) -> None:
    """Print; a reader that has gone early does not change the verdict."""
    try:
        sys.stdout.buffer.write(printed)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _summarise(text: str) -> None:
    """Append to the job summary that GitHub shows, where there is one."""
    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if not place:
        return
    try:
        with Path(place).open("a", encoding="utf-8") as summary:
            summary.write(text)
    except OSError as error:
        say(f"GITHUB_STEP_SUMMARY={place} cannot be written: {(error.strerror or str(error)).lower()}")
