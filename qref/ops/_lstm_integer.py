"""The LSTM on int8 activations with 16-bit gates ("8x8 to 16"), in integers alone.

At each time step, for each gate k, with saturation to int16 after each addition and a rounding rule at each arrow:

(1)  g = (W x + b - zp_x sum W) -> + (R h - zp_h sum R) -> + (p c) ->       the cell gate has no p; the output gate sees the new c
(2)  g = normalize(g, n, b)                                                with layer normalization, which then takes the bias
(3)  f, o = logistic(g), j = tanh(g),  i = logistic(g) or, with CIFG, 32767 - f
(4)  c <- clip(round(f c / 2^15) + round(i j / 2^(30 + s)))                saturating; i j wraps to int16
(5)  m = round(o tanh(c)),  h <- m + zp_m, with a projection h <- clip((P (m - zp_m) + bias + zp_m sum P) -> + zp_h)

g is Q3.12 (with layer normalization at its intermediate's scale), activations are Q0.15, c has the scale 2^s. The scales behind
the arrows:  scale_W scale_x / scale_g,  scale_R scale_h / scale_g,  2^s scale_p / scale_g,  2^-30 / scale_m,
scale_P scale_m / scale_h;  m is intermediate 4. All are float32, formed from left to right. Weights have zero point 0.

Peephole weights are read with the stride of the outputs, not of the cells: with fewer outputs than cells, the weights of the
first O cells serve the first B * O cell states in the order of memory, and the rest has none.

Source: TFLite, lstm_eval.cc and portable_tensor_utils.cc.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.arithmetic.fixed_point import multiply_by_quantized_multiplier as multiply
from qref.arithmetic.fixed_point import (
    quantize_multiplier,
    rounding_divide_by_pot,
    saturate_int16,
    wrap_int16,
    wrap_int32,
)
from qref.arithmetic.gemmlowp import get_inv_sqrt_quantized_multiplier_exp, logistic, tanh
from qref.arithmetic.requantize import Requantize

from ._lstm_explain import explain_lstm
from ._lstm_operands import GATES, LstmInputs, read_clips
from ._matmul import integer_matmul
from .node import Node

__all__ = [
    "GATE_INTEGER_BITS",
    "IntegerGatePlan",
    "IntegerLstmPlan",
    "explain_lstm",
    "gate_sums",
    "lstm_integer",
    "plan_integer_lstm",
    "products_of_inputs",
]

Tensors = Sequence[np.ndarray]

GATE_INTEGER_BITS = 3


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Layer normalization of one gate: its scale as a multiplier, and the least variance."""

    quantized_multiplier: int
    shift: int
    variance_guard: int


@dataclass(frozen=True, slots=True)
class IntegerGatePlan:
    """The rounding rules of one gate's three sums."""

    input: Requantize
    recurrent: Requantize
    peephole: Requantize | None
    layer_norm: LayerNorm | None


@dataclass(frozen=True, slots=True)
class IntegerLstmPlan:
    """The integers that are fixed before the first inference."""

    inputs: LstmInputs
    time_major: bool
    gates: Mapping[str, IntegerGatePlan]  # by name; without the input gate with CIFG
    input_zero_point: int  # LSB
    output_zero_point: int
    cell_exponent: int  # s: the cell state's scale is 2^s
    cell_clip: int  # LSB of the cell state; 0: none
    hidden: Requantize
    hidden_zero_point: int
    projection: Requantize | None
    projection_clip: int  # LSB of the output; 0: none

    @property
    def cell_has_tanh(self) -> bool:
        """Whether LiteRT has a tanh for the cell state's integer bits; else its buffer keeps what it holds, which is i."""
        return 0 <= 15 + self.cell_exponent <= 6


@np.errstate(all="ignore")
def plan_integer_lstm(node: Node, inputs: LstmInputs, time_major: bool) -> IntegerLstmPlan:
    """Derive the rules from the scales of tensors and intermediates."""
    node.expect(
        len(node.intermediates) == 5,
        f"expected 5 intermediate tensors, which give the scales inside the LSTM, found {len(node.intermediates)}",
    )
    node.expect(
        not inputs.peephole or inputs.outputs <= inputs.cells,
        f"peephole weights of {inputs.cells} cells would be read up to the number of outputs, {inputs.outputs}",
    )
    cell_state, output_state, hidden = node.input(inputs.cell_state), node.input(inputs.output_state), node.intermediates[4]
    exponent = _cell_exponent(node, float(cell_state.scale))
    node.expect(
        0 <= 15 + exponent <= 6 or not inputs.cifg,
        f"the cell state has the scale 2^{exponent}; without an input gate it needs 2^-15 to 2^-9, for others LiteRT has no tanh",
    )
    cell_clip, projection_clip = read_clips(node)
    projection = None
    if inputs.projection is not None:
        projection = node.requantize(node.input(inputs.projection).scale * hidden.scale / output_state.scale)
    return IntegerLstmPlan(
        inputs=inputs,
        time_major=time_major,
        gates={name: _plan_gate(node, inputs, name, exponent) for name in inputs.gates},
        input_zero_point=node.input(0).zero_point,
        output_zero_point=output_state.zero_point,
        cell_exponent=exponent,
        cell_clip=_quantized_clip(cell_clip, cell_state.scale, 32767),
        hidden=node.requantize(np.float32(2.0**-15 / float(hidden.scale) * 2.0**-15)),
        hidden_zero_point=hidden.zero_point,
        projection=projection,
        projection_clip=_quantized_clip(projection_clip, node.output().scale, 127),
    )


