"""Results of a Profile, or of a part of its dialogues, from its columns and samples: one tidy row for every number."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ultraqa.analysis import contamination, corpus, diversity, drawn, provenance
from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.analysis.engine import return_memory
from ultraqa.analysis.language import word_frequencies, word_overuse, word_underuse
from ultraqa.analysis.metric import Result
from ultraqa.analysis.metrics import COLUMNS, COUNTS
from ultraqa.analysis.shingles import SUFFIXES
from ultraqa.analysis.statistics import Clusters, Statistic, describe, ratio_interval, share, wilson
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.part import Part


WINDOWS: Final = (2_048, 4_096, 8_192, 32_768)
"""Context windows, in tokens, that trainers cut at."""

MESSAGE_SCOPES: Final = {"message": None, "user": USER, "assistant": ASSISTANT}

_LISTED: Final = 25
_WHY_UNDEFINED: Final = {
    "mtld": "undefined where a message has under 50 words, is written without spaces, or all its words differ",
    "hdd": "undefined where a message has under 50 words or is written without spaces",
    "mattr_50": "undefined where a message has under 50 words or is written without spaces",
    "yule_k": "undefined where a message has under 50 words or is written without spaces",
    "mtld_paper": "undefined where a message has no word",
    "duplicated_5grams": "undefined where a message has under 5 words",
}


def results(part: Part) -> list[Result]:
    """Every row of a part: shape, lengths, lexical indices, structure, duplicates and corpus statistics."""
    rows = _column_rows(part)
    return_memory()
    with ThreadPoolExecutor(len(corpus.PARTS)) as pool:  # compiled code and gzip run beside each other
        for found in pool.map(lambda scope: list(_sample_rows(part, scope)), corpus.PARTS):
            rows += found
    return_memory()
    return [*rows, *contamination.rows(part), *provenance.rows(part), *drawn.rows(part)]


def _column_rows(part: Part) -> list[Result]:
    by_dialogue = Clusters(None, part.distinct)
    d = len(part.rows)
    rows = [Result(part.name, "dialogues", "dataset", "value", d, unit="dialogues", n=d)]
    units = {column.name: column.unit for column in COLUMNS} | {"tokens": "tokens"}
    for name in ("rounds", "messages"):
        rows += _described(part, name, "dialogue", part.dialogue(name), by_dialogue, units[name])
    for name in _message_columns(part):
        rows += _message_rows(part, name, units[name], by_dialogue)
    if "tokens" in part.profile.columns("messages"):
        rows += _token_rows(part, by_dialogue)
    for column in COLUMNS:
        if column.share:
            rows += _rows(part, column.name, "dialogue", share(part.dialogue(column.name) > 0, by_dialogue), "share", d)
    rows += _duplicate_rows(part)
    return rows


def _message_columns(part: Part) -> list[str]:
    names = [column.name for column in COLUMNS if column.level == "message"]
    return [*names[:2], *(["tokens"] if "tokens" in part.profile.columns("messages") else []), *names[2:]]


def _message_rows(part: Part, name: str, unit: str, by_dialogue: Clusters) -> Iterator[Result]:
    yield from _described(part, name, "dialogue", part.dialogue(name), by_dialogue, unit)
    if name in COUNTS:
        prompted = part.dialogue("prompt_hash") != corpus.NO_PROMPT
        clusters = Clusters(None, part.distinct[prompted])
        yield from _described(part, name, "prompt", part.dialogue(f"{name}_prompt")[prompted], clusters, unit)
    values = part.message(name)
    for scope, role in MESSAGE_SCOPES.items():
        chosen = slice(None) if role is None else part.roles == role  # of all of them no copy is made
        clusters = Clusters(part.owner[chosen], part.distinct)
        yield from _described(part, name, scope, values[chosen], clusters, unit)


def _described(
    part: Part, name: str, scope: str, values: NDArray[Any], clusters: Clusters, unit: str
) -> Iterator[Result]:
    floats = values.astype(float)
    undefined = int(np.isnan(floats).sum())
    why = _WHY_UNDEFINED.get(name, "") if undefined else ""
    yield from _rows(part, name, scope, describe(floats, clusters), unit, len(values) - undefined, undefined, why)


def _rows(
    part: Part,
    name: str,
    scope: str,
    statistics: Sequence[Statistic],
    unit: str,
    n: int,
    undefined: int = 0,
    why: str = "",
) -> Iterator[Result]:
    for statistic, value, low, high in statistics:
        note = why or ("" if value is not None else "nothing to measure")
        shown = "" if statistic == "count" else unit
        yield Result(
            part.name, name, scope, statistic, value, low, high, shown, n, undefined, None, part.version(name), note
        )


def _token_rows(part: Part, by_dialogue: Clusters) -> Iterator[Result]:
    tokens, version = part.dialogue("tokens").astype(float), part.version("tokens")
    for window in WINDOWS:
        found = share(tokens > window, by_dialogue)
        for row in _rows(part, f"tokens_over_{window}", "dialogue", found, "share", len(tokens)):
            yield row._replace(version=version)
    trained, total = part.dialogue("tokens_assistant").astype(float), float(tokens.sum())
    value = float(trained.sum()) / total if total else None
    low, high = ratio_interval(value, trained, tokens, by_dialogue) if value is not None else (None, None)
    yield Result(
        part.name, "assistant_token_share", "dataset", "value", value, low, high, "share", len(tokens),
        version=version, note="" if total else "no tokens",
    )  # fmt: skip


def _duplicate_rows(part: Part) -> Iterator[Result]:
    everything = np.ones(len(part.rows), np.bool_)
    prompts = part.dialogue("prompt_hash")
    prompted = prompts != corpus.NO_PROMPT
    repeated = {"dialogue": ~part.distinct, "prompt": (exact_duplicates(prompts) >= 0)[prompted]}
    for scope, marked in repeated.items():
        clusters = Clusters(None, everything[: len(marked)])
        yield from _rows(part, "exact_duplicates", scope, share(marked, clusters), "share", len(marked))
    replies = part.message("hash")[(part.roles == ASSISTANT) & (part.message("characters") > 0)]
    marked = exact_duplicates(replies) >= 0
    clusters = Clusters(None, np.ones(len(marked), np.bool_))
    yield from _rows(part, "exact_duplicates", "assistant", share(marked, clusters), "share", len(marked))
    yield from _near_rows(part, prompted)


def _near_rows(part: Part, prompted: NDArray[np.bool_]) -> Iterator[Result]:
    """Near-duplicates, where they were sought: of dialogues and prompts, and of messages as a share of messages."""
    measured = part.profile.document.get("near_duplicates") or {"scopes": []}
    sought = {scope["scope"] for scope in measured["scopes"] if "near" in scope}
    for scope, chosen in (("dialogue", np.ones(len(part.rows), np.bool_)), ("prompt", prompted)):
        if scope in sought:
            hashes = part.dialogue("content_hash" if scope == "dialogue" else "prompt_hash")[chosen]
            distinct = exact_duplicates(hashes) < 0  # copies are counted as such, so that both add up
            marked = distinct & (part.dialogue(f"near_duplicate{SUFFIXES[scope]}")[chosen] > 0)
            clusters = Clusters(None, np.ones(len(marked), np.bool_))
            yield from _rows(part, "near_duplicates", scope, share(marked, clusters), "share", len(marked))
    if len(part.rows) < len(part.profile):
        return
    for scope in measured["scopes"]:  # of messages what the whole dataset tells: a part has no hashes of near ones
        if "near" in scope and scope["scope"] in {"assistant", "message"}:
            spoken = part.message("characters") > 0
            n = int((spoken & (part.roles == ASSISTANT)).sum() if scope["scope"] == "assistant" else spoken.sum())
            found = [Statistic("share", scope["near"] / n if n else None), Statistic("count", scope["near"])]
            yield from _rows(part, "near_duplicates", scope["scope"], found, "share", n)


def _sample_rows(part: Part, scope: str) -> Iterator[Result]:
    sample = part.profile.sample(scope).of_rows(part.rows)
    for value in diversity.measure(sample, diversity.PART_BUDGETS[scope]):
        yield Result(
            part.name, value.metric, scope, "value", value.value, value.low, value.high,
            diversity.UNITS.get(value.metric, ""), value.n, 0, value.budget,
        )  # fmt: skip
    if len(sample.ids) < diversity.BUDGETS[0]:
        yield Result(
            part.name, "distinct_2", scope, "value", None, n=len(sample.rows),
            note=f"{len(sample.ids):,} words: corpus statistics need {diversity.BUDGETS[0]:,}",
        )  # fmt: skip
    if scope == "assistant":
        yield from _word_rows(part, sample)


def _word_rows(part: Part, sample: corpus.SampledText) -> Iterator[Result]:
    language = part.profile.document["language"]
    frequencies = word_frequencies(sample, language)
    for metric, use in (("word_overuse", word_overuse), ("word_underuse", word_underuse)):
        row = Result(part.name, metric, "assistant", "value", None, unit="share", n=len(sample.rows))
        if frequencies is None:
            yield row._replace(note=f"no word frequencies of language {language!r}" if len(sample.ids) else "no words")
        else:
            found = use(frequencies)
            listed = ", ".join(f"{word} ×{_times(ratio)}" for word, ratio in found.words[:_LISTED])
            yield row._replace(value=found.share, note=listed or "no such words")


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.2g}"


def reading_rows(document: dict[str, Any]) -> list[Result]:
    """Records read and records that could not be."""
    name, records, unreadable = document["name"], document["records"], document["unreadable"]
    total = records + unreadable
    return [
        Result(name, "records", "dataset", "count", records, n=total),
        Result(name, "unreadable", "dataset", "count", unreadable, n=total),
        Result(
            name,
            "unreadable",
            "dataset",
            "share",
            unreadable / total,
            *wilson(unreadable / total, total),
            "share",
            total,
        ),
    ]
