"""Profile: the states of one dataset in a folder, measured once; rules, probes and reports read nothing else."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ultraqa.analysis import arrow
from ultraqa.analysis.corpus import SampledText
from ultraqa.analysis.metric import Result
from ultraqa.analysis.rereading import Origin, origin_of
from ultraqa.analysis.shingles import shingles
from ultraqa.analysis.words import words
from ultraqa.dialogues.batch import spoken
from ultraqa.dialogues.files import is_remote
from ultraqa.dialogues.reading import ReadOptions, reopen
from ultraqa.dialogues.sources import DataError, Dataset, Source, sha256
from ultraqa.dialogues.streams import line_at

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd
    from datasketch import MinHash
    from numpy.typing import NDArray

    from ultraqa.dialogues.batch import Dialogue


_SMALL = 20_000  # dialogues; the columns of so few are kept in memory once they were read


class ProfileError(ValueError):
    """A Profile that cannot be used: unfinished, or without a column that is needed."""


class OverwriteError(ProfileError):
    """A folder that holds a Profile of other data or parameters, which only ``--overwrite`` replaces."""


class Profile:
    """A measured dataset.

    Attributes:
        path: its folder, ``NAME.ultraqa``.
        document: what ``profile.json`` holds: name, sha256, counts, formats, parameters, packages, results.
    """

    def __init__(self, path: Path | str, document: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        file = self.path / "profile.json"
        if document is None and not file.is_file():
            raise ProfileError(f"{self.path} holds no finished Profile (no profile.json): measure the data again")
        self.document: dict[str, Any] = orjson.loads(file.read_bytes()) if document is None else document
        self._kept: dict[tuple[str, str], NDArray[Any]] = {}

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return str(self.document["name"])

    def __len__(self) -> int:
        """Number of dialogues."""
        return int(self.document["dialogues"])

    def __repr__(self) -> str:
        """Name and size."""
        return f"Profile({self.name!r}, {len(self):,} dialogues)"

    def rows(self) -> list[Result]:
        """Every measured number of the dataset."""
        return [Result(**row) for row in self.document["results"]]

    def results(self) -> pd.DataFrame:
        """Every measured number of the dataset as a data frame, a row a number."""
        import pandas as pd  # noqa: PLC0415  (a quarter of a second, only for data frames)

        return pd.DataFrame(self.document["results"], columns=list(Result._fields))

    def dialogues(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The dialogues and their columns as a data frame, a row a dialogue in file order."""
        return self._frame("dialogues", columns)

    def messages(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The user and assistant messages and their columns as a data frame, a row a message in file order."""
        return self._frame("messages", columns)

    def findings(self) -> pd.DataFrame:
        """The evidence: dialogue (its row, -1 for an unreadable record), message, finding, start, end, detail."""
        return self._frame("findings", None)

    def _frame(self, table: str, columns: Sequence[str] | None) -> pd.DataFrame:
        frame: pd.DataFrame = self.table(table, columns).to_pandas()
        return frame

    def evidence(self, skip: Collection[str] = ()) -> list[tuple[int, str, str]]:
        """The evidence as (dialogue, finding, detail), without the findings in ``skip``."""
        table = self.table("findings", ["dialogue", "finding", "detail"])
        if skip:
            table = table.filter(~pc.field("finding").isin(pa.array(sorted(skip), pa.large_string())))
        rows = zip(*(table[name].to_pylist() for name in table.column_names), strict=True)
        return list(rows)

    def columns(self, table: str = "dialogues") -> list[str]:
        """Names of the columns of "dialogues", "messages" or "findings"."""
        return list(pq.read_schema(self.path / f"{table}.parquet").names)

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """One of the Profile's tables, "dialogues", "messages" or "findings", as Arrow.

        Raises:
            ProfileError: it has no such column.
        """
        with pq.ParquetFile(self.path / f"{name}.parquet") as file:
            names = file.schema_arrow.names
            missing = sorted(set(columns or ()) - set(names))
            if missing:
                raise ProfileError(f"{self.name} has no column {missing[0]!r}; it has {', '.join(names)}")
            return file.read(columns=None if columns is None else list(columns))

    def column(self, name: str, table: str = "dialogues") -> NDArray[Any]:
        """One column as an array, nulls of numbers as NaN; not to be written to."""
        if (table, name) in self._kept:
            return self._kept[table, name]
        found = arrow.array(self.table(table, [name])[name])
        found.flags.writeable = False
        if len(self) <= _SMALL:
            self._kept[table, name] = found
        return found

    def forget(self) -> None:
        """Read columns anew: their file has been written anew."""
        self._kept.clear()

    def sample(self, part: str) -> SampledText:
        """The sampled words of one part, "user" or "assistant"."""
        with np.load(self.path / "sample.npz", allow_pickle=False) as stored:
            arrays = {name: stored[f"{part}.{name}"] for name in SampledText.__dataclass_fields__}
        words = arrays["vocabulary"].tobytes().decode().split()
        return SampledText(**{**arrays, "vocabulary": words})

    def texts(self, rows: Sequence[int], source: Path | str | None = None) -> list[Dialogue]:
        """The dialogues of some rows with their text, read again from the data.

        Args:
            rows: rows of the dialogues, as in ``dialogues()``.
            source: the dataset's file or folder where it lies now; by default where it was measured.

        Raises:
            DataError: the data is gone or is no longer what was measured.
            IndexError: there is no such row.
        """
        wrong = next((row for row in rows if not 0 <= row < len(self)), None)
        if wrong is not None:
            raise IndexError(f"row {wrong} of {self.name}: it has the rows 0 to {len(self) - 1}")
        places = [self._place(row) for row in rows]
        found: dict[tuple[str, int, int], list[Dialogue]] = {}
        for described in self.sources(source):
            spans = sorted({(start, end) for path, start, end in places if path == described.path})
            opened = reopen(described, spans, self.read_options()) if spans else []
            found |= {(described.path, *span): dialogues for span, dialogues in zip(spans, opened, strict=True)}
        return [found[place][self._within_record(row)] for row, place in zip(rows, places, strict=True)]

    def minhash(self, row: int, scope: Literal["dialogue", "prompt"] = "dialogue") -> MinHash:
        """The datasketch MinHash (128 permutations, seed 1) of a dialogue's or a prompt's word 5-grams.

        Made from the text, a 5-gram as its words joined by a blank, in UTF-8; 5-grams never cross a message. It goes
        into any index of datasketch, and its Jaccard estimate is an oracle beside ours.

        Args:
            row: row of the dialogue, as in ``dialogues()``.
            scope: the whole dialogue, or its first user message.

        Raises:
            DataError: the data is gone or is no longer what was measured.
            IndexError: there is no such row.
        """
        from datasketch import MinHash  # noqa: PLC0415  (nearly a second)

        dialogue = self.texts([row])[0]
        texts = spoken(dialogue, "u")[:1] if scope == "prompt" else spoken(dialogue)
        found = MinHash(num_perm=128, seed=1)
        found.update_batch([shingle.encode() for text in texts for shingle in shingles(words(text))])
        return found

    def origin(self, workers: int = 1) -> Origin:
        """Where the texts are read again in batches, by so many threads.

        Raises:
            DataError: the data is gone or is no longer what was measured.
        """
        table = self.table("dialogues", ["path", "start", "end"])
        return origin_of(table, Dataset(self.name, tuple(self.sources())), self.read_options(), workers)

    def lines(self, rows: Sequence[int]) -> list[int | None]:
        """The line (from 1) at which each dialogue's record begins; None in tables, and where the data is gone."""
        sources = {one["path"]: Source(one["path"], one["location"], one["size"]) for one in self._described()}
        found: list[int | None] = []
        for row in rows:
            path, start, _ = self._place(row)
            has_lines = self.document["containers"].get(path) in {"jsonl", "array", "object", "record"}
            try:
                found.append(line_at(sources[path], start) if has_lines else None)
            except OSError:
                found.append(None)
        return found

    def _place(self, row: int) -> tuple[str, int, int]:
        """File and byte span of a dialogue's record."""
        paths, starts, ends = self._columns_of_places
        return str(paths[row].as_py()), int(starts[row]), int(ends[row])

    @cached_property
    def _columns_of_places(self) -> tuple[pa.ChunkedArray, NDArray[np.int64], NDArray[np.int64]]:
        table = self.table("dialogues", ["path", "start", "end"])
        return table["path"], arrow.array(table["start"]), arrow.array(table["end"])

    def _within_record(self, row: int) -> int:
        """Position of a dialogue among those of its record."""
        first = row
        while first and self._place(first - 1) == self._place(row):
            first -= 1
        return row - first

    def read_options(self) -> ReadOptions:
        """How the records were read."""
        read = dict(self.document["parameters"]["read"])
        read["mapping"] = tuple((old, new) for old, new in read["mapping"])
        return ReadOptions(**{**read, "fields": ()})

    def sources(self, moved: Path | str | None = None, *, checked: bool = True) -> list[Source]:
        """The files of the dataset.

        Args:
            moved: the dataset's file or folder where it lies now; by default where it was measured.
            checked: whether they are compared with their sha256, for which they are read.

        Raises:
            DataError: a file is gone or is no longer what was measured.
        """
        return [_checked(one, moved) if checked else _located(one, moved) for one in self._described()]

    def _described(self) -> list[dict[str, Any]]:
        """What ``sources.json`` says of each source: path, location, size, sha256."""
        return list(orjson.loads((self.path / "sources.json").read_bytes()))


def _located(one: dict[str, Any], moved: Path | str | None) -> Source:
    location = one["location"]
    if moved is not None:
        location = str(Path(moved) / one["path"]) if Path(moved).is_dir() else str(moved)
    return Source(one["path"], location, one["size"])


def _untouched(source: Source, one: dict[str, Any]) -> bool:
    """Whether a local file has the size and the time of change that it had when it was measured, as git asks."""
    if is_remote(source.location):
        return False
    state = Path(source.location).stat()
    return (state.st_mtime_ns, state.st_size) == (one.get("changed"), one["size"])


def _checked(one: dict[str, Any], moved: Path | str | None) -> Source:
    source = _located(one, moved)
    try:
        same = _untouched(source, one) or sha256(source) == one["sha256"]
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{one['path']} is not where it was measured ({reason}): say where it is (source)") from error
    if not same:
        raise DataError(f"{one['path']} has changed since it was measured: measure it again")
    return source
