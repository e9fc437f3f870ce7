"""The report as numbers and sentences: table, differences, findings, document, Markdown, terminal, files."""

from __future__ import annotations

import io
import json
import math
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ultraqa.analysis.metric import Result
from ultraqa.dialogues.batch import Dialogue
from ultraqa.reports import markdown, numbers, report, terminal
from ultraqa.reports.differences import differences, holm, z_score
from ultraqa.reports.document import document
from ultraqa.reports.examples import turns
from ultraqa.reports.findings import RULES, findings
from ultraqa.reports.published import PUBLISHED, notes
from ultraqa.reports.table import comparison

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

LLAMA = "1 llama"
HOSTILE = "<script>alert(1)</script> {{ 7 * 7 }} </textarea>\x1b[31m\x07\u202e =HYPERLINK(1) | `x` [a](http://b)\n@all"


class FakeProfile:
    """A Profile as a report sees it: rows of numbers, columns of dialogues, notices and texts."""

    def __init__(
        self,
        rows: list[Result],
        columns: dict[str, list[Any]] | None = None,
        notices: tuple[tuple[int, str], ...] = (),
        name: str = "set",
        n: int = 6,
    ) -> None:
        self.name = name
        self._rows = rows
        self._columns = pd.DataFrame(
            {
                "id": [f"id-{row}" for row in range(n)],
                "path": ["set.jsonl"] * n,
                "start": [100 * row for row in range(n)],
                "end": [100 * row + 90 for row in range(n)],
                **(columns or {}),
            }
        )
        self._notices = notices
        self.document: dict[str, Any] = {
            "name": name,
            "path": "/somewhere/private/set.jsonl",
            "sha256": "0" * 64,
            "bytes": 1234,
            "dialogues": n,
            "records": n,
            "unreadable": 0,
            "formats": {"alpaca": n},
            "role_tags": {"instruction,output": n},
            "parameters": {"seed": 0},
            "packages": {"numpy": "2.4"},
            "distributions": [],
            "results": [],
        }

    def rows(self) -> list[Result]:
        """Every number."""
        return self._rows

    def column(self, name: str) -> NDArray[Any]:
        """A column of the dialogues; ValueError as a real Profile's."""
        if name not in self._columns:
            raise ValueError(f"no column {name}")
        return self._columns[name].to_numpy()

    def evidence(self, skip: Collection[str] = ()) -> list[tuple[int, str, str]]:
        """What the reader noticed."""
        return [(row, name, f"detail {i}") for i, (row, name) in enumerate(self._notices) if name not in skip]

    def lines(self, rows: Sequence[int]) -> list[int | None]:
        """No lines, as in a table."""
        return [None for _ in rows]

    def texts(self, rows: Sequence[int]) -> list[Dialogue]:
        """The dialogues themselves."""
        return [Dialogue("ua", [f"question {row}", HOSTILE], "human,gpt") for row in rows]


def share(
    metric: str, value: float | None, n: int = 1000, dataset: str = "set", scope: str = "dialogue"
) -> list[Result]:
    """Share and count of one flag."""
    count = None if value is None else float(round(value * n))
    return [
        Result(
            dataset, metric, scope, "share", value, unit="share", n=n, note="" if value is not None else "not asked"
        ),
        Result(dataset, metric, scope, "count", count, n=n),
    ]


def mean(metric: str, scope: str, value: float, spread: float = 1.0, **more: Any) -> Result:
    """A mean with its interval."""
    fields = {"dataset": "set", "n": 1000, "low": value - spread, "high": value + spread, **more}
    return Result(metric=metric, scope=scope, statistic="mean", value=value, **fields)


def found(profile: FakeProfile) -> dict[str, Any]:
    """Findings of a profile by name."""
    return {finding.finding: finding for finding in findings(profile)[0]}


