"""What a record says of its own origin: the model, source, licence and language that stand beside its dialogues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS: Final = ("model", "model_name", "models", "generator", "generated_by", "generation_model", "teacher")
"""Fields that name who wrote the replies (LMSYS-Chat, WildChat, OpenAssistant, AlpacaEval, Distilabel)."""
SOURCES: Final = ("source", "sources", "data_source", "dataset", "dataset_name", "origin", "synthetic")
"""Fields that name where the dialogue was taken from, or whether a program made it."""
OTHERS: Final = ("license", "licence", "lang", "language")
FIELDS: Final = (*MODELS, *SOURCES, *OTHERS)
"""All fields that are looked for."""

_HOLDERS: Final = ("metadata", "meta", "prompt")  # of such fields; in a tree of replies "prompt" is the first message
_NAMES: Final = frozenset(FIELDS)
_LOOKED_AT: Final = _NAMES.union(_HOLDERS)
_LONGEST: Final = 200  # characters; what is longer is text, not a name


def origin(record: Any) -> str | None:
    """The fields of a record, of its metadata and of its messages that tell its origin, as compact JSON.

    Each with its value, or the list of its values in order of appearance where there are several; None where no field
    tells anything. Values that are no name (empty, long, numbers, objects) tell nothing.
    """
    if not isinstance(record, dict) or _LOOKED_AT.isdisjoint(record):
        return None
    found: dict[str, dict[str | bool, None]] = {}
    for holder in _holders(record):
        for name in _NAMES.intersection(holder):
            for value in _values(holder[name]):
                found.setdefault(name, {})[value] = None
    kept = {name: next(iter(kinds)) if len(kinds) == 1 else list(kinds) for name, kinds in sorted(found.items())}
    return orjson.dumps(kept).decode() if kept else None


def _holders(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The record, its metadata, and every message of a tree of replies, first the nearer ones."""
    waiting = [record]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [inner for name in _HOLDERS if isinstance(inner := one.get(name), dict)]
        replies = one.get("replies")
        if isinstance(replies, list):
            waiting += [reply for reply in reversed(replies) if isinstance(reply, dict)]


def _values(value: Any) -> Iterator[str | bool]:
    """The names in a field's value: itself, or those of a list."""
    for one in value if isinstance(value, list) else (value,):
        is_name = isinstance(one, str) and one.strip() and len(one) <= _LONGEST and one.isprintable()
        if is_name or isinstance(one, bool):
            yield one
