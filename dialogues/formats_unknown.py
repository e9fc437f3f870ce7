"""What to say about a record that no reader reads: the keys seen, the nearest format, what is missing, what to do."""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ultraqa.dialogues.formats_table import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ultraqa.dialogues.formats_values import Format

_KEYS_SHOWN = 12
_KEYS_COMPARED = 100
_KEY_LENGTH = 40
_ALIKE = 0.75  # two keys are alike ("instructions", "instruction") from this ratio of difflib on
_KINDS = ((str, "text"), (bool, "true or false"), (int | float, "a number"), (list, "a list"), (dict, "an object"))


class UnknownFormat(ValueError):  # noqa: N818  (it is what happened, and part of the public names)
    """A record of no known shape; the message says which keys it has, what is nearest and what to do."""


class _Near(NamedTuple):
    share: float
    format: Format
    missing: list[str]


def unknown(record: Any, forced: Format | None = None) -> UnknownFormat:
    """The error for a record that no format reads, or that is not of the one format that a person named."""
    if not isinstance(record, dict):
        return UnknownFormat(f"a record must be an object with keys; this one is {_kind(record)}")
    if not record:
        return UnknownFormat("a record must be an object with keys; this one is empty")
    if "input_ids" in record:
        return UnknownFormat(
            "input_ids are token numbers, and UltraQA reads text: decode them with their tokenizer first"
        )
    keys = tuple(key for key in record if isinstance(key, str))
    near = _nearest(keys[:_KEYS_COMPARED], forced.name if forced else None)
    seen = _listed(str(key) for key in record)
    if forced is not None:
        return UnknownFormat(
            f"not of format {near.format.name} ({near.format.shape}): {_lack(record, near)}; its keys are {seen}"
        )
    nearest = f"nearest is {near.format.name} ({near.format.shape}), but {_lack(record, near)}"
    return UnknownFormat(f"no known format has the keys {seen}; {nearest}. {_advice(keys, near)}")


# A file of another kind has thousands of records of the same keys.
@lru_cache(256)
def _nearest(keys: tuple[str, ...], forced: str | None) -> _Near:
    formats = [one for one in FORMATS if forced in {None, one.name}]
    near = [_near(keys, one, need) for one in formats for need in one.needs]
    best = max(near, key=lambda one: one.share)
    if best.share == 0 and forced is None:
        return _nearest(keys, "alpaca" if len(keys) > 1 else "text")
    return best


def _near(keys: tuple[str, ...], format_: Format, need: frozenset[str]) -> _Near:
    missing = sorted(need.difference(keys))
    alike = sum(any(_alike(key, lacking) for key in keys) for lacking in missing)
    # An empty need matches everything and so resembles nothing.
    matched = len(need) - len(missing) + alike / 2
    # Of two that are equally near in share, the one of which more keys are there.
    return _Near(matched / len(need) + matched / 100 if need else 0.0, format_, missing)


@lru_cache(4096)
def _alike(key: str, wanted: str) -> bool:
    return SequenceMatcher(None, key.casefold()[:_KEY_LENGTH], wanted).ratio() >= _ALIKE


def _lack(record: dict[str, Any], near: _Near) -> str:
    if near.missing:
        return f"{_listed(near.missing)} {'is' if len(near.missing) == 1 else 'are'} missing"
    held = [key for need in near.format.needs if need <= record.keys() for key in sorted(need)]
    return "its values have another shape" + "".join(f", {_cut(key)} is {_kind(record[key])}" for key in held[:3])


def _advice(keys: tuple[str, ...], near: _Near) -> str:
    """What to do: rename to each missing key the one that is like it, or the next one where nothing is known at all."""
    maps = []
    free = [key for key in keys if not any(key in need for need in near.format.needs)]
    for wanted in near.missing:
        alike = [key for key in free if _alike(key, wanted)] or (free if near.share == 0 else [])
        key = alike[0] if alike else "KEY"
        free = [one for one in free if one != key]
        maps.append(f"--map {key if key.isidentifier() and len(key) <= _KEY_LENGTH else 'KEY'}={wanted}")
    other = "name the format with --format NAME"
    return f"Rename keys with {' '.join(maps)}, or {other}" if maps else f"If it is of another format, {other}"


def _listed(keys: Iterable[str]) -> str:
    shown = [_cut(key) for key in keys]
    more = len(shown) - _KEYS_SHOWN
    return ", ".join(shown[:_KEYS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _cut(key: str) -> str:
    return repr(key if len(key) <= _KEY_LENGTH else key[: _KEY_LENGTH - 1] + "…")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return next((kind for type_, kind in _KINDS if isinstance(value, type_)), type(value).__name__)
