"""Defects that a pattern tells: marks of other turns and of templates, what stands for content, what scraping left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ultraqa.analysis import garbling, markup, sentence_defects
from ultraqa.analysis.byte_triggers import AMPERSAND, BRACKET, SLASHES, SPEAKER, TAG
from ultraqa.analysis.markup import has_code, without_code
from ultraqa.analysis.triggers import Family, Hit
from ultraqa.dialogues.batch import USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Seen

PHRASES: Final = {
    **markup.PHRASES,
    **garbling.PHRASES,
    "pattern_placeholder": (
        "noinput", "nooutput", "no (input|output|response|answer)", "none", "na", "n a", "not applicable", "insert",
        "goes here",
    ),
    "pattern_links": ("www",),
}  # fmt: skip

_MARKERS: Final = {
    "###": r"###(?:(?<=^###)|(?<=[.!?][ ]###))[ ]?(?:Human|Assistant|Instruction|User)[ ]?:",  # FastChat, Alpaca
    "[": r"\[(?:\|(?:Human|AI)\|\]|(?<=^\[)Human\]:)",  # Baize, MOSS
    " Instruction:": r"^(?:#+[ ]*\n*)?\d{1,3}\.[ ]+Instruction:",  # the numbered tasks of Alpaca's prompt
}
"""Expressions for markers of turns, by what each of them holds."""
_MARKED: Final = tuple((held, re.compile(marker, re.MULTILINE)) for held, marker in _MARKERS.items())
_HINTS: Final = ("Human", "Assistant", "User:", "Instruction:", "USER:", "ASSISTANT:", "User**:", "[|AI|]")
_SPEAKER: Final = re.compile(
    r"^(?:\*\*)?(?:Human|User|Assistant|USER|ASSISTANT)(?:\*\*)?:(?:\*\*)?(?=\s+\S+[ \t]+\S)", re.MULTILINE
)
_SCENE: Final = re.compile(
    r"dialog|conversation|\bchat|interview|\bscript|screenplay|transcript|role.?play|\bskit\b|\bscene\b|\bbot\b"
    r"|human:|user:|assistant:|对话",
    re.IGNORECASE,
)
_TOKENS: Final = (
    re.compile(
        r"""<(?:\|(?:im_start|im_end|im_sep|endoftext|startoftext|begin_of_text|end_of_text|eot_id|eom_id|start_header_id
            |end_header_id|end_of_turn|start_of_role|end_of_role|end|user|assistant|system|observation|tool|prompter
            |endofprompt|fim_\w{1,20}|[A-Z_]{1,30}_TOKEN|Human|MOSS|python_tag|channel|message|start|return)\|>
        | </?SYS>> | eo[hamts]> | (?:start|end)_of_turn> | ｜[^｜<>\n]{1,40}｜>
        | /?s>)""",
        re.VERBOSE,
    ),
    re.compile(r"\[(?:/?(?:INST|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)|[gs]MASK)\]"),
)
_STRUCK: Final = 200  # characters between <s> and </s> where they strike through
_LINK: Final = re.compile(
    r"!?(?:\[[^\]\n]{0,100}\])?[<(\[\"]?(?:(?:https?|ftp)://|www\.)[^\s<>\"()]{4,}(?:\([^\s()]*\))?[^\s<>\"()]*[>)\]\"]?[.,]?"
)
_LABEL: Final = re.compile(r"[\w ]{1,20}(?:: *|：)(?![/:])")
_LINKED: Final = 1500  # characters at most of a message that may be a link alone
_STAND_IN: Final = re.compile(
    r"[\[<({*\"']*(?:no[ _-]?(?:input|output)(?: (?:required|needed|necessary|provided|given|available))?|n/a"
    r"|not applicable|no (?:response|answer)(?: provided)?|none provided|[\w ]{1,30} goes here)[\]>)}*\"'.]*"
    r"|[\[<({]\s*(?:insert|no (?:in|out)put) [^\]\n>)}]{1,80}[\]>)}]",
    re.IGNORECASE,
)
_NO_INPUT: Final = re.compile(r"[\[<({]?(?:none|na)[\]>)}]?\.?", re.IGNORECASE)
_STAND_IN_LENGTH: Final = 120
_TAG: Final = re.compile(
    r"</?(?:div|p|br|span|a|b|i|u|em|strong|ul|ol|li|h[1-6]|table|tr|td|th|tbody|thead|img|font|center|pre"
    r"|blockquote|hr|small|iframe|script|style|section|article)(?:\s+[a-z-]{1,20}=[^<>\n]{0,300})?\s?/?>",
    re.IGNORECASE,
)
_ENTITY: Final = re.compile(
    r"&(?:nbsp|amp|lt|gt|quot|apos|[lr][sd]quo|[nm]dash|hellip|bull|copy|reg|\#\d{2,5}|\#x[0-9a-fA-F]{2,5});"
)
_WEB: Final = re.compile(
    r"(?<![a-z])(?:x?html|xml|css|javascript|jsx|svg|php|web ?pages?|tags?|markup|links?|hyperlinks?|codes?"
    r"|bold|italics?|italici[sz]e|underlined?|fonts?|highlight(?:ed)?)(?![a-z])",
    re.IGNORECASE,
)
_EARLIER: Final = 40  # messages in which to look for what was asked: a dialogue may have a million
_ESCAPING: Final = re.compile(r"html|xml|entit(?:y|ies)|escap|encod", re.IGNORECASE)


def role_leakage(seen: Seen) -> Iterator[Hit]:
    """Messages that hold the marker of another turn, such as "### Human:" or, at the beginning of a line, "User:".

    Bare names of speakers count in replies only, followed by at least two words, and only where no user message up to
    there asks for a dialogue or uses such names itself. Source: the templates of FastChat, Baize and MOSS; the merged
    instructions of AlpacaDataCleaned.
    """
    for message in seen.messages(SPEAKER):
        text = seen.text(message)
        if any(hint in text for hint in _HINTS):
            markers = filter(None, (marker.search(text) for held, marker in _MARKED if held in text))
            found = min(markers, key=re.Match.start, default=None) or _speaker(seen, message)
            if found:
                yield Hit(message, *found.span(), " ".join(found[0].split()))


def template_tokens(seen: Seen) -> Iterator[Hit]:
    """Messages that hold special tokens or marks of a chat template, such as <|im_end|>, [INST] or a last </s>.

    Not counted: those inside `code`, and <s>…</s> around a stretch of text.
    Source: the templates of ChatML, Llama 2 and 3, Mistral, Gemma, Command R, MOSS, GLM, DeepSeek.
    """
    for message in seen.messages(TAG | BRACKET):
        text = seen.text(message)
        if any(token.search(text) for token in _TOKENS):
            text = without_code(text)
            found = next((one for token in _TOKENS for one in token.finditer(text) if not _struck(text, one)), None)
            if found:
                yield Hit(message, *found.span(), found[0])


def url_only(seen: Seen) -> Iterator[Hit]:
    """User messages that are a link and nothing else, or an instruction of one line whose whole input is a link.

    Source: AlpacaDataCleaned, inputs that make a model without access invent what is behind a link.
    """
    for message in seen.messages(SLASHES, "u", "pattern_links"):
        if seen.batch.message_offsets[message + 1] - seen.batch.message_offsets[message] > _LINKED:
            continue
        text = seen.text(message)
        lines = [line.strip() for line in text.split("\n") if line and not line.isspace()]
        if lines and _is_link(lines[-1]) and all(map(_is_link, lines[1:])):
            first = text.index(lines[len(lines) > 1 and not _is_link(lines[0])])
            yield Hit(message, first, len(text.rstrip()), "a link as the input" if first else "a link alone")


def placeholder(seen: Seen) -> Iterator[Hit]:
    """Messages that are a stand-in such as "<nooutput>", "N/A" or "[Insert picture]", and user messages ending in one.

    Not counted: places to fill in inside a text, such as [Your Name] in a letter.
    Source: AlpacaDataCleaned (N/A outputs, inconsistent empty inputs).
    """
    for message in seen.messages(0, phrases="pattern_placeholder"):
        text = seen.text(message).rstrip()
        start = text.rfind("\n") + 1 if seen.batch.roles[message] == USER else 0
        line = text[start:].strip()
        if len(line) < _STAND_IN_LENGTH and (_STAND_IN.fullmatch(line) or (start and _NO_INPUT.fullmatch(line))):
            yield Hit(message, start, len(text), line.lower())


def html(seen: Seen) -> Iterator[Hit]:
    """Messages with tags or entities of HTML that were left when the text was taken from a page.

    Not counted: `code`, messages that hold code, <br> in tables, and dialogues that speak of HTML or of tags.
    """
    for message in seen.messages(TAG | AMPERSAND):
        text = seen.text(message)
        if not (_TAG.search(text) or _ENTITY.search(text)) or has_code(text):
            continue
        bare = without_code(text)
        tag, entity = _TAG.search(bare), _ENTITY.search(bare)
        if tag and not _in_table(bare, tag) and not _speaks(seen, message, _WEB):
            yield Hit(message, *tag.span(), tag[0])
        elif entity and not _speaks(seen, message, _ESCAPING):
            yield Hit(message, *entity.span(), entity[0])


def _is_link(line: str) -> bool:
    """Whether a line is a link, with a label or in Markdown's brackets or without."""
    label = _LABEL.match(line)
    return _LINK.fullmatch(line, label.end() if label else 0) is not None


