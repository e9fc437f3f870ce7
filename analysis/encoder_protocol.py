"""What an encoder is: something that turns texts into vectors and says what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray


class EncoderError(ValueError):
    """An encoder that cannot be used; the message says what was tried and what to do."""


class Encoded(NamedTuple):
    """Vectors of n texts.

    Attributes:
        vectors: shape (n, dimension), unit length, zero for a text without tokens.
        weights: shape (n,), tokens (characters for ``lsa``) that the vector is the mean of, 0 where it is zero.
        truncated: shape (n,), whether something of the text is not in the vector.
    """

    vectors: NDArray[np.float32]
    weights: NDArray[np.int32]
    truncated: NDArray[np.bool_]


class Encoder(Protocol):
    """What turns texts into vectors.

    Attributes:
        name: stands in every row, with the version of what carries the weights.
        sha256: of the weights; for ``lsa`` of the texts and parameters it was fitted with.
        dimension: numbers in a vector.
        languages: ISO 639-1 codes of the languages it is made for; empty for any, or unknown.
        comparable: whether numbers of two datasets may be compared.
        needs_fit: whether ``encode`` works only after ``fit``.
        slow: whether it is too slow for everything in a large dataset.
    """

    name: str
    sha256: str
    dimension: int
    languages: frozenset[str]
    comparable: bool
    needs_fit: bool
    slow: bool

    def fit(self, texts: Iterable[str]) -> None:
        """Fit it to the texts it will encode; does nothing where it needs no fit."""
        ...

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Vectors of texts, each long one the mean of its chunks."""
        ...
