"""The filter: what is kept is the input's own bytes in its order, everything read is kept, dropped or unreadable."""

from __future__ import annotations

import bz2
import gzip
import json
import math
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ultraqa
from ultraqa import Rule
from ultraqa.analysis.profile import OverwriteError, ProfileError
from ultraqa.dialogues.sources import DataError
from ultraqa.filters.decisions import DROPPED, decide, rounds, truncated
from ultraqa.filters.pruning import prune
from ultraqa.filters.rule import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


WORDS = "the cat sat on a mat while rain fell over roofs and no one said anything about dinner or the long road home"


def dialogue(*texts: str, name: str = "") -> dict[str, Any]:
    """A ShareGPT record of user and assistant in turn."""
    turns = [{"from": ("human", "gpt")[i % 2], "value": text} for i, text in enumerate(texts)]
    return {"id": name or "x", "conversations": turns}


SHORT = dialogue("Hello?", "Hi.", name="short")
LONG = dialogue("Tell me of it.", WORDS, "More.", f"{WORDS} once again, and then some.", name="long")
EMPTY = dialogue("Anyone?", "", name="empty")
UNANSWERED = dialogue("What is it?", "A cat.", "And this?", name="unanswered")
HOLE = dialogue("One?", "First.", "Two?", "", "Three?", "Third.", name="hole")
RECORDS = [SHORT, LONG, EMPTY, SHORT | {"id": "copy"}, UNANSWERED, HOLE]


