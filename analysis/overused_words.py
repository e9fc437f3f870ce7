"""Over-used words: those that a candidate uses far more often than people did, and than its reference does.

People's frequencies are wordfreq's (Speer 2022: web, books, subtitles, news up to 2021). The unit of evidence is the
dialogue: what is said often in one long dialogue is not over-used. A word that is over-used by this measure may simply
belong to the subject: data about cooking says "oven" more often than people do. Only where the reference is about the
same subjects does the comparison with it tell a manner of writing from a topic, and no word by itself shows that a
text was written by a machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis.corpus import NO_PROMPT, SampledText
from ultraqa.analysis.language import WordFrequencies, word_frequencies
from ultraqa.analysis.lost_wording import CANDIDATE, LISTED, REFERENCE, example_rows, least_z, standing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.matching import Matched

OVERUSE: Final = 8.0
"""Times as often as in human text."""
AS_REFERENCE: Final = 2.0
"""Times as often as in the reference."""
LEAST_DIALOGUES: Final = 5
LEAST_SHARE: Final = 0.01
"""Dialogues, and share of dialogues, in which an over-used word stands."""
_MILLION: Final = 1_000_000


class Overused(NamedTuple):
    """An over-used word.

    Attributes:
        word: the word, lower case.
        reference: times in a million words of the reference.
        candidate: times in a million words of the candidate.
        human: times in a million words of human text up to 2021.
        ratio: candidate over human.
        dialogues: dialogues of the candidate in which it stands.
        rows: up to three of these, in the candidate's dataset, ascending.
    """

    word: str
    reference: float
    candidate: float
    human: float
    ratio: float
    dialogues: int
    rows: tuple[int, ...]


class Overuse(NamedTuple):
    """Over-used words of a candidate, and how much of each side's text is made of words over-used against people.

    Attributes:
        words: strongest first, by the z of the dialogues that have them on one side only.
        reference: ``overused_mass`` of the reference; None where undefined.
        candidate: that of the candidate.
        note: why there is no comparison, else empty.
    """

    words: list[Overused]
    reference: float | None
    candidate: float | None
    note: str


def overused(matched: Matched, language: str = "en", most: int = LISTED) -> Overuse:
    """Words that the candidate uses eight times as often as people did or more, and twice as often as the reference.

    Each stands in at least five of its dialogues and in one of a hundred; that more of its dialogues have it than of
    the reference's is tested as in ``lost_wording``. Words that people used less than once in a million words are left
    out (they are mostly names and misspellings of the data), and so are words with an apostrophe.

    Args:
        matched: pairs of texts of a reference and a candidate.
        language: ISO 639-1 code of the language that both are written in.
        most: words that are listed.
    """
    sides = [word_frequencies(_side(matched, side), language) for side in (REFERENCE, CANDIDATE)]
    reference, candidate = sides
    if reference is None or candidate is None:
        why = f"wordfreq has no list of words between blanks for the language {language!r}"
        return Overuse([], None, None, why if len(matched) else "no dialogue is compared")
    found = standing(matched.ids.astype(np.int64), matched.owners.astype(np.int64), len(matched.rows))
    number = {matched.vocabulary[key]: i for i, key in enumerate(found.keys.tolist())}
    places = np.array([number.get(word, -1) for word in candidate.words], np.int64)
    dialogues = np.where((places >= 0)[:, None], found.dialogues[places], 0)
    often = [_often(use, dialogues[:, side], len(matched)) for side, use in enumerate((reference, candidate))]
    z = np.where(places >= 0, found.z(CANDIDATE)[places], 0.0)
    more = candidate.own >= AS_REFERENCE * reference.own
    marked = np.flatnonzero(often[CANDIDATE] & more & (z > least_z(int(often[CANDIDATE].sum()))))
    ranked = sorted(marked.tolist(), key=lambda i: (-z[i], candidate.words[i]))[:most]
    words = [
        Overused(
            candidate.words[i],
            float(reference.own[i] * _MILLION),
            float(candidate.own[i] * _MILLION),
            float(candidate.human[i] * _MILLION),
            float(candidate.own[i] / candidate.human[i]),
            int(dialogues[i, CANDIDATE]),
            example_rows(matched, found.of(int(places[i]), CANDIDATE)),
        )
        for i in ranked
    ]
    masses = [overused_mass(use, one) for use, one in zip((reference, candidate), often, strict=True)]
    return Overuse(words, masses[REFERENCE], masses[CANDIDATE], "")


def _often(use: WordFrequencies, dialogues: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
    """Which words of the list are over-used in enough dialogues of a side."""
    least = np.fmax(LEAST_DIALOGUES, LEAST_SHARE * n)
    return (use.own >= OVERUSE * use.human) & (dialogues >= least)  # type: ignore[no-any-return]


def overused_mass(use: WordFrequencies, often: NDArray[np.bool_]) -> float:
    """Share of a side's words that are used at least eight times as often as in human text up to 2021, and widely.

    Higher = further from human word choice; 0 to 1. Widely: in at least five of its dialogues and one of a hundred.
    Words that wordfreq's list (down to one in a million) does not know have no human frequency: none is made up for
    them by smoothing, they count as not over-used. A domain's own words count, so only sides about the same subjects
    can be compared. Source: wordfreq (Speer 2022).
    """
    return float(use.own[often].sum())


def _side(matched: Matched, side: int) -> SampledText:
    """The words of one side, each dialogue as one message."""
    offsets = np.concatenate([[0], np.cumsum(matched.lengths[side::2])])
    ids, rows = matched.ids[matched.owners % 2 == side], matched.rows[side::2]
    none = np.full(len(rows), NO_PROMPT, np.uint64)
    return SampledText(ids, offsets, np.arange(len(rows) + 1), rows, none, matched.vocabulary)
