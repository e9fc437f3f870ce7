"""Roles: the letter that a raw role tag stands for, and letters for speakers who have no role.

``u`` is the user, ``a`` the assistant, ``s`` a system turn, ``t`` a tool turn, ``?`` a role that no alias names.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LETTERS = {"user": "u", "assistant": "a", "system": "s", "tool": "t", "unknown": "?"}

# Compared after case folding, with blanks and hyphens as underscores and without the brackets of chat templates.
ALIASES: dict[str, tuple[str, ...]] = {
    "user": ("user", "human", "prompter", "client", "usr", "seeker"),
    "assistant": (
        "assistant", "gpt", "chatgpt", "gpt4", "gpt_4", "bing", "bard", "claude", "gemini", "moss", "model", "bot",
        "chatbot", "ai", "ai_assistant", "llm", "counselor", "counsellor", "supporter",
    ),
    "system": ("system", "developer"),
    "tool": (
        "tool", "tools", "function", "observation", "ipython", "function_call", "tool_call", "tool_calls",
        "function_response", "tool_response", "tool_result", "environment",
    ),
}  # fmt: skip

_LETTER_OF_ALIAS = {alias: LETTERS[role] for role, aliases in ALIASES.items() for alias in aliases}
_REMEMBERED = 1000  # tags remembered per table: real data has a dozen, hostile data a new one in every turn
_TAGS_SHOWN = 8
_TAG_LENGTH = 40


class RoleTable(dict[Any, str]):
    """Letter of every raw tag; a tag it has not seen is normalised, looked up among the aliases and remembered.

    Args:
        mapping: further tags and the role each stands for ("Kunde": "user"); they win over the aliases.

    Raises:
        ValueError: a role is none of user, assistant, system, tool and unknown.
    """

    def __init__(self, mapping: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._letters = dict(_LETTER_OF_ALIAS)
        for tag, role in (mapping or {}).items():
            if role not in LETTERS:
                raise ValueError(f"role:{tag}={role}: {role!r} is no role; give one of {', '.join(LETTERS)}")
            self._letters[_normal(tag)] = LETTERS[role]

    def __missing__(self, tag: Any) -> str:
        letter = self._letters.get(_normal(str(tag)), "?")
        # Only strings are remembered: 1 and True are one key of a dict but two tags.
        if isinstance(tag, str) and len(self) < _REMEMBERED:
            self[tag] = letter
        return letter


def resolve(tags: Sequence[str], table: RoleTable) -> tuple[str, tuple[str, ...]]:
    """Letters of a dialogue's turns and the flags that go with them.

    Two conventions need the whole dialogue. Where a ``USER`` is answered by a ``SYSTEM``, as in task-oriented sets, the
    latter is the assistant. Where nobody has a known role but there are several speakers, the order of speaking tells.
    """
    letters = "".join(map(table.__getitem__, tags))
    if "a" in letters or not ("?" in letters or "s" in letters):
        return letters, ()
    if "u" in letters:
        spoken = ("USER", "SYSTEM") in pairwise(tags)
        if spoken and "s" in letters:
            pairs = zip(tags, letters, strict=True)
            letters = "".join("a" if tag == "SYSTEM" else letter for tag, letter in pairs)
        return letters, ()
    nameless = [tag for tag, letter in zip(tags, letters, strict=True) if letter == "?" and tag]
    if len(set(nameless)) < 2:
        return letters, ()
    by_order, flags = speakers(nameless)
    ordered = iter(by_order)
    pairs = zip(tags, letters, strict=True)
    return "".join(next(ordered) if letter == "?" and tag else letter for tag, letter in pairs), flags


def speakers(names: Sequence[Any]) -> tuple[str, tuple[str, ...]]:
    """Letters for speakers without roles: the first to speak is the user, everyone else the assistant."""
    if not names:
        return "", ("speakers",)
    letters = "".join("u" if name == names[0] else "a" for name in names)
    distinct = {name for name in names if isinstance(name, str)}
    return letters, ("speakers", "many_speakers") if len(distinct) > 2 else ("speakers",)


def alternating(count: int) -> str:
    """Letters of ``count`` turns of user and assistant in turn, the user first."""
    return ("ua" * (count // 2 + 1))[:count]


def join_tags(tags: Iterable[str]) -> str:
    """The distinct tags in order of appearance, joined by commas; long ones are cut, and after eight stands "…"."""
    distinct = dict.fromkeys(tags)
    joined = ",".join(distinct)
    if len(joined) <= _TAG_LENGTH and joined.count(",") < len(distinct):
        return joined
    shown = [tag[:_TAG_LENGTH].replace(",", ";") for tag in list(distinct)[:_TAGS_SHOWN]]
    return ",".join([*shown, "…"] if len(distinct) > _TAGS_SHOWN else shown)


def _normal(tag: str) -> str:
    return tag.strip(" \t\r\n<|>[]#:*").casefold().replace(" ", "_").replace("-", "_")
