"""Rule: an interval on a column, and what becomes of the dialogues that lie outside."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from ultraqa.dialogues.sources import DataError
from ultraqa.filters.columns import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ultraqa.filters.columns import Named

ACTIONS: Final = ("drop", "truncate", "drop_round", "flag")
UNDEFINED: Final = ("keep", "drop")
DUPLICATES: Final = ("exact_duplicates", "near_duplicates", "semantic_duplicates", "copied_prompts", "copied_replies")
"""Metrics whose rules look at what else is kept, and so act after all others."""
_INFINITE: Final = math.inf


@dataclass(frozen=True)
class Rule:
    """An interval on a column; dialogues whose value lies outside are hit.

    Attributes:
        key: the column, ``metric[.scope]``, as ``ultraqa metrics --columns`` lists it.
        min: least value that is not hit.
        max: greatest value that is not hit.
        among: of a column of names (language, format, field.NAME), those that are not hit.
        action: "drop" the dialogue; "truncate" it before the first bad message; "drop_round" takes out the rounds of
            bad messages; "flag" only notes it in the ledger. The middle two need a column of messages, whose own values
            the interval is about.
        undefined: what becomes of a dialogue without a value: it is kept, or dropped like one that is hit.
        reason: why, a sentence for those who read what was dropped.
        optional: whether a Profile that lacks the column is no error.
    """

    key: str
    min: float = -_INFINITE
    max: float = _INFINITE
    among: tuple[str, ...] = ()
    action: str = "drop"
    undefined: str = "keep"
    reason: str = ""
    optional: bool = False

    def __post_init__(self) -> None:
        """Refuse what can mean nothing.

        Raises:
            DataError: an unknown key, action or value, or an interval that holds nothing or everything.
        """
        meant = resolve(str(self.key))
        for bound, limit in (("min", self.min), ("max", self.max)):
            if not isinstance(limit, int | float) or isinstance(limit, bool):
                raise DataError(f"{self.key}: {bound} = {limit!r}: a number is wanted")
        for name, value, allowed in (("action", self.action, ACTIONS), ("undefined", self.undefined, UNDEFINED)):
            if value not in allowed:
                raise DataError(f"{self.key}: {name} = {value!r}: one of {', '.join(allowed)} is wanted")
        field = self.key.startswith("field.")
        if (meant.text != bool(self.among) and not field) or (self.among and self._bounded):
            wanted = "names in `among`" if meant.text else "numbers in `min` or `max`"
            raise DataError(f"{self.key}: {wanted} are wanted, because its values are {_kind(meant)}")
        if not self.among and not self._bounded:
            raise DataError(f"{self.key}: `min` or `max` is wanted, a finite number; without them nothing is hit")
        if math.isnan(self.min) or math.isnan(self.max) or self.min > self.max:
            raise DataError(f"{self.key}: no value lies between min = {self.min} and max = {self.max}")
        if self.duplicates and (self.max, self.min, self.action) != (0, -_INFINITE, "drop"):
            raise DataError(f"{self.key}: a rule on duplicates is `max = 0` with action drop: one of each is kept")
        if self.action in {"truncate", "drop_round"} and not meant.message:
            raise DataError(f"{self.key}: {self.action} needs a column of messages, and this one is of dialogues")

    @property
    def _bounded(self) -> bool:
        return math.isfinite(self.min) or math.isfinite(self.max)

    @property
    def column(self) -> Named:
        """What the key names."""
        return resolve(self.key)

    @property
    def duplicates(self) -> bool:
        """Whether it looks at what else is kept."""
        return self.key.partition(".")[0] in DUPLICATES

    @property
    def interval(self) -> str:
        """What is not hit, in signs."""
        if self.among:
            return f"{self.key} is {' or '.join(self.among)}"
        if self.min == self.max:
            return f"{self.key} = {self.min:g}"
        if math.isfinite(self.min) and math.isfinite(self.max):
            return f"{self.min:g} ≤ {self.key} ≤ {self.max:g}"
        return f"{self.key} ≥ {self.min:g}" if math.isfinite(self.min) else f"{self.key} ≤ {self.max:g}"


def _kind(meant: Named) -> str:
    return "names" if meant.text else "numbers"


@dataclass(frozen=True)
class Recipe:
    """Rules with a name.

    Attributes:
        name: of the recipe, or of the file it comes from.
        rules: in order; the order decides only which rule a dialogue is said to be dropped by.
        description: one sentence.
        source: where the rules come from.
    """

    name: str
    rules: tuple[Rule, ...]
    description: str = ""
    source: str = ""


def parse(text: str, name: str) -> Recipe:
    """A recipe from TOML: ``description``, ``source`` and tables ``[[rule]]`` with the attributes of a rule.

    Raises:
        DataError: no TOML, or no rules; the message says where.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{name}: no TOML: {error}") from error
    _refuse_unknown(found, ("description", "source", "rule"), name)
    tables = found.get("rule", [])
    if not isinstance(tables, list) or not tables or not all(isinstance(one, dict) for one in tables):
        raise DataError(f"{name}: no rule in it: write [[rule]] and below it key = …, min = … or max = …")
    rules = tuple(_rule(one, f"{name}: rule {number}") for number, one in enumerate(tables, 1))
    described = {key: found.get(key, "") for key in ("description", "source")}
    if not all(isinstance(value, str) for value in described.values()):
        raise DataError(f"{name}: description and source are sentences in quotation marks")
    return Recipe(name, rules, **described)


_WANTED: Final = {
    "key": "the name of a column in quotation marks", "min": "a number", "max": "a number", "among": "a list of names",
    "action": "a name in quotation marks", "undefined": "a name in quotation marks",
    "reason": "a sentence in quotation marks", "optional": "true or false",
}  # fmt: skip


def number(given: str) -> float:
    """A bound as it is typed, "20" or "5%".

    Raises:
        DataError: it is no number.
    """
    try:
        return float(given[:-1]) / 100 if given.endswith("%") else float(given)
    except ValueError as error:
        raise DataError(f"{given!r} is no number: write one as in 20, 0.05 or 5%") from error


def _rule(table: dict[str, Any], where: str) -> Rule:
    kinds = {
        "key": str, "min": (int, float), "max": (int, float), "among": list, "action": str, "undefined": str,
        "reason": str, "optional": bool,
    }  # fmt: skip
    _refuse_unknown(table, [field.name for field in fields(Rule)], where)
    if "key" not in table:
        raise DataError(f"{where} has no key: write the column it is about, key = …")
    for name in ("min", "max"):
        if isinstance(table.get(name), str) and table[name].endswith("%"):
            table = {**table, name: number(table[name])}
    for name, value in table.items():
        if not isinstance(value, kinds[name]) or (isinstance(value, bool) and name != "optional"):  # type: ignore[arg-type]
            raise DataError(f"{where}: {name} = {value!r}: {_WANTED[name]} is wanted")
    try:
        return Rule(**{**table, "among": tuple(map(str, table.get("among", ())))})
    except DataError as error:
        raise DataError(f"{where}: {error}") from error


def _refuse_unknown(table: dict[str, Any], known: Sequence[str], where: str) -> None:
    for name in table:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise DataError(f"{where}: {name!r} means nothing here; {hint}it may hold {', '.join(known)}")
