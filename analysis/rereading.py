"""Texts read a second time: the dialogues of some rows as batches, in file order, for what the pass could not know."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
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

    from ultraqa.dialogues.sources import Dataset

T = TypeVar("T")


class Texts(NamedTuple):
    """Some dialogues of a Profile with their texts: ``rows`` of shape (d,), ascending, and a batch of d dialogues."""

    rows: NDArray[np.int64]
    batch: Batch


@dataclass(frozen=True)
class Origin:
    """Where texts are read again.

    Attributes:
        read: gives the dialogues of some rows (ascending, each once) in batches, in file order.
        workers: threads that look at them.
    """

    read: Callable[[NDArray[np.int64]], Iterator[Texts]]
    workers: int
    _workspaces: deque[Workspace] = field(default_factory=deque)

    def walk(self, rows: NDArray[np.int64], visit: Callable[[Texts, Workspace], T]) -> Iterator[T]:
        """What ``visit`` finds in each batch of the dialogues of ``rows``, in order; it runs in threads."""
        waiting: deque[Future[T]] = deque()
        with ThreadPoolExecutor(self.workers, thread_name_prefix="ultraqa") as pool:
            for one in self.read(rows):
                waiting.append(pool.submit(self._visited, visit, one))
                if len(waiting) > self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _visited(self, visit: Callable[[Texts, Workspace], T], one: Texts) -> T:
        try:
            workspace = self._workspaces.pop()
        except IndexError:  # fewer than threads were made so far
            workspace = Workspace()
        found = visit(one, workspace)
        self._workspaces.append(workspace)
        return found


def origin_of(table: pa.Table, dataset: Dataset, options: ReadOptions, workers: int) -> Origin:
    """The data of the dialogues whose ``path``, ``start`` and ``end`` stand in a table, read from its files."""
    numbers = {source.path: number for number, source in enumerate(dataset.sources)}
    paths = table["path"].combine_chunks().dictionary_encode()
    source = np.array([numbers[path] for path in paths.dictionary.to_pylist()], np.int64)[paths.indices.to_numpy()]
    spans = np.stack([arrow.array(table["start"]), arrow.array(table["end"])], axis=1)
    fresh = np.append(True, (np.diff(source) != 0) | np.diff(spans, axis=0).any(axis=1))[: len(source)]
    rows = np.arange(len(source))
    places = _Places(source, spans, rows - np.maximum.accumulate(np.where(fresh, rows, 0)))
    return Origin(partial(_reread, dataset, places, replace(options, fields=())), workers)


class _Places(NamedTuple):
    """Of each dialogue: number of its source, span of its record, and its position among the record's dialogues.

    Shapes (d,), (d, 2) and (d,).
    """

    source: NDArray[np.int64]
    spans: NDArray[np.int64]
    within: NDArray[np.int64]


def _reread(dataset: Dataset, places: _Places, options: ReadOptions, rows: NDArray[np.int64]) -> Iterator[Texts]:
    bounds = np.searchsorted(places.source, np.arange(len(dataset.sources) + 1))
    for source, first, last in zip(dataset.sources, bounds[:-1], bounds[1:], strict=True):
        wanted = rows[np.searchsorted(rows, first) : np.searchsorted(rows, last)]
        if not len(wanted):
            continue
        if len(wanted) == last - first:  # everything: no need to look for places
            found: Iterable[Record] = (one for one in records(source, options) if isinstance(one, Record))
        else:
            spans = np.unique(places.spans[wanted], axis=0)
            found = records_at(source, list(map(tuple, spans.tolist())), options)
        yield from _batches(source.path, found, wanted, places)


def _batches(path: str, found: Iterable[Record], wanted: NDArray[np.int64], places: _Places) -> Iterator[Texts]:
    """Batches of the wanted dialogues of the records, which come in their order."""
    builder, first, at = BatchBuilder(), 0, 0
    starts, within = places.spans[wanted, 0].tolist(), places.within[wanted].tolist()
    for record in found:
        chosen = []
        while at < len(starts) and starts[at] == record.start:
            chosen.append(record.dialogues[within[at]])
            at += 1
        builder.add(path, record._replace(dialogues=chosen, findings=()))
        if builder.size >= BATCH_BYTES:
            yield Texts(wanted[first:at], builder.batch())
            builder, first = BatchBuilder(), at
    if at > first:
        yield Texts(wanted[first:at], builder.batch())
