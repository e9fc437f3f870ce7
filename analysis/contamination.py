"""Contamination: questions of benchmarks that stand in a dataset, by word 8-grams and as whole messages.

What is found was copied, wholly or in part. A paraphrase shares hardly an 8-gram with its question, so that nothing was
found does not say that nothing was rephrased.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ultraqa.analysis.duplicates import exact_duplicates
from ultraqa.analysis.metric import Result
from ultraqa.analysis.ngrams import GRAM, find, overlaps
from ultraqa.analysis.question_overlap import RUN, Overlap, Pairs, first_messages, message_numbers, overlap
from ultraqa.analysis.questions import hashed
from ultraqa.analysis.shared_text import MOST, Run, same_numbers, stretch
from ultraqa.analysis.statistics import Clusters, share
from ultraqa.analysis.words import Workspace
from ultraqa.dialogues.batch import ASSISTANT, USER
from ultraqa.dialogues.sources import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from ultraqa.analysis.part import Part
    from ultraqa.analysis.profile import Profile
    from ultraqa.analysis.questions import Questions
    from ultraqa.analysis.rereading import Origin

THRESHOLD: Final = 0.5
"""Coverage from which a question is found, as in Tülu 3 (Lambert et al. 2024)."""
SHOWN: Final = 20
"""Matches of a benchmark that are kept with their text."""
_STRETCHES: Final = 50  # of template that are listed
_ROLES: Final = {USER: "user", ASSISTANT: "assistant"}


def contaminated() -> None:
    """Dialogues that hold a question of a benchmark, copied wholly or in part.

    1 or 0 for each dialogue; lower = less is leaked; never undefined. A question is found in a message of user or
    assistant that equals it but for case, blanks and the punctuation around it, or whose word 8-grams cover at least
    half of its words; one of fewer than 8 words only where a user's message equals it (or any message of a dialogue
    without a user). Digits are no words: problems that differ in their numbers alone are found as one another, and
    ``same_numbers`` of a match tells. A paraphrase is not excluded. ``contaminated.NAME`` is the share of a benchmark's
    questions that were found. Source: Lambert et al. 2024, Tülu 3 (coverage); Brown et al. 2020, GPT-3 (13-grams).
    """


class Contamination(NamedTuple):
    """What a dataset holds of benchmarks.

    Attributes:
        contaminated: shape (d,), 1 where a dialogue holds a question, else 0.
        contaminated_by: of each dialogue "benchmark:id" (the record's number where it has no id) of the question that
            it holds most of, the first of equals; None without one.
        document: counts, matches, and what was left out as template, as JSON values.
    """

    contaminated: NDArray[np.float64]
    contaminated_by: list[str | None]
    document: dict[str, Any]


def contamination(
    profile: Profile,
    origin: Origin,
    questions: Questions,
    *,
    threshold: float = THRESHOLD,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> Contamination:
    """The questions that a dataset holds, by one walk over all its texts.

    Args:
        profile: a measured dataset.
        origin: where its texts are.
        questions: of benchmarks.
        threshold: coverage from which a question is found.
        advance: called with the number of dialogues read, and of all.

    Raises:
        DataError: a threshold that is no share, or data that is no longer what was measured.
    """
    if not 0 < threshold <= 1:
        raise DataError(f"the threshold of coverage is {threshold}: a share above 0 and up to 1 is needed")
    first = exact_duplicates(profile.column("content_hash"))
    first = np.where(first < 0, np.arange(len(first)), first)
    whole = overlap(profile, origin, questions, first == np.arange(len(first)), threshold, advance)
    found = _Found(profile, origin, questions, whole, first, threshold)
    document = {
        "threshold": threshold, "n": GRAM, "run": RUN,
        "template": {
            "ngrams": int(whole.template.sum()), "dialogues": whole.most, "texts": _stretches(questions, whole),
        },
        "benchmarks": [found.benchmark(number) for number in range(len(questions.benchmarks))],
    }  # fmt: skip
    return Contamination(*found.columns(), document)


def rows(part: Part) -> Iterator[Result]:
    """Share of dialogues that hold a question and, of a whole Profile, the share of each benchmark that was found.

    The latter is over questions; all were looked for in all of the data, so it has no interval.
    """
    document = part.profile.document.get("contamination")
    if document is None:
        return
    marked = part.dialogue("contaminated") > 0
    for statistic, value, low, high in share(marked, Clusters(None, part.distinct)):
        unit, note = "share" if statistic == "share" else "", "" if value is not None else "nothing to measure"
        yield Result(part.name, "contaminated", "dialogue", statistic, value, low, high, unit, len(marked), note=note)
    if len(part.rows) == len(part.profile):
        for one in document["benchmarks"]:
            name, found, n = f"contaminated.{one['name']}", one["found"], one["items"]
            yield Result(part.name, name, "dataset", "share", found / n, unit="share", n=n)
            yield Result(part.name, name, "dataset", "count", found, n=n)


class _Found:
    """What of each benchmark stands in a dataset; a copy of a dialogue holds what the first of its kind holds."""

    def __init__(
        self, profile: Profile, origin: Origin, questions: Questions, whole: Overlap, first: NDArray[np.int64],
        threshold: float,
    ) -> None:  # fmt: skip
        self._profile = profile
        self._origin = origin
        self._questions = questions
        self._whole = whole
        self._first = first
        self._words = whole.words()
        self._copies = np.bincount(first, minlength=len(first))
        self._row, self._position, self._role = (
            profile.column(name, "messages") for name in ("dialogue", "position", "role")
        )
        self._threshold = threshold
        self._benchmark = np.array([item.benchmark for item in questions.items], np.int64)

    def columns(self) -> tuple[NDArray[np.float64], list[str | None]]:
        """``contaminated`` and ``contaminated_by`` of every dialogue."""
        pairs = self._found(self._whole.pairs)
        order = np.lexsort((pairs.item, -pairs.coverage, self._row[pairs.message]))
        held, best = np.unique(self._row[pairs.message][order], return_index=True)
        names: dict[int, str] = {}
        for row, item in zip(held.tolist(), pairs.item[order][best].tolist(), strict=True):
            one = self._questions.items[item]
            names[row] = f"{self._questions.benchmarks[one.benchmark].name}:{one.record if one.id is None else one.id}"
        by = [names.get(row) for row in self._first.tolist()]
        return np.array([name is not None for name in by], np.float64), by

    def benchmark(self, number: int) -> dict[str, Any]:
        """Counts of one benchmark's questions, and the strongest matches."""
        mine = np.flatnonzero(self._benchmark == number)
        sizes = np.diff(self._questions.words.offsets)[mine]
        near = self._whole.pairs.chosen(self._benchmark[self._whole.pairs.item] == number)
        pairs = self._found(near)
        matches = self._matches(near)
        described: dict[str, Any] = {
            **self._questions.benchmarks[number]._asdict(),
            "items": len(mine),
            "short": int((sizes < GRAM).sum()),
            "in_template": int(((sizes >= GRAM) & (self._words[mine] < GRAM)).sum()),
            "dialogues": int(self._dialogues(pairs).sum()),
            "exact": _distinct(pairs.item[pairs.exact]),
            "other_numbers": sum(one["coverage"] >= self._threshold and not one["same_numbers"] for one in matches),
            **self._counts(near),
        }
        for role, name in _ROLES.items():
            described[name] = self._counts(near.chosen(self._role[near.message] == role))
        return {**described, "matches": matches[:SHOWN]}

    def _found(self, pairs: Pairs) -> Pairs:
        return pairs.chosen(pairs.coverage >= self._threshold)

    def _counts(self, near: Pairs) -> dict[str, int]:
        """Questions that are found, and those of which a message has 13 words in a row."""
        return {"found": _distinct(self._found(near).item), "found_13gram": _distinct(near.item[near.longest >= RUN])}

    def _dialogues(self, pairs: Pairs) -> NDArray[np.int64]:
        """Copies of each distinct dialogue in which some pairs stand."""
        found: NDArray[np.int64] = self._copies[np.unique(self._row[pairs.message])]
        return found

    def _matches(self, near: Pairs) -> list[dict[str, Any]]:
        """Each question in the message that has most of it, the strongest first."""
        order = np.lexsort((near.message, -near.longest, ~near.exact, -near.coverage, near.item))
        best = near.chosen(order[np.unique(near.item[order], return_index=True)[1]])
        best = best.chosen(np.lexsort((best.item, -best.longest, -best.coverage)))
        dialogues = self._dialogues_of_items(self._found(near))
        found = []
        for match, (text, same) in zip(zip(*best, strict=True), self._evidence(best), strict=True):
            message, item, coverage, longest, exact = (value.item() for value in match)
            one = self._questions.items[item]
            found.append({
                "record": one.record, "id": one.id, "position": one.position, "words": int(self._words[item]),
                "row": int(self._row[message]), "message": int(self._position[message]),
                "role": _ROLES[int(self._role[message])], "coverage": coverage, "longest": longest, "exact": exact,
                "same_numbers": same, "dialogues": int(dialogues[item]), "text": text,
            })  # fmt: skip
        return found

    def _dialogues_of_items(self, pairs: Pairs) -> NDArray[np.int64]:
        """Dialogues, copies among them, in which each question stands."""
        item, row = np.divmod(np.unique(pairs.item * len(self._first) + self._row[pairs.message]), len(self._first))
        return np.bincount(item, self._copies[row], len(self._questions.items)).astype(np.int64)

    def _evidence(self, best: Pairs) -> Iterator[tuple[str, bool]]:
        """Of each pair the text of its longest run, and whether the message has the question's numbers."""
        texts, workspace = self._texts(best.message), Workspace()
        for message, item, exact in zip(best.message.tolist(), best.item.tolist(), best.exact.tolist(), strict=True):
            text = texts[message]
            if exact:
                yield text.strip()[:MOST], True
            else:
                runs = _runs(text, item, self._whole, workspace)
                yield stretch(text, runs[0].word, runs[0].words), same_numbers(text, self._asked(item), runs)

    def _asked(self, item: int) -> str:
        return self._questions.items[item].text

    def _texts(self, messages: NDArray[np.int64]) -> dict[int, str]:
        """Texts of some messages by their numbers."""
        wanted, found = set(messages.tolist()), dict[int, str]()
        firsts = first_messages(self._profile)
        for some in self._origin.read(np.unique(self._row[messages])):
            numbers = message_numbers(some, firsts).tolist()
            found |= {number: some.batch.message(i) for i, number in enumerate(numbers) if number in wanted}
        return found


def _distinct(items: NDArray[np.int64]) -> int:
    return len(np.unique(items))


def _runs(text: str, item: int, whole: Overlap, workspace: Workspace) -> list[Run]:
    """Stretches of a text that stand in a question, the longest first."""
    hits, _ = find(hashed([text], workspace), whole.known)
    kept = hits.chosen(~whole.template[hits.gram])
    found = []
    for some in overlaps(whole.known, kept, whole.total):
        mine = some.item[some.runs.pair] == item
        found += [Run(*run) for run in zip(*(column[mine].tolist() for column in some.runs[1:]), strict=True)]
    return sorted(found, key=lambda run: (-run.words, run.word, run.place))


def _stretches(questions: Questions, whole: Overlap) -> list[str]:
    """The first different stretches of questions that are template, as they stand there."""
    known = whole.known
    places = np.flatnonzero(np.diff(whole.total) == 0)
    item = known.items(places)
    begins = np.flatnonzero(np.append(True, (np.diff(places) != 1) | (np.diff(item) != 0))[: len(places)])
    found: dict[str, None] = {}
    for first, n in zip(begins.tolist(), np.diff(begins, append=len(places)).tolist(), strict=True):
        if len(found) == _STRETCHES:
            break
        at = int(item[first])
        found.setdefault(stretch(questions.items[at].text, int(places[first] - known.offsets[at]), n))
    return list(found)
