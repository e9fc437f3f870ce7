"""Generations of a toy model narrow and collapse as they are built to, and text beside its own other half does not."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

import ultraqa
from ultraqa.analysis.collapse import PARTS, Side, compare, side
from ultraqa.analysis.corpus import NO_PROMPT, SampledText
from ultraqa.analysis.generations import generations
from ultraqa.analysis.lexical_probes import lexical, sides_of
from ultraqa.analysis.matched_vectors import MatchedVectors, matched_vectors
from ultraqa.analysis.matching import match
from ultraqa.analysis.probes import DEFINITIONS, DISTANCES, SEMANTIC, drawn_flips, spread
from ultraqa.analysis.simulated import simulate
from ultraqa.analysis.simulation import generations as simulated
from ultraqa.analysis.toy_model import fit, sample

if TYPE_CHECKING:
    from pathlib import Path

    from ultraqa.analysis.collapse import Comparison
    from ultraqa.analysis.generations import Generations
    from ultraqa.analysis.profile import Profile

DECISIVE: Final = [name for name, one in DEFINITIONS.items() if one.least is not None]
FEW: Final = 30  # permutations, of which a standard deviation is known to an eighth
TAILS: Final = ("missing_mass_1", "missing_mass_2", "missing_mass_3")


def talk(dialogues: int, seed: int = 0, names: str = "w") -> SampledText:
    """Invented dialogues of two messages of 25 words: a long tail of words, most of which depend on the word before."""
    rng = np.random.default_rng(seed)
    kinds, n = 6000, 2 * dialogues
    tail = np.cumsum(1 / np.arange(2.0, kinds + 2))
    ids, before = np.empty((n, 25), np.int32), np.zeros(n, np.int64)
    for k in range(25):
        habits = (before * 2654435761 + rng.geometric(0.4, n) * 40503) % 65536 / 65536  # the same after the same word
        drawn = np.where(rng.random(n) < 0.7, habits, rng.random(n))
        before = ids[:, k] = np.searchsorted(tail, drawn * tail[-1])
    return SampledText(
        ids.ravel(),
        np.arange(n + 1) * 25,
        np.arange(dialogues + 1) * 2,
        np.arange(dialogues),
        np.full(dialogues, NO_PROMPT, np.uint64),
        [f"{names}{i}" for i in range(kinds)],
    )


def halves(text: SampledText) -> list[SampledText]:
    """Every second dialogue, and the others."""
    return [text.of_rows(text.rows[start::2]) for start in (0, 1)]


def sides(*texts: SampledText) -> list[Side]:
    """Texts that no file holds."""
    return [Side(f"text {i}", text) for i, text in enumerate(texts)]


def held(reference: SampledText, candidate: SampledText, *, one_domain: bool = False) -> Comparison:
    """One text held against another."""
    return compare(*sides(reference, candidate), permutations=FEW, one_domain=one_domain)


def z_of(comparison: Comparison) -> dict[str, float]:
    """The z of the probes that decide."""
    return {one.name: one.z for one in comparison.probes if one.name in DECISIVE and one.z is not None}


def value_of(comparison: Comparison, name: str) -> float:
    """What a probe found in the candidate."""
    return next(one.candidate for one in comparison.probes if one.name == name and one.candidate is not None)


@pytest.fixture(scope="module")
def people() -> list[SampledText]:
    """A reference, and as much text of the same source from which the toy model learns."""
    return halves(talk(600))


@pytest.fixture(scope="module")
def replaced(people: list[SampledText]) -> list[Comparison]:
    """Generations 0 to 4, each learned from the one before alone, beside the reference."""
    return [held(people[0], text, one_domain=True) for text in simulated(people[1], generations=4, seed=1)]


# --- one comparison ---------------------------------------------------------------------------------------------------


def test_the_source_beside_itself_shows_nothing(replaced: list[Comparison]) -> None:
    """Generation 0, of which the model learns: no z beyond 4, no sign, calm guards."""
    found = replaced[0]
    assert set(z_of(found)) == set(DECISIVE)
    assert all(abs(z) < 4 for z in z_of(found).values())
    assert (found.verdict.word, found.verdict.families) == ("no narrowing", ())
    assert (found.by, found.part, found.permutations) == ("length", "assistant", FEW)
    assert (found.dialogues, found.words) == (300, 15_000)


def test_generations_lose_more_and_more(replaced: list[Comparison]) -> None:
    """Words, pairs and triples that occur once become fewer with every generation."""
    for name in TAILS:
        values = [value_of(found, name) for found in replaced]
        assert all(before > after for before, after in pairwise(values)), name


def test_every_generation_is_told(people: list[SampledText], replaced: list[Comparison]) -> None:
    """Narrowed in rare words and phrases, never noise, ever more severe; the first is not taken for another domain."""
    assert held(people[0], list(simulated(people[1], generations=1, seed=1))[1]).verdict == replaced[1].verdict
    order = ["mild", "moderate", "severe"]
    severities = []
    for found in replaced[1:]:
        assert found.verdict.word == "narrowed"
        assert found.verdict.families[:2] == ("support", "structure")
        severities.append(order.index(found.verdict.severity or ""))
    assert severities == sorted(severities)
    assert severities[0] >= 1


def test_a_reference_that_is_narrower_is_no_narrowing(people: list[SampledText], replaced: list[Comparison]) -> None:
    """People beside a generation: every z has the other sign, and no family fires."""
    back = held(list(simulated(people[1], generations=1, seed=1))[1], people[0])
    assert back.verdict.families == ()
    for name in TAILS[:2]:
        z = z_of(replaced[1])[name]
        assert DEFINITIONS[name].narrower * z > 3, name
        assert DEFINITIONS[name].narrower * z_of(back)[name] < -3, name


def test_words_in_no_order_are_degenerate(people: list[SampledText]) -> None:
    """The reference's words drawn one by one: as likely each, and in an order that nothing foretells."""
    salad = sample(fit(people[1], "unigram"), people[1], 3)
    assert held(people[0], salad).verdict.word == "degenerate"


