"""Sources: what the DATA of a command means, from a file, folder, glob, url or pipe to named datasets of files."""

from __future__ import annotations

import difflib
import glob
import os
import stat
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ultraqa.dialogues.files import (
    COMPRESSION_SUFFIXES,
    JSON_SUFFIXES,
    READABLE,
    TABLE_SUFFIXES,
    DataError,
    Source,
    UnreadableError,
    changed,
    filesystem,
    is_remote,
    sha256,
    spool,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DataError", "Dataset", "Source", "UnreadableError", "changed", "datasets", "sha256", "stem"]

# Files that the datasets library writes beside its tables: they describe, they hold no record.
_SIDE_FILES = frozenset({"state.json", "dataset_info.json", "dataset_dict.json", "dataset_infos.json"})
_ONE_BY_ONE = 8


@dataclass(frozen=True)
class Dataset:
    """A named dataset: one file, or all files of a folder or glob in sorted order."""

    name: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class _Found:
    """A dataset with what its name may still change to."""

    dataset: Dataset
    place: PurePosixPath
    """Where it lies: equal names take the folders of this path in front."""
    explicit: bool
    single: bool


def datasets(data: Sequence[str]) -> list[Dataset]:
    """The datasets that DATA names, one for each item, with names that differ.

    Args:
        data: ``name=path``, a file, ``-`` (standard input), a url (``hf://``, ``s3://``), a folder or a glob.

    Raises:
        DataError: an item that names nothing, with what to do.
    """
    _refuse_unquoted_glob(data)
    return _distinct([_found(item) for item in data])


def stem(path: str) -> str:
    """File name without the suffixes of containers and compression ("a.json.gz" is "a", "v1.5.jsonl" is "v1.5")."""
    name = PurePosixPath(path).name
    for suffixes in (COMPRESSION_SUFFIXES, JSON_SUFFIXES + TABLE_SUFFIXES + (".txt",)):
        if name.lower().endswith(suffixes) and PurePosixPath(name).stem:
            name = PurePosixPath(name).stem
    return name


def _found(item: str) -> _Found:
    name, path = _named(item)
    if path == "-":
        return _Found(_standard_input(name), PurePosixPath("stdin"), bool(name), single=True)
    if path.startswith("file://"):
        path = unquote(urlsplit(path).path)
    return _found_url(name, path) if is_remote(path) else _found_path(name, Path(path).expanduser())


def _named(item: str) -> tuple[str, str]:
    """Split ``name=path``; a file whose own name holds "=" keeps it."""
    name, equals, path = item.partition("=")
    if not equals or "/" in name or Path(item).exists():
        return "", item
    if not name or not path or name in {".", ".."} or "\0" in name:
        raise DataError(f"{item!r} is neither a file nor name=path: write a name before '=' and a path after it")
    return name, path


def _found_path(name: str, path: Path) -> _Found:
    if path.is_dir():
        return _found_folder(name, path)
    if path.exists():
        place = path.absolute()
        source = _spooled(path) if not path.is_file() else _local(place, place.name)
        return _Found(_dataset(name or stem(place.name), [source]), PurePosixPath(place), bool(name), single=True)
    if glob.has_magic(str(path)):
        root = _fixed_part(path)
        files = sorted(Path(found) for found in glob.glob(str(path), recursive=True))  # noqa: PTH207  ("**" and hidden files as the shell has them)
        return _found_many(name, root, [file for file in files if file.is_file()], str(path))
    raise DataError(_missing(path))


def _found_folder(name: str, folder: Path) -> _Found:
    if folder.suffix == ".ultraqa":
        raise DataError(f"{folder} is a Profile, not data: give the Profile to a command that takes one, or the data")
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not _hidden(file.relative_to(folder)))
    return _found_many(name, folder, files, str(folder))


def _found_many(name: str, root: Path, files: list[Path], given: str) -> _Found:
    place = root.absolute()
    paths = {file: file.absolute().relative_to(place).as_posix() for file in files}
    wanted = set(_readable(list(paths.values())))
    sources = [_local(file.absolute(), path) for file, path in paths.items() if path in wanted]
    if not sources:
        raise DataError(f"{given}: no file in it is one we read ({READABLE})")
    return _Found(_dataset(name or place.resolve().name, sources), PurePosixPath(place), bool(name), single=False)


def _found_url(name: str, url: str) -> _Found:
    fs, path = filesystem(url)
    try:
        return _found_remote(name, url, fs, path)
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{url}: cannot be reached ({error})") from error


