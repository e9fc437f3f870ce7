"""Names of assistants and of their makers, and what a reply says of its own maker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ultraqa.analysis.triggers import Family, Hit
from ultraqa.analysis.wording import hit, placed, spotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ultraqa.analysis.triggers import Seen

TEACHERS: Final = {
    "openai": ("Open ?AI", r"Chat-?GPT|InstructGPT|GPT-?[345]\b(?:\.\d)?|text-davinci-\d+"),
    "anthropic": ("Anthropic", "Claude"),
    "google": ("Google(?: AI| DeepMind| Brain| Research)?|DeepMind", "(?:Google )?(?:Bard|Gemini|PaLM|LaMDA|Gemma)"),
    "meta": ("Meta(?: AI)?|Facebook AI(?: Research)?", r"Llama(?:[- ]?\d)?|Meta AI"),
    "microsoft": ("Microsoft(?: Research)?", r"(?:Microsoft |Bing )?Copilot|Bing Chat"),
    "mistral": ("Mistral(?: AI)?", "Mistral|Mixtral"),
    "alibaba": ("Alibaba(?: Cloud| Group)?|阿里(?:巴巴|云)", "Qwen|Tongyi Qianwen|通义千问"),
    "baidu": ("Baidu|百度", "ERNIE(?: ?Bot)?|文心一言"),
    "deepseek": ("DeepSeek|深度求索", "DeepSeek"),
    "zhipu": ("Zhipu(?: ?AI)?|Tsinghua KEG|智谱|清华大学", "ChatGLM"),
    "moonshot": ("Moonshot(?: AI)?|月之暗面", "Kimi"),
    "xai": ("xAI", "Grok"),
    "lmsys": ("LMSYS|Large Model Systems Organization", "Vicuna"),
    "laion": ("LAION|Open[- ]?Assistant", "Open[- ]?Assistant"),
}
"""By vendor, expressions for its own names and for those of its assistants."""

MAKERS: Final = "|".join(maker for maker, _ in TEACHERS.values())
MADE: Final = "trained|created|developed|built|made|designed|programmed"

# --- names -----------------------------------------------------------------------------------------------------------

_LATER: Final = r"(?=[^.!?\n]{0,40}\b(?:language model|AI model|chatbot|LMSYS|Anthropic|GPT))"
_NAME: Final = re.compile(
    r"(?i:open ?ai|chat[- ]?gpt)(?![a-z])|(?:InstructGPT|(?i:gpt)[- ]?[2345](?!\d)|GPT-?(?:J|Neo|NeoX)\b)|(?i:text|"
    r"code)-davinci"
    r"|(?i:deep ?mind)\b|(?:LAION|Open[- ]?Assistant|Chat ?GLM|LMSYS|xAI)\b|(?:Qwen|DeepSeek|Mixtral|WizardLM)(?![a-z])"
    r"|(?i:anthropic)\b(?! (?:principle|reasoning|bias|selection|argument|landscape|coincidence))"
    r"|Claude(?:[- ](?:Instant|Opus|Sonnet|Haiku)\b|(?=[- ]?[1-4](?!\d))|\b" + _LATER + r")"
    r"|Mistral AI|Moonshot AI|Zhipu|Bing Chat|(?:GitHub|Microsoft|Bing) Copilot|ERNIE(?:[- ]?Bot\b|[- ]\d)|Meta AI\b"
    r"|Google(?:['’]s)? (?:Bard|Gemini|PaLM|LaMDA|Gemma)\b|Gemini (?:Pro|Ultra|Nano|Flash|Advanced)\b|PaLM\b|LaMDA\b"
    r"|LLaMA\b|Llama[- ]?[234]\b|(?:Vicuna|Alpaca|Guanaco|Llama)-\d+B\b|Vicuna\b"
    + _LATER
    + "|文心一言|通义千问|讯飞星火|智谱"
)


def vendor_name(seen: Seen) -> Iterator[Hit]:
    """Names of assistants and their makers (OpenAI, ChatGPT, GPT-4, Anthropic, DeepMind, LAION, 文心一言 ...).

    Words with another meaning count only where they can mean nothing else: Claude with a version or its maker, Bard and
    Gemini with Google, PaLM and LLaMA in this spelling. Palm trees, bards, llamas, Claude Monet, the anthropic
    principle, and companies that do much else (Google, Baidu, Microsoft) are not counted. A name is no judgement: an
    article on ChatGPT has it as well as a reply that speaks of itself (see ``ai_self_reference``).

    Source: FastChat, Koala and open-instruct drop conversations by such names; the last as substrings in lower case,
    which takes palm trees along.
    """
    done = -1
    for message, start, _ in placed(seen, "vendor_name", "ua"):
        match = _NAME.match(seen.text(message), start) if message != done else None
        if match:
            done = message
            yield hit(message, match)


# --- teachers --------------------------------------------------------------------------------------------------------

_OWN: Final = "|".join(name for _, name in TEACHERS.values())
_AMBIGUOUS: Final = (
    r"(?!(?:Claude|Bard|Gemini|Grok|Kimi|Llama|Mistral|Copilot|Gemma)\b"
    r"(?![^.!?\n]{0,60}\b(?:AI|model|assistant|chatbot)\b))"
)
_I: Final = r"I(?:['’]m| am)"
_SELF: Final = re.compile(
    rf"\b(?:{_I}(?: (?:called|named|known as))?|my name is|(?:call|refer to) me(?: as)?|"
    rf"by the name) {_AMBIGUOUS}({_OWN})(?![\w’'])"
    rf"|\b{_I} an? (?:\w+ ){{0,3}}?(?:model|chatbot|assistant)(?: called| named|,) ({_OWN})(?![\w’'])"
    rf"|\bas {_AMBIGUOUS}({_OWN}), (?:an? [^,.\n]{{1,60}}, )?I\b"
    rf"|\b(?:I(?:['’]m| am| was|['’]ve been| have been)|(?:{_I}|as) (?:an?|your) [^.!?\n]{{0,80}}?|"
    rf"my name is [^.!?\n]{{0,80}}?) ?"
    rf"(?:{MADE})(?: and \w+)? by (?:researchers (?:from|at) |a team (?:from|at) )?(?:the )?({MAKERS})(?!\w)"
    rf"|我(?:叫|是|的名字是)\s?({_OWN})(?=[，。,]|$)|(?:我是|作为)(?:一[个款种名])?由\s?({MAKERS})",
    re.IGNORECASE,
)
_VENDORS: Final = {
    vendor: re.compile(f"(?:{maker}|{name})", re.IGNORECASE) for vendor, (maker, name) in TEACHERS.items()
}


def teachers(seen: Seen) -> Iterator[tuple[int, str]]:
    """Replies that name their own maker ("I am ChatGPT", "trained by OpenAI"), with the vendor; a message once.

    A lower bound of what came from a vendor's model: most replies of a model do not say so. It is evidence of what a
    text says, not of who wrote it: a model trained on such text says the same. Reported speech is not counted.
    """
    for message, match in spotted(seen, "teachers", "a", _SELF):
        yield message, _vendor(next(filter(None, match.groups())))


def _vendor(name: str) -> str:
    return next(vendor for vendor, expression in _VENDORS.items() if expression.fullmatch(name))


FAMILIES: Final = (Family("vendor_name", vendor_name, "ua"),)
_NAMES: Final = (
    "chatgpt|chat gpt|gpt|instructgpt|text davinci|claude|bard|google bard|gemini|google gemini|palm|lamda|llama|"
    "meta ai|copilot|"
    "microsoft copilot|bing copilot|bing chat|mistral|mixtral|qwen|tongyi qianwen|ernie|erniebot|chatglm|kimi|grok|"
    "deepseek|vicuna|"
    "openassistant|open assistant|文心一言|通义千问"
)
_COMPANIES: Final = (
    "openai|open ai|anthropic|google|deepmind|meta|facebook ai|microsoft|mistral|alibaba|baidu|deepseek|zhipu|"
    "tsinghua keg|moonshot|xai|"
    "lmsys|large model systems|laion|open assistant|openassistant"
)
PHRASES: Final = {
    "vendor_name": (
        "(openai|open ai|chatgpt|chatgpts|chatgpt's|openai's|chat gpt|gpt|instructgpt|deepmind|deep mind|laion|"
        "openassistant|"
        "open assistant|anthropic|claude|gemini|palm|lamda|llama|meta ai|chatglm|chat glm|qwen|deepseek|mixtral|vicuna|"
        "alpaca b|guanaco b|"
        "wizardlm|mistral ai|moonshot ai|zhipu|lmsys|xai|bing chat|github copilot|microsoft copilot|bing copilot|ernie|"
        "erniebot|"
        "text davinci|code davinci|文心一言|通义千问|讯飞星火|智谱)",
        "(google|google's) (bard|gemini|palm|lamda|gemma)",
    ),
    "teachers": (
        f"({MADE}|maintained|tuned) by (the|) ({_COMPANIES})",
        f"(researchers|team) (from|at) (the|) ({_COMPANIES})",
        f"(i'm|i am|name is|call me|me as|name|called|named|known as|as) ({_NAMES})",
        f"(model|chatbot|assistant) ({_NAMES})",
        "由(openai|阿里|百度|月之暗面|清华|深度求索|google|anthropic|智谱|meta|microsoft)",
        f"我(是|叫|的名字是)({_NAMES})",
    ),
}