def lines(records: Sequence[dict[str, Any]]) -> bytes:
    """Records as JSONL, spaced as no library would."""
    return b"".join(json.dumps(record, separators=(" ,", ":  ")).encode() + b"\n" for record in records)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A JSONL file with a broken line in the middle."""
    file = tmp_path / "data.jsonl"
    file.write_bytes(lines(RECORDS[:3]) + b'{"id": "broken", "conv\n' + lines(RECORDS[3:]))
    return file


def ids(file: Path) -> list[str]:
    """The records that a JSONL file holds, by their ids."""
    return [json.loads(line)["id"] for line in file.read_bytes().splitlines()]


def test_what_is_kept_is_bytes_of_the_input_in_order_and_nothing_is_lost(data: Path, tmp_path: Path) -> None:
    """Kept lines are lines of the input; read = kept + dropped + unreadable, and each has its file."""
    found = ultraqa.filter(data, tmp_path / "out/kept.jsonl", rules=[Rule("empty_messages", max=0)])
    kept = (tmp_path / "out/kept.jsonl").read_bytes().splitlines()
    given_lines = data.read_bytes().splitlines()
    assert kept == [
        line for line in given_lines if b'"empty"' not in line and b"broken" not in line and b"hole" not in line
    ]
    assert found.summary["records"] == {"read": 7, "kept": 4, "dropped": 2, "unreadable": 1}
    rejected = [json.loads(line) for line in (tmp_path / "out/rejected.jsonl").read_bytes().splitlines()]
    assert [one["id"] for one in rejected] == ["empty", "hole"]
    assert rejected[0]["record"] == EMPTY
    assert rejected[0]["rule"] == "empty_messages"
    assert rejected[0]["value"] == 1
    assert rejected[0]["evidence"][0]["message"] == 1
    assert (tmp_path / "out/unreadable.jsonl").read_bytes() == b'{"id": "broken", "conv\n'
    assert found.ledger()["fate"].tolist() == ["kept", "kept", "dropped", "kept", "kept", "dropped"]


def test_the_first_of_duplicates_that_no_other_rule_drops_is_kept(tmp_path: Path) -> None:
    """Wherever the duplicate rule stands, and the rejected copy names a record that is in the output."""
    copies = [LONG | {"id": f"copy-{i}", "model": model} for i, model in enumerate(("bad", "good", "good"))]
    file = tmp_path / "data.jsonl"
    file.write_bytes(lines(copies))
    rules = [Rule("exact_duplicates", max=0), Rule("field.model", among=("good",))]
    for n, order in enumerate((rules, rules[::-1])):
        out = tmp_path / f"{n}/kept.jsonl"
        ultraqa.filter(file, out, rules=order)
        assert ids(out) == ["copy-1"]
        rejected = [json.loads(line) for line in out.with_name("rejected.jsonl").read_bytes().splitlines()]
        assert rejected[0]["rule"] == "field.model"
        assert rejected[0]["value"] == "bad"
        assert rejected[1]["kept"] == {"row": 1, "id": "copy-1"}
        assert rejected[1]["similarity"] == 1


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".jsonl.gz", ".json.zst", ".jsonl.bz2"])
def test_the_name_of_the_output_says_form_and_compression(data: Path, tmp_path: Path, suffix: str) -> None:
    """Lines or an array, plain or compressed: the same records in the same order, and the same bytes every time."""
    outs = [tmp_path / f"{n}/kept{suffix}" for n in range(2)]
    for out in outs:
        ultraqa.filter(data, out, rules=[Rule("empty_messages", max=0)])
    first, second = (out.read_bytes() for out in outs)
    assert first == second
    packed: dict[str, Callable[[bytes], bytes]] = {
        ".gz": gzip.decompress, ".bz2": bz2.decompress,
        ".zst": lambda raw: zstandard.ZstdDecompressor().decompressobj().decompress(raw),
    }  # fmt: skip
    text = packed.get(outs[0].suffix, bytes)(first)
    records = json.loads(text) if ".json." in outs[0].name + "." else [json.loads(line) for line in text.splitlines()]
    assert records == [SHORT, LONG, SHORT | {"id": "copy"}, UNANSWERED]


@pytest.mark.parametrize("container", ["array", "object", "lines.gz"])
def test_every_container_of_json_keeps_its_bytes(tmp_path: Path, container: str) -> None:
    """Elements of an array, members of an object and lines of a compressed file are kept byte for byte."""
    parts = [json.dumps(record, indent=1).encode() for record in RECORDS]
    if container == "array":
        file, raw = tmp_path / "data.json", b"[\n" + b" ,\n\n".join(parts) + b"]"
    elif container == "object":
        parts = [b'"%d" :\t%b' % (n, part) for n, part in enumerate(parts)]
        file, raw = tmp_path / "data.json", b"{ " + b",".join(parts) + b"\n}"
    else:
        parts = [part.replace(b"\n", b" ") for part in parts]
        file, raw = tmp_path / "data.jsonl.gz", gzip.compress(b"\n".join(parts))
    file.write_bytes(raw)
    out = tmp_path / "out" / ("kept.jsonl" if container == "lines.gz" else "kept.json")
    ultraqa.filter(file, out, rules=[Rule("rounds", min=2)])
    kept = [parts[1], parts[5]]
    wanted = {
        "array": b"[" + b",\n".join(kept) + b"]", "object": b"{" + b",\n".join(kept) + b"}",
        "lines.gz": b"\n".join([*kept, b""]),
    }  # fmt: skip
    assert out.read_bytes() == wanted[container]


def test_rows_of_tables_keep_values_and_types(tmp_path: Path) -> None:
    """A Parquet file stays one with its schema, a CSV file keeps its header and cells."""
    frame = pd.DataFrame({
        "instruction": ["Say yes.", "Say no, \"no\".", "Say\nnothing."], "input": ["", "", ""],
        "output": ["Yes.", "No.", ""], "score": np.array([1, 2, 3], np.int8),
    })  # fmt: skip
    frame.to_parquet(tmp_path / "data.parquet")
    frame.to_csv(tmp_path / "data.csv", index=False)
    rule = Rule("empty_messages", max=0)
    ultraqa.filter(tmp_path / "data.parquet", tmp_path / "p/kept.parquet", rules=[rule])
    assert pq.read_schema(tmp_path / "p/kept.parquet").equals(pq.read_schema(tmp_path / "data.parquet"))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "p/kept.parquet"), frame[:2])
    ultraqa.filter(tmp_path / "data.csv", tmp_path / "c/kept.csv", rules=[rule])
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "c/kept.csv", keep_default_na=False), frame[:2], check_dtype=False
    )
    with pytest.raises(DataError, match="convert"):
        ultraqa.filter(tmp_path / "data.csv", tmp_path / "x/kept.jsonl", rules=[rule])


def test_a_tree_of_rows_is_kept_or_dropped_as_a_whole(samples: Path, tmp_path: Path) -> None:
    """Flat OpenAssistant rows: all rows of a tree stand in the output or none."""
    rows = []
    for tree in map(json.loads, (samples / "openassistant.jsonl").read_text("utf-8").splitlines()):
        todo = [(tree["prompt"], None)]
        while todo:
            node, parent = todo.pop(0)
            rows.append({
                "message_id": node["message_id"], "parent_id": parent, "message_tree_id": tree["message_tree_id"],
                "text": node["text"], "role": node["role"], "rank": node.get("rank"),
                "deleted": node.get("deleted", False),
            })  # fmt: skip
            todo += [(reply, node["message_id"]) for reply in node.get("replies", ())]
    rows = rows[::2] + rows[1::2]  # the rows of a tree lie apart
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(rows))
    ultraqa.filter(file, tmp_path / "out/kept.jsonl", rules=[Rule("ends_with_user", max=0)])
    kept = [json.loads(line) for line in (tmp_path / "out/kept.jsonl").read_bytes().splitlines()]
    trees = {row["message_tree_id"] for row in kept}
    assert 0 < len(trees) < len({row["message_tree_id"] for row in rows})
    assert kept == [row for row in rows if row["message_tree_id"] in trees]
    rejected = [json.loads(line) for line in (tmp_path / "out/rejected.jsonl").read_bytes().splitlines()]
    assert sum(len(one["record"]) for one in rejected) + len(kept) == len(rows)


# --- cutting ---------------------------------------------------------------------------------------------------------


def test_truncating_ends_before_the_first_bad_message_and_leaves_no_question_open(data: Path, tmp_path: Path) -> None:
    """What is cut stays as it was up to there; where no reply is left the record is dropped."""
    rules = [Rule("empty_messages", max=0, action="truncate"), Rule("ends_with_user", max=0, action="truncate")]
    found = ultraqa.filter(data, tmp_path / "out/kept.jsonl", rules=rules)
    kept = {one["id"]: one for one in map(json.loads, (tmp_path / "out/kept.jsonl").read_bytes().splitlines())}
    assert list(kept) == ["short", "long", "copy", "unanswered", "hole"]
    assert kept["hole"]["conversations"] == HOLE["conversations"][:2]
    assert kept["unanswered"]["conversations"] == UNANSWERED["conversations"][:2]
    assert found.summary["dialogues"] == {"read": 6, "kept": 5, "cut": 2, "uncut": 1}
    whole = {line for line in data.read_bytes().splitlines() if b"hole" not in line and b"unanswered" not in line}
    cut = (tmp_path / "out/kept.jsonl").read_bytes().splitlines()
    assert [line in whole for line in cut] == [True, True, True, False, False]


def test_dropping_a_round_takes_question_and_answer_out(data: Path, tmp_path: Path) -> None:
    """The rounds before and after it stay, byte for byte."""
    ultraqa.filter(data, tmp_path / "out/kept.jsonl", rules=[Rule("empty_messages", max=0, action="drop_round")])
    last = (tmp_path / "out/kept.jsonl").read_bytes().splitlines()[-1]
    turns = HOLE["conversations"]
    assert last + b"\n" == lines([HOLE | {"conversations": turns[:2] + turns[4:]}])


def test_a_record_that_holds_no_list_of_turns_is_dropped_and_says_so(tmp_path: Path) -> None:
    """Alpaca has its turns under keys of their own."""
    file = tmp_path / "alpaca.jsonl"
    history = [["One?", "Thank you."], ["Two?", "Two."]]
    file.write_bytes(lines([{"instruction": "Three?", "input": "", "output": "", "history": history}]))
    rule = Rule("empty_messages", max=0, action="truncate")
    ultraqa.filter(file, tmp_path / "out/kept.jsonl", rules=[rule])
    assert (tmp_path / "out/kept.jsonl").read_bytes() == b""
    assert "cannot be done" in json.loads((tmp_path / "out/rejected.jsonl").read_bytes())["uncut"]


@pytest.mark.parametrize(
    ("letters", "message", "gone"),
    [("uaua", 2, {2, 3}), ("uaua", 3, {2, 3}), ("suaua", 3, {3, 4}), ("uata", 2, {2, 3}), ("uuaua", 3, {3, 4})],
)
def test_truncated_turns(letters: str, message: int, gone: set[int]) -> None:
    """From the bad message on, with the questions before it that nobody answers any more, tool turns included."""
    assert truncated(letters, message) == gone


@pytest.mark.parametrize(
    ("letters", "messages", "gone"),
    [
        ("uaua", [1], {0, 1}),
        ("suaua", [0], {1, 2}),
        ("aua", [0], {0}),
        ("uataua", [1], {0, 1, 2, 3}),
        ("uuaua", [2], {0, 1, 2}),
    ],
)
def test_rounds_of_turns(letters: str, messages: list[int], gone: set[int]) -> None:
    """A round reaches from the user's turn to the one before the user's next; a system prompt is of no round."""
    assert rounds(letters, messages) == gone


# --- laws ------------------------------------------------------------------------------------------------------------

POOL = [
    SHORT, LONG, EMPTY, UNANSWERED, HOLE, dialogue("Hello?", "Hi."), dialogue("Same prompt here.", "One."),
    dialogue("Same prompt here.", "Another answer, and longer than that."), dialogue(WORDS, WORDS + " indeed"),
    dialogue(WORDS, WORDS + " perhaps"), dialogue("Thanks!", "You are welcome!"),
    dialogue("漢字です。", "はい、そうです。"),
]  # fmt: skip
RULES = st.sampled_from([
    Rule("words.assistant", min=3), Rule("rounds", max=1), Rule("empty_messages", max=0), Rule("words.prompt", max=9),
    Rule("mtld.assistant", min=40, undefined="drop"), Rule("exact_duplicates", max=0),
    Rule("near_duplicates", max=0), Rule("exact_duplicates.prompt", max=0),
    Rule("empty_messages", max=0, action="truncate"), Rule("ends_with_user", max=0, action="truncate"),
    Rule("empty_messages", max=0, action="drop_round"), Rule("words", max=12, action="flag"),
])  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.sampled_from(POOL), min_size=1, max_size=12), st.lists(RULES, min_size=1, max_size=4), st.randoms())
def test_laws_of_filtering(
    tmp_path_factory: pytest.TempPathFactory, chosen: list[dict[str, Any]], rules: list[Rule], random: Any
) -> None:
    """Conservation, order, independence of the rules' order, idempotence of rules that drop, and representatives."""
    folder = tmp_path_factory.mktemp("law")
    records = [record | {"id": str(n)} for n, record in enumerate(chosen)]
    (folder / "data.jsonl").write_bytes(lines(records))
    once = ultraqa.filter(folder / "data.jsonl", folder / "1/kept.jsonl", rules=rules)
    counts = once.summary["records"]
    assert counts["read"] == len(records) == counts["kept"] + counts["dropped"]
    kept = ids(folder / "1/kept.jsonl")
    assert kept == sorted(kept, key=int)
    rejected = [json.loads(line) for line in (folder / "1/rejected.jsonl").read_bytes().splitlines()]
    assert sorted([*kept, *(one["id"] for one in rejected)], key=int) == [record["id"] for record in records]
    assert {one["kept"]["id"] for one in rejected if "kept" in one} <= set(kept)
    shuffled = random.sample(rules, len(rules))
    ultraqa.filter(folder / "data.jsonl", folder / "2/kept.jsonl", rules=shuffled)
    assert (folder / "1/kept.jsonl").read_bytes() == (folder / "2/kept.jsonl").read_bytes()
    if all(rule.action in {"drop", "flag"} for rule in rules) and kept:
        ultraqa.filter(folder / "1/kept.jsonl", folder / "3/kept.jsonl", rules=rules)
        assert (folder / "3/kept.jsonl").read_bytes() == (folder / "1/kept.jsonl").read_bytes()


