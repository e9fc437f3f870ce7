"""The command ``probe``."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from ultraqa.console import Display, import_numba, say
from ultraqa.options import PATHS, AsJson, Embedder, Format, Map, Paths, Seed, Workers, choice, pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ultraqa.probing import Probing

PARTS, MODELS = ("assistant", "user", "both"), ("ngram", "unigram")
GENERATIONS, REGIME, MODEL, PERMUTATIONS, EMBEDDER = 5, "replace", "ngram", 200, "static"


def probe(
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="DATA…", help="one dataset, or generations in order; data or Profiles, as for report"),
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option("--reference", metavar="DATA", help="text of the same kind that DATA should be as varied as"),
    ] = None,
    part: Annotated[str, typer.Option("--part", help="whose messages: assistant, user or both")] = "assistant",
    simulate: Annotated[
        str | None,
        typer.Option("--simulate", metavar="DATA", help="let a toy model learn from DATA, then from its own samples"),
    ] = None,
    generations: Annotated[
        int | None, typer.Option("--generations", min=2, help=f"of --simulate, by default {GENERATIONS}")
    ] = None,
    regime: Annotated[
        str | None,
        typer.Option("--regime", help="what the toy model learns from: replace (default), accumulate or mix=0.5"),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="the toy model: ngram (default) or unigram")] = None,
    permutations: Annotated[
        int | None,
        typer.Option(
            "--permutations", help=f"exchanges of texts that tell chance, by default {PERMUTATIONS}, up to 10,000"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="write probe.json, probe.html and plots")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", metavar="DIR", help="where Profiles of raw data are kept")
    ] = None,
    embedder: Embedder = EMBEDDER,
    format_: Format = None,
    map_: Map = None,
    paths: Paths = "best",
    seed: Seed = 0,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether text says less than a reference, and whether generations go on narrowing, with what shows it.

    Example: ultraqa probe --reference human.jsonl mine.jsonl
    """
    toy = {"--generations": generations, "--regime": regime, "--model": model}
    _refuse(data, reference, simulate, toy, permutations, embedder)
    import_numba()
    import ultraqa

    with Display() as progress:
        if simulate is not None:
            done = ultraqa.simulate(
                simulate, generations=generations or GENERATIONS, regime=regime or REGIME,
                model=choice("--model", model or MODEL, MODELS), part=choice("--part", part, PARTS), seed=seed,
                workers=workers, cache=cache, format=format_, map=pairs(map_), paths=choice("--paths", paths, PATHS),
                out=out, progress=progress, command=["ultraqa", *sys.argv[1:]],
            )  # fmt: skip
        else:
            done = ultraqa.probe(
                *data or (), reference=reference[0] if reference else None, part=choice("--part", part, PARTS),
                permutations=PERMUTATIONS if permutations is None else permutations, seed=seed, workers=workers,
                cache=cache, embedder=embedder, format=format_, map=pairs(map_),
                paths=choice("--paths", paths, PATHS), out=out, progress=progress, command=["ultraqa", *sys.argv[1:]],
            )  # fmt: skip
    if done.files > 1 and not reference and len(data or ()) == 1:
        say(f"{done.files} files are read as one dataset; name generations one by one")
    _print(done, out, as_json=as_json)


def _refuse(
    data: list[str] | None,
    reference: list[str] | None,
    simulate: str | None,
    toy: Mapping[str, object],
    permutations: int | None,
    embedder: str,
) -> None:
    """Refuse words that make no sense together, with what to do."""
    if reference and len(reference) > 1:
        raise typer.BadParameter(f"it is given {len(reference)} times: name one reference", param_hint="--reference")
    if simulate is None:
        if not data:
            lacking = "name the DATA that is held against it" if reference else "name DATA, or --simulate DATA"
            raise typer.BadParameter(lacking, param_hint="DATA")
        if given := next((name for name, value in toy.items() if value is not None), None):
            raise typer.BadParameter("it belongs to --simulate DATA", param_hint=given)
        return
    if data or reference:
        raise typer.BadParameter(
            "it makes its own generations: name no other DATA and no --reference", param_hint="--simulate"
        )
    if permutations is not None or embedder not in {EMBEDDER, "none"}:
        hint = "--permutations" if permutations is not None else "--embedder"
        raise typer.BadParameter("a simulation takes none: leave it out", param_hint=hint)


def _print(done: Probing, out: Path | None, *, as_json: bool) -> None:
    if as_json:
        from ultraqa.reports.report import to_json

        sys.stdout.buffer.write(to_json(done.document()))
    else:
        from ultraqa.reports import probe_terminal

        probe_terminal.show(done.document())
    if done.kept is not None:
        say(f"Profiles of the data are kept in {done.kept}: the next probe of it starts at once")
    if out is not None:
        say(f"{out / 'probe.html'}  (also probe.json{', plots' if done.document().get('generations') else ''})")
