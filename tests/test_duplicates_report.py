"""Duplicates and contamination as a report shows them: differences of texts, document, findings, page, terminal."""

from __future__ import annotations

import json
import random
import re
from html.parser import HTMLParser
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ultraqa
from ultraqa.analysis.metric import Result
from ultraqa.dialogues.batch import Dialogue
from ultraqa.reports import html, markdown, report, terminal
from ultraqa.reports.document import document
from ultraqa.reports.findings import findings
from ultraqa.reports.table import comparison
from ultraqa.reports.text_differences import CHARACTERS, Segment, difference

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile

HOSTILE = "<script>alert(1)</script> {{ 7 * 191 }} </del></p>\x1b[31m\u202e`x` | [a](http://b)\n@all"
OPENER = "please read the following request with care and answer it as briefly as you possibly can"


class Measured:
    """A Profile by hand: a document, columns and rows, with hostile texts."""

    def __init__(self, name: str, more: dict[str, Any], columns: dict[str, list[Any]], rows: list[Result]) -> None:
        self.name = name
        self.document: dict[str, Any] = {
            "name": name, "path": "set.jsonl", "sha256": "0" * 64, "bytes": 9, "dialogues": 6, "records": 6,
            "unreadable": 0, "formats": {}, "role_tags": {}, "parameters": {}, "packages": {}, **more,
        }  # fmt: skip
        self._columns = columns
        self._rows = rows

    def rows(self) -> list[Result]:
        """Every number."""
        return self._rows

    def column(self, name: str) -> NDArray[Any]:
        """A column of the dialogues; ValueError as a real Profile's."""
        if name not in self._columns:
            raise ValueError(name)
        return np.array(self._columns[name], object if name == "contaminated_by" else None)

    def evidence(self, skip: Collection[str] = ()) -> list[tuple[int, str, str]]:
        """What the reader noticed."""
        return [one for one in [(3, "odd", "detail")] if one[1] not in skip]

    def lines(self, rows: Sequence[int]) -> list[int | None]:
        """A record a line."""
        return [row + 1 for row in rows]

    def texts(self, rows: Sequence[int]) -> list[Dialogue]:
        """Hostile dialogues that differ in one word."""
        return [Dialogue("sua", ["system", f"prompt {row}", f"{HOSTILE} word{row} end"], "") for row in rows]


def member(row: int) -> dict[str, Any]:
    """A member of a cluster."""
    return {"row": row, "position": 0, "jaccard": 0.75, "containment": 0.875, "unstripped": 0.9}


def near_document(phrases: Iterable[str] = (HOSTILE,)) -> dict[str, Any]:
    """What a Profile stores of near-duplicates."""
    cluster = {"row": 1, "position": 0, "texts": 3, "members": [member(2), member(4)]}
    whole = {"texts": 6, "short": 1, "candidates": 7, "verified": 3, "near": 2, "clusters": [cluster]}
    return {
        "threshold": 0.7, "words": 5, "representative": "first",
        "scopes": [
            {"scope": "dialogue", **whole}, {"scope": "prompt", **whole, "clusters": []},
            {"scope": "assistant", "texts": 5}, {"scope": "message", "texts": 9},
        ],
        "template": {
            "dialogues": 50, "share": 0.02, "counted": 6, "shingles": 12,
            "phrases": [{"text": text, "dialogues": 5, "share": 0.8125} for text in phrases],
        },
    }  # fmt: skip


def match(row: int, coverage: float, **more: Any) -> dict[str, Any]:
    """A match of a question."""
    return {
        "record": 3, "id": None, "position": 0, "words": 31, "row": row, "message": 0, "role": "user",
        "coverage": coverage, "longest": 14, "exact": False, "same_numbers": True, "dialogues": 1, "text": HOSTILE,
        **more,
    }  # fmt: skip


