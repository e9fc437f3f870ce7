"""Near-duplicates: sketches, sets, the template guard, verification and clusters, against plain-Python oracles."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

import ultraqa
from ultraqa.analysis import banding, engine, near_duplicates, shingles, template, verification, words
from ultraqa.analysis.near_overlap import near_overlap
from ultraqa.dialogues.batch import Batch, BatchBuilder, Dialogue, Record

if TYPE_CHECKING:
    from pathlib import Path

    from ultraqa.analysis.profile import Profile

WORKSPACE = words.Workspace()
Spoken = list[str]


def batch_of(dialogues: list[Spoken]) -> Batch:
    """Dialogues that user and assistant speak in turn."""
    builder = BatchBuilder()
    for i, texts in enumerate(dialogues):
        roles = "".join("ua"[k % 2] for k in range(len(texts)))
        builder.add("a.jsonl", Record(i, i + 1, "x", [Dialogue(roles, texts, "")], {}))
    return builder.batch()


def measured(dialogues: list[Spoken], out: Path | None = None, **options: Any) -> Profile:
    """The Profile of dialogues, without tokens and vectors."""
    records = [{"data": texts} for texts in dialogues]
    return ultraqa.profile(records, out, embedder="none", tokens="none", **options)


def grams(texts: Spoken) -> set[str]:
    """The definition: word 5-grams of each message."""
    return {gram for text in texts for gram in shingles.shingles(words.words(text))}


def jaccard(a: set[str], b: set[str]) -> float:
    """Jaccard similarity, 0 where a set is empty."""
    return len(a & b) / len(a | b) if a and b else 0.0


def prose(rng: random.Random, n: int, vocabulary: int = 2_000) -> str:
    """Words that hardly repeat a 5-gram by chance; numbers are spelled with letters."""
    return " ".join("w" + "".join(chr(97 + int(d)) for d in str(rng.randrange(vocabulary))) for _ in range(n))


def edited(text: str, rng: random.Random, edits: int) -> str:
    """A text with some words replaced."""
    listed = text.split()
    for _ in range(edits):
        listed[rng.randrange(len(listed))] = "changed"
    return " ".join(listed)


def template_of(dialogues: list[Spoken]) -> set[str]:
    """5-grams of more than 50 distinct dialogues and more than 2 % of them."""
    distinct = {tuple(texts) for texts in dialogues}
    counts = Counter(gram for texts in distinct for gram in grams(list(texts)))
    return {gram for gram, n in counts.items() if n > max(50, 0.02 * len(distinct))}


def kept_by_brute_force(dialogues: list[Spoken]) -> list[int | None]:
    """The kept dialogue of each long dialogue: copies first, then the most similar kept one before it."""
    stripped = template_of(dialogues)
    sets = [grams(texts) - stripped for texts in dialogues]
    first: dict[tuple[str, ...], int] = {}
    kept: list[int] = []
    found: list[int | None] = []
    for i, texts in enumerate(dialogues):
        if tuple(texts) in first:
            j = first[tuple(texts)]
            found.append(j if found[j] is None else found[j])
            continue
        first[tuple(texts)] = i
        best = max(kept, key=lambda j: (jaccard(sets[i], sets[j]), -j), default=None)
        if best is not None and jaccard(sets[i], sets[best]) >= near_duplicates.THRESHOLD:
            found.append(best)
        else:
            found.append(None)
            kept.append(i)
    return found


def duplicate_of(profile: Profile, suffix: str = "") -> list[int | None]:
    """The kept dialogue of each, None where there is none."""
    values = profile.dialogues()[f"duplicate_of{suffix}"]
    return [None if pd.isna(value) else int(value) for value in values]


TEXTS = st.lists(
    st.sampled_from(["one", "two", "three", "four", "five", "six", "don't", "café", "日本", "x"]), max_size=40
).map(" ".join)


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=4), min_size=2, max_size=6))
@settings(deadline=None)
def test_sets_have_the_shingles_of_the_definition(dialogues: list[Spoken]) -> None:
    """Sizes of the sets, and similarity and containment of every pair, are those of sets of strings."""
    batch = batch_of(dialogues)
    sets = shingles.shingle_sets(words.word_hashes(batch, WORKSPACE), shingles.dialogues(batch))
    oracle = [grams(texts) for texts in dialogues]
    assert np.diff(sets.offsets).tolist() == list(map(len, oracle))
    pairs = list(combinations(range(len(dialogues)), 2))
    found = shingles.similarity(sets, np.array(pairs))
    assert found.jaccard.tolist() == [pytest.approx(jaccard(oracle[i], oracle[j]), abs=1e-12) for i, j in pairs]
    assert (found.jaccard == found.unstripped).all()
    contained = [len(oracle[i] & oracle[j]) / max(min(len(oracle[i]), len(oracle[j])), 1) for i, j in pairs]
    assert found.containment.tolist() == [pytest.approx(value, abs=1e-12) for value in contained]


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=5))
@settings(deadline=None)
def test_a_sketch_is_the_same_alone_and_among_others(dialogues: list[Spoken]) -> None:
    """Of a dialogue, of its messages together, and of its prompt: by bins the smallest of the parts."""
    batch = batch_of(dialogues)
    whole = shingles.sketch(batch, words.word_hashes(batch, WORKSPACE), shingles.dialogues(batch))
    for d, texts in enumerate(dialogues):
        alone = batch_of([texts])
        hashes = words.word_hashes(alone, WORKSPACE)
        one = shingles.sketch(alone, hashes, shingles.dialogues(alone))
        assert one.plain[0] == whole.plain[d]
        assert len(one.sketched) == (d in whole.sketched)
        if len(one.sketched):
            assert (one.values[0] == whole.values[whole.sketched.tolist().index(d)]).all()
            sets = shingles.shingle_sets(hashes, shingles.dialogues(alone))
            bins = {int(h) >> 57 for h in sets.hashes}
            assert set(np.flatnonzero(one.values[0] != shingles.EMPTY).tolist()) == bins


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20))
@settings(deadline=None)
def test_a_shingle_has_one_place_in_a_sketch_and_none_looks_empty(hashes: list[int]) -> None:
    """The first 7 bits say which bin, the next 16 the value; the value that means empty is never one."""
    hashes = [*hashes, 0xFFFF << 41]
    slots, values = shingles.bins(np.array(hashes, np.uint64))
    assert slots.tolist() == [one >> 57 for one in hashes]
    assert values.tolist() == [min(one >> 41 & 0xFFFF, shingles.EMPTY - 1) for one in hashes]


def test_densified_sketches_estimate_the_similarity() -> None:
    """Without bias, also for sets far smaller than the number of bins: mean error under .02 over 300 pairs."""
    rng = random.Random(5)
    errors: dict[int, list[float]] = {}
    for n in (30, 100, 600):
        for _ in range(100):
            text = prose(rng, n)
            other = edited(text, rng, max(1, n // 40))
            batch = batch_of([[text], [other]])
            values = shingles.sketch(batch, words.word_hashes(batch, WORKSPACE), shingles.dialogues(batch)).values
            assert banding.densify(values).all()
            estimate = float((values[0] == values[1]).mean())
            errors.setdefault(n, []).append(estimate - jaccard(grams([text]), grams([other])))
    assert all(abs(np.mean(some)) < 0.02 for some in errors.values())
    assert all(np.std(some) < 0.08 for some in errors.values())


def test_minhash_is_that_of_datasketch(tmp_path: Path) -> None:
    """Equal value for value to what datasketch makes of the same 5-grams, of dialogue and prompt."""
    dialogues = [["What is the tallest tree in the whole wide world?", prose(random.Random(1), 80)], ["Hi", ""]]
    profile = measured(dialogues, tmp_path / "a.ultraqa")
    for row, texts in enumerate(dialogues):
        for scope, spoken in (("dialogue", texts), ("prompt", texts[:1])):
            oracle = MinHash(num_perm=128, seed=1)
            for gram in grams(spoken):
                oracle.update(gram.encode())
            assert (profile.minhash(row, scope).hashvalues == oracle.hashvalues).all()  # type: ignore[arg-type]


@st.composite
def families(draw: st.DrawFn) -> list[Spoken]:
    """Dialogues some of which are edited or exact copies of earlier ones."""
    rng = random.Random(draw(st.integers(0, 10**6)))
    dialogues = [["Tell me something about it, please.", prose(rng, rng.randrange(30, 90))] for _ in range(4)]
    for _ in range(draw(st.integers(2, 12))):
        user, reply = rng.choice(dialogues)
        dialogues.append([user, edited(reply, rng, rng.choice((0, 0, 1, 1, 2, 3, 6)))])
    return dialogues


@given(families())
@settings(deadline=None, max_examples=25)
def test_small_sets_are_those_of_brute_force(dialogues: list[Spoken]) -> None:
    """Every dialogue points to the kept one that comparing all with all finds."""
    assert duplicate_of(measured(dialogues)) == kept_by_brute_force(dialogues)


@pytest.fixture(scope="module")
def large() -> list[Spoken]:
    """1,500 dialogues, 400 of them edited copies, 300 under a template that fills most of each."""
    rng = random.Random(3)
    opener = prose(rng, 60)
    dialogues = [[f"Question {prose(rng, 6)}", prose(rng, rng.randrange(30, 200))] for _ in range(800)]
    dialogues += [[f"Question {prose(rng, 3)}", f"{opener} {prose(rng, rng.randrange(21, 50))}"] for _ in range(300)]
    for _ in range(400):
        user, reply = rng.choice(dialogues[:1_100])
        dialogues.append([user, edited(reply, rng, rng.randrange(1, 4))])
    rng.shuffle(dialogues)
    return dialogues


def test_large_sets_are_those_of_brute_force(large: list[Spoken], tmp_path: Path) -> None:
    """Candidates by bands lose none of 1,500 dialogues' duplicates, template and all; reported pairs are similar."""
    profile = measured(large, tmp_path / "a.ultraqa")
    assert duplicate_of(profile) == kept_by_brute_force(large)
    stripped = template_of(large)
    assert profile.document["near_duplicates"]["template"]["shingles"] == len(stripped)
    pairs = pd.read_parquet(profile.path / "pairs.parquet")
    assert set(pairs.scope) <= {"dialogue", "prompt"}
    for pair in pairs[pairs.scope == "dialogue"].itertuples():
        a, b = grams(large[pair.row]), grams(large[pair.other])
        assert pair.jaccard == pytest.approx(jaccard(a - stripped, b - stripped), abs=1e-12)
        assert pair.jaccard >= near_duplicates.THRESHOLD
        assert pair.unstripped == pytest.approx(jaccard(a, b), abs=1e-12)


