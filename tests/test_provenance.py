"""What a dataset says of its own origin is counted as it stands, and silence is never taken for an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ultraqa as package
from ultraqa.analysis.licences import licences
from ultraqa.analysis.part import part_of
from ultraqa.analysis.provenance import LOWER_BOUND, provenance, rows
from ultraqa.analysis.statistics import wilson
from ultraqa.dialogues.origins import FIELDS, origin

if TYPE_CHECKING:
    from pathlib import Path

    from ultraqa.analysis.profile import Profile


def records(*beside: dict[str, Any]) -> list[dict[str, Any]]:
    """Dialogues that differ, with some fields beside each."""
    return [
        {"messages": [{"role": "user", "content": f"Question {i}?"}, {"role": "assistant", "content": f"Answer {i}."}]}
        | more
        for i, more in enumerate(beside)
    ]


def measured(folder: Path, *beside: dict[str, Any], fields: tuple[str, ...] = FIELDS) -> Profile:
    """A Profile of dialogues in a file of their own folder."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    lines = (json.dumps(record) + "\n" for record in records(*beside))
    (data / "chats.jsonl").write_text("".join(lines))
    made: Profile = package.profile(
        data / "chats.jsonl", folder / "chats.ultraqa", embedder="none", tokens="none", fields=fields
    )
    return made


# --- record fields ---------------------------------------------------------------------------------------------------


def test_fields_are_counted_with_their_commonest_values(tmp_path: Path) -> None:
    """Coverage of each field that some record fills; a value that says nothing fills none."""
    found = provenance(measured(
        tmp_path, {"model": "gpt-4", "source": "forum"}, {"model": "gpt-4"}, {"model": "unknown", "source": "N/A"},
        {"model": "claude-2", "license": "mit"}, {"source": ""}, {}, {"topic": "gpt-4"},
    ))  # fmt: skip
    assert found.fields is not None
    assert [(one.name, one.dialogues, one.values) for one in found.fields] == [
        ("model", 3, {"gpt-4": 2, "claude-2": 1}),
        ("source", 1, {"forum": 1}),
        ("license", 1, {"mit": 1}),
    ]
    assert found.unknown == 4
    assert [tuple(one) for one in found.licences] == [("mit", "field license", 1)]


def test_a_licence_or_language_names_no_origin(tmp_path: Path) -> None:
    """A record that says only these is of unknown origin."""
    assert provenance(measured(tmp_path, {"license": "mit"}, {"lang": "en"}, {"synthetic": True})).unknown == 2


def test_the_share_of_unknown_origin_has_wilsons_interval(tmp_path: Path) -> None:
    """A row of the dataset, over its distinct dialogues."""
    profile = measured(tmp_path, *({"model": "gpt-4"},) * 3, {})
    row = rows(part_of(profile))[0]
    assert (row.metric, row.scope, row.statistic, row.value, row.n) == (
        "provenance_unknown", "dialogue", "share", 0.25, 4,
    )  # fmt: skip
    assert (row.low, row.high) == pytest.approx(wilson(0.25, 4))
    assert "no verdict" in row.note


def test_without_kept_fields_nothing_is_said_of_them(tmp_path: Path) -> None:
    """The share is undefined with its reason, not 0 and not 1."""
    profile = measured(tmp_path, {"model": "gpt-4"}, {}, fields=())
    add(profile, {"origin": None})
    found = provenance(profile)
    assert (found.fields, found.unknown) == (None, None)
    row = rows(part_of(profile))[0]
    assert (row.value, row.low, row.high) == (None, None, None)
    assert row.note


def test_the_column_of_origins_says_what_the_fields_say(tmp_path: Path) -> None:
    """A Profile that keeps one column for all fields gives the same as one that was asked for each of them."""
    beside = ({"model": "gpt-4", "source": "forum"}, {"model": "none"}, {}, {"synthetic": True, "lang": "en"})
    profile = measured(tmp_path, *beside)
    asked = provenance(profile)
    told = pa.array([origin(record) for record in records(*beside)], pa.string())
    add(profile, {"origin": told})
    kept = provenance(profile)
    assert kept == asked
    assert kept.fields is not None
    assert {one.name for one in kept.fields} == {"model", "source", "synthetic", "lang"}


