"""Tokens of data that is too large to count whole: their number per word, from a seeded sample of dialogues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ultraqa.analysis.metric import Result
from ultraqa.analysis.pieces import PieceCache, Pieces
from ultraqa.analysis.statistics import Clusters, ratio_interval
from ultraqa.dialogues.batch import ASSISTANT, USER, Batch, BatchBuilder, Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile

SAMPLED_DIALOGUES: Final = 10_000
_TOGETHER: Final = 500
_ROLES: Final = (("user", USER), ("assistant", ASSISTANT))


def tokens_per_word(profile: Profile, pieces: Pieces, distinct: NDArray[np.bool_], seed: int) -> list[Result]:
    """Tokens per word of user and assistant messages, from a seeded sample of 10,000 distinct dialogues.

    Multiplied by the words of the whole it estimates the tokens of data of which they were not all counted. The
    interval is over dialogues. None where the sampled messages hold no word.
    """
    candidates = np.flatnonzero(distinct)
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(candidates, min(SAMPLED_DIALOGUES, len(candidates)), replace=False))
    cache = PieceCache(pieces.log)
    counted = np.concatenate(
        [_tokens(profile, rows[i : i + _TOGETHER], pieces, cache) for i in range(0, len(rows), _TOGETHER)]
    )
    return [_ratio(profile, pieces, scope, counted[:, role], rows) for scope, role in _ROLES]


def _tokens(profile: Profile, rows: NDArray[np.int64], pieces: Pieces, cache: PieceCache) -> NDArray[np.float64]:
    """Tokens of user and assistant in each of some dialogues, shape (rows, 2)."""
    batch = _batch(profile, rows)
    owner = np.repeat(np.arange(len(rows)), np.diff(batch.dialogue_offsets))
    sums = np.bincount(2 * owner + batch.roles, weights=cache.count(batch, pieces), minlength=2 * len(rows))
    return sums.reshape(-1, 2).astype(float)


def _batch(profile: Profile, rows: NDArray[np.int64]) -> Batch:
    builder = BatchBuilder()
    for dialogue in profile.texts(rows.tolist()):
        builder.add("", Record(0, 0, "", [dialogue], {}))
    return builder.batch()


def _ratio(profile: Profile, pieces: Pieces, scope: str, tokens: NDArray[Any], rows: NDArray[np.int64]) -> Result:
    words = profile.column(f"words_{scope}")[rows].astype(float)
    total = float(words.sum())
    value = float(tokens.sum()) / total if total else None
    clusters = Clusters(None, np.ones(len(rows), np.bool_))
    low, high = ratio_interval(value, tokens, words, clusters) if value is not None else (None, None)
    note = f"of {len(rows):,} sampled dialogues; --tokens all counts every token" if total else "no word in the sample"
    version = f"1 {pieces.name}"
    return Result(
        profile.name,
        "tokens_per_word",
        scope,
        "value",
        value,
        low,
        high,
        "tokens",
        len(rows),
        version=version,
        note=note,
    )
