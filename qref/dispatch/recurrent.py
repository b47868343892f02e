"""Binders of the recurrent operators: UNIDIRECTIONAL_SEQUENCE_LSTM, LSTM and SVDF on integers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.gemmlowp import logistic, tanh
from qref.arithmetic.requantize import DoubleRounding, Requantize
from qref.dispatch import tiles
from qref.dispatch.cut import Call
from qref.dispatch.tile_matmul import TileMatmul
from qref.dispatch.tiled import RowTiles
from qref.kernels import lstm as lstm_kernels
from qref.kernels import svdf as svdf_kernels
from qref.kernels.cpu import COMPILED
from qref.kernels.lstm_constants import Constants
from qref.ops import _lstm_integer as lstm
from qref.ops import svdf
from qref.ops._lstm_operands import GATES
from qref.ops._matmul import IntegerPlan

Tensors = Sequence[Any]  # arrays, None where an input is absent or not constant


@functools.cache
def activation_table(function: Callable[..., np.ndarray], integer_bits: int) -> np.ndarray:
    """A function of Q0.15 results at all 65536 words with that many integer bits, by their bits, int16."""
    table = function(np.arange(65536).astype(np.int16).astype(np.int64), integer_bits, 16).astype(np.int16)
    table.setflags(write=False)
    return table


Calls = list[Call] | None


def lstm_calls(plan: lstm.IntegerLstmPlan, constants: Tensors, inputs: Tensors, outputs: Sequence[np.ndarray]) -> Calls:
    """The LSTM on integers; its states change where they are. None for rules without a kernel and weights not constant."""
    rules, at = [plan.hidden, plan.projection], plan.inputs
    for gate in plan.gates.values():
        rules += [gate.input, gate.recurrent, gate.peephole]
    double = all(rule is None or isinstance(rule, DoubleRounding) for rule in rules)
    if not (COMPILED and double and plan.cell_has_tanh and _known(_changing(plan), constants, inputs)):
        return None
    x, h, c, gates = inputs[0], inputs[at.output_state], inputs[at.cell_state], at.gates.values()
    steps, width = x.size // (at.batch * at.depth), at.cells * len(gates)
    of_input, of_output = np.empty((steps * at.batch, width), np.int16), np.empty((at.batch, width), np.int32)
    biases = None if at.layer_norm else np.concatenate([inputs[gate.bias] for gate in gates])
    from_input = RowTiles.of(
        x,
        np.concatenate([inputs[gate.input_weights] for gate in gates]),
        biases,
        _sums(plan.input_zero_point, [plan.gates[name].input for name in at.gates], of_input),
    )
    recurrent = np.concatenate([inputs[gate.recurrent_weights] for gate in gates]).astype(np.int32)
    form = tiles.Form.of(h.dtype, -plan.output_zero_point, recurrent)
    rows, starts, whole = form.image((at.batch, at.outputs)), np.arange(at.batch) * at.outputs, np.zeros(1, np.int64)
    of_gates = _sums(plan.output_zero_point, [plan.gates[name].recurrent for name in at.gates], of_output)
    from_output = TileMatmul.of(form, starts, whole, recurrent[:, None], None, of_gates)
    assert from_input is not None
    assert from_output is not None
    places = np.arange(len(of_input))
    in_time = x.ndim == 2 or plan.time_major
    places = places.reshape(steps, at.batch) if in_time else np.ascontiguousarray(places.reshape(at.batch, steps).T)
    arguments = (
        places,
        of_input,
        _constants(plan, inputs, form.offset),
        from_output.call(rows.reshape(-1), of_output).arguments,
        rows.reshape(-1),
        of_output,
        h.reshape(at.batch, at.outputs),
        c.reshape(at.batch, at.cells),
        outputs[0].reshape(len(of_input), at.outputs),
    )
    return [*(from_input.calls(x, of_input) if x.size else []), Call(lstm_kernels.lstm, arguments)]


def _changing(plan: lstm.IntegerLstmPlan) -> tuple[int, int, int]:
    return 0, plan.inputs.output_state, plan.inputs.cell_state


def _known(changing: Sequence[int], constants: Tensors, inputs: Tensors) -> bool:
    """Whether all inputs but those at some positions are constant."""
    return all(c is not None or t is None or p in changing for p, (c, t) in enumerate(zip(constants, inputs)))


def _sums(zero_point: int, rules: Sequence[Any], of: np.ndarray) -> IntegerPlan:
    """The products of all gates at once, each brought to its gate's scale and saturated to the type of what holds them."""
    cells, limits = of.shape[1] // len(rules), np.iinfo(of.dtype)
    multiplier = np.repeat([int(rule.quantized_multiplier[0]) for rule in rules], cells)
    shift = np.repeat([int(rule.shift[0]) for rule in rules], cells)
    return IntegerPlan(
        -zero_point, 0, 0, DoubleRounding(multiplier, shift), int(limits.min), int(limits.max), 32, of.shape, of.dtype
    )


