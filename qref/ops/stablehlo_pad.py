"""STABLEHLO_PAD: x with a value around and between its elements; negative borders cut it.

Layout   x [...], value [] -> y [low + (n - 1) * (interior + 1) + 1 + high along each axis]
Types    every type; x, value and y alike
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._movement import EVERY_TYPE, copied, explain_copy
from .node import Node, Prepared, Shape


@dataclass(frozen=True, slots=True)
class StablehloPadPlan:
    """What comes before, behind and between the elements of each axis."""

    low: Shape
    high: Shape
    interior: Shape
    output_shape: Shape


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, value = node.input(0), node.input(1)
    copied(node, x, *EVERY_TYPE)
    node.expect_type(value, x.type)
    node.expect(np.prod(value.shape) == 1, f"{value} has shape {list(value.shape)}; expected a single value")
    names = ("edge_padding_low", "edge_padding_high", "interior_padding")
    low, high, interior = (tuple(node.options.get(name, ())) for name in names)
    rank = len(x.shape)
    for name, numbers in zip(names, (low, high, interior)):
        node.expect(len(numbers) == rank, f"{name} is {list(numbers)}; expected {rank} numbers, one for each axis")
    node.expect(min(interior, default=0) >= 0, f"interior_padding is {list(interior)}: none may be negative")
    node.expect(0 not in x.shape, f"{x} of shape {list(x.shape)} is empty; expected elements")
    spread = ((n - 1) * (between + 1) + 1 for n, between in zip(x.shape, interior))
    node.resize(0, [before + n + behind for before, n, behind in zip(low, spread, high)])
    return Prepared(stablehlo_pad, StablehloPadPlan(low, high, interior, node.output().shape), explain_copy(stablehlo_pad, 0, 1))


def stablehlo_pad(x: np.ndarray, value: np.ndarray, plan: StablehloPadPlan) -> np.ndarray:
    """Return y."""
    y = np.full(plan.output_shape, value.reshape(()), x.dtype)
    places = []
    for axis, (n, low, between) in enumerate(zip(x.shape, plan.low, plan.interior)):
        place = low + np.arange(n) * (between + 1)
        inside = (place >= 0) & (place < y.shape[axis])
        x = x.compress(inside, axis=axis)
        places.append(place[inside])
    y[np.ix_(*places)] = x
    return y
