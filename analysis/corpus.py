"""The sample: the distinct dialogues of smallest content hash, the state of every statistic that depends on text size.

Each part (user, assistant) keeps whole dialogues in order of content hash until it has a million words. The smallest
hashes of the parts of a dataset hold those of the whole, so samples merge exactly, in any cutting and order of work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.words import Words, copy_spans, vocabulary
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SAMPLE_WORDS: Final = 1_000_000
PARTS: Final = {"user": USER, "assistant": ASSISTANT}
NO_PROMPT: Final = 0
"""Prompt hash of a dialogue without a user message."""


@dataclass(frozen=True, slots=True)
class Part:
    """Messages of one role of the sampled dialogues (k dialogues, m messages), in order of content hash.

    Attributes:
        keys: shape (k,), content hash of the whole dialogue, ascending.
        rows: shape (k,), row of the dialogue in the dataset; the lowest of equal dialogues.
        prompts: shape (k,), hash of the dialogue's first user message.
        words: shape (k,), words of this role.
        counts: shape (k,), messages of this role.
        lengths: shape (m,), bytes of each message.
        text: the messages' UTF-8 bytes.
    """

    keys: NDArray[np.uint64]
    rows: NDArray[np.int64]
    prompts: NDArray[np.uint64]
    words: NDArray[np.int64]
    counts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    text: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class SampleState:
    """The sample of ``size`` consecutive dialogues."""

    size: int
    user: Part
    assistant: Part


_NO_HASHES, _NO_NUMBERS = np.zeros(0, np.uint64), np.zeros(0, np.int64)
_NOTHING: Final = Part(
    _NO_HASHES, _NO_NUMBERS, _NO_HASHES, _NO_NUMBERS, _NO_NUMBERS, _NO_NUMBERS, np.zeros(0, np.uint8)
)  # fmt: skip
EMPTY_SAMPLE: Final = SampleState(0, _NOTHING, _NOTHING)
"""The sample of no dialogue: the identity of merging."""


class Sample:
    """The metric whose state is the sample."""

    name = "sample"

    def map(self, words: Words, cuts: dict[str, int | None] | None = None) -> SampleState:
        """Sample of one batch; ``cuts`` of an earlier state only spare the work for what could not stay."""
        prompts = prompt_hashes(words)
        parts = {name: _part(words, role, prompts, (cuts or {}).get(name)) for name, role in PARTS.items()}
        return SampleState(len(words.batch), **parts)

    def merge(self, parts: Sequence[SampleState]) -> SampleState:
        """Sample of the dialogues of all states, one after the other."""
        starts = np.cumsum([0, *(part.size for part in parts)])
        return SampleState(
            int(starts[-1]),
            _merge([part.user for part in parts], starts),
            _merge([part.assistant for part in parts], starts),
        )


def cut(parts: Sequence[Part]) -> int | None:
    """Content hash above which no further dialogue can enter the parts' common sample; None while it has room."""
    keys, first = np.unique(np.concatenate([part.keys for part in parts]), return_index=True)
    words = np.cumsum(np.concatenate([part.words for part in parts])[first])
    full = int(np.searchsorted(words, SAMPLE_WORDS))
    return int(keys[full]) if full < len(keys) else None


def prompt_hashes(words: Words) -> NDArray[np.uint64]:
    """Hash of every dialogue's first user message, NO_PROMPT where there is none."""
    batch = words.batch
    users = np.flatnonzero(batch.roles == USER)
    owner = np.searchsorted(batch.dialogue_offsets, users, side="right") - 1
    found = np.full(len(batch), NO_PROMPT, np.uint64)
    found[owner[::-1]] = words.message_hash[users[::-1]]
    return found


def _part(words: Words, role: int, prompts: NDArray[np.uint64], cut: int | None) -> Part:
    batch = words.batch
    chosen = batch.roles == role
    owner = np.repeat(np.arange(len(batch)), np.diff(batch.dialogue_offsets))
    totals = np.bincount(owner, weights=words.words * chosen, minlength=len(batch)).astype(np.int64)
    keep = totals > 0
    if cut is not None:
        keep &= words.dialogue_hash <= np.uint64(cut)
    rows = np.flatnonzero(keep)
    rows = rows[_order(words.dialogue_hash[rows], rows, totals[rows])]
    members = ranges(batch.dialogue_offsets[rows], batch.dialogue_offsets[rows + 1])
    members = members[chosen[members]]
    firsts, lasts = batch.message_offsets[members], batch.message_offsets[members + 1]
    counts = np.bincount(owner[members], minlength=len(batch))[rows]
    text = _gathered([batch.text], firsts, lasts)
    return Part(words.dialogue_hash[rows], rows, prompts[rows], totals[rows], counts, lasts - firsts, text)


