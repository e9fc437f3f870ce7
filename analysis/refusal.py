"""Replies that decline what was asked: the family ``refusal``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ultraqa.analysis.self_reference import MODEL
from ultraqa.analysis.triggers import Family, Hit
from ultraqa.analysis.wording import any_of, hit, spotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Seen

_OPENING: Final = 60
"""Words from the beginning of a message in which a refusal stands: further down it is mostly part of a text."""

_SERVE: Final = (
    "assist|help you|help with|fulfil|fulfill|comply|provide|answer|respond to|generate|create|produce|write|compose|"
    "complete this|complete that|complete the|complete your|perform|offer|give you|engage in|participate in|discuss|"
    "share that|share any|share personal|continue the|continue a|continue this|continue with|do that|do this"
)
_ACT: Final = (
    "access|predict|browse|book|order|play|set|send|open|draw|execute|run|make a|make an|make any|make reservations|"
    "make subjective|make personal|translate|summarize|summarise|display|show|help|place|schedule|carry out|watch|"
    "listen|"
    "search|retrieve|extract|correct|edit|verify|decide|recommend a|recommend any|recommend specific|promote|condone|"
    "encourage"
)
_UNABLE: Final = (
    "can't|cant|cannot|can not|won't be able to|will not be able to|will be unable to|unable to|not able to|"
    "not programmed to|not designed to|not allowed to|not permitted to|not equipped to"
)
_HOW: Final = "directly|currently|fully|simply|really|personally|actually|ethically"
_SORRY: Final = r"(?:sorry|apologi[sz]e|apologies|unfortunately|regret|afraid)\b"
_APOSTROPHE: Final = _UNABLE.replace("'", "['’]")
_CANNOT: Final = rf"I(?<!s that I)(?: am|['’]m)?(?: (?:{_HOW}|also))? (?:{_APOSTROPHE})(?: (?:{_HOW}))?"
_LETTER: Final = re.compile(r"\W{0,20}(?:dear|subject|to|from|hi|hello|hey)\b[^\n]{0,60}\n", re.IGNORECASE)
_ZH_CANNOT: Final = "(?:无法|不能|没有办法|没办法|不可以|没有能力)"
_ZH_ACT: Final = (
    "(?:提供|回答|帮助|协助|满足|完成|执行|生成|访问|浏览|打开|创建|继续|支持|给出|处理|解释您的|拥抱|加入|与链接|回忆)"
)
_REFUSAL: Final = any_of(
    # Chinese
    rf"(?:抱歉|对不起|很遗憾|不好意思)[^。！？\n]{{0,30}}?{_ZH_CANNOT}[^。！？\n]{{0,4}}?{_ZH_ACT}",
    rf"(?:\A|因此，?|所以，?)我{_ZH_CANNOT}(?:提供|满足|帮助|协助|回答)",
    # Spanish, German, French, Portuguese
    r"\A\W*(?:lo siento|lamentablemente|disculp[ae])\b[^.!?\n]{0,60}?\bno (?:puedo|me es posible)\b",
    r"\A\W*(?:es tut mir (?:sehr )?leid|entschuldigung|leider)\b[^.!?\n]{0,60}?\b(?:kann ich|ich kann)\b[^.!?\n]{0,80}?"
    r"\b(?:nicht|keine?n?)\b",
    r"\A\W*(?:je suis )?(?:désolée?|navrée?|malheureusement)\b[^.!?\n]{0,60}?\bje ne (?:peux|suis pas en mesure)\b",
    r"\A\W*(?:desculpe|sinto muito|lamento|infelizmente)\b[^.!?\n]{0,60}?\bnão (?:posso|consigo|é possível)\b",
    words=(
        rf"{_CANNOT} (?:{_SERVE})\b",
        rf"(?:{_SORRY}|(?:as|I am|I['’]m) (?:just )?an? {MODEL})[^.!?\n]{{0,120}}?\b{_CANNOT} (?:{_ACT})\b",
        rf"{_SORRY}[^.!?\n]{{0,80}}?\bI (?:currently )?(?:do not|don['’]?t) (?:have|possess) (?:the |any )?"
        r"(?:capability|capabilities|ability|abilities|functions?|functionality|permissions?|access)\b",
        r"I (?:must|have to|will have to) (?:respectfully )?(?:decline|refuse)\b",
        r"I(?:['’]m| am) not comfortable (?:with|\w+ing)\b",
        rf"it (?:is|would be) (?:not appropriate|inappropriate|unethical|not ethical|"
        rf"not possible) for me to (?:{_SERVE})\b",
    ),
)


def refusal(seen: Seen) -> Iterator[Hit]:
    """Replies that decline, wholly or in part, to do what was asked ("I'm sorry, but I cannot fulfil that request").

    First person, a verb of helping or fulfilling, and a place within the first 60 words are needed. Not counted:
    letters that turn something down ("I'm sorry, I can't come"), speech in quotation marks or behind a speaker's name,
    "I cannot recommend it enough", questions for more information. A refusal of a harmful request is counted like one
    of a harmless request. English, Chinese, Spanish, German, French and Portuguese.

    Source: GPT4All-J v1.2 and Airoboros drop replies that begin so; here the verb decides as well.
    """
    for message, match in spotted(seen, "refusal", "a", _REFUSAL, words=_OPENING):
        if not _LETTER.match(match.string):
            yield hit(message, match)


FAMILIES: Final = (Family("refusal", refusal, "a"),)
PHRASES: Final = {
    "refusal": (
        f"({_UNABLE}) ({_HOW}|{_SERVE}|{_ACT})",
        "i (currently|) (don't|dont|do not) (have|possess) (the|any|) (capability|capabilities|ability|abilities|"
        "function|"
        "functions|functionality|permission|permissions|access)",
        "i (must|have to|will have to) (respectfully|) (decline|refuse)",
        "(i'm|i am) not comfortable",
        "(appropriate|inappropriate|unethical|ethical|possible) for me to",
        "(抱歉|对不起|很遗憾|不好意思|我无法|我不能|我没有办法)",
        "(lo siento|lamentablemente|disculpa|disculpe|tut mir leid|tut mir sehr leid|entschuldigung|leider|désolé|"
        "désolée|"
        "navré|navrée|malheureusement|desculpe|sinto muito|lamento|infelizmente)",
    )
}
