"""Contamination: 8-gram coverage against plain Python, planted copies, template, numbers, and candidates by vectors."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import ultraqa
from ultraqa.analysis import arrow, ngrams, rereading
from ultraqa.analysis.characters import tables
from ultraqa.analysis.contamination import Contamination, contamination, rows
from ultraqa.analysis.contamination_review import review
from ultraqa.analysis.encoders import resolve
from ultraqa.analysis.part import part_of
from ultraqa.analysis.profile import ProfileError
from ultraqa.analysis.questions import hashed, normalised, read_questions
from ultraqa.analysis.rereading import Origin, origin_of
from ultraqa.analysis.shared_text import spans
from ultraqa.analysis.words import Workspace, words
from ultraqa.dialogues.reading import ReadOptions
from ultraqa.dialogues.sources import DataError, datasets

if TYPE_CHECKING:
    from pathlib import Path

    from ultraqa.analysis.profile import Profile

FEW_WORDS = st.one_of(
    st.lists(st.sampled_from(letters), max_size=45).map(" ".join)
    for letters in (["a", "b"], ["a", "b", "c", "don't", "Été", "漢", "7", "-", "<b>", "\n"])
)
ANSWER = "Certainly, here is what you asked me for."
DUCKS = "Janet has {} ducks and each of them lays {} eggs a day, which she sells for {} dollars apiece at the market"


def question(seed: int, n: int = 20) -> str:
    """A question of n made-up words that no other seed gives."""
    rng = np.random.default_rng(seed)
    return " ".join("".join(rng.choice(list("bdfgklmnprstvzaeiou"), 9)) for _ in range(n))


def dialogue(*texts: str) -> dict[str, Any]:
    """A record of messages, the user's first."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]}


