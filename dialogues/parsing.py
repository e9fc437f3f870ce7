"""Second reading: what orjson refuses is tried with the standard library, and mended or refused with a reason."""

from __future__ import annotations

import json
import re
from typing import Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_FIRST_KEY = re.compile(rb'\s*(?:"(?:[^"\\]|\\.)*"\s*:\s*)?\{\s*("(?:[^"\\]|\\.)*")\s*:')


class RefusedError(ValueError):
    """Bytes that are no JSON value, with the reason in the words of a report."""


def second_reading(piece: bytes) -> tuple[Any, tuple[str, ...]]:
    """The value of JSON that orjson refused, and the findings that say what was mended.

    Lone surrogates become U+FFFD ("lone_surrogates"), NaN and infinities become null ("nan").

    Raises:
        RefusedError: what the standard library refuses too.
    """
    try:
        text = piece.rstrip(b" \t\r\n").decode()
    except UnicodeDecodeError as error:
        place = f"byte 0x{piece[error.start]:02x} at byte {error.start + 1} of the record"
        raise RefusedError(f"invalid UTF-8: {place}") from error
    constants: list[str] = []
    try:
        value = json.loads(text, parse_constant=constants.append)  # append returns None, the value we want
        mended = _mend(value) if _SURROGATE_ESCAPE.search(text) else value
        lone = mended is not value and mended != value
    except RecursionError as error:
        raise RefusedError("nested too deeply to be read") from error
    except json.JSONDecodeError as error:
        raise RefusedError(_reason(text, error)) from error
    except ValueError as error:  # an integer of more digits than Python converts
        raise RefusedError(f"not readable: {error}") from error
    return mended, ("lone_surrogates",) * lone + ("nan",) * bool(constants)


def next_start(piece: bytes) -> int:
    """Where in a broken array element the next element seems to begin, -1 where nowhere.

    A missing bracket or quote makes the scanner swallow the elements behind it. They are found again by their first
    key: its quotes, unescaped, cannot stand inside a string. In indented JSON it must not stand deeper than the
    element's own keys do, where a nested object may begin with the same key.
    """
    first = _FIRST_KEY.match(piece)
    if not first:
        return -1
    indent = re.search(rb"\n([ \t]*)\S", piece)
    member = rb'(?:"[^"\\\n]*"\s*:\s*)?' if piece.lstrip()[:1] == b'"' else b""
    start = re.compile(rb"[\s,}\]](" + member + rb"\{\s*" + re.escape(first[1]) + rb"\s*:)")
    for found in start.finditer(piece, first.end()):
        place = found.start(1)
        line = piece[piece.rfind(b"\n", 0, place) + 1 : place]
        value = piece[max(0, place - 100) : place].rstrip().endswith(b":")
        if not value and (not indent or line.strip() or len(line) < len(indent[1])):
            return place
    return -1


def _reason(text: str, error: json.JSONDecodeError) -> str:
    if not text.strip("\0 \t\r\n"):
        return "not JSON: only NUL bytes"
    return f"not JSON: {error.msg.removesuffix(' at')} (character {error.pos + 1} of the record)"


def _mend(value: Any) -> Any:
    """The value with U+FFFD in place of every lone surrogate; the same object where there is none."""
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mend(item) for item in value]
    if isinstance(value, dict):
        return {_mend(key): _mend(item) for key, item in value.items()}
    return value
