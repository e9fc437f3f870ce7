"""Replies in which a model speaks of itself: the family ``ai_self_reference``."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Final

from ultraqa.analysis.triggers import Family, Hit
from ultraqa.analysis.vendor_names import MADE, MAKERS
from ultraqa.analysis.wording import any_of, hit, spotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Seen

_KINDS: Final = (
    "helpful|virtual|digital|text based|large|small|responsible|friendly|mere|humble|conversational|advanced|modern|"
    "simple|trained|pretrained|assistive"
)
_ONLY: Final = "just|only|simply|merely|actually|still|currently|also"

# What may follow a model: with any other noun it is the name of a trade, a firm or a product.
_FOLLOWS: Final = (
    r"(?=[^\w\s'’-]|\s*\Z|\s*\n|\s(?:I|and|but|so|it|my|who|that|which|with|without|trained|designed|created|developed|"
    r"made|built|programmed|powered|aligned|called|named|in|on|by|for|from|here|there|to|not|or|then|like|than|just)\b)"
)
MODEL: Final = (
    rf"(?>(?:(?:{_KINDS.replace(' ', '[- ]')}),? )?"
    r"(?:(?:AI|A\.I\.|artificial[- ]intelligence)(?:[- ](?:based|powered|driven|trained))?"
    r"(?: (?:large|text-based|text|chat|virtual|digital|conversational|generative)){0,3}"
    r"(?:[ -](?:language|model|assistant|chat ?bot|bot|program|system|tool|software|agent|companion)\b){0,2}"
    r"|(?:large )?language model|machine[- ]learning model|chat ?bot|computer program)\b(?: AI\b)?)" + _FOLLOWS
)
"""An expression for what a model calls itself, after an article."""

_MAKER: Final = rf"(?:{MAKERS}|(?:a team of )?(?:\w+ )?(?:researchers|engineers|developers|scientists))(?!\w)"
_ONE: Final = "(?:一[个名种款位台])?"
_ZH_MODEL: Final = (
    "(?:人工智能|AI|语言模型|聊天机器人|计算机程序)(?!研究|工程|专家|专业|领域|公司|爱好|开发|科学|从业|教授|行业)"
)
_SELF_REFERENCE: Final = any_of(
    # Chinese, Korean
    rf"作为{_ONE}[^，。！？\n]{{0,20}}?{_ZH_MODEL}[^，。！？\n]{{0,12}}[，,]?\s*我",
    rf"我(?:只|仅仅?)?是{_ONE}(?:[^，。！？\n]{{1,20}}?的)?{_ONE}(?:虚拟|智能|大型|大|文本|自然){{0,3}}{_ZH_MODEL}",
    rf"像我这样的(?:大型|大)?{_ZH_MODEL}",
    r"(?:AI|인공 ?지능) ?(?:언어 ?)?(?:모델|어시스턴트|챗봇|비서)(?:로서|로써|이기 때문|이므로|입니다)",
    r"저는 (?:AI|인공 ?지능)(?:이기 때문|이므로|입니다|으로서|으로써)",
    words=(
        rf"(?:as|being|like) (?:(?:{_ONLY}) )?(?:an?|your) {MODEL}(?=[^.!?\n]{{0,160}}?\b(?:I|me|my|myself)\b)",
        r"as (?:a|your) helpful assistant\b[^.!?\n]{0,40}?, I\b",
        rf"(?:I(?:['’]m| am)|refer to me as) (?:(?:(?:{_ONLY}) )?(?:an?|your)|\w+, (?:an?|your)) (?:{MODEL}|bot\b)",
        rf"I(?:['’]m| am| was|['’]ve been| have been) (?:{MADE}) by {_MAKER}",
        rf"my (?:training data|creators are {_MAKER}|programming (?:does|doesn|prohibits|prevents|limits))",
        r"(?:against|by|within|to|with|of) my programming\b",
        # Spanish and Portuguese leave the pronoun out, so the verb must be one of not having or not being able to
        r"como (?:un[ao]? |uma? )?(?:modelo de (?:lenguaje|linguagem|IA)|inteligencia artificial|"
        r"inteligência artificial|asistente (?:virtual|de IA)|assistente (?:virtual|de IA)|IA),? "
        r"(?:[^.!?\n]{0,60}, )?(?:eu )?"
        r"(?:no|não) (?:tengo|puedo|poseo|tenho|posso|possuo)\b",
        r"soy (?:una? )?(?:modelo de (?:lenguaje|IA)|inteligencia artificial|asistente de IA|IA)\b",
        r"sou (?:uma? )?(?:modelo de (?:linguagem|IA)|inteligência artificial|assistente de IA|IA)\b",
        # German, French
        r"als (?:eine? )?(?:KI(?:-Sprachmodell|-Modell|-Assistent(?:in)?)?|künstliche Intelligenz|Sprachmodell)\b,? "
        r"(?:\w+ ){0,2}ich\b",
        r"ich bin (?:nur |lediglich )?eine? (?:KI(?:-\w+)?|künstliche Intelligenz|Sprachmodell)\b",
        r"en tant qu(?:e |['’]une? |['’])(?:modèle de langage|modèle d['’]IA|IA|intelligence artificielle|assistante? "
        r"(?:virtuel(?:le)?|IA))\b[^.!?\n]{0,60}?\bj(?:e\b|['’])",
        r"je suis (?:une? )?(?:modèle de langage|IA|intelligence artificielle|assistant IA)\b",
    ),
)


def ai_self_reference(seen: Seen) -> Iterator[Hit]:
    """Replies in which a model speaks of itself as one ("As an AI language model, I ...", "I was trained by ...").

    First person is needed. Not counted: AI as a topic, people who work with AI ("As an AI researcher, I ..."), and what
    someone else says: in quotation marks, or on a line that begins with a speaker's name. A reply that plays a robot by
    request, without quotation marks, is counted. English, Chinese, Spanish, German, French, Portuguese and Korean.

    Source: the first rule of GPT4All-J v1.1 ("AI language model"); UltraChat-200k and the lists of Vicuna and OpenChat
    hold such phrases among others.
    """
    return starmap(hit, spotted(seen, "ai_self_reference", "a", _SELF_REFERENCE))


FAMILIES: Final = (Family("ai_self_reference", ai_self_reference, "a"),)
_NOUNS: Final = "ai|a i|artificial intelligence|language model|machine learning model|chatbot|chat bot|computer program"
_ROMANCE: Final = "modelo de|inteligencia artificial|inteligência artificial|asistente|assistente|ia"
# A word of Korean carries its particle with it.
_KO_MODELS: Final = (
    "모델로서|모델로써|모델이기|모델이므로|모델입니다|언어모델로서|언어모델이기|언어모델입니다|어시스턴트로서|"
    "어시스턴트로써|어시스턴트이기|어시스턴트입니다|챗봇이기|챗봇입니다|비서입니다"
)
PHRASES: Final = {
    "ai_self_reference": (
        f"(as|being|like|i'm|i am|{_ONLY}) (an|a|your) ({_NOUNS})",
        f"({_KINDS}) ({_NOUNS})",
        "helpful assistant",
        f"language model ({MADE}|called|named|that|which)",
        f"(i'm|i am|{_ONLY}) (a|your) bot",
        f"(i was|i am|i'm|i've been|i have been) ({MADE}) by",
        "my (training data|programming|creators are)",
        "(作为|是)(一个|一种|一款|一名|一位|一台|)(虚拟|智能|)(人工智能|ai|语言模型|大语言模型|大型语言模型|聊天机器人|计算机程序)",
        "的(一种|一个|一款|)(大|大型|)(语言模型|人工智能|ai|聊天机器人|计算机程序)",
        f"(como|soy|sou) (un|una|um|uma|) ({_ROMANCE})",
        "(als|ich bin|ich bin nur|ich bin lediglich) (ein|eine|) (ki|künstliche intelligenz|sprachmodell)",
        "en tant (que|qu'un|qu'une) (modèle|ia|intelligence|assistant|assistante)",
        "en tant (qu'ia|qu'intelligence|qu'assistant|qu'assistante)",
        "je suis (un|une|) (modèle de langage|ia|intelligence artificielle|assistant ia)",
        f"(ai|인공지능|인공 지능) (언어|) ({_KO_MODELS})",
        "저는 (인공|) (인공지능이기|인공지능이므로|인공지능입니다|인공지능으로서|인공지능으로써|지능이기)",
    )
}