# --- runs ------------------------------------------------------------------------------------------------------------


def test_a_dry_run_says_the_same_and_writes_nothing(data: Path, tmp_path: Path) -> None:
    """The summary is that of the run."""
    measured = ultraqa.profile(data, tmp_path / "data.ultraqa", embedder="none", tokens="none")
    dry = ultraqa.filter(measured, recipe="multiturn", dry_run=True)
    before = sorted(tmp_path.rglob("*"))
    ultraqa.filter(measured, recipe="multiturn", dry_run=True)
    assert sorted(tmp_path.rglob("*")) == before
    run = ultraqa.filter(measured, tmp_path / "out/kept.jsonl", recipe="multiturn")
    assert dry.summary == run.summary


def test_files_of_another_run_are_refused_and_those_of_the_same_are_made_again(data: Path, tmp_path: Path) -> None:
    """Other rules, or a file that is no filter's, need --overwrite; nothing is changed before."""
    out = tmp_path / "out/kept.jsonl"
    ultraqa.filter(data, out, rules=[Rule("rounds", min=2)])
    first = out.read_bytes()
    ultraqa.filter(data, out, rules=[Rule("rounds", min=2)])
    assert out.read_bytes() == first
    with pytest.raises(OverwriteError, match="another run"):
        ultraqa.filter(data, out, rules=[Rule("rounds", min=1)])
    assert out.read_bytes() == first
    ultraqa.filter(data, out, rules=[Rule("rounds", min=1)], overwrite=True)
    assert out.read_bytes() != first
    with pytest.raises(DataError, match="input is never changed"):
        ultraqa.filter(data, data, rules=[Rule("rounds", min=2)], overwrite=True)


