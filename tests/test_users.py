"""Marks of user messages by invented dialogues, and their comparison by brute force and by how often it errs."""

from __future__ import annotations

from itertools import combinations
from math import isnan, log2
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, mannwhitneyu

import ultraqa
from ultraqa.analysis import dispersion, user_acts, users
from ultraqa.analysis.human_likeness import Feature, compare
from ultraqa.analysis.measure import Measure
from ultraqa.analysis.part import Part
from ultraqa.analysis.separability import MIN_DIALOGUES, auc_interval, separability
from ultraqa.analysis.words import words
from ultraqa.dialogues.batch import Dialogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.metric import Result

NAMES: Final = [column.name for column in users.COLUMNS]
Z: Final = 1.959964


def said(roles: str, *texts: str) -> Dialogue:
    """A dialogue."""
    return Dialogue(roles, list(texts), "")


def columns(dialogue: Dialogue) -> dict[str, float]:
    """The columns of a dialogue by name."""
    return dict(zip(NAMES, users.compute(dialogue), strict=True))


class Columns:
    """Stands for a Profile whose dialogues were measured: the columns that are asked for."""

    def __init__(self, dialogues: Sequence[Dialogue]) -> None:
        self.name = "set"
        measured = np.array([users.compute(one) for one in dialogues], float).reshape(-1, len(NAMES))
        self._columns: dict[str, NDArray[Any]] = dict(zip(NAMES, measured.T, strict=True))
        counts = [[len(words(text)) for role, text in turns(one) if role == "u"] for one in dialogues]
        self._columns["words_user"] = np.array([sum(some) for some in counts], np.int64)
        self._columns["words_prompt"] = np.array([some[0] if some else 0 for some in counts], np.int64)
        hashes = [crc32(repr(turns(one)).encode()) for one in dialogues]
        self._columns["content_hash"] = np.array(hashes, np.uint64)

    def column(self, name: str, _: str = "dialogues") -> NDArray[Any]:
        """A column."""
        return self._columns[name]


def turns(dialogue: Dialogue) -> list[tuple[str, str]]:
    """Role and text of each turn."""
    return list(zip(dialogue.roles, dialogue.texts, strict=True))


def part(dialogues: Sequence[Dialogue], name: str = "set") -> Part:
    """All of some measured dialogues."""
    profile, rows = Columns(dialogues), np.arange(len(dialogues))
    distinct = np.zeros(len(dialogues), np.bool_)
    distinct[np.unique(profile.column("content_hash"), return_index=True)[1]] = True
    none = np.zeros(0, np.int64)
    return Part(name, profile, rows, none, none, none.astype(np.uint8), distinct)  # type: ignore[arg-type]


STARTS: Final = ("What about", "And", "please tell me", "Tell me", "how is", "No, that", "Certainly! Here is", "Now")
SUBJECTS: Final = tuple(
    f"the {colour} {thing}" for colour in ("red", "blue", "old") for thing in ("boat", "mill", "oak")
)
ENDS: Final = ("?", ".", "", "!", " today", " in the garden by the river.")


def spoken(rng: np.random.Generator, n: int, starts: Sequence[str] = STARTS) -> list[Dialogue]:
    """Random dialogues of 1 to 5 rounds, each unlike the others by a number in its first reply."""
    found = []
    for i in range(n):
        texts: list[str] = []
        rounds = int(rng.integers(1, 6))
        for k in range(rounds):
            start, subject, end = (str(rng.choice(some)) for some in (starts, SUBJECTS, ENDS))
            reply = f"I know that {rng.choice(SUBJECTS)} is near {rng.choice(SUBJECTS)}"
            texts += [f"{start} {subject}{end}", reply + ("" if k else f" {i}-{rng.integers(10**9)}")]
        found.append(said("ua" * rounds, *texts))
    return found


