"""Personal data: what is found, what is left alone, what is never written down, and that gates lose nothing."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ultraqa.analysis import accounts
from ultraqa.analysis.personal_data import FAMILIES, PHRASES
from ultraqa.analysis.triggers import Hit, Seen, seen
from ultraqa.analysis.words import Workspace, scan
from ultraqa.dialogues.batch import Batch, BatchBuilder, Dialogue, Record
from ultraqa.dialogues.reading import batches, shards
from ultraqa.dialogues.sources import datasets

if TYPE_CHECKING:
    from collections.abc import Iterator

FIND: Final = {family.name: family.find for family in FAMILIES}
FILES: Final = (
    "ultrachat.jsonl", "ultrachat_200k.jsonl", "sharegpt.json", "messages.jsonl", "alpaca.json", "baize.json",
    "openassistant.jsonl", "camel.jsonl", "transcripts.csv", "sample.jsonl",
)  # fmt: skip
# Joined here, so that no scanner of repositories takes an invented key for a real one.
VARIED: Final = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3"
SECRETS: Final = [
    "AKIA" + "EXAMPLEKEY123456", "sk-" + "EXAMPLE0example1EXAMPLE2", "ghp_" + VARIED[:36], "github_pat_" + VARIED * 2,
    "glpat-" + VARIED[:20], "xoxb-" + "1234567890-EXAMPLEkey", "AIza" + VARIED[:35], "sk_live_" + VARIED[:24],
    "hf_" + VARIED[:34], "npm_" + VARIED[:36], "pypi-" + VARIED * 2, "SG." + VARIED[:22] + "." + (VARIED * 2)[:43],
    "SK" + "0123456789abcdef" * 2, "123456789:AA" + VARIED[:33],
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0" + ".c2lnbmF0dXJlMTIz", "-----BEGIN " + "RSA PRIVATE KEY-----",
]  # fmt: skip

FOUND: Final = [
    ("pii_email", "kim.placeholder@example.com"),
    ("pii_email", "Kim_P+news@mail.example.co.uk"),
    ("pii_email", "邮箱kim@example.com。"),
    ("pii_email", "[write](mailto:kim@example.org)"),
    ("pii_phone", "+1 202-555-0143"),
    ("pii_phone", "(202) 555-0143"),
    ("pii_phone", "1-800-555-0199"),
    ("pii_phone", "202.555.0143"),
    ("pii_phone", "+44 20 7946 0958"),
    ("pii_phone", "+4930901820"),
    ("pii_phone", "+49 (0)30 901820"),
    ("pii_phone", "555-0143"),
    ("pii_phone", "Telefon: 030 901820"),
    ("pii_phone", "via WhatsApp on 020 7946 0958"),
    ("pii_phone", "电话：13800138000"),
    ("pii_phone", "연락처는 202-555-0143입니다"),
    ("pii_ip", "192.0.2.44"),
    ("pii_ip", "http://198.51.100.7:8080/path"),
    ("pii_ip", "地址203.0.113.9，"),
    ("pii_ip", "2001:db8::8a2e:370:7334"),
    ("pii_ip", "[2001:0db8:85a3:0000:0000:8a2e:0370:7334]:443"),
    ("pii_card", "4111 1111 1111 1111"),
    ("pii_card", "4111-1111-1111-1111"),
    ("pii_card", "卡号4111111111111111。"),
    ("pii_card", "3782 822463 10005"),
    ("pii_card", "6011000990139424"),
    ("pii_iban", "GB29 NWBK 6016 1331 9268 19"),
    ("pii_iban", "DE89370400440532013000"),
    ("pii_iban", "MT84 MALT 0110 0001 2345 MTLC AST0 01S"),
    ("pii_iban", "NO93 8601 1117 947 BIC"),
    *(("pii_secret", secret) for secret in SECRETS),
]
SOUND: Final = [
    ("pii_email", "logo@2x.png"),
    ("pii_email", "git@github.com:example/example.git"),
    ("pii_email", "https://kim:word@example.com/path"),
    ("pii_email", "meet me @home.com or name@localhost"),
    ("pii_email", "^[a-z]+@[a-z]+\\.com$"),
    ("pii_phone", "on 2021-05-12 at 10:30, call on 2021-05-12 10:30:45"),
    ("pii_phone", "ISBN 978-3-16-148410-0"),
    ("pii_phone", "1,234,567,890 and 1.234.567.890"),
    ("pii_phone", "3.14159265358979 and 1.234567e+12"),
    ("pii_phone", "20240512103045"),
    ("pii_phone", "555-1234-5678-9012"),
    ("pii_phone", "415-223-1000/2"),
    ("pii_phone", "2400-1100-700 = 600"),
    ("pii_phone", "192.168.100.1000"),
    ("pii_phone", "40.7128, -74.0060 and 1990-2000"),
    ("pii_ip", "127.0.0.1, 10.0.0.12, 172.16.0.20, 192.168.1.17, 169.254.10.10"),
    ("pii_ip", "255.255.255.0 and 0.0.0.0 and 239.255.255.250"),
    ("pii_ip", "version 12.4.1.30 and v10.15.7.20"),
    ("pii_ip", "1.2.3.4 and 8.8.8.8"),
    ("pii_ip", "300.12.13.14, 1.12.13.14.15"),
    ("pii_ip", "section 15.12.2.7 (§15.12.2.7)"),
    ("pii_ip", "10:30:45, std::vector, 2021:12, ::1, fe80::1234:5678"),
    ("pii_card", "4111 1111 1111 1112"),
    ("pii_card", "9111 1111 1111 1111"),
    ("pii_card", "0.4111111111111111"),
    ("pii_card", "14111 1111 1111 1111"),
    ("pii_iban", "GB29 NWBK 6016 1331 9268 18"),
    ("pii_iban", "XX29 NWBK 6016 1331 9268 19"),
    ("pii_iban", "GB29 NWBK 6016 1331 9268 1"),
    ("pii_secret", "sk-" + "x" * 40 + "1"),
    ("pii_secret", "sk-your-key-goes-here-please"),
    ("pii_secret", "task-" + "AKIA" + "EXAMPLEKEY123456789"),
    ("pii_secret", "-----BEGIN PUBLIC KEY-----"),
]


def batch_of(*texts: str) -> Batch:
    """One dialogue, user and assistant by turns."""
    builder = BatchBuilder()
    builder.add("file", Record(0, 0, "messages", [Dialogue(("ua" * len(texts))[: len(texts)], list(texts), "")], {}))
    return builder.batch()


def looked(batch: Batch) -> Seen:
    """A batch, with what stands out in it."""
    return seen(scan(batch, Workspace()), PHRASES)


def hits(name: str, *texts: str) -> list[Hit]:
    """What a family finds in a dialogue."""
    return list(FIND[name](looked(batch_of(*texts))))


def read(path: Path) -> Iterator[Batch]:
    """The batches of a file."""
    for source in datasets([str(path)])[0].sources:
        for shard in shards(source, 1 << 20):
            yield from batches(shard)


@pytest.mark.parametrize(("name", "text"), FOUND)
@pytest.mark.parametrize("frame", ["{}", "Here it is: {}", "Größe: 中 {} is it.", "one\n{}\ntwo"])
def test_personal_data_are_found_where_they_stand(name: str, text: str, frame: str) -> None:
    """Said by either, and by no other family of numbers."""
    whole = frame.format(text)
    for hit in hits(name, whole, whole):
        assert whole[hit.start : hit.end] in text
    assert {hit.message for hit in hits(name, whole, whole)} == {0, 1}


@pytest.mark.parametrize(("name", "text"), SOUND)
def test_what_only_resembles_personal_data_is_left_alone(name: str, text: str) -> None:
    """In a sentence."""
    assert hits(name, f"Here it is: {text}, I think.", text) == []


@pytest.mark.parametrize(("name", "text"), FOUND)
def test_nothing_that_was_found_is_written_down(name: str, text: str) -> None:
    """A detail holds its kind and four characters at most."""
    for hit in hits(name, text):
        shown = hit.detail.rpartition(" ")[2]
        assert re.fullmatch(r"..…..", shown)
        assert not re.search(r"\d{3}", hit.detail)


def test_planted_data_and_no_others_are_found_in_the_samples(samples: Path) -> None:
    """By message."""
    listed = json.loads((Path(__file__).parent / "defects.json").read_text())
    wanted = {
        (row["file"], row["id"], row["message"], row["defect"]) for row in listed if row["defect"].startswith("pii_")
    }
    there = set()
    for file in FILES:
        for batch in read(samples / file):
            owners = np.repeat(np.arange(len(batch)), np.diff(batch.dialogue_offsets))
            for name, find in FIND.items():
                for hit in find(looked(batch)):
                    owner = owners[hit.message]
                    there.add((file, batch.ids[owner], int(hit.message - batch.dialogue_offsets[owner]), name))
    assert there == wanted


ISSUERS: Final = {
    "4": 16, "51": 16, "55": 16, "2221": 16, "2720": 16, "34": 15, "37": 15, "6011": 16, "65": 16, "3528": 16,
    "300": 14, "36": 14, "62": 16,
}  # fmt: skip


def check_digit(digits: str) -> str:
    """The digit that makes a number pass, by the table of doubled digits of the patent (Luhn 1960)."""
    doubled = "0246813579"
    total = sum(int(doubled[int(d)]) if place % 2 == 0 else int(d) for place, d in enumerate(reversed(digits)))
    return str(-total % 10)


@st.composite
def cards(draw: st.DrawFn) -> str:
    """Valid numbers of some issuers."""
    prefix = draw(st.sampled_from(sorted(ISSUERS)))
    rest = ISSUERS[prefix] - len(prefix) - 1
    body = prefix + draw(st.text("0123456789", min_size=rest, max_size=rest))
    return body + check_digit(body)


@given(cards())
def test_a_valid_card_number_is_found(number: str) -> None:
    """Whole, and in groups where it has sixteen digits."""
    assert accounts.luhn(number)
    assert [hit.end - hit.start for hit in hits("pii_card", f"Card {number}.")] == [len(number)]
    if len(number) == 16:
        grouped = " ".join(number[i : i + 4] for i in range(0, 16, 4))
        assert len(hits("pii_card", f"Card {grouped}.")) == 1


@given(cards(), st.data())
def test_a_card_number_with_one_digit_changed_is_not_found(number: str, data: st.DataObject) -> None:
    """Luhn's check notices every single change."""
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    assert hits("pii_card", f"Card {number[:place]}{other}{number[place + 1 :]}.") == []


