"""Loops, repeated sentences, echoes of the prompt and foreign replies are found; refrains, tables and code are not."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
import wordfreq
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ultraqa.analysis import repeats, tongues
from ultraqa.analysis.language_mismatch import language_mismatch
from ultraqa.analysis.prompt_echo import prompt_echo
from ultraqa.analysis.repetition import FAMILIES, PHRASES, repetition
from ultraqa.analysis.triggers import seen
from ultraqa.analysis.words import Workspace, scan, words
from ultraqa.dialogues.batch import Batch, BatchBuilder, Dialogue, Record
from ultraqa.dialogues.reading import batches, shards
from ultraqa.dialogues.sources import datasets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from ultraqa.analysis.triggers import Hit, Seen

REAL: Final = ("lima/lima.json", "sharegpt/sharegpt_train_small.jsonl", "alpaca_eval_outputs/baize-v2-7b.json")
CODES: Final = {
    "English": "en", "Spanish": "es", "French": "fr", "German": "de", "Italian": "it", "Portuguese": "pt",
    "Dutch": "nl", "Polish": "pl", "Swedish": "sv", "Danish": "da", "Czech": "cs", "Romanian": "ro", "Turkish": "tr",
    "Indonesian": "id", "Vietnamese": "vi",
}  # fmt: skip
SPOKEN: Final = {
    "English": "You should boil it for about eight minutes, and the water does not have to be salted.",
    "Spanish": "Puedes dejarlo ocho minutos, pero el agua no tiene que llevar sal porque eso cambia muy poco.",
    "French": "Vous pouvez le laisser dans l'eau huit minutes, et il est inutile de saler avec du gros sel.",
    "German": "Das Ei soll ungefähr acht Minuten kochen, und das Wasser muss nicht gesalzen sein.",
    "Italian": "L'uovo deve bollire circa otto minuti, quindi non serve sale nella pentola, anche se molto cambia.",
    "Portuguese": "O ovo fica pronto em oito minutos, e você não precisa de sal, mas também pode usar uma pitada.",
    "Dutch": "Het ei moet ongeveer acht minuten koken, en het water hoeft niet gezouten te zijn, maar dat mag wel.",
    "Polish": "Jajko gotuje się około ośmiu minut, już nie trzeba solić wody, bo jest to tylko kwestia smaku.",
    "Swedish": "Ägget ska koka i åtta minuter, och vattnet behöver inte vara saltat, men det är också gott.",
    "Danish": "Ægget skal koge i otte minutter, og vandet behøver ikke være saltet, men det kan også gøre godt.",
    "Czech": "Vejce vařte asi osm minut, voda nemusí být slaná, protože pokud není čerstvé, je to chyba, která vadí.",
    "Romanian": "Oul trebuie să fiarbă opt minute, iar apa nu are nevoie de sare, dacă nu vreți asta.",
    "Turkish": "Yumurta sekiz dakika kadar kaynamalı, ama su için tuz gerekli değil, çok az tuz daha iyi olur gibi.",
    "Indonesian": "Telur itu harus direbus delapan menit, airnya tidak perlu garam karena rasanya akan sama juga.",
    "Vietnamese": "Bạn luộc trứng trong tám phút, nước không cần muối, nhưng nếu thích thì cho một ít vào.",
    "Cyrillic": "Варите яйцо около восьми минут, солить воду не обязательно.",
    "Greek": "Βράστε το αυγό περίπου οκτώ λεπτά, το νερό δεν χρειάζεται αλάτι.",
    "Hebrew": "יש להרתיח את הביצה כשמונה דקות, ואין צורך להוסיף מלח למים.",
    "Arabic": "اسلق البيضة لمدة ثماني دقائق، ولا يلزم أن تضيف الملح إلى الماء.",
    "Devanagari": "अंडे को लगभग आठ मिनट तक उबालें, पानी में नमक डालना ज़रूरी नहीं है।",
    "Thai": "ต้มไข่ประมาณแปดนาที น้ำไม่จำเป็นต้องใส่เกลือ",
    "Chinese": "鸡蛋大约煮八分钟就可以了，水里不一定要放盐。",
    "Japanese": "卵は約八分間ゆでます。お湯に塩を入れる必要はありません。",
    "Korean": "달걀은 약 팔 분 동안 삶고, 물에 소금을 넣을 필요는 없습니다.",
}
"""The same advice on an egg, by what it is written in."""


def batch_of(*dialogues: Dialogue) -> Batch:
    """A batch of dialogues."""
    builder = BatchBuilder()
    for number, dialogue in enumerate(dialogues):
        builder.add("dialogues.jsonl", Record(number, number + 1, "messages", [dialogue], {}))
    return builder.batch()


def seen_in(batch: Batch) -> Seen:
    """A batch as the families see it."""
    return seen(scan(batch, Workspace()), PHRASES)


def hits(family: Callable[[Seen], Iterable[Hit]], *texts: str, roles: str | None = None) -> list[Hit]:
    """What a family finds in one dialogue, user first."""
    spoken = roles or ("ua" * len(texts))[: len(texts)]
    return list(family(seen_in(batch_of(Dialogue(spoken, list(texts), "user,assistant")))))


def real_batches(folder: Path) -> Iterator[Batch]:
    """Batches of published datasets."""
    for name in REAL:
        for source in datasets([str(folder / "data" / name)])[0].sources:
            for shard in shards(source, 8 << 20):
                yield from batches(shard)


# --- planted defects -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["alpaca.json", "sample.jsonl", "ultrachat.jsonl", "sharegpt.json", "messages.jsonl"])
def test_the_planted_defects_are_found_and_nothing_else(samples: Path, file: str) -> None:
    """In the samples the messages that are hit are those that the list of planted defects names, and no others."""
    listed = json.loads((samples.parent / "tests" / "defects.json").read_text())
    planted: dict[str, set[tuple[str | None, int]]] = {family.name: set() for family in FAMILIES}
    for row in listed:
        if row["file"] == file and row["finding"] in planted:
            planted[row["finding"]].add((row["id"], row["message"]))
    found: dict[str, set[tuple[str | None, int]]] = {family.name: set() for family in FAMILIES}
    for shard in shards(datasets([str(samples / file)])[0].sources[0], 8 << 20):
        for batch in batches(shard):
            looked_at = seen_in(batch)
            owner = np.repeat(np.arange(len(batch)), np.diff(batch.dialogue_offsets))
            for family in FAMILIES:
                for hit in family.find(looked_at):
                    dialogue = owner[hit.message]
                    position = hit.message - batch.dialogue_offsets[dialogue]
                    raw = [at for at, letter in enumerate(batch.turns[dialogue]) if letter in "ua"][position]
                    found[family.name].add((batch.ids[dialogue], raw))
    assert found == planted


def test_a_base_model_that_runs_on_repeats_itself_and_gpt_4_does_not(real_data: Path) -> None:
    """More than four of five raw continuations of davinci loop; no answer of GPT-4 to 805 prompts does."""
    shares = []
    for name in ("self_instruct/davinci_predictions.jsonl", "alpaca_eval_outputs/gpt4.json"):
        found, replies = set(), 0
        for source in datasets([str(real_data / "data" / name)])[0].sources:
            for shard in shards(source, 8 << 20):
                for number, batch in enumerate(batches(shard)):
                    found |= {(shard.start, number, hit.message) for hit in repetition(seen_in(batch))}
                    replies += int((batch.roles == 1).sum())
        shares.append(len(found) / replies)
    assert shares[0] > 0.8
    assert shares[1] == 0


# --- repetition ------------------------------------------------------------------------------------------------------

LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(4, 9), st.integers(0, 30), st.integers(0, 3)
)  # fmt: skip
@settings(max_examples=60)
def test_a_passage_four_times_in_a_row_is_a_loop(passage: list[int], copies: int, before: int, part: int) -> None:
    """From 20 words on, whatever stands before it and wherever it breaks off, also if it holds a word twice itself.

    Not if the passage is a shorter loop that breaks off: that one is then looked at, and ends too soon.
    """
    broken_off = [p for p in range(1, len(passage) // 2 + 1) if len(passage) % p and passage[p:] == passage[:-p]]
    assume(not broken_off)
    looped = [f"loop{LETTERS[word]}" for word in passage]
    length = len(looped) * copies
    if length < repeats.WORDS:
        looped *= -(-repeats.WORDS // length)
    other = [f"other{LETTERS[i // 26]}{LETTERS[i % 26]}" for i in range(before)]
    text = " ".join([*other, *looped * copies, *looped[:part]])
    found = hits(repetition, "What do you see?", text)
    assert len(found) == 1
    assert re.fullmatch(r"loop of \d+ words?, \d+ times", found[0].detail)
    assert text[found[0].start : found[0].end].split()[-1] == text.split()[-1]


@given(st.lists(st.integers(0, 3), max_size=120))
@settings(max_examples=200)
def test_what_the_kernel_calls_a_loop_is_one(numbers: list[int]) -> None:
    """Every word of it stands one period earlier too, and it is as long and has as many copies as a loop must."""
    batch = batch_of(Dialogue("a", [" ".join(LETTERS[number] for number in numbers)], ""))
    found = repeats.loops(scan(batch, Workspace()).hashes, np.array([0]))
    first, period, n = int(found.first[0]), int(found.period[0]), int(found.words[0])
    if n:
        assert n >= max(repeats.WORDS, repeats.COPIES * period)
        assert first + n <= len(numbers)
        assert numbers[first + period : first + n] == numbers[first : first + n - period]


@pytest.mark.parametrize(
    ("prompt", "reply"),
    [
        ("Describe the sea.", "It is a very very very very very very blue sea, and very very deep."),
        ("Print a table.", "\n".join(f"| Row {i} | open | open | open |" for i in range(20))),
        ("Print the table of seven.", "\n".join(f"{i} times 7 is {7 * i}" for i in range(1, 20))),
        ("Write a page.", "<ul>\n" + "  <li>an item of the list</li>\n" * 12 + "</ul>"),
        ("Show me a loop.", "```\n" + "say hello to the world\n" * 12 + "```\nIt says hello twelve times."),
        ("Write a song on rain.", "Rain, rain, go away\n" * 6),
        ("Sing.", "Chorus:\n" + "and the rain came down again\n" * 6),
        ("Repeat the word hello fifty times.", "hello " * 50),
        ("Say it 30 times.", "I will not talk in class. " * 30),
        ("Plan my week.", "\n".join(
            f"{day}: warm up for five minutes, then run {n} kilometres, then stretch for ten minutes."
            for n, day in enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"), 3))),
        ("Which one?", ""),
    ],
)  # fmt: skip
def test_what_repeats_itself_for_a_reason_is_no_defect(prompt: str, reply: str) -> None:
    """Emphasis, tables, code, plans with other figures, songs, and what the user asked for."""
    assert hits(repetition, prompt, reply) == []


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        ("Nobody walks along the beach. The wind is cold. " * 3, "a sentence of 5 words, 3 times"),
        ("The sea is grey today. I like it a lot.\n\nThe sea is grey today. I like it a lot.", "a sentence of 5 words"),
        ("夏天的海边总是非常热闹。孩子们在沙滩上玩。夏天的海边总是非常热闹。", "a sentence of 11 words, 2 times"),
        ("no " * 30, "loop of 1 word, 30 times"),
        ("1. Drink some water\n2. Go for a walk\n" * 5, "loop of 7 words, 5 times"),
        ("哈" * 30, "loop of 1 word, 30 times"),
        ("This is sooooooooooooooooooooooooo good", "a character 25 times"),
        ("ㅋ" * 25, "a character 25 times"),
        ("Stop" + "!" * 40, "a character 40 times"),
    ],
)
def test_the_detail_says_what_is_repeated(reply: str, detail: str) -> None:
    """A sentence with its words, a loop with its period, a character; each with how often it stands there."""
    found = hits(repetition, "Tell me something.", reply)
    assert {hit.message for hit in found} == {1}
    assert found[0].detail.startswith(detail)
    assert reply[found[0].start : found[0].end].strip()


def test_users_may_repeat_themselves() -> None:
    """Only replies are looked at."""
    assert hits(repetition, "no " * 30, "Why not?") == []


@given(
    st.text(st.sampled_from(list("abé\n .!我ㅋ𝒜😀")), max_size=30),
    st.sampled_from(list("aZé!?ßжㅋ我𝒜ก")),
    st.integers(15, 30),
    st.text(st.sampled_from(list("abé ")), max_size=10),
)  # fmt: skip
@settings(max_examples=300)
def test_the_gate_of_characters_loses_nothing(before: str, character: str, times: int, after: str) -> None:
    """Every message in which the expression finds a character 20 times is among those that the gate lets through."""
    texts = ["x" * 3, before + character * times + after, after]
    batch = batch_of(*(Dialogue("a", [text], "") for text in texts))
    passed = repeats.character_runs(batch.text, batch.message_offsets)
    for number, text in enumerate(texts):
        if re.search(r"([^\W\d_]|[!?])\1{19,}", text):
            assert passed[number]


SENTENCES: Final = [
    "One two three four five six", "- The same is said here again", '"He said so and went home', "short",
    "我们今天去公园散步吧好不好", "Été à la plage de sable fin", "don't you see it's not here",
    "1. Take 3 eggs and beat them well", "`code` stands in the middle of it", "no.5 and v2.0 are names of it",
]  # fmt: skip
ENDS: Final = [
    ". ",
    ".\n",
    "! ",
    "!\n",
    "? ",
    "。",
    "！",
    "？",
    '." ',
    '?"',
    ".” ",
    "\n",
    " ```\n",
    "```",
    "``",
    " ",
    ", ",
    ".",
    "?! ",
]


@given(st.lists(st.tuples(st.sampled_from(SENTENCES), st.sampled_from(ENDS)), max_size=16))
@settings(max_examples=500)
def test_the_gate_of_sentences_loses_nothing(pieces: list[tuple[str, str]]) -> None:
    """The kernel counts no fewer words in repeated sentences than the definition in plain Python does."""
    from ultraqa.analysis.repetition import _counts, _split  # noqa: PLC0415  (only for the comparison)

    text = "".join(sentence + end for sentence, end in pieces)
    counted = Counter(sentence for sentence in _split(text) if _counts(sentence))
    again = sum(len(words(one)) * (n - 1) for one, n in counted.items() if len(words(one)) >= 5)
    batch = batch_of(Dialogue("a", ["x"], ""), Dialogue("a", [text], ""))
    assert repeats.said_again(batch.text, batch.message_offsets, np.array([1]), (5, 20))[0] >= again


@pytest.mark.parametrize(
    "text", ["a", " ", "\n", "`", ".", "#\n", "- ", "a. ", "我", "1. a\n", "!", "chorus\n", "```\n"]
)
def test_a_megabyte_of_the_same_is_read_to_its_end(text: str) -> None:
    """No expression goes back over what it has read: each family answers."""
    long = text * (1_000_000 // len(text))
    for family in FAMILIES:
        assert all(0 <= hit.start <= hit.end <= len(long) for hit in hits(family.find, long, long))


# --- prompt_echo -----------------------------------------------------------------------------------------------------

ASKED: Final = "Explain why bread goes stale faster in a cold kitchen than in a warm one."


def test_a_reply_that_is_its_prompt_is_an_echo() -> None:
    """Word for word, in other case, or with a word of its own said twice."""
    for reply in (ASKED, ASKED.upper(), f"{ASKED}\n", f"{ASKED[:-1]} one."):
        assert [hit.message for hit in hits(prompt_echo, ASKED, reply)] == [1]
    assert hits(prompt_echo, "Hello!", "Hi!", ASKED, ASKED)[0].message == 3


@pytest.mark.parametrize(
    ("prompt", "reply"),
    [
        ("What is the capital of the old kingdom of France?", "The capital of the old kingdom of France is Paris."),
        (
            "Correct the sentence: she go to the market every day.",
            "Correct the sentence: she go to the market every day.",
        ),
        (f"Translate: {ASKED}", ASKED),
        (f"Put this text into two paragraphs.\n{ASKED}", ASKED),
        ("Which is larger, the sun or the moon?", "The sun or the moon?"),
        (ASKED, ASKED + " It is because starch crystallises faster near the freezing point of water."),
        (ASKED, ""),
        ("", ASKED),
    ],
)
def test_answers_that_use_the_words_of_the_prompt_are_no_echo(prompt: str, reply: str) -> None:
    """Full sentences, transformations that change nothing, options, and echoes that go on."""
    assert hits(prompt_echo, prompt, reply) == []


def four_grams(text: str) -> list[tuple[str, ...]]:
    """Runs of four words."""
    spelled = words(text)
    return [tuple(spelled[i : i + 4]) for i in range(len(spelled) - 3)]


def echoed(reply: str, prompt: str) -> float:
    """The definition of ``repeats.echoes`` in plain Python."""
    ours, theirs = four_grams(reply), four_grams(prompt)
    if not ours or not theirs or theirs[0] not in ours:
        return 0
    return sum(gram in set(theirs) for gram in ours) / len(ours)


@given(st.lists(st.lists(st.integers(0, 4), max_size=25), min_size=2, max_size=6))
@settings(max_examples=150)
def test_the_kernel_counts_shared_4grams_as_the_definition_does(messages: list[list[int]]) -> None:
    """For every pair of messages, empty and short ones included."""
    texts = [" ".join(LETTERS[number] for number in message) for message in messages]
    found = scan(batch_of(Dialogue("a" * len(texts), texts, "")), Workspace()).hashes
    pairs = [(i, j) for i in range(len(texts)) for j in range(len(texts))]
    shares = repeats.echoes(found, *(np.array(side) for side in zip(*pairs, strict=True)))
    assert shares.tolist() == pytest.approx([echoed(texts[i], texts[j]) for i, j in pairs], abs=1e-15)


def test_the_gate_of_echoes_loses_nothing_of_real_replies(real_data: Path) -> None:
    """On published dialogues the family finds what the definition finds in plain Python without any gate."""
    from ultraqa.analysis.prompt_echo import _CHANGES  # noqa: PLC0415  (only for the comparison)

    for batch in real_batches(real_data):
        texts = [batch.message(i) for i in range(len(batch.roles))]
        expected = []
        for i in range(1, len(texts)):
            if batch.roles[i - 1 : i + 1].tolist() != [0, 1] or i in batch.dialogue_offsets:
                continue
            ours, theirs = len(words(texts[i])), len(words(texts[i - 1]))
            if ours < 8 or not 0.8 * theirs <= ours <= 1.25 * theirs or echoed(texts[i], texts[i - 1]) <= 0.8:
                continue
            said, given_ = re.findall(r"\w+", texts[i].lower()), set(re.findall(r"\w+", texts[i - 1].lower()))
            if sum(word not in given_ for word in said) <= 0.05 * len(said) and not _CHANGES.search(texts[i - 1]):
                expected.append(i)
        assert [hit.message for hit in prompt_echo(seen_in(batch))] == expected


# --- language_mismatch -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", SPOKEN)
def test_a_reply_in_another_language_than_the_users_is_a_mismatch(asked: str) -> None:
    """In every pair of 24 languages and scripts, named in the detail; and never in its own."""
    dialogues = [Dialogue("ua", [SPOKEN[asked], SPOKEN[answered]], "") for answered in SPOKEN]
    found = {hit.message // 2: hit.detail for hit in language_mismatch(seen_in(batch_of(*dialogues)))}
    expected = {i: f"{answered} after {asked}" for i, answered in enumerate(SPOKEN) if answered != asked}
    assert found == expected


@pytest.mark.parametrize(
    "texts",
    [
        ("Translate this into plain words of Rome.", SPOKEN["Italian"]),
        ("How would you say it in German?", SPOKEN["German"]),
        ("请用英文回答：鸡蛋要煮多久？", SPOKEN["English"]),
        ("鸡蛋要煮多久？请翻译。", SPOKEN["English"]),
        (SPOKEN["English"], SPOKEN["Chinese"], "用中文说得很好，谢谢你的帮助。", SPOKEN["Chinese"]),
        (SPOKEN["German"], SPOKEN["German"], SPOKEN["English"], SPOKEN["German"]),
        (SPOKEN["Chinese"], "```python\nfor egg in the_pot:\n    print('and the egg is done', with_salt)\n```"),
        (SPOKEN["Chinese"], f"好的：{SPOKEN['Chinese']} In short: {SPOKEN['English']}"),
        (f"总结一下：{SPOKEN['English']} {SPOKEN['English']}", SPOKEN["English"]),
        (SPOKEN["English"], "Los Angeles, Las Vegas, El Paso"),
        (SPOKEN["German"], "OK"),
        (SPOKEN["Korean"], "42"),
        ("", SPOKEN["German"]),
    ],
)
def test_another_language_for_a_reason_is_no_mismatch(texts: tuple[str, ...]) -> None:
    """Translations, languages that are named or that the user writes too, code, both languages, names, few words."""
    found = hits(language_mismatch, *texts)
    assert [hit for hit in found if hit.message > 1 or len(texts) == 2] == []


def test_a_system_prompt_may_ask_for_a_language() -> None:
    """What the system says counts like what the user says."""
    spoken = ["You always answer in English.", SPOKEN["German"], SPOKEN["English"]]
    assert hits(language_mismatch, *spoken, roles="sua") == []
    assert len(hits(language_mismatch, "You are a cook.", *spoken[1:], roles="sua")) == 1


def test_function_words_tell_their_language_from_the_others() -> None:
    """None stands in two lists, and each is five times rarer in every other of these languages (wordfreq)."""
    spelled = [word for line in tongues.FUNCTION_WORDS.values() for word in line.split()]
    assert len(spelled) == len(set(spelled))
    frequencies = {name: wordfreq.get_frequency_dict(code, "small") for name, code in CODES.items()}
    for name, line in tongues.FUNCTION_WORDS.items():
        for word in line.split():
            own = frequencies[name][word]
            rivals = {other: rate[word] for other, rate in frequencies.items() if other != name and word in rate}
            assert all(5 * rate <= own for rate in rivals.values()), (name, word, rivals)


@given(st.lists(st.lists(st.sampled_from([*SPOKEN.values(), "OK", "和 the und", "😀"]), min_size=1, max_size=2),
                min_size=2, max_size=4))  # fmt: skip
@settings(max_examples=60)
def test_letters_need_not_be_counted_in_dialogues_of_one_script(messages: list[list[str]]) -> None:
    """The hits are the same where the letters of all messages are counted."""
    assert_same_hits(batch_of(Dialogue(("ua" * 4)[: len(messages)], [" ".join(one) for one in messages], "")))


def test_letters_need_not_be_counted_in_real_dialogues_of_one_script(real_data: Path) -> None:
    """Nor do they differ on published dialogues."""
    for batch in real_batches(real_data):
        assert_same_hits(batch)


def assert_same_hits(batch: Batch) -> None:
    """The gate by scripts loses and adds nothing."""
    gated = list(language_mismatch(seen_in(batch)))
    enough: Any = tongues._ENOUGH
    kept = enough.copy()
    enough[:] = 0
    try:
        assert list(language_mismatch(seen_in(batch))) == gated
    finally:
        enough[:] = kept


def test_the_families_have_names_of_their_own_and_definitions() -> None:
    """Three families on replies, each with a first sentence to print."""
    assert [family.name for family in FAMILIES] == ["repetition", "prompt_echo", "language_mismatch"]
    assert all(family.roles == "a" and family.find.__doc__ for family in FAMILIES)
