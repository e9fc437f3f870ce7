"""Gates: what a KEY names, what files and words of gates mean, and that a number that is not there is never a pass."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import ultraqa
from ultraqa.analysis.catalog import definitions
from ultraqa.analysis.language import _language_model
from ultraqa.analysis.metric import Result
from ultraqa.filters.gates import Gate, found_config, overridden, parse, read_gates, valid
from ultraqa.filters.keys import _LANGUAGES, Key, default_key, is_share, key_of
from ultraqa.filters.verdicts import STATUSES, Outcome, _percentage, evaluate, exit_code, shown, wanted
from ultraqa.reports import numbers, table
from ultraqa.reports import verdicts as rendered

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from ultraqa.analysis.profile import Profile

ROWS = [
    Result("set", "mtld", "assistant", "mean", 64.5, 61.0, 68.0, "words", 40, 3),
    Result("set", "mtld", "assistant", "median", 62.0, unit="words", n=40),
    Result("set", "mtld", "user", "mean", None, unit="words", n=0, n_undefined=43, note="messages have under 50 words"),
    Result("set", "near_duplicates", "dialogue", "share", 0.05, 0.03, 0.08, "share", 500),
    Result("set", "near_duplicates", "dialogue", "count", 25, n=500),
    Result("set", "distinct_2", "assistant", "value", 0.6, n=40, budget=10_000),
    Result("set", "distinct_2", "assistant", "value", 0.4, n=90, budget=30_000),
    Result("set", "distinct_2", "user", "value", None, n=9, note="900 words: corpus statistics need 10,000"),
    Result("set", "language.en", "dataset", "share", 0.9, 0.8, 0.95, "share", 100),
]
KEYS = ("mtld", "mtld.median", "near_duplicates.count", "distinct_2@10000", "distinct_2")
VALUES = {"mtld": 64.5, "mtld.median": 62.0, "near_duplicates.count": 25, "distinct_2@10000": 0.6, "distinct_2": 0.4}
MISSING = ("mtld.user", "contaminated", "distinct_2@100000", "near_duplicates.message", "language.en.count")
THRESHOLDS = st.one_of(st.sampled_from([0.0, 0.4, 0.6, 25.0, 62.0, 64.5]), st.floats(-100, 100))


@pytest.fixture(scope="module")
def measured(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """A Profile of the sample with everything that is measured by default."""
    return ultraqa.profile(samples / "sample.jsonl", tmp_path_factory.mktemp("gates") / "sample.ultraqa")


def outcome(key: str, *, low: float | None = None, high: float | None = None, tier: str = "fail") -> Outcome:
    """What one gate says of ``ROWS``."""
    return evaluate(ROWS, [Gate(key, low, high, tier)])[0]


@st.composite
def gates(draw: st.DrawFn) -> Gate:
    """A gate on a number that is in ``ROWS``, or on one that is not."""
    key = key_of(draw(st.sampled_from(KEYS + MISSING)))
    ends = st.none() | (st.sampled_from([0.0, 0.25, 0.4, 0.6, 0.75]) if is_share(key) else THRESHOLDS)
    low, high = draw(ends), draw(ends)
    assume(low is not None or high is not None)
    if low is not None and high is not None:
        low, high = min(low, high), max(low, high)
    return Gate(str(key), low, high, draw(st.sampled_from(["fail", "warn"])))


# --- KEYs


def test_a_metric_alone_is_the_number_that_the_report_shows_first() -> None:
    """For every metric of the report's table, as far as the catalog lists its scope."""
    first: dict[str, tuple[str, str]] = {}
    for _, metric, scope, statistic, _ in table._COLUMNS:
        first.setdefault(metric, (scope, statistic))
    scopes = {one.name: one.scopes.split() for one in definitions()}
    found = {metric: key_of(metric) for metric, (scope, _) in first.items() if scope in scopes[metric]}
    assert len(found) > 30
    assert {metric: (key.scope, key.statistic) for metric, key in found.items()} == {
        metric: first[metric] for metric in found
    }


