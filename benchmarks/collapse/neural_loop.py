"""A neural loop: a small transformer trained from scratch on real dialogue, then on its own samples, and so on.

ULTRAQA_REAL_DATA=FOLDER python benchmarks/collapse/neural_loop.py WORK [--corpora chitchat topical_chat] [--dry-run]

Human text comes from the package chitchat-dataset and from Topical-Chat. A document is an excerpt of one dialogue:
whole turns in order, up to ``EXCERPT_WORDS`` words, so that it fits the context of the model. Model ``k`` is trained
from new random weights on ``gen{k}.jsonl``; its samples are ``samples{k+1}.jsonl``, and the next training set follows
from the regime:

* replace: the samples alone;
* accumulate: all that was there before, and the samples;
* mix: half of it a new draw of human documents of generation 0, half samples.

Every model sees the same number of optimiser steps, whatever the size of its training set. The runs of one corpus and
seed share model 0 (its weights and therefore its samples at one temperature), so that regimes differ in nothing else.

In WORK/CORPUS lie ``human.jsonl`` (human documents that no model saw), model 0 of each seed, and a folder for each run
with its generations and ``losses.json``. What exists is not made again. Everything follows from the seed,
on one kind of processor: kernels in bfloat16 round each in their own way.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import re
import sys
import time
import zlib
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ultraqa.dialogues.batch import Record, spoken
from ultraqa.dialogues.reading import records
from ultraqa.dialogues.sources import datasets

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    sys.exit(f"The neural loop needs {error.name}: pip install -c constraints.txt torch")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Messages = list[str]
"""The texts of a document, of which the first is the user's."""

DOCUMENTS: Final = 1500
EXCERPT_WORDS: Final = 90
CONTEXT: Final = 144  # units: the longest excerpts of 90 words, with their punctuation and turns
END: Final = 0  # opens and closes a document
TURN: Final = 1

WIDTH: Final = 128
LAYERS: Final = 2
HEADS: Final = 4
BATCH: Final = 16
# Where the loss of model 0 on held-out human text stops falling (chitchat).
STEPS: Final = 300
RATE: Final = 6e-3
MUON_RATE: Final = 0.04

REGIMES: Final = ("replace", "accumulate", "mix")
TEMPERATURES: Final = (1.0, 0.8)


class Corpus(NamedTuple):
    """Where human dialogues lie, and whether one dialogue gives one document or as many as it has words for."""

    file: Callable[[], Path]
    every_excerpt: bool


class Run(NamedTuple):
    """One chain of generations."""

    corpus: str
    regime: str
    temperature: float
    seed: int

    @property
    def name(self) -> str:
        """The folder of the run within that of its corpus."""
        return f"{self.regime}-T{self.temperature}-seed{self.seed}"


