"""Vectors of matched dialogues, of those that have one on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ultraqa.analysis.drawn import embedded
from ultraqa.analysis.part import part_of
from ultraqa.analysis.vectors import space

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.matching import Matched
    from ultraqa.analysis.profile import Profile
    from ultraqa.analysis.vectors import Encoding


class MatchedVectors(NamedTuple):
    """Unit vectors of whole dialogues.

    Attributes:
        reference: shape (k, d).
        candidate: shape (k, d).
        pairs: shape (k,), numbers of the pairs.
    """

    reference: NDArray[np.float32]
    candidate: NDArray[np.float32]
    pairs: NDArray[np.int64]


def matched_vectors(reference: Profile, candidate: Profile, matched: Matched) -> MatchedVectors | str:
    """The vectors of matched dialogues, or why there are none.

    They are of whole dialogues, of both roles, and not cut to equal words as the matched texts are.
    """
    first = _vectors(reference, matched.rows[::2])
    second = _vectors(candidate, matched.rows[1::2])
    if first is None or second is None:
        lacking = reference if first is None else candidate
        return f"{lacking.name} has no vectors of most of its dialogues"
    if first[0].sha256 != second[0].sha256 or not first[0].comparable:
        return "the vectors are of different encoders"
    pairs = np.flatnonzero(first[1].any(axis=1) & second[1].any(axis=1))
    if len(pairs) < 2:
        return "no matched dialogues have vectors on both sides"
    return MatchedVectors(first[1][pairs], second[1][pairs], pairs)


def _vectors(profile: Profile, rows: NDArray[np.int64]) -> tuple[Encoding, NDArray[np.float32]] | None:
    """Encoding and unit vectors of some dialogues, zero where one has none."""
    part = embedded(part_of(profile, np.unique(rows)))
    found = space(part) if part is not None else None
    if part is None or found is None or found.dialogues is None:
        return None
    vectors = np.zeros((len(rows), found.dialogues.shape[1]), np.float32)
    places = np.searchsorted(part.rows, rows).clip(max=len(part.rows) - 1)
    known = part.rows[places] == rows
    vectors[known] = found.dialogues[places[known]]
    return found.encoding, vectors
