"""Defects of sentences: replies that break off, and sentences that begin with small letters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ultraqa.analysis.byte_triggers import SMALL_STARTS, TICKS
from ultraqa.analysis.markup import has_code, is_code_line, without_code
from ultraqa.analysis.triggers import Family, Hit
from ultraqa.dialogues.batch import ASSISTANT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ultraqa.analysis.triggers import Seen

_LEAST_WORDS: Final = 20  # of a reply that may break off: shorter ones are titles, names, answers of a few words
_TAIL: Final = 1000  # characters of a reply in which its last lines are looked at
_OPEN_ENDS: Final = frozenset(
    """
    the a an of and or but than because although your my our their its whose between
    der das dem ein eine einen einem einer und oder le la les un une du et el los las una il gli della
    """.split()  # noqa: SIM905  (a list of words reads better without quotes)
)
"""Words that end no sentence. Those that may, as in "log in" or "as it is", are left out."""
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NAMED: Final = re.compile(r"[/_.#@\\]")  # in links, hashtags, paths
_ITEM: Final = re.compile(r"[ \t]*(?:[-*•·–+>#|]|\(?\d{1,3}[.):、]|\(?[a-zA-Z][.)] |(?:[^\s:]+ ){0,4}[^\s:]+:)")
_NUMBERED: Final = re.compile(r"\s\(?\d{1,2}[.)、]")
_MARK: Final = re.compile(r"(?<=[^\W\d_]{2})[.!?][\"'”’)]?\s+(?=[\"'“‘(]?[A-ZÀ-ÖØ-ÞА-Я])|[。！？]")
_LAST_SENTENCE: Final = 8  # words without a mark at the end of a line in which a sentence ended

_STARTS: Final = tuple(  # one each: a literal is fast; not "i. yes ii. no", not "fact1: yes. fact2: no"
    re.compile(re.escape(mark) + r" ([^\W\d_])(?![^\W\d_]*\d|[^\W\d_]{0,3}[.)])") for mark in ".!?"
)
_CLOSERS: Final = frozenset(")]\"'”’!?")
_ABBREVIATED: Final = frozenset(
    """
    etc approx lbs hrs mins secs yrs vol vols fig figs dept inc corp ltd est min max resp incl excl seq misc temp prof
    gen capt sgt ave blvd
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun tbsp tsp def ref refs
    bzw usw vgl evtl ggf sog inkl zzgl bspw
    """.split()  # noqa: SIM905
)


def truncation(seen: Seen) -> Iterator[Hit]:
    """Replies that break off: an open code fence, or a last sentence that ends in a comma or in a word such as "the".

    Not counted: a last sentence that only lacks its mark (of labelled ones half were whole), lists, headings, tables,
    verse, signatures, links, numbers, hashtags, and replies of fewer than 20 words.
    """
    for message in _open_ended(seen):
        text = seen.text(message).rstrip()
        detail = _break(text) if text else ""
        if detail:
            yield Hit(message, max(0, len(text) - 40), len(text), detail)
    for message in seen.messages(TICKS, "a"):
        text = seen.text(message)
        if text.count("```") % 2:
            fence = text.rindex("```")
            named = text[fence + 3 : fence + 4].isalpha()
            alone = text[:fence].rstrip(" \t")[-1:] in {"", "\n"}
            if alone and (named or text.rstrip()[-1] not in ".!?。！？`"):
                yield Hit(message, fence, len(text), "open code fence")


def truecasing(seen: Seen) -> Iterator[Hit]:
    """Messages most of whose sentences, at least two, begin with small letters although they have capitals elsewhere.

    The beginning of the message counts as one of the beginnings. Not counted: texts without any capital, which is a
    style of typing, what follows abbreviations, and code.
    Source: the casing repaired in UltraChat-200k (its dataset card), about 5 % of UltraChat.
    """
    for message in seen.messages(SMALL_STARTS):
        text = seen.text(message)
        if _small(text):
            text = without_code(text)
            small, large = _small(text), _large(text)
            if len(small) > large and not text.islower() and not has_code(text):
                detail = f"{len(small)} of {len(small) + large} sentences begin small"
                yield Hit(message, min(small), min(small) + 1, detail)


def _small(text: str) -> list[int]:
    """Places where sentences begin with a small letter, none if there is only one."""
    places = [found.start(1) for start in _STARTS for found in start.finditer(text) if found[1].islower()]
    small = [0] * text[:1].islower() + [place for place in places if _ends(text, place - 2)]
    return small if len(small) > 1 else []


def _large(text: str) -> int:
    """Number of sentences that begin with a capital."""
    starts = [found[1] for start in _STARTS for found in start.finditer(text)]
    return sum(start.isupper() for start in [*starts, text[:1]])


def _ends(text: str, mark: int) -> bool:
    """Whether a full stop ends a sentence and no abbreviation such as "e.g." or "etc."; other marks always do."""
    word = text[max(0, mark - 8) : mark].rpartition(" ")[2].lower()
    if text[mark] != ".":
        return word[-1:].isalnum() or word[-1:] in _CLOSERS
    return len(word) > 2 and word[-3:].isalpha() and "." not in word and word not in _ABBREVIATED


def _open_ended(seen: Seen) -> Iterator[int]:
    """Replies that are long enough and do not end in a mark that closes a sentence, a quotation or a bracket."""
    batch = seen.batch
    words = np.where(batch.roles == ASSISTANT, seen.words.words, 0)
    candidates = np.flatnonzero(words >= _LEAST_WORDS)
    ends = batch.message_offsets[1:][candidates]
    last = batch.text[ends - 1]
    unclosed = ~_CLOSING[last]
    wide = np.flatnonzero(last >= 0x80)
    three, two, one = (batch.text[ends[wide] - back].astype(np.int64) for back in (3, 2, 1))
    unclosed[wide] = ~np.isin(three << 16 | two << 8 | one, _WIDE_CLOSING)
    return map(int, candidates[unclosed])


def _closing() -> NDArray[np.bool_]:
    table: NDArray[np.bool_] = np.zeros(256, np.bool_)
    table[list(b".!?:;)]}\"'`*_~>|$%/\\+=#0123456789")] = True
    return table


_CLOSING: Final[NDArray[Any]] = _closing()
_WIDE_CLOSING: Final[NDArray[Any]] = np.array(
    [int.from_bytes(mark.encode(), "big") for mark in "。！？…”’」』）】》：；～｡．।"], np.int64
)


def _break(text: str) -> str:
    """How a reply breaks off, or nothing."""
    ending, tail = text[-1], text[-_TAIL:]
    line = tail[tail.rfind("\n") + 1 :]
    word = line[-30:].rpartition(" ")[2]
    if (word not in _OPEN_ENDS and ending not in ",，、") or _NAMED.search(word):
        return ""
    sentence = _MARK.split(line)[-1]
    n_words = sum(len(one) if one > "\u3000" else 1 for one in _WORD.findall(sentence))
    if n_words < _LAST_SENTENCE or is_code_line(line) or _verse(tail):
        return ""
    if word in _OPEN_ENDS:
        return f'ends in "{word}"'
    if _ITEM.match(line) or _NUMBERED.search(sentence) or "#" in sentence:
        return ""
    return f"ends in {ending}"


def _verse(tail: str) -> bool:
    """Whether the last lines are short and end without a mark, as those of poems and lists do."""
    last = [line.strip() for line in tail.split("\n") if line and not line.isspace()][-3:]
    return len(last) > 1 and all(len(line) < 60 for line in last) and last[-2][-1] not in ".!?:"


FAMILIES: Final = (Family("truncation", truncation, "a"), Family("truecasing", truecasing))
