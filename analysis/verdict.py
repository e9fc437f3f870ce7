"""Verdict: what the probes of one comparison, or of generations in order, amount to, in one of eight words.

Too little text, a candidate that is noise and one about other things are told first: of these nothing can be said.
One comparison is at most "narrowed": only generations that go on narrowing are "collapsing".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ultraqa.analysis.probes import LEAST_Z, fired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ultraqa.analysis.probes import Probe

Word = Literal[
    "insufficient", "no reference", "degenerate", "different domain", "no narrowing", "watch", "narrowed", "collapsing"
]

LEAST_DIALOGUES: Final = 200
LEAST_WORDS: Final = 10_000
ADVISED_DIALOGUES: Final = 500
ADVISED_WORDS: Final = 30_000
MOST_SHIFT: Final = 0.36
"""Word shift beyond which two texts are of different domains: other domains begin at .40, first generations of models
that draw as they learned reach .23, sharper ones .33."""
SHARPENED: Final = 0.25
"""Nats by which a candidate's single words may be more expected than the reference's own; what is beyond is sharpening,
which moves common words too, and is allowed in addition."""
MOST_NOVELTY: Final = 1.45
MOST_NATS: Final = 1.0
"""Rise of the cross-entropy by trigrams beyond that by single words: the right words in no order."""
SEVERITY: Final = ((0.40, "severe"), (0.15, "moderate"), (0.0, "mild"))
"""Loss of word pairs that occur once (missing_mass_2) beyond which narrowing is called so."""


class Guards(NamedTuple):
    """What must hold before the probes of a comparison can be read.

    Attributes:
        shift: distance of the common words (``word_shift``).
        slope: sharpening of the common words.
        novelty: share of new words, the candidate's over that of held-out reference texts.
        unigram: nats per word, by single words, that the candidate is less expected than held-out reference texts.
        forward: the same by a trigram model.
        shift_z: of the squared shift, by exchange of texts.
        novelty_z: of the share of new words, by exchange of held-out texts.
    """

    shift: float | None
    slope: float | None
    novelty: float | None
    unigram: float | None
    forward: float | None
    shift_z: float | None = None
    novelty_z: float | None = None


class Verdict(NamedTuple):
    """The verdict of a comparison.

    Attributes:
        word: one of eight.
        severity: of "narrowed" and "collapsing": mild, moderate, severe.
        families: families of probes that fired.
    """

    word: Word
    severity: str | None = None
    families: tuple[str, ...] = ()


def judge(probes: Sequence[Probe], guards: Guards, *, dialogues: int, words: int, one_domain: bool) -> Verdict:
    """The verdict of one comparison.

    Args:
        probes: with their signs.
        guards: of the same comparison.
        dialogues: of each side.
        words: of each side.
        one_domain: whether both sides are known to be about the same things: they answer the same prompts.
    """
    if dialogues < LEAST_DIALOGUES or words < LEAST_WORDS:
        return Verdict("insufficient")
    if not one_domain and is_moved(guards):
        return Verdict("different domain")
    if is_noise(guards):
        return Verdict("degenerate")
    families = tuple(fired(probes))
    if len(families) >= 2:
        return Verdict("narrowed", severity(probes), families)
    return Verdict("watch" if families else "no narrowing", None, families)


def is_moved(guards: Guards) -> bool:
    """Whether the candidate is about other things than the reference, or of another kind."""
    allowed = MOST_SHIFT + max(0.0, -(guards.unigram or 0.0) - SHARPENED)
    others = (guards.shift or 0.0) > allowed and (guards.shift_z or 0.0) > LEAST_Z
    return others or ((guards.novelty or 0.0) > MOST_NOVELTY and (guards.novelty_z or 0.0) > LEAST_Z)


def is_noise(guards: Guards) -> bool:
    """Whether the candidate says the reference's words in an order that hardly anything foretells."""
    return (guards.forward or 0.0) - max(0.0, guards.unigram or 0.0) > MOST_NATS


def severity(probes: Sequence[Probe]) -> str:
    """How far a candidate has narrowed, by its word pairs."""
    lost = -next((one.change or 0.0 for one in probes if one.name == "missing_mass_2"), 0.0)
    return next(word for least, word in SEVERITY if lost > least or least == 0)
