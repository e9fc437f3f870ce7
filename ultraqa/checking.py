"""``check``: what the command does, one call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from ultraqa.analysis.measuring import Progress
    from ultraqa.filters.gates import Gate
    from ultraqa.filters.verdicts import Outcome
    from ultraqa.inputs import Data

    Bounds = Mapping[str, float | str] | Sequence[str]


@dataclass(frozen=True)
class Check:
    """What gates say of datasets.

    Attributes:
        outcomes: one of every dataset and gate, datasets in their order.
        fail_on: the mildest tier whose broken gates fail the check, "fail" or "warn".
    """

    outcomes: tuple[Outcome, ...]
    fail_on: str = "fail"

    def __repr__(self) -> str:
        """How many outcomes there are, and how it ended."""
        return f"Check({len(self.outcomes)} outcomes, exit code {self.exit_code})"

    @property
    def exit_code(self) -> int:
        """0 where every gate is kept, 1 where one is broken, 3 where one could not be evaluated."""
        from ultraqa.filters.verdicts import exit_code

        return exit_code(self.outcomes, self.fail_on)

    def document(self) -> dict[str, Any]:
        """What ``ultraqa check --json`` prints."""
        outcomes = [
            {
                "dataset": one.dataset, "key": one.gate.key, "min": one.gate.low, "max": one.gate.high,
                "tier": one.gate.tier, "reason": one.gate.reason, "value": one.value, "n": one.n,
                "status": one.status, "message": one.message,
            }
            for one in self.outcomes
        ]  # fmt: skip
        return {"exit_code": self.exit_code, "fail_on": self.fail_on, "outcomes": outcomes}

    def results(self) -> pd.DataFrame:
        """Every outcome as a data frame, a row a dataset and gate."""
        import pandas as pd

        return pd.DataFrame(self.document()["outcomes"])


def check(
    *data: Data,
    min: Bounds = (),  # noqa: A002  (the option's name)
    max: Bounds = (),  # noqa: A002
    config: str | os.PathLike[str] | None = None,
    fail_on: Literal["fail", "warn"] = "fail",
    junit: str | os.PathLike[str] | None = None,
    cache: str | os.PathLike[str] | None = None,
    tokens: Literal["auto", "all", "none"] = "auto",
    tokenizer: str | os.PathLike[str] | None = None,
    embedder: str | os.PathLike[str] = "static",
    vectors: Literal["auto", "all"] = "auto",
    duplicates: Literal["auto", "all", "none"] = "auto",
    representative: str = "first",
    contamination: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    format: str | None = None,  # noqa: A002
    map: Mapping[str, str] | None = None,  # noqa: A002
    paths: Literal["best", "all"] = "best",
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Check:
    """Hold datasets to gates, which are bounds on their numbers: ``check("mine.jsonl", min={"mtld": 60})``.

    Args:
        data: one or more datasets, as for ``profile``; a finished Profile's folder is read, not measured.
        min: smallest numbers that pass, by KEY (``metric[.scope][.statistic]``); a share also as "5%".
        max: largest numbers that pass; both also as a list of "KEY=V".
        config: a TOML file with further gates, ``[[gate]]``; a bound that is also given here is taken from here.
        fail_on: "warn" for broken gates of tier "warn" to fail the check too.
        junit: file to write the outcomes to as JUnit XML.
        cache: folder in which Profiles of raw data are kept, by default the user's cache folder.
        tokens: as for ``profile``, like all that follow.
        tokenizer: a ``tokenizer.json``.
        embedder: what makes vectors.
        vectors: of 10,000 drawn dialogues where there is too much, or of all.
        duplicates: near-duplicates of dialogues and prompts, also of single messages, or of none.
        representative: which of near-duplicates is kept.
        contamination: files of questions of benchmarks.
        format: name of the records' format.
        map: names of record keys.
        paths: best-ranked or all paths of trees.
        seed: of all random draws.
        workers: threads.
        progress: called as the pass goes on.

    Raises:
        ValueError: a gate that cannot be meant, no gate at all, or data that cannot be read; the message says what to
            do.
    """
    from ultraqa.api import _refuse_for_profiles
    from ultraqa.dialogues.sources import DataError
    from ultraqa.dialogues.writing import atomically
    from ultraqa.filters.verdicts import evaluate
    from ultraqa.inputs import listed, resolved
    from ultraqa.kept import kept_profile
    from ultraqa.reports import verdicts

    if fail_on not in {"fail", "warn"}:
        raise DataError(f"fail_on is {fail_on!r}: choose fail or warn")
    gates = _gates(min, max, config)
    given = resolved(data)
    _refuse_for_profiles(
        given, contamination=listed(contamination), duplicates=duplicates, representative=representative
    )
    profiles = [
        kept_profile(
            one, cache, tokens=tokens, tokenizer=tokenizer, embedder=embedder, vectors=vectors, duplicates=duplicates,
            representative=representative, contamination=contamination, format=format, map=map, paths=paths, seed=seed,
            workers=workers, progress=progress,
        )
        for one in given
    ]  # fmt: skip
    outcomes = tuple(evaluate([row for one in profiles for row in one.rows()], gates))
    if junit is not None:
        with atomically(Path(junit)) as partly:
            partly.write_text(verdicts.junit(outcomes, fail_on), encoding="utf-8")
    return Check(outcomes, fail_on)


def _gates(least: Bounds, most: Bounds, config: str | os.PathLike[str] | None) -> list[Gate]:
    """The gates that are given and those of a file; at least one."""
    from ultraqa.dialogues.sources import DataError
    from ultraqa.filters.gates import overridden, parse, read_gates

    given = [parse(word, "min") for word in _words(least)] + [parse(word, "max") for word in _words(most)]
    found = overridden(read_gates(Path(config)) if config is not None else [], given)
    if not found:
        where = f" in {os.fspath(config)}" if config is not None else ""
        raise DataError(
            f"there is no gate{where}: give --min KEY=V, --max KEY=V or a file with [[gate]]; `ultraqa metrics` lists "
            "the KEYs"
        )
    return found


def _words(bounds: Bounds) -> list[str]:
    if isinstance(bounds, Mapping):
        return [f"{key}={value}" for key, value in bounds.items()]
    return [bounds] if isinstance(bounds, str) else list(bounds)
