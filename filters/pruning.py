"""Pruning: the records that rules keep written as they stood, those they drop beside with the reason, and the ledger.

Every record that was read is kept, dropped or unreadable, and each of the three has its file. A record is dropped when
all its dialogues are.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from functools import partial
from glob import escape
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from ultraqa.analysis.profile import OverwriteError
from ultraqa.dialogues.files import is_remote
from ultraqa.dialogues.keeping import Kept, form_of, write
from ultraqa.dialogues.sources import DataError
from ultraqa.dialogues.writing import atomically, compressed
from ultraqa.filters.decisions import DROPPED, SELECTED, Decisions, decide
from ultraqa.filters.ledger import ledger
from ultraqa.filters.records import Records, records_of
from ultraqa.filters.rejected import rejected
from ultraqa.filters.spooling import Spool, spool_cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.profile import Profile
    from ultraqa.dialogues.sources import Source
    from ultraqa.filters.rule import Rule
    from ultraqa.filters.selection import Selected

REJECTED: Final = "rejected.jsonl"
UNREADABLE: Final = "unreadable.jsonl"
LEDGER: Final = "ledger.parquet"
_MARK: Final = b"ultraqa.run"


class Budget(NamedTuple):
    """How many dialogues are kept of those that rules leave, and which.

    Attributes:
        dialogues: their number.
        method: see ``selection.METHODS``.
        quality: KEY of the column by which dialogues are preferred.
        seed: of random choices.
    """

    dialogues: int
    method: str = "facility"
    quality: str = "words.assistant"
    seed: int = 0


class Pruned(NamedTuple):
    """What was decided.

    Attributes:
        decisions: on every dialogue.
        selected: the choice within the budget, None without one.
        records: records read, unreadable ones apart.
        kept: records kept.
        dropped: records dropped.
        unreadable: records that could not be read.
    """

    decisions: Decisions
    selected: Selected | None
    records: int
    kept: int
    dropped: int
    unreadable: int


def prune(
    profile: Profile,
    rules: Sequence[Rule],
    out: str | None,
    *,
    beside: Path | None = None,
    budget: Budget | None = None,
    source: Path | str | None = None,
    overwrite: bool = False,
    stdout: IO[bytes] | None = None,
) -> Pruned:
    """Apply rules and a budget to the data of a Profile and write what is kept and what is not.

    Args:
        profile: the measured data.
        rules: what dialogues must be.
        out: the file of what is kept, "-" for ``stdout``; None decides and writes nothing.
        beside: folder of rejected.jsonl, unreadable.jsonl and ledger.parquet; by default that of ``out``.
        budget: how many dialogues are kept at most.
        source: where the data lies now, by default where it was measured.
        overwrite: whether files of another run are replaced.
        stdout: what "-" means.

    Raises:
        ProfileError: the Profile lacks a column.
        DataError: the data has changed or is gone, or cannot be written in the form that is asked for.
    """
    sources = {one.path: one for one in profile.sources(source, checked=out is not None)}
    containers = profile.document["containers"]
    folder = beside or Path(out or "").absolute().parent
    records = records_of(profile)
    with ExitStack() as stack:
        spools = {path: Spool(stack.enter_context(tempfile.TemporaryFile())) for path in sources}
        decisions = decide(profile, rules, partial(spool_cut, sources, records, spools, profile.read_options()))
        decisions, selected = _within(decisions, budget)
        stays = np.zeros(len(records.first), np.bool_)
        stays[records.of[decisions.fate != DROPPED]] = True
        pruned = Pruned(
            decisions, selected, len(stays), int(stays.sum()), int((~stays).sum()), int(profile.document["unreadable"])
        )
        if out is None:
            return pruned
        _refuse_own_data(folder, out, sources.values())
        form = form_of(out, [containers[path] for path in sources])
        identity = _identity(profile, rules, budget, out)
        _refuse_others(folder, out, identity, overwrite=overwrite)
        # What is entered first appears last: the ledger, which names the run, comes first of all, and OUT in the end.
        target = stack.enter_context(_target(out, stdout))
        _copy_unreadable(profile, folder, stack)
        files = {name: stack.enter_context(atomically(folder / name)) for name in (REJECTED, LEDGER)}
        write(target, _kept(sources, records, spools, stays), form, profile.read_options())
        with files[REJECTED].open("wb") as file:
            file.writelines(rejected(decisions, records, sources, stays))
        table = ledger(decisions, records, stays)
        pq.write_table(table.replace_schema_metadata({_MARK: identity}), files[LEDGER], compression="lz4")
    return pruned


def _within(decisions: Decisions, budget: Budget | None) -> tuple[Decisions, Selected | None]:
    """The decisions within a budget: what it leaves out is dropped, and is nobody's representative any more."""
    rows = np.flatnonzero(decisions.fate != DROPPED)
    if budget is None or len(rows) <= budget.dialogues:
        return decisions, None
    from ultraqa.filters.selection import select  # noqa: PLC0415  (only for a budget)

    chosen = select(decisions.profile, rows, budget.dialogues, budget.method, budget.quality, budget.seed)
    left_out = np.setdiff1d(rows, chosen.rows)
    fate, rule, kept = decisions.fate.copy(), decisions.rule.copy(), decisions.kept.copy()
    fate[left_out], rule[left_out] = DROPPED, SELECTED
    kept[np.isin(kept, left_out)] = -1
    turns = {row: gone for row, gone in decisions.turns.items() if fate[row] != DROPPED}
    return replace(decisions, fate=fate, rule=rule, kept=kept, turns=turns), chosen


