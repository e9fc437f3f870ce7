"""Gates: bounds on Results, from the command line and from ultraqa.toml or pyproject.toml.

A gate is written as a table of TOML; in pyproject.toml it is called ``[[tool.ultraqa.gate]]``::

    [[gate]]
    key = "near_duplicates"  # metric[.scope][.statistic], see ultraqa.filters.keys
    max = "5%"
    tier = "warn"  # "fail" without it
    reason = "copies are learned by heart"
"""

from __future__ import annotations

import math
import tomllib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from ultraqa.dialogues.sources import DataError
from ultraqa.filters.keys import Key, is_share, key_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TIERS: Final = ("fail", "warn")
CONFIGS: Final = ("ultraqa.toml", "pyproject.toml")
_BOUNDS: Final = ("min", "max")
_WORDS: Final = ("key", *_BOUNDS, "tier", "reason")


class Gate(NamedTuple):
    """Bounds that one number has to keep.

    Attributes:
        key: the number's KEY.
        low: smallest value that passes, None for no such bound.
        high: largest value that passes, None for no such bound.
        tier: "fail", or "warn" for a bound that is told and, by default, stops nothing.
        reason: why the bound is there, printed where it is broken.
    """

    key: str
    low: float | None = None
    high: float | None = None
    tier: str = "fail"
    reason: str = ""


def parse(given: str, bound: Literal["min", "max"], tier: str = "fail") -> Gate:
    """The gate of one ``KEY=V`` of the command line, ``mtld=60`` or ``near_duplicates.prompt=5%``.

    Args:
        given: a KEY and a number; of shares also a percentage.
        bound: whether the number is the smallest or the largest that passes.
        tier: "fail" or "warn".

    Raises:
        DataError: no such KEY, or what is no number, with what may have been meant.
    """
    name, equals, value = given.rpartition("=")
    if not (equals and name.strip() and value.strip()):
        raise DataError(f"{given!r} is not KEY=V: write a KEY and a number, such as mtld=60 or near_duplicates=5%")
    return _gate(name, {bound: value}, tier)


def valid(gate: Gate) -> Gate:
    """A gate with its KEY written out in full.

    Raises:
        DataError: a KEY that names nothing, or bounds that are none.
    """
    bounds = {name: bound for name, bound in zip(_BOUNDS, (gate.low, gate.high), strict=True) if bound is not None}
    return _gate(gate.key, bounds, gate.tier, gate.reason)


def read_gates(file: Path) -> list[Gate]:
    """The gates of a TOML file: ``[[gate]]``, in pyproject.toml ``[[tool.ultraqa.gate]]``; none where it has none.

    Raises:
        DataError: no TOML, or a gate that cannot be meant; the message names the file and the gate.
    """
    prefix = "tool.ultraqa." if file.name == "pyproject.toml" else ""
    section: Any = _document(file)
    for name in prefix.split(".")[:-1]:
        section = section.get(name, {})
        if not isinstance(section, dict):
            raise DataError(f"{file}: {prefix[:-1]} is no table")
    for name in section:
        if name != "gate" and get_close_matches(name.lower(), ["gate", "tool"], cutoff=0.8):
            raise DataError(f"{file}: nothing reads {prefix}{name}; gates are written under [[{prefix}gate]]")
    entries = section.get("gate", [])
    if not (isinstance(entries, list) and all(isinstance(one, dict) for one in entries)):
        raise DataError(f"{file}: gates are written as tables of their own, each under [[{prefix}gate]]")
    return [_entry(file, number, one) for number, one in enumerate(entries, 1)]


def found_config(folder: Path) -> Path | None:
    """The file of a folder that holds gates, ultraqa.toml before pyproject.toml; None where neither does.

    Raises:
        DataError: such a file that cannot be read.
    """
    there = (folder / name for name in CONFIGS if (folder / name).is_file())
    return next((file for file in there if read_gates(file)), None)


def overridden(configured: Sequence[Gate], given: Sequence[Gate]) -> list[Gate]:
    """Gates of a file and of the command line together; a bound that both set on one number is the command line's."""
    lows = {key_of(one.key) for one in given if one.low is not None}
    highs = {key_of(one.key) for one in given if one.high is not None}
    kept = [
        one._replace(
            low=None if key_of(one.key) in lows else one.low, high=None if key_of(one.key) in highs else one.high
        )
        for one in configured
    ]
    return [*(one for one in kept if one.low is not None or one.high is not None), *given]


def _document(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{file} is no TOML: {error}") from error


def _entry(file: Path, number: int, entry: dict[str, Any]) -> Gate:
    """One gate of a file."""
    place = f"{file}: gate {number}"
    for name in entry:
        if name not in _WORDS:
            meant = get_close_matches(name, _WORDS, n=1)
            hint = f"did you mean {meant[0]!r}?" if meant else f"a gate has {', '.join(_WORDS)}"
            raise DataError(f"{place}: {name!r} is not known; {hint}")
    if "key" not in entry:
        raise DataError(f'{place} has no key: write, say, key = "mtld"')
    text = {"tier": "fail", "reason": ""} | {name: value for name, value in entry.items() if name not in _BOUNDS}
    wrong = [name for name, value in text.items() if not isinstance(value, str)]
    if wrong:
        raise DataError(f"{place}: {wrong[0]} is {text[wrong[0]]!r}: write a text, in quotation marks")
    bounds = {name: value for name, value in entry.items() if name in _BOUNDS}
    try:
        return _gate(text["key"], bounds, text["tier"], text["reason"])
    except DataError as error:
        raise DataError(f"{place}: {error}") from error


def _gate(name: str, bounds: dict[str, Any], tier: str, reason: str = "") -> Gate:
    """A gate whose KEY is written out in full, and whose bounds can be kept and can be broken."""
    key = key_of(name)
    if tier not in TIERS:
        raise DataError(f"tier is {tier!r}: choose {' or '.join(TIERS)}")
    if not bounds:
        raise DataError(f"{key} has no bound: give min, max or both")
    low, high = (_number(key, bounds[one]) if one in bounds else None for one in _BOUNDS)
    if low is not None and high is not None and low > high:
        raise DataError(f"{key}: no number is at least {low:g} and at most {high:g}")
    if high == 1 and _up_to_one(key):
        hint = ": write 1% for 0.01" if is_share(key) else ""
        raise DataError(f"{key} is never above 1, so nothing could break this gate{hint}")
    return Gate(str(key), low, high, tier, reason)


def _number(key: Key, given: Any) -> float:
    """A bound as a number; ``5%`` is 0.05 of a share."""
    text = given.strip() if isinstance(given, str) else given
    percent = isinstance(text, str) and text.endswith("%")
    if percent and not is_share(key):
        raise DataError(f"{key} is no share, so {given!r} says nothing of it: give a number")
    try:
        value = math.nan if isinstance(text, bool) else float(text[:-1] if percent else text)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{key}: {given!r} is no number")
    value = value / 100 if percent else value
    if _up_to_one(key) and not 0 <= value <= 1:
        percentage = f": write {value:g}% for {value / 100:g}" if is_share(key) and 1 < value <= 100 else ""
        raise DataError(f"{key} lies between 0 and 1, and {given!r} does not{percentage}")
    return value


def _up_to_one(key: Key) -> bool:
    """Whether a number lies between 0 and 1."""
    return is_share(key) or key.statistic == "auc"
