"""Trainers: the verdict from a dialogue's shape is what the trainer's own code does, and converted data loads in it."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

import ultraqa as package
from ultraqa.dialogues.batch import Dialogue
from ultraqa.dialogues.conversion import FORMS, convert, converted
from ultraqa.dialogues.formats import RecordReader
from ultraqa.dialogues.sources import datasets
from ultraqa.filters.trainer_rules import OUTCOMES, Shape, judge
from ultraqa.filters.trainers import TRAINERS, columns, compatibility, outcomes, shape_of, verdicts

if TYPE_CHECKING:
    from types import ModuleType

    from ultraqa.analysis.profile import Profile

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "trainers.py"

# Format, roles, tags, and what LLaMA-Factory, axolotl, TRL and FastChat do: k kept, c changed, d dropped, r rejected.
SHAPES = [
    ("sharegpt", "ua", "human,gpt", "kkck"),
    ("sharegpt", "suaua", "system,human,gpt", "kkcr"),
    ("sharegpt", "uau", "human,gpt", "dkcd"),
    ("sharegpt", "aua", "gpt,human", "dkcc"),
    ("sharegpt", "uua", "human,gpt", "dkcr"),
    ("sharegpt", "uasua", "human,gpt,system", "dkcr"),
    ("sharegpt", "utta", "human,function_call,observation,gpt", "kccr"),
    ("sharegpt", "utua", "human,observation,gpt", "dccr"),
    ("sharegpt", "uata", "human,gpt,function_call", "dccr"),
    ("sharegpt", "u?a", "human,narrator,gpt", "dccr"),
    ("sharegpt", "ua", "user,assistant", "rkrr"),
    ("sharegpt", "ua", "client,counselor", "rdrr"),
    ("sharegpt", "u", "human", "ddcd"),
    ("sharegpt", "a", "gpt", "dkcd"),
    ("sharegpt", "", "", "drrr"),
    ("messages", "suaua", "system,user,assistant", "kkkr"),
    ("messages", "uau", "user,assistant", "dkkr"),
    ("messages", "utta", "user,assistant,tool", "dkkr"),
    ("messages", "ua", "client,counselor", "ddcr"),
    ("messages", "u", "user", "ddkr"),
    ("messages", "", "", "drrr"),
    ("messages", "sua", "system_prompt,user,assistant", "kccr"),
    ("ultrachat_200k", "ua", "user,assistant", "kkrr"),
    ("alpaca", "ua", "instruction,output", "kkrr"),
    ("alpaca", "suaua", "system,history,instruction,output", "kcrr"),
    ("alpaca", "ua", "instruction,response", "rkrr"),
    ("question_answer", "ua", "question,answer", "rkrr"),
    ("openorca", "sua", "system_prompt,question,response", "rkrr"),
    ("prompt_completion", "ua", "prompt,completion", "rrkr"),
    ("prompt_completion", "ua", "prompt,response", "rrrr"),
    ("text", "a", "text", "rkkr"),
    ("ultrachat", "uaua", "data", "rrrr"),
    ("baize", "ua", "Human,AI", "rrrr"),
    ("prompt", "u", "prompt", "rrrr"),
    ("preference", "ua", "human,gpt", "rrrr"),
    ("kto", "ua", "user,assistant", "cccr"),
    ("kto", "ua", "human,gpt", "cccc"),
]  # fmt: skip


@pytest.mark.parametrize(("format_", "roles", "tags", "expected"), SHAPES)
def test_a_shape_is_judged_as_the_trainers_documentation_and_code_say(
    format_: str, roles: str, tags: str, expected: str
) -> None:
    """One letter a trainer; the same shapes are run through the trainers' code below, where it is installed."""
    shape = Shape(format_, roles, frozenset(tags.split(",")))
    assert "".join(judge(shape, trainer).outcome[0] for trainer in TRAINERS) == expected


