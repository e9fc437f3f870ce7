"""Duplicates of a dataset in every scope, copies and near ones, as columns of its dialogues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ultraqa.analysis import arrow
from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.analysis.near_duplicates import THRESHOLD, Found, Scope, copies, near_duplicates, repeats, sketched
from ultraqa.analysis.shingles import BINS, SHINGLE, SHORT, SUFFIXES, Template
from ultraqa.analysis.tables import dialogue_columns
from ultraqa.analysis.template import MIN_DIALOGUES, MIN_SHARE, FoundTemplate, find_template
from ultraqa.analysis.verification import Units, sketches
from ultraqa.analysis.words import intern
from ultraqa.dialogues.batch import ASSISTANT
from ultraqa.dialogues.sources import DataError
from ultraqa.dialogues.writing import atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from ultraqa.analysis.assembly import Folded
    from ultraqa.analysis.rereading import Origin

SIGNATURES: Final = "signatures{}.npy"
"""Files of the sketches of distinct texts of 25 words or more, without template, one for each scope's suffix."""

TEMPLATE: Final = "template.npy"
"""The shingles that are template, as hashes."""
GREETING: Final = 8
"""Words from which a prompt that stands twice counts as copied: shorter ones are greetings, "continue" and the like."""
PAIRS: Final = "pairs.parquet"
"""All verified pairs: scope, row and position of both texts, and how similar they are."""


_SINGLE: Final = ("assistant", "message")


class Deduplicated(NamedTuple):
    """Columns of the d dialogues, and what a report shows beside them."""

    columns: dict[str, pa.Array]
    document: dict[str, Any]


def deduplicate(
    folder: Path,
    folded: Folded,
    origin: Origin,
    near: str,
    representative: str,
    announce: Callable[[int, int], None] = lambda *_: None,
) -> Deduplicated:
    """Duplicates of dialogues, prompts, replies and messages.

    Args:
        folder: the Profile's, for the sketches.
        folded: the pass.
        origin: where the texts are.
        near: "auto" finds near-duplicates of dialogues and prompts, "all" also of replies and messages, "none" of none;
            copies are found in any case.
        representative: see ``engine.Measures``.
        announce: called with the messages to be sketched and the bytes of their sketches, before they are written.
    """
    scopes = [
        _scope("dialogue", folded, folded.hashes, representative),
        _scope("prompt", folded, folded.prompts, representative),
    ]
    owner = folded.owners()
    if near == "none":
        found = [copies(scope) for scope in scopes]
        single = (repeats(name, _hashes(name, folded)) for name in _SINGLE)
        found += [_of_dialogues(one, owner, len(folded.hashes)) for one in single]
        return Deduplicated({**_columns(found), **_copied(folded, owner)}, {})
    units = scopes[0].units
    known = find_template(origin, units.rows, units.words, folded.hashes[units.rows])
    _save(folder / TEMPLATE, known.template.hashes)
    found = [_near(folder, folded, origin, scope, known.template) for scope in scopes]
    pairs = [_pairs(scope, one) for scope, one in zip(scopes, found, strict=True)]
    if near == "all":
        announce(*_sizes(folded))
    for name in _SINGLE:  # one after the other: there are many messages
        if near == "all":
            scope = _messages(name, folded, owner, representative)
            one = _near_messages(folder, origin, scope, known.template)
            pairs.append(_pairs(scope, one))
        else:
            one = repeats(name, _hashes(name, folded))
        found.append(_of_dialogues(one, owner, len(folded.hashes)))
    with atomically(folder / PAIRS) as partial:
        pq.write_table(pa.concat_tables(pairs), partial, compression="lz4", write_statistics=False)
    share = {"template_share": arrow.numbers(found[0].template_share)}
    return Deduplicated({**_columns(found), **share, **_copied(folded, owner)}, _document(known, representative, found))


def copied_replies(hashes: NDArray[np.uint64], owner: NDArray[np.int64], size: int) -> NDArray[np.int32]:
    """Replies of 25 words or more that equal one of an earlier dialogue byte for byte; lower = less copied.

    Shorter replies are said again by chance.

    Args:
        hashes: shape (m,), of all messages, 0 for those that are no such reply.
        owner: shape (m,), dialogue of each.
        size: dialogues.
    """
    earlier = exact_duplicates(hashes)
    copied = np.flatnonzero(earlier >= 0)
    copied = copied[owner[earlier[copied]] != owner[copied]]
    return np.bincount(owner[copied], minlength=size).astype(np.int32)


