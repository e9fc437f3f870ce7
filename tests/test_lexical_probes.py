"""Lexical probes and word shift under exchanges, against counting in plain Python and the statistics of one text."""

from __future__ import annotations

import gzip
import math
from collections import Counter
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultraqa.analysis import lexical_probes
from ultraqa.analysis.corpus import SampledText
from ultraqa.analysis.diversity import measure, ngrams, self_repetition_4, spectrum
from ultraqa.analysis.lexical_probes import COMPRESSED_PERMUTATIONS, lexical, sides_of
from ultraqa.analysis.matching import Matched
from ultraqa.analysis.occurrences import counts, occurrences, sharing
from ultraqa.analysis.word_shift import Shift, word_shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Text = list[str]  # messages of letters, each a word

WORDS = "abcd"
texts = st.lists(st.text(WORDS, min_size=1, max_size=9), min_size=1, max_size=3)
groups = st.lists(st.tuples(texts, texts), min_size=1, max_size=9)


def matched_of(told: Sequence[Text], sides: int = 2) -> Matched:
    """Texts, group after group, as the probes get them."""
    flat = list(chain.from_iterable(told))
    ids = np.array([WORDS.index(word) for message in flat for word in message], np.int32)
    ends = np.cumsum([0, *(sum(map(len, text)) for text in told)])
    return Matched(sides, ids, np.cumsum([0, *map(len, flat)]), ends, np.arange(len(told)), list(WORDS), "length")


def of_pairs(told: Sequence[tuple[Text, Text]]) -> Matched:
    """Texts of the reference and of the candidate, pair after pair."""
    return matched_of(list(chain.from_iterable(told)))


def flips_of(n: int, seed: int, permutations: int = 4) -> NDArray[np.bool_]:
    """As observed, then random exchanges."""
    found = np.random.default_rng(seed).random((permutations, n)) < 0.5
    found[0] = False
    return found


def sides_told(told: Sequence[tuple[Text, Text]], row: NDArray[np.bool_]) -> tuple[list[Text], list[Text]]:
    """The texts of both sides after an exchange."""
    pairs = [pair[::-1] if flip else pair for pair, flip in zip(told, row, strict=True)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def grams(text: Text, n: int) -> list[str]:
    """The n-grams of a text, message by message."""
    return [message[i : i + n] for message in text for i in range(len(message) - n + 1)]


def expected(told: Sequence[Text]) -> dict[str, float]:
    """Every probe of one side, by its definition; NaN where undefined."""
    found = {}
    for n in (1, 2, 3):
        counted = Counter(chain.from_iterable(grams(text, n) for text in told))
        total = counted.total()
        once = sum(count == 1 for count in counted.values())
        found[f"missing_mass_{n}"] = once / total if total else math.nan
        found[f"distinct_{n}"] = len(counted) / total if total else math.nan
        if n == 1:
            found["vocabulary"] = len(counted)
    fours = [set(grams(text, 4)) for text in told]
    shared = [
        math.log1p(sum(gram in other for gram in mine for j, other in enumerate(fours) if j != i))
        for i, mine in enumerate(fours)
        if mine
    ]
    found["self_repetition_4"] = sum(shared) / len(shared) if shared else math.nan
    joined = "\n".join(" ".join(message) for text in told for message in text).encode()
    found["compression_ratio"] = len(joined) / len(gzip.compress(joined, 9)) if joined else math.nan
    openings = Counter("".join(text)[:3] for text in told)
    shares = [count / len(told) for count in openings.values()]
    entropy = -sum(share * math.log2(share) for share in shares)
    found["opening_entropy_3"] = entropy / math.log2(len(told)) if len(told) > 1 else math.nan
    return found


# --- the probes -------------------------------------------------------------------------------------------------------


@given(groups, st.integers(0, 999))
def test_every_probe_is_what_counting_gives(told: list[tuple[Text, Text]], seed: int) -> None:
    """For both sides under every exchange; n-grams cross neither messages nor texts."""
    flips = flips_of(len(told), seed)
    found = lexical(of_pairs(told), sides_of(flips))
    for i, row in enumerate(flips):
        for side, texts_of_side in enumerate(sides_told(told, row)):
            wanted = expected(texts_of_side)
            assert set(found) == set(wanted)
            for name, value in wanted.items():
                assert found[name][i, side] == pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True), name


