"""Semantic duplicates on published dialogues: what a cosine means, by encoder, and what the search costs and misses.

    ULTRAQA_REAL_DATA=FOLDER python benchmarks/semantic.py [--encoders static,minilm] [--profiles DIR] [--out FILE.md]
    ULTRAQA_REAL_DATA=FOLDER python benchmarks/semantic.py --show .95 [--encoders static] [--profiles DIR]

``results/semantic_labels.csv`` says of 316 pairs (a dialogue and the earlier one most like it, drawn by bin of cosine)
whether both ask for the same thing and answer it the same way. The labels were made by a language model that read the
texts, not by a person. ``--show`` prints the texts of the labelled pairs from a cosine up. MiniLM takes ten minutes;
``--profiles`` keeps what was measured for the next run.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np

import ultraqa
from ultraqa.analysis.encoders import resolve
from ultraqa.analysis.part import part_of
from ultraqa.analysis.semantic_duplicates import semantic_duplicates, semantic_kept
from ultraqa.analysis.statistics import wilson
from ultraqa.analysis.vector_search import cosines, one_thread
from ultraqa.analysis.vectors import space, units

FILES = (
    "alpaca/alpaca_data.json",
    "sharegpt/sharegpt_train_small.jsonl",
    "codealpaca/code_alpaca_2k.json",
    "gpteacher/roleplay-simple-deduped-roleplay-instruct.json",
    "lima/lima.json",
    "baize/train_conversation.jsonl",
    "rasbt_instruction/instruction-examples.json",
)
FIRST = {"static": 60_000, "minilm": 20_000}
"""Records of a file that an encoder reads."""
BINS = (0.85, 0.9, 0.925, 0.95, 0.975, 1.01)
LABELS = Path(__file__).parent / "results" / "semantic_labels.csv"
EDITED = {"static": 2_000, "minilm": 400}
SEED = 7
READING = """\
Written by `benchmarks/semantic.py`; labels by a language model (`semantic_labels.csv`), not by a person.

A pair is the same where both ask for the same thing and answer it the same way. The others are mostly one exercise with
other numbers or another length, code or markup that differs in a detail, two tasks on one long text, and parts of one
conversation that was split (ShareGPT)."""
HEAD = (
    "| vectors | all pairs by faiss, CPU-s | exact, CPU-s | found | approximate, CPU-s | found | recall that it prints "
    "| recall against exact | SemDeDup-style, CPU-s | dropped |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
)


class Vectors(NamedTuple):
    """Vectors of a dataset's dialogues and the rows of the distinct ones that have one."""

    profile: ultraqa.Profile
    vectors: np.ndarray
    rows: np.ndarray


def measured(file: str, encoder: str, folder: Path) -> Vectors:
    """A dataset's vectors; its Profile is kept in a folder."""
    path = Path(os.environ["ULTRAQA_REAL_DATA"]) / "data" / file
    kept = folder / f"{path.stem}.{encoder}.ultraqa"
    if (kept / "profile.json").is_file():
        profile = ultraqa.Profile(kept)
    else:
        text = path.read_text()
        found = json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
        profile = ultraqa.profile(
            found[: FIRST[encoder]], kept, name=path.stem, embedder=encoder, tokens="none", vectors="all"
        )
    part = part_of(profile)
    known = space(part)
    if known is None:
        raise SystemExit(f"{path.stem} has no vectors")
    return Vectors(profile, known.dialogues, np.flatnonzero(part.distinct & known.dialogues.any(axis=1)))


def nearest_earlier(vectors: np.ndarray) -> np.ndarray:
    """Cosine of each vector with the most similar earlier one."""
    found = np.full(len(vectors), -1.0)
    for first in range(0, len(vectors), 512):
        products = vectors[first : first + 512] @ vectors[: first + 512].T
        rows = first + np.arange(len(products))
        products[rows[:, None] <= np.arange(products.shape[1])] = -1
        found[rows] = products.max(axis=1)
    return found


def counted(values: np.ndarray) -> np.ndarray:
    """Number of values in each bin."""
    return np.histogram(values, BINS)[0]


def labelled(encoder: str) -> list[dict[str, str]]:
    """The labelled pairs of an encoder."""
    with LABELS.open() as lines:
        return [row for row in csv.DictReader(lines) if row["encoder"] == encoder]