def test_the_data_is_never_written_over(data: Path, tmp_path: Path) -> None:
    """Not from a Profile, not by another spelling of its path, and not as one of the files beside the output."""
    measured = ultraqa.profile(data, tmp_path / "data.ultraqa", embedder="none", tokens="none")
    before, rules = data.read_bytes(), [Rule("rounds", min=2)]
    (tmp_path / "sub").mkdir()
    spelled = tmp_path / "sub/../data.jsonl"
    for source, out in ((measured, data), (measured, spelled), (data, spelled)):
        with pytest.raises(DataError, match="input is never changed"):
            ultraqa.filter(source, out, rules=rules, overwrite=True)
    rejected = tmp_path / "rejected.jsonl"
    rejected.write_bytes(before)
    with pytest.raises(DataError, match="input is never changed"):
        ultraqa.filter(rejected, tmp_path / "kept.jsonl", rules=rules, overwrite=True)
    assert data.read_bytes() == rejected.read_bytes() == before


def test_a_profile_beside_the_output_is_used_only_if_it_was_read_as_is_asked(tmp_path: Path) -> None:
    """Another mapping, or benchmarks to look for, is measured anew; the same question is not."""
    file, benchmark = tmp_path / "data.jsonl", tmp_path / "benchmark.jsonl"
    asked = "Which of the seven bridges over the slow green river was built before the old mill burned down?"
    file.write_bytes(lines([{"ask": asked, "say": "The third."}, {"ask": "Why?", "say": "So."}]))
    benchmark.write_bytes(lines([{"question": asked}]))
    out, names = tmp_path / "out/kept.jsonl", {"ask": "instruction", "say": "output"}
    rule = Rule("contaminated", max=0, optional=True)
    first = ultraqa.filter(file, out, rules=[rule], map=names)
    assert [one["rule"] for one in first.summary["skipped"]] == ["contaminated"]
    stamp = (first.profile.path / "profile.json").stat().st_mtime_ns
    again = ultraqa.filter(file, out, rules=[rule], map=names)
    assert (again.profile.path / "profile.json").stat().st_mtime_ns == stamp
    found = ultraqa.filter(file, out, rules=[rule], map=names, contamination=benchmark, overwrite=True)
    assert found.summary["records"]["dropped"] == 1
    swapped = {"say": "instruction", "ask": "output"}
    turned = ultraqa.filter(file, out, rules=[Rule("words.prompt", max=1)], map=swapped, overwrite=True)
    assert turned.summary["records"]["dropped"] == 1


