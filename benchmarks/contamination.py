"""What decontamination finds: planted copies and near copies, paraphrases, and what published datasets hold.

    ULTRAQA_REAL_DATA=FOLDER python benchmarks/contamination.py [--out FILE.md]

Writes counts, shares and ids, no text. The same data give the same numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import string
import sys
import tempfile
import textwrap
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

import ultraqa
from ultraqa.analysis.contamination import THRESHOLD, contamination
from ultraqa.analysis.contamination_review import LEAST, review
from ultraqa.analysis.encoders import resolve
from ultraqa.analysis.ngrams import GRAM, find, index, overlaps
from ultraqa.analysis.question_overlap import RUN, overlap
from ultraqa.analysis.questions import Questions, hashed, read_questions
from ultraqa.analysis.rereading import Origin, origin_of
from ultraqa.analysis.words import Workspace, words
from ultraqa.dialogues.batch import Record
from ultraqa.dialogues.reading import ReadOptions, records
from ultraqa.dialogues.sources import datasets

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile

CHATS: Final = {
    "Alpaca": "alpaca/alpaca_data.json",
    "ShareGPT": "sharegpt/sharegpt_train_small.jsonl",
    "Baize": "baize/train_conversation.jsonl",
    "LIMA": "lima/lima.json",
    "GPTeacher": "gpteacher/roleplay-simple-deduped-roleplay-instruct.json",
    "CodeAlpaca": "codealpaca/code_alpaca_2k.json",
    "OpenAssistant": "oasst/en_100_tree.jsonl",
    "UltraChat": "ultrachat/ultrachat_200k_first5.native.jsonl",
    "Self-Instruct seeds": "self_instruct/seed_tasks.jsonl",
    "Self-Instruct predictions": "self_instruct/davinci_predictions.jsonl",
    "AlpacaEval, GPT-4": "alpaca_eval_outputs/gpt4.json",
}
AMONG: Final = ("sharegpt/sharegpt_train_small.jsonl", "lima/lima.json")
"""Chat data that questions are planted in."""
REVIEWED: Final = ("Alpaca", "ShareGPT", "LIMA")
PARAPHRASES: Final = "telephone_game/gpt-3.5-turbo-0125__rephrase.jsonl"
LISTED: Final = 6
_PUNCTUATION: Final = str.maketrans(dict.fromkeys(set(string.punctuation) - {"'"}, ";"))


def replaced(text: str, rng: random.Random) -> str:
    """One word in ten, and one at least, replaced by another."""
    pieces = re.split(r"(\s+)", text)
    places = [i for i in range(0, len(pieces), 2) if pieces[i]]
    for i in rng.sample(places, max(1, len(places) // 10)):
        pieces[i] = "".join(rng.choices(string.ascii_lowercase, k=7))
    return "".join(pieces)


def truncated(text: str, _rng: random.Random) -> str:
    """The first two thirds of the words."""
    pieces = re.split(r"(\s+)", text.strip())
    return "".join(pieces[: 2 * max(1, (len(pieces) + 1) // 3) - 1])


VARIANTS: Final[dict[str, Callable[[str, random.Random], str]]] = {
    "exact copy": lambda text, _: text,
    "upper case": lambda text, _: text.upper(),
    "lines wrapped at 40 characters": lambda text, _: textwrap.fill(
        text, 40, break_long_words=False, break_on_hyphens=False
    ),
    "every punctuation mark another": lambda text, _: text.translate(_PUNCTUATION),
    "a sentence before and after": lambda text, _: f"I have a task for you today. {text}\nThank you very much.",
    "one word in ten replaced": replaced,
    "cut to its first two thirds": truncated,
}


class Place(NamedTuple):
    """A folder for Profiles, the data, and the questions of all benchmarks."""

    folder: Path
    data: Path
    questions: Questions

    def measured(self, file: Path, embedder: str = "none") -> tuple[Profile, Origin]:
        """A measured file and where its texts are."""
        profile = ultraqa.profile(
            file, self.folder / f"{embedder}.ultraqa", tokens="none", embedder=embedder, overwrite=True
        )
        table = profile.table("dialogues", ["path", "start", "end"])
        return profile, origin_of(table, datasets([str(file)])[0], ReadOptions(), 2)


def conversations(file: Path) -> list[list[tuple[str, str]]]:
    """Messages of user and assistant of every dialogue of a file."""
    read = (one for source in datasets([str(file)])[0].sources for one in records(source))
    dialogues = (dialogue for record in read if isinstance(record, Record) for dialogue in record.dialogues)
    return [[pair for pair in zip(d.roles, d.texts, strict=True) if pair[0] in "ua"] for d in dialogues]


def record(messages: list[tuple[str, str]]) -> str:
    """A dialogue as a line of JSON."""
    names = {"u": "user", "a": "assistant"}
    return json.dumps({"messages": [{"role": names[role], "content": text} for role, text in messages]}) + "\n"


def planted(place: Place, change: Callable[[str, random.Random], str]) -> NDArray[np.bool_]:
    """Whether each question, changed and planted as a prompt in chat data, is found there; and its runs of 13 words.

    Shape (2, questions).
    """
    rng = random.Random(0)  # noqa: S311  (the same changes in every run)
    chats = [messages for name in AMONG for messages in conversations(place.data / name)]
    prompts = [(i, change(item.text, rng)) for i, item in enumerate(place.questions.items)]
    whole = [(-1, messages) for messages in chats]
    whole += [(i, [("u", text), ("a", rng.choice(chats)[-1][1])]) for i, text in prompts]
    rng.shuffle(whole)
    file = place.folder / "planted.jsonl"
    file.write_text("".join(record(messages) for _, messages in whole))
    profile, origin = place.measured(file)
    everything = np.ones(len(whole), np.bool_)
    found = overlap(profile, origin, place.questions, everything, THRESHOLD, lambda _done, _all: None).pairs
    planted_here = np.array([i for i, _ in whole])[profile.column("dialogue", "messages")[found.message]]
    own = (planted_here == found.item) & (profile.column("position", "messages")[found.message] == 0)
    marks = np.zeros((2, len(prompts)), np.bool_)
    marks[0, found.item[own & (found.coverage >= THRESHOLD)]] = True
    marks[1, found.item[own & (found.longest >= RUN)]] = True
    return marks


def percent(marks: NDArray[np.bool_]) -> str:
    """A share: 100.0 only where it is all, 0.0 only where it is nothing."""
    if not len(marks):
        return "–"
    shown = f"{100 * marks.mean():.1f}"
    return "> 99.9" if shown == "100.0" and not marks.all() else "< 0.1" if shown == "0.0" and marks.any() else shown


def table(head: list[str], lines: list[list[Any]]) -> list[str]:
    """A Markdown table, all columns but the first to the right."""
    rows = [head, ["---", *["--:"] * (len(head) - 1)], *lines]
    return ["| " + " | ".join(map(str, row)) + " |" for row in rows] + [""]


def recall(place: Place) -> list[str]:
    """Tables of planted questions, by variant and by benchmark."""
    sizes = np.diff(place.questions.words.offsets)
    benchmark = np.array([item.benchmark for item in place.questions.items])
    marks = {name: planted(place, change) for name, change in VARIANTS.items()}
    long, runs = sizes >= GRAM, sizes >= RUN
    first = [[
        name, percent(found[0, long]), percent(found[1, runs]), percent(found[0, long & (sizes < 16)]),
        percent(found[0, long & (sizes >= 16)]), percent(found[0, ~long]),
    ] for name, found in marks.items()]  # fmt: skip
    second = [
        [one.name, (benchmark == k).sum(), *(percent(found[0, benchmark == k]) for found in marks.values())]
        for k, one in enumerate(place.questions.benchmarks)
    ]
    return [
        "## Planted questions: share that is found, in percent", "",
        f"{len(sizes):,} questions, {int((~long).sum()):,} of them under {GRAM} words, {int(runs.sum()):,} of {RUN} "
        f"words or more, each as a prompt among the dialogues of {' and '.join(Path(n).stem for n in AMONG)}.", "",
        *table(
            ["planted as", f"coverage ≥ {THRESHOLD}", "a run of 13 words", "8 to 15 words, by coverage",
             "16 words or more, by coverage", "under 8 words, as a whole message"],
            first,
        ),
        "By benchmark, all lengths:", "",
        *table(["benchmark", "questions", *marks], second),
    ]  # fmt: skip


def chains(data: Path) -> tuple[list[list[str]], list[str]]:
    """Generations of text, each rephrased from the one before, and the text that each chain began with."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in (data / PARAPHRASES).read_text().splitlines():
        one = json.loads(line)
        found.setdefault((one["initial"], one["seed"]), []).append(one["text"])
    return list(found.values()), [initial for initial, _ in found]


