"""What a report reads of a Profile, and a Finding: the ground that every finding stands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.reports import numbers

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.metric import Result
    from ultraqa.dialogues.batch import Dialogue

ROWS = 5


class Measured(Protocol):
    """What a report reads of a Profile."""

    @property
    def name(self) -> str:
        """The dataset's name."""
        ...

    @property
    def document(self) -> dict[str, Any]:
        """What ``profile.json`` holds."""
        ...

    def rows(self) -> list[Result]:
        """All measured numbers."""
        ...

    def column(self, name: str) -> NDArray[Any]:
        """A column of the dialogues, in file order; ValueError for one that it has not."""
        ...

    def evidence(self, skip: Collection[str] = ()) -> list[tuple[int, str, str]]:
        """What was noticed: dialogue (-1: a record that could not be read), finding, detail; some findings left out."""
        ...

    def lines(self, rows: Sequence[int]) -> list[int | None]:
        """The lines at which the dialogues' records begin, None where lines mean nothing."""
        ...

    def texts(self, rows: Sequence[int]) -> list[Dialogue]:
        """The dialogues themselves, read again from their source."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that stands out.

    Attributes:
        dataset: name of the dataset.
        finding: name of the finding.
        severity: fail, warn or info.
        sentence: what is said, with the number and its base.
        why: why it matters and where the level comes from.
        metric: metric of the number, empty where it comes from the reader.
        scope: its scope.
        statistic: its statistic.
        value: the number itself.
        threshold: the level that was passed, by the value or, in a sentence about a share, by count / n.
        count: how many dialogues or messages it is about.
        n: of how many.
        rows: dialogues behind it, worst first, at most ROWS.
    """

    dataset: str
    finding: str
    severity: str
    sentence: str
    why: str
    metric: str
    scope: str
    statistic: str
    value: float | None
    threshold: float | None
    count: int
    n: int
    rows: list[int]


class NotMeasured(NamedTuple):
    """One thing that was not looked at, and why: its absence from the findings is no good news."""

    dataset: str
    finding: str
    metric: str
    scope: str
    statistic: str
    reason: str


class Numbers:
    """The rows of one dataset by metric, scope and statistic (of several budgets the largest with a value)."""

    def __init__(self, profile: Measured) -> None:
        self.dataset = profile.name
        self._rows: dict[tuple[str, str, str], Result] = {}
        self.all = [row for row in profile.rows() if row.dataset == profile.name]
        for row in self.all:
            old = self._rows.get((row.metric, row.scope, row.statistic))
            if old is None or (row.value is not None and (row.budget or 0) >= (old.budget or 0)):
                self._rows[row.metric, row.scope, row.statistic] = row

    def get(self, metric: str, scope: str, statistic: str) -> Result | None:
        """One row, None where it is not in the profile."""
        return self._rows.get((metric, scope, statistic))

    def value(self, metric: str, scope: str, statistic: str) -> float | None:
        """The value of one row."""
        row = self.get(metric, scope, statistic)
        return None if row is None else row.value

    def total(self, row: Result) -> int:
        """Number of messages of a row's scope: that of ``words``, which are never undefined."""
        words = self.get("words", row.scope, "mean")
        return max(row.n, words.n if words else 0)

    def dialogues(self) -> int:
        """Number of dialogues."""
        return int(self.value("dialogues", "dataset", "value") or 0)


def say(template: str, count: int, n: int, *, share: float, **more: str) -> str:
    """A finding's sentence from its template, with the verb in the number of ``count``."""
    text = template.format(
        count=f"{count:,}", n=f"{n:,}", share=numbers.number(share, "share"), s="s" if count == 1 else "", **more
    )
    return text.replace(" are longer", " is longer") if count == 1 else text


def column(profile: Measured, name: str) -> NDArray[Any] | None:
    """A column of the dialogues; None where the profile has not measured it."""
    try:
        return profile.column(name)
    except (KeyError, ValueError):
        return None


def worst_rows(profile: Measured, name: str, end: str = "high", limit: int = ROWS) -> list[int]:
    """The worst rows by a column, at most ``limit``, worst first, equals in file order.

    ``end`` is high (above 0), low, copies or near. Of copies the column holds hashes of texts, of near ones the row of
    the kept text: then the first copy of each of the most repeated texts is taken.
    """
    found = column(profile, name) if name else None
    if found is None:
        return []
    if end == "copies":
        return _first_of_groups(exact_duplicates(found.astype(np.uint64)), limit)
    values = found.astype(float)
    if end == "near":
        near = column(profile, name.replace("duplicate_of", "near_duplicate"))
        return [] if near is None else _first_of_groups(np.where(near > 0, values, -1), limit)
    rows = np.flatnonzero(~np.isnan(values))
    if end == "high":
        rows = rows[values[rows] > 0]
        order = np.argsort(-values[rows], kind="stable")
    else:
        order = np.argsort(values[rows], kind="stable")
    return [int(row) for row in rows[order][:limit]]


def _first_of_groups(originals: NDArray[Any], limit: int) -> list[int]:
    """The first row of each group of equal originals, the largest groups first; -1 is none."""
    rows = np.flatnonzero(originals >= 0)
    _, first, sizes = np.unique(originals[rows], return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    return [int(row) for row in rows[first[order]][:limit]]
