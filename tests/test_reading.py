"""Reading: every byte is accounted for, every container gives the same dialogues, and damage stays where it is."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import random
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ultraqa.dialogues import containers, slices, streams
from ultraqa.dialogues.batch import Dialogue, Record, Unreadable
from ultraqa.dialogues.files import DataError, UnreadableError
from ultraqa.dialogues.reading import ReadOptions, batches, records, reopen, shards
from ultraqa.dialogues.sources import Source, datasets

DEFAULT = ReadOptions()
RECORDS: list[dict[str, Any]] = [
    {
        "id": f"d{i}",
        "data": [f'Question {i}, with "quotes", {{braces}} and a \\ slash?', f"Answer {i}:\n[ok] é ✓ 好" * (i % 4)],
    }
    for i in range(40)
]
SQUEEZE = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard.compress}


def source(path: Path) -> Source:
    """The source that a file is."""
    return Source(path.name, str(path), path.stat().st_size)


def written(path: Path, data: bytes) -> Source:
    """The source that a file with these bytes is."""
    path.write_bytes(data)
    return source(path)


def read(given: Source, options: ReadOptions = DEFAULT) -> tuple[list[Record], list[Unreadable]]:
    """Records and unreadables of a source."""
    found = list(records(given, options))
    return [one for one in found if isinstance(one, Record)], [one for one in found if isinstance(one, Unreadable)]


def dialogues(given: Source, options: ReadOptions = DEFAULT) -> list[Dialogue]:
    """All dialogues of a source without an unreadable record."""
    good, bad = read(given, options)
    assert not bad
    return [dialogue for record in good for dialogue in record.dialogues]


def jsonl(values: list[Any]) -> bytes:
    """Values as JSONL."""
    return b"".join(orjson.dumps(value) + b"\n" for value in values)


EXPECTED = [Dialogue("ua", record["data"], "", record["id"]) for record in RECORDS]


def same(found: list[Dialogue]) -> bool:
    """Whether these are the dialogues of RECORDS."""
    return [(one.id, one.texts, one.roles) for one in found] == [(one.id, one.texts, one.roles) for one in EXPECTED]


# --- every byte is in a record, an unreadable, or nothing ---

LINES = st.one_of(
    st.sampled_from([orjson.dumps(record) for record in RECORDS]),
    st.sampled_from(
        [b"", b" ", b"\t\r", b"{", b"}", b"null", b'"text"', b"[1, 2]", b'{"a": NaN}', b'{"a": "\\ud800"}', b"\0"]
    ),
    st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    lines=st.lists(LINES, max_size=12),
    newline=st.sampled_from([b"\n", b"\r\n"]),
    bom=st.booleans(),
    size=st.integers(1, 300),
)
def test_every_byte_of_jsonl_is_accounted_for(
    tmp_path: Path, lines: list[bytes], newline: bytes, bom: bool, size: int
) -> None:
    """Records and unreadables cover all bytes but blanks, whatever the lines hold and however they are cut."""
    first = [orjson.dumps(record) for record in RECORDS[:2]]
    data = b"\xef\xbb\xbf" * bom + newline.join([*first, *lines])
    given_source = written(tmp_path / "data.jsonl", data)
    found = [one for shard in shards(given_source, size) for one in records(shard)]
    position = 3 * bom
    for one in found:
        assert not data[position : one.start].strip(), "bytes between records are blank"
        assert one.start < one.end
        position = one.end
    assert not data[position:].strip()
    assert all(one.line == data.count(b"\n", 0, one.start) + 1 for one in found if isinstance(one, Unreadable))
    assert found == list(records(given_source))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def blocks_of(data: bytes, size: int) -> list[bytes]:
    """The bytes in blocks."""
    return [data[i : i + size] for i in range(0, len(data), size)]


@settings(deadline=None)
@given(
    values=st.lists(JSON_VALUES, max_size=8),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    size=st.integers(1, 70),
)
def test_spans_of_array_elements_equal_those_of_the_standard_library(
    values: list[Any], indent: int | None, ascii_only: bool, size: int
) -> None:
    """The scanner cuts where ``raw_decode`` does, at any block size, and counts lines."""
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    decoder, expected, place = json.JSONDecoder(), [], 1
    for _ in values:
        while text[place] in ", \n":
            place += 1
        end = decoder.raw_decode(text, place)[1]
        expected.append(
            (len(text[:place].encode("utf-8", "surrogatepass")), text[place:end].encode("utf-8", "surrogatepass"))
        )
        place = end
    data = text.encode("utf-8", "surrogatepass")
    found = list(slices.elements(blocks_of(data[1:], size), 1, "]"))
    assert [(start, piece) for start, piece, _ in found] == expected
    assert [line for _, _, line in found] == [data.count(b"\n", 0, start) for start, _ in expected]


@settings(deadline=None)
@given(
    value=st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=8),
    indent=st.sampled_from([None, 2]),
    size=st.integers(1, 70),
)
def test_members_of_an_object_give_the_object_back(value: dict[str, Any], indent: int | None, size: int) -> None:
    """Every ``"key": value`` is one piece, in order."""
    data = json.dumps(value, indent=indent).encode()
    found = list(slices.elements(blocks_of(data[1:], size), 1, "}"))
    pairs = [json.loads(b"{%b}" % piece) for _, piece, _ in found if isinstance(piece, bytes)]
    assert [pair for one in pairs for pair in one.items()] == list(value.items())


@settings(deadline=None)
@given(
    values=st.lists(st.dictionaries(st.text(max_size=3), JSON_VALUES, max_size=3), max_size=6),
    indent=st.sampled_from([None, 2]),
    size=st.integers(1, 70),
)
def test_values_one_after_another(values: list[Any], indent: int | None, size: int) -> None:
    """Values without brackets around them are cut between them."""
    data = "\n".join(json.dumps(value, indent=indent) for value in values).encode()
    found = [
        json.loads(piece) for _, piece, _ in slices.elements(blocks_of(data, size), 0, "") if isinstance(piece, bytes)
    ]
    assert found == values


@settings(deadline=None)
@given(
    data=st.binary(max_size=200) | st.text('[]{}",:\\\n ae1').map(str.encode),
    size=st.integers(1, 70),
    closer=st.sampled_from(["", "]", "}"]),
)
def test_the_scanner_takes_any_bytes_in_any_blocks(data: bytes, size: int, closer: str) -> None:
    """Blocks change nothing, and only separators fall between pieces."""
    found = list(slices.elements(blocks_of(data, size), 0, closer))
    assert found == list(slices.elements([data], 0, closer))
    position = 0
    for start, piece, _ in found:
        assert not data[position:start].strip(b", \t\r\n]}")
        position = piece.end if isinstance(piece, slices.Gap) else start + len(piece)
        assert isinstance(piece, slices.Gap) or data[start:position] == piece


# --- containers ---


def table(values: list[dict[str, Any]]) -> Any:
    """Records as an Arrow table."""
    return pa.Table.from_pylist(values)


def parquet(path: Path, values: list[dict[str, Any]]) -> None:
    """Write records as Parquet in several row groups."""
    pq.write_table(table(values), path, row_group_size=7)


def arrow(path: Path, values: list[dict[str, Any]], *, stream: bool) -> None:
    """Write records as an Arrow file or stream in several batches."""
    data = table(values)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(str(path), data.schema) as writer:
        writer.write_table(data, max_chunksize=9)


def contents(path: Path) -> Source:
    """RECORDS in the container that the file's name says."""
    texts = {
        "pretty.json": json.dumps(RECORDS, indent=4),
        "compact.json": json.dumps(RECORDS, ensure_ascii=False),
        "object.json": json.dumps({record["id"]: {"data": record["data"]} for record in RECORDS}, indent=1),
        "splits.json": json.dumps({"version": 1, "train": RECORDS[:25], "test": RECORDS[25:]}),
        "concatenated.json": "\n".join(json.dumps(record, indent=2) for record in RECORDS),
    }
    if path.suffix == ".parquet":
        parquet(path, RECORDS)
    elif path.suffix == ".arrow":
        arrow(path, RECORDS, stream=path.stem == "stream")
    else:
        stored = texts[path.name].encode() if path.name in texts else jsonl(RECORDS)
        path.write_bytes(SQUEEZE.get(path.suffix, bytes)(stored))
    return source(path)


