"""A Profile holds what plain Python counts in the same dialogues, is made once, and finds their text again."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pytest

from ultraqa.analysis import lexical, pieces, words
from ultraqa.analysis.engine import Measures
from ultraqa.analysis.measuring import profile
from ultraqa.analysis.part import parts_by
from ultraqa.analysis.profile import OverwriteError, Profile, ProfileError
from ultraqa.analysis.summary import WINDOWS, results
from ultraqa.dialogues.reading import ReadOptions
from ultraqa.dialogues.sources import DataError, datasets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ultraqa.analysis.metric import Result

LETTERS: Final = {"system": "s", "user": "u", "assistant": "a", "tool": "t", "oracle": "?"}
FIELD: Final = Measures(read=ReadOptions(fields=("source",)))
INDICES: Final = ("mtld", "mtld_paper", "hdd", "mattr_50", "yule_k", "duplicated_5grams")
COUNTS: Final = ("words", "characters", "tokens")


class Turns(NamedTuple):
    """A dialogue: role letters, texts, and the value of its field "source"."""

    roles: str
    texts: list[str]
    source: str | None = "a"


def spoken(seed: int, n: int) -> list[Turns]:
    """Dialogues of random turns, some empty, some in scripts without spaces, a fifth copied from earlier ones."""
    rng = np.random.default_rng(seed)
    vocabulary = ["".join("etaoinshrd"[int(c)] for c in str(k)) for k in range(400)]
    odd = (
        "",
        " \n",
        "漢字かな" * 20,
        "don't stop, don't stop, don't stop!",
        "ΟΔΥΣΣΕΥΣ İ 1984",
        "</s> ▁ <0x0A>",
        "one " * 60,
    )
    found: list[Turns] = []
    for i in range(n):
        if found and rng.random() < 0.2:
            found.append(found[int(rng.integers(len(found)))])
            continue
        roles = "".join(rng.choice(list("uuuaaaast?"), size=rng.integers(1, 7)))
        texts = [
            odd[int(rng.integers(len(odd)))]
            if rng.random() < 0.3
            else " ".join(rng.choice(vocabulary, rng.integers(1, 120)))
            for _ in roles
        ]
        found.append(Turns(roles, texts, ("a", "b", None)[i % 3]))
    return found


FIXED: Final = [
    Turns("ua", ["What is two and two?", "Four."]),
    Turns("ua", ["What is two and two?", "Four."], "b"),
    Turns("ua", ["What is two and two?", "It is four."]),
    Turns("au", ["Four.", "What is two and two?"]),
    Turns("s", ["Only a system turn."]),
    Turns("uua", ["", "What is two and two?", ""]),
    Turns("suatau", ["Be brief.", "Weather?", "Let me look.", "12 degrees", "It is cool.", "Thanks!"]),
    Turns("a", ["Nobody asked."]),
]


def written(file: Path, dialogues: Sequence[Turns]) -> Path:
    """Dialogues as records with messages."""
    named = {letter: role for role, letter in LETTERS.items()}
    with file.open("w", encoding="utf-8") as out:
        for roles, texts, source in dialogues:
            turns = [{"role": named[letter], "content": text} for letter, text in zip(roles, texts, strict=True)]
            record: dict[str, Any] = {"messages": turns} | ({} if source is None else {"source": source})
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
    return file


def measure(file: Path, folder: Path, measures: Measures = FIELD, **options: Any) -> Profile:
    """Measure a file into a folder."""
    return profile(datasets([str(file)])[0], folder, measures, workers=2, **options)


@pytest.fixture(scope="module")
def dialogues() -> list[Turns]:
    """Fixed dialogues and random ones."""
    return [*FIXED, *spoken(3, 400)]


@pytest.fixture(scope="module")
def made(dialogues: list[Turns], tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """Their Profile."""
    folder = tmp_path_factory.mktemp("made")
    return measure(written(folder / "set.jsonl", dialogues), folder / "set.ultraqa")


# --- columns ---------------------------------------------------------------------------------------------------------


def indices(text: str) -> dict[str, float | None]:
    """The lexical indices of a message."""
    found = words.words(text)
    spaced = sum(ord(word[0]) > 0x3000 for word in found) <= words.SINGLE_SHARE * len(found)
    return {
        "mtld": lexical.mtld(found) if spaced else None,
        "mtld_paper": lexical.mtld_paper(words.paper_words(text)),
        "hdd": lexical.hdd(found) if spaced else None,
        "mattr_50": lexical.mattr_50(found) if spaced else None,
        "yule_k": lexical.yule_k(found) if spaced else None,
        "duplicated_5grams": lexical.duplicated_5grams(found),
    }


def tokens_of(text: str) -> int:
    """Pieces of the LLaMA tokenizer."""
    return len(pieces.load().tokenizer.encode(pieces.BLANK + text.replace(" ", pieces.BLANK)).ids) if text else 0


def message_rows(dialogues: Sequence[Turns]) -> list[dict[str, Any]]:
    """A row for every user and assistant message, by the definitions."""
    rows = []
    for d, (roles, texts, _) in enumerate(dialogues):
        kept = [(letter, text) for letter, text in zip(roles, texts, strict=True) if letter in "ua"]
        for position, (letter, text) in enumerate(kept):
            counts = {"words": len(words.words(text)), "characters": len(text), "tokens": tokens_of(text)}
            rows.append({"dialogue": d, "position": position, "role": "ua".index(letter), **counts, **indices(text)})
    return rows


def dialogue_row(roles: str, texts: Sequence[str], messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The columns of a dialogue, from its turns and its message rows."""
    kept = "".join(letter for letter in roles if letter in "ua")
    pairs = [kept[i : i + 2] for i in range(len(kept) - 1)]
    blank = [not text.strip() for text in texts]
    row: dict[str, Any] = {
        "roles": roles,
        "empty_turns": sum(blank),
        "messages": len(kept),
        "rounds": pairs.count("ua"),
        "system_words": sum(len(words.words(t)) for letter, t in zip(roles, texts, strict=True) if letter == "s"),
        "system_messages": roles.count("s"),
        "tool_messages": roles.count("t"),
        "unknown_roles": roles.count("?"),
        "empty_messages": sum(b for letter, b in zip(roles, blank, strict=True) if letter in "ua"),
        "starts_with_assistant": int(kept.startswith("a")),
        "consecutive_roles": pairs.count("uu") + pairs.count("aa"),
        "ends_with_user": int(kept.endswith("u") and "a" in kept),
        "no_assistant": int("a" not in kept),
    }
    for suffix, role in (("", None), ("_user", 0), ("_assistant", 1)):
        some = [m for m in messages if role in (None, m["role"])]
        row |= {name + suffix: sum(m[name] for m in some) for name in COUNTS}
        for name in INDICES:
            defined = [m[name] for m in some if m[name] is not None]
            row[name + suffix] = sum(defined) / len(defined) if defined else None
    asked = next((m for m in messages if m["role"] == 0), dict.fromkeys(COUNTS, 0))
    return row | {f"{name}_prompt": asked[name] for name in COUNTS}


