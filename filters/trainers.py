"""Trainers: what LLaMA-Factory, axolotl, TRL and FastChat would make of every dialogue, told from its shape alone.

No text is read: the record's format, the role of every turn, the raw role tags, and whether a turn or every answer is
empty decide. A dataset of a million dialogues has a few hundred such shapes; each is judged once.

    for verdict in compatibility(Profile("data.ultraqa")):
        print(verdict.trainer, verdict.outcome, verdict.dialogues, verdict.reason)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis import arrow
from ultraqa.dialogues.batch import spoken
from ultraqa.filters.trainer_rules import OUTCOMES, VERSIONS, Shape, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile
    from ultraqa.dialogues.batch import Dialogue

TRAINERS: Final = tuple(VERSIONS)
"""llamafactory, axolotl, trl, fastchat."""


class Outcomes(NamedTuple):
    """What a trainer makes of every dialogue.

    Attributes:
        outcome: shape (d,), index into OUTCOMES.
        reason: shape (d,), index into ``reasons``.
        reasons: the sentences.
    """

    outcome: NDArray[np.int8]
    reason: NDArray[np.int32]
    reasons: list[str]


class Verdict(NamedTuple):
    """The dialogues of a dataset that a trainer treats alike, how many they are, and the row of the first."""

    trainer: str
    outcome: str
    reason: str
    dialogues: int
    example: int


def outcomes(profile: Profile, trainer: str) -> Outcomes:
    """What a trainer makes of every dialogue of a Profile.

    Raises:
        ValueError: no trainer has that name.
    """
    if trainer not in TRAINERS:
        raise ValueError(f"no trainer is called {trainer!r}; the names are {', '.join(TRAINERS)}")
    return _outcomes(*_shapes(profile), trainer)


def compatibility(profile: Profile) -> list[Verdict]:
    """What each trainer makes of a dataset: trainer by trainer, from best to worst, then from most to fewest."""
    return verdicts(*_shapes(profile))


def verdicts(shapes: Sequence[Shape], of: NDArray[np.int64]) -> list[Verdict]:
    """The same for dialogues that no Profile holds.

    Args:
        shapes: distinct shapes.
        of: shape (d,), for every dialogue the number of its shape.
    """
    told = []
    for trainer in TRAINERS:
        found = _outcomes(shapes, of, trainer)
        reasons, rows, counts = np.unique(found.reason, return_index=True, return_counts=True)
        judged = zip(found.outcome[rows].tolist(), (-counts).tolist(), rows.tolist(), reasons.tolist(), strict=True)
        told += [
            Verdict(trainer, OUTCOMES[outcome], found.reasons[reason], -fewer, row)
            for outcome, fewer, row, reason in sorted(judged)
        ]
    return told


def columns(profile: Profile) -> dict[str, NDArray[np.int64]]:
    """Columns for rules, ``trainer_NAME`` of shape (d,): 0 kept, 1 changed, 2 dropped or rejected; lower = better."""
    shapes, of = _shapes(profile)
    found = {trainer: _outcomes(shapes, of, trainer).outcome for trainer in TRAINERS}
    return {f"trainer_{name}": np.minimum(outcome, 2).astype(np.int64) for name, outcome in found.items()}


def shape_of(format_: str, dialogue: Dialogue) -> Shape:
    """The shape of one dialogue, as the columns of a Profile would tell it."""
    empty = any(not text.strip() for text in dialogue.texts)
    return Shape(format_, dialogue.roles, frozenset(dialogue.tags.split(",")), empty, not any(spoken(dialogue, "a")))


def _shapes(profile: Profile) -> tuple[list[Shape], NDArray[np.int64]]:
    """The distinct shapes of a Profile, and for every dialogue the number of its shape."""
    table = profile.table("dialogues", ["format", "roles", "role_tags", "empty_turns", "characters_assistant"])
    encoded = [table[name].combine_chunks().dictionary_encode() for name in ("format", "roles", "role_tags")]
    empty, silent = arrow.array(table["empty_turns"]) > 0, ~(arrow.array(table["characters_assistant"]) > 0)
    numbers = [*(one.indices.to_numpy() for one in encoded), empty, silent]
    code = np.zeros(len(table), np.int64)
    for number in numbers:  # formats x roles x tags stays far below 64 bits for any number of rows that has a file
        code = code * (int(number.max(initial=0)) + 1) + number
    _, rows, of = np.unique(code, return_index=True, return_inverse=True)
    formats, roles, tags = (one.dictionary.to_pylist() for one in encoded)
    keys = zip(*(number[rows].tolist() for number in numbers), strict=True)
    return [Shape(formats[f], roles[r], frozenset(tags[t].split(",")), e, s) for f, r, t, e, s in keys], of


def _outcomes(shapes: Sequence[Shape], of: NDArray[np.int64], trainer: str) -> Outcomes:
    judged = [judge(shape, trainer) for shape in shapes]
    reasons = list(dict.fromkeys(one.reason for one in judged))
    number = {reason: i for i, reason in enumerate(reasons)}
    outcome = np.array([OUTCOMES.index(one.outcome) for one in judged], np.int8)
    reason = np.array([number[one.reason] for one in judged], np.int32)
    return Outcomes(outcome[of], reason[of], reasons)
