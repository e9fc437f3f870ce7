"""The labels of defects: they hold no text, the data has what they name, and recall is what they say."""

from __future__ import annotations

import csv
import hashlib
import importlib
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultraqa.analysis.defects import FAMILIES
from ultraqa.dialogues.batch import Record, spoken
from ultraqa.dialogues.reading import records
from ultraqa.dialogues.sources import datasets

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
LABELS = ROOT / "benchmarks" / "results" / "defects_labels.csv"
FIGURES = ROOT / "benchmarks" / "results" / "defects.md"
PAGE = ROOT / "docs" / "defects.md"
NAMES = {family.name for family in FAMILIES}


def rows() -> list[dict[str, str]]:
    """The lines of the file of labels."""
    with LABELS.open() as lines:
        return list(csv.DictReader(lines))


def table(page: Path) -> dict[str, list[str]]:
    """The cells of the rows of a page's tables, by the family that a row begins with."""
    cells = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in page.read_text().splitlines()]
    return {row[0].strip("`"): row[1:] for row in cells if row[0].strip("`") in NAMES}


@pytest.fixture(scope="module")
def benchmark() -> Iterator[Any]:
    """The benchmark as a module; it imports its neighbours by name."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield importlib.import_module("defects")
    sys.path.remove(str(ROOT / "benchmarks"))


def test_labels_hold_places_and_verdicts_and_no_text() -> None:
    """Every column is a number, a hash, a path of the data or a name."""
    wanted = {
        "file": r"[\w.-]+/[\w.-]+", "row": r"\d+", "message": r"\d+", "offset": r"\d+", "sha256": r"[0-9a-f]{16}",
        "drawn": r"random|flagged|near", "family": r"\w+", "label": r"[01]|(\w+( \w+)*)?",
    }  # fmt: skip
    for row in rows():
        assert row.keys() == wanted.keys()
        assert all(re.fullmatch(pattern, row[field]) for field, pattern in wanted.items()), row
        assert row["family"] in {"all", *NAMES}
        assert row["label"] in {"0", "1"} if row["family"] != "all" else set(row["label"].split()) <= NAMES


def test_a_message_is_labelled_once_for_a_family_and_300_are_random() -> None:
    """No verdict contradicts another."""
    counts = Counter((row["file"], row["row"], row["message"], row["family"]) for row in rows())
    assert max(counts.values()) == 1
    assert sum(row["family"] == "all" for row in rows()) == sum(row["drawn"] == "random" for row in rows()) == 300


def test_the_labelled_messages_are_in_the_data(real_data: Path) -> None:
    """At their row, offset and place stands the text that was labelled."""
    for file in {row["file"] for row in rows()}:
        read = (one for source in datasets([str(real_data / "data" / file)])[0].sources for one in records(source))
        dialogues = [(one.start, found) for one in read if isinstance(one, Record) for found in one.dialogues]
        for row in (row for row in rows() if row["file"] == file):
            start, dialogue = dialogues[int(row["row"])]
            text = spoken(dialogue)[int(row["message"])]
            assert (start, hashlib.sha256(text.encode()).hexdigest()[:16]) == (int(row["offset"]), row["sha256"]), row


def test_recall_is_that_of_the_messages_that_the_labels_stand_for(benchmark: Any) -> None:
    """Of 100 flagged 9 in 10 are defects, of 200 near misses 1 in 10, of 1000 others 1 in 100: 90 of 90 + 20 + 10."""
    shares = ((0, 9, 10), (1, 1, 10), (2, 1, 100))
    labelled = [benchmark.Labelled(kind, 1, i < n) for kind, n, of in shares for i in range(of)]
    value, low, high = benchmark.recall(labelled, [100, 200, 1000])
    assert value == pytest.approx(90 / 120, abs=1e-12)
    assert 0 <= low < value < high <= 1


def test_a_label_stands_for_the_messages_of_its_stratum(benchmark: Any) -> None:
    """Two labels share the ten messages of theirs; one drawn for the family that is in the rest stands for itself."""
    found = {("f", row, 0): (0, "chat", "a") for row in range(10)} | {
        ("f", 10 + row, 0): (2, "chat", "a") for row in range(7)
    }
    said = [
        benchmark.Label(("f", 0, 0), "", "refusal", "1"), benchmark.Label(("f", 1, 0), "", "all", "html"),
        benchmark.Label(("f", 10, 0), "", "refusal", "0"), benchmark.Label(("f", 11, 0), "", "all", "refusal"),
        benchmark.Label(("f", 12, 0), "", "html", "1"), benchmark.Label(("elsewhere", 0, 0), "", "refusal", "1"),
    ]  # fmt: skip
    labelled = sorted(benchmark.weighed("refusal", found, said))
    assert labelled == [(0, 5, False), (0, 5, True), (2, 1, False), (2, 7, True)]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.booleans()), min_size=1, max_size=40))
def test_recall_lies_between_none_and_all(benchmark: Any, labelled: list[tuple[int, int, bool]]) -> None:
    """Whatever was labelled; it is 1 where nothing is missed and 0 where nothing was found."""
    value, low, high = benchmark.recall([benchmark.Labelled(*one) for one in labelled], [50, 500, 5000])
    assert 0 <= low <= high <= 1
    assert 0 <= value <= 1
    found, missed = (any(one[2] for one in labelled if (one[0] == 0) is flagged) for flagged in (True, False))
    assert not found or missed or value == 1
    assert found or value == 0


def test_the_page_has_every_measured_family_with_the_figures_of_the_benchmark() -> None:
    """Flagged messages, precision and recall are those of the results; families without a flagged message are named."""
    measured, shown = table(FIGURES), table(PAGE)
    flagged = {name for name, cells in measured.items() if cells[0] != "0"}
    assert shown.keys() == flagged
    assert all(name in PAGE.read_text() for name in NAMES)
    for name in flagged:
        cells = measured[name]
        assert shown[name][2:5] == [cells[0], cells[1], cells[6]], name


def test_the_page_says_who_labelled() -> None:
    """A model, and how to measure anew."""
    page = PAGE.read_text()
    assert "language model" in page
    assert "benchmarks/defects.py" in page
