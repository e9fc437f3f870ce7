"""Verbs, patterns, entities and grids of invented texts, by hand, by brute force and by laws."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import isnan, log2
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from spacy.tokens import Doc

from ultraqa.analysis import syntax
from ultraqa.analysis.entity_grid import ROLES, Grid, continuity_auc, entity_continuity, transitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from spacy.language import Language

REPLY: Final = (
    "The old lighthouse stands on a grey rock near the harbour, and the keeper lights the lamp every evening. "
    "Ships that pass in the night see the light from far away. In winter the road is closed by snow. "
)
ROWS: Final = (
    ("verb_object_entropy", "value"),
    ("root_verbs", "value"),
    ("pos_repetition", "value"),
    ("entities_per_100_words", "value"),
    ("entity_continuity", "mean"),
    ("entity_continuity", "auc"),
)


@pytest.fixture
def nlp() -> Language:
    """The installed pipeline."""
    found = syntax.pipeline()
    if found is None:
        pytest.skip("no spaCy English pipeline is installed (extra en)")
    return found


@pytest.fixture
def fresh() -> Iterator[None]:
    """Pipelines are looked for again, and again afterwards."""
    syntax.pipeline.cache_clear()
    yield
    syntax.pipeline.cache_clear()


@pytest.mark.parametrize(("prompt", "pairs"), [
    ("Write a short poem about the sea.", [("write", "poem")]),
    ("Can you explain the difference between a bee and a wasp?", [("explain", "difference")]),
    ("Please create a list of rivers. Then draw a map.", [("create", "list")]),
    ("Summarize the article.\nThe council closed the road.", [("summarize", "article")]),
    ("It is time to write a letter.", [("write", "letter")]),
    ("Who are you?", []),
    ("", []),
])  # fmt: skip
def test_root_verb_and_object_of_the_first_sentence(nlp: Language, prompt: str, pairs: list[tuple[str, str]]) -> None:
    """As a reader parses them; the verb may stand below the root, which is no verb in the fifth."""
    assert syntax.verbs_and_objects([prompt]) == pairs


def test_the_verb_closest_to_the_root_counts_and_not_the_deepest() -> None:
    """A tree by hand: the root "is" has the verb "make" below it, and a noun with the verb "cut" below that."""
    tree = Doc(
        spacy.blank("en").vocab,
        words=["is", "make", "chair", "tool", "cut", "wood"],
        pos=["AUX", "VERB", "NOUN", "NOUN", "VERB", "NOUN"],
        lemmas=["be", "make", "chair", "tool", "cut", "wood"],
        heads=[0, 0, 1, 0, 3, 4],
        deps=["ROOT", "xcomp", "dobj", "attr", "relcl", "dobj"],
    )
    assert syntax._verb_and_object(tree) == ("make", "chair")


pairs_of = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), min_size=1, max_size=7)


@given(pairs_of)
def test_entropy_of_all_pairs_is_shannons(pairs: list[tuple[str, str]]) -> None:
    """With every pair drawn, the sum of -p log2 p; the counts come from a dictionary of the test's own."""
    n = len(pairs)
    wanted = -sum(pairs.count(pair) / n * log2(pairs.count(pair) / n) for pair in set(pairs))
    assert syntax.verb_object_entropy(pairs, n) == pytest.approx(wanted, abs=1e-12)


@given(pairs_of, st.integers(1, 7))
def test_entropy_and_verbs_at_a_budget_are_means_over_all_draws(pairs: list[tuple[str, str]], n: int) -> None:
    """Brute force over every subset of that size; None with fewer pairs."""
    if len(pairs) < n:
        assert syntax.verb_object_entropy(pairs, n) is None
        assert syntax.root_verbs(pairs, n) is None
        return
    draws = list(combinations(pairs, n))
    entropy = np.mean([sum(c / n * log2(n / c) for c in Counter(draw).values()) for draw in draws])
    verbs = np.mean([len({verb for verb, _ in draw}) for draw in draws])
    assert syntax.verb_object_entropy(pairs, n) == pytest.approx(entropy, abs=1e-9)
    assert syntax.root_verbs(pairs, n) == pytest.approx(verbs, abs=1e-9)


def test_the_figure_has_twenty_verbs_of_four_objects_most_frequent_first() -> None:
    """Ties in alphabetical order; 25 verbs, of which the first has six objects."""
    pairs = [("write", noun) for noun in ("story", "poem", "poem", "song", "ode", "note", "plan")]
    pairs += [(f"verb{k:02}", "map") for k in range(24)]
    found = syntax.verb_objects(pairs, 40)
    assert found.verbs[0] == ("write", 7, [("poem", 2), ("note", 1), ("ode", 1), ("plan", 1)])
    assert [verb for verb, _, _ in found.verbs[1:]] == [f"verb{k:02}" for k in range(19)]
    assert (found.pairs, found.asked) == (31, 40)