def contamination_document(name: str = "exam", found: int = 2) -> dict[str, Any]:
    """What a Profile stores of contamination, and of candidates for review."""
    counts = {"found": found, "found_13gram": 1}
    matches = [match(4, 0.875, same_numbers=False), match(2, 0.25)] if found else []
    benchmark = {
        "name": name, "sha256": "1" * 64, "unreadable": 0, "items": 40, "short": 3, "in_template": 1, "dialogues": 1,
        "exact": 0, "other_numbers": 1, **counts, "user": counts, "assistant": counts, "matches": matches,
    }  # fmt: skip
    candidate = {"benchmark": name, "record": 7, "id": name, "position": 0, "row": 5, "message": 1}
    template = {"ngrams": 2, "dialogues": 50, "texts": [HOSTILE]}
    return {
        "contamination": {"threshold": 0.5, "n": 8, "run": 13, "template": template, "benchmarks": [benchmark]},
        "contamination_review": {
            "encoder": "static", "threshold": 0.75, "prompts": 6, "questions": 1,
            "candidates": [{**candidate, "similarity": 0.8125}],
        },
    }  # fmt: skip


def shared(count: int, n: int = 1000) -> dict[str, Any]:
    """A share of a dataset's dialogues."""
    return {"count": count, "share": count / n, "low": 0.0, "high": 1.0, "n": n}


def overlap(dataset: str, other: str, exact: int, near: int | None = None) -> dict[str, Any]:
    """A line of the overlap matrix."""
    kinds = {"exact": shared(exact), "prompts": shared(exact), "replies": shared(exact), "semantic": None}
    near_share = None if near is None else shared(near)
    more = {"near": near_share, "either": shared(exact + (near or 0)), "note": "a caveat", "rows": [3, exact]}
    return {"dataset": dataset, "other": other, "dialogues": 1000, **kinds, **more}


def share(metric: str, value: float, scope: str = "dialogue", dataset: str = "set") -> list[Result]:
    """Share and count."""
    counted = Result(dataset, metric, scope, "count", round(1000 * value), n=1000)
    return [Result(dataset, metric, scope, "share", value, unit="share", n=1000), counted]


def measured(name: str = "set", *, benchmark: str = "exam") -> Measured:
    """A Profile that has something of everything."""
    more = {"near_duplicates": near_document(), **contamination_document(benchmark)}
    more["semantic_duplicates"] = {
        "threshold": 0.95, "compared": 6, "found": 1, "method": "exact", "recall": 1.0, "recall_of": 0,
    }  # fmt: skip
    columns = {
        "content_hash": [1, 2, 3, 4, 5, 5], "duplicate_of": [np.nan, np.nan, 1, np.nan, 1, np.nan],
        "near_duplicate": [0, 0, 1, 0, 1, 0], "template_share": [0.1, 0.75, 0.625, np.nan, 0.0, 0.5],
        "contaminated": [0.0, 0.0, 0.0, 0.0, 1.0, 0.0], "contaminated_by": [None] * 4 + [f"{benchmark}:3", None],
    }  # fmt: skip
    rows = [row for scope in ("dialogue", "prompt") for row in share("near_duplicates", 0.125, scope, name)]
    rows += [row for scope in ("dialogue", "prompt", "assistant") for row in share("exact_duplicates", 0, scope, name)]
    rows += share("semantic_duplicates", 0.25, dataset=name) + share("contaminated", 0.0625, dataset=name)
    rows += [Result(name, f"contaminated.{benchmark}", "dataset", "share", 0.05, unit="share", n=40)]
    return Measured(name, more, columns, rows)


def full(*, text: bool = True) -> dict[str, Any]:
    """A document of two datasets with everything that can be shown."""
    matrix = [overlap("set", HOSTILE, 20, 30), overlap(HOSTILE, "set", 5)]
    profiles = [measured(), measured(HOSTILE, benchmark=HOSTILE)]
    return document(profiles, version="0.1.0", text=text, overlap={"matrix": matrix})


def found(profile: Measured | Profile, **options: Any) -> dict[str, Any]:
    """Findings of a profile by name."""
    return {finding.finding: finding for finding in findings(profile, **options)[0]}


