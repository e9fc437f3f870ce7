"""What the benchmark measures: commands, each with what of it counts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import datajuicer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
PEERS = ("lexicalrichness", "datajuicer")
WHOLE = "report, 1 thread"
PEER_NAMES = ("lexicalrichness", "data-juicer")  # how the names of their cases begin


class Case(NamedTuple):
    """One thing to measure.

    Attributes:
        name: as in the table.
        command: the command, given an empty folder of its own.
        environment: variables beside the present ones, given the same folder.
        inner: whether the command prints its own CPU and wall seconds, of the part that is meant.
        report: whether the folder holds a report in the end, whose counts can be checked.
    """

    name: str
    command: Callable[[Path], list[str]]
    environment: Callable[[Path], dict[str, str]] = lambda _: {}
    inner: bool = False
    report: bool = False


def ultraqa(*words: str | Path) -> list[str]:
    """The command line of the ultraqa that this Python imports."""
    start = "import sys; from ultraqa.cli import main; sys.exit(main())"
    return [sys.executable, "-c", start, *map(str, words)]


def warm_up(path: Path, folder: Path) -> list[str]:
    """A first run that compiles every kernel where numba keeps it, and is not counted."""
    return ultraqa("report", path, "-o", folder / "warm", "--embedder", "none", "--tokens", "all")


def pass_command(path: Path, workers: int) -> list[str]:
    """The pass alone: it prints what it cost after imports and the load of the compiled kernel."""
    return [sys.executable, str(HERE / "engine_pass.py"), str(path), str(workers)]


def peer(name: str, path: Path) -> list[str]:
    """One of ``peers.py``."""
    return [sys.executable, str(HERE / "peers.py"), name, str(path)]


def own_cases(path: Path, *, cold: bool) -> Iterator[Case]:
    """Floors, and the commands of ultraqa; the cold start only where it is asked, because it does not grow."""

    def report(*options: str) -> Callable[[Path], list[str]]:
        return lambda folder: ultraqa("report", path, "-o", folder / "report", *options)

    yield Case("floor: copy bytes", lambda _: peer("copy", path))
    yield Case("floor: orjson", lambda _: peer("orjson", path))
    yield Case("the pass, 1 thread", lambda _: pass_command(path, 1), inner=True)
    yield Case("the pass, 2 threads", lambda _: pass_command(path, 2), inner=True)
    one = ("--embedder", "none", "--tokens", "none", "--workers", "1")
    two = (*one[:-1], "2")
    yield Case(WHOLE, report(*one), report=True)
    yield Case("report, 2 threads", report(*two), report=True)
    yield Case("report --tokens all, 1 thread", report("--embedder", "none", "--tokens", "all", "--workers", "1"))
    yield Case("report, default, 2 threads", report("--workers", "2"))
    yield Case("profile, 1 thread", lambda folder: ultraqa("profile", path, "-o", folder / "benchmark.ultraqa", *one))
    if cold:
        yield Case(
            "report, very first start",
            report(*one),
            environment=lambda folder: {"NUMBA_CACHE_DIR": str(folder / "cache")},
        )


def peer_cases(path: Path, peers: list[str], home: Path, scratch: Path) -> Iterator[Case]:
    """The peers that were asked for."""
    if "lexicalrichness" in peers:
        yield Case("lexicalrichness: MTLD alone", lambda _: peer("lexicalrichness", path))
    if "datajuicer" in peers:
        python, texts = datajuicer.install(home), scratch / f"{path.stem}.texts.jsonl"
        datajuicer.convert(path, texts)
        yield Case(
            f"data-juicer {datajuicer.VERSION}: analyzer, {len(datajuicer.STEPS)} steps",
            lambda folder: datajuicer.command(python, texts, folder),
            environment=lambda folder: {"HF_HOME": str(folder), "HF_HUB_OFFLINE": "1", "LOGURU_DIAGNOSE": "NO"},
        )