def assert_column(found: Sequence[Any], wanted: Sequence[Any], name: str) -> None:
    """Counts and texts are equal, indices to 1e-9; null where undefined."""
    numbers = [np.nan if v is None else v for v in wanted]
    if any(isinstance(v, float) for v in numbers):
        np.testing.assert_allclose(np.array(found, float), numbers, rtol=0, atol=1e-9, err_msg=name)
    else:
        assert list(found) == list(wanted), name


def test_message_columns_are_those_of_plain_python(made: Profile, dialogues: list[Turns]) -> None:
    """A row for each user and assistant message, in file order."""
    rows, table = message_rows(dialogues), made.messages()
    assert len(table) == len(rows)
    for name in rows[0]:
        assert_column(table[name].tolist(), [row[name] for row in rows], name)


def test_dialogue_columns_are_those_of_plain_python(made: Profile, dialogues: list[Turns]) -> None:
    """Sums of counts, means over defined messages of indices, structure, and what the reader says of the record."""
    messages, table = message_rows(dialogues), made.dialogues()
    rows = [
        dialogue_row(roles, texts, [m for m in messages if m["dialogue"] == d])
        for d, (roles, texts, _) in enumerate(dialogues)
    ]
    for name in rows[0]:
        assert_column(table[name].tolist(), [row[name] for row in rows], name)
    assert table["row"].tolist() == list(range(len(dialogues)))
    assert set(table["dataset"]) == {"set"}
    assert set(table["path"]) == {"set.jsonl"}
    assert made.table("dialogues", ["field.source"])["field.source"].to_pylist() == [one.source for one in dialogues]


