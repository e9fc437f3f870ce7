"""Quotations: where a wording, which is lower case without punctuation, stands in the text of a dialogue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ultraqa.dialogues.sources import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ultraqa.analysis.profile import Profile

LETTERS: Final = {"assistant": "a", "user": "u", "both": "ua"}
_AROUND: Final = 50
_BETWEEN: Final = r"[\W\d_]+"
_APOSTROPHE: Final = "['’]"


def quotations(profile: Profile, part: str, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """The text around wordings in dialogues, cut to one line; none where it is not found, or the data is gone.

    Args:
        profile: the dataset.
        part: whose messages are looked through.
        wanted: each wording with the row of a dialogue.
    """
    pairs = list(wanted)
    rows = sorted({row for _, row in pairs})
    try:
        dialogues = dict(zip(rows, profile.texts(rows), strict=True))
    except DataError:
        return {}
    found = {}
    for wording, row in pairs:
        spoken = zip(dialogues[row].roles, dialogues[row].texts, strict=True)
        shown = next(filter(None, (_around(wording, text) for role, text in spoken if role in LETTERS[part])), None)
        if shown:
            found[wording, row] = shown
    return found


def _around(wording: str, text: str) -> str | None:
    match = _pattern(wording).search(text)
    if match is None:
        return None
    start, end = max(0, match.start() - _AROUND), match.end() + _AROUND
    shown = " ".join(text[start:end].split())
    return f"{'… ' if start else ''}{shown}{' …' if end < len(text) else ''}"


def _pattern(wording: str) -> re.Pattern[Any]:
    words = _BETWEEN.join(re.escape(word).replace("'", _APOSTROPHE) for word in wording.split())
    return re.compile(rf"(?<![^\W\d_]){words}(?![^\W\d_])", re.IGNORECASE)
