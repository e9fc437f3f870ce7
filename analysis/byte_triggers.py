"""What a message may hold, told by its bytes: a bit for every kind of thing that some expression looks for.

Bytes that may tell something are marked eight at a time without a branch; only the marked ones, one of thirty in
English, are looked at with their neighbours. All compiled code lives in this one file.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.dialogues.batch import Batch

AT: Final = 1 << 0  # @
SLASHES: Final = 1 << 1  # //
DIGITS: Final = 1 << 2  # seven digits or more with nothing but . - ( ) and blanks between them
TICKS: Final = 1 << 3  # ``
TAG: Final = 1 << 4  # < before a letter, /, |, <, !, ? or what is not ASCII
BRACKET: Final = 1 << 5  # [ before | / or a capital letter
PIPE: Final = 1 << 6  # |
TOKEN: Final = 1 << 7  # 16 letters, digits, _ or - in a row, one of them a digit
SPEAKER: Final = 1 << 8  # : after Human, User, Assistant or Instruction; [|
BACKSLASH: Final = 1 << 9
AMPERSAND: Final = 1 << 10  # & before a letter or #
SMALL_STARTS: Final = 1 << 11  # two beginnings: of the message, or after . ! or ? and a blank; no capital begins there
DOTTED: Final = 1 << 12  # four numbers with full stops between them
BRACES: Final = 1 << 13  # { } ; or = before a line break
COLONED: Final = 1 << 14  # 2 or 3, three hexadecimal digits, a colon and another digit or colon
HIDDEN: Final = 1 << 15  # a control or invisible character
REPLACED: Final = 1 << 16  # U+FFFD
GARBLED: Final = 1 << 17  # U+0080 to U+017F beside another character beyond ASCII, or one that seldom stands alone
"""Bits of ``triggers.Seen.triggers``."""


def triggers_of(batch: Batch) -> NDArray[np.uint32]:
    """The triggers of every message of a batch."""
    triggers = np.zeros(len(batch.roles), np.uint32)
    _fire(batch.text, batch.message_offsets, *_tables(), triggers)
    return triggers


# --- bytes -----------------------------------------------------------------------------------------------------------

# Classes of bytes; those that tell nothing are of the last.
(
    _SMALL, _CAPITAL, _DIGIT, _BLANK, _LINE, _STOP, _AT, _SLASH, _TICK, _LESS, _OPEN, _PIPE, _HASH, _BEYOND, _CONTROL,
    _BACK, _AND, _COLON, _CODE, _BANG, _OTHER,
) = range(21)  # fmt: skip
_END: Final = 31  # before the first byte, after the last
_IS_DIGIT, _IN_NUMBER, _IN_TOKEN, _IN_HEX, _AFTER_NAME = 1, 2, 4, 8, 16
_MEMBERS: Final = {
    _SMALL: b"abcdefghijklmnopqrstuvwxyz", _CAPITAL: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", _DIGIT: b"0123456789", _BLANK: b" ",
    _LINE: b"\n\r", _STOP: b".", _AT: b"@", _SLASH: b"/", _TICK: b"`", _LESS: b"<", _OPEN: b"[", _PIPE: b"|",
    _HASH: b"#", _BEYOND: bytes(range(128, 256)), _BACK: b"\\", _AND: b"&", _COLON: b":", _CODE: b"{};=", _BANG: b"!?",
    _CONTROL: bytes({*range(32), 127} - {*b"\t\n\r"}),
}  # fmt: skip
_SETS: Final = {
    _IS_DIGIT: b"0123456789", _IN_NUMBER: b"0123456789.-() ", _IN_HEX: b"0123456789abcdefABCDEF", _AFTER_NAME: b"*] ",
    _IN_TOKEN: b"_-" + _MEMBERS[_SMALL] + _MEMBERS[_CAPITAL] + _MEMBERS[_DIGIT],
}  # fmt: skip


@cache
def _tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint32]]:
    """Class of every byte, the sets that it is of, and the triggers of every pair of classes."""
    classes, sets = np.full(256, _OTHER, np.uint8), np.zeros(256, np.uint8)
    for kind, members in _MEMBERS.items():
        classes[list(members)] = kind
    for bit, members in _SETS.items():
        sets[list(members)] |= bit
    pairs = np.zeros((32, 32), np.uint32)
    letters = [_SMALL, _CAPITAL]
    for before, after, trigger in (
        ([_SLASH], [_SLASH], SLASHES),
        ([_TICK], [_TICK], TICKS),
        ([_LESS], [*letters, _SLASH, _PIPE, _LESS, _BANG, _BEYOND], TAG),
        ([_OPEN], [_PIPE, _SLASH, _CAPITAL], BRACKET),
        ([_OPEN], [_PIPE], SPEAKER),
        ([_AND], [*letters, _HASH], AMPERSAND),
        ([_CODE], [_LINE], BRACES),
        *(([kind], range(32), bit) for kind, bit in ((_AT, AT), (_PIPE, PIPE), (_CONTROL, HIDDEN), (_BACK, BACKSLASH))),
    ):
        pairs[np.ix_(before, after)] |= np.uint32(trigger)
    return classes, sets, pairs.reshape(-1)


_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")
_inline: Any = nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")

_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
_FOLD = np.uint64(0x2020202020202020)
_BLOCK: Final = 512  # words of eight bytes that are marked at once
_ONCE: Final = 1 << 31  # of two small beginnings one was seen


@_inline
def _at_least(sevens, byte):
    """A high bit for each of eight bytes below 128 that is at least some byte."""
    return sevens + _ONES * np.uint64(0x80 - byte)


@_jit
def _mark(words, marks):
    """A high bit for each byte that may fire; without a branch, so that several words of eight are done at once."""
    for j in range(len(words)):
        w = words[j]
        sevens = w & _LOW
        folded = sevens | _FOLD
        found = _at_least(sevens, 0x2E) & ~_at_least(sevens, 0x41)  # . to @
        digits = _at_least(sevens, 0x30) & ~(_at_least(sevens, 0x3A) | w) & _HIGH
        found &= ~(digits & (digits << np.uint64(8)))  # of a row of digits the first tells all
        found |= _at_least(sevens, 0x21) & ~_at_least(sevens, 0x27)  # ! to &
        found |= _at_least(folded, 0x7B)  # [ to _ and { to the delete character
        found |= _at_least(folded, 0x60) & ~_at_least(folded, 0x61)  # `
        found |= ~_at_least(sevens, 0x20) & (
            (sevens ^ _ONES * np.uint64(0x0A)) + _LOW
        )  # control characters, no line feed
        marks[j] = (found | w) & _HIGH


@_inline
def _leads(w):
    """A high bit for each byte with which U+0080 to U+017F, general punctuation and U+FEFF to U+FFFD may begin."""
    sevens = w & _LOW
    found = _at_least(sevens, 0x42) & ~_at_least(sevens, 0x46)
    found |= ~((sevens ^ _ONES * np.uint64(0x62)) + _LOW) | ~((sevens ^ _ONES * np.uint64(0x6F)) + _LOW)
    return found & w & _HIGH


@_jit
def _fire(text, offsets, classes, sets, pairs, triggers):
    """The triggers of every message, of the bytes that stand out in it and of their neighbours.

    A call that takes an array costs more than to look at a byte, so that many bytes are handed on at once.
    """
    marks, hits, places = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK + 1, np.int64), np.empty(_BLOCK << 3, np.int64)
    later, owners = np.empty(_BLOCK << 3, np.int64), np.empty(_BLOCK << 3, np.int64)
    block = np.empty(_BLOCK << 3, np.uint8)
    block64 = block.view(np.uint64)
    for m in range(len(triggers)):
        kind = classes[text[offsets[m]]] if offsets[m] < offsets[m + 1] else _OTHER
        if kind in (_SMALL, _BEYOND):
            triggers[m] = _ONCE
    m = 0
    for base in range(0, len(text), _BLOCK << 3):
        size = min(_BLOCK << 3, len(text) - base)
        block[:size] = text[base : base + size]
        block[size:] = 0x20
        n, n_later = _gather(block64, base, marks, hits, places), 0
        for k in range(n):
            i = places[k]
            while offsets[m + 1] <= i:
                m += 1
            last = offsets[m + 1]
            kind = np.int64(classes[text[i]])
            after = np.int64(classes[text[i + 1]]) if i + 1 < last else _END
            triggers[m] |= pairs[(kind << 5) | after]
            if after == _BLANK and kind in (_STOP, _BANG):
                begun = np.int64(classes[text[i + 2]]) if i + 2 < last else _END
                if begun in (_SMALL, _BEYOND):
                    triggers[m] |= np.uint32(SMALL_STARTS if triggers[m] & np.uint32(_ONCE) else _ONCE)
            later[n_later], owners[n_later] = i, m
            n_later += kind in (_DIGIT, _COLON, _BEYOND) or (kind == _STOP and after == _DIGIT)
        _numbers(text, sets, offsets, later, owners, n_later, triggers)
        _colons(text, sets, offsets, later, owners, n_later, triggers)
        _beyond(text, offsets, later, owners, n_later, triggers)


@_jit
def _gather(words, base, marks, hits, places):
    """Places of the marked bytes of a block that begins at byte ``base``; how many there are."""
    _mark(words, marks)
    n, count = 0, 0
    for j in range(len(words)):
        hits[n] = j
        n += marks[j] != 0
    for k in range(n):
        j = hits[k]
        bits, w = marks[j], words[j]
        if w & _HIGH:
            bits = (bits & ~w) | _leads(w)
        while bits:
            low = bits & (~bits + np.uint64(1))
            bits ^= low
            which = ((low >> np.uint64(7)) * np.uint64(0x0001020304050607)) >> np.uint64(56)
            places[count] = base + (j << 3) + np.int64(which)
            count += 1
    return count


@_jit
def _numbers(text, sets, offsets, places, owners, n, triggers):
    """Triggers of the runs around the first digit of a row, and of three numbers after a number and a full stop."""
    for k in range(n):
        i, m = places[k], owners[k]
        first, last = offsets[m], offsets[m + 1]
        before = sets[text[i - 1]] & _IS_DIGIT if i > first else 0
        if sets[text[i]] & _IS_DIGIT and not before:
            digits, end = 0, i
            while end < last and digits < 7 and sets[text[end]] & _IN_NUMBER:
                digits += sets[text[end]] & _IS_DIGIT
                end += 1
            begin, end = i, i
            while begin > first and i - begin < 16 and sets[text[begin - 1]] & _IN_TOKEN:
                begin -= 1
            while end < last and end - begin < 16 and sets[text[end]] & _IN_TOKEN:
                end += 1
            triggers[m] |= np.uint32((DIGITS if digits >= 7 else 0) | (TOKEN if end - begin >= 16 else 0))
        elif before and text[i] == 0x2E:
            numbers, start = 0, i + 1
            while numbers < 3 and text[start - 1] == 0x2E:
                end = start
                while end < last and end - start < 3 and sets[text[end]] & _IS_DIGIT:
                    end += 1
                if end == start or (numbers < 2 and end == last):
                    break
                numbers, start = numbers + 1, end + 1
            triggers[m] |= np.uint32(DOTTED if numbers == 3 else 0)


@_jit
def _colons(text, sets, offsets, places, owners, n, triggers):
    """Triggers of colons: the end of a speaker's name before one, an address of version 6 around one."""
    for k in range(n):
        i, m = places[k], owners[k]
        if text[i] != 0x3A:
            continue
        first, last = offsets[m], offsets[m + 1]
        if i - 4 >= first and i + 1 < last and (text[i - 4] | 1) == 0x33:
            hexadecimal = sets[text[i - 3]] & sets[text[i - 2]] & sets[text[i - 1]] & _IN_HEX
            if hexadecimal and (sets[text[i + 1]] & _IN_HEX or text[i + 1] == 0x3A):
                triggers[m] |= np.uint32(COLONED)
        end = i - 1
        while end > first and i - end < 3 and sets[text[end]] & _AFTER_NAME:
            end -= 1
        if end - 3 >= first:
            name = (np.int64(text[end - 2]) << 16 | np.int64(text[end - 1]) << 8 | np.int64(text[end])) | 0x202020
            length = 5 * (name == _MAN) + 4 * (name == _SER) + 9 * (name == _ANT) + 11 * (name == _ION)
            begin = end - length + 1
            if length and begin >= first and text[begin] == _INITIALS[length]:
                triggers[m] |= np.uint32(SPEAKER)


