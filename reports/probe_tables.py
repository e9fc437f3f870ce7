"""The tables of a probe, for terminal, Markdown and HTML alike, taken from its document and from nothing else."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ultraqa.analysis.probes import DEFINITIONS, DISTANCES, LEAST_Z
from ultraqa.analysis.verdict import MOST_NATS, MOST_NOVELTY, MOST_SHIFT, Guards, is_noise
from ultraqa.reports import numbers
from ultraqa.reports.probe_sentences import moved_by
from ultraqa.reports.sections import Line, Table, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DECIDING: Final = tuple(name for name, one in DEFINITIONS.items() if one.least is not None)
"""Probes whose signs the verdict is made of."""
_BADGES: Final = {
    "insufficient": ("info", "?"),
    "no reference": ("info", "–"),
    "different domain": ("info", "≠"),
    "no narrowing": ("good", "✓"),
    "watch": ("warn", "!"),
    "degenerate": ("fail", "✕"),
    "narrowed": ("fail", "✕"),
    "collapsing": ("fail", "✕"),
}
_FAMILIES: Final = {
    "support": "support: words it has",
    "structure": "structure: word sequences it has",
    "repetition": "repetition",
    "openings": "openings, shown only",
    "coverage": "coverage of the reference, shown only",
    "semantic": "semantic, never counted: meaning can spread while wording narrows",
}
_PARTS: Final = {"assistant": "assistant text", "user": "user text", "both": "user and assistant text"}
_LOST: Final = "stand in many dialogues of the reference and in few of the candidate"
_OVERUSED: Final = "used eight times as often as people did up to 2021, and twice as often as in the reference"
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_TREND_HEAD: Final = ("", "z of the trend", "p, corrected", "beyond chance")
NOT_JUDGED: Final = "not judged: too little text"


class Badge(NamedTuple):
    """A verdict as it is shown: class of its colour, sign, words."""

    kind: str
    sign: str
    words: str


class Wordings(NamedTuple):
    """A list of wordings: title, what it is, and a line a wording."""

    title: str
    meaning: str
    table: Table


def badge(one: Mapping[str, Any]) -> Badge:
    """The verdict of a document with sign and colour."""
    kind, sign = _BADGES[one["verdict"]]
    kind = "warn" if one["severity"] == "mild" else kind
    return Badge(kind, sign, verdict(one))


def verdict(one: Mapping[str, Any]) -> str:
    """The verdict in words, with its severity."""
    return f"{one['verdict']} ({one['severity']})" if one["severity"] else str(one["verdict"])


def is_judged(one: Mapping[str, Any]) -> bool:
    """Whether there is enough text for signs and trends to be read."""
    return bool(one["verdict"] != "insufficient")


def title(one: Mapping[str, Any]) -> str:
    """What is probed, in a line."""
    candidate, reference = numbers.name_cell(one["candidate"]), numbers.name_cell(one["reference"] or "")
    if "simulation" in one:
        return f"{len(one['generations'])} generations of a toy model beside {reference}"
    if "generations" in one:
        return f"{len(one['generations']) + 1} generations, {reference} to {candidate}"
    return f"{candidate} beside {reference}" if reference else candidate


def subject(one: Mapping[str, Any]) -> str:
    """What is compared with what."""
    part = _PARTS[one["part"]]
    if "words" not in one:
        return part
    paired = "the same prompts" if one["matched_by"] == "prompt" else "equal ranks of length"
    of = "the last: " if "generations" in one else ""
    return f"{part}; {of}{one['dialogues']:,} dialogues a side, paired by {paired}; {one['words']:,} words a side"


def probes(one: Mapping[str, Any]) -> Table:
    """Every probe: both sides, the change, z, and whether it is a sign of narrowing."""
    lines = [
        Line(
            probe["name"],
            (
                Value(numbers.number(probe["reference"])), Value(numbers.number(probe["candidate"])),
                Value(change(probe)), Value(_signed(probe["z"])), _sign(probe, judged=is_judged(one)),
            ),
            _FAMILIES[probe["family"]],
            probe["meaning"],
        )
        for probe in one["probes"]
    ]  # fmt: skip
    return Table(("", "reference", "candidate", "change", "z", "sign"), tuple(lines))


def deciding(one: Mapping[str, Any]) -> Table:
    """The probes that the verdict is made of, without a plus, which a spreadsheet takes for a formula."""
    whole = probes(one)
    lines = [
        line._replace(group="", cells=tuple(Value(cell.text.removeprefix("+")) for cell in line.cells))
        for line in whole.lines
        if line.name in DECIDING
    ]
    return whole._replace(lines=tuple(lines))


def change(probe: Mapping[str, Any]) -> str:
    """The relative change of a probe, with its sign."""
    return "–" if probe["change"] is None else f"{_signed(100 * probe['change'])} %"


def rule() -> str:
    """When a probe is a sign, in words."""
    asked = ", ".join(f"{name} {_bound(name)} %" for name in DECIDING)
    return (
        f"A sign: z beyond {LEAST_Z:g} towards narrower, and a change beyond {asked}. A family counts where all of its "
        "deciding probes are signs; one family is “watch”, two are “narrowed”."
    )


def distances(one: Mapping[str, Any]) -> str:
    """How the distances of vectors are read, where there are some."""
    shown = [probe["name"] for probe in one["probes"] if probe["name"] in DISTANCES]
    if not shown:
        return ""
    return (
        f"{', '.join(shown)}: each compares the sides with each other; the first column is what exchanged texts give."
    )


def guards(one: Mapping[str, Any]) -> Table:
    """What must hold for the probes to be read."""
    found = one["guards"]
    order = None if found["forward"] is None else found["forward"] - max(0.0, found["unigram"] or 0.0)
    common, new = moved_by(found)
    noise = "✕ noise" if is_noise(Guards(**found)) else "no noise"
    lines = (
        _guard("common words differ", found["shift"], MOST_SHIFT, _domain(one, moved=common)),
        _guard("new words, times held-out text", found["novelty"], MOST_NOVELTY, _domain(one, moved=new)),
        _guard("words in no order, nats a word", order, MOST_NATS, noise),
    )
    return Table(("", "value", "at most", ""), lines)


def levels(one: Mapping[str, Any]) -> Table:
    """The levels of a dataset, and of a reference that holds no words."""
    lines = [
        Line(
            row["metric"],
            (
                Value(numbers.number(row["value"], row["statistic"], row["unit"])),
                Value(numbers.interval(row["low"], row["high"], row["statistic"], row["unit"])),
                Value(f"{row['budget']:,} {numbers.budgeted(row['metric'])}" if row["budget"] else "all dialogues"),
            ),
            f"{row['dataset']}, {row['scope']}",
        )
        for row in sorted(one["levels"], key=lambda row: (row["dataset"] != one["candidate"], row["scope"]))
    ]
    return Table(("", "value", "95 % interval", "of"), tuple(lines))


def generations(one: Mapping[str, Any]) -> Table:
    """A line a generation: its verdict, and the change of the probes that decide."""
    found = [
        Line(
            each["candidate"],
            (
                Value(verdict(each)),
                *(Value(change(probe), mark=_mark(probe, judged=is_judged(one))) for probe in _deciding(each)),
            ),
        )
        for each in one["generations"]
    ]
    return Table(("", "beside the first", *DECIDING), tuple(found))


def trends(one: Mapping[str, Any]) -> Table:
    """Whether each family goes on narrowing; of too little text that is not judged."""
    if not is_judged(one):
        blank = (Value("–"), Value("–"), Value(NOT_JUDGED))
        return Table(_TREND_HEAD, tuple(Line(each["family"], blank) for each in one["trends"]))
    lines = [
        Line(each["family"], (
            Value(_signed(each["z"])), Value(f"{each['p']:.3f}" if each["p"] >= 0.001 else "<0.001"),
            Value("yes" if each["significant"] else "no"),
        ))
        for each in one["trends"]
    ]  # fmt: skip
    return Table(_TREND_HEAD, tuple(lines))


def sparklines(one: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Of each deciding probe its name, a small curve over the generations, and the change in the last."""
    found = []
    for name in DECIDING:
        changes = curve(one, name)
        known = [value for value in changes if value is not None]
        low, high = min(known), max(known)
        drawn = "".join(" " if v is None else _BLOCKS[round(7 * (v - low) / ((high - low) or 1))] for v in changes)
        found.append((name, drawn, "–" if changes[-1] is None else f"{_signed(100 * changes[-1])} %"))
    return found


