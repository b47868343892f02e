"""PAD and PADV2: x with a border of one value.

Layout   x [...], paddings [rank of x, 2] int32 or int64 (before, after), PADV2: value [] -> y
Types    x, y, value float32, float16, int8, uint8, int16, int32, int64 or bool
Scales   x and y alike; PADV2: value as y;  PAD: the border holds the zero point of y, so that it stands for 0.0
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.schema.enums import TensorType

from ._movement import INDEX, QUANTIZED, copied, expect_same_parameters, explain_copy, parameters
from .node import Node, Operand, Prepared, Shape

TYPES = (*QUANTIZED, TensorType.FLOAT32, TensorType.FLOAT16, TensorType.INT32, TensorType.INT64, TensorType.BOOL)
MAX_RANK = 5

Paddings = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class PadPlan:
    """How many elements to put around x, and which; value None: the input holds it."""

    paddings: Paddings
    value: int | None


def read_paddings(node: Node, x: Operand, paddings: Operand) -> Paddings:
    """The (before, after) of each axis of x; negative ones are refused."""
    node.expect_type(paddings, *INDEX)
    rank = len(x.shape)
    node.expect(paddings.shape == (rank, 2), f"{paddings} has shape {list(paddings.shape)}; expected [{rank}, 2]")
    pairs = tuple((int(before), int(after)) for before, after in paddings.value)
    node.expect(all(n >= 0 for pair in pairs for n in pair), f"{paddings} holds {[list(p) for p in pairs]}: none may be negative")
    return pairs


def padded_shape(shape: Shape, paddings: Paddings) -> Shape:
    """The shape with its paddings added."""
    return tuple(before + n + after for n, (before, after) in zip(shape, paddings))


def prepare_pad(node: Node, value: Operand | None) -> Prepared:
    """Check the operands and derive the plan."""
    x, paddings = node.input(0), node.input(1)
    y = copied(node, x, *TYPES)
    node.expect(len(x.shape) <= MAX_RANK, f"{x} has {len(x.shape)} dimensions; at most {MAX_RANK} can be padded")
    if value is not None:
        node.expect_type(value, x.type)
        node.expect(np.prod(value.shape) == 1, f"{value} has shape {list(value.shape)}; expected a single value")
    if x.type in QUANTIZED and value is not None:
        expect_same_parameters(node, value, y)
    pairs = read_paddings(node, x, paddings)
    node.resize(0, padded_shape(x.shape, pairs))
    zero_point = parameters(y)[1] if x.type in QUANTIZED else 0
    limits = np.iinfo(x.dtype) if x.type in QUANTIZED else None
    node.expect(
        limits is None or limits.min <= zero_point <= limits.max,
        f"{y} has the zero point {zero_point}, which its type cannot hold",
    )
    return Prepared(pad, PadPlan(pairs, zero_point if value is None else None), explain_copy(pad, 0, 2))


def pad(x: np.ndarray, paddings: np.ndarray, *value_and_plan: np.ndarray | PadPlan) -> np.ndarray:
    """Return y; the arguments after the paddings are PADV2's value and the plan."""
    *values, plan = value_and_plan
    y = np.empty(padded_shape(x.shape, plan.paddings), x.dtype)  # type: ignore[union-attr]
    y[...] = plan.value if not values else values[0].reshape(())  # type: ignore[union-attr]
    y[tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, plan.paddings))] = x  # type: ignore[union-attr]
    return y
