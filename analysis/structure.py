"""Defects of structure: messages that are empty, unanswered, or not where their role should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.triggers import Family, Hit, Seen
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ultraqa.dialogues.batch import Batch


def empty_messages(seen: Seen) -> Iterator[Hit]:
    """User and assistant messages without a word or any other visible character."""
    blank = seen.words.characters == 0
    for i in np.flatnonzero((seen.words.words == 0) & ~blank).tolist():
        blank[i] = not seen.text(i).strip()
    yield from _told(blank, "nothing in it")


def starts_with_assistant(seen: Seen) -> Iterator[Hit]:
    """First messages that are the assistant's, unless the record is plain text, which is one assistant message."""
    batch = seen.batch
    spoken = np.fromiter((form != "text" for form in batch.formats), np.bool_, len(batch))
    first = batch.dialogue_offsets[:-1][spoken & (np.diff(batch.dialogue_offsets) > 0)]
    yield from _told(_only(batch, first[batch.roles[first] == ASSISTANT]), "the assistant speaks first")


def ends_with_user(seen: Seen) -> Iterator[Hit]:
    """Last messages that are the user's in dialogues with an assistant message: the answer is missing."""
    batch = seen.batch
    answers = np.append(0, np.cumsum(batch.roles == ASSISTANT))[batch.dialogue_offsets]
    last = batch.dialogue_offsets[1:][np.diff(answers) > 0] - 1
    yield from _told(_only(batch, last[batch.roles[last] == USER]), "no answer follows")


def consecutive_roles(seen: Seen) -> Iterator[Hit]:
    """Messages that follow a message of the same role."""
    batch = seen.batch
    same = np.append(False, batch.roles[1:] == batch.roles[:-1])[: len(batch.roles)]
    same[batch.dialogue_offsets[:-1][np.diff(batch.dialogue_offsets) > 0]] = False
    yield from _told(same, "of the same role as the message before")


def _only(batch: Batch, messages: NDArray[np.int64]) -> NDArray[np.bool_]:
    marked = np.zeros(len(batch.roles), np.bool_)
    marked[messages] = True
    return marked


def _told(marked: NDArray[np.bool_], detail: str) -> Iterator[Hit]:
    return (Hit(message, 0, 0, detail) for message in np.flatnonzero(marked).tolist())


FAMILIES: Final = (
    Family("empty_messages", empty_messages),
    Family("starts_with_assistant", starts_with_assistant, roles="a"),
    Family("consecutive_roles", consecutive_roles),
    Family("ends_with_user", ends_with_user, roles="u"),
)
PHRASES: Final[dict[str, tuple[str, ...]]] = {}