# --- the marks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "holds", "fails"),
    [
        ("questions_user", ["Why?", "Is it? Tell me.", "なぜ？"], ["Tell me why.", "1"]),
        (
            "unpunctuated_user",
            ["tell me", "Tell me:", "x = 1;", "漢字"],
            ["Tell me.", 'He said "no."', "(Why?)", "Go… "],
        ),
        ("lower_start_user", ["tell me", "  été"], ["Tell me", "1 apple", "漢字", '"tell" me']),
        ("polite_user", ["Please go on", "THANKS!", "I'd appreciate a list"], ["I am pleased", "thankless work"]),
        (
            "assistant_like_user",
            [
                "Certainly! The boat is red.",
                "As an AI language model, I cannot sail.",
                "Sure, here is a list",
                "You’re welcome!",
                "I'd be happy to help you with that.",
                "It floats. Is there anything else I can help you with?",
                "I'm sorry, but I cannot do that",
            ],
            [
                "Sure",
                "As an AI researcher you know boats",
                "I am certainly late",
                "How can I help my dog?",
                "Here is it",
            ],
        ),
    ],
)
def test_marks_of_a_message(mark: str, holds: list[str], fails: list[str]) -> None:
    """One message that has the mark counts 1, one that has not counts 0."""
    assert [text for text in holds if columns(said("u", text))[mark] != 1] == []
    assert [text for text in fails if columns(said("u", text))[mark] != 0] == []


@pytest.mark.parametrize(
    ("mark", "reply", "holds", "fails"),
    [
        (
            "friction_user",
            "The boat is red.",
            [
                "No, it is blue.",
                "That's wrong",
                "you forgot the mill",
                "Hm, that isn't right",
                "I meant the oak.",
                "Actually, it sank",
                "Are you sure?",
                "Please try again",
                "It is still not working",
            ],
            ["No problem", "Is it wrong to sail?", "Now the mill", "I like it", "What about the oak instead?"],
        ),
        ("friction_user", "Do you sail?", ["That's not what I asked"], ["No, I don't", "Not really, why?", "nope"]),
        (
            "dependent_user",
            "The boat is red.",
            [
                "And the mill?",
                "Why",
                "that one",
                "Can you make it shorter?",
                "What do they cost?",
                "continue",
                "THE SECOND",
            ],
            [
                "Name a boat",
                "Tell me about boats and mills",
                "Andes mountains",
                "I sail with the oldest of my boats this",
            ],
        ),
        (
            "echo_user",
            "An old boat lies near the mill, by the river.",
            ["Why does it lie NEAR the mill by night?", "lies near-the mill"],
            ["near the mill", "Is it near the oak by the river?", ""],
        ),
    ],
)
def test_marks_of_a_followup(mark: str, reply: str, holds: list[str], fails: list[str]) -> None:
    """Only in a message after the first, and with the reply before it in view."""
    assert [text for text in holds if columns(said("uau", "Hello", reply, text))[mark] != 1] == []
    assert [text for text in fails if columns(said("uau", "Hello", reply, text))[mark] != 0] == []
    assert {columns(said("ua", text, reply))[mark] for text in holds} == {0}


def test_prompts_that_all_open_alike_have_no_entropy() -> None:
    """0 with an interval of no width, also where they are more than are drawn."""
    assert dispersion.opening_entropy(np.array([150]), 100) == 0
    assert dispersion.opening_entropy_interval(0.0, np.array([150]), 100) == (0, 0)


def test_given_words_come_from_the_reply_alone() -> None:
    """Not those that the user said before, nor function words; each time they occur."""
    one = said("uaua", "A red boat", "The red mill and the weir", "Is the red mill older than a weir, or mill?", "Yes")
    assert columns(one)["given_user"] == 3
    assert columns(said("uu", "A red boat", "a mill"))["given_user"] == 0


