"""Readers of records that hold one exchange, or one question, under keys of their own: the Alpaca family."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ultraqa.dialogues.batch import Dialogue
from ultraqa.dialogues.formats_turns import turns
from ultraqa.dialogues.formats_values import DEFAULT, Mismatch, Options, Turns, dialogue, first, items, plain, strings

if TYPE_CHECKING:
    from collections.abc import Iterable

_new = tuple.__new__
_NUMBERED = re.compile(r"(human|gpt|message)_(\d{1,9})")
_PAIR_ASKS = ("user", "human", "input", "prompt", "question", "query", "instruction")
_PAIR_REPLIES = ("bot", "assistant", "gpt", "output", "response", "answer", "completion")


def cases(*names: str) -> tuple[str, ...]:
    """The names in lower case, then with a capital, then in capitals (data sets write all three)."""
    return (*names, *(name.capitalize() for name in names), *(name.upper() for name in names))


class Keyed(NamedTuple):
    """A reader of records with the user's words under one key and the assistant's under another.

    Attributes:
        asks: keys for the user's words, the first that is there is taken.
        replies: keys for the assistant's; none make a question without an answer.
        adds: keys for what is put below the question on a new line, where it is not empty.
        above: keys for what is put above the question instead (the text a question is about).
    """

    asks: tuple[str, ...]
    replies: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    above: tuple[str, ...] = ()

    def __call__(self, record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
        """The record's dialogue: its history, the question, the answer."""
        asked, replied = first(record, self.asks), first(record, self.replies)
        if asked is None or (replied is None and self.replies):
            raise Mismatch
        question = self.question(record, asked)
        if replied is None:
            said = Turns("u", [question], [asked])
        else:
            said = Turns("ua", [question, text_of(record[replied])], [asked, replied])
        return [dialogue(record, after_history(record, said, options))]

    def question(self, record: dict[str, Any], asked: str) -> str:
        """The user's message: what is asked, with what stands below or above it."""
        question = text_of(record[asked])
        for keys, before in ((self.adds, False), (self.above, True)):
            key = first(record, keys)
            more = text_of(record[key]) if key and key != asked else ""
            if more:
                question = f"{more}\n{question}" if before else f"{question}\n{more}"
        return question


_alpaca = Keyed(cases("instruction"), cases("output", "response", "completion", "answer"), cases("input", "context"))


