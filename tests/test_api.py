"""The Python API: what ``profile`` and ``report`` take, the data frames they give, and the way back to the texts."""

from __future__ import annotations

import json
import math
import shutil
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import ultraqa
from ultraqa.analysis.metric import Result
from ultraqa.analysis.profile import OverwriteError, ProfileError
from ultraqa.dialogues.files import DataError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

RECORDS = [
    {
        "id": f"r{i}",
        "source": "web" if i % 2 else "book",
        "messages": [
            {"role": "user", "content": f"What comes after {i}?"},
            {"role": "assistant", "content": f"After {i} comes {i + 1}."},
        ],
    }
    for i in range(6)
]
TEXTS = [[f"What comes after {i}?", f"After {i} comes {i + 1}."] for i in range(6)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The records as a file."""
    file = tmp_path / "data.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return file


def value(results: pd.DataFrame, metric: str, scope: str, statistic: str) -> float:
    """One number of a table of results."""
    rows = results[(results.metric == metric) & (results.scope == scope) & (results.statistic == statistic)]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])


def test_a_file_is_measured(data: Path) -> None:
    """By its path, as text or as Path, under its own name."""
    for given in (data, str(data)):
        found = ultraqa.profile(given)
        assert (found.name, len(found)) == ("data", 6)
        assert repr(found) == "Profile('data', 6 dialogues)"


def through_parquet() -> pd.DataFrame:
    """The records as pandas reads them from Parquet, lists as arrays of objects."""
    return pd.read_parquet(BytesIO(pd.DataFrame(RECORDS).to_parquet()))


FORMS: dict[str, Callable[[], Iterable[Any]]] = {
    "list": lambda: RECORDS,
    "tuple": lambda: tuple(RECORDS),
    "generator": lambda: (record for record in RECORDS),
    "frame": lambda: through_parquet().to_dict("records"),
}


@pytest.mark.parametrize("form", FORMS)
def test_records_in_memory_are_measured_as_a_file_is(form: str, data: Path) -> None:
    """A list of dicts and anything that gives dicts has the numbers of the same records in a file."""
    found, wanted = ultraqa.profile(FORMS[form](), name="data"), ultraqa.profile(data)
    pd.testing.assert_frame_equal(found.results(), wanted.results())
    assert [one.texts for one in found.texts(range(6))] == TEXTS


def test_a_hugging_face_dataset_is_measured(data: Path, tmp_path: Path) -> None:
    """In memory, as a stream, and as the folder that ``save_to_disk`` writes."""
    datasets = pytest.importorskip("datasets", reason='datasets is not installed: pip install "ultraqa[hf]"')
    loaded = datasets.Dataset.from_list(RECORDS)
    loaded.save_to_disk(tmp_path / "saved")
    wanted = ultraqa.profile(data).results()
    for given in (loaded, loaded.to_iterable_dataset(), tmp_path / "saved"):
        found = ultraqa.profile(given, name="data")
        pd.testing.assert_frame_equal(found.results(), wanted)
        assert [one.texts for one in found.texts([5, 0])] == [TEXTS[5], TEXTS[0]]


def test_odd_values_of_records_do_not_matter(tmp_path: Path) -> None:
    """What JSON cannot hold is written as near as it can be, and the messages are read all the same."""
    odd: list[dict[Any, Any]] = [
        {"data": ["What is this?", "It is it."], "score": math.nan, "array": np.arange(3), "where": tmp_path},
        {"data": ["A broken \ud83c emoji?", "Half of one."]},
        {"data": ["How many?", "Very many."], "count": 10**30},
        {"data": ["Which key?", "A number."], 7: "seven"},
    ]
    found = ultraqa.profile(odd)
    assert len(found) == 4
    assert [one.texts[0] for one in found.texts(range(4))] == [
        "What is this?", "A broken \ufffd emoji?", "How many?", "Which key?",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ([], UnreadableError, "no dialogue"),
        ([{"colour": "blue"}], UnreadableError, "'colour'"),
        (["just", "texts"], DataError, "str"),
        ({"messages": []}, DataError, "str"),
        (3, DataError, "int"),
        (None, DataError, "None"),
        ("gone.jsonl", DataError, "gone.jsonl does not exist"),
    ],
    ids=str,
)
def test_what_is_no_dataset_is_refused(given: Any, error: type[Exception], told: str) -> None:
    """With the error of data that cannot be read, which says what was given."""
    with pytest.raises(error, match=told):
        ultraqa.profile(given)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"tokens": "some"}, "some"),
        ({"paths": "worst"}, "worst"),
        ({"format": "ultrachap"}, "ultrachap"),
        ({"tokenizer": "gone.json"}, "gone.json"),
        ({"workers": -1}, "-1"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_are_refused(option: dict[str, Any], told: str) -> None:
    """With the value that was given."""
    with pytest.raises(ValueError, match=told):
        ultraqa.profile(RECORDS, **option)


def test_results_are_a_data_frame_of_rows(data: Path) -> None:
    """A row a number, with the fields of Result, equal to the rows that reports read."""
    found = ultraqa.profile(data)
    results = found.results()
    assert list(results.columns) == list(Result._fields)
    assert value(results, "dialogues", "dataset", "value") == 6
    assert value(results, "rounds", "dialogue", "mean") == 1
    assert value(results, "words", "user", "mean") == 3
    assert [row.metric for row in found.rows()] == results.metric.tolist()
    assert not results.duplicated(["dataset", "metric", "scope", "statistic", "budget"]).any()


def test_dialogues_are_a_data_frame_in_file_order(data: Path) -> None:
    """A row a dialogue; columns can be chosen, and one that is missing is named."""
    found = ultraqa.profile(data, fields=("source",))
    dialogues = found.dialogues()
    assert dialogues.row.tolist() == list(range(6))
    assert dialogues.id.tolist() == [f"r{i}" for i in range(6)]
    assert dialogues.words_user.tolist() == [3] * 6
    assert dialogues.roles.tolist() == ["ua"] * 6
    assert dialogues["field.source"].tolist() == ["book", "web"] * 3
    assert list(found.dialogues(["id", "words"]).columns) == ["id", "words"]
    with pytest.raises(ProfileError, match="no column 'wirds'"):
        found.dialogues(["wirds"])


def test_messages_and_findings_are_data_frames(data: Path) -> None:
    """A row a message, and a row for each thing found."""
    with data.open("a") as file:
        file.write('{"data": ["", "An answer to nothing."]}\nno record\n')
    found = ultraqa.profile(data)
    messages = found.messages(["dialogue", "position", "words"])
    assert messages.dialogue.tolist() == [i // 2 for i in range(14)]
    assert messages.position.tolist() == [0, 1] * 7
    findings = found.findings()
    assert {"dialogue", "message", "finding", "start", "end", "detail"} <= set(findings.columns)
    assert findings[findings.finding == "empty_messages"].dialogue.tolist() == [6]
    assert findings[findings.finding == "unreadable"].dialogue.tolist() == [-1]


def test_texts_come_back_from_every_sample(samples: Path) -> None:
    """In any order and again, from each container and format."""
    for file in sorted(samples.iterdir()):
        if file.name == "README.md":
            continue
        found = ultraqa.profile(file, tokens="none")
        rows = [*reversed(range(len(found))), 0]
        texts = found.texts(rows)
        dialogues = found.dialogues(["roles", "characters"]).iloc[rows]
        assert [one.roles for one in texts] == dialogues.roles.tolist(), file.name
        measured = [sum(len(t) for t, r in zip(one.texts, one.roles, strict=True) if r in "ua") for one in texts]
        assert measured == dialogues.characters.tolist(), file.name


def test_a_row_that_is_none_is_an_error(data: Path) -> None:
    """Neither past the end nor before the beginning."""
    found = ultraqa.profile(data)
    for row in (6, -1):
        with pytest.raises((IndexError, ValueError), match=str(row)):
            found.texts([row])


def test_data_that_moved_or_changed_is_told(data: Path, tmp_path: Path) -> None:
    """The door back to the text does not open on other bytes; it opens where the data lies now."""
    found = ultraqa.profile(data)
    moved = tmp_path / "elsewhere.jsonl"
    data.rename(moved)
    with pytest.raises(DataError, match=r"data\.jsonl is not where it was measured .*say where it is"):
        found.texts([1])
    assert found.texts([1], source=moved)[0].texts == TEXTS[1]
    moved.write_text(moved.read_text().replace("after", "before"))
    with pytest.raises(DataError, match=r"data\.jsonl has changed"):
        found.texts([1], source=moved)


def test_a_profile_is_kept_and_opened_again(data: Path, tmp_path: Path) -> None:
    """Its folder is all that is needed; a folder without one is told."""
    ultraqa.profile(data, tmp_path / "kept.ultraqa")
    again = ultraqa.Profile(tmp_path / "kept.ultraqa")
    assert again.texts([2])[0].texts == TEXTS[2]
    with pytest.raises(ProfileError, match="no finished Profile"):
        ultraqa.Profile(tmp_path)


def test_other_records_replace_a_profile_only_when_asked(tmp_path: Path) -> None:
    """A refusal leaves the old Profile and its texts whole; ``overwrite`` puts the new ones in their place."""
    folder = tmp_path / "p.ultraqa"
    old = ultraqa.profile(RECORDS, folder)
    with pytest.raises(OverwriteError, match="other data"):
        ultraqa.profile(RECORDS[:2], folder)
    assert old.texts([5])[0].texts == TEXTS[5]
    new = ultraqa.profile(RECORDS[:2], folder, overwrite=True)
    assert (len(new), new.texts([1])[0].texts) == (2, TEXTS[1])


def test_progress_is_told(data: Path) -> None:
    """It ends with everything done, and nothing is printed."""
    seen: list[Any] = []
    ultraqa.profile(data, progress=seen.append)
    read = [one for one in seen if one.unit == "bytes"]
    assert read[-1].done == read[-1].total == data.stat().st_size
    assert seen[-1] == (6, 6, "dialogues")


def test_threads_change_no_number(samples: Path) -> None:
    """One and four threads give the same Profile."""
    one, four = (ultraqa.profile(samples, workers=n, name="all") for n in (1, 4))
    assert one.document == four.document
    pd.testing.assert_frame_equal(one.dialogues(), four.dialogues())


def test_report_writes_and_returns(data: Path, tmp_path: Path) -> None:
    """The folder's document is what comes back, and its rows are a data frame."""
    done = ultraqa.report(data, out=tmp_path / "out", published=True)
    assert done.path == tmp_path / "out"
    assert json.loads((done.path / "report.json").read_text()) == done.document
    results = done.results()
    assert value(results, "dialogues", "dataset", "value") == 6
    assert done.document["published"]
    assert len(pd.read_parquet(done.path / "dialogues.parquet")) == 6


def test_report_takes_files_records_and_profiles_together(data: Path, tmp_path: Path) -> None:
    """In the order given; a Profile by its folder or as it is."""
    kept = ultraqa.profile(data, tmp_path / "kept.ultraqa", name="kept")
    done = ultraqa.report(f"file={data}", RECORDS[:3], kept.path, out=tmp_path / "out")
    assert [(one["name"], one["dialogues"]) for one in done.document["datasets"]][::2] == [("file", 6), ("kept", 6)]
    assert done.document["datasets"][1]["dialogues"] == 3
    done = ultraqa.report(kept, out=tmp_path / "again")
    assert done.document["datasets"][0]["name"] == "kept"


def test_report_of_nothing_is_refused(tmp_path: Path) -> None:
    """With what to give."""
    with pytest.raises(DataError, match="no data was given"):
        ultraqa.report(out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_report_without_texts(tmp_path: Path) -> None:
    """``text=False`` keeps every message out of the document."""
    marked = [{"data": ["Say a secret word please", "The word is halcyonidae"]}]
    done = ultraqa.report(marked, out=tmp_path / "out", text=False)
    assert "halcyonidae" not in json.dumps(done.document)
    assert "halcyonidae" in json.dumps(ultraqa.report(marked, out=tmp_path / "out2").document)


def test_report_by_a_field(data: Path, tmp_path: Path) -> None:
    """Each value is a dataset of its own, with rows that the whole file has too."""
    done = ultraqa.report(data, out=tmp_path / "out", by="source")
    assert [(one["name"], one["dialogues"]) for one in done.document["datasets"]] == [("data/book", 3), ("data/web", 3)]
    with pytest.raises(ProfileError, match="colour"):
        ultraqa.report(data, out=tmp_path / "out2", by="colour")


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "csv": lambda table, file: table.to_csv(file, index=False),
    "jsonl": lambda table, file: table.to_json(file, orient="records", lines=True),
    "parquet": lambda table, file: table.to_parquet(file),
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("key", ["id", "row"])
def test_scores_are_joined_by_id_or_row(kind: str, key: str, data: Path, tmp_path: Path) -> None:
    """From each kind of table; dialogues without a score are counted as undefined."""
    keys: list[Any] = ["r5", "r0", "r3"] if key == "id" else [5, 0, 3]
    WRITERS[kind](pd.DataFrame({key: keys, "judge": [3.0, 1.0, 5.0], "comment": "fine"}), tmp_path / f"scores.{kind}")
    done = ultraqa.report(data, out=tmp_path / "out", scores=tmp_path / f"scores.{kind}")
    results = done.results()
    assert value(results, "score.judge", "dialogue", "mean") == 3
    (row,) = [r for r in done.document["results"] if (r["metric"], r["statistic"]) == ("score.judge", "mean")]
    assert (row["n"], row["n_undefined"]) == (3, 3)
    assert not results.metric.str.contains("comment").any()


def test_scores_of_several_datasets_name_theirs(data: Path, tmp_path: Path) -> None:
    """A column ``dataset`` says whose scores they are."""
    other = Path(shutil.copy(data, tmp_path / "other.jsonl"))
    named, judged = ["data"] * 6 + ["other"] * 6, [1.0] * 6 + [4.0] * 6
    table = pd.DataFrame({"dataset": named, "row": [*range(6)] * 2, "judge": judged})
    table.to_csv(tmp_path / "scores.csv", index=False)
    done = ultraqa.report(data, other, out=tmp_path / "out", scores=tmp_path / "scores.csv")
    means = {
        row["dataset"]: row["value"]
        for row in done.document["results"]
        if (row["metric"], row["statistic"]) == ("score.judge", "mean")
    }
    assert means == {"data": 1, "other": 4}


def test_scores_that_are_missing_are_told_before_anything_is_measured(data: Path, tmp_path: Path) -> None:
    """A path that does not exist is the user's mistake, and found at once."""
    with pytest.raises(DataError, match=r"gone\.csv"):
        ultraqa.report(data, out=tmp_path / "out", scores=tmp_path / "gone.csv")
    assert not (tmp_path / "out").exists()


def test_published_alpaca_row_is_reproduced(real_data: Path, tmp_path: Path) -> None:
    """Stanford Alpaca as the UltraChat table measured it: mtld 42.8, replies of 64.5 tokens, 52,002 dialogues."""
    results = ultraqa.profile(real_data / "data" / "alpaca" / "alpaca_data.json", tmp_path / "a.ultraqa").results()
    assert value(results, "dialogues", "dataset", "value") == 52_002
    assert value(results, "rounds", "dialogue", "mean") == 1
    assert value(results, "mtld_paper", "assistant", "mean") == pytest.approx(42.8073, abs=5e-5)
    assert value(results, "tokens", "assistant", "mean") == pytest.approx(64.51, abs=0.005)
    counts = (
        results[(results.metric == "mtld_paper") & (results.scope == "assistant")].set_index("statistic").loc["mean"]
    )
    assert (counts.n, counts.n_undefined) == (51_012, 990)


def test_options_that_a_finished_profile_cannot_follow_are_refused(tmp_path: Path) -> None:
    """Nobody believes that a Profile was looked through; a file may be named without a list around it."""
    records = [{"data": ["What is the capital of the country that has the most lakes?", "Canada has."]}]
    questions = tmp_path / "exam.jsonl"
    questions.write_text('{"prompt": "What is the capital of the country that has the most lakes?"}\n')
    profile = ultraqa.profile(records, tmp_path / "a.ultraqa", embedder="none", contamination=questions)
    assert profile.column("contaminated").tolist() == [1]
    for options in ({"contamination": str(questions)}, {"duplicates": "all"}, {"representative": "longest"}):
        with pytest.raises(ValueError, match="is a finished Profile, which --"):
            ultraqa.report(profile, out=tmp_path / "out", **options)  # type: ignore[arg-type]
    report = ultraqa.report(profile, out=tmp_path / "out", against=tmp_path / "a.ultraqa")
    (line,) = report.document["overlap"]["matrix"]  # of the dataset in the other, not the other way round
    assert line["exact"]["count"] == 1
