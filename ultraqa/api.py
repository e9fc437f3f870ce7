"""``profile`` and ``report``: what the commands do, one call each."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ultraqa.kept import cores, user_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from ultraqa.analysis.coverage import Coverage
    from ultraqa.analysis.endpoint import JudgeError
    from ultraqa.analysis.engine import Measures
    from ultraqa.analysis.measuring import Progress
    from ultraqa.analysis.metric import Result
    from ultraqa.analysis.profile import Profile
    from ultraqa.analysis.profile_part import ProfilePart
    from ultraqa.dialogues.sources import Dataset
    from ultraqa.inputs import Data
    from ultraqa.reports.document import UserTurns

AUTO_TOKENS = 500_000_000
"""Bytes of data up to which tokens are counted of everything by default."""
NARROWING_WORDS = 100_000
"""Words of each dataset that the probes of a report read; ``probe`` reads a million."""
NARROWING_PERMUTATIONS = 60
"""Exchanges of texts of a report's probes; ``probe`` makes 200."""


@dataclass(frozen=True)
class Report:
    """A written report.

    Attributes:
        path: folder with report.html, report.json, report.md, dialogues.parquet and the Profiles.
        document: what report.json holds.
    """

    path: Path
    document: dict[str, Any]

    def __repr__(self) -> str:
        """Where it is and what it compares."""
        names = ", ".join(one["name"] for one in self.document["datasets"])
        return f"Report({str(self.path)!r}: {names})"

    def results(self) -> pd.DataFrame:
        """Every number of the report, a row a number."""
        import pandas as pd

        return pd.DataFrame(self.document["results"])


