"""Cost of filtering from a finished Profile, beside a plain copy of the file through Python.

    python benchmarks/filtering.py [--size 100MB] [--folder DIR] [-o results/filtering.md]

The file and its Profile stay in DIR. Every row is the median of three runs in one process, by turns.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from measure import machine

import ultraqa
from ultraqa import Rule
from ultraqa.filters.pruning import prune

if TYPE_CHECKING:
    from collections.abc import Callable

RULES: Final = {
    "mtld.assistant ≥ 30": [Rule("mtld.assistant", min=30)],
    "rounds ≥ 3": [Rule("rounds", min=3)],
    "near_duplicates ≤ 0": [Rule("near_duplicates", max=0)],
    "code ≤ 0, truncate": [Rule("code", max=0, action="truncate")],
}
BLOCK: Final = 1 << 20


def main() -> None:
    """Make a file and its Profile where they are absent, filter it, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="100MB")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    file = folder / f"filter-{options.size}.jsonl"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        corpus = [sys.executable, Path(__file__).parent / "corpus.py", file, "--size", options.size, "--near", "0.05"]
        subprocess.run(corpus, check=True, stdout=subprocess.DEVNULL)
    profile = ultraqa.profile(file, folder / f"{file.stem}.ultraqa", embedder="none", tokens="none")
    text = "\n".join(table(profile, file, folder / "out"))
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


def table(profile: Any, file: Path, out: Path) -> list[str]:
    """A row for the copy and one for each rule."""
    jobs: dict[str, Callable[[], Any]] = {"copy": lambda: copy(file, out / "copy.jsonl")}
    for name, rules in RULES.items():
        jobs[name] = lambda rules=rules: prune(profile, rules, str(out / "kept.jsonl"))
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    dropped = {}
    for _ in range(4):  # the first one warms caches and is not counted
        for name, job in jobs.items():
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            wall, cpu = time.perf_counter(), time.process_time()
            done = job()
            runs[name].append((time.perf_counter() - wall, time.process_time() - cpu))
            dropped[name] = (f"{done.dropped:,}", f"{len(done.decisions.turns):,}") if done else ("", "")
    median = {
        name: [statistics.median(column) for column in zip(*found[1:], strict=True)] for name, found in runs.items()
    }
    here, peak = machine(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        "# Filtering from a finished Profile", "",
        f"`python benchmarks/filtering.py`; {here['cpu']}, {here['cores']} cores, load before {here['load_before']}.",
        f"{file.stat().st_size / 1e6:,.0f} MB, {len(profile):,} dialogues; peak memory of all rows {peak:,.0f} MB.", "",
        "| | dropped | cut | wall s | CPU s | times the copy, wall | CPU |", "|---|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {name} | {' | '.join(dropped[name])} | {wall:.3f} | {cpu:.3f} | {wall / median['copy'][0]:.1f} | "
            f"{cpu / median['copy'][1]:.1f} |"
            for name, (wall, cpu) in median.items()
        ),
    ]  # fmt: skip


def copy(source: Path, target: Path) -> None:
    """The file block by block."""
    with source.open("rb") as read, target.open("wb") as write:
        while block := read.read(BLOCK):
            write.write(block)


if __name__ == "__main__":
    main()
