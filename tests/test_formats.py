"""Formats: every published shape gives the dialogues that it holds, and nothing else ends in an exception."""

from __future__ import annotations

import csv
import os
import pickle
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ultraqa.dialogues.batch import Dialogue
from ultraqa.dialogues.formats import FORMATS, RecordReader, UnknownFormat

CALL = [{"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}]
TURNS = [{"role": "user", "content": "Ahoy"}, {"role": "assistant", "content": "Welcome aboard"}]
SHARED = [{"from": "human", "value": "Ahoy"}, {"from": "gpt", "value": "Welcome aboard"}]
LEAF = {"message_id": "m1", "text": "Welcome aboard", "role": "assistant", "rank": 0, "replies": []}
ROOT = {"message_id": "m0", "parent_id": None, "text": "Ahoy", "role": "prompter", "replies": [LEAF]}
HH = "\n\nHuman: Ahoy\n\nAssistant: Welcome aboard"

# What the record is, the record, its format, the roles, the tags. All say "Ahoy" and then "Welcome aboard" unless SAID.
SHAPES: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("UltraChat", {"id": "7", "data": ["Ahoy", "Welcome aboard"]}, "ultrachat", "ua", "data"),
    ("UltraChat, more keys", {"x": 1, "data": ["Ahoy", "Welcome aboard"]}, "ultrachat", "ua", "data"),
    (
        "UltraChat 200k",
        {"prompt": "Ahoy", "prompt_id": "f", "messages": TURNS},
        "ultrachat_200k",
        "ua",
        "user,assistant",
    ),
    ("messages", {"messages": TURNS}, "messages", "ua", "user,assistant"),
    ("messages as a cell", {"messages": orjson.dumps(TURNS).decode()}, "messages", "ua", "user,assistant"),
    (
        "messages as columns",
        {"messages": {"role": ["user", "assistant"], "content": ["Ahoy", "Welcome aboard"]}},
        "messages",
        "ua",
        "user,assistant",
    ),
    ("messages, ShareGPT keys", {"messages": SHARED}, "messages", "ua", "human,gpt"),
    ("ShareGPT", {"id": "x", "conversations": SHARED}, "sharegpt", "ua", "human,gpt"),
    ("ShareGPT, role and content", {"conversations": TURNS}, "sharegpt", "ua", "user,assistant"),
    (
        "ShareGPT, role and value",
        {"conversations": [{"role": "user", "value": "Ahoy"}, {"role": "model", "value": "Welcome aboard"}]},
        "sharegpt",
        "ua",
        "user,model",
    ),
    ("OpenChat items", {"items": SHARED, "model": "m"}, "sharegpt", "ua", "human,gpt"),
    ("LMSYS", {"conversation_id": "c", "model": "m", "conversation": TURNS}, "lmsys", "ua", "user,assistant"),
    ("WildChat", {"conversation_hash": "h", "conversation": TURNS, "turn": 1}, "wildchat", "ua", "user,assistant"),
    ("Capybara", {"conversation": [{"input": "Ahoy", "output": "Welcome aboard"}]}, "capybara", "ua", "input,output"),
    ("a list under another key", {"dialogue": TURNS}, "turns", "ua", "user,assistant"),
    ("OpenAssistant tree", {"message_tree_id": "m0", "prompt": ROOT}, "oasst_tree", "ua", "prompter,assistant"),
    ("OpenAssistant thread", {"thread_id": "t", "thread": [ROOT, LEAF]}, "oasst_thread", "ua", "prompter,assistant"),
    ("OpenAssistant row", ROOT, "oasst_message", "ua", "prompter,assistant"),
    ("HH-RLHF", {"chosen": HH, "rejected": HH + " or not"}, "hh_rlhf", "ua", "Human,Assistant"),
    (
        "preference, text",
        {"prompt": "Ahoy", "chosen": "Welcome aboard", "rejected": "No"},
        "preference",
        "ua",
        "prompt,chosen",
    ),
    (
        "preference, prompt with markers",
        {"prompt": "\n\nHuman: Ahoy\n\nAssistant:", "chosen": " Welcome aboard", "rejected": " No"},
        "preference",
        "ua",
        "Human,Assistant",
    ),
    (
        "preference, messages after a prompt",
        {"prompt": TURNS[:1], "chosen": TURNS[1:], "rejected": TURNS[1:]},
        "preference",
        "ua",
        "user,assistant",
    ),
    (
        "preference, whole dialogues beside the prompt",
        {"prompt": "Ahoy", "prompt_id": "p", "chosen": TURNS, "rejected": TURNS, "messages": TURNS},
        "preference",
        "ua",
        "user,assistant",
    ),
    (
        "preference, LLaMA-Factory",
        {"conversations": SHARED[:1], "chosen": SHARED[1], "rejected": {"from": "gpt", "value": "No"}},
        "preference",
        "ua",
        "human,gpt",
    ),
    (
        "preference, LLaMA-Factory v1",
        {"chosen_messages": TURNS, "rejected_messages": TURNS},
        "preference",
        "ua",
        "user,assistant",
    ),
    (
        "preference, instruction",
        {"instruction": "Ahoy", "input": "", "chosen": "Welcome aboard", "rejected": "No"},
        "preference",
        "ua",
        "instruction,chosen",
    ),
    ("KTO", {"messages": TURNS, "label": True}, "kto", "ua", "user,assistant"),
    (
        "KTO, TRL",
        {"prompt": "Ahoy", "completion": "Welcome aboard", "label": False},
        "kto",
        "ua",
        "prompt,completion",
    ),
    ("KTO, conversations", {"conversations": SHARED, "kto_tag": True}, "kto", "ua", "human,gpt"),
    ("KdConv", {"messages": [{"message": "Ahoy"}, {"message": "Welcome aboard"}]}, "kdconv", "ua", "messages"),
    (
        "chitchat-dataset",
        {"messages": [[{"text": "Ahoy", "sender": "k"}], [{"text": t, "sender": "l"} for t in ("Welcome", "aboard")]]},
        "chitchat",
        "ua",
        "sender",
    ),
    (
        "Topical-Chat",
        {"content": [{"message": "Ahoy", "agent": "agent_2"}, {"message": "Welcome aboard", "agent": "agent_1"}]},
        "topical_chat",
        "ua",
        "agent_2,agent_1",
    ),
    (
        "Schema-Guided Dialogue",
        {
            "dialogue_id": "1",
            "turns": [{"speaker": "USER", "utterance": "Ahoy"}, {"speaker": "SYSTEM", "utterance": "Welcome aboard"}],
        },
        "sgd",
        "ua",
        "USER,SYSTEM",
    ),
    ("SODA", {"dialogue": ["Ahoy", "Welcome aboard"], "speakers": ["Kim", "Lee"]}, "soda", "ua", "speakers"),
    ("DailyDialog", {"dialog": ["Ahoy", "Welcome aboard"], "act": [1, 2]}, "dailydialog", "ua", "dialog"),
    (
        "Camel",
        {
            "role_1": "Pilot_RoleType.ASSISTANT",
            "message_2": {"role_type": "ASSISTANT", "content": "Welcome aboard"},
            "message_1": {"role_type": "USER", "content": "Ahoy"},
        },
        "camel",
        "ua",
        "USER,ASSISTANT",
    ),
    (
        "Camel, science",
        {"role_1": "Physicist", "topic;": "t", "message_1": "Ahoy", "message_2": "Welcome aboard"},
        "camel",
        "ua",
        "message_1,message_2",
    ),
    (
        "Camel, instructions",
        {"role_1": "A", "specified_task": "t", "instruction": "Ahoy", "input": "", "output": "Welcome aboard"},
        "camel_instructions",
        "ua",
        "instruction,output",
    ),
    ("Koala", {"human_0": "Ahoy", "gpt_1": "Welcome aboard", "fields": "x"}, "koala", "ua", "human,gpt"),
    (
        "MOSS",
        {"plain_text": "[Human]: Ahoy<eoh> [MOSS]: Welcome aboard<eoa>"},
        "moss",
        "ua",
        "Human,MOSS",
    ),
    ("Alpaca", {"instruction": "Ahoy", "input": "", "output": "Welcome aboard"}, "alpaca", "ua", "instruction,output"),
    ("GPTeacher", {"instruction": "Ahoy", "response": "Welcome aboard"}, "alpaca", "ua", "instruction,response"),
    ("capitals", {"INSTRUCTION": "Ahoy", "RESPONSE": "Welcome aboard"}, "alpaca", "ua", "INSTRUCTION,RESPONSE"),
    (
        "Self-Instruct predictions",
        {"prompt": "…", "instruction": "Ahoy", "input": "", "response": "Welcome aboard", "target": "no"},
        "alpaca",
        "ua",
        "instruction,response",
    ),
    (
        "Self-Instruct",
        {"instruction": "Ahoy", "instances": [{"input": "", "output": "Welcome aboard"}]},
        "self_instruct",
        "ua",
        "instruction,output",
    ),
    (
        "Self-Instruct, finetuning",
        {"prompt": "Ahoy", "completion": "Welcome aboard"},
        "prompt_completion",
        "ua",
        "prompt,completion",
    ),
    ("TRL", {"prompt": TURNS[:1], "completion": TURNS[1:]}, "prompt_completion", "ua", "user,assistant"),
    (
        "Dolly",
        {"instruction": "Ahoy", "context": "", "response": "Welcome aboard"},
        "dolly",
        "ua",
        "instruction,response",
    ),
    (
        "OpenOrca, no system prompt",
        {"id": "q", "system_prompt": "", "question": "Ahoy", "response": "Welcome aboard"},
        "openorca",
        "ua",
        "question,response",
    ),
    ("GPT4All", {"prompt": "Ahoy", "response": "Welcome aboard", "source": "s"}, "gpt4all", "ua", "prompt,response"),
    ("BELLE", {"input": "Ahoy", "target": "Welcome aboard"}, "belle", "ua", "input,target"),
    ("input and output", {"input": "Ahoy", "output": "Welcome aboard"}, "input_output", "ua", "input,output"),
    ("GSM8K", {"question": "Ahoy", "answer": "Welcome aboard"}, "question_answer", "ua", "question,answer"),
    (
        "MT-bench-101",
        {"task": "t", "id": 3, "history": [{"user": "Ahoy", "bot": "Welcome aboard"}]},
        "history",
        "ua",
        "user,bot",
    ),
    (
        "axolotl segments",
        {"segments": [{"label": False, "text": "Ahoy"}, {"label": True, "text": "Welcome aboard"}]},
        "segments",
        "ua",
        "segments",
    ),
    (
        "Baize",
        {
            "topic": "t",
            "input": "A conversation of a human and an AI.\n[|Human|] Ahoy\n[|AI|] Welcome aboard\n[|Human|] ",
        },
        "baize",
        "ua",
        "Human,AI",
    ),
    (
        "Baize, preamble of another language",
        {"topic": "t", "input": "Ein Gespräch.\n[|Human|] Ahoy\n[|AI|] Welcome aboard\n[|Human|]"},
        "baize",
        "ua",
        "Human,AI",
    ),
    ("Baize, as collected", {"input": "[Human] Ahoy\n[AI] Welcome aboard\n[Human]"}, "baize", "ua", "Human,AI"),
    (
        "a table's dialogue column",
        {"user 1 personas": "I sail.", "Best Generated Conversation": "User 1: Ahoy\nUser 2: Welcome aboard"},
        "transcript",
        "ua",
        "User 1,User 2",
    ),
    (
        "a table's dialogue column, in bold",
        {"Best Generated Conversation": "* * *\n*User 1:* Ahoy\n\n*User 2:* Welcome aboard"},
        "transcript",
        "ua",
        "User 1,User 2",
    ),
    ("User and Assistant", {"chat": "User: Ahoy\nAssistant: Welcome aboard"}, "transcript", "ua", "User,Assistant"),
    ("HH as plain text", {"text": HH}, "transcript", "ua", "Human,Assistant"),
    ("Guanaco", {"text": "### Human: Ahoy### Assistant: Welcome aboard"}, "transcript", "ua", "Human,Assistant"),
    (
        "Koala as text",
        {"text": "BEGINNING OF CONVERSATION: USER: Ahoy GPT: Welcome aboard</s>"},
        "transcript",
        "ua",
        "USER,GPT",
    ),
    (
        "ChatML",
        {"text": "<|im_start|>user\nAhoy<|im_end|>\n<|im_start|>assistant\nWelcome aboard<|im_end|>\n"},
        "transcript",
        "ua",
        "user,assistant",
    ),
    ("any column", {"nr": "1", "log": "Human: Ahoy\nAI: Welcome aboard"}, "column", "ua", "Human,AI"),
]
QUESTIONS: list[tuple[str, dict[str, Any], str, str]] = [
    ("MT-bench", {"question_id": 1, "turns": ["Ahoy", "And now?"], "reference": ["a", "b"]}, "questions", "uu"),
    ("Arena-Hard", {"question_id": "q", "turns": [{"content": "Ahoy"}]}, "questions", "u"),
    ("Koala test set", {"id": "k", "prompt": "Ahoy"}, "prompt", "u"),
    ("WizardLM test set", {"idx": 1, "Skill": "s", "Instruction": "Ahoy"}, "prompt", "u"),
    ("UltraChat evaluation", {"class": "c", "data": "Ahoy"}, "prompt", "u"),
    ("HumanEval", {"task_id": "t", "prompt": "Ahoy", "canonical_solution": "x"}, "prompt", "u"),
    ("TRL prompt-only", {"prompt": [{"role": "user", "content": "Ahoy"}]}, "prompt", "u"),
    ("a seed without instances", {"instruction": "Ahoy", "instances": []}, "self_instruct", "u"),
    ("plain text", {"text": "Ahoy"}, "text", "a"),
    ("a telephone game", {"model": "m", "generation": 3, "text": "Ahoy"}, "text", "a"),
    ("one Baize question", {"topic": "t", "input": "[|Human|] Ahoy"}, "baize", "u"),
]


def read(record: Any, **options: Any) -> list[Dialogue]:
    """The dialogues of a record, read by a fresh reader."""
    return RecordReader(**options)(record)[1]


def one(record: Any, **options: Any) -> Dialogue:
    """The only dialogue of a record."""
    (dialogue,) = read(record, **options)
    return dialogue


@pytest.mark.parametrize(("record", "format_", "roles", "tags"), [s[1:] for s in SHAPES], ids=[s[0] for s in SHAPES])
def test_every_shape_is_recognised(record: dict[str, Any], format_: str, roles: str, tags: str) -> None:
    """A record of a published shape is read under its name, with its roles, texts and raw tags."""
    name, (dialogue,) = RecordReader()(record)
    assert (name, dialogue.roles, dialogue.tags) == (format_, roles, tags)
    assert dialogue.texts == ["Ahoy", "Welcome aboard"]


@pytest.mark.parametrize(("record", "format_", "roles"), [q[1:] for q in QUESTIONS], ids=[q[0] for q in QUESTIONS])
def test_records_without_an_exchange(record: dict[str, Any], format_: str, roles: str) -> None:
    """A question set has user messages alone, and a plain text is one message of the assistant."""
    name, (dialogue,) = RecordReader()(record)
    assert (name, dialogue.roles, dialogue.texts[0]) == (format_, roles, "Ahoy")


def test_every_format_has_a_sample_here() -> None:
    """No row of FORMATS goes untested, and no two have one name."""
    names = [one.name for one in FORMATS]
    assert len(set(names)) == len(names)
    assert set(names) == {shape[2] for shape in SHAPES} | {question[2] for question in QUESTIONS}


@pytest.mark.parametrize("format_", FORMATS, ids=lambda one: one.name)
def test_a_format_named_by_hand_reads_its_own_records(format_: Any) -> None:
    """``format`` reads the records that detection gives it, and refuses others with its shape."""
    samples = [shape[1] for shape in (*SHAPES, *QUESTIONS) if shape[2] == format_.name]
    reader = RecordReader(format=format_.name)
    assert all(reader(sample)[0] == format_.name for sample in samples)
    with pytest.raises(UnknownFormat, match=f"not of format {format_.name}"):
        reader({"frage": 1})


@pytest.mark.parametrize(
    ("tag", "letter"),
    [
        *((tag, "u") for tag in ("user", "human", "Human", "prompter", "client", "USER", "User", "<|user|>")),
        *(
            (tag, "a")
            for tag in ("assistant", "gpt", "chatgpt", "bing", "bard", "model", "bot", "AI", "counselor", "Assistant")
        ),
        *((tag, "s") for tag in ("system", "developer", "System")),
        *(
            (tag, "t")
            for tag in ("tool", "function", "observation", "ipython", "function_call", "tool_call", "function-call")
        ),
        *zip(("narrator", "", None, 7, [], {"name": "user"}), "??????", strict=True),
    ],
)
def test_role_aliases(tag: Any, letter: str) -> None:
    """Every usual tag has its role, whatever its case; a tag that no one knows is '?', never an exception."""
    turns = [*TURNS, {"role": tag, "content": "So be it"}]
    for key in ("messages", "conversations"):
        assert one({key: turns}).roles == "ua" + letter


@pytest.mark.parametrize(
    ("tags", "roles", "flags"),
    [
        (["client", "counselor", "client"], "uau", ()),
        (["agent_1", "agent_2", "agent_1"], "uau", ("speakers",)),
        (["agent_2", "agent_1", "agent_2"], "uau", ("speakers",)),
        (["USER", "SYSTEM", "USER"], "uau", ()),
        (["SYSTEM", "USER", "SYSTEM"], "aua", ()),
        (["system", "user"], "su", ()),
        (["User", "Assistant"], "ua", ()),
        (["Kim", "Lee", "Max"], "uaa", ("speakers", "many_speakers")),
        (["system", "Kim", "Lee"], "sua", ("speakers",)),
        (["Kim", "Kim"], "??", ()),
        (["user", "Lee"], "u?", ()),
        (["gpt", "human"], "au", ()),
    ],
)
def test_who_speaks(tags: list[str], roles: str, flags: tuple[str, ...]) -> None:
    """Speakers without roles are told apart by order and flagged; known roles are never guessed over."""
    dialogue = one({"conversations": [{"from": tag, "value": "Ahoy"} for tag in tags]})
    assert (dialogue.roles, dialogue.flags) == (roles, flags)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ("", ""),
        ([{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {"url": "x"}}, "two"], "one\ntwo"),
        ([{"type": "text", "value": "one"}], "one"),
        ([], ""),
        ({"answer": 4}, '{"answer":4}'),
        (4.5, "4.5"),
        (2**70, str(2**70)),
    ],
)
def test_contents_that_are_no_text(content: Any, text: str) -> None:
    """Null is empty, the text of content parts is joined, any other value is compact JSON; the turn stays."""
    dialogue = one({"messages": [{"role": "user", "content": content}, {"role": "assistant", "content": "Ahoy"}]})
    assert (dialogue.roles, dialogue.texts) == ("ua", [text, "Ahoy"])


