"""Generations of a toy model that learns from its own samples: what collapse would look like on a given text.

A simulation of a toy model, never a prediction for a large language model. All generations share the vocabulary of the
first text, so that a word keeps its id also where it is lost. Composed texts number their own dialogues and have no
prompts: a human dialogue that stands in two of them is not to be paired with itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ultraqa.analysis.corpus import NO_PROMPT, SampledText, ranges
from ultraqa.analysis.toy_model import fit, require, sample
from ultraqa.dialogues.sources import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def generations(
    text: SampledText,
    *,
    generations: int = 5,
    regime: str = "replace",
    model: str = "ngram",
    temperature: float = 1.0,
    backoff: bool = True,
    seed: int = 0,
) -> Iterator[SampledText]:
    """The text, then one generation of a toy model's samples after the other, each learned from the one before.

    Args:
        text: human text, generation 0.
        generations: how many follow it.
        regime: "replace": a generation is the samples of the model of the one before. "accumulate": it is all there was
            and as many samples again as ``text`` has dialogues, shuffled. "mix=0.5": half of its dialogues are those of
            ``text``, drawn anew each time without replacement, the rest samples; any share from 0 to below 1.
        model: "ngram" or "unigram", with temperature and backoff as ``toy_model.fit`` has them.
        temperature: below 1 sharper, above 1 flatter.
        backoff: whether the trigram model backs off to shorter contexts.
        seed: 0 or above; the same one gives the same generations.

    Raises:
        DataError: a regime that there is not, or a text without words.
        ValueError: a model, a temperature, a number of generations or a seed that there is not.
    """
    share = human_share(regime)
    require(model, temperature)
    if generations < 0 or seed < 0:
        raise ValueError(f"{generations} generations with seed {seed}: both must be 0 or more")
    return _loop(text, generations, share, (model, temperature, backoff), seed)


def human_share(regime: str) -> float | None:
    """Share of human dialogues in every generation of a regime, None where all generations are kept.

    Raises:
        DataError: a regime that there is not, with those there are.
    """
    if regime == "accumulate":
        return None
    try:
        share = 0.0 if regime == "replace" else float(regime.removeprefix("mix="))
    except ValueError:
        share = -1.0
    if not 0 <= share < 1 or not regime.startswith(("replace", "mix=")):
        raise DataError(
            f"{regime!r} is no regime: replace, accumulate or mix=SHARE is needed, with a share of human dialogues "
            "from 0 to below 1 (mix=0.5)"
        )
    return share


def mixed(first: SampledText, second: SampledText, share: float, seed: int) -> SampledText:
    """The first text with a share of its dialogues replaced by dialogues of the second, both drawn without replacement.

    Args:
        first: gives the number of dialogues.
        second: gives round(share times that number) of them.
        share: 0 to 1.
        seed: 0 or above; the same one draws the same dialogues.

    Raises:
        ValueError: a share that there is not, or texts with different vocabularies.
        DataError: the second text has too few dialogues.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"{share} is no share of dialogues: a number from 0 to 1 is needed")
    n, k = len(first.rows), len(second.rows)
    wanted = round(share * n)
    if wanted > k:
        raise DataError(f"A share of {share:g} of {n:,} dialogues needs {wanted:,} of the other text, which has {k:,}")
    rng = np.random.default_rng(seed)
    chosen = np.arange(n)
    chosen[rng.permutation(n)[:wanted]] = n + rng.permutation(k)[:wanted]
    return dialogues_at(_joined(first, second), chosen)


def _loop(
    text: SampledText, n: int, share: float | None, options: tuple[str, float, bool], seed: int
) -> Iterator[SampledText]:
    """The generations; ``options`` are the model, its temperature and whether it backs off."""
    model, temperature, backoff = options
    last = text
    yield last
    for k in range(1, n + 1):
        rng = np.random.default_rng([seed, k])
        fitted = fit(last, model, temperature=temperature, backoff=backoff)
        samples = sample(fitted, text, int(rng.integers(2**63)))
        if share is None:
            last = dialogues_at(_joined(last, samples), rng.permutation(len(last.rows) + len(samples.rows)))
        else:
            last = mixed(samples, text, share, int(rng.integers(2**63)))
        yield last


def _joined(first: SampledText, second: SampledText) -> SampledText:
    """The dialogues of two texts, one after the other."""
    if first.vocabulary is not second.vocabulary and first.vocabulary != second.vocabulary:
        raise ValueError("The two texts have different vocabularies: ids of one vocabulary are needed")
    return SampledText(
        np.concatenate([first.ids, second.ids]),
        np.concatenate([first.message_offsets, second.message_offsets[1:] + len(first.ids)]),
        np.concatenate([first.dialogue_offsets, second.dialogue_offsets[1:] + len(first.message_offsets) - 1]),
        np.concatenate([first.rows, second.rows]),
        np.concatenate([first.prompts, second.prompts]),
        first.vocabulary,
    )


def dialogues_at(text: SampledText, chosen: NDArray[np.int64]) -> SampledText:
    """The dialogues at some places, in that order, numbered anew and without prompts."""
    first, last = text.dialogue_offsets[chosen], text.dialogue_offsets[chosen + 1]
    messages = ranges(first, last)
    starts, ends = text.message_offsets[messages], text.message_offsets[messages + 1]
    return SampledText(
        text.ids[ranges(starts, ends)],
        np.concatenate([[0], np.cumsum(ends - starts)]),
        np.concatenate([[0], np.cumsum(last - first)]),
        np.arange(len(chosen)),
        np.full(len(chosen), NO_PROMPT, np.uint64),
        text.vocabulary,
    )
