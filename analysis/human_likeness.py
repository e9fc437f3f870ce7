"""Whether the user messages of a dataset differ from those of a human reference, feature by feature.

Two datasets are compared as wholes, by permuting dialogues between them: nothing here speaks of a single dialogue. A
difference need not come from who wrote: subject, interface and language make one as well. Exact copies of a dialogue
count once. The columns of ``users``, ``words_user`` and ``words_prompt`` are needed.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ultraqa.analysis.dispersion import BUDGETS, entropy_terms
from ultraqa.analysis.users import Ratio, has_prompt, ratios

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ultraqa.analysis.part import Part

_CHUNK: Final = 100  # permutations at a time, so that memory stays small


class Feature(NamedTuple):
    """One feature of the user messages in two datasets.

    Attributes:
        name: metric, with its scope where that is not the dialogue.
        reference: value in the reference, None where undefined.
        candidate: value in the candidate.
        difference: candidate less reference.
        p: two-sided p-value of the permutation test.
        p_holm: the same after Holm's correction over all features.
        note: why it is undefined, or at which number of prompts it was computed.
    """

    name: str
    reference: float | None
    candidate: float | None
    difference: float | None = None
    p: float | None = None
    p_holm: float | None = None
    note: str = ""


class Pool(NamedTuple):
    """The distinct dialogues of both datasets that have a prompt, by rising length of the prompt (N dialogues).

    Attributes:
        names: names of the r ratios.
        tops: shape (N, r).
        bottoms: shape (N, r).
        lengths: shape (N,), words of the prompt, ascending.
        openings: shape (N,), number of the prompt's opening.
        hashes: shape (N,), content hash of the dialogue.
        in_reference: shape (N,).
    """

    names: list[str]
    tops: NDArray[np.float64]
    bottoms: NDArray[np.float64]
    lengths: NDArray[np.float64]
    openings: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    in_reference: NDArray[np.bool_]


def compare(reference: Part, candidate: Part, *, seed: int, permutations: int = 1_000) -> list[Feature]:
    """Every feature of the user messages in both datasets, with the p-value of its difference.

    The test permutes whole dialogues between the datasets, two-sided, and counts the observed order as one of the
    permutations (Phipson & Smyth 2010). Its null hypothesis is that both were drawn from one distribution of dialogues.

    Args:
        reference: the human reference.
        candidate: the dataset in question.
        seed: of the permutations.
        permutations: how many; the smallest p is 1 / (permutations + 1).
    """
    pool = pooled(reference, candidate)
    names = [*pool.names, "words_cv_prompt", "words_tail_prompt", "opening_entropy_prompt"]
    sizes = int(pool.in_reference.sum()), int((~pool.in_reference).sum())
    if not all(sizes):
        empty = (candidate if sizes[0] else reference).name
        return [Feature(name, None, None, note=f"{empty} has no user message") for name in names]
    budget = max((n for n in BUDGETS if n <= min(sizes)), default=0)
    terms = {size: _entropy_table(pool, size, budget) for size in set(sizes)}
    first, second = _values(pool, pool.in_reference[None], terms)[0], _values(pool, ~pool.in_reference[None], terms)[0]
    p = _p_values(pool, second - first, terms, np.random.default_rng(seed), permutations)
    found = zip(names, *(map(_number, column) for column in (first, second, second - first, p, _holm(p))), strict=True)
    return [
        Feature(name, one, other, gap, chance, adjusted, _note(name, budget, defined=gap is not None))
        for name, one, other, gap, chance, adjusted in found
    ]


def pooled(reference: Part, candidate: Part) -> Pool:
    """The distinct dialogues of both datasets that have a prompt."""
    sides = [(part, _features(part), has_prompt(part) & part.distinct) for part in (reference, candidate)]

    def joined(read: Callable[[Part, list[Ratio]], NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([read(part, some)[kept] for part, some, kept in sides])

    lengths = joined(lambda part, _: part.dialogue("words_prompt").astype(float))
    order = np.argsort(lengths, kind="stable")
    openings = np.unique(joined(lambda part, _: part.dialogue("opening_prompt")), return_inverse=True)[1]
    return Pool(
        [one.metric if one.scope == "dialogue" else f"{one.metric}_{one.scope}" for one in sides[0][1]],
        joined(lambda _, some: np.stack([one.top for one in some], axis=1))[order],
        joined(lambda _, some: np.stack([one.bottom for one in some], axis=1))[order],
        lengths[order],
        openings[order],
        joined(lambda part, _: part.dialogue("content_hash"))[order],
        np.repeat([True, False], [int(kept.sum()) for _, _, kept in sides])[order],
    )


def _features(part: Part) -> list[Ratio]:
    """The ratios of ``users``, and two means over dialogues."""
    one = np.ones(len(part.distinct))
    later = np.nan_to_num(part.dialogue("followups").astype(float))
    words = part.dialogue("words_prompt").astype(float)
    return [
        Ratio("followups", "dialogue", later, one, one, "messages"),
        Ratio("words", "prompt", words, one, one, "words"),
        *ratios(part),
    ]


def _entropy_table(pool: Pool, size: int, budget: int) -> NDArray[np.float64]:
    """What an opening adds to the relative entropy by its count among ``size`` prompts, NaN without a budget."""
    most = min(int(np.bincount(pool.openings).max()), size)
    if not budget:
        return np.full(most + 1, np.nan)
    return entropy_terms(np.arange(most + 1), size, budget) / log2(budget)


def _values(pool: Pool, chosen: NDArray[np.bool_], terms: dict[int, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Every feature of c choices of equally many dialogues, shape (c, r + 3); sums of counts are exact in any order."""
    c, n = len(chosen), int(chosen[0].sum())
    columns = np.column_stack([pool.tops, pool.bottoms, pool.lengths, pool.lengths**2])
    tops, bottoms, moments = np.split(chosen.astype(float) @ columns, [len(pool.names), 2 * len(pool.names)], axis=1)
    lengths = np.broadcast_to(pool.lengths, chosen.shape)[chosen].reshape(c, n)  # ascending, as the pool is
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.maximum(0, moments[:, 1] - moments[:, 0] ** 2 / n) / (n - 1))
        tail = _quantile(lengths, 0.95) / _quantile(lengths, 0.5)
        found = [tops / bottoms, spread / (moments[:, 0] / n), tail, _entropies(pool, chosen, terms[n])]
    values: NDArray[np.float64] = np.column_stack(found)
    values[~np.isfinite(values)] = np.nan
    return values


