"""Means, quantiles, shares and their 95 % intervals: by brute force, and by how often the intervals hold the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ultraqa.analysis.statistics import QUANTILES, Clusters, describe, ratio_interval, share, wilson

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

DRAWS: Final = 500
COVERED: Final = (0.92, 0.98)
"""Share of 500 intervals of 95 % that hold the truth: three standard errors (.0097 each) around .95."""

VALUES: Final = st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), max_size=40)


class Drawn(NamedTuple):
    """Messages drawn from a population: their values, the dialogue of each, and the number of dialogues."""

    values: NDArray[np.float64]
    owner: NDArray[np.int64]
    dialogues: int

    @property
    def clusters(self) -> Clusters:
        """Every dialogue is the first of its kind."""
        return Clusters(self.owner, np.ones(self.dialogues, np.bool_))


def drawn(rng: np.random.Generator, dialogues: int = 80) -> Drawn:
    """Dialogues of 1 to 8 messages; messages of a dialogue are alike, longer dialogues have larger values."""
    sizes = rng.integers(1, 9, dialogues)
    owner = np.repeat(np.arange(dialogues), sizes)
    shared = rng.normal(0, 1, dialogues) + 0.1 * sizes
    return Drawn(shared[owner] + rng.normal(0, 0.5, len(owner)), owner, dialogues)


TRUE_MEAN: Final = 0.1 * 25.5 / 4.5
"""Over all messages: the expected sum of a dialogue, .1 E[size²], over its expected size."""


def covered(interval: Callable[[np.random.Generator], tuple[float | None, float | None]], truth: float) -> float:
    """Share of the intervals of 500 seeded draws that hold the truth."""
    held = 0
    for seed in range(DRAWS):
        low, high = interval(np.random.default_rng(seed))
        assert low is not None
        assert high is not None
        held += low <= truth <= high
    return held / DRAWS


def interval_of(name: str, values: NDArray[np.float64], clusters: Clusters) -> tuple[float | None, float | None]:
    """The interval of one statistic."""
    found = {statistic.name: statistic for statistic in describe(values, clusters)}[name]
    return found.low, found.high


def test_intervals_of_the_mean_hold_the_truth_where_messages_are_alike() -> None:
    """95 % over dialogues; taking each message for independent would hold it far less often."""

    def by_dialogue(rng: np.random.Generator) -> tuple[float | None, float | None]:
        sample = drawn(rng)
        return interval_of("mean", sample.values, sample.clusters)

    def by_message(rng: np.random.Generator) -> tuple[float | None, float | None]:
        values = drawn(rng).values
        return interval_of("mean", values, Clusters(None, np.ones(len(values), np.bool_)))

    assert COVERED[0] <= covered(by_dialogue, TRUE_MEAN) <= COVERED[1]
    assert covered(by_message, TRUE_MEAN) < 0.8


def test_intervals_of_the_median_hold_the_truth_where_messages_are_alike() -> None:
    """Woodruff's interval, against the median of a million dialogues."""
    truth = float(np.median(drawn(np.random.default_rng(10**6), 1_000_000).values))

    def by_dialogue(rng: np.random.Generator) -> tuple[float | None, float | None]:
        sample = drawn(rng)
        return interval_of("median", sample.values, sample.clusters)

    assert COVERED[0] <= covered(by_dialogue, truth) <= COVERED[1]


def test_intervals_of_a_mean_with_undefined_values_hold_the_truth() -> None:
    """A third of the messages is undefined: the denominator is random too."""

    def by_dialogue(rng: np.random.Generator) -> tuple[float | None, float | None]:
        sample = drawn(rng)
        values = np.where(rng.random(len(sample.values)) < 1 / 3, np.nan, sample.values)
        return interval_of("mean", values, sample.clusters)

    assert COVERED[0] <= covered(by_dialogue, TRUE_MEAN) <= COVERED[1]


