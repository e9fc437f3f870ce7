"""The one table of all metrics: what ``ultraqa metrics`` prints and the report's methods quote."""

from __future__ import annotations

from inspect import getdoc
from typing import Any, NamedTuple

from ultraqa.analysis import diversity, duplicates, language, pieces
from ultraqa.analysis.metric import Column, first_sentence
from ultraqa.analysis.metrics import COLUMNS, COUNTS
from ultraqa.analysis.summary import WINDOWS
from ultraqa.analysis.tokens import tokens_per_word

_SAMPLED = "user assistant"


class Definition(NamedTuple):
    """A metric as the table shows it.

    Attributes:
        name: as in Result rows, columns and KEYs.
        scopes: scopes it has, separated by blanks.
        unit: unit of its values.
        direction: how to read it.
        doc: what it is, one sentence.
        source: where it comes from, empty for plain counts.
    """

    name: str
    scopes: str
    unit: str
    direction: str
    doc: str
    source: str


def definitions() -> list[Definition]:
    """Every metric, in the order of the report."""
    found = [
        Definition("dialogues", "dataset", "dialogues", "", "Dialogues of the dataset.", ""),
        Definition(
            "records", "dataset", "", "", "Records read: lines, array elements, rows, or trees of messages.", ""
        ),
        Definition("unreadable", "dataset", "", "lower = less is lost", "Records that could not be read.", ""),
    ]
    for column in COLUMNS:
        found.append(_of(column.name, _scopes(column), column.unit, column.direction, column.definition))
        if column.name == "characters":
            found.append(_of("tokens", _scopes(column), "tokens", "", pieces.tokens))
    for window in WINDOWS:
        doc = f"Dialogues of more than {window:,} tokens, which a trainer with that window cuts or drops."
        found.append(Definition(f"tokens_over_{window}", "dialogue", "share", "lower = less is cut", doc, ""))
    found.append(_of("tokens_per_word", _SAMPLED, "tokens", "", tokens_per_word))
    trained = "Share of the tokens that stand in assistant messages, which is what supervised training learns from."
    found.append(Definition("assistant_token_share", "dataset", "share", "", trained, ""))
    found.append(
        _of(
            "exact_duplicates", "dialogue prompt assistant", "share", "lower = less copied", duplicates.exact_duplicates
        )
    )
    return found + _corpus()


def _corpus() -> list[Definition]:
    found = []
    for n in diversity.ORDERS:
        found.append(_of(f"distinct_{n}", _SAMPLED, "share", "higher = more varied", diversity.distinct))
        found.append(_of(f"entropy_{n}", _SAMPLED, "bits", "higher = more varied", diversity.entropy))
    found += [
        _of(f"missing_mass_{n}", _SAMPLED, "share", "higher = longer tail", diversity.missing_mass)
        for n in diversity.ORDERS[:3]
    ]
    return [
        *found,
        _of("vocabulary", _SAMPLED, "words", "higher = more varied", diversity.vocabulary),
        _of("self_repetition_4", _SAMPLED, "", "lower = fewer shared phrases", diversity.self_repetition_4),
        _of("compression_ratio", _SAMPLED, "", "lower = less repetitive", diversity.compression_ratio),
        _of("zipf_exponent", _SAMPLED, "", "higher = steeper", diversity.zipf_exponent),
        _of("heaps_exponent", _SAMPLED, "", "higher = new words keep coming", diversity.heaps_exponent),
        _of("word_overuse", "assistant", "share", "lower = closer to human text", language.word_overuse),
        _of("word_underuse", "assistant", "share", "lower = closer to human text", language.word_underuse),
        _of("language.CODE", "dataset", "share", "", language.languages),
        _of("script.NAME", "dataset", "share", "", language.Scripts),
    ]


def _scopes(column: Column) -> str:
    if column.level == "dialogue":
        return "dialogue"
    return "dialogue prompt user assistant message" if column.name in COUNTS else "dialogue user assistant message"


def _of(name: str, scopes: str, unit: str, direction: str, definition: Any) -> Definition:
    text = " ".join((getdoc(definition) or "").split())
    source = text.partition("Source: ")[2].partition(" Args:")[0]
    return Definition(name, scopes, unit, direction, first_sentence(definition), source.rstrip("."))
