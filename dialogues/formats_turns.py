"""Readers of records that hold a list of turns with roles: messages, ShareGPT, LMSYS, WildChat and their kin."""

from __future__ import annotations

from typing import Any

from ultraqa.dialogues.batch import Dialogue
from ultraqa.dialogues.formats_values import (
    DEFAULT,
    Mismatch,
    Options,
    Turns,
    compact,
    dialogue,
    first,
    has_system,
    identity,
    items,
    plain,
    strings,
)
from ultraqa.dialogues.roles import alternating, join_tags, resolve

ROLE_KEYS = ("role", "from", "speaker", "agent", "sender", "author")
TEXT_KEYS = ("content", "value", "text", "message", "utterance")
CALL_KEYS = ("tool_calls", "function_call")
# Under which key the list may lie, in records of no format with a name of its own.
LIST_KEYS = ("conversation", "turns", "dialogue", "dialog", "chat", "utterances")

_ONLY_TEXT = {str}
_new = tuple.__new__


def read_ultrachat(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:  # noqa: ARG001
    """UltraChat as published: a list of strings, user and assistant in turn, the user first."""
    texts = record.get("data")
    if type(texts) is not list:
        raise Mismatch
    if {*map(type, texts)} != _ONLY_TEXT:
        texts = strings(texts)
    letters = alternating(len(texts))
    name = record.get("id")
    if len(record) == 2 and type(name) is str and name:
        return [_new(Dialogue, (letters, texts, "data", name, ()))]
    return [dialogue(record, Turns(letters, texts, ["data"]))]


def read_messages(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """OpenAI's form: ``messages`` with role and content."""
    return [_listed(record, record.get("messages"), options)]


def read_sharegpt(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """ShareGPT: ``conversations`` (or ``items``) with from and value, or with role and content."""
    value = record.get("conversations")
    return [_listed(record, record.get("items") if value is None else value, options)]


def read_conversation(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """LMSYS and WildChat: ``conversation`` with role and content."""
    return [_listed(record, record.get("conversation"), options)]


def read_listed(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """Any other key that holds a list of turns with roles."""
    for key in LIST_KEYS:
        if isinstance(record.get(key), list | tuple | str | dict):
            try:
                return [_listed(record, record[key], options)]
            except Mismatch:
                continue
    raise Mismatch


def turns(value: Any, options: Options) -> Turns:
    """The turns of a list whose elements name their role, under whichever of the usual keys.

    An assistant message without content that calls tools is a tool turn, which holds the calls as JSON.

    Raises:
        Mismatch: the value is no list of objects, or no element names a role.
    """
    turn_list = items(value)
    tags = []
    texts = []
    calls = []
    for turn in turn_list:
        role_key, text_key, call_key = _keys(turn)
        tags.append(plain(turn[role_key]) if role_key else "")
        texts.append(plain(turn[text_key]) if text_key else "")
        calls.append(turn[call_key] if call_key else None)
    if turn_list and not any(tags):
        raise Mismatch
    letters, flags = resolve(tags, options.roles)
    called = [bool(call) and letters[i] == "a" and not texts[i].strip() for i, call in enumerate(calls)]
    if any(called):
        letters = "".join("t" if call else letter for call, letter in zip(called, letters, strict=True))
        texts = [compact(calls[i]) if call else texts[i] for i, call in enumerate(called)]
    return Turns(letters, texts, tags, flags)


def _keys(turn: Any) -> tuple[str | None, str | None, str | None]:
    if not isinstance(turn, dict):
        raise Mismatch
    role_key, text_key, call_key = first(turn, ROLE_KEYS), first(turn, TEXT_KEYS), first(turn, CALL_KEYS)
    if role_key is None and text_key is None:
        raise Mismatch
    return role_key, text_key, call_key


def _listed(record: dict[str, Any], value: Any, options: Options) -> Dialogue:
    """The dialogue of a list of turns, by a short path where all have the same keys, text and a known role."""
    if type(value) is list and value and type(value[0]) is dict:
        table = options.roles
        role_key = "role" if "role" in value[0] else "from"
        text_key = "content" if "content" in value[0] else "value"
        try:
            tags = [turn[role_key] for turn in value]
            texts = [turn[text_key] for turn in value]
            letters = "".join([table[tag] for tag in tags])
            joined = join_tags(tags)
        except (KeyError, TypeError):
            return dialogue(record, turns(value, options))
        if "a" in letters and "?" not in letters and {*map(type, texts)} == _ONLY_TEXT and all(texts):
            if has_system(record):
                return dialogue(record, Turns(letters, texts, tags))
            return _new(Dialogue, (letters, texts, joined, identity(record), ()))
    return dialogue(record, turns(value, options))
