"""Lost wording: the words and phrases that stand in many dialogues of one side and in few of the other.

The unit is the dialogue: a wording counts once in each, however often it is said. The z of a wording is that of the
test of every probe, in which the texts of a pair change sides: a pair where it stands on both sides says nothing, of
the others half would have it on each side (McNemar 1947, Psychometrika 12, 153-157). Wordings are picked out of
thousands, so z must exceed what the largest of so many reaches by chance in one list of twenty (Bonferroni).

A difference in subject is a difference in wording: between datasets of different domains these lists name the domains
and show no loss.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis import characters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.matching import Matched

REFERENCE: Final = 0
CANDIDATE: Final = 1
LONGEST: Final = 8
"""Words of the longest phrase that is looked for."""
OPENING: Final = 3
LISTED: Final = 10
SHOWN: Final = 3
FEWER: Final = 3
"""A wording that is lost or new stands in at least so many times as many dialogues of the one side."""
LEAST_Z: Final = 3.0
_LEAST: Final = 10  # dialogues: with nine on one side and none on the other z is just 3
_LEVEL: Final = 0.05
_SAME: Final = 0.7  # a longer phrase with this share of a shorter one's dialogues is the same phrase


class Wording(NamedTuple):
    """A word or phrase, the dialogues of each side in which it stands, and rows of the first of the side that has it.

    Attributes:
        text: its words, lower case, as they are written together; ' stands for both apostrophes.
        reference: dialogues of the reference, of ``len(matched)``.
        candidate: dialogues of the candidate, of as many.
        rows: up to three dialogues of the side that has it, in its own dataset, ascending.
    """

    text: str
    reference: int
    candidate: int
    rows: tuple[int, ...]


class Lost(NamedTuple):
    """What one side says and the other does not, each list strongest first.

    Attributes:
        words: of the reference, lost in the candidate.
        phrases: of two to eight words, in their longest form, likewise.
        boilerplate: of three to eight words, in their longest form, new in the candidate.
        openings: first three words of a dialogue with which more of the candidate's begin.
    """

    words: list[Wording]
    phrases: list[Wording]
    boilerplate: list[Wording]
    openings: list[Wording]


class Standing(NamedTuple):
    """In which texts k wordings stand.

    Attributes:
        keys: shape (k,), ascending.
        dialogues: shape (k, 2), texts of the reference and of the candidate.
        alone: shape (k,), pairs of which one text has it and the other has not.
        offsets: shape (k + 1,), into ``texts``.
        texts: those in which it stands, ascending.
    """

    keys: NDArray[np.int64]
    dialogues: NDArray[np.int64]
    alone: NDArray[np.int64]
    offsets: NDArray[np.int64]
    texts: NDArray[np.int64]

    def z(self, side: int) -> NDArray[np.float64]:
        """How surprisingly many more dialogues of a side have each wording, in standard deviations, shape (k,)."""
        more = self.dialogues[:, side] - self.dialogues[:, 1 - side]
        return more / np.sqrt(np.maximum(1, self.alone))

    def of(self, wording: int, side: int) -> NDArray[np.int64]:
        """The texts of a side in which a wording stands, ascending."""
        texts = self.texts[self.offsets[wording] : self.offsets[wording + 1]]
        found: NDArray[np.int64] = texts[texts % 2 == side]
        return found


def standing(keys: NDArray[np.int64], owners: NDArray[np.int64], texts: int, least: int = 1) -> Standing:
    """In which texts wordings stand.

    Args:
        keys: one number for each wording, shape (n,).
        owners: the text in which each stands, shape (n,).
        texts: number of texts, two for each pair.
        least: texts in which a wording stands that is kept.
    """
    places = np.sort(keys * texts + owners)
    places = places[np.diff(places, prepend=-1) > 0]
    bounds = np.append(np.flatnonzero(np.diff(places // texts, prepend=-1)), len(places))
    often = np.diff(bounds) >= least
    places = places[np.repeat(often, np.diff(bounds))]
    offsets = np.concatenate([[0], np.cumsum(np.diff(bounds)[often])])
    found = places % texts
    wording = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    second = np.bincount(wording, weights=found % 2, minlength=len(offsets) - 1).astype(np.int64)
    paired = np.append(np.diff(places) == 1, False)[: len(places)] & (found % 2 == REFERENCE)
    twice = np.bincount(wording[paired], minlength=len(offsets) - 1)
    each = np.diff(offsets)
    return Standing(
        (places // texts)[offsets[:-1]],
        np.stack([each - second, second], axis=1),
        each - 2 * twice,
        offsets,
        found,
    )


def least_z(tested: int) -> float:
    """What z must exceed where the largest of so many is looked at: by chance one does in one list of twenty."""
    return max(LEAST_Z, NormalDist().inv_cdf(1 - _LEVEL / (2 * max(1, tested))))


def lost_wording(matched: Matched, most: int = LISTED) -> Lost:
    """The words and phrases that tell two matched sides apart.

    Args:
        matched: pairs of texts of a reference and a candidate.
        most: wordings of each list.
    """
    matched = _plain(matched)
    levels = _levels(matched)
    return Lost(
        _contrast(matched, levels, (1, 1), REFERENCE, most),
        _contrast(matched, levels, (2, LONGEST), REFERENCE, most),
        _contrast(matched, levels, (3, LONGEST), CANDIDATE, most),
        _openings(matched, most),
    )


def _plain(matched: Matched) -> Matched:
    """The same with one apostrophe for both: which of them a program writes is no wording."""
    known: dict[str, int] = {}
    same = np.array([known.setdefault(word.replace("’", "'"), len(known)) for word in matched.vocabulary], np.int32)
    return replace(matched, ids=same[matched.ids] if len(same) else matched.ids, vocabulary=list(known))


def _levels(matched: Matched) -> list[Standing]:
    """Phrases of one word, two words and so on that stand in enough texts: keys are pairs of those one word shorter.

    A phrase is frequent only where the two within it are, so ever fewer places are left to look at.
    """
    texts, n = len(matched.rows), len(matched.ids)
    owners = matched.owners.astype(np.int64)
    begins = np.zeros(n + 1, np.bool_)
    begins[matched.message_offsets] = True
    places, keys, levels = np.arange(n), matched.ids.astype(np.int64), list[Standing]()
    for _ in range(LONGEST):
        found = standing(keys, owners[places], texts, _LEAST)
        levels.append(found)
        numbers = np.searchsorted(found.keys, keys)
        known = np.append(found.keys, -1)[numbers] == keys
        places, current = places[known], np.full(n + 1, -1)
        current[places] = numbers[known]
        places = places[(current[places + 1] >= 0) & ~begins[places + 1]]
        keys = current[places] * len(found.keys) + current[places + 1]
    return levels


def _spelled(levels: Sequence[Standing], n: int, phrase: int) -> tuple[int, ...]:
    """Ids of the words of a phrase of n words."""
    key = int(levels[n - 1].keys[phrase])
    if n == 1:
        return (key,)
    first, second = divmod(key, len(levels[n - 2].keys))
    return (*_spelled(levels, n - 1, first), _spelled(levels, n - 1, second)[-1])


def _contrast(
    matched: Matched, levels: Sequence[Standing], lengths: tuple[int, int], side: int, most: int
) -> list[Wording]:
    """The strongest wordings of a side, of several forms of one phrase only one."""
    inside = range(lengths[0], lengths[1] + 1)
    bar = least_z(sum(int((levels[n - 1].alone >= _LEAST).sum()) for n in inside))
    marked = {n: _marked(levels[n - 1], side, bar) for n in inside}
    for n in inside[:-1]:
        marked[n] &= ~_continued(levels[n - 1], levels[n], marked[n + 1], side)
    found = [
        (-float(levels[n - 1].z(side)[i]), [matched.vocabulary[w] for w in _spelled(levels, n, i)], levels[n - 1], i)
        for n in inside
        for i in np.flatnonzero(marked[n]).tolist()
    ]
    chosen: list[tuple[list[str], NDArray[np.int64]]] = []
    listed: list[Wording] = []
    for _, words, level, i in sorted(found, key=lambda one: one[:2]):
        texts = level.of(i, side)
        if len(listed) < most and not any(_alike(words, texts, *other) for other in chosen):
            chosen.append((words, texts))
            listed.append(_wording(matched, _joined(words), level, i, side))
    return listed


def _marked(level: Standing, side: int, bar: float) -> NDArray[np.bool_]:
    return (level.z(side) > bar) & (level.dialogues[:, side] >= FEWER * level.dialogues[:, 1 - side])


def _continued(level: Standing, longer: Standing, marked: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Which phrases are nearly always part of one that is a word longer and marked."""
    found = np.zeros(len(level.keys), np.bool_)
    for part in np.divmod(longer.keys, max(1, len(level.keys))):
        same = longer.dialogues[:, side] >= _SAME * level.dialogues[part, side]
        found[part[marked & same]] = True
    return found