_MAN, _SER, _ANT, _ION = (int.from_bytes(end, "big") for end in (b"man", b"ser", b"ant", b"ion"))
_INITIALS: Final = np.frombuffer(b"    UH   A I", np.uint8)  # by the length of Human, User, Assistant and Instruction


@_jit
def _beyond(text, offsets, places, owners, n, triggers):
    """Triggers of characters beyond ASCII."""
    for k in range(n):
        i, m = places[k], owners[k]
        byte = text[i]
        if byte < 0x80:
            continue
        first, last = offsets[m], offsets[m + 1]
        before = text[i - 1] if i > first else 0
        second = text[i + 1] if i + 1 < last else 0
        third = text[i + 2] if i + 2 < last else 0
        if byte == 0xE2:  # zero-width blank, ends of lines and paragraphs
            if second == 0x80 and (third == 0x8B or third == 0xA8 or third == 0xA9):
                triggers[m] |= np.uint32(HIDDEN)
        elif byte == 0xEF:
            if (second == 0xBB and third == 0xBF) or (second == 0xBF and third == 0xBC):  # marks of byte order, objects
                triggers[m] |= np.uint32(HIDDEN)
            elif second == 0xBF and third == 0xBD:
                triggers[m] |= np.uint32(REPLACED)
        else:
            seldom = byte == 0xC2 and second < 0xA0  # a control character
            seldom |= byte == 0xC3 and (second == 0x82 or second == 0x83)  # Â and Ã, which may stand before a blank
            letter = 0x61 <= (third | 0x20) <= 0x7A
            seldom |= byte == 0xC5 and (second == 0x92 or second == 0x93) and not letter  # a ligature
            if seldom or third >= 0x80 or before >= 0x80:
                triggers[m] |= np.uint32(GARBLED)
