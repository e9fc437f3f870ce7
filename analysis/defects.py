"""Defects of messages, each family a column of integers with its evidence: what rules drop, truncate or flag by."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis import pattern_defects, personal_data, phrase_defects, repetition, structure
from ultraqa.analysis.metric import Column
from ultraqa.analysis.triggers import Family, Hit, Seen, seen
from ultraqa.analysis.vendor_names import TEACHERS, teachers
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.words import Words

_MODULES: Final = (structure, phrase_defects, pattern_defects, repetition, personal_data)
FAMILIES: Final[tuple[Family, ...]] = tuple(family for module in _MODULES for family in module.FAMILIES)
"""Every family; its place is its bit in the column ``flags`` of the messages."""
PHRASES: Final = {name: phrases for module in _MODULES for name, phrases in module.PHRASES.items()}


class Found(NamedTuple):
    """The defects of a batch of m messages in d dialogues.

    Attributes:
        hits: evidence of each family, by its name, the first hit of every message only.
        flags: shape (m,), a bit for each family in the order of ``FAMILIES``.
        teachers: replies that name a vendor's model as their writer, shape (d,) for each vendor; see ``provenance``.
    """

    hits: dict[str, list[Hit]]
    flags: NDArray[np.int64]
    teachers: dict[str, NDArray[np.int32]]


def find(words: Words) -> Found:
    """The defects of a batch; it is looked through once, however many columns follow."""
    if "defects" not in words.shared:
        words.shared["defects"] = _find(words)
    found: Found = words.shared["defects"]
    return found


def _find(words: Words) -> Found:
    batch = seen(words, PHRASES)
    roles = words.batch.roles
    codes = {"u": USER, "a": ASSISTANT, "ua": None}
    flags = np.zeros(len(roles), np.int64)
    hits: dict[str, list[Hit]] = {}
    for bit, family in enumerate(FAMILIES):
        spoken = codes[family.roles]
        first: dict[int, Hit] = {}
        for hit in family.find(batch):
            if spoken is None or roles[hit.message] == spoken:
                first.setdefault(hit.message, hit)
        hits[family.name] = [first[message] for message in sorted(first)]
        if first:
            flags[list(first)] |= 1 << bit
    return Found(hits, flags, _teachers(batch))


def _teachers(batch: Seen) -> dict[str, NDArray[np.int32]]:
    offsets = batch.batch.dialogue_offsets
    found = {vendor: np.zeros(len(offsets) - 1, np.int32) for vendor in TEACHERS}
    for message, vendor in set(teachers(batch)):
        found[vendor][np.searchsorted(offsets, message, side="right") - 1] += 1
    return found


def _count(bit: int, role: int, words: Words) -> NDArray[np.int32]:
    """Messages of a role (-1: of any) that a family hits, by dialogue."""
    batch = words.batch
    hits = find(words).hits[FAMILIES[bit].name]
    if not hits:
        return np.zeros(len(batch), np.int32)
    marked = np.fromiter((one.message for one in hits), np.int64, len(hits))
    if role >= 0:
        marked = marked[batch.roles[marked] == role]
    owners = np.searchsorted(batch.dialogue_offsets, marked, side="right") - 1
    return np.bincount(owners, minlength=len(batch)).astype(np.int32)


def _columns(bit: int, family: Family) -> list[Column]:
    roles = {"": -1} | ({"_user": USER, "_assistant": ASSISTANT} if family.roles == "ua" else {})
    return [
        Column(
            family.name + suffix, partial(_count, bit, role), family.find, unit="messages", level="dialogue",
            share=not suffix, flag=not suffix and not family.trait, version=family.version,
        )
        for suffix, role in roles.items()
    ]  # fmt: skip


COLUMNS: Final = tuple(column for bit, family in enumerate(FAMILIES) for column in _columns(bit, family))
"""Of every family the number of messages, and of families of both roles also those of each role."""
