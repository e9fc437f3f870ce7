"""Defects of messages as a report shows them: a finding a family, where it stands, and few lines on a terminal."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ultraqa
from ultraqa.analysis.defects import FAMILIES
from ultraqa.reports import defect_rules, html, markdown, report, terminal
from ultraqa.reports.document import document
from ultraqa.reports.evidence import OF_ONE, SHOWN
from ultraqa.reports.findings import RULES

if TYPE_CHECKING:
    from ultraqa.analysis.profile import Profile

DEFECTS = [family.name for family in FAMILIES if not family.trait]
HOSTILE = "<script>alert(1)</script> {{ 7 * 191 }} </mark></li>\x1b[31m\u202e OpenAI "


@pytest.fixture(scope="module")
def sample(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """The Profile of the sample with all planted defects."""
    return profiled(samples / "sample.jsonl", tmp_path_factory.mktemp("sample"))


def profiled(file: Path, folder: Path) -> Profile:
    """A Profile without vectors and tokens."""
    return ultraqa.profile(file, folder / "data.ultraqa", embedder="none", tokens="none", duplicates="none")


def made(folder: Path, *dialogues: list[tuple[str, str]], **options: Any) -> dict[str, Any]:
    """The document of some dialogues, each a list of roles and texts."""
    records = [{"messages": [{"role": role, "content": text} for role, text in turns]} for turns in dialogues]
    file = folder / "data.jsonl"
    file.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return document([profiled(file, folder)], version="1", **options)


def finding(name: str, severity: str, count: int, dataset: str = "set", n: int = 1000) -> dict[str, Any]:
    """A finding of a family in a document."""
    return {
        "dataset": dataset, "finding": name, "severity": severity, "why": "", "metric": name, "scope": "dialogue",
        "statistic": "share", "value": count / n, "threshold": 0, "count": count, "n": n,
        "rows": list(range(count))[:5], "sentence": f"{count} of {n} dialogues hold {name}.",
    }  # fmt: skip


def shown(*findings: dict[str, Any], datasets: int = 1) -> str:
    """The findings on a terminal, each on one line."""
    empty: dict[str, Any] = {"results": [], "published": [], "not_measured": []}
    some = {**empty, "datasets": [{}] * datasets, "findings": list(findings)}
    return terminal.text(some, 4000).partition("Findings: ")[2]


# --- rules -----------------------------------------------------------------------------------------------------------


def test_every_family_of_defects_has_one_rule_and_a_trait_has_none() -> None:
    """A family that is added needs levels; code, tables and words of a topic are no finding."""
    names = [rule.finding for rule in RULES if rule.metric in {family.name for family in FAMILIES}]
    assert sorted(names) == sorted(DEFECTS)


@pytest.mark.parametrize("rule", defect_rules.RULES, ids=lambda rule: rule.finding)
def test_levels_rise_and_the_reason_says_where_they_come_from(rule: Any) -> None:
    """Info before warn before fail, a look at least at some level, and the files that were measured."""
    levels = [level for level in (rule.info, rule.warn, rule.fail) if level is not None]
    assert levels == sorted(set(levels))
    assert rule.warn is not None
    assert "47 public files" in rule.why
    for s in ("s", ""):
        told = rule.sentence.format(count=1, n=2, share="50 %", s=s)
        assert re.fullmatch(r"1 of 2 dialogues \(50 %\) \w+.*\.", told)


def test_findings_of_the_sample_are_its_planted_defects(sample: Profile) -> None:
    """Count and rows of every family are those of the dialogues that the list of planted defects names."""
    listed = json.loads((Path(__file__).parent / "defects.json").read_text())
    ids = sample.column("id").tolist()
    found = {one["finding"]: one for one in document([sample], version="1")["findings"]}
    planted: dict[str, set[int]] = {}
    for one in listed:
        if one["file"] == "sample.jsonl" and one["finding"] in defect_rules.NAMES:
            planted.setdefault(one["finding"], set()).add(ids.index(one["id"]))
    # Two planted texts disclaim and one speaks of itself besides; half an emoji is read as a broken character.
    for name, id_ in (("disclaimer", "ultrachat_200k-04"), ("disclaimer", "sharegpt-12")):
        planted[name].add(ids.index(id_))
    planted["ai_self_reference"].add(ids.index("sharegpt-12"))
    planted["mojibake"].add(ids.index("ultrachat-12"))
    assert {name: (found[name]["count"], set(found[name]["rows"])) for name in planted} == {
        name: (len(rows), rows) for name, rows in planted.items()
    }
    assert found.keys() & defect_rules.NAMES == planted.keys()


# --- where the evidence stands ---------------------------------------------------------------------------------------


def test_evidence_points_at_what_stands_in_the_turn(sample: Profile) -> None:
    """The characters named are those that are quoted, and what stands around them is what is quoted around them."""
    examples = document([sample], version="1")["examples"]
    pieces = [(example, one) for example in examples for one in example.get("evidence", ())]
    assert len(pieces) > 20
    for example, one in pieces:
        text = sample.texts([example["row"]])[0].texts[one["turn"]]
        if "said" in one:
            quoted = one["before"].removeprefix("… ") + one["said"] + one["after"].removesuffix(" …")
            assert text[one["start"] : one["end"]].startswith(one["said"].removesuffix(" …"))
            assert quoted in text or one["said"].endswith(" …")
        else:
            assert one["start"] == one["end"]
    assert {one["finding"] for _, one in pieces} >= {"ai_self_reference", "pii_card", "truncation", "empty_messages"}


def test_turns_are_counted_with_system_and_tool_turns(tmp_path: Path) -> None:
    """The reply after a system prompt and a question is turn 2."""
    document_ = made(
        tmp_path, [("system", "Be short."), ("user", "Who are you?"), ("assistant", "I'm made by OpenAI.")]
    )
    named = [one for one in document_["examples"][0]["evidence"] if one["finding"] == "vendor_name"]
    assert [(one["turn"], one["said"]) for one in named] == [(2, "OpenAI")]


def test_evidence_behind_the_cut_of_a_turn_is_quoted(tmp_path: Path) -> None:
    """A turn is shown up to 2,000 characters; what stands further down is quoted with its surroundings."""
    reply = f"{'Rain fell on the lake all day. ' * 100}Then we asked OpenAI about it and went home."
    example = made(tmp_path, [("user", "Tell me a story."), ("assistant", reply)])["examples"][0]
    one = next(one for one in example["evidence"] if one["finding"] == "vendor_name")
    assert one["start"] == reply.index("OpenAI") > len(example["turns"][1]["text"])
    assert (one["said"], one["after"]) == ("OpenAI", " about it and went home.")
    assert one["before"].startswith("… ")


def test_few_pieces_of_one_finding_are_shown_and_those_it_is_shown_for_come_first(tmp_path: Path) -> None:
    """Ten messages name a vendor: two are shown; the reason for the example stands before its other defects."""
    turns = [(("user", "assistant")[i % 2], f"OpenAI, message {i} of ten.") for i in range(9)]
    evidence = made(tmp_path, [*turns, ("assistant", "")])["examples"][0]["evidence"]
    assert [one["turn"] for one in evidence if one["finding"] == "vendor_name"] == list(range(OF_ONE))
    assert len(evidence) <= SHOWN
    assert {"empty_messages", "consecutive_roles"} & {one["finding"] for one in evidence}


def test_without_texts_evidence_has_places_and_no_words(sample: Profile) -> None:
    """A report to be shared names turn and characters, and nothing of what stands there."""
    document_ = document([sample], version="1", text=False)
    pieces = [one for example in document_["examples"] for one in example.get("evidence", ())]
    assert pieces
    assert {key for one in pieces for key in one} == {"finding", "turn", "start", "end"}
    assert "kim.placeholder" not in report.to_json(document_).decode() + html.render(document_)


def test_a_document_with_evidence_follows_its_schema(sample: Profile) -> None:
    """With and without texts."""
    schema = json.loads((resources.files("ultraqa.reports") / "report.schema.json").read_text())
    for text in (True, False):
        plain = json.loads(report.to_json(document([sample], version="1", text=text)))
        jsonschema.Draft202012Validator(schema).validate(plain)


def test_hostile_evidence_stays_text(tmp_path: Path) -> None:
    """What is quoted is escaped on the page; neither Markdown nor the terminal quotes it."""
    document_ = made(tmp_path, [("user", HOSTILE), ("assistant", HOSTILE)])
    page = html.render(document_)
    assert "<script>alert" not in page
    assert "1337" not in page
    assert "\x1b" not in page
    assert page.count("<mark>") == page.count("</mark>") > 0
    for other in (markdown.render(document_), terminal.text(document_)):
        assert "alert(1)" not in other


# --- few lines on a terminal -----------------------------------------------------------------------------------------


def test_rare_defects_share_a_sentence() -> None:
    """Twenty families with a hit each are one entry; the most frequent comes first, and rows are named."""
    told = shown(*(finding(name, "warn", 1) for name in DEFECTS[:20]), finding("refusal", "warn", 2))
    names = [name.replace("_", " ") for name in DEFECTS[:20] if name in defect_rules.NAMES]
    also = next(line for line in told.splitlines() if "Also, of 1,000 dialogues: refusal in 2 (rows 0, 1), " in line)
    assert all(f"{name} in 1 (row 0)" in also for name in names if name != "refusal")


@pytest.mark.parametrize(("severity", "count", "alone"), [("fail", 1, True), ("warn", 4, True), ("warn", 3, False),
                                                          ("info", 900, False)])  # fmt: skip
def test_what_is_grave_or_frequent_keeps_its_own_sentence(severity: str, count: int, alone: bool) -> None:
    """Failures, and warnings of more than three dialogues; what is only worth knowing never."""
    told = shown(finding("refusal", severity, count), finding("html", severity, count))
    assert (f"{count} of 1000 dialogues hold refusal." in told) is alone
    assert ("Also, of" in told) is not alone


def test_one_rare_defect_and_what_is_no_family_are_told_as_they_are() -> None:
    """A sentence of one is its own; few dialogues, copies and the like are not put together."""
    told = shown(finding("refusal", "warn", 1), finding("few_dialogues", "warn", 1), finding("nan", "warn", 1))
    assert all(f"hold {name}." in told for name in ("refusal", "few_dialogues", "nan"))


def test_datasets_and_severities_are_kept_apart() -> None:
    """Each dataset has a sentence of its own under each severity, in the order of severities."""
    some = [
        finding(name, severity, 1, dataset)
        for severity in ("warn", "info")
        for dataset in ("one", "two")
        for name in ("refusal", "html")
    ]
    lines = [line.split() for line in shown(*some, datasets=2).splitlines() if "Also" in line]
    assert [(line[1], line[2]) for line in lines] == [
        ("warn", "one:"),
        ("warn", "two:"),
        ("info", "one:"),
        ("info", "two:"),
    ]


@given(st.lists(st.tuples(st.sampled_from([*DEFECTS, "nan", "overlap"]), st.sampled_from(["fail", "warn", "info"]),
                          st.integers(1, 6)), max_size=23, unique_by=lambda one: one[0]))  # fmt: skip
def test_no_finding_is_lost_on_a_terminal(some: list[tuple[str, str, int]]) -> None:
    """Each finding is told once, in a sentence of its own or in one of several, and none is told as graver."""
    findings = sorted((finding(*one) for one in some), key=lambda one: ("fail", "warn", "info").index(one["severity"]))
    told = shown(*findings)
    for one in findings:
        own = f"hold {one['finding']}."
        listed = f" {one['finding'].replace('_', ' ')} in {one['count']} ("
        lines = [line for line in told.splitlines() if own in line or listed in line]
        assert len(lines) == 1
        assert lines[0].split()[1] == one["severity"]
