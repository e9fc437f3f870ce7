"""Files: one file of a dataset, wherever it lies, and how to open, digest and spool it."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, cast

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".arrow")
COMPRESSION_SUFFIXES = (".gz", ".zst", ".bz2", ".xz")
READABLE = (
    "JSONL, a JSON array or object, CSV, TSV, Parquet, Arrow, each JSON and CSV form also as .gz, .zst, .bz2 or .xz"
)

_EXTRAS = {"hf": "hf", "s3": "s3", "s3a": "s3"}


class DataError(ValueError):
    """DATA that cannot mean a dataset: a path that does not exist, a name given twice, an unquoted glob."""


class UnreadableError(DataError):
    """A file that exists but is in no container we read."""


@dataclass(frozen=True)
class Source:
    """One file of a dataset.

    Attributes:
        path: relative to the dataset, for a single file its name; the only one that is ever shown.
        location: absolute path or fsspec url, to open it again; never rendered.
        size: bytes as stored, before any decompression.
    """

    path: str
    location: str
    size: int


def sha256(source: Source) -> str:
    """Hex digest of the file's bytes as stored; read again only where size or time of the file have changed."""
    return _digest(source, changed(source))


def changed(source: Source) -> int:
    """When a local file was changed last, in nanoseconds; 0 for others."""
    return 0 if is_remote(source.location) else Path(source.location).stat().st_mtime_ns


@lru_cache(maxsize=1024)
def _digest(source: Source, _changed: int) -> str:
    digest = hashlib.sha256()
    with opened(source) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def opened(source: Source) -> IO[bytes]:
    """The file's bytes as stored, seekable, to be closed by the caller."""
    if is_remote(source.location):
        fs, path = filesystem(source.location)
        return cast("IO[bytes]", fs.open(path, "rb"))
    return cast("IO[bytes]", Path(source.location).open("rb", buffering=0))


def is_remote(location: str) -> bool:
    """Whether a location is an fsspec url and not a path of this machine."""
    return "://" in location


def filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of a url and the path in it.

    Raises:
        DataError: the package for such urls is not installed, or fsspec knows none.
    """
    import fsspec.core  # noqa: PLC0415  (only for urls)

    scheme = url.partition("://")[0]
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        extra = _EXTRAS.get(scheme)
        remedy = f'pip install "ultraqa[{extra}]"' if extra else str(error)
        raise DataError(f"{url}: reading {scheme}:// needs a package that is not installed: {remedy}") from error
    except ValueError as error:
        raise DataError(f"{url}: {scheme}:// is no kind of address that fsspec knows ({error})") from error
    return fs, path


def spool(stream: IO[bytes], shown: str) -> Source:
    """A stream that can be read only once, copied to a temporary file that lives as long as the program."""
    handle, copy = tempfile.mkstemp(prefix="ultraqa-")
    atexit.register(Path(copy).unlink, missing_ok=True)
    with os.fdopen(handle, "wb") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    return Source(shown, copy, Path(copy).stat().st_size)
