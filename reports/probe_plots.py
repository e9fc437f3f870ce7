"""Plots of generations: how far each deciding probe has changed since the first."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from ultraqa.analysis.probes import DEFINITIONS
from ultraqa.reports import svg
from ultraqa.reports.plots import Figure
from ultraqa.reports.probe_tables import DECIDING, curve, is_judged

if TYPE_CHECKING:
    from collections.abc import Mapping

CAPTION: Final = "Dashed line: a change that begins to count. Large dot: a generation in which it is a sign."


def figures(document: Mapping[str, Any]) -> dict[str, Figure]:
    """A plot for each deciding probe, by its name."""
    found = {}
    for name in DECIDING:
        definition = DEFINITIONS[name]
        later = document["generations"]
        judged = is_judged(document)
        signs = [False, *(judged and any(p["name"] == name and p["fired"] for p in one["probes"]) for one in later)]
        names = [document["reference"], *(one["candidate"] for one in later)]
        points = [svg.Step(*step) for step in zip(names, curve(document, name), signs, strict=True)]
        limit = definition.narrower * (definition.least or 0.0)
        picture = svg.steps(points, key=f"generations-{name}", title=f"{name} by generation", limit=limit)
        found[name] = Figure(name, picture, definition.meaning)
    return found


def standalone(picture: str) -> bytes:
    """A plot as a file of its own: with its name space and the page's style."""
    style = (resources.files("ultraqa.reports") / "templates" / "style.css").read_text(encoding="utf-8")
    head, tail = picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).split(">", 1)
    return f"{head}><style>{style}\nsvg {{ background: var(--page); }}</style>{tail}\n".encode()