def test_every_number_of_a_profile_has_a_key_that_reads_it_back(measured: Profile) -> None:
    """The KEY of each row names that row and no other, at its budget."""
    scopes = {one.name: one.scopes.split() for one in definitions()}
    read = 0
    for row in measured.rows():
        family = row.metric.partition(".")[0]
        if family == row.metric and row.scope not in scopes[row.metric]:
            continue
        key = Key(row.metric, row.scope, row.statistic, row.budget)
        assert key_of(str(key)) == key
        found = evaluate(measured.rows(), [Gate(str(key), 0.0 if is_share(key) or key.statistic == "auc" else -1e9)])[0]
        assert found.value == row.value
        assert found.status == ("not_evaluated" if row.value is None else "passed")
        read += 1
    assert read > 300


def test_what_a_metric_means_alone_is_measured(measured: Profile) -> None:
    """Of every metric that the Profile has any row of, the default scope and statistic are among them."""
    rows = {(row.metric, row.scope, row.statistic) for row in measured.rows()}
    metrics = dict.fromkeys(metric for metric, _, _ in rows)
    assert [metric for metric in metrics if (*key_of(metric)[:3],) not in rows] == []


def test_numbers_are_printed_as_percentages_where_reports_do(measured: Profile) -> None:
    """What is a share by its KEY is one by its row."""
    differing = [
        str(key)
        for row in measured.rows()
        if (key := Key(row.metric, row.scope, row.statistic))
        and _percentage(key) != numbers.is_share(row.statistic, row.unit)
    ]
    assert differing == []


def test_every_listed_metric_has_a_default_or_is_a_column() -> None:
    """So that the list of metrics can print it."""
    found = {one.name: default_key(one.name) for one in definitions()}
    only_columns = {name for name, key in found.items() if key is None}
    assert {"sector", "system_words", "replies"} <= only_columns
    assert len(only_columns) < 12
    assert str(found["mtld"]) == "mtld.assistant.mean"
    assert str(found["language.CODE"]) == "language.CODE.dataset.share"


def test_languages_are_those_that_the_model_tells_apart() -> None:
    """Its labels are the only codes."""
    labels = _language_model().predict("a", k=1000, threshold=-1.0)[0]
    assert sorted(label.removeprefix("__label__") for label in labels) == sorted(_LANGUAGES.split())


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("mtld", "mtld.assistant.mean"),
        (" words ", "words.dialogue.mean"),
        ("words.user", "words.user.mean"),
        ("words.p95", "words.dialogue.p95"),
        ("words.user.p95", "words.user.p95"),
        ("exact_duplicates", "exact_duplicates.dialogue.share"),
        ("empty_messages", "empty_messages.dialogue.share"),
        ("relevance", "relevance.assistant.auc"),
        ("relevance.dialogue", "relevance.dialogue.mean"),
        ("dialogues", "dialogues.dataset.value"),
        ("records", "records.dataset.count"),
        ("distinct_2@10000", "distinct_2.assistant.value@10000"),
        ("language.en", "language.en.dataset.share"),
        ("sector.world.count", "sector.world.prompt.count"),
        ("contaminated", "contaminated.dialogue.share"),
        ("contaminated.mmlu", "contaminated.mmlu.dataset.share"),
        ("contaminated.mean.dataset.share", "contaminated.mean.dataset.share"),
        ("contaminated.gsm8k.test.dataset.count", "contaminated.gsm8k.test.dataset.count"),
    ],
)
def test_a_key_leaves_out_what_is_usual(given: str, full: str) -> None:
    """Scope and statistic, each by itself or both."""
    assert str(key_of(given)) == full


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("mltd", "did you mean 'mtld'"),
        ("mtld_assistant", "did you mean 'mtld.assistant'"),
        ("near_duplicate", "did you mean 'near_duplicates'"),
        ("mtld.asistant", "did you mean 'assistant'"),
        ("mtld.asistant.mean", "did you mean 'assistant'"),
        ("mtld.assistant.men", "did you mean 'mean'"),
        ("mtld.mean.assistant", "metric[.scope][.statistic]"),
        ("mtld.mean.mean.mean", "metric[.scope][.statistic]"),
        ("mtld.prompt", "only dialogue, user, assistant or message"),
        ("mtld.zz", "its scopes are dialogue, user, assistant, message"),
        ("language.english", "such as en"),
        ("language.CODE", "such as en"),
        ("script.latn", "did you mean 'latin'"),
        ("script.zzz", "latin, greek"),
        ("sector", "only a column, which rules read"),
        ("qqqq", "`ultraqa metrics` lists them"),
        ("", "`ultraqa metrics` lists them"),
    ],
)
def test_a_key_that_names_nothing_is_refused_with_what_may_be_meant(given: str, told: str) -> None:
    """Metrics, scopes, statistics and members of families."""
    with pytest.raises(ValueError, match=re.escape(told)):
        key_of(given)


