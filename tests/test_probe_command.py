"""``ultraqa probe`` as a user runs it: every verdict, what is written, exit codes, and the section of a report."""

from __future__ import annotations

import io
import itertools
import json
import re
import sys
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import jsonschema
import numpy as np
import pytest
from rich.console import Console

import ultraqa as package
from ultraqa import cli
from ultraqa.analysis.detectable import SHARES
from ultraqa.analysis.probes import DEFINITIONS
from ultraqa.analysis.simulation import generations
from ultraqa.analysis.verdict import (
    ADVISED_WORDS,
    LEAST_DIALOGUES,
    LEAST_WORDS,
    MOST_NATS,
    MOST_NOVELTY,
    MOST_SHIFT,
    Guards,
)
from ultraqa.dialogues.sources import DataError
from ultraqa.reports import probe_sentences, probe_tables, probe_terminal
from ultraqa.reports.html import probe_page
from ultraqa.reports.quotations import quotations

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable, Sequence

    from ultraqa.analysis.corpus import SampledText

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Texts = list[list[int]]

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "reports" / "report.schema.json").read_text())
KINDS = 4_000
HOSTILE = "<script>alert(1)</script>\x1b\x07"


def texts(seed: int, n: int = 230, length: int = 60) -> Texts:
    """Texts of one invented language: words by Zipf's law, most of them chosen by the word before."""
    language, rng = np.random.default_rng(7), np.random.default_rng(seed)
    often = 1 / np.arange(1, KINDS + 1) ** 1.1
    often /= often.sum()
    after = language.choice(KINDS, size=(KINDS, 12), p=often)
    found = []
    for size in rng.integers(length // 2, length * 3 // 2, n):
        word, text = int(rng.choice(KINDS, p=often)), []
        for steps, free, other in zip(
            rng.geometric(0.25, size), rng.random(size), rng.choice(KINDS, size, p=often), strict=True
        ):
            text.append(word)
            word = int(after[word, min(11, steps - 1)]) if free < 0.7 else int(other)
        found.append(text)
    return found


def spelled(word: int) -> str:
    """A number as a word of letters, no two alike."""
    return "".join(chr(97 + word * 7_654_321 // 26**i % 26) for i in range(5))


def write(path: Path, said: Iterable[Sequence[int]], *, by_user: bool = False, opening: str = "") -> Path:
    """A file of dialogues in which one role says a text, every ninth with an opening."""
    lines = []
    for i, text in enumerate(said):
        content = opening * (i % 9 == 0) + " ".join(map(spelled, text))
        asked, answered = (content, "well") if by_user else (f"{path.stem} {i}", content)
        turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
        lines.append(json.dumps({"id": f"{path.stem}-{i}", "messages": turns}))
    path.write_text("\n".join(lines) + "\n")
    return path


def unsampled(text: SampledText) -> Texts:
    """The texts of a sample as numbers of their words."""
    number = {spelled(word): word for word in range(KINDS)}
    words = [number[text.vocabulary[i]] for i in text.ids]
    return [words[a:b] for a, b in itertools.pairwise(text.word_offsets.tolist())]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of one language: two human ones, one in another order, about other things, half as varied."""
    place = tmp_path_factory.mktemp("probed")
    human, other = texts(1), texts(2)
    write(place / "human.jsonl", human)
    write(place / "other.jsonl", other)
    write(place / "twice.jsonl", human + other)
    words = np.random.default_rng(3).permutation([word for text in other for word in text]).tolist()
    ends = np.cumsum([len(text) for text in other]).tolist()
    write(place / "shuffled.jsonl", (words[a:b] for a, b in itertools.pairwise([0, *ends])))
    write(place / "moved.jsonl", ([(word * 7919 + 13) % KINDS for word in text] for text in other))
    write(place / "halved.jsonl", ([*text[: len(text) // 2]] * 2 for text in other))
    return place


@pytest.fixture(scope="module")
def line(folder: Path) -> list[Path]:
    """Human text and two generations of a toy model that learned from it."""
    profile = package.profile(folder / "human.jsonl", folder / "human.ultraqa", tokens="none", embedder="none")
    made = [unsampled(one) for one in generations(profile.sample("assistant"), generations=2, seed=1)]
    return [write(folder / f"generation-{i}.jsonl", said) for i, said in enumerate(made)]


@pytest.fixture(scope="module")
def found(folder: Path, line: list[Path]) -> package.Probing:
    """What the probe says of these."""
    return probe(folder, *(one.stem for one in line))


def probe(folder: Path, *names: str, **options: Any) -> package.Probing:
    """A probe of files of the folder without vectors."""
    options.setdefault("permutations", 50)
    if "reference" in options:
        options["reference"] = folder / f"{options['reference']}.jsonl"
    data = [folder / f"{name}.jsonl" for name in names]
    return package.probe(*data, embedder="none", cache=folder / "cache", **options)


def text_of(document: dict[str, Any]) -> str:
    """What a terminal shows."""
    console = Console(file=io.StringIO(), width=100, highlight=False)
    probe_terminal.show(document, console)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    ("candidate", "verdict", "told"),
    [
        ("other", "no narrowing", "No sign that other says less than human"),
        ("halved", "narrowed", "fewer words that occur once"),
        ("moved", "different domain", "times as many new words"),
        ("shuffled", "degenerate", "in an order that hardly anything foretells"),
    ],
)
def test_the_verdict_of_a_comparison(candidate: str, verdict: str, told: str, folder: Path) -> None:
    """One word, and a sentence that says what it is made of, without the word that belongs to generations."""
    found = probe(folder, candidate, reference="human")
    assert found.verdict == verdict
    assert told in found.sentence
    assert "collaps" not in found.sentence
    assert (found.severity is not None) == (verdict == "narrowed")
    assert found.document()["lost"] is not None


def test_both_sides_may_hold_the_same_text(folder: Path, tmp_path: Path) -> None:
    """The sentence says so, and nothing of what would have been noticed."""
    (tmp_path / "copy.jsonl").write_bytes((folder / "human.jsonl").read_bytes())
    found = package.probe(
        tmp_path / "copy.jsonl", reference=folder / "human.jsonl", embedder="none", permutations=50, cache=tmp_path
    )
    assert found.verdict == "no narrowing"
    assert found.sentence.startswith("copy and human hold the same text")
    assert "toy model" not in found.sentence


def test_a_comparison_is_the_same_in_either_spelling(folder: Path) -> None:
    """Of two datasets the second is held against the first, and threads change nothing."""
    found = probe(folder, "human", "other", workers=1).document()
    assert found == probe(folder, "other", reference="human", workers=2).document()


def test_the_document_has_what_is_promised(folder: Path) -> None:
    """Verdict, sentence and probes on top, beside them guards, wording with dialogues, and how it was made."""
    found = probe(folder, "halved", reference="human", seed=3).document()
    assert {"verdict", "severity", "sentence", "probes", "guards", "families", "detectable_share"} <= set(found)
    assert [found[name] for name in ("reference", "candidate", "part", "matched_by", "permutations", "seed")] == [
        "human", "halved", "assistant", "length", 50, 3,
    ]  # fmt: skip
    assert [one["name"] for one in found["probes"]] == list(DEFINITIONS)
    for one in found["probes"]:
        assert set(one) == {
            "name", "family", "meaning", "reference", "candidate", "change", "z", "fired", "narrower", "least",
        }  # fmt: skip
        rule = DEFINITIONS[one["name"]]
        assert (one["narrower"], one["least"]) == ("higher" if rule.narrower > 0 else "lower", rule.least)
        assert (one["fired"] is None) == (one["least"] is None)
        if one["change"] is not None:
            assert one["change"] == pytest.approx(one["candidate"] / one["reference"] - 1)
    assert "NaN" not in json.dumps(found)
    shown = {
        key: value for key, value in found.items() if key in SCHEMA["properties"]["narrowing"]["items"]["properties"]
    }
    reported = [{k: v for k, v in one.items() if k not in {"narrower", "least"}} for one in shown["probes"]]
    jsonschema.validate([{**shown, "probes": reported}], SCHEMA["properties"]["narrowing"])


def test_wording_stands_where_it_is_said_to_stand(folder: Path) -> None:
    """The row is that of the dialogue, the line that of the file, and the quotation its text."""
    write(folder / "opened.jsonl", texts(2), opening="Matter of course, ")
    told = probe(folder, "opened", reference="human").document()
    phrase = told["new"]["boilerplate"][0]
    assert "matter of course" in phrase["text"]
    assert (phrase["reference"], phrase["candidate"]) == (0, 26)
    lines = (folder / "opened.jsonl").read_text().splitlines()
    for place in phrase["places"]:
        assert json.loads(lines[place["line"] - 1])["id"] == place["id"] == f"opened-{place['row']}"
    assert "Matter of course, " in phrase["quotation"]
    assert [one["text"] for one in told["new"]["openings"]] == ["matter of course"]


def test_generations_that_go_on_narrowing_are_collapsing(found: package.Probing) -> None:
    """By a trend over all of them; each is held against the first, and the top is the last beside it."""
    document = found.document()
    assert found.verdict == "collapsing", document["trends"]
    assert "From generation to generation" in found.sentence
    assert [one["candidate"] for one in document["generations"]] == ["generation-1", "generation-2"]
    assert {one["reference"] for one in document["generations"]} == {"generation-0"}
    assert document["probes"] == document["generations"][-1]["probes"]
    assert document["candidate"] == "generation-2"
    assert [one["family"] for one in document["trends"]] == ["support", "structure", "repetition"]
    frame = found.results()
    assert list(frame["dataset"].unique()) == ["generation-1", "generation-2"]
    assert len(frame) == 2 * len(DEFINITIONS)
    shown = text_of(document)
    assert "4 generations" not in shown
    assert "3 generations, generation-0 to generation-2" in shown
    assert re.search(r"missing_mass_1 +█.▁  −\d", shown)


def test_generations_of_which_one_is_about_other_things_are_not_judged(folder: Path) -> None:
    """Whatever the last one is."""
    found = probe(folder, "human", "moved", "other")
    assert found.verdict == "different domain"
    assert "far wider or narrower at one step" in found.sentence
    assert "Check the order (generation 0 first)" in found.sentence
    assert found.document()["notes"] == [
        "semantic probes are not measured: human has no vectors of most of its dialogues"
    ]


def test_notes_of_every_generation_are_shown_once(folder: Path, tmp_path: Path) -> None:
    """In the document, on a terminal and on the page, whichever generation they are of."""
    found = probe(folder, "human", "other", "halved").document()
    found["generations"][0]["notes"] = ["said of the first"]
    many = {**found, "notes": ["said of the first", "said of the last"]}
    assert len(set(found["notes"])) == len(found["notes"])
    page = probe_page(many)
    for note in many["notes"]:
        assert text_of(many).count(note) == 1
        assert page.count(note) == 1


def test_a_simulation_says_that_it_is_one(folder: Path, tmp_path: Path) -> None:
    """In its sentence, on its page and in a terminal; the half that it learned from is its control."""
    found = package.simulate(folder / "human.jsonl", generations=2, cache=folder / "cache", out=tmp_path)
    document = found.document()
    assert found.sentence.startswith(probe_sentences.TOY)
    assert probe_sentences.TOY in " ".join(text_of(document).split())
    assert "Control" in (tmp_path / "probe.html").read_text()
    assert document["simulation"]["control"]["verdict"] == "insufficient"  # 110 dialogues a side
    assert len(document["generations"]) == 2
    assert (document["simulation"]["regime"], document["simulation"]["model"]) == ("replace", "ngram")
    assert [document[name] for name in ("lost", "new", "overused", "detectable_share")] == [None] * 4
    assert document["verdict"] == "insufficient"
    shown = text_of(document)
    assert "●" not in shown
    assert "not judged: too little text" in shown
    assert any(each["significant"] for each in document["trends"])
    page = (tmp_path / "probe.html").read_text()
    assert "● yes" not in page
    assert "not judged: too little text" in page


def test_a_model_that_knows_no_order_is_told_from_a_narrow_one(folder: Path) -> None:
    """What single words make is noise, and the sentence says so."""
    found = package.simulate(folder / "twice.jsonl", generations=2, model="unigram", cache=folder / "cache")
    assert found.verdict == "degenerate"
    assert "as noise" in found.sentence
    assert "Of 2 generations, the last beside the text that it never saw: " in found.sentence
    assert probe_tables.title(found.document()).startswith("2 generations of a toy model")


def test_published_answers_to_equal_prompts_are_paired_by_them(real_data: Path, tmp_path: Path) -> None:
    """Of two models that answer AlpacaEval's prompts, Baize's wording is the narrower one."""
    reference, candidate = (
        real_data / "data" / "alpaca_eval_outputs" / f"{name}.json" for name in ("gpt-3.5-turbo-0301", "baize-v2-7b")
    )
    found = package.probe(candidate, reference=reference, embedder="none", permutations=50, cache=tmp_path)
    assert (found.verdict, found.document()["matched_by"]) == ("narrowed", "prompt")


def test_one_dataset_alone_has_levels_and_no_verdict(samples: Path, tmp_path: Path) -> None:
    """They are the Profile's own numbers at their largest budget."""
    found = package.probe(samples / "sample.jsonl", cache=tmp_path)
    assert found.verdict == "no reference"
    assert "--reference" in found.sentence
    (profile,) = tmp_path.iterdir()
    rows = {(r.metric, r.scope, r.budget): r.value for r in package.Profile(profile).rows()}
    levels = found.document()["levels"]
    assert {one["metric"] for one in levels} >= {"missing_mass_1", "self_repetition_4", "topic_similarity"}
    assert all(rows[one["metric"], one["scope"], one["budget"]] == one["value"] for one in levels)
    assert [one["candidate"] for one in found.document()["probes"]] == [one["value"] for one in levels]
    assert "95 % interval" in text_of(found.document())


def test_a_reference_without_words_gives_levels_of_both(folder: Path, line: list[Path], tmp_path: Path) -> None:
    """A Profile may be kept without its sample of words; nothing can be matched then."""
    profile = package.profile(folder / "human.jsonl", tmp_path / "bare.ultraqa", tokens="none", embedder="none")
    (profile.path / "sample.npz").unlink()
    found = package.probe(folder / "other.jsonl", reference=profile, cache=folder / "cache", embedder="none")
    assert found.verdict == "no reference"
    assert {one["dataset"] for one in found.document()["levels"]} == {"human", "other"}
    with pytest.raises(ValueError, match="holds no words"):
        package.probe(profile, reference=folder / "other.jsonl", cache=folder / "cache", embedder="none")


@pytest.mark.parametrize("part", ["user", "both"])
def test_other_parts_can_be_compared(part: Literal["user", "both"], folder: Path, tmp_path: Path) -> None:
    """The same text said by users gives the same verdict."""
    human, halved = texts(1), [[*text[: len(text) // 2]] * 2 for text in texts(2)]
    one, two = (write(tmp_path / f"{i}.jsonl", said, by_user=True) for i, said in enumerate((human, halved)))
    found = package.probe(two, reference=one, part=part, embedder="none", cache=tmp_path / "c", permutations=50)
    assert (found.verdict, found.document()["part"]) == ("narrowed", part)
    assert ("user text" if part == "user" else "user and assistant text") in text_of(found.document())


def test_too_little_text_is_no_verdict_and_no_failure(samples: Path, ultraqa: Run, tmp_path: Path) -> None:
    """The command ends with 0, says how much there is and what is needed, and where Profiles are kept."""
    words = ("probe", samples / "sample.jsonl", samples / "baize.json", "--cache", tmp_path, "--embedder", "none")
    done = ultraqa(*words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("? insufficient  baize beside sample\n")
    assert "200 dialogues and 10,000 words are needed" in " ".join(done.stdout.split())
    assert "not judged" in done.stdout
    assert "●" not in done.stdout
    assert f"kept in {tmp_path}" in done.stderr
    again = ultraqa(*words, "--json")
    document = json.loads(again.stdout)
    assert (document["verdict"], document["severity"]) == ("insufficient", None)
    assert document["command"].startswith("ultraqa probe sample.jsonl baize.json")
    assert again.stdout == json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "--simulate DATA"),
        (["--reference", "human.jsonl"], 2, "name the DATA"),
        (
            ["--reference", "human.jsonl", "other.jsonl", "moved.jsonl"],
            2,
            "put the human reference first, as generation 0",
        ),
        (["--reference", "human.jsonl", "--reference", "moved.jsonl", "other.jsonl"], 2, "it is given 2 times"),
        (["human.jsonl", "--generations", "3"], 2, "belongs to --simulate"),
        (["human.jsonl", "--simulate", "other.jsonl"], 2, "no --reference"),
        (["--simulate", "human.jsonl", "--permutations", "99"], 2, "leave it out"),
        (["--simulate", "human.jsonl", "--regime", "forget"], 2, "accumulate"),
        (["--simulate", "human.jsonl", "--model", "gpt"], 2, "ngram, unigram"),
        (["--simulate", "human.jsonl", "--generations", "1"], 2, "generations"),
        (["human.jsonl", "other.jsonl", "--part", "tool"], 2, "assistant, user, both"),
        (["human.jsonl", "other.jsonl", "--permutations", "9"], 2, "at least 50"),
        (["human.jsonl", "other.jsonl", "--permutations", "10001"], 2, "at most 10,000"),
        (["human.jsonl", "unknown.jsonl", "-o", "human.jsonl"], 2, "human.jsonl is a file"),
        (["--simulate", "unknown.jsonl", "-o", "human.jsonl/out"], 2, "human.jsonl is a file"),
        (["--simulate", "human.jsonl", "--embedder", "minilm"], 2, "leave it out"),
        (["human.jsonl", "other.jsonl", "--seed", "-1"], 2, "seed is -1"),
        (["human.jsonl", "gone.jsonl"], 2, "does not exist"),
        (["human.jsonl", "unknown.jsonl"], 3, "'colour'"),
        (["human.jsonl", "asked.jsonl"], 3, "no assistant text"),
        (["asked.jsonl"], 3, "no assistant text"),
        (["--simulate", "asked.jsonl"], 3, "no assistant text"),
        (["--simulate", "asked.jsonl", "--embedder", "none"], 3, "no assistant text"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_makes_no_sense_is_refused(
    words: list[str],
    code: int,
    told: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In a sentence, with 2 for usage and 3 for data that cannot be probed."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["ultraqa", "probe", *words, "--cache", "cache"])
    (folder / "unknown.jsonl").write_text('{"colour": "blue"}\n')
    (folder / "asked.jsonl").write_text('{"messages": [{"role": "user", "content": "hello there"}]}\n' * 3)
    assert cli._run() == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert told in " ".join(re.sub(r"[│\n]", " ", shown.err).split())


def test_the_files_of_a_comparison_are_the_same_bytes_each_time(folder: Path, tmp_path: Path) -> None:
    """And there are two of them, whose verdict is that of the call."""
    for place in ("one", "two"):
        done = probe(folder, "halved", reference="human", out=tmp_path / place)
    files = {file.name: file.read_bytes() for file in (tmp_path / "one").iterdir()}
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "two").iterdir()}
    assert set(files) == {"probe.json", "probe.html"}
    assert json.loads(files["probe.json"]) == done.document()


def test_plots_of_an_earlier_probe_go(found: package.Probing, folder: Path, tmp_path: Path) -> None:
    """And nothing else in the folder; a plot of that name in a folder without a probe is not ours."""
    (tmp_path / "vocabulary.svg").write_text("mine")
    found.write(tmp_path)
    probe(folder, "other", reference="human").write(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"probe.json", "probe.html", "vocabulary.svg"}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / f"{probe_tables.DECIDING[0]}.svg").write_text("mine")
    probe(folder, "other", reference="human").write(tmp_path / "other")
    assert (tmp_path / "other" / f"{probe_tables.DECIDING[0]}.svg").read_text() == "mine"


def test_a_place_that_is_a_file_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    """Also from Python, where the data could not be read either."""
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "unknown.jsonl").write_text('{"colour": "blue"}\n')
    with pytest.raises(DataError, match="taken is a file"):
        package.probe(tmp_path / "unknown.jsonl", out=tmp_path / "taken", cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_files_of_one_dataset_are_no_generations(samples: Path, ultraqa: Run, tmp_path: Path) -> None:
    """The command says so of a folder or a glob that is given alone, and says nothing of a file."""
    options = ("--cache", tmp_path, "--embedder", "none")
    assert "2 files are read as one dataset" in ultraqa("probe", samples / "s[ah]*.json*", *options).stderr
    assert "read as one dataset" not in ultraqa("probe", samples / "sample.jsonl", *options).stderr


def test_generations_have_a_plot_for_each_probe_that_decides(found: package.Probing, tmp_path: Path) -> None:
    """Beside the page, which shows them too, and whose sentence is that of the document."""
    files = {file.name: file.read_bytes() for file in found.write(tmp_path / "out")}
    assert set(files) == {"probe.json", "probe.html", *(f"{name}.svg" for name in probe_tables.DECIDING)}
    document = json.loads(files["probe.json"])
    assert document == found.document()
    page = files["probe.html"].decode()
    assert document["sentence"].replace(" %", "\xa0%") in unescape(page)
    assert page.count('<svg class="plot"') == len(probe_tables.DECIDING)
    assert b"<script" not in files["probe.html"]
    for name in probe_tables.DECIDING:
        assert files[f"{name}.svg"].startswith(b'<svg xmlns="http://www.w3.org/2000/svg"')


def test_hostile_text_is_inert(folder: Path, tmp_path: Path) -> None:
    """Names, ids and wording come from the data: neither a page nor a terminal obeys them."""
    for name, seed in (("kind", 1), ("bad", 2)):
        write(tmp_path / f"{name}.jsonl", texts(seed), opening=HOSTILE if name == "bad" else "")
    data = (tmp_path / "bad.jsonl").read_text()
    (tmp_path / "bad.jsonl").write_text(data.replace('"id": "bad-', f'"id": {json.dumps(HOSTILE)[:-1]}'))
    found = package.probe(
        f"<img>\x1b[2J={tmp_path / 'bad.jsonl'}", reference=tmp_path / "kind.jsonl",
        embedder="none", permutations=50, cache=tmp_path / "cache", out=tmp_path / "out",
    )  # fmt: skip
    assert any("script alert script" in one["text"] for one in found.document()["new"]["boilerplate"])
    page, shown = (tmp_path / "out" / "probe.html").read_text(), text_of(found.document())
    assert "&lt;script&gt;" in page
    for text in (page, shown):
        assert not set("\x1b\x07") & set(text)
    assert not re.search(r"<(script|img)", page)
    assert "</script>␛␇" in shown


def test_a_quotation_is_found_across_punctuation_and_case(tmp_path: Path) -> None:
    """Words are lower case and stand without what lies between them; parts of words are no match."""
    said = "Unsure. SURE! Here’s a list: one, two. " + "x " * 40
    (tmp_path / "said.jsonl").write_text(json.dumps({"messages": [{"role": "assistant", "content": said}]}) + "\n")
    profile = package.profile(tmp_path / "said.jsonl", tmp_path / "said.ultraqa", tokens="none", embedder="none")
    wanted = [("sure here's a", 0), ("here", 0), ("not there", 0)]
    found = quotations(profile, "assistant", wanted)
    assert found["sure here's a", 0].startswith("Unsure. SURE! Here’s a list: one")
    assert found["sure here's a", 0].endswith(" …")
    assert ("not there", 0) not in found
    assert quotations(profile, "user", wanted) == {}
    (tmp_path / "said.jsonl").unlink()
    assert quotations(profile, "assistant", wanted) == {}


def test_a_report_holds_each_dataset_against_the_first(folder: Path, tmp_path: Path) -> None:
    """As a section of all three files; a dataset without text of the assistant says so."""
    asked = tmp_path / "asked.jsonl"
    asked.write_text('{"messages": [{"role": "user", "content": "hello there"}]}\n')
    data = [folder / "human.jsonl", folder / "halved.jsonl", asked]
    found = package.report(*data, out=tmp_path / "report", embedder="none", tokens="none")
    jsonschema.validate(found.document, SCHEMA)
    narrowed, without = found.document["narrowing"]
    assert (narrowed["candidate"], narrowed["reference"], narrowed["verdict"]) == ("halved", "human", "narrowed")
    assert (without["verdict"], without["notes"]) == ("insufficient", ["asked has no assistant text"])
    page = unescape((tmp_path / "report" / "report.html").read_text())
    assert page.count('<section id="narrowing">') == 1
    for one in (narrowed, without):
        assert one["sentence"].replace(" %", "\xa0%") in page
    marked = (tmp_path / "report" / "report.md").read_text()
    assert "## Narrowing beside human" in marked
    assert f"**✕ narrowed ({narrowed['severity']})** halved: " in marked
    assert "ultraqa probe --reference human.jsonl halved.jsonl" in marked
    bare = package.report(*data[:2], out=tmp_path / "report", embedder="none", tokens="none", text=False)
    assert bare.document["narrowing"][0] | {"lost": None} == narrowed | {"lost": None, "new": None, "overused": None}
    assert [bare.document["narrowing"][0][name] for name in ("lost", "new", "overused")] == [None] * 3
    alone = package.report(data[0], out=tmp_path / "report", embedder="none", tokens="none")
    assert alone.document["narrowing"] == []
    assert "narrowing" not in (tmp_path / "report" / "report.html").read_text()


def test_the_page_of_the_documentation_has_the_numbers_of_the_code() -> None:
    """Each probe with its family, what narrower is, and where a sign begins; sizes and guards of the verdict."""
    page = (ROOT / "docs" / "probe.md").read_text()
    listed = {
        name: (family, narrower, least)
        for names, family, narrower, least in re.findall(
            r"^\| (`.*?) \| (\w+) \| (lower|higher) \| (.*?) \|", page, re.MULTILINE
        )
        for name in re.findall(r"`(\w+)`", names)
    }
    for name, one in DEFINITIONS.items():
        least = "shown" if one.least is None else f"{100 * one.narrower * one.least:+.0f} %".replace("-", "−")
        assert listed.pop(name) == (one.family, "lower" if one.narrower < 0 else "higher", least)
    assert listed == {}
    for number in (
        LEAST_DIALOGUES,
        f"{LEAST_WORDS:,}",
        f"{ADVISED_WORDS:,}",
        MOST_SHIFT,
        MOST_NOVELTY,
        f"{MOST_NATS:g}",
    ):
        assert re.search(rf" {number}[ ,;]", page), number


def test_sentences_for_every_verdict_name_what_to_do_or_what_was_found() -> None:
    """No verdict is without one, and the smallest sizes are told where only strong narrowing would show."""
    base: dict[str, Any] = {
        "reference": "r", "candidate": "c", "part": "assistant", "dialogues": 300, "words": 20_000, "probes": [],
        "guards": Guards(0.5, 0.0, None, 0.1, 0.1, shift_z=9.0)._asdict(),
        "lost": {"words": [], "phrases": []}, "new": {"boilerplate": [], "openings": []},
        "detectable_share": None, "severity": "mild", "families": ["support"],
    }  # fmt: skip
    fired = {"name": "missing_mass_1", "family": "support", "change": -0.183, "z": -5.0, "fired": True}
    wider = {**fired, "change": 0.3, "z": 6.0, "fired": False}

    def told(verdict: str, **more: Any) -> str:
        return probe_sentences.of_comparison({**base, "verdict": verdict, **more})

    phrases = {**fired, "name": "self_repetition_4", "family": "repetition", "change": 1.5, "z": 9.0}
    packed = {**fired, "name": "compression_ratio", "family": "support", "change": 0.6, "z": 9.0}
    assert "differ by 0.50, where up to 0.36" in told("different domain")
    assert "or set phrases that stand in much of it. How varied" in told("different domain")
    assert "(then see the wording below)" in told("different domain", new={"boilerplate": [{}], "openings": []})
    assert "its dialogues share 2.5 times as many phrases" in told("different domain", probes=[phrases])
    assert "share" not in told("different domain", probes=[{**phrases, "fired": False}])
    assert "With 300 dialogues and 20,000 words only strong narrowing shows; 500 and 30,000 " in told("no narrowing")
    assert "With 20,000 words only strong narrowing shows; 30,000 are" in told("no narrowing", dialogues=500)
    assert "Even text that is a toy model’s alone might be missed" in told("no narrowing")
    for share in SHARES:
        assert "a smaller share might be missed" in told("no narrowing", detectable_share=share)
    assert "If a tenth of r had been a toy model’s text, this would" in told("no narrowing", detectable_share=0.1)
    assert "it is no narrower than two texts of one kind can be" in told("no narrowing")
    assert "300 dialogues" not in told("insufficient", words=9_000)
    assert "9,000 words of assistant text can be compared; 10,000 words are needed" in told("insufficient", words=9_000)
    assert "99 dialogues of assistant text can be compared; 200 dialogues" in told("insufficient", dialogues=99)
    assert "over 99 % fewer" in told("watch", probes=[{**fired, "change": -0.996}])
    assert "manner of writing: compare more text" in told("watch", probes=[fired], lost=None)
    assert "read the wording below" in told("watch", probes=[fired], lost={"words": [{}], "phrases": []})
    assert "compresses 1.6 times as well" in told("watch", probes=[packed])
    assert "it is more varied, with 30 % more words that occur once" in told("no narrowing", probes=[wider])
    assert "18 % fewer words that occur once" in told("watch", probes=[fired])
    assert "Mild narrowing, with signs of support" in told("narrowed", probes=[fired])
    assert "only strong narrowing" not in told("narrowed", probes=[fired], words=50_000, dialogues=900)
    assert "Look at its dialogues" in told("degenerate")
