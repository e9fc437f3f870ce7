"""A toy language model over word ids, to try out the probes of model collapse: a trigram model or the word frequencies.

Fitting counts by sorting, sampling is one compiled pass. Weights are whole numbers and the random numbers are
SplitMix64's, so that a seed gives the same words on every machine.
Source of the generator: Steele, Lea and Flood 2014, OOPSLA, 453-472.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba as nb
import numpy as np

from ultraqa.analysis.corpus import NO_PROMPT, SampledText
from ultraqa.dialogues.sources import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODELS: Final = ("ngram", "unigram")
LONGEST: Final = 400
"""Words at which a message of the trigram model is cut: a model without back-off may go round in a circle."""
_RESOLUTION: Final = 1 << 32  # weight of the most frequent word of a context where temperature makes weights fractions

_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")


class Level(NamedTuple):
    """The words that follow each context of one length (c contexts, e different pairs of context and word).

    Attributes:
        starts: shape (c + 1,), first pair of each context; the words of a context ascend.
        words: shape (e,), the word of each pair; the number of words of the vocabulary stands for a message's end.
        cumulative: shape (e + 1,), sum of the weights of the pairs before.
        used: shape (c,), probability that the context is used and not the next shorter one; 0 where nothing follows it.
    """

    starts: NDArray[np.int64]
    words: NDArray[np.int32]
    cumulative: NDArray[np.int64]
    used: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ToyModel:
    """A fitted model.

    Attributes:
        vocabulary: the words in order of id: the very list of the text the model was fitted on.
        levels: contexts of no word; for the trigram model also of one word (V = start of a message, V words) and of two
            (the pairs of the level before, and last the start alone).
        follow: shape (pairs of two words and a third,), the pair that the second and third are; empty for unigrams.
    """

    vocabulary: list[str]
    levels: tuple[Level, ...]
    follow: NDArray[np.int64]


def fit(text: SampledText, model: str = "ngram", *, temperature: float = 1.0, backoff: bool = True) -> ToyModel:
    """A model of the text's messages; n-grams never cross a message, and messages without words are left out.

    Args:
        text: what is learned.
        model: "ngram" is a trigram model that also learns where messages start and end, "unigram" the frequencies of
            words alone.
        temperature: a word that followed a context c times is drawn with a probability proportional to c^(1 / T): below
            1 sharper, above 1 flatter.
        backoff: Witten and Bell's: a context that n words followed, t of them different, is used with probability
            n / (n + t), else the next shorter one. Without it the longest context is always used (maximum likelihood).
            Source: Witten and Bell 1991, IEEE Transactions on Information Theory 37, 1085-1094, method C.

    Raises:
        ValueError: a model or temperature that there is not.
        DataError: the text has no word.
    """
    require(model, temperature)
    if not len(text.ids):
        raise DataError("The text has no words: a toy model needs at least one message that has some")
    if model == "unigram":
        level, _, _ = _level(np.zeros_like(text.ids, np.int64), text.ids, 1, len(text.vocabulary), temperature, backoff)
        return ToyModel(text.vocabulary, (level,), np.zeros(0, np.int64))
    symbols, previous = _stream(text)
    end, start = len(text.vocabulary), len(text.vocabulary)
    width = end + 1
    singles, _, _ = _level(np.zeros_like(previous), symbols, 1, width, temperature, backoff)
    doubles, pair, _ = _level(previous, symbols, width, width, temperature, backoff)
    n = len(doubles.words)
    context = np.where(previous == start, n, np.roll(pair, 1))
    triples, _, first = _level(context, symbols, n + 1, width, temperature, backoff)
    return ToyModel(text.vocabulary, (singles, doubles, triples), pair[first])


def require(model: str, temperature: float) -> None:
    """Raises a ValueError for a model or temperature that there is not."""
    if model not in MODELS:
        raise ValueError(f"{model!r} is no toy model: one of {', '.join(MODELS)} is needed")
    if not (temperature > 0 and math.isfinite(temperature)):
        raise ValueError(f"{temperature} is no temperature: a number above 0 is needed (below 1 sharpens)")


def sample(model: ToyModel, like: SampledText, seed: int) -> SampledText:
    """A text drawn from the model, with the vocabulary of what the model was fitted on.

    Args:
        model: the model.
        like: has as many dialogues, and as many messages in each. The trigram model ends its messages itself, after 1
            to 400 words; of the unigram model the messages are as long as those of ``like``.
        seed: any whole number; the same one gives the same text on every machine.

    Returns:
        The text; its rows number its dialogues, and none has a prompt.
    """
    state, offsets = np.uint64(seed & 0xFFFFFFFFFFFFFFFF), like.message_offsets
    if len(model.levels) == 1:
        ids = _words(model.levels[0], len(like.ids), state)
    else:
        ids, offsets = _messages(model.levels, model.follow, len(offsets) - 1, state)
    k = len(like.dialogue_offsets) - 1
    prompts = np.full(k, NO_PROMPT, np.uint64)
    return SampledText(ids, offsets, like.dialogue_offsets, np.arange(k), prompts, model.vocabulary)


def _stream(text: SampledText) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All words and message ends in order, and what stands before each; V for the end, and before the first word."""
    lengths = np.diff(text.message_offsets)
    mark, ends = len(text.vocabulary), text.message_offsets[1:][lengths > 0]
    symbols = np.insert(text.ids.astype(np.int64), ends, mark)
    return symbols, np.concatenate([[mark], symbols[:-1]])


