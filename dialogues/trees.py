"""OpenAssistant's trees of replies, in all three published forms: trees, threads and flat rows.

A tree is not a dialogue but a bundle of them, so a path through it must be chosen. By default it is the best-ranked
one: at each message the reply of lowest rank, unranked replies last, ties in file order; a deleted message is passed
over, with all that answers it. ``paths="all"`` reads every path from the root to a leaf; the messages that they share
are then counted once for each.

Flat rows hold one message each and must be brought together before they can be read. A container does it so::

    rows = [record for record in records if trees.is_flat_row(record)]
    for tree, positions in zip(trees.group(rows), trees.members(rows)):
        name, dialogues = reader(tree)  # the dialogues of rows[i] for i in positions, one unit of filtering

A row that already carries its ``replies`` is read as the tree that it is, and grouping keeps them. A flat row that is
read alone gives a dialogue of one message.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ultraqa.dialogues.batch import Dialogue
from ultraqa.dialogues.formats_values import DEFAULT, Mismatch, Options, plain
from ultraqa.dialogues.roles import join_tags, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ROW_KEYS = ("message_id", "parent_id", "text", "role")


def is_flat_row(record: Any) -> bool:
    """Whether the record is one message of a tree, which belongs together with other records."""
    return isinstance(record, dict) and all(key in record for key in _ROW_KEYS)


def group(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Flat rows as trees, in order of their first rows.

    A tree is the row of its root with the rows that answer it under ``replies``, in file order, and so on down. A row
    whose parent is not among the rows is a root; so is the first row of a circle.
    """
    listed = list(rows)
    nodes = [{**row, "replies": [*_replies(row)]} for row in listed]
    trees = []
    for root, children in _structure(listed):
        for parent, child in children:
            nodes[parent]["replies"].append(nodes[child])
        trees.append(nodes[root])
    return trees


def members(rows: Iterable[dict[str, Any]]) -> list[list[int]]:
    """Positions of the rows of every tree that ``group`` makes of the same rows, in the same order."""
    return [sorted([root, *(child for _, child in children)]) for root, children in _structure(list(rows))]


def read_tree(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """OpenAssistant's trees: ``prompt`` is the root message, which holds its ``replies``, and so on down."""
    root = record.get("prompt")
    if not isinstance(root, dict) or "text" not in root:
        raise Mismatch
    name = record.get("message_tree_id")
    return _read(root, root.get("message_id") if name is None else name, options)


def read_row(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """OpenAssistant's flat messages: ``message_id``, ``parent_id``, ``text``, ``role``, ``replies`` once grouped."""
    if not is_flat_row(record):
        raise Mismatch
    name = record.get("message_tree_id")
    return _read(record, record["message_id"] if name is None else name, options)


def read_thread(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """OpenAssistant's threads: ``thread`` is one path, message by message; deleted messages are left out."""
    thread = record.get("thread")
    if not isinstance(thread, list) or not all(isinstance(node, dict) and "text" in node for node in thread):
        raise Mismatch
    return [_dialogue([node for node in thread if not _deleted(node)], record.get("thread_id"), options)]


def _read(root: dict[str, Any], name: Any, options: Options) -> list[Dialogue]:
    if _deleted(root):
        return [Dialogue("", [], "", _name(name), ("deleted",))]
    if options.paths == "best":
        return [_dialogue(_best_path(root), name, options)]
    paths = _all_paths(root)
    if len(paths) == 1:
        return [_dialogue(paths[0], name, options)]
    return [
        _dialogue(path, f"{_name(name)}/{_name(path[-1].get('message_id')) or i}", options)
        for i, path in enumerate(paths)
    ]


def _best_path(root: dict[str, Any]) -> list[dict[str, Any]]:
    path = [root]
    while replies := _living(path[-1]):
        path.append(min(replies, key=_rank))
    return path


def _all_paths(root: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Every path from the root to a leaf, in file order, without recursion: trees of records can be deep."""
    paths = []
    waiting = [(root, 0)]
    path: list[dict[str, Any]] = []
    while waiting:
        node, depth = waiting.pop()
        path[depth:] = [node]
        replies = _living(node)
        if not replies:
            paths.append(list(path))
        waiting.extend((reply, depth + 1) for reply in reversed(replies))
    return paths


def _living(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [reply for reply in _replies(node) if isinstance(reply, dict) and not _deleted(reply)]


def _replies(node: dict[str, Any]) -> Sequence[Any]:
    replies = node.get("replies")
    return replies if isinstance(replies, list | tuple) else ()


def _rank(node: dict[str, Any]) -> float:
    try:
        rank = float(node["rank"])  # a table's cell is text
    except (KeyError, TypeError, ValueError, OverflowError):
        return math.inf
    return math.inf if math.isnan(rank) else rank


def _deleted(node: dict[str, Any]) -> bool:
    deleted = node.get("deleted")
    return deleted is True or (isinstance(deleted, str) and deleted.strip().casefold() == "true")


def _dialogue(path: list[dict[str, Any]], name: Any, options: Options) -> Dialogue:
    tags = [plain(node.get("role")) for node in path]
    letters, flags = resolve(tags, options.roles)
    return Dialogue(letters, [plain(node.get("text")) for node in path], join_tags(tags), _name(name), flags)


def _name(value: Any) -> str | None:
    return None if value is None else plain(value)


def _key(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _structure(rows: list[dict[str, Any]]) -> list[tuple[int, list[tuple[int, int]]]]:
    """Every root with the (parent, child) pairs below it, as positions; each row is in one tree."""
    place: dict[str, int] = {}
    for i, row in enumerate(rows):
        place.setdefault(_key(row.get("message_id")), i)
    place.pop("", None)
    parents = [place.get(_key(row.get("parent_id"))) for row in rows]
    children: list[list[int]] = [[] for _ in rows]
    for i, parent in enumerate(parents):
        if parent is not None:
            children[parent].append(i)
    seen = [False] * len(rows)
    roots = {i for i, parent in enumerate(parents) if parent is None}
    trees = [(i, _below(i, children, seen)) for i in sorted(roots)]
    # Only circles are left: the first row of each becomes a root.
    trees += [(i, _below(i, children, seen)) for i in range(len(rows)) if not seen[i]]
    return sorted(trees)


def _below(root: int, children: list[list[int]], seen: list[bool]) -> list[tuple[int, int]]:
    pairs = []
    seen[root] = True
    waiting = [root]
    for parent in waiting:
        for child in children[parent]:
            if not seen[child]:
                seen[child] = True
                pairs.append((parent, child))
                waiting.append(child)
    return pairs
