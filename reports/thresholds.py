"""When a number becomes a finding: one table of levels, each with its reason.

A level is exceeded, not reached; 0 means "any at all". Levels of scores come from 34 files of public chat data and of
model answers that were measured with this tool (Alpaca, LIMA, ShareGPT, Baize, OpenAssistant, GPTeacher, Topical-Chat,
AlpacaEval answers of eight models and others): the ranges that the reasons name are theirs.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """One number that is watched.

    Attributes:
        finding: name of the finding.
        metric: metric of the Result that is watched.
        scope: its scope.
        statistic: its statistic.
        info: level above which it is worth knowing, None for never.
        warn: level above which it is worth a look.
        fail: level above which training on the data as it is would be a mistake.
        sentence: what is said, with {count}, {n}, {share}, {value}, {budget}, and {s} for the verb of a single one.
        why: why it matters and where the levels come from.
        column: column of ``dialogues()`` by which the worst dialogues are found, empty for none.
        worst: which of them are the worst, see ``measured.worst_rows``.
        below: whether the number must stay above its levels instead of below.
        missing: why there may be no such number.
    """

    finding: str
    metric: str
    scope: str
    statistic: str
    info: float | None
    warn: float | None
    fail: float | None
    sentence: str
    why: str
    column: str = ""
    worst: str = "high"
    below: bool = False
    missing: str = "no such number in the profile"


_NOT_SOUGHT = "not sought: the profile was made with --duplicates none, or before near-duplicates were sought"
_LOST = "More than one dialogue in twenty lost without a word is a failure."

RULES: tuple[Rule, ...] = (
    Rule(
        "empty_messages", "empty_messages", "dialogue", "share", None, 0, 0.01,
        "{count} of {n} dialogues ({share}) hold{s} an empty message.",
        "An empty reply teaches silence, and trainers differ: some cut the dialogue there, some train on nothing. "
        "Above 1 % it is no accident of single records but of the export.",
        "empty_messages",
    ),
    Rule(
        "starts_with_assistant", "starts_with_assistant", "dialogue", "share", None, 0, 0.05,
        "{count} of {n} dialogues ({share}) begin{s} with the assistant.",
        f"LLaMA-Factory skips such a dialogue with a line in its log only, FastChat cuts the message off. {_LOST}",
        "starts_with_assistant",
    ),
    Rule(
        "consecutive_roles", "consecutive_roles", "dialogue", "share", None, 0, 0.05,
        "{count} of {n} dialogues ({share}) let{s} one side speak twice in a row.",
        f"LLaMA-Factory and FastChat want strict alternation and drop what breaks it. {_LOST}",
        "consecutive_roles",
    ),
    Rule(
        "ends_with_user", "ends_with_user", "dialogue", "share", None, 0, 0.05,
        "{count} of {n} dialogues ({share}) end{s} with a message of the user that nobody answers.",
        f"There is nothing to learn from it, and LLaMA-Factory skips dialogues of odd length. {_LOST}",
        "ends_with_user",
    ),
    Rule(
        "no_assistant", "no_assistant", "dialogue", "share", None, 0, 0.05,
        "{count} of {n} dialogues ({share}) hold{s} no message of the assistant.",
        "Supervised fine-tuning has no target there: a set of prompts is not a set of dialogues.",
        "no_assistant",
    ),
    Rule(
        "unknown_roles", "unknown_roles", "dialogue", "share", None, 0, 0.05,
        "{count} of {n} dialogues ({share}) hold{s} a turn whose role is not known.",
        f"Such turns enter no number here, and trainers skip or misread them. {_LOST}",
        "unknown_roles",
    ),
    Rule(
        "tool_messages", "tool_messages", "dialogue", "share", 0, None, None,
        "{count} of {n} dialogues ({share}) hold{s} tool calls or tool results.",
        "They are counted apart and enter no other number: check that your trainer's template knows them.",
        "tool_messages",
    ),
    Rule(
        "repeated_dialogues", "exact_duplicates", "dialogue", "share", None, 0.001, 0.05,
        "{count} of {n} dialogues ({share}) repeat{s} an earlier one word for word.",
        "Copies are learned by heart and count twice in every average. One in a thousand is worth a look; "
        "of 34 public files one has 13 %, the others have 0 to 2 %.",
        "content_hash", "copies",
    ),
    Rule(
        "repeated_prompts", "exact_duplicates", "prompt", "share", None, 0.05, 0.8,
        "{count} of {n} prompts ({share}) repeat{s} an earlier one: the dialogues open narrowly.",
        "Many answers to one prompt can be meant (ranked or sampled answers), but then the set covers fewer subjects "
        "than its size says.",
        "prompt_hash", "copies",
    ),
    Rule(
        "repeated_replies", "exact_duplicates", "assistant", "share", None, 0.1, 0.5,
        "{count} of {n} assistant messages ({share}) repeat{s} an earlier one word for word.",
        "Stock answers. Most public files have 0 to 7 %, tool calling and task dialogues 11 to 22 %, a set about the "
        "model's own identity 97 %.",
        "exact_duplicates_assistant",
    ),
    # 51 files of public chat data, answers and benchmarks were searched. Copies fail from 5 % on; of dialogues that are
    # only similar twice as much may stand.
    Rule(
        "near_duplicate_dialogues", "near_duplicates", "dialogue", "share", 0.001, 0.01, 0.1,
        "{count} of {n} dialogues ({share}) repeat{s} another one with few words changed.",
        "They teach what the kept one teaches, and a random split puts one into the training data, one into the test. "
        "Of 51 public files 49 have fewer than 1 %, tool calls 4 %; one in ten means that the set is smaller than it "
        "says.",
        "duplicate_of", "near", missing=_NOT_SOUGHT,
    ),
    # Prompts are short and are asked again by chance, so their levels lie higher, as those of copies do.
    Rule(
        "near_duplicate_prompts", "near_duplicates", "prompt", "share", 0.01, 0.05, 0.5,
        "{count} of {n} prompts ({share}) repeat{s} another one with few words changed.",
        "A form filled in again and again asks one thing many times. Of 51 public files 37 have fewer than 1 %; "
        "counselling and small talk, which open with greetings, have 5 to 24 %.",
        "duplicate_of_prompt", "near", missing=_NOT_SOUGHT,
    ),
    Rule(
        "over_4096_tokens", "tokens_over_4096", "dialogue", "share", 0, 0.01, None,
        "{count} of {n} dialogues ({share}) are longer than 4,096 tokens.",
        "Many training recipes use a window of 4,096 tokens or less: what lies behind is cut off, often in the middle "
        "of an answer.",
        "tokens",
    ),
    Rule(
        "low_lexical_diversity", "mtld", "assistant", "mean", None, 45, None,
        "The assistant's lexical diversity is low: mtld {value} on average over {n} messages of 50 words or more.",
        "23 public files of prose lie between 49 and 101; code falls to 25, a model that loops to 23.",
        "mtld_assistant", "low", below=True,
    ),
    Rule(
        "looping_replies", "duplicated_5grams", "assistant", "p95", None, 0.2, 0.5,
        "In one assistant message of twenty, {share} or more of the five-word sequences are repeated.",
        "ShareGPT has 17 % at this point, most public files under 10 %; answers of models that loop have 23 to 99 %. "
        "Tables and code repeat too.",
        "duplicated_5grams_assistant",
    ),
    Rule(
        "templated_replies", "compression_ratio", "assistant", "value", None, 4.0, 8.0,
        "The assistant's words compress {value} times over (at {budget} words): its replies follow templates.",
        "Most public files lie between 2.8 and 3.9. One in which half of the answers open alike has 4.0, task "
        "dialogues made from templates 4.8, a model that loops 24, a set of a few hundred stock answers 43.",
    ),
    Rule(
        "off_topic_replies", "relevance_context", "assistant", "auc", 0.9, 0.75, 0.6,
        "Replies fit all that was said before them weakly: among replies of other dialogues they rank at {value} "
        "(1 = the best fit, 0.5 = chance).",
        "Public files of questions and answers lie between 0.96 and 0.99, small talk and task dialogues between 0.70 "
        "and 0.79 because any reply would do there; replies exchanged between dialogues lie at 0.5.",
        "off_topic",
        below=True,
    ),
)  # fmt: skip

# A mean over fewer messages than this, or over a smaller part of them, is no verdict on a dataset.
ENOUGH, ENOUGH_SHARE = 30, 0.05

# Undefined mtld: above one in five its mean no longer speaks for the whole set, above one half it is a minority's.
COVERAGE_INFO, COVERAGE_WARN = 0.2, 0.5
COVERAGE_WHY = (
    "Its mean speaks for the other messages only, mostly the long ones. Compare distinct_2 or missing_mass_1, which "
    "use every reply."
)

# Unreadable records: any is worth a look; more than one in a hundred means a wrong format or a broken export.
UNREADABLE_FAIL = 0.01
UNREADABLE_WHY = (
    "They are in no other number; findings.parquet in the Profile's folder names each with its line and reason. "
    "More than one in a hundred means a broken export or a wrong format."
)

# A language that is clearly the main one, and a rest that is too large to be noise of the language identification.
MAIN_LANGUAGE, MINORITY = 0.8, 0.01
LANGUAGE_WHY = (
    "A small share of other languages is rarely meant: it comes from the source. Below 1 % it may be the language "
    "identification's own error."
)

# Dialogues more than half of whose five-word sequences many others have: of 51 public files 48 have none or next to
# none, one of medical advice under one instruction has 11 %, a set made from stock answers 83 %.
MOSTLY_TEMPLATE = 0.5
TEMPLATED_INFO, TEMPLATED_WARN, TEMPLATED_FAIL = 0.01, 0.1, 0.5
TEMPLATED_WHY = (
    "What stands in every dialogue is learned by heart and says nothing of any of them. It took no part in the search "
    "for near-duplicates: by it all of these dialogues would resemble one another."
)

# Any question of a benchmark is worth a look, for a few of them are said by chance; more than one dialogue in a hundred
# is no chance, and scores on that benchmark are no longer worth reporting.
CONTAMINATED_FAIL = 0.01
CONTAMINATED_WHY = (
    "A model trained on it has seen the test: scores on that benchmark overstate what it can do. Leave these dialogues "
    "out, or do not report the benchmark. Short or common questions are also asked by chance: read the matches."
)

# Chance copies (greetings, one-line tasks) stay below one in a hundred; more is a common source.
OVERLAP_WARN = 0.01
OVERLAP_WHY = (
    "Mixed together, these dialogues count twice; as training and test data, they leak. Comparisons between the two "
    "datasets are partly comparisons of the same dialogues."
)

# Under 200 distinct dialogues intervals are wide and shares coarse.
FEW_DIALOGUES = 200
FEW_WHY = "Intervals are wide and every share is coarse; most corpus statistics need at least 10,000 words."

# What readers note on single dialogues: severity, sentence, reason.
NOTICES: dict[str, tuple[str, str, str]] = {
    "lone_surrogates": (
        "warn",
        "{count} of {n} dialogues ({share}) hold{s} half a surrogate pair, read as the replacement character.",
        "The text was cut inside a character, usually an emoji; many JSON readers refuse such a file.",
    ),
    "nan": (
        "info",
        "{count} of {n} dialogues ({share}) come{s} from a record with NaN, which is not JSON; it was read as null.",
        "Strict JSON readers refuse such a file.",
    ),
    "dangling_user": (
        "info",
        "{count} of {n} dialogues ({share}) had an empty user turn at the end, which was left out.",
        "The format ends with the mark of the next user message; it is no message.",
    ),
    "many_speakers": (
        "info",
        "{count} of {n} dialogues ({share}) had more than two speakers.",
        "They were given roles by their order of speaking, which says little about who asks and who answers.",
    ),
    "speakers": (
        "info",
        "{count} of {n} dialogues ({share}) name{s} no roles: the first speaker was taken for the user.",
        "Numbers by role mean first and second speaker here.",
    ),
}
OTHER_NOTICE = "The reader noted “{name}” in {count} of {n} dialogues ({share})."
