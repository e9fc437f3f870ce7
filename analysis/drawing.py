"""Which dialogues the slow measures look at, and the one walk over their texts: languages, text measures, vectors."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from ultraqa.analysis.language import language_of
from ultraqa.analysis.text_measures import MEASURES
from ultraqa.analysis.vectors import Encoding, VectorBuilder
from ultraqa.dialogues.batch import Record, spoken
from ultraqa.dialogues.reading import ReadOptions, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.encoders import Encoder
    from ultraqa.analysis.profile import Profile
    from ultraqa.dialogues.batch import Dialogue
    from ultraqa.dialogues.sources import Dataset

AUTO_BYTES: Final = 100_000_000
"""Bytes of data up to which everything is drawn by default."""
DRAWN: Final = 10_000
_TOGETHER: Final = 500  # dialogues at a time: enough for an encoder to sort its batches by length


class Drawn(NamedTuple):
    """What one walk over the drawn dialogues' texts found.

    Attributes:
        columns: a column of the whole dataset for each name, NaN where a dialogue was not drawn or has no such number.
        languages: of each dialogue, None where it was not drawn or is too short.
        encoding: what made the vectors, None without.
    """

    columns: dict[str, NDArray[np.float64]]
    languages: list[str | None]
    encoding: Encoding | None


def draw(
    profile: Profile, size: int, vectors: Literal["auto", "all"], seed: int, *, slow: bool = False
) -> NDArray[np.int64]:
    """Rows of the dialogues to look at, ascending: all up to 100 MB of data, above that 10,000 distinct ones.

    Args:
        profile: the dialogues.
        size: bytes of the data.
        vectors: "all" draws everything.
        seed: 0 draws those of smallest content hash, like the samples of words; other seeds draw others.
        slow: whether the encoder is too slow for everything, however small the data.
    """
    if vectors == "all" or (size <= AUTO_BYTES and not slow) or len(profile) <= DRAWN:
        return np.arange(len(profile))
    keys = profile.column("content_hash") ^ np.uint64(seed * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
    return np.sort(np.unique(keys, return_index=True)[1][:DRAWN])


def walk(
    profile: Profile,
    dataset: Dataset,
    options: ReadOptions,
    rows: NDArray[np.int64],
    encoder: Encoder | None,
    advance: Callable[[int], None] = lambda _: None,
) -> Drawn:
    """Look once at the texts of the drawn dialogues.

    Args:
        profile: the dialogues, measured by the pass; ``vectors.npy`` is written into its folder.
        dataset: where their texts are.
        options: how its records were read.
        rows: the drawn dialogues, ascending.
        encoder: what makes vectors of messages, None for no vectors.
        advance: called with the number of dialogues done.
    """
    if encoder is not None and encoder.needs_fit:
        encoder.fit(chain.from_iterable(map(spoken, _dialogues(profile, dataset, options, rows))))
    found = _Columns(len(profile))
    vectors = VectorBuilder(encoder) if encoder is not None else None
    hashes = profile.column("hash", "messages")
    offsets = np.searchsorted(profile.column("dialogue", "messages"), np.arange(len(profile) + 1))
    done = 0
    dialogues = _dialogues(profile, dataset, options, rows)
    while some := list(islice(dialogues, _TOGETHER)):
        here = rows[done : done + len(some)]
        found.add(here, some)
        if vectors is not None:
            keys = [hashes[offsets[row] : offsets[row + 1]] for row in here]
            vectors.add(np.concatenate(keys), list(chain.from_iterable(map(spoken, some))))
        done += len(some)
        advance(done)
    return Drawn(found.columns, found.languages, vectors.write(profile.path) if vectors is not None else None)


class _Columns:
    """Language and text measures of the drawn dialogues, as columns of the whole dataset."""

    def __init__(self, size: int) -> None:
        self.columns = {column.name: np.full(size, np.nan) for one in MEASURES for column in one.columns}
        self.columns["drawn"] = np.zeros(size)
        self.languages: list[str | None] = [None] * size

    def add(self, rows: NDArray[np.int64], dialogues: Iterable[Dialogue]) -> None:
        for row, dialogue in zip(rows.tolist(), dialogues, strict=True):
            self.columns["drawn"][row] = 1.0
            language = self.languages[row] = language_of(spoken(dialogue))
            for one in MEASURES:
                if not one.languages or language is None or language in one.languages:
                    for column, value in zip(one.columns, one.compute(dialogue), strict=True):
                        self.columns[column.name][row] = value


def _dialogues(
    profile: Profile, dataset: Dataset, options: ReadOptions, rows: Sequence[int] | NDArray[np.int64]
) -> Iterator[Dialogue]:
    """The dialogues of the rows: read from the beginning where all are asked for, else each opened at its place."""
    if len(rows) < len(profile):
        for first in range(0, len(rows), _TOGETHER):
            yield from profile.texts([int(row) for row in rows[first : first + _TOGETHER]])
        return
    for source in dataset.sources:
        for record in records(source, options):
            if isinstance(record, Record):
                yield from record.dialogues
