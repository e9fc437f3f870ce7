"""Near-duplicate search alone, ours and that of other tools: cost on one processor, and recall and precision.

    python benchmarks/near_peers.py --environments DIR [--size small] [--peers datasketch,gaoya] [--out FILE]

Every tool runs in a virtual environment of its own, kept in DIR (3 GB in all), and in a process of its own that is
bound to one processor. Writes JSON and a Markdown table beside it. The full size takes about 8 minutes.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import venv
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import datajuicer
from measure import FailedError, Usage, machine, measure, median, versions

HERE = Path(__file__).parent
PROGRAMS = HERE / "near_programs.py"
PACKAGES = ("ultraqa", "numpy", "numba")
# Dialogues and edits of them.
SIZES = {
    "full": {"long": (10_000, 2_000), "short": (54_000, 6_000)},
    "small": {"long": (500, 100), "short": (2_700, 300)},
}
ONE_RUN = 20  # CPU seconds from which a tool is run once only
FEW = 20  # texts with which the start of a command is measured
INSTALL_SECONDS = 600
# One thread; nothing is fetched at run time; no colours and tracebacks full of texts in what is printed.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1", "LOGURU_DIAGNOSE": "NO",
}  # fmt: skip
METHOD = """\
Synthetic dialogues (`corpus.py`) and edits of some: words replaced, inserted or deleted, or the end cut off, in six
strengths. Every tool runs in its documentation's fastest use, on one processor. Of tools that take texts from memory
the search alone is counted, with the texts loaded and the tool warmed up; of the others (command) all of the process:
start, reading the file, writing what is kept. Recall and precision count the texts that have an earlier twin: an exact
Jaccard similarity of 0.7 or more of the sets of word 5-grams, a word being either a run of letters or what stands
between blanks, whichever is nearer to the tool's own. Commands keep one text of a group and are judged by how many of
each group they drop. Peak MB is the process with its texts."""


class Tool(NamedTuple):
    """A tool that is compared.

    Attributes:
        program: its name in ``near_programs.py``.
        name: as in the table.
        packages: what its environment holds, nothing for our own and for data-juicer's, which others make.
        memory: whether it takes texts from memory, so that the search alone is measured, else a command as a whole.
        flags: which texts it flags, see ``near_programs.score``.
        words: which of the two definitions of a word is nearer to its own.
        settings: what it compares and how.
        newer: whether it needs Python 3.12.
    """

    program: str
    name: str
    packages: tuple[str, ...]
    memory: bool
    flags: str
    words: str
    settings: str
    newer: bool = False

    @property
    def environment(self) -> str:
        """Folder of its environment."""
        return re.split(r"[\[=]", self.packages[0])[0] if self.packages else self.program.replace("-", "")


OURS = Tool(
    "ultraqa", "ultraqa", (), memory=True, flags="later", words="letters",
    settings="words are runs of letters; 128 bins of one permutation, 32 bands of 4, every candidate compared by its "
    "exact sets; of texts under 25 words only those with the same words, digits and symbols. Encoding and batches of "
    "1 MB are counted.",
)  # fmt: skip
TOOLS = (
    OURS,
    Tool(
        "datasketch", "datasketch 2.0.0", ("datasketch==2.0.0", "xxhash"), memory=True, flags="later", words="blanks",
        settings="MinHash.bulk, 128 permutations (affine32), xxh32, insertion session, 14 bands of 9 (its choice), "
        "candidates by the estimate of 0.7.",
    ),
    Tool(
        "rensa", "rensa 0.5.0", ("rensa==0.5.0",), memory=True, flags="later", words="blanks",
        settings="RMinHashDeduplicator.add_pairs, 128 permutations, bands by default, candidates by the estimate of "
        "0.7 against what it kept.",
    ),
    Tool(
        "rensa-rho", "rensa 0.5.0, rho", ("rensa==0.5.0",), memory=True, flags="both", words="blanks",
        settings="the pipeline of its own benchmark: rho sketch of sampled positions, 4 probes, 16 bands of 8, "
        "one-shot flags, which say of both texts of a pair that they have a twin and are judged by that.",
    ),
    Tool(
        "gaoya", "gaoya 0.2.2", ("gaoya==0.2.2",), memory=True, flags="later", words="letters",
        settings="MinHashStringIndex, 128 hashes of 32 bits, 32 bands of 4 (its choice), smallvec, "
        "par_bulk_insert_docs and par_bulk_query (both hash the text); words between ASCII blanks and punctuation; "
        "candidates by the estimate of 0.7.",
    ),
    Tool(
        "data-juicer", f"data-juicer {datajuicer.VERSION}", (), memory=False, flags="group", words="blanks",
        settings="dj-process with document_minhash_deduplicator alone, np 1, 128 permutations, 14 bands of 9 (its "
        "choice); words between spaces, not line ends; candidates are not compared.",
    ),
    Tool(
        "datatrove", "datatrove 0.10.1", ("datatrove[processing]==0.10.1", "orjson", "spacy"), memory=False,
        flags="group", words="letters",
        settings="four stages, local executor, 1 worker, 112 hashes of 64 bits in 14 buckets of 8 (its default); words "
        "of spaCy without punctuation; candidates are not compared.",
    ),
    Tool(
        "text-dedup", "text-dedup 0.4.0", ("text-dedup==0.4.0",), memory=False, flags="group", words="letters",
        settings="text_dedup.minhash, 1 process, 128 permutations, xxh3 of 32 bits, 14 bands of 9 (its choice); words "
        "between characters that are neither letter nor digit; candidates are not compared.", newer=True,
    ),
)  # fmt: skip


def install(tool: Tool, home: Path, newer: str) -> Path:
    """Make a tool's environment if it is not there; returns its Python.

    Raises:
        FailedError: it cannot be installed.
    """
    if tool is OURS:
        return Path(sys.executable)
    folder = home / tool.environment
    try:
        if not tool.packages:
            return datajuicer.install(folder)
        done, wanted = folder / "installed", " ".join(tool.packages)
        if not done.exists() or done.read_text() != wanted:
            if tool.newer:
                subprocess.run([newer, "-m", "venv", "--clear", folder], check=True, capture_output=True)
            else:
                venv.create(folder, with_pip=True, clear=True)
            pip = [str(folder / "bin" / "python"), "-I", "-m", "pip", "install", "--quiet", *tool.packages]
            subprocess.run(pip, check=True, capture_output=True, timeout=INSTALL_SECONDS)
            done.write_text(wanted)
    except subprocess.CalledProcessError as error:
        printed = (error.stderr or b"").decode(errors="replace").strip().splitlines() or [""]
        reason = f"{newer} does not start, see --python312" if error.cmd[0] == newer else printed[-1][:200]
        raise FailedError(f"not installed: {reason}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FailedError(f"not installed: {type(error).__name__}") from error
    return folder / "bin" / "python"


def run_tool(tool: Tool, python: Path, path: Path, repeat: int) -> dict[str, Any]:
    """Run one tool on one set so many times, or once where it takes long; its cost and its scores."""
    runs: list[Usage] = []
    found: dict[str, Any] = {}
    while not runs or (len(runs) < repeat and runs[0].cpu < ONE_RUN):
        with tempfile.TemporaryDirectory() as name:
            runs.append(run(tool, python, path, Path(name)))
            if len(runs) == 1:
                found = own("score", tool.program, tool.flags, path, name)
    middle = median(runs)
    return {
        **found,
        "cpu_s": round(middle.cpu, 4),
        "wall_s": round(middle.wall, 4),
        "peak_mb": round(middle.peak),
        "runs": [{key: round(value, 4) for key, value in one._asdict().items()} for one in runs],
    }


def run(tool: Tool, python: Path, path: Path, folder: Path) -> Usage:
    """What one run costs: the search alone of a tool that takes texts from memory, else the whole command."""
    isolated = [] if tool is OURS else ["-I"]  # of the modules that lie beside the program
    command = [str(python), *isolated, str(PROGRAMS), "search", tool.program, str(path), str(folder)]
    usage, printed = measure(command, {**ENVIRONMENT, "HF_HOME": str(folder)})
    return Usage(**json.loads(printed.splitlines()[-1])) if tool.memory else usage


def start(tool: Tool, python: Path, path: Path) -> float:
    """CPU seconds of a command with the first few texts of a file."""
    with tempfile.TemporaryDirectory() as name, path.open() as lines:
        few = Path(name, "few.jsonl")
        few.write_text("".join(islice(lines, FEW)))
        return round(run(tool, python, few, Path(name)).cpu, 3)


def own(*words: str | Path | int) -> dict[str, Any]:
    """What one of our own programs prints; they need numpy, which would make this process large."""
    command = [sys.executable, str(PROGRAMS), *map(str, words)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def frozen(python: Path) -> list[str]:
    """All packages of an environment, with their versions."""
    command = [str(python), "-I", "-m", "pip", "freeze", "--all"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


_COLUMNS = (
    "tool", "CPU s", "texts per CPU-second", "CPU, ultraqa = 1", "recall", "precision", "flagged", "peak MB", "runs",
)  # fmt: skip


def line_of(row: dict[str, Any], ours: dict[str, Any], texts: int) -> str:
    """A row of the Markdown table."""
    tool = next(tool for tool in TOOLS if tool.program == row["tool"])
    if "failed" in row:
        return f"| {tool.name} | {row['failed']} |" + " |" * (len(_COLUMNS) - 2)
    ratio = f"{row['cpu_s'] / ours['cpu_s']:.1f}" if "cpu_s" in ours else ""
    found = row[tool.words]
    shares = (f"{found[name]:.3f}" if found[name] is not None else "" for name in ("recall", "precision"))
    cells = (
        tool.name if tool.memory else f"{tool.name} (command)", f"{row['cpu_s']:,.2f}", f"{texts / row['cpu_s']:,.0f}",
        ratio, *shares, f"{row['flagged']:,}", f"{row['peak_mb']:,}", str(len(row["runs"])),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def table(name: str, document: dict[str, Any]) -> list[str]:
    """What one set holds and what each tool did with it."""
    counts, rows = document["sets"][name], [row for row in document["rows"] if row["set"] == name]
    ours = next(row for row in rows if row["tool"] == OURS.program)
    lines = [
        f"## {counts['texts']:,} {name} texts, {counts['words'] / counts['texts']:,.0f} words each", "",
        f"{counts['bytes'] / 1e6:.1f} MB, {counts['edits']:,} of them edits of others; pairs of a similarity of 0.7 or "
        f"more: {counts['pairs']['letters']:,} by letters, {counts['pairs']['blanks']:,} by blanks.", "",
        f"| {' | '.join(_COLUMNS)} |", "|---|" + "--:|" * (len(_COLUMNS) - 1),
        *(line_of(row, ours, counts["texts"]) for row in rows), "",
    ]  # fmt: skip
    if counts["under 25 words"] and "letters" in ours:
        lines += [
            f"{counts['under 25 words']:,} texts have under 25 words. Among pairs without one ultraqa's recall is "
            f"{ours['letters']['recall from 25 words']:.3f}.", "",
        ]  # fmt: skip
    return lines


def markdown(document: dict[str, Any]) -> str:
    """The tables, with the machine above them and the settings below."""
    box, tools = document["machine"], {row["tool"] for row in document["rows"]}
    starts = ", ".join(f"{tool} {cpu:.1f}" for tool, cpu in document["start_cpu_s"].items())
    return "\n".join([
        "# Near-duplicate search alone", "",
        f"`python benchmarks/near_peers.py --size {document['size']}`. {box['cpu']}, {box['cores']} cores, "
        f"{box['memory_gb']} GB, {box['system']}, load {box['load_before']}; "
        + ", ".join(f"{name} {version}" for name, version in document["versions"].items()) + ".", "",
        METHOD, "",
        *(line for name in document["sets"] for line in table(name, document)),
        *([f"CPU seconds of a command with {FEW} texts, which is mostly its start: {starts}.", ""] if starts else []),
        "## Settings", "",
        "All compare lower-cased word 5-grams at a threshold of 0.7.", "",
        *(f"- **{tool.name}** (judged by {tool.words}): {tool.settings}" for tool in TOOLS if tool.program in tools),
    ]) + "\n"  # fmt: skip


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options."""
    known = [tool.program for tool in TOOLS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", type=Path, default=Path.home() / ".cache" / "ultraqa-benchmarks")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--sets", type=lambda text: text.split(","), default=["long", "short"])
    parser.add_argument("--peers", type=lambda text: text.split(","), default=known[1:])
    parser.add_argument("--python312", default="python3.12", help="a Python of 3.12 or later, which text-dedup needs")
    parser.add_argument("--repeat", type=int, help="runs of each tool; 3, or 1 of the small size")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "near_peers.json")
    options = parser.parse_args(arguments)
    if unknown := {*options.peers, *options.sets} - {*known, *SIZES["full"]}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; peers are {', '.join(known[1:])}, sets long and short")
    return options


