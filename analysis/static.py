"""The static encoder: a text is the mean of the vectors of its LLaMA pieces, as in wordllama, summed over chunks."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.encoders import Encoded, EncoderError
from ultraqa.analysis.pieces import PieceCache, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_WEIGHTS: Final = "l2_supercat_256.safetensors"
SHA256: Final = "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5"


class Static:
    """Mean of 256-dimensional piece vectors, read from the wordllama wheel; the same text gives the same vector.

    English above all. Its piece vectors derive from LLaMA's input embeddings; UltraQA reads them where wordllama was
    installed and does not redistribute them. Source: Miller 2024, WordLlama.
    """

    languages = frozenset({"en"})
    comparable = True
    needs_fit = False
    slow = False

    def __init__(self) -> None:
        self._table = _table()
        self._pieces = load(None)
        self._cache = PieceCache(self._pieces.log)
        self.name = f"static (wordllama {version('wordllama')})"
        self.sha256 = SHA256
        self.dimension = self._table.shape[1]

    def fit(self, texts: Iterable[str]) -> None:
        """Nothing: the vectors are those of the wheel."""

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Unit vectors of texts, however long, with their number of pieces; zero for a text without one."""
        encoded = [text.encode(errors="replace") for text in texts]
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(text) for text in encoded], out=offsets[1:])
        counts, sums = self._cache.sum(np.frombuffer(b"".join(encoded), np.uint8), offsets, self._pieces, self._table)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        vectors = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0)
        return Encoded(vectors.astype(np.float32), counts, np.zeros(len(counts), np.bool_))


@cache
def _table() -> NDArray[np.float32]:
    """Vectors of all pieces, shape (32000, 256), from the wheel of wordllama (whose own loader asks the network)."""
    from safetensors.numpy import load as load_tensors  # noqa: PLC0415  (only where vectors are made)

    spec = find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise EncoderError("the package wordllama, which carries the static vectors, is not installed")
    raw = (Path(spec.origin).parent / "weights" / _WEIGHTS).read_bytes()
    if hashlib.sha256(raw).hexdigest() != SHA256:
        raise EncoderError(f"{_WEIGHTS} of the installed wordllama is unknown: pip install wordllama==0.4.0.post1")
    (tensor,) = load_tensors(raw).values()
    return np.ascontiguousarray(tensor, np.float32)
