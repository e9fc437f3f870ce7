"""Readers of conversations whose speakers have names or numbers instead of roles, most of them between people.

The first speaker is read as the user, everyone else as the assistant, and the dialogue is flagged ``speakers``
(``many_speakers`` too where there are more than two).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ultraqa.dialogues.formats_turns import LIST_KEYS, turns
from ultraqa.dialogues.formats_values import DEFAULT, Mismatch, Options, Turns, dialogue, first, items, plain, strings
from ultraqa.dialogues.roles import alternating, speakers

if TYPE_CHECKING:
    from ultraqa.dialogues.batch import Dialogue

_SPOKEN_KEYS = (*LIST_KEYS, "conversations", "messages")


def read_topical_chat(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:  # noqa: ARG001
    """Topical-Chat: ``content`` with message and agent ("agent_1", "agent_2")."""
    return [dialogue(record, _named(record.get("content"), "agent", "message"))]


def read_sgd(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """Schema-Guided Dialogue and MultiWOZ 2.2: ``turns`` with speaker (USER, SYSTEM) and utterance."""
    turn_list = items(record.get("turns"))
    if not all(isinstance(turn, dict) and "speaker" in turn and "utterance" in turn for turn in turn_list):
        raise Mismatch
    return [dialogue(record, turns(turn_list, options))]


def read_soda(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:  # noqa: ARG001
    """SODA: ``dialogue`` a list of utterances, ``speakers`` the name of each one's speaker."""
    texts, names = strings(record.get("dialogue")), items(record.get("speakers"))
    if len(texts) != len(names):
        raise Mismatch
    letters, flags = speakers([plain(name) for name in names])
    return [dialogue(record, Turns(letters, texts, ["speakers"], flags))]


def read_spoken(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:  # noqa: ARG001
    """DailyDialog: ``dialog`` (or another such key) a list of utterances of two speakers in turn."""
    for key in _SPOKEN_KEYS:
        if isinstance(record.get(key), list | tuple) and record[key]:
            texts = strings(record[key])
            return [dialogue(record, Turns(alternating(len(texts)), texts, [key], ("speakers",)))]
    raise Mismatch


def read_kdconv(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:  # noqa: ARG001
    """KdConv: ``messages`` with message alone, two speakers in turn."""
    texts = []
    for turn in items(record.get("messages")):
        key = first(turn, ("message", "content", "text")) if isinstance(turn, dict) else None
        if key is None:
            raise Mismatch
        texts.append(plain(turn[key]))
    return [dialogue(record, Turns(alternating(len(texts)), texts, ["messages"], ("speakers",)))]


def read_chitchat(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:  # noqa: ARG001
    """Chitchat-dataset: ``messages`` a list of turns, each a list of utterances with text and sender.

    A turn's utterances are joined by one blank, as the package itself does it.
    """
    texts, names = [], []
    for turn in items(record.get("messages")):
        if not (isinstance(turn, list) and turn and all(isinstance(said, dict) and "text" in said for said in turn)):
            raise Mismatch
        texts.append(" ".join(plain(said["text"]) for said in turn))
        names.append(plain(turn[0].get("sender")))
    letters, flags = speakers(names)
    return [dialogue(record, Turns(letters, texts, ["sender"], flags))]


def _named(value: Any, name_key: str, text_key: str) -> Turns:
    names, texts = [], []
    for turn in items(value):
        if not (isinstance(turn, dict) and name_key in turn and text_key in turn):
            raise Mismatch
        names.append(plain(turn[name_key]))
        texts.append(plain(turn[text_key]))
    letters, flags = speakers(names)
    return Turns(letters, texts, names, flags)
