"""Wording: expressions that are run only around the phrases of their set, and who says what they find."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ultraqa.analysis.triggers import Hit
from ultraqa.analysis.words import word_spans
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Phrase, Seen

REACH: Final = 200
"""Characters on both sides of a phrase in which its expression must match as a whole: a text may be a megabyte long."""

_SKIPS: Final = tuple(
    (n, re.compile(rf"(?:[^A-Za-z]*+[A-Za-z]++(?:'[A-Za-z]++)*+){{{n}}}")) for n in (1024, 128, 16, 4, 1)
)
_NO_LETTERS: Final = "".join(character for character in map(chr, range(128)) if not character.isalpha())
_SPEAKER: Final = re.compile(r"\W{0,4}([^\W\d_][\w.’'-]*(?: [\w.’'-]+){0,3}) ?(?:\([^()\n]{0,40}\))?\*{0,2}:\**\s")
_MODELS: Final = frozenset(
    ("ai", "assistant", "chatgpt", "gpt", "bot", "answer", "a", "response", "reply", "output", "note", "disclaimer")
)


def any_of(*expressions: str) -> re.Pattern[str]:
    """An expression that finds what any of some finds, without case."""
    return re.compile("|".join(expressions), re.IGNORECASE)


def phrases(seen: Seen, name: str, roles: str) -> Iterator[Phrase]:
    """The phrases of a set in messages of some roles."""
    codes = [code for letter, code in (("u", USER), ("a", ASSISTANT)) if letter in roles]
    for phrase in seen.phrases.get(name, ()):
        if seen.batch.roles[phrase.message] in codes:
            yield phrase


def gated(seen: Seen, name: str, roles: str) -> list[int]:
    """Messages of some roles in which a phrase of a set stands, in order."""
    return list(dict.fromkeys(phrase.message for phrase in phrases(seen, name, roles)))


def placed(seen: Seen, name: str, roles: str, words: int | None = None) -> Iterator[tuple[int, int, int]]:
    """Message, first and last-but-one character of each phrase of a set, of those in the first ``words`` words."""
    message, word, end = -1, 0, 0  # where the last phrase began
    for phrase in phrases(seen, name, roles):
        if words is not None and phrase.first >= words:
            continue
        text = seen.text(phrase.message)
        if not text.isascii():
            yield phrase.message, *_spans(seen, phrase)
            continue
        if phrase.message != message:
            message, word, end = phrase.message, 0, 0
        begin = _after(text, end, phrase.first - word)
        last = _after(text, begin, phrase.words)
        word, end = phrase.first, begin
        yield message, last - len(text[begin:last].lstrip(_NO_LETTERS)), last


def _spans(seen: Seen, phrase: Phrase) -> tuple[int, int]:
    """Place of a phrase in a text beyond ASCII, whose words are found once for all families."""
    places = seen.words.shared.setdefault("places", {})
    if phrase.message not in places:
        places[phrase.message] = word_spans(seen.text(phrase.message))
    spans = places[phrase.message]
    return spans[phrase.first][0], spans[phrase.first + phrase.words - 1][1]


def _after(text: str, at: int, words: int) -> int:
    """Where a number of words of an ASCII text end, from a place on."""
    for size, skip in _SKIPS:
        while words >= size:
            at, words = skip.match(text, at).end(), words - size  # type: ignore[union-attr]  # the kernel counted them
    return at


def spotted(
    seen: Seen, name: str, roles: str, expression: re.Pattern[str], words: int | None = None
) -> Iterator[tuple[int, re.Match[str]]]:
    """The first match of an expression in each message, around a phrase of a set, that is not reported speech.

    Args:
        seen: the batch.
        name: the set of phrases.
        roles: whose messages.
        expression: what is looked for, at most ``REACH`` characters before and after a phrase that is part of it.
        words: how many words of a message are looked at, all of them by default.
    """
    done = -1
    for message, first, last in _stretches(placed(seen, name, roles, words)):
        if message != done:
            text = seen.text(message)
            for match in expression.finditer(text, first, last):
                if not reported(text, match.start()):
                    done = message
                    yield message, match
                    break


def _stretches(places: Iterator[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """The surroundings of phrases, one stretch where they overlap, so that no text is looked at twice."""
    message, first, last = -1, 0, 0
    for at, start, end in places:
        if at == message and start - REACH <= last:
            last = max(last, end + REACH)
        else:
            if message >= 0:
                yield message, first, last
            message, first, last = at, max(0, start - REACH), end + REACH
    if message >= 0:
        yield message, first, last


def hit(message: int, match: re.Match[str]) -> Hit:
    """A match as a hit, in its own words."""
    return Hit(message, match.start(), match.end(), " ".join(match.group()[:120].split()).lower())


def reported(text: str, at: int) -> bool:
    """Whether a place is speech of someone else: in quotation marks, or on a line that begins with a speaker's name."""
    line = text[max(text.rfind("\n", 0, at) + 1, at - 400) : at]
    if line.count('"') % 2 or line.rfind("“") > line.rfind("”") or line.rfind("«") > line.rfind("»"):
        return True
    speaker = _SPEAKER.match(line)
    return speaker is not None and speaker[1].lower() not in _MODELS


def asked(seen: Seen, message: int) -> bool:
    """Whether the message before one ends with a question, so that an answer is in its place."""
    before = seen.before(message)
    return before is not None and ("?" in seen.text(before)[-200:] or "？" in seen.text(before)[-200:])
