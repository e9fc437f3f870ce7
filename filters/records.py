"""Records: the units of filtering, each with the dialogues that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ultraqa.analysis import arrow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile


class Records(NamedTuple):
    """The records of a Profile's d dialogues.

    Attributes:
        of: shape (d,), number of each dialogue's record.
        first: shape (r,), first dialogue of each record.
        path: shape (r,), number of its file.
        spans: shape (r, 2).
        files: paths of the files, in order.
    """

    of: NDArray[np.int64]
    first: NDArray[np.int64]
    path: NDArray[np.int64]
    spans: NDArray[np.int64]
    files: list[str]

    def span(self, row: int) -> tuple[int, int]:
        """Where the record of a dialogue stands."""
        start, end = self.spans[self.of[row]].tolist()
        return start, end


def records_of(profile: Profile) -> Records:
    """The records in which the dialogues of a Profile stand."""
    table = profile.table("dialogues", ["path", "start", "end"])
    paths = table["path"].combine_chunks().dictionary_encode()
    number = paths.indices.to_numpy()
    spans = np.stack([arrow.array(table["start"]), arrow.array(table["end"])], axis=1)
    fresh = np.append(True, (np.diff(number) != 0) | np.diff(spans, axis=0).any(axis=1))[: len(number)]
    first = np.flatnonzero(fresh)
    return Records(np.cumsum(fresh) - 1, first, number[first], spans[first], paths.dictionary.to_pylist())
