"""AVERAGE_POOL_2D of XNNPACK: y = act(sum of a window * (1 / number of its taps inside the image)).

Types    float32; other types are left to the optimized kernels
Note     taps are summed column after column, nine at a time; those outside the image and those that lack to nine are zeros;
         where the rows padded at the top and at the bottom overlap, XNNPACK takes the window of another output row, but divides
         by the number of taps of the right one: with greater strides the average is wrong, and so it is here
Source   XNNPACK, src/f32-avgpool; facts verified in tests/ops/test_pooling_xnnpack.py
"""

from __future__ import annotations

import itertools

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fused import flush_denormals

from .. import average_pool_2d as base
from .._convolution import Axis
from .._explain import explain_clamp
from .._pooling import PoolPlan, reach, taps_of
from ..node import Node, Prepared
from ._delegate import is_float32
from ._pooling import plan_float32, prepare_one_pixel, takes_window

CHUNK = 9  # taps

Pixels = tuple[np.ndarray, np.ndarray]  # positions along an axis, one for each of the output, and which are inside the image


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    if not (is_float32(node.input(0)) and is_float32(node.output()) and takes_window(node)):
        return None
    plan = plan_float32(node, base.prepare(node).plan)
    return prepare_one_pixel(node, plan) or Prepared(average_pool_2d, plan, explain)


@np.errstate(all="ignore")
def average_pool_2d(x: np.ndarray, plan: PoolPlan) -> np.ndarray:
    """Return y float32: chunks added one after the other, each ((t2 + t3) + (t4 + t5)) + (((t0 + t1) + t8) + (t6 + t7))."""
    zeros, x = np.zeros(plan.output_shape, np.float32), flush_denormals(x)
    acc, chunks = None, _chunks(plan)
    for taps in chunks.values():
        t = [_tap(x, *taps[slot]) if slot in taps else zeros for slot in range(CHUNK)]
        total = ((t[2] + t[3]) + (t[4] + t[5])) + (((t[0] + t[1]) + t[8]) + (t[6] + t[7]))
        acc = total if acc is None else acc + total
    acc = zeros if acc is None else acc
    if len(chunks) * CHUNK < plan.rows.filter_size * plan.columns.filter_size:  # chunks of zeros alone were left out
        acc = acc + np.float32(0)
    y = flush_denormals(acc * (np.float32(1) / plan.count.astype(np.float32)))
    y = np.where(y > plan.low, y, plan.low)  # NaN, too, becomes the lower limit
    return np.where(y < plan.high, y, plan.high)


def _chunks(plan: PoolPlan) -> dict[int, dict[int, tuple[Pixels, Pixels]]]:
    """The taps that meet the image, rows and columns, by chunk and place in it."""
    rows = _pixels(plan.rows, window_rows(plan.rows))
    columns = _pixels(plan.columns, np.arange(plan.columns.output_size))
    chunks: dict[int, dict[int, tuple[Pixels, Pixels]]] = {}
    for (column, right), (row, down) in itertools.product(columns.items(), rows.items()):
        chunk, slot = divmod(column * plan.rows.filter_size + row, CHUNK)
        chunks.setdefault(chunk, {})[slot] = (down, right)
    return chunks


def window_rows(rows: Axis) -> np.ndarray:
    """The output row whose window XNNPACK takes for each output row.

    Its table of windows has top entries for the rows that padding reaches from above, one for all between, and bottom entries for
    those that it reaches from below. Row y takes entry min(y, top) + max(0, y + 1 - (size - bottom)): its own, unless top and
    bottom overlap. No entries follow where bottom exceeds the size.
    """
    y, size, stride = np.arange(rows.output_size), rows.output_size, rows.stride
    padding = max((size - 1) * stride + rows.filter_size - rows.image_size, 0)
    top, bottom = -(-rows.padding // stride), -(-(padding - rows.padding) // stride)
    if bottom > size or top + bottom <= size:
        return y
    entry, first_below = np.minimum(y, top) + np.maximum(0, y + 1 - (size - bottom)), min(top + 1, size)
    return np.where(entry < first_below, entry, entry - first_below + size - bottom)


def _pixels(axis: Axis, windows: np.ndarray) -> dict[int, Pixels]:
    """Where each tap that meets the image lies for each output position, and whether that is inside."""
    start, found = windows * axis.stride - axis.padding, {}
    for tap in reach(axis):
        position = start + tap
        inside = (position >= 0) & (position < axis.image_size)
        if inside.any():
            found[tap] = (np.where(inside, position, 0), inside)
    return found


def _tap(x: np.ndarray, rows: Pixels, columns: Pixels) -> np.ndarray:
    inside = rows[1][:, None, None] & columns[1][:, None]
    return np.where(inside, x[:, rows[0][:, None], columns[0]], np.float32(0))


def explain(x: np.ndarray, plan: PoolPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, (n, row, column, channel) = Explanation(), element
    window_row = int(window_rows(plan.rows)[row])
    top, left = window_row * plan.rows.stride - plan.rows.padding, column * plan.columns.stride - plan.columns.padding
    chunks: dict[int, dict[int, float]] = {}
    for j, i in itertools.product(range(plan.columns.filter_size), range(plan.rows.filter_size)):
        if 0 <= top + i < x.shape[1] and 0 <= left + j < x.shape[2]:
            chunk, slot = divmod(j * plan.rows.filter_size + i, CHUNK)
            chunks.setdefault(chunk, {})[slot] = x[n, top + i, left + j, channel].item()
    e.given("count", len(taps_of(x, plan, element)), "inputs inside the window and the image")
    if window_row != row:
        e.given(
            "window_row", window_row, "the output row whose window XNNPACK takes, since padding at the top and bottom overlap"
        )
    acc = "0.0"
    for k, taps in chunks.items():
        t = e.given(f"x{k}", [taps.get(slot, 0.0) for slot in range(CHUNK)], "nine inputs, column after column, 0 outside")
        t = e.derive(f"t{k}", f"flush({t})", "denormals count as zeros")
        e.derive(f"pairs{k}", f"float32({t}[0:8:2] + {t}[1:8:2])", "t0 + t1, t2 + t3, t4 + t5, t6 + t7")
        e.derive(f"four{k}", f"float32(pairs{k}[1] + pairs{k}[2])")
        e.derive(f"five{k}", f"float32(float32(pairs{k}[0] + {t}[8]) + pairs{k}[3])")
        e.derive(f"total{k}", f"float32(four{k} + five{k})")
        acc = e.derive(f"acc{k}", f"float32({acc} + total{k})", "the chunks so far")
    e.derive("reciprocal", "float32(divide(1, count))")
    e.derive("mean", f"flush(float32({acc} * reciprocal))", "denormals become zeros")
    e.given("lower_limit", plan.low, "the least output, which NaN becomes, too")
    e.derive("number", "mean if mean == mean else lower_limit")
    explain_clamp(e, "number", plan.low, plan.high, "real")
    return e
