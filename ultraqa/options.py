"""Options that several commands share, and what their values may be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

TOKENS, VECTORS, PATHS = ("auto", "all", "none"), ("auto", "all"), ("best", "all")
DUPLICATES = ("auto", "all", "none")

Data = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA…", help="files, folders, quoted globs, urls, - (standard input), name=path, or Profiles"
    ),
]
Format = Annotated[
    str | None, typer.Option("--format", help="read every record as this format instead of detecting it")
]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="KEY=NAME", help="a record key and the name a format knows, repeatable"),
]
Paths = Annotated[str, typer.Option("--paths", help="of message trees: best (best-ranked path) or all")]
Tokens = Annotated[
    str, typer.Option("--tokens", help="count tokens: auto (all up to 500 MB, else a sample), all, none")
]
Tokenizer = Annotated[
    Path | None, typer.Option("--tokenizer", help="a tokenizer.json; by default LLaMA's, as in the UltraChat table")
]
Embedder = Annotated[
    str,
    typer.Option(
        "--embedder", help="vectors for topics and coherence: static, minilm, lsa, a model's folder or hub name, none"
    ),
]
Vectors = Annotated[
    str, typer.Option("--vectors", help="of auto (above 100 MB of 10,000 drawn dialogues) or all dialogues")
]
Duplicates = Annotated[
    str, typer.Option("--duplicates", help="near ones of dialogues and prompts (auto), of messages too (all), or none")
]
Representative = Annotated[
    str,
    typer.Option(
        "--representative",
        metavar="COLUMN",
        help="which duplicate is kept: first, longest, or highest in a column (-COLUMN: lowest)",
    ),
]
Contamination = Annotated[
    list[str] | None,
    typer.Option("--contamination", metavar="FILE", help="questions of a benchmark, looked for in the data"),
]
Seed = Annotated[int, typer.Option("--seed", help="of all random draws")]
Workers = Annotated[int | None, typer.Option("--workers", help="threads; the result does not depend on it", min=1)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace files and Profiles of another run")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document instead of tables")]


def choice(option: str, value: str, choices: tuple[str, ...]) -> Any:
    """The value of an option that has few."""
    if value not in choices:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(choices)}", param_hint=option)
    return value


def pairs(given: list[str] | None) -> dict[str, str]:
    """What ``--map`` gives, KEY=NAME each."""
    found = [item.partition("=") for item in given or []]
    for key, equals, name in found:
        if not (key and equals and name):
            raise typer.BadParameter(f"{key + equals + name!r} is not KEY=NAME", param_hint="--map")
    return {key: name for key, _, name in found}
