"""What a report shows of duplicates and contamination, from a Profile's document and, where asked for, its texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ultraqa.analysis.shared_text import MOST
from ultraqa.dialogues.batch import spoken
from ultraqa.reports.examples import places
from ultraqa.reports.text_differences import difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ultraqa.dialogues.batch import Dialogue
    from ultraqa.reports.measured import Measured

CLUSTERS: Final = 5
"""Clusters of a scope that are shown, the largest."""
COMPARED: Final = ("dialogue", "prompt")
"""Scopes whose clusters are shown with the difference of two texts."""
MATCHES: Final = 10
"""Matches of a benchmark, and candidates for review, that are shown."""


def near_duplicates(profile: Measured, *, text: bool) -> dict[str, Any] | None:
    """Near-duplicates of each scope, the largest clusters with a difference, and the template; None if not sought."""
    found = profile.document.get("near_duplicates")
    if not found:
        return None
    scopes = {scope["scope"]: scope.get("clusters", [])[:CLUSTERS] for scope in found["scopes"]}
    where = places(profile, _distinct(row for some in scopes.values() for one in some for row in _rows(one)))
    compared = [row for scope in COMPARED for one in scopes.get(scope, ()) for row in _rows(one)[:2]] if text else []
    dialogues = _dialogues(profile, compared)
    return {
        **found,
        "dataset": profile.name,
        "scopes": [
            {**scope, "clusters": [_cluster(scope["scope"], one, where, dialogues) for one in scopes[scope["scope"]]]}
            for scope in found["scopes"]
        ],
        "template": {**found["template"], "phrases": _without_text(found["template"]["phrases"], text=text)},
    }


def semantic_duplicates(profile: Measured) -> dict[str, Any] | None:
    """How duplicates in meaning were searched for; None if they were not."""
    found = profile.document.get("semantic_duplicates")
    return {**found, "dataset": profile.name} if found else None


def contamination(profile: Measured, *, text: bool) -> dict[str, Any] | None:
    """Questions of benchmarks in a dataset, the strongest matches with their text; None if none were looked for."""
    found = profile.document.get("contamination")
    if not found:
        return None
    review = profile.document.get("contamination_review")
    kept = [{**one, "matches": one["matches"][:MATCHES]} for one in found["benchmarks"]]
    candidates = review["candidates"][:MATCHES] if review else []
    listed = [*candidates, *(match for one in kept for match in one["matches"])]
    where = places(profile, _distinct(one["row"] for one in listed))
    for one in kept:
        one["matches"] = _without_text([{**match, "place": where[match["row"]]} for match in one["matches"]], text=text)
    template = dict(found["template"])
    if not text:
        template.pop("texts", None)
    shown = {**found, "dataset": profile.name, "benchmarks": kept, "template": template}
    if review:
        dialogues = _dialogues(profile, [one["row"] for one in candidates]) if text else {}
        shown["review"] = {**review, "candidates": [_candidate(one, where, dialogues) for one in candidates]}
    return shown


def _cluster(
    scope: str, cluster: Mapping[str, Any], where: Mapping[int, Any], dialogues: Mapping[int, Dialogue]
) -> dict[str, Any]:
    """A cluster with the places of its texts and, of the scopes that are compared, the difference of the first two."""
    members = [{**member, "place": where[member["row"]]} for member in cluster["members"]]
    shown = {**cluster, "place": where[cluster["row"]], "members": members}
    two = _rows(cluster)[:2]
    if scope in COMPARED and len(two) == 2 and all(row in dialogues for row in two):
        kept, dropped = (_text(scope, dialogues[row]) for row in two)
        shown["difference"] = [segment._asdict() for segment in difference(kept, dropped)]
    return shown


def _text(scope: str, dialogue: Dialogue) -> str:
    """What is compared: the messages of user and assistant, or the first message of the user."""
    return "\n\n".join(spoken(dialogue) if scope == "dialogue" else spoken(dialogue, "u")[:1])


def _candidate(one: Mapping[str, Any], where: Mapping[int, Any], dialogues: Mapping[int, Dialogue]) -> dict[str, Any]:
    shown = {**one, "place": where[one["row"]]}
    if one["row"] in dialogues:
        shown["text"] = spoken(dialogues[one["row"]])[one["message"]][:MOST]
    return shown


def _without_text(some: Iterable[Mapping[str, Any]], *, text: bool) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if text or key != "text"} for one in some]


def _dialogues(profile: Measured, rows: Iterable[int]) -> dict[int, Dialogue]:
    chosen = _distinct(rows)
    return dict(zip(chosen, profile.texts(chosen), strict=True)) if chosen else {}


def _rows(cluster: Mapping[str, Any]) -> list[int]:
    """Rows of a cluster, the kept one first."""
    return [cluster["row"], *(member["row"] for member in cluster["members"])]


def _distinct(rows: Iterable[int]) -> Sequence[int]:
    return sorted(set(rows))