def full_document(**options: Any) -> dict[str, Any]:
    """A document of two datasets that has something in every part."""
    rows = [
        Result("set", "dialogues", "dataset", "value", 6.0, unit="dialogues", n=6),
        mean("tokens", "dialogue", 80.0, version=LLAMA),
        *share("empty_messages", 0.002),
        Result("set", "mtld", "assistant", "mean", math.nan, n=10, note="nothing to measure"),
    ]
    other = [
        mean("tokens", "dialogue", 120.0, version=LLAMA, dataset=HOSTILE),
        *share("empty_messages", 0.2, dataset=HOSTILE),
    ]
    flags = {"empty_messages": [0, 1, 0, 2, 1, 0]}
    profiles = [
        FakeProfile(rows, flags, ((2, "lone_surrogates"),)),
        FakeProfile(other, flags, ((1, HOSTILE),), name=HOSTILE),
    ]
    for profile in profiles:
        profile.document["distributions"] = [
            {
                "dataset": profile.name,
                "metric": "words",
                "scope": "dialogue",
                "unit": "words",
                "edges": [1, 10, 100],
                "counts": [2, 4],
                "scale": "log",
            }
        ]
    return document(profiles, version="0.1.0", **options)


# Numbers


@pytest.mark.parametrize(
    ("value", "statistic", "unit", "shown"),
    [
        (None, "mean", "", "–"),
        (math.nan, "mean", "", "–"),
        (math.inf, "mean", "", "–"),
        (52002, "count", "", "52,002"),
        (52002.0, "value", "dialogues", "52,002"),
        (1.0, "mean", "rounds", "1.00"),
        (64.5132, "mean", "tokens", "64.5"),
        (1467.4, "mean", "tokens", "1,467.4"),
        (41.0, "median", "words", "41"),
        (0.80712, "value", "", "0.807"),
        (0.00012, "value", "", "0.00012"),
        (0.0, "share", "", "0 %"),
        (1.0, "share", "", "100 %"),
        (0.9999, "share", "", ">99.9 %"),
        (0.00054, "share", "", "0.054 %"),
        (0.0579, "value", "share", "5.8 %"),
    ],
)
def test_numbers_are_written_as_people_read_them(value: float | None, statistic: str, unit: str, shown: str) -> None:
    """Counts have thousands, shares are percentages, digits follow the size, what is no number is a dash."""
    assert numbers.number(value, statistic, unit) == shown


@pytest.mark.parametrize(
    ("low", "high", "statistic", "shown"),
    [
        (64.06, 65.14, "mean", "64.1–65.1"),
        (0.056, 0.0601, "share", "5.6–6.0 %"),
        (-2.1, 3.4, "mean", "-2.100 to 3.400"),
        (None, 3.4, "mean", ""),
        (math.inf, 3.4, "mean", ""),
    ],
)
def test_intervals_have_one_precision(low: float | None, high: float | None, statistic: str, shown: str) -> None:
    """Both ends have the digits of their middle, below zero words join them, and no half interval is shown."""
    assert numbers.interval(low, high, statistic) == shown


def test_labels_are_the_names_of_metrics() -> None:
    """A label says the metric by its name, what it is over, and the budget."""
    assert numbers.label("tokens", "assistant", "mean") == "tokens per assistant message"
    assert numbers.label("distinct_2", "assistant", "value", 30_000) == "distinct_2, assistant, 30,000 words"
    assert numbers.label("words", "dialogue", "p95") == "words per dialogue, 95th percentile"


