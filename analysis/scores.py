"""External scores per dialogue (of a judge, a reward model, an annotator) joined to Profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.analysis.metric import Result
from ultraqa.analysis.profile import Profile, ProfileError
from ultraqa.analysis.statistics import Clusters, describe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def joined(profiles: Sequence[Profile], file: Path) -> list[Result]:
    """Mean and quantiles of every numeric column of a table of scores, as metrics ``score.COLUMN`` of scope dialogue.

    The table (CSV, JSONL or Parquet) has a column ``id`` or ``row`` and, for several datasets, ``dataset``. Dialogues
    without a score are undefined and counted.

    Raises:
        ProfileError: the table has no key column, no numeric column, or matches no dialogue.
    """
    table = _read(file)
    key = next((name for name in ("row", "id") if name in table), None)
    names = [name for name in table.select_dtypes("number").columns if name not in {"row", "id"}]
    if key is None or not names:
        raise ProfileError(
            f"{file.name} has the columns {', '.join(map(str, table.columns))}: "
            "a column id or row and a numeric one are needed"
        )
    found = [row for profile in profiles for name in names for row in _scored(profile, table, key, name)]
    if not any(row.n for row in found):
        raise ProfileError(f"no {key} in {file.name} is that of a dialogue in {', '.join(p.name for p in profiles)}")
    return found


def _scored(profile: Profile, table: pd.DataFrame, key: str, name: str) -> list[Result]:
    mine = table[table["dataset"] == profile.name] if "dataset" in table else table
    scores = dict(zip(mine[key].astype(str), mine[name].astype(float), strict=True))
    keys = profile.dialogues([key])[key].astype(str)
    values = np.array([scores.get(k, np.nan) for k in keys])
    distinct = exact_duplicates(profile.column("content_hash")) < 0
    undefined = int(np.isnan(values).sum())
    return [
        Result(
            profile.name, f"score.{name}", "dialogue", statistic, value, low, high, "", len(values) - undefined,
            undefined, version=f"1 {name}", note=f"{undefined:,} dialogues without a score" if undefined else "",
        )
        for statistic, value, low, high in describe(values, Clusters(None, distinct))
    ]  # fmt: skip


def _read(file: Path) -> pd.DataFrame:
    readers: dict[str, Any] = {
        ".csv": pd.read_csv,
        ".jsonl": lambda path: pd.read_json(path, lines=True),
        ".parquet": pd.read_parquet,
    }
    if file.suffix not in readers:
        raise ProfileError(f"{file.name}: scores are read from .csv, .jsonl and .parquet files")
    try:
        return pd.DataFrame(readers[file.suffix](file))
    except (OSError, ValueError) as error:
        raise ProfileError(f"{file.name} cannot be read as a table ({error})") from error
