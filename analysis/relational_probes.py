"""Relational probes: what one half of the pairs says of the other half, which is held out, under every exchange.

Pairs of even number are learned from and pairs of odd number held out, so that no text is measured by itself.
Backwards, from a side to the reference's held-out texts: what the side has lost of the reference. Forwards, from the
reference to a side's held-out texts: noise, which no model expects, and another domain, whose words are new.

A candidate whose generator learned from this very reference knows the held-out texts too: it can then look nearer to
them than the reference's own half does, and lost words and phrases are underestimated.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ultraqa.analysis.corpus import ranges
from ultraqa.analysis.cross_entropy import nats, symbols, train, train_unigrams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.cross_entropy import Model, Symbols
    from ultraqa.analysis.matching import Matched

REVERSE_WORDS: Final = 300_000
"""Words a side, those of the first pairs, that the reverse cross-entropy reads: it trains anew for each permutation."""
_LEARNED: Final = slice(0, None, 2)
_HELD: Final = slice(1, None, 2)


def relational(matched: Matched, flips: NDArray[np.bool_], workers: int = 1) -> dict[str, NDArray[np.float64]]:
    """The relational probes of two sides.

    Args:
        matched: n pairs of texts.
        flips: shape (p, n), whether the texts of a pair change sides.
        workers: threads; they change nothing but the time.

    Returns:
        Name of each probe to its values, shape (p, 2): reference, candidate. NaN below two pairs.
    """
    probes = (reference_oov, forward_cross_entropy, forward_unigram, novelty)
    if len(matched) < 2:
        names = [probe.__name__ for probe in (reverse_cross_entropy, *probes)]
        return {name: np.full((len(flips), 2), np.nan) for name in names}
    pool = symbols(matched)
    found = {"reverse_cross_entropy": reverse_cross_entropy(pool, flips, workers)}
    return found | {probe.__name__: probe(pool, flips) for probe in probes}


def reverse_cross_entropy(pool: Symbols, flips: NDArray[np.bool_], workers: int = 1) -> NDArray[np.float64]:
    """Nats per word of the reference's held-out texts under a trigram model of the other half of a side.

    Higher = the side says less of what the reference says: tails of words and phrases are lost, but other words of
    another domain raise it as well. The model is ``cross_entropy``'s; ends of messages count as words. Only the first
    300,000 words a side are read, as whole pairs. The held-out texts are always the reference's, whatever is exchanged.
    Source: the generated text as training data, as in Semeniuta et al. 2018, "On Accurate Evaluation of GANs for
    Language Generation" (reverse language model score).

    Args:
        pool: n pairs of texts.
        flips: shape (p, n), whether the texts of a pair change sides.
        workers: threads; they change nothing but the time.

    Returns:
        Shape (p, 2): reference, candidate.
    """
    pairs = max(2, int(np.searchsorted(pool.offsets[::2], 2 * REVERSE_WORDS, side="right")) - 1)
    texts = np.arange(len(pool.lengths)).reshape(-1, 2)[:pairs]
    held = texts[_HELD, 0]

    def losses(row: NDArray[np.bool_]) -> list[float]:
        sides = np.where(row[:pairs, None], texts[:, ::-1], texts)[_LEARNED].T
        return [float(nats(pool, train(pool, side.copy()), held).sum()) for side in sides]

    with ThreadPoolExecutor(workers) as threads:
        found = np.array(list(threads.map(losses, flips)), np.float64).reshape(-1, 2)
    found /= pool.lengths[held].sum()
    return found


def reference_oov(pool: Symbols, flips: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of the words of the reference's held-out texts that never stand in the other half of a side.

    Higher = the side has lost more of the reference's words (out of vocabulary), 0 to 1; each counts as often as it
    stands. The held-out texts are always the reference's, whatever is exchanged.

    Args:
        pool: n pairs of texts.
        flips: shape (p, n), whether the texts of a pair change sides.

    Returns:
        Shape (p, 2): reference, candidate.
    """
    texts = np.arange(len(pool.lengths)).reshape(-1, 2)
    end = pool.sizes[0] - 1
    counts = np.bincount(_words(pool, texts[_HELD, 0]), minlength=end + 1)[:end]
    learned = texts[_LEARNED].ravel()
    owners = np.repeat(np.arange(len(learned)), pool.lengths[learned])
    words = _words(pool, learned)
    asked = np.append(counts > 0, False)[words]  # the end of a message is no word
    owners, words = np.divmod(np.unique(owners[asked] * end + words[asked]), end)
    found = np.empty((len(flips), 2))
    for i, row in enumerate(flips[:, _LEARNED]):
        second = (owners % 2).astype(bool) ^ row[owners // 2]
        for side, chosen in enumerate((~second, second)):
            met = np.zeros(end, np.bool_)
            met[words[chosen]] = True
            found[i, side] = counts[~met].sum()
    found /= counts.sum()
    return found


def forward_cross_entropy(pool: Symbols, flips: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Nats per word of a side's held-out texts under a trigram model of the reference's other half.

    Higher = less expected from what the reference says: noise, or another domain; lower = smoother, more predictable
    than the reference itself. The model is ``cross_entropy``'s; ends of messages count as words. It learns from the
    reference's texts, whatever is exchanged. Source: the signal of Shumailov et al. 2024, Nature 631, 755-759.

    Args:
        pool: n pairs of texts.
        flips: shape (p, n), whether the texts of a pair change sides.

    Returns:
        Shape (p, 2): reference, candidate.
    """
    return _shares(_losses(pool, train(pool, _reference(pool))), _held(pool.lengths), flips)


def forward_unigram(pool: Symbols, flips: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Nats per word of a side's held-out texts under the frequencies of single words in the reference's other half.

    Higher = other words; read beside ``forward_cross_entropy``: another domain raises both, the reference's words in no
    order only that one. Same discount, same share for words never met, same texts; ends of messages count as words.

    Args:
        pool: n pairs of texts.
        flips: shape (p, n), whether the texts of a pair change sides.

    Returns:
        Shape (p, 2): reference, candidate.
    """
    return _shares(_losses(pool, train_unigrams(pool, _reference(pool))), _held(pool.lengths), flips)


def novelty(pool: Symbols, flips: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of the words of a side's held-out texts that never stand in the reference's other half.

    Higher = more new words, 0 to 1. The candidate's over the reference's tells another domain from a narrower one: a
    model that learned from the reference stays near 1 or below. Each word counts as often as it stands.

    Args:
        pool: n pairs of texts.
        flips: shape (p, n), whether the texts of a pair change sides.

    Returns:
        Shape (p, 2): reference, candidate.
    """
    known = np.zeros(pool.sizes[0], np.bool_)
    known[_words(pool, _reference(pool))] = True  # among them the end of a message, which is no word
    new = np.concatenate([[0], np.cumsum(~known[pool.words])])[pool.offsets]
    words = np.concatenate([[0], np.cumsum(pool.words != pool.sizes[0] - 1)])[pool.offsets]
    return _shares(_held(np.diff(new)), _held(np.diff(words)), flips)


def _reference(pool: Symbols) -> NDArray[np.int64]:
    """The reference's texts that are learned from."""
    return np.arange(len(pool.lengths))[::2][_LEARNED].copy()


def _words(pool: Symbols, texts: NDArray[np.int64]) -> NDArray[np.int32]:
    """All symbols of some texts."""
    return pool.words[ranges(pool.offsets[texts], pool.offsets[texts + 1])]


def _held(values: NDArray[Any]) -> NDArray[Any]:
    """What the held-out texts have of one value a text, shape (pairs, 2)."""
    return values.reshape(-1, 2)[_HELD]


def _losses(pool: Symbols, model: Model) -> NDArray[np.float64]:
    return nats(pool, model, _held(np.arange(len(pool.lengths))).ravel()).reshape(-1, 2)


def _shares(parts: NDArray[Any], wholes: NDArray[Any], flips: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Sum of the parts over sum of the wholes of each side's held-out texts, shape (p, 2)."""
    found = np.empty((len(flips), 2))
    for i, row in enumerate(flips[:, _HELD]):
        for side in (0, 1):
            chosen = np.where(row, 1 - side, side)[:, None]
            sums = [np.take_along_axis(values, chosen, axis=1).sum() for values in (parts, wholes)]
            found[i, side] = sums[0] / sums[1]
    return found
