"""STABLEHLO_SHIFT_LEFT: y = a << b in 32 bits, wrapped to the type.

Layout   a [...], b [...] -> y; all alike, nothing is broadcast
Types    int8, int16, int32; all alike
Note     counts below 0 or above 31 follow x86: vector code, in whole blocks of 8 elements, multiplies with a power of two that it
         makes as a float32 number, its exponent field wrapping; behind them the last five bits of a count are taken

LiteRT's reference kernels lack this operator; its optimized kernels have it, and what follows are their results.
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._explain import place_of
from ._stablehlo import check_alike
from .node import Node, Prepared

BLOCK = 8
LEAST_SIZES = {1: 8, 2: 16, 4: 12}  # elements from which on there is vector code, by bytes of an element
INT32_MIN = -(2**31)  # which stands for what no int32 holds


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    check_alike(node, TensorType.INT8, TensorType.INT16, TensorType.INT32)
    return Prepared(shift_left, None, explain)


def shift_left(a: np.ndarray, b: np.ndarray, plan: None) -> np.ndarray:
    """Return y."""
    place, count = np.arange(a.size).reshape(a.shape), b.astype(np.int64)
    factor = np.where(place < in_blocks(a), power_of_vector_code(count), 1 << (count & 31))
    return np.asarray(a * factor).astype(a.dtype)


def in_blocks(a: np.ndarray) -> int:
    """How many elements vector code takes."""
    return a.size // BLOCK * BLOCK if a.size >= LEAST_SIZES[a.dtype.itemsize] else 0


def power_of_vector_code(count: np.ndarray) -> np.ndarray:
    """The float32 number of the bits count * 2^23 + 1.0f, as an integer: 2^count from 0 to 30."""
    power = ((count << 23) + 0x3F800000).astype(np.uint32).view(np.float32).astype(np.float64)
    fits = np.abs(power) < 2**31
    return np.where(fits, np.trunc(np.where(fits, power, 0)), INT32_MIN).astype(np.int64)


def explain(a: np.ndarray, b: np.ndarray, plan: None, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", a[element].item(), "the first operand's element")
    count = e.value(e.given("count", b[element].item(), "the second one's: bits to the left"))
    if not 0 <= count < 32 and place_of(element, a.shape) < in_blocks(a):
        e.given("factor", int(power_of_vector_code(np.array([count]))[0]), "what vector code makes of 2^count")
    else:
        e.derive("factor", "2**(count % 32)", "of the last five bits")
    e.derive("y", f"{a.dtype.name}(x * factor)", "wrapped")
    return e
