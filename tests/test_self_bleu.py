"""Self-BLEU: golden values, nltk, a brute-force one after the definition, and laws."""

from __future__ import annotations

import json
import math
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ultraqa.analysis.self_bleu import self_bleu_4
from ultraqa.analysis.words import words

if TYPE_CHECKING:
    from pathlib import Path

GOLDEN_FILES: Final = {
    "g06_toy": "g06_toy_corpus.json",
    "g07_austen_paragraphs": "g07_austen_paragraphs.jsonl",
    "g04_kjv_verses": "g04_kjv_genesis1-3.txt",
}
TEXTS: Final = st.lists(st.lists(st.integers(0, 4), max_size=9), min_size=2, max_size=6)


def read(file: Path) -> list[str]:
    """The texts of a golden corpus."""
    raw = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        return list(json.loads(raw))
    lines = raw.splitlines()
    return [json.loads(line)["text"] for line in lines] if file.suffix == ".jsonl" else [line.strip() for line in lines]


@pytest.mark.parametrize("name", GOLDEN_FILES)
def test_golden_self_bleu_of_forty_texts(name: str, golden: Path) -> None:
    """The value that nltk gave of the first 40 texts, to 1e-9."""
    wanted: dict[str, Any] = json.loads((golden / "golden_corpus.json").read_text())[name]
    ids: dict[str, int] = {}
    messages = [[ids.setdefault(word, len(ids)) for word in words(text)] for text in read(golden / GOLDEN_FILES[name])]
    assert len(messages) == wanted["n_docs"]
    assert self_bleu_4(messages[:40]) == pytest.approx(wanted["self_bleu4_nltk_m1_uqa_first40"], rel=0, abs=1e-9)


def brute(texts: list[list[int]]) -> float:
    """BLEU of each text, written down from its definition with fractions, against every other text."""
    total = 0.0
    for i, text in enumerate(texts):
        others = texts[:i] + texts[i + 1 :]
        precisions = []
        for n in range(1, 5):
            counts, *rest = (Counter(tuple(one[k : k + n]) for k in range(len(one) - n + 1)) for one in [text, *others])
            matched = sum(min(k, max(other[gram] for other in rest)) for gram, k in counts.items())
            precisions.append(Fraction(matched or Fraction(1, 10), max(1, counts.total())))
            if n == 1 and not matched:
                break
        else:
            reference = min((abs(len(other) - len(text)), len(other)) for other in others)[1]
            penalty = 1.0 if len(text) > reference else math.exp(1 - reference / len(text))
            total += penalty * math.prod(float(p) ** 0.25 for p in precisions)
    return total / len(texts)


@settings(max_examples=300)
@given(texts=TEXTS)
def test_self_bleu_is_the_brute_force_one(texts: list[list[int]]) -> None:
    """To 1e-9, empty, short and repetitive texts among them, within 0 and 1."""
    found = self_bleu_4(texts)
    assert found == pytest.approx(brute(texts), rel=0, abs=1e-9)
    assert found is not None
    assert 0 <= found <= 1 + 1e-12


@settings(max_examples=200)
@given(texts=TEXTS)
def test_self_bleu_is_that_of_nltk(texts: list[list[int]]) -> None:
    """To 1e-9, with its smoothing method 1."""
    bleu = pytest.importorskip("nltk.translate.bleu_score", reason="nltk is not installed")
    smoothing = bleu.SmoothingFunction().method1
    scores = [
        bleu.sentence_bleu(texts[:i] + texts[i + 1 :], text, smoothing_function=smoothing)
        for i, text in enumerate(texts)
    ]
    assert self_bleu_4(texts) == pytest.approx(sum(scores) / len(scores), rel=0, abs=1e-9)


@given(texts=TEXTS, data=st.data())
def test_neither_order_nor_names_of_words_matter(texts: list[list[int]], data: st.DataObject) -> None:
    """The same texts in another order, with other ids, to 1e-12."""
    shuffled = data.draw(st.permutations(texts))
    renamed = [[97 - 7 * word for word in text] for text in shuffled]
    assert self_bleu_4(renamed) == pytest.approx(self_bleu_4(texts), abs=1e-12)


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        ([[1, 2, 3, 4, 5]] * 10, 1.0),
        ([[1, 2, 3, 4], [5, 6, 7, 8]], 0.0),
        ([[], []], 0.0),
        ([[1, 1, 1, 1], [1, 2, 3, 4]], ((1 / 4) * (0.1 / 3) * (0.1 / 2) * (0.1 / 1)) ** 0.25),
    ],
)
def test_self_bleu_by_hand(texts: list[list[int]], value: float) -> None:
    """Equal texts, texts without a common word, empty texts, and one common word of four, to 1e-12."""
    assert self_bleu_4(texts) == pytest.approx(value, rel=0, abs=1e-12)


@pytest.mark.parametrize("texts", [[], [[1, 2, 3, 4, 5]]])
def test_self_bleu_of_fewer_than_two_texts_is_none(texts: list[list[int]]) -> None:
    """Nothing to compare with."""
    assert self_bleu_4(texts) is None
