"""Matched texts have equal words group by group, are the first words of their dialogues, and never run together."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultraqa.analysis.corpus import NO_PROMPT, SampledText
from ultraqa.analysis.diversity import ngrams
from ultraqa.analysis.matching import Matched, both_parts, match

if TYPE_CHECKING:
    from collections.abc import Sequence

Text = list[str]  # messages, a letter a word; a message may have none

texts = st.lists(st.text("abcde", max_size=5), min_size=1, max_size=4)
samples = st.lists(texts, max_size=8)


def sampled(told: Sequence[Text], prompts: Sequence[int] | None = None, first: int = 100) -> SampledText:
    """Dialogues in rows ``first``, first + 3, ..., with no prompts unless told."""
    flat = [message for text in told for message in text]
    known: dict[str, int] = {}
    return SampledText(
        np.array([known.setdefault(word, len(known)) for message in flat for word in message], np.int32),
        np.cumsum([0, *map(len, flat)]),
        np.cumsum([0, *map(len, told)]),
        np.arange(len(told)) * 3 + first,
        np.array([NO_PROMPT] * len(told) if prompts is None else prompts, np.uint64),
        list(known),
    )


def told_by(text: SampledText) -> list[Text]:
    """The dialogues of a sample, messages without words left out."""
    words = [text.vocabulary[i] for i in text.ids]
    messages = ["".join(words[a:b]) for a, b in pairwise(text.message_offsets.tolist())]
    return [[m for m in messages[a:b] if m] for a, b in pairwise(text.dialogue_offsets.tolist())]


def prefix(text: Text, words: int) -> Text:
    """The first words of a dialogue, in the messages in which they stand."""
    found = []
    for message in text:
        found.append(message[: max(0, words)])
        words -= len(message)
    return [message for message in found if message]


def groups_of(matched: Matched) -> list[tuple[list[int], list[Text]]]:
    """The rows and texts of every group."""
    told, rows, k = told_by(matched.sampled()), matched.rows.tolist(), matched.sides
    return [(rows[i : i + k], told[i : i + k]) for i in range(0, len(rows), k)]


@given(st.lists(samples, min_size=2, max_size=4), st.booleans())
def test_texts_of_a_group_are_first_words_of_as_many_words(told: list[list[Text]], prompts: bool) -> None:
    """For any samples: a dialogue of each, cut to the shortest, message by message, and each dialogue once."""
    matched = match([sampled(one, first=1000 * i) for i, one in enumerate(told)], prompts=prompts)
    groups = groups_of(matched)
    assert (len(matched), matched.sides, matched.by) == (len(groups), len(told), "length")
    for rows, cut in groups:
        whole = [told[side][(row - 1000 * side) // 3] for side, row in enumerate(rows)]
        words = min(sum(map(len, text)) for text in whole)
        assert words > 0
        assert cut == [prefix(text, words) for text in whole]
    used = [row for rows, _ in groups for row in rows]
    assert len(set(used)) == len(used)
    assert matched.words == sum(sum(map(len, cut[0])) for _, cut in groups)
    assert (np.diff(matched.message_offsets) > 0).all()
    assert matched.lengths.tolist() == np.bincount(matched.owners, minlength=len(used)).tolist()


@given(samples, samples)
def test_dialogues_without_prompts_are_paired_by_rank_of_length(first: list[Text], second: list[Text]) -> None:
    """Of the first n dialogues of both, the longest with the longest, equal ones in order; pairs in the first's."""
    n = min(len(first), len(second))
    ranked = [sorted(range(n), key=lambda i, told=told: sum(map(len, told[i]))) for told in (first, second)]
    wanted = sorted(
        (a, b) for a, b in zip(*ranked, strict=True) if sum(map(len, first[a])) and sum(map(len, second[b]))
    )
    rows = match([sampled(first), sampled(second)]).rows.reshape(-1, 2)
    assert rows.tolist() == [[100 + 3 * a, 100 + 3 * b] for a, b in wanted]


def test_n_grams_cross_neither_messages_nor_texts() -> None:
    """Every n-gram of the matched texts stands in a message of a dialogue as it was cut."""
    matched = match([sampled([["ab", "cde"], ["a"]]), sampled([["abc", "", "d"], ["ea"]])])
    assert told_by(matched.sampled()) == [["ab", "cd"], ["abc", "d"], ["a"], ["e"]]
    words = [matched.vocabulary[i] for i in matched.ids]
    for n, wanted in ((2, ["ab", "cd", "ab", "bc"]), (3, ["abc"])):
        starts = np.flatnonzero(ngrams(matched.sampled())[n] >= 0).tolist()
        assert ["".join(words[i : i + n]) for i in starts] == wanted


def test_a_word_has_one_number_on_both_sides() -> None:
    """The vocabularies of the samples are joined, and words keep what they are."""
    matched = match([sampled([["ab"]]), sampled([["ba"]])])
    assert matched.ids.tolist() == [0, 1, 1, 0]
    assert matched.vocabulary == ["a", "b"]


# --- by prompt --------------------------------------------------------------------------------------------------------


