"""Decisions: what becomes of every dialogue of a Profile under some rules, and which rule says so.

The order of rules is without influence on what is kept: first every rule on columns looks at every dialogue, then
messages are cut, and then duplicates are told among those that are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis.profile import ProfileError
from ultraqa.filters.columns import check, message_values, numbers, values
from ultraqa.filters.duplicate_rules import among

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile
    from ultraqa.filters.rule import Rule

KEPT: Final = 0
CUT: Final = 1
DROPPED: Final = 2
FATES: Final = ("kept", "cut", "dropped")
NO_RULE: Final = -1
SELECTED: Final = -2
"""In place of a rule: the budget of ``--keep`` left it out."""


class Hits(NamedTuple):
    """The dialogues that a rule hits.

    Attributes:
        rows: ascending.
        values: of its column, NaN where undefined or a name.
        undefined: dialogues without a value, hit or not.
    """

    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    undefined: int


@dataclass(frozen=True)
class Decisions:
    """What becomes of the d dialogues of a Profile.

    Attributes:
        profile: the dialogues.
        rules: those that were applied.
        hits: of each rule.
        fate: shape (d,), KEPT, CUT or DROPPED.
        rule: shape (d,), the first rule that drops or cuts it, NO_RULE where none does, SELECTED for the budget.
        kept: shape (d,), of a duplicate the dialogue that is kept in its place, -1 otherwise.
        similarity: shape (d,), to that one; NaN where it is not known.
        turns: of each dialogue that is cut, the turns that are taken out, through all turns of the dialogue.
        uncut: why dialogues that were to be cut are dropped instead.
        skipped: optional rules on columns that the Profile has not.
    """

    profile: Profile
    rules: tuple[Rule, ...]
    hits: tuple[Hits, ...]
    fate: NDArray[np.int8]
    rule: NDArray[np.int16]
    kept: NDArray[np.int64]
    similarity: NDArray[np.float64]
    turns: dict[int, list[int]]
    uncut: dict[int, str]
    skipped: tuple[Rule, ...]


def decide(
    profile: Profile,
    rules: Sequence[Rule],
    cut: Callable[[dict[int, list[int]]], dict[int, str]] = lambda _: {},
) -> Decisions:
    """Apply rules to a Profile.

    Args:
        profile: the dialogues.
        rules: what they must be.
        cut: is given the turns to be taken out of dialogues, and says of which it cannot be done, and why.

    Raises:
        ProfileError: the Profile lacks the column of a rule that is not optional.
    """
    used = tuple(rule for rule in rules if not rule.optional or _has(profile, rule))
    for rule in used:
        check(profile, rule.column)
    hits = [_nothing() if rule.duplicates else hit(profile, rule) for rule in used]
    d = len(profile)
    fate, by = np.zeros(d, np.int8), np.full(d, NO_RULE, np.int16)
    for number, (rule, found) in reversed(list(enumerate(zip(used, hits, strict=True)))):
        if rule.action == "drop":
            fate[found.rows], by[found.rows] = DROPPED, number
    turns, uncut = _cut(profile, used, hits, fate, by, cut)
    twins = among(profile, [(n, rule) for n, rule in enumerate(used) if rule.duplicates], fate != DROPPED)
    duplicate = np.flatnonzero(twins.kept >= 0)
    fate[duplicate], by[duplicate] = DROPPED, twins.rule[duplicate]
    for n, rule in enumerate(used):
        if rule.duplicates:
            rows = twins.hits[n]
            hits[n] = Hits(rows, twins.similarity[rows], 0)
    turns = {row: gone for row, gone in turns.items() if fate[row] == CUT}
    skipped = tuple(rule for rule in rules if rule not in used)
    return Decisions(profile, used, tuple(hits), fate, by, twins.kept, twins.similarity, turns, uncut, skipped)


def hit(profile: Profile, rule: Rule) -> Hits:
    """The dialogues whose value lies outside a rule's interval, or, if its action is about messages, one of theirs."""
    column = rule.column
    if rule.action in {"truncate", "drop_round"}:
        bad = _bad_messages(profile, rule)
        owner = profile.column("dialogue", "messages")
        rows = np.unique(owner[bad])
        found = profile.column(column.column)
        return Hits(rows, found[rows].astype(float), int(np.isnan(found.astype(float)).sum()))
    if rule.among:
        found = values(profile, column)
        absent = np.fromiter((value is None for value in found), np.bool_, len(found))
        outside = np.fromiter((value is not None and value not in rule.among for value in found), np.bool_, len(found))
        told = np.full(len(found), np.nan)
    else:
        told = numbers(profile, column)
        absent = np.isnan(told)
        outside = (told < rule.min) | (told > rule.max)
    if rule.undefined == "drop":
        outside = outside | absent
    rows = np.flatnonzero(outside)
    return Hits(rows, told[rows], int(absent.sum()))


