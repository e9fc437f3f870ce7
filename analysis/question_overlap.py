"""Where questions stand in a dataset: one walk over its texts, without the 8-grams that are template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis.ngrams import GRAM, Hits, Index, find, index, overlaps
from ultraqa.analysis.questions import Questions, normalised
from ultraqa.analysis.words import Workspace, word_hashes
from ultraqa.dialogues.batch import USER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile
    from ultraqa.analysis.rereading import Origin, Texts
    from ultraqa.dialogues.batch import Batch

RUN: Final = 13
"""Words of a run that GPT-3's rule looks for (Brown et al. 2020, appendix C)."""
FEWEST: Final = 50
FEWEST_ASKED: Final = 10
ONE_IN: Final = 50
"""An 8-gram in more than 50 distinct dialogues and one in 50 of them, or in more than 10 different questions of a
benchmark and one in 50 of them, is template."""


class Pairs(NamedTuple):
    """Pairs of a message of a distinct dialogue and a question that is found in it or shares a run of 13 words.

    Attributes:
        message: shape (p,), number of the message in the Profile.
        item: shape (p,), number of the question.
        coverage: shape (p,), share of the question's words, without those of templates, in 8-grams of the message; 1
            where the message equals the question.
        longest: shape (p,), words of the longest run that both share.
        exact: shape (p,), whether the message equals the question.
    """

    message: NDArray[np.int64]
    item: NDArray[np.int64]
    coverage: NDArray[np.float64]
    longest: NDArray[np.int64]
    exact: NDArray[np.bool_]

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Pairs:
        """Some of the pairs."""
        return Pairs._make(column[which] for column in self)


class Overlap(NamedTuple):
    """What a dataset shares with questions.

    Attributes:
        known: index of the questions.
        template: shape (g,), 8-grams that do not count.
        most: distinct dialogues in which an 8-gram may stand before it is template.
        total: shape (words + 1,), words that count before each word of the questions.
        pairs: by message, then question.
    """

    known: Index
    template: NDArray[np.bool_]
    most: int
    total: NDArray[np.int64]
    pairs: Pairs

    def words(self) -> NDArray[np.int64]:
        """Words of each question that count, shape (questions,)."""
        return np.diff(self.total[self.known.offsets])


