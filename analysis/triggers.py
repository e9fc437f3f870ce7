"""What a message may hold, found without expressions: bytes that stand out, and phrases as sequences of word hashes.

Expressions are slow, and nearly no message holds what they look for. One walk over the bytes sets a bit for every kind
of thing that a message may hold, one walk over its word hashes finds the phrases of all sets at once in a trie; only
what fires is looked at by an expression. All compiled code lives in this one file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba as nb
import numpy as np

from ultraqa.analysis.words import Workspace, word_hashes, word_spans, words
from ultraqa.dialogues.batch import ASSISTANT, USER, Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.words import Words

AT: Final = 1 << 0  # @
SLASHES: Final = 1 << 1  # //
DIGITS: Final = 1 << 2  # seven digits or more with nothing but . - ( ) + / : and blanks between them
TICKS: Final = 1 << 3  # ``
TAG: Final = 1 << 4  # < before a letter, /, |, < or !
BRACKET: Final = 1 << 5  # [ before | / or a capital letter
HASHES: Final = 1 << 6  # ##
PIPE: Final = 1 << 7  # |
TOKEN: Final = 1 << 8  # 16 letters, digits, _ or - in a row, one of them a digit
BEYOND_ASCII: Final = 1 << 9  # any byte that is not ASCII
CONTROL: Final = 1 << 10  # a control character below the tab, or the delete character
BACKSLASH: Final = 1 << 11
AMPERSAND: Final = 1 << 12  # & before a letter or #
COLON: Final = 1 << 13  # : after a letter or a closing bracket, * or #
SMALL_START: Final = 1 << 14  # a small letter after . ! or ? and one blank, or at the beginning
DOTTED: Final = 1 << 15  # a digit, a full stop and a digit
BRACES: Final = 1 << 16  # { } ; or = before a line break
"""Bits of ``Seen.triggers``."""


class Hit(NamedTuple):
    """What was found in a message: ``start`` and ``end`` count its characters, ``detail`` says what it is, in words."""

    message: int
    start: int
    end: int
    detail: str


class Family(NamedTuple):
    """A kind of defect, or of trait, that some messages have.

    Attributes:
        name: of its columns and findings.
        find: gives the hits in a batch; its docstring defines the family. A message may be hit more than once.
        roles: whose messages are looked at: "a", "u" or "ua".
        trait: whether it is no defect but only worth knowing, such as code: no finding is made of it.
        version: of the definition.
    """

    name: str
    find: Callable[[Seen], Iterable[Hit]]
    roles: str = "ua"
    trait: bool = False
    version: str = "1"


class Phrase(NamedTuple):
    """A phrase that stands in a message: its first word and its number of words, counted in words of the message."""

    message: int
    first: int
    words: int


@dataclass(frozen=True)
class Seen:
    """A batch and what stands out in it.

    Attributes:
        words: the batch, walked by the kernel.
        triggers: shape (m,), the bits of what each message may hold.
        phrases: where the phrases of each set stand, in the order of messages and words.
    """

    words: Words
    triggers: NDArray[np.uint32]
    phrases: Mapping[str, Sequence[Phrase]]
    _texts: dict[int, str] = field(default_factory=dict)

    @property
    def batch(self) -> Batch:
        """The dialogues."""
        return self.words.batch

    def text(self, message: int) -> str:
        """Text of a message of the batch."""
        if message not in self._texts:
            self._texts[message] = self.batch.message(message)
        return self._texts[message]

    def messages(self, triggers: int = 0, roles: str = "ua") -> Iterator[int]:
        """Messages of some roles in which one of the triggers fired; all of them where none is named."""
        found = np.flatnonzero(self.triggers & np.uint32(triggers)) if triggers else np.arange(len(self.triggers))
        return iter((found if roles == "ua" else found[self.spoken_by(roles)[found]]).tolist())

    def spoken_by(self, roles: str) -> NDArray[np.bool_]:
        """Shape (m,), whether a message is of one of the roles."""
        if roles == "ua":
            return np.ones(len(self.batch.roles), np.bool_)
        found: NDArray[np.bool_] = self.batch.roles == (USER if roles == "u" else ASSISTANT)
        return found

    def phrase_hits(self, name: str, roles: str = "ua") -> Iterator[Hit]:
        """The phrases of a set in messages of some roles, with their places in the text and spelled as they stand."""
        spoken = self.spoken_by(roles)
        for phrase in self.phrases.get(name, ()):
            if spoken[phrase.message]:
                yield self.hit(phrase)

    def hit(self, phrase: Phrase) -> Hit:
        """A phrase as a hit: its place in the text, and its words."""
        text = self.text(phrase.message)
        spans = word_spans(text)
        start, end = spans[phrase.first][0], spans[phrase.first + phrase.words - 1][1]
        return Hit(phrase.message, start, end, " ".join(text[start:end].split()).lower())

    def before(self, message: int) -> int | None:
        """The message before one in its dialogue, None for the first."""
        offsets = self.batch.dialogue_offsets
        first = offsets[np.searchsorted(offsets, message, side="right") - 1]
        return message - 1 if message > first else None


def seen(walked: Words, sets: Mapping[str, Sequence[str]]) -> Seen:
    """What stands out in a batch: triggers of every message and the phrases of every set.

    Args:
        walked: the batch.
        sets: phrases by the name of their set, at most 64. A phrase is a sequence of words; ``(a|b)`` stands for either
            of two sequences and ``(a|)`` for one that may be missing. Words are compared as the kernel counts them:
            without case, and with ' and ’ alike.
    """
    batch = walked.batch
    triggers = np.zeros(len(batch.roles), np.uint32)
    classes, pairs = _tables()
    padded = np.zeros(len(batch.text) + 8 & ~7, np.uint8)
    padded[: len(batch.text)] = batch.text
    _trigger(padded, padded.view(np.uint64), batch.message_offsets, classes, _memberships(), pairs, triggers)
    trie = _trie(tuple((name, tuple(phrases)) for name, phrases in sets.items()))
    found: dict[str, list[Phrase]] = {name: [] for name in sets}
    meant: dict[int, list[list[Phrase]]] = {}  # the lists of every combination of sets that occurs
    for message, first, length, accepted in _matches(walked, trie).tolist():
        if accepted not in meant:
            meant[accepted] = [found[name] for bit, name in enumerate(sets) if accepted >> bit & 1]
        for phrases in meant[accepted]:
            phrases.append(Phrase(message, first, length))
    return Seen(walked, triggers, found)


# --- phrases ---------------------------------------------------------------------------------------------------------


class _Trie(NamedTuple):
    """Phrases as a hash table from (state, word) to state; state 0 is the beginning."""

    first: NDArray[np.bool_]  # by 12 bits of a word's hash: whether a phrase may begin with it
    marks: NDArray[np.uint64]  # a bit for each key that may be there: few enough to stay in the processor's cache
    keys: NDArray[np.uint64]
    states: NDArray[np.int32]
    accepted: NDArray[np.int64]  # by state: bits of the sets a phrase of which ends here


def expanded(phrase: str) -> list[list[str]]:
    """All sequences of words that a phrase stands for."""
    parts = [part.split("|") for part in re.split(r"\(([^()]*)\)", phrase)]
    sequences = [words(" ".join(choice)) for choice in product(*parts)]
    curled = [[word.replace("'", "’") for word in sequence] for sequence in sequences]
    return [list(one) for one in dict.fromkeys(map(tuple, sequences + curled)) if one]


@cache
def _trie(sets: tuple[tuple[str, tuple[str, ...]], ...]) -> _Trie:
    edges: dict[tuple[int, str], int] = {}
    accepted = [0]
    for bit, (_, phrases) in enumerate(sets):
        for sequence in (one for phrase in phrases for one in expanded(phrase)):
            state = 0
            for word in sequence:
                state = edges.setdefault((state, word), len(accepted))
                if state == len(accepted):
                    accepted.append(0)
            accepted[state] |= 1 << bit
    spelled = list(dict.fromkeys(word for _, word in edges))
    hash_of = dict(zip(spelled, hashes_of(spelled), strict=True))
    size = 1 << (4 * len(edges) + 4).bit_length()
    trie = _Trie(
        np.zeros(1 << 12, np.bool_), np.zeros(1 << 14, np.uint64),
        np.zeros(size, np.uint64), np.zeros(size, np.int32), np.array(accepted, np.int64),
    )  # fmt: skip
    sources = np.array([state for state, _ in edges], np.int64)
    _plant(sources, np.array([hash_of[word] for _, word in edges], np.uint64), np.array([*edges.values()]), trie)
    return trie


def hashes_of(spelled: Sequence[str]) -> NDArray[np.uint64]:
    """Hashes of words, as the kernel has them."""
    encoded = [word.encode() for word in spelled]
    text = np.frombuffer(b" ".join(encoded), np.uint8)
    ends = np.cumsum([len(word) + 1 for word in encoded]) - 1
    offsets = np.array([0, *ends], np.int64)
    batch = Batch(
        text, offsets, np.zeros(len(spelled), np.uint8), np.arange(len(spelled) + 1), np.zeros(0, np.uint8),
        np.zeros(len(spelled) + 1, np.int64), [], np.zeros(0, np.int32), [], [], np.zeros((0, 2), np.int64), [], [],
    )  # fmt: skip
    return word_hashes(batch, Workspace()).hashes


def _matches(walked: Words, trie: _Trie) -> NDArray[np.int64]:
    """Message, first word, number of words and sets of every phrase that stands in a batch."""
    room = 1 << 10
    while True:
        out = np.empty((room, 4), np.int64)
        n = _match(*walked.hashes, trie, out)
        if n <= room:
            return out[:n]
        room = n


# --- compiled --------------------------------------------------------------------------------------------------------

_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")
_inline: Any = nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")

_K1 = np.uint64(0x9E3779B97F4A7C15)
_K2 = np.uint64(0xC2B2AE3D27D4EB4F)
_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
_CASE = np.uint64(0x2020202020202020)


@_inline
def _edge(state, word):
    """Key of a state and a word, never 0."""
    h = (word + np.uint64(state) * _K1) * _K2
    return (h ^ (h >> np.uint64(29))) | np.uint64(1)


@_jit
def _plant(sources, hashes, targets, trie):
    keys, states, first, marks = trie.keys, trie.states, trie.first, trie.marks
    mask = np.uint64(len(keys) - 1)
    for e in range(len(sources)):
        if sources[e] == 0:
            first[np.int64(hashes[e] >> np.uint64(52))] = True
        key = _edge(sources[e], hashes[e])
        marks[np.int64(key >> np.uint64(50))] |= np.uint64(1) << ((key >> np.uint64(44)) & np.uint64(63))
        slot = (key >> np.uint64(20)) & mask
        while keys[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        keys[slot] = key
        states[slot] = targets[e]


@_jit
def _match(hashes, offsets, trie, out):
    """Every phrase that stands in a message, as many as there is room for; how many there are."""
    first, marks, keys, states, accepted = trie.first, trie.marks, trie.keys, trie.states, trie.accepted
    mask = np.uint64(len(keys) - 1)
    n = 0
    for m in range(len(offsets) - 1):
        begin, finish = offsets[m], offsets[m + 1]
        for k in range(begin, finish):
            if not first[np.int64(hashes[k] >> np.uint64(52))]:
                continue
            state, at = 0, k
            while at < finish:
                key = _edge(state, hashes[at])
                if not marks[np.int64(key >> np.uint64(50))] >> ((key >> np.uint64(44)) & np.uint64(63)) & np.uint64(1):
                    break
                slot = (key >> np.uint64(20)) & mask
                while keys[slot] != key and keys[slot] != 0:
                    slot = (slot + np.uint64(1)) & mask
                if keys[slot] == 0:
                    break
                state = states[slot]
                at += 1
                if accepted[state] != 0:
                    if n < len(out):
                        out[n, 0], out[n, 1], out[n, 2], out[n, 3] = m, k - begin, at - k, accepted[state]
                    n += 1
    return n


# --- bytes -----------------------------------------------------------------------------------------------------------

# Classes of bytes; letters that tell nothing are 0.
(
    _SMALL, _CAPITAL, _DIGIT, _BLANK, _LINE, _STOP, _AT, _SLASH, _TICK, _LESS, _OPEN, _PIPE, _HASH, _BEYOND, _CONTROL,
    _BACK, _AND, _COLON, _CODE, _CLOSE, _BANG, _OTHER,
) = range(22)  # fmt: skip
_BEGIN, _END = 30, 31  # before the first byte, after the last
_IS_DIGIT, _IN_NUMBER, _IN_TOKEN = 1, 2, 4
_MEMBERS: Final = {
    _SMALL: b"abcdefghijklmnopqrstuvwxyz", _CAPITAL: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", _DIGIT: b"0123456789", _BLANK: b" ",
    _LINE: b"\n\r", _STOP: b".", _AT: b"@", _SLASH: b"/", _TICK: b"`", _LESS: b"<", _OPEN: b"[", _PIPE: b"|",
    _HASH: b"#", _BEYOND: bytes(range(128, 256)), _CONTROL: bytes([*range(9), 127]), _BACK: b"\\",
    _AND: b"&", _COLON: b":", _CODE: b"{};=", _CLOSE: b")]>*", _BANG: b"!?",
}  # fmt: skip


@cache
def _tables() -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Class of every byte, and the triggers of every pair of classes."""
    classes = np.full(256, _OTHER, np.uint8)
    for kind, members in _MEMBERS.items():
        classes[list(members)] = kind
    pairs = np.zeros((32, 32), np.uint32)
    letters, anything = [_SMALL, _CAPITAL], list(range(32))

    def fires(before: list[int], after: list[int], trigger: int) -> None:
        pairs[np.ix_(before, after)] |= np.uint32(trigger)

    for kind, trigger in (
        (_AT, AT), (_PIPE, PIPE), (_CONTROL, CONTROL), (_BACK, BACKSLASH),
    ):  # fmt: skip
        fires(anything, [kind], trigger)
    fires([_SLASH], [_SLASH], SLASHES)
    fires([_TICK], [_TICK], TICKS)
    fires([_LESS], [*letters, _SLASH, _PIPE, _LESS, _BANG], TAG)
    fires([_OPEN], [_PIPE, _SLASH, _CAPITAL], BRACKET)
    fires([_HASH], [_HASH], HASHES)
    fires([_AND], [*letters, _HASH], AMPERSAND)
    fires([*letters, _CLOSE, _HASH], [_COLON], COLON)
    fires([_CODE], [_LINE], BRACES)
    return classes, pairs.reshape(-1)