@pytest.mark.parametrize(
    ("last", "closes"),
    [
        ("Thanks, that helps!", 1),
        ("goodbye", 1),
        ("It was nice talking to you.", 1),
        ("In summary, boats float.", 1),
        ("Thanks. Which boat floats?", 0),
        ("Thank you, now write it again", 0),
        ("I sail on.", 0),
        ("Thank you. " + "I sail on and on. " * 9, 0),
    ],
)
def test_closing_is_of_the_last_user_message(last: str, closes: int) -> None:
    """Also where the assistant has the last word."""
    assert columns(said("uau", "Hello", "Hi", last))["closing"] == closes
    assert columns(said("uaua", "Thanks", "Hi", last, "Bye"))["closing"] == closes


def test_columns_of_a_dialogue() -> None:
    """Counts over its user messages; system, tool, unknown and blank turns are none; replies in a row are one."""
    one = said(
        "sutaa?uau",
        "Thanks?",
        "please describe the harbour",
        "Why?",
        "It is a harbour",
        "with nine boats",
        "Why?",
        "Are the nine boats at sea?",
        "Seven are.",
        " \n",
    )
    wanted = {
        "followups": 1, "questions_user": 1, "unpunctuated_user": 1, "lower_start_user": 1, "polite_user": 1,
        "assistant_like_user": 0, "friction_user": 0, "dependent_user": 0, "echo_user": 0, "given_user": 2,
        "closing": 0, "opening_prompt": crc32(b"please describe"),
    }  # fmt: skip
    assert columns(one) == wanted


@pytest.mark.parametrize("one", [said("", *[]), said("a", "Hello"), said("sua", "Be brief", "", "Hi")])
def test_without_a_user_message_nothing_is_defined(one: Dialogue) -> None:
    """Every column is NaN."""
    assert all(map(isnan, users.compute(one)))


def test_one_message_has_no_followup_and_closes_nothing() -> None:
    """Counts of follow-ups are 0, closing is undefined, a prompt without words has an opening of its own."""
    found = columns(said("ua", "2+2=", "4"))
    assert isnan(found.pop("closing"))
    assert found.pop("opening_prompt") == crc32(b"")
    assert {name for name, value in found.items() if value} == {"unpunctuated_user"}


WORDS: Final = st.lists(st.sampled_from(["boat", "mill", "oak", "the", "of", "weir"]), max_size=12)


@given(first=WORDS, reply=WORDS, second=WORDS)
def test_echo_and_given_are_those_of_a_plain_search(first: list[str], reply: list[str], second: list[str]) -> None:
    """Four words in a row found as text; words counted one by one."""
    runs = [f" {' '.join(second[i : i + 4])} " for i in range(len(second) - 3)]
    assert user_acts.echo(second, reply) == any(run in f" {' '.join(reply)} " for run in runs)
    taken = [word for word in second if word in reply and word not in first and word not in {"the", "of"}]
    assert user_acts.given(second, reply, first) == len(taken)


@given(st.lists(st.tuples(st.sampled_from("uast?"), st.text(max_size=60)), max_size=8))
def test_counts_never_pass_their_denominators(some: list[tuple[str, str]]) -> None:
    """In any text; and turns that are neither the user's nor the assistant's change nothing."""
    one = said("".join(role for role, _ in some), *(text for _, text in some))
    spoken_only = [turn for turn in some if turn[0] in "ua"]
    found = columns(one)
    np.testing.assert_array_equal(users.compute(one), users.compute(said(
        "".join(role for role, _ in spoken_only), *(text for _, text in spoken_only)
    )))  # fmt: skip
    messages = sum(role == "u" and bool(text.strip()) for role, text in some)
    assert isnan(found["followups"]) == (messages == 0)
    for name in ("questions", "unpunctuated", "lower_start", "polite", "assistant_like"):
        assert not found[f"{name}_user"] > messages
    for name in ("friction", "dependent", "echo"):
        assert not found[f"{name}_user"] > messages - 1


