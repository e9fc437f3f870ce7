"""Coherence from vectors: plain-Python oracles, planted faults, and real dialogues against exchanged ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import ultraqa
from ultraqa.analysis import relevance
from ultraqa.analysis.drawn import embedded
from ultraqa.analysis.part import part_of
from ultraqa.analysis.vectors import space, units

if TYPE_CHECKING:
    from pathlib import Path

    from ultraqa.analysis.profile import Profile

SUBJECTS = {
    "bread": ["bread", "oven", "flour", "dough", "yeast", "bake", "crust", "kneading", "loaf", "butter"],
    "stars": ["star", "galaxy", "telescope", "planet", "orbit", "astronomy", "comet", "nebula", "moon", "sky"],
    "money": ["bank", "interest", "loan", "money", "saving", "tax", "credit", "mortgage", "budget", "invest"],
    "sport": ["football", "goal", "team", "player", "referee", "score", "league", "coach", "match", "stadium"],
}  # fmt: skip


def dialogues(n: int, rounds: int, *, exchanged: bool = False, seed: int = 0) -> list[dict[str, Any]]:
    """Dialogues that keep to one of four subjects; ``exchanged`` gives every reply another subject."""
    rng, names = np.random.default_rng(seed), list(SUBJECTS)
    found = []
    for i in range(n):
        subject = names[i % 4]
        other = names[(i + 1 + i // 4 % 3) % 4] if exchanged else subject
        messages = []
        for _ in range(rounds):
            for role, of, start in (("user", subject, "what about the"), ("assistant", other, "there is a")):
                chosen = rng.choice(SUBJECTS[of], 5)
                messages.append({"role": role, "content": f"{start} {' and the '.join(chosen)} number {i}"})
        found.append({"messages": messages})
    return found


def rows(profile: Profile) -> dict[tuple[str, str, str], float | None]:
    """Values by metric, scope and statistic."""
    return {(row.metric, row.scope, row.statistic): row.value for row in profile.rows()}


def test_replies_to_their_own_message_rank_first_and_exchanged_ones_last() -> None:
    """Matched subjects rank near the top; where every reply is of another subject its rank falls below chance."""
    kept = rows(ultraqa.profile(dialogues(48, 2), name="kept", tokens="none"))
    lost = rows(ultraqa.profile(dialogues(48, 2, exchanged=True), name="lost", tokens="none"))
    assert (kept["relevance", "assistant", "auc"] or 0) > 0.8
    assert (lost["relevance", "assistant", "auc"] or 1) < 0.5
    assert kept["off_topic", "dialogue", "share"] == 0
    assert (lost["off_topic", "dialogue", "share"] or 0) > 0.5


def test_percentiles_are_those_of_a_loop_over_pairs() -> None:
    """For every reply: the share of replies of other dialogues less like the message before it, to 1e-6."""
    profile = ultraqa.profile(dialogues(30, 2), name="pairs", tokens="none")
    part = part_of(profile)
    found = space(part)
    assert found is not None
    centred = relevance._centred(found.messages, part)
    before = np.zeros_like(centred)
    before[1:] = centred[:-1]
    ranks = relevance.percentiles(part, centred, before, 1)
    for i in np.flatnonzero(part.roles == 1):
        others = [j for j in np.flatnonzero(part.roles == 1) if part.owner[j] != part.owner[i]]
        own = float(centred[i] @ centred[i - 1])
        similar = centred[others] @ centred[i - 1]
        assert ranks[i] == pytest.approx((similar < own).mean(), abs=0.02)  # ties are told apart by rounding
    assert np.isnan(ranks[part.roles == 0]).all()


def test_a_context_fades_by_half_with_every_message() -> None:
    """As a loop over the messages has it, to 1e-3: what lies more than twelve messages back weighs less than that."""
    rng = np.random.default_rng(0)
    centred = units(rng.normal(size=(50, 8)).astype(np.float32))
    owner = np.repeat([0, 1, 2], [1, 9, 40])
    found = relevance._contexts(centred, owner)
    for i in range(50):
        context = np.zeros(8)
        for j in np.flatnonzero((owner == owner[i]) & (np.arange(50) < i)):
            context = 0.5 * context + centred[j]
        wanted = context / np.linalg.norm(context) if context.any() else context
        assert np.abs(found[i] - wanted).max() < 1e-3


def test_a_few_dialogues_have_no_rank() -> None:
    """Percentiles among fewer than ten other dialogues would say nothing: undefined, with the reason."""
    profile = ultraqa.profile(dialogues(6, 2), name="few", tokens="none")
    found = {(row.metric, row.statistic): row for row in profile.rows()}
    assert found["relevance", "auc"].value is None
    assert "10 other dialogues" in found["relevance", "mean"].note


def test_the_order_of_turns_is_told_where_each_leads_to_the_next() -> None:
    """A dialogue that walks from subject to subject has its order; the same messages shuffled have none."""
    walks, mixed, rng = [], [], np.random.default_rng(3)
    for i in range(40):
        names = list(np.roll(list(SUBJECTS), i))
        texts = [
            f"the {' and the '.join(SUBJECTS[names[k // 2]])} {i}" for k in range(8)
        ]  # each subject in a question and its answer
        order = rng.permutation(8)
        for some, chosen in ((walks, texts), (mixed, [texts[k] for k in order])):
            some.append({"messages": [
                {"role": "user" if k % 2 == 0 else "assistant", "content": text} for k, text in enumerate(chosen)
            ]})  # fmt: skip
    told = rows(ultraqa.profile(walks, name="walks", tokens="none"))
    lost = rows(ultraqa.profile(mixed, name="mixed", tokens="none"))
    assert (told["turn_order", "dialogue", "auc"] or 0) > 0.95
    assert 0.3 < (lost["turn_order", "dialogue", "auc"] or 0) < 0.7


def test_columns_of_drift_and_adjacency_are_those_of_plain_cosines() -> None:
    """Of every dialogue, to 1e-3: vectors are kept in half precision."""
    profile = ultraqa.profile(dialogues(20, 3), name="plain", tokens="none")
    found = space(part_of(profile))
    assert found is not None
    vectors = found.messages.reshape(20, 6, -1)
    adjacent = (vectors[:, 1:] * vectors[:, :-1]).sum(axis=2).mean(axis=1)
    drift = (vectors[:, 0] * vectors[:, 1]).sum(axis=1) - (vectors[:, 0] * vectors[:, 5]).sum(axis=1)
    assert np.abs(profile.column("adjacent_similarity") - adjacent).max() < 1e-3
    assert np.abs(profile.column("drift") - drift).max() < 1e-3


def test_the_follow_ups_of_a_user_maintain_or_shift_the_topic() -> None:
    """Follow-ups on the subject maintain it, follow-ups on another subject do not."""
    kept = rows(ultraqa.profile(dialogues(48, 3), name="kept", tokens="none"))
    shifted = dialogues(48, 3)
    for i, record in enumerate(shifted):
        other = list(SUBJECTS.values())[(i + 2) % 4]
        record["messages"][2]["content"] = f"now something else: {' and the '.join(other[:5])}"
    found = rows(ultraqa.profile(shifted, name="shifted", tokens="none"))
    shares = [kept[kind, "user", "share"] or 0 for kind in ("topic_maintenance", "topic_drift", "topic_shift")]
    assert sum(shares) == pytest.approx(1, abs=1e-9)
    assert (found["topic_shift", "user", "share"] or 0) > shares[2] + 0.1


@pytest.mark.parametrize(
    ("file", "alone", "in_context"),
    [("sharegpt/sharegpt_train_small.jsonl", 0.93, 0.98), ("baize/train_conversation.jsonl", 0.93, 0.98)],
)
def test_replies_of_published_dialogues_are_told_from_others(
    file: str, alone: float, in_context: float, real_data: Path, tmp_path: Path
) -> None:
    """The AUC of matched against all other replies, by the message before alone and with all before it."""
    profile = ultraqa.profile(real_data / "data" / file, tmp_path / "a.ultraqa", tokens="none")
    found = rows(profile)
    assert (found["relevance", "assistant", "auc"] or 0) >= alone
    assert (found["relevance_context", "assistant", "auc"] or 0) >= in_context


def test_dialogues_in_another_language_are_undefined_and_counted(real_data: Path, tmp_path: Path) -> None:
    """Of a Chinese set nothing is measured with an English encoder, and the reason names what would."""
    file = real_data / "data" / "sharegpt" / "sharegpt_zh_1K_format.jsonl"
    profile = ultraqa.profile(file, tmp_path / "a.ultraqa", tokens="none")
    found = [row for row in profile.rows() if row.metric in ("topic_similarity", "vendi", "relevance")]
    assert {row.metric for row in found} == {"topic_similarity", "vendi", "relevance"}
    assert all(row.value is None and "not in en" in row.note and "--embedder lsa" in row.note for row in found)
    assert embedded(part_of(profile)) is None