@cache
def _memberships() -> NDArray[np.uint8]:
    found = np.zeros(256, np.uint8)
    found[list(b"0123456789")] |= _IS_DIGIT
    found[list(b"0123456789.-()+/: \xc2\xa0")] |= _IN_NUMBER
    found[[*_MEMBERS[_SMALL], *_MEMBERS[_CAPITAL], *_MEMBERS[_DIGIT], *b"_-"]] |= _IN_TOKEN
    return found


@_jit
def _trigger(text, text64, offsets, classes, members, pairs, triggers):
    """The triggers of every message, of the bytes that stand out in it and of their neighbours."""
    for m in range(len(triggers)):
        first, last = offsets[m], offsets[m + 1]
        flags, high = np.uint32(0), np.uint64(0)
        if last > first and classes[text[first]] == _SMALL:
            flags |= np.uint32(SMALL_START)
        for q in range(first >> 3, (last + 7) >> 3):
            w = text64[q]
            folded = (w | _CASE) & _LOW
            letter = (folded + _ONES * np.uint64(0x1F)) & ~(folded + _ONES * np.uint64(0x05))
            seven = w & _LOW
            sign = (seven + _ONES * np.uint64(0x5F)) & ~(seven + _ONES * np.uint64(0x59))  # ! to &
            sign |= (seven + _ONES * np.uint64(0x52)) & ~(seven + _ONES * np.uint64(0x40))  # . to ?, with the digits
            sign |= (seven + _ONES * np.uint64(0x40)) & ~letter
            sign |= ~(seven + _ONES * np.uint64(0x77))  # below the tab
            marked = sign & ~w & _HIGH
            beyond = w & _HIGH
            if marked == 0 and beyond == 0:
                continue
            for i in range(max(first, q << 3), min(last, (q + 1) << 3)):
                bit = np.uint64(0x80) << np.uint64((i & 7) << 3)
                high |= beyond & bit
                if marked & bit:
                    flags |= _around(text, classes, members, pairs, first, last, i)
        triggers[m] = flags | np.uint32(BEYOND_ASCII if high else 0)


