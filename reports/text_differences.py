"""Where two texts differ, word by word, as segments short enough to read."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CHARACTERS: Final = 1_000
"""Characters of a pair after which no further segment is begun."""
_EQUAL: Final = 60
"""Characters of a longer equal stretch that are shown beside a difference."""
_CHANGED: Final = 150
"""The same of a stretch that only one text has."""
_WORDS: Final = 600
"""Words that are compared from the first difference on: the cost grows with their square, and no more are shown."""
_ISLAND: Final = 2
"""Fewer equal words between two differences are chance, and are shown as a part of both."""
_AROUND: Final = ".,;:!?'\"()"
# A word with the blanks behind it; han and kana are written without blanks, so there each character is one.
_WORD: Final = re.compile(r"(?:[{0}]|[^\s{0}]+)\s*".format("\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"))


class Segment(NamedTuple):
    """A stretch of text: ``same`` in both, in the ``kept`` or the ``dropped`` one only, or ``cut`` (text left out)."""

    kind: str
    text: str


CUT: Final = Segment("cut", "…")


def difference(kept: str, dropped: str) -> list[Segment]:
    """What a text that is kept and one that duplicates it have in common and what not, in order.

    Case, blanks and the punctuation around words do not count, as for duplicates. Long stretches are shortened to their
    ends, and after about 1,000 characters the rest is cut.
    """
    found: list[Segment] = []
    stretches = list(_tidy(_stretches(_WORD.findall(kept.strip()), _WORD.findall(dropped.strip()))))
    for i, segment in enumerate(stretches):
        found += _shortened(segment, first=i == 0, last=i == len(stretches) - 1)
        if sum(len(one.text) for one in found) >= CHARACTERS and i < len(stretches) - 1:
            return found if found[-1] == CUT else [*found, CUT]
    return found


def _stretches(kept: Sequence[str], dropped: Sequence[str]) -> Iterator[Segment]:
    """Both texts as alternating equal and different stretches."""
    left, right = [list(map(_said, words)) for words in (kept, dropped)]
    n = _common(left, right)
    tail = _common(left[n:][::-1], right[n:][::-1])
    ends = (len(left) - tail, len(right) - tail)
    yield from _segment("same", _longer(kept[:n], dropped[:n]))
    a, b = kept[n : ends[0]], dropped[n : ends[1]]
    whole = max(len(a), len(b)) <= _WORDS
    yield from _compared(a[:_WORDS], b[:_WORDS], whole=whole)
    yield from _segment("same", _longer(kept[ends[0] :], dropped[ends[1] :])) if whole else (CUT,)


def _compared(kept: Sequence[str], dropped: Sequence[str], *, whole: bool) -> Iterator[Segment]:
    """Words between the equal beginning and the equal end of two texts."""
    left, right = [list(map(_said, words)) for words in (kept, dropped)]
    steps = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    if not whole and len(steps) > 1 and steps[-1][0] != "equal":
        steps.pop()  # words that the other text has behind the cut
    a = b = 0
    for name, a_first, a_end, b_first, b_end in steps:
        if name == "equal" and a_end - a_first >= _ISLAND:
            yield from _segment("kept", kept[a:a_first])
            yield from _segment("dropped", dropped[b:b_first])
            yield from _segment("same", _longer(kept[a_first:a_end], dropped[b_first:b_end]))
            a, b = a_end, b_end
    if steps:
        yield from _segment("kept", kept[a : steps[-1][2]])
        yield from _segment("dropped", dropped[b : steps[-1][4]])


def _said(word: str) -> str:
    """What of a word is compared."""
    return word.strip().strip(_AROUND).casefold() or word.strip()


def _longer(kept: Sequence[str], dropped: Sequence[str]) -> list[str]:
    """Equal words as they are kept, each with the more blanks that it has in one of both texts."""
    return [
        one.rstrip() + max(one[len(one.rstrip()) :], other[len(other.rstrip()) :], key=len)
        for one, other in zip(kept, dropped, strict=True)
    ]


def _tidy(stretches: Iterable[Segment]) -> Iterator[Segment]:
    """The stretches with the blanks behind what differs moved into what is equal."""
    gap = ""
    for kind, text in stretches:
        if kind == "same":
            yield Segment(kind, gap + text)
        elif text.rstrip():
            yield Segment(kind, text.rstrip())
        gap = text[len(text.rstrip()) :] if kind != "same" else ""


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """How many words two texts begin with together."""
    n = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        n += 1
    return n


def _segment(kind: str, words: Sequence[str]) -> Iterator[Segment]:
    if words:
        yield Segment(kind, "".join(words))


def _shortened(segment: Segment, *, first: bool, last: bool) -> list[Segment]:
    """A segment, of a long one its ends; of what is equal before the first and after the last difference one end."""
    kind, text = segment
    if kind == "same":
        head, tail = (0 if first and not last else _EQUAL), (0 if last else _EQUAL)
    else:
        head = tail = _CHANGED
    if kind == "cut" or len(text) <= head + tail + _EQUAL // 2:
        return [segment]
    before, after = _beginning(text, head), _end(text, tail)
    return [*_segment(kind, [before] * bool(before)), CUT, *_segment(kind, [after] * bool(after))]


def _beginning(text: str, size: int) -> str:
    """The first characters of a text, up to a blank where there is one near."""
    blank = re.search(r"\s\S{0,20}\Z", text[:size])
    return text[: blank.start() + 1] if blank else text[:size]


def _end(text: str, size: int) -> str:
    """The last characters of a text, from a word's beginning where there is one near."""
    rest = text[len(text) - size :]
    blank = re.match(r"\S{0,20}\s+", rest)
    return rest[blank.end() :] if blank else rest
