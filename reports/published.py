"""The UltraChat table: statistics that its authors published for eight datasets, as constants with their caveats.

Source: Ding et al., "Enhancing Chat Language Models by Scaling High-quality Instructional Conversations", EMNLP 2023,
Table 4 (arXiv 2305.14233v1, Table 5). The rows are never mixed with measured ones: the paper states neither its
tokenizer nor its embedding model, and two of its columns carry a name that says something else.
"""

from __future__ import annotations

from ultraqa.analysis.metric import Result

SOURCE = (
    "Ding et al., Enhancing Chat Language Models by Scaling High-quality Instructional Conversations, "
    "EMNLP 2023, Table 4 (arXiv 2305.14233v1, Table 5)"
)

VERSION = "published, EMNLP 2023"

# What a column holds, against what the paper calls it. One note a column, one more for single cells in _CELL.
_COLUMNS: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("dialogues", "dataset", "value", "dialogues", "#Dialogue", "number of dialogues"),
    (
        "rounds",
        "dialogue",
        "mean",
        "rounds",
        "Avg #Turns",
        "rounds (a user message and its answer), not turns: SODA's own paper counts 7.6 utterances, this prints 3.6",
    ),
    (
        "tokens",
        "dialogue",
        "mean",
        "tokens",
        "Avg Dialog Length",
        "the tokenizer is not stated; the counts agree with LLaMA's, and seem to include role markers or a template "
        "(Alpaca's bare text has 84.6)",
    ),
    (
        "tokens",
        "assistant",
        "mean",
        "tokens",
        "Avg Utt. Length",
        "assistant messages only, though the paper says utterance; the tokenizer is not stated, "
        "the counts agree with LLaMA's",
    ),
    (
        "mtld_paper",
        "assistant",
        "mean",
        "",
        "Lexical Diversity",
        "mean MTLD of LexicalRichness at .72 over assistant messages, undefined ones left out; "
        "short answers lower it whatever their vocabulary",
    ),
    (
        "topic_similarity",
        "dialogue",
        "mean",
        "cosine",
        "Topic Diversity",
        "mean pairwise cosine similarity of 10,000 dialogues (lower = more diverse), printed as a distance; "
        "the embedding model is not named",
    ),
    (
        "coherence_judge",
        "dialogue",
        "mean",
        "points of 10",
        "Coherence",
        "scored 1-10 by ChatGPT on 10,000 dialogues; the prompt is not published",
    ),
)

_ROWS: tuple[tuple[str, tuple[float | None, ...]], ...] = (
    ("Self-Instruct", (82439, 1, 69.8, 29.2, 24.9, 0.733, None)),
    ("Stanford Alpaca", (52002, 1, 91.1, 64.5, 42.8, 0.727, None)),
    ("SODA", (1486869, 3.6, 231.8, 22.5, 38.6, 0.797, 8.48)),
    ("GPT-4-LLM", (61002, 1, 179.6, 142.9, 48.9, 0.721, None)),
    ("BELLE", (1436679, 1, 102.3, 63.3, 35.9, 0.771, None)),
    ("Baize", (210311, 3.1, 293.9, 52.8, 67.1, 0.751, 9.06)),
    ("GPT4ALL", (711126, 1, 597.7, 318.9, 62.7, 0.692, None)),
    ("UltraChat", (1468352, 3.8, 1467.4, 309.3, 74.3, 0.702, 9.06)),
)

_CELL = {
    ("SODA", "dialogues"): "SODA's card says 1,486,896: two digits are swapped in print",
    ("GPT-4-LLM", "dialogues"): "52,002 Alpaca prompts and 9,000 Unnatural Instructions",
    ("Baize", "dialogues"): "its Alpaca, medical, Quora and StackOverflow parts together",
    ("Baize", "tokens"): "the dialogue length probably counts the [|Human|] and [|AI|] markers and the preamble",
    (
        "BELLE",
        "mtld_paper",
    ): "Chinese: LexicalRichness takes a sentence for one word, so this is no measure of vocabulary",
}


def notes() -> list[tuple[str, str]]:
    """What the columns and some cells of the table really hold: (column or dataset, caveat)."""
    columns = [(f"{metric}, {scope}, printed as “{name}”", text) for metric, scope, _, _, name, text in _COLUMNS]
    cells = [(f"{dataset}, {metric}", caveat) for (dataset, metric), caveat in _CELL.items()]
    return [*columns, *cells]


def paper_name(metric: str, scope: str) -> str:
    """What the UltraChat table calls a column, empty for those it does not have."""
    return next((column[4] for column in _COLUMNS if column[:2] == (metric, scope)), "")


def _result(dataset: str, column: tuple[str, str, str, str, str, str], value: float | None) -> Result:
    metric, scope, statistic, unit, name, caveat = column
    notes = [f"printed as “{name}”: {caveat}"]
    if value is None:
        notes = ["not published: only multi-turn datasets were scored"]
    elif (dataset, metric) in _CELL and not (metric == "tokens" and scope != "dialogue"):
        notes.append(_CELL[dataset, metric])
    return Result(
        dataset=f"{dataset} (published)",
        metric=metric,
        scope=scope,
        statistic=statistic,
        value=value,
        unit=unit,
        version=VERSION,
        note="; ".join(notes),
    )


PUBLISHED: tuple[Result, ...] = tuple(
    _result(dataset, column, value) for dataset, values in _ROWS for column, value in zip(_COLUMNS, values, strict=True)
)
