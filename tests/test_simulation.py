"""A toy model draws what its formula says and loses words as theory says; regimes are composed as they are named."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from ultraqa.analysis.corpus import SampledText
from ultraqa.analysis.simulation import generations, mixed
from ultraqa.analysis.toy_model import LONGEST, fit, sample
from ultraqa.dialogues.sources import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

Dialogues = list[list[list[int]]]

# Of the golden text g04 (80 verses): how many of its words occur how often, and what an independent simulation with
# NumPy's multinomial draws gave: mean over 400 first generations, and over 100 chains of ten generations.
SPECTRUM: Final = {
    1: 166, 2: 72, 3: 30, 4: 18, 5: 15, 6: 9, 7: 8, 8: 7, 9: 3, 10: 3, 11: 8, 12: 1, 13: 7, 14: 2, 15: 3, 17: 4, 18: 2,
    19: 1, 20: 1, 21: 1, 23: 2, 25: 1, 27: 3, 28: 1, 30: 1, 31: 1, 33: 1, 37: 1, 58: 1, 97: 1, 210: 1, 250: 1,
}  # fmt: skip
WORDS: Final = 2124
EXPECTED_TYPES: Final = 303.25976957791045
TYPES_SD: Final = 6.351180992539891
MEAN_ENTROPY: Final = 6.6735982682708235
CHAIN_TYPES: Final = (302.77, 259.91, 230.56, 209.16, 192.7, 178.94, 167.27, 157.35, 148.83, 141.73)
CHAIN_ENTROPY: Final = (6.6714, 6.5612, 6.4628, 6.3852, 6.3155, 6.24, 6.1805, 6.1235, 6.0694, 6.0205)
SUM_P2: Final = (
    0.031003205816599544, 0.03145941899653515, 0.03191541738683812, 0.03237120108863323, 0.03282677020299829,
    0.033282124830962934, 0.033737265073509604, 0.03419219103157278, 0.03464690280603999, 0.0351014004977509,
)  # fmt: skip

PINNED: Final = {
    ("ngram", 1.0): [4, 1, 2, 0, 2, 0, 1, 2],
    ("ngram", 0.7): [4, 1, 2, 0, 1, 2, 0, 1, 3, 2],
    ("unigram", 1.0): [2, 2, 4, 1, 1, 3, 3, 2, 1, 3, 1, 2],
    ("unigram", 0.7): [2, 2, 4, 1, 1, 2, 3, 2, 1, 2, 1, 2],
}

START, END = -1, -2
SENTENCES: Final = [[0, 1, 2], [0, 1, 3], [0, 2], [4, 1, 2, 0, 1, 2], [4, 1, 3, 3], [2], [0, 1, 2, 2, 4], [3, 0, 1, 2]]


def text_of(dialogues: Sequence[Sequence[Sequence[int]]], words: int | None = None) -> SampledText:
    """Dialogues of messages of word ids as a text; the vocabulary has names for ``words`` ids."""
    messages = [message for dialogue in dialogues for message in dialogue]
    ids = np.array([word for message in messages for word in message], np.int32)
    vocabulary = [f"w{i}" for i in range(int(ids.max(initial=-1)) + 1 if words is None else words)]
    k = len(dialogues)
    return SampledText(
        ids,
        np.cumsum([0, *map(len, messages)]),
        np.cumsum([0, *map(len, dialogues)]),
        np.arange(k) + 7,
        np.arange(1, k + 1, dtype=np.uint64),
        vocabulary,
    )


def dialogues_of(text: SampledText) -> Dialogues:
    """The word ids of every message of every dialogue."""
    messages = [text.ids[a:b].tolist() for a, b in pairwise(text.message_offsets)]
    return [messages[a:b] for a, b in pairwise(text.dialogue_offsets)]


def messages_of(text: SampledText) -> list[list[int]]:
    """The word ids of every message."""
    return [message for dialogue in dialogues_of(text) for message in dialogue]


def keys(text: SampledText) -> Counter[str]:
    """How often each dialogue stands in a text."""
    return Counter(map(str, dialogues_of(text)))


def entropy(counts: NDArray[np.int64]) -> float:
    """Entropy of word counts in bits."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum())


