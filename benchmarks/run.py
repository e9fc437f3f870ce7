"""Measures ultraqa, floors and peers on the same files in one run, and checks ultraqa's counts against the known ones.

    python benchmarks/run.py [--sizes 10MB,100MB,500MB] [--peers lexicalrichness,datajuicer] [--repeat 3] [--out FILE]

Writes the numbers as JSON and as a Markdown table beside it; README.md in this folder says what each number means.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cases import HERE, PEER_NAMES, PEERS, WHOLE, Case, own_cases, peer_cases, warm_up
from measure import FailedError, Usage, machine, measure, median, versions

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("ultraqa", "numpy", "numba", "pyarrow", "orjson", "pandas", "tokenizers", "lexicalrichness")


class Corpus(NamedTuple):
    """A file to measure on: its name in the table, and what its writer says of it."""

    name: str
    path: Path
    totals: dict[str, Any]

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return int(self.totals["bytes"])


def run_case(case: Case, corpus: Corpus, repeat: int) -> dict[str, Any]:
    """Measure one case so many times; the row of the table, with every run, and the counts that its report gives."""
    row: dict[str, Any] = {"corpus": corpus.name, "case": case.name}
    runs: list[Usage] = []
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            try:
                usage, printed = measure(case.command(folder), case.environment(folder))
            except FailedError as error:
                return {**row, "failed": str(error)}
            if case.inner:
                inner = json.loads(printed.splitlines()[-1])
                usage = usage._replace(cpu=inner["cpu"], wall=inner["wall"])
            runs.append(usage)
            if case.report and "rounds" in corpus.totals:
                row["wrong"] = wrong_counts(json.loads((folder / "report" / "report.json").read_text()), corpus.totals)
    middle = median(runs)
    return {
        **row,
        "mb_per_cpu_s": round(corpus.bytes / 1e6 / middle.cpu, 1),
        "dialogues_per_cpu_s": round(corpus.totals["dialogues"] / middle.cpu),
        "mb_per_wall_s": round(corpus.bytes / 1e6 / middle.wall, 1),
        "cpu_s": round(middle.cpu, 3),
        "wall_s": round(middle.wall, 3),
        "peak_mb": round(middle.peak),
        "runs": [{key: round(value, 3) for key, value in run._asdict().items()} for run in runs],
    }


def wrong_counts(document: dict[str, Any], totals: dict[str, Any]) -> list[str]:
    """The counts of a report that are not the corpus's; means are turned back into the sums they come from."""
    found = {(r["metric"], r["scope"], r["statistic"]): r for r in document["results"]}

    def total(metric: str, scope: str, statistic: str = "mean") -> float:
        row = found.get((metric, scope, statistic), {"value": None})
        if row["value"] is None:
            return math.nan
        return float(row["value"] * row["n"]) if statistic == "mean" else float(row["value"])

    pairs = {
        "dialogues": (total("dialogues", "dataset", "value"), totals["dialogues"]),
        "rounds": (total("rounds", "dialogue"), totals["rounds"]),
        "messages": (total("messages", "dialogue"), totals["messages"]),
        "exact_duplicates": (total("exact_duplicates", "dialogue", "count"), totals["duplicates"]),
    }
    for metric in ("words", "characters"):
        for scope in ("dialogue", "user", "assistant"):
            pairs[f"{metric} {scope}"] = (total(metric, scope), totals[metric][scope])
    return [f"{name} {got:.0f}, true {true}" for name, (got, true) in pairs.items() if not abs(got - true) < 0.5]


def corpora(sizes: list[str], short: str, folder: Path) -> Iterator[Corpus]:
    """The files to measure on, each written by a process of its own so that this one stays small."""
    wanted = [(f"ultrachat {size}", "corpus.py", ["--size", size]) for size in sizes]
    if short != "0":
        wanted.append((f"alpaca {short}", "corpus.py", ["--size", short, "--form", "alpaca"]))
    if "ULTRAQA_REAL_DATA" in os.environ:
        wanted.append(("real text 100MB", "real_text.py", ["--size", "100MB"]))
    for name, script, arguments in wanted:
        path = folder / f"{name.replace(' ', '-')}.jsonl"
        command = [sys.executable, str(HERE / script), str(path), *arguments]
        totals = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        yield Corpus(name, path, totals)
        path.unlink()