def test_text_about_other_things_is_not_compared(people: list[SampledText]) -> None:
    """Where a third of the common words are others, and nothing is narrower; nothing is explained then."""
    other = talk(300, seed=5)
    names = [f"x{i}" if i % 3 == 1 else name for i, name in enumerate(other.vocabulary)]
    found = held(people[0], replace(other, vocabulary=names))
    assert found.verdict.word == "different domain"
    assert found.verdict.families == ()
    assert (found.detectable, found.lost, found.overuse) == (None, None, None)


def test_what_answers_the_same_prompts_is_of_one_domain(people: list[SampledText]) -> None:
    """The same texts, where both sides answer the same prompts differently, are compared."""
    prompts = np.arange(1, 301, dtype=np.uint64)
    other = talk(300, seed=5)
    names = [f"x{i}" if i % 3 == 1 else name for i, name in enumerate(other.vocabulary)]
    both = replace(people[0], prompts=prompts), replace(other, vocabulary=names, prompts=prompts)
    found = held(*both)
    assert found.by == "prompt"
    assert found.verdict.word == "no narrowing"
    users = compare(*sides(*both), part="user", permutations=2)
    assert users.by == "length"  # prompts are not compared by themselves


@pytest.mark.parametrize(("dialogues", "word"), [(199, "insufficient"), (200, "no narrowing")])
def test_a_verdict_needs_two_hundred_dialogues(dialogues: int, word: str) -> None:
    """Of each side; each has fifty words, so that these are enough from 200 dialogues on."""
    text = talk(2 * dialogues, seed=2)
    assert held(*halves(text)).verdict.word == word


def test_a_verdict_needs_ten_thousand_words() -> None:
    """201 dialogues of 50 words are enough, 201 of 49 are not."""
    reference, candidate = halves(talk(402, seed=2))
    shorter = np.ones(len(candidate.ids), np.bool_)
    shorter[::50] = False
    offsets = np.arange(403) * 25 - (np.arange(403) + 1) // 2
    cut = replace(candidate, ids=candidate.ids[shorter], message_offsets=offsets)
    assert held(reference, candidate).words == 10_050
    found = held(reference, cut)
    assert (found.dialogues, found.words) == (201, 9_849)
    assert found.verdict.word == "insufficient"


@pytest.mark.parametrize("dialogues", [0, 1, 2])
def test_hardly_any_dialogue_is_insufficient_and_no_error(dialogues: int) -> None:
    """None, one without a held-out text, and two: what is undefined is None."""
    text = talk(max(1, dialogues)).of_rows(np.arange(dialogues))
    found = held(text, talk(3, seed=1))
    assert found.verdict.word == "insufficient"
    assert found.dialogues == dialogues
    for one in found.probes:
        assert all(value is None or math.isfinite(value) for value in one[2:6]), one
    assert found.verdict.families == ()


def test_a_comparison_depends_on_the_seed_alone(people: list[SampledText]) -> None:
    """Threads change nothing; another seed exchanges other pairs, and what was observed stays."""
    both = sides(*(text.of_rows(text.rows[:60]) for text in people))
    one = compare(*both, seed=3, permutations=FEW)
    assert compare(*both, seed=3, permutations=FEW, workers=3) == one
    other = compare(*both, seed=4, permutations=FEW)
    assert [probe[:5] for probe in other.probes] == [probe[:5] for probe in one.probes]
    assert z_of(other) != z_of(one)


