"""Collapse: a candidate beside a reference by all probes; the one place where they meet.

Data's way: samples of words -> ``matching`` -> probes under every exchange of texts (``lexical_probes``,
``relational_probes``, ``semantic_probes``) -> ``probes`` (effect, z, sign) and guards -> ``verdict``; beside it the
wording that was lost, and the share of machine-made text that would have been noticed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ultraqa.analysis import probes as reading
from ultraqa.analysis.corpus import SAMPLE_WORDS
from ultraqa.analysis.detectable import detectable_share
from ultraqa.analysis.lexical_probes import lexical, sides_of
from ultraqa.analysis.lost_wording import lost_wording
from ultraqa.analysis.matched_vectors import matched_vectors
from ultraqa.analysis.matching import both_parts, match
from ultraqa.analysis.overused_words import overused
from ultraqa.analysis.probes import DEFINITIONS, drawn_flips
from ultraqa.analysis.relational_probes import relational
from ultraqa.analysis.semantic_probes import semantic
from ultraqa.analysis.verdict import Guards, Verdict, judge
from ultraqa.analysis.word_shift import word_shift

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ultraqa.analysis.corpus import SampledText
    from ultraqa.analysis.lost_wording import Lost
    from ultraqa.analysis.matching import Matched
    from ultraqa.analysis.overused_words import Overuse
    from ultraqa.analysis.probes import Probe
    from ultraqa.analysis.profile import Profile

PARTS: Final = ("assistant", "user", "both")


class Side(NamedTuple):
    """What is compared of one dataset.

    Attributes:
        name: of the dataset.
        text: its sampled words.
        profile: where its vectors and texts are; None for text that no file holds.
    """

    name: str
    text: SampledText
    profile: Profile | None = None


@dataclass(frozen=True)
class Comparison:
    """A candidate beside a reference.

    Attributes:
        reference: name of the dataset that it is held against.
        candidate: name of the dataset in question.
        part: whose messages are compared: assistant, user, both.
        by: what paired the dialogues: equal prompts, or equal rank of length.
        dialogues: of each side.
        words: of each side.
        permutations: exchanges of texts that the z of a probe is made of.
        probes: all of them.
        guards: what must hold for them to be read.
        verdict: what they amount to.
        detectable: share of a toy model's text in the reference's own that would have been noticed; None where none.
        lost: wording that stands on one side only; None where texts are too few or no file holds them.
        overuse: words used far more often than people did; None likewise.
        notes: what was not measured or is not compared, and why.
    """

    reference: str
    candidate: str
    part: str
    by: Literal["prompt", "length"]
    dialogues: int
    words: int
    permutations: int
    probes: tuple[Probe, ...]
    guards: Guards
    verdict: Verdict
    detectable: float | None = None
    lost: Lost | None = None
    overuse: Overuse | None = None
    notes: tuple[str, ...] = ()


def side(profile: Profile, part: str, words: int = SAMPLE_WORDS) -> Side:
    """The first sampled words of a dataset's part ("assistant", "user" or "both"), as whole dialogues."""
    parts = [profile.sample(one) for one in (("user", "assistant") if part == "both" else (part,))]
    text = both_parts(*parts) if part == "both" else parts[0]
    return Side(profile.name, text.first(words), profile)


def compare(
    reference: Side,
    candidate: Side,
    *,
    part: str = "assistant",
    seed: int = 0,
    permutations: int = reading.PERMUTATIONS,
    workers: int = 1,
    one_domain: bool = False,
) -> Comparison:
    """Hold a candidate against a reference.

    Args:
        reference: what it should be as varied as: human text of the same kind, or the data its generator learned from.
        candidate: the data in question.
        part: whose messages are compared.
        seed: of the exchanges of texts and of the toy model.
        permutations: exchanges of texts.
        workers: threads; they change nothing but the time.
        one_domain: whether both are known to be about the same things, as generations of one line are.
    """
    matched = match([reference.text, candidate.text], prompts=part != "user")
    flips = drawn_flips(len(matched), seed, permutations)
    values = lexical(matched, sides_of(flips), workers) if len(matched) else {}
    related = relational(matched, flips, workers)
    vectors, notes = _semantic(reference, candidate, matched, flips)
    found = (
        *reading.read(values | related, DEFINITIONS),
        *reading.read(vectors, reading.SEMANTIC),
        *reading.read_distances(vectors),
    )
    guards = guards_of(matched, flips, related)
    alike = one_domain or matched.by == "prompt"
    verdict = judge(found, guards, dialogues=len(matched), words=matched.words, one_domain=alike)
    notes = tuple(dict.fromkeys([*notes, *_left_out([reference, candidate])]))
    comparison = Comparison(
        reference.name, candidate.name, part, matched.by, len(matched), matched.words, permutations, found, guards,
        verdict, notes=notes,
    )  # fmt: skip
    if verdict.word == "insufficient" or candidate.profile is None:
        return comparison
    read = verdict.word != "different domain"  # else no share of the reference's own text says anything
    return replace(
        comparison,
        detectable=detectable_share(matched, values, seed) if read else None,
        lost=lost_wording(matched),
        overuse=overused(matched, candidate.profile.document["language"] or "en"),
    )


def guards_of(matched: Matched, flips: NDArray[np.bool_], related: Mapping[str, NDArray[np.float64]]) -> Guards:
    """The guards of two matched sides."""
    shift = word_shift(matched, flips)
    before, after = related["novelty"][0].tolist()
    deviation = reading.spread(related["novelty"])
    rises = {name: related[name][0, 1] - related[name][0, 0] for name in ("forward_unigram", "forward_cross_entropy")}
    return Guards(
        shift=shift.distance, slope=shift.slope, novelty=reading.number(after / before) if before else None,
        unigram=reading.number(rises["forward_unigram"]), forward=reading.number(rises["forward_cross_entropy"]),
        shift_z=shift.z, novelty_z=reading.number((after - before) / deviation) if deviation else None,
    )  # fmt: skip


def _semantic(
    reference: Side, candidate: Side, matched: Matched, flips: NDArray[np.bool_]
) -> tuple[dict[str, NDArray[np.float64]], tuple[str, ...]]:
    """The semantic probes of the matched dialogues that have vectors, or why there are none."""
    if reference.profile is None or candidate.profile is None:
        return {}, ()
    found = matched_vectors(reference.profile, candidate.profile, matched)
    if isinstance(found, str):
        return {}, (f"semantic probes are not measured: {found}",)
    return semantic(found.reference, found.candidate, flips[:, found.pairs]), ()


def _left_out(sides: Sequence[Side]) -> Iterator[str]:
    """What of the datasets is not among the compared dialogues: copies and records that cannot be read."""
    for profile in [one.profile for one in sides if one.profile is not None]:
        counts = [r.value for r in profile.rows() if r[1:4] == ("exact_duplicates", "dialogue", "count")]
        copies, unreadable = int(counts[0] or 0) if counts else 0, int(profile.document["unreadable"])
        if copies:
            yield f"{profile.name}: exact copies, which count once: {copies:,} of {len(profile):,} dialogues"
        if unreadable:
            yield f"{profile.name}: records that cannot be read: {unreadable:,}; `ultraqa inspect` lists them by line"