@pytest.mark.parametrize("content", [{}, {"content": None}, {"content": ""}])
def test_a_tool_call_is_a_tool_turn(content: dict[str, Any]) -> None:
    """An assistant message without content that calls tools is a tool turn with the calls as compact JSON."""
    calling = {"role": "assistant", **content, "tool_calls": CALL}
    answering = {"role": "tool", "tool_call_id": "c1", "content": "noon"}
    dialogue = one({"messages": [TURNS[0], calling, answering, TURNS[1]]})
    assert dialogue.roles == "utta"
    assert dialogue.texts[1] == orjson.dumps(CALL).decode()


def test_an_assistant_who_speaks_and_calls_stays_the_assistant() -> None:
    """A call beside a text changes nothing about the text."""
    dialogue = one({"messages": [TURNS[0], {"role": "assistant", "content": "One moment", "tool_calls": CALL}]})
    assert (dialogue.roles, dialogue.texts[1]) == ("ua", "One moment")


def test_a_dangling_human_marker_is_dropped_and_flagged() -> None:
    """Baize's last empty human turn is no message; one with text is."""
    text = "[|Human|] Ahoy\n[|AI|] Welcome\n[|Human|] "
    assert one({"topic": "t", "input": text}).flags == ("dangling_user",)
    spoken = one({"topic": "t", "input": text + "Thanks"})
    assert (spoken.roles, spoken.flags) == ("uau", ())


