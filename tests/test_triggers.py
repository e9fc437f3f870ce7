"""Triggers fire where a plain expression finds something, phrases stand where a plain search finds them."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ultraqa.analysis import byte_triggers, characters
from ultraqa.analysis.phrases import phrases_in
from ultraqa.analysis.triggers import seen
from ultraqa.analysis.words import Workspace, scan, word_spans, words
from ultraqa.dialogues.batch import ASSISTANT, BatchBuilder, Dialogue, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ultraqa.dialogues.batch import Batch


def batch_of(texts: Sequence[str]) -> Batch:
    """One dialogue of some messages."""
    builder = BatchBuilder()
    roles = ("ua" * len(texts))[: len(texts)]
    builder.add("file", Record(0, 0, "messages", [Dialogue(roles, list(texts), "")], {}))
    return builder.batch()


# --- bytes -----------------------------------------------------------------------------------------------------------

DEFINED: Final = {
    "AT": "@",
    "SLASHES": "//",
    "TICKS": "``",
    "TAG": r"<(?:[A-Za-z/|<!?]|[^\x00-\x7f])",
    "BRACKET": r"\[[|/A-Z]",
    "PIPE": r"\|",
    "SPEAKER": r"(?:Human|User|Assistant|Instruction)[*\] ]{0,2}:|\[\|",
    "BACKSLASH": r"\\",
    "AMPERSAND": "&[A-Za-z#]",
    "DOTTED": r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
    "BRACES": r"[{};=][\n\r]",
    "COLONED": "[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]",
    "HIDDEN": "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u2028\u2029\ufeff\ufffc]",
    "REPLACED": "\ufffd",
    "GARBLED": "[\x80-\x9fÂÃ]|[\x80-\u017f](?=[^\x00-\x7f])|(?<=[^\x00-\x7f])[\x80-\u017f]|[Œœ](?![A-Za-z])",
}
"""An expression for each trigger; SPEAKER may fire on other names that begin and end alike."""
PIECES: Final = [
    "@", "//", "``", "<", "a", "Zb", "[", "|", "]", "*", " ", ". ", "! ", "? ", ".", "é", "Â", "Ã ", "œ", "Œu", "我",
    "。", "\x85", "\u200b", "\u200d", "“", "\ufeff", "\ufffc", "\ufffd", "，", "Д", "😀", "\x00", "\x0b", "\t", "\r",
    "\n", "\x7f", "&", "#", "\\", "{", "}", ";", "=", ":", "Human", "User", "Assistant", "Instruction", "human", "1",
    "23", "2001", "7", "192.0", ".2.44", "-", "(", ")", "_", "555", "/", "+", '"', "'", "%", "$", "^", "~", "2abc",
    "3000:", "0:", "Qwertyui",
]  # fmt: skip
TEXTS: Final = st.one_of(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.text(max_size=80))


def fired(texts: Sequence[str]) -> list[set[str]]:
    """Names of the triggers that fire in each text."""
    names = {name: bit for name, bit in vars(byte_triggers).items() if name.isupper() and not name.startswith("_")}
    return [{name for name, bit in names.items() if bits & bit} for bits in byte_triggers.triggers_of(batch_of(texts))]


def defined(text: str) -> set[str]:
    """The same by plain expressions."""
    found = {name for name, expression in DEFINED.items() if re.search(expression, text)}
    rows = re.findall(r"[0-9][0-9 ().-]*", text)
    tokens = re.findall("[A-Za-z0-9_-]+", text)
    starts = re.findall(r"(?:\A|(?<=[.!?] ))(?:[a-z]|[^\x00-\x7f])", text)
    found |= {"DIGITS"} if any(len(re.findall("[0-9]", row)) >= 7 for row in rows) else set()
    found |= {"TOKEN"} if any(len(token) >= 16 and re.search("[0-9]", token) for token in tokens) else set()
    return found | ({"SMALL_STARTS"} if len(starts) > 1 else set())


@given(st.lists(TEXTS, min_size=1, max_size=5))
@settings(max_examples=500)
def test_triggers_fire_where_expressions_find_something(texts: list[str]) -> None:
    """In every message, whatever stands in the messages beside it, and wherever it begins in the batch."""
    for text, found in zip(texts, fired(texts), strict=True):
        assert defined(text) <= found
        assert found - {"SPEAKER"} <= defined(text)


@pytest.mark.parametrize(
    "text",
    ["//", "<p>", "[INST]", "### Human: hi", "call 555 01 43", "sk0123456789abcdef", "so. it is. yes", "2001:db8::1",
     "192.0.2.44", "x = {\n", "\u2028", "\ufffd", "Ã©", "[|AI|]"],
)  # fmt: skip
def test_triggers_fire_across_the_ends_of_blocks(text: str) -> None:
    """A batch is read in blocks of 4096 bytes; what spans two of them is seen as elsewhere."""
    for pad in range(4096 - 20, 4096 + 4):
        assert fired([" " * pad, text]) == [set(), defined(text)]
        assert fired([" " * pad + text]) == [defined(" " + text)]


def test_a_batch_without_messages_has_no_triggers() -> None:
    """Nor has a message without text."""
    assert fired([]) == []
    assert fired(["", ""]) == [set(), set()]


# --- phrases ---------------------------------------------------------------------------------------------------------

SAID: Final = ["a", "An", "don't", "don’t", "model", "我", "是", "été"]
PARTS: Final = st.lists(
    st.one_of(
        st.sampled_from(SAID).map(lambda word: (word,)),
        st.tuples(st.sampled_from(SAID), st.sampled_from([*SAID, "", "a model"])),
    ),
    min_size=1,
    max_size=4,
)
"""A phrase as its parts, each with the alternatives for it."""


def written(parts: Sequence[tuple[str, ...]]) -> str:
    """A phrase as it is written in a set."""
    return " ".join(part[0] if len(part) == 1 else f"({'|'.join(part)})" for part in parts)


def plain(text: str) -> list[str]:
    """Words of a text, with ' and ’ alike."""
    return [word.replace("’", "'") for word in words(text)]


