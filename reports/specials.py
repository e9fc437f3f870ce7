"""Findings that need more than one number: unreadable records, coverage, languages, size, readers' notes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ultraqa.reports import numbers
from ultraqa.reports import thresholds as levels
from ultraqa.reports.measured import ROWS, Finding, column, say, worst_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ultraqa.reports.measured import Measured, Numbers


def unreadable(table: Numbers, profile: Measured) -> Iterable[Finding]:
    """Records that could not be read."""
    count = int(table.value("unreadable", "dataset", "count") or 0)
    records = int(table.value("records", "dataset", "count") or table.dialogues()) + count
    if not count:
        return
    share = count / records
    yield Finding(
        dataset=profile.name,
        finding="unreadable_records",
        severity="fail" if share > levels.UNREADABLE_FAIL else "warn",
        sentence=say(
            "{count} of {n} records ({share}) cannot be read{first}.",
            count,
            records,
            share=share,
            first=_first(profile),
        ),
        why=levels.UNREADABLE_WHY,
        metric="unreadable",
        scope="dataset",
        statistic="count",
        value=float(count),
        threshold=0.0,
        count=count,
        n=records,
        rows=[],
    )


def _first(profile: Measured) -> str:
    """Place and reason of the first unreadable record, as the profile noted them."""
    details = [detail for _, finding, detail in profile.evidence() if finding == "unreadable"]
    return f"; the first is {details[0]}" if details else ""


def coverage(table: Numbers, profile: Measured) -> Iterable[Finding]:
    """How many replies mtld says nothing about."""
    row = table.get("mtld", "assistant", "mean")
    if row is None or not row.n:
        return
    n = table.total(row)
    share = row.n_undefined / n
    if share <= levels.COVERAGE_INFO:
        return
    sentence = (
        "mtld is undefined for {count} of {n} assistant messages ({share}): "
        "under 50 words, written without spaces, or all words different."
    )
    yield Finding(
        dataset=profile.name,
        finding="low_mtld_coverage",
        severity="warn" if share > levels.COVERAGE_WARN else "info",
        sentence=say(sentence, row.n_undefined, n, share=share),
        why=levels.COVERAGE_WHY,
        metric="mtld",
        scope="assistant",
        statistic="mean",
        value=row.value,
        threshold=levels.COVERAGE_WARN if share > levels.COVERAGE_WARN else levels.COVERAGE_INFO,
        count=row.n_undefined,
        n=n,
        rows=worst_rows(profile, "words_assistant", "low"),
    )


def languages(table: Numbers, profile: Measured) -> Iterable[Finding]:
    """A main language with a minority, or no main language."""
    shares = [
        (row.value, row.metric.removeprefix("language."), row.n)
        for row in table.all
        if row.metric.startswith("language.") and row.value and row.statistic == "share"
    ]
    known = sorted((s for s in shares if s[1] not in ("unknown", "und", "none")), key=lambda s: (-s[0], s[1]))
    rest = sum(share for share, _, _ in known[1:])
    if rest <= levels.MINORITY:
        return
    share, main, n = known[0]
    mixed = share >= levels.MAIN_LANGUAGE
    others = ", ".join(f"{name} {numbers.number(part, 'share')}" for part, name, _ in known[1:5])
    more = " and others" if len(known) > 5 else ""
    start = "The main language is" if mixed else "No language dominates: the largest is"
    yield Finding(
        dataset=profile.name,
        finding="mixed_languages",
        severity="warn" if mixed else "info",
        sentence=f"{start} {main} ({numbers.number(share, 'share')} of {n:,} dialogues); also {others}{more}.",
        why=levels.LANGUAGE_WHY,
        metric=f"language.{main}",
        scope="dataset",
        statistic="share",
        value=share,
        threshold=levels.MINORITY,
        count=round(rest * n),
        n=n,
        rows=_other_language(profile, main),
    )


def _other_language(profile: Measured, main: str) -> list[int]:
    spoken = column(profile, "language")
    if spoken is None:
        return []
    return [row for row, code in enumerate(spoken.tolist()) if code not in {None, main}][:ROWS]


def few(table: Numbers, profile: Measured) -> Iterable[Finding]:
    """Too few dialogues for narrow intervals."""
    n = table.dialogues()
    distinct = n - int(table.value("exact_duplicates", "dialogue", "count") or 0)
    if not n or distinct >= levels.FEW_DIALOGUES:
        return
    yield Finding(
        dataset=profile.name,
        finding="few_dialogues",
        severity="info",
        sentence=f"Only {distinct:,} distinct dialogue{'' if distinct == 1 else 's'}"
        + (f" (of {n:,})" if distinct < n else "")
        + ": intervals are wide.",
        why=levels.FEW_WHY,
        metric="dialogues",
        scope="dataset",
        statistic="value",
        value=float(n),
        threshold=float(levels.FEW_DIALOGUES),
        count=distinct,
        n=n,
        rows=[],
    )


def notices(table: Numbers, profile: Measured) -> Iterable[Finding]:
    """What the readers noted on dialogues, one finding a kind of note."""
    noticed: dict[str, Counter[int]] = {}
    for dialogue, name, _ in profile.evidence(skip={row.metric for row in table.all} | {"unreadable"}):
        if dialogue >= 0:
            noticed.setdefault(name, Counter())[dialogue] += 1
    n = table.dialogues()
    for name, counts in sorted(noticed.items()):
        severity, template, why = levels.NOTICES.get(name, ("info", levels.OTHER_NOTICE, "Noted while reading."))
        share = len(counts) / max(n, len(counts))
        yield Finding(
            dataset=profile.name,
            finding=name,
            severity=severity,
            sentence=say(template, len(counts), n, share=share, name=name),
            why=why,
            metric="",
            scope="dialogue",
            statistic="count",
            value=float(len(counts)),
            threshold=0.0,
            count=len(counts),
            n=n,
            rows=[row for row, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:ROWS]],
        )