def test_openings_are_counted_by_dialogue() -> None:
    """The first two words of the first user message, most frequent first."""
    some = [said("ua", text, "Yes") for text in ("Tell me.", "tell me more", "What’s up", "?")] + [said("a", "Hi")]
    assert users.openings(some) == [("tell me", 2), ("what's up", 1), ("", 1)]
    assert users.openings(some, 1) == [("tell me", 2)]
    assert columns(some[0])["opening_prompt"] == columns(some[1])["opening_prompt"]


def test_every_column_is_defined() -> None:
    """The measure has a sentence and a number for each column."""
    assert isinstance(users.MEASURE, Measure)
    assert all(column.doc.endswith((".", ")")) for column in users.MEASURE.columns)
    assert len(users.MEASURE.compute(said("ua", "Hi", "Hi"))) == len(users.MEASURE.columns) == len(set(NAMES))


# --- rows ------------------------------------------------------------------------------------------------------------


def rows_of(dialogues: Sequence[Dialogue]) -> dict[tuple[str, str, int | None], Result]:
    """Result rows by metric, statistic and budget."""
    return {(row.metric, row.statistic, row.budget): row for row in users.MEASURE.rows(part(dialogues))}


def test_rows_are_ratios_of_sums() -> None:
    """By plain Python over all messages, also of copies; an interval lies around its value."""
    some = spoken(np.random.default_rng(1), 120)
    some += [*some[:30], said("a", "Nobody asked"), said("u", "Hello there")]
    found, table = rows_of(some), [columns(one) for one in some]
    asked = [one for one in table if not isnan(one["followups"])]
    later = sum(one["followups"] for one in asked)
    for metric, names, total in (
        ("messages", ("questions", "unpunctuated", "lower_start", "polite", "assistant_like"), later + len(asked)),
        ("followups", ("friction", "dependent", "echo"), later),
    ):
        for name in names:
            row = found[name, "share", None]
            assert row.value == pytest.approx(sum(one[f"{name}_user"] for one in asked) / total), metric
            assert (row.n, row.scope, row.unit) == (total, "user", "share")
    texts = [[text for role, text in turns(one) if role == "u"] for one in some]
    followed = sum(len(words(text)) for several in texts for text in several[1:])
    assert found["given", "share", None].value == pytest.approx(sum(one["given_user"] for one in asked) / followed)
    assert found["followup_words", "mean", None].value == pytest.approx(followed / later)
    several = [one["closing"] for one in asked if one["followups"]]
    closing = found["closing", "share", None]
    assert closing.value == pytest.approx(mean(several))
    assert (closing.n, closing.n_undefined) == (len(several), len(some) - len(several))
    assert found["followups", "mean", None].value == pytest.approx(later / len(asked))
    assert found["followups", "mean", None].n_undefined == 1
    for row in found.values():
        assert row.value is not None or row.note, row
        assert row.low is None or row.low <= row.value <= row.high, row


def test_copies_count_in_shares_and_not_in_intervals() -> None:
    """A set three times: equal values and intervals, three times the messages."""
    some = spoken(np.random.default_rng(2), 150)
    once, often = rows_of(some), rows_of(some * 3)
    for name in ("questions", "friction", "given"):
        first, second = once[name, "share", None], often[name, "share", None]
        assert second.n == 3 * first.n
        assert second[4:7] == pytest.approx(first[4:7])
    assert often["opening_entropy", "value", 100] == once["opening_entropy", "value", 100]


def test_a_share_of_nothing_has_a_wilson_interval_over_dialogues() -> None:
    """No user message of 40 dialogues is polite: 0 to 3.84 / (40 + 3.84), not 0 to 0."""
    some = [said("uaua", f"Boat {'o' * i}?", "No", "Why?", "So") for i in range(40)]
    row = rows_of(some)["polite", "share", None]
    assert (row.value, row.low) == (0, 0)
    assert row.high == pytest.approx(Z**2 / (40 + Z**2), rel=1e-5)


