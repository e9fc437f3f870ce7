"""Asking a judge many questions: once each, in a pool of threads, never again what lies in the cache.

The cache is a folder with a JSON file for every answer, named by what was asked and of which model, not by where.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from ultraqa.analysis.endpoint import JudgeError, UnansweredError, open_endpoint
from ultraqa.dialogues.writing import atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ultraqa.analysis.endpoint import Endpoint, Settings

_FIRST: Final = 5
"""Where the first questions to end, as many as this, are all unanswered, the others are not asked."""


class Question(NamedTuple):
    """One request: the version of the prompt, the whole text, and how often the same was asked before."""

    version: str
    text: str
    repeat: int = 0


class Answer(NamedTuple):
    """What the judge said; or None, the reason, and what the endpoint said instead."""

    text: str | None
    reason: str = ""
    said: str = ""


class Progress(NamedTuple):
    """Requests that have ended, all that are needed, and the tokens that they are estimated to take."""

    done: int
    requests: int
    tokens: int


def estimate(questions: Sequence[Question], settings: Settings, cache: Path) -> Progress:
    """What the questions that are not in the cache take: a token for 4 characters, and answers at their limit."""
    return _estimate(_unanswered(_known(questions, settings, cache)), settings)


def ask(
    questions: Sequence[Question],
    settings: Settings,
    cache: Path,
    *,
    readable: Callable[[str], bool],
    progress: Callable[[Progress], None],
) -> dict[Question, Answer]:
    """An answer to every question, from the cache or from the endpoint; equal questions are asked once.

    What is not ``readable`` is asked for once more and then kept as it is. Questions that failed are not kept, so
    another run asks them again.

    Raises:
        JudgeError: the estimate is above the budget, the endpoint cannot be used, or none of the first five questions
            was answered.
    """
    found = _known(questions, settings, cache)
    missing = _unanswered(found)
    expected = _estimate(missing, settings)
    progress(expected)
    if settings.budget is not None and expected.tokens > settings.budget:
        raise JudgeError(
            f"{expected.requests:,} requests to the judge take about {expected.tokens:,} tokens, and the budget is "
            f"{settings.budget:,}: raise --judge-budget or lower --judge-sample"
        )
    if missing:
        cache.mkdir(parents=True, exist_ok=True)  # where that fails, before anything is paid for
        endpoint = open_endpoint(settings)
        with endpoint.client:
            found |= _ask_all(missing, endpoint, cache, readable, lambda n: progress(expected._replace(done=n)))
    return found


def _known(questions: Sequence[Question], settings: Settings, cache: Path) -> dict[Question, Answer]:
    return {one: Answer(_cached(cache / _name(one, settings))) for one in questions}


def _unanswered(found: dict[Question, Answer]) -> list[Question]:
    return [question for question, answer in found.items() if answer.text is None]


def _estimate(missing: Sequence[Question], settings: Settings) -> Progress:
    tokens = sum(len(one.text) // 4 + settings.answer_tokens for one in missing)
    return Progress(0, len(missing), tokens)


def _ask_all(
    missing: Sequence[Question],
    endpoint: Endpoint,
    cache: Path,
    readable: Callable[[str], bool],
    done: Callable[[int], None],
) -> dict[Question, Answer]:
    found: dict[Question, Answer] = {}
    with ThreadPoolExecutor(endpoint.settings.concurrency) as pool:
        futures = {pool.submit(_answer, one, endpoint, cache, readable): one for one in missing}
        try:
            for future in as_completed(futures):
                found[futures[future]] = future.result()
                if len(found) == _FIRST and len(_unanswered(found)) == _FIRST:
                    raise _nobody_there(found[futures[future]], endpoint.settings)
                done(len(found))
        finally:
            endpoint.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
    return found


def _nobody_there(last: Answer, settings: Settings) -> JudgeError:
    why = f"{last.reason}: {last.said}" if last.said else last.reason
    return JudgeError(
        f"{settings.shown_url} answered none of the first {_FIRST} questions ({why}): "
        f"is it running, and does it offer chat completions of {settings.model}?"
    )


def _answer(question: Question, endpoint: Endpoint, cache: Path, readable: Callable[[str], bool]) -> Answer:
    try:
        text = endpoint.ask(question.text)
        if not readable(text):
            text = endpoint.ask(question.text)
    except UnansweredError as error:
        return Answer(None, str(error), error.said)
    kept = {"model": endpoint.settings.model, "repeat": question.repeat, "answer": text}
    with atomically(cache / _name(question, endpoint.settings)) as partial:
        partial.write_bytes(orjson.dumps(kept))
    return Answer(text)


def _name(question: Question, settings: Settings) -> str:
    """Name of the file that keeps an answer: a hash of all that decides it."""
    content = [question.version, settings.model, question.text, settings.answer_tokens, question.repeat]
    return f"{sha256(orjson.dumps(content)).hexdigest()}.json"


def _cached(path: Path) -> str | None:
    """The answer in a file of the cache; None where there is none that can be read."""
    try:
        answer = orjson.loads(path.read_bytes())["answer"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return answer if isinstance(answer, str) else None
