"""Provenance: what a dataset says of its own origin, for a person to review.

The terms of several vendors forbid to train competing models on their models' output, and a permissive licence on a
dataset does not lift them. A file cannot tell who wrote it, so nothing here is a legal verdict or a test for machine
text: these are declared licences, record fields that name a model or source, and replies that name their own maker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import orjson

from ultraqa.analysis.licences import Licence, licences
from ultraqa.analysis.metric import Result
from ultraqa.analysis.part import part_of
from ultraqa.analysis.statistics import Clusters, share
from ultraqa.dialogues.origins import FIELDS, MODELS, SOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.part import Part
    from ultraqa.analysis.profile import Profile

TEACHER: Final = "teacher_"
"""What the columns that count replies naming a vendor's model as their writer begin with."""
LOWER_BOUND: Final = "a lower bound: most replies of a model do not name it, so that 0 is no sign of human writing"
UNKNOWN: Final = "records that name neither model nor source; a finding for review, no verdict"
_COMMONEST: Final = 5
_STATING: Final = frozenset((*MODELS, *SOURCES))
_NOTHING: Final = frozenset({"", "unknown", "none", "null", "nan", "n/a", "na", "-", "?", "other", "undefined"})


class Field(NamedTuple):
    """A record field: its name, the dialogues whose record fills it, and its commonest values with their dialogues."""

    name: str
    dialogues: int
    values: dict[str, int]


class Teacher(NamedTuple):
    """Dialogues in which a reply names a vendor's model as its writer, as a share with its 95 % interval."""

    vendor: str
    dialogues: int
    share: float
    low: float
    high: float


class Provenance(NamedTuple):
    """What a dataset says of its own origin.

    Attributes:
        licences: those declared by a dataset card, a licence file or record fields.
        fields: the record fields that some record fills; None where the Profile has kept none.
        unknown: dialogues whose record names neither model nor source; None where the Profile has kept no fields.
        teachers: vendors whose models some replies name as their writer, the most frequent first; a lower bound.
    """

    licences: tuple[Licence, ...]
    fields: tuple[Field, ...] | None
    unknown: int | None
    teachers: tuple[Teacher, ...]


def provenance(profile: Profile) -> Provenance:
    """What a dataset says of its own origin: licences, record fields, and replies that name their maker."""
    part = part_of(profile)
    stated = _stated(part)
    fields = tuple(_field(name, values) for name, values in stated.items())
    declared = [
        Licence(name, f"field {one.name}", n)
        for one in fields
        if one.name in {"license", "licence"}
        for name, n in one.values.items()
    ]
    return Provenance(
        (*licences(profile), *declared),
        tuple(one for one in fields if one.dialogues) if _keeps_fields(profile) else None,
        int((~_known(part, stated)).sum()) if _keeps_fields(profile) else None,
        tuple(_teachers(part)),
    )


def described(found: Provenance) -> dict[str, Any]:
    """Provenance as JSON values, for a Profile's document."""
    return {
        "licences": [one._asdict() for one in found.licences],
        "fields": None if found.fields is None else [one._asdict() for one in found.fields],
        "unknown": found.unknown,
        "teachers": [one._asdict() for one in found.teachers],
    }