@pytest.mark.parametrize(
    ("format_", "tags", "empty", "silent", "expected"),
    [
        ("sharegpt", "human,gpt", True, False, "kkcd"),
        ("sharegpt", "human,gpt", True, True, "kdcd"),
        ("alpaca", "instruction,output", True, True, "kdrr"),
    ],
)
def test_empty_turns_are_masked_where_the_masks_are_made_of_text(
    format_: str, tags: str, empty: bool, silent: bool, expected: str
) -> None:
    """Axolotl learns nothing of empty answers, FastChat nothing of a dialogue with an empty turn."""
    shape = Shape(format_, "ua", frozenset(tags.split(",")), empty, silent)
    assert "".join(judge(shape, trainer).outcome[0] for trainer in TRAINERS) == expected


@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize(("format_", "roles", "tags"), [shape[:3] for shape in SHAPES])
def test_a_reason_says_what_to_do(format_: str, roles: str, tags: str, trainer: str) -> None:
    """A rule or a conversion where it is not kept; where that is said to mend it, the trainer learns what comes out."""
    outcome, reason = judge(Shape(format_, roles, frozenset(tags.split(","))), trainer)
    assert "ultraqa convert" in reason or "(rule" in reason or outcome == "kept" or "is not read" in reason
    if "mends it" in reason:
        form = reason.split("--to ")[1].split("`")[0]
        calls = {i for i, letter in enumerate(roles) if letter == "t" and roles[i - 1] != "t"}
        texts = ['{"name": "f", "arguments": {}}' if i in calls else f"turn {i}" for i in range(len(roles))]
        record, _ = converted(Dialogue(roles, texts, tags), form)
        assert record is not None
        again, (dialogue,) = RecordReader()(record)
        assert judge(shape_of(again, dialogue), trainer).outcome in {"kept", "changed"}


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_hostile_tag_is_told_without_what_a_terminal_would_obey(trainer: str) -> None:
    """Role tags are data."""
    assert "\x1b" not in judge(Shape("sharegpt", "u?a", frozenset({"human", "\x1b[2J", "gpt"})), trainer).reason


# --- on Profiles ---


def profiled(folder: Path, records: list[Any]) -> Profile:
    """A Profile of some records."""
    file = folder / "data.jsonl"
    file.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return package.profile(file, folder / "data.ultraqa", embedder="none", tokens="none", duplicates="none")


def shared(letters: str, tags: dict[str, str]) -> dict[str, Any]:
    """A ShareGPT record with these turns."""
    return {"conversations": [{"from": tags[letter], "value": f"turn {i}"} for i, letter in enumerate(letters)]}


NATIVE = {"u": "human", "a": "gpt", "s": "system"}
MIXED = [
    *([shared("ua", NATIVE)] * 3),
    shared("uau", NATIVE),
    shared("aua", NATIVE),
    {"conversations": [{"from": "human", "value": "?"}, {"from": "gpt", "value": ""}]},
    {"instruction": "i", "input": "", "output": "o"},
    shared("ua", NATIVE),
]


def test_verdicts_count_every_dialogue_once(tmp_path: Path) -> None:
    """By trainer, from best to worst, with the row of the first; rules read the same as numbers."""
    profile = profiled(tmp_path, MIXED)
    verdicts = compatibility(profile)
    assert [one.trainer for one in verdicts] == sorted((one.trainer for one in verdicts), key=TRAINERS.index)
    numbers = columns(profile)
    assert set(numbers) == {f"trainer_{name}" for name in TRAINERS}
    for trainer in TRAINERS:
        of = [one for one in verdicts if one.trainer == trainer]
        assert sum(one.dialogues for one in of) == len(MIXED)
        assert [OUTCOMES.index(one.outcome) for one in of] == sorted(OUTCOMES.index(one.outcome) for one in of)
        found = outcomes(profile, trainer)
        for one in of:
            same = [i for i in range(len(MIXED)) if found.reasons[found.reason[i]] == one.reason]
            assert (one.dialogues, one.example) == (len(same), same[0])
            assert {OUTCOMES[found.outcome[i]] for i in same} == {one.outcome}
        assert numbers[f"trainer_{trainer}"].tolist() == np.minimum(found.outcome, 2).tolist()
    assert numbers["trainer_llamafactory"].tolist() == [0, 0, 0, 2, 2, 0, 0, 0]
    assert numbers["trainer_axolotl"].tolist() == [0, 0, 0, 0, 0, 2, 0, 0]
    assert numbers["trainer_trl"].tolist() == [1, 1, 1, 1, 1, 1, 2, 1]
    assert numbers["trainer_fastchat"].tolist() == [0, 0, 0, 2, 1, 2, 2, 0]


