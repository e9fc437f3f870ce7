"""User messages of English dialogues: how they ask, follow up, object and close, and how varied a set's prompts are.

Simulated users are said to write alike, never to object and to begin to talk like the assistant. All this is counted by
marks on the surface, so a share means little alone: read it beside that of a human reference (``human_likeness``).
A message is a turn with a visible character; a follow-up is a user message after the first, its reply what the
assistant said since the user's message before it. A word is a run of letters with inner apostrophes, lower-cased.
"""

from __future__ import annotations

from collections import Counter
from math import nan
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

import numpy as np

from ultraqa.analysis import dispersion
from ultraqa.analysis import user_acts as acts
from ultraqa.analysis.measure import Measure, TextColumn
from ultraqa.analysis.metric import Result
from ultraqa.analysis.statistics import Clusters, describe, ratio_interval, wilson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ultraqa.analysis.part import Part
    from ultraqa.dialogues.batch import Dialogue


def followups(texts: Sequence[str]) -> int:
    """User messages after the first, undefined without a user message."""
    return len(texts) - 1


def opening(words: Sequence[str]) -> str:
    """The first two words of the first user message, kept as a hash of 32 bits."""
    return " ".join(words[:2])


def openings(dialogues: Iterable[Dialogue], most: int = 20) -> list[tuple[str, int]]:
    """The most frequent openings of prompts, with the number of dialogues that begin so."""
    firsts = (turns[0][0] for dialogue in dialogues if (turns := _turns(dialogue)))
    return Counter(opening(_words(_lowered(text))) for text in firsts).most_common(most)


def compute(dialogue: Dialogue) -> tuple[float, ...]:
    """The columns of one dialogue, all undefined without a user message."""
    turns = _turns(dialogue)
    if not turns:
        return (nan,) * len(COLUMNS)
    texts = [text for text, _ in turns]
    lowered = [_lowered(text) for text in texts]
    words = [_words(text) for text in lowered]
    return (
        followups(texts),
        sum(map(acts.questions, texts)),
        sum(map(acts.unpunctuated, texts)),
        sum(map(acts.lower_start, texts)),
        sum(map(acts.polite, words)),
        sum(map(acts.assistant_like, lowered)),
        *_followup_acts(lowered, words, [reply for _, reply in turns]),
        acts.closing(texts[-1], lowered[-1], words[-1]) if len(texts) > 1 else nan,
        crc32(opening(words[0]).encode()),
    )


def _followup_acts(lowered: list[str], words: list[list[str]], replies: list[str]) -> tuple[int, int, int, int]:
    objected = leaned = copied = taken = 0
    earlier: set[str] = set()
    for i in range(1, len(lowered)):
        earlier.update(words[i - 1])
        reply = _words(_lowered(replies[i]))
        objected += acts.friction(lowered[i], replies[i])
        leaned += acts.dependent(lowered[i], words[i])
        copied += acts.echo(words[i], reply)
        taken += acts.given(words[i], reply, earlier)
    return objected, leaned, copied, taken


def _turns(dialogue: Dialogue) -> list[tuple[str, str]]:
    """Each user message with what the assistant said since the one before."""
    found: list[tuple[str, str]] = []
    reply: list[str] = []
    for role, text in zip(dialogue.roles, dialogue.texts, strict=True):
        if role == "a":
            reply.append(text)
        elif role == "u" and text.strip():
            found.append((text, "\n".join(reply)))
            reply = []
    return found


def _lowered(text: str) -> str:
    return text.strip().lower().replace("’", "'")


def _words(lowered: str) -> list[str]:
    return acts.WORD.findall(lowered)


COLUMNS: Final = (
    TextColumn("followups", followups, "messages", "higher = longer exchanges"),
    TextColumn("questions_user", acts.questions, "messages", "higher = more is asked"),
    TextColumn("unpunctuated_user", acts.unpunctuated, "messages", "higher = more informal"),
    TextColumn("lower_start_user", acts.lower_start, "messages", "higher = more informal"),
    TextColumn("polite_user", acts.polite, "messages", "higher = more polite"),
    TextColumn("assistant_like_user", acts.assistant_like, "messages", "higher = more role exchange"),
    TextColumn("friction_user", acts.friction, "messages", "higher = more resistance"),
    TextColumn("dependent_user", acts.dependent, "messages", "higher = more dependent on the reply"),
    TextColumn("echo_user", acts.echo, "messages", "higher = more copied wording"),
    TextColumn("given_user", acts.given, "words", "higher = more is taken up from the reply"),
    TextColumn("closing", acts.closing, "dialogues", "higher = more dialogues are brought to an end"),
    TextColumn("opening_prompt", opening),
)
_PER_MESSAGE: Final = ("questions", "unpunctuated", "lower_start", "polite", "assistant_like")
_PER_FOLLOWUP: Final = ("friction", "dependent", "echo")
_NO_PROMPT: Final = "no user message"


