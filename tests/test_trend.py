"""Generations that narrow have a trend and a text in pieces has none; p-values are corrected; what would be noticed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultraqa.analysis import trend
from ultraqa.analysis.corpus import NO_PROMPT, SampledText
from ultraqa.analysis.detectable import SHARES, detectable_share
from ultraqa.analysis.lexical_probes import lexical, sides_of
from ultraqa.analysis.matching import Matched, match
from ultraqa.analysis.probes import DECIDING, DEFINITIONS, drawn_flips, fired, read
from ultraqa.analysis.simulation import generations, mixed
from ultraqa.analysis.toy_model import fit, sample
from ultraqa.analysis.trend import SIGNIFICANT, holm, trends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PAIRS = 100


def talk(dialogues: int, seed: int = 0) -> SampledText:
    """Invented dialogues of two messages of 25 words: a long tail of words, half of which depend on the word before."""
    rng = np.random.default_rng(seed)
    kinds, n = 6000, 2 * dialogues
    tail = np.cumsum(1 / np.arange(2.0, kinds + 2))
    ids, before = np.empty((n, 25), np.int32), np.zeros(n, np.int64)
    for k in range(25):
        habits = (before * 2654435761 + rng.geometric(0.2, n) * 40503) % 65536 / 65536  # the same after the same word
        drawn = np.where(rng.random(n) < 0.5, habits, rng.random(n))
        before = ids[:, k] = np.searchsorted(tail, drawn * tail[-1])
    return SampledText(
        ids.ravel(),
        np.arange(n + 1) * 25,
        np.arange(dialogues + 1) * 2,
        np.arange(dialogues),
        np.full(dialogues, NO_PROMPT, np.uint64),
        [f"w{i}" for i in range(kinds)],
    )


def parts(text: SampledText, n: int, seed: int) -> list[SampledText]:
    """A text's dialogues at random in n texts of equal size."""
    rows = np.random.default_rng(seed).permutation(text.rows)
    return [text.of_rows(rows[i::n]) for i in range(n)]


# --- Holm -------------------------------------------------------------------------------------------------------------


def test_holm_corrects_a_worked_example() -> None:
    """.01, .04, .03, .005: times 4, 3, 2, 1 in order of size, and none below one before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02], abs=1e-15)
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.5))
def test_holm_rejects_step_by_step(p: list[float], level: float) -> None:
    """As the procedure is told: the smallest against level / m, the next against level / (m - 1), until one stays."""
    rejected = set()
    for k, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        if p[i] * (len(p) - k) > level:
            break
        rejected.add(i)
    assert {i for i, one in enumerate(holm(p)) if one <= level} == rejected


# --- trends -----------------------------------------------------------------------------------------------------------


def test_generations_that_replace_each_other_have_a_trend_in_every_family() -> None:
    """And backwards they widen: z changes its sign, and nothing is significant."""
    texts = list(generations(talk(2 * PAIRS), generations=3, seed=1))
    found = trends(match(texts), seed=0)
    assert [one.family for one in found] == list(DECIDING)
    for one in found:
        assert one.z > 5
        assert one.p < 1e-5
        assert one.significant
    backwards = trends(match(texts[::-1]), seed=0)
    for one in backwards:
        assert one.z < -5
        assert one.p > 0.99
        assert not one.significant


def test_a_text_in_pieces_has_no_trend() -> None:
    """Of eight cuttings into five generations none finds a significant family, and z is about 0 with a spread of 1."""
    text, z = talk(5 * 60), []
    for seed in range(8):
        found = trends(match(parts(text, 5, seed)), seed)
        assert not any(one.significant for one in found)
        z += [one.z for one in found if one.family == "support"]
    assert abs(np.mean(z)) < 4 / math.sqrt(8)
    assert 0.3 < np.std(z) < 2.2


def test_a_trend_depends_on_the_seed_alone() -> None:
    """Threads change nothing; another seed exchanges others."""
    matched = match(parts(talk(120), 3, 0))
    one = trends(matched, 1)
    assert trends(matched, 1, workers=3) == one
    assert trends(matched, 2) != one


def test_generations_are_exchanged_within_their_groups() -> None:
    """Under every exchange a group holds each generation once; at first each its own."""
    stands = trend._exchanged(7, 3, 0)
    assert stands.shape == (21, 1 + trend.PERMUTATIONS)
    groups = stands.reshape(7, 3, -1)
    assert (np.sort(groups, axis=1) == np.arange(3)[:, None]).all()
    assert (groups[:, :, 0] == np.arange(3)).all()
    shares = (groups[:, :, 1:] == np.arange(3)[:, None]).mean()
    assert shares == pytest.approx(1 / 3, abs=4 * math.sqrt(2 / 9 / (21 * trend.PERMUTATIONS)))


def test_every_generation_has_the_probes_of_its_own_text() -> None:
    """As observed: what the lexical probes find where it stands beside itself."""
    texts = parts(talk(90), 3, 0)
    matched = match(texts)
    found = trend._values(matched, trend._exchanged(len(matched), 3, 0)[:, :2], 1)
    assert set(found) == {name for name, one in DEFINITIONS.items() if one.least is not None}
    for generation, text in enumerate(texts):
        alone = lexical(match([text, text]), np.tile([[0], [1]], (len(matched), 1)).astype(np.uint8))
        for name, values in found.items():
            if name != "compression_ratio":  # whose order of texts is that of the groups
                assert values[0, generation] == pytest.approx(alone[name][0, 1], rel=1e-12), name
        assert found["compression_ratio"][0, generation] == pytest.approx(alone["compression_ratio"][0, 1], rel=0.02)


@pytest.mark.parametrize(
    ("rows", "z"),
    [
        ([[3, 2, 1], [1, 1, 2], [2, 1, 1]], 2.0),  # a loss of 2 from first to last, beside 1 and 1 (with either sign)
        ([[1, 2, 3], [1, 1, 2], [2, 1, 1]], -2.0),
        ([[1, 1, 1], [1, 1, 2], [2, 1, 1]], 0.0),
        ([[3, 2, 1], [1, 1, 1], [1, 1, 1]], 0.0),
        ([[3, math.nan, 1], [1, 1, 2], [2, 1, 1]], 0.0),
        ([[3, 2, 1], [1, math.nan, 2], [2, 1, 1]], 2.0),
        ([[3, 2, 1], [math.nan] * 3, [math.nan] * 3], 0.0),
        ([[3, 2, 1]], 0.0),
    ],
    ids=["narrows", "widens", "flat", "no spread", "undefined", "once undefined", "never defined", "no exchange"],
)
def test_the_trend_of_a_probe_is_a_linear_contrast(rows: Sequence[Sequence[float]], z: float) -> None:
    """Above 0 where it narrows; 0 where it or its spread is undefined."""
    values = np.array(rows, float)
    assert trend._z({"missing_mass_1": values, "compression_ratio": values}) == {
        "missing_mass_1": pytest.approx(z, abs=1e-12),
        "compression_ratio": pytest.approx(-z, abs=1e-12),  # narrower where it is higher
    }


def test_a_family_trends_as_its_weakest_probe_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each z becomes a one-sided p of the normal distribution, corrected for three families; the edge is .01."""
    z = {"missing_mass_1": 2.0, "missing_mass_2": 2.6, "self_repetition_4": -1.0}
    monkeypatch.setattr(trend, "_z", lambda _: z | {"compression_ratio": 5.0})
    found = trends(match(parts(talk(4), 2, 0)), 0)
    assert [(one.family, one.z) for one in found] == [("support", 2.0), ("structure", 2.6), ("repetition", -1.0)]
    tails = [math.erfc(one / math.sqrt(2)) / 2 for one in (2.0, 2.6, -1.0)]
    assert [one.p for one in found] == pytest.approx([2 * tails[0], 3 * tails[1], tails[2]], rel=1e-9)
    assert [one.significant for one in found] == [one.p < SIGNIFICANT for one in found] == [False, False, False]
    z["missing_mass_2"] = 2.8
    assert [one.significant for one in trends(match(parts(talk(4), 2, 0)), 0)] == [False, True, False]