def provenance_unknown(stated: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Dialogues whose record names neither a model nor a source: nobody can tell where they come from.

    For review, no verdict: a record that names its source may be wrong.

    Args:
        stated: shape (d,), whether the record of a dialogue names one.
    """
    return ~stated


def rows(part: Part) -> list[Result]:
    """Share of the dialogues of unknown origin, and of those with a reply that names a vendor's model as its writer."""
    found = [_row(part, "provenance_unknown", None, "the Profile has kept no record fields")]
    if _keeps_fields(part.profile):
        found = [_row(part, "provenance_unknown", provenance_unknown(_known(part, _stated(part))), UNKNOWN)]
    return found + [
        _row(part, f"teacher.{name.removeprefix(TEACHER)}", part.dialogue(name) > 0, LOWER_BOUND)
        for name in _columns(part.profile)
    ]


# --- record fields ---------------------------------------------------------------------------------------------------


class _Values(NamedTuple):
    """The values of a field: the distinct ones, and of each dialogue the number of its own, -1 for none."""

    kinds: list[str]
    numbers: NDArray[np.int64]


def _keeps_fields(profile: Profile) -> bool:
    return bool({"origin", *(f"field.{name}" for name in FIELDS)}.intersection(profile.columns()))


def _stated(part: Part) -> dict[str, _Values]:
    """Of each field of ``FIELDS`` that a Profile has kept, what the records of a part say in it."""
    found = _from_origin(part) if "origin" in part.profile.columns() else {}
    for name in FIELDS:
        if name not in found and f"field.{name}" in part.profile.columns():
            kinds, numbers = _encoded(part, f"field.{name}")
            found[name] = _numbered([None if _is_nothing(kind) else kind for kind in kinds], numbers)
    return {name: found[name] for name in FIELDS if name in found}


def _from_origin(part: Part) -> dict[str, _Values]:
    """The fields in the column ``origin``, whose cells are JSON objects of few kinds."""
    kinds, numbers = _encoded(part, "origin")
    records = [orjson.loads(kind) for kind in kinds]
    names = {name for record in records for name in record}
    return {name: _numbered([_text(record.get(name)) for record in records], numbers) for name in names}


def _encoded(part: Part, column: str) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct cells of a text column, and of each dialogue of a part the number of its own, -1 for none."""
    cells = part.profile.table("dialogues", [column])[column].combine_chunks().dictionary_encode()
    numbers = cells.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return cells.dictionary.to_pylist(), numbers[part.rows]


def _numbered(texts: Sequence[str | None], cells: NDArray[np.int64]) -> _Values:
    """The values of a field from the texts of its cells, None where a cell says nothing."""
    kinds = list(dict.fromkeys(text for text in texts if text is not None))
    place = {kind: number for number, kind in enumerate(kinds)}
    of_cell = np.array([-1 if text is None else place[text] for text in texts] + [-1], np.int64)  # the last: no cell
    return _Values(kinds, of_cell[cells])


def _text(value: object) -> str | None:
    """A value of the column ``origin`` as text, several joined by commas; None where it says nothing."""
    values = [one for one in (value if isinstance(value, list) else [value]) if not _is_nothing(one)]
    return ", ".join(one if isinstance(one, str) else orjson.dumps(one).decode() for one in values) or None


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING)


def _known(part: Part, stated: dict[str, _Values]) -> NDArray[np.bool_]:
    """Shape (d,), whether the record of a dialogue names a model or a source."""
    known = np.zeros(len(part.rows), np.bool_)
    for name, values in stated.items():
        known |= (values.numbers >= 0) & (name in _STATING)
    return known


def _field(name: str, values: _Values) -> Field:
    counts = np.bincount(values.numbers + 1, minlength=len(values.kinds) + 1)[1:]
    commonest = sorted(zip(values.kinds, counts.tolist(), strict=True), key=lambda one: (-one[1], one[0]))
    return Field(name, int(counts.sum()), {kind: n for kind, n in commonest[:_COMMONEST] if n})


# --- replies that name their maker -----------------------------------------------------------------------------------


def _columns(profile: Profile) -> list[str]:
    return [name for name in profile.columns() if name.startswith(TEACHER)]


def _teachers(part: Part) -> list[Teacher]:
    found = []
    for name in _columns(part.profile):
        marked = part.dialogue(name) > 0
        one = share(marked, Clusters(None, part.distinct))[0]
        if marked.any() and one.value is not None and one.low is not None and one.high is not None:
            found.append(Teacher(name.removeprefix(TEACHER), int(marked.sum()), one.value, one.low, one.high))
    return sorted(found, key=lambda teacher: (-teacher.dialogues, teacher.vendor))


def _row(part: Part, metric: str, marked: NDArray[np.bool_] | None, note: str) -> Result:
    if marked is None or not len(marked):
        return Result(part.name, metric, "dialogue", "share", None, unit="share", note=note)
    one = share(marked, Clusters(None, part.distinct))[0]
    return Result(part.name, metric, "dialogue", "share", one.value, one.low, one.high, "share", len(marked), note=note)
