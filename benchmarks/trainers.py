"""How often the verdicts on trainers agree with the trainers' own code, on real records and on converted ones.

    ULTRAQA_REAL_DATA=FOLDER python benchmarks/trainers.py [--records 300] [--json FILE]

Each trainer's data preparation for supervised fine-tuning is run on one record after another, with the settings that
its documentation gives for the record's keys, and what becomes of the record is compared with the verdict from its
shape: of every file as it is, and of what ``convert`` makes of it in the forms that trainers read. A trainer that
cannot be imported is left out; docs/trainers.md says how to install all four. No model and no network is needed: the
tokenizer is the one in wordllama's wheel, the chat template stands below.
"""
# ruff: noqa: PLC0415  (a trainer is imported where it is run, for it may be missing)

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from ultraqa.dialogues.batch import Dialogue, Record, spoken
from ultraqa.dialogues.conversion import convert
from ultraqa.dialogues.reading import first_values, records
from ultraqa.dialogues.sources import DataError, datasets
from ultraqa.filters.trainer_rules import judge
from ultraqa.filters.trainers import TRAINERS, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ultraqa.filters.trainer_rules import Shape

    Run = Callable[[dict[str, Any], Dialogue], str]

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] or '' }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ROLES = {"user", "assistant", "system", "tool"}


def tokenizer() -> Any:
    """The LLaMA tokenizer of wordllama's wheel with a ChatML-like template."""
    import wordllama
    from transformers import PreTrainedTokenizerFast

    folder = Path(wordllama.__file__).parent / "tokenizers"
    file = str(next(folder.glob("l2_*.json")))
    tokens = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_file=file, chat_template=TEMPLATE, **tokens)


def arguments(**more: Any) -> Any:
    """LLaMA-Factory's data arguments as it has them by default, without a limit on length."""
    defaults: dict[str, Any] = {
        "template": "default", "train_on_prompt": False, "mask_history": False, "cutoff_len": 1 << 30, "packing": False,
        "neat_packing": False, "tool_format": None, "default_system": None, "enable_thinking": True, "streaming": False,
        "preserve_thinking": False, "media_dir": None, "preprocessing_num_workers": None, "max_samples": None,
        "preprocessing_batch_size": 1000, "overwrite_cache": True, "mix_strategy": "concat",
    }  # fmt: skip
    return SimpleNamespace(**{**defaults, **more})


def llamafactory() -> Run:
    """Its converter and its processor, with the template called default."""
    import peft  # noqa: F401  (before the next line, which it would stumble over)

    sys.modules.setdefault("torchaudio", ModuleType("torchaudio"))  # imported for sounds, of which there are none
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.parser import DatasetAttr
    from llamafactory.data.processor import SupervisedDatasetProcessor
    from llamafactory.data.template import get_template_and_fix_tokenizer

    data = arguments()
    words = tokenizer()
    template = get_template_and_fix_tokenizer(words, data)
    processor = SupervisedDatasetProcessor(template, words, None, data)

    def run(record: dict[str, Any], dialogue: Dialogue) -> str:
        attributes = DatasetAttr("file", "data", ranking="chosen" in record)
        if attributes.ranking:
            raise ValueError("the loader refuses ranking data in the stage sft")
        if "conversations" in record:
            attributes.formatting = "sharegpt"
        elif "messages" in record:
            attributes.formatting, attributes.messages = "sharegpt", "messages"
            attributes.role_tag, attributes.content_tag = "role", "content"
            attributes.user_tag, attributes.assistant_tag = "user", "assistant"
            attributes.observation_tag = attributes.function_tag = None  # as its parser leaves what is not named
        attributes.query = "input" if "input" in record else None
        for key in ("system", "history", "tools"):
            setattr(attributes, key, key if key in record else None)
        aligned = get_dataset_converter(attributes.formatting, attributes, data)(record)
        encoded = processor.preprocess_dataset({key: [value] for key, value in aligned.items()})
        if not encoded.get("input_ids"):
            return "dropped"
        said = [aligned["_system"] or "", *(turn["content"] for turn in aligned["_prompt"] + aligned["_response"])]
        return "kept" if [text for text in said if text] == [text for text in dialogue.texts if text] else "changed"

    return run