def test_text_before_the_first_marker() -> None:
    """It is a system prompt where roles are known, of unknown role where only speakers are, and nothing in Baize."""
    assert one({"text": "Be kind. ### Human: a ### Assistant: b"}).texts[0] == "Be kind."
    assert one({"chat": "Once upon a time\nUser 1: a\nUser 2: b"}).roles == "?ua"
    assert one({"topic": "t", "input": "Prologue [|Human|] a [|AI|] b"}).roles == "ua"
    moss = one({"plain_text": "You are MOSS.\n[Human]: a<eoh> [MOSS]: b<eoa>"})
    assert (moss.roles, moss.texts) == ("sua", ["You are MOSS.", "a", "b"])


def test_a_turn_of_a_transcript_may_have_many_lines() -> None:
    """Only a marker at the start of a line begins a turn."""
    dialogue = one({"dialogue": "User: I said:\nNote: no marker\n\nAssistant: Right, User: you did"})
    assert dialogue.texts == ["I said:\nNote: no marker", "Right, User: you did"]


@pytest.mark.parametrize(
    "text", ["Human: one\n\nHuman: two", "He wrote ### and Human: there", "Q&A\n\nAssistant: x", "a </s> b"]
)
def test_a_text_that_is_no_transcript_stays_a_text(text: str) -> None:
    """Markers of one side alone, or in the middle of prose, make no dialogue."""
    assert RecordReader()({"text": text}) == ("text", [Dialogue("a", [text], "text")])