@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=5), st.integers(0, 999))
def test_a_side_may_be_one_of_three(told: list[tuple[Text, Text, Text]], seed: int) -> None:
    """As generations are exchanged: the texts that are marked are one side, all others the other."""
    flat = list(chain.from_iterable(told))
    sides = np.random.default_rng(seed).integers(0, 2, (len(flat), 3)).astype(np.uint8)
    found = lexical(matched_of(flat, sides=3), sides)
    for i, column in enumerate(sides.T):
        for side in (0, 1):
            wanted = expected([text for text, one in zip(flat, column, strict=True) if one == side])
            for name, value in wanted.items():
                assert found[name][i, side] == pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True), name


@given(groups, st.integers(0, 999))
def test_exchanging_all_pairs_exchanges_the_columns(told: list[tuple[Text, Text]], seed: int) -> None:
    """To the last bit, after any exchange."""
    flips = np.repeat(flips_of(len(told), seed), 2, axis=0)
    flips[1::2] ^= True
    for name, values in lexical(of_pairs(told), sides_of(flips)).items():
        np.testing.assert_array_equal(values[1::2], values[::2, ::-1], err_msg=name)


def test_texts_of_side_are_told_by_flips() -> None:
    """Text 2 i is the reference's and 2 i + 1 the candidate's until the pair changes sides."""
    flips = np.array([[False, False], [True, False]])
    assert sides_of(flips).tolist() == [[0, 1], [1, 0], [0, 0], [1, 1]]
    assert sides_of(flips).dtype == np.uint8


def zipfian(pairs: int, words: int = 30, seed: int = 7) -> Matched:
    """Pairs of texts of equal words in messages of ten, all from one distribution with a long tail."""
    rng = np.random.default_rng(seed)
    ids = np.minimum(rng.zipf(1.4, 2 * pairs * words) - 1, 799).astype(np.int32)
    ends = np.arange(0, len(ids) + 1, words)
    return Matched(
        2, ids, np.arange(0, len(ids) + 1, 10), ends, np.arange(2 * pairs), [f"w{i}" for i in range(800)], "length"
    )


@pytest.mark.parametrize("workers", [2, 5])
def test_threads_change_nothing(workers: int) -> None:
    """The same bits, over more permutations than are read at a time and than are compressed."""
    matched, flips = zipfian(40), flips_of(40, 3, 2 * COMPRESSED_PERMUTATIONS)
    one, more = (lexical(matched, sides_of(flips), n) for n in (1, workers))
    for name, values in one.items():
        np.testing.assert_array_equal(values, more[name], err_msg=name)


def test_the_sides_as_observed_have_the_statistics_of_a_text() -> None:
    """Of each side's dialogues as a sample of their own: what a Profile says of its first words."""
    matched = zipfian(400)
    assert matched.words == 12_000
    found = lexical(matched, sides_of(np.zeros((1, 400), np.bool_)))
    for side in (0, 1):
        ids = matched.ids[matched.owners % 2 == side]
        sample = SampledText(
            ids,
            np.arange(0, len(ids) + 1, 10),
            np.arange(0, 1201, 3),
            np.arange(400),
            np.zeros(400, np.uint64),
            matched.vocabulary,
        )
        wanted = {one.metric: one.value for one in measure(sample, (12_000,))}
        named = set(found) - {"opening_entropy_3"}
        assert named <= set(wanted)
        for name in named:
            assert found[name][0, side] == pytest.approx(wanted[name], rel=1e-12), name


@pytest.mark.parametrize(("words", "pairs"), [(1, 1), (300, 10), (301, 11), (9999, 50)])
def test_only_the_first_texts_are_compressed_and_only_some_permutations(
    monkeypatch: pytest.MonkeyPatch, words: int, pairs: int
) -> None:
    """Whole groups until a side has so many words; beyond some permutations there is no value."""
    matched, flips = zipfian(50), flips_of(50, 5, COMPRESSED_PERMUTATIONS + 3)
    monkeypatch.setattr(lexical_probes, "COMPRESSED_WORDS", words)
    few = lexical(matched, sides_of(flips))["compression_ratio"]
    monkeypatch.undo()
    wanted = lexical(match_of_first(matched, pairs), sides_of(flips[:, :pairs]))["compression_ratio"]
    np.testing.assert_array_equal(few, wanted)
    assert np.isfinite(few[: 1 + COMPRESSED_PERMUTATIONS]).all()
    assert np.isnan(few[1 + COMPRESSED_PERMUTATIONS :]).all()


def test_a_side_need_not_be_compressed() -> None:
    """Its values are then NaN, and all others what they are."""
    matched, sides = zipfian(9), sides_of(flips_of(9, 5))
    whole, half = lexical(matched, sides), lexical(matched, sides, compressed=(1,))
    assert np.isnan(half["compression_ratio"][:, 0]).all()
    half["compression_ratio"][:, 0] = whole["compression_ratio"][:, 0]
    for name, values in whole.items():
        np.testing.assert_array_equal(values, half[name], err_msg=name)


