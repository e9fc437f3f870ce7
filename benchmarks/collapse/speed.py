"""Cost of one probing: 50,000 synthetic dialogues against 50,000 others, 200 permutations.

python benchmarks/collapse/speed.py [--dialogues 50000] [--out FILE]

Cold: the whole command from two JSONL files, which are measured first. Warm: the same command again, which finds their
Profiles in its cache. CPU seconds are of the process and its children.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from corpus import parse_size, write_corpus  # noqa: E402  (a script of the folder above)
from measure import Usage, machine, measure, median  # noqa: E402

FORMS: Final = {"alpaca": "22MB", "ultrachat": "341MB"}
"""Sizes of some 50,000 dialogues of each form."""
REPEATS: Final = 3


def main() -> None:
    """Write the files, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    here = machine()
    lines = [
        "# Cost of one probing", "",
        f"`python benchmarks/collapse/speed.py`; {here['cpu']}, {here['cores']} cores, load before "
        f"{here['load_before']}; medians of {REPEATS}, cold once.", "",
        "| form | dialogues a side | MB a side | run | CPU s | wall s | peak MB | compared dialogues | words a side |",
        "|---|--:|--:|---|--:|--:|--:|--:|--:|",
        *(line for form, size in FORMS.items() for line in _form(form, size)),
    ]  # fmt: skip
    print("\n".join(lines))
    if options.out:
        options.out.write_text("\n".join(lines) + "\n")


def _form(form: str, size: str) -> list[str]:
    with tempfile.TemporaryDirectory() as home:
        files = [Path(home, f"{name}.jsonl") for name in ("reference", "candidate")]
        totals = [write_corpus(file, parse_size(size), form=form, seed=seed) for seed, file in enumerate(files, 7)]
        command = [
            sys.executable, "-m", "ultraqa", "probe", "--reference", *map(str, files), "--json",
            "--cache", f"{home}/cache",
        ]  # fmt: skip
        cold, _ = measure(command)
        runs = [measure(command) for _ in range(REPEATS)]
        found = json.loads(_whole(command))
    start = f"| {form} | {totals[0].dialogues:,} | {totals[0].bytes / 1e6:.0f} |"
    end = f"{found['dialogues']:,} | {found['words']:,} |"
    return [_row(start, "cold", cold, end), _row(start, "warm", median([one for one, _ in runs]), end)]


def _row(start: str, run: str, cost: Usage, end: str) -> str:
    return f"{start} {run} | {cost.cpu:.1f} | {cost.wall:.1f} | {cost.peak:.0f} | {end}"


def _whole(command: list[str]) -> Any:
    import subprocess  # noqa: PLC0415

    return subprocess.run(command, check=True, capture_output=True).stdout


if __name__ == "__main__":
    main()
