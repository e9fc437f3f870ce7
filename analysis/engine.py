"""The pass: shards are read, walked once by the kernel and measured in threads, each into one file; files make resume.

A finished shard is ``shards/INDEX-KEY.arrow``, named by the hash of its data and of all parameters, so a run that was
killed goes on where it was, and a file of other data or parameters is never taken for it. Shards are folded in file
order.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
import orjson
import pyarrow as pa

from ultraqa.analysis import arrow, lexical, shape
from ultraqa.analysis.corpus import EMPTY_SAMPLE, PARTS, Part, Sample, SampleState, cut, prompt_hashes
from ultraqa.analysis.language import Scripts, ScriptState
from ultraqa.analysis.pieces import PieceCache, PieceLog, Pieces
from ultraqa.analysis.pieces import load as load_pieces
from ultraqa.analysis.pieces import tokens as count_tokens
from ultraqa.analysis.words import Words, Workspace, scan
from ultraqa.dialogues.batch import ASSISTANT, USER, Batch, BatchBuilder
from ultraqa.dialogues.reading import ReadOptions, Shard, batches
from ultraqa.dialogues.writing import atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SHARD_BYTES: Final = 8 << 20
"""Size of a shard, which is lost when a run is killed, and the grain of parallel work."""
_HELD_TEXT: Final = 24 << 20
SCHEMA: Final = 1
"""Version of the Profile's files; a Profile of another version is measured anew."""

COLUMNS: Final = (*shape.COLUMNS, *lexical.COLUMNS)
SAMPLE: Final = Sample()
SCRIPTS: Final = Scripts()
METRICS: Final = (*COLUMNS, SAMPLE, SCRIPTS)
"""Every stage-one metric: the one list."""

COUNTS: Final = ("words", "characters", "tokens")
"""Message columns that are also columns of the prompt."""


@dataclass(frozen=True)
class Measures:
    """What a Profile is made with; all of it stands in ``profile.json`` and in the names of shard files.

    Attributes:
        read: how records become dialogues.
        tokens: count pieces of the tokenizer of everything, of a sample, or not at all.
        tokenizer: a ``tokenizer.json``, None for the LLaMA tokenizer of the UltraChat table.
        seed: of all random draws.
    """

    read: ReadOptions = field(default_factory=ReadOptions)
    tokens: Literal["all", "sample", "none"] = "all"
    tokenizer: Path | None = None
    seed: int = 0

    def pieces(self) -> Pieces | None:
        """The tokenizer, None where no tokens are counted."""
        return None if self.tokens == "none" else load_pieces(self.tokenizer)

    def parameters(self) -> dict[str, Any]:
        """Everything that the numbers depend on beside the data, as JSON values without paths."""
        pieces = self.pieces()
        named = {"name": pieces.name, "sha256": pieces.sha256} if pieces else None
        versions = {metric.name: metric.version for metric in COLUMNS}
        return {
            "schema": SCHEMA, "seed": self.seed, "tokens": self.tokens, "tokenizer": named,
            "read": asdict(self.read), "metrics": versions,
        }  # fmt: skip


class Measured(NamedTuple):
    """A finished shard: its small states at hand, its tables in its file.

    Attributes:
        file: the shard file.
        hashes: shape (d,), content hash of each dialogue.
        prompts: shape (d,), hash of each first user message.
        replies: shape (assistant messages,), hash of each, 0 for an empty one.
        reply_owner: shape (assistant messages,), dialogue of each, within the shard.
        sample: see ``corpus``.
        scripts: see ``language``.
        records: records read.
        unreadable: records that could not be read.
    """

    file: Path
    hashes: NDArray[np.uint64]
    prompts: NDArray[np.uint64]
    replies: NDArray[np.uint64]
    reply_owner: NDArray[np.int64]
    sample: SampleState
    scripts: ScriptState
    records: int
    unreadable: int

    def table(self, name: str) -> pa.Table:
        """The table "dialogues", "messages" or "findings" of the shard."""
        return pa.ipc.open_stream(pa.py_buffer(read_arrays(self.file)[name])).read_all()


