"""The programs of ``near_peers.py``, each started in the Python that has what it imports, on one processor.

    python near_programs.py make SET TEXTS DIALOGUES EDITS     writes texts and, beside them, who has a twin; the counts
    python near_programs.py search NAME TEXTS FOLDER           searches; what is found or kept goes to FOLDER
    python near_programs.py score NAME FLAGS TEXTS FOLDER      compares that with the truth: recall and precision

A text is a line ``{"id": "17", "text": "..."}``, its id the number of its line. Tools that take texts from memory get
them loaded and are warmed up with some of them; they print what the search alone costs. The others read a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import resource
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from ultraqa.analysis.rereading import Texts

THRESHOLD, PERMUTATIONS = 0.7, 128
SHORT = 25  # words below which ultraqa has a rule of its own
WARM_UP = 400
SETS = {"long": ("ultrachat", (1, 1_000_000)), "short": ("alpaca", (20, 80))}  # form of ``corpus.py``, words
# Shares of words that an edit changes; a text that lost its end stays more similar than one changed all over.
CHANGES, CUTS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05), (0.02, 0.05, 0.1, 0.15, 0.25, 0.35)

# --- searches of texts in memory: the numbers of the texts that have an earlier twin ----------------------------------


def ultraqa(texts: list[str]) -> list[int]:
    """Our own: sketches, then near-duplicates as a report finds them; each text is a dialogue of one message."""
    import numpy as np  # noqa: PLC0415  (only this program's Python has it)

    from ultraqa.analysis import shingles  # noqa: PLC0415
    from ultraqa.analysis.near_duplicates import Scope, near_duplicates  # noqa: PLC0415
    from ultraqa.analysis.rereading import Origin  # noqa: PLC0415
    from ultraqa.analysis.verification import Units  # noqa: PLC0415
    from ultraqa.analysis.words import Workspace, word_hashes  # noqa: PLC0415

    def visit(some: Texts, workspace: Workspace) -> tuple[NDArray[np.int64], shingles.Sketches]:
        words = word_hashes(some.batch, workspace)
        return np.diff(words.offsets), shingles.sketch(some.batch, words, shingles.dialogues(some.batch))

    rows = np.arange(len(texts))
    origin = Origin(partial(batches, texts), workers=1)
    counts, sketches = zip(*origin.walk(rows, visit), strict=True)
    units = Units("dialogue", rows, np.zeros_like(rows), np.concatenate(counts))
    plain = np.concatenate([one.plain for one in sketches])
    values = np.concatenate([one.values for one in sketches])
    found = near_duplicates(origin, Scope("dialogue", units, rows, rows), plain, values)
    # What duplicates a text that is itself dropped has an earlier twin, too.
    flagged: list[int] = np.union1d(np.flatnonzero(found.duplicate_of >= 0), found.verified.pairs[:, 1]).tolist()
    return flagged


def batches(texts: list[str], rows: NDArray[np.int64]) -> Iterator[Texts]:
    """Some of the texts in batches of about 1 MB, as reading them from a file would give them."""
    from ultraqa.analysis.rereading import Texts  # noqa: PLC0415
    from ultraqa.dialogues.batch import BatchBuilder, Dialogue, Record  # noqa: PLC0415
    from ultraqa.dialogues.reading import BATCH_BYTES  # noqa: PLC0415

    builder, first = BatchBuilder(), 0
    for at, row in enumerate(rows.tolist(), 1):
        text = texts[row]
        builder.add("", Record(0, len(text), "benchmark", [Dialogue("a", [text], "")], {}))
        if builder.size >= BATCH_BYTES or at == len(rows):
            yield Texts(rows[first:at], builder.batch())
            builder, first = BatchBuilder(), at


def datasketch(texts: list[str]) -> list[int]:
    """``MinHash.bulk`` with xxhash, an insertion session, and the estimate of what the index gives."""
    datasketch, xxhash = import_module("datasketch"), import_module("xxhash")
    sketches = datasketch.MinHash.bulk(
        (map(b" ".join, fives(" ".join(text.lower().split()).encode().split(b" "))) for text in texts),
        num_perm=PERMUTATIONS,
        hashfunc=xxhash.xxh32_intdigest,
    )
    index = datasketch.MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    with index.insertion_session() as session:
        for i, sketch in enumerate(sketches):
            session.insert(i, sketch, check_duplication=False)
    return [
        i
        for i, sketch in enumerate(sketches)
        if any(j < i and sketch.jaccard(sketches[j]) >= THRESHOLD for j in index.query(sketch))
    ]


def rensa(texts: list[str]) -> list[int]:
    """``RMinHashDeduplicator``, which keeps what resembles nothing that it kept before."""
    keeper = import_module("rensa").RMinHashDeduplicator(threshold=THRESHOLD, num_perm=PERMUTATIONS, use_lsh=True)
    kept = keeper.add_pairs((str(i), list(five_grams(text))) for i, text in enumerate(texts))
    return [i for i, stays in enumerate(kept) if not stays]


def rensa_rho(texts: list[str]) -> list[int]:
    """The pipeline of rensa's own benchmark, which flags both texts of a pair."""
    module = import_module("rensa")
    matrix = module.RMinHash.digest_matrix_from_token_sets_rho(
        (list(five_grams(text)) for text in texts), num_perm=PERMUTATIONS, seed=42, probes=4
    )
    index = module.RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=16)
    return [i for i, flag in enumerate(index.query_duplicate_flags_matrix_one_shot(matrix)) if flag]