# --- gates, from words and from files


@pytest.mark.parametrize(
    ("given", "gate"),
    [
        ("mtld=60", Gate("mtld.assistant.mean", 60.0)),
        ("mtld = -1e2", Gate("mtld.assistant.mean", -100.0)),
        ("near_duplicates=5%", Gate("near_duplicates.dialogue.share", 0.05)),
        ("near_duplicates=0.05", Gate("near_duplicates.dialogue.share", 0.05)),
        ("empty_messages=2.5 %", Gate("empty_messages.dialogue.share", 0.025)),
        ("duplicated_5grams.p95=20%", Gate("duplicated_5grams.assistant.p95", 0.2)),
        ("near_duplicates.count=7", Gate("near_duplicates.dialogue.count", 7.0)),
        ("contaminated.a=b=1%", Gate("contaminated.a=b.dataset.share", 0.01)),
    ],
)
def test_a_gate_is_a_key_and_a_number(given: str, gate: Gate) -> None:
    """A percentage where the number is a share; ``min`` sets the low end, ``max`` the high one."""
    assert parse(given, "min") == gate
    assert parse(given, "max", "warn") == Gate(gate.key, None, gate.low, "warn")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("mtld", "is not KEY=V"),
        ("=60", "is not KEY=V"),
        ("mtld=", "is not KEY=V"),
        ("mtld=sixty", "'sixty' is no number"),
        ("mtld=1,000", "'1,000' is no number"),
        ("mtld=nan", "is no number"),
        ("mtld=1e999", "is no number"),
        ("mtld=60%", "is no share"),
        ("near_duplicates.count=5%", "is no share"),
        ("near_duplicates=5", "write 5% for 0.05"),
        ("near_duplicates=1", "write 1% for 0.01"),
        ("near_duplicates=-0.1", "lies between 0 and 1"),
        ("near_duplicates=500%", "lies between 0 and 1"),
        ("relevance=90", "lies between 0 and 1"),
        ("mltd=60", "did you mean 'mtld'"),
    ],
)
def test_a_gate_that_cannot_be_meant_is_refused(given: str, told: str) -> None:
    """Above all one that nothing could break, as 5 is of a share."""
    with pytest.raises(ValueError, match=re.escape(told)):
        parse(given, "max")


TOML = """
[[{prefix}gate]]
key = "mtld"
min = 60
max = 100.5

[[{prefix}gate]]
key = "near_duplicates.prompt"
max = "5%"
tier = "warn"
reason = "copies"

[other]
gate = 3
"""