def test_a_profile_has_the_shapes_of_its_dialogues(samples: Path, tmp_path: Path) -> None:
    """The columns give every dialogue the verdict that its roles, tags and texts give it."""
    for file in (file for file in sorted(samples.iterdir()) if file.suffix != ".md"):
        out = tmp_path / f"{file.name}.ultraqa"
        profile = package.profile(file, out, embedder="none", tokens="none", duplicates="none")
        formats = profile.table("dialogues", ["format"])["format"].to_pylist()
        dialogues = profile.texts(range(len(profile)))
        shapes = [shape_of(*pair) for pair in zip(formats, dialogues, strict=True)]
        for trainer in TRAINERS:
            found = outcomes(profile, trainer)
            told = [(OUTCOMES[o], found.reasons[r]) for o, r in zip(found.outcome, found.reason, strict=True)]
            assert told == [judge(shape, trainer) for shape in shapes]
        assert verdicts(shapes, np.arange(len(shapes))) == compatibility(profile)


def test_an_unknown_trainer_is_refused_with_the_names(tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match="'unsloth'; the names are llamafactory, axolotl, trl, fastchat"):
        outcomes(profiled(tmp_path, MIXED), "unsloth")


# Dialogues by outcome (kept, changed, dropped, rejected), counted with the trainers' own code over all records.
COUNTED = {
    "llamafactory_demo/glaive_toolcall_en_demo.json": "300 0 0 0 | 147 153 0 0 | 0 300 0 0 | 147 0 0 153",
    "lima/lima.json": "1029 0 0 0 | 1000 29 0 0 | 0 0 0 1029 | 0 0 0 1029",
    "sharegpt/sharegpt_zh_1K_format.jsonl": "993 0 7 0 | 999 0 1 0 | 0 1000 0 0 | 992 0 8 0",
    "smilechat/smilechat_first300.jsonl": "0 0 0 300 | 0 0 300 0 | 0 0 0 300 | 0 0 0 300",
}


@pytest.mark.parametrize("file", COUNTED)
def test_verdicts_on_published_data_are_what_the_trainers_did(real_data: Path, tmp_path: Path, file: str) -> None:
    """docs/trainers.md says how the code was run."""
    data = real_data / "data" / file
    profile = package.profile(data, tmp_path / "p.ultraqa", embedder="none", tokens="none", duplicates="none")
    for trainer, counts in zip(TRAINERS, COUNTED[file].split("|"), strict=True):
        found = np.bincount(outcomes(profile, trainer).outcome, minlength=4)
        assert found.tolist() == list(map(int, counts.split())), trainer


# --- against the trainers themselves ---


@cache
def benchmark() -> ModuleType:
    """The benchmark's functions, each of which runs one trainer's code on a record."""
    described = importlib.util.spec_from_file_location("benchmark_trainers", BENCHMARK)
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    sys.modules[described.name] = module
    described.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=TRAINERS)
