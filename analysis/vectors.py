"""Vectors of messages in a Profile: one for each distinct text, as float16, found by the text's hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ultraqa.dialogues.writing import atomically

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ultraqa.analysis.encoders import Encoder
    from ultraqa.analysis.part import Part
    from ultraqa.analysis.profile import Profile

FILE: Final = "vectors.npy"
_TOGETHER: Final = 4_096


class VectorBuilder:
    """Collects the vectors of texts, each distinct text once."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._dtype = _dtype(encoder.dimension)
        self._known: set[int] = set()
        self._parts: list[NDArray[Any]] = []

    def add(self, hashes: NDArray[np.uint64], texts: list[str]) -> None:
        """Encode those of the texts that were not met before, by their hashes."""
        new = []
        for i, key in enumerate(hashes.tolist()):
            if key not in self._known:
                self._known.add(key)
                new.append(i)
        encoded = self._encoder.encode([texts[i] for i in new])
        part = np.empty(len(new), self._dtype)
        part["hash"], part["weight"], part["truncated"] = hashes[new], encoded.weights, encoded.truncated
        part["vector"] = encoded.vectors
        self._parts.append(part)

    def write(self, folder: Path) -> Encoding:
        """Write the Profile's ``vectors.npy``, in order of hash; what made it."""
        whole = np.concatenate([np.empty(0, self._dtype), *self._parts])
        self._parts.clear()
        with atomically(folder / FILE) as partial, partial.open("wb") as out:
            np.save(out, whole[np.argsort(whole["hash"])])
        truncated = float(whole["truncated"].mean()) if len(whole) else 0.0
        one = self._encoder
        return Encoding(one.name, one.sha256, one.dimension, tuple(sorted(one.languages)), one.comparable, truncated)


def _dtype(dimension: int) -> np.dtype[Any]:
    fields = [("hash", "<u8"), ("weight", "<i4"), ("truncated", "?"), ("vector", "<f2", (dimension,))]
    return np.dtype(fields)


@dataclass(frozen=True)
class Encoding:
    """What made the vectors of a Profile; numbers of two encodings are never put side by side.

    Attributes:
        name: the encoder and its version.
        sha256: of its weights.
        dimension: numbers in a vector.
        languages: ISO codes of the languages it is made for, none for any.
        comparable: whether numbers of two datasets may be compared.
        truncated: share of texts of which something is not in the vector.
    """

    name: str
    sha256: str
    dimension: int
    languages: tuple[str, ...]
    comparable: bool
    truncated: float

    @property
    def version(self) -> str:
        """What stands in the rows of its metrics; of an encoder fitted on the data, with the data's own hash."""
        return f"1 {self.name}" if self.comparable else f"1 {self.name} {self.sha256[:8]}"


class Space(NamedTuple):
    """The vectors of a part: of its m messages, and of its d dialogues as their means weighted by length.

    Attributes:
        encoding: what made them.
        messages: shape (m, dimension), unit length, zero for an empty text.
        dialogues: shape (d, dimension), unit length, zero for a dialogue without text.
    """

    encoding: Encoding
    messages: NDArray[np.float32]
    dialogues: NDArray[np.float32]


def encoding_of(profile: Profile) -> Encoding | None:
    """What made the vectors of a Profile, None where it was made without."""
    described = profile.document.get("encoding")
    return None if described is None else Encoding(**{**described, "languages": tuple(described["languages"])})


def space(part: Part) -> Space | None:
    """Vectors of a part's messages and dialogues, None where the Profile was made without."""
    encoding = encoding_of(part.profile)
    if encoding is None:
        return None
    stored = np.load(part.profile.path / FILE, mmap_mode="r", allow_pickle=False)
    places = np.searchsorted(stored["hash"], part.message("hash"))
    messages = stored["vector"][places].astype(np.float32)
    weights = stored["weight"][places].astype(np.float32)
    return Space(encoding, messages, _means(messages, weights, part.owner, len(part.rows)))


def _means(
    messages: NDArray[np.float32], weights: NDArray[np.float32], owner: NDArray[np.int64], size: int
) -> NDArray[np.float32]:
    """Unit vectors of the weighted sums of the messages of each dialogue; ``owner`` ascends."""
    sums = np.zeros((size, messages.shape[1]), np.float32)
    firsts = np.append(np.flatnonzero(np.diff(owner, prepend=-1)), len(owner))
    for i in range(0, len(firsts) - 1, _TOGETHER):  # a few at a time: a second copy of all vectors would cost memory
        some = firsts[i : i + _TOGETHER + 1]
        here = slice(some[0], some[-1])
        sums[owner[some[:-1]]] = np.add.reduceat(messages[here] * weights[here, None], some[:-1] - some[0], axis=0)
    return units(sums)


def units(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors at unit length; zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return found