def test_alpaca_input_stands_below_the_instruction() -> None:
    """The user's message is the instruction, a newline and the input, where that is not empty."""
    assert one({"instruction": "Add", "input": "1, 2", "output": "3"}).texts == ["Add\n1, 2", "3"]
    assert one({"instruction": "Add", "input": None, "output": "3", "n": 1}).texts == ["Add", "3"]
    assert one({"instruction": "Say", "context": "It rains.", "response": "Wet"}).texts[0] == "Say\nIt rains."
    assert one({"article": "It rains.", "question": "Wet?", "answer": "Yes"}).texts[0] == "It rains.\nWet?"


def test_alpaca_history_and_system_come_first() -> None:
    """The history's pairs stand before the question, the system prompt before all."""
    record = {"instruction": "c", "output": "d", "history": [["a", "b"]], "system": "Be brief"}
    dialogue = one(record)
    assert (dialogue.roles, dialogue.texts) == ("suaua", ["Be brief", "a", "b", "c", "d"])
    assert dialogue.tags == "system,history,instruction,output"
    assert one({**record, "history": [], "system": ""}).roles == "ua"


@pytest.mark.parametrize(
    "record",
    [
        {"system": "Be brief", "conversations": SHARED},
        {"system_prompt": "Be brief", "question": "Ahoy", "response": "Welcome aboard"},
        {"messages": [{"role": "system", "content": "Be brief"}, *TURNS], "system": "Be brief"},
        {"id": "1", "data": ["Ahoy", "Welcome aboard"], "system": "Be brief"},
    ],
)
def test_a_system_prompt_is_a_leading_system_turn(record: dict[str, Any]) -> None:
    """A system prompt under its own key is the first turn, once."""
    dialogue = one(record)
    assert (dialogue.roles, dialogue.texts[0]) == ("sua", "Be brief")


