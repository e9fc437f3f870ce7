"""KEYs: the name of one Result, ``metric[.scope][.statistic]``, and which number a KEY means that leaves the rest out.

A KEY without scope or statistic means the number that the report's table shows first for that metric: of a lexical
index or a corpus statistic that of the assistant, of lengths and duplicates that of whole dialogues. A metric that is
computed at several budgets is read at the largest one that the data reaches; ``@BUDGET`` behind the KEY holds it fixed,
because these numbers change with the size of the text.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from ultraqa.analysis.catalog import Definition, definitions
from ultraqa.analysis.characters import SCRIPTS
from ultraqa.analysis.metrics import COLUMNS
from ultraqa.analysis.sectors import NAMES as SECTORS
from ultraqa.analysis.vendor_names import TEACHERS
from ultraqa.dialogues.sources import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

SCOPES: Final = ("dialogue", "prompt", "user", "assistant", "message", "dataset")
STATISTICS: Final = ("value", "mean", "median", "p05", "p25", "p75", "p95", "share", "count", "auc")

# The labels of fastText's lid.176.
_LANGUAGES: Final = (
    "af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs cv cy da de "
    "diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb ht hu hy ia id ie ilo "
    "io is it ja jbo jv ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms "
    "mt mwl my myv mzn nah nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah sc scn "
    "sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vep vi vls vo wa war wuu xal xmf "
    "yi yo yue zh"
)
_MEMBERS: Final[dict[str, Collection[str]]] = {
    "language": _LANGUAGES.split(),
    "script": SCRIPTS,
    "sector": tuple(SECTORS.values()),
    "teacher": tuple(TEACHERS),
}

_OF_DIALOGUES: Final = frozenset({
    "words", "characters", "tokens", "exact_duplicates", "near_duplicates", "topic_similarity",
})  # fmt: skip
"""Metrics of several scopes whose first number is that of dialogues; that of the others is the assistant's."""

# What is neither a column of the pass nor here is a single value.
_STATISTIC: Final = {
    name: statistic
    for statistic, names in {
        "mean": "tokens topic_similarity topic_similarity_paper nearest_distance relevance adjacent_similarity drift "
        "followups followup_words entity_continuity coherence_judge judge_control",
        "auc": "relevance.assistant relevance_context turn_order",
        "share": "unreadable tokens_over_2048 tokens_over_4096 tokens_over_8192 tokens_over_32768 exact_duplicates "
        "near_duplicates semantic_duplicates contaminated language script sector off_topic topic_maintenance "
        "teacher provenance_unknown "
        "topic_drift topic_shift questions unpunctuated lower_start polite assistant_like friction dependent echo "
        "given closing ungrounded_specifics hedging abstention number_conflicts coherence_judge_ceiling "
        "judge_failures judge_agreement",
        "count": "records",
    }.items()
    for name in names.split()
}
# Of a column of whole dialogues the share that is flagged is reported, of these two the mean, of others nothing.
_OF_WHOLE_DIALOGUES: Final = ("rounds", "messages")
_ONLY_COLUMNS: Final = frozenset({
    "opening", "specific_years", "specific_numbers", "specific_quotes", "specific_urls", "specific_citations",
    "replies", "sector",
    *(one.name for one in COLUMNS if one.level == "dialogue" and not one.share and one.name not in _OF_WHOLE_DIALOGUES),
})  # fmt: skip


class Key(NamedTuple):
    """The full name of a Result.

    Attributes:
        metric: name of the metric, as ``ultraqa metrics`` lists it.
        scope: its scope.
        statistic: its statistic.
        budget: words (of vectors dialogues) at which it is read, None for the largest number that the data reaches.
    """

    metric: str
    scope: str
    statistic: str
    budget: int | None = None

    def __str__(self) -> str:
        """As it is written: ``mtld.assistant.mean``, ``distinct_2.assistant.value@10000``."""
        name = f"{self.metric}.{self.scope}.{self.statistic}"
        return name if self.budget is None else f"{name}@{self.budget}"


