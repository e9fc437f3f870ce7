"""The command ``ultraqa``: every subcommand is one call of the Python API and the words around it."""

from __future__ import annotations

import errno
import gc
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from ultraqa.analysis.measuring import Progress

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
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace Profiles of other data or parameters")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document instead of tables")]


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
    _import_numba()
    import ultraqa

    with _Display() as progress:
        done = ultraqa.report(
            *data, against=against or (), out=out, by=by, scores=scores, published=published, text=not no_text,
            judge=judge,
            judge_url=judge_url, judge_sample=judge_sample, judge_budget=judge_budget,
            judge_concurrency=judge_concurrency, judge_timeout=judge_timeout,
            tokens=_choice("--tokens", tokens, TOKENS), tokenizer=tokenizer, embedder=embedder,
            vectors=_choice("--vectors", vectors, VECTORS),
            duplicates=_choice("--duplicates", duplicates, DUPLICATES), representative=representative,
            contamination=contamination or (),
            format=format_, map=_pairs(map_),
            paths=_choice("--paths", paths, PATHS), seed=seed, workers=workers, overwrite=overwrite, progress=progress,
            command=["ultraqa", *sys.argv[1:]],
        )  # fmt: skip
    if as_json:
        from ultraqa.reports.report import to_json

        sys.stdout.buffer.write(to_json(done.document))
        return
    from ultraqa.reports import terminal

    terminal.show(done.document)
    _say(f"{done.path / 'report.html'}  (also report.json, report.md, dialogues.parquet)")


TOKENS, VECTORS, PATHS = ("auto", "all", "none"), ("auto", "all"), ("best", "all")
DUPLICATES = ("auto", "all", "none")


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
    _import_numba()
    import ultraqa

    with _Display() as progress:
        done = ultraqa.profile(
            data, out, tokens=_choice("--tokens", tokens, TOKENS), tokenizer=tokenizer, embedder=embedder,
            vectors=_choice("--vectors", vectors, VECTORS),
            duplicates=_choice("--duplicates", duplicates, DUPLICATES), representative=representative,
            contamination=contamination or (),
            format=format_, map=_pairs(map_),
            paths=_choice("--paths", paths, PATHS), fields=tuple(by or ()), seed=seed, workers=workers,
            overwrite=overwrite, progress=progress,
        )  # fmt: skip
    if as_json:
        sys.stdout.buffer.write((done.path / "profile.json").read_bytes())
    else:
        _say(f"{done.path}: {len(done):,} dialogues")


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

    found = inspection.inspect(data, format=format_, map=_pairs(map_), paths=_choice("--paths", paths, PATHS))
    if as_json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(found.document(), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        inspection.show(found)
    if not found.dialogues:
        raise typer.Exit(NOT_EVALUATED)


@app.command()
def metrics(as_json: AsJson = False) -> None:
    """List every metric with its scopes, unit, direction, definition and source."""
    from rich.padding import Padding

    from ultraqa.analysis.catalog import definitions

    if as_json:
        import orjson

        sys.stdout.buffer.write(
            orjson.dumps([one._asdict() for one in definitions()], option=orjson.OPT_INDENT_2) + b"\n"
        )
        return
    console = _stdout()
    for one in definitions():
        details = "; ".join(part for part in (one.scopes.replace(" ", ", "), one.unit, one.direction) if part)
        console.print(f"{one.name}  ({details})", style="bold", markup=False)
        source = f" Source: {one.source}." if one.source else ""
        console.print(Padding(f"{one.doc}{source}", (0, 0, 0, 2)), markup=False)


@app.command()
def doctor() -> None:
    """Say which packages and models are installed, and whether the kernel is compiled."""
    from ultraqa import doctor as checks

    checks.show(_stdout())


def _import_numba() -> None:
    """Import numba without scipy.linalg: 0.2 s for compiled products of matrices, which the kernel does not use."""
    if "scipy.linalg" not in sys.modules:
        sys.modules["scipy.linalg"] = None  # type: ignore[assignment]  # so importlib is told that there is none
        from numba.np import arraymath  # noqa: F401  (asks for it once, when it is imported)

        del sys.modules["scipy.linalg"]


def _choice(option: str, value: str, choices: tuple[str, ...]) -> Any:
    if value not in choices:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(choices)}", param_hint=option)
    return value


def _pairs(given: list[str] | None) -> dict[str, str]:
    pairs = [item.partition("=") for item in given or []]
    for key, equals, name in pairs:
        if not (key and equals and name):
            raise typer.BadParameter(f"{key + equals + name!r} is not KEY=NAME", param_hint="--map")
    return {key: name for key, _, name in pairs}


def _stdout() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _say(message: str) -> None:
    print(message, file=sys.stderr)  # noqa: T201  (the command line speaks)


class _Display:
    """Progress on standard error: megabytes done, speed and time left, once a second on a terminal, else nothing."""

    def __enter__(self) -> Callable[[Progress], None]:
        self._start = self._last = time.monotonic()
        self._unit = "bytes"
        self._live = sys.stderr.isatty()
        if not _compiled():
            _say("first start: compiling the kernel, about 10 seconds, once")
        return self._show

    def _show(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.unit != self._unit:
            if progress.unit.startswith(("questions", "replies")):
                _say(f"{progress.total:,} {progress.unit}")
            self._start, self._unit = now, progress.unit
        if not self._live or not progress.total or (now - self._last < 1 and progress.done < progress.total):
            return
        self._last = now
        speed = progress.done / max(now - self._start, 1e-3)
        left = (progress.total - progress.done) / max(speed, 1.0)
        line = (
            f"{progress.done / 1e6:,.0f} of {progress.total / 1e6:,.0f} MB, {speed / 1e6:.0f} MB/s, {left:.0f} s left"
            if progress.unit == "bytes"
            else f"{progress.done:,} of {progress.total:,} {progress.unit}, {left:.0f} s left"
        )
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    def __exit__(self, *exception: object) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")


def _compiled() -> bool:
    """Whether numba's cache of the kernel lies beside it or in NUMBA_CACHE_DIR."""
    import importlib.util

    spec = importlib.util.find_spec("ultraqa.analysis")
    home = os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(home)] if home else [Path(p) for p in (spec.submodule_search_locations if spec else None) or []]
    return any(True for place in places for _ in place.rglob("words._scan-*.nbi"))


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
        _say("interrupted; the same command goes on where this one stopped")
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
    _say(f"ultraqa: {_told(error)}")
    if isinstance(error, DataError) and not isinstance(error, UnreadableError):
        return USAGE
    if isinstance(error, OverwriteError) or (isinstance(error, OSError) and error.errno in _WRONG_PLACE):
        return USAGE
    if isinstance(error, UnreadableError | ProfileError | JudgeError):
        return NOT_EVALUATED
    if os.environ.get("ULTRAQA_TRACEBACK"):
        raise error
    _say("this is a fault of UltraQA; ULTRAQA_TRACEBACK=1 shows where it happened")
    return INTERNAL
