"""Calls of the recurrent operators on float32 activations, with float32 weights or with weights of 8 bits.

The products of all inputs are taken first, by one matmul; then one kernel goes through the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.dispatch.cut import Call
from qref.dispatch.float_tiles import Rows, Sums
from qref.dispatch.hybrid import Quantized, scales_first
from qref.kernels import hybrid as hybrid_kernels
from qref.kernels import lstm_float as kernels
from qref.kernels import lstm_float_constants as steps
from qref.ops import _lstm_float as lstm
from qref.ops import bidirectional_sequence_lstm as bidirectional
from qref.ops._matmul import row_sums, sign_errors

Tensors = Sequence[Any]  # arrays, None where an input is absent or not constant
Calls = list[Call] | None
ANY = -np.inf, np.inf, np.nan, 0  # outputs as they are
FINITE = np.array([-lstm.FINITE, lstm.FINITE], np.float32)
NOTHING = np.float32(-0.0)  # which changes no sum
CLAMPS = {"NONE": (-np.inf, np.inf), "RELU": (0, np.inf), "RELU_N1_TO_1": (-1, 1), "RELU6": (0, 6)}


def activation_of(name: str) -> steps.Activation:
    """A fused activation function."""
    kind = {"TANH": steps.TANH, "SIGN_BIT": steps.SIGN_BIT}.get(name, steps.CLAMP)
    low, high = CLAMPS.get(name, (0, 0))
    return steps.Activation(kind, np.float32(low), np.float32(high))


def places_of(x: np.ndarray, plan: Any, batch: int) -> np.ndarray:
    """The rows of x [..., depth] that are seen at each step, int64 [T, B]."""
    rows = np.arange(x.size // x.shape[-1])
    places = rows.reshape(-1, batch) if plan.time_major else rows.reshape(batch, -1).T
    return np.array(places[::-1] if plan.reverse else places, order="C")


def lstm_calls(plan: lstm.FloatLstmPlan, constants: Tensors, inputs: Tensors, outputs: Sequence[np.ndarray]) -> Calls:
    """The LSTM; its states change where they are."""
    return _direction(plan, inputs[0], constants, inputs, outputs[0], 0)


def bidirectional_calls(
    plans: tuple[lstm.FloatLstmPlan, ...], constants: Tensors, inputs: Tensors, outputs: Sequence[np.ndarray]
) -> Calls:
    """Both directions, one after the other; None with weights of the auxiliary input."""
    forward, backward = plans
    aux = inputs[bidirectional.AUX_INPUT]
    if forward.inputs.gates["output"].aux_weights is not None:
        return None
    first = _direction(forward, inputs[0], constants, inputs, outputs[0], 0)
    column = forward.inputs.outputs if len(outputs) == 1 else 0
    second = _direction(backward, inputs[0] if aux is None else aux, constants, inputs, outputs[-1], column)
    return None if first is None or second is None else first + second


def _direction(plan: lstm.FloatLstmPlan, x: Any, constants: Tensors, inputs: Tensors, y: np.ndarray, column: int) -> Calls:
    """One LSTM, its outputs in y [..., N] from a column on.

    None where weights are not constant or diagonal, where LiteRT takes some the wrong way, and where float32 weights meet several
    rows at once.
    """
    at, weights = plan.inputs, plan.weight_scales
    read = [p for gate in at.gates.values() for p in (gate.input_weights, gate.recurrent_weights)]
    read += [] if at.projection is None else [at.projection]
    rows = at.batch if plan.time_major else 1
    if not x.size or not all(constants[p] is not None for p in _positions(plan)):
        return None
    if any(inputs[p].ndim == 1 for p in read) or (rows > 1 and not weights):
        return None
    if weights and any(sign_errors(inputs[p].view(np.int8)).any() for p in read):
        return None
    places = places_of(x, plan, at.batch)
    h, c = inputs[at.output_state].reshape(at.batch, at.outputs), inputs[at.cell_state].reshape(at.batch, at.cells)
    steps = _hybrid_steps if weights else _float_steps
    return steps(plan, x.reshape(-1, at.depth), inputs, places, _constants(plan, inputs, rows), h, c, column, y)


def _positions(plan: lstm.FloatLstmPlan) -> list[int]:
    """Where the constant inputs stand."""
    at = plan.inputs
    found = [at.projection, at.projection_bias]
    for gate in at.gates.values():
        found += [gate.input_weights, gate.recurrent_weights, gate.bias, gate.peephole, gate.layer_norm]
    return [p for p in found if p is not None]


def _stacked(plan: lstm.FloatLstmPlan, inputs: Tensors) -> tuple[np.ndarray, ...]:
    """Of all gates: input weights, recurrent weights, and what their sums begin with."""
    gates, width = plan.inputs.gates.values(), len(plan.inputs.gates) * plan.inputs.cells
    first, second, biases = (
        np.concatenate([inputs[getattr(gate, name)] for gate in gates]) for name in ("input_weights", "recurrent_weights", "bias")
    )
    return first, second, np.zeros(width, np.float32) if plan.inputs.layer_norm else biases


def _projection(plan: lstm.FloatLstmPlan, inputs: Tensors) -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias, zeros where there is none; a row of zeros where nothing is projected."""
    at = plan.inputs
    if at.projection is None:
        return np.zeros((1, at.cells), np.int8 if plan.weight_scales else np.float32), np.zeros(1, np.float32)
    bias = np.zeros(at.outputs, np.float32) if at.projection_bias is None else inputs[at.projection_bias]
    return inputs[at.projection], bias