@pytest.mark.parametrize(
    ("some", "note"),
    [([], "no user message"), ([said("a", "Hi")], "no user message"), ([said("ua", "Hi", "Hi")], "no follow-up")],
)
def test_undefined_rows_say_why(some: list[Dialogue], note: str) -> None:
    """None with a reason in sets of no dialogue, no user message and one message."""
    found = rows_of(some)
    assert all(row.note for row in found.values() if row.value is None)
    assert found["friction", "share", None][4] is None
    assert found["friction", "share", None].note == note
    assert found["opening_entropy", "value", None].value is None
    assert found["words_cv", "value", None].value is None


def test_columns_agree_with_a_real_profile() -> None:
    """Its user words are those that follow-ups are counted in: shares stay within 0 and 1, means as by hand."""
    texts = [["Tell me of boats", "A boat floats on water", "Why does a boat float?", "It is light"], ["Hello", "Hi"]]
    records = [
        {"messages": [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(some)]}
        for some in texts
    ]
    profile = ultraqa.profile(records, tokens="none")
    some = part(profile.texts(range(len(profile))))
    for name in ("words_user", "words_prompt"):
        assert profile.column(name).tolist() == some.dialogue(name).tolist()
    found = {row.metric: row for row in users.rows(some)}
    assert found["followup_words"].value == 5
    assert found["given"].value == 1 / 5  # "boat": the user said "boats", the reply "floats"


# --- dispersion ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [[3, 1, 1], [4, 2, 1, 1], [6], [1] * 6])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_opening_entropy_is_the_mean_over_all_draws(counts: list[int], n: int) -> None:
    """Over every choice of n prompts; 1 where all differ, 0 where none do."""
    prompts = [kind for kind, count in enumerate(counts) for _ in range(count)]
    found = dispersion.opening_entropy(np.array(counts), n)
    assert found == pytest.approx(mean(relative_entropy(draw) for draw in combinations(prompts, n)), abs=1e-9)
    if len(set(counts)) == 1:
        assert found == pytest.approx(float(counts[0] == 1), abs=1e-9)


def relative_entropy(draw: Sequence[int]) -> float:
    """Entropy of the kinds in a draw over the logarithm of its size."""
    shares = [draw.count(kind) / len(draw) for kind in set(draw)]
    return -sum(share * log2(share) for share in shares) / log2(len(draw))


def test_opening_entropy_interval_is_the_jackknife() -> None:
    """As by leaving out one prompt after the other; none where the number is that of all prompts."""
    counts = np.array([9, 5, 3, 1, 1, 1])
    value = dispersion.opening_entropy(counts, 8)
    left = [
        dispersion.opening_entropy(counts - (np.arange(len(counts)) == kind), 8)
        for kind in range(len(counts))
        for _ in range(counts[kind])
    ]
    spread = Z * np.sqrt((len(left) - 1) * np.var(left))
    wanted = (max(0, value - spread), min(1, value + spread))
    assert dispersion.opening_entropy_interval(value, counts, 8) == pytest.approx(wanted, rel=1e-6)
    assert dispersion.opening_entropy_interval(value, counts, 20) == (None, None)


def test_intervals_of_dispersion_hold_the_truth() -> None:
    """In 300 seeded draws, .95 within three standard errors (.038); the entropy's may be wider, as a jackknife is."""
    chances = np.arange(1, 60) ** -1.0
    chances /= chances.sum()
    lengths = np.arange(1, 41, dtype=float)
    true_cv = float(lengths.std() / lengths.mean())
    many = np.random.default_rng(0).multinomial(200_000, chances)  # at 200,000 prompts the expectation is exact to .001
    true_entropy = dispersion.opening_entropy(many[many > 0], 100)
    held = {"cv": 0, "entropy": 0}
    for seed in range(300):
        rng = np.random.default_rng(seed)
        drawn = rng.choice(lengths, 200)
        cv = dispersion.words_cv(drawn)
        assert cv is not None
        held["cv"] += inside(true_cv, dispersion.words_cv_interval(cv, drawn))
        counts = rng.multinomial(400, chances)
        counts = counts[counts > 0]
        value = dispersion.opening_entropy(counts, 100)
        held["entropy"] += inside(true_entropy, dispersion.opening_entropy_interval(value, counts, 100))
    assert 0.912 <= held["cv"] / 300 <= 0.988
    assert held["entropy"] / 300 >= 0.912


