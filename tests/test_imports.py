"""Imports: the rooms only look back, nothing is imported by a path that works by accident, and help starts at once."""

from __future__ import annotations

import ast
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ultraqa

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
ROOMS = ("dialogues", "analysis", "filters", "reports", "ultraqa")
FILES = [file for room in ROOMS for file in sorted((ROOT / room).glob("*.py"))]
HEAVY = {"faiss", "matplotlib", "numba", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "spacy", "torch"}
CPU_SECONDS = 0.4


def imported(tree: ast.AST) -> Iterator[str]:
    """The full name of every module that a tree imports, a relative one with its dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def room(module: str) -> str | None:
    """The room in which a module lives, "ultraqa" for the face, None outside."""
    first, *rest = module.split(".")
    if first != "ultraqa":
        return None
    return rest[0] if rest and rest[0] in ROOMS[:-1] else "ultraqa"


def wrong_imports(here: str, source: str) -> list[str]:
    """The imports of a file of a room that are relative, bare, or lead to a later room."""
    found = []
    for module in imported(ast.parse(source)):
        target = room(module)
        if module.startswith(".") or module.split(".")[0] in ROOMS[:-1]:
            found.append(f"{module}: write ultraqa.{module.strip('.')}")
        elif target and ROOMS.index(target) > ROOMS.index(here):
            found.append(f"{module}: {here} comes before {target}")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_room_imports_only_rooms_before_it(file: Path) -> None:
    """Data walks from dialogues to the face, and no arrow runs back."""
    assert wrong_imports(file.parent.name, file.read_text()) == []


@pytest.mark.parametrize(
    ("here", "source", "count"),
    [
        ("dialogues", "from ultraqa.dialogues.batch import Batch", 0),
        ("dialogues", "import ultraqa.analysis.words", 1),
        ("dialogues", "from ultraqa import analysis", 1),
        ("analysis", "def f():\n    from ultraqa.reports import html", 1),
        ("analysis", "if TYPE_CHECKING:\n    from ultraqa.filters.rule import Rule", 1),
        ("analysis", "import ultraqa", 1),
        ("reports", "from ultraqa.api import report", 1),
        ("reports", "from . import html", 1),
        ("reports", "from reports import html", 1),
        ("reports", "from ultraqa.dialogues import batch", 0),
        ("ultraqa", "from ultraqa.reports import html", 0),
    ],
)
def test_the_check_sees_every_kind_of_wrong_import(here: str, source: str, count: int) -> None:
    """Also in functions, for type checkers only, and from the face."""
    assert len(wrong_imports(here, source)) == count


def test_every_file_of_a_room_lies_flat() -> None:
    """A nested package would be missing from the wheel without a word."""
    assert not [file for name in ROOMS[:-1] for file in (ROOT / name).glob("*/**/*.py")]


def start(*words: str) -> set[str]:
    """The packages that a command has imported when it ends."""
    code = (
        "import json, sys\n"
        f"sys.argv = ['ultraqa', *{list(words)!r}]\n"
        "try:\n    from ultraqa.cli import main; main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "sys.stderr.write(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), ("report", "--help"), ("inspect", "--help")], ids=" ".join
)
def test_help_imports_no_heavy_package(words: tuple[str, ...]) -> None:
    """What a command needs is imported when it runs."""
    assert start(*words) & HEAVY == set()


def test_the_package_imports_no_heavy_package() -> None:
    """``import ultraqa`` costs nothing before a name is used."""
    code = "import ultraqa, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.split(".")[0] for name in json.loads(done.stdout)} & HEAVY == set()


def test_help_is_there_at_once() -> None:
    """The best of three starts takes less than the bar of CPU time."""

    def cpu() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    taken = []
    for _ in range(3):
        before = cpu()
        subprocess.run([sys.executable, "-m", "ultraqa", "--help"], capture_output=True, check=True)
        taken.append(cpu() - before)
    assert min(taken) < CPU_SECONDS


def test_public_names_are_there() -> None:
    """Every name of ``__all__`` can be imported, and a wrong one is an AttributeError."""
    assert all(getattr(ultraqa, name) for name in ultraqa.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'profil'"):
        ultraqa.profil  # noqa: B018
