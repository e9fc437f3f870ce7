"""Probes are read as effect and z, sign by sign; the verdict follows from them and from the guards, in its order."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultraqa.analysis.probes import (
    DECIDING,
    DEFINITIONS,
    DISTANCES,
    LEAST_Z,
    PERMUTATIONS,
    SEMANTIC,
    Probe,
    drawn_flips,
    fired,
    number,
    read,
    read_distances,
    spread,
)
from ultraqa.analysis.verdict import (
    LEAST_DIALOGUES,
    LEAST_WORDS,
    MOST_NATS,
    MOST_NOVELTY,
    MOST_SHIFT,
    SHARPENED,
    Guards,
    Verdict,
    is_moved,
    is_noise,
    judge,
    severity,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

DECISIVE = {name: one for name, one in DEFINITIONS.items() if one.least is not None}
BAD = math.nan
EDGE = 1e-6


def values_of(reference: float, candidate: float, *differences: float) -> NDArray[np.float64]:
    """A probe's values: as observed, then sides that differ by so much after exchanges."""
    return np.array([[reference, candidate], *([1.0, 1.0 + one] for one in differences)])


# --- one probe --------------------------------------------------------------------------------------------------------


def test_a_probe_is_read_as_change_and_z() -> None:
    """The candidate's over the reference's, less 1, and the difference over the root mean square of exchanged ones."""
    (probe,) = read({"missing_mass_1": values_of(0.5, 0.4, 0.03, -0.04)}, DEFINITIONS)
    assert probe.name == "missing_mass_1"
    assert probe.family == "support"
    assert (probe.reference, probe.candidate) == (0.5, 0.4)
    assert probe.change == pytest.approx(-0.2, abs=1e-12)
    assert probe.z == pytest.approx(-0.1 / math.sqrt((0.03**2 + 0.04**2) / 2), rel=1e-12)
    assert probe.fired is False  # z is -2.8


@pytest.mark.parametrize("name", list(DECISIVE))
@pytest.mark.parametrize(("much", "far", "fires"), [(1.01, 1.01, True), (0.99, 1.01, False), (1.01, 0.99, False)])
def test_a_sign_is_large_and_beyond_chance(name: str, much: float, far: float, fires: bool) -> None:
    """Just beyond both thresholds it fires, short of either it does not; in the other direction it never does."""
    one = DECISIVE[name]
    change = one.narrower * (one.least or 0.0) * much
    deviation = abs(change) / (LEAST_Z * far)
    (probe,) = read({name: values_of(1, 1 + change, deviation, -deviation)}, DEFINITIONS)
    assert probe.fired is fires
    (other,) = read({name: values_of(1, 1 - change, deviation, -deviation)}, DEFINITIONS)
    assert other.fired is False


def test_thresholds_themselves_are_no_sign() -> None:
    """At z 3 exactly, and at the least change exactly: numbers that floats hold."""
    (probe,) = read({"self_repetition_4": values_of(1, 4, 1, -1)}, DEFINITIONS)
    assert (probe.z, probe.change, probe.fired) == (LEAST_Z, 3.0, False)
    (probe,) = read({"self_repetition_4": values_of(1, 1.25, 2**-10, 2**-10)}, DEFINITIONS)
    assert (probe.z, probe.change, probe.fired) == (256.0, DEFINITIONS["self_repetition_4"].least, False)


@pytest.mark.parametrize("name", [name for name in DEFINITIONS if name not in DECISIVE])
def test_what_does_not_decide_is_never_a_sign(name: str) -> None:
    """However large and sure."""
    (probe,) = read({name: values_of(1, 9, 0.001, -0.001)}, DEFINITIONS)
    assert probe.fired is None
    assert probe.z == pytest.approx(8000, rel=1e-12)