def _level(
    contexts: NDArray[np.int64], symbols: NDArray[Any], n: int, width: int, temperature: float, backoff: bool
) -> tuple[Level, NDArray[np.int64], NDArray[np.int64]]:
    """One level, the pair that each position is, and the first position of each pair; n contexts, ``width`` symbols."""
    pairs, first, pair, counts = np.unique(
        contexts * width + symbols, return_index=True, return_inverse=True, return_counts=True
    )
    starts = np.searchsorted(pairs, np.arange(n + 1) * width)
    total, types = np.bincount(contexts, minlength=n), np.diff(starts)
    used = total / np.maximum(1, total + types * backoff)
    cumulative = np.concatenate([[0], np.cumsum(_weights(counts, starts, temperature))])
    return Level(starts, (pairs % width).astype(np.int32), cumulative, used), pair, first


def _weights(counts: NDArray[np.int64], starts: NDArray[np.int64], temperature: float) -> NDArray[np.int64]:
    """Whole weights proportional to counts^(1 / T) in each context, and at least 1."""
    if temperature == 1:
        return counts
    filled = np.diff(starts) > 0
    highest = np.repeat(np.maximum.reduceat(counts, starts[:-1][filled]), np.diff(starts)[filled])
    shares: NDArray[np.float64] = (counts / highest) ** (1 / temperature)
    return np.maximum(1, np.rint(shares * _RESOLUTION)).astype(np.int64)


@_jit
def _words(level, n, state):
    """Draws n words independently."""
    words, cumulative = level.words, level.cumulative
    drawn = np.empty(n, np.int32)
    for k in range(n):
        state, u = _uniform(state)
        drawn[k] = words[_entry(cumulative, 0, len(words), u)]
    return drawn


@_jit
def _messages(levels, follow, n, state):
    """Draws n messages of a trigram model: their words and offsets."""
    words, cumulative = levels[0].words, levels[0].cumulative
    starts_2, words_2, cumulative_2, used_2 = levels[1]
    starts_3, words_3, cumulative_3, used_3 = levels[2]
    mark = len(used_2) - 1
    drawn, size = np.empty(32 * n + LONGEST, np.int32), 0
    offsets = np.zeros(n + 1, np.int64)
    for message in range(n):
        if size + LONGEST > len(drawn):
            longer = np.empty(2 * len(drawn), np.int32)
            longer[:size] = drawn[:size]
            drawn = longer
        first, previous, context = size, mark, len(used_3) - 1
        while size - first < LONGEST:
            state, u = _uniform(state)
            state, v = _uniform(state)
            state, w = _uniform(state)
            if context >= 0 and u < used_3[context]:
                entry = _entry(cumulative_3, starts_3[context], starts_3[context + 1], w)
                word, pair = words_3[entry], follow[entry]
            elif v < used_2[previous]:
                pair = _entry(cumulative_2, starts_2[previous], starts_2[previous + 1], w)
                word = words_2[pair]
            else:
                word = words[_entry(cumulative, 0, len(words), w)]
                pair = _pair(words_2, starts_2[previous], starts_2[previous + 1], word)
            if word != mark:
                drawn[size] = word
                size += 1
                previous, context = word, pair
            elif size > first:
                break
        offsets[message + 1] = size
    return drawn[:size].copy(), offsets


@_jit
def _uniform(state):
    """SplitMix64: the next state, and a number from 0 to below 1."""
    state += np.uint64(0x9E3779B97F4A7C15)
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state, np.float64((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


@_jit
def _entry(cumulative, first, last, u):
    """The pair from ``first`` to below ``last`` at the share ``u`` of their weight."""
    goal = cumulative[first] + np.int64(u * (cumulative[last] - cumulative[first]))
    while last - first > 1:
        middle = (first + last) // 2
        if cumulative[middle] <= goal:
            first = middle
        else:
            last = middle
    return first


@_jit
def _pair(words, first, last, word):
    """The pair from ``first`` to below ``last`` that ends in a word, -1 where none does."""
    place = first + np.searchsorted(words[first:last], word)
    return place if place < last and words[place] == word else -1