def test_several_models_of_one_dialogue_stand_together(tmp_path: Path) -> None:
    """A dialogue whose messages name several is counted once, under all of them."""
    profile = measured(tmp_path, {}, {}, fields=("lang",))
    add(profile, {"origin": pa.array(['{"model":["gpt-4","claude-2"],"synthetic":[true,false]}', None], pa.string())})
    found = provenance(profile)
    assert found.fields is not None
    assert found.fields[0].values == {"gpt-4, claude-2": 1}
    assert found.fields[1].values == {"true, false": 1}
    assert found.unknown == 1


# --- replies that name their maker -----------------------------------------------------------------------------------


def test_teachers_are_a_lower_bound(tmp_path: Path) -> None:
    """Dialogues with a reply that names its maker, by vendor, most first; the note says what that is worth."""
    profile = measured(tmp_path, *({},) * 5)
    add(profile, {
        "teacher_openai": pa.array([2, 1, 0, 0, 0], pa.int32()),
        "teacher_meta": pa.array([0, 0, 0, 0, 0], pa.int32()),
        "teacher_anthropic": pa.array([0, 1, 1, 1, 0], pa.int32()),
    })  # fmt: skip
    found = provenance(profile).teachers
    assert [(one.vendor, one.dialogues, one.share) for one in found] == [("anthropic", 3, 0.6), ("openai", 2, 0.4)]
    assert (found[0].low, found[0].high) == pytest.approx(wilson(0.6, 5))
    shares = {row.metric: row for row in rows(part_of(profile))}
    assert shares["teacher.meta"].value == 0
    assert shares["teacher.openai"].value == 0.4
    assert all(row.note == LOWER_BOUND for name, row in shares.items() if name.startswith("teacher."))


def test_copies_of_a_dialogue_do_not_narrow_the_interval(tmp_path: Path) -> None:
    """They count in the share, and once in its interval."""
    data = tmp_path / "copies.jsonl"
    data.write_text("".join(json.dumps(record) + "\n" for record in records({}) * 4 + records({}, {"model": "x"})[1:]))
    profile = package.profile(
        data, tmp_path / "copies.ultraqa", embedder="none", tokens="none", fields=FIELDS, duplicates="none"
    )
    row = rows(part_of(profile))[0]
    assert row.value == 0.8
    low, high = wilson(0.5, 2)
    assert (row.low, row.high) == pytest.approx((low, max(high, 0.8)))


def add(profile: Profile, columns: dict[str, Any]) -> None:
    """Put columns into the table of dialogues, in the place of equal ones; None takes one away."""
    table = profile.table("dialogues")
    table = table.drop_columns([name for name in columns if name in table.column_names])
    for name, values in columns.items():
        table = table if values is None else table.append_column(name, values)
    pq.write_table(table, profile.path / "dialogues.parquet")
    profile.forget()


# --- what a record says ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"model": "gpt-4", "conversation": []}, {"model": "gpt-4"}),
        ({"source": "x", "metadata": {"model": "y", "author": "z"}}, {"model": "y", "source": "x"}),
        ({"metadata": "gpt-4", "prompt": "hello"}, None),
        ({"models": ["a", "b", "a"]}, {"models": ["a", "b"]}),
        ({"synthetic": False}, {"synthetic": False}),
        ({"model": "", "source": " ", "dataset": None, "origin": 7, "lang": {"en": 1}, "models": []}, None),
        ({"model": "x" * 300, "source": "two\nlines"}, None),
        ({"prompt": {"text": "hi", "lang": "en", "replies": [
            {"text": "ho", "model_name": "a", "lang": "en", "replies": [{"model_name": "b", "lang": "de"}]},
            {"model_name": "a"}, "no message"]}}, {"lang": ["en", "de"], "model_name": ["a", "b"]}),
        ({}, None),
        ([{"model": "gpt-4"}], None),
        ("model", None),
        (None, None),
    ],
)  # fmt: skip
def test_the_origin_of_a_record_is_what_its_fields_name(record: Any, told: dict[str, Any] | None) -> None:
    """Of the record, its metadata and the messages of a tree; several values in order of appearance, and no text."""
    found = origin(record)
    assert (None if found is None else orjson.loads(found)) == told


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*FIELDS, "metadata", "prompt", "replies", "text"]), inner, max_size=4)
    ),
)


