"""Recipes: published rule sets and our own, each a TOML file in ``recipes``, and those that users write."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Final

from ultraqa.dialogues.sources import DataError
from ultraqa.filters.rule import Recipe, parse

FOLDER: Final = Path(__file__).parent / "recipes"
DEFAULT: Final = "recommended"


def names() -> list[str]:
    """Names of the recipes that come with UltraQA."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def recipe(given: str) -> Recipe:
    """A recipe by its name, or from a TOML file.

    Raises:
        DataError: there is neither a recipe of that name nor such a file.
        ValueError: the file is no recipe; the message says where and why.
    """
    if given in names():
        return parse((FOLDER / f"{given}.toml").read_text("utf-8"), given)
    file = Path(given)
    if file.suffix == ".toml" or file.is_file():
        try:
            return parse(file.read_text("utf-8"), file.name)
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{given}: the recipe cannot be read ({error})") from error
    near = get_close_matches(given, names(), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise DataError(f"no recipe is called {given!r}; {hint}there are {', '.join(names())}, or give a .toml file")
