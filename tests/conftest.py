"""What tests share: hypothesis without deadlines, the folder of real data, and the command as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent

# The first call of a kernel compiles it, so no example can be held to a time.
settings.register_profile("ultraqa", deadline=None)
settings.load_profile("ultraqa")


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of sample dialogues."""
    return ROOT / "data-samples"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder that holds published datasets in data/ and exact values in golden/."""
    folder = os.environ.get("ULTRAQA_REAL_DATA")
    if not folder:
        pytest.skip("ULTRAQA_REAL_DATA names no folder of published datasets")
    assert Path(folder, "data").is_dir(), f"ULTRAQA_REAL_DATA={folder} holds no folder data/"
    return Path(folder)


@pytest.fixture(scope="session")
def golden(real_data: Path) -> Path:
    """The folder of exact values, measured by independent implementations."""
    return real_data / "golden"


@pytest.fixture(scope="session")
def ultraqa() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command with some words, in a folder, and gives its exit code and what it wrote."""

    def run(
        *words: str | Path, cwd: Path | None = None, stdin: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        command: list[Any] = [sys.executable, "-m", "ultraqa", *words]
        environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR"}}
        return subprocess.run(
            command, check=False, cwd=cwd, input=stdin, env=environment | variables, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip

    return run
