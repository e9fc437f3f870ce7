"""Coherence from vectors, without a language model: does a message fit what was said before, and is the order right?

Each measure is an anomaly detector, not a score of quality: it finds replies that belong to another dialogue and turns
out of order, and says by its AUC how well it can do so on these data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis.metric import Result
from ultraqa.analysis.statistics import Clusters, describe, ratio_interval
from ultraqa.analysis.statistics import share as share_of
from ultraqa.analysis.vectors import units
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ultraqa.analysis.part import Part
    from ultraqa.analysis.vectors import Space

POOL: Final = 2_000
"""Messages of other dialogues that one is set against."""
MIN_MESSAGES: Final = 6
"""Messages that a dialogue needs for the order of its turns to mean anything."""
SHUFFLES: Final = 20
_FEWEST: Final = 10  # dialogues; percentiles among fewer others say nothing
_TELLING: Final = 0.6
_ALONE: Final = f"no reply with {_FEWEST} other dialogues beside it"
_WHY_UNDEFINED: Final = {
    "relevance": _ALONE,
    "relevance_context": _ALONE,
    "turn_order": f"defined in dialogues of {MIN_MESSAGES} messages or more",
}
_POWERLESS: Final = {
    "turn_order": "the measure cannot tell real from shuffled order here: its other numbers say nothing",
    "relevance": "the measure cannot tell a reply from one of another dialogue here: its other numbers say nothing",
}
_LAGS: Final = 12  # messages of a context; the weight of what lies before is below a thousandth
_FADE: Final = 0.5  # weight of a message beside the one after it, in the context of a reply
_TOGETHER: Final = 512
_HELD: Final = 1 << 15


def relevance() -> None:
    """How well a reply fits the message before it: its percentile among replies of other dialogues.

    Share of up to 2,000 replies of other dialogues whose mean-centred vectors are less like the message's. 1 = fits
    better than all others, .5 = chance; its mean over replies is the AUC of matched against all other replies, printed
    with an interval over dialogues. It finds replies to other questions; it does not find wrong or bad ones. None
    without a reply, and where fewer than ten other dialogues have one.
    """


def relevance_context() -> None:
    """As relevance, with all that was said before the reply, each message at half the weight of the one after it.

    The last twelve messages are read; those before them would weigh less than a thousandth.
    Higher than ``relevance`` wherever a dialogue stays with its subject, for a reply is then also set against its own
    earlier rounds.
    """


def off_topic() -> None:
    """Replies that fit what was said before (``relevance_context``) less well than half of other dialogues' replies.

    As a share of replies, and of dialogues with at least one, which grows with their length. Lower = fewer replies
    beside the point. For review: short replies ("Yes"), small talk and code have little to be recognised by.
    """


def turn_order() -> None:
    """How much more alike messages are that follow one another than others of the same dialogue.

    Mean cosine of adjacent messages minus that of all other pairs, each vector less the mean of its role, in dialogues
    of at least six messages; higher = each message leads to the next. The AUC is the share of 20 shuffled orders of the
    same dialogue that have a lower value: 1 = the order is plain, .5 = the measure cannot tell. None in shorter ones.
    """


def adjacent_similarity() -> None:
    """Mean cosine similarity of each message to the one before it.

    Higher = less moves between messages; neither end is good: 1 repeats, 0 changes the subject. None below two
    messages.
    """


def drift() -> None:
    """How far a dialogue moves from its opening: similarity of the second message to the first, less that of the last.

    Cosines; higher = moves further away, about 0 = stays with its subject. None below four messages.
    """


def topic_shift() -> None:
    """Follow-up messages of the user by how they fit what was said before: maintenance, drift or shift of the topic.

    As ``relevance_context``, for user messages after the first: maintenance from the 90th percentile among the user
    messages of other dialogues, shift below the median, drift between. Shares of all follow-ups. None without one.
    """


class Columns(NamedTuple):
    """Columns of the dialogues of a part, each of shape (d,), NaN where undefined."""

    relevance: NDArray[np.float64]
    relevance_replies: NDArray[np.float64]
    relevance_context: NDArray[np.float64]
    off_topic: NDArray[np.float64]
    turn_order: NDArray[np.float64]
    turn_order_rank: NDArray[np.float64]
    adjacent_similarity: NDArray[np.float64]
    drift: NDArray[np.float64]
    topic_maintenance_user: NDArray[np.float64]
    topic_drift_user: NDArray[np.float64]
    topic_shift_user: NDArray[np.float64]


def columns(part: Part, space: Space, seed: int) -> Columns:
    """Every column of coherence of a part, all of whose dialogues have vectors.

    Args:
        part: the dialogues.
        space: their vectors.
        seed: of the shuffled orders.
    """
    centred = _centred(space.messages, part)
    context = _contexts(centred, part.owner)
    after = np.append(False, part.owner[1:] == part.owner[:-1])
    alone = percentiles(part, centred, centred, ASSISTANT, places=np.where(after, np.arange(len(after)) - 1, -1))
    replies = percentiles(part, centred, context, ASSISTANT)
    followups = percentiles(part, centred, context, USER)
    d = len(part.rows)
    n = _sums(np.isfinite(alone).astype(float), part.owner, d)
    in_context = np.isfinite(replies).astype(float)
    bands = [followups >= 0.9, (followups >= 0.5) & (followups < 0.9), followups < 0.5]
    asked = _sums(np.isfinite(followups).astype(float), part.owner, d)
    order = _order(space.messages, centred, part.owner, d, np.random.default_rng(seed))
    fits, known = _sums(replies, part.owner, d), _sums(in_context, part.owner, d)
    return Columns(
        _ratio(_sums(alone, part.owner, d), n), n, _ratio(fits, known),
        np.where(n > 0, _sums((replies < 0.5).astype(float), part.owner, d), np.nan), *order,
        *(np.where(asked > 0, _sums(band.astype(float), part.owner, d), np.nan) for band in bands),
    )  # fmt: skip


def percentiles(
    part: Part,
    centred: NDArray[np.float32],
    context: NDArray[np.float32],
    role: int,
    places: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Percentile of every message of a role among those of other dialogues, by its cosine to its own context.

    Args:
        part: the dialogues.
        centred: mean-centred unit vectors of the messages, shape (m, dimension).
        context: of what stands before each message, shape (m, dimension), zero for an opening.
        role: USER or ASSISTANT.
        places: row of each message's context in ``context``, -1 for none; by default its own.

    Returns:
        Shape (m,); NaN for messages of the other role, openings, and messages without a vector.
    """
    found = np.full(len(centred), np.nan)
    at = np.arange(len(centred)) if places is None else places
    told = (at >= 0) & np.asarray(context.any(axis=1), np.bool_)[at]
    asked = np.flatnonzero((part.roles == role) & told & centred.any(axis=1))
    order = asked[np.argsort(part.message("hash")[asked], kind="stable")]
    pool = order[part.distinct[part.owner[order]]][:POOL]
    if len(np.unique(part.owner[pool])) < _FEWEST:
        return found
    others = np.ascontiguousarray(centred[pool].T)
    for i in range(0, len(asked), _TOGETHER):
        some = asked[i : i + _TOGETHER]
        asking = context[at[some]]
        own = (asking * centred[some]).sum(axis=1, keepdims=True)
        similar = asking @ others
        foreign = part.owner[pool][None, :] != part.owner[some][:, None]
        below = ((similar < own) + 0.5 * (similar == own)) * foreign
        found[some] = below.sum(axis=1) / foreign.sum(axis=1)
    return found