def main() -> None:
    """Make every generation of every run that is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="a folder outside the repository: generated text is not committed")
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=list(CORPORA))
    parser.add_argument("--generations", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1, help="of torch; samples are equal only for an equal number")
    parser.add_argument("--dry-run", action="store_true", help="print the runs in their order")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for run in runs():
        if run.corpus not in arguments.corpora:
            continue
        print(f"{run.corpus}/{run.name}", flush=True)
        if not arguments.dry_run:
            chain(arguments.work / run.corpus, run, arguments.generations)


def runs() -> Iterator[Run]:
    """The grid, the runs that matter most first."""
    for seed in (0, 1):
        for regime in REGIMES:
            yield from (Run("chitchat", regime, temperature, seed) for temperature in TEMPERATURES)
    for seed in (0, 1):
        yield from (Run("topical_chat", "replace", temperature, seed) for temperature in TEMPERATURES)
    for regime in REGIMES:
        yield from (Run("chitchat", regime, temperature, 2) for temperature in TEMPERATURES)


# Human text


def _chitchat() -> Path:
    found = importlib.util.find_spec("chitchat_dataset")
    if found is None or found.origin is None:
        sys.exit("The corpus chitchat needs its package: pip install chitchat-dataset==0.9.0")
    return Path(found.origin).with_name("dataset.json")


def _topical_chat() -> Path:
    folder = os.environ.get("ULTRAQA_REAL_DATA")
    if not folder:
        sys.exit(
            "The corpus topical_chat needs ULTRAQA_REAL_DATA=FOLDER, with FOLDER/data/topical_chat/valid_freq.json"
        )
    return Path(folder, "data", "topical_chat", "valid_freq.json")


CORPORA: Final = {
    "chitchat": Corpus(_chitchat, every_excerpt=False),
    "topical_chat": Corpus(_topical_chat, every_excerpt=True),
}


def human(corpus: Corpus) -> tuple[list[Messages], list[Messages]]:
    """Documents for training and documents held out, of different dialogues."""
    (dataset,) = datasets([str(corpus.file())])
    found = [record for source in dataset.sources for record in records(source) if isinstance(record, Record)]
    dialogues = [spoken(dialogue) for record in found for dialogue in record.dialogues]
    order = np.random.default_rng(0).permutation(len(dialogues))
    cut = (list(islice(excerpts(dialogues[at]), None if corpus.every_excerpt else 1)) for at in order)
    parts: tuple[list[Messages], list[Messages]] = ([], [])
    for documents in cut:
        part = parts[len(parts[0]) >= DOCUMENTS]
        part += documents
    return parts[0][:DOCUMENTS], parts[1][:DOCUMENTS]


def excerpts(messages: Messages) -> Iterator[Messages]:
    """Consecutive excerpts of a dialogue: whole turns, at least two, of at most ``EXCERPT_WORDS`` words together."""
    excerpt: Messages = []
    words = 0
    for message in (" ".join(message.split()) for message in messages):
        size = message.count(" ") + 1
        if words + size > EXCERPT_WORDS:
            if len(excerpt) > 1:
                yield excerpt
            excerpt, words = [], 0
        if message and size <= EXCERPT_WORDS:
            excerpt, words = [*excerpt, message], words + size
    if len(excerpt) > 1:
        yield excerpt


def vocabulary(documents: Sequence[Messages]) -> list[str]:
    """The units of a training text, the most frequent first, after two that no text has."""
    counts = Counter(unit for document in documents for message in document for unit in units(message))
    return ["<end>", "<turn>", *sorted(counts, key=lambda unit: (-counts[unit], unit))]


def units(message: str) -> list[str]:
    """Words and runs of punctuation, with the blank before them, so that joined they are the message.

    Whole words: a model of this size that writes words piece by piece invents a tenth of them, and invented words
    hide the loss of real ones.
    """
    return re.findall(r" ?\w+(?:['’]\w+)*| ?[^\w\s]+", f" {message}")


def encoded(known: Sequence[str], documents: Sequence[Messages]) -> list[list[int]]:
    """The units of each document from END to END, turns apart by TURN; units that are not known are left out."""
    index = {unit: at for at, unit in enumerate(known)}
    rows = []
    for document in documents:
        row = [END]
        for message in document:
            row += [index[unit] for unit in units(message) if unit in index]
            row.append(TURN)
        row[-1] = END
        rows.append(row[: CONTEXT + 1])
    return rows


def decoded(known: Sequence[str], row: Sequence[int]) -> Messages:
    """The messages of sampled units (without the first END), without a last one that the context cut off."""
    whole = END in row
    turns: list[list[str]] = [[]]
    for at in row[: row.index(END)] if whole else row:
        if at == TURN:
            turns.append([])
        else:
            turns[-1].append(known[at])
    messages = ("".join(turn).strip() for turn in (turns if whole else turns[:-1]))
    return [message for message in messages if message]


# The model


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.feed_norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.queries_keys_values = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.joined = nn.Linear(WIDTH, WIDTH, bias=False)
        self.feed = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.GELU("tanh"), nn.Linear(4 * WIDTH, WIDTH, bias=False)
        )

    def forward(self, states: Tensor, cache: Tensor | None, at: int) -> Tensor:
        """States after the block; with a cache, of one position each, whose keys and values enter the cache.

        Args:
            states: *Shape:* (batch, positions, width).
            cache: earlier keys and values. *Shape:* (2, batch, heads, context, width / heads).
            at: the position of the states where there is a cache.
        """
        batch, positions, _ = states.shape
        projected = self.queries_keys_values(self.attention_norm(states))
        query, key, value = projected.view(batch, positions, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        if cache is not None:
            cache[0, :, :, at], cache[1, :, :, at] = key[:, :, 0], value[:, :, 0]
            key, value = cache[0], cache[1]
        # Written out: on a CPU it is several times faster than the backward pass of scaled_dot_product_attention.
        scores = query @ key.transpose(2, 3) / math.sqrt(WIDTH // HEADS)
        scores = scores + torch.full((positions, key.shape[2]), -torch.inf).triu(1 + at)
        mixed = scores.softmax(-1).to(value.dtype) @ value
        states = states + self.joined(mixed.transpose(1, 2).reshape(batch, positions, WIDTH))
        fed: Tensor = self.feed(self.feed_norm(states))
        return states + fed


class Model(nn.Module):
    """A decoder-only transformer with learned positions and one table for input and output units."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.units, self.positions = nn.Embedding(size, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        for name, weight in self.named_parameters():
            if "norm" not in name:
                # Outputs into the residual stream start smaller with depth, as in GPT-2.
                deep = name.endswith(("joined.weight", "feed.2.weight"))
                nn.init.normal_(weight, std=0.02 / (math.sqrt(2 * LAYERS) if deep else 1))

    def forward(self, rows: Tensor, caches: Sequence[Tensor | None] = (None,) * LAYERS, at: int = 0) -> Tensor:
        """Logits of the next unit. *Shapes:* (batch, positions) -> (batch, positions, size of the vocabulary)."""
        states = self.units(rows) + self.positions.weight[at : at + rows.shape[1]]
        for block, cache in zip(self.blocks, caches, strict=True):
            states = block(states, cache, at)
        return functional.linear(self.norm(states), self.units.weight)


