"""Binders of the recurrent operators: UNIDIRECTIONAL_SEQUENCE_LSTM, LSTM and SVDF on integers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.gemmlowp import logistic, tanh
from qref.arithmetic.requantize import DoubleRounding, Requantize
from qref.kernels import lstm as lstm_kernels
from qref.kernels import svdf as svdf_kernels
from qref.kernels.matmul import accumulate
from qref.ops import _lstm_integer as lstm
from qref.ops import svdf
from qref.ops._lstm_operands import GATES

Tensors = Sequence[Any]  # arrays, None where an input is absent or not constant


@functools.cache
def activation_table(function: Callable[..., np.ndarray], integer_bits: int) -> np.ndarray:
    """A function of Q0.15 results at all 65536 words with that many integer bits, int16."""
    table = function(np.arange(-32768, 32768), integer_bits, 16).astype(np.int16)
    table.setflags(write=False)
    return table


def bind_lstm(plan: lstm.IntegerLstmPlan, constants: Tensors) -> Callable[..., Any]:
    """The LSTM on integers: weights of all gates stacked and widened, zero points folded, activations tabulated."""
    rules = [plan.hidden, plan.projection]
    for gate in plan.gates.values():
        rules += [gate.input, gate.recurrent, gate.peephole]
    if not plan.cell_has_tanh or not all(rule is None or isinstance(rule, DoubleRounding) for rule in rules):
        return lambda *tensors: lstm.lstm_integer(*tensors, plan)
    inputs = plan.inputs
    positions = [p for gate in inputs.gates.values() for p in (gate.input_weights, gate.recurrent_weights, gate.bias)]
    packed = _pack(plan, constants) if all(constants[p] is not None for p in positions) else None

    def run(*tensors: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        weights, start, kernel_constants = packed if packed is not None else _pack(plan, tensors)
        x, output_state, cell_state = (tensors[p] for p in (0, inputs.output_state, inputs.cell_state))
        steps = x[None] if x.ndim == 2 else x if plan.time_major else x.swapaxes(0, 1)
        acc = np.empty((len(steps) * inputs.batch, len(weights)), np.int32)
        accumulate(steps.astype(np.int16).reshape(len(acc), inputs.depth), weights, start, acc)
        h = output_state.reshape(inputs.batch, inputs.outputs).astype(np.int16)
        c = cell_state.reshape(inputs.batch, inputs.cells).copy()
        y = np.empty((len(steps), inputs.batch, inputs.outputs), np.int8)
        lstm_kernels.lstm(acc.reshape(len(steps), inputs.batch, len(weights)), kernel_constants, h, c, y)
        y = y[0] if x.ndim == 2 else y if plan.time_major else np.ascontiguousarray(y.swapaxes(0, 1))
        return y, h.astype(np.int8).reshape(output_state.shape), c.reshape(cell_state.shape)

    return run


def _pack(plan: lstm.IntegerLstmPlan, tensors: Tensors) -> tuple[np.ndarray, np.ndarray, lstm_kernels.Constants]:
    """Stacked input weights, what their accumulators start from, and all else."""
    inputs, gates = plan.inputs, list(plan.inputs.gates.values())

    def stacked(position: str, zero_point: int, with_bias: bool) -> tuple[np.ndarray, np.ndarray]:
        weights = [tensors[getattr(gate, position)] for gate in gates]
        biases = [tensors[gate.bias] if with_bias else None for gate in gates]
        starts = [lstm.fold_zero_point(w, zero_point, bias) for w, bias in zip(weights, biases)]
        return np.concatenate(weights).astype(np.int16), np.concatenate(starts).astype(np.int32)

    def table(values: list[np.ndarray]) -> np.ndarray:
        return np.array(values, np.int64).reshape(len(values), values[0].size if values else 0)

    input_weights, input_start = stacked("input_weights", plan.input_zero_point, not inputs.layer_norm)
    recurrent_weights, recurrent_start = stacked("recurrent_weights", plan.output_zero_point, False)
    none = np.zeros(inputs.batch * inputs.cells, np.int64)
    peephole = [
        none if gate.peephole is None else lstm.spread_peephole(tensors[gate.peephole], inputs, plan.time_major).ravel()
        for gate in gates
        if inputs.peephole
    ]
    norms = [tensors[gate.layer_norm] for gate in gates if gate.layer_norm is not None]
    projection_weights, projection_start = np.zeros((0, inputs.cells), np.int16), np.zeros(0, np.int32)
    if inputs.projection is not None:
        bias = None if inputs.projection_bias is None else tensors[inputs.projection_bias]
        projection_weights = tensors[inputs.projection].astype(np.int16)
        projection_start = lstm.fold_zero_point(tensors[inputs.projection], -plan.hidden_zero_point, bias).astype(np.int32)
    multipliers, shifts = _multipliers(plan)
    norm_plans = [plan.gates[name].layer_norm if name in plan.gates else None for name in GATES]
    guards = [0 if norm is None else norm.variance_guard for norm in norm_plans]
    constants = lstm_kernels.Constants(
        multipliers=multipliers,
        shifts=shifts,
        recurrent_weights=recurrent_weights,
        recurrent_start=recurrent_start,
        peephole=table(peephole),
        norm_weights=table(norms),
        norm_biases=table([tensors[gate.bias] for gate in gates]),
        variance_guards=np.array(guards, np.int64),
        activations=np.stack(
            [activation_table(logistic, 3), activation_table(tanh, 3), activation_table(tanh, 15 + plan.cell_exponent)]
        ),
        projection_weights=projection_weights,
        projection_start=projection_start,
        product_shift=30 + plan.cell_exponent,
        cell_clip=plan.cell_clip,
        hidden_offset=-plan.hidden_zero_point if inputs.projection is not None else plan.hidden_zero_point,
        projection_clip=plan.projection_clip,
        output_zero_point=plan.output_zero_point,
    )
    return input_weights, input_start, constants


def _multipliers(plan: lstm.IntegerLstmPlan) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and shifts of all rules, int64 [6, 4] as in the kernel's Constants."""
    rules: dict[tuple[int, int], Requantize | None] = {(4, 0): plan.hidden, (5, 0): plan.projection}
    table = np.zeros((2, 6, 4), np.int64)
    for name, gate in plan.gates.items():
        k = GATES.index(name)
        rules |= {(0, k): gate.input, (1, k): gate.recurrent, (2, k): gate.peephole}
        if gate.layer_norm is not None:
            table[:, 3, k] = gate.layer_norm.quantized_multiplier, gate.layer_norm.shift
    for place, rule in rules.items():
        if isinstance(rule, DoubleRounding):
            table[(slice(None), *place)] = rule.quantized_multiplier[0], rule.shift[0]
    return table[0], table[1]


