"""Will the trainer take it: outcomes add up, reasons are told with an example, what comes from the data stays text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
import orjson
import pytest

import ultraqa
from ultraqa.filters.trainer_rules import OUTCOMES
from ultraqa.filters.trainers import TRAINERS, Verdict, compatibility
from ultraqa.reports import html, markdown, report, terminal
from ultraqa.reports.compatibility import NAMES, REASONS, parted
from ultraqa.reports.document import document

if TYPE_CHECKING:
    from ultraqa.analysis.profile import Profile

HOSTILE = "`<script>alert(1)</script>` | {{ 7 * 191 }}\x1b[31m [a](http://b) @all"


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """Five dialogues in ShareGPT's form: two sound, one that ends with the user, one with a narrator, one empty."""
    folder = tmp_path_factory.mktemp("data")
    tags = {"u": "human", "a": "gpt", "n": HOSTILE}
    records = [
        {"id": f"id {i}", "conversations": [{"from": tags[role], "value": f"text {i} {role}"} for role in roles]}
        for i, roles in enumerate(("ua", "uaua", "uau", "una", "ua"))
    ]
    records[4]["conversations"][1]["value"] = ""  # type: ignore[index]
    file = folder / "data.jsonl"
    file.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return ultraqa.profile(file, folder / "data.ultraqa", embedder="none", tokens="none", duplicates="none")


def made(profile: Profile, verdicts: list[Verdict] | None = None) -> dict[str, Any]:
    """The document with what trainers make of the dataset."""
    judged = compatibility(profile) if verdicts is None else verdicts
    return document([profile], version="1", compatibility={profile.name: judged})


def test_every_trainer_has_a_name() -> None:
    """A trainer that is added is shown under the name that people know."""
    assert NAMES.keys() == set(TRAINERS)


def test_outcomes_add_up_to_the_dataset(profile: Profile) -> None:
    """Kept, changed, dropped and rejected dialogues are all of them, and so are those of all reasons."""
    for one in made(profile)["compatibility"]:
        assert sum(counted["dialogues"] for counted in one["outcomes"].values()) == one["dialogues"] == len(profile)
        assert sum(counted["share"] for counted in one["outcomes"].values()) == pytest.approx(1)
        told = sum(reason["dialogues"] for reason in one["reasons"])
        assert told + one["left_out"]["dialogues"] == len(profile)
        for outcome in OUTCOMES:
            counted = [reason["dialogues"] for reason in one["reasons"] if reason["outcome"] == outcome]
            assert sum(counted) == one["outcomes"][outcome]["dialogues"]
    assert [one["trainer"] for one in made(profile)["compatibility"]] == ["LLaMA-Factory", "axolotl", "TRL", "FastChat"]


def test_reasons_name_the_first_dialogue(profile: Profile) -> None:
    """FastChat masks the dialogue that ends with the user: row 2, in line 3, with its id."""
    fastchat = made(profile)["compatibility"][3]
    dropped = {reason["place"]["row"]: reason for reason in fastchat["reasons"] if reason["outcome"] == "dropped"}
    assert (dropped[2]["place"]["line"], dropped[2]["place"]["id"]) == (3, "id 2")
    judged = {one.example: one.reason for one in compatibility(profile) if one.trainer == "fastchat"}
    assert dropped[2]["reason"] == judged[2]
    assert 4 in dropped, "an empty answer is masked with all that stands before it"
    assert re.search(r"FastChat drops 1 \(20\.0.%\)</b>: \w", html.render(made(profile)))


def test_what_comes_from_the_data_stays_text(profile: Profile) -> None:
    """The narrator's name is no tag, no template, no link and no control character anywhere."""
    document_ = made(profile)
    assert "alert(1)" in json.dumps(document_["compatibility"])
    page = html.render(document_)
    assert "<script>alert" not in page
    assert "1337" not in page
    shown = markdown.render(document_)
    assert not re.search(r"(?<!`)(?<!\\)<script", shown)
    assert "](http" not in shown.replace("\\](http", "")
    for other in (page, shown, terminal.text(document_)):
        assert "\x1b" not in other


def test_commands_are_set_as_commands() -> None:
    """What stands between backticks is code on the page and in Markdown; an odd one ends with the reason."""
    assert parted("so: `ultraqa convert` mends it") == [
        ("so: ", False),
        ("ultraqa convert", True),
        (" mends it", False),
    ]
    assert parted("a `b") == [("a ", False), ("b", True)]


def test_many_reasons_are_cut_to_those_of_most_dialogues(profile: Profile) -> None:
    """A strange name of a role is a reason of its own: twelve are named, the others counted."""
    verdicts = [Verdict("trl", "kept", "as it is", 50, 0)]
    verdicts += [Verdict("trl", "rejected", f"reason {i}", 1 + (i == 29), 1) for i in range(30)]
    document_ = made(profile, verdicts)
    trl = document_["compatibility"][0]
    assert len(trl["reasons"]) == REASONS
    assert {"as it is", "reason 29"} <= {one["reason"] for one in trl["reasons"]}
    assert trl["left_out"] == {"reasons": 19, "dialogues": 19}
    assert "19 other reasons (19 dialogues) are not listed" in html.render(document_)
    assert "19 other reasons (19 dialogues) are not listed" in markdown.render(document_)
    told = " ".join(terminal.text(document_).split())
    assert "TRL would reject 31 of 81 dialogues: reason 29; and for 29 other reasons" in told


def test_the_terminal_is_silent_where_nothing_is_lost(profile: Profile) -> None:
    """A trainer that keeps everything as it stands has no line; the table on the page has it."""
    verdicts = [Verdict("trl", "kept", "read as it is", 5, 0), Verdict("axolotl", "kept", "read so", 4, 0)]
    document_ = made(profile, [*verdicts, Verdict("axolotl", "changed", "half is lost", 1, 2)])
    told = terminal.text(document_)
    assert "axolotl would change 1 of 5 dialogues: half is lost" in told
    assert "TRL" not in told
    assert "TRL" in html.render(document_)
    assert markdown.render(document_).count("read as it is") == 0


def test_the_document_follows_its_schema(profile: Profile) -> None:
    """The schema knows the section, and refuses an outcome that does not exist."""
    schema = json.loads((resources.files("ultraqa.reports") / "report.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    plain = json.loads(report.to_json(made(profile)))
    validator.validate(plain)
    plain["compatibility"][0]["reasons"][0]["outcome"] = "liked"
    assert not validator.is_valid(plain)


def test_without_verdicts_there_is_no_section(profile: Profile) -> None:
    """Neither a heading nor a link to it."""
    document_ = document([profile], version="1")
    assert document_["compatibility"] == []
    assert 'id="trainers"' not in html.render(document_)
    assert "#trainers" not in html.render(document_)
    assert "trainer take it" not in markdown.render(document_)


class _Section(HTMLParser):
    """The visible text of the section on trainers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(page[page.index('<section id="trainers">') : page.index('<section id="origin">')])

    def handle_data(self, data: str) -> None:
        """Collect it."""
        self.text += f"{data} "


def test_every_number_of_the_section_is_in_the_json(profile: Profile) -> None:
    """Counts as they are, shares as they are written, rows, lines, ids and commits."""
    plain = report.to_json(made(profile)).decode()
    stored = set(re.findall(r"\d+(?:\.\d+)?", plain))
    shares = {f"{100 * float(number):.1f}" for number in stored if float(number) <= 1}
    text = _Section(html.render(made(profile))).text
    numbers = set(re.findall(r"\d+(?:\.\d+)?", text))
    assert len(numbers) > 8
    assert numbers <= stored | shares | {"100"}
