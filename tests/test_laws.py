"""The one law of stage one: measuring the whole is merging the measures of the parts, whatever the cut."""

from __future__ import annotations

import pickle
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ultraqa.analysis import corpus
from ultraqa.analysis.metrics import METRICS
from ultraqa.analysis.shardfile import pack, read_arrays, write_arrays
from ultraqa.analysis.words import Words, Workspace, scan
from ultraqa.dialogues.batch import BatchBuilder, Dialogue, Record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

    from ultraqa.analysis.metric import Metric

Turns = tuple[str, list[str]]
"""A dialogue as role letters and texts."""

MEGABYTE: Final[Turns] = ("ua", ["Tell me a very long story.", "once upon a time there was a word, " * 30_000])
TEXTS: Final = st.one_of(
    st.sampled_from(
        (
            "",
            " ",
            "word",
            "Hello there!",
            "don't",
            "漢字です。",
            "สวัสดีครับ",
            "नमस्ते दुनिया",
            "😀👩‍👩‍👧",
            "ΑΣ İ",
            "1984",
            "\x00",
        )
    ),
    st.lists(st.sampled_from(("to be or not to be", "that is", "the Question", "漢", "9")), max_size=40).map(" ".join),
    st.text(max_size=30),
)
DIALOGUES: Final = st.lists(TEXTS, max_size=6).flatmap(
    lambda texts: st.tuples(st.text("uast?", min_size=len(texts), max_size=len(texts)), st.just(texts))
)
DATASETS: Final = st.lists(DIALOGUES, max_size=10).flatmap(  # the same dialogues again, in any order
    lambda drawn: st.lists(st.sampled_from(drawn), max_size=6).map(drawn.__add__) if drawn else st.just(drawn)
)
WORKSPACE: Final = Workspace()


def walked(dialogues: Sequence[Turns]) -> Words:
    """The batch of some dialogues as the kernel walked it."""
    builder = BatchBuilder()
    for i, (roles, texts) in enumerate(dialogues):
        form = "text" if roles == "a" else "messages"
        builder.add("file", Record(i, i + 1, form, [Dialogue(roles, list(texts), "user,assistant")], {}))
    return scan(builder.batch(), WORKSPACE)


def assert_same(first: Any, second: Any) -> None:
    """Exact equality of states, of their types and of their arrays' types; NaN equals NaN."""
    assert type(first) is type(second)
    if is_dataclass(first):
        for field in fields(first):
            assert_same(getattr(first, field.name), getattr(second, field.name))
    elif isinstance(first, np.ndarray):
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)
    else:
        assert first == second


def stored(arrays: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Arrays written to and read from a file as shards are."""
    write_arrays(folder / "state.arrow", arrays)
    return read_arrays(folder / "state.arrow")


def unpacked(like: Any, prefix: str, arrays: dict[str, Any]) -> Any:
    """The state whose arrays ``pack`` named: the reverse of ``pack`` for states of the kind of ``like``."""
    values = {}
    for field in fields(like):
        name, old = f"{prefix}.{field.name}", getattr(like, field.name)
        value = unpacked(old, name, arrays) if is_dataclass(old) else arrays[name]
        values[field.name] = int(value[0]) if isinstance(old, int) else value
    return type(like)(**values)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@settings(max_examples=60)
@given(dialogues=DATASETS, cuts=st.lists(st.integers(0, 16), max_size=4), small=st.booleans())
@example(dialogues=[], cuts=[], small=False)
@example(dialogues=[("u", ["word"]), ("ua", ["", ""]), ("", [])], cuts=[1, 2], small=False)
@example(dialogues=[("ua", ["Hi", "Yes."]), MEGABYTE, ("ua", ["Hi", "Yes."])], cuts=[1], small=False)
def test_measuring_the_whole_is_merging_the_parts(
    metric: Metric[Any], tmp_path_factory: pytest.TempPathFactory, dialogues: list[Turns], cuts: list[int], small: bool
) -> None:
    """The law: map(whole) == merge(maps of parts), map(empty) is the identity, and storing a state changes nothing.

    A sample of a million words is never full in a test, so half of the examples are measured with one of ten words.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "SAMPLE_WORDS", 10 if small else corpus.SAMPLE_WORDS)
        bounds = [0, *sorted(min(cut, len(dialogues)) for cut in cuts), len(dialogues)]
        states = [metric.map(walked(dialogues[a:b])) for a, b in pairwise(bounds)]
        whole = metric.map(walked(dialogues))
        assert_same(metric.merge(states), whole)
        assert_same(metric.merge([metric.merge(states[:1]), *states[1:]]), whole)
        nothing = metric.map(walked([]))
        assert_same(metric.merge([nothing, whole]), whole)
        assert_same(metric.merge([whole, nothing]), whole)
        assert_same(metric.merge([nothing, nothing]), nothing)
    folder = tmp_path_factory.getbasetemp()
    assert_same(pickle.loads(pickle.dumps(whole)), whole)  # noqa: S301  (our own bytes)
    if is_dataclass(whole):
        assert_same(unpacked(whole, metric.name, stored(pack(metric.name, whole), folder)), whole)
    else:
        assert_same(stored({metric.name: whole}, folder)[metric.name], whole)


