"""What each recipe does to public data: counts per rule, as ``docs/filter.md`` has them.

    ULTRAQA_REAL_DATA=FOLDER python benchmarks/recipes.py [--out benchmarks/results/recipes.md]

FOLDER/data holds the datasets; those that are not there are left out.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Final

import ultraqa
from ultraqa.filters.recipe import names

DATASETS: Final = {
    "Alpaca": "alpaca/alpaca_data.json",
    "ShareGPT-500": "sharegpt/sharegpt_train_small.jsonl",
    "Baize en": "baize/train_conversation.jsonl",
    "Baize ko": "baize/quora_chat_data.ko.json",
    "OASST": "oasst/en_100_tree.jsonl",
    "glaive": "llamafactory_demo/glaive_toolcall_en_demo.json",
    "UltraChat five": "ultrachat/ultrachat_200k_first5.native.jsonl",
    "LIMA": "lima/lima.json",
}


def main() -> None:
    """Filter every dataset by every recipe, without writing anything, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="file of the tables")
    arguments = parser.parse_args()
    folder = Path(os.environ["ULTRAQA_REAL_DATA"], "data")
    with tempfile.TemporaryDirectory() as home:
        text = "\n".join(tables(folder, Path(home)))
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", "utf-8")


def tables(folder: Path, home: Path) -> list[str]:
    """A table for each recipe: rules down, datasets across, dialogues hit, and what is kept in the end."""
    profiles = {
        name: ultraqa.profile(folder / file, home / f"{name}.ultraqa", embedder="none", tokens="all")
        for name, file in DATASETS.items()
        if (folder / file).exists()
    }
    lines = []
    for recipe in names():
        found = {
            name: ultraqa.filter(profile, recipe=recipe, dry_run=True).summary for name, profile in profiles.items()
        }
        lines += [f"### {recipe}", "", f"| rule | action | {' | '.join(found)} |", f"|---|---|{'--:|' * len(found)}"]
        rules = next(iter(found.values()))["waterfall"]
        for number, rule in enumerate(rules):
            hits = [one["waterfall"][number]["hit"] for one in found.values()]
            if any(hits):
                lines.append(f"| `{rule['wanted']}` | {rule['action']} | {' | '.join(f'{hit:,}' for hit in hits)} |")
        for label, key in (("dialogues", "read"), ("cut", "cut"), ("**kept**", "kept")):
            counts = (f"{one['dialogues'][key]:,}" for one in found.values())
            lines.append(f"| {label} | | {' | '.join(counts)} |")
        lines.append("")
    return lines


if __name__ == "__main__":
    main()