def _alike(words: list[str], texts: NDArray[np.int64], others: list[str], there: NDArray[np.int64]) -> bool:
    """Whether two phrases share most of their pairs of words, or one such pair and most dialogues of one of them."""
    pairs, other = (set(pairwise(one)) for one in (words, others))
    shared = len(pairs & other)
    together = shared and 2 * len(np.intersect1d(texts, there)) > min(len(texts), len(there))
    return bool(together) or 2 * shared > min(len(pairs), len(other))


def _openings(matched: Matched, most: int) -> list[Wording]:
    """First three words of a text with which more of the candidate's begin than of the reference's.

    Of a text that was cut below three words nothing is said: the rest of its opening was not compared.
    """
    places = matched.text_offsets[:-1, None] + np.arange(OPENING)
    inside = places < matched.text_offsets[1:, None]
    words = np.where(inside, matched.ids[np.minimum(places, len(matched.ids) - 1)], -1)
    kinds, keys = np.unique(words, axis=0, return_inverse=True)
    found = standing(keys.ravel().astype(np.int64), np.arange(len(keys)), len(keys), _LEAST)
    z = found.z(CANDIDATE)
    whole = kinds[found.keys].min(axis=1) >= 0
    marked = np.flatnonzero(whole & (z > least_z(int((found.alone >= _LEAST).sum()))))
    spelled = [_joined([matched.vocabulary[w] for w in kinds[key]]) for key in found.keys[marked]]
    ranked = sorted(zip(-z[marked], spelled, marked.tolist(), strict=True))
    return [_wording(matched, text, found, i, CANDIDATE) for _, text, i in ranked[:most]]


def _joined(words: Sequence[str]) -> str:
    """Words with a blank between them, but between those of a script that is written without blanks."""
    classes = characters.tables()[0]
    single = [classes[ord(word[0])] == characters.SINGLE for word in words]
    blanks = ["" if a and b else " " for a, b in pairwise(single)]
    return "".join(word + blank for word, blank in zip(words, [*blanks, ""], strict=True))


def _wording(matched: Matched, text: str, found: Standing, i: int, side: int) -> Wording:
    reference, candidate = found.dialogues[i].tolist()
    return Wording(text, reference, candidate, example_rows(matched, found.of(i, side)))


def example_rows(matched: Matched, texts: NDArray[np.int64]) -> tuple[int, ...]:
    """Rows of the first few of some texts, ascending."""
    return tuple(np.sort(matched.rows[texts])[:SHOWN].tolist())