def _merge(parts: Sequence[Part], starts: NDArray[np.int64]) -> Part:
    names = ("keys", "prompts", "words", "counts", "lengths")
    keys, prompts, words, counts, lengths = (np.concatenate([getattr(p, name) for p in parts]) for name in names)
    rows = np.concatenate([p.rows + start for p, start in zip(parts, starts, strict=False)])
    order = _order(keys, rows, words)
    message_ends, byte_ends = np.cumsum(counts), np.concatenate([[0], np.cumsum(lengths)])
    firsts, lasts = (message_ends - counts)[order], message_ends[order]
    text = _gathered([part.text for part in parts], byte_ends[firsts], byte_ends[lasts])
    return Part(
        keys[order], rows[order], prompts[order], words[order], counts[order], lengths[ranges(firsts, lasts)], text
    )


def _order(keys: NDArray[np.uint64], rows: NDArray[np.int64], words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Dialogues by content hash, the lowest row of equal ones, as many as hold a part's words."""
    order = np.lexsort((rows, keys))
    order = order[np.diff(keys[order], prepend=keys[order[:1]] - np.uint64(1)) != 0] if len(order) else order
    return order[: np.searchsorted(np.cumsum(words[order]), SAMPLE_WORDS) + 1]


def _gathered(
    texts: Sequence[NDArray[np.uint8]], firsts: NDArray[np.int64], lasts: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Spans of the texts, as if these stood one after the other; none crosses from one text into the next."""
    starts = np.cumsum([0, *(len(text) for text in texts[:-1])])
    source = np.searchsorted(starts, firsts, side="right") - 1
    places = np.concatenate([[0], np.cumsum(lasts - firsts)])
    found = np.empty(int(places[-1]), np.uint8)
    for i, text in enumerate(texts):
        chosen = np.flatnonzero(source == i)
        if len(chosen):
            copy_spans(text, firsts[chosen] - starts[i], lasts[chosen] - starts[i], found, places[chosen])
    found.flags.writeable = False  # like every text, so that the copying is compiled once
    return found


def ranges(firsts: NDArray[np.int64], lasts: NDArray[np.int64]) -> NDArray[np.int64]:
    """All numbers of the ranges ``firsts[i]`` to ``lasts[i]``, one range after the other."""
    lengths = lasts - firsts
    return np.repeat(firsts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())


@dataclass(frozen=True, slots=True)
class SampledText:
    """A part as word ids: what the diversity statistics and the probes read, and what ``sample.npz`` holds.

    Attributes:
        ids: shape (words,), dense word ids in order of first appearance.
        message_offsets: shape (m + 1,), into ``ids``.
        dialogue_offsets: shape (k + 1,), into messages.
        rows: shape (k,), as in ``Part``.
        prompts: shape (k,), as in ``Part``.
        vocabulary: the words in order of id.
    """

    ids: NDArray[np.int32]
    message_offsets: NDArray[np.int64]
    dialogue_offsets: NDArray[np.int64]
    rows: NDArray[np.int64]
    prompts: NDArray[np.uint64]
    vocabulary: list[str]

    @property
    def word_offsets(self) -> NDArray[np.int64]:
        """First word of every dialogue, shape (k + 1,)."""
        return self.message_offsets[self.dialogue_offsets]

    def first(self, words: int) -> SampledText:
        """The first dialogues that hold at least ``words`` words, or all."""
        k = int(np.searchsorted(self.word_offsets, words)) + 1
        if k >= len(self.dialogue_offsets):
            return self
        messages = self.dialogue_offsets[:k]
        words_kept = self.message_offsets[: messages[-1] + 1]
        return replace(
            self, ids=self.ids[: words_kept[-1]], message_offsets=words_kept, dialogue_offsets=messages,
            rows=self.rows[: k - 1], prompts=self.prompts[: k - 1],
        )  # fmt: skip

    def of_rows(self, rows: NDArray[np.int64]) -> SampledText:
        """The sampled dialogues among ``rows``, in the same order: again a sample in order of content hash."""
        chosen = np.flatnonzero(np.isin(self.rows, rows))
        if len(chosen) == len(self.rows):
            return self
        first, last = self.dialogue_offsets[chosen], self.dialogue_offsets[chosen + 1]
        messages = ranges(first, last)
        starts, ends = self.message_offsets[messages], self.message_offsets[messages + 1]
        ids = self.ids[ranges(starts, ends)]
        kinds, dense = np.unique(ids, return_inverse=True)
        return SampledText(
            dense.astype(np.int32),
            np.concatenate([[0], np.cumsum(ends - starts)]),
            np.concatenate([[0], np.cumsum(last - first)]),
            self.rows[chosen],
            self.prompts[chosen],
            [self.vocabulary[i] for i in kinds],
        )


def sampled_text(part: Part) -> SampledText:
    """The words of a part."""
    found = vocabulary(part.text, np.concatenate([[0], np.cumsum(part.lengths)]))
    dialogue_offsets = np.concatenate([[0], np.cumsum(part.counts)])
    return SampledText(found.ids, found.offsets, dialogue_offsets, part.rows, part.prompts, found.words)
