"""Results of a Profile, or of a part of its dialogues, from its columns and samples: one tidy row for every number."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ultraqa.analysis import corpus, diversity, relevance, topics
from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.analysis.engine import return_memory
from ultraqa.analysis.language import word_frequencies, word_overuse, word_underuse
from ultraqa.analysis.metric import Result
from ultraqa.analysis.metrics import COLUMNS, COUNTS
from ultraqa.analysis.profile import Profile, ProfileError
from ultraqa.analysis.self_bleu import self_bleu_4
from ultraqa.analysis.statistics import Clusters, Statistic, describe, ratio_interval, share, wilson
from ultraqa.analysis.text_measures import MEASURES
from ultraqa.analysis.vectors import Encoding, encoding_of, space
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

WINDOWS: Final = (2_048, 4_096, 8_192, 32_768)
"""Context windows, in tokens, that trainers cut at."""

MESSAGE_SCOPES: Final = {"message": None, "user": USER, "assistant": ASSISTANT}

BLEU_REPLIES: Final = 500
_BLEU_WORDS: Final = 5
_LISTED: Final = 25
_WHY_UNDEFINED: Final = {
    "mtld": "undefined where a message has under 50 words, is written without spaces, or all its words differ",
    "hdd": "undefined where a message has under 50 words or is written without spaces",
    "mattr_50": "undefined where a message has under 50 words or is written without spaces",
    "yule_k": "undefined where a message has under 50 words or is written without spaces",
    "mtld_paper": "undefined where a message has no word",
    "duplicated_5grams": "undefined where a message has under 5 words",
}


@dataclass(frozen=True)
class Part:
    """All dialogues of a Profile, or some of them.

    Attributes:
        name: name in the Result rows.
        profile: where the columns are.
        rows: shape (d,), the dialogues.
        members: shape (m,), the messages.
        owner: shape (m,), dialogue of each message, counted within the part.
        roles: shape (m,), USER or ASSISTANT.
        distinct: shape (d,), whether the dialogue is not a copy of an earlier one of the part.
    """

    name: str
    profile: Profile
    rows: NDArray[np.int64]
    members: NDArray[np.int64]
    owner: NDArray[np.int64]
    roles: NDArray[np.uint8]
    distinct: NDArray[np.bool_]

    def dialogue(self, column: str) -> NDArray[Any]:
        """A dialogue column, shape (d,)."""
        return self.profile.column(column)[self.rows]

    def message(self, column: str) -> NDArray[Any]:
        """A message column, shape (m,)."""
        return self.profile.column(column, "messages")[self.members]

    def subset(self, chosen: NDArray[np.bool_]) -> Part:
        """Those of the dialogues that a mask of shape (d,) chooses."""
        return part_of(self.profile, self.rows[chosen], self.name)

    def version(self, metric: str) -> str:
        """Version of a metric's definition, with the tokenizer where it counts pieces."""
        return str(self.profile.document["versions"].get(metric, "1"))


def part_of(profile: Profile, rows: NDArray[np.int64] | None = None, name: str | None = None) -> Part:
    """A part of a Profile; all of it without ``rows``."""
    owner = profile.column("dialogue", "messages")
    chosen = np.arange(len(profile)) if rows is None else rows
    number = np.full(len(profile), -1, np.int64)
    number[chosen] = np.arange(len(chosen))
    members = np.flatnonzero(number[owner] >= 0)
    roles = profile.column("role", "messages")[members]
    distinct = exact_duplicates(profile.column("content_hash")[chosen]) < 0
    return Part(name or profile.name, profile, chosen, members, number[owner[members]], roles, distinct)


