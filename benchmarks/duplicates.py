"""Recall of near-duplicates on real records with planted ones, by similarity, against brute force.

    ULTRAQA_REAL_DATA=… python benchmarks/duplicates.py [-o results/duplicates.md]

50,000 records of Alpaca and ShareGPT; 8,000 of them get a changed copy: words replaced, sentences in another order, cut
off, re-cased with other punctuation, or behind another template; how much is changed is swept. The oracle knows all
pairs of dialogues (by an inverted index over the sets of word 5-grams, made in plain Python), without the 5-grams that
more than 50 dialogues and 2 % of dialogues share.

And the template trap: 20,000 dialogues with one shared opener of 60 words, bodies of 3 to 18 different words and a
prompt of 4 words, with and without the guard; 200 of them stand there twice, re-cased with other punctuation.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

import ultraqa
from ultraqa.analysis import deduplication, template
from ultraqa.analysis.shingles import NO_TEMPLATE, SHORT, shingles
from ultraqa.analysis.words import words

TRAPPED, TWINS = 20_000, 200
RECORDS, PLANTED, BINS = 50_000, 8_000, (0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0001)
OPENERS = (
    "Thank you for your question, I am glad to help you with this and will try to be as clear and complete as I can.",
    "Before I begin please note that every case is different and that this is a general answer and not advice for you.",
)


def main() -> None:
    """Plant, find, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path)
    options = parser.parse_args()
    records, planted = corpus(random.Random(7))  # noqa: S311  (a seeded corpus)
    folder = Path(tempfile.mkdtemp())
    data = folder / "planted.jsonl"
    data.write_text("".join(json.dumps(record) + "\n" for record in records))
    found = ultraqa.profile(data, folder / "planted.ultraqa", embedder="none", tokens="none")
    text = table(found, exact_pairs(records), planted) + trap(random.Random(9), folder)  # noqa: S311
    sys.stdout.write(text)
    if options.out:
        options.out.write_text(text)