@pytest.mark.parametrize(
    ("values", "change", "z"),
    [
        (values_of(BAD, 0.5, 0.1, 0.1), None, None),
        (values_of(0.5, BAD, 0.1, 0.1), None, None),
        (values_of(0.0, 0.5, 0.25, 0.25), None, 2.0),
        (values_of(0.5, 0.25, 0.0, 0.0), -0.5, None),
        (values_of(0.5, 0.25), -0.5, None),
        (values_of(0.5, 0.25, BAD, BAD), -0.5, None),
        (values_of(0.5, 0.25, BAD, 0.125), -0.5, -2.0),
    ],
    ids=["reference", "candidate", "reference 0", "no spread", "no exchange", "undefined", "once undefined"],
)
def test_what_is_undefined_is_none_and_no_sign(
    values: NDArray[np.float64], change: float | None, z: float | None
) -> None:
    """NaN stays in columns; no division by zero; undefined exchanges are left out."""
    (probe,) = read({"missing_mass_1": values}, DEFINITIONS)
    assert (probe.change, probe.z, probe.fired) == (change, z, False)
    assert (probe.reference, probe.candidate) == tuple(number(one) for one in values[0].tolist())


def test_probes_come_in_the_order_of_their_definitions() -> None:
    """Whatever the order of the values; those without values are left out, unknown ones too."""
    told = {name: values_of(1, 2, 1) for name in ["recall", *reversed(DEFINITIONS), "mauve"]}
    assert [one.name for one in read(told, DEFINITIONS)] == list(DEFINITIONS)
    assert [one.name for one in read(told, SEMANTIC)] == ["recall"]
    assert read({}, DEFINITIONS) == []


def test_spread_is_the_root_mean_square_of_exchanged_differences() -> None:
    """About 0, not about their mean; without those undefined; NaN where none is left."""
    assert spread(values_of(0, 9, 3, 4)) == pytest.approx(math.sqrt(12.5), rel=1e-12)
    assert spread(values_of(0, 9, 3, BAD)) == pytest.approx(3, rel=1e-12)
    assert np.isnan(spread(values_of(0, 9)))
    assert np.isnan(spread(values_of(0, 9, BAD)))


def test_distances_are_held_against_exchanged_sides() -> None:
    """The mean of the exchanged stands as the reference's; a relation's second column is read; they are no signs."""
    values = {
        "coverage": np.array([[9, 0.5], [9, 1.0], [9, 0.75], [9, 0.5]]),
        "mauve": np.array([0.25, 1.0, 1.0]),
        "frontier_integral": np.array([BAD, BAD, BAD]),
    }
    coverage, frontier, mauve = read_distances(values)
    assert [one.name for one in (coverage, frontier, mauve)] == list(DISTANCES)
    assert coverage[2:5] == (0.75, 0.5, None)
    assert coverage.z == pytest.approx(-0.25 / np.std([1, 0.75, 0.5]), rel=1e-12)
    assert mauve == Probe("mauve", "semantic", 1.0, 0.25, None, None)
    assert frontier == Probe("frontier_integral", "semantic", None, None, None, None)
    assert coverage.fired is None


def test_drawn_flips_begin_with_what_was_observed() -> None:
    """No pair changes sides in the first row, about half in the others; the same seed draws the same."""
    flips = drawn_flips(500, 3)
    assert flips.shape == (1 + PERMUTATIONS, 500)
    assert not flips[0].any()
    assert flips[1:].mean() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(PERMUTATIONS * 500))
    np.testing.assert_array_equal(flips, drawn_flips(500, 3))
    assert (flips != drawn_flips(500, 4)).any()
    assert drawn_flips(0, 1, 5).shape == (6, 0)


# --- families ---------------------------------------------------------------------------------------------------------


def probes_of(*signs: str, change: float | None = -0.2) -> list[Probe]:
    """All deciding probes, of which some fired, among others that never do; ``change`` is that of word pairs."""
    return [
        Probe(name, one.family, 1.0, 1.0, change if name == "missing_mass_2" else 0.0, 0.0, fired=sign)
        for name, one in DEFINITIONS.items()
        for sign in [name in signs if one.least is not None else None]
    ]


FAMILIES = {family: [name for name, one in DECISIVE.items() if one.family == family] for family in DECIDING}