def test_spans_are_the_records_bytes(made: Profile, dialogues: list[Turns]) -> None:
    """Each holds the record it names."""
    raw = (made.path.parent / "set.jsonl").read_bytes()
    table = made.dialogues(["start", "end"])
    for (roles, texts, _), start, end in zip(dialogues, table["start"], table["end"], strict=True):
        found = json.loads(raw[start:end])["messages"]
        assert [turn["content"] for turn in found] == texts
        assert "".join(LETTERS[turn["role"]] for turn in found) == roles


def firsts(keys: Sequence[Any]) -> list[int | None]:
    """For each key the index of the first equal one, None for the first and where there is no key."""
    seen: dict[Any, int] = {}
    return [None if key is None or seen.setdefault(key, i) == i else seen[key] for i, key in enumerate(keys)]


def heard(one: Turns) -> list[tuple[str, str]]:
    """The user and assistant messages of a dialogue."""
    return [(letter, text) for letter, text in zip(one.roles, one.texts, strict=True) if letter in "ua"]


def test_copies_are_those_a_dict_finds(made: Profile, dialogues: list[Turns]) -> None:
    """Dialogues by roles and texts, prompts by the first user message, replies by their text, empty ones left out."""
    table = made.dialogues()

    def column(name: str) -> list[int | None]:
        return [None if np.isnan(v) else int(v) for v in table[name].astype(float)]

    assert column("duplicate_of") == firsts([tuple(heard(one)) or None for one in dialogues])
    prompts = [next((text for letter, text in heard(one) if letter == "u"), None) for one in dialogues]
    assert column("duplicate_of_prompt") == firsts(prompts)
    replies = [(d, text) for d, one in enumerate(dialogues) for letter, text in heard(one) if letter == "a" and text]
    repeated = Counter(
        d for (d, _), first in zip(replies, firsts([text for _, text in replies]), strict=True) if first is not None
    )
    assert column("exact_duplicates_assistant") == [repeated[d] for d in range(len(dialogues))]


def test_flags_have_evidence(made: Profile, dialogues: list[Turns]) -> None:
    """A finding for each message that a flag counts, or for the dialogue as a whole with the bytes of its record."""
    found, table = made.findings(), made.dialogues()
    for flag in ("unknown_roles", "no_assistant"):
        rows = found[found["finding"] == flag]
        assert sorted(rows["dialogue"]) == np.flatnonzero(table[flag]).tolist(), flag
        assert (rows["message"] == -1).all()
        assert (rows["start"].to_numpy() == table["start"].to_numpy()[rows["dialogue"]]).all()
    said = [[text for _, text in heard(one)] for one in dialogues]
    for flag in ("empty_messages", "starts_with_assistant", "consecutive_roles", "ends_with_user"):
        rows = found[found["finding"] == flag]
        places = list(zip(rows["dialogue"], rows["message"], strict=True))
        assert len(set(places)) == len(places)
        assert [Counter(rows["dialogue"])[d] for d in range(len(table))] == table[flag].tolist(), flag
        assert all(0 <= message < len(said[d]) for d, message in places)
        assert flag != "empty_messages" or not any(said[d][message].strip() for d, message in places)


# --- results ---------------------------------------------------------------------------------------------------------


def rows_of(found: Sequence[Result]) -> dict[tuple[str, str, str], Result]:
    """Result rows by metric, scope and statistic; of budgets the largest."""
    return {(one.metric, one.scope, one.statistic): one for one in found}