def _nothing() -> Hits:
    return Hits(np.empty(0, np.int64), np.empty(0), 0)


def _has(profile: Profile, rule: Rule) -> bool:
    try:
        check(profile, rule.column)
    except ProfileError:
        return False
    return True


def _bad_messages(profile: Profile, rule: Rule) -> NDArray[np.int64]:
    """Messages that a rule hits by their own value."""
    found, meant = message_values(profile, rule.column)
    outside = (found < rule.min) | (found > rule.max)
    if rule.undefined == "drop":
        outside |= np.isnan(found)
    return np.flatnonzero(outside & meant)


def _cut(
    profile: Profile,
    rules: Sequence[Rule],
    hits: Sequence[Hits],
    fate: NDArray[np.int8],
    by: NDArray[np.int16],
    cut: Callable[[dict[int, list[int]]], dict[int, str]],
) -> tuple[dict[int, list[int]], dict[int, str]]:
    """Turns that are taken out of each dialogue, and why others are dropped; fates and rules are filled in."""
    cutting = [(n, rule) for n, rule in enumerate(rules) if rule.action in {"truncate", "drop_round"}]
    if not cutting:
        return {}, {}
    firsts = np.searchsorted(profile.column("dialogue", "messages"), np.arange(len(profile) + 1))
    letters: list[str] = profile.column("roles").tolist()
    gone: dict[int, set[int]] = {}
    for n, rule in cutting:
        bad = _bad_messages(profile, rule)
        owner = profile.column("dialogue", "messages")[bad]
        for row in hits[n].rows[fate[hits[n].rows] != DROPPED].tolist():
            here = (bad[np.searchsorted(owner, row) : np.searchsorted(owner, row, side="right")] - firsts[row]).tolist()
            turns = truncated(letters[row], here[0]) if rule.action == "truncate" else rounds(letters[row], here)
            gone[row] = gone.get(row, set()) | turns
            by[row] = n if by[row] == NO_RULE else min(by[row], n)
    wanted = {row: sorted(turns) for row, turns in sorted(gone.items())}
    empty = {row: "no reply is left" for row, turns in wanted.items() if not _answers(letters[row], turns)}
    uncut = empty | cut({row: turns for row, turns in wanted.items() if row not in empty})
    for row in wanted:
        fate[row] = DROPPED if row in uncut else CUT
    return wanted, uncut


def _answers(letters: str, gone: Sequence[int]) -> bool:
    """Whether a reply is left in a dialogue, and a question if there was one."""
    left = "".join(letter for turn, letter in enumerate(letters) if turn not in set(gone))
    return "a" in left and ("u" in left or "u" not in letters)


def truncated(letters: str, message: int) -> set[int]:
    """Turns from a bad message on, and those before it that are left without a reply."""
    places = [turn for turn, letter in enumerate(letters) if letter in "ua"]
    first = places[message]
    while first and letters[first - 1] not in "as":
        first -= 1
    return set(range(first, len(letters)))


def rounds(letters: str, messages: Sequence[int]) -> set[int]:
    """Turns of the rounds in which bad messages stand: from the user's turn to the one before the user's next."""
    places = [turn for turn, letter in enumerate(letters) if letter in "ua"]
    begins = [turn for turn, letter in enumerate(letters) if letter == "u" and letters[turn - 1 : turn] != "u"]
    bounds = [*begins, len(letters)]
    gone: set[int] = set()
    for message in messages:
        turn = places[message]
        first = max((begin for begin in begins if begin <= turn), default=turn)
        last = min(bound for bound in bounds if bound > turn)
        gone |= {at for at in range(first, last) if letters[at] != "s"}
    return gone