def test_numbered_keys_are_ordered_by_number() -> None:
    """message_10 comes after message_2, and the odd ones are the user's; the same for Koala."""
    camel = {f"message_{i}": {"role_type": "X", "content": str(i)} for i in sorted(range(1, 13), key=str)}
    dialogue = one(camel)
    assert (dialogue.texts, dialogue.roles) == ([str(i) for i in range(1, 13)], "ua" * 6)
    koala = {f"{'human' if i % 2 == 0 else 'gpt'}_{i}": str(i) for i in sorted(range(12), key=str)}
    assert one(koala).texts == [str(i) for i in range(12)]


def test_every_instance_of_a_seed_is_a_dialogue() -> None:
    """Self-Instruct's instances share the instruction and get an id each."""
    instances = [{"input": "1", "output": "one"}, {"input": "2", "output": "two"}]
    dialogues = read({"id": "seed", "instruction": "Spell", "instances": instances})
    assert [(d.id, d.texts) for d in dialogues] == [("seed/0", ["Spell\n1", "one"]), ("seed/1", ["Spell\n2", "two"])]


def test_the_preferred_answer_can_be_chosen() -> None:
    """The chosen answer is read by default, the rejected one on demand."""
    record = {"prompt": "Ahoy", "chosen": "Welcome", "rejected": "No"}
    assert one(record).texts == ["Ahoy", "Welcome"]
    assert one(record, preferred="rejected").texts == ["Ahoy", "No"]
    assert one({"chosen": HH, "rejected": HH + "!"}, preferred="rejected").texts[1] == "Welcome aboard!"


