"""Languages of a sample, scripts of everything, and words used more or less often than in human text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
import wordfreq
from hypothesis import given, settings
from hypothesis import strategies as st

from ultraqa.analysis import language, words
from ultraqa.analysis.characters import SCRIPTS
from ultraqa.analysis.corpus import Part, Sample, SampledText, sampled_text
from ultraqa.dialogues.batch import BatchBuilder, Dialogue, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

SENTENCES: Final = {
    "en": "The library opens at nine in the morning, and you can bring your own books if you like.",
    "fr": "La bibliothèque ouvre à neuf heures du matin, et vous pouvez apporter vos propres livres.",
    "de": "Die Bibliothek öffnet um neun Uhr morgens, und Sie können gern eigene Bücher mitbringen.",
    "es": "La biblioteca abre a las nueve de la mañana y puedes traer tus propios libros si quieres.",
    "ru": "Библиотека открывается в девять часов утра, и вы можете принести свои собственные книги.",
    "el": "Η βιβλιοθήκη ανοίγει στις εννέα το πρωί και μπορείτε να φέρετε τα δικά σας βιβλία.",
    "hi": "पुस्तकालय सुबह नौ बजे खुलता है और आप अपनी किताबें साथ ला सकते हैं।",
    "zh": "图书馆早上九点开门，如果你愿意，可以带上自己的书和笔记本一起来学习。",
    "ja": "図書館は朝九時に開きます。よければ自分の本を持ってきてもかまいません。",
    "ko": "도서관은 아침 아홉 시에 문을 열고, 원하시면 자기 책을 가져오셔도 됩니다.",
    "th": "ห้องสมุดเปิดเวลาเก้าโมงเช้า และคุณสามารถนำหนังสือของตัวเองมาได้ถ้าต้องการ",
    "ar": "تفتح المكتبة في الساعة التاسعة صباحا ويمكنك إحضار كتبك الخاصة إذا أردت.",
}


def walked(dialogues: Sequence[Sequence[str]]) -> words.Words:
    """Dialogues of assistant messages, walked by the kernel."""
    builder = BatchBuilder()
    for texts in dialogues:
        builder.add("file", Record(0, 0, "messages", [Dialogue("a" * len(texts), list(texts), "")], {}))
    return words.scan(builder.batch(), words.Workspace())


def part_of(dialogues: Sequence[Sequence[str]]) -> Part:
    """The assistant part of the sample of some dialogues."""
    return Sample().map(walked(dialogues)).assistant


@pytest.mark.parametrize("code", SENTENCES)
def test_a_language_is_named_by_its_code(code: str) -> None:
    """One sentence of each, a line break in it."""
    found = language.languages(part_of([[SENTENCES[code].replace(" ", "\n", 1)]]))
    assert found.counts == {code: 1}
    assert (found.undefined, found.asked) == (0, 1)


def test_languages_are_counted_by_dialogue_most_frequent_first() -> None:
    """Messages of a dialogue are asked together; under 20 letters a dialogue is undefined."""
    dialogues = [
        [SENTENCES["fr"], SENTENCES["fr"]],
        [SENTENCES["de"] + " 1"],
        [SENTENCES["de"] + " 2"],
        ["Yes, 12345 67890!"],
    ]
    found = language.languages(part_of(dialogues))
    assert list(found.counts.items()) == [("de", 2), ("fr", 1)]
    assert (found.undefined, found.asked) == (1, 4)


def test_the_first_500_characters_of_a_dialogue_are_asked() -> None:
    """What follows does not matter, whatever bytes a cut falls into."""
    for code in ("de", "ru", "hi", "zh"):
        start = (SENTENCES[code] + " ") * 20
        assert language.languages(part_of([[start[:500] + SENTENCES["fr"] * 50]])).counts == {code: 1}


def test_the_dialogues_of_smallest_hash_are_asked() -> None:
    """A stated number of them, the first in the sample's order."""
    n = language.LANGUAGE_SAMPLE
    dialogues = [[f"{SENTENCES['en' if i % 3 else 'de']} {i}"] for i in range(n + 500)]
    part = part_of(dialogues)
    found = language.languages(part)
    assert found.asked == n
    assert found.counts == Counter("en" if row % 3 else "de" for row in part.rows[:n].tolist())


