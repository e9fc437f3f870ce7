"""Near-duplicates: candidates by sketches, verified by exact sets of shingles, clustered around what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ultraqa.analysis.banding import Kept, candidates, densify, keep
from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.analysis.shingles import BINS, EMPTY, NO_TEMPLATE, SHINGLE, SHORT, Similarity, Template, bins
from ultraqa.analysis.verification import NOTHING, Units, Verified, plain_hashes, sketches, verify

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.rereading import Origin

THRESHOLD: Final = 0.7
"""Least Jaccard similarity of near-duplicates."""
TEMPLATED: Final = 0.05
"""Share of bins with a template's shingle above which a sketch is made anew without them."""
_CHUNK: Final = 1 << 16
_LISTED: Final = 10
_MEMBERS: Final = 3


class Scope(NamedTuple):
    """The d texts of one scope, copies included.

    Attributes:
        name: dialogue, prompt, assistant or message.
        units: shape (u,), the distinct texts, each where it stands first.
        of: shape (d,), the distinct text of each text, -1 where there is none.
        rank: shape (d,), who is kept rather: a permutation.
    """

    name: str
    units: Units
    of: NDArray[np.int64]
    rank: NDArray[np.int64]


class Found(NamedTuple):
    """The near-duplicates of one scope.

    Attributes:
        duplicate_of: shape (d,), the kept text that each text duplicates, -1 where it is kept or there is none.
        similarity: shape (d,), Jaccard similarity with it, 1 for a copy, NaN where there is none.
        exact: shape (d,), 1 where it is a copy of the kept text.
        near: shape (d,), 1 where it is similar to the kept text, but no copy.
        cluster: shape (d,), the kept text of each text that has a duplicate or is one, else -1.
        template_share: shape (d,), estimated share of shingles that are template, NaN for short texts.
        verified: pairs of distinct texts of 25 words or more that are similar.
        document: what a report shows beside.
    """

    duplicate_of: NDArray[np.int64]
    similarity: NDArray[np.floating]
    exact: NDArray[np.integer]
    near: NDArray[np.integer]
    cluster: NDArray[np.int64]
    template_share: NDArray[np.floating]
    verified: Verified
    document: dict[str, Any]


def copies(scope: Scope) -> Found:
    """Texts that equal an earlier one byte for byte."""
    n = len(scope.units)
    kept = Kept(np.arange(n), np.ones(n))
    return _spread(scope, kept, _ranks(scope), np.full(n, np.nan), NOTHING, {"scope": scope.name, "texts": n})


def repeats(name: str, hashes: NDArray[np.uint64]) -> Found:
    """Texts that equal an earlier one byte for byte, by their hashes (0 for no text): holds less than a Scope."""
    first = exact_duplicates(hashes)
    texts = int(((first < 0) & (hashes != 0)).sum())
    similarity = np.where(first >= 0, np.float32(1), np.float32(np.nan))
    exact, near = (first >= 0).astype(np.int8), np.zeros(len(first), np.int8)
    return Found(first, similarity, exact, near, first, similarity, NOTHING, {"scope": name, "texts": texts})


def near_duplicates(
    origin: Origin,
    scope: Scope,
    plain: NDArray[np.uint64],
    values: NDArray[np.uint16],
    template: Template = NO_TEMPLATE,
) -> Found:
    """Texts whose word 5-grams have a Jaccard similarity of 0.7 or more with those of a kept text, copies apart.

    The 5-grams never cross a message, those that more than 50 dialogues and 2 % of dialogues share (template) do not
    count, and every pair is compared exactly. Of texts under 25 words, and of those of which a template leaves fewer
    than 21 5-grams, those are near-duplicates that have the same words, digits and symbols in the same order. Digits
    are no words: longer texts that differ in numbers alone are near-duplicates. Lower = less repeated. Source: Broder
    1997 (resemblance); Lee et al. 2022 (verified edges).

    Args:
        origin: where the texts are.
        scope: the texts.
        plain: shape (u,), see ``shingles.Sketches``.
        values: shape (k, 128), sketches of the distinct texts that have one; changed in place.
        template: shingles that do not count.
    """
    long = sketched(scope.units, plain)
    share = _strip(origin, scope.units.some(long), values, template)
    filled = densify(values)
    plain = plain.copy()
    plain[long[~filled]] = plain_hashes(origin, scope.units.some(long[~filled]))
    pairs = candidates(values)
    pairs = long[pairs[filled[pairs].all(axis=1)]].reshape(-1, 2)  # of few texts every pair is one
    verified = verify(origin, scope.units, pairs, template, THRESHOLD)
    rank = _ranks(scope)
    edges, weights = _with_short(verified, plain, rank)
    kept = keep(edges, weights, rank)
    template_share = np.full(len(scope.units), np.nan)
    template_share[long] = share
    document = _document(scope, verified, kept, rank, len(pairs)) | {"short": len(scope.units) - len(long)}
    return _spread(scope, kept, rank, template_share, verified, document)