def _constants(plan: lstm.FloatLstmPlan, inputs: Tensors, rows: int) -> steps.Constants:
    """All that the steps need beside the products."""
    at, gates = plan.inputs, list(plan.inputs.gates.values())

    def peephole(position: int | None) -> np.ndarray:
        if position is None:
            return np.zeros(at.cells, np.float32)
        w: np.ndarray = inputs[position]
        return w.view(np.int8).astype(np.float32) * plan.weight_scales[position] if plan.weight_scales else w

    def table(values: list[np.ndarray]) -> np.ndarray:
        return np.array(values, np.float32).reshape(len(values), at.cells)

    return steps.Constants(
        peephole=table([peephole(gate.peephole) for gate in gates] if at.peephole else []),
        norm_weights=table([inputs[gate.layer_norm] for gate in gates if gate.layer_norm is not None]),
        norm_biases=table([inputs[gate.bias] for gate in gates]),
        activation=activation_of(plan.activation),
        cell_clip=plan.cell_clip,
        projection_clip=plan.projection_clip if at.projection is not None else np.float32(0),
        projects=np.bool_(at.projection is not None),
        rows=rows,
    )


def _lanes(x: np.ndarray, w: np.ndarray, bias: np.ndarray, units: int, y: np.ndarray) -> Call:
    """Write x [M, K] . w [N, K]T + bias, finite, to the first columns of y, in Eigen's order for one row and so many units."""
    rows = Rows(x.reshape(-1), np.arange(len(x)) * x.shape[1], np.zeros(1, np.int64), x.shape[1])
    return Sums(rows, bias, FINITE, y).in_lanes(w, (0, len(w)), 16 if units == 1 else 4, True, x.shape[1], slice(None))


def _float_steps(
    plan: lstm.FloatLstmPlan,
    x: np.ndarray,
    inputs: Tensors,
    places: np.ndarray,
    k_: steps.Constants,
    h: np.ndarray,
    c: np.ndarray,
    column: int,
    y: np.ndarray,
) -> list[Call]:
    (w, recurrent, biases), (projection, bias) = _stacked(plan, inputs), _projection(plan, inputs)
    hidden = np.zeros(c.shape, np.float32)
    of_output = _lanes(h, recurrent, biases, plan.inputs.cells, np.empty((len(h), len(recurrent)), np.float32)).arguments
    projected = np.empty((1, len(projection)), np.float32)
    of_hidden = _lanes(hidden, projection, bias, plan.inputs.outputs, np.empty((len(h), len(projection)), np.float32)).arguments
    starts = np.zeros((len(x), of_output[7].size), np.float32)
    fixed = (places, starts, k_, _without_ends(of_output), _without_ends(of_hidden), of_hidden[7])
    return [
        _lanes(x, w, biases, plan.inputs.cells, starts),
        bias_for_zeros(x, len(x), biases, starts),
        Call(kernels.lstm, (*fixed, h, c, hidden, projected, column, y.reshape(len(x), -1))),
    ]


