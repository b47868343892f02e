"""RESIZE_BILINEAR: every output pixel is an average of the four input pixels around it, weighted by distance.

Layout   x [N, H, W, C], size [2] int32 (new height and width) -> y [N, size[0], size[1], C]
Types    int8, int16: positions and weights in steps of 2^-10, exact sums, rounded once, ties away from zero
         float32; uint8 in float32, truncated after 1/2 is added
Scales   of x and y alike; not looked at
Note     where int8 and int16 positions leave the image, because the step is rounded, LiteRT reads what lies behind it in memory;
         here it is the last pixel
Source   LiteRT, reference/resize_bilinear.h; facts verified in tests/ops/test_resize.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._resize import float32_step, resize_image
from .node import Node, Prepared

ONE = 1 << 10  # of positions and weights


@dataclass(frozen=True, slots=True)
class Neighbors:
    """Along one axis: the pixels before and after each position, and its distance from the first."""

    before: np.ndarray  # int64 [new size]
    after: np.ndarray
    distance: np.ndarray  # int64 in steps of 2^-10, or float32 in pixels


@dataclass(frozen=True, slots=True)
class ResizeBilinearPlan:
    """The neighbors of rows and of columns."""

    rows: Neighbors
    columns: Neighbors


def prepare(node: Node) -> Prepared:
    """Check the operands and find the neighbors."""
    x, height, width = resize_image(node, 1, TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8, TensorType.INT16)
    modes = [bool(node.options.get(name, False)) for name in ("align_corners", "half_pixel_centers")]
    node.expect(not all(modes), "align_corners and half_pixel_centers exclude each other: keep one")
    integer = x.type in (TensorType.INT8, TensorType.INT16)
    find = neighbors_integer if integer else neighbors_float32
    rows, columns = (find(before, after, *modes) for before, after in zip(x.shape[1:3], (height, width)))
    reference, explain = (resize_bilinear_integer, explain_integer) if integer else (resize_bilinear_float32, explain_float32)
    return Prepared(reference, ResizeBilinearPlan(rows, columns), explain)


def neighbors_integer(input_size: int, output_size: int, align_corners: bool, half_pixel_centers: bool) -> Neighbors:
    """Return positions i * step, or (i + 1/2) * step - 1/2, in 2^-10; the step is rounded to this unit."""
    spans = (input_size - 1, output_size - 1) if align_corners and output_size > 1 else (input_size, output_size)
    step = (ONE * spans[0] + spans[1] // 2) // spans[1]
    position = np.arange(output_size, dtype=np.int64) * step + (step // 2 - ONE // 2 if half_pixel_centers else 0)
    before = np.clip(position // ONE, 0, input_size - 1)
    return Neighbors(before, np.clip(-(-position // ONE), 0, input_size - 1), position - ONE * before)


def neighbors_float32(input_size: int, output_size: int, align_corners: bool, half_pixel_centers: bool) -> Neighbors:
    """Return positions i * step, or (i + 1/2) * step - 1/2, in pixels."""
    step, index = float32_step(input_size, output_size, align_corners), np.arange(output_size).astype(np.float32)
    half = np.float32(0.5)
    position = (index + half) * step - half if half_pixel_centers else index * step
    before, after = (np.clip(whole.astype(np.int64), 0, input_size - 1) for whole in (np.floor(position), np.ceil(position)))
    return Neighbors(before, after, position - before.astype(np.float32))


def resize_bilinear_integer(x: np.ndarray, size: np.ndarray, plan: ResizeBilinearPlan) -> np.ndarray:
    """Return y int8 or int16.

    sum  = the four neighbors, each times its weights along rows and columns, which are distances in 2^-10
    y    = round(sum / 2^20), ties away from zero
    """
    total = sum(pixels.astype(np.int64) * row * column for pixels, row, column in _weighted(x, plan, ONE))
    return (np.sign(total) * (np.abs(total) + (ONE * ONE >> 1) >> 20)).astype(x.dtype)


def resize_bilinear_float32(x: np.ndarray, size: np.ndarray, plan: ResizeBilinearPlan) -> np.ndarray:
    """Return y float32 or uint8: (((x00 + x10) + x01) + x11), each times its row's weight, then its column's, all in float32.

    To this 0 is added, for uint8 1/2.
    """
    with np.errstate(all="ignore"):
        a, b, c, d = (pixels.astype(np.float32) * row * column for pixels, row, column in _weighted(x, plan, np.float32(1)))
        y = a + b + c + d + np.float32(0 if x.dtype == np.float32 else 0.5)  # -0 + 0 is 0
    return y.astype(x.dtype)


def _weighted(x: np.ndarray, plan: ResizeBilinearPlan, one: int | np.float32):
    """The neighbors of every output pixel with their weights: top left, bottom left, top right, bottom right."""
    down, right = plan.rows.distance[:, None, None], plan.columns.distance[:, None]
    for columns, column_weight in ((plan.columns.before, one - right), (plan.columns.after, right)):
        for rows, row_weight in ((plan.rows.before, one - down), (plan.rows.after, down)):
            yield x[:, rows[:, None], columns], row_weight, column_weight


def explain_neighbors(x: np.ndarray, plan: ResizeBilinearPlan, element: tuple[int, ...]) -> Explanation:
    """The first steps: the four pixels around the element, and how far it lies from the top left one."""
    e, (n, i, j, c) = Explanation(), element
    for row, rows in enumerate((plan.rows.before, plan.rows.after)):
        for column, columns in enumerate((plan.columns.before, plan.columns.after)):
            what = f"{('upper', 'lower')[row]} {('left', 'right')[column]}"
            e.given(f"x{row}{column}", x[n, rows[i], columns[j], c].item(), f"the {what} pixel")
    e.given("down", plan.rows.distance[i], "the distance from the upper pixels")
    e.given("right", plan.columns.distance[j], "the distance from the left pixels")
    return e


def explain_integer(x: np.ndarray, size: np.ndarray, plan: ResizeBilinearPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]; distances are in steps of 2^-10."""
    e = explain_neighbors(x, plan, element)
    e.derive("left_column", "(x00 * (2**10 - down) + x10 * down) * (2**10 - right)")
    e.derive("right_column", "(x01 * (2**10 - down) + x11 * down) * right")
    e.derive("acc", "left_column + right_column", "in steps of 2^-20, exact")
    e.derive("dropped", "acc % 2**20", "the low 20 bits, which the rounding drops")
    e.derive("y", "ties_away(acc, 2**20)", "the only rounding, ties away from zero")
    return e


def explain_float32(x: np.ndarray, size: np.ndarray, plan: ResizeBilinearPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = explain_neighbors(x, plan, element)
    e.derive("up", "float32(1 - down)", "the weight of the upper pixels")
    e.derive("left", "float32(1 - right)", "the weight of the left pixels")
    for pixel, row, column in (("x00", "up", "left"), ("x10", "down", "left"), ("x01", "up", "right"), ("x11", "down", "right")):
        e.derive(f"part_{pixel}", f"float32(float32({pixel} * {row}) * {column})")
    e.derive("acc", "float32(float32(float32(part_x00 + part_x10) + part_x01) + part_x11)")
    e.derive("y", "acc" if x.dtype == np.float32 else "trunc(float32(acc + 0.5))", "integers to nearest")
    return e