class Page(HTMLParser):
    """Tags and visible text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the tag; no attribute listens for events."""
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Remember the text, its blanks joined."""
        self.text += f" {' '.join(data.split())}"


# Differences of texts


def _joined(segments: Iterable[Segment], *kinds: str) -> str:
    return "".join("".join(one.text.split()) for one in segments if one.kind in kinds)


WORDS = st.lists(st.sampled_from(["a", "bb", "ccc", "d.", "\n\n", "  ", "中", "文"]), max_size=40).map(" ".join)


@given(kept=WORDS, dropped=WORDS)
def test_a_difference_holds_both_texts(kept: str, dropped: str) -> None:
    """What is equal and what only one text has is that text, but for blanks, where nothing is so long as to be cut."""
    found_ = difference(kept, dropped)
    if "cut" not in {one.kind for one in found_}:
        assert _joined(found_, "same", "kept") == "".join(kept.split())
        assert _joined(found_, "same", "dropped") == "".join(dropped.split())
    changed = {one.kind for one in found_} & {"kept", "dropped"}
    assert bool(changed) == (re.findall(r"[中文]|[^\s中文]+", kept) != re.findall(r"[中文]|[^\s中文]+", dropped))


@given(seed=st.integers(0, 10_000), size=st.integers(0, 3_000), edits=st.integers(0, 300))
def test_long_differences_are_short_and_true(seed: int, size: int, edits: int) -> None:
    """However long and different, what is shown is bounded, and stands in the text that it is said to stand in."""
    chance = random.Random(seed)
    kept = [f"w{chance.randrange(200)}" for _ in range(size)]
    dropped = list(kept)
    for _ in range(min(edits, size)):
        dropped[chance.randrange(size)] = f"v{chance.randrange(200)}"
    segments = difference(" ".join(kept), " ".join(dropped))
    assert sum(len(one.text) for one in segments) < CHARACTERS + 400
    whole = {"kept": "".join(kept), "dropped": "".join(dropped)}
    for kind, text in segments:
        for where in ("kept", "dropped") if kind == "same" else (kind,) if kind != "cut" else ():
            assert "".join(text.split()) in whole[where]


def test_a_difference_reads_like_an_edit() -> None:
    """One word is another, far equal words are left out, blanks belong to what is equal."""
    before, after = "one two three four " * 10, " five six seven eight" * 10
    segments = difference(f"{before}old{after}", f"{before}new{after}")
    assert [one.kind for one in segments] == ["cut", "same", "kept", "dropped", "same", "cut"]
    assert segments[2:4] == [Segment("kept", "old"), Segment("dropped", "new")]
    assert segments[4].text.startswith(" five six")
    assert len(segments[1].text) <= 60
    assert difference("same  words", "same words") == [Segment("same", "same  words")]
    assert [one.text for one in difference("今天很好", "今天不好")] == ["今天", "很", "不", "好"]


# The document


def test_the_document_follows_its_schema() -> None:
    """With and without texts, and also as an older version made it, without any of this."""
    schema = json.loads((resources.files("ultraqa.reports") / "report.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    for text in (True, False):
        validator.validate(json.loads(report.to_json(full(text=text))))
    older = {
        key: value
        for key, value in full().items()
        if key not in {"near_duplicates", "semantic_duplicates", "contamination", "overlap"}
    }
    validator.validate(json.loads(report.to_json(older)))
    assert "<h2>Duplicates and contamination</h2>" in html.render(older)
    broken = full()
    broken["near_duplicates"][0]["scopes"][0]["clusters"][0]["difference"][0]["kind"] = "other"
    assert not validator.is_valid(broken)


def test_clusters_stand_with_places_and_the_difference_of_two_texts() -> None:
    """The kept text and the first member are compared: messages of user and assistant, not those of the system."""
    made = full()["near_duplicates"][0]
    cluster = made["scopes"][0]["clusters"][0]
    assert (cluster["place"]["row"], cluster["place"]["line"]) == (1, 2)
    assert [one["place"]["line"] for one in cluster["members"]] == [3, 5]
    segments = [Segment(**one) for one in cluster["difference"]]
    assert _joined(segments, "same", "kept").startswith("prompt1<script>")
    assert [one.text for one in segments if one.kind == "dropped"] == ["2", "word2"]
    assert "system" not in _joined(segments, "same")


def test_without_texts_no_word_of_the_data_is_left() -> None:
    """Numbers, rows and places stay; differences, phrases, matches and candidates go, in every file."""
    made = document([measured()], version="0.1.0", text=False)
    assert made["near_duplicates"][0]["template"]["phrases"] == [{"dialogues": 5, "share": 0.8125}]
    assert made["contamination"][0]["review"]["candidates"][0]["place"]["line"] == 6
    files = [report.to_json(made).decode(), html.render(made), markdown.render(made), terminal.text(made)]
    told = document([measured()], version="0.1.0")
    assert ["alert(1)" in page for page in (report.to_json(told).decode(), html.render(told))] == [True, True]
    for page in files:
        assert "alert(1)" not in page
        assert "word2" not in page


# Findings


def test_near_duplicates_have_levels() -> None:
    """One dialogue in a hundred warns, one in ten fails; prompts may repeat more."""
    levels = {0.0005: None, 0.005: "info", 0.05: "warn", 0.2: "fail"}
    for value, severity in levels.items():
        one = found(Measured("set", {}, {}, share("near_duplicates", value))).get("near_duplicate_dialogues")
        assert (one.severity if one else None) == severity
    assert found(Measured("set", {}, {}, share("near_duplicates", 0.05, "prompt")))[
        "near_duplicate_prompts"
    ].severity == ("info")


def test_dialogues_that_are_mostly_template_are_a_finding() -> None:
    """Two of five of 25 words or more are; undefined ones do not count; the phrase is named where texts may be."""
    one = found(measured())["templated"]
    assert (one.severity, one.count, one.n, one.rows) == ("warn", 2, 5, [1, 2])
    assert one.sentence.startswith("2 of 5 dialogues of 25 words or more (40.0 %) consist mostly of template; most")
    assert "alert(1)" in one.sentence
    quiet = found(measured(), text=False)["templated"].sentence
    assert quiet.endswith("; its most frequent phrase stands in 81.2 % of the dialogues.")
    plain = Measured("set", {}, {"template_share": [0.75] * 9 + [0.1]}, [])
    assert (
        found(plain)["templated"].sentence
        == "9 of 10 dialogues of 25 words or more (90.0 %) consist mostly of template."
    )
    assert "templated" not in found(Measured("set", {}, {"template_share": [0.5] * 9}, []))


def test_contaminated_dialogues_are_a_finding_that_names_the_benchmark() -> None:
    """Any is worth a warning, more than one in a hundred fails; the strongest match comes first."""
    one = found(measured())["contaminated"]
    assert one.severity == "fail"
    assert one.sentence == (
        "62 of 1,000 dialogues (6.2 %) hold a question of a benchmark, whole or in good part: exam (1)."
    )
    assert one.rows == [4]
    few = Measured("set", {}, {}, share("contaminated", 0.001))
    assert found(few)["contaminated"].severity == "warn"
    assert found(few)["contaminated"].sentence.startswith("1 of 1,000 dialogues (0.1 %) holds a question")
    assert "contaminated" not in found(Measured("set", {}, {}, share("contaminated", 0.0)))
    assert "contaminated" not in {one.finding for one in findings(few)[1]}


def test_datasets_that_share_dialogues_are_told_of_each() -> None:
    """Above one dialogue in a hundred, equal and near-duplicate ones together, of the dataset's own only."""
    matrix = [
        overlap("set", "a", 10),
        overlap("set", "b", 300, 20),
        overlap("set", "c", 8, 40),
        overlap("a", "set", 900),
    ]
    one = found(Measured("set", {}, {}, []), overlap=matrix)["overlap"]
    assert (one.severity, one.value, one.count, one.n) == ("warn", 0.32, 320, 1000)
    assert one.rows == [3, 300, 8]
    assert one.sentence == (
        "Of 1,000 dialogues 300 (30.0 %) stand word for word, 20 (2.0 %) with few words changed and the prompts of "
        "300 (30.0 %) in b too; 8 (0.8 %) stand word for word, 40 (4.0 %) with few words changed and the prompts of "
        "8 (0.8 %) in c too."
    )
    assert "overlap" not in found(Measured("set", {}, {}, []), overlap=matrix[:1])


