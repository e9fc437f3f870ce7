"""An OpenAI-compatible endpoint: one question is asked until it is answered or not worth asking again.

The key comes from the environment alone, and is taken out of everything that the endpoint says.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from random import uniform
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import orjson

if TYPE_CHECKING:
    import openai

KEYS: Final = ("ULTRAQA_JUDGE_API_KEY", "OPENAI_API_KEY")
"""Variables of the environment that may hold the key; the first that is set counts."""

_LONGEST_PAUSE: Final = 120.0
"""Seconds: no pause between two attempts is longer, whatever the endpoint asks for."""

_SAME_FOR_ALL: Final = {401: "refuses the key", 403: "refuses the key", 404: "knows no such path or model"}
"""Statuses that every other question would get as well."""


class JudgeError(ValueError):
    """The judge cannot be asked; the message says why and what to do."""


class UnansweredError(Exception):
    """One question got no answer; the message is short enough to be counted, ``said`` is what the endpoint said."""

    def __init__(self, reason: str, said: str = "") -> None:
        super().__init__(reason)
        self.said = said


@dataclass(frozen=True)
class Settings:
    """Which judge is asked, and how.

    Attributes:
        model: name of the model, as the endpoint knows it.
        url: base of an OpenAI-compatible endpoint, up to and with ``/v1``.
        sample: number of dialogues to judge.
        seed: of the choice of dialogues.
        budget: tokens above which nothing is asked; None for no limit.
        characters: length of a dialogue above which its middle is left out.
        answer_tokens: tokens that an answer may have; models that think before they answer need more.
        concurrency: requests under way at a time.
        retries: further attempts after a failed one (408, 429, 5xx, time-out, lost connection).
        timeout: seconds that an answer may take.
        backoff: seconds before the first retry; they double with each.
    """

    model: str
    url: str = "https://api.openai.com/v1"
    sample: int = 300
    seed: int = 0
    budget: int | None = 2_000_000
    characters: int = 12_000
    answer_tokens: int = 200
    concurrency: int = 4
    retries: int = 5
    timeout: float = 120.0
    backoff: float = 0.5

    @property
    def shown_url(self) -> str:
        """The url without a query, which may hold a key."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"


@dataclass(frozen=True)
class Endpoint:
    """An open client, shared by the threads that ask; ``stop`` ends their pauses."""

    client: openai.OpenAI
    settings: Settings
    stop: threading.Event
    key: str = field(repr=False)

    def ask(self, text: str) -> str:
        """The answer to one text, asked for again as long as that may help.

        Raises:
            UnansweredError: this text got no answer.
            JudgeError: no text will get one.
        """
        reason, wanted = "", 0.0
        for attempt in range(self.settings.retries + 1):
            if attempt and self.stop.wait(_pause(attempt, wanted, self.settings.backoff)):
                break
            outcome = self._attempt(text)
            if isinstance(outcome, str):
                return outcome
            reason, wanted = outcome
        raise UnansweredError(reason)

    def _attempt(self, text: str) -> str | tuple[str, float]:
        """The answer; or why there is none yet, and the seconds that the endpoint asks to wait."""
        import openai  # noqa: PLC0415  (an extra)

        try:
            response = self.client.chat.completions.with_raw_response.create(
                model=self.settings.model, messages=[{"role": "user", "content": text}], temperature=0,
                max_tokens=self.settings.answer_tokens,
            )  # fmt: skip
        except openai.APITimeoutError:
            return "timed out", 0.0
        except openai.APIConnectionError:
            return "connection failed", 0.0
        except openai.APIStatusError as error:
            code = error.status_code
            if code in {408, 429} or code >= 500:
                return f"HTTP {code}", retry_after(error.response.headers.get("retry-after"), time.time())
            raise self._refusal(code, error.message) from None  # the original holds the request, and so the key
        content = _content(response.http_response.content)
        return self._clean(content) if content is not None else ("no chat completion", 0.0)

    def _refusal(self, code: int, message: str) -> Exception:
        """What to raise for a status that asking again will not change."""
        said = "".join(c if c.isprintable() else " " for c in self._clean(message))[:300]
        if code not in _SAME_FOR_ALL:
            return UnansweredError(f"HTTP {code}", said)
        remedy = f"set {KEYS[0]} or {KEYS[1]}" if code != 404 else f"{self.settings.model} was asked for; {said}"
        return JudgeError(f"{self.settings.shown_url} {_SAME_FOR_ALL[code]} (HTTP {code}): {remedy}")

    def _clean(self, text: str) -> str:
        return text.replace(self.key, "***")


def open_endpoint(settings: Settings) -> Endpoint:
    """A client for the endpoint of the settings; nothing is sent yet.

    Raises:
        JudgeError: the package, the key or a usable url is missing.
    """
    try:
        import openai  # noqa: PLC0415  (an extra)
    except ImportError:
        raise JudgeError('the judge needs the package openai: pip install "ultraqa[judge]"') from None
    key = _key(settings)
    client = openai.OpenAI(api_key=key, base_url=settings.url, timeout=settings.timeout, max_retries=0)
    return Endpoint(client, settings, threading.Event(), key)


def _key(settings: Settings) -> str:
    """The key of the environment; a placeholder for a local endpoint where none is set."""
    parts = urlsplit(settings.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise JudgeError(f"a judge's url looks like http://localhost:8000/v1, and has no key in it (that is {KEYS[0]})")
    name = next((name for name in KEYS if os.environ.get(name, "").strip()), None)
    if name is None:
        if _is_local(parts.hostname):
            return "no-key-needed"
        raise JudgeError(f"{settings.shown_url} needs a key: set {KEYS[0]} or {KEYS[1]}")
    key = os.environ[name].strip()
    if not key.isascii() or not key.isprintable():  # what libraries say about such a header quotes the key
        raise JudgeError(f"{name} holds a line break or a character that is not ASCII: that is not a key")
    return key


def _is_local(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local"))
    return address.is_loopback or address.is_private


def _content(body: bytes) -> str | None:
    """Text of a chat completion, empty where it has none; None where this is no chat completion."""
    try:
        content = orjson.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError):
        return None
    return content if isinstance(content, str) else ""


def _pause(attempt: int, wanted: float, backoff: float) -> float:
    """Seconds before an attempt, the first retry being attempt 1."""
    own = backoff * float(2 ** (attempt - 1)) * uniform(0.5, 1)  # noqa: S311  (spreads the threads, decides nothing)
    return min(max(own, wanted), _LONGEST_PAUSE)


def retry_after(header: str | None, now: float) -> float:
    """Seconds that a Retry-After header asks to wait, as a number or a date (RFC 9110, 10.2.3); 0 where it does not."""
    try:
        seconds = float(header or 0)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header or "").timestamp() - now
        except ValueError:
            return 0.0
    return seconds if seconds > 0 else 0.0
