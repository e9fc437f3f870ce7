"""Profiles of raw data that commands keep in a folder, so that the same data is not measured twice."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ultraqa.analysis.engine import Measures
    from ultraqa.analysis.profile import Profile
    from ultraqa.dialogues.sources import Dataset


def user_cache() -> Path:
    """The user's folder for what is expensive and can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ultraqa"


def kept_folder(cache: str | os.PathLike[str] | None) -> Path:
    """Where Profiles are kept: a folder that was named, or one in the user's cache folder."""
    return Path(cache) if cache is not None else user_cache() / "profiles"


def kept_profile(data: Dataset | Profile, cache: str | os.PathLike[str] | None, **options: Any) -> Profile:
    """A Profile as it is; of raw data the one that is kept, measured where there is none yet.

    Args:
        data: what was resolved.
        cache: the folder of kept Profiles, None for the user's.
        options: of measuring, as ``measured_profile`` takes them.
    """
    from ultraqa.analysis.profile import Profile
    from ultraqa.api import measured_profile

    if isinstance(data, Profile):
        return data
    place = partial(_place, kept_folder(cache), data)
    return measured_profile(data, place, fields=(), overwrite=False, **options)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _place(cache: Path, dataset: Dataset, measures: Measures) -> Path:
    """A folder named by the hash of the data's content and of what is measured."""
    from importlib.metadata import version

    import orjson

    from ultraqa.dialogues.sources import sha256

    digests = {source.path: sha256(source) for source in dataset.sources}
    identity = [dataset.name, digests, measures.parameters(), version("ultraqa")]
    return cache / f"{hashlib.sha256(orjson.dumps(identity)).hexdigest()[:32]}.ultraqa"
