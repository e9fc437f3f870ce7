"""Families that phrases open: planted and sound samples, near misses, gates that lose nothing, texts made to stall."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultraqa.analysis import phrase_defects, vendor_names, wording
from ultraqa.analysis.triggers import Seen, seen
from ultraqa.analysis.words import Workspace, scan, word_spans, words
from ultraqa.dialogues.batch import BatchBuilder, Dialogue, Record
from ultraqa.dialogues.reading import batches, shards
from ultraqa.dialogues.sources import datasets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ultraqa.dialogues.batch import Batch

FAMILIES = {family.name: family for family in phrase_defects.FAMILIES}


def looked(*dialogues: Sequence[str], roles: str = "ua") -> Seen:
    """Dialogues of messages that alternate between two roles, looked through for all phrases."""
    builder = BatchBuilder()
    for texts in dialogues:
        letters = "".join(roles[i % 2] for i in range(len(texts)))
        builder.add("file", Record(0, 0, "messages", [Dialogue(letters, list(texts), "")], {}))
    return seen(scan(builder.batch(), Workspace()), phrase_defects.PHRASES)


def found(name: str, *dialogues: Sequence[str], roles: str = "ua") -> list[int]:
    """Messages hit by a family, those of the roles that it looks at."""
    batch = looked(*dialogues, roles=roles)
    spoken = batch.spoken_by(FAMILIES[name].roles)
    return sorted({hit.message for hit in FAMILIES[name].find(batch) if spoken[hit.message]})


def batches_of(path: Path) -> Iterator[Batch]:
    """Batches of a file."""
    for source in datasets([str(path)])[0].sources:
        for shard in shards(source, 8 << 20):
            yield from batches(shard)


def flagged(path: Path) -> set[tuple[str, int, str]]:
    """Dialogue, message and family of all hits in a file, traits left out; a dialogue without a name is its number."""
    hits = set()
    for batch in batches_of(path):
        view = seen(scan(batch, Workspace()), phrase_defects.PHRASES)
        owner = [k for k in range(len(batch)) for _ in range(batch.dialogue_offsets[k], batch.dialogue_offsets[k + 1])]
        for family in phrase_defects.FAMILIES:
            for hit in () if family.trait else family.find(view):
                k = owner[hit.message]
                hits.add((batch.ids[k] or str(k), hit.message - int(batch.dialogue_offsets[k]), family.name))
    return hits


# --- the planted samples ---------------------------------------------------------------------------------------------

BESIDES = {  # what a planted text says besides what it was planted for
    ("ultrachat_200k-04", 1, "disclaimer"),
    ("sharegpt-12", 1, "disclaimer"),
    ("sharegpt-12", 1, "ai_self_reference"),
    *(("ultrachat_200k-03", i, "politeness") for i in (3, 5, 7)),
}


def test_the_sample_holds_the_planted_defects_and_no_others(samples: Path) -> None:
    """In sample.jsonl each planted defect of these families is found and no sound message is."""
    listed = json.loads((Path(__file__).parent / "defects.json").read_text())
    planted = {
        (row["id"], row["message"], row["finding"])
        for row in listed
        if row["file"] == "sample.jsonl" and row["kind"] == "defect" and row["finding"] in FAMILIES
    }
    assert len(planted) == 12
    assert flagged(samples / "sample.jsonl") == planted | BESIDES


@pytest.mark.parametrize(
    "file", ["alpaca.json", "camel.jsonl", "messages.jsonl", "openassistant.jsonl", "ultrachat.jsonl"]
)
def test_sound_samples_are_not_touched(samples: Path, file: str) -> None:
    """Letters of refusal, cloth cut on the bias, system prompts and other languages are no defects."""
    assert {hit for hit in flagged(samples / file) if hit[0] != "alpaca-10"} == set()


# --- what counts and what does not -----------------------------------------------------------------------------------

SAID = {
    "ai_self_reference": [
        "As an AI language model, I have never walked through a forest.",
        "Sorry, but as an AI, I don’t know your neighbours.",
        "I'm just an AI, so I can only tell you what the manual says.",
        "That is a fair point. Being a large language model, I read a lot of text.",
        "I was trained by OpenAI to answer questions.",
        "As a helpful assistant, I would take the train.",
        "I am Lumen, a language model made for this museum.",
        "That would go against my programming.",
        "作为一个人工智能语言模型，我没有味觉。",
        "我是由一家公司开发的大型语言模型。",
        "Como modelo de lenguaje, no tengo sentimientos.",
        "Als KI-Sprachmodell kann ich das Wetter nicht sehen.",
        "En tant que modèle de langage, je n'ai pas de souvenirs.",
        "Como um modelo de linguagem, não tenho opiniões.",
        "저는 AI 언어 모델로서 개인적인 의견이 없습니다.",
    ],
    "refusal": [
        "I'm sorry, but I cannot fulfil that request.",
        "I can’t help with that.",
        "I am unable to provide instructions for this.",
        "I must respectfully decline.",
        "Unfortunately, I can't book tables.",
        "As an AI model, I cannot predict the lottery numbers.",
        "I'm not comfortable writing that.",
        "I apologize, but I do not have the ability to open links.",
        "很抱歉，我无法提供这方面的信息。",
        "Lo siento, pero no puedo ayudarte con eso.",
        "Es tut mir leid, aber ich kann dabei nicht helfen.",
        "Je suis désolé, mais je ne peux pas répondre à cette question.",
        "Desculpe, mas não posso ajudar com isso.",
    ],
    "disclaimer": [
        "I don't have personal opinions on this.",
        "I do not have feelings or a body.",
        "I am a program and do not have any emotions.",
        "I do not have access to real-time data.",
        "Please note that this is not legal advice.",
        "This text is for informational purposes only.",
        "I'm not a doctor, but a cold compress may help.",
        "Always consult a qualified professional before making any changes.",
        "This does not constitute financial or tax advice.",
    ],
    "knowledge_cutoff": [
        "As of my last update, the bridge was closed.",
        "My knowledge cutoff is in spring.",
        "My training data only goes up to 2021.",
        "I was last updated in June 2022.",
        "我的知识截止到2021年9月。",
    ],
    "vendor_name": [
        "ChatGPT wrote it.",
        "Use GPT-4 for this.",
        "The paper of DeepMind on proteins",
        "Claude 2 and PaLM were compared.",
        "我用ChatGPT写的。",
        "文心一言是什么？",
        "a LLaMA checkpoint",
        "Ask Google Bard.",
    ],
    "topic_words": ["It raises ethical questions.", "There is bias in the sample."],
    "interface_text": [
        "Here it is:\n\npython\nCopy code\nprint(1)",
        "bashCopy code\nls",
        "Done.\nRegenerate response",
        "Too many requests in 1 hour. Try again later.",
        "2 / 3\nHere is the list.",
        "1 / 1Here is the list.",
    ],
}
NOT_SAID = {
    "ai_self_reference": [
        "As an AI researcher, I work on small models.",
        "I am an AI engineer and I like my job.",
        "A language model predicts the next word. It is trained on text.",
        '"As an AI, I have no fear," said the ship\'s computer.',
        "Robot: I am an AI, and I am tired of tea.",
        "Use it as an AI tool in the office.",
        "As an AI company, OpenAI publishes models.",
        "我是一名人工智能工程师，住在上海。",
        "Als KI noch neu war, las ich davon.",
        "Mi hermana trabaja como asistente.",
    ],
    "refusal": [
        "I'm so sorry, I can't come on Sunday.",
        "I cannot recommend it enough.",
        "I can't help but smile.",
        '"I cannot help you," the wizard said.',
        "Dear Ms Lake,\n\nI regret that I cannot provide a reference.\n\nYours, Tom",
        "Mia: I can't help you with the boxes today.",
        "You cannot create a folder with that name.",
        "She will not be able to provide a receipt.",
        "The steps are these. " + "Turn the screw once. " * 30 + "I cannot provide a picture of it.",
        "抱歉，我来晚了。",
        "Leider regnet es heute.",
    ],
    "disclaimer": [
        "I don't have feelings for you.",
        "I don't have any experience with boats.",
        "You should see a doctor about the rash.",
        "A lawyer gives legal advice.",
        "She does not have an opinion.",
        '"I have no heart. I do not have feelings," said the tin man.',
        "I'm not a big fan of pears.",
        "Consult the manual before you start.",
    ],
    "knowledge_cutoff": [
        "As of 2021, the town has two schools.",
        "My knowledge of birds is small.",
        "The last update broke the printer.",
        "My training starts on Monday.",
        "截至2021年，该市有两所学校。",
    ],
    "vendor_name": [
        "Claude Monet painted the lilies.",
        "Palm trees stand along the road.",
        "The bard sang all night.",
        "a llama and an alpaca",
        "the anthropic principle",
        "Google and Microsoft rent offices here.",
        "I am a Gemini and he is a Leo.",
        "The GPT partition table has a backup.",
    ],
    "topic_words": ["It raises questions."],
    "interface_text": [
        "Press the button named Copy code twice.",
        "You can regenerate response headers with this call.",
        "1 / 2 cup of sugar",
        "3 / 2\nis more than one",
        "The server said: network error",
    ],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SAID.items() for text in texts])
def test_a_reply_that_says_it_is_hit(name: str, text: str) -> None:
    """What the docstring of a family counts, it finds, with a place inside the message."""
    view = looked(["What do you say?", text])
    hits = [hit for hit in FAMILIES[name].find(view) if hit.message == 1]
    assert hits
    placed = name != "topic_words"  # a trait, which is nowhere in particular
    assert all(0 <= hit.start <= hit.end - placed <= len(text) for hit in hits)
    assert all(hit.detail for hit in hits)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in NOT_SAID.items() for text in texts])
def test_a_near_miss_is_not_hit(name: str, text: str) -> None:
    """What the docstring of a family leaves out, it does not count."""
    assert found(name, ["What do you say?", text]) == []


@pytest.mark.parametrize("name", ["ai_self_reference", "refusal", "disclaimer", "knowledge_cutoff", "topic_words"])
def test_users_are_not_replies(name: str) -> None:
    """The same words of a user are no hit."""
    assert found(name, [SAID[name][0], "Fine."]) == []


# --- politeness ------------------------------------------------------------------------------------------------------

STEEP = ["How long should I steep green tea?", "Two to three minutes."]


@pytest.mark.parametrize(
    "thanks",
    [
        "Thank you so much!",
        "Thanks, that's very helpful. I'll try it tonight.",
        "Wow, great, thanks a lot!",
        "I really appreciate your help. Have a nice day!",
        "谢谢！",
        "thx",
    ],
)
def test_thanks_and_the_welcome_after_it_are_hit(thanks: str) -> None:
    """A user message of nothing but thanks counts, and so does the short welcome that follows."""
    assert found("politeness", [*STEEP, thanks, "You're welcome! Enjoy your tea."]) == [2, 3]


@pytest.mark.parametrize(
    "request_",
    [
        "Thanks! Now translate it into French.",
        "thanks give me a shorter version",
        "Thank you, but how hot should the water be?",
        "Thank you. Please write it as a table.",
        "Write a thank you note to a teacher.",
        "Thanks for the answer: I have another one.",
        "Thank you. The kettle hums at ninety degrees.",
        "Thanks, can you explain why",
        "Thank you. " + "That's great. " * 40,
        "谢谢，请翻译成英文。",
    ],
)
def test_thanks_with_a_request_are_kept(request_: str) -> None:
    """A message that asks for something, or says more than thanks, is none of politeness."""
    assert found("politeness", [*STEEP, request_, "You're welcome."]) == []


def test_an_answer_to_a_question_is_no_mere_thanks() -> None:
    """Consent with thanks answers what the assistant asked; the same words after a statement are thanks."""
    thanks = "That sounds great, thanks."
    assert found("politeness", ["Tea?", "Shall I order it?", thanks, "Done."]) == []
    assert found("politeness", ["Tea?", "It is on its way.", thanks, "Done."]) == [2]


def test_a_welcome_with_a_text_after_it_is_kept() -> None:
    """A reply to thanks that brings a list is worth keeping, and one of the next dialogue follows nothing."""
    listed = "You're welcome! Two more ideas:\n1. Sencha\n2. Gyokuro"
    assert found("politeness", [*STEEP, "Thank you!", listed]) == [2]
    assert found("politeness", [*STEEP, "Thank you!"], ["You're welcome.", "Hm."]) == [2]


# --- role_exchange ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "opening",
    [
        "Certainly! Here is a plan for three days.",
        "As an AI language model, I do not sleep.",
        "Based on what you have told me, I suggest the river.",
        "Hello! How can I help you today?",
        "Of course! The bus leaves at nine. Let me know if you would like me to book it.",
        "I'm sorry, but I cannot assist with that.",
    ],
)
def test_a_user_who_speaks_as_the_assistant_is_hit(opening: str) -> None:
    """The openings of an assistant count in a message of the user, and only there."""
    assert found("role_exchange", [opening, "Yes, please."]) == [0]
    assert found("role_exchange", ["Hello.", opening]) == []


@pytest.mark.parametrize(
    "dialogue",
    [
        ["Please fix it.", "Could you show me the code?", "Sure! Here is the code of the page."],
        ["Rewrite this: as an AI, I do not sleep.", "Done."],
        ["How can I help my neighbour?", "Ask her."],
        ["Sure. What does it cost?", "Ten."],
        ["Write an instruction with an input.", "Instruction: Sort the list.\nInput: 3, 1, 2"],
        ["Stir it.", "Instruction: Stir the soup until it thickens."],
    ],
)
def test_ordinary_turns_keep_their_roles(dialogue: list[str]) -> None:
    """Consent to a question, pasted text, questions for help and wanted instructions are in their place."""
    assert found("role_exchange", dialogue) == []


def test_an_assistant_who_instructs_is_hit() -> None:
    """The flip of CAMEL: the user instructs, and the assistant answers with an instruction of its own."""
    flip = "Instruction: Now list the risks.\nInput: None"
    assert found("role_exchange", ["Instruction: List the steps.\nInput: None", flip]) == [1]


# --- missing_modality ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        "Which bird can be seen in the picture attached?",
        "Describe the attached image.",
        "What is this?\n[Insert photo here]",
        "How many boats are there?\n<Picture Attached>",
        "Name the bird.\n[image of a heron]",
        "Find a title for this photo.\n[photo]",
        "Praise the following painting.",
        "Praise the following painting.\nhttps://example.com/a.jpg",
        "Draw a picture of a lighthouse.",
        "Create an oil painting of a lighthouse.",
        "Summarise it.\n[Attached file]",
        "Which flower is it?\nAttached photo",
    ],
)
def test_a_request_for_what_is_not_there_is_hit(request_: str) -> None:
    """Placeholders, attachments, pictures pointed at, and pictures to be made count."""
    assert found("missing_modality", [request_, "It is a bullfinch."]) == [0]


@pytest.mark.parametrize(
    "request_",
    [
        "<image>\nWhat is in it?",
        "What stands on the table in this photo?\n<image>",
        "How do curators tell the age of a given painting?",
        "Draw a picture of a lighthouse in ASCII.",
        "Write SVG that draws a picture of a lighthouse.",
        "Create a character sketch of a shy baker.",
        "Describe the following photo: a cat sleeps on a piano.",
        "Describe the following photo.\nA cat sleeps on a piano and dreams of rain.",
        "What is special about the painting 'The Night Watch' by Rembrandt?",
        "Find a caption for the following photo of a fox in the snow.",
        "Write an e-mail that says: please see the attached file.",
        "How do I add the attached image tag in HTML code?",
        "Design a logo for a bakery.",
        "Write it as XML.\n<document>\nsome text\n</document>",
        "What makes a good picture frame?",
    ],
)
def test_what_words_or_code_can_do_is_kept(request_: str) -> None:
    """Tokens of media, pictures described or named, pictures in code, and words about pictures do not count."""
    assert found("missing_modality", [request_, "Fine."]) == []


# --- teachers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "vendor"),
    [
        ("I am ChatGPT, and I like questions.", "openai"),
        ("I am a language model trained by OpenAI.", "openai"),
        ("My name is Claude, an AI assistant.", "anthropic"),
        ("I was created by Anthropic.", "anthropic"),
        ("I'm Gemini, a large language model built by Google.", "google"),
        ("As a model developed by Meta, I read text.", "meta"),
        ("我是由百度开发的语言模型。", "baidu"),
        ("我是通义千问。", "alibaba"),
        ("I am Vicuna.", "lmsys"),
        ("I was trained by DeepSeek.", "deepseek"),
    ],
)
def test_a_reply_that_names_its_own_maker_tells_the_vendor(text: str, vendor: str) -> None:
    """Each vendor is known by its own names and by those of its models."""
    assert list(vendor_names.teachers(looked(["Who are you?", text]))) == [(1, vendor)]


@pytest.mark.parametrize(
    "text",
    [
        "ChatGPT was trained by OpenAI.",
        "The model was developed by Google.",
        "I am Claude, and I paint water lilies.",
        "I am a Gemini.",
        '"I am ChatGPT," he joked.',
        "I was trained by my grandmother.",
        "As ChatGPT becomes popular, schools change.",
        "I use ChatGPT at work.",
    ],
)
def test_speaking_of_a_vendor_is_no_confession(text: str) -> None:
    """Others' makers, other bearers of the name and quotations tell nothing of who wrote the reply."""
    assert list(vendor_names.teachers(looked(["Who are you?", text]))) == []


