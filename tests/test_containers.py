"""DATA becomes named datasets of files, and a file's container is decided by its content."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ultraqa.dialogues.batch import Record, Unreadable
from ultraqa.dialogues.containers import Layout, layout
from ultraqa.dialogues.decoding import Decoder, ReadOptions
from ultraqa.dialogues.files import DataError
from ultraqa.dialogues.reading import records, reopen, shards
from ultraqa.dialogues.sources import Dataset, Source, datasets, sha256, stem

LINE = '{"id": "1", "data": ["Which colour is the sky?", "Blue, mostly."]}\n'


def make(root: Path, *names: str) -> None:
    """Files that each hold one record."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(LINE)


def only(found: list[Dataset]) -> Dataset:
    """The one dataset found."""
    assert len(found) == 1
    return found[0]


def read(dataset: Dataset) -> list[Record | Unreadable]:
    """All records of a dataset."""
    return [record for source in dataset.sources for record in records(source)]


# --- DATA ---


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b.jsonl.gz", "b"),
        ("v1.5-x.json", "v1.5-x"),
        ("b.csv.zst", "b"),
        (".gz", ".gz"),
        ("plain", "plain"),
        ("x.GZ", "x"),
    ],
)
def test_stem(path: str, name: str) -> None:
    """A dataset is named by its file without the suffixes of containers and compression."""
    assert stem(path) == name


def test_a_file_is_a_dataset(tmp_path: Path) -> None:
    """A path, ``name=path`` and a file url give a dataset of one source."""
    make(tmp_path, "one.jsonl", "a=b.jsonl")
    found = only(datasets([str(tmp_path / "one.jsonl")]))
    assert found == Dataset("one", (Source("one.jsonl", str(tmp_path / "one.jsonl"), len(LINE)),))
    assert sha256(found.sources[0]) == hashlib.sha256(LINE.encode()).hexdigest()
    assert only(datasets([f"mine={tmp_path / 'one.jsonl'}"])).name == "mine"
    assert only(datasets([f"mine=file://{tmp_path}/one.jsonl"])).sources == found.sources
    assert only(datasets([str(tmp_path / "a=b.jsonl")])).name == "a=b"


