"""Transcripts: dialogues written into one text, with a marker in front of every turn.

Each style is one way to write markers. The text between two markers, without the blanks around it, is a turn. What
stands before the first marker is scaffolding (Baize), a system prompt, or, where the speakers have no roles, a turn of
unknown role.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ultraqa.dialogues.formats_values import DEFAULT, Mismatch, Options, Turns, dialogue
from ultraqa.dialogues.roles import resolve

if TYPE_CHECKING:
    from ultraqa.dialogues.batch import Dialogue


class Style(NamedTuple):
    """One way to write markers.

    Attributes:
        hints: strings; a text without any of them is not of this style (a cheap test before the expression).
        marker: expression of a marker; its only group that matched is the raw role tag.
        before: what the text before the first marker is.
        closers: what may close a turn, or the text before the first, and is no part of it.
        opens: the text must open with a marker.
    """

    hints: tuple[str, ...]
    marker: re.Pattern[str]
    before: Literal["scaffolding", "system", "unknown"]
    closers: tuple[str, ...] = ()
    opens: bool = False


BAIZE = Style(("[|",), re.compile(r"\[\|(Human|AI)\|\]"), "scaffolding")
MOSS = Style(
    ("<eoh>",),
    re.compile(r"(?:\[(Human|MOSS)\]|<\|(Human|MOSS)\|>):"),
    "system",
    ("<eoh>", "<eoa>", "<eom>", "</s>"),
)
COLLECTED = Style(("[Human]",), re.compile(r"^\[(Human|AI)\]:?", re.MULTILINE), "scaffolding")
CHATML = Style(("<|im_start|>",), re.compile(r"<\|im_start\|>(\w+)"), "system", ("<|im_end|>",))
KOALA = Style(
    ("BEGINNING OF CONVERSATION:", "</s>"),
    re.compile(r"(?:(?<=\s)|(?<=</s>)|^)(USER|GPT|ASSISTANT):"),
    "system",
    ("</s>", "BEGINNING OF CONVERSATION:"),
)
HH = Style(("Human:",), re.compile(r"(?:\A\s*|\n\n)(Human|Assistant):"), "system", opens=True)
HASHES = Style(("###",), re.compile(r"###\s?(Human|User|Assistant|AI|System)\s?:"), "system", ("</s>",))
NUMBERED = Style(
    ("1", "A"),
    re.compile(
        r"^[ \t]*(?:\*[ \t]*)?((?:User|Speaker|Person|Agent|Participant|Human)[ _]?(?:\d|[A-D]))[ \t]*:\*?",
        re.MULTILINE,
    ),
    "unknown",
)
NAMED = Style(
    (":",),
    re.compile(
        r"^[ \t]*(User|Human|Assistant|AI|Bot|Chatbot|System|GPT|ChatGPT|Model)[ \t]*:", re.MULTILINE | re.IGNORECASE
    ),
    "system",
)

Styles = tuple[tuple[str, Style], ...]


def hinted(*styles: Style) -> Styles:
    """Styles in the order in which they are tried, each with every one of its hints."""
    return tuple((hint, style) for style in styles for hint in style.hints)


# A text in one of these is a transcript wherever it stands; in the others only where a dialogue is expected.
CLEAR = hinted(BAIZE, MOSS, COLLECTED, CHATML, KOALA, HH, HASHES)
ALL = CLEAR + hinted(NUMBERED, NAMED)

_BAIZE, _MOSS = hinted(BAIZE, COLLECTED), hinted(MOSS)
_DIALOGUE_WORDS = ("conversation", "dialog", "chat", "transcript")


def parse(text: str, options: Options = DEFAULT, styles: Styles = ALL) -> Turns | None:
    """The turns of a transcript in the first style that fits, or None."""
    for hint, style in styles:
        if hint in text:
            found = _parse(text, style, options)
            if found is not None:
                return found
    return None


def read_baize(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """Baize: ``input`` is the whole dialogue, with [|Human|] and [|AI|]; an empty last human turn is dropped."""
    return [_whole(record, "input", options, _BAIZE)]


def read_moss(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """MOSS: ``plain_text`` with [Human]: … <eoh> [MOSS]: … <eoa> below the system prompt."""
    return [_whole(record, "plain_text", options, _MOSS)]


def read_transcript(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """A transcript in a field named for it (any style), or in ``text`` (only in a style that cannot be plain text)."""
    for key in record:
        if _names_dialogue(key):
            try:
                return [_whole(record, key, options, ALL)]
            except Mismatch:
                continue
    return [_whole(record, "text", options, CLEAR)]


@lru_cache(1024)
def _names_dialogue(key: Any) -> bool:
    return isinstance(key, str) and any(word in key.casefold() for word in _DIALOGUE_WORDS)


def read_column(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """A transcript in a field of any other name: the one with the most turns, the first among equals."""
    best: Turns | None = None
    for value in record.values():
        found = parse(value, options) if isinstance(value, str) else None
        if found and (best is None or len(found.letters) > len(best.letters)):
            best = found
    if best is None:
        raise Mismatch
    return [dialogue(record, best)]


def _whole(record: dict[str, Any], key: str, options: Options, styles: Styles) -> Dialogue:
    text = record.get(key)
    found = parse(text, options, styles) if isinstance(text, str) else None
    if found is None:
        raise Mismatch
    return dialogue(record, found)


def _parse(text: str, style: Style, options: Options) -> Turns | None:
    marks = list(style.marker.finditer(text))
    if not marks or (style.opens and text[: marks[0].start()].strip()):
        return None
    tags = [mark[mark.lastindex or 0] for mark in marks]
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    texts = [_turn(text, mark, end, style) for mark, end in zip(marks, ends, strict=True)]
    letters, flags = resolve(tags, options.roles)
    if not _spoken(letters, tags, style):
        return None
    if letters[-1] == "u" and not texts[-1] and len(texts) > 1:
        letters, texts, tags, flags = letters[:-1], texts[:-1], tags[:-1], (*flags, "dangling_user")
    before = _closed(text[: marks[0].start()].strip(), style)
    if style.before != "scaffolding" and any(character.isalnum() for character in before):
        letters, texts = ("s" if style.before == "system" else "?") + letters, [before, *texts]
    return Turns(letters, texts, tags, flags)


def _spoken(letters: str, tags: list[str], style: Style) -> bool:
    """Whether the tags are those of a dialogue; Baize's markers are so rare that one is enough."""
    return style is BAIZE or ("u" in letters and "a" in letters and len(set(tags)) > 1)


def _turn(text: str, mark: re.Match[str], end: int, style: Style) -> str:
    said = _closed(text[mark.end() : end].strip(), style)
    return said.strip("*").strip() if style is NUMBERED and "*" in mark[0] else said


def _closed(said: str, style: Style) -> str:
    """The text without whatever closers stand at its end (cut once: a hostile text ends in thousands)."""
    end = len(said)
    while closer := next((closer for closer in style.closers if said.endswith(closer, 0, end)), ""):
        end -= len(closer)
        while end and said[end - 1].isspace():
            end -= 1
    return said[:end]
