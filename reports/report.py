"""Writes a report's files: report.html, report.json and report.md, each whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ultraqa.dialogues.writing import atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write(document: Mapping[str, Any], out: Path) -> list[Path]:
    """Write report.html, report.json and report.md of a document into ``out``, replacing what stands there."""
    from ultraqa.reports import html, markdown  # noqa: PLC0415  (only to write)

    out.mkdir(parents=True, exist_ok=True)
    contents = {
        "report.json": to_json(document),
        "report.md": markdown.render(document).encode(),
        "report.html": html.render(document).encode(),
    }
    return [_write(out / name, content) for name, content in contents.items()]


def to_json(document: Mapping[str, Any]) -> bytes:
    """The document as JSON, keys sorted, two spaces of indent; no NaN, which JSON does not know."""
    import orjson  # noqa: PLC0415  (only to write)

    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _write(path: Path, content: bytes) -> Path:
    with atomically(path) as partial:
        partial.write_bytes(content)
    return path
