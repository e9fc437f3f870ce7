"""The pass alone: reading, kernel, every stage-one column, in this process; prints its CPU and wall seconds as JSON.

    python benchmarks/engine_pass.py FILE WORKERS

Imports, the hash of the input, the load of the compiled kernel, tables, duplicates and corpus statistics stay outside;
``ultraqa profile`` as a whole is measured beside it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from ultraqa.analysis.engine import SHARD_BYTES, Engine, Measures
from ultraqa.dialogues.reading import shards
from ultraqa.dialogues.sources import datasets


def run(path: Path, folder: Path, workers: int) -> None:
    """Measure every shard of the file into ``folder`` and fold the samples."""
    measures = Measures(tokens="none")
    dataset = datasets([str(path)])[0]
    sources = dataset.sources
    parts = [(shard, "benchmark") for source in sources for shard in shards(source, SHARD_BYTES, measures.read)]
    engine = Engine(measures, folder, workers)
    for _ in engine.run(parts):
        pass
    engine.sample()


def main() -> None:
    """Measure a few dialogues, so that the kernel is loaded, then the file."""
    path, workers = Path(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as name:
        few = Path(name, "few.jsonl")
        with path.open("rb") as file:
            few.write_bytes(b"".join(file.readline() for _ in range(20)))
        run(few, Path(name, "few"), workers)
        cpu, wall = time.process_time(), time.perf_counter()
        run(path, Path(name, "shards"), workers)
        print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}))


if __name__ == "__main__":
    main()
