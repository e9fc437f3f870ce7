"""What each way of choosing a tenth of a dataset gives: diversity and coverage beside a random choice, and its cost.

ULTRAQA_REAL_DATA=FOLDER python benchmarks/selection.py [--data alpaca/alpaca_data.json] [--keep 10%] [--out FILE]
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

import ultraqa
from ultraqa.filters.selection import METHODS, budget, compared, select

COLUMNS: Final = (
    "words_per_reply", "topic_similarity", "vendi", "nearest_distance", "topic_entropy", "clusters_covered",
    "facility_coverage",
)  # fmt: skip
QUALITY: Final = "words.assistant"


def main() -> None:
    """Choose by every method from the same Profile and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="alpaca/alpaca_data.json")
    parser.add_argument("--keep", default="10%")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    file = Path(os.environ["ULTRAQA_REAL_DATA"], "data", arguments.data)
    with tempfile.TemporaryDirectory() as home:
        profile = ultraqa.profile(file, Path(home) / "data.ultraqa", tokens="none", vectors="all")
        text = "\n".join(table(profile, arguments.keep))
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", "utf-8")


def table(profile: Any, keep: str) -> list[str]:
    """A row for each method."""
    rows = np.arange(len(profile))
    n = budget(keep, len(profile))
    lines = [
        f"{n:,} of {len(profile):,} dialogues of {profile.name}, static vectors, quality {QUALITY}, seed 0", "",
        f"| method | {' | '.join(name.replace('_', ' ') for name in COLUMNS)} | CPU s |",
        f"|---|{'--:|' * (len(COLUMNS) + 1)}",
    ]  # fmt: skip
    for method in METHODS:
        start = time.process_time()
        chosen = select(profile, rows, n, method, QUALITY, 0)
        seconds = time.process_time() - start
        measured = compared(profile, rows, n, QUALITY, 0, chosen)
        one = next(found for found in measured if found["selection"] == "chosen")
        lines.append(f"| {method} | {' | '.join(f'{one[name]:.4g}' for name in COLUMNS)} | {seconds:.1f} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [*lines, "", f"Peak memory of all of it: {peak:,.0f} MB."]


if __name__ == "__main__":
    main()
