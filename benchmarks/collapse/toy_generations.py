"""Toy generations: every probe by generation and regime, beside human text that the toy model never saw.

ULTRAQA_REAL_DATA=FOLDER python benchmarks/collapse/toy_generations.py [--out FILE]
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from corpora import disjoint
from false_alarms import said

from ultraqa.analysis.collapse import Side, compare
from ultraqa.analysis.probes import DEFINITIONS
from ultraqa.analysis.simulation import generations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.collapse import Comparison

CORPORA: Final = {"chitchat": 400, "alpaca": 1000, "persona_chat": 500}
REGIMES: Final[dict[str, dict[str, Any]]] = {
    "unigram": {"model": "unigram"},
    "trigram": {"backoff": False},
    "Witten-Bell": {},
    "temperature .8": {"temperature": 0.8},
    "accumulate": {"regime": "accumulate"},
    "mix=0.5": {"regime": "mix=0.5"},
}
GENERATIONS: Final = 4
PERMUTATIONS: Final = 60
MONOTONE: Final = ("missing_mass_1", "vocabulary", "reference_oov")
"""Probes that claim to narrow from each generation to the next where samples replace the data, whatever the model."""
MONOTONE_PHRASES: Final = (*MONOTONE, "missing_mass_2", "missing_mass_3", "distinct_2", "distinct_3")
"""Those that claim it of models of phrases: a unigram model's word salad has more phrases, not fewer."""


def main() -> None:
    """Print a table for each corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    lines = [line for name, size in CORPORA.items() for line in _corpus(name, size)]
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


def _corpus(name: str, size: int) -> Iterator[str]:
    reference, learned = disjoint(name, size, 1, 2)[0]
    yield from said(f"## {name}, {size} dialogues a side (change in percent, z in brackets)", "")
    yield from said("| regime | generation | words | " + " | ".join(DEFINITIONS) + " | shift | verdict |")
    yield from said("|---|--:|--:|" + "--:|" * len(DEFINITIONS) + "--:|---|")
    for regime, how in REGIMES.items():
        texts = generations(learned.text, generations=GENERATIONS, seed=1, **how)
        found = [
            compare(reference, Side(f"generation {k}", one), permutations=PERMUTATIONS) for k, one in enumerate(texts)
        ]
        for k, one in enumerate(found):
            cells = [f"{100 * (p.change or 0):+.0f} ({p.z or 0:+.1f})" for p in one.probes]
            verdict = " ".join(filter(None, (one.verdict.word, one.verdict.severity)))
            shift = f"{one.guards.shift or 0:.2f}"
            yield from said(f"| {regime} | {k} | {one.words:,} | {' | '.join(cells)} | {shift} | {verdict} |")
        if "regime" not in how:
            claimed = MONOTONE if regime == "unigram" else MONOTONE_PHRASES
            broken = [probe for probe in claimed if not _monotone(found, probe)]
            yield from said(
                f"| {regime} | strictly monotone: {len(claimed) - len(broken)} of {len(claimed)} {broken or ''} |"
            )
    yield from said("")


def _monotone(found: list[Comparison], probe: str) -> bool:
    """Whether a probe narrows from each generation to the next."""
    changes = [next(p.change or 0.0 for p in one.probes if p.name == probe) for one in found]
    return all(DEFINITIONS[probe].narrower * (after - before) > 0 for before, after in pairwise(changes))


if __name__ == "__main__":
    main()
