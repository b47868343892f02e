"""MIRROR_PAD: x with a border that mirrors it.

Layout   x [...], paddings [rank of x, 2] int32 or int64 (before, after) -> y
Types    every type; x and y alike

REFLECT mirrors about the border element, which stays single: at most n - 1 elements. SYMMETRIC repeats it: at most n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.schema.enums import MirrorPadMode

from ._movement import EVERY_TYPE, copied, explain_copy
from ._pad import Paddings, padded_shape, read_paddings
from .node import Node, Prepared


@dataclass(frozen=True, slots=True)
class MirrorPadPlan:
    """How many elements to put around x, and which mode."""

    paddings: Paddings
    repeat_border: bool  # SYMMETRIC


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, paddings = node.input(0), node.input(1)
    copied(node, x, *EVERY_TYPE)
    mode = node.options.get("mode", MirrorPadMode.REFLECT)
    node.expect(mode in tuple(MirrorPadMode), f"mode is {mode}; expected 0 (REFLECT) or 1 (SYMMETRIC)")
    pairs = read_paddings(node, x, paddings)
    for axis, (n, pair) in enumerate(zip(x.shape, pairs)):
        limit = n - 1 if mode == MirrorPadMode.REFLECT else n
        node.expect(
            max(pair) <= max(limit, 0),
            f"axis {axis} of {n} elements can be mirrored by at most {max(limit, 0)}, not {list(pair)}",
        )
    node.resize(0, padded_shape(x.shape, pairs))
    return Prepared(mirror_pad, MirrorPadPlan(pairs, mode == MirrorPadMode.SYMMETRIC), explain_copy(mirror_pad, 0))


def mirror_pad(x: np.ndarray, paddings: np.ndarray, plan: MirrorPadPlan) -> np.ndarray:
    """Return y."""
    for axis, (before, after) in enumerate(plan.paddings):
        x = np.take(x, _mirrored(x.shape[axis], before, after, plan.repeat_border), axis=axis)
    return np.array(x)


def _mirrored(n: int, before: int, after: int, repeat_border: bool) -> np.ndarray:
    """The positions along an axis of n that its padded form is taken from."""
    skip = 0 if repeat_border else 1
    left = np.arange(before)[::-1] + skip
    right = n - 1 - skip - np.arange(after)
    return np.concatenate([left, np.arange(n), right])
