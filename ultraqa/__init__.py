"""UltraQA measures, compares, probes, prunes and explains chat datasets.

>>> import ultraqa
>>> profile = ultraqa.profile("dialogues.jsonl")  # doctest: +SKIP
>>> profile.results()  # doctest: +SKIP
>>> ultraqa.filter("dialogues.jsonl", "kept.jsonl")  # doctest: +SKIP
>>> ultraqa.probe("mine.jsonl", reference="human.jsonl").verdict  # doctest: +SKIP
>>> ultraqa.report("mine.jsonl", "baize.json")  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ultraqa.analysis.metric import Result
    from ultraqa.analysis.profile import Profile
    from ultraqa.api import Report, profile, report
    from ultraqa.checking import Check, check
    from ultraqa.converting import convert
    from ultraqa.filtering import Filtered, filter  # noqa: A004  (the command's name)
    from ultraqa.filters.rule import Rule
    from ultraqa.probing import Probing, probe, simulate

__all__ = [
    "Check",
    "Filtered",
    "Probing",
    "Profile",
    "Report",
    "Result",
    "Rule",
    "check",
    "convert",
    "filter",
    "probe",
    "profile",
    "report",
    "simulate",
]

_HOMES = {
    "Check": "ultraqa.checking",
    "Filtered": "ultraqa.filtering",
    "Probing": "ultraqa.probing",
    "Profile": "ultraqa.analysis.profile",
    "Report": "ultraqa.api",
    "Result": "ultraqa.analysis.metric",
    "Rule": "ultraqa.filters.rule",
    "check": "ultraqa.checking",
    "convert": "ultraqa.converting",
    "filter": "ultraqa.filtering",
    "probe": "ultraqa.probing",
    "profile": "ultraqa.api",
    "report": "ultraqa.api",
    "simulate": "ultraqa.probing",
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ultraqa' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