def test_results_are_over_all_messages_and_dialogues(made: Profile, dialogues: list[Turns]) -> None:
    """Means, medians, counts, shares, with n and n_undefined, by plain Python."""
    messages, found = message_rows(dialogues), rows_of(made.rows())
    for name in (*COUNTS, *INDICES):
        for scope, role in (("message", None), ("user", 0), ("assistant", 1)):
            values = [m[name] for m in messages if role in (None, m["role"])]
            defined = [v for v in values if v is not None]
            mean = found[name, scope, "mean"]
            assert mean.value == pytest.approx(sum(defined) / len(defined), rel=1e-9)
            assert found[name, scope, "median"].value == pytest.approx(float(np.median(defined)), rel=1e-9)
            assert (mean.n, mean.n_undefined) == (len(defined), len(values) - len(defined))
            assert bool(mean.note) == (mean.n_undefined > 0)
    assert found["dialogues", "dataset", "value"].value == len(dialogues)
    asked = [[m["words"] for m in messages if m["dialogue"] == d and m["role"] == 0] for d in range(len(dialogues))]
    prompted = [counts[0] for counts in asked if counts]
    assert found["words", "prompt", "mean"].value == pytest.approx(sum(prompted) / len(prompted))
    assert found["words", "prompt", "mean"].n == len(prompted)
    total = [sum(m["tokens"] for m in messages if m["dialogue"] == d) for d in range(len(dialogues))]
    for window in WINDOWS:
        assert found[f"tokens_over_{window}", "dialogue", "count"].value == sum(t > window for t in total)
    trained = sum(m["tokens"] for m in messages if m["role"] == 1) / sum(total)
    assert found["assistant_token_share", "dataset", "value"].value == pytest.approx(trained)
    copies = [first is not None for first in firsts([tuple(heard(one)) or None for one in dialogues])]
    assert found["exact_duplicates", "dialogue", "count"].value == sum(copies)
    assert found["exact_duplicates", "dialogue", "share"].value == pytest.approx(sum(copies) / len(copies))


def test_copies_of_dialogues_count_in_values_and_not_in_intervals(tmp_path: Path) -> None:
    """A set and the same set with every dialogue three times: equal means, equal intervals, three times the count."""
    some = list({tuple(heard(one)): one for one in [*FIXED, *spoken(5, 100)] if heard(one)}.values())
    once = rows_of(measure(written(tmp_path / "once.jsonl", some), tmp_path / "once.ultraqa").rows())
    often = rows_of(measure(written(tmp_path / "often.jsonl", some * 3), tmp_path / "often.ultraqa").rows())
    scopes = {"words": ("assistant", "prompt", "dialogue"), "mtld_paper": ("user", "message"), "rounds": ("dialogue",)}
    for key in ((metric, scope, "mean") for metric in scopes for scope in scopes[metric]):
        assert often[key].n == 3 * once[key].n
        for name in ("value", "low", "high"):
            assert getattr(often[key], name) == pytest.approx(getattr(once[key], name), rel=1e-9), (key, name)


def test_every_result_says_why_it_is_undefined(tmp_path: Path) -> None:
    """One dialogue of one word: a value of None has a note, and an interval lies around its value."""
    found = measure(written(tmp_path / "tiny.jsonl", [Turns("ua", ["Hi", ""])]), tmp_path / "tiny.ultraqa").rows()
    assert any(one.value is None for one in found)
    for one in found:
        assert one.value is not None or one.note, one
        assert one.value is None or one.low is None or one.low <= one.value <= one.high, one


def test_tokens_of_a_sample_are_a_ratio_to_words(dialogues: list[Turns], tmp_path: Path) -> None:
    """Of at most 10,000 distinct dialogues: here of all of them; no column of tokens is made."""
    measures = Measures(tokens="sample")
    made = measure(written(tmp_path / "set.jsonl", dialogues), tmp_path / "set.ultraqa", measures)
    assert not any(name.startswith("tokens") for table in ("dialogues", "messages") for name in made.columns(table))
    copies = {
        d for d, first in enumerate(firsts([tuple(heard(one)) or None for one in dialogues])) if first is not None
    }
    messages, found = [m for m in message_rows(dialogues) if m["dialogue"] not in copies], rows_of(made.rows())
    for scope, role in (("user", 0), ("assistant", 1)):
        mine = [m for m in messages if m["role"] == role]
        ratio = found["tokens_per_word", scope, "value"]
        assert ratio.value == pytest.approx(sum(m["tokens"] for m in mine) / sum(m["words"] for m in mine))
        assert ratio.low is not None
        assert ratio.high is not None
        assert ratio.low < ratio.value < ratio.high


