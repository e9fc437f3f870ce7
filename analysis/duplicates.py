"""Exact duplicates of dialogues, prompts and replies, by 64-bit hashes of their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.words import intern

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOGETHER: Final = 1 << 21  # hashes in one table


def exact_duplicates(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Texts equal, byte for byte, to an earlier one: its index for each text, -1 for the first of its kind.

    Of dialogues (roles and messages in order), prompts (first user messages) or assistant messages. A hash of 0 says
    that there is no text (no prompt, an empty reply), which equals nothing. Lower share = less copied.
    """
    found = np.full(len(hashes), -1)
    parts = -(-len(hashes) // _TOGETHER)
    kind = hashes % np.uint64(parts) if parts > 1 else np.zeros(len(hashes), np.uint64)
    for part in range(parts):  # equal hashes fall into one part, and the table of a part is small
        some = np.flatnonzero((kind == part) & (hashes != 0))
        ids, first = intern(hashes[some])
        earlier = some[first[ids]]
        found[some] = np.where(earlier == some, -1, earlier)
    return found