def gaoya(texts: list[str]) -> list[int]:
    """Bulk insertion and bulk query of ``MinHashStringIndex`` with the words split in Rust."""
    index = import_module("gaoya").minhash.MinHashStringIndex(
        hash_size=32,
        jaccard_threshold=THRESHOLD,
        num_bands=None,
        band_size=None,
        num_hashes=PERMUTATIONS,
        analyzer="word",
        lowercase=True,
        ngram_range=(5, 5),
        id_container="smallvec",
    )
    index.par_bulk_insert_docs(list(range(len(texts))), texts)
    return [i for i, found in enumerate(index.par_bulk_query(texts)) if min(found, default=i) < i]


def five_grams(text: str) -> Iterator[str]:
    """Word 5-grams of a text, its words being what stands between blanks."""
    return map(" ".join, fives(text.lower().split()))


def fives(words: list[Any]) -> Iterable[tuple[Any, ...]]:
    """Every five consecutive words; the fastest way found in plain Python."""
    return zip(words, words[1:], words[2:], words[3:], words[4:], strict=False)


SEARCHES = {"ultraqa": ultraqa, "datasketch": datasketch, "rensa": rensa, "rensa-rho": rensa_rho, "gaoya": gaoya}

# --- commands that read a file and write what they keep ---------------------------------------------------------------


def data_juicer(path: Path, folder: Path) -> None:
    """``dj-process`` with one step, kept from installing gigabytes as ``datajuicer.py`` says."""

    def refuse(_: type, package: str, *__: object) -> None:
        raise ImportError(f"{package} would have been installed")

    config = folder / "process.yaml"
    config.write_text(
        f"project_name: benchmark\ndataset_path: {path}\nexport_path: {folder / 'kept' / 'result.jsonl'}\n"
        "np: 1\nuse_cache: false\nprocess:\n  - document_minhash_deduplicator:\n"
        f"      num_permutations: {PERMUTATIONS}\n      jaccard_threshold: {THRESHOLD}\n"
        "      num_bands: 14\n      num_rows_per_band: 9\n"  # what it would choose, by scipy, which it does not bring
    )
    loader = import_module("data_juicer.utils.lazy_loader").LazyLoader
    loader._install_package = classmethod(refuse)
    steps: Any = import_module("data_juicer.ops.base_op")
    steps.free_models = lambda *_, **__: None
    sys.argv = ["dj-process", "--config", str(config)]
    import_module("data_juicer.tools.process_data").main()


def datatrove(path: Path, folder: Path) -> None:
    """The four stages of datatrove's example, each in this process."""
    executor = import_module("datatrove.executor").LocalPipelineExecutor
    dedup, readers = import_module("datatrove.pipeline.dedup"), import_module("datatrove.pipeline.readers")
    config = import_module("datatrove.pipeline.dedup.minhash").MinhashConfig(n_grams=5)
    reader = partial(readers.JsonlReader, str(path.parent), glob_pattern=path.name, compression=None)
    writer = import_module("datatrove.pipeline.writers").JsonlWriter(str(folder / "kept"), compression=None)
    signatures, buckets, remove = (str(folder / name) for name in ("signatures", "buckets", "remove"))
    stages = (
        (1, [reader(), dedup.MinhashDedupSignature(signatures, config)]),
        (config.num_buckets, [dedup.MinhashDedupBuckets(signatures, buckets, config=config)]),
        (1, [dedup.MinhashDedupCluster(buckets, remove, config=config)]),
        (1, [reader(), dedup.MinhashDedupFilter(remove), writer]),
    )
    for number, (tasks, steps) in enumerate(stages):
        executor(steps, tasks=tasks, workers=1, logging_dir=str(folder / f"logs{number}")).run()


