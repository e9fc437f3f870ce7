"""Semantic near-duplicates: dialogues whose vectors point the same way, each beside the kept one that it duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.analysis.metric import Result
from ultraqa.analysis.statistics import Clusters, share
from ultraqa.analysis.vector_search import BLOCK, EXACT, SEED, Found, Search, cosines, one_thread, sampled, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ultraqa.analysis.part import Part
    from ultraqa.analysis.vectors import Encoding, Space

THRESHOLDS: Final = {"static": 0.95, "minilm": 0.95}
"""Cosine from which dialogues are taken for duplicates, by encoder: a higher one loses rewordings and is no surer, as
``benchmarks/results/semantic.md`` shows."""
OTHER_THRESHOLD: Final = 0.95
"""The same for an encoder of which nothing was measured."""
_STEP: Final = 256  # of a block set against each other together
_PER_CLUSTER: Final = 1_000
_PER_CENTRE: Final = 64  # vectors that the centre of a cluster is fitted on


class Columns(NamedTuple):
    """Columns of dialogues; NaN where one duplicates none, has no vector, or is an exact copy of an earlier one.

    Attributes:
        semantic_duplicate_of: row of the kept dialogue.
        semantic_similarity: cosine with it.
    """

    semantic_duplicate_of: NDArray[np.float64]
    semantic_similarity: NDArray[np.float64]


def threshold_of(encoding: Encoding) -> float:
    """The default threshold of an encoder."""
    return THRESHOLDS.get(encoding.name.partition(" ")[0], OTHER_THRESHOLD)


def semantic_duplicates(
    vectors: NDArray[np.float32], threshold: float, *, order: NDArray[np.int64] | None = None, exact: int = EXACT
) -> Found:
    """Dialogues whose vector has at least a threshold's cosine with that of an earlier dialogue that is kept.

    Over distinct dialogues, exact copies being counted elsewhere; lower share = less repeated. A dialogue duplicates
    the most similar earlier kept one, ties going to the earliest, and is kept where there is none: so each is within
    the threshold of the one that it is said to duplicate, and there are no chains.

    For review, not for dropping unseen: of labelled pairs from .95 up, half with static vectors and three in four with
    MiniLM ask for the same and are answered alike. Static vectors know neither order nor numbers, so that the same
    exercise with other numbers is taken for a copy; so are, with either encoder, two tasks on one long text, code that
    differs in a detail, and the parts of a conversation that was split. Source: the leader algorithm, Hartigan 1975,
    Clustering Algorithms, chapter 3.

    Args:
        vectors: shape (n, dimension), unit length; a zero vector (no text) neither duplicates nor is duplicated.
        threshold: least cosine, above 0 and at most 1.
        order: indices of the vectors that take part, the first to be kept first; by default all as they come.
        exact: number of vectors up to which the search is exact.

    Raises:
        ValueError: the threshold is no such cosine.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"a threshold of {threshold}: a cosine above 0 and at most 1 is needed")
    places = np.arange(len(vectors)) if order is None else order
    places = places[np.asarray(vectors.any(axis=1))[places]]
    of, similarity = np.full(len(vectors), -1), np.full(len(vectors), np.nan)
    with one_thread():
        search = Search(vectors, places, approximate=len(places) > exact)
        for first in range(0, len(places), BLOCK):
            here = places[first : first + BLOCK]
            before = search.most_similar(vectors[here], threshold)
            of[here], similarity[here] = _within(vectors, here, *before, threshold)
            search.add(here[of[here] < 0])
        if not search.approximate:
            return Found(of, similarity, "exact", 1.0, 0)
        some = sampled(len(places))
        kept_before = np.append(0, np.cumsum(of[places] < 0))[some]
        asked = places[some]
        return Found(of, similarity, "ivf", *search.recall(vectors[asked], kept_before, threshold, of[asked] >= 0))


