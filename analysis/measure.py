"""Measures of the text itself, in Python and on drawn dialogues only: what is too slow, or too rare, for the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ultraqa.analysis.metric import first_sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ultraqa.analysis.metric import Result
    from ultraqa.analysis.part import Part
    from ultraqa.dialogues.batch import Dialogue


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A number per dialogue that is read from its text, NaN where undefined.

    Attributes:
        name: name of the column.
        definition: the function whose docstring defines it.
        unit: unit of the values.
        direction: how to read it.
    """

    name: str
    definition: Callable[..., object]
    unit: str = ""
    direction: str = ""

    @property
    def doc(self) -> str:
        """First paragraph of the definition: the sentence that reports print."""
        return first_sentence(self.definition)


class Measure(NamedTuple):
    """Columns that one look at a dialogue gives, and the Result rows that follow from them.

    Attributes:
        columns: what is measured.
        compute: numbers of one dialogue, one for each column, NaN where undefined.
        rows: Result rows of a part of a Profile, all of whose dialogues were measured.
        languages: ISO 639-1 codes of the languages it is made for; empty for any.
    """

    columns: tuple[TextColumn, ...]
    compute: Callable[[Dialogue], Sequence[float]]
    rows: Callable[[Part], Iterable[Result]]
    languages: tuple[str, ...] = ("en",)
