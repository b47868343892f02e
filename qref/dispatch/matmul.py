"""Binders of the matmul family: FULLY_CONNECTED, CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV, BATCH_MATMUL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.dispatch.requantize import bind_requantize
from qref.kernels import matmul
from qref.ops import fully_connected as fc


def bind_fully_connected(plan: fc.FullyConnectedPlan, constants: Sequence[np.ndarray | None]) -> Callable[..., np.ndarray]:
    """FULLY_CONNECTED on integers: weights widened once, offsets folded into the bias."""
    finish = bind_requantize(plan.requantize, plan.output_offset, plan.output_activation_min, plan.output_activation_max)
    acc_type = np.int32 if plan.acc_bits == 32 else np.int64

    def pack(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        filter_values = w.astype(np.int16) + np.int16(plan.filter_offset)
        return filter_values, plan.input_offset * filter_values.sum(axis=1, dtype=np.int64)

    packed = pack(constants[1]) if constants[1] is not None else None

    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        filter_values, base = packed if packed is not None else pack(w)
        start = (base if b is None else base + b).astype(acc_type)
        rows = np.ascontiguousarray(x).reshape(-1, w.shape[1]).astype(np.int16)
        acc = np.empty((len(rows), len(w)), acc_type)
        matmul.accumulate(rows, filter_values, start, acc)
        return finish(acc, plan.output_dtype).reshape(plan.output_shape)

    return run


def bind_fully_connected_float32(plan: fc.Float32Plan, constants: Sequence[np.ndarray | None]) -> Callable[..., np.ndarray]:
    """FULLY_CONNECTED in float32, sums in the order of memory."""
    packed = np.ascontiguousarray(constants[1].T) if constants[1] is not None else None

    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        y = np.empty((x.size // w.shape[1], len(w)), np.float32)
        bias = np.zeros(len(w), np.float32) if b is None else b
        rows = np.ascontiguousarray(x).reshape(-1, w.shape[1])
        matmul.sequential_float32(rows, packed if packed is not None else np.ascontiguousarray(w.T), bias, plan.low, plan.high, y)
        return y.reshape(plan.output_shape)

    return run


BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {
    fc.fully_connected: bind_fully_connected,
    fc.fully_connected_float32: bind_fully_connected_float32,
}