def _without_ends(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of float_lanes.matmul without b and y."""
    return *arguments[:7], *arguments[8:10]


def rule_of(plan: Any) -> int:
    """How rows are quantized."""
    return hybrid_kernels.ASYMMETRIC if plan.asymmetric else hybrid_kernels.SYMMETRIC


def hybrid_product(rule: int, x: np.ndarray, w: np.ndarray, scale: np.ndarray, start: Any, y: np.ndarray) -> list[Call]:
    """Write start + x [M, K] . w [N, K]T, the rows of x quantized, to y [M, N]; scale [N] or [1]."""
    w = w.view(np.int8)
    return Quantized.rows(x, w, rule, y).calls(row_sums(w), scales_first(scale), start, ANY)


def hybrid_step(rule: int, x: np.ndarray, w: np.ndarray, scale: np.ndarray, y: np.ndarray) -> tuple[tuple[Any, ...], ...]:
    """The arguments of hybrid_matmul.multiply, which writes x [M, K] . w [N, K]T to y [M, N]; scale [N] or [1]."""
    w = w.view(np.int8)
    calls = Quantized.steps(x, w, rule, y).calls(row_sums(w), scales_first(scale), NOTHING, ANY)
    return tuple(call.arguments for call in calls)


def bias_for_zeros(x: np.ndarray, groups: int, bias: np.ndarray, y: np.ndarray) -> Call:
    """Nothing is added to the bias in the rows of y where a group of x is zero altogether."""
    return Call(hybrid_kernels.bias_for_zeros, (x.reshape(groups, -1), bias, np.float32(-np.inf), np.float32(np.inf), y))


def _hybrid_steps(
    plan: lstm.FloatLstmPlan,
    x: np.ndarray,
    inputs: Tensors,
    places: np.ndarray,
    k_: steps.Constants,
    h: np.ndarray,
    c: np.ndarray,
    column: int,
    y: np.ndarray,
) -> list[Call]:
    (w, recurrent, biases), (projection, bias) = _stacked(plan, inputs), _projection(plan, inputs)
    hidden = np.zeros(c.shape, np.float32)
    starts, products = np.empty((len(x), len(w)), np.float32), np.empty((len(h), len(w)), np.float32)
    projected = np.empty((len(h), len(projection)), np.float32)

    def scales(name: str) -> np.ndarray:
        each = [plan.weight_scales[getattr(gate, name)] for gate in plan.inputs.gates.values()]
        return np.repeat(np.array(each, np.float32), plan.inputs.cells)

    at = plan.inputs.projection
    of_projection = np.full(1, 0 if at is None else plan.weight_scales[at], np.float32)
    of_output = hybrid_step(rule_of(plan), h, recurrent, scales("recurrent_weights"), products)
    of_hidden = hybrid_step(rule_of(plan), hidden, projection, of_projection, projected)
    arrays = (bias, h, c, hidden, products, projected, column, y.reshape(len(x), -1))
    return [
        *hybrid_product(rule_of(plan), x, w, scales("input_weights"), biases, starts),
        bias_for_zeros(x, len(x) // k_.rows, biases, starts),
        Call(kernels.hybrid_lstm, (places, starts, k_, of_output, of_hidden, *arrays)),
    ]


CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {
    lstm.lstm_float32: lstm_calls,
    bidirectional.bidirectional: bidirectional_calls,
    bidirectional.bidirectional_merged: bidirectional_calls,
}