def trained(request: pytest.FixtureRequest) -> tuple[str, Any]:
    """A trainer's name and what runs its code; the tests are skipped where it is not installed."""
    try:
        return request.param, getattr(benchmark(), request.param)()
    except ImportError as error:
        pytest.skip(f"{request.param} is not installed ({error}); docs/trainers.md says how")


TURNS = st.lists(
    st.tuples(st.sampled_from("uuaast?"), st.sampled_from(["", "Hi there", "No.", "five words are in here"]))
)
NAMES = {
    "conversations": {"u": "human", "a": "gpt", "s": "system", "t": "observation", "?": "narrator"},
    "messages": {"u": "user", "a": "assistant", "s": "system", "t": "tool", "?": "narrator"},
}


@pytest.mark.filterwarnings("ignore")  # of the trainers
@pytest.mark.parametrize("key", NAMES)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@example(turns=[("u", "Hi there"), ("a", "No.")])
@example(turns=[("a", "No."), ("u", "Hi there"), ("a", "No.")])
@example(turns=[("u", "Hi there"), ("a", "")])
@given(turns=TURNS)
def test_verdicts_are_what_the_code_of_the_trainer_does(
    trained: tuple[str, Any], key: str, turns: list[tuple[str, str]]
) -> None:
    """On dialogues with turns of any role in any order, in both forms that trainers read as lists.

    Without a known role nothing tells under which keys the turns of conversations lie (docs/trainers.md, limits).
    """
    trainer, run = trained
    assume(key == "messages" or not turns or {"u", "a"} & {letter for letter, _ in turns})
    names = ("from", "value") if key == "conversations" else ("role", "content")
    texts = [text and f"{text} {i}" for i, (_, text) in enumerate(turns)]
    tags = [NAMES[key][letter] for letter, _ in turns]
    record = {key: [dict(zip(names, turn, strict=True)) for turn in zip(tags, texts, strict=True)]}
    format_, (dialogue,) = RecordReader()(record)
    judged = judge(shape_of(format_, dialogue), trainer)
    errors: Counter[str] = Counter()
    assert benchmark().real(run, record, dialogue, errors) == judged.outcome, (judged, errors)


@pytest.mark.filterwarnings("ignore")  # of the trainers
@pytest.mark.parametrize("file", ["alpaca.json", "openassistant.jsonl", "sharegpt.json", "transcripts.csv"])
def test_a_conversion_that_is_said_to_mend_it_does(
    samples: Path, tmp_path: Path, trained: tuple[str, Any], file: str
) -> None:
    """Where a verdict says so, the trainer's code learns from the converted dialogue."""
    trainer, run = trained
    path = samples / file
    profile = package.profile(path, tmp_path / "p.ultraqa", embedder="none", tokens="none", duplicates="none")
    found = outcomes(profile, trainer)
    mended = [i for i in range(len(profile)) if "mends it" in found.reasons[found.reason[i]]]
    for row, dialogue in zip(mended, profile.texts(mended), strict=True):
        form = found.reasons[found.reason[row]].split("--to ")[1].split("`")[0]
        record, lost = converted(dialogue, form)
        assert (record is None) == (lost != ())
        if record is None:
            continue
        (again,) = RecordReader()(record)[1]
        verdict = judge(shape_of(RecordReader()(record)[0], again), trainer)
        assert benchmark().real(run, record, again, Counter()) == verdict.outcome
        assert verdict.outcome in {"kept", "changed"}


# --- converted data in the libraries ---


@pytest.fixture
def shared_file(real_data: Path) -> Path:
    """Published dialogues with system prompts, tools, odd turns and Chinese text."""
    return real_data / "data" / "llamafactory_demo" / "glaive_toolcall_en_demo.json"


