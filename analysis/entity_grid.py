"""The entity grid of a dialogue: which role each entity has in each message, and how entities go on."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from spacy.tokens import Doc

ROLES: Final = "-XOS"
"""Roles of an entity in a message, as the grid numbers them: absent, other, object, subject."""
SHUFFLES: Final = 20

_ROLE: Final = {"nsubj": 3, "nsubjpass": 3, "csubj": 3, "dobj": 2, "obj": 2, "iobj": 2, "dative": 2}


class Grid(NamedTuple):
    """Entity grid of a dialogue.

    Attributes:
        entities: lemmas of its nouns and names.
        roles: shape (entities, messages), index into ``ROLES``.
    """

    entities: list[str]
    roles: NDArray[np.int8]


def grid_of(messages: Sequence[Doc]) -> Grid:
    """Grid of a dialogue's parsed messages; an entity that stands more than once in one has its highest role there."""
    places: dict[str, dict[int, int]] = {}
    for i, message in enumerate(messages):
        for token in message:
            if token.pos_ in {"NOUN", "PROPN"}:
                roles = places.setdefault(token.lemma_.lower(), {})
                roles[i] = max(roles.get(i, 0), _ROLE.get(token.dep_, 1))
    grid = np.zeros((len(places), len(messages)), np.int8)
    for row, roles in enumerate(places.values()):
        grid[row, list(roles)] = list(roles.values())
    return Grid(list(places), grid)


def transitions(grid: Grid) -> NDArray[np.float64]:
    """Probabilities of an entity's role in a message and in the next one, shape (4, 4), in the order of ``ROLES``.

    NaN with fewer than two messages or no entity. Source: Barzilay & Lapata 2008 (Computational Linguistics 34), whose
    units are sentences; transitions of length two.
    """
    counts = np.zeros((len(ROLES), len(ROLES)))
    np.add.at(counts, (grid.roles[:, :-1].ravel(), grid.roles[:, 1:].ravel()), 1)
    return counts / counts.sum() if counts.sum() else np.full_like(counts, np.nan)


def entity_continuity(grid: Grid) -> float:
    """Share of a dialogue's entities that go on from one message to the next; higher = more coherent.

    Over all neighbouring messages together: of the entities in a message, those that stand in the next one too. It is
    what the transitions of the entity grid say in one number, with pronouns unresolved. NaN where no message but the
    last has an entity.
    """
    before = int((grid.roles[:, :-1] > 0).sum())
    return _continued(grid.roles) / before if before else float("nan")


def continuity_auc(grid: Grid, seed: int = 0) -> float:
    """How often more of a dialogue's entities go on than after shuffling its messages; 0.5 = by chance.

    20 shuffles, none of them the order itself; ties count half. Messages at odd and at even places are shuffled among
    themselves, so that user and assistant keep taking turns: otherwise long replies would come to stand beside each
    other and share more than before. NaN with fewer than four messages, or where the continuity is.
    """
    n = grid.roles.shape[1]
    if n < 4 or np.isnan(entity_continuity(grid)):
        return float("nan")
    own, rng = _continued(grid.roles), random.Random(seed)  # noqa: S311  (nothing secret)
    others = [_continued(grid.roles[:, _shuffled(n, rng)]) for _ in range(SHUFFLES)]
    return sum(0.5 if own == other else own > other for other in others) / SHUFFLES


def _continued(roles: NDArray[np.int8]) -> int:
    """Number of times that an entity stands in a message and in the next one."""
    return int(((roles[:, :-1] > 0) & (roles[:, 1:] > 0)).sum())


def _shuffled(n: int, rng: random.Random) -> list[int]:
    """Another order of n places, the odd and the even ones each among themselves."""
    order = list(range(n))
    while order == sorted(order):
        odd, even = order[1::2], order[0::2]
        rng.shuffle(odd)
        rng.shuffle(even)
        order[1::2], order[0::2] = odd, even
    return order
