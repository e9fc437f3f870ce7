"""Writes a probe's files: probe.json, probe.html and, of generations, a plot for each deciding probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ultraqa.dialogues.sources import DataError
from ultraqa.dialogues.writing import atomically
from ultraqa.reports import probe_plots
from ultraqa.reports.html import probe_page
from ultraqa.reports.probe_tables import DECIDING
from ultraqa.reports.report import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def require_folder(out: Path) -> None:
    """Refuse a place that is no folder, nor can become one.

    Raises:
        DataError: it is a file, or lies in one.
    """
    file = next((place for place in (out, *out.parents) if place.exists() and not place.is_dir()), None)
    if file is not None:
        raise DataError(f"{file} is a file: probe.json, probe.html and plots go into a folder, name one with -o (out)")


def write(document: Mapping[str, Any], out: Path) -> list[Path]:
    """Write the files of a document into ``out``; those of an earlier document, its plots too, go."""
    require_folder(out)
    out.mkdir(parents=True, exist_ok=True)
    plots = probe_plots.figures(document) if "generations" in document else {}
    contents = {
        "probe.json": to_json(document),
        "probe.html": probe_page(document).encode(),
        **{f"{name}.svg": probe_plots.standalone(one.picture) for name, one in plots.items()},
    }
    if (out / "probe.json").is_file():  # else a plot of that name is not ours
        for name in {f"{one}.svg" for one in DECIDING} - set(contents):
            (out / name).unlink(missing_ok=True)
    for name, content in contents.items():
        with atomically(out / name) as partial:
            partial.write_bytes(content)
    return [out / name for name in contents]