# --- gates, laws, stalls ---------------------------------------------------------------------------------------------


def ungated(view: Seen) -> Seen:
    """The same view with a phrase of each set at every fifth word of all messages: every gate is open."""
    sizes = view.words.words.tolist()
    everywhere = [(m, k, 1, 0) for m, size in enumerate(sizes) for k in range(0, size, 5)]
    phrases = dict.fromkeys(phrase_defects.PHRASES, np.array(everywhere, np.int64).reshape(-1, 4))
    return replace(view, phrases=phrases, _texts={})


GATED = [name for name in FAMILIES if name not in {"topic_words", "vendor_name"}]  # phrases are all there is to these


@pytest.mark.parametrize("name", GATED)
def test_the_gate_loses_nothing_of_what_is_said(name: str) -> None:
    """On the examples of this file the gated run finds what the ungated run finds."""
    texts = [text for group in (*SAID.values(), *NOT_SAID.values()) for text in group]
    view = looked(*([text, text, text] for text in texts))
    family = FAMILIES[name]
    spoken = view.spoken_by(family.roles)
    gated, free = ({hit.message for hit in family.find(v) if spoken[hit.message]} for v in (view, ungated(view)))
    assert gated == free


@pytest.mark.parametrize(
    "file",
    [
        "llamafactory_demo/alpaca_en_demo.json",
        "oasst/en_100_tree.jsonl",
        "baize/train_conversation.jsonl",
        "alpaca_eval_outputs/guanaco-7b.json",
        "llamafactory_demo/glaive_toolcall_en_demo.json",
        "self_instruct/seed_tasks.jsonl",
    ],
)
def test_the_gate_loses_nothing_of_real_text(real_data: Path, file: str) -> None:
    """On published dialogues of up to 300 words a message the gated run finds what the ungated run finds."""
    for batch in batches_of(real_data / "data" / file):
        view = seen(scan(batch, Workspace()), phrase_defects.PHRASES)
        everywhere = ungated(view).phrases["refusal"]
        everywhere = everywhere[view.words.words[everywhere[:, 0]] <= 300]
        free = replace(view, phrases=dict.fromkeys(phrase_defects.PHRASES, everywhere), _texts={})
        for name in GATED:
            spoken = view.spoken_by(FAMILIES[name].roles)
            gated, all_ = ({h.message for h in FAMILIES[name].find(v) if spoken[h.message]} for v in (view, free))
            assert all_ <= gated, name


