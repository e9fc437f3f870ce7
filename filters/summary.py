"""Summary of a filter run: the waterfall of rules, and the data's numbers before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ultraqa.analysis.part import part_of
from ultraqa.analysis.summary import results
from ultraqa.filters.decisions import CUT, DROPPED, SELECTED
from ultraqa.filters.duplicate_rules import among
from ultraqa.filters.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.metric import Result
    from ultraqa.filters.pruning import Budget, Pruned

COMPARED: Final = (
    "rounds.dialogue.mean", "words.dialogue.mean", "words.user.mean", "words.assistant.mean", "mtld.assistant.mean",
    "distinct_2.assistant.value", "missing_mass_1.assistant.value", "self_repetition_4.assistant.value",
    "compression_ratio.assistant.value", "exact_duplicates.dialogue.share", "near_duplicates.dialogue.share",
    "exact_duplicates.prompt.share",
)  # fmt: skip
"""KEYs that are shown before and after."""


def summary(pruned: Pruned, recipe: str, budget: Budget | None) -> dict[str, Any]:
    """What a run did, as JSON values.

    ``waterfall`` has the rules in order: dialogues that each hits, and of those the ones that no rule before it drops
    or cuts; ``numbers`` some Results over all dialogues and over those left, cut ones by what they were before.
    """
    decisions, profile = pruned.decisions, pruned.decisions.profile
    left = np.flatnonzero(decisions.fate != DROPPED)
    found: dict[str, Any] = {
        "dataset": profile.name,
        "recipe": recipe,
        "records": {
            "read": pruned.records + pruned.unreadable, "kept": pruned.kept, "dropped": pruned.dropped,
            "unreadable": pruned.unreadable,
        },
        "dialogues": {
            "read": len(profile), "kept": len(left), "cut": int((decisions.fate == CUT).sum()),
            "uncut": len(decisions.uncut),
        },
        "waterfall": _waterfall(pruned),
        "skipped": [{"rule": rule.key, "option": rule.column.option} for rule in decisions.skipped],
        "numbers": _numbers(profile.rows(), _after(pruned, left)),
    }  # fmt: skip
    if budget is not None:
        found["budget"] = budget._asdict()
        found["budget"]["left_out"] = int((decisions.rule == SELECTED).sum())
        found["budget"]["note"] = pruned.selected.note if pruned.selected else "the rules leave fewer than that"
        found["budget"]["compared"] = _compared(pruned, budget)
    return found


def _after(pruned: Pruned, left: NDArray[np.int64]) -> list[Result]:
    """Results over the dialogues that are left; near-duplicates are told among them, not by what was dropped."""
    profile = pruned.decisions.profile
    if not len(left):
        return []
    there = np.zeros(len(profile), np.bool_)
    there[left] = True
    near = float((among(profile, [(0, Rule("near_duplicates", max=0))], there).kept >= 0).sum() / len(left))
    name = ("near_duplicates", "dialogue", "share")
    found = results(part_of(profile, left))
    return [one._replace(value=near) if (one.metric, one.scope, one.statistic) == name else one for one in found]


def _waterfall(pruned: Pruned) -> list[dict[str, Any]]:
    decisions = pruned.decisions
    return [
        {
            "rule": rule.key, "wanted": rule.interval, "action": rule.action, "hit": len(hits.rows),
            "first": int((decisions.rule[hits.rows] == number).sum()) if rule.action != "flag" else 0,
            "undefined": hits.undefined, "reason": rule.reason,
        }
        for number, (rule, hits) in enumerate(zip(decisions.rules, decisions.hits, strict=True))
    ]  # fmt: skip


def _numbers(before: Sequence[Result], after: Sequence[Result]) -> list[dict[str, Any]]:
    """The compared Results, those with a budget at the largest that both reach."""
    first, second = _by_key(before), _by_key(after)
    shown = []
    for key in COMPARED:
        budgets = first.get(key, {}).keys() & second.get(key, {}).keys()
        if not budgets:
            continue
        budget = max(budgets, key=lambda one: one or 0)
        one, other = first[key][budget], second[key][budget]
        shown.append({
            "key": key, "unit": one.unit, "budget": budget, "before": one.value, "after": other.value,
            "before_n": one.n, "after_n": other.n,
        })  # fmt: skip
    return shown


def _by_key(rows: Sequence[Result]) -> dict[str, dict[int | None, Result]]:
    found: dict[str, dict[int | None, Result]] = {}
    for row in rows:
        if row.value is not None:
            found.setdefault(f"{row.metric}.{row.scope}.{row.statistic}", {})[row.budget] = row
    return found


def _compared(pruned: Pruned, budget: Budget) -> list[dict[str, Any]]:
    """A random choice, one by quality alone, and the one that was made, of equal size."""
    if pruned.selected is None:
        return []
    from ultraqa.filters.selection import compared  # noqa: PLC0415  (only for a budget)

    decisions = pruned.decisions
    pool = np.flatnonzero((decisions.fate != DROPPED) | (decisions.rule == SELECTED))
    found: list[dict[str, Any]] = compared(
        decisions.profile, pool, len(pruned.selected.rows), budget.quality, budget.seed, pruned.selected
    )
    return found
