"""The token kernel: one walk over the UTF-8 bytes of a batch, from which every stage-one metric reads.

A **word** is a run of letters with their combining marks, an inner ' or ’ kept, lower-cased by simple one-to-one
mapping; in Han, kana, Thai, Lao, Khmer and Myanmar each letter (with its marks) is one word. Digits, punctuation and
underscores are none. ``words`` is the plain-Python definition and the kernel's oracle. The **paper stream**
(``paper_words``) is the tokeniser of LexicalRichness 0.5.1, with which the UltraChat table was made.

All compiled code lives in this one file: numba's cache does not notice a changed callee in another file. The walk
works on 64-byte masks of separators and of "odd" bytes; a run of bytes between separators that holds ASCII letters
only (19 of 20 in English) is one word of both streams and is hashed by two loads, every other run is walked character
by character.
"""

from __future__ import annotations

import re
import string
import threading
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba as nb
import numpy as np
from llvmlite import ir
from numba import extending, types

from ultraqa.analysis import characters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.dialogues.batch import Batch

MIN_WORDS: Final = 50
"""The lexical indices are undefined for shorter messages (Zenker & Kyle 2021 find MTLD stable from 50 words)."""

SINGLE_SHARE: Final = 0.2
"""Above this share of one-character words the lexical indices are undefined: they would count characters, not words."""

_PAD: Final = 64  # loads may read up to 16 bytes past the end of a message, masks up to a block
_STRETCH: Final = 1 << 20
_N_SCRIPTS: Final = len(characters.SCRIPTS)

# --- the definition, in plain Python ---------------------------------------------------------------------------------


def words(text: str) -> list[str]:
    """Words of a text by the definition above, lower-cased, in order."""
    classes, _, lower = characters.tables()
    found: list[str] = []
    word, joint, single = "", "", False
    for character in text:
        code = ord(character)
        kind = classes[code]
        if kind == characters.LETTER and not (single and word):
            word += joint + chr(lower[code])
            joint = ""
        elif kind == characters.MARK and word and not joint:
            word += chr(lower[code])
        elif character in "'’" and word and not joint and not single:
            joint = character
        else:
            if word:
                found.append(word)
            starts = kind in (characters.LETTER, characters.SINGLE)
            word, joint, single = (chr(lower[code]) if starts else ""), "", kind == characters.SINGLE
    return [*found, word] if word else found


def paper_words(text: str) -> list[str]:
    """Tokens of LexicalRichness 0.5.1: lower case, without digits and dashes, split at ASCII punctuation and blanks."""
    text = re.sub("[0-9]+|[-–—]", "", text.lower())
    return text.translate(dict.fromkeys(map(ord, string.punctuation), " ")).split()


# --- what the kernel gives -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Words:
    """What one walk over a batch of m messages in d dialogues found; index arrays hold NaN where undefined.

    Attributes:
        batch: the batch that was walked.
        words: shape (m,), words of the message.
        characters: shape (m,), Unicode code points.
        mtld: shape (m,), see ``lexical.mtld``; likewise the following.
        mtld_paper: shape (m,).
        hdd: shape (m,).
        mattr_50: shape (m,).
        yule_k: shape (m,).
        duplicated_5grams: shape (m,).
        message_hash: shape (m,), 64 bits of the message's bytes.
        dialogue_hash: shape (d,), 64 bits of its messages' hashes and roles, in order.
        letters: shape (d, len(characters.SCRIPTS)), letters by script.
        hashes: of the words of every message.
        shared: what several metrics make of the batch together, by name; made by the first that asks.
    """

    batch: Batch
    words: NDArray[np.int32]
    characters: NDArray[np.int32]
    mtld: NDArray[np.float64]
    mtld_paper: NDArray[np.float64]
    hdd: NDArray[np.float64]
    mattr_50: NDArray[np.float64]
    yule_k: NDArray[np.float64]
    duplicated_5grams: NDArray[np.float64]
    message_hash: NDArray[np.uint64]
    dialogue_hash: NDArray[np.uint64]
    letters: NDArray[np.int32]
    hashes: WordHashes
    shared: dict[str, Any] = field(default_factory=dict)


class WordHashes(NamedTuple):
    """The words of m messages, 64 bits each: ``hashes`` of shape (words,), ``offsets`` (m + 1,)."""

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]


class Workspace:
    """The kernel's buffers, one per thread: allocating them for every batch would cost a page fault for every 4 KB."""

    def __init__(self) -> None:
        self._capacity = -1
        self.buffers: Any = None

    def reserve(self, size: int) -> Any:
        """Buffers for a batch of ``size`` bytes."""
        if size > self._capacity:
            self._capacity = max(2 * self._capacity, size, 1 << 16)
            self.buffers = _buffers(self._capacity)
        return self.buffers