def key_of(given: str) -> Key:
    """The Result that a KEY names, with what it leaves out.

    Raises:
        DataError: no such metric, scope or statistic, with what may have been meant.
    """
    name, at, raw = given.strip().rpartition("@")
    if not (at and raw.isdecimal()):
        name, raw = given.strip(), ""
    parts, tail = name.split("."), list[str]()
    while len(parts) > 1 and len(tail) < 2 and parts[-1] in {*SCOPES, *STATISTICS}:
        tail.insert(0, parts.pop())
    metric = ".".join(parts)
    one = definition(metric)
    if one is None:
        raise DataError(_unknown(given, parts))
    if metric in _ONLY_COLUMNS:
        raise DataError(f"{given!r}: {metric} is only a column, which rules read; gates read Results")
    scope = tail.pop(0) if tail and tail[0] in SCOPES else _scope(given, one)
    statistic = tail.pop(0) if tail and tail[0] in STATISTICS else _statistic(metric, scope)
    if tail:
        raise DataError(f"{given!r}: a KEY is metric[.scope][.statistic], such as {metric}.{scope}.{statistic}")
    if scope not in one.scopes.split():
        raise DataError(f"{given!r}: {metric} has no scope {scope!r}, only {_listed(one.scopes.split())}")
    return Key(metric, scope, statistic, int(raw) if raw else None)


def default_key(metric: str) -> Key | None:
    """The number that the name of a listed metric means by itself; None for a column that no Result holds."""
    if metric in _ONLY_COLUMNS:
        return None
    scope = _scope(metric, _definitions()[metric])
    return Key(metric, scope, _statistic(metric, scope))


def is_share(key: Key) -> bool:
    """Whether a number is a part of a whole, between 0 and 1, and may be written as a percentage."""
    one = definition(key.metric)
    of_share = one is not None and one.unit == "share" and key.statistic not in {"count", "auc"}
    return key.statistic == "share" or of_share


def definition(metric: str) -> Definition | None:
    """A metric's definition; that of ``language.CODE`` for ``language.en``; None where there is no such metric."""
    family, _, member = metric.partition(".")
    if not member:
        return _definitions().get(metric)
    if member not in _MEMBERS.get(family, {member}):
        return None
    return next((one for name, one in _definitions().items() if name.startswith(f"{family}.")), None)


@cache
def _definitions() -> dict[str, Definition]:
    return {one.name: one for one in definitions()}


def _scope(given: str, one: Definition) -> str:
    """The scope that a metric is shown in first."""
    scopes = one.scopes.split()
    if len(scopes) == 1 or (one.name in _flags() and scopes[0] == "dialogue"):
        return scopes[0]
    first = "dialogue" if one.name in _OF_DIALOGUES else "assistant"
    if first not in scopes:
        raise DataError(f"{given!r} may be {_listed(f'{one.name}.{scope}' for scope in scopes)}: choose one")
    return first


def _statistic(metric: str, scope: str) -> str:
    """The statistic that a metric is shown with first."""
    family = metric.partition(".")[0]
    known = _STATISTIC.get(f"{family}.{scope}", _STATISTIC.get(family))
    if known is not None:
        return known
    if metric in _flags() and scope == "dialogue":
        return "share"
    return "mean" if any(column.name == metric for column in COLUMNS) else "value"


@cache
def _flags() -> frozenset[str]:
    """Columns of which the share of dialogues with at least one is reported."""
    return frozenset(column.name for column in COLUMNS if column.share)


def _unknown(given: str, parts: list[str]) -> str:
    """What is wrong with a KEY whose metric is not known, and what may have been meant."""
    first = definition(parts[0])
    if parts[0] in _MEMBERS and len(parts) > 1:
        names = "a code such as en, de or zh" if parts[0] == "language" else _listed(_MEMBERS[parts[0]])
        return f"{given!r}: {parts[1]!r} is not a {parts[0]}; {_hint(parts[1], _MEMBERS[parts[0]]) or f'give {names}'}"
    if first is not None and len(parts) > 1:
        scopes = first.scopes.split()
        wrong = next((part for part in parts[1:] if part not in {*SCOPES, *STATISTICS}), parts[1])
        hint = _hint(wrong, [*scopes, *STATISTICS]) or f"its scopes are {', '.join(scopes)}"
        if wrong in {*scopes, *STATISTICS}:
            return f"{given!r}: a KEY is metric[.scope][.statistic], such as {parts[0]}.{scopes[0]}"
        return f"{given!r}: {wrong!r} is neither a scope nor a statistic of {parts[0]}; {hint}"
    columns = {f"{name}_{scope}": f"{name}.{scope}" for name in _definitions() for scope in SCOPES}
    hint = _hint(columns.get(parts[0], parts[0]), [*_definitions(), *columns.values()])
    return f"no metric is called {'.'.join(parts)!r}; {hint or '`ultraqa metrics` lists them'}"


def _hint(wrong: str, choices: Iterable[str]) -> str:
    meant = get_close_matches(wrong, list(choices), n=1)
    return f"did you mean {meant[0]!r}?" if meant else ""


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last