@pytest.mark.parametrize(
    ("name", "prefix"), [("ultraqa.toml", ""), ("ci.toml", ""), ("pyproject.toml", "tool.ultraqa.")]
)
def test_gates_are_read_from_toml(name: str, prefix: str, tmp_path: Path) -> None:
    """In their order, from a file of their own and from pyproject.toml, also behind a byte order mark."""
    (tmp_path / name).write_text("\ufeff" + TOML.format(prefix=prefix))
    assert read_gates(tmp_path / name) == [
        Gate("mtld.assistant.mean", 60.0, 100.5),
        Gate("near_duplicates.prompt.share", None, 0.05, "warn", "copies"),
    ]
    (tmp_path / name).write_text('[project]\nname = "gateway"\n')
    assert read_gates(tmp_path / name) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[gate]]\nkey = "mtld"\nmin = \n', "line 3"),
        ("\xff", "is no TOML"),
        ('[[gate]]\nkey = "mtld"\nmni = 60', "gate 1: 'mni' is not known; did you mean 'min'?"),
        ('[[gate]]\nkey = "mtld"\nthreshold = 60', "a gate has key, min, max, tier, reason"),
        ('[[gate]]\nkey = "mtld"\nmin = 1\n[[gate]]\nkey = "mltd"\nmin = 1', "gate 2: no metric is called 'mltd'"),
        ("[[gate]]\nmin = 60", "gate 1 has no key"),
        ('[[gate]]\nkey = "mtld"', "has no bound"),
        ('[[gate]]\nkey = "mtld"\nmin = 9\nmax = 8', "no number is at least 9 and at most 8"),
        ('[[gate]]\nkey = "mtld"\nmin = true', "True is no number"),
        ('[[gate]]\nkey = "mtld"\nmin = inf', "inf is no number"),
        ('[[gate]]\nkey = "mtld"\nmin = [1]', "[1] is no number"),
        ('[[gate]]\nkey = "mtld"\nmin = 2020-01-01', "is no number"),
        ('[[gate]]\nkey = "mtld"\nmin = 1' + "0" * 400, "is no number"),
        ('[[gate]]\nkey = "mtld"\nmin = 1\ntier = "error"', "choose fail or warn"),
        ('[[gate]]\nkey = "mtld"\nmin = 1\nreason = 3', "reason is 3: write a text"),
        ("[[gate]]\nkey = 3\nmin = 1", "key is 3: write a text"),
        ('[gate]\nkey = "mtld"\nmin = 1', "under [[gate]]"),
        ("gate = [1]", "under [[gate]]"),
        ('[[gates]]\nkey = "mtld"\nmin = 1', "nothing reads gates"),
        ('[[tool.ultraqa.gate]]\nkey = "mtld"\nmin = 1', "nothing reads tool"),
    ],
    ids=lambda value: value.encode("unicode_escape").decode()[-30:],
)
def test_a_file_of_gates_that_cannot_be_meant_is_refused(text: str, told: str, tmp_path: Path) -> None:
    """With the file's name, and the line or the number of the gate."""
    file = tmp_path / "ultraqa.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        read_gates(file)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """As a folder is, and a pyproject.toml in which the tool is no table."""
    with pytest.raises(ValueError, match="no such file"):
        read_gates(tmp_path / "gone.toml")
    with pytest.raises(ValueError, match="cannot be read"):
        read_gates(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool]\nultraqa = 3\n")
    with pytest.raises(ValueError, match=re.escape("tool.ultraqa is no table")):
        read_gates(tmp_path / "pyproject.toml")


def test_the_file_of_a_folder_is_the_first_that_holds_gates(tmp_path: Path) -> None:
    """ultraqa.toml before pyproject.toml, and neither where there is no gate in it."""
    assert found_config(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text(TOML.format(prefix="tool.ultraqa."))
    (tmp_path / "ultraqa.toml").write_text("[[rule]]\n")
    assert found_config(tmp_path) == tmp_path / "pyproject.toml"
    (tmp_path / "ultraqa.toml").write_text(TOML.format(prefix=""))
    assert found_config(tmp_path) == tmp_path / "ultraqa.toml"


def test_the_command_line_goes_before_the_file_bound_by_bound() -> None:
    """A bound that is given replaces the file's of that number, whatever its KEY leaves out; others stay."""
    configured = [Gate("mtld", 60, 100, "warn", "why"), Gate("words", 5), Gate("mtld.user", 40)]
    given = [parse("mtld.assistant=50", "min"), parse("words=3", "min")]
    assert overridden(configured, given) == [
        Gate("mtld", None, 100, "warn", "why"), Gate("mtld.user", 40), *given,
    ]  # fmt: skip


# --- verdicts


@given(st.lists(gates(), max_size=6))
def test_a_verdict_is_that_of_a_comparison(asked: list[Gate]) -> None:
    """Against plain comparisons with values written down by hand."""
    values = {str(key_of(key)): value for key, value in VALUES.items()}
    for gate, found in zip(asked, evaluate(ROWS, asked), strict=True):
        value = values.get(gate.key)
        if value is None:
            wanted_status = "not_evaluated"
        elif (gate.low is not None and value < gate.low) or (gate.high is not None and value > gate.high):
            wanted_status = {"fail": "failed", "warn": "warned"}[gate.tier]
        else:
            wanted_status = "passed"
        assert (found.dataset, found.gate, found.value, found.status) == ("set", gate, value, wanted_status)


