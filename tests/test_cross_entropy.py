"""The trigram model and the relational probes, against the formulas written out in plain Python and an exact value."""

from __future__ import annotations

import json
import math
import re
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultraqa.analysis import relational_probes
from ultraqa.analysis.cross_entropy import nats, symbols, train, train_unigrams
from ultraqa.analysis.matching import Matched
from ultraqa.analysis.relational_probes import relational

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Text = list[list[str]]  # messages of words
START, END = "<start>", "<end>"
WORDS = "abcdef"

messages = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6)
texts = st.lists(messages, min_size=1, max_size=3)
pairs = st.lists(st.tuples(texts, texts), min_size=2, max_size=7)


def pool_of(told: list[Text], vocabulary: list[str], sides: int = 1) -> Matched:
    """Texts as the probes get them."""
    flat = list(chain.from_iterable(told))
    ids = np.array([vocabulary.index(word) for message in flat for word in message], np.int32)
    offsets = np.cumsum([0, *map(len, flat)])
    ends = np.cumsum([0, *(sum(map(len, text)) for text in told)])
    return Matched(sides, ids, offsets, ends, np.arange(len(told)), vocabulary, "length")


def of_pairs(told: list[tuple[Text, Text]]) -> Matched:
    """Texts of the reference and of the candidate, pair after pair."""
    return pool_of(list(chain.from_iterable(told)), list(WORDS), sides=2)


def padded(text: Text) -> list[tuple[str, str, str]]:
    """Every scored word of a text behind the two words before it."""
    found = []
    for message in text:
        row = [START, START, *message, END]
        found += list(zip(row, row[1:], row[2:], strict=False))
    return found


class KneserNey:
    """The definition: at every order max(c - .75, 0) / sum of c, and the rest by the next lower order."""

    def __init__(self, learned: list[Text], size: int) -> None:
        self.size = size
        self.triples = [triple for text in learned for triple in padded(text)]
        self.kinds = set(self.triples)
        self.pairs = {(b, w) for _, b, w in self.kinds}

    def probability(self, a: str, b: str, word: str) -> float:
        """Of a word behind two others."""
        p = self.mixed([w for _, w in self.pairs], word, 1 / self.size)
        p = self.mixed([w for _, before, w in self.kinds if before == b], word, p)
        return self.mixed([w for *before, w in self.triples if before == [a, b]], word, p)

    @staticmethod
    def mixed(follow: list[str], word: str, lower: float) -> float:
        """Of a word among those that follow, from its probability at the next lower order."""
        if not follow:
            return lower
        return (max(follow.count(word) - 0.75, 0) + 0.75 * len(set(follow)) * lower) / len(follow)

    def nats(self, text: Text) -> float:
        """Of a whole text."""
        return -sum(math.log(self.probability(*triple)) for triple in padded(text))


def length(text: Text) -> int:
    """Scored symbols: the words and the end of every message."""
    return sum(len(message) + 1 for message in text)


def flips_of(n: int, seed: int, permutations: int = 4) -> NDArray[np.bool_]:
    """Random exchanges; the first row exchanges nothing."""
    flips = np.random.default_rng(seed).random((permutations, n)) < 0.5
    flips[0] = False
    return flips


def sides_of(told: list[tuple[Text, Text]], row: NDArray[np.bool_]) -> list[list[Text]]:
    """The texts of both sides after an exchange."""
    return [[pair[side ^ int(flip)] for pair, flip in zip(told, row, strict=True)] for side in (0, 1)]


def words_of(told: list[Text]) -> list[str]:
    """All words of some texts."""
    return [word for text in told for message in text for word in message]


# --- the model --------------------------------------------------------------------------------------------------------


