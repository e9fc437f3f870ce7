"""Where in the turns of a dialogue its defects stand, with a few words around each."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ultraqa.dialogues.batch import Dialogue
    from ultraqa.reports.measured import Measured

SHOWN: Final = 8
"""Places of a dialogue that are shown, of one finding at most OF_ONE."""
OF_ONE: Final = 2
_AROUND: Final = 40
_SAID: Final = 120


def evidence(
    profile: Measured, reasons: Mapping[int, Collection[str]], dialogues: Mapping[int, Dialogue]
) -> dict[int, list[dict[str, Any]]]:
    """Evidence by row, that of the findings for which a dialogue is shown first, then in the order of the turns.

    Every piece names its finding, the turn (from 0, system and tool turns counted) and the characters in it, none for
    the turn as a whole; where texts are shown also what stands there. Of a part of a dataset there is none.

    Args:
        profile: the dataset.
        reasons: the rows that are shown, with the names of what they are shown for.
        dialogues: the dialogues of the rows whose texts may be shown.
    """
    pieces: dict[int, list[dict[str, Any]]] = {row: [] for row in reasons}
    for one in _found(profile, reasons):
        pieces[one["dialogue"]].append(one)
    return {
        row: [_piece(one, dialogues.get(row)) for one in _some(sorted(some, key=lambda one: _order(one, reasons[row])))]
        for row, some in pieces.items()
    }


def _found(profile: Measured, rows: Collection[int]) -> list[dict[str, Any]]:
    """The evidence in messages of some dialogues, as the Profile has it, with the turn that the message is."""
    from ultraqa.analysis.profile import Profile  # noqa: PLC0415  (numba)

    if not isinstance(profile, Profile):
        return []
    chosen = np.isin(profile.column("dialogue", "findings"), list(rows)) & (profile.column("message", "findings") >= 0)
    found: list[dict[str, Any]] = profile.table("findings").take(np.flatnonzero(chosen)).to_pylist()
    roles = profile.column("roles")
    for one in found:
        turns = (turn for turn, letter in enumerate(roles[one["dialogue"]]) if letter in "ua")
        one["turn"] = next(itertools.islice(turns, one["message"], None))
    return found


def _order(one: Mapping[str, Any], reasons: Collection[str]) -> tuple[bool, int]:
    return one["finding"] not in reasons, one["turn"]


def _some(pieces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of each finding."""
    counts: Counter[str] = Counter()
    kept = []
    for one in pieces:
        counts[one["finding"]] += 1
        if counts[one["finding"]] <= OF_ONE:
            kept.append(one)
    return kept[:SHOWN]


def _piece(one: Mapping[str, Any], dialogue: Dialogue | None) -> dict[str, Any]:
    turn, start, end = one["turn"], one["start"], one["end"]
    place = {"finding": one["finding"], "turn": turn, "start": start, "end": end}
    if dialogue is None:
        return place
    if start == end:
        return {**place, "detail": one["detail"]}
    text = dialogue.texts[turn]
    said = text[start:end]
    before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    return {
        **place,
        "detail": one["detail"],
        "before": f"… {before}" if start > _AROUND else before,
        "said": said if len(said) <= _SAID else f"{said[:_SAID]} …",
        "after": f"{after} …" if len(text) > end + _AROUND else after,
    }
