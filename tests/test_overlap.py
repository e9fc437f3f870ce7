"""What of a dataset is in another: counts are those of Python sets, and every match can be looked up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ultraqa as package
from ultraqa.analysis.overlap import Overlap, Pairs, Shared, matrix, overlap, overlaps
from ultraqa.analysis.statistics import wilson

if TYPE_CHECKING:
    from ultraqa.analysis.profile import Profile

Talk = tuple[tuple[str, str], ...]
SUBJECTS = (
    "bread in the oven",
    "rings around a planet",
    "interest on a loan",
    "rain over the hills",
    "a song of birds",
)


def talk(question: int, answer: int | None, *, follow_up: bool = False) -> Talk:
    """A dialogue of user and assistant on numbered subjects; without an answer the reply is empty."""
    asked = f"What would you tell me about {SUBJECTS[question]}?"
    said = "" if answer is None else f"Much can be said about {SUBJECTS[answer]}, and all of it is known."
    more = (("user", "Thank you."), ("assistant", "You are welcome.")) if follow_up else ()
    return (("user", asked), ("assistant", said), *more)


def profile_of(talks: list[Talk], name: str, embedder: str = "none") -> Profile:
    """A Profile of some dialogues."""
    records = [{"messages": [{"role": r, "content": t} for r, t in one]} for one in talks]
    return package.profile(records, name=name, tokens="none", embedder=embedder)


def replies(one: Talk) -> set[str]:
    """Replies with text."""
    return {text for role, text in one if role == "assistant" and text}


def count(found: Shared | None) -> int:
    """Number of dialogues."""
    assert found is not None
    return found.count


some_talks = st.lists(
    st.builds(talk, st.integers(0, 4), st.none() | st.integers(0, 4), follow_up=st.booleans()), min_size=1, max_size=12
)


@settings(max_examples=25)  # each measures two Profiles
@given(a=some_talks, b=some_talks)
def test_equal_dialogues_prompts_and_replies_are_those_of_sets(a: list[Talk], b: list[Talk]) -> None:
    """Both directions, over all dialogues, copies included."""
    for found, ours, theirs in zip(overlap(profile_of(a, "a"), profile_of(b, "b")), (a, b), (b, a), strict=True):
        equal = [one for one in ours if one in theirs]
        assert found.dialogues == len(ours)
        assert count(found.exact) == len(equal)
        assert count(found.prompts) == sum(one[0] in {other[0] for other in theirs} for one in ours)
        others = set().union(*map(replies, theirs))
        assert count(found.replies) == sum(bool(replies(one) & others) for one in ours)
        assert (found.near, found.semantic) == (None, None)
        assert found.matches["row"].tolist() == [i for i, one in enumerate(ours) if one in theirs]
        assert found.matches["other_row"].tolist() == [theirs.index(one) for one in equal]
        assert set(found.matches["kind"].tolist()) <= {"exact"}


def test_shares_and_intervals_are_over_dialogues() -> None:
    """The value is over all dialogues, its interval Wilson's over the distinct ones."""
    a = profile_of([talk(0, 0), talk(0, 0), talk(1, 1), talk(2, 2)], "a")
    found, back = overlap(a, profile_of([talk(0, 0), talk(3, 3)], "b"))
    assert found.exact is not None
    assert (found.exact.count, found.exact.share, found.exact.n) == (2, 0.5, 4)
    assert (found.exact.low, found.exact.high) == pytest.approx(wilson(1 / 3, 3), abs=1e-12)
    assert back.exact is not None
    assert (back.exact.count, back.exact.share) == (1, 0.5)


def test_dialogues_without_prompt_or_reply_share_neither() -> None:
    """A missing prompt is no prompt of another, an empty reply no reply, and no message no dialogue that is equal."""
    silent: list[Talk] = [(("assistant", ""),), (("user", "Anyone?"), ("assistant", "")), (("system", "Be kind."),)]
    other: list[Talk] = [(("assistant", "No."),), (("user", "Hello?"), ("assistant", "")), (("system", "Be brief."),)]
    found, back = overlap(profile_of(silent, "a"), profile_of(other, "b"))
    assert [count(one) for one in (found.exact, found.prompts, found.replies)] == [0, 0, 0]
    assert [count(one) for one in (back.exact, back.prompts, back.replies)] == [0, 0, 0]


def test_a_dataset_is_wholly_in_itself() -> None:
    """Every share is 1, and every dialogue matches the first one that equals it."""
    talks = [talk(0, 0), talk(1, 1), talk(0, 0)]
    a = profile_of(talks, "a", "static")
    found, back = overlap(a, a)
    assert [one.share for one in (found.exact, found.prompts, found.replies, found.semantic) if one] == [1.0] * 4
    assert found.matches["other_row"].tolist() == [0, 1, 0]
    assert back.exact == found.exact


