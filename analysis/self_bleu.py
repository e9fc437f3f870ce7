"""Self-BLEU: how much of each text could have been written by quoting the others."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from math import exp, fsum, log
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_ORDERS: Final = (1, 2, 3, 4)
_EPSILON: Final = 0.1  # of nltk's SmoothingFunction().method1, which stands for 0 n-grams in common


def self_bleu_4(messages: Sequence[Sequence[int]]) -> float | None:
    """Mean BLEU-4 of each text against all the others: how much the texts repeat each other's wording.

    0 to 1, lower = more varied. Orders 1 to 4 weigh the same; an order without a common n-gram counts 0.1 of one
    (method 1 of Chen & Cherry 2014, as nltk has it); a text shorter than the other of closest length is penalised. It
    rises with the number of texts and depends on their length: compare only samples of equal number, of the same kind.
    None for fewer than two texts.

    Source: Zhu et al. 2018, Texygen, SIGIR, section 3; Papineni et al. 2002, ACL.

    Args:
        messages: the texts, each as its word ids.
    """
    if len(messages) < 2:
        return None
    precisions = [_precisions(messages, n) for n in _ORDERS]
    lengths = sorted(map(len, messages))
    scores = []
    for i, message in enumerate(messages):
        if precisions[0][i] > 0:  # without a common word there is nothing to smooth
            logs = (log(order[i]) / len(_ORDERS) for order in precisions)
            scores.append(exp(fsum(logs) + min(0.0, 1 - _closest(lengths, len(message)) / len(message))))
    return fsum(scores) / len(messages)


def _precisions(messages: Sequence[Sequence[int]], n: int) -> list[float]:
    """Share of each text's n-grams that one of the others has as often, smoothed above order 1.

    What all others have at most follows from the two largest counts of an n-gram over all texts, so that the cost is
    linear in the words and not quadratic in the texts.
    """
    counts = [Counter(zip(*(message[i:] for i in range(n)), strict=False)) for message in messages]
    largest: dict[tuple[int, ...], int] = {}
    second: dict[tuple[int, ...], int] = {}
    for grams in counts:
        for gram, count in grams.items():
            top = largest.get(gram, 0)
            if count > top:
                largest[gram], second[gram] = count, top
            elif count > second[gram]:
                second[gram] = count
    found = []
    for grams in counts:
        common = sum(count if count < largest[gram] else second[gram] for gram, count in grams.items())
        found.append((common or (_EPSILON if n > 1 else 0)) / max(1, grams.total()))
    return found


def _closest(lengths: Sequence[int], length: int) -> int:
    """The length nearest to that of a text among the other texts, the shorter of two as near."""
    at = bisect_left(lengths, length)
    others = [*lengths[max(0, at - 1) : at], *lengths[at + 1 : at + 2]]  # one text of this length is the text itself
    return min(others, key=lambda other: (abs(other - length), other))
