"""Columns: what the key of a rule may name, ``metric[.scope]``, and where its values stand in a Profile."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ultraqa.analysis.catalog import definitions
from ultraqa.analysis.defects import COLUMNS as DEFECTS
from ultraqa.analysis.defects import FAMILIES
from ultraqa.analysis.metrics import COLUMNS, COUNTS
from ultraqa.analysis.profile import ProfileError
from ultraqa.analysis.relevance import Columns as Relevance
from ultraqa.analysis.text_measures import MEASURES
from ultraqa.analysis.vendor_names import TEACHERS
from ultraqa.dialogues.sources import DataError
from ultraqa.filters.trainers import TRAINERS, columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile

_SUFFIXES: Final = ("prompt", "user", "assistant", "message")
_VECTORS: Final = "--embedder static"
_NEAR: Final = "--duplicates auto"
_DOCS: Final = {
    "teacher": "Replies that name a model of this vendor as their writer; a lower bound.",
    "trainer": "What a trainer does with the dialogue: 0 takes it, 1 changes it, 2 drops or rejects it.",
    "language": "ISO 639-1 code of the dialogue's language.",
    "format": "Name of the record's format, as `ultraqa inspect` tells it.",
    "template": "Estimated share of the dialogue's word 5-grams that many dialogues of the dataset have.",
}
"""Columns that are no metric."""


class Named(NamedTuple):
    """What a key names.

    Attributes:
        key: the key.
        column: a column of the dialogues.
        message: the column of the messages that it sums or averages, "" where it is of whole dialogues.
        roles: whose messages are meant: "u", "a" or "ua".
        bit: of a defect family in the messages' ``flags``, -1 for other columns.
        option: what must be asked for when the data is measured, "" for what every Profile has.
        text: whether its values are names and not numbers.
    """

    key: str
    column: str
    message: str = ""
    roles: str = "ua"
    bit: int = -1
    option: str = ""
    text: bool = False


@cache
def named() -> dict[str, Named]:
    """Everything that a rule's key may name, by key."""
    found = [*_of_pass(), *_of_families(), *_of_duplicates(), *_of_stage_two()]
    found += [Named(f"teacher_{vendor}", f"teacher_{vendor}") for vendor in TEACHERS]
    found += [Named(f"trainer_{name}", f"trainer_{name}") for name in TRAINERS]
    found += [Named("language", "language", option=_VECTORS, text=True), Named("format", "format", text=True)]
    found.append(Named("contaminated", "contaminated", option="--contamination FILE"))
    return {one.key: one for one in found}


