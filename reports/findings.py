"""Findings: what stands out in a Profile, as sentences with the number, its base and the dialogues behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ultraqa.reports import defect_rules, duplicate_findings, numbers, specials, thresholds
from ultraqa.reports.measured import Finding, NotMeasured, Numbers, say, worst_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ultraqa.analysis.metric import Result
    from ultraqa.reports.measured import Measured
    from ultraqa.reports.thresholds import Rule

RULES: Final = (*thresholds.RULES, *defect_rules.RULES)
SEVERITIES = ("fail", "warn", "info")
_ABOUT_ROLES = frozenset({"starts_with_assistant", "consecutive_roles", "ends_with_user"})

_SPECIALS: tuple[Callable[[Numbers, Measured], Iterable[Finding]], ...] = (
    specials.unreadable,
    specials.coverage,
    specials.languages,
    specials.few,
    specials.notices,
    duplicate_findings.contaminated,
    duplicate_findings.unread_questions,
)


def findings(
    profile: Measured, *, text: bool = True, overlap: Sequence[Mapping[str, Any]] = ()
) -> tuple[list[Finding], list[NotMeasured]]:
    """All findings of one dataset, gravest first, and what could not be looked at.

    Args:
        profile: the dataset.
        text: whether sentences may hold words of the dialogues.
        overlap: what of each dataset of the report is in each other one.
    """
    table = Numbers(profile)
    found: list[Finding] = []
    missing: list[NotMeasured] = []
    for rule in RULES:
        row = table.get(rule.metric, rule.scope, rule.statistic)
        if reason := _unusable(rule, row, table):
            key = (rule.metric, rule.scope, rule.statistic)
            missing.append(NotMeasured(profile.name, rule.finding, *key, reason))
        elif row and (finding := _apply(rule, row, table, profile)):
            found.append(finding)
    found = _without_roles(found, table, profile)
    for special in _SPECIALS:
        found.extend(special(table, profile))
    found.extend(duplicate_findings.templated(profile, text=text))
    found.extend(duplicate_findings.overlapping(profile, overlap))
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)), missing


def _without_roles(found: list[Finding], table: Numbers, profile: Measured) -> list[Finding]:
    """Findings about the order of roles say little, and say so, where most roles were given by order of speaking."""
    noticed = profile.evidence(skip={row.metric for row in table.all} | {"unreadable"})
    guessed = len({dialogue for dialogue, finding, _ in noticed if finding == "speakers"})
    if 2 * guessed <= table.dialogues():
        return found
    return [
        replace(one, severity="info", sentence=f"{one.sentence} Roles were given by order of speaking.")
        if one.finding in _ABOUT_ROLES
        else one
        for one in found
    ]


def _unusable(rule: Rule, row: Result | None, table: Numbers) -> str:
    """Why a number carries no verdict, empty where it does."""
    if row is None:
        return rule.missing
    if row.value is None:
        return row.note or "undefined"
    total = table.total(row)
    defined = total - row.n_undefined
    if rule.below and (defined < thresholds.ENOUGH or defined < thresholds.ENOUGH_SHARE * total):
        return f"defined for only {defined:,} of {total:,} messages"
    return ""


def _apply(rule: Rule, row: Result, table: Numbers, profile: Measured) -> Finding | None:
    value = row.value or 0.0
    severity, level = _severity(rule, value)
    if not severity:
        return None
    counted = table.value(rule.metric, rule.scope, "count") if rule.statistic == "share" else 0
    n = table.total(row) - row.n_undefined if rule.below else row.n
    count = round(value * n) if counted is None else int(counted)
    budget = f"{row.budget:,}" if row.budget else ""
    shown = numbers.number(value, row.statistic, row.unit)
    rows = worst_rows(profile, rule.column, rule.worst)
    return Finding(
        dataset=profile.name,
        finding=rule.finding,
        severity=severity,
        sentence=say(rule.sentence, count, n, value=shown, budget=budget, share=value),
        why=rule.why,
        metric=rule.metric,
        scope=rule.scope,
        statistic=rule.statistic,
        value=value,
        threshold=level,
        count=count,
        n=n,
        # Of a share no more dialogues than offend: the column may order others behind them.
        rows=rows[:count] if rule.statistic == "share" else rows,
    )


def _severity(rule: Rule, value: float) -> tuple[str, float | None]:
    for name, level in (("fail", rule.fail), ("warn", rule.warn), ("info", rule.info)):
        if level is not None and (value < level if rule.below else value > level):
            return name, level
    return "", None