def test_intervals_of_a_ratio_of_sums_hold_the_truth() -> None:
    """Tokens of replies over all tokens: long dialogues weigh more."""

    def by_dialogue(rng: np.random.Generator) -> tuple[float | None, float | None]:
        total = rng.lognormal(3, 1, 400)
        part = total * rng.beta(6, 2, 400)
        everyone = Clusters(None, np.ones(400, np.bool_))
        return ratio_interval(float(part.sum() / total.sum()), part, total, everyone)

    assert COVERED[0] <= covered(by_dialogue, 0.75) <= COVERED[1]


def test_intervals_of_a_share_hold_the_truth() -> None:
    """Wilson's interval for a tenth of 150 dialogues."""

    def of_share(rng: np.random.Generator) -> tuple[float | None, float | None]:
        found = share(rng.random(150) < 0.1, Clusters(None, np.ones(150, np.bool_)))[0]
        return found.low, found.high

    assert COVERED[0] <= covered(of_share, 0.1) <= COVERED[1]


def test_intervals_of_data_with_copies_hold_the_truth() -> None:
    """Every dialogue stands three times in the data: counting the copies would make intervals too narrow."""

    def with_copies(rng: np.random.Generator, *, marked: bool) -> tuple[float | None, float | None]:
        sample = drawn(rng)
        values = np.tile(sample.values, 3)
        owner = np.concatenate([sample.owner + k * sample.dialogues for k in range(3)])
        distinct = np.arange(3 * sample.dialogues) < (sample.dialogues if marked else 3 * sample.dialogues)
        return interval_of("mean", values, Clusters(owner, distinct))

    assert COVERED[0] <= covered(lambda rng: with_copies(rng, marked=True), TRUE_MEAN) <= COVERED[1]
    assert covered(lambda rng: with_copies(rng, marked=False), TRUE_MEAN) < 0.85


@given(values=VALUES)
def test_means_and_quantiles_are_over_all_defined_values(values: list[float]) -> None:
    """By sorting in plain Python, linear between ranks; undefined values count nowhere."""
    array = np.array(values, float)
    found = {s.name: s.value for s in describe(array, Clusters(None, np.ones(len(array), np.bool_)))}
    kept = sorted(v for v in values if not np.isnan(v))
    assert set(found) == {"mean", *QUANTILES}
    if not kept:
        assert set(found.values()) == {None}
        return
    assert found["mean"] == pytest.approx(sum(kept) / len(kept), rel=1e-9, abs=1e-6)
    for name, q in QUANTILES.items():
        at = q * (len(kept) - 1)
        below, above = kept[int(at)], kept[min(int(at) + 1, len(kept) - 1)]
        assert found[name] == pytest.approx(below + (above - below) * (at - int(at)), rel=1e-9, abs=1e-6)


@given(values=VALUES, data=st.data())
def test_copies_count_in_values_and_not_in_the_width_of_intervals(values: list[float], data: st.DataObject) -> None:
    """Copies move the mean to where they are; the interval goes with it, as wide as without them."""
    first = np.array(values, float)
    copied = data.draw(st.lists(st.sampled_from(range(len(values))), max_size=10)) if values else []
    everything = np.concatenate([first, first[copied]])
    if np.isnan(first).all():
        return
    distinct = np.arange(len(everything)) < len(first)
    (low, high), value = unheld_interval(first, np.ones(len(first), np.bool_)), float(np.nanmean(everything))
    low_with, high_with = unheld_interval(everything, distinct)
    found = describe(everything, Clusters(None, distinct))[0]
    assert found.value == pytest.approx(value, rel=1e-9, abs=1e-9)
    assert (low is None) == (low_with is None)
    if low is not None and high is not None and low_with is not None and high_with is not None:
        assert high_with - low_with == pytest.approx(high - low, rel=1e-6, abs=1e-6)
        assert high_with - value == pytest.approx(value - low_with, rel=1e-6, abs=1e-6)


def unheld_interval(values: NDArray[np.float64], distinct: NDArray[np.bool_]) -> tuple[float | None, float | None]:
    """The interval of the mean of the defined values, before it is held to their range."""
    defined = ~np.isnan(values)
    top = np.where(defined, values, 0.0)
    return ratio_interval(float(np.nanmean(values)), top, defined.astype(float), Clusters(None, distinct))