def assert_valid(text: SampledText) -> None:
    """Offsets fit together, every id has a word, and every dialogue a row and a prompt."""
    assert text.dialogue_offsets[0] == 0 == text.message_offsets[0]
    assert text.dialogue_offsets[-1] == len(text.message_offsets) - 1
    assert text.message_offsets[-1] == len(text.ids)
    assert (np.diff(text.message_offsets) >= 0).all()
    assert (np.diff(text.dialogue_offsets) >= 0).all()
    assert text.ids.dtype == np.int32
    assert ((text.ids >= 0) & (text.ids < len(text.vocabulary))).all()
    assert text.rows.tolist() == list(range(len(text.dialogue_offsets) - 1))
    assert text.prompts.tolist() == [0] * len(text.rows)
    assert text.prompts.dtype == np.uint64


@pytest.fixture(scope="module")
def verses() -> SampledText:
    """A text with the word frequencies of the golden one."""
    ids = np.repeat(np.arange(376), np.repeat(list(SPECTRUM), list(SPECTRUM.values())))
    ids = np.random.default_rng(0).permutation(ids)
    return text_of([[part.tolist()] for part in np.array_split(ids, 80)])


def test_the_frequencies_are_those_of_the_golden_text(golden: Path) -> None:
    """The committed numbers are of the text and of the values that were computed from it."""
    wanted = json.loads((Path(__file__).parent / "golden" / "corpus.json").read_text())["g04_kjv_verses"]
    raw = (golden / wanted["file"]).read_bytes()
    assert hashlib.sha256(raw).hexdigest() == wanted["sha256"]
    found = Counter(re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", raw.decode().lower()))
    assert Counter(found.values()) == SPECTRUM
    values = json.loads((golden / "golden_collapse.json").read_text())["wright_fisher_g04"]
    assert (values["N"], values["S0"]) == (WORDS, sum(SPECTRUM.values()))
    assert values["E[S1]_closed_form"] == EXPECTED_TYPES
    assert values["closed form: 1-sum p^2 at gen k = (1-1/N)^k (1-sum p0^2)"] == list(SUM_P2)
    chain = values["mean_over_100_reps_gen1..10 [types,H_bits,sum p^2,f1/N]"]
    assert [row[:2] for row in chain] == [list(row) for row in zip(CHAIN_TYPES, CHAIN_ENTROPY, strict=True)]


def test_one_unigram_generation_loses_the_types_of_the_closed_form(verses: SampledText) -> None:
    """E[types] = sum of 1 - (1 - p)^N within four standard errors of 400 draws; their spread to a fifth; entropy."""
    p = np.bincount(verses.ids) / WORDS
    assert (1 - (1 - p) ** WORDS).sum() == pytest.approx(EXPECTED_TYPES, rel=0, abs=1e-9)
    model = fit(verses, "unigram")
    counts = [np.bincount(sample(model, verses, seed).ids) for seed in range(400)]
    types = np.array([np.count_nonzero(one) for one in counts])
    assert types.mean() == pytest.approx(EXPECTED_TYPES, rel=0, abs=4 * TYPES_SD / 20)
    assert types.std(ddof=1) == pytest.approx(TYPES_SD, rel=0.2)
    entropies = np.array([entropy(one) for one in counts])
    error = entropies.std(ddof=1) * math.sqrt(2 / 400)  # of the difference of two means over 400 draws
    assert entropies.mean() == pytest.approx(MEAN_ENTROPY, rel=0, abs=4 * error)


def test_unigram_generations_drift_as_the_wright_fisher_process(verses: SampledText) -> None:
    """Over 100 chains of ten generations 1 - sum p^2 shrinks by 1 - 1/N each; types and entropy are as simulated."""
    found = np.zeros((100, 10, 3))
    for seed in range(100):
        for k, text in enumerate(generations(verses, generations=10, model="unigram", seed=seed)):
            assert len(text.ids) == WORDS
            if k:
                counts = np.bincount(text.ids)
                found[seed, k - 1] = ((counts / WORDS) ** 2).sum(), np.count_nonzero(counts), entropy(counts)
    means, errors = found.mean(0), found.std(0, ddof=1) / 10
    p2 = (np.bincount(verses.ids) / WORDS) @ (np.bincount(verses.ids) / WORDS)
    assert [1 - (1 - 1 / WORDS) ** k * (1 - p2) for k in range(1, 11)] == pytest.approx(SUM_P2, rel=0, abs=1e-12)
    assert (np.abs(means[:, 0] - SUM_P2) < 4 * errors[:, 0]).all()
    both = 4 * math.sqrt(2) * errors  # the simulated values are means over as many chains
    assert (np.abs(means[:, 1] - CHAIN_TYPES) < both[:, 1]).all()
    assert (np.abs(means[:, 2] - CHAIN_ENTROPY) < both[:, 2]).all()


def test_a_unigram_text_has_the_lengths_of_its_pattern(verses: SampledText) -> None:
    """As many words in every message, empty ones too, and none from outside the vocabulary."""
    like = text_of([[[1, 2], []], [[3]], []])
    text = sample(fit(verses, "unigram"), like, 0)
    assert [[len(message) for message in dialogue] for dialogue in dialogues_of(text)] == [[2, 0], [1], []]
    assert_valid(text)
    assert text.vocabulary is verses.vocabulary


def plain_counts(messages: Sequence[Sequence[int]]) -> dict[tuple[int, ...], Counter[int]]:
    """What followed each context of two, one and no symbols, and how often."""
    counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for message in messages:
        symbols = [START, START, *message, END] if message else []
        for i in range(2, len(symbols)):
            for n in (0, 1, 2):
                counts[tuple(symbols[i - n : i])][symbols[i]] += 1
    return counts


def plain_distribution(
    counts: dict[tuple[int, ...], Counter[int]], context: tuple[int, ...], temperature: float, *, backoff: bool
) -> dict[int, float]:
    """Witten and Bell's probabilities of what follows a context, or those of the longest context that was seen."""
    shorter = plain_distribution(counts, context[1:], temperature, backoff=backoff) if context else {}
    if context not in counts:
        return shorter
    seen = counts[context]
    sharp = {word: count ** (1 / temperature) for word, count in seen.items()}
    n, t = sum(seen.values()), len(seen)
    used = n / (n + t) if backoff and context else 1.0
    return {
        word: used * sharp.get(word, 0) / sum(sharp.values()) + (1 - used) * shorter.get(word, 0)
        for word in sharp.keys() | shorter.keys()
    }


def follows(messages: Sequence[Sequence[int]]) -> dict[tuple[int, ...], Counter[int]]:
    """What followed each context of two symbols in sampled messages; not what the cut of long ones left out."""
    found: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for message in messages:
        symbols = [START, START, *message] + ([END] if len(message) < LONGEST else [])
        for i in range(2, len(symbols)):
            found[tuple(symbols[i - 2 : i])][symbols[i]] += 1
    return found


@pytest.mark.parametrize("backoff", [True, False])
@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.8, 3.0])
def test_samples_have_the_distribution_of_the_formula(temperature: float, backoff: bool) -> None:
    """Every context's followers in 30,000 messages, by a chi-square test each (0.1 %, Bonferroni); no others occur."""
    text, like = text_of([SENTENCES]), text_of([[[0]] * 30_000])
    messages = messages_of(sample(fit(text, temperature=temperature, backoff=backoff), like, 5))
    counts, found = plain_counts(SENTENCES), follows(messages)
    tested = 0
    for context, followers in found.items():
        wanted = plain_distribution(counts, context, temperature, backoff=backoff)
        if context == (START, START):
            wanted.pop(END, None)  # a message has at least one word
        total, n = sum(wanted.values()), sum(followers.values())
        expected = {word: n * p / total for word, p in wanted.items() if p > 0}
        assert followers.keys() <= expected.keys(), context
        if min(expected.values()) >= 5 and len(expected) > 1:
            tested += 1
            p = chisquare([followers[word] for word in expected], list(expected.values())).pvalue
            assert p > 0.001 / len(found), context
    assert tested >= (15 if backoff else 6)


