"""The paper's coherence from 1 to 10, given by a language model, with the checks that show what its scores are worth.

A judge that calls everything good says nothing about a dataset. So it also scores dialogues whose replies were
exchanged (it has to see that), scores some dialogues twice (it has to agree with itself), and its scores are compared
with the dialogues' lengths.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ultraqa.analysis import judging
from ultraqa.analysis.judge_prompt import VERSION, exchanged, prompt, score
from ultraqa.analysis.judging import Progress, Question
from ultraqa.analysis.metric import Result
from ultraqa.analysis.statistics import Clusters, Statistic, Z, describe, share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ultraqa.analysis.endpoint import Settings
    from ultraqa.dialogues.batch import Dialogue

    Scores = NDArray[np.float64]

REPEATS: Final = 30
CONTROLS: Final = 50
GAP: Final = 2.0
"""Points by which intact dialogues have to score above the same dialogues with exchanged replies."""

UNREADABLE: Final = "no score from 1 to 10 in the answer"


@dataclass(frozen=True)
class Judged:
    """Scores of some dialogues, in the order in which they were drawn.

    Attributes:
        model: name of the judge.
        rows: shape (d,), the dialogues.
        scores: shape (d,), 1 to 10, NaN where there is none.
        reasons: shape (d,), why there is no score; empty where there is one.
        repeats: shape (r,), scores of the first r dialogues when asked again.
        controls: shape (c,), scores of the first c dialogues with exchanged replies.
        cut: shape (d,), whether the middle of the dialogue was left out.
        characters: length above which it is.
    """

    model: str
    rows: NDArray[np.int64]
    scores: Scores
    reasons: tuple[str, ...]
    repeats: Scores
    controls: Scores
    cut: NDArray[np.bool_]
    characters: int


def choose(rows: NDArray[np.int64], rounds: NDArray[np.int64], size: int, seed: int) -> NDArray[np.int64]:
    """At most ``size`` rows of at least two rounds, ascending; a smaller sample lies in a larger one of its seed."""
    eligible = rows[rounds >= 2]
    return np.sort(eligible[np.argsort(_keys(eligible, seed), kind="stable")[:size]])


def estimate(dialogues: Sequence[tuple[int, Dialogue]], settings: Settings, cache: Path) -> Progress:
    """Requests and tokens that judging will take, without what lies in the cache."""
    intact, repeats, controls, _ = _questions(_drawn(dialogues, settings.seed), settings.characters)
    return judging.estimate([*intact, *repeats, *controls], settings, cache)


def judge(
    dialogues: Sequence[tuple[int, Dialogue]],
    settings: Settings,
    cache: Path,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Judged:
    """Score dialogues, 30 of them twice, and 50 of them with exchanged replies; what is in the cache is not asked.

    Args:
        dialogues: rows of ``choose`` with their dialogues, in any order.
        settings: which judge, and how it is asked.
        cache: folder of the answers.
        progress: called with the estimate before anything is asked, then after every request.

    Raises:
        JudgeError: the budget is too small, the endpoint cannot be used, or it answered none of the first questions.
    """
    drawn = _drawn(dialogues, settings.seed)
    intact, repeats, controls, cut = _questions(drawn, settings.characters)
    found = judging.ask(
        [*intact, *repeats, *controls], settings, cache, readable=lambda text: not np.isnan(score(text)),
        progress=progress,
    )  # fmt: skip

    def scores(questions: Sequence[Question]) -> Scores:
        return np.array([score(found[one].text or "") for one in questions], float)

    given = scores(intact)
    reasons = [found[one].reason or UNREADABLE if np.isnan(x) else "" for one, x in zip(intact, given, strict=True)]
    return Judged(
        settings.model, np.array([row for row, _ in drawn], np.int64), given, tuple(reasons), scores(repeats),
        scores(controls), np.array(cut, np.bool_), settings.characters,
    )  # fmt: skip


def _drawn(dialogues: Sequence[tuple[int, Dialogue]], seed: int) -> list[tuple[int, Dialogue]]:
    """The dialogues in drawn order, so that the first of them are a sample as well."""
    rows = np.array([row for row, _ in dialogues], np.int64)
    return [dialogues[i] for i in np.argsort(_keys(rows, seed), kind="stable")]


def _keys(rows: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """A random number for every row: SplitMix64 (Steele, Lea & Flood 2014)."""
    z = rows.astype(np.uint64) + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _questions(
    drawn: Sequence[tuple[int, Dialogue]], characters: int
) -> tuple[list[Question], list[Question], list[Question], list[bool]]:
    dialogues = [dialogue for _, dialogue in drawn]
    prompts = [prompt(dialogue, characters) for dialogue in dialogues]
    intact = [Question(VERSION, text) for text, _ in prompts]
    repeats = [one._replace(repeat=1) for one in intact[:REPEATS]]
    changed = [exchanged(dialogues, i) for i in range(min(CONTROLS, len(dialogues)))] if len(dialogues) > 1 else []
    controls = [Question(VERSION, prompt(dialogue, characters)[0]) for dialogue in changed]
    return intact, repeats, controls, [cut for _, cut in prompts]


def coherence_judge(judged: Judged) -> Result:
    """Coherence of a dialogue, from 1 to 10, as a language model scores it; compare only scores of the same model.

    Higher = more coherent. Undefined where the judge gave no score that can be read; such dialogues are in no mean.
    Source: the column Coherence of the UltraChat table, with a prompt of our own, since the paper prints none.
    """
    cut = f"dialogues cut in the middle to {judged.characters:,} characters: {judged.cut.sum():,}"
    note = "; ".join(filter(None, (_verdict(judged), cut if judged.cut.any() else "")))
    return _row("coherence_judge", _mean(judged.scores), judged.scores, "points", note)


def coherence_judge_ceiling(judged: Judged) -> Result:
    """Share of scored dialogues with the highest score, 10; where it is large, the judge cannot tell datasets apart."""
    given = _defined(judged.scores)
    return _row("coherence_judge_ceiling", _share(given == 10), judged.scores, "share")


def judge_failures(judged: Judged) -> Result:
    """Share of the judge's answers in which no score from 1 to 10 could be read; requests that failed are undefined."""
    counts = Counter(filter(None, judged.reasons))
    answered = np.array([reason in {"", UNREADABLE} for reason in judged.reasons], np.bool_)
    unreadable = np.where(answered, np.isnan(judged.scores), np.nan).astype(float)
    note = ", ".join(f"{reason}: {count:,}" for reason, count in counts.most_common())
    return _row("judge_failures", _share(_defined(unreadable) == 1), unreadable, "share", note)


