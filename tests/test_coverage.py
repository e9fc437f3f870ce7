"""Topics of one dataset counted in another: a planted hole is found, and encoders are not mixed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest

import ultraqa as package
from ultraqa.analysis.coverage import coverage

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

SUBJECTS = (
    "bread oven flour dough yeast bake crust kneading loaf butter",
    "star galaxy telescope planet orbit astronomy comet nebula moon sky",
    "bank interest loan money saving tax credit mortgage budget invest",
)
SCHEMA = json.loads((Path(__file__).parent.parent / "reports" / "report.schema.json").read_text())


def dialogues(subjects: tuple[int, ...], n: int, seed: int) -> list[dict[str, Any]]:
    """Dialogues on some of the subjects, in turn."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(n):
        words = rng.choice(SUBJECTS[subjects[i % len(subjects)]].split(), (2, 6))
        texts = [f"what about the {' and the '.join(line)}?" for line in words]
        roles = ("user", "assistant")
        found.append({"messages": [{"role": r, "content": t} for r, t in zip(roles, texts, strict=True)]})
    return found


def test_a_topic_that_is_missing_is_under_covered() -> None:
    """Shares of the reference and of the other are those of the subjects, and only the planted hole is near 0."""
    reference = package.profile(dialogues((0, 1, 2), 120, 0), name="all", tokens="none")
    found = coverage(reference, package.profile(dialogues((0, 1), 120, 1), name="two", tokens="none"))
    assert found is not None
    assert sum(one.share for one in found.topics) == pytest.approx(1, abs=1e-9)
    money = [one for one in found.topics if set(one.words) & set(SUBJECTS[2].split())]
    assert sum(one.share for one in money) < 0.05
    assert 0.25 < sum(one.reference for one in money) < 0.42
    assert any(one.real and one.z < 0 for one in money)


def test_a_dataset_covers_itself() -> None:
    """The same dialogues differ in no topic."""
    reference = package.profile(dialogues((0, 1, 2), 120, 0), name="all", tokens="none")
    found = coverage(reference, reference)
    assert found is not None
    assert all(one.z == 0 and not one.real for one in found.topics)


def test_without_vectors_of_one_encoder_there_is_no_coverage() -> None:
    """None where a dataset has no vectors, and where the encoder was fitted on each dataset's own texts."""
    records = dialogues((0, 1, 2), 60, 0)
    made = {
        name: package.profile(records, name=name, tokens="none", embedder=name) for name in ("static", "none", "lsa")
    }
    assert coverage(made["static"], made["none"]) is None
    assert coverage(made["lsa"], made["lsa"]) is None


def test_a_report_of_several_datasets_follows_its_schema(tmp_path: Path) -> None:
    """With topics, coverage and user turns of real Profiles in it."""
    files = []
    for name, subjects in (("all", (0, 1, 2)), ("two", (0, 1))):
        files.append(tmp_path / f"{name}.jsonl")
        files[-1].write_text("\n".join(map(json.dumps, dialogues(subjects, 80, 3))))
    document = package.report(*files, out=tmp_path / "out", tokens="none").document
    jsonschema.validate(document, SCHEMA)
    assert [one["covered"] is None for one in document["topics"]] == [True, False]
    assert [one["dataset"] for one in document["user_turns"]] == ["two"]


def test_a_judge_that_is_not_there_does_not_cost_the_report(
    ultraqa: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    """Exit 3 with the reason, and everything else is written; a url without a model is an error of usage."""
    pairs = [dialogues((0,), 2, i) for i in range(8)]
    records = [{"messages": [*first["messages"], *second["messages"]]} for first, second in pairs]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, records)))
    url = ("--judge-url", "http://127.0.0.1:9/v1")
    assert ultraqa("report", "a.jsonl", *url, cwd=tmp_path).returncode == 2
    done = ultraqa("report", "a.jsonl", "--judge", "m", *url, cwd=tmp_path)
    assert done.returncode == 3
    assert "fault of UltraQA" not in done.stderr
    if "ultraqa[judge]" in done.stderr:  # the extra is missing: refused before anything is measured
        assert not (tmp_path / "ultraqa-report").exists()
        return
    document = json.loads((tmp_path / "ultraqa-report" / "report.json").read_text())
    row = next(row for row in document["results"] if row["metric"] == "coherence_judge")
    assert row["value"] is None
    assert "127.0.0.1:9" in row["note"]
