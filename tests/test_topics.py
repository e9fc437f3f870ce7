"""Topic diversity: golden values, brute force over all pairs, the Vendi package, planted topics."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultraqa.analysis import topics
from ultraqa.analysis.corpus import SampledText
from ultraqa.analysis.vectors import units

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOLDEN: Final[dict[str, dict[str, Any]]] = json.loads((Path(__file__).parent / "golden" / "vectors.json").read_text())


def hashed(texts: list[str]) -> NDArray[np.float32]:
    """Bags of words, each word one of 64 directions by its sha256: vectors that need no model."""
    found = np.zeros((len(texts), 64), np.float32)
    for i, text in enumerate(texts):
        for word in re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text.lower()):
            code = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
            found[i, code % 64] += 1 if (code >> 32) & 1 else -1
    return units(found[found.any(axis=1)])


def golden_vectors(name: str, folder: Path) -> NDArray[np.float32]:
    """Vectors of a golden corpus, if it is the one the values were computed from."""
    wanted = GOLDEN[name]
    if "file" not in wanted:
        return hashed(["the same sentence every time"] * 10)
    raw = (folder / wanted["file"]).read_bytes()
    assert hashlib.sha256(raw).hexdigest() == wanted["sha256"]
    if wanted["file"].endswith(".txt"):
        return hashed([line.strip() for line in raw.decode().splitlines()])
    if wanted["file"].endswith(".jsonl"):
        return hashed([json.loads(line)["text"] for line in raw.decode().splitlines()])
    return hashed(json.loads(raw))


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_values(name: str, golden: Path) -> None:
    """Mean pairwise cosine, Vendi (also the package's) and Chamfer, to 1e-6: the vectors are single precision."""
    wanted, vectors = GOLDEN[name], golden_vectors(name, golden)
    assert len(vectors) == wanted["vectors"]
    assert topics.topic_similarity(vectors) == pytest.approx(1 - wanted["distance"], abs=1e-6)
    assert topics.vendi(vectors) == pytest.approx(wanted["vendi"], rel=1e-6)
    assert topics.vendi(vectors) == pytest.approx(wanted.get("vendi_package", wanted["vendi"]), rel=1e-6)
    assert topics.nearest_distance(vectors).mean() == pytest.approx(wanted["chamfer"], abs=1e-6)


def random_units(n: int, dimension: int = 16, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors with a common drift, so that they are alike to some degree."""
    return units(np.random.default_rng(seed).normal(0.3, 1, (n, dimension)).astype(np.float32))


@given(n=st.integers(2, 60), seed=st.integers(0, 99))
def test_the_closed_form_is_the_mean_over_all_pairs(n: int, seed: int) -> None:
    """To 1e-9 of the double precision products of the same vectors, but for their length (1 to 1e-7)."""
    vectors = random_units(n, seed=seed).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = (vectors @ vectors.T)[np.triu_indices(n, 1)]
    assert topics.similarity_of_sum(n, vectors.sum(axis=0)) == pytest.approx(pairs.mean(), abs=1e-9)


@given(cut=st.integers(1, 49), seed=st.integers(0, 99))
def test_the_similarity_of_the_whole_follows_from_sums_of_parts(cut: int, seed: int) -> None:
    """The law of merging: (number, sum) of two parts added is that of the whole, to 1e-9."""
    vectors = random_units(50, seed=seed)
    parts = [part.sum(axis=0, dtype=np.float64) for part in (vectors[:cut], vectors[cut:])]
    assert topics.similarity_of_sum(50, parts[0] + parts[1]) == pytest.approx(
        topics.topic_similarity(vectors), abs=1e-9
    )


def test_vendi_is_that_of_the_package() -> None:
    """The published implementation gives the same number, to 1e-6."""
    package = pytest.importorskip("vendi_score.vendi", reason="vendi-score is not installed")
    vectors = random_units(80)
    assert topics.vendi(vectors) == pytest.approx(package.score_dual(vectors.astype(np.float64)), rel=1e-6)


def test_vendi_counts_what_is_different() -> None:
    """Orthogonal directions count one each however often they are repeated."""
    assert topics.vendi(np.repeat(np.eye(5, dtype=np.float32), 7, axis=0)) == pytest.approx(5, rel=1e-6)
    assert topics.vendi(np.zeros((0, 5), np.float32)) is None


def test_the_nearest_of_equal_vectors_is_at_no_distance() -> None:
    """Equal vectors are each other's neighbours; no vector is its own."""
    vectors = units(np.array([[1, 0], [1, 0], [0, 1], [0.6, 0.8]], np.float32))
    assert topics.nearest_distance(vectors) == pytest.approx([0, 0, 0.2, 0.2], abs=1e-6)


def planted(sizes: list[int], seed: int = 1) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Clusters of vectors around far directions, shuffled, and the cluster of each."""
    rng = np.random.default_rng(seed)
    of = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    middles = np.eye(len(sizes), 24, dtype=np.float32)
    return units(middles[of] + rng.normal(0, 0.03, (len(of), 24)).astype(np.float32)), of


def test_planted_clusters_are_found_and_ordered_by_size() -> None:
    """Clusters that lie far apart are never mixed, and topic 0 is the largest."""
    vectors, of = planted([300, 120, 60, 40])
    found = topics.assign(vectors, np.arange(len(vectors)))
    counts = np.bincount(found)
    assert (np.diff(counts) <= 0).all()
    for topic in range(len(counts)):
        assert len(set(of[found == topic])) == 1
    assert topics.assign(vectors, np.arange(len(vectors))).tolist() == found.tolist()


def test_too_few_dialogues_have_no_topics() -> None:
    """Below forty there are none, and their entropy is undefined."""
    vectors, _ = planted([20, 19])
    assert set(topics.assign(vectors, np.arange(39))) == {-1}
    assert topics.topic_entropy(np.array([39])) is None


@pytest.mark.parametrize(("counts", "wanted"), [([5, 5, 5, 5], 1.0), ([9, 0, 0], 0.0), ([3, 1], 0.8112781244591328)])
def test_topic_entropy_is_the_evenness_of_shares(counts: list[int], wanted: float) -> None:
    """1 for equal shares, 0 for a single topic; 3 to 1 is 0.811 bits, to 1e-12."""
    assert topics.topic_entropy(np.array(counts)) == pytest.approx(wanted, abs=1e-12)


def test_terms_are_the_words_that_set_a_topic_apart() -> None:
    """A word that all topics share, or that is common, names none of them."""
    texts = ["bread oven the people", "bread flour the people", "proof theorem the people", "proof lemma the people"]
    vocabulary = sorted({word for text in texts for word in text.split()})
    ids = np.array([vocabulary.index(word) for text in texts for word in text.split()], np.int32)
    offsets = np.arange(0, 17, 4)
    sample = SampledText(ids, offsets, np.arange(5), np.arange(4), np.zeros(4, np.uint64), vocabulary)
    first, second = topics.terms([sample], {0: 0, 1: 0, 2: 1, 3: 1}, 2, frozenset({"the"}), n=3)
    assert first[0] == "bread"
    assert second[0] == "proof"
    assert "the" not in first + second


def test_the_map_keeps_the_directions_of_largest_variance() -> None:
    """Points on a line lie on the map's first axis, and the same points give the same map."""
    line = np.outer(np.arange(5), [3.0, 4.0, 0.0]).astype(np.float32)
    places, explained = topics.projected(line)
    assert np.abs(np.diff(places[:, 0])) == pytest.approx([5] * 4, abs=1e-5)
    assert np.abs(places[:, 1]).max() < 1e-5
    assert explained == pytest.approx(1, abs=1e-6)
    assert topics.projected(line)[0].tobytes() == places.tobytes()
