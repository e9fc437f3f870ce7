"""The report on where a dataset comes from: what is declared, what is not, and who is named as the writer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import ultraqa
from ultraqa.reports.origin import sentences

if TYPE_CHECKING:
    from pathlib import Path

TURNS = [
    {"role": "user", "content": "Who are you?"},
    {"role": "assistant", "content": "I am ChatGPT, trained by OpenAI."},
]


def test_the_report_tells_licence_fields_and_makers(tmp_path: Path) -> None:
    """In JSON, HTML and Markdown, with counts, and that finding none would prove nothing."""
    records = [{"model": "some-model", "messages": TURNS}, {"messages": TURNS}, {"messages": TURNS[:1] * 2}]
    data = tmp_path / "set" / "data.jsonl"
    data.parent.mkdir()
    data.write_text("\n".join(map(json.dumps, records)))
    (data.parent / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n# A card\n")
    found = ultraqa.report(data, out=tmp_path / "report", embedder="none", tokens="none")
    one = found.document["provenance"][0]
    assert (one["dialogues"], one["unknown"]) == (3, 2)
    assert [teacher["vendor"] for teacher in one["teachers"]] == ["openai"]
    told = list(sentences(one))
    assert told[0].startswith("Declared licence: cc-by-nc-4.0")
    assert told[1].startswith("2 of 3 dialogues")
    assert told[2] == "Field model: in 1 dialogues; some-model 1."
    assert told[3].startswith("At least 2 dialogues")
    for name in ("report.html", "report.md"):
        page = (tmp_path / "report" / name).read_text("utf-8")
        assert "Where it comes from" in page
        assert "cc-by-nc-4.0" in page
        assert "no legal verdict" in page


def test_a_dataset_that_says_nothing_is_told_so(tmp_path: Path) -> None:
    """Without a licence, a field or a name."""
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"messages": [*TURNS[:1], {"role": "assistant", "content": "A friend."}]}))
    found = ultraqa.report(data, out=tmp_path / "report", embedder="none", tokens="none")
    told = list(sentences(found.document["provenance"][0]))
    assert told == [
        "No licence is declared in the files or beside them.",
        "1 of 1 dialogues (100 %) name neither a model nor a source.",
    ]
