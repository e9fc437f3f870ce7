"""Simulated collapse: what a toy model that learns from its own samples does to a dataset's text, as the probes see it.

It shows what narrowing looks like on this text and from which generation on the probes tell it. It is a simulation of a
toy model, never a prediction for a language model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ultraqa.analysis.collapse import Side, compare
from ultraqa.analysis.generations import generations
from ultraqa.analysis.simulation import generations as simulated_texts

if TYPE_CHECKING:
    from ultraqa.analysis.collapse import Comparison
    from ultraqa.analysis.generations import Generations


@dataclass(frozen=True)
class Simulation:
    """Generations of a toy model beside human text that it never saw.

    Attributes:
        regime: what a generation learns from: replace, accumulate, mix=SHARE.
        model: ngram (trigrams with back-off) or unigram.
        control: the half of the text that the first generation learns from beside the other half, which is the
            reference: nothing should be found there.
        generations: the reference and every generation.
    """

    regime: str
    model: str
    control: Comparison
    generations: Generations


def simulate(
    one: Side,
    *,
    later: int = 5,
    regime: str = "replace",
    model: str = "ngram",
    part: str = "assistant",
    seed: int = 0,
    workers: int = 1,
) -> Simulation:
    """Let a toy model learn from half of a text, then from its own samples, and hold each generation against the rest.

    Args:
        one: the text; every second dialogue is the reference and is never learned from.
        later: generations.
        regime: what each learns from, as ``simulation.generations`` has it.
        model: "ngram" or "unigram".
        part: whose messages these are.
        seed: of the toy model and of the exchanges of texts.
        workers: threads.
    """
    reference, learned = (one.text.of_rows(one.text.rows[start::2]) for start in (0, 1))
    texts = simulated_texts(learned, generations=later, regime=regime, model=model, seed=seed)
    sides = [Side(f"generation {i}", text) for i, text in enumerate(texts)]
    half = Side(f"{one.name}, every second dialogue", reference)
    control = compare(half, sides[0], part=part, seed=seed, workers=workers)
    return Simulation(regime, model, control, generations([half, *sides[1:]], part=part, seed=seed, workers=workers))
