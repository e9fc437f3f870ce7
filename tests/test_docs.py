"""The documentation says what the code does: its commands run, its links lead somewhere, and nothing is left out."""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import typer

import ultraqa as package
from ultraqa.cli import app

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("*/*.md"))]
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
INSTALLS = re.compile(r'pip install (?:--quiet )?(?:-c constraints\.txt )?-e "\.\[dev\]"')


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [Block(page, language, text) for language, text in found]


def typed() -> Iterator[tuple[str, str]]:
    """Every ``ultraqa …`` command that a page or a help text shows, with the place where it stands."""
    for page in PAGES:
        text = page.read_text()
        shown = re.findall(r"`(ultraqa [^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
        for block in blocks(page):
            if block.language in {"", "sh", "console"}:
                shown += re.findall(r"(?:^|[\s/])(ultraqa (?:(?!&&|#| \| )[^\n])+)", block.text)
        yield from ((page.relative_to(ROOT).as_posix(), command.strip()) for command in shown)
    for name, command in COMMANDS.items():
        yield from ((f"{name} --help", shown) for shown in re.findall(r"Example: (.+)", command.help))


TYPED = sorted(set(typed()))


def test_pages_show_commands() -> None:
    """The search above finds those of the README."""
    assert "ultraqa report data-samples/sample.jsonl" in [command for place, command in TYPED if place == "README.md"]


@pytest.mark.parametrize(("place", "command"), TYPED, ids=str)
def test_a_documented_command_has_the_options_that_there_are(place: str, command: str) -> None:
    """Commands and options are spelled as the code spells them."""
    _, name, *words = shlex.split(command)
    if name.startswith("-"):
        name, words = "report", []
    assert name in COMMANDS, place
    known = {spelling for parameter in COMMANDS[name].params for spelling in parameter.opts} | {"--help"}
    assert {word.split("=")[0] for word in words if word.startswith("-") and word != "-"} <= known, place


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme_and_has_an_example(name: str) -> None:
    """A command that needs data shows how it is called."""
    assert f"ultraqa {name}" in README.read_text()
    needs = any(parameter.required for parameter in COMMANDS[name].params)
    assert not needs or f"Example: ultraqa {name} " in COMMANDS[name].help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name: str) -> None:
    """A sentence for each."""
    assert [p.name for p in COMMANDS[name].params if not getattr(p, "help", "")] == []


def test_every_option_of_the_command_is_one_of_the_api() -> None:
    """The command line is thin: what it can do, ``report`` and ``profile`` of the API can, under the same names."""
    only_typed = {"json", "embedder"}
    for name, function in (("report", package.report), ("profile", package.profile)):
        options = {p.opts[-1].lstrip("-").replace("-", "_") for p in COMMANDS[name].params}
        renamed = {"no_text": "text", "by": "by" if name == "report" else "fields"}
        wanted = {renamed.get(option, option) for option in options - only_typed}
        assert wanted <= set(inspect.signature(function).parameters) | {"help"}, name


def test_the_public_functions_document_their_parameters() -> None:
    """Each parameter stands in the docstring's list."""
    for function in (package.report, package.profile):
        listed = set(re.findall(r"^    (\w+): ", inspect.getdoc(function) or "", re.MULTILINE))
        assert set(inspect.signature(function).parameters) <= listed


def test_the_readme_shows_what_the_command_prints(
    ultraqa: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """The table and the findings of the sample, character for character."""
    shown = [block.text for block in blocks(README) if block.language == "text"]
    (tmp_path / "data-samples").symlink_to(ROOT / "data-samples")
    done = ultraqa("report", "data-samples/sample.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout in shown


def test_the_readme_has_two_commands_before_everything_else() -> None:
    """One that reports on a sample that is there, and one that passes the tests."""
    first, second = [block.text for block in blocks(README) if block.language == "sh"][:2]
    report = re.search(r"ultraqa report (\S+)", first)
    assert report is not None
    assert (ROOT / report.group(1)).is_file()
    assert INSTALLS.search(second)
    assert second.strip().endswith("python -m pytest -n auto")
    assert [len(text.strip().splitlines()) for text in (first, second)] == [1, 1]


def test_the_build_server_runs_what_the_readme_says() -> None:
    """The same installation and the same test command."""
    script = (ROOT / ".ci" / "run").read_text()
    assert INSTALLS.search(script)
    assert "python -m pytest -n auto" in script


def test_python_of_the_pages_is_right(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs, with sample files under the names that it uses."""
    (tmp_path / "data-samples").symlink_to(samples)
    for name, sample in (("mine.jsonl", "messages.jsonl"), ("theirs.json", "sharegpt.json")):
        (tmp_path / name).symlink_to(samples / sample)
    monkeypatch.chdir(tmp_path)
    found = [block for page in PAGES for block in blocks(page) if block.language == "python"]
    assert found
    for block in found:
        exec(compile(ast.parse(block.text), block.page.name, "exec"), {})  # noqa: S102  (our own pages)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Files that a page names in its links are there."""
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    assert [t for t in targets if "://" not in t and not (page.parent / t).exists()] == []


def test_every_metric_is_defined_in_a_sentence(ultraqa: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """With a unit or a direction where a number alone could be misread, and the sources of what others defined."""
    found = {one["name"]: one for one in json.loads(ultraqa("metrics", "--json").stdout)}
    assert [name for name, one in found.items() if len(one["doc"].split()) < 3] == []
    borrowed = ("mtld", "mtld_paper", "hdd", "mattr_50", "yule_k", "missing_mass_1", "word_overuse")
    assert [name for name in borrowed if not found[name]["source"]] == []
    indices = [name for name in found if name.startswith(("mtld", "hdd", "mattr", "yule", "distinct", "entropy"))]
    assert [name for name in indices if not found[name]["direction"]] == []


def test_the_makefile_lists_its_targets() -> None:
    """Every target has its words in ``make help``, and stands among those that are no files."""
    text = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z]+):", text, re.MULTILINE)
    assert targets == re.findall(r"^([a-z]+):.*  ## \w", text, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert phony is not None
    assert sorted(phony.group(1).split()) == sorted(targets)


def test_the_python_version_is_the_same_everywhere() -> None:
    """In pyproject, the README and the rules."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    version = project["project"]["requires-python"].removeprefix(">=")
    assert project["tool"]["ruff"]["target-version"] == "py" + version.replace(".", "")
    assert f"Python {version} or" in README.read_text()
    assert f"Python {version} or" in (ROOT / "CONTRIBUTING.md").read_text()