def test_witten_bell_backs_off_by_the_types_of_the_context() -> None:
    """After a context seen n = 3 times with t = 1 follower, 3/4 take it; the plain formula gives the exact rest."""
    counts = plain_counts([[0, 1]] * 3)
    found = plain_distribution(counts, (START, START), 1.0, backoff=True)
    # unigrams: 0, 1 and the end a third each; after the start 3/4 + 1/4 of a third, and that once more
    assert found[0] == pytest.approx(0.75 + 0.25 * (0.75 + 0.25 / 3), rel=0, abs=1e-12)
    text = text_of([[[0, 1]] * 3])
    messages = messages_of(sample(fit(text), text_of([[[0]] * 20_000]), 0))
    share = sum(message[0] == 0 for message in messages) / len(messages)
    wanted = found[0] / (1 - found[END])
    assert share == pytest.approx(wanted, rel=0, abs=4 * math.sqrt(wanted * (1 - wanted) / 20_000))


corpora = st.lists(st.lists(st.lists(st.integers(0, 6), max_size=8), max_size=4), min_size=1, max_size=6).filter(
    lambda dialogues: any(message for dialogue in dialogues for message in dialogue)
)


@settings(max_examples=100)
@given(corpora, st.integers(0, 2**70), st.sampled_from([0.3, 1.0, 2.0]))
def test_without_back_off_only_trigrams_of_the_text_are_drawn(
    dialogues: Dialogues, seed: int, temperature: float
) -> None:
    """Starts and ends of messages included: none crosses a message, and none is new."""
    text = text_of(dialogues)
    drawn = sample(fit(text, temperature=temperature, backoff=False), text, seed)
    known = plain_counts([message for dialogue in dialogues for message in dialogue])
    for context, followers in follows(messages_of(drawn)).items():
        assert followers.keys() <= known[context].keys()