def overlap(
    profile: Profile,
    origin: Origin,
    questions: Questions,
    distinct: NDArray[np.bool_],
    threshold: float,
    advance: Callable[[int, int], None],
) -> Overlap:
    """Look for questions in the distinct dialogues of a dataset (a mask of shape (d,))."""
    known = index(questions.words)
    most = max(FEWEST, int(distinct.sum()) // ONE_IN)
    common = _in_many_questions(questions, known)
    walked = _looked_through(profile, origin, _Equal(questions, known), known, distinct, common, most, advance)
    template = (walked.dialogues > most) | common
    total = np.append(0, np.cumsum(~known.covered(template)))
    hits = walked.hits.chosen(~template[walked.hits.gram])
    return Overlap(known, template, most, total, _pairs(known, hits, walked.exact, total, threshold))


def _pairs(known: Index, hits: Hits, exact: NDArray[np.int64], total: NDArray[np.int64], threshold: float) -> Pairs:
    """Pairs by 8-grams and, with a coverage of 1, those of equals."""
    parts, words = [_equals(exact, np.diff(known.offsets))], np.diff(total[known.offsets])
    for some in overlaps(known, hits, total):
        n = words[some.item]
        coverage = np.where(n >= GRAM, some.covered / np.maximum(n, 1), 0.0)  # of fewer is left than an 8-gram
        part = Pairs(some.message, some.item, coverage, some.longest, np.zeros(len(n), np.bool_))
        parts.append(part.chosen((coverage >= threshold) | (some.longest >= RUN)))
    whole = Pairs._make(map(np.concatenate, zip(*parts, strict=True)))
    whole = whole.chosen(np.lexsort((whole.item, whole.message)))  # stable: of two of a pair the exact one is first
    first = np.append(True, (np.diff(whole.message) != 0) | (np.diff(whole.item) != 0))[: len(whole.message)]
    return whole.chosen(first)


def _equals(exact: NDArray[np.int64], sizes: NDArray[np.int64]) -> Pairs:
    message, item = exact.T
    return Pairs(message, item, np.ones(len(exact)), sizes[item], np.ones(len(exact), np.bool_))


def first_messages(profile: Profile) -> NDArray[np.int64]:
    """Number of the first message of each dialogue, shape (d,)."""
    found: NDArray[np.int64] = np.searchsorted(profile.column("dialogue", "messages"), np.arange(len(profile)))
    return found


def message_numbers(texts: Texts, firsts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number in the Profile of each message of a batch."""
    offsets = texts.batch.dialogue_offsets
    sizes = np.diff(offsets)
    return np.arange(offsets[-1]) + np.repeat(firsts[texts.rows] - offsets[:-1], sizes)


class _Look(NamedTuple):
    """What one batch, or all, holds; messages are counted through the Profile.

    Attributes:
        hits: 8-grams of questions in distinct dialogues.
        exact: shape (e, 2), message and question that it equals.
        dialogues: of one batch 8-grams, each as often as distinct dialogues have it; of all, dialogues by 8-gram.
        size: dialogues looked at.
    """

    hits: Hits
    exact: NDArray[np.int64]
    dialogues: NDArray[np.int64]
    size: int


def _looked_through(
    profile: Profile,
    origin: Origin,
    equal: _Equal,
    known: Index,
    distinct: NDArray[np.bool_],
    common: NDArray[np.bool_],
    most: int,
    advance: Callable[[int, int], None],
) -> _Look:
    """What the distinct dialogues of a dataset hold; copies hold the same, and count for nothing."""
    firsts = first_messages(profile)

    def look(texts: Texts, workspace: Workspace) -> _Look:
        batch = texts.batch
        hits, wholes = find(word_hashes(batch, workspace), known)
        owner = np.repeat(np.arange(len(batch)), np.diff(batch.dialogue_offsets))
        fresh, number = distinct[texts.rows[owner]], message_numbers(texts, firsts)
        message, word, gram = (column[fresh[hits.message]] for column in hits)
        dialogues = np.unique(owner[message] * len(common) + gram) % max(1, len(common))
        exact = np.array([(number[i], item) for i, item in equal(batch, owner, wholes) if fresh[i]], np.int64)
        return _Look(Hits(number[message], word, gram), exact.reshape(-1, 2), dialogues, len(batch))

    counts, done = np.zeros(len(common), np.int64), 0
    hits, exact = [Hits(*np.zeros((3, 0), np.int64))], [np.zeros((0, 2), np.int64)]
    for one in origin.walk(np.arange(len(profile)), look):
        np.add.at(counts, one.dialogues, 1)
        kept = (counts <= most) & ~common  # what is template already need not be held
        hits.append(one.hits.chosen(kept[one.hits.gram]))
        exact.append(one.exact)
        done += one.size
        advance(done, len(profile))
    return _Look(Hits(*map(np.concatenate, zip(*hits, strict=True))), np.concatenate(exact), counts, done)


class _Equal:
    """Finds messages that equal a question: by a hash of all words, then by the texts."""

    def __init__(self, questions: Questions, known: Index) -> None:
        wholes = find(questions.words, known)[1]
        self._order = np.argsort(wholes, kind="stable")
        self._wholes = wholes[self._order]
        self._texts = [normalised(item.text) for item in questions.items]
        self._long = np.diff(known.offsets) >= GRAM

    def __call__(self, batch: Batch, owner: NDArray[np.int64], wholes: NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
        """Message of a batch and number of the question, for each pair of equals.

        A short question is none where an assistant says it to a user: "Breaking Bad" is also an answer.
        """
        low = np.searchsorted(self._wholes, wholes)
        maybe = np.flatnonzero(self._wholes[np.minimum(low, len(self._wholes) - 1)] == wholes)
        high = np.searchsorted(self._wholes, wholes[maybe], side="right")
        asked = np.zeros(len(batch), np.bool_)
        asked[owner[batch.roles == USER]] = True
        for i, first, last in zip(maybe.tolist(), low[maybe].tolist(), high.tolist(), strict=True):
            text, asking = normalised(batch.message(i)), batch.roles[i] == USER or not asked[owner[i]]
            for item in self._order[first:last].tolist():
                if text and text == self._texts[item] and (asking or self._long[item]):
                    yield i, item


def _in_many_questions(questions: Questions, known: Index) -> NDArray[np.bool_]:
    """8-grams in so many different questions of one benchmark that they are how it asks, and identify none of them."""
    found = np.zeros(len(known.grams), np.bool_)
    wholes = find(questions.words, known)[1]
    benchmark = np.array([item.benchmark for item in questions.items], np.int64)
    gram, item = np.repeat(np.arange(len(found)), np.diff(known.bounds)), known.items(known.places)
    for number in range(len(questions.benchmarks)):
        members = np.flatnonzero(benchmark == number)
        different = np.zeros(len(benchmark), np.bool_)
        different[members[np.unique(wholes[members], return_index=True)[1]]] = True
        chosen = different[item]
        once = np.unique(gram[chosen] * len(benchmark) + item[chosen]) // len(benchmark)
        found |= np.bincount(once, minlength=len(found)) > max(FEWEST_ASKED, int(different.sum()) // ONE_IN)
    return found