def test_an_empty_sample_has_no_language() -> None:
    """And no error."""
    assert language.languages(part_of([])) == language.Languages({}, 0, 0)


@settings(max_examples=60)
@given(
    dialogues=st.lists(st.lists(st.sampled_from([*SENTENCES.values(), "", "123 😀", "abc"]), max_size=4), max_size=8)
)
def test_scripts_are_counted_by_letter_and_by_dialogue(dialogues: list[list[str]]) -> None:
    """Letters of each script; each dialogue under the script of most of its letters, or under none."""
    found = walked(dialogues)
    state = language.Scripts().map(found)
    assert state.letters.tolist() == found.letters.sum(axis=0).tolist()
    lettered = [row for row in found.letters.tolist() if sum(row)]
    dominant = Counter(row.index(max(row)) for row in lettered)
    assert state.dialogues.tolist() == [dominant[i] for i in range(len(SCRIPTS))]
    assert state.without == len(dialogues) - len(lettered)


@pytest.mark.parametrize(
    ("code", "script"),
    [
        *(("en", "latin"), ("ru", "cyrillic"), ("el", "greek"), ("hi", "devanagari"), ("zh", "han"), ("ko", "hangul")),
        *(("th", "thai"), ("ar", "arabic"), ("ja", "kana")),
    ],
)
def test_a_sentence_is_in_the_script_of_most_of_its_letters(code: str, script: str) -> None:
    """Japanese counts as kana, which outnumber its Han characters."""
    state = language.Scripts().map(walked([[SENTENCES[code]]]))
    assert SCRIPTS[int(state.dialogues.argmax())] == script


# --- words compared with human text ----------------------------------------------------------------------------------


def sample_of(text: str) -> SampledText:
    """A sample of one reply."""
    return sampled_text(part_of([[text]]))


@pytest.mark.parametrize("code", ["en", "fr", "de", "ru"])
def test_human_frequencies_are_those_of_wordfreq(code: str) -> None:
    """Its small list, words of letters only, to 1e-12."""
    found = language.word_frequencies(sample_of("one word"), code)
    assert found is not None
    theirs = {word: f for word, f in wordfreq.get_frequency_dict(code, "small").items() if word.isalpha()}
    assert dict(zip(found.words, found.human.tolist(), strict=True)) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("code", ["zh", "ja", "ko", "th", "xx", "", "../small_en"])
def test_languages_without_a_usable_list_have_no_frequencies(code: str) -> None:
    """Written without spaces, or unknown."""
    assert language.word_frequencies(sample_of("one word"), code) is None


def test_an_empty_sample_has_no_frequencies() -> None:
    """Nothing over nothing."""
    assert language.word_frequencies(sample_of("123"), "en") is None


def test_overuse_and_underuse_are_the_brute_force_ones() -> None:
    """By wordfreq's own frequencies: four times as often and seen 20 times, a quarter and expected 20 times."""
    text = (
        "we delve into the rich tapestry of life and the testament to it " * 300
        + "perhaps a zyxomma " * 25
        + "vibrant " * 19
    )
    sample = sample_of(text)
    counts = Counter(words.words(text))
    size = counts.total()
    human = {word: f for word, f in wordfreq.get_frequency_dict("en", "small").items() if word.isalpha()}
    found = language.word_frequencies(sample, "en")
    assert found is not None
    over = {w: counts[w] / size / f for w, f in human.items() if counts[w] / size >= 4 * f and counts[w] >= 20}
    under = {w: counts[w] / size / f for w, f in human.items() if 4 * counts[w] / size <= f and f * size >= 20}
    assert {"delve", "tapestry", "testament"} <= set(over)
    assert "vibrant" not in over
    assert "you" in under
    for use, wanted, share in (
        (language.word_overuse(found), over, sum(counts[w] / size for w in over)),
        (language.word_underuse(found), under, sum(human[w] for w in under)),
    ):
        assert dict(use.words) == pytest.approx(wanted, rel=1e-9)
        assert use.share == pytest.approx(share, rel=1e-9)
    weights = [counts[w] / size * np.log(ratio) for w, ratio in language.word_overuse(found).words]
    assert weights == sorted(weights, reverse=True)
    missed = [human[w] for w, _ in language.word_underuse(found).words]
    assert missed == sorted(missed, reverse=True)
