"""Selection to a budget: the best dialogues of those that the rules leave, or the best that differ from each other."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.analysis.semantic_duplicates import threshold_of
from ultraqa.analysis.vector_search import one_thread
from ultraqa.analysis.vectors import encoding_of
from ultraqa.filters import diverse
from ultraqa.filters.candidates import vectors_of, with_vectors
from ultraqa.filters.columns import resolve, values
from ultraqa.filters.comparison import measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile
    from ultraqa.filters.diverse import Chosen

METHODS: Final = ("novelty", "semdedup", "balanced", "facility", "quality", "random")
QUALITY: Final = "words.assistant"
"""What is best by default: the longest replies. A strong baseline that needs no model: of Alpaca and Evol-Instruct the
1,000 longest beat selections made by hand and by GPT-3.5. Source: Zhao et al. 2024, Long Is More for Alignment, ICML,
PMLR 235, 60674-60703, arXiv 2402.04833."""
_NUMBER: Final = re.compile(r"[0-9]+|[0-9]+(\.[0-9]+)?%")
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)  # of SplitMix64, as are the numbers below


class Selected(NamedTuple):
    """The dialogues that were chosen.

    Attributes:
        rows: shape (n,), their rows, ascending.
        order: shape (n,), the same in the order in which they were chosen: a smaller budget is the beginning of a
            larger one, whatever the method; where all are kept they stand best first.
        note: what was done, one sentence.
    """

    rows: NDArray[np.int64]
    order: NDArray[np.int64]
    note: str


def budget(given: str, n: int) -> int:
    """How many of n dialogues a budget means: "50000", or "40%" of them, rounded down and at least one.

    Raises:
        ValueError: it is neither, with what is wanted.
    """
    text = given.strip()
    number = Fraction(text.rstrip("%")) if _NUMBER.fullmatch(text) else Fraction(0)
    if number <= 0 or (text.endswith("%") and number > 100):
        raise ValueError(f"{given!r} is no budget: a number of dialogues (50000) or a share of them (40%) is needed")
    return max(1, int(number * n / 100)) if text.endswith("%") else int(number)


def select(
    profile: Profile, rows: NDArray[np.int64], n: int, method: str = "novelty", quality: str = QUALITY, seed: int = 0
) -> Selected:
    """Choose n of some dialogues, exactly; all where there are no more.

    Methods: "novelty", "semdedup", "balanced" and "facility" choose by vectors and quality, as the functions of these
    names in ``ultraqa.filters.diverse`` say; "quality" takes the best; "random" draws by content hash, so that the
    texts drawn do not depend on the order of the file. The first four take no two equal dialogues while others remain.
    Dialogues without a vector in a language of the encoder (at most half, else it is an error) can be told apart by
    nothing: they get their share of the budget, by quality. Ties of quality go to the lowest row; dialogues without a
    quality come last. Holds the vectors, 4 bytes a number: 1.5 GB for UltraChat's 1.47 million and 256 dimensions, and
    as much again with "semdedup".

    Args:
        profile: the measured dataset.
        rows: the dialogues to choose from, ascending: those that the rules leave.
        n: how many, at least 1.
        method: one of METHODS.
        quality: KEY of a column of the dialogues, higher = better; with "-" before it lower = better.
        seed: of "random".

    Raises:
        ValueError: there is no such method, or ``quality`` names no number.
        DataError: the method needs vectors that the Profile lacks; the message names the command that adds them.
    """
    if method not in METHODS:
        raise ValueError(f"{method!r} is no method of selection: {', '.join(METHODS)} are")
    if n < 1:
        raise ValueError(f"a budget of {n} dialogues: at least 1 is needed")
    ranked = rows[np.argsort(-_qualities(profile, quality)[rows], kind="stable")]
    if n >= len(rows):
        return Selected(rows, ranked, f"all {len(rows):,} dialogues are kept: the budget of {n:,} is no smaller")
    if method == "quality":
        order, note = ranked[:n], f"quality: the {n:,} best by {quality}"
    elif method == "random":
        order, note = rows[_shuffled(profile.column("content_hash")[rows], seed)[:n]], f"random: {n:,} by seed {seed}"
    else:
        order, how = _diverse(profile, ranked, n, method)
        note = f"{method}: {n:,} by {quality}, {how}"
    return Selected(np.sort(order), order, note)


def compared(
    profile: Profile, rows: NDArray[np.int64], n: int, quality: str, seed: int, chosen: Selected
) -> list[dict[str, Any]]:
    """A random selection, one by quality alone and the chosen one, of the same size, on diversity and coverage.

    Args:
        profile: the measured dataset.
        rows: the dialogues chosen from, ascending.
        n: how many were chosen.
        quality: KEY that they were chosen by.
        seed: of the random selection, and of what is sampled to measure.
        chosen: the selection.

    Returns:
        A row a selection, "random", "quality" and "chosen", as ``ultraqa.filters.comparison.measured`` describes it.
    """
    others = {method: select(profile, rows, n, method, quality, seed).rows for method in ("random", "quality")}
    return measured(profile, rows, {**others, "chosen": chosen.rows}, seed)


def _qualities(profile: Profile, key: str) -> NDArray[np.float64]:
    """Quality of every dialogue of the dataset, NaN where undefined, higher = better."""
    one = resolve(key.removeprefix("-"))
    found = values(profile, one)
    if one.text:
        try:
            found = np.array([np.nan if value is None else float(value) for value in found])
        except ValueError as error:
            raise ValueError(f"{key!r} is no quality: its values are not numbers ({error})") from None
    return -found if key.startswith("-") else found


def _diverse(profile: Profile, ranked: NDArray[np.int64], n: int, method: str) -> tuple[NDArray[np.int64], str]:
    """Rows chosen by a method that uses vectors, from rows that stand best first."""
    seen = np.zeros(len(profile), np.bool_)
    seen[with_vectors(profile, np.sort(ranked))] = True
    distinct = exact_duplicates(profile.column("content_hash")[ranked]) < 0
    known, others, copies = ranked[distinct & seen[ranked]], ranked[distinct & ~seen[ranked]], ranked[~distinct]
    vectors = vectors_of(profile, known)
    spoken = np.asarray(vectors.any(axis=1))
    last = np.append(known[~spoken], copies)
    if not spoken.all():
        known, vectors = known[spoken], vectors[spoken]
    is_known = _in_proportion(len(known), len(others))[:n]
    with one_thread():
        order, how = _by_vectors(method, vectors, int(is_known.sum()), profile)
    found = np.empty(len(is_known), np.int64)
    found[is_known], found[~is_known] = known[order], others[: len(found) - len(order)]
    if len(others):
        share = f"{len(found) - len(order):,} of the {len(others):,}"
        how += f"; {share} in another language than the encoder's, or not drawn, by quality alone"
    if n > len(found):
        how += f"; {n - len(found):,} empty ones or copies, as nothing else is left"
    return np.append(found, last[: n - len(found)]), how


def _by_vectors(method: str, vectors: NDArray[np.float32], n: int, profile: Profile) -> Chosen:
    encoding = encoding_of(profile)
    if encoding is None or not len(vectors):
        return diverse.Chosen(np.empty(0, np.int64), "none has a vector")
    if method == "semdedup":
        order, how = diverse.semdedup(vectors, n, threshold_of(encoding))
    else:
        by = {"novelty": diverse.novelty, "balanced": diverse.balanced, "facility": diverse.facility}
        order, how = by[method](vectors, n)
    return diverse.Chosen(order, f"{how} (vectors: {encoding.name})")


def _in_proportion(n: int, m: int) -> NDArray[np.bool_]:
    """Which places of n + m belong to the first n, so that every beginning has both in proportion."""
    places = np.append((np.arange(n) + 0.5) / max(1, n), (np.arange(m) + 0.5) / max(1, m))
    return np.argsort(places, kind="stable") < n


def _shuffled(hashes: NDArray[np.uint64], seed: int) -> NDArray[np.int64]:
    """Indices in an order drawn for each hash and, of equal ones, for how many stand before."""
    by_hash = np.argsort(hashes, kind="stable")
    starts = np.flatnonzero(np.diff(hashes[by_hash], prepend=~hashes[by_hash[:1]]))
    before = np.empty(len(hashes), np.uint64)
    before[by_hash] = np.arange(len(hashes)) - np.repeat(starts, np.diff(np.append(starts, len(hashes))))
    seeded = _mixed(np.array([seed % 2**64], np.uint64))
    return np.argsort(_mixed(_mixed(hashes ^ seeded) + before), kind="stable")


def _mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64: numbers that look random, one for each key (Steele, Lea & Flood 2014, OOPSLA)."""
    mixed = keys + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