@given(gates(), st.floats(0, 1))
def test_a_tighter_gate_never_turns_a_failure_into_a_pass(gate: Gate, by: float) -> None:
    """And a number that is not there stays so."""
    tighter = gate._replace(
        low=None
        if gate.low is None
        else gate.low + by * (0.5 if is_share(key_of(gate.key)) else 10) * (gate.low < 0.5),
        high=None if gate.high is None else gate.high * (1 - by) if gate.high > 0 else gate.high,
    )
    assume(tighter.low is None or tighter.high is None or tighter.low <= tighter.high)
    before, after = (evaluate(ROWS, [one])[0].status for one in (gate, tighter))
    assert before in {after, "passed"}


@given(st.lists(gates(), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_neither_the_order_of_gates_nor_of_rows_matters(asked: list[Gate], rng: Random) -> None:
    """Each gate says the same, and so does the exit code."""
    gates_, rows = list(asked), list(ROWS)
    rng.shuffle(gates_)
    rng.shuffle(rows)
    one, other = evaluate(ROWS, asked), evaluate(rows, gates_)
    assert sorted(map(repr, one)) == sorted(map(repr, other))
    assert exit_code(one) == exit_code(other)


@pytest.mark.parametrize("fail_on", ["fail", "warn"])
def test_exit_codes_by_what_was_found(fail_on: str) -> None:
    """All 16 combinations of statuses: 3 outranks 1, warnings count where they are asked to, nothing is no pass."""
    for there in product([False, True], repeat=4):
        found = {status for status, is_there in zip(STATUSES, there, strict=True) if is_there}
        outcomes = [outcome("mtld", low=0)._replace(status=status) for status in sorted(found)]
        if not found or "not_evaluated" in found:
            expected = 3
        else:
            expected = int("failed" in found or (fail_on == "warn" and "warned" in found))
        assert exit_code(outcomes, fail_on) == expected


@given(st.lists(gates(), min_size=1, max_size=4), st.lists(gates(), min_size=1, max_size=4))
def test_more_gates_never_make_a_check_pass(asked: list[Gate], more: list[Gate]) -> None:
    """The exit code of both together is the worse one, and warnings only ever add to failures."""
    one, other = evaluate(ROWS, asked), evaluate(ROWS, more)
    for fail_on in ("fail", "warn"):
        assert exit_code(one + other, fail_on) == max(exit_code(one, fail_on), exit_code(other, fail_on))
    assert exit_code(one, "fail") <= exit_code(one, "warn")


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.booleans())
def test_the_printed_number_lies_on_its_side_of_the_bound(value: float, bound: float, near: bool) -> None:
    """60.04 is not printed as 60 beside a bound of 60, and three digits are enough where nothing is close."""
    bound = float(f"{bound:.6g}")
    value = bound + value / 1e9 if near else value
    found = evaluate([ROWS[0]._replace(value=value, low=None, high=None)], [Gate("mtld", bound)])[0]
    printed = float(shown(found).replace(",", ""))
    assert (printed > bound) - (printed < bound) == (value > bound) - (value < bound)
    assert printed == pytest.approx(value, rel=5e-3)


def test_three_digits_are_printed_where_they_are_enough() -> None:
    """Whole numbers in full, and a thousand separator."""
    values = {64.4567: "64.5", 0.0312345: "0.0312", 52_002.4: "52,002", 3.0: "3"}
    found = {value: evaluate([ROWS[0]._replace(value=value)], [Gate("mtld", -1.0)])[0] for value in values}
    assert {value: shown(one) for value, one in found.items()} == values


def test_a_message_has_the_number_its_unit_the_bound_and_what_to_do() -> None:
    """In one paragraph, with the reason that the gate gives."""
    found = evaluate(ROWS, [Gate("mtld", 70.0, None, "fail", "Short words tire.")])[0]
    assert found.message == (
        "mtld.assistant.mean is 64.5 words (n = 40, undefined for 3 more), below the minimum of 70. "
        "Why it matters: Short words tire. `ultraqa report DATA` shows what is behind it."
    )
    assert outcome("mtld", low=60).message == (
        "mtld.assistant.mean is 64.5 words (n = 40, undefined for 3 more): at least 60 is asked for."
    )
    assert "above the maximum of 1 %" in outcome("near_duplicates", high=0.01).message
    assert "is 5 % (n = 500)" in outcome("near_duplicates", high=0.01).message


@pytest.mark.parametrize(("low", "within"), [(60.9, False), (61.0, True), (65.0, True), (68.0, True), (68.1, False)])
def test_a_bound_within_the_interval_is_told(low: float, within: bool) -> None:
    """Passed or not: another sample may lie on its other side."""
    found = outcome("mtld", low=low)
    assert ("lies within the 95 % interval, 61 to 68" in found.message) is within
    assert found.status == ("passed" if low <= 64.5 else "failed")


def test_a_number_of_several_budgets_is_read_at_the_largest_or_at_a_fixed_one() -> None:
    """The largest one that has a value; a failure says how it is held fixed while the data grows."""
    assert [outcome(key, low=0.5).value for key in ("distinct_2", "distinct_2@30000", "distinct_2@10000")] == [
        0.4, 0.4, 0.6,
    ]  # fmt: skip
    message = outcome("distinct_2", low=0.5).message
    assert "at a budget of 30,000" in message
    assert "distinct_2.assistant.value@30000 holds it fixed" in message
    without = [row for row in ROWS if row.budget != 30_000]
    assert evaluate([*without, ROWS[6]._replace(value=None)], [Gate("distinct_2", 0.5)])[0].value == 0.6


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("mtld.user", "messages have under 50 words"),
        ("mtld.p95", "mtld.assistant has no p95, but mean, median"),
        ("mtld@10000", "leave out @10000"),
        ("distinct_2@100000", "at budgets of 10,000, 30,000 only"),
        ("distinct_2.user@10000", "900 words: corpus statistics need 10,000"),
        ("entropy_1.user", "900 words: corpus statistics need 10,000"),
        ("vocabulary.assistant", "too short"),
        ("near_duplicates.prompt", "--duplicates auto`"),
        ("near_duplicates.message", "--duplicates all`"),
        ("tokens", "--tokens all`"),
        ("tokens_over_4096", "--tokens all`"),
        ("tokens_per_word", "above 500 MB"),
        ("contaminated", "--contamination FILE`"),
        ("contaminated.mmlu", "--contamination FILE`"),
        ("topic_similarity", "--embedder static`"),
        ("specifics", "--embedder static`"),
        ("root_verbs", 'pip install "ultraqa[en]"'),
        ("coherence_judge", "--judge MODEL`"),
        ("judge_failures", "--judge MODEL`"),
        ("words", "--overwrite`"),
        ("script.latin", "--overwrite`"),
        ("language.en.count", "has no count, but share"),
        ("exact_duplicates.prompt", "--overwrite`"),
    ],
)
def test_a_number_that_is_not_there_is_no_pass_and_says_what_adds_it(key: str, told: str) -> None:
    """Neither under a minimum nor under a maximum, in either tier."""
    for gate in (Gate(key, 0.0), Gate(key, None, 0.5), Gate(key, 0.0, None, "warn")):
        found = evaluate(ROWS, [gate])
        assert [one.status for one in found] == ["not_evaluated"]
        assert told in found[0].message
        assert found[0].value is None
        assert exit_code(found) == 3


