"""The most similar of many vectors: faiss finds candidates, the exact cosine decides, the recall is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

EXACT: Final = 60_000
"""Vectors among which duplicates are searched exactly: all of Alpaca in 3 CPU-seconds, and at worst 15."""
SAMPLED: Final = 1_000
"""Queries by which the recall of an approximate search is measured."""
SEED: Final = 20230523
"""Of k-means and of that sample: fixed, so that equal vectors have equal results."""
BLOCK: Final = 2_048
"""Queries searched together; fewer would be multiplied at a third of the speed."""
_SLACK: Final = 1e-5  # many times what a product in single precision may be off
_CANDIDATES: Final = 8
_TOGETHER: Final = 4_096  # vectors, or pairs of them, held at a time
_SKETCH: Final = 63  # leading directions; with the length of the rest 64 numbers, which faiss multiplies fastest
_SKETCHED_FROM: Final = 8_192  # vectors; fewer cost little without sketches
_PROBES: Final = 8  # lists of the inverted file that a query searches
_PER_CENTRE: Final = 32  # vectors that a list's centre is fitted on


class Found(NamedTuple):
    """For each of n vectors the one found for it, and how it was searched.

    Attributes:
        of: shape (n,), index of the vector found, -1 for none.
        similarity: shape (n,), cosine with that vector, NaN for none.
        method: "exact", or "ivf" for an inverted file, which misses some but finds nothing that is not there.
        recall: share found of those that a sample of 1,000 vectors has; 1 where exact, None where it has none.
        recall_of: how many the sample has, 0 where exact.
    """

    of: NDArray[np.int64]
    similarity: NDArray[np.float64]
    method: Literal["exact", "ivf"]
    recall: float | None
    recall_of: int


def one_thread() -> AbstractContextManager[object]:
    """While it lasts faiss and numpy compute in one thread: equal bytes with any number, and no idle spinning."""
    import faiss  # noqa: F401, PLC0415  (its threads are limited only if it is loaded)
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415  (of scikit-learn)

    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits


class Search:
    """Vectors that can be added and searched for the most similar one.

    The exact search asks first with sketches: a vector along the directions of largest second moment, and the length of
    what is left of it. The product of two sketches is never below that of the vectors (Cauchy-Schwarz on what is left),
    so a query that no sketch comes near has no match; only the others are set against whole vectors. The approximate
    search is an inverted file of 2 sqrt(n) lists, of which a query searches 8.

    Attributes:
        vectors: shape (n, dimension), unit length; those that may be added.
        places: indices of those that were added, in that order.
        approximate: whether an inverted file is searched.
    """

    def __init__(self, vectors: NDArray[np.float32], places: NDArray[np.int64], *, approximate: bool) -> None:
        """Prepare for vectors at ``places``, of which none is added yet."""
        import faiss  # noqa: PLC0415  (only where vectors are)

        self.vectors, self.places, self.approximate = vectors, np.empty(0, np.int64), approximate
        self._directions: NDArray[np.float32] | None = None
        self._index: Any = None
        if approximate:
            self._index = _inverted_file(vectors, places)
        elif len(places) >= _SKETCHED_FROM and vectors.shape[1] > 2 * _SKETCH:
            self._directions = _directions(vectors[spread(places, _SKETCHED_FROM)])
            self._index = faiss.IndexFlatIP(_SKETCH + 1)

    def add(self, places: NDArray[np.int64]) -> None:
        """Let the vectors at some places be found from now on."""
        self.places = np.append(self.places, places)
        if self._index is None:
            return
        for first in range(0, len(places), _TOGETHER):  # a few at a time: a second copy of all would cost memory
            some = self.vectors[places[first : first + _TOGETHER]]
            self._index.add(some if self._directions is None else _sketched(some, self._directions))

    def most_similar(
        self, queries: NDArray[np.float32], threshold: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Place of the vector most similar to each query, -1 where none reaches the threshold, and their cosine.

        Ties go to the one that was added first.
        """
        of, similarity = np.full(len(queries), -1), np.full(len(queries), np.nan)
        near = self._near(queries, threshold)
        if not len(near):
            return of, similarity
        asked, rank = (self._listed if self.approximate else self._scanned)(queries[near], threshold)
        exact = cosines(queries, near[asked], self.vectors, self.places[rank])
        order = np.lexsort((rank, -exact, asked))
        order = order[np.diff(asked[order], prepend=-1) != 0]
        order = order[exact[order] >= threshold]
        of[near[asked[order]]], similarity[near[asked[order]]] = self.places[rank[order]], exact[order]
        return of, similarity

    def _near(self, queries: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
        """Queries that may reach the threshold."""
        if self._directions is None or not len(self.places):
            return np.arange(len(queries) if len(self.places) else 0)
        bounds, _ = self._index.search(_sketched(queries, self._directions), 1)
        return np.flatnonzero(bounds[:, 0] >= threshold - _SLACK)

    def _scanned(self, queries: NDArray[np.float32], threshold: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of a query and the rank of a vector that may be the most similar, among all."""
        best = np.full(len(queries), threshold, np.float32)
        pairs = []
        for first in range(0, len(self.places), _TOGETHER):
            products = queries @ self.vectors[self.places[first : first + _TOGETHER]].T
            np.maximum(best, products.max(axis=1), out=best)
            pairs.append(np.argwhere(products >= best[:, None] - _SLACK) + np.array([0, first]))
        asked, rank = np.concatenate(pairs).T
        return asked, rank

    def _listed(self, queries: NDArray[np.float32], threshold: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same among the vectors of the lists that are searched."""
        products, found = self._index.search(queries, min(_CANDIDATES, len(self.places)))
        asked, slots = np.nonzero(products >= np.maximum(products[:, :1], threshold) - _SLACK)
        return asked, found[asked, slots]

    def recall(
        self, queries: NDArray[np.float32], limits: NDArray[np.int64], threshold: float, found: NDArray[np.bool_]
    ) -> tuple[float | None, int]:
        """Share found of the queries that have a match among the first ``limits`` vectors added, and their number."""
        exist = found.copy()
        for first in range(0, int(limits.max(initial=0)), _TOGETHER):
            products = queries @ self.vectors[self.places[first : first + _TOGETHER]].T
            products[first + np.arange(products.shape[1]) >= limits[:, None]] = -1
            exist |= products.max(axis=1) >= threshold
        n = int(exist.sum())
        return float(found.sum()) / n if n else None, n


def most_similar(
    vectors: NDArray[np.float32], others: NDArray[np.float32], threshold: float, *, exact: int = EXACT
) -> Found:
    """For each vector the most similar of others that reaches a threshold, ties going to the first.

    Args:
        vectors: shape (n, dimension), unit length or zero; zero vectors have no match.
        others: shape (m, dimension), the same; ``of`` counts among these.
        threshold: least cosine, above 0.
        exact: number of vectors up to which the search for duplicates among them is exact; as many pairs are here.
    """
    asking, known = (np.flatnonzero(some.any(axis=1)) for some in (vectors, others))
    of, similarity = np.full(len(vectors), -1), np.full(len(vectors), np.nan)
    with one_thread():
        search = Search(others, known, approximate=len(asking) * len(known) > exact**2 // 2)
        search.add(known)
        for first in range(0, len(asking), BLOCK):
            here = asking[first : first + BLOCK]
            of[here], similarity[here] = search.most_similar(vectors[here], threshold)
        if not search.approximate:
            return Found(of, similarity, "exact", 1.0, 0)
        some = asking[sampled(len(asking))]
        limits = np.full(len(some), len(known))
        return Found(of, similarity, "ivf", *search.recall(vectors[some], limits, threshold, of[some] >= 0))


def sampled(n: int) -> NDArray[np.int64]:
    """Up to 1,000 of n, ascending, by a fixed seed."""
    return np.sort(np.random.default_rng(SEED).choice(n, min(n, SAMPLED), replace=False))


def spread(places: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """At most ``size`` of the places, evenly spread."""
    return places if len(places) <= size else places[np.linspace(0, len(places) - 1, size).astype(np.int64)]


def cosines(
    left: NDArray[np.float32], rows: NDArray[np.int64], right: NDArray[np.float32], columns: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Cosines of pairs ``left[rows[i]]``, ``right[columns[i]]``, rounded to single precision.

    Computed in double precision, so that equal ones are equal wherever they stand; of equal vectors they are 1.
    """
    found = np.empty(len(rows))
    for i in range(0, len(rows), _TOGETHER):
        a = left[rows[i : i + _TOGETHER]].astype(np.float64)
        b = right[columns[i : i + _TOGETHER]].astype(np.float64)
        lengths = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
        found[i : i + _TOGETHER] = ((a * b).sum(axis=1) / lengths).astype(np.float32)
    return found


def _directions(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    """All principal directions of vectors, largest second moment first."""
    wide = sample.astype(np.float64)
    return np.ascontiguousarray(np.linalg.eigh(wide.T @ wide)[1][:, ::-1], np.float32)


def _sketched(vectors: NDArray[np.float32], directions: NDArray[np.float32]) -> NDArray[np.float32]:
    turned = vectors @ directions
    turned[:, _SKETCH] = np.linalg.norm(turned[:, _SKETCH:], axis=1)
    return np.ascontiguousarray(turned[:, : _SKETCH + 1])


def _inverted_file(vectors: NDArray[np.float32], places: NDArray[np.int64]) -> Any:
    import faiss  # noqa: PLC0415  (only where vectors are)

    lists = min(len(places), int(2 * len(places) ** 0.5))
    index: Any = faiss.index_factory(vectors.shape[1], f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.min_points_per_centroid = SEED, 1
    index.train(vectors[spread(places, _PER_CENTRE * lists)])
    index.nprobe = _PROBES
    return index
