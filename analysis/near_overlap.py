"""Near-duplicates between two datasets: the sketches of both together, candidates verified by the texts of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ultraqa.analysis.banding import candidates
from ultraqa.analysis.deduplication import SIGNATURES, TEMPLATE
from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.analysis.near_duplicates import TEMPLATED, THRESHOLD, sketched
from ultraqa.analysis.overlap import Pairs
from ultraqa.analysis.rereading import Origin, Texts
from ultraqa.analysis.shingles import SHINGLE, SHORT, Template
from ultraqa.analysis.verification import Units, sketches, verify
from ultraqa.dialogues.sources import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile


def near_overlap(a: Profile, b: Profile, workers: int) -> Pairs | None:
    """Pairs of dialogues of two datasets that are near-duplicates, by the definition of ``near_duplicates``.

    What is a template of one of them counts in neither. None where near-duplicates of one were not sought, or where its
    data is no longer what was measured: Profiles are compared without texts, too.

    Args:
        a: one dataset.
        b: another.
        workers: threads.
    """
    if not (a.document.get("near_duplicates") and b.document.get("near_duplicates")):
        return None
    sides = [_Side(profile) for profile in (a, b)]
    short = _equal(*sides)
    ours, theirs = (side.units() for side in sides)
    values = np.concatenate([side.values() for side in sides])
    pairs = candidates(values)
    pairs = pairs[(pairs[:, 0] < len(ours)) & (pairs[:, 1] >= len(ours))]
    if not len(pairs):
        return short
    both = Units("dialogue", *(np.concatenate(column) for column in zip(
        (ours.rows, ours.positions, ours.words), (theirs.rows + len(a), theirs.positions, theirs.words), strict=True
    )))  # fmt: skip
    template = Template(np.unique(np.concatenate([side.template for side in sides])))
    try:
        origin = _both(a.origin(workers), b.origin(workers), len(a))
    except DataError:
        return None
    found = verify(origin, both, pairs, template, THRESHOLD)
    share = np.concatenate([side.share[sketched(side.all, side.plain)] for side in sides])
    told = ~_little(origin, both, np.unique(found.pairs), template, share)[found.pairs].any(axis=1)
    first, second = both.rows[found.pairs[told]].T
    return Pairs(
        np.concatenate([short.rows, first]),
        np.concatenate([short.others, second - len(a)]),
        np.concatenate([short.similarity, found.similarity.jaccard[told]]),
    )


class _Side:
    """The distinct dialogues of one dataset."""

    def __init__(self, profile: Profile) -> None:
        rows = np.flatnonzero(exact_duplicates(profile.column("content_hash")) < 0)
        words = profile.column("words")[rows]
        self.plain = profile.column("plain_hash")[rows]
        self.template = np.load(profile.path / TEMPLATE)
        self.share = np.nan_to_num(profile.column("template_share")[rows])
        self._file = profile.path / SIGNATURES.format("")
        self.all = Units("dialogue", rows, np.zeros(len(rows), np.int64), words)

    def units(self) -> Units:
        """Those that have a sketch."""
        return self.all.some(sketched(self.all, self.plain))

    def values(self) -> NDArray[np.uint16]:
        """The sketches."""
        found: NDArray[np.uint16] = np.load(self._file)
        return found


def _little(
    origin: Origin, units: Units, chosen: NDArray[np.int64], template: Template, share: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Of which of some chosen texts a template leaves too little to call two alike, as in ``near_duplicates``."""
    counts = [part.counts for part in sketches(origin, units.some(chosen), template)]
    found = np.zeros(len(units), np.bool_)
    found[chosen] = np.concatenate([np.empty(0, np.int64), *counts]) <= SHORT - SHINGLE
    return found & (share > TEMPLATED)


def _equal(a: _Side, b: _Side) -> Pairs:
    """Short dialogues that say the same; of several of b the first."""
    ours, theirs = (np.flatnonzero(side.plain) for side in (a, b))
    kinds, first = np.unique(b.plain[theirs], return_index=True)
    if not len(kinds):
        return Pairs(*(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)))
    at = np.minimum(np.searchsorted(kinds, a.plain[ours]), len(kinds) - 1)
    same = kinds[at] == a.plain[ours]
    return Pairs(a.all.rows[ours[same]], b.all.rows[theirs[first[at[same]]]], np.ones(int(same.sum())))


def _both(a: Origin, b: Origin, size: int) -> Origin:
    """Two origins as one: the rows of the second are counted on from the ``size`` of the first."""

    def read(rows: NDArray[np.int64]) -> Iterator[Texts]:
        yield from a.read(rows[rows < size])
        for texts in b.read(rows[rows >= size] - size):
            yield Texts(texts.rows + size, texts.batch)

    return Origin(read, a.workers)
