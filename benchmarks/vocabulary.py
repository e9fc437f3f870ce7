"""The made-up language of the benchmark corpus: a table of pieces of text, each with its bytes, words and characters.

Function words and openings are English, content words are pronounceable inventions, so that the text looks like English
and is no one's. The weights of content words follow Zipf and Mandelbrot for the ``HOT`` ranks that lie ready in the
table; beyond them they follow a steeper power law without an end, and such a word is spelled from three syllables, so
that a longer text always finds new words.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOT = 6000  # content words that lie ready in the table
PHRASES = 24_000  # collocations of two and three content words
PHRASE_SHARE = 0.16  # of the places of a content word, those that a collocation takes
SPACED = 4096  # words with a blank behind them, for the two that open a prompt
URN = 1 << 20
TAIL = -1  # entry of the urn that stands for a word beyond the table


def _items(text: str) -> list[str]:
    return text.strip("\n").replace("\n", "|").split("|")


_ONSETS = _items("b|bl|br|c|ch|cl|cr|d|dr|f|fl|fr|g|gl|gr|h|j|k|l|m|n|p|pl|pr|r|s|sc|sh|sl|sp|st|str|t|th|tr|v|w|z")
_VOWELS = _items("a|e|i|o|u|ai|ea|ee|io|ou")
_CODAS = ["", "n", "r", "l", "s", "t", "d", "m", "nt", "st", "rs", "ng"]
_SYLLABLES = len(_ONSETS) * len(_VOWELS)  # syllables without a final consonant

# Words before a content word, by falling weight. "naive" and "cafe" take their accents where a dialogue is not ASCII.
_PREFIXES = [
    "",
    *_items("""
