"""Messages of published datasets, what nearly has a defect in them, and how messages are drawn to be labelled.

A family of defects and its labels are measured in ``defects.py``. A near miss is a message that a loose test of
``NEAR`` takes and the family does not flag; the tests are wider than the families and know nothing of their code.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter, defaultdict
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ultraqa.analysis.defects import find
from ultraqa.analysis.words import Workspace, scan
from ultraqa.dialogues.batch import USER
from ultraqa.dialogues.reading import batches, shards
from ultraqa.dialogues.sources import datasets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SEED, DRAWN, RANDOM = 5, 30, 300
KINDS = {
    "alpaca": ["alpaca/alpaca_data.json"],
    "alpaca by gpt-4": ["llamafactory_demo/alpaca_en_demo.json"],
    "sharegpt en": ["sharegpt/sharegpt_train_small.jsonl"],
    "sharegpt zh": ["sharegpt/sharegpt_zh_1K_format.jsonl"],
    "baize en": ["baize/train_conversation.jsonl", "ultrachat/ultrachat_200k_first5.native.jsonl"],
    "baize ko": ["baize/quora_chat_data.ko.json"],
    "oasst": ["oasst/en_100_tree.jsonl"],
    "lima": ["lima/lima.json"],
    "gpteacher": ["gpteacher/roleplay-simple-deduped-roleplay-instruct.json"],
    "codealpaca": ["codealpaca/code_alpaca_2k.json"],
    "demos": [
        "llamafactory_demo/dpo_en_demo.json", "llamafactory_demo/kto_en_demo.json",
        "llamafactory_demo/v1_sft_demo.jsonl", "nemo_aligner/dummy-sft.jsonl", "vicuna_dummy/dummy_conversation.json",
    ],
    "tool calls": ["llamafactory_demo/glaive_toolcall_en_demo.json"],
    "alpaca_eval": [
        "alpaca_eval_outputs/gpt4.json", "alpaca_eval_outputs/gpt-3.5-turbo-0301.json",
        "alpaca_eval_outputs/text_davinci_003.json", "alpaca_eval_outputs/alpaca-7b.json",
        "alpaca_eval_outputs/vicuna-7b.json", "alpaca_eval_outputs/guanaco-7b.json",
        "alpaca_eval_outputs/baize-v2-7b.json", "alpaca_eval_outputs/ultralm-13b.json",
    ],
    "self-instruct": ["self_instruct/davinci_predictions.jsonl", "self_instruct/seed_tasks.jsonl"],
    "chatdoctor": ["chatdoctor/chatdoctor5k.json"],
    "rasbt": ["rasbt_instruction/instruction-data.json", "rasbt_instruction/instruction-examples.json"],
    "people en": ["topical_chat/valid_freq.json", "sgd_dev/dialogues_001.json"],
    "persona": ["synthetic_persona_chat/Synthetic-Persona-Chat_valid.csv"],
    "people zh": ["smilechat/smilechat_first300.jsonl", "kdconv/film_dev.json"],
    "texts": [
        "llamafactory_demo/c4_demo.jsonl", "telephone_game/Meta-Llama-3-8B-Instruct__continue.jsonl",
        "telephone_game/gpt-3.5-turbo-0125__continue.jsonl", "telephone_game/gpt-3.5-turbo-0125__rephrase.jsonl",
    ],
}  # fmt: skip
"""Files of the data by kind; what a labelled message stands for is of its kind."""
KIND_OF = {file: kind for kind, files in KINDS.items() for file in files}


class Message(NamedTuple):
    """A user or assistant message: where it stands, what is said in it and before it, and the bits of its families."""

    file: str
    row: int
    message: int
    offset: int
    role: str
    text: str
    before: str
    flags: int

    @property
    def key(self) -> tuple[str, int, int]:
        """File, dialogue in file order, and user or assistant message of the dialogue."""
        return self.file, self.row, self.message


def messages(file: str) -> Iterator[Message]:
    """The user and assistant messages of a file of the data."""
    row = -1
    for source in datasets([str(Path(os.environ["ULTRAQA_REAL_DATA"], "data", file))])[0].sources:
        for shard in shards(source, 8 << 20):
            for batch in batches(shard):
                flags = find(scan(batch, Workspace())).flags
                for dialogue in range(len(batch)):
                    row, before, offset = row + 1, "", int(batch.spans[dialogue, 0])
                    first, last = batch.dialogue_offsets[dialogue : dialogue + 2].tolist()
                    for i in range(first, last):
                        text, role = batch.message(i), "u" if batch.roles[i] == USER else "a"
                        yield Message(file, row, i - first, offset, role, text, before, int(flags[i]))
                        before = text


def digest(text: str) -> str:
    """Beginning of the hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# --- near misses -----------------------------------------------------------------------------------------------------


