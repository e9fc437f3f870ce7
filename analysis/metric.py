"""The three kinds of metric, and Result, the tidy row in which every measured number is kept.

A metric maps a batch (walked by the kernel) to a state, and merges states. The law, which one test holds all of them
to: mapping the whole equals merging the maps of the parts, exactly; the map of an empty batch is the identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import getdoc
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.words import Words

S = TypeVar("S")


class Metric(Protocol[S]):
    """Anything with a name that maps a batch to a state and merges states in file order."""

    @property
    def name(self) -> str:
        """The metric's name: its column, its Result rows, its KEY."""
        ...

    def map(self, words: Words) -> S:
        """State of one batch."""
        ...

    def merge(self, parts: Sequence[S]) -> S:
        """State of the batches together, given at least one."""
        ...


@dataclass(frozen=True, slots=True)
class Column:
    """A number per message or per dialogue; its state is the column itself, and merging concatenates.

    Attributes:
        name: name of the column.
        compute: gives the column of a batch, shape (m,) or (d,); NaN where undefined.
        definition: the function whose docstring defines it.
        unit: unit of the values.
        direction: how to read it, "higher = more varied".
        level: whether it has a value per message or per dialogue.
        fold: how a message column becomes columns of its dialogue: the sum of a count, the mean over defined messages.
        share: whether the share of dialogues with at least one is reported, instead of mean and quantiles.
        flag: whether what it counts is a defect, with evidence for each dialogue; implies ``share``.
        version: version of the definition, with the tool or tokenizer it follows.
    """

    name: str
    compute: Callable[[Words], NDArray[Any]]
    definition: Callable[..., object]
    unit: str = ""
    direction: str = ""
    level: Literal["message", "dialogue"] = "message"
    fold: Literal["sum", "mean"] = "sum"
    share: bool = False
    flag: bool = False
    version: str = "1"

    @property
    def doc(self) -> str:
        """First paragraph of the definition: the sentence that reports print."""
        return first_sentence(self.definition)

    def map(self, words: Words) -> NDArray[Any]:
        """The column of one batch."""
        return self.compute(words)

    def merge(self, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The columns one after the other."""
        return np.concatenate(parts)


def first_sentence(definition: object) -> str:
    """First paragraph of an object's docstring, on one line."""
    return " ".join((getdoc(definition) or "").split("\n\n")[0].split())


class Result(NamedTuple):
    """One measured number of one dataset.

    Attributes:
        dataset: name of the dataset, or "name/value" for a part made by ``--by``.
        metric: name of the metric, as ``ultraqa metrics`` lists it.
        scope: what the number is over: dialogue, prompt, user, assistant, message or dataset.
        statistic: value, mean, median, p05, p25, p75, p95, share, count or auc.
        value: the number; None where it is undefined, and then ``note`` says why.
        low: lower end of the 95 % interval, None where none is given.
        high: upper end of the 95 % interval.
        unit: unit of the value.
        n: number of messages or dialogues the value is over.
        n_undefined: number of those for which the metric is undefined (not in the value).
        budget: number of words the value was computed at, for metrics that depend on the size of the text.
        version: version of the metric's definition, with tokenizer or encoder where one is used.
        note: reason or caveat, one sentence.
    """

    dataset: str
    metric: str
    scope: str
    statistic: str
    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    n: int = 0
    n_undefined: int = 0
    budget: int | None = None
    version: str = "1"
    note: str = ""
