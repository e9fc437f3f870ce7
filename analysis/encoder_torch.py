"""Encoders of the sentence-transformers library: any of its models in a folder, on a GPU where there is one."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ultraqa.analysis.encoder_chunks import MAX_TOKENS, ChunkEncoder
from ultraqa.analysis.encoder_protocol import EncoderError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

NEEDED: Final = "pip install torch==2.13.0 (which has a build for CPUs), then pip install 'ultraqa[transformers]'"
HALF_IS_EXACT: Final = 0.999
_BATCH: Final = {"cpu": 8, "cuda": 128}  # on a CPU activations should stay in the cache; a GPU wants to be filled
_PROBES: Final = (
    "Yes.",
    "How do I sort a list of numbers in Python?",
    "The committee postponed its decision on the new railway line until the costs had been audited.",
    "1. Chop the onions. 2. Fry them in butter until golden. 3. Add stock and simmer for 20 minutes. " * 8,
)


def load(
    folder: Path,
    name: str,
    *,
    sha256: str = "",
    languages: frozenset[str] = frozenset(),
    device: str = "",
) -> ChunkEncoder:
    """The encoder in a folder of sentence-transformers form, read from safetensors without a connection.

    On a GPU matrices are multiplied in float16 if that is exact enough: four sentences must keep a cosine of 0.999 to
    their float32 vectors, else it computes in float32 too. MiniLM's float16 vectors have cosines above 0.99999 to those
    of float32, so similarities differ in the fifth decimal. On a CPU everything is float32.

    Args:
        folder: the model.
        name: its name; the first figures of the sha256 are added where that is computed here.
        sha256: of the weights, where already checked.
        languages: ISO codes of the languages it is made for.
        device: "cpu" or "cuda"; by default a GPU where there is one.

    Raises:
        EncoderError: the extra is missing, or this is no such model, or its weights are pickles.
    """
    weights = weight_files(folder, name)
    if not sha256:
        sha256 = digest(weights)
        name = f"{name} (sha256 {sha256[:8]})"
    model = _model(folder, name, device)
    tokenizer = _tokenizer(model, name)
    limit = min(model.max_seq_length or MAX_TOKENS, MAX_TOKENS)
    prompt = model.prompts.get(model.default_prompt_name or "") or ""
    taken = len(tokenizer.encode(prompt).ids)  # special tokens, and the prompt that the model puts before every text
    half = model.device.type == "cuda" and half_is_exact(model)
    return ChunkEncoder(
        name=name,
        sha256=sha256,
        dimension=vectors(["a"], model).shape[1],
        languages=languages,
        precision="float16" if half else "float32",
        tokenizer=tokenizer,
        window=limit - taken,
        embed=partial(vectors, model=model, half=half),
    )


def vectors(texts: list[str], model: Any, *, half: bool = False) -> NDArray[np.float32]:
    """Vectors of chunks by a SentenceTransformer, which sorts them by length; in float16 where ``half``."""
    import torch  # noqa: PLC0415  (an extra)

    kind: str = model.device.type
    precision: AbstractContextManager[Any] = torch.autocast(kind, torch.float16) if half else nullcontext()
    with precision:
        found = model.encode(texts, batch_size=_BATCH[kind], show_progress_bar=False, convert_to_numpy=True)
    return np.asarray(found, np.float32)


def half_is_exact(model: Any) -> bool:
    """Whether float16 keeps the vectors of a few sentences: cosines of at least 0.999 to those of float32."""
    exact, rounded = vectors(list(_PROBES), model), vectors(list(_PROBES), model, half=True)
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(rounded, axis=1)
    return bool(np.all((exact * rounded).sum(axis=1) >= HALF_IS_EXACT * lengths) and np.isfinite(lengths).all())


def weight_files(folder: Path, name: str) -> list[Path]:
    """The safetensors of a model's modules; pickles are refused because loading one can run any code."""
    found: list[Path] = []
    try:
        modules = [
            (str(one["type"]), folder / one["path"]) for one in json.loads((folder / "modules.json").read_bytes())
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderError(f"{name}: modules.json is not that of a sentence-transformers model ({error})") from error
    for kind, place in modules:
        if not kind.startswith("sentence_transformers."):
            raise EncoderError(f"{name} brings code of its own ({kind}), which is not run")
        files = sorted(place.glob("*.safetensors"))
        pickles = sorted(one.name for pattern in ("*.bin", "*.pt", "*.pth", "*.pkl") for one in place.glob(pattern))
        if pickles and not files:
            raise EncoderError(
                f"{name}: {pickles[0]} is a pickle, which can run any code when it is loaded; "
                "only model.safetensors is read: convert it with save_pretrained, or take another model"
            )
        found += files
    if not found:
        raise EncoderError(f"{name} holds no model.safetensors")
    return found


def digest(files: list[Path]) -> str:
    """The sha256 of a file, or of several one after another."""
    state = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while piece := opened.read(1 << 22):
                state.update(piece)
    return state.hexdigest()


def _model(folder: Path, name: str, device: str) -> Any:
    try:
        import torch  # noqa: PLC0415  (an extra, and seconds to import)
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415  (as above)
        from transformers.utils import logging  # noqa: PLC0415  (as above)
    except ImportError as error:
        raise EncoderError(f"{name} needs sentence-transformers: {NEEDED}") from error
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    bars: Any = logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        return SentenceTransformer(str(folder), device=device, local_files_only=True).float()
    except Exception as error:  # whatever a model of any kind may raise
        raise EncoderError(f"{name}: sentence-transformers cannot load it ({error})") from error
    finally:
        if shown:
            bars.enable_progress_bar()


def _tokenizer(model: Any, name: str) -> Tokenizer:
    """A copy of the model's tokenizer that neither truncates nor pads."""
    from tokenizers import Tokenizer  # noqa: PLC0415  (only where vectors are made)

    own = getattr(model, "tokenizer", None)
    fast = getattr(own, "backend_tokenizer", own)
    if not isinstance(fast, Tokenizer):
        raise EncoderError(f"{name} has no fast tokenizer, which says where a long text may be cut")
    copy = Tokenizer.from_str(fast.to_str())
    copy.no_padding()
    copy.no_truncation()
    return copy
