"""Contradictions of numbers and dates between replies, in invented dialogues that have one or only seem to."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultraqa.analysis import conflicts
from ultraqa.analysis.measure import Measure
from ultraqa.analysis.part import Part
from ultraqa.dialogues.batch import Dialogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.metric import Result


def replies(*texts: str, user: str = "And?") -> Dialogue:
    """A dialogue of some replies, each to the same user message."""
    return Dialogue("ua" * len(texts), [text for reply in texts for text in (user, reply)], "")


def wordings(dialogue: Dialogue) -> list[tuple[str, str]]:
    """The two statements of each conflict as they stand in their messages."""
    return [
        (dialogue.texts[a.message][a.start : a.end], dialogue.texts[b.message][b.start : b.end])
        for a, b in conflicts.conflicts(dialogue)
    ]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("Well. Old Mill was founded in 1887.", "Old Mill was founded by Tom Brook in May 1901, I think.",
         ("Old Mill was founded in 1887", "Old Mill was founded by Tom Brook in May 1901")),
        ("Ada Brook was born on March 3, 1815.", "- Ada Brook was born in 1817", (
         "Ada Brook was born on March 3, 1815", "Ada Brook was born in 1817")),
        ("The Siege of Lakeham ended in 1402.", "The Siege of Lakeham ended in the year 1404.",
         ("The Siege of Lakeham ended in 1402", "The Siege of Lakeham ended in the year 1404")),
        ("The population of Lakeham is 5,200 people.", "Lakeham has a population of about 6,900 people today.",
         ("The population of Lakeham is 5,200 people", "Lakeham has a population of about 6,900 people")),
        ("The River Brook is 346 km long, I read.", "The River Brook is 215 km long.",
         ("The River Brook is 346 km", "The River Brook is 215 km")),
        ("The old mill was 8.1 m high.", "The old mill was 8.0 m.",
         ("The old mill was 8.1 m", "The old mill was 8.0 m")),
        ("Lakeham has 12 bridges.", "Lakeham has 14 bridges.", ("Lakeham has 12 bridges", "Lakeham has 14 bridges")),
        ("The ferry ticket costs $4.", "The ferry ticket costs $6.",
         ("The ferry ticket costs $4", "The ferry ticket costs $6")),
        ("The lake's volume is 2 million litres.", "The lake’s volume is 6 million litres.",
         ("The lake's volume is 2 million litres", "The lake’s volume is 6 million litres")),
    ],
)  # fmt: skip
def test_conflicts(first: str, second: str, expected: tuple[str, str]) -> None:
    """Events dated and quantities given differently, other replies between; offsets lead to the statements."""
    dialogue = replies("Hello.", first, "Of course.", second)
    assert wordings(dialogue) == [expected]
    assert conflicts.number_conflicts(dialogue) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Old Mill was founded in 1887.", "Old Mill was founded in 1887."),
        ("Old Mill was founded in 1887.", "New Mill was founded in 1901."),
        ("Old Mill was founded in 1887.", "Old Mill was released in 1901."),
        ("It was founded in 1887.", "It was founded in 1901."),
        ("The mill was founded in 1887.", "The mill was founded in 1901."),
        ("Ada Brook lived here in 1887.", "Ada Brook lived here in 1901."),
        ("The River Brook is 346 km long.", "The River Brook is 14 km wide."),
        ("The River Brook is 346 km long.", "The River Brook is 215 miles long."),
        ("The River Brook is 346 km long.", "The River Brook is about 350 km long."),
        ("Lakeham has 5.21 million trees.", "Lakeham has 5.2 million trees."),
        ("In 1990 Lakeham had a population of 52 people.", "In 2010 Lakeham had a population of 69 people."),
        ("The rent of Old Mill was $52 in 1990.", "The rent of Old Mill was $69 in 2010."),
        ("If the river walk is 5 km, rest.", "If the river walk is 7 km, rest."),
        ("Your river walk is 5 km.", "Your river walk is 7 km."),
        ("The river walk is 5-6 km.", "The river walk is 7-8 km."),
        ("The river walk is 5 to 6 km.", "The river walk is 7 to 8 km."),
        ("Bake the river bread for 50 minutes.", "Bake the river bread for 20 minutes."),
        ("The river walk is 5.", "The river walk is 7."),
        ("The river walk in 2005 was long.", "The river walk in 2007 was long."),
        ("`The river walk is 5 km.`", "```\nThe river walk is 7 km.\n```"),
        ("The river walk is 5 km. The river walk is 9 km.", "The river walk is 7 km."),
        ("", ""),
    ],
)
def test_what_only_seems_a_conflict(first: str, second: str) -> None:
    """Equal, rounded, of other subjects, units, times or cases, ranges, instructions, code, lists of several."""
    assert wordings(replies(first, second)) == []


def test_a_number_that_the_user_wrote_is_no_conflict() -> None:
    """The reply may take up a correction or an assumption of the user's, in whatever message it stands."""
    texts = ("The rent of Old Mill is $1,200.", "The rent of Old Mill is $1,350.")
    assert len(wordings(replies(*texts))) == 1
    assert wordings(replies(*texts, user="And at 1350?")) == []
    assert wordings(replies(*texts, user="And at $1,200?")) == []