def test_the_golden_value_of_austens_paragraphs_is_met(golden: Path) -> None:
    """38 paragraphs learned, 39 scored: nats a symbol, number of symbols and first text of another implementation."""
    exact = json.loads((golden / "golden_collapse.json").read_text(encoding="utf-8"))["kn_trigram_g07"]
    lines = (golden / "g07_austen_paragraphs.jsonl").read_text(encoding="utf-8").splitlines()
    word = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
    told = [[word.findall(json.loads(line)["text"].lower())] for line in lines]
    pool = symbols(pool_of(told, sorted(set(words_of(told)))))
    held = np.arange(exact["n_train_docs"], len(told))
    found = nats(pool, train(pool, np.arange(exact["n_train_docs"])), held)
    assert pool.sizes[0] == exact["V"]
    assert pool.lengths[held].sum() == exact["test_tokens_incl_eos"] == 2339
    assert found.sum() / 2339 == pytest.approx(exact["test_nats_per_token"], rel=1e-12)
    assert found.sum() / 2339 == pytest.approx(5.880657107, abs=1e-9)
    assert found[0] == pytest.approx(-exact["first_doc_logprob"], rel=1e-12)


@given(st.lists(texts, min_size=1, max_size=5), st.lists(texts, min_size=1, max_size=4))
def test_every_text_costs_what_the_formula_says(learned: list[Text], scored: list[Text]) -> None:
    """Trigrams against the definition, for texts with words and contexts that were never learned."""
    pool = symbols(pool_of(learned + scored, list(WORDS)))
    found = nats(pool, train(pool, np.arange(len(learned))), np.arange(len(learned), len(learned + scored)))
    oracle = KneserNey(learned, len(WORDS) + 1)
    assert found == pytest.approx([oracle.nats(text) for text in scored], rel=1e-9)


@given(st.lists(texts, min_size=1, max_size=5), st.lists(texts, min_size=1, max_size=4))
def test_unigrams_cost_what_the_formula_says(learned: list[Text], scored: list[Text]) -> None:
    """Counts of words and message ends, .75 taken of each, the rest shared by all words there are."""
    pool = symbols(pool_of(learned + scored, list(WORDS)))
    found = nats(pool, train_unigrams(pool, np.arange(len(learned))), np.arange(len(learned), len(learned + scored)))
    met = [word for text in learned for *_, word in padded(text)]
    share = {w: KneserNey.mixed(met, w, 1 / (len(WORDS) + 1)) for w in [*WORDS, END]}
    assert sum(share.values()) == pytest.approx(1, abs=1e-12)
    expected = [-sum(math.log(share[word]) for *_, word in padded(text)) for text in scored]
    assert found == pytest.approx(expected, rel=1e-9)


@given(st.lists(texts, max_size=5), st.lists(st.sampled_from(WORDS), max_size=3))
def test_the_probabilities_of_all_next_words_sum_to_one(learned: list[Text], before: list[str]) -> None:
    """After any words, learned or not, at the start of a message, and even if nothing was learned."""
    asked: list[Text] = [[[*before, word]] for word in WORDS] + ([[before]] if before else [])
    pool = symbols(pool_of(learned + asked, list(WORDS)))
    model = train(pool, np.arange(len(learned)))
    one_each = pool._replace(offsets=np.arange(len(pool.words) + 1))
    found = np.exp(-nats(one_each, model, pool.offsets[len(learned) : -1] + len(before)))
    empty = 0.0 if before else KneserNey(learned, len(WORDS) + 1).probability(START, START, END)  # no message is empty
    assert found.sum() + empty == pytest.approx(1, abs=1e-9)


def test_n_grams_do_not_cross_a_message() -> None:
    """The same words in other messages cost something else, and the order of messages nothing."""
    told: list[Text] = [[["a", "b"], ["c", "d"]], [["a", "b", "c", "d"]], [["c", "d"], ["a", "b"]]]
    pool = symbols(pool_of([*told, *told], list(WORDS)))
    found = nats(pool, train(pool, np.array([0])), np.array([3, 4, 5]))
    assert found[0] == pytest.approx(found[2], rel=1e-12)
    assert found[1] / 5 > found[0] / 6