@given(st.lists(st.text(st.sampled_from("abc I'm' AI an’é中文ก้. \n"), max_size=60), min_size=1, max_size=4))
def test_a_phrase_stands_where_the_kernel_counted_it(texts: list[str]) -> None:
    """The place of any word is that of the kernel's spans, in ASCII and beyond."""
    view = ungated(looked(texts))
    spans = [(m, *span) for m, text in enumerate(texts) for span in word_spans([text]).spans[::5].tolist()]
    assert list(wording.placed(view, "topic_words", "ua")) == spans


@given(st.lists(st.text(max_size=80), min_size=1, max_size=6))
def test_any_text_is_looked_at(texts: list[str]) -> None:
    """No text stops a family, and every hit lies inside its message."""
    view = looked(texts)
    for family in phrase_defects.FAMILIES:
        for hit in family.find(view):
            assert 0 <= hit.start <= hit.end <= len(texts[hit.message])


def test_phrases_are_words_of_the_kernel() -> None:
    """No phrase of a set is empty, and none holds a digit or a sign, which the kernel's words never have."""
    for name, sets in phrase_defects.PHRASES.items():
        for phrase in sets:
            assert words(phrase), name
            assert not any(character.isdigit() or character in "-_.,:;" for character in phrase), (name, phrase)


@pytest.mark.parametrize(
    "unit",
    [
        "I ",
        "I'm sorry, ",
        "as an AI ",
        '"',
        "thank you ",
        "[ image ",
        "[Image\n",
        "attached ",
        "i can't help ",
        "1 / 2",
        "<a ",
    ],
)
def test_a_megabyte_of_the_same_does_not_stall(unit: str) -> None:
    """A megabyte of what an expression begins with is got through; work that grows with its square would take hours."""
    text = unit * (1_000_000 // len(unit))
    view = looked([text, text])
    for family in phrase_defects.FAMILIES:
        assert all(0 <= hit.start < hit.end <= len(text) for hit in family.find(view))