def test_data_that_has_changed_since_it_was_measured_is_refused(data: Path, tmp_path: Path) -> None:
    """Neither the output nor a file beside it appears."""
    measured = ultraqa.profile(data, tmp_path / "data.ultraqa", embedder="none", tokens="none")
    data.write_bytes(data.read_bytes().replace(b"Hello", b"HELLO"))
    with pytest.raises(DataError, match="has changed"):
        ultraqa.filter(measured, tmp_path / "out/kept.jsonl", rules=[Rule("rounds", min=2)])
    assert not list(tmp_path.glob("out/*"))


KILLED = """
import os, signal, sys
import ultraqa
part, data, out = sys.argv[1:]
def watch(name, arguments):  # the interpreter tells of every file it renames
    if name == "os.rename" and str(arguments[1]).endswith(part):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
truncate, first = ultraqa.Rule("empty_messages", max=0, action="truncate"), ultraqa.Rule("exact_duplicates", max=0)
ultraqa.filter(data, out, rules=[truncate, first])
"""


@pytest.mark.parametrize("part", ["profile.json", "unreadable.jsonl", "rejected.jsonl", "ledger.parquet", "kept.jsonl"])
def test_a_killed_run_is_taken_up_and_ends_in_the_same_bytes(data: Path, tmp_path: Path, part: str) -> None:
    """Whichever file SIGKILL comes before, the same call afterwards gives what a run that was left alone gives."""
    rules = [Rule("empty_messages", max=0, action="truncate"), Rule("exact_duplicates", max=0)]
    ultraqa.filter(data, tmp_path / "whole/kept.jsonl", rules=rules)
    out = tmp_path / "killed/kept.jsonl"
    run = subprocess.run([sys.executable, "-c", KILLED, part, str(data), str(out)], check=False, timeout=300)
    assert run.returncode == -signal.SIGKILL
    assert not out.exists()
    ultraqa.filter(data, out, rules=rules)
    for file in ("kept.jsonl", "rejected.jsonl", "unreadable.jsonl", "ledger.parquet"):
        assert (tmp_path / "killed" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    assert not list(out.parent.glob(".*.partial"))


def test_a_profile_without_a_column_is_refused_with_the_option_that_adds_it(data: Path, tmp_path: Path) -> None:
    """An optional rule is left out instead, and the summary says so."""
    measured = ultraqa.profile(data, tmp_path / "data.ultraqa", embedder="none", tokens="none", duplicates="none")
    for key, option in (("relevance", "--embedder"), ("near_duplicates", "--duplicates"), ("contaminated", "--contam")):
        with pytest.raises(ProfileError, match=option):
            prune(measured, [Rule(key, max=0)], None)
    found = ultraqa.filter(measured, dry_run=True, rules=[Rule("relevance", min=0, optional=True)])
    assert found.summary["skipped"] == [{"rule": "relevance", "option": "--embedder static"}]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ('[[rule]]\nkey = "mtdl.assistant"\nmin = 3', "did you mean mtld.assistant"),
        ('[[rule]]\nkey = "rounds"\nmin = "two"', "rule 1: min = 'two': a number is wanted"),
        ('[[rule]]\nkey = "rounds"', "`min` or `max` is wanted"),
        ('[[rule]]\nkey = "rounds"\nmin = 3\nmax = 2', "no value lies between"),
        ('[[rule]]\nkey = "rounds"\nmim = 3', "did you mean 'min'"),
        ('[[rule]]\nkey = "rounds"\nmin = 3\naction = "truncate"', "needs a column of messages"),
        ('[[rule]]\nkey = "rounds"\nmin = 3\naction = "burn"', "one of drop, truncate"),
        ('[[rule]]\nkey = "language"\nmin = 3', "names in `among`"),
        ('[[rule]]\nkey = "near_duplicates"\nmax = 2', "one of each is kept"),
        ("[[rule]\n", "no TOML"),
        ("description = 'nothing'", "no rule in it"),
        ('[[rule]]\nmin = 3', "has no key"),
    ],
)  # fmt: skip
def test_a_recipe_that_means_nothing_is_refused_with_what_was_wanted(text: str, meaning: str) -> None:
    """Before anything is measured."""
    with pytest.raises(DataError, match=r"mine\.toml") as refused:
        parse(text, "mine.toml")
    assert meaning in str(refused.value)