def corpus(rng: random.Random) -> tuple[list[dict[str, list[str]]], dict[int, str]]:
    """Records, and how each planted one was made."""
    root = Path(os.environ["ULTRAQA_REAL_DATA"]) / "data"
    alpaca = json.loads((root / "alpaca/alpaca_data.json").read_text())
    dialogues = [[f"{r['instruction']}\n{r['input']}".strip(), r["output"]] for r in alpaca]
    with (root / "sharegpt/sharegpt_train_small.jsonl").open() as lines:
        shared = [[turn["content"] for turn in json.loads(line)["conversations"]] for line in lines]
    base = [one for one in shared if len(one) % 2 == 0] + dialogues
    base = base[:RECORDS]
    for i in range(0, RECORDS, 20):  # a template that 5 % share, in two kinds
        base[i] = [*base[i][:-1], f"{OPENERS[i // 20 % 2]} {base[i][-1]}"]
    long = [i for i, one in enumerate(base) if sum(len(text.split()) for text in one) >= 40]
    made: dict[int, str] = {}
    for kind in ("edit", "reorder", "truncate", "case", "template"):
        for i in rng.sample(long, PLANTED // 5):
            made[len(base)] = kind
            base.append([changed(text, kind, rng) for text in base[i]])
    return [{"data": one} for one in base], made


def changed(text: str, kind: str, rng: random.Random) -> str:
    """A text changed in one of five ways, by a random amount."""
    listed, amount = text.split(" "), rng.random()
    if kind == "edit":
        for _ in range(int(amount * len(listed) / 12) + 1):
            listed[rng.randrange(len(listed))] = rng.choice(("indeed", "perhaps", "however", "therefore"))
    elif kind == "truncate":
        listed = listed[: max(1, int(len(listed) * (1 - 0.6 * amount)))]
    elif kind == "case":
        listed = [word.upper() if rng.random() < amount else word.rstrip(".,") for word in listed]
    elif kind == "reorder":
        sentences = text.split(". ")
        i, j = rng.randrange(len(sentences)), rng.randrange(len(sentences))
        sentences[i], sentences[j] = sentences[j], sentences[i]
        return ". ".join(sentences)
    elif text.startswith(OPENERS):
        return OPENERS[1] + text.removeprefix(OPENERS[0]) if text.startswith(OPENERS[0]) else text[len(OPENERS[1]) :]
    else:
        return f"{rng.choice(OPENERS)} {text}"
    return " ".join(listed)


def exact_pairs(records: list[dict[str, list[str]]]) -> pd.DataFrame:
    """All pairs of distinct dialogues with a similarity of .3 or more, template apart."""
    numbers: dict[str, int] = {}
    sets, size, seen = [], [], set()
    for record in records:
        split = [words(text) for text in record["data"]]
        key = tuple(record["data"])
        grams = {" ".join(one[i : i + 5]) for one in split for i in range(len(one) - 4)}
        sets.append([numbers.setdefault(gram, len(numbers)) for gram in grams] if key not in seen else [])
        size.append(sum(map(len, split)))
        seen.add(key)
    counts = Counter(gram for one in sets for gram in one)
    limit = max(50, 0.02 * sum(map(bool, sets)))
    sets = [
        [gram for gram in one if counts[gram] <= limit] if n >= 25 else [] for one, n in zip(sets, size, strict=True)
    ]
    lengths = np.array([len(one) for one in sets])
    columns = np.array([gram for one in sets for gram in one])
    rows = np.repeat(np.arange(len(sets)), lengths)
    matrix = sparse.csr_matrix((np.ones(len(rows), np.int32), (rows, columns)), (len(sets), len(numbers)))
    parts = []
    for first in range(0, len(sets), 5_000):
        both = sparse.triu((matrix[first : first + 5_000] @ matrix.T).tocoo(), k=first + 1)
        row, other = both.row + first, both.col
        jaccard = both.data / (lengths[row] + lengths[other] - both.data)
        short = np.minimum(np.array(size)[row], np.array(size)[other]) < SHORT
        found = pd.DataFrame({"row": row, "other": other, "exact": jaccard, "short": short})
        parts.append(found[jaccard >= BINS[0]])
    return pd.concat(parts)


def table(profile: ultraqa.Profile, exact: pd.DataFrame, planted: dict[int, str]) -> str:
    """Pairs and recall by similarity, and what was planted and flagged, by kind."""
    pairs = pd.read_parquet(profile.path / "pairs.parquet")
    pairs = pairs[pairs.scope == "dialogue"]
    short = exact[exact.short & (exact.exact >= 0.7)]
    exact = exact[~exact.short]
    joined = exact.merge(pairs[["row", "other", "jaccard"]], on=["row", "other"], how="outer")
    wrong = int((joined.exact.fillna(0) < 0.7)[joined.jaccard.notna()].sum())
    far = float((joined.exact - joined.jaccard).abs().max())
    frame = profile.dialogues()
    cluster = frame.cluster.to_numpy()
    together = cluster[joined.row] == cluster[joined.other]
    short_found = int((cluster[short.row] == cluster[short.other]).sum())
    lines = ["| similarity | pairs | verified | recall | in one cluster |", "|---|--:|--:|--:|--:|"]
    for low, high in pairwise(BINS):
        here = ((joined.exact >= low) & (joined.exact < high)).to_numpy()
        n, verified = int(here.sum()), int(joined.jaccard.notna().to_numpy()[here].sum())
        recall = f"{verified / n:.4f}" if low >= 0.7 and n else "not sought"
        cells = [f"{n:,}", f"{verified:,}", recall, f"{int(together[here].sum()):,}"]
        lines.append(f"| {low:.2f}–{min(high, 1):.2f} | {' | '.join(cells)} |")
    flagged = frame.duplicate_of.notna()
    rows = {kind: [row for row, other in planted.items() if other == kind] for kind in dict.fromkeys(planted.values())}
    kinds = [f"{kind} {int(flagged[some].sum()):,}" for kind, some in rows.items()]
    document = profile.document["near_duplicates"]
    scope = document["scopes"][0]
    return "\n".join([
        "# Near-duplicates found, by similarity", "",
        f"{len(frame):,} dialogues, {len(planted):,} of them planted; `python benchmarks/duplicates.py`.",
        "", *lines, "",
        "What is not verified has so little beside a template that the rule for short texts decides; the last column "
        "counts what it finds too.",
        f"Pairs reported below 0.7: {wrong}. Largest difference of a reported similarity to the oracle's: {far:.1e}.",
        f"Of pairs with a text under {SHORT} words {len(short):,} have a similarity of 0.7 or more; the rule for short "
        f"texts (the same words, digits and symbols) finds {short_found:,} of them.",
        f"Candidates {scope['candidates']:,}, verified {scope['verified']:,}; template shingles "
        f"{document['template']['shingles']}. Planted and flagged (any amount of change), of {PLANTED // 5:,} each: "
        f"{', '.join(kinds)}.", "",
    ])  # fmt: skip


def trap(rng: random.Random, folder: Path) -> str:
    """What is flagged of templated dialogues, without the guard and with it."""
    opener = prose(rng, 60)
    bodies = [prose(rng, 3 + i % 16) for i in range(TRAPPED)]
    dialogues = [["Please help me now", f"{opener} {body}"] for body in bodies]
    twins = [[user, f"{reply.upper()}!"] for user, reply in rng.sample(dialogues, TWINS)]
    data = [{"data": one} for one in dialogues + twins]
    some = [set(shingles(words(reply))) for _, reply in rng.sample(dialogues, 500)]
    similar = [len(a & b) / len(a | b) >= 0.7 for a, b in combinations(some, 2)]
    counts = []
    for guard in (False, True):
        finder = template.find_template
        if not guard:
            setattr(deduplication, "find_template", lambda *_: template.FoundTemplate(NO_TEMPLATE, 0, []))  # noqa: B010
        out = folder / f"trap-{guard}.ultraqa"
        flagged = ultraqa.profile(data, out, embedder="none", tokens="none").dialogues().duplicate_of.notna()
        setattr(deduplication, "find_template", finder)  # noqa: B010
        counts.append((int(flagged[:TRAPPED].sum()), int(flagged[TRAPPED:].sum())))
    lines = [f"| {name} | {wrong:,} | {right:,} |" for name, (wrong, right) in zip(("off", "on"), counts, strict=True)]
    return "\n".join([
        "", "# The template trap", "",
        f"{TRAPPED:,} dialogues, {TWINS} of them twice; {100 * sum(similar) / len(similar):.0f} % of their pairs have "
        "a similarity of 0.7 or more by their opener.", "",
        "| guard | flagged wrongly | duplicates found |", "|---|--:|--:|", *lines, "",
    ])  # fmt: skip


def prose(rng: random.Random, n: int) -> str:
    """Words of letters that hardly repeat a 5-gram by chance."""
    return " ".join("w" + "".join(chr(97 + int(digit)) for digit in str(rng.randrange(50_000))) for _ in range(n))


if __name__ == "__main__":
    main()