def axolotl() -> Run:
    """Its strategies: chat_template, and those of its instruction types."""
    from axolotl.prompt_strategies import load
    from axolotl.prompt_tokenizers import (
        AlpacaPromptTokenizingStrategy,
        GPTeacherPromptTokenizingStrategy,
        OpenAssistantPromptTokenizingStrategy,
    )
    from axolotl.prompters import AlpacaPrompter
    from axolotl.utils.dict import DictDefault

    config = DictDefault(sequence_len=1 << 30, train_on_inputs=False, chat_template="tokenizer_default")
    words = tokenizer()

    def single(strategy: Any) -> Any:
        return strategy(AlpacaPrompter(), words, False, 1 << 20)

    def chat(**settings: Any) -> Any:
        return load("chat_template", words, config, DictDefault(type="chat_template", **settings))

    def shared(role: str, content: str) -> Any:
        return chat(field_messages="conversations", message_property_mappings={"role": role, "content": content})

    by_keys: dict[tuple[str, ...], Any] = {
        ("instruction", "output"): single(AlpacaPromptTokenizingStrategy),
        ("instruction", "response"): single(GPTeacherPromptTokenizingStrategy),
        ("INSTRUCTION", "RESPONSE"): single(OpenAssistantPromptTokenizingStrategy),
        ("question", "answer"): load("alpaca_chat.load_qa", words, config, DictDefault()),
        ("text",): load("completion", words, config, DictDefault()),
    }
    lists = {"from": shared("from", "value"), "role": shared("role", "content"), "messages": chat()}

    def run(record: dict[str, Any], dialogue: Dialogue) -> str:
        if "chosen" in record:
            raise ValueError("a type for preference data is needed")
        roles = set()
        if "messages" in record or "conversations" in record:
            turns = record.get("messages", record.get("conversations"))
            strategy = lists["messages" if "messages" in record else next(key for key in lists if key in turns[0])]
            encoded = strategy.tokenize_prompt(json.loads(json.dumps(record)))
            roles = {turn["role"] for turn in strategy.get_conversation_thread(record)}
        else:
            strategy = next(one for keys, one in by_keys.items() if all(key in record for key in keys))
            encoded = strategy.tokenize_prompt({"text": [record["text"]]} if "text" in record else record)
            encoded = {key: value[0] for key, value in encoded.items()} if "text" in record else encoded
        if all(label == -100 for label in encoded["labels"]):
            return "dropped"
        return "kept" if roles <= ROLES and holds(words, encoded["input_ids"], dialogue) else "changed"

    return run


def trl_preparation() -> Callable[[Any], Any]:
    """The data preparation of its SFTTrainer, from a dataset to one with input_ids and labels."""
    from datasets import disable_progress_bars
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    words = tokenizer()
    settings = SFTConfig(output_dir=tempfile.mkdtemp(), report_to=[], use_cpu=True, bf16=False, max_length=None)
    trainer = SimpleNamespace(chat_template=TEMPLATE, _tokenizer=words, completion_only_loss=True)
    return lambda rows: SFTTrainer._prepare_dataset(trainer, rows, words, settings, False, None, "train")


def trl() -> Run:
    """The same, a record at a time."""
    from datasets import Dataset

    prepare, words = trl_preparation(), tokenizer()

    def run(record: dict[str, Any], dialogue: Dialogue) -> str:
        found = prepare(Dataset.from_list([record]))[0]
        text = words.decode(found["input_ids"])
        roles = set(re.findall(r"<\|im_start\|>([^\n]*)\n", text)) if "<|im_start|>" in text else set()
        return "kept" if roles <= ROLES and holds(words, found["input_ids"], dialogue) else "changed"

    return run


def fastchat() -> Run:
    """Its preprocess, with room for any length."""
    from fastchat.train import train

    words = tokenizer()
    words.legacy = True

    def run(record: dict[str, Any], dialogue: Dialogue) -> str:
        words.model_max_length = 200 + 4 * sum(len(text) for text in dialogue.texts)
        found = train.preprocess([record["conversations"]], words)
        if (found["labels"] == -100).all():
            return "dropped"
        tokens = found["input_ids"][0][found["attention_mask"][0]]
        return "kept" if holds(words, tokens, dialogue) else "changed"

    return run


