"""What stands out in a batch: what its messages may hold by their bytes, and phrases; and what a family of defects is.

Expressions are slow, and nearly no message holds what they look for. One walk over the bytes sets a bit for every kind
of thing that a message may hold, one walk over its word hashes finds the phrases of all sets; only what fires is looked
at by an expression.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ultraqa.analysis.byte_triggers import triggers_of
from ultraqa.analysis.phrases import phrases_in
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.words import Words
    from ultraqa.dialogues.batch import Batch


class Hit(NamedTuple):
    """What was found in a message: ``start`` and ``end`` count its characters, ``detail`` says what it is, in words."""

    message: int
    start: int
    end: int
    detail: str


class Family(NamedTuple):
    """A kind of defect, or of trait, that some messages have.

    Attributes:
        name: of its columns and findings.
        find: gives the hits in a batch; its docstring defines the family. A message may be hit more than once.
        roles: whose messages are looked at: "a", "u" or "ua".
        trait: whether it is no defect but only worth knowing, such as code: no finding is made of it.
        version: of the definition.
    """

    name: str
    find: Callable[[Seen], Iterable[Hit]]
    roles: str = "ua"
    trait: bool = False
    version: str = "1"


@dataclass(frozen=True)
class Seen:
    """A batch and what stands out in it.

    Attributes:
        words: the batch, walked by the kernel.
        triggers: shape (m,), the bits of what each message may hold, see ``byte_triggers``.
        phrases: where the phrases of each set stand, see ``phrases.Phrases``.
        spelled: the phrases, by their number.
        places: spans of the words of those messages that were asked for, by message; see ``wording.placed``.
    """

    words: Words
    triggers: NDArray[np.uint32]
    phrases: Mapping[str, NDArray[np.int64]]
    spelled: Sequence[str] = ()
    _texts: dict[int, str] = field(default_factory=dict)
    places: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def batch(self) -> Batch:
        """The dialogues."""
        return self.words.batch

    @cached_property
    def _bytes(self) -> memoryview:
        return self.batch.text.data

    def text(self, message: int) -> str:
        """Text of a message of the batch."""
        text = self._texts.get(message)
        if text is None:
            offsets = self.batch.message_offsets
            text = self._texts[message] = str(self._bytes[offsets[message] : offsets[message + 1]], "utf-8")
        return text

    def messages(self, triggers: int, roles: str = "ua", phrases: str = "") -> list[int]:
        """Messages of some roles in which one of the triggers fired, or a phrase of a set stands, in order."""
        found = np.flatnonzero(self.triggers & np.uint32(triggers))
        if phrases and len(self.phrases[phrases]):
            found = np.union1d(found, self.phrases[phrases][:, 0])
        if roles != "ua":
            found = found[self.spoken_by(roles)[found]]
        messages: list[int] = found.tolist()
        return messages

    def spoken_by(self, roles: str) -> NDArray[np.bool_]:
        """Shape (m,), whether a message is of one of the roles."""
        if roles == "ua":
            return np.ones(len(self.batch.roles), np.bool_)
        found: NDArray[np.bool_] = self.batch.roles == (USER if roles == "u" else ASSISTANT)
        return found

    def before(self, message: int) -> int | None:
        """The message before one in its dialogue, None for the first."""
        offsets = self.batch.dialogue_offsets
        first = offsets[np.searchsorted(offsets, message, side="right") - 1]
        return message - 1 if message > first else None


def seen(walked: Words, sets: Mapping[str, Sequence[str]]) -> Seen:
    """What stands out in a batch: triggers of every message and the phrases of every set.

    Args:
        walked: the batch.
        sets: phrases by the name of their set, at most 64. A phrase is a sequence of words; ``(a|b)`` stands for either
            of two sequences and ``(a|)`` for one that may be missing. Words are compared as the kernel counts them:
            without case, and with ' and ’ alike.
    """
    return Seen(walked, triggers_of(walked.batch), *phrases_in(walked.hashes, sets))