class _Buffers(NamedTuple):
    text: NDArray[np.uint8]  # the batch's bytes and padding
    separators: NDArray[np.uint64]  # a bit per byte: ASCII whitespace, or punctuation that splits both streams
    odd: NDArray[np.uint64]  # a bit per byte: neither separator nor ASCII letter
    hashes: NDArray[np.uint64]  # of the words of one dialogue
    kept: NDArray[np.uint64]  # of the words of all
    starts: NDArray[np.int32]  # first byte of each, in the batch
    ends: NDArray[np.int32]
    ids: NDArray[np.int32]  # dense within the dialogue
    extra: NDArray[np.uint64]  # hashes of the paper stream's words that are not words of the default stream
    extra_ids: NDArray[np.int32]
    paper: NDArray[np.int32]  # the paper stream: index of a word, or -1 - index of an extra
    keys: NDArray[np.uint64]  # hash table
    slots: NDArray[np.int32]
    counts: NDArray[np.int32]  # by id
    kinds: NDArray[np.int32]  # distinct ids of a message
    spectrum: NDArray[np.int32]  # number of ids by count
    seen: NDArray[np.int64]  # by id: generation in which it was seen last
    scratch: NDArray[np.uint8]  # the lower-cased word being walked; the paper stream's in the second half
    grams: NDArray[np.uint64]


def _buffers(size: int) -> _Buffers:
    words_at_most = size + _PAD  # messages of one letter need no byte between them
    table = 1 << (4 * words_at_most).bit_length()
    blocks = size // 64 + 4
    return _Buffers(
        text=np.zeros(blocks * 64 + 2 * _PAD, np.uint8),
        separators=np.zeros(blocks, np.uint64),
        odd=np.zeros(blocks, np.uint64),
        hashes=np.empty(words_at_most, np.uint64),
        kept=np.empty(words_at_most, np.uint64),
        starts=np.empty(words_at_most, np.int32),
        ends=np.empty(words_at_most, np.int32),
        ids=np.empty(words_at_most, np.int32),
        extra=np.empty(words_at_most, np.uint64),
        extra_ids=np.empty(words_at_most, np.int32),
        paper=np.empty(words_at_most, np.int32),
        keys=np.empty(table, np.uint64),
        slots=np.empty(table, np.int32),
        counts=np.zeros(2 * words_at_most, np.int32),
        kinds=np.empty(words_at_most, np.int32),
        spectrum=np.zeros(words_at_most, np.int32),
        seen=np.zeros(2 * words_at_most, np.int64),
        scratch=np.zeros(blocks * 256, np.uint8),
        grams=np.empty(words_at_most, np.uint64),
    )


def scan(batch: Batch, workspace: Workspace, *, min_words: int = MIN_WORDS) -> Words:
    """Walk the bytes of a batch once and measure every message.

    Args:
        batch: the dialogues.
        workspace: buffers of the calling thread.
        min_words: below this number of words ``mtld``, ``hdd``, ``mattr_50`` and ``yule_k`` are undefined.
    """
    outputs = _outputs(len(batch.roles), len(batch))
    counts, indices, context, message_hash, dialogue_hash, letters = outputs
    buffers = _loaded(workspace, batch.text)
    positions = _Positions(buffers.kept, _NO_SPANS, np.zeros(len(batch.roles) + 1, np.int64))
    _scan(
        len(batch.text), batch.message_offsets, batch.roles, batch.dialogue_offsets, *characters.tables(), min_words,
        buffers, buffers.text.view(np.uint64), *outputs, positions, True,
    )  # fmt: skip
    mtld, mtld_paper, hdd, mattr_50, yule_k, duplicated_5grams = indices.T
    n_words, n_characters = counts.T
    found = Words(
        batch,
        n_words,
        n_characters,
        mtld,
        mtld_paper,
        hdd,
        mattr_50,
        yule_k,
        duplicated_5grams,
        message_hash,
        dialogue_hash,
        letters,
        WordHashes(positions.hashes[: positions.offsets[-1]].copy(), positions.offsets),
    )
    for i in np.flatnonzero(context):
        found.mtld_paper[i] = _mtld_paper_of(paper_words(batch.message(int(i))))
    return found


class _Positions(NamedTuple):
    """Where the words are."""

    hashes: NDArray[np.uint64]  # of all words
    spans: NDArray[np.int64]  # first byte of each, and the one after its last; not asked for where there is no room
    offsets: NDArray[np.int64]  # first word of each message


