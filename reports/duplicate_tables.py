"""The tables of a report's section on duplicates and contamination, the same in HTML and in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ultraqa.analysis.near_duplicates import THRESHOLD
from ultraqa.analysis.shared_text import MOST
from ultraqa.analysis.shingles import SHINGLE, SHORT
from ultraqa.reports import numbers
from ultraqa.reports.duplicates import COMPARED
from ultraqa.reports.sections import Line, Rows, Table, Value, share_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SCOPES: Final = {"dialogue": "dialogues", "prompt": "prompts", "assistant": "assistant messages", "message": "messages"}
DEFINITION: Final = (
    f"Near-duplicates are texts whose {SHINGLE}-word sequences, without those of a template, have a Jaccard similarity "
    f"of {THRESHOLD:g} or more with those of a text that is kept; every pair that a sketch proposes is compared by the "
    f"whole sets. Texts under {SHORT} words, and those of which a template leaves fewer than {SHORT - SHINGLE + 1} "
    "sequences, must have the same words, digits and symbols in the same order; they are found beside the pairs "
    "counted here. Copies count as copies alone. Digits are no words: longer texts that differ in numbers alone are "
    "near-duplicates."
)
NO_PARAPHRASE: Final = (
    "What is found was copied, wholly or in part. A paraphrase shares hardly a word sequence with its question: that "
    "nothing was found does not exclude that questions were rephrased."
)
PHRASES: Final = 8
"""Phrases of a template that are shown, the most frequent."""
_KINDS: Final = (
    ("exact", "equal dialogues"),
    ("near", "near-duplicates"),
    ("semantic", "alike in meaning"),
    ("prompts", "equal prompts"),
    ("replies", "equal replies"),
)


def scopes(document: Mapping[str, Any], rows: Rows) -> Table:
    """Exact, near and semantic duplicates of each scope, and how many pairs were compared to find the near ones."""
    known = {
        (one["dataset"], scope["scope"]): scope
        for one in document.get("near_duplicates", ())
        for scope in one["scopes"]
    }
    found = {row.metric for row in rows.all}
    kinds = [kind for kind in ("exact_duplicates", "near_duplicates", "semantic_duplicates") if kind in found]
    counted = any("candidates" in scope for scope in known.values())
    lines = []
    for scope, name in SCOPES.items():
        for dataset in rows.datasets:
            cells = _scope(rows, dataset, scope, kinds, known.get((dataset, scope), {}), counted=counted)
            if cells:
                lines.append(rows.line(dataset, name, cells))
    titles = {
        "exact_duplicates": "exact copies", "near_duplicates": "near-duplicates",
        "semantic_duplicates": "alike in meaning",
    }  # fmt: skip
    head = ("", "texts", *(titles[kind] for kind in kinds), *("pairs compared", "of these similar") * counted)
    return Table(head, tuple(lines))


def _scope(
    rows: Rows, dataset: str, scope: str, kinds: Iterable[str], known: Mapping[str, Any], *, counted: bool
) -> tuple[Value, ...]:
    pairs = {kind: [rows.get(dataset, kind, scope, statistic) for statistic in ("share", "count")] for kind in kinds}
    first = next((share for share, _ in pairs.values() if share is not None), None)
    if first is None:
        return ()
    distinct = known.get("texts", first.n)
    texts = Value(f"{first.n:,}", f"{distinct:,} different" if distinct != first.n else "")
    shares = [
        share_cell(*pair) if pair[0] else Value("–", "not sought" if kind == "near_duplicates" else "")
        for kind, pair in pairs.items()
    ]
    compared = [Value(numbers.number(known.get(name), "count")) for name in ("candidates", "verified")]
    return (texts, *shares, *compared * counted)


def phrases(one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The most frequent phrases of a dataset's template; one that holds another is told by it."""
    shown: list[Mapping[str, Any]] = []
    for phrase in one["template"]["phrases"]:
        if not any(_holds(phrase["text"], other["text"]) for other in shown):
            shown.append(phrase)
    return shown[:PHRASES]