def _quantile(ordered: NDArray[np.float64], p: float) -> NDArray[np.float64]:
    """The p-quantile of each ascending row, as ``statistics.quantile``."""
    place = p * (ordered.shape[1] - 1)
    low, high = ordered[:, int(place)], ordered[:, min(int(place) + 1, ordered.shape[1] - 1)]
    found: NDArray[np.float64] = low + (place - int(place)) * (high - low)
    return found


def _entropies(pool: Pool, chosen: NDArray[np.bool_], terms: NDArray[np.float64]) -> NDArray[np.float64]:
    c, kinds = len(chosen), int(pool.openings.max()) + 1
    rows, columns = np.nonzero(chosen)
    counts = np.bincount(rows * kinds + pool.openings[columns], minlength=c * kinds).reshape(c, kinds)
    found: NDArray[np.float64] = terms[counts].sum(axis=1)
    return found


def _p_values(
    pool: Pool,
    observed: NDArray[np.float64],
    terms: dict[int, NDArray[np.float64]],
    rng: np.random.Generator,
    permutations: int,
) -> NDArray[np.float64]:
    reached = np.zeros(len(observed), np.int64)
    for start in range(0, permutations, _CHUNK):
        masks = np.tile(pool.in_reference, (min(_CHUNK, permutations - start), 1))
        masks = rng.permuted(masks, axis=1)
        differences = _values(pool, ~masks, terms) - _values(pool, masks, terms)
        # A permutation in which the feature is undefined counts against the difference; ties differ by rounding.
        reached += (~(np.abs(differences) < np.abs(observed) * (1 - 1e-12))).sum(axis=0)
    return np.where(np.isnan(observed), np.nan, (1 + reached) / (1 + permutations))


def _holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """P-values after Holm's step-down correction (Holm 1979), NaN left out."""
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return adjusted


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _note(name: str, budget: int, *, defined: bool) -> str:
    if name == "opening_entropy_prompt":
        return f"of {budget} prompts" if budget else f"needs {BUDGETS[0]} prompts in both datasets"
    return "" if defined else "nothing to measure in one of the datasets"