def lines(path: Path, records: list[dict[str, Any]]) -> str:
    """Records as a JSONL file; its path."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


class Place(NamedTuple):
    """Measured data and where its texts are."""

    profile: Profile
    origin: Origin


def place_of(profile: Profile, file: str, workers: int = 2) -> Place:
    """A Profile with the file it is of."""
    table = profile.table("dialogues", ["path", "start", "end"])
    return Place(profile, origin_of(table, datasets([file])[0], ReadOptions(), workers))


def origin(folder: Path, records: list[dict[str, Any]], *, workers: int = 2, embedder: str = "none") -> Place:
    """Measured records and where their texts are."""
    file = lines(folder / "data.jsonl", records)
    profile = ultraqa.profile(
        file, folder / "data.ultraqa", tokens="none", embedder=embedder, duplicates="none", overwrite=True
    )
    return place_of(profile, file, workers)


def found(folder: Path, data: list[dict[str, Any]], asked: list[str], **options: Any) -> Contamination:
    """What some dialogues hold of a benchmark named "bench"."""
    file = lines(folder / "bench.jsonl", [{"id": f"q{i}", "prompt": text} for i, text in enumerate(asked)])
    return contamination(*origin(folder, data), read_questions([file]), **options)


def shared(item: str, message: str) -> tuple[int, int]:
    """By its definition: words of an item in 8-grams of a message, and words of the longest run they share."""
    a, b = words(item), words(message)
    grams = {tuple(b[i : i + 8]) for i in range(len(b) - 7)}
    covered = {k for i in range(len(a) - 7) if tuple(a[i : i + 8]) in grams for k in range(i, i + 8)}
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, j in np.ndindex(len(a), len(b)):
        table[i + 1, j + 1] = table[i, j] + 1 if a[i] == b[j] else 0
    longest = int(table.max())
    return len(covered), longest if longest >= 8 else 0


@example(["a b c d e f g h i"], ["a b c d e f g h. b c d e f g h i"])
@given(st.lists(FEW_WORDS, min_size=1, max_size=4), st.lists(FEW_WORDS, max_size=4))
def test_coverage_and_runs_are_those_of_a_loop_over_words(items: list[str], messages: list[str]) -> None:
    """For every pair of an item and a message; pairs without a shared 8-gram are not there."""
    known = ngrams.index(hashed(items, Workspace()))
    hits, _ = ngrams.find(hashed(messages, Workspace()), known)
    every = np.arange(known.offsets[-1] + 1)
    pairs = {}
    for some in ngrams.overlaps(known, hits, every):
        keys = zip(some.message.tolist(), some.item.tolist(), strict=True)
        pairs |= dict(zip(keys, zip(some.covered.tolist(), some.longest.tolist(), strict=True), strict=True))
    wanted = {(m, i): shared(items[i], messages[m]) for m in range(len(messages)) for i in range(len(items))}
    assert pairs == {key: value for key, value in wanted.items() if value[0]}


@given(st.lists(st.text(max_size=30), max_size=5))
def test_a_hash_of_a_whole_message_tells_its_words(texts: list[str]) -> None:
    """Equal where the words are equal, and only there."""
    whole = ngrams.find(hashed(texts, Workspace()), ngrams.index(hashed([], Workspace())))[1].tolist()
    for i, j in np.ndindex(len(texts), len(texts)):
        assert (whole[i] == whole[j]) == (words(texts[i]) == words(texts[j]))


@given(st.text(max_size=80) | FEW_WORDS)
def test_spans_are_where_the_words_stand(text: str) -> None:
    """Lower-cased, the stretches of a text are its words."""
    lower = tables()[2]
    assert ["".join(chr(lower[ord(c)]) for c in text[a:b]) for a, b in spans(text)] == words(text)
    assert all(first[1] <= second[0] for first, second in pairwise(spans(text)))


@settings(max_examples=15)
@given(st.lists(st.text(min_size=1, max_size=60) | FEW_WORDS, min_size=1, max_size=12))
def test_exact_copies_are_always_found(tmp_path_factory: pytest.TempPathFactory, asked: list[str]) -> None:
    """Whatever they are written with, short or long; only what is punctuation all through is never found."""
    folder = tmp_path_factory.mktemp("exact")
    asked = [text for text in asked if text.strip()] or ["a"]
    data = [dialogue(f" {text}\n", ANSWER) for text in asked]
    result = found(folder, data, asked)
    told = [normalised(text) != "" for text in asked]
    assert result.contaminated.tolist() == [float(one) for one in told]
    assert result.document["benchmarks"][0]["exact"] == sum(told)


def test_a_short_question_is_found_only_as_a_whole_message(tmp_path: Path) -> None:
    """Of a user, with the same words and digits; a dialogue without a user may have it anywhere."""
    asked = ["What is 5 + 7?", "Name three films"]
    texts = ["what is  5 + 7", "What is 6 + 8?", "So, what is 5 + 7?", "*Name three films!*", "Hello there"]
    data = [dialogue(text, ANSWER) for text in texts]
    data += [dialogue("Which words come next?", "Name three films"), {"text": "name three films"}]
    result = found(tmp_path, data, asked)
    assert result.contaminated.tolist() == [1, 0, 0, 1, 0, 0, 1]
    assert result.contaminated_by == ["bench:q0", None, None, "bench:q1", None, None, "bench:q1"]
    described = result.document["benchmarks"][0]
    assert (described["short"], described["found"], described["exact"]) == (2, 2, 2)


def test_a_question_is_found_by_the_share_of_its_words(tmp_path: Path) -> None:
    """From half of them on, in 8-grams of one message; two halves in two messages are not added."""
    text = question(1)
    head, tail = " ".join(text.split()[:9]), " ".join(text.split()[10:])
    data = [
        dialogue(f"Please: {tail}. Thanks", ANSWER),
        dialogue(head, ANSWER, "And then, what came after?", ANSWER),
        dialogue("How so?", f"You mean {text.upper()}?"),
    ]
    result = found(tmp_path, data, [text])
    assert result.contaminated.tolist() == [1, 0, 1]
    (described,) = result.document["benchmarks"]
    assert (described["found"], described["dialogues"], described["exact"], described["found_13gram"]) == (1, 2, 0, 1)
    assert described["user"] == {"found": 1, "found_13gram": 0}
    assert described["assistant"] == {"found": 1, "found_13gram": 1}
    (match,) = described["matches"]
    assert (match["row"], match["message"], match["role"]) == (2, 1, "assistant")
    assert (match["coverage"], match["longest"], match["words"], match["dialogues"]) == (1, 20, 20, 2)
    assert match["text"] == text.upper()
    strict = found(tmp_path, data, [text], threshold=0.6)
    assert strict.contaminated.tolist() == [0, 0, 1]


def test_half_a_question_with_13_words_in_a_row_is_evidence_but_no_verdict(tmp_path: Path) -> None:
    """GPT-3's rule is counted beside the coverage."""
    text = question(2, 40)
    result = found(tmp_path, [dialogue(" ".join(text.split()[3:17]), ANSWER)], [text])
    assert result.contaminated.tolist() == [0]
    (described,) = result.document["benchmarks"]
    assert (described["found"], described["found_13gram"]) == (0, 1)
    assert (described["matches"][0]["coverage"], described["matches"][0]["longest"]) == (14 / 40, 14)


