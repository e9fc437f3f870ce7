"""The kernel equals the plain-Python definition of words and indices on every text, whatever surrounds it."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ultraqa.analysis import characters, lexical, words
from ultraqa.dialogues.batch import Batch, BatchBuilder, Dialogue, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INDICES: Final = ("mtld", "mtld_paper", "hdd", "mattr_50", "yule_k", "duplicated_5grams")
WITH_MINIMUM: Final = ("mtld", "hdd", "mattr_50", "yule_k")
"""Undefined below a number of words and where most words are single characters."""

TOLERANCES: Final = {"hdd": 1e-9, "duplicated_5grams": 1e-15}
"""The oracle's HD-D goes through lgamma, good to ten digits; its share of 5-grams is a difference, rounded once more.
All other numbers are compared exactly."""

REAL_BYTES: Final = int(os.environ.get("ULTRAQA_REAL_BYTES", "5000000"))
"""Bytes of real text on which kernel and oracle are compared, chosen with a seed; 0 stands for all of it."""

WORKSPACE: Final = words.Workspace()
"""One for all tests, so that what an earlier batch leaves in the buffers would be found."""

FRAGMENTS: Final = (
    "the", "The", "THE", "of", "well-known", "don't", "don’t", "rock'n'roll", "'tis", "dogs'", "a''b", "a’'b", "o'2",
    " ", "  ", "\n", "\t", "\r\n", "\x1c", "\x1f", "\x85", "\xa0", "\u2028", "\u3000", "\x00", "\x01", "\x7f", "\ufeff",
    "-", "–", "—", "--", "_", ".", ",", "!", "?", "@", "/", "\\", "`", "{", "|", "~", "^", "0", "7", "1984", "²", "٣",
    "e\u0301", "\u0301", "\u0301\u0301", "é", "É", "ß", "ẞ", "ﬁ", "ǅ", "Ⱥ", "ⱥ", "Ⱦ", "İ", "I", "ı", "i̇", "K", "Å",
    "Σ", "ΑΣ", "ΟΔΥΣΣΕΥΣ", "σ", "ς", "Σ.", "Мир", "мир", "ДОМ", "שלום", "سلام", "ـ",
    "हिन्दी", "नमस्ते", "क्", "தமிழ்", "বাংলা",
    "漢", "漢字", "漢a", "a漢", "漢'字", "漢\u0301", "你好，世界", "かな", "カタカナ", "ｶﾅ", "ー", "々",
    "สวัสดี", "กำ", "ລາວ", "ខ្មែរ", "မြန်မာ",
    "한국어", "각", "😀", "👩‍👩‍👧", "🇫🇷", "𝒜", "𐐀", "𐐨", "\U00020000", "\U0010ffff", "\u200d", "\u200b", "\u00ad",
    "x" * 63, "x" * 64, "X" * 65, "y" * 130, "é" * 40, "漢" * 30, "Ⱥ" * 70, "a'" * 40, "a1" * 40,
)  # fmt: skip


def newer() -> list[str]:
    """Characters that this Python's Unicode lower-cases or splits at and the frozen tables do not know yet."""
    if unicodedata.unidata_version == characters.UNICODE:
        return []
    classes, _, lower = characters.tables()
    return [
        c
        for c in map(chr, range(characters.CODE_POINTS))
        if ord(characters.simple_lower(c)) != lower[ord(c)] or (ord(c) > 0x7F and c.isspace()) != (classes[ord(c)] == 4)
    ]


ANY_TEXT: Final = st.text(st.characters(codec="utf-8", exclude_characters=newer()), max_size=40)
TEXTS: Final = st.one_of(
    ANY_TEXT,
    st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=60).map(" ".join),
    st.lists(
        st.sampled_from(("to be or not", "to", "be", "that", "is", "the", "Question")), min_size=40, max_size=90
    ).map(" ".join),
    st.lists(st.sampled_from(FRAGMENTS), min_size=60, max_size=120).map(" ".join),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), ANY_TEXT), max_size=30).map("".join),
)
DIALOGUES: Final = st.lists(st.lists(TEXTS, max_size=6), max_size=6)


def batch_of(dialogues: Sequence[Sequence[str]]) -> Batch:
    """Dialogues whose user and assistant messages take turns."""
    builder = BatchBuilder()
    for texts in dialogues:
        roles = ("ua" * len(texts))[: len(texts)]
        builder.add("file", Record(0, 0, "messages", [Dialogue(roles, list(texts), "")], {}))
    return builder.batch()