def test_what_was_not_sought_is_not_measured(tmp_path: Any) -> None:
    """With --duplicates none the findings on near-duplicates are listed as not measured, and the page says so."""
    records = [{"instruction": f"question {word}", "output": "yes"} for word in ("one", "two", "two")]
    profile = ultraqa.profile(records, tmp_path / "p", duplicates="none", embedder="none", tokens="none")
    missing = {one.finding: one.reason for one in findings(profile)[1]}
    assert "--duplicates none" in missing["near_duplicate_dialogues"]
    assert "--duplicates none" in missing["near_duplicate_prompts"]
    made = document([profile], version="0.1.0")
    page = Page(html.render(made)).text
    assert "Near-duplicates were not sought" in page
    assert "Jaccard" not in page.partition("Methods")[0]
    assert "near duplicate dialogues" in markdown.render(made)


# Table, page, Markdown, terminal


def test_duplicates_have_columns_in_the_comparison() -> None:
    """Near and semantic duplicates and contamination stand there; the shares of single benchmarks do not."""
    metrics = [(column.metric, column.scope) for column in comparison(measured().rows()).columns]
    assert {("near_duplicates", "dialogue"), ("near_duplicates", "prompt")} <= set(metrics)
    assert {("semantic_duplicates", "dialogue"), ("contaminated", "dialogue")} <= set(metrics)
    assert not [metric for metric, _ in metrics if metric.startswith("contaminated.")]