def alarms(text: SampledText, splits: int) -> dict[str, float]:
    """Share of random halvings of one text in which the z of each deciding probe is beyond 3."""
    beyond = dict.fromkeys(DECISIVE, 0.0)
    for seed in range(splits):
        rows = np.random.default_rng(seed).permutation(text.rows)
        matched = match([text.of_rows(rows[start::2]) for start in (0, 1)])
        found = lexical(matched, sides_of(drawn_flips(len(matched), seed, 20)))
        for name in DECISIVE:
            beyond[name] += abs(found[name][0, 1] - found[name][0, 0]) > 3 * spread(found[name])
    return {name: n / splits for name, n in beyond.items()}


def test_halves_of_one_text_raise_no_alarm() -> None:
    """At most one of twenty halvings has a z beyond 3, probe by probe."""
    found = alarms(talk(200, seed=9), 40)
    assert all(share <= 0.05 for share in found.values()), found


# --- generations ------------------------------------------------------------------------------------------------------


def in_order(people: list[SampledText], regime: str, later: int) -> Generations:
    """The reference, and generations that were not learned from it."""
    texts = list(simulated(people[1], generations=later, regime=regime, seed=1))
    return generations(sides(people[0], *texts[1:]), permutations=FEW)


def test_generations_that_replace_each_other_collapse(people: list[SampledText], replaced: list[Comparison]) -> None:
    """Rare words and phrases trend; each generation is compared with the first as by itself."""
    found = in_order(people, "replace", 3)
    assert (found.verdict.word, found.verdict.severity) == ("collapsing", replaced[3].verdict.severity)
    assert found.verdict.families[:2] == ("support", "structure")
    assert all(one.significant for one in found.trends[:2])
    assert found.names == ("text 0", "text 1", "text 2", "text 3")
    assert [one.probes for one in found.comparisons] == [one.probes for one in replaced[1:4]]


@pytest.mark.parametrize("regime", ["accumulate", "mix=0.5"])
def test_generations_that_keep_human_text_do_not_collapse(people: list[SampledText], regime: str) -> None:
    """They lose once and no more: narrowed at most."""
    assert in_order(people, regime, 2).verdict.word == "narrowed"


def test_pieces_of_one_text_are_no_generations() -> None:
    """Three random parts in a row: nothing narrows."""
    text = talk(600, seed=4)
    rows = np.random.default_rng(0).permutation(text.rows)
    found = generations(sides(*(text.of_rows(rows[i::3]) for i in range(3))), permutations=FEW)
    assert found.verdict.word == "no narrowing"
    assert not any(one.significant for one in found.trends)


def test_one_short_generation_is_insufficient() -> None:
    """Whatever the others show."""
    texts = [talk(60, seed) for seed in range(3)]
    assert generations(sides(*texts), permutations=2).verdict.word == "insufficient"


# --- the simulation ---------------------------------------------------------------------------------------------------


def test_a_simulation_learns_from_one_half_and_is_held_against_the_other() -> None:
    """Its control shows nothing and its first generation narrows; one generation is no trend and never a collapse."""
    found = simulate(Side("talk", talk(580, seed=6)), later=1, seed=1, workers=2)
    assert (found.regime, found.model) == ("replace", "ngram")
    assert found.control.verdict.word == "no narrowing"
    assert (found.control.dialogues, found.control.words) == (290, 14_500)
    assert found.generations.names == ("talk, every second dialogue", "generation 1")
    assert [one.verdict.word for one in found.generations.comparisons] == ["narrowed"]
    assert found.generations.verdict.word == "narrowed"


# --- data -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def profiled(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """Sample dialogues with vectors."""
    folder = tmp_path_factory.mktemp("collapse")
    return ultraqa.profile(samples / "sample.jsonl", folder / "sample.ultraqa", embedder="static", tokens="none")


@pytest.mark.parametrize("part", PARTS)
def test_a_side_is_the_sampled_text_of_a_part(profiled: Profile, part: str) -> None:
    """Whole dialogues until there are so many words; both parts are the messages of either role."""
    found = side(profiled, part)
    parts = [profiled.sample(name) for name in (("user", "assistant") if part == "both" else (part,))]
    rows = set.intersection(*(set(one.rows.tolist()) for one in parts))
    assert (found.name, found.profile) == (profiled.name, profiled)
    assert found.text.rows.tolist() == [row for row in parts[0].rows.tolist() if row in rows]
    assert len(found.text.ids) == sum(len(one.of_rows(np.array(sorted(rows))).ids) for one in parts)
    short = side(profiled, part, 1)
    assert short.text.rows.tolist() == found.text.rows[:1].tolist()


