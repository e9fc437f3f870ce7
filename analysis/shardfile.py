"""A measured shard and its file: tables as Arrow streams and states as arrays, mapped and not copied when read."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from ultraqa.analysis import arrow
from ultraqa.analysis.corpus import Part, SampleState, prompt_hashes
from ultraqa.analysis.language import ScriptState
from ultraqa.analysis.metrics import SAMPLE, SCRIPTS
from ultraqa.analysis.shingles import BINS
from ultraqa.dialogues.writing import atomically

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ultraqa.analysis.shingles import Sketches
    from ultraqa.analysis.words import Words


class Measured(NamedTuple):
    """A finished shard: its small states at hand, its tables in its file.

    Attributes:
        file: the shard file.
        hashes: shape (d,), content hash of each dialogue.
        prompts: shape (d,), hash of each first user message.
        sample: see ``corpus``.
        scripts: see ``language``.
        records: records read.
        unreadable: records that could not be read.
    """

    file: Path
    hashes: NDArray[np.uint64]
    prompts: NDArray[np.uint64]
    sample: SampleState
    scripts: ScriptState
    records: int
    unreadable: int

    def sketches(self, scope: str) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
        """The dialogues of the shard that have a sketch of their text of this scope, and the sketches (k, 128)."""
        stored = read_arrays(self.file)
        return stored[f"sketched.{scope}"], stored[f"sketches.{scope}"].reshape(-1, BINS)

    def table(self, name: str) -> pa.Table:
        """The table "dialogues", "messages" or "findings" of the shard."""
        return pa.ipc.open_stream(pa.py_buffer(read_arrays(self.file)[name])).read_all()


def states_of(words: Words, cuts: dict[str, int | None], sketches: dict[str, Sketches]) -> dict[str, Any]:
    """States of one batch; ``cuts`` spare what could not stay in the sample."""
    batch = words.batch
    return {
        "hashes": words.dialogue_hash,
        "prompts": prompt_hashes(words),
        "sample": SAMPLE.map(words, cuts),
        "scripts": SCRIPTS.map(words),
        "records": int(np.diff(batch.spans, axis=0, prepend=-1).any(axis=1).sum()),
        "unreadable": len(batch.unreadable),
        "dialogues": len(batch),
        "sketches": sketches,
    }


def save(file: Path, tables: list[dict[str, pa.Table]], states: list[dict[str, Any]]) -> Measured:
    """Write one shard's tables and states, dialogue numbers counted from the shard's first; the states."""
    starts = np.cumsum([0, *(state["dialogues"] for state in states)])
    stored: dict[str, Any] = {}
    for name in ("dialogues", "messages", "findings"):
        parts = [shifted(table[name], int(start)) for table, start in zip(tables, starts, strict=False)]
        stored[name] = _bytes_of(pa.concat_tables(parts, promote_options="permissive"))
    measured = Measured(
        file=file,
        hashes=np.concatenate([state["hashes"] for state in states]),
        prompts=np.concatenate([state["prompts"] for state in states]),
        sample=SAMPLE.merge([state["sample"] for state in states]),
        scripts=SCRIPTS.merge([state["scripts"] for state in states]),
        records=sum(state["records"] for state in states),
        unreadable=sum(state["unreadable"] for state in states),
    )
    stored |= {name: np.asarray(getattr(measured, name)) for name in _ARRAYS}
    for scope in states[-1]["sketches"]:
        some = [state["sketches"][scope] for state in states]
        stored[f"sketched.{scope}"] = np.concatenate(
            [one.sketched + start for one, start in zip(some, starts, strict=False)]
        )
        stored[f"sketches.{scope}"] = np.concatenate([one.values for one in some])
    write_arrays(file, stored | pack("sample", measured.sample) | pack("scripts", measured.scripts))
    return measured


_ARRAYS: Final = ("hashes", "prompts", "records", "unreadable")


def write_arrays(file: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write named arrays as one Arrow record of their bytes, which is read by mapping the file and not copied."""
    columns, described = [], []
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).reshape(-1)
        ends = pa.py_buffer(np.array([0, data.nbytes], np.int64))
        columns.append(pa.Array.from_buffers(pa.large_binary(), 1, [None, ends, pa.py_buffer(data)]))
        described.append(pa.field(name, pa.large_binary(), metadata={"dtype": data.dtype.str}))
    schema = pa.schema(described)
    with atomically(file) as partial, pa.OSFile(str(partial), "wb") as out, pa.ipc.new_file(out, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def read_arrays(file: Path) -> dict[str, NDArray[Any]]:
    """The arrays that ``write_arrays`` wrote, each flat."""
    batch = pa.ipc.open_file(pa.memory_map(str(file))).get_batch(0)
    return {
        field_.name: np.frombuffer(column.buffers()[2] or b"", np.dtype(field_.metadata[b"dtype"].decode()))
        for field_, column in zip(batch.schema, batch.columns, strict=True)
    }


def shifted(table: pa.Table, start: int) -> pa.Table:
    """A table whose dialogue numbers are counted from ``start``; -1 (no dialogue) stays."""
    if "dialogue" not in table.column_names:
        return table
    numbers = arrow.array(table["dialogue"])
    return table.set_column(0, "dialogue", arrow.numbers(np.where(numbers >= 0, numbers + start, numbers)))


def _bytes_of(table: pa.Table) -> NDArray[np.uint8]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return np.frombuffer(sink.getvalue(), np.uint8)


def pack(prefix: str, state: Any) -> dict[str, Any]:
    """A state as named arrays, nested states with longer names."""
    found: dict[str, Any] = {}
    for attribute in fields(state):
        value = getattr(state, attribute.name)
        name = f"{prefix}.{attribute.name}"
        found |= pack(name, value) if isinstance(value, Part) else {name: np.asarray(value)}
    return found


def _part(stored: dict[str, NDArray[Any]], prefix: str) -> Part:
    return Part(**{attribute.name: stored[f"{prefix}.{attribute.name}"] for attribute in fields(Part)})


def load(file: Path) -> Measured:
    """A finished shard's states from its file."""
    stored = read_arrays(file)
    size = int(stored["sample.size"][0])
    sample = SampleState(size, _part(stored, "sample.user"), _part(stored, "sample.assistant"))
    scripts = ScriptState(stored["scripts.letters"], stored["scripts.dialogues"], int(stored["scripts.without"][0]))
    arrays = {name: stored[name] for name in _ARRAYS}
    counts = {name: int(arrays.pop(name)[0]) for name in ("records", "unreadable")}
    return Measured(file=file, sample=sample, scripts=scripts, **arrays, **counts)  # type: ignore[arg-type]