def losses(model: Model, rows: Sequence[Sequence[int]]) -> Tensor:
    """Nats of every unit after the first of each row, one after the other."""
    padded = nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=-1)
    targets = padded[:, 1:].flatten()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(padded[:, :-1].clamp(min=END)).flatten(0, 1)
    return functional.cross_entropy(logits, targets, ignore_index=-1, reduction="none")[targets >= 0]


def trained(size: int, rows: Sequence[Sequence[int]], seed: int) -> Model:
    """A model trained from random weights for ``STEPS`` steps."""
    torch.manual_seed(seed)
    model = Model(size)
    hidden = [weight for name, weight in model.named_parameters() if "blocks" in name and weight.ndim > 1]
    others = [weight for name, weight in model.named_parameters() if "blocks" not in name or weight.ndim == 1]
    optimizers = (
        torch.optim.Muon(hidden, lr=MUON_RATE, weight_decay=0.01),
        torch.optim.AdamW(others, lr=RATE, betas=(0.9, 0.98), weight_decay=0.01, fused=True),
    )
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(one, lambda step: min((step + 1) / 40, 1 - step / STEPS))
        for one in optimizers
    ]
    for batch in islice(batches(rows, seed), STEPS):
        losses(model, batch).mean().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    return model


def batches(rows: Sequence[Sequence[int]], seed: int) -> Iterator[list[Sequence[int]]]:
    """Endless batches, each row once an epoch.

    Rows of unlike length together: batches of short rows would give their ends more weight, and each generation would
    write shorter documents than the one before.
    """
    random = np.random.default_rng(seed)
    while True:
        order = random.permutation(len(rows))
        yield from ([rows[at] for at in order[start : start + BATCH]] for start in range(0, len(rows), BATCH))


@torch.inference_mode()
def mean_loss(model: Model, rows: Sequence[Sequence[int]]) -> float:
    """Nats a unit."""
    ordered = sorted(rows, key=len)
    found = [losses(model, ordered[start : start + BATCH]) for start in range(0, len(ordered), BATCH)]
    return float(torch.cat(found).double().mean())