@pytest.mark.parametrize("change", ["shards", "threads", "parts", "gzip", "csv"])
def test_the_result_depends_on_nothing_but_the_data(
    change: str, large: list[Spoken], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not on the size of shards, on threads, on how much is held at a time, or on the container."""
    expected = measured(large, tmp_path / "expected.ultraqa", workers=1)
    data: Any = [{"data": texts} for texts in large]
    if change == "shards":
        monkeypatch.setattr("ultraqa.analysis.measuring.SHARD_BYTES", 20_000)
    elif change == "parts":
        monkeypatch.setattr(verification, "_HELD_SHINGLES", 2_000)
        monkeypatch.setattr(near_duplicates, "_CHUNK", 100)
    elif change == "gzip":
        data = tmp_path / "large.jsonl.gz"
        data.write_bytes(gzip.compress("".join(json.dumps({"data": texts}) + "\n" for texts in large).encode()))
    elif change == "csv":
        data = tmp_path / "large.csv"
        pd.DataFrame(large, columns=["instruction", "output"]).to_csv(data, index=False)
    found = ultraqa.profile(data, tmp_path / "found.ultraqa", embedder="none", tokens="none", workers=3)
    names = [
        name
        for name in expected.columns()
        if name.startswith(("duplicate_", "near", "similar", "cluster", "template_share"))
    ]
    assert len(names) == 21
    assert found.dialogues(names).equals(expected.dialogues(names))
    assert found.document["near_duplicates"] == expected.document["near_duplicates"]
    for file in ("pairs.parquet", "signatures.npy"):
        assert (found.path / file).read_bytes() == (expected.path / file).read_bytes()


def trap(n: int, rng: random.Random) -> list[Spoken]:
    """Dialogues with one 60-word opener and bodies of 3 to 18 different words."""
    opener = prose(rng, 60)
    return [["Please help me now", f"{opener} {prose(rng, 3 + i % 16)}"] for i in range(n)]


def test_the_template_guard_keeps_templated_dialogues() -> None:
    """Most pairs are similar by their opener; none is flagged, and true duplicates among them are."""
    rng = random.Random(9)
    dialogues = trap(2_000, rng)
    twins = [[user, f"{reply.upper()}!"] for user, reply in rng.sample(dialogues, 50)]
    sets = [grams(texts) for texts in rng.sample(dialogues, 100)]
    assert np.mean([jaccard(a, b) >= near_duplicates.THRESHOLD for a, b in combinations(sets, 2)]) > 0.5
    profile = measured(dialogues + twins)
    found = duplicate_of(profile)
    assert found[:2_000] == [None] * 2_000
    assert all(row is not None for row in found[2_000:])
    assert (profile.dialogues().template_share > 0.5).all()
    known = profile.document["near_duplicates"]["template"]
    assert known["phrases"][0]["dialogues"] == 2_050
    assert len(known["phrases"][0]["text"]) == 300 or known["phrases"][0]["text"] in dialogues[0][1]


@pytest.mark.parametrize(
    "body", ["{n}", "{n} x", "The area of the triangle is {n} cm²", "x = {n} and y = 2 for all of them"]
)
def test_dialogues_of_which_a_template_leaves_little_are_told_apart_by_their_digits(body: str) -> None:
    """Beside case, blanks and punctuation everything counts where fewer than 21 shingles are left."""
    opener = prose(random.Random(2), 40)
    dialogues = [["Please help", f"{opener} {body.format(n=n)}"] for n in range(100)]
    dialogues.append(["please HELP!", f"{opener.upper()}  {body.format(n=7).upper()}"])
    assert duplicate_of(measured(dialogues)) == [None] * 100 + [7]


@pytest.mark.parametrize(
    ("text", "other", "same"),
    [
        ("What is the capital of France?", "what is the capital of  FRANCE", True),
        ("Add 5 + 7", "Add 5 - 7", False),
        ("Add 5 + 7", "add 5+7.", True),
        ("Add 5 and 7", "Add 57 and", False),
        ("What is 12 times 3?", "What is 1 2 times 3?", False),
        ("Sort [3, 1, 2]", "Sort [3, 1, 2].", True),
        ("Sort [3, 1, 2]", "Sort (3, 1, 2)", False),
        ("Translate: 日本", "translate 日本!", True),
        ("Say hi 🙂", "Say hi 🙃", False),
        ("one", "two", False),
        ("a a a a a a", "a a a a a", False),
    ],
)
def test_short_texts_are_duplicates_where_they_say_the_same(text: str, other: str, same: bool) -> None:
    """Case, blanks and punctuation apart; digits and symbols count, and words in their order."""
    found = measured([[text, "Yes."], [other, "yes"]])
    assert duplicate_of(found) == [None, 0 if same else None]
    assert duplicate_of(found, "_prompt") == [None, 0 if same else None]
    assert found.column("duplicate_kind").tolist() == [None, "near" if same else None]


def test_roles_tell_short_dialogues_apart() -> None:
    """The same words, said by the other."""
    records = [
        {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi there"}]},
        {"messages": [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Hi there"}]},
    ]
    found = ultraqa.profile(records, embedder="none", tokens="none")
    assert duplicate_of(found) == [None, None]


def test_texts_without_a_shingle_of_their_own_are_no_traps() -> None:
    """No word, one word, one word repeated, many short messages: measured, and told apart."""
    dialogues = [
        ["", ""],
        ["???", "!"],
        ["!!!", "?"],
        ["word", ""],
        ["word " * 40, "x"],
        ["word " * 60, "x"],
        ["no", "yes"] * 20,
    ]
    found = measured([*dialogues, ["word " * 50, "X"]])
    assert duplicate_of(found) == [None, None, None, None, None, 4, None, 4]


def test_copies_of_a_near_duplicate_point_to_what_is_kept() -> None:
    """Kept is kept: nothing is a duplicate of a duplicate."""
    rng = random.Random(4)
    first = ["Tell me", prose(rng, 80)]
    second = ["Tell me", edited(first[1], rng, 1)]
    profile = measured([first, second, first, second])
    found = profile.dialogues()
    assert found.duplicate_of.fillna(-1).tolist() == [-1, 0, 0, 0]
    assert profile.column("duplicate_kind").tolist() == [None, "near", "exact", "near"]
    assert found.near_duplicate.tolist() == [0, 1, 0, 1]
    assert found.cluster.tolist() == [0, 0, 0, 0]
    assert found.similarity.iloc[2] == 1
    assert found.similarity.iloc[1] == found.similarity.iloc[3] < 1


def test_what_is_kept_is_chosen() -> None:
    """The first, the longest, the one of highest or lowest value in a column; an unknown column is refused."""
    rng = random.Random(6)
    text = prose(rng, 80)
    dialogues = [["Tell me", text], ["Tell me", text + " and much more"], ["Tell me", text.rsplit(" ", 3)[0]]]
    assert duplicate_of(measured(dialogues)) == [None, 0, 0]
    assert duplicate_of(measured(dialogues, representative="longest")) == [1, None, 1]
    assert duplicate_of(measured(dialogues, representative="characters_assistant")) == [1, None, 1]
    assert duplicate_of(measured(dialogues, representative="-words")) == [2, 2, None]
    with pytest.raises(ValueError, match="'length' is no column to keep the best of"):
        measured(dialogues, representative="length")


def test_messages_are_compared_on_request() -> None:
    """Replies and messages: copies always, near ones with duplicates="all"; columns tell of the first in a dialogue."""
    rng = random.Random(8)
    a, b = prose(rng, 60), prose(rng, 60)
    dialogues = [["Go", a], [b, "Fine", "Go", "no " * 30], ["So", edited(a, rng, 1), "Go", edited(b, rng, 1)]]
    plain = measured(dialogues)
    assert duplicate_of(plain, "_assistant") == [None, None, None]
    assert duplicate_of(plain, "_message") == [None, 0, 0]
    found = measured(dialogues, duplicates="all")
    assert duplicate_of(found, "_assistant") == [None, None, 0]
    assert found.dialogues().near_duplicate_assistant.tolist() == [0, 0, 1]
    assert found.dialogues().near_duplicate_message.tolist() == [0, 0, 2]
    shares = {(row.scope, row.statistic): row.value for row in found.rows() if row.metric == "near_duplicates"}
    assert shares["assistant", "share"] == pytest.approx(1 / 5)
    assert shares["message", "count"] == 2


def test_without_near_duplicates_copies_are_still_found() -> None:
    """Nothing else is: no rows of near-duplicates, no template."""
    rng = random.Random(8)
    text = prose(rng, 60)
    found = measured([["Go", text], ["Go", edited(text, rng, 1)], ["Go", text]], duplicates="none")
    assert duplicate_of(found) == [None, None, 0]
    assert not [row for row in found.rows() if row.metric == "near_duplicates"]
    assert found.document["near_duplicates"] == {}
    assert "template_share" not in found.columns()


def test_large_groups_of_equal_bands_stay_linear() -> None:
    """3,000 sketches of one family give a bounded number of candidates, and none is without one."""
    rng = np.random.default_rng(0)
    values = np.tile(rng.integers(0, 60_000, 128).astype(np.uint16), (3_000, 1))
    for row in values:
        row[rng.integers(0, 128, 4)] = rng.integers(0, 60_000, 4)
    pairs = banding.candidates(values)
    assert set(pairs.ravel().tolist()) == set(range(3_000))
    assert len(pairs) <= 2 * banding.NEAR * 3_000 * 32
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert len(np.unique(pairs, axis=0)) == len(pairs)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from([0.7, 0.8, 0.9])), max_size=20),
    st.randoms(),
)
@settings(deadline=None)
def test_kept_texts_are_similar_to_none_before_them(edges: list[tuple[int, int, float]], rng: random.Random) -> None:
    """A text is kept or similar to a kept one of lower rank, and to none more similar."""
    known = {(min(a, b), max(a, b)): s for a, b, s in edges if a != b}
    rank = list(range(10))
    rng.shuffle(rank)
    pairs = np.array(list(known), np.int64).reshape(-1, 2)
    found = banding.keep(pairs, np.array(list(known.values())), np.array(rank))
    for text in range(10):
        before = {
            other: known.get((min(text, other), max(text, other)), 0.0)
            for other in range(10)
            if rank[other] < rank[text]
        }
        kept = {other: s for other, s in before.items() if s and found.kept[other] == other}
        best = max(kept.values(), default=0.0)
        expected = min((other for other, s in kept.items() if s == best), key=lambda other: rank[other], default=text)
        assert found.kept[text] == expected
        assert found.similarity[text] == (best or 1.0)


def test_template_counts_every_dialogue_once() -> None:
    """Copies, and repetitions within a dialogue, make no template; 51 dialogues of 2,000 do."""
    rng = random.Random(1)
    phrase = "let me know if you have any other questions"
    dialogues = [["Go", prose(rng, 30)] for _ in range(1_900)]
    assert template_of(dialogues) == set()
    some = [[user, f"{reply} {phrase} {phrase}"] for user, reply in dialogues[:50]]
    quiet = measured(some * 3 + dialogues[50:])
    assert quiet.document["near_duplicates"]["template"]["shingles"] == 0
    some = [[user, f"{reply} {phrase}"] for user, reply in dialogues[:51]]
    loud = measured(some + dialogues[51:]).document["near_duplicates"]["template"]
    assert loud["shingles"] == 5
    assert loud["phrases"] == [{"text": phrase, "dialogues": 51, "share": 51 / 1_900}]


def test_template_of_larger_data_is_counted_in_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the share decides, and how many dialogues were counted is said."""
    monkeypatch.setattr(template, "COUNTED_WORDS", 30_000)
    rng = random.Random(1)
    dialogues = [
        ["Go", f"{prose(rng, 30)} {'you are very welcome to ask again' if i % 10 == 0 else ''}"] for i in range(3_000)
    ]
    found = measured(dialogues).document["near_duplicates"]["template"]
    assert 500 < found["counted"] < 1_200
    assert [one["text"] for one in found["phrases"]] == ["you are very welcome to ask again"]
    assert found["phrases"][0]["share"] == pytest.approx(0.1, abs=0.04)


def test_resumed_runs_find_the_same(large: list[Spoken], tmp_path: Path) -> None:
    """A run that was killed after its shards were written ends with the same bytes."""
    data = tmp_path / "large.jsonl"
    data.write_text("".join(json.dumps({"data": texts}) + "\n" for texts in large))
    options: dict[str, Any] = {"embedder": "none", "tokens": "none"}
    whole = ultraqa.profile(data, tmp_path / "a" / "large.ultraqa", **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ultraqa.analysis.measuring.deduplicate", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ultraqa.profile(data, tmp_path / "b" / "large.ultraqa", **options)
    assert list((tmp_path / "b" / "large.ultraqa" / "shards").iterdir())
    again = ultraqa.profile(data, tmp_path / "b" / "large.ultraqa", **options)
    for file in ("dialogues.parquet", "pairs.parquet", "signatures.npy", "profile.json"):
        assert (again.path / file).read_bytes() == (whole.path / file).read_bytes()
    assert engine.Measures().duplicates == "none"


def test_near_duplicates_between_datasets_are_those_of_brute_force(large: list[Spoken], tmp_path: Path) -> None:
    """Of two halves of 1,500 dialogues, with what is template in one counting in neither; short ones by their words."""
    ours = [["Say hi", "Hi there"], *large[:900]]
    theirs = [["say HI!", "hi there."], ["Say hi", "No"], *large[900:]]
    a, b = (measured(some, tmp_path / f"{name}.ultraqa") for name, some in (("a", ours), ("b", theirs)))
    found = near_overlap(a, b, 2)
    assert found is not None
    pairs = dict(zip(zip(found.rows.tolist(), found.others.tolist(), strict=True), found.similarity, strict=True))
    assert pairs.pop((0, 0)) == 1
    stripped = template_of(ours) | template_of(theirs)
    left, right = ([grams(texts) - stripped for texts in some] for some in (ours, theirs))
    oracle = {(i, j): jaccard(x, y) for i, x in enumerate(left) for j, y in enumerate(right)}
    oracle = {pair: value for pair, value in oracle.items() if value >= near_duplicates.THRESHOLD}
    assert len(oracle) > 50
    assert pairs.keys() == oracle.keys()
    assert all(pairs[pair] == pytest.approx(value, abs=1e-12) for pair, value in oracle.items())


def test_near_duplicates_between_datasets_need_both_to_have_been_sought(tmp_path: Path) -> None:
    """Else nothing is known."""
    rng = random.Random(3)
    dialogues = [["Go", prose(rng, 60)]]
    a = measured(dialogues, tmp_path / "a.ultraqa")
    b = measured(dialogues, tmp_path / "b.ultraqa", duplicates="none")
    assert near_overlap(a, b, 1) is None
    assert near_overlap(a, a, 1) is not None


def test_profiles_are_compared_without_their_data(tmp_path: Path) -> None:
    """Where candidates cannot be verified nothing is said of near-duplicates; where there is none there is nothing."""
    text = prose(random.Random(3), 60)
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"data": ["Go", text]}) + "\n")
    a = ultraqa.profile(file, tmp_path / "a.ultraqa", embedder="none", tokens="none")
    b = measured([["Go", text]], tmp_path / "b.ultraqa")
    empty = measured([["Go", "Yes"]], tmp_path / "c.ultraqa")
    file.unlink()
    assert near_overlap(a, b, 1) is None
    found = near_overlap(a, empty, 1)
    assert found is not None
    assert len(found.rows) == 0