def match_of_first(matched: Matched, pairs: int) -> Matched:
    """The first pairs alone."""
    end = int(matched.text_offsets[2 * pairs])
    return Matched(
        2,
        matched.ids[:end],
        matched.message_offsets[matched.message_offsets <= end],
        matched.text_offsets[: 2 * pairs + 1],
        matched.rows[: 2 * pairs],
        matched.vocabulary,
        "length",
    )


def test_texts_without_n_grams_have_no_value() -> None:
    """One word a message: no pair, triple or phrase; of one pair, no variety of openings either."""
    found = lexical(matched_of([["a", "b"], ["c", "c"]]), np.array([[0], [1]], np.uint8))
    undefined = {
        "missing_mass_2",
        "missing_mass_3",
        "distinct_2",
        "distinct_3",
        "self_repetition_4",
        "opening_entropy_3",
    }
    for name, values in found.items():
        assert np.isnan(values).all() == (name in undefined), name
    assert found["missing_mass_1"].tolist() == [[1, 0]]
    assert found["vocabulary"].tolist() == [[2, 1]]


def test_no_text_at_all_is_undefined() -> None:
    """Without a pair every value is NaN, and there are no words."""
    for name, values in lexical(matched_of([]), np.zeros((0, 3), np.uint8)).items():
        assert values.shape == (3, 2)
        assert (values == 0).all() if name == "vocabulary" else np.isnan(values).all(), name


# --- occurrences ------------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(-1, 5), max_size=6), min_size=1, max_size=6))
def test_occurrences_list_what_stands_twice(told: list[list[int]]) -> None:
    """All n-grams of each text, those that stand nowhere else, and the texts of all others, ascending; -1 is none."""
    ids = [gram for text in told for gram in text]
    kinds = {gram: i for i, gram in enumerate(sorted({*ids} - {-1}))}
    dense = np.array([kinds.get(gram, -1) for gram in ids], np.int32)
    owners = np.repeat(np.arange(len(told), dtype=np.int32), [len(text) for text in told])
    found = occurrences(dense, owners, len(told))
    counted = Counter(ids)
    assert found.total.tolist() == [sum(gram >= 0 for gram in text) for text in told]
    assert found.once.tolist() == [sum(gram >= 0 and counted[gram] == 1 for gram in text) for text in told]
    listed = [found.texts[a:b].tolist() for a, b in pairwise(found.offsets.tolist())]
    wanted = [[i for i, text in enumerate(told) for one in text if one == gram] for gram in kinds if counted[gram] > 1]
    assert listed == wanted


@given(groups, st.integers(0, 999), st.integers(1, 4))
def test_counts_and_sharing_are_those_of_each_side(told: list[tuple[Text, Text]], seed: int, workers: int) -> None:
    """What ``diversity`` finds in the side's n-grams, text by text."""
    matched, sides = of_pairs(told), sides_of(flips_of(len(told), seed))
    for n, ids in ngrams(matched.sampled()).items():
        found = occurrences(ids, matched.owners, len(matched.rows))
        counted, shared = counts(found, sides, workers), sharing(found, sides)
        for i, column in enumerate(sides.T):
            for side in (0, 1):
                chosen = (column[matched.owners] == side) & (ids >= 0)
                wanted = spectrum(ids[chosen])
                assert [one[i, side] for one in counted] == [wanted.total, wanted.types, wanted.once], n
                mean = np.log1p(shared[(column == side) & (found.total > 0), i])
                repetition = self_repetition_4(ids[chosen], matched.owners[chosen])
                assert (mean.mean() if len(mean) else None) == (
                    None if repetition is None else pytest.approx(repetition, rel=1e-12)
                )


# --- word shift -------------------------------------------------------------------------------------------------------


def shifted(reference: Sequence[str], candidate: Sequence[str]) -> tuple[Matched, NDArray[np.bool_]]:
    """Pairs of texts of one message, and exchanges of them."""
    told = list(zip([[text] for text in reference], [[text] for text in candidate], strict=True))
    return of_pairs(told), flips_of(len(told), 11, 41)


def test_equal_sides_have_no_word_shift() -> None:
    """The very same texts on both sides: no distance and no slope."""
    lines = ["abac", "aabd", "bcaa", "adab"] * 10
    distance, slope, _ = word_shift(*shifted(lines, lines))
    assert distance == 0
    assert slope == pytest.approx(0, abs=1e-12)


