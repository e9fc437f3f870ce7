"""Writes a seeded synthetic chat corpus of any size, whose totals are known exactly.

    python benchmarks/corpus.py OUT.jsonl --size 100MB [--form ultrachat|alpaca] [--seed 7]
        [--duplicates 0.02] [--near 0]

The same arguments give the same bytes: only the raw bits of PCG64 and exact arithmetic are used. Memory does not grow
with the size. No dialogue equals another but for the planted copies, because every first message opens with a beginning
and two words that together spell the dialogue's number. ``OUT.totals.json`` beside the file holds what is in it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from forms import FORMS, Form
from sentences import BULLETS, CODE, NUMBERED, PROSE, USER, Ints, Parts, Sentences
from vocabulary import urn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

EARLIER = 256  # dialogues kept to be copied
# Of a near copy one "the" in 16 becomes another word of its length: about one word in 190, a similarity of .95.
CHANGED = (b" the ", b" thy ")

# Styles of user and of assistant messages, drawn evenly.
_STYLES = np.array([[USER] * 100, [PROSE] * 55 + [NUMBERED] * 27 + [BULLETS] * 12 + [CODE] * 6])


@dataclass
class Totals:
    """What a corpus holds; words by ``vocabulary.count_words``, characters in code points."""

    form: str
    seed: int
    bytes: int = 0
    sha256: str = ""
    dialogues: int = 0
    rounds: int = 0
    messages: int = 0
    duplicates: int = 0
    near: int = 0
    words: dict[str, int] = field(default_factory=lambda: {"dialogue": 0, "user": 0, "assistant": 0})
    characters: dict[str, int] = field(default_factory=lambda: {"dialogue": 0, "user": 0, "assistant": 0})

    def add(self, rows: Ints) -> None:
        """Add dialogues, given as rows of rounds, words and characters of user and assistant."""
        rounds, user_words, words, user_characters, characters = rows.sum(axis=0).tolist()
        self.dialogues += len(rows)
        self.rounds += rounds
        self.messages += 2 * rounds
        for counts, user, assistant in (
            (self.words, user_words, words),
            (self.characters, user_characters, characters),
        ):
            counts["user"] += user
            counts["assistant"] += assistant
            counts["dialogue"] += user + assistant


class Source:
    """Draws blocks of dialogues of one form from one seed."""

    def __init__(self, form: Form, seed: int) -> None:
        self._form = form
        self._text = Sentences(seed)
        pieces = self._text.pieces
        self._joint = pieces.add_raw([f"{mark}{joint}".encode() for joint in form.joints for mark in ".?"])
        self._start = pieces.add_raw([b""] * form.block)
        self._table = np.array(pieces.texts, object)
        # Words and characters of a piece in one number, so that one sum counts both.
        self._sizes = np.array(pieces.words, np.int64) << 32 | np.array(pieces.characters, np.int64)
        self._lengths = np.stack([_lognormal(*pair) for pair in zip(form.places, form.spread, strict=True)])
        self._rounds = urn(np.array(form.rounds or (1,), float), 1024) + 1
        self._alphabets = urn(np.array(form.alphabets), 1024)

    def blocks(self) -> Iterator[tuple[list[bytes], Ints]]:
        """The lines of the next dialogues and a row of counts each (see ``Totals.add``), without an end."""
        form = self._form
        for first in range(0, self._text.limit - form.block, form.block):
            starts = [form.start.format(first + i).encode() for i in range(form.block)]
            end = f".{form.end}".encode()
            self._table[self._start :] = [starts[0], *(end + b"\n" + start for start in starts[1:])]
            parts, assistant = self._parts()
            pieces = self._text.pieces_of(parts, first).ravel()
            pieces = pieces[pieces != 0]
            lines = (b"".join(self._table[pieces].tolist()) + end).split(b"\n")
            sizes = np.add.reduceat(self._sizes[pieces], np.flatnonzero(pieces >= self._joint))
            yield lines, self._counts(parts, assistant, sizes)

    def _parts(self) -> tuple[Parts, Ints]:
        """The parts of a block, and 1 for each that is an assistant message, 0 for a user's."""
        form, bits = self._form, self._text.draw(self._form.block)
        number = 2 * self._rounds[bits & 1023] if form.rounds else 2 + (bits % 5 < 2)
        opens = np.zeros(number.sum(), np.bool_)
        opens[np.cumsum(number) - number] = True
        dialogue = np.cumsum(opens) - 1
        position = np.arange(len(opens)) - np.flatnonzero(opens)[dialogue]
        last = position == number[dialogue] - 1
        assistant = position % 2 if form.rounds else last.astype(np.int64)
        more = self._text.draw(len(opens))
        asked = np.append(False, (assistant == 0) & (more >> 40 & 3 != 0))[:-1]
        joint = self._joint + 2 * np.where(last, 1 + (number[dialogue] == 2), 0) + asked
        parts = Parts(
            dialogue=dialogue,
            head=np.where(opens, self._start + dialogue, joint),
            opens=opens,
            alphabet=self._alphabets[bits >> 10 & 1023][dialogue],
            style=_STYLES[assistant, more % 100],
            length=self._lengths[assistant, more >> 20 & 4095],
        )
        return parts, assistant

    def _counts(self, parts: Parts, assistant: Ints, sizes: Ints) -> Ints:
        """Rounds, words of user and assistant, characters of user and assistant, of every dialogue."""
        opens = np.flatnonzero(parts.opens)
        number = np.diff(opens, append=len(parts.opens))
        columns = [number // 2]
        for counts in (sizes >> 32, (sizes & 0xFFFFFFFF) + 1):  # + 1: the mark that ends a part stands in the next head
            columns += [np.add.reduceat(counts * (assistant == role), opens) for role in (0, 1)]
        if not self._form.rounds:
            columns[3] += number == 3  # the newline between instruction and input
        return np.stack(columns, axis=1)


class Copies:
    """Replaces every so many lines by one of the earlier dialogues.

    Attributes:
        share: share of the dialogues that are copies.
        near: share of the dialogues that are copies with some words changed.
    """

    def __init__(self, share: float, near: float, start: str) -> None:
        self.share = share
        self.near = near
        self._start = start
        self._kept: list[tuple[bytes, Ints]] = []
        self._seen = 0

    def plant(self, lines: list[bytes], rows: Ints) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Overwrite lines and their counts with copies, under their own ids; which are copies, and which near ones."""
        numbers = self._seen + np.arange(len(lines))
        copies: NDArray[np.bool_] = np.floor((numbers + 1) * self.share) > np.floor(numbers * self.share)
        near = (np.floor((numbers + 1) * self.near) > np.floor(numbers * self.near)) & ~copies & (numbers > EARLIER)
        for i, (copy, changed) in enumerate(zip(copies.tolist(), near.tolist(), strict=True)):
            start = len(self._start.format(self._seen + i))
            if copy or changed:
                body, rows[i] = self._kept[(self._seen + i) * 7919 % len(self._kept)]
                text = _changed(body, self._seen + i) if changed else body
                copies[i], near[i] = text == body, text != body
                lines[i] = lines[i][:start] + text
            elif len(self._kept) < EARLIER:
                self._kept.append((lines[i][start:], rows[i].copy()))
            elif i % 61 == 0:
                self._kept[(self._seen + i) * 31 % EARLIER] = (lines[i][start:], rows[i].copy())
        self._seen += len(lines)
        return copies, near


def _changed(body: bytes, number: int) -> bytes:
    """A dialogue with some words changed, others for every number."""
    old, new = CHANGED
    parts = body.split(old)
    drawn = (
        np.arange(1, len(parts), dtype=np.uint64) * np.uint64(2 * number + 1) * np.uint64(0x9E3779B97F4A7C15)
    ) >> 60
    joints = [new if not draw else old for draw in drawn.tolist()]
    return parts[0] + b"".join(joint + part for joint, part in zip(joints, parts[1:], strict=True))


def write_corpus(
    path: Path, size: int, form: str = "ultrachat", seed: int = 7, duplicates: float = 0.02, near: float = 0.0
) -> Totals:
    """Write a corpus of ``size`` bytes or the few more of its last dialogue, and its totals beside it.

    Args:
        path: file to write; the totals go to the same name with ``.totals.json``.
        size: bytes to reach.
        form: name of one of ``FORMS``.
        seed: any integer from 0 on.
        duplicates: share of dialogues that are exact copies of an earlier one, below 1.
        near: share of dialogues that are copies with some words changed.

    Returns:
        What was written.
    """
    totals, digest = Totals(form=form, seed=seed), hashlib.sha256()
    copies = Copies(duplicates, near, FORMS[form].start)
    with path.open("wb") as file:
        for lines, rows in Source(FORMS[form], seed).blocks():
            copied, changed = copies.plant(lines, rows)
            ends = totals.bytes + np.cumsum([len(line) + 1 for line in lines])
            kept = min(len(lines), int(np.searchsorted(ends, size)) + 1)
            text = b"\n".join(lines[:kept]) + b"\n"
            file.write(text)
            digest.update(text)
            totals.bytes += len(text)
            totals.duplicates += int(copied[:kept].sum())
            totals.near += int(changed[:kept].sum())
            totals.add(rows[:kept])
            if totals.bytes >= size:
                break
    totals.sha256 = digest.hexdigest()
    path.with_suffix(".totals.json").write_text(json.dumps(asdict(totals), indent=2) + "\n")
    return totals


def parse_size(text: str) -> int:
    """Bytes of a size like 500000, 10MB or 1.5GB (powers of ten)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMG]?)B?", text)
    if not match:
        raise argparse.ArgumentTypeError(f"size {text!r} is not like 500000, 10MB or 1.5GB")
    return int(float(match[1]) * {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}[match[2]])


def _lognormal(mean: float, spread: float) -> Ints:
    """4,096 lengths, evenly spaced in probability, of at least 1."""
    normal = NormalDist(math.log(mean) - spread**2 / 2, spread)
    return np.array([max(1, round(math.exp(normal.inv_cdf((i + 0.5) / 4096)))) for i in range(4096)])


def main() -> None:
    """Command line of the corpus writer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=parse_size, default=parse_size("100MB"))
    parser.add_argument("--form", choices=FORMS, default="ultrachat")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--duplicates", type=float, default=0.02)
    parser.add_argument("--near", type=float, default=0.0)
    options = parser.parse_args()
    if not 0 <= options.duplicates < 1:
        parser.error(f"--duplicates {options.duplicates}: a share from 0 to below 1 is wanted")
    shares = (options.duplicates, options.near)
    print(json.dumps(asdict(write_corpus(options.out, options.size, options.form, options.seed, *shares))))


if __name__ == "__main__":
    main()