def test_near_pairs_hold_for_copies_and_the_strongest_match_of_a_row_is_listed() -> None:
    """Exact before near before semantic, of near ones the most similar, ties to the lowest row."""
    a = profile_of([talk(0, 0), talk(1, 1), talk(2, 2), talk(1, 1), talk(3, 3)], "a", "static")
    b = profile_of([talk(0, 0), talk(4, 4), talk(4, 3), talk(4, 2)], "b", "static")
    near = Pairs(np.array([1, 1, 1, 0]), np.array([3, 2, 1, 1]), np.array([0.9, 0.9, 0.8, 0.7]))
    found, back = overlap(a, b, near, threshold=0.9999)
    assert (count(found.exact), count(found.near), count(found.either)) == (1, 2, 3)
    assert found.matches["row"].tolist() == [0, 1, 3]
    assert found.matches["other_row"].tolist() == [0, 2, 2]
    assert found.matches["kind"].tolist() == ["exact", "near", "near"]
    assert found.matches["similarity"].tolist() == [1.0, 0.9, 0.9]
    assert (count(back.exact), count(back.near), count(back.either)) == (1, 3, 4)
    assert back.matches["row"].tolist() == [0, 1, 2, 3]
    assert back.matches["other_row"].tolist() == [0, 1, 1, 1]
    assert back.matches["similarity"].tolist() == [1.0, 0.8, 0.9, 0.9]
    assert count(found.semantic) == 1  # the equal one
    nothing = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    assert count(overlap(a, b, nothing)[0].near) == 0


@pytest.mark.parametrize("exact", [60_000, 0])
def test_dialogues_alike_in_meaning(exact: int) -> None:
    """Another order of words is alike; the note says over what, and what an approximate search finds."""
    ours: list[Talk] = [
        (("user", "How do I bake a loaf of bread at home?"), ("assistant", "Mix flour and water, then bake it.")),
        (("user", "Which planets have rings?"), ("assistant", "Saturn has, and so have three others.")),
        (("user", "How do I bake a loaf of bread at home?"), ("assistant", "Mix flour and water, then bake it.")),
    ]
    theirs: list[Talk] = [
        (("user", "What is interest on a loan?"), ("assistant", "The price of borrowed money.")),
        (("user", "At home, how do I bake a loaf of bread?"), ("assistant", "Mix water and flour, then bake it.")),
    ]
    a, b = profile_of(ours, "a", "static"), profile_of(theirs, "b", "static")
    found, back = overlap(a, b, threshold=0.9, exact=exact)
    assert count(found.semantic) == 2
    assert count(back.semantic) == 1
    assert "3 of 3 dialogues with 2 of 2, cosine of at least 0.9" in found.note
    assert ("approximate search, recall 1.00" in found.note) == (exact == 0)
    assert found.matches["row"].tolist() == [0, 2]
    assert found.matches["other_row"].tolist() == [1, 1]
    assert found.matches["kind"].tolist() == ["semantic", "semantic"]
    assert ((found.matches["similarity"] >= 0.9) & (found.matches["similarity"] < 1)).all()


def test_vectors_that_cannot_be_compared_are_not() -> None:
    """None with the reason: no vectors, an encoder fitted on the data, another encoder, another language."""
    talks = [talk(i, i) for i in range(5)]
    chinese: list[Talk] = [
        (("user", "请问今天北京的天气怎么样，会不会下雨呢？"), ("assistant", "今天北京晴，没有雨。"))
    ]
    made = {name: profile_of(talks, name, name) for name in ("static", "none", "lsa")}
    foreign = profile_of(chinese, "chinese", "static")
    reasons = {
        "none": "none has no vectors",
        "lsa": "fitted on each dataset's own texts",
        "chinese": "most of chinese is in no language of static",
    }
    for name, reason in reasons.items():
        found, back = overlap(made["static"], made.get(name, foreign))
        assert (found.semantic, back.semantic) == (None, None)
        assert reason in found.note
    other = profile_of(talks, "other", "static")
    other.document["encoding"]["sha256"] = "0" * 64
    assert "are not compared" in overlap(made["static"], other)[0].note


def test_the_matrix_has_every_ordered_pair_and_is_json() -> None:
    """In order of the datasets, each as ``overlap`` finds it; matches make a data frame and an Arrow table."""
    talks = {"a": [talk(0, 0), talk(1, 1)], "b": [talk(1, 1)], "c": [talk(2, 1), talk(0, 0)]}
    profiles = [profile_of(some, name) for name, some in talks.items()]
    asked: list[tuple[str, str]] = []

    def near(a: Profile, b: Profile) -> Pairs:
        asked.append((a.name, b.name))
        return Pairs(np.array([0]), np.array([0]), np.array([0.8]))

    found = overlaps(profiles, near)
    assert asked == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [(one.dataset, one.other) for one in found] == [
        ("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")
    ]  # fmt: skip
    assert found[3].exact == overlap(profiles[1], profiles[2])[0].exact
    listed: list[dict[str, Any]] = matrix(found)
    assert json.loads(json.dumps(listed)) == listed
    assert list(listed[0]) == [*(name for name in Overlap._fields if name != "matches"), "rows"]
    assert listed[0]["rows"] == [0, 1]
    assert listed[0]["exact"] == {"count": 1, "share": 0.5, "low": pytest.approx(0.0945, abs=1e-4),
                                  "high": pytest.approx(0.9055, abs=1e-4), "n": 2}  # fmt: skip
    assert listed[0]["semantic"] is None
    assert "a has no vectors; b has no vectors" in listed[0]["note"]
    frame = pd.DataFrame(found[0].matches)
    assert frame.to_dict("records") == pa.table(found[0].matches).to_pylist()
    assert frame.kind.tolist() == ["near", "exact"]
