"""Messages that are out of place: the other side's part, and text of the chat's window."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis.triggers import Family, Hit
from ultraqa.analysis.wording import any_of, asked, gated, hit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Seen

# --- role_exchange ---------------------------------------------------------------------------------------------------

_YES: Final = "(?:certainly|of course|sure(?: thing)?|absolutely|great question)"
_YOU_SAID: Final = (
    "(?:what you(?:['’]ve| have)? (?:told|said|described|shared|mentioned|provided)|"
    "the information you(?:['’]ve| have)? (?:provided|given|shared))"
)
_AS_ASSISTANT: Final = any_of(
    r"\W{0,9}(?:I['’]?m sorry,? (?:but )?)?as an AI(?: language model| assistant| model)?,? I\b",
    rf"\W{{0,9}}based on {_YOU_SAID}[^.!?\n]{{0,60}}, I (?:would |can |['’]d )?(?:suggest|recommend|advise)\b",
    r"\W{0,9}(?:(?:hello|hi|hey|greetings|welcome)\b[^.!?\n]{0,40}[.!,] )?how (?:can|may) I (?:help|assist) you\b",
    r"\W{0,9}I['’]?m sorry,? but I (?:cannot|can['’]t|am unable to) (?:fulfil+|assist|comply|provide|help you)\b",
)
_CONSENTS: Final = any_of(
    rf"\W{{0,9}}{_YES}[!,.]+ here(?:['’]s| is| are) (?:an?|some|the)\b",
    rf"\W{{0,9}}{_YES}[!,.]+ I(?:['’]d| would) be (?:happy|glad) to (?:help|assist|provide)",
)
_OPENS: Final = re.compile(rf"\W{{0,9}}{_YES}[!,.]", re.IGNORECASE)
_OFFERS: Final = any_of(
    r"\blet me know if (?:you(?:['’]d| would) (?:like|prefer) (?:me|any|more|further|to)|you (?:want|need) me)\b",
    r"\bis there anything else (?:that )?I can (?:help|assist)\b|\bwould you like me to\b",
)
_FLIPPED: Final = re.compile(r"\s*Instruction:[^\n]{3,}\n+\s*Input:", re.IGNORECASE)
_INSTRUCTS: Final = re.compile(r"\s*Instruction:", re.IGNORECASE)
_TASK: Final = re.compile("instruction|task|prompt|input", re.IGNORECASE)


def role_exchange(seen: Seen) -> Iterator[Hit]:
    """Messages in which a speaker takes the other's part: users who answer and offer help, assistants who instruct.

    A user's message counts by how it begins ("Certainly! Here is a ...", "As an AI, I ...", "Based on what you told me,
    I suggest ...", "How can I help you"), or where it begins with consent and offers more ("Let me know if you would
    like me to ..."). A reply counts where it is an instruction with its input, as when the roles of CAMEL flip. Not
    counted: consent to what the assistant asked for ("Sure, here is the code"), an assistant's text pasted further
    down, and instructions that were asked for. English.

    Source: CAMEL's stop rules (role flip); simulated users of UltraChat and Baize.
    """
    for message in gated(seen, "role_exchange_user", "u"):
        text = seen.text(message)
        match = _AS_ASSISTANT.match(text)
        if match is None and not asked(seen, message):
            match = _CONSENTS.match(text) or (_OFFERS.search(text) if _OPENS.match(text) else None)
        if match:
            yield hit(message, match)
    for message in gated(seen, "role_exchange_assistant", "a"):
        match = _FLIPPED.match(seen.text(message))
        if match and not _task_wanted(seen, message):
            yield hit(message, match)


def _task_wanted(seen: Seen, message: int) -> bool:
    """Whether the message before asks for a task, unless it is one itself, as in CAMEL."""
    before = seen.before(message)
    if before is None or _INSTRUCTS.match(seen.text(before)):
        return False
    return _TASK.search(seen.text(before)) is not None


# --- interface_text --------------------------------------------------------------------------------------------------

_LANGUAGES: Final = (
    "python|javascript|java|bash|html|css|sql|cpp|csharp|c|php|ruby|go|rust|json|xml|yaml|typescript|jsx|tsx|scss|shell|"
    "sh|r|swift|kotlin|perl|lua|matlab|powershell|vbnet|vba|makefile|markdown|less|diff|arduino|objectivec|scala|dart|"
    "plaintext|dockerfile|latex"
)
_INTERFACE: Final = re.compile(
    rf"^(?:{_LANGUAGES})?[ \t]?Copy code\b"
    r"|^[ \t]*(?:Regenerate response|Stop generating|network error|复制代码|重新生成)[ \t]*$"
    r"|^[ \t]*(?:Too many requests in 1 hour\. Try again later|There was an error generating a response|"
    r"An error occurred\. Either the engine|This content may violate our content policy|Free Research Preview\b|"
    r"Was this response better or worse\?|Model: Default \(GPT|Something went wrong(?=[^\n]{0,120}help\.openai\.com))"
    r"|\bCopy\d+ chars / \d+ words|ChatGPT can make mistakes\. (?:Consider checking|Check) important info"
    r"|ChatGPT may produce inaccurate information about people",
    re.MULTILINE,
)
_COUNTER: Final = re.compile(r"(\d{1,2}) / (\d{1,2})(?=[^\W\d_]|[ \t]*\n)")


def interface_text(seen: Seen) -> Iterator[Hit]:
    """Text of the chat's window that was copied along ("Copy code", "Regenerate response", page counters "2 / 3").

    Labels count at the beginning of a line or on a line of their own, a counter at the beginning of a message only. Not
    counted: the same words within a sentence, fractions and dates.

    Source: FastChat's clean_sharegpt removes the labels and counters, and drops conversations with "Too many requests
    in 1 hour".
    """
    found = {message: _INTERFACE.search(seen.text(message)) for message in gated(seen, "interface_text", "ua")}
    for message in _counters(seen):
        match = _COUNTER.match(seen.text(message))
        if match and 0 < int(match[1]) <= int(match[2]):
            found[message] = match
    yield from (hit(message, match) for message, match in sorted(found.items()) if match)


def _counters(seen: Seen) -> list[int]:
    """Messages that begin with a digit and have a slash two or three bytes later."""
    text, offsets = seen.batch.text, seen.batch.message_offsets
    long = np.flatnonzero(np.diff(offsets) > len("1 / 2"))
    first = text[offsets[long]]
    long = long[(first >= ord("0")) & (first <= ord("9"))]
    slash = (text[offsets[long] + 2] == ord("/")) | (text[offsets[long] + 3] == ord("/"))
    return list(map(int, long[slash]))


FAMILIES: Final = (Family("role_exchange", role_exchange, "ua"), Family("interface_text", interface_text, "ua"))
_COPY: Final = "|".join(f"{language}copy" for language in _LANGUAGES.split("|"))
PHRASES: Final = {
    "role_exchange_user": (
        "as an ai",
        "(certainly|course|sure|thing|absolutely|question) (here's|here is|here are|i'd be|i would be)",
        "based on (what you|what you've|the information you|the information you've)",
        "how (can|may) i (help|assist) you",
        "(i'm|im) sorry (but|) i (cannot|can't|am unable to)",
        "let me know if (you'd|you would|you want|you need) (like|prefer|me)",
        "anything else (that|) i can",
        "would you like me to",
    ),
    "role_exchange_assistant": ("instruction",),
    "interface_text": (
        f"(copy|{_COPY}) code",
        "(regenerate response|stop generating|network error|复制代码|重新生成)",
        "too many requests in hour",
        "(error generating a|something went wrong|error occurred either)",
        "violate our content policy",
        "chars words",
        "response better or worse",
        "chatgpt (can make mistakes|may produce inaccurate)",
        "free research preview",
        "model default",
    ),
}
