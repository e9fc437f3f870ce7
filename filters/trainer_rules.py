"""What four trainers make of a dialogue of some shape: their rules of supervised fine-tuning, a function a trainer.

The rules were read from the trainers' code at one commit each, and hold for the settings that the trainer's own
documentation gives for a format. ``docs/trainers.md`` says how they were checked by running that code, and where a
shape cannot tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ultraqa.dialogues.formats_values import SYSTEM_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable

VERSIONS: Final = {"llamafactory": "ff6d4d1", "axolotl": "067b021", "trl": "f2cd577", "fastchat": "0e6d3e4"}
"""Commits of hiyouga/LLaMA-Factory, axolotl-ai-cloud/axolotl, huggingface/trl and lm-sys/FastChat."""

OUTCOMES: Final = ("kept", "changed", "dropped", "rejected")
"""What becomes of a dialogue, from best to worst.

kept: learned as it stands. changed: learned, but not as it stands. dropped: nothing of it is learned, because it is
skipped or every one of its tokens is masked. rejected: the trainer stops with an error, or takes such records for
another kind of training only.
"""


class Shape(NamedTuple):
    """What a verdict depends on.

    Attributes:
        format: name of the record's format.
        roles: a letter a raw turn, as in ``Dialogue.roles``.
        tags: the distinct raw role tags.
        empty: whether a turn has no visible character.
        silent: whether no assistant message has a character.
    """

    format: str
    roles: str
    tags: frozenset[str]
    empty: bool = False
    silent: bool = False


class Judged(NamedTuple):
    """What becomes of dialogues of one shape (one of OUTCOMES), and why, in a sentence that says what to do."""

    outcome: str
    reason: str


_SHAREGPT = {"human", "gpt", "observation", "function_call"}
_OPENAI = {"user", "assistant"}
_MAPPED_BY_AXOLOTL = {"human", "user", "gpt", "assistant", "tool"}
_KNOWN_TO_TEMPLATES = {"user", "assistant", "tool"}
# A system turn of a list is tagged "system" as is a record's key of that name; the other keys are no turn's tag.
_SYSTEM_FIELDS = {*SYSTEM_KEYS} - {"system"}
_SYSTEM = {*SYSTEM_KEYS}

# axolotl's types for records that are no list of turns: format, tags, type.
_AXOLOTL_TYPES = (
    ("alpaca", {"instruction", "output"}, "alpaca"),
    ("camel_instructions", {"instruction", "output"}, "alpaca"),
    ("alpaca", {"instruction", "response"}, "gpteacher"),
    ("alpaca", {"INSTRUCTION", "RESPONSE"}, "oasst"),
    ("openorca", {"question", "response"}, "alpaca_w_system.load_open_orca"),
    ("question_answer", {"question", "answer"}, "alpaca_chat.load_qa"),
    ("prompt_completion", {"prompt", "generation"}, "metharme"),
    ("camel", {"message_1", "message_2"}, "alpaca_chat.load_camel_ai"),
    ("text", {"text"}, "completion"),
    ("segments", {"segments"}, "input_output"),
)
_FORMS = {"llamafactory": "sharegpt", "axolotl": "messages", "trl": "messages", "fastchat": "sharegpt"}

_NO_ANSWER = "no turn is the assistant's, so nothing can be learned: leave it out (rule no_assistant)"
_SILENT = "every answer is empty, so nothing is learned: leave it out (rule empty_messages)"
_EMPTY = "a turn is empty, which masks all the others, so nothing is learned: leave it out (rule empty_messages)"
_LABEL = "the mark that says whether an answer is wanted is not read: leave out what is unwanted, or it is learned"
_NO_TURNS = "the dialogue has no turn: leave it out (rule messages)"
_LATE_SYSTEM = "a system turn stands after the first turn: leave it out (rule system_messages)"
_FIRST = "the first turn is the assistant's: leave it out (rule starts_with_assistant)"
_LAST = "the last turn is the user's: cut it off, or leave the dialogue out (rule ends_with_user)"
_ORDER = "user and assistant do not alternate: leave it out (rules consecutive_roles, tool_messages, unknown_roles)"


def judge(shape: Shape, trainer: str) -> Judged:
    """What a trainer (a key of VERSIONS) makes of dialogues of one shape."""
    if shape.format in {"preference", "hh_rlhf"}:
        why = "records with a chosen and a rejected answer are for preference training"
        return Judged("rejected", f"{why}: {_convert(trainer)} keeps the chosen one")
    judged = _JUDGES[trainer](shape, _form(shape))
    if shape.format == "kto" and judged.outcome == "kept":
        return Judged("changed", _LABEL)
    return judged


def _form(shape: Shape) -> str:
    """Where the turns lie: "messages", "conversations", "alpaca" under its own keys, or another format's name."""
    if shape.format in {"messages", "ultrachat_200k"}:
        return "messages"
    if shape.format == "kto":
        lists = "conversations" if shape.tags & _SHAREGPT else "messages"
        return "prompt_completion" if "prompt" in shape.tags else lists
    if shape.format in {"alpaca", "camel_instructions"}:
        return "alpaca" if shape.tags >= {"instruction", "output"} else "instruction"
    return "conversations" if shape.format == "sharegpt" else shape.format


