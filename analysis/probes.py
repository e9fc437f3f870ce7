"""Probes: what tells whether a candidate says less than a reference, and when it counts as a sign of narrowing.

A sign counts where the difference is larger than chance (z beyond 3, by exchanging texts between the sides) *and*
larger than what two human sources of one kind show; a family fires where all its deciding probes do. Thresholds: about
1.5 to 4 times the differences between novels of one author; ``benchmarks/collapse`` has their false alarms and misses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

PERMUTATIONS: Final = 200
LEAST_Z: Final = 3.0


class Definition(NamedTuple):
    """How a probe is read.

    Attributes:
        family: what it belongs to.
        narrower: 1 where a higher value is narrower, -1 where a lower one is, 0 where neither is.
        least: relative change beyond which it decides; None where it is only shown.
        meaning: one sentence for people.
    """

    family: str
    narrower: int
    least: float | None
    meaning: str


DEFINITIONS: Final[dict[str, Definition]] = {
    "missing_mass_1": Definition("support", -1, 0.12, "Share of the words that occur once: what it has yet to say."),
    "vocabulary": Definition("support", -1, None, "Different words."),
    "missing_mass_2": Definition("structure", -1, 0.08, "Share of the word pairs that occur once."),
    "missing_mass_3": Definition("structure", -1, None, "Share of the word triples that occur once."),
    "distinct_2": Definition("structure", -1, None, "Different word pairs over all of them."),
    "distinct_3": Definition("structure", -1, None, "Different word triples over all of them."),
    "self_repetition_4": Definition("repetition", 1, 0.25, "Phrases of four words that dialogues have in common."),
    "compression_ratio": Definition("repetition", 1, 0.03, "Bytes over compressed bytes."),
    "opening_entropy_3": Definition("openings", -1, None, "Variety of the first three words of dialogues, 0 to 1."),
    "reference_oov": Definition("coverage", 1, None, "Share of held-out reference words that the side never says."),
    "reverse_cross_entropy": Definition("coverage", 1, None, "How badly the side foretells held-out reference text."),
}
"""The probes of words, in the order in which they are shown."""
SEMANTIC: Final[dict[str, Definition]] = {
    "topic_similarity": Definition("semantic", 1, None, "Mean cosine similarity of two dialogues of the side."),
    "vendi": Definition("semantic", -1, None, "Effective number of different dialogues."),
    "topic_entropy": Definition("semantic", -1, None, "Evenness over topics that both sides share, 0 to 1."),
    "recall": Definition("semantic", -1, None, "Share of the other side's dialogues that lie among this one's."),
}
"""The probes of vectors: they count for no sign, since embeddings can spread while wording narrows."""
DISTANCES: Final = {
    "coverage": "Share of the reference's dialogues near which one of the candidate lies.",
    "frontier_integral": "Distance of the sides' topics, 0 equal to 1 disjoint.",
    "mauve": "Agreement of the sides' topics, 1 equal to 0 disjoint.",
}
DECIDING: Final = tuple(dict.fromkeys(one.family for one in DEFINITIONS.values() if one.least is not None))
"""Families that decide: support, structure, repetition."""


class Probe(NamedTuple):
    """One probe of one comparison.

    Attributes:
        name: of the probe.
        family: what it belongs to.
        reference: the statistic of the reference's text.
        candidate: that of the candidate's, of as many words.
        change: the candidate's over the reference's, less 1; None where the reference's is 0.
        z: the difference in standard deviations of what exchanged texts give; None where that is undefined.
        fired: whether it is a sign of narrowing; None where it never is.
    """

    name: str
    family: str
    reference: float | None
    candidate: float | None
    change: float | None
    z: float | None
    fired: bool | None = None


def drawn_flips(pairs: int, seed: int, permutations: int = PERMUTATIONS) -> NDArray[np.bool_]:
    """Which pairs change sides, shape (1 + permutations, pairs): first as observed, then at random."""
    found = np.random.default_rng(seed).random((1 + permutations, pairs)) < 0.5
    found[0] = False
    return found


def read(values: Mapping[str, NDArray[np.float64]], definitions: Mapping[str, Definition]) -> list[Probe]:
    """The probes of the values under every exchange, each of shape (1 + permutations, 2)."""
    return [_probe(name, definition, values[name]) for name, definition in definitions.items() if name in values]


def read_distances(values: Mapping[str, NDArray[np.float64]]) -> list[Probe]:
    """What lies between the sides, beside what lies between exchanged ones: that stands as the reference's value."""
    found = []
    for name in [one for one in DISTANCES if one in values]:
        observed, *exchanged = (values[name] if values[name].ndim == 1 else values[name][:, 1]).tolist()
        mean, deviation = float(np.mean(exchanged)), float(np.std(exchanged))
        z = number((observed - mean) / deviation) if deviation else None
        found.append(Probe(name, "semantic", number(mean), number(observed), None, z))
    return found


def spread(values: NDArray[np.float64]) -> float:
    """Standard deviation of the difference between the sides when texts change sides at random; NaN where undefined."""
    differences = values[1:, 1] - values[1:, 0]
    differences = differences[~np.isnan(differences)]
    # About 0, which their mean is by symmetry.
    return float(np.sqrt((differences**2).mean())) if len(differences) else np.nan


def fired(probes: Sequence[Probe]) -> list[str]:
    """The families of which every deciding probe fired, and there is one."""
    signs = {family: [one.fired for one in probes if one.family == family] for family in DECIDING}
    decided = {family: [sign for sign in found if sign is not None] for family, found in signs.items()}
    return [family for family, found in decided.items() if found and all(found)]


def _probe(name: str, definition: Definition, values: NDArray[np.float64]) -> Probe:
    reference, candidate = values[0].tolist()
    deviation = spread(values)
    z = number((candidate - reference) / deviation) if deviation else None
    change = number(candidate / reference - 1) if reference else None
    sign = None
    if definition.least is not None:
        sign = (
            z is not None
            and change is not None
            and definition.narrower * z > LEAST_Z
            and definition.narrower * change > definition.least
        )
    return Probe(name, definition.family, number(reference), number(candidate), change, z, sign)


def number(value: float) -> float | None:
    """A number, None for NaN."""
    return None if np.isnan(value) else float(value)