@torch.inference_mode()
def sampled(model: Model, n: int, temperature: float, random: torch.Generator) -> list[list[int]]:
    """Sampled rows without their first END, each up to its next END or the end of the context."""
    caches = [torch.zeros(2, n, HEADS, CONTEXT, WIDTH // HEADS, dtype=torch.bfloat16) for _ in range(LAYERS)]
    rows = torch.full((n, CONTEXT + 1), END)
    alive = torch.arange(n)
    for at in range(CONTEXT):
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(rows[alive, at : at + 1], caches, at)[:, 0]
        # The inverse of the cumulated chances: torch.multinomial draws a number for every unit and is slower. In double
        # precision: the rarest units stand last, where a float32 near one cannot tell them apart.
        below = (logits.float() / temperature).softmax(-1).cumsum(-1, dtype=torch.float64)
        drawn = torch.rand(len(alive), 1, dtype=torch.float64, generator=random) * below[:, -1:]
        # Rounding may place the largest draw at the sum itself.
        rows[alive, at + 1] = torch.searchsorted(below, drawn, right=True)[:, 0].clamp(max=below.shape[1] - 1)
        going = (rows[alive, 1 : at + 2] != END).all(dim=1)
        if not bool(going.any()):
            break
        # Rows that have ended run on, unread, until it pays to copy the caches of the others.
        if int(going.sum()) < 0.8 * len(alive):
            alive, caches = alive[going], [cache[:, going] for cache in caches]
    return [row[1:] for row in rows.tolist()]


# The loop


def chain(home: Path, run: Run, generations: int) -> None:
    """Make the missing generations of a run."""
    home.mkdir(parents=True, exist_ok=True)
    first, held_out = human(CORPORA[run.corpus])
    known = vocabulary(first)
    folder = home / run.name
    folder.mkdir(exist_ok=True)
    for path, texts in ((home / "human.jsonl", held_out), (folder / "gen0.jsonl", first)):
        if not path.exists():
            write(path, texts)
    held_out_rows = encoded(known, held_out)
    for generation in range(1, generations + 1):
        if (folder / f"gen{generation}.jsonl").exists():
            continue
        before = read(folder / f"gen{generation - 1}.jsonl")
        rows = encoded(known, before)
        started = time.perf_counter()
        if generation == 1:
            model = first_model(home, run, len(known), rows)
        else:
            model = trained(len(known), rows, _seed(*run, generation))
        halfway = time.perf_counter()
        samples, share = documents(model, known, run, generation)
        note(folder, generation - 1, {
            "documents": len(rows), "units": sum(map(len, rows)) - len(rows),
            "train_loss": mean_loss(model, rows[-DOCUMENTS:]), "human_loss": mean_loss(model, held_out_rows),
            "samples_ended": share, "seconds_training": round(halfway - started, 1),
            "seconds_sampling": round(time.perf_counter() - halfway, 1),
        })  # fmt: skip
        write(folder / f"samples{generation}.jsonl", samples)
        write(folder / f"gen{generation}.jsonl", training_set(run, generation, first, before, samples))


def training_set(
    run: Run, generation: int, first: list[Messages], before: list[Messages], samples: list[Messages]
) -> list[Messages]:
    """What the next model is trained on."""
    if run.regime == "accumulate":
        return before + samples
    if run.regime == "mix":
        half = len(first) // 2
        fresh = np.random.default_rng(_seed(*run, generation)).permutation(len(first))[:half]
        return [first[at] for at in sorted(fresh)] + samples[half:]
    return samples


def first_model(home: Path, run: Run, size: int, rows: Sequence[Sequence[int]]) -> Model:
    """Model 0, trained on human text, which all runs of a corpus and seed share."""
    path = home / f"model0-seed{run.seed}.pt"
    if not path.exists():
        model = trained(size, rows, _seed(run.corpus, run.seed))
        part = path.with_suffix(".part")
        torch.save(model.state_dict(), part)
        part.replace(path)
    model = Model(size)
    model.load_state_dict(torch.load(path, weights_only=True))
    return model


def documents(model: Model, known: Sequence[str], run: Run, generation: int) -> tuple[list[Messages], float]:
    """``DOCUMENTS`` sampled documents of at least two messages, and the share of draws that ended by themselves.

    Raises:
        RuntimeError: hardly any draw has two messages.
    """
    # Without the regime, so that the first samples of all regimes are the same draws of the same model.
    random = torch.Generator().manual_seed(_seed(run.corpus, run.temperature, run.seed, generation))
    found: list[Messages] = []
    drawn = ended = 0
    while len(found) < DOCUMENTS:
        missing = DOCUMENTS - len(found)
        rows = sampled(model, min(DOCUMENTS // 3, missing + missing // 8 + 8), run.temperature, random)
        drawn, ended = drawn + len(rows), ended + sum(END in row for row in rows)
        found += [messages for row in rows if len(messages := decoded(known, row)) > 1]
        if drawn > 20 * DOCUMENTS:
            raise RuntimeError(f"{run}: of {drawn} samples of generation {generation} {len(found)} have two messages")
    return found[:DOCUMENTS], ended / drawn


def _seed(*key: object) -> int:
    return zlib.crc32(repr(key).encode())


# Files


def write(path: Path, documents: Sequence[Messages]) -> None:
    """Write documents as JSONL, all or nothing."""
    roles = ("user", "assistant")
    lines = (
        {"messages": [{"role": roles[at % 2], "content": text} for at, text in enumerate(document)]}
        for document in documents
    )
    _put(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def read(path: Path) -> list[Messages]:
    """The documents of a file that ``write`` wrote."""
    lines = path.read_text("utf-8").split("\n")[:-1]
    return [[message["content"] for message in json.loads(line)["messages"]] for line in lines]


def note(folder: Path, model: int, values: dict[str, Any]) -> None:
    """Add what was measured of a model to ``losses.json``.

    Losses are nats a unit: ``human_loss`` of the human documents held out, ``train_loss`` of the newest documents of
    its training set. ``samples_ended`` is the share of its draws that ended before the context did.
    """
    path = folder / "losses.json"
    known = [one for one in json.loads(path.read_text("utf-8")) if one["model"] != model] if path.exists() else []
    perplexity = math.exp(values["human_loss"])
    _put(path, json.dumps([*known, {"model": model, "human_perplexity": perplexity, **values}], indent=1) + "\n")
    print(f"  model {model}: {values}", flush=True)


def _put(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    part.replace(path)


if __name__ == "__main__":
    main()
