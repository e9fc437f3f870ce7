"""A batch: consecutive dialogues as columns, the only shape in which text walks through the analysis.

The user and assistant messages of a batch lie in one UTF-8 buffer, with the offsets of Arrow's list layout: message
``i`` is ``text[message_offsets[i]:message_offsets[i + 1]]``, dialogue ``d`` holds the messages
``dialogue_offsets[d]:dialogue_offsets[d + 1]``. System and tool messages are kept apart and enter no metric but their
own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

USER = 0
ASSISTANT = 1

_ROLE_CODE = np.full(256, 255, np.uint8)
_ROLE_CODE[ord("u")] = USER
_ROLE_CODE[ord("a")] = ASSISTANT


class Dialogue(NamedTuple):
    """One dialogue as a format's reader gives it, every turn in file order.

    Attributes:
        roles: one letter a turn: ``u`` user, ``a`` assistant, ``s`` system, ``t`` tool, ``?`` unknown.
        texts: the turns' texts, as many as ``roles`` has letters.
        tags: the distinct raw role tags in order of appearance, joined by commas ("human,gpt").
        id: the record's own name for it, or None.
        flags: names of what the reader noticed ("speakers": roles were given by order of speaking).
    """

    roles: str
    texts: list[str]
    tags: str
    id: str | None = None
    flags: tuple[str, ...] = ()


def spoken(dialogue: Dialogue, roles: str = "ua") -> list[str]:
    """Texts of some roles of a dialogue, by default those of user and assistant, in order."""
    return [text for role, text in zip(dialogue.roles, dialogue.texts, strict=True) if role in roles]


class Record(NamedTuple):
    """One record of a source: where it stands and the dialogues it holds (one, mostly).

    Attributes:
        start: first byte of the record in its (decompressed) source; the row number for tables.
        end: one past the last byte.
        format: name of the format that read it.
        dialogues: what it holds.
        fields: the values of the record fields that were asked for.
        findings: names of what reading noticed ("lone_surrogates", "nan").
        origin: what its fields say of its origin, as compact JSON; None where they say nothing.
    """

    start: int
    end: int
    format: str
    dialogues: list[Dialogue]
    fields: dict[str, Any]
    findings: tuple[str, ...] = ()
    origin: str | None = None


class Unreadable(NamedTuple):
    """A record that could not be read: where it stands (``line`` counts from 1, 0 where lines mean nothing) and why."""

    path: str
    line: int
    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive dialogues as columns (d dialogues, m user and assistant messages).

    Attributes:
        text: UTF-8 bytes of all messages, shape (bytes,).
        message_offsets: shape (m + 1,), into ``text``.
        roles: shape (m,), USER or ASSISTANT.
        dialogue_offsets: shape (d + 1,), into messages.
        other: UTF-8 bytes of all system turns.
        other_offsets: shape (d + 1,), a dialogue's system text in ``other``.
        turns: role letters of every raw turn, a string a dialogue.
        empty_turns: shape (d,), raw turns without a visible character.
        tags: distinct raw role tags, a string a dialogue.
        ids: the records' own names, None where they have none.
        spans: shape (d, 2), byte span of the record.
        paths: path of the record's file, relative to the dataset, a string a dialogue.
        formats: format name, a string a dialogue.
        fields: record fields that were asked for, name to a list of d values (None where absent).
        origins: what the record says of its origin, JSON or None, a string a dialogue.
        notices: (dialogue, finding) pairs that reading noticed.
        unreadable: the records between these dialogues that could not be read.
    """

    text: NDArray[np.uint8]
    message_offsets: NDArray[np.int64]
    roles: NDArray[np.uint8]
    dialogue_offsets: NDArray[np.int64]
    other: NDArray[np.uint8]
    other_offsets: NDArray[np.int64]
    turns: list[str]
    empty_turns: NDArray[np.int32]
    tags: list[str]
    ids: list[str | None]
    spans: NDArray[np.int64]
    paths: list[str]
    formats: list[str]
    fields: dict[str, list[Any]] = field(default_factory=dict)
    origins: list[str | None] = field(default_factory=list)
    notices: list[tuple[int, str]] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)

    def __len__(self) -> int:
        """Number of dialogues."""
        return len(self.dialogue_offsets) - 1

    def message(self, i: int) -> str:
        """Text of message ``i`` of the batch."""
        return bytes(self.text[self.message_offsets[i] : self.message_offsets[i + 1]]).decode()