def test_relative_paths_are_kept_short_and_located_absolutely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown is the name, what is opened the absolute path."""
    make(tmp_path, "sub/one.jsonl", "a=b.jsonl")
    monkeypatch.chdir(tmp_path / "sub")
    assert only(datasets(["one.jsonl"])).sources[0].location == str(tmp_path / "sub" / "one.jsonl")
    assert only(datasets(["."])).name == "sub"
    monkeypatch.chdir(tmp_path)
    assert only(datasets(["a=b.jsonl"])).name == "a=b"


def test_a_folder_is_one_dataset(tmp_path: Path) -> None:
    """All readable files below a folder, sorted; hidden files, Profiles and side files are not data."""
    names = ["b.jsonl", "a/z.json", "a/y.csv", "c.jsonl.zst"]
    make(tmp_path, *names, "README.md", "notes.txt", ".hidden/x.jsonl", "old.ultraqa/profile.json", ".x.jsonl")
    found = only(datasets([str(tmp_path)]))
    assert [source.path for source in found.sources] == sorted(names)
    assert found.name == tmp_path.name


def test_a_glob_is_one_dataset(tmp_path: Path) -> None:
    """A pattern gives paths relative to its fixed part; ``**`` goes deep."""
    make(tmp_path, *(f"part/{i:02}.jsonl" for i in range(12)), "part/deep/x.jsonl", "part/other.csv")
    found = only(datasets([str(tmp_path / "part" / "*.jsonl")]))
    assert [source.path for source in found.sources] == [f"{i:02}.jsonl" for i in range(12)]
    assert found.name == "part"
    deep = only(datasets([f"all={tmp_path}/**/*.jsonl"]))
    assert (deep.name, len(deep.sources), deep.sources[-1].path) == ("all", 13, "part/deep/x.jsonl")


def test_texts_are_read_where_there_is_nothing_else(tmp_path: Path) -> None:
    """A folder of plain texts is data for ``--format text``."""
    make(tmp_path, "a.txt", "b.txt")
    assert len(only(datasets([str(tmp_path)])).sources) == 2


def test_a_saved_hugging_face_folder(tmp_path: Path) -> None:
    """Of ``save_to_disk`` the Arrow files are read, not the JSON that describes them."""
    rows = pa.Table.from_pylist([json.loads(LINE)] * 5)
    for split in ("train", "test"):
        (tmp_path / "saved" / split).mkdir(parents=True)
        for side in ("state.json", "dataset_info.json"):
            (tmp_path / "saved" / split / side).write_text("{}")
        with pa.ipc.new_stream(str(tmp_path / "saved" / split / "data-00000-of-00001.arrow"), rows.schema) as writer:
            writer.write_table(rows)
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    found = only(datasets([str(tmp_path / "saved")]))
    assert [source.path for source in found.sources] == [
        f"{split}/data-00000-of-00001.arrow" for split in ("test", "train")
    ]
    assert [len(one.dialogues) for one in read(found) if isinstance(one, Record)] == [1] * 10
    assert [one.name for one in datasets([str(tmp_path / "saved" / "train")])] == ["train"]


def test_equal_names_get_their_folders_in_front(tmp_path: Path) -> None:
    """As many folders as it takes; a name given by hand stays."""
    make(tmp_path, "a/train.jsonl", "b/train.jsonl", "b/test.jsonl", "x/c/train.jsonl", "y/c/train.jsonl")
    paths = [str(tmp_path / name) for name in ("a/train.jsonl", "b/train.jsonl", "b/test.jsonl")]
    assert [one.name for one in datasets(paths)] == ["a-train", "b-train", "test"]
    deeper = [str(tmp_path / name) for name in ("x/c/train.jsonl", "y/c/train.jsonl")]
    assert [one.name for one in datasets(deeper)] == ["x-c-train", "y-c-train"]
    assert [one.name for one in datasets([f"train={paths[0]}", paths[1]])] == ["train", "b-train"]
    again = [one.name for one in datasets([paths[0], paths[0]])]
    assert len(set(again)) == 2
    with pytest.raises(DataError, match="two datasets are named"):
        datasets([f"n={paths[0]}", f"n={paths[1]}"])


def test_more_than_eight_files_of_a_folder_are_an_unquoted_glob(tmp_path: Path) -> None:
    """The error names the pattern to quote."""
    make(tmp_path, *(f"{i}.jsonl" for i in range(9)))
    paths = sorted(map(str, tmp_path.glob("*.jsonl")))
    assert len(datasets(paths[:8])) == 8
    with pytest.raises(DataError, match=r'quote the pattern \(".*/\*\.jsonl"\)'):
        datasets(paths)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("{}/ultrachat.jsonl", "did you mean ultrachat_200k.jsonl"),
        ("{}/nowhere/x.jsonl", "the folder .* does not exist either"),
        ("{}/zzz", "check the path"),
        ("{}/empty", "no file in it is one we read"),
        ("{}/*.parquet", "no file in it is one we read"),
        ("{}/p.ultraqa", "is a Profile, not data"),
        ("=x", "neither a file nor name=path"),
        ("memory://nowhere.jsonl", "does not exist"),
        ("nosuch://x/y.jsonl", "no kind of address"),
    ],
)
def test_what_names_nothing_is_refused_with_advice(tmp_path: Path, data: str, reason: str) -> None:
    """Every refusal says what was given and what to do."""
    make(tmp_path, "ultrachat_200k.jsonl", "empty/README.md", "p.ultraqa/profile.json")
    with pytest.raises(DataError, match=reason):
        datasets([data.format(tmp_path)])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission(tmp_path: Path) -> None:
    """It is refused before anything is read."""
    make(tmp_path, "a.jsonl")
    (tmp_path / "a.jsonl").chmod(0)
    with pytest.raises(DataError, match="may not be read"):
        datasets([str(tmp_path / "a.jsonl")])


class Piped(io.StringIO):
    """Standard input with bytes below it."""

    def __init__(self, data: bytes, *, terminal: bool = False) -> None:
        super().__init__()
        self.buffer = io.BytesIO(data)
        self._terminal = terminal

    def isatty(self) -> bool:
        """Whether it is a keyboard."""
        return self._terminal


@pytest.mark.parametrize("data", [LINE * 3, json.dumps([json.loads(LINE)] * 3), "instruction,output\na,b\nc,d\ne,f\n"])
def test_standard_input_is_spooled(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe is read once, whatever it holds, and its records can be opened again."""
    monkeypatch.setattr(sys, "stdin", Piped(data.encode()))
    found = only(datasets(["-"]))
    assert (found.name, found.sources[0].path) == ("stdin", "stdin")
    good = [one for one in read(found) if isinstance(one, Record)]
    assert len(good) == 3
    assert reopen(found.sources[0], [(good[1].start, good[1].end)]) == [good[1].dialogues]
    monkeypatch.setattr(sys, "stdin", Piped(data.encode()))
    assert only(datasets(["mine=-"])).name == "mine"
    monkeypatch.setattr(sys, "stdin", Piped(b"", terminal=True))
    with pytest.raises(DataError, match="nothing is piped"):
        datasets(["-"])


