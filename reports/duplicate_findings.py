"""Findings on duplicates that need more than one number: templates, contamination, what datasets share."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ultraqa.analysis.shingles import SHORT
from ultraqa.reports import numbers
from ultraqa.reports import thresholds as levels
from ultraqa.reports.measured import ROWS, Finding, column, say, worst_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ultraqa.reports.measured import Measured, Numbers

_PHRASE = 120  # characters of a template in a sentence
_NAMED = 3


def templated(profile: Measured, *, text: bool) -> Iterable[Finding]:
    """Dialogues that are template more than anything else."""
    found = column(profile, "template_share")
    shares = found.astype(float) if found is not None else np.empty(0)
    n, count = int((~np.isnan(shares)).sum()), int((shares > levels.MOSTLY_TEMPLATE).sum())
    share = count / n if n else 0.0
    severity, level = _level(share, levels.TEMPLATED_INFO, levels.TEMPLATED_WARN, levels.TEMPLATED_FAIL)
    if not severity:
        return
    yield Finding(
        dataset=profile.name,
        finding="templated",
        severity=severity,
        sentence=say(
            "{count} of {n} dialogues of {short} words or more ({share}) consist{s} mostly of template{phrase}.",
            count,
            n,
            share=share,
            short=str(SHORT),
            phrase=_phrase(profile, text=text),
        ),
        why=levels.TEMPLATED_WHY,
        metric="template_share",
        scope="dialogue",
        statistic="share",
        value=share,
        threshold=level,
        count=count,
        n=n,
        rows=worst_rows(profile, "template_share")[:count],
    )


def _phrase(profile: Measured, *, text: bool) -> str:
    """The most frequent phrase of the template, for the end of a sentence."""
    phrases = (profile.document.get("near_duplicates") or {}).get("template", {}).get("phrases")
    if not phrases:
        return ""
    spread = f"in {numbers.number(phrases[0]['share'], 'share')} of the dialogues"
    if not text:
        return f"; its most frequent phrase stands {spread}"
    said = phrases[0]["text"]
    shown = said if len(said) <= _PHRASE else f"{said[:_PHRASE].rpartition(' ')[0] or said[:_PHRASE]} …"
    return f"; most frequent, {spread}, is “{shown}”"


def contaminated(table: Numbers, profile: Measured) -> Iterable[Finding]:
    """Dialogues that hold a question of a benchmark."""
    row = table.get("contaminated", "dialogue", "share")
    if row is None or not row.value:
        return
    count = int(table.value("contaminated", "dialogue", "count") or round(row.value * row.n))
    severity = "fail" if row.value > levels.CONTAMINATED_FAIL else "warn"
    yield Finding(
        dataset=profile.name,
        finding="contaminated",
        severity=severity,
        sentence=say(
            "{count} of {n} dialogues ({share}) hold{s} a question of a benchmark, whole or in good part{named}.",
            count,
            row.n,
            share=row.value,
            named=_benchmarks(profile),
        ),
        why=levels.CONTAMINATED_WHY,
        metric="contaminated",
        scope="dialogue",
        statistic="share",
        value=row.value,
        threshold=levels.CONTAMINATED_FAIL if severity == "fail" else 0.0,
        count=count,
        n=row.n,
        rows=_strongest(profile)[:ROWS],
    )


def unread_questions(_: Numbers, profile: Measured) -> Iterable[Finding]:
    """Records of benchmarks that could not be read, so that their questions were not looked for."""
    for one in (profile.document.get("contamination") or {"benchmarks": []})["benchmarks"]:
        if one["unreadable"]:
            n = one["items"] + one["unreadable"]
            yield Finding(
                dataset=profile.name,
                finding="unread_questions",
                severity="warn",
                sentence=f"{one['unreadable']:,} records of the benchmark {one['name']} cannot be read: only its other "
                f"{one['items']:,} questions were looked for.",
                why=levels.CONTAMINATED_WHY,
                metric=f"contaminated.{one['name']}",
                scope="dataset",
                statistic="count",
                value=float(one["unreadable"]),
                threshold=0.0,
                count=one["unreadable"],
                n=n,
                rows=[],
            )


def _benchmarks(profile: Measured) -> str:
    """Names of the benchmarks that dialogues hold most of, and of how many dialogues."""
    held = column(profile, "contaminated_by")
    names = [one.partition(":")[0] for one in held.tolist() if one] if held is not None else []
    counted = sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{name} ({count:,})" for name, count in counted[:_NAMED])
    return f": {listed}{' and others' * (len(counted) > _NAMED)}" if listed else ""


def _strongest(profile: Measured) -> list[int]:
    """The dialogue with the strongest match of each benchmark, then others in file order."""
    document = profile.document.get("contamination") or {"benchmarks": [], "threshold": 0}
    best = [one["matches"][0] for one in document["benchmarks"] if one["matches"]]
    first = [match["row"] for match in best if match["coverage"] >= document["threshold"]]
    return list(dict.fromkeys([*first, *worst_rows(profile, "contaminated")]))


def overlapping(profile: Measured, overlap: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
    """Dialogues that another dataset of the report has too; ``overlap`` is the report's matrix."""
    found = [(one, _most(one)) for one in overlap if one["dataset"] == profile.name]
    shared = [(one, most) for one, most in found if most and most["share"] > levels.OVERLAP_WARN]
    if not shared:
        return
    shared.sort(key=lambda pair: -pair[1]["share"])
    most = shared[0][1]
    others = "; ".join(_in_other(one) for one, _ in shared[:_NAMED])
    more = f"; and in {len(shared) - _NAMED} more" if len(shared) > _NAMED else ""
    yield Finding(
        dataset=profile.name,
        finding="overlap",
        severity="warn",
        sentence=f"Of {most['n']:,} dialogues {others}{more}.",
        why=levels.OVERLAP_WHY,
        metric="overlap",
        scope="dialogue",
        statistic="share",
        value=most["share"],
        threshold=levels.OVERLAP_WARN,
        count=most["count"],
        n=most["n"],
        rows=list(dict.fromkeys(row for one, _ in shared for row in one["rows"]))[:ROWS],
    )


def _most(one: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The larger of the shares of dialogues and of prompts that another dataset has too."""
    found = [one[kind] for kind in ("either", "prompts") if one[kind]]
    return max(found, key=lambda shared: shared["share"], default=None)


def _in_other(one: Mapping[str, Any]) -> str:
    """How many dialogues stand in another dataset, word for word and nearly, and how many prompts."""
    exact, near = one["exact"], one["near"]
    parts = []
    if exact:
        parts.append(f"{exact['count']:,} ({numbers.number(exact['share'], 'share')}) stand word for word")
    if near and near["count"]:
        parts.append(f"{near['count']:,} ({numbers.number(near['share'], 'share')}) with few words changed")
    prompts = one["prompts"]
    if prompts and prompts["count"]:
        parts.append(f"the prompts of {prompts['count']:,} ({numbers.number(prompts['share'], 'share')})")
    listed = ", ".join(parts[:-1]) + f" and {parts[-1]}" if len(parts) > 1 else parts[0]
    return f"{listed} in {one['other']} too"


def _level(share: float, info: float, warn: float, fail: float) -> tuple[str, float | None]:
    for name, level in (("fail", fail), ("warn", warn), ("info", info)):
        if share > level:
            return name, level
    return "", None
