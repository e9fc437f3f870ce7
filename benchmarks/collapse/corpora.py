"""The corpora of the studies of probes: published dialogues, each as a sample of words, and what was used for what."""

from __future__ import annotations

import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

import ultraqa
from ultraqa.analysis.collapse import Side, side

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.corpus import SampledText


class Corpus(NamedTuple):
    """Published dialogues.

    Attributes:
        file: below the folder of data; empty for the package chitchat-dataset.
        kind: what it is about; two corpora of one kind are no test of the domain guard.
        part: whose messages are read.
        tuned: whether the thresholds of the verdict were chosen with it in view.
    """

    file: str
    kind: str
    part: str = "assistant"
    tuned: bool = True


CORPORA: Final = {
    "alpaca": Corpus("alpaca/alpaca_data.json", "instructions"),
    "alpaca_gpt4": Corpus("llamafactory_demo/alpaca_en_demo.json", "instructions"),
    "c4": Corpus("llamafactory_demo/c4_demo.jsonl", "web pages"),
    "chatdoctor": Corpus("chatdoctor/chatdoctor5k.json", "medicine"),
    "codealpaca": Corpus("codealpaca/code_alpaca_2k.json", "code"),
    "glaive": Corpus("llamafactory_demo/glaive_toolcall_en_demo.json", "tools"),
    "gpt4": Corpus("alpaca_eval_outputs/gpt4.json", "instructions"),
    "gpteacher": Corpus("gpteacher/roleplay-simple-deduped-roleplay-instruct.json", "role play"),
    "lima": Corpus("lima/lima.json", "forums"),
    "persona_chat": Corpus("synthetic_persona_chat/Synthetic-Persona-Chat_valid.csv", "small talk"),
    "topical_chat": Corpus("topical_chat/valid_freq.json", "small talk"),
    "v1_sft": Corpus("llamafactory_demo/v1_sft_demo.jsonl", "instructions"),
    "baize_ko": Corpus("baize/quora_chat_data.ko.json", "Korean", tuned=False),
    "chitchat": Corpus("", "small talk", tuned=False),
    "dpo": Corpus("llamafactory_demo/dpo_en_demo.json", "instructions", tuned=False),
    "guanaco": Corpus("alpaca_eval_outputs/guanaco-7b.json", "instructions"),
    "kto": Corpus("llamafactory_demo/kto_en_demo.json", "instructions", tuned=False),
    "sharegpt": Corpus("sharegpt/sharegpt_train_small.jsonl", "shared chats"),
    "sharegpt_zh": Corpus("sharegpt/sharegpt_zh_1K_format.jsonl", "Chinese", tuned=False),
    "vicuna": Corpus("alpaca_eval_outputs/vicuna-7b.json", "instructions"),
}


def data() -> Path:
    """The folder of published dialogues."""
    folder = os.environ.get("ULTRAQA_REAL_DATA")
    if not folder:
        sys.exit("set ULTRAQA_REAL_DATA to the folder that holds data/ (see benchmarks/README.md)")
    return Path(folder, "data")


@cache
def text(name: str) -> SampledText:
    """The sampled words of a corpus; it is measured again in each process."""
    corpus = CORPORA[name]
    profile = ultraqa.profile(corpus_file(corpus), name=name, tokens="none", embedder="none", duplicates="none")
    return side(profile, corpus.part).text


def corpus_file(corpus: Corpus) -> Path:
    """Where a corpus lies."""
    if corpus.file:
        return data() / corpus.file
    found = importlib.util.find_spec("chitchat_dataset")
    if found is None or found.origin is None:
        sys.exit("chitchat needs its package: pip install chitchat-dataset==0.9.0")
    return Path(found.origin).with_name("dataset.json")


def disjoint(name: str, size: int, draws: int, parts: int, seed: int = 0) -> list[list[Side]]:
    """Random draws of so many sets of ``size`` dialogues, disjoint within a draw, and between draws while they last.

    Returns:
        One list of sets a draw; none where the corpus has too few dialogues for one.
    """
    whole = text(name)
    found: list[list[Side]] = []
    order: NDArray[np.int64] = np.zeros(0, np.int64)
    rng = np.random.default_rng(seed)
    if len(whole.rows) < parts * size:
        return []
    while len(found) < draws:
        if len(order) < parts * size:
            order = rng.permutation(whole.rows)
        taken, order = order[: parts * size].reshape(parts, size), order[parts * size :]
        found.append([Side(f"{name} {len(found)}.{i}", whole.of_rows(rows)) for i, rows in enumerate(taken)])
    return found


def disjoint_draws(name: str, size: int, parts: int) -> int:
    """How many draws of ``parts`` sets have no dialogue in common."""
    return len(text(name).rows) // (parts * size)