def expected(text: str, min_words: int) -> dict[str, float | None]:
    """Every number of a message by the plain-Python definitions."""
    found = words.words(text)
    classes = characters.tables()[0]
    singles = sum(classes[ord(word[0])] == characters.SINGLE for word in found)
    spaced = singles <= words.SINGLE_SHARE * len(found)
    return {
        "words": len(found),
        "characters": len(text),
        "mtld": lexical.mtld(found, min_words=min_words) if spaced else None,
        "mtld_paper": lexical.mtld_paper(words.paper_words(text)),
        "hdd": lexical.hdd(found, min_words=min_words) if spaced else None,
        "mattr_50": lexical.mattr_50(found, min_words=min_words) if spaced else None,
        "yule_k": lexical.yule_k(found, min_words=min_words) if spaced else None,
        "duplicated_5grams": lexical.duplicated_5grams(found),
    }


def letters_of(texts: Sequence[str]) -> list[int]:
    """Letters of a dialogue by script."""
    classes, scripts, _ = characters.tables()
    codes = [ord(c) for text in texts for c in text]
    counts = Counter(int(scripts[k]) for k in codes if classes[k] in {characters.LETTER, characters.SINGLE})
    return [counts[i] for i in range(len(characters.SCRIPTS))]


def assert_kernel_is_oracle(dialogues: Sequence[Sequence[str]], min_words: int = words.MIN_WORDS) -> None:
    """Compare every number of every message and dialogue."""
    found = words.scan(batch_of(dialogues), WORKSPACE, min_words=min_words)
    messages = [text for texts in dialogues for text in texts]
    for i, text in enumerate(messages):
        for name, value in expected(text, min_words).items():
            measured = float(getattr(found, name)[i])
            if value is None:
                assert math.isnan(measured), (name, text)
            else:
                assert measured == pytest.approx(value, rel=0, abs=TOLERANCES.get(name, 0)), (name, text)
    assert found.letters.tolist() == [letters_of(texts) for texts in dialogues]


def assert_vocabulary_is_oracle(messages: Sequence[str]) -> None:
    """Compare the word ids of all messages with the words."""
    batch = batch_of([messages])
    found = words.vocabulary(batch.text, batch.message_offsets)
    wanted = [words.words(text) for text in messages]
    bounds = found.offsets.tolist()
    ids = found.ids.tolist()
    assert [[found.words[k] for k in ids[a:b]] for a, b in pairwise(bounds)] == wanted
    assert found.words == list(dict.fromkeys(word for message in wanted for word in message))
    assert words.count_words(batch.text, batch.message_offsets).tolist() == [len(message) for message in wanted]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", []),
        ("Hello, World!", ["hello", "world"]),
        ("don't DON’T o'clock 'quoted' dogs'", ["don't", "don’t", "o'clock", "quoted", "dogs"]),
        ("well-known rock–roll", ["well", "known", "rock", "roll"]),
        ("snake_case x2y 3.14 42nd", ["snake", "case", "x", "y", "nd"]),
        ("e\u0301te\u0301 été \u0301x", ["e\u0301te\u0301", "été", "x"]),
        ("ΟΔΥΣΣΕΥΣ İstanbul Ⱥ", ["οδυσσευσ", "istanbul", "ⱥ"]),
        ("漢字かなabc", ["漢", "字", "か", "な", "abc"]),
        ("abc漢'字", ["abc", "漢", "字"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("한국어 좋아", ["한국어", "좋아"]),
        ("a\x00b\xa0c\u3000d\ufeffe", ["a", "b", "c", "d", "e"]),
        ("😀👩‍👩‍👧 ok", ["ok"]),
    ],
)
def test_words_are_runs_of_letters_or_single_characters(text: str, wanted: list[str]) -> None:
    """Single where a script is written without spaces: the definition case by case, and the kernel with it."""
    assert words.words(text) == wanted
    assert_vocabulary_is_oracle([text])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("well-known rock–n—roll", ["wellknown", "rocknroll"]),
        ("In 1984, 3pm x2y", ["in", "pm", "xy"]),
        ("don't don’t snake_case", ["don", "t", "don’t", "snake", "case"]),
        ("a\xa0b\x1cc\x85d\x00e", ["a", "b", "c", "d\x00e"]),
        ("ΟΔΥΣΣΕΥΣ ΑΣ. İ", ["οδυσσευς", "ας", "i̇"]),
        ("你好，世界", ["你好，世界"]),
        ("1984 - 2024 — ...", []),
    ],
)
def test_paper_words_delete_digits_and_dashes_and_split_at_ascii_punctuation(text: str, wanted: list[str]) -> None:
    """The tokeniser behind the UltraChat table, case by case."""
    assert words.paper_words(text) == wanted