@given(cards(), st.sampled_from(["7{}", "{}7", "7.{}", "7 {}", "{} 7", "{}-7", "x{}", "{}x", "7-{}"]))
def test_a_card_number_inside_something_longer_is_not_found(number: str, frame: str) -> None:
    """Nor one with a word around it."""
    longer = frame.format(number)
    assume(not accounts.luhn(longer) if longer.isdigit() else True)
    assert hits("pii_card", f"Number {longer} it is") == []


def with_check_digits(country: str, rest: str) -> str:
    """An account number with the digits that ISO 7064 asks for."""
    digits = "".join(str(ord(c) - 55) if c.isalpha() else c for c in rest + country)
    return f"{country}{98 - int(digits + '00') % 97:02}{rest}"


@st.composite
def ibans(draw: st.DrawFn) -> str:
    """Valid numbers of some countries."""
    country, letters, length = draw(st.sampled_from([("DE", 0, 22), ("GB", 4, 22), ("NL", 4, 18), ("MT", 4, 31)]))
    bank = draw(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=letters, max_size=letters))
    n = length - 4 - letters
    return with_check_digits(country, bank + draw(st.text("0123456789", min_size=n, max_size=n)))


@given(ibans())
def test_a_valid_iban_is_found(number: str) -> None:
    """Whole and in groups of four, up to its end."""
    grouped = " ".join(number[i : i + 4] for i in range(0, len(number), 4))
    for written in (number, grouped):
        assert [(h.start, h.end) for h in hits("pii_iban", f"Pay to {written}, please.")] == [(7, 7 + len(written))]


