"""Corpus diversity at fixed budgets of words: distinct n-grams, entropy, missing mass, repetition, compression, growth.

Every one of these depends on the size of the text, so each is computed on the first B words of the sample (whole
dialogues in order of content hash, the last one cut) for B = 10⁴, 3·10⁴, 10⁵, 3·10⁵, 10⁶ (prompts to 10⁵, compression
to 3·10⁵), and only equal budgets are compared. N-grams never cross a message.

Intervals come from leaving out one of twenty blocks of dialogues at a time (Student's t): bootstrap copies would count
as repetition. Above 10⁵ words they are scaled from those at 10⁵ by the square root of the size (compression: from 10⁴),
which is cautious for counts of types: their spread falls faster.
"""

from __future__ import annotations

import zlib
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.corpus import SampledText

BUDGETS: Final = (10_000, 30_000, 100_000, 300_000, 1_000_000)
ORDERS: Final = (1, 2, 3, 4)
PART_BUDGETS: Final = {"user": BUDGETS[:3], "assistant": BUDGETS}
"""What is trained on is measured to a million words; prompts, which it is set beside, to 10⁵."""
BLOCKS: Final = 20
COMPRESSED_WORDS: Final = 300_000
"""Budget up to which text is compressed: gzip sees 32 KB at a time, so the ratio hardly moves beyond."""
DRAWN_BUDGET: Final = 100_000
_COMPRESSION_BUDGET: Final = 10_000  # gzip -9 runs at 20 MB a second
_T: Final = 2.093  # 97.5 % point of Student's t with 19 degrees of freedom
UNITS: Final = {"vocabulary": "words"} | {f"entropy_{n}": "bits" for n in ORDERS}


_jit: Any = nb.njit(cache=True, nogil=True)


class Spectrum(NamedTuple):
    """How often the n-grams of a text occur: ``total`` of them, ``types`` different ones, ``once`` a single time."""

    total: int
    types: int
    once: int
    entropy: float


def distinct(spectrum: Spectrum) -> float | None:
    """Share of different n-grams among all n-grams of the budget.

    Higher = more varied, 0 to 1. None without an n-gram. Source: Li et al. 2016, NAACL, 110-119.
    """
    return spectrum.types / spectrum.total if spectrum.total else None


def entropy(spectrum: Spectrum) -> float | None:
    """Entropy of the n-gram distribution of the budget (plug-in estimate).

    Bits; higher = more varied. Biased downwards by the finite budget, equally for equal budgets. None without an
    n-gram.
    """
    return spectrum.entropy if spectrum.total else None


def missing_mass(spectrum: Spectrum) -> float | None:
    """Good-Turing estimate of the share of n-grams that a continuation of the text would bring anew.

    n-grams seen once over all n-grams; higher = a longer tail, lower = narrowed. None without an n-gram.
    Source: Good 1953, Biometrika 40, 237-264.
    """
    return spectrum.once / spectrum.total if spectrum.total else None


def vocabulary(spectrum: Spectrum) -> int:
    """Different words in the budget; higher = more varied."""
    return spectrum.types


def self_repetition_4(grams: NDArray[np.int32], dialogue: NDArray[np.int32]) -> float | None:
    """Mean over dialogues of ln(1 + number of other dialogues that share each of its word 4-grams, summed).

    Lower = fewer phrases in common. Over the dialogues that have a 4-gram; None where none has. Source: Salkar et al.
    2022, AACL, 298-307.

    Args:
        grams: ids of the 4-grams, shape (n,).
        dialogue: the dialogue each stands in, shape (n,), ascending.
    """
    if not len(grams):
        return None
    shared = _shared(grams, dialogue, np.full((2, int(grams.max()) + 1), -1, np.int32))
    return float(np.log1p(shared).mean())


@_jit
def _shared(grams: NDArray[np.int32], dialogue: NDArray[np.int32], table: NDArray[np.int32]) -> NDArray[np.float64]:
    """For each dialogue in turn, the number of other dialogues that hold each of its different n-grams, summed."""
    last, holders = table[0], table[1]  # the dialogue that held an n-gram last; how many did, less one
    for k in range(len(grams)):
        if last[grams[k]] != dialogue[k]:
            last[grams[k]] = dialogue[k]
            holders[grams[k]] += 1
    last[:] = -1
    sums = np.empty(len(grams))
    n = -1
    for k in range(len(grams)):
        if k == 0 or dialogue[k] != dialogue[k - 1]:
            n += 1
            sums[n] = 0.0
        if last[grams[k]] != dialogue[k]:
            last[grams[k]] = dialogue[k]
            sums[n] += holders[grams[k]]
    return sums[: n + 1]


