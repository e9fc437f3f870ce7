"""A batch that the kernel has walked, as the tables of its dialogues, messages and findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from ultraqa.analysis import arrow, defects
from ultraqa.analysis.metrics import COLUMNS, COUNTS
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from ultraqa.analysis.words import Words
    from ultraqa.dialogues.batch import Batch


def _columns(words: Words, tokens: NDArray[np.int32] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Message columns and dialogue columns of one batch."""
    messages = {column.name: column.map(words) for column in COLUMNS if column.level == "message"}
    if tokens is not None:
        messages["tokens"] = tokens
    folds = {column.name: column.fold for column in COLUMNS if column.level == "message"}
    dialogues = {column.name: column.map(words) for column in COLUMNS if column.level == "dialogue"}
    for name, values in messages.items():
        dialogues |= _folds(words.batch, name, values, folds.get(name, "sum"))
    return messages, dialogues


def _folds(batch: Batch, name: str, values: NDArray[Any], fold: str) -> dict[str, NDArray[Any]]:
    """A message column as columns of its dialogue and of the dialogue's roles: sums, or means over defined messages."""
    d = len(batch)
    owner = np.repeat(np.arange(d), np.diff(batch.dialogue_offsets))
    group = 2 * owner + batch.roles
    if fold == "mean":
        defined = ~np.isnan(values)
        sums = np.bincount(group[defined], weights=values[defined], minlength=2 * d).reshape(d, 2)
        counts = np.bincount(group[defined], minlength=2 * d).reshape(d, 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            means, whole = sums / counts, sums.sum(axis=1) / counts.sum(axis=1)
        return {name: whole, f"{name}_user": means[:, USER], f"{name}_assistant": means[:, ASSISTANT]}
    sums = np.bincount(group, weights=values, minlength=2 * d).reshape(d, 2).astype(np.int64)
    found = {name: sums.sum(axis=1), f"{name}_user": sums[:, USER], f"{name}_assistant": sums[:, ASSISTANT]}
    if name in COUNTS:
        users = np.flatnonzero(batch.roles == USER)
        prompt = np.zeros(d, np.int64)
        prompt[owner[users[::-1]]] = values[users[::-1]]
        found[f"{name}_prompt"] = prompt
    return found


def dialogue_columns() -> list[str]:
    """Names of the columns of numbers that the pass gives every dialogue, tokens apart."""
    names = []
    for column in COLUMNS:
        names.append(column.name)
        if column.level == "message":
            names += [f"{column.name}_user", f"{column.name}_assistant"]
        if column.name in COUNTS:
            names.append(f"{column.name}_prompt")
    return sorted(names)


def tables(words: Words, tokens: NDArray[np.int32] | None, plain: dict[str, NDArray[np.uint64]]) -> dict[str, pa.Table]:
    """Dialogues, messages and findings of one batch.

    Args:
        words: the batch, walked.
        tokens: a column of the messages where tokens are counted.
        plain: columns of the dialogues, hashes of short texts, where near-duplicates are sought.
    """
    batch = words.batch
    messages, dialogues = _columns(words, tokens)
    counts = np.diff(batch.dialogue_offsets)
    owner = np.repeat(np.arange(len(batch)), counts)
    position = np.arange(len(owner)) - np.repeat(batch.dialogue_offsets[:-1], counts)
    return {
        "dialogues": arrow.table(
            {
                "id": arrow.strings(batch.ids),
                "path": arrow.strings(batch.paths),
                "start": arrow.numbers(batch.spans[:, 0]),
                "end": arrow.numbers(batch.spans[:, 1]),
                "format": arrow.strings(batch.formats),
                "roles": arrow.strings(batch.turns),
                "role_tags": arrow.strings(batch.tags),
                "empty_turns": arrow.numbers(batch.empty_turns),
                "origin": arrow.strings(batch.origins),
                **{name: arrow.numbers(values) for name, values in dialogues.items()},
                **{name: arrow.numbers(values) for name, values in plain.items()},
                **{
                    f"teacher_{vendor}": arrow.numbers(counts)
                    for vendor, counts in defects.find(words).teachers.items()
                },
                **{f"field.{name}": _field(values) for name, values in batch.fields.items()},
            }
        ),
        "messages": arrow.table(
            {
                "dialogue": arrow.numbers(owner),
                "position": arrow.numbers(position.astype(np.int32)),
                "role": arrow.numbers(batch.roles),
                **{name: arrow.numbers(values) for name, values in messages.items()},
                "flags": arrow.numbers(defects.find(words).flags),
                "hash": arrow.numbers(words.message_hash),
            }
        ),
        "findings": _findings(words, dialogues, owner, position),
    }


def _field(values: list[Any]) -> pa.Array:
    """A record field as text; what is not text as compact JSON."""
    return arrow.strings(
        [v if v is None or isinstance(v, str) else orjson.dumps(v, default=str).decode() for v in values]
    )


def _findings(
    words: Words, dialogues: dict[str, NDArray[Any]], owner: NDArray[np.int64], position: NDArray[np.int64]
) -> pa.Table:
    """Evidence of one batch: readers' notices, offending dialogues and messages of each flag, unreadable records.

    A row of a message has the characters ``start`` to ``end`` of its text, one of a dialogue (message -1) the bytes of
    its record, one of an unreadable record (dialogue -1) its bytes.
    """
    batch, hits = words.batch, defects.find(words).hits
    rows: list[tuple[int, int, str, int, int, str]] = [
        (d, -1, notice, int(batch.spans[d, 0]), int(batch.spans[d, 1]), "") for d, notice in batch.notices
    ]
    for column in COLUMNS:
        if column.flag and column.name in hits:
            rows += [
                (int(owner[one.message]), int(position[one.message]), column.name, one.start, one.end, one.detail)
                for one in hits[column.name]
            ]
        elif column.flag:
            counts = dialogues[column.name]
            rows += [
                (int(d), -1, column.name, int(batch.spans[d, 0]), int(batch.spans[d, 1]), f"{counts[d]} {column.unit}")
                for d in np.flatnonzero(counts)
            ]
    rows += [(-1, -1, "unreadable", u.start, u.end, f"{u.path}: line {u.line}: {u.reason}") for u in batch.unreadable]
    dialogue, message, finding, start, end, detail = zip(*rows, strict=True) if rows else ((), (), (), (), (), ())
    return arrow.table(
        {
            "dialogue": arrow.numbers(np.array(dialogue, np.int64)),
            "message": arrow.numbers(np.array(message, np.int32)),
            "finding": arrow.strings(finding),
            "start": arrow.numbers(np.array(start, np.int64)),
            "end": arrow.numbers(np.array(end, np.int64)),
            "detail": arrow.strings(detail),
        }
    )