def text_dedup(path: Path, folder: Path) -> None:
    """``python -m text_dedup.minhash`` with its faster hash."""
    options = {
        "path": "json", "data_files": path, "split": "train", "column": "text", "num_proc": 1,
        "cache_dir": folder / "cache", "output": folder / "kept",
        "num_perm": PERMUTATIONS, "threshold": THRESHOLD, "hash_func": "xxh3", "hash_bits": 32,
    }  # fmt: skip
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    import_module("text_dedup.minhash").main(words, standalone_mode=False)


COMMANDS = {"data-juicer": data_juicer, "datatrove": datatrove, "text-dedup": text_dedup}


def search(name: str, path: Path, folder: Path) -> None:
    """Search with a tool; of one that takes texts from memory, print the cost of the search alone."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if name in COMMANDS:
        COMMANDS[name](path, folder)
        return
    texts = load(path)
    SEARCHES[name](texts[:WARM_UP])
    cpu, wall = time.process_time(), time.perf_counter()
    flagged = SEARCHES[name](texts)
    cost = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    # Linux gives the peak in units of 1,024 bytes.
    print(json.dumps({**cost, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6}))
    (folder / "flagged.json").write_text(json.dumps(flagged))


def load(path: Path) -> list[str]:
    """The texts of a file."""
    with path.open() as lines:
        return [json.loads(line)["text"] for line in lines]


# --- texts and truth --------------------------------------------------------------------------------------------------


def make(name: str, path: Path, count: int, edits: int) -> None:
    """Write dialogues of the long or the short set and edits of some of them, shuffled, and the truth."""
    rng = random.Random(7)  # noqa: S311  (a seeded corpus)
    form, lengths = SETS[name]
    base = dialogues(form, count, lengths)
    texts = base + [edited(rng.choice(base), i, rng) for i in range(edits)]
    rng.shuffle(texts)
    lines = (json.dumps({"id": str(i), "text": text}, ensure_ascii=False) for i, text in enumerate(texts))
    path.write_text("".join(f"{line}\n" for line in lines))
    counts = {
        "texts": len(texts), "edits": edits, "words": sum(len(text.split()) for text in texts),
        "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }  # fmt: skip
    print(json.dumps(counts | write_truth(texts, path)))


def dialogues(form: str, count: int, lengths: tuple[int, int]) -> list[str]:
    """Dialogues of ``corpus.py``, none a copy of another, with so many words; each as one text."""
    from corpus import Source  # noqa: PLC0415  (needs numpy)
    from forms import FORMS  # noqa: PLC0415

    found: list[str] = []
    for lines, _ in Source(FORMS[form], seed=7).blocks():
        for line in lines:
            record = json.loads(line)
            parts = record.get("data") or [record["instruction"], record.get("input"), record["output"]]
            text = "\n".join(filter(None, parts)).strip()
            if lengths[0] <= len(text.split()) <= lengths[1]:
                found.append(text)
        if len(found) >= count:
            break
    return found[:count]


def edited(text: str, number: int, rng: random.Random) -> str:
    """A text with words replaced, inserted or deleted, or without its end; which and how much, by its number."""
    parts = re.split(r"(\s+)", text)
    words, blanks = parts[::2], [*parts[1::2], ""]
    kind, share = number % 4, number // 4 % len(CHANGES)
    if kind == 3:
        kept = len(words) - max(1, round(CUTS[share] * len(words)))
        return "".join(parts[: 2 * kept - 1])
    for _ in range(max(1, round(CHANGES[share] * len(words)))):
        at, word = rng.randrange(len(words)), rng.choice(words)
        if kind == 0:
            words[at] = word
        elif kind == 1:
            words.insert(at, word)
            blanks.insert(at, " ")
        else:
            del words[at], blanks[at]
    return "".join(word + blank for word, blank in zip(words, blanks, strict=True)).strip()


def write_truth(texts: list[str], path: Path) -> dict[str, Any]:
    """Write who has a twin, by both definitions of a word; the counts."""
    import numpy as np  # noqa: PLC0415
    from scipy import sparse  # noqa: PLC0415

    from ultraqa.analysis.words import words  # noqa: PLC0415

    short = np.array([len(words(text)) < SHORT for text in texts])
    truth, pairs = {}, {}
    for definition, split in (("letters", words), ("blanks", lambda text: text.lower().split())):
        found = twins(texts, split)
        edges = sparse.coo_matrix((np.ones(len(found)), tuple(found.T)), (len(texts), len(texts)))
        truth[f"{definition} group"] = sparse.csgraph.connected_components(edges, directed=False)[1]
        for name, numbers in (
            ("later", found[:, 1]),
            ("both", found.ravel()),
            ("from", found[~short[found].any(axis=1)][:, 1]),
        ):
            truth[f"{definition} {name}"] = np.isin(np.arange(len(texts)), numbers)
        pairs[definition] = len(found)
    np.savez(path.with_suffix(".npz"), **truth)
    return {"pairs": pairs, f"under {SHORT} words": int(short.sum())}


def twins(texts: list[str], split: Callable[[str], list[str]]) -> NDArray[np.int64]:
    """All pairs of texts, the earlier first, with a Jaccard similarity of their 5-grams of ``THRESHOLD`` or more."""
    import numpy as np  # noqa: PLC0415
    from scipy import sparse  # noqa: PLC0415

    hashes = [np.unique(np.fromiter(map(hash, fives(split(text))), np.int64)) for text in texts]
    sizes = np.array(list(map(len, hashes)))
    _, columns, counts = np.unique(np.concatenate(hashes), return_inverse=True, return_counts=True)
    shared = counts[columns] > 1  # what only one text has is in no intersection
    rows, columns = np.repeat(np.arange(len(texts)), sizes)[shared], columns[shared]
    matrix = sparse.csr_matrix((np.ones(len(rows), np.int32), (rows, columns)), (len(texts), len(counts)))
    parts = []
    for first in range(0, len(texts), 2_000):
        both = sparse.triu((matrix[first : first + 2_000] @ matrix.T).tocoo(), k=first + 1)
        row, other = both.row + first, both.col
        similar = both.data >= THRESHOLD * (sizes[row] + sizes[other] - both.data)
        parts.append(np.stack([row, other], axis=1, dtype=np.int64)[similar])
    return np.concatenate(parts)


def score(name: str, flags: str, path: Path, folder: Path) -> None:
    """Print how many texts a tool flagged or dropped, and its recall and precision by each definition of a word.

    Args:
        name: of the tool.
        flags: "later" for the later text of each pair, "both" for both, "group" for all but one of connected texts.
        path: the texts, beside which the truth stands.
        folder: where the tool wrote.
    """
    import numpy as np  # noqa: PLC0415

    with np.load(path.with_suffix(".npz")) as file:
        truth = dict(file)
    rows = np.arange(len(truth["letters later"]))
    if name in COMMANDS:
        flagged = ~np.isin(rows, kept(folder / "kept"))
    else:
        flagged = np.isin(rows, json.loads((folder / "flagged.json").read_text()))
    found: dict[str, Any] = {"flagged": int(flagged.sum())}
    for definition in ("letters", "blanks"):
        if flags == "group":
            group = truth[f"{definition} group"]
            spare = np.bincount(group) - 1
            right, wanted = int(np.minimum(np.bincount(group[flagged], minlength=len(spare)), spare).sum()), spare.sum()
        else:
            twin = truth[f"{definition} {flags}"]
            right, wanted = int((twin & flagged).sum()), twin.sum()
        found[definition] = {
            "wanted": int(wanted), "recall": share(right, int(wanted)), "precision": share(right, found["flagged"]),
        }  # fmt: skip
        if flags == "later":
            long = truth[f"{definition} from"]
            found[definition][f"recall from {SHORT} words"] = share(int((long & flagged).sum()), int(long.sum()))
    print(json.dumps(found))


def share(part: int, whole: int) -> float | None:
    """A share, None of nothing."""
    return part / whole if whole else None


def kept(folder: Path) -> list[int]:
    """The numbers of the texts that a command kept, as JSON lines or as an Arrow stream."""
    found = [int(json.loads(line)["id"]) for path in folder.glob("*.jsonl") for line in path.open()]
    for path in folder.glob("*.arrow"):
        with import_module("pyarrow").ipc.open_stream(path) as stream:
            found += map(int, stream.read_all()["id"].to_pylist())
    return found


if __name__ == "__main__":
    verb, arguments = sys.argv[1], sys.argv[2:]
    if verb == "make":
        make(arguments[0], Path(arguments[1]), *map(int, arguments[2:]))
    elif verb == "search":
        search(arguments[0], *map(Path, arguments[1:]))
    else:
        score(arguments[0], arguments[1], *map(Path, arguments[2:]))
