"""UNIDIRECTIONAL_SEQUENCE_LSTM as TFLM computes it: each step put together from its other operators.

At each time step, for the gates forget, input, cell and output, with the sums and products of TFLM's kernels:

(1)  g = saturate(FULLY_CONNECTED(x, W, b) + FULLY_CONNECTED(h, R))          int16, 2^-12 per LSB; float32
(2)  f, i, o = LOGISTIC(g),  j = TANH(g)                                     int16, 2^-15 per LSB
(3)  c <- clip(saturate(MUL(f, c) + MUL(i, j)))                              the clip where cell_clip is above 0
(4)  h <- MUL(o, TANH(c))                                                    TANH of c by its scale, a power of two

Layout   as in LiteRT, but no CIFG, peephole, projection nor layer normalization; 24 inputs
Types    x, h, y int8 or int16; c int16; weights int8; biases int32 or, for int16 x, int64     accumulates as the bias
         x, y, states, weights, biases float32
Scales   quotients in float64; weights per tensor with zero point 0; the cell state's a power of two
Source   TFLM, lstm_eval.cc and lstm_eval_common.cc; facts verified in tests/ops/test_tflm_lstm.py
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import saturate_int16
from qref.arithmetic.libm import tanhf
from qref.arithmetic.lookup_table import logistic_16bit, tanh_16bit
from qref.arithmetic.requantize import Requantize
from qref.ops._lstm_operands import GATES, expect_counts, expect_state, expect_tensor, read_activation, read_clips
from qref.ops._matmul import integer_matmul, sequential_matmul, wrap_accumulator
from qref.ops.logistic import logistic
from qref.ops.node import Node, Operand, Prepared
from qref.schema.enums import TensorType

from ._lstm_explain import explain_float32_step, explain_step
from ._lstm_plan import (
    BIASES,
    CELL_STATE,
    GATE_EXPONENT,
    INPUT_WEIGHTS,
    OUTPUT_STATE,
    RECURRENT_WEIGHTS,
    UNUSED,
    Float32LstmPlan,
    LstmPlan,
)

Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    expect_counts(node, (24,), outputs=1)
    x, y = node.input(0), node.output()
    node.expect_type(x, TensorType.INT8, TensorType.INT16, TensorType.FLOAT32)
    node.expect_type(y, x.type)
    node.expect(len(x.shape) == 3, f"input {x} has shape {list(x.shape)}; expected [time, batch, depth] or [batch, time, depth]")
    for position in UNUSED:
        if node.input(position, optional=True) is not None:
            node.unsupported(f"input {position} is given; TFLM has no peephole weights, projection nor layer normalization")
    time_major = bool(node.options.get("time_major", False))
    batch, cells = x.shape[1 if time_major else 0], node.input(INPUT_WEIGHTS + 1).shape[0]
    _check_operands(node, batch, cells)
    node.resize(0, (*x.shape[:2], cells))
    read_activation(node, "TANH")
    updates = (OUTPUT_STATE, CELL_STATE)
    if x.type == TensorType.FLOAT32:
        plan = Float32LstmPlan(time_major, read_clips(node)[0])
        return Prepared(lstm_float32, plan, explain_float32, updates=updates, pure=False)
    return Prepared(lstm, _plan(node, time_major), explain, updates=updates, pure=False)


def _check_operands(node: Node, batch: int, cells: int) -> None:
    x = node.input(0)
    floating = x.type == TensorType.FLOAT32
    weights = TensorType.FLOAT32 if floating else TensorType.INT8
    for gate in range(4):
        w = expect_tensor(node, INPUT_WEIGHTS + gate, weights, (cells, x.shape[2]))
        r = expect_tensor(node, RECURRENT_WEIGHTS + gate, weights, (cells, cells))
        symmetric = floating or w.zero_point == r.zero_point == 0
        node.expect(symmetric, f"weights {w} and {r} have zero points; expected 0")
        bias = node.input(BIASES + gate)
        types = (TensorType.INT32, TensorType.INT64) if x.type == TensorType.INT16 else (TensorType.INT32,)
        node.expect_type(bias, *((TensorType.FLOAT32,) if floating else types))
        node.expect(bias.shape == (cells,), f"bias {bias} has shape {list(bias.shape)}; expected [{cells}]")
    expect_state(node, OUTPUT_STATE, x.type, batch * cells)
    expect_state(node, CELL_STATE, TensorType.FLOAT32 if floating else TensorType.INT16, batch * cells)


def _plan(node: Node, time_major: bool) -> LstmPlan:
    x, output_state, cell_state = node.input(0), node.input(OUTPUT_STATE), node.input(CELL_STATE)
    exponent = math.log2(cell_state.scale) if cell_state.scale > 0 else math.nan
    message = f"the cell state {cell_state} has the scale {cell_state.scale}; expected a power of two from 2^-30 to 1"
    node.expect(abs(exponent - round(exponent)) < 1e-3 if math.isfinite(exponent) else False, message)
    node.expect(-30 <= exponent <= 0, message)
    bits = {name: 64 if node.input(BIASES + k).type == TensorType.INT64 else 32 for k, name in enumerate(GATES)}

    def rules(position: int, operand: Operand) -> dict[str, Requantize]:
        scales = [np.float64(operand.scale) * np.float64(node.input(position + k).scale) / 2.0**GATE_EXPONENT for k in range(4)]
        return {name: node.requantize(scale, bits[name]) for name, scale in zip(GATES, scales)}

    cell_scale, clip = np.float64(cell_state.scale), float(read_clips(node)[0])
    return LstmPlan(
        time_major=time_major,
        acc_bits=bits,
        input=rules(INPUT_WEIGHTS, x),
        recurrent=rules(RECURRENT_WEIGHTS, output_state),
        input_zero_point=x.zero_point,
        output_zero_point=output_state.zero_point,
        cell_exponent=round(exponent),
        keep=node.requantize(2.0**-15 * cell_scale / cell_scale),
        add=node.requantize(2.0**-30 / cell_scale),
        hidden=node.requantize(2.0**-30 / np.float64(output_state.scale)),
        cell_clip=int(min(clip / cell_scale, 32767.0)),
    )


def lstm(*arguments: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return y, the new output state and the new cell state, integers; arguments are the inputs, then the plan."""
    *tensors, plan = arguments
    limits = np.iinfo(tensors[0].dtype)

    def gate(k: int, x: np.ndarray, h: np.ndarray) -> np.ndarray:
        name = GATES[k]

        def product(values: np.ndarray, position: int, start: np.ndarray | int, rule: Requantize) -> np.ndarray:
            acc = integer_matmul(values, tensors[position + k].astype(np.int64)) + start
            return saturate_int16(rule(wrap_accumulator(acc, plan.acc_bits[name])))

        of_x = product(x - plan.input_zero_point, INPUT_WEIGHTS, tensors[BIASES + k].astype(np.int64), plan.input[name])
        return saturate_int16(of_x + product(h - plan.output_zero_point, RECURRENT_WEIGHTS, 0, plan.recurrent[name]))

    def step(x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        i, f, o = (logistic_16bit(gate(k, x, h), 0, 0) for k in (0, 1, 3))
        j = tanh_16bit(gate(2, x, h), 0, 0)
        c = saturate_int16(saturate_int16(_scaled(plan.keep, f * c)) + saturate_int16(_scaled(plan.add, i * j)))
        c = np.clip(c, -plan.cell_clip, plan.cell_clip) if plan.cell_clip > 0 else c
        h = _scaled(plan.hidden, o * tanh_16bit(c, *plan.tanh_of_cell)) + plan.output_zero_point
        return np.clip(h, limits.min, limits.max), c

    return _run(tensors, plan.time_major, np.dtype(np.int64), step)


@np.errstate(all="ignore")
def lstm_float32(*arguments: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return y, the new output state and the new cell state, float32; arguments are the inputs, then the plan."""
    *tensors, plan = arguments

    def gate(k: int, x: np.ndarray, h: np.ndarray) -> np.ndarray:
        of_x = sequential_matmul(x, tensors[INPUT_WEIGHTS + k]) + tensors[BIASES + k]
        return of_x + sequential_matmul(h, tensors[RECURRENT_WEIGHTS + k])

    def step(x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        i, f, o = (logistic(gate(k, x, h)) for k in (0, 1, 3))
        c = f * c + i * tanhf(gate(2, x, h))
        c = np.clip(c, -plan.cell_clip, plan.cell_clip) if plan.cell_clip > 0 else c
        return o * tanhf(c), c

    return _run(tensors, plan.time_major, np.dtype(np.float32), step)


def _scaled(rule: Requantize, products: np.ndarray) -> np.ndarray:
    return rule(products.reshape(-1)).reshape(products.shape)


def _run(tensors: list[Any], time_major: bool, dtype: np.dtype, step: Step) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All time steps; `step` takes and returns arrays [B, ...] of dtype."""
    x, output_state, cell_state = tensors[0], tensors[OUTPUT_STATE], tensors[CELL_STATE]
    steps = (x if time_major else x.swapaxes(0, 1)).astype(dtype)
    h, c = (state.reshape(steps.shape[1], -1).astype(dtype) for state in (output_state, cell_state))
    y = np.empty((*steps.shape[:2], h.shape[1]), x.dtype)
    for t in range(len(steps)):
        h, c = step(steps[t], h, c)
        y[t] = h
    states = (h.astype(x.dtype).reshape(output_state.shape), c.astype(cell_state.dtype).reshape(cell_state.shape))
    return y if time_major else np.ascontiguousarray(y.swapaxes(0, 1)), *states


def explain(*arguments: Any) -> Explanation:
    """Explain y[element]; arguments are the inputs, the plan and the element."""
    *tensors, plan, element = arguments
    return explain_step(tensors, plan, element, *_states_before(lstm, tensors, plan, element))


def explain_float32(*arguments: Any) -> Explanation:
    """Explain y[element]; arguments are the inputs, the plan and the element."""
    *tensors, plan, element = arguments
    return explain_float32_step(tensors, plan, element, *_states_before(lstm_float32, tensors, plan, element))


def _states_before(
    reference: Callable[..., Any], tensors: Sequence[Any], plan: LstmPlan | Float32LstmPlan, element: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Output and cell state [B, cells] before the time step of an element, as the explanations of earlier elements give them."""
    axis = 0 if plan.time_major else 1
    x = tensors[0].take(range(element[axis]), axis)
    _, h, c = reference(x, *tensors[1:], plan)
    return h.reshape(x.shape[1 - axis], -1), c.reshape(x.shape[1 - axis], -1)
