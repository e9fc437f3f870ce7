"""``filter``: what the command does, one call."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from ultraqa.analysis.measuring import Progress
    from ultraqa.analysis.profile import Profile
    from ultraqa.dialogues.sources import Dataset
    from ultraqa.filters.rule import Recipe, Rule
    from ultraqa.inputs import Data

DIVERSE: Final = frozenset({"novelty", "semdedup", "balanced", "facility"})
"""Ways of selecting that need vectors."""


@dataclass(frozen=True)
class Filtered:
    """A filter run.

    Attributes:
        path: what was kept, None where nothing was written or it went to standard output.
        beside: folder of rejected.jsonl, unreadable.jsonl and ledger.parquet, None where nothing was written.
        profile: what was measured.
        summary: counts, the waterfall of rules, numbers before and after.
    """

    path: Path | None
    beside: Path | None
    profile: Profile
    summary: dict[str, Any]

    def __repr__(self) -> str:
        """How much was kept."""
        records = self.summary["records"]
        return f"Filtered({self.profile.name!r}: {records['kept']:,} of {records['read']:,} records kept)"

    def ledger(self) -> pd.DataFrame:
        """What became of every dialogue, a row a dialogue in the order of the data."""
        import pandas as pd

        if self.beside is None:
            raise ValueError("nothing was written: filter without dry_run, then there is a ledger")
        return pd.read_parquet(self.beside / "ledger.parquet")


def filter(  # noqa: A001  (the command's name)
    data: Data,
    out: str | os.PathLike[str] | None = None,
    *,
    recipe: str | os.PathLike[str] | None = None,
    rules: Sequence[Rule] = (),
    keep: str | int | None = None,
    select: str = "facility",
    quality: str = "words.assistant",
    dry_run: bool = False,
    beside: str | os.PathLike[str] | None = None,
    source: str | os.PathLike[str] | None = None,
    name: str | None = None,
    tokenizer: str | os.PathLike[str] | None = None,
    embedder: str | os.PathLike[str] | None = None,
    contamination: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    format: str | None = None,  # noqa: A002  (the option's name)
    map: Mapping[str, str] | None = None,  # noqa: A002
    paths: str = "best",
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Filtered:
    """Keep the dialogues that rules want, as they stand in the data, and write the others beside with the reason.

    Args:
        data: one dataset, as for ``profile``, or a finished Profile, whose data is read again where it was measured.
        out: the file of what is kept, "-" for standard output; its suffix may ask for compression (.gz, .zst), for
            lines instead of an array (.jsonl) or an array instead of lines (.json). None with ``dry_run``.
        recipe: name of a recipe or a TOML file of rules; "none" for none. By default "recommended", unless
            ``rules`` are given: then they stand alone.
        rules: further rules.
        keep: at most so many dialogues (50000), or of so many in a hundred of the data (``"40%"``), chosen of those
            that the rules leave.
        select: how they are chosen: "facility", "novelty", "balanced", "semdedup", "quality", "random".
        quality: KEY of the column by which a dialogue is preferred; "-" before it prefers low values.
        dry_run: decide and write nothing.
        beside: folder of rejected.jsonl, unreadable.jsonl, ledger.parquet and the Profile; by default that of ``out``.
        source: where the data of a Profile lies now.
        name: name of the dataset.
        tokenizer: a ``tokenizer.json``, for rules on tokens.
        embedder: what makes vectors; by default "static" where a rule or the selection needs them, else none.
        contamination: files of questions of benchmarks, for rules on ``contaminated``.
        format: name of the records' format.
        map: names of record keys.
        paths: best-ranked or all paths of trees.
        seed: of all random draws.
        workers: threads.
        overwrite: replace the files of another run.
        progress: called as the pass goes on.

    Raises:
        DataError: rules that mean nothing, data that cannot be read, or a Profile that lacks a column; the message
            says what to do.
    """
    from ultraqa.analysis.profile import Profile
    from ultraqa.dialogues.sources import DataError
    from ultraqa.filters.columns import resolve
    from ultraqa.filters.pruning import Budget, prune
    from ultraqa.filters.selection import METHODS
    from ultraqa.filters.summary import summary
    from ultraqa.inputs import listed, resolved, temporary

    chosen = _recipe(recipe, rules, keep)
    if select not in METHODS:
        raise DataError(f"select is {select!r}: choose {', '.join(METHODS)}")
    if out is None and not dry_run:
        raise DataError("no output is named: give a file for what is kept, or dry_run")
    if out is not None and os.fspath(out) == "-" and beside is None:
        raise DataError("what is kept goes to standard output: name a folder for the other files (--beside DIR)")
    if keep is not None:
        resolve(quality.removeprefix("-"))
    _check_place(data, out)
    given = resolved([data], name)[0]
    folder = Path(beside) if beside is not None else Path(out).absolute().parent if out is not None else temporary()
    if isinstance(given, Profile):
        profile = given
    else:
        keys = [*(rule.key for rule in chosen.rules), *([quality.removeprefix("-")] if keep is not None else ())]
        wanted = {
            "tokenizer": tokenizer, "contamination": listed(contamination), "format": format, "map": map,
            "paths": paths, "seed": seed, "workers": workers, "progress": progress,
            "vectors": "all" if keep is not None and select in DIVERSE else "auto",
            "embedder": embedder or ("static" if _needs_vectors(chosen, keep, select) else "none"),
            "tokens": "all" if any(key.startswith("tokens") for key in keys) else "auto",
            "fields": sorted({key.removeprefix("field.") for key in keys if key.startswith("field.")}),
        }  # fmt: skip
        profile = _profile(given, folder / f"{given.name}.ultraqa", chosen, wanted, overwrite=overwrite)
    limit = Budget(_number(keep, len(profile)), select, quality, seed) if keep is not None else None
    target = None if dry_run or out is None else os.fspath(out)
    pruned = prune(
        profile, chosen.rules, target, beside=folder if target is not None else None, budget=limit,
        source=os.fspath(source) if source else None, overwrite=overwrite,
        stdout=sys.stdout.buffer if target == "-" else None,
    )  # fmt: skip
    told = summary(pruned, chosen.name, limit)
    path = None if target in {None, "-"} else Path(str(target))
    return Filtered(path, folder if target is not None else None, profile, told)


def _number(keep: str | int, dialogues: int) -> int:
    """The number of dialogues that ``keep`` means."""
    from ultraqa.dialogues.sources import DataError
    from ultraqa.filters.selection import budget

    try:
        return budget(str(keep), dialogues)
    except ValueError as error:
        raise DataError(f"--keep: {error}") from error


def _recipe(given: str | os.PathLike[str] | None, rules: Sequence[Rule], keep: str | int | None) -> Recipe:
    """The rules of a recipe and those given beside."""
    from ultraqa.dialogues.sources import DataError
    from ultraqa.filters.recipe import DEFAULT, recipe
    from ultraqa.filters.rule import Recipe, Rule

    if not all(isinstance(rule, Rule) for rule in rules):
        raise DataError("rules are a list of ultraqa.Rule, as in [ultraqa.Rule('rounds', min=2)]")
    if given is None:
        given = "none" if rules else DEFAULT
    if os.fspath(given) == "none":
        if not rules and keep is None:
            raise DataError("there is nothing to filter by: name a recipe, rules, or how many to keep")
        return Recipe("rules given" if rules else "no rules", tuple(rules))
    found = recipe(os.fspath(given))
    return Recipe(found.name, (*found.rules, *rules), found.description, found.source)


def _needs_vectors(chosen: Recipe, keep: str | int | None, select: str) -> bool:
    wanted = any(rule.column.option == "--embedder static" and not rule.optional for rule in chosen.rules)
    return wanted or (keep is not None and select in DIVERSE)


def _check_place(data: Any, out: str | os.PathLike[str] | None) -> None:
    """Refuse an output that is a folder, or that would be read as data the next time."""
    from ultraqa.dialogues.sources import DataError

    if out is None or os.fspath(out) == "-":
        return
    target = Path(out).absolute()
    if target.is_dir():
        raise DataError(f"{out} is a folder: name the file of what is kept, as in {Path(out) / 'kept.jsonl'}")
    if isinstance(data, str | os.PathLike):
        path = Path(os.fspath(data).partition("=")[2] or data)
        if path.is_dir() and not (path / "profile.json").is_file() and target.is_relative_to(path.absolute()):
            raise DataError(f"{out} lies in the folder of the data, which would read it next time: choose another one")


def _profile(given: Dataset, folder: Path, chosen: Recipe, wanted: Mapping[str, Any], *, overwrite: bool) -> Profile:
    """The dataset measured beside the output; an earlier Profile of the same data is used if it serves."""
    from ultraqa.analysis.profile import Profile
    from ultraqa.api import measured_profile
    from ultraqa.dialogues.sources import sha256

    same = False
    if (folder / "profile.json").is_file():
        found = Profile(folder)
        digests = {source.path: sha256(source) for source in given.sources}
        same = found.document.get("identity", {}).get("sources") == digests
        if same and _serves(found, chosen, wanted):
            return found
    return measured_profile(
        given, folder, duplicates="auto", representative="first", overwrite=overwrite or same, **wanted
    )


def _serves(found: Profile, chosen: Recipe, wanted: Mapping[str, Any]) -> bool:
    """Whether a Profile of the same data was read as it is wanted now and has the columns of the rules."""
    from ultraqa.analysis.profile import ProfileError
    from ultraqa.filters.columns import check

    made = found.document["parameters"]
    read, encoder = made["read"], made["encoder"] or {"name": "none", "drawn": "auto"}
    as_read = (read["format"], dict(read["mapping"]), read["paths"], made["seed"])
    if as_read != (wanted["format"], dict(wanted["map"] or {}), wanted["paths"], wanted["seed"]):
        return False
    if wanted["contamination"] or wanted["tokenizer"] or not set(wanted["fields"]) <= set(read["fields"]):
        return False
    if wanted["embedder"] not in {"none", encoder["name"].partition(" ")[0]}:
        return False
    if wanted["vectors"] == "all" and encoder["drawn"] != "all":
        return False
    try:
        for rule in chosen.rules:
            if not rule.optional:
                check(found, rule.column)
    except ProfileError:
        return False
    return True
