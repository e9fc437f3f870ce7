"""Checkable specifics of invented replies, what grounds them, hedges and abstentions, and their rows by hand."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ultraqa
from ultraqa.analysis import specifics
from ultraqa.analysis.measure import Measure
from ultraqa.analysis.part import Part
from ultraqa.dialogues.batch import Dialogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.metric import Result

NAMES: Final = [column.name for column in specifics.MEASURE.columns]


def said(roles: str, *texts: str) -> Dialogue:
    """A dialogue."""
    return Dialogue(roles, list(texts), "")


def columns(dialogue: Dialogue) -> dict[str, float]:
    """The columns of a dialogue by name."""
    return dict(zip(NAMES, specifics.compute(dialogue), strict=True))


def found(text: str) -> list[tuple[str, str]]:
    """Kind and wording of the specifics of a text, in order."""
    return [(one.kind, one.text) for one in sorted(specifics.specifics(text), key=lambda one: one.start)]


# --- what is a specific ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("The bridge was built in 1887 and closed in the late 1960s.", ["1887", "1960s"]),
        ("It ran from 1929-1939, then (1941–1945).", ["1929", "1939", "1941", "1945"]),
        ("The abbey dates from May 3, 1214; the mill is from 1214.", ["1214"]),
        ("They met in 1500 and again in 2000.", ["1500", "2000"]),
        ("1066", []),
        ("It has 2000 seats, 1500 lamps and 1200 doors, or 3456 in all.", []),
        ("Call 555-123-1999 or 1-800-1999, room #1999, v1.1999.", []),
        ("x = f(1999.5) + 1,999 + 19990 + y1999 + model A-1999", []),
        ("It costs $1999.", []),
    ],
)
def test_years(text: str, years: list[str]) -> None:
    """1000 to 2099 and decades; the doubtful ones only after a word for a date; never part of a longer number."""
    assert [wording for kind, wording in found(text) if kind == "years"] == years


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It is 5 km long, 3.5-4 metres wide and 10,000 kg heavy.", ["5 km", "3.5-4 metres", "10,000 kg"]),
        ("About 40% of 2 million people, or 7 percent", ["40%", "2 million", "7 percent"]),
        ("$5.50, € 3 million and £20-£30, or 12 dollars", ["$5.50", "€ 3 million", "£20-£30", "12 dollars"]),
        ("Heat to 350°F (175 °C) for 10 to 12 minutes; 90F", ["350°F", "175 °C", "10 to 12 minutes", "90F"]),
        ("a 30-day trial with 1/2 cup and 60 square feet", ["30-day", "1/2 cup", "60 square feet"]),
        ("In 1900 metres", ["1900 metres"]),
        ("1. First\n2) Second\n3 - Third", []),
        ("Meet at 10:30 pm or at 9 am, with 12 people and 3 cats.", []),
        ("Python 3, version 2.5m1, 5mm2x, A4, 7th, $x$, $5x$, $1^2$", []),
    ],
)
def test_numbers_with_units(text: str, numbers: list[str]) -> None:
    """Units of measure, time and money, percentages and scales; ranges are one; list items, times, counts are none."""
    assert found(text) == [("numbers", wording) for wording in numbers]


@pytest.mark.parametrize(
    ("text", "quotes"),
    [
        ('She wrote "The Mill by the River" at home.', ['"The Mill by the River"']),
        ("1. “A Song of Barges.”\n2. “Two Boats”", ["“A Song of Barges.”"]),
        ('The motto is "Row, then rest."', ['"Row, then rest."']),
        ('"I will row the boat," she said. "You will rest now!" He slept.', []),
        ('Old Tom: "I will row the boat."\nOld Tom: (smiling) "Will you come too?"', []),
        ('print("row the boat"); s = "row the boat"; t="row the boat"', []),
        ('A 6" nail and a 4" nail and a 2" nail', []),
        ('one "two three four\nfive" six', []),
    ],
)
def test_quotes(text: str, quotes: list[str]) -> None:
    """At least three words on a line; lines of speech, strings of code and inches are none."""
    assert found(text) == [("quotes", wording) for wording in quotes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See https://river.org/a_b?c=1 or www.mill.net/x.",
         [("urls", "https://river.org/a_b?c=1"), ("urls", "www.mill.net/x.")]),
        ("See [the mill](http://mill.net), river.org or https:// alone.", [("urls", "http://mill.net")]),
        ("Open http://localhost:80, https://example.com/a, https://www.example.org, http://127.0.0.1", []),
        ("It flows (Rivers, 2019) and (see Mill & Brook et al., 2001a; Lake, 1999).",
         [("citations", "(Rivers, 2019)"), ("citations", "(see Mill & Brook et al., 2001a; Lake, 1999)")]),
        ("As Brook et al. (2004) and Lake et al. say.",
         [("citations", "Brook et al. (2004)"), ("citations", "Lake et al.")]),
        ("It flows [12]. It rests [3-5], doi:10.1234/ab.c-1 and arXiv:2101.00001",
         [("citations", one) for one in ("[12]", "[3-5]", "10.1234/ab.c-1", "arXiv:2101.00001")]),
        ("a[1] = [2]; f(x[3]); [4](https://mill.net)", [("urls", "https://mill.net")]),
        ("(May 2019) and (June 4, 2019)", [("years", "2019"), ("years", "2019")]),
        ("The Mill (2019) and to get all of it, set al and al.", [("years", "2019")]),
    ],
)  # fmt: skip
def test_links_and_citations(text: str, expected: list[tuple[str, str]]) -> None:
    """Reserved addresses refer to nothing; a month before a year is no author; indices and links are no citations."""
    assert found(text) == expected


def test_code_holds_no_specific() -> None:
    """Fenced, inline, and fenced without an end; what stands around it keeps its offsets."""
    text = "In 1887 `x = 5 km` there\n```py\ny = 1999 # 7 km\n```\nwere 9 km.\n```\nIn 1923"
    assert found(text) == [("years", "1887"), ("numbers", "9 km")]
    assert all(text[one.start : one.end] == one.text for one in specifics.specifics(text))


def test_no_stretch_of_text_counts_twice() -> None:
    """The year of a citation and the numbers of a quote or a link belong to it."""
    text = 'He wrote "Ten miles, 5 km, in 1887" (Brook, 1999), www.mill.net/1987 of 1923.'
    assert [kind for kind, _ in found(text)] == ["quotes", "citations", "urls", "years"]


ODD: Final = st.text(st.sampled_from("12 0,.-$%\"“”'()[]`\nkmAb et al.in:/w"), max_size=80)


@given(text=ODD)
@example(text='in 1999 "a b c" 5 km (Ab, 1999) www.a $5 `1 km`')
def test_specifics_lie_apart_in_their_text(text: str) -> None:
    """In any text they stand where they say, and none overlaps another."""
    ordered = sorted(specifics.specifics(text), key=lambda one: one.start)
    assert all(text[one.start : one.end] == one.text for one in ordered)
    assert all(a.end <= b.start for a, b in pairwise(ordered))


# --- what grounds it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "reply", "missing"),
    [
        ("What happened in 1887?", "In 1887 it was built.", 0),
        ("What happened in 1887?", "In 1888 it was built.", 1),
        ("What happened in 18871?", "In 1887 it was built.", 1),
        ("It is 10,000 m, 4.5 m wide", "It is 10000 metres and 4.5 km and 4 m.", 1),
        ("From 5 to 7", "It takes 5-7 minutes, or 5-8 minutes.", 1),
        ("Who wrote the mill BY the river?", 'It is "The Mill by the River."', 0),
        ("Who wrote the mill near the river?", 'It is "The Mill by the River."', 1),
        ("Is mill.net/a good?", "Yes, https://www.mill.net/a/ is, and https://mill.net/b is not.", 1),
        ("As in Brook et al?", "As in Brook et al. and Lake et al. it is.", 1),
        ("", "In 1887, 1887 and 1887.", 3),
    ],
)
def test_a_specific_is_grounded_where_the_user_wrote_it(user: str, reply: str, missing: int) -> None:
    """Numerals as numbers, whatever the unit; other wordings letter for letter but for case and marks around them."""
    assert columns(said("ua", user, reply))["ungrounded_specifics_assistant"] == missing


def test_only_what_the_user_wrote_before_grounds() -> None:
    """Not later messages, not the assistant's own, not system, tool and unknown turns."""
    dialogue = said("sauat?a", "1887", "In 1887.", "So 1887?", "In 1887 and 1901.", "1901", "1901", "In 1901.")
    assert columns(dialogue)["specifics_assistant"] == 4
    assert columns(dialogue)["ungrounded_specifics_assistant"] == 3
    later = said("uaua", "The mill by the river, 1887", "Yes.", "And?", 'It is "The Mill by the River" of 1887.')
    assert columns(later)["specifics_assistant"] == 2
    assert columns(later)["ungrounded_specifics_assistant"] == 0