def test_dialogues_that_answer_the_same_prompts_are_paired_by_them() -> None:
    """Whatever their length and order; a dialogue whose prompt the other side lacks is left out."""
    first = sampled([["aaaa"], ["b"], ["cc"]], [7, 8, 9])
    second = sampled([["d"], ["ee"], ["aa"], ["bb"]], [9, 5, 8, 7], first=500)
    matched = match([first, second])
    assert matched.by == "prompt"
    assert groups_of(matched) == [
        ([100, 509], [["aa"], ["bb"]]),
        ([103, 506], [["b"], ["a"]]),
        ([106, 500], [["c"], ["d"]]),
    ]
    assert match([first, second], prompts=False).by == "length"


@pytest.mark.parametrize(("common", "by"), [(0, "length"), (4, "length"), (5, "prompt"), (10, "prompt")])
def test_half_of_the_smaller_sample_must_answer_prompts_of_the_other(common: int, by: str) -> None:
    """Ten dialogues beside fifteen: five common prompts are enough, four are not."""
    first = sampled([["ab"]] * 10, range(1, 11))
    second = sampled([["cd"]] * 15, [*range(1, common + 1), *range(101, 116 - common)])
    for both in ([first, second], [second, first]):
        matched = match(both)
        assert (matched.by, len(matched)) == (by, common if by == "prompt" else 10)


@pytest.mark.parametrize(("equal", "by"), [(0, "prompt"), (5, "prompt"), (6, "length"), (10, "length")])
def test_equal_answers_are_no_answers_to_the_same_prompt(equal: int, by: str) -> None:
    """Data that keep the older data: more than half of the ten answers are the very same words."""
    first = sampled([["ab"]] * 10, range(1, 11))
    second = sampled([["ab"]] * equal + [["ba"]] * (10 - equal), range(1, 11))
    assert match([first, second]).by == by


def test_each_prompt_is_paired_once() -> None:
    """Of dialogues with one prompt the first is taken, so that none stands in two groups."""
    first = sampled([["aa"], ["ab"], ["ac"], ["ad"]], [4, 4, 6, 5])
    second = sampled([["bb"], ["bc"], ["bd"]], [5, 4, 4])
    matched = match([first, second])
    assert matched.by == "prompt"
    assert matched.rows.tolist() == [100, 103, 109, 100]


def test_no_prompt_is_no_common_prompt() -> None:
    """Dialogues without a user message do not answer one another's prompt."""
    assert match([sampled([["ab"]] * 4, [NO_PROMPT] * 4), sampled([["cd"]] * 4, [NO_PROMPT] * 4)]).by == "length"


def test_groups_by_prompt_hold_every_side() -> None:
    """Of three samples, only prompts that all answer, each in its own words."""
    told = [sampled([[letter * 3], [letter * 2]], on) for letter, on in (("a", [1, 2]), ("b", [2, 1]), ("c", [1, 3]))]
    matched = match(told)
    assert (matched.by, matched.sides) == ("prompt", 3)
    assert groups_of(matched) == [([100, 103, 100], [["aa"], ["bb"], ["cc"]])]
    told[2] = sampled([["aaa"], ["cc"]], [1, 3])  # the words of the first
    assert match(told).by == "length"


# --- what is not there ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [[], [["ab"], ["c"]], [[""], [""]]])
@pytest.mark.parametrize("prompts", [True, False])
def test_a_sample_without_words_gives_no_group(other: list[Text], prompts: bool) -> None:
    """No dialogue, or none with a word: no group, and nothing that fails."""
    for both in ([sampled([]), sampled(other)], [sampled(other), sampled([])], [sampled(other), sampled([[""]] * 2)]):
        matched = match(both, prompts=prompts)
        assert (len(matched), matched.words, len(matched.ids)) == (0, 0, 0)
        assert matched.message_offsets.tolist() == [0] == matched.text_offsets.tolist()
        assert told_by(matched.sampled()) == []


# --- both parts -------------------------------------------------------------------------------------------------------


def test_both_parts_are_the_messages_of_dialogues_that_stand_in_both() -> None:
    """First what the user said, then what the assistant said, message by message, in the order of the sample."""
    user = sampled([["ab", "c"], ["d"], ["ee"]], [5, 6, 7])
    assistant = sampled([["f"], ["a", "bb"], ["c"]], [6, 7, 8], first=103)
    both = both_parts(user, assistant)
    assert told_by(both) == [["d", "f"], ["ee", "a", "bb"]]
    assert both.rows.tolist() == [103, 106]
    assert both.prompts.tolist() == [6, 7]
    assert both.word_offsets.tolist() == [0, 2, 7]
    assert told_by(both.first(1)) == [["d", "f"]]


@given(samples)
def test_both_parts_of_any_sample_lose_nothing(told: list[Text]) -> None:
    """Where all dialogues stand in both parts, each has its messages twice."""
    both = both_parts(sampled(told), sampled(told))
    assert told_by(both) == [[m for m in text if m] * 2 for text in told]


def test_both_parts_without_a_common_dialogue_are_empty() -> None:
    """No dialogue, and a sample that can be matched."""
    both = both_parts(sampled([["ab"]]), sampled([["c"]], first=900))
    assert told_by(both) == []
    assert len(match([both, both])) == 0
