"""Marks of a user message: how it asks, is written, objects, leans on the reply before it and closes. English.

All are read from the surface, by short lists of words and openings, so that a reader can check each by eye. ``text`` is
the message as it stands, ``lowered`` the same in lower case without outer blanks and with straight apostrophes,
``words`` its runs of letters with inner apostrophes, ``reply`` what the assistant said before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_START: Final = 200  # characters in which an act is looked for; pasted text mostly stands after them
_CLOSING_WORDS: Final = 40
_CLOSERS: Final = " \t\r\n\"'”’»)]}*_`"
_FINAL_MARKS: Final = (".", "?", "!", "…", "。", "？", "！")
_POLITE: Final = frozenset({
    "please", "pls", "plz", "thank", "thanks", "thankyou", "thx", "appreciate", "appreciated", "grateful",
})  # fmt: skip
_FUNCTION_WORDS: Final = frozenset(
    WORD.findall(
        """
        a an the this that these those some any each every either neither none both all most more less few fewer much
        many other others another such same own i me my mine myself we us our ours you your yours yourself he him his
        she her hers it its itself they them their theirs who whom whose which what when where why how and or but nor so
        yet if then than as because while although though whether until unless since about above after again against
        along also among around at before behind below between by down during for from in inside into like near of off
        on onto out outside over through to toward towards under up upon with within without not no don't doesn't didn't
        isn't aren't wasn't weren't can't cannot won't couldn't wouldn't shouldn't haven't hasn't hadn't i'm i've i'd
        i'll you're you've you'd you'll he's she's it's we're we've they're they've that's there's what's who's let's am
        is are was were been being be do does did done doing have has had having can could may might must shall should
        will would ought here there now just only even still too very really quite rather yes yeah ok okay please thanks
        thank well oh
        """
    )
)
_ASSISTANT_OPENING: Final = re.compile(
    r"as an? (?:\w+ ){0,3}(?:ai|model|assistant)(?: \w+){0,3},? i\b"
    r"|i(?:'m| am) (?:just |only )?an? (?:ai(?: language model| assistant|[,.!])|(?:large )?language model\b)"
    r"|(?:sure|certainly|absolutely|of course)(?: thing)?[,!.:]+ "
    r"(?:here|let me|i(?:'d| would) be|i can (?:help|assist))"
    r"|certainly!|you(?:'re| are) (?:very |most )?welcome"
    r"|i(?:'d| would) be (?:more than )?(?:happy|glad) to (?:help|assist|provide|explain)"
    r"|(?:i'm )?(?:happy|glad) (?:to|i could) (?:help|assist|be of)"
    r"|i(?:'m| am) sorry,? but (?:as an|i (?:can't|cannot|am unable|am not able))"
    r"|i apologi[sz]e for (?:the|any) (?:confusion|inconvenience|error|mistake|oversight|misunderstanding)"
    r"|(?:(?:hello|hi|hey)[!,.]* )?how (?:can|may) i (?:help|assist) you"
)
_ASSISTANT_OFFERS: Final = ("anything else i can help", "anything else i can assist")
_NO: Final = re.compile(
    r"(?:no|nope|nah|actually|not (?:really|quite|exactly|true))(?:[,.!;]|$| (?:i|it|its|it's|you|that|this|but|not)\b)"
)
_OBJECTION: Final = re.compile(
    r"^(?:wrong|incorrect|wait)\b"
    r"|(?:^|[.!?,;] )(?:(?:but|and|well|hm+|oh|no|sorry|hey),? )*(?:"
    r"(?:that|this|it)(?:'?s| is| was) (?:wrong|incorrect|false)\b"
    r"|(?:that|this|it)(?:(?:'?s| is| was| does| did) not| isn'?t| wasn'?t| doesn'?t| didn'?t)"
    r" (?:right|correct|true|accurate|enough|how|quite|exactly|what|work)"
    r"|you (?:forgot|missed|misunderstood|ignored|didn'?t|did not|made a mistake|are wrong)\b"
    r"|i (?:meant|said|asked|disagree|don'?t agree|do not agree)\b"
    r"|(?:please )?(?:try|do it) again|are you sure)"
    r"|not what i |\bstill (?:not (?:right|correct|work|it|what)|wrong|doesn'?t|getting (?:the|an|this|that|same))"
)
_DEPENDENT_OPENING: Final = re.compile(
    r"(?:and|but|so|or|then|also|because|what about|how about|what else|why|how so|how come|really|that|that's|same|"
    r"more|another|others?|any (?:other|more|others)|continue|go on|go ahead|keep|next|expand|elaborate|yes|yeah|yep|"
    r"no|nope|ok|okay|sure|now|instead|again|the (?:first|second|third|last|former|latter|same|other|next))\b"
)
_ANAPHORA: Final = frozenset(
    WORD.findall("it its it's they them their he him his she her this these those above previous")
)
_CLOSING: Final = re.compile(
    r"\b(?:thank(?:s| you)|thx|(?:good)?bye|see (?:you|ya)|take care|talk to you (?:later|soon)"
    r"|have a (?:great|good|nice|wonderful|lovely)|"
    r"(?:nice|good|great|awesome|lovely) (?:chat|talk|speaking|meeting|to (?:chat|talk))"
    r"|that(?:'s| is) all|that(?:'s| is| was) (?:very |really |so )?helpful|that helps|i appreciate"
    r"|in (?:summary|conclusion)|to sum up|better understanding)"
)
_REQUEST: Final = re.compile(r"\b(?:please|can you|could you|would you|now)\b")


def questions(text: str) -> bool:
    """User messages that hold a question mark."""
    return "?" in text or "？" in text


def unpunctuated(text: str) -> bool:
    """User messages that do not end in a full stop, question mark, exclamation mark or ellipsis.

    Closing quotes and brackets are looked through. Higher = more informal; also pasted code, lists and addresses.
    """
    return not text.rstrip(_CLOSERS).endswith(_FINAL_MARKS)


def lower_start(text: str) -> bool:
    """User messages that begin with a lower-case letter.

    Higher = more informal.
    """
    return text.lstrip()[:1].islower()


def polite(words: Iterable[str]) -> bool:
    """User messages with a word of asking or thanking: please, thanks, appreciate, grateful.

    Source: the strategies "please" and "gratitude" of Danescu-Niculescu-Mizil et al. 2013, ACL, 250-259.
    """
    return not _POLITE.isdisjoint(words)


def assistant_like(lowered: str) -> bool:
    """User messages that open like an assistant's ("Certainly!", "As an AI", "Happy to help") or offer further help.

    Higher = more role exchange, in which a simulated user begins to answer. Two people who chat also say "you're
    welcome". Source: the failure that the UltraChat paper names (Ding et al. 2023, section 3.4).
    """
    return bool(_ASSISTANT_OPENING.match(lowered)) or any(offer in lowered for offer in _ASSISTANT_OFFERS)


def friction(lowered: str, reply: str) -> bool:
    """Follow-ups that object or ask for repair near their start: no, actually, that's wrong, you forgot, I meant.

    Higher = more resistance, the friction that simulated users are reported to lack. "No", "actually" and "not really"
    after a reply that ends in a question are answers and do not count.
    """
    start = lowered[:_START]
    refused = bool(_NO.match(start)) and not reply.rstrip(_CLOSERS).endswith(("?", "？"))
    return refused or bool(_OBJECTION.search(start))


def dependent(lowered: str, words: Sequence[str]) -> bool:
    """Follow-ups that cannot stand alone by their form: they open with a connective or an ellipsis, or point back.

    Connectives and ellipses: and, but, then, what about, why, yes, the second. Pointing back: a third-person or
    demonstrative pronoun among the first six words ("that" only as the first). Higher = more dependent on the reply.
    """
    return bool(_DEPENDENT_OPENING.match(lowered)) or not _ANAPHORA.isdisjoint(words[:6])


def echo(words: Sequence[str], reply: Sequence[str]) -> bool:
    """Follow-ups that share four consecutive words with their reply.

    Higher = more copied wording. A count of messages, so that a long paste weighs no more than a short echo; longer
    messages and replies meet by chance more often.
    """
    grams = set(_fourgrams(words))
    return bool(grams) and not grams.isdisjoint(_fourgrams(reply))


def given(words: Iterable[str], reply: Iterable[str], earlier: Iterable[str]) -> int:
    """Content words of follow-ups that their reply introduced: they stand in it and in no earlier user message.

    Higher = more is taken up from the assistant, lower = the user goes on alone. Its share is the given ratio, of all
    words of the follow-ups. Function words are no content words.
    """
    introduced = set(reply).difference(_FUNCTION_WORDS, earlier)
    return sum(map(introduced.__contains__, words))


def closing(text: str, lowered: str, words: Sequence[str]) -> bool:
    """1 where the last user message closes the dialogue: thanks, a farewell or a summary of at most 40 words.

    Undefined without a follow-up; a message that asks or requests something closes nothing. Higher = more dialogues are
    brought to an end, lower = more are cut off or never end.
    """
    if len(words) > _CLOSING_WORDS or questions(text):
        return False
    return bool(_CLOSING.search(lowered)) and not _REQUEST.search(lowered)


def _fourgrams(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return zip(words, words[1:], words[2:], words[3:], strict=False)
