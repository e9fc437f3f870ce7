"""Examples: the dialogues that a report shows, behind each finding, at the ends of a metric, and at random."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ultraqa.reports.evidence import evidence
from ultraqa.reports.measured import Finding, Measured, column, worst_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ultraqa.dialogues.batch import Dialogue

ROLE_NAMES = {"u": "user", "a": "assistant", "s": "system", "t": "tool", "?": "unknown"}
TURN_CHARACTERS = 2_000
DIALOGUE_CHARACTERS = 16_000
# All texts of a report together, so that it stays a file one can mail: about 1.2 MB, shared equally by its dialogues.
REPORT_CHARACTERS = 1_200_000
RANDOM_ROWS = 5
_EXTREME_ROWS = 3

# Ends of a metric that are worth reading even where no finding points at them.
_EXTREMES = (
    ("lowest_mtld", "mtld_assistant", "low"),
    ("most_repeated_5grams", "duplicated_5grams_assistant", "high"),
    ("longest", "words", "high"),
    ("least_relevant", "relevance_context", "low"),
)


def examples(
    profile: Measured, found: Sequence[Finding], *, seed: int, text: bool, share: float
) -> list[dict[str, Any]]:
    """The dialogues to show of one dataset, the worst of each reason first.

    Args:
        profile: the dataset.
        found: its findings.
        seed: chooses the random ones.
        text: whether to show what was said.
        share: the dataset's part of the report's room for text.
    """
    reasons = _reasons(profile, found, seed)
    if not reasons:
        return []
    rows = sorted(reasons)
    where = places(profile, rows)
    limit = min(DIALOGUE_CHARACTERS, int(REPORT_CHARACTERS * share) // len(rows))
    dialogues = dict(zip(rows, profile.texts(rows), strict=True)) if text else {}
    told = evidence(profile, reasons, dialogues)
    return [
        {
            "dataset": profile.name,
            **where[row],
            "why": why,
            **({"evidence": told[row]} if told[row] else {}),
            "turns": turns(dialogues[row], limit) if row in dialogues else [],
        }
        for row, why in reasons.items()
    ]


def turns(dialogue: Dialogue, limit: int) -> list[dict[str, Any]]:
    """A dialogue's turns, each cut at TURN_CHARACTERS and all of them at ``limit``; what is cut says so."""
    shown = []
    for letter, text in zip(dialogue.roles, dialogue.texts, strict=True):
        room = min(TURN_CHARACTERS, limit)
        turn: dict[str, Any] = {"role": ROLE_NAMES.get(letter, "unknown"), "text": text[:room]}
        if len(text) > room:
            turn["cut"] = True
        shown.append(turn)
        limit -= min(len(text), room)
        if limit <= 0:
            break
    left = len(dialogue.texts) - len(shown)
    if left and shown:
        shown[-1]["turns_left_out"] = left
    return shown


def _reasons(profile: Measured, found: Sequence[Finding], seed: int) -> dict[int, list[str]]:
    reasons: dict[int, list[str]] = {}
    for finding in found:
        for row in finding.rows:
            reasons.setdefault(row, []).append(finding.finding)
    for name, of, end in _EXTREMES:
        for row in worst_rows(profile, of, end, _EXTREME_ROWS):
            reasons.setdefault(row, []).append(name)
    for row in _random(_count(profile), seed):
        reasons.setdefault(row, []).append("random")
    return reasons


def _count(profile: Measured) -> int:
    return int(profile.document.get("dialogues", 0))


def _random(n: int, seed: int) -> list[int]:
    # Not for secrets: a sample that is the same for the same seed.
    return sorted(random.Random(seed).sample(range(n), min(n, RANDOM_ROWS)))  # noqa: S311


def places(profile: Measured, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Where each row stands: id, file, byte span, and line where lines mean something."""
    columns = {name: column(profile, name) for name in ("row", "id", "path", "start", "end")}
    known = {name: values for name, values in columns.items() if values is not None}
    return {
        row: _place({"row": row, **{name: values[row] for name, values in known.items()}}, line)
        for row, line in zip(rows, profile.lines(rows), strict=True)
    }


def _place(values: dict[str, Any], line: int | None) -> dict[str, Any]:
    name = values.get("id")
    return {
        # The row in the dataset, which is not the row of a part of it.
        "row": int(values["row"]),
        "id": name if isinstance(name, str) else None,
        "path": str(values.get("path", "")),
        "start": int(values.get("start", 0)),
        "end": int(values.get("end", 0)),
        "line": line,
    }