@given(st.text())
def test_visible_text_has_nothing_that_a_terminal_or_a_browser_obeys(text: str) -> None:
    """Control characters, lone surrogates and reordering marks become pictures; all else stays."""
    shown = numbers.visible(text)
    assert len(shown) == len(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", shown)
    assert numbers.visible(shown) == shown


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", " =1"])
def test_names_in_cells_are_no_formulas(name: str) -> None:
    """A spreadsheet that gets a name pasted must not compute it."""
    assert numbers.name_cell(name).startswith("'")


# Differences and the table


def test_holm_rejects_stepwise() -> None:
    """Holm 1979: .01, .02, .03, .04 at .05 reject only the first; a smaller family rejects more."""
    assert holm([0.04, 0.01, 0.03, 0.02], 0.05) == [False, True, False, False]
    assert holm([0.04, 0.01], 0.05) == [True, True]
    assert holm([], 0.05) == []


def test_z_joins_the_sides_that_face_each_other() -> None:
    """The upper half of the lower interval and the lower half of the upper one make the standard error."""
    low = Result("a", "m", "dialogue", "mean", 10.0, 5.0, 10.0 + 1.96 * 3, n=100)
    high = Result("b", "m", "dialogue", "mean", 20.0, 20.0 - 1.96 * 4, 50.0, n=100)
    assert z_score(low, high) == pytest.approx(2.0, abs=1e-3)
    assert z_score(high, low) == pytest.approx(-2.0, abs=1e-3)


def test_nothing_is_compared_without_intervals_or_on_a_handful() -> None:
    """No interval, no value or fewer than 20 messages: no z, hence no mark."""
    whole = mean("m", "dialogue", 1.0)
    assert z_score(whole, whole._replace(low=None)) is None
    assert z_score(whole, whole._replace(value=None)) is None
    assert z_score(whole, whole._replace(n=5)) is None
    assert z_score(whole, None) is None
    exact = whole._replace(low=1.0, high=1.0)
    assert z_score(exact, exact._replace(value=2.0, low=2.0, high=2.0)) == math.inf
    assert [d.real for d in differences([[exact], [exact._replace(value=2.0, low=2.0, high=2.0)]])] == [True]


def test_marks_stand_where_intervals_are_apart_and_not_where_they_overlap() -> None:
    """Words differ far beyond their intervals, tokens do not: only words are marked, with the direction."""
    table = comparison(
        [
            mean("words", "dialogue", 100, 2, dataset="a"),
            mean("tokens", "dialogue", 130, 9, dataset="a", version=LLAMA),
            mean("words", "dialogue", 50, 2, dataset="b"),
            mean("tokens", "dialogue", 133, 9, dataset="b", version=LLAMA),
        ]
    )
    marks = {column.metric: cell.mark for column, cell in zip(table.columns, table.cells[1], strict=True)}
    assert marks == {"words": "▼", "tokens": ""}
    assert not any(cell.mark for cell in table.cells[0])
    assert "Holm" in table.note
    assert "2 compared cells" in table.note


def test_no_mark_from_looking_often() -> None:
    """A z of 2.2 alone is real at 5 %, but not as one of 21 cells without other differences."""
    lines = [[mean(f"m{i}", "dialogue", 0, 1.96) for i in range(21)] for _ in range(2)]
    lines[1][0] = mean("m0", "dialogue", 2.2 * math.sqrt(2), 1.96)
    assert not any(d.real for d in differences(lines))
    assert differences([lines[0][:1], lines[1][:1]])[0].real


def test_different_tokenizers_never_stand_side_by_side() -> None:
    """The second dataset's tokens are of another tokenizer: the cell is empty and says so."""
    table = comparison(
        [
            mean("tokens", "dialogue", 100, dataset="a", version=LLAMA),
            mean("tokens", "dialogue", 90, dataset="b", version="1 bert"),
        ]
    )
    assert table.cells[0][0].value == "100.0"
    assert table.cells[1][0].value == "–"
    assert table.reasons() == [
        ("b", "tokens per dialogue", "not comparable: measured with 1 bert, this column with 1 llama")
    ]
    assert table.differences == ()


def test_budgets_compare_at_the_largest_that_all_reach() -> None:
    """One set reaches 30,000 words, the other 10,000: both are shown at 10,000; a third that reaches none says so."""
    rows = [Result("a", "distinct_2", "assistant", "value", 0.8 - b / 1e6, budget=b) for b in (10_000, 30_000)]
    rows += [Result("b", "distinct_2", "assistant", "value", 0.7, budget=10_000)]
    rows += [Result("c", "rounds", "dialogue", "mean", 1.0)]
    table = comparison(rows)
    column = next(i for i, one in enumerate(table.columns) if one.metric == "distinct_2")
    assert table.columns[column].budget == 10_000
    assert [line[column].value for line in table.cells] == ["0.790", "0.700", "–"]
    assert "fewer than 10,000 words" in table.cells[2][column].reason


def test_budgets_without_overlap_are_not_mixed() -> None:
    """Without a common budget the first dataset's is kept and the other cell says at which it was measured."""
    table = comparison(
        [
            Result("a", "distinct_2", "assistant", "value", 0.8, budget=30_000),
            Result("b", "distinct_2", "assistant", "value", 0.9, budget=10_000),
        ]
    )
    assert [line[0].value for line in table.cells] == ["0.800", "–"]
    assert table.cells[1][0].reason == "measured at 10,000 words only, this column is at 30,000"


def test_an_undefined_budgeted_number_says_why() -> None:
    """A dataset without enough words has a row without budget and value: its note is the reason."""
    table = comparison(
        [
            Result("a", "distinct_2", "assistant", "value", 0.8, budget=10_000),
            Result("b", "distinct_2", "assistant", "value", None, note="only 900 words"),
        ]
    )
    assert table.cells[1][0].reason == "only 900 words"


def test_undefined_numbers_say_why() -> None:
    """A row without a value shows its note; a metric that one dataset lacks is called not measured."""
    table = comparison(
        [
            Result("a", "mtld", "assistant", "mean", None, note="all replies are short"),
            Result("b", "rounds", "dialogue", "mean", 1.0),
        ]
    )
    assert dict.fromkeys(reason for _, _, reason in table.reasons()) == {
        "not measured": None,
        "all replies are short": None,
    }


def test_a_score_of_the_users_own_joins_the_table() -> None:
    """Metrics that the table does not know (external scores) come last, under a group of their own."""
    table = comparison([mean("my_score", "dialogue", 3), mean("words", "dialogue", 9), mean("hdd", "user", 0.7)])
    assert [column.metric for column in table.columns] == ["words", "my_score"]


def test_published_rows_are_the_papers() -> None:
    """Eight datasets and seven columns as printed, each with a caveat, coherence only for multi-turn sets."""
    by_key = {(row.dataset, row.metric, row.scope): row for row in PUBLISHED}
    assert len(PUBLISHED) == len(by_key) == 56
    assert by_key["Stanford Alpaca (published)", "mtld_paper", "assistant"].value == 42.8
    assert by_key["SODA (published)", "dialogues", "dataset"].value == 1_486_869
    assert "1,486,896" in by_key["SODA (published)", "dialogues", "dataset"].note
    assert by_key["UltraChat (published)", "tokens", "dialogue"].value == 1467.4
    assert [row.dataset.split()[0] for row in PUBLISHED if row.metric == "coherence_judge" and row.value] == [
        "SODA",
        "Baize",
        "UltraChat",
    ]
    assert all(row.note for row in PUBLISHED)
    assert len(notes()) == 12
    assert comparison(PUBLISHED).differences == ()


# Findings


def test_a_level_that_is_not_passed_is_no_finding() -> None:
    """Zero empty messages, no finding; and the level itself is not beyond the level."""
    assert "empty_messages" not in found(FakeProfile(share("empty_messages", 0.0)))
    assert found(FakeProfile(share("empty_messages", 0.01)))["empty_messages"].severity == "warn"
    assert found(FakeProfile(share("empty_messages", 0.011)))["empty_messages"].severity == "fail"


def test_a_finding_says_number_share_base_and_worst_dialogues() -> None:
    """The sentence holds count, base and share; rows are worst first, equals in file order, zeros left out."""
    profile = FakeProfile(share("consecutive_roles", 0.004), {"consecutive_roles": [0, 1, 3, 1, 0, 2]})
    finding = found(profile)["consecutive_roles"]
    assert finding.sentence == "4 of 1,000 dialogues (0.4 %) let one side speak twice in a row."
    assert (finding.count, finding.n, finding.value, finding.threshold) == (4, 1000, 0.004, 0)
    assert finding.rows == [2, 5, 1, 3]


def test_one_dialogue_is_singular() -> None:
    """The verb follows the count."""
    assert found(FakeProfile(share("ends_with_user", 0.001)))["ends_with_user"].sentence.startswith(
        "1 of 1,000 dialogues (0.1 %) ends with"
    )


def test_scores_have_their_worst_end() -> None:
    """Low diversity points at the least diverse dialogues, and undefined ones are not among them."""
    columns = {"mtld_assistant": [50.0, None, 20.0, 30.0, 99.0, 40.0]}
    finding = found(FakeProfile([mean("mtld", "assistant", 30.0, n_undefined=0)], columns))["low_lexical_diversity"]
    assert finding.rows == [2, 3, 5, 0, 4]
    assert "mtld 30.0" in finding.sentence


def test_a_mean_over_a_handful_is_no_verdict() -> None:
    """The mtld of 3 % of the replies says nothing about the set: it is not measured, with the reason."""
    rows = [mean("words", "assistant", 9.0, n=1000), mean("mtld", "assistant", 20.0, n=30, n_undefined=970)]
    some, missing = findings(FakeProfile(rows))
    assert "low_lexical_diversity" not in {finding.finding for finding in some}
    reasons = {one.finding: one.reason for one in missing}
    assert reasons["low_lexical_diversity"] == "defined for only 30 of 1,000 messages"


def test_a_finding_about_one_dialogue_shows_one() -> None:
    """A column that orders all dialogues (tokens) shows no more of them than offend."""
    profile = FakeProfile(share("tokens_over_4096", 0.001), {"tokens": [1, 9000, 20, 3, 4, 5]})
    assert found(profile)["over_4096_tokens"].rows == [1]


def test_repeated_dialogues_show_one_copy_of_each_large_group() -> None:
    """Rows 3, 4 and 5 copy row 0, row 2 copies row 1: the first copy of each original, the larger group first."""
    hashes = [2**63 + 1, 7, 7, 2**63 + 1, 2**63 + 1, 2**63 + 1]
    assert found(FakeProfile(share("exact_duplicates", 0.4), {"content_hash": hashes}))["repeated_dialogues"].rows == [
        3,
        2,
    ]


def test_a_near_duplicate_is_no_copy_and_a_copy_of_one_is() -> None:
    """Row 1 resembles row 0, row 2 copies row 1: each finding shows its own, whatever the text that is kept."""
    rows = [*share("exact_duplicates", 0.2), *share("near_duplicates", 0.4)]
    columns = {
        "content_hash": [5, 6, 6, 7, 8, 9],
        "duplicate_of": [None, 0.0, 0.0, None, 3.0, None],
        "near_duplicate": [0, 1, 1, 0, 1, 0],
    }
    by_name = found(FakeProfile(rows, columns))
    assert by_name["repeated_dialogues"].rows == [2]
    assert by_name["near_duplicate_dialogues"].rows == [1, 4]
    assert by_name["near_duplicate_dialogues"].severity == "fail"


def test_what_was_not_measured_is_listed_and_is_no_finding() -> None:
    """An empty profile has no findings of rules, and every rule stands in the other list with a reason."""
    some, missing = findings(FakeProfile(share("tokens_over_4096", None)))
    assert some == []
    assert [one.finding for one in missing] == [rule.finding for rule in RULES]
    assert {one.finding: one.reason for one in missing}["over_4096_tokens"] == "not asked"


def test_replies_without_mtld_are_counted_over_all_replies() -> None:
    """Whether n of mtld counts the undefined or not, coverage is over all messages of the role."""
    words = mean("words", "assistant", 30.0, n=1000)
    for n in (400, 1000):
        finding = found(FakeProfile([words, mean("mtld", "assistant", 60.0, n=n, n_undefined=600)]))[
            "low_mtld_coverage"
        ]
        assert finding.sentence.startswith("mtld is undefined for 600 of 1,000 assistant messages (60.0 %): under 50")
        assert finding.severity == "warn"


def test_a_minority_language_beside_a_main_one_is_a_warning() -> None:
    """95 % English and 5 % others warn; three even languages are only worth knowing; 0.5 % is noise."""

    def languages(**shares: float) -> FakeProfile:
        return FakeProfile([Result("set", f"language.{k}", "dataset", "share", v, n=2000) for k, v in shares.items()])

    mixed = found(languages(en=0.95, de=0.03, fr=0.02))["mixed_languages"]
    assert mixed.severity == "warn"
    assert mixed.sentence == "The main language is en (95.0 % of 2,000 dialogues); also de 3.0 %, fr 2.0 %."
    assert found(languages(en=0.4, de=0.3, fr=0.3))["mixed_languages"].severity == "info"
    assert "mixed_languages" not in found(languages(en=0.995, de=0.005))
    assert "mixed_languages" not in found(languages(en=0.9, unknown=0.1))


def test_unreadable_records_are_a_finding_with_their_share() -> None:
    """Three of a hundred records are a failure: no accident of one line."""
    rows = [Result("set", "unreadable", "dataset", "count", 3.0), Result("set", "records", "dataset", "count", 97.0)]
    finding = found(FakeProfile(rows, notices=((-1, "unreadable"), (-1, "unreadable"))))["unreadable_records"]
    assert finding.severity == "fail"
    assert finding.sentence == "3 of 100 records (3.0 %) cannot be read; the first is detail 0."


def test_notes_of_the_reader_become_findings() -> None:
    """Known notes have their sentence, unknown ones are passed on; flags that have rows of their own do not repeat."""
    rows = [Result("set", "dialogues", "dataset", "value", 6.0), *share("empty_messages", 0.5)]
    notices = (
        (1, "lone_surrogates"),
        (1, "lone_surrogates"),
        (3, "lone_surrogates"),
        (2, "odd"),
        (2, "empty_messages"),
    )
    by_name = found(FakeProfile(rows, notices=(*notices, (-1, "unreadable"))))
    assert by_name["lone_surrogates"].sentence.startswith("2 of 6 dialogues (33.3 %) hold half a surrogate pair")
    assert by_name["lone_surrogates"].rows == [1, 3]
    assert by_name["odd"].sentence == "The reader noted “odd” in 1 of 6 dialogues (16.7 %)."
    assert by_name["empty_messages"].metric == "empty_messages"
    assert "unreadable" not in by_name
    assert by_name["few_dialogues"].sentence == "Only 6 distinct dialogues: intervals are wide."


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.finding)
def test_every_rule_can_fire_and_says_why(rule: Any) -> None:
    """A number far beyond its levels gives a sentence without an open place, with a reason of its own."""
    value = {"auc": 0.1, "share": 0.9, "p95": 0.9}.get(rule.statistic, 1.0 if rule.below else 9.0)
    row = Result("set", rule.metric, rule.scope, rule.statistic, value, n=1000, budget=10_000 if rule.scope else None)
    finding = found(FakeProfile([row]))[rule.finding]
    assert "{" not in finding.sentence
    assert finding.sentence.endswith(".")
    assert len(finding.why) > 40