def _within(
    vectors: NDArray[np.float32],
    here: NDArray[np.int64],
    of: NDArray[np.int64],
    similarity: NDArray[np.float64],
    threshold: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """What the vectors of a block duplicate, given what they duplicate before it; they are taken one by one."""
    block = vectors[here].astype(np.float64)
    block /= np.linalg.norm(block, axis=1, keepdims=True)
    kept = of < 0
    for first in range(0, len(here), _STEP):
        step = np.arange(first, min(first + _STEP, len(here)))
        columns = np.flatnonzero(kept[: first + len(step)])
        products = (block[step] @ block[columns].T).astype(np.float32).astype(np.float64)  # as ``cosines`` rounds
        close = (products >= threshold) & (columns < step[:, None])
        for i in np.flatnonzero(close.any(axis=1)).tolist():
            among = np.flatnonzero(close[i] & kept[columns])
            if not len(among):
                continue
            best = among[products[i, among].argmax()]
            kept[first + i] = False
            if not similarity[first + i] >= products[i, best]:  # NaN where it duplicates none before the block
                of[first + i], similarity[first + i] = here[columns[best]], products[i, best]
    return of, similarity


def semantic_kept(
    vectors: NDArray[np.float32], threshold: float, *, keep: Literal["farthest", "first"] = "farthest"
) -> NDArray[np.bool_]:
    """Dialogues that SemDeDup-style pruning keeps: of those alike in a k-means cluster the farthest from its centre.

    Differs from ``semantic_duplicates`` in that duplicates of different clusters are not seen (about 1,000 dialogues
    make a cluster, so that the cost grows with the number of dialogues and not with its square), and in which one is
    kept: the least typical of its cluster. Within a cluster each is taken in that order and dropped if it is within the
    threshold of one already kept; the paper's code also drops what is like a dropped one. Source: Abbas et al. 2023,
    SemDeDup, arXiv 2303.09540.

    Args:
        vectors: shape (n, dimension), unit length; zero vectors are kept.
        threshold: least cosine, above 0 and at most 1; the paper's 1 - epsilon.
        keep: "farthest" from the centre of its cluster as in the paper, or "first" as they come.

    Returns:
        Shape (n,).
    """
    kept = np.ones(len(vectors), np.bool_)
    spoken = np.flatnonzero(vectors.any(axis=1))
    centres, cluster = _clusters(vectors, spoken)
    closeness = cosines(vectors, spoken, centres, cluster) if keep == "farthest" else spoken
    ordered = np.lexsort((spoken, closeness, cluster))
    for members in np.split(spoken[ordered], np.flatnonzero(np.diff(cluster[ordered])) + 1):
        kept[members] = semantic_duplicates(vectors[members], threshold).of < 0
    return kept


def _clusters(vectors: NDArray[np.float32], spoken: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Centres of k-means clusters, one for 1,000 vectors, and the cluster of each of ``spoken``."""
    import faiss  # noqa: PLC0415  (only where vectors are)

    k = len(spoken) // _PER_CLUSTER
    if k < 2:
        return vectors[spoken].mean(axis=0, keepdims=True), np.zeros(len(spoken), np.int64)
    with one_thread():
        means = faiss.Kmeans(vectors.shape[1], k, niter=20, seed=SEED, spherical=True, min_points_per_centroid=1)
        means.train(vectors[spread(spoken, _PER_CENTRE * k)])
        nearest = [means.index.search(vectors[spoken[i : i + BLOCK]], 1)[1] for i in range(0, len(spoken), BLOCK)]
    return np.asarray(means.centroids, np.float32), np.concatenate(nearest)[:, 0]


def columns(
    part: Part, space: Space, threshold: float | None = None, *, exact: int = EXACT
) -> tuple[Columns, dict[str, Any]]:
    """Columns of semantic duplicates of a part in file order, and how they were searched for.

    Args:
        part: the drawn dialogues with vectors.
        space: their vectors.
        threshold: least cosine; by default that of the encoder.
        exact: number of dialogues up to which the search is exact.

    Returns:
        Columns of shape (d,), and ``threshold``, ``compared`` (distinct dialogues with a vector), ``found`` (those that
        duplicate another), ``method`` ("exact" or "ivf"), ``recall`` and ``recall_of`` as in ``Found``.
    """
    least = threshold_of(space.encoding) if threshold is None else threshold
    compared = np.flatnonzero(part.distinct & space.dialogues.any(axis=1))
    found = semantic_duplicates(space.dialogues, least, order=compared, exact=exact)
    of = np.where(found.of >= 0, part.rows[found.of], np.nan)
    searched = {
        "threshold": least, "compared": len(compared), "found": int((found.of >= 0).sum()), "method": found.method,
        "recall": found.recall, "recall_of": found.recall_of,
    }  # fmt: skip
    return Columns(of, found.similarity), searched


def rows(part: Part, space: Space) -> Iterator[Result]:
    """Share and number of distinct dialogues of a part that repeat an earlier one in meaning, from the columns.

    Within a part made by ``--by``, of the dialogues that duplicate the same one the first counts as kept.
    """
    searched = part.profile.document.get("semantic_duplicates") or {"threshold": threshold_of(space.encoding)}
    spoken = np.asarray(space.dialogues.any(axis=1), np.bool_)
    compared = part.distinct & spoken
    repeated = exact_duplicates(_originals(part)[compared].astype(np.uint64) + np.uint64(1)) >= 0
    version = f"{space.encoding.version}, cosine {searched['threshold']:g}"
    note = _note(searched) if len(repeated) else "no dialogue with a vector"
    for statistic, value, low, high in share(repeated, Clusters(None, np.ones(len(repeated), np.bool_))):
        unit = "share" if statistic == "share" else ""
        yield Result(
            part.name, "semantic_duplicates", "dialogue", statistic, value, low, high, unit, len(repeated),
            int((~spoken).sum()), None, version, note,
        )  # fmt: skip


def _originals(part: Part) -> NDArray[np.int64]:
    """Row of the dialogue that each of the part duplicates, exactly or semantically; its own where there is none."""
    copied = exact_duplicates(part.profile.column("content_hash"))[part.rows]
    first = np.where(copied >= 0, copied, part.rows)
    of = part.profile.column("semantic_duplicate_of")[first]
    return np.where(np.isnan(of), first, of).astype(np.int64)


def _note(searched: dict[str, Any]) -> str:
    """What an approximate search may have missed, nothing for an exact one."""
    if searched.get("method", "exact") == "exact":
        return ""
    if searched["recall"] is None:
        return "approximate search, its recall unknown: none of 1,000 sampled dialogues is a duplicate"
    return f"approximate search, recall {searched['recall']:.2f} ({searched['recall_of']} duplicates of 1,000 sampled)"
