"""Dynamic time warping: which moment of one recording is which moment of another. For worker processes only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from coursewright.kit.speech.features import HOP_S, Features

_SLANT = 0.35
"""What a step costs that moves in one recording only, in units of a typical distance. From 0.2 to 0.8 the measured
errors hardly change."""
_BAND_S, _BAND_SHARE = 2.0, 0.08
"""How far the pace may wander from the even one: this much, and so much of the length."""

_BOTH, _SAID, _HEARD = 0, 1, 2


def warp(said: Features, heard: Features) -> npt.NDArray[np.float64]:
    """For every frame of `said` the first frame of `heard` that it was matched with, never decreasing.

    Diagonal by diagonal: all cells of one depend on the two before only, so that numpy does a diagonal at once.
    """
    rows, columns = len(said), len(heard)
    squares = (said**2).sum(axis=1), (heard**2).sum(axis=1)
    slant = np.float32(_SLANT * np.sqrt(squares[0].mean() + squares[1].mean()))
    longest = max(rows, columns)
    reach = (_BAND_S / HOP_S + _BAND_SHARE * longest) * rows / longest
    # On a diagonal the columns run backwards while the rows run on.
    backwards, lengths = np.ascontiguousarray(heard[::-1]), squares[1][::-1]
    moves: list[tuple[int, npt.NDArray[np.int8]]] = []
    last = np.full(rows + 1, np.inf, np.float32)
    before = last.copy()
    for diagonal in range(rows + columns - 1):
        even = diagonal * rows / (rows + columns)
        low = max(0, diagonal - columns + 1, int(even - reach))
        high = min(rows - 1, diagonal, int(even + reach) + 1)
        row = slice(low, high + 1)
        first = columns - 1 - (diagonal - low)
        column = slice(first, first + high - low + 1)
        dots = np.einsum("ij,ij->i", said[row], backwards[column])
        here = np.sqrt(np.maximum(squares[0][row] + lengths[column] - 2 * dots, 0))
        # Index r + 1 holds row r.
        above, left = slice(low, high + 1), slice(low + 1, high + 2)
        both = before[above] + here
        alone = np.minimum(last[above], last[left]) + slant
        if diagonal == 0:
            both[:] = alone[:] = 0
        move = np.where(last[left] < last[above], np.int8(_HEARD), np.int8(_SAID))
        move[both <= alone] = _BOTH
        now = np.full(rows + 1, np.inf, np.float32)
        now[left] = np.minimum(both, alone) + here
        moves.append((low, move))
        before, last = last, now
    return _path(moves, rows, columns)


def _path(moves: list[tuple[int, npt.NDArray[np.int8]]], rows: int, columns: int) -> npt.NDArray[np.float64]:
    first = np.zeros(rows)
    row, column = rows - 1, columns - 1
    first[row] = column
    while row > 0 or column > 0:
        low, best = moves[row + column]
        move = best[row - low]
        down = row > 0 and (move != _HEARD or column == 0)
        back = column > 0 and (move != _SAID or row == 0)
        row, column = row - down, column - back
        first[row] = column
    return first