def test_vectors_are_those_of_the_matched_dialogues(profiled: Profile) -> None:
    """Row for row, of pairs that have one on both sides."""
    text = side(profiled, "assistant").text
    matched = match([text, text], prompts=False)
    found = matched_vectors(profiled, profiled, matched)
    assert isinstance(found, MatchedVectors)
    np.testing.assert_array_equal(found.reference, found.candidate)
    np.testing.assert_allclose(np.linalg.norm(found.reference, axis=1), 1, atol=1e-5)
    rows = matched.rows[::2][found.pairs].tolist()
    assert 2 < len(rows) <= len(matched)
    turned = replace(matched, rows=np.stack([matched.rows[::2], matched.rows[::-2]], axis=1).ravel())
    again = matched_vectors(profiled, profiled, turned)
    assert isinstance(again, MatchedVectors)
    for pair, *vectors in zip(again.pairs.tolist(), again.reference, again.candidate, strict=True):
        for row, vector in zip(turned.rows[2 * pair : 2 * pair + 2].tolist(), vectors, strict=True):
            np.testing.assert_array_equal(vector, found.reference[rows.index(row)])


def left_out(profile: Profile) -> tuple[str, str]:
    """What notes say of the sample, which has copies and a record that cannot be read."""
    hashes = profile.column("content_hash")
    copies = len(hashes) - len(set(hashes.tolist()))
    return (
        f"{profile.name}: exact copies, which count once: {copies} of {len(hashes)} dialogues",
        f"{profile.name}: records that cannot be read: 1; `ultraqa inspect` lists them by line",
    )


def test_semantic_probes_are_beside_the_others(profiled: Profile) -> None:
    """With vectors they are there and never a sign; of a dataset beside itself nothing differs."""
    one = side(profiled, "assistant")
    found = compare(one, one, permutations=3)
    assert {probe.name for probe in found.probes} == {*DEFINITIONS, *SEMANTIC, *DISTANCES}
    assert found.notes == left_out(profiled)
    for probe in found.probes:
        if probe.family == "semantic":
            assert probe.fired is None
        if probe.name in DEFINITIONS and probe.name not in {"reference_oov", "reverse_cross_entropy"}:
            assert probe.reference == probe.candidate, probe.name


def test_without_vectors_a_note_says_so(profiled: Profile, samples: Path, tmp_path: Path) -> None:
    """Which dataset lacks them; the other probes are measured."""
    file, place = samples / "sample.jsonl", tmp_path / "other.ultraqa"
    without = ultraqa.profile(file, place, name="other", embedder="none", tokens="none")
    found = compare(side(profiled, "assistant"), side(without, "assistant"), permutations=3)
    missing = f"semantic probes are not measured: {without.name} has no vectors of most of its dialogues"
    assert found.notes == (missing, *left_out(profiled), *left_out(without))
    assert {probe.name for probe in found.probes} == set(DEFINITIONS)


# --- real dialogues ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def human(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> SampledText:
    """What one of two people said in published conversations."""
    file = real_data / "data" / "topical_chat" / "valid_freq.json"
    out = tmp_path_factory.mktemp("human") / "topical.ultraqa"
    return ultraqa.profile(file, out, embedder="none", tokens="none").sample("assistant")


def first_words(text: SampledText, words: int) -> SampledText:
    """Every dialogue cut to its first words."""
    like = replace(talk(len(text.rows)), vocabulary=["a"])
    like = replace(like, ids=np.zeros(len(text.rows) * words, np.int32))
    like = replace(like, message_offsets=np.arange(len(text.rows) + 1) * words)
    like = replace(like, dialogue_offsets=np.arange(len(text.rows) + 1))
    matched = match([text, like], prompts=False)
    both = matched.sampled()
    return replace(both, rows=np.arange(len(both.rows))).of_rows(np.arange(0, len(both.rows), 2))


def test_halves_of_human_conversations_raise_no_alarm(human: SampledText) -> None:
    """As of the invented text, of conversations cut to forty words."""
    short = first_words(human, 40)
    assert len(short.ids) > 20_000
    found = alarms(short, 40)
    assert all(share <= 0.05 for share in found.values()), found


def test_a_model_of_human_conversations_narrows(human: SampledText) -> None:
    """Generations 0 to 4 lose words, pairs and triples one after the other; people themselves show nothing."""
    reference, learned = halves(human)
    texts = list(simulated(learned, generations=4, seed=1))
    found = [held(reference, text) for text in (texts[0], texts[1])]
    assert all(abs(z) < 4 for z in z_of(found[0]).values())
    assert [one.verdict.word for one in found] == ["no narrowing", "narrowed"]
    values = [lexical(match([reference, text]), _one(reference, text), compressed=()) for text in texts]
    for name in TAILS:
        assert all(a[name][0, 1] > b[name][0, 1] for a, b in pairwise(values)), name


def _one(*texts: SampledText) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """The sides of matched texts as observed."""
    return sides_of(np.zeros((1, len(match(texts))), np.bool_))