def test_the_spool_is_removed_at_the_end() -> None:
    """No copy of piped data is left behind."""
    code = "from ultraqa.dialogues.sources import datasets; print(datasets(['-'])[0].sources[0].location)"
    done = subprocess.run([sys.executable, "-c", code], input=LINE, capture_output=True, text=True, check=True)
    assert not Path(done.stdout.strip()).exists()


def test_a_named_pipe_is_spooled(tmp_path: Path) -> None:
    """A pipe in the file system, as ``<(zcat x)`` gives it, can be read only once too."""
    os.mkfifo(tmp_path / "pipe.jsonl")
    writer = threading.Thread(target=(tmp_path / "pipe.jsonl").write_text, args=(LINE * 2,))
    writer.start()
    found = only(datasets([str(tmp_path / "pipe.jsonl")]))
    writer.join()
    assert (found.name, len(read(found))) == ("pipe", 2)


def test_urls_through_fsspec(tmp_path: Path) -> None:
    """Files, folders, globs and tables of any fsspec address."""
    fs = fsspec.filesystem("memory")
    rows = pa.Table.from_pylist([json.loads(LINE)] * 20)
    pq.write_table(rows, tmp_path / "t.parquet", row_group_size=6)
    with pa.ipc.new_file(str(tmp_path / "t.arrow"), rows.schema) as writer:
        writer.write_table(rows)
    for name, data in {"a.jsonl": (LINE * 20).encode(), "README.md": b"#", "t.parquet": None, "t.arrow": None}.items():
        fs.pipe(f"/uqa/{name}", data if data is not None else (tmp_path / name).read_bytes())
    try:
        found = only(datasets(["memory://uqa"]))
        assert [source.path for source in found.sources] == ["a.jsonl", "t.arrow", "t.parquet"]
        assert len(read(found)) == 60
        assert len(shards(found.sources[0], 500)) > 1
        one = only(datasets(["memory://uqa/a.jsonl"]))
        assert (one.name, one.sources[0].path) == ("a", "a.jsonl")
        assert sha256(one.sources[0]) == hashlib.sha256((LINE * 20).encode()).hexdigest()
        assert len(reopen(one.sources[0], [(0, len(LINE) - 1)])) == 1
        glob = only(datasets(["mine=memory://uqa/t.*"]))
        assert (glob.name, len(glob.sources)) == ("mine", 2)
    finally:
        fs.rm("/uqa", recursive=True)