CONTAINERS = [
    "data.jsonl", "data.ndjson", "noname", "pretty.json", "compact.json", "object.json", "splits.json",
    "concatenated.json", "data.parquet", "file.arrow", "stream.arrow", *(f"data.jsonl{suffix}" for suffix in SQUEEZE),
]  # fmt: skip


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_give_the_same_dialogues(tmp_path: Path, name: str) -> None:
    """Where records lie changes nothing about them."""
    given_source = contents(tmp_path / name)
    assert same(dialogues(given_source))


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("size", [1, 500, 3000])
def test_the_size_of_shards_and_batches_changes_nothing(tmp_path: Path, name: str, size: int) -> None:
    """The batches of all shards, joined, are the same at any size."""
    given_source = contents(tmp_path / name)
    parts = shards(given_source, size)
    assert [part.index for part in parts] == list(range(len(parts)))
    assert len(parts) > 1 or name.endswith(tuple(SQUEEZE)) or name == "concatenated.json"
    cut = [batch for part in parts for batch in batches(part, size=size)]
    whole = [batch for part in shards(given_source) for batch in batches(part)]
    for column in ("ids", "turns", "formats", "paths", "tags"):
        assert [v for b in cut for v in getattr(b, column)] == [v for b in whole for v in getattr(b, column)]
    assert [s for b in cut for s in b.spans.tolist()] == [s for b in whole for s in b.spans.tolist()]
    assert b"".join(bytes(b.text) for b in cut) == b"".join(bytes(b.text) for b in whole)


