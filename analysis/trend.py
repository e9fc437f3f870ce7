"""Trend: whether generations narrow one after the other, by exchanging generations within groups of matched dialogues.

A group holds one dialogue of each generation, of equal words. Under the hypothesis that nothing changes, its dialogues
may stand for any generation: the block-wise permutation test of a randomised block design, with the group as the block.
Blocks of many dialogues with a value each would be too small: within a few dialogues people repeat their topic's words
and look narrower than a model that mixes topics; at the size of the whole text it is the other way round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis.lexical_probes import lexical
from ultraqa.analysis.probes import DECIDING, DEFINITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.matching import Matched

TREND_WORDS: Final = 200_000
"""Words of each generation that are read: all generations are exchanged with each other."""
PERMUTATIONS: Final = 60
SIGNIFICANT: Final = 0.01


class Trend(NamedTuple):
    """The trend of one family of probes.

    Attributes:
        family: of probes.
        z: how far its probes narrow with the generations, in standard deviations under exchange (the smallest of its
            deciding probes); above 0 = narrowing.
        p: one-sided p-value by the normal distribution, corrected over families (Holm).
        significant: whether p lies below .01.
    """

    family: str
    z: float
    p: float
    significant: bool


def trends(matched: Matched, seed: int, workers: int = 1) -> list[Trend]:
    """The trends of the families that decide.

    Args:
        matched: a side for each generation, in order.
        seed: of the exchanges.
        workers: threads.
    """
    from scipy.stats import norm  # noqa: PLC0415  (a second, only for generations)

    z = _z(_values(matched, _exchanged(len(matched), matched.sides, seed), workers))
    least = {family: min(z[name] for name in z if DEFINITIONS[name].family == family) for family in DECIDING}
    p = holm([float(norm.sf(one)) for one in least.values()])
    return [Trend(family, one, q, q < SIGNIFICANT) for (family, one), q in zip(least.items(), p, strict=True)]


def holm(p: Sequence[float]) -> list[float]:
    """P-values corrected for their number (Holm 1979, Scandinavian Journal of Statistics 6, 65-70)."""
    order = np.argsort(p)
    scaled = np.maximum.accumulate(np.asarray(p)[order] * np.arange(len(p), 0, -1))
    found = np.empty(len(p))
    found[order] = np.minimum(1.0, scaled)
    return [float(one) for one in found]


def _exchanged(groups: int, generations: int, seed: int) -> NDArray[np.uint8]:
    """Generation for which every text stands, shape (texts, permutations): its own, then at random in its group."""
    own = np.tile(np.arange(generations, dtype=np.uint8), (groups * PERMUTATIONS, 1))
    drawn = np.random.default_rng(seed).permuted(own, axis=1).reshape(PERMUTATIONS, -1)
    return np.concatenate([own.reshape(PERMUTATIONS, -1)[:1], drawn]).T.copy()


def _values(matched: Matched, stands: NDArray[np.uint8], workers: int) -> dict[str, NDArray[np.float64]]:
    """The deciding probes of every generation under every exchange, shape (permutations, generations)."""
    found = [lexical(matched, (stands == i).astype(np.uint8), workers, compressed=(1,)) for i in range(matched.sides)]
    names = [name for name, one in DEFINITIONS.items() if one.least is not None]
    return {name: np.stack([one[name][:, 1] for one in found], axis=1) for name in names}


def _z(values: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    """How each probe narrows along the generations, in standard deviations under exchange; 0 where undefined."""
    found = {}
    for name, one in values.items():
        steps = np.arange(one.shape[1]) - (one.shape[1] - 1) / 2
        sums = DEFINITIONS[name].narrower * (one @ steps)
        exchanged = sums[1:][~np.isnan(sums[1:])]
        deviation = float(np.sqrt((exchanged**2).mean())) if len(exchanged) else 0.0
        found[name] = float(sums[0]) / deviation if deviation and not np.isnan(sums[0]) else 0.0
    return found
