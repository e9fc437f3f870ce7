"""Writes a file of real text for the benchmark, from data that stays outside the project.

    ULTRAQA_REAL_DATA=FOLDER python benchmarks/real_text.py OUT.jsonl --size 100MB

Dialogues of 1 to 5 rounds: instructions of Alpaca, answers of several models to AlpacaEval, each answer with a running
number behind it, so that none equals another. The same answers come back all the time, so vocabulary and n-grams grow
more slowly than in data of this size.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from pathlib import Path

from corpus import parse_size


def write(path: Path, size: int, data: Path) -> dict[str, int | str]:
    """Write the file; returns its bytes, sha256 and dialogues."""
    files = sorted((data / "alpaca_eval_outputs").glob("*.json"))
    answers = [record["output"] for file in files for record in json.loads(file.read_text())]
    asked = [record["instruction"] for record in json.loads((data / "alpaca" / "alpaca_data.json").read_text())]
    digest, written, number = hashlib.sha256(), 0, 0
    with path.open("wb") as out:
        while written < size:
            turns = []
            for k in range(1 + number % 5):
                turns.append(asked[(7 * number + k) % len(asked)])
                turns.append(f"{answers[(13 * number + 101 * k) % len(answers)]} {number}")
            line = json.dumps({"id": str(number), "data": turns}, ensure_ascii=False).encode() + b"\n"
            digest.update(line)
            written += out.write(line)
            number += 1
    return {"bytes": written, "sha256": digest.hexdigest(), "dialogues": number}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=parse_size, default=parse_size("100MB"))
    options = parser.parse_args()
    print(json.dumps(write(options.out, options.size, Path(os.environ["ULTRAQA_REAL_DATA"], "data"))))
