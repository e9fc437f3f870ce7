"""Garbled text: characters decoded wrongly, control and invisible characters, escapes that were never resolved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis.markup import has_code, without_code
from ultraqa.analysis.triggers import BACKSLASH, Family, Hit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ultraqa.analysis.triggers import Seen

PHRASES: Final = {"garbling_replaced": ("锟 斤 拷",)}  # U+FFFD twice, as UTF-8 read as GBK

_REPLACED: Final = re.compile("\ufffd|锟斤拷")
_HAN: Final = re.compile("[\u3000-\u9fff\uac00-\ud7af]")
_WINDOW: Final = 20  # bytes on either side; what ftfy's expression matches has at most five characters
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
    from ftfy.badness import BADNESS_RE  # noqa: PLC0415  (loads tables of characters; plain ASCII never needs them)

    replaced = {phrase.message for phrase in seen.phrases["garbling_replaced"]}
    for message in sorted(replaced.union(_uncommon(seen).replaced, _garbled(seen, BADNESS_RE))):
        text = seen.text(message)
        bad = (one for one in BADNESS_RE.finditer(text) if _is_latin(one[0]))
        found = _REPLACED.search(text) or next(bad, None)
        if found:
            yield Hit(message, *found.span(), text[slice(*found.span())])


def control_characters(seen: Seen) -> Iterator[Hit]:
    r"""Messages with control or invisible characters, or with escapes such as \n written out in place of a character.

    Control characters are counted but for tab, line feed and carriage return; zero-width spaces (not in Thai, Lao,
    Khmer and Burmese, where they part words), line separators, marks of byte order and of objects. Not counted:
    joiners as in emoji, escapes in `code` and in messages that hold code, LaTeX, paths.
    """
    for message in _uncommon(seen).hidden:
        found = _HIDDEN.search(seen.text(message))
        if found:
            yield Hit(message, *found.span(), f"U+{ord(found[0]):04X}")
    for message in seen.messages(BACKSLASH):
        text = seen.text(message)
        found = _ESCAPE.search(text) and _ESCAPE.search(without_code(text))
        if found and not has_code(text):
            yield Hit(message, *found.span(), found[0])


class _Uncommon(NamedTuple):
    """Where uncommon bytes stand: messages with U+FFFD, with hidden characters, and places that may be garbled."""

    replaced: list[int]
    hidden: list[int]
    suspect: NDArray[np.int64]


def _uncommon(seen: Seen) -> _Uncommon:
    """What the bytes of a batch tell, without decoding them."""
    if "uncommon_bytes" not in seen.words.shared:
        text = np.concatenate([seen.batch.text, np.zeros(2, np.uint8)])
        lead = text - np.uint8(0xC2)
        marked = (lead < 4) | (lead == 0xE2 - 0xC2) | (lead == 0xEF - 0xC2) | (text == 0x7F)
        marked |= (text < 0x20) & (text != 0x0A)
        places = np.flatnonzero(marked[:-2])
        before, first, second, third = (text[places + step] for step in (-1, 0, 1, 2))
        zero_width = (first == 0xE2) & (second == 0x80) & ((third == 0x8B) | (third == 0xA8) | (third == 0xA9))
        marks = (first == 0xEF) & (((second == 0xBB) & (third == 0xBF)) | ((second == 0xBF) & (third == 0xBC)))
        control = (first < 0x80) & (first != 0x09) & (first != 0x0D)
        replaced = (first == 0xEF) & (second == 0xBF) & (third == 0xBD)
        beside = (third >= 0x80) | (before >= 0x80)
        capital = (first == 0xC3) & ((second == 0x82) | (second == 0x83))  # Â and Ã, which may stand before a blank
        ligature = (first == 0xC5) & ((second == 0x92) | (second == 0x93)) & ((third | 0x20) - np.uint8(0x61) > 25)
        suspect = (first > 0xC1) & (first < 0xC6) & (beside | capital | ligature | ((first == 0xC2) & (second < 0xA0)))
        seen.words.shared["uncommon_bytes"] = _Uncommon(
            _messages(seen, places[replaced]), _messages(seen, places[control | zero_width | marks]), places[suspect]
        )
    found: _Uncommon = seen.words.shared["uncommon_bytes"]
    return found


def _garbled(seen: Seen, badness: re.Pattern[str]) -> set[int]:
    """Messages in which ftfy's expression matches around a suspect place."""
    text, offsets, places = seen.batch.text, seen.batch.message_offsets, _uncommon(seen).suspect
    owners = _owners(seen, places)
    apart = (np.diff(places, prepend=-_WINDOW) >= _WINDOW) | (np.diff(owners, prepend=-1) != 0)
    first = np.flatnonzero(apart)
    ends = np.maximum.reduceat(places, first) if len(first) else first
    found: set[int] = set()
    for message, begin, end in zip(owners[first].tolist(), places[first].tolist(), ends.tolist(), strict=True):
        if message not in found:
            window = text[max(offsets[message], begin - _WINDOW) : min(offsets[message + 1], end + _WINDOW)]
            if badness.search(bytes(window).decode(errors="ignore")):
                found.add(message)
    return found


def _is_latin(bad: str) -> bool:
    """Whether a character below U+0180 takes part in what looks garbled, and no Han: these stand beside any sign."""
    return any("\x80" <= character < "\u0180" for character in bad) and not _HAN.search(bad)


def _owners(seen: Seen, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Messages in which bytes stand."""
    owners: NDArray[np.int64] = np.searchsorted(seen.batch.message_offsets, places, side="right") - 1
    return owners


def _messages(seen: Seen, places: NDArray[np.int64]) -> list[int]:
    """Messages in which bytes stand, each once."""
    messages: list[int] = np.unique(_owners(seen, places)).tolist()
    return messages


FAMILIES: Final = (Family("mojibake", mojibake), Family("control_characters", control_characters))
