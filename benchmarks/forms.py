"""The two forms of the synthetic corpus: how a dialogue stands in its line, and how long its parts are."""

from __future__ import annotations

from typing import NamedTuple


class Form(NamedTuple):
    """How a dialogue is written as a JSON line, and how long its parts are.

    Attributes:
        start: what opens a line.
        joints: what stands before a middle part, the last part, and the last of only two.
        end: what closes a line.
        rounds: weights of 1, 2, … rounds; without any, a line is an instruction, at times an input, and an output.
        places: mean places (of about 12 bytes) of a user's and an assistant's part.
        spread: standard deviations of their logarithms.
        alphabets: shares of dialogues in ASCII, with typographic characters, with other scripts too.
        block: dialogues drawn at once, about 1.7 MB.
    """

    start: str
    joints: tuple[str, str, str]
    end: str
    rounds: tuple[float, ...]
    places: tuple[float, float]
    spread: tuple[float, float]
    alphabets: tuple[float, float, float]
    block: int


FORMS = {
    "ultrachat": Form(
        start='{{"id": "{}", "data": ["',
        joints=('", "', '", "', '", "'),
        end='"]}',
        rounds=(11, 15, 18, 18, 16, 13, 9),
        places=(10.5, 99),
        spread=(0.8, 0.7),
        alphabets=(0.5, 0.47, 0.03),
        block=250,
    ),
    "alpaca": Form(
        start='{{"instruction": "',
        joints=('", "input": "', '", "output": "', '", "input": "", "output": "'),
        end='"}',
        rounds=(),
        places=(3, 19),
        spread=(0.6, 1.0),
        alphabets=(0.9, 0.09, 0.01),
        block=4000,
    ),
}
