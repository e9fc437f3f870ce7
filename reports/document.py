"""The report as one document: everything that report.json, report.html, report.md and the terminal show."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from ultraqa.analysis.metric import Result
from ultraqa.reports import duplicates
from ultraqa.reports.compatibility import compatibility as trainers
from ultraqa.reports.differences import LEVEL
from ultraqa.reports.examples import examples
from ultraqa.reports.findings import SEVERITIES, findings
from ultraqa.reports.measured import column
from ultraqa.reports.origin import origin
from ultraqa.reports.published import PUBLISHED, SOURCE
from ultraqa.reports.table import ComparisonTable, comparison

if TYPE_CHECKING:
    from ultraqa.analysis.coverage import Coverage
    from ultraqa.analysis.human_likeness import Feature
    from ultraqa.analysis.separability import Separability
    from ultraqa.filters.trainers import Verdict
    from ultraqa.reports.measured import Finding, Measured

SCHEMA_VERSION = 1
_SURROGATE = re.compile("[\ud800-\udfff]")
# Options that change no number, and whether a word follows them.
_UNTOLD = {"-o": True, "--out": True, "--cache": True, "--workers": True, "--overwrite": False, "--json": False}
_ENTRY = (
    "name",
    "path",
    "sha256",
    "bytes",
    "dialogues",
    "records",
    "unreadable",
    "formats",
    "role_tags",
    "parameters",
    "packages",
    "encoding",
)


class UserTurns(NamedTuple):
    """How the user messages of a dataset differ from the first one's, feature by feature and by a classifier."""

    features: list[Feature]
    separability: Separability


def document(
    profiles: Sequence[Measured],
    *,
    version: str,
    published: bool = False,
    text: bool = True,
    seed: int = 0,
    scores: Sequence[Result] = (),
    covered: Mapping[str, Coverage] | None = None,
    user_turns: Mapping[str, UserTurns] | None = None,
    narrowing: Sequence[Mapping[str, Any]] = (),
    overlap: Mapping[str, Any] | None = None,
    compatibility: Mapping[str, Sequence[Verdict]] | None = None,
    methods: Sequence[Mapping[str, str]] = (),
    command: Sequence[str] = (),
) -> dict[str, Any]:
    """The whole report of one or more Profiles, as plain JSON values.

    Args:
        profiles: what was measured; the first is the one that the others are compared with.
        version: UltraQA's own version.
        published: whether to show the UltraChat table's rows beside.
        text: whether to show dialogue texts; rows, lines and numbers are shown in any case.
        seed: chooses the random examples.
        scores: further numbers of the same datasets, joined from outside.
        covered: how each dataset covers the first one's topics, by name.
        user_turns: how each dataset's user messages differ from the first one's, by name.
        narrowing: what probes say of each dataset beside the first one, as ``probes.section`` has it.
        overlap: what of each dataset is in each other one, under ``matrix``.
        compatibility: what each trainer makes of each dataset, by name.
        methods: definitions of the metrics, each with name, unit, direction, doc and source.
        command: the words of the command that made the report; folders are left out of it.
    """
    rows = [*(row for profile in profiles for row in profile.rows()), *scores]
    covered = covered or {}
    found = [findings(profile, text=text, overlap=(overlap or {}).get("matrix", ())) for profile in profiles]
    listed = [finding for profile, (some, _) in zip(profiles, found, strict=True) for finding in _placed(profile, some)]
    listed.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    shown = [
        example
        for profile, (some, _) in zip(profiles, found, strict=True)
        for example in examples(profile, some, seed=seed, text=text, share=1 / len(profiles))
    ]
    whole: dict[str, Any] = plain(
        {
            "schema_version": SCHEMA_VERSION,
            "ultraqa_version": version,
            "command": _command(command, profiles, published=published, text=text),
            "text": text,
            "datasets": [_entry(profile.document) for profile in profiles],
            "results": [row._asdict() for row in rows],
            "comparison": _comparison(comparison(rows)),
            "distributions": [one for profile in profiles for one in profile.document.get("distributions", ())],
            "topics": [
                _topics(profile, profiles[0].name, covered.get(profile.name))
                for profile in profiles
                if profile.document.get("topics")
            ],
            "verb_objects": [
                {"dataset": profile.name, **profile.document["verb_objects"]}
                for profile in profiles
                if profile.document.get("verb_objects")
            ],
            "user_turns": [
                {
                    "dataset": name,
                    "reference": profiles[0].name,
                    "features": [one._asdict() for one in found_.features],
                    "separability": found_.separability._asdict(),
                }
                for name, found_ in (user_turns or {}).items()
            ],
            "narrowing": list(narrowing),
            "near_duplicates": _known(duplicates.near_duplicates(profile, text=text) for profile in profiles),
            "semantic_duplicates": _known(map(duplicates.semantic_duplicates, profiles)),
            "contamination": _known(duplicates.contamination(profile, text=text) for profile in profiles),
            "overlap": overlap,
            "compatibility": [
                one for profile in profiles for one in trainers(profile, (compatibility or {}).get(profile.name, ()))
            ],
            "provenance": _known(map(origin, profiles)),
            "findings": [asdict(finding) for finding in listed],
            "not_measured": [missing._asdict() for _, some in found for missing in some],
            "examples": shown,
            "published": [row._asdict() for row in PUBLISHED] if published else [],
            "published_source": SOURCE if published else "",
            "methods": [dict(method) for method in methods],
        }
    )
    return whole