def test_the_question_that_most_is_of_gives_its_name(tmp_path: Path) -> None:
    """The first of equals; a record without an id gives its number."""
    whole, part = question(3), question(4)
    message = f"{' '.join(part.split()[:15])} {whole}"
    lines(tmp_path / "a.jsonl", [{"prompt": part}, {"prompt": whole}])
    lines(tmp_path / "b.jsonl", [{"id": "x", "prompt": whole}])
    data = origin(tmp_path, [dialogue(message, ANSWER)])
    files = [str(tmp_path / name) for name in ("a.jsonl", "b.jsonl")]
    assert contamination(*data, read_questions(files)).contaminated_by == ["a:1"]
    assert contamination(*data, read_questions(files[::-1])).contaminated_by == ["b:x"]


def test_a_template_of_the_dataset_does_not_count(tmp_path: Path) -> None:
    """More than 50 dialogues share an instruction: a question that opens alike is not found, but its copies are."""
    opener = question(5, 30)
    asked = f"{opener} {question(6, 10)}"
    data = [dialogue(f"{opener} {question(100 + i, 10)}", ANSWER) for i in range(60)]
    result = found(tmp_path, [*data, dialogue(asked, ANSWER), dialogue(question(6, 10), ANSWER)], [asked])
    assert result.contaminated.tolist() == [0] * 60 + [1, 1]
    template = result.document["template"]
    assert (template["ngrams"], template["dialogues"], template["texts"]) == (23, 50, [opener])
    assert result.document["benchmarks"][0]["matches"][0]["words"] == 10
    few = found(tmp_path, [*data[:40], dialogue(asked, ANSWER)], [asked])
    assert few.contaminated.tolist() == [1] * 41
    assert few.document["template"]["texts"] == []


def test_copies_of_a_dialogue_make_no_template(tmp_path: Path) -> None:
    """The same dialogue sixty times is one dialogue, and each of its copies is contaminated."""
    result = found(tmp_path, [dialogue(f"Well: {question(7)}", ANSWER)] * 60, [question(7)])
    assert result.contaminated.tolist() == [1] * 60
    assert result.contaminated_by == ["bench:q0"] * 60
    assert result.document["benchmarks"][0]["dialogues"] == 60


def test_how_a_benchmark_asks_identifies_no_question(tmp_path: Path) -> None:
    """An instruction before more than ten of its questions does not count, with it or without it in the data."""
    opener = question(8, 30)
    asked = [f"{opener} {question(200 + i, 10)}" for i in range(12)]
    data = [dialogue(f"{opener} {question(9, 10)}", ANSWER), dialogue(f"Well: {question(203, 10)}", ANSWER)]
    result = found(tmp_path, data, asked)
    assert result.contaminated_by == [None, "bench:q3"]
    assert result.document["template"]["texts"] == [opener]
    repeated = found(tmp_path, [dialogue(f"Well: {question(10)}", ANSWER)], [question(10)] * 12)
    assert repeated.document["benchmarks"][0]["found"] == 12  # one question asked twelve times, not how it asks