@settings(max_examples=100)
@given(corpora, corpora, st.integers(-(2**70), 2**70), st.booleans())
def test_a_sample_has_the_shape_of_its_pattern(
    dialogues: Dialogues, other: Dialogues, seed: int, backoff: bool
) -> None:
    """Dialogues and messages of the pattern, 1 to 400 words of the fitted text each, and the same for the same seed."""
    text, like = text_of(dialogues, 9), text_of(other)
    model = fit(text, backoff=backoff)
    drawn = sample(model, like, seed)
    assert_valid(drawn)
    assert [len(dialogue) for dialogue in dialogues_of(drawn)] == [len(dialogue) for dialogue in other]
    assert all(1 <= len(message) <= LONGEST for message in messages_of(drawn))
    assert set(drawn.ids.tolist()) <= set(text.ids.tolist())
    assert drawn.vocabulary is text.vocabulary
    assert np.array_equal(sample(fit(text, backoff=backoff), like, seed).ids, drawn.ids)


def test_a_model_that_goes_in_circles_is_cut() -> None:
    """One message of the word repeated: its trigrams allow words without end, so that some message has all 400."""
    text = text_of([[[0] * 2000]])
    lengths = [len(message) for message in messages_of(sample(fit(text, backoff=False), text_of([[[0]] * 200]), 0))]
    assert max(lengths) == LONGEST


def test_the_words_of_a_seed_are_the_same_on_every_machine() -> None:
    """Words drawn once and written down, with whole and with fractional weights."""
    text, like = text_of([SENTENCES]), text_of([[[0] * 6, [0] * 6]])
    drawn = [sample(fit(text, model, temperature=t), like, 1).ids.tolist() for model, t in PINNED]
    assert drawn == list(PINNED.values())


def test_another_seed_draws_other_words(verses: SampledText) -> None:
    """Two seeds have as many words in the same place as chance gives: sum p^2, to four standard errors."""
    model = fit(verses, "unigram")
    first, second = (sample(model, verses, seed).ids for seed in (0, 1))
    p2 = float(((np.bincount(verses.ids) / WORDS) ** 2).sum())
    assert (first == second).mean() == pytest.approx(p2, rel=0, abs=4 * math.sqrt(p2 / WORDS))


