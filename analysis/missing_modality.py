"""Requests for what is not there: the family ``missing_modality``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.byte_triggers import BRACKET, TAG
from ultraqa.analysis.triggers import Family, Hit
from ultraqa.analysis.wording import gated, hit, reported
from ultraqa.dialogues.batch import USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Seen

_SHORT: Final = 80
"""Words up to which a message is looked at: a longer one brings what it speaks of."""

_PICTURE: Final = "image|picture|photo|photograph|painting|drawing|screenshot|sketch|cartoon|artwork|illustration"
_CLIP: Final = "audio clip|audio file|video clip|sound clip|sound file"
_MEDIUM: Final = f"{_PICTURE}|{_CLIP}|audio|video|recording|graph|chart|diagram|infographic|file|document"
_INSERT: Final = "insert|attach|attached|include|upload|uploaded|link to"
_GIVEN: Final = "attached|uploaded|provided|included|here|jpg|png|of"

_INSIDE: Final = r"[^\[\]<>(){}\n=\"]{0,40}?"
_PLACEHOLDER: Final = re.compile(
    # <Picture Attached>, [Image 1]; tokens and tags such as <image> or <document> are none
    rf"^[ \t]*(?:<(?=[a-z])(?!(?:image|video|audio|document|file)s?>)|(?-i:\[(?=[A-Z]))){_INSIDE}"
    rf"\b(?:{_MEDIUM})s?\b{_INSIDE}[\]>][ \t]*$"
    # (insert photo here), {image of a bird}
    rf"|^[ \t]*[\[<({{]{_INSIDE}\b(?:(?:{_INSERT}) (?:an? |the )?(?:{_MEDIUM})|(?:{_MEDIUM})s?[ .](?:{_GIVEN}))\b"
    rf"{_INSIDE}[\]>)}}][ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_ATTACHED: Final = re.compile(
    rf"(?:\b(?:the|this|these|my|an?) |[(\[<]|^[^\w\n]{{0,9}})(?:attached|uploaded) (?:{_MEDIUM})s?\b"
    rf"|\b(?:the|this|these|my) (?:{_MEDIUM})s? (?:is |are |I )?(?:attached|uploaded)\b",
    re.IGNORECASE | re.MULTILINE,
)
_LETTER: Final = re.compile(r"\be-?mail|\bletter\b|\bdear\b|\bmessage\b|\bcode\b", re.IGNORECASE)
_LINK: Final = 700  # characters of the longest link that is looked at
_SHOWN: Final = re.compile(
    rf"(?<!\ba )\b(?:(?:following|given|provided|above|this|these) (?:{_PICTURE}|{_CLIP})s?|"
    rf"the (?:{_PICTURE})s? (?:below|above|provided))\b"
    r"(?! (?:of|by|titled|called|named|entitled|from|book|frame|card|file|format|editor|editing|processing|tag|album|"
    r"description|caption|that|which|url)\b|['’\"])",
    re.IGNORECASE,
)
_DRAW: Final = re.compile(
    r"\W{0,9}(?:please |can you |could you |would you )?(?:draw|sketch|paint|generate|create|make|produce|show)"
    r"(?: me| us)? "
    rf"(?:an?|the|some) (?:\w+ ){{0,2}}?(?:{_PICTURE}|portrait)s? (?:of|for|that|showing|depicting|with|to)\b",
    re.IGNORECASE,
)
# A picture in words or in code, or no picture at all ("a character sketch", "paint a picture of").
_IN_WORDS: Final = re.compile(
    r"ascii|\bsvg\b|html|\bcss\b|latex|tikz|mermaid|python|\bcode\b|script|canvas|matplotlib|turtle|\btext\b|descri|"
    r"\bwords?\b|prompt|midjourney|dall|stable diffusion|\bplan\b|idea|concept|caption|\balt\b|emoji|story|write|"
    r"in your mind|(?:character|biograph\w*|comedy|verbal|life) (?:sketch|portrait)|paint a picture|picture book",
    re.IGNORECASE,
)
_NOTHING: Final = re.compile(
    rf"(?:\W*no input\b[^\n]{{0,20}}|\W*n/a\W*|(?!<)\W*(?:{_MEDIUM})\W*|!\[[^\]\n]{{0,200}}\]\([^)\s]+\)|<?https?://\S+)?\Z",
    re.IGNORECASE,
)


def missing_modality(seen: Seen) -> Iterator[Hit]:
    """User messages that need a picture, a recording or a file that is not there, or ask for a picture to be made.

    Messages of up to 80 words with a placeholder on a line of its own ("[Insert photo here]"), with something attached,
    with "the following image" and nothing but a link after it, and requests such as "Draw a picture of ...". Not
    counted: messages that describe what they show, tokens of formats that carry media (``<image>``), a picture named by
    title or painter, letters, requests for ASCII art, SVG, code, a description or a prompt, designs (of a logo) and
    charts, which can be given in words. English.

    Source: AlpacaDataCleaned's classes "<Picture Attached>" and image generation; Self-Instruct drops every
    instruction with such a word.
    """
    words = seen.words.words
    marked = (seen.triggers & np.uint32(TAG | BRACKET) != 0) & (seen.batch.roles == USER) & (words <= _SHORT)
    for message in sorted({*gated(seen, "missing_modality", "u"), *map(int, np.flatnonzero(marked))}):
        if words[message] <= _SHORT:
            text = seen.text(message)
            match = _PLACEHOLDER.search(text) or _drawn(text) or _attached(text)
            match = match or (_shown(text) if seen.before(message) is None else None)
            if match:
                yield hit(message, match)


def _attached(text: str) -> re.Match[str] | None:
    match = _ATTACHED.search(text) if re.search("ttached|ploaded", text) else None
    return None if match is None or _LETTER.search(text) or reported(text, match.start()) else match


def _drawn(text: str) -> re.Match[str] | None:
    match = _DRAW.match(text)
    return None if match is None or _IN_WORDS.search(text) else match


def _shown(text: str) -> re.Match[str] | None:
    """A picture pointed at in the first line, with nothing after that line but a link."""
    line, _, rest = text.strip().partition("\n")
    match = _SHOWN.search(line)
    rest = rest.strip()
    described = match and (":" in line[match.end() :].rstrip(": ") or len(rest) > _LINK or not _NOTHING.match(rest))
    return None if described else match


FAMILIES: Final = (Family("missing_modality", missing_modality, "u"),)


def _plural(words: str) -> str:
    return "|".join(f"{word}|{word}s" for word in words.split("|"))


PHRASES: Final = {
    "missing_modality": (
        f"({_INSERT}) (a|an|the|) ({_MEDIUM})",
        f"(attached|uploaded) ({_plural(_MEDIUM)})",
        f"({_plural(_MEDIUM)}) ({_GIVEN})",
        f"({_plural(_MEDIUM)}) (is|are|i) (attached|uploaded)",
        f"(following|given|provided|above|this|these) ({_plural(_PICTURE)}|{_plural(_CLIP)})",
        f"({_plural(_PICTURE)}) (below|above)",
        f"({_plural(_PICTURE)}|portrait|portraits) (for|that|showing|depicting|with|to)",
        "(portrait|portraits) of",
    )
}
