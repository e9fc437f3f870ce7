"""Generations: datasets in order, each held against the first, and whether they go on narrowing.

One step and a plateau is narrowing, as where data accumulate; only what goes on is called collapsing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ultraqa.analysis import probes as reading
from ultraqa.analysis.collapse import compare, guards_of
from ultraqa.analysis.cross_entropy import symbols
from ultraqa.analysis.lexical_probes import lexical, sides_of
from ultraqa.analysis.matching import match
from ultraqa.analysis.probes import DEFINITIONS, drawn_flips, fired
from ultraqa.analysis.relational_probes import forward_cross_entropy, forward_unigram, novelty
from ultraqa.analysis.trend import TREND_WORDS, trends
from ultraqa.analysis.verdict import Verdict, is_moved, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ultraqa.analysis.collapse import Comparison, Side
    from ultraqa.analysis.trend import Trend


@dataclass(frozen=True)
class Generations:
    """Generations in order, each held against the first.

    Attributes:
        names: of the generations.
        comparisons: of each later one with the first.
        trends: of each family of probes, from the first to the last.
        verdict: what they amount to.
    """

    names: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    trends: tuple[Trend, ...]
    verdict: Verdict


def generations(
    sides: Sequence[Side],
    *,
    part: str = "assistant",
    seed: int = 0,
    permutations: int = reading.PERMUTATIONS,
    workers: int = 1,
) -> Generations:
    """Hold generations against the first and tell whether they go on narrowing.

    Args:
        sides: three or more, in order.
        part: whose messages are compared.
        seed: as for ``compare``, like all that follow.
        permutations: exchanges of texts.
        workers: threads.
    """
    first, second, *later = sides
    options: dict[str, Any] = {"part": part, "seed": seed, "permutations": permutations, "workers": workers}
    found = [compare(first, second, **options)]
    prompts = part != "user"
    steady = _steady(found[0]) and not any(_moves(*pair, seed, prompts=prompts) for pair in pairwise(sides[1:]))
    found += [compare(first, one, **options, one_domain=steady) for one in later]
    matched = match([one.text.first(TREND_WORDS) for one in sides], prompts=prompts)
    falling = trends(matched, seed, workers)
    verdict = _verdict(sides, found, falling, seed, steady=steady)
    return Generations(tuple(one.name for one in sides), tuple(found), tuple(falling), verdict)


def _verdict(
    sides: Sequence[Side], found: Sequence[Comparison], falling: Sequence[Trend], seed: int, *, steady: bool
) -> Verdict:
    """The verdict of generations: that of the last, and whether it goes on; steady = no step is to another domain."""
    last = found[-1]
    if any(one.verdict.word == "insufficient" for one in found):
        return Verdict("insufficient")
    if not steady:
        return Verdict("different domain")
    held = judge(last.probes, last.guards, dialogues=last.dialogues, words=last.words, one_domain=True)
    middle = sides[(len(sides) - 1) // 2]  # one step and a plateau, as where data accumulate, is no collapse
    goes_on = len(sides) > 2 and len(_signs(middle, sides[-1], seed)) >= 2
    if held.word == "narrowed" and goes_on and sum(one.significant for one in falling) >= 2:
        return Verdict("collapsing", held.severity, held.families)
    return held


def _steady(one: Comparison) -> bool:
    """Whether both sides are about the same things."""
    return one.by == "prompt" or not is_moved(one.guards)


def _moves(before: Side, after: Side, seed: int, *, prompts: bool) -> bool:
    """Whether a generation is about other things than the one before."""
    matched = match([before.text, after.text], prompts=prompts)
    if matched.by == "prompt" or len(matched) < 2:
        return False
    flips, pool = drawn_flips(len(matched), seed), symbols(matched)
    found = {probe.__name__: probe(pool, flips) for probe in (novelty, forward_unigram, forward_cross_entropy)}
    return is_moved(guards_of(matched, flips, found))


def _signs(before: Side, after: Side, seed: int) -> list[str]:
    """The families that fire from one generation to a later one."""
    matched = match([before.text, after.text], prompts=False)
    return fired(reading.read(lexical(matched, sides_of(drawn_flips(len(matched), seed))), DEFINITIONS))