def main() -> int:
    """Install, measure, write; 1 where something failed."""
    options = parse()
    document: dict[str, Any] = {
        "machine": machine(), "versions": versions(PACKAGES), "size": options.size, "environments": {}, "sets": {},
        "start_cpu_s": {}, "rows": [],
    }  # fmt: skip
    pythons: dict[str, Path | FailedError] = {}
    tools = [tool for tool in TOOLS if tool is OURS or tool.program in options.peers]
    for tool in tools:
        try:
            pythons[tool.program] = found = install(tool, options.environments, options.python312)
            if tool is not OURS:
                document["environments"][tool.environment] = frozen(found)
        except FailedError as error:
            pythons[tool.program] = error
    repeat = options.repeat or (3 if options.size == "full" else 1)
    with tempfile.TemporaryDirectory(prefix="ultraqa-near-") as name:
        for kind in options.sets:
            path = Path(name, f"{kind}.jsonl")
            document["sets"][kind] = own("make", kind, path, *SIZES[options.size][kind])
            for tool in tools:
                python = pythons[tool.program]
                row: dict[str, Any] = {"set": kind, "tool": tool.program}
                try:
                    if isinstance(python, FailedError):
                        raise python
                    row |= run_tool(tool, python, path, repeat)
                    if not tool.memory and tool.program not in document["start_cpu_s"]:
                        document["start_cpu_s"][tool.program] = start(tool, python, path)
                except FailedError as error:
                    row["failed"] = str(error)
                document["rows"].append(row)
                print(json.dumps({key: value for key, value in row.items() if key != "runs"}), flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(document, indent=1) + "\n")
    options.out.with_suffix(".md").write_text(markdown(document))
    print(f"\n{markdown(document)}")
    return int(any("failed" in row for row in document["rows"]))


if __name__ == "__main__":
    sys.exit(main())