def test_the_page_shows_everything_and_hostile_text_stays_text() -> None:
    """Scopes, template, differences, overlap, matches, candidates and what is not excluded; nothing of it acts."""
    source = html.render(full())
    page = Page(source)
    assert "script" not in page.tags
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", source)
    assert "1337" not in source
    section = source[source.index('id="duplicates"') : source.index('id="coherence"')]
    assert "<ins>word1</ins> <del>word2</del>" in section
    words = Page(section).text
    for wanted in (
        "12 sequences of 5 words", "2 % of dialogues", "81.2 %", "0.750 without the template, 0.900 with it",
        "containment 0.875", "row 4 · line 5", "What the datasets share", "87.5 % covered, other numbers",
        "25.0 % covered, too little to count", "14 of 31 words in a row", "For review", "cosine 0.812",
        "3 under 8 words and 1 all template: found only whole", "5.0 %, 1 with other numbers",
        "does not exclude that questions were rephrased", "with --contamination",
    ):  # fmt: skip
        assert (wanted in words.replace("\u00a0", " ")) == (wanted != "with --contamination"), wanted


def test_what_was_not_looked_for_is_said() -> None:
    """Without benchmarks the page says how to name them; without any number it says that none was taken."""
    page = Page(html.render(document([Measured("set", {}, {}, [])], version="0.1.0"))).text
    assert "Duplicates were not measured" in page
    assert "name files of benchmark questions with --contamination" in page
    part = document([Measured("set", {}, {}, measured().rows())], version="0.1.0")
    assert "the matches in a report without --by" in Page(html.render(part)).text
    assert "not looked for" not in markdown.render(part)


def test_a_matrix_needs_three_datasets() -> None:
    """Of two a line each way tells all; of three a square of the larger shares comes first."""
    names = ("a", "b", "c")
    matrix = [overlap(one, other, 20, 30) for one in names for other in names if one != other]
    profiles = [Measured(name, {}, {}, share("exact_duplicates", 0, dataset=name)) for name in names]
    three = html.render(document(profiles, version="0.1.0", overlap={"matrix": matrix}))
    assert 'aria-label="Overlap matrix"' in three
    pair = [one for one in matrix if {one["dataset"], one["other"]} == {"a", "b"}]
    two = html.render(document(profiles[:2], version="0.1.0", overlap={"matrix": pair}))
    assert 'aria-label="Overlap matrix"' not in two
    assert 'aria-label="Overlap"' in two
    assert "3.0 %" in Page(three).text


def test_phrases_that_hold_one_another_are_told_once() -> None:
    """The most frequent of phrases within one another speaks for them."""
    one = measured()
    one.document["near_duplicates"] = near_document(["b c d e f", "a b c d e f g", "b c d e", "x y z v w"])
    section = Page(html.render(document([one], version="0.1.0"))).text
    assert "b c d e f" in section
    assert "a b c d e f g" not in section
    assert "x y z v w" in section


def test_markdown_has_the_tables_and_stays_inert() -> None:
    """Numbers in tables, no difference, no match; hostile names are escaped."""
    page = markdown.render(full())
    assert "| dialogues, set | 1,000 (6 different) | 0 % (0) | 12.5 % (125) | 25.0 % (250) | 7 | 3 |" in page
    assert "12 sequences of 5 words are template; the most frequent stands in 81.2 % of the dialogues." in page
    assert "does not exclude that questions were rephrased" in page
    assert "For review: 2 questions" in page
    assert "<script" not in page.replace("\\<script", "")
    assert "\x1b" not in page
    assert "word2" not in page


