"""Precision and recall of the defect families on published dialogues, from labelled messages.

    ULTRAQA_REAL_DATA=FOLDER python benchmarks/defects.py [--out FILE.md]
    ULTRAQA_REAL_DATA=FOLDER python benchmarks/defects.py --draw FILE.jsonl

``results/defects_labels.csv`` says of messages, by file, row, message, byte offset of the record and hash of the text,
whether they have a defect. The labels were made by a language model that read the messages, not by a person. Of every
family up to 30 flagged messages and 30 near misses were drawn, spread over the datasets, and read in random order
without the verdict; 300 random messages were read for all families at once. ``--draw`` writes messages to label, with
their texts; ``defect_samples.py`` says how they are drawn and what a near miss is.

Flags are found anew with the code as it is, so a family that was changed has other figures. Precision is the share of
defects among the labelled messages that are flagged. For recall every labelled message stands for those of its class
(flagged, near miss, rest), kind of dataset and role; a message that was drawn for the family and is in the rest by now
stands for itself alone.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from defect_samples import KIND_OF, NEAR, SEED, digest, messages, random_messages, spread

from ultraqa.analysis.defects import FAMILIES
from ultraqa.analysis.statistics import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from defect_samples import Message

    Key = tuple[str, int, int]
    Place = tuple[int, str, str]

LABELS = Path(__file__).parent / "results" / "defects_labels.csv"
FIELDS = ("file", "row", "message", "offset", "sha256", "drawn", "family", "label")
CLASSES = FLAGGED, NEARLY, REST = range(3)
FEWEST, RESAMPLES = 10, 2000
HEAD = (
    "| family | flagged | precision | defects of those labelled | near misses | defects of those labelled "
    "| defects of those labelled in the rest | recall |",
    "|---|--:|--:|--:|--:|--:|--:|--:|",
)


class Label(NamedTuple):
    """What was said of a message: of one family "0" or "1", or of "all" the names of those that hold."""

    key: Key
    sha256: str
    family: str
    label: str

    def says(self, family: str) -> bool | None:
        """Whether the message has a defect, None where nothing was said of it."""
        if self.family == "all" and family in NEAR:
            return family in self.label.split()
        return self.label == "1" if self.family == family else None


class Labelled(NamedTuple):
    """A labelled message of a family: its class, how many messages it stands for, and whether it has the defect."""

    kind: int
    weight: float
    positive: bool


def labels() -> list[Label]:
    """The committed labels."""
    with LABELS.open() as lines:
        return [
            Label((row["file"], int(row["row"]), int(row["message"])), row["sha256"], row["family"], row["label"])
            for row in csv.DictReader(lines)
        ]


def places(bit: int, every: Sequence[Message]) -> dict[Key, Place]:
    """Class, kind of dataset and role of every message that a family looks at."""
    family = FAMILIES[bit]
    near = NEAR.get(family.name, lambda _: False)
    found: dict[Key, Place] = {}
    for one in every:
        if one.role in family.roles:
            kind = FLAGGED if one.flags >> bit & 1 else NEARLY if near(one) else REST
            found[one.key] = kind, KIND_OF[one.file], one.role
    return found


def weighed(name: str, found: Mapping[Key, Place], said: Sequence[Label]) -> list[Labelled]:
    """The labelled messages of a family, each with the number of messages that it stands for."""
    known = {one.key: one for one in said if one.key in found and one.family == "all" and one.says(name) is not None}
    known |= {one.key: one for one in said if one.key in found and one.family == name}
    alone = {key for key, one in known.items() if one.family != "all" and found[key][0] == REST}
    sizes = Counter(found.values())
    labelled = Counter(found[key] for key in known if key not in alone)
    return [
        Labelled(found[key][0], 1 if key in alone else sizes[found[key]] / labelled[found[key]], bool(one.says(name)))
        for key, one in known.items()
    ]


def recall(labelled: Sequence[Labelled], sizes: Sequence[int]) -> tuple[float, float, float]:
    """Share of the defects that is flagged, and its 95 % interval by resampling the labelled messages of each class.

    Resampling near misses without a defect would never show one; their share is drawn from Jeffreys' distribution
    instead. The rest is taken as the random messages show it: a share below one in a hundred escapes them.

    Args:
        labelled: the labelled messages of a family.
        sizes: number of messages in each class; the weights of a class are scaled to it.
    """
    rng = np.random.default_rng(SEED)
    defects = np.zeros((len(CLASSES), RESAMPLES + 1))
    for kind in CLASSES:
        part = [one for one in labelled if one.kind == kind]
        if part:
            chosen = np.vstack([np.arange(len(part)), rng.integers(len(part), size=(RESAMPLES, len(part)))])
            weights = np.array([one.weight for one in part])[chosen]
            positive = np.array([one.positive for one in part])[chosen]
            defects[kind] = sizes[kind] * (weights * positive).sum(axis=1) / weights.sum(axis=1)
            if kind == NEARLY and not positive[0].any():
                defects[kind, 1:] = sizes[kind] * rng.beta(0.5, len(part) + 0.5, RESAMPLES)
    shares = defects[FLAGGED] / np.maximum(defects.sum(axis=0), 1e-9)
    low, high = np.percentile(shares[1:], (2.5, 97.5))
    return float(shares[0]), float(low), max(float(high), float(shares[0]))


def line(bit: int, every: Sequence[Message], said: Sequence[Label]) -> str:
    """A family's row of the table."""
    name = FAMILIES[bit].name
    found = places(bit, every)
    labelled = weighed(name, found, said)
    counts = Counter(kind for kind, _, _ in found.values())
    sizes = [counts[kind] for kind in CLASSES]
    parts = [[one.positive for one in labelled if one.kind == kind] for kind in CLASSES]
    flagged, near, rest = (f"{sum(part)} of {len(part)}" if part else "–" for part in parts)
    if name not in NEAR:
        found_again, rest = "by definition", "–"
    elif sum(one.positive for one in labelled) < FEWEST:
        found_again = "not measured"
    else:
        found_again = _interval(*recall(labelled, sizes))
    precision = _share(parts[FLAGGED])
    return f"| {name} | {sizes[0]:,} | {precision} | {flagged} | {sizes[1]:,} | {near} | {rest} | {found_again} |"