def inside(truth: float, interval: tuple[float | None, float | None]) -> bool:
    """Whether an interval holds a number."""
    low, high = interval
    return low is not None and high is not None and low <= truth <= high


def test_lengths_of_prompts() -> None:
    """Standard deviation over mean, 95th percentile over median; None where there is none."""
    lengths = np.array([3.0, 8.0, 1.0, 40.0, 5.0])
    assert dispersion.words_cv(lengths) == pytest.approx(stdev(lengths) / mean(lengths))
    assert dispersion.words_tail(lengths) == pytest.approx(float(np.percentile(lengths, 95)) / 5)
    for few in ([], [4.0], [0.0, 0.0]):
        assert dispersion.words_cv(np.array(few)) is None
    assert dispersion.words_tail(np.zeros(3)) is None
    assert dispersion.words_tail(np.zeros(0)) is None
    assert dispersion.words_cv_interval(0.0, np.ones(5)) == (None, None)


# --- comparison ------------------------------------------------------------------------------------------------------


def by_name(found: Sequence[Feature]) -> dict[str, Feature]:
    """Features by name."""
    return {feature.name: feature for feature in found}


def test_compared_values_are_those_of_the_rows() -> None:
    """Of each dataset, without copies; the difference is candidate less reference."""
    rng = np.random.default_rng(3)
    some, others = spoken(rng, 130), spoken(rng, 110, STARTS[:3])
    found = by_name(compare(part(some), part(others), seed=0, permutations=9))
    for side, rows in (("reference", rows_of(some)), ("candidate", rows_of(others))):
        for key, row in rows.items():
            name = key[0] if row.scope == "dialogue" else f"{key[0]}_{row.scope}"
            if key[1] in {"share", "mean", "value"} and name in found:
                assert getattr(found.pop(name) if side == "candidate" else found[name], side) == pytest.approx(
                    row.value
                ), name
    assert set(found) == {"words_prompt"}  # a row of the Profile itself
    for feature in found.values():
        assert feature.difference == pytest.approx(feature.candidate - feature.reference)


def test_p_is_that_of_all_permutations() -> None:
    """With 4 and 3 dialogues there are 35 splits; 20,000 seeded permutations come within .02 of their share."""
    some = [
        said("ua" * k, *["Why? " * j, "So."] * k) for j, k in ((1, 1), (2, 3), (4, 1), (0, 2), (7, 2), (3, 4), (9, 1))
    ]
    some[3] = said("uaua", "No", "So.", "And", "So.")
    reference, candidate = part(some[:4]), part(some[4:])
    found = by_name(compare(reference, candidate, seed=1, permutations=20_000))
    for side in (reference, candidate):
        tail = dispersion.words_tail(side.dialogue("words_prompt").astype(float))
        assert found["words_tail_prompt"][1 + (side is candidate)] == pytest.approx(tail)
    for name in ("followups", "words_prompt", "questions_user", "words_cv_prompt", "words_tail_prompt"):
        differences = []
        for chosen in combinations(range(7), 4):
            sides = [some[i] for i in chosen], [some[i] for i in range(7) if i not in chosen]
            values = by_name(compare(part(sides[0]), part(sides[1]), seed=0, permutations=1))[name]
            differences.append(values.difference)
        observed = found[name].difference
        reached = mean(gap is None or abs(gap) >= abs(observed) - 1e-9 for gap in differences)
        assert found[name].p == pytest.approx(reached, abs=0.02), name


