"""The neural loop as the probes see it: every generation beside human text that no model saw, and each loop as a whole.

python benchmarks/collapse/neural_probes.py WORK [--out FILE.md] [--figure FILE.svg]

WORK is what ``neural_loop.py`` wrote. Vectors are the static encoder's; messages of both speakers are read.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from false_alarms import said

import ultraqa
from ultraqa.analysis.collapse import compare, side
from ultraqa.analysis.generations import generations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.collapse import Comparison, Side

SHOWN: Final = (
    "missing_mass_1", "vocabulary", "missing_mass_2", "missing_mass_3", "self_repetition_4", "compression_ratio",
    "reference_oov", "reverse_cross_entropy", "topic_similarity", "vendi",
)  # fmt: skip
PERMUTATIONS: Final = 60
DRAWN: Final = {
    "missing_mass_1": "words that occur once", "missing_mass_2": "word pairs that occur once",
    "vendi": "effective number of dialogues (vectors)",
}  # fmt: skip


def main() -> None:
    """Print the tables of all finished runs and draw their means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    drawn: dict[tuple[str, str], list[list[Comparison]]] = defaultdict(list)
    lines: list[str] = []
    for corpus in sorted(one for one in arguments.work.iterdir() if one.is_dir()):
        lines += _corpus(corpus, drawn)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")
    if arguments.figure:
        _draw(drawn, arguments.figure)


def _corpus(folder: Path, drawn: dict[tuple[str, str], list[list[Comparison]]]) -> Iterator[str]:
    """A table of every finished run of a corpus."""
    yield from said(f"## {folder.name} (change in percent, z in brackets)", "")
    yield from said(
        "| run | generation | loss on human text | words a side | " + " | ".join(SHOWN) + " | shift | verdict |",
        "|---|--:|--:|--:|" + "--:|" * len(SHOWN) + "--:|---|",
    )
    with tempfile.TemporaryDirectory() as home:
        human = _side(folder / "human.jsonl", Path(home))
        for run in sorted(folder.glob("*-T*-seed*")):
            files = sorted(run.glob("gen?.jsonl"))
            if len(files) < 5:
                continue
            sides = [_side(file, Path(home) / run.name) for file in files]
            found = [compare(human, one, part="both", permutations=PERMUTATIONS) for one in sides]
            losses = [one["human_loss"] for one in json.loads((run / "losses.json").read_text())]
            yield from (line for k, one in enumerate(found) for line in said(_row(run.name, k, losses, one)))
            verdict = generations(sides, part="both", permutations=PERMUTATIONS).verdict
            first = next((k for k, one in enumerate(found) if one.verdict.word == "narrowed"), None)
            yield from said(
                f"| {run.name} | 0 to 4 | | | generations together: {' '.join(filter(None, verdict[:2]))}; "
                f"first narrowed at {first} |"
            )
            drawn[folder.name, run.name.rsplit("-", 1)[0]].append(found)
    yield from said("")


def _side(file: Path, home: Path) -> Side:
    place = home / f"{file.stem}.ultraqa"
    return side(ultraqa.profile(file, place, name=file.stem, tokens="none", duplicates="none"), "both")


def _row(run: str, k: int, losses: list[float], one: Comparison) -> str:
    probes = {probe.name: probe for probe in one.probes}
    cells = [f"{100 * (probes[n].change or 0):+.0f} ({probes[n].z or 0:+.1f})" for n in SHOWN]
    loss = f"{losses[k]:.2f}" if k < len(losses) else ""
    verdict = " ".join(filter(None, (one.verdict.word, one.verdict.severity)))
    return f"| {run} | {k} | {loss} | {one.words:,} | {' | '.join(cells)} | {one.guards.shift or 0:.2f} | {verdict} |"


def _draw(drawn: dict[tuple[str, str], list[list[Comparison]]], file: Path) -> None:
    """Mean change by generation of three probes, a line a regime and temperature."""
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "ultraqa", "font.size": 8})
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(1, len(DRAWN), figsize=(10, 3.4), sharex=True)
    for axis, (probe, label) in zip(axes, DRAWN.items(), strict=True):
        for (corpus, run), loops in sorted(drawn.items()):
            means = [sum(_change(loop[k], probe) for loop in loops) / len(loops) for k in range(5)]
            style = "--" if "T0.8" in run else "-"
            axis.plot(range(5), means, style, marker="o", markersize=3, label=f"{corpus}, {run}")
        axis.axhline(0, color="grey", linewidth=0.6)
        axis.set(title=label, xlabel="generation", xticks=range(5))
    axes[0].set_ylabel("change beside held-out human text, percent")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="lower center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0.16, 1, 1))
    metadata: dict[str, Any] = {"Date": None}
    figure.savefig(file, metadata=metadata)


def _change(one: Comparison, probe: str) -> float:
    return 100 * next(p.change or 0.0 for p in one.probes if p.name == probe)


if __name__ == "__main__":
    main()
