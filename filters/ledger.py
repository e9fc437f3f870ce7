"""Ledger: what became of every dialogue, a row a dialogue in the order of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ultraqa.analysis import arrow
from ultraqa.filters.decisions import DROPPED, FATES, SELECTED, Decisions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.filters.records import Records

BUDGET_RULE = "keep"
"""In place of a rule, for what ``--keep`` leaves out."""


def ledger(decisions: Decisions, records: Records, stays: NDArray[np.bool_]) -> pa.Table:
    """Fate, rule, value, kept dialogue and similarity of every dialogue; ``record`` says whether its record is kept.

    Columns: row, id, path, start, end; fate (kept, cut, dropped); rule (its key, ``keep`` for the budget), value;
    kept_row and similarity of duplicates; hit_by (keys of all rules that hit it, joined by blanks); cut_turns (what was
    taken out, counted from 0 through all turns of the record); record_kept.
    """
    profile = decisions.profile
    names = [rule.key for rule in decisions.rules]
    values = np.full(len(profile), np.nan)
    hit_by: dict[int, list[str]] = {}
    for number, hits in enumerate(decisions.hits):
        mine = decisions.rule[hits.rows] == number
        values[hits.rows[mine]] = hits.values[mine]
        for row in hits.rows.tolist():
            hit_by.setdefault(row, []).append(names[number])
    hit_by_rules: list[str | None] = [None] * len(profile)
    for row, keys in hit_by.items():
        hit_by_rules[row] = " ".join(dict.fromkeys(keys))
    cut: list[str | None] = [None] * len(profile)
    for row, turns in decisions.turns.items():
        cut[row] = " ".join(map(str, turns))
    by = np.where(decisions.rule == SELECTED, len(names), decisions.rule)
    kept = np.where(decisions.fate == DROPPED, decisions.kept, -1)
    places = profile.table("dialogues", ["row", "id", "path", "start", "end"])
    columns = {name: places[name].combine_chunks() for name in places.column_names}
    return arrow.table(
        {
            **columns,
            "fate": _named(decisions.fate, FATES),
            "rule": _named(by, [*names, BUDGET_RULE]),
            "value": arrow.numbers(values),
            "kept_row": arrow.numbers(kept, kept < 0),
            "similarity": arrow.numbers(np.where(kept >= 0, decisions.similarity, np.nan)),
            "hit_by": arrow.strings(hit_by_rules),
            "cut_turns": arrow.strings(cut),
            "record_kept": arrow.numbers(stays[records.of].astype(np.int8)),
        }
    )


def _named(codes: NDArray[np.integer], names: Sequence[str]) -> pa.Array:
    """Names by their codes, null for -1."""
    indices = arrow.numbers(np.maximum(codes, 0).astype(np.int32), codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(names), pa.string())).cast(pa.string())
