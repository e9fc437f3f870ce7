"""``convert``: what the command does, one call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from ultraqa.dialogues.conversion import Conversion
    from ultraqa.inputs import Data


def convert(
    data: Data,
    out: str | os.PathLike[str],
    *,
    to: Literal["messages", "sharegpt", "alpaca", "ultrachat"],
    name: str | None = None,
    format: str | None = None,  # noqa: A002  (the option's name)
    map: Mapping[str, str] | None = None,  # noqa: A002
    paths: Literal["best", "all"] = "best",
    overwrite: bool = False,
) -> Conversion:
    """Write the dialogues of one dataset in another form, and say what that form cannot hold.

    Args:
        data: as for ``profile``; not a Profile.
        out: a .jsonl, .json (an array) or .parquet file; .gz or .zst behind the first two compresses. Beside it lie
            ``STEM.unconverted.jsonl`` and ``STEM.unreadable.jsonl``.
        to: the form.
        name: name of the dataset.
        format: name of the records' format where detection by content is not wanted.
        map: names of record keys.
        paths: of a tree of messages the best-ranked path, or all.
        overwrite: replace an output that is there.

    Raises:
        ValueError: data that does not exist, a form or a file that cannot be written; the message says what to do.
    """
    from ultraqa.analysis.profile import OverwriteError
    from ultraqa.dialogues import conversion
    from ultraqa.dialogues.reading import ReadOptions
    from ultraqa.dialogues.sources import DataError, Dataset
    from ultraqa.inputs import resolved

    given = resolved([data], name)[0]
    if not isinstance(given, Dataset):
        raise DataError(f"{given.path} is a Profile, which holds no texts: give the data that it was made of")
    if Path(out).exists() and not overwrite:
        raise OverwriteError(f"{out} is there already: add --overwrite to replace it, or choose another file")
    options = ReadOptions(format=format, mapping=tuple((map or {}).items()), paths=paths)
    try:
        return conversion.convert(given, Path(out), to, options)
    except ValueError as error:
        raise error if isinstance(error, DataError) else DataError(str(error)) from error