# --- caution ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "It may rain.", "It might rain.", "Perhaps not.", "Maybe so.", "It is likely dry.", "That seems right.",
    "It appears to rain.", "Probably not.", "It's possible to err.", "In my opinion not.", "It is unclear.",
])  # fmt: skip
def test_hedges(text: str) -> None:
    """A reply with one of the listed hedges."""
    assert columns(said("ua", "?", text))["hedging_assistant"] == 1


@pytest.mark.parametrize("text", ["", "It was May.", "All its might.", "See the mayor.", "It is so.", "`a may b`"])
def test_what_is_no_hedge(text: str) -> None:
    """The month, the noun, other words, code."""
    assert columns(said("ua", "Perhaps?", text))["hedging_assistant"] == 0


@pytest.mark.parametrize("text", [
    "I don't know.", "I do not know who built it.", "I’m not entirely sure about the mill.", "I am unaware of it.",
    "I'm sorry, but I don't have access to real-time data.", "Unfortunately, I have no information about it.",
    "As an AI language model, I cannot predict the weather.", "There is not enough information to say.",
    "I do not currently have any reliable records of it.", "  I couldn't find the mill.",
])  # fmt: skip
def test_abstentions(text: str) -> None:
    """A reply that begins with not knowing, also after an apology or a word on what it is."""
    assert columns(said("ua", "?", text))["abstention_assistant"] == 1


