"""Selection to a budget: the walks and covers are those of brute force, and every method keeps the same laws."""

from __future__ import annotations

import tracemalloc
from itertools import combinations
from math import e
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ultraqa as package
from ultraqa.analysis import drawing
from ultraqa.analysis.part import part_of
from ultraqa.analysis.semantic_duplicates import semantic_kept
from ultraqa.analysis.vector_search import SEED
from ultraqa.analysis.vectors import space, units
from ultraqa.dialogues.sources import DataError
from ultraqa.filters import candidates, comparison, diverse
from ultraqa.filters.selection import METHODS, budget, compared, select

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile

DIVERSE = METHODS[:4]
BY_VECTORS = {"novelty": diverse.novelty, "balanced": diverse.balanced, "facility": diverse.facility}
SUBJECTS = (
    "bread oven flour dough yeast bake crust kneading loaf butter",
    "star galaxy telescope planet orbit astronomy comet nebula moon sky",
    "bank interest loan money saving tax credit mortgage budget invest",
    "football goal team player referee score league coach match stadium",
)
GERMAN = "Die Kinder spielen am Nachmittag mit dem Ball im Garten hinter dem Haus, weil heute schönes Wetter ist. "


def planted(n: int, dimension: int, seed: int, noise: float = 0.5) -> NDArray[np.float32]:
    """Unit vectors around n/5 centres, so that some are near-copies of others."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, n // 5), dimension))
    found = centres[rng.integers(0, len(centres), n)] + rng.uniform(0, noise, (n, 1)) * rng.normal(size=(n, dimension))
    return units(found.astype(np.float32))


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Cosine in double precision."""
    return float(a.astype(float) @ b.astype(float))


