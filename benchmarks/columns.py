"""What each column costs: CPU-seconds per 100 MB of JSONL, stage by stage of the kernel and column by column beside it.

    python benchmarks/columns.py FILE.jsonl [--repeat 5]

A stage's cost is the difference between a kernel that stops behind it and one that stops before it, each the minimum of
the repeats; the first 50 MB of the file are used. A new column that breaks the bar of the whole pass is seen here.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import numba as nb
import numpy as np

from ultraqa.analysis import characters, metrics, shardfile, tables, words
from ultraqa.analysis.pieces import PieceCache, PieceLog, load
from ultraqa.dialogues.reading import batches, shards
from ultraqa.dialogues.sources import datasets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ultraqa.dialogues.batch import Batch

STAGES = (
    "masks of separators", "both word streams", "content hash, characters", "word ids", "mtld_paper", "mtld",
    "mattr_50", "word counts", "hdd, yule_k", "duplicated_5grams",
)  # fmt: skip
USED_BYTES = 50_000_000


def kernel(stage: int) -> Any:  # noqa: C901  (the compiled loop, written out as in the kernel)
    """The kernel's stages up to ``stage``, compiled without what follows."""

    @nb.njit(nogil=True, error_model="numpy")
    def run(size, message_offsets, dialogue_offsets, classes, scripts, lower, b, text64, letters, found):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0912, PLR0917
        words._masks(text64, (size >> 6) + 2, b.separators, b.odd)
        scratch64 = b.scratch.view(np.uint64)
        half = (len(b.scratch) >> 4) << 3
        ids, paper, hashes, extra, keys, slots = b.ids, b.paper, b.hashes, b.extra, b.keys, b.slots
        seen, counts, kinds, spectrum, grams, extra_ids = b.seen, b.counts, b.kinds, b.spectrum, b.grams, b.extra_ids
        ends, paper_ends = np.empty(100_000, np.int64), np.empty(100_000, np.int64)
        generation = seen[-1]
        for d in range(len(dialogue_offsets) - 1):
            begin, finish = dialogue_offsets[d], dialogue_offsets[d + 1]
            n, n_extra, n_paper = 0, 0, 0
            for i in range(begin, finish):
                if stage >= 1:
                    n, n_extra, n_paper, _, _ = words._tokenise(
                        message_offsets[i], message_offsets[i + 1], classes, scripts, lower, b, text64, scratch64, half,
                        n, n_extra, n_paper, letters,
                    )  # fmt: skip
                ends[i - begin], paper_ends[i - begin] = n, n_paper
                if stage >= 2:
                    _, found[i, 0] = words._content_hash(text64, message_offsets[i], message_offsets[i + 1])
            if stage >= 3:
                table = 16
                while table < 2 * (n + n_extra):
                    table *= 2
                for k in range(table):
                    keys[k] = 0
                known = words._intern(hashes, n, keys, slots, np.uint64(table - 1), ids, 0)
                words._intern(extra, n_extra, keys, slots, np.uint64(table - 1), extra_ids, known)
                for k in range(n_paper):
                    reference = paper[k]
                    paper[k] = ids[np.uint32(reference)] if reference >= 0 else extra_ids[np.uint32(~reference)]
            first, paper_first = 0, 0
            for i in range(begin, finish):
                last, paper_last = ends[i - begin], paper_ends[i - begin]
                if stage >= 4 and paper_last > paper_first:
                    found[i, 1] = words._mtld(paper, paper_first, paper_last, seen, generation, True)
                    generation += 2 * (paper_last - paper_first) + 4
                if stage >= 5 and last - first >= 50:
                    found[i, 2] = words._mtld(ids, first, last, seen, generation, False)
                    generation += 2 * (last - first) + 4
                if stage >= 6 and last - first >= 50:
                    found[i, 3] = words._mattr(ids, first, last, counts, 50)
                if stage >= 7:
                    n_kinds = words._count(ids, first, last, counts, kinds)
                    if stage >= 8 and last - first >= 50:
                        found[i, 4], found[i, 5] = words._hdd_yule(last - first, counts, kinds, n_kinds, spectrum)
                    if stage >= 9:
                        found[i, 6] = words._duplicated_5grams(ids, first, last, counts, grams, keys)
                    for k in range(n_kinds):
                        counts[kinds[k]] = 0
                first, paper_first = last, paper_last
        seen[-1] = generation

    return run


def seconds(job: Callable[[Batch], object], read: Sequence[Batch], repeat: int) -> float:
    """Least CPU-seconds of a job over all batches; the first round compiles and does not count."""
    best = float("inf")
    for turn in range(repeat + 1):
        start = time.process_time()
        for batch in read:
            job(batch)
        if turn:
            best = min(best, time.process_time() - start)
    return best


def kernel_costs(read: Sequence[Batch], repeat: int) -> list[tuple[str, float]]:
    """Each stage of the kernel."""
    workspace = words.Workspace()
    letters = np.zeros(len(characters.SCRIPTS), np.int64)
    found, before = [], 0.0
    for stage, name in enumerate(STAGES):
        run = kernel(stage)

        def job(batch: Batch, run: Any = run) -> None:
            b = words._loaded(workspace, batch.text)
            run(
                len(batch.text), batch.message_offsets, batch.dialogue_offsets, *characters.tables(), b,
                b.text.view(np.uint64), letters, np.zeros((len(batch.roles), 7)),
            )  # fmt: skip

        now = seconds(job, read, repeat)
        found.append((f"kernel: {name}", now - before))
        before = now
    return found


def column_costs(read: Sequence[Batch], repeat: int) -> list[tuple[str, float]]:
    """Each column and state beside the kernel, the folding of columns, the tables."""
    workspace = words.Workspace()
    walked = {id(batch): words.scan(batch, workspace) for batch in read}
    found = [
        (f"column: {column.name}", seconds(lambda batch, c=column: c.map(walked[id(batch)]), read, repeat))
        for column in metrics.COLUMNS
    ]
    found.append(
        ("states: sample, scripts, hashes", seconds(lambda b: shardfile.states_of(walked[id(b)], {}), read, repeat))
    )
    found.append(("tables: folds and Arrow", seconds(lambda b: tables.tables(walked[id(b)], None), read, repeat)))
    pieces, cache = load(), PieceCache(PieceLog())
    found.append(("tokens (all chunks known)", seconds(lambda b: cache.count(b, pieces), read, repeat)))
    return found


def main() -> None:
    """Print the costs of one file as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    source = datasets([options.file])[0].sources[0]
    read, used = [], 0
    for shard in shards(source):
        if used < USED_BYTES:
            read += list(batches(shard))
            used += shard.end - shard.start
    print(f"{used / 1e6:.0f} MB of {source.path}\n\n| stage | CPU-s per 100 MB |\n|---|--:|")
    for name, cost in kernel_costs(read, options.repeat) + column_costs(read, options.repeat):
        print(f"| {name} | {cost / used * 1e8:.3f} |")


if __name__ == "__main__":
    main()
