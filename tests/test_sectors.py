"""Sectors of invented opening messages, of real ones that were labelled, and their shares."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultraqa.analysis.part import Part
from ultraqa.analysis.sectors import CREATION, MATERIAL, MEASURE, NAMES, WORLD, sector
from ultraqa.dialogues.batch import Dialogue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from numpy.typing import NDArray

    from ultraqa.analysis.metric import Result

GOLDEN: Final = Path(__file__).parent / "golden" / "sectors.json"
BENCHMARK: Final = Path(__file__).parent.parent / "benchmarks" / "sectors.py"

# What the rules reached when the labels of "held-out" were first used; two points less would be another classifier.
HELD_OUT: Final = 0.886
TUNING: Final = 0.947

PASSAGE: Final = (
    "The lighthouse at Corran Point was built of grey stone and stood for ninety years before the sea took it. "
    "Its keeper kept bees on the landward side, and the honey was sold in the village on the first day of the month. "
    "In winter the road was closed by snow and letters came by boat. When the lamp was made electric the keeper was "
    "sent away, the hives were given to the school, and the cottage beside the tower was let to painters. "
)


@pytest.mark.parametrize(("text", "number", "evidence"), [
    ("What is a lighthouse for?", WORLD, '"what"'),
    ("Can you tell me why bees dance", WORLD, '"tell me"'),
    ("How do I write a letter to my landlord?", WORLD, '"how"'),
    ("List five rivers of Asia.", WORLD, '"list five"'),
    ("Generate a list of rivers in Asia", WORLD, '"generate a"'),
    ("I have a sore knee. Any advice?", WORLD, "question"),
    ("Write a poem about a lighthouse", CREATION, '"write a"'),
    ("Please could you write me a short letter to my landlord?", CREATION, '"write me a"'),
    ("I run a bakery on the coast. Please draft an email to my suppliers.", CREATION, '"draft an"'),
    ("Tell me a joke about bees", CREATION, '"tell me a joke"'),
    ("Give me a lesson plan on tides", CREATION, '"give me a lesson plan"'),
    ("Compose two sentences using the following words\nsea, lamp, bee", CREATION, '"compose two"'),
    ("Write a story that contains the following sentence: the lamp is lit", CREATION, '"write a"'),
    ("Translate into French: the lamp is lit", MATERIAL, '"translate"'),
    ("Correct the mistakes in this sentence.\nThe bees is dancing.", MATERIAL, '"this sentence"'),
    ("Is the following statement true?\nBees have five eyes.", MATERIAL, '"the following statement"'),
    ("Add commas to the text.\nbees wasps and hornets", MATERIAL, '"the text"'),
    ("Why does it stop?\n```python\nwhile True:\n    pass\n```", MATERIAL, "code"),
    ("Write a summary of the following article: " + PASSAGE, MATERIAL, '"the following article"'),
    (PASSAGE + "Who lived there?", MATERIAL, f"material of {len(PASSAGE.split()) + 3} words"),
    (f'How would this sound to a child: "{PASSAGE}"', MATERIAL, f"quotation of {len(PASSAGE.split())} words"),
])  # fmt: skip
def test_a_message_has_its_sector_and_the_words_that_decided(text: str, number: int, evidence: str) -> None:
    """One message for each rule, and some that look like another's."""
    assert sector(text) == (number, evidence)


def test_a_long_question_about_oneself_is_no_material() -> None:
    """The passage in the first person, with a question."""
    told = "I keep my bees on the landward side and my honey is sold in the village on the first day of each month. "
    assert sector(told * 5 + "Which hive should I buy next?")[0] == WORLD


@given(st.text(max_size=300).filter(str.strip))
def test_every_message_has_one_sector_and_evidence(text: str) -> None:
    """Whatever the characters."""
    number, evidence = sector(text)
    assert number in NAMES
    assert evidence


