"""The lexical indices equal their published implementations, golden values, and definitions written another way."""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ultraqa.analysis import lexical, words
from ultraqa.dialogues.batch import Batch, BatchBuilder, Dialogue, Record
from ultraqa.dialogues.files import Source
from ultraqa.dialogues.reading import batches, shards

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GOLDEN: Final = json.loads((Path(__file__).parent / "golden" / "lexical.json").read_text())
FETCHED: Final = json.loads((Path(__file__).parent / "golden" / "fetched.json").read_text())

TOKENIZERS: Final[dict[str, Callable[[str], list[str]]]] = {
    "uqa_words": words.words,
    "lexicalrichness": words.paper_words,
    "whitespace_lower": lambda text: text.lower().split(),
}
NEW: Final = [f"w{i}" for i in range(30)]
EDGES: Final[dict[str, list[str]]] = {
    "empty": [],
    "single": ["a"],
    "all_unique_30": NEW,
    "all_same_30": ["w"] * 30,
    "exact_072_at_25": [*NEW[:18], *NEW[:7]],
    "exact_072_at_25_then_10_new": [*NEW[:18], *NEW[:7], *NEW[20:30]],
    "last_token_closes_factor": ["of", "the", "people", "by", "the", "people"],
    "two_same": ["w", "w"],
    "four_cycle_40": ["a", "b", "c", "d"] * 10,
}
FEW, MANY = st.sampled_from("abcdefgh"), st.integers(0, 60).map(str)
TOKENS: Final = (
    st.lists(FEW, max_size=130) | st.lists(MANY, max_size=130) | st.lists(FEW | MANY, min_size=50, max_size=99)
)


def golden_text(golden: Path, name: str, sha256: str) -> bytes:
    """A golden text, if it is the one the values were computed from."""
    raw = (golden / name).read_bytes()
    assert hashlib.sha256(raw).hexdigest() == sha256, f"{name} is another text than the golden values are of"
    return raw


def batch_of(texts: Sequence[str]) -> Batch:
    """Each text as the assistant message of a dialogue."""
    builder = BatchBuilder()
    for text in texts:
        builder.add("file", Record(0, 0, "text", [Dialogue("a", [text], "")], {}))
    return builder.batch()


def assert_close(found: dict[str, float | None], wanted: dict[str, float | None]) -> None:
    """The same names and numbers to 1e-9, undefined in the same places."""
    assert {name for name in found if found[name] is None} == {name for name in wanted if wanted[name] is None}
    assert {name: value(v) for name, v in found.items()} == pytest.approx(
        {name: value(v) for name, v in wanted.items()}, rel=0, abs=1e-9, nan_ok=True
    )


def value(number: float | None) -> float:
    """A number of the kernel's kind: NaN where undefined."""
    return math.nan if number is None else number


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize("name", GOLDEN["texts"])
def test_indices_of_golden_texts(name: str, tokenizer: str, golden: Path) -> None:
    """N, V and all indices of published reference values, to 1e-9, without a minimum of words."""
    wanted = GOLDEN["texts"][name]["tokenizers"][tokenizer]
    tokens = TOKENIZERS[tokenizer](golden_text(golden, name, GOLDEN["texts"][name]["sha256"]).decode())
    found = {
        "N": len(tokens),
        "V": len(set(tokens)),
        "mtld": lexical.mtld(tokens, min_words=1),
        "mtld_paper": lexical.mtld_paper(tokens),
        "hdd": lexical.hdd(tokens, min_words=1),
        "mattr_50": lexical.mattr_50(tokens, min_words=1),
        "yule_k": lexical.yule_k(tokens, min_words=1),
    }
    assert_close(found, wanted)


@pytest.mark.parametrize("name", GOLDEN["texts"])
def test_the_kernel_gives_the_golden_values(name: str, golden: Path) -> None:
    """The kernel on whole golden texts, to 1e-9: its words are ``uqa_words``, its paper stream LexicalRichness's."""
    raw = golden_text(golden, name, GOLDEN["texts"][name]["sha256"])
    ours, paper = (GOLDEN["texts"][name]["tokenizers"][tokenizer] for tokenizer in ("uqa_words", "lexicalrichness"))
    batch = batch_of([raw.decode()])
    found = words.scan(batch, words.Workspace(), min_words=1)
    assert found.words[0] == ours["N"]
    assert len(words.vocabulary(batch.text, batch.message_offsets).words) == ours["V"]
    for index in ("mtld", "hdd", "mattr_50", "yule_k"):
        assert getattr(found, index)[0] == pytest.approx(value(ours[index]), rel=0, abs=1e-9, nan_ok=True), index
    assert found.mtld_paper[0] == pytest.approx(paper["mtld_paper"], rel=0, abs=1e-9)


