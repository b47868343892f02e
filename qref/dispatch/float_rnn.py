"""Calls of RNN, UNIDIRECTIONAL_SEQUENCE_RNN, BIDIRECTIONAL_SEQUENCE_RNN and SVDF on float32 activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.dispatch.cut import Call
from qref.dispatch.float_recurrent import NOTHING, activation_of, bias_for_zeros, hybrid_product, hybrid_step, places_of, rule_of
from qref.kernels import rnn as kernels
from qref.kernels import svdf as svdf_kernels
from qref.ops import _rnn as rnn
from qref.ops import bidirectional_sequence_rnn as bidirectional
from qref.ops import svdf
from qref.ops._matmul import sign_errors

Tensors = Sequence[Any]  # arrays, None where an input is absent or not constant
Calls = list[Call] | None


def rnn_calls(plan: rnn.RnnPlan, constants: Tensors, inputs: Tensors, outputs: Sequence[np.ndarray]) -> Calls:
    """One network; its state changes where it is."""
    return _direction(plan, inputs[0], constants, inputs, outputs[0], 0, 1)


def bidirectional_calls(
    plan: bidirectional.BidirectionalRnnPlan, constants: Tensors, inputs: Tensors, outputs: Sequence[np.ndarray]
) -> Calls:
    """Both networks, one after the other; None with weights of the auxiliary input."""
    if plan.forward.aux_weights is not None:
        return None
    x, second_input = inputs[0], inputs[bidirectional.AUX_INPUT if plan.backward_reads_aux else 0]
    times, column = len(x) if plan.repeat else 1, inputs[plan.forward.bias].size if len(outputs) == 1 else 0
    first = _direction(plan.forward, x, constants, inputs, outputs[0], 0, times)
    second = _direction(plan.backward, second_input, constants, inputs, outputs[-1], column, times)
    return None if first is None or second is None else first + second


def _direction(plan: rnn.RnnPlan, x: Any, constants: Tensors, inputs: Tensors, y: np.ndarray, column: int, times: int) -> Calls:
    """One network, its outputs in y [..., N] from a column on; None for weights that LiteRT takes the wrong way."""
    positions = plan.weights, plan.recurrent_weights, plan.bias
    if not x.size or any(constants[p] is None for p in positions):
        return None
    (w, recurrent, bias), h = (inputs[p] for p in positions), inputs[plan.state]
    places, activation = np.tile(places_of(x, plan, len(h)), (times, 1)), activation_of(plan.activation)
    rows, out = x.reshape(-1, w.shape[1]), y.reshape(x.size // w.shape[1], -1)
    if plan.scales[0] is None:
        return [Call(kernels.rnn, (places, rows, _columns(w), bias, _columns(recurrent), activation, h, column, out))]
    if _has_wrong_signs(w, recurrent):
        return None
    scale, recurrent_scale = (np.full(1, s, np.float32) for s in plan.scales[:2])
    starts, products = np.empty((len(rows), len(bias)), np.float32), np.empty(h.shape, np.float32)
    together = len(h) if plan.time_major else 1
    step = hybrid_step(rule_of(plan), h, recurrent, recurrent_scale, products)
    return [
        *hybrid_product(rule_of(plan), rows, w, scale, bias, starts),
        bias_for_zeros(rows, len(rows) // together, bias, starts),
        Call(kernels.hybrid_rnn, (places, starts, step, together, activation, h, products, column, out)),
    ]


def _columns(w: np.ndarray) -> np.ndarray:
    return np.array(w.T, order="C")


def _has_wrong_signs(*weights: np.ndarray) -> bool:
    return any(sign_errors(w.view(np.int8)).any() for w in weights)


def svdf_calls(plan: svdf.SvdfFloatPlan, constants: Tensors, inputs: Tensors, outputs: Sequence[np.ndarray]) -> Calls:
    """SVDF: the features, then one pass over the state, which changes where it is."""
    x, w, time_weights, bias, state = inputs
    if not x.size or not w.size or any(c is None and i is not None for c, i in zip(constants[1:4], inputs[1:4])):
        return None
    features, memory = np.empty((len(x), len(w)), np.float32), time_weights.shape[1]
    if plan.feature_scale is None or plan.time_scale is None:
        first = [Call(kernels.products_in_lanes, (x, _columns(w), features))]
    elif _has_wrong_signs(w):
        return None
    else:
        zeros = np.zeros(len(w), np.float32)
        first = hybrid_product(rule_of(plan), x, w, np.full(1, plan.feature_scale, np.float32), zeros, features)
        first.append(bias_for_zeros(x, 1, zeros, features))
        time_weights = time_weights.view(np.int8).astype(np.float32) * plan.time_scale
    start = np.full(len(w) // plan.rank, NOTHING) if bias is None else bias
    return [
        *first,
        Call(svdf_kernels.append, (features.reshape(-1), state.reshape(-1, memory))),
        Call(
            kernels.filter_time,
            (state.reshape(len(x), len(w), memory), time_weights, start, activation_of(plan.activation), outputs[0]),
        ),
    ]


CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {
    rnn.rnn: rnn_calls,
    bidirectional.bidirectional: bidirectional_calls,
    bidirectional.bidirectional_merged: bidirectional_calls,
    svdf.svdf_float32: svdf_calls,
}