class Engine:
    """Measures the shards of one dataset with a number of threads."""

    def __init__(self, measures: Measures, folder: Path, workers: int) -> None:
        self.measures = measures
        self.folder = folder
        self.workers = workers
        self._pieces = measures.pieces() if measures.tokens == "all" else None
        self._log = PieceLog()
        self._local = threading.local()
        self._cuts: dict[str, int | None] = {}
        self._samples: list[SampleState] = [EMPTY_SAMPLE]

    def run(
        self, shards: Sequence[tuple[Shard, str]], advance: Callable[[Shard], None] = lambda _: None
    ) -> Iterator[Measured]:
        """Finished shards in file order.

        Args:
            shards: each with a hash of the whole dataset, on which its sample depends.
            advance: called with every shard that is done.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(self.workers, thread_name_prefix="ultraqa") as pool:
            waiting: list[tuple[Shard, Future[Measured]]] = []
            todo = iter(enumerate(shards))
            try:
                while True:
                    for i, (shard, digest) in todo:  # a few ahead only: results wait in files, not in memory
                        waiting.append((shard, pool.submit(self._visit, i, shard, digest)))
                        if len(waiting) > self.workers:
                            break
                    if not waiting:
                        return
                    shard, future = waiting.pop(0)
                    yield self._folded(future.result())
                    advance(shard)
            finally:
                for _, future in waiting:
                    future.cancel()

    def _folded(self, measured: Measured) -> Measured:
        """Keep a shard's sample with those before it, and learn which dialogues of later shards cannot stay."""
        self._samples.append(measured.sample)
        self._cuts = {name: cut([getattr(sample, name) for sample in self._samples]) for name in PARTS}
        if sum(len(sample.user.text) + len(sample.assistant.text) for sample in self._samples) > _HELD_TEXT:
            self._samples = [SAMPLE.merge(self._samples)]
        return measured._replace(sample=EMPTY_SAMPLE)

    def sample(self) -> SampleState:
        """The sample of all shards that ``run`` has given."""
        self._samples = [SAMPLE.merge(self._samples)]
        return self._samples[0]

    def _visit(self, index: int, shard: Shard, digest: str) -> Measured:
        place = [shard.source.path, shard.start, shard.end, shard.container]
        key = hashlib.sha256(orjson.dumps([digest, *place, self.measures.parameters()])).hexdigest()[:16]
        file = self.folder / f"{index:06d}-{key}.arrow"
        return load(file) if file.exists() else self._measure(shard, file)

    def _measure(self, shard: Shard, file: Path) -> Measured:
        if not hasattr(self._local, "workspace"):
            self._local.workspace = Workspace()
            self._local.cache = PieceCache(self._log)
        cuts, tables, states = self._cuts, [], []
        for batch in chain([BatchBuilder(self.measures.read.fields).batch()], batches(shard, self.measures.read)):
            words = scan(batch, self._local.workspace)
            tokens = count_tokens(batch, self._pieces, self._local.cache) if self._pieces else None
            tables.append(_tables(words, tokens))
            states.append(_states(words, cuts))
        return _save(file, tables, states)


def return_memory() -> None:
    """Give freed memory back to the system: allocators keep it for threads that are gone (glibc only)."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


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


def _tables(words: Words, tokens: NDArray[np.int32] | None) -> dict[str, pa.Table]:
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
                **{name: arrow.numbers(values) for name, values in dialogues.items()},
                **{f"field.{name}": _field(values) for name, values in batch.fields.items()},
            }
        ),
        "messages": arrow.table(
            {
                "dialogue": arrow.numbers(owner),
                "position": arrow.numbers(position.astype(np.int32)),
                "role": arrow.numbers(batch.roles),
                **{name: arrow.numbers(values) for name, values in messages.items()},
                "hash": arrow.numbers(words.message_hash),
            }
        ),
        "findings": _findings(batch, dialogues),
    }


def _field(values: list[Any]) -> pa.Array:
    """A record field as text; what is not text as compact JSON."""
    return arrow.strings(
        [v if v is None or isinstance(v, str) else orjson.dumps(v, default=str).decode() for v in values]
    )


def _findings(batch: Batch, dialogues: dict[str, NDArray[Any]]) -> pa.Table:
    """Evidence of one batch: readers' notices, offending dialogues of each flag, unreadable records (row -1)."""
    rows: list[tuple[int, int, str, int, int, str]] = [
        (d, -1, notice, int(batch.spans[d, 0]), int(batch.spans[d, 1]), "") for d, notice in batch.notices
    ]
    for column in COLUMNS:
        if column.flag:
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


def _states(words: Words, cuts: dict[str, int | None]) -> dict[str, Any]:
    batch = words.batch
    replies = batch.roles == ASSISTANT
    owner = np.repeat(np.arange(len(batch)), np.diff(batch.dialogue_offsets))
    return {
        "hashes": words.dialogue_hash,
        "prompts": prompt_hashes(words),
        "replies": np.where(words.characters > 0, words.message_hash, 0)[replies].astype(np.uint64),
        "reply_owner": owner[replies],
        "sample": SAMPLE.map(words, cuts),
        "scripts": SCRIPTS.map(words),
        "records": len({(a, b) for a, b in batch.spans.tolist()}),
        "unreadable": len(batch.unreadable),
        "dialogues": len(batch),
    }


def _save(file: Path, tables: list[dict[str, pa.Table]], states: list[dict[str, Any]]) -> Measured:
    """Write one shard's tables and states, dialogue numbers counted from the shard's first; the states."""
    starts = np.cumsum([0, *(state["dialogues"] for state in states)])
    stored: dict[str, Any] = {}
    for name in ("dialogues", "messages", "findings"):
        parts = [shifted(table[name], int(start)) for table, start in zip(tables, starts, strict=False)]
        stored[name] = _bytes_of(pa.concat_tables(parts, promote_options="permissive"))
    owners = [state["reply_owner"] + start for state, start in zip(states, starts, strict=False)]
    measured = Measured(
        file=file,
        hashes=np.concatenate([state["hashes"] for state in states]),
        prompts=np.concatenate([state["prompts"] for state in states]),
        replies=np.concatenate([state["replies"] for state in states]),
        reply_owner=np.concatenate(owners),
        sample=SAMPLE.merge([state["sample"] for state in states]),
        scripts=SCRIPTS.merge([state["scripts"] for state in states]),
        records=sum(state["records"] for state in states),
        unreadable=sum(state["unreadable"] for state in states),
    )
    stored |= {name: np.asarray(getattr(measured, name)) for name in _ARRAYS}
    write_arrays(file, stored | pack("sample", measured.sample) | pack("scripts", measured.scripts))
    return measured


_ARRAYS: Final = ("hashes", "prompts", "replies", "reply_owner", "records", "unreadable")


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
