"""Replies that say the same again and again; its families take in the echo of the prompt and the wrong language."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis import language_mismatch, prompt_echo
from ultraqa.analysis.repeats import COPIES, WORDS, character_runs, loops
from ultraqa.analysis.triggers import Family, Hit
from ultraqa.analysis.words import word_spans, words
from ultraqa.dialogues.batch import ASSISTANT

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    candidates = np.flatnonzero(spoken & (share >= LOOP_SHARE) & (seen.words.words >= WORDS))
    found = loops(seen.words.hashes, candidates)
    looped = {}
    for k in np.flatnonzero(found.words).tolist():
        message = int(candidates[k])
        hit = _loop(seen, message, int(found.first[k]), int(found.period[k]), int(found.words[k]))
        if hit:
            looped[message] = hit
    for message in np.flatnonzero(spoken & (share >= SENTENCE_SHARE)).tolist():
        hit = looped.pop(message, None) or _sentences(seen, message)
        if hit:
            yield hit
    yield from looped.values()
    yield from _character_loops(seen)


def _is_asked(seen: Seen, message: int, looped: int = 0) -> bool:
    """Whether repetition, a loop of so many words, is what the user asked for or belongs to a song or poem."""
    before = seen.before(message)
    prompt = "" if before is None else seen.text(before)
    verse = looped < _CHORUS and (_VERSE.search(prompt) or _REFRAIN.search(seen.text(message)))
    return bool(verse or _AGAIN.search(prompt))


def _loop(seen: Seen, message: int, first: int, period: int, n: int) -> Hit | None:
    """The loop as a hit, if its copies are equal in the text as well and not code."""
    text = seen.text(message)
    spans = word_spans(text)
    starts = [spans[k][0] for k in range(first, first + n, period)]
    ends = [*starts[1:], spans[first + n - 1][1]]
    whole = n // period
    pieces = [" ".join(_ITEM.sub("", text[a:b]).split()) for a, b in zip(starts, ends, strict=True)][: whole - 1]
    piece, times = Counter(pieces).most_common(1)[0]
    differ = times < max(COPIES - 1, _EQUAL * len(pieces))  # what follows the last copy is not of the loop
    if differ or _SIGNS.search(piece) or _in_code(text, starts[0]) or _is_asked(seen, message, n):
        return None
    return Hit(message, starts[0], ends[-1], f"loop of {period} {'words' if period > 1 else 'word'}, {whole} times")


def _in_code(text: str, place: int) -> bool:
    return text.count("```", 0, place) % 2 == 1


def _sentences(seen: Seen, message: int) -> Hit | None:
    """The sentence that stands in a reply most often, if copies of sentences make up much of it."""
    text = seen.text(message)
    copies = {sentence: n for sentence, n in Counter(_split(text)).items() if n > 1 and _counts(sentence)}
    lengths = {sentence: len(words(sentence)) for sentence in copies}
    again = sum(n * (copies[sentence] - 1) for sentence, n in lengths.items() if n >= _SENTENCE_WORDS)
    if again < _REPEATED * seen.words.words[message] or _is_asked(seen, message):
        return None
    worst = max(copies, key=lambda sentence: (lengths[sentence] * copies[sentence], sentence))
    start = text.find(worst, text.index(worst) + 1)
    return Hit(message, start, start + len(worst), f"a sentence of {lengths[worst]} words, {copies[worst]} times")


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
    replies = np.flatnonzero(seen.batch.roles == ASSISTANT)
    for message in character_runs(seen.batch.text, seen.batch.message_offsets, replies):
        match = _CHARACTER_LOOP.search(seen.text(message))
        if match and not _in_code(seen.text(message), match.start()):
            yield Hit(message, *match.span(), f"a character {match.end() - match.start()} times")


FAMILIES: Final = (
    Family("repetition", repetition, roles="a"),
    *prompt_echo.FAMILIES,
    *language_mismatch.FAMILIES,
)
PHRASES: Final[dict[str, tuple[str, ...]]] = {}
