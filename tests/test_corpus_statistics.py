"""The statistics of a sample at a budget of words: golden values, brute force, and intervals of the right width."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from ultraqa.analysis import diversity, words
from ultraqa.analysis.corpus import Sample, SampledText, sampled_text
from ultraqa.dialogues.batch import Batch, BatchBuilder, Dialogue, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

GOLDEN: Final[dict[str, dict[str, Any]]] = json.loads((Path(__file__).parent / "golden" / "corpus.json").read_text())
TEN_EQUAL: Final = ["five words say the same"] * 10


def batch_of(dialogues: Sequence[Sequence[str]]) -> Batch:
    """Dialogues of assistant messages."""
    builder = BatchBuilder()
    for texts in dialogues:
        builder.add("file", Record(0, 0, "messages", [Dialogue("a" * len(texts), list(texts), "")], {}))
    return builder.batch()


def sample_of(dialogues: Sequence[Sequence[str]]) -> SampledText:
    """Dialogues as a sample, in the order given."""
    batch = batch_of(dialogues)
    found = words.vocabulary(batch.text, batch.message_offsets)
    rows = np.arange(len(dialogues))
    return SampledText(
        found.ids, found.offsets, batch.dialogue_offsets, rows, np.zeros(len(dialogues), np.uint64), found.words
    )


def measured(sample: SampledText, budget: int) -> dict[str, float | None]:
    """Every statistic at one budget."""
    return {one.metric: one.value for one in diversity.measure(sample, [budget])}


def assert_close(found: dict[str, float | None], wanted: dict[str, float | None]) -> None:
    """The same statistics, to 1e-9, undefined in the same places."""
    assert set(found) == set(wanted)
    for metric, value in wanted.items():
        assert found[metric] == (value if value is None else pytest.approx(value, rel=0, abs=1e-9)), metric


def golden_texts(folder: Path, name: str) -> list[str]:
    """The texts of a golden corpus, if they are those the values were computed from."""
    wanted = GOLDEN[name]
    if "file" not in wanted:
        return TEN_EQUAL
    raw = (folder / wanted["file"]).read_bytes()
    assert hashlib.sha256(raw).hexdigest() == wanted["sha256"], (
        f"{wanted['file']} is another text than the values are of"
    )
    if wanted["file"].endswith(".txt"):
        return [line.strip() for line in raw.decode().splitlines()]
    if wanted["file"].endswith(".jsonl"):
        return [json.loads(line)["text"] for line in raw.decode().splitlines()]
    return list(json.loads(raw))


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_statistics_of_a_corpus(name: str, golden: Path) -> None:
    """Distinct, entropy, missing mass and Heaps to 1e-9; Zipf to 1e-5, to which the reference searched for it."""
    wanted, texts = GOLDEN[name], golden_texts(golden, name)
    assert len(texts) == wanted["dialogues"]
    sample = sample_of([[text] for text in texts])
    found = measured(sample, len(sample.ids))
    for statistic in (f"{kind}_{n}" for kind in ("distinct", "entropy") for n in diversity.ORDERS):
        assert found[statistic] == pytest.approx(wanted[statistic], rel=0, abs=1e-9), statistic
    for n in (1, 2):
        ids = diversity.ngrams(sample)[n]
        spectrum = diversity.spectrum(ids[ids >= 0])
        assert spectrum[:3] == tuple(wanted[f"spectrum_{n}"][key] for key in ("total", "types", "once"))
        assert found[f"missing_mass_{n}"] == pytest.approx(wanted[f"missing_mass_{n}"], rel=0, abs=1e-9)
    assert found["vocabulary"] == wanted["spectrum_1"]["types"]
    assert found["zipf_exponent"] == pytest.approx(wanted["zipf_exponent"], rel=0, abs=1e-5)
    if wanted["heaps_exponent"] is None:
        assert found["heaps_exponent"] is None
    else:
        assert found["heaps_exponent"] == pytest.approx(wanted["heaps_exponent"], rel=0, abs=1e-9)


@pytest.mark.parametrize("name", [name for name in GOLDEN if "file" in GOLDEN[name]])
def test_golden_compression_of_a_text(name: str, golden: Path) -> None:
    """One run of gzip -9 over the texts joined by blanks, to 1e-9."""
    text = " ".join(golden_texts(golden, name)).encode()
    assert len(text) == GOLDEN[name]["bytes"]
    assert diversity.compression_ratio(text) == pytest.approx(GOLDEN[name]["gzip_ratio"], rel=0, abs=1e-9)


def test_golden_self_repetition_of_ten_equal_sentences() -> None:
    """Ten dialogues of two 4-grams, each of which nine others hold: ln(1 + 18), to 1e-9."""
    found = measured(sample_of([[text] for text in TEN_EQUAL]), 50)
    assert found["self_repetition_4"] == pytest.approx(math.log(19), rel=0, abs=1e-9)
    assert found["self_repetition_4"] == pytest.approx(GOLDEN["g08_identical_x10"]["self_repetition_4"], abs=1e-9)


# --- brute force -----------------------------------------------------------------------------------------------------


def cut(dialogues: Sequence[Sequence[str]], budget: int) -> list[list[list[str]]]:
    """The first ``budget`` words, in their messages and dialogues."""
    kept, left = [], budget
    for texts in dialogues:
        messages = []
        for text in texts:
            found = words.words(text)[:left]
            left -= len(found)
            messages.append(found)
        if any(messages):
            kept.append(messages)
    return kept


def grams_of(message: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """The n-grams of a message."""
    return [tuple(message[i : i + n]) for i in range(len(message) - n + 1)]


def zipf(counts: Counter[str]) -> float | None:
    """Where the derivative of the likelihood is 0, within the limits of the search."""
    f = sorted(counts.values(), reverse=True)
    if len(f) < 2:
        return None

    def slope(s: float) -> float:
        weights = [r**-s for r in range(1, len(f) + 1)]
        logs = [math.log(r) for r in range(1, len(f) + 1)]
        expected = sum(w * x for w, x in zip(weights, logs, strict=True)) / sum(weights)
        return expected - sum(k * x for k, x in zip(f, logs, strict=True)) / sum(f)

    if slope(0.3) <= 0:
        return 0.3
    return 3.0 if slope(3.0) >= 0 else float(brentq(slope, 0.3, 3.0))


def heaps(tokens: Sequence[str]) -> float | None:
    """Least squares on the vocabulary at 100, 121, 146 ... words."""
    points = [100]
    while points[-1] <= len(tokens):
        points.append(int(points[-1] * 1.2) + 1)
    points.pop()
    if len(points) < 4:
        return None
    x, y = np.log(points), np.log([len(set(tokens[:n])) for n in points])
    return float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())


def brute(dialogues: Sequence[Sequence[str]], budget: int) -> dict[str, float | None]:
    """Every statistic in plain Python."""
    kept = cut(dialogues, budget)
    messages = [message for dialogue in kept for message in dialogue if message]
    found: dict[str, float | None] = {}
    for n in diversity.ORDERS:
        counts = Counter(gram for message in messages for gram in grams_of(message, n))
        total = counts.total()
        found[f"distinct_{n}"] = len(counts) / total if total else None
        found[f"entropy_{n}"] = -sum(k / total * math.log2(k / total) for k in counts.values()) if total else None
        if n <= 3:
            found[f"missing_mass_{n}"] = sum(k == 1 for k in counts.values()) / total if total else None
    tokens = [word for message in messages for word in message]
    held = [{gram for message in dialogue for gram in grams_of(message, 4)} for dialogue in kept]
    logs = [math.log(1 + sum(sum(g in other for other in held) - 1 for g in own)) for own in held if own]
    text = "\n".join(" ".join(message) for message in messages).encode()
    return found | {
        "vocabulary": len(set(tokens)),
        "self_repetition_4": sum(logs) / len(logs) if logs else None,
        "compression_ratio": len(text) / len(gzip.compress(text, 9)),
        "zipf_exponent": zipf(Counter(tokens)),
        "heaps_exponent": heaps(tokens),
    }


WORDS: Final = st.sampled_from(("a", "b", "c", "the", "cat", "Dog", "don't", "漢字", "9", "é"))
MESSAGES: Final = st.lists(WORDS, max_size=25).map(" ".join)
SPOKEN: Final = st.lists(MESSAGES, min_size=1, max_size=4).filter(lambda texts: bool(words.words(" ".join(texts))))
DIALOGUES: Final = st.lists(SPOKEN, min_size=1, max_size=12)


@settings(max_examples=200)
@given(dialogues=DIALOGUES, data=st.data())
def test_every_statistic_at_any_budget_is_the_brute_force_one(dialogues: list[list[str]], data: st.DataObject) -> None:
    """To 1e-9: the last dialogue is cut, n-grams stay within messages, budgets that are not reached are left out."""
    size = sum(len(words.words(text)) for texts in dialogues for text in texts)
    budgets = sorted(data.draw(st.sets(st.integers(4, size + 5), min_size=1, max_size=4)))
    found = list(diversity.measure(sample_of(dialogues), budgets))
    assert sorted({one.budget for one in found}) == [budget for budget in budgets if budget <= size]
    for budget in {one.budget for one in found}:
        mine = {one.metric: one.value for one in found if one.budget == budget}
        assert_close(mine, brute(dialogues, budget))
        assert {one.n for one in found if one.budget == budget} == {len(cut(dialogues, budget))}


def zipfian(seed: int, dialogues: int, length: int) -> list[list[str]]:
    """Dialogues of two messages whose words are as often as in a language."""
    rng = np.random.default_rng(seed)
    spelled = ["".join("abcdefghij"[int(c)] for c in str(k)) for k in range(5_000)]
    weights = 1 / np.arange(3, 5_003)
    drawn = rng.choice(spelled, (dialogues, 2, length // 2), p=weights / weights.sum())
    return [[" ".join(message) for message in dialogue] for dialogue in drawn.tolist()]


def test_statistics_of_a_large_sample_are_the_brute_force_ones() -> None:
    """Twelve thousand words, where ids and tables no longer fit a byte; Heaps and Zipf have their range."""
    dialogues = zipfian(3, 200, 60)
    found, wanted = measured(sample_of(dialogues), 11_999), brute(dialogues, 11_999)
    assert None not in wanted.values()
    assert_close(found, wanted)


def replies(seed: int, size: int) -> list[list[str]]:
    """Dialogues of very different lengths with phrases in common, as replies of a model have them."""
    (phrases,) = zipfian(99, 1, 2_400)
    rng, words_ = np.random.default_rng(seed), iter(" ".join(zipfian(seed, 1, 4 * size)[0]).split())
    pool = phrases[0].split()
    found: list[list[str]] = []
    while size > 0:
        pieces = []
        for _ in range(1 + int(rng.lognormal(2.2, 0.7))):
            k = int(300 ** rng.random()) - 1  # the first of 300 phrases are the most frequent
            pieces += pool[4 * k : 4 * k + 4] if rng.random() < 0.35 else [next(words_) for _ in range(4)]
        found.append([" ".join(pieces)])
        size -= len(pieces)
    return found


def test_intervals_are_as_wide_as_the_statistic_varies() -> None:
    """Over 80 corpora from one source: half-width / 2.093 (Student's t) is the standard deviation, times .75 to 1.5."""
    corpora = [list(diversity.measure(sample_of(replies(seed, 10_000)), [10_000])) for seed in range(80)]
    for i, metric in enumerate(one.metric for one in corpora[0]):
        values = np.array([corpus[i].value for corpus in corpora], float)
        ends = np.array([(corpus[i].low, corpus[i].high) for corpus in corpora], float)
        if np.isnan(ends).all():
            assert metric in {"zipf_exponent", "heaps_exponent"}
            continue
        ratio = (ends[:, 1] - ends[:, 0]).mean() / 2 / 2.093 / values.std(ddof=1)
        assert 0.75 < ratio < 1.5, (metric, ratio)


def test_intervals_do_not_need_blocks_of_equal_size() -> None:
    """A dialogue longer than several blocks leaves blocks without a word: every statistic has its interval."""
    sizes = [5, 4_000, 7, 3_000, *[6] * 40, 3_000]
    words_ = iter(" ".join(zipfian(5, 1, sum(sizes) + 10)[0]).split())
    sample = sample_of([[" ".join(next(words_) for _ in range(size))] for size in sizes])
    for one in diversity.measure(sample, [10_000]):
        if one.metric not in {"zipf_exponent", "heaps_exponent"}:
            assert one.low is not None, one.metric
            assert one.low <= one.value <= one.high, one.metric


def test_the_interval_of_the_vocabulary_is_that_of_its_share() -> None:
    """At a budget of B words the vocabulary is B times distinct_1, and so is its interval."""
    found = {one.metric: one for one in diversity.measure(sample_of(replies(1, 3_000)), [3_000])}
    for a, b in zip(found["vocabulary"][2:5], found["distinct_1"][2:5], strict=True):
        assert a == pytest.approx(3_000 * b, rel=1e-9)


def test_intervals_are_reproducible_and_need_twenty_dialogues() -> None:
    """The same sample gives the same intervals; below twenty dialogues there are none."""
    sample = sample_of(zipfian(1, 40, 30))
    first, again = (list(diversity.measure(sample, [1_000])) for _ in range(2))
    assert first == again
    few = list(diversity.measure(sample, [19 * 30]))
    assert {one.n for one in few} == {19}
    assert {one.low for one in few} == {None}
    enough = {one.metric: one for one in diversity.measure(sample, [20 * 30])}
    assert enough["distinct_1"].low is not None


def test_intervals_above_the_largest_drawn_budget_shrink_with_its_root() -> None:
    """Four times the words, half the width."""
    budget = diversity.DRAWN_BUDGET
    sample = sample_of(zipfian(1, 4 * budget // 300 + 1, 300))
    found = {(one.metric, one.budget): one for one in diversity.measure(sample, [budget, 4 * budget])}
    drawn, scaled = found["distinct_2", budget], found["distinct_2", 4 * budget]
    assert drawn.low is not None
    assert drawn.high is not None
    assert scaled.low is not None
    assert scaled.high is not None
    assert scaled.high - scaled.low == pytest.approx((drawn.high - drawn.low) / 2, rel=1e-9)


# --- samples as word ids ---------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(dialogues=DIALOGUES, data=st.data())
@example(dialogues=[["a b", "", "b c"], ["c"]], data=None)
def test_a_part_of_a_sample_is_the_sample_of_the_part(dialogues: list[list[str]], data: st.DataObject | None) -> None:
    """``of_rows`` keeps order, messages and words; its statistics are those of the chosen dialogues alone."""
    rows = data.draw(st.lists(st.integers(0, 12), unique=True)) if data else [1]
    chosen = [texts for row, texts in enumerate(dialogues) if row in rows]
    part = sample_of(dialogues).of_rows(np.array(rows, np.int64))
    assert part.rows.tolist() == [row for row in range(len(dialogues)) if row in rows]
    spelled = [part.vocabulary[i] for i in part.ids.tolist()]
    assert spelled == [word for texts in chosen for text in texts for word in words.words(text)]
    assert np.diff(part.message_offsets).tolist() == [len(words.words(text)) for texts in chosen for text in texts]
    assert np.diff(part.dialogue_offsets).tolist() == [len(texts) for texts in chosen]
    if len(part.ids) >= 4:
        assert_close(measured(part, len(part.ids)), measured(sample_of(chosen), len(part.ids)))


@settings(max_examples=100)
@given(dialogues=DIALOGUES)
def test_sampled_text_holds_the_words_of_the_sample_in_order_of_hash(dialogues: list[list[str]]) -> None:
    """From batch to state to word ids: the distinct dialogues by content hash, message by message."""
    walked = words.scan(batch_of(dialogues), words.Workspace())
    found = sampled_text(Sample().map(walked).assistant)
    order = sorted({int(key): row for row, key in reversed(list(enumerate(walked.dialogue_hash)))}.items())
    assert found.rows.tolist() == [row for _, row in order]
    wanted = [[words.words(text) for text in dialogues[row]] for _, row in order]
    assert [found.vocabulary[i] for i in found.ids.tolist()] == [w for texts in wanted for text in texts for w in text]
    assert np.diff(found.message_offsets).tolist() == [len(text) for texts in wanted for text in texts]
    assert np.diff(found.word_offsets).tolist() == [sum(map(len, texts)) for texts in wanted]


@pytest.mark.parametrize(
    ("compute", "nothing"),
    [
        (diversity.distinct, diversity.Spectrum(0, 0, 0, 0.0)),
        (diversity.entropy, diversity.Spectrum(0, 0, 0, 0.0)),
        (diversity.missing_mass, diversity.Spectrum(0, 0, 0, 0.0)),
        (diversity.compression_ratio, b""),
        (diversity.zipf_exponent, np.array([7])),
        (diversity.heaps_exponent, np.zeros(99, np.int32)),
    ],
)
def test_a_statistic_of_nothing_is_none(compute: Any, nothing: Any) -> None:
    """Never 0, never an error."""
    assert compute(nothing) is None