def test_sides_of_one_source_have_hardly_any_word_shift() -> None:
    """Chance alone is taken off; some of it may be left."""
    distances = [word_shift(zipfian(60, seed=seed), flips_of(60, seed, 41)).distance or 0.0 for seed in range(20)]
    assert np.mean(np.array(distances) == 0) > 0.2
    assert max(distances) < 0.2


def test_other_common_words_are_a_shift() -> None:
    """Half of the common words on one side only, far beyond the threshold for another domain."""
    distance, _, z = word_shift(*shifted(["aaaab"] * 40, ["aaaac"] * 40))
    assert distance is not None
    assert distance > 1
    assert z is not None
    assert z > 10


def test_a_sharper_candidate_has_a_slope_and_no_distance() -> None:
    """Counts 8, 4, 2 become 16, 4, 1: the logarithm of every ratio is a line in that of the rate, apart from the .5."""
    reference, candidate = ["a" * 16 + "b" * 8 + "c" * 4] * 50, ["a" * 22 + "b" * 5 + "c"] * 50
    distance, slope, _ = word_shift(*shifted(reference, candidate))
    _, reverse, _ = word_shift(*shifted(candidate, reference))
    assert slope is not None
    assert slope > 0.5
    assert reverse == pytest.approx(-slope, rel=1e-9)
    assert distance is not None
    assert distance < 0.2


@given(groups, st.integers(0, 999))
def test_word_shift_is_the_formula(told: list[tuple[Text, Text]], seed: int) -> None:
    """The weighted line through the logarithms of the ratios, and what is left of them beyond what exchanges leave."""
    flips = flips_of(len(told), seed)
    together = Counter("".join(chain.from_iterable(message for pair in told for message in pair)))
    total = together.total()
    if len(together) < 3 or len(set(together.values())) < 2:
        return
    left, slopes = [], []
    for row in flips:
        first, second = (Counter("".join(chain.from_iterable(one))) for one in sides_told(told, row))
        points = [
            (n / total, math.log(n / total), math.log((second[word] + 0.5) / (first[word] + 0.5)))
            for word, n in together.items()
        ]
        x0, y0 = (math.fsum(point[0] * point[k] for point in points) for k in (1, 2))
        variance = math.fsum(w * (x - x0) ** 2 for w, x, _ in points)
        slope = math.fsum(w * (x - x0) * (y - y0) for w, x, y in points) / variance
        left.append(math.fsum(w * (y - y0 - slope * (x - x0)) ** 2 for w, x, y in points))
        slopes.append(slope)
    found = word_shift(of_pairs(told), flips)
    assert found.slope == pytest.approx(slopes[0], rel=1e-9, abs=1e-9)
    beyond = left[0] - math.fsum(left[1:]) / len(left[1:])
    assert (found.distance or 0.0) ** 2 == pytest.approx(max(0.0, beyond), rel=1e-9, abs=1e-9)
    if np.std(left[1:]) > 1e-6:
        assert found.z == pytest.approx(beyond / np.std(left[1:]), rel=1e-6, abs=1e-6)


def test_texts_may_be_counted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same shift, read seven texts at a time."""
    matched, flips = zipfian(30), flips_of(30, 1, 9)
    whole = word_shift(matched, flips)
    monkeypatch.setattr("ultraqa.analysis.word_shift._TOGETHER", 7)
    assert word_shift(matched, flips) == pytest.approx(whole, rel=1e-12)


def test_words_that_are_equally_frequent_have_no_slope() -> None:
    """Nothing sharpens where all rates are equal: the whole shift is distance, and nothing is divided by zero."""
    distance, slope, _ = word_shift(*shifted(["aaaabbcd"] * 20, ["bbcccddd"] * 20))
    assert slope == 0
    assert distance is not None
    assert distance > 1


def test_below_three_common_words_there_is_no_shift() -> None:
    """A line through two points explains everything."""
    assert word_shift(*shifted(["aab"] * 4, ["abb"] * 4)) == Shift(None, None, None)
    assert word_shift(*shifted([], [])) == Shift(None, None, None)


def test_rare_words_are_no_common_words() -> None:
    """A word below one in two thousand counts for nothing, whatever side it stands on."""
    lines = ["abcabcaabb"] * 300  # 3,000 words a side
    moved = [("d" + line[1:]) if i < 2 else line for i, line in enumerate(lines)]
    others = [("c" + line[1:]) if i < 2 else line for i, line in enumerate(lines)]
    assert "d" in "".join(moved)
    first, second = (word_shift(*shifted(lines, one)).distance for one in (moved, others))
    assert first == pytest.approx(second, abs=0.01)