def _llamafactory(shape: Shape, form: str) -> Judged:
    """A system turn, then user or observation and assistant or function_call in turn, in pairs."""
    known = {"alpaca": shape.tags, "messages": _OPENAI, "conversations": _SHAREGPT}.get(form)
    if known is None:
        return _unread(shape, form, "llamafactory")
    unknown = shape.tags - known - _SYSTEM
    misnamed = unknown and form == "conversations" and not shape.tags & known
    mended = _mended(shape, "llamafactory")
    called = "at" if "function_call" in shape.tags else "a"
    broken = _disorder(shape.roles.removeprefix("s"), "ut" if "observation" in shape.tags else "u", called)
    settings = {
        "alpaca": "with `columns` for instruction, input, output, system and history",
        "messages": "with `formatting: sharegpt` and the tags of its OpenAI example",
        "conversations": "with `formatting: sharegpt`",
    }
    return _first(
        (not shape.roles, "dropped", _NO_TURNS),
        (misnamed, "rejected", f"the roles are not called human and gpt but {_listed(unknown)}: {mended}"),
        (unknown, "dropped", f"no role of its settings is called {_listed(unknown)}: {mended}"),
        (broken, "dropped", broken),
        (True, "kept", f"read {settings[form]}"),
    )


def _axolotl(shape: Shape, form: str) -> Judged:
    """Any order of roles; only what is called assistant or gpt is learned, and only where it has a text."""
    if form in {"messages", "conversations"}:
        return _axolotl_turns(shape, form)
    named = (name for format_, tags, name in _AXOLOTL_TYPES if format_ == shape.format and tags <= shape.tags)
    type_ = next(named, None)
    if type_ is None:
        return _unread(shape, form, "axolotl")
    turns = shape.roles.removeprefix("s") if shape.format == "openorca" else shape.roles
    more = turns not in {"ua", "a"} and type_ != "input_output"
    lost = f"`type: {type_}` reads neither system prompt nor history: {_convert('axolotl')} keeps them"
    return _first(
        (shape.silent, "dropped", _SILENT),
        (more, "changed", lost),
        (True, "kept", f"read with `type: {type_}`"),
    )


def _axolotl_turns(shape: Shape, form: str) -> Judged:
    unknown = shape.tags - _MAPPED_BY_AXOLOTL - _SYSTEM
    mended = _mended(shape, "axolotl")
    nobody = f"nobody is called assistant or gpt, so nothing is learned: {mended}"
    keys = ", `field_messages: conversations` and `message_property_mappings`" if form == "conversations" else ""
    return _first(
        (not shape.roles, "rejected", _NO_TURNS),
        ("a" not in shape.roles, "dropped", _NO_ANSWER),
        (not shape.tags & {"assistant", "gpt"}, "dropped", nobody),
        (shape.silent, "dropped", _SILENT),
        (unknown, "changed", f"turns of {_listed(unknown)} keep that role and are not learned: {mended}"),
        _beside(shape),
        (True, "kept", f"read with `type: chat_template`{keys}{_template(shape)}"),
    )


def _trl(shape: Shape, form: str) -> Judged:
    """Messages in any order, every token learned; ShareGPT's keys are renamed, its roles are not."""
    lists = form in {"messages", "conversations"} or (form == "prompt_completion" and "prompt" not in shape.tags)
    if form == "text" or (form == "prompt_completion" and shape.tags >= {"prompt", "completion"}):
        return Judged("kept", "read as it is")
    if not lists:
        return _unread(shape, form, "trl")
    mended = _mended(shape, "trl")
    unknown = shape.tags - _KNOWN_TO_TEMPLATES - _SYSTEM
    renamed = form == "conversations" and not shape.tags & _SHAREGPT
    settings = f"read as it is, the user's tokens learned too unless `assistant_only_loss` is set{_template(shape)}"
    return _first(
        (shape.format == "ultrachat_200k", "rejected", f"beside messages, prompt asks for a completion: {mended}"),
        (not shape.roles, "rejected", _NO_TURNS),
        (renamed, "rejected", f"conversations are read with the keys from and value alone: {mended}"),
        (unknown, "changed", f"chat templates do not know {_listed(unknown)} as roles: {mended}"),
        _beside(shape),
        (True, "kept", settings),
    )