@pytest.mark.parametrize("text", [
    "", "I know.", '"I don\'t know," he said.', "Tom: I don't know.", "The mill was old.\nI don't know why.",
    "She rowed, and I don't know more.", "I don't have a boat.", "I cannot help with that.", "HI don't know",
    "Sorry, " + "so " * 120 + "I don't know.", "`I don't know.`",
])  # fmt: skip
def test_what_is_no_abstention(text: str) -> None:
    """Speech of others, later lines, what is not about knowing, what comes late, code."""
    assert columns(said("ua", "I don't know.", text))["abstention_assistant"] == 0


# --- columns and rows ------------------------------------------------------------------------------------------------


def test_columns_are_sums_over_replies() -> None:
    """Every kind by its own column; only the assistant's messages count."""
    dialogue = said(
        "usaua",
        "In 1887 it may be 5 km?",
        "In 1887",
        'In 1887, 5 km, 1901: "The Old Mill Song" (Brook, 1999).',
        "And?",
        "I'm not sure. It may be www.mill.net, 1,200 kg.",
    )
    assert columns(dialogue) == {
        "specifics_assistant": 7,
        "specific_years_assistant": 2,
        "specific_numbers_assistant": 2,
        "specific_quotes_assistant": 1,
        "specific_urls_assistant": 1,
        "specific_citations_assistant": 1,
        "ungrounded_specifics_assistant": 5,
        "hedging_assistant": 1,
        "abstention_assistant": 1,
        "replies": 2,
    }


@pytest.mark.parametrize("dialogue", [said(""), said("u", "In 1887"), said("s", "In 1887"), said("ua", "", "")])
def test_a_dialogue_without_a_statement_has_none(dialogue: Dialogue) -> None:
    """Empty, unanswered, only a system turn, an empty reply."""
    values = columns(dialogue)
    assert values.pop("replies") == dialogue.roles.count("a")
    assert set(values.values()) == {0}


def test_every_column_is_defined() -> None:
    """The measure has a sentence and a number for each column."""
    assert isinstance(specifics.MEASURE, Measure)
    assert all(column.doc.endswith((".", "...")) for column in specifics.MEASURE.columns)
    assert len(specifics.compute(said("ua", "Hi", "Hi"))) == len(NAMES) == len(set(NAMES))


