"""What messages are written in: a script, and where it is Latin, a language by its function words.

All compiled code lives in this one file. Words are looked up in the kernel's hashes, and letters are counted only in
dialogues that hold two scripts, so that a dataset in one language costs nearly nothing.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba as nb
import numpy as np

from ultraqa.analysis.characters import SCRIPTS, tables
from ultraqa.analysis.phrases import hashes_of
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.words import Words

FUNCTION_WORDS: Final = {
    "English": (
        "the and that you with this but from your his they about what when more were who their there which been "
        "would she how some them now its our than only after into then could these because very where should of my "
        "can"
    ),
    "Spanish": (
        "los el pero cuando yo fue muy también eso qué así puede hacer ahora esto donde mucho ese mismo siempre "
        "después están esa estoy tengo creo cómo aunque según hacia"
    ),
    "French": (
        "est pas une dans sur avec vous ça elle sont tout fait comme être ils cette faire aux même été aussi peut "
        "deux leur ces après suis très tous avoir où alors toujours donc notre moins quoi les qui nous"
    ),
    "German": (
        "und ist nicht zu von ein auf für eine sich auch dass bei aber aus sind nach noch wir nur wenn oder wird "
        "einen haben einer zum kann über dann einem schon mir zur durch doch ihr immer keine sehr können muss ich "
        "soll wie"
    ),
    "Italian": (
        "che della sono più dei nel anche gli delle questo essere nella cui tutti ed questa tutto hanno fatto suo "
        "loro perché fare così dalla dopo poi quello ancora molto ogni può dove quella quindi è"
    ),
    "Portuguese": (
        "não uma foi ao você são muito isso também pelo ela pela até mesmo pode tudo ainda fazer minha quem agora "
        "assim depois onde vou estão esse eles há melhor aos mim outros então nossa"
    ),
    "Dutch": (
        "het een ik dat voor niet zijn maar aan hij ook door naar uit bij wat heeft deze hebben meer geen mijn wel "
        "wordt heb haar kunnen veel moet ons waar werd goed gaan onze"
    ),
    "Polish": (
        "nie się jest że dla tym czy przez tego są tylko już mnie może oraz bardzo będzie być jego mam jeśli też "
        "jeszcze był które kiedy który nawet teraz więc gdzie"
    ),
    "Swedish": (
        "är att och jag inte för ett ska när vad från här bara hur vara där finns mycket också över måste även "
        "någon kanske"
    ),
    "Danish": (
        "og af til jeg ikke skal ved vil også være hvor hvis hvad noget kunne når bliver lidt mange deres denne "
        "flere nok blive sammen hvordan"
    ),
    "Czech": (
        "že jsem už jsou když mě jen nebo byl bude má jsme které jeho který až není ještě být také při která před "
        "protože pokud"
    ),
    "Romanian": (
        "în și să pe cu că pentru fost sunt dacă după poate prin cum când despre iar mult trebuie foarte dintre "
        "până acest două"
    ),
    "Turkish": (
        "bir bu için çok daha gibi olarak kadar olan ama sonra yok değil sadece hiç ise nasıl şey benim böyle tüm "
        "önce göre veya ve"
    ),
    "Indonesian": (
        "yang ini dari untuk dengan itu bisa aku tidak akan adalah dalam pada kita orang juga saya kamu lebih apa "
        "sudah mereka karena atau menjadi harus seperti oleh banyak"
    ),
    "Vietnamese": (
        "và có của được một các không trong cho người này với đã thể để như những đến khi làm sẽ từ tại về vào"
    ),
}
"""Function words by language, each five times rarer in all others of these languages (wordfreq, Speer 2022)."""

_WALKED: Final = 48  # words of a message that are looked at
_DECIDING: Final = 3  # distinct function words; a reply needs so many, as two could be parts of names
_LETTERS: Final = 20  # by which a script is known; those of which a word has few count double
_MOSTLY: Final = 0.8  # of a message's letters
_PRESENT: Final = 4  # letters of a script by which it stands in a message
_BEGINNING: Final = 512  # bytes of a reply whose letters are counted; what a user wrote is read to its end
_JAPANESE: Final = 0.3  # of the letters are kana, which are half of most texts

_LATIN, _HAN, _KANA, _HANGUL = map(SCRIPTS.index, ("latin", "han", "kana", "hangul"))
_WEIGHTS: Final = np.ones(len(SCRIPTS), np.int64)
_WEIGHTS[[_HAN, _KANA, _HANGUL]] = 2
_WEIGHTS[SCRIPTS.index("other")] = 0
_ENOUGH: Final = np.full(len(SCRIPTS), round(_MOSTLY * _LETTERS), np.int32) // _WEIGHTS.clip(1).astype(np.int32)
_ENOUGH[SCRIPTS.index("other")] = np.iinfo(np.int32).max
_LANGUAGES: Final = len(FUNCTION_WORDS)
_CALLED: Final = {"han": "Chinese", "kana": "Japanese", "hangul": "Korean"}
NAMES: Final = (*FUNCTION_WORDS, *(_CALLED.get(script, script.capitalize()) for script in SCRIPTS))
"""What a message may be written in: fifteen languages, and scripts."""


_BITS: Final = np.array([*(1 << number for number in range(len(NAMES))), 0], np.uint64)


class Tongues(NamedTuple):
    """What m messages are written in.

    Attributes:
        written: shape (m,), an index of ``NAMES``, -1 where unknown: too short, or of several.
        present: shape (m,), a bit for each of ``NAMES`` that stands in the message.
    """

    written: NDArray[np.int64]
    present: NDArray[np.uint64]


def is_latin(tongue: int) -> bool:
    """Whether an index of ``NAMES`` is a language by function words, not a script."""
    return tongue < _LANGUAGES


def bits(written: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The bit of each index, none for -1."""
    found: NDArray[np.uint64] = _BITS[written]
    return found