def precision(encoder: str, known: dict[str, Vectors]) -> list[str]:
    """Pairs by bin of cosine, and the share of the labelled ones that are the same."""
    lines = [f"| {encoder} | " + " | ".join(f"{a:g}–{min(b, 1):g}" for a, b in pairwise(BINS)) + " |"]
    lines.append("|---|" + "--:|" * (len(BINS) - 1))
    for name, one in known.items():
        pairs = counted(nearest_earlier(one.vectors[one.rows]))
        lines.append(f"| {name}: {len(one.rows):,} distinct dialogues | " + " | ".join(map(str, pairs)) + " |")
    labels = [row for row in labelled(encoder) if row["dataset"] in known]
    at = [similarity(known, row) for row in labels]
    for title, chosen in (("Alpaca", ("alpaca_data",)), ("the others", tuple(known.keys() - {"alpaca_data"}))):
        here = [(c, int(row["same"])) for c, row in zip(at, labels, strict=True) if row["dataset"] in chosen]
        cells = [share([same for c, same in here if a <= c < b]) for a, b in pairwise(BINS)]
        lines.append(f"| same request and same answer, {title} | " + " | ".join(cells) + " |")
    every = [int(row["same"]) for c, row in zip(at, labels, strict=True) if c >= 0.95]
    return [*lines, "", f"From .95 up, all datasets: {share(every)}."]


def similarity(known: dict[str, Vectors], row: dict[str, str]) -> float:
    """Cosine of a labelled pair."""
    vectors = known[row["dataset"]].vectors
    return float(cosines(vectors, np.array([int(row["row"])]), vectors, np.array([int(row["other"])]))[0])


def share(same: list[int]) -> str:
    """A share of labels with its 95 % interval."""
    if not same:
        return "–"
    low, high = wilson(sum(same) / len(same), len(same))
    return f"{sum(same)} of {len(same)} ({low:.2f}–{high:.2f})"


