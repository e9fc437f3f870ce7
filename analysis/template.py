"""The template guard: shingles that so many dialogues share that they say nothing about any two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ultraqa.analysis.shingles import NO_TEMPLATE, SHINGLE, Template, dialogues, members, messages, occurrences
from ultraqa.analysis.words import word_hashes
from ultraqa.analysis.words import words as words_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.rereading import Origin, Texts
    from ultraqa.analysis.words import Workspace

MIN_DIALOGUES: Final = 50
MIN_SHARE: Final = 0.02
"""A shingle is template where more dialogues have it than both of these."""
COUNTED_WORDS: Final = 2_500_000
"""Words of dialogues in which shingles are counted: all of most sets, a sample of large ones."""
_PHRASES: Final = 20
_PHRASE_CHARACTERS: Final = 300


class FoundTemplate(NamedTuple):
    """The template of a dataset.

    Attributes:
        template: its shingles.
        counted: distinct dialogues in which shingles were counted.
        phrases: its longest stretches as ``text``, ``dialogues`` and ``share``, most frequent first.
    """

    template: Template
    counted: int
    phrases: list[dict[str, Any]]


def find_template(
    origin: Origin, distinct: NDArray[np.int64], words: NDArray[np.int64], hashes: NDArray[np.uint64]
) -> FoundTemplate:
    """Shingles that occur in more than 50 dialogues and in more than 2 % of dialogues, copies counted once.

    They are counted in 2.5 million words; of more in the distinct dialogues of smallest content hash, where the
    share decides.

    Args:
        origin: where the texts are.
        distinct: shape (d,), rows of the dialogues that are no copies, ascending.
        words: shape (d,), their words.
        hashes: shape (d,), their content hashes.
    """
    share = max(MIN_DIALOGUES / max(len(distinct), 1), MIN_SHARE)
    if share >= 1:
        return FoundTemplate(NO_TEMPLATE, len(distinct), [])
    rows = _counted(distinct, words, hashes)
    found = list(origin.walk(rows, _occurrences))
    shingles = np.concatenate([one for one, _ in found])
    owners = np.concatenate([one for _, one in found])
    template, counts, first = _frequent(shingles, owners, share * len(rows))
    del shingles, owners, found
    if not len(template):
        return FoundTemplate(NO_TEMPLATE, len(rows), [])
    return FoundTemplate(template, len(rows), _phrases(origin, template, counts, first, len(rows)))


def _counted(distinct: NDArray[np.int64], words: NDArray[np.int64], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    order = np.argsort(hashes, kind="stable")
    total = np.cumsum(words[order])
    return np.sort(distinct[order[: max(int(np.searchsorted(total, COUNTED_WORDS, side="right")), 1)]])


def _occurrences(texts: Texts, workspace: Workspace) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Shingles of dialogues, and the row of each."""
    found = occurrences(word_hashes(texts.batch, workspace), dialogues(texts.batch))
    return found.hashes, np.repeat(texts.rows, np.diff(found.offsets))


def _frequent(
    shingles: NDArray[np.uint64], owners: NDArray[np.int64], limit: float
) -> tuple[Template, NDArray[np.int64], NDArray[np.int64]]:
    """Shingles that more than ``limit`` dialogues have, in how many, and the first of these dialogues."""
    slots = (shingles >> np.uint64(44)).astype(np.int64)
    likely = np.bincount(slots, minlength=1 << 20)[slots] > limit  # spares the sorting of nearly all
    shingles, owners = shingles[likely], owners[likely]
    order = np.lexsort((owners, shingles))
    shingles, owners = shingles[order], owners[order]
    fresh = np.append(True, (np.diff(shingles) != 0) | (np.diff(owners) != 0))[: len(shingles)]
    kinds, first, counts = np.unique(shingles[fresh], return_index=True, return_counts=True)
    chosen = counts > limit
    return Template(kinds[chosen]), counts[chosen], owners[fresh][first][chosen]


def _phrases(
    origin: Origin, template: Template, counts: NDArray[np.int64], first: NDArray[np.int64], counted: int
) -> list[dict[str, Any]]:
    """Longest stretches of words all of whose shingles are template, in dialogues that hold the most frequent ones."""
    order = np.lexsort((first, -counts))
    rows = np.unique(first[order][: 4 * _PHRASES])
    frequency = dict(zip(template.hashes.tolist(), counts.tolist(), strict=True))
    found: dict[str, int] = {}
    for texts, hashes in origin.walk(rows, _by_message):
        for i in range(len(texts.batch.roles)):
            here = hashes.hashes[hashes.offsets[i] : hashes.offsets[i + 1]]
            spelled = words_of(texts.batch.message(i)) if members(here, template).any() else []
            for start, end in _runs(members(here, template)):
                phrase = " ".join(spelled[start : end + SHINGLE - 1])[:_PHRASE_CHARACTERS]
                found[phrase] = max(found.get(phrase, 0), min(frequency[h] for h in here[start:end].tolist()))
    listed = sorted(found.items(), key=lambda item: (-item[1], -len(item[0]), item[0]))
    return [{"text": text, "dialogues": n, "share": n / counted} for text, n in listed[:_PHRASES]]


def _by_message(texts: Texts, workspace: Workspace) -> tuple[Texts, Any]:
    return texts, occurrences(word_hashes(texts.batch, workspace), messages(texts.batch))


def _runs(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