def test_a_question_of_template_alone_is_found_as_a_copy_alone(tmp_path: Path) -> None:
    """What is left of it without the template is shorter than an 8-gram, and counted."""
    opener = question(11, 14)
    asked = f"{opener} twice"
    data = [dialogue(f"{opener} twice {question(300 + i, 10)}", ANSWER) for i in range(60)]
    result = found(tmp_path, [*data, dialogue(asked, ANSWER)], [asked])
    assert result.contaminated.tolist() == [0] * 60 + [1]
    assert result.document["benchmarks"][0]["in_template"] == 1


@pytest.mark.parametrize(
    ("message", "same"),
    [
        (DUCKS.format(3, 5, 2), True),
        (f"1. {DUCKS.format(3, 5, 2)}. Answer in 2 sentences.", True),
        (DUCKS.format(3, 6, 2), False),
        (DUCKS.format(3, "five", 2), True),
        (f"Well, {DUCKS.format(4, 5, 2)}", False),
        (f"{DUCKS.format(3, 5, 2)}. And if {DUCKS[DUCKS.index('each') :].format(6, 2)}?", True),
    ],
)
def test_a_problem_with_other_numbers_is_told_from_the_same(message: str, same: bool, tmp_path: Path) -> None:
    """8-grams of words do not see digits; the match says whether they are equal where the words are.

    A number that is written out is a word, and not compared.
    """
    result = found(tmp_path, [dialogue(message, ANSWER)], [DUCKS.format(3, 5, 2) + " in 7 days: how much?"])
    (described,) = result.document["benchmarks"]
    (match,) = described["matches"]
    assert match["same_numbers"] == same
    assert (described["found"], described["other_numbers"]) == (1, int(not same))


def test_numbers_before_and_after_the_shared_words_count(tmp_path: Path) -> None:
    """What is asked of 12 and 30 is not what is asked of 12 and 40; the number of a page before it says nothing."""
    text = "12 apples and some pears cost as much as this many plums, which are 30"
    cases = {f"So {text} in all": True, f"So {text[:-2]}40": False, f"So 13{text[2:]}": False, text[3:]: True}
    for message, same in cases.items():
        (described,) = found(tmp_path, [dialogue(message, ANSWER)], [text]).document["benchmarks"]
        assert described["matches"][0]["same_numbers"] == same


def test_the_matching_text_stands_as_it_is(tmp_path: Path) -> None:
    """Markup, line breaks and case are those of the message; long ones are cut."""
    body = " <b>&amp;</b>\n".join(question(12, 30).title().split())
    data = [dialogue(f"See <script>{body}</script>", ANSWER)]
    (described,) = found(tmp_path, data, [" ".join(words(body))]).document["benchmarks"]
    assert described["matches"][0]["text"] == body[:300]