def _cell_exponent(node: Node, scale: float) -> int:
    exponent = math.log2(scale) if scale > 0 and math.isfinite(scale) else math.nan
    near = abs(exponent - round(exponent)) < 1e-3 if exponent == exponent else False
    node.expect(near and -30 <= exponent <= 0, f"the cell state has the scale {scale}; expected a power of two from 2^-30 to 1")
    return round(exponent)


def _quantized_clip(clip: np.float32, scale: np.float32, most: int) -> int:
    return int(min(clip / scale, np.float32(most))) if clip > 0 else 0


def _plan_gate(node: Node, inputs: LstmInputs, name: str, cell_exponent: int) -> IntegerGatePlan:
    gate = inputs.gates[name]
    gate_scale = node.intermediates[GATES.index(name)].scale if gate.layer_norm is not None else np.float32(2.0**-12)
    peephole = layer_norm = None
    if gate.peephole is not None:
        weight_scale = float(node.input(gate.peephole).scale)
        peephole = node.requantize(np.float32(np.float64(2.0**cell_exponent * weight_scale) / gate_scale))
    if gate.layer_norm is not None:
        scale = node.input(gate.layer_norm).scale
        multiplier, shift = quantize_multiplier(np.float64(scale))
        layer_norm = LayerNorm(int(multiplier), int(shift), max(1, int(min(np.float32(10000) * scale, np.float32(2**30)))))
    return IntegerGatePlan(
        input=node.requantize(node.input(gate.input_weights).scale * node.input(0).scale / gate_scale),
        recurrent=node.requantize(node.input(gate.recurrent_weights).scale * node.input(inputs.output_state).scale / gate_scale),
        peephole=peephole,
        layer_norm=layer_norm,
    )


def fold_zero_point(w: np.ndarray, zero_point: int, bias: np.ndarray | None) -> np.ndarray:
    """Return bias - zero_point * sum w, int64 [N]: what a product's accumulators start from."""
    start = -zero_point * w.sum(axis=1, dtype=np.int64)
    return start if bias is None else start + bias


def spread_peephole(w: np.ndarray, inputs: LstmInputs, time_major: bool) -> np.ndarray:
    """The peephole weights as the kernel reads them, int64 [B, C]."""
    spread = np.zeros((inputs.batch, inputs.cells), np.int64)
    rows = spread.reshape(1, -1) if time_major else spread
    covered = rows[:, : inputs.outputs * (inputs.batch if time_major else 1)]
    covered[:] = np.resize(w[: inputs.outputs], covered.shape[1:])
    return spread