def bind_calls(
    make: Callable[..., Calls], otherwise: Callable[..., Any], plan: Any, constants: Tensors, changing: Sequence[int], width: Any
) -> Callable[..., Any]:
    """An operator with states by its calls, on arrays of its own that are made once where weights are constant.

    otherwise  what gives the results where `make` gives None
    changing   the positions of the input and, after it, of the states
    width      of the output's rows, from the tensors
    """
    made: list[tuple[list[np.ndarray], np.ndarray, list[Call]]] = []

    def run(*tensors: Any) -> tuple[np.ndarray, ...]:
        if not made:
            inputs = [np.array(tensor, order="C") if p in changing else tensor for p, tensor in enumerate(tensors)]
            y = np.empty((*tensors[0].shape[:-1], width(tensors)), np.int8)
            calls = make(plan, tensors, inputs, [y])
            if calls is None:
                results: tuple[np.ndarray, ...] = otherwise(*tensors, plan)
                return results
            made.append(([inputs[p] for p in changing], y, calls))
        arrays, y, calls = made[0] if _known(changing, constants, tensors) else made.pop()
        for array, p in zip(arrays, changing):
            np.copyto(array, tensors[p])
        for call in calls:
            call.kernel(*call.arguments)
        return y.copy(), *(state.copy() for state in arrays[1:])

    return run


def bind_lstm(plan: lstm.IntegerLstmPlan, constants: Tensors) -> Callable[..., Any]:
    """The LSTM on integers."""
    return bind_calls(lstm_calls, lstm.lstm_integer, plan, constants, _changing(plan), lambda tensors: plan.inputs.outputs)


def _constants(plan: lstm.IntegerLstmPlan, tensors: Tensors, row_offset: int) -> Constants:
    """All that the steps need beside the products."""
    inputs, gates = plan.inputs, list(plan.inputs.gates.values())

    def table(values: list[np.ndarray]) -> np.ndarray:
        return np.array(values, np.int64).reshape(len(values), values[0].size if values else 0)

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
    return Constants(
        multipliers=multipliers,
        shifts=shifts,
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
        row_offset=row_offset,
    )


def _multipliers(plan: lstm.IntegerLstmPlan) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and shifts of all rules, int64 [4, 4] as in the kernel's Constants."""
    rules: dict[tuple[int, int], Requantize | None] = {(2, 0): plan.hidden, (3, 0): plan.projection}
    table = np.zeros((2, 4, 4), np.int64)
    for name, gate in plan.gates.items():
        k = GATES.index(name)
        rules[0, k] = gate.peephole
        if gate.layer_norm is not None:
            table[:, 1, k] = gate.layer_norm.quantized_multiplier, gate.layer_norm.shift
    for place, rule in rules.items():
        if isinstance(rule, DoubleRounding):
            table[(slice(None), *place)] = rule.quantized_multiplier[0], rule.shift[0]
    return table[0], table[1]


def svdf_calls(plan: svdf.SvdfPlan, constants: Tensors, inputs: Tensors, outputs: Sequence[np.ndarray]) -> Calls:
    """SVDF on integers: the features by tiles, then one pass over the state, which changes where it is."""
    x, w, time_weights, bias, state = inputs
    if not (isinstance(plan.feature, DoubleRounding) and isinstance(plan.output, DoubleRounding)):
        return None
    if not (COMPILED and _known(SVDF_CHANGING, constants, inputs) and x.size and w.size):
        return None
    features, (filters, memory) = np.empty((len(x), len(w)), np.int16), time_weights.shape
    rows = RowTiles.of(x, w, None, _sums(plan.input_zero_point, [plan.feature], features))
    assert rows is not None
    units = filters // plan.rank
    base = np.zeros(units, np.int64) if bias is None else bias.astype(np.int64)
    output = int(plan.output.quantized_multiplier[0]), int(plan.output.shift[0])
    by_unit, weights = state.reshape(len(x), units, -1), time_weights.astype(np.int16).reshape(units, -1)
    return [
        *rows.calls(x, features),
        Call(svdf_kernels.append, (features.reshape(-1), state.reshape(-1, memory))),
        Call(svdf_kernels.filter_time, (by_unit, weights, base, *output, plan.output_zero_point, outputs[0])),
    ]


def bind_svdf(plan: svdf.SvdfPlan, constants: Tensors) -> Callable[..., Any]:
    """SVDF on integers."""
    return bind_calls(svdf_calls, svdf.svdf, plan, constants, SVDF_CHANGING, lambda tensors: len(tensors[1]) // plan.rank)


SVDF_CHANGING = 0, svdf.STATE

BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {lstm.lstm_integer: bind_lstm, svdf.svdf: bind_svdf}

CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {lstm.lstm_integer: lstm_calls, svdf.svdf: svdf_calls}
