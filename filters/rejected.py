"""What was dropped, a line a record: the rule with value and interval, the evidence, and the record as it stood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ultraqa.dialogues.quoting import as_json
from ultraqa.filters.decisions import DROPPED, NO_RULE, SELECTED, Decisions
from ultraqa.filters.ledger import BUDGET_RULE
from ultraqa.filters.trainers import outcomes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile
    from ultraqa.dialogues.sources import Source
    from ultraqa.filters.records import Records
    from ultraqa.filters.rule import Rule

TRAINER: Final = "trainer_"
_SHOWN: Final = 3
"""Pieces of evidence that are shown of one dialogue and finding."""


def rejected(
    decisions: Decisions, records: Records, sources: Mapping[str, Source], stays: NDArray[np.bool_]
) -> Iterator[bytes]:
    """The lines of rejected.jsonl, in the order of the data.

    Args:
        decisions: on all dialogues.
        records: of the dialogues.
        sources: their files.
        stays: shape (r,), which records are kept.
    """
    told = _Told(decisions, records, stays)
    for number, path in enumerate(records.files):
        gone = np.flatnonzero(~stays & (records.path == number))
        gone = gone[np.lexsort((records.spans[gone, 1], records.spans[gone, 0]))]
        spans = [(start, end) for start, end in records.spans[gone].tolist()]
        options = decisions.profile.read_options()
        for record, span, text in zip(gone.tolist(), spans, as_json(sources[path], spans, options), strict=True):
            meant = told.of(int(records.first[record])) | {"path": path, "start": span[0], "end": span[1]}
            yield orjson.dumps(meant)[:-1] + b',"record":' + text + b"}\n"


class _Told:
    """What is said of a dropped dialogue."""

    def __init__(self, decisions: Decisions, records: Records, stays: NDArray[np.bool_]) -> None:
        self._decisions = decisions
        self._ids = decisions.profile.table("dialogues", ["id"])["id"].to_pylist()
        self._hits: dict[int, list[tuple[int, float]]] = {}
        gone = ~stays[records.of]
        for number, hits in enumerate(decisions.hits):
            for row, value in zip(hits.rows.tolist(), hits.values.tolist(), strict=True):
                if gone[row]:
                    self._hits.setdefault(row, []).append((number, value))
        self._evidence = _evidence(decisions, gone)
        self._rules = [_described(rule) for rule in decisions.rules]
        self._why = {
            number: _reasons(decisions.profile, rule.key.removeprefix(TRAINER))
            for number, rule in enumerate(decisions.rules)
            if rule.key.startswith(TRAINER)
        }
        self._names = {
            number: decisions.profile.column(rule.column.column)
            for number, rule in enumerate(decisions.rules)
            if rule.among
        }

    def of(self, row: int) -> dict[str, Any]:
        decisions = self._decisions
        rule = int(decisions.rule[row])
        found: dict[str, Any] = {"row": row, "id": self._ids[row]}
        if rule == SELECTED:
            found |= {"rule": BUDGET_RULE, "reason": "left out of the budget that --keep gives"}
        elif rule != NO_RULE:
            values = dict(self._hits.get(row, ()))
            found |= self._rule(row, rule, values.get(rule, np.nan))
        others = [self._rule(row, number, value) for number, value in self._hits.get(row, ()) if number != rule]
        if others:
            found["also"] = others
        if row in decisions.uncut:
            found["uncut"] = f"it was to be cut, which cannot be done: {decisions.uncut[row]}"
        if decisions.kept[row] >= 0 and decisions.fate[row] == DROPPED:
            kept = int(decisions.kept[row])
            found["kept"] = {"row": kept, "id": self._ids[kept]}
            found["similarity"] = _number(float(decisions.similarity[row]))
        evidence = self._evidence.get(row)
        return found | ({"evidence": evidence} if evidence else {})

    def _rule(self, row: int, number: int, value: float) -> dict[str, Any]:
        found = self._names[number][row] if number in self._names else _number(value)
        why = {"why": self._why[number](row)} if number in self._why else {}
        return {**self._rules[number], "value": found, **why}


def _described(rule: Rule) -> dict[str, Any]:
    return {"rule": rule.key, "wanted": rule.interval} | ({"reason": rule.reason} if rule.reason else {})


def _reasons(profile: Profile, trainer: str) -> Callable[[int], str]:
    """What a trainer would do with a dialogue, and why."""
    found = outcomes(profile, trainer)
    return lambda row: found.reasons[int(found.reason[row])]


def _number(value: float) -> float | int | None:
    if np.isnan(value):
        return None
    return int(value) if value == int(value) else value


def _evidence(decisions: Decisions, gone: NDArray[np.bool_]) -> dict[int, list[dict[str, Any]]]:
    """The findings about dropped dialogues that the rules' columns count, some of each."""
    names = sorted({rule.key.partition(".")[0] for rule in decisions.rules})
    table = decisions.profile.table("findings")
    table = table.filter(pc.field("finding").isin(pa.array(names, pa.large_string())))
    shown: dict[int, list[dict[str, Any]]] = {}
    counts: dict[tuple[int, str], int] = {}
    for one in table.to_pylist():
        row = one.pop("dialogue")
        key = (row, one["finding"])
        counts[key] = counts.get(key, 0) + 1
        if row >= 0 and gone[row] and counts[key] <= _SHOWN:
            whole = one["message"] < 0  # the dialogue: its place stands beside
            told = {name: one[name] for name in ("finding", "detail")} if whole else one
            shown.setdefault(row, []).append(told)
    return shown