def _kept(
    sources: Mapping[str, Source], records: Records, spools: Mapping[str, Spool], stays: NDArray[np.bool_]
) -> list[Kept]:
    """What stays of each file."""
    return [
        Kept(sources[path], np.unique(records.spans[stays & (records.path == number)], axis=0), spools[path])
        for number, path in enumerate(records.files)
    ]


def _identity(profile: Profile, rules: Sequence[Rule], budget: Budget | None, out: str) -> bytes:
    """What the files of a run depend on, as a hash."""
    told = {
        "profile": profile.document["identity"], "rules": [asdict(rule) for rule in rules], "out": Path(out).name,
        "budget": budget._asdict() if budget else None,
    }  # fmt: skip
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest().encode()


def _refuse_own_data(folder: Path, out: str, sources: Iterable[Source]) -> None:
    """Refuse to write over what is read, under whatever name it is reached.

    Raises:
        DataError: one of the files of the run is one of the data's.
    """
    written = [folder / name for name in (REJECTED, UNREADABLE, LEDGER)] + ([] if out == "-" else [Path(out)])
    read = [Path(one.location) for one in sources if not is_remote(one.location)]
    for file in filter(Path.exists, written):
        if any(file.samefile(one) for one in read if one.exists()):
            raise DataError(f"{file} is the data itself: input is never changed, choose another folder for the output")


def _refuse_others(folder: Path, out: str, identity: bytes, *, overwrite: bool) -> None:
    """Refuse to replace the files of another run; what a killed run left unfinished is removed.

    Raises:
        OverwriteError: there are some.
    """
    names = [REJECTED, UNREADABLE, LEDGER]
    for name in [*names, *([] if out == "-" else [Path(out).name])]:
        for left in folder.glob(f".{escape(name)}.*.partial"):
            left.unlink()
    ledger_file = folder / LEDGER
    if ledger_file.is_file() and (pq.read_schema(ledger_file).metadata or {}).get(_MARK) == identity:
        return
    there = [folder / name for name in names] + ([] if out == "-" else [Path(out)])
    found = next((file for file in there if file.exists()), None)
    if found is not None and not overwrite:
        raise OverwriteError(
            f"{found} is there already, from another run: add --overwrite to replace it, or choose another folder"
        )


@contextmanager
def _target(out: str, stdout: IO[bytes] | None) -> Iterator[IO[bytes]]:
    """What kept records are written to."""
    if out == "-":
        if stdout is None:
            raise DataError("standard output is asked for and none is given: name a file")
        yield stdout
        stdout.flush()
        return
    with atomically(Path(out)) as partial_file, compressed(partial_file, Path(out).suffix) as file:
        yield file


def _copy_unreadable(profile: Profile, folder: Path, stack: ExitStack) -> None:
    """The Profile's copies of unreadable records, or none of an earlier run."""
    found = profile.path / UNREADABLE
    if found.is_file():
        shutil.copyfile(found, stack.enter_context(atomically(folder / UNREADABLE)))
    else:
        (folder / UNREADABLE).unlink(missing_ok=True)
