"""Exact duplicates are what a dict of earlier texts finds."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from ultraqa.analysis.duplicates import exact_duplicates


@given(hashes=st.lists(st.sampled_from((0, 2, 3, 4, 5)) | st.integers(2, 2**64 - 1), max_size=200))
@example(hashes=[])
@example(hashes=[0, 0, 0])
@example(hashes=[2**64 - 1, 2**63, 2**64 - 1, 2**63])
def test_each_text_points_at_the_first_equal_one(hashes: list[int]) -> None:
    """First of its kind: -1; a later one: the first's index; a hash of 0 stands for no text and equals nothing."""
    first: dict[int, int] = {}
    wanted = [-1 if first.setdefault(h, i) == i or not h else first[h] for i, h in enumerate(hashes)]
    assert exact_duplicates(np.array(hashes, np.uint64)).tolist() == wanted
