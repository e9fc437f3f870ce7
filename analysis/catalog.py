"""The one table of all metrics: what ``ultraqa metrics`` prints and the report's methods quote."""

from __future__ import annotations

from inspect import getdoc
from typing import Any, NamedTuple

from ultraqa.analysis import (
    contamination,
    deduplication,
    dispersion,
    diversity,
    duplicates,
    entity_grid,
    judge,
    language,
    near_duplicates,
    pieces,
    provenance,
    relevance,
    sectors,
    self_bleu,
    semantic_duplicates,
    syntax,
    topics,
    vendor_names,
)
from ultraqa.analysis.defects import FAMILIES
from ultraqa.analysis.metric import Column, first_sentence
from ultraqa.analysis.metrics import COLUMNS, COUNTS
from ultraqa.analysis.summary import WINDOWS
from ultraqa.analysis.text_measures import MEASURES
from ultraqa.analysis.tokens import tokens_per_word

_SAMPLED = "user assistant"
_SCOPES = ("prompt", "user", "assistant")
_OF_ROLES = {f"{one.name}_{role}" for one in FAMILIES for role in ("user", "assistant") if one.roles == "ua"}


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
        if column.name in _OF_ROLES:
            continue
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
    found.append(_of("copied_replies", "dialogue", "messages", "lower = less copied", deduplication.copied_replies))
    found.append(_of("copied_prompts", "dialogue", "", "lower = less copied", deduplication.copied_prompts))
    scopes, direction = "dialogue prompt assistant message", "lower = less repeated"
    found.append(_of("near_duplicates", scopes, "share", direction, near_duplicates.near_duplicates))
    found.append(_of("contaminated", "dialogue", "share", "lower = less is leaked", contamination.contaminated))
    asked = "Questions of a benchmark (the file's name) that stand in the data, copied wholly or in part."
    found.append(Definition("contaminated.NAME", "dataset", "share", "lower = less is leaked", asked, ""))
    said = "lower = more is said of where it comes from"
    found.append(_of("provenance_unknown", "dialogue", "share", said, provenance.provenance_unknown))
    found.append(_of("teacher.NAME", "dialogue", "share", "", vendor_names.teachers))
    return found + _corpus() + _vectors() + _texts()


def _texts() -> list[Definition]:
    """Measures of the text, each under its metric's name, and what follows from their columns."""
    found = []
    for column in (column for one in MEASURES for column in one.columns):
        metric, _, scope = column.name.rpartition("_")
        name, scopes = (metric, scope) if scope in _SCOPES else (column.name, "dialogue")
        found.append(_of(name, scopes, column.unit, column.direction, column.definition))
    return [
        *found,
        _of("words_cv", "prompt", "", "higher = more uneven", dispersion.words_cv),
        _of("words_tail", "prompt", "", "higher = more uneven", dispersion.words_tail),
        _of("opening_entropy", "prompt", "", "higher = more varied", dispersion.opening_entropy),
        Definition("followup_words", "user", "words", "", "Words of a user's message after the first.", ""),
        _of("self_bleu_4", "assistant", "", "lower = more varied", self_bleu.self_bleu_4),
        _of("sector.NAME", "prompt", "share", "", sectors.sector),
        _of("root_verbs", "prompt", "verbs", "higher = more varied", syntax.root_verbs),
        _of("verb_object_entropy", "prompt", "bits", "higher = more varied", syntax.verb_object_entropy),
        _of("pos_repetition", "assistant", "share", "lower = more varied", syntax.pattern_repetition),
        _of("entity_continuity", "dialogue", "share", "higher = entities are taken up", entity_grid.entity_continuity),
        _of("entities_per_100_words", "assistant", "", "higher = more to know", syntax.entities),
        _of("coherence_judge", "dialogue", "points", "higher = more coherent", judge.coherence_judge),
        _of("coherence_judge_ceiling", "dialogue", "share", "lower = tells more apart", judge.coherence_judge_ceiling),
        _of("judge_failures", "dialogue", "share", "lower = more answers read", judge.judge_failures),
        _of("judge_agreement", "dialogue", "share", "higher = more reliable", judge.judge_agreement),
        _of("judge_length_correlation", "dialogue", "", "", judge.judge_length_correlation),
        _of("judge_control", "dialogue", "points", "lower = sees incoherence", judge.judge_control),
    ]


def _vectors() -> list[Definition]:
    apart, fit = "lower = more diverse", "higher = replies fit"
    return [
        _of("topic_similarity", "dialogue prompt user assistant", "", apart, topics.topic_similarity),
        _of("topic_similarity_paper", "dialogue", "", apart, topics.topic_similarity_paper),
        _of("vendi", "dialogue", "dialogues", "higher = more diverse", topics.vendi),
        _of(
            "semantic_duplicates", "dialogue", "share", "lower = less repeated", semantic_duplicates.semantic_duplicates
        ),
        _of("nearest_distance", "dialogue", "", "higher = more spread out", topics.nearest_distance),
        _of("topic_entropy", "dialogue", "", "higher = more even", topics.topic_entropy),
        _of("relevance", "dialogue assistant", "", fit, relevance.relevance),
        _of("relevance_context", "assistant", "", fit, relevance.relevance_context),
        _of("off_topic", "assistant dialogue", "share", "lower = fewer replies beside the point", relevance.off_topic),
        _of("turn_order", "dialogue", "", "higher = the order is plainer", relevance.turn_order),
        _of("adjacent_similarity", "dialogue", "", "", relevance.adjacent_similarity),
        _of("drift", "dialogue", "", "higher = moves further away", relevance.drift),
        *(
            _of(name, "user", "share", "", relevance.topic_shift)
            for name in ("topic_maintenance", "topic_drift", "topic_shift")
        ),
    ]


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
        return "dialogue user assistant" if f"{column.name}_user" in _OF_ROLES else "dialogue"
    return "dialogue prompt user assistant message" if column.name in COUNTS else "dialogue user assistant message"


def _of(name: str, scopes: str, unit: str, direction: str, definition: Any) -> Definition:
    text = " ".join((getdoc(definition) or "").split())
    source = text.partition("Source: ")[2].partition(" Args:")[0]
    return Definition(name, scopes, unit, direction, first_sentence(definition), source.rstrip("."))
