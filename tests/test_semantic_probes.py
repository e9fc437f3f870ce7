"""Semantic probes: exact divergences, formulas written out over all pairs, published packages, laws of exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ultraqa.analysis import semantic_probes as probes
from ultraqa.analysis import topics
from ultraqa.analysis.frontier import frontier_integral, mauve
from ultraqa.analysis.vectors import units

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDED: Final = ("topic_similarity", "vendi", "topic_entropy", "recall", "coverage")
DIVERGENCES: Final = ("frontier_integral", "mauve")
EVEN: Final = [0.25] * 4
HISTOGRAMS: Final = [  # both histograms, frontier integral, MAUVE: what two independent implementations agree upon
    (EVEN, EVEN, 0.0, 1.0),
    ([0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4], 0.14376337397156547, 0.6538536633533254),
    (EVEN, [0.5, 0.5, 0, 0], 0.3068528194400547, 0.27811372536724027),
    ([0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5], 1.0, 0.0040720962619612555),
]
counts = st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)), min_size=1, max_size=30).filter(
    lambda pairs: all(sum(side) > 0 for side in zip(*pairs, strict=True))
)


@pytest.mark.parametrize(("p", "q", "integral", "likeness"), HISTOGRAMS)
def test_divergences_are_exact(p: list[float], q: list[float], integral: float, likeness: float) -> None:
    """To 1e-12; equal histograms are exactly 0 apart and exactly 1 alike, whatever the order of ties."""
    first, second = np.array(p), np.array(q)
    assert frontier_integral(first, second) == pytest.approx(integral, abs=1e-12)
    assert mauve(first, second) == pytest.approx(likeness, abs=1e-12)
    assert mauve(first, first) == 1.0
    assert frontier_integral(second, second) == 0.0


@given(counts)
def test_the_frontier_integral_is_the_integral_over_all_mixtures(pairs: list[tuple[int, int]]) -> None:
    """Twice the mean of l KL(p | r) + (1 - l) KL(q | r), r = l p + (1 - l) q, by Gauss-Legendre to 1e-4."""
    p, q = (np.array(side) / sum(side) for side in zip(*pairs, strict=True))
    nodes, weights = np.polynomial.legendre.leggauss(60)
    cost = 0.0
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        mixed = node * p + (1 - node) * q
        for share, side in ((node, p), (1 - node, q)):
            some = side > 0
            cost += 2 * weight * share * float((side[some] * np.log(side[some] / mixed[some])).sum())
    assert frontier_integral(p, q) == pytest.approx(cost, abs=1e-4)


@given(counts, st.integers(1, 50))
def test_divergences_are_symmetric_within_their_range_and_know_shares_only(
    pairs: list[tuple[int, int]], times: int
) -> None:
    """Sides may be exchanged, counts multiplied and empty bins added, to 1e-9."""
    p, q = (np.array(side) for side in zip(*pairs, strict=True))
    assert frontier_integral(p, q) == frontier_integral(q, p)
    assert 0 <= frontier_integral(p, q) <= 1
    assert 0 < mauve(p, q) <= 1 + 1e-12
    longer = np.append(p, 0), np.append(times * q, 0)
    for divergence in (frontier_integral, mauve):
        assert divergence(q, p) == pytest.approx(divergence(p, q), abs=1e-9)
        assert divergence(*longer) == pytest.approx(divergence(p, q), abs=1e-9)
        assert divergence(p, times * p) == pytest.approx(float(divergence is mauve), abs=1e-12)


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=9), st.lists(st.integers(1, 1_000), min_size=1, max_size=9))
def test_histograms_without_a_common_bin_are_as_far_apart_as_can_be(one: list[int], other: list[int]) -> None:
    """A frontier integral of 1 to 1e-12, and a MAUVE of nearly 0: no mixture describes both."""
    p, q = np.array(one + [0] * len(other)), np.array([0] * len(one) + other)
    assert frontier_integral(p, q) == pytest.approx(1, abs=1e-12)
    assert mauve(p, q) == pytest.approx(0.0040720962619612555, abs=1e-9)


def test_an_empty_histogram_has_no_divergence() -> None:
    """Undefined is NaN."""
    empty, full = np.zeros(3), np.ones(3)
    for divergence in (frontier_integral, mauve):
        assert np.isnan(divergence(empty, full))
        assert np.isnan(divergence(full, empty))


def drawn(n: int, seed: int = 0, dimension: int = 16, kinds: int = 5) -> NDArray[np.float32]:
    """Unit vectors around a few directions that any seed shares."""
    rng = np.random.default_rng(seed)
    middles = 3 * np.eye(kinds, dimension)
    return units((middles[rng.integers(0, kinds, n)] + rng.normal(0, 0.6, (n, dimension))).astype(np.float32))


def exchanges(permutations: int, n: int, seed: int = 1) -> NDArray[np.bool_]:
    """Random exchanges, the first none."""
    flips = np.random.default_rng(seed).random((permutations, n)) < 0.5
    flips[0] = False
    return flips


def sides(
    reference: NDArray[np.float32], candidate: NDArray[np.float32], flip: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both sides after an exchange, pair by pair."""
    pairs = [(c, r) if moved else (r, c) for r, c, moved in zip(reference, candidate, flip, strict=True)]
    return np.array([one for one, _ in pairs]), np.array([other for _, other in pairs])


