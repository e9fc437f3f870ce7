"""Tool turns: which are calls and which results, and calls in the two ways in which trainers write them."""

from __future__ import annotations

from typing import Any, Final

import orjson

from ultraqa.dialogues.formats_values import compact

CALL: Final = "function_call"
RESULT: Final = "observation"
UNREADABLE: Final = "tool calls that are not JSON with a name"

_CALL_TAGS: Final = frozenset({"function_call", "tool_call", "tool_calls"})
_RESULT_TAGS: Final = frozenset(
    {
        "tool",
        "tools",
        "function",
        "observation",
        "ipython",
        "function_response",
        "tool_response",
        "tool_result",
        "environment",
    }
)


def kind(text: str, tags: list[str]) -> str:
    """Whether a tool turn of a dialogue with these raw tags is a call or a result, by ShareGPT's names for them.

    A dialogue keeps no tag for each turn: where it has tags of both kinds, or none of results (an assistant's turn
    without words that calls tools is a tool turn too), what reads as a call is one.
    """
    lowered = {tag.casefold().replace("-", "_").replace(" ", "_") for tag in tags}
    if lowered & _CALL_TAGS and not lowered & _RESULT_TAGS:
        return CALL
    return CALL if _calls(text) is not None else RESULT


def openai_calls(text: str) -> list[dict[str, Any]] | None:
    """The calls of a turn as OpenAI's ``tool_calls``, their arguments as JSON text; None where they are no calls."""
    calls = _calls(text)
    if calls is None:
        return None
    found = []
    for call in calls:
        function = call.get("function", call)
        arguments = function.get("arguments", function.get("parameters", {}))
        written = arguments if isinstance(arguments, str) else compact(arguments)
        named = {"id": call["id"]} if isinstance(call.get("id"), str) else {}
        found.append({**named, "type": "function", "function": {"name": function["name"], "arguments": written}})
    return found


def plain_calls(text: str) -> str:
    """The calls of a turn as objects with name and arguments, as ShareGPT's kin have them, one alone without a list."""
    calls = _calls(text)
    if calls is None or not any("function" in call for call in calls):
        return text
    plain = []
    for call in openai_calls(text) or ():
        function = call["function"]
        try:
            arguments = orjson.loads(function["arguments"])
        except orjson.JSONDecodeError:
            arguments = function["arguments"]
        plain.append({"name": function["name"], "arguments": arguments})
    return compact(plain[0] if len(plain) == 1 else plain)


def wording(calls: list[dict[str, Any]]) -> str:
    """The text that reading gives a turn with these calls."""
    return compact(calls)


def _calls(text: str) -> list[dict[str, Any]] | None:
    """The calls that a text holds, None where it is something else."""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    calls = value if isinstance(value, list) else [value]
    return calls if calls and all(_is_call(call) for call in calls) else None


def _is_call(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    function = value.get("function", value)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return False
    return "function" in value or "arguments" in function or "parameters" in function
