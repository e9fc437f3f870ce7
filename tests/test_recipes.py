"""Recipes: what they drop of the samples, whose defects are known, and of public data."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import ultraqa
from ultraqa.dialogues.sources import DataError
from ultraqa.filters.recipe import names, recipe

MISSED = {"contradiction"}
"""Planted defects that ``recommended`` does not see, as docs/filter.md says."""
BENCHMARK = "invented_benchmark.jsonl"
DEFECTS = Path(__file__).parent / "defects.json"


@pytest.fixture(scope="module")
def filtered(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The ledger of every sample file under ``recommended``."""
    found = {}
    for file in sorted(samples.glob("*")):
        if file.suffix != ".md" and file.name != BENCHMARK:
            out = tmp_path_factory.mktemp("recommended") / f"kept{file.suffix}"
            found[file.name] = ultraqa.filter(file, out, contamination=samples / BENCHMARK).ledger()
    return found


@pytest.fixture(scope="module")
def planted() -> dict[tuple[str, str], set[str]]:
    """The planted defects of every dialogue of the samples, by file and id; traits are no defects."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in json.loads(DEFECTS.read_text("utf-8")):
        if one["kind"] == "defect":
            found[one["file"], one["id"]].add(one["defect"])
    return found


def test_recommended_drops_every_planted_defect_and_nothing_else(
    filtered: dict[str, Any], planted: dict[tuple[str, str], set[str]]
) -> None:
    """All but the known miss; what is only unusual stays."""
    for file, ledger in filtered.items():
        dropped = set(ledger[ledger["fate"] == "dropped"]["id"].dropna())
        known = {name for name in ledger["id"].dropna() if planted.get((file, name), set()) - MISSED}
        assert dropped == known, file


def test_ids_of_planted_defects_are_found(filtered: dict[str, Any], planted: dict[tuple[str, str], set[str]]) -> None:
    """So that the test before this one does not pass for want of dialogues."""
    seen = [key for key in planted if key[0] in filtered and key[1] in set(filtered[key[0]]["id"])]
    assert len(seen) >= 60


def test_every_recipe_has_a_description_a_source_and_a_reason_for_every_rule() -> None:
    """Users read them in ``rejected.jsonl``."""
    assert len(names()) == 10
    for name in names():
        found = recipe(name)
        assert found.description
        assert found.source
        assert all(rule.reason for rule in found.rules), name


def test_an_unknown_recipe_is_refused_with_the_nearest() -> None:
    """And with the list of those there are."""
    with pytest.raises(DataError, match="did you mean recommended"):
        recipe("recomended")


def test_gopher_and_c4_drop_nothing(real_data: Path) -> None:
    """They are noted, because they reject half of good replies."""
    found = ultraqa.filter(real_data / "data/lima/lima.json", recipe="gopher-c4", dry_run=True)
    assert found.summary["records"]["dropped"] == 0
    assert all(one["hit"] > 0 for one in found.summary["waterfall"])


def test_recommended_loses_little_of_lima(real_data: Path) -> None:
    """Of 1,029 records that people wrote and chose; docs/filter.md says which."""
    found = ultraqa.filter(real_data / "data/lima/lima.json", dry_run=True)
    assert found.summary["records"]["dropped"] <= 20


def test_recommended_drops_all_empty_replies_and_copies(real_data: Path, tmp_path: Path) -> None:
    """Of the identity dialogues, which repeat each other, and of Alpaca, whose 28 empty answers are known."""
    source = real_data / "data/vicuna_dummy/dummy_conversation.json"
    ultraqa.filter(source, tmp_path / "a/kept.json", recipe="none", rules=[ultraqa.Rule("exact_duplicates", max=0)])
    kept = [json.dumps(one["conversations"]) for one in json.loads((tmp_path / "a/kept.json").read_bytes())]
    given = {json.dumps(one["conversations"]) for one in json.loads(source.read_bytes())}
    assert sorted(kept) == sorted(given)
    alpaca = real_data / "data/alpaca/alpaca_data.json"
    ultraqa.filter(alpaca, tmp_path / "b/kept.json")
    assert all(one["output"].strip() for one in json.loads((tmp_path / "b/kept.json").read_bytes()))


def test_what_recommended_keeps_are_records_of_the_input(real_data: Path, tmp_path: Path) -> None:
    """It drops and never cuts, so that every line is a line of the data, in order."""
    source = real_data / "data/sharegpt/sharegpt_train_small.jsonl"
    ultraqa.filter(source, tmp_path / "kept.jsonl")
    given = iter(source.read_bytes().splitlines())
    assert all(any(line == other for other in given) for line in (tmp_path / "kept.jsonl").read_bytes().splitlines())
