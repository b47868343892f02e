"""RESIZE_BILINEAR of XNNPACK: every output pixel is an average of the four input pixels around it, first along rows.

Types    float32; int8, uint8: weights in steps of 2^-11, exact sums, rounded once, ties upwards
Scales   of x and y alike for int8 and uint8: the delegate refuses a model where they differ
Source   XNNPACK, src/indirection.c, src/s8-ibilinear, src/f32-ibilinear; facts verified in tests/ops/test_resize_runtimes.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fused import flush_denormals
from qref.schema.enums import TensorType

from .. import resize_bilinear as base
from .._resize import float32_step, resize_image
from ..node import Node, Prepared
from ._delegate import is_float32, is_q8, is_static
from ._pooling import expect_same_quantization

ONE = 1 << 11  # of weights


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes and find the neighbors."""
    x, size, y = node.input(0), node.input(1), node.output()
    integer = is_q8(x) and is_q8(y)
    if not (integer or (is_float32(x) and is_float32(y))) or len(x.shape) != 4 or not is_static(node, size):
        return None
    modes = [bool(node.options.get(name, False)) for name in ("align_corners", "half_pixel_centers")]
    node.expect(not all(modes), "align_corners and half_pixel_centers exclude each other: keep one")
    x, height, width = resize_image(node, 1, TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8)
    rows, columns = (neighbors(before, after, *modes) for before, after in zip(x.shape[1:3], (height, width)))
    if not integer:
        return Prepared(resize_bilinear_float32, base.ResizeBilinearPlan(rows, columns), explain_float32)
    expect_same_quantization(node, x, y)
    return Prepared(resize_bilinear_8bit, base.ResizeBilinearPlan(*(_in_steps(axis) for axis in (rows, columns))), explain_8bit)


def neighbors(input_size: int, output_size: int, align_corners: bool, half_pixel_centers: bool) -> base.Neighbors:
    """Return positions i * step, or i * step + (step / 2 - 1/2), in pixels, within the image; the distance is in float32."""
    step, half = float32_step(input_size, output_size, align_corners), np.float32(0.5)
    position = np.arange(output_size).astype(np.float32) * step
    if half_pixel_centers:
        position = position + (half * step - half)
    position = np.clip(position, np.float32(0), np.float32(max(input_size - 1, 0)))
    before = position.astype(np.int64)
    return base.Neighbors(before, np.minimum(before + 1, max(input_size - 1, 0)), position - before.astype(np.float32))


def _in_steps(axis: base.Neighbors) -> base.Neighbors:
    return base.Neighbors(axis.before, axis.after, np.rint(axis.distance * np.float32(ONE)).astype(np.int64))


def resize_bilinear_8bit(x: np.ndarray, size: np.ndarray, plan: base.ResizeBilinearPlan) -> np.ndarray:
    """Return y int8 or uint8.

    top    = 2^11 x00 + (x01 - x00) * across,   bottom = 2^11 x10 + (x11 - x10) * across
    y      = (2^11 top + (bottom - top) * down + 2^21) / 2^22, rounded down
    """
    top, bottom = _along_rows(x.astype(np.int64), plan, ONE)
    return ((ONE * top + (bottom - top) * plan.rows.distance[:, None, None] + ONE * ONE // 2) >> 22).astype(x.dtype)


@np.errstate(all="ignore")
def resize_bilinear_float32(x: np.ndarray, size: np.ndarray, plan: base.ResizeBilinearPlan) -> np.ndarray:
    """Return y float32: top + (bottom - top) * down, top = x00 + (x01 - x00) * across and bottom likewise."""
    across, columns = plan.columns.distance[:, None], (plan.columns.before, plan.columns.after)
    x, down = flush_denormals(x), plan.rows.distance[:, None, None]
    pixels = [[x[:, rows[:, None], column] for column in columns] for rows in (plan.rows.before, plan.rows.after)]
    top, bottom = (_between(left, right, across) for left, right in pixels)
    return _between(top, bottom, down)


def _between(first: np.ndarray, second: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return first + (second - first) * distance in float32, denormals flushed to zero at every step."""
    return flush_denormals(first + flush_denormals(flush_denormals(second - first) * distance))


def _along_rows(x: np.ndarray, plan: base.ResizeBilinearPlan, one: int | np.float32) -> list[np.ndarray]:
    across, columns = plan.columns.distance[:, None], (plan.columns.before, plan.columns.after)
    rows = []
    for chosen in (plan.rows.before, plan.rows.after):
        left, right = (x[:, chosen[:, None], column] for column in columns)
        rows.append(left * one + (right - left) * across)
    return rows


def explain_8bit(x: np.ndarray, size: np.ndarray, plan: base.ResizeBilinearPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]; distances are in steps of 2^-11."""
    e = base.explain_neighbors(x, plan, element)
    e.derive("top", "x00 * 2**11 + (x01 - x00) * right", "along the upper row, in steps of 2^-11")
    e.derive("bottom", "x10 * 2**11 + (x11 - x10) * right", "along the lower row")
    e.derive("acc", "top * 2**11 + (bottom - top) * down", "in steps of 2^-22, exact")
    e.derive("dropped", "acc % 2**22", "the low 22 bits, which the rounding drops")
    e.derive("y", "ties_up(acc, 2**22)", "the only rounding, ties up")
    return e


def explain_float32(x: np.ndarray, size: np.ndarray, plan: base.ResizeBilinearPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = base.explain_neighbors(x, plan, element)
    for pixel in ("00", "01", "10", "11"):
        e.derive(f"v{pixel}", f"flush(x{pixel})", "denormals count as zeros")
    for row, name in enumerate(("top", "bottom")):
        difference = f"float32(float32(v{row}1 - v{row}0) * right)"
        e.derive(name, f"flush(float32(v{row}0 + {difference}))", "along a row; denormals become zeros")
    e.derive("difference", "float32(float32(bottom - top) * down)")
    e.derive("y", "flush(float32(top + difference))")
    return e