_NO_SPANS: Final = np.empty((0, 2), np.int64)


def _loaded(workspace: Workspace, text: NDArray[np.uint8]) -> Any:
    """A workspace's buffers holding a text and the zeros that loads may read behind it."""
    buffers = workspace.reserve(len(text))
    buffers.text[: len(text)] = text
    buffers.text[len(text) : len(text) + 2 * _PAD] = 0
    return buffers


def _outputs(m: int, d: int) -> tuple[NDArray[Any], ...]:
    """Empty outputs of the kernel: counts, indices, context, message hashes, dialogue hashes, letters."""
    return (
        np.zeros((m, 2), np.int32), np.empty((m, 6)), np.zeros(m, np.bool_),
        np.zeros(m, np.uint64), np.zeros(d, np.uint64), np.zeros((d, _N_SCRIPTS), np.int32),
    )  # fmt: skip


def _mtld_paper_of(tokens: list[str]) -> float:
    """``mtld_paper`` of a message whose lower-casing depends on context (final sigma, İ): the kernel flags it."""
    vocabulary: dict[str, int] = {}
    ids = np.array([vocabulary.setdefault(token, len(vocabulary)) for token in tokens], np.int32)
    return float(_mtld(ids, 0, len(ids), np.zeros(len(ids) + 1, np.int64), 0, True)) if tokens else float("nan")


def count_words(text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int32]:
    """Number of words in each of the stretches ``text[offsets[i]:offsets[i + 1]]``."""
    if not len(text):
        return np.zeros(len(offsets) - 1, np.int32)
    return np.diff(vocabulary(text, offsets).offsets).astype(np.int32)


def word_hashes(batch: Batch, workspace: Workspace) -> WordHashes:
    """Hashes of the words of every message of a batch, equal for equal words."""
    found = _words_at(batch.text, batch.message_offsets, workspace, spans=False)
    return WordHashes(found.hashes, found.offsets)


class WordSpans(NamedTuple):
    """Where the words of texts are: ``spans`` of shape (words, 2), first character and the one after the last."""

    spans: NDArray[np.int64]
    offsets: NDArray[np.int64]  # first word of each text, and the number of all


def word_spans(texts: Sequence[str]) -> WordSpans:
    """Places of the words of texts, counted in the characters of each."""
    encoded = [text.encode() for text in texts]
    whole = b"".join(encoded)
    bytes_ = np.frombuffer(whole, np.uint8)
    bounds = np.array([0, *accumulate(map(len, encoded))], np.int64)
    if not hasattr(_mine, "workspace"):
        _mine.workspace = Workspace()
    found = _words_at(bytes_, bounds, _mine.workspace)
    begins, spans = bounds[:-1], found.spans
    if not whole.isascii():
        before = np.append(0, np.cumsum((bytes_ & 0xC0) != 0x80))  # characters that begin before each byte
        begins, spans = before[begins], before[spans]
    return WordSpans(spans - np.repeat(begins, np.diff(found.offsets))[:, None], found.offsets)


_mine = threading.local()


class Vocabulary(NamedTuple):
    """The words of messages as ids: ``ids`` of shape (words,), ``offsets`` (m + 1,), ``words`` in order of id."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    words: list[str]


def vocabulary(text: NDArray[np.uint8], message_offsets: NDArray[np.int64]) -> Vocabulary:
    """Words of all messages as dense ids in order of first appearance, and the words themselves."""
    workspace = Workspace()
    parts = [_words_at(text, part, workspace) for part in _stretches(message_offsets)]
    ids, first = intern(np.concatenate([part.hashes for part in parts]))
    spans = np.concatenate([part.spans for part in parts])[first]
    offsets = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(part.offsets) for part in parts]))])
    raw = text.tobytes()
    return Vocabulary(ids, offsets, [_spelling(raw[a:b].decode()) for a, b in spans.tolist()])


def _stretches(offsets: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Offsets of consecutive messages, cut where about a megabyte is full: buffers stay small and in the cache."""
    cuts = np.searchsorted(offsets, np.arange(_STRETCH, offsets[-1], _STRETCH))
    bounds = np.unique([0, *cuts.tolist(), len(offsets) - 1])
    return [offsets[a : b + 1] for a, b in pairwise(bounds.tolist())] or [offsets]