def test_empty_messages_and_empty_dialogues_stay() -> None:
    """An empty message counts, and a record without any is a dialogue without turns."""
    assert one({"id": "1", "data": ["Ahoy", "", None]}) == Dialogue("uau", ["Ahoy", "", ""], "data", "1")
    assert one({"instruction": None, "output": None}).texts == ["", ""]
    assert one({"conversations": []}).roles == ""
    assert one({"id": "1", "data": []}).texts == []


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"id": "a"}, "a"),
        ({"id": 4}, "4"),
        ({"id": None, "question_id": 81}, "81"),
        ({"id": "", "idx": 0}, "0"),
        ({"_id": {"$oid": "f"}}, '{"$oid":"f"}'),
        ({"source": "s"}, None),
    ],
)
def test_ids(fields: dict[str, Any], name: str | None) -> None:
    """A record's id is a string under whichever key it is kept."""
    assert one({**fields, "messages": TURNS}).id == name
    assert one({**fields, "instruction": "a", "output": "b"}).id == name


def test_tags_stay_short() -> None:
    """A hostile or careless file cannot make the list of tags grow with its dialogues."""
    turns = [{"role": f"speaker,{i}" * 30, "content": "Ahoy"} for i in range(50)]
    tags = one({"messages": turns}).tags
    assert len(tags) < 400
    assert tags.endswith(",…")


def test_keys_and_roles_can_be_mapped() -> None:
    """A mapping renames keys of the record and of its turns, and gives roles to tags."""
    assert one({"frage": "a", "antwort": "b"}, mapping={"frage": "instruction", "antwort": "output"}).roles == "ua"
    mapping = {
        "verlauf": "messages",
        "wer": "role",
        "was": "content",
        "role:Kunde": "user",
        "role:Berater": "assistant",
    }
    record = {"verlauf": [{"wer": "Kunde", "was": "a"}, {"wer": "BERATER", "was": "b"}]}
    assert RecordReader(mapping=mapping)(record) == ("messages", [Dialogue("ua", ["a", "b"], "Kunde,BERATER")])
    assert one({"prompt": "a", "text": "b"}, mapping={"text": "response"}).texts == ["a", "b"]
    assert one({"messages": TURNS}, mapping={"role:assistant": "tool"}).roles == "ut"


