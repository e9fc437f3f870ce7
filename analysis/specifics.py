"""Knowledge-gap exposure: how many checkable specifics replies state, and how many of these the user did not supply.

Fine-tuning on facts that a model does not know teaches it to invent (Gekhman et al. 2024, EMNLP, "Does Fine-Tuning LLMs
on New Knowledge Encourage Hallucinations?"). What a model knows cannot be read from a dataset; how much it will be
taught to state can. So these are measures of exposure: none says that a specific is wrong.

A specific is a year, a number with a unit, a quote, a link or a citation, found by regular expressions in English text
outside code. What is none: numbers of list items, times of day, bare counts ("12 people"), dates without a year, names.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from ultraqa.analysis.measure import Measure, TextColumn
from ultraqa.analysis.metric import Result
from ultraqa.analysis.statistics import Clusters, ratio_interval, wilson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ultraqa.analysis.part import Part
    from ultraqa.dialogues.batch import Dialogue

UNIT: Final = (
    r"(?:%|percent(?:age points?)?|°\s?[CFK]?|degrees?|[CF](?<=[0-9]{2}[CF])"
    r"|(?:(?:square|cubic|sq\.?)[ -])?(?:[ckmn]?m|(?:kilo|centi|milli|nano)?met(?:er|re)s?|miles?|yards?|feet|foot|ft"
    r"|inch(?:es)?)[²³]?|acres?|hectares?"
    r"|(?:milli)?lit(?:er|re)s?|m[lL]|L|gallons?|quarts?|pints?|cups?|tablespoons?|teaspoons?|tbsps?|tsps?|ounces?|oz"
    r"|(?:kilo|milli)?grams?|kilos?|[km]?g|lbs?|pounds?|tons?|tonnes?"
    r"|(?:milli)?seconds?|secs?|ms|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|decades?|century|centuries"
    r"|mph|k?m/h|k?m/s|kph|knots|[kMG]?Hz|[kKMGT]?B|[kMG]bps|bits?|(?:kilo|mega|giga|tera)?bytes?|dB"
    r"|[kMG]?W|kWh|(?:kilo|mega)?watts?|V|volts?|amps?|k?cal|(?:kilo)?calories|k?J|(?:kilo)?joules?"
    r"|hundred|thousand|million|billion|trillion|lakh|crore"
    r"|dollars?|cents?|euros?|yen|yuan|rupees?|baht|USD|EUR|GBP|INR|CAD|AUD|THB)(?![\w²³])"
)
"""Units that make a number checkable: of measure, time, data, power, money and scale."""

_AMOUNT: Final = r"[0-9]+(?:[.,/][0-9]+){0,4}"
_NAME: Final = r"[A-Z](?<![\w'’.-][A-Z])[\w'’.-]+"
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?,?"
_PUBLISHED: Final = r"(?:1[5-9]|20)[0-9]{2}[a-z]?"
_ADDRESS: Final = r"(?!(?:[\w-]+\.)?example\.|localhost|127\.)[^\s<>()\[\]\"'`]+"  # reserved names refer to nothing
_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)

# Kind, what a text must hold to be searched, and the expression; each stretch of text belongs to the first that finds
# it. An expression begins with a plain character or class, to which the search can skip, and looks back afterwards.
_FINDERS: Final = (
    ("urls", "://", re.compile(rf"https?://{_ADDRESS}")),
    ("urls", "www.", re.compile(rf"www\.{_ADDRESS}")),
    ("citations", "(", re.compile(  # (Smith, 2019), (see Smith & Jones, 2019, p. 3), (Smith et al., 2019; Lee, 2020)
        rf"\((?:see |cf\. |e\.g\.,? )?(?!{_MONTH} ){_NAME}(?:,? (?:{_NAME}|&|and|et al\.?))*"
        rf"(?:,|(?<=[a-z.])) {_PUBLISHED}(?:[,;:] [^()\n]{{1,80}})?\)"
    )),
    ("citations", "[", re.compile(  # [12] or [3-5] after a word or sentence: lists and indices of code stand elsewhere
        r"\[(?<=[a-z] \[|[.;)”\"] \[)[1-9][0-9]{0,2}(?:[–-][0-9]{1,3})?\](?=[\s.,;:)]|\Z)"
    )),
    ("citations", " et al", re.compile(rf"{_NAME},? et al(?:\.|(?=,? \(?{_PUBLISHED}))(?:,? \(?{_PUBLISHED}\)?)?")),
    ("citations", "10.", re.compile(r"10\.(?<![\w.]10\.)[0-9]{4,9}/[^\s<>\"]+")),
    ("citations", "rXiv:", re.compile(r"[Aa]rXiv:\s?[0-9]{4}\.[0-9]{4,5}")),
    ("quotes", '"', re.compile(r"\"(?<![\w=(]\")(?<!=\s\")(?=[^\s\"])[^\"\n]*[^\s\"]\"(?!\w)")),
    ("quotes", "“", re.compile(r"“[^“”\n]+”")),
    ("numbers", "", re.compile(
        rf"[$€£¥₹]\s?{_AMOUNT}(?:\s?[-–]\s?[$€£¥₹]?{_AMOUNT})?"
        r"(?:\s?(?:k|K|M|B|bn|thousand|million|billion|trillion)\b)?(?![\w$^\\{])"
    )),
    ("numbers", "", re.compile(
        rf"[0-9](?<![\w.,/][0-9])[0-9]*(?:[.,/][0-9]+){{0,4}}(?:\s?(?:[-–]|to)\s?{_AMOUNT})?[\s-]?{UNIT}"
    )),
    ("years", "", re.compile(
        r"(?:1[0-9]|20)[0-9]{2}(?<![\w$€£¥#.,:/@=+*^][0-9]{4})(?<![^0-9][0-9]{3}[-–.][0-9]{4})(?<![A-Za-z]-[0-9]{4})"
        r"(?:['’]?s)?(?!\w|[.,:/][0-9]|-[0-9]{3}(?![0-9])|\()"
    )),
)  # fmt: skip

_SPEECH: Final = re.compile(
    r"(?:^[^\S\n]*(?:[\w .'’-]{1,30}:)?|(?<![0-9])[.!?…\"”])\s*(?:\([^()\n]*\)\s*)?\Z", re.MULTILINE
)
_DATED: Final = re.compile(
    r"\b(?:[Ii]n|[Ss]ince|[Uu]ntil|circa|[Bb]etween|[Yy]ear|AD|[Ee]arly|[Ll]ate|[Mm]id"
    rf"|{_MONTH}(?: [0-9]{{1,2}}(?:st|nd|rd|th)?,?)?)[ -]\Z"
)
_NUMERAL: Final = re.compile(r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?")
_FRAME: Final = re.compile(r"\A\W*(?:https?://)?(?:www\.)?|\W+\Z")

# Looked for as they stand, with what is left out of them or around them deciding case and word: an expression of
# eighteen alternatives would cost more than all other measures of this module.
_HEDGES: Final = (
    " may ", " might ", "ikely", " seem ", " seems ", "ppear to ", "ppears to ", "robably", "t is possible",
    "t's possible", "ossibly", "erhaps", "aybe ", "uncertain ", "unclear", "resumably", "n my opinion", "my knowledge",
)  # fmt: skip

_OPENING: Final = 300
_UNKNOWING: Final = re.compile(
    r"I(?<!\wI)(?:(?: currently)? (?:do not|don['’]t)(?: currently)? (?:know\b"
    r"|(?:have|possess) (?:[\w-]+ ){0,5}?(?:access|information|data|knowledge|details|context|records?)\b)"
    r"|(?: am|['’]m) (?:not (?:[\w%]+ )?(?:sure|certain|aware|familiar)|unsure|uncertain|unaware|unfamiliar)\b"
    r"| (?:could not|couldn['’]t|can ?not|can['’]t|am (?:not able|unable) to) (?:find|access|verify|confirm|locate"
    r"|predict|determine|browse|provide (?:[\w-]+ ){0,3}?(?:real-time|current|up-to-date))\b"
    r"| have no (?:information|knowledge|data|records?|idea)\b)"
    r"|[Tt]here is (?:no|not enough|insufficient) (?:\w+ )?information\b"
)
_EXCUSE: Final = re.compile(r"\A\W*\Z|\b(?:[Ss]orry|[Aa]pologi[sz]e|[Uu]nfortunately|AI|language model|assistant)\b")


class Specific(NamedTuple):
    """A checkable specific: years, numbers, quotes, urls or citations, where it stands in its text, and its wording."""

    kind: str
    start: int
    end: int
    text: str


def without_code(text: str) -> str:
    """The text with line breaks in place of fenced and inline code, so that offsets stay."""
    return _CODE.sub(lambda code: "\n" * len(code[0]), text) if "`" in text else text


def specifics(text: str) -> list[Specific]:
    """Checkable specifics of replies: years, numbers with a unit, quotes, links and citations, each as often as stated.

    No stretch of text counts twice: a year within a quote or a citation is part of it.
    """
    return _specifics(without_code(text))


def years(found: Iterable[Specific]) -> int:
    """Years from 1000 to 2099 in replies, and their decades ("1960s").

    Before 1500, and at 1500 and 2000, where most such numbers are counts, only after a word like "in" or a month.
    """
    return _count(found, "years")


def numbers(found: Iterable[Specific]) -> int:
    """Numbers with a unit of measure, time, data, money or scale in replies, percentages among them; a range is one."""
    return _count(found, "numbers")


def quotes(found: Iterable[Specific]) -> int:
    """Passages of at least three words in double quotation marks in replies; lines of speech in stories are left out.

    Titles, sayings, words of sources, and also examples and names of buttons, which marks do not tell apart. A line of
    speech stands at the start of a line, after a sentence or after "Name:", and ends in punctuation.
    """
    return _count(found, "quotes")


def urls(found: Iterable[Specific]) -> int:
    """Web addresses in replies, with http or www."""
    return _count(found, "urls")


def citations(found: Iterable[Specific]) -> int:
    """References to literature in replies: "(Smith, 2019)", "Smith et al.", "[12]", a DOI, an arXiv number."""
    return _count(found, "citations")


def ungrounded(found: Iterable[Specific], given: str, numerals: set[str]) -> int:
    """Specifics in replies that do not occur in the user's text of the dialogue before them.

    A year or a number is grounded if the user wrote all its numerals, whatever their unit; anything else if the user
    wrote it letter for letter, but for case and punctuation around it. What a tool or the system prompt supplied, or
    what follows by calculation, is ungrounded too.

    Args:
        found: specifics of one reply.
        given: the user's text before it, in lower case.
        numerals: the numerals in that text, without thousands separators.
    """
    missing = 0
    for one in found:
        if one.kind in {"years", "numbers"}:
            missing += not _numerals(one.text) <= numerals
        else:
            missing += _FRAME.sub("", one.text.lower()) not in given
    return missing


def hedged(prose: str) -> bool:
    """Replies with a hedge: may, might, (un)likely, seem, appear to, probably, it is possible, possibly, perhaps ...

    The hedges of Hyland 2005, "Metadiscourse", that rarely mean anything else: not "could", "about", "some", "often".
    """
    return any(hedge in prose for hedge in _HEDGES)


def abstained(prose: str) -> bool:
    """Replies that begin by saying that the assistant does not know: "I don't know", "I do not have access to" ...

    Only in the first 300 characters and first line, at the start or after an apology or "As an AI", because further on
    it is characters of stories who do not know. Refusals for other reasons are not meant.
    """
    opening = prose[:_OPENING].lstrip()
    found = _UNKNOWING.search(opening)
    if found is None:
        return False
    before = opening[: found.start()]
    return not any(mark in before for mark in '\n:"“') and _EXCUSE.search(before) is not None


def replies(dialogue: Dialogue) -> int:
    """Assistant messages of the dialogue, which shares of replies are over."""
    return dialogue.roles.count("a")


def compute(dialogue: Dialogue) -> Sequence[float]:
    """The columns of one dialogue."""
    found: list[Specific] = []
    missing = hedges = abstentions = 0
    given, numerals = "", set[str]()
    for role, text in zip(dialogue.roles, dialogue.texts, strict=True):
        if role == "u":
            given += text.lower() + "\n"
            numerals |= _numerals(text)
        elif role == "a":
            prose = without_code(text)
            stated = _specifics(prose)
            found += stated
            missing += ungrounded(stated, given, numerals)
            hedges += hedged(prose)
            abstentions += abstained(prose)
    counts = (len(found), years(found), numbers(found), quotes(found), urls(found), citations(found))
    return (*counts, missing, hedges, abstentions, replies(dialogue))


def rows(part: Part) -> Iterator[Result]:
    """Exposure of a part: specifics per 100 words, and the shares that are ungrounded, hedged and abstained.

    Ratios of sums, so that short replies do not weigh more; the words of replies include those of their code.
    """
    yield _ratio(part, "specifics", "specifics_assistant", "words_assistant", "per 100 words")
    yield _ratio(part, "ungrounded_specifics", "ungrounded_specifics_assistant", "specifics_assistant", "share")
    yield _ratio(part, "hedging", "hedging_assistant", "replies", "share")
    yield _ratio(part, "abstention", "abstention_assistant", "replies", "share")


def _specifics(prose: str) -> list[Specific]:
    found: list[Specific] = []

    def take(kind: str, match: re.Match[str]) -> str:
        if not _is_meant(kind, match):
            return match[0]
        found.append(Specific(kind, match.start(), match.end(), match[0]))
        return " " * len(match[0])

    for kind, needed, expression in _FINDERS:
        if needed in prose:
            prose = expression.sub(partial(take, kind), prose)
    return found


def _is_meant(kind: str, match: re.Match[str]) -> bool:
    """Whether a quote is long enough and not a line of speech, and a number that is rarely a year is one."""
    start = match.start()
    if kind == "quotes":
        speech = match[0][-2] in ".,!?…—-" and _SPEECH.search(match.string, max(0, start - 60), start)
        return len(match[0].split()) >= 3 and not speech
    if kind == "years" and (match[0] < "1500" or match[0] in {"1500", "2000"}):
        return match[0][-1] == "s" or _DATED.search(match.string, max(0, start - 20), start) is not None
    return True


def _count(found: Iterable[Specific], kind: str) -> int:
    return sum(one.kind == kind for one in found)


def _numerals(text: str) -> set[str]:
    return {numeral.replace(",", "") for numeral in _NUMERAL.findall(text)}


def _ratio(part: Part, metric: str, top: str, bottom: str, unit: str) -> Result:
    """A ratio of sums over dialogues; a share of 0 or 1, which has no spread, has Wilson's interval over dialogues."""
    n = int(part.dialogue("replies").sum())
    statistic = "share" if unit == "share" else "value"
    tops, bottoms = part.dialogue(top).astype(float), part.dialogue(bottom).astype(float)
    if bottoms.sum() <= 0:
        note = f"no {bottom.removesuffix('_assistant')}"
        return Result(part.name, metric, "assistant", statistic, None, unit=unit, n=n, note=note)
    scale = 1.0 if unit == "share" else 100.0
    value = float(tops.sum() / bottoms.sum())
    low, high = ratio_interval(value, tops, bottoms, Clusters(None, part.distinct))
    if unit == "share" and value in {0.0, 1.0}:
        low, high = wilson(value, int((bottoms[part.distinct] > 0).sum()))
    if low is not None and high is not None:
        low, high = scale * max(low, 0.0), scale * (min(high, 1.0) if unit == "share" else high)
    return Result(part.name, metric, "assistant", statistic, scale * value, low, high, unit, n)


_MORE: Final = "higher = more to know"
MEASURE: Final = Measure(
    (
        TextColumn("specifics_assistant", specifics, "specifics", _MORE),
        TextColumn("specific_years_assistant", years, "years", _MORE),
        TextColumn("specific_numbers_assistant", numbers, "numbers", _MORE),
        TextColumn("specific_quotes_assistant", quotes, "quotes", _MORE),
        TextColumn("specific_urls_assistant", urls, "links", _MORE),
        TextColumn("specific_citations_assistant", citations, "citations", _MORE),
        TextColumn("ungrounded_specifics_assistant", ungrounded, "specifics", "higher = more to know by heart"),
        TextColumn("hedging_assistant", hedged, "replies", "higher = more cautious"),
        TextColumn("abstention_assistant", abstained, "replies", "higher = more admits not to know"),
        TextColumn("replies", replies, "messages"),
    ),
    compute,
    rows,
)