def test_copies_and_near_duplicates_add_up_to_what_is_dropped() -> None:
    """A copy of a dropped text is a copy, and a cluster counts it; intervals hold what they are of."""
    rng = random.Random(4)
    text = prose(rng, 80)
    dialogues = [
        ["Go", text],
        *[["Go", edited(text, random.Random(1), 1)]] * 9,
        *[["Go", prose(rng, 80)] for _ in range(90)],
    ]
    for options in ({}, {"representative": "longest"}):
        found = measured(dialogues, **options)
        rows = {(row.metric, row.statistic): row for row in found.rows() if row.scope == "dialogue"}
        dropped = found.dialogues().duplicate_of.notna().sum()
        assert dropped == 9
        assert rows["exact_duplicates", "count"].value == 8
        assert rows["near_duplicates", "count"].value == 1
        share = rows["near_duplicates", "share"]
        assert share.low < share.value < share.high  # type: ignore[operator]
        assert share.high < 0.1  # type: ignore[operator]
        (cluster,) = found.document["near_duplicates"]["scopes"][0]["clusters"]
        assert cluster["texts"] == 10


def test_templated_dialogues_of_two_datasets_are_told_apart(tmp_path: Path) -> None:
    """What a template leaves is too little to call them alike: here the numbers are all that differs."""
    rng = random.Random(2)
    opener, bodies = prose(rng, 60), [prose(rng, 6) for _ in range(100)]
    sides = [
        measured([["Please help", f"{opener} {body} makes {k}"] for body in bodies], tmp_path / f"{k}.ultraqa")
        for k in (1, 2)
    ]
    found = near_overlap(*sides, 1)
    assert found is not None
    assert len(found.rows) == 0