@_inline
def _around(text, classes, members, pairs, first, last, i):
    """Triggers of a byte and those on both sides of it."""
    kind = np.int64(classes[text[i]])
    before = np.int64(classes[text[i - 1]]) if i > first else _BEGIN
    after = np.int64(classes[text[i + 1]]) if i + 1 < last else _END
    flags = pairs[(before << 5) | kind] | pairs[(kind << 5) | after]
    if kind == _DIGIT and before != _DIGIT:
        flags |= _runs(text, members, first, last, i)
    stop = kind == _STOP or kind == _BANG
    if stop and after == _BLANK and i + 2 < last and classes[text[i + 2]] == _SMALL:
        flags |= np.uint32(SMALL_START)
    if kind == _STOP and before == _DIGIT and after == _DIGIT:
        flags |= np.uint32(DOTTED)
    return flags


@_inline
def _runs(text, members, first, last, i):
    """Triggers of the runs around the first digit of a row of digits."""
    digits, end = 0, i
    while end < last and digits < 7 and members[text[end]] & _IN_NUMBER:
        digits += members[text[end]] & _IS_DIGIT
        end += 1
    begin, end = i, i
    while begin > first and i - begin < 16 and members[text[begin - 1]] & _IN_TOKEN:
        begin -= 1
    while end < last and end - begin < 16 and members[text[end]] & _IN_TOKEN:
        end += 1
    return np.uint32((DIGITS if digits >= 7 else 0) | (TOKEN if end - begin >= 16 else 0))
