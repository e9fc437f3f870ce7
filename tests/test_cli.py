"""The command as a user runs it: exit codes, sentences and no tracebacks, what goes where, and the same bytes again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

REPORT = {"report.html", "report.json", "report.md", "dialogues.parquet"}
UNKNOWN = '{"colour": "blue", "weights": [2, 3]}\n'
FORMATS = {
    "alpaca.json": "alpaca",
    "baize.json": "baize",
    "camel.jsonl": "camel",
    "invented_benchmark.jsonl": "question_answer",
    "messages.jsonl": "messages",
    "openassistant.jsonl": "oasst_tree",
    "sample.jsonl": "ultrachat",
    "sharegpt.json": "sharegpt",
    "transcripts.csv": "transcript",
    "ultrachat.jsonl": "ultrachat",
    "ultrachat_200k.jsonl": "ultrachat_200k",
}


@pytest.fixture(scope="session")
def written(ultraqa: Run, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a report on the sample was made, with what the command printed."""
    folder = tmp_path_factory.mktemp("written")
    done = ultraqa("report", samples / "sample.jsonl", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout)
    (folder / "stderr").write_text(done.stderr)
    return folder


@pytest.fixture(scope="session")
def measured(ultraqa: Run, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Profile of the sample."""
    folder = tmp_path_factory.mktemp("measured") / "sample.ultraqa"
    done = ultraqa("profile", samples / "sample.jsonl", "-o", folder)
    assert done.returncode == 0, done.stderr
    return folder


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """The command ended with a code and a sentence that holds some words, and printed nothing on standard output."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "fault of UltraQA" not in done.stderr
    told = " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.stderr).split())
    assert [word for word in words if word not in told] == [], told


def names(folder: Path) -> set[str]:
    """Names of what a folder holds."""
    return {file.name for file in folder.iterdir()}


def loaded(folder: Path) -> dict[str, object]:
    """The document of a report."""
    return json.loads((folder / "report.json").read_text())


def datasets(folder: Path) -> dict[str, int]:
    """Names of a report's datasets and their dialogues."""
    return {one["name"]: one["dialogues"] for one in loaded(folder)["datasets"]}


def records(file: Path, *lines: object) -> Path:
    """A file of JSON lines."""
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def conversation(i: int, **fields: object) -> dict[str, object]:
    """A small dialogue with further fields."""
    return {"id": f"c{i}", "data": [f"Which number comes after {i}?", f"After {i} comes {i + 1}."], **fields}


# --- what a report is


def test_report_writes_its_files_and_prints_the_table(written: Path) -> None:
    """Table and findings stand on standard output, where the files lie on standard error."""
    assert names(written / "ultraqa-report") == REPORT | {"sample.ultraqa"}
    printed = (written / "stdout").read_text()
    assert re.search(r"^dialogues +71$", printed, re.MULTILINE)
    assert "Findings: " in printed
    assert "ultraqa-report/report.html" in (written / "stderr").read_text()
    assert "report.html" not in printed


def test_output_that_is_no_terminal_holds_no_escape_codes(written: Path) -> None:
    """Neither colours nor a progress bar reach a file."""
    assert "\x1b" not in (written / "stdout").read_text() + (written / "stderr").read_text()
    assert "\r" not in (written / "stderr").read_text()


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}], ids=str)
def test_no_color_is_honoured_on_a_terminal(variables: dict[str, str], samples: Path, tmp_path: Path) -> None:
    """On a terminal there are colours, with NO_COLOR there are none."""
    printed = on_a_terminal(["report", str(samples / "alpaca.json")], tmp_path, variables)
    assert "dialogues" in printed
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]", printed)) is ("NO_COLOR" not in variables)


