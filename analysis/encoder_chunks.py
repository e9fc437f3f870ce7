"""Vectors of texts of any length by a model that takes a limited number of tokens: chunks are encoded and pooled."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.encoder_protocol import Encoded
from ultraqa.analysis.vectors import units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from tokenizers import Encoding, Tokenizer

MAX_TOKENS: Final = 512
"""Tokens of a chunk for models that take more; attention costs the square of them."""
MAX_CHUNKS: Final = 32
"""Chunks of a text that are encoded; what follows is left out, and the text counts as truncated."""
_BLOCK: Final = 1_000  # texts at a time, among which batches of equal length are formed


@dataclass
class ChunkEncoder:
    """An encoder whose model takes texts of limited length.

    A longer text is cut between words into chunks that fill the window; its vector is the mean of theirs, weighted by
    tokens, at unit length again. So nothing of a text is left out before 32 chunks, and ``truncated`` says where.

    Attributes:
        name: name that stands in every row.
        sha256: of the weights.
        dimension: numbers in a vector.
        languages: ISO 639-1 codes of the languages the model is made for; empty where unknown.
        precision: number format of the computation.
        tokenizer: the model's, without truncation and padding.
        window: tokens of a chunk, not counting special tokens.
        embed: the model: vectors of chunks, shape (n, dimension).
    """

    name: str
    sha256: str
    dimension: int
    languages: frozenset[str]
    precision: str
    tokenizer: Tokenizer
    window: int
    embed: Callable[[list[str]], NDArray[np.float32]]
    comparable: bool = True
    needs_fit: bool = False
    slow: bool = True

    def fit(self, texts: Iterable[str]) -> None:
        """Does nothing: the weights are fixed."""

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Vectors of texts, with the tokens they are the mean of."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        weights, truncated = np.zeros(len(texts), np.int32), np.zeros(len(texts), np.bool_)
        for first in range(0, len(texts), _BLOCK):
            block = slice(first, first + _BLOCK)
            whole = [text.encode(errors="replace").decode() for text in texts[block]]  # a lone surrogate is no text
            vectors[block], weights[block], truncated[block] = self._block(whole)
        return Encoded(vectors, weights, truncated)

    def _block(self, texts: list[str]) -> Encoded:
        truncated = np.zeros(len(texts), np.bool_)
        chunks: list[str] = []
        tokens: list[int] = []
        owners: list[int] = []
        for i, count in enumerate(self._count(texts)):
            if count == 0:
                continue
            parts, counts = [texts[i]], [count]
            if count > self.window:
                parts = self.cut(texts[i])
                truncated[i] = len(parts) > MAX_CHUNKS
                del parts[MAX_CHUNKS:]
                counts = self._count(parts)
                truncated[i] |= max(counts) > self.window  # a word longer than the window, cut into other tokens
            chunks += parts
            tokens += [min(one, self.window) for one in counts]
            owners += [i] * len(parts)
        sums = np.zeros((len(texts), self.dimension), np.float32)
        weights = np.zeros(len(texts), np.int32)
        if chunks:
            weight = np.array(tokens, np.int32)
            np.add.at(sums, owners, units(self.embed(chunks)) * weight[:, None])
            np.add.at(weights, owners, weight)
        return Encoded(units(sums), weights, truncated)

    def _count(self, texts: list[str]) -> list[int]:
        return [len(one.ids) for one in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def cut(self, text: str) -> list[str]:
        """Chunks of at most ``window`` tokens that together are the text, cut between words where one allows it."""
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        ends = [encoding.offsets[last - 1][1] for last in _cuts(encoding, self.window)]
        return [text[start:end] for start, end in pairwise([0, *ends, len(text)])]


def _cuts(encoding: Encoding, window: int) -> list[int]:
    """Tokens before which a text is cut."""
    words, cuts, first = encoding.word_ids, [], 0
    while len(words) - first > window:
        last = first + window
        while last > first and words[last] is not None and words[last] == words[last - 1]:
            last -= 1
        if last == first:  # one word fills the window; its rest may become more tokens, so some room is left
            last = first + window - window // 16
        cuts.append(last)
        first = last
    return cuts