def test_a_budget_is_kept_of_what_rules_leave_and_named_in_what_is_rejected(tmp_path: Path) -> None:
    """A duplicate whose kept one the budget leaves out names none that is not in the output."""
    records = [LONG | {"id": str(n)} for n in range(3)] + [dialogue(f"Word {n}?", "One " * (n + 4)) for n in range(8)]
    file = tmp_path / "data.jsonl"
    file.write_bytes(lines(records))
    rule = Rule("exact_duplicates", max=0)
    found = ultraqa.filter(file, tmp_path / "out/kept.jsonl", rules=[rule], keep=3, select="random", seed=4)
    assert found.summary["records"]["kept"] == 3
    kept = set(ids(tmp_path / "out/kept.jsonl"))
    rejected = [json.loads(line) for line in (tmp_path / "out/rejected.jsonl").read_bytes().splitlines()]
    assert {one["rule"] for one in rejected} == {"exact_duplicates", "keep"}
    assert {one["kept"]["id"] for one in rejected if "kept" in one} <= kept


def test_a_score_in_the_records_is_a_rule_and_a_preference(tmp_path: Path) -> None:
    """Numbers of a record field are compared as numbers; a record without one has no value."""
    records = [
        dialogue("Which?", "This one.", name=str(n)) | {"score": score} for n, score in enumerate((3, "0.5", None))
    ]
    file = tmp_path / "data.jsonl"
    file.write_bytes(lines(records))
    ultraqa.filter(file, tmp_path / "a/kept.jsonl", rules=[Rule("field.score", min=2)])
    assert ids(tmp_path / "a/kept.jsonl") == ["0", "2"]
    ultraqa.filter(file, tmp_path / "b/kept.jsonl", rules=[Rule("field.score", min=2, undefined="drop")])
    assert ids(tmp_path / "b/kept.jsonl") == ["0"]
    ultraqa.filter(file, tmp_path / "c/kept.jsonl", recipe="none", keep=1, select="quality", quality="-field.score")
    assert ids(tmp_path / "c/kept.jsonl") == ["1"]


