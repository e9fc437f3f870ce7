"""How numbers and names are written, the same in the terminal, in Markdown and in HTML."""

from __future__ import annotations

import math
import re

_COUNTED = ("words", "characters", "tokens", "rounds", "messages")
_EACH = {
    "dialogue": "dialogue",
    "prompt": "prompt",
    "user": "user message",
    "assistant": "assistant message",
    "message": "message",
}
_OVER = {
    "dialogue": "dialogues",
    "prompt": "prompts",
    "user": "user",
    "assistant": "assistant",
    "message": "both roles",
}
_STATISTIC = {"median": "median", "p05": "5th percentile", "p25": "25th percentile", "p75": "75th percentile"}
_BY_DIALOGUES = ("vendi", "nearest_distance")
_BY_PROMPTS = ("opening_entropy",)
_STATISTIC["p95"] = "95th percentile"

# C0, DEL, C1 controls and lone surrogates; the two marks and nine embeddings that reorder the text around them.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_FORMULA = re.compile(r"\s*[=+\-@]")


def is_share(statistic: str, unit: str = "") -> bool:
    """Whether a number of this statistic and unit is a part of a whole, written as a percentage."""
    return statistic == "share" or unit in ("share", "%")


def number(value: float | None, statistic: str = "value", unit: str = "") -> str:
    """A number as people read it: ``52,002``, ``64.5``, ``0.807``, ``5.8 %``; ``–`` where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    if is_share(statistic, unit):
        return f"{_percent(value)} %"
    return f"{value:,.{_decimals(value, statistic)}f}"


def printed(value: float) -> str:
    """A number with exactly the digits that its source printed: ``3.6``, ``1,486,869``."""
    return f"{int(value):,}" if value == int(value) else f"{value:,}"


def interval(low: float | None, high: float | None, statistic: str = "value", unit: str = "") -> str:
    """A 95 % interval, ``64.1–64.9``, ``5.6–6.0 %`` or ``-2.1 to 3.4``; empty where there is none."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if is_share(statistic, unit):
        return f"{_percent(low)}–{_percent(high)} %"
    decimals = _decimals((low + high) / 2, "mean")
    dash = "–" if low >= 0 else " to "
    return f"{low:,.{decimals}f}{dash}{high:,.{decimals}f}"


def _percent(value: float) -> str:
    percent = 100 * value
    if percent in (0, 100):
        return f"{percent:.0f}"
    if 99.9 < percent < 100:
        return ">99.9"
    if abs(percent) < 0.1:
        return f"{percent:.2g}" if abs(percent) >= 0.0001 else "<0.0001"
    return f"{percent:.1f}"


def _decimals(value: float, statistic: str) -> int:
    size = abs(value)
    if size == int(size) and statistic != "mean":
        return 0
    if size >= 10:
        return 1
    if size >= 1:
        return 2
    if size >= 0.001 or size == 0:
        return 3
    return min(9, 1 - math.floor(math.log10(size)))


def label(metric: str, scope: str, statistic: str, budget: int | None = None) -> str:
    """The true name of a number: ``tokens per assistant message``, ``distinct_2, assistant, 30,000 words``."""
    if metric in _COUNTED and scope in _EACH:
        parts = [f"{metric} per {_EACH[scope]}"]
    else:
        parts = [metric, _OVER[scope]] if scope in _OVER else [metric]
    if statistic in _STATISTIC:
        parts.append(_STATISTIC[statistic])
    if statistic == "auc":
        parts.append("AUC")
    if budget is not None:
        parts.append(f"{budget:,} {budgeted(metric)}")
    return ", ".join(parts)


def budgeted(metric: str) -> str:
    """What the budget of a metric counts."""
    return "dialogues" if metric in _BY_DIALOGUES else "prompts" if metric in _BY_PROMPTS else "words"


def things(scope: str) -> str:
    """What many of a scope are called: ``dialogues``, ``assistant messages``."""
    return f"{_EACH[scope]}s" if scope in _EACH else scope


def visible(text: str) -> str:
    """Text in which control and reordering characters are shown and not obeyed (tab and newline stay)."""
    return _CONTROL.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def name_cell(text: str) -> str:
    """A name for one cell of a table: one line, inert in a terminal, and no formula when pasted into a spreadsheet."""
    line = " ".join(visible(text).split())
    return "'" + line if _FORMULA.match(line) else line
