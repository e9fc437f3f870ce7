"""Semantic duplicates are those of the greedy rule taken literally, whatever finds the candidates."""

from __future__ import annotations

from math import fsum, sqrt
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ultraqa as package
from ultraqa.analysis import semantic_duplicates as semantic
from ultraqa.analysis import vector_search
from ultraqa.analysis.part import Part, part_of, parts_by
from ultraqa.analysis.semantic_duplicates import semantic_duplicates, semantic_kept
from ultraqa.analysis.vectors import space, units

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Cosine in double precision, rounded to single, so that ties are ties."""
    x, y = a.tolist(), b.tolist()
    products = [fsum(p * q for p, q in zip(*pair, strict=True)) for pair in ((x, y), (x, x), (y, y))]
    return float(np.float32(products[0] / sqrt(products[1] * products[2])))


def greedy(vectors: NDArray[np.float32], threshold: float, order: Iterable[int]) -> tuple[list[int], list[float]]:
    """The rule: one after the other, each against all that were kept."""
    of, similarity, kept = [-1] * len(vectors), [float("nan")] * len(vectors), []
    for i in order:
        if not vectors[i].any():
            continue
        for j in kept:
            close = cosine(vectors[i], vectors[j])
            if close >= threshold and (of[i] < 0 or close > similarity[i]):
                of[i], similarity[i] = j, close
        if of[i] < 0:
            kept.append(i)
    return of, similarity


def planted(n: int, dimension: int, seed: int, noise: float = 0.5) -> NDArray[np.float32]:
    """Unit vectors, half of them near-copies of others; some zero."""
    rng = np.random.default_rng(seed)
    found = rng.normal(0.2, 1, (n, dimension))
    copied = rng.integers(0, n, n // 2)
    spread = rng.uniform(0, noise, (n // 2, 1)) * rng.normal(size=(n // 2, dimension))
    found[rng.permutation(n)[: n // 2]] = found[copied] + spread
    found[rng.random(n) < 0.03] = 0
    return units(found.astype(np.float32))


def on_a_grid(n: int, dimension: int, seed: int) -> NDArray[np.float32]:
    """Vectors of -1, 0 and 1 at unit length: many are equal, and many equally far."""
    return units(np.random.default_rng(seed).integers(-1, 2, (n, dimension)).astype(np.float32))


@given(
    n=st.integers(0, 40), dimension=st.integers(1, 6), seed=st.integers(0, 999), grid=st.booleans(),
    threshold=st.sampled_from((0.3, 0.5, 0.8, 0.95, 1.0)), step=st.integers(1, 7), shuffled=st.booleans(),
)  # fmt: skip
def test_each_dialogue_duplicates_the_most_similar_earlier_kept_one(
    *, n: int, dimension: int, seed: int, grid: bool, threshold: float, step: int, shuffled: bool
) -> None:
    """The same as brute force, with ties, zero vectors, any order, and blocks smaller than the data."""
    vectors = on_a_grid(n, dimension, seed) if grid else planted(n, dimension, seed)
    order = np.random.default_rng(seed).permutation(n) if shuffled else np.arange(n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantic, "BLOCK", 2 * step + 1)
        patch.setattr(semantic, "_STEP", step)
        patch.setattr(vector_search, "_TOGETHER", 3)
        found = semantic_duplicates(vectors, threshold, order=order)
    of, similarity = greedy(vectors, threshold, order.tolist())
    assert found.of.tolist() == of
    np.testing.assert_array_equal(found.similarity, similarity)
    assert (found.method, found.recall, found.recall_of) == ("exact", 1.0, 0)


def test_a_tie_goes_to_the_earlier_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dialogue as similar to a kept one of its own block as to one before it duplicates the one before."""
    monkeypatch.setattr(semantic, "BLOCK", 2)
    vectors = units(np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 1, 0]], np.float32))
    assert semantic_duplicates(vectors, 0.5).of.tolist() == [-1, -1, -1, 0]


