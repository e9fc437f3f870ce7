"""Exact duplicates of dialogues, prompts and replies, by 64-bit hashes of their bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def exact_duplicates(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Texts equal, byte for byte, to an earlier one: its index for each text, -1 for the first of its kind.

    Of dialogues (roles and messages in order), prompts (first user messages) or assistant messages. A hash of 0 says that
    there is no text (no prompt, an empty reply), which equals nothing. Lower share = less copied.
    """
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    found = first[inverse].astype(np.int64)
    found[(found == np.arange(len(hashes))) | (hashes == 0)] = -1
    return found


@dataclass(frozen=True)
class ExactDuplicates:
    """Columns of exact duplicates (d dialogues).

    Attributes:
        duplicate_of: shape (d,), row of the first equal dialogue, -1 where there is none before.
        duplicate_of_prompt: shape (d,), row of the first dialogue with the same prompt.
        replies: shape (d,), assistant messages equal to an earlier one of the dataset.
        n_replies: assistant messages that are not empty.
    """

    duplicate_of: NDArray[np.int64]
    duplicate_of_prompt: NDArray[np.int64]
    replies: NDArray[np.int64]
    n_replies: int


def find(
    dialogues: NDArray[np.uint64], prompts: NDArray[np.uint64], replies: NDArray[np.uint64], owner: NDArray[np.int64]
) -> ExactDuplicates:
    """Exact duplicates from the hashes of a whole dataset, ``owner`` being the row of each reply's dialogue."""
    repeated = exact_duplicates(replies) >= 0
    return ExactDuplicates(
        exact_duplicates(dialogues),
        exact_duplicates(prompts),
        np.bincount(owner[repeated], minlength=len(dialogues)),
        int((replies != 0).sum()),
    )
