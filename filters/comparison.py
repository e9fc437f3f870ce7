"""Comparison: what selections of one size keep of the pool that they were chosen from, in diversity and coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ultraqa.analysis.part import part_of
from ultraqa.analysis.statistics import Clusters, Z, describe
from ultraqa.analysis.topics import nearest_distance, topic_entropy, topic_similarity, vendi
from ultraqa.analysis.vector_search import one_thread
from ultraqa.analysis.vectors import encoding_of
from ultraqa.dialogues.batch import ASSISTANT
from ultraqa.dialogues.sources import DataError
from ultraqa.filters.candidates import vectors_of, with_vectors
from ultraqa.filters.diverse import clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.part import Part
    from ultraqa.analysis.profile import Profile

BUDGET: Final = 10_000
"""Dialogues at which what depends on their number is measured at most."""
ASKED: Final = 2_000
"""Dialogues of the pool, drawn by the seed, by which its coverage is measured."""
CLUSTERS: Final = 1_000
_PER_CLUSTER: Final = 20
_TOGETHER: Final = 4_096
_BY_VECTORS: Final = (
    "topic_similarity", "vendi", "nearest_distance", "topic_entropy", "clusters_covered", "facility_coverage",
)  # fmt: skip


class _Pool(NamedTuple):
    """The distinct dialogues of the pool that have a vector, in order of content hash.

    Attributes:
        hashes: shape (p,), their content hashes, ascending.
        vectors: shape (p, dimension).
        topics: shape (p,), topic of the Profile, -1 for none.
        clusters: shape (p,), k-means cluster.
        asked: shape (q,), indices of those by which coverage is measured.
    """

    hashes: NDArray[np.uint64]
    vectors: NDArray[np.float32]
    topics: NDArray[np.int64]
    clusters: NDArray[np.int64]
    asked: NDArray[np.int64]


def measured(
    profile: Profile, rows: NDArray[np.int64], selections: dict[str, NDArray[np.int64]], seed: int
) -> list[dict[str, Any]]:
    """Numbers of selections, in one frame: the same pool, clusters, sample and number of dialogues.

    Of vectors only the distinct dialogues that have one count.

    Args:
        profile: the measured dataset.
        rows: the pool, ascending.
        selections: rows of each, ascending, by name.
        seed: of the dialogues by which coverage is measured.

    Returns:
        A dictionary a selection: ``selection`` its name; ``dialogues``; ``exact_duplicates`` the share that equal
        another; ``words_per_reply`` mean; ``topic_similarity`` (lower = more diverse), ``vendi`` (higher = more
        diverse) and ``nearest_distance`` (mean cosine distance to the nearest other, higher = less repeated), the
        latter two at ``budget`` dialogues; ``topic_entropy`` evenness over the report's topics; ``clusters_covered``
        share of the pool's ``clusters`` k-means clusters with at least one; ``facility_coverage`` mean cosine of
        ``asked`` dialogues of the pool, drawn by ``seed``, with the nearest chosen one (higher = better covered);
        ``intervals`` of 95 % by the names of those that have one; ``encoder``; ``note`` why numbers are None.
    """
    parts = {name: part_of(profile, some, name) for name, some in selections.items()}
    found = [_of_words(part) for part in parts.values()]
    try:
        pool = _pool(profile, rows, seed)
    except DataError as error:
        return [{**one, **dict.fromkeys(_BY_VECTORS), "note": str(error)} for one in found]
    places = [_places(pool, part) for part in parts.values()]
    size = min(BUDGET, *(len(some) for some in places))
    encoding = encoding_of(profile)
    frame = {
        "budget": size, "clusters": len(np.unique(pool.clusters)), "asked": len(pool.asked), "seed": seed,
        "encoder": encoding.name if encoding else None,
        "note": "" if size > 1 else "too few distinct dialogues with a vector",
    }  # fmt: skip
    with one_thread():
        return [
            {**_joined(one, _of_vectors(pool, some, size)), **frame} for one, some in zip(found, places, strict=True)
        ]


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {**one, **other, "intervals": {**one["intervals"], **other["intervals"]}}


def _of_words(part: Part) -> dict[str, Any]:
    replies = part.roles == ASSISTANT
    words = part.message("words")[replies].astype(float)
    mean = describe(words, Clusters(part.owner[replies], part.distinct))[0]
    return {
        "selection": part.name, "dialogues": len(part.rows),
        "exact_duplicates": float(1 - part.distinct.mean()) if len(part.rows) else None,
        "words_per_reply": mean.value, "intervals": _interval("words_per_reply", mean.low, mean.high), "note": "",
    }  # fmt: skip


def _interval(name: str, low: float | None, high: float | None) -> dict[str, list[float]]:
    return {} if low is None or high is None else {name: [low, high]}


def _pool(profile: Profile, rows: NDArray[np.int64], seed: int) -> _Pool:
    known = with_vectors(profile, rows)
    hashes, first = np.unique(profile.column("content_hash")[known], return_index=True)
    vectors = vectors_of(profile, known[first])
    spoken = np.asarray(vectors.any(axis=1))
    if not spoken.all():
        hashes, first, vectors = hashes[spoken], first[spoken], vectors[spoken]
    topics = np.nan_to_num(profile.column("topic")[known[first]], nan=-1).astype(np.int64)
    k = min(CLUSTERS, len(vectors) // _PER_CLUSTER)
    cluster = clusters(vectors, k)[1] if k > 1 else np.zeros(len(vectors), np.int64)
    asked = np.random.default_rng(seed).permutation(len(vectors))[:ASKED]
    return _Pool(hashes, vectors, topics, cluster, asked)


def _places(pool: _Pool, part: Part) -> NDArray[np.int64]:
    """Indices in the pool of the distinct dialogues of a selection."""
    return np.flatnonzero(np.isin(pool.hashes, part.dialogue("content_hash")))


def _of_vectors(pool: _Pool, some: NDArray[np.int64], size: int) -> dict[str, Any]:
    if size < 2:
        return {**dict.fromkeys(_BY_VECTORS), "intervals": {}}
    vectors = pool.vectors[some]
    distances, covered = nearest_distance(vectors[:size]), _coverage(pool, some)
    topics = pool.topics[some]
    return {
        "topic_similarity": topic_similarity(vectors),
        "vendi": vendi(vectors[:size]),
        "nearest_distance": float(distances.mean()),
        "topic_entropy": topic_entropy(np.bincount(topics[topics >= 0], minlength=int(pool.topics.max()) + 1)),
        "clusters_covered": len(np.unique(pool.clusters[some])) / len(np.unique(pool.clusters)),
        "facility_coverage": float(covered.mean()),
        "intervals": {
            name: [float(values.mean()) + sign * Z * float(values.std(ddof=1)) / len(values) ** 0.5 for sign in (-1, 1)]
            for name, values in (("nearest_distance", distances), ("facility_coverage", covered))
        },
    }  # fmt: skip


def _coverage(pool: _Pool, some: NDArray[np.int64]) -> NDArray[np.float32]:
    """Cosine of each asked dialogue with the nearest of the chosen ones."""
    asked, nearest = pool.vectors[pool.asked], np.full(len(pool.asked), -1, np.float32)
    for first in range(0, len(some), _TOGETHER):
        products = asked @ pool.vectors[some[first : first + _TOGETHER]].T
        np.maximum(nearest, products.max(axis=1), out=nearest)
    return nearest