@settings(max_examples=600)
@given(dialogues=DIALOGUES, min_words=st.sampled_from((1, 5, words.MIN_WORDS)))
@example(dialogues=[], min_words=1)
@example(dialogues=[[]], min_words=1)
@example(dialogues=[[""]], min_words=1)
@example(dialogues=[["word"]], min_words=1)
@example(dialogues=[["ΑΣ ΑΣΑ İ"], ["", "ΑΣ"]], min_words=1)
def test_kernel_equals_oracle_on_any_text(dialogues: list[list[str]], min_words: int) -> None:
    """Counts, all indices and letters by script are those of the definitions."""
    assert_kernel_is_oracle(dialogues, min_words)


@settings(max_examples=300)
@given(messages=st.lists(TEXTS, max_size=12))
@example(messages=[])
@example(messages=[""])
def test_vocabulary_spells_the_words_of_any_text(messages: list[str]) -> None:
    """Ids are dense, in order of first appearance, and spell every message's words."""
    assert_vocabulary_is_oracle(messages)


PATTERNS: Final = (
    "Plain words, only; ASCII letters and blanks: the usual case (19 of 20). One more sentence that is long enough.",
    "it's 3 o'clock-ish; naïve café’s \xa0 漢字 and—ΣΑΣ 42nd street's dogs' x2 " + "z" * 70,
    "w" * 140,
    "'-0é" * 30,
)


@pytest.mark.parametrize("pattern", PATTERNS, ids=("plain", "mixed", "long", "odd"))
def test_a_message_measures_the_same_wherever_it_starts_and_ends_in_a_block(pattern: str) -> None:
    """Every start within 64 bytes and every length up to two blocks: no neighbour leaks in, nothing is lost."""
    cuts = [pattern[:n] for n in range(min(130, len(pattern)))]
    alone = {text: expected(text, 1) for text in cuts}
    for before in range(64):
        rest = [cuts[(7 * k + before) % len(cuts)] for k in range(20)]
        messages = ["q" * before, *rest]
        found = words.scan(batch_of([[text] for text in messages]), WORKSPACE, min_words=1)
        for i, text in enumerate(messages[1:], 1):
            wanted = alone[text]
            for name in ("words", "characters", *INDICES):
                value = float(getattr(found, name)[i])
                assert value == pytest.approx(
                    math.nan if wanted[name] is None else wanted[name], rel=0, abs=TOLERANCES.get(name, 0), nan_ok=True
                ), (name, before, text)


