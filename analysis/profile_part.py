"""A part of a Profile that can be reported like a Profile: the dialogues that share a value of a record field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ultraqa.analysis.distributions import distributions
from ultraqa.analysis.part import Part, parts_by
from ultraqa.analysis.summary import results

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.metric import Result
    from ultraqa.analysis.profile import Profile
    from ultraqa.dialogues.batch import Dialogue

MOST_PARTS = 12
"""A field of more values is compared by its largest."""


class ProfilePart:
    """The dialogues of a Profile that share a field's value; rows are counted within the part."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self.name = part.name
        self._rows = results(part)
        whole = part.profile.document
        self.document: dict[str, Any] = {
            **{key: whole[key] for key in ("path", "sha256", "bytes", "parameters", "packages", "language")},
            "name": part.name, "dialogues": len(part.rows), "records": len(part.rows), "unreadable": 0,
            "formats": {}, "role_tags": {}, "distributions": distributions(part),
        }  # fmt: skip

    def rows(self) -> list[Result]:
        """Every measured number of the part."""
        return self._rows

    def column(self, name: str) -> NDArray[Any]:
        """A column of the part's dialogues, in file order."""
        return self._part.dialogue(name)

    def evidence(self, skip: Collection[str] = ()) -> list[tuple[int, str, str]]:
        """The evidence of the part's dialogues."""
        number = {int(row): i for i, row in enumerate(self._part.rows)}
        whole = self._part.profile.evidence(skip)
        return [(number[row], finding, detail) for row, finding, detail in whole if row in number]

    def lines(self, rows: Sequence[int]) -> list[int | None]:
        """The lines at which the dialogues' records begin."""
        return self._part.profile.lines(self._part.rows[np.asarray(rows, np.int64)].tolist())

    def texts(self, rows: Sequence[int]) -> list[Dialogue]:
        """The text of some of the part's dialogues."""
        return self._part.profile.texts(self._part.rows[np.asarray(rows, np.int64)].tolist())


def split(profile: Profile, field: str) -> list[ProfilePart]:
    """The largest parts of a Profile by a record field, at most MOST_PARTS.

    Raises:
        ProfileError: the field was not asked for when the Profile was made.
    """
    return [ProfilePart(part) for part in parts_by(profile, field)[:MOST_PARTS]]
