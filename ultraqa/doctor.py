"""What is installed: packages, models, the compiled kernel."""

from __future__ import annotations

import importlib.util
import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from re import match
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def packages() -> list[tuple[str, str, str]]:
    """Name, installed version ("" if missing) and extra of every package that UltraQA names."""
    found = []
    for requirement in requires("ultraqa") or []:
        name = match(r"[A-Za-z0-9_.-]+", requirement)
        extra = requirement.partition("extra ==")[2].strip().strip("\"'")
        if name:
            found.append((name.group(), _version(name.group()), extra))
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def show(console: Console) -> None:
    """Print what is installed and what is missing, with the command that adds it."""
    from rich.table import Table
    from rich.text import Text

    console.print(
        f"ultraqa {version('ultraqa')}, Python {platform.python_version()}, {sys.platform} {platform.machine()}"
    )
    table = Table("package", "installed", "needed by")
    for name, installed, extra in packages():
        remedy = f'missing: pip install "ultraqa[{extra}]"' if extra else "missing: pip install ultraqa"
        table.add_row(name, Text(installed or remedy), f"extra {extra}" if extra else "core")
    console.print(table)
    tokenizer = importlib.util.find_spec("wordllama") is not None
    console.print(f"LLaMA tokenizer and static vectors (in the wordllama wheel): {'found' if tokenizer else 'missing'}")
