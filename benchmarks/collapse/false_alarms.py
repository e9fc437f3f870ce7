"""False alarms: random halves of one corpus, and corpora of different domains, that must not be called narrowed.

ULTRAQA_REAL_DATA=FOLDER python benchmarks/collapse/false_alarms.py [--draws 20] [--parts splits shifts] [--out FILE]
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Final

from corpora import CORPORA, disjoint, disjoint_draws, text

from ultraqa.analysis.collapse import Side, compare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.collapse import Comparison

SIZES: Final = (200, 500, 2000)
SHIFT_WORDS: Final = 100_000
SHIFT_PERMUTATIONS: Final = 60


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20, help="splits of each corpus and size")
    parser.add_argument("--only", nargs="*", default=list(CORPORA))
    parser.add_argument("--parts", nargs="*", default=["splits", "shifts"])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    lines = []
    if "splits" in arguments.parts:
        lines += [*splits(arguments.only, arguments.draws), ""]
    if "shifts" in arguments.parts:
        lines += shifts(arguments.only)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


def splits(names: list[str], draws: int) -> Iterator[str]:
    """Random splits: a line a corpus and size, then their sums."""
    yield from said("## Random splits of one corpus", "")
    yield from said("| corpus | thresholds | dialogues a side | words a side | splits | of them disjoint | verdicts |")
    yield from said("|---|---|--:|--:|--:|--:|---|")
    total: Counter[str] = Counter()
    apart = 0
    for name in names:
        for size in SIZES:
            found = [compare(*pair, seed=i) for i, pair in enumerate(disjoint(name, size, draws, 2))]
            if not found:
                continue
            verdicts = Counter(_verdict(one) for one in found)
            lone = min(draws, disjoint_draws(name, size, 2))
            kind = "chosen with" if CORPORA[name].tuned else "unseen"
            words = sorted(one.words for one in found)[len(found) // 2]
            yield from said(f"| {name} | {kind} | {size} | {words:,} | {len(found)} | {lone} | {_listed(verdicts)} |")
            told = verdicts.total() - verdicts["insufficient"]
            total += verdicts
            apart += lone if told else 0
    told = total.total() - total["insufficient"]
    wrong = sum(count for verdict, count in total.items() if verdict.startswith(("narrowed", "collapsing")))
    yield from said(
        "", f"{told} splits with enough text, at least {apart} of them disjoint: {wrong} narrowed, {wrong / told:.2%}, "
        f"exact 95 % upper bound {upper(wrong, told):.2%} ({upper(wrong, apart):.2%} if only disjoint ones count); "
        f"watch {total['watch']}, {total['watch'] / told:.2%}; all: {_listed(total)}",
    )  # fmt: skip


def shifts(names: list[str]) -> Iterator[str]:
    """Every corpus as the candidate of every other."""
    sides = {name: Side(name, text(name).first(SHIFT_WORDS)) for name in names}
    found = {(a, b): compare(sides[a], sides[b], permutations=SHIFT_PERMUTATIONS) for a, b in permutations(names, 2)}
    yield from said("## Corpora of different kinds", "")
    yield from said(f"{len(found)} ordered pairs: {_listed(Counter(_verdict(one) for one in found.values()))}", "")
    for label, tuned in (("thresholds were chosen with both in view", True), ("one or both unseen", False)):
        apart = [
            one
            for (a, b), one in found.items()
            if CORPORA[a].kind != CORPORA[b].kind and (CORPORA[a].tuned and CORPORA[b].tuned) == tuned
        ]
        narrowed = sum(one.verdict.word == "narrowed" for one in apart)
        yield from said(f"{len(apart)} of them of different kinds, {label}: {narrowed} narrowed", "")
    yield from said(
        "| reference | candidate | dialogues | words | verdict | families | shift | novelty |",
        "|---|---|--:|--:|---|---|--:|--:|",
    )
    for (a, b), one in found.items():
        if one.verdict.word not in {"different domain", "insufficient", "no narrowing"}:
            guards = one.guards
            yield from said(
                f"| {a} | {b} | {one.dialogues} | {one.words:,} | {_verdict(one)} | {', '.join(one.verdict.families)} "
                f"| {guards.shift or 0:.2f} | {guards.novelty or 0:.2f} |"
            )


def upper(wrong: int, trials: int) -> float:
    """Exact 95 % upper bound of a rate (Clopper-Pearson, one-sided)."""
    from scipy.stats import beta  # noqa: PLC0415

    return float(beta.ppf(0.95, wrong + 1, trials - wrong))


def _verdict(one: Comparison) -> str:
    return " ".join(filter(None, (one.verdict.word, one.verdict.severity)))


def _listed(verdicts: Counter[str]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())


def said(*lines: str) -> tuple[str, ...]:
    """The lines, printed."""
    print("\n".join(lines), flush=True)
    return lines


if __name__ == "__main__":
    main()