def curve(one: Mapping[str, Any], name: str) -> list[float | None]:
    """The change of a probe by generation, from the first, which has none."""
    each = [next((p for p in found["probes"] if p["name"] == name), None) for found in one["generations"]]
    return [0.0, *(None if probe is None else probe["change"] for probe in each)]


def wordings(one: Mapping[str, Any]) -> list[Wordings]:
    """The lists of wordings that hold something."""
    if one["lost"] is None:
        return []
    lists = (
        ("Lost words", _LOST, one["lost"]["words"]),
        ("Lost phrases", _LOST, one["lost"]["phrases"]),
        ("New boilerplate", "phrases that many dialogues of the candidate have in common", one["new"]["boilerplate"]),
        ("Overused openings", "with which more of the candidate’s dialogues begin", one["new"]["openings"]),
    )
    found = [Wordings(title, meaning, _counted(some)) for title, meaning, some in lists if some]
    if words := one["overused"]["words"]:
        found.append(Wordings("Overused words", _OVERUSED, _overused(words)))
    return found


def command(report: Mapping[str, Any]) -> str:
    """The command of the whole probe of a report's second dataset beside its first."""
    first, second = (str(one["path"]) for one in report["datasets"][:2])
    return shlex.join(["ultraqa", "probe", "--reference", first, second])