def test_p_is_uniform_where_nothing_differs() -> None:
    """Over 200 pairs from one population, 99 permutations: Kolmogorov and Smirnov see no departure (p > .001)."""
    everyone = spoken(np.random.default_rng(4), 2_000)
    whole = part(everyone)
    seen: dict[str, list[float]] = {
        name: [] for name in ("questions_user", "friction_user", "words_cv_prompt", "given_user")
    }
    for seed in range(200):
        rows = np.random.default_rng(seed).choice(2_000, 80, replace=False)
        found = by_name(compare(some_of(whole, rows[:50]), some_of(whole, rows[50:]), seed=seed, permutations=99))
        for name, values in seen.items():
            values.append(found[name].p)
    for name, values in seen.items():
        # p takes the values .01 to 1: spread over the hundredth below, it is uniform on 0 to 1
        jittered = np.array(values) - np.random.default_rng(9).random(200) / 100
        assert kstest(jittered, "uniform").pvalue > 0.001, name


def some_of(whole: Part, rows: NDArray[np.int64]) -> Part:
    """Some dialogues of a part, none a copy of another."""
    return Part("some", whole.profile, rows, whole.members, whole.owner, whole.roles, np.ones(len(rows), np.bool_))


def test_planted_differences_are_found_and_survive_holm() -> None:
    """A candidate that never asks politely nor objects, against one that does; the corrected p is never smaller."""
    rng = np.random.default_rng(5)
    found = by_name(compare(part(spoken(rng, 200)), part(spoken(rng, 200, STARTS[:2])), seed=0))
    for name in ("polite_user", "friction_user", "assistant_like_user", "dependent_user"):
        assert found[name].p == pytest.approx(1 / 1001)
        assert found[name].p_holm < 0.05
    tested = sorted((one.p, one.p_holm) for one in found.values() if one.p is not None)
    wanted = 0.0
    for rank, (p, p_holm) in enumerate(tested):
        wanted = min(1.0, max(wanted, p * (len(tested) - rank)))
        assert p_holm == pytest.approx(wanted)


def test_a_comparison_depends_on_the_seed_alone_and_not_on_copies() -> None:
    """Equal seeds give equal numbers, and so do copies of dialogues."""
    rng = np.random.default_rng(6)
    some, others = spoken(rng, 60), spoken(rng, 70)
    found = compare(part(some), part(others), seed=3, permutations=200)
    assert compare(part(some), part(others), seed=3, permutations=200) == found
    assert compare(part(some * 2), part(others * 3), seed=3, permutations=200) == found
    again = compare(part(some), part(others), seed=4, permutations=200)
    assert again != found
    assert [one[:4] for one in again] == [one[:4] for one in found]


def test_what_cannot_be_compared_says_why() -> None:
    """No user message, no follow-up, too few prompts: None with a note, and no place among the corrected."""
    some, single = spoken(np.random.default_rng(7), 60), [said("ua", f"Boat {i}?", f"{i}") for i in range(60)]
    nothing = compare(part(some), part([said("a", "Hi")], "silent"), seed=0)
    assert {one.note for one in nothing} == {"silent has no user message"}
    assert all(one[1:6] == (None,) * 5 for one in nothing)
    found = by_name(compare(part(some), part(single), seed=0, permutations=50))
    for name in ("friction_user", "given_user", "closing", "followup_words_user"):
        assert found[name].reference is not None
        assert found[name][2:6] == (None,) * 4
        assert found[name].note
    assert found["opening_entropy_prompt"].note == "needs 100 prompts in both datasets"
    assert found["questions_user"].p is not None


# --- separability ----------------------------------------------------------------------------------------------------


