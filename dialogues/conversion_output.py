"""Outputs of a conversion: JSON lines, a JSON array or a Parquet table, written so that nobody sees half of one."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import orjson

from ultraqa.dialogues.files import COMPRESSION_SUFFIXES
from ultraqa.dialogues.writing import atomically, compressed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_ROWS: Final = 10_000


@contextmanager
def output(out: Path, form: str) -> Iterator[Callable[[dict[str, Any]], object]]:
    """What writes one record after another to a file, whose name says how.

    Raises:
        ValueError: the name says nothing that can be written.
    """
    packed = out.suffix.lower() if out.suffix.lower() in COMPRESSION_SUFFIXES else ""
    suffix = (out.with_suffix("") if packed else out).suffix.lower()
    if suffix not in {".jsonl", ".ndjson", ".json", ".parquet"} or (packed and suffix == ".parquet"):
        raise ValueError(f"{out.name}: name a .jsonl, .json (with .gz or .zst, where wanted) or .parquet file")
    with atomically(out) as partial:
        if suffix == ".parquet":
            with _table(partial, form) as write:
                yield write
        else:
            with compressed(partial, packed) as file, _text(file.write, array=suffix == ".json") as write:
                yield write


def dumped(value: Any) -> bytes:
    """A value as JSON on one line; integers of any size stay what they are."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # an integer above 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode()


@contextmanager
def _text(write: Callable[[bytes], object], *, array: bool) -> Iterator[Callable[[dict[str, Any]], object]]:
    between = b"[\n" if array else b""

    def record(value: dict[str, Any]) -> None:
        nonlocal between
        write(between + dumped(value) + (b"" if array else b"\n"))
        between = b",\n" if array else b""

    yield record
    if array:
        write(b"[]\n" if between == b"[\n" else b"\n]\n")


@contextmanager
def _table(path: Path, form: str) -> Iterator[Callable[[dict[str, Any]], object]]:
    """Columns of fixed types for the form; ``tools`` as JSON text, as trainers read it, and all other fields in one."""
    import pyarrow as pa  # noqa: PLC0415  (slow to import)
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = _schema(form)
    rows: list[dict[str, Any]] = []
    with pq.ParquetWriter(path, schema) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(rows, schema))
            rows.clear()

        def record(value: dict[str, Any]) -> None:
            rows.append(_row(value, schema.names))
            if len(rows) == _ROWS:
                flush()

        yield record
        flush()


def _row(record: dict[str, Any], names: list[str]) -> dict[str, Any]:
    row = {name: record.get(name) for name in names}
    others = {key: value for key, value in record.items() if key not in names}
    for name in ("id", "tools"):
        if row[name] is not None and not isinstance(row[name], str):
            row[name] = dumped(row[name]).decode()
    return row | {"fields": dumped(others).decode() if others else None}


def _schema(form: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415  (slow to import)

    text = pa.string()
    function = pa.struct({"name": text, "arguments": text})
    call = pa.struct({"id": text, "type": text, "function": function})
    columns = {
        "messages": {"messages": pa.list_(pa.struct({"role": text, "content": text, "tool_calls": pa.list_(call)}))},
        "sharegpt": {"conversations": pa.list_(pa.struct({"from": text, "value": text}))},
        "alpaca": dict.fromkeys(("instruction", "input", "output", "system"), text)
        | {"history": pa.list_(pa.list_(text))},
        "ultrachat": {"data": pa.list_(text)},
    }
    return pa.schema({"id": text, **columns[form], "tools": text, "fields": text})