def run_corpus(corpus: Corpus, options: argparse.Namespace, folder: Path, *, first: bool) -> Iterator[dict[str, Any]]:
    """The rows of one file, printed as they come."""
    cases = list(own_cases(corpus.path, cold=first))
    if corpus.bytes <= options.peer_limit * 1.1:
        cases += peer_cases(corpus.path, options.peers, options.peer_home, folder)
    for case in cases:
        row = run_case(case, corpus, options.repeat)
        print(line_of(row), flush=True)
        yield row


_COLUMNS = {
    "corpus": "corpus",
    "case": "case",
    "mb_per_cpu_s": "MB per CPU-second",
    "dialogues_per_cpu_s": "dialogues per CPU-second",
    "mb_per_wall_s": "MB per second",
    "cpu_s": "CPU s",
    "wall_s": "wall s",
    "peak_mb": "peak MB",
}


def line_of(row: dict[str, Any]) -> str:
    """A row of the Markdown table."""
    if "failed" in row:
        return f"| {row['corpus']} | {row['case']} | {row['failed']} |" + " |" * (len(_COLUMNS) - 3)
    return (
        "| " + " | ".join(f"{row[key]:,}" if isinstance(row[key], int | float) else row[key] for key in _COLUMNS) + " |"
    )


def ratios(rows: list[dict[str, Any]]) -> Iterator[str]:
    """How many times a peer's MB per CPU-second the whole command reaches on the same file."""
    speed = {(row["corpus"], row["case"]): row["mb_per_cpu_s"] for row in rows if "failed" not in row}
    for (corpus, case), peer in speed.items():
        whole = speed.get((corpus, WHOLE))
        if case.startswith(PEER_NAMES) and whole:
            yield f"{corpus}: the whole report does {whole / peer:.1f} times the MB per CPU-second of {case}."


def markdown(document: dict[str, Any]) -> str:
    """The table with the machine and versions above it and the check of the counts below."""
    box = document["machine"]
    checked = [row for row in document["rows"] if "wrong" in row]
    wrong = [f"{row['corpus']}: {text}" for row in checked for text in row["wrong"]]
    lines = [
        f"{box['cpu']}, {box['cores']} cores, {box['memory_gb']} GB, {box['system']}, load {box['load_before']};",
        ", ".join(f"{name} {version}" for name, version in document["versions"].items())
        + f"; median of {document['repeat']} runs.",
        "",
        "| " + " | ".join(_COLUMNS.values()) + " |",
        "|---|---|" + "--:|" * (len(_COLUMNS) - 2),
        *map(line_of, document["rows"]),
        "",
        *ratios(document["rows"]),
        f"Counts checked against the known totals in {len(checked)} rows: {'; '.join(wrong) or 'all exact'}.",
    ]
    return "\n".join(lines) + "\n"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=lambda text: text.split(","), default=["10MB", "100MB", "500MB"])
    parser.add_argument("--short", default="50MB", help="size of the file of short, Alpaca-like dialogues; 0 for none")
    parser.add_argument("--peers", type=lambda text: [p for p in text.split(",") if p], default=["lexicalrichness"])
    parser.add_argument(
        "--peer-limit", type=float, default=100e6, help="largest file that the peers are given, in bytes"
    )
    parser.add_argument("--peer-home", type=Path, default=Path.home() / ".cache" / "ultraqa-benchmarks" / "datajuicer")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "latest.json")
    options = parser.parse_args(arguments)
    if unknown := set(options.peers) - set(PEERS):
        parser.error(f"--peers {','.join(sorted(unknown))}: known are {', '.join(PEERS)}")
    return options


def main() -> int:
    """Measure everything; 1 where something failed or a count is wrong."""
    options = parse()
    document: dict[str, Any] = {
        "machine": machine(), "versions": versions(PACKAGES), "repeat": options.repeat, "corpora": {}, "rows": [],
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="ultraqa-benchmark-") as name:
        for i, corpus in enumerate(corpora(options.sizes, options.short, Path(name))):
            if i == 0:
                measure(warm_up(corpus.path, Path(name)))
            document["corpora"][corpus.name] = corpus.totals
            document["rows"] += run_corpus(corpus, options, Path(name), first=i == 0)
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(document, indent=1) + "\n")
            options.out.with_suffix(".md").write_text(markdown(document))
    print("\n" + markdown(document))
    return int(any("failed" in row or row.get("wrong") for row in document["rows"]))


if __name__ == "__main__":
    sys.exit(main())
