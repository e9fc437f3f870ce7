"""Probes of meaning for two sets of paired dialogues: spread, topics, mutual coverage, divergence, under exchanges.

A permutation exchanges the two dialogues of some pairs, and the probes share what does not change with it: sums of
vectors and counts of topics follow from those observed by adding what the exchanged pairs bring, second moments of the
two sides add up to one total, and the distances of all dialogues are computed once and looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ultraqa.analysis.frontier import frontier_integral, mauve
from ultraqa.analysis.topics import effective_number, nearest_centre, similarity_of_sum
from ultraqa.analysis.vector_search import SEED, one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIALOGUES: Final = 2_000
"""Pairs that are looked at, the first ones."""
RELATIONAL: Final = 500
"""Pairs, the first ones, of which recall and coverage are computed: these cost the square of the number."""
NEIGHBOURS: Final = 5  # as Naeem et al. 2020 advise: the least with which draws of one distribution cover to .95
TOPICS: Final = 100
_PER_TOPIC: Final = 10  # pairs; a topic has twice as many dialogues
_SMOOTHING: Final = 0.5  # Krichevsky & Trofimov 1981, as in Pillutla et al. 2023, JMLR


def semantic(
    reference: NDArray[np.float32], candidate: NDArray[np.float32], flips: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """Every semantic probe of two sets of paired dialogues, observed and under every exchange within pairs.

    ``topic_similarity``, ``vendi`` and ``topic_entropy`` have shape (permutations, 2): of the reference and of the
    candidate; the effect is how the second departs from the first. So have ``recall`` and ``coverage``, which are
    relations: of the reference by the candidate in the second column, the sides exchanged in the first.
    ``frontier_integral`` and ``mauve`` are one number of both sides and have shape (permutations,): their z is
    (observed - mean of permuted) / standard deviation of permuted, above 0 for the first and below 0 for the second
    where the sides differ.

    The first 2,000 pairs are looked at, of which the first 500 for recall and coverage. All values are NaN below six
    pairs. The order of the pairs (within what is looked at) changes nothing but the last digits.

    Args:
        reference: unit vectors of n dialogues, none zero, shape (n, dimension).
        candidate: of the dialogues that they are paired with, of the same encoder.
        flips: pairs that are exchanged, shape (permutations, n); the first row, all False, is what was observed.
    """
    n = min(len(reference), DIALOGUES)
    if n <= NEIGHBOURS:
        return _undefined(len(flips))
    reference, candidate, flips = reference[:n], candidate[:n], flips[:, :n]
    with one_thread():
        distances = pool_distances(reference[:RELATIONAL], candidate[:RELATIONAL])
        some = flips[:, :RELATIONAL]
        radii = neighbour_distances(distances, some)
        counts = topic_counts(shared_topics(reference, candidate), flips)
        smoothed = counts + _SMOOTHING
        return {
            "topic_similarity": topic_similarity(reference, candidate, flips),
            "vendi": vendi(reference, candidate, flips),
            "topic_entropy": topic_entropy(counts),
            "recall": recall(distances, radii, some),
            "coverage": coverage(distances, radii, some),
            "frontier_integral": np.array([frontier_integral(*sides) for sides in smoothed]),
            "mauve": np.array([mauve(*sides) for sides in smoothed]),
        }


def _undefined(permutations: int) -> dict[str, NDArray[np.float64]]:
    sided = ("topic_similarity", "vendi", "topic_entropy", "recall", "coverage")
    found = {name: np.full((permutations, 2), np.nan) for name in sided}
    return found | {name: np.full(permutations, np.nan) for name in ("frontier_integral", "mauve")}


def topic_similarity(
    reference: NDArray[np.float32], candidate: NDArray[np.float32], flips: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Mean cosine similarity of all pairs of dialogues within a side.

    Lower = more diverse, -1 to 1; in closed form from the sum of a side's vectors. It hardly answers to a loss of
    wording: a student can be spread wider than its teacher and know fewer words. NaN below two dialogues. Source: Ding
    et al. 2023, EMNLP, Table 4.

    Args:
        reference: unit vectors, shape (n, dimension).
        candidate: those that they are paired with.
        flips: pairs that are exchanged, shape (permutations, n).

    Returns:
        Shape (permutations, 2), of the reference and of the candidate.
    """
    n, first, second = len(reference), reference.astype(np.float64), candidate.astype(np.float64)
    sides = _exchanged(first, second, flips)
    return np.array([[similarity_of_sum(n, total) for total in both] for both in sides], np.float64)