def test_without_a_group_nothing_trends() -> None:
    """No dialogue in one of the generations: z is 0 and p 1."""
    none = talk(3).of_rows(np.zeros(0, np.int64))
    for one in trends(match([talk(3), none, talk(3)]), 0):
        assert (one.z, one.p, one.significant) == (0.0, 1.0, False)


# --- detectable share -------------------------------------------------------------------------------------------------


def beside(text: SampledText) -> tuple[Matched, dict[str, NDArray[np.float64]]]:
    """A text's halves as a comparison."""
    matched = match(parts(text, 2, 3))
    return matched, lexical(matched, sides_of(drawn_flips(len(matched), 0, 40)))


def test_some_share_is_noticed_where_there_is_text_enough() -> None:
    """None with a dialogue a side, one of those that are tried with 200."""
    assert detectable_share(*beside(talk(2)), seed=0) is None
    assert detectable_share(*beside(talk(400)), seed=0) in SHARES


def test_less_chance_shows_smaller_shares() -> None:
    """Never a larger one. Where exchanges differ much, nothing is noticed; where hardly at all, the effect decides."""
    matched, values = beside(talk(400))
    found = [
        detectable_share(matched, {name: scale * one for name, one in values.items()}, seed=0)
        for scale in (100.0, 3.0, 1.0, 0.3, 0.001)
    ]
    assert found[0] is None
    shares = [2.0 if one is None else one for one in found]
    assert shares == sorted(shares, reverse=True)
    assert shares[1] > shares[2] <= 1


def test_a_share_that_is_noticed_fires_where_it_is_made() -> None:
    """Text of a model that learned from other people, in as many dialogues of people, beside people: a family fires."""
    learned, reference, people = (talk(300, seed) for seed in (1, 2, 3))
    matched = match([reference, people])
    values = lexical(matched, sides_of(drawn_flips(len(matched), 0, 40)))
    share = detectable_share(matched, values, seed=0)
    assert share is not None
    made = sample(fit(learned), people, 4)
    for part, fires in ((0.0, False), (share, True)):
        pairs = match([reference, mixed(people, made, part, 5)], prompts=False)
        found = lexical(pairs, sides_of(drawn_flips(len(pairs), 1, 40)))
        assert bool(fired(read(found, DEFINITIONS))) is fires


def test_the_detectable_share_is_that_of_the_reference_alone() -> None:
    """Another candidate changes it by its chance differences only; the same seed gives the same."""
    matched, values = beside(talk(200))
    other = replace(matched, ids=np.where(matched.owners % 2 == 1, 0, matched.ids).astype(np.int32))
    assert detectable_share(matched, values, 0) == detectable_share(other, values, 0)


def test_values_without_permutations_notice_nothing() -> None:
    """The chance difference is then unknown."""
    matched, values = beside(talk(100))
    assert detectable_share(matched, {name: one[:1] for name, one in values.items()}, 0) is None
