"""Numbers of accounts and keys to them: strings whose check digits or prefixes say what they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ultraqa.analysis.byte_triggers import DIGITS, TOKEN
from ultraqa.analysis.triggers import Family, Hit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Seen

PHRASES: Final = {"personal_private_key": ("begin (rsa|dsa|ec|openssh|encrypted|pgp|) private key",)}

_ROW: Final = re.compile(r"[0-9][0-9 ().-]{5,}[0-9]")
_CARD: Final = re.compile(
    r"[0-9](?:[0-9]{13,18}"
    r"|[0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?"
    r"|[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5})"
    r"(?![A-Za-z0-9_/]|[ .,-][0-9])"
)
_JOINED: Final = re.compile(r"[A-Za-z0-9_.,/+-]\Z|[0-9] \Z")  # what before a number makes it part of a longer one
_CARD_PREFIXES: Final = re.compile(
    r"4(?:\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:6011|64[4-9]\d|65\d{2})\d{12}"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|62\d{14,17}"  # UnionPay
)
_IBAN_LENGTHS: Final = {
    country[:2]: int(country[2:])
    for country in """
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24
    FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32
    LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24
    RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
    """.split()  # noqa: SIM905  (a table reads better without quotes)
}
"""Length of an IBAN by country, from the registry of ISO 13616 that SWIFT keeps."""
_IBAN_START: Final = re.compile(r"[A-Z][A-Z](?<![A-Za-z0-9]..)[0-9][0-9](?=[ -]?[A-Z0-9])")
_IBAN_LETTERS: Final = 16  # characters before its first row of seven digits at most: MT84 MALT 0110...
_KEYS: Final = (
    ("private key", "PRIVATE KEY", r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----"),
    ("Amazon key", "AKIA", r"AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("Amazon key", "ASIA", r"ASIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("API key sk-", "sk-", r"sk-[A-Za-z0-9_-]{20,200}"),
    ("GitHub token", "gh", r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    ("GitHub token", "github_pat_", r"github_pat_\w{50,255}"),
    ("GitLab token", "glpat-", r"glpat-[\w-]{20,64}"),
    ("Slack token", "xox", r"xox[abeprs]-[A-Za-z0-9-]{16,255}"),
    ("Google key", "AIza", r"AIza[\w-]{35}(?![\w-])"),
    ("Stripe key", "k_live_", r"[rs]k_live_[A-Za-z0-9]{16,255}"),
    ("Stripe key", "k_test_", r"[rs]k_test_[A-Za-z0-9]{16,255}"),
    ("Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{34}(?![A-Za-z0-9])"),
    ("npm token", "npm_", r"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    ("PyPI token", "pypi-", r"pypi-[\w-]{50,255}"),
    ("SendGrid key", "SG.", r"SG\.[\w-]{22}\.[\w-]{43}"),
    ("Twilio key", "SK", r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("Telegram token", ":AA", r"\d{8,10}:AA[\w-]{33}(?![\w-])"),
    ("JSON web token", ".eyJ", r"eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}"),
)
"""Kind, what every key of it holds, and its shape."""
_KINDS: Final = tuple((kind, hint, re.compile(rf"(?<![A-Za-z0-9_-]){shape}")) for kind, hint, shape in _KEYS)
_DISTINCT: Final = 8  # characters of a key: fewer are "sk-xxxxxxxx1234" and the like


def pii_card(seen: Seen) -> Iterator[Hit]:
    """Numbers of payment cards: length and prefix of an issuer, and Luhn's check digit.

    In groups of four, in the groups of American Express and Diners Club, or without a gap. Test numbers are counted as
    well. Not counted: numbers inside longer ones. Source: ISO/IEC 7812-1.
    """
    for message, start, end in digit_rows(seen):
        text = seen.text(message)
        # Two characters beyond the row tell whether the number goes on.
        for found in _CARD.finditer(text, start, end + 2):
            digits = re.sub("[ -]", "", found[0])
            if (
                _CARD_PREFIXES.fullmatch(digits)
                and luhn(digits)
                and not _JOINED.search(text, max(0, found.start() - 2), found.start())
            ):
                yield Hit(message, *found.span(), f"card {masked(digits)}")


def pii_iban(seen: Seen) -> Iterator[Hit]:
    """International bank account numbers: a country, its length, and the check digits.

    In groups or without a gap, in capitals. Source: ISO 13616 and its registry.
    """
    for message, start, end in digit_rows(seen):
        text = seen.text(message)
        for found in _IBAN_START.finditer(text, max(0, start - _IBAN_LETTERS), end):
            span = _iban_at(text, found.start())
            if span is not None:
                yield Hit(message, *span, f"IBAN {masked(text[slice(*span)])}")


def pii_secret(seen: Seen) -> Iterator[Hit]:
    """Keys and tokens in the shapes of well-known issuers, and private keys.

    A digit and eight distinct characters are needed, so that "sk-xxxx" and "your-api-key" are none. Passwords have no
    shape and are not found. Source: the issuers' documentation of their prefixes.
    """
    for message in seen.messages(TOKEN, phrases="personal_private_key"):
        text = seen.text(message)
        for kind, hint, shape in _KINDS:
            for found in shape.finditer(text) if hint in text else ():
                if kind == "private key" or (len(set(found[0])) >= _DISTINCT and any(map(str.isdigit, found[0]))):
                    yield Hit(message, *found.span(), f"{kind} {masked(found[0])}")


def digit_rows(seen: Seen) -> list[tuple[int, int, int]]:
    """Rows of seven digits or more with nothing but blanks and .-() between them: message, start and end."""
    if "digit_rows" not in seen.words.shared:
        seen.words.shared["digit_rows"] = [
            (message, *row.span())
            for message in seen.messages(DIGITS)
            for row in _ROW.finditer(seen.text(message))
            if len(row[0]) - sum(map(row[0].count, " ().-")) >= 7
        ]
    rows: list[tuple[int, int, int]] = seen.words.shared["digit_rows"]
    return rows


def masked(text: str) -> str:
    """The first two and the last two characters of what must not be written down."""
    return f"{text[:2]}…{text[-2:]}"


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def _iban_at(text: str, start: int) -> tuple[int, int] | None:
    length = _IBAN_LENGTHS.get(text[start : start + 2], 0)
    found = re.compile(rf"(?:[ -]?[A-Z0-9]){{{length}}}(?![A-Za-z0-9])").match(text, start) if length else None
    if found is None:
        return None
    number = re.sub("[ -]", "", found[0])
    moved = number[4:] + number[:4]
    valid = int("".join(str(int(character, 36)) for character in moved)) % 97 == 1
    return found.span() if valid else None


FAMILIES: Final = (
    Family("pii_card", pii_card),
    Family("pii_iban", pii_iban),
    Family("pii_secret", pii_secret),
)