def on_a_terminal(words: list[str], cwd: Path, variables: dict[str, str]) -> str:
    """What the command writes when standard output and error are a terminal."""
    ours, theirs = os.openpty()
    environment = {
        name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}
    }
    command = [sys.executable, "-m", "ultraqa", *words]
    environment |= {"TERM": "xterm-256color", **variables}
    process = subprocess.Popen(command, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = b""
    try:
        while block := os.read(ours, 65536):
            written += block
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(ours)
    assert process.wait(60) == 0, written.decode()
    return written.decode()


def test_json_is_the_document_on_standard_output(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """``--json`` prints what report.json holds, and nothing else."""
    done = ultraqa("report", samples / "alpaca.json", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "ultraqa-report" / "report.json").read_text()


def test_same_data_gives_the_same_bytes(ultraqa: Run, samples: Path, written: Path, tmp_path: Path) -> None:
    """Neither the folder, nor the time, nor the number of threads reaches a report or the Profile beside it."""
    data = Path(shutil.copy(samples / "sample.jsonl", tmp_path))
    done = ultraqa("report", data.name, "--workers", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = written / "ultraqa-report", tmp_path / "ultraqa-report"
    for file in (f.relative_to(first) for f in first.rglob("*") if f.is_file() and f.name != "sources.json"):
        assert (first / file).read_bytes() == (second / file).read_bytes(), file


def test_no_file_of_a_report_names_a_folder_of_this_machine(written: Path) -> None:
    """Only sources.json, which is never rendered, says where the data lies."""
    here = str(Path(__file__).parent.parent).encode()
    texts = {
        f.name: f.read_bytes() for f in written.rglob("*") if f.is_file() and f.suffix in {".html", ".json", ".md"}
    }
    assert [name for name, text in texts.items() if here in text] == ["sources.json"]


def test_published_rows_stand_apart(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """``--published`` adds the UltraChat table, marked as published."""
    done = ultraqa("report", samples / "alpaca.json", "--published", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Published, not measured here" in done.stdout
    assert "Stanford Alpaca" in done.stdout
    document = loaded(tmp_path / "ultraqa-report")
    assert {row["dataset"] for row in document["results"]} == {"alpaca"}
    assert document["published"]


def test_no_text_leaves_every_text_out(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """``--no-text``: no piece of a message stands in any file of the report."""
    done = ultraqa("report", samples / "messages.jsonl", "--no-text", "-o", "bare", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    pieces = text_pieces(samples / "messages.jsonl")
    assert len(pieces) > 30
    for file in sorted((tmp_path / "bare").rglob("*")):
        if file.is_file():
            content = shown(file) + done.stdout
            assert [piece for piece in pieces if piece in content] == [], file.name


def text_pieces(file: Path) -> list[str]:
    """The first words of every message of a file of messages."""
    found = []
    for line in file.read_text().splitlines():
        contents = [message["content"] for message in json.loads(line)["messages"]]
        texts = [
            one if isinstance(one, str) else " ".join(part.get("text", "") for part in one or []) for one in contents
        ]
        found += [text[:25] for text in texts if len(text) >= 25]
    return found


def shown(file: Path) -> str:
    """All text that a file of a report holds."""
    if file.suffix == ".parquet":
        return str(pq.read_table(file).to_pylist())
    return file.read_bytes().decode(errors="replace")


def test_several_datasets_are_compared(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """One column for each, under the given name where one is given."""
    done = ultraqa("report", f"mine={samples / 'alpaca.json'}", samples / "baize.json", "-o", "two", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert datasets(tmp_path / "two") == {"mine": 18, "baize": 8}
    assert {"mine.ultraqa", "baize.ultraqa"} < names(tmp_path / "two")
    assert len(pd.read_parquet(tmp_path / "two" / "dialogues.parquet")) == 26


def test_equal_names_get_their_folders(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """Two files of one name are told apart by the folders they lie in."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        shutil.copy(samples / "baize.json", tmp_path / folder)
    done = ultraqa("report", "one/baize.json", "two/baize.json", "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(datasets(tmp_path / "out")) == {"one-baize", "two-baize"}


def test_by_splits_and_compares(ultraqa: Run, tmp_path: Path) -> None:
    """``--by FIELD`` gives a column for each value; records without the field are a group of their own."""
    data = records(
        tmp_path / "mixed.jsonl",
        *(conversation(i, source="web" if i % 3 else "book") for i in range(30)),
        conversation(30),
    )
    done = ultraqa("report", data, "--by", "source", "-o", "by", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert datasets(tmp_path / "by") == {"mixed/web": 20, "mixed/book": 10, "mixed/(none)": 1}


def test_by_a_field_that_no_record_has_cannot_be_evaluated(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """A missing column is told, not reported as one group."""
    refused(ultraqa("report", samples / "baize.json", "--by", "colour", cwd=tmp_path), 3, "colour")


def test_scores_are_joined(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """``--scores FILE`` adds rows for every numeric column."""
    (tmp_path / "judge.csv").write_text("row,helpful\n" + "".join(f"{i},{i % 5}\n" for i in range(8)))
    done = ultraqa("report", samples / "baize.json", "--scores", "judge.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [row for row in loaded(tmp_path / "ultraqa-report")["results"] if row["metric"] == "score.helpful"]
    assert {row["statistic"]: row["value"] for row in rows}["mean"] == pytest.approx(13 / 8)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("row;quality\n0;1\n", ["a column id or row"]),
        ("row,quality\n99,1\n", ["no row in judge.csv"]),
        ("", ["judge.csv"]),
    ],
)
def test_scores_that_match_nothing_cannot_be_evaluated(
    table: str, words: list[str], ultraqa: Run, samples: Path, tmp_path: Path
) -> None:
    """A table without a key, without a match, or empty."""
    (tmp_path / "judge.csv").write_text(table)
    done = ultraqa("report", samples / "baize.json", "--scores", "judge.csv", cwd=tmp_path)
    refused(done, 3, *words)


# --- what DATA may be


def test_standard_input_is_data(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """``-`` reads what is piped in."""
    done = ultraqa("report", "-", "-o", "piped", cwd=tmp_path, stdin=(samples / "ultrachat_200k.jsonl").read_text())
    assert done.returncode == 0, done.stderr
    assert datasets(tmp_path / "piped") == {"stdin": 10}


def test_standard_input_beside_a_file(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """A pipe with a name of its own is compared with a file."""
    data = (samples / "ultrachat_200k.jsonl").read_text()
    done = ultraqa("report", "new=-", samples / "baize.json", "-o", "both", cwd=tmp_path, stdin=data)
    assert done.returncode == 0, done.stderr
    assert datasets(tmp_path / "both") == {"new": 10, "baize": 8}


def test_a_folder_and_a_quoted_glob_are_one_dataset(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """All files of a folder, and those that match, as one dataset of several formats."""
    (tmp_path / "chats").mkdir()
    for name in ("alpaca.json", "baize.json", "camel.jsonl"):
        shutil.copy(samples / name, tmp_path / "chats")
    assert ultraqa("report", "chats", "-o", "folder", cwd=tmp_path).returncode == 0
    assert datasets(tmp_path / "folder") == {"chats": 32}
    assert ultraqa("report", "chats/*.json", "-o", "glob", cwd=tmp_path).returncode == 0
    assert datasets(tmp_path / "glob") == {"chats": 26}


def test_an_unquoted_glob_is_refused(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """Nine files of a folder are more likely a pattern that the shell expanded."""
    files = sorted(samples.glob("*.json*"))[:9]
    assert len(files) == 9
    refused(ultraqa("report", *files, cwd=tmp_path), 2, "quote the pattern")


def test_a_profile_is_data(ultraqa: Run, measured: Path, written: Path, tmp_path: Path) -> None:
    """A report on a Profile holds the numbers of a report on its data."""
    done = ultraqa("report", measured, "-o", "again", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert loaded(tmp_path / "again")["results"] == loaded(written / "ultraqa-report")["results"]
    assert names(tmp_path / "again") == REPORT


def test_format_and_map_override_detection(ultraqa: Run, tmp_path: Path) -> None:
    """Keys with names of their own are read once they are mapped."""
    data = records(tmp_path / "own.jsonl", *({"ask": f"Why {i}?", "tell": f"Because {i}."} for i in range(3)))
    refused(ultraqa("report", data, cwd=tmp_path), 3, "'ask'", "'tell'", "--map")
    done = ultraqa("report", data, "--map", "ask=instruction", "--map", "tell=output", "-o", "mapped", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert loaded(tmp_path / "mapped")["datasets"][0]["formats"] == {"alpaca": 3}


# --- Profiles


def test_profile_says_what_it_wrote(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """A line on standard error, or the Profile's document on standard output."""
    done = ultraqa("profile", samples / "baize.json", "-o", "b.ultraqa", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "b.ultraqa: 8 dialogues" in done.stderr
    done = ultraqa("profile", samples / "baize.json", "-o", "b.ultraqa", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["dialogues"] == 8


def test_a_finished_profile_is_used_again(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """A second run reads the Profile, and ends with the same bytes."""
    words = ("report", samples / "sample.jsonl", "-o", "twice")
    assert ultraqa(*words, cwd=tmp_path).returncode == 0
    file = tmp_path / "twice" / "sample.ultraqa" / "messages.parquet"
    html, made = (tmp_path / "twice" / "report.html").read_bytes(), file.stat().st_mtime_ns
    assert ultraqa(*words, cwd=tmp_path).returncode == 0
    assert file.stat().st_mtime_ns == made
    assert (tmp_path / "twice" / "report.html").read_bytes() == html


def test_a_profile_of_other_data_is_replaced_only_when_asked(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """Other data and other parameters are refused, and the Profile is as it was; ``--overwrite`` replaces it."""
    assert ultraqa("profile", samples / "baize.json", "-o", "p.ultraqa", cwd=tmp_path).returncode == 0
    before = (tmp_path / "p.ultraqa" / "profile.json").read_bytes()
    refused(ultraqa("profile", samples / "alpaca.json", "-o", "p.ultraqa", cwd=tmp_path), 2, "--overwrite")
    refused(
        ultraqa("profile", samples / "baize.json", "-o", "p.ultraqa", "--seed", "1", cwd=tmp_path), 2, "--overwrite"
    )
    assert (tmp_path / "p.ultraqa" / "profile.json").read_bytes() == before
    done = ultraqa("profile", samples / "alpaca.json", "-o", "p.ultraqa", "--overwrite", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "p.ultraqa" / "profile.json").read_text())["dialogues"] == 18


def test_input_is_never_modified(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """Neither its bytes nor its time, and nothing is written beside it."""
    (tmp_path / "in").mkdir()
    data = Path(shutil.copy(samples / "ultrachat.jsonl", tmp_path / "in"))
    data.chmod(0o444)
    before = data.read_bytes(), data.stat().st_mtime_ns
    assert ultraqa("report", data, "-o", tmp_path / "out").returncode == 0
    assert (data.read_bytes(), data.stat().st_mtime_ns) == before
    assert names(tmp_path / "in") == {"ultrachat.jsonl"}


def test_interrupted_and_run_again(ultraqa: Run, tmp_path: Path) -> None:
    """Ctrl-C ends with 130 and a sentence; the same command then ends with the bytes of a run that nobody stopped."""
    data = records(tmp_path / "big.jsonl", *(conversation(i, notes="x" * 4000) for i in range(6000)))
    command = [sys.executable, "-m", "ultraqa", "report", data, "--workers", "1", "-o", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not list(tmp_path.glob("out/big.ultraqa/shards/*")) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    printed, told = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("the run was over before it could be interrupted")
    assert process.returncode == 130, told
    assert printed == ""
    assert "interrupted" in told
    assert "Traceback" not in told
    for out in ("out", "whole"):
        assert ultraqa("report", data, "-o", out, cwd=tmp_path).returncode == 0
    for name in sorted(REPORT):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


# --- exit codes


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], ["Usage: "]),
        (["report"], ["DATA"]),
        (["repord", "x"], ["repord"]),
        (["report", "x.jsonl", "--publish"], ["--publish"]),
        (["report", "{sample}", "--tokens", "some"], ["some", "auto, all, none"]),
        (["report", "{sample}", "--paths", "worst"], ["worst", "best, all"]),
        (["report", "{sample}", "--workers", "0"], ["--workers"]),
        (["report", "{sample}", "--seed", "many"], ["--seed"]),
        (["report", "{sample}", "--map", "question"], ["question", "KEY=NAME"]),
        (["report", "{sample}", "--embedder", "big"], ["big", "none"]),
        (["report", "{sample}", "--format", "ultrachap"], ["ultrachap", "ultrachat"]),
        (["report", "{sample}", "--tokenizer", "gone.json"], ["gone.json"]),
        (["report", "{sample}", "--scores", "gone.csv"], ["gone.csv"]),
        (["report", "{samples}/sampel.jsonl"], ["sampel.jsonl does not exist", "did you mean sample.jsonl"]),
        (["report", "=x"], ["name=path"]),
        (["report", "a={sample}", "a={sample}"], ['two datasets are named "a"']),
        (["report", "s3x://bucket/file"], ["s3x://"]),
        (["profile", "{sample}"], ["--out"]),
        (["inspect", "gone.jsonl"], ["gone.jsonl does not exist"]),
        (["inspect", "{sample}", "--format", "nope"], ["nope"]),
        (["metrics", "--nope"], ["--nope"]),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(
    words: list[str], told: list[str], ultraqa: Run, samples: Path, tmp_path: Path
) -> None:
    """Options and paths that cannot be meant, each with a sentence that names what was given."""
    given = [word.format(samples=samples, sample=samples / "sample.jsonl") for word in words]
    refused(ultraqa(*given, cwd=tmp_path), 2, *told)


def test_a_folder_that_cannot_be_written_is_wrong_usage(ultraqa: Run, samples: Path, tmp_path: Path) -> None:
    """A file stands where the report should go."""
    (tmp_path / "taken").write_text("a file")
    refused(ultraqa("report", samples / "baize.json", "-o", "taken", cwd=tmp_path), 2, "taken")
    assert (tmp_path / "taken").read_text() == "a file"


@pytest.mark.parametrize("command", ["report", "inspect"])
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("unknown.jsonl", UNKNOWN.encode(), ["'colour'", "nearest is"]),
        ("empty.jsonl", b"", ["empty"]),
        ("blank.jsonl", b"\n\n \n", ["blank"]),
        ("nothing.json", b"[]", ["nothing"]),
        ("noise.jsonl", bytes(range(256)) * 8, ["noise.jsonl"]),
        ("noise.bin", bytes(range(256)) * 8, ["noise.bin", "JSONL"]),
        ("words.txt", b"Just some words\nand more of them.\n", ["words.txt", "--format text"]),
        ("cut.json.gz", b"\x1f\x8b\x08\x00\x00\x00", ["cut.json.gz"]),
        ("cut.parquet", b"PAR1\x00\x00", ["cut.parquet"]),
        ("cut.csv", b'a,b\n"1', ["'a'"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_data_that_holds_no_dialogue_ends_with_3(
    command: str, name: str, content: bytes, told: list[str], ultraqa: Run, tmp_path: Path
) -> None:
    """Each with a sentence that says why, on standard error or in what inspect prints."""
    (tmp_path / name).write_bytes(content)
    done = ultraqa(command, name, cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "fault of UltraQA" not in done.stderr
    text = " ".join((done.stderr + done.stdout).split())
    assert [word for word in told if word not in text] == [], text


def test_one_broken_record_does_not_stop_a_report(ultraqa: Run, tmp_path: Path) -> None:
    """It is counted, shown as a finding with its line, and kept in unreadable.jsonl."""
    (tmp_path / "mixed.jsonl").write_text(
        json.dumps(conversation(1)) + '\n{"data": ["cut\n' + json.dumps(conversation(2)) + "\n"
    )
    done = ultraqa("report", "mixed.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mixed.jsonl: line 2" in " ".join(done.stdout.split())
    document = loaded(tmp_path / "ultraqa-report")
    assert [(one["records"], one["unreadable"]) for one in document["datasets"]] == [(2, 1)]
    kept = tmp_path / "ultraqa-report" / "mixed.ultraqa" / "unreadable.jsonl"
    assert kept.read_text() == '{"data": ["cut\n'


@pytest.mark.parametrize(
    "words",
    [
        "report {sample}",
        "report {sample} --json",
        "profile {sample} -o p.ultraqa --json",
        "inspect {sample}",
        "inspect {sample} --json",
        "metrics",
        "metrics --json",
        "doctor",
        "--help",
    ],
)
def test_a_reader_that_goes_early_is_no_error(words: str, samples: Path, tmp_path: Path) -> None:
    """As with ``| head``: exit 0, and not a word about the pipe."""
    command = [sys.executable, "-m", "ultraqa", *words.format(sample=samples / "sample.jsonl").split()]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command, check=False, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120
    )
    os.close(writer)
    assert done.returncode == 0, done.stderr
    assert "pipe" not in done.stderr.lower()
    assert "Traceback" not in done.stderr


# --- the other commands


@pytest.mark.parametrize("name", FORMATS)
def test_inspect_names_the_format_of_every_sample(name: str, ultraqa: Run, samples: Path) -> None:
    """In words and as JSON."""
    done = ultraqa("inspect", samples / name)
    assert done.returncode == 0, done.stderr
    assert f"format: {FORMATS[name]} (" in done.stdout
    assert "dialogue 0" in done.stdout
    found = json.loads(ultraqa("inspect", samples / name, "--json").stdout)
    assert list(found["formats"]) == [FORMATS[name]]
    assert found["dialogues"] > 0


def test_every_sample_is_inspected(samples: Path) -> None:
    """The table above knows every file of dialogues."""
    assert {file.name for file in samples.iterdir()} - set(FORMATS) == {"README.md"}


def test_inspect_shows_problems_by_line(ultraqa: Run, samples: Path) -> None:
    """The broken record of the sample stands with its line and the reason."""
    done = ultraqa("inspect", samples / "sample.jsonl")
    assert "1 records could not be read" in done.stdout.replace("1 record ", "1 records ")
    assert "sample.jsonl, line 13: not JSON" in " ".join(done.stdout.split())


def test_inspect_shows_hostile_text_inert(ultraqa: Run, tmp_path: Path) -> None:
    """Neither terminal commands, nor markup, nor right-to-left marks of a text are obeyed."""
    data = records(
        tmp_path / "bad.jsonl", {"data": ["\x1b[31mred \x07 \u202e [bold]x[/bold]", "\x9b2J ok"], "id": "\x1b]0;t"}
    )
    done = ultraqa("inspect", data)
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert "[bold]x[/bold]" in done.stdout


def test_metrics_lists_definitions(ultraqa: Run) -> None:
    """Every metric once, each with a sentence."""
    found = json.loads(ultraqa("metrics", "--json").stdout)
    listed = [one["name"] for one in found]
    assert len(set(listed)) == len(listed)
    assert {"words", "tokens", "mtld", "mtld_paper", "distinct_2", "exact_duplicates"} <= set(listed)
    assert [one["name"] for one in found if not one["doc"].endswith(".")] == []
    assert "mtld_paper" in ultraqa("metrics", COLUMNS="200").stdout


def test_every_measured_metric_is_defined(ultraqa: Run, written: Path) -> None:
    """No row of a report has a name that ``ultraqa metrics`` does not explain."""
    defined = {one["name"].split(".")[0] for one in json.loads(ultraqa("metrics", "--json").stdout)}
    measured = {row["metric"].split(".")[0] for row in loaded(written / "ultraqa-report")["results"]}
    assert sorted(measured - defined) == []


def test_doctor_names_every_package(ultraqa: Run) -> None:
    """Versions of what is installed, and what is missing with the command that adds it."""
    done = ultraqa("doctor", COLUMNS="120")
    assert done.returncode == 0, done.stderr
    for word in ("ultraqa 0.", "numba", "pyarrow", "LLaMA tokenizer"):
        assert word in done.stdout


def test_the_installed_script_is_the_command() -> None:
    """``ultraqa`` on the path and ``python -m ultraqa`` are one."""
    script = Path(sysconfig.get_path("scripts"), "ultraqa")
    if not script.exists():
        pytest.skip("ultraqa is not installed in this environment")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"ultraqa \d+\.\d+\.\d+\n", done.stdout)
