"""LSTMs on float32 activations, with float32 weights or with weights of 8 bits ("hybrid", dynamic range).

At each time step, for each gate k with its weights W, R, peephole weights p, bias b, layer normalization weights n:

(1)  g_k = b_k + W_k x + R_k h + p_k c                  the cell gate has no p; the output gate sees the new c
     g_k = normalize(W_k x + R_k h + p_k c) n_k + b_k   with layer normalization
(2)  f, o = logistic(g), j = activation(g_cell),  i = logistic(g) or, with CIFG, 1 - f
(3)  c <- clip(f c + j i)
(4)  h <- o activation(c), with a projection clip(P h + bias)

The sums are taken in the order of equation (1), from left to right. Sequences with the batch first are evaluated one batch entry
after the other, those with time first all entries at once; that decides which rows a product has, and so the last bits.

In the hybrid form each row of x, h and of what is projected is quantized to int8 when it is seen.
Source: TFLite, lstm_eval.cc and tensor_utils; the sizes and positions that matter are those of its buffers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.arithmetic.hybrid import quantize_rows_asymmetric, quantize_rows_symmetric
from qref.schema.enums import TensorType

from . import _eigen
from ._lstm_operands import GateInputs, LstmInputs, read_activation, read_clips
from ._matmul import hybrid_matmul, wrap_accumulator
from .node import Node

FINITE = np.finfo(np.float32).max


@dataclass(frozen=True, slots=True)
class FloatLstmPlan:
    """What is fixed before the first inference of one LSTM."""

    inputs: LstmInputs
    time_major: bool
    reverse: bool  # whether time is walked backwards
    activation: str
    cell_clip: np.float32  # 0: none
    projection_clip: np.float32
    weight_scales: Mapping[int, np.float32]  # by input position; empty with float32 weights
    asymmetric: bool  # whether rows get a zero point of their own, in the hybrid form
    l1_bytes: int


def plan_float_lstm(node: Node, inputs: LstmInputs, time_major: bool, reverse: bool = False) -> FloatLstmPlan:
    """Read options and the scales of integer weights."""
    positions = [inputs.projection]
    for gate in inputs.gates.values():
        positions += [gate.input_weights, gate.recurrent_weights, gate.peephole, gate.aux_weights]
    operands = {p: node.input(p) for p in positions if p is not None}
    scales = {p: operand.scale for p, operand in operands.items() if operand.type != TensorType.FLOAT32}
    asymmetric = bool(node.options.get("asymmetric_quantize_inputs", False))
    activation = read_activation(node, "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
    return FloatLstmPlan(inputs, time_major, reverse, activation, *read_clips(node), scales, asymmetric, _eigen.l1_cache_bytes())


def activate(name: str, x: np.ndarray) -> np.ndarray:
    """A fused activation function of the recurrent kernels."""
    if name == "TANH":
        return _eigen.tanh(x)
    if name == "SIGN_BIT":
        return np.signbit(x).astype(np.float32)
    low, high = {"NONE": (-np.inf, np.inf), "RELU": (0, np.inf), "RELU_N1_TO_1": (-1, 1), "RELU6": (0, 6)}[name]
    return np.clip(x, np.float32(low), np.float32(high))


def quantized_product(x: np.ndarray, w: np.ndarray, scale: np.float32, asymmetric: bool) -> np.ndarray:
    """Return x [..., K] . w [N, K]T in float32, with each row of x quantized to int8."""
    quantize_rows = quantize_rows_asymmetric if asymmetric else quantize_rows_symmetric
    q, row_scale, zero_point = quantize_rows(x.reshape(np.prod(x.shape[:-1], dtype=int), x.shape[-1]))
    acc = wrap_accumulator(hybrid_matmul(q, zero_point[:, None], w.view(np.int8)), 32)
    return (acc.astype(np.float32) * (row_scale * scale)[:, None]).reshape(*x.shape[:-1], len(w))


class _Step:
    """One LSTM's tensors with the rules of its plan; activations are [groups, rows, ...], see `run_lstm`."""

    def __init__(self, tensors: Sequence[np.ndarray], plan: FloatLstmPlan):
        self.tensors, self.plan, self.inputs = tensors, plan, plan.inputs

    def add_product(self, total: np.ndarray, x: np.ndarray, weights: int, skip_zeros: bool) -> np.ndarray:
        """Return total + x . wT; where a whole group of x is zero and may be skipped, total as it is."""
        w, plan = self.tensors[weights], self.plan
        if w.ndim == 1:
            result = total + x * w
        elif weights in plan.weight_scales:
            result = total + quantized_product(x, w, plan.weight_scales[weights], plan.asymmetric)
        elif x.shape[-2] == 1:
            result = np.clip(_eigen.matmul(x, w, plan.l1_bytes) + total, -FINITE, FINITE)
        else:
            result = np.clip(_eigen.matmul(x, w, plan.l1_bytes), -FINITE, FINITE) + total
        return np.where(np.any(x, axis=(-2, -1), keepdims=True), result, total) if skip_zeros else result

    def start(self, gate: GateInputs, x: np.ndarray, aux: np.ndarray | None) -> np.ndarray:
        """What does not depend on the state, for all time steps: bias and products of the inputs."""
        base = np.zeros(self.inputs.cells, np.float32) if gate.layer_norm is not None else self.tensors[gate.bias]
        total = np.broadcast_to(base, (*x.shape[:-1], self.inputs.cells))
        total = self.add_product(total, x, gate.input_weights, skip_zeros=True)
        return (
            total if aux is None or gate.aux_weights is None else self.add_product(total, aux, gate.aux_weights, skip_zeros=True)
        )

    def gate(self, gate: GateInputs, start: np.ndarray, h: np.ndarray, c: np.ndarray) -> np.ndarray:
        """Equation (1)."""
        hybrid = bool(self.plan.weight_scales)
        total = self.add_product(start, h, gate.recurrent_weights, skip_zeros=hybrid)
        if gate.peephole is not None:
            w = self.tensors[gate.peephole]
            total = total + (w if not hybrid else w.view(np.int8).astype(np.float32) * self.plan.weight_scales[gate.peephole]) * c
        if gate.layer_norm is not None:
            total = _normalize(total) * self.tensors[gate.layer_norm] + self.tensors[gate.bias]
        return total

    def logistic(self, x: np.ndarray, slot: int) -> np.ndarray:
        """The gate's values; gates lie back to back in one buffer in the order input, cell, forget, output, by groups."""
        groups, size = x.shape[0], x.shape[1] * x.shape[2]
        slot -= self.inputs.cifg
        return _eigen.logistic(x.reshape(groups, size), (slot * groups + np.arange(groups)) * size).reshape(x.shape)

    def output(self, hidden: np.ndarray) -> np.ndarray:
        """The projection of equation (4)."""
        if self.inputs.projection is None:
            return hidden
        bias = np.float32(0) if self.inputs.projection_bias is None else self.tensors[self.inputs.projection_bias]
        base = np.broadcast_to(bias, (*hidden.shape[:-1], self.inputs.outputs))
        hybrid = bool(self.plan.weight_scales)
        return _clip(self.add_product(base, hidden, self.inputs.projection, skip_zeros=hybrid), self.plan.projection_clip)

    def __call__(self, starts: Mapping[str, np.ndarray], h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the new h and c."""
        plan = self.plan

        def gate(name: str) -> np.ndarray:
            return self.gate(self.inputs.gates[name], starts[name], h, c)

        i = None if self.inputs.cifg else self.logistic(gate("input"), slot=0)
        f = self.logistic(gate("forget"), slot=2)
        j = activate(plan.activation, gate("cell"))
        c = _clip(f * c + j * (1 - f if i is None else i), plan.cell_clip)
        o = self.logistic(gate("output"), slot=3)
        return self.output(o * activate(plan.activation, c)), c


def _clip(x: np.ndarray, limit: np.float32) -> np.ndarray:
    return np.clip(x, -limit, limit) if limit > 0 else x


def _normalize(x: np.ndarray) -> np.ndarray:
    """Each row brought to mean 0 and variance 1, sums taken in order."""
    size = np.float32(x.shape[-1])
    centred = x - (_eigen.sum_in_order(x) / size)[..., None]
    variance = _eigen.sum_in_order(centred * centred) / size
    return centred * (np.float32(1) / np.sqrt(variance + np.float32(1e-8)))[..., None]


@np.errstate(all="ignore")
def run_lstm(
    x: np.ndarray, aux: np.ndarray | None, tensors: Sequence[np.ndarray], plan: FloatLstmPlan
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return y, like x but of depth outputs, and the new states in the shapes of the old.

    x, aux   [T, B, depth] with time first, which makes one group of B rows; [B, T, depth] otherwise, B groups of one row
    tensors  all inputs of the operator
    """
    step, inputs = _Step(tensors, plan), plan.inputs
    rows = (1, inputs.batch) if plan.time_major else (inputs.batch, 1)

    def walk(array: np.ndarray) -> np.ndarray:
        steps = array if plan.time_major else array.swapaxes(0, 1)
        grouped = steps.reshape(len(steps), *rows, array.shape[-1])
        return grouped[::-1] if plan.reverse else grouped

    x = walk(x)
    aux = None if aux is None else walk(aux)
    starts = {name: step.start(gate, x, aux) for name, gate in inputs.gates.items()}
    h = tensors[inputs.output_state].reshape(*rows, inputs.outputs)
    c = tensors[inputs.cell_state].reshape(*rows, inputs.cells)
    y = np.empty((*x.shape[:-1], inputs.outputs), np.float32)
    for t in range(len(x)):
        h, c = step({name: start[t] for name, start in starts.items()}, h, c)
        y[t] = h
    y = (y[::-1] if plan.reverse else y).reshape(len(y), inputs.batch, inputs.outputs)
    y = np.ascontiguousarray(y if plan.time_major else y.swapaxes(0, 1))
    states = (inputs.output_state, h), (inputs.cell_state, c)
    return y, *(state.reshape(tensors[position].shape).copy() for position, state in states)  # type: ignore[return-value]


def lstm_float32(*arguments: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return y, the new output state and cell state; arguments are x [T, B, I], [B, T, I] or [B, I], other inputs, the plan."""
    *tensors, plan = arguments
    x = tensors[0]
    y, h, c = run_lstm(x if x.ndim == 3 else x[None], None, tensors, plan)
    return y.reshape(*x.shape[:-1], plan.inputs.outputs), h, c