@pytest.mark.parametrize("name", CONTAINERS)
def test_records_are_reopened_by_their_spans(tmp_path: Path, name: str) -> None:
    """In any order, also twice; a span that holds nothing any more is an error."""
    given_source = contents(tmp_path / name)
    good, _ = read(given_source)
    wanted = [good[i] for i in (31, 2, 2, 0, 39, 14)]
    assert reopen(given_source, [(one.start, one.end) for one in wanted]) == [one.dialogues for one in wanted]
    assert reopen(given_source, []) == []
    with pytest.raises(DataError, match="the data has changed"):
        reopen(given_source, [(10**6, 10**6 + 1)])


@pytest.mark.parametrize("suffix", SQUEEZE)
@pytest.mark.parametrize("name", ["pretty.json", "object.json", "compact.json"])
def test_compressed_arrays_and_objects(tmp_path: Path, name: str, suffix: str) -> None:
    """They are streamed, with spans in the decompressed bytes."""
    plain = Path(contents(tmp_path / name).location)
    given_source = written(tmp_path / (name + suffix), SQUEEZE[suffix](plain.read_bytes()))
    assert same(dialogues(given_source))
    good, _ = read(given_source)
    spans = [(one.start, one.end) for one in good][5:25:6]
    assert reopen(given_source, spans) == reopen(source(plain), spans)