def _words_at(
    text: NDArray[np.uint8], offsets: NDArray[np.int64], workspace: Workspace, *, spans: bool = True
) -> _Positions:
    """Hashes and, where asked for, places of the words of consecutive messages."""
    m, start, size = len(offsets) - 1, int(offsets[0]), int(offsets[-1] - offsets[0])
    buffers = _loaded(workspace, text[start : start + size])
    most = size // 2 + m + 1  # words of one message stand at least a byte apart, or have three bytes each
    places, ends = np.empty((most * spans, 2), np.int64), np.zeros(m + 1, np.int64)
    one_by_one = np.arange(m + 1, dtype=np.int64)  # every message a dialogue of its own
    _scan(
        size, offsets - start, np.zeros(m, np.uint8), one_by_one, *characters.tables(), MIN_WORDS,
        buffers, buffers.text.view(np.uint64), *_outputs(m, m), _Positions(buffers.kept, places, ends), False,
    )  # fmt: skip
    n = int(ends[-1])
    return _Positions(buffers.kept[:n].copy(), places[:n] + start, ends)


def _spelling(word: str) -> str:
    lower = characters.tables()[2]
    return word.lower() if word.isascii() else "".join(chr(lower[ord(c)]) for c in word)


def intern(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Dense ids of hashes in order of first appearance, and the index of each id's first appearance."""
    ids, first = np.empty(len(hashes), np.int32), np.empty(len(hashes), np.int64)
    done, kinds, table = 0, 0, 1 << 16
    while True:
        keys, slots = np.zeros(table, np.uint64), np.empty(table, np.int32)
        _enter(hashes, first, kinds, keys, slots)
        done, kinds = _intern_all(hashes, done, kinds, keys, slots, ids, first)
        if done == len(hashes):
            return ids, first[:kinds]
        table *= 8


# --- compiled --------------------------------------------------------------------------------------------------------

_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")
_inline: Any = nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")

_intrinsic: Any = extending.intrinsic

_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
_GATHER = np.uint64(0x0102040810204080)
_CASE = np.uint64(0x2020202020202020)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_K1 = np.uint64(0x9E3779B97F4A7C15)
_K2 = np.uint64(0xC2B2AE3D27D4EB4F)
_K3 = np.uint64(0x165667B19E3779F9)
_K4 = np.uint64(0xD6E8FEB86659FD93)


@_intrinsic
def _trailing_zeros(typing_context: Any, value: Any) -> Any:
    """Number of zero bits below the lowest set bit."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen


@_intrinsic
def _ones(typing_context: Any, value: Any) -> Any:
    """Number of set bits."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), codegen


@_inline
def _load(text64, i):
    """Eight bytes from byte ``i`` on, by two aligned loads."""
    q = np.uint64(i >> 3)
    shift = np.uint64((i & 7) << 3)
    return (text64[q] >> shift) | ((text64[q + np.uint64(1)] << np.uint64(1)) << (np.uint64(63) - shift))


@_inline
def _mix(h):
    h ^= h >> np.uint64(32)
    h *= _K4
    h ^= h >> np.uint64(29)
    h *= _K1
    return h ^ (h >> np.uint64(32))


@_inline
def _hash(text64, start, n, case):
    """Hash of ``n`` bytes; ``case`` is OR-ed into every byte (0x20 lower-cases ASCII letters). Never 0."""
    if n <= 8:
        h = ((_load(text64, start) | case) & (_ALL >> np.uint64(64 - 8 * n))) * _K1
    else:
        h = (_load(text64, start) | case) * _K1
        for k in range(start + 8, start + n - 8, 8):
            h = _mix(h ^ (_load(text64, k) | case))
        tail = (_load(text64, start + n - 8) | case) * _K2
        h ^= (tail << np.uint64(31)) | (tail >> np.uint64(33))
    return _mix(h ^ (np.uint64(n) * _K3)) | np.uint64(1)


@_jit
def _masks(text64, n_blocks, separators, odd):
    """Bit masks of separators and of odd bytes, by arithmetic on eight bytes at a time."""
    for block in range(n_blocks):
        separator_bits = np.uint64(0)
        odd_bits = np.uint64(0)
        for j in range(8):
            w = text64[block * 8 + j]
            seven = w & _LOW
            folded = (w | _CASE) & _LOW
            letter = (folded + _ONES * np.uint64(0x1F)) & ~(folded + _ONES * np.uint64(0x05))
            digit = (seven + _ONES * np.uint64(0x50)) & ~(seven + _ONES * np.uint64(0x46))
            hyphen = ~((seven ^ (_ONES * np.uint64(0x2D))) + _LOW)
            apostrophe = ~((seven ^ (_ONES * np.uint64(0x27))) + _LOW)
            delete = ~((seven ^ _LOW) + _LOW)
            control = ~(seven + _ONES * np.uint64(0x60))  # below space
            blank = (seven + _ONES * np.uint64(0x77)) & ~(seven + _ONES * np.uint64(0x72))  # 9 to 13
            blank |= (seven + _ONES * np.uint64(0x64)) & ~(seven + _ONES * np.uint64(0x60))  # 28 to 31
            o = (w | ((digit | hyphen | apostrophe | delete | (control & ~blank)) & ~w)) & _HIGH
            s = ~(o | (letter & ~w)) & _HIGH
            separator_bits |= (((s >> np.uint64(7)) * _GATHER) >> np.uint64(56)) << np.uint64(8 * j)
            odd_bits |= (((o >> np.uint64(7)) * _GATHER) >> np.uint64(56)) << np.uint64(8 * j)
        separators[block] = separator_bits
        odd[block] = odd_bits


@_inline
def _walk(text, start, end, classes, scripts, lower, b, scratch64, half, n, n_extra, n_paper, letters):
    """Both streams of a run of bytes that is not plain letters, character by character."""
    scratch, hashes, starts, ends, extra, stream = b.scratch, b.hashes, b.starts, b.ends, b.extra, b.paper
    word, paper, word_start, word_end = 0, 0, 0, 0  # lengths of the word being built, and its span
    joint, joint_at, single, singles, context = 0, 0, False, 0, False
    i = start
    while i <= end:
        code, here = 0, i
        if i == end:
            kind = -1
            i += 1
        else:
            c = text[i]
            if c < 0x80:
                code = np.int64(c)
                i += 1
            elif c < 0xE0:
                code = ((c & 0x1F) << 6) | (text[i + 1] & 0x3F)
                i += 2
            elif c < 0xF0:
                code = ((c & 0x0F) << 12) | ((text[i + 1] & 0x3F) << 6) | (text[i + 2] & 0x3F)
                i += 3
            else:
                code = (
                    ((c & 0x07) << 18)
                    | ((text[i + 1] & 0x3F) << 12)
                    | ((text[i + 2] & 0x3F) << 6)
                    | (text[i + 3] & 0x3F)
                )
                i += 4
            kind = np.int64(classes[code])
        # default stream
        if kind == 1 and not (single and word > 0):
            if word == 0:
                word_start = here
            if joint:
                for k in range(joint_at, here):
                    scratch[word] = text[k]
                    word += 1
                joint = 0
            word = _encode(scratch, word, lower[code])
            word_end = i
            single = False
        elif kind == 2 and word > 0 and joint == 0:
            word = _encode(scratch, word, lower[code])
            word_end = i
        elif (code == 0x27 or kind == 6) and word > 0 and joint == 0 and not single:
            joint, joint_at = 1, here
        else:
            if word > 0:
                hashes[n] = _hash(scratch64, 0, word, np.uint64(0))
                starts[n] = word_start
                ends[n] = word_end
                n += 1
                word, joint = 0, 0
            if kind == 1 or kind == 3:
                word = _encode(scratch, 0, lower[code])
                word_start, word_end = here, i
            single = kind == 3
            if single:
                singles += 1
        if code > 0x7F and (kind == 1 or kind == 3):
            letters[scripts[code]] += 1
        # paper stream
        if kind == -1 or code == 0x27 or kind == 4:
            if paper > 0:
                extra[n_extra] = _hash(scratch64, half, paper, np.uint64(0))
                stream[n_paper] = -1 - n_extra
                n_extra += 1
                n_paper += 1
                paper = 0
        elif not (0x30 <= code <= 0x39 or code == 0x2D or kind == 5):
            paper = _encode(scratch, half + paper, lower[code]) - half
            context = context or code == 0x3A3 or code == 0x130
    return n, n_extra, n_paper, singles, context


@_inline
def _encode(buffer, at, code):
    """Write a code point as UTF-8; the position after it."""
    if code < 0x80:
        buffer[at] = code
        return at + 1
    if code < 0x800:
        buffer[at] = 0xC0 | (code >> 6)
        buffer[at + 1] = 0x80 | (code & 0x3F)
        return at + 2
    if code < 0x10000:
        buffer[at] = 0xE0 | (code >> 12)
        buffer[at + 1] = 0x80 | ((code >> 6) & 0x3F)
        buffer[at + 2] = 0x80 | (code & 0x3F)
        return at + 3
    buffer[at] = 0xF0 | (code >> 18)
    buffer[at + 1] = 0x80 | ((code >> 12) & 0x3F)
    buffer[at + 2] = 0x80 | ((code >> 6) & 0x3F)
    buffer[at + 3] = 0x80 | (code & 0x3F)
    return at + 4


@_inline
def _tokenise(first, last, classes, scripts, lower, b, text64, scratch64, half, n, n_extra, n_paper, letters):
    """Both streams of the message in bytes ``first`` to ``last``, appended to those of its dialogue."""
    text, separators, odd, hashes, starts, ends, paper = (
        b.text, b.separators, b.odd, b.hashes, b.starts, b.ends, b.paper
    )  # fmt: skip
    singles, context, latin = 0, False, np.uint64(0)
    start, running = first, np.uint64(0)
    for block in range(first >> 6, (last >> 6) + 1):
        base = block << 6
        solid = ~separators[block]
        if base < first:
            solid &= _ALL << np.uint64(first - base)
        if base + 64 > last:  # what lies behind the message ends a run like a separator
            solid &= (np.uint64(1) << np.uint64(last - base)) - np.uint64(1)
        latin += _ones(solid & ~odd[block])
        edges = solid ^ ((solid << np.uint64(1)) | running)
        while edges:
            at = base + np.int64(_trailing_zeros(edges))
            edges &= edges - np.uint64(1)
            if running == 0:
                start, running = at, np.uint64(1)
                continue
            running = np.uint64(0)
            length = at - start
            plain = length < 64
            if plain:
                shift = np.uint64(start & 63)
                q = np.uint64(start >> 6)
                strange = (odd[q] >> shift) | ((odd[q + np.uint64(1)] << np.uint64(1)) << (np.uint64(63) - shift))
                plain = strange & (_ALL >> np.uint64(64 - length)) == 0
            if plain:
                hashes[n] = _hash(text64, start, length, _CASE)
                starts[n] = start
                ends[n] = at
                paper[n_paper] = n
                n += 1
                n_paper += 1
            else:
                n, n_extra, n_paper, more, flagged = _walk(
                    text, start, at, classes, scripts, lower, b, scratch64, half, n, n_extra, n_paper, letters
                )
                singles += more
                context = context or flagged
    letters[0] += np.int64(latin)
    return n, n_extra, n_paper, singles, context


@_inline
def _intern(hashes, n, keys, slots, mask, ids, types_):
    """Ids of ``n`` hashes in a table that already holds ``types_`` ids; without a branch between new and known."""
    for k in range(n):
        h = hashes[k]
        slot = (h >> np.uint64(20)) & mask
        key = keys[slot]
        while key != h and key != 0:
            slot = (slot + np.uint64(1)) & mask
            key = keys[slot]
        new = key == 0
        keys[slot] = h
        found = types_ if new else slots[slot]
        slots[slot] = found
        ids[k] = found
        types_ += new
    return types_


@_jit
def _intern_all(hashes, done, kinds, keys, slots, ids, first):
    """Ids of the hashes from ``done`` on and the index of each id's first appearance, until the table is half full."""
    mask = np.uint64(len(keys) - 1)
    for k in range(done, len(hashes)):
        h = hashes[k]
        slot = np.int64((h >> np.uint64(20)) & mask)
        while keys[slot] != h:
            if keys[slot] == 0:
                if 2 * kinds >= len(keys):
                    return k, kinds
                keys[slot] = h
                slots[slot] = kinds
                first[kinds] = k
                kinds += 1
                break
            slot = np.int64((np.uint64(slot) + np.uint64(1)) & mask)
        ids[k] = slots[slot]
    return len(hashes), kinds


@_jit
def _enter(hashes, first, kinds, keys, slots):
    """Put the ids known so far into an empty table."""
    mask = np.uint64(len(keys) - 1)
    for i in range(kinds):
        slot = np.int64((hashes[first[i]] >> np.uint64(20)) & mask)
        while keys[slot] != 0:
            slot = np.int64((np.uint64(slot) + np.uint64(1)) & mask)
        keys[slot] = hashes[first[i]]
        slots[slot] = i


@_jit
def copy_spans(text, firsts, lasts, into, places):
    """Copy the bytes from ``firsts[i]`` to ``lasts[i]`` to ``places[i]``."""
    for i in range(len(firsts)):
        first, place = firsts[i], places[i]
        for k in range(lasts[i] - first):
            into[place + k] = text[first + k]


@_inline
def _factors(ids, at, step, n, seen, generation):
    """Factors of ``n`` ids from ``at`` on, full ones and the partial one at the end (MTLD, McCarthy & Jarvis 2010)."""
    full, length, kinds = 0, 0, 0
    for _ in range(n):
        word = ids[at]
        at += step
        kinds += seen[word] != generation
        seen[word] = generation
        length += 1
        if 25 * kinds <= 18 * length:  # type-token ratio at most .72
            full += 1
            generation += 1
            length, kinds = 0, 0
    return full + ((1.0 - kinds / length) / (1.0 - 0.72) if length > 0 else 0.0)


@_inline
def _mtld(ids, first, last, seen, generation, unique_is_length):
    """MTLD of ids[first:last], NaN if all differ (or their number, as LexicalRichness has it)."""
    n = last - first
    forward = _factors(ids, first, 1, n, seen, generation + 1)
    backward = _factors(ids, last - 1, -1, n, seen, generation + n + 2)
    if forward == 0.0:
        return float(n) if unique_is_length else np.nan
    return (n / forward + n / backward) / 2.0


@_inline
def _mattr(ids, first, last, counts, window):
    """Mean type-token ratio of all windows; ``counts`` is zero before and after."""
    kinds, total = 0, 0
    for k in range(first, last):
        kinds += counts[ids[k]] == 0
        counts[ids[k]] += 1
        if k - first >= window:
            counts[ids[k - window]] -= 1
            kinds -= counts[ids[k - window]] == 0
        if k - first >= window - 1:
            total += kinds
    for k in range(max(first, last - window), last):
        counts[ids[k]] = 0
    return total / ((last - first - window + 1) * window)


@_inline
def _count(ids, first, last, counts, kinds):
    """Count the words of ids[first:last] into ``counts`` and list distinct ids in ``kinds``; how many there are."""
    n = 0
    for k in range(first, last):
        kinds[n] = ids[k]
        n += counts[ids[k]] == 0
        counts[ids[k]] += 1
    return n


@_inline
def _hdd_yule(n, counts, kinds, n_kinds, spectrum):
    """HD-D (42 draws) and Yule's K of ``n`` words; ``spectrum`` is zero before and after."""
    squares, most = 0, 0
    for k in range(n_kinds):
        f = counts[kinds[k]]
        squares += f * f
        most = max(most, f)
        spectrum[f] += 1
    hdd, absent = 0.0, 1.0  # absent: C(n - f, 42) / C(n, 42), the chance that a word of frequency f is not drawn
    for f in range(1, most + 1):
        absent *= max(n - f - 41, 0) / (n - f + 1)
        hdd += spectrum[f] * (1.0 - absent) / 42.0
        spectrum[f] = 0
    return hdd if n >= 42 else np.nan, 1e4 * (squares - n) / (float(n) * n) if n >= 2 else np.nan


@_inline
def _duplicated_5grams(ids, first, last, counts, grams, keys):
    """Share of the 5-grams that stand earlier in the message; only runs of repeated words can hold one."""
    n = last - first - 4
    if n < 1:
        return np.nan
    run, candidates = 0, 0
    for k in range(first, last):
        run = (run + 1) * (counts[ids[k]] > 1)
        grams[candidates] = k
        candidates += run >= 5
    for j in range(candidates):
        k = np.int64(grams[j])
        h = np.uint64(ids[k - 4]) * _K1 + np.uint64(ids[k - 3]) * _K2 + np.uint64(ids[k - 2]) * _K3
        grams[j] = _mix(h + np.uint64(ids[k - 1]) * _K4 + np.uint64(ids[k])) | np.uint64(1)
    size = 2
    while size < 2 * candidates:
        size *= 2
    if candidates == 0:
        return 0.0
    for k in range(size):
        keys[k] = 0
    mask = np.uint64(size - 1)
    repeated = 0
    for k in range(candidates):
        slot = (grams[k] >> np.uint64(20)) & mask
        while keys[slot] != 0 and keys[slot] != grams[k]:
            slot = (slot + np.uint64(1)) & mask
        repeated += keys[slot] == grams[k]
        keys[slot] = grams[k]
    return repeated / n


@_inline
def _content_hash(text64, first, last):
    """64 bits of the bytes ``first`` to ``last``, and the number of characters in them."""
    n = last - first
    continued = np.uint64(0)  # bytes that continue a character
    h = np.uint64(n) * _K1 + _K2
    for k in range(first, last, 8):
        w = _load(text64, k)
        if last - k < 8:
            w &= _ALL >> np.uint64(64 - 8 * (last - k))
        continued += _ones((w >> np.uint64(7)) & ~(w >> np.uint64(6)) & _ONES)
        h = (h ^ w) * _K1
        h ^= h >> np.uint64(32)
    return _mix(h), n - np.int64(continued)


@_jit
def _scan(
    size, message_offsets, roles, dialogue_offsets, classes, scripts, lower, min_words, b, text64,
    counts, indices, context, message_hash, dialogue_hash, letters, positions, measured,
):  # fmt: skip
    """Walk every message of a batch and, where asked for, measure it; see ``Words`` and ``_Positions``."""
    total = 0
    hashes, extra, ids, extra_ids, paper, keys, slots = b.hashes, b.extra, b.ids, b.extra_ids, b.paper, b.keys, b.slots
    _masks(text64, (size >> 6) + 2, b.separators, b.odd)
    scratch64 = b.scratch.view(np.uint64)
    half = (len(b.scratch) >> 4) << 3
    generation = b.seen[-1]  # generations go on from batch to batch, so that `seen` is never cleared
    largest = 0
    for d in range(len(dialogue_offsets) - 1):
        largest = max(largest, dialogue_offsets[d + 1] - dialogue_offsets[d])
    word_ends = np.empty(largest + 1, np.int64)
    paper_ends = np.empty(largest + 1, np.int64)
    single_counts = np.empty(largest + 1, np.int64)
    for d in range(len(dialogue_offsets) - 1):
        begin, finish = dialogue_offsets[d], dialogue_offsets[d + 1]
        n, n_extra, n_paper = 0, 0, 0
        identity = np.uint64(finish - begin) * _K1
        for i in range(begin, finish):
            first, last = message_offsets[i], message_offsets[i + 1]
            n, n_extra, n_paper, singles, flagged = _tokenise(
                first, last, classes, scripts, lower, b, text64, scratch64, half, n, n_extra, n_paper, letters[d]
            )
            word_ends[i - begin], paper_ends[i - begin], single_counts[i - begin] = n, n_paper, singles
            context[i] = flagged
            message_hash[i], counts[i, 1] = _content_hash(text64, first, last)
            identity = _mix((identity ^ message_hash[i]) + np.uint64(roles[i]))
        dialogue_hash[d] = identity
        for k in range(n):
            positions.hashes[total + k] = hashes[k]
        if len(positions.spans) > 0:
            for k in range(n):
                positions.spans[total + k, 0] = b.starts[k]
                positions.spans[total + k, 1] = b.ends[k]
        for i in range(begin, finish):
            positions.offsets[i + 1] = total + word_ends[i - begin]
        total += n
        if not measured:
            continue
        table = 16
        while table < 2 * (n + n_extra):
            table *= 2
        for k in range(table):
            keys[k] = 0
        kinds = _intern(hashes, n, keys, slots, np.uint64(table - 1), ids, 0)
        _intern(extra, n_extra, keys, slots, np.uint64(table - 1), extra_ids, kinds)
        for k in range(n_paper):
            reference = paper[k]
            paper[k] = ids[np.uint32(reference)] if reference >= 0 else extra_ids[np.uint32(~reference)]
        word_first, paper_first = 0, 0
        for i in range(begin, finish):
            word_last, paper_last = word_ends[i - begin], paper_ends[i - begin]
            generation = _indices(
                word_first,
                word_last,
                paper_first,
                paper_last,
                single_counts[i - begin],
                min_words,
                b,
                generation,
                indices[i],
            )
            counts[i, 0] = word_last - word_first
            word_first, paper_first = word_last, paper_last
    b.seen[-1] = generation


@_inline
def _indices(first, last, paper_first, paper_last, singles, min_words, b, generation, out):
    """The six indices of one message, in the order of ``Words``; the generation after it."""
    ids, paper, seen, counts, kinds, spectrum, grams, keys = (
        b.ids,
        b.paper,
        b.seen,
        b.counts,
        b.kinds,
        b.spectrum,
        b.grams,
        b.keys,
    )
    n = last - first
    for k in range(6):
        out[k] = np.nan
    if paper_last > paper_first:
        out[1] = _mtld(paper, paper_first, paper_last, seen, generation, True)
        generation += 2 * (paper_last - paper_first) + 4
    if n < 1:
        return generation
    if n >= min_words and singles <= SINGLE_SHARE * n:
        out[0] = _mtld(ids, first, last, seen, generation, False)
        generation += 2 * n + 4
        if n >= 50:
            out[3] = _mattr(ids, first, last, counts, 50)
    n_kinds = _count(ids, first, last, counts, kinds)
    if n >= min_words and singles <= SINGLE_SHARE * n:
        out[2], out[4] = _hdd_yule(n, counts, kinds, n_kinds, spectrum)
    out[5] = _duplicated_5grams(ids, first, last, counts, grams, keys)
    for k in range(n_kinds):
        counts[kinds[k]] = 0
    return generation