def _holds(text: str, other: str) -> bool:
    return f" {other} " in f" {text} " or f" {text} " in f" {other} "


def clustered(document: Mapping[str, Any]) -> list[tuple[str, str, list[Mapping[str, Any]]]]:
    """Largest clusters of dialogues and prompts: (dataset, what they are, clusters)."""
    return [
        (one["dataset"], SCOPES[scope["scope"]], scope["clusters"])
        for one in document.get("near_duplicates", ())
        for scope in one["scopes"]
        if scope["scope"] in COMPARED and scope["clusters"]
    ]


def overlap_lines(document: Mapping[str, Any]) -> Table:
    """What of each dataset is in each other one, a line a pair."""
    matrix = (document.get("overlap") or {}).get("matrix", ())
    kinds = [(kind, title) for kind, title in _KINDS if any(one[kind] for one in matrix)]
    lines = [
        Line(f"in {one['other']}", tuple(_shared(one[kind]) for kind, _ in kinds), one["dataset"]) for one in matrix
    ]
    return Table(("", *(title for _, title in kinds)), tuple(lines))


def overlap_matrix(document: Mapping[str, Any]) -> Table:
    """Share of each dataset's dialogues that are in each other one, equal or nearly."""
    matrix = (document.get("overlap") or {}).get("matrix", ())
    names = tuple(dict.fromkeys(one["dataset"] for one in matrix))
    shares = {(one["dataset"], one["other"]): one["either"] for one in matrix}
    lines = [Line(name, tuple(_shared(shares.get((name, other))) for other in names)) for name in names]
    return Table(("", *(f"in {name}" for name in names)), tuple(lines))


def overlap_notes(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was not compared, and over what: (pair of datasets, note)."""
    matrix = (document.get("overlap") or {}).get("matrix", ())
    return [("", f"{one['dataset']} in {one['other']}: {one['note']}") for one in matrix if one["note"]]


def _shared(shared: Mapping[str, Any] | None) -> Value:
    return Value(numbers.number(shared["share"], "share"), f"{shared['count']:,}") if shared else Value("–")


def benchmarks(document: Mapping[str, Any]) -> Table:
    """Questions of each benchmark that were found, a line for each dataset and benchmark."""
    found = document.get("contamination", ())
    many = len(document["datasets"]) > 1
    lines = [
        Line(one["name"], _benchmark(one), contaminated["dataset"] if many else "", _left_out(one, contaminated["n"]))
        for contaminated in found
        for one in contaminated["benchmarks"]
    ]
    run = f"{found[0]['run']} words in a row" if found else ""
    head = ("", "questions", "found", "word for word", "in user messages", "in replies", run, "dialogues")
    return Table(head, tuple(lines))


def _benchmark(one: Mapping[str, Any]) -> tuple[Value, ...]:
    share = numbers.number(one["found"] / one["items"], "share") if one["found"] else ""
    share += f", {one['other_numbers']:,} with other numbers" if one["other_numbers"] else ""
    others = (one["exact"], one["user"]["found"], one["assistant"]["found"], one["found_13gram"], one["dialogues"])
    return (Value(f"{one['items']:,}"), Value(f"{one['found']:,}", share), *(Value(f"{count:,}") for count in others))


def _left_out(one: Mapping[str, Any], n: int) -> str:
    """Questions of which only whole copies can be found."""
    parts = [f"{one['short']:,} under {n} words"] * bool(one["short"])
    parts += [f"{one['in_template']:,} all template"] * bool(one["in_template"])
    return f"{' and '.join(parts)}: found only whole" if parts else ""


def quoted(text: str) -> str:
    """A text that was cut where it is as long as any that is shown, with a mark there."""
    return f"{text} …" if len(text) >= MOST else text