def bind_svdf(plan: svdf.SvdfPlan, constants: Tensors) -> Callable[..., Any]:
    """SVDF on integers: the features by the matmul core, then one pass over the state."""
    if not (isinstance(plan.feature, DoubleRounding) and isinstance(plan.output, DoubleRounding)):
        return lambda x, w, time_weights, bias, state: svdf.svdf(x, w, time_weights, bias, state, plan)
    feature, output = ((int(rule.quantized_multiplier[0]), int(rule.shift[0])) for rule in (plan.feature, plan.output))

    def run(
        x: np.ndarray, w: np.ndarray, time_weights: np.ndarray, bias: np.ndarray | None, state: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        batch, filters, memory = len(x), len(w), time_weights.shape[1]
        units = filters // plan.rank
        features = np.empty((batch, filters), np.int32)
        accumulate(
            x.astype(np.int16),
            w.astype(np.int16),
            lstm.fold_zero_point(w, plan.input_zero_point, None).astype(np.int32),
            features,
        )
        steps = np.empty((batch * filters, memory), np.int16)
        svdf_kernels.append_features(state.reshape(steps.shape).astype(np.int16), features.reshape(len(steps)), *feature, steps)
        y = np.empty((batch, units), np.int8)
        base = np.zeros(units, np.int64) if bias is None else bias.astype(np.int64)
        rows = steps.reshape(batch, units, plan.rank * memory)
        filter_weights = time_weights.astype(np.int16).reshape(units, plan.rank * memory)
        svdf_kernels.filter_time(rows, filter_weights, base, *output, plan.output_zero_point, y)
        return y, steps.reshape(state.shape)

    return run


BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {lstm.lstm_integer: bind_lstm, svdf.svdf: bind_svdf}