def test_repeated_patterns_are_counted_in_one_block(nlp: Language) -> None:
    """The first 40 tags of two replies, windows counted one by one."""
    other = "A young painter rents the small cottage near the tower, and his dog sleeps on the warm stones."
    first, second = ([token.tag_ for token in doc] for doc in nlp.pipe([REPLY, other]))
    assert len(first) > 40
    block = first[:40]
    windows = [tuple(block[i : i + 5]) for i in range(36)]
    wanted = sum(windows.count(window) > 1 for window in windows) / 36
    assert syntax.pattern_repetition([REPLY, other], 40) == pytest.approx(wanted)
    both = [tuple(tags[i : i + 5]) for tags in (first, second) for i in range(len(tags) - 4)]
    share = sum(both.count(window) > 1 for window in both) / len(both)
    assert syntax.pattern_repetition([REPLY, other], len(first) + len(second)) == pytest.approx(share)


def test_a_reply_given_twice_repeats_every_pattern(nlp: Language) -> None:
    """And a budget that the replies do not fill gives nothing."""
    tags = 2 * len(nlp(REPLY))
    assert syntax.pattern_repetition([REPLY, REPLY], tags) == 1
    assert syntax.pattern_repetition([REPLY, REPLY], tags + 1) is None
    assert syntax.pattern_repetition([]) is None


def test_patterns_are_the_mean_over_blocks(nlp: Language) -> None:
    """Blocks begin with a reply: what is left of the one that fills a block is not looked at."""
    tags = len(nlp(REPLY)) - 3
    one = syntax.pattern_repetition([REPLY], tags)
    assert one is not None
    assert syntax.pattern_repetition([REPLY, REPLY], tags) == pytest.approx(one)


def test_names_are_counted_and_numbers_are_not(nlp: Language) -> None:
    """Two persons and a place, with a year and an amount."""
    assert syntax.entities(["Marie Curie met Albert Einstein in Paris in 1911 for 20 dollars.", "It rained.", ""]) == [
        3, 0, 0,
    ]  # fmt: skip


def test_the_grid_has_roles_of_entities(nlp: Language) -> None:
    """By hand, from two sentences, with an entity that is subject and object in one message."""
    grid = syntax.entity_grid([["The cat chased a mouse.", "The cat slept. The mouse saw the cat in the kitchen."]])[0]
    roles = {name: "".join(ROLES[role] for role in row) for name, row in zip(grid.entities, grid.roles, strict=True)}
    assert roles == {"cat": "SS", "mouse": "OS", "kitchen": "-X"}


def grid_from(*rows: str) -> Grid:
    """A grid written in the letters of the paper."""
    return Grid(
        [str(i) for i in range(len(rows))], np.array([[ROLES.index(role) for role in row] for row in rows], np.int8)
    )


def test_transitions_are_those_counted_by_hand() -> None:
    """Six transitions, one of them twice, as in section 3.2 of Barzilay and Lapata: frequency over their number."""
    found = transitions(grid_from("SS-", "O--", "-XX"))
    wanted = {"SS": 1, "S-": 1, "O-": 1, "--": 1, "-X": 1, "XX": 1}
    counts = {a + b: 6 * found[i, j] for i, a in enumerate(ROLES) for j, b in enumerate(ROLES)}
    assert {pair: count for pair, count in counts.items() if count} == pytest.approx(wanted)
    assert np.isnan(transitions(grid_from("S"))).all()


def test_continuity_is_that_counted_by_hand() -> None:
    """Three of the five entities of the first two messages stand in the next one too; the third message has no next."""
    assert entity_continuity(grid_from("SS-", "OX-", "-XX", "--S")) == 3 / 5
    assert isnan(entity_continuity(grid_from("--S")))
    assert isnan(entity_continuity(Grid([], np.zeros((0, 4), np.int8))))


grids = arrays(np.int8, st.tuples(st.integers(0, 6), st.integers(1, 9)), elements=st.integers(0, 3))


@given(grids)
def test_continuity_is_what_the_transitions_say(roles: NDArray[np.int8]) -> None:
    """From present to present, of all from present."""
    grid = Grid([str(i) for i in range(len(roles))], roles)
    found, value = transitions(grid), entity_continuity(grid)
    if isnan(value):
        assert np.isnan(found).all() or found[1:].sum() == 0
    else:
        assert 0 <= value <= 1
        assert value == pytest.approx(found[1:, 1:].sum() / found[1:].sum())


@given(grids, st.randoms(use_true_random=False))
def test_entities_have_no_order(roles: NDArray[np.int8], random: Any) -> None:
    """Neither continuity nor the check depends on the order of rows."""
    order = list(range(len(roles)))
    random.shuffle(order)
    names = [str(i) for i in range(len(roles))]
    for measure in (entity_continuity, continuity_auc):
        assert measure(Grid(names, roles[order])) == pytest.approx(measure(Grid(names, roles)), nan_ok=True)


