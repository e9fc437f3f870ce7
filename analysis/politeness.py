"""Thanks without a request, and the welcome that follows: the family ``politeness``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ultraqa.analysis.triggers import Family, Hit
from ultraqa.analysis.wording import any_of, asked, gated
from ultraqa.dialogues.batch import ASSISTANT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Seen

_BRIEF: Final = 60
"""Words up to which a message may be nothing but thanks, or a welcome."""

_INTERJECTION: Final = (
    r"(?:(?:oh|wow|ah|ok(?:ay)?|yes|yeah|yep|no|nope|great|awesome|perfect|cool|nice|excellent|wonderful|amazing|"
    r"fantastic|"
    r"al ?right|all right|well|good|got it|i see|sure|hey|hi|hello|brilliant|super|lovely)[, ]+)*"
)
_THANKS: Final = (
    r"(?:(?:many|much|a million|a big|big|huge|once again|again) )?(?:thank(?:s| you|you)|thx|i (?:really |truly |so |"
    r"do |"
    r"greatly )*appreciate)\b"
)
# How else a sentence of a message of thanks begins: praise, what the user feels and will do, farewell.
_BESIDES: Final = (
    r"(?:you(?:['’]re| are|['’]ve| have)|th(?:is|at)(?:['’]s| is| was| has| sounds| makes| helps| helped)|"
    r"th(?:e|o)se (?:are|sound|were)|it(?:['’]s| is| was| really)|i(?:['’]ll| will) |i(?:['’]m| am) (?:(?:so|very|"
    r"really|truly|quite) )*"
    r"(?:glad|happy|grateful|thankful|impressed|relieved|excited|sure|done|looking forward)|i can['’]?t wait|"
    r"i (?:(?:really|just|truly) )*(?:love|like|liked|loved|enjoyed|hope) (?:it|this|that|these|those|the|your|you|so)|"
    r"i (?:don['’]?t|do not) need (?:anything|any)|(?:have|enjoy) (?:a|an|your|the)|good ?bye|bye|good night|"
    r"see (?:you|ya)|"
    r"take care|you too|same to you|keep (?:it )?up|(?:(?:very|so|really|super|extremely|most) )*(?:helpful|useful|"
    r"great|good|"
    r"nice|awesome|amazing|perfect|wonderful|excellent|cool|interesting|informative)|what a|nothing else|"
    r"much appreciated|cheers|"
    r"god bless|well done|i (?:see|understand|got it|do|will)\b|got it|ok(?:ay)?\b|looking forward|"
    r"your (?:help|advice|answer|explanation|tips))"
)
_POLITE: Final = re.compile(rf"[\W_]*{_INTERJECTION}(?:{_THANKS}|{_BESIDES}|\Z)", re.IGNORECASE)
_POLITE_ZH: Final = re.compile(r"\W*(?:好的?|非常|太|真的|十分|很)?\W{0,2}(?:谢谢|感谢|多谢)\w{0,6}\W*")
_THANKING: Final = re.compile(r"\b(?:thanks|thank ?you|thx|(?<!would )appreciate[ds]?)\b|谢谢|感谢|多谢", re.IGNORECASE)
_SENTENCES: Final = re.compile(r"[^.!?\n。！]+")

_ORDERS: Final = (
    "give|write|rewrite|tell|explain|translate|make|list|show|continue|add|change|create|summari[sz]e|describe|"
    "generate|find|"
    "fix|use|try again|shorten|expand|provide|convert|compare|suggest|do (?:it|that|this|the)|put|remove|replace|"
    "update|go on|"
    "start|repeat|help|let['’]?s"
)
_WANTS: Final = any_of(
    r"[?:？：]|\bplease\b|\b(?:can|could|would|will) you\b|\bi (?:need|want|have (?:a|another|one)|would like|wonder|"
    r"am wondering)\b",
    r"\bi['’]d (?:like|love)\b|\b(?:but|however|instead|unfortunately|except)\b|\bin advance\b|\bfor asking\b",
    r"\b(?:how|what|why|which|where|when) (?:to|do|does|did|is|are|can|about|if)\b",
    rf"(?:[,;.!–-]|\b(?:and|now|then|next|so|thanks|thank you|thx|great|ok(?:ay)?|perfect))\s*(?:(?:now|next|then|also|"
    rf"just) )?(?:{_ORDERS})\b",
    "请|吗|帮我|如何|怎么|什么",
)
_ANSWERS: Final = re.compile(
    r"\W*(?:yes|yeah|yep|yup|sure|no|nope|ok(?:ay)?|please|that (?:would|is|sounds)|that['’](?:d|s)|not|i(?:['’]m| am)|"
    r"sounds)\b",
    re.IGNORECASE,
)
_WELCOMES: Final = any_of(
    r"\byou(?:['’]re| are) (?:(?:very|most|so|always|more than|quite) )*welcome\b|\bmy pleasure\b|\ba pleasure\b|"
    r"\bno problem\b",
    r"\b(?:glad|happy|pleased)(?: that)? (?:I could|I was able|to|you|to have)\b|\bany ?time\b|\bdon['’]t mention it\b",
    r"\bthank(?:s| you)\b|\bhave a (?:great|nice|good|wonderful|lovely|fantastic)\b|\byou too\b|不客气|不用谢",
)


def politeness(seen: Seen) -> Iterator[Hit]:
    """User messages that only thank or praise, and the "You're welcome" that follows them.

    Every sentence must be thanks, praise, farewell or what the user will do now, and none may ask for anything. Not
    counted: "Thanks! Now translate it into French", answers to a question ("Yes, that would be great, thanks"),
    messages of more than 60 words, replies that go on with a list or a text. English and Chinese.

    Source: UltraChat's own filter: excessively polite statements such as "Thank you", and the "You're welcome" after.
    """
    roles, words = seen.batch.roles, seen.words.words
    for message in gated(seen, "politeness", "u"):
        if words[message] > _BRIEF or not _only_thanks(seen, message):
            continue
        yield _whole(seen, message, "thanks without a request")
        after = message + 1
        follows = after < len(roles) and roles[after] == ASSISTANT and seen.before(after) == message
        if follows and words[after] <= _BRIEF and _only_welcomes(seen.text(after)):
            yield _whole(seen, after, "answer to thanks")


def _only_thanks(seen: Seen, message: int) -> bool:
    text = seen.text(message)
    if not _THANKING.search(text) or _WANTS.search(text) or (_ANSWERS.match(text) and asked(seen, message)):
        return False
    sentences = [one for one in _SENTENCES.findall(text) if re.search(r"\w", one)]
    return all(_POLITE.match(one) or _POLITE_ZH.fullmatch(one) for one in sentences)


def _only_welcomes(text: str) -> bool:
    return bool(_WELCOMES.search(text)) and ":" not in text and not re.search(r"\n\s*(?:\d+\.|[-*•])", text)


def _whole(seen: Seen, message: int, detail: str) -> Hit:
    return Hit(message, 0, len(seen.text(message)), detail)


FAMILIES: Final = (Family("politeness", politeness, "ua"),)
PHRASES: Final = {"politeness": ("(thank|thanks|thankyou|thx|appreciate|appreciated|appreciates|谢谢|感谢|多谢)",)}
