"""Verdicts: what gates say of Results, a sentence each; a number that was not computed is never a pass."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from ultraqa.analysis.metric import Result
from ultraqa.analysis.metrics import COLUMNS
from ultraqa.dialogues.sources import DataError
from ultraqa.filters.gates import Gate, valid
from ultraqa.filters.keys import STATISTICS, Key, is_share, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STATUSES: Final = ("passed", "warned", "failed", "not_evaluated")
_PASSED, _GATE_FAILED, _NOT_EVALUATED = 0, 1, 3

_PROFILE: Final = "`ultraqa profile DATA -o NAME.ultraqa"
# By the beginnings of names, in this order.
_ADDED: Final = {
    "tokens_per_word": "it is measured only where the tokens of a sample are counted, as is so above 500 MB of data",
    "tokens assistant_token_share": f"the tokens of all dialogues were not counted; {_PROFILE} --tokens all` does",
    "contaminated": f"this was not looked for; {_PROFILE} --contamination FILE` does",
    "coherence_judge judge_": "only `ultraqa report DATA --judge MODEL` measures it, and no Profile holds it",
    "root_verbs verb_object_entropy pos_repetition entity_continuity entities_per_100_words": (
        f'it needs a spaCy pipeline and English texts; `pip install "ultraqa[en]"`, then {_PROFILE}`'
    ),
}
_CORPUS: Final = (
    "distinct_", "entropy_", "missing_mass_", "vocabulary", "self_repetition_", "compression_", "zipf_", "heaps_",
)  # fmt: skip
_ALWAYS: Final = frozenset({"dialogues", "records", "unreadable", "exact_duplicates", "language", "script"})

Rows = dict[Key, Result]
"""The Results of one dataset by their full names."""


class Outcome(NamedTuple):
    """What one gate says of one dataset.

    Attributes:
        dataset: name of the dataset.
        gate: the gate.
        value: the number that was checked, None where there is none.
        n: number of messages or dialogues it is over.
        status: passed, warned, failed or not_evaluated.
        message: a sentence with the number, the bound and, where it is not kept, what to do.
    """

    dataset: str
    gate: Gate
    value: float | None
    n: int
    status: str
    message: str


def evaluate(rows: Sequence[Result], gates: Sequence[Gate]) -> list[Outcome]:
    """What the gates say of every dataset in ``rows``: datasets in order of appearance, gates as they were given.

    Raises:
        DataError: a gate whose KEY names nothing or which has no bound, or two datasets of one name.
    """
    asked = [(gate, key_of(gate.key)) for gate in map(valid, gates)]
    by_dataset: dict[str, Rows] = {}
    for row in rows:
        known = by_dataset.setdefault(row.dataset, {})
        if known.setdefault(Key(row.metric, row.scope, row.statistic, row.budget), row) != row:
            raise DataError(f"two datasets are named {row.dataset!r}: check them one by one")
    return [_outcome(name, known, gate, key) for name, known in by_dataset.items() for gate, key in asked]


def exit_code(outcomes: Sequence[Outcome], fail_on: str = "fail") -> int:
    """0 where every gate is kept, 1 where one is broken, 3 where one could not be evaluated, which outranks 1.

    Args:
        outcomes: of all datasets; of none, nothing was evaluated.
        fail_on: "warn" for broken gates of tier "warn" to count too.
    """
    found = {one.status for one in outcomes}
    if not found or "not_evaluated" in found:
        return _NOT_EVALUATED
    return _GATE_FAILED if found & broken(fail_on) else _PASSED


def broken(fail_on: str) -> set[str]:
    """Statuses that fail a check."""
    return {"failed", "warned"} if fail_on == "warn" else {"failed"}


def wanted(gate: Gate) -> str:
    """The bounds as they are read: ``at least 60``, ``at most 5 %``, ``20 to 80``."""
    low, high = (None if bound is None else _exactly(bound, key_of(gate.key)) for bound in (gate.low, gate.high))
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"at least {low}" if low is not None else f"at most {high}"


def shown(outcome: Outcome) -> str:
    """The number of an outcome with as many digits as tell it from its bounds; ``–`` where there is none."""
    if outcome.value is None:
        return "–"
    return _apart(outcome.value, key_of(outcome.gate.key), outcome.gate)


def _outcome(dataset: str, rows: Rows, gate: Gate, key: Key) -> Outcome:
    row = _row(rows, key)
    if row is None or row.value is None or math.isnan(row.value):
        why = _absent(rows, key) if row is None else row.note or "nothing to measure"
        message = f"{key} could not be evaluated: {why}."
        return Outcome(dataset, gate, None, row.n if row else 0, "not_evaluated", message)
    low, high = -math.inf if gate.low is None else gate.low, math.inf if gate.high is None else gate.high
    status = "passed" if low <= row.value <= high else "warned" if gate.tier == "warn" else "failed"
    return Outcome(dataset, gate, row.value, row.n, status, " ".join(_sentences(row, gate, key, status)))


def _row(rows: Rows, key: Key) -> Result | None:
    """The Result that a KEY names: of several budgets the largest that has a value."""
    if key.budget is not None:
        return rows.get(key)
    found = [row for one, row in rows.items() if one[:3] == key[:3]]
    if not found:
        return _none_of(rows, key)
    return max(found, key=lambda row: (row.value is not None, row.budget or 0), default=None)


def _none_of(rows: Rows, key: Key) -> Result | None:
    """The share of a language or script that was looked for and is in no dialogue; only those found have rows."""
    family = key.metric.partition(".")[0]
    looked_for = [row for one, row in rows.items() if one.metric.startswith(f"{family}.")]
    if not looked_for or family not in {"language", "script"} or key.statistic != "share":
        return None
    return Result(looked_for[0].dataset, *key[:3], 0.0, unit="share", n=looked_for[0].n)


def _sentences(row: Result, gate: Gate, key: Key, status: str) -> Iterator[str]:
    value = row.value if row.value is not None else math.nan
    unit = f" {row.unit}" if row.unit not in {"", "share"} else ""
    undefined = f", undefined for {row.n_undefined:,} more" if row.n_undefined else ""
    at = f" at a budget of {row.budget:,}" if row.budget is not None and key.budget is None else ""
    measured = f"{key} is {_apart(value, key, gate)}{unit}{at} (n = {row.n:,}{undefined})"
    if status == "passed":
        yield f"{measured}: {wanted(gate)} is asked for."
    elif gate.low is not None and value < gate.low:
        yield f"{measured}, below the minimum of {_exactly(gate.low, key)}."
    elif gate.high is not None:
        yield f"{measured}, above the maximum of {_exactly(gate.high, key)}."
    yield from _doubts(row, gate, key)
    if status != "passed":
        if gate.reason:
            yield f"Why it matters: {gate.reason.strip().rstrip('.')}."
        if row.budget is not None and key.budget is None:
            yield f"The budget grows with the data; {key}@{row.budget} holds it fixed."
        yield "`ultraqa report DATA` shows what is behind it."


def _doubts(row: Result, gate: Gate, key: Key) -> Iterator[str]:
    """That a bound lies within the 95 % interval of the number, which then says little about its side."""
    if row.low is None or row.high is None:
        return
    for bound in (gate.low, gate.high):
        if bound is not None and row.low <= bound <= row.high:
            ends = f"{_apart(row.low, key, gate)} to {_apart(row.high, key, gate)}"
            yield f"{_exactly(bound, key)} lies within the 95 % interval, {ends}: another sample may say otherwise."


def _absent(rows: Rows, key: Key) -> str:
    """Why a dataset has no such number, and what adds it."""
    near = [one for one in rows if one[:2] == key[:2]]
    statistics = [name for name in STATISTICS if any(one.statistic == name for one in near)]
    if statistics and key.statistic not in statistics:
        return f"{key.metric}.{key.scope} has no {key.statistic}, but {', '.join(statistics)}"
    if statistics:
        return _no_budget(rows, key, sorted({one.budget for one in near if one.budget is not None}))
    return _adding(rows, key)


def _no_budget(rows: Rows, key: Key, budgets: list[int]) -> str:
    """Why a number is not there at the budget of a KEY."""
    if budgets:
        return f"it is measured at budgets of {', '.join(f'{budget:,}' for budget in budgets)} only"
    row = rows.get(key._replace(budget=None))
    return row.note if row and row.value is None and row.note else f"it has no budget: leave out @{key.budget}"


def _adding(rows: Rows, key: Key) -> str:
    """What adds a number that no statistic of its metric and scope is there of."""
    family = key.metric.partition(".")[0]
    for names, told in _ADDED.items():
        if family.startswith(tuple(names.split())):
            return told
    if family == "near_duplicates":
        option = "all" if key.scope in {"assistant", "message"} else "auto"
        return f"they were not sought; {_PROFILE} --duplicates {option}` does"
    if family.startswith(_CORPUS):
        short = rows.get(Key("distinct_2", key.scope, "value"))
        return short.note if short and short.note else "the text is too short for it"
    scopes = dict.fromkeys(one.scope for one in rows if one.metric == key.metric)
    if scopes:
        return f"{key.metric} is a Result of scope {', '.join(scopes)} only"
    looked_at = any(one.metric == "topic_similarity" for one in rows)
    if looked_at or family in _ALWAYS or any(column.name == family for column in COLUMNS):
        return f"the Profile does not hold it; {_PROFILE} --overwrite` measures anew"
    return f"the texts were not looked at; {_PROFILE} --embedder static` does"


def _exactly(bound: float, key: Key) -> str:
    """A bound as it was given."""
    return f"{100 * bound:,.12g} %" if _percentage(key) else f"{bound:,.12g}"


def _apart(value: float, key: Key, gate: Gate) -> str:
    """A number with three digits, or as many as show on which side of the bounds it lies."""
    scale = 100 if _percentage(key) else 1
    bounds = [bound for bound in (gate.low, gate.high) if bound is not None]
    text = ""
    for digits in range(max(3, len(f"{abs(scale * value):.0f}")), 18):
        text = f"{scale * value:,.{digits}g}"
        read = float(text.replace(",", "")) / scale
        if all((read > bound) - (read < bound) == (value > bound) - (value < bound) for bound in bounds):
            break
    return f"{text} %" if _percentage(key) else text


def _percentage(key: Key) -> bool:
    """Whether a number is printed as a percentage; ratios of n-grams are customarily not."""
    return is_share(key) and not key.metric.startswith(("distinct_", "missing_mass_"))
