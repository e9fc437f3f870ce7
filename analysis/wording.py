"""Wording: expressions that are run only around the phrases of their set, and who says what they find."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.triggers import Hit
from ultraqa.analysis.words import word_spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.triggers import Seen

REACH: Final = 200
"""Characters on both sides of a phrase in which its expression must match as a whole: a text may be a megabyte long."""

_SPEAKER: Final = re.compile(r"\W{0,4}([^\W\d_][\w.’'-]*(?: [\w.’'-]+){0,3}) ?(?:\([^()\n]{0,40}\))?\*{0,2}:\**\s")
_MODELS: Final = frozenset(
    ("ai", "assistant", "chatgpt", "gpt", "bot", "answer", "a", "response", "reply", "output", "note", "disclaimer")
)


def any_of(*expressions: str, words: Sequence[str] = ()) -> re.Pattern[str]:
    """An expression that finds what any of some finds, without case.

    Args:
        expressions: those that may begin anywhere.
        words: those that begin where a word does, which is asked once for all of them.
    """
    begun = [rf"\b(?=\w)(?:{'|'.join(words)})"] if words else []
    return re.compile("|".join([*begun, *expressions]), re.IGNORECASE)


def phrases(seen: Seen, name: str, roles: str) -> NDArray[np.int64]:
    """The phrases of a set in messages of some roles; see ``Seen.phrases``."""
    found = seen.phrases[name]
    return found[seen.spoken_by(roles)[found[:, 0]]] if len(found) else found


def gated(seen: Seen, name: str, roles: str) -> list[int]:
    """Messages of some roles in which a phrase of a set stands, in order."""
    return seen.messages(0, roles, name) if len(seen.phrases[name]) else []


def placed(seen: Seen, name: str, roles: str, words: int | None = None) -> Iterator[tuple[int, int, int]]:
    """Message, first and last-but-one character of each phrase of a set, of those in the first ``words`` words."""
    found = phrases(seen, name, roles)
    if words is not None:
        found = found[found[:, 1] < words]
    if len(found):
        spans = _spans(seen, np.unique(found[:, 0]))
        for message, first, n, _ in found.tolist():
            yield message, int(spans[message][first, 0]), int(spans[message][first + n - 1, 1])


_PLACED: Final = ("ai_self_reference", "disclaimer", "knowledge_cutoff", "refusal", "teachers", "vendor_name")


def _spans(seen: Seen, messages: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Places of the words of messages; those of all replies that some family will ask for are found together."""
    places = seen.places
    if not places:
        asked = [phrases(seen, name, "a")[:, 0] for name in _PLACED if name in seen.phrases]
        messages = np.union1d(messages, np.concatenate(asked)) if asked else messages
    missing = [message for message in messages.tolist() if message not in places]
    if not missing:
        return places
    spans, offsets = word_spans([seen.text(message) for message in missing])
    for n, message in enumerate(missing):
        places[message] = spans[offsets[n] : offsets[n + 1]]
    return places


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