def resolve(key: str) -> Named:
    """What a key names.

    Raises:
        DataError: it names no column, with the nearest that does.
    """
    if key.startswith("field."):
        return Named(key, key, option=f"--by {key.removeprefix('field.')}", text=True)
    known = named()
    if key.removesuffix(".dialogue") in known:
        return known[key.removesuffix(".dialogue")]
    near = get_close_matches(key, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise DataError(f"{key!r} names no column; {hint}`ultraqa metrics --columns` lists them")


def listed_columns() -> list[dict[str, str]]:
    """Every column that a rule may name, with unit, direction, definition, source, actions and measuring option."""
    found = []
    by_name = {one.name: one for one in definitions()}
    for key, one in named().items():
        told = by_name.get(key.partition(".")[0]) or by_name.get(one.column)
        doc = told.doc if told else _DOCS.get(key.partition("_")[0], "")
        found.append({
            "key": key, "column": one.column, "unit": "names" if one.text else told.unit if told else "",
            "direction": told.direction if told else "",
            "actions": "drop, flag, truncate, drop_round" if one.message else "drop, flag", "option": one.option,
            "doc": doc, "source": told.source if told else "",
        })  # fmt: skip
    return found


def values(profile: Profile, one: Named) -> NDArray[Any]:
    """Values of the d dialogues, NaN (or None, for text) where undefined.

    Raises:
        ProfileError: the Profile was made without; the message says with which option it is measured.
    """
    if one.column.startswith("trainer_"):
        return columns(profile)[one.column].astype(float)
    check(profile, one)
    found = profile.column(one.column)
    return found if one.text else found.astype(float)


def numbers(profile: Profile, one: Named) -> NDArray[np.float64]:
    """Values of the d dialogues as numbers: a record field that holds none is undefined.

    Raises:
        ProfileError: the Profile was made without.
    """
    found = values(profile, one)
    if not one.text:
        return found
    return np.fromiter(map(_number, found.tolist()), float, len(found))


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return np.nan


def check(profile: Profile, one: Named) -> None:
    """Refuse a Profile that lacks a column.

    Raises:
        ProfileError: it was made without; the message says with which option it is measured.
    """
    if one.column.startswith("trainer_") or (one.column in profile.columns() and _looked_for(profile, one)):
        return
    how = f" {one.option}" if one.option else ""
    raise ProfileError(
        f"{profile.name} has no column for {one.key!r}: measure it with "
        f"`ultraqa profile DATA -o {profile.path.name}{how} --overwrite`"
    )


def _looked_for(profile: Profile, one: Named) -> bool:
    """Whether near-duplicates were looked for, of a column that holds copies in any case."""
    if not one.key.startswith("near_duplicates"):
        return True
    near = profile.document["parameters"]["duplicates"]["near"]
    return near == "all" or (near == "auto" and one.option == _NEAR)


def message_values(profile: Profile, one: Named) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values of the m messages, and which of them are meant."""
    roles = profile.column("role", "messages")
    meant = np.isin(roles, [code for letter, code in (("u", 0), ("a", 1)) if letter in one.roles])
    found = profile.column(one.message, "messages")
    if one.bit >= 0:
        found = found.astype(np.int64) >> one.bit & 1
    return found.astype(float), meant


def _of_pass() -> list[Named]:
    found = []
    of_families = {column.name for column in DEFECTS}
    for column in COLUMNS:
        if column.level == "dialogue":
            if column.name not in of_families:
                found.append(Named(column.name, column.name))
            continue
        found += _scoped(column.name, "")
    return [*found, *_scoped("tokens", "--tokens all")]


def _scoped(name: str, option: str) -> list[Named]:
    found = [Named(name, name, name, option=option)]
    found += [
        Named(f"{name}.{scope}", f"{name}_{scope}", name, scope[0], option=option) for scope in ("user", "assistant")
    ]
    if name in COUNTS:
        found.append(Named(f"{name}.prompt", f"{name}_prompt", option=option))
    return found


def _of_families() -> list[Named]:
    found = []
    for bit, family in enumerate(FAMILIES):
        found.append(Named(family.name, family.name, "flags", family.roles, bit))
        if family.roles == "ua":
            found += [
                Named(f"{family.name}.{scope}", f"{family.name}_{scope}", "flags", scope[0], bit)
                for scope in ("user", "assistant")
            ]
    return found


def _of_duplicates() -> list[Named]:
    found = [Named(name, name) for name in ("copied_replies", "copied_prompts")]
    found += [Named("template_share", "template_share", option=_NEAR)]
    found.append(Named("semantic_duplicates", "semantic_duplicate_of", option=_VECTORS))
    for scope in ("", ".prompt", ".assistant", ".message"):
        suffix = scope.replace(".", "_")
        found.append(Named(f"exact_duplicates{scope}", f"duplicate_of{suffix}"))
        option = _NEAR if scope in {"", ".prompt"} else "--duplicates all"
        found.append(Named(f"near_duplicates{scope}", f"duplicate_of{suffix}", option=option))
    return found


def _of_stage_two() -> list[Named]:
    names = [*Relevance._fields, *(column.name for one in MEASURES for column in one.columns)]
    return [Named(_key(name), name, option=_VECTORS) for name in names if name not in {"relevance_replies", "sector"}]


def _key(column: str) -> str:
    metric, _, scope = column.rpartition("_")
    return f"{metric}.{scope}" if metric and scope in _SUFFIXES else column