# --- the probes -------------------------------------------------------------------------------------------------------


@given(pairs, st.integers(0, 99))
def test_cross_entropies_are_those_of_the_formula(told: list[tuple[Text, Text]], seed: int) -> None:
    """Backwards, a model for each exchange; forwards, one model of the reference and exchanged held-out texts."""
    flips = flips_of(len(told), seed)
    found = relational(of_pairs(told), flips)
    held = [pair[0] for pair in told[1::2]]
    reference = KneserNey([pair[0] for pair in told[::2]], len(WORDS) + 1)
    for i, row in enumerate(flips):
        for side, texts_of_side in enumerate(sides_of(told, row)):
            model = KneserNey(texts_of_side[::2], len(WORDS) + 1)
            backwards = sum(map(model.nats, held)) / sum(map(length, held))
            assert found["reverse_cross_entropy"][i, side] == pytest.approx(backwards, rel=1e-9)
            costs = [reference.nats(text) for text in texts_of_side[1::2]]
            lengths = [length(text) for text in texts_of_side[1::2]]
            assert found["forward_cross_entropy"][i, side] == pytest.approx(sum(costs) / sum(lengths), rel=1e-9)


@given(pairs, st.integers(0, 99))
def test_lost_and_new_words_are_counted_as_sets_would(told: list[tuple[Text, Text]], seed: int) -> None:
    """What a side lacks of held-out reference texts, and what its held-out texts have that the reference lacks."""
    flips = flips_of(len(told), seed)
    found = relational(of_pairs(told), flips)
    held, known = words_of([pair[0] for pair in told[1::2]]), words_of([pair[0] for pair in told[::2]])
    for i, row in enumerate(flips):
        for side, texts_of_side in enumerate(sides_of(told, row)):
            there, said = words_of(texts_of_side[::2]), words_of(texts_of_side[1::2])
            lost = np.mean([word not in there for word in held])
            assert found["reference_oov"][i, side] == pytest.approx(lost, abs=1e-12)
            assert found["novelty"][i, side] == pytest.approx(np.mean([w not in known for w in said]), abs=1e-12)


@given(pairs, st.integers(0, 99))
def test_exchanging_all_pairs_exchanges_the_sides(told: list[tuple[Text, Text]], seed: int) -> None:
    """Exactly, for each probe by the half that its exchanges concern; the other half's leave it as it is."""
    n = len(told)
    flips = np.repeat(flips_of(n, seed, 1 + seed % 3), 3, axis=0)
    flips[1::3, ::2] ^= True
    flips[2::3, 1::2] ^= True
    for name, values in relational(of_pairs(told), flips).items():
        learned, held = (values[1::3], values[2::3])
        backwards = name in {"reverse_cross_entropy", "reference_oov"}
        np.testing.assert_array_equal(learned if backwards else held, values[::3, ::-1])
        np.testing.assert_array_equal(held if backwards else learned, values[::3])


def test_observed_the_reference_costs_the_same_backwards_and_forwards() -> None:
    """Both then are the reference's held-out texts under the reference's model, and lost words are the new ones."""
    found = relational(_zipfian(60), flips_of(60, 1))
    assert found["reverse_cross_entropy"][0, 0] == pytest.approx(found["forward_cross_entropy"][0, 0], rel=1e-12)
    assert found["reference_oov"][0, 0] == found["novelty"][0, 0] > 0


def test_words_in_no_order_are_noise_only_to_the_trigram_model() -> None:
    """The reference's own texts with their words shuffled: single words are as expected as before."""
    rng = np.random.default_rng(5)
    line = ["a", "b", "c", "d", "e", "f"] * 3
    told: list[tuple[Text, Text]] = [([line], [[str(word) for word in rng.permutation(line)]]) for _ in range(40)]
    found = relational(of_pairs(told), flips_of(40, 1))
    assert found["forward_unigram"][0, 1] == pytest.approx(found["forward_unigram"][0, 0], rel=1e-12)
    assert found["forward_cross_entropy"][0, 1] > found["forward_cross_entropy"][0, 0] + 1
    assert found["novelty"][0].tolist() == [0, 0]


