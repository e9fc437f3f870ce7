"""Conversion: the dialogues of a dataset written in one of four forms, and what each form could not hold.

Every dialogue is one record of the output, with the record's own fields (``id``, ``source``, ``tools``, …) beside the
turns. Nothing goes silently: what cannot be written stands in ``STEM.unconverted.jsonl`` beside the output with the
reason, what could not be read in ``STEM.unreadable.jsonl``, and what a written record lacks is counted by name.

    convert(datasets(["sharegpt.json"])[0], Path("messages.jsonl"), "messages")
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple

from ultraqa.dialogues import trees
from ultraqa.dialogues.batch import Record, Unreadable
from ultraqa.dialogues.conversion_fields import beside, field_lost, left_behind
from ultraqa.dialogues.conversion_forms import FORMS, SURROGATES_LOST, Converted, converted
from ultraqa.dialogues.conversion_output import dumped, output
from ultraqa.dialogues.decoding import Decoder, ReadOptions, Value
from ultraqa.dialogues.files import DataError, is_remote
from ultraqa.dialogues.parsing import second_reading
from ultraqa.dialogues.roles import RoleTable
from ultraqa.dialogues.sharding import DEFAULT, JSON, UNCUT, Shard, shards, slices, values
from ultraqa.dialogues.slices import Gap
from ultraqa.dialogues.sources import stem
from ultraqa.dialogues.writing import atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.dialogues.sources import Dataset

__all__ = ["FORMS", "Conversion", "Converted", "convert", "converted"]

_SIDES = ("unconverted", "unreadable")
_BIG = 2.0**63
_DEEP = 200  # levels of a field; writing JSON stops at a few more
_MENDED = {"lone_surrogates": SURROGATES_LOST, "nan": "numbers that are none"}


class Conversion(NamedTuple):
    """What became of a dataset: every dialogue that was read is written or unconverted.

    Attributes:
        records: records that were read.
        written: dialogues in the output, a record each.
        unconverted: dialogues that the form cannot hold.
        unreadable: records that could not be read.
        lost: what is missing in the output, by the number of dialogues in which it is.
        reasons: why dialogues are unconverted, by their number.
    """

    records: int
    written: int
    unconverted: int
    unreadable: int
    lost: dict[str, int]
    reasons: dict[str, int]


class _Written(NamedTuple):
    """A record of the output and what it lacks."""

    record: dict[str, Any]
    lost: set[str]


class _Refused(NamedTuple):
    """A line of one of the files beside the output."""

    side: Literal["unconverted", "unreadable"]
    reason: str
    line: bytes


class _Read(NamedTuple):
    """What a record was read as, its value, and its bytes, which a row of a table and a tree of rows have not."""

    record: Record | Unreadable
    value: Any
    text: bytes

    def exact(self) -> Any:
        """The value with its integers as they are written; reading makes floats of those above 64 bits."""
        if not self.text:
            return self.value
        member = self.text.startswith(b'"')
        found = second_reading(b"{%b}" % self.text if member else self.text)[0]
        return next(iter(found.values())) if member else found


def convert(dataset: Dataset, out: Path, form: str, options: ReadOptions = DEFAULT) -> Conversion:
    """Write the dialogues of a dataset in another form.

    Args:
        dataset: what is read.
        out: a .jsonl, .json (an array) or .parquet file; .gz or .zst behind the first two compresses.
        form: one of FORMS.
        options: how records are read; roles that it gives to tags hold here too.

    Raises:
        ValueError: there is no such form, or no file of that name can be written.
        DataError: the output is one of the files that are read.
    """
    if form not in FORMS:
        raise ValueError(f"no form is called {form!r}; the forms are {', '.join(FORMS)}")
    for path in (out, *(_beside(out, name) for name in _SIDES)):
        if any(path.exists() and _same(path, source.location) for source in dataset.sources):
            raise DataError(f"{path} is the data itself, which is never changed: name another file for the output")
    counts: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with ExitStack() as stack:
        write = stack.enter_context(output(out, form))
        sides = {name: stack.enter_context(_side(_beside(out, name))) for name in _SIDES}
        for one in _outcomes(dataset, form, options, counts):
            if isinstance(one, _Written):
                write(one.record)
                counts["written"] += 1
                lost.update(one.lost)
            else:
                sides[one.side].write(one.line + b"\n")
                counts[one.side] += 1
                reasons.update([one.reason] if one.side == "unconverted" else [])
    return Conversion(
        counts["records"],
        counts["written"],
        counts["unconverted"],
        counts["unreadable"],
        dict(lost.most_common()),
        dict(reasons.most_common()),
    )


def _beside(out: Path, name: str) -> Path:
    return out.with_name(f"{stem(out.name)}.{name}.jsonl")


def _same(path: Path, location: str) -> bool:
    return not is_remote(location) and Path(location).exists() and path.samefile(location)


@contextmanager
def _side(path: Path) -> Iterator[IO[bytes]]:
    """A file beside the output, which is there only when something stands in it."""
    with atomically(path) as partial, partial.open("wb") as file:
        yield file
    if not path.stat().st_size:
        path.unlink()


def _outcomes(dataset: Dataset, form: str, options: ReadOptions, counts: Counter[str]) -> Iterator[_Written | _Refused]:
    """What becomes of every dialogue and of every record that cannot be read, in file order."""
    roles = RoleTable({tag[5:]: role for tag, role in options.mapping if tag.startswith("role:")})
    for source in dataset.sources:
        for shard in shards(source, UNCUT, options):
            for read in _records(shard, options):
                if isinstance(read.record, Unreadable):
                    yield _Refused("unreadable", read.record.reason, _shown(source.path, read, read.record.reason))
                else:
                    counts["records"] += 1
                    yield from _converted(source.path, read, read.record, form, options, roles)


def _converted(
    path: str, read: _Read, record: Record, form: str, options: ReadOptions, roles: RoleTable
) -> Iterator[_Written | _Refused]:
    fields = beside(read.value, record.format, record.dialogues)
    missing = left_behind(read.value, record.format, options.paths)
    missing |= {_MENDED[name] for name in record.findings if name in _MENDED}
    depths = {key: _depth(field) for key, field in fields.items()}
    if any(big for _, big in depths.values()):
        fields = beside(read.exact(), record.format, record.dialogues)
    for key, (depth, _) in depths.items():
        if depth > _DEEP:
            del fields[key]
            missing.add(field_lost(key))
    if len(record.dialogues) > 1:
        fields.pop("id", None)  # each has one of its own, with a number behind it
    for number, dialogue in enumerate(record.dialogues):
        made = converted(dialogue, form, roles)
        if made.record is None:
            yield _Refused("unconverted", made.lost[0], _shown(path, read, made.lost[0], number))
        else:
            yield _Written({**made.record, **fields}, missing.union(made.lost))


def _records(shard: Shard, options: ReadOptions) -> Iterator[_Read]:
    """The records of a shard with their values and, of JSON text, their bytes."""
    decoder = Decoder(shard.source.path, shard.container, options)
    found = _values(shard, decoder)
    for value, text in _trees(found) if shard.grouped else found:
        one = value.value if isinstance(value, Value) else None
        if shard.container == "object" and isinstance(one, dict):
            one = next(iter(one.values()))
        yield _Read(decoder.record(value), one, text)


def _values(shard: Shard, decoder: Decoder) -> Iterator[tuple[Value | Unreadable, bytes]]:
    if shard.container not in JSON:
        yield from ((value, b"") for value in values(shard, decoder))
        return
    for cut in slices(shard):
        text = cut[1].kept if isinstance(cut[1], Gap) else cut[1]
        for value in decoder.values([cut]):
            yield value, text[value.start - cut[0] : value.end - cut[0]].strip()


def _trees(found: Iterator[tuple[Value | Unreadable, bytes]]) -> Iterator[tuple[Value | Unreadable, bytes]]:
    """Flat rows brought together as trees; what is none passes as it stands, before them."""
    rows = []
    for value, text in found:
        if isinstance(value, Value) and trees.is_flat_row(value.value):
            rows.append(value)
        else:
            yield value, text
    listed = [row.value for row in rows]
    for tree, positions in zip(trees.group(listed), trees.members(listed), strict=True):
        yield Value(rows[positions[0]].start, max(rows[at].end for at in positions), 0, tree), b""


def _depth(value: Any) -> tuple[int, bool]:
    """Levels of lists and objects, and whether a float may have been an integer of more than 64 bits."""
    depth, big, level = 0, False, [value]
    while level:
        big = big or any(isinstance(one, float) and abs(one) >= _BIG for one in level)
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = [one for held in inner for one in held]
        depth += 1
    return depth, big


def _shown(path: str, read: _Read, reason: str, number: int = 0) -> bytes:
    """What of a dialogue or an unreadable record goes into a file beside the output, on one line.

    The bytes of an unreadable record of JSON text, so that it can be mended and read again; else place, reason, value.
    """
    if isinstance(read.record, Unreadable) and read.text:
        return read.text.replace(b"\n", b" ").replace(b"\r", b" ")
    place = {"path": path, "start": read.record.start, "end": read.record.end, "dialogue": number, "reason": reason}
    try:
        return dumped({**place, "record": read.value})
    except RecursionError:
        return dumped({**place, "record": read.text.decode("utf-8", "replace")})
