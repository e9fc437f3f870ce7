"""A part: all dialogues of a Profile, or some of them, with their columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.analysis.profile import Profile, ProfileError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Part:
    """All dialogues of a Profile, or some of them.

    Attributes:
        name: name in the Result rows.
        profile: where the columns are.
        rows: shape (d,), the dialogues.
        members: shape (m,), the messages.
        owner: shape (m,), dialogue of each message, counted within the part.
        roles: shape (m,), USER or ASSISTANT.
        distinct: shape (d,), whether the dialogue is not a copy of an earlier one of the part.
    """

    name: str
    profile: Profile
    rows: NDArray[np.int64]
    members: NDArray[np.int64]
    owner: NDArray[np.int64]
    roles: NDArray[np.uint8]
    distinct: NDArray[np.bool_]

    def dialogue(self, column: str) -> NDArray[Any]:
        """A dialogue column, shape (d,)."""
        return _some(self.profile.column(column), self.rows)

    def message(self, column: str) -> NDArray[Any]:
        """A message column, shape (m,)."""
        return _some(self.profile.column(column, "messages"), self.members)

    def subset(self, chosen: NDArray[np.bool_]) -> Part:
        """Those of the dialogues that a mask of shape (d,) chooses."""
        return part_of(self.profile, self.rows[chosen], self.name)

    def by_hash(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Those of the distinct dialogues that a mask of shape (d,) chooses, in order of content hash: a sample's."""
        found = np.flatnonzero(self.distinct & chosen)
        return found[np.argsort(self.dialogue("content_hash")[found], kind="stable")]

    def version(self, metric: str) -> str:
        """Version of a metric's definition, with the tokenizer where it counts pieces."""
        return str(self.profile.document["versions"].get(metric, "1"))


def _some(values: NDArray[Any], chosen: NDArray[np.int64]) -> NDArray[Any]:
    """Some of the values; of all of them no copy is made."""
    return values if len(chosen) == len(values) else values[chosen]


def part_of(profile: Profile, rows: NDArray[np.int64] | None = None, name: str | None = None) -> Part:
    """A part of a Profile; all of it without ``rows``."""
    owner = profile.column("dialogue", "messages")
    chosen = np.arange(len(profile)) if rows is None else rows
    number = np.full(len(profile), -1, np.int64)
    number[chosen] = np.arange(len(chosen))
    members = np.flatnonzero(number[owner] >= 0)
    roles = profile.column("role", "messages")[members]
    distinct = exact_duplicates(profile.column("content_hash")[chosen]) < 0
    return Part(name or profile.name, profile, chosen, members, number[owner[members]], roles, distinct)


def parts_by(profile: Profile, field: str) -> list[Part]:
    """The parts of a Profile that share a value of a record field, "name/value" each, largest first.

    Raises:
        ProfileError: the field was not asked for when the Profile was made, or no record has it.
    """
    raw = profile.column(f"field.{field}")
    if all(value is None for value in raw):
        raise ProfileError(f"no record of {profile.name} has a field {field!r}: `ultraqa inspect` shows some records")
    values = ["(none)" if value is None else value for value in raw]
    kinds, inverse, counts = np.unique(np.array(values, str), return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [part_of(profile, np.flatnonzero(inverse == k), f"{profile.name}/{kinds[k]}") for k in order]