def shared(asked: list[str], said: list[str]) -> NDArray[np.float64]:
    """Coverage of each of n questions in each of m texts and the longest run of words, shape (2, n, m)."""
    hashes = hashed(asked, Workspace())
    known, sizes = index(hashes), np.diff(hashes.offsets)
    hits, _ = find(hashed(said, Workspace()), known)
    found = np.zeros((2, len(asked), len(said)))
    for some in overlaps(known, hits, np.arange(len(hashes.hashes) + 1)):
        found[:, some.item, some.message] = some.covered / sizes[some.item], some.longest
    return found


def paraphrases(place: Place) -> list[str]:
    """Table of texts set against what a model made of them, and against what it made of other texts."""
    texts, initial = chains(place.data)
    other = np.array([[a != b for b in initial] for a in initial])
    encoder = resolve("static")
    vectors = [encoder.encode(list(generation)).vectors for generation in zip(*texts, strict=True)]
    true, false = [], []
    for g, (asked, said) in enumerate(pairwise(vectors)):
        coverage, longest = shared([chain[g] for chain in texts], [chain[g + 1] for chain in texts])
        marks = np.stack([coverage >= THRESHOLD, longest >= GRAM, longest >= RUN, asked @ said.T >= LEAST])
        true.append(marks[:, np.eye(len(texts), dtype=bool)])
        false.append(marks[:, other])
    kinds = [
        ("rephrased once, from a person's text", true[0]),
        ("rephrased again, generations 2 to 50", np.concatenate(true[1:], axis=1)),
        ("unrelated: rephrased from another text", np.concatenate(false, axis=1)),
    ]
    lines = [[name, f"{marks.shape[1]:,}", *map(percent, marks)] for name, marks in kinds]
    return [
        "## Paraphrases: share of pairs that is found, in percent", "",
        f"{len(set(initial))} texts of people and what a model made of them ({Path(PARAPHRASES).stem}), "
        f"{np.mean([len(words(text)) for chain in texts for text in chain]):.0f} words on average.",
        "", *table(
            ["pairs", "n", f"coverage ≥ {THRESHOLD}", "any 8-gram", "a run of 13 words", f"cosine ≥ {LEAST} (review)"],
            lines,
        ),
    ]  # fmt: skip