class Measured:
    """Columns of a real Profile beside those of the measure."""

    def __init__(self, dialogues: Sequence[Dialogue]) -> None:
        tags = {"u": "user", "a": "assistant"}
        records = [
            {"messages": [{"role": tags[r], "content": t} for r, t in zip(one.roles, one.texts, strict=True)]}
            for one in dialogues
        ]
        self.profile = ultraqa.profile(records, tokens="none")
        self.name = self.profile.name
        texts = self.profile.texts(range(len(self.profile)))
        self.mine = np.array([specifics.compute(one) for one in texts])

    def column(self, name: str, table: str = "dialogues") -> NDArray[Any]:
        """A column of either."""
        return self.mine[:, NAMES.index(name)] if name in NAMES else self.profile.column(name, table)


def rows_of(dialogues: Sequence[Dialogue]) -> dict[str, Result]:
    """The rows of some dialogues by metric."""
    measured = Measured(dialogues)
    hashes = measured.column("content_hash")
    distinct = np.zeros(len(dialogues), np.bool_)
    distinct[np.unique(hashes, return_index=True)[1]] = True
    none = np.zeros(0, np.int64)
    part = Part("set", measured, np.arange(len(dialogues)), none, none, none.astype(np.uint8), distinct)  # type: ignore[arg-type]
    return {row.metric: row for row in specifics.MEASURE.rows(part)}


SOME: Final = [
    said("ua", "When was it?", "It was in 1887, or so they say."),
    said("uaua", "Was it in 1887?", "It may be 1887 or 1888.", "How long?", "I don't know, 5 km perhaps."),
    said("ua", "Hello", "Hello there, friend"),
]


def test_rows_are_ratios_of_sums() -> None:
    """Four specifics in 7 + 4 + 5 + 3 words, three of them ungrounded; two of four replies hedge, one abstains."""
    found = rows_of(SOME)
    assert {name: (row.scope, row.statistic, row.unit, row.n) for name, row in found.items()} == {
        "specifics": ("assistant", "value", "per 100 words", 4),
        "ungrounded_specifics": ("assistant", "share", "share", 4),
        "hedging": ("assistant", "share", "share", 4),
        "abstention": ("assistant", "share", "share", 4),
    }
    values = {name: row.value for name, row in found.items()}
    assert values == pytest.approx(
        {"specifics": 100 * 4 / 19, "ungrounded_specifics": 3 / 4, "hedging": 2 / 4, "abstention": 1 / 4}, abs=1e-12
    )
    for row in found.values():
        assert row.value is not None
        assert row.low is not None
        assert row.high is not None
        assert row.low <= row.value <= row.high
        assert row.low >= 0
        assert row.unit != "share" or row.high <= 1


def test_copies_count_in_values_and_not_in_intervals() -> None:
    """Every dialogue three times: equal rows but for the number of replies."""
    once, often = rows_of(SOME), rows_of(SOME * 3)
    for name, row in once.items():
        assert often[name].n == 3 * row.n
        assert often[name][4:7] == pytest.approx(row[4:7], abs=1e-12)


def test_a_share_of_nothing_has_an_interval() -> None:
    """No reply of twenty dialogues abstains: up to z² / (20 + z²), not 0."""
    found = rows_of([said("ua", f"Hello {'o' * i}", "Hello there") for i in range(20)])["abstention"]
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(1.959964**2 / (20 + 1.959964**2), abs=1e-6)


@pytest.mark.parametrize(
    ("dialogues", "notes"),
    [
        ([said("u", "In 1887?")], {"specifics": "no words", "hedging": "no replies", "abstention": "no replies"}),
        ([said("ua", "Hi", "Hello there")], {"ungrounded_specifics": "no specifics"}),
    ],
)
def test_undefined_rows_say_why(dialogues: list[Dialogue], notes: dict[str, str]) -> None:
    """None, with a reason, and no interval."""
    found = rows_of(dialogues)
    for metric, note in notes.items():
        assert (found[metric].value, found[metric].low, found[metric].note) == (None, None, note)
