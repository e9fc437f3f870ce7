"""Questions of benchmarks: what is looked for in a dataset that should not hold them."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from ultraqa.analysis.words import WordHashes, Workspace, word_hashes
from ultraqa.dialogues.batch import BatchBuilder, Dialogue, Record, Unreadable
from ultraqa.dialogues.reading import ReadOptions, records
from ultraqa.dialogues.sources import DataError, datasets, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ultraqa.dialogues.sources import Dataset

_ONE_A_LINE: Final = 'write a JSONL file with one question a line, {"id": "q1", "prompt": "What is ...?"}'


# Not the dash, nor + and #: -5 is not 5, C++ and C# are not C.
_AROUND: Final = " .,;:!?¿¡…'\"`*_()[]{}“”‘’„«»‹›。、，！？：；「」『』（）"


class Question(NamedTuple):
    """One question of a benchmark.

    Attributes:
        benchmark: number of its benchmark.
        record: number of its record in the benchmark, from 0.
        id: the record's own name, None without one.
        position: number of its message in the record, from 0; the second turn of MT-Bench has 1.
        text: the question as it stands.
    """

    benchmark: int
    record: int
    id: str | None
    position: int
    text: str


class Benchmark(NamedTuple):
    """A file of questions: its name, its sha256, and how many of its records could not be read."""

    name: str
    sha256: str
    unreadable: int


class Questions(NamedTuple):
    """The questions of all benchmarks in order, and the hashes of their words."""

    benchmarks: list[Benchmark]
    items: list[Question]
    words: WordHashes


def read_questions(files: Sequence[str], options: ReadOptions | None = None) -> Questions:
    """The questions of benchmarks: user messages, or every message of a record that has none of a user.

    Args:
        files: a path, url, folder or ``name=path`` each, in any form in which dialogues are read; one benchmark each.
        options: how their records are read, by default as their form says.

    Raises:
        DataError: a file that does not exist, cannot be read, or holds no question.
    """
    found: list[Dataset] = [datasets([file])[0] for file in files]  # one by one: a benchmark may stand in ten files
    benchmarks, items = [], []
    for number, (name, dataset) in enumerate(zip(_names(found), found, strict=True)):
        benchmark, questions = _read(dataset, number, options or ReadOptions())
        benchmarks.append(benchmark._replace(name=name))
        items += questions
    return Questions(benchmarks, items, hashed([item.text for item in items], Workspace()))


def hashed(texts: Sequence[str], workspace: Workspace) -> WordHashes:
    """Hashes of the words of texts."""
    builder = BatchBuilder()
    builder.add("", Record(0, 0, "", [Dialogue("u" * len(texts), list(texts), "")], {}))
    return word_hashes(builder.batch(), workspace)


def normalised(text: str) -> str:
    """A text as it is compared whole: case-folded, blanks collapsed, no punctuation around it; digits stay."""
    return " ".join(text.casefold().split()).strip(_AROUND)


def _names(found: Sequence[Dataset]) -> list[str]:
    """Names of benchmarks, told apart by a number where they are equal."""
    seen: Counter[str] = Counter()
    names = []
    for dataset in found:
        seen[dataset.name] += 1
        names.append(dataset.name if seen[dataset.name] == 1 else f"{dataset.name}-{seen[dataset.name]}")
    return names


def _read(dataset: Dataset, number: int, options: ReadOptions) -> tuple[Benchmark, list[Question]]:
    items: list[Question] = []
    refused: list[Unreadable] = []
    at = 0
    for one in (one for source in dataset.sources for one in records(source, options)):
        if isinstance(one, Unreadable):
            refused.append(one)
            continue
        seen: set[tuple[int, str]] = set()  # paths through a tree of replies begin alike
        for name, position, text in _asked(one):
            if (position, text) not in seen:
                seen.add((position, text))
                items.append(Question(number, at, name, position, text))
        at += 1
    if not items:
        raise DataError(f"{dataset.name}: no question in it ({_reason(refused, at)}): {_ONE_A_LINE}")
    return Benchmark(dataset.name, _digest(dataset), len(refused)), items


def _asked(record: Record) -> Iterator[tuple[str | None, int, str]]:
    """Id, position and text of the questions of a record."""
    asking = "u" if any("u" in dialogue.roles for dialogue in record.dialogues) else "ua"
    for dialogue in record.dialogues:
        spoken = [pair for pair in zip(dialogue.roles, dialogue.texts, strict=True) if pair[0] in "ua"]
        for position, (role, text) in enumerate(spoken):
            if role in asking and text.strip():
                yield dialogue.id, position, text


def _reason(refused: Sequence[Unreadable], read: int) -> str:
    if refused:
        first = refused[0]
        place = f"line {first.line}: " if first.line else ""
        return f"{len(refused):,} of {len(refused) + read:,} records cannot be read, the first at {place}{first.reason}"
    return f"{read:,} records without a text" if read else "it is empty"


def _digest(dataset: Dataset) -> str:
    """The file's sha256, or the hash of all files' paths and hashes."""
    digests: dict[str, Any] = {source.path: sha256(source) for source in dataset.sources}
    values = list(digests.values())
    return values[0] if len(values) == 1 else hashlib.sha256(orjson.dumps(digests)).hexdigest()