def test_the_interval_of_a_mean_stays_in_the_range_of_the_values() -> None:
    """A share of repeated words is never below 0, however few the messages."""
    mean = describe(np.array([0.0, 0.0, 0.9]), Clusters(None, np.ones(3, np.bool_)))[0]
    assert (mean.low, mean.high) == (0.0, pytest.approx(0.888, abs=1e-3))


@given(values=VALUES, owner=st.lists(st.integers(0, 9), min_size=40, max_size=40))
def test_an_interval_holds_its_value(values: list[float], owner: list[int]) -> None:
    """Its low end is no more, its high end no less, or there is none; quantiles other than the median have none."""
    clusters = Clusters(np.array(owner[: len(values)], np.int64), np.ones(10, np.bool_))
    for name, value, low, high in describe(np.array(values, float), clusters):
        assert (low is None) == (high is None)
        if low is not None:
            assert name in {"mean", "median"}
            assert low <= value <= high


def test_one_dialogue_has_no_interval() -> None:
    """Its messages may be many: how dialogues differ is not known."""
    one = Clusters(np.zeros(5, np.int64), np.ones(1, np.bool_))
    assert [(s.low, s.high) for s in describe(np.arange(5.0), one)] == [(None, None)] * 6
    assert ratio_interval(0.5, np.ones(1), np.full(1, 2.0), Clusters(None, np.ones(1, np.bool_))) == (None, None)


def test_equal_dialogues_have_an_interval_without_width() -> None:
    """Nothing varies."""
    equal = Clusters(None, np.ones(30, np.bool_))
    assert describe(np.full(30, 7.0), equal)[0][1:] == (7.0, 7.0, 7.0)


def test_nothing_over_nothing_has_no_interval() -> None:
    """A ratio whose denominator is 0."""
    assert ratio_interval(0.0, np.zeros(4), np.zeros(4), Clusters(None, np.ones(4, np.bool_))) == (None, None)


@given(n=st.integers(1, 500), data=st.data())
def test_wilsons_interval_is_scipys(n: int, data: st.DataObject) -> None:
    """To 1e-12."""
    k = data.draw(st.integers(0, n))
    theirs = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert wilson(k / n, n) == pytest.approx((theirs.low, theirs.high), rel=0, abs=1e-12)


@given(marks=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_a_share_is_over_all_and_its_interval_over_distinct_dialogues(marks: list[tuple[bool, bool]]) -> None:
    """Count and share include copies; the interval is Wilson's of the others, stretched to hold the share."""
    marked = np.array([mark for mark, _ in marks], np.bool_)
    distinct = np.array([i == 0 or first for i, (_, first) in enumerate(marks)], np.bool_)
    found = {s.name: s for s in share(marked, Clusters(None, distinct))}
    assert found["count"].value == sum(mark for mark, _ in marks)
    if not marks:
        assert found["share"].value is None
        return
    value = sum(mark for mark, _ in marks) / len(marks)
    kept = [mark for mark, own in zip(marked, distinct, strict=True) if own]
    theirs = binomtest(sum(kept), len(kept)).proportion_ci(0.95, method="wilson")
    assert found["share"].value == pytest.approx(value)
    assert found["share"].low == pytest.approx(min(theirs.low, value), abs=1e-12)
    assert found["share"].high == pytest.approx(max(theirs.high, value), abs=1e-12)


def test_one_defined_dialogue_has_no_interval() -> None:
    """The spread of a single dialogue is not known, however many others have nothing to measure."""
    found = {s.name: s for s in describe(np.array([7.0, np.nan, np.nan]), Clusters(None, np.ones(3, np.bool_)))}
    assert found["mean"].value == 7
    assert found["mean"].low is None
    assert found["median"].low is None


def test_no_and_all_have_intervals_that_end_at_0_and_1() -> None:
    """To the last digit, so that nothing like 1e-18 is printed."""
    for n in (3, 17, 1_000):
        assert wilson(0.0, n)[0] == 0
        assert wilson(1.0, n)[1] == 1