def layer_normalize(g: np.ndarray, w: np.ndarray, bias: np.ndarray, plan: LayerNorm) -> np.ndarray:
    """Each row of g [B, C] brought to mean 0 and variance 1, times w, plus bias.

    mean = trunc(1024 sum g / C),  variance = trunc((trunc(2^20 / C) sum g^2 - mean^2) / 2^20), at least variance_guard
    g    = saturate(round(trunc(round((1024 g - mean) / sqrt(variance)) w + b -> / 1024) * scale * 2^12))
    """
    cells = g.shape[1]
    mean = _divide(1024 * g.sum(axis=1), cells)
    variance = _divide((g * g).sum(axis=1) * (2**20 // cells) - mean * mean, 2**20)
    variance = np.where(variance < 1, plan.variance_guard, variance)
    multiplier, shift = get_inv_sqrt_quantized_multiplier_exp(variance)
    normal = multiply(1024 * g - mean[:, None], multiplier[:, None], shift[:, None])
    scaled = wrap_int32(normal * w + bias)
    rounded = _divide(scaled + np.where(scaled > 0, 512, -512), 1024)
    return saturate_int16(multiply(rounded, plan.quantized_multiplier, plan.shift + 12))


def _divide(x: np.ndarray, divisor: int) -> np.ndarray:
    """C's division: the quotient truncated."""
    return np.sign(x) * (np.abs(x) // divisor)


def lstm_integer(*arguments: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return y int8, the new output state int8 and the new cell state int16; arguments are the inputs, then the plan."""
    *tensors, plan = arguments
    x, inputs = tensors[0].astype(np.int64), plan.inputs
    steps = x[None] if x.ndim == 2 else x if plan.time_major else x.swapaxes(0, 1)  # [T, B, I]
    starts = {name: products_of_inputs(name, steps, tensors, plan) for name in inputs.gates}
    h = tensors[inputs.output_state].reshape(inputs.batch, inputs.outputs).astype(np.int64)
    c = tensors[inputs.cell_state].reshape(inputs.batch, inputs.cells).astype(np.int64)
    y = np.empty((len(steps), inputs.batch, inputs.outputs), np.int8)
    for t in range(len(steps)):
        h, c = _step({name: start[t] for name, start in starts.items()}, h, c, tensors, plan)
        y[t] = h
    y = y[0] if x.ndim == 2 else y if plan.time_major else np.ascontiguousarray(y.swapaxes(0, 1))
    output_state = h.astype(np.int8).reshape(tensors[inputs.output_state].shape)
    return y, output_state, c.astype(np.int16).reshape(tensors[inputs.cell_state].shape)


def products_of_inputs(name: str, steps: np.ndarray, tensors: Tensors, plan: IntegerLstmPlan) -> np.ndarray:
    """What a gate's sum starts from at each time step, the product of the input, int64 [T, B, C]."""
    gate, rules = plan.inputs.gates[name], plan.gates[name]
    w = tensors[gate.input_weights]
    base = fold_zero_point(w, plan.input_zero_point, None if rules.layer_norm else tensors[gate.bias])
    return saturate_int16(rules.input(wrap_int32(integer_matmul(steps, w) + base)))


def _step(
    starts: Mapping[str, np.ndarray], h: np.ndarray, c: np.ndarray, tensors: Tensors, plan: IntegerLstmPlan
) -> tuple[np.ndarray, np.ndarray]:
    """Return the new h [B, O] and c [B, C]."""

    def gate(name: str, c: np.ndarray) -> np.ndarray:
        return gate_sums(name, starts[name], h, c, tensors, plan)

    i = None if plan.inputs.cifg else logistic(gate("input", c), GATE_INTEGER_BITS, 16)
    f = logistic(gate("forget", c), GATE_INTEGER_BITS, 16)
    j = tanh(gate("cell", c), GATE_INTEGER_BITS, 16)
    kept = rounding_divide_by_pot(f * c, 15)
    added = wrap_int16(rounding_divide_by_pot((32767 - f if i is None else i) * j, 30 + plan.cell_exponent))
    c = saturate_int16(kept + added)
    if plan.cell_clip > 0:
        c = np.clip(c, -plan.cell_clip, plan.cell_clip)
    o = logistic(gate("output", c), GATE_INTEGER_BITS, 16)
    squashed = i if i is not None and not plan.cell_has_tanh else tanh(c, 15 + plan.cell_exponent, 16)
    hidden = plan.hidden(o * squashed)
    if plan.projection is None or plan.inputs.projection is None:
        return np.clip(hidden + plan.hidden_zero_point, -128, 127), c
    w, bias = tensors[plan.inputs.projection], plan.inputs.projection_bias
    base = fold_zero_point(w, -plan.hidden_zero_point, None if bias is None else tensors[bias])
    acc = wrap_int32(integer_matmul(np.clip(hidden - plan.hidden_zero_point, -128, 127), w) + base)
    h = np.clip(plan.projection(acc) + plan.output_zero_point, -128, 127)
    return np.clip(h, -plan.projection_clip, plan.projection_clip) if plan.projection_clip > 0 else h, c


def gate_sums(name: str, start: np.ndarray, h: np.ndarray, c: np.ndarray, tensors: Tensors, plan: IntegerLstmPlan) -> np.ndarray:
    """Equations (1) and (2), int64 [B, C]."""
    gate, rules = plan.inputs.gates[name], plan.gates[name]
    r = tensors[gate.recurrent_weights]
    base = fold_zero_point(r, plan.output_zero_point, None)
    g = saturate_int16(start + rules.recurrent(wrap_int32(integer_matmul(h, r) + base)))
    if gate.peephole is not None and rules.peephole is not None:
        weights = spread_peephole(tensors[gate.peephole], plan.inputs, plan.time_major)
        g = saturate_int16(g + rules.peephole(weights * c))
    if gate.layer_norm is not None and rules.layer_norm is not None:
        g = layer_normalize(g, tensors[gate.layer_norm].astype(np.int64), tensors[gate.bias], rules.layer_norm)
    return g
