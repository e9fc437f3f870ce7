"""What commands say while they run: progress and words on standard error."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from ultraqa.analysis.measuring import Progress


def import_numba() -> None:
    """Import numba without scipy.linalg: 0.2 s for compiled products of matrices, which the kernel does not use."""
    if "scipy.linalg" not in sys.modules:
        sys.modules["scipy.linalg"] = None  # type: ignore[assignment]  # so importlib is told that there is none
        from numba.np import arraymath  # noqa: F401  (asks for it once, when it is imported)

        del sys.modules["scipy.linalg"]


def stdout() -> Console:
    """Where results are printed."""
    from rich.console import Console

    return Console(highlight=False)


def say(message: str) -> None:
    """Say something that is no result, on standard error."""
    print(message, file=sys.stderr)  # noqa: T201  (the command line speaks)


class Display:
    """Progress on standard error: megabytes done, speed and time left, once a second on a terminal, else nothing."""

    def __enter__(self) -> Callable[[Progress], None]:
        self._start = self._last = time.monotonic()
        self._unit = "bytes"
        self._live = sys.stderr.isatty()
        if not _compiled():
            say("first start: compiling the kernel, about 10 seconds, once")
        return self._show

    def _show(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.unit != self._unit:
            if progress.unit.startswith(("questions", "replies", "comparison")):
                say(f"{progress.total:,} {progress.unit}")
            self._start, self._unit = now, progress.unit
        if not self._live or not progress.done or (now - self._last < 1 and progress.done < progress.total):
            return
        self._last = now
        speed = progress.done / max(now - self._start, 1e-3)
        left = (progress.total - progress.done) / max(speed, 1.0)
        line = (
            f"{progress.done / 1e6:,.0f} of {progress.total / 1e6:,.0f} MB, {speed / 1e6:.0f} MB/s, {left:.0f} s left"
            if progress.unit == "bytes"
            else f"{progress.done:,} of {progress.total:,} {progress.unit}, {left:.0f} s left"
        )
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    def __exit__(self, *exception: object) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")


def _compiled() -> bool:
    """Whether numba's cache of the kernel lies beside it or in NUMBA_CACHE_DIR."""
    import importlib.util

    spec = importlib.util.find_spec("ultraqa.analysis")
    home = os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(home)] if home else [Path(p) for p in (spec.submodule_search_locations if spec else None) or []]
    return any(True for place in places for _ in place.rglob("words._scan-*.nbi"))
