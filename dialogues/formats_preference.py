"""Readers of preference records: two answers to the same dialogue, or one with a mark; one answer is read.

Which of two is an option (``preferred``, by default the chosen one): both together would count the question twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ultraqa.dialogues.formats_keyed import Keyed, after_history, cases, read_prompt_completion, text_of
from ultraqa.dialogues.formats_turns import read_messages, read_sharegpt, turns
from ultraqa.dialogues.formats_values import DEFAULT, Mismatch, Options, Turns, dialogue, first
from ultraqa.dialogues.transcripts import CLEAR, HH, hinted, parse

if TYPE_CHECKING:
    from ultraqa.dialogues.batch import Dialogue

_HH = hinted(HH)
_LISTS = ("conversations", "messages", "conversation", "prompt")
_ask = Keyed(cases("prompt", "instruction", "question", "query", "input"), adds=cases("input", "context"))


def read_preference(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """Preference records: ``chosen`` and ``rejected`` (text, message or messages) after a prompt in any form."""
    side = options.preferred
    key = first(record, (side, f"{side}_messages", f"{side}_response"))
    if key is None:
        raise Mismatch
    answer = _answer(record, key, options)
    if "u" in answer.letters:  # the answer holds the whole dialogue
        return [dialogue(record, answer)]
    asked = first(record, ("prompt",))
    if asked and isinstance(record[asked], str) and isinstance(record[key], str):
        whole = parse(record[asked] + record[key], options, CLEAR)
        if whole is not None:
            return [dialogue(record, whole)]
    return [dialogue(record, _question(record, options).then(answer))]


def read_hh(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """Anthropic's HH-RLHF: ``chosen`` and ``rejected`` are whole dialogues as text with Human: and Assistant:."""
    text = record.get(options.preferred)
    found = parse(text, options, _HH) if isinstance(text, str) else None
    if found is None:
        raise Mismatch
    return [dialogue(record, found)]


def read_kto(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """KTO records: a dialogue, or prompt and completion, with a mark that says whether it is wanted."""
    if not isinstance(record.get("label", record.get("kto_tag")), bool):
        raise Mismatch
    if "messages" in record:
        return read_messages(record, options)
    return (read_sharegpt if "conversations" in record else read_prompt_completion)(record, options)


def _answer(record: dict[str, Any], key: str, options: Options) -> Turns:
    answer = record[key]
    if isinstance(answer, dict):
        answer = [answer]
    if isinstance(answer, list):
        return turns(answer, options)
    if not isinstance(answer, str):
        raise Mismatch
    return parse(answer, options, CLEAR) or Turns("a", [text_of(answer)], [key])


def _question(record: dict[str, Any], options: Options) -> Turns:
    """The turns before the answer, from whichever field holds them; none where no field does."""
    for key in _LISTS:
        if isinstance(record.get(key), list):
            return turns(record[key], options)
    asked = first(record, _ask.asks)
    if asked is None:
        return Turns("", [], [])
    said = Turns("u", [_ask.question(record, asked)], [asked])
    return after_history(record, said, options)