def test_what_a_trainer_would_do_is_told_of_what_is_rejected_for_it(tmp_path: Path) -> None:
    """With the sentence that the report has."""
    file = tmp_path / "data.jsonl"
    file.write_bytes(lines([SHORT, UNANSWERED]))
    ultraqa.filter(file, tmp_path / "out/kept.jsonl", rules=[Rule("trainer_llamafactory", max=0)])
    (rejected,) = [json.loads(line) for line in (tmp_path / "out/rejected.jsonl").read_bytes().splitlines()]
    assert rejected["id"] == "unanswered"
    assert len(rejected["why"]) > 20


def test_every_rule_that_takes_a_dialogue_for_a_duplicate_is_told(tmp_path: Path) -> None:
    """A copy is hit by the rule on copies and by the one on prompts, and dropped by the first."""
    file = tmp_path / "data.jsonl"
    file.write_bytes(lines([LONG, LONG | {"id": "copy"}]))
    rules = [Rule("exact_duplicates.prompt", max=0), Rule("exact_duplicates", max=0)]
    found = ultraqa.filter(file, tmp_path / "out/kept.jsonl", rules=rules)
    assert [one["hit"] for one in found.summary["waterfall"]] == [1, 1]
    assert found.ledger()["hit_by"][1] == "exact_duplicates.prompt exact_duplicates"


def test_the_ledger_says_which_turns_were_cut(data: Path, tmp_path: Path) -> None:
    """Counted from 0 through all turns of the record."""
    found = ultraqa.filter(
        data, tmp_path / "out/kept.jsonl", rules=[Rule("empty_messages", max=0, action="drop_round")]
    )
    assert found.ledger().set_index("id")["cut_turns"]["hole"] == "2 3"


def test_an_output_inside_the_data_and_a_folder_as_output_are_refused(data: Path, tmp_path: Path) -> None:
    """Before anything is measured."""
    folder = tmp_path / "set"
    folder.mkdir()
    data.rename(folder / "data.jsonl")
    with pytest.raises(DataError, match="folder of the data"):
        ultraqa.filter(folder, folder / "kept.jsonl", rules=[Rule("rounds", min=2)])
    with pytest.raises(DataError, match="is a folder"):
        ultraqa.filter(folder, tmp_path, rules=[Rule("rounds", min=2)])


