"""Arrow arrays straight from their buffers: pyarrow's own converter imports pandas, a quarter of a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray


def numbers(values: NDArray[Any], null: NDArray[np.bool_] | None = None) -> pa.Array:
    """A column of numbers; null where ``null`` says so, and where a float is NaN."""
    data = np.ascontiguousarray(values)
    if null is None and data.dtype.kind == "f":
        null = np.isnan(data)
    valid = None
    if null is not None and null.any():
        valid = pa.py_buffer(np.packbits(~null, bitorder="little"))
    kind = pa.from_numpy_dtype(data.dtype)
    return pa.Array.from_buffers(kind, len(data), [valid, pa.py_buffer(data)])


def strings(values: Sequence[str | None]) -> pa.Array:
    """A column of strings, None as null."""
    if None not in values:
        whole = "".join(values)  # type: ignore[arg-type]
        if whole.isascii():  # then a character is a byte
            return _strings(map(len, values), whole.encode(), len(values), None)  # type: ignore[arg-type]
    encoded = [b"" if value is None else value.encode() for value in values]
    missing = np.fromiter((value is None for value in values), np.bool_, len(encoded))
    valid = pa.py_buffer(np.packbits(~missing, bitorder="little")) if missing.any() else None
    return _strings(map(len, encoded), b"".join(encoded), len(encoded), valid)


def _strings(lengths: Iterable[int], text: bytes, n: int, valid: pa.Buffer | None) -> pa.Array:
    offsets = np.zeros(n + 1, np.int64)
    np.cumsum(np.fromiter(lengths, np.int64, n), out=offsets[1:])
    return pa.Array.from_buffers(pa.large_string(), n, [valid, pa.py_buffer(offsets), pa.py_buffer(text)])


def table(columns: Mapping[str, pa.Array]) -> pa.Table:
    """Named columns as a table."""
    return pa.Table.from_arrays(list(columns.values()), names=list(columns))


def array(column: pa.ChunkedArray) -> NDArray[Any]:
    """A column as one array: numbers as they are, as floats with NaN where some are null, strings as objects."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return np.array(column.to_pylist(), dtype=object)
    parts = [_numbers(chunk) for chunk in column.chunks] or [np.empty(0, column.type.to_pandas_dtype())]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _numbers(chunk: pa.Array) -> NDArray[Any]:
    valid, data = chunk.buffers()
    kind = np.dtype(chunk.type.to_pandas_dtype())
    values = np.frombuffer(data, kind)[chunk.offset : chunk.offset + len(chunk)] if len(chunk) else np.empty(0, kind)
    if valid is None or not chunk.null_count:
        return values
    bits = np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little")[chunk.offset : chunk.offset + len(chunk)]
    return np.where(bits.astype(np.bool_), values, np.nan)