def vendi(
    reference: NDArray[np.float32], candidate: NDArray[np.float32], flips: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Vendi score of a side: the effective number of different dialogues, the exponential of the entropy of similarity.

    From 1 (all alike) to at most the smaller of the number of dialogues and the dimension; higher = more diverse. Both
    sides have equally many dialogues, on whose number it depends. NaN without a dialogue. Source: Friedman & Dieng
    2023, TMLR (the dual form: eigenvalues of the second moment).

    Args:
        reference: unit vectors, shape (n, dimension).
        candidate: those that they are paired with.
        flips: pairs that are exchanged, shape (permutations, n).

    Returns:
        Shape (permutations, 2), of the reference and of the candidate.
    """
    found = np.full((len(flips), 2), np.nan)
    n, first, second = len(reference), reference.astype(np.float64), candidate.astype(np.float64)
    if not n:
        return found
    total = first.T @ first + second.T @ second
    for i, flip in enumerate(flips):
        side = np.where(flip[:, None], second, first)
        moment = side.T @ side
        found[i] = effective_number(moment / n), effective_number((total - moment) / n)
    return found


def topic_entropy(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evenness of a side's topics, which are the same clusters for both sides and all permutations.

    Entropy of their shares over the logarithm of their number, 0 (one topic) to 1 (all topics alike); higher = more
    even. There is one topic for every ten pairs and at most 100. Read as a comparison of two sides only: a number of
    its own is low for few dialogues. NaN without a dialogue or a second topic.

    Args:
        counts: dialogues of each side in each topic, shape (permutations, 2, topics).

    Returns:
        Shape (permutations, 2), of the reference and of the candidate.
    """
    total = counts.sum(axis=2, keepdims=True)
    shares = np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)
    logarithms = np.log2(shares, out=np.zeros_like(shares), where=shares != 0)
    bits: NDArray[np.float64] = 0.0 - (shares * logarithms).sum(axis=2)  # a mere minus would print one topic as -0
    return bits / np.log2(counts.shape[2]) if counts.shape[2] > 1 else np.full_like(bits, np.nan)


