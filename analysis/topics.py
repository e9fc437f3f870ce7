"""Topic diversity from vectors: similarity of all pairs, Vendi score, nearest neighbours, clusters, a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.metric import Result
from ultraqa.analysis.statistics import Z
from ultraqa.analysis.vectors import units
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.corpus import SampledText
    from ultraqa.analysis.part import Part
    from ultraqa.analysis.vectors import Space

DIALOGUE_BUDGETS: Final = (100, 300, 1_000, 3_000, 10_000)
"""Numbers of dialogues at which what depends on their number is measured; only equal ones are compared."""
PAPER_DIALOGUES: Final = 10_000
TOPICS: Final = 50
_PER_TOPIC: Final = 20
_BLOCKS: Final = 10
_T: Final = 2.262  # 97.5 % point of Student's t with 9 degrees of freedom
_SEED: Final = 20230523  # of the k-means start: fixed, so that equal data have equal topics


def topic_similarity(vectors: NDArray[np.float32]) -> float | None:
    """Mean cosine similarity of all pairs: the UltraChat table's topic diversity, which the paper calls a distance.

    Lower = more diverse, -1 to 1. Of whole dialogues (the mean of their messages' vectors by length), prompts, or the
    messages of a role. Long dialogues are more alike than short ones, for their means average out. In closed form,
    (|sum|^2 - n) / (n (n - 1)) over unit vectors, hence over every pair. Depends on the encoder: numbers of two
    encoders are never compared. None below two. Source: Ding et al. 2023, EMNLP, Table 4.

    Args:
        vectors: unit vectors, shape (n, dimension).
    """
    return similarity_of_sum(len(vectors), vectors.sum(axis=0, dtype=np.float64))


def similarity_of_sum(n: int, total: NDArray[np.float64]) -> float | None:
    """``topic_similarity`` of ``n`` unit vectors from their sum, which of parts is the sum of the parts' sums."""
    return (float((total**2).sum()) - n) / (n * (n - 1)) if n > 1 else None


def topic_similarity_paper(vectors: NDArray[np.float32]) -> float | None:
    """Mean cosine similarity of all pairs among 10,000 distinct dialogues, the sample size of the UltraChat table.

    Lower = more diverse. The paper embedded with OpenAI's model, so its numbers are not comparable with these. None
    below two dialogues. Source: Ding et al. 2023, EMNLP, Table 4.
    """
    return topic_similarity(vectors)


def vendi(vectors: NDArray[np.float32]) -> float | None:
    """Vendi score: the effective number of different dialogues, the exponential of the entropy of similarity.

    From 1 (all alike) to at most the smaller of the number of dialogues and the dimension of the vectors; higher = more
    diverse. Grows with the number of dialogues, so it is compared at equal numbers only. None without a vector.
    Source: Friedman & Dieng 2023, TMLR (the dual form: eigenvalues of the second moment).

    Args:
        vectors: unit vectors, shape (n, dimension).
    """
    if not len(vectors):
        return None
    return effective_number(_moment(vectors) / len(vectors))


def _moment(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    return wide.T @ wide


def effective_number(moment: NDArray[np.float64]) -> float:
    """Exponential of the entropy of a second moment's eigenvalues: the Vendi score."""
    values = np.linalg.eigvalsh(moment)
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


def nearest_distance(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine distance of each dialogue to the one most like it.

    Higher = more spread out; 0 = the same wording. Falls with the number of dialogues, so it is compared at equal
    numbers only. Exact. Source: the Chamfer distance of Cox et al. 2021, CHI.

    Args:
        vectors: unit vectors, shape (n, dimension), n at least 2.

    Returns:
        Shape (n,).
    """
    import faiss  # noqa: PLC0415  (only where vectors are)

    faiss.omp_set_num_threads(1)  # equal bytes with any number of workers
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    similarities, neighbours = index.search(vectors, 2)
    own = neighbours[:, 0] == np.arange(len(vectors))
    nearest: NDArray[np.float32] = np.where(own, similarities[:, 1], similarities[:, 0])
    return 1 - nearest


def topic_entropy(counts: NDArray[np.int64]) -> float | None:
    """Evenness of the topics: entropy of their shares over the logarithm of their number.

    0 (one topic) to 1 (all topics alike); higher = more even. Topics are k-means clusters of the dialogues' vectors,
    one for every 20 dialogues and at most 50. None where there are fewer than 40 dialogues.

    Args:
        counts: dialogues of each topic.
    """
    if len(counts) < 2 or not counts.sum():
        return None
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum() / np.log(len(counts)))


def assign(vectors: NDArray[np.float32], sample: NDArray[np.int64]) -> NDArray[np.int64]:
    """Topic of each dialogue, 0 the largest: k-means clusters of the sampled vectors, the nearest centre for the rest.

    Args:
        vectors: unit vectors, shape (n, dimension).
        sample: indices of the vectors that the clusters are made of.

    Returns:
        Shape (n,); -1 where there are too few dialogues for two topics, and for zero vectors.
    """
    import faiss  # noqa: PLC0415  (only where vectors are)

    k = min(TOPICS, len(sample) // _PER_TOPIC)
    if k < 2:
        return np.full(len(vectors), -1)
    faiss.omp_set_num_threads(1)
    means = faiss.Kmeans(vectors.shape[1], k, niter=25, seed=_SEED, spherical=True, min_points_per_centroid=1)
    means.train(np.ascontiguousarray(vectors[sample]))
    topics = nearest_centre(vectors, np.asarray(means.centroids, np.float32))
    order = np.argsort(-np.bincount(topics[topics >= 0], minlength=k), kind="stable")
    rank = np.empty(k, np.int64)
    rank[order] = np.arange(k)
    return np.where(topics >= 0, rank[topics], -1)


def nearest_centre(vectors: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    """Index of the centre most like each vector, -1 for a zero vector."""
    found = np.concatenate([(vectors[i : i + 4096] @ centres.T).argmax(axis=1) for i in range(0, len(vectors), 4096)])
    found[~vectors.any(axis=1)] = -1
    return found


def centres(vectors: NDArray[np.float32], topics: NDArray[np.int64], k: int) -> NDArray[np.float32]:
    """Unit vectors of the means of the topics' dialogues, shape (k, dimension)."""
    sums = np.zeros((k, vectors.shape[1]), np.float32)
    np.add.at(sums, topics[topics >= 0], vectors[topics >= 0])
    return units(sums)


def terms(
    samples: Sequence[SampledText], topic_of: dict[int, int], k: int, common: frozenset[str], n: int = 6
) -> list[list[str]]:
    """The words that set each topic apart, by class-based TF-IDF: f(word, topic) log(1 + A / f(word)).

    A is the mean number of words of a topic. Source: Grootendorst 2022, BERTopic.

    Args:
        samples: sampled texts of user and assistant.
        topic_of: topic of each row.
        k: number of topics.
        common: words that are never shown.
        n: words per topic.
    """
    vocabulary: dict[str, int] = {}
    counted = []
    for sample in samples:
        ids = np.array([vocabulary.setdefault(word, len(vocabulary)) for word in sample.vocabulary], np.int64)
        topics = np.array([topic_of.get(row, -1) for row in sample.rows.tolist()], np.int64)
        owner = np.repeat(topics, np.diff(sample.word_offsets))
        counted.append((owner[owner >= 0], ids[sample.ids[owner >= 0]] if len(ids) else ids))
    counts = np.zeros((k, max(1, len(vocabulary))))
    for owner, words in counted:
        np.add.at(counts, (owner, words), 1)
    total = counts.sum(axis=0)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    scores = shares * np.log1p(counts.sum() / k / np.maximum(1, total))
    names = list(vocabulary)
    hidden = [i for i, word in enumerate(names) if word in common or len(word) < 3]
    scores[:, hidden] = 0
    best = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    return [[names[i] for i in line if names and scores[topic, i] > 0] for topic, line in enumerate(best.tolist())]


def projected(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """The two principal components of vectors and the share of variance that they show; signs are fixed.

    Args:
        vectors: shape (n, dimension).

    Returns:
        Shape (n, 2), and a share.
    """
    centred = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh(_moment(centred))
    chosen = axes[:, ::-1][:, :2]
    chosen = chosen * np.sign(chosen[np.abs(chosen).argmax(axis=0), [0, 1]])
    total = float(values.sum())
    return (centred @ chosen).astype(np.float32), float(values[-2:].sum()) / total if total > 0 else 0.0


def rows(part: Part, space: Space) -> Iterator[Result]:
    """Every row of topic diversity of a part, all of whose dialogues have vectors."""
    encoding = space.encoding
    yield from _similarity_rows(part, space)
    order = part.by_hash(np.asarray(space.dialogues.any(axis=1), np.bool_))
    yield _paper_row(part, space, order)
    yield from _vendi_rows(part, space.dialogues[order], encoding.version)
    yield from _nearest_rows(part, space.dialogues[order], encoding.version)
    yield from _few(part, space.dialogues[order], encoding.version)
    topics = part.dialogue("topic")
    known = topics[~np.isnan(topics) & (topics >= 0)].astype(np.int64)
    value = topic_entropy(np.bincount(known, minlength=len(part.profile.document.get("topics", ()))))
    note = "" if value is not None else f"{len(topics):,} dialogues: topics need {2 * _PER_TOPIC}"
    yield Result(
        part.name, "topic_entropy", "dialogue", "value", value, n=len(known), version=encoding.version, note=note
    )


def _similarity_rows(part: Part, space: Space) -> Iterator[Result]:
    asked = np.flatnonzero(part.roles == USER)
    chosen = {
        "prompt": asked[np.diff(part.owner[asked], prepend=-1) != 0],
        "user": asked,
        "assistant": np.flatnonzero(part.roles == ASSISTANT),
    }
    yield _similarity_row(part, "dialogue", space.dialogues, np.arange(len(part.rows)), space.encoding.version)
    for scope, members in chosen.items():
        yield _similarity_row(part, scope, space.messages[members], part.owner[members], space.encoding.version)


def _similarity_row(
    part: Part, scope: str, vectors: NDArray[np.float32], owner: NDArray[np.int64], version: str
) -> Result:
    spoken = vectors.any(axis=1)
    if not spoken.all():
        vectors, owner = vectors[spoken], owner[spoken]
    value = topic_similarity(vectors)
    low, high = _pair_interval(vectors, owner, part.distinct, value)
    note = "" if value is not None else "fewer than two with a vector"
    return Result(
        part.name, "topic_similarity", scope, "mean", value, low, high, "", len(vectors), int((~spoken).sum()), None,
        version, note,
    )  # fmt: skip


def _pair_interval(
    vectors: NDArray[np.float32], owner: NDArray[np.int64], distinct: NDArray[np.bool_], value: float | None
) -> tuple[float | None, float | None]:
    """Interval of a mean over pairs by its linear part: each dialogue's mean similarity to all (Hoeffding 1948)."""
    n = len(vectors)
    if value is None or n < 3:
        return None, None
    with_all = (vectors @ vectors.sum(axis=0) - 1) / (n - 1) - value
    sums = np.bincount(owner, weights=with_all, minlength=len(distinct))[distinct]
    d = int((sums != 0).sum())
    if d < 3:
        return None, None
    spread = 2 * Z * float(np.sqrt((sums**2).sum() * d / (d - 1))) / n
    return value - spread, value + spread


def _paper_row(part: Part, space: Space, order: NDArray[np.int64]) -> Result:
    chosen = order[:PAPER_DIALOGUES]
    vectors = space.dialogues[chosen]
    value = topic_similarity_paper(vectors)
    low, high = _pair_interval(vectors, np.arange(len(chosen)), np.ones(len(chosen), np.bool_), value)
    note = "" if len(chosen) == PAPER_DIALOGUES else f"{len(chosen):,} distinct dialogues; the paper drew 10,000"
    return Result(
        part.name, "topic_similarity_paper", "dialogue", "mean", value, low, high, "", len(chosen),
        version=space.encoding.version, note=note,
    )  # fmt: skip


def _vendi_rows(part: Part, vectors: NDArray[np.float32], version: str) -> Iterator[Result]:
    """Vendi score at the numbers of dialogues that the part reaches; intervals by leaving out one of ten blocks."""
    for budget in _budgets(vectors):
        blocks = [_moment(block) for block in np.array_split(vectors[:budget], _BLOCKS)]
        sizes = np.array([len(block) for block in np.array_split(np.arange(budget), _BLOCKS)])
        whole = np.sum(blocks, axis=0)
        value = effective_number(whole / budget)
        left = [effective_number((whole - block) / (budget - size)) for block, size in zip(blocks, sizes, strict=True)]
        spread = _T * (_BLOCKS - 1) / _BLOCKS**0.5 * float(np.std(left, ddof=1))
        yield Result(
            part.name, "vendi", "dialogue", "value", value, value - spread, value + spread, "dialogues", budget, 0,
            budget, version,
        )  # fmt: skip


def _nearest_rows(part: Part, vectors: NDArray[np.float32], version: str) -> Iterator[Result]:
    """Mean distance to the nearest dialogue at the numbers of dialogues that the part reaches."""
    for budget in _budgets(vectors):
        distances = nearest_distance(vectors[:budget])
        value, spread = float(distances.mean()), Z * float(distances.std(ddof=1)) / budget**0.5
        yield Result(
            part.name, "nearest_distance", "dialogue", "mean", value, value - spread, value + spread, "", budget, 0,
            budget, version,
        )  # fmt: skip


def _budgets(vectors: NDArray[np.float32]) -> list[int]:
    return [budget for budget in DIALOGUE_BUDGETS if budget <= len(vectors)]


def _few(part: Part, vectors: NDArray[np.float32], version: str) -> Iterator[Result]:
    """Why there are no numbers at any number of dialogues."""
    if not _budgets(vectors):
        note = f"{len(vectors):,} distinct dialogues with a vector: {DIALOGUE_BUDGETS[0]} are needed"
        for metric, statistic, unit in (("vendi", "value", "dialogues"), ("nearest_distance", "mean", "")):
            yield Result(
                part.name, metric, "dialogue", statistic, None, unit=unit, n=len(vectors), version=version, note=note
            )
