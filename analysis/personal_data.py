"""Personal data in messages: addresses, numbers and keys that a model must not learn by heart.

What is found is not written down: a detail names its kind and shows the first two and the last two characters.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from ultraqa.analysis import accounts
from ultraqa.analysis.accounts import digit_rows, masked
from ultraqa.analysis.byte_triggers import AT, COLONED, DOTTED
from ultraqa.analysis.triggers import Family, Hit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Seen

PHRASES: Final = accounts.PHRASES

_AT_SIGN: Final = re.compile(r"@(?<=[A-Za-z0-9_+-]@)(?=[A-Za-z0-9])")
_LOCAL: Final = re.compile(r"(?<![A-Za-z0-9._%+-])(?!\.)[A-Za-z0-9._%+-]{1,64}\Z")
_DOMAIN: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}([A-Za-z]{2,24})(?![A-Za-z0-9_@-])"
)
_FILES: Final = frozenset(["png", "jpg", "jpeg", "gif", "svg", "webp", "js", "ts", "css", "json", "py", "md"])
"""Endings that are files, not domains, behind such things as logo@2x."""

_PHONE: Final = re.compile(
    r"""[+(0-9](?:
        (?<=\+)[1-9][0-9]{0,2}(?:[ .-]?\(0?[0-9]{1,4}\))?(?:[ .-]?[0-9]{2,12}){1,6}    # +44 20 7946 0958
        | (?<=\+)[ ]?1[ ]\([0-9]{3}\)[ .-]?[0-9]{3}[ .-][0-9]{4}                       # + 1 (202) 555-0143
        | (?<=\()[0-9]{3}\)[ .-]?[0-9]{3}[ .-][0-9]{4}                                 # (202) 555-0143
        | (?<=1)[ .-]?\([0-9]{3}\)[ .-]?[0-9]{3}[ .-][0-9]{4}                          # 1 (202) 555-0143
        | (?<=1)[.-][0-9]{3}([.-])[0-9]{3}\1[0-9]{4}                                   # 1-202-555-0143
        | (?<=[0-9])[0-9][0-9]([.-])[0-9]{3}\2[0-9]{4}                                       # 202-555-0143
        | (?<=5)55-[0-9]{4}                                                      # 555-0143
    )(?![A-Za-z0-9_/*^=+%]|[.,:-][0-9]|[ ]?[*/=×÷][ ]?[0-9])""",
    re.VERBOSE,
)
_JOINED: Final = re.compile(r"[A-Za-z0-9_.,/=*^+-]\Z|[0-9] \Z")  # what makes a number part of something longer
_CALLS: Final = (
    "tel", "phone", "telephone", "telephones", "mobile", "cell", "call", "calling", "whatsapp", "fax", "hotline",
    "téléphone", "tél", "telefon", "handy", "teléfono", "móvil", "telefono", "telefone", "celular",
)  # fmt: skip
_FILLERS: Final = ("number", "no", "us", "me", "at", "on", "is", "or", "the", "nummer")
_CALLS_ZH: Final = ("电话", "手机", "手机号", "手机号码", "联系方式", "热线")
_SIGNS: Final = " .:：#*+("
_CALLED: Final = re.compile(
    rf"(?:\b(?:{'|'.join(_CALLS)})(?: (?:no\.|{'|'.join(_FILLERS)})){{0,3}}|{'|'.join(_CALLS_ZH)})[{_SIGNS}]{{0,6}}\Z",
    re.IGNORECASE,
)
_ENDINGS: Final = (*_CALLS, *_FILLERS, *_CALLS_ZH)
"""What stands before the signs where ``_CALLED`` matches, which is slow."""
_WORDED: Final = re.compile(r"[A-Za-z0-9_]")
_DATE: Final = re.compile(r"\d{4}[.-]\d\d?[.-]\d\d?\b|\d\d?[.-]\d\d?[.-]\d{4}\b")

_V4: Final = re.compile(
    r"\.(?<=[0-9]\.)[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?![A-Za-z0-9_-]|\.[0-9])"
)  # from its first full stop
_V6: Final = re.compile(r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{1,34}")
_PART: Final = re.compile(r"[A-Za-z0-9_.:]")
_VERSION: Final = re.compile(
    r"[A-Za-z0-9_.-]\Z|(?:version|release|firmware|build|driver|section|chapter|kernel|update|§|\bv)[ .:(]{0,2}\Z",
    re.IGNORECASE,
)


def pii_email(seen: Seen) -> Iterator[Hit]:
    """E-mail addresses, those of example.com and the like included.

    Not counted: file names (logo@2x.png), users of a repository (git@github.com), user names in the link to a server.
    Source: RFC 5322, what of it is in use.
    """
    for message in seen.messages(AT):
        text = seen.text(message)
        for sign in _AT_SIGN.finditer(text):
            at = sign.start()
            local, domain = _LOCAL.search(text, max(0, at - 65), at), _DOMAIN.match(text, at + 1)
            if local is None or domain is None or domain[1].lower() in _FILES or local[0] == "git":
                continue
            before = text[max(0, local.start() - 30) : local.start()]
            if not before.endswith("/") and not ("//" in before and before.endswith(":")):
                yield Hit(message, local.start(), domain.end(), f"e-mail {masked(local[0] + '@' + domain[0])}")


def pii_phone(seen: Seen) -> Iterator[Hit]:
    """Telephone numbers: with a country code, in the North American form, or after a word such as "phone".

    Eight to fifteen digits; seven in 555-0143 and after such a word. Not counted: numbers inside longer ones, dates,
    arithmetic, and rows of digits that nothing calls a telephone number. Source: ITU-T E.164, NANP.
    """
    for message, start, end in digit_rows(seen):
        text = seen.text(message)
        # Beyond the row stand a "+" or "(" before it and what tells that it goes on after it.
        shaped = [found.span() for found in _PHONE.finditer(text, max(0, start - 2), end + 3)]
        spans = [span for span in shaped if _is_phone(text, *span)]
        if _is_called(text, start, end):
            spans.append((start, end))
        for span in spans[:1]:
            yield Hit(message, *span, f"telephone {masked(text[slice(*span)])}")


def pii_ip(seen: Seen) -> Iterator[Hit]:
    """IP addresses that may be somebody's, those reserved for documentation included.

    Not counted: loopback, private, link-local and multicast ranges, masks, what is called a version or section, and
    four numbers below 10, which are mostly one or a public resolver. Source: RFC 791, RFC 4291, RFC 6890.
    """
    for message in seen.messages(DOTTED):
        text = seen.text(message)
        for found in _V4.finditer(text):
            start = _first_number(text, found.start())
            address = text[start : found.end()]
            if _is_public(address) and not _VERSION.search(text, max(0, start - 12), start):
                yield Hit(message, start, found.end(), f"IP address {masked(address)}")
    for message in seen.messages(COLONED):
        text = seen.text(message)
        for found in _V6.finditer(text):
            address = _address_6(text, *found.span())
            if address:
                yield Hit(message, found.start(), found.start() + len(address), f"IP address {masked(address)}")


def _digits(text: str) -> int:
    return sum(character.isdigit() for character in text)


def _is_phone(text: str, start: int, end: int) -> bool:
    """Whether what looks like a telephone number stands alone and has as many digits as one."""
    alone = _JOINED.search(text, max(0, start - 2), start) is None
    return alone and (8 <= _digits(text[start:end]) <= 15 or text.startswith("555-", start))


def _is_called(text: str, start: int, end: int) -> bool:
    """Whether a row of digits is called a telephone number."""
    if not text[max(0, start - 40) : start].rstrip(_SIGNS).lower().endswith(_ENDINGS):
        return False
    row = text[start:end]
    called = 7 <= _digits(row) <= 15 and _CALLED.search(text, max(0, start - 40), start)
    return bool(called) and not _DATE.match(row) and not _WORDED.match(text, end)


def _first_number(text: str, dot: int) -> int:
    """Where the digits before a full stop begin."""
    return dot - len(text[max(0, dot - 4) : dot]) + len(text[max(0, dot - 4) : dot].rstrip("0123456789"))


def _is_public(address: str) -> bool:
    numbers = [int(number) for number in address.split(".")]
    first, second = numbers[:2]
    private = (
        first in {0, 10, 127} or (first, second) in {(169, 254), (192, 168)} or (first == 172 and 16 <= second < 32)
    )
    return 9 < max(numbers) < 256 and first < 224 and not private


def _address_6(text: str, start: int, end: int) -> str:
    """The address of version 6 in a row of hexadecimal digits and colons that stands alone, empty if it is none."""
    if _PART.search(text[max(0, start - 1) : start] + text[end : end + 1]):
        return ""
    for address in (text[start:end], text[start:end].removesuffix(":")):
        try:
            return address if ipaddress.IPv6Address(address) else ""
        except ValueError:
            continue
    return ""


FAMILIES: Final = (
    Family("pii_email", pii_email),
    Family("pii_phone", pii_phone),
    Family("pii_ip", pii_ip),
    *accounts.FAMILIES,
)