def test_wrong_names_are_refused_at_once() -> None:
    """A format or a role that does not exist is an error that names those that do."""
    with pytest.raises(ValueError, match="no format is called 'alpca'; did you mean 'alpaca'"):
        RecordReader(format="alpca")
    with pytest.raises(ValueError, match="'king' is no role; give one of user, assistant"):
        RecordReader(mapping={"role:Kunde": "king"})


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, "a record must be an object with keys; this one is null"),
        ([1], "this one is a list"),
        ("Ahoy", "this one is text"),
        (True, "this one is true or false"),
        ({}, "this one is empty"),
        (
            {"frage": "a", "antwort": "b"},
            r"has the keys 'frage', 'antwort'; nearest is alpaca \(instruction.*\), but 'instruction', 'output' are "
            r"missing. Rename keys with --map frage=instruction --map antwort=output, or name the format with --format",
        ),
        ({"conversation_ids": 1}, "nearest is lmsys .*'conversation', 'conversation_id' are missing"),
        ({"message": []}, "nearest is messages .* 'messages' is missing.*--map message=messages"),
        ({"messages": "Ahoy"}, "nearest is messages .*its values have another shape, 'messages' is text"),
        ({"messages": [1, 2]}, "nearest is messages"),
        ({"data": [1, 2]}, "nearest is ultrachat .*'data' is a list"),
        ({"input_ids": [1, 2]}, "token numbers, and UltraQA reads text: decode them"),
        ({"\x1b[31m": 1}, r"has the keys '\\x1b\[31m'"),
        ({f"k{i}": 1 for i in range(99)}, "and 87 more"),
    ],
)
def test_what_an_unknown_record_is_told(record: Any, message: str) -> None:
    """The error names the keys seen, the nearest format, what it lacks and what to do; control characters stay in."""
    with pytest.raises(UnknownFormat, match=message):
        RecordReader()(record)


def test_nothing_is_nested_too_deeply() -> None:
    """A record nested to any depth is read or refused, never a RecursionError."""
    deep: Any = "Ahoy"
    for _ in range(5000):
        deep = [deep]
    for record in ({"messages": [{"role": "user", "content": deep}]}, {"id": deep, "text": "Ahoy"}, {"prompt": deep}):
        try:
            read(record)
        except UnknownFormat:
            continue


def test_the_reader_can_be_sent_to_another_process() -> None:
    """A reader pickles, with what it has learnt."""
    reader = RecordReader(mapping={"role:Kunde": "user"})
    reader({"messages": [{"role": "Kunde", "content": "Ahoy"}]})
    assert pickle.loads(pickle.dumps(reader))({"messages": TURNS})[1][0].roles == "ua"  # noqa: S301


def test_many_kinds_of_records_do_not_fill_the_memory() -> None:
    """What is remembered about sets of keys and about role tags is bounded."""
    reader = RecordReader()
    for i in range(5000):
        reader({"messages": [{"role": f"r{i}", "content": "Ahoy"}], f"k{i}": 1})
    assert len(reader._candidates) < 5000
    assert len(reader._options.roles) <= 1000


OUTER = sorted({key for one in FORMATS for need in one.needs for key in need} | {"id", "system", "system_prompt", "x"})
INNER = [
    "role", "from", "speaker", "agent", "sender", "content", "value", "text", "message", "utterance", "tool_calls",
    "type", "label", "input", "output", "user", "bot", "replies", "rank", "deleted", "message_id", "parent_id", "data",
]  # fmt: skip
WORDS = [
    "",
    "user",
    "assistant",
    "SYSTEM",
    "USER",
    "Kim",
    "[|Human|] a [|AI|]",
    HH,
    "User 1: a\nUser 2:",
    "[",
    "true",
    "</s>",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=5)
    | st.just(2**80)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(INNER), inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=12,
)
TURN = st.dictionaries(st.sampled_from(INNER), LEAVES | st.sampled_from(["user", "gpt"]), min_size=1, max_size=3)
RECORDS = st.dictionaries(
    st.sampled_from(OUTER),
    VALUES | st.lists(TURN, max_size=4) | st.lists(st.lists(TURN, max_size=2), max_size=2),
    max_size=5,
)


def outcome(reader: RecordReader, record: Any) -> Any:
    """What a reader makes of a record; anything but a result and UnknownFormat is a failure."""
    try:
        name, dialogues = reader(record)
    except UnknownFormat as refused:
        return str(refused)
    assert dialogues
    for dialogue in dialogues:
        assert len(dialogue.roles) == len(dialogue.texts)
        assert set(dialogue.roles) <= set("uast?")
        assert all(type(text) is str for text in dialogue.texts)
        assert type(dialogue.tags) is str
        assert dialogue.id is None or type(dialogue.id) is str
        assert all(type(flag) is str for flag in dialogue.flags)
    return name, dialogues


@given(VALUES | RECORDS)
@settings(max_examples=400, deadline=None)
def test_any_json_value_is_read_or_refused(record: Any) -> None:
    """Whatever a record holds, it gives well-formed dialogues or UnknownFormat, under every option."""
    outcome(RecordReader(), record)
    outcome(RecordReader(paths="all", preferred="rejected", mapping={"x": "messages", "role:Kim": "user"}), record)


@pytest.mark.parametrize("format_", [one.name for one in FORMATS])
@given(record=RECORDS)
@settings(max_examples=25, deadline=None)
def test_a_forced_format_reads_or_refuses_any_record(format_: str, record: Any) -> None:
    """No reader trusts that detection has looked at the record before."""
    outcome(RecordReader(format=format_), record)


