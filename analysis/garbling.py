"""Garbled text: characters decoded wrongly, control and invisible characters, escapes that were never resolved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ultraqa.analysis.byte_triggers import BACKSLASH, GARBLED, HIDDEN, REPLACED
from ultraqa.analysis.markup import has_code, without_code
from ultraqa.analysis.triggers import Family, Hit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Seen

PHRASES: Final = {"garbling_replaced": ("锟 斤 拷",)}  # U+FFFD twice, as UTF-8 read as GBK

_REPLACED: Final = re.compile("\ufffd|锟斤拷")
_HAN: Final = re.compile("[\u3000-\u9fff\uac00-\ud7af]")
_SUSPECT: Final = re.compile(  # what the trigger GARBLED stands for
    "[\x80-\x9fÂÃ]|[\x80-\u017f](?=[^\x00-\x7f])|(?<=[^\x00-\x7f])[\x80-\u017f]|[Œœ](?![A-Za-z])"
)
_WINDOW: Final = 20  # characters on either side; what ftfy's expression matches has at most five
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\ufeff\ufffc]"
    "|(?<![\u0e00-\u109f\u1780-\u17ff])\u200b(?![\u0e00-\u109f\u1780-\u17ff])"  # it parts words from Thai to Khmer
)
_ESCAPE: Final = re.compile(
    r"\\(?:n\\n|(?<=[.,:;!?)\w]\\)n(?=[A-Z0-9•*-])|u[0-9a-fA-F]{4}|(?:(?<=^\\)|(?<=[\s(]\\))[\"'](?=\w))"
)


def mojibake(seen: Seen) -> Iterator[Hit]:
    """Messages with characters that were decoded wrongly, such as "â€™" for an apostrophe, or replaced by U+FFFD.

    What was read as Latin-1, Windows-1252 or their kin instead of UTF-8. Half of an emoji (a lone surrogate) is read
    as U+FFFD. Source: ftfy's heuristic of badness (Speer 2019), where a character below U+0180 and no Han takes part.
    """
    for message in seen.messages(REPLACED | GARBLED, phrases="garbling_replaced"):
        text = seen.text(message)
        found = _REPLACED.search(text) or _badness(text)
        if found:
            yield Hit(message, *found.span(), text[slice(*found.span())])


def control_characters(seen: Seen) -> Iterator[Hit]:
    r"""Messages with control or invisible characters, or with escapes such as \n written out in place of a character.

    Control characters are counted but for tab, line feed and carriage return; zero-width spaces (not in Thai, Lao,
    Khmer and Burmese, where they part words), line separators, marks of byte order and of objects. Not counted:
    joiners as in emoji, escapes in `code` and in messages that hold code, LaTeX, paths.
    """
    for message in seen.messages(HIDDEN):
        found = _HIDDEN.search(seen.text(message))
        if found:
            yield Hit(message, *found.span(), f"U+{ord(found[0]):04X}")
    for message in seen.messages(BACKSLASH):
        text = seen.text(message)
        found = _ESCAPE.search(text) and _ESCAPE.search(without_code(text))
        if found and not has_code(text):
            yield Hit(message, *found.span(), found[0])


def _badness(text: str) -> re.Match[str] | None:
    """What ftfy finds bad and is Latin, if its expression matches around a suspect character: it is slow."""
    from ftfy.badness import BADNESS_RE  # noqa: PLC0415  (loads tables of characters; plain ASCII never needs them)

    looked = 0
    for suspect in _SUSPECT.finditer(text):
        if suspect.start() >= looked:
            looked = suspect.start() + _WINDOW
            if BADNESS_RE.search(text, max(0, suspect.start() - _WINDOW), looked + _WINDOW):
                return next((bad for bad in BADNESS_RE.finditer(text) if _is_latin(bad[0])), None)
    return None


def _is_latin(bad: str) -> bool:
    """Whether a character below U+0180 takes part in what looks garbled, and no Han: these stand beside any sign."""
    return any("\x80" <= character < "\u0180" for character in bad) and not _HAN.search(bad)


FAMILIES: Final = (Family("mojibake", mojibake), Family("control_characters", control_characters))