def test_compressed_lists_of_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists beside one another are all read, or what is not read is reported."""
    plain = orjson.dumps({"train": RECORDS * 400, "test": RECORDS})
    assert len(plain) > 1 << 20
    for path, stored in {"s.json.gz": gzip.compress(plain), "s.json": plain}.items():
        assert len(dialogues(written(tmp_path / path, stored))) == 401 * len(RECORDS)
    monkeypatch.setattr(containers, "_WHOLE", 1 << 19)
    for path in ("s.json.gz", "s.json"):  # a list too long to look behind it: what follows is at least reported
        good, bad = read(source(tmp_path / path))
        assert len(good) == 400 * len(RECORDS)
        assert [one.reason for one in bad] == ["more bytes behind the end of the data"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_rows(tmp_path: Path, delimiter: str) -> None:
    """Quoted newlines and delimiters, a byte order mark, blank rows; a row is a record."""
    rows = [["instruction", "output"], ['Say "hi"', "one\ntwo"], ["", "a, b; c"], ["ünïcode", "x"]]
    quoted = "\r\n".join(delimiter.join('"{}"'.format(cell.replace('"', '""')) for cell in row) for row in rows)
    given_source = written(
        tmp_path / ("t.tsv" if delimiter == "\t" else "t.csv"), b"\xef\xbb\xbf" + quoted.encode() + b"\r\n\r\n"
    )
    good, bad = read(given_source)
    assert not bad
    assert [one.dialogues[0].texts for one in good] == rows[1:]
    assert [(one.start, one.end) for one in good] == [(0, 1), (1, 2), (2, 3)]
    assert reopen(given_source, [(2, 3), (0, 1)]) == [good[2].dialogues, good[0].dialogues]


def test_broken_csv_rows_are_located(tmp_path: Path) -> None:
    """Too many cells and broken bytes cost their row; missing cells are absent fields."""
    text = b'instruction,output\na,"b\nc"\nd,e,f\ng,\xff\nh\n' + b"i," + b"x" * 200_000 + b"\n"
    good, bad = read(written(tmp_path / "t.csv", text))
    assert [one.dialogues[0].texts[0] for one in good] == ["a", "h", "i"]
    assert [(one.line, one.start, one.end) for one in bad] == [(4, 1, 2), (5, 2, 3)]
    assert "3 cells and the header 2" in bad[0].reason
    assert "0xff" in bad[1].reason


def test_a_broken_table_is_a_finding(tmp_path: Path) -> None:
    """A damaged Parquet or Arrow file is unreadable rows, never an exception."""
    parquet(tmp_path / "t.parquet", RECORDS)
    whole = (tmp_path / "t.parquet").read_bytes()
    for name, data in {"cut.parquet": whole[:-50], "none.parquet": b"nothing", "none.arrow": b"nothing"}.items():
        good, bad = read(written(tmp_path / name, data))
        assert (good, len(bad)) == ([], 1)
        assert "cannot be read" in bad[0].reason
    damaged = whole[:100] + b"\xff" * 60 + whole[160:]
    good, bad = read(written(tmp_path / "middle.parquet", damaged))
    assert len(good) + sum(one.end - one.start for one in bad) == len(RECORDS)


def test_text_is_a_document_only_on_request(tmp_path: Path) -> None:
    """Prose is refused, and with ``--format text`` a file is one record."""
    given_source = written(tmp_path / "book.txt", "First line, a comma.\nSecond “line”.\n".encode())
    with pytest.raises(UnreadableError, match="--format text"):
        shards(given_source)
    options = ReadOptions(format="text")
    assert [one.texts for one in dialogues(given_source, options)] == [["First line, a comma.\nSecond “line”.\n"]]
    good, _ = read(given_source, options)
    assert reopen(given_source, [(good[0].start, good[0].end)], options) == [good[0].dialogues]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.zip", b"PK\x03\x04rest", "unpack it first"),
        ("a.pkl", b"\x80\x04rest", "never loaded"),
        ("a.json", '{"a": 1}'.encode("utf-16"), "iconv"),
        ("a.parquet.gz", gzip.compress(b"PAR1rest"), "unpack it first"),
        ("noname", b"Nothing but prose.\nAnd more.", "plain text or unknown bytes"),
    ],
)
def test_what_is_no_container_is_refused_with_advice(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    """Archives, pickles, UTF-16 and prose are named for what they are."""
    with pytest.raises(UnreadableError, match=reason):
        shards(written(tmp_path / name, data))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"  ", b"[]", b" [ ]\n"])
def test_empty_files_hold_nothing(tmp_path: Path, data: bytes) -> None:
    """No records and no findings."""
    assert read(written(tmp_path / "empty.json", data)) == ([], [])
    assert [len(batch) for shard in shards(source(tmp_path / "empty.json")) for batch in batches(shard)] == []


# --- damage ---


def test_what_the_standard_library_reads_is_mended(tmp_path: Path) -> None:
    """Lone surrogates and NaN are findings; big integers survive where orjson refuses the record."""
    lines = [
        rb'{"id": "a", "data": ["lone \ud83d", "pair \ud83d\ude00"]}',
        b'{"id": "b", "data": ["q", "a"], "score": NaN, "other": -Infinity}',
        b'{"id": "c", "data": ["q", "a"], "big": 123456789012345678901234567890, "far": 1e999}',
    ]
    good, bad = read(written(tmp_path / "m.jsonl", b"\n".join(lines)), ReadOptions(fields=("score", "big")))
    assert not bad
    assert [one.findings for one in good] == [("lone_surrogates",), ("nan",), ()]
    assert good[0].dialogues[0].texts == ["lone \ufffd", "pair 😀"]
    assert good[1].fields == {}
    assert good[2].fields == {"big": 123456789012345678901234567890}
    (batch,) = [batch for shard in shards(source(tmp_path / "m.jsonl")) for batch in batches(shard)]
    assert batch.notices == [(0, "lone_surrogates"), (1, "nan")]
    assert reopen(source(tmp_path / "m.jsonl"), [(0, len(lines[0]))]) == [good[0].dialogues]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": "x", "data": ["cut', "not JSON: Unterminated string"),
        (b'{"id": "x"}{"id": "y"}', "Extra data"),
        (b'{"data": ["\xff\xfe"]}', r"invalid UTF-8: byte 0xff at byte 12 of the record"),
        (b'{"data": ["\xed\xa0\x80", "x"]}', "invalid UTF-8: byte 0xed"),
        (b"\0\0\0", "only NUL bytes"),
        (b'{"data": ["a\0b"]}', "Invalid control character"),
        (b"[" * 2000 + b"]" * 2000, "nested too deeply"),
        (b'{"n": ' + b"1" * 5000 + b', "m": NaN}', "not readable"),
        (b'{"colour": 1}', "no known format has the keys 'colour'"),
        (b"3", "a record must be an object"),
    ],
)
def test_what_cannot_be_read_is_located(tmp_path: Path, line: bytes, reason: str) -> None:
    """Path, line, bytes and reason, plain, compressed and cut into shards."""
    data = jsonl(RECORDS[:9]) + b"\n" + line + b"\r\n" + jsonl(RECORDS[9:])
    place = (tmp_path / "d.jsonl", data), (tmp_path / "d.jsonl.gz", gzip.compress(data))
    for path, stored in place:
        good, bad = read(written(path, stored))
        assert len(good) == len(RECORDS)
        (one,) = bad
        assert (one.path, one.line, data[one.start : one.end]) == (path.name, 11, line + b"\r")
        assert reason in one.reason
    cut = [one for shard in shards(source(tmp_path / "d.jsonl"), 100) for one in records(shard)]
    assert [one for one in cut if isinstance(one, Unreadable)] == [one._replace(path="d.jsonl")]


def test_duplicate_keys_take_the_last(tmp_path: Path) -> None:
    """As every JSON reader does."""
    assert dialogues(written(tmp_path / "d.jsonl", b'{"data": ["a", "b"], "data": ["c", "d"]}\n'))[0].texts == [
        "c",
        "d",
    ]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("kind", ["value", "quote", "colon", "no brace", "no bracket", "two commas", "stray bracket"])
def test_a_broken_element_does_not_take_its_neighbours(tmp_path: Path, kind: str, indent: int | None) -> None:
    """One element is lost, whatever is missing in it, on one line or indented."""
    element = json.dumps(RECORDS[3], indent=indent)
    broken = {
        "value": element.replace('"d3"', "d3"),
        "quote": element.replace('"d3"', '"d3'),
        "colon": element.replace('"id":', '"id"'),
        "no brace": element[:-1].rstrip(),
        "no bracket": element.replace("]", ""),
        "two commas": element.replace('"d3",', '"d3",,'),
        "stray bracket": element.replace('"d3",', '"d3"],'),
    }[kind]
    parts = [json.dumps(record, indent=indent) for record in RECORDS]
    joint = ",\n" if indent else ", "
    data = ("[" + joint.join([*parts[:3], broken, *parts[4:]]) + "]").encode()
    good, bad = read(written(tmp_path / "a.json", data))
    names = [one.dialogues[0].id for one in good]
    assert names == [record["id"] for record in RECORDS if record["id"] != "d3"]
    assert {data[one.start : one.end] for one in bad} == {broken.encode()}
    assert bad[0].line == data.count(b"\n", 0, bad[0].start) + 1
    assert [one for part in shards(source(tmp_path / "a.json"), 300) for one in records(part)] == list(
        records(source(tmp_path / "a.json"))
    )


@pytest.mark.parametrize("cut", [-1, -2, -40, -200])
@pytest.mark.parametrize("name", ["pretty.json", "compact.json", "object.json"])
def test_a_truncated_array_keeps_its_whole_elements(tmp_path: Path, name: str, cut: int) -> None:
    """The whole elements, and one unreadable tail up to the end of the file."""
    data = Path(contents(tmp_path / name).location).read_bytes()[:cut]
    good, bad = read(written(tmp_path / name, data))
    assert len(bad) == 1
    assert bad[0].end == len(data)
    assert "the file ends" in bad[0].reason
    found = [dialogue.texts for one in good for dialogue in one.dialogues]
    assert found == [record["data"] for record in RECORDS[: len(found)]]
    assert len(found) >= len(RECORDS) - 4


@pytest.mark.parametrize("suffix", SQUEEZE)
@pytest.mark.parametrize("form", ["jsonl", "json", "csv"])
def test_a_truncated_compressed_file_keeps_what_came_before(tmp_path: Path, suffix: str, form: str) -> None:
    """The records before the cut, and one unreadable tail."""
    noise = [{"id": str(i), "data": [os.urandom(300).hex(), "answer"]} for i in range(3000)]
    plain = orjson.dumps(noise) if form == "json" else jsonl(noise)
    if form == "csv":
        plain = b"instruction,output\n" + b"\n".join(f"{one['data'][0]},answer".encode() for one in noise)
    stored = SQUEEZE[suffix](plain)
    good, bad = read(written(tmp_path / f"t.{form}{suffix}", stored[: len(stored) * 2 // 3]))
    assert 0 < len(good) < 3000
    assert [one.dialogues[0].texts[0] for one in good] == [one["data"][0] for one in noise[: len(good)]]
    assert "cut short" in bad[-1].reason
    assert suffix == ".bz2" or len(good) > 1500


def test_members_of_a_gzip_file_and_garbage_behind_it(tmp_path: Path) -> None:
    """Members follow one another, padding is nothing, garbage is reported."""
    stored = gzip.compress(jsonl(RECORDS[:7])) + gzip.compress(jsonl(RECORDS[7:])) + b"\0" * 40
    assert same(dialogues(written(tmp_path / "t.jsonl.gz", stored)))
    good, bad = read(written(tmp_path / "t.jsonl.gz", stored + b"garbage"))
    assert len(good) == len(RECORDS)
    assert "damaged" in bad[0].reason


def test_frames_of_a_zstd_file(tmp_path: Path) -> None:
    """Frames follow one another, skippable ones are skipped."""
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"abcde"
    stored = zstandard.compress(jsonl(RECORDS[:7])) + skippable + zstandard.compress(jsonl(RECORDS[7:]))
    assert same(dialogues(written(tmp_path / "t.zst", stored)))


def test_a_decompression_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped by its ratio, after the records before it."""
    monkeypatch.setattr(streams, "_BOMB_BYTES", 1 << 22)
    bomb = zstandard.compress(jsonl(RECORDS) + b" " * (1 << 27))
    good, bad = read(written(tmp_path / "b.jsonl.zst", bomb))
    assert len(good) == len(RECORDS)
    assert "only a bomb does" in bad[0].reason


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_a_record_longer_than_memory_allows_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """It is unreadable, and its neighbours are read."""
    monkeypatch.setattr(slices, "LONGEST", 1 << 20)
    values = [*RECORDS[:5], {"id": "long", "data": ["q", "x" * (3 << 20)]}, *RECORDS[5:]]
    data = jsonl(values) if form == "jsonl" else orjson.dumps(values)
    good, bad = read(written(tmp_path / f"l.{form}", data))
    assert len(good) == len(RECORDS)
    assert [one.reason for one in bad] == ["the record is longer than 256 MiB"]
    assert data[bad[0].start : bad[0].end] == orjson.dumps(values[5])


