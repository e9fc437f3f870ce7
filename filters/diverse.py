"""Diverse choices among vectors that stand best first: novelty, SemDeDup, shares of clusters, facility location.

Each gives indices in an order that does not depend on how many are asked for: fewer are the beginning of more.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis.semantic_duplicates import semantic_kept
from ultraqa.analysis.topics import nearest_centre
from ultraqa.analysis.vector_search import BLOCK, EXACT, SEED, cosines, one_thread, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MEDOIDS: Final = 2_048
"""Candidates of facility location. Twice as many cost twice as much, and of Alpaca a fiftieth that is chosen from them
covers no more, a tenth 1 % more."""
_PER_CLUSTER: Final = 20_000  # dialogues that novelty compares where all are too many
_FIRST: Final = 64  # dialogues that the lowest threshold of novelty is for; each next one is for twice as many
_ASKED: Final = 1_000
_HALVINGS: Final = 5
_HIGHEST: Final = 0.9999  # equal vectors are above it, however their product is rounded
_SLACK: Final = 1e-6  # of a product in single precision
_TOGETHER: Final = 4_096
_PER_CENTRE: Final = 32  # vectors that the centre of a cluster is fitted on
_ITERATIONS: Final = 10


class Chosen(NamedTuple):
    """What was chosen, and how.

    Attributes:
        order: shape (n,), indices in the order in which they were chosen.
        how: what was done, as the end of a sentence.
    """

    order: NDArray[np.int64]
    how: str


def novelty(vectors: NDArray[np.float32], n: int) -> Chosen:
    """Dialogues taken best first unless one that was taken is too much like them.

    How alike they may be rises with the number taken, k = 64, 128, 256 ...: no more than a dialogue and the nearest of
    k random ones are on average. So the chosen ones repeat each other less than a random choice of the same size, and
    are the best that this leaves. The threshold of the paper, .9, belongs to its encoder: with static vectors it is
    hardly ever reached, and the choice is that by quality. The one that just uses up the pool takes what is like
    nothing else, whatever its quality. A pool that is used up early goes on at thresholds half, a quarter ... as far
    from 1, and last with what is left. Source: Liu et al. 2024, Deita, ICLR, arXiv 2312.15685 (the walk).

    Compares each taken one with all d, up to 60,000; of more, with those of its k-means cluster of about 20,000. Holds
    2,048 times 4,096 cosines at a time.

    Args:
        vectors: unit vectors, best first, shape (d, dimension).
        n: how many, at most d.
    """
    d, reached = len(vectors), -1.0
    cluster = clusters(vectors, d // _PER_CLUSTER)[1] if d > EXACT else np.zeros(d, np.int64)
    members = _members(cluster)
    taken, nearest, order = np.zeros(d, np.bool_), np.full(d, -1, np.float32), list[int]()
    for size, threshold in _rising(vectors):
        if len(order) >= n:
            break
        reached = threshold
        for first in range(0, d, BLOCK):
            free = min(n, size) - len(order)
            if free <= 0:
                break
            block = slice(first, first + BLOCK)
            here = first + np.flatnonzero(~taken[block] & (nearest[block] <= threshold + _SLACK))
            new = here[_apart(vectors[here], threshold)[:free]]
            order += new.tolist()
            taken[new] = True
            _approach(nearest, vectors, new, cluster, members)
    left = np.flatnonzero(~taken)[: n - len(order)]
    more = f", then {len(left):,} that are more alike" if len(left) else ""
    among = " in its k-means cluster" if d > EXACT else ""
    how = f"each the best whose cosine with all taken before{among} is at most {reached:.3f}{more}"
    return Chosen(np.append(np.array(order, np.int64), left), how)


def _rising(vectors: NDArray[np.float32]) -> Iterator[tuple[int, float]]:
    """Numbers of dialogues, and up to which cosine they may be alike; both rise.

    The cosine is the mean of 1,000 dialogues' with the nearest of so many random ones, measured when it is asked for.
    """
    drawn = np.random.default_rng(SEED).permutation(len(vectors))
    asked = vectors[drawn[:_ASKED]]
    nearest, size, threshold = np.full(len(asked), -1, np.float32), 0, -1.0
    while size < len(vectors):
        before, size = size, min(len(vectors), max(_FIRST, 2 * size))
        for first in range(before, size, _TOGETHER):
            places = np.arange(first, min(first + _TOGETHER, size))
            products = asked @ vectors[drawn[places]].T
            products[places == np.arange(len(asked))[:, None]] = -1  # not with itself
            np.maximum(nearest, products.max(axis=1), out=nearest)
        threshold = min(_HIGHEST, float(nearest.mean(dtype=np.float64)))
        yield size, threshold
    for _ in range(_HALVINGS):
        threshold = min(_HIGHEST, (1 + threshold) / 2)
        yield size, threshold


def _apart(block: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    """Indices of a block, taken one after the other, that are not above the threshold with one taken before."""
    close = block @ block.T > threshold + _SLACK
    free, found = np.ones(len(block), np.bool_), []
    for i in range(len(block)):
        if free[i]:
            found.append(i)
            free &= ~close[i]
    return np.array(found, np.int64)


def _approach(
    nearest: NDArray[np.float32],
    vectors: NDArray[np.float32],
    new: NDArray[np.int64],
    cluster: NDArray[np.int64],
    members: list[NDArray[np.int64]],
) -> None:
    """Raise the cosine with the nearest taken one of every dialogue in a cluster of newly taken ones."""
    for one in np.unique(cluster[new]):
        added = vectors[new[cluster[new] == one]].T
        for first in range(0, len(members[one]), _TOGETHER):
            some = members[one][first : first + _TOGETHER]
            nearest[some] = np.maximum(nearest[some], (vectors[some] @ added).max(axis=1))


def semdedup(vectors: NDArray[np.float32], n: int, threshold: float) -> Chosen:
    """SemDeDup, then the best: of dialogues alike in a k-means cluster only the best is chosen while others remain.

    The paper keeps the one farthest from the centre of its cluster; where there is a quality, it decides. Source:
    Abbas et al. 2023, SemDeDup, arXiv 2303.09540; see ``semantic_kept``.

    Args:
        vectors: unit vectors, best first, shape (d, dimension).
        n: how many, at most d.
        threshold: least cosine of dialogues that are alike.
    """
    kept = semantic_kept(vectors, threshold, keep="first")
    order = np.argsort(~kept, kind="stable")
    how = f"the best of {int(kept.sum()):,} that SemDeDup leaves of {len(vectors):,} at a cosine of {threshold:g}"
    return Chosen(order[:n], how)


def balanced(vectors: NDArray[np.float32], n: int) -> Chosen:
    """Equal shares of k-means clusters, as many as the square root of the dialogues: the best of each in turn.

    Args:
        vectors: unit vectors, best first, shape (d, dimension).
        n: how many, at most d.
    """
    k = max(1, round(len(vectors) ** 0.5))
    order = np.argsort(_turns(clusters(vectors, k)[1]), kind="stable")
    return Chosen(order[:n], f"equal shares of {k:,} k-means clusters, the best of each first")


def facility(vectors: NDArray[np.float32], n: int) -> Chosen:
    """Facility location on the medoids of 2,048 k-means clusters, then the best of their clusters in turn.

    The medoid is the dialogue nearest to the centre of a cluster, and counts as often as the cluster has members. Up
    to 2,048 dialogues are their own medoids. Of what they cover the first n hold at least 1 - 1/e of the most that n
    of them can. See ``facility_location``.

    Args:
        vectors: unit vectors, best first, shape (d, dimension).
        n: how many, at most d.
    """
    cluster = medoids = np.arange(len(vectors))
    if len(vectors) > MEDOIDS:
        centres, nearest = clusters(vectors, MEDOIDS)
        closeness = cosines(vectors, np.arange(len(vectors)), centres, nearest)
        by_cluster = np.lexsort((-closeness, nearest))
        medoids = by_cluster[np.diff(nearest[by_cluster], prepend=-1) > 0]
        cluster = np.unique(nearest, return_inverse=True)[1]  # none is empty
    similarity = np.maximum(vectors[medoids] @ vectors[medoids].T, 0)
    chosen = facility_location(similarity, np.bincount(cluster).astype(float), n)
    place = np.full(len(medoids), len(medoids))
    place[chosen] = np.arange(len(chosen))
    turns = _turns(cluster, medoids)
    how = f"facility location on {len(medoids):,} medoids, then the best of their clusters in turn"
    return Chosen(np.lexsort((place[cluster], turns))[:n], how)


def facility_location(similarity: NDArray[np.float32], weights: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Which of m candidates cover all best: each adds most to the sum of everyone's similarity to the nearest chosen.

    The greedy choice, which reaches at least 1 - 1/e of the best sum; ties go to the first. Lazy: what a candidate adds
    never grows, so only those are computed again that may still add most. Source: Nemhauser, Wolsey & Fisher 1978,
    Mathematical Programming 14 (the bound); Minoux 1978, Accelerated greedy algorithms (the laziness).

    Args:
        similarity: shape (m, m), at least 0.
        weights: shape (m,), how often each counts.
        n: how many; at most m are found.

    Returns:
        Shape (min(n, m),), in the order in which they were chosen.
    """
    covered, found = np.zeros(len(similarity), np.float32), list[int]()
    bounds = [(-float(similarity[i] @ weights), i) for i in range(len(similarity))]
    heapify(bounds)
    while bounds and len(found) < n:
        i = heappop(bounds)[1]
        now = (-float(np.maximum(similarity[i] - covered, 0) @ weights), i)
        if bounds and now > bounds[0]:
            heappush(bounds, now)
            continue
        found.append(i)
        np.maximum(covered, similarity[i], out=covered)
    return np.array(found, np.int64)


def clusters(vectors: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Centres of k-means clusters, shape (k, dimension), and the nearest centre of each vector."""
    import faiss  # noqa: PLC0415  (only where vectors are)

    with one_thread():
        means = faiss.Kmeans(
            vectors.shape[1], k, niter=_ITERATIONS, seed=SEED, spherical=True, min_points_per_centroid=1
        )
        means.train(vectors[spread(np.arange(len(vectors)), _PER_CENTRE * k)])
        centres = np.asarray(means.centroids, np.float32)
        return centres, nearest_centre(vectors, centres)


def _members(cluster: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Indices of each cluster, from 0."""
    order = np.argsort(cluster, kind="stable")
    return np.split(order, np.cumsum(np.bincount(cluster))[:-1])


def _turns(cluster: NDArray[np.int64], leaders: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """How many of its cluster stand before each: leaders first, then as they come."""
    follows = np.ones(len(cluster), np.bool_)
    follows[leaders if leaders is not None else []] = False
    order = np.lexsort((follows, cluster))
    sizes = np.bincount(cluster)
    turns = np.empty(len(cluster), np.int64)
    turns[order] = np.arange(len(cluster)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return turns