@settings(max_examples=25)  # each is brute force over 7,140 pairs
@given(seed=st.integers(0, 99), threshold=st.sampled_from((0.6, 0.8, 0.9, 0.97)))
def test_sketches_lose_nothing(seed: int, threshold: float) -> None:
    """With the sketches of real length, on vectors that share more or less of a template, the same as brute force."""
    rng = np.random.default_rng(seed)
    template = rng.normal(size=140).astype(np.float32) * rng.choice([0, 1, 3])
    vectors = units(planted(120, 140, seed, noise=0.4) + template * 0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantic, "BLOCK", 32)
        patch.setattr(vector_search, "_SKETCHED_FROM", 64)
        found = semantic_duplicates(vectors, threshold)
    of, similarity = greedy(vectors, threshold, range(120))
    assert found.of.tolist() == of
    np.testing.assert_array_equal(found.similarity, similarity)


def test_at_the_size_where_sketches_begin_every_pair_is_right() -> None:
    """9,000 vectors: no kept pair reaches the threshold, and each duplicate's best kept earlier one is its own."""
    vectors = planted(9_000, 130, 1, noise=0.3)
    found = semantic_duplicates(vectors, 0.9)
    spoken = np.flatnonzero(vectors.any(axis=1))
    kept = spoken[found.of[spoken] < 0]
    assert 1_000 < len(spoken) - len(kept) < 4_500
    for first in range(0, len(spoken), 500):
        here = spoken[first : first + 500]
        products = vectors[here].astype(np.float64) @ vectors[kept].astype(np.float64).T
        products[here[:, None] <= kept] = -1
        repeated = found.of[here] >= 0
        assert ((products.max(axis=1) >= 0.9) == repeated).all()
        assert (kept[products.argmax(axis=1)] == found.of[here])[repeated].all()
        assert found.similarity[here][repeated] == pytest.approx(products.max(axis=1)[repeated], abs=1e-6)


@pytest.mark.parametrize("exact", [60_000, 0])
def test_one_dialogue_none_and_all_equal(exact: int) -> None:
    """A single one and zero vectors duplicate nothing; of equal ones the first is kept, at a threshold of 1 too."""
    one = units(np.array([[3, 1, 2]], np.float32))
    assert semantic_duplicates(one, 0.9, exact=exact).of.tolist() == [-1]
    assert semantic_duplicates(one[:0], 0.9, exact=exact).of.tolist() == []
    assert semantic_duplicates(np.zeros((3, 3), np.float32), 0.9, exact=exact).of.tolist() == [-1, -1, -1]
    equal = semantic_duplicates(np.repeat(one, 5_000, axis=0), 1.0, exact=exact)
    assert equal.of.tolist() == [-1] + [0] * 4_999
    assert (equal.similarity[1:] == 1).all()


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01, float("nan")])
def test_a_threshold_is_a_cosine_above_nought(threshold: float) -> None:
    """Refused by name."""
    with pytest.raises(ValueError, match="at most 1 is needed"):
        semantic_duplicates(np.eye(2, dtype=np.float32), threshold)


@pytest.mark.parametrize("exact", [100_000, 0])
def test_the_number_of_threads_changes_nothing(exact: int) -> None:
    """Equal bytes with one thread of faiss and with two, exact and approximate; the setting is left as it was."""
    vectors = planted(9_000, 160, 3)
    before, found = faiss.omp_get_max_threads(), []
    try:
        for threads in (1, 2):
            faiss.omp_set_num_threads(threads)
            one = semantic_duplicates(vectors, 0.8, exact=exact)
            kept = semantic_kept(vectors, 0.8)
            found.append((one.of.tobytes(), one.similarity.tobytes(), one.recall, kept.tobytes()))
            assert faiss.omp_get_max_threads() == threads
    finally:
        faiss.omp_set_num_threads(before)
    assert found[0] == found[1]