def test_a_megabyte_message_crosses_blocks_and_shards(tmp_path: Path) -> None:
    """A record longer than a block or a shard is one record."""
    long = {"id": "long", "data": ["word " * 500_000, "é" * 700_000]}
    given_source = written(tmp_path / "l.jsonl", jsonl([RECORDS[0], long, RECORDS[1]]))
    found = [one for part in shards(given_source, 1 << 16) for one in records(part)]
    assert [one.dialogues[0].texts for one in found if isinstance(one, Record)] == [
        RECORDS[0]["data"], long["data"], RECORDS[1]["data"],
    ]  # fmt: skip


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes with a few of them changed, dropped, doubled or put in."""
    mutant = bytearray(data)
    for _ in range(chance.choice([1, 2, 5, 30])):
        at = chance.randrange(len(mutant))
        kind = chance.randrange(4)
        if kind == 0:
            mutant[at] = chance.randrange(256)
        elif kind == 1:
            del mutant[at : at + chance.randrange(1, max(2, len(mutant) // 50))]
        elif kind == 2:
            mutant[at:at] = bytes(chance.choices(b'{}[]",:\\\n\0 \xff', k=3))
        else:
            mutant[at:at] = mutant[at // 2 : at // 2 + 50]
    return bytes(mutant)


@pytest.mark.parametrize("name", CONTAINERS)
def test_damaged_bytes_never_stop_the_run(tmp_path: Path, name: str) -> None:
    """Whatever is damaged: records and unreadables, the same at any shard size, and every record can be reopened."""
    data = Path(contents(tmp_path / name).location).read_bytes()
    chance = random.Random(name)
    for _ in range(40):
        given_source = written(tmp_path / name, mutated(data, chance))
        try:
            found = [one for part in shards(given_source, 700) for one in records(part)]
        except UnreadableError:
            continue
        good = [one for one in found if isinstance(one, Record)]
        assert reopen(given_source, [(one.start, one.end) for one in good]) == [one.dialogues for one in good]
        for part in shards(given_source):
            assert all(len(batch) or batch.unreadable for batch in batches(part))


# --- records that are more than their line ---


def rows(name: str, count: int) -> list[dict[str, Any]]:
    """A chain of messages as flat OpenAssistant rows."""
    return [
        {
            "message_id": f"{name}{i}", "parent_id": f"{name}{i - 1}" if i else None, "message_tree_id": f"{name}0",
            "text": f"text {name}{i}", "role": "assistant" if i % 2 else "prompter",
        }
        for i in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["flat.jsonl", "flat.json", "flat.parquet"])
def test_flat_rows_are_grouped_into_trees(tmp_path: Path, name: str) -> None:
    """Rows that lie between one another become trees with spans from first to last row."""
    left, right = rows("a", 4), rows("b", 2)
    mixed = [left[0], right[0], left[1], left[2], right[1], left[3]]
    if name == "flat.parquet":
        parquet(tmp_path / name, mixed)
    else:
        written(tmp_path / name, jsonl(mixed) if name == "flat.jsonl" else orjson.dumps(mixed))
    given_source = source(tmp_path / name)
    (shard,) = shards(given_source, 1)
    assert shard.grouped
    good, bad = read(given_source)
    assert not bad
    assert [one.dialogues[0].texts for one in good] == [[row["text"] for row in left], [row["text"] for row in right]]
    if name == "flat.parquet":
        assert [(one.start, one.end) for one in good] == [(0, 6), (1, 5)]
    assert reopen(given_source, [(good[1].start, good[1].end)]) == [good[1].dialogues]


def test_fields_of_a_record(tmp_path: Path) -> None:
    """Fields by name or by path, None where a record has none."""
    lines = [{"data": ["q", "a"], "source": "web", "meta": {"lang": "en"}}, {"data": ["q", "a"], "a.b": 1}]
    options = ReadOptions(fields=("source", "meta.lang", "a.b"))
    given_source = written(tmp_path / "f.jsonl", jsonl(lines))
    good, _ = read(given_source, options)
    assert [one.fields for one in good] == [{"source": "web", "meta.lang": "en"}, {"a.b": 1}]
    (batch,) = [batch for shard in shards(given_source) for batch in batches(shard, options)]
    assert batch.fields == {"source": ["web", None], "meta.lang": ["en", None], "a.b": [None, 1]}


def test_keys_of_an_object_become_names(tmp_path: Path) -> None:
    """Where a record has no name of its own."""
    data = orjson.dumps({"x1": {"data": ["q", "a"]}, "x2": {"data": ["q", "a"], "id": "own"}})
    assert [one.id for one in dialogues(written(tmp_path / "o.json", data))] == ["x1", "own"]


def test_one_record_in_a_file(tmp_path: Path) -> None:
    """On one line or indented."""
    for indent in (None, 2):
        given_source = written(tmp_path / "one.json", json.dumps(RECORDS[1], indent=indent).encode())
        assert [one.texts for one in dialogues(given_source)] == [RECORDS[1]["data"]]


def test_a_mapping_names_the_keys(tmp_path: Path) -> None:
    """``--map`` reaches the records."""
    given_source = written(tmp_path / "m.jsonl", jsonl([{"frage": "q", "antwort": "a"}]))
    options = ReadOptions(mapping=(("frage", "instruction"), ("antwort", "output")))
    assert [one.texts for one in dialogues(given_source, options)] == [["q", "a"]]


def test_line_numbers_by_offset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those of the decompressed text."""
    monkeypatch.setattr(streams, "BLOCK", 64)
    data = jsonl(RECORDS)
    for path, stored in {"a.jsonl": data, "a.jsonl.gz": gzip.compress(data)}.items():
        given_source = written(tmp_path / path, stored)
        for offset in (0, 1, 63, 64, 65, 500, len(data) - 1):
            assert streams.line_at(given_source, offset) == data.count(b"\n", 0, offset) + 1


REAL = os.environ.get("ULTRAQA_REAL_DATA")


@pytest.mark.skipif(not REAL, reason="ULTRAQA_REAL_DATA names no folder of real datasets")
def test_every_real_file_is_read_whole() -> None:
    """Every published file at hand, without an unreadable record."""
    files = [path for path in sorted(Path(REAL or "", "data").rglob("*")) if path.suffix in {".json", ".jsonl", ".csv"}]
    assert files
    for path in files:
        good, bad = read(datasets([str(path)])[0].sources[0])
        assert (good, bad) == (good, []), path.name
        assert good, path.name
