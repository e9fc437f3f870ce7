"""Scanner of JSON text: where each element of an array or member of an object begins and ends, at memory speed.

It reads structure only (strings, escapes, brackets), never values, so a broken element is still one element and does
not take its neighbours with it. Self-contained, because numba caches a compiled function by the text of its own file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Places in the state that is carried from block to block; STATE_SIZE int64 in all, fresh from `new_state`.
DEPTH = 0  # open brackets inside the current item
IN_STRING = 1
ESCAPED = 2  # the byte before was an unpaired backslash in a string
ITEM = 3  # offset of the current item's first byte, -1 between items
LAST = 4  # one past the last byte of the current item that is not white space
CLOSED = 5  # 1 after the bracket that closes the whole
POSITION = 6  # offset of the next byte to read
LINE = 7  # newlines before it
ITEM_LINE = 8  # newlines before the current item
KINDS = 9  # one bit for each open bracket up to 62 deep, 1 for a brace
STATE_SIZE = 10

_NESTING = 62


def new_state(start: int) -> NDArray[np.int64]:
    """The state at the first byte after an opening bracket, or of an item, at offset ``start``."""
    state = np.zeros(STATE_SIZE, np.int64)
    state[ITEM] = -1
    state[LAST] = state[POSITION] = start
    return state


@njit(cache=True, nogil=True)
def scan(  # noqa: C901, PLR0912, PLR0915  (one loop, because numba inlines no function that shares its state)
    block: NDArray[np.uint8],
    words: NDArray[np.uint64],
    base: int,
    closer: int,
    state: NDArray[np.int64],
    found: NDArray[np.int64],
) -> int:
    """Find the items that end in a block; stops early when ``found`` is full or the whole is closed.

    Items are separated by commas outside all brackets. A newline inside a string ends the string, since JSON has none
    there, and a closing bracket that matches no open one is ignored: so damage stays in its own item, mostly.

    Args:
        block: bytes at the offsets from ``base`` on.
        words: the same bytes eight at a time, as many whole words as there are.
        base: offset of the block's first byte.
        closer: the byte that closes the whole, ``]`` or ``}``; 0 for values one after another without brackets.
        state: see the constants of this module; changed in place.
        found: filled with start, end and line of each item, shape (capacity, 3).

    Returns:
        How many items were found.
    """
    depth, in_string, escaped = state[DEPTH], state[IN_STRING], state[ESCAPED]
    item, last, line, item_line, kinds = state[ITEM], state[LAST], state[LINE], state[ITEM_LINE], state[KINDS]
    ones = np.uint64(0x0101010101010101)
    high = np.uint64(0x8080808080808080)
    quotes = np.uint64(0x2222222222222222)
    backslashes = np.uint64(0x5C5C5C5C5C5C5C5C)
    newlines = np.uint64(0x0A0A0A0A0A0A0A0A)
    count = 0
    i = state[POSITION] - base
    while i < len(block) and count < len(found):
        if in_string:
            if i & 7 == 0 and not escaped:
                w = i >> 3
                while w < len(words):
                    word = words[w]
                    q, b, n = word ^ quotes, word ^ backslashes, word ^ newlines
                    if (((q - ones) & ~q) | ((b - ones) & ~b) | ((n - ones) & ~n)) & high:
                        break
                    w += 1
                if w << 3 > i:
                    i = w << 3
                    continue
            c = block[i]
            i += 1
            if c == 0x0A:
                line += 1
                in_string = escaped = 0
                last = base + i
            elif escaped:
                escaped = 0
            elif c == 0x5C:
                escaped = 1
            elif c == 0x22:
                in_string = 0
                last = base + i
            continue
        c = block[i]
        i += 1
        ends = False
        if c in (0x22, 0x7B, 0x5B):
            if item < 0:
                item, item_line = base + i - 1, line
            if c == 0x22:
                in_string = 1
            else:
                if depth < _NESTING:
                    kinds = (kinds & ~(1 << depth)) | ((1 if c == 0x7B else 0) << depth)
                depth += 1
        elif c in (0x7D, 0x5D):
            if depth > _NESTING:
                depth -= 1
            elif depth > 0:
                kind = 1 if c == 0x7D else 0
                d = depth
                while d > 0 and (kinds >> (d - 1)) & 1 != kind:
                    d -= 1
                if d > 0:
                    depth = d - 1
                    if depth == 0:
                        last = base + i
                        ends = closer == 0
            elif c == closer:
                state[CLOSED] = 1
                ends = item >= 0
            else:
                if item < 0:
                    item, item_line = base + i - 1, line
                last = base + i
        elif c in (0x20, 0x0A, 0x0D, 0x09):
            if c == 0x0A:
                line += 1
            ends = depth == 0 and closer == 0 and item >= 0
        elif depth == 0:
            if c == 0x2C:
                ends = item >= 0
            else:
                if item < 0:
                    item, item_line = base + i - 1, line
                last = base + i
        if ends:
            found[count, 0] = item
            found[count, 1] = last
            found[count, 2] = item_line
            count += 1
            item = -1
        if state[CLOSED]:
            break
    state[DEPTH], state[IN_STRING], state[ESCAPED] = depth, in_string, escaped
    state[ITEM], state[LAST], state[LINE], state[ITEM_LINE], state[KINDS] = item, last, line, item_line, kinds
    state[POSITION] = base + i
    return count
