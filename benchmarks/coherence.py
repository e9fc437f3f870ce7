"""What the measures of coherence can tell on published dialogues: AUC of replies and of the order of turns, by encoder.

    ULTRAQA_REAL_DATA=FOLDER python benchmarks/coherence.py [--encoders static,minilm] [--out FILE.md]

An AUC of .5 says that the measure cannot tell real from exchanged replies, or real from shuffled order.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import ultraqa

FILES = (
    "alpaca/alpaca_data.json",
    "sharegpt/sharegpt_train_small.jsonl",
    "baize/train_conversation.jsonl",
    "lima/lima.json",
    "oasst/en_100_tree.jsonl",
    "topical_chat/valid_freq.json",
    "synthetic_persona_chat/Synthetic-Persona-Chat_valid.csv",
    "sgd_dev/dialogues_001.json",
)
NUMBERS = (
    ("topic_similarity", "dialogue", "mean"),
    ("relevance", "assistant", "auc"),
    ("relevance_context", "assistant", "auc"),
    ("turn_order", "dialogue", "auc"),
)


def line(file: Path, encoder: str) -> str:
    """One file with one encoder, as a line of the table."""
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        profile = ultraqa.profile(file, Path(folder) / "p.ultraqa", tokens="none", embedder=encoder)
        found = {(row.metric, row.scope, row.statistic): row for row in profile.rows()}
    cells = []
    for key in NUMBERS:
        row = found.get(key)
        shown = "–" if row is None or row.value is None else f"{row.value:.3f}"
        cells.append(shown if row is None or row.low is None else f"{shown} ({row.low:.3f}–{row.high:.3f})")
    cells.append(f"{time.process_time() - start:.1f}")
    return f"| {file.stem} | {encoder} | {' | '.join(cells)} |"


def main() -> None:
    """Measure, print, and write where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoders", default="static")
    parser.add_argument("--files", default=",".join(FILES))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    head = "| dataset | encoder | topic_similarity | relevance AUC | in context | turn_order AUC | CPU s |"
    lines = [head, "|---|---|--:|--:|--:|--:|--:|"]
    print("\n".join(lines))
    for encoder in given.encoders.split(","):
        for file in given.files.split(","):
            lines.append(line(Path(os.environ["ULTRAQA_REAL_DATA"]) / "data" / file, encoder))
            print(lines[-1], flush=True)
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
