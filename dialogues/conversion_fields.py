"""Fields: what a record holds beside its dialogue, and goes with it into another form or is named as lost."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ultraqa.dialogues.formats_table import FORMATS
from ultraqa.dialogues.formats_turns import CALL_KEYS, LIST_KEYS, ROLE_KEYS, TEXT_KEYS
from ultraqa.dialogues.formats_values import ID_KEYS, SYSTEM_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.dialogues.batch import Dialogue

OTHER_ANSWER: Final = "the other answer"
OTHER_REPLIES: Final = "replies off the best path"

_FREE: Final = {"source", "label", "kto_tag", "specified_task", "original_task", "parent_id", *ID_KEYS}
_NEEDED: Final = {one.name: {key for need in one.needs for key in need} for one in FORMATS}
# What goes with a question, and is in no format's needs or in those of others.
_ADDED: Final = {"input", "context", "history", "article", "passage", "Input", "Context", "INPUT", "CONTEXT"}
# Any key that some format reads is left out: beside the turns it would say them twice, or make another format of them.
_HELD: Final = set().union(*_NEEDED.values(), SYSTEM_KEYS, _ADDED) - _FREE
_NUMBERED: Final = re.compile(r"(?:human|gpt|message)_\d+")

_TREES: Final = frozenset({"oasst_tree", "oasst_thread", "oasst_message"})
_WHOLE: Final = frozenset({"transcript", "column"})
_PREFERENCE: Final = frozenset({"preference", "hh_rlhf"})
_LISTS: Final = ("messages", "conversations", "items", *LIST_KEYS)
_KEYED: Final = frozenset(
    {
        "alpaca", "camel_instructions", "dolly", "openorca", "gpt4all", "prompt_completion", "belle", "input_output",
        "question_answer", "prompt", "self_instruct", "preference", "kto",
    }
)  # fmt: skip
_KEY_SHOWN: Final = 40
_TURN_KEYS: Final = frozenset({*ROLE_KEYS, *TEXT_KEYS, *CALL_KEYS})


def beside(value: Any, format_: str, dialogues: list[Dialogue]) -> dict[str, Any]:
    """The fields of a record that say something else than its turns; none of a tree, whose fields are its messages'."""
    if not isinstance(value, dict) or format_ in _TREES:
        return {}
    texts = [text for dialogue in dialogues for text in dialogue.texts] if format_ in _WHOLE else []
    return {
        key: field
        for key, field in value.items()
        if not (key in _HELD or _NUMBERED.fullmatch(str(key)) or (texts and _holds(field, texts)))
    }


def left_behind(value: Any, format_: str, paths: str) -> set[str]:
    """What of a record is in none of its dialogues and in none of its fields that go with them.

    The other answer of two, other replies, fields that would be read as turns, fields and parts of turns.
    """
    lost = {OTHER_ANSWER} if format_ in _PREFERENCE else set()
    if not isinstance(value, dict) or format_ in _TREES:
        return lost | ({OTHER_REPLIES} if paths == "best" and _branches(value) else set())
    if format_ not in _WHOLE:
        lost |= {field_lost(key) for key in value.keys() & _HELD - _read_by(format_) if value[key] is not None}
    return lost.union(*map(_of_turn, _turns(value)))


def field_lost(key: Any) -> str:
    """What the loss of a field is called. A key is data: only what can be printed is said, and of a long one a part."""
    return "field " + "".join(c if c.isprintable() else "\ufffd" for c in str(key)[:_KEY_SHOWN])


@cache
def _read_by(format_: str) -> set[str]:
    """The keys that the reader of a format may read."""
    asked = {*_ADDED, "prompt", "question", "query", "instruction", *_LISTS} if format_ in _PREFERENCE else _ADDED
    return _NEEDED[format_].union(SYSTEM_KEYS, asked if format_ in _KEYED else ())


def _holds(field: Any, texts: list[str]) -> bool:
    return isinstance(field, str) and all(text in field for text in texts)


def _turns(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in _LISTS:
        turns = value.get(key)
        if isinstance(turns, list):
            yield from (turn for turn in turns if isinstance(turn, dict))


def _of_turn(turn: dict[str, Any]) -> set[str]:
    lost = {f"turn {field_lost(key)}" for key in turn.keys() - _TURN_KEYS if turn[key] is not None}
    content = next((turn[key] for key in TEXT_KEYS if key in turn), None)
    if isinstance(content, list) and not (len(content) == 1 and _is_text(content[0])):
        lost.add("parts of content")
    if isinstance(content, str) and content.strip() and any(turn.get(key) for key in CALL_KEYS):
        lost.add("tool calls beside a text")
    return lost


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or (isinstance(part, dict) and part.get("type", "text") == "text")


def _branches(tree: Any) -> bool:
    """Whether some message of a tree has more than one reply."""
    waiting = [tree.get("prompt", tree)] if isinstance(tree, dict) else []
    for node in waiting:
        replies = node.get("replies") if isinstance(node, dict) else None
        if isinstance(replies, list):
            if len(replies) > 1:
                return True
            waiting += replies
    return False