def sketched(units: Units, plain: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The texts that have a sketch: the others are short."""
    return np.flatnonzero((units.words >= SHORT) & (plain == 0))


def _strip(origin: Origin, units: Units, values: NDArray[np.uint16], template: Template) -> NDArray[np.float64]:
    """Take a template out of sketches, in place; the share of each that it had.

    Where it had more than a twentieth the sketch is made anew from the text (and is empty where too little is left),
    else the bins are emptied: what the text has beside the template there is not known, but is little.
    """
    share = np.zeros(len(values))
    if not len(template):
        return share
    marks = np.zeros((BINS, EMPTY + 1), np.bool_)
    marks[bins(template.hashes)] = True
    for first in range(0, len(values), _CHUNK):
        some = values[first : first + _CHUNK]
        marked = marks[np.arange(BINS), some]
        share[first : first + _CHUNK] = marked.sum(axis=1) / np.maximum((some != EMPTY).sum(axis=1), 1)
        some[marked] = EMPTY
    anew, at = np.flatnonzero(share > TEMPLATED), 0
    for part in sketches(origin, units.some(anew), template):
        part.values[part.counts <= SHORT - SHINGLE] = EMPTY
        values[anew[at : at + len(part.values)]] = part.values
        at += len(part.values)
    return share


def _ranks(scope: Scope) -> NDArray[np.int64]:
    """Rank of each distinct text: the best of its copies'."""
    best = np.full(len(scope.units), len(scope.of))
    present = scope.of >= 0
    np.minimum.at(best, scope.of[present], scope.rank[present])
    return best


def _with_short(
    verified: Verified, plain: NDArray[np.uint64], rank: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The verified pairs, and the pairs of short texts that are equal but for case, blanks and punctuation."""
    order = np.argsort(rank, kind="stable")
    first = exact_duplicates(plain[order])
    equal = np.stack([order[first[first >= 0]], order[first >= 0]], axis=1)
    return np.concatenate([verified.pairs, equal]), np.concatenate([verified.similarity.jaccard, np.ones(len(equal))])


def _spread(
    scope: Scope,
    kept: Kept,
    rank: NDArray[np.int64],
    share: NDArray[np.float64],
    verified: Verified,
    document: dict[str, Any],
) -> Found:
    """What was found of distinct texts, for all texts."""
    text_at = np.argsort(scope.rank)
    present = scope.of >= 0
    if not present.any():
        none, undefined = np.full(len(scope.of), -1), np.full(len(scope.of), np.nan)
        nothing = np.zeros(len(none), np.int8)
        return Found(none, undefined, nothing, nothing, none, undefined, verified, document)
    unit = np.where(present, scope.of, 0)
    stays = text_at[rank][kept.kept[unit]]  # the best of the copies of the text that is kept
    duplicate = present & (stays != np.arange(len(unit)))
    sizes = np.bincount(stays[present], minlength=len(unit))
    return Found(
        np.where(duplicate, stays, -1),
        np.where(duplicate, kept.similarity[unit], np.nan),
        (duplicate & (kept.kept[unit] == unit)).astype(np.int8),
        (duplicate & (kept.kept[unit] != unit)).astype(np.int8),
        np.where(present & (sizes[stays] > 1), stays, -1),
        np.where(present, share[unit], np.nan),
        verified,
        document,
    )


def _document(
    scope: Scope, verified: Verified, kept: Kept, rank: NDArray[np.int64], candidate_pairs: int
) -> dict[str, Any]:
    dropped = kept.kept != np.arange(len(kept.kept))
    copies_of = np.bincount(scope.of[scope.of >= 0], minlength=len(kept.kept))
    sizes = np.bincount(kept.kept, weights=copies_of, minlength=len(kept.kept))
    several = np.bincount(kept.kept[dropped], minlength=len(kept.kept)) > 0
    largest = np.lexsort((rank, -sizes * several))[:_LISTED]
    return {
        "scope": scope.name,
        "texts": len(scope.units),
        "candidates": candidate_pairs,
        "verified": len(verified.pairs),
        "near": int(dropped.sum()),
        "clusters": [_cluster(scope, verified, kept, int(u), int(sizes[u])) for u in largest if several[u]],
    }


def _cluster(scope: Scope, verified: Verified, kept: Kept, unit: int, size: int) -> dict[str, Any]:
    """A cluster of so many texts, copies included, with some of them: their rows, and how similar to what is kept."""
    members = np.flatnonzero((kept.kept == unit) & (np.arange(len(kept.kept)) != unit))
    shown = []
    for member in members[:_MEMBERS].tolist():
        at = np.flatnonzero((verified.pairs == sorted((unit, member))).all(axis=1))
        values = [float(one[at[0]]) if len(at) else 1.0 for one in verified.similarity]
        place = {"row": int(scope.units.rows[member]), "position": int(scope.units.positions[member])}
        shown.append(place | dict(zip(Similarity._fields, values, strict=True)))
    return {
        "row": int(scope.units.rows[unit]), "position": int(scope.units.positions[unit]),
        "texts": size, "members": shown,
    }  # fmt: skip