def long_text(seed: int, size: int) -> str:
    """About ``size`` characters, words as frequent as in a language, with all that leaves the kernel's fast path."""
    rng = np.random.default_rng(seed)
    stems = ["".join(rng.choice(list("etaoinshrdlucmfw"), size=rng.integers(1, 12))) for _ in range(20_000)]
    stems[5:14] = ["naïve", "don't", "well-known", "3rd", "ДОМ", "ΑΣ", "e\u0301", "x" * 70, "\xa0"]
    weights = 1 / np.arange(2, len(stems) + 2)
    return " ".join(rng.choice(stems, size // 6, p=weights / weights.sum()).tolist())


def test_a_message_of_a_megabyte_measures_exactly() -> None:
    """Counts and MTLD are the oracle's; HD-D is that of exact integer binomials, to twelve digits."""
    text = long_text(1, 1_200_000)
    assert len(text.encode()) > 1_000_000
    found = words.scan(batch_of([["short", text]]), words.Workspace())
    tokens = words.words(text)
    assert found.words[1] == len(tokens)
    assert found.characters[1] == len(text)
    assert found.mtld[1] == lexical.mtld(tokens)
    assert found.mtld_paper[1] == lexical.mtld_paper(words.paper_words(text))
    assert found.yule_k[1] == lexical.yule_k(tokens)
    assert found.duplicated_5grams[1] == pytest.approx(lexical.duplicated_5grams(tokens), rel=0, abs=1e-15)
    n, spectrum = len(tokens), Counter(Counter(tokens).values())
    exact = sum(v * (1 - math.comb(n - f, 42) / math.comb(n, 42)) for f, v in spectrum.items()) / 42
    assert found.hdd[1] == pytest.approx(exact, rel=1e-12)


def test_a_hundred_thousand_messages_measure_as_each_alone() -> None:
    """A batch of very many short messages, in one dialogue and in many."""
    kinds = ["", "Yes, it is.", "No!", "漢字です", "don't know 2", "Σας", "one two three four five " * 2]
    texts: list[str] = np.random.default_rng(2).choice(kinds, 100_000).tolist()
    alone = {text: expected(text, 1) for text in kinds}
    for dialogues in ([texts], [[text] for text in texts]):
        found = words.scan(batch_of(dialogues), words.Workspace(), min_words=1)
        for name in ("words", "characters", *INDICES):
            wanted = np.array([alone[text][name] for text in texts], float)
            np.testing.assert_allclose(getattr(found, name), wanted, rtol=0, atol=TOLERANCES.get(name, 0))


ONE_LETTER_MESSAGES: Final = """
import numpy as np
from ultraqa.analysis import words
from ultraqa.dialogues.batch import BatchBuilder, Dialogue, Record
texts = ["a", "B", "c", "1"] * 50_000
builder = BatchBuilder()
builder.add("file", Record(0, 0, "messages", [Dialogue("ua" * 100_000, texts, "")], {}))
batch = builder.batch()
assert words.scan(batch, words.Workspace()).words.sum() == 150_000
found = words.vocabulary(batch.text, batch.message_offsets)
assert found.words == ["a", "b", "c"] and len(found.ids) == 150_000
"""


def test_messages_of_one_letter_fit_the_buffers() -> None:
    """Messages that follow each other without a separator have a word a byte; run apart, as an overflow ends it."""
    command = [sys.executable, "-c", ONE_LETTER_MESSAGES]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr


@settings(max_examples=100)
@given(dialogues=st.lists(st.lists(TEXTS, min_size=1, max_size=4), min_size=1, max_size=8), data=st.data())
def test_hashes_are_equal_where_texts_are_and_only_there(dialogues: list[list[str]], data: st.DataObject) -> None:
    """Message hashes follow the text alone, dialogue hashes the messages in order."""
    copied = [*dialogues, *data.draw(st.lists(st.sampled_from(dialogues), max_size=4))]
    found = words.scan(batch_of(copied), WORKSPACE)
    messages = [text for texts in copied for text in texts]
    assert len(set(zip(messages, found.message_hash.tolist(), strict=True))) == len(set(messages))
    assert len(set(found.message_hash.tolist())) == len(set(messages))
    keys = [tuple(texts) for texts in copied]
    assert len(set(zip(keys, found.dialogue_hash.tolist(), strict=True))) == len(set(keys))
    assert len(set(found.dialogue_hash.tolist())) == len(set(keys))


def test_a_dialogue_of_the_same_texts_in_other_roles_or_cut_otherwise_has_another_hash() -> None:
    """Roles, order and message borders enter the dialogue's hash."""
    builder = BatchBuilder()
    variants = [("ua", ["a b", "c"]), ("au", ["a b", "c"]), ("ua", ["c", "a b"]), ("ua", ["a ", "bc"]), ("u", ["a bc"])]
    for roles, texts in variants:
        builder.add("file", Record(0, 0, "messages", [Dialogue(roles, texts, "")], {}))
    assert len(set(words.scan(builder.batch(), WORKSPACE).dialogue_hash.tolist())) == 5


@settings(max_examples=100)
@given(dialogues=DIALOGUES, before=DIALOGUES)
def test_what_a_workspace_measured_before_changes_nothing(dialogues: list[list[str]], before: list[list[str]]) -> None:
    """A used workspace gives bit for bit what a new one gives."""
    used = words.Workspace()
    words.scan(batch_of(before), used)
    batch = batch_of(dialogues)
    first, second = words.scan(batch, used, min_words=1), words.scan(batch, words.Workspace(), min_words=1)
    for name in ("words", "characters", *INDICES, "message_hash", "dialogue_hash", "letters"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_indices_are_undefined_where_over_a_fifth_of_the_words_are_single_characters() -> None:
    """At a fifth they are defined; mtld_paper always is."""
    spaced = ["same", "word", "again", "and"] * 20
    for singles, defined in ((20, True), (21, False)):
        found = words.scan(batch_of([[" ".join([*spaced, *(["漢"] * singles)])]]), WORKSPACE)
        assert [bool(np.isnan(getattr(found, name)[0])) for name in WITH_MINIMUM] == [not defined] * 4
        assert not np.isnan(found.mtld_paper[0])


def test_indices_are_undefined_below_the_minimum_of_words() -> None:
    """49 words are too few for four indices and enough for the others."""
    text = " ".join(["one", "two", "three", "four", "five", "six", "seven"] * 8)
    for n, undefined in ((49, True), (50, False)):
        found = words.scan(batch_of([[" ".join(text.split()[:n])]]), WORKSPACE)
        assert [bool(np.isnan(getattr(found, name)[0])) for name in WITH_MINIMUM] == [undefined] * 4
        assert not np.isnan(found.mtld_paper[0])
        assert not np.isnan(found.duplicated_5grams[0])


@pytest.mark.skipif(
    unicodedata.unidata_version != characters.UNICODE, reason="this Python has another version of Unicode"
)
def test_the_stored_character_tables_are_those_of_unicode_14() -> None:
    """``characters.npz`` is what its module builds."""
    built = characters.build()
    with np.load(Path(characters.__file__).with_name("characters.npz"), allow_pickle=False) as stored:
        assert set(stored.files) == set(built)
        for name, array in built.items():
            np.testing.assert_array_equal(stored[name], array)


@given(hashes=st.lists(st.integers(1, 50), max_size=60))
def test_intern_numbers_hashes_in_order_of_first_appearance(hashes: list[int]) -> None:
    """Ids and first places are those of a dict."""
    numbers: dict[int, int] = {}
    wanted = [numbers.setdefault(h, len(numbers)) for h in hashes]
    ids, first = words.intern(np.array(hashes, np.uint64))
    assert ids.tolist() == wanted
    assert first.tolist() == [hashes.index(h) for h in numbers]


def test_intern_goes_on_when_its_table_is_full() -> None:
    """Two hundred thousand hashes, twice, fill the first table several times over: ids go on in order."""
    numbers = np.random.default_rng(0).permutation(np.arange(1, 200_001, dtype=np.uint64))
    hashes = numbers * np.uint64(0x9E3779B97F4A7C15)
    ids, first = words.intern(np.concatenate([hashes, hashes]))
    assert (ids == np.tile(np.arange(200_000), 2)).all()
    assert (first == np.arange(200_000)).all()


def strings(folder: Path) -> Iterator[str]:
    """Every string in every JSON, JSONL and CSV file of a folder, keys left out."""
    for file in sorted(path for path in folder.rglob("*") if path.suffix in {".json", ".jsonl", ".csv"}):
        with file.open(encoding="utf-8", errors="replace", newline="") as opened:
            if file.suffix == ".csv":
                yield from (cell for row in csv.reader(opened) for cell in row)
                continue
            raw = opened.read()
        pending: list[Any] = [json.loads(one) for one in (raw.split("\n") if file.suffix == ".jsonl" else [raw]) if one]
        while pending:
            value = pending.pop()
            if isinstance(value, str):
                yield value.encode("utf-8", "replace").decode()
            elif isinstance(value, dict | list):
                pending.extend(value.values() if isinstance(value, dict) else value)


def test_kernel_equals_oracle_on_real_text(real_data: Path) -> None:
    """On a seeded part of the distinct strings of all real files (ULTRAQA_REAL_BYTES=0 compares all of them)."""
    found = sorted(set(strings(real_data / "data")))
    chosen, size = [], 0
    for i in np.random.default_rng(0).permutation(len(found)).tolist():
        chosen.append(found[i])
        size += len(found[i].encode())
        if REAL_BYTES and size >= REAL_BYTES:
            break
    assert size > min(1_000_000, REAL_BYTES or size - 1)
    for start in range(0, len(chosen), 500):
        assert_kernel_is_oracle([chosen[start : start + 250], chosen[start + 250 : start + 500]])
    assert_vocabulary_is_oracle(chosen[:5000])
