"""The lsa encoder: latent semantic analysis of character n-grams, fitted on the data it then encodes."""

from __future__ import annotations

import hashlib
import heapq
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from ultraqa.analysis.encoder_protocol import Encoded, EncoderError
from ultraqa.analysis.vectors import units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

DIMENSION: Final = 256
FITTED_CHARACTERS: Final = 4_000_000
"""Characters of the texts it is fitted on, which bound its time and memory."""
_NGRAMS: Final = (2, 5)  # pairs for the sake of Chinese, where two characters are a word
_FEATURES: Final = 50_000
_BLOCK: Final = 1_000


class Lsa:
    """Character n-grams (2 to 5, inside words) weighted by TF-IDF and projected on the data's 256 main directions.

    Needs no model and knows every script, but sees form, not meaning. It is fitted on the data, so numbers of two
    datasets are not comparable. Texts without a known n-gram have the zero vector. Source: Deerwester et al. 1990,
    Indexing by latent semantic analysis.
    """

    name = "lsa (fitted on the data)"
    languages: frozenset[str] = frozenset()
    comparable = False
    needs_fit = True
    slow = True

    def __init__(self) -> None:
        self.sha256 = ""
        self.dimension = 0
        self._tfidf: Any = None
        self._directions: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def fit(self, texts: Iterable[str], seed: int = 0) -> None:
        """Fit to distinct texts of smallest seeded hash, together 4 million characters.

        The same texts and seed give the same vectors, in whatever order they come.

        Raises:
            EncoderError: there are no texts, or no character n-gram that two of them share.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  (a second to import)
        from sklearn.utils.extmath import randomized_svd  # noqa: PLC0415  (as above)

        keys, drawn = _drawn(texts, seed)
        single, four = cast("Any", np.float32), cast("Any", 4)  # scikit-learn's annotations are narrower than its code
        tfidf = TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=_NGRAMS,
            sublinear_tf=True,
            max_features=_FEATURES,
            min_df=2 if len(drawn) > 1 else 1,
            dtype=single,
        )
        try:
            features = tfidf.fit_transform(drawn)
        except ValueError as error:  # no text, or no n-gram that two texts share
            raise EncoderError(
                f"lsa cannot be fitted: no characters occur in two of {len(drawn)} distinct texts; use static"
            ) from error
        self.dimension = min(DIMENSION, *features.shape)
        _, _, directions = randomized_svd(features, self.dimension, n_iter=four, random_state=seed)
        self._tfidf, self._directions = tfidf, directions
        described = f"lsa 1 {_NGRAMS} {_FEATURES} {DIMENSION} {FITTED_CHARACTERS} {seed} ".encode()
        self.sha256 = hashlib.sha256(described + b"".join(keys)).hexdigest()

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Vectors of texts, with their characters as weights; nothing is truncated.

        Raises:
            EncoderError: it was not fitted.
        """
        if self._tfidf is None:
            raise EncoderError("lsa knows no direction before it is fitted on the data: call fit(texts) first")
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for first in range(0, len(texts), _BLOCK):
            block = slice(first, first + _BLOCK)
            vectors[block] = units(self._tfidf.transform(texts[block]) @ self._directions.T)
        lengths = np.array([len(text) for text in texts], np.int32)
        return Encoded(vectors, np.where(vectors.any(axis=1), lengths, 0), np.zeros(len(texts), np.bool_))


def _drawn(texts: Iterable[str], seed: int) -> tuple[list[bytes], list[str]]:
    """Hashes and texts of the distinct texts of smallest hash that together have the characters to fit on."""
    salt = seed.to_bytes(8, "little", signed=True)
    kept: list[tuple[int, bytes, str]] = []
    known: set[bytes] = set()
    size = 0
    for text in texts:
        key = hashlib.blake2b(text.encode(errors="replace"), digest_size=16, salt=salt).digest()
        if key in known:
            continue
        known.add(key)
        heapq.heappush(kept, (-int.from_bytes(key), key, text))
        size += len(text)
        while size - len(kept[0][2]) >= FITTED_CHARACTERS:
            _, dropped, one = heapq.heappop(kept)
            known.discard(dropped)
            size -= len(one)
    kept.sort(reverse=True)
    return [key for _, key, _ in kept], [text for _, _, text in kept]