def copied_prompts(hashes: NDArray[np.uint64]) -> NDArray[np.int32]:
    """1 where a first user message of 8 words or more equals that of an earlier dialogue; lower = less copied.

    Shorter ones, greetings above all, are said again by chance.

    Args:
        hashes: shape (d,), of the first user messages, 0 for those that are shorter.
    """
    return (exact_duplicates(hashes) >= 0).astype(np.int32)


def _copied(folded: Folded, owner: NDArray[np.int64]) -> dict[str, pa.Array]:
    replies = np.where(folded.message("words") >= SHORT, _hashes("assistant", folded), np.uint64(0))
    prompts = np.where(folded.column("words_prompt") >= GREETING, folded.prompts, np.uint64(0))
    return {
        "copied_replies": arrow.numbers(copied_replies(replies, owner, len(folded.hashes))),
        "copied_prompts": arrow.numbers(copied_prompts(prompts)),
    }


def check_representative(name: str) -> None:
    """Refuse what no text can be preferred by.

    Raises:
        DataError: it is neither "first" nor "longest" nor a column of numbers that the pass gives the dialogues.
    """
    names = dialogue_columns()
    if name not in {"first", "longest"} and name.removeprefix("-") not in names:
        raise DataError(
            f"{name!r} is no column to keep the best of: choose first, longest or one of {', '.join(names)}"
        )


def _document(known: FoundTemplate, representative: str, found: list[Found]) -> dict[str, Any]:
    template = {
        "dialogues": MIN_DIALOGUES, "share": MIN_SHARE, "counted": known.counted, "shingles": len(known.template),
        "phrases": known.phrases,
    }  # fmt: skip
    return {
        "threshold": THRESHOLD, "words": SHINGLE, "representative": representative,
        "scopes": [one.document for one in found], "template": template,
    }  # fmt: skip


def _sizes(folded: Folded) -> tuple[int, int]:
    """Messages of 25 words or more, of the assistant counted once more, and bytes of their sketches at most."""
    long = folded.message("words") >= SHORT
    total = int(long.sum()) + int((long & (folded.message("role") == ASSISTANT)).sum())
    return total, 2 * BINS * total


def _scope(name: str, folded: Folded, hashes: NDArray[np.uint64], representative: str) -> Scope:
    """The dialogues or their prompts; a hash of 0 says that there is no text."""
    of, first = _distinct(hashes)
    words = folded.column(f"words{SUFFIXES[name]}")
    units = Units(name, first, np.zeros(len(first), np.int64), words[first])
    return Scope(name, units, of, _rank(representative, folded, words, np.arange(len(words))))


def _messages(name: str, folded: Folded, owner: NDArray[np.int64], representative: str) -> Scope:
    """All messages, or those of the assistant, but empty ones."""
    of, first = _distinct(_hashes(name, folded))
    words = folded.message("words").astype(np.int64)
    units = Units("message", owner[first], folded.message("position")[first].astype(np.int64), words[first])
    return Scope(name, units, of, _rank(representative, folded, words, owner))


def _hashes(name: str, folded: Folded) -> NDArray[np.uint64]:
    """Hashes of all messages, 0 for an empty one and, where only the assistant's count, for a user's."""
    chosen = folded.message("characters") > 0
    if name == "assistant":
        chosen &= folded.message("role") == ASSISTANT
    return np.where(chosen, folded.message("hash"), np.uint64(0))