def _holding(*patterns: str, flags: int = re.IGNORECASE, first: int | None = None) -> Callable[[Message], bool]:
    search = re.compile("|".join(patterns), flags).search
    return lambda message: search(message.text[:first]) is not None


def _short(size: int, *patterns: str) -> Callable[[Message], bool]:
    holding = _holding(*patterns)
    return lambda message: len(message.text) < size and holding(message)


def _exchanged(message: Message) -> bool:
    user = (
        r"(?:certainly|sure|of course|absolutely|here(?:'s| is| are)|as an? |based on|yes|how (?:can|may) i|i'm sorry)"
    )
    reply = r"(?:instruction|please|write|create|generate|give me|can you|could you|tell me|explain|what|how)"
    return re.match((user if message.role == "u" else reply) + r"\b", message.text, re.IGNORECASE) is not None


def _breaking_off(message: Message) -> bool:
    """Whether a text of 80 characters ends without a mark of its end."""
    text = message.text.rstrip()
    return len(text) > 80 and text[-1] not in ".!?。！？”\"')）…~`|}"


def _repeating(message: Message) -> bool:
    """Whether a line or sentence of 15 characters or more comes again, or some characters ten times in a row."""
    pieces = [piece.strip() for piece in re.split(r"[\n.!?。！？]", message.text) if len(piece.strip()) >= 15]
    return len(set(pieces)) < len(pieces) or re.search(r"(\S{1,12}\s*)\1{9}", message.text) is not None


def _echoing(message: Message) -> bool:
    """Whether most words of a reply of at least five words stand in the message before it."""
    said = message.text.lower().split()
    return len(said) >= 5 and len(set(said) & set(message.before.lower().split())) > 0.7 * len(set(said))


def _foreign(message: Message) -> bool:
    """Whether the share of letters beyond ASCII differs from that of the message before."""

    def ascii_share(text: str) -> float:
        letters = [letter for letter in text if letter.isalpha()]
        return sum(map(str.isascii, letters)) / len(letters) if letters else 1.0

    return bool(message.before) and abs(ascii_share(message.text) - ascii_share(message.before)) > 0.03