@pytest.mark.parametrize("name", FETCHED)
def test_means_over_golden_replies(name: str, golden: Path) -> None:
    """Means over replies of chat models as the kernel and the oracle give them, to 1e-9.

    The golden values take fractions such as ½ for words, which they are not here: three of 14,070 words in one of the
    files, whose HD-D and MATTR agree to 1e-4.
    """
    wanted = FETCHED[name]
    records = [json.loads(line) for line in golden_text(golden, name, wanted["sha256"]).decode().splitlines()]
    texts = [r["output"] if "output" in r else " ".join(m["content"] for m in r["messages"]) for r in records]
    found = words.scan(batch_of(texts), words.Workspace(), min_words=1)
    assert len(texts) == wanted["n"]
    fractions = sum(unicodedata.category(c) in {"No", "Nl"} for text in texts for c in text)
    assert found.words.sum() == wanted["words"] - fractions
    assert (found.words >= 50).sum() == wanted["n_from_50_words"]
    oracle = {
        "mtld_paper": [value(lexical.mtld_paper(words.paper_words(text))) for text in texts],
        "hdd": [value(lexical.hdd(words.words(text), min_words=1)) for text in texts],
        "mattr_50": [value(lexical.mattr_50(words.words(text), min_words=1)) for text in texts],
    }
    for index, values in oracle.items():
        tolerance = 1e-4 if fractions and index != "mtld_paper" else 1e-9
        assert np.nanmean(values) == pytest.approx(wanted[index], rel=0, abs=tolerance), index
        assert np.nanmean(getattr(found, index)) == pytest.approx(wanted[index], rel=0, abs=tolerance), index


@pytest.mark.parametrize("name", EDGES)
def test_indices_of_edge_cases(name: str) -> None:
    """Token lists at which packages disagree: the factor that closes at exactly .72, at the last token, or never."""
    tokens, wanted = EDGES[name], GOLDEN["edges"][name]
    found = {
        "N": len(tokens),
        "V": len(set(tokens)),
        "mtld": lexical.mtld(tokens, min_words=1),
        "yule_k": lexical.yule_k(tokens, min_words=1),
        "mtld_paper": lexical.mtld_paper(tokens),
    }
    assert_close(found, wanted)


@pytest.mark.parametrize("name", EDGES)
def test_the_kernel_on_edge_cases(name: str) -> None:
    """The same lists, each token spelled as a word of letters."""
    spelled = {token: "x" + "".join("abcdefghij"[ord(c) % 10] for c in token) for token in EDGES[name]}
    assert len(set(spelled.values())) == len(spelled)
    found = words.scan(batch_of([" ".join(spelled[token] for token in EDGES[name])]), words.Workspace(), min_words=1)
    for index in ("mtld", "yule_k", "mtld_paper"):
        wanted = value(GOLDEN["edges"][name][index])
        assert getattr(found, index)[0] == pytest.approx(wanted, rel=0, abs=1e-9, nan_ok=True), index


@given(tokens=TOKENS)
def test_mtld_is_the_mean_length_of_factors_in_exact_arithmetic(tokens: list[str]) -> None:
    """Factors found by cutting the list, in both directions, with integers instead of a ratio of floats."""

    def factors(rest: list[str]) -> float:
        total = 0.0
        while rest:
            n = next((n for n in range(1, len(rest) + 1) if 25 * len(set(rest[:n])) <= 18 * n), None)
            if n is None:
                return total + (1 - len(set(rest)) / len(rest)) / (1 - 0.72)
            total, rest = total + 1, rest[n:]
        return total

    forward, backward = factors(tokens), factors(tokens[::-1])
    wanted = (len(tokens) / forward + len(tokens) / backward) / 2 if forward else None
    assert value(lexical.mtld(tokens, min_words=0)) == pytest.approx(value(wanted), rel=1e-12, nan_ok=True)


