"""Telephone game: texts that a model continues or rephrases fifty times, late generations against early ones, by chain.

ULTRAQA_REAL_DATA=FOLDER python benchmarks/collapse/telephone.py [--out FILE]

A chain starts from a human text; every generation is made from the one before. A chain's texts of five generations are
one dialogue, and chains are paired with themselves: whole chains are exchanged. Generation 0 is described apart:
twenty human texts of which each begins five chains, no reference for a hundred dialogues.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from corpora import data
from false_alarms import said

import ultraqa
from ultraqa.analysis.collapse import compare, side
from ultraqa.analysis.generations import generations
from ultraqa.analysis.probes import fired
from ultraqa.analysis.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.collapse import Comparison, Side

SPANS: Final = {
    "1-5": range(1, 6), "11-15": range(11, 16), "21-25": range(21, 26), "36-40": range(36, 41),
    "46-50": range(46, 51),
}  # fmt: skip


def main() -> None:
    """Print a section for each task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    lines = [line for file in sorted((data() / "telephone_game").glob("*.jsonl")) for line in _task(file)]
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


def _task(file: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as home:
        chains = _chains(file)
        sides = _sides(chains, Path(home))
        begun = Counter(texts[0] for texts in chains.values())
        lengths = sorted(len(words(text)) for text in begun)
        yield from said(f"## {file.stem.replace('__', ', ')}", "")
        yield from said(
            f"Generation 0: {len(begun)} human texts begin {len(chains)} chains; {lengths[0]} to {lengths[-1]} words, "
            f"median {lengths[len(lengths) // 2]}, {len({w for t in begun for w in words(t)}):,} different ones.", ""
        )  # fmt: skip
        yield from said("Generations 46-50 against 1-5: ", "", *_table(compare(sides["1-5"], sides["46-50"])), "")
        found = generations(list(sides.values()))
        trends = ", ".join(f"{one.family} z {one.z:+.1f} (p {one.p:.2g})" for one in found.trends)
        yield from said(f"Trend over the five spans from 1-5 to 46-50, exchanged by chain: {trends}.", "")


def _chains(file: Path) -> dict[str, dict[int, str]]:
    """The texts of each chain by generation."""
    chains: dict[str, dict[int, str]] = defaultdict(dict)
    with file.open() as lines:
        for one in map(json.loads, lines):
            chains[f"{one['initial']} {one['seed']}"][one["generation"]] = one["text"]
    return chains


def _sides(chains: dict[str, dict[int, str]], home: Path) -> dict[str, Side]:
    """The chains of each span of generations."""
    found = {}
    for name, span in SPANS.items():
        place = home / f"{name}.jsonl"
        with place.open("w") as out:
            for chain, texts in sorted(chains.items()):
                said_by_model = [{"role": "assistant", "content": texts[i]} for i in span if texts.get(i)]
                out.write(json.dumps({"messages": [{"role": "user", "content": chain}, *said_by_model]}) + "\n")
        profile = ultraqa.profile(place, home / f"{name}.ultraqa", name=name, tokens="none", duplicates="none")
        found[name] = side(profile, "assistant")
    return found


def _table(one: Comparison) -> list[str]:
    families = ", ".join(fired(one.probes)) or "none"
    return [
        f"{one.dialogues} chains, {one.words:,} words a side, matched by {one.by}; families that fire: {families}; "
        f"verdict: {one.verdict.word}; word shift {one.guards.shift or 0:.2f}.",
        "",
        "| probe | first | second | change | z |",
        "|---|--:|--:|--:|--:|",
        *(
            f"| {p.name} | {p.reference:.4g} | {p.candidate:.4g} | {_percent(p.change)} | {_number(p.z)} |"
            for p in one.probes
        ),
    ]


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:+.1f} %"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f}"


if __name__ == "__main__":
    main()
