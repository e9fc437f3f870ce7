"""``probe``: what the command does, one call for data and one for a simulation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ultraqa.kept import cores, kept_folder, kept_profile

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from ultraqa.analysis.measuring import Progress
    from ultraqa.analysis.profile import Profile
    from ultraqa.inputs import Data

    Part = Literal["assistant", "user", "both"]

PERMUTATIONS = 200
LEAST_PERMUTATIONS = 50
"""Fewer exchanges of texts would make every z a matter of luck: the error of a spread of 50 is a tenth of it."""
MOST_PERMUTATIONS = 10_000
"""More change no verdict, and take time and memory in proportion: the error of a spread of so many is under 1 %."""


@dataclass(frozen=True)
class Probing:
    """What probes say of datasets.

    Attributes:
        kept: folder in which Profiles of raw data are kept; None where all were Profiles.
        files: how many files the last dataset has.
    """

    _document: dict[str, Any]
    kept: Path | None = None
    files: int = 1

    def __repr__(self) -> str:
        """The verdict."""
        return f"Probing({self.verdict!r})"

    @property
    def verdict(self) -> str:
        """insufficient, no reference, degenerate, different domain, no narrowing, watch, narrowed or collapsing."""
        return str(self._document["verdict"])

    @property
    def severity(self) -> str | None:
        """Of what has narrowed: mild, moderate, severe."""
        severity: str | None = self._document["severity"]
        return severity

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        return str(self._document["sentence"])

    def document(self) -> dict[str, Any]:
        """What ``ultraqa probe --json`` prints."""
        return self._document

    def results(self) -> pd.DataFrame:
        """Every probe as a data frame, a row a probe, of generations a row a probe and generation."""
        import pandas as pd

        found = self._document.get("generations") or [self._document]
        return pd.DataFrame([
            {"dataset": one["candidate"], "verdict": one["verdict"], **probe}
            for one in found
            for probe in one["probes"]
        ])  # fmt: skip

    def write(self, out: str | os.PathLike[str]) -> list[Path]:
        """Write probe.json, probe.html and, of generations, plots as SVG into a folder; plots of an earlier one go."""
        from ultraqa.reports import probe_files

        return probe_files.write(self._document, Path(out))


def probe(
    *data: Data,
    reference: Data | None = None,
    part: Part = "assistant",
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    workers: int | None = None,
    cache: str | os.PathLike[str] | None = None,
    embedder: str | os.PathLike[str] = "static",
    format: str | None = None,  # noqa: A002  (the option's name)
    map: Mapping[str, str] | None = None,  # noqa: A002
    paths: Literal["best", "all"] = "best",
    out: str | os.PathLike[str] | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    command: Sequence[str] = (),
) -> Probing:
    """Tell whether text says less than its reference: ``probe("mine.jsonl", reference="human.jsonl")``.

    Args:
        data: one dataset, held against the reference; or generations in order, held against the first; as for
            ``profile``, or finished Profiles. One alone has only levels.
        reference: what it should be as varied as: text of the same kind, best the data that its generator learned from.
        part: whose messages are compared, "assistant", "user" or "both".
        permutations: exchanges of texts between the sides that chance is told from, 50 to 10,000.
        seed: of all random draws.
        workers: threads, by default one per core.
        cache: folder in which Profiles of raw data are kept, by default the user's cache folder.
        embedder: what makes vectors for the semantic probes; "none" leaves them out.
        format: name of the records' format.
        map: names of record keys.
        paths: best-ranked or all paths of trees.
        out: folder for probe.json, probe.html and plots.
        progress: called as data is measured.
        command: words of the command line, for the page's last section.

    Raises:
        ValueError: what cannot be compared, or data that cannot be read; the message says what to do.
    """
    from ultraqa.analysis.collapse import compare
    from ultraqa.analysis.generations import generations
    from ultraqa.analysis.measuring import Progress
    from ultraqa.dialogues.sources import DataError
    from ultraqa.reports import probes

    if reference is not None and len(data) != 1:
        raise DataError(
            f"one dataset is held against a reference, {len(data)} were given: name one; of generations put the human "
            "reference first, as generation 0, and give no other reference"
        )
    _require(part, permutations, seed, out)
    given = [*([reference] if reference is not None else []), *data]
    profiles, kept = _profiles(
        given, cache, embedder=embedder, format=format, map=map, paths=paths, seed=seed, workers=workers,
        progress=progress,
    )  # fmt: skip
    options: dict[str, Any] = {
        "part": part, "seed": seed, "permutations": permutations, "workers": workers or cores(),
    }  # fmt: skip
    if len(profiles) == 1 or (reference is not None and not _has_words(profiles[0])):
        if _has_words(profiles[-1]):
            _side(profiles[-1], part)
        found = probes.levels(profiles[-1], part, profiles[0] if reference is not None else None)
    else:
        sides = [_side(one, part) for one in profiles]
        progress(Progress(0, len(sides) - 1, _unit(len(sides) - 1, permutations)))
        if len(sides) == 2:
            found = probes.comparison(compare(sides[0], sides[1], **options), profiles[0], profiles[1])
        else:
            found = probes.generations(generations(sides, **options), profiles)
    return _finished(found, seed, kept, out, command, len(profiles[-1].sources(checked=False)))


def simulate(
    data: Data,
    *,
    generations: int = 5,
    regime: str = "replace",
    model: Literal["ngram", "unigram"] = "ngram",
    part: Part = "assistant",
    seed: int = 0,
    workers: int | None = None,
    cache: str | os.PathLike[str] | None = None,
    format: str | None = None,  # noqa: A002
    map: Mapping[str, str] | None = None,  # noqa: A002
    paths: Literal["best", "all"] = "best",
    out: str | os.PathLike[str] | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    command: Sequence[str] = (),
) -> Probing:
    """Let a toy model learn from half of a dataset, then from itself, and probe each generation: no prediction.

    Args:
        data: one dataset, as for ``profile``, or a finished Profile.
        generations: how many the toy model makes, two or more.
        regime: what a generation learns from: "replace" (the last one alone), "accumulate" (all), "mix=0.5" (half of
            it is human).
        model: "ngram" (trigrams) or "unigram".
        part: whose messages, as for ``probe``, like all that follow.
        seed: of all random draws.
        workers: threads.
        cache: folder of kept Profiles.
        format: name of the records' format.
        map: names of record keys.
        paths: best-ranked or all paths of trees.
        out: folder for probe.json, probe.html and plots.
        progress: called as data is measured.
        command: words of the command line.

    Raises:
        ValueError: what cannot be simulated, or data that cannot be read; the message says what to do.
    """
    from ultraqa.analysis import simulated
    from ultraqa.analysis.measuring import Progress
    from ultraqa.analysis.simulation import human_share
    from ultraqa.dialogues.sources import DataError, UnreadableError
    from ultraqa.reports import probes

    if generations < 2:
        raise DataError(f"generations is {generations}: at least 2 are needed for a trend")
    if model not in {"ngram", "unigram"}:
        raise DataError(f"model is {model!r}: choose ngram or unigram")
    human_share(regime)
    _require(part, PERMUTATIONS, seed, out)
    (profile,), kept = _profiles(
        [data], cache, embedder="none", format=format, map=map, paths=paths, seed=seed, workers=workers,
        progress=progress,
    )  # fmt: skip
    one = _side(profile, part)
    if len(one.text.rows) < 2:
        raise UnreadableError(f"{profile.name} has one dialogue with {part} text: a simulation needs two")
    progress(Progress(0, 1 + generations, _unit(1 + generations, PERMUTATIONS)))
    found = simulated.simulate(
        one, later=generations, regime=regime, model=model, part=part, seed=seed, workers=workers or cores()
    )
    return _finished(probes.simulation(found), seed, kept, out, command)


def _require(part: str, permutations: int, seed: int, out: str | os.PathLike[str] | None) -> None:
    """Refuse what cannot be probed before anything is measured."""
    from ultraqa.analysis.collapse import PARTS
    from ultraqa.dialogues.sources import DataError
    from ultraqa.reports.probe_files import require_folder

    if part not in PARTS:
        raise DataError(f"part is {part!r}: choose {', '.join(PARTS)}")
    if permutations < LEAST_PERMUTATIONS:
        raise DataError(f"permutations is {permutations}: at least {LEAST_PERMUTATIONS} are needed to tell chance")
    if permutations > MOST_PERMUTATIONS:
        raise DataError(
            f"permutations is {permutations:,}: at most {MOST_PERMUTATIONS:,} are made, more change nothing"
        )
    if seed < 0:
        raise DataError(f"seed is {seed}: 0 or above is needed")
    if out is not None:
        require_folder(Path(out))


def _profiles(
    data: Sequence[Any], cache: str | os.PathLike[str] | None, **options: Any
) -> tuple[list[Profile], Path | None]:
    """The Profiles of data, measured where they are none, and where they are kept then."""
    from ultraqa.analysis.profile import Profile
    from ultraqa.inputs import resolved

    given = resolved(data)
    raw = any(not isinstance(one, Profile) for one in given)
    found = [
        kept_profile(
            one, cache, tokens="none", tokenizer=None, vectors="auto", duplicates="none", representative="first",
            contamination=(), **options,
        )
        for one in given
    ]  # fmt: skip
    return found, kept_folder(cache) if raw else None


def _unit(comparisons: int, permutations: int) -> str:
    """What is under way, as progress says it."""
    return f"comparison{'s' * (comparisons > 1)}, each with {permutations} exchanges of texts"


def _side(profile: Profile, part: str) -> Any:
    """The sampled words of a Profile's part; refused where it holds none."""
    from ultraqa.analysis.collapse import side
    from ultraqa.analysis.profile import ProfileError
    from ultraqa.dialogues.sources import UnreadableError

    if not _has_words(profile):
        raise ProfileError(f"{profile.path} holds no words (no sample.npz): measure the data with `ultraqa profile`")
    found = side(profile, part)
    if not len(found.text.rows):
        of = "dialogue with text of both roles" if part == "both" else f"{part} text"
        raise UnreadableError(f"{profile.name} has no {of}: choose another --part")
    return found


def _has_words(profile: Profile) -> bool:
    return (profile.path / "sample.npz").is_file()


def _finished(
    found: dict[str, Any],
    seed: int,
    kept: Path | None,
    out: str | os.PathLike[str] | None,
    command: Sequence[str],
    files: int = 1,
) -> Probing:
    """The document with what made it, written where that is wanted."""
    from importlib.metadata import version

    from ultraqa.reports.document import command_line, plain

    made = {"seed": seed, "ultraqa_version": version("ultraqa"), "command": command_line(command)}
    done = Probing(plain({**found, **made}), kept, files)
    if out is not None:
        done.write(out)
    return done
