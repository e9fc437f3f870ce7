"""Two tables over all Unicode code points: what class a character has, and its simple lower-case mapping.

They are frozen at Unicode 14.0 in ``characters.npz``, so that the same text gives the same words under every Python.
``python -m ultraqa.analysis.characters`` writes the file anew (under a Python whose ``unicodedata`` is 14.0).
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNICODE: Final = "14.0.0"
CODE_POINTS: Final = 0x110000

OTHER: Final = 0  # neither letter nor mark
LETTER: Final = 1
MARK: Final = 2  # combining: belongs to the letter before it
SINGLE: Final = 3  # a letter of a script written without spaces: one word each
SPACE: Final = 4  # whitespace beyond ASCII, as str.split() sees it
DASH: Final = 5  # – and —, which LexicalRichness deletes
APOSTROPHE: Final = 6  # ’

SCRIPTS: Final = (
    "latin", "greek", "cyrillic", "armenian", "hebrew", "arabic", "devanagari", "bengali", "gurmukhi", "gujarati",
    "tamil", "telugu", "kannada", "malayalam", "sinhala", "thai", "lao", "tibetan", "myanmar", "georgian", "hangul",
    "ethiopic", "khmer", "mongolian", "kana", "han", "other",
)  # fmt: skip
"""Scripts that are counted, in the order of the kernel's counts."""

# First and last code point of the blocks of each script (Unicode 14 Blocks.txt).
_BLOCKS: Final = {
    "latin": ((0x41, 0x24F), (0x250, 0x2AF), (0x1D00, 0x1DBF), (0x1E00, 0x1EFF),
              (0x2C60, 0x2C7F), (0xA720, 0xA7FF), (0xAB30, 0xAB6F), (0xFB00, 0xFB06), (0xFF21, 0xFF5A)),
    "greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "cyrillic": ((0x400, 0x52F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF), (0xA640, 0xA69F)),
    "armenian": ((0x530, 0x58F), (0xFB13, 0xFB17)),
    "hebrew": ((0x590, 0x5FF), (0xFB1D, 0xFB4F)),
    "arabic": ((0x600, 0x6FF), (0x750, 0x77F), (0x870, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF)),
    "devanagari": ((0x900, 0x97F), (0xA8E0, 0xA8FF)),
    "bengali": ((0x980, 0x9FF),),
    "gurmukhi": ((0xA00, 0xA7F),),
    "gujarati": ((0xA80, 0xAFF),),
    "tamil": ((0xB80, 0xBFF),),
    "telugu": ((0xC00, 0xC7F),),
    "kannada": ((0xC80, 0xCFF),),
    "malayalam": ((0xD00, 0xD7F),),
    "sinhala": ((0xD80, 0xDFF),),
    "thai": ((0xE00, 0xE7F),),
    "lao": ((0xE80, 0xEFF),),
    "tibetan": ((0xF00, 0xFFF),),
    "myanmar": ((0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)),
    "georgian": ((0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F)),
    "hangul": ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF)),
    "ethiopic": ((0x1200, 0x139F), (0x2D80, 0x2DDF), (0xAB00, 0xAB2F)),
    "khmer": ((0x1780, 0x17FF),),
    "mongolian": ((0x1800, 0x18AF),),
    "kana": ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F), (0x1AFF0, 0x1B16F)),
    "han": ((0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)),
}  # fmt: skip
_WITHOUT_SPACES: Final = {"han", "kana", "thai", "lao", "khmer", "myanmar"}

_FILE: Final = Path(__file__).with_name("characters.npz")


@cache
def tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint32]]:
    """Class, script and simple lower-case mapping of every code point, each of shape (0x110000,)."""
    with np.load(_FILE, allow_pickle=False) as stored:
        runs = np.diff(stored["run_starts"], append=CODE_POINTS)
        classes = np.repeat(stored["run_classes"], runs)
        scripts = np.repeat(stored["run_scripts"], runs)
        lower = np.arange(CODE_POINTS, dtype=np.uint32)
        lower[stored["upper"]] = stored["lower"]
    return classes, scripts, lower


def character_class(character: str) -> int:
    """Class of one character from the running Python's ``unicodedata``, the definition behind the stored table."""
    code, category = ord(character), unicodedata.category(character)
    if category[0] == "L":
        return SINGLE if script(code) in _WITHOUT_SPACES else LETTER
    if category[0] == "M":
        return MARK
    if code > 0x7F and character.isspace():
        return SPACE
    return {0x2013: DASH, 0x2014: DASH, 0x2019: APOSTROPHE}.get(code, OTHER)


def script(code: int) -> str:
    """Script of a code point by its block, "other" where it is in none of the blocks listed."""
    for name, blocks in _BLOCKS.items():
        if any(first <= code <= last for first, last in blocks):
            return name
    return "other"


def simple_lower(character: str) -> str:
    """One-to-one lower-case mapping; only İ (U+0130) differs from ``str.lower`` of a single character."""
    lowered = character.lower()
    return lowered if len(lowered) == 1 else "i"


def build() -> dict[str, NDArray[np.uint32] | NDArray[np.uint8]]:
    """The arrays of ``characters.npz``: run lengths of class and script, and pairs of upper and lower code points."""
    characters = [chr(code) for code in range(CODE_POINTS)]
    classes = np.fromiter(map(character_class, characters), np.uint8, CODE_POINTS)
    scripts = np.full(CODE_POINTS, SCRIPTS.index("other"), np.uint8)
    for name, blocks in _BLOCKS.items():
        for first, last in blocks:
            scripts[first : last + 1] = SCRIPTS.index(name)
    pairs = [(code, ord(simple_lower(c))) for code, c in enumerate(characters) if simple_lower(c) != c]
    starts = np.flatnonzero(np.diff(classes, prepend=255) | np.diff(scripts, prepend=255)).astype(np.uint32)
    upper, lower = np.array(pairs, np.uint32).T
    return {
        "run_starts": starts, "run_classes": classes[starts], "run_scripts": scripts[starts],
        "upper": upper, "lower": lower,
    }  # fmt: skip


def main() -> None:
    """Write ``characters.npz`` beside this module."""
    if unicodedata.unidata_version != UNICODE:
        raise SystemExit(f"unicodedata is {unicodedata.unidata_version}; the tables are frozen at {UNICODE}")
    np.savez_compressed(_FILE, allow_pickle=False, **build())


if __name__ == "__main__":
    main()