def test_temperature_sharpens(verses: SampledText) -> None:
    """The colder, the lower the entropy; near 0 the most frequent word alone is drawn, very hot all words alike."""
    entropies = [
        entropy(np.bincount(sample(fit(verses, "unigram", temperature=t), verses, 0).ids))
        for t in (0.001, 0.5, 0.8, 1.0, 1.5, 1e9)
    ]
    assert entropies == sorted(entropies)
    assert entropies[0] == 0
    hot = np.bincount(sample(fit(verses, "unigram", temperature=1e9), text_of([[[0] * 376_000]]), 0).ids)
    assert chisquare(hot).pvalue > 0.001
    cold = sample(fit(text_of([SENTENCES]), temperature=0.001, backoff=False), text_of([[[0]] * 50]), 0)
    assert messages_of(cold) == [[0, 1, 2]] * 50  # always the most frequent follower


@pytest.fixture(scope="module")
def talk() -> SampledText:
    """Sixty dialogues of two messages, all different."""
    rng = np.random.default_rng(3)
    return text_of([[rng.integers(0, 40, 12).tolist(), rng.integers(0, 40, 9).tolist()] for _ in range(60)])


def share_of(text: SampledText, human: SampledText) -> float:
    """Share of a text's dialogues that stand in the human text."""
    return sum((keys(text) & keys(human)).values()) / len(text.rows)


@pytest.mark.parametrize("regime", ["replace", "accumulate", "mix=0.5"])
@pytest.mark.parametrize("model", ["ngram", "unigram"])
def test_generations_begin_with_the_text_and_are_valid(talk: SampledText, regime: str, model: str) -> None:
    """Generation 0 is the text itself; all have its vocabulary; a seed gives the same ones, another others."""

    def run(seed: int) -> Iterator[SampledText]:
        return generations(talk, generations=3, regime=regime, model=model, seed=seed)

    found = list(run(4))
    assert len(found) == 4
    assert found[0] is talk
    for text, again, other in zip(found[1:], list(run(4))[1:], list(run(5))[1:], strict=True):
        assert_valid(text)
        assert text.vocabulary is talk.vocabulary
        assert dialogues_of(text) == dialogues_of(again) != dialogues_of(other)


def test_replace_keeps_nothing_human(talk: SampledText) -> None:
    """As many dialogues as the text has, none of them from it, learned from the generation before alone."""
    found = list(generations(talk, generations=3, backoff=True))
    assert [len(text.rows) for text in found] == [60] * 4
    assert [share_of(text, talk) for text in found] == [1, 0, 0, 0]
    for before, after in pairwise(found):
        assert set(after.ids.tolist()) <= set(before.ids.tolist())
    mixed_without = list(generations(talk, generations=3, regime="mix=0"))
    assert [dialogues_of(text) for text in mixed_without] == [dialogues_of(text) for text in found]


def test_accumulate_keeps_everything(talk: SampledText) -> None:
    """Each generation is the one before and sixty dialogues more, shuffled: old ones stand in the first half too."""
    found = list(generations(talk, generations=3, regime="accumulate"))
    assert [len(text.rows) for text in found] == [60, 120, 180, 240]
    for before, after in pairwise(found):
        assert sum((keys(before) & keys(after)).values()) == len(before.rows)
    human = [str(dialogue) in keys(talk) for dialogue in dialogues_of(found[1])]
    assert 20 <= sum(human[:60]) <= 40  # 30 expected, standard deviation 2.7


@pytest.mark.parametrize(("regime", "humans"), [("mix=0.5", 30), ("mix=.1", 6), ("mix=0.99", 59), ("mix=0.0", 0)])
def test_mix_keeps_the_share_of_human_dialogues(talk: SampledText, regime: str, humans: int) -> None:
    """That share of the sixty is dialogues of the text, none twice, others in the next generation."""
    _, first, second = generations(talk, generations=2, regime=regime)
    for text in (first, second):
        assert len(text.rows) == 60
        assert sum((keys(text) & keys(talk)).values()) == humans
        assert max((keys(text)[key] for key in keys(talk)), default=0) <= 1
    if 6 <= humans <= 30:
        assert keys(first) & keys(talk) != keys(second) & keys(talk)


