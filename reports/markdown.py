"""report.md: findings, numbers and duplicates for a page on GitHub or a job summary, without dialogues.

The only words of the data in it are the phrase of a template that a finding names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ultraqa.reports import compatibility, duplicate_tables, numbers, origin, probe_tables
from ultraqa.reports import document as documents
from ultraqa.reports.published import notes, paper_name
from ultraqa.reports.sections import Rows
from ultraqa.reports.table import ComparisonTable, comparison

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ultraqa.reports.sections import Table

_SIGNS = {"fail": "✕ fail", "warn": "! warn", "info": "i info"}
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&#$@]|:(?=//)|(?<=www)\.")


def render(document: Mapping[str, Any]) -> str:
    """The whole of report.md."""
    table = comparison(documents.results(document))
    names = ", ".join(text(one["name"]) for one in document["datasets"])
    parts = [f"# UltraQA report: {names}", _datasets(document), "## Findings", _findings(document)]
    parts += ["## Numbers", render_table(table), *_trainers(document), *_origin(document)]
    parts += [*_narrowing(document), *_duplicates(document)]
    if document["published"]:
        published = comparison(documents.results(document, "published"))
        parts += ["## Published rows", f"Not measured here. Source: {text(document['published_source'])}."]
        parts += [render_table(published, paper=True), _notes()]
    parts += ["## Reproduce", _fenced(document["command"]), f"UltraQA {text(document['ultraqa_version'])}"]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_table(table: ComparisonTable, *, paper: bool = False) -> str:
    """A comparison table as a Markdown table: a line a number, a column a dataset, reasons and marks below."""
    lines = [["", *(text(name.removesuffix(" (published)")) for name in table.datasets)]]
    for c, column in enumerate(table.columns):
        name = column.label
        if paper and (printed := paper_name(column.metric, column.scope)):
            name = f"{name} (“{printed}”)"
        cells = [line[c] for line in table.cells]
        lines.append(
            [text(name), *(_join(cell.value, cell.mark, f"({cell.interval})" * bool(cell.interval)) for cell in cells)]
        )
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    parts = ["\n".join([head, f"|:--|{'--:|' * len(table.datasets)}", *body])]
    if table.note:
        parts.append(text(table.note))
    reasons = [f"- {text(d)}, {text(column)}: {text(reason)}" for d, column, reason in table.reasons()]
    if reasons and not paper:
        parts.append("Empty cells:\n\n" + "\n".join(reasons))
    return "\n\n".join(parts)


def _trainers(document: Mapping[str, Any]) -> list[str]:
    """What each trainer makes of the datasets, and why of what it would not keep as it stands."""
    if not document.get("compatibility"):
        return []
    many = len(document["datasets"]) > 1
    lines = []
    for trainer in document["compatibility"]:
        where = f"{text(trainer['dataset'])}, " if many else ""
        for reason in trainer["reasons"]:
            if reason["outcome"] != "kept":
                said = f"- {where}{text(compatibility.opening(trainer, reason))}: {_typed(reason['reason'])}."
                lines.append(f"{said} First: row {reason['place']['row']}.")
        if rest := compatibility.rest(trainer):
            lines.append(f"- {where}{text(trainer['trainer'])}: {rest} are not listed")
    shown = [_table(compatibility.table(document), "dialogues"), text(compatibility.MEANING), "\n".join(lines)]
    return ["## Will the trainer take it", *shown, f"Trainers read: {text(compatibility.versions(document))}."]


def _origin(document: Mapping[str, Any]) -> list[str]:
    """What each dataset says of its own origin."""
    if not document.get("provenance"):
        return []
    many = len(document["datasets"]) > 1
    lines = [
        f"- {text(one['dataset']) + ', ' if many else ''}{text(sentence)}"
        for one in document["provenance"]
        for sentence in origin.sentences(one)
    ]
    return ["## Where it comes from", "\n".join(lines), text(origin.MEANING)]


def _narrowing(document: Mapping[str, Any]) -> list[str]:
    """What probes say of each dataset beside the first; the other probes and the wording stand in report.html."""
    found = document.get("narrowing")
    if not found:
        return []
    parts = [f"## Narrowing beside {text(found[0]['reference'])}"]
    for one in found:
        badge = probe_tables.badge(one)
        parts.append(f"**{badge.sign} {badge.words}** {text(one['candidate'])}: {text(one['sentence'])}")
        parts += [_table(probe_tables.deciding(one))] if one["dialogues"] else []
        parts += [f"- {text(note)}" for note in one["notes"]]
    return [*parts, text(probe_tables.rule()), _fenced(probe_tables.command(document))]


def _typed(reason: str) -> str:
    """A reason whose commands stay commands; what comes from the data is inert."""
    parts = compatibility.parted(reason)
    return "".join(f"`{numbers.name_cell(part)}`" if code else _inside(part) for part, code in parts)


def _inside(part: str) -> str:
    """A piece of a sentence, with the blanks at its ends."""
    return " " * part.startswith(" ") + text(part) + " " * part.endswith(" ")


def _duplicates(document: Mapping[str, Any]) -> list[str]:
    """Duplicates, template, overlap and contamination, as far as they were measured."""
    rows = Rows(documents.results(document))
    repeated, shared = duplicate_tables.scopes(document, rows), duplicate_tables.overlap_lines(document)
    found = document.get("contamination")
    parts = [_table(repeated)] if repeated.lines else []
    parts += [text(duplicate_tables.DEFINITION)] if rows.has("near_duplicates") else []
    parts += [_templates(document), _table(shared) if shared.lines else ""]
    if found:
        parts += [_table(duplicate_tables.benchmarks(document), "questions of"), text(duplicate_tables.NO_PARAPHRASE)]
        waiting = sum(one["review"]["questions"] for one in found if "review" in one)
        parts += [f"For review: {waiting:,} questions with a message near to them, in report.html."] * bool(waiting)
    elif repeated.lines and not rows.has("contaminated"):
        parts.append("Questions of benchmarks were not looked for.")
    return ["## Duplicates and contamination", *parts] if any(parts) else []


def _templates(document: Mapping[str, Any]) -> str:
    lines = []
    for one in document.get("near_duplicates", ()):
        if phrases := one["template"]["phrases"]:
            spread = numbers.number(phrases[0]["share"], "share")
            lines.append(
                f"- {text(one['dataset'])}: {one['template']['shingles']:,} sequences of {one['words']} words are "
                f"template; the most frequent stands in {spread} of the dialogues."
            )
    return "\n".join(lines)


def _table(table: Table, corner: str = "") -> str:
    """A table of the report, what stands below a number in brackets behind it; groups in their lines' names."""
    lines = [[corner, *map(text, table.head[1:])]]
    for line in table.lines:
        name = f"{line.group}, {line.name}" if line.group else line.name
        cells = (_join(text(value.text), f"({text(value.below)})" * bool(value.below)) for value in line.cells)
        lines.append([text(name), *cells])
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([head, f"|:--|{'--:|' * (len(table.head) - 1)}", *body])


