"""Sectors: which of UltraChat's three kinds of request opens a dialogue, by rules that say what decided."""

from __future__ import annotations

import re
from math import nan
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.measure import Measure, TextColumn
from ultraqa.analysis.metric import Result
from ultraqa.analysis.statistics import Clusters, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.part import Part
    from ultraqa.dialogues.batch import Dialogue

WORLD: Final = 1
CREATION: Final = 2
MATERIAL: Final = 3
NAMES: Final = {WORLD: "world", CREATION: "creation", MATERIAL: "material"}

# Tuned on the split "tuning" of tests/golden/sectors.json; docs/sectors.md says how the rules do on the other.
_HEAD: Final = 600  # characters from the start, and from the end, in which a request is looked for
_TAIL: Final = 300
_CODE_WITHIN: Final = 4_000  # characters in which code is looked for
_PASSAGE: Final = 80  # words of a message that may be a text in the third person with a request
_QUOTATION: Final = 25  # words between quotation marks that are a text of their own
_SELF_SHARE: Final = 0.012  # "I" and "my" among the words: at least as many, and the author tells of himself

_PLAIN: Final = str.maketrans("‘’“”\u00a0", "''\"\" ")

# Texts that a request can be about. Words, ingredients or countries are what an answer is made of, not material.
_TEXT = (
    r"(?:texts?|passages?|paragraphs?|sentences?|phrases?|statements?|article|story|poem|essay|e-?mails?|letter"
    r"|documents?|report|reviews?|tweets?|posts?|messages?|quotes?|excerpt|abstract|section|content|conversation"
    r"|dialog(?:ue)?|chat|transcript|lyrics|speech|code|functions?|snippet|script|program|query|html|json|css"
    r"|equations?|tables?|data|dataset|matrix|array|string|painting|picture|image|resume|headline|idiom|proverb"
    r"|results|paper|style)\b"
)
_VERB = (
    r"(?:write|compose|draft|create|generate|design|develop|build|construct|invent|imagine|brainstorm|come up with"
    r"|make up|make(?= (?:me |us )?(?:an?|some) )|produce|craft|code|program|implement|devise|formulate)\b"
    r"(?: (?:me|us|them)\b)?"
)
_PRODUCT = (
    r"(?:poem|haiku|limerick|song|rap|story|tale|scene|plot|dialogue|screenplay|script|joke|pun|riddle|essay|article"
    r"|blog|post|tweet|speech|letter|e-?mail|invitation|resume|proposal|press release|advertisement|ad|slogan|tagline"
    r"|headline|titles?|caption|names? for|lesson plan|quiz|recipe|itinerary|business plan|metaphor|simile|analogy"
    r"|mnemonic|acronym|logo|prompt|code|program|function|template|protagonist|character)\b"
)


def _pattern(*parts: str) -> re.Pattern[str]:
    return re.compile("".join(parts), re.IGNORECASE)