def test_the_terminal_is_calm_where_there_is_nothing_to_say() -> None:
    """No line on templates or benchmarks where none is known, one where one is, none that a finding says already."""
    silent = terminal.text(document([Measured("set", {}, {}, [])], version="0.1.0"))
    assert "template:" not in silent
    assert "contamination" not in silent
    one = Measured(
        "set", {"near_duplicates": near_document(["said by all"]), **contamination_document(found=0)}, {}, []
    )
    lines = terminal.text(document([one], version="0.1.0")).splitlines()
    assert "template: “said by all” stands in 81.2 % of the dialogues" in lines
    assert "contamination: none of 40 questions found; paraphrases are not excluded" in lines
    shown = terminal.text(document([measured()], version="0.1.0"))
    assert "contamination: questions found: 2 of 40 of exam; paraphrases are not excluded" in shown
    assert "template: " not in shown
    assert "\x1b" not in shown


# The whole, of real data


def _words(chance: random.Random, n: int) -> str:
    return " ".join("".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(n))


def test_a_planted_near_duplicate_and_a_template_are_shown(tmp_path: Any) -> None:
    """Of 80 dialogues that open alike one repeats another but for a word: the page shows that word and the opener."""
    chance = random.Random(4)
    records = [{"instruction": f"{OPENER} {_words(chance, 40)}", "output": _words(chance, 40)} for _ in range(80)]
    edited = records[7]["output"].split()
    edited[20] = "changed"
    records[60] = {**records[7], "output": " ".join(edited)}
    profile = ultraqa.profile(records, tmp_path / "p", embedder="none", tokens="none")
    made = document([profile], version="0.1.0")
    json_schema = json.loads((resources.files("ultraqa.reports") / "report.schema.json").read_text())
    jsonschema.Draft202012Validator(json_schema).validate(json.loads(report.to_json(made)))
    one = found(profile)["near_duplicate_dialogues"]
    assert (one.count, one.rows) == (1, [60])
    cluster = made["near_duplicates"][0]["scopes"][0]["clusters"][0]
    assert (cluster["row"], cluster["members"][0]["row"]) == (7, 60)
    changed = {piece["kind"]: piece["text"] for piece in cluster["difference"] if piece["kind"] in {"kept", "dropped"}}
    assert changed == {"kept": records[7]["output"].split()[20], "dropped": "changed"}
    page = Page(html.render(made)).text
    assert OPENER in page
    assert f"template: “{OPENER}”" in " ".join(terminal.text(made, 200).split())


@pytest.mark.parametrize("text", [True, False])
def test_chatdoctors_instruction_is_its_template(real_data: Any, tmp_path: Any, text: bool) -> None:
    """Every record of ChatDoctor opens with one instruction of 15 words: a template, and no reason to drop one."""
    profile = ultraqa.profile(
        real_data / "data/chatdoctor/chatdoctor5k.json", tmp_path / "p", embedder="none", tokens="none"
    )
    made = document([profile], version="0.1.0", text=text)
    first = made["near_duplicates"][0]["template"]["phrases"][0]
    assert first["share"] == 1
    assert ("text" in first) == text
    assert found(profile)["templated"].severity == "warn"
    assert "near_duplicate_dialogues" not in found(profile)


def test_questions_that_could_not_be_read_are_told() -> None:
    """A benchmark cut off in the middle does not look clean."""
    document = contamination_document("exam")
    document["contamination"]["benchmarks"][0]["unreadable"] = 2
    one = found(Measured("set", document, {}, []))["unread_questions"]
    assert one.severity == "warn"
    assert one.sentence.startswith("2 records of the benchmark exam cannot be read: only its other")


def test_what_differs_in_case_and_punctuation_alone_is_shown_as_it_is_kept() -> None:
    """A re-cased copy is no wall of struck words; digits and signs within words still count."""
    kept = "Hello there, (my) friend. It costs 5-3 or so."
    assert difference(kept, "HELLO  there my friend! it costs 5-3 or so") == [
        Segment("same", kept.replace("o t", "o  t"))
    ]
    changed = difference(kept, "hello there my friend it costs 5+3 or so")
    assert [one.text.strip() for one in changed if one.kind != "same"] == ["5-3", "5+3"]