def shown_in(wording: Mapping[str, Any]) -> str:
    """Where a wording stands: the dialogues by row, line and id, and the text of the first."""
    found = "; ".join(map(_place, wording["places"]))
    return f"{found}: {wording['quotation']}" if wording["quotation"] else found


def _place(one: Mapping[str, Any]) -> str:
    line = f", line {one['line']}" if one["line"] else ""
    return f"row {one['row']}{line}{', id ' + one['id'] if one['id'] else ''}"


def _counted(some: Sequence[Mapping[str, Any]]) -> Table:
    lines = [
        Line(
            f"“{one['text']}”",
            (Value(f"{one['reference']:,}"), Value(f"{one['candidate']:,}")),
            below=shown_in(one),
        )
        for one in some
    ]
    return Table(("", "dialogues of the reference", "of the candidate"), tuple(lines))


def _overused(some: Sequence[Mapping[str, Any]]) -> Table:
    lines = [
        Line(
            f"“{one['word']}”",
            (
                Value(numbers.number(one["reference"], "mean")), Value(numbers.number(one["candidate"], "mean")),
                Value(numbers.number(one["human"], "mean")), Value(f"{one['dialogues']:,}"),
            ),
            below=shown_in(one),
        )
        for one in some
    ]  # fmt: skip
    head = ("", "reference, per million words", "candidate", "people", "dialogues")
    return Table(head, tuple(lines))


def _guard(name: str, value: float | None, limit: float, state: str) -> Line:
    shown = "not measured" if value is None else state
    return Line(name, (Value(numbers.number(value, "mean")), Value(f"{limit:g}"), Value(shown)))


def _domain(one: Mapping[str, Any], *, moved: bool) -> str:
    """What a guard says of whether both sides are about the same things."""
    if one["matched_by"] == "prompt":
        return "not asked: the same prompts"
    if "generations" in one and one["verdict"] != "different domain":
        return "not asked: generations of one line"
    return "✕ another domain" if moved else "the same domain"


def _deciding(one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = {probe["name"]: probe for probe in one["probes"]}
    return [found.get(name, {"name": name, "change": None, "fired": None}) for name in DECIDING]


def _sign(probe: Mapping[str, Any], *, judged: bool) -> Value:
    if probe["fired"] is None or not judged:
        return Value("" if probe["fired"] is None else "not judged")
    return Value("● yes" if probe["fired"] else "no")


def _mark(probe: Mapping[str, Any], *, judged: bool) -> str:
    return "●" if probe["fired"] and judged else ""


def _bound(name: str) -> str:
    definition = DEFINITIONS[name]
    return _signed(100 * definition.narrower * (definition.least or 0.0), 0)


def _signed(value: float | None, decimals: int = 1) -> str:
    if value is None:
        return "–"
    return f"{value:+.{decimals}f}".replace("-", "−")