and|the|to|a|of|of the|with|for|in|is|in the|and the|that|your|as|can|to the|it|are|by|on|or|it is|is a|this|be
on the|you can|from|for the|has|have|their|with the|such as|at|will be|an|its|not|which|from the|by the|they|at the
that the|when|also|to be|more|was|as a|these|is the|and a|into|we|who|about|how to|one of the|don't|it's|will|should
my|other|through|between the|because|would|while|than|most|so that|many|over|each|without|he|she|his|her|our|if the
there are|may|can be|that's|doesn't|you're|before the|under|within|during the|against|both|only|as well as|what
where|up|out|time|some|used to|in order to|due to|based on the|a lot of|such a|too|very|then|now|around|cafe|naive|I
after|them|any|could|well|"|the "|about 12|in 2019 the|3|10|2|5|1,000|25%|in 2021|$40|100|1.5|7|50|4
in the 1990s the|20 or 30|12:30|6|8|15|2,500|people and|work with|make the|help the|different|important|good|being
those|just|even|often|including|against the|no
"""),
]

# Words at the start of a sentence, by falling weight.
_OPENERS = _items("""
The|It is|This|In|You can|I|They|For example,|It's|We|These|However, the|A|By|If you|To|In addition,|And|As a
There are|When|With|He|She|Overall, the|One of the|Additionally,|Finally,|Here are some|Some|In conclusion, the
It is important to|Yes, the|Sure! Here is|While the|First,|After|On the other hand,|Another|Let's|I'm sorry, but|My
His|Once|Make sure to|Use the|As an AI language model, I|Don't|That's why|For instance, a|Many|Each
At the same time, the|What is the|In other words,|This means that|Her|Second,|Also,|From|Their|Some of the
According to|Although the|Then|Because of the|It can|No,|Since|There is|During the|Thank you for|Next,|Most|Our
Consider|Try to|Remember that|But|So|Without|Through
""")

# Beginnings of a first message; two made-up words follow, by which every dialogue differs from every other.
_REQUESTS = _items("""
Write a story about|Explain how to use|What is the meaning of|Describe the|Give me a list of|Create a poem about
How can I|Summarize the history of|Compare the|Can you tell me about|Write an essay on|Generate a plan for
Why is the|Design a|Who was|Translate this for|Suggest three|What are the benefits of|Rewrite the following
Name some of the|How does the|Find the|Please help me with|I need a recipe for|Construct a sentence with|Edit this
Identify the|Classify the following|Can you write a|Develop a short|Tell me more about|Analyze the
""")

_CURLY = str.maketrans({"'": "’"})
_ACCENTS = {"cafe": "café", "naive": "naïve", '"': "“", 'the "': "the “"}


@dataclass
class Pieces:
    """A growing table of pieces; piece 0 is empty."""

    texts: list[bytes] = field(default_factory=lambda: [b""])
    words: list[int] = field(default_factory=lambda: [0])
    characters: list[int] = field(default_factory=lambda: [0])

    def add(self, texts: list[str], *, before: str = "", after: str = "") -> int:
        """Append texts as they stand inside a JSON string; returns the number of the first one.

        ``before`` and ``after`` are letters where such a piece always stands behind or before one: a syllable that
        begins a word counts no word, nor does the "s" of a possessive.
        """
        first = len(self.texts)
        self.texts += [json.dumps(text, ensure_ascii=False)[1:-1].encode() for text in texts]
        self.words += [count_words(before + text + after) - len(before + after) for text in texts]
        self.characters += map(len, texts)
        return first

    def add_raw(self, texts: list[bytes]) -> int:
        """Append JSON outside of any message: no words, no characters; returns the number of the first one."""
        first = len(self.texts)
        self.texts += texts
        self.words += [0] * len(texts)
        self.characters += [0] * len(texts)
        return first


@dataclass(frozen=True)
class Vocabulary:
    """The pieces of the language and where each kind begins in the table.

    Attributes:
        pieces: the table, which the corpus extends by its separators.
        word: first of the ``HOT`` content words.
        spaced: first of the ``SPACED`` words with a blank behind them.
        request: first of the beginnings of a first message, ``requests`` of them.
        prefix: first of the words before a content word, in ASCII; the other form is ``prefixes`` further.
        opener: first of the sentence openings, likewise ``openers``.
        syllable: first of the syllables without an end, the capitalised ones ``syllables`` further.
        ending: first of the last syllables.
        content: urn of content words, collocations and ``TAIL``, by weight.
    """

    pieces: Pieces
    word: int
    spaced: int
    request: int
    requests: int
    prefix: int
    prefixes: int
    opener: int
    openers: int
    syllable: int
    syllables: int
    ending: int
    endings: int
    content: NDArray[np.int64]


def count_words(text: str) -> int:
    """Number of words: runs of letters with inner apostrophes; each letter of a script without spaces is one."""
    count, inside = 0, False
    for i, character in enumerate(text):
        letter = unicodedata.category(character)[0] == "L"
        if letter and _unspaced(character):
            count, inside = count + 1, False
        elif letter:
            count, inside = count + (not inside), True
        elif unicodedata.category(character)[0] != "M":
            inner = inside and character in "'’" and text[i + 1 : i + 2].isalpha()
            inside = inner and not _unspaced(text[i + 1])
    return count


def urn(weights: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Indices of ``weights``, each as often as its weight asks; drawing one evenly draws by weight."""
    sums = np.cumsum(weights)
    return np.asarray(np.searchsorted(sums, (np.arange(size) + 0.5) * (sums[-1] / size)), np.int64)


def zipf(count: int, shift: float = 2.7) -> NDArray[np.float64]:
    """Zipf-Mandelbrot weights of ranks 1 to ``count``."""
    return 1 / (np.arange(1, count + 1, dtype=np.float64) + shift)