@given(st.lists(RECORDS, max_size=6))
@settings(max_examples=100, deadline=None)
def test_a_record_is_read_in_the_same_way_wherever_it_stands(records: list[Any]) -> None:
    """What was read before changes nothing, so that any division of a file into shards gives the same dialogues."""
    reader = RecordReader()
    assert repr([outcome(reader, record) for record in records]) == repr([outcome(RecordReader(), r) for r in records])


REAL = os.environ.get("ULTRAQA_REAL_DATA", "")
real_data = pytest.mark.skipif(not REAL, reason="ULTRAQA_REAL_DATA names no folder of published datasets")
# File, format, dialogues, the most frequent sequence of roles.
MAIN = [
    ("alpaca/alpaca_data.json", "alpaca", 52002, "ua"),
    ("baize/quora_chat_data.ko.json", "baize", 1299, "uaua"),
    ("baize/train_conversation.jsonl", "messages", 100, "suauauaua"),
    ("bench/mt_bench_question.jsonl", "questions", 80, "uu"),
    ("bench/mtbench101.jsonl", "history", 1388, "uauaua"),
    ("bench/gsm8k_test.jsonl", "question_answer", 1319, "ua"),
    ("bench/wizardlm_testset.jsonl", "prompt", 218, "u"),
    ("kdconv/film_dev.json", "kdconv", 150, None),
    ("lima/lima.json", "alpaca", 1029, "ua"),
    ("llamafactory_demo/dpo_en_demo.json", "preference", 300, "ua"),
    ("llamafactory_demo/glaive_toolcall_en_demo.json", "sharegpt", 300, None),
    ("llamafactory_demo/kto_en_demo.json", "kto", 300, "ua"),
    ("llamafactory_demo/c4_demo.jsonl", "text", 300, "a"),
    ("oasst/en_100_message.jsonl", "oasst_message", 100, "uaua"),
    ("oasst/en_100_tree.jsonl", "oasst_tree", 100, "uaua"),
    ("self_instruct/seed_tasks.jsonl", "self_instruct", 175, "ua"),
    ("sgd_dev/dialogues_001.json", "sgd", 128, None),
    ("sharegpt/sharegpt_train_small.jsonl", "sharegpt", 500, "ua"),
    ("sharegpt/sharegpt_zh_1K_format.jsonl", "sharegpt", 1000, "ua"),
    ("synthetic_persona_chat/Synthetic-Persona-Chat_valid.csv", "transcript", 1000, None),
    ("telephone_game/gpt-3.5-turbo-0125__continue.jsonl", "text", 5100, "a"),
    ("topical_chat/valid_freq.json", "topical_chat", 539, None),
    ("ultrachat/ultra_eval.json", "prompt", 385, "u"),
    ("ultrachat/ultrachat_200k_first5.native.jsonl", "ultrachat", 5, None),
    ("vicuna_dummy/dummy_conversation.json", "sharegpt", 500, None),
]


def real_records(path: Path) -> list[Any]:
    """The records of a published file."""
    if path.suffix == ".csv":
        csv.field_size_limit(10**8)
        with path.open(newline="", encoding="utf-8") as lines:
            return list(csv.DictReader(lines))
    if path.suffix == ".jsonl":
        return [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
    whole = orjson.loads(path.read_bytes())
    return list(whole.values()) if isinstance(whole, dict) else whole


@real_data
def test_every_published_file_is_read() -> None:
    """Each record of each file is read, every record of a file by the same format, with only known roles."""
    files = [path for path in sorted(Path(REAL, "data").rglob("*")) if path.suffix in {".json", ".jsonl", ".csv"}]
    assert files
    unknown = 0
    for path in files:
        reader = RecordReader()
        read_as = [reader(record) for record in real_records(path)]
        assert len({name for name, _ in read_as}) == 1, path.name
        unknown += sum("?" in dialogue.roles for _, dialogues in read_as for dialogue in dialogues)
    assert unknown == 1  # a persona chat that opens before its first marker


@real_data
@pytest.mark.parametrize(("file", "format_", "count", "roles"), MAIN, ids=[main[0] for main in MAIN])
def test_published_files_in_detail(file: str, format_: str, count: int, roles: str | None) -> None:
    """The main files have the format, the number of dialogues and the roles that they are known to have."""
    reader = RecordReader()
    read_as = [reader(record) for record in real_records(Path(REAL, "data", file))]
    dialogues = [dialogue for _, found in read_as for dialogue in found]
    assert {name for name, _ in read_as} == {format_}
    assert len(dialogues) == count
    seen = [dialogue.roles for dialogue in dialogues]
    assert roles is None or max(set(seen), key=seen.count) == roles