@given(tokens=TOKENS)
def test_the_other_indices_equal_their_formulas_in_exact_arithmetic(tokens: list[str]) -> None:
    """HD-D from binomials of integers, MATTR from its windows, Yule's K from pairs, repeated 5-grams one by one."""
    n, counts = len(tokens), Counter(tokens)
    if n >= 42:
        hdd = sum(1 - math.comb(n - f, 42) / math.comb(n, 42) for f in counts.values()) / 42
        assert lexical.hdd(tokens, min_words=1) == pytest.approx(hdd, rel=0, abs=1e-12)
    if n >= 50:
        ratios = [len(Counter(tokens[i : i + 50])) / 50 for i in range(n - 49)]
        assert lexical.mattr_50(tokens, min_words=1) == pytest.approx(sum(ratios) / len(ratios), rel=1e-12)
    if n >= 2:
        pairs = sum(tokens[i] == tokens[j] for i in range(n) for j in range(n) if i != j)
        assert lexical.yule_k(tokens, min_words=1) == pytest.approx(1e4 * pairs / n**2, rel=1e-12)
    if n >= 5:
        grams = [tokens[i : i + 5] for i in range(n - 4)]
        repeated = sum(gram in grams[:i] for i, gram in enumerate(grams))
        assert lexical.duplicated_5grams(tokens) == pytest.approx(repeated / len(grams), rel=0, abs=1e-12)


@given(tokens=TOKENS)
def test_indices_are_none_exactly_where_they_are_undefined(tokens: list[str]) -> None:
    """Below 50 words, below their own minimum, without a word, and for MTLD where no word comes twice."""
    n, repeats = len(tokens), len(set(tokens)) < len(tokens)
    assert (lexical.mtld(tokens) is not None) == (n >= 50 and repeats)
    assert (lexical.mtld_paper(tokens) is not None) == (n > 0)
    for index, least in ((lexical.hdd, 42), (lexical.mattr_50, 50), (lexical.yule_k, 2)):
        assert (index(tokens) is not None) == (n >= 50)
        assert (index(tokens, min_words=1) is not None) == (n >= least)
    assert (lexical.duplicated_5grams(tokens) is not None) == (n >= 5)
    if n and not repeats:
        assert lexical.mtld_paper(tokens) == n


PIECES: Final = (
    "the", "The", "of", "well-known", "don't", "don’t", "1984", "x2y", "–", "—", "...", "snake_case", "ΑΣ", "İ", "Ⱥ",
    "é", "漢字", "한국어", "हिन्दी", "สวัสดี", "😀", "\xa0", "\x1c", "\x00", "\u2028",
    "e\u0301", "\n", "a\tb", "“q”", "…", "", "²",
)  # fmt: skip
ODD_TEXTS: Final = st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=60).map(" ".join)


def lexicalrichness() -> Any:
    """The package behind the UltraChat table."""
    return pytest.importorskip("lexicalrichness", reason="lexicalrichness, the oracle of mtld_paper, is not installed")


def assert_mtld_is_lexicalrichness(text: str, measured: float) -> None:
    """Exact equality; LexicalRichness divides by zero where it has no token."""
    theirs = lexicalrichness().LexicalRichness(text)
    if theirs.words == 0:
        assert math.isnan(measured)
        assert lexical.mtld_paper(words.paper_words(text)) is None
    else:
        assert theirs.wordlist == words.paper_words(text)
        assert theirs.mtld(threshold=0.72) == measured == lexical.mtld_paper(words.paper_words(text))


@settings(max_examples=200)
@given(texts=st.lists(ODD_TEXTS, max_size=6))
def test_mtld_paper_is_lexicalrichness_on_any_text(texts: list[str]) -> None:
    """Tokens and MTLD of LexicalRichness 0.5.1, bit for bit."""
    found = words.scan(batch_of(texts), words.Workspace())
    for text, measured in zip(texts, found.mtld_paper.tolist(), strict=True):
        assert_mtld_is_lexicalrichness(text, measured)


def test_mtld_paper_is_lexicalrichness_on_the_sample_dialogues(samples: Path) -> None:
    """Every message of every file in data-samples, bit for bit."""
    compared = 0
    for file in sorted(path for path in samples.iterdir() if path.suffix in {".json", ".jsonl", ".csv"}):
        source = Source(file.name, str(file), file.stat().st_size)
        for batch in (batch for shard in shards(source) for batch in batches(shard)):
            measured = words.scan(batch, words.Workspace()).mtld_paper
            for i in range(len(batch.roles)):
                assert_mtld_is_lexicalrichness(batch.message(i), float(measured[i]))
                compared += 1
    assert compared > 400


def test_mtld_paper_is_lexicalrichness_on_real_replies(golden: Path) -> None:
    """Every reply of the golden files of chat models, bit for bit."""
    texts = []
    for name, wanted in FETCHED.items():
        for line in golden_text(golden, name, wanted["sha256"]).decode().splitlines():
            record = json.loads(line)
            texts += [record["output"]] if "output" in record else [m["content"] for m in record["messages"]]
    found = words.scan(batch_of(texts), words.Workspace())
    for text, measured in zip(texts, found.mtld_paper.tolist(), strict=True):
        assert_mtld_is_lexicalrichness(text, measured)
