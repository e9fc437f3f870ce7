"""Stage two: what is measured on a finished pass, from vectors and from the texts of drawn dialogues, as columns."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ultraqa.analysis import arrow, relevance, semantic_duplicates, topics
from ultraqa.analysis.assembly import add_columns
from ultraqa.analysis.corpus import PARTS
from ultraqa.analysis.drawing import draw, walk
from ultraqa.analysis.drawn import drawn_in, embedded
from ultraqa.analysis.language import common_words
from ultraqa.analysis.part import Part, part_of
from ultraqa.analysis.syntax import PROMPTS, pipeline, syntax
from ultraqa.analysis.vectors import Space, space
from ultraqa.dialogues.batch import spoken

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    from ultraqa.analysis.encoders import Encoder
    from ultraqa.analysis.engine import Measures
    from ultraqa.analysis.metric import Result
    from ultraqa.analysis.profile import Profile
    from ultraqa.dialogues.sources import Dataset

MAPPED: Final = 1_500
"""Dialogues that the map of topics shows."""
_ALIKE: Final = semantic_duplicates.Columns._fields


def stage_two(
    profile: Profile, dataset: Dataset, measures: Measures, encoder: Encoder, advance: Callable[[int, int], None]
) -> list[Result]:
    """Add the columns of stage two to a Profile's dialogues, and encoding, topics and map to its document.

    What comes back are the rows that follow from no column: those of spaCy, where a pipeline is installed.

    Args:
        profile: a Profile whose pass is finished; ``document`` and ``dialogues.parquet`` are changed.
        dataset: where the texts are.
        measures: what it is measured with.
        encoder: what makes the vectors.
        advance: called with the number of dialogues done and of all that are drawn.
    """
    size = sum(source.size for source in dataset.sources)
    rows = draw(profile, size, measures.vectors, measures.seed, slow=encoder.slow)
    drawn = walk(profile, dataset, measures.read, rows, encoder, lambda done: advance(done, len(rows)))
    profile.document["encoding"] = asdict(drawn.encoding) if drawn.encoding is not None else None
    add_columns(profile, {**_numbers(drawn.columns), "language": arrow.strings(drawn.languages)})
    _add_vector_columns(profile, rows, measures.seed)
    return _syntax(profile, measures.seed)


def _add_vector_columns(profile: Profile, rows: NDArray[np.int64], seed: int) -> None:
    """Add the columns that follow from vectors, and topics and map to the document."""
    part = embedded(part_of(profile, rows))
    found = space(part) if part is not None else None
    whole = {name: np.full(len(profile), np.nan) for name in (*relevance.Columns._fields, "topic", *_ALIKE)}
    if part is not None and found is not None:
        columns: dict[str, NDArray[np.float64]] = relevance.columns(part, found, seed)._asdict()
        columns["topic"] = _topics(profile, part, found)
        alike, profile.document["semantic_duplicates"] = semantic_duplicates.columns(part, found)
        columns |= alike._asdict()
        for name, values in columns.items():
            whole[name][part.rows] = values
    of = whole.pop("semantic_duplicate_of")
    rows_of = arrow.numbers(np.nan_to_num(of).astype(np.int64), np.isnan(of))
    add_columns(profile, {**_numbers(whole), "semantic_duplicate_of": rows_of})


def _syntax(profile: Profile, seed: int) -> list[Result]:
    """Rows of the English pipeline over drawn dialogues of smallest content hash; their verbs go to the document."""
    part = drawn_in(profile, ("en",)) if pipeline() is not None else None
    if part is None:
        return []
    order = part.by_hash(np.ones(len(part.rows), np.bool_))
    dialogues = profile.texts(part.rows[order[:PROMPTS]].tolist())
    messages = [spoken(one) for one in dialogues]
    prompts = [one.texts[one.roles.index("u")] for one in dialogues if "u" in one.roles]
    replies = [text for one in dialogues for role, text in zip(one.roles, one.texts, strict=True) if role == "a"]
    found = syntax(profile.name, prompts, replies, messages, seed)
    if found.verb_objects is not None:
        profile.document["verb_objects"] = found.verb_objects._asdict()
    return found.rows


def _numbers(columns: dict[str, NDArray[np.float64]]) -> dict[str, pa.Array]:
    return {name: arrow.numbers(values) for name, values in columns.items()}


def _topics(profile: Profile, part: Part, found: Space) -> NDArray[np.float64]:
    """Topic of every dialogue of the part; their names, examples and map go into the Profile's document."""
    order = part.by_hash(np.asarray(found.dialogues.any(axis=1), np.bool_))
    of = topics.assign(found.dialogues, order[: topics.PAPER_DIALOGUES])
    k = int(of.max(initial=-1)) + 1
    if k:
        profile.document["topics"] = _described(profile, part, found, of, k)
        profile.document["map"] = _mapped(part, found, of, order[:MAPPED])
    return np.where(of >= 0, of, np.nan)


def _described(profile: Profile, part: Part, found: Space, of: NDArray[np.int64], k: int) -> list[dict[str, Any]]:
    """Size, words and most typical dialogue of each topic."""
    middles = topics.centres(found.dialogues, of, k)
    close = (found.dialogues * middles[of]).sum(axis=1)
    samples = [profile.sample(scope) for scope in PARTS]
    topic_of = dict(zip(part.rows.tolist(), of.tolist(), strict=True))
    words = topics.terms(samples, topic_of, k, common_words(profile.document["language"]))
    counts = np.bincount(of[of >= 0], minlength=k)
    described = []
    for topic in range(k):
        members = np.flatnonzero(of == topic)
        described.append({
            "topic": topic, "dialogues": int(counts[topic]), "share": float(counts[topic] / counts.sum()),
            "words": words[topic], "row": int(part.rows[members[close[members].argmax()]]),
        })  # fmt: skip
    return described


def _mapped(part: Part, found: Space, of: NDArray[np.int64], shown: NDArray[np.int64]) -> dict[str, Any]:
    places, explained = topics.projected(found.dialogues[shown])
    return {
        "method": "PCA", "explained": explained, "rows": part.rows[shown].tolist(), "topic": of[shown].tolist(),
        "x": [round(float(x), 4) for x in places[:, 0]], "y": [round(float(y), 4) for y in places[:, 1]],
    }  # fmt: skip