def tongues(words: Words) -> Tongues:
    """What the messages of a batch are written in."""
    written = np.empty(len(words.batch.roles), np.int64)
    _listen(*words.hashes, words.batch.roles, *_known_words(), written)
    present = bits(written)
    mixed = (words.letters >= _ENOUGH).sum(axis=1) > 1
    messages = np.flatnonzero(np.repeat(mixed, np.diff(words.batch.dialogue_offsets)))
    if len(messages):
        _read(words, messages, written, present)
    return Tongues(written, present)


def _read(words: Words, messages: NDArray[np.int64], written: NDArray[np.int64], present: NDArray[np.uint64]) -> None:
    """Mend both for messages of dialogues that hold two scripts, by their letters."""
    letters = _letters(words, messages)
    weighted = letters * _WEIGHTS
    total, top = weighted.sum(axis=1), weighted.argmax(axis=1)
    mostly = weighted.max(axis=1) >= _MOSTLY * total
    latin = mostly & (top == _LATIN)
    script = np.where(mostly & (total >= _LETTERS), _LANGUAGES + top, -1)
    written[messages] = np.where(latin, written[messages], script)
    stands = letters >= _PRESENT
    stands[:, _LATIN] = False
    present[messages] |= (stands << np.arange(_LANGUAGES, len(NAMES), dtype=np.uint64)).sum(axis=1)
    pasted = ~latin & (letters[:, _LATIN] >= _LETTERS)
    present[messages] |= np.where(pasted, np.uint64((1 << _LANGUAGES) - 1), np.uint64(0))


def _letters(words: Words, messages: NDArray[np.int64]) -> NDArray[np.int64]:
    """Letters of messages by script, shape (k, len(SCRIPTS)); in Japanese the Chinese characters count as kana."""
    batch = words.batch
    letters = np.zeros((len(messages), len(SCRIPTS)), np.int64)
    begins, ends = batch.message_offsets[messages], batch.message_offsets[messages + 1]
    ends = np.where(batch.roles[messages] == USER, ends, np.minimum(ends, begins + _BEGINNING))
    _spell(batch.text, begins, ends, tables()[1], letters)
    japanese = letters[:, _KANA] >= np.maximum(_JAPANESE * (letters[:, _HAN] + letters[:, _KANA]), 1)
    letters[japanese, _KANA] += letters[japanese, _HAN]
    letters[japanese, _HAN] = 0
    return letters


@cache
def _known_words() -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int8]]:
    """Which bits of a word's hash may belong to a function word, and a hash table from hash to language."""
    spelled = [(word, i) for i, line in enumerate(FUNCTION_WORDS.values()) for word in line.split()]
    hashes = hashes_of([word for word, _ in spelled])
    first, keys, languages = np.zeros(1 << 8, np.uint64), np.zeros(1 << 11, np.uint64), np.zeros(1 << 11, np.int8)
    _plant(hashes, np.array([i for _, i in spelled]), first, keys, languages)
    return first, keys, languages


# --- compiled --------------------------------------------------------------------------------------------------------

_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def _plant(hashes, languages, first, keys, values):
    mask = np.uint64(len(keys) - 1)
    for k in range(len(hashes)):
        first[np.int64(hashes[k] >> np.uint64(56))] |= np.uint64(1) << ((hashes[k] >> np.uint64(50)) & np.uint64(63))
        slot = hashes[k] & mask
        while keys[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        keys[slot], values[slot] = hashes[k], languages[k]


@_jit
def _listen(hashes, offsets, roles, first, keys, languages, tongues):
    """Language of the first distinct function words of every message, -1 where too few or of two languages."""
    mask = np.uint64(len(keys) - 1)
    for m in range(len(offsets) - 1):
        n, language, last, earlier = 0, -1, np.uint64(0), np.uint64(0)
        for k in range(offsets[m], min(offsets[m + 1], offsets[m] + _WALKED)):
            h = hashes[k]
            if not (first[np.int64(h >> np.uint64(56))] >> ((h >> np.uint64(50)) & np.uint64(63))) & np.uint64(1):
                continue
            slot = h & mask
            while keys[slot] != h and keys[slot] != 0:
                slot = (slot + np.uint64(1)) & mask
            if keys[slot] != h or h in (last, earlier):
                continue
            if n > 0 and languages[slot] != language:
                language = -1
                break
            language, last, earlier = languages[slot], h, last
            n += 1
            if n == _DECIDING:
                break
        tongues[m] = -1 if roles[m] == ASSISTANT and n < _DECIDING else language


@_jit
def _spell(text, begins, ends, scripts, counts):
    """Letters of each script in stretches of text; a character that is cut off counts where it begins."""
    for j in range(len(begins)):
        k, last = begins[j], ends[j]
        while k < last:
            byte = np.int64(text[k])
            size = 1 + (byte >= 0xC0) + (byte >= 0xE0) + (byte >= 0xF0)
            if size == 1:
                counts[j, 0] += 97 <= (byte | 32) <= 122
            else:
                code = byte & (0x7F >> size)
                for i in range(1, size):
                    code = (code << 6) | (np.int64(text[k + i]) & 0x3F)
                counts[j, scripts[code]] += 1
            k += size
