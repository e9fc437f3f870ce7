"""What two texts share, as text: where words stand, and whether the numbers between shared words are the same."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis import characters
from ultraqa.analysis.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST: Final = 300
"""Characters of a text that are shown."""
_NUMBER: Final = re.compile(r"\d+")


class Run(NamedTuple):
    """Consecutive words of a message that are consecutive words of a question: the first in each, and how many."""

    word: int
    place: int
    words: int


@lru_cache(maxsize=4)  # a message and a question are asked for in turn
def spans(text: str) -> tuple[tuple[int, int], ...]:
    """First character of each word of a text, and the one after its last."""
    lower = characters.tables()[2]
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    lowered = lower[codes].astype("<u4").tobytes().decode("utf-32-le")  # one to one, as words are
    found, at = [], 0
    for word in words(text):
        start = lowered.index(word, at)  # between words stands no letter
        at = start + len(word)
        found.append((start, at))
    return tuple(found)


def stretch(text: str, first: int, n: int) -> str:
    """``n`` words of a text from the ``first`` on, as they stand there, the beginning of them where they are many."""
    places = spans(text)
    return text[places[first][0] : places[first + n - 1][1]][:MOST]


def same_numbers(message: str, question: str, runs: Sequence[Run]) -> bool:
    """Whether a message has the numbers of a question wherever it has its words, given the runs of words they share.

    Between the words of a run the numbers must be equal; before its first and after its last word those nearest to it
    must be, as many as both have. Of runs that lie within longer ones only the longest counts.
    """
    if not _NUMBER.search(message) and not _NUMBER.search(question):
        return True
    places, asked, seen = spans(message), spans(question), set[int]()
    for run in sorted(runs, key=lambda one: (-one.words, one.place, one.word)):
        inside = set(range(run.place, run.place + run.words))
        if inside <= seen:
            continue
        seen |= inside
        before, between, after = _numbers(message, places, run.word, run.words)
        first, middle, last = _numbers(question, asked, run.place, run.words)
        if middle != between or not _agree(first[::-1], before[::-1]) or not _agree(last, after):
            return False
    return True


def _agree(some: Sequence[str], others: Sequence[str]) -> bool:
    return all(one == other for one, other in zip(some, others, strict=False))


def _numbers(text: str, places: Sequence[tuple[int, int]], first: int, n: int) -> tuple[list[str], ...]:
    """Runs of digits before, between and after some words, up to the words beside them."""
    last = first + n - 1
    left = places[first - 1][1] if first else 0
    right = places[last + 1][0] if last + 1 < len(places) else len(text)
    edges = ((left, places[first][0]), (places[first][0], places[last][1]), (places[last][1], right))
    return tuple(_NUMBER.findall(text[a:b]) for a, b in edges)