def test_an_approximate_search_says_what_it_misses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every duplicate is one, and the recall is that of brute force over the vectors, all being in the sample."""
    monkeypatch.setattr(vector_search, "_PROBES", 1)  # so that it does miss some
    monkeypatch.setattr(semantic, "BLOCK", 64)  # within a block every pair is compared
    vectors = planted(900, 24, 5, noise=1.0)
    found = semantic_duplicates(vectors, 0.6, exact=0)
    assert found.method == "ivf"
    spoken = np.flatnonzero(vectors.any(axis=1))
    kept = spoken[found.of[spoken] < 0]
    products = vectors.astype(np.float64) @ vectors[kept].astype(np.float64).T
    products[np.arange(900)[:, None] <= kept] = -1
    exist, repeated = products.max(axis=1) >= 0.6, found.of >= 0
    assert not (repeated & ~exist).any()
    assert found.recall_of == exist.sum()
    assert found.recall == pytest.approx(repeated.sum() / exist.sum(), abs=1e-12)
    assert 0.5 < repeated.sum() / exist.sum() < 1
    for i in np.flatnonzero(repeated).tolist():
        assert found.of[i] < i
        assert found.similarity[i] == cosine(vectors[i], vectors[found.of[i]]) >= 0.6


def test_recall_is_unknown_where_the_sample_has_no_duplicate() -> None:
    """Orthogonal vectors: nothing to find, so None and not 1."""
    found = semantic_duplicates(np.eye(40, dtype=np.float32), 0.9, exact=0)
    assert (found.recall, found.recall_of) == (None, 0)


@pytest.mark.parametrize("exact", [1_000, 0])
def test_the_most_similar_of_others(exact: int) -> None:
    """Brute force finds the same; zero vectors match nothing; the approximate search measures its recall."""
    vectors, others = planted(70, 20, 1), planted(50, 20, 2)
    vectors[:30] = units((others[:30] + 0.1 * vectors[:30]).astype(np.float32))
    vectors[5], others[7] = 0, 0
    found = vector_search.most_similar(vectors, others, 0.7, exact=exact)
    products = vectors.astype(np.float64) @ others.astype(np.float64).T
    wanted = np.where(products.max(axis=1) >= 0.7, products.argmax(axis=1), -1)
    assert (wanted >= 0).sum() > 20
    if exact:
        assert found.of.tolist() == wanted.tolist()
    else:
        assert ((found.of == wanted) | (found.of == -1)).all()
        assert found.recall == pytest.approx((found.of >= 0).sum() / (wanted >= 0).sum(), abs=1e-12)


@pytest.mark.parametrize("keep", ["farthest", "first"])
@pytest.mark.parametrize("n", [300, 4_000])
def test_pruning_keeps_one_of_each_group(keep: Any, n: int) -> None:
    """Of clear groups of near-copies one is kept: the farthest from the centre of its cluster, or the first."""
    rng = np.random.default_rng(n)
    group = rng.integers(0, n // 4, n)
    groups = rng.normal(size=(n // 4, 30))
    vectors = units((groups[group] + 0.02 * rng.normal(size=(n, 30))).astype(np.float32))
    vectors[0] = 0
    kept = semantic_kept(vectors, 0.95, keep=keep)
    assert kept[0]
    counts = np.bincount(group[1:][kept[1:]], minlength=n // 4)
    present = np.bincount(group[1:], minlength=n // 4) > 0
    assert (counts[~present] == 0).all()
    assert (counts[present] >= 1).all()
    assert counts.sum() < 1.05 * present.sum()  # a group on the border of two clusters is kept twice
    if n == 300:  # one cluster: its centre is the mean
        closeness = vectors @ vectors[1:].mean(axis=0) if keep == "farthest" else np.arange(n)
        best = {g: min((closeness[i], i) for i in range(1, n) if group[i] == g)[1] for g in group[1:].tolist()}
        assert np.flatnonzero(kept)[1:].tolist() == sorted(best.values())


TALK = (
    ("How do I bake a loaf of bread at home?", "Mix flour, water, salt and yeast, let the dough rise, then bake it."),
    ("At home, how do I bake a loaf of bread?", "Let the dough rise, then bake it; mix flour, water, salt and yeast."),
    ("A loaf of bread, how do I bake it at home?", "Mix water, yeast, salt and flour, let the dough rise, then bake."),
    ("Which planets have rings around them?", "Saturn, Jupiter, Uranus and Neptune are circled by rings of dust."),
)


def dialogue(i: int, source: str) -> dict[str, Any]:
    """One of the dialogues above, from a source."""
    roles = ("user", "assistant")
    messages = [{"role": r, "content": t} for r, t in zip(roles, TALK[i], strict=True)]
    return {"messages": messages, "source": source}


def with_columns(profile: Profile, threshold: float) -> dict[str, Any]:
    """Write the columns into a Profile as stage two does; how they were searched."""
    part = part_of(profile)
    known = space(part)
    assert known is not None
    columns, searched = semantic.columns(part, known, threshold)
    table = profile.table("dialogues")
    for name, values in columns._asdict().items():
        if name in table.column_names:
            table = table.drop_columns([name])
        table = table.append_column(name, [values])
    pq.write_table(table, profile.path / "dialogues.parquet")
    profile.document["semantic_duplicates"] = searched
    profile.forget()
    return searched


def shares(part: Part) -> tuple[float | None, float | None, int]:
    """Share, count and number of dialogues of a part's rows."""
    known = space(part)
    assert known is not None
    share, count = semantic.rows(part, known)
    assert (share.metric, share.statistic, count.statistic) == ("semantic_duplicates", "share", "count")
    return share.value, count.value, share.n