def profile(
    data: Data,
    out: str | os.PathLike[str] | None = None,
    *,
    name: str | None = None,
    tokens: Literal["auto", "all", "none"] = "auto",
    tokenizer: str | os.PathLike[str] | None = None,
    embedder: str | os.PathLike[str] = "static",
    vectors: Literal["auto", "all"] = "auto",
    duplicates: Literal["auto", "all", "none"] = "auto",
    representative: str = "first",
    contamination: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    format: str | None = None,  # noqa: A002  (the option's name)
    map: Mapping[str, str] | None = None,  # noqa: A002
    paths: Literal["best", "all"] = "best",
    fields: Sequence[str] = (),
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Profile:
    """Measure one dataset into a Profile; a finished Profile of equal data and parameters is used as it is.

    Args:
        data: a file, folder, quoted glob, url or ``name=path``; a list of records; a Hugging Face ``Dataset``.
        out: the Profile's folder; without it a temporary one that goes with the process.
        name: name of the dataset, by default from its path.
        tokens: count tokens of everything (up to 500 MB with "auto", above that of a sample) or not at all.
        tokenizer: a ``tokenizer.json``; the LLaMA tokenizer of the UltraChat table without it.
        embedder: what makes vectors for topics and coherence: "static", "minilm", "lsa", a model's folder or its name
            on the Hugging Face hub; "none" also leaves out all that reads texts a second time.
        vectors: "all" makes them of every dialogue, "auto" above 100 MB of 10,000 drawn ones.
        duplicates: near-duplicates of dialogues and prompts ("auto"), also of single messages ("all"), or copies only.
        representative: which of near-duplicates is kept: "first", "longest", or the one of highest value in a column
            of the dialogues (of lowest, with "-" before its name).
        contamination: files of questions of benchmarks that should not stand in the data.
        format: name of the records' format where detection by content is not wanted.
        map: names of record keys to the names a format knows, ``{"question": "instruction"}``.
        paths: of a tree of messages the best-ranked path, or all.
        fields: record fields to keep as columns ``field.NAME``, for ``by``.
        seed: of all random draws.
        workers: threads, by default one per core.
        overwrite: replace a Profile of other data or parameters.
        progress: called as the pass goes on.

    Raises:
        ValueError: data that does not exist or cannot be read, options that do not fit; the message says what to do.
    """
    from ultraqa.dialogues.sources import DataError, Dataset
    from ultraqa.inputs import resolved, temporary

    given = resolved([data], name)[0]
    if not isinstance(given, Dataset):
        raise DataError(f"{given.path} is a Profile: it is measured already")
    folder = Path(out) if out is not None else temporary() / f"{given.name}.ultraqa"
    return measured_profile(
        given, folder, tokens=tokens, tokenizer=tokenizer, embedder=embedder, vectors=vectors,
        duplicates=duplicates, representative=representative, contamination=contamination, format=format, map=map,
        paths=paths, fields=fields, seed=seed, workers=workers, overwrite=overwrite, progress=progress,
    )  # fmt: skip


def report(
    *data: Data,
    against: Data | Sequence[Data] = (),
    out: str | os.PathLike[str] = "ultraqa-report",
    by: str | None = None,
    scores: str | os.PathLike[str] | None = None,
    published: bool = False,
    text: bool = True,
    judge: str | None = None,
    judge_url: str = "https://api.openai.com/v1",
    judge_sample: int = 300,
    judge_budget: int | None = 2_000_000,
    judge_concurrency: int = 4,
    judge_timeout: float = 120.0,
    tokens: Literal["auto", "all", "none"] = "auto",
    tokenizer: str | os.PathLike[str] | None = None,
    embedder: str | os.PathLike[str] = "static",
    vectors: Literal["auto", "all"] = "auto",
    duplicates: Literal["auto", "all", "none"] = "auto",
    representative: str = "first",
    contamination: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    format: str | None = None,  # noqa: A002
    map: Mapping[str, str] | None = None,  # noqa: A002
    paths: Literal["best", "all"] = "best",
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    command: Sequence[str] = (),
) -> Report:
    """Measure datasets, compare them and write the report: report.html, report.json, report.md, dialogues.parquet.

    Args:
        data: one or more datasets, as for ``profile``; a finished Profile's folder is read, not measured.
        against: further datasets that are only looked through for what they share with these: a test set, say.
        out: folder of the report; report files in it are replaced, Profiles of equal data and parameters are used.
        by: a record field by whose values each dataset is split and compared.
        scores: a table (CSV, JSONL or Parquet) of external scores per dialogue, joined by ``id`` or ``row``.
        published: show the published rows of the UltraChat table beside, apart from measured ones.
        text: show dialogue texts; False for a report to be shared.
        judge: name of a model that scores the coherence of sampled dialogues of two rounds or more; the key comes from
            OPENAI_API_KEY or ULTRAQA_JUDGE_API_KEY, answers are kept in the user's cache folder.
        judge_url: base of an OpenAI-compatible endpoint.
        judge_sample: dialogues to judge of each dataset, beside repeats and controls.
        judge_budget: tokens of each dataset above which nothing is asked, None for no limit.
        judge_concurrency: questions under way at a time.
        judge_timeout: seconds that an answer may take.
        tokens: as for ``profile``, like all that follow.
        tokenizer: a ``tokenizer.json``.
        embedder: what makes vectors.
        vectors: of 10,000 drawn dialogues where there is too much, or of all.
        duplicates: near-duplicates of dialogues and prompts, also of single messages, or of none.
        representative: which of near-duplicates is kept.
        contamination: files of questions of benchmarks.
        format: name of the records' format.
        map: names of record keys.
        paths: best-ranked or all paths of trees.
        seed: of all random draws.
        workers: threads.
        overwrite: replace Profiles of other data or parameters in ``out``.
        progress: called as the pass goes on.
        command: words of the command line, for the report's last section.

    Raises:
        ValueError: data that does not exist or cannot be read, options that do not fit; the message says what to do.
        JudgeError: a judge that cannot be asked: before anything is measured where that is known, else in the end.
    """
    from importlib.metadata import version

    from ultraqa.analysis.catalog import definitions
    from ultraqa.analysis.profile import Profile
    from ultraqa.analysis.profile_part import split
    from ultraqa.dialogues.sources import DataError
    from ultraqa.filters.trainers import compatibility
    from ultraqa.inputs import listed, resolved
    from ultraqa.reports.document import document
    from ultraqa.reports.report import write

    folder = Path(out)
    settings = {
        "model": judge, "url": judge_url, "sample": judge_sample, "budget": judge_budget, "seed": seed,
        "concurrency": judge_concurrency, "timeout": judge_timeout,
    }  # fmt: skip
    if judge is not None:
        _check_judge(settings)
    if scores is not None and not Path(scores).is_file():
        raise DataError(f"{scores} does not exist: scores are read from a CSV, JSONL or Parquet file")
    given = resolved([*data, *listed(against)])
    _refuse_for_profiles(
        given, contamination=listed(contamination), duplicates=duplicates, representative=representative
    )
    measured = [
        one
        if isinstance(one, Profile)
        else measured_profile(
            one, folder / f"{one.name}.ultraqa", tokens=tokens, tokenizer=tokenizer, embedder=embedder,
            vectors=vectors, duplicates=duplicates, representative=representative, contamination=contamination,
            format=format, map=map, paths=paths, fields=(by,) if by else (), seed=seed,
            workers=workers, overwrite=overwrite, progress=progress,
        )
        for one in given
    ]  # fmt: skip
    profiles = measured[: len(data)]
    shown: list[Profile | ProfilePart] = list(profiles)
    if by:
        shown = [part for one in profiles for part in split(one, by)]
    scored = []
    if scores is not None:
        from ultraqa.analysis.scores import joined

        scored = joined(profiles, Path(scores))
    judged, refusal = _judged_all(profiles, settings, progress) if judge is not None else ([], None)
    shared = _overlap(measured, len(data), folder / "overlap.parquet", workers or cores())
    found = document(
        shown, version=version("ultraqa"), published=published, text=text, seed=seed,
        scores=[*scored, *judged], covered=_covered(profiles), overlap=shared,
        compatibility={one.name: compatibility(one) for one in profiles},
        user_turns=_user_turns(profiles, seed), narrowing=_narrowing(profiles, seed, workers or cores(), text=text),
        methods=[one._asdict() for one in definitions()], command=command,
    )  # fmt: skip
    write(found, folder)
    _write_dialogues(profiles, folder / "dialogues.parquet")
    if refusal is not None:
        raise refusal
    return Report(folder, found)


def _refuse_for_profiles(
    given: Sequence[Dataset | Profile], *, contamination: Sequence[Any], duplicates: str, representative: str
) -> None:
    """Refuse options that would change nothing, because a finished Profile is read and not measured."""
    from ultraqa.analysis.profile import Profile
    from ultraqa.dialogues.sources import DataError

    asked = {
        "contamination": bool(contamination), "duplicates": duplicates != "auto",
        "representative": representative != "first",
    }  # fmt: skip
    option = next((name for name, wanted in asked.items() if wanted), None)
    one = next((one for one in given if isinstance(one, Profile)), None)
    if option is not None and one is not None:
        raise DataError(
            f"{one.path} is a finished Profile, which --{option} cannot change: give the data, or measure it with "
            f"`ultraqa profile … --{option} …`"
        )


def _check_judge(settings: Mapping[str, Any]) -> None:
    """Refuse a judge that cannot be asked before anything is measured."""
    from ultraqa.analysis.endpoint import Settings, open_endpoint

    open_endpoint(Settings(**settings))


def _judged_all(
    profiles: Sequence[Profile], settings: Mapping[str, Any], progress: Callable[[Progress], None]
) -> tuple[list[Result], JudgeError | None]:
    """Rows of the judge, and why it could not be asked: the rest of the report is written in any case."""
    from ultraqa.analysis.endpoint import JudgeError
    from ultraqa.analysis.metric import Result

    rows: list[Result] = []
    for one in profiles:
        try:
            rows += _judged(one, settings, progress)
        except JudgeError as error:
            version = f"1 {settings['model']}"
            missing = Result(one.name, "coherence_judge", "dialogue", "mean", None, version=version, note=str(error))
            return [*rows, missing], JudgeError(f"the report is written without the judge: {error}")
    return rows, None


def _judged(profile: Profile, settings: Mapping[str, Any], progress: Callable[[Progress], None]) -> list[Result]:
    """Coherence of sampled dialogues of a Profile by a language model."""
    from ultraqa.analysis.duplicates import exact_duplicates
    from ultraqa.analysis.endpoint import Settings
    from ultraqa.analysis.judge import choose, rows
    from ultraqa.analysis.judge import judge as ask
    from ultraqa.analysis.measuring import Progress

    chosen = Settings(**settings)
    distinct = (exact_duplicates(profile.column("content_hash")) < 0).nonzero()[0]
    drawn = choose(distinct, profile.column("rounds")[distinct], chosen.sample, chosen.seed).tolist()
    found = ask(
        list(zip(drawn, profile.texts(drawn), strict=True)), chosen, user_cache() / "judge",
        progress=lambda at: progress(
            Progress(at.done, at.requests, f"questions to {chosen.model}, about {at.tokens:,} tokens")
        ),
    )  # fmt: skip
    return rows(profile.name, found, profile.column("words"))


def _covered(profiles: Sequence[Profile]) -> dict[str, Coverage]:
    """How each dataset but the first covers the first one's topics."""
    from ultraqa.analysis.coverage import coverage

    found = {one.name: coverage(profiles[0], one) for one in profiles[1:]}
    return {name: one for name, one in found.items() if one is not None}


def _overlap(
    profiles: Sequence[Profile], shown: int, file: Path, workers: int
) -> dict[str, list[dict[str, Any]]] | None:
    """What of each of the first ``shown`` datasets is in each other one; the pairs of dialogues go into a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ultraqa.analysis.near_overlap import near_overlap
    from ultraqa.analysis.overlap import matrix, overlaps
    from ultraqa.dialogues.writing import atomically

    file.unlink(missing_ok=True)
    if len(profiles) < 2:
        return None
    found = overlaps(profiles, partial(near_overlap, workers=workers))[: shown * (len(profiles) - 1)]
    with atomically(file) as partly:
        pq.write_table(pa.concat_tables([pa.table(one.matches) for one in found]), partly, compression="lz4")
    return {"matrix": matrix(found)}


def _user_turns(profiles: Sequence[Profile], seed: int) -> dict[str, UserTurns]:
    """How the user messages of each dataset but the first differ from the first one's."""
    from ultraqa.analysis.drawn import drawn_in
    from ultraqa.analysis.human_likeness import compare
    from ultraqa.analysis.separability import separability
    from ultraqa.reports.document import UserTurns

    parts = [drawn_in(one, ("en",)) for one in profiles] if len(profiles) > 1 else []
    return {
        part.name: UserTurns(compare(parts[0], part, seed=seed), separability(parts[0], part, seed=seed))
        for part in parts[1:]
        if part is not None and parts[0] is not None
    }


def _narrowing(profiles: Sequence[Profile], seed: int, workers: int, *, text: bool) -> list[dict[str, Any]]:
    """What probes say of each dataset but the first beside the first one, of their first words."""
    from ultraqa.analysis.collapse import compare, side
    from ultraqa.reports.probes import section

    if len(profiles) < 2:
        return []
    first, *others = [(one, side(one, "assistant", NARROWING_WORDS)) for one in profiles]
    options: dict[str, Any] = {"seed": seed, "permutations": NARROWING_PERMUTATIONS, "workers": workers}
    return [section(compare(first[1], words, **options), first[0], one, text=text) for one, words in others]


def measured_profile(
    dataset: Dataset,
    folder: Path | Callable[[Measures], Path],
    *,
    tokens: Literal["auto", "all", "none"],
    tokenizer: str | os.PathLike[str] | None,
    embedder: str | os.PathLike[str],
    vectors: Literal["auto", "all"],
    duplicates: Literal["auto", "all", "none"],
    representative: str,
    contamination: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    format: str | None,  # noqa: A002
    map: Mapping[str, str] | None,  # noqa: A002
    paths: Literal["best", "all"],
    fields: Sequence[str],
    seed: int,
    workers: int | None,
    overwrite: bool,
    progress: Callable[[Progress], None],
) -> Profile:
    """The Profile of a dataset in a folder, or in the one that its measures ask for."""
    from ultraqa.analysis import measuring
    from ultraqa.analysis.deduplication import check_representative
    from ultraqa.analysis.engine import Measures
    from ultraqa.dialogues.formats import RecordReader
    from ultraqa.dialogues.reading import ReadOptions
    from ultraqa.dialogues.sources import DataError
    from ultraqa.inputs import keep_records, listed

    if tokens not in {"auto", "all", "none"}:
        raise DataError(f"tokens is {tokens!r}: choose auto, all or none")
    if vectors not in {"auto", "all"}:
        raise DataError(f"vectors is {vectors!r}: choose auto or all")
    if duplicates not in {"auto", "all", "none"}:
        raise DataError(f"duplicates is {duplicates!r}: choose auto, all or none")
    if paths not in {"best", "all"}:
        raise DataError(f"paths is {paths!r}: choose best or all")
    if workers is not None and workers < 1:
        raise DataError(f"workers is {workers}: at least 1 is needed")
    size = sum(source.size for source in dataset.sources)
    counted: Literal["all", "sample", "none"] = (
        tokens if tokens != "auto" else "all" if size <= AUTO_TOKENS else "sample"
    )
    read = ReadOptions(format=format, mapping=tuple((map or {}).items()), paths=paths, fields=tuple(fields))
    measures = Measures(
        read, counted, Path(tokenizer) if tokenizer is not None else None, os.fspath(embedder), vectors, seed,
        duplicates, representative, tuple(os.fspath(one) for one in listed(contamination)),
    )  # fmt: skip
    try:
        RecordReader(format=format, mapping=map, paths=paths)
        measures.pieces()
        _ = measures.encoder, measures.questions
        check_representative(representative)
    except (OSError, ValueError) as error:
        raise DataError(str(error)) from error
    place = folder if isinstance(folder, Path) else folder(measures)
    found = measuring.profile(
        dataset, place, measures, workers=workers or cores(), overwrite=overwrite, progress=progress
    )
    keep_records(found)
    return found


def _write_dialogues(profiles: Sequence[Profile], file: Path) -> None:
    """The dialogues of all datasets in one table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ultraqa.dialogues.writing import atomically

    with atomically(file) as partial:
        if len(profiles) == 1:
            shutil.copyfile(profiles[0].path / "dialogues.parquet", partial)
            return
        tables = [one.table("dialogues") for one in profiles]
        pq.write_table(pa.concat_tables(tables, promote_options="permissive"), partial, compression="lz4")
