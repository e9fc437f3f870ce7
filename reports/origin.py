"""Where it comes from: licences, record fields and replies that name their maker, for a person to review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ultraqa.reports import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ultraqa.reports.measured import Measured

MEANING: Final = (
    "For review, no legal verdict and no test for machine text. Terms of several vendors forbid to train competing "
    "models on what their models wrote, and a permissive licence on a dataset does not lift them. Replies that name "
    "their own maker are a lower bound: 0.03 % of davinci-003’s answers and 2.5 % of GPT-4’s do, so that finding none "
    "proves nothing."
)
_VALUES: Final = 3
_SHOWN: Final = 60


def origin(profile: Measured) -> dict[str, Any] | None:
    """What a dataset says of its own origin; None of a part of one, and of one that was measured before this was."""
    found = profile.document.get("provenance")
    return {"dataset": profile.name, "dialogues": profile.document["dialogues"], **found} if found else None


def sentences(one: Mapping[str, Any]) -> Iterator[str]:
    """What is declared, what is not, and who is named as the writer."""
    declared = [f"{licence['name']} ({licence['where']})" for licence in one["licences"]]
    yield (
        f"Declared licence: {', '.join(declared)}."
        if declared
        else "No licence is declared in the files or beside them."
    )
    total = max(one["dialogues"], 1)
    if one["unknown"] is not None:
        share = numbers.number(one["unknown"] / total, "share")
        yield f"{one['unknown']:,} of {one['dialogues']:,} dialogues ({share}) name neither a model nor a source."
    for field in one["fields"] or ():
        listed = [f"{_short(value)} {count:,}" for value, count in list(field["values"].items())[:_VALUES]]
        yield f"Field {field['name']}: in {field['dialogues']:,} dialogues; {', '.join(listed)}."
    for teacher in one["teachers"]:
        share, low, high = (numbers.number(teacher[name], "share") for name in ("share", "low", "high"))
        count = f"{teacher['dialogues']:,} dialogues ({share}, {low} to {high})"
        yield f"At least {count} hold a reply that names a model of {teacher['vendor']} as its writer."


def _short(value: str) -> str:
    return value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
