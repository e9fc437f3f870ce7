"""Lengths, roles and structure of dialogues: what is in the set, before any judgement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ultraqa.analysis.metric import Column
from ultraqa.analysis.words import Words, count_words
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from numpy.typing import NDArray


def words(w: Words) -> NDArray[np.int32]:
    """Words of the message: runs of letters; a letter each in Han, kana, Thai, Lao, Khmer and Myanmar."""
    return w.words


def characters(w: Words) -> NDArray[np.int32]:
    """Unicode code points of the message."""
    return w.characters


def messages(w: Words) -> NDArray[np.int32]:
    """User and assistant messages of the dialogue, empty ones included."""
    return np.diff(w.batch.dialogue_offsets).astype(np.int32)


def rounds(w: Words) -> NDArray[np.int32]:
    """User messages directly followed by an assistant message: what the UltraChat paper calls turns."""
    return _per_dialogue(w, _pairs(w, USER, ASSISTANT))


def system_words(w: Words) -> NDArray[np.int32]:
    """Words of the dialogue's system turns, which enter no other metric."""
    return count_words(w.batch.other, w.batch.other_offsets)


def system_messages(w: Words) -> NDArray[np.int32]:
    """System turns of the dialogue, which enter no other metric."""
    return _letters(w, "s")


def tool_messages(w: Words) -> NDArray[np.int32]:
    """Tool calls and tool results of the dialogue, which enter no other metric."""
    return _letters(w, "t")


def unknown_roles(w: Words) -> NDArray[np.int32]:
    """Turns whose role tag is not known; they enter no other metric."""
    return _letters(w, "?")


def no_assistant(w: Words) -> NDArray[np.int32]:
    """1 where the dialogue has no assistant message, so that nothing in it can be trained on."""
    answers = _per_dialogue(w, w.batch.roles == ASSISTANT)
    return np.where(answers == 0, 1, 0).astype(np.int32)


def mended(w: Words) -> NDArray[np.int32]:
    """1 where the record's JSON was mended to be read: half of a surrogate pair became U+FFFD, NaN became null."""
    found = np.zeros(len(w.batch), np.int32)
    found[[dialogue for dialogue, notice in w.batch.notices if notice in {"lone_surrogates", "nan"}]] = 1
    return found


def _per_dialogue(w: Words, marked: NDArray[np.bool_]) -> NDArray[np.int32]:
    total = np.zeros(len(marked) + 1, np.int64)
    np.cumsum(marked, out=total[1:])
    offsets = w.batch.dialogue_offsets
    return (total[offsets[1:]] - total[offsets[:-1]]).astype(np.int32)


def _pairs(w: Words, first: int, second: int) -> NDArray[np.bool_]:
    """Messages of role ``second`` directly after one of role ``first`` in the same dialogue."""
    roles = w.batch.roles
    marked = np.zeros(len(roles), np.bool_)
    marked[1:] = (roles[:-1] == first) & (roles[1:] == second)
    offsets = w.batch.dialogue_offsets
    marked[offsets[:-1][offsets[:-1] < len(roles)]] = False
    return marked


def _letters(w: Words, letter: str) -> NDArray[np.int32]:
    if letter not in "".join(w.batch.turns):
        return np.zeros(len(w.batch), np.int32)
    return np.fromiter((turns.count(letter) for turns in w.batch.turns), np.int32, len(w.batch))


def _column(name: str, compute: Any, unit: str, *, level: Any = "dialogue", share: bool = False) -> Column:
    return Column(name, compute, compute, unit=unit, level=level, share=share)


def _flag(name: str, compute: Any, unit: str) -> Column:
    return Column(name, compute, compute, unit=unit, level="dialogue", share=True, flag=True)


COLUMNS = (
    _column("words", words, "words", level="message"),
    _column("characters", characters, "characters", level="message"),
    _column("messages", messages, "messages"),
    _column("rounds", rounds, "rounds"),
    _column("system_words", system_words, "words"),
    _column("system_messages", system_messages, "turns", share=True),
    _column("tool_messages", tool_messages, "turns", share=True),
    _flag("unknown_roles", unknown_roles, "turns"),
    _flag("no_assistant", no_assistant, "dialogues"),
    _column("mended", mended, "dialogues"),
)
"""Lengths and structure; a flag counts offending turns, so that a rule on it is an interval like any other."""
