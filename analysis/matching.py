"""Matching: samples brought to the same number of dialogues of the same lengths, so that only their wording differs.

Dialogues of two samples are paired by their prompt where the samples answer the same prompts, else by the rank of their
length; each is cut to the words of the shortest of its group. Under the hypothesis that the samples come from one
source, the texts of a pair may then change sides: that is the test of every probe.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from ultraqa.analysis.corpus import NO_PROMPT, SampledText, ranges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

SAME_PROMPTS: Final = 0.5
"""Share of the smaller sample's dialogues that must answer a prompt of the other differently to be paired by it."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Dialogues of ``sides`` samples in groups of one from each: text ``i * sides + s`` is that of side s in group i.

    Attributes:
        sides: number of samples.
        ids: shape (words,), ids of words in the common vocabulary.
        message_offsets: shape (messages + 1,), into ``ids``; only messages with a word.
        text_offsets: shape (texts + 1,), into ``ids``.
        rows: shape (texts,), row of each dialogue in its dataset.
        vocabulary: the words in order of id.
        by: what the groups have in common: their prompt, or only the rank of their length.
    """

    sides: int
    ids: NDArray[np.int32]
    message_offsets: NDArray[np.int64]
    text_offsets: NDArray[np.int64]
    rows: NDArray[np.int64]
    vocabulary: list[str]
    by: Literal["prompt", "length"]

    def __len__(self) -> int:
        """Dialogues of each side."""
        return len(self.rows) // self.sides

    @property
    def words(self) -> int:
        """Words of each side."""
        return len(self.ids) // self.sides

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Words of each text, shape (texts,)."""
        found: NDArray[np.int64] = np.diff(self.text_offsets)
        return found

    @property
    def owners(self) -> NDArray[np.int32]:
        """The text in which each word stands, shape (words,)."""
        return np.repeat(np.arange(len(self.rows), dtype=np.int32), self.lengths)

    def sampled(self) -> SampledText:
        """All texts as one sample, for what reads samples: a dialogue a text."""
        ends = np.searchsorted(self.message_offsets, self.text_offsets)
        none = np.full(len(self.rows), NO_PROMPT, np.uint64)
        return SampledText(self.ids, self.message_offsets, ends, self.rows, none, self.vocabulary)


def match(samples: Sequence[SampledText], *, prompts: bool = True) -> Matched:
    """Dialogues of the samples in groups of one from each, all of a group cut to the same number of words.

    Args:
        samples: one a side, as a Profile holds them; two or more.
        prompts: whether they may be grouped by prompt; never where the prompts themselves are compared.
    """
    groups = _by_prompt(samples) if prompts else None
    by: Literal["prompt", "length"] = "length" if groups is None else "prompt"
    if groups is None:
        groups = _by_length(samples)
    lengths = np.stack([np.diff(one.word_offsets)[g] for one, g in zip(samples, groups, strict=True)], axis=1)
    filled = lengths.min(axis=1) > 0
    groups = [g[filled] for g in groups]
    cuts = np.repeat(lengths[filled].min(axis=1), len(samples))
    return _cut(samples, groups, cuts, by)


def both_parts(user: SampledText, assistant: SampledText) -> SampledText:
    """The dialogues that stand in both parts of one Profile's sample, each with its messages of both roles."""
    common = np.intersect1d(user.rows, assistant.rows)
    parts = [part.of_rows(common) for part in (user, assistant)]
    lengths = np.stack([np.diff(part.word_offsets) for part in parts], axis=1).ravel()
    texts = _cut(parts, [np.arange(len(common))] * 2, lengths, "length").sampled()
    return replace(texts, dialogue_offsets=texts.dialogue_offsets[::2], rows=parts[0].rows, prompts=parts[0].prompts)


def _by_prompt(samples: Sequence[SampledText]) -> list[NDArray[np.int64]] | None:
    """Dialogues of equal prompts, each prompt once; None where too few are answered by all, and differently."""
    common = reduce(np.intersect1d, [one.prompts[one.prompts != NO_PROMPT] for one in samples])
    places = [np.unique(one.prompts, return_index=True) for one in samples]
    groups = [place[np.searchsorted(kinds, common)] for kinds, place in places]
    order = np.argsort(groups[0])
    groups = [g[order] for g in groups]
    texts = (_texts(one, g) for one, g in zip(samples, groups, strict=True))
    different = sum(len(set(group)) == len(samples) for group in zip(*texts, strict=True))
    enough = different >= SAME_PROMPTS * max(1, min(len(one.rows) for one in samples))
    return groups if enough else None


def _texts(sample: SampledText, dialogues: NDArray[np.int64]) -> Iterator[tuple[str, ...]]:
    """The words of some dialogues, one after the other."""
    offsets = sample.word_offsets
    for first, last in zip(offsets[dialogues].tolist(), offsets[dialogues + 1].tolist(), strict=True):
        yield tuple(sample.vocabulary[i] for i in sample.ids[first:last].tolist())


def _by_length(samples: Sequence[SampledText]) -> list[NDArray[np.int64]]:
    """The first n dialogues of each sample, those of equal rank of length together, in the first sample's order."""
    n = min(len(one.rows) for one in samples)
    ranked = [np.argsort(np.diff(one.word_offsets[: n + 1]), kind="stable") for one in samples]
    order = np.argsort(ranked[0])
    return [one[order] for one in ranked]


def _cut(
    samples: Sequence[SampledText],
    groups: Sequence[NDArray[np.int64]],
    cuts: NDArray[np.int64],
    by: Literal["prompt", "length"],
) -> Matched:
    """The chosen dialogues, side by side, each cut to so many words."""
    words: dict[str, int] = {}
    ids: list[NDArray[np.int32]] = []
    begins: list[NDArray[np.bool_]] = []
    starts: list[NDArray[np.int64]] = []
    for sample, group in zip(samples, groups, strict=True):
        known = np.array([words.setdefault(word, len(words)) for word in sample.vocabulary], np.int32)
        begin = np.zeros(len(sample.ids) + 1, np.bool_)
        begin[sample.message_offsets] = True
        starts.append(sample.word_offsets[group] + sum(len(one) for one in ids))
        ids.append(known[sample.ids] if len(known) else sample.ids)
        begins.append(begin[:-1])
    first = np.stack(starts, axis=1).ravel()
    taken = ranges(first, first + cuts)
    kept = np.flatnonzero(np.concatenate(begins)[taken])
    rows = np.stack([sample.rows[group] for sample, group in zip(samples, groups, strict=True)], axis=1).ravel()
    return Matched(
        len(samples),
        np.concatenate(ids)[taken],
        np.append(kept, len(taken)),
        np.concatenate([[0], np.cumsum(cuts)]),
        rows,
        list(words),
        by,
    )