def test_only_replies_are_compared() -> None:
    """Not what user, system and tool say; nor two statements of one reply; each subject counts once."""
    one, two, three = (f"The River Brook is {n} km long." for n in (346, 215, 127))
    assert wordings(Dialogue("suta", ["", one, two, three], "")) == []
    assert wordings(Dialogue("uaa", ["", "Yes.", f"{one} {two}"], "")) == []
    assert len(wordings(replies(one, two, three))) == 1
    both = replies(f"{one} Lakeham has 12 bridges.", f"Lakeham has 14 bridges. {two}")
    assert conflicts.number_conflicts(both) == 2


@pytest.mark.parametrize("roles", ["", "u", "ua", "sua", "uat"])
def test_fewer_than_two_replies_are_undefined(roles: str) -> None:
    """A single reply cannot contradict another."""
    dialogue = Dialogue(roles, ["The River Brook is 346 km long."] * len(roles), "")
    assert conflicts.conflicts(dialogue) == []
    assert isnan(conflicts.number_conflicts(dialogue))


SENTENCES: Final = st.sampled_from(
    ("The River Brook is 346 km long.", "The River Brook is 350 km long.", "The River Brook is 354 km.",
     "Old Mill was founded in 1887.", "Old Mill was founded in 1901.", "Lakeham has 12 bridges.", "Hm, 5 km!\n")
)  # fmt: skip


@given(texts=st.lists(st.lists(SENTENCES, max_size=3).map(" ".join), max_size=5), data=st.data())
def test_the_order_of_replies_does_not_matter(texts: list[str], data: st.DataObject) -> None:
    """As many conflicts in any order, the earlier statement first, none where a reply is repeated."""
    found = conflicts.conflicts(replies(*texts))
    assert len(found) == len(conflicts.conflicts(replies(*data.draw(st.permutations(texts)))))
    assert all(a.message < b.message and a.subject == b.subject for a, b in found)
    assert all(conflicts.conflicts(replies(text, text)) == [] for text in texts)


# --- rows ------------------------------------------------------------------------------------------------------------


class Measured:
    """The column of some dialogues."""

    name = "set"

    def __init__(self, dialogues: Sequence[Dialogue]) -> None:
        self.values = np.array([conflicts.compute(one)[0] for one in dialogues], float)

    def column(self, name: str, _: str = "dialogues") -> NDArray[Any]:
        """The only one there is."""
        assert name == "number_conflicts"
        return self.values


def rows_of(dialogues: Sequence[Dialogue], distinct: Sequence[bool] | None = None) -> dict[str, Result]:
    """The rows of some dialogues by statistic."""
    none, first = np.zeros(0, np.int64), np.ones(len(dialogues), np.bool_)
    part = Part(
        "set", Measured(dialogues), np.arange(len(dialogues)), none, none, none.astype(np.uint8),  # type: ignore[arg-type]
        first if distinct is None else np.array(distinct),
    )  # fmt: skip
    found = list(conflicts.MEASURE.rows(part))
    assert {(row.metric, row.scope) for row in found} == {("number_conflicts", "dialogue")}
    return {row.statistic: row for row in found}


WITH: Final = replies("Lakeham has 12 bridges.", "Lakeham has 14 bridges.")
WITHOUT: Final = replies("Lakeham has 12 bridges.", "Yes.")
SINGLE: Final = replies("Lakeham has 12 bridges.")


def test_rows_are_over_dialogues_with_two_replies() -> None:
    """One of four; the single-reply dialogue is undefined; a copy counts in the share and not in its interval."""
    found = rows_of([WITH, WITHOUT, SINGLE, WITHOUT, WITHOUT])
    share, count = found["share"], found["count"]
    assert (share.value, share.n, share.n_undefined, share.unit) == (1 / 4, 4, 1, "share")
    assert (count.value, count.n, count.unit) == (1, 4, "")
    assert share.note == "undefined where a dialogue has fewer than two replies"
    copied = rows_of([WITH, WITHOUT, WITHOUT, WITHOUT, WITH], [True, True, True, True, False])["share"]
    assert copied.value == 2 / 5
    assert copied[5] == share[5]  # both intervals are of one in four


@pytest.mark.parametrize("dialogues", [[], [SINGLE]])
def test_rows_of_single_replies_are_undefined(dialogues: list[Dialogue]) -> None:
    """None with a reason, not a share of 0."""
    for row in rows_of(dialogues).values():
        assert row.value is None
        assert row.low is None
        assert row.note


def test_the_column_is_defined() -> None:
    """It has a sentence and a number."""
    assert isinstance(conflicts.MEASURE, Measure)
    assert [column.name for column in conflicts.MEASURE.columns] == ["number_conflicts"]
    assert conflicts.MEASURE.columns[0].doc.endswith("not errors.")
    assert len(conflicts.compute(WITH)) == 1
