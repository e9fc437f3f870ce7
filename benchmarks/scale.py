"""Cost of near-duplicates as the dataset grows: the whole command with them and without, on synthetic files.

    python benchmarks/scale.py [--sizes 68MB,680MB,10GB] [--folder DIR] [-o results/scale.md]

Files have 2 % exact copies and 5 % near copies (``corpus.py --near 0.05``); they stay in DIR. What is found is set
against the writer's own counts.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cases import ultraqa
from measure import Usage, machine, measure

HERE = Path(__file__).parent
COLUMNS = (
    "dialogues", "MB", "CPU s without", "with", "µs per dialogue", "wall s", "peak MB without", "with", "found",
    "planted",
)  # fmt: skip


def main() -> None:
    """Write files where they are absent, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="68MB,680MB,10GB")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    lines = []
    for size in options.sizes.split(","):
        file = folder / f"near-{size}.jsonl"
        if not file.exists():
            corpus = [sys.executable, HERE / "corpus.py", file, "--size", size, "--near", "0.05"]
            subprocess.run(corpus, check=True, stdout=subprocess.DEVNULL)
        runs = {near: run(file, folder, near) for near in ("none", "auto")}
        lines.append(line(json.loads(file.with_suffix(".totals.json").read_text()), runs))
    here = machine()
    text = "\n".join([
        "# Near-duplicates as the dataset grows", "",
        f"`python benchmarks/scale.py`; {here['cpu']}, {here['cores']} cores, load before {here['load_before']}.",
        "The whole `ultraqa profile --embedder none --tokens none` on all cores, with near-duplicates of dialogues and",
        "prompts and with exact copies alone (without); µs per dialogue are of near-duplicates alone. One run each.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|", *lines, "",
    ])  # fmt: skip
    sys.stdout.write(text)
    if options.out:
        options.out.write_text(text)


def run(file: Path, folder: Path, near: str) -> tuple[Usage, dict[str, Any]]:
    """What a Profile costs, and its document."""
    out = folder / "scale.ultraqa"
    shutil.rmtree(out, ignore_errors=True)
    options = ("--embedder", "none", "--tokens", "none", "--duplicates", near)
    usage, _ = measure(ultraqa("profile", file, "-o", out, *options))
    document: dict[str, Any] = json.loads((out / "profile.json").read_text())
    shutil.rmtree(out)
    return usage, document


def line(totals: dict[str, Any], runs: dict[str, tuple[Usage, dict[str, Any]]]) -> str:
    """A row of the table."""
    (without, _), (with_, document) = runs["none"], runs["auto"]
    rows = {(row["metric"], row["scope"], row["statistic"]): row["value"] for row in document["results"]}
    found = rows["near_duplicates", "dialogue", "count"] + rows["exact_duplicates", "dialogue", "count"]
    alone = 1e6 * (with_.cpu - without.cpu) / totals["dialogues"]
    cells = [
        f"{totals['dialogues']:,}", f"{totals['bytes'] / 1e6:,.0f}", f"{without.cpu:.1f}", f"{with_.cpu:.1f}",
        f"{alone:.0f}", f"{with_.wall:.0f}", f"{without.peak:,.0f}", f"{with_.peak:,.0f}", f"{int(found):,}",
        f"{totals['duplicates'] + totals['near']:,}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