def test_equal_distributions_cannot_be_told_apart() -> None:
    """Over 100 pairs from one population: .5 on average and in .95 of the intervals, within three standard errors."""
    whole = part(spoken(np.random.default_rng(8), 3_000))
    found = []
    for seed in range(100):
        rows = np.random.default_rng(seed).choice(3_000, 140, replace=False)
        found.append(separability(some_of(whole, rows[:60]), some_of(whole, rows[60:]), seed=seed))
    assert mean(one.auc for one in found) == pytest.approx(0.5, abs=3 * 0.07 / 100**0.5)
    assert 0.885 <= mean(one.low <= 0.5 <= one.high for one in found) <= 1
    assert {one.n for one in found} == {140}


def test_a_planted_difference_is_told_apart() -> None:
    """Users who begin with "please" and a small letter: an AUC near 1, and the weights say by what."""
    rng = np.random.default_rng(9)
    found = separability(part(spoken(rng, 100, STARTS[:2])), part(spoken(rng, 90, STARTS[2:3])), seed=0)
    assert found.auc > 0.97
    assert found.low > 0.9
    assert {name for name, weight in found.weights.items() if weight > 1} == {"polite_user", "lower_start_user"}
    assert found.weights["dependent_user"] < -1


def test_copies_lie_in_one_fold() -> None:
    """A dataset against itself is at chance exactly; a copy in another fold would pull the AUC below it."""
    some = part(spoken(np.random.default_rng(10), 80))
    assert separability(some, some, seed=0).auc == 0.5


def test_separability_depends_on_the_seed_alone_and_not_on_copies() -> None:
    """Equal seeds give equal numbers; copies change nothing."""
    rng = np.random.default_rng(11)
    some, others = spoken(rng, 60), spoken(rng, 60, STARTS[:4])
    found = separability(part(some), part(others), seed=1)
    assert separability(part(some * 2), part(others), seed=1) == found
    assert separability(part(some), part(others), seed=2).auc != found.auc


def test_separability_is_refused_with_a_reason() -> None:
    """Under 50 dialogues on a side, and where no feature varies."""
    some = spoken(np.random.default_rng(12), MIN_DIALOGUES)
    found = separability(part(some), part(some[1:] * 2), seed=0)
    assert found == (None, None, None, 99, {}, found.note)
    assert "49 dialogues" in found.note
    same = part([said("ua", "Hi!", str(i)) for i in range(60)])
    assert separability(same, same, seed=0).note == "no feature varies"
    assert (
        separability(part(some), part([said("ua", f"{'Hi ' * i}!", str(i)) for i in range(60)]), seed=0).auc is not None
    )


@pytest.mark.parametrize(
    ("auc", "m", "n"), [(0.5, 50, 50), (0.8, 60, 400), (0.97, 1_000, 80), (1.0, 50, 70), (0.0, 60, 60)]
)
def test_auc_interval_solves_its_equation(auc: float, m: int, n: int) -> None:
    """Each end lies 1.96 of its own Hanley and McNeil standard errors away, both sizes in it taken as their mean."""
    low, high = auc_interval(auc, m, n)
    assert 0 <= low <= auc <= high <= 1
    for end in (low, high):
        half = (m + n) / 2 - 1
        q1, q2 = end / (2 - end), 2 * end**2 / (1 + end)
        variance = (end * (1 - end) + half * (q1 - end**2) + half * (q2 - end**2)) / (m * n)
        assert abs(auc - end) == pytest.approx(Z * np.sqrt(max(0, variance)), abs=1e-6)


def test_auc_intervals_hold_the_truth() -> None:
    """Of 400 seeded draws of normal scores .95 within three standard errors (.033)."""
    truth = 0.8  # of normal scores 1.19023 apart
    held = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        first, second = rng.normal(1.19023, 1, 60), rng.normal(0, 1, 90)
        low, high = auc_interval(float(mannwhitneyu(first, second).statistic) / (60 * 90), 60, 90)
        held += low <= truth <= high
    assert 0.917 <= held / 400 <= 0.983
