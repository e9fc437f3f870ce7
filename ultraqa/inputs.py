"""What DATA may be: paths and urls, records in memory, and finished Profiles."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultraqa.dialogues.sources import DataError, Dataset, Source, datasets

if TYPE_CHECKING:
    from ultraqa.analysis.profile import Profile

if TYPE_CHECKING:
    Data = str | os.PathLike[str] | Iterable[Mapping[str, Any]] | Profile
"""A path, url, glob or ``name=path``, records, a Hugging Face ``Dataset``, or a Profile."""

RECORDS = "records.jsonl"


def resolved(data: Sequence[Any], name: str | None = None) -> list[Dataset | Profile]:
    """The datasets and Profiles that DATA means, in order; ``name`` renames a single dataset.

    Raises:
        DataError: something that is neither a path, nor records, nor a Profile, or a path that does not exist.
    """
    from ultraqa.analysis.profile import Profile

    if not data:
        raise DataError("no data was given: name at least one file, folder or Profile")
    named = iter(datasets([os.fspath(one) for one in data if _is_path(one) and not _is_profile(one)]))
    found: list[Dataset | Profile] = []
    for i, one in enumerate(data):
        if isinstance(one, Profile):
            found.append(one)
        elif _is_profile(one):
            found.append(Profile(one))
        elif _is_path(one):
            found.append(next(named))
        else:
            found.append(_in_memory(one, "records" if len(data) == 1 else f"records-{i + 1}"))
    return [replace(one, name=name) if name and isinstance(one, Dataset) else one for one in found]


def listed(given: Any) -> list[Any]:
    """What may be given alone or as several: a path or a Profile stands for a list of it."""
    return [given] if _is_path(given) or hasattr(given, "document") else list(given)


def temporary() -> Path:
    """A folder that goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="ultraqa-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def keep_records(profile: Profile) -> None:
    """Move records that were given in memory into their Profile's folder, so that texts can be read again."""
    import orjson

    file = profile.path / "sources.json"
    described = orjson.loads(file.read_bytes())
    if len(described) == 1 and described[0]["location"] in _spooled:
        kept = profile.path / RECORDS
        shutil.move(described[0]["location"], kept)
        described[0]["location"] = str(kept.absolute())
        file.write_bytes(orjson.dumps(described, option=orjson.OPT_INDENT_2))


_spooled: set[str] = set()


def _is_path(data: Any) -> bool:
    return isinstance(data, str | os.PathLike)


def _is_profile(data: Any) -> bool:
    return _is_path(data) and (Path(data) / "profile.json").is_file()


def _in_memory(records: Any, name: str) -> Dataset:
    if not isinstance(records, Iterable):
        raise DataError(f"data is {type(records).__name__}: a path, a list of records (dicts) or a Profile is needed")
    file = temporary() / RECORDS
    with file.open("wb") as out:
        for record in records:
            if not isinstance(record, Mapping):
                raise DataError(f"a record is {type(record).__name__}: every record must be a dict")
            out.write(_line(dict(record)))
    _spooled.add(str(file))
    return Dataset(name, (Source(RECORDS, str(file), file.stat().st_size),))


def _line(record: dict[str, Any]) -> bytes:
    """A record as a line of JSON, also where it holds half a surrogate pair or an integer beyond 64 bits."""
    import json

    import orjson

    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    try:
        return orjson.dumps(record, default=_plain, option=options)
    except TypeError:
        return json.dumps(record, default=_plain).encode() + b"\n"


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
