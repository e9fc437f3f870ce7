"""Same prompts: models and people who answer AlpacaEval's prompts, in pairs, and halves of one model's answers.

ULTRAQA_REAL_DATA=FOLDER python benchmarks/collapse/same_prompts.py [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from corpora import data
from false_alarms import said

import ultraqa
from ultraqa.analysis.collapse import Side, compare, side

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.collapse import Comparison

PAIRS: Final = (
    ("human", "text_davinci_003"), ("human", "alpaca-7b"), ("human", "gpt4"), ("text_davinci_003", "alpaca-7b"),
    ("gpt-3.5-turbo-0301", "baize-v2-7b"), ("gpt-3.5-turbo-0301", "ultralm-13b"), ("gpt-3.5-turbo-0301", "vicuna-7b"),
    ("gpt4", "gpt-3.5-turbo-0301"),
)  # fmt: skip
SHOWN: Final = (
    "missing_mass_1", "missing_mass_2", "missing_mass_3", "self_repetition_4", "compression_ratio", "reference_oov",
    "reverse_cross_entropy", "topic_similarity", "vendi",
)  # fmt: skip
HALVES: Final = 10


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        names = sorted({name for pair in PAIRS for name in pair})
        sides = {name: _side(name, Path(home)) for name in names}
        lines = [*_pairs(sides), "", *_halves({name: one for name, one in sides.items() if name != "human"})]
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


def _side(name: str, home: Path) -> Side:
    """The answers of one model, or of people, to AlpacaEval's prompts."""
    answers = _human() if name == "human" else json.loads((data() / f"alpaca_eval_outputs/{name}.json").read_text())
    file = home / f"{name}.jsonl"
    file.write_text(
        "".join(json.dumps({"instruction": a["instruction"], "output": a["output"]}) + "\n" for a in answers)
    )
    return side(
        ultraqa.profile(file, home / f"{name}.ultraqa", name=name, tokens="none", duplicates="none"), "assistant"
    )


def _human() -> list[dict[str, Any]]:
    """What the authors of Self-Instruct's user-oriented tasks answered, under the prompts as AlpacaEval joins them."""
    answers = {}
    with (data() / "bench/user_oriented_instructions.jsonl").open() as lines:
        for task in map(json.loads, lines):
            instance = task["instances"][0]
            answers[_letters(task["instruction"] + instance["input"])] = instance["output"]
    prompts = [one["instruction"] for one in json.loads((data() / "alpaca_eval_outputs/gpt4.json").read_text())]
    return [{"instruction": p, "output": answers[_letters(p)]} for p in prompts if _letters(p) in answers]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def _pairs(sides: dict[str, Side]) -> Iterator[str]:
    yield from said("## Pairs (change in percent, z in brackets)", "")
    yield from said("| reference | candidate | dialogues | words | " + " | ".join(SHOWN) + " | fired | verdict |")
    yield from said("|---|---|--:|--:|" + "--:|" * len(SHOWN) + "---|---|")
    for first, second in PAIRS:
        one = compare(sides[first], sides[second])
        probes = {probe.name: probe for probe in one.probes}
        cells = [f"{100 * (probes[name].change or 0):+.0f} ({probes[name].z or 0:+.1f})" for name in SHOWN]
        fired = ", ".join(one.verdict.families) or "none"
        yield from said(
            f"| {first} | {second} | {one.dialogues} | {one.words:,} | {' | '.join(cells)} | {fired} "
            f"| {' '.join(filter(None, (one.verdict.word, one.verdict.severity)))} |"
        )


def _halves(sides: dict[str, Side]) -> Iterator[str]:
    """The null control: random halves of one model's answers, to different prompts."""
    yield from said(f"## Null: {HALVES} random halves of each model's answers", "")
    yield from said(
        "| model | dialogues a side | verdicts | largest absolute z of the deciding probes |", "|---|--:|---|--:|"
    )
    for name, one in sides.items():
        found = [_half(one, seed) for seed in range(HALVES)]
        verdicts = ", ".join(f"{n} {word}" for word, n in Counter(half.verdict.word for half in found).items())
        largest = max(abs(p.z or 0) for half in found for p in half.probes if p.fired is not None)
        yield from said(f"| {name} | {found[0].dialogues} | {verdicts} | {largest:.1f} |")


def _half(one: Side, seed: int) -> Comparison:
    rows = np.random.default_rng(seed).permutation(one.text.rows)
    first, second = (Side(one.name, one.text.of_rows(rows[start::2])) for start in (0, 1))
    return compare(first, second, seed=seed)


if __name__ == "__main__":
    main()