@given(ibans(), st.data())
def test_an_iban_with_one_digit_changed_is_not_found(number: str, data: st.DataObject) -> None:
    """Its check digits notice every single change."""
    places = [place for place, character in enumerate(number) if character.isdigit()]
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    assert hits("pii_iban", f"Pay to {number[:place]}{other}{number[place + 1 :]}, please.") == []


def test_example_numbers_of_the_registry_are_found() -> None:
    """Those that ISO 13616's registry prints for some countries."""
    printed = [
        "BE68 5390 0754 7034",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NO93 8601 1117 947",
        "CH93 0076 2011 6238 5295 7",
    ]
    for number in printed:
        assert len(hits("pii_iban", number)) == 1


@given(st.ip_addresses(v=4))
def test_addresses_of_version_4_are_found_where_they_are_public(address: ipaddress.IPv4Address) -> None:
    """Judged by the tables of the standard library, with the ranges for documentation counted."""
    documentation = any(
        address in ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
    )
    numbers = address.packed
    shared = any(
        address in ipaddress.ip_network(net)
        for net in ("100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "192.88.99.0/24")
    )
    assume(not shared)
    public = (address.is_global and not address.is_multicast) or documentation
    assert (len(hits("pii_ip", f"from {address} on")) == 1) == (public and max(numbers) > 9)


@given(st.ip_addresses(v=6, network="2000::/3"))
def test_addresses_of_version_6_are_found(address: ipaddress.IPv6Address) -> None:
    """Shortened and whole."""
    for written in (str(address), address.exploded):
        assert [(h.start, h.end) for h in hits("pii_ip", f"from {written} on")] == [(5, 5 + len(written))]


def same_without_gates(batch: Batch) -> None:
    """Every family finds the same, with triggers and phrases and without them."""
    messages = range(len(batch.roles))
    everywhere = Seen(
        scan(batch, Workspace()),
        np.full(len(messages), 0xFFFFFFFF, np.uint32),
        dict.fromkeys(PHRASES, np.array([(message, 0, 1, 0) for message in messages]).reshape(-1, 4)),
    )
    gated = looked(batch)
    for name, find in FIND.items():
        assert list(find(gated)) == list(find(everywhere)), name


def test_gates_lose_nothing_in_the_samples(samples: Path) -> None:
    """What a family finds does not depend on what the kernel saw before."""
    for file in FILES:
        for batch in read(samples / file):
            same_without_gates(batch)


@pytest.mark.parametrize("file", ["sharegpt/sharegpt_train_small.jsonl", "alpaca/alpaca_data.json", "lima/lima.json"])
def test_gates_lose_nothing_in_real_data(real_data: Path, file: str) -> None:
    """In the first megabyte of published datasets."""
    same_without_gates(next(read(real_data / "data" / file)))


@given(st.lists(st.sampled_from([*(text for _, text in FOUND), *"0123456789 .-+()/:\n@aA", "中"]), max_size=8))
def test_gates_lose_nothing_in_mixtures(pieces: list[str]) -> None:
    """Of all that is found, in any order."""
    same_without_gates(batch_of("".join(pieces)))


@pytest.mark.parametrize(
    "piece",
    ["1", "1 ", "1.", "1-", "1) ", "(1", "+1 ", "@", "a@", "a.a@a.", "4111 ", "GB29", "eyJ.eyJ", "sk-", "2001:", "-",
     "1.2.3.4.", "_", "AB12 ", "12345678:AA", "phone 1"],
)  # fmt: skip
def test_a_megabyte_of_the_worst_is_looked_through(piece: str) -> None:
    """In one pass over it: anything quadratic would not end."""
    text = piece * (1_000_000 // len(piece))
    for find in FIND.values():
        for hit in find(looked(batch_of(text))):
            assert hit.end <= 1_000_000