def test_the_check_tells_a_chain_from_its_shuffles_and_nothing_from_chance() -> None:
    """A new entity a message that goes on once; entities that are everywhere; too few messages."""
    chain = np.eye(12, dtype=np.int8)[:-1] + np.eye(12, k=1, dtype=np.int8)[:-1]
    assert continuity_auc(Grid([""] * 11, chain)) == 1
    assert continuity_auc(Grid([""] * 2, np.ones((2, 8), np.int8))) == 0.5
    assert isnan(continuity_auc(Grid([""] * 2, np.ones((2, 3), np.int8))))


def test_shuffles_keep_turns_and_are_never_the_order_itself() -> None:
    """Of three other orders that keep turns two are worse and one ties: 5/6; the order itself would make it 3/4."""
    found = np.mean([continuity_auc(grid_from("SS--", "--SS"), seed) for seed in range(100)])
    assert found == pytest.approx(5 / 6, abs=0.03)  # 2,000 shuffles: five standard errors
    assert (
        continuity_auc(grid_from("S-S-", "-O-O")) == 0.5
    )  # no turn kept would bring the entities of one role together


def dialogues(n: int) -> list[list[str]]:
    """Invented dialogues of four messages, all different."""
    things = ("lamp", "boat", "hive", "tower", "road", "letter")
    return [
        [
            f"Write a note about the {things[i % 6]} of keeper {i}.",
            f"The {things[i % 6]} is old. {REPLY}",
            f"Draw a plan of the {things[(i + 1) % 6]}.",
            f"The plan shows the {things[(i + 1) % 6]} near Dublin in {1900 + i}.",
        ]
        for i in range(n)
    ]


def syntax_of(messages: Sequence[Sequence[str]]) -> syntax.Syntax:
    """Everything about some dialogues."""
    replies = [text for one in messages for text in one[1::2]]
    return syntax.syntax("set", [one[0] for one in messages], replies, messages)


def test_rows_name_the_pipeline_and_say_what_they_are_over(nlp: Language) -> None:
    """120 dialogues: 100 are drawn, and 200 of the 240 replies; every prompt has its verb."""
    found = syntax_of(dialogues(120))
    rows = {(row.metric, row.statistic): row for row in found.rows}
    assert tuple(rows) == ROWS
    assert all(row.version.endswith(f"{nlp.meta['version']})") and row.note for row in found.rows)
    assert [rows[key].n for key in ROWS] == [120, 120, 200, 200, 100, 100]
    assert found.verb_objects is not None
    assert found.verb_objects.verbs == [("write", 120, [("note", 120)])]
    assert rows["verb_object_entropy", "value"].value == 0
    assert rows["root_verbs", "value"].value == pytest.approx(1)
    auc = rows["entity_continuity", "auc"]
    assert auc.value is not None
    assert auc.low is not None
    assert auc.value > auc.low > 0.5
    assert syntax_of(dialogues(120)) == found


def test_rows_of_almost_nothing_are_undefined_with_a_reason(nlp: Language) -> None:
    """No text, no reply, one message; never a sentinel."""
    found = syntax.syntax("set", ["", " "], [], [["Hello"], []])
    assert {(row.metric, row.statistic): row.value for row in found.rows} == dict.fromkeys(ROWS)
    assert all(row.note for row in found.rows)
    assert found.verb_objects == syntax.VerbObjects([], 0, 0)


@pytest.mark.usefixtures("fresh")
def test_without_a_pipeline_there_are_no_rows_and_functions_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where only the core is installed."""
    monkeypatch.setattr(spacy.util, "get_installed_models", list)
    assert syntax.pipeline() is None
    assert syntax.syntax_rows("set", ["Write a poem."], [REPLY], dialogues(3)) == []
    with pytest.raises(RuntimeError, match=r"ultraqa\[en\]"):
        syntax.entities(["Dublin"])


@pytest.mark.usefixtures("fresh")
def test_the_first_english_pipeline_that_has_all_parts_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The small ones before others, other languages never, and none without tagger, parser and entities."""
    asked = []
    (tmp_path / "en_core_web_sm").mkdir()
    monkeypatch.syspath_prepend(tmp_path)

    def load(name: str) -> Language:
        asked.append(name)
        nlp = spacy.blank("en")
        for part in ("tagger", "parser", "ner") if name != "en_core_web_sm" else ("tagger",):
            nlp.add_pipe(part)
        nlp.meta["name"] = name
        return nlp

    monkeypatch.setattr(spacy, "load", load)
    monkeypatch.setattr(
        spacy.util,
        "get_installed_models",
        lambda: ["en_house_style", "de_core_news_sm", "en_core_web_sm", "en_core_web_md"],
    )
    found = syntax.pipeline()
    assert found is not None
    assert asked == ["en_core_web_sm", "en_core_web_md"]
    named = syntax.pipeline("en_house_style")
    assert named is not None
    assert asked[2:] == ["en_house_style"]
    assert syntax.pipeline("en_not_there") is None
