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
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson
import pyarrow as pa

from ultraqa.analysis.corpus import EMPTY_SAMPLE, PARTS, SampleState, cut
from ultraqa.analysis.metrics import COLUMNS, SAMPLE
from ultraqa.analysis.pieces import PieceCache, PieceLog, Pieces
from ultraqa.analysis.pieces import load as load_pieces
from ultraqa.analysis.pieces import tokens as count_tokens
from ultraqa.analysis.shardfile import Measured, load, save, states_of
from ultraqa.analysis.shingles import SCOPES, SUFFIXES, sketch
from ultraqa.analysis.tables import tables
from ultraqa.analysis.words import Workspace, scan
from ultraqa.dialogues.batch import BatchBuilder
from ultraqa.dialogues.reading import ReadOptions, Shard, batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ultraqa.analysis.encoders import Encoder
    from ultraqa.analysis.questions import Questions


SHARD_BYTES: Final = 8 << 20
"""Size of a shard, which is lost when a run is killed, and the grain of parallel work."""
_HELD_TEXT: Final = 24 << 20
SCHEMA: Final = 2
"""Version of the Profile's files; a Profile of another version is measured anew."""


@dataclass(frozen=True)
class Measures:
    """What a Profile is made with; all of it stands in ``profile.json`` and in the names of shard files.

    Attributes:
        read: how records become dialogues.
        tokens: count pieces of the tokenizer of everything, of a sample, or not at all.
        tokenizer: a ``tokenizer.json``, None for the LLaMA tokenizer of the UltraChat table.
        embedder: name of the encoder, as ``encoders.resolve`` knows it; "none" for no vectors and no text measures.
        vectors: "all" looks at every dialogue, "auto" at 10,000 drawn ones where there is too much.
        seed: of all random draws.
        duplicates: near-duplicates of dialogues and prompts ("auto"), also of single messages ("all"), or copies only.
        representative: which of near-duplicates is kept: "first", "longest", or the one of highest value in a column
            of the dialogues (of lowest, with "-" before its name).
        contamination: files of questions of benchmarks that are looked for.
    """

    read: ReadOptions = field(default_factory=ReadOptions)
    tokens: Literal["all", "sample", "none"] = "all"
    tokenizer: Path | None = None
    embedder: str = "none"
    vectors: Literal["auto", "all"] = "auto"
    seed: int = 0
    duplicates: Literal["auto", "all", "none"] = "none"
    representative: str = "first"
    contamination: tuple[str, ...] = ()

    @cached_property
    def encoder(self) -> Encoder | None:
        """What makes vectors, None for none; found and loaded once."""
        if self.embedder == "none":
            return None
        from ultraqa.analysis.encoders import resolve  # noqa: PLC0415  (only where vectors are made)

        return resolve(self.embedder)

    @cached_property
    def questions(self) -> Questions | None:
        """Questions of benchmarks, None for none; read once."""
        if not self.contamination:
            return None
        from ultraqa.analysis.questions import read_questions  # noqa: PLC0415  (only where they are asked for)

        return read_questions(self.contamination, ReadOptions(mapping=self.read.mapping))

    def pieces(self) -> Pieces | None:
        """The tokenizer, None where no tokens are counted."""
        return None if self.tokens == "none" else load_pieces(self.tokenizer)

    def parameters(self) -> dict[str, Any]:
        """Everything that the numbers depend on beside the data, as JSON values without paths."""
        pieces = self.pieces()
        named = {"name": pieces.name, "sha256": pieces.sha256} if pieces else None
        encoder = self.encoder
        encoding = {"name": encoder.name, "sha256": encoder.sha256, "drawn": self.vectors} if encoder else None
        duplicates = {"near": self.duplicates, "representative": self.representative}
        benchmarks = [[one.name, one.sha256] for one in self.questions.benchmarks] if self.questions else []
        versions = {metric.name: metric.version for metric in COLUMNS}
        return {
            "schema": SCHEMA, "seed": self.seed, "tokens": self.tokens, "tokenizer": named, "encoder": encoding,
            "read": asdict(self.read), "metrics": versions, "duplicates": duplicates,
            "contamination": benchmarks,
        }  # fmt: skip


class Engine:
    """Measures the shards of one dataset with a number of threads."""

    def __init__(self, measures: Measures, folder: Path, workers: int) -> None:
        self.measures = measures
        self.folder = folder
        self.workers = workers
        self._parameters = measures.parameters()
        self._pieces = measures.pieces() if measures.tokens == "all" else None
        self._log = self._pieces.log if self._pieces else PieceLog()
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
        key = hashlib.sha256(orjson.dumps([digest, *place, self._parameters])).hexdigest()[:16]
        file = self.folder / f"{index:06d}-{key}.arrow"
        return load(file) if file.exists() else self._measure(shard, file)

    def _measure(self, shard: Shard, file: Path) -> Measured:
        if not hasattr(self._local, "workspace"):
            self._local.workspace = Workspace()
            self._local.cache = PieceCache(self._log)
        cuts, found, states = self._cuts, [], []
        for batch in chain([BatchBuilder(self.measures.read.fields).batch()], batches(shard, self.measures.read)):
            words = scan(batch, self._local.workspace)
            tokens = count_tokens(batch, self._pieces, self._local.cache) if self._pieces else None
            sketches = {}
            if self.measures.duplicates != "none":
                sketches = {scope: sketch(batch, words.hashes, bounds(batch)) for scope, bounds in SCOPES.items()}
            plain = {f"plain_hash{SUFFIXES[scope]}": one.plain for scope, one in sketches.items()}
            found.append(tables(words, tokens, plain))
            states.append(states_of(words, cuts, sketches))
        return save(file, found, states)


def return_memory() -> None:
    """Give freed memory back to the system: allocators keep it for threads that are gone (glibc only)."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