# The document


def test_the_document_follows_its_schema() -> None:
    """The schema itself is valid, and documents with and without texts and published rows follow it."""
    schema = json.loads((resources.files("ultraqa.reports") / "report.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for options in ({}, {"published": True}, {"text": False}, {"methods": [{"name": "mtld", "doc": "…"}]}):
        validator.validate(json.loads(report.to_json(full_document(**options))))
    broken = full_document()
    broken["findings"][0]["severity"] = "grave"
    assert not validator.is_valid(broken)


def test_the_document_is_the_same_for_the_same_input() -> None:
    """Same profiles, same bytes; another seed only changes the random examples."""
    assert report.to_json(full_document(seed=3)) == report.to_json(full_document(seed=3))


def test_nothing_of_this_machine_is_in_the_document() -> None:
    """Folders are left out of datasets and of the command; what is no number is null."""
    words = ["ultraqa", "report", "/home/me/a b.json", "other=/home/me/c.json", "hf://org/name"]
    words += ["-o", "/srv/out", "--workers=2", "--overwrite", "--seed", "3"]
    made = full_document(command=words)
    assert made["command"] == "ultraqa report 'a b.json' other=c.json hf://org/name --seed 3"
    assert "private" not in report.to_json(made).decode()
    assert next(row for row in made["results"] if row["metric"] == "mtld")["value"] is None
    assert full_document()["command"] == "ultraqa report set.jsonl set.jsonl"


def test_examples_show_findings_ends_and_random_ones() -> None:
    """Each dialogue stands once with all its reasons; without text the turns are empty and rows and places stay."""
    examples = [one for one in full_document()["examples"] if one["dataset"] == "set"]
    by_row = {one["row"]: one for one in examples}
    assert len(by_row) == len(examples)
    assert by_row[3]["why"][0] == "empty_messages"
    assert by_row[2]["why"][0] == "lone_surrogates"
    assert sum("random" in one["why"] for one in examples) == 5
    assert (by_row[3]["id"], by_row[3]["start"], by_row[3]["line"]) == ("id-3", 300, None)
    assert by_row[3]["turns"][0] == {"role": "user", "text": "question 3"}
    assert all(one["turns"] == [] for one in full_document(text=False)["examples"])


def test_a_part_of_a_dataset_shows_the_datasets_rows() -> None:
    """A part counts its rows anew, but findings and examples name the rows of the whole dataset."""
    columns = {"empty_messages": [0, 0, 1, 0, 0, 0], "row": [10, 20, 30, 40, 50, 60]}
    made = document([FakeProfile(share("empty_messages", 0.2), columns)], version="0.1.0")
    assert made["findings"][0]["rows"] == [30]
    assert {one["row"]: one["turns"][0]["text"] for one in made["examples"]}[30] == "question 2"


def test_scores_from_outside_join_results_and_comparison() -> None:
    """External scores are rows like any other, compared with the others."""
    scores = [mean("score.judge", "dialogue", 5.0, 0.1), mean("score.judge", "dialogue", 7.0, 0.1, dataset="b")]
    made = document([FakeProfile([])], version="0.1.0", scores=scores)
    assert made["results"][-1]["metric"] == "score.judge"
    assert made["comparison"]["differences"][0]["metric"] == "score.judge"


def test_long_dialogues_are_cut_and_say_so() -> None:
    """A turn ends at 2,000 characters, a dialogue at its limit; what is missing is marked."""
    shown = turns(Dialogue("usa?", ["x" * 5000, "y" * 10, "z" * 600, "last"], ""), 2500)
    assert [(turn["role"], len(turn["text"]), turn.get("cut")) for turn in shown] == [
        ("user", 2000, True),
        ("system", 10, None),
        ("assistant", 490, True),
    ]
    assert shown[-1]["turns_left_out"] == 1


def test_the_comparison_is_in_the_document() -> None:
    """The real differences of the table stand in report.json, with the reference and the number of looks."""
    made = full_document()["comparison"]
    assert made["reference"] == "set"
    assert made["compared"] == 1
    assert made["differences"][0] | {"z": 0, "p": 0} == {
        "dataset": full_document()["datasets"][1]["name"],
        "metric": "tokens",
        "scope": "dialogue",
        "statistic": "mean",
        "budget": None,
        "direction": "above",
        "z": 0,
        "p": 0,
    }


# Markdown, terminal, files


def test_markdown_is_inert() -> None:
    """A hostile name is one line of escaped text: no tag, no link, no new cell, no control character."""
    page = markdown.render(full_document(published=True))
    assert "<script" not in page.replace("\\<script", "")
    assert "\x1b" not in page
    assert "](http" not in page.replace("\\](http", "")
    rows = [line for line in page.splitlines() if line.startswith("| tokens per dialogue |")]
    assert rows == ["| tokens per dialogue | 80.0 (79.0–81.0) | 120.0 ▲ (119.0–121.0) |"]
    assert "1,486,869" in page


def test_a_command_cannot_leave_its_fence() -> None:
    """The fence around the command is longer than any run of backticks in it."""
    page = markdown.render(full_document(command=["ultraqa", "report", "a```b"]))
    assert "````sh\nultraqa report 'a```b'\n````" in page


def test_the_terminal_shows_table_and_findings_in_100_columns() -> None:
    """No line is wider than asked, nothing hostile gets through, and marks are explained."""
    shown = terminal.text(full_document(published=True), 100)
    assert max(map(len, shown.splitlines())) <= 100
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "120.0 ▲" in shown
    assert "Findings: 1 fail, 2 warn" in shown
    assert "Published, not measured here" in shown


@pytest.mark.parametrize("width", [40, 60, 79, 100, 160])
def test_the_terminal_follows_its_width(width: int) -> None:
    """Narrow terminals get narrower blocks, not broken lines."""
    rows = [mean("words", "dialogue", 10.0 + i, dataset=f"dataset-number-{i}") for i in range(9)]
    made = document([FakeProfile(rows)], version="0.1.0", published=True)
    assert max(map(len, terminal.text(made, width).splitlines())) <= width


def test_colour_only_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR leaves no colour codes on a terminal; a file that takes only ASCII gets question marks, no exception."""
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    terminal.show(full_document(), Console(file=stream, force_terminal=True, width=100))
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", stream.getvalue())
    raw = io.BytesIO()
    ascii_only = io.TextIOWrapper(raw, encoding="ascii")
    terminal.show(full_document(), Console(file=ascii_only))
    ascii_only.flush()
    assert b"tokens per dialogue" in raw.getvalue()
    assert b"120.0 ?" in raw.getvalue()


def test_files_are_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three files, the same bytes again; a write that fails leaves the old file and nothing beside it."""
    out = tmp_path / "new" / "report"
    paths = report.write(full_document(), out)
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json", "report.md"]
    before = {path: path.read_bytes() for path in paths}
    assert json.loads(before[out / "report.json"])["schema_version"] == 1
    report.write(full_document(), out)
    assert {path: path.read_bytes() for path in paths} == before

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        report.write(full_document(seed=9), out)
    assert {path: path.read_bytes() for path in out.iterdir()} == before
