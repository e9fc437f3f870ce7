"""What all format readers share: the shape of a format, the turns they find, and the values of a record's fields."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import orjson

from ultraqa.dialogues.batch import Dialogue
from ultraqa.dialogues.roles import RoleTable, join_tags

if TYPE_CHECKING:
    from collections.abc import Iterable

ID_KEYS = (
    "id", "prompt_id", "conversation_id", "conversation_hash", "message_tree_id", "thread_id", "question_id",
    "dialogue_id", "dialog_id", "idx", "task_id", "message_id", "uid", "uuid", "_id", "chat_id", "session_id",
    "sample_id", "example_id", "original_index",
)  # fmt: skip
SYSTEM_KEYS = ("system", "system_prompt", "system_message", "meta_instruction")

# What a part of a message's content may keep its text under.
_PART_KEYS = ("text", "content", "value")
_ID_SET = frozenset(ID_KEYS)
_SYSTEM_SET = frozenset(SYSTEM_KEYS)


class Mismatch(Exception):  # noqa: N818  (no error: the next reader is tried)
    """The record has not the shape that this reader reads; the next one is tried."""


class Options(NamedTuple):
    """What a person may choose about reading.

    Attributes:
        roles: letter of every raw role tag.
        paths: "best" takes the best-ranked path through a tree of replies, "all" every path from root to leaf.
        preferred: which answer of a preference record is read.
    """

    roles: RoleTable
    paths: Literal["best", "all"] = "best"
    preferred: Literal["chosen", "rejected"] = "chosen"


DEFAULT = Options(RoleTable())


class Read(Protocol):
    """A format's reader: the dialogues of a record, or Mismatch."""

    def __call__(self, record: dict[str, Any], options: Options = ..., /) -> list[Dialogue]:
        """The dialogues of the record."""
        ...


class Format(NamedTuple):
    """A published shape of dialogue data.

    Attributes:
        name: what ``--format`` and the reports call it.
        shape: its keys, one line.
        read: its reader; raises Mismatch for a record of another shape.
        source: who publishes data in this shape.
        needs: sets of keys; a record that has all keys of one of them may be of this format.
    """

    name: str
    shape: str
    read: Read
    source: str
    needs: tuple[frozenset[str], ...]


class Turns(NamedTuple):
    """The turns of a dialogue while it is put together: letters, texts, raw tags, flags."""

    letters: str
    texts: list[str]
    tags: list[str]
    flags: tuple[str, ...] = ()

    def then(self, other: Turns) -> Turns:
        """These turns, then the others."""
        flags = tuple(dict.fromkeys(self.flags + other.flags))
        return Turns(self.letters + other.letters, self.texts + other.texts, self.tags + other.tags, flags)


def dialogue(record: dict[str, Any], turns: Turns) -> Dialogue:
    """The dialogue of a record: its system prompt, where a key holds one, then its turns."""
    letters, texts, tags, flags = turns
    key = first(record, SYSTEM_KEYS) if has_system(record) else None
    if key is not None:
        prompt = plain(record[key])
        repeated = letters.startswith("s") and texts[0].strip() == prompt.strip()
        if prompt.strip() and not repeated:
            letters, texts, tags = "s" + letters, [prompt, *texts], [key, *tags]
    return Dialogue(letters, texts, join_tags(tags), identity(record), flags)


def has_system(record: dict[str, Any]) -> bool:
    """Whether one of the record's keys may hold a system prompt."""
    return not _SYSTEM_SET.isdisjoint(record)


def identity(record: dict[str, Any]) -> str | None:
    """The record's own name for itself, or None."""
    if _ID_SET.isdisjoint(record):
        return None
    for key in ID_KEYS:
        value = record.get(key)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int | float | dict):
            return compact(value)
    return None


def first(record: dict[str, Any], keys: Iterable[str]) -> str | None:
    """The first of ``keys`` that the record has, or None."""
    for key in keys:
        if key in record:
            return key
    return None


def plain(value: Any) -> str:
    """A field's value as text: a list of content parts is joined by newlines, null is empty, the rest compact JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return _parts(value)
    return compact(value)


def compact(value: Any) -> str:
    """Any value as compact JSON.

    Raises:
        Mismatch: it is nested too deeply, or holds itself.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # integers above 64 bits, lone surrogates, values that are not JSON
        pass
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (TypeError, ValueError, RecursionError) as error:
        raise Mismatch from error
    return text.encode("utf-8", "replace").decode()


def items(value: Any) -> list[Any]:
    """A list of turns, also where a table's cell holds it as JSON or a loader has turned it into columns.

    Raises:
        Mismatch: the value is no list.
    """
    if isinstance(value, list):
        return value
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            parsed = orjson.loads(value)
        except ValueError as error:
            raise Mismatch from error
        if isinstance(parsed, list):
            return parsed
    if isinstance(value, dict) and all(isinstance(column, list) for column in value.values()):
        columns = list(value.values())
        if len({len(column) for column in columns}) == 1:
            return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]
    raise Mismatch


def strings(value: Any) -> list[str]:
    """A list of texts, null among them as an empty one.

    Raises:
        Mismatch: the value is no list, or one of its elements is no text.
    """
    texts = items(value)
    if not all(text is None or isinstance(text, str) for text in texts):
        raise Mismatch
    return [text or "" for text in texts]


def _parts(parts: list[Any] | tuple[Any, ...]) -> str:
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            key = first(part, _PART_KEYS)
            if key is not None:
                texts.append(plain(part[key]))
        else:
            return compact(parts)
    return "\n".join(texts)