@pytest.mark.parametrize("rules", [{"rounds": 2}, ["rounds"]])
def test_rules_that_are_none_are_refused(data: Path, rules: Any) -> None:
    """With how one is written."""
    with pytest.raises(DataError, match=r"ultraqa\.Rule"):
        ultraqa.filter(data, dry_run=True, rules=rules)
    with pytest.raises(DataError, match="a number is wanted"):
        Rule("rounds", max="3")  # type: ignore[arg-type]


def test_the_command_filters_to_standard_output(data: Path, tmp_path: Path, ultraqa: Any) -> None:
    """What is kept is all that standard output gets; the table goes to standard error."""
    run = ultraqa("filter", data, "-o", "-", "--beside", tmp_path / "beside", "--min", "rounds=2")
    assert run.returncode == 0, run.stderr
    assert [json.loads(line)["id"] for line in run.stdout.splitlines()] == ["long", "hole"]
    assert "7 records read = 2 kept + 4 dropped + 1 unreadable" in run.stderr
    assert {"rejected.jsonl", "ledger.parquet", "unreadable.jsonl"} <= {
        file.name for file in (tmp_path / "beside").iterdir()
    }


@pytest.mark.parametrize(
    ("words", "code", "meaning"),
    [
        (["-o", "k.jsonl", "--recipe", "nothing.toml"], 2, "cannot be read"),
        (["-o", "k.jsonl", "--min", "rounds"], 2, "KEY=V"),
        (["-o", "k.jsonl", "--max", "near_duplicates=5%"], 2, "one of each is kept"),
        (["-o", "k.jsonl", "--keep", "2", "--quality", "nope"], 2, "names no column"),
        (["-o", "k.jsonl", "--min", "runds=2"], 2, "did you mean rounds"),
        (["--min", "rounds=2"], 2, "no output"),
        (["-o", "-"], 2, "--beside"),
        (["-o", "k.jsonl", "--recipe", "none"], 2, "nothing to filter by"),
        (["-o", "k.jsonl", "--keep", "0"], 2, "--keep"),
        (["-o", "k.jsonl", "--keep", "120%"], 2, "--keep"),
        (["-o", "k.parquet", "--min", "rounds=2"], 2, "convert"),
    ],
)
def test_the_command_refuses_in_one_sentence(
    data: Path, tmp_path: Path, ultraqa: Any, words: list[str], code: int, meaning: str
) -> None:
    """Exit code 2 for what was asked wrongly, and no file is left."""
    run = ultraqa("filter", data, *words, cwd=tmp_path)
    assert run.returncode == code, run.stderr
    assert meaning in run.stderr.replace("\n│", "").replace("  ", " ")
    assert "Traceback" not in run.stderr
    assert not list(tmp_path.glob("k.*"))


def test_decisions_do_not_depend_on_how_texts_are_cut(data: Path, tmp_path: Path) -> None:
    """A dialogue that cannot be cut is dropped before duplicates are told, so that it represents nothing."""
    measured = ultraqa.profile(data, tmp_path / "data.ultraqa", embedder="none", tokens="none")
    rules = [Rule("ends_with_user", max=0, action="truncate")]
    found = decide(measured, rules, lambda turns: dict.fromkeys(turns, "not today"))
    assert found.uncut == {4: "not today"}
    assert found.fate[4] == DROPPED


def test_intervals_are_told_in_signs() -> None:
    """As they stand in tables and in what is rejected."""
    told = [Rule("rounds", 2), Rule("rounds", max=3), Rule("rounds", 2, 3), Rule("rounds", 2, 2)]
    assert [rule.interval for rule in told] == ["rounds ≥ 2", "rounds ≤ 3", "2 ≤ rounds ≤ 3", "rounds = 2"]
    assert Rule("language", among=("en", "de")).interval == "language is en or de"
    assert math.isinf(Rule("rounds", 2).max)