@given(
    st.lists(st.sampled_from([*PASSAGE.split(), "write", "a", '"', "'s", "this text", "\n", "?", ":"]), min_size=1),
    st.sampled_from([" ", "\n", "\t "]),
)
def test_space_around_a_message_and_the_shape_of_its_quotes_change_nothing(words: list[str], space: str) -> None:
    """Typographic quotes are what chat programs make of plain ones."""
    text = " ".join(words)
    if not text.strip():
        text = "a"
    curly = text.replace('"', "”").replace("'", "’")
    assert sector(space + text + space) == sector(text) == sector(curly)


def test_the_prompt_decides_and_a_dialogue_without_one_has_no_sector() -> None:
    """The first user message, wherever it stands; nothing else is looked at."""
    compute = MEASURE.compute
    assert list(compute(Dialogue("sau", ["What?", "Write a poem", "Translate this text: nine"], ""))) == [MATERIAL]
    assert list(compute(Dialogue("uau", ["What is a bee?", "An insect.", "Write a poem about it"], ""))) == [WORLD]
    assert isnan(compute(Dialogue("a", ["Write a poem"], ""))[0])
    assert isnan(compute(Dialogue("ua", [" \n", "Hello"], ""))[0])
    assert isnan(compute(Dialogue("", [], ""))[0])


class Columns:
    """Stands for a Profile whose prompts were measured."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.values = values

    def column(self, name: str) -> NDArray[Any]:
        """The one column there is."""
        assert name == "sector"
        return self.values


def rows_of(values: Sequence[float], distinct: Sequence[bool]) -> dict[tuple[str, str], Result]:
    """Result rows of a part with these sectors."""
    none = np.zeros(0, np.int64)
    columns, rows = Columns(np.array(values)), np.arange(len(values))
    part = Part("set", columns, rows, none, none, none.astype(np.uint8), np.array(distinct))  # type: ignore[arg-type]
    return {(row.metric, row.statistic): row for row in MEASURE.rows(part)}


def test_shares_are_over_prompts_and_copies_count_once_in_the_interval() -> None:
    """Wilson's interval of 2 in 4 distinct prompts is 0.150 to 0.850 (Wilson 1927); a copy and an undefined beside."""
    rows = rows_of([1, 1, 2, 3, 1, float("nan")], [True, True, True, True, False, True])
    world = rows["sector.world", "share"]
    assert (world.value, world.n, world.n_undefined, world.scope) == (3 / 5, 5, 1, "prompt")
    assert (world.low, world.high) == pytest.approx((0.15004, 0.84996), abs=1e-5)
    assert [rows[f"sector.{name}", "count"].value for name in NAMES.values()] == [3, 1, 1]
    assert sum(rows[f"sector.{name}", "share"].value or 0 for name in NAMES.values()) == pytest.approx(1)


def test_shares_without_a_prompt_are_undefined_and_say_so() -> None:
    """A value of None always has its reason."""
    row = rows_of([float("nan")], [True])["sector.material", "share"]
    assert (row.value, row.n, row.n_undefined) == (None, 0, 1)
    assert row.note


def test_labels_hold_no_text() -> None:
    """Places, hashes and labels only: at least 150 of each split, unclear ones among them."""
    labels = json.loads(GOLDEN.read_text())
    assert {tuple(label) for label in labels} == {("file", "row", "sha256", "label", "split")}
    assert all(len(bytes.fromhex(label["sha256"])) == 32 for label in labels)
    assert {label["label"] for label in labels} == {*NAMES, "unclear"}
    assert len({label["sha256"] for label in labels}) == len({(label["file"], label["row"]) for label in labels})
    clear = Counter(label["split"] for label in labels if label["label"] in NAMES)
    assert set(clear) == {"tuning", "held-out"}
    assert min(clear.values()) >= 150


def benchmark() -> ModuleType:
    """benchmarks/sectors.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("sectors_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rules_agree_with_labels_of_real_messages(real_data: Path) -> None:
    """As often as docs/sectors.md says, within two points."""
    module = benchmark()
    splits = module.confusion(real_data / "data")
    for split, least in (("held-out", HELD_OUT - 0.02), ("tuning", TUNING - 0.02)):
        right, n = module.accuracy(splits[split])
        assert right >= least, split
        assert n >= 150