def read_alpaca(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """Alpaca: ``instruction`` and ``input`` are the user's message, ``output`` the assistant's."""
    if len(record) == 3:
        try:
            instruction, given, output = record["instruction"], record["input"], record["output"]
        except KeyError:
            return _alpaca(record, options)
        if type(instruction) is type(given) is type(output) is str:
            asked = f"{instruction}\n{given}" if given else instruction
            return [_new(Dialogue, ("ua", [asked, output], "instruction,output", None, ()))]
    return _alpaca(record, options)


def read_self_instruct(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:  # noqa: ARG001
    """Self-Instruct seeds: ``instruction`` with ``instances`` of input and output, a dialogue for each."""
    instances = items(record.get("instances"))
    if "instruction" not in record or not all(isinstance(instance, dict) for instance in instances):
        raise Mismatch
    instruction = text_of(record["instruction"])
    if not instances:
        return [dialogue(record, Turns("u", [instruction], ["instruction"]))]
    found = []
    for instance in instances:
        given = text_of(instance.get("input"))
        asked = f"{instruction}\n{given}" if given else instruction
        texts = [asked, text_of(instance.get("output"))]
        found.append(dialogue(record, Turns("ua", texts, ["instruction", "output"])))
    return numbered(found)


def read_prompt(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """A question without an answer: ``prompt``, ``instruction``, ``question``, ``query``, or ``data`` as one text."""
    asked = first(record, PROMPT_KEYS)
    if asked is not None and isinstance(record[asked], list):
        return [dialogue(record, turns(record[asked], options))]
    return Keyed(PROMPT_KEYS, adds=cases("input", "context"))(record, options)


PROMPT_KEYS = cases("prompt", "instruction", "question", "query", "data")


def read_text(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:  # noqa: ARG001
    """Plain text: ``text`` is one message of the assistant."""
    if "text" not in record:
        raise Mismatch
    return [dialogue(record, Turns("a", [text_of(record["text"])], ["text"]))]


def read_questions(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:  # noqa: ARG001
    """MT-bench and Arena-Hard: ``turns`` holds what the user says, turn by turn; nobody answers."""
    texts = []
    for turn in items(record.get("turns")):
        if isinstance(turn, dict):
            if turn.keys() & {"role", "from", "speaker"} or "content" not in turn:
                raise Mismatch
            texts.append(plain(turn["content"]))
        else:
            texts += strings([turn])
    return [dialogue(record, Turns("u" * len(texts), texts, ["turns"]))]


def read_prompt_completion(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """TRL: ``prompt`` and ``completion``, each a text or a list of messages."""
    prompt, completion = record.get("prompt"), record.get("completion")
    if not (isinstance(prompt, list) and isinstance(completion, list)):
        return _completed(record, options)
    return [dialogue(record, turns(prompt, options).then(turns(completion, options)))]


_completed = Keyed(cases("prompt"), cases("completion", "generation", "response", "output", "answer"))


def read_history(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """MT-bench-101: ``history`` a list of pairs with user and bot, and no other turn."""
    return [dialogue(record, history(record.get("history"), options))]


def read_pairs(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:
    """Capybara: ``conversation`` a list of pairs with input and output."""
    return [dialogue(record, history(record.get("conversation"), options))]


def read_segments(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:  # noqa: ARG001
    """Axolotl's template-free form: ``segments`` of text; what has a true ``label`` is the assistant's."""
    letters, texts = "", []
    for segment in items(record.get("segments")):
        if not (isinstance(segment, dict) and isinstance(segment.get("label"), bool) and "text" in segment):
            raise Mismatch
        letters += "a" if segment["label"] else "u"
        texts.append(text_of(segment["text"]))
    return [dialogue(record, Turns(letters, texts, ["segments"]))]


def read_camel(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:  # noqa: ARG001
    """Camel: ``message_1`` … ``message_n`` by number; odd ones are the user's (role_2), even ones the assistant's."""
    texts, tags = [], []
    numbers = _numbers(record, ("message",))
    for _, key in numbers:
        message = record[key]
        texts.append(plain(message.get("content")) if isinstance(message, dict) else text_of(message))
        tags.append(plain(message.get("role_type")) or key if isinstance(message, dict) else key)
    letters = "".join("u" if number % 2 else "a" for number, _ in numbers)
    return [dialogue(record, Turns(letters, texts, tags))]


def read_koala(record: dict[str, Any], options: Options = DEFAULT) -> list[Dialogue]:  # noqa: ARG001
    """Koala: ``human_0``, ``gpt_1``, ``human_2`` … by number."""
    keys = [key for _, key in _numbers(record, ("human", "gpt"))]
    letters = "".join("u" if key[0] == "h" else "a" for key in keys)
    tags = [key.split("_")[0] for key in keys]
    return [dialogue(record, Turns(letters, [text_of(record[key]) for key in keys], tags))]


def history(value: Any, options: Options) -> Turns:
    """The turns of a history: pairs of question and answer, as lists or under keys, or messages with roles.

    Raises:
        Mismatch: it is neither.
    """
    letters: list[str] = []
    texts: list[str] = []
    tags: list[str] = []
    pairs = items(value)
    for pair in pairs:
        if isinstance(pair, dict):
            asked, replied = first(pair, _PAIR_ASKS), first(pair, _PAIR_REPLIES)
            keys = [key for key in (asked, replied) if key]
            if not keys:
                return turns(pairs, options)
            letters.append(("u" if asked else "") + ("a" if replied else ""))
            texts += [text_of(pair[key]) for key in keys]
            tags += keys
        elif isinstance(pair, list | tuple) and len(pair) == 2:
            letters.append("ua")
            texts += [text_of(said) for said in pair]
            tags.append("history")
        else:
            raise Mismatch
    return Turns("".join(letters), texts, tags)


def after_history(record: dict[str, Any], said: Turns, options: Options) -> Turns:
    """The turns of the record's ``history``, where it has one, then those that were just said."""
    before = record.get("history")
    return history(before, options).then(said) if isinstance(before, list | tuple | dict | str) and before else said


def text_of(value: Any) -> str:
    """The text of a field that holds one message.

    Raises:
        Mismatch: it holds an object, or a list of objects.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(part, dict | list) for part in value)):
        raise Mismatch
    return plain(value)


def numbered(dialogues: list[Dialogue]) -> list[Dialogue]:
    """The dialogues of one record, their ids made distinct by a number where there are several."""
    if len(dialogues) == 1:
        return dialogues
    return [one._replace(id=f"{one.id}/{i}") if one.id else one for i, one in enumerate(dialogues)]


def _numbers(record: dict[str, Any], names: Iterable[str]) -> list[tuple[int, str]]:
    """Number and key of the fields called NAME_NUMBER, in order of the numbers."""
    found = []
    for key in record:
        match = _NUMBERED.fullmatch(key) if isinstance(key, str) else None
        if match and match[1] in names:
            found.append((int(match[2]), key))
    if not found:
        raise Mismatch
    return sorted(found)