def compression_ratio(text: bytes) -> float | None:
    """Bytes of the text over its bytes after gzip -9.

    Higher = more repetitive. None for an empty text. The text is the budget's words joined by blanks, messages by
    newlines.
    """
    squeezed = zlib.compressobj(9, zlib.DEFLATED, 31)
    return len(text) / len(squeezed.compress(text) + squeezed.flush()) if text else None


def zipf_exponent(counts: NDArray[np.int64]) -> float | None:
    """Exponent s of the rank-frequency law f(r) ~ r^-s, by maximum likelihood over ranks.

    Higher = steeper, a few words dominate. None below two words. Source: Clauset et al. 2009, SIAM Review 51, 661-703.
    """
    f = np.sort(counts[counts > 0])[::-1].astype(float)
    if len(f) < 2:
        return None
    logs = np.log(np.arange(1, len(f) + 1))
    target, s = float((f * logs).sum() / f.sum()), 1.0
    for _ in range(50):  # Newton's steps: the mean log rank falls as s rises, by its variance
        weights = np.exp(-s * logs)
        weights /= weights.sum()
        mean = float((weights * logs).sum())
        step = (mean - target) / float((weights * (logs - mean) ** 2).sum())
        s = min(3.0, max(0.3, s + step))
        if abs(step) < 1e-9:
            break
    return s


def heaps_exponent(ids: NDArray[np.int32]) -> float | None:
    """Exponent b of vocabulary growth V(N) ~ N^b, least squares on logarithms at geometric N from 100 words on.

    Higher = new words keep coming. None below about 180 words. Source: Heaps 1978, Information Retrieval.
    """
    points, n = [], 100
    while n <= len(ids):
        points.append(n)
        n = int(n * 1.2) + 1
    if len(points) < 4:
        return None
    first = np.full(int(ids.max()) + 1, len(ids))
    first[ids[::-1]] = np.arange(len(ids) - 1, -1, -1)  # of equal indices the last assignment stays
    kinds = np.searchsorted(np.sort(first), points)
    return float(np.polyfit(np.log(points), np.log(kinds), 1)[0])


class Value(NamedTuple):
    """One statistic at one budget with its 95 % interval (None where too few dialogues were drawn)."""

    metric: str
    budget: int
    value: float | None
    low: float | None
    high: float | None
    n: int


def measure(sample: SampledText, budgets: Sequence[int]) -> Iterator[Value]:
    """All statistics of a sample at the budgets it reaches, smallest first.

    Args:
        sample: one part of a Profile's sample.
        budgets: words.
    """
    sample = sample.first(max(budgets))
    grams = ngrams(sample)
    dialogue = np.repeat(np.arange(len(sample.rows), dtype=np.int32), np.diff(sample.word_offsets))
    ratios = _compression(sample, [b for b in budgets if b <= min(len(sample.ids), COMPRESSED_WORDS)])
    deviations: dict[str, tuple[int, float]] = {}
    for budget in budgets:
        if budget > len(sample.ids):
            return
        inside = int(dialogue[budget - 1]) + 1
        values = _statistics(grams, dialogue, budget)
        if budget in ratios:
            values["compression_ratio"] = ratios[budget]
        if budget <= DRAWN_BUDGET:
            drawn = _deviations(sample, grams, dialogue, inside, squeezed=budget <= _COMPRESSION_BUDGET)
            deviations |= {metric: (budget, deviation) for metric, deviation in drawn.items()}
        if "distinct_1" in deviations:  # types are a share times the words
            size, deviation = deviations["distinct_1"]
            deviations["vocabulary"] = (size, deviation * budget)
        for metric, value in values.items():
            yield Value(metric, budget, value, *_interval(value, budget, deviations.get(metric)), inside)


def _interval(value: float | None, budget: int, drawn: tuple[int, float] | None) -> tuple[float | None, float | None]:
    """Interval at a budget from a deviation at the same or a smaller one."""
    if value is None or drawn is None:
        return None, None
    spread = _T * drawn[1] * (drawn[0] / budget) ** 0.5
    return max(0.0, value - spread), value + spread


