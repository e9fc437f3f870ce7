"""The command ``ultraqa``: every subcommand is one call of the Python API and the words around it."""

from __future__ import annotations

import errno
import gc
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn, cast

import typer

from ultraqa.cli_check import check
from ultraqa.cli_convert import convert
from ultraqa.cli_filter import filter_, recipes
from ultraqa.cli_probe import probe
from ultraqa.console import Display, import_numba, say, stdout
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
    Overwrite,
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

_UsageError = cast("type[Exception]", typer.BadParameter.__base__)  # typer keeps its own copy of click
OK, FAILED, USAGE, NOT_EVALUATED, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 130

JUDGE_URL = "https://api.openai.com/v1"

app = typer.Typer(
    name="ultraqa",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Measure, compare and explain chat datasets, offline. Start with: ultraqa report DATA",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"ultraqa {version('ultraqa')}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Measure, compare and explain chat datasets, offline."""


@app.command()
def report(
    data: Data,
    out: Annotated[Path, typer.Option("-o", "--out", help="folder of the report")] = Path("ultraqa-report"),
    against: Annotated[
        list[str] | None,
        typer.Option("--against", metavar="DATA", help="a dataset looked through for what it shares with these"),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="show the UltraChat table's published rows beside")
    ] = False,
    by: Annotated[str | None, typer.Option("--by", metavar="FIELD", help="split by a record field and compare")] = None,
    scores: Annotated[
        Path | None, typer.Option("--scores", help="table of scores per dialogue, joined by id or row")
    ] = None,
    no_text: Annotated[
        bool, typer.Option("--no-text", help="leave dialogue texts out of report.* (Profiles hold words)")
    ] = False,
    judge: Annotated[
        str | None,
        typer.Option("--judge", metavar="MODEL", help="let a model score the coherence of sampled dialogues"),
    ] = None,
    judge_url: Annotated[
        str, typer.Option("--judge-url", metavar="URL", help="the judge's OpenAI-compatible endpoint")
    ] = JUDGE_URL,
    judge_sample: Annotated[int, typer.Option("--judge-sample", min=1, help="dialogues that the judge scores")] = 300,
    judge_budget: Annotated[
        int, typer.Option("--judge-budget", min=1, help="tokens above which the judge is not asked")
    ] = 2_000_000,
    judge_concurrency: Annotated[
        int, typer.Option("--judge-concurrency", min=1, help="questions to the judge under way at a time")
    ] = 4,
    judge_timeout: Annotated[
        float, typer.Option("--judge-timeout", min=1, help="seconds that an answer of the judge may take")
    ] = 120.0,
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
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Measure datasets, compare them, and write report.html, report.json, report.md and dialogues.parquet.

    Example: ultraqa report mine.jsonl baize.json -o comparison --published
    """
    if judge is None and judge_url != JUDGE_URL:
        raise typer.BadParameter("name the model that is asked there with --judge", param_hint="--judge-url")
    import_numba()
    import ultraqa

    with Display() as progress:
        done = ultraqa.report(
            *data, against=against or (), out=out, by=by, scores=scores, published=published, text=not no_text,
            judge=judge,
            judge_url=judge_url, judge_sample=judge_sample, judge_budget=judge_budget,
            judge_concurrency=judge_concurrency, judge_timeout=judge_timeout,
            tokens=choice("--tokens", tokens, TOKENS), tokenizer=tokenizer, embedder=embedder,
            vectors=choice("--vectors", vectors, VECTORS),
            duplicates=choice("--duplicates", duplicates, DUPLICATES), representative=representative,
            contamination=contamination or (),
            format=format_, map=pairs(map_),
            paths=choice("--paths", paths, PATHS), seed=seed, workers=workers, overwrite=overwrite, progress=progress,
            command=["ultraqa", *sys.argv[1:]],
        )  # fmt: skip
    if as_json:
        from ultraqa.reports.report import to_json

        sys.stdout.buffer.write(to_json(done.document))
        return
    from ultraqa.reports import terminal

    terminal.show(done.document)
    say(f"{done.path / 'report.html'}  (also report.json, report.md, dialogues.parquet)")


@app.command()
def profile(
    data: Annotated[str, typer.Argument(metavar="DATA", help="as for report, one dataset")],
    out: Annotated[Path, typer.Option("-o", "--out", help="the Profile's folder, NAME.ultraqa")],
    by: Annotated[
        list[str] | None, typer.Option("--by", metavar="FIELD", help="record fields to keep as columns")
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
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Measure one dataset into a Profile, which report then reads in milliseconds.

    Example: ultraqa profile mine.jsonl -o mine.ultraqa
    """
    import_numba()
    import ultraqa

    with Display() as progress:
        done = ultraqa.profile(
            data, out, tokens=choice("--tokens", tokens, TOKENS), tokenizer=tokenizer, embedder=embedder,
            vectors=choice("--vectors", vectors, VECTORS),
            duplicates=choice("--duplicates", duplicates, DUPLICATES), representative=representative,
            contamination=contamination or (),
            format=format_, map=pairs(map_),
            paths=choice("--paths", paths, PATHS), fields=tuple(by or ()), seed=seed, workers=workers,
            overwrite=overwrite, progress=progress,
        )  # fmt: skip
    if as_json:
        sys.stdout.buffer.write((done.path / "profile.json").read_bytes())
    else:
        say(f"{done.path}: {len(done):,} dialogues")


app.command("filter")(filter_)
app.command()(recipes)
app.command()(convert)
app.command()(check)
app.command()(probe)


@app.command()
def inspect(
    data: Annotated[str, typer.Argument(metavar="DATA", help="as for report, one dataset")],
    format_: Format = None,
    map_: Map = None,
    paths: Paths = "best",
    as_json: AsJson = False,
) -> None:
    """Show what a dataset is: detected format, three dialogues, role and key counts, problems by line.

    Example: ultraqa inspect mine.jsonl
    """
    from ultraqa.reports import inspection

    found = inspection.inspect(data, format=format_, map=pairs(map_), paths=choice("--paths", paths, PATHS))
    if as_json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(found.document(), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        inspection.show(found)
    if not found.dialogues:
        raise typer.Exit(NOT_EVALUATED)


@app.command()
def metrics(
    as_json: AsJson = False,
    columns: Annotated[
        bool, typer.Option("--columns", help="only the columns that the rules of filter may name")
    ] = False,
) -> None:
    """List every metric with its scopes, unit, direction, definition and source."""
    from rich.padding import Padding

    from ultraqa.analysis.catalog import definitions
    from ultraqa.filters.columns import listed_columns
    from ultraqa.filters.keys import default_key

    if columns:
        _show_columns(listed_columns(), as_json=as_json)
        return
    if as_json:
        import orjson

        listed = [one._asdict() | {"key": str(default_key(one.name) or "")} for one in definitions()]
        sys.stdout.buffer.write(orjson.dumps(listed, option=orjson.OPT_INDENT_2) + b"\n")
        return
    console = stdout()
    for one in definitions():
        key = default_key(one.name)
        parts = (one.scopes.replace(" ", ", "), one.unit, one.direction, f"KEY {key}" if key else "a column only")
        details = "; ".join(part for part in parts if part)
        console.print(f"{one.name}  ({details})", style="bold", markup=False)
        source = f" Source: {one.source}." if one.source else ""
        console.print(Padding(f"{one.doc}{source}", (0, 0, 0, 2)), markup=False)


def _show_columns(listed: list[dict[str, str]], *, as_json: bool) -> None:
    if as_json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(listed, option=orjson.OPT_INDENT_2) + b"\n")
        return
    console = stdout()
    for one in listed:
        details = "; ".join(one[name] for name in ("unit", "direction", "actions", "option") if one[name])
        console.print(f"{one['key']}  ({details}) {one['doc']}", markup=False, soft_wrap=True)


@app.command()
def doctor() -> None:
    """Say which packages and models are installed, and whether the kernel is compiled."""
    from ultraqa import doctor as checks

    checks.show(stdout())


def main() -> NoReturn:
    """Run the command; every error ends in one sentence and the exit code of the contract."""
    sys.exit(_run())


def _run() -> int:
    gc.set_threshold(100_000)  # records come and go by the million and hold no cycles
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, KeyboardInterrupt, SystemExit, typer.Abort) as ended:
        return _ended(ended)
    except Exception as error:
        return _failed(error)
    if code == INTERRUPTED:
        return _ended(KeyboardInterrupt())
    return code if isinstance(code, int) else OK


def _ended(ended: BaseException) -> int:
    """The exit code of a command that the user, or the reader of its output, has ended."""
    code = ended.code if isinstance(ended, SystemExit) else None
    if (
        isinstance(ended, BrokenPipeError) or code == 1
    ):  # click and rich exit with 1 where a pipe breaks, and only there
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of our output has gone, as `head` does
        return OK
    if isinstance(ended, KeyboardInterrupt | typer.Abort) or code == INTERRUPTED:
        say("interrupted; the same command goes on where this one stopped")
        return INTERRUPTED
    return code if isinstance(code, int) else OK


_WRONG_PLACE = {
    errno.EACCES, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.EPERM, errno.EROFS
}  # fmt: skip


def _told(error: Exception) -> str:
    """The error's words; of the operating system's errors the place and the reason."""
    if isinstance(error, OSError) and error.filename is not None:
        reason = (error.strerror or str(error)).lower()
        return f"{error.filename}: {reason}: choose a place that can be read and written"
    return str(error)


def _failed(error: Exception) -> int:
    from ultraqa.analysis.endpoint import JudgeError
    from ultraqa.analysis.profile import OverwriteError, ProfileError
    from ultraqa.dialogues.sources import DataError, UnreadableError

    if isinstance(error, _UsageError):
        error.show()  # type: ignore[attr-defined]
        return USAGE
    say(f"ultraqa: {_told(error)}")
    if isinstance(error, DataError) and not isinstance(error, UnreadableError):
        return USAGE
    if isinstance(error, OverwriteError) or (isinstance(error, OSError) and error.errno in _WRONG_PLACE):
        return USAGE
    if isinstance(error, UnreadableError | ProfileError | JudgeError):
        return NOT_EVALUATED
    if os.environ.get("ULTRAQA_TRACEBACK"):
        raise error
    say("this is a fault of UltraQA; ULTRAQA_TRACEBACK=1 shows where it happened")
    return INTERNAL
