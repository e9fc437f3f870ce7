"""report.html: one file that opens anywhere, without a script, a request or a date in it.

The template shows control characters and escapes everything it is given; the only strings it takes as they are come
from ``svg``, which does the same. A content policy forbids all loading, so that even a mistake here could not make
dialogue text act.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Any

from ultraqa.analysis.judge_prompt import PROMPT
from ultraqa.reports import (
    compatibility,
    duplicate_tables,
    numbers,
    origin,
    plots,
    probe_plots,
    probe_tables,
    sections,
    svg,
)
from ultraqa.reports import document as documents
from ultraqa.reports.published import notes
from ultraqa.reports.sections import Rows, comparison_lines, published_lines
from ultraqa.reports.table import comparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import jinja2
    import markupsafe

_TEMPLATES = (
    "report.html.j2",
    "duplicates.html.j2",
    "trainers.html.j2",
    "origin.html.j2",
    "narrowing.html.j2",
    "probe.html.j2",
    "parts.html.j2",
    "style.css",
)
SEVERITY_SIGNS = {"fail": "✕", "warn": "!", "info": "i"}
_EXTREME_TITLES = {
    "lowest_mtld": "Lowest lexical diversity (mtld of the assistant’s messages)",
    "most_repeated_5grams": "Most repeated five-word sequences",
    "longest": "Longest dialogues",
    "least_relevant": "Replies that fit least what was said before them",
    "random": "Random dialogues",
}


def render(document: Mapping[str, Any]) -> str:
    """The whole page of a report document."""
    table = comparison(documents.results(document))
    published = comparison(documents.results(document, "published"))
    rows = Rows(documents.results(document))
    colours = {name: index for index, name in enumerate(rows.datasets)}
    template = _environment().get_template("report.html.j2")
    return template.render(
        document=document,
        rows=rows,
        colours=colours,
        table=table,
        compared=comparison_lines(table),
        token_versions=sorted({row.version for row in rows.all if row.metric == "tokens"}),
        published_notes=notes(),
        published_table=published_lines(published),
        tally={name: sum(one["severity"] == name for one in document["findings"]) for name in SEVERITY_SIGNS},
        findings=_by_kind(document["findings"]),
        groups=_groups(document),
        anchors={(example["dataset"], example["row"]) for example in document["examples"]},
        encoders=sorted({row.version.partition(" ")[2] for row in rows.all if row.metric == "topic_similarity"}),
        judges=sorted({row.version.partition(" ")[2] for row in rows.all if row.metric == "coherence_judge"}),
        judge_prompt=PROMPT,
        plots=plots,
        duplicates=duplicate_tables,
        sections=sections,
        trainers=compatibility,
        origin=origin,
        probes=probe_tables,
    )


def probe_page(document: Mapping[str, Any]) -> str:
    """The whole page of a probe's document."""
    template = _environment().get_template("probe.html.j2")
    return template.render(
        document=document,
        probes=probe_tables,
        plots=probe_plots.figures(document) if "generations" in document else {},
        caption=probe_plots.CAPTION,
        toy="simulation" in document,
        names=[],
        anchors=(),
    )


def _environment() -> jinja2.Environment:
    import jinja2  # noqa: PLC0415  (only to render)

    folder = resources.files("ultraqa.reports") / "templates"
    sources = {name: (folder / name).read_text(encoding="utf-8") for name in _TEMPLATES}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_inert,
    )
    environment.filters.update(
        prose=_prose,
        cell=numbers.name_cell,
        breakable=_breakable,
        by_count=_by_count,
        colour=svg.colour_class,
        anchor=_anchor,
    )
    environment.globals.update(number=numbers.number, bar=svg.bar, signs=SEVERITY_SIGNS, extreme=_EXTREME_TITLES)
    return environment


def _by_kind(findings: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Findings of one name and severity together, so that several datasets share one reason."""
    kinds: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for finding in findings:
        kinds.setdefault((finding["severity"], finding["finding"]), []).append(finding)
    return list(kinds.values())


def _groups(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Examples by reason: each dialogue stands once, under the first reason that names it; the others link to it."""
    examples = {(example["dataset"], example["row"]): example for example in document["examples"]}
    groups = [_group(one["dataset"], one["finding"], one["rows"], one) for one in document["findings"]]
    for reason in _EXTREME_TITLES:
        by_dataset: dict[str, list[int]] = {}
        for dataset, row in examples:
            if reason in examples[dataset, row]["why"]:
                by_dataset.setdefault(dataset, []).append(row)
        groups += [_group(dataset, reason, rows, None) for dataset, rows in by_dataset.items()]
    seen: set[tuple[str, int]] = set()
    for group in groups:
        for row in group["rows"]:
            key = (group["dataset"], row)
            if key in examples:
                group["items"].append({"example": examples[key], "repeated": key in seen})
                seen.add(key)
    return [group for group in groups if group["items"]]


def _group(dataset: str, reason: str, rows: Iterable[int], finding: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"dataset": dataset, "reason": reason, "rows": list(rows), "finding": finding, "items": []}


def _inert(value: object) -> object:
    """Every text on its way into the page: control characters are shown and not obeyed; escaping comes after this."""
    return numbers.visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _breakable(name: str) -> markupsafe.Markup:
    """A name for a narrow cell, which may break after its underscores, dots, commas, slashes and hyphens."""
    import markupsafe  # noqa: PLC0415  (only to render)

    escaped = str(markupsafe.escape(numbers.name_cell(name)))  # of Markup, sub would escape the breaks too
    return markupsafe.Markup(re.sub(r"([_.,/-])(?=\D)", r"\1<wbr>", escaped))  # noqa: S704  (escaped the line before)


def _prose(text: str) -> str:
    """A sentence, its percent signs kept on the line of their numbers."""
    return text.replace(" %", "\u00a0%")


def _anchor(dataset: str, datasets: Iterable[str]) -> int:
    """A dataset's number, for ids: names are hostile, numbers are not."""
    return list(datasets).index(dataset)


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Names and counts, most frequent first."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