def test_the_families_that_decide() -> None:
    """Rare words; pairs of words; phrases and bytes."""
    assert FAMILIES == {
        "support": ["missing_mass_1"],
        "structure": ["missing_mass_2"],
        "repetition": ["self_repetition_4", "compression_ratio"],
    }


@given(st.sets(st.sampled_from(list(DECISIVE))))
def test_a_family_fires_where_all_its_deciding_probes_do(signs: set[str]) -> None:
    """Whatever the others do."""
    wanted = [family for family, names in FAMILIES.items() if signs.issuperset(names)]
    assert fired(probes_of(*signs)) == wanted


def test_a_family_without_a_deciding_probe_does_not_fire() -> None:
    """No probe at all, or only such as never decide."""
    assert fired([]) == []
    assert fired([one for one in probes_of(*DECISIVE) if one.fired is None]) == []


# --- the verdict ------------------------------------------------------------------------------------------------------

CALM = Guards(0.1, 0.0, 1.0, 0.0, 0.0, LEAST_Z + EDGE, LEAST_Z + EDGE)
SUPPORT, STRUCTURE, REPETITION = (FAMILIES[family] for family in DECIDING)


@pytest.mark.parametrize(
    ("signs", "wanted"),
    [
        ([], Verdict("no narrowing")),
        (["compression_ratio"], Verdict("no narrowing")),
        (["self_repetition_4"], Verdict("no narrowing")),
        (SUPPORT, Verdict("watch", None, ("support",))),
        (STRUCTURE, Verdict("watch", None, ("structure",))),
        (REPETITION, Verdict("watch", None, ("repetition",))),
        (SUPPORT + STRUCTURE, Verdict("narrowed", "moderate", ("support", "structure"))),
        (SUPPORT + REPETITION, Verdict("narrowed", "moderate", ("support", "repetition"))),
        (STRUCTURE + REPETITION, Verdict("narrowed", "moderate", ("structure", "repetition"))),
        (list(DECISIVE), Verdict("narrowed", "moderate", DECIDING)),
    ],
)
@pytest.mark.parametrize("one_domain", [True, False])
def test_the_word_follows_from_the_families(signs: list[str], wanted: Verdict, one_domain: bool) -> None:
    """None, one, or two and more; the fewest dialogues and words that are enough."""
    assert judge(probes_of(*signs), CALM, dialogues=LEAST_DIALOGUES, words=LEAST_WORDS, one_domain=one_domain) == wanted


@pytest.mark.parametrize(
    ("dialogues", "words"), [(LEAST_DIALOGUES - 1, LEAST_WORDS), (LEAST_DIALOGUES, LEAST_WORDS - 1), (0, 0)]
)
@pytest.mark.parametrize("guards", [CALM, Guards(9, 0, 9, 9, 99, 9, 9)])
def test_too_little_text_comes_first(dialogues: int, words: int, guards: Guards) -> None:
    """Whatever the probes and guards say."""
    found = judge(probes_of(*DECISIVE), guards, dialogues=dialogues, words=words, one_domain=False)
    assert found == Verdict("insufficient")


