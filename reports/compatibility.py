"""Will the trainer take it: what each trainer would keep, change, drop and reject of a dataset, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ultraqa.filters.trainer_rules import OUTCOMES, VERSIONS
from ultraqa.reports import numbers
from ultraqa.reports.examples import places
from ultraqa.reports.sections import Line, Table, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ultraqa.filters.trainers import Verdict
    from ultraqa.reports.measured import Measured

NAMES: Final = {"llamafactory": "LLaMA-Factory", "axolotl": "axolotl", "trl": "TRL", "fastchat": "FastChat"}
VERBS: Final = {"kept": "keeps", "changed": "changes", "dropped": "drops", "rejected": "rejects"}
WOULD: Final = {"changed": "change", "dropped": "drop", "rejected": "reject"}
REASONS: Final = 12
"""Reasons of a trainer that are named, those of most dialogues: every strange name of a role is a reason of its own."""
MEANING: Final = (
    "Kept is learned as it stands; changed is learned, but not as it stands; of what is dropped nothing is learned, "
    "because it is skipped or masked; what is rejected stops the trainer, or is read for another kind of training only."
)


def compatibility(profile: Measured, verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """What each trainer makes of a dataset, a value a trainer; nothing of a dataset without a dialogue."""
    where = places(profile, sorted({one.example for one in verdicts}))
    shown = []
    for trainer in dict.fromkeys(one.trainer for one in verdicts):
        judged = [one for one in verdicts if one.trainer == trainer]
        total = sum(one.dialogues for one in judged)
        counts = {name: sum(one.dialogues for one in judged if one.outcome == name) for name in OUTCOMES}
        most = sorted(judged, key=lambda one: -one.dialogues)[:REASONS]
        told = [_told(one, total, where) for one in judged if one in most]
        left_out = {"reasons": len(judged) - len(told), "dialogues": total - sum(one["dialogues"] for one in told)}
        shown.append({
            "dataset": profile.name, "trainer": NAMES[trainer], "version": VERSIONS[trainer], "dialogues": total,
            "outcomes": {name: {"dialogues": count, "share": count / total} for name, count in counts.items()},
            "reasons": told, "left_out": left_out,
        })  # fmt: skip
    return shown


def _told(one: Verdict, total: int, where: Mapping[int, Any]) -> dict[str, Any]:
    return {
        "outcome": one.outcome, "reason": one.reason, "dialogues": one.dialogues, "share": one.dialogues / total,
        "place": where[one.example],
    }  # fmt: skip


def table(document: Mapping[str, Any]) -> Table:
    """Dialogues by trainer and outcome."""
    some = document.get("compatibility", ())
    many = len({one["dataset"] for one in some}) > 1
    lines = [
        Line(one["trainer"], tuple(map(_cell, one["outcomes"].values())), one["dataset"] if many else "")
        for one in some
    ]
    return Table(("", *OUTCOMES), tuple(lines))


def _cell(counted: Mapping[str, Any]) -> Value:
    if not counted["dialogues"]:
        return Value("–")
    return Value(f"{counted['dialogues']:,}", numbers.number(counted["share"], "share"))


def by_dataset(document: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """What trainers make of each dataset."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in document.get("compatibility", ()):
        found.setdefault(one["dataset"], []).append(one)
    return found


def opening(trainer: Mapping[str, Any], reason: Mapping[str, Any]) -> str:
    """The beginning of a reason's sentence: who does what with how many dialogues."""
    share = numbers.number(reason["share"], "share")
    return f"{trainer['trainer']} {VERBS[reason['outcome']]} {reason['dialogues']:,} ({share})"


def rest(trainer: Mapping[str, Any]) -> str:
    """What is said of the reasons that are not named."""
    left = trainer["left_out"]
    return f"{left['reasons']:,} other reasons ({left['dialogues']:,} dialogues)" if left["reasons"] else ""


def versions(document: Mapping[str, Any]) -> str:
    """The trainers and the commits at which their code was read."""
    return ", ".join(dict.fromkeys(f"{one['trainer']} {one['version']}" for one in document.get("compatibility", ())))


def parted(reason: str) -> Iterable[tuple[str, bool]]:
    """A reason in pieces, each with whether it is to be typed: it stands between ` there."""
    return [(part, i % 2 == 1) for i, part in enumerate(reason.split("`")) if part]


def losses(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """For a terminal: a dataset and a sentence for each trainer that would not keep all of it as it stands."""
    for one in document.get("compatibility", ()):
        lost = {name: counted["dialogues"] for name, counted in one["outcomes"].items() if name in WOULD}
        told = [f"{WOULD[name]} {count:,}" for name, count in lost.items() if count]
        if told:
            reasons = sorted((r for r in one["reasons"] if r["outcome"] in WOULD), key=lambda r: -r["dialogues"])
            why = f": {reasons[0]['reason']}" if reasons else ""
            others = len(reasons[1:]) + one["left_out"]["reasons"]
            more = f"; and for {others} other reason{'s' * (others > 1)}" if others else ""
            yield one["dataset"], f"{one['trainer']} would {_and(told)} of {one['dialogues']:,} dialogues{why}{more}"


def _and(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