def make_vocabulary(bits: NDArray[np.uint32]) -> Vocabulary:
    """The language drawn by ``bits``, of which it takes ``4 * PHRASES``."""
    pieces = Pieces()
    words = _hot_words()
    weights = zipf(HOT, 25)
    # Weight of all ranks beyond the table, where the weight falls with the power -5/3: Heaps exponent 3/5.
    tail = weights[-1] * HOT * 1.5
    word = pieces.add(words)
    phrase = pieces.add(_phrases(words, urn(weights, URN), bits.reshape(4, PHRASES)))
    shared = np.concatenate([weights, [tail]]) * ((1 - PHRASE_SHARE) / (weights.sum() + tail))
    collocations = zipf(PHRASES, 20) * (PHRASE_SHARE / zipf(PHRASES, 20).sum())
    codes = np.concatenate([word + np.arange(HOT), [TAIL], phrase + np.arange(PHRASES)])
    curly = [_ACCENTS.get(text, text.translate(_CURLY)) for text in _PREFIXES]
    syllables = [onset + vowel for onset in _ONSETS for vowel in _VOWELS]
    return Vocabulary(
        pieces=pieces,
        word=word,
        spaced=pieces.add([text + " " for text in words[:SPACED]]),
        request=pieces.add([text + " " for text in _REQUESTS]),
        requests=len(_REQUESTS),
        prefix=pieces.add([_blank(text) for text in _PREFIXES + curly]),
        prefixes=len(_PREFIXES),
        opener=pieces.add([_blank(text) for text in [*_OPENERS, *(text.translate(_CURLY) for text in _OPENERS)]]),
        openers=len(_OPENERS),
        syllable=pieces.add(syllables + [text.capitalize() for text in syllables], after="a"),
        syllables=_SYLLABLES,
        ending=pieces.add([text + coda for text in syllables for coda in _CODAS]),
        endings=_SYLLABLES * len(_CODAS),
        content=codes[urn(np.concatenate([shared, collocations]), URN)],
    )


def _hot_words() -> list[str]:
    """The content words of the table: one syllable, then mostly two; every ninth is a name."""
    taken = {word for text in _PREFIXES + _OPENERS + _REQUESTS for word in text.lower().split()}
    one = [_spell(i * 1543 % (_SYLLABLES * 12), 1) for i in range(400)]
    two = [_spell(i * 28_657 % (_SYLLABLES * _SYLLABLES * 12), 2) for i in range(HOT)]
    words = [word for word in one[:20] + two[:150] + one[20:] + two[150:] if word not in taken][:HOT]
    return [word.capitalize() if i % 9 == 4 else word for i, word in enumerate(words)]


def _spell(number: int, syllables: int) -> str:
    """The word of that number: different numbers give different words, because letters alternate between two sets."""
    number, coda = divmod(number, len(_CODAS))
    spelled = _CODAS[coda]
    for _ in range(syllables):
        number, syllable = divmod(number, _SYLLABLES)
        spelled = _ONSETS[syllable // len(_VOWELS)] + _VOWELS[syllable % len(_VOWELS)] + spelled
    return spelled


def _phrases(words: list[str], draw: NDArray[np.int64], bits: NDArray[np.uint32]) -> list[str]:
    """Collocations of two and three words."""
    links = [" ", " ", " ", " of the ", "-", " and ", " of ", " in the "]
    rows = zip(*(draw[row % len(draw)].tolist() for row in bits[:3]), bits[3].tolist(), strict=True)
    return [
        words[a] + links[kind % 8] + words[b] + (links[kind // 8 % 4] + words[c] if kind // 64 % 3 == 0 else "")
        for a, b, c, kind in rows
    ]


def _blank(text: str) -> str:
    return text if not text or text[-1] in '"“' else text + " "


def _unspaced(character: str) -> bool:
    """Whether the character is of Han, kana, Thai, Lao, Khmer or Myanmar, as far as the corpus writes them."""
    code = ord(character)
    return 0x3040 <= code <= 0x30FF or 0x3400 <= code <= 0x9FFF or 0x0E00 <= code <= 0x0EFF or 0x1000 <= code <= 0x109F
