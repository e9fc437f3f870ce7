"""What the tool is measured against, each started as a process of its own: ``python peers.py NAME FILE``.

``copy`` and ``orjson`` are floors; ``lexicalrichness`` computes MTLD of every message, and nothing else.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path


def copy(path: Path) -> None:
    """Copy the bytes, a megabyte at a time."""
    with path.open("rb") as source, tempfile.TemporaryFile() as target:
        shutil.copyfileobj(source, target, 1 << 20)


def parse(path: Path) -> None:
    """Parse every line and keep nothing."""
    loads = import_module("orjson").loads
    with path.open("rb") as file:
        for line in file:
            loads(line)


def lexicalrichness(path: Path) -> None:
    """MTLD of every message by LexicalRichness, the library behind the published numbers."""
    loads, measures = import_module("orjson").loads, import_module("lexicalrichness").LexicalRichness
    with path.open("rb") as file:
        for line in file:
            record = loads(line)
            for text in record.get("data") or [f"{record['instruction']}\n{record['input']}", record["output"]]:
                lexicon = measures(text)
                if lexicon.words:
                    lexicon.mtld(threshold=0.72)


PEERS = {"copy": copy, "orjson": parse, "lexicalrichness": lexicalrichness}

if __name__ == "__main__":
    PEERS[sys.argv[1]](Path(sys.argv[2]))