@pytest.mark.filterwarnings("ignore")  # of the libraries
@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet"])
@pytest.mark.parametrize("form", FORMS)
def test_converted_data_loads_in_datasets(shared_file: Path, tmp_path: Path, form: str, suffix: str) -> None:
    """With every record, and the texts that were written, from each kind of file."""
    library = pytest.importorskip("datasets", reason='datasets is in the extra "ultraqa[hf]"')
    library.disable_progress_bars()
    out = tmp_path / f"out.{suffix}"
    done = convert(datasets([str(shared_file)])[0], out, form)
    kind = "parquet" if suffix == "parquet" else "json"
    loaded = library.load_dataset(kind, data_files=str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == done.written
    again = [RecordReader()(row)[1][0] for row in loaded]
    wanted = [one for source in datasets([str(out)])[0].sources for one in _dialogues(source)]
    assert [(one.roles, one.texts) for one in again] == [(one.roles, one.texts) for one in wanted]


def _dialogues(source: Any) -> list[Any]:
    from ultraqa.dialogues.reading import records  # noqa: PLC0415  (only here)

    return [dialogue for record in records(source) for dialogue in record.dialogues]


@pytest.mark.filterwarnings("ignore")  # of the libraries
def test_converted_messages_go_through_a_chat_template(shared_file: Path, tmp_path: Path) -> None:
    """Every text stands in what transformers renders, in order, and nothing is refused."""
    pytest.importorskip("transformers", reason='transformers is in the extra "ultraqa[transformers]"')
    words = benchmark().tokenizer()
    convert(datasets([str(shared_file)])[0], tmp_path / "out.jsonl", "messages")
    for line in (tmp_path / "out.jsonl").read_text().splitlines():
        messages = json.loads(line)["messages"]
        rendered = words.apply_chat_template(messages, tokenize=False)
        place = 0
        for message in messages:
            place = rendered.index(message["content"], place) + len(message["content"])


@pytest.mark.filterwarnings("ignore")  # of the libraries
@pytest.mark.parametrize("form", ["messages", "sharegpt"])
def test_converted_data_is_conversational_for_trl(shared_file: Path, tmp_path: Path, form: str) -> None:
    """TRL takes messages as they are, renames ShareGPT's keys, and renders both with a chat template."""
    trl = pytest.importorskip("trl", reason="trl is not installed (pip install trl)")
    words = benchmark().tokenizer()
    convert(datasets([str(shared_file)])[0], tmp_path / "out.jsonl", form)
    for line in (tmp_path / "out.jsonl").read_text().splitlines():
        record = {key: value for key, value in json.loads(line).items() if key in {"messages", "conversations"}}
        example_ = trl.data_utils.maybe_convert_to_chatml(json.loads(json.dumps(record)))
        assert trl.data_utils.is_conversational(example_)
        assert trl.data_utils.apply_chat_template(example_, words)["text"]
        if form == "messages":
            assert example_ == record


# --- whole files through the trainers' own loaders, with the settings of the documentation ---


def settings_of(language: str) -> str:
    """The block of docs/trainers.md in a language."""
    text = (Path(__file__).parent.parent / "docs" / "trainers.md").read_text()
    return text.split(f"```{language}\n")[1].split("```")[0]


@pytest.fixture
def converted_files(shared_file: Path, tmp_path: Path) -> Path:
    """A folder with the same dialogues in every form that trainers read."""
    for name in ("messages.jsonl", "sharegpt.jsonl", "alpaca.jsonl", "sharegpt.json"):
        convert(datasets([str(shared_file)])[0], tmp_path / name, name.split(".")[0])
    return tmp_path


def learned(folder: Path, file: str, trainer: str) -> int:
    """Dialogues of a converted file that a trainer learns from, by their verdicts."""
    profile = package.profile(
        folder / file, folder / f"{file}.ultraqa", embedder="none", tokens="none", duplicates="none"
    )
    return int((columns(profile)[f"trainer_{trainer}"] < 2).sum())


@pytest.mark.filterwarnings("ignore")  # of the trainer
def test_llamafactory_loads_what_was_converted(converted_files: Path) -> None:
    """With the dataset_info.json of the documentation, and as many examples as the verdicts say."""
    try:
        benchmark().llamafactory()
    except ImportError as error:
        pytest.skip(f"llamafactory is not installed ({error})")
    from llamafactory.data.loader import _get_merged_dataset, _get_preprocessed_dataset  # noqa: PLC0415
    from llamafactory.data.template import get_template_and_fix_tokenizer  # noqa: PLC0415

    (converted_files / "dataset_info.json").write_text(settings_of("json"))
    data = benchmark().arguments(dataset_dir=str(converted_files))
    model = SimpleNamespace(cache_dir=str(converted_files / "cache"), hf_hub_token=None)
    training = SimpleNamespace(local_process_index=0, seed=0, should_log=False, predict_with_generate=False)
    for form in json.loads(settings_of("json")):
        words = benchmark().tokenizer()
        template = get_template_and_fix_tokenizer(words, data)
        aligned = _get_merged_dataset([form], model, data, training, "sft")
        encoded = _get_preprocessed_dataset(aligned, data, training, "sft", template, words)
        assert len(encoded) == learned(converted_files, f"{form}.jsonl", "llamafactory")


@pytest.mark.filterwarnings("ignore")  # of the trainer
def test_axolotl_loads_what_was_converted(converted_files: Path) -> None:
    """With the configuration of the documentation."""
    loader = pytest.importorskip("axolotl.prompt_strategies", reason="axolotl is not installed")
    library = pytest.importorskip("datasets", reason='datasets is in the extra "ultraqa[hf]"')
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    from axolotl.datasets import wrap_dataset_for_tokenized_prompt  # noqa: PLC0415
    from axolotl.utils.dict import DictDefault  # noqa: PLC0415

    config = DictDefault(sequence_len=1 << 30, train_on_inputs=False, chat_template="tokenizer_default")
    for one in yaml.safe_load(settings_of("yaml"))["datasets"]:
        file = str(converted_files / one["path"])
        rows = library.load_dataset("json", data_files=file, split="train", cache_dir=str(converted_files / "cache"))
        strategy = loader.load(one["type"], benchmark().tokenizer(), config, DictDefault(one))
        encoded = wrap_dataset_for_tokenized_prompt(strategy, rows)
        found = sum(any(label != -100 for label in labels) for labels in encoded["labels"])
        assert found == learned(converted_files, one["path"], "axolotl")


@pytest.mark.filterwarnings("ignore")  # of the trainer
@pytest.mark.parametrize("form", ["messages", "sharegpt"])
def test_trl_prepares_what_was_converted(converted_files: Path, form: str) -> None:
    """The whole file through the data preparation of SFTTrainer."""
    try:
        prepare = benchmark().trl_preparation()
    except ImportError as error:
        pytest.skip(f"trl is not installed ({error})")
    library = pytest.importorskip("datasets", reason='datasets is in the extra "ultraqa[hf]"')
    file = str(converted_files / f"{form}.jsonl")
    rows = library.load_dataset("json", data_files=file, split="train", cache_dir=str(converted_files / "cache"))
    assert len(prepare(rows)) == learned(converted_files, f"{form}.jsonl", "trl")


@pytest.mark.filterwarnings("ignore")  # of the trainer
def test_fastchat_trains_on_what_was_converted(converted_files: Path) -> None:
    """Item by item, as its lazy dataset gives them; those it stops at are the rejected ones."""
    train = pytest.importorskip("fastchat.train.train", reason="fastchat is not installed")
    words = benchmark().tokenizer()
    words.legacy, words.model_max_length = True, 1 << 14
    lazy = train.LazySupervisedDataset(json.loads((converted_files / "sharegpt.json").read_text()), words)
    found = 0
    for i in range(len(lazy)):
        try:
            found += bool((lazy[i]["labels"] != -100).any())
        except KeyError:
            continue
    assert found == learned(converted_files, "sharegpt.json", "fastchat")
