"""MAX_POOL_2D of XNNPACK: y = act(greatest of a window), over its taps inside the image.

Types    float32, denormals flushed to zero; int8, uint8, whose results are those of the reference
Scales   of x and y alike for int8 and uint8: the delegate refuses a model where they differ
Source   XNNPACK, src/f32-maxpool; facts verified in tests/ops/test_pooling_xnnpack.py
"""

from __future__ import annotations

import itertools

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fused import flush_denormals

from .. import max_pool_2d as base
from .._convolution import Axis
from .._pooling import PoolPlan, taps_of
from ..node import Node, Prepared
from ._delegate import is_float32, is_q8
from ._pooling import expect_same_quantization, plan_float32, prepare_one_pixel, takes_window
from .average_pool_2d import CHUNK

MOST_TAPS = 4096
ORDER = (2, 3, 4, 5, 0, 1, 8, 6, 7)  # of the taps of a chunk: of equal ones, the last is taken


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    x, y = node.input(0), node.output()
    if not takes_window(node):
        return None
    if is_float32(x) and is_float32(y):
        plan = plan_float32(node, base.prepare(node).plan)
        return prepare_one_pixel(node, plan) or Prepared(max_pool_2d_float32, plan, explain)
    if is_q8(x) and is_q8(y):
        expect_same_quantization(node, x, y)
    return None


def max_pool_2d_float32(x: np.ndarray, plan: PoolPlan) -> np.ndarray:
    """Return y float32: the greatest of chunks of nine taps, column after column, one after the other.

    chunk = max(max(max(t2, t3), max(t4, t5)), max(max(max(t0, t1), t8), max(t6, t7)))
    acc   = min(max(chunk, low), high) of the first chunk, then min(max(acc, chunk), high)
    max(a, b) is b unless a is greater, which decides between 0 and -0: a -0 in a later chunk thus replaces the 0 of a RELU. What
    lacks to nine taps is the first of its chunk; a tap outside the image is the pixel next to it. Filters of more than MOST_TAPS,
    whose order nobody sees, take the greatest alone.
    """
    if plan.rows.filter_size * plan.columns.filter_size > MOST_TAPS:
        return base.max_pool_2d(flush_denormals(x), plan)
    x, taps = flush_denormals(x), list(itertools.product(_positions(plan.columns), _positions(plan.rows)))
    pixels = [x[:, rows[:, None], columns] for columns, rows in taps]
    first, *others = (_greatest(pixels[start : start + CHUNK]) for start in range(0, len(pixels), CHUNK))
    acc = _not_above(_greater(first, plan.low), plan.high)
    for chunk in others:
        acc = _not_above(_greater(acc, chunk), plan.high)
    return acc


def _greatest(t: list[np.ndarray]) -> np.ndarray:
    t = t + [t[0]] * (CHUNK - len(t))
    inner = _greater(_greater(t[2], t[3]), _greater(t[4], t[5]))
    return _greater(inner, _greater(_greater(_greater(t[0], t[1]), t[8]), _greater(t[6], t[7])))


def _greater(a: np.ndarray, b: np.ndarray | int | np.float32) -> np.ndarray:
    return np.where(a > b, a, b)


def _not_above(x: np.ndarray, high: int | np.float32) -> np.ndarray:
    return np.where(x < high, x, high)


def _positions(axis: Axis) -> list[np.ndarray]:
    """The pixel that each tap meets at each output position."""
    start = np.arange(axis.output_size) * axis.stride - axis.padding
    return [np.clip(start + tap, 0, axis.image_size - 1) for tap in range(axis.filter_size)]


def explain(x: np.ndarray, plan: PoolPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, (n, row, column, channel) = Explanation(), element
    if plan.rows.filter_size * plan.columns.filter_size > MOST_TAPS:
        candidates = [*taps_of(x, plan, element), float(plan.low)]
    else:
        pairs = itertools.product(_positions(plan.columns), _positions(plan.rows))
        candidates = in_order([x[n, rows[row], columns[column], channel].item() for columns, rows in pairs], float(plan.low))
    e.given("x", candidates[::-1], "the inputs inside the window and the least output, the last to be compared first")
    e.derive("v", "flush(x)", "denormals count as zeros")
    e.given("lowest", -np.inf, "with which the comparison begins")
    e.derive("greatest", "greatest_of(v, lowest)", "the first of equal ones: of 0 and -0, that compared last")
    e.given("output_activation_max", plan.high, "the greatest output, real")
    e.derive("y", "min(greatest, output_activation_max)", "the output, real")
    return e


def in_order(taps: list[float], low: float) -> list[float]:
    """Taps and the least output in the order in which XNNPACK compares them."""
    chunks = [taps[start : start + CHUNK] for start in range(0, len(taps), CHUNK)]
    ordered = [[(chunk + chunk[:1] * (CHUNK - len(chunk)))[tap] for tap in ORDER] for chunk in chunks]
    return [*ordered[0], low, *itertools.chain(*ordered[1:])]