@given(
    st.dictionaries(st.sampled_from("xyz"), st.lists(PARTS, min_size=1, max_size=3), min_size=1),
    st.lists(st.lists(st.sampled_from([*SAID, ".", "of", "\n"]), max_size=12).map(" ".join), min_size=1, max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_phrases_stand_where_a_plain_search_finds_them(
    sets: dict[str, list[list[tuple[str, ...]]]], texts: list[str]
) -> None:
    """Every alternative of every phrase of every set, in the order of messages, words and lengths."""
    found = phrases_in(
        scan(batch_of(texts), Workspace()).hashes, {name: [*map(written, phrases)] for name, phrases in sets.items()}
    )
    for name, phrases in sets.items():
        meant = {tuple(plain(" ".join(choice))) for parts in phrases for choice in product(*parts)} - {()}
        places = [
            (m, k, n, " ".join(said[k : k + n]))
            for m, said in enumerate(map(plain, texts))
            for k in range(len(said))
            for n in range(1, len(said) - k + 1)
            if tuple(said[k : k + n]) in meant
        ]
        rows = found.places[name].tolist()
        assert [(m, k, n, found.spelled[phrase].replace("’", "'")) for m, k, n, phrase in rows] == places


def test_messages_are_those_in_which_something_fires() -> None:
    """By trigger, by phrase or by either, of one role or of both."""
    texts = ["Mail kim@example.org", "No, thanks.", "Thanks for all", "See @kim"]
    view = seen(scan(batch_of(texts), Workspace()), {"thanks": ("thanks",)})
    assert view.messages(byte_triggers.AT) == [0, 3]
    assert view.messages(byte_triggers.AT, phrases="thanks") == [0, 1, 2, 3]
    assert view.messages(0, "a", "thanks") == [1]
    assert [view.text(message) for message in range(4)] == texts
    assert [view.before(message) for message in range(4)] == [None, 0, 1, 2]
    assert np.flatnonzero(view.spoken_by("a")).tolist() == [1, 3]
    assert view.batch.roles[1] == ASSISTANT


# --- places of words -------------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.text(max_size=60), st.text(st.sampled_from("aB é'’我ก้. \n1"), max_size=60)), max_size=5))
@settings(max_examples=300)
def test_the_places_of_words_hold_the_words(texts: list[str]) -> None:
    """Of every text, with ASCII alone or not, in order."""
    lower = characters.tables()[2]
    spans, offsets = word_spans(texts)
    assert len(offsets) == len(texts) + 1
    for n, text in enumerate(texts):
        places = spans[offsets[n] : offsets[n + 1]].tolist()
        assert ["".join(chr(lower[ord(c)]) for c in text[a:b]) for a, b in places] == words(text)
