"""Formats: from one parsed record, of whatever published shape, to its dialogues.

A format is recognised by what a record holds, never by a file's name. The formats that records of a set of keys may
have are looked up once; every such record then goes to the first of them that reads it, so that a record is read in the
same way wherever it stands. ``formats_*.py``, ``transcripts.py`` and ``trees.py`` hold the readers, all of one form:
they return dialogues or raise Mismatch.

    name, dialogues = RecordReader()({"instruction": "Name a colour.", "input": "", "output": "Red."})
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from ultraqa.dialogues.formats_table import FORMATS
from ultraqa.dialogues.formats_unknown import UnknownFormat, unknown
from ultraqa.dialogues.formats_values import Format, Mismatch, Options, Read
from ultraqa.dialogues.roles import RoleTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ultraqa.dialogues.batch import Dialogue

__all__ = ["FORMATS", "Format", "RecordReader", "UnknownFormat"]

_REMEMBERED = 4096  # sets of keys; a file whose records all differ must not fill the memory
_ROLE = "role:"


class RecordReader:
    """Reads records, each by the first format that it fits.

    Args:
        format: name of the only format to try; by default all are.
        mapping: new names for keys of the record and of the turns in its lists ("question": "instruction"), and roles
            of tags ("role:Kunde": "user").
        paths: "best" reads the best-ranked path through a tree of replies, "all" every path.
        preferred: which answer of a preference record is read.

    Raises:
        ValueError: no format has that name, or a tag is mapped to no role.
    """

    def __init__(
        self,
        *,
        format: str | None = None,  # noqa: A002  (what the command line calls it)
        mapping: Mapping[str, str] | None = None,
        paths: Literal["best", "all"] = "best",
        preferred: Literal["chosen", "rejected"] = "chosen",
    ) -> None:
        mapping = mapping or {}
        roles = {tag.removeprefix(_ROLE): role for tag, role in mapping.items() if tag.startswith(_ROLE)}
        self._names = {old: new for old, new in mapping.items() if not old.startswith(_ROLE)}
        self._options = Options(RoleTable(roles), paths, preferred)
        self._forced = None if format is None else _named(format)
        self._candidates: dict[tuple[Any, ...], tuple[tuple[str, Read], ...]] = {}

    def __call__(self, record: Any) -> tuple[str, list[Dialogue]]:
        """Name of the record's format and its dialogues.

        Raises:
            UnknownFormat: no format reads the record, or it is no object.
        """
        if not isinstance(record, dict):
            raise unknown(record)
        if self._names:
            record = _renamed(record, self._names)
        try:
            candidates = self._candidates[tuple(record)]
        except KeyError:
            candidates = self._look_up(record)
        for name, read in candidates:
            try:
                return name, read(record, self._options)
            except (Mismatch, RecursionError):
                continue
        raise unknown(record, self._forced)

    def fitting(self, record: Any) -> list[str]:
        """Names of all formats that read the record, the one that is taken first; none where it is unknown."""
        if not isinstance(record, dict):
            return []
        renamed = _renamed(record, self._names) if self._names else record
        return [name for name, read in self._look_up(renamed) if _reads(read, renamed, self._options)]

    def _look_up(self, record: dict[Any, Any]) -> tuple[tuple[str, Read], ...]:
        """The formats that records of these keys may have, in order."""
        if self._forced:
            fitting = [self._forced]
        else:
            fitting = [one for one in FORMATS if any(need <= record.keys() for need in one.needs)]
        if len(self._candidates) >= _REMEMBERED:
            self._candidates.clear()
        candidates = tuple((one.name, one.read) for one in fitting)
        self._candidates[tuple(record)] = candidates
        return candidates


def _reads(read: Read, record: dict[Any, Any], options: Options) -> bool:
    try:
        read(record, options)
    except (Mismatch, RecursionError):
        return False
    return True


def _named(name: str) -> Format:
    formats = {one.name: one for one in FORMATS}
    if name in formats:
        return formats[name]
    meant = get_close_matches(name, formats, n=1)
    hint = f"did you mean {meant[0]!r}? " if meant else ""
    raise ValueError(f"no format is called {name!r}; {hint}the names are {', '.join(formats)}")


def _renamed(record: dict[Any, Any], names: Mapping[str, str], deep: bool = True) -> dict[Any, Any]:
    """The record with new names for its keys and for those of the objects in its lists; a new name wins."""
    kept = {key: value for key, value in record.items() if key not in names}
    moved = {new: record[old] for old, new in names.items() if old in record}
    renamed = {**kept, **moved}
    if not deep:
        return renamed
    for key, value in renamed.items():
        if isinstance(value, list):
            renamed[key] = [_renamed(one, names, deep=False) if isinstance(one, dict) else one for one in value]
    return renamed