def test_columns_and_rows_of_a_profile(tmp_path: Path) -> None:
    """Reworded dialogues duplicate the first; exact copies are no part of it; parts count for themselves."""
    kinds = ((0, "a"), (1, "b"), (3, "a"), (2, "b"), (0, "b"), (3, "c"))
    records = [dialogue(i, source) for i, source in kinds]
    profile = package.profile(records, tmp_path / "p.ultraqa", name="d", tokens="none", fields=("source",))
    searched = with_columns(profile, 0.9)
    assert searched == {
        "threshold": 0.9, "compared": 4, "found": 2, "method": "exact", "recall": 1.0, "recall_of": 0
    }  # fmt: skip
    np.testing.assert_array_equal(profile.column("semantic_duplicate_of"), [np.nan, 0, np.nan, 0, np.nan, np.nan])
    similarity = profile.column("semantic_similarity")
    assert np.isfinite(similarity).tolist() == [False, True, False, True, False, False]
    assert (similarity[[1, 3]] >= 0.9).all()
    assert shares(part_of(profile)) == (0.5, 2, 4)
    by = {part.name: shares(part) for part in parts_by(profile, "source")}
    # In b the exact copy of the first dialogue stands for it, and all three are one.
    assert by == {"d/a": (0.0, 0, 2), "d/b": (pytest.approx(2 / 3), 2, 3), "d/c": (0.0, 0, 1)}
    rows = list(semantic.rows(part_of(profile), known) if (known := space(part_of(profile))) else [])
    assert rows[0].version.endswith("cosine 0.9")
    assert rows[0].note == ""


def test_a_row_says_what_an_approximate_search_may_have_missed(tmp_path: Path) -> None:
    """The note has the recall and the number it is of, or that it is unknown; nothing to compare has its own."""
    records = [dialogue(i, "a") for i in range(4)]
    profile = package.profile(records, tmp_path / "p.ultraqa", name="d", tokens="none")
    searched = with_columns(profile, 0.9)
    whole = part_of(profile)
    known = space(whole)
    assert known is not None
    profile.document["semantic_duplicates"] = {**searched, "method": "ivf", "recall": 0.981, "recall_of": 52}
    assert "recall 0.98 (52 duplicates of 1,000 sampled)" in next(iter(semantic.rows(whole, known))).note
    profile.document["semantic_duplicates"] = {**searched, "method": "ivf", "recall": None, "recall_of": 0}
    assert "recall unknown" in next(iter(semantic.rows(whole, known))).note
    nothing = whole.subset(np.zeros(4, np.bool_))
    empty = space(nothing)
    assert empty is not None
    rows = list(semantic.rows(nothing, empty))
    assert [row.value for row in rows] == [None, 0]
    assert rows[0].note == "no dialogue with a vector"


def test_the_default_threshold_is_that_of_the_encoder(tmp_path: Path) -> None:
    """Static vectors have theirs; an encoder of which nothing was measured has the general one."""
    profile = package.profile([dialogue(0, "a")], tmp_path / "p.ultraqa", tokens="none")
    known = space(part_of(profile))
    assert known is not None
    assert semantic.columns(part_of(profile), known)[1]["threshold"] == semantic.THRESHOLDS["static"]
    other = known.encoding.__class__("a-model", "0", 256, (), comparable=True, truncated=0.0)
    assert semantic.threshold_of(other) == semantic.OTHER_THRESHOLD
