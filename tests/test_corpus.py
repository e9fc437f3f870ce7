"""The benchmark corpus is what it says it is: counted again from its bytes with an independent definition."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

WRITER = Path(__file__).parent.parent / "benchmarks" / "corpus.py"
FORMS = ("ultrachat", "alpaca")
SIZE = 1_000_000

# A word is a run of letters with inner apostrophes; in Han, kana and Thai every letter is one.
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W\d_{_UNSPACED}]+(?:['’][^\W\d_{_UNSPACED}]+)*")


class Corpus(NamedTuple):
    """A corpus as bytes, as messages (user and assistant in turn), and what its writer says of it."""

    data: bytes
    dialogues: list[list[str]]
    totals: dict[str, Any]


def write(folder: Path, form: str, *options: str) -> Corpus:
    """Run the writer as its README says."""
    out = folder / f"{form}.jsonl"
    subprocess.run([sys.executable, WRITER, out, "--size", str(SIZE), "--form", form, *options], check=True, timeout=60)
    data = out.read_bytes()
    dialogues = [messages(json.loads(line)) for line in data.splitlines()]
    return Corpus(data, dialogues, json.loads(out.with_suffix(".totals.json").read_text()))


def messages(record: dict[str, Any]) -> list[str]:
    """The messages of a line of either form."""
    if "data" in record:
        return list(record["data"])
    instruction, extra = record["instruction"], record["input"]
    return [f"{instruction}\n{extra}" if extra else instruction, record["output"]]


@pytest.fixture(scope="module", params=FORMS)
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus of each form."""
    return write(tmp_path_factory.mktemp("corpus"), request.param)


def test_the_same_seed_gives_the_same_bytes(corpus: Corpus, tmp_path: Path) -> None:
    """Bytes depend on the arguments alone."""
    form = corpus.totals["form"]
    assert write(tmp_path, form).data == corpus.data
    assert write(tmp_path, form, "--seed", "8").data != corpus.data


def test_the_file_is_of_the_asked_size_and_the_stated_hash(corpus: Corpus) -> None:
    """It ends with the dialogue that reaches the size."""
    last = corpus.data.splitlines(keepends=True)[-1]
    assert SIZE <= len(corpus.data) < SIZE + len(last)
    assert len(corpus.data) == corpus.totals["bytes"]
    assert hashlib.sha256(corpus.data).hexdigest() == corpus.totals["sha256"]


def test_the_totals_are_true(corpus: Corpus) -> None:
    """Words and characters by an expression of their own, dialogues and messages by the parsed lines."""
    texts: dict[str, list[str]] = {"user": [], "assistant": []}
    for dialogue in corpus.dialogues:
        texts["user"] += dialogue[::2]
        texts["assistant"] += dialogue[1::2]
    for role, part in texts.items():
        assert corpus.totals["words"][role] == sum(len(_WORD.findall(text)) for text in part)
        assert corpus.totals["characters"][role] == sum(map(len, part))
    for counts in (corpus.totals["words"], corpus.totals["characters"]):
        assert counts["dialogue"] == counts["user"] + counts["assistant"]
    assert corpus.totals["dialogues"] == len(corpus.dialogues)
    assert corpus.totals["messages"] == sum(map(len, corpus.dialogues))
    assert corpus.totals["rounds"] == corpus.totals["messages"] // 2


def test_only_the_planted_copies_are_equal(corpus: Corpus) -> None:
    """No two dialogues are equal by chance, and every fiftieth is a copy."""
    copies = len(corpus.dialogues) - len(set(map(tuple, corpus.dialogues)))
    assert copies == corpus.totals["duplicates"] == int(0.02 * len(corpus.dialogues))


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_share_of_copies_is_the_asked_one(tmp_path: Path, share: float) -> None:
    """From none to every second dialogue."""
    corpus = write(tmp_path, "alpaca", "--duplicates", str(share))
    copies = len(corpus.dialogues) - len(set(map(tuple, corpus.dialogues)))
    assert copies == corpus.totals["duplicates"] == int(share * len(corpus.dialogues))


def test_it_has_the_shape_of_real_dialogues(corpus: Corpus) -> None:
    """Sizes, rounds, lists, code, typography and other scripts."""
    per_dialogue = len(corpus.data) / len(corpus.dialogues)
    foreign = sum(not "".join(dialogue).isascii() for dialogue in corpus.dialogues) / len(corpus.dialogues)
    if corpus.totals["form"] == "alpaca":
        assert 400 < per_dialogue < 480
        assert {len(dialogue) for dialogue in corpus.dialogues} == {2}
    else:
        assert 5800 < per_dialogue < 7800  # 150 dialogues: the mean itself moves
        assert {len(dialogue) for dialogue in corpus.dialogues} == set(range(2, 16, 2))
        assert 0.4 < foreign < 0.6
    text = "\n".join("\n".join(dialogue) for dialogue in corpus.dialogues)
    marks = ["```python\n", "\n1. ", "\n2. ", "\n- ", "\n• ", "“", "’", "—", "é", "2019"]
    for mark in marks + ["😊", "学习"] * (corpus.totals["form"] == "ultrachat"):
        assert mark in text, mark


def test_new_words_keep_coming(corpus: Corpus) -> None:
    """The vocabulary of the replies grows as in real text (2,600 and 9,400 to 10,800 there)."""
    words = [word.lower() for dialogue in corpus.dialogues for word in _WORD.findall(" ".join(dialogue[1::2]))]
    early, late = len(set(words[:10_000])), len(set(words[:100_000]))
    assert 1500 < early < 3500
    assert 8000 < late < 13_000


def test_a_wrong_size_is_refused_in_words(tmp_path: Path) -> None:
    """The message shows how a size is written."""
    done = subprocess.run(
        [sys.executable, WRITER, tmp_path / "x", "--size", "many"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "10MB" in done.stderr
