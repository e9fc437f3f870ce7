"""How well a classifier tells two datasets apart by their user messages: of the datasets, never of a single dialogue.

A dataset that is told from a human reference at an AUC of .9 may differ from it in subject or interface alone, and each
of its dialogues may still read as either. So there is no score of a dialogue here, and no probability that one is a
machine's.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis.human_likeness import Pool, pooled
from ultraqa.analysis.statistics import Z

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.part import Part

MIN_DIALOGUES: Final = 50
"""Under this many dialogues on a side there is no AUC: its interval would be wider than .3."""

FOLDS: Final = 5


class Separability(NamedTuple):
    """How well a classifier tells the dialogues of two datasets apart by their user messages.

    Attributes:
        auc: area under the ROC curve, .5 is chance; None where undefined.
        low: lower end of its 95 % interval.
        high: upper end.
        n: dialogues of both datasets.
        weights: what a standard deviation of each feature adds to the log odds of the candidate, largest first.
        note: why it is undefined.
    """

    auc: float | None
    low: float | None
    high: float | None
    n: int
    weights: dict[str, float]
    note: str = ""


def separability(reference: Part, candidate: Part, *, seed: int) -> Separability:
    """AUC with which a logistic regression tells the user messages of two datasets apart, .5 where it cannot.

    Higher = less alike. The features of a dialogue are its own shares of messages and follow-ups and the logarithms of
    the words of its prompt and of a follow-up, standardised; where it has no follow-up, the mean of all dialogues
    stands in. The number of follow-ups is left out: it is a choice of who collected the data and would tell almost any
    two datasets apart. Each dialogue is scored by a model that has seen neither it nor a copy (5-fold), and the scores
    are pooled. The interval is Newcombe's at half of the dialogues: near chance, pooled scores vary twice as much as
    independent ones, since the dialogues that score one another agree; far from chance it is too wide. It is a number
    of the two datasets and says nothing of a single dialogue. None under 50 dialogues on a side.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (over a second, only for this)
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415
    from sklearn.model_selection import PredefinedSplit, cross_val_predict  # noqa: PLC0415

    pool = pooled(reference, candidate)
    label = ~pool.in_reference
    fewest = min(int(label.sum()), int((~label).sum()))
    if fewest < MIN_DIALOGUES:
        note = f"{fewest} dialogues with a user message in one of the datasets: {MIN_DIALOGUES} are needed"
        return Separability(None, None, None, len(label), {}, note)
    names, features = _standardised(pool)
    if not names:
        return Separability(None, None, None, len(label), {}, "no feature varies")
    model = LogisticRegression(class_weight="balanced", solver="newton-cholesky")  # exact in a few steps
    folds = PredefinedSplit(_folds(pool, np.random.default_rng(seed)))
    scores = cross_val_predict(model, features, label, cv=folds, method="decision_function")
    auc = float(roc_auc_score(label, scores))
    weights = zip(names, model.fit(features, label).coef_[0].tolist(), strict=True)
    ranked = dict(sorted(weights, key=lambda pair: -abs(pair[1])))
    return Separability(auc, *auc_interval(auc, int(label.sum()) / 2, int((~label).sum()) / 2), len(label), ranked)


def _standardised(pool: Pool) -> tuple[list[str], NDArray[np.float64]]:
    """The dialogues' own features that both datasets have and that vary, shape (N, f)."""
    with np.errstate(invalid="ignore"):
        values = pool.tops / np.where(pool.bottoms > 0, pool.bottoms, np.nan)
    for i, name in enumerate(pool.names):
        if "words" in name:
            values[:, i] = np.log1p(values[:, i])
    defined = ~np.isnan(values)
    shared = (defined[pool.in_reference].sum(axis=0) > 0) & (defined[~pool.in_reference].sum(axis=0) > 0)
    kept = [i for i, name in enumerate(pool.names) if shared[i] and name != "followups" and np.nanstd(values[:, i]) > 0]
    centred = values[:, kept] - np.nanmean(values[:, kept], axis=0)
    return [pool.names[i] for i in kept], np.nan_to_num(centred / np.nanstd(values[:, kept], axis=0))


def _folds(pool: Pool, rng: np.random.Generator) -> NDArray[np.int64]:
    """A fold for each dialogue: copies in the same one, and each dataset spread evenly."""
    _, first, inverse = np.unique(pool.hashes, return_index=True, return_inverse=True)
    order = np.lexsort((rng.random(len(first)), pool.in_reference[first]))
    fold = np.empty(len(first), np.int64)
    fold[order] = np.arange(len(first)) % FOLDS
    return fold[inverse]


def auc_interval(auc: float, m: float, n: float) -> tuple[float, float]:
    """95 % interval of an AUC from m and n independent scores: the values whose own standard error reaches it.

    Source: Newcombe 2006, Statistics in Medicine 25, 559-573, method 5.
    """
    half = (m + n) / 2 - 1

    def reach(a: float) -> float:
        """How far ``auc`` lies beyond 1.96 standard errors of ``a`` (Hanley & McNeil 1982)."""
        variance = a * (1 - a) * (1 + half * ((1 - a) / (2 - a) + a / (1 + a))) / (m * n)
        return abs(auc - a) - Z * sqrt(variance)

    def edge(outside: float) -> float:
        inside = auc
        for _ in range(60):  # halving, to the last bit of a float
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if reach(middle) > 0 else (middle, outside)
        return inside

    return edge(0.0), edge(1.0)