def _speaker(seen: Seen, message: int) -> re.Match[str] | None:
    """The name of a speaker in a reply to somebody who asked for no dialogue."""
    found = _SPEAKER.search(seen.text(message)) if seen.batch.roles[message] != USER else None
    asked = found and any(_SCENE.search(seen.text(said)) for said in _asked(seen, message))
    return None if asked else found


def _struck(text: str, found: re.Match[str]) -> bool:
    """Whether <s> or </s> strikes a stretch of text through, as HTML does."""
    if found[0] == "<s>":
        return found.start() > 0 or "</s>" in text[: found.end() + _STRUCK]
    return found[0] == "</s>" and text.find("<s>", 0, found.start()) >= 0


def _asked(seen: Seen, message: int) -> Iterator[int]:
    """The user messages among the last ones before a message of its dialogue, the last one first."""
    before = seen.before(message)
    for _ in range(_EARLIER):
        if before is None:
            return
        if seen.batch.roles[before] == USER:
            yield before
        before = seen.before(before)


def _speaks(seen: Seen, message: int, subject: re.Pattern[str]) -> bool:
    """Whether a message, or what the user said before it, speaks of something."""
    return any(subject.search(seen.text(said)) for said in (message, *_asked(seen, message)))


def _in_table(text: str, found: re.Match[str]) -> bool:
    line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
    return found[0][:3].lower() == "<br" and "|" in line


FAMILIES: Final = (
    Family("role_leakage", role_leakage),
    Family("template_tokens", template_tokens),
    *sentence_defects.FAMILIES,
    *garbling.FAMILIES,
    Family("url_only", url_only, "u"),
    Family("placeholder", placeholder),
    Family("html", html),
    *markup.FAMILIES,
)