class BatchBuilder:
    """Collects dialogues and turns them into one Batch."""

    def __init__(self, fields: tuple[str, ...] = ()) -> None:
        self.size = 0
        self._field_names = fields
        self._turns: list[str] = []
        self._texts: list[str] = []
        self._tags: list[str] = []
        self._ids: list[str | None] = []
        self._spans: list[int] = []
        self._paths: list[str] = []
        self._formats: list[str] = []
        self._fields: dict[str, list[Any]] = {name: [] for name in fields}
        self._origins: list[str | None] = []
        self._notices: list[tuple[int, str]] = []
        self._unreadable: list[Unreadable] = []

    def add(self, path: str, record: Record) -> None:
        """Append the dialogues of one record."""
        start, end, format_, dialogues, values, findings, origin = record
        for roles, texts, tags, name, flags in dialogues:
            if flags or findings:
                self._notices.extend((len(self._turns), flag) for flag in (*findings, *flags))
            self._turns.append(roles)
            self._texts.extend(texts)
            self._tags.append(tags)
            self._ids.append(name)
            self._spans += (start, end)
            self._paths.append(path)
            self._formats.append(format_)
            self._origins.append(origin)
            for field_name in self._field_names:
                self._fields[field_name].append(values.get(field_name))
        self.size += end - start

    def reject(self, unreadable: Unreadable) -> None:
        """Append a record that could not be read."""
        self._unreadable.append(unreadable)

    def batch(self) -> Batch:
        """All that was collected, as columns."""
        encoded = [text.encode() for text in self._texts]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        letters = np.frombuffer("".join(self._turns).encode("latin-1"), np.uint8)
        turn_counts = np.fromiter(map(len, self._turns), np.int64, len(self._turns))
        turn_dialogue = np.repeat(np.arange(len(self._turns)), turn_counts)
        codes = _ROLE_CODE[letters]
        spoken = codes != 255
        blank = np.fromiter(map(str.isspace, self._texts), np.bool_, len(encoded)) | (lengths == 0)
        if spoken.all():
            text, other = encoded, []
            other_lengths = np.zeros(len(self._turns), np.int64)
        else:
            text = [piece for piece, keep in zip(encoded, spoken, strict=True) if keep]
            system = letters == ord("s")
            other = [piece + b"\n" for piece, keep in zip(encoded, system, strict=True) if keep]
            other_lengths = np.bincount(
                turn_dialogue, weights=(lengths + 1) * system, minlength=len(self._turns)
            ).astype(np.int64)
        return Batch(
            text=np.frombuffer(b"".join(text), np.uint8),
            message_offsets=_offsets(lengths[spoken]),
            roles=codes[spoken],
            dialogue_offsets=_offsets(np.bincount(turn_dialogue[spoken], minlength=len(self._turns))),
            other=np.frombuffer(b"".join(other), np.uint8),
            other_offsets=_offsets(other_lengths),
            turns=self._turns,
            empty_turns=np.bincount(turn_dialogue, weights=blank, minlength=len(self._turns)).astype(np.int32),
            tags=self._tags,
            ids=self._ids,
            spans=np.array(self._spans, np.int64).reshape(-1, 2),
            paths=self._paths,
            formats=self._formats,
            fields=self._fields,
            origins=self._origins,
            notices=self._notices,
            unreadable=self._unreadable,
        )


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