def test_a_scope_that_a_metric_has_no_number_of_is_told() -> None:
    """With those that it has: some scopes are only columns."""
    rows = [Result("set", "exact_duplicates", scope, "share", 0.1, n=9) for scope in ("dialogue", "prompt")]
    found = evaluate(rows, [Gate("exact_duplicates.assistant", None, 0.1)])[0]
    assert found.status == "not_evaluated"
    assert "exact_duplicates is a Result of scope dialogue, prompt only" in found.message


def test_a_number_that_is_not_a_number_is_no_pass() -> None:
    """NaN compares false with every bound."""
    found = evaluate([ROWS[0]._replace(value=math.nan)], [Gate("mtld", None, 100.0)])
    assert (found[0].status, found[0].value) == ("not_evaluated", None)


def test_a_language_that_was_looked_for_and_not_found_has_a_share_of_nothing() -> None:
    """Where languages were told apart at all."""
    assert (outcome("language.de", high=0.01).value, outcome("language.de", low=0.01).status) == (0.0, "failed")
    assert evaluate(ROWS[:1], [Gate("language.de", None, 0.01)])[0].status == "not_evaluated"


def test_every_dataset_is_checked_by_every_gate() -> None:
    """Datasets in their order, gates in theirs; one name for two datasets is refused, the same rows twice are not."""
    other = [row._replace(dataset="other") for row in ROWS[:1]]
    found = evaluate([*ROWS, *other, *ROWS], [Gate("mtld", 60.0), Gate("near_duplicates", None, 0.1)])
    assert [(one.dataset, one.status) for one in found] == [
        ("set", "passed"), ("set", "passed"), ("other", "passed"), ("other", "not_evaluated"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="two datasets are named 'set'"):
        evaluate([*ROWS, ROWS[0]._replace(value=3.0)], [Gate("mtld", 60.0)])


def test_a_gate_made_by_hand_is_held_to_the_same() -> None:
    """No bound, no KEY, no tier: it never becomes a pass."""
    assert valid(Gate("mtld", 60)) == Gate("mtld.assistant.mean", 60.0)
    for gate in (Gate("mtld"), Gate("mltd", 1), Gate("mtld", 1, None, "error"), Gate("near_duplicates", None, 5)):
        with pytest.raises(ValueError, match=r"bound|did you mean|tier|between 0 and 1"):
            evaluate(ROWS, [gate])


def test_bounds_are_read_as_they_were_given() -> None:
    """With every digit, and shares as percentages."""
    assert [wanted(gate) for gate in (Gate("mtld", 60.1234), Gate("mtld", 20, 80), Gate("words", None, 1e6))] == [
        "at least 60.1234", "20 to 80", "at most 1,000,000",
    ]  # fmt: skip
    assert wanted(parse("near_duplicates=0.07", "max")) == "at most 7 %"
    assert wanted(parse("distinct_2=0.07", "min")) == "at least 0.07"


def test_real_numbers_pass_at_themselves_and_fail_beyond(real_data: Path, tmp_path: Path) -> None:
    """Every mean, share and value of 500 ShareGPT dialogues, held to itself and to its neighbours."""
    profile = ultraqa.profile(
        real_data / "data" / "sharegpt" / "sharegpt_train_small.jsonl", tmp_path / "s.ultraqa", embedder="none"
    )
    rows = [row for row in profile.rows() if row.value is not None and row.metric != "system_words"]
    assert len(rows) > 200
    for row in rows:
        key, value = Key(row.metric, row.scope, row.statistic, row.budget), float(row.value or 0)
        above, below = math.nextafter(value, math.inf), math.nextafter(value, -math.inf)
        if is_share(key) and not 0 < value < 0.999:
            continue
        asked = [Gate(str(key), value, value), Gate(str(key), above), Gate(str(key), None, below)]
        assert [one.status for one in evaluate(rows, asked)] == ["passed", "failed", "failed"], key


# --- what is printed

HOSTILE = 'a<b>&"\x1b[31m|`\ud800\ufffe\nx'
MIXED = [
    outcome("mtld", low=60),
    outcome("mtld", low=70, tier="warn"),
    outcome("near_duplicates", high=0.01),
    outcome("contaminated", high=0.0),
    outcome("mtld", high=90)._replace(dataset=HOSTILE),
]


@pytest.mark.parametrize("fail_on", ["fail", "warn"])
def test_junit_is_well_formed_and_counts_add_up(fail_on: str) -> None:
    """Read back by an XML parser: the elements and attributes that build servers expect, and no time of any kind."""
    root = ET.fromstring(rendered.junit(MIXED, fail_on).encode())  # noqa: S314  (our own)
    assert root.tag == "testsuites"
    kinds = Counter({"failure": 1, "skipped": 1, "error": 1}) if fail_on == "fail" else Counter(failure=2, error=1)
    names = {"failure": "failures", "error": "errors", "skipped": "skipped"}
    for suite in root:
        assert suite.tag == "testsuite"
        assert set(suite.attrib) == {"name", "tests", "failures", "errors", "skipped"}
        cases = list(suite)
        assert {case.tag for case in cases} == {"testcase"}
        assert [set(case.attrib) for case in cases] == [{"classname", "name"}] * len(cases)
        assert {case.attrib["classname"] for case in cases} == {suite.attrib["name"]}
        assert len({case.attrib["name"] for case in cases}) == int(suite.attrib["tests"]) == len(cases)
        inside = Counter(child.tag for case in cases for child in case)
        assert {name: int(suite.attrib[name]) for name in names.values()} == {
            name: inside[tag] for tag, name in names.items()
        }
        assert all(len(case) <= 1 for case in cases)
        assert all(child.attrib["message"] for case in cases for child in case)
    assert Counter(child.tag for case in root.iter("testcase") for child in case) == kinds
    assert [root.attrib[name] for name in ("tests", "failures", "errors")] == ["5", str(kinds["failure"]), "1"]
    assert [suite.attrib["name"] for suite in root] == ["set", 'a<b>&"␛[31m|`\ufffd\ufffd\nx']


def test_junit_keeps_messages_whole() -> None:
    """Also where they hold what XML gives a meaning."""
    reason = 'read <this> & "that"'
    found = evaluate(ROWS, [Gate("mtld", 70.0, None, "fail", reason)])
    failure = ET.fromstring(rendered.junit(found).encode()).find(".//failure")  # noqa: S314
    assert failure is not None
    assert failure.attrib == {"type": "failed", "message": found[0].message}
    assert failure.text == found[0].message
    assert reason in found[0].message


def test_the_summary_is_a_markdown_table_that_names_cannot_break() -> None:
    """A line a gate, a sentence for each that is not passed; no markup, no control character of a name is obeyed."""
    lines = rendered.step_summary(MIXED).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 2 + len(MIXED)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}
    assert [row.split("|")[1].strip() for row in rows[2:]] == [
        "✓ passed", "! warned", "✕ failed", "? not evaluated", "✓ passed",
    ]  # fmt: skip
    assert sum(line.startswith("- ") for line in lines) == 3
    assert "5 gates: 2 passed, 1 warned, 1 failed, 1 not evaluated" in lines
    assert not re.search("[\x00-\x09\x0b-\x1f\ud800-\udfff]|(?<!\\\\)<", "\n".join(lines))