@settings(max_examples=60)
@given(dialogues=DATASETS, order=st.randoms(use_true_random=False), first=st.integers(0, 10))
def test_cuts_of_an_earlier_sample_change_nothing(dialogues: list[Turns], order: Random, first: int) -> None:
    """What an earlier state says cannot enter the sample may be left out: the merge is the same."""
    sample = corpus.Sample()
    order.shuffle(dialogues)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "SAMPLE_WORDS", 10)
        earlier = sample.map(walked(dialogues[:first]))
        cuts = {name: corpus.cut([getattr(earlier, name)]) for name in corpus.PARTS}
        spared = sample.map(walked(dialogues[first:]), cuts)
        assert_same(sample.merge([earlier, spared]), sample.map(walked(dialogues)))


@settings(max_examples=100)
@given(dialogues=DATASETS, room=st.sampled_from((1, 10, 60, corpus.SAMPLE_WORDS)))
def test_the_sample_is_the_distinct_dialogues_of_smallest_hash(dialogues: list[Turns], room: int) -> None:
    """Found by sorting in plain Python: lowest row of equal ones, whole dialogues, until the part has its words."""
    words = walked(dialogues)
    owner = np.repeat(np.arange(len(dialogues)), np.diff(words.batch.dialogue_offsets)).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "SAMPLE_WORDS", room)
        state = corpus.Sample().map(words)
    assert state.size == len(dialogues)
    for name, role in corpus.PARTS.items():
        rows: list[int] = []
        held, kinds = 0, set()
        for key, row in sorted((int(key), row) for row, key in enumerate(words.dialogue_hash)):
            spoken = [i for i, d in enumerate(owner) if d == row and words.batch.roles[i] == role]
            size = sum(int(words.words[i]) for i in spoken)
            if key in kinds or not size or held >= room:
                continue
            kinds.add(key)
            held += size
            rows.append(row)
        part = getattr(state, name)
        members = [i for row in rows for i, d in enumerate(owner) if d == row and words.batch.roles[i] == role]
        assert part.rows.tolist() == rows
        assert part.keys.tolist() == [int(words.dialogue_hash[row]) for row in rows]
        assert part.text.tobytes().decode() == "".join(words.batch.message(i) for i in members)
        assert part.lengths.tolist() == [len(words.batch.message(i).encode()) for i in members]
        assert part.words.tolist() == [sum(int(words.words[i]) for i in members if owner[i] == row) for row in rows]
        assert part.counts.tolist() == [sum(owner[i] == row for i in members) for row in rows]
        prompts = [[i for i, d in enumerate(owner) if d == row and words.batch.roles[i] == 0] for row in rows]
        assert part.prompts.tolist() == [int(words.message_hash[found[0]]) if found else 0 for found in prompts]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(corpus, "SAMPLE_WORDS", room)
            assert corpus.cut([part, part]) == (part.keys[-1] if held >= room else None)
