"""Cross-entropy of texts under an interpolated Kneser-Ney trigram model trained on other texts of the same pool.

The n-grams of all texts are numbered once; training then is counting in arrays and scoring is looking up, so that a
model for each of many permutations is cheap. At every order .75 is taken from each count, and what is taken falls to
the next lower order, at last to the uniform distribution over the words of both sides and the end of a message. Each
message begins after two start symbols, and its end is scored.
Source: Kneser and Ney 1995, ICASSP; interpolated as in Chen and Goodman 1999, Computer Speech & Language 13, 359-393.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba as nb
import numpy as np

from ultraqa.analysis.corpus import ranges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.matching import Matched

DISCOUNT: Final = 0.75  # Church and Gale 1991, for bigrams of newswire; fixed, so that all models have the same

_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")


class Symbols(NamedTuple):
    """All words and message ends of a pool of texts (s symbols), each with the n-grams that it ends, as dense numbers.

    Attributes:
        words: shape (s,), the word; the number of words of the vocabulary stands for the end of a message.
        previous: shape (s,), the word before; the same number stands for the start of a message.
        pairs: shape (s,), the pair of both.
        contexts: shape (s,), the pair before, or one number of its own at the start of a message.
        triples: shape (s,), the pair before and the word together.
        offsets: shape (texts + 1,), first symbol of every text.
        sizes: how many different words, pairs and triples there are; words include the end of a message.
    """

    words: NDArray[np.int32]
    previous: NDArray[np.int32]
    pairs: NDArray[np.int32]
    contexts: NDArray[np.int32]
    triples: NDArray[np.int32]
    offsets: NDArray[np.int64]
    sizes: tuple[int, int, int]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Symbols of every text, shape (texts,)."""
        found: NDArray[np.int64] = np.diff(self.offsets)
        return found


class Level(NamedTuple):
    """Counts of the n-grams of one length: how often each stands, and, for each context, the sum and number of these.

    Below trigrams an n-gram counts once for each different word before it, not for each time that it stands.

    Attributes:
        counts: shape (n-grams,).
        totals: shape (contexts,), sum of the counts of the n-grams that continue each context.
        types: shape (contexts,), number of different ones.
    """

    counts: NDArray[np.int32]
    totals: NDArray[np.int32]
    types: NDArray[np.int32]


class Model(NamedTuple):
    """A trained model: its unigrams (of one, empty context), bigrams and trigrams."""

    unigrams: Level
    bigrams: Level
    trigrams: Level


def symbols(matched: Matched) -> Symbols:
    """The symbols of all texts of a pool, from which models are trained and which they score."""
    end = len(matched.vocabulary)
    width = end + 1
    words = np.insert(matched.ids.astype(np.int64), matched.message_offsets[1:], end)
    previous = np.concatenate([[end], words[:-1]])[: len(words)]
    kinds, pairs = np.unique(previous * width + words, return_inverse=True)
    contexts = np.where(previous == end, len(kinds), np.roll(pairs, 1))
    longer, triples = np.unique(contexts * width + words, return_inverse=True)
    messages = np.searchsorted(matched.message_offsets, matched.text_offsets)
    return Symbols(
        words.astype(np.int32),
        previous.astype(np.int32),
        pairs.astype(np.int32),
        contexts.astype(np.int32),
        triples.astype(np.int32),
        matched.text_offsets + messages,
        (width, len(kinds), len(longer)),
    )


def train(pool: Symbols, texts: NDArray[np.int64]) -> Model:
    """The trigram model of some texts.

    Args:
        pool: all texts.
        texts: numbers of those that are learned.
    """
    words, pairs, triples = pool.sizes
    model = Model(_zeros(words, 1), _zeros(pairs, words), _zeros(triples, pairs + 1))
    _train(pool, texts, model)
    return model


def nats(pool: Symbols, model: Model, texts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum of -ln p over the symbols of each of some texts under a model of texts of the same pool, shape (texts,)."""
    found = np.empty(len(texts))
    _score(pool, model, texts, found)
    return found


def train_unigrams(pool: Symbols, texts: NDArray[np.int64]) -> Model:
    """The model that knows how often each word stands in some texts, and nothing of what stands before it."""
    words, pairs, triples = pool.sizes
    learned = pool.words[ranges(pool.offsets[texts], pool.offsets[texts + 1])]
    counts = np.bincount(learned, minlength=words).astype(np.int32)
    total, types = (np.array([n], np.int32) for n in (len(learned), np.count_nonzero(counts)))
    return Model(Level(counts, total, types), _zeros(pairs, words), _zeros(triples, pairs + 1))


def _zeros(n_grams: int, contexts: int) -> Level:
    return Level(np.zeros(n_grams, np.int32), np.zeros(contexts, np.int32), np.zeros(contexts, np.int32))


@_jit
def _train(pool, texts, model):
    """Counts n-grams; the first time that one stands, it also counts for the shorter one without its first word."""
    words, previous, pairs, contexts, triples, offsets, _ = pool
    counts_1, totals_1, types_1 = model.unigrams
    counts_2, totals_2, types_2 = model.bigrams
    counts_3, totals_3, types_3 = model.trigrams
    for text in texts:
        for k in range(offsets[text], offsets[text + 1]):
            triple, context = triples[k], contexts[k]
            counts_3[triple] += 1
            totals_3[context] += 1
            if counts_3[triple] > 1:
                continue
            types_3[context] += 1
            pair, before = pairs[k], previous[k]
            counts_2[pair] += 1
            totals_2[before] += 1
            if counts_2[pair] > 1:
                continue
            types_2[before] += 1
            word = words[k]
            counts_1[word] += 1
            totals_1[0] += 1
            types_1[0] += counts_1[word] == 1


@_jit
def _score(pool, model, texts, found):
    words, previous, pairs, contexts, triples, offsets, _ = pool
    counts_1, totals_1, types_1 = model.unigrams
    counts_2, totals_2, types_2 = model.bigrams
    counts_3, totals_3, types_3 = model.trigrams
    uniform = 1.0 / len(counts_1)
    for i in range(len(texts)):
        total = 0.0
        for k in range(offsets[texts[i]], offsets[texts[i] + 1]):
            p = _mixed(counts_1[words[k]], totals_1[0], types_1[0], uniform)
            p = _mixed(counts_2[pairs[k]], totals_2[previous[k]], types_2[previous[k]], p)
            p = _mixed(counts_3[triples[k]], totals_3[contexts[k]], types_3[contexts[k]], p)
            total -= np.log(p)
        found[i] = total


@_jit
def _mixed(count, total, types, lower):
    """Probability of a word after a context, from its probability after the next shorter one."""
    if total == 0:
        return lower
    return (max(count - DISCOUNT, 0.0) + DISCOUNT * types * lower) / total
