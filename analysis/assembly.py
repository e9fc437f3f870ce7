"""The files of a Profile from its shards: tables, the sample, copies of what could not be read."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ultraqa.analysis import arrow
from ultraqa.analysis.metrics import SCRIPTS
from ultraqa.analysis.shardfile import Measured, shifted
from ultraqa.dialogues.reading import Shard, pieces
from ultraqa.dialogues.writing import atomically

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ultraqa.analysis.corpus import SampledText, SampleState
    from ultraqa.analysis.language import ScriptState
    from ultraqa.analysis.profile import Profile

CODEC: Final = "lz4"  # zstd costs several times the CPU for a fifth less space
_GROUP_ROWS: Final = 1 << 16
_LISTED_TAGS: Final = 50
TABLES: Final = ("dialogues", "messages", "findings")


class Folded(NamedTuple):
    """All shards of a dataset together."""

    shards: list[Measured]
    hashes: NDArray[np.uint64]
    prompts: NDArray[np.uint64]
    sample: SampleState
    scripts: ScriptState

    @property
    def dialogues(self) -> int:
        """Number of dialogues."""
        return len(self.hashes)

    def column(self, name: str) -> NDArray[Any]:
        """A column of the dialogues of all shards."""
        return np.concatenate([arrow.array(one.table("dialogues")[name]) for one in self.shards])

    def message(self, name: str) -> NDArray[Any]:
        """A column of the messages of all shards."""
        return np.concatenate([arrow.array(one.table("messages")[name]) for one in self.shards])

    def owners(self) -> NDArray[np.int64]:
        """Dialogue of each message."""
        starts = np.cumsum([0, *(len(one.hashes) for one in self.shards)])
        owners = [arrow.array(one.table("messages")["dialogue"]) for one in self.shards]
        return np.concatenate([owner + start for owner, start in zip(owners, starts, strict=False)])

    def places(self) -> pa.Table:
        """Path, start and end of each dialogue's record."""
        return pa.concat_tables([one.table("dialogues").select(["path", "start", "end"]) for one in self.shards])


def fold(found: list[Measured], sample: SampleState) -> Folded:
    """The states of all shards, in file order."""
    return Folded(
        found,
        np.concatenate([one.hashes for one in found]),
        np.concatenate([one.prompts for one in found]),
        sample,
        SCRIPTS.merge([one.scripts for one in found]),
    )


def copy_unreadable(file: Path, read: Sequence[Shard], folded: Folded) -> None:
    """Copy the bytes of unreadable records of JSON sources, a line each, so that they can be mended and read again."""
    file.unlink(missing_ok=True)  # of a run that was killed, of other data
    if not any(one.unreadable for one in folded.shards):
        return
    with atomically(file) as partial, partial.open("wb") as out:
        for shard, one in zip(read, folded.shards, strict=True):
            if one.unreadable and shard.container in {"jsonl", "array", "object"}:
                found = one.table("findings")
                rows = zip(*(found[name].to_pylist() for name in ("finding", "start", "end")), strict=True)
                spans = [(start, end) for finding, start, end in rows if finding == "unreadable"]
                found_bytes = (piece for _, piece, _ in pieces(shard.source, sorted(spans)))
                out.writelines(piece.strip() + b"\n" for piece in found_bytes if isinstance(piece, bytes))


def write_tables(folder: Path, name: str, folded: Folded, duplicates: dict[str, pa.Array]) -> dict[str, dict[str, int]]:
    """Write the three parquet files shard by shard, and count formats and role tags on the way.

    Args:
        folder: the Profile's.
        name: of the dataset.
        folded: the pass.
        duplicates: columns of the dialogues that only the whole dataset tells.
    """
    row = 0
    tallies: dict[str, Counter[str]] = {"format": Counter(), "role_tags": Counter()}
    with ExitStack() as stack:
        writers = {table: _Writer(stack.enter_context(atomically(folder / f"{table}.parquet"))) for table in TABLES}
        for one in folded.shards:
            here = slice(row, row + len(one.hashes))
            dialogues = _whole(one, name, here, duplicates, folded)
            for column, tally in tallies.items():
                tally.update(dialogues[column].to_pylist())
            writers["dialogues"].write(dialogues)
            for table in ("messages", "findings"):
                writers[table].write(shifted(one.table(table), row))
            row = here.stop
        for writer in writers.values():
            writer.close()
    return {
        "formats": dict(tallies["format"].most_common()),
        "role_tags": dict(tallies["role_tags"].most_common(_LISTED_TAGS)),
    }


class _Writer:
    """A parquet file that takes its schema from the first table, in row groups of several shards."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None
        self._held: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        self._held.append(table)
        if sum(map(len, self._held)) >= _GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._writer is None:
            schema = self._held[0].schema
            texts: Any = [
                field.name for field in schema if pa.types.is_large_string(field.type)
            ]  # numbers hardly repeat
            self._writer = pq.ParquetWriter(
                self._path, schema, compression=CODEC, use_dictionary=texts, write_statistics=False
            )
        if self._held:
            self._writer.write_table(pa.concat_tables(self._held))
            self._held = []


def _whole(one: Measured, name: str, here: slice, duplicates: dict[str, pa.Array], folded: Folded) -> pa.Table:
    """A shard's dialogues with their rows and what the whole dataset says of them."""
    table = one.table("dialogues")
    rows = np.arange(here.start, here.stop)
    return arrow.table({
        "dataset": arrow.strings([name] * len(rows)),
        "row": arrow.numbers(rows),
        **dict(zip(table.column_names, table.columns, strict=True)),
        "content_hash": arrow.numbers(folded.hashes[here]),
        "prompt_hash": arrow.numbers(folded.prompts[here]),
        **{column: values[here.start : here.stop] for column, values in duplicates.items()},
    })  # fmt: skip


def add_columns(profile: Profile, columns: dict[str, pa.Array]) -> None:
    """Write a Profile's dialogues anew with more columns; the old file stays until the new one is whole."""
    table = profile.table("dialogues")
    for name, values in columns.items():
        table = table.append_column(name, values)
    texts: Any = [field.name for field in table.schema if pa.types.is_large_string(field.type)]
    with atomically(profile.path / "dialogues.parquet") as partial:
        pq.write_table(table, partial, compression=CODEC, use_dictionary=texts, write_statistics=False)
    profile.forget()


def write_sample(file: Path, samples: dict[str, SampledText]) -> None:
    """Write ``sample.npz``: every part as word ids, with its vocabulary as one text."""
    arrays: dict[str, Any] = {}
    for scope, sample in samples.items():
        for attribute in fields(sample):
            value = getattr(sample, attribute.name)
            if attribute.name == "vocabulary":
                value = np.frombuffer("\n".join(value).encode(), np.uint8)
            arrays[f"{scope}.{attribute.name}"] = value
    with atomically(file) as partial, partial.open("wb") as out:
        np.savez(out, allow_pickle=False, **arrays)