class Ratio(NamedTuple):
    """A share or a mean as one sum over another: what each dialogue of a part adds to the two.

    Attributes:
        metric: name of its Result row.
        scope: scope of its Result row.
        top: shape (d,), 0 where the dialogue adds nothing.
        bottom: shape (d,), likewise.
        counted: shape (d,), the messages or dialogues it is over.
        unit: unit of the quotient.
    """

    metric: str
    scope: str
    top: NDArray[np.float64]
    bottom: NDArray[np.float64]
    counted: NDArray[np.float64]
    unit: str = "share"


def ratios(part: Part) -> list[Ratio]:
    """Every share of user messages, of follow-ups and of dialogues, and the mean length of follow-ups."""
    column = {one.name: np.nan_to_num(part.dialogue(one.name).astype(float)) for one in COLUMNS}
    later = column["followups"]
    several = (later > 0).astype(float)
    messages = later + has_prompt(part)
    words = (part.dialogue("words_user").astype(float) - part.dialogue("words_prompt")) * several
    return [
        *(Ratio(metric, "user", column[f"{metric}_user"], messages, messages) for metric in _PER_MESSAGE),
        *(Ratio(metric, "user", column[f"{metric}_user"], later, later) for metric in _PER_FOLLOWUP),
        Ratio("given", "user", column["given_user"], words, later),
        Ratio("closing", "dialogue", column["closing"], several, several),
        Ratio("followup_words", "user", words, later, later, "words"),
    ]


def has_prompt(part: Part) -> NDArray[np.bool_]:
    """Dialogues with a user message, shape (d,)."""
    later: NDArray[np.float64] = part.dialogue("followups").astype(float)
    return ~np.isnan(later)


def rows(part: Part) -> Iterator[Result]:
    """Result rows of a part: follow-ups, shares, and the dispersion of its prompts."""
    later = part.dialogue("followups").astype(float)
    undefined = int(np.isnan(later).sum())
    for statistic, value, low, high in describe(later, Clusters(None, part.distinct)):
        row = Result(
            part.name, "followups", "dialogue", statistic, value, low, high, "messages", len(later) - undefined
        )
        yield row._replace(n_undefined=undefined, note="" if value is not None else _NO_PROMPT)
    yield from (_ratio_row(part, one) for one in ratios(part))
    yield from _length_rows(part)
    yield from _opening_rows(part)


def _ratio_row(part: Part, one: Ratio) -> Result:
    statistic = "share" if one.unit == "share" else "mean"
    missing = int((one.counted == 0).sum()) if one.scope == "dialogue" else 0
    row = Result(part.name, one.metric, one.scope, statistic, None, unit=one.unit, n=int(one.counted.sum()))
    total = float(one.bottom.sum())
    if not total:
        return row._replace(n_undefined=missing, note="no follow-up" if has_prompt(part).any() else _NO_PROMPT)
    value = float(one.top.sum()) / total
    low, high = _ratio_bounds(value, one, part.distinct)
    return row._replace(value=value, low=low, high=high, n_undefined=missing)


def _ratio_bounds(value: float, one: Ratio, distinct: NDArray[np.bool_]) -> tuple[float | None, float | None]:
    """Interval of a ratio; Wilson's over dialogues where a share is 0 or 1, which has no spread of its own."""
    clusters = Clusters(None, distinct)
    if one.unit == "share" and value in {0.0, 1.0}:
        return wilson(value, int((clusters.sums(one.bottom) > 0).sum()))
    low, high = ratio_interval(value, one.top, one.bottom, clusters)
    if low is None or high is None:
        return None, None
    return max(0.0, low), min(1.0, high) if one.unit == "share" else high


def _length_rows(part: Part) -> Iterator[Result]:
    prompted = has_prompt(part)
    lengths = part.dialogue("words_prompt").astype(float)
    every, first = lengths[prompted], lengths[prompted & part.distinct]
    cv, tail = dispersion.words_cv(every), dispersion.words_tail(every)
    low, high = dispersion.words_cv_interval(cv, first) if cv is not None else (None, None)
    row = Result(part.name, "words_cv", "prompt", "value", cv, low, high, n=len(every))
    yield row if cv is not None else row._replace(note="under two prompts, or none with a word")
    row = Result(part.name, "words_tail", "prompt", "value", tail, n=len(every))
    yield row if tail is not None else row._replace(note="half of the prompts or more have no word")


def _opening_rows(part: Part) -> Iterator[Result]:
    counts = np.unique(part.dialogue("opening_prompt")[has_prompt(part) & part.distinct], return_counts=True)[1]
    n = int(counts.sum())
    reached = [budget for budget in dispersion.BUDGETS if budget <= n]
    row = Result(part.name, "opening_entropy", "prompt", "value", None, n=n)
    if not reached:
        yield row._replace(note=f"{n} prompts of distinct dialogues: the entropy needs {dispersion.BUDGETS[0]}")
    for budget in reached:
        value = dispersion.opening_entropy(counts, budget)
        low, high = dispersion.opening_entropy_interval(value, counts, budget)
        yield row._replace(value=value, low=low, high=high, budget=budget)


MEASURE: Final = Measure(COLUMNS, compute, rows)
