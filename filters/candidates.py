"""Candidates: the dialogues of a Profile that can be chosen by their vectors, and these vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.drawn import embedded
from ultraqa.analysis.part import part_of
from ultraqa.analysis.vectors import encoding_of, space
from ultraqa.dialogues.sources import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile

_TOGETHER: Final = 10_000  # dialogues whose messages' vectors are held at a time


def with_vectors(profile: Profile, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of some rows that have a vector and are in a language of the encoder, ascending.

    They must be at least half: what a few show of the others is no ground to drop these.

    Args:
        profile: the measured dataset.
        rows: ascending.

    Raises:
        DataError: fewer are; the message says how to measure the data so that they are.
    """
    encoding = encoding_of(profile)
    if encoding is None:
        raise DataError(f"{profile.name} was measured without vectors: {_remedy(profile, '--vectors all')}")
    part = part_of(profile, rows)
    drawn, found = int((part.dialogue("drawn") > 0).sum()), embedded(part)
    if 2 * drawn < len(rows):
        less = f"only {drawn:,} of {len(rows):,} dialogues of {profile.name} have vectors"
        raise DataError(f"{less}: {_remedy(profile, '--vectors all')}")
    if found is None or 2 * len(found.rows) < len(rows):
        less = f"fewer than half of the dialogues of {profile.name} have a vector and are in"
        spoken = f"{' or '.join(encoding.languages)}, the language of {encoding.name}"
        raise DataError(f"{less} {spoken}: {_remedy(profile, '--vectors all --embedder lsa')}")
    return found.rows


def _remedy(profile: Profile, options: str) -> str:
    command = f"ultraqa profile DATA -o {profile.path.name} {options} --overwrite"
    return f"`{command}` adds those that are needed, and the methods quality and random need none"


def vectors_of(profile: Profile, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Unit vectors of dialogues in the order of ``rows``, shape (d, dimension), zero where there is no text.

    Holds these and, for 10,000 dialogues at a time, the vectors of their messages.
    """
    encoding = encoding_of(profile)
    found = np.zeros((len(rows), encoding.dimension if encoding else 0), np.float32)
    ascending = np.argsort(rows, kind="stable")
    for first in range(0, len(rows), _TOGETHER):
        some = ascending[first : first + _TOGETHER]
        known = space(part_of(profile, rows[some]))
        if known is not None:
            found[some] = known.dialogues
    return found