def _distinct(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of the distinct text of each text, -1 where there is none, and where each distinct one stands first."""
    present = np.flatnonzero(hashes)
    of = np.full(len(hashes), -1, np.int64)
    of[present], first = intern(hashes[present])
    return of, present[first]


def _rank(representative: str, folded: Folded, words: NDArray[np.int64], owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rank of each text, the first to be kept 0; ``owner`` is its dialogue."""
    if representative == "first":
        return np.arange(len(words))
    values = words if representative == "longest" else folded.column(representative.removeprefix("-"))[owner]
    order = np.argsort(values if representative.startswith("-") else -values, kind="stable")  # undefined ones last
    rank = np.empty(len(words), np.int64)
    rank[order] = np.arange(len(words))
    return rank


def _near(folder: Path, folded: Folded, origin: Origin, scope: Scope, template: Template) -> Found:
    """Near-duplicates of a scope whose sketches were made by the pass."""
    plain = folded.column(f"plain_hash{SUFFIXES[scope.name]}")[scope.units.rows]
    values = _stored(folder, scope, len(sketched(scope.units, plain)), _passed(folded, scope))
    return near_duplicates(origin, scope, plain, values, template)


def _passed(folded: Folded, scope: Scope) -> Iterator[NDArray[np.uint16]]:
    """The sketches of distinct texts that the pass has made, shard by shard."""
    first = np.zeros(len(scope.of), np.bool_)
    first[scope.units.rows] = True
    row = 0
    for one in folded.shards:
        rows, values = one.sketches(scope.name)
        yield values[first[row + rows]]
        row += len(one.hashes)


def _near_messages(folder: Path, origin: Origin, scope: Scope, template: Template) -> Found:
    """Near-duplicates of single messages, whose sketches are made now."""
    plain = np.zeros(len(scope.units), np.uint64)

    def values() -> Iterator[NDArray[np.uint16]]:
        at = 0
        for part in sketches(origin, scope.units, template):
            plain[at : at + len(part.plain)] = part.plain
            at += len(part.plain)
            yield part.values

    stored = _stored(folder, scope, int((scope.units.words >= SHORT).sum()), values())
    return near_duplicates(origin, scope, plain, stored, template)


def _stored(folder: Path, scope: Scope, size: int, parts: Iterable[NDArray[np.uint16]]) -> NDArray[np.uint16]:
    """Sketches in a file of their own, mapped: they are larger than all that is held in memory."""
    file = folder / SIGNATURES.format(SUFFIXES[scope.name])
    if size:
        found: NDArray[np.uint16] = np.asarray(np.lib.format.open_memmap(file, "w+", np.uint16, (size, BINS)))
    else:  # nothing cannot be mapped
        found = np.empty((0, BINS), np.uint16)
        _save(file, found)
    at = 0
    for part in parts:
        found[at : at + len(part)] = part
        at += len(part)
    return found


def _save(file: Path, values: NDArray[Any]) -> None:
    with atomically(file) as partial, partial.open("wb") as out:
        np.save(out, values)


def _pairs(scope: Scope, found: Found) -> pa.Table:
    """The verified pairs of a scope, by the places of their texts."""
    (first, second), units = found.verified.pairs.T, scope.units
    columns: dict[str, NDArray[Any]] = {
        "row": units.rows[first], "position": units.positions[first],
        "other": units.rows[second], "other_position": units.positions[second],
        **found.verified.similarity._asdict(),
    }  # fmt: skip
    names = {"scope": arrow.strings([scope.name] * len(first))}
    return arrow.table({**names, **{name: arrow.numbers(values) for name, values in columns.items()}})


def _columns(found: list[Found]) -> dict[str, pa.Array]:
    columns: dict[str, pa.Array] = {}
    for suffix, one in zip(SUFFIXES.values(), found, strict=True):
        columns |= {
            f"duplicate_of{suffix}": arrow.numbers(one.duplicate_of, one.duplicate_of < 0),
            f"duplicate_kind{suffix}": _kinds(one),
            f"near_duplicate{suffix}": arrow.numbers(one.near.astype(np.int32)),
            f"similarity{suffix}": arrow.numbers(one.similarity),
            f"cluster{suffix}": arrow.numbers(one.cluster, one.cluster < 0),
        }
        if one.document["scope"] in _SINGLE:
            columns[f"exact_duplicates{suffix}"] = arrow.numbers(one.exact.astype(np.int32))
    return columns


def _kinds(found: Found) -> pa.Array:
    kinds = np.where(found.duplicate_of < 0, "", np.where(found.near > 0, "near", "exact")).tolist()
    return arrow.strings([kind or None for kind in kinds])


def _of_dialogues(found: Found, owner: NDArray[np.int64], size: int) -> Found:
    """What was found of messages, for their dialogues: of the first duplicate in each, and how many are which."""
    listed = np.flatnonzero(found.duplicate_of >= 0)
    dialogue, first = np.unique(owner[listed], return_index=True)
    message = listed[first]
    duplicate_of, cluster = np.full((2, size), -1, np.int64)
    similarity = np.full(size, np.nan)
    duplicate_of[dialogue] = owner[found.duplicate_of[message]]
    cluster[dialogue] = owner[found.cluster[message]]
    similarity[dialogue] = found.similarity[message]
    exact, near = (np.bincount(owner[marked > 0], minlength=size) for marked in (found.exact, found.near))
    return Found(duplicate_of, similarity, exact, near, cluster, found.template_share, found.verified, found.document)