def judge_agreement(judged: Judged) -> Result:
    """Share of dialogues that get exactly the same score when the judge is asked a second time."""
    again = judged.repeats - judged.scores[: len(judged.repeats)]
    return _row("judge_agreement", _share(_defined(again) == 0), again, "share")


def judge_length_correlation(judged: Judged, words: NDArray[np.int64]) -> Result:
    """Spearman's rank correlation of a dialogue's score and its words; far from 0, the judge may be scoring length.

    The interval is Fisher's, with the variance of Bonett & Wright (2000, Psychometrika 65, 23-28).
    """
    defined = ~np.isnan(judged.scores)
    statistic = _spearman(judged.scores[defined], words[judged.rows[defined]].astype(float))
    note = "" if statistic.value is not None else "fewer than three scores, or all scores or lengths are equal"
    return _row("judge_length_correlation", statistic, judged.scores, "", note)


def judge_control(judged: Judged) -> Result:
    """Mean score of dialogues whose replies were exchanged with those of others: what a judge gives to incoherence.

    Lower = the judge sees it. Intact dialogues have to score at least 2 points more, or their scores say nothing.
    """
    return _row("judge_control", _mean(judged.controls), judged.controls, "points")


def rows(name: str, judged: Judged, words: NDArray[np.int64]) -> list[Result]:
    """Result rows of a judged dataset; ``words`` are those of every dialogue of the dataset, shape (dialogues,)."""
    found = (
        coherence_judge(judged), coherence_judge_ceiling(judged), judge_failures(judged), judge_agreement(judged),
        judge_length_correlation(judged, words), judge_control(judged),
    )  # fmt: skip
    return [row._replace(dataset=name, version=f"{VERSION} {judged.model}") for row in found]


def _row(metric: str, statistic: Statistic, values: Scores, unit: str, note: str = "") -> Result:
    name, value, low, high = statistic
    undefined = int(np.isnan(values).sum())
    why = "no dialogue was scored" if value is None else ""
    n = len(values) - undefined
    return Result("", metric, "dialogue", name, value, low, high, unit, n, undefined, note=note or why)


def _verdict(judged: Judged) -> str:
    """What the controls say against the judge; nothing where it tells them from the intact dialogues."""
    lost = _defined(judged.scores[: len(judged.controls)] - judged.controls)
    if not len(lost):
        return "whether the judge discriminates is unknown: no shuffled control was scored"
    gap = float(lost.mean())
    if gap >= GAP:
        return ""
    return (
        f"judge does not discriminate: dialogues score {abs(gap):.2f} points {'above' if gap >= 0 else 'below'} "
        f"their shuffled controls ({len(lost)}), and {GAP:g} above are needed"
    )


def _defined(values: Scores) -> Scores:
    return values[~np.isnan(values)]


def _mean(values: Scores) -> Statistic:
    given = _defined(values)
    return describe(given, Clusters(None, np.ones(len(given), np.bool_)))[0]


def _share(marked: NDArray[np.bool_]) -> Statistic:
    return share(marked, Clusters(None, np.ones(len(marked), np.bool_)))[0]


def _spearman(one: Scores, other: Scores) -> Statistic:
    if len(one) < 3 or not np.ptp(one) or not np.ptp(other):
        return Statistic("value", None)
    r = float(np.clip(np.corrcoef(_ranks(one), _ranks(other))[0, 1], -1, 1))
    if len(one) < 4:
        return Statistic("value", r)
    centre, spread = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15)), Z * np.sqrt((1 + r * r / 2) / (len(one) - 3))
    low, high = np.tanh(centre - spread), np.tanh(centre + spread)
    return Statistic("value", r, min(r, float(low)), max(r, float(high)))


def _ranks(values: Scores) -> Scores:
    """Ranks from 1, the mean of them for equal values."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Scores = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks
