"""Exact duplicates of dialogues, prompts and replies, by 64-bit hashes of their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ultraqa.analysis.words import intern

if TYPE_CHECKING:
    from numpy.typing import NDArray


def exact_duplicates(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Texts equal, byte for byte, to an earlier one: its index for each text, -1 for the first of its kind.

    Of dialogues (roles and messages in order), prompts (first user messages) or assistant messages. A hash of 0 says
    that there is no text (no prompt, an empty reply), which equals nothing. Lower share = less copied.
    """
    ids, first = intern(np.where(hashes == 0, np.uint64(1), hashes))
    found = first[ids]
    found[(found == np.arange(len(hashes))) | (hashes == 0)] = -1
    return found