def _fastchat(shape: Shape, form: str) -> Judged:
    """Turns of human and gpt in turn; a first one of gpt is cut off, a last one of human masks the dialogue."""
    if form != "conversations":
        return _unread(shape, form, "fastchat")
    unknown = shape.tags - {"human", "gpt"} - _SYSTEM_FIELDS
    said = shape.roles.removeprefix("s")
    turns = said.removeprefix("a")
    broken = _disorder(turns, "u", "a")
    return _first(
        (not shape.roles, "rejected", _NO_TURNS),
        (unknown, "rejected", f"only human and gpt are roles, not {_listed(unknown)}: {_mended(shape, 'fastchat')}"),
        (not turns, "dropped", _FIRST),
        (broken == _LAST, "dropped", broken),
        (broken, "rejected", broken),
        (shape.empty, "dropped", _EMPTY),
        (turns != said, "changed", "the first turn is the assistant's and is cut off (rule starts_with_assistant)"),
        _beside(shape),
        (True, "kept", "read as it is"),
    )


_JUDGES: Final[dict[str, Callable[[Shape, str], Judged]]] = {
    "llamafactory": _llamafactory,
    "axolotl": _axolotl,
    "trl": _trl,
    "fastchat": _fastchat,
}


def _first(*rules: tuple[object, str, str]) -> Judged:
    """Outcome and reason of the first rule that holds."""
    return next(Judged(outcome, reason) for holds, outcome, reason in rules if holds)


def _beside(shape: Shape) -> tuple[object, str, str]:
    """The rule of a system prompt that stands beside the turns, under a key that is not read."""
    keys = shape.tags & _SYSTEM_FIELDS
    return keys, "changed", f"the system prompt under {_listed(keys)} is not read"


def _template(shape: Shape) -> str:
    if _disorder(shape.roles.removeprefix("s"), "u", "a"):
        return "; templates that want roles to alternate (Llama 2, Mistral, Gemma) stop with an error"
    return ""


def _unread(shape: Shape, form: str, trainer: str) -> Judged:
    if "a" not in shape.roles:
        return Judged("rejected", _NO_ANSWER)
    what = f"the keys {_listed(shape.tags)} are" if form == "instruction" else f"the form {shape.format} is"
    return Judged("rejected", f"{what} not read by default: {_mended(shape, trainer)}")


def _disorder(turns: str, odd: str, even: str) -> str:
    """Why turns are not those of ``odd`` and ``even`` in turn, in pairs; "" where they are."""
    if not turns:
        return _NO_TURNS
    for i, letter in enumerate(turns):
        if letter not in (odd, even)[i % 2]:
            return _LATE_SYSTEM if letter == "s" else _FIRST if i == 0 and letter == "a" else _ORDER
    return _LAST if len(turns) % 2 else ""


def _listed(names: set[str] | frozenset[str]) -> str:
    """Tags as a reason says them: they are data, so only what can be printed is."""
    listed = " and ".join(sorted(names))
    return "".join(c if c.isprintable() else "\ufffd" for c in listed) or "a role without a name"


def _mended(shape: Shape, trainer: str) -> str:
    """What to do about a form or names of roles: convert, where the trainer learns from what comes out."""
    converted = _converted(shape, trainer)
    if converted == shape or "?" in shape.roles:
        rules = {"?": "unknown_roles", "t": "tool_messages", "s": "system_messages"}
        return f"leave it out (rule {next((rules[one] for one in rules if one in shape.roles), 'unknown_roles')})"
    outcome, reason = judge(converted, trainer)
    learned = outcome in {"kept", "changed"}
    return f"{_convert(trainer)} mends it" if learned else f"after {_convert(trainer)} {reason}"


def _converted(shape: Shape, trainer: str) -> Shape:
    """The shape that a dialogue has in the form that a trainer reads best."""
    form = _FORMS[trainer]
    names = {"u": ["user"], "a": ["assistant"], "s": ["system"], "t": ["assistant", "tool"]}
    if form == "sharegpt":
        names = {"u": ["human"], "a": ["gpt"], "s": ["system"], "t": ["function_call", "observation"]}
    tags = (name for letter in set(shape.roles) - {"?"} for name in names[letter])
    return shape._replace(format=form, tags=frozenset(tags))


def _convert(trainer: str) -> str:
    return f"`ultraqa convert --to {_FORMS[trainer]}`"