def recall(distances: NDArray[np.float32], radii: NDArray[np.float32], flips: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of one side's dialogues that lie among the other's: no further from one of these than its fifth neighbour.

    Higher = more of that side is met by the other; 1 for equal sets. The narrower side meets less than it is met, so a
    narrower candidate has [:, 1] below [:, 0]; where the sides merely differ in place both fall. An outlier among those
    that meet raises it. Source: Kynkäänniemi et al. 2019, NeurIPS (improved recall).

    Args:
        distances: of all dialogues of both sides, as ``pool_distances`` gives them.
        radii: distance to the fifth neighbour of the own side, as ``neighbour_distances`` gives it.
        flips: pairs that are exchanged, shape (permutations, n).

    Returns:
        Shape (permutations, 2): [:, 1] of the reference by the candidate, [:, 0] the sides exchanged, so that both have
        one distribution where the sides do not differ.
    """
    found = np.empty((len(flips), 2))
    for i, (first, second) in enumerate(_sides(flips)):
        apart = distances[np.ix_(first, second)]
        found[i, 1] = (apart <= radii[i, second]).any(axis=1).mean()
        found[i, 0] = (apart <= radii[i, first, None]).any(axis=0).mean()
    return found


def coverage(
    distances: NDArray[np.float32], radii: NDArray[np.float32], flips: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Share of one side's dialogues that have one of the other side no further away than their own fifth neighbour.

    Higher = more of that side is covered by the other; 1 for equal sets, 1 - 1 / 2^5 = .97 expected of two draws of one
    distribution. Read [:, 1] against its own permuted values: topics that the candidate lacks lower it. The difference
    of the columns says which side is denser, not which is narrower, for a dense side has near neighbours of its own
    and is hard to cover. Source: Naeem et al. 2020, ICML.

    Args:
        distances: of all dialogues of both sides, as ``pool_distances`` gives them.
        radii: distance to the fifth neighbour of the own side, as ``neighbour_distances`` gives it.
        flips: pairs that are exchanged, shape (permutations, n).

    Returns:
        Shape (permutations, 2): [:, 1] of the reference by the candidate, [:, 0] the sides exchanged, so that both have
        one distribution where the sides do not differ.
    """
    found = np.empty((len(flips), 2))
    for i, (first, second) in enumerate(_sides(flips)):
        apart = distances[np.ix_(first, second)]
        found[i, 1] = (apart.min(axis=1) <= radii[i, first]).mean()
        found[i, 0] = (apart.min(axis=0) <= radii[i, second]).mean()
    return found


def pool_distances(reference: NDArray[np.float32], candidate: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine distances of all dialogues of both sides, the reference first, shape (2n, 2n); in order as Euclidean ones.

    Rounded to six digits, so that of equal vectors none is nearer than another by the rounding of a product.
    """
    pool = np.concatenate([reference, candidate]).astype(np.float64)
    return np.round(1 - pool @ pool.T, 6).astype(np.float32)


def neighbour_distances(distances: NDArray[np.float32], flips: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of every dialogue to its fifth neighbour on its own side, shape (permutations, 2n)."""
    found = np.empty((len(flips), len(distances)), np.float32)
    for i, sides in enumerate(_sides(flips)):
        for side in sides:  # each is its own nearest, at place 0
            found[i, side] = np.partition(distances[np.ix_(side, side)], NEIGHBOURS, axis=1)[:, NEIGHBOURS]
    return found


def shared_topics(reference: NDArray[np.float32], candidate: NDArray[np.float32]) -> NDArray[np.int64]:
    """Topic of each dialogue of both sides, shape (2, n): k-means clusters of all of them, on the unit sphere."""
    import faiss  # noqa: PLC0415  (only where vectors are)

    pool = np.concatenate([reference, candidate])
    k = min(TOPICS, max(2, len(reference) // _PER_TOPIC))
    means = faiss.Kmeans(pool.shape[1], k, niter=25, seed=SEED, spherical=True, min_points_per_centroid=1)
    # sorted, so that the start depends neither on the order of the pairs nor on which side is the reference
    means.train(np.ascontiguousarray(pool[np.lexsort(pool.T)]))
    return nearest_centre(pool, np.asarray(means.centroids, np.float32)).reshape(2, -1)


def topic_counts(topics: NDArray[np.int64], flips: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Dialogues of each side in each topic, shape (permutations, 2, topics)."""
    first, second = (topics[..., None] == np.arange(topics.max() + 1)).astype(np.float64)
    return _exchanged(first, second, flips)


def _exchanged(first: NDArray[Any], second: NDArray[Any], flips: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Sums over pairs of what both sides have, shape (permutations, 2, width), when some pairs are exchanged."""
    own = first.sum(axis=0) + flips.astype(np.float64) @ (second - first)
    return np.stack([own, first.sum(axis=0) + second.sum(axis=0) - own], axis=1)


def _sides(flips: NDArray[np.bool_]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Which of all dialogues are on each side under each permutation: dialogue i of the candidate is number n + i."""
    n = flips.shape[1]
    moved = np.arange(n) + n * flips
    return [(first, second) for first, second in zip(moved, 2 * np.arange(n) + n - moved, strict=True)]
