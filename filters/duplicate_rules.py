"""Duplicate rules: of dialogues that say the same, the first that no other rule drops is kept.

All duplicate rules act together and after the others, so that whatever is dropped has its like in what is kept, and
nothing is dropped for one that is itself dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ultraqa.analysis import arrow
from ultraqa.analysis.banding import keep
from ultraqa.analysis.deduplication import GREETING, PAIRS
from ultraqa.analysis.shingles import SHORT
from ultraqa.dialogues.batch import ASSISTANT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile
    from ultraqa.filters.rule import Rule

_HASHES: Final = {"dialogue": "content_hash", "prompt": "prompt_hash"}
_UNKNOWN: Final = 0.0
"""Similarity of two that are both similar to a third, which another rule drops."""


class Twins(NamedTuple):
    """What of d dialogues is dropped as a duplicate.

    Attributes:
        kept: shape (d,), the dialogue that is kept in its place, -1 where it is none.
        similarity: shape (d,), to that one, NaN where it is none or the similarity is not known.
        rule: shape (d,), number of the first rule, -1 where it is none.
        hits: the dropped dialogues by every rule that takes them for duplicates of what is kept in their place.
    """

    kept: NDArray[np.int64]
    similarity: NDArray[np.float64]
    rule: NDArray[np.int64]
    hits: dict[int, NDArray[np.int64]]


class _Edges(NamedTuple):
    """Pairs of dialogues that say the same, the earlier one first."""

    pairs: NDArray[np.int64]
    similarity: NDArray[np.float64]


def among(profile: Profile, rules: Sequence[tuple[int, Rule]], left: NDArray[np.bool_]) -> Twins:
    """Duplicates among the dialogues that other rules leave, in order of their rows.

    Args:
        profile: the dialogues.
        rules: on duplicates, with their numbers.
        left: shape (d,), which dialogues other rules leave.
    """
    d = len(profile)
    edges = [_edges(profile, rule.key, left) for _, rule in rules]
    if not edges:
        return Twins(np.full(d, -1), np.full(d, np.nan), np.full(d, -1), {})
    pairs = np.concatenate([one.pairs for one in edges])
    similarity = np.concatenate([one.similarity for one in edges])
    numbers = np.repeat([number for number, _ in rules], [len(one.pairs) for one in edges])
    found = keep(pairs, similarity + 1.0, np.arange(d))  # above 0: what is similar at all is a duplicate
    dropped = np.flatnonzero(found.kept != np.arange(d))
    kept = np.full(d, -1)
    kept[dropped] = found.kept[dropped]
    weight = np.full(d, np.nan)
    weight[dropped] = found.similarity[dropped] - 1.0
    weight[weight == _UNKNOWN] = np.nan
    says = kept[pairs[:, 1]] == pairs[:, 0]
    hits = {number: np.unique(pairs[says & (numbers == number), 1]) for number, _ in rules}
    first = np.full(d, -1)
    for number, rows in reversed(hits.items()):  # the first one is written last
        first[rows] = number
    return Twins(kept, weight, first, hits)


def _edges(profile: Profile, key: str, left: NDArray[np.bool_]) -> _Edges:
    metric, _, scope = key.partition(".")
    scope = scope or "dialogue"
    if metric == "copied_prompts":
        long = profile.column("words_prompt") >= GREETING
        return _copies(np.where(long, profile.column("prompt_hash"), np.uint64(0)), left)
    if metric == "copied_replies":
        return _replies(profile, left)
    if metric == "semantic_duplicates":
        of = _numbers(profile, "semantic_duplicate_of")
        return _stars(of, profile.column("semantic_similarity"), left)
    suffix = "" if scope == "dialogue" else f"_{scope}"
    of, similarity = _numbers(profile, f"duplicate_of{suffix}"), profile.column(f"similarity{suffix}").astype(float)
    if metric == "exact_duplicates":
        if scope in _HASHES:
            return _copies(profile.column(_HASHES[scope]), left)
        kinds = profile.column(f"duplicate_kind{suffix}") == "exact"
        return _stars(np.where(kinds, of, -1), similarity, left)
    stars = _stars(of, similarity, left)
    verified = _verified(profile, scope, left)
    return _Edges(
        np.concatenate([stars.pairs, verified.pairs]), np.concatenate([stars.similarity, verified.similarity])
    )


def _replies(profile: Profile, left: NDArray[np.bool_]) -> _Edges:
    """Every dialogue that is left and the first that is left and holds the same long reply."""
    long = (profile.column("role", "messages") == ASSISTANT) & (profile.column("words", "messages") >= SHORT)
    owner, hashes = profile.column("dialogue", "messages")[long], profile.column("hash", "messages")[long]
    there = left[owner]
    owner, hashes = owner[there], hashes[there]
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    pairs = np.stack([owner[first[inverse]], owner], axis=1)
    pairs = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    return _Edges(pairs, np.full(len(pairs), _UNKNOWN))


def _numbers(profile: Profile, column: str) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.nan_to_num(profile.column(column).astype(float), nan=-1).astype(np.int64)
    return found


def _copies(hashes: NDArray[np.uint64], left: NDArray[np.bool_]) -> _Edges:
    """Every dialogue that is left and the first that is left and has the same hash; 0 says that there is no text."""
    rows = np.flatnonzero(left & (hashes != 0))
    _, first, inverse = np.unique(hashes[rows], return_index=True, return_inverse=True)
    pairs = np.stack([rows[first[inverse]], rows], axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return _Edges(pairs, np.ones(len(pairs)))


def _stars(of: NDArray[np.int64], similarity: NDArray[np.floating], left: NDArray[np.bool_]) -> _Edges:
    """Every member of a cluster that is left and the first that is left; a cluster is a kept one and its duplicates."""
    rows = np.flatnonzero(of >= 0)
    members = np.concatenate([rows, np.unique(of[rows])])
    centre = np.concatenate([of[rows], np.unique(of[rows])])
    order = np.lexsort((members, centre))
    members, centre = members[order], centre[order]
    there = left[members]
    members, centre = members[there], centre[there]
    _, first, inverse = np.unique(centre, return_index=True, return_inverse=True)
    leader = members[first[inverse]] if len(members) else members
    later = leader != members
    pairs = np.stack([leader[later], members[later]], axis=1)
    to_centre = np.where(np.isnan(similarity), 1.0, similarity)  # the centre is like itself
    lead, follow = to_centre[pairs[:, 0]], to_centre[pairs[:, 1]]
    is_centre = pairs[:, 0] == centre[later]
    follows_centre = pairs[:, 1] == centre[later]
    known = np.where(is_centre, follow, np.where(follows_centre, lead, _UNKNOWN))
    return _Edges(pairs, np.where((lead == 1) & (follow == 1), 1.0, known))


def _verified(profile: Profile, scope: str, left: NDArray[np.bool_]) -> _Edges:
    """The verified pairs of a scope of which both are left."""
    file = profile.path / PAIRS
    if not file.is_file():
        return _Edges(np.empty((0, 2), np.int64), np.empty(0))
    table = pq.read_table(file, columns=["scope", "row", "other", "jaccard"])
    table = table.filter(pc.field("scope") == scope)
    ends = np.sort(np.stack([arrow.array(table["row"]), arrow.array(table["other"])], axis=1), axis=1)
    both = left[ends].all(axis=1) & (ends[:, 0] != ends[:, 1])
    return _Edges(ends[both], arrow.array(table["jaccard"])[both].astype(float))