def test_more_human_text_keeps_more_words(verses: SampledText) -> None:
    """After five generations there are fewest types in as many words where nothing human is kept."""
    last = {
        regime: list(generations(verses, regime=regime, model="unigram"))[-1].ids[:2000]
        for regime in ("replace", "mix=0.5", "accumulate")
    }
    types = {regime: len(np.unique(ids)) for regime, ids in last.items()}
    assert types["replace"] < types["mix=0.5"]
    assert types["replace"] < types["accumulate"]


@pytest.mark.parametrize(("share", "replaced"), [(0.0, 0), (0.1, 6), (0.25, 15), (1.0, 60)])
def test_a_mixture_replaces_a_share_of_dialogues(talk: SampledText, share: float, replaced: int) -> None:
    """That many dialogues of the second text, those of the first in their places, all of them different ones."""
    second = sample(fit(talk), text_of([[[0], [0]]] * 70), 0)
    found = mixed(talk, second, share, 0)
    assert_valid(found)
    assert sum((keys(found) & keys(second)).values()) == replaced
    assert sum((keys(found) & keys(talk)).values()) == 60 - replaced
    same = [a == b for a, b in zip(dialogues_of(found), dialogues_of(talk), strict=True)]
    assert sum(same) == 60 - replaced
    assert dialogues_of(mixed(talk, second, share, 0)) == dialogues_of(found)


@pytest.mark.parametrize(
    "regime",
    ["", "mix", "mix=", "mix=1", "mix=1.5", "mix=-0.1", "mix=half", "mix=nan", "0.5", "Replace", "replace=0.5"],
)
def test_an_unknown_regime_names_those_there_are(talk: SampledText, regime: str) -> None:
    """At once, not when the first generation is asked for."""
    with pytest.raises(DataError, match=f"'{regime}' is no regime: replace, accumulate or mix=SHARE"):
        generations(talk, regime=regime)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_a_temperature_is_above_zero(talk: SampledText, temperature: float) -> None:
    """Fitting says so, and generations before they begin."""
    with pytest.raises(ValueError, match="is no temperature: a number above 0"):
        fit(talk, temperature=temperature)
    with pytest.raises(ValueError, match="is no temperature"):
        generations(talk, temperature=temperature)


def test_an_unknown_model_names_those_there_are(talk: SampledText) -> None:
    """Fitting says so, and generations before they begin."""
    with pytest.raises(ValueError, match="'transformer' is no toy model: one of ngram, unigram"):
        fit(talk, "transformer")
    with pytest.raises(ValueError, match="is no toy model"):
        generations(talk, model="transformer")


@pytest.mark.parametrize("model", ["ngram", "unigram"])
@pytest.mark.parametrize("dialogues", [[], [[]], [[[]], [[], []]]])
def test_a_text_without_words_cannot_be_learned(dialogues: Dialogues, model: str) -> None:
    """It is data that cannot be evaluated."""
    with pytest.raises(DataError, match="has no words"):
        fit(text_of(dialogues), model)


@pytest.mark.parametrize(("number", "seed"), [(-1, 0), (1, -1)])
def test_negative_numbers_are_refused(talk: SampledText, number: int, seed: int) -> None:
    """Of generations and of seeds."""
    with pytest.raises(ValueError, match="both must be 0 or more"):
        generations(talk, generations=number, seed=seed)


def test_no_generations_are_the_text_alone(talk: SampledText) -> None:
    """Only generation 0 comes."""
    assert list(generations(talk, generations=0)) == [talk]


def test_a_mixture_that_cannot_be_made_is_refused(talk: SampledText) -> None:
    """A share beyond 1, too few dialogues to draw from, another vocabulary."""
    few, other = text_of([[[0]]] * 5, 40), text_of([[[0]]] * 60, 41)
    for share in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="is no share of dialogues"):
            mixed(talk, talk, share, 0)
    with pytest.raises(DataError, match="needs 6 of the other text, which has 5"):
        mixed(talk, few, 0.1, 0)
    with pytest.raises(ValueError, match="different vocabularies"):
        mixed(talk, other, 0.1, 0)