def euclidean(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """Distances of all of one side from all of the other."""
    return np.linalg.norm(one[:, None].astype(np.float64) - other[None].astype(np.float64), axis=2)


def prdc(real: NDArray[np.float32], fake: NDArray[np.float32], k: int = 5) -> tuple[float, float]:
    """Recall and coverage of the real by the fake, as the two papers write them."""
    radius_real, radius_fake = (np.sort(euclidean(one, one), axis=1)[:, k] for one in (real, fake))
    apart = euclidean(real, fake)
    recalled = [any(apart[i, j] <= radius_fake[j] for j in range(len(fake))) for i in range(len(real))]
    covered = [any(apart[i, j] <= radius_real[i] for j in range(len(fake))) for i in range(len(real))]
    return float(np.mean(recalled)), float(np.mean(covered))


@settings(max_examples=15, derandomize=True)  # one draw in a million has a tie that rounding decides
@given(n=st.integers(6, 40), seed=st.integers(0, 99))
def test_every_probe_is_its_formula_on_the_exchanged_sides(n: int, seed: int) -> None:
    """What permutations share gives what each of them gives alone, to 1e-6: nothing leaks between them."""
    reference, candidate = drawn(n, seed), drawn(n, seed + 100, kinds=3)
    flips = exchanges(4, n, seed)
    found = probes.semantic(reference, candidate, flips)
    for i, flip in enumerate(flips):
        both = sides(reference, candidate, flip)
        for side, vectors in enumerate(both):
            assert found["topic_similarity"][i, side] == pytest.approx(topics.topic_similarity(vectors), abs=1e-6)
            assert found["vendi"][i, side] == pytest.approx(topics.vendi(vectors), rel=1e-6)
            wanted = prdc(both[1 - side], vectors)
            assert (found["recall"][i, side], found["coverage"][i, side]) == pytest.approx(wanted, abs=1e-9)


def test_copies_are_at_no_distance() -> None:
    """Exactly 0, though vectors of single precision are not quite of unit length; others are as far as cosines say."""
    vectors = drawn(40)
    found = probes.pool_distances(vectors, vectors)
    assert (np.diag(found, 40) == 0).all()
    assert found == pytest.approx(np.tile(euclidean(vectors, vectors) ** 2 / 2, (2, 2)), abs=2e-6)


def test_vendi_is_that_of_the_package() -> None:
    """The published implementation gives the same number for both sides of an exchange, to 1e-6."""
    package = pytest.importorskip("vendi_score.vendi", reason="vendi-score is not installed")
    reference, candidate, flips = drawn(60), drawn(60, 1), exchanges(2, 60)
    found = probes.vendi(reference, candidate, flips)
    wanted = [package.score_dual(side.astype(np.float64)) for side in sides(reference, candidate, flips[1])]
    assert found[1] == pytest.approx(wanted, rel=1e-6)


def test_topics_are_counted_on_the_side_that_they_are_exchanged_to() -> None:
    """Counts, their evenness and both divergences follow from the topics of the exchanged dialogues, to 1e-9."""
    reference, candidate, flips = drawn(120), drawn(120, 1, kinds=2), exchanges(3, 120)
    of = probes.shared_topics(reference, candidate)
    assert of.shape == (2, 120)
    assert set(np.unique(of)) <= set(range(12))
    found = probes.semantic(reference, candidate, flips)
    k = int(of.max()) + 1
    for i, flip in enumerate(flips):
        own = np.where(flip, of[1], of[0]), np.where(flip, of[0], of[1])
        p, q = (np.bincount(side, minlength=k) for side in own)
        for side, histogram in enumerate((p, q)):
            bits = -sum(c / 120 * np.log2(c / 120) for c in histogram if c)
            assert found["topic_entropy"][i, side] == pytest.approx(bits / np.log2(k), abs=1e-9)
        assert found["frontier_integral"][i] == pytest.approx(frontier_integral(p + 0.5, q + 0.5), abs=1e-9)
        assert found["mauve"][i] == pytest.approx(mauve(p + 0.5, q + 0.5), abs=1e-9)


def test_topic_entropy_is_evenness() -> None:
    """Four equal topics are 1, one topic is 0 (and not minus 0), no dialogue is undefined; to 1e-12."""
    found = probes.topic_entropy(np.array([[[5.0, 5, 5, 5], [0, 9, 0, 0]], [[3, 1, 0, 0], [0, 0, 0, 0]]]))
    assert found[0] == pytest.approx([1, 0], abs=1e-12)
    assert not np.signbit(found[0, 1])
    assert found[1, 0] == pytest.approx(0.8112781244591328 / 2, abs=1e-12)
    assert np.isnan(found[1, 1])


@settings(max_examples=15, derandomize=True)  # one draw in a million has a tie that rounding decides
@given(n=st.integers(6, 60), seed=st.integers(0, 99))
def test_exchanging_every_pair_exchanges_the_columns(n: int, seed: int) -> None:
    """As flips and as arguments; divergences stay; the order of the pairs changes nothing; to 1e-9."""
    reference, candidate = drawn(n, seed), drawn(n, seed + 100, kinds=3)
    flips = np.array([[False] * n, [True] * n])
    found = probes.semantic(reference, candidate, flips)
    exchanged = probes.semantic(candidate, reference, flips)
    order = np.random.default_rng(seed).permutation(n)
    reordered = probes.semantic(reference[order], candidate[order], flips)
    for name in SIDED:
        assert found[name].shape == (2, 2)
        assert found[name][1] == pytest.approx(found[name][0, ::-1], abs=1e-9)
        assert exchanged[name] == pytest.approx(found[name][:, ::-1], abs=1e-9)
        assert reordered[name] == pytest.approx(found[name], abs=1e-9)
    for name in DIVERGENCES:
        assert found[name].shape == (2,)
        for other in (found[name][::-1], exchanged[name], reordered[name]):
            assert other == pytest.approx(found[name], abs=1e-9)


def test_equal_sides_do_not_differ() -> None:
    """A set against itself covers and recalls itself wholly, also where dialogues repeat; divergences are none."""
    same = np.repeat(drawn(30), 7, axis=0)  # more often than there are neighbours: these are at no distance
    found = probes.semantic(same, same, exchanges(5, 210))
    for name in SIDED:
        assert found[name][:, 0] == pytest.approx(found[name][:, 1], abs=1e-9)
    assert (found["recall"] == 1).all()
    assert (found["coverage"] == 1).all()
    assert found["frontier_integral"].tolist() == [0.0] * 5
    assert found["mauve"].tolist() == [1.0] * 5


def test_a_candidate_that_lost_topics_is_narrower() -> None:
    """Two of five kinds are left: each probe moves as it says, beyond four standard deviations of the permuted."""
    reference, candidate = drawn(300), drawn(300, 1, kinds=2)
    found = probes.semantic(reference, candidate, exchanges(101, 300))
    for name, sign in (("topic_similarity", 1), ("vendi", -1), ("topic_entropy", -1), ("recall", -1)):
        difference = found[name][:, 1] - found[name][:, 0]
        assert sign * difference[0] / difference[1:].std() > 4
    alone = {"coverage": found["coverage"][:, 1], **{name: found[name] for name in DIVERGENCES}}
    for name, sign in (("coverage", -1), ("frontier_integral", 1), ("mauve", -1)):
        assert sign * (alone[name][0] - alone[name][1:].mean()) / alone[name][1:].std() > 4


def test_a_denser_candidate_is_covered_less_and_covers_more() -> None:
    """Coverage tells density, recall narrowness: the columns of the two stand in opposite order."""
    reference = drawn(200)
    kinds = np.eye(5, 16)[np.arange(200) % 5]
    candidate = units((kinds + 0.2 * drawn(200, 1)).astype(np.float32))
    found = probes.semantic(reference, candidate, exchanges(2, 200))
    assert found["coverage"][0, 1] > found["coverage"][0, 0]
    assert found["recall"][0, 1] < found["recall"][0, 0]


def test_two_draws_of_one_distribution_do_not_differ() -> None:
    """Over 40 pairs of draws the mean of z is within .6 of 0, its spread within .6 and 1.5: neither eager nor shy."""
    z: dict[str, list[float]] = {}
    for seed in range(40):
        found = probes.semantic(drawn(80, 2 * seed), drawn(80, 2 * seed + 1), exchanges(41, 80, seed))
        for name, values in found.items():
            one = values[:, 1] - values[:, 0] if values.ndim == 2 else values - values[1:].mean()
            z.setdefault(name, []).append(float(one[0] / one[1:].std()))
    for name, values in z.items():
        assert abs(np.mean(values)) < 0.6, name
        assert 0.6 < np.std(values) < 1.5, name


def test_only_the_first_pairs_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs beyond a limit change nothing: that of recall and coverage is lower than that of the rest."""
    monkeypatch.setattr(probes, "DIALOGUES", 40)
    monkeypatch.setattr(probes, "RELATIONAL", 20)
    reference, candidate, flips = drawn(60), drawn(60, 1), exchanges(3, 60)
    found = probes.semantic(reference, candidate, flips)
    few, fewer = (probes.semantic(reference[:n], candidate[:n], flips[:, :n]) for n in (40, 20))
    for name, values in found.items():
        assert values.tolist() == (fewer if name in {"recall", "coverage"} else few)[name].tolist()


@pytest.mark.parametrize("n", [0, 1, 5])
def test_too_few_dialogues_are_undefined(n: int) -> None:
    """Below six pairs nothing has a fifth neighbour: NaN in the shapes that values have."""
    found = probes.semantic(drawn(n), drawn(n, 1), exchanges(3, n))
    assert {name: values.shape for name, values in found.items()} == {
        **dict.fromkeys(SIDED, (3, 2)), **dict.fromkeys(DIVERGENCES, (3,))
    }  # fmt: skip
    assert all(np.isnan(values).all() for values in found.values())