def results(report: Mapping[str, Any], key: str = "results") -> list[Result]:
    """The rows of a document, ``results`` or ``published``."""
    return [Result(**row) for row in report[key]]


def _known(found: Iterable[dict[str, Any] | None]) -> list[dict[str, Any]]:
    """What was measured, dataset by dataset."""
    return [one for one in found if one is not None]


def _placed(profile: Measured, some: Sequence[Finding]) -> list[Finding]:
    """Findings with the dataset's own rows, also where the profile is a part of a dataset."""
    rows = column(profile, "row")
    if rows is None:
        return list(some)
    return [replace(finding, rows=[int(rows[row]) for row in finding.rows]) for finding in some]


def _entry(profile: Mapping[str, Any]) -> dict[str, Any]:
    entry = {key: profile[key] for key in _ENTRY if key in profile}
    entry["path"] = PurePosixPath(str(entry.get("path", ""))).name
    return entry


def _topics(profile: Measured, reference: str, covered: Coverage | None) -> dict[str, Any]:
    """The topics of a dataset, the map of its dialogues, and how it covers the first dataset's topics."""
    whole = profile.document
    return {
        "dataset": profile.name,
        "encoder": whole["encoding"]["name"],
        "topics": whole["topics"],
        "map": whole["map"],
        "covered": covered
        and {
            "reference": reference,
            "entropy": covered.entropy,
            "topics": [topic._asdict() for topic in covered.topics],
        },
    }


def _comparison(table: ComparisonTable) -> dict[str, Any] | None:
    if not table.differences:
        return None
    real = [difference for difference in table.differences if difference.real]
    return {
        "reference": table.datasets[0],
        "level": LEVEL,
        "compared": len(table.differences),
        "note": table.note,
        "differences": [
            {
                "dataset": table.datasets[difference.dataset],
                **{
                    key: getattr(table.columns[difference.column], key)
                    for key in ("metric", "scope", "statistic", "budget")
                },
                "direction": "above" if difference.z > 0 else "below",
                "z": difference.z,
                "p": difference.p,
            }
            for difference in real
        ],
    }


def _command(words: Sequence[str], profiles: Sequence[Measured], *, published: bool, text: bool) -> str:
    """The command as it can be typed again: what changes no number, and the folders of this machine, are left out."""
    if not words:
        paths = [str(_entry(profile.document)["path"]) for profile in profiles]
        words = ["ultraqa", "report", *paths, *["--published"] * published, *["--no-text"] * (not text)]
    return command_line(words)


def command_line(words: Sequence[str]) -> str:
    """Words of a command as they can be typed again, without what changes no number and without folders."""
    kept: list[str] = []
    waiting = iter(words)
    for word in waiting:
        option = word.partition("=")[0]
        if option not in _UNTOLD:
            kept.append(_without_folder(word))
        elif _UNTOLD[option] and option == word:
            next(waiting, None)
    return shlex.join(kept)


def _without_folder(word: str) -> str:
    name, equals, path = word.rpartition("=")
    if "/" not in path or "://" in path:
        return word
    return f"{name}{equals}{PurePosixPath(path).name}"


def plain(value: Any) -> Any:
    """Plain JSON: numbers of numpy become Python's, what is no finite number None, broken characters U+FFFD."""
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