def published(place: Place) -> list[str]:
    """Tables of questions that published datasets hold, and of candidates for review in some of them."""
    benchmarks = place.questions.benchmarks
    found = {name: contamination(*place.measured(place.data / path), place.questions) for name, path in CHATS.items()}
    described = {name: one.document["benchmarks"] for name, one in found.items()}
    dialogues = [["dialogues", "", *(len(one.contaminated) for one in found.values())]]
    dialogues.append(["of these with a question", "", *(int(one.contaminated.sum()) for one in found.values())])
    cells = [
        [one.name, described["LIMA"][k]["items"], *(held(of[k]) for of in described.values())]
        for k, one in enumerate(benchmarks)
    ]
    listed = [
        [name, one.name, ", ".join(map(match, of[k]["matches"][: min(LISTED, of[k]["found"])]))]
        for name, of in described.items() for k, one in enumerate(benchmarks) if of[k]["found"]
    ]  # fmt: skip
    return [
        "## Published datasets: questions found in them", "",
        "Found (found as a whole message; with other numbers than the question's).", "",
        *table(["benchmark", "questions", *CHATS], cells + dialogues),
        f"The strongest of each, at most {LISTED}: id (or record number), coverage in percent, row in the dataset.", "",
        *table(["dataset", "benchmark", "questions"], listed),
        *candidates(place),
    ]  # fmt: skip


def held(one: dict[str, Any]) -> str:
    """Questions of a benchmark in a dataset."""
    return f"{one['found']} ({one['exact']}; {one['other_numbers']})" if one["found"] else "–"


def match(one: dict[str, Any]) -> str:
    """A match without its text."""
    name = one["record"] if one["id"] is None else one["id"]
    return f"{name} {100 * one['coverage']:.0f} % row {one['row']}"


def candidates(place: Place) -> list[str]:
    """Table of questions with a prompt near them."""
    encoder, lines = resolve("static"), []
    for name in REVIEWED:
        profile, origin = place.measured(place.data / CHATS[name], "static")
        flagged = contamination(profile, origin, place.questions).contaminated
        for least in (0.65, 0.7, LEAST, 0.8, 0.85):
            shown = review(profile, place.questions, encoder, flagged, least=least)
            if shown is not None:
                share = percent(np.arange(len(place.questions.items)) < shown["questions"])
                lines.append([name, f"{shown['prompts']:,}", least, shown["questions"], share])
    return [
        "## Candidates for review: questions with a prompt near them where no copy was found", "",
        *table(["dataset", "prompts", "cosine from", "questions", "percent of all questions"], lines),
    ]  # fmt: skip


def main() -> None:
    """Measure, print, and write where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    data = Path(os.environ["ULTRAQA_REAL_DATA"]) / "data"
    lines = ["# What decontamination finds", "", "Made by `python benchmarks/contamination.py`.", ""]
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), data, read_questions(sorted(map(str, (data / "bench").iterdir()))))
        for part in (recall, paraphrases, published):
            start = time.process_time()
            lines += part(place)
            print(f"{part.__name__}: {time.process_time() - start:.1f} CPU seconds", file=sys.stderr)
    print("\n".join(lines))
    if given.out:
        given.out.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
