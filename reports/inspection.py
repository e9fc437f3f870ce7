"""``inspect``: what a dataset is before it is measured: formats, roles, keys, three dialogues, problems by line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ultraqa.dialogues.batch import Dialogue, Unreadable
from ultraqa.dialogues.formats import RecordReader
from ultraqa.dialogues.reading import ReadOptions, first_values, records
from ultraqa.dialogues.sources import DataError, datasets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

SHOWN = 3
LOOKED_AT = 1_000
"""Records whose keys are counted and whose format is compared with the others that would fit."""
_PROBLEMS = 10
_TURN = 300
COUNTED = ("formats", "fitting", "keys", "tags", "roles", "notices")
ROLES = {"u": "user", "a": "assistant", "s": "system", "t": "tool", "?": "unknown"}


@dataclass
class Inspection:
    """What was seen of a dataset.

    Attributes:
        name: name of the dataset.
        files: number of files.
        records: records read.
        dialogues: dialogues in them.
        formats: records by format.
        fitting: other formats that the first records would fit, how many of them; empty where detection is sure.
        keys: keys of the first records, by how many have them.
        tags: dialogues by distinct raw role tags.
        roles: turns by role.
        notices: dialogues by what reading noticed.
        examples: the first dialogues.
        unreadable: number of records that could not be read.
        problems: the first of them.
    """

    name: str
    files: int
    records: int = 0
    dialogues: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    fitting: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)
    examples: list[Dialogue] = field(default_factory=list)
    unreadable: int = 0
    problems: list[Unreadable] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        plain = {name: getattr(self, name) for name in ("name", "files", "records", "dialogues", "unreadable")}
        counts = {name: dict(getattr(self, name).most_common()) for name in COUNTED}
        return {
            **plain,
            **counts,
            "examples": [one._asdict() for one in self.examples],
            "problems": [one._asdict() for one in self.problems],
        }


def inspect(
    data: str,
    *,
    format: str | None = None,  # noqa: A002  (the option's name)
    map: Mapping[str, str] | None = None,  # noqa: A002
    paths: Literal["best", "all"] = "best",
) -> Inspection:
    """Read a dataset and count what is in it, without measuring.

    Args:
        data: a file, folder, glob, url or ``name=path``.
        format: name of the records' format where detection is not wanted.
        map: names of record keys to those a format knows.
        paths: best-ranked or all paths of trees.
    """
    try:
        reader = RecordReader(format=format, mapping=map, paths=paths)
    except ValueError as error:
        raise DataError(str(error)) from error
    dataset = datasets([data])[0]
    options = ReadOptions(format=format, mapping=tuple((map or {}).items()), paths=paths)
    seen = Inspection(dataset.name, len(dataset.sources))
    for source in dataset.sources[:1]:
        for value in first_values(source, LOOKED_AT, options):
            seen.keys.update([str(key) for key in value] if isinstance(value, dict) else ())
            seen.fitting.update(reader.fitting(value)[1:])
    for source in dataset.sources:
        for record in records(source, options):
            if isinstance(record, Unreadable):
                seen.unreadable += 1
                if len(seen.problems) < _PROBLEMS:
                    seen.problems.append(record)
                continue
            seen.records += 1
            seen.formats[record.format] += 1
            seen.notices.update(record.findings)
            for dialogue in record.dialogues:
                _count(seen, dialogue)
    return seen


def _count(seen: Inspection, dialogue: Dialogue) -> None:
    seen.dialogues += 1
    seen.tags[dialogue.tags] += 1
    seen.roles.update(ROLES[letter] for letter in dialogue.roles)
    seen.notices.update(dialogue.flags)
    if len(seen.examples) < SHOWN:
        seen.examples.append(dialogue)


def show(seen: Inspection, console: Console | None = None) -> None:
    """Print an inspection; texts are shown without control characters."""
    from rich.console import Console  # noqa: PLC0415  (only to print)
    from rich.text import Text  # noqa: PLC0415  (only to print)

    console = console or Console(highlight=False, soft_wrap=False)
    formats = ", ".join(f"{name} ({count:,})" for name, count in seen.formats.most_common())
    formats = formats or ("none that is known" if seen.unreadable else "none: the data is empty")
    console.print(f"{_plain(seen.name)}: {seen.records:,} records, {seen.dialogues:,} dialogues", markup=False)
    others = ", ".join(name for name, _ in seen.fitting.most_common(3))
    doubt = f"; would also fit {others}: --format NAME decides" if others else "; no other format fits"
    console.print(f"format: {formats}{doubt if seen.formats else ''}", markup=False)
    titles = {"keys": seen.keys, "roles": seen.roles, "role tags": seen.tags, "noticed": seen.notices}
    for title, counts in titles.items():
        if counts:
            listed = ", ".join(f"{_plain(name) or '(none)'} {count:,}" for name, count in counts.most_common(8))
            console.print(f"{title}: {listed}", markup=False)
    for i, dialogue in enumerate(seen.examples):
        console.print(f"\ndialogue {i}" + (f", id {_plain(dialogue.id)}" if dialogue.id else ""), markup=False)
        for letter, text in zip(dialogue.roles, dialogue.texts, strict=True):
            cut = text[:_TURN] + (" …" if len(text) > _TURN else "")
            console.print(Text(f"  {ROLES[letter]}: {_plain(cut)}"))
    if seen.unreadable:
        console.print(f"\n{seen.unreadable:,} records could not be read:", markup=False)
        for problem in seen.problems:
            place = f"line {problem.line}" if problem.line > 0 else f"byte {problem.start:,}"
            console.print(Text(f"  {problem.path}, {place}: {_plain(problem.reason)}"))


def _plain(text: str) -> str:
    """Text without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() or c == " " else "⏎" if c == "\n" else "�" for c in text)
