"""Stage two: which dialogues are drawn, vectors kept by text, columns added, and what no encoder leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import ultraqa
from ultraqa.analysis import drawing, language, vectors
from ultraqa.analysis.language import language_of
from ultraqa.analysis.part import part_of
from ultraqa.analysis.static import Static

if TYPE_CHECKING:
    from pathlib import Path


def records(n: int) -> list[dict[str, Any]]:
    """Dialogues of which every fourth equals the one before it."""
    return [
        {"id": str(i), "messages": [
            {"role": "user", "content": f"What is the number after {i - (i % 4 == 3)}?"},
            {"role": "assistant", "content": f"It is {i - (i % 4 == 3) + 1}, one more than the number before."},
        ]}
        for i in range(n)
    ]  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    """Everything in a folder but where its sources lie."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "sources.json"
    }


def test_everything_is_drawn_up_to_a_size_and_a_seeded_sample_above(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above it distinct dialogues of smallest content hash; another seed draws others; "all" draws all."""
    profile = ultraqa.profile(records(80), name="numbers", tokens="none", embedder="none")
    monkeypatch.setattr(drawing, "DRAWN", 20)
    assert drawing.draw(profile, 10, "auto", 0).tolist() == list(range(80))
    drawn = drawing.draw(profile, 200_000_000, "auto", 0)
    hashes = profile.column("content_hash")
    assert sorted(hashes[drawn].tolist()) == sorted(set(hashes.tolist()))[:20]
    assert drawn.tolist() != drawing.draw(profile, 200_000_000, "auto", 1).tolist()
    assert len(drawing.draw(profile, 10, "auto", 0, slow=True)) == 20
    assert len(drawing.draw(profile, 200_000_000, "all", 0)) == 80


def test_numbers_of_a_sample_are_of_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns are empty where a dialogue was not drawn, and n of the rows is the number drawn."""
    monkeypatch.setattr(drawing, "DRAWN", 40)
    monkeypatch.setattr(drawing, "AUTO_BYTES", 1)
    profile = ultraqa.profile(records(200), name="numbers", tokens="none")
    drawn = profile.column("drawn") > 0
    assert drawn.sum() == 40
    assert np.isnan(profile.column("adjacent_similarity")[~drawn]).all()
    assert np.isfinite(profile.column("adjacent_similarity")[drawn]).all()
    similarity = next(row for row in profile.rows() if row.metric == "topic_similarity" and row.scope == "dialogue")
    assert similarity.n == 40


def test_a_profile_with_vectors_does_not_depend_on_the_number_of_workers(tmp_path: Path, samples: Path) -> None:
    """The same bytes in every file with one thread and with three, vectors and topics too."""
    for workers in (1, 3):
        ultraqa.profile(samples / "sample.jsonl", tmp_path / f"{workers}", tokens="none", workers=workers)
    first, other = files(tmp_path / "1"), files(tmp_path / "3")
    assert "vectors.npy" in first
    assert first == other


def test_vectors_are_kept_once_for_each_text_and_found_by_it(tmp_path: Path) -> None:
    """Equal messages share a vector, which is the text's own to the precision of float16."""
    profile = ultraqa.profile(records(40), tmp_path / "p", name="numbers", tokens="none")
    stored = np.load(tmp_path / "p" / vectors.FILE)
    hashes = profile.column("hash", "messages")
    assert stored["hash"].tolist() == sorted(set(hashes.tolist()))
    found = vectors.space(part_of(profile))
    assert found is not None
    texts = [text for one in profile.texts(range(40)) for text in one.texts]
    wanted = Static().encode(texts)
    assert np.abs(found.messages - wanted.vectors).max() < 1e-3
    whole = np.add.reduceat(wanted.vectors * wanted.weights[:, None], np.arange(0, 80, 2), axis=0)
    assert np.abs(found.dialogues - vectors.units(whole)).max() < 2e-3


def test_without_an_encoder_nothing_of_stage_two_is_measured(tmp_path: Path) -> None:
    """No vectors, no columns, no rows, no topics."""
    profile = ultraqa.profile(records(60), tmp_path / "p", name="numbers", tokens="none", embedder="none")
    assert not (tmp_path / "p" / vectors.FILE).exists()
    assert "drawn" not in profile.columns()
    assert not [row for row in profile.rows() if row.metric in ("topic_similarity", "relevance", "vendi")]
    assert "topics" not in profile.document


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("What should I do if the cat is on the roof and will not come down?", "en"),
        ("Wie komme ich am schnellsten von Berlin nach Hamburg, und was kostet das?", "de"),
        ("¿Cómo puedo aprender a tocar la guitarra en casa sin un profesor?", "es"),
        ("我想学习做面包，请告诉我需要什么材料，怎么做才能做得好吃呢？", "zh"),
        ("ok", None),
    ],
)
def test_the_language_of_a_dialogue_is_told_from_its_beginning(text: str, wanted: str | None) -> None:
    """Also where it is only one message, and not where there are hardly any letters."""
    assert language_of([text]) == wanted


def test_the_gate_of_english_agrees_with_the_language_model(real_data: Path, tmp_path: Path) -> None:
    """Of 500 user-shared dialogues at most one in a hundred is told otherwise than by the model alone."""
    profile = ultraqa.profile(
        real_data / "data" / "sharegpt" / "sharegpt_train_small.jsonl", tmp_path / "p", tokens="none", embedder="none"
    )
    texts = [[t for r, t in zip(one.roles, one.texts, strict=True) if r in "ua"] for one in profile.texts(range(500))]
    model = language._language_model()
    differ = 0
    for some in texts:
        start = " ".join(" ".join(some[:4]).split())[:250]
        told = language_of(some)
        differ += told is not None and told != model.predict(start, k=1)[0][0].removeprefix("__label__")
    assert differ <= 5
