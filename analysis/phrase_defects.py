"""Families that phrases open: what a model says of itself, and messages that are out of place.

The families are apart, for most false hits of the published lists come from words that only name a topic. A phrase of
its set opens the gate to a message; what stands around it decides: who speaks, of what, and where in the message.
"""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis import missing_modality, politeness, refusal, self_reference, turn_defects, vendor_names
from ultraqa.analysis.triggers import Family, Hit
from ultraqa.analysis.wording import any_of, hit, phrases, spotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Seen

# --- disclaimer ------------------------------------------------------------------------------------------------------

_KINDS: Final = "legal|medical|financial|investment|tax|professional|health|psychological|veterinary"
_ADVICE: Final = f"(?:{_KINDS})"
_PROFESSIONAL: Final = "(?:professional|expert|advis[eo]r|specialist|practitioner|provider|attorney|lawyer)"
_NO_ADVICE: Final = (
    r"(?: (?:be|to|intended|meant|an?|taken|considered|construed|used|as|constitute|replace|substitute|"
    r"for|"
    r"provide|offer|give|and|or|and/or|any|qualified|able|general)){0,9}"
    rf"(?:,? (?:or )?{_ADVICE}\b){{1,4}}(?:,? (?:or |and )?\w+){{0,2}}? advice\b"
)
_DISCLAIMER: Final = any_of(
    rf"n['’]t{_NO_ADVICE}",
    words=(
        r"I\b[^.!?\n]{0,60}?\b(?:do not|don['’]?t|cannot|can['’]?t)(?: (?:really|actually))? (?:have|possess|hold|"
        r"experience|feel)"
        r"(?: (?:any|an?|the|my own))? (?:(?:personal|human|subjective)(?: or \w+)? |thoughts,? (?:or |and )?)?"
        r"(?:opinions|feelings|emotions|beliefs|preferences|consciousness|sentience|self-awareness|biases|"
        r"experiences|physical (?:body|form|presence)|"
        r"(?<=personal )(?:opinion|experience|belief|preference|thoughts|views|memories))\b"
        r"(?! (?:of|for|towards?|left|with|working|in)\b)",
        r"I\b[^.!?\n]{0,60}?\b(?:do not|don['’]?t|cannot|can['’]?t|unable to|"
        r"not able to)(?: currently)?(?: have)? access "
        r"(?:to )?(?:the )?(?:real[- ]time|live|current|up-to-date|internet)\b",
        f"not{_NO_ADVICE}",
        r"for (?:general |purely )?(?:informational|educational|informative|information)(?: and \w+)? purposes only\b",
        rf"I(?:['’]m| am) not (?:an? |your )(?:doctor|lawyer|attorney|physician|(?:\w+ ){{1,3}}?{_PROFESSIONAL})\b",
        rf"(?:always|please|remember to|to) (?:\w+ )?consult (?:with )?an? "
        rf"[^.!?\n]{{0,30}}?{_PROFESSIONAL}\b[^.!?\n]{{0,60}}?"
        r"\bbefore (?:you )?(?:start|begin|mak|tak|try|us|consider|undertak)\w* "
        r"(?:any|an?|this|these|such|your|dietary)\b",
    ),
)


def disclaimer(seen: Seen) -> Iterator[Hit]:
    """Boilerplate by which a reply takes back its weight ("I don't have personal opinions", "this is no legal advice").

    Of four kinds: no opinions, feelings or body; no access to current data; no legal, medical or financial advice and
    no expert; consult a professional before you start. Not counted: advice to see a doctor for the matter at hand, "I
    don't have feelings for you", speech in quotation marks or behind a speaker's name. English.

    Source: UltraChat-200k drops dialogues with "I do not have emotions" or "I don't have opinions".
    """
    return starmap(hit, spotted(seen, "disclaimer", "a", _DISCLAIMER))


# --- knowledge_cutoff ------------------------------------------------------------------------------------------------