def record(texts: Sequence[str], **fields: Any) -> dict[str, Any]:
    """A dialogue in which user and assistant take turns."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)], **fields}


def records(n: int, seed: int = 0) -> list[dict[str, Any]]:
    """Dialogues on four subjects, the replies of all of different lengths."""
    rng = np.random.default_rng(seed)
    found = []
    for i, length in enumerate(rng.permutation(n).tolist()):
        words = SUBJECTS[i % 4].split()
        asked, said = rng.choice(words, 4), rng.choice(words, length + 5)
        found.append(record((f"what about the {' and the '.join(asked)}?", f"it is {' of '.join(said)}."), score=i % 7))
    return found


def profile_of(data: list[dict[str, Any]], **options: Any) -> Profile:
    """A Profile with static vectors, unless the options say otherwise."""
    return package.profile(data, name="some", **{"tokens": "none", "duplicates": "none", **options})


@pytest.fixture(scope="module")
def some() -> Profile:
    """90 distinct dialogues, and 10 copies of some of them at the end."""
    data = records(90)
    return profile_of([*data, *data[:5], *data[:5]], fields=["score"])


@pytest.fixture(scope="module")
def straight() -> Profile:
    """The 90 distinct dialogues alone, no two with replies of one length."""
    return profile_of(records(90))


@pytest.fixture(scope="module")
def turned() -> Profile:
    """The same in the opposite order."""
    return profile_of(records(90)[::-1])


@pytest.mark.parametrize(
    ("given", "number"),
    [("50000", 50_000), ("1", 1), ("40%", 400), (" 2.5% ", 25), ("100%", 1_000), ("0.01%", 1), ("0.19%", 1)],
)
def test_a_budget_is_a_number_or_a_share(given: str, number: int) -> None:
    """Shares are of the dialogues, rounded down, and never nothing."""
    assert budget(given, 1_000) == number


@pytest.mark.parametrize(
    "given", ["0", "-3", "0%", "101%", "100.5%", "many", "", "%", "1e3", "0.5", "50 000", "٣", "5%%"]
)
def test_what_is_no_budget_is_refused(given: str) -> None:
    """The message names what was given and what is wanted."""
    with pytest.raises(ValueError, match=r"no budget: a number of dialogues \(50000\) or a share of them \(40%\)"):
        budget(given, 1_000)


def walked(vectors: NDArray[np.float32], n: int, first: int, asked: int) -> list[int]:
    """Novelty by its definition, one dialogue after the other."""
    d = len(vectors)
    drawn = np.random.default_rng(SEED).permutation(d).tolist()
    stages, size = [], 0
    while size < d:
        size = min(d, max(first, 2 * size))
        nearest = [
            max((cosine(vectors[i], vectors[j]) for j in drawn[:size] if j != i), default=-1.0) for i in drawn[:asked]
        ]
        stages.append((size, min(0.9999, sum(nearest) / len(nearest))))
    for _ in range(5):
        stages.append((d, min(0.9999, (1 + stages[-1][1]) / 2)))
    taken: list[int] = []
    for size, threshold in stages:
        for i in range(d):
            alike = any(cosine(vectors[i], vectors[j]) > threshold + 1e-6 for j in taken)
            if len(taken) < size and i not in taken and not alike:
                taken.append(i)
    return [*taken, *(i for i in range(d) if i not in taken)][:n]


@given(
    n=st.integers(1, 40), dimension=st.integers(2, 6), seed=st.integers(0, 999), wanted=st.floats(0, 1),
    block=st.integers(1, 7), first=st.integers(1, 9), asked=st.integers(1, 40),
)  # fmt: skip
def test_novelty_is_the_walk_that_it_describes(
    *, n: int, dimension: int, seed: int, wanted: float, block: int, first: int, asked: int
) -> None:
    """The same as brute force, in blocks smaller than the data, whatever the budget."""
    vectors = planted(n, dimension, seed)
    vectors[n // 2] = vectors[0]  # equal ones come last
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("BLOCK", block), ("_TOGETHER", 3), ("_FIRST", first), ("_ASKED", asked)):
            patch.setattr(diverse, name, value)
        found = diverse.novelty(vectors, round(wanted * n)).order
    assert found.tolist() == walked(vectors, round(wanted * n), first, asked)


def test_novelty_repeats_less_than_chance_and_is_better() -> None:
    """Farther from each other than random ones, and on average nearer to the best."""
    vectors = planted(3_000, 20, 1)
    found = diverse.novelty(vectors, 300).order
    random = np.random.default_rng(0).choice(3_000, 300, replace=False)
    nearest = []
    for chosen in (found, random):
        products = vectors[chosen] @ vectors[chosen].T
        np.fill_diagonal(products, -1)
        nearest.append(products.max(axis=1).mean())
    assert nearest[0] < nearest[1] - 0.02
    assert found.mean() < random.mean() - 100


def test_many_dialogues_are_compared_within_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as wanted, none twice, a smaller budget is a beginning, and the pairs of a cluster are apart."""
    vectors = planted(600, 12, 2)
    exact = diverse.novelty(vectors, 100)
    monkeypatch.setattr(diverse, "EXACT", 100)
    monkeypatch.setattr(diverse, "_PER_CLUSTER", 150)
    found = diverse.novelty(vectors, 100)
    assert "in its k-means cluster" in found.how
    assert "cluster" not in exact.how
    assert len(set(found.order.tolist())) == 100
    assert diverse.novelty(vectors, 40).order.tolist() == found.order[:40].tolist()
    cluster = diverse.clusters(vectors, 4)[1]
    threshold = float(found.how.split()[-1])
    pairs = [(i, j) for i, j in combinations(found.order.tolist(), 2) if cluster[i] == cluster[j]]
    assert len(pairs) > 500
    assert all(cosine(vectors[i], vectors[j]) <= threshold + 1e-3 for i, j in pairs)
    assert set(found.order.tolist()) != set(exact.order.tolist())


def covered(similarity: NDArray[np.float32], weights: NDArray[np.float64], chosen: Sequence[int]) -> float:
    """The sum that facility location maximises."""
    return float(similarity[list(chosen)].max(axis=0, initial=0).astype(float) @ weights)


@given(m=st.integers(1, 14), seed=st.integers(0, 999), n=st.integers(0, 16))
def test_facility_location_is_the_greedy_choice(m: int, seed: int, n: int) -> None:
    """Each adds the most of all that are left, to 1e-9 of the sum, and none is found twice."""
    rng = np.random.default_rng(seed)
    vectors = units(rng.normal(size=(m, 3)).astype(np.float32))
    similarity, weights = np.maximum(vectors @ vectors.T, 0), rng.integers(1, 50, m).astype(float)
    found = diverse.facility_location(similarity, weights, n).tolist()
    assert len(found) == len(set(found)) == min(n, m)
    for k, one in enumerate(found):
        rest = [i for i in range(m) if i not in found[:k]]
        best = max(covered(similarity, weights, [*found[:k], i]) for i in rest)
        assert covered(similarity, weights, [*found[:k], one]) == pytest.approx(best, rel=1e-6)


