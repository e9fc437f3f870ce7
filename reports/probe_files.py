"""Writes a probe's files: probe.json, probe.html and, of generations, a plot for each deciding probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ultraqa.dialogues.writing import atomically
from ultraqa.reports import probe_plots
from ultraqa.reports.html import probe_page
from ultraqa.reports.report import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write(document: Mapping[str, Any], out: Path) -> list[Path]:
    """Write the files of a document into ``out``, replacing what stands there."""
    out.mkdir(parents=True, exist_ok=True)
    plots = probe_plots.figures(document) if "generations" in document else {}
    contents = {
        "probe.json": to_json(document),
        "probe.html": probe_page(document).encode(),
        **{f"{name}.svg": probe_plots.standalone(one.picture) for name, one in plots.items()},
    }
    for name, content in contents.items():
        with atomically(out / name) as partial:
            partial.write_bytes(content)
    return [out / name for name in contents]
