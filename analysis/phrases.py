"""Phrases as sequences of word hashes: all of all sets are found in one walk over the hashes that the kernel has.

Thousands of phrases cost no more than one: two bitmaps in the processor's cache tell whether a phrase may begin at a
word, and only there a trie is asked. All compiled code lives in this one file.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba as nb
import numpy as np

from ultraqa.analysis.words import Workspace, word_hashes, words
from ultraqa.dialogues.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.words import WordHashes


class Phrases(NamedTuple):
    """The phrases of a batch.

    Attributes:
        places: by set, shape (n, 4): message, first word and number of words, both counted in words of the message, and
            which phrase it is; in the order of messages, words and length.
        spelled: the phrases, by their number.
    """

    places: Mapping[str, NDArray[np.int64]]
    spelled: Sequence[str]


def phrases_in(hashes: WordHashes, sets: Mapping[str, Sequence[str]]) -> Phrases:
    """Where the phrases of every set stand; see ``triggers.seen``."""
    trie, spelled = _planted(tuple((name, tuple(phrases)) for name, phrases in sets.items()))
    found = _matches(hashes, trie)
    accepted = trie.accepted[found[:, 3]]
    every = int(np.bitwise_or.reduce(accepted, initial=0))
    places = {
        name: found[accepted >> bit & 1 == 1] if every >> bit & 1 else _NONE for bit, name in enumerate(sets)
    }  # fmt: skip
    return Phrases(places, spelled)


_NONE: Final = np.empty((0, 4), np.int64)


class _Trie(NamedTuple):
    """Phrases as a hash table from (state, word) to state; state 0 is the beginning."""

    alone: NDArray[np.uint64]  # a bit for each first word that may be a phrase by itself
    pairs: NDArray[np.uint64]  # and for each first and second word
    keys: NDArray[np.uint64]
    states: NDArray[np.int32]
    accepted: NDArray[np.int64]  # by state: bits of the sets a phrase of which ends here


def expanded(phrase: str) -> list[list[str]]:
    """All sequences of words that a phrase stands for, with ' for ’."""
    parts = [part.split("|") for part in re.split(r"\(([^()]*)\)", phrase.replace("’", "'"))]
    sequences = (words(" ".join(choice)) for choice in product(*parts))
    return [list(one) for one in dict.fromkeys(map(tuple, sequences)) if one]


def _spellings(word: str) -> set[str]:
    return {word, word.replace("'", "’")}


@cache
def _planted(sets: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[_Trie, list[str]]:
    """The trie of all phrases of all sets, and what each state spells."""
    edges: dict[tuple[int, str], int] = {}
    accepted, spelled = [0], [""]
    for bit, (_, phrases) in enumerate(sets):
        for sequence in (one for phrase in phrases for one in expanded(phrase)):
            state = 0
            for n, word in enumerate(sequence, 1):
                state = edges.setdefault((state, word), len(accepted))
                if state == len(accepted):
                    accepted.append(0)
                    spelled.append(" ".join(sequence[:n]))
            accepted[state] |= 1 << bit
    first = {state: word for (before, word), state in edges.items() if before == 0}
    spellings = [
        (state, one, target, before)
        for (state, word), target in edges.items()
        for one in sorted(_spellings(word))
        for before in sorted(_spellings(first.get(state, "")))
    ]
    known = list(dict.fromkeys(word for _, word, _, _ in spellings))
    hash_of = dict(zip(known, hashes_of(known), strict=True)) | {"": 0}
    size = 1 << (4 * len(spellings) + 4).bit_length()
    trie = _Trie(
        np.zeros(1 << 10, np.uint64), np.zeros(1 << 11, np.uint64),
        np.zeros(size, np.uint64), np.zeros(size, np.int32), np.array(accepted, np.int64),
    )  # fmt: skip
    sources, spelt, targets, befores = zip(*spellings, strict=True) if spellings else ((), (), (), ())
    hashes, parents = (np.array([hash_of[word] for word in of], np.uint64) for of in (spelt, befores))
    _plant(np.array(sources, np.int64), parents, hashes, np.array(targets, np.int64), trie)
    return trie, spelled


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


def _matches(hashes: WordHashes, trie: _Trie) -> NDArray[np.int64]:
    """Message, first word, number of words and state of every phrase that stands in a batch."""
    room = 1024 + (len(hashes.hashes) >> 3)
    while True:
        out = np.empty((room, 4), np.int64)
        n = _match(*hashes, trie, out)
        if n <= room:
            return out[:n]
        room = n


# --- compiled --------------------------------------------------------------------------------------------------------

_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")
_inline: Any = nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")

_K1 = np.uint64(0x9E3779B97F4A7C15)
_K2 = np.uint64(0xC2B2AE3D27D4EB4F)


@_inline
def _edge(state, word):
    """Key of a state and a word, never 0."""
    h = (word + np.uint64(state) * _K1) * _K2
    return (h ^ (h >> np.uint64(29))) | np.uint64(1)


@_inline
def _pair(first, second):
    """Hash of two words, of which the highest bits count."""
    return first * _K1 + second


@_jit
def _plant(sources, parents, hashes, targets, trie):
    """Enter the edges; ``parents`` are the first words of those that lead on from a first word, or 0."""
    keys, states = trie.keys, trie.states
    mask = np.uint64(len(keys) - 1)
    for e in range(len(sources)):
        if sources[e] == 0 and trie.accepted[targets[e]] != 0:
            trie.alone[np.int64(hashes[e] >> np.uint64(54))] |= np.uint64(1) << (
                (hashes[e] >> np.uint64(48)) & np.uint64(63)
            )
        if parents[e] != 0:
            both = _pair(parents[e], hashes[e])
            trie.pairs[np.int64(both >> np.uint64(53))] |= np.uint64(1) << ((both >> np.uint64(47)) & np.uint64(63))
        key = _edge(sources[e], hashes[e])
        slot = (key >> np.uint64(20)) & mask
        while keys[slot] != 0 and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        keys[slot] = key
        states[slot] = targets[e]


@_jit
def _match(hashes, offsets, trie, out):
    """Every phrase that stands in a message, as many as there is room for; how many there are."""
    alone, pairs, keys, states, accepted = trie.alone, trie.pairs, trie.keys, trie.states, trie.accepted
    mask = np.uint64(len(keys) - 1)
    n, m, after = 0, 0, len(hashes) - 1
    for k in range(len(hashes)):
        h = hashes[k]
        both = _pair(h, hashes[min(k + 1, after)])
        may = (alone[np.int64(h >> np.uint64(54))] >> ((h >> np.uint64(48)) & np.uint64(63))) | (
            pairs[np.int64(both >> np.uint64(53))] >> ((both >> np.uint64(47)) & np.uint64(63))
        )
        if not may & np.uint64(1):
            continue
        while offsets[m + 1] <= k:
            m += 1
        state = 0
        for at in range(k, offsets[m + 1]):
            key = _edge(state, hashes[at])
            slot = (key >> np.uint64(20)) & mask
            while keys[slot] != key and keys[slot] != 0:
                slot = (slot + np.uint64(1)) & mask
            if keys[slot] == 0:
                break
            state = states[slot]
            if accepted[state] != 0:
                if n < len(out):
                    out[n, 0], out[n, 1], out[n, 2], out[n, 3] = m, k - offsets[m], at - k + 1, state
                n += 1
    return n
