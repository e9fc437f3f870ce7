"""Texts read a second time: the dialogues of some rows as batches, in file order, for what the pass could not know."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from ultraqa.analysis import arrow
from ultraqa.analysis.words import Workspace
from ultraqa.dialogues.batch import Batch, BatchBuilder, Record
from ultraqa.dialogues.reading import BATCH_BYTES, ReadOptions, records, records_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile
    from ultraqa.dialogues.sources import Dataset

T = TypeVar("T")


class Texts(NamedTuple):
    """Some dialogues of a Profile with their texts: ``rows`` of shape (d,), ascending, and a batch of d dialogues."""

    rows: NDArray[np.int64]
    batch: Batch


class Places(NamedTuple):
    """Of each dialogue: number of its source, span of its record, and its position among the record's dialogues.

    Shapes (d,), (d, 2) and (d,).
    """

    source: NDArray[np.int64]
    spans: NDArray[np.int64]
    within: NDArray[np.int64]


@dataclass(frozen=True)
class Origin:
    """Where texts are: the data that was measured, its dialogues' places, how it is read, in how many threads."""

    profile: Profile
    dataset: Dataset
    options: ReadOptions
    workers: int
    known: Places | None = None
    workspaces: deque[Workspace] = field(default_factory=deque)

    @cached_property
    def places(self) -> Places:
        """Where every dialogue stands."""
        if self.known is not None:
            return self.known
        return places_of(self.profile.table("dialogues", ["path", "start", "end"]), self.dataset)


def places_of(table: pa.Table, dataset: Dataset) -> Places:
    """Where the dialogues stand whose ``path``, ``start`` and ``end`` are in a table."""
    numbers = {source.path: number for number, source in enumerate(dataset.sources)}
    paths = table["path"].combine_chunks().dictionary_encode()
    source = np.array([numbers[path] for path in paths.dictionary.to_pylist()], np.int64)[paths.indices.to_numpy()]
    spans = np.stack([arrow.array(table["start"]), arrow.array(table["end"])], axis=1)
    fresh = np.append(True, (np.diff(source) != 0) | np.diff(spans, axis=0).any(axis=1))[: len(source)]
    rows = np.arange(len(source))
    return Places(source, spans, rows - np.maximum.accumulate(np.where(fresh, rows, 0)))


def origin_of(table: pa.Table, dataset: Dataset, options: ReadOptions, workers: int) -> Origin:
    """Where the texts of the dialogues are whose ``path``, ``start`` and ``end`` stand in a table."""
    return Origin(None, dataset, options, workers, places_of(table, dataset))  # type: ignore[arg-type]


def reread(origin: Origin, rows: NDArray[np.int64], size: int = BATCH_BYTES) -> Iterator[Texts]:
    """The dialogues of ``rows`` (ascending, each once) in batches of about ``size`` bytes of input.

    Raises:
        DataError: the data is no longer what was measured.
    """
    places = origin.places
    options = replace(origin.options, fields=())
    bounds = np.searchsorted(places.source, np.arange(len(origin.dataset.sources) + 1))
    for source, first, last in zip(origin.dataset.sources, bounds[:-1], bounds[1:], strict=True):
        wanted = rows[np.searchsorted(rows, first) : np.searchsorted(rows, last)]
        if not len(wanted):
            continue
        if len(wanted) == last - first:  # everything: no need to look for places
            found: Iterable[Record] = (one for one in records(source, options) if isinstance(one, Record))
        else:
            spans = np.unique(places.spans[wanted], axis=0)
            found = records_at(source, list(map(tuple, spans.tolist())), options)
        yield from _batches(source.path, found, wanted, places, size)


def walk(origin: Origin, rows: NDArray[np.int64], visit: Callable[[Texts, Workspace], T]) -> Iterator[T]:
    """What ``visit`` finds in each batch of the dialogues of ``rows``, in order; it runs in threads."""
    return _visited(reread(origin, rows), visit, origin.workers, origin.workspaces)


def visited(texts: Iterable[Texts], visit: Callable[[Texts, Workspace], T], workers: int) -> Iterator[T]:
    """What ``visit`` finds in each batch, in order; it runs in threads, each with a workspace of its own."""
    return _visited(texts, visit, workers, deque())


def _visited(
    texts: Iterable[Texts], visit: Callable[[Texts, Workspace], T], workers: int, free: deque[Workspace]
) -> Iterator[T]:
    waiting: deque[Future[T]] = deque()

    def task(one: Texts) -> T:
        try:
            workspace = free.pop()
        except IndexError:
            workspace = Workspace()
        found = visit(one, workspace)
        free.append(workspace)
        return found

    with ThreadPoolExecutor(workers, thread_name_prefix="ultraqa") as pool:
        for one in texts:
            waiting.append(pool.submit(task, one))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _batches(
    path: str, found: Iterable[Record], wanted: NDArray[np.int64], places: Places, size: int
) -> Iterator[Texts]:
    """Batches of the wanted dialogues of the records, which come in their order."""
    builder, first, at = BatchBuilder(), 0, 0
    starts, within = places.spans[wanted, 0].tolist(), places.within[wanted].tolist()
    for record in found:
        chosen = []
        while at < len(starts) and starts[at] == record.start:
            chosen.append(record.dialogues[within[at]])
            at += 1
        builder.add(path, record._replace(dialogues=chosen, findings=()))
        if builder.size >= size:
            yield Texts(wanted[first:at], builder.batch())
            builder, first = BatchBuilder(), at
    if at > first:
        yield Texts(wanted[first:at], builder.batch())