NEAR: dict[str, Callable[[Message], bool]] = {
    "empty_messages": lambda message: len(message.text.strip()) < 4,
    "ai_self_reference": _holding(
        r"\bA\.?I\b|language model|artificial intelligence|chat ?bot|\bI(?:['’]m| am) an? \w* ?assistant",
        r"trained (?:by|on)|人工智能|语言模型|机器人|모델|인공",
    ),
    "refusal": _holding(
        r"sorry|apologi[sz]e|cannot|can['’]?t\b|unable|not able|won['’]t|not (?:appropriate|possible|comfortable)",
        r"抱歉|对不起|无法|不能|죄송|없습니다|lo siento|désolé",
        first=500,
    ),
    "disclaimer": _holding(
        r"not an? (?:\w+ )?(?:doctor|lawyer|expert|professional|advi[cs]e|substitute)",
        r"(?:legal|medical|financial) advice",
        r"personal (?:opinion|belief|experience|preference|feeling)|real-?time|consult (?:with )?an? |purposes only",
        r"(?:don['’]t|do not) have (?:feelings|emotions|opinions|access)|professional (?:advice|help)",
    ),
    "knowledge_cutoff": _holding(r"cut-?off|knowledge|training data|last update|as of (?:my|20[12]\d)|截[止至]|知识"),
    "vendor_name": _holding(
        r"gpt|open ?ai\b|claude|anthropic|\bbard\b|gemini|\bpalm\b|llama|deepmind|copilot|\bbing\b|\bsiri\b|\balexa\b",
        r"cortana|vicuna|koala|bloom\b|mistral|\bfalcon\b|open ?assistant|laion|hugging ?face|文心|通义|百度",
    ),
    "politeness": _short(
        400, r"thank|great|awesome|perfect|helpful|appreciate|welcome|good ?bye|\bbye\b|谢|再见|不客气"
    ),
    "role_exchange": _exchanged,
    "missing_modality": _holding(
        r"\b(?:images?|pictures?|photos?|photographs?|videos?|audios?|attach\w*|screenshots?|draw|sketch|recordings?)\b",
        r"\b图片\b",
    ),
    "interface_text": _holding(
        r"copy code|regenerate|^\s*\d+ ?/ ?\d+\b|upvote|share ?gpt|copied|new chat|too many requests|stop generating"
    ),
    "role_leakage": _holding(r"\b(?:human|user|assistant|instruction|output|AI|bot|gpt|用户|助手)\W{0,3}[:：]"),
    "template_tokens": _holding(r"<[|/]?[a-z_]{1,20}\|?>|\[/?[A-Z_]{3,}\]|</s|<s>|eo[st]\b"),
    "truncation": _breaking_off,
    "truecasing": _holding(r"(?:[.!?] [a-z].*){2}|^[a-z].*[.!?] [a-z]", flags=re.DOTALL),
    "mojibake": _holding(r"[\x80-\xbf\u0192\u201a-\u201e\u2020-\u2022\u2122\ufffd]|[À-ÿ][À-ÿ]|\?{3}|\w\?\w", flags=0),
    "control_characters": _holding(
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffc]",
        r"\\[nrtu\"]",
        flags=0,
    ),
    "url_only": _short(300, r"https?:|www\.|\w\.(?:com|org|net)\b"),
    "placeholder": _holding(
        r"no ?_?(?:in|out)put|\bn/a\b|^\W*(?:none|na|null|empty)\W*$|\[[^\]\n]+\]\W*$|goes here|placeholder|^<[^>]+>$"
    ),
    "html": _holding(r"</?[a-z][a-z0-9]*(?: [^<>]*)?/?>|&#?\w+;"),
    "code": _holding(
        r"```|[{};]\s*$|^\s*(?:def|import|class|#include|public|SELECT|function|var|let|const|<\w+>)\b",
        flags=re.MULTILINE,
    ),
    "tables": _holding(r"\|.*\||\t.*\t"),
    "repetition": _repeating,
    "prompt_echo": _echoing,
    "language_mismatch": _foreign,
    "pii_email": _holding(r"@|\bat\b.{1,20}\bdot com"),
    "pii_phone": _holding(r"(?:\d[\s().+-]{0,2}){7}"),
    "pii_ip": _holding(r"\d+\.\d+\.\d+|\bIP\b|[0-9a-f]+:[0-9a-f]*:[0-9a-f]+"),
    "pii_card": _holding(r"(?:\d[ -]?){12}"),
    "pii_iban": _holding(r"\b[A-Z]{2}\d{2}[ \dA-Z]{8}", flags=0),
    "pii_secret": _holding(r"(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{20}|password|api[ _-]?key"),
}
"""Loose tests by family. What roles or words alone decide has none."""


# --- drawing ---------------------------------------------------------------------------------------------------------


def random_messages(every: Sequence[Message]) -> list[Message]:
    """Messages of each kind of dataset and role, in proportion to the square root of how many there are."""
    strata: dict[tuple[str, str], list[Message]] = defaultdict(list)
    for message in every:
        strata[KIND_OF[message.file], message.role].append(message)
    roots = np.sqrt([len(stratum) for stratum in strata.values()])
    ends = np.rint(np.cumsum(roots) / roots.sum() * RANDOM).astype(int)
    rng = np.random.default_rng(SEED)
    return [
        stratum[i]
        for stratum, n in zip(strata.values(), np.diff(ends, prepend=0), strict=True)
        for i in np.sort(rng.choice(len(stratum), n, replace=False))
    ]


def spread(found: Sequence[Message], seed: Sequence[int]) -> list[Message]:
    """Messages from each kind of dataset in turn; a text that was drawn before only where there is no other."""
    queues: dict[str, list[Message]] = defaultdict(list)
    for i in np.random.default_rng(seed).permutation(len(found)):
        queues[KIND_OF[found[i].file]].append(found[i])
    in_turn = [one for turn in zip_longest(*queues.values()) for one in turn if one]
    texts: Counter[str] = Counter()
    again = []
    for message in in_turn:
        again.append(texts[message.text])
        texts[message.text] += 1
    return [in_turn[i] for i in np.argsort(again, kind="stable")[:DRAWN]]
