"""A kernel of one's own in the benchmark: FULLY_CONNECTED of 8 bits, its products in numba, its rounding left to qref.

    qref bench FULLY_CONNECTED:64x1024x1024 --kernels examples/my_kernel.py

`bind` runs once and packs what is constant; what it returns is timed, after its outputs were compared with qref's in every bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numba
import numpy as np

import qref.bench
from qref.ops._matmul import requantize_accumulator
from qref.ops.fully_connected import FullyConnectedPlan


@numba.njit(nogil=True)
def accumulate(x, w, start, acc):
    """Write acc [M, N] = start [N] + x [M, K] . w [N, K]T in int32."""
    for m in range(x.shape[0]):
        for n in range(w.shape[0]):
            total = start[n]
            for k in range(x.shape[1]):
                total += np.int32(x[m, k]) * np.int32(w[n, k])
            acc[m, n] = total


def bind(plan: FullyConnectedPlan, constants: Sequence[np.ndarray | None]) -> Callable[..., np.ndarray] | None:
    """The function for an operator with this plan; None for what this kernel does not know: floats, variable weights."""
    w, b = constants[1:3]
    if not isinstance(plan, FullyConnectedPlan) or plan.acc_bits != 32 or w is None or b is None:
        return None
    weights = w.astype(np.int32) + plan.filter_offset
    start = (b + plan.input_offset * weights.sum(axis=1)).astype(np.int32)  # sum (x + offset) w = sum x w + offset sum w
    weights = weights.astype(np.int16)

    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        rows = x.reshape(-1, weights.shape[1])
        acc = np.empty((len(rows), len(weights)), np.int32)
        accumulate(rows, weights, start, acc)
        return requantize_accumulator(acc.astype(np.int64), plan)

    return run


qref.bench.register("FULLY_CONNECTED", bind)
