"""SOFTMAX of XNNPACK: y = e * (1 / sum(e)) along the last axis, e = exp(x - max(x)).

Types    float32 with beta 1; other nodes are left to the optimized kernels
Note     the sum is taken in as many lanes as a register of the CPU holds float32 numbers: 16 with AVX-512, 8 with AVX2
Source   XNNPACK, src/f32-raddstoreexpminusmax; facts verified in tests/ops/test_softmax_optimized.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.fused import flush_denormals

from .. import softmax as base
from ..node import Node, Prepared
from ._cpu import float32_lanes
from ._delegate import is_float32
from ._functions import exp_of_difference

IN_FLIGHT = 4  # registers that the kernel loads at a time, into two accumulators in turn


@dataclass(frozen=True, slots=True)
class SoftmaxFloat32Plan:
    """How the sum is taken."""

    lanes: int


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    if not (is_float32(node.input(0)) and is_float32(node.output()) and node.options.get("beta", 0.0) == 1):
        return None
    base.operands_of_softmax(node)
    return Prepared(softmax_float32, SoftmaxFloat32Plan(float32_lanes()))


@np.errstate(all="ignore")
def softmax_float32(x: np.ndarray, plan: SoftmaxFloat32Plan) -> np.ndarray:
    """Return y [..., depth] float32."""
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    rows = flush_denormals(x).reshape(-1, x.shape[-1])
    e = exp_of_difference(flush_denormals(rows - rows.max(axis=1, keepdims=True)))
    total = sum_in_lanes(e, plan.lanes)
    return flush_denormals(e * (np.float32(1) / total)[:, None]).reshape(x.shape)


def sum_in_lanes(rows: np.ndarray, lanes: int) -> np.ndarray:
    """The sums of rows [count, size]: four registers at a time into two accumulators, then single ones, then half upon half."""
    block = IN_FLIGHT * lanes
    blocks = rows.shape[1] // block * block
    padded = np.zeros((len(rows), -(-rows.shape[1] // lanes) * lanes), np.float32)
    padded[:, : rows.shape[1]] = rows
    registers = padded.reshape(len(rows), -1, lanes)
    total = np.zeros((len(rows), lanes), np.float32)
    if blocks:
        pairs = registers[:, : blocks // lanes]
        even, odd = (np.add.accumulate(pairs[:, j::2], axis=1)[:, -1] for j in (0, 1))
        total = even + odd
    for j in range(blocks // lanes, registers.shape[1]):
        total = total + registers[:, j]
    while lanes > 1:
        lanes //= 2
        total = total[:, :lanes] + total[:, lanes:]
    return total[:, 0]