def edits(encoder: str, folder: Path) -> list[str]:
    """Share of edited copies of Alpaca dialogues that reach a cosine."""
    one = measured(FILES[0], encoder, folder)
    rng = np.random.default_rng(SEED)
    rows = np.sort(rng.choice(one.rows, EDITED[encoder], replace=False))
    texts = [dialogue.texts for dialogue in one.profile.texts(rows.tolist())]
    words = np.array(" ".join(text for pair in texts for text in pair).split())

    def dropped(text: str, p: float) -> str:
        return " ".join(word for word in text.split(" ") if rng.random() >= p)

    def replaced(text: str, p: float) -> str:
        return " ".join(word if rng.random() >= p else str(rng.choice(words)) for word in text.split(" "))

    def renumbered(text: str) -> str:
        return re.sub(r"\d", lambda _: str(rng.integers(10)), text)

    kinds = {
        "5 % of words dropped": lambda text: dropped(text, 0.05),
        "10 % dropped": lambda text: dropped(text, 0.1),
        "20 % dropped": lambda text: dropped(text, 0.2),
        "10 % replaced by others": lambda text: replaced(text, 0.1),
        "lower case": str.lower,
        "last fifth cut": lambda text: text[: len(text) * 4 // 5],
        "every digit drawn anew (another exercise)": renumbered,
    }
    used, lines = resolve(encoder), ["| edit | dialogues | cosine ≥ .9 | ≥ .95 | ≥ .975 |", "|---|--:|--:|--:|--:|"]
    for kind, edit in kinds.items():
        chosen = [pair for pair in texts if "digit" not in kind or re.search(r"\d", "".join(pair))]
        plain, other = embedded(used, chosen), embedded(used, [[edit(text) for text in pair] for pair in chosen])
        at = (plain * other).sum(axis=1)
        cells = (f"{(at >= t).mean():.2f}" for t in (0.9, 0.95, 0.975))
        lines.append(f"| {kind} | {len(chosen)} | {' | '.join(cells)} |")
    return lines


def embedded(encoder: Any, dialogues: list[list[str]]) -> np.ndarray:
    """Unit vectors of dialogues of two messages, as a Profile has them."""
    found = encoder.encode([text for dialogue in dialogues for text in dialogue])
    weighted = (found.vectors * np.asarray(found.weights)[:, None]).reshape(len(dialogues), 2, -1).sum(axis=1)
    return weighted / np.maximum(1e-9, np.linalg.norm(weighted, axis=1, keepdims=True))


def cost(name: str, vectors: np.ndarray, threshold: float) -> list[str]:
    """CPU-seconds of each way to search, what it finds, and what an approximate one says that it finds."""
    lines = []
    for n in sorted({min(n, len(vectors)) for n in (10_000, 25_000, len(vectors))}):
        some = np.ascontiguousarray(vectors[:n])
        start = time.process_time()
        with one_thread():
            index = faiss.IndexFlatIP(some.shape[1])
            index.add(some)
            index.search(some, 2)
        plain = time.process_time() - start
        cells = [f"{plain:.1f}"]
        found = {}
        for exact in (len(some), 0):
            start = time.process_time()
            one = found[exact] = semantic_duplicates(some, threshold, exact=exact)
            cells += [f"{time.process_time() - start:.1f}", str((one.of >= 0).sum())]
        missed = (found[len(some)].of >= 0) & (found[0].of < 0)
        said = "–" if found[0].recall is None else f"{found[0].recall:.3f} of {found[0].recall_of}"
        cells += [said, f"{1 - missed.sum() / max(1, (found[len(some)].of >= 0).sum()):.4f}"]
        start = time.process_time()
        dropped = int((~semantic_kept(some, threshold)).sum())
        cells += [f"{time.process_time() - start:.1f}", str(dropped)]
        lines.append(f"| {name}, {n:,}, ≥ {threshold:g} | " + " | ".join(cells) + " |")
    return lines


def recombined(one: Vectors, n: int) -> np.ndarray:
    """More vectors of the kind: each the mean of two dialogues of a topic, one in twenty a near-copy of another."""
    rng = np.random.default_rng(SEED)
    order = one.rows[np.argsort(one.profile.column("topic")[one.rows], kind="stable")]
    first = rng.integers(0, len(order), n)
    second = np.clip(first + rng.integers(-300, 300, n), 0, len(order) - 1)
    found = units(one.vectors[order[first]] + one.vectors[order[second]])
    copies, copied = rng.permutation(n)[: n // 20], rng.integers(0, n, n // 20)
    noise = rng.uniform(0, 0.45, (n // 20, 1)) * units(rng.normal(size=(n // 20, found.shape[1])).astype(np.float32))
    found[copies] = units(found[copied] + noise.astype(np.float32))
    return found


def show(known: dict[str, Vectors], encoder: str, least: float) -> None:
    """Print the texts of labelled pairs."""
    for row in labelled(encoder):
        if row["dataset"] in known and (cosine := similarity(known, row)) >= least:
            print(f"\n{row['dataset']} {row['row']} {row['other']} {cosine:.3f} same={row['same']}")
            for dialogue in known[row["dataset"]].profile.texts([int(row["row"]), int(row["other"])]):
                print("  ", json.dumps([text[:300] for text in dialogue.texts[:4]], ensure_ascii=False))


def main() -> None:
    """Measure, print, and write where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoders", default="static")
    parser.add_argument("--profiles", type=Path)
    parser.add_argument("--show", type=float)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    lines = ["# What a cosine says of two dialogues, and what looking for them costs", "", READING]
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.profiles or Path(temporary)
        for encoder in given.encoders.split(","):
            known = {Path(file).stem: measured(file, encoder, folder) for file in FILES}
            if given.show is not None:
                show(known, encoder, given.show)
                continue
            lines += ["", f"## {encoder}: pairs of a dialogue and the earlier one most like it, by cosine", ""]
            lines += precision(encoder, known)
            lines += ["", f"## {encoder}: edited copies of Alpaca dialogues", "", *edits(encoder, folder)]
            alpaca = known["alpaca_data"]
            vectors = alpaca.vectors[alpaca.rows]
            lines += ["", f"## {encoder}: the search on Alpaca, in one thread", "", *HEAD]
            lines += [line for threshold in (0.9, 0.95) for line in cost(encoder, vectors, threshold)]
            if encoder == "static":
                lines += cost("Alpaca recombined", recombined(alpaca, 100_000), 0.95)[-1:]
    if given.show is None:
        print("\n".join(lines))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
