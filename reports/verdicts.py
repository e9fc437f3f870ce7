"""What gates say, as plain text for a terminal, as Markdown for a job summary, and as JUnit XML for a build server."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from ultraqa.filters.verdicts import STATUSES, broken, shown, wanted
from ultraqa.reports import markdown, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ultraqa.filters.verdicts import Outcome

_SIGNS: Final = {
    "passed": "✓ passed", "warned": "! warned", "failed": "✕ failed", "not_evaluated": "? not evaluated",
}  # fmt: skip
_WIDTH: Final = 100
_TOGETHER: Final = re.compile(r"`[^`]*`|\d %")
_NO_CHARACTERS: Final = {0xFFFE: "\ufffd", 0xFFFF: "\ufffd"}  # which XML forbids beside control characters


def table(outcomes: Sequence[Outcome]) -> str:
    """A line a gate, dataset by dataset; below each dataset a sentence for every gate that is not passed."""
    lines = []
    for dataset, found in _by_dataset(outcomes).items():
        rows = [(f"  {_SIGNS[one.status]}", one.gate.key, shown(one), wanted(one.gate)) for one in found]
        sign, key, value = (max(len(row[i]) for row in rows) for i in range(3))
        lines += [numbers.name_cell(dataset)]
        lines += [f"{a:<{sign}}  {b:<{key}}  {c:>{value}}  {d}" for a, b, c, d in rows]
        for one in found:
            if one.status != "passed":
                lines += ["", *_wrapped(f"  {_SIGNS[one.status][0]} ", one.message)]
        lines.append("")
    return numbers.visible("\n".join([*lines, _counted(outcomes)])) + "\n"


def step_summary(outcomes: Sequence[Outcome]) -> str:
    """A Markdown table of all gates and, below it, a sentence for every one that is not passed."""
    text = markdown.text
    lines = ["## ultraqa check", "", text(_counted(outcomes)), ""]
    lines += ["| | dataset | number | value | asked for |", "|:--|:--|:--|--:|:--|"]
    for one in outcomes:
        cells = [_SIGNS[one.status], one.dataset, one.gate.key, shown(one), wanted(one.gate)]
        lines.append(f"| {' | '.join(map(text, cells))} |")
    told = [one for one in outcomes if one.status != "passed"]
    lines += ["", *(f"- {_SIGNS[one.status][0]} {text(f'{one.dataset}: {one.message}')}" for one in told)]
    return "\n".join(lines).rstrip() + "\n"


def junit(outcomes: Sequence[Outcome], fail_on: str = "fail") -> str:
    """JUnit XML, a test suite a dataset and a test case a gate, without times, which differ from run to run.

    A gate that could not be evaluated is an error; one of tier "warn" that is broken is a failure with ``fail_on`` of
    "warn" and otherwise skipped, which is how build servers show a warning.
    """
    root = ET.Element("testsuites", {"name": "ultraqa check", **_totals(outcomes, fail_on)})
    for dataset, found in _by_dataset(outcomes).items():
        suite = ET.SubElement(root, "testsuite", {"name": _plain(dataset), **_totals(found, fail_on, skipped=True)})
        for one in found:
            name = f"{one.gate.key}: {wanted(one.gate)}"
            case = ET.SubElement(suite, "testcase", {"classname": _plain(dataset), "name": _plain(name)})
            if one.status != "passed":
                _told(case, one, fail_on)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _told(case: ET.Element, one: Outcome, fail_on: str) -> None:
    kind = _kind(one, fail_on)
    message = _plain(one.message)
    if kind == "skipped":
        ET.SubElement(case, kind, {"message": message})
    else:
        ET.SubElement(case, kind, {"type": one.status, "message": message}).text = message


def _kind(one: Outcome, fail_on: str) -> str:
    """What JUnit calls a status."""
    if one.status == "not_evaluated":
        return "error"
    return "failure" if one.status in broken(fail_on) else "passed" if one.status == "passed" else "skipped"


def _totals(outcomes: Sequence[Outcome], fail_on: str, *, skipped: bool = False) -> Mapping[str, str]:
    """Counts as attributes; the root has none of what is skipped in the schemas that are about."""
    kinds = Counter(_kind(one, fail_on) for one in outcomes)
    counts = {"tests": len(outcomes), "failures": kinds["failure"], "errors": kinds["error"]}
    return {name: str(n) for name, n in (counts | ({"skipped": kinds["skipped"]} if skipped else {})).items()}


def _by_dataset(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for one in outcomes:
        found.setdefault(one.dataset, []).append(one)
    return found


def _counted(outcomes: Sequence[Outcome]) -> str:
    counts = Counter(one.status for one in outcomes)
    found = ", ".join(f"{counts[status]} {status.replace('_', ' ')}" for status in STATUSES if counts[status])
    return f"{len(outcomes)} {'gate' if len(outcomes) == 1 else 'gates'}: {found or 'nothing evaluated'}"


def _wrapped(sign: str, message: str) -> list[str]:
    """Lines of a message, none of which ends within a command or before a percent sign."""
    whole = _TOGETHER.sub(lambda found: found.group().replace(" ", "\xa0"), numbers.visible(message))
    lines = textwrap.wrap(
        whole, _WIDTH, initial_indent=sign, subsequent_indent=" " * len(sign), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    return [line.replace("\xa0", " ") for line in lines]


def _plain(text: str) -> str:
    """Text that XML can hold and that a terminal does not obey."""
    return numbers.visible(text).translate(_NO_CHARACTERS)