def holds(words: Any, tokens: Any, dialogue: Dialogue) -> bool:
    """Whether all lines that user, assistant and system said stand in what was encoded, blanks aside."""
    text = "".join(words.decode(tokens).split())
    return all("".join(line.split()) in text for said in spoken(dialogue, "uas?") for line in said.splitlines())


def rows(path: Path) -> Iterator[tuple[dict[str, Any], Shape, Dialogue]]:
    """The records of a file that hold one dialogue each, with its shape; none of flat rows, which make trees."""
    source = datasets([str(path)])[0].sources[0]
    read = [one for one in records(source) if isinstance(one, Record)]
    values = first_values(source, 1 << 30)
    if len(values) != len(read):
        return
    for value, record in zip(values, read, strict=True):
        if len(record.dialogues) == 1 and isinstance(value, dict) and record.format != "oasst_message":
            yield value, shape_of(record.format, record.dialogues[0]), record.dialogues[0]


def real(run: Any, record: dict[str, Any], dialogue: Dialogue, errors: Counter[str]) -> str:
    """What the trainer's code makes of a record."""
    try:
        found = str(run(record, dialogue))
    except Exception as error:  # whatever stops the trainer
        errors[f"{type(error).__name__}: {error}"[:60]] += 1
        return "rejected"
    marked = isinstance(record.get("label", record.get("kto_tag")), bool) and "instruction" not in record
    return "changed" if marked and found == "kept" else found


def compared(path: Path, runs: dict[str, Run], n: int) -> Iterator[dict[str, Any]]:
    """What each trainer's code made of n records of a file, drawn at random, beside the verdicts."""
    found = list(rows(path))
    drawn = random.Random(1).sample(found, min(len(found), n))  # noqa: S311  (a sample)
    for name, run in runs.items():
        errors: Counter[str] = Counter()
        pairs = Counter((real(run, record, one, errors), judge(shape, name).outcome) for record, shape, one in drawn)
        same = sum(count for (was, said), count in pairs.items() if was == said)
        counts = {f"{was}/{said}": count for (was, said), count in sorted(pairs.items())}
        error = next((text for text, _ in errors.most_common(1)), "")
        yield {"trainer": name, "records": len(drawn), "same": same, "code/verdict": counts, "error": error}


def main() -> None:
    """Print, for every file and trainer, what the code did, and how often the verdict was the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=300, help="records of a file, drawn at random (default 300)")
    parser.add_argument("--trainers", default=",".join(TRAINERS), help="names joined by commas")
    parser.add_argument("--files", default="", help="only files with this in their path")
    parser.add_argument("--json", type=Path, help="write the counts here too")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    runs = {}
    for name in options.trainers.split(","):
        try:
            runs[name] = globals()[name]()
        except ImportError as error:
            print(f"{name} is not installed: {error}", file=sys.stderr)
    folder = Path(os.environ["ULTRAQA_REAL_DATA"], "data")
    results = []
    with tempfile.TemporaryDirectory() as made:
        for path in sorted(file for file in folder.rglob("*") if file.is_file() and options.files in str(file)):
            try:
                (dataset,) = datasets([str(path)])
                ways = [("as it is", path)]
                for form in ("messages", "sharegpt", "alpaca"):
                    ways.append((form, Path(made, f"{len(results)}.{form}.jsonl")))
                    convert(dataset, ways[-1][1], form)
            except DataError:
                continue
            for way, file in ways:
                for one in compared(file, runs, options.records if way == "as it is" else options.records // 3):
                    results.append({"file": str(path.relative_to(folder)), "form": way, **one})
                    print(*results[-1].values(), sep="\t", flush=True)
    for name in runs:
        of = [one for one in results if one["trainer"] == name]
        print(f"{name}: {sum(one['same'] for one in of):,} of {sum(one['records'] for one in of):,} verdicts agree")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