@settings(max_examples=40)  # each looks at up to 126 subsets
@given(m=st.integers(1, 9), seed=st.integers(0, 999), n=st.integers(1, 4))
def test_facility_location_covers_at_least_1_minus_1_over_e_of_the_optimum(m: int, seed: int, n: int) -> None:
    """The optimum is that of all subsets of the size (Nemhauser, Wolsey & Fisher 1978)."""
    rng = np.random.default_rng(seed)
    similarity, weights = rng.random((m, m)).astype(np.float32), rng.random(m) + 0.01
    found = diverse.facility_location(similarity, weights, n)
    best = max(covered(similarity, weights, subset) for subset in combinations(range(m), min(n, m)))
    assert (1 - 1 / e) * best <= covered(similarity, weights, found.tolist()) <= best * (1 + 1e-6)


def test_ties_of_facility_location_go_to_the_first() -> None:
    """Of equal candidates, and of those that add nothing, the first is found first."""
    similarity = np.ones((5, 5), np.float32)
    assert diverse.facility_location(similarity, np.ones(5), 5).tolist() == [0, 1, 2, 3, 4]


def test_facility_takes_medoids_and_then_the_best_of_their_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """One dialogue of each cluster, the nearest to its centre, then one more of each as they come."""
    monkeypatch.setattr(diverse, "MEDOIDS", 8)
    vectors = planted(400, 10, 4)
    centres, cluster = diverse.clusters(vectors, 8)
    order = diverse.facility(vectors, 400).order
    assert sorted(order.tolist()) == list(range(400))
    medoids = order[:8]
    assert sorted(cluster[medoids].tolist()) == list(range(8))
    for one in medoids.tolist():
        members = np.flatnonzero(cluster == cluster[one])
        closest = max(cosine(vectors[i], centres[cluster[one]]) for i in members)
        assert cosine(vectors[one], centres[cluster[one]]) == pytest.approx(closest, abs=1e-6)
    assert cluster[order[8:16]].tolist() == cluster[medoids].tolist()
    for one in order[8:16].tolist():
        assert one == next(i for i in np.flatnonzero(cluster == cluster[one]).tolist() if i not in medoids)


def test_facility_covers_more_than_the_best_do() -> None:
    """The mean cosine of all with the nearest chosen one is above that of the first and of the novel ones."""
    vectors = planted(1_000, 20, 5)
    scores = {
        name: (vectors @ vectors[chosen].T).max(axis=1).mean()
        for name, chosen in {
            "facility": diverse.facility(vectors, 60).order, "novelty": diverse.novelty(vectors, 60).order,
            "quality": np.arange(60),
        }.items()
    }  # fmt: skip
    assert scores["facility"] > max(scores["novelty"], scores["quality"]) + 0.02


@pytest.mark.parametrize("n", [1, 30, 200, 450])
def test_clusters_have_equal_shares(n: int) -> None:
    """Shares differ by one at most unless a cluster is used up, and are the first of each cluster."""
    vectors = planted(500, 12, 6)
    cluster = diverse.clusters(vectors, 22)[1]  # the square root of 500
    chosen = diverse.balanced(vectors, n).order
    shares, sizes = np.bincount(cluster[chosen], minlength=22), np.bincount(cluster, minlength=22)
    assert shares.sum() == n
    assert (shares >= np.minimum(sizes, shares.max() - 1)).all()
    for one in np.unique(cluster[chosen]):
        assert sorted(chosen[cluster[chosen] == one].tolist()) == np.flatnonzero(cluster == one)[: shares[one]].tolist()


def test_semdedup_leaves_copies_to_the_end() -> None:
    """First those that SemDeDup keeps, best first, then the others."""
    vectors = planted(300, 10, 7, noise=0.2)
    kept = semantic_kept(vectors, 0.95, keep="first")
    assert 20 < kept.sum() < 280
    found = diverse.semdedup(vectors, 300, 0.95)
    assert found.order.tolist() == [*np.flatnonzero(kept).tolist(), *np.flatnonzero(~kept).tolist()]
    assert f"{kept.sum()} that SemDeDup leaves of 300" in found.how


@pytest.mark.parametrize("method", BY_VECTORS)
def test_the_number_of_threads_changes_no_choice(method: str, some: Profile) -> None:
    """Equal with one thread of faiss and with two, which is left as it was."""
    vectors = planted(5_000, 64, 8)
    before, found = faiss.omp_get_max_threads(), []
    try:
        for threads in (1, 2):
            faiss.omp_set_num_threads(threads)
            found.append(select(some, np.arange(100), 40, method).order.tolist())
            found.append(BY_VECTORS[method](vectors, 500).order.tolist())
            assert faiss.omp_get_max_threads() == threads
    finally:
        faiss.omp_set_num_threads(before)
    assert found[:2] == found[2:]