_POLITE = _pattern(
    r"(?:(?:hi|hello|hey|ok|okay|please|kindly|now|then|so|first)\b[,.! ]+"
    r"|(?:can|could|would|will) you (?:please |kindly |also |just )?|(?:help|assist) (?:me |us )?(?:to )?"
    r"|(?:i|we)(?: would|'d) like (?:you )?to |(?:i|we) (?:want|need) (?:you )?to |you (?:need|have) to |let's )+"
)
_REWORK = _pattern(
    r"(?:^|\b(?:and|please|you|then) )"
    r"(?P<cue>(?:re-?write|re-?phrase|re-?word|paraphrase|translate|proof-?read)\b)(?! (?:an?|some)\b)"
)
_TREAT = _pattern(
    r"(?:\w+ ){0,2}(?P<cue>(?:summari[sz]e|summary|shorten|simplify|classify|categori[sz]e|extract|edit|correct|fix"
    r"|improve|optimi[sz]e|convert|turn|transform|continue|complete|fill in|delete|remove|replace|format|sort|detect"
    r"|highlight|analy[sz]e|evaluate|review)\b)"
)
_GIVEN = _pattern(
    r"(?P<used>\b(?:using|with|includ\w+|contain\w*|generate|from|about|takes?|accepts?|returns?) (?:all )?(?:of )?)?"
    r"(?P<cue>\b(?:th(?:is|ese|ose)|(?:the )?(?:given|provided|following|above|below|attached)|the two|given an?)",
    rf" (?:[\w-]+ ){{0,2}}?{_TEXT})",
)
_THE_TEXT = _pattern(rf"\b(?P<cue>the (?:[\w-]+ )?{_TEXT})")
_BRING = _pattern(r"\b(?P<cue>here (?:is|are)|below (?:is|are)|like this:|as follows:|the following:)")
_CODE = re.compile(
    r"^```[\w+-]*[ \t]*\n|^[ \t]*(?:import |from \w+ import |#include|def \w+\(|class \w+|function \w*\(|const |var )"
    r"|^[ \t]*<(?:!doctype|html|div|head|body)\b|[;{}][ \t]*\n.*[;{}][ \t]*\n",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED = re.compile(r'"([^"]{20,})"')
_SELF = re.compile(r"\b(?:I|[Mm]y|me)\b")
_OPENS_ON_ITSELF = _pattern(r"\b(?:i|my|we|our|you|your)\b")
_HOW_MANY = _pattern(r"\bhow (?:many|much)\b")

_MAKE = _pattern(rf"(?P<cue>{_VERB}(?: \w+)?)")
_MAKE_LATER = _pattern(
    r"(?:[.!?,;:\n\"] *|\b(?:please|and|then|now|can you|could you|you to|help me|let's) )",
    rf"(?P<cue>{_VERB} (?:an?|the|some|it|this|that|about|approximately|\d+|one|two|three|five|ten)\b)",
)
_GIVE_PRODUCT = _pattern(
    r"(?P<cue>\b(?:give|provide|suggest|tell|show|propose|describe|need|want)(?: (?:me|us))?",
    rf" (?:an?|some|one|two|three|four|five|\d+) (?:[\w'-]+ ){{0,3}}?{_PRODUCT})",
)
_LISTING = _pattern(
    r" ?(?:list|comparison|overview|example|explanation)s? (?:of|between|for)\b",
    r"(?!.{0,20}\b(?:question|name|title|sentence|idea)s)",
)
_QUESTION = _pattern(
    r"(?P<cue>(?:what|who|whom|whose|when|where|which|why|how|is|are|am|was|were|do|does|did|has|have|had|can|could"
    r"|should|would|will|may|might)\b)"
)


def sector(text: str) -> tuple[int, str]:
    """UltraChat's sector of an opening message: 1 questions about the world, 2 writing and creation, 3 material.

    The first rule that fits decides: a verb of rewriting; a text, code or quotation that the message brings; a verb of
    creation at the start; a question at the start; a verb of creation or a product asked for later; else sector 1.
    The sectors are those of Ding et al. 2023 (EMNLP, section 3); the rules are ours, and right as often as
    docs/sectors.md says.

    Args:
        text: the opening message, in English, with at least one visible character.

    Returns:
        1, 2 or 3, and the evidence: the words that decided, or what was found ("material of 212 words").
    """
    text = text.strip().translate(_PLAIN)
    head = text[:_HEAD]
    polite = _POLITE.match(head)
    asked = head[polite.end() :] if polite else head
    made = _MAKE.match(asked)
    if evidence := _material(text, asked, made=bool(made)):
        return MATERIAL, evidence
    if made and not _LISTING.match(asked, made.end()):
        return CREATION, _cue(made)
    if found := _QUESTION.match(asked):
        return WORLD, _cue(found)
    request = _request(text, asked)
    if not made and (found := _MAKE_LATER.search(request) or _GIVE_PRODUCT.search(request)):
        return CREATION, _cue(found)
    opening = " ".join(asked.split()[:2]).lower()
    return WORLD, "question" if "?" in request else f'"{opening}"' if opening else "no cue"


def _material(text: str, asked: str, *, made: bool) -> str:
    """What shows that a message brings the text it is about; empty where nothing does."""
    if found := _REWORK.search(asked[:200]):
        return _cue(found)
    if _CODE.search(text[:_CODE_WITHIN]):
        return "code"
    first, _, further = text.partition("\n")
    quoted = max((len(words.split()) for words in _QUOTED.findall(text)), default=0)
    brought = quoted or further or first.partition(": ")[2]
    given = _GIVEN.search(_request(text, asked)) if brought else None
    if given and not given["used"]:
        return _cue(given)
    return "" if made else _unpointed(text, asked, quoted)


def _unpointed(text: str, asked: str, quoted: int) -> str:
    """What shows that a message brings a text without pointing at it; ``quoted`` words are its longest quotation."""
    first, _, further = text.partition("\n")
    words = len(text.split())
    found = _THE_TEXT.search(first) if further else None
    found = found or (_TREAT.match(asked) if quoted or words >= _PASSAGE else None)
    if found:
        return _cue(found)
    if quoted >= _QUOTATION:
        return f"quotation of {quoted} words"
    return _passage(text, words) if words >= _PASSAGE else ""


def _passage(text: str, words: int) -> str:
    """Whether a long message is a text with a request, and not its author's own question at length."""
    if found := _BRING.search(text[:_HEAD]):
        return _cue(found)
    own = len(_SELF.findall(text)) >= _SELF_SHARE * words or _OPENS_ON_ITSELF.search(text[:60])
    return "" if own or _HOW_MANY.search(text[-_TAIL:]) else f"material of {words} words"


def _request(text: str, asked: str) -> str:
    """The start and the end of a message, where requests stand."""
    return asked if len(text) <= _HEAD else f"{asked}\n{text[-_TAIL:]}"


def _cue(found: re.Match[str]) -> str:
    return f'"{" ".join(found["cue"].lower().split())}"'


def _compute(dialogue: Dialogue) -> tuple[float]:
    at = dialogue.roles.find("u")
    prompt = dialogue.texts[at] if at >= 0 else ""
    return (float(sector(prompt)[0]) if prompt.strip() else nan,)


def _rows(part: Part) -> Iterator[Result]:
    column = part.dialogue("sector")
    defined = ~np.isnan(column)
    clusters = Clusters(None, part.distinct[defined])
    undefined = int((~defined).sum())
    for number, name in NAMES.items():
        for statistic, value, low, high in share(column[defined] == number, clusters):
            yield Result(
                part.name, f"sector.{name}", "prompt", statistic, value, low, high,
                "share" if statistic == "share" else "", int(defined.sum()), undefined,
                note="" if value is not None else "no dialogue has a user message",
            )  # fmt: skip


MEASURE: Final = Measure(
    columns=(TextColumn("sector", sector, direction="1 world, 2 creation, 3 material"),), compute=_compute, rows=_rows
)