def _share(positive: Sequence[bool]) -> str:
    if not positive:
        return "–"
    share = sum(positive) / len(positive)
    return _interval(share, *wilson(share, len(positive)))


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.2f} ({low:.2f}–{high:.2f})"


def drawn(every: Sequence[Message]) -> Iterator[dict[str, str | int]]:
    """Messages to label: random ones, and of every family flagged ones and near misses in random order."""
    for one in random_messages(every):
        yield _to_label(one, "random", "all")
    of = {one.key: one for one in every}
    for bit, family in enumerate(FAMILIES):
        found = places(bit, every)
        chosen = [
            (one, name)
            for kind, name in ((FLAGGED, "flagged"), (NEARLY, "near"))
            for one in spread([of[key] for key, place in found.items() if place[0] == kind], (SEED, bit, len(name)))
        ]
        for i in np.random.default_rng((SEED, bit)).permutation(len(chosen)):
            one, how = chosen[i]
            yield _to_label(one, how, family.name)


def _to_label(one: Message, how: str, family: str) -> dict[str, str | int]:
    values = (one.file, one.row, one.message, one.offset, digest(one.text), how, family, "")
    return dict(zip(FIELDS, values, strict=True)) | {"role": one.role, "before": one.before, "text": one.text}


def main() -> None:
    """Print precision and recall of every family, or write messages to label."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="a file for the table")
    parser.add_argument("--draw", type=Path, help="a file for messages to label, JSON lines with their texts")
    args = parser.parse_args()
    every = [one for file in KIND_OF for one in messages(file)]
    if args.draw:
        args.draw.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in drawn(every)))
        return
    said, of = labels(), {one.key: digest(one.text) for one in every}
    stale = [one.key for one in said if of.get(one.key) != one.sha256]
    if stale:
        raise SystemExit(f"{len(stale)} labelled messages are not in the data, the first is {stale[0]}")
    named = {one.family for one in said}
    rows = [line(bit, every, said) for bit, family in enumerate(FAMILIES) if family.name in named]
    text = "\n".join((f"{len(every):,} messages, {len(said):,} labels by a language model.", "", *HEAD, *rows))
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
