"""Licences that a dataset declares: on its card, and in files beside its data. Only names, no reading of terms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ultraqa.dialogues.files import is_remote
from ultraqa.dialogues.sources import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.profile import Profile

_START: Final = 1 << 16  # bytes of a file in which a licence is looked for
_CARD: Final = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_ENTRY: Final = re.compile(r"^license(?:_name)?:[ \t]*(.*?)[ \t]*\r?\n((?:[ \t]*-[ \t]+.*\n?)*)", re.MULTILINE)
_TEXTS: Final = (  # names of licences as dataset cards spell them, and by what their texts are known; the first decides
    ("apache-2.0", r"Apache License\s+Version 2\.0"),
    ("mit", r"MIT License|Permission is hereby granted, free of charge"),
    ("cc0-1.0", r"CC0 1\.0"),
    ("cc-by-nc-sa-4.0", r"Attribution-NonCommercial-ShareAlike 4\.0"),
    ("cc-by-nc-nd-4.0", r"Attribution-NonCommercial-NoDerivatives 4\.0"),
    ("cc-by-nc-4.0", r"Attribution-NonCommercial 4\.0"),
    ("cc-by-sa-4.0", r"Attribution-ShareAlike 4\.0"),
    ("cc-by-nd-4.0", r"Attribution-NoDerivatives 4\.0"),
    ("cc-by-4.0", r"Attribution 4\.0"),
    ("odc-by", r"Open Data Commons Attribution|ODC[- ]By"),
    ("odbl", r"Open Database License"),
    ("cdla-sharing-1.0", r"Community Data License Agreement\W+Sharing"),
    ("cdla-permissive-2.0", r"Community Data License Agreement\W+Permissive\W+Version 2"),
    ("gpl-3.0", r"GNU GENERAL PUBLIC LICENSE\s+Version 3"),
    ("bsd", r"Redistribution and use in source and binary forms"),
)


class Licence(NamedTuple):
    """A licence that is declared: its name, where, and by how many dialogues (None where for the whole)."""

    name: str
    where: str
    dialogues: int | None = None


def licences(profile: Profile) -> Iterator[Licence]:
    """Licences that files beside the data of a Profile declare; a dataset card may also lie one folder above.

    None where the data has moved or is remote.
    """
    try:
        places = [Path(source.location) for source in profile.sources(checked=False) if not is_remote(source.location)]
    except DataError:  # the data has moved
        return
    folders = list(dict.fromkeys(place.parent for place in places))
    for folder in dict.fromkeys([*folders, *(folder.parent for folder in folders)]):
        for file in _files(folder, "readme.md"):
            yield from (Licence(name, file.name) for name in _on_card(_text_of(file)))
        for file in _files(folder, "license", "licence", "copying") if folder in folders else ():
            yield Licence(_by_text(_text_of(file)), file.name)


def _files(folder: Path, *beginnings: str) -> list[Path]:
    try:
        return sorted(file for file in folder.iterdir() if file.name.lower().startswith(beginnings) and file.is_file())
    except OSError:
        return []


def _text_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_START).decode(errors="replace")
    except OSError:
        return ""


def _on_card(text: str) -> Iterator[str]:
    """The licences in the YAML front matter of a dataset card: ``license: mit``, or a list."""
    card = _CARD.match(text)
    for entry in _ENTRY.finditer(card[1]) if card else ():
        items = [line.strip().removeprefix("-") for line in entry[2].splitlines()]
        listed = entry[1].partition(" #")[0].strip("[] ").split(",")
        names = (name.strip(" \t\"'") for name in (*listed, *items))
        yield from (name for name in names if name)


def _by_text(text: str) -> str:
    """Name of the licence a text is, "not recognised" where it is none of those known."""
    return next((name for name, words in _TEXTS if re.search(words, text, re.IGNORECASE)), "not recognised")
