"""Lost and new wording of constructed sides is found, what is no evidence is not, and the sides may be exchanged."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
import wordfreq
from hypothesis import given
from hypothesis import strategies as st

from ultraqa.analysis.corpus import SampledText
from ultraqa.analysis.lost_wording import (
    CANDIDATE,
    REFERENCE,
    Lost,
    Wording,
    _contrast,
    _levels,
    lost_wording,
    standing,
)
from ultraqa.analysis.matching import Matched, match
from ultraqa.analysis.overused_words import overused
from ultraqa.analysis.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

PAIRS: Final = 60
NOTHING: Final = Lost([], [], [], [])


def sampled(texts: Sequence[str]) -> SampledText:
    """Dialogues of one message a line, the i-th in row 1000 + i and an answer to prompt i."""
    known: dict[str, int] = {}
    messages = [[words(line) for line in text.split("\n")] for text in texts]
    ids = [known.setdefault(word, len(known)) for text in messages for line in text for word in line]
    return SampledText(
        np.array(ids, np.int32),
        np.cumsum([0, *(len(line) for text in messages for line in text)]),
        np.cumsum([0, *map(len, messages)]),
        np.arange(1000, 1000 + len(texts)),
        np.arange(1, 1 + len(texts), dtype=np.uint64),
        list(known),
    )


def paired(reference: Sequence[str], candidate: Sequence[str]) -> Matched:
    """Two sides whose i-th dialogues are a pair."""
    return match([sampled(reference), sampled(candidate)])


def noise(side: str, n: int = PAIRS) -> list[str]:
    """Texts that share no word with another."""
    return [" ".join(letters(side, 10 * i + k) for k in range(10)) for i in range(n)]


def letters(side: str, number: int) -> str:
    """A word of its own for every number of a side."""
    return side + "".join("abcdefghij"[int(digit)] for digit in str(number))


def put(texts: Sequence[str], phrase: str, which: range) -> list[str]:
    """Texts with a phrase in the middle of some of them."""
    halves = [text.split(" ", 5) for text in texts]
    return [
        " ".join([*half[:5], phrase, half[5]]) if i in which else " ".join([*half[:5], *["x" + half[0]], half[5]])
        for i, half in enumerate(halves)
    ]


def test_a_word_of_many_dialogues_that_vanished_is_lost() -> None:
    """With the dialogues of both sides and the first rows of the reference; nothing else is listed."""
    reference, candidate = noise("r"), noise("c")
    found = lost_wording(paired(put(reference, "harbour", range(10, 50)), put(candidate, "harbour", range(3))))
    assert found == Lost([Wording("harbour", 40, 3, (1010, 1011, 1012))], [], [], [])


def test_the_strongest_stand_first_and_what_is_only_rarer_is_not_lost() -> None:
    """Ranked by evidence, not by name; a word that half as many dialogues still have is not listed."""
    reference = put(put(noise("r", 200), "zebra", range(200)), "anchor", range(150))
    reference = [("house " if i < 160 else letters("q", i) + " ") + text for i, text in enumerate(reference)]
    candidate = [("house " if i >= 120 else letters("z", i) + " ") + text for i, text in enumerate(noise("c", 200))]
    candidate = [f"{text} and {letters('y', i)} {letters('x', i)}" for i, text in enumerate(candidate)]
    found = lost_wording(paired(reference, candidate)).words
    assert [(one.text, one.reference, one.candidate) for one in found] == [("zebra", 200, 0), ("anchor", 150, 0)]


def test_a_word_said_often_in_one_dialogue_is_no_evidence() -> None:
    """The unit is the dialogue."""
    reference = [" ".join(["harbour"] * 200), *noise("r")]
    assert lost_wording(paired(reference, [" ".join(noise("d", 20)), *noise("c")])) == NOTHING


def test_boilerplate_is_listed_once_in_its_longest_form() -> None:
    """Not the phrases within it; and likewise a phrase that was lost."""
    phrase = "it is worth a second look"
    plain, new = put(noise("r"), "", range(0)), put(noise("c"), phrase, range(5, 45))
    assert lost_wording(paired(plain, new)).boilerplate == [Wording(phrase, 0, 40, (1005, 1006, 1007))]
    assert lost_wording(paired(new, plain)).phrases == [Wording(phrase, 40, 0, (1005, 1006, 1007))]


def test_a_phrase_longer_than_eight_words_is_not_listed_by_every_window() -> None:
    """Windows that overlap in most words are one phrase."""
    phrase = "one two three four five six seven eight nine ten eleven twelve"
    long = [" ".join(both) for both in zip(noise("r"), noise("s"), noise("t"), strict=True)]
    found = lost_wording(paired(long, put(noise("c"), phrase, range(40)))).boilerplate
    assert len(found) == 1
    assert found[0].text in phrase
    assert len(found[0].text.split()) == 8


def test_no_phrase_crosses_a_message() -> None:
    """The end of one message and the beginning of the next are no phrase."""
    candidate = put(noise("c"), "red green\nblue yellow", range(PAIRS))
    assert [one.text for one in lost_wording(paired(candidate, noise("r"))).phrases] == ["blue yellow", "red green"]
    assert lost_wording(paired(noise("r"), candidate)).boilerplate == []


def test_openings_that_became_a_habit() -> None:
    """Counted where a dialogue begins, not where the same words stand within it."""
    candidate = [f"Sure, here is {text}" if i < 30 else text for i, text in enumerate(noise("c"))]
    reference = [f"Well {text}" for text in put(noise("r"), "sure here is", range(PAIRS))]
    assert lost_wording(paired(reference, candidate)).openings == [Wording("sure here is", 0, 30, (1000, 1001, 1002))]


def test_a_text_below_three_words_has_no_opening() -> None:
    """The other text of its pair was cut to as many words, so how that one goes on is not known."""
    found = lost_wording(paired([f"{text} it" for text in noise("r")], ["Yes"] * 30 + noise("c", 30)))
    assert found.openings == []


def test_both_apostrophes_are_one() -> None:
    """Another way of typing is no wording."""
    reference, candidate = put(noise("r"), "don’t", range(PAIRS)), put(noise("c"), "don't", range(PAIRS))
    assert lost_wording(paired(reference, candidate)) == NOTHING
    assert [one.text for one in lost_wording(paired(reference, noise("c"))).words] == ["don't"]


def test_words_written_together_are_shown_together() -> None:
    """Chinese characters, each a word of its own, are joined without blanks."""
    found = lost_wording(paired(put(noise("r"), "如果 API 可以", range(PAIRS)), noise("c")))
    assert [one.text for one in found.phrases] == ["如果 api 可以"]


@pytest.mark.parametrize("n", [0, 1, 9])
def test_few_dialogues_show_nothing(n: int) -> None:
    """Below ten dialogues no wording can be told from chance."""
    assert lost_wording(paired(["all the same words"] * n, ["but quite other ones"] * n)) == NOTHING


def drawn(seed: int, n: int, favoured: str) -> list[str]:
    """Texts of 30 words of a long-tailed vocabulary, in some of which a phrase stands."""
    rng = np.random.default_rng(seed)
    chances = 1 / np.arange(2, 302)
    texts = [" ".join(letters("w", k) for k in rng.choice(300, 30, p=chances / chances.sum())) for _ in range(n)]
    return put(texts, favoured, range(0, n, 2))


def test_two_draws_of_one_source_show_nothing() -> None:
    """Of 60 lists at most three hold anything, as the threshold promises."""
    lists = [
        one
        for seed in range(20)
        for one in lost_wording(paired(drawn(2 * seed, 300, "a b c"), drawn(2 * seed + 1, 300, "a b c")))[:3]
    ]
    assert len(lists) == 60
    assert sum(bool(one) for one in lists) <= 3


@pytest.mark.parametrize("seed", range(3))
def test_exchanging_the_sides_exchanges_lost_and_new(seed: int) -> None:
    """The same wordings with the counts exchanged, in the same order."""
    first, second = drawn(seed, 80, "there is no answer to that"), drawn(seed + 50, 80, "here are some ideas for you")
    there, back = paired(first, second), paired(second, first)
    for lengths in ((1, 1), (2, 3), (3, 8)):
        lost = _contrast(there, _levels(there), lengths, REFERENCE, 10)
        new = _contrast(back, _levels(back), lengths, CANDIDATE, 10)
        assert lost
        assert [(one.text, one.candidate, one.reference, one.rows) for one in new] == [tuple(one) for one in lost]


def test_the_order_of_the_pairs_changes_nothing() -> None:
    """Neither the wordings nor their order nor the examples."""
    first, second = drawn(0, 80, "there is no answer to that"), drawn(50, 80, "here are some ideas for you")
    here, there = sampled(first), sampled(second)
    order = np.random.default_rng(0).permutation(80)
    moved = [sampled([texts[i] for i in order]) for texts in (first, second)]
    again = [
        SampledText(one.ids, one.message_offsets, one.dialogue_offsets, old.rows[order], one.prompts, one.vocabulary)
        for one, old in zip(moved, (here, there), strict=True)
    ]
    assert lost_wording(match(again)) == lost_wording(match([here, there])) != NOTHING


TEXTS = st.lists(st.lists(st.integers(0, 5), max_size=6), min_size=2, max_size=16).filter(lambda one: len(one) % 2 == 0)


@given(TEXTS)
def test_standing_is_what_sets_say_and_z_what_all_exchanges_say(texts: list[list[int]]) -> None:
    """Counted with sets; z is the difference over its deviation when the texts of every pair change sides or not."""
    keys = np.array([key for text in texts for key in text], np.int64)
    owners = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    found = standing(keys, owners, len(texts))
    assert found.keys.tolist() == sorted({key for text in texts for key in text})
    signs = np.array(list(product((1, -1), repeat=len(texts) // 2)))
    for i, key in enumerate(found.keys):
        has = np.array([key in text for text in texts])
        assert found.dialogues[i].tolist() == [has[::2].sum(), has[1::2].sum()]
        assert found.of(i, CANDIDATE).tolist() == [2 * k + 1 for k in np.flatnonzero(has[1::2])]
        differences = signs @ (has[1::2].astype(int) - has[::2])
        expected = differences[0] / differences.std() if differences.std() else 0.0
        assert found.z(CANDIDATE)[i] == pytest.approx(expected, abs=1e-12)
        assert found.z(REFERENCE)[i] == pytest.approx(-expected, abs=1e-12)


def sides_with_a_manner() -> Matched:
    """100 pairs about inventories; 60 of the candidate delve, and one says tapestry all the time."""
    reference = ["the man went to see the inventory of the old house and it was good"] * 100
    candidate = ["we delve in to the inventory of an old house and it is so good"] * 60 + [
        "we look in to the inventory of an old house and it is very good"
    ] * 39
    return paired(reference, [*candidate, "so " + "tapestry " * 14])


def test_overused_words_are_those_beyond_people_and_reference() -> None:
    """Not a word of one dialogue, nor the subject of both sides; rates are per million words."""
    matched = sides_with_a_manner()
    found = overused(matched)
    assert matched.words == 1_500
    assert found.note == ""
    listed = {one.word: one for one in found.words}
    assert not {"inventory", "tapestry", "house"} & set(listed)
    delve = listed["delve"]
    assert delve.human == pytest.approx(wordfreq.word_frequency("delve", "en") * 1e6, rel=0.02)
    assert (delve.reference, delve.dialogues, delve.rows) == (0, 60, (1000, 1001, 1002))
    assert delve.candidate == pytest.approx(60 / 1_500 * 1e6)
    assert delve.ratio == pytest.approx(delve.candidate / delve.human)


def test_a_word_that_the_reference_uses_as_often_is_not_overused() -> None:
    """However few dialogues it fills there."""
    reference = ["delve delve delve in"] * 20 + ["look at that house"] * 80
    candidate = ["delve in to it"] * 60 + ["look in to it"] * 40
    assert "delve" not in {one.word for one in overused(paired(reference, candidate)).words}
    reference[10:20] = ["look at that house"] * 10
    assert "delve" in {one.word for one in overused(paired(reference, candidate)).words}


def test_overused_mass_is_the_share_of_words_beyond_people() -> None:
    """By wordfreq's own frequencies: words of five dialogues at least, known to people, eight times as often."""
    matched = sides_with_a_manner()
    found = overused(matched)
    human = wordfreq.get_frequency_dict("en", "small")
    for side, mass in ((REFERENCE, found.reference), (CANDIDATE, found.candidate)):
        said = [matched.vocabulary[i] for i in matched.ids[matched.owners % 2 == side]]
        rates = {word: said.count(word) / len(said) for word in set(said) - {"tapestry"}}
        assert mass == pytest.approx(sum(rate for word, rate in rates.items() if rate >= 8 * human[word]))


@pytest.mark.parametrize(("language", "n"), [("tlh", 100), ("zh", 100), ("en", 0)])
def test_without_a_list_of_words_nothing_is_said_of_overuse(language: str, n: int) -> None:
    """None and the reason, for a language without a list, one that is written without blanks, and no dialogue."""
    found = overused(paired(noise("r", n), noise("c", n)), language)
    assert found[:3] == ([], None, None)
    assert (language if n else "no dialogue") in found.note


def test_few_dialogues_show_no_overuse() -> None:
    """A word of four dialogues is not over-used, however often it is said."""
    found = overused(paired(["see that old house"] * 4, ["delve in to that"] * 4))
    assert (found.words, found.candidate, found.note) == ([], 0, "")
