"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to, moved over it when the block ends well and removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def compressed(path: Path, suffix: str) -> Iterator[IO[bytes]]:
    """A file to write bytes to, compressed as the suffix of its final name says; the same bytes give the same file."""
    with path.open("wb") as file:
        if suffix == ".gz":
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                yield cast("IO[bytes]", packed)
        elif suffix == ".zst":
            import zstandard  # noqa: PLC0415  (only where it is asked for)

            with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as written:
                yield cast("IO[bytes]", written)
        elif suffix in {".bz2", ".xz"}:
            with bz2.BZ2File(file, "wb") if suffix == ".bz2" else lzma.LZMAFile(file, "wb") as other:
                yield cast("IO[bytes]", other)
        else:
            yield file
