"""Where LiteRT's vector code for two operands runs: in the whole blocks of each segment of the output, an innermost loop.

What lies behind a segment's last block is computed by scalar code, as in the reference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.requantize import DoubleRounding, HalfUp, HalfUpBlocks
from qref.ops.node import Shape


@dataclass(frozen=True, slots=True)
class Segments:
    """The output as segments of one size, in the order of memory."""

    size: int  # elements
    in_blocks: int  # how many of them lie in whole blocks

    @classmethod
    def of(cls, size: int, block: int) -> Segments:
        """Segments in blocks of so many elements."""
        return cls(size, size // block * block)

    def mask(self, shape: Shape) -> np.ndarray:
        """Which elements of an output of that shape lie in whole blocks."""
        return (np.arange(math.prod(shape)) % max(self.size, 1) < self.in_blocks).reshape(shape)

    def contain(self, element: tuple[int, ...], shape: Shape) -> bool:
        """Whether one element of an output of that shape lies in a whole block."""
        position = int(np.ravel_multi_index(element, shape)) if element else 0
        return position % self.size < self.in_blocks


def innermost_loop(shape1: Shape, shape2: Shape) -> tuple[int, bool]:
    """How many elements the innermost loop covers, and whether both operands move along it; 0 for a broadcast without such loops.

    LiteRT has loops for a broadcast where, from the last axis on, both operands move, then only one, both, only the other, both.

    >>> innermost_loop((2, 3, 4), (2, 3, 4)), innermost_loop((2, 3, 4), (2, 1, 4)), innermost_loop((2, 3, 4), (2, 3, 1))
    ((24, True), (4, True), (4, False))
    """
    rank = max(len(shape1), len(shape2))
    first, second = ((1,) * (rank - len(shape)) + tuple(shape) for shape in (shape1, shape2))
    pairs = list(zip(first, second))[::-1]
    differing = [pair for pair in pairs if pair[0] != pair[1]]
    if not differing:
        return math.prod(first), True
    if differing[0][0] != 1:
        pairs = [(b, a) for a, b in pairs]
    loops, axis = [], 0
    for fits in (_both_move, _second_moves, _both_move, _first_moves, _both_move):
        size = 1
        while axis < rank and fits(*pairs[axis]):
            size *= max(pairs[axis])
            axis += 1
        loops.append(size)
    if axis < rank:
        return 0, False
    return (loops[0], True) if loops[0] > 1 else (loops[1], False)


def _both_move(a: int, b: int) -> bool:
    return a == b


def _second_moves(a: int, b: int) -> bool:
    return a == 1


def _first_moves(a: int, b: int) -> bool:
    return b == 1


def half_up_in_blocks(rule: DoubleRounding, size: int, block: int) -> HalfUpBlocks:
    """The constants of `rule` under HalfUp in the whole blocks of a last axis of that size, under DoubleRounding behind them."""
    return HalfUpBlocks(HalfUp(rule.quantized_multiplier, rule.shift), rule, size // block * block)
