"""Runs a command and says what it cost: CPU seconds of itself and its children, wall time, peak memory.

Only the standard library is imported here and in ``run.py``: the kernel counts the parent's memory at the fork into the
child's peak, so the measuring process has to be smaller than anything it measures.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple


class Usage(NamedTuple):
    """What one run cost: user and system CPU seconds, wall seconds, peak resident memory in MB (10⁶ bytes)."""

    cpu: float
    wall: float
    peak: float


class FailedError(Exception):
    """A measured command ended with an error."""


def measure(command: list[str], environment: dict[str, str] | None = None) -> tuple[Usage, str]:
    """Run a command to its end and return what it cost, and the end of what it printed.

    Raises:
        FailedError: if it does not exit with 0; holds the end of what it printed.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(max(0, output.seek(0, os.SEEK_END) - 2000))
        printed = output.read().decode(errors="replace").strip()
    if process.returncode:
        raise FailedError(f"exit {process.returncode}: {(printed.splitlines() or [''])[-1][:200]}")
    # Linux gives the peak in units of 1,024 bytes.
    return Usage(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024 / 1e6), printed


def median(runs: list[Usage]) -> Usage:
    """The median of each number."""
    return Usage(*(statistics.median(column) for column in zip(*runs, strict=True)))


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, and how busy the machine was before anything ran."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Versions of Python and of those of the packages that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