@pytest.mark.parametrize(("scheme", "extra"), [("s3", "s3fs"), ("hf", "huggingface_hub")])
def test_a_missing_package_is_named(scheme: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that needs an extra says which."""
    monkeypatch.setitem(sys.modules, extra, None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, scheme, raising=False)  # type: ignore[attr-defined]
    with pytest.raises(DataError, match=rf'pip install "ultraqa\[{scheme}\]"'):
        datasets([f"{scheme}://bucket/x.jsonl"])


# --- containers ---

RECORD: dict[str, Any] = json.loads(LINE)
PRETTY = json.dumps(RECORD, indent=2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LINE * 2, Layout("jsonl", ((0, -1),))),
        ("\ufeff" + LINE * 2, Layout("jsonl", ((3, -1),))),
        (LINE, Layout("record", ((0, -1),))),
        ("\n \n" + PRETTY, Layout("record", ((3, -1),))),
        (PRETTY + "\n" + PRETTY, Layout("record", ((0, -1),))),
        ("{broken\n" + LINE, Layout("jsonl", ((0, -1),))),
        ('{"id": "cut", "data": ["a"\n' + LINE, Layout("jsonl", ((0, -1),))),
        ("not JSON\n" + LINE, Layout("jsonl", ((0, -1),))),
        (f"[{LINE}]", Layout("array", ((1, -1),))),
        (f"[\n{PRETTY}\n]", Layout("array", ((1, -1),))),
        ("\ufeff []", Layout("array", ((5, -1),))),
        ("[1, 2]\n[3, 4]\n", Layout("jsonl", ((0, -1),))),
        (f'{{"a": {LINE}}}', Layout("object", ((1, -1),))),
        ('{"a": {"k": 1}, "b": {"k": 2}}', Layout("object", ((1, -1),))),
        (json.dumps(dict.fromkeys("abcdefghijkl", RECORD), indent=1), Layout("object", ((1, -1),))),
        (json.dumps({"train": [RECORD]}), Layout("array", ((11, 11 + len(LINE)),))),
        (json.dumps({"version": "1", "data": [RECORD, RECORD]})[:-20], Layout("array", ((26, -1),))),
        (json.dumps({"messages": [{"role": "user", "content": "hi"}]}, indent=1), Layout("record", ((0, -1),))),
        ('{"messages": [\n{"role": "user", "content": "hi"}\n]}', Layout("record", ((0, -1),))),
        ('{"prompt": "q",\n "chosen": {"from": "gpt", "value": "a"}, "rejected": {}}', Layout("record", ((0, -1),))),
        ('{"colour": [1, 2]}', Layout("record", ((0, -1),))),
    ],
)
def test_json_is_told_apart_by_its_content(tmp_path: Path, text: str, expected: Layout) -> None:
    """Lines, arrays, objects of records and lone records, also where the first line is broken."""
    path = tmp_path / "data"
    path.write_text(text)
    knows = Decoder("data", "", ReadOptions()).knows
    assert layout(Source("data", str(path), path.stat().st_size), knows) == expected


def test_long_lines_do_not_hide_that_they_are_lines(tmp_path: Path) -> None:
    """A first line longer than what is looked at is still a line."""
    path = tmp_path / "long"
    path.write_text((json.dumps({"id": "1", "data": ["q", "a" * 1_500_000]}) + "\n") * 3)
    source = Source("long", str(path), path.stat().st_size)
    assert [shard.container for shard in shards(source, 1 << 20)] == ["jsonl"] * 3


def test_unknown_formats_keep_their_first_message(tmp_path: Path) -> None:
    """What the format reader says reaches the person unchanged."""
    path = tmp_path / "u.json"
    path.write_text(json.dumps({"colours": {"blue": 1}}))
    (found,) = records(Source("u.json", str(path), path.stat().st_size))
    assert isinstance(found, Unreadable)
    assert "no known format has the keys 'colours'" in found.reason


def test_no_heavy_package_is_imported_for_jsonl(tmp_path: Path) -> None:
    """Reading JSONL loads neither Arrow nor fsspec nor pandas."""
    make(tmp_path, "a.jsonl")
    code = (
        "import sys\nfrom ultraqa.dialogues.sources import datasets\nfrom ultraqa.dialogues.reading import records\n"
        f"print(len(list(records(datasets([{str(tmp_path / 'a.jsonl')!r}])[0].sources[0]))))\n"
        "print([name for name in ('pyarrow', 'fsspec', 'zstandard', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["1", "[]"]
