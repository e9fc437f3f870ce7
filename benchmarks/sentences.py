"""Puts pieces of the made-up language in a row: sentences, lists and code, many messages at once.

A text is a row of places; a place is a separator, function words and a piece of content. The content decides which
function words it likes, and comes back within its dialogue, so that word pairs and topics repeat as in real text.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from vocabulary import HOT, PHRASES, SPACED, TAIL, URN, make_vocabulary, urn, zipf

Ints = NDArray[np.int64]

TOPICS = 16  # pieces of content that a dialogue comes back to
TOPIC_SHARE = 96  # of 256 places
PROSE, NUMBERED, BULLETS, CODE, USER = range(5)


def _all(text: str) -> tuple[str, str, str]:
    return text, text, text


# What stands before a place: in ASCII; with typographic characters; with other scripts; whether a sentence ends there;
# weights in prose, numbered lists, bullets, code and user messages.
_SEPARATORS: list[tuple[tuple[str, str, str], bool, tuple[float, ...]]] = [
    (_all(" "), False, (76, 74, 74, 0, 80)),
    (_all(", "), False, (11, 9, 9, 8, 9)),
    (_all(". "), True, (9, 5, 5, 0, 5)),
    (_all(".\n\n"), True, (2.6, 1, 1, 0, 1)),
    (("? ", "? ", "? 🤔 "), True, (0.3, 0.1, 0.1, 0, 2.2)),
    (("! ", "! ", "! 😊 "), True, (0.5, 0.3, 0.3, 0, 0.3)),
    (_all(": "), False, (0.5, 1.6, 1.6, 0, 0.5)),
    (_all("; "), False, (0.2, 0, 0, 0, 0.1)),
    ((" - ", " — ", " — "), False, (0.4, 0.5, 0.5, 0, 0.2)),
    (("'s ", "’s ", "’s "), False, (1.3, 1, 1, 0, 1)),
    (("... ", "… ", " (学习) "), False, (0.15, 0.1, 0.1, 0, 0.1)),
    ((" / ", " – ", " 日本語の "), False, (0.1, 0.1, 0.1, 0, 0.1)),
    ((" & ", " → ", " ภาษาไทย "), False, (0.05, 0.05, 0.05, 0, 0.05)),
    ((".\n- ", ".\n• ", ".\n• "), True, (0, 0, 7, 0, 0)),
    (_all(" = "), False, (0, 0, 0, 20, 0)),
    (_all("("), False, (0, 0, 0, 18, 0)),
    (_all(")\n    "), False, (0, 0, 0, 18, 0)),
    (_all("_"), False, (0, 0, 0, 14, 0)),
    (_all("."), False, (0, 0, 0, 8, 0)),
    (_all("[0] + 1\n    for "), False, (0, 0, 0, 5, 0)),
    (_all(" in "), False, (0, 0, 0, 5, 0)),
    (_all("):\n    return "), False, (0, 0, 0, 4, 0)),
    (_all(".\n"), True, (0.6, 7, 0, 0, 0.8)),  # in a numbered list the number follows
    (_all("\n\n```python\ndef "), False, (0,) * 5),
    (_all("\n```\n\n"), True, (0,) * 5),
    (('" ', "” ", "” "), False, (0,) * 5),
    (('." ', ".” ", ".” "), True, (0,) * 5),
]
_KINDS = len(_SEPARATORS)
_SENTENCE = 2
_ITEM, _FENCE, _UNFENCE, _CLOSE, _CLOSE_END = range(_KINDS - 5, _KINDS)
_ENDS = np.array([row[1] for row in _SEPARATORS])
_SEPARATOR = np.stack([urn(np.array(row, float), 1024) for row in zip(*(row[2] for row in _SEPARATORS), strict=True)])
_OPTION = urn(zipf(12, 0), 256) * 613  # which of the function words that go with a piece of content
_TOPIC = urn(zipf(TOPICS, 2), 64)


class Parts(NamedTuple):
    """The parts (JSON strings) of a block of dialogues as columns.

    Attributes:
        dialogue: the dialogue's place in the block.
        head: piece of JSON that stands before the part.
        opens: whether the part is its dialogue's first.
        alphabet: 0 ASCII, 1 with typographic characters, 2 with other scripts too.
        style: how the part is laid out.
        length: number of places, at least 1.
    """

    dialogue: Ints
    head: Ints
    opens: NDArray[np.bool_]
    alphabet: Ints
    style: Ints
    length: Ints


class Places(NamedTuple):
    """The places of a block as columns.

    Attributes:
        part: the part that the place belongs to.
        kind: row of ``_SEPARATORS`` that stands before it.
        code: whether it lies in a fence of code.
        alphabet: that of its part.
        bits: a random number of 63 bits, of which every choice takes its own.
    """

    part: Ints
    kind: Ints
    code: NDArray[np.bool_]
    alphabet: Ints
    bits: Ints


class Sentences:
    """The language with its separators, drawn from one seed.

    Attributes:
        pieces: the table of pieces; more may be added.
        limit: number of dialogues that can be told apart by the words that open them.
    """

    def __init__(self, seed: int) -> None:
        self._random = np.random.PCG64(seed)
        self._words = words = make_vocabulary(self.bits(2 * PHRASES).view(np.uint32))
        self.pieces = words.pieces
        self.limit = words.requests * SPACED * SPACED
        separators = [text for column in zip(*(row[0] for row in _SEPARATORS), strict=True) for text in column]
        self._separator = self.pieces.add(separators, before="a")
        self._item = self.pieces.add([f".\n{number}. " for number in range(1, 100)], before="a")
        self._prefixes = urn(zipf(words.prefixes, 5), 4096)
        self._openers = urn(zipf(words.openers, 2), 4096)
        prefixes = self.pieces.texts[words.prefix : words.prefix + words.prefixes]
        self._quotes = np.array([text.endswith(b'\\"') for text in prefixes])
        self._silent = prefixes.index(b"")

    def bits(self, count: int) -> NDArray[np.uint64]:
        """The next random numbers of 64 bits."""
        return np.asarray(self._random.random_raw(count), np.uint64)

    def draw(self, count: int) -> Ints:
        """The next random numbers of 63 bits."""
        return (self.bits(count) >> np.uint64(1)).view(np.int64)

    def pieces_of(self, parts: Parts, first: int) -> Ints:
        """The pieces of every place, five each, 0 for none; ``first`` is the number of the first dialogue."""
        part = np.repeat(np.arange(len(parts.length)), parts.length)
        heads = np.cumsum(parts.length) - parts.length
        places = _lay_out(parts, part, heads, self.draw(len(part)))
        content = self._content(parts.dialogue[part], places.bits)
        columns = np.empty((len(part), 5), np.int64)
        columns[:, 1] = self._function_words(content, places)
        columns[:, 0] = self._separators(places, parts)
        columns[heads, 0] = parts.head
        columns[:, 2:] = self._spell(np.where(places.code, self._words.word + content % HOT, content))
        self._open(columns, heads[parts.opens], first)
        return columns

    def _function_words(self, content: Ints, places: Places) -> Ints:
        """The function words of every place; where they open a quotation, ``places.kind`` is changed to close it."""
        words, (part, kind, code, alphabet, bits) = self._words, places
        prefix = self._prefixes[((content * 40_503 >> 4) + _OPTION[bits >> 34 & 255]) & 4095]
        ends = _ENDS[kind]
        quoted = np.flatnonzero(self._quotes[prefix])
        after = np.minimum(quoted + 1, len(part) - 1)
        closed = ~(ends | code)[quoted] & ~code[after] & (part[after] == part[quoted]) & (after > quoted)
        prefix[quoted[~closed]] = self._silent
        after = after[closed]
        kind[after] = np.where(ends[after], _CLOSE_END, _CLOSE)
        curly = alphabet > 0
        opener = words.opener + words.openers * curly + self._openers[bits >> 52 & 4095]
        return np.where(code, 0, np.where(ends, opener, words.prefix + words.prefixes * curly + prefix))

    def _separators(self, places: Places, parts: Parts) -> Ints:
        """The separator of every place, with the numbers of numbered lists."""
        separators = self._separator + _KINDS * places.alphabet + places.kind
        items = np.flatnonzero((places.kind == _ITEM) & (parts.style[places.part] == NUMBERED))
        part = places.part[items]
        number = np.arange(len(items)) - np.searchsorted(part, part)
        separators[items] = self._item + np.minimum(number, 98)
        return separators

    def _open(self, columns: Ints, places: Ints, first: int) -> None:
        """Write the beginning and the two words that only this dialogue has into its first place."""
        words = self._words
        number = (first + 1 + np.arange(len(places))) * 982_451_653 % self.limit
        number, one = np.divmod(number, SPACED)
        request, two = np.divmod(number, SPACED)
        columns[places, 1] = words.request + request
        columns[places, 2] = words.spaced + one
        columns[places, 3] = 0
        columns[places, 4] = words.word + two

    def _content(self, dialogue: Ints, bits: Ints) -> Ints:
        """A content piece a place; a share of them from the few topics of the dialogue."""
        topics = self._known(self.draw((dialogue[-1] + 1) * TOPICS))
        content = self._known(bits)
        again = np.flatnonzero((bits >> 20 & 255) < TOPIC_SHARE)
        content[again] = topics[dialogue[again] * TOPICS + _TOPIC[bits[again] >> 28 & 63]]
        return content

    def _known(self, bits: Ints) -> Ints:
        """Content by the urn; words beyond the table as ``URN`` + rank, whose weight falls with the power -5/3."""
        content: Ints = self._words.content[bits & (URN - 1)]
        tail = np.flatnonzero(content == TAIL)
        even = ((self.draw(len(tail)) >> 10) + 1) * 2.0**-53
        rank = HOT / (even * np.sqrt(even)) - HOT
        content[tail] = URN + np.minimum(rank, self._words.syllables**2 * self._words.endings - 1).astype(np.int64)
        return content

    def _spell(self, content: Ints) -> Ints:
        """Three columns of pieces: none, none and the piece, or three syllables of a word beyond the table."""
        words = self._words
        spelled = np.zeros((len(content), 3), np.int64)
        spelled[:, 2] = content
        tail = np.flatnonzero(content >= URN)
        rank = content[tail] - URN
        # Neighbours in rank shall not look alike; the factor is a prime that does not divide the number of words.
        number, last = np.divmod(rank * 1_299_709 % (words.syllables**2 * words.endings), words.endings)
        one, two = np.divmod(number, words.syllables)
        capital = np.where(rank % 4 == 0, words.syllables, 0)
        spelled[tail] = np.stack([words.syllable + capital + one, words.syllable + two, words.ending + last], axis=1)
        return spelled


def _lay_out(parts: Parts, part: Ints, heads: Ints, bits: Ints) -> Places:
    """Separators by the style of each part; the middle of a part with code is the code."""
    style = parts.style[part]
    eighth = (np.arange(len(part)) - heads[part]) * 8 // parts.length[part]
    code = (style == CODE) & (eighth >= 3) & (eighth < 6)
    style[(style == CODE) & ~code] = PROSE
    kind: Ints = _SEPARATOR[style, bits >> 42 & 1023]
    before = np.append(False, code[:-1])
    kind[code & ~before] = _FENCE
    kind[before & ~code] = _UNFENCE
    kind[heads] = _SENTENCE  # a head will stand there, and a sentence begins
    return Places(part, kind, code, parts.alphabet[part], bits)
