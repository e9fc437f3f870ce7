"""The static encoder: vectors summed over cached chunks equal vectors of whole texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wordllama
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from ultraqa.analysis.static import Static

HOME = Path(wordllama.__file__).parent


@pytest.fixture(scope="module")
def static() -> Static:
    """One for all tests: its chunks are remembered."""
    return Static()


@pytest.fixture(scope="module")
def whole() -> Any:
    """The package's own encoding of whole texts, given its files by hand because its loader asks the network."""
    (table,) = load_file(HOME / "weights" / "l2_supercat_256.safetensors").values()
    tokenizer = Tokenizer.from_file(str(HOME / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    return wordllama.WordLlamaInference(table, tokenizer)


TEXTS = [
    "The weather is lovely today.",
    "a",
    "x = 3\n\n    return x  # done",
    "Straße, naïve café, 東京 and 😀 in one line",
    "one  two   three\t\tfour",
    "word " * 3_000,
]


def test_a_text_has_the_vector_that_the_package_gives_it(static: Static, whole: Any) -> None:
    """To 1e-5 in every number, also for a text of three thousand words."""
    wanted = whole.embed(TEXTS, norm=True)
    assert np.abs(static.encode(TEXTS).vectors - wanted).max() < 1e-5


@given(texts=st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="<>"), min_size=1), min_size=1))
def test_chunks_sum_to_the_whole_text(texts: list[str]) -> None:
    """Whatever the texts, met before or not: equal to encoding each whole, to 1e-5 (no special tokens in them)."""
    static = Static()
    tokens = [static._pieces.tokenizer.encode(_normal(text), add_special_tokens=False).ids for text in texts]
    for _ in range(2):  # the second time every chunk is known
        found = static.encode(texts)
        assert found.weights.tolist() == [len(ids) for ids in tokens]
        for vector, ids in zip(found.vectors, tokens, strict=True):
            total = static._table[ids].sum(axis=0)
            assert np.abs(vector - total / np.linalg.norm(total)).max() < 1e-5


def _normal(text: str) -> str:
    return "▁" + text.replace(" ", "▁")


def test_an_empty_text_has_no_direction(static: Static) -> None:
    """Its vector is zero, its weight 0, and nothing of it is cut off."""
    found = static.encode(["", "a word"])
    assert not found.vectors[0].any()
    assert found.weights[0] == 0
    assert np.linalg.norm(found.vectors[1]) == pytest.approx(1, abs=1e-6)
    assert not found.truncated.any()


def test_what_is_alike_is_near(static: Static) -> None:
    """A paraphrase is nearer than another subject."""
    a, b, c = static.encode(
        ["How do I bake bread?", "What is a recipe for baking bread?", "Prove that the root of two is irrational."]
    ).vectors
    assert a @ b > 2 * (a @ c)