def parts_by(profile: Profile, field: str) -> list[Part]:
    """The parts of a Profile that share a value of a record field, "name/value" each, largest first.

    Raises:
        ProfileError: the field was not asked for when the Profile was made, or no record has it.
    """
    raw = profile.column(f"field.{field}")
    if all(value is None for value in raw):
        raise ProfileError(f"no record of {profile.name} has a field {field!r}: `ultraqa inspect` shows some records")
    values = ["(none)" if value is None else value for value in raw]
    kinds, inverse, counts = np.unique(np.array(values, str), return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [part_of(profile, np.flatnonzero(inverse == k), f"{profile.name}/{kinds[k]}") for k in order]


def results(part: Part) -> list[Result]:
    """Every row of a part: shape, lengths, lexical indices, structure, duplicates and corpus statistics."""
    rows = _column_rows(part)
    return_memory()
    with ThreadPoolExecutor(len(corpus.PARTS)) as pool:  # compiled code and gzip run beside each other
        for found in pool.map(lambda scope: list(_sample_rows(part, scope)), corpus.PARTS):
            rows += found
    return rows + _drawn_rows(part)


def embedded(part: Part) -> Part | None:
    """The dialogues of a part that have vectors and are in a language of the encoder, None where none is.

    A dialogue too short for its language to be known is taken for one in the main language.
    """
    encoding = encoding_of(part.profile)
    if encoding is None:
        return None
    drawn = part.dialogue("drawn") > 0
    chosen = drawn & _spoken_in(part, encoding.languages)
    return part.subset(chosen) if chosen.sum() >= max(1, _SPOKEN * drawn.sum()) else None


def drawn_in(profile: Profile, languages: tuple[str, ...]) -> Part | None:
    """The drawn dialogues in some languages, None where nothing was drawn or most of it is in others."""
    if encoding_of(profile) is None:
        return None
    whole = part_of(profile)
    drawn = whole.subset(whole.dialogue("drawn") > 0)
    spoken = _spoken_in(drawn, languages)
    return drawn.subset(spoken) if len(spoken) and spoken.mean() >= _SPOKEN else None


def _spoken_in(part: Part, languages: tuple[str, ...]) -> NDArray[np.bool_]:
    """Dialogues in one of some languages, all where there are none."""
    main = part.profile.document["language"]
    spoken = [(code or main) in languages or not languages for code in part.dialogue("language").tolist()]
    return np.array(spoken, np.bool_)


def _drawn_rows(part: Part) -> list[Result]:
    """Rows of stage two: of vectors, and of measures that read the texts of drawn dialogues."""
    encoding = encoding_of(part.profile)
    if encoding is None:
        return []
    drawn = part.subset(part.dialogue("drawn") > 0)
    rows = [row for one in MEASURES for row in _in_language(drawn, one.languages, one.rows)]
    return [*_vector_rows(drawn, encoding), *rows, _self_bleu_row(part)]


def _self_bleu_row(part: Part) -> Result:
    """Self-BLEU of the first replies of the sample, which is in order of content hash."""
    sample = part.profile.sample("assistant").of_rows(part.rows)
    spans = zip(sample.message_offsets.tolist(), sample.message_offsets[1:].tolist(), strict=False)
    chosen = list(islice(((a, b) for a, b in spans if b - a >= _BLEU_WORDS), BLEU_REPLIES))
    value = self_bleu_4([sample.ids[a:b].tolist() for a, b in chosen]) if len(chosen) == BLEU_REPLIES else None
    note = "" if value is not None else f"{len(chosen)} replies of {_BLEU_WORDS} words: {BLEU_REPLIES} are needed"
    return Result(part.name, "self_bleu_4", "assistant", "value", value, n=len(chosen), note=note)


def _vector_rows(drawn: Part, encoding: Encoding) -> list[Result]:
    version, languages = encoding.version, encoding.languages

    def measured(part: Part) -> Iterator[Result]:
        found = space(part)
        if found is not None:
            yield from topics.rows(part, found)
            yield from relevance.rows(part, version)

    return _in_language(drawn, languages, measured, _REMEDY)


_SPOKEN: Final = 0.5
_REMEDY: Final = "--embedder lsa or a multilingual model"


def _in_language(
    drawn: Part, languages: tuple[str, ...], measured: Callable[[Part], Iterable[Result]], remedy: str = ""
) -> list[Result]:
    """Rows of the dialogues in some languages; how many are in others stands in every row."""
    spoken = _spoken_in(drawn, languages)
    note = _not_spoken(drawn, int(spoken.sum()), languages, remedy)
    if len(spoken) and spoken.mean() < _SPOKEN:  # a few dialogues of another language do not speak for the dataset
        nothing = measured(drawn.subset(np.zeros(len(spoken), np.bool_)))
        return [row._replace(n_undefined=len(spoken), note=note) for row in nothing]
    left_out = int((~spoken).sum())
    rows = list(measured(drawn.subset(spoken)))
    if not left_out:
        return rows
    return [
        row._replace(
            n_undefined=row.n_undefined + (left_out if row.scope == "dialogue" else 0),
            note=f"{row.note}; {note}" if row.note else note,
        )
        for row in rows
    ]


def _not_spoken(drawn: Part, spoken: int, languages: tuple[str, ...], remedy: str) -> str:
    """Why dialogues are undefined: they are in no language that this is made for."""
    others = len(drawn.rows) - spoken
    note = f"{others:,} of {len(drawn.rows):,} dialogues are not in {' or '.join(languages)}: undefined"
    return f"{note} ({remedy} measures them)" if remedy else note


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
        chosen = np.ones(len(values), np.bool_) if role is None else part.roles == role
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
            listed = ", ".join(f"{word} ×{ratio:.2g}" for word, ratio in found.words[:_LISTED])
            yield row._replace(value=found.share, note=listed or "no such words")


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