def test_histograms_hold_every_defined_value_once(made: Profile, dialogues: list[Turns]) -> None:
    """A bin for each; edges rise, and do not depend on the data."""
    messages = message_rows(dialogues)
    seen = set()
    for one in made.document["distributions"]:
        seen.add((one["metric"], one["scope"]))
        assert len(one["edges"]) == len(one["counts"]) + 1
        assert one["edges"] == sorted(set(one["edges"]))
        if one["scope"] == "dialogue":
            assert sum(one["counts"]) == len(dialogues)
            continue
        values = [m[one["metric"]] for m in messages if m["role"] == ("user", "assistant").index(one["scope"])]
        defined = np.array([v for v in values if v is not None], float)
        assert sum(one["counts"]) == len(defined)
        edges = np.array(one["edges"])
        inside = [((defined >= a) & (defined < b)).sum() for a, b in pairwise(edges[:-1])]
        assert one["counts"][1:-1] == inside[1:]
    assert {("rounds", "dialogue"), ("words", "user"), ("tokens", "assistant"), ("mtld", "assistant")} <= seen


def test_parts_by_a_field_hold_every_dialogue_once(made: Profile, dialogues: list[Turns]) -> None:
    """Largest first; a part's results are those of its dialogues alone, copies counted within the part."""
    parts = parts_by(made, "source")
    counts = Counter(one.source or "(none)" for one in dialogues)
    assert [(part.name, len(part.rows)) for part in parts] == [(f"set/{name}", n) for name, n in counts.most_common()]
    assert sorted(row for part in parts for row in part.rows) == list(range(len(dialogues)))
    for part in parts:
        mine = [dialogues[row] for row in part.rows]
        found = rows_of(results(part))
        replies = [m["words"] for m in message_rows(mine) if m["role"] == 1]
        assert found["words", "assistant", "mean"].value == pytest.approx(sum(replies) / len(replies))
        copies = [first is not None for first in firsts([tuple(heard(one)) or None for one in mine])]
        assert found["exact_duplicates", "dialogue", "count"].value == sum(copies)


def test_a_field_that_was_not_kept_is_named(made: Profile) -> None:
    """And what there is instead."""
    with pytest.raises(ProfileError, match=r"field\.nothing"):
        parts_by(made, "nothing")


# --- made once -------------------------------------------------------------------------------------------------------


def test_a_finished_profile_is_used_as_it_is(dialogues: list[Turns], tmp_path: Path) -> None:
    """Equal data and parameters: no file is written again."""
    file = written(tmp_path / "set.jsonl", dialogues[:20])
    first = measure(file, tmp_path / "set.ultraqa")
    times = {path: path.stat().st_mtime_ns for path in first.path.iterdir() if path.name != "sources.json"}
    measure(file, tmp_path / "set.ultraqa")
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_new_profile_is_what_its_folder_holds(made: Profile) -> None:
    """The same values of the same types, whether it was measured just now or opened later."""
    assert made.document == Profile(made.path).document
    assert made.rows() == Profile(made.path).rows()


@pytest.mark.parametrize("change", ["seed", "tokens", "fields", "data", "name"])
def test_a_profile_of_other_data_or_parameters_is_replaced_only_on_demand(change: str, tmp_path: Path) -> None:
    """Refused and left as it is; measured anew with overwrite."""
    file, folder = written(tmp_path / "set.jsonl", FIXED), tmp_path / "set.ultraqa"
    before = Profile(measure(file, folder).path).document
    measures, data = FIELD, str(file)
    if change == "data":
        written(file, FIXED[:5])
    elif change == "name":
        data = f"other={file}"
    elif change == "fields":
        measures = Measures()
    else:
        measures = Measures(read=FIELD.read, seed=9) if change == "seed" else Measures(read=FIELD.read, tokens="none")
    dataset = datasets([data])[0]
    with pytest.raises(OverwriteError, match="overwrite"):
        profile(dataset, folder, measures, workers=1)
    assert Profile(folder).document == before
    assert len(Profile(folder).dialogues()) == len(FIXED)
    profile(dataset, folder, measures, workers=1, overwrite=True)
    assert Profile(folder).document != before


