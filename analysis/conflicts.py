"""Numbers that a dialogue contradicts: one quantity, or the year of one event, stated differently in two replies."""

from __future__ import annotations

import math
import re
from itertools import combinations, takewhile
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ultraqa.analysis.measure import Measure, TextColumn
from ultraqa.analysis.metric import Result
from ultraqa.analysis.specifics import UNIT, without_code
from ultraqa.analysis.statistics import Clusters, share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ultraqa.analysis.part import Part
    from ultraqa.dialogues.batch import Dialogue

_SCALES: Final = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_REACH: Final = 200
"""Characters before a number in which its sentence must begin."""

_MOST_WORDS: Final = 7
_CURRENCIES: Final = "$€£¥₹"

_NUMERAL: Final = re.compile(r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?")
# A number that is no part of a longer one, a range, a date or a formula: its numeral, scale, unit, or noun counted.
_NUMBER: Final = re.compile(
    r"([0-9](?<![\w.,/–-][0-9])[0-9]*(?:,[0-9]{3})*(?:\.[0-9]+)?)"
    r"(?!,?[0-9]| ?[-–/×x*+=^]| (?:to|or|and) [$€£¥]?[0-9])"
    rf"(?: ?({'|'.join(_SCALES)})\b)?"
    rf"(?:[ -]?({UNIT})| (?!(?:is|was|has|as|its|this|plus|minus|times)\b)([a-z]+s|people|men|women|children)\b)?"
)
_SENTENCE: Final = re.compile(r"[.!?;:|•](?=\s)|\n")
_TOKEN: Final = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?")
_STATING: Final = re.compile(
    r"\b(?:is|was|are|were|has|have|costs?|weighs?|measures?|contains?|covers?|spans?|stands|stood|equals?|lasts?"
    r"|lasted|reached|holds?|boils?|melts?|freezes|orbits?|travels?)\b"
)
_EVENT: Final = re.compile(
    r"\b(?:(?:was|were) (?:[a-z]+ly |first )?(?P<done>founded|established|born|created|built|published|released"
    r"|launched|invented|discovered|introduced|signed|formed|incorporated|opened|completed|elected|adopted|ratified"
    r"|constructed|written|composed|painted|assassinated|killed|abolished)(?: by [^,.;:()\n]{1,60}?)?"
    r"|(?P<happened>died|began|started|ended|opened|debuted|premiered|occurred|happened))"
    r" (?:in|on) (?:the year |(?:[0-9]{1,2} )?[A-Z][a-z]{2,8} (?:[0-9]{1,2}(?:st|nd|rd|th)?, )?)?\Z"
)
_AFTER: Final = re.compile(r"[^\n.,;:!?()|]{0,60}")
_NEXT_CLAUSE: Final = frozenset(("and", "or", "but", "while", "which", "that", "with", "making"))

_EMPTY: Final = frozenset((
    "the", "a", "an", "of", "in", "at", "on", "to", "for", "from", "by", "with", "as", "and", "or", "between", "per",
    "than", "is", "was", "are", "were", "be", "been", "has", "had", "have", "also", "just", "about", "around",
    "approximately", "roughly", "nearly", "almost", "exactly", "only", "now", "currently", "located", "estimated",
    "average", "total", "approximate", "current", "cost", "costs"
))  # fmt: skip
"""Words that do not tell one quantity from another."""

_OPEN: Final = frozenset((
    "it", "its", "it's", "he", "she", "his", "her", "him", "they", "their", "them", "this", "that", "these", "those",
    "there", "here", "which", "who", "what", "i", "i'm", "i've", "my", "me", "you", "your", "yours", "we", "our", "us",
    "each", "every", "another", "other", "one", "some", "any", "if", "suppose", "assume", "assuming", "let", "would",
    "could", "should", "might", "may", "will", "can", "must", "example", "say", "when", "then", "before", "after",
    "first", "second", "third", "fourth", "fifth", "next", "last", "remaining", "result", "answer", "step", "option",
    "value", "company", "construction", "work", "production", "development"
))  # fmt: skip
"""Words that make a statement's subject, or whether it is stated at all, depend on what stands elsewhere."""


class Statement(NamedTuple):
    """A number that a reply states of a subject.

    Attributes:
        message: position of the reply in the dialogue.
        start: first character of the statement.
        end: one past the last.
        subject: what the number is of: content words, and the event or the unit; equal subjects are compared.
        value: the number.
        precision: one unit of its last digit that is not a trailing zero.
        numeral: how it was written, without thousands separators.
        after: up to three content words that follow it.
    """

    message: int
    start: int
    end: int
    subject: tuple[object, ...]
    value: float
    precision: float
    numeral: str
    after: tuple[str, ...]


class Conflict(NamedTuple):
    """Two statements of different replies that give one subject different numbers."""

    first: Statement
    second: Statement


def conflicts(dialogue: Dialogue) -> list[Conflict]:
    """Quantities and dated events that two replies of the dialogue state differently: evidence to read, not errors.

    Two statements conflict when their sentences have the same content words before the number ("population of France",
    "Google was founded"), the same unit or counted noun, words after it that do not differ, and numbers that differ by
    more than their rounding; dates differ in the year. Left out, because most such pairs are no contradiction:
    statements about "it" or "you", assumptions and steps; a subject that one reply gives several numbers; numbers that
    the user wrote. Much is missed: numbers in words, other wording, other units. At most one conflict a subject.
    """
    stated: dict[tuple[object, ...], list[Statement]] = {}
    given = set[str]()
    for i, (role, text) in enumerate(zip(dialogue.roles, dialogue.texts, strict=True)):
        if role == "u":
            given.update(numeral.replace(",", "") for numeral in _NUMERAL.findall(text))
        elif role == "a":
            for statement in statements(i, without_code(text)):
                stated.setdefault(statement.subject, []).append(statement)
    found = []
    for same in stated.values():
        pair = _conflict([statement for statement in same if statement.numeral not in given])
        found += [pair] if pair else []
    return found


def number_conflicts(dialogue: Dialogue) -> float:
    """Quantities and dated events of the dialogue that two replies state differently: evidence for review, not errors.

    NaN where the dialogue has fewer than two replies, which cannot contradict each other.
    """
    return float(len(conflicts(dialogue))) if dialogue.roles.count("a") > 1 else math.nan


def statements(message: int, prose: str) -> Iterator[Statement]:
    """The quantities and dated events that a reply, its code left out, states of a subject that it names."""
    for number in _NUMBER.finditer(prose):
        numeral, scale, unit, noun = number.groups()
        currency = prose[max(0, number.start() - 1) : number.start()]
        measure = (currency if currency in _CURRENCIES else "", unit or "", noun or "")
        counted, is_year = bool(scale or any(measure)), len(numeral) == 4 and "1000" <= numeral < "2100"
        if not (counted or is_year):
            continue
        start = _sentence_start(prose, number.start())
        event = _EVENT.search(prose, start, number.start()) if is_year else None
        words = list(_TOKEN.finditer(prose, start, event.start() if event else number.start()))
        subject = _content(words)
        if event and any(word[0][0].isupper() and word[0].lower() in subject for word in words):
            happened = (subject, event["done"] or event["happened"])
            yield Statement(message, words[0].start(), number.end(), happened, float(numeral), 1.0, numeral, ())
        elif counted and subject and len(subject) + bool(noun) > 1 and _STATING.search(prose, start, number.start()):
            plain, factor = numeral.replace(",", ""), _SCALES.get(scale, 1.0)
            yield Statement(
                message, words[0].start(), number.end(), (subject, *measure), float(plain) * factor,
                _precision(plain) * factor, plain, _following(prose, number.end()),
            )  # fmt: skip


def compute(dialogue: Dialogue) -> Sequence[float]:
    """The column of one dialogue."""
    return (number_conflicts(dialogue),)


def rows(part: Part) -> Iterator[Result]:
    """Share and count of dialogues with at least one conflict, among those with two replies or more."""
    values = part.dialogue("number_conflicts").astype(float)
    defined = ~np.isnan(values)
    n, undefined = int(defined.sum()), int((~defined).sum())
    found = share(values[defined] > 0, Clusters(None, part.distinct[defined]))
    note = "undefined where a dialogue has fewer than two replies" if undefined else ""
    for statistic, value, low, high in found:
        unit = "share" if statistic == "share" else ""
        yield Result(
            part.name, "number_conflicts", "dialogue", statistic, value if n else None, low, high, unit, n, undefined,
            note=note or ("" if n else "no dialogues"),
        )  # fmt: skip


def _conflict(same: Sequence[Statement]) -> Conflict | None:
    """The first two of the statements of one subject that contradict each other, if each reply is of one mind."""
    values: dict[int, float] = {}
    if any(values.setdefault(one.message, one.value) != one.value for one in same):
        return None
    first = {(one.value, one.precision, one.after): one for one in reversed(same)}
    pairs = combinations(sorted(first.values()), 2)
    return next((Conflict(a, b) for a, b in pairs if _contradicts(a, b)), None)


def _contradicts(first: Statement, second: Statement) -> bool:
    n = min(len(first.after), len(second.after))
    # Decimal numbers are not exact: 8.1 is a little less than 0.1 above 8.0.
    apart = abs(first.value - second.value) > 0.99 * max(first.precision, second.precision)
    return apart and first.after[:n] == second.after[:n]


def _sentence_start(prose: str, at: int) -> int:
    """Where the sentence of a position begins; the position itself where that is too far away to be of use."""
    low = max(0, at - _REACH)
    start = at if low else 0
    for end in _SENTENCE.finditer(prose, low, at):
        start = end.end()
    return start


def _content(words: Iterable[re.Match[str]]) -> frozenset[str]:
    """The words that say what a statement is about; none where it depends on other statements, or on too many words."""
    lowered = {word[0].lower().replace("’", "'") for word in words}
    content = lowered - _EMPTY
    return frozenset(content) if lowered.isdisjoint(_OPEN) and len(content) <= _MOST_WORDS else frozenset()


def _following(prose: str, end: int) -> tuple[str, ...]:
    """Up to three content words after a number, within its clause."""
    clause = _AFTER.match(prose, end)
    words = [] if clause is None else [word.lower() for word in _TOKEN.findall(clause[0])]
    kept = takewhile(lambda word: word not in _NEXT_CLAUSE, words)
    return tuple(word for word in kept if word not in _EMPTY)[:3]


def _precision(numeral: str) -> float:
    """One unit of the last digit that is not a trailing zero: 10 of "350", 0.01 of "3.50"."""
    if "." in numeral:
        return 10.0 ** -len(numeral.partition(".")[2])
    return 10.0 ** (len(numeral) - len(numeral.rstrip("0") or numeral))


MEASURE: Final = Measure(
    (TextColumn("number_conflicts", number_conflicts, "subjects", "higher = more to review"),), compute, rows
)
