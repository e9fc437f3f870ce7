"""Replies that are their own prompt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.repeats import echoes
from ultraqa.analysis.triggers import Family, Hit
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ultraqa.analysis.triggers import Seen

_SHARE: Final = 0.8  # of a reply's 4-grams
_WORDS: Final = 8  # a shorter reply may be an option picked from the prompt
_ADDED: Final = 0.05  # of a reply's words and numbers that do not stand in the prompt: an answer said in full adds some

_WORD: Final = re.compile(r"\w+")
_CHANGES: Final = re.compile(
    r"\b(?:translat|traduc|correct|rewrit|re-writ|edit|repeat|proof-?read|paraphras|rephras|reword|restat|punctuat"
    r"|capitali[sz]|re?format|convert|transform|replac|insert|remov|delet|fix|improv|revis|rearrang|reorder|complet"
    r"|continu|fill|finish|highlight|underlin|bold|copy|copied|quot|recit|spell|grammar|modif|simplif|polish|annotat"
    r"|transcri|echo|print|output|typo|bug|mistake|identify|verbatim|word for word)\w*"
    r"|改|翻译|重复|纠正|润色|校对|补全|填|续写|반복|번역|수정",
    re.IGNORECASE,
)


def prompt_echo(seen: Seen) -> Iterator[Hit]:
    """Replies that say the message before them again: they hold its first four words, and add next to nothing.

    More than .8 of a reply's 4-grams stand in the message before it, .05 of its words and numbers at most do not, and
    it is at most a quarter longer or shorter. Not counted: replies of less than eight words, and prompts that ask for a
    text to be corrected, translated, rewritten, completed or said again. Higher = worse.
    """
    replies = _long_as_prompt(seen)
    share = echoes(seen.words.hashes, replies, replies - 1)
    for message, part in zip(replies[share > _SHARE].tolist(), share[share > _SHARE].tolist(), strict=True):
        prompt, reply = seen.text(message - 1), seen.text(message)
        if not _CHANGES.search(prompt) and _adds_nothing(reply, prompt):
            yield Hit(message, 0, len(reply), f"{part:.0%} of its 4-grams stand in the prompt")


def _adds_nothing(reply: str, prompt: str) -> bool:
    given = set(_WORD.findall(prompt.lower()))
    said = _WORD.findall(reply.lower())
    return sum(word not in given for word in said) <= _ADDED * len(said)


def _long_as_prompt(seen: Seen) -> NDArray[np.int64]:
    """Replies to a user message that have eight words or more, and not a quarter more or less than it."""
    roles, n = seen.batch.roles, seen.words.words
    replies = np.flatnonzero((roles[1:] == ASSISTANT) & (roles[:-1] == USER)) + 1
    firsts = np.zeros(len(roles) + 1, np.bool_)
    firsts[seen.batch.dialogue_offsets] = True
    replies = replies[~firsts[replies]]
    ours, theirs = n[replies].astype(np.int64), n[replies - 1].astype(np.int64)
    return replies[(ours >= _WORDS) & (5 * ours >= 4 * theirs) & (4 * ours <= 5 * theirs)]


FAMILIES: Final = (Family("prompt_echo", prompt_echo, roles="a"),)
