"""GATHER_ND: slices of x at given coordinates.

Layout   x [...], coordinates [P..., k] int16, int32 or int64 -> y [P..., the axes of x from k on]
Types    x, y float32, float16, int8, uint8, int16, int32, int64 or bool; y takes the type of x
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import QUANTIZED, explain_copy
from .gather import POSITIONS, check_range
from .node import Node, Prepared

TYPES = (*QUANTIZED, TensorType.FLOAT32, TensorType.FLOAT16, TensorType.INT32, TensorType.INT64, TensorType.BOOL)


def prepare(node: Node) -> Prepared:
    """Check the operands; the plan is the operator's name, for messages."""
    x, coordinates = node.input(0), node.input(1)
    node.expect_type(x, *TYPES)
    node.expect_type(coordinates, *POSITIONS)
    node.expect(x.shape and coordinates.shape, f"{x} and {coordinates} need at least one dimension")
    depth = coordinates.shape[-1]
    fits = 0 < depth <= len(x.shape)
    node.expect(fits, f"{coordinates} holds {depth} coordinates; expected 1 to {len(x.shape)}, the dimensions of {x}")
    node.expect(0 not in x.shape or 0 in coordinates.shape, f"{x} of shape {list(x.shape)} has no elements to gather")
    node.resize(0, coordinates.shape[:-1] + x.shape[depth:], x.type)
    return Prepared(gather_nd, str(node), explain_copy(gather_nd, 0))


def gather_nd(x: np.ndarray, coordinates: np.ndarray, name: str) -> np.ndarray:
    """Return y; InputError where a coordinate is out of range."""
    return x[split_coordinates(coordinates, x.shape, name)].copy()


def split_coordinates(coordinates: np.ndarray, shape: tuple[int, ...], name: str) -> tuple[np.ndarray, ...]:
    """Coordinates [..., k] as k index arrays into the first axes of the shape; InputError where one is out of range."""
    columns = tuple(np.moveaxis(coordinates, -1, 0).astype(np.int64))
    for column, n in zip(columns, shape):
        check_range(column, n, name)
    return columns