def test_a_folder_without_a_finished_profile_is_refused(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(ProfileError, match="measure the data again"):
        Profile(tmp_path)


def test_a_column_that_is_not_there_is_named(made: Profile) -> None:
    """With those that are."""
    with pytest.raises(ProfileError, match=r"'nothing'.*mtld"):
        made.dialogues(["nothing"])


def test_tables_are_read_by_column(made: Profile, dialogues: list[Turns]) -> None:
    """Only those asked for, in the order of the request."""
    assert list(made.dialogues(["words", "row"]).columns) == ["words", "row"]
    assert len(made) == len(dialogues)
    assert made.results()["metric"].tolist() == [one.metric for one in made.rows()]


# --- the way back to the text ----------------------------------------------------------------------------------------


def test_texts_are_read_again_by_row(made: Profile, dialogues: list[Turns]) -> None:
    """Any rows, in any order, some twice, copies included."""
    rows = [5, 0, 1, 0, len(dialogues) - 1, *range(100, 160, 7)]
    for row, found in zip(rows, made.texts(rows), strict=True):
        assert (found.roles, found.texts) == dialogues[row][:2]
    assert made.texts([]) == []


@pytest.mark.parametrize("row", [-1, 10**6])
def test_a_row_that_is_not_there_is_refused(row: int, made: Profile) -> None:
    """No other dialogue is given in its place."""
    with pytest.raises(IndexError, match=str(row)):
        made.texts([row])


def test_dialogues_of_one_record_are_told_apart(samples: Path, tmp_path: Path) -> None:
    """A tree of messages with all its paths, and preference records."""
    measures = Measures(read=ReadOptions(paths="all"))
    found = measure(samples / "openassistant.jsonl", tmp_path / "set.ultraqa", measures)
    table = found.dialogues()
    spans = table.groupby(["path", "start", "end"]).size()
    assert spans.max() > 1
    texts = found.texts(list(range(len(found))))
    assert [one.roles for one in texts] == table["roles"].tolist()
    for one, count in zip(texts, table["words"], strict=True):
        said = [text for letter, text in zip(one.roles, one.texts, strict=True) if letter in "ua"]
        assert sum(len(words.words(text)) for text in said) == count


def test_data_that_moved_are_found_where_they_lie(tmp_path: Path) -> None:
    """By naming the place, or by measuring again, which uses the finished Profile and notes where the data now lie."""
    file, folder = written(tmp_path / "set.jsonl", FIXED), tmp_path / "set.ultraqa"
    found = measure(file, folder)
    moved = tmp_path / "elsewhere" / "set.jsonl"
    moved.parent.mkdir()
    shutil.move(file, moved)
    with pytest.raises(DataError, match=r"set\.jsonl is not where it was measured"):
        found.texts([0])
    assert found.texts([0], source=moved)[0].texts == FIXED[0].texts
    assert found.texts([0], source=moved.parent)[0].texts == FIXED[0].texts
    assert measure(moved, folder).texts([0])[0].texts == FIXED[0].texts


def test_data_that_changed_are_refused(tmp_path: Path) -> None:
    """One byte is enough."""
    file = written(tmp_path / "set.jsonl", FIXED)
    found = measure(file, tmp_path / "set.ultraqa")
    file.write_bytes(file.read_bytes().replace(b"Four", b"Five", 1))
    with pytest.raises(DataError, match=r"set\.jsonl has changed"):
        found.texts([0])


# --- published numbers -----------------------------------------------------------------------------------------------


def test_the_published_row_of_alpaca(real_data: Path, tmp_path: Path) -> None:
    """Stanford Alpaca as in the UltraChat table: 42.8 MTLD and 64.5 tokens a reply, here with the digits to check."""
    found = rows_of(
        measure(real_data / "data" / "alpaca" / "alpaca_data.json", tmp_path / "a.ultraqa", Measures()).rows()
    )
    mtld = found["mtld_paper", "assistant", "mean"]
    assert mtld.value == pytest.approx(42.8073, abs=5e-5)
    assert (mtld.n, mtld.n_undefined) == (51_012, 990)
    tokens = found["tokens", "assistant", "mean"]
    assert tokens.value == pytest.approx(64.5132, abs=5e-5)
    assert tokens.n == 52_002
    assert found["dialogues", "dataset", "value"].value == 52_002
    assert {found["rounds", "dialogue", name].value for name in ("mean", "p05", "p95")} == {1}
