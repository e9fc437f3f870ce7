"""Token counts by chunks are those of the tokenizer itself, added tokens removed, on every text, with every cache."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from ultraqa.analysis import pieces
from ultraqa.analysis.pieces import PieceCache, PieceLog, Pieces
from ultraqa.dialogues.batch import Batch, BatchBuilder, Dialogue, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FRAGMENTS: Final = (
    "the", "The", " the", "ing", "Hello", "world", "don't", "1984", "3.14", " ", "  ", "     ", " " * 17, "\n", "\n\n",
    "\t", "\r\n", "▁", "▁▁", "▁the", "a▁b", "</s>", "<s>", "<unk>", "<0x0A>", "<|im_end|>", "[INST]", "s>", "</",
    "\x00", "\x01", "\x7f", "\ufeff", "é", "e\u0301", "ß", "Мир", "привет", "שלום", "سلام", "हिन्दी", "漢字",
    "你好，世界", "ひらがな", "สวัสดี", "한국어", "😀",
    "👩‍👩‍👧", "🇫🇷", "\U00020000", "\U0010ffff", "\u2028", "\xa0", "…", "—", "“q”", "==" * 9,
    "def f(x):\n    return x", "{}", "http://a.b/c?d=e",
)  # fmt: skip
TEXTS: Final = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join),
    st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=40).map(" ".join),
    st.text("aeinst▁ ", max_size=60),
)


def batch_of(texts: Sequence[str]) -> Batch:
    """All texts as the messages of one dialogue."""
    builder = BatchBuilder()
    builder.add("file", Record(0, 0, "messages", [Dialogue("u" * len(texts), list(texts), "")], {}))
    return builder.batch()


def plain(file: Path) -> Tokenizer:
    """The tokenizer of a file as the tokenizers library runs it, without added tokens, limits, padding and dropout."""
    described = json.loads(file.read_bytes())
    described |= {"added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
    described["model"]["dropout"] = None
    return Tokenizer.from_str(json.dumps(described))


def lengths(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    """Pieces of each text."""
    return [len(encoded.ids) for encoded in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


@pytest.fixture(scope="module")
def llama() -> Pieces:
    """The default tokenizer."""
    return pieces.load()


@pytest.fixture(scope="module")
def oracle() -> Tokenizer:
    """The default tokenizer run by its library."""
    return plain(pieces.default_tokenizer())


@pytest.fixture(scope="module")
def cache() -> PieceCache:
    """A cache that keeps what all examples taught it."""
    return PieceCache(PieceLog())


@settings(max_examples=500)
@given(texts=st.lists(TEXTS, max_size=12))
@example(texts=[])
@example(texts=["", " ", "  ", "▁", "▁▁ ▁", "\n", "a", " a", "a "])
@example(texts=list(FRAGMENTS))
@example(texts=["x" * 70_000, " " * 5_000, "\n" * 5_000, "ab " * 30_000])
def test_chunk_counts_are_the_tokenizers(texts: list[str], llama: Pieces, oracle: Tokenizer, cache: PieceCache) -> None:
    """On any text, with a warm cache and with an empty one."""
    wanted = lengths(oracle, texts)
    assert pieces.tokens(batch_of(texts), llama, cache).tolist() == wanted
    assert pieces.tokens(batch_of(texts), llama, PieceCache(PieceLog())).tolist() == wanted


def test_special_tokens_written_in_a_text_are_text(llama: Pieces, cache: PieceCache) -> None:
    """``</s>`` is spelled out, and no token is added at the start or the end."""
    counts = pieces.tokens(batch_of(["", "Hello", "</s>", "<s>Hello</s>"]), llama, cache).tolist()
    assert counts[:2] == [0, 1]
    assert counts[2] > 1
    assert counts[3] > 3


@given(texts=st.lists(TEXTS, max_size=8), cut=st.integers(0, 8))
def test_counts_of_a_batch_are_those_of_its_parts(texts: list[str], cut: int, llama: Pieces) -> None:
    """The law of stage one for tokens: the whole equals the parts one after the other."""
    cache = PieceCache(PieceLog())
    parts = [pieces.tokens(batch_of(part), llama, cache) for part in (texts[:cut], texts[cut:])]
    whole = pieces.tokens(batch_of(texts), llama, PieceCache(PieceLog()))
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@settings(max_examples=60)
@given(data=st.data(), texts=st.lists(st.lists(TEXTS, max_size=6), min_size=1, max_size=6))
def test_what_caches_know_changes_no_count(data: st.DataObject, texts: list[list[str]], llama: Pieces) -> None:
    """Two caches with one log, each fed in an order of its own, count like a new one."""
    log = PieceLog()
    both = (PieceCache(log), PieceCache(log))
    turns = data.draw(st.lists(st.tuples(st.integers(0, 1), st.sampled_from(texts)), max_size=12))
    for which, some in turns:
        wanted = pieces.tokens(batch_of(some), llama, PieceCache(PieceLog()))
        np.testing.assert_array_equal(pieces.tokens(batch_of(some), llama, both[which]), wanted)


def test_a_cache_that_outgrows_its_table_still_counts(llama: Pieces, oracle: Tokenizer) -> None:
    """Two hundred thousand different chunks, several times what the first table holds."""
    texts = [" ".join(f"w{1000 * i + k}q" for k in range(1000)) for i in range(70)]
    cache = PieceCache(PieceLog())
    for start in (*range(0, 70, 10), *range(0, 70, 10)):
        some = texts[start : start + 10]
        assert pieces.tokens(batch_of(some), llama, cache).tolist() == lengths(oracle, some)


SENTENCEPIECE: Final[dict[str, Any]] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ],
    },
    "pre_tokenizer": None,
    "post_processor": None,
    "decoder": None,
    "model": {
        "type": "BPE",
        "dropout": None,
        "unk_token": "<unk>",
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {"<unk>": 0, "▁": 1, "a": 2, "b": 3, "c": 4, "ab": 5, "▁a": 6, "▁ab": 7, "bc": 8, "▁▁": 9, "aa": 10},
        "merges": [["a", "b"], ["▁", "a"], ["▁", "ab"], ["b", "c"], ["▁", "▁"], ["a", "a"]],
    },
}
"""A tokenizer of LLaMA's kind with eleven pieces."""

