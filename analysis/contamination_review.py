"""Candidates for review: prompts near a benchmark's question by their vectors, where no copy was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ultraqa.analysis.drawn import embedded
from ultraqa.analysis.part import part_of
from ultraqa.analysis.profile import ProfileError
from ultraqa.analysis.vector_search import one_thread
from ultraqa.analysis.vectors import FILE, encoding_of
from ultraqa.dialogues.batch import USER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ultraqa.analysis.encoders import Encoder
    from ultraqa.analysis.part import Part
    from ultraqa.analysis.profile import Profile
    from ultraqa.analysis.questions import Questions

LEAST: Final = 0.75
"""Cosine similarity from which a prompt is shown; chosen with the static encoder on texts rephrased by a model and on
benchmarks set against Alpaca (``benchmarks/contamination.py`` measures both)."""
SHOWN: Final = 50
_PROMPTS: Final = 4_096
_QUESTIONS: Final = 1_024


def review(
    profile: Profile,
    questions: Questions,
    encoder: Encoder,
    contaminated: NDArray[np.float64],
    *,
    least: float = LEAST,
) -> dict[str, Any] | None:
    """User messages that may rephrase a question: of each question the nearest, where it is near enough.

    Never a verdict: questions on one subject are as near to one another as many paraphrases are. None where a Profile
    has no vectors in a language of its encoder.

    Args:
        profile: with vectors of its drawn dialogues.
        questions: of benchmarks.
        encoder: what made those vectors.
        contaminated: shape (d,), dialogues in which a copy was found; they are left out.
        least: cosine similarity from which a message is shown.

    Raises:
        ProfileError: the vectors were made by another encoder.
    """
    encoding, part = encoding_of(profile), embedded(part_of(profile))
    if encoding is None or part is None:
        return None
    if encoding.sha256 != encoder.sha256:
        raise ProfileError(f"the vectors of {profile.name} are of {encoding.name}: {encoder.name} cannot be compared")
    members, places = _prompts(part, contaminated)
    stored = np.load(profile.path / FILE, mmap_mode="r", allow_pickle=False)["vector"]
    asked = encoder.encode([item.text for item in questions.items]).vectors
    with one_thread():  # products summed in another order would differ in their last digits
        found = _nearest(asked, stored, places)
    order = np.lexsort((np.arange(len(asked)), -found.similarity))
    near = [i for i in order.tolist() if found.similarity[i] >= least]
    position = part.message("position")
    candidates = []
    for i in near[:SHOWN]:
        one, message = questions.items[i], members[found.prompt[i]]
        candidates.append({
            "benchmark": questions.benchmarks[one.benchmark].name, "record": one.record, "id": one.id,
            "position": one.position, "row": int(part.rows[part.owner[message]]), "message": int(position[message]),
            "similarity": round(float(found.similarity[i]), 4),
        })  # fmt: skip
    return {
        "encoder": encoding.name, "threshold": least, "prompts": len(places), "questions": len(near),
        "candidates": candidates,
    }  # fmt: skip


def _prompts(part: Part, contaminated: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first user message of each distinct text outside contaminated dialogues, and the places of their vectors."""
    clean = contaminated[part.rows][part.owner] == 0
    members = np.flatnonzero((part.roles == USER) & clean)
    hashes = np.load(part.profile.path / FILE, mmap_mode="r", allow_pickle=False)["hash"]
    places, first = np.unique(np.searchsorted(hashes, part.message("hash")[members]), return_index=True)
    order = np.argsort(first)
    return members[first[order]], places[order]


class _Nearest(NamedTuple):
    """Of each question the nearest prompt, the first of equals, and its cosine similarity (-1 without a prompt)."""

    prompt: NDArray[np.int64]
    similarity: NDArray[np.float32]


def _nearest(asked: NDArray[np.float32], stored: NDArray[Any], places: NDArray[np.int64]) -> _Nearest:
    best = _Nearest(np.full(len(asked), -1), np.full(len(asked), -1, np.float32))
    for first in range(0, len(places), _PROMPTS):
        vectors = stored[places[first : first + _PROMPTS]].astype(np.float32)
        for begin in range(0, len(asked), _QUESTIONS):
            some = slice(begin, begin + _QUESTIONS)
            similar = asked[some] @ vectors.T
            nearest = similar.argmax(axis=1)
            top = similar[np.arange(len(similar)), nearest]
            better = top > best.similarity[some]
            best.prompt[some][better] = nearest[better] + first
            best.similarity[some][better] = top[better]
    return best