def ngrams(sample: SampledText) -> dict[int, NDArray[np.int32]]:
    """Dense ids of the n-grams that start at each word, -1 where the message ends before: order to shape (words,)."""
    table = 1 << (2 * len(sample.ids) + 1).bit_length()
    found = {1: sample.ids}
    for n in ORDERS[1:]:
        ids = np.full(len(sample.ids), -1, np.int32)
        _extend(
            found[n - 1],
            sample.ids,
            sample.message_offsets,
            n,
            np.zeros(table, np.uint64),
            np.empty(table, np.int32),
            ids,
        )
        found[n] = ids
    return found


@_jit
def _extend(shorter, words, message_offsets, n, keys, slots, ids):
    """Ids of the n-grams from those of the (n - 1)-grams and the words behind them."""
    mask = np.uint64(len(keys) - 1)
    known = 0
    for message in range(len(message_offsets) - 1):
        for k in range(message_offsets[message], message_offsets[message + 1] - n + 1):
            key = ((np.uint64(shorter[k]) << np.uint64(32)) | np.uint64(words[k + n - 1])) + np.uint64(1)
            slot = ((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(24)) & mask
            while keys[slot] != key:
                if keys[slot] == 0:
                    keys[slot] = key
                    slots[slot] = known
                    known += 1
                    break
                slot = (slot + np.uint64(1)) & mask
            ids[k] = slots[slot]


def _statistics(
    grams: dict[int, NDArray[np.int32]], dialogue: NDArray[np.int32], budget: int
) -> dict[str, float | None]:
    values: dict[str, float | None] = {}
    for n, ids in grams.items():
        values |= _spectral(n, spectrum(ids[: max(0, budget - n + 1)]))
    fours = grams[4][: max(0, budget - 3)]
    values["self_repetition_4"] = self_repetition_4(fours[fours >= 0], dialogue[: len(fours)][fours >= 0])
    values["zipf_exponent"] = zipf_exponent(np.bincount(grams[1][:budget]))
    values["heaps_exponent"] = heaps_exponent(grams[1][:budget])
    return values


def _spectral(n: int, found: Spectrum) -> dict[str, float | None]:
    values: dict[str, float | None] = {f"distinct_{n}": distinct(found), f"entropy_{n}": entropy(found)}
    if n == 1:
        values["vocabulary"] = vocabulary(found)
    if n <= 3:
        values[f"missing_mass_{n}"] = missing_mass(found)
    return values


def spectrum(ids: NDArray[np.int32]) -> Spectrum:
    """Spectrum of n-gram ids, -1 standing for none."""
    return _spectrum(ids, 0, 0, len(ids))


def _spectrum(ids: NDArray[np.int32], first: int, second: int, last: int) -> Spectrum:
    """Spectrum of ids[:first] and ids[second:last] together."""
    read = ids[: max(first, last)]
    counts = np.zeros(int(read.max(initial=-1)) + 1, np.int32)
    weights = _weights(1 << len(read).bit_length())
    total, kinds, once, weighted = _tally(read, first, second, max(second, last), counts, weights)
    return Spectrum(total, kinds, once, float(np.log2(total) - weighted / total) if total else 0.0)


@cache
def _weights(n: int) -> NDArray[np.float64]:
    """C log2 c of all counts c up to ``n``."""
    counts = np.arange(n + 1, dtype=float)
    counts[1:] *= np.log2(counts[1:])
    return counts


@_jit
def _tally(ids, first, second, last, counts, weights):
    """Number of n-grams, of different ones, of those seen once, and the sum of c log2 c over their counts c."""
    total, kinds, once, weighted = 0, 0, 0, 0.0
    for k in range(first + last - second):
        gram = ids[k if k < first else k - first + second]
        if gram >= 0:
            count = counts[gram]
            counts[gram] = count + 1
            weighted += weights[count + 1] - weights[count]
            total += 1
            kinds += count == 0
            once += np.int64(count == 0) - np.int64(count == 1)
    return total, kinds, once, weighted


def _deviations(
    sample: SampledText,
    grams: dict[int, NDArray[np.int32]],
    dialogue: NDArray[np.int32],
    dialogues: int,
    *,
    squeezed: bool,
) -> dict[str, float]:
    """Standard deviation of every statistic of the first ``dialogues`` dialogues, by leaving out a block at a time.

    The blocks are equal in words as far as whole dialogues allow, and every rest is cut to the same number of words.
    """
    if dialogues < BLOCKS:
        return {}
    offsets = sample.word_offsets[: dialogues + 1]
    bounds = offsets[np.searchsorted(offsets, np.linspace(0, offsets[-1], BLOCKS + 1))]
    kept = int(offsets[-1] - np.diff(bounds).max())
    left: dict[str, list[float]] = {}
    blocks = list(pairwise(bounds.tolist()))
    ratios: list[float | None] = [None] * BLOCKS
    if squeezed:
        excess = [int(offsets[-1]) - (second - first) - kept for first, second in blocks]
        ratios = _ratios_without([words_joined(sample, *block) for block in blocks], excess)
    for (first, second), ratio in zip(blocks, ratios, strict=True):
        values = _without(grams, dialogue, min(first, kept), second, second + kept - first)
        values["compression_ratio"] = ratio
        for metric, value in values.items():
            if value is not None:
                left.setdefault(metric, []).append(value)
    scale = (BLOCKS - 1) / BLOCKS**0.5
    return {metric: scale * float(np.std(values, ddof=1)) for metric, values in left.items() if len(values) == BLOCKS}


def _ratios_without(texts: list[bytes], excess: list[int]) -> list[float | None]:
    """Compression ratio without each text, ``excess`` words cut from the end; what stands before is squeezed once."""
    whole, before, end = b"\n".join(texts), zlib.compressobj(9, zlib.DEFLATED, 31), 0
    ratios: list[float | None] = []
    packed = 0
    for text, cut in zip(texts, excess, strict=True):
        start, end = end, end + len(text) + 1
        rest = _without_last(whole[end:], cut)
        if cut and not rest:
            ratios.append(compression_ratio(_without_last(whole[:start], cut)))
        else:
            squeezed = before.copy()
            ratios.append((start + len(rest)) / (packed + len(squeezed.compress(rest) + squeezed.flush())))
        packed += len(before.compress(whole[start:end]))
    return ratios


def _without_last(text: bytes, words: int) -> bytes:
    """A text without its last words."""
    pieces = text.rsplit(None, words)
    return pieces[0] if len(pieces) > words else b""


def _without(
    grams: dict[int, NDArray[np.int32]], dialogue: NDArray[np.int32], first: int, second: int, last: int
) -> dict[str, float | None]:
    """Statistics of the words up to ``first`` and from ``second`` to ``last``."""
    values: dict[str, float | None] = {}
    for n, ids in grams.items():
        values |= _spectral(n, _spectrum(ids, first, second, last - n + 1))
    at = np.concatenate([np.arange(first), np.arange(second, max(second, last - 3))])
    at = at[grams[4][at] >= 0]
    values["self_repetition_4"] = self_repetition_4(grams[4][at], dialogue[at])
    return values


def _compression(sample: SampledText, budgets: Sequence[int]) -> dict[int, float | None]:
    """Compression ratio of every budget's text from one run of the compressor over the largest."""
    squeezed, size, packed, done = zlib.compressobj(9, zlib.DEFLATED, 31), 0, 0, 0
    ratios: dict[int, float | None] = {}
    for budget in budgets:
        joint = b"" if not done else b"\n" if done in sample.message_offsets else b" "
        text = joint + words_joined(sample, done, budget)
        size, packed, done = size + len(text), packed + len(squeezed.compress(text)), budget
        ratios[budget] = size / (packed + len(squeezed.copy().flush())) if size else None
    return ratios


def words_joined(sample: SampledText, first: int, last: int) -> bytes:
    """Words ``first`` to ``last`` of a sample joined by blanks, messages by newlines."""
    word, ids, offsets = sample.vocabulary.__getitem__, sample.ids[first:last].tolist(), sample.message_offsets
    inner = offsets[np.searchsorted(offsets, first, "right") : np.searchsorted(offsets, last, "left")] - first
    bounds = [0, *inner.tolist(), last - first]
    return "\n".join(" ".join(map(word, ids[a:b])) for a, b in pairwise(bounds) if b > a).encode()
