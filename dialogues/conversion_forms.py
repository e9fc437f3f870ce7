"""Forms: a dialogue as one record in the form that a trainer reads, and what that form cannot hold.

    messages    {"id", "messages": [{"role": "user", "content": …}, …]}, tool calls as OpenAI writes them
    sharegpt    {"id", "conversations": [{"from": "human", "value": …}, …]}, tool turns as function_call, observation
    alpaca      {"id", "instruction", "input": "", "output", "system", "history": [[question, answer], …]}
    ultrachat   {"id", "data": [question, answer, …]}

The law: where nothing is named as lost, reading the record gives the roles and texts that the dialogue had. Turns are
never merged, dropped or put in another order: what a form cannot hold turn by turn is not written at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ultraqa.dialogues import conversion_tools as tools
from ultraqa.dialogues.roles import RoleTable, alternating

if TYPE_CHECKING:
    from collections.abc import Callable

    from ultraqa.dialogues.batch import Dialogue

SYSTEM_LOST: Final = "system message"
EMPTY_SYSTEM_LOST: Final = "system message without a word"
CALLS_LOST: Final = "wording of tool calls"
SURROGATES_LOST: Final = "lone surrogates"

_UNKNOWN: Final = "turns of unknown role"
_TOOLS: Final = "tool turns"
_LATE: Final = "system turns after the first turn"
_FIRST: Final = "first turn of the assistant"
_LAST: Final = "last turn of the user"
_ORDER: Final = "turns that do not alternate"
_NOTHING: Final = "no turns"

_ROLES: Final = RoleTable()
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TAG_LENGTH: Final = 40  # of a longer tag the dialogue keeps only the beginning
_MESSAGE_ROLES: Final = {"u": "user", "a": "assistant", "s": "system"}
_SHAREGPT_TAGS: Final = {"u": "human", "a": "gpt", "s": "system"}


class Converted(NamedTuple):
    """A dialogue in a form.

    Attributes:
        record: the record, None where the form cannot hold the dialogue.
        lost: what of the dialogue is not in the record; where there is none, the one reason why.
    """

    record: dict[str, Any] | None
    lost: tuple[str, ...] = ()


def converted(dialogue: Dialogue, form: str, roles: RoleTable = _ROLES) -> Converted:
    """A dialogue as a record of a form.

    Args:
        dialogue: what is written.
        form: one of FORMS.
        roles: letters of raw tags, where a person gave some of their own.

    Raises:
        ValueError: no form has that name.
    """
    if form not in _WRITERS:
        raise ValueError(f"no form is called {form!r}; the forms are {', '.join(FORMS)}")
    texts = [_SURROGATE.sub("\ufffd", text) for text in dialogue.texts]
    record, lost = _WRITERS[form](dialogue._replace(texts=texts), roles)
    if record is not None and texts != dialogue.texts:
        lost = (*lost, SURROGATES_LOST)
    if record is not None and dialogue.id:
        record = {"id": _SURROGATE.sub("\ufffd", dialogue.id), **record}
    return Converted(record, lost)


def _messages(dialogue: Dialogue, roles: RoleTable) -> Converted:
    turns: list[dict[str, Any]] = []
    lost: tuple[str, ...] = ()
    for letter, text, name in _named(dialogue, roles, _MESSAGE_ROLES):
        if name is None:
            return Converted(None, (_UNKNOWN,))
        if name != tools.CALL:
            turns.append({"role": "tool" if letter == "t" else name, "content": text})
            continue
        calls = tools.openai_calls(text)
        if calls is None:
            return Converted(None, (tools.UNREADABLE,))
        turns.append({"role": "assistant", "content": "", "tool_calls": calls})
        lost = (CALLS_LOST,) if tools.wording(calls) != text else lost
    return Converted({"messages": turns}, lost)


def _sharegpt(dialogue: Dialogue, roles: RoleTable) -> Converted:
    turns: list[dict[str, str]] = []
    lost: tuple[str, ...] = ()
    for _, text, name in _named(dialogue, roles, _SHAREGPT_TAGS):
        if name is None:
            return Converted(None, (_UNKNOWN,))
        value = tools.plain_calls(text) if name == tools.CALL else text
        turns.append({"from": name, "value": value})
        lost = (CALLS_LOST,) if value != text else lost
    return Converted({"conversations": turns}, lost)


def _alpaca(dialogue: Dialogue, roles: RoleTable) -> Converted:  # noqa: ARG001
    letters, texts = dialogue.roles, dialogue.texts
    first = int(letters.startswith("s"))
    reason = _unpaired(letters[first:]) or (_LAST if (len(letters) - first) % 2 else "")
    if reason or len(letters) == first:
        return Converted(None, (reason or _NOTHING,))
    *history, last = zip(texts[first::2], texts[first + 1 :: 2], strict=True)
    record: dict[str, Any] = {"instruction": last[0], "input": "", "output": last[1]}
    if first and texts[0].strip():
        record["system"] = texts[0]
    if history:
        record["history"] = [list(pair) for pair in history]
    return Converted(record, (EMPTY_SYSTEM_LOST,) if first and not texts[0].strip() else ())


def _ultrachat(dialogue: Dialogue, roles: RoleTable) -> Converted:  # noqa: ARG001
    first = int(dialogue.roles.startswith("s"))
    reason = _unpaired(dialogue.roles[first:])
    if reason:
        return Converted(None, (reason,))
    return Converted({"data": dialogue.texts[first:]}, (SYSTEM_LOST,) if first else ())


_WRITERS: Final[dict[str, Callable[[Dialogue, RoleTable], Converted]]] = {
    "messages": _messages,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "ultrachat": _ultrachat,
}
FORMS: Final = tuple(_WRITERS)
"""messages, sharegpt, alpaca, ultrachat."""


def _named(dialogue: Dialogue, roles: RoleTable, names: dict[str, str]) -> list[tuple[str, str, str | None]]:
    """Letter, text and role of every turn; None for an unknown role whose own tag cannot be told."""
    tags = dialogue.tags.split(",")
    unknown = [tag for tag in tags if roles[tag] == "?"]
    own = unknown[0] if len(unknown) == 1 and "speakers" not in dialogue.flags else None
    if own is not None and (own in {"", "…"} or len(own) >= _TAG_LENGTH or _ROLES[own] != "?"):
        own = None  # no tag, more tags than are kept, the beginning of one, or one that is read as a role again
    pairs = zip(dialogue.roles, dialogue.texts, strict=True)
    return [
        (letter, text, tools.kind(text, tags) if letter == "t" else names.get(letter, own)) for letter, text in pairs
    ]


def _unpaired(letters: str) -> str:
    """Why turns are not those of user and assistant in turn, the user first; "" where they are."""
    if letters == alternating(len(letters)):
        return ""
    reasons = (("?", _UNKNOWN), ("t", _TOOLS), ("s", _LATE))
    found = next((reason for letter, reason in reasons if letter in letters), _ORDER)
    return _FIRST if found == _ORDER and letters == alternating(len(letters) + 1)[1:] else found
