"""Binders of the matmul family: FULLY_CONNECTED and BATCH_MATMUL here, the convolutions beside."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from qref.dispatch import convolution, float_matmul
from qref.dispatch.convolution import bind_finish, block_of, centred, once, starts
from qref.dispatch.tiled import RowTiles, bind_tiles
from qref.dispatch.tiles import Constants, Run
from qref.kernels import matmul
from qref.ops import batch_matmul as bmm
from qref.ops import fully_connected as fc
from qref.ops._matmul import IntegerPlan, row_sums, sign_errors


def accumulate(x: np.ndarray, w: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Accumulators [M, N] of centred x [M, K], packed w [N, K] and start [N], in the type of start."""
    acc = np.empty((len(x), len(w)), start.dtype)
    if acc.dtype == np.int32:
        matmul.accumulate(x, w, start, acc)
    else:
        matmul.accumulate_64(x, w, start, block_of(x.dtype, w), acc)
    return acc


def pack_integer(w: np.ndarray, plan: IntegerPlan) -> np.ndarray:
    """Weights [N, K] with their zero point taken off, as the core wants them."""
    return matmul.pack(w.astype(np.int16) + np.int16(plan.filter_offset))


def bind_fully_connected(plan: fc.FullyConnectedPlan, constants: Constants) -> Run:
    """FULLY_CONNECTED on integers."""
    finish = bind_finish(plan)
    packed = once(lambda w: pack_integer(w, plan), constants[1])

    @np.errstate(all="ignore")
    def plain(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        rows = centred(fc.rows_of(x, w), plan.input_offset)
        return finish(accumulate(rows, packed(w), starts(b, len(w), plan.acc_bits)))

    return plain if plan.acc_bits != 32 else bind_tiles(lambda x, w, b: RowTiles.of(x, w, b, plan), constants, plain)


def bind_fully_connected_float32(plan: fc.Float32Plan, constants: Constants) -> Run:
    """FULLY_CONNECTED in float32, sums in the order of memory."""
    packed = once(lambda w: np.array(w.T, order="C"), constants[1])

    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        y = np.empty((x.size // w.shape[1], len(w)), np.float32)
        bias = np.zeros(len(w), np.float32) if b is None else np.array(b.reshape(-1))
        matmul.sequential_float32(np.array(fc.rows_of(x, w)), packed(w), bias, plan.low, plan.high, y)
        return y.reshape(plan.output_shape)

    return run


def bind_fully_connected_hybrid(plan: fc.HybridPlan, constants: Constants) -> Run:
    """FULLY_CONNECTED on float32 rows quantized on the fly."""

    def pack(w: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        weights = w.view(np.int8)
        wrong, excess = sign_errors(weights), row_sums(weights) - weights.sum(axis=1, dtype=np.int64)
        return matmul.pack(weights), matmul.pack(wrong) if wrong.any() else None, excess

    packed = once(pack, constants[1])

    @np.errstate(all="ignore")
    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        q, scale, zero_point = fc.quantize_rows(x, w, plan)
        (weights, wrong, excess), start = packed(w), starts(None, len(w), 32)
        acc = accumulate(q - zero_point, weights, start) - zero_point * excess
        if wrong is not None:
            acc += 256 * accumulate(np.minimum(q, 0).astype(np.int16), wrong, start)
        return fc.finish_hybrid(acc, scale, x, b, plan)

    return run


def matrices(x: np.ndarray, batches: tuple[int, ...]) -> np.ndarray:
    """The operand's matrices [batch, rows, K], broadcast to the batch dimensions of the output."""
    return np.broadcast_to(x, (*batches, *x.shape[-2:])).reshape(math.prod(batches), *x.shape[-2:])


def bind_batch_matmul(plan: bmm.BatchMatMulPlan, constants: Constants) -> Run:
    """BATCH_MATMUL on integers, matrix by matrix."""
    finish = bind_finish(plan)

    @np.errstate(all="ignore")
    def run(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        batches, columns = plan.output_shape[:-2], plan.output_shape[-1]
        inputs = matrices(centred(bmm.as_rows(x, plan.adj_x), plan.input_offset), batches)
        weights = matrices(bmm.as_columns(w, plan.adj_y), batches)
        acc = np.empty((len(inputs), inputs.shape[1], columns), np.int32 if plan.acc_bits == 32 else np.int64)
        for number in range(len(acc)):
            acc[number] = accumulate(
                np.array(inputs[number]), pack_integer(weights[number], plan), starts(None, columns, plan.acc_bits)
            )
        return finish(acc.reshape(acc.size, 1))

    return run


def bind_batch_matmul_float32(plan: bmm.PlainPlan, constants: Constants) -> Run:
    """BATCH_MATMUL in float32, matrix by matrix."""
    low, high = np.float32(-np.inf), np.float32(np.inf)

    def run(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        batches = plan.output_shape[:-2]
        inputs = matrices(bmm.as_rows(x, plan.adj_x), batches)
        weights = matrices(bmm.as_columns(w, plan.adj_y), batches).swapaxes(-1, -2)
        y = np.empty((len(inputs), *plan.output_shape[-2:]), np.float32)
        bias = np.zeros(plan.output_shape[-1], np.float32)
        for number in range(len(y)):
            matmul.sequential_float32(
                np.array(inputs[number], order="C"), np.array(weights[number], order="C"), bias, low, high, y[number]
            )
        return y.reshape(plan.output_shape)

    return run


BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {
    fc.fully_connected: bind_fully_connected,
    fc.fully_connected_float32: bind_fully_connected_float32,
    fc.fully_connected_hybrid: bind_fully_connected_hybrid,
    bmm.batch_matmul: bind_batch_matmul,
    bmm.batch_matmul_float32: bind_batch_matmul_float32,
    **convolution.BINDERS,
    **float_matmul.BINDERS,
}
