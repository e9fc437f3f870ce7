"""What of a dataset is in another: equal dialogues, prompts and replies, near-copies, dialogues alike in meaning."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ultraqa.analysis.corpus import NO_PROMPT
from ultraqa.analysis.drawn import embedded
from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.analysis.part import part_of
from ultraqa.analysis.semantic_duplicates import threshold_of
from ultraqa.analysis.statistics import wilson
from ultraqa.analysis.vector_search import EXACT, most_similar
from ultraqa.analysis.vectors import encoding_of, space
from ultraqa.dialogues.batch import ASSISTANT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile
    from ultraqa.analysis.vectors import Encoding

KINDS: Final = ("exact", "near", "semantic")
"""Kinds of match, the strongest first."""
_ROWS: Final = 5


class Pairs(NamedTuple):
    """Pairs of dialogues of two datasets that are alike.

    Attributes:
        rows: shape (p,), rows of the one.
        others: shape (p,), rows of the other.
        similarity: shape (p,), how alike they are, up to 1.
    """

    rows: NDArray[np.int64]
    others: NDArray[np.int64]
    similarity: NDArray[np.float64]

    def chosen(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.rows[which], self.others[which], self.similarity[which])


@dataclass(frozen=True, slots=True)
class Shared:
    """How many dialogues of a dataset are in another.

    Attributes:
        count: number of dialogues.
        share: of the n.
        low: lower end of its 95 % interval (Wilson's, over distinct dialogues).
        high: upper end.
        n: dialogues that were looked for.
    """

    count: int
    share: float
    low: float
    high: float
    n: int


class Overlap(NamedTuple):
    """What of a dataset is in another; lower shares = the two have less in common. The other way round is another one.

    Attributes:
        dataset: name of the dataset.
        other: name of the other.
        dialogues: dialogues of the dataset.
        exact: its dialogues that are equal to one of the other, byte for byte with roles.
        prompts: its dialogues whose prompt (first user message) is the prompt of one of the other.
        replies: its dialogues with a reply that is equal to one of the other, empty ones apart.
        near: its further dialogues that are near-duplicates of one of the other; None where these were not looked for.
        either: its dialogues that are one or the other.
        semantic: its drawn dialogues whose vector has the threshold's cosine with that of a drawn one of the other,
            equal ones included; None where the vectors cannot be compared.
        note: what was not measured and why, and over what the semantic share is.
        matches: the strongest match of each dialogue, ascending by ``row``: columns ``dataset``, ``row``, ``other``,
            ``other_row``, ``kind`` (exact, near or semantic) and ``similarity`` (1, Jaccard's or the cosine).
    """

    dataset: str
    other: str
    dialogues: int
    exact: Shared | None
    prompts: Shared | None
    replies: Shared | None
    near: Shared | None
    either: Shared | None
    semantic: Shared | None
    note: str
    matches: dict[str, NDArray[Any]]


class _Vectors(NamedTuple):
    """Vectors of distinct drawn dialogues: their rows, and the rows of all drawn dialogues that have one."""

    encoding: Encoding
    rows: NDArray[np.int64]
    dialogues: NDArray[np.float32]
    drawn: NDArray[np.int64]


class _Side(NamedTuple):
    """What is looked for of a dataset; ``first`` is the row of the first dialogue equal to each, itself or another."""

    profile: Profile
    content: NDArray[np.uint64]
    first: NDArray[np.int64]
    prompts: NDArray[np.uint64]
    replies: NDArray[np.uint64]
    owner: NDArray[np.int64]
    vectors: _Vectors | str


def overlap(
    a: Profile, b: Profile, near: Pairs | None = None, *, threshold: float | None = None, exact: int = EXACT
) -> tuple[Overlap, Overlap]:
    """What of dataset a is in b, and what of b is in a.

    Args:
        a: one dataset.
        b: another, or the same.
        near: verified pairs of near-duplicates, rows of a and rows of b with their Jaccard similarity; None where they
            were not looked for. A pair of dialogues holds for their exact copies too.
        threshold: least cosine of dialogues alike in meaning; by default that of the encoder.
        exact: number of dialogues up to which a search for semantic duplicates is exact; as many pairs are here.
    """
    return _between(_side(a), _side(b), near, threshold, exact)


def overlaps(
    profiles: Sequence[Profile],
    near: Callable[[Profile, Profile], Pairs | None] = lambda _a, _b: None,
    *,
    threshold: float | None = None,
    exact: int = EXACT,
) -> list[Overlap]:
    """What of each dataset is in each other one, in order of the datasets; ``near`` gives the pairs of two of them."""
    found: dict[tuple[int, int], Overlap] = {}
    here, side = -1, None
    for i, j in combinations(range(len(profiles)), 2):
        if side is None or i != here:
            here, side = i, _side(profiles[i])  # two datasets are held at a time
        pair = _between(side, _side(profiles[j]), near(profiles[i], profiles[j]), threshold, exact)
        found[i, j], found[j, i] = pair
    return [found[key] for key in sorted(found)]


def matrix(found: Sequence[Overlap]) -> list[dict[str, Any]]:
    """Overlaps as they stand in report.json: each Shared as a dict, of the matches the first rows that are copied."""
    listed = []
    for one in found:
        fields = one._asdict()
        matches = fields.pop("matches")
        copied = matches["row"][matches["kind"] != "semantic"][:_ROWS].tolist()
        shown = {k: asdict(v) if isinstance(v, Shared) else v for k, v in fields.items()}
        listed.append({**shown, "rows": copied})
    return listed


def _side(profile: Profile) -> _Side:
    content = profile.column("content_hash")
    copied = exact_duplicates(content)
    spoken = (profile.column("role", "messages") == ASSISTANT) & (profile.column("characters", "messages") > 0)
    return _Side(
        profile, content, np.where(copied >= 0, copied, np.arange(len(content))), profile.column("prompt_hash"),
        profile.column("hash", "messages")[spoken], profile.column("dialogue", "messages")[spoken], _vectors(profile),
    )  # fmt: skip


def _vectors(profile: Profile) -> _Vectors | str:
    """Vectors of the drawn dialogues in a language of the encoder, or why there are none."""
    encoding, part = encoding_of(profile), embedded(part_of(profile))
    if encoding is None:
        return f"{profile.name} has no vectors"
    found = space(part) if part is not None else None
    if part is None or found is None:
        return f"most of {profile.name} is in no language of {encoding.name}"
    spoken = np.asarray(found.dialogues.any(axis=1), np.bool_)
    chosen = spoken & part.distinct
    return _Vectors(encoding, part.rows[chosen], found.dialogues[chosen], part.rows[spoken])


def _between(a: _Side, b: _Side, near: Pairs | None, threshold: float | None, exact: int) -> tuple[Overlap, Overlap]:
    reversed_near = None if near is None else Pairs(near.others, near.rows, near.similarity)
    return _within(a, b, near, threshold, exact), _within(b, a, reversed_near, threshold, exact)


def _within(a: _Side, b: _Side, near: Pairs | None, threshold: float | None, exact: int) -> Overlap:
    """What of a is in b."""
    every = np.arange(len(a.content))
    equal = _equal(a.content, b.content)
    prompted = (a.prompts != NO_PROMPT) & np.isin(a.prompts, b.prompts)
    replied = np.zeros(len(every), np.bool_)
    replied[a.owner[np.isin(a.replies, b.replies)]] = True
    alike, drawn, notes = _semantic(a, b, threshold, exact)
    close = None
    if near is not None:
        close = _spread(near, a.first)
        close = close.chosen(~np.isin(close.rows, equal.rows))
    copied = np.concatenate([equal.rows, [] if close is None else close.rows])
    if close is None:
        notes = ["near-duplicates were not looked for", *notes]
    return Overlap(
        a.profile.name,
        b.profile.name,
        len(every),
        _shared(np.isin(every, equal.rows), a, every),
        _shared(prompted, a, every),
        _shared(replied, a, every),
        None if close is None else _shared(np.isin(every, close.rows), a, every),
        _shared(np.isin(every, copied), a, every),
        None if alike is None else _shared(np.isin(every, alike.rows), a, drawn),
        "; ".join(notes),
        _matches(a.profile.name, b.profile.name, (equal, close, alike)),
    )


def _equal(hashes: NDArray[np.uint64], others: NDArray[np.uint64]) -> Pairs:
    """Each hash that is among others (0 is none), with the first place where it stands there."""
    order = np.argsort(others, kind="stable")
    places = np.searchsorted(others, hashes, sorter=order)
    rows = np.flatnonzero((places < len(others)) & (hashes != 0))
    first = order[places[rows]]
    same = others[first] == hashes[rows]
    return Pairs(rows[same], first[same], np.ones(int(same.sum())))


def _spread(pairs: Pairs, first: NDArray[np.int64]) -> Pairs:
    """The most similar other of each dialogue, ties going to the lowest row, for its exact copies too."""
    firsts = first[pairs.rows]
    order = np.lexsort((pairs.others, -pairs.similarity, firsts))
    order = order[np.diff(firsts[order], prepend=-1) != 0]
    place = np.full(len(first), -1)
    place[firsts[order]] = order
    rows = np.flatnonzero(place[first] >= 0)
    chosen = place[first[rows]]
    return Pairs(rows, pairs.others[chosen], pairs.similarity[chosen])


def _semantic(
    a: _Side, b: _Side, threshold: float | None, exact: int
) -> tuple[Pairs | None, NDArray[np.int64], list[str]]:
    """The most similar dialogue of b for those of a that have one, the dialogues of a looked for, and notes."""
    ours, theirs = a.vectors, b.vectors
    if isinstance(ours, str) or isinstance(theirs, str):
        return None, np.empty(0, np.int64), sorted({one for one in (ours, theirs) if isinstance(one, str)})
    reason = _incomparable(ours.encoding, theirs.encoding)
    if reason:
        return None, np.empty(0, np.int64), [reason]
    least = threshold_of(ours.encoding) if threshold is None else threshold
    found = most_similar(ours.dialogues, theirs.dialogues, least, exact=exact)
    chosen = np.flatnonzero(found.of >= 0)
    pairs = Pairs(ours.rows[chosen], theirs.rows[found.of[chosen]], found.similarity[chosen])
    compared = f"{len(ours.drawn):,} of {len(a.content):,} dialogues with {len(theirs.drawn):,} of {len(b.content):,}"
    notes = [f"semantic: {compared}, cosine of at least {least:g}"]
    if found.method != "exact":
        recall = "unknown recall" if found.recall is None else f"recall {found.recall:.2f} ({found.recall_of} sampled)"
        notes.append(f"approximate search, {recall}")
    spread = _spread(pairs, a.first)
    drawn = np.isin(spread.rows, ours.drawn)  # a copy of a drawn dialogue need not be drawn itself
    return spread.chosen(drawn), ours.drawn, notes


def _incomparable(ours: Encoding, theirs: Encoding) -> str:
    if not ours.comparable or not theirs.comparable:
        return "semantic: the encoder was fitted on each dataset's own texts"
    if (ours.name, ours.sha256) != (theirs.name, theirs.sha256):
        return f"semantic: vectors of {ours.name} and {theirs.name} are not compared"
    return ""


def _shared(marked: NDArray[np.bool_], side: _Side, rows: NDArray[np.int64]) -> Shared | None:
    """Number and share of marked dialogues among some rows, None where there are none."""
    if not len(rows):
        return None
    distinct = marked[rows[side.first[rows] == rows]]
    low, high = wilson(float(distinct.mean()), len(distinct))
    count = int(marked[rows].sum())
    value = count / len(rows)
    return Shared(count, value, min(low, value), max(high, value), len(rows))


def _matches(dataset: str, other: str, kinds: Sequence[Pairs | None]) -> dict[str, NDArray[Any]]:
    """Of each dialogue with a match the strongest, as columns."""
    known = [(kind, pairs) for kind, pairs in enumerate(kinds) if pairs is not None]
    rows, others, similarity = (np.concatenate([getattr(pairs, name) for _, pairs in known]) for name in Pairs._fields)
    kind = np.concatenate([np.full(len(pairs.rows), kind) for kind, pairs in known])
    order = np.lexsort((kind, rows))
    order = order[np.diff(rows[order], prepend=-1) != 0]
    names = (np.full(len(order), one) for one in (dataset, other))
    return {
        "dataset": next(names), "row": rows[order], "other": next(names), "other_row": others[order],
        "kind": np.array(KINDS)[kind[order]], "similarity": similarity[order],
    }  # fmt: skip
