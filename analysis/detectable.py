"""Detectable share: how much machine-made text among human text the probes would have noticed at this size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.lexical_probes import lexical, sides_of
from ultraqa.analysis.matching import match
from ultraqa.analysis.probes import DECIDING, DEFINITIONS, LEAST_Z, spread
from ultraqa.analysis.simulation import dialogues_at, mixed
from ultraqa.analysis.toy_model import fit, sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ultraqa.analysis.corpus import SampledText
    from ultraqa.analysis.matching import Matched

SHARES: Final = (0.1, 0.25, 0.5, 0.75, 1.0)
_POWER: Final = 1.28
"""Standard deviations by which the expected difference must pass the threshold to do so nine times of ten."""


def detectable_share(matched: Matched, values: Mapping[str, NDArray[np.float64]], seed: int) -> float | None:
    """Smallest share of a toy model's text in the reference's own at which nine of ten probings would notice it.

    Noticed = at least one family fires. The toy model is a trigram model of every second matched text of the reference,
    and its text replaces others: beside what it learned from, its text would repeat whole phrases. A language model
    loses less of its training text, and is noticed later. Chance differences are those of this comparison. None where
    even a text made by the toy model alone would not be noticed.

    Args:
        matched: n pairs of texts.
        values: the lexical probes under every exchange.
        seed: of the toy model and of the dialogues that it replaces.
    """
    texts = matched.sampled()
    reference, learned = (dialogues_at(texts, np.arange(first, len(texts.rows), 4)) for first in (0, 2))
    if not len(learned.ids):
        return None
    made = sample(fit(learned), reference, seed)
    spreads = {name: spread(values[name]) for name in DEFINITIONS if name in values}
    low, high = 0, len(SHARES)
    while low < high:  # the smallest of shares that are noticed, which are all above it
        middle = (low + high) // 2
        if _noticed(reference, mixed(reference, made, SHARES[middle], seed), spreads):
            high = middle
        else:
            low = middle + 1
    return SHARES[low] if low < len(SHARES) else None


def _noticed(reference: SampledText, candidate: SampledText, spreads: Mapping[str, float]) -> bool:
    matched = match([reference, candidate], prompts=False)
    values = lexical(matched, sides_of(np.zeros((1, len(matched)), np.bool_)))
    signs: dict[str, list[bool]] = {family: [] for family in DECIDING}
    for name, one in DEFINITIONS.items():
        if one.least is not None:
            before, after = values[name][0]
            narrower = one.narrower * (after - before)
            read = before > 0 and spreads[name] > 0  # else there is neither change nor z
            signs[one.family].append(
                bool(read and narrower > (LEAST_Z + _POWER) * spreads[name] and narrower > one.least * before)
            )
    return any(all(family) for family in signs.values())