@pytest.mark.parametrize("method", BY_VECTORS)
def test_memory_does_not_grow_with_the_square(method: str) -> None:
    """Beside the vectors of 12,000 dialogues under 150 MB are held; all pairs would be 576."""
    vectors = planted(12_000, 16, 9)
    tracemalloc.start()
    BY_VECTORS[method](vectors, 2_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6


def test_vectors_are_read_in_the_order_of_the_rows(some: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the order and the number read together, they are those of the whole Profile."""
    monkeypatch.setattr(candidates, "_TOGETHER", 7)
    whole = space(part_of(some))
    assert whole is not None
    rows = np.random.default_rng(0).permutation(100)[:31]
    np.testing.assert_array_equal(candidates.vectors_of(some, rows), whole.dialogues[rows])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_chooses_exactly_as_many_and_grows(method: str, some: Profile) -> None:
    """Rows of those given, ascending, none twice; a smaller budget is the beginning of a larger one."""
    rows = np.flatnonzero(np.arange(100) % 5 != 2)
    before: list[int] = []
    for n in (1, 2, 17, 40, 79, 80, 500):
        found = select(some, rows, n, method, seed=3)
        assert len(found.rows) == len(set(found.order.tolist())) == min(n, 80)
        assert set(found.rows.tolist()) <= set(rows.tolist())
        assert found.rows.tolist() == sorted(found.order.tolist())
        assert ("all 80 dialogues are kept" in found.note) == (n >= 80)
        if n < 80:  # of a budget for all nothing is chosen
            assert found.order[: len(before)].tolist() == before
            before = found.order.tolist()
    assert len(select(some, rows[:0], 5, method).rows) == 0


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_the_file_chooses_nothing(method: str, straight: Profile, turned: Profile) -> None:
    """The same dialogues from the file turned round, where no two are equally good."""
    found = [
        sorted(one.column("content_hash")[select(one, np.arange(90), 33, method, seed=1).rows].tolist())
        for one in (straight, turned)
    ]
    assert found[0] == found[1]


def test_random_draws_the_same_texts_from_any_order(some: Profile) -> None:
    """Copies included, each as often; another seed draws others."""
    data = records(90)
    shuffled = profile_of([*data[:5], *data[::-1], *data[:5]])
    found = [
        sorted(one.column("content_hash")[select(one, np.arange(100), 60, "random", seed=seed).rows].tolist())
        for one, seed in ((some, 1), (shuffled, 1), (some, 2))
    ]
    assert found[0] == found[1] != found[2]


def test_random_draws_each_row_alike(some: Profile) -> None:
    """Over 400 seeds every row is drawn within five standard errors of 100 times, copies as often as the others."""
    drawn = np.zeros(100)
    for seed in range(400):
        drawn[select(some, np.arange(100), 25, "random", seed=seed).rows] += 1
    assert (np.abs(drawn - 100) < 5 * (400 * 0.25 * 0.75) ** 0.5).all()


@pytest.mark.parametrize("method", DIVERSE)
def test_copies_are_taken_only_when_nothing_else_is_left(method: str, some: Profile) -> None:
    """All 90 distinct dialogues come before the 10 copies, and the note says how many were needed."""
    hashes = some.column("content_hash")
    found = select(some, np.arange(100), 90, method)
    assert len(set(hashes[found.rows].tolist())) == 90
    assert "copies" not in found.note
    more = select(some, np.arange(100), 96, method)
    assert more.order[:90].tolist() == found.order.tolist()
    assert "6 empty ones or copies" in more.note


def test_quality_takes_the_highest(some: Profile) -> None:
    """Of a column or a field, the lowest with a minus; ties go to the lowest row."""
    rows, words = np.arange(90), some.column("words_assistant")[:90]
    by_length = np.argsort(-words, kind="stable")
    assert select(some, rows, 9, "quality").order.tolist() == by_length[:9].tolist()
    assert select(some, rows, 9, "quality", "-words.assistant").order.tolist() == by_length[::-1][:9].tolist()
    assert select(some, rows, 12, "quality", "field.score").order.tolist() == list(range(6, 90, 7))
    assert select(some, rows, 12, "quality", "-field.score").order.tolist() == list(range(0, 84, 7))


@pytest.mark.parametrize("quality", ["mtld.assistant", "-mtld.assistant"])
def test_without_a_quality_a_dialogue_comes_last(quality: str, some: Profile) -> None:
    """Replies of under 50 words have no MTLD: they follow in order of row, in both directions."""
    undefined = np.flatnonzero(np.isnan(some.column("mtld_assistant")[:90]))
    assert 10 < len(undefined) < 70
    order = select(some, np.arange(90), 89, "quality", quality).order
    assert order[90 - len(undefined) :].tolist() == undefined[:-1].tolist()


def test_what_cannot_be_chosen_by_is_refused(some: Profile) -> None:
    """An unknown method, no dialogue at all, a quality that does not exist, and one that is no number."""
    with pytest.raises(ValueError, match="'best' is no method of selection: novelty, semdedup"):
        select(some, np.arange(100), 10, "best")
    with pytest.raises(ValueError, match="at least 1 is needed"):
        select(some, np.arange(100), 0)
    with pytest.raises(ValueError, match="wrods"):
        select(some, np.arange(100), 10, quality="wrods.assistant")
    with pytest.raises(ValueError, match="not numbers"):
        select(some, np.arange(100), 10, quality="format")


@pytest.mark.parametrize("method", METHODS)
def test_a_profile_without_vectors_names_the_command(method: str) -> None:
    """Methods that need vectors say how to get them; the others need none."""
    bare = profile_of(records(20), embedder="none")
    if method in DIVERSE:
        with pytest.raises(DataError, match=r"without vectors: `ultraqa profile DATA -o .*--vectors all"):
            select(bare, np.arange(20), 5, method)
    else:
        assert len(select(bare, np.arange(20), 5, method).rows) == 5
    found = compared(bare, np.arange(20), 5, "words.assistant", 0, select(bare, np.arange(20), 5, "quality"))
    assert all(one["vendi"] is None and "without vectors" in one["note"] for one in found)
    assert all(one["words_per_reply"] > 0 for one in found)


def test_where_few_were_drawn_the_others_are_not_dropped_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under half with vectors is an error; above it the others get their share by quality."""
    monkeypatch.setattr(drawing, "AUTO_BYTES", 0)
    monkeypatch.setattr(drawing, "DRAWN", 30)
    drawn = profile_of(records(80))
    with pytest.raises(
        DataError, match=r"only 30 of 80 dialogues of some have vectors: `ultraqa profile .*--vectors all"
    ):
        select(drawn, np.arange(80), 10)
    seen = drawn.column("drawn") > 0
    rows = np.sort(np.append(np.flatnonzero(seen), np.flatnonzero(~seen)[:20]))
    found = select(drawn, rows, 10)
    others = found.rows[~seen[found.rows]]
    assert len(others) == 4  # 20 of 50
    rest = np.flatnonzero(~seen)[:20]
    best = rest[np.argsort(-drawn.column("words_assistant")[rest], kind="stable")][:4]
    assert others.tolist() == sorted(best.tolist())
    assert "4 of the 20 in another language" in found.note


def test_a_language_of_which_the_encoder_knows_nothing_keeps_its_share() -> None:
    """A fifth in German stays a fifth with English vectors; mostly German it is an error that says what to do."""
    german = [record((f"{GERMAN} Warum {i}?", f"{GERMAN * (i % 9 + 1)} Darum {i}.")) for i in range(60)]
    mixed = profile_of([*records(80), *german[:20]])
    for method in DIVERSE:
        found = select(mixed, np.arange(100), 40, method)
        assert (found.rows >= 80).sum() == 8
    mostly = profile_of([*records(30), *german])
    with pytest.raises(DataError, match=r"fewer than half .* are in en, the language of static.*--embedder lsa"):
        select(mostly, np.arange(90), 10)


def test_languages_and_draws_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """6 English ones of 16 are too few, though 10 were drawn and most of these are English."""
    monkeypatch.setattr(drawing, "AUTO_BYTES", 0)
    monkeypatch.setattr(drawing, "DRAWN", 40)
    german = [record((f"{GERMAN} Warum {i}?", f"{GERMAN * (i % 9 + 1)} Darum {i}.")) for i in range(30)]
    drawn = profile_of([*records(50), *german])
    seen, english = drawn.column("drawn") > 0, np.arange(80) < 50
    parts = (np.flatnonzero(seen & english)[:6], np.flatnonzero(seen & ~english)[:4], np.flatnonzero(~seen)[:6])
    assert [len(part) for part in parts] == [6, 4, 6]
    with pytest.raises(DataError, match=r"fewer than half of the dialogues .*--vectors all"):
        select(drawn, np.sort(np.concatenate(parts)), 3)


def test_what_says_nothing_comes_last() -> None:
    """A dialogue without text has no vector, and is taken when every other text is; then come copies."""
    data = records(20)
    talk = profile_of([record(("", "")), data[3], *data])
    for method in DIVERSE:
        order = select(talk, np.arange(22), 21, method).order.tolist()
        assert set(order[:20]) == set(range(1, 22)) - {5}  # of the copies the first
        assert order[20] == 0


def test_selections_are_measured_in_one_frame(some: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are those of loops over pairs; random, quality and the chosen one stand beside each other."""
    monkeypatch.setattr(comparison, "_TOGETHER", 7)
    rows = np.arange(100)
    chosen = select(some, rows, 30, "novelty")
    found = compared(some, rows, 30, "words.assistant", 5, chosen)
    assert [one["selection"] for one in found] == ["random", "quality", "chosen"]
    one = found[2]
    whole = space(part_of(some))
    assert whole is not None
    vectors = whole.dialogues[chosen.rows]
    pairs = [cosine(a, b) for a, b in combinations(vectors, 2)]
    nearest = [max(cosine(a, b) for j, b in enumerate(vectors) if i != j) for i, a in enumerate(vectors)]
    pool = [max(cosine(a, b) for b in vectors) for a in whole.dialogues[:90]]
    assert one["dialogues"] == 30
    assert one["words_per_reply"] == pytest.approx(some.column("words_assistant")[chosen.rows].mean())
    assert one["topic_similarity"] == pytest.approx(np.mean(pairs), abs=1e-5)
    assert one["asked"] == 90
    assert one["facility_coverage"] == pytest.approx(np.mean(pool), abs=1e-5)
    assert 28 <= one["budget"] <= 30  # some of the random ones may be copies
    if one["budget"] == 30:
        assert one["nearest_distance"] == pytest.approx(1 - np.mean(nearest), abs=1e-5)
    shares = np.bincount(some.column("topic")[chosen.rows].astype(int), minlength=4) / 30
    entropy = -sum(share * np.log(share) for share in shares.tolist() if share)
    assert one["topic_entropy"] == pytest.approx(entropy / np.log(len(shares)))
    low, high = one["intervals"]["facility_coverage"]
    assert low < one["facility_coverage"] < high
    assert 0 < one["clusters_covered"] <= 1
    assert 1 < one["vendi"] <= 30
    assert found[0]["exact_duplicates"] >= 0 == one["exact_duplicates"]
    assert one["nearest_distance"] > max(other["nearest_distance"] for other in found[:2])
    assert found[1]["words_per_reply"] >= one["words_per_reply"]


def test_the_whole_pool_covers_itself(some: Profile) -> None:
    """All of its clusters, and every dialogue has itself; four dialogues cover four clusters at most."""
    rows = np.arange(90)
    for one in compared(some, rows, 90, "words.assistant", 0, select(some, rows, 90)):
        assert one["clusters_covered"] == 1
        assert one["facility_coverage"] == pytest.approx(1, abs=1e-6)
    four = compared(some, rows, 4, "words.assistant", 0, select(some, rows, 4, "facility"))[2]
    assert 0.2 < four["facility_coverage"] < 0.95
    assert four["clusters_covered"] * four["clusters"] in {1, 2, 3, 4}


def test_one_dialogue_is_too_few_to_compare(some: Profile) -> None:
    """None with a note, and no error."""
    found = compared(some, np.arange(100), 1, "words.assistant", 0, select(some, np.arange(100), 1))
    assert all(one["vendi"] is None and "too few" in one["note"] for one in found)


def test_novelty_of_real_dialogues_is_long_and_unlike(real_data: Path, tmp_path: Path) -> None:
    """Of 500 ShareGPT dialogues a fifth: farther from each other than chance, with longer replies and dialogues."""
    file = real_data / "data" / "sharegpt" / "sharegpt_train_small.jsonl"
    profile = package.profile(file, tmp_path / "p.ultraqa", tokens="none", duplicates="none")
    rows = np.arange(len(profile))
    random, quality, chosen = compared(profile, rows, 100, "words.assistant", 0, select(profile, rows, 100))
    assert quality["nearest_distance"] < random["nearest_distance"] < chosen["nearest_distance"]
    assert quality["vendi"] < 0.8 * chosen["vendi"]
    words = profile.column("words_assistant")
    assert words[select(profile, rows, 100).rows].mean() > 1.2 * words.mean()
