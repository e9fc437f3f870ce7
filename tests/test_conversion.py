"""Conversion: a dialogue that is written in a form is read as the same dialogue, or what it lost is named."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from ultraqa.dialogues.batch import Dialogue, Record
from ultraqa.dialogues.conversion import FORMS, Conversion, convert, converted
from ultraqa.dialogues.files import DataError
from ultraqa.dialogues.formats import RecordReader
from ultraqa.dialogues.reading import ReadOptions, records
from ultraqa.dialogues.roles import RoleTable, join_tags
from ultraqa.dialogues.sources import Dataset, Source, datasets

if TYPE_CHECKING:
    from pathlib import Path

CALL = '{"name": "clock", "arguments": {"zone": "UTC"}}'
OPENAI_CALL = '[{"id":"c1","type":"function","function":{"name":"clock","arguments":"{\\"zone\\":\\"UTC\\"}"}}]'
TAGS = {
    "u": ("human", "user", "client"),
    "a": ("gpt", "assistant"),
    "s": ("system",),
    "t": ("function_call", "observation", "tool"),
    "?": ("narrator", "critic", ""),
}


def read(path: Path) -> list[Dialogue]:
    """All dialogues of a file."""
    found = [one for source in datasets([str(path)])[0].sources for one in records(source)]
    return [dialogue for one in found if isinstance(one, Record) for dialogue in one.dialogues]


def said(dialogues: list[Dialogue]) -> list[tuple[str, list[str]]]:
    """What the law is about: roles and texts."""
    return [(one.roles, one.texts) for one in dialogues]


def written(path: Path, values: list[Any]) -> Dataset:
    """A dataset of one JSONL file that holds some values."""
    path.write_bytes(b"".join(orjson.dumps(value) + b"\n" for value in values))
    return datasets([str(path)])[0]


def lines(path: Path) -> list[Any]:
    """The values of a JSONL file, with integers of any size."""
    return [json.loads(line) for line in path.read_text().splitlines()]


@st.composite
def spoken_dialogues(draw: st.DrawFn) -> Dialogue:
    """Dialogues with turns of every role, in any order, under any of their usual tags."""
    paired = st.tuples(st.sampled_from(["", "s"]), st.integers(0, 3)).map(lambda one: one[0] + "ua" * one[1])
    letters = draw(st.one_of(st.text("uast?", max_size=6), paired))
    texts = st.one_of(st.text(max_size=8), st.sampled_from(["", " ", "\n", CALL, OPENAI_CALL, "[1]", "{}"]))
    tags = [draw(st.sampled_from(TAGS[letter])) for letter in letters]
    name = draw(st.one_of(st.none(), st.text(min_size=1, max_size=4)))
    return Dialogue(letters, [draw(texts) for _ in letters], join_tags(tags), name)


@given(spoken_dialogues(), st.sampled_from(FORMS))
@example(Dialogue("sua", [" ", "q", "a"], "system,user,assistant"), "alpaca")
def test_what_is_written_without_loss_is_read_as_it_was(dialogue: Dialogue, form: str) -> None:
    """Roles, texts and id are the same; what is not written has one reason, what is lost touches nothing else."""
    record, lost = converted(dialogue, form)
    if record is None:
        assert len(lost) == 1
        return
    ((_, (again,)),) = [RecordReader()(orjson.loads(orjson.dumps(record)))]
    assert again.id == dialogue.id
    turns = list(zip(dialogue.roles, dialogue.texts, strict=True))
    if "system message" in lost or "system message without a word" in lost:
        turns = turns[1:]
    if "wording of tool calls" in lost:
        turns = [(letter, "" if letter == "t" else text) for letter, text in turns]
        again = again._replace(
            texts=["" if r == "t" else text for r, text in zip(again.roles, again.texts, strict=True)]
        )
    assert list(zip(again.roles, again.texts, strict=True)) == turns


@given(st.text("ua", max_size=8), st.booleans(), st.sampled_from(["alpaca", "ultrachat"]))
def test_a_form_without_roles_holds_alternating_turns_only(said: str, system: bool, form: str) -> None:
    """From the user on, in turn; Alpaca's last turn is the assistant's. Nothing is merged or dropped to make it fit."""
    dialogue = Dialogue("s" * system + said, ["x"] * (len(said) + system), "system,user,assistant")
    fits = said == ("ua" * len(said))[: len(said)]
    if form == "alpaca":
        fits = fits and said.endswith("a")
    assert (converted(dialogue, form).record is not None) == fits


TWO_ROUNDS = Dialogue("suaua", ["Be brief.", "Hi", "Hello", "Bye", "See you"], "system,human,gpt", "d7")


@pytest.mark.parametrize(
    ("form", "record", "lost"),
    [
        (
            "messages",
            {
                "id": "d7",
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "Hello"},
                    {"role": "user", "content": "Bye"},
                    {"role": "assistant", "content": "See you"},
                ],
            },
            (),
        ),
        (
            "sharegpt",
            {
                "id": "d7",
                "conversations": [
                    {"from": "system", "value": "Be brief."},
                    {"from": "human", "value": "Hi"},
                    {"from": "gpt", "value": "Hello"},
                    {"from": "human", "value": "Bye"},
                    {"from": "gpt", "value": "See you"},
                ],
            },
            (),
        ),
        (
            "alpaca",
            {
                "id": "d7",
                "instruction": "Bye",
                "input": "",
                "output": "See you",
                "system": "Be brief.",
                "history": [["Hi", "Hello"]],
            },
            (),
        ),
        ("ultrachat", {"id": "d7", "data": ["Hi", "Hello", "Bye", "See you"]}, ("system message",)),
    ],
)
def test_the_forms_are_those_that_are_published(form: str, record: dict[str, Any], lost: tuple[str, ...]) -> None:
    """A dialogue of two rounds with a system prompt, written out."""
    assert converted(TWO_ROUNDS, form) == (record, lost)


@pytest.mark.parametrize(
    ("roles", "form", "reason"),
    [
        ("uua", "alpaca", "turns that do not alternate"),
        ("uaa", "ultrachat", "turns that do not alternate"),
        ("aua", "ultrachat", "first turn of the assistant"),
        ("uau", "alpaca", "last turn of the user"),
        ("usa", "alpaca", "system turns after the first turn"),
        ("uta", "ultrachat", "tool turns"),
        ("u?a", "ultrachat", "turns of unknown role"),
        ("", "alpaca", "no turns"),
        ("s", "alpaca", "no turns"),
    ],
)
def test_what_a_form_cannot_hold_is_not_written(roles: str, form: str, reason: str) -> None:
    """No turn is merged, dropped or moved: there is no record, and the reason is named."""
    assert converted(Dialogue(roles, ["x"] * len(roles), "user,assistant"), form) == (None, (reason,))


@pytest.mark.parametrize("form", ["messages", "sharegpt"])
def test_a_turn_of_unknown_role_keeps_its_own_tag(form: str) -> None:
    """Where the dialogue has one such tag; with two of them nobody can tell which turn had which."""
    key, role = ("messages", "role") if form == "messages" else ("conversations", "from")
    one = converted(Dialogue("u?a", ["a", "b", "c"], "user,narrator,assistant"), form).record
    assert one is not None
    assert one[key][1][role] == "narrator"
    for tags in ("user,narrator,critic,assistant", "user,narrator,,assistant", "user,,assistant"):
        two = Dialogue("u??a", ["a", "b", "c", "d"], tags)
        assert converted(two, form) == (None, ("turns of unknown role",))


def test_a_role_that_a_person_gave_to_a_tag_is_written() -> None:
    """The tag that was mapped counts as known, so that the one that is left is told."""
    dialogue = Dialogue("u?a", ["a", "b", "c"], "Kunde,narrator,assistant")
    record, _ = converted(dialogue, "messages", RoleTable({"Kunde": "user"}))
    assert record is not None
    assert [turn["role"] for turn in record["messages"]] == ["user", "narrator", "assistant"]


def test_tool_calls_are_written_as_each_form_writes_them() -> None:
    """ShareGPT's function_call becomes OpenAI's tool_calls and back; a change of wording is named."""
    shared = Dialogue("utta", ["time?", CALL, "12:00", "Noon."], "human,function_call,observation,gpt")
    record, lost = converted(shared, "messages")
    assert record is not None
    assert record["messages"][1:3] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"type": "function", "function": {"name": "clock", "arguments": '{"zone":"UTC"}'}}],
        },
        {"role": "tool", "content": "12:00"},
    ]
    assert lost == ("wording of tool calls",)
    opened = Dialogue("utta", ["time?", OPENAI_CALL, "12:00", "Noon."], "user,assistant,tool")
    assert converted(opened, "messages").lost == ()
    record, lost = converted(opened, "sharegpt")
    assert record is not None
    assert record["conversations"][1] == {
        "from": "function_call",
        "value": '{"name":"clock","arguments":{"zone":"UTC"}}',
    }
    assert lost == ("wording of tool calls",)


def test_a_call_that_is_no_json_is_not_written_as_one() -> None:
    """OpenAI's form needs a name; ShareGPT's takes the text as it is."""
    dialogue = Dialogue("utta", ["time?", "clock(UTC)", "12:00", "Noon."], "human,function_call,gpt")
    assert converted(dialogue, "messages") == (None, ("tool calls that are not JSON with a name",))
    record, lost = converted(dialogue, "sharegpt")
    assert record is not None
    assert record["conversations"][1]["value"] == "clock(UTC)"
    assert lost == ()


@pytest.mark.parametrize("form", FORMS)
def test_lone_surrogates_become_replacement_characters(form: str) -> None:
    """They cannot be written as UTF-8; the loss is named."""
    record, lost = converted(Dialogue("ua", ["a\ud800", "b"], "user,assistant", "i\udfff"), form)
    assert lost == ("lone surrogates",)
    assert b"\xef\xbf\xbd" in orjson.dumps(record)


def test_an_unknown_form_is_refused_with_the_names() -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match="'chatml'; the forms are messages, sharegpt, alpaca, ultrachat"):
        converted(TWO_ROUNDS, "chatml")


# --- files ---

RECORDS: list[dict[str, Any]] = [
    {"id": f"d{i}", "conversations": [{"from": ("human", "gpt")[j % 2], "value": f"é {i}.{j}"} for j in range(2 * i)]}
    for i in range(1, 30)
]


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".json", ".jsonl.gz", ".json.zst", ".parquet"])
@pytest.mark.parametrize("form", FORMS)
def test_every_container_holds_the_same_dialogues(tmp_path: Path, form: str, suffix: str) -> None:
    """Whatever the name of the output asks for, reading it gives what was read before."""
    data = written(tmp_path / "in.jsonl", RECORDS)
    done = convert(data, tmp_path / f"out{suffix}", form)
    assert done == Conversion(29, 29, 0, 0, {}, {})
    assert read(tmp_path / f"out{suffix}") == [
        one._replace(tags=again.tags)
        for one, again in zip(read(tmp_path / "in.jsonl"), read(tmp_path / f"out{suffix}"), strict=True)
    ]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(["in.jsonl", f"out{suffix}"])


def test_compressed_output_is_what_its_suffix_says(tmp_path: Path) -> None:
    """And the same twice, for no time of writing stands in it."""
    data = written(tmp_path / "in.jsonl", RECORDS)
    for name in ("a.jsonl", "a.jsonl.gz", "b.jsonl.gz", "a.jsonl.zst"):
        convert(data, tmp_path / name, "messages")
    plain = (tmp_path / "a.jsonl").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == plain
    assert zstandard.ZstdDecompressor().decompressobj().decompress((tmp_path / "a.jsonl.zst").read_bytes()) == plain
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_an_empty_dataset_gives_an_empty_output(tmp_path: Path) -> None:
    """Which is valid in every container."""
    (tmp_path / "in.jsonl").write_text("\n")
    data = datasets([str(tmp_path / "in.jsonl")])[0]
    for suffix in (".jsonl", ".json", ".parquet"):
        assert convert(data, tmp_path / f"out{suffix}", "alpaca") == Conversion(0, 0, 0, 0, {}, {})
    assert json.loads((tmp_path / "out.json").read_text()) == []
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


def test_fields_of_the_record_go_with_the_dialogue(tmp_path: Path) -> None:
    """With the values they had, integers beyond 64 bits too; not those that would be read as turns, which are named."""
    turns = [{"role": "user", "content": "q", "name": "Ann"}, {"role": "assistant", "content": "a"}]
    line = (
        b'{"id": 7, "big": 123456789012345678901234567890, "nested": [1.0, {"n": 18446744073709551616}], "tools": "[]",'
        b'"source": "s", "label": true, "query": "q", "messages": %b}\n' % orjson.dumps(turns)
    )
    (tmp_path / "in.jsonl").write_bytes(line)
    done = convert(datasets([str(tmp_path / "in.jsonl")])[0], tmp_path / "out.jsonl", "sharegpt")
    assert done.lost == {"field query": 1, "turn field name": 1}
    assert lines(tmp_path / "out.jsonl") == [
        {
            "id": 7,
            "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}],
            "big": 123456789012345678901234567890,
            "nested": [1.0, {"n": 18446744073709551616}],
            "tools": "[]",
            "source": "s",
            "label": True,
        }
    ]


def test_a_table_has_columns_for_the_turns_and_one_for_other_fields(tmp_path: Path) -> None:
    """Of fixed types, whatever the records hold: fields and tools are JSON text."""
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    data = written(
        tmp_path / "in.jsonl", [{"id": 7, "messages": turns, "tools": [{"n": 1}], "x": 1}, {"messages": turns}]
    )
    convert(data, tmp_path / "out.parquet", "messages")
    first, second = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert (first["id"], first["tools"], first["fields"]) == ("7", '[{"n":1}]', '{"x":1}')
    assert (second["id"], second["tools"], second["fields"]) == (None, None, None)
    assert first["messages"][0] == {"role": "user", "content": "q", "tool_calls": None}


def test_a_transcript_is_not_written_twice(tmp_path: Path) -> None:
    """The field that held the dialogue is no field beside it."""
    record = {"Best Chat": "User 1: Hi\nUser 2: Hello\nUser 1: Bye\nUser 2: Bye", "persona": "kind"}
    done = convert(written(tmp_path / "in.jsonl", [record]), tmp_path / "out.jsonl", "messages")
    assert done.written == 1
    assert set(lines(tmp_path / "out.jsonl")[0]) == {"messages", "persona"}


def test_a_hostile_key_is_named_without_what_a_terminal_would_obey(tmp_path: Path) -> None:
    """Control characters are replaced, and a long key is cut."""
    turns = [{"role": "user", "content": "q", "\x1b[2J" + "k" * 100: 1}, {"role": "assistant", "content": "a"}]
    done = convert(written(tmp_path / "in.jsonl", [{"messages": turns}]), tmp_path / "out.jsonl", "ultrachat")
    assert done.lost == {"turn field \ufffd[2J" + "k" * 36: 1}


@pytest.mark.parametrize(
    "record",
    [
        {"human_0": "a", "gpt_1": "b", "human_2": "c", "gpt_3": "d", "topic": "t"},
        {"message_1": "a", "message_2": "b", "message_3": "c", "message_4": "d", "topic": "t"},
    ],
)
def test_numbered_turns_are_not_written_twice(tmp_path: Path, record: dict[str, str]) -> None:
    """Koala's and CAMEL's turns are keys of the record, as many as there are."""
    convert(written(tmp_path / "in.jsonl", [record]), tmp_path / "out.jsonl", "ultrachat")
    assert lines(tmp_path / "out.jsonl") == [{"data": ["a", "b", "c", "d"], "topic": "t"}]


def test_nothing_goes_silently(tmp_path: Path) -> None:
    """What cannot be written or read stands beside the output with the reason; dialogues are written or unconverted."""
    good = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    asked = {"messages": [{"role": "user", "content": "only asked"}]}
    broken = b'{"messages": [{"role": "user"\n'
    (tmp_path / "in.jsonl").write_bytes(orjson.dumps(good) + b"\n" + broken + orjson.dumps(asked) + b"\n")
    data = datasets([str(tmp_path / "in.jsonl")])[0]
    done = convert(data, tmp_path / "out.json", "alpaca")
    assert done == Conversion(2, 1, 1, 1, {}, {"last turn of the user": 1})
    assert (tmp_path / "out.unreadable.jsonl").read_bytes() == broken
    (refused,) = lines(tmp_path / "out.unconverted.jsonl")
    assert (refused["path"], refused["reason"]) == ("in.jsonl", "last turn of the user")
    assert refused["record"] == asked
    assert (tmp_path / "in.jsonl").read_bytes()[refused["start"] : refused["end"]] == orjson.dumps(asked)
    convert(written(tmp_path / "other.jsonl", [good]), tmp_path / "out.json", "alpaca")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.jsonl", "other.jsonl", "out.json"]


def test_a_row_that_cannot_be_read_is_told_with_its_reason(tmp_path: Path) -> None:
    """A table has no bytes of its own for a row, so place and reason are written."""
    (tmp_path / "in.csv").write_text("instruction,output\nq,a\nq,a,b\n")
    done = convert(datasets([str(tmp_path / "in.csv")])[0], tmp_path / "out.jsonl", "messages")
    assert (done.written, done.unreadable) == (1, 1)
    (row,) = lines(tmp_path / "out.unreadable.jsonl")
    assert row["start"] == 1
    assert "3 cells" in row["reason"]


def test_several_dialogues_of_a_record_are_several_records(tmp_path: Path) -> None:
    """Each with an id of its own, as reading names them."""
    record = {
        "id": 5,
        "instruction": "Add",
        "instances": [{"input": "1 1", "output": "2"}, {"input": "", "output": "?"}],
    }
    convert(written(tmp_path / "in.jsonl", [record]), tmp_path / "out.jsonl", "ultrachat")
    assert lines(tmp_path / "out.jsonl") == [
        {"id": "5/0", "data": ["Add\n1 1", "2"]},
        {"id": "5/1", "data": ["Add", "?"]},
    ]


def test_the_other_answer_and_other_replies_are_named(tmp_path: Path) -> None:
    """A preference record loses its second answer, a tree the replies off its path, flat rows as trees do."""
    pair = {"prompt": "q", "chosen": "a", "rejected": "b"}
    reply = {"message_id": "m1", "parent_id": "m0", "text": "a", "role": "assistant", "rank": 0}
    rows = [
        {"message_id": "m0", "parent_id": None, "text": "q", "role": "prompter"},
        reply,
        {**reply, "message_id": "m2", "text": "b", "rank": 1},
    ]
    done = convert(written(tmp_path / "pair.jsonl", [pair]), tmp_path / "out.jsonl", "messages")
    assert done.lost == {"the other answer": 1}
    done = convert(written(tmp_path / "rows.jsonl", rows), tmp_path / "out.jsonl", "messages")
    assert done == Conversion(1, 1, 0, 0, {"replies off the best path": 1}, {})
    assert lines(tmp_path / "out.jsonl") == [
        {"id": "m0", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    ]
    done = convert(
        datasets([str(tmp_path / "rows.jsonl")])[0], tmp_path / "out.jsonl", "messages", ReadOptions(paths="all")
    )
    assert done == Conversion(1, 2, 0, 0, {}, {})


def test_what_is_nested_too_deeply_to_be_written_is_named(tmp_path: Path) -> None:
    """A field of 900 levels is read but cannot be written: the dialogue is, without it; nothing ends in a traceback."""
    deep = b"[" * 900 + b"]" * 900
    (tmp_path / "in.jsonl").write_bytes(
        b'{"data": ["q", "a"], "deep": %b}\n{"data": ["q"], "deep": %b}\n' % (deep, deep)
    )
    done = convert(datasets([str(tmp_path / "in.jsonl")])[0], tmp_path / "out.jsonl", "alpaca")
    assert done == Conversion(2, 1, 1, 0, {"field deep": 1}, {"last turn of the user": 1})
    assert lines(tmp_path / "out.jsonl") == [{"instruction": "q", "input": "", "output": "a"}]
    (refused,) = lines(tmp_path / "out.unconverted.jsonl")
    assert refused["reason"] == "last turn of the user"


def test_members_of_an_object_keep_their_keys_as_ids(tmp_path: Path) -> None:
    """Also where a big integer makes the record be read a second time."""
    record = b'{"data": ["q", "a"], "n": 99999999999999999999}'
    (tmp_path / "in.json").write_bytes(b"{" + b",\n".join(b'"k%d": %b' % (i, record) for i in range(5)) + b"}")
    convert(datasets([str(tmp_path / "in.json")])[0], tmp_path / "out.jsonl", "sharegpt")
    assert [(one["id"], one["n"]) for one in lines(tmp_path / "out.jsonl")] == [
        (f"k{i}", 99999999999999999999) for i in range(5)
    ]


def test_a_second_conversion_changes_nothing(tmp_path: Path, samples: Path) -> None:
    """What is in a form already is written byte for byte again."""
    for file in sorted(samples.glob("*.*")):
        if file.suffix == ".md":
            continue
        for form in FORMS:
            convert(datasets([str(file)])[0], tmp_path / "once.jsonl", form)
            if (tmp_path / "once.jsonl").read_bytes():
                convert(datasets([str(tmp_path / "once.jsonl")])[0], tmp_path / "twice.jsonl", form)
                assert (tmp_path / "twice.jsonl").read_bytes() == (tmp_path / "once.jsonl").read_bytes(), (file, form)


def test_the_data_itself_is_never_the_output(tmp_path: Path) -> None:
    """Nor is a name that says nothing; the message says what to do, and nothing is written."""
    data = written(tmp_path / "in.jsonl", RECORDS)
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "in.jsonl")
    (tmp_path / "out.unconverted.jsonl").symlink_to(tmp_path / "in.jsonl")
    for name in ("in.jsonl", "link.jsonl", "out.json"):
        with pytest.raises(DataError, match="is the data itself, which is never changed: name another file"):
            convert(data, tmp_path / name, "alpaca")
    (tmp_path / "link.jsonl").unlink()
    (tmp_path / "out.unconverted.jsonl").unlink()
    for name in ("out", "out.csv", "out.parquet.gz"):
        with pytest.raises(
            ValueError, match=r"name a \.jsonl, \.json \(with \.gz or \.zst, where wanted\) or \.parquet"
        ):
            convert(data, tmp_path / name, "alpaca")
    with pytest.raises(ValueError, match="no form is called 'openai'"):
        convert(data, tmp_path / "out.jsonl", "openai")
    assert [file.name for file in tmp_path.iterdir()] == ["in.jsonl"]
    assert lines(tmp_path / "in.jsonl") == RECORDS


def test_a_run_that_fails_leaves_the_output_of_the_run_before(tmp_path: Path) -> None:
    """A file that is gone in the middle: no half of an output stands there, and no partial file stays."""
    data = written(tmp_path / "in.jsonl", RECORDS)
    convert(data, tmp_path / "out.jsonl", "messages")
    before = (tmp_path / "out.jsonl").read_bytes()
    gone = Source("gone.jsonl", str(tmp_path / "gone.jsonl"), 10)
    with pytest.raises(OSError, match=r"gone\.jsonl"):
        convert(Dataset("two", (*data.sources, gone)), tmp_path / "out.jsonl", "alpaca")
    assert (tmp_path / "out.jsonl").read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


@pytest.mark.parametrize("form", FORMS)
def test_published_datasets_are_converted_without_a_dialogue_missing(
    real_data: Path, tmp_path: Path, form: str
) -> None:
    """Every dialogue is written or unconverted, and is read as it was, but for what is named as lost."""
    for file in sorted((real_data / "data").rglob("*.*")):
        if file.suffix == ".md" or file.stat().st_size > 2_000_000:
            continue
        before = read(file)
        done = convert(datasets([str(file)])[0], tmp_path / "out.jsonl", form)
        assert done.written + done.unconverted == len(before), file
        assert done.unconverted == sum(done.reasons.values()) == _line_count(tmp_path / "out.unconverted.jsonl"), file
        after = read(tmp_path / "out.jsonl") if done.written else []
        assert len(after) == done.written, file
        touched = {"system message", "wording of tool calls"} & set(done.lost)
        if not done.unconverted and not touched:
            assert said(after) == said(before), file


def _line_count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0
