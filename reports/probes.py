"""Probes as plain values: what probe.json and reports hold of a comparison, of generations, of levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ultraqa.analysis.probes import DEFINITIONS, DISTANCES, SEMANTIC
from ultraqa.analysis.verdict import LEAST_WORDS
from ultraqa.reports.examples import places
from ultraqa.reports.probe_sentences import of_comparison, of_generations, of_levels, of_simulation
from ultraqa.reports.quotations import quotations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ultraqa.analysis.collapse import Comparison
    from ultraqa.analysis.generations import Generations
    from ultraqa.analysis.metric import Result
    from ultraqa.analysis.probes import Probe
    from ultraqa.analysis.profile import Profile
    from ultraqa.analysis.simulated import Simulation

MEANINGS: Final = {
    **{name: one.meaning for name, one in (DEFINITIONS | SEMANTIC).items()},
    **DISTANCES,
    "distinct_1": "Different words over all of them.",
}
"""What each probe is, one sentence."""
LEVELS: Final[dict[str, str]] = {
    "missing_mass_1": "support", "vocabulary": "support", "missing_mass_2": "structure", "missing_mass_3": "structure",
    "distinct_1": "structure", "distinct_2": "structure", "distinct_3": "structure", "self_repetition_4": "repetition",
    "compression_ratio": "repetition", "topic_similarity": "semantic", "vendi": "semantic", "topic_entropy": "semantic",
}  # fmt: skip
"""Measures of a dataset that stand for probes where there is nothing to compare it with, and their families."""
_PARTS: Final = {"both": ("assistant", "user")}


def comparison(one: Comparison, reference: Profile | None = None, candidate: Profile | None = None) -> dict[str, Any]:
    """A comparison, with wording and its dialogues where the Profiles are given.

    Args:
        one: the comparison.
        reference: where the reference's dialogues stand.
        candidate: where the candidate's do.
    """
    told: dict[str, Any] = {
        "verdict": one.verdict.word,
        "severity": one.verdict.severity,
        "families": list(one.verdict.families),
        "sentence": "",
        "reference": one.reference,
        "candidate": one.candidate,
        "part": one.part,
        "matched_by": one.by,
        "dialogues": one.dialogues,
        "words": one.words,
        "permutations": one.permutations,
        "probes": [_probe(probe) | _reading(probe.name) for probe in one.probes],
        "guards": one.guards._asdict(),
        "detectable_share": one.detectable,
        "notes": list(one.notes),
        "lost": None,
        "new": None,
        "overused": None,
    }
    if reference is not None and candidate is not None:
        told |= _wording(one, reference, candidate)
    return told | {"sentence": of_comparison(told)}


def section(one: Comparison, reference: Profile, candidate: Profile, *, text: bool) -> dict[str, Any]:
    """A comparison as a section of a report has it: without wording where texts are not to be shown."""
    told = comparison(one, reference, candidate)
    if not one.dialogues:
        sides = {side.name: side for side in (reference, candidate)}.values()
        told["notes"] = [f"{side.name} has no {one.part} text" for side in sides if not len(side.sample(one.part).rows)]
    told["probes"] = [_probe(probe) for probe in one.probes]
    if text:
        return told
    return told | {"sentence": of_comparison({**told, "lost": {}}), "lost": None, "new": None, "overused": None}


def generations(many: Generations, profiles: Sequence[Profile] | None = None) -> dict[str, Any]:
    """Generations: on top what the last one is beside the first, below it every comparison and the trends."""
    known: Sequence[Profile | None] = profiles or [None] * len(many.names)
    first, *later = known
    found = [comparison(one, first, profile) for one, profile in zip(many.comparisons, later, strict=True)]
    told = {
        **found[-1],
        "verdict": many.verdict.word,
        "severity": many.verdict.severity,
        "families": list(many.verdict.families),
        "generations": found,
        "trends": [one._asdict() for one in many.trends],
        "notes": list(dict.fromkeys(note for one in found for note in one["notes"])),
    }
    return told | {"sentence": of_generations(told)}


def simulation(one: Simulation) -> dict[str, Any]:
    """A simulation of a toy model: its generations, and the text that it learned from beside its reference."""
    told = {
        **generations(one.generations),
        "simulation": {"regime": one.regime, "model": one.model, "control": comparison(one.control)},
    }
    return told | {"sentence": of_simulation(told)}


def levels(profile: Profile, part: str, reference: Profile | None = None) -> dict[str, Any]:
    """What a dataset's own numbers say where there is no text to hold it against.

    Args:
        profile: the dataset.
        part: whose messages.
        reference: one whose numbers are shown beside, although it holds no words.
    """
    found = [row for one in (reference, profile) if one is not None for row in _levels(one.rows(), part)]
    told: dict[str, Any] = {
        "verdict": "no reference",
        "severity": None,
        "families": [],
        "sentence": "",
        "reference": None if reference is None else reference.name,
        "candidate": profile.name,
        "part": part,
        "probes": [_level(row) for row in found if row.dataset == profile.name],
        "levels": [row._asdict() for row in found],
        "notes": [] if found else [f"no level is measured: {LEAST_WORDS:,} words are needed"],
    }
    return told | {"sentence": of_levels(told)}


def _probe(one: Probe) -> dict[str, Any]:
    return one._asdict() | {"meaning": MEANINGS[one.name]}


def _reading(name: str) -> dict[str, Any]:
    """Which way a probe is narrower, and from which relative change on it is a sign; None where it is only shown."""
    rule = (DEFINITIONS | SEMANTIC).get(name)
    if rule is None:
        return {"narrower": None, "least": None}
    return {"narrower": {1: "higher", -1: "lower"}.get(rule.narrower), "least": rule.least}


def _level(row: Result) -> dict[str, Any]:
    return {
        "name": row.metric, "family": LEVELS[row.metric], "meaning": MEANINGS[row.metric],
        "reference": None, "candidate": row.value, "change": None, "z": None, "fired": None, **_reading(row.metric),
    }  # fmt: skip


def _levels(rows: Sequence[Result], part: str) -> list[Result]:
    """The levels of a part, each at its largest budget, in the order of LEVELS."""
    scopes = {*_PARTS.get(part, (part,)), "dialogue"}
    known = [row for row in rows if row.metric in LEVELS and row.scope in scopes and row.value is not None]
    largest: dict[tuple[str, str], Result] = {}
    for row in sorted(known, key=lambda row: row.budget or 0):
        if row.statistic in {"value", "mean"}:
            largest[row.metric, row.scope] = row
    order = list(LEVELS)
    return sorted(largest.values(), key=lambda row: (order.index(row.metric), row.scope))


def _wording(one: Comparison, reference: Profile, candidate: Profile) -> dict[str, Any]:
    """The wording that one side has and the other has not, with dialogues of the side that has it."""
    lost, overuse = one.lost, one.overuse
    if lost is None or overuse is None:
        return {}
    words, phrases = _shown(reference, one.part, lost.words, lost.phrases)
    boilerplate, openings, used = _shown(candidate, one.part, lost.boilerplate, lost.openings, overuse.words)
    return {
        "lost": {"words": words, "phrases": phrases},
        "new": {"boilerplate": boilerplate, "openings": openings},
        "overused": {
            "words": used,
            "share": {"reference": overuse.reference, "candidate": overuse.candidate},
            "note": overuse.note,
        },
    }


def _shown(profile: Profile, part: str, *lists: Sequence[Any]) -> list[list[dict[str, Any]]]:
    """Lists of wordings of a dataset, each wording with the places of some dialogues, and quoted from the first."""
    where = places(profile, sorted({row for some in lists for one in some for row in one.rows}))
    quoted = quotations(profile, part, [(one[0], one.rows[0]) for some in lists for one in some if one.rows])
    return [
        [
            {
                **{name: value for name, value in one._asdict().items() if name != "rows"},
                "places": [where[row] for row in one.rows],
                "quotation": quoted.get((one[0], one.rows[0])) if one.rows else None,
            }
            for one in some
        ]
        for some in lists
    ]