_KNOWLEDGE_CUTOFF: Final = any_of(
    r"我[^。！？\n]{0,12}?(?:知识|训练数据|数据|信息)[^。！？\n]{0,16}?截[止至][^。！？\n]{0,8}?20[12]\d",
    r"我截[止至][^。！？\n]{0,4}20[12]\d[^。！？\n]{0,6}的知识|20[12]\d[^。！？\n]{0,8}我的知识截[止至]",
    r"我的(?:知识|了解|训练)[^。！？\n]{0,12}?(?:限于|止于|只到|更新到|更新至)[^。！？\n]{0,8}?20[12]\d",
    words=(
        r"(?:as of|until|since|after|before|at) my (?:last|latest|most recent) "
        r"(?:update|(?:training|knowledge)(?: update| cut-?off)?)\b",
        r"my (?:last |latest |most recent )?(?:knowledge|training)(?: data| base)? (?:update|cut-?off|cut off)\b",
        r"my (?:knowledge|training data|training|data|information|database)(?: base)? "
        r"(?:is |was |only |does not |doesn['’]t |ends? |stops? |extends? |goes |has |cuts )[^.!?\n]{0,70}?"
        r"\b20[12]\d\b",
        r"my training data (?:does not|doesn['’]t|only|ends|stops|goes|extends)\b",
        r"I (?:was|have been|am)(?: only)? (?:last )?(?:updated|trained) [^.!?\n]{0,60}?\b(?:until|up to|in|as of) "
        r"(?:\w+ )?20[12]\d\b",
    ),
)


def knowledge_cutoff(seen: Seen) -> Iterator[Hit]:
    """Replies that say up to when their knowledge reaches ("As of my last knowledge update in September 2021").

    Not counted: dates of facts ("as of 2021"), knowledge without an end, speech in quotation marks. English, Chinese.

    Source: open-instruct's filter of cut-off dates.
    """
    return starmap(hit, spotted(seen, "knowledge_cutoff", "a", _KNOWLEDGE_CUTOFF))


# --- topic_words -----------------------------------------------------------------------------------------------------


def topic_words(seen: Seen) -> Iterator[Hit]:
    """Words by which published filters guess at moralising ("ethical", "bias", "harmful"), whatever they mean here.

    No defect: they name a topic as often as not (a skirt is cut on the bias). They are counted to compare a dataset
    with what those filters would drop.

    Source: the lists of Vicuna unfiltered and OpenChat hold such words; most of their hits come from them.
    """
    found = phrases(seen, "topic_words", "a")
    first = np.unique(found[:, 0], return_index=True)[1]
    return (Hit(message, 0, 0, seen.spelled[int(phrase)]) for message, _, _, phrase in found[first].tolist())


FAMILIES: Final[tuple[Family, ...]] = (
    *self_reference.FAMILIES,
    *refusal.FAMILIES,
    Family("disclaimer", disclaimer, "a"),
    Family("knowledge_cutoff", knowledge_cutoff, "a"),
    *vendor_names.FAMILIES,
    Family("topic_words", topic_words, "a", trait=True),
    *politeness.FAMILIES,
    *turn_defects.FAMILIES,
    *missing_modality.FAMILIES,
)
PHRASES: Final[dict[str, tuple[str, ...]]] = {
    **self_reference.PHRASES,
    **refusal.PHRASES,
    "disclaimer": (
        "(have|possess|hold|experience|feel) (any|a|an|the|my own|) (personal|human|subjective|thoughts|opinions|"
        "feelings|emotions|beliefs|preferences|consciousness|sentience|self awareness|biases|experiences|physical)",
        "access (to|) (the|) (real time|live|current|up to date|internet)",
        f"({_KINDS}) (or|and|) ({_KINDS}|) advice",
        "(informational|educational|informative|information) (and|) purposes only",
        "purposes only",
        "(i'm|i am) not (a|an|your)",
        "consult (with|) (a|an)",
    ),
    "knowledge_cutoff": (
        "my (last|latest|most recent|) (knowledge|training|data|information|database|update)",
        "i (was|have been|am) (only|) (last|) (updated|trained)",
        "(知识|数据|信息|了解|训练)(日期|)截(止|至)",
        "截(止|至)",
        "(限于|止于|只到|更新到|更新至)",
    ),
    **vendor_names.PHRASES,
    "topic_words": (
        "(ethical|ethically|unethical|ethics|immoral|morality|bias|biased|biases|prejudice|stereotype|stereotypes|"
        "discrimination|discriminatory|racism|racist|sexism|sexist|harmful|harassment|offensive|inappropriate|illegal|"
        "unlawful|hateful|hate speech|misinformation|inclusive|inclusivity|diversity|marginalized|consent)",
        "important to (note|remember|consider|respect)",
    ),
    **politeness.PHRASES,
    **turn_defects.PHRASES,
    **missing_modality.PHRASES,
}
