"""``ultraqa check`` as a build server runs it: exit codes, what it writes, the cache, and the same from Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

import ultraqa as package
from ultraqa.analysis.catalog import definitions
from ultraqa.filters.keys import key_of
from ultraqa.reports import table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

GATES = """
[[gate]]
key = "mtld"
min = 1000
tier = "warn"
reason = "prose lies between 49 and 101"

[[gate]]
key = "dialogues"
min = 10
"""


@pytest.fixture(scope="module")
def measured(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Profile of the sample."""
    folder = tmp_path_factory.mktemp("checked") / "sample.ultraqa"
    package.profile(samples / "sample.jsonl", folder)
    return folder


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--min", "mtld=60", "--max", "near_duplicates=5%"], 0, "2 gates: 2 passed"),
        (["--min", "mtld=60", "--max", "near_duplicates=1%"], 1, "✕ failed"),
        (["--max", "contaminated=0"], 3, "--contamination FILE"),
        (["--max", "contaminated=0", "--max", "near_duplicates=1%"], 3, "1 failed, 1 not evaluated"),
        (["--config", "gates.toml"], 0, "prose lies between 49 and 101"),
        (["--config", "gates.toml", "--fail-on", "warn"], 1, "! warned"),
        (["--config", "gates.toml", "--fail-on", "warn", "--min", "mtld=1"], 0, "2 gates: 2 passed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_exit_code_says_what_was_found(
    words: list[str], code: int, told: str, measured: Path, ultraqa: Run, tmp_path: Path
) -> None:
    """The table goes to standard output whatever the verdict, and nothing else to standard error."""
    (tmp_path / "gates.toml").write_text(GATES)
    done = ultraqa("check", measured, *words, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stderr == ""
    assert told in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "there is no gate"),
        (["--min", "mltd=60"], "did you mean 'mtld'"),
        (["--min", "mtld"], "is not KEY=V"),
        (["--max", "near_duplicates=5"], "write 5% for 0.05"),
        (["--config", "gone.toml"], "gone.toml cannot be read"),
        (["--config", "broken.toml"], "line 1"),
        (["--config", "none.toml"], "there is no gate in none.toml"),
        (["--min", "mtld=1", "--fail-on", "never"], "fail, warn"),
        (["--min", "mtld=1", "--contamination", "x.jsonl"], "finished Profile"),
        (["--min", "mtld=1", "--junit", "broken.toml/x.xml"], "broken.toml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_ends_with_2(words: list[str], told: str, measured: Path, ultraqa: Run, tmp_path: Path) -> None:
    """With a sentence, and before anything is measured."""
    (tmp_path / "broken.toml").write_text("[[gate]")
    (tmp_path / "none.toml").write_text("")
    done = ultraqa("check", measured, *words, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert told in done.stderr


def test_data_that_cannot_be_read_ends_with_3(ultraqa: Run, tmp_path: Path) -> None:
    """It is no pass, and no failure of the data either."""
    (tmp_path / "unknown.jsonl").write_text('{"colour": "blue"}\n')
    done = ultraqa("check", "unknown.jsonl", "--min", "mtld=1", cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 3
    assert "'colour'" in done.stderr


def test_gates_of_the_folder_are_found(measured: Path, ultraqa: Run, tmp_path: Path) -> None:
    """pyproject.toml where there is no ultraqa.toml, without a word on the command line; broken ones are told."""
    (tmp_path / "pyproject.toml").write_text(GATES.replace("[[gate]]", "[[tool.ultraqa.gate]]"))
    assert ultraqa("check", measured, cwd=tmp_path).returncode == 0
    (tmp_path / "ultraqa.toml").write_text('[[gate]]\nkey = "dialogues"\nmin = 1000\n')
    done = ultraqa("check", measured, cwd=tmp_path)
    assert (done.returncode, "1 gate: 1 failed" in done.stdout) == (1, True)
    (tmp_path / "ultraqa.toml").write_text("[[gate]")
    done = ultraqa("check", measured, "--min", "mtld=1", cwd=tmp_path)
    assert (done.returncode, "ultraqa.toml is no TOML" in " ".join(done.stderr.split())) == (2, True)


def test_profiles_of_raw_data_are_kept_by_content_and_parameters(samples: Path, ultraqa: Run, tmp_path: Path) -> None:
    """In --cache, or in the user's cache folder; a kept Profile gives the same numbers as the data."""
    data = tmp_path / "set.jsonl"
    data.write_bytes((samples / "messages.jsonl").read_bytes())
    words = ("check", "set.jsonl", "--embedder", "none", "--min", "words=1")
    first = ultraqa(*words, "--cache", "kept", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    (folder,) = (tmp_path / "kept").iterdir()
    written = (folder / "profile.json").stat().st_mtime_ns
    assert ultraqa(*words, "--cache", "kept", cwd=tmp_path).stdout == first.stdout
    assert (folder / "profile.json").stat().st_mtime_ns == written
    assert ultraqa("check", folder, "--min", "words=1", cwd=tmp_path).stdout == first.stdout
    assert ultraqa(*words, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "home")).stdout == first.stdout
    assert [one.name for one in (tmp_path / "home" / "ultraqa" / "profiles").iterdir()] == [folder.name]
    ultraqa(*words, "--cache", "kept", "--seed", "1", cwd=tmp_path)
    data.write_bytes(data.read_bytes() * 2)
    ultraqa(*words, "--cache", "kept", cwd=tmp_path)
    assert len(list((tmp_path / "kept").iterdir())) == 3
    assert {one.name for one in tmp_path.iterdir()} == {"set.jsonl", "kept", "home"}


def test_every_dataset_is_checked(measured: Path, samples: Path, ultraqa: Run, tmp_path: Path) -> None:
    """Profiles and raw data together, each under its name; one bad dataset fails all."""
    words = ("--embedder", "none", "--cache", "kept", "--min", "dialogues=50")
    done = ultraqa("check", measured, f"small={samples / 'messages.jsonl'}", *words, "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert done.returncode == found["exit_code"] == 1
    assert [(one["dataset"], one["status"]) for one in found["outcomes"]] == [("sample", "passed"), ("small", "failed")]
    assert [one["min"] for one in found["outcomes"]] == [50.0, 50.0]


def test_a_build_server_gets_its_files(measured: Path, ultraqa: Run, tmp_path: Path) -> None:
    """JUnit XML, the same bytes each time, and a summary that is appended; both also where a gate is broken."""
    (tmp_path / "summary.md").write_text("# before\n")
    for name in ("one.xml", "two.xml"):
        done = ultraqa(
            "check", measured, "--min", "mtld=1000", "--junit", f"out/{name}", cwd=tmp_path,
            GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"),
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (1, "")
    one, two = ((tmp_path / "out" / name).read_bytes() for name in ("one.xml", "two.xml"))
    assert one == two
    assert ET.fromstring(one).attrib["failures"] == "1"  # noqa: S314  (our own)
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("# before\n## ultraqa check\n")
    assert summary.count("| ✕ failed | sample | mtld.assistant.mean |") == 2


def test_a_summary_that_cannot_be_written_does_not_change_the_verdict(
    measured: Path, ultraqa: Run, tmp_path: Path
) -> None:
    """It is told on standard error."""
    place = str(tmp_path / "gone" / "summary.md")
    done = ultraqa("check", measured, "--min", "mtld=1", cwd=tmp_path, GITHUB_STEP_SUMMARY=place)
    assert done.returncode == 0
    assert done.stderr == f"GITHUB_STEP_SUMMARY={place} cannot be written: no such file or directory\n"


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_reader_that_goes_early_does_not_turn_a_failure_into_a_pass(
    more: list[str], measured: Path, tmp_path: Path
) -> None:
    """As in ``ultraqa check … | head`` under ``set -o pipefail``."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "ultraqa", "check", str(measured), "--min", "mtld=1000", *more]
    done = subprocess.run(command, check=False, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_terminal_without_unicode_gets_the_words(measured: Path, ultraqa: Run, tmp_path: Path) -> None:
    """What its encoding cannot hold is replaced."""
    done = ultraqa("check", measured, "--min", "mtld=1", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "? passed  mtld.assistant.mean" in done.stdout


def test_python_gives_what_the_command_prints(measured: Path, ultraqa: Run, tmp_path: Path) -> None:
    """Bounds as a mapping or as words, a Profile or its folder."""
    done = package.check(package.Profile(measured), min={"mtld": 60}, max={"near_duplicates": "1%"})
    same = package.check(measured, min=["mtld=60"], max=["near_duplicates=0.01"])
    printed = ultraqa("check", measured, "--min", "mtld=60", "--max", "near_duplicates=1%", "--json", cwd=tmp_path)
    assert done.document() == same.document() == json.loads(printed.stdout)
    assert done.exit_code == 1
    assert repr(done) == "Check(2 outcomes, exit code 1)"
    assert list(done.results()["status"]) == ["passed", "failed"]
    with pytest.raises(ValueError, match="no gate"):
        package.check(measured)
    with pytest.raises(ValueError, match="choose fail or warn"):
        package.check(measured, min={"mtld": 1}, fail_on="never")  # type: ignore[arg-type]


def test_the_list_of_metrics_prints_what_each_means_alone(ultraqa: Run) -> None:
    """Its KEY in full, none for a column that no Result holds; for those of the report's table the first there."""
    listed = {one["name"]: one["key"] for one in json.loads(ultraqa("metrics", "--json").stdout)}
    assert list(listed) == [one.name for one in definitions()]
    first: dict[str, str] = {}
    for _, metric, scope, statistic, _ in table._COLUMNS:
        first.setdefault(metric, f"{metric}.{scope}.{statistic}")
    assert {metric: listed[metric] for metric in first} == first
    assert listed["sector"] == ""
    assert "KEY mtld.assistant.mean)" in ultraqa("metrics", COLUMNS="200").stdout


def test_every_number_of_a_profile_can_be_named(measured: Path) -> None:
    """No row has a scope that the list of metrics does not give."""
    for row in package.Profile(measured).rows():
        assert key_of(f"{row.metric}.{row.scope}.{row.statistic}")[:3] == (row.metric, row.scope, row.statistic)
