"""Encoders that need no torch: a model in ONNX form, run by onnxruntime on the CPU."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ultraqa.analysis.encoder_chunks import MAX_TOKENS, ChunkEncoder
from ultraqa.analysis.encoder_protocol import EncoderError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Encoding, Tokenizer

_BATCH: Final = 4  # of 1 to 64, 4 and 8 gave most texts per second: activations stay in the processor's cache
_MAX_THREADS: Final = 16  # each holds the activations of a batch, 50 MB for MiniLM
_INPUTS: Final = {"input_ids", "attention_mask", "token_type_ids"}


def load(folder: Path, name: str) -> ChunkEncoder:
    """The encoder in a folder of ``model.onnx`` and ``tokenizer.json``.

    The length limit is read from ``sentence_bert_config.json`` or ``config.json``, 512 tokens without one; the pooling
    from ``1_Pooling/config.json``, the mean of tokens without one.

    Raises:
        EncoderError: onnxruntime is missing, or this is not such a model.
    """
    limit = _setting(folder / "sentence_bert_config.json", "max_seq_length") or _setting(
        folder / "config.json", "max_position_embeddings"
    )
    sha256 = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    return encoder(
        folder / "model.onnx",
        folder / "tokenizer.json",
        name=f"{name} (sha256 {sha256[:8]})",
        sha256=sha256,
        limit=min(limit or MAX_TOKENS, MAX_TOKENS),
        first_token=_pools_first_token(folder),
    )


def encoder(
    model: Path,
    tokenizer: Path,
    *,
    name: str,
    sha256: str,
    limit: int,
    languages: frozenset[str] = frozenset(),
    precision: str = "as stored",
    first_token: bool = False,
) -> ChunkEncoder:
    """An encoder from its two files.

    Args:
        model: the ONNX file: token ids in, vectors of tokens or ``sentence_embedding`` out.
        tokenizer: a ``tokenizer.json``.
        name: name that stands in every row.
        sha256: of the model.
        limit: tokens the model takes at once, special ones included.
        languages: ISO codes of the languages it is made for.
        precision: number format of the weights.
        first_token: whether a text is its first token's vector, not the mean of all.

    Raises:
        EncoderError: onnxruntime is missing, or it cannot run the model.
    """
    try:
        import onnxruntime  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise EncoderError(f"{name} needs onnxruntime: pip install 'ultraqa[minilm]'") from error
    from tokenizers import Tokenizer  # noqa: PLC0415  (only where vectors are made)

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns about graphics cards it does not find
    options.intra_op_num_threads = 1  # a batch on each processor is faster than all processors on one
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        whole, cut = Tokenizer.from_file(str(tokenizer)), Tokenizer.from_file(str(tokenizer))
    except Exception as error:  # of either library: both raise types of their own
        raise EncoderError(f"{name}: onnxruntime or tokenizers cannot load it ({error})") from error
    if unknown := {one.name for one in session.get_inputs()} - _INPUTS:
        raise EncoderError(f"{name} wants the inputs {sorted(unknown)}; only {sorted(_INPUTS)} can be given")
    for one in (whole, cut):
        one.no_padding()
        one.no_truncation()
    cut.enable_truncation(limit)
    embed = partial(_embed, session=session, tokenizer=cut, first_token=first_token)
    return ChunkEncoder(
        name=name,
        sha256=sha256,
        dimension=embed(["a"]).shape[1],
        languages=languages,
        precision=precision,
        tokenizer=whole,
        window=limit - whole.num_special_tokens_to_add(is_pair=False),
        embed=embed,
    )


def _embed(texts: list[str], *, session: Any, tokenizer: Tokenizer, first_token: bool) -> NDArray[np.float32]:
    """Vectors of chunks; batches of about equal length, so that little is padded, one on each processor."""
    encodings = tokenizer.encode_batch_fast(texts)
    order = sorted(range(len(texts)), key=lambda i: -len(encodings[i].ids))
    batches = [[encodings[i] for i in order[first : first + _BATCH]] for first in range(0, len(order), _BATCH)]
    with ThreadPoolExecutor(_processors()) as pool:
        vectors = np.concatenate(list(pool.map(lambda batch: _run(batch, session, first_token), batches)))
    return vectors[np.argsort(order)]


def _run(batch: list[Encoding], session: Any, first_token: bool) -> NDArray[np.float32]:
    """Vectors of a batch, longest first, from the model's ``sentence_embedding`` or those of its tokens."""
    arrays = {name: np.zeros((len(batch), len(batch[0].ids)), np.int64) for name in _INPUTS}
    for row, one in enumerate(batch):
        arrays["input_ids"][row, : len(one.ids)] = one.ids
        arrays["token_type_ids"][row, : len(one.ids)] = one.type_ids
        arrays["attention_mask"][row, : len(one.ids)] = 1
    outputs = [one.name for one in session.get_outputs()]
    output = "sentence_embedding" if "sentence_embedding" in outputs else outputs[0]
    (found,) = session.run([output], {one.name: arrays[one.name] for one in session.get_inputs()})
    vectors = np.asarray(found, np.float32)
    if vectors.ndim == 2:
        return vectors
    if first_token:
        return vectors[:, 0]
    mask = arrays["attention_mask"].astype(np.float32)
    # Not a matrix product, whose last digit depends on the padding: a text alone has the vector it has in a batch.
    means: NDArray[np.float32] = (vectors * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return means


def _processors() -> int:
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, _MAX_THREADS)


def _pools_first_token(folder: Path) -> bool:
    """Whether the folder's pooling is the first token; other poolings than that and the mean are refused."""
    file = folder / "1_Pooling" / "config.json"
    described = json.loads(file.read_bytes()) if file.is_file() else {}
    mode = described.get("pooling_mode")
    modes = {mode} if mode else {key for key, on in described.items() if key.startswith("pooling_mode_") and on is True}
    if modes <= {"mean", "pooling_mode_mean_tokens"}:
        return False
    if modes <= {"cls", "pooling_mode_cls_token"}:
        return True
    raise EncoderError(f"{folder.name} pools by {', '.join(sorted(modes))}; only mean and cls can be done")


def _setting(file: Path, key: str) -> int | None:
    value = json.loads(file.read_bytes()).get(key) if file.is_file() else None
    return value if isinstance(value, int) and value > 0 else None
