"""The same data give the same Profile, byte for byte: with any number of threads, after any kill, with any shards."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest

from ultraqa.analysis import corpus
from ultraqa.analysis.assembly import TABLES
from ultraqa.analysis.engine import Engine, Measures
from ultraqa.analysis.measuring import Progress, profile
from ultraqa.dialogues.reading import shards
from ultraqa.dialogues.sources import UnreadableError, datasets, sha256

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ultraqa.analysis.shardfile import Measured

MEASURES: Final = Measures()
FILES: Final = 6


def records(seed: int, n: int) -> list[dict[str, Any]]:
    """Dialogues of every make: several scripts, system and tool turns, empty messages, copies, odd orders of roles."""
    rng = np.random.default_rng(seed)
    spelled = ["".join("etaoinshrd"[int(c)] for c in str(k)) for k in range(3_000)]
    weights = 1 / np.arange(3, 3_003)
    odd = ("", " ", "漢字かな交じり文です。", "สวัสดีครับ", "नमस्ते दुनिया", "😀 ok", "ΟΔΥΣΣΕΥΣ İ", "don't stop", "x" * 200)
    drawn = rng.choice(spelled, (n, 8, 30), p=weights / weights.sum()).tolist()
    found: list[dict[str, Any]] = []
    for i, texts in enumerate(drawn):
        turns = [{"role": "system", "content": "Be brief."}] if i % 7 == 0 else []
        for k, words in enumerate(texts[: 1 + int(rng.integers(8))]):
            content = odd[int(rng.integers(len(odd)))] if rng.random() < 0.1 else " ".join(words)
            turns.append({"role": ("user", "assistant")[(k + (i % 11 == 0)) % 2], "content": content})
        if i % 13 == 0:
            turns.append({"role": "tool", "content": "42"})
        found.append({"id": f"{seed}-{i}", "messages": turns, "source": f"s{i % 3}"})
    return found + found[: n // 10]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six files, some megabytes, a few of their lines broken."""
    folder = tmp_path_factory.mktemp("data")
    for k in range(FILES):
        lines = [json.dumps(record, ensure_ascii=k % 2 == 0) for record in records(k, 600)]
        lines[100 * k % 500] = '{"messages": [{"role": "user", "content": "broken'
        (folder / f"part-{k}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Every file of a Profile and the hash of its bytes; sources.json says where the data lies and is left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "sources.json"]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def measure(data: Path, folder: Path, workers: int = 2, advance: Callable[[Progress], None] = lambda _: None) -> None:
    """Measure a dataset into a folder."""
    profile(datasets([f"set={data}"])[0], folder, MEASURES, workers=workers, progress=advance)


@pytest.fixture(scope="module")
def wanted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The Profile made by one thread in one go."""
    folder = tmp_path_factory.mktemp("wanted") / "set.ultraqa"
    measure(data, folder, workers=1)
    found = contents(folder)
    assert {"profile.json", "sample.npz", "unreadable.jsonl", *(f"{table}.parquet" for table in TABLES)} == set(found)
    return found


@pytest.mark.parametrize("workers", [2, 5])
def test_threads_change_no_byte(workers: int, data: Path, wanted: dict[str, str], tmp_path: Path) -> None:
    """However many there are."""
    measure(data, tmp_path / "set.ultraqa", workers)
    assert contents(tmp_path / "set.ultraqa") == wanted


def test_where_data_and_profile_lie_changes_no_byte(data: Path, wanted: dict[str, str], tmp_path: Path) -> None:
    """No absolute path, no time, no host stands in a Profile."""
    measure(copied(data, tmp_path / "elsewhere"), tmp_path / "deep" / "er" / "other.ultraqa")
    assert contents(tmp_path / "deep" / "er" / "other.ultraqa") == wanted


def folded(file: Path, folder: Path, size: int, workers: int) -> dict[str, Any]:
    """All that a file's shards of some size say, put together."""
    source = datasets([str(file)])[0].sources[0]
    engine = Engine(MEASURES, folder, workers)
    found: list[Measured] = list(engine.run([(shard, sha256(source)) for shard in shards(source, size, MEASURES.read)]))
    sample, starts = engine.sample(), np.cumsum([0, *(len(one.hashes) for one in found)])
    together: dict[str, Any] = {"shards": len(found), "size": sample.size}
    for name in ("hashes", "prompts"):
        together[name] = np.concatenate([getattr(one, name) for one in found]).tolist()
    for part in corpus.PARTS:
        state = getattr(sample, part)
        together |= {f"{part}.{name}": getattr(state, name).tolist() for name in corpus.Part.__dataclass_fields__}
    for name in ("letters", "dialogues", "without"):
        together[name] = np.sum([getattr(one.scripts, name) for one in found], axis=0).tolist()
    for table in TABLES:
        rows = [one.table(table).to_pylist() for one in found]
        for start, some in zip(starts.tolist(), rows, strict=False):
            for row in some:
                if "dialogue" in row:
                    row["dialogue"] += start * (row["dialogue"] >= 0)
        together[table] = [row for some in rows for row in some]
    together["findings"].sort(key=lambda row: tuple(map(str, row.values())))  # batch by batch in the Profile
    together["records"] = sum(one.records for one in found), sum(one.unreadable for one in found)
    return together


@pytest.mark.parametrize("room", [500, corpus.SAMPLE_WORDS])
def test_the_size_of_shards_changes_no_number(
    room: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, hashes, samples and counts are the same from one shard and from many, and where the sample is full."""
    monkeypatch.setattr(corpus, "SAMPLE_WORDS", room)
    file = data / "part-0.jsonl"
    whole = folded(file, tmp_path / "whole", 1 << 40, 1)
    assert whole.pop("shards") == 1
    for size, workers in ((1 << 15, 3), (1 << 17, 2)):
        cut = folded(file, tmp_path / f"{size}", size, workers)
        assert cut.pop("shards") > 3
        for name, value in whole.items():
            assert cut[name] == value, name


# --- kills -----------------------------------------------------------------------------------------------------------

KILLED: Final = """
import os, signal, sys
from pathlib import Path

event, part, data, folder = sys.argv[1:]

def watch(name, arguments):  # the interpreter tells of every file it opens, renames and removes
    if name == event and part in str(arguments[0]) and folder in str(arguments[0]):
        os.kill(os.getpid(), signal.SIGKILL)

from ultraqa.analysis.engine import Measures
from ultraqa.analysis.measuring import profile
from ultraqa.dialogues.sources import datasets
dataset = datasets([f"set={data}"])[0]
sys.addaudithook(watch)
profile(dataset, Path(folder), Measures(), workers=2)
"""
POINTS: Final = {
    "before the first shard is written": ("os.rename", "000000-"),
    "in the middle of the shards": ("os.rename", "000003-"),
    "before the tables are whole": ("os.rename", "dialogues.parquet"),
    "while the sample is written": ("os.rename", "sample.npz"),
    "before the Profile is finished": ("os.rename", "profile.json"),
    "before the shards are removed": ("shutil.rmtree", "shards"),
}


def killed(data: Path, folder: Path, event: str, part: str) -> None:
    """A run in a process of its own, ended by SIGKILL at an event."""
    command = [sys.executable, "-c", KILLED, event, part, data, folder]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == -signal.SIGKILL, run.stderr


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(
    point: str, data: Path, wanted: dict[str, str], tmp_path: Path
) -> None:
    """Killed at any point and run again: the same files, none left over."""
    folder = tmp_path / "set.ultraqa"
    killed(data, folder, *POINTS[point])
    assert contents(folder) != wanted
    measure(data, folder)
    assert contents(folder) == wanted


def test_a_run_killed_twice_and_robbed_of_shards_ends_in_the_same_bytes(
    data: Path, wanted: dict[str, str], tmp_path: Path
) -> None:
    """Every second finished shard is gone: they are measured again, the others are not."""
    folder = tmp_path / "set.ultraqa"
    killed(data, folder, *POINTS["in the middle of the shards"])
    killed(data, folder, *POINTS["before the Profile is finished"])
    left = sorted((folder / "shards").glob("*.arrow"))
    assert len(left) == FILES
    for file in left[::2]:
        file.unlink()
    kept = {file: file.stat().st_mtime_ns for file in left[1::2]}
    times: dict[Path, int] = {}

    def note(_: Progress) -> None:
        times.update({file: file.stat().st_mtime_ns for file in kept})

    measure(data, folder, advance=note)
    assert times == kept
    assert contents(folder) == wanted


class StopError(Exception):
    """The run is broken off."""


def broken_off(data: Path, folder: Path) -> None:
    """A run that ends after the last shard, before the Profile is put together."""

    def stop(progress: Progress) -> None:
        if progress.done == progress.total:
            raise StopError

    with pytest.raises(StopError):
        measure(data, folder, workers=1, advance=stop)
    assert len(list((folder / "shards").glob("*.arrow"))) == len(list(data.iterdir()))


def copied(data: Path, folder: Path) -> Path:
    """The files in another folder."""
    folder.mkdir()
    for file in data.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_data_that_change_between_two_runs_are_measured_as_they_are(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shard's sample leaves out what earlier shards made impossible: it is of no use when those have changed."""
    monkeypatch.setattr(corpus, "SAMPLE_WORDS", 500)
    mine = copied(data, tmp_path / "mine")
    broken_off(mine, tmp_path / "resumed.ultraqa")
    for k in range(FILES - 1):
        (mine / f"part-{k}.jsonl").write_text(json.dumps(records(70 + k, 1)[0]) + "\n")
    measure(mine, tmp_path / "resumed.ultraqa")
    measure(mine, tmp_path / "new.ultraqa")
    assert contents(tmp_path / "resumed.ultraqa") == contents(tmp_path / "new.ultraqa")


def test_files_renamed_between_two_runs_are_named_as_they_are(data: Path, tmp_path: Path) -> None:
    """The path of a file stands in its shard's rows."""
    mine = copied(data, tmp_path / "mine")
    broken_off(mine, tmp_path / "resumed.ultraqa")
    (mine / "part-5.jsonl").rename(mine / "part-9.jsonl")
    measure(mine, tmp_path / "resumed.ultraqa")
    measure(mine, tmp_path / "new.ultraqa")
    assert contents(tmp_path / "resumed.ultraqa") == contents(tmp_path / "new.ultraqa")


def test_records_mended_between_two_runs_are_no_longer_called_unreadable(tmp_path: Path) -> None:
    """What a killed run copied aside does not outlive it."""
    data = tmp_path / "data"
    data.mkdir()
    good = "".join(json.dumps(record) + "\n" for record in records(1, 5))
    (data / "a.jsonl").write_text(good + "{broken\n")
    killed(data, tmp_path / "set.ultraqa", *POINTS["while the sample is written"])
    assert (tmp_path / "set.ultraqa" / "unreadable.jsonl").exists()
    (data / "a.jsonl").write_text(good)
    measure(data, tmp_path / "set.ultraqa")
    assert not (tmp_path / "set.ultraqa" / "unreadable.jsonl").exists()


def test_progress_counts_every_byte_once(data: Path, tmp_path: Path) -> None:
    """It rises to the size of the data."""
    seen: list[Progress] = []
    measure(data, tmp_path / "set.ultraqa", advance=seen.append)
    total = sum(file.stat().st_size for file in data.iterdir())
    assert [one.done for one in seen] == sorted(one.done for one in seen)
    assert seen[-1] == Progress(total, total)


# --- what cannot be read ---------------------------------------------------------------------------------------------


def test_an_unreadable_record_is_found_by_its_line_and_bytes(tmp_path: Path) -> None:
    """In the findings without a dialogue, in the counts, and copied to be mended; every other record is measured."""
    good = [json.dumps(record) for record in records(1, 20)]
    bad = ['{"messages": [', "not json at all", '{"messages": 5}']
    lines = [*good[:5], bad[0], *good[5:9], "", bad[1], *good[9:], bad[2]]
    file = tmp_path / "set.jsonl"
    file.write_text("\n".join(lines) + "\n")
    found = profile(datasets([str(file)])[0], tmp_path / "set.ultraqa", MEASURES, workers=1)
    assert len(found) == len(good)
    assert (found.document["records"], found.document["unreadable"]) == (len(good), len(bad))
    rows = found.findings().query("finding == 'unreadable'")
    assert set(rows["dialogue"]) == {-1}
    raw = file.read_bytes()
    assert [raw[a:b].strip().decode() for a, b in zip(rows["start"], rows["end"], strict=True)] == bad
    for line, detail in zip((6, 12, len(lines)), rows["detail"], strict=True):
        assert detail.startswith(f"set.jsonl: line {line}: ")
        assert len(detail) > len(f"set.jsonl: line {line}: ") + 5
    assert (tmp_path / "set.ultraqa" / "unreadable.jsonl").read_text().splitlines() == bad


@pytest.mark.parametrize("text", ["", "\n\n", "[]", "[\n]\n"])
def test_data_without_a_record_are_refused(text: str, tmp_path: Path) -> None:
    """By name, and no Profile is left that looks finished."""
    file = tmp_path / "nothing.json"
    file.write_text(text)
    with pytest.raises(UnreadableError, match="nothing"):
        profile(datasets([str(file)])[0], tmp_path / "set.ultraqa", MEASURES, workers=1)
    assert not (tmp_path / "set.ultraqa" / "profile.json").exists()


def test_data_of_which_nothing_can_be_read_are_refused_with_the_first_reason(tmp_path: Path) -> None:
    """Name and line of the first record that failed."""
    file = tmp_path / "broken.jsonl"
    file.write_text('{"messages": [{"role": "user", "content": 1\n' * 3)
    with pytest.raises(UnreadableError, match=r"broken.*line 1"):
        profile(datasets([str(file)])[0], tmp_path / "set.ultraqa", MEASURES, workers=1)


def test_an_empty_file_beside_others_is_no_hindrance(tmp_path: Path) -> None:
    """A folder is read for what is in it."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.jsonl").write_text("")
    (folder / "b.jsonl").write_text(json.dumps(records(1, 1)[0]) + "\n")
    measure(folder, tmp_path / "set.ultraqa")
    assert json.loads((tmp_path / "set.ultraqa" / "profile.json").read_text())["dialogues"] == 1
