"""OpenAssistant's trees: which path is read, and how flat rows become trees."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ultraqa.dialogues import trees
from ultraqa.dialogues.batch import Dialogue
from ultraqa.dialogues.formats import RecordReader


def node(name: str, *replies: dict[str, Any], rank: Any = None, **fields: Any) -> dict[str, Any]:
    """A message that says its own name; its depth in the tree tells the role."""
    return {"message_id": name, "text": name, "rank": rank, "replies": list(replies), **fields}


def with_roles(root: dict[str, Any], roles: str = "prompter assistant") -> dict[str, Any]:
    """The tree with alternating roles, from the root down."""
    mine, other = roles.split()
    return {**root, "role": mine, "replies": [with_roles(reply, f"{other} {mine}") for reply in root["replies"]]}


def tree(root: dict[str, Any]) -> dict[str, Any]:
    """A tree in its native form."""
    return {"message_tree_id": "T", "tree_state": "ready_for_export", "prompt": with_roles(root)}


def row(name: str, parent: str | None, role: str = "prompter", **fields: Any) -> dict[str, Any]:
    """A flat row."""
    return {"message_id": name, "parent_id": parent, "text": name, "role": role, **fields}


def read(record: dict[str, Any], **options: Any) -> list[Dialogue]:
    """The dialogues of a record."""
    return RecordReader(**options)(record)[1]


@pytest.mark.parametrize(
    ("root", "path"),
    [
        (node("a", node("b", rank=1), node("c", rank=0)), "ac"),
        (node("a", node("b"), node("c", rank=5)), "ac"),
        (node("a", node("b"), node("c")), "ab"),
        (node("a", node("b", rank=0), node("c", rank=0)), "ab"),
        (node("a", node("b", rank="1.0"), node("c", rank="0.0")), "ac"),
        (node("a", node("b", rank="best"), node("c", rank=3), node("d", rank=float("nan"))), "ac"),
        (node("a", node("b", rank=0, deleted=True), node("c", rank=1)), "ac"),
        (node("a", node("b", rank=0, deleted="False"), node("c", rank=1)), "ab"),
        (node("a", node("b", rank=0, deleted="True"), node("c", rank=1)), "ac"),
        (node("a", node("b", node("d", node("e"))), rank=0), "abde"),
        (node("a", node("b", node("d"))), "abd"),
        (node("a"), "a"),
    ],
)
def test_the_best_path(root: dict[str, Any], path: str) -> None:
    """At each message the living reply of lowest rank is followed, unranked ones last, ties in file order."""
    (dialogue,) = read(tree(root))
    assert "".join(dialogue.texts) == path
    assert dialogue.roles == ("ua" * 3)[: len(path)]
    assert dialogue.id == "T"
    assert dialogue.tags == ",".join(["prompter", "assistant"][: len(path)])


def test_all_paths() -> None:
    """Every path from the root to a leaf is a dialogue, in file order, named by its leaf; deleted branches are not."""
    root = node(
        "a", node("b", node("d"), node("e", deleted=True)), node("c", rank=0), node("f", node("g"), deleted=True)
    )
    dialogues = read(tree(root), paths="all")
    assert [("".join(one.texts), one.id) for one in dialogues] == [("abd", "T/d"), ("ac", "T/c")]
    assert [one.id for one in read(tree(node("a", node("b"))), paths="all")] == ["T"]


def test_a_deleted_root_leaves_an_empty_dialogue() -> None:
    """The record is still one dialogue, so that nothing read is lost from the count."""
    assert read(tree(node("a", node("b"), deleted=True))) == [Dialogue("", [], "", "T", ("deleted",))]


def test_a_thread_is_read_as_it_stands() -> None:
    """A thread is one path already; only deleted messages are left out."""
    thread = [row("a", None), row("b", "a", "assistant"), row("x", "b", deleted=True), row("c", "b")]
    assert RecordReader()({"thread_id": "t", "thread": thread}) == (
        "oasst_thread",
        [Dialogue("uau", ["a", "b", "c"], "prompter,assistant", "t")],
    )


def test_flat_rows_become_trees() -> None:
    """Rows of several trees, in any order, give each tree its replies, and tell which rows it holds."""
    rows = [
        row("c", "b"),
        row("x", None),
        row("b", "a", "assistant", rank=1),
        row("a", None),
        row("y", "x", "assistant"),
        row("d", "a", "assistant", rank=0),
    ]
    assert trees.members(rows) == [[1, 4], [0, 2, 3, 5]]
    found = [RecordReader()(one) for one in trees.group(rows)]
    assert [name for name, _ in found] == ["oasst_message"] * 2
    assert ["".join(dialogue.texts) for _, (dialogue,) in found] == ["xy", "ad"]
    assert rows[3] == row("a", None)  # the rows themselves are left alone


def test_rows_that_carry_their_replies_stay_trees() -> None:
    """A file of roots with nested replies is read like the tree file."""
    nested = [{**with_roles(node(name, node(name * 2, rank=0))), "parent_id": None} for name in "ab"]
    assert all(trees.is_flat_row(one) for one in nested)
    assert [read(one)[0].texts for one in trees.group(nested)] == [["a", "aa"], ["b", "bb"]]


@pytest.mark.parametrize(
    ("rows", "members"),
    [
        ([], []),
        ([row("b", "gone", "assistant")], [[0]]),
        ([row("a", "b"), row("b", "a")], [[0, 1]]),
        ([row("a", "a")], [[0]]),
        ([row("a", None), row("a", None), row("b", "a")], [[0, 2], [1]]),
        ([row("a", ""), row("b", "a")], [[0, 1]]),
        (
            [{**row("a", None), "message_id": None}, row("b", None), {**row("c", None), "parent_id": ["b"]}],
            [[0], [1], [2]],
        ),
        ([{**row("a", None), "message_id": 1}, {**row("b", None), "parent_id": 1}], [[0, 1]]),
    ],
)
def test_broken_links(rows: list[dict[str, Any]], members: list[list[int]]) -> None:
    """Orphans, circles, repeated and missing ids lose no row: each is in one tree."""
    assert trees.members(rows) == members
    assert len(trees.group(rows)) == len(members)


@pytest.mark.parametrize("record", [None, [], "a", {}, {"message_id": "a"}, {"text": "a", "role": "prompter"}])
def test_other_records_are_no_rows(record: Any) -> None:
    """Only a record with all keys of a message is one."""
    assert not trees.is_flat_row(record)


def test_a_row_alone_is_recognised() -> None:
    """A flat row that nobody grouped is a dialogue of one message."""
    assert trees.is_flat_row(row("a", None))
    assert RecordReader()(row("a", "gone", "assistant", message_tree_id="T")) == (
        "oasst_message",
        [Dialogue("a", ["a"], "assistant", "T")],
    )


IDS = st.none() | st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(IDS, IDS), max_size=12))
@settings(max_examples=200, deadline=None)
def test_every_row_is_in_exactly_one_tree(links: list[tuple[str | None, str | None]]) -> None:
    """Whatever the links say, the trees divide the rows, and hold as many messages as there are rows."""
    rows = [{**row("", parent), "message_id": name, "text": str(i)} for i, (name, parent) in enumerate(links)]
    assert sorted(i for members in trees.members(rows) for i in members) == list(range(len(rows)))
    for one, members in zip(trees.group(rows), trees.members(rows), strict=True):
        assert sorted(int(text) for text in _texts(one)) == members


def _texts(root: dict[str, Any]) -> list[str]:
    return [root["text"], *(text for reply in root["replies"] for text in _texts(reply))]


def test_a_deep_tree_needs_no_recursion() -> None:
    """A chain of 50,000 rows is grouped and read."""
    rows = [row(str(i), str(i - 1) if i else None) for i in range(50_000)]
    (one,) = trees.group(rows)
    assert len(read(one)[0].texts) == len(read(one, paths="all")[0].texts) == 50_000