def _found_remote(name: str, url: str, fs: Any, path: str) -> _Found:
    place = PurePosixPath(path)
    if glob.has_magic(path) and not fs.exists(path):
        root, files = PurePosixPath(_fixed_part(Path(path))), sorted(fs.glob(path))
    elif fs.isdir(path):
        root, files = place, sorted(fs.find(path))
    elif fs.exists(path):
        source = Source(place.name, fs.unstrip_protocol(path), int(fs.size(path)))
        return _Found(_dataset(name or stem(place.name), [source]), place, bool(name), single=True)
    else:
        raise DataError(f"{url} does not exist: check the address, or your access to it")
    paths = {file: str(PurePosixPath(file).relative_to(root)) for file in files if not fs.isdir(file)}
    wanted = set(_readable(list(paths.values())))
    sources = [Source(p, fs.unstrip_protocol(f), int(fs.size(f))) for f, p in paths.items() if p in wanted]
    if not sources:
        raise DataError(f"{url}: no file in it is one we read ({READABLE})")
    return _Found(_dataset(name or root.name, sources), root, bool(name), single=False)


def _readable(paths: list[str]) -> list[str]:
    """Of the files of a folder or glob, those that hold records; plain texts only where there is nothing else."""
    tables = {str(PurePosixPath(path).parent) for path in paths if path.lower().endswith(".arrow")}
    records = [path for path in paths if _has_records(PurePosixPath(path), tables)]
    return records or [path for path in paths if path.lower().endswith(".txt")]


def _has_records(path: PurePosixPath, tables: set[str]) -> bool:
    """Whether a name promises records; beside Arrow tables, the describing JSON files of ``save_to_disk`` do not."""
    name = path.name.lower()
    for suffix in COMPRESSION_SUFFIXES:
        name = name.removesuffix(suffix)
    described = name in _SIDE_FILES and any(PurePosixPath(t).is_relative_to(path.parent) for t in tables)
    return name.endswith(JSON_SUFFIXES + TABLE_SUFFIXES) and not described


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part.endswith(".ultraqa") for part in path.parts)


def _fixed_part(pattern: Path) -> Path:
    """The folders of a pattern before its first wildcard."""
    fixed = pattern
    while glob.has_magic(str(fixed)):
        fixed = fixed.parent
    return fixed


def _local(path: Path, shown: str) -> Source:
    if not os.access(path, os.R_OK):
        raise DataError(f"{path} may not be read: change its permissions, or run as a user who may read it")
    return Source(shown, str(path), path.stat().st_size)


def _dataset(name: str, sources: list[Source]) -> Dataset:
    return Dataset(name, tuple(sources))


def _standard_input(name: str) -> Dataset:
    if sys.stdin.isatty():
        raise DataError("'-' reads standard input, but nothing is piped into it: use `cat data.jsonl | ultraqa … -`")
    return _dataset(name or "stdin", [spool(sys.stdin.buffer, "stdin")])


def _spooled(path: Path) -> Source:
    """A pipe or device that can be read only once, copied to a temporary file."""
    if not (stat.S_ISFIFO(path.stat().st_mode) or stat.S_ISCHR(path.stat().st_mode)):
        raise DataError(f"{path} is neither a file, a folder nor a pipe")
    with path.open("rb") as stream:
        return spool(stream, path.name)


def _missing(path: Path) -> str:
    folder = path.parent
    message = f"{path} does not exist"
    if not folder.is_dir():
        return f"{message}: the folder {folder} does not exist either"
    near = difflib.get_close_matches(path.name, [file.name for file in folder.iterdir()], n=3)
    return f"{message}: did you mean {', '.join(near)}?" if near else f"{message}: check the path"


def _refuse_unquoted_glob(data: Sequence[str]) -> None:
    files = [Path(item) for item in data if not is_remote(item) and Path(item).is_file()]
    for folder, count in Counter(file.parent for file in files).items():
        if count > _ONE_BY_ONE:
            suffixes = Counter(file.suffix for file in files if file.parent == folder)
            pattern = folder / f"*{suffixes.most_common(1)[0][0]}"
            raise DataError(
                f"{count} files of {folder} were given one by one, as the shell does with a pattern: "
                f'quote the pattern ("{pattern}") to read them as one dataset, or give the folder'
            )


def _distinct(found: list[_Found]) -> list[Dataset]:
    """Names that differ: folders are put in front of derived names that are equal, as few as it takes."""
    taken = [item.dataset.name for item in found if item.explicit]
    twice = [name for name, count in Counter(taken).items() if count > 1]
    if twice:
        raise DataError(f'two datasets are named "{twice[0]}": give each a name of its own')
    names = [item.dataset.name for item in found]
    for depth in range(1, 1 + max((len(item.place.parts) for item in found), default=0)):
        counts = Counter(names)
        names = [
            name if counts[name] == 1 or item.explicit else _prefixed(item, depth)
            for name, item in zip(names, found, strict=True)
        ]
    seen: Counter[str] = Counter()
    for i, name in enumerate(names):
        seen[name] += 1
        names[i] = name if seen[name] == 1 else f"{name}-{seen[name]}"
    return [replace(item.dataset, name=name) for item, name in zip(found, names, strict=True)]


def _prefixed(item: _Found, depth: int) -> str:
    folders = [part for part in item.place.parent.parts if part.strip("/")]
    return "-".join([*folders[-depth:], item.dataset.name])