def test_the_table_is_plain_text_with_an_icon_and_a_word_for_each_gate() -> None:
    """In columns, dataset by dataset; sentences stand below, within 100 columns."""
    printed = rendered.table(MIXED)
    assert re.search(r"^  ✓ passed +mtld\.assistant\.mean +64\.5  at least 60$", printed, re.MULTILINE)
    assert re.search(r"^  ✕ failed +near_duplicates\.dialogue\.share +5 %  at most 1 %$", printed, re.MULTILINE)
    assert re.search(r"^  \? not evaluated  contaminated\.dialogue\.share +–  at most 0 %$", printed, re.MULTILINE)
    assert "`ultraqa profile DATA -o NAME.ultraqa --contamination FILE` does." in printed
    assert printed.endswith("\n5 gates: 2 passed, 1 warned, 1 failed, 1 not evaluated\n")
    assert max(map(len, printed.splitlines())) <= 100
    assert not re.search("[\x00-\x09\x0b-\x1f\xa0\ud800-\udfff]", printed)
    assert all(line == line.rstrip() for line in printed.splitlines())


def test_a_key_cannot_drive_the_terminal() -> None:
    """The name of a benchmark is anything."""
    printed = rendered.table([outcome("contaminated.\x1b[31mred", high=0.0)])
    assert "contaminated.␛[31mred.dataset.share" in printed
    assert "\x1b" not in printed


def test_nothing_to_print_is_told() -> None:
    """Of no outcomes every form is still whole."""
    empty: list[Any] = []
    assert rendered.table(empty) == "0 gates: nothing evaluated\n"
    assert "nothing evaluated" in rendered.step_summary(empty)
    assert ET.fromstring(rendered.junit(empty).encode()).attrib["tests"] == "0"  # noqa: S314