def test_a_side_that_lost_its_rare_words_is_told_from_its_reference() -> None:
    """Where the candidate says its commonest word for every rare one, lost words and reverse cross-entropy rise."""
    whole = _zipfian(400)
    ids = whole.ids.copy()
    second = whole.owners % 2 == 1
    ids[second & (ids > 20)] = 0
    narrowed = Matched(2, ids, whole.message_offsets, whole.text_offsets, whole.rows, whole.vocabulary, "length")
    flips = flips_of(400, 2, 41)
    for name in ("reference_oov", "reverse_cross_entropy"):
        for pool, low, high in ((whole, -4, 4), (narrowed, 6, np.inf)):
            differences = np.diff(relational(pool, flips)[name], axis=1)[:, 0]
            assert low < differences[0] / differences[1:].std() < high


def test_threads_change_nothing() -> None:
    """The same bits with one thread and with four."""
    pool, flips = _zipfian(80), flips_of(80, 3, 9)
    one, four = relational(pool, flips), relational(pool, flips, workers=4)
    for name, values in one.items():
        np.testing.assert_array_equal(values, four[name])


def test_reverse_cross_entropy_reads_whole_pairs_up_to_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands behind the budget changes nothing, except that its words are in the vocabulary."""
    told: list[tuple[Text, Text]] = [([["a", x]], [["c", x]]) for x in "abcd"]
    more: list[tuple[Text, Text]] = [([["e", "f", "a", "a"]], [["e", "f", "b", "b"]])] * 3
    monkeypatch.setattr(relational_probes, "REVERSE_WORDS", 4 * 3 + 2)
    flips = flips_of(7, 4)
    cut = relational(of_pairs(told + more), flips)["reverse_cross_entropy"]
    monkeypatch.setattr(relational_probes, "REVERSE_WORDS", 1)
    least = relational(of_pairs(told + more), flips)["reverse_cross_entropy"]
    monkeypatch.undo()
    for n, found in ((4, cut), (2, least)):  # two pairs at least, however long
        first = relational(of_pairs(told[:n]), flips[:, :n])["reverse_cross_entropy"]
        np.testing.assert_allclose(found, first, rtol=1e-12)
    assert not np.allclose(cut, relational(of_pairs(told + more), flips)["reverse_cross_entropy"])


@pytest.mark.parametrize("n", [0, 1])
def test_below_two_pairs_nothing_is_defined(n: int) -> None:
    """Without a held-out text every probe is NaN, in its usual shape."""
    found = relational(of_pairs([([["a"]], [["b"]])] * n), np.zeros((3, n), np.bool_))
    assert len(found) == 5
    for values in found.values():
        np.testing.assert_array_equal(values, np.full((3, 2), np.nan))


def test_messages_of_one_word_are_measured() -> None:
    """No message holds three words: the two start symbols and the end still make trigrams."""
    found = relational(of_pairs([([["a"]], [["b"]])] * 2), np.zeros((1, 2), np.bool_))
    assert found["novelty"].tolist() == [[0, 1]]
    assert found["reference_oov"].tolist() == [[0, 1]]
    assert np.isfinite(found["reverse_cross_entropy"]).all()
    assert found["reverse_cross_entropy"][0, 1] > found["reverse_cross_entropy"][0, 0]


def _zipfian(n: int) -> Matched:
    """Pairs of texts of 20 words each, all drawn from one distribution of 500 words with a long tail."""
    rng = np.random.default_rng(7)
    ids = np.minimum(rng.zipf(1.5, 40 * n) - 1, 499).astype(np.int32)
    offsets = np.arange(0, len(ids) + 1, 20)
    return Matched(2, ids, offsets, offsets, np.arange(2 * n), [f"w{i}" for i in range(500)], "length")
