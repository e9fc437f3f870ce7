"""Lexical diversity of a message: the indices in plain Python, and the columns that the kernel computes equally.

Each function takes the words of one message (``words.words`` or, for ``mtld_paper``, ``words.paper_words``) and returns
None where the index is undefined. They are the oracle of the kernel and what a reader can check by hand.
"""

from __future__ import annotations

from collections import Counter
from math import exp, lgamma
from typing import TYPE_CHECKING

from ultraqa.analysis.metric import Column
from ultraqa.analysis.words import MIN_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

THRESHOLD = 0.72
"""Type-token ratio at which a factor closes (McCarthy & Jarvis 2010)."""


def _factors(words: Iterable[str]) -> float:
    full, n, kinds = 0, 0, set[str]()
    for word in words:
        n += 1
        kinds.add(word)
        if len(kinds) / n <= THRESHOLD:
            full, n, kinds = full + 1, 0, set()
    return full + ((1 - len(kinds) / n) / (1 - THRESHOLD) if n else 0.0)


def mtld(words: Sequence[str], *, min_words: int = MIN_WORDS) -> float | None:
    """Mean length of the stretches of words over which the type-token ratio stays above .72, both directions averaged.

    Higher = more varied. A stretch (factor) closes where types / words <= .72; the rest counts as a part of one. None
    for fewer than ``min_words`` words and where all words differ. Depends on the tokeniser by up to 44 %: compare only
    values made by the same one. Source: McCarthy & Jarvis 2010, Behavior Research Methods 42, 381-392.
    """
    n, forward = len(words), _factors(words)
    if n < min_words or not forward:
        return None
    return (n / forward + n / _factors(reversed(words))) / 2


def mtld_paper(words: Sequence[str]) -> float | None:
    """MTLD exactly as LexicalRichness 0.5.1 gives it, with its tokeniser and no minimum length.

    Higher = more varied, but also longer: where all words differ it is the number of words, so short replies pull the
    mean down. Comparable with the published UltraChat table. None for a text without a token. Source: LexicalRichness
    0.5.1, as the UltraChat paper (Ding et al. 2023, Table 4) names it.
    """
    n, forward = len(words), _factors(words)
    if not n:
        return None
    return (n / forward + n / _factors(reversed(words))) / 2 if forward else float(n)


def hdd(words: Sequence[str], *, min_words: int = MIN_WORDS, draws: int = 42) -> float | None:
    """Expected type-token ratio of 42 words drawn without replacement (HD-D).

    Higher = more varied, between 0 and 1, independent of word order. None below ``min_words`` or 42 words.
    Source: McCarthy & Jarvis 2007, Language Testing 24, 459-488.
    """
    n = len(words)
    if n < max(min_words, draws):
        return None

    def absent(f: int) -> float:
        if n - f < draws:
            return 0.0
        return exp(lgamma(n - f + 1) - lgamma(n - f - draws + 1) - lgamma(n + 1) + lgamma(n - draws + 1))

    return sum(1 - absent(f) for f in Counter(words).values()) / draws


def mattr_50(words: Sequence[str], *, min_words: int = MIN_WORDS, window: int = 50) -> float | None:
    """Mean type-token ratio of all windows of 50 words.

    Higher = more varied, between 0 and 1. None below ``min_words`` or 50 words.
    Source: Covington & McFall 2010, Journal of Quantitative Linguistics 17, 94-100.
    """
    n = len(words)
    if n < max(min_words, window):
        return None
    return sum(len(set(words[i : i + window])) for i in range(n - window + 1)) / ((n - window + 1) * window)


def yule_k(words: Sequence[str], *, min_words: int = MIN_WORDS) -> float | None:
    """Yule's K, ten thousand times the chance that two words of the message are the same.

    Lower = more varied. None below ``min_words`` or 2 words. Source: Yule 1944, The Statistical Study of Literary
    Vocabulary.
    """
    n = len(words)
    if n < max(min_words, 2):
        return None
    return 1e4 * (sum(f * f for f in Counter(words).values()) - n) / n**2


def duplicated_5grams(words: Sequence[str]) -> float | None:
    """Share of a message's word 5-grams that stand earlier in the same message.

    Lower = less repetitive, 0 to 1; loops and copied paragraphs are near 1. None below 5 words.
    """
    grams = [tuple(words[i : i + 5]) for i in range(len(words) - 4)]
    return 1 - len(set(grams)) / len(grams) if grams else None


COLUMNS = (
    Column("mtld", lambda w: w.mtld, mtld, unit="words", direction="higher = more varied", fold="mean"),
    Column("mtld_paper", lambda w: w.mtld_paper, mtld_paper, unit="words", direction="higher = more varied, or longer",
           fold="mean", version="1 LexicalRichness 0.5.1"),
    Column("hdd", lambda w: w.hdd, hdd, direction="higher = more varied", fold="mean"),
    Column("mattr_50", lambda w: w.mattr_50, mattr_50, direction="higher = more varied", fold="mean"),
    Column("yule_k", lambda w: w.yule_k, yule_k, direction="lower = more varied", fold="mean"),
    Column("duplicated_5grams", lambda w: w.duplicated_5grams, duplicated_5grams, unit="share",
           direction="lower = less repetitive", fold="mean"),
)  # fmt: skip
"""The lexical columns of a message; a dialogue's value is the mean over its defined messages."""