def text(raw: str) -> str:
    """Any text as one inert line of Markdown: nothing in it is markup, a link, a mention or the end of a cell."""
    return _SPECIAL.sub(r"\\\g<0>", numbers.name_cell(raw))


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _datasets(document: Mapping[str, Any]) -> str:
    return "\n".join(
        f"- {text(one['name'])}: {one['dialogues']:,} dialogues, {one['bytes']:,} bytes of {text(one['path'])}, "
        f"sha256 `{one['sha256']}`"
        for one in document["datasets"]
    )


def _findings(document: Mapping[str, Any]) -> str:
    many = len(document["datasets"]) > 1
    lines = []
    for finding in document["findings"]:
        where = f"{text(finding['dataset'])}: " if many else ""
        rows = f" Rows {_rows(finding['rows'])}." if finding["rows"] else ""
        lines.append(f"- **{_SIGNS[finding['severity']]}** {where}{text(finding['sentence'])}{rows}")
    if document["not_measured"]:
        missing = dict.fromkeys(text(one["finding"].replace("_", " ")) for one in document["not_measured"])
        lines.append(f"- not measured: {', '.join(missing)}")
    return "\n".join(lines) or "No level was passed."


def _rows(rows: Sequence[int]) -> str:
    return ", ".join(map(str, rows))


def _notes() -> str:
    return "\n".join(f"- {text(where)}: {text(note)}" for where, note in notes())


def _fenced(command: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", command)), default=0))
    return f"{fence}sh\n{' '.join(numbers.visible(command).split())}\n{fence}"