@given(VALUES)
def test_no_record_breaks_the_reading_of_its_origin(value: Any) -> None:
    """Whatever stands in its fields: the answer is None or JSON of known fields, and says the same of a copy."""
    found = origin(value)
    if found is not None:
        told = orjson.loads(found)
        assert told
        assert set(told) <= set(FIELDS)
        assert origin(told) == found


# --- licences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "names"),
    [
        ("---\nlicense: cc-by-nc-4.0\nlanguage: en\n---\n# Chats\nlicense: mit\n", ["cc-by-nc-4.0"]),
        ("---\r\nlanguage: en\r\nlicense:\r\n- mit\r\n- 'apache-2.0'\r\n---\r\n", ["mit", "apache-2.0"]),
        ('---\nlicense: other # see below\nlicense_name: "own-licence"\n---\n', ["other", "own-licence"]),
        ("---\nlicense: [mit, cc0-1.0]\n---\n", ["mit", "cc0-1.0"]),
        ("\ufeff---\nlicense: mit\n---\n", ["mit"]),
        ("---\nlicense:\n---\n", []),
        ("# Chats\n\nlicense: mit\n", []),
        ("---\nlicense: mit\n", []),
        ("", []),
    ],
)
def test_a_dataset_card_declares_its_licence_in_its_front_matter(tmp_path: Path, card: str, names: list[str]) -> None:
    """One, a list, or a name of its own; what stands in the text below is no declaration."""
    profile = measured(tmp_path, {})
    for place in (tmp_path / "data", tmp_path):
        (place / "README.md").write_text(card, newline="")
        assert [one.name for one in licences(profile)] == names
        assert all(one.where == "README.md" and one.dialogues is None for one in licences(profile))
        (place / "README.md").unlink()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Apache License\n                  Version 2.0, January 2004\n", "apache-2.0"),
        ("MIT License\n\nCopyright (c) nobody", "mit"),
        ("Creative Commons Attribution-NonCommercial 4.0 International", "cc-by-nc-4.0"),
        ("Creative Commons Attribution 4.0 International", "cc-by-4.0"),
        ("You may do as you like.", "not recognised"),
        ("", "not recognised"),
    ],
)
def test_a_licence_file_beside_the_data_is_known_by_its_text(tmp_path: Path, text: str, name: str) -> None:
    """Whatever its ending; one folder above it may be of another thing, and is not read."""
    profile = measured(tmp_path, {})
    (tmp_path / "LICENSE").write_text("MIT License")
    assert list(licences(profile)) == []
    (tmp_path / "data" / "LICENSE.txt").write_text(text)
    assert [tuple(one) for one in licences(profile)] == [(name, "LICENSE.txt", None)]


def test_data_that_has_moved_declares_nothing(tmp_path: Path) -> None:
    """No error: the licence is a finding, and the Profile stands without its data."""
    profile = measured(tmp_path, {"model": "gpt-4"})
    (tmp_path / "data" / "chats.jsonl").unlink()
    (tmp_path / "data").rmdir()
    assert list(licences(profile)) == []
    assert provenance(profile).unknown == 0


def test_published_answers_name_the_model_that_wrote_them(tmp_path: Path, real_data: Path) -> None:
    """AlpacaEval's field generator covers every record, so that none is of unknown origin; Alpaca says nothing."""
    found = provenance(package.profile(
        real_data / "data" / "alpaca_eval_outputs" / "gpt4.json", tmp_path / "gpt4.ultraqa", embedder="none",
        tokens="none", fields=FIELDS,
    ))  # fmt: skip
    assert found.fields is not None
    assert {one.name: (one.dialogues, len(one.values)) for one in found.fields} == {
        "generator": (805, 1), "dataset": (805, 5),
    }  # fmt: skip
    assert found.unknown == 0
    silent = orjson.loads((real_data / "data" / "alpaca" / "alpaca_data.json").read_bytes())
    assert not np.any([origin(record) is not None for record in silent])