def _centred(messages: NDArray[np.float32], part: Part) -> NDArray[np.float32]:
    """Unit vectors less the mean of their role, at unit length again: what all messages share says nothing."""
    found = np.zeros_like(messages)
    for role in (USER, ASSISTANT):
        chosen = np.flatnonzero((part.roles == role) & messages.any(axis=1))
        mean = np.sum([messages[at].sum(axis=0, dtype=np.float64) for at in _some(chosen)], axis=0)
        mean /= max(1, len(chosen))
        for at in _some(chosen):
            found[at] = units(messages[at] - mean.astype(np.float32))
    return found


def _some(places: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Places a few at a time: a second copy of all vectors would cost memory."""
    return np.array_split(places, len(places) // _HELD + 1)


def _contexts(centred: NDArray[np.float32], owner: NDArray[np.int64]) -> NDArray[np.float32]:
    """Unit vectors of what stands before each message: the one before it and, at half its weight, all before that."""
    position = np.arange(len(owner)) - np.searchsorted(owner, owner)
    found = np.zeros_like(centred)
    for lag in range(1, _LAGS + 1):
        for at in _some(np.flatnonzero(position >= lag)):
            found[at] += _FADE ** (lag - 1) * centred[at - lag]
    for at in _some(np.arange(len(found))):
        found[at] = units(found[at])
    return found


def _order(
    messages: NDArray[np.float32],
    centred: NDArray[np.float32],
    owner: NDArray[np.int64],
    d: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], ...]:
    """Columns turn_order, turn_order_rank, adjacent_similarity and drift."""
    order, rank, drifts = (np.full(d, np.nan) for _ in range(3))
    counts = np.bincount(owner, minlength=d)
    lasts = np.cumsum(counts)
    after = np.flatnonzero(owner[1:] == owner[:-1]) + 1
    spoken = after[messages[after].any(axis=1) & messages[after - 1].any(axis=1)]
    cosines = np.concatenate([(messages[at] * messages[at - 1]).sum(axis=1) for at in _some(spoken)])
    adjacent = _ratio(_sums(cosines, owner[spoken], d), np.bincount(owner[spoken], minlength=d).astype(float))
    long = np.flatnonzero(counts >= 4)
    first = lasts[long] - counts[long]
    drifts[long] = (messages[first] * (messages[first + 1] - messages[lasts[long] - 1])).sum(axis=1)
    for row in np.flatnonzero(counts >= MIN_MESSAGES).tolist():
        vectors = centred[lasts[row] - counts[row] : lasts[row]]
        vectors = vectors[vectors.any(axis=1)][:_LONGEST]
        if len(vectors) >= MIN_MESSAGES:
            order[row], rank[row] = _contrast(vectors, rng)
    return order, rank, adjacent, drifts


_LONGEST: Final = 64  # messages; the order of the first sixty shows what there is to show


def _contrast(vectors: NDArray[np.float32], rng: np.random.Generator) -> tuple[float, float]:
    """Adjacent minus other similarity of one dialogue, and the share of shuffled orders that have less of it."""
    n = len(vectors)
    similar = vectors @ vectors.T
    orders = np.argsort(rng.random((SHUFFLES + 1, n)), axis=1)
    orders[0] = np.arange(n)
    adjacent = similar[orders[:, :-1], orders[:, 1:]].sum(axis=1)
    total = (float(similar.sum()) - float(np.trace(similar))) / 2
    contrast = adjacent / (n - 1) - (total - adjacent) / (n * (n - 1) / 2 - (n - 1))
    lower = (contrast[1:] < contrast[0]) + 0.5 * (contrast[1:] == contrast[0])
    return float(contrast[0]), float(lower.mean())


def _sums(values: NDArray[np.float64], owner: NDArray[np.int64], d: int) -> NDArray[np.float64]:
    return np.bincount(owner, weights=np.nan_to_num(values), minlength=d).astype(float)


def _ratio(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
    return found


def rows(part: Part, version: str) -> Iterator[Result]:
    """Every row of coherence of a part, from its columns."""
    by_dialogue = Clusters(None, part.distinct)
    replies, value = part.dialogue("relevance_replies"), part.dialogue("relevance")
    yield from _mean_rows(part, "relevance", version, _ALONE)
    yield _auc(part, "relevance", "assistant", np.nan_to_num(value * replies), replies, version)
    in_context = part.dialogue("relevance_context")
    known = np.isfinite(in_context).astype(float) * np.nan_to_num(replies)
    yield _auc(part, "relevance_context", "assistant", np.nan_to_num(in_context * known), known, version)
    off = part.dialogue("off_topic")
    defined = np.isfinite(off)
    yield _off_topic_row(part, np.nan_to_num(off), np.nan_to_num(replies) * defined, version)
    for statistic, number, low, high in share_of(off[defined] > 0, Clusters(None, part.distinct[defined])):
        unit = "share" if statistic == "share" else ""
        yield Result(
            part.name, "off_topic", "dialogue", statistic, number, low, high, unit, int(defined.sum()),
            int((~defined).sum()), None, version,
        )  # fmt: skip
    yield from _mean_rows(part, "turn_order", version, _WHY_UNDEFINED["turn_order"])
    rank = part.dialogue("turn_order_rank")
    yield _auc(part, "turn_order", "dialogue", np.nan_to_num(rank), np.isfinite(rank).astype(float), version)
    yield from _mean_rows(part, "adjacent_similarity", version, "defined in dialogues of two messages or more")
    yield from _mean_rows(part, "drift", version, "defined in dialogues of four messages or more")
    kinds = ("topic_maintenance", "topic_drift", "topic_shift")
    counts = {kind: np.nan_to_num(part.dialogue(f"{kind}_user")) for kind in kinds}
    total = sum(counts.values(), np.zeros(len(part.rows)))
    for kind, count in counts.items():
        share = float(count.sum() / total.sum()) if total.sum() else None
        low, high = _within(ratio_interval(share, count, total, by_dialogue)) if share is not None else (None, None)
        note = "" if share is not None else "no follow-up of a user with ten other dialogues beside it"
        yield Result(
            part.name, kind, "user", "share", share, low, high, "share", int(total.sum()), 0, None, version, note
        )


def _within(interval: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    """An interval of a share or an AUC, which cannot leave 0 to 1."""
    low, high = interval
    return (None, None) if low is None or high is None else (max(0.0, low), min(1.0, high))


def _mean_rows(part: Part, metric: str, version: str, why: str) -> Iterator[Result]:
    values = part.dialogue(metric)
    undefined = int(np.isnan(values).sum())
    for statistic, number, low, high in describe(values, Clusters(None, part.distinct)):
        note = why if undefined else ""
        yield Result(
            part.name, metric, "dialogue", statistic, number, low, high, "", len(values) - undefined, undefined, None,
            version, note,
        )  # fmt: skip


def _off_topic_row(part: Part, off: NDArray[np.float64], replies: NDArray[np.float64], version: str) -> Result:
    n = int(replies.sum())
    value = float(off.sum()) / n if n else None
    clusters = Clusters(None, part.distinct)
    low, high = _within(ratio_interval(value, off, replies, clusters)) if value is not None else (None, None)
    note = "" if n else _ALONE
    return Result(part.name, "off_topic", "assistant", "share", value, low, high, "share", n, 0, None, version, note)


def _auc(
    part: Part, metric: str, scope: str, top: NDArray[np.float64], bottom: NDArray[np.float64], version: str
) -> Result:
    """The mean of percentiles, which is an AUC, over all of them, with its interval over dialogues."""
    n = int(bottom.sum())
    value = float(top.sum()) / n if n else None
    clusters = Clusters(None, part.distinct)
    low, high = _within(ratio_interval(value, top, bottom, clusters)) if value is not None else (None, None)
    note = _WHY_UNDEFINED[metric] if value is None else _POWERLESS.get(metric, "") if value < _TELLING else ""
    return Result(part.name, metric, scope, "auc", value, low, high, "", n, 0, None, version, note)
