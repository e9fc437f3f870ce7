"""When defects of messages become a finding: the levels of each family, each with its reason.

Levels are shares of dialogues and come from 47 public files of 100 dialogues or more, model answers and questions of
benchmarks among them. Where most files have none, any is worth knowing, one in a thousand is worth a look and one in
twenty is a failure; what people say as well, or what may be meant, has higher levels and fails at none. Traits (code,
tables, words of a topic) are no defects and make no finding.
"""

from __future__ import annotations

from typing import Final

from ultraqa.reports.thresholds import Rule

_NEARLY_NONE: Final = (0, 0.001, 0.05)
_LEAK: Final = (None, 0, 0.01)
_PERSONAL: Final = (0, 0.01, None)
_READ_ON: Final = "Read the dialogues before you drop them: the words may be asked for."
_PRIVATE: Final = "Numbers of examples count as well. Make a report that is passed on with --no-text."


def _rule(family: str, levels: tuple[float | None, float | None, float | None], said: str, why: str) -> Rule:
    """The rule of a family: levels are those of info, warn and fail; ``said`` goes on after the number of dialogues."""
    sentence = f"{{count}} of {{n}} dialogues ({{share}}) {said}."
    return Rule(family, family, "dialogue", "share", *levels, sentence, why, family)


RULES: Final[tuple[Rule, ...]] = (
    # What a model says of itself.
    _rule(
        "ai_self_reference", (0, 0.01, None), "hold{s} a reply in which a model speaks of itself",
        "A model trained on it speaks so too, in another model's name. Half of 47 public files have none; chats with "
        "ChatGPT and Baize have 9 to 11 %, a set about a model's own identity, where it is meant, 96 %.",
    ),
    _rule(
        "refusal", (0, 0.02, None), "hold{s} a reply that declines what was asked",
        "Few of them teach a model to decline where it need not. Of 47 public files 44 have at most 2 %, a set of tool "
        f"calls 15 %. {_READ_ON}",
    ),
    _rule(
        "disclaimer", (0, 0.02, None), "hold{s} boilerplate that takes a reply's weight back",
        "No opinions, no feelings, no advice, ask an expert: said everywhere it says nothing. Of 47 public files 44 "
        "have at most 2 %, Baize and OpenAssistant 4 to 5 %.",
    ),
    _rule(
        "knowledge_cutoff", (0, 0.01, None), "hold{s} a reply that says when its knowledge ends",
        "The date is another model's and is wrong for the one that is trained. Of 47 public files 42 have none, "
        "ShareGPT in Chinese 1.4 %.",
    ),
    _rule(
        "vendor_name", (0, 0.1, None), "name{s} an assistant or its maker",
        "A name is no judgement, for an article on ChatGPT has it as well; in replies it may become the model's own. "
        "Of 47 public files 45 have at most 5 %, ShareGPT in Chinese 11 %, a set about a model's own identity 100 %.",
    ),
    # Messages out of place.
    _rule(
        "politeness", (0.01, 0.2, None), "hold{s} a round of nothing but thanks",
        "Rounds of thanks add length and no content; people say them too. Of 47 public files 41 have at most 1 %, "
        "persona chats and task dialogues 30 %.",
    ),
    _rule(
        "role_exchange", _NEARLY_NONE, "hold{s} a message in which a speaker takes the other's part",
        "Two models that talk to one another slip into each other's part, and all that follows is learned in the wrong "
        "one. Of 47 public files 46 have none.",
    ),
    _rule(
        "missing_modality", _NEARLY_NONE, "ask{s} for, or refer{s} to, a picture or file that is not there",
        "The reply makes up what is in it, and a model learns to do so. Of 47 public files 42 have none, Alpaca 0.2 %.",
    ),
    _rule(
        "url_only", (0, 0.005, 0.05), "hold{s} a link as the only input",
        "The reply makes up what is behind it, and a model learns to do so. Of 47 public files 42 have none, Alpaca "
        "0.5 %.",
    ),
    _rule(
        "interface_text", _NEARLY_NONE, "hold{s} text of the window it was copied from",
        "Labels of buttons and page counters are learned as part of the message. Of 47 public files 44 have none, "
        "OpenAssistant 2 %, prompts of users copied by hand 7 %.",
    ),
    # What broke on the way.
    _rule(
        "role_leakage", _NEARLY_NONE, "hold{s} the marker of another turn inside a message",
        "A model learns to speak for the user, or to go on after its end. Of 47 public files 43 have none, the answers "
        "of a model that goes on after its end 3.6 %.",
    ),
    _rule(
        "template_tokens", _NEARLY_NONE, "hold{s} a special token or mark of a chat template",
        "A tokenizer takes it for the end or beginning of a turn. Of 47 public files 45 have none, the others less "
        "than 1 %.",
    ),
    _rule(
        "mojibake", (0, 0.005, 0.05), "hold{s} characters that were decoded wrongly",
        "They are learned as they stand; read the source again in its true encoding. Of 47 public files 42 have none, "
        "text of web pages 1.7 %.",
    ),
    _rule(
        "control_characters", (0, 0.02, None), "hold{s} control or invisible characters",
        "Nobody sees them, a tokenizer does. Of 47 public files 35 have none and 45 at most 2 %.",
    ),
    _rule(
        "html", (0, 0.02, None), "hold{s} tags or entities of HTML",
        "They are left from a page and are learned as text. Of 47 public files 32 have none; LIMA has 3 %, prompts of "
        "users copied by hand 8 %.",
    ),
    _rule(
        "placeholder", (0, 0.01, 0.05), "hold{s} a stand-in such as N/A in place of a text",
        "It is learned as an answer. Of 47 public files 40 have none, Alpaca 1.4 %, mostly as an input.",
    ),
    _rule(
        "truecasing", (0, 0.02, None), "hold{s} sentences that begin with small letters",
        "Capitals that were lost on the way teach a model to write so; people who type fast do too. Of 47 public files "
        "45 have at most 2 %, people's chats 15 %.",
    ),
    # Replies that are none.
    _rule(
        "truncation", (0, 0.03, 0.2), "hold{s} a reply that breaks off",
        "A model learns to stop in the middle. A weak signal, for a missing full stop counts. Of 47 public files 44 "
        "have at most 2 %, ShareGPT and raw output of a base model 5 %.",
    ),
    _rule(
        "repetition", (0, 0.01, 0.1), "hold{s} a reply that says the same again and again",
        "A model learns to loop. Of 47 public files 34 have none and 44 at most 0.5 %, answers of small models 2 to "
        "3 %, raw output of a base model 93 %.",
    ),
    _rule(
        "prompt_echo", _NEARLY_NONE, "hold{s} a reply that says the message before it again",
        "A model learns to repeat instead of to answer. Of 47 public files 46 have none.",
    ),
    _rule(
        "language_mismatch", (0, 0.005, 0.05), "hold{s} a reply in a language that the user does not speak",
        "A model learns to change the language. Of 47 public files 44 have none, ShareGPT in Chinese 0.6 %.",
    ),
    # Personal data.
    _rule(
        "pii_email", _PERSONAL, "hold{s} an e-mail address",
        f"A model can recite what it saw often. Of 47 public files 22 have none and 44 at most 1.1 %. {_PRIVATE}",
    ),
    _rule(
        "pii_phone", _PERSONAL, "hold{s} a telephone number",
        f"A model can recite what it saw often. Of 47 public files 21 have none and 45 at most 1 %. {_PRIVATE}",
    ),
    _rule(
        "pii_ip", (0, 0.001, None), "hold{s} an IP address that may be somebody's",
        f"It can name a household or a server. Of 47 public files 46 have none. {_PRIVATE}",
    ),
    _rule(
        "pii_card", _LEAK, "hold{s} the number of a payment card",
        f"One is one too many: its check digit is right. Of 47 public files 45 have none. {_PRIVATE}",
    ),
    _rule(
        "pii_iban", _LEAK, "hold{s} the number of a bank account",
        f"One is one too many: its check digits are right. None of 47 public files has one. {_PRIVATE}",
    ),
    _rule(
        "pii_secret", _LEAK, "hold{s} a key or token",
        f"Whoever has the model may get it to say it: have it revoked. Of 47 public files 46 have none. {_PRIVATE}",
    ),
)  # fmt: skip

NAMES: Final = frozenset(rule.finding for rule in RULES)
"""Findings of families, which a terminal puts together where they are rare."""
