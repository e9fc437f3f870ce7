"""What a message is written in beside prose: code and tables, the traits by which other families know what to leave."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ultraqa.analysis.byte_triggers import BRACES, PIPE, TAG, TICKS
from ultraqa.analysis.triggers import Family, Hit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Seen

PHRASES: Final = {
    "markup_code": (
        "def", "elif", "print", "return", "import", "lambda", "println", "printf", "const", "in range", "console log",
        "create table", "insert into",
    ),
}  # fmt: skip
_ANCHOR: Final = re.compile(
    r"```|[{};=][\n\r]|</?[A-Za-z]|\b(?:def|elif|print|return|import|lambda|println|printf|const)\b|\bin range\b"
    r"|console\.log|(?:CREATE|create) (?:TABLE|table)|(?:INSERT|insert) (?:INTO|into)"
)
"""What some line of nearly all code holds, and what the triggers and phrases tell without an expression."""

_FENCE: Final = "```"
_INLINE: Final = re.compile(r"`[^`\n]*`")
_CODE_LINE: Final = re.compile(
    r"""(?:
        (?:async[ ])?def[ ]\w+\(.*
        | class[ ]\w+[^.]*[:{]
        | (?:import|using|package)[ ][\w.*{},/'" ]+;?
        | from[ ][\w.]+[ ]import[ ].+
        | \#[ ]?(?:include|define|ifndef|pragma)\b.+
        | (?:public|private|protected|static)[ ].*[({;]
        | (?:var|let|const)[ ]\w+[ ]=.*
        | (?:async[ ])?function\b.*\{
        | \w+(?:\.\w+|\[[^\]]*\])*[ ]?[-+*/]?=[ ]?[^=].*[;)\]}'"\w]
        | (?:for|while|if|elif|switch|try|with|catch|else)\b.*(?:[({]|\)[ ]?:|:|;)
        | return\b.*;?
        | (?:print|console\.log|System\.out\.\w+|printf|echo|puts|cout)\b[ ]?[(<'"].*
        | (?:SELECT|INSERT[ ]INTO|UPDATE|DELETE[ ]FROM|CREATE|ALTER)\b.*
        | </?[a-zA-Z][\w-]*(?:[ ][^>]*)?>.*
        | (?:unsigned[ ])?(?:int|float|double|char|long|bool|boolean|[Ss]tring|auto)(?:\[\])?[ ]\w+(?:,[ ]\w+)*;
        | \w+(?:[.:>-]+\w+)*\(.*\)[ ]?[;{]
        | [])}]+[;,)]*
    )""",
    re.VERBOSE,
)
_CODE_STARTS: Final = frozenset("abcdefilprstuvwSIUDCA#<])}")
"""How _CODE_LINE begins where the line does not end in ; or { and holds no =, as the expression is slow."""
_STATEMENT: Final = re.compile(r"\w\(|[=\]\"'>]|\+\+|--|\w\.\w|^[\w-]+ ?: ?[^\s;]+(?: [^\s;]+){0,4};")
_PLAIN_LINES: Final = 3
_LONGEST_LINE: Final = 400  # characters
_ROW: Final = re.compile(r"^[ \t]*\|?[ \t:|-]*-[ \t:-]*\|[ \t:|-]*$", re.MULTILINE)


def has_code(text: str) -> bool:
    """Whether a text holds code: a fenced block, or at least three lines that are plainly code."""
    return _code_span(text) is not None


def is_code_line(line: str) -> bool:
    """Whether a line is plainly code."""
    bare = line.strip()
    if not bare or len(bare) > _LONGEST_LINE:
        return False
    if bare[-1] == ";":
        return _STATEMENT.search(bare) is not None or _CODE_LINE.fullmatch(bare) is not None
    if bare[-1] == "{":
        return True
    return (bare[0] in _CODE_STARTS or "=" in bare) and _CODE_LINE.fullmatch(bare) is not None


def without_code(text: str) -> str:
    """A text with its fenced blocks and `code` blanked out; what is left stands where it stood."""
    if "`" not in text:
        return text
    parts = text.split(_FENCE)
    outside = [_INLINE.sub(_blank, part) if n % 2 == 0 else " " * len(part) for n, part in enumerate(parts)]
    return "   ".join(outside)


def code(seen: Seen) -> Iterator[Hit]:
    """Messages that hold code: a fenced block, or at least three lines that are plainly code.

    Lines are told by what programming languages share: definitions, imports, assignments, calls, tags, closing
    brackets, ends such as ; and {. Not counted: `code` inside a sentence, equations, one or two statements.
    """
    for message in seen.messages(TICKS | BRACES | TAG, phrases="markup_code"):
        span = _code_span(seen.text(message))
        if span is not None:
            yield Hit(message, *span, "code")


def tables(seen: Seen) -> Iterator[Hit]:
    """Messages that hold a table of Markdown: a ruled line, or two lines with the same number of bars, at least two.

    Not counted: tables that are set with blanks or tabs.
    """
    for message in seen.messages(PIPE):
        span = _table_span(seen.text(message))
        if span is not None:
            yield Hit(message, *span, "table")


def _code_span(text: str) -> tuple[int, int] | None:
    fence = text.find(_FENCE)
    if fence >= 0:
        closing = text.find(_FENCE, fence + 3)
        return fence, closing + 3 if closing >= 0 else len(text)
    if text.count("\n") + 1 < _PLAIN_LINES:
        return None
    start, first, n = 0, 0, 0
    for line in text.split("\n"):
        if is_code_line(line):
            first = first if n else start
            n += 1
            if n == _PLAIN_LINES:
                return (first, start + len(line)) if _ANCHOR.search(text) else None
        start += len(line) + 1
    return None


def _table_span(text: str) -> tuple[int, int] | None:
    ruled = _ROW.search(text)
    if ruled:
        return ruled.span()
    start, before = 0, 0
    for line in text.split("\n"):
        bars = line.count(" |") + line.startswith("|")  # not those of code and of graphs
        if bars > 1 and bars == before:
            return start, start + len(line)
        before = bars
        start += len(line) + 1
    return None


def _blank(code: re.Match[str]) -> str:
    return " " * len(code[0])


FAMILIES: Final = (Family("code", code, trait=True), Family("tables", tables, trait=True))
