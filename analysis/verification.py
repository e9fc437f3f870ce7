"""Verification: candidate pairs compared by the sets of their shingles, read again a bounded part at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis import shingles
from ultraqa.analysis.banding import connected
from ultraqa.analysis.shingles import Bounds, Sets, Similarity, Sketches, Template, shingle_sets, similarity, sketch
from ultraqa.analysis.words import word_hashes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ultraqa.analysis.rereading import Origin, Texts
    from ultraqa.analysis.words import Workspace

_HELD_SHINGLES: Final = 12_000_000
"""Shingles of texts held at a time, 8 bytes each."""


@dataclass(frozen=True)
class Units:
    """The u distinct texts of a scope that are compared, in order of row and position.

    Attributes:
        scope: what a text is: "dialogue", its first user message ("prompt"), or any message ("message").
        rows: shape (u,), the dialogue.
        positions: shape (u,), of a message in its dialogue, else 0.
        words: shape (u,), words of the text.
    """

    scope: str
    rows: NDArray[np.int64]
    positions: NDArray[np.int64]
    words: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.rows)

    def some(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Units:
        """Those of the texts that an ascending index or a mask chooses."""
        return Units(self.scope, self.rows[chosen], self.positions[chosen], self.words[chosen])

    def bounds(self, texts: Texts) -> Bounds:
        """Those of the texts that stand in a batch."""
        here = slice(np.searchsorted(self.rows, texts.rows[0]), np.searchsorted(self.rows, texts.rows[-1], "right"))
        dialogue = np.searchsorted(texts.rows, self.rows[here])
        if self.scope == "message":
            first = texts.batch.dialogue_offsets[dialogue] + self.positions[here]
            return Bounds(first, first + 1)
        whole = shingles.dialogues(texts.batch) if self.scope == "dialogue" else shingles.prompts(texts.batch)
        return Bounds(whole.first[dialogue], whole.last[dialogue])


def sketches(origin: Origin, units: Units, template: Template) -> Iterator[Sketches]:
    """Sketches of texts, read again, without the shingles of a template; a batch at a time, in order."""

    def visit(texts: Texts, workspace: Workspace) -> Sketches:
        return sketch(texts.batch, word_hashes(texts.batch, workspace), units.bounds(texts), template)

    yield from origin.walk(np.unique(units.rows), visit)


def plain_hashes(origin: Origin, units: Units) -> NDArray[np.uint64]:
    """Hashes of texts, read again, by their words, digits and symbols."""

    def visit(texts: Texts, workspace: Workspace) -> NDArray[np.uint64]:
        return shingles.plain_hashes(texts.batch, word_hashes(texts.batch, workspace), units.bounds(texts))

    return np.concatenate([np.empty(0, np.uint64), *origin.walk(np.unique(units.rows), visit)])


class Verified(NamedTuple):
    """Pairs of texts (shape (p, 2), sorted) and how similar they are."""

    pairs: NDArray[np.int64]
    similarity: Similarity


NOTHING: Final = Verified(np.empty((0, 2), np.int64), Similarity(*np.empty((3, 0))))


def verify(origin: Origin, units: Units, pairs: NDArray[np.int64], template: Template, threshold: float) -> Verified:
    """Those of the pairs whose sets of shingles, without the template, have a Jaccard similarity of ``threshold``."""
    group = connected(pairs, len(units))[pairs[:, 0]]  # what is connected is read together
    order = np.lexsort((pairs[:, 1], pairs[:, 0], group))
    found = np.zeros((len(pairs), 3))
    for part in _parts(units, pairs[order]):
        some = order[part]
        chosen, local = np.unique(pairs[some], return_inverse=True)
        sets = _sets(origin, units.some(chosen))
        found[some] = np.stack(similarity(sets, local.reshape(-1, 2), template), axis=1)
    similar = found[:, 0] >= threshold
    return Verified(pairs[similar], Similarity(*found[similar].T))


def _parts(units: Units, pairs: NDArray[np.int64]) -> Iterator[slice]:
    """Consecutive pairs whose texts have about so many shingles as may be held."""
    fresh = np.zeros(pairs.size, np.bool_)
    fresh[np.unique(pairs.ravel(), return_index=True)[1]] = True
    size = np.cumsum((units.words[pairs.ravel()] * fresh).reshape(-1, 2).sum(axis=1)) // _HELD_SHINGLES
    cuts = np.flatnonzero(np.diff(size)) + 1
    for first, last in zip([0, *cuts.tolist()], [*cuts.tolist(), len(pairs)], strict=True):
        if last > first:
            yield slice(first, last)


def _sets(origin: Origin, units: Units) -> Sets:
    def visit(texts: Texts, workspace: Workspace) -> Sets:
        return shingle_sets(word_hashes(texts.batch, workspace), units.bounds(texts))

    found = list(origin.walk(np.unique(units.rows), visit))
    starts = np.cumsum([0, *(len(one.hashes) for one in found)])
    offsets = [one.offsets[1:] + start for one, start in zip(found, starts, strict=False)]
    return Sets(np.concatenate([one.hashes for one in found]), np.concatenate([[0], *offsets]))
