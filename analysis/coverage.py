"""How other dialogues cover the topics of a dataset: its clusters are the fixed frame in which both are counted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis.drawn import embedded
from ultraqa.analysis.part import part_of
from ultraqa.analysis.topics import centres, nearest_centre, topic_entropy
from ultraqa.analysis.vectors import space

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile

LEVEL: Final = 0.05


class Covered(NamedTuple):
    """One topic of the reference: its share of the other dataset and of the reference, and how sure the difference is.

    Attributes:
        topic: number of the topic.
        words: the words that set it apart.
        share: share of the other dataset's dialogues that are nearest to it.
        reference: share of the reference's dialogues.
        ratio: the first over the second, None where the reference has none.
        z: standard errors between the two shares, over distinct dialogues.
        real: whether the difference is beyond chance at the 5 % level, Bonferroni's correction over the topics.
    """

    topic: int
    words: list[str]
    share: float
    reference: float
    ratio: float | None
    z: float
    real: bool


class Coverage(NamedTuple):
    """A dataset in another's topics: evenness (as ``topic_entropy``, at the reference's centres) and every topic."""

    entropy: float | None
    topics: list[Covered]


def coverage(reference: Profile, other: Profile) -> Coverage | None:
    """Topics of the reference by how much more or less of the other dataset lies in them, surest difference first.

    None where one of them has no vectors in a language of the encoder, no topics, or another encoder.
    """
    described, encoding = reference.document.get("topics"), reference.document.get("encoding")
    others = other.document.get("encoding")
    if not described or encoding is None or others is None:
        return None
    if not encoding["comparable"] or encoding["sha256"] != others["sha256"]:
        return None
    framed, fixed = _counts(reference, None)
    counted, _ = _counts(other, fixed)
    if fixed is None or not counted.sum():
        return None
    found = [_covered(one["topic"], one["words"], framed, counted) for one in described]
    return Coverage(topic_entropy(counted), sorted(found, key=lambda one: -abs(one.z)))


def _counts(
    profile: Profile, fixed: NDArray[np.float32] | None
) -> tuple[NDArray[np.int64], NDArray[np.float32] | None]:
    """Distinct dialogues by the nearest of the fixed centres, without these by the profile's own topics."""
    part = embedded(part_of(profile))
    found = space(part) if part is not None else None
    if part is None or found is None:
        return np.zeros(0, np.int64), None
    if fixed is None:
        of = np.nan_to_num(part.dialogue("topic"), nan=-1).astype(np.int64)
        fixed = centres(found.dialogues, of, len(profile.document["topics"]))
    topics = nearest_centre(found.dialogues[part.distinct], fixed)
    return np.bincount(topics[topics >= 0], minlength=len(fixed)), fixed


def _covered(topic: int, words: list[str], framed: NDArray[np.int64], counted: NDArray[np.int64]) -> Covered:
    n, m = int(framed.sum()), int(counted.sum())
    reference, share = framed[topic] / n, counted[topic] / m
    pooled = (framed[topic] + counted[topic]) / (n + m)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    z = float(share - reference) / error if error else 0.0
    real = math.erfc(abs(z) / math.sqrt(2)) < LEVEL / len(framed)
    return Covered(
        topic, words, float(share), float(reference), float(share / reference) if reference else None, z, real
    )
