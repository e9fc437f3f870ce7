"""Cutting: some turns taken out of a record, whose other bytes stay as they are.

Turns are elements of a list in the record ("messages", "conversations", "data", …). What was cut is read again and must
give the dialogue without those turns and nothing else; a record of which that is not true cannot be cut.
"""

from __future__ import annotations

from json import JSONDecoder
from typing import TYPE_CHECKING, Final

from ultraqa.dialogues.formats import RecordReader, UnknownFormat
from ultraqa.dialogues.parsing import RefusedError, second_reading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ultraqa.dialogues.batch import Dialogue
    from ultraqa.dialogues.decoding import ReadOptions

_BLANKS: Final = " \t\r\n"
_DECODER: Final = JSONDecoder()


class CutError(Exception):
    """A record that cannot be cut; the message says why."""


def without(record: bytes, turns: Collection[int], options: ReadOptions) -> bytes:
    """A record of one dialogue without some of its turns.

    Args:
        record: its bytes, a JSON object.
        turns: the turns to take out, counted through all turns of the dialogue in file order.
        options: how records are read.

    Raises:
        CutError: its form holds no list of turns, or something else in it depends on them.
    """
    reader = RecordReader(format=options.format, mapping=dict(options.mapping), paths=options.paths)
    text = record.decode()
    dialogue = _only(reader, text)
    kept = [turn for turn in range(len(dialogue.roles)) if turn not in turns]
    wanted = ("".join(dialogue.roles[turn] for turn in kept), [dialogue.texts[turn] for turn in kept])
    for elements in _lists(text):
        before = len(dialogue.roles) - len(elements)
        gone = {turn - before for turn in turns}
        if not elements or min(gone) < 0 or len(gone) == len(elements):
            continue
        shorter = _cut(text, elements, gone)
        left = _only(reader, shorter)
        if (left.roles, left.texts) == wanted:
            return shorter.encode()
    raise CutError("its turns are not the elements of one list, or something else in it depends on them")


def _only(reader: RecordReader, text: str) -> Dialogue:
    try:
        dialogues = reader(second_reading(text.encode())[0])[1]
    except (UnknownFormat, RefusedError) as error:
        raise CutError("what is left of it is no dialogue") from error
    if len(dialogues) != 1:
        raise CutError(f"it holds {len(dialogues)} dialogues")
    return dialogues[0]


def _lists(text: str) -> Iterator[list[tuple[int, int]]]:
    """Spans of the elements of every list that is a value of the object."""
    try:
        at = _behind(text, text.index("{") + 1)
        while text[at] != "}":
            _, at = _DECODER.raw_decode(text, at)
            start = _behind(text, text.index(":", at) + 1)
            if text[start] == "[":
                yield _elements(text, start)
            _, at = _DECODER.raw_decode(text, start)
            at = _behind(text, at)
            at = _behind(text, at + 1) if text[at] == "," else at
    except (ValueError, IndexError):  # no JSON after all
        return


def _elements(text: str, start: int) -> list[tuple[int, int]]:
    found = []
    at = _behind(text, start + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        found.append((at, end))
        at = _behind(text, end)
        at = _behind(text, at + 1) if text[at] == "," else at
    return found


def _behind(text: str, at: int) -> int:
    """The next place that is no blank."""
    while text[at] in _BLANKS:
        at += 1
    return at


def _cut(text: str, elements: list[tuple[int, int]], gone: set[int]) -> str:
    """The text without some elements, each with the separator before it, or behind it where it is the first."""
    kept = [i for i in range(len(elements)) if i not in gone]
    pieces = [text[: elements[0][0]]]
    for n, i in enumerate(kept):
        if n:
            pieces.append(text[elements[i - 1][1] : elements[i][0]])
        pieces.append(text[slice(*elements[i])])
    return "".join([*pieces, text[elements[-1][1] :]])
