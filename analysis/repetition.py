"""Replies that say the same again and again; its families take in the echo of the prompt and the wrong language."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis import language_mismatch, prompt_echo
from ultraqa.analysis.repeats import COPIES, LOOPED_5GRAMS, character_runs, loops, said_again
from ultraqa.analysis.triggers import Family, Hit
from ultraqa.analysis.words import word_spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ultraqa.analysis.triggers import Seen

LOOP_SHARE: Final = 0.05
"""A reply is searched for loops where so many of its 5-grams stand earlier in it."""
SENTENCE_SHARE: Final = 0.15
"""And for repeated sentences where so many do."""
_REPEATED: Final = 0.25  # of the words of a reply that stand in copies of its sentences
_EQUAL: Final = 0.8  # of the copies in a loop: words are equal in all, figures and signs need not be
_CHORUS: Final = 100  # words, more than a song repeats in a row
_SENTENCE_WORDS: Final = 5
_SENTENCE_BYTES: Final = 20  # seven Chinese characters

_SIGNS: Final = re.compile(r"[{}<>|=;\\]|\w[(（]")  # of code, tables and formulas
_ITEM: Final = re.compile(r"^[ \t]*(?:[-*•]|\(?(?:\d{1,3}|[a-zA-Z])[.):])[ \t]+", re.MULTILINE)
_ENDS: Final = ("。", "！", "？", '."', '?"', '!"', ".”", ".\n", "! ", "!\n", "? ", "?\n")
_BEFORE: Final = " \t\r-*•\"'“"
_VERSE: Final = re.compile(
    r"\b(?:songs?|lyrics?|poems?|poetry|verses?|raps?|chorus|refrain|ballad|hymn|chant|limerick|sonnet|haiku|villanelle"
    r"|nursery rhyme|rhym\w+|jingle|lullaby|anthem|ode|mantra|prayer|canción|poema|chanson|poème|lied|gedicht)\b"
    r"|歌|诗|詩|词|노래|시를",
    re.IGNORECASE,
)
_AGAIN: Final = re.compile(
    r"\brepeat(?:edly)?\b|\b(?:over and over|\d+ times|(?:multiple|many|several) times|copies of|copy.?paste)\b"
    r"|重复|\d遍|\d次",
    re.IGNORECASE,
)
_REFRAIN: Final = re.compile(r"^[^\w\n]{0,4}(?:chorus|verse|refrain)\b", re.IGNORECASE | re.MULTILINE)
_CHARACTER_LOOP: Final = re.compile(r"([^\W\d_]|[!?])\1{19,}")


def repetition(seen: Seen) -> Iterator[Hit]:
    """Replies that say the same again and again: loops and repeated sentences.

    A loop is a passage that stands at least four times in a row, 20 words or more altogether, or 20 times the same
    letter or mark. Sentences are repeated where those of five words or more that stood before make up a quarter of the
    reply's words. They are looked for where .05 and .15 of the 5-grams stand earlier in the reply. Not counted: code,
    tables, lists whose items differ in figures, songs and poems, what the user asked to be repeated. Higher = worse.
    That share alone is no defect: half of the replies over .5 are plans, tables and worked sums; it is the column
    ``duplicated_5grams``. Source: Holtzman et al. 2020 ("neural text degeneration"); the share is Gopher's (Rae et al.
    2021).
    """
    spoken, share = seen.spoken_by("a"), np.nan_to_num(seen.words.duplicated_5grams)
    repeated = share * (seen.words.words - 4)  # 5-grams
    looped = _loops(seen, np.flatnonzero(spoken & (share >= LOOP_SHARE) & (repeated > LOOPED_5GRAMS - 0.5)))
    candidates = np.flatnonzero(spoken & (share >= SENTENCE_SHARE))
    again = said_again(seen.batch.text, seen.batch.message_offsets, candidates, (_SENTENCE_WORDS, _SENTENCE_BYTES))
    copied = candidates[again >= _REPEATED * seen.words.words[candidates]].tolist()
    yield from looped.values()
    yield from _sentences(seen, [message for message in copied if message not in looped])
    yield from _character_loops(seen)


def _loops(seen: Seen, candidates: NDArray[np.int64]) -> dict[int, Hit]:
    """Loops by message."""
    found = loops(seen.words.hashes, candidates)
    kept = np.flatnonzero(found.words)
    messages = candidates[kept].tolist()
    if not messages:
        return {}
    spans, offsets = word_spans([seen.text(message) for message in messages])
    looped = {}
    for j, (k, message) in enumerate(zip(kept.tolist(), messages, strict=True)):
        words = spans[offsets[j] + found.first[k] :][: found.words[k]]
        hit = _loop(seen, message, words, int(found.period[k]))
        if hit:
            looped[message] = hit
    return looped


def _is_asked(seen: Seen, message: int, looped: int = 0) -> bool:
    """Whether repetition, a loop of so many words, is what the user asked for or belongs to a song or poem."""
    before = seen.before(message)
    prompt = "" if before is None else seen.text(before)
    verse = looped < _CHORUS and (_VERSE.search(prompt) or _REFRAIN.search(seen.text(message)))
    return bool(verse or _AGAIN.search(prompt))


def _loop(seen: Seen, message: int, spans: NDArray[np.int64], period: int) -> Hit | None:
    """A loop of words at some places as a hit, if its copies are equal in the text as well and not code."""
    text, n = seen.text(message), len(spans)
    starts = spans[::period, 0].tolist()
    ends = [*starts[1:], int(spans[-1, 1])]
    whole = n // period
    pieces = [" ".join(_ITEM.sub("", text[a:b]).split()) for a, b in zip(starts, ends, strict=True)][: whole - 1]
    piece, times = Counter(pieces).most_common(1)[0]
    differ = times < max(COPIES - 1, _EQUAL * len(pieces))  # what follows the last copy is not of the loop
    if differ or _SIGNS.search(piece) or _in_code(text, starts[0]) or _is_asked(seen, message, n):
        return None
    return Hit(message, starts[0], ends[-1], f"loop of {period} {'words' if period > 1 else 'word'}, {whole} times")


def _in_code(text: str, place: int) -> bool:
    return text.count("```", 0, place) % 2 == 1


def _sentences(seen: Seen, messages: list[int]) -> Iterator[Hit]:
    """In each reply the sentence that stands there most often, if copies of sentences make up much of it."""
    if not messages:
        return
    counts = [Counter(_split(seen.text(message))) for message in messages]
    copies = [{one: n for one, n in count.items() if n > 1 and _counts(one)} for count in counts]
    words = np.diff(word_spans([one for of_message in copies for one in of_message]).offsets).tolist()
    for message, times in zip(messages, copies, strict=True):
        lengths = {one: words.pop(0) for one in times}
        again = sum(n * (times[one] - 1) for one, n in lengths.items() if n >= _SENTENCE_WORDS)
        if again >= _REPEATED * seen.words.words[message] and not _is_asked(seen, message):
            text = seen.text(message)
            worst = max(times, key=lambda one: (lengths[one] * times[one], one))
            start = text.find(worst, text.index(worst) + 1)
            yield Hit(message, start, start + len(worst), f"a sentence of {lengths[worst]} words, {times[worst]} times")


def _split(text: str) -> list[str]:
    """Sentences of a text outside code; lines that end without a mark keep their line break."""
    prose = "\n".join(text.split("```")[::2]) + "\n"
    if 2 * len(prose) < len(text):
        return []
    for end in _ENDS:
        prose = prose.replace(end, ". ")
    return [piece.lstrip(_BEFORE) for piece in prose.replace("\n", "\n. ").split(". ")]


def _counts(sentence: str) -> bool:
    return sentence[-1:] != "\n" and len(sentence.encode()) >= _SENTENCE_BYTES and not _SIGNS.search(sentence)


def _character_loops(seen: Seen) -> Iterator[Hit]:
    running = character_runs(seen.batch.text, seen.batch.message_offsets) & seen.spoken_by("a")
    for message in np.flatnonzero(running).tolist():
        match = _CHARACTER_LOOP.search(seen.text(message))
        if match and not _in_code(seen.text(message), match.start()):
            yield Hit(message, *match.span(), f"a character {match.end() - match.start()} times")


FAMILIES: Final = (
    Family("repetition", repetition, roles="a"),
    *prompt_echo.FAMILIES,
    *language_mismatch.FAMILIES,
)
PHRASES: Final[dict[str, tuple[str, ...]]] = {}
