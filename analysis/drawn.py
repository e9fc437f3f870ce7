"""Rows of the drawn dialogues: of vectors, and of measures that read texts, each in the languages it is made for."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis import relevance, semantic_duplicates, topics
from ultraqa.analysis.metric import Result
from ultraqa.analysis.part import Part, part_of
from ultraqa.analysis.self_bleu import self_bleu_4
from ultraqa.analysis.text_measures import MEASURES
from ultraqa.analysis.vectors import Encoding, encoding_of, space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile

BLEU_REPLIES: Final = 500
_BLEU_WORDS: Final = 5
_SPOKEN: Final = 0.5  # share that must be in a language: a few dialogues of another do not speak for the dataset
_REMEDY: Final = "a multilingual model or, in a report of its own, --embedder lsa"


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


def rows(part: Part) -> list[Result]:
    """Rows of stage two: of vectors, and of measures that read the texts of drawn dialogues."""
    encoding = encoding_of(part.profile)
    if encoding is None:
        return []
    drawn = part.subset(part.dialogue("drawn") > 0)
    found = [row for one in MEASURES for row in _in_language(drawn, one.languages, one.rows)]
    return [*_vector_rows(drawn, encoding), *found, _self_bleu_row(part)]


def _self_bleu_row(part: Part) -> Result:
    """Self-BLEU of the first replies of the sample, which is in order of content hash."""
    sample = part.profile.sample("assistant").of_rows(part.rows)
    spans = zip(sample.message_offsets.tolist(), sample.message_offsets[1:].tolist(), strict=False)
    chosen = list(islice(((a, b) for a, b in spans if b - a >= _BLEU_WORDS), BLEU_REPLIES))
    value = self_bleu_4([sample.ids[a:b].tolist() for a, b in chosen]) if len(chosen) == BLEU_REPLIES else None
    note = (
        "" if value is not None else f"{len(chosen)} replies of {_BLEU_WORDS} words or more: {BLEU_REPLIES} are needed"
    )
    return Result(part.name, "self_bleu_4", "assistant", "value", value, n=len(chosen), note=note)


def _vector_rows(drawn: Part, encoding: Encoding) -> list[Result]:
    version, languages = encoding.version, encoding.languages

    def measured(part: Part) -> Iterator[Result]:
        found = space(part)
        if found is not None:
            yield from topics.rows(part, found)
            yield from semantic_duplicates.rows(part, found)
            yield from relevance.rows(part, version)

    return _in_language(drawn, languages, measured, _REMEDY)


def _in_language(
    drawn: Part, languages: tuple[str, ...], measured: Callable[[Part], Iterable[Result]], remedy: str = ""
) -> list[Result]:
    """Rows of the dialogues in some languages; how many are in others stands in every row."""
    spoken = _spoken_in(drawn, languages)
    note = _not_spoken(drawn, int(spoken.sum()), languages, remedy)
    if len(spoken) and spoken.mean() < _SPOKEN:
        nothing = measured(drawn.subset(np.zeros(len(spoken), np.bool_)))
        return [row._replace(n_undefined=len(spoken), note=note) for row in nothing]
    left_out = int((~spoken).sum())
    rows = list(measured(drawn.subset(spoken)))
    if not left_out:
        return rows
    return [
        row._replace(
            n_undefined=row.n_undefined + (left_out if row.scope == "dialogue" else 0),
            note=row.note if row.value is None else "; ".join(filter(None, (row.note, note))),
        )
        for row in rows
    ]


def _not_spoken(drawn: Part, spoken: int, languages: tuple[str, ...], remedy: str) -> str:
    """Why dialogues are undefined: they are in no language that this is made for."""
    others = len(drawn.rows) - spoken
    note = f"{others:,} of {len(drawn.rows):,} dialogues are not in {' or '.join(languages)}: undefined"
    return f"{note} ({remedy} measures them)" if remedy else note