@pytest.mark.parametrize(
    ("guards", "moved"),
    [
        (CALM, False),
        (CALM._replace(shift=MOST_SHIFT), False),
        (CALM._replace(shift=MOST_SHIFT + EDGE), True),
        (CALM._replace(novelty=MOST_NOVELTY), False),
        (CALM._replace(novelty=MOST_NOVELTY + EDGE), True),
        (CALM._replace(shift=9.0, shift_z=LEAST_Z), False),
        (CALM._replace(shift=9.0, shift_z=None), False),
        (CALM._replace(novelty=9.0, novelty_z=LEAST_Z), False),
        (CALM._replace(novelty=9.0, novelty_z=None), False),
        (CALM._replace(shift=9.0, novelty=9.0, shift_z=0.0), True),
        (CALM._replace(shift=9.0, novelty=9.0, novelty_z=0.0), True),
        (CALM._replace(shift=MOST_SHIFT + EDGE, unigram=-SHARPENED), True),
        (CALM._replace(shift=MOST_SHIFT + EDGE, unigram=SHARPENED + 1), True),
        (CALM._replace(shift=MOST_SHIFT + 1 - EDGE, unigram=-SHARPENED - 1), False),
        (CALM._replace(shift=MOST_SHIFT + 1 + EDGE, unigram=-SHARPENED - 1), True),
        (CALM._replace(novelty=MOST_NOVELTY + EDGE, unigram=-SHARPENED - 1), True),
        (CALM._replace(shift=9.0, unigram=None), True),
        (Guards(None, None, None, None, None), False),
        (Guards(None, None, 2.0, None, None, None, 4.0), True),
    ],
)
def test_another_domain_has_other_words(guards: Guards, moved: bool) -> None:
    """Far and surely moved, beyond what sharpening explains; what is unknown is no evidence."""
    assert is_moved(guards) is moved
    wanted = "different domain" if moved else "narrowed"
    assert judge(probes_of(*DECISIVE), guards, dialogues=900, words=90_000, one_domain=False).word == wanted
    assert judge(probes_of(*DECISIVE), guards, dialogues=900, words=90_000, one_domain=True).word == "narrowed"


@pytest.mark.parametrize(
    ("unigram", "forward", "noise"),
    [
        (0.0, MOST_NATS, False),
        (0.0, MOST_NATS + EDGE, True),
        (0.5, MOST_NATS + 0.5, False),
        (0.5, MOST_NATS + 0.5 + EDGE, True),
        (-0.5, MOST_NATS, False),  # words more expected than the reference's own are no excuse for their order
        (-0.5, MOST_NATS + EDGE, True),
        (None, MOST_NATS + EDGE, True),
        (3.0, None, False),
        (None, None, False),
    ],
)
def test_noise_is_the_right_words_in_no_order(unigram: float | None, forward: float | None, noise: bool) -> None:
    """By how much a trigram model is more surprised than single words account for."""
    guards = CALM._replace(unigram=unigram, forward=forward)
    assert is_noise(guards) is noise
    for one_domain in (True, False):
        found = judge(probes_of(*DECISIVE), guards, dialogues=900, words=90_000, one_domain=one_domain)
        assert found.word == ("degenerate" if noise else "narrowed")


def test_guards_come_in_their_order() -> None:
    """What is of another domain and noise at once is of another domain, unless both answer the same prompts."""
    guards = CALM._replace(shift=1.0, forward=5.0)
    words = [judge([], guards, dialogues=900, words=90_000, one_domain=one).word for one in (False, True)]
    assert words == ["different domain", "degenerate"]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (0.3, "mild"),
        (None, "mild"),
        (0.0, "mild"),
        (-0.15, "mild"),
        (-0.1501, "moderate"),
        (-0.40, "moderate"),
        (-0.4001, "severe"),
        (-1.0, "severe"),
    ],
)
def test_severity_is_the_loss_of_word_pairs(change: float | None, wanted: str) -> None:
    """Beyond 15 % moderate, beyond 40 % severe."""
    assert severity(probes_of(change=change)) == wanted
    found = judge(probes_of(*SUPPORT, *REPETITION, change=change), CALM, dialogues=900, words=90_000, one_domain=True)
    assert found.severity == wanted


def test_without_probes_narrowing_has_the_least_severity() -> None:
    """Nothing is lost that was not measured."""
    assert severity([]) == "mild"


def test_every_verdict_of_one_comparison_can_be_reached() -> None:
    """And no other: it is never collapsing, and never without a reference."""
    found = set()
    guards = [CALM, CALM._replace(shift=1.0), CALM._replace(forward=2.0)]
    for signs, one, n in itertools.product(([], SUPPORT, [*DECISIVE]), guards, (10, 1000)):
        found.add(judge(probes_of(*signs), one, dialogues=n, words=100 * n, one_domain=False).word)
    assert found == {"insufficient", "degenerate", "different domain", "no narrowing", "watch", "narrowed"}