INNER: Final = {
    "vocab": {**SENTENCEPIECE["model"]["vocab"], "b▁": 11, "b▁a": 12},
    "merges": [["b", "▁"], ["b▁", "a"], *SENTENCEPIECE["model"]["merges"]],
}
SUFFIXED: Final = {
    "vocab": {"<unk>": 0, "▁": 1, "a": 2, "b": 3, "a</w>": 4, "b</w>": 5, "ab</w>": 6, "▁a": 7},
    "merges": [["a", "b</w>"], ["▁", "a"]],
}
PREFIXED: Final = {
    "vocab": {"<unk>": 0, "▁": 1, "##a": 2, "##b": 3, "▁a": 4, "##ab": 5, "##▁": 6},
    "merges": [["##a", "##b"], ["▁", "##a"]],
}
KINDS: Final[dict[str, dict[str, Any]]] = {
    "as LLaMA's": {},
    "unknown characters fused": {"model": {"fuse_unk": True}},
    "unknown characters fused where bytes are missing": {"model": {"fuse_unk": True, "byte_fallback": True}},
    "pieces with a blank inside": {"model": INNER},
    "words with a suffix": {"model": {**SUFFIXED, "end_of_word_suffix": "</w>"}},
    "pieces with a prefix": {"model": {**PREFIXED, "continuing_subword_prefix": "##"}},
    "whole words looked up first": {"model": {"ignore_merges": True}},
    "no normaliser": {"normalizer": None},
    "lower-casing": {"normalizer": {"type": "Lowercase"}},
    "a pre-tokenizer": {"pre_tokenizer": {"type": "Whitespace"}},
    "dropout": {"model": {"dropout": 0.5}},
    "truncation": {"truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}},
    "padding": {"padding": {
        "strategy": {"Fixed": 30}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
        "pad_token": "<unk>",
    }},
    "added tokens": {"added_tokens": [{
        "id": 99, "content": "ab", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
        "special": True,
    }]},
}  # fmt: skip


def written(folder: Path, changes: dict[str, Any]) -> Path:
    """A tokenizer file of SENTENCEPIECE's kind with some of its settings changed."""
    described = {**SENTENCEPIECE, **changes}
    described["model"] = {**SENTENCEPIECE["model"], **changes.get("model", {})}
    file = folder / "tiny.json"
    file.write_text(json.dumps(described), encoding="utf-8")
    return file


@pytest.mark.parametrize("kind", KINDS)
def test_any_tokenizer_counts_as_its_library_does(kind: str, tmp_path: Path) -> None:
    """Whatever it does with blanks, unknown characters, affixes or limits: cut where exact, else encoded whole."""
    file = written(tmp_path, KINDS[kind])
    pieces.load.cache_clear()
    loaded, oracle = pieces.load(file), plain(file)
    rng = np.random.default_rng(5)
    texts = ["", "ab", "xy", " ab ab", "b a"] + ["".join(rng.choice(list("aabbc x▁Aé"), size=n)) for n in range(200)]
    assert pieces.tokens(batch_of(texts), loaded, PieceCache(PieceLog())).tolist() == lengths(oracle, texts)


def test_only_tokenizers_whose_texts_may_be_cut_are_chunked(llama: Pieces, tmp_path: Path) -> None:
    """LLaMA's is, and one of its kind; one with a pre-tokenizer is encoded whole."""
    assert llama.chunked
    for kind, chunked in (("as LLaMA's", True), ("a pre-tokenizer", False)):
        pieces.load.cache_clear()
        assert pieces.load(written(tmp_path, KINDS[kind])).chunked == chunked


def test_a_tokenizer_is_named_by_its_file_and_hash(llama: Pieces, tmp_path: Path) -> None:
    """What stands in the rows: the file's stem, or that it is LLaMA's."""
    assert llama.name.startswith("llama")
    found = pieces.load(written(tmp_path, {}))
    assert found.name == "tiny"
    assert found.sha256 != llama.sha256


@pytest.mark.parametrize("content", ["", "[]", "{}", "not json", '{"model": {"type": "Nothing", "vocab": {}}}'])
def test_a_file_that_is_no_tokenizer_is_refused_by_name(content: str, tmp_path: Path) -> None:
    """A ValueError that a reader understands."""
    file = tmp_path / "wrong.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"wrong\.json is not a tokenizer\.json"):
        pieces.load(file)


def strings(folder: Path) -> Iterator[str]:
    """Every string in every JSON, JSONL and CSV file of a folder, keys left out."""
    for file in sorted(path for path in folder.rglob("*") if path.suffix in {".json", ".jsonl", ".csv"}):
        with file.open(encoding="utf-8", errors="replace", newline="") as opened:
            if file.suffix == ".csv":
                yield from (cell for row in csv.reader(opened) for cell in row)
                continue
            raw = opened.read()
        pending: list[Any] = [json.loads(one) for one in (raw.split("\n") if file.suffix == ".jsonl" else [raw]) if one]
        while pending:
            value = pending.pop()
            if isinstance(value, str):
                yield value.encode("utf-8", "replace").decode()
            elif isinstance(value, dict | list):
                pending.extend(value.values() if isinstance(value, dict) else value)


def test_chunk_counts_are_the_tokenizers_on_real_text(
    real_data: Path, llama: Pieces, oracle: Tokenizer, cache: PieceCache
) -> None:
    """Every distinct string of all real files."""
    found = list(dict.fromkeys(strings(real_data / "data")))
    assert len(found) > 100_000
    for start in range(0, len(found), 2_000):
        some = found[start : start + 2_000]
        assert pieces.tokens(batch_of(some), llama, cache).tolist() == lengths(oracle, some)
