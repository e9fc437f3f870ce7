"""Defects that patterns tell: what is found, what is left alone, and that gates lose nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from ftfy.badness import BADNESS_RE
from hypothesis import given
from hypothesis import strategies as st

from ultraqa.analysis import markup
from ultraqa.analysis.pattern_defects import FAMILIES, PHRASES
from ultraqa.analysis.triggers import Seen, seen
from ultraqa.analysis.words import Workspace, scan
from ultraqa.dialogues.batch import Batch, BatchBuilder, Dialogue, Record
from ultraqa.dialogues.reading import batches, shards
from ultraqa.dialogues.sources import datasets

if TYPE_CHECKING:
    from collections.abc import Iterator

FIND: Final = {family.name: family.find for family in FAMILIES}
PLANTED: Final = {
    "role_leakage": "role_leakage", "template_token": "template_tokens", "truncated_reply": "truncation",
    "truecasing_damage": "truecasing", "mojibake": "mojibake", "url_only_input": "url_only",
    "lone_surrogate": "mojibake",
}  # fmt: skip
"""Names of planted defects, and the families that find them; half of an emoji is read as U+FFFD."""
FILES: Final = (
    "ultrachat.jsonl", "ultrachat_200k.jsonl", "sharegpt.json", "messages.jsonl", "alpaca.json", "baize.json",
    "openassistant.jsonl", "camel.jsonl", "transcripts.csv", "sample.jsonl",
)  # fmt: skip

PROSE: Final = (
    "A kettle should be descaled every month. Fill it with water and a little vinegar and let it boil. Wait for an "
    "hour, pour everything away, and boil fresh water twice. The taste of vinegar is gone after that, and the kettle "
    "is as quiet again as it was on the first day. If the water where you live is soft, twice a year is enough."
)

FOUND: Final = [
    ("role_leakage", "a", "Try the second one.\n\n### Human: And the third?\n\n### Assistant: Not that one."),
    ("role_leakage", "a", "Try the second one.\nUser: And what about the third?"),
    ("role_leakage", "a", "Try it. [|Human|] And then?"),
    ("role_leakage", "a", "Try it.\n[|AI|] Then wait."),
    ("role_leakage", "a", "The answer is four.\n##\n18. Instruction: Name a fruit.\n18. Input:\n<noinput>"),
    ("role_leakage", "u", "### Instruction:\nName a fruit.\n\n### Response:"),
    ("template_tokens", "u", "<|im_start|>user\nName a fruit.<|im_end|>"),
    ("template_tokens", "u", "<s>[INST] <<SYS>> Be brief. <</SYS>> Name a fruit. [/INST]"),
    ("template_tokens", "a", "An apple.</s>"),
    ("template_tokens", "a", "An apple.</s> And what is a pear?"),
    ("template_tokens", "a", "An apple.<eoa>"),
    ("template_tokens", "a", "An apple.<｜end▁of▁sentence｜>"),
    ("template_tokens", "a", "An apple.<end_of_turn>\n<start_of_turn>user"),
    ("truncation", "a", PROSE + " And if you live by the sea you should rinse the outside as well because the"),
    ("truncation", "a", PROSE + " And people who live by the sea rinse the outside as well,"),
    ("truncation", "a", "This prints it:\n```python\nfor place in places:\n    print(pla"),
    ("truecasing", "u", "Hello. how do i clean a kettle? it is full of scale."),
    ("truecasing", "a", "Use vinegar. fill the kettle. boil it twice. Then rinse it! it will shine."),
    ("mojibake", "a", "Itâ€™s on the terrace of the cafÃ©."),
    ("mojibake", "a", "Wir kÃ¶nnen spÃ¤ter gehen."),
    ("mojibake", "a", "He said � and left."),
    ("mojibake", "a", "锟斤拷锟斤拷"),
    ("url_only", "u", "https://www.example.com/ten-walks"),
    ("url_only", "u", "Summarise the article.\nhttps://www.example.com/ten-walks"),
    ("url_only", "u", "Describe the picture.\n![picture](https://www.example.com/a.png)"),
    ("url_only", "u", "Compare the two pages.\nPage 1: www.example.com\nPage 2: www.example.org"),
    ("url_only", "u", "评论：https://www.example.com/ten-walks"),
    ("placeholder", "u", "Name three fruits.\n<noinput>"),
    ("placeholder", "u", "Name three fruits.\nNo input required."),
    ("placeholder", "u", "Name three fruits.\nnone"),
    ("placeholder", "u", "Which bird is it?\n[Insert photograph of a bird]"),
    ("placeholder", "a", "<No Output>"),
    ("placeholder", "a", "N/A"),
    ("html", "a", "The lake<br>is <b>deep</b>."),
    ("html", "a", "Bread &amp; butter"),
    ("html", "u", "They said &quot;yes&quot; and left."),
    ("control_characters", "a", "a bell \x07 rings"),
    ("control_characters", "a", "page one\x0cpage two"),
    ("control_characters", "a", "\u200b"),
    ("control_characters", "u", "Answer the question.\\nWho wrote it?"),
    ("control_characters", "u", "one\\n\\ntwo"),
    ("code", "a", "Like this:\n```\nx = 1\n```"),
    ("code", "a", "def double(x):\n    y = 2 * x\n    return y"),
    ("code", "a", "int main() {\n  puts(\"hello\");\n}"),
    ("code", "a", ".box {\n  width: 10px;\n  color: red;\n}"),
    ("tables", "a", "| Day | Room |\n|---|---|\n| Monday | blue |"),
    ("tables", "a", "Monday | blue | 9:00\nTuesday | green | 11:00"),
]  # fmt: skip

SOUND: Final = [
    ("role_leakage", "a", "Human: Living\nTree: Living\nStone: Non-living"),
    ("role_leakage", "a", "## Instructions\n1. Open the door: it is heavy.\nUser manuals: see below."),
    ("role_leakage", "u", "User: guest of the house"),
    ("template_tokens", "a", "The token `<|endoftext|>` ends a document."),
    ("template_tokens", "a", "It costs <s>ten</s> eight coins."),
    ("template_tokens", "a", "Write [Your Name] below."),
    ("truncation", "a", PROSE),
    ("truncation", "a", PROSE + "\n- vinegar and a little water in the morning\n- a soft sponge for all of it"),
    ("truncation", "a", PROSE + "\n\nWith kind regards from all of us at the shop in the old town\nKim Placeholder"),
    ("truncation", "a", PROSE + " Read on at https://www.example.com/kettles/all_about_them"),
    ("truncation", "a", PROSE + " Tell us how it went and show us your kettle! #kettle #tea #home"),
    ("truncation", "a", "| Day | Room |\n|---|---|\n" + "| Monday | the blue room |\n" * 10),
    ("truncation", "a", "Over the hill the morning climbs\nand leaves the valley to the\nlight of times and of\n" * 3),
    ("truncation", "a", "A short answer that ends in the"),
    ("truncation", "a", PROSE + " And people who live by the sea rinse the outside with fresh"),  # a mark is missing
    ("truncation", "u", PROSE + " And if you live by the sea you should rinse the outside as well because the"),
    ("truecasing", "u", "hello. how do i clean a kettle? it is full of scale."),
    ("truecasing", "a", "Use vinegar, lemon, etc. to clean it, e.g. once a month, i.e. often, at 5 p.m. or so."),
    ("truecasing", "a", "Use it. `a.b. c. d. e`"),
    ("truecasing", "u", "I saw it. it was big."),
    ("truecasing", "u", "Here they are. fact1: Kim sings. fact2: Kim paints. i. yes ii. no"),
    ("truecasing", "a", "// see above. then wait. go\nint x;\nint y = f(1);\nreturn x;"),
    ("mojibake", "a", "Über den Fluß führt eine Brücke – “so schön”, sagte José, 20 °C im Café."),
    ("mojibake", "a", "按下代表“à”的按键。"),
    ("url_only", "u", "Summarise https://www.example.com/ten-walks for me, please."),
    ("url_only", "u", "Here is what I read.\nIt was about ten walks.\nhttps://www.example.com/ten-walks"),
    ("url_only", "a", "https://www.example.com/ten-walks"),
    ("placeholder", "a", "Dear Sir,\nthank you.\n[Insert Name]"),
    ("placeholder", "a", "None"),
    ("placeholder", "u", "None"),
    ("placeholder", "u", "Insert the right article: ___ apple"),
    ("html", "a", "Use the tag <b> for bold text: <b>word</b>."),
    ("html", "a", "```\n<div>text</div>\n```"),
    ("html", "a", "For a < b and c > d, Q&A; R&D; AT&T."),
    ("html", "a", "| a | b |\n|---|---|\n| one<br>two | three |"),
    ("html", "u", "<a picture of a table>"),
    ("html", "a", "It takes 70 m<sup>2</sup> of cloth."),
    ("control_characters", "a", "Use `\\n` for a new line, or \\nabla and \\theta, in C:\\new\\table."),
    ("control_characters", "a", "one\ttwo\r\nthree 👩\u200d🚀"),
    ("control_characters", "a", "ไป\u200bโรงเรียน"),
    ("code", "a", "1. Plan the design;\n2. Draw it;\n3. Build it;\n4. Return the keys;\n"),
    ("code", "a", "Add 10 to both sides:\n20 = 2x\nx = 10\ny = 5"),
    ("code", "a", "The function `f(x)` returns 2."),
    ("tables", "a", "P(A|B) = P(B|A) P(A) / P(B)\nand |x| = 3"),
]  # fmt: skip


def batch_of(*texts: str, roles: str = "") -> Batch:
    """One dialogue of some messages, user and assistant by turns unless their roles are given."""
    builder = BatchBuilder()
    builder.add(
        "file", Record(0, 0, "messages", [Dialogue(roles or ("ua" * len(texts))[: len(texts)], list(texts), "")], {})
    )
    return builder.batch()


def looked(batch: Batch) -> Seen:
    """A batch, with what stands out in it."""
    return seen(scan(batch, Workspace()), PHRASES)


def ungated(batch: Batch) -> Seen:
    """A batch in which every trigger fires and every phrase stands in every message."""
    walked = scan(batch, Workspace())
    messages = range(len(batch.roles))
    return Seen(
        walked,
        np.full(len(messages), 0xFFFFFFFF, np.uint32),
        dict.fromkeys(PHRASES, np.array([(message, 0, 1, 0) for message in messages]).reshape(-1, 4)),
    )


def found(name: str, batch: Batch) -> set[int]:
    """Messages of a batch that a family finds, of the roles that it looks at."""
    family = next(family for family in FAMILIES if family.name == name)
    view = looked(batch)
    spoken = view.spoken_by(family.roles)
    return {hit.message for hit in family.find(view) if spoken[hit.message]}


def read(path: Path) -> Iterator[Batch]:
    """The batches of a file."""
    for source in datasets([str(path)])[0].sources:
        for shard in shards(source, 1 << 20):
            yield from batches(shard)


def hits_at(name: str, role: str, text: str) -> bool:
    """Whether a family finds a message said by a role, after a question that asks for nothing special."""
    return found(name, batch_of("Please go on.", text, roles="u" + role)) == {1}


@pytest.mark.parametrize(("name", "role", "text"), FOUND)
def test_a_defect_is_found(name: str, role: str, text: str) -> None:
    """In the middle of a dialogue."""
    assert hits_at(name, role, text)


@pytest.mark.parametrize(("name", "role", "text"), SOUND)
def test_what_only_resembles_a_defect_is_left_alone(name: str, role: str, text: str) -> None:
    """In the middle of a dialogue."""
    assert not hits_at(name, role, text)


@pytest.mark.parametrize("asked", ["Write a dialogue.", "User: hello there\nAssistant: hello to you", "写一段对话"])
def test_names_of_speakers_are_no_leak_where_they_were_asked_for(asked: str) -> None:
    """A marker of a template is one even then."""
    assert found("role_leakage", batch_of(asked, "User: Who is there?\nAssistant: It is me.")) == set()
    assert found("role_leakage", batch_of(asked, "### Human: Who is there?")) == {1}


def test_a_dialogue_on_html_may_hold_tags() -> None:
    """What was asked before counts, what is asked later does not."""
    reply = "<p>A paragraph.</p>"
    assert found("html", batch_of("Give me a paragraph in HTML.", reply)) == set()
    assert found("html", batch_of("Give me a paragraph.", reply, "And in HTML?", reply)) == {1}


def test_planted_defects_and_no_others_are_found_in_the_samples(samples: Path) -> None:
    """By message; traits are no defects."""
    listed = json.loads((Path(__file__).parent / "defects.json").read_text())
    wanted = {
        (row["file"], row["id"], row["message"], PLANTED[row["defect"]]) for row in listed if row["defect"] in PLANTED
    }
    traits = {family.name for family in FAMILIES if family.trait}
    there = set()
    for file in FILES:
        for batch in read(samples / file):
            owners = np.repeat(np.arange(len(batch)), np.diff(batch.dialogue_offsets))
            for name in FIND.keys() - traits:
                for message in found(name, batch):
                    owner = owners[message]
                    place = message - batch.dialogue_offsets[owner]
                    there.add((file, batch.ids[owner], int(place), name))
    assert there == wanted


def same_without_gates(batch: Batch) -> None:
    """Every family finds the same, with triggers and phrases and without them."""
    gated, everywhere = looked(batch), ungated(batch)
    for name, find in FIND.items():
        assert {hit.message for hit in find(gated)} == {hit.message for hit in find(everywhere)}, name


def test_gates_lose_nothing_in_the_samples(samples: Path) -> None:
    """What a family finds does not depend on what the kernel saw before."""
    for file in FILES:
        for batch in read(samples / file):
            same_without_gates(batch)


@pytest.mark.parametrize(
    "file", ["sharegpt/sharegpt_train_small.jsonl", "alpaca/alpaca_data.json", "alpaca_eval_outputs/guanaco-7b.json"]
)
def test_gates_lose_nothing_in_real_data(real_data: Path, file: str) -> None:
    """In the first megabyte of published datasets."""
    same_without_gates(next(read(real_data / "data" / file)))


PIECES: Final = st.sampled_from(
    [*(text for _, _, text in FOUND), "\n", " ", "`", "```", "<", "a", "É", "中", "### Human:", "[|AI|]", "\\n", "é€"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=6).map("".join), st.sampled_from("ua"))
def test_gates_lose_nothing_in_mixtures(text: str, role: str) -> None:
    """Of all that is found, in any order."""
    same_without_gates(batch_of("Go on.", text, roles="u" + role))


@given(st.text(st.sampled_from("aé ÂÃâ€™œ”“ß·°\x80中Ж√\xa0")))
def test_mojibake_is_what_ftfy_holds_to_be_bad(text: str) -> None:
    """Where a character below U+0180 takes part and no Han; found from bytes, without the whole expression."""
    bad = any(
        any("\x80" <= character < "\u0180" for character in match[0]) and "中" not in match[0]
        for match in BADNESS_RE.finditer(text)
    )
    assert hits_at("mojibake", "a", text) == bad


SENTENCES: Final = [
    "Die Bibliothek öffnet um neun Uhr, und Sie können gern eigene Bücher mitbringen. Wir freuen uns darauf.",
    "La bibliothèque ouvre à neuf heures ; vous pouvez apporter vos propres livres. Nous vous attendons là‑bas.",
    "La biblioteca abre a las nueve de la mañana. ¿Quieres traer tus libros? ¡Claro que sí!",
    "Thư viện mở cửa lúc chín giờ sáng. Bạn có thể mang theo sách của mình nếu muốn.",
    "Kütüphane sabah dokuzda açılıyor. İsterseniz kendi kitaplarınızı getirebilirsiniz.",
    "Biblioteka jest otwarta od dziewiątej. Możesz przynieść własne książki, jeśli chcesz.",
    "Библиотека открывается в девять часов утра. Вы можете принести свои книги.",
    "图书馆早上九点开门。如果你愿意，可以带上自己的书。",
    "ห้องสมุดเปิดเวลาเก้าโมงเช้า และคุณสามารถนำหนังสือมาได้",
]


@pytest.mark.parametrize("text", SENTENCES)
def test_sound_sentences_of_many_languages_have_no_defect(text: str) -> None:
    """As question and as reply."""
    batch = batch_of(text, text)
    assert {name: found(name, batch) for name in FIND} == {name: set() for name in FIND}


@given(
    st.lists(st.sampled_from(["café", "déjà vu", "Größe", "naïve", "it’s", "señor", "“so”"]), min_size=1, max_size=8)
)
def test_utf_8_read_as_windows_1252_is_found(words: list[str]) -> None:
    """And the text as it was is not."""
    text = " ".join(words) + "."
    garbled = text.encode().decode("cp1252", errors="replace")
    assert hits_at("mojibake", "a", garbled)
    assert not hits_at("mojibake", "a", text)


@given(st.lists(st.sampled_from(PROSE.split(". ")), min_size=2, max_size=6))
def test_sentences_made_small_are_found(sentences: list[str]) -> None:
    """And the same ones with capitals are not."""
    small = [sentence[0].lower() + sentence[1:].rstrip(".") for sentence in sentences]
    assert hits_at("truecasing", "a", "Well. " + ". ".join([*small, small[0]]) + ".")
    assert not hits_at("truecasing", "a", "Well. " + ". ".join(sentence.rstrip(".") for sentence in sentences) + ".")


def test_a_hit_stands_where_it_was_found() -> None:
    """Places are characters of the message, whatever stands before them."""
    text = "Größe 中 👩‍🚀 `code`\n### Human: And then? cafÃ© <br> \x07"
    view = looked(batch_of("Go on.", text))
    spans = {name: [text[hit.start : hit.end] for hit in FIND[name](view)] for name in FIND}
    assert spans["role_leakage"] == ["### Human:"]
    assert spans["mojibake"] == ["fÃ©"] or spans["mojibake"] == ["Ã©"]
    assert spans["control_characters"] == ["\x07"]
    assert spans["html"] == []  # the word "code" speaks of it
    assert all(0 <= hit.start < hit.end <= len(text) for name in FIND for hit in FIND[name](view))


def test_code_is_blanked_out_in_place() -> None:
    """What is left stands where it stood."""
    text = "a `b` c ```d\ne``` f ` g\n```h"
    bare = markup.without_code(text)
    assert len(bare) == len(text)
    assert bare.split() == ["a", "c", "f", "`", "g"]
    assert bare.index("f") == text.index("f")


def test_code_is_told_of_a_text() -> None:
    """By the functions that other families ask."""
    assert markup.has_code("```x```")
    assert markup.is_code_line("  return x")
    assert not any(held(PROSE) for held in (markup.has_code, markup.is_code_line))


def test_a_batch_without_messages_has_no_defects() -> None:
    """Nor one whose only message is empty."""
    for batch in (BatchBuilder().batch(), batch_of("")):
        assert {name: list(find(looked(batch))) for name, find in FIND.items()} == {name: [] for name in FIND}


@pytest.mark.parametrize(
    "piece",
    [" ", "<", "[", "|", "&", "\\", "`", "é", "Ã", "\n", "\u200b", "#", "<a ", "[insert ", ". a", "www.", "{\n",
     "x = 1;\n", "![a](http://x", "<s>", "</s>", " <s></s>", "\\n\\", "| a |\n", "User: a b\n", "no input ", "中，"],
)  # fmt: skip
def test_a_megabyte_of_the_worst_is_looked_through(piece: str) -> None:
    """In one pass over it, for both roles: anything quadratic would not end."""
    text = piece * (1_000_000 // len(piece))
    for texts in ([text], ["Go on.", text]):
        view = looked(batch_of(*texts))
        for find in FIND.values():
            for hit in find(view):
                assert hit.end <= 1_000_000


def test_a_dialogue_of_many_turns_is_looked_through() -> None:
    """Each of which may hang on what was asked before."""
    view = looked(batch_of(*(["Go on.", "User: one two <br> three"] * 5_000)))
    assert len(list(FIND["role_leakage"](view))) == len(list(FIND["html"](view))) == 5_000