def test_the_result_depends_on_no_thread_and_no_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread or four, batches of a record or of all, hits in pieces or at once."""
    asked = [question(i) for i in range(30)]
    data = [dialogue(f"{question(500 + i)} {asked[i % 30]}", asked[(i * 7) % 30]) for i in range(200)]
    whole = found(tmp_path, data, asked)
    questions = read_questions([str(tmp_path / "bench.jsonl")])
    monkeypatch.setattr(rereading, "BATCH_BYTES", 300)
    monkeypatch.setattr(ngrams, "_TOGETHER", 50)
    monkeypatch.setattr(ngrams, "_ROOM", 3)
    for workers in (1, 4):
        again = contamination(*origin(tmp_path, data, workers=workers), questions)
        assert again.document == whole.document
        assert again.contaminated.tolist() == whole.contaminated.tolist()
        assert again.contaminated_by == whole.contaminated_by


def test_progress_counts_dialogues(tmp_path: Path) -> None:
    """Up to all of them."""
    seen: list[tuple[int, int]] = []
    found(tmp_path, [dialogue(question(i), ANSWER) for i in range(5)], [question(1)], advance=lambda *n: seen.append(n))
    assert seen[-1] == (5, 5)


def stored(place: Place, result: Contamination) -> Profile:
    """The Profile with what was found in it."""
    profile = place.profile
    table = profile.table("dialogues").append_column("contaminated", arrow.numbers(result.contaminated))
    pq.write_table(table, profile.path / "dialogues.parquet")
    profile.document["contamination"] = result.document
    profile.forget()
    return profile


def test_rows_follow_from_what_is_stored(tmp_path: Path) -> None:
    """Dialogues with an interval over distinct ones; questions of each benchmark without; a part has dialogues only."""
    data = [dialogue(question(i), ANSWER) for i in (0, 0, 1, 2, 3, 4, 5, 6)]
    place = origin(tmp_path, data)
    file = lines(tmp_path / "bench.v1.jsonl", [{"prompt": question(i)} for i in (0, 1, 90, 91, 92)])
    profile = stored(place, contamination(*place, read_questions([file])))
    assert next(rows(part_of(profile, np.array([], np.int64)))).note == "nothing to measure"
    every = {(row.metric, row.scope, row.statistic): row for row in rows(part_of(profile))}
    share = every["contaminated", "dialogue", "share"]
    assert (share.value, share.n) == (3 / 8, 8)
    assert share.low is not None
    assert share.high is not None
    assert share.low < 2 / 7 < share.high
    assert every["contaminated", "dialogue", "count"].value == 3
    of_bench = every["contaminated.bench.v1", "dataset", "share"]
    assert (of_bench.value, of_bench.n, of_bench.low) == (2 / 5, 5, None)
    assert every["contaminated.bench.v1", "dataset", "count"].value == 2
    some = list(rows(part_of(profile, np.array([0, 4]), "data/part")))
    assert [(row.dataset, row.metric, row.value) for row in some] == [
        ("data/part", "contaminated", 0.5), ("data/part", "contaminated", 1),
    ]  # fmt: skip
    json.dumps(profile.document["contamination"], allow_nan=False)
    del profile.document["contamination"]
    assert list(rows(part_of(profile))) == []


def test_questions_are_what_users_say(tmp_path: Path) -> None:
    """Every turn of a user and no answer; all of a record without a user; blank ones are none."""
    chat = lines(
        tmp_path / "chat.jsonl", [dialogue("one", "two", "three", "four"), dialogue(" ", "five"), {"text": "six"}]
    )
    read = read_questions([chat])
    assert [(item.record, item.position, item.text) for item in read.items] == [
        (0, 0, "one"),
        (0, 2, "three"),
        (2, 0, "six"),
    ]
    replies = [{"text": text, "role": "assistant", "replies": []} for text in ("two", "three")]
    tree = {"message_tree_id": "t", "prompt": {"text": "one", "role": "prompter", "replies": replies}}
    file = lines(tmp_path / "tree.jsonl", [tree])
    assert [item.text for item in read_questions([file], ReadOptions(paths="all")).items] == ["one"]
    (tmp_path / "more").mkdir()
    again = lines(tmp_path / "more" / "chat.jsonl", [{"id": 7, "prompt": "seven"}])
    both = read_questions([chat, again])
    assert [one.name for one in both.benchmarks] == ["chat", "chat-2"]
    assert (both.items[-1].benchmark, both.items[-1].id) == (1, "7")
    assert len({one.sha256 for one in both.benchmarks}) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        ('{"a": [1, 2]}\n{"b": 3}\n', "2 of 2 records cannot be read, the first at line 1"),
        ('{"prompt": " "}\n', "without a text"),
    ],
)
def test_a_file_without_questions_is_refused(content: str, reason: str, tmp_path: Path) -> None:
    """With the reason, and what to do."""
    (tmp_path / "bench.jsonl").write_text(content)
    with pytest.raises(DataError, match=reason) as caught:
        read_questions([str(tmp_path / "bench.jsonl")])
    assert "bench" in str(caught.value)
    assert "JSONL" in str(caught.value)


def test_what_cannot_be_read_or_meant_is_refused(tmp_path: Path) -> None:
    """A path that does not exist, a file in no form we read, a threshold that is no share."""
    with pytest.raises(DataError, match="does not exist"):
        read_questions([str(tmp_path / "none.jsonl")])
    (tmp_path / "bench.jsonl").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    with pytest.raises(DataError):
        read_questions([str(tmp_path / "bench.jsonl")])
    for threshold in (0.0, 1.5, float("nan")):
        with pytest.raises(DataError, match="share above 0"):
            found(tmp_path, [dialogue("a", "b")], ["a"], threshold=threshold)


def test_unreadable_questions_are_counted(tmp_path: Path) -> None:
    """Those that can be read are looked for."""
    (tmp_path / "bench.jsonl").write_text(json.dumps({"prompt": question(1)}) + "\n{broken\n")
    place = origin(tmp_path, [dialogue(question(1), ANSWER)])
    (described,) = contamination(*place, read_questions([str(tmp_path / "bench.jsonl")])).document["benchmarks"]
    assert (described["unreadable"], described["items"], described["found"]) == (1, 1, 1)


def test_candidates_are_the_nearest_prompts_outside_contaminated_dialogues(tmp_path: Path) -> None:
    """A rephrased question is shown with its row, its copy is not, and neither is one on another subject."""
    asked = ["How do I bake sourdough bread with a crisp crust at home in my oven?", "Which moons of Jupiter are icy?"]
    texts = [
        asked[0], "Baking sourdough bread at home in the oven: how does the crust get crisp?",
        "Explain compound interest on a loan to a child.", "What should I pack for a week of hiking in the rain?",
    ]  # fmt: skip
    place = origin(tmp_path, [dialogue(text, ANSWER) for text in texts], embedder="static")
    questions = read_questions([lines(tmp_path / "bench.jsonl", [{"id": i, "prompt": q} for i, q in enumerate(asked)])])
    result = contamination(*place, questions)
    assert result.contaminated.tolist() == [1, 0, 0, 0]
    encoder = resolve("static")
    document = review(place.profile, questions, encoder, result.contaminated)
    assert document is not None
    (candidate,) = document["candidates"]
    assert (candidate["id"], candidate["row"], candidate["message"]) == ("0", 1, 0)
    a, b = encoder.encode([asked[0], texts[1]]).vectors
    assert candidate["similarity"] == pytest.approx(float(a @ b), abs=1e-3)  # vectors are kept in half precision
    assert (document["questions"], document["prompts"]) == (1, 3)
    every = review(place.profile, questions, encoder, np.zeros(4), least=-1.0)
    assert every is not None
    assert every["candidates"][0]["row"] == 0
    assert len(every["candidates"]) == 2
    with pytest.raises(ProfileError, match="cannot be compared"):
        review(place.profile, questions, resolve("lsa"), result.contaminated)
    bare = origin(tmp_path, [dialogue(text, ANSWER) for text in texts])
    assert review(bare.profile, questions, encoder, result.contaminated) is None


def test_published_questions_are_found_in_answers_to_them(real_data: Path, tmp_path: Path) -> None:
    """All 805 of AlpacaEval in a model's outputs, as they are; of GSM8K none."""
    data = real_data / "data"
    file = str(data / "alpaca_eval_outputs" / "gpt4.json")
    profile = ultraqa.profile(file, tmp_path / "a.ultraqa", tokens="none", embedder="none")
    place = place_of(profile, file)
    bench = [str(data / "bench" / name) for name in ("alpaca_eval_questions.from_outputs.json", "gsm8k_test.jsonl")]
    result = contamination(*place, read_questions(bench))
    assert result.contaminated.tolist() == [1] * 805
    assert [one["exact"] for one in result.document["benchmarks"]] == [805, 0]
    assert [one["found"] for one in result.document["benchmarks"]] == [805, 0]
