"""How often the rules of sectors agree with labels: accuracy and confusion on real opening messages.

    ULTRAQA_REAL_DATA=FOLDER python benchmarks/sectors.py

The labels are in tests/golden/sectors.json, the messages in FOLDER/data. The rules were written with those of the split
"tuning" in sight; the accuracy is that on "held-out".
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from ultraqa.analysis.sectors import NAMES, sector
from ultraqa.analysis.statistics import wilson
from ultraqa.dialogues.batch import Record
from ultraqa.dialogues.reading import records
from ultraqa.dialogues.sources import datasets

LABELS = Path(__file__).parent.parent / "tests" / "golden" / "sectors.json"


def prompts(path: Path) -> list[str]:
    """Opening user messages of a file's dialogues in file order, "" where a dialogue has none."""
    read = (found for source in datasets([str(path)])[0].sources for found in records(source))
    dialogues = (dialogue for record in read if isinstance(record, Record) for dialogue in record.dialogues)
    return [next((text for role, text in zip(d.roles, d.texts, strict=True) if role == "u"), "") for d in dialogues]


def confusion(data: Path) -> dict[str, Counter[tuple[Any, int]]]:
    """Counts of (label, sector by the rules) for each split.

    Raises:
        ValueError: a message is not the one that was labelled.
    """
    rows = json.loads(LABELS.read_text())
    texts = {file: prompts(data / file) for file in {row["file"] for row in rows}}
    found: dict[str, Counter[tuple[Any, int]]] = {"tuning": Counter(), "held-out": Counter()}
    for row in rows:
        text = texts[row["file"]][row["row"]]
        if hashlib.sha256(text.encode()).hexdigest() != row["sha256"]:
            raise ValueError(f"{row['file']}: dialogue {row['row']} opens with another message than was labelled")
        found[row["split"]][row["label"], sector(text)[0]] += 1
    return found


def accuracy(counts: Counter[tuple[Any, int]]) -> tuple[float, int]:
    """Share of clear labels that the rules agree with, and how many clear labels there are."""
    clear = {pair: count for pair, count in counts.items() if pair[0] in NAMES}
    n = sum(clear.values())
    return sum(count for (label, ruled), count in clear.items() if label == ruled) / n, n


def main() -> None:
    """Print both splits."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for split, counts in confusion(Path(os.environ["ULTRAQA_REAL_DATA"], "data")).items():
        right, n = accuracy(counts)
        low, high = wilson(right, n)
        print(f"{split}: accuracy {right:.3f} ({low:.3f} to {high:.3f}) of {n}")
        print(f"{'label':>10}" + "".join(f"{name:>10}" for name in NAMES.values()) + "   by the rules")
        for label, name in [*NAMES.items(), ("unclear", "unclear")]:
            print(f"{name:>10}" + "".join(f"{counts[label, ruled]:>10}" for ruled in NAMES))
        print()


if __name__ == "__main__":
    main()
