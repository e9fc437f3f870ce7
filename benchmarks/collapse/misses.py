"""Misses: toy models' first generations and mixtures, beside human text that the models never saw.

ULTRAQA_REAL_DATA=FOLDER python benchmarks/collapse/misses.py [--draws 8] [--out FILE]

Of each draw one set of dialogues is the reference, and another, disjoint, is what the toy model learns from.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from corpora import CORPORA, disjoint
from false_alarms import said

from ultraqa.analysis.collapse import Side, compare
from ultraqa.analysis.simulation import generations, mixed
from ultraqa.analysis.verdict import ADVISED_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REGIMES: Final[dict[str, dict[str, Any]]] = {
    "trigram": {"backoff": False},
    "Witten-Bell": {},
    "temperature .8": {"temperature": 0.8},
}
SIZES: Final = (200, 500, 1000, 5000)
SHARES: Final = (0.1, 0.25, 0.5, 1.0)
CURVE: Final = ("alpaca", "chatdoctor", "chitchat", "gpteacher", "lima", "persona_chat")
PERMUTATIONS: Final = 60
"""Of the curve."""
SOURCES: Final = ("own", "other")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=8, help="draws of each corpus")
    parser.add_argument("--only", nargs="*", default=list(CORPORA))
    parser.add_argument("--parts", nargs="*", default=["firsts", "curve"])
    parser.add_argument("--curve-draws", type=int, default=4)
    parser.add_argument("--sizes", nargs="*", type=int, default=SIZES, help="of the curve")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    lines = []
    if "firsts" in arguments.parts:
        lines += [*firsts(arguments.only, arguments.draws), ""]
    if "curve" in arguments.parts:
        lines += curve([name for name in CURVE if name in arguments.only], arguments.sizes, arguments.curve_draws)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


def firsts(names: list[str], draws: int) -> Iterator[str]:
    """First generations: a line a corpus and regime, then a line a regime."""
    yield from said("## First generations", "")
    yield from said("| corpus | regime | dialogues a side | words a side | runs | narrowed | other verdicts |")
    yield from said("|---|---|--:|--:|--:|--:|---|")
    totals: dict[str, Counter[str]] = {regime: Counter() for regime in REGIMES}
    for name in names:
        size = _size(name)
        pairs = disjoint(name, size, draws, 2) if size else []
        for regime, how in REGIMES.items():
            found = [_first(pair, how, seed) for seed, pair in enumerate(pairs)]
            if not found:
                continue
            verdicts = Counter(one.verdict.word for one in found)
            totals[regime] += verdicts
            words = sorted(one.words for one in found)[len(found) // 2]
            others = ", ".join(f"{n} {verdict}" for verdict, n in verdicts.items() if verdict != "narrowed")
            yield from said(
                f"| {name} | {regime} | {size} | {words:,} | {len(found)} | {verdicts['narrowed']} | {others} |"
            )
    yield from said("", *(f"{regime}: {one['narrowed']} of {one.total()} narrowed" for regime, one in totals.items()))


def _first(pair: list[Side], how: dict[str, Any], seed: int) -> Any:
    *_, made = generations(pair[1].text, generations=1, seed=seed, **how)
    return compare(pair[0], Side("generation 1", made), seed=seed)


def _size(name: str) -> int:
    """Dialogues a side: 500 or more, so many that each side has the advised number of words; 0 where too few."""
    for size in (500, 750, 1000, 1500):
        pairs = disjoint(name, size, 1, 2)
        # Samples of a model are up to a third shorter, so that the matched words are fewer.
        if pairs and min(len(one.text.ids) for one in pairs[0]) >= 1.4 * ADVISED_WORDS:
            return size
    return 0


def curve(names: list[str], sizes: Iterable[int], draws: int) -> Iterator[str]:
    """Power: how often a mixture is at least watched, by its size and share of a first generation."""
    yield from said("## Power: share of mixtures that are at least `watch` (in brackets: `narrowed`)", "")
    yield from said(
        "The samples stand among the people's text that the model learned from (own), or among other people's (other).",
        "",
    )
    yield from said(
        "| dialogues | among | regime | corpora | runs | " + " | ".join(f"share {share}" for share in SHARES) + " |",
        "|--:|---|---|--:|--:|" + "--:|" * len(SHARES),
    )
    for size in sizes:
        pairs = {name: disjoint(name, size, draws, 3) for name in names}
        pairs = {name: found for name, found in pairs.items() if found and len(found[0][0].text.ids) >= 14_000}
        for among, regime in product(SOURCES, ("Witten-Bell", "temperature .8")):
            sides = [
                (one if among == "other" else [one[0], one[2], one[2]]) for drawn in pairs.values() for one in drawn
            ]
            verdicts = [_mixtures(one, REGIMES[regime], seed) for seed, one in enumerate(sides)]
            if verdicts:
                cells = [_noticed([run[k] for run in verdicts]) for k in range(len(SHARES))]
                yield from said(
                    f"| {size} | {among} | {regime} | {len(pairs)} | {len(verdicts)} | {' | '.join(cells)} |"
                )


def _mixtures(sides: list[Side], how: dict[str, Any], seed: int) -> list[str]:
    """Verdicts of human text, in which a share of dialogues is replaced by samples of a model of a third set."""
    reference, human, learned = sides
    *_, made = generations(learned.text, generations=1, seed=seed, **how)
    shared = _common(human.text, made)
    return [
        compare(
            reference, Side(f"share {share}", mixed(*shared, share, seed)), seed=seed, permutations=PERMUTATIONS
        ).verdict.word
        for share in SHARES
    ]


def _common(first: Any, second: Any) -> list[Any]:
    """Two samples with one vocabulary, as mixtures need it."""
    from dataclasses import replace  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415

    words: dict[str, int] = {}
    for one in (first, second):
        for word in one.vocabulary:
            words.setdefault(word, len(words))
    vocabulary = list(words)
    return [
        replace(one, ids=np.array([words[w] for w in one.vocabulary], np.int32)[one.ids], vocabulary=vocabulary)
        for one in (first, second)
    ]


def _noticed(verdicts: list[str]) -> str:
    narrowed = verdicts.count("narrowed") / len(verdicts)
    return f"{narrowed + verdicts.count('watch') / len(verdicts):.2f} ({narrowed:.2f})"


if __name__ == "__main__":
    main()
