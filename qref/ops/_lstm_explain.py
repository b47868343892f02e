"""One output element of an integer LSTM, step by step in plain Python integers; the equations are those of _lstm_integer.py.

An element depends on all cells of its batch entry at all earlier time steps, so these are computed as well, and the steps of the
element's own cell and time are returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qref.arithmetic.requantize import Requantize

from .node import Step

if TYPE_CHECKING:
    from ._lstm_integer import IntegerLstmPlan, LayerNorm

EXP_OF_MINUS_POWERS = ((-2, 1672461947), (-1, 1302514674), (0, 790015084), (1, 290630308), (2, 39332535), (3, 720401), (4, 242))


def _clamp(x: int, low: int, high: int) -> int:
    return max(low, min(high, x))


def _saturate(x: int) -> int:
    return _clamp(x, -(2**15), 2**15 - 1)


def _wrap(x: int, bits: int) -> int:
    return (x + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def _truncate(x: int, divisor: int) -> int:
    return x // divisor if x >= 0 else -(-x // divisor)


def _nearest_up(x: int, divisor: int) -> int:
    return (2 * x + divisor) // (2 * divisor)


def _nearest_away(x: int, divisor: int) -> int:
    return _nearest_up(x, divisor) if x >= 0 else -_nearest_up(-x, divisor)


def _high(a: int, b: int, bits: int = 16) -> int:
    return min(_nearest_up(a * b, 2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _constant(value: int) -> int:
    return _nearest_away(value, 2**16)


def _exp(a: int, integer_bits: int) -> int:
    """exp(a) as Q0.15 for a <= 0 with that many integer bits."""
    if a == 0:
        return 2**15 - 1
    one = 2 ** (15 - integer_bits)
    quarter = one // 4
    below = a % quarter - quarter
    x = _saturate(below * 2**integer_bits) + 2**12
    square = _high(x, x)
    cubic = _high(_nearest_away(_high(square, square), 4) + _high(square, x), _constant(715827883))
    result = _constant(1895147668) + _high(_constant(1895147668), x + _nearest_away(cubic + square, 2))
    result = _saturate(result)
    for exponent, factor in EXP_OF_MINUS_POWERS:
        if exponent < integer_bits and (below - a) // int(one * 2.0**exponent) % 2:
            result = _high(result, _constant(factor))
    return 0 if integer_bits > 5 and a < -32 * one else result


def _newton(a: int) -> int:
    """2 / (1 + a) as Q2.13, for a Q0.15 in [0, 1)."""
    half = _truncate(a + 32767 + 1, 2)
    x = _constant(1515870810) + _high(half, _constant(-1010580540))
    for _ in range(3):
        x += _saturate(4 * _high(x, 2**13 - _high(half, x)))
    return x


def _logistic(a: int) -> int:
    """1 / (1 + exp(-a)) as Q0.15, for a Q3.12."""
    if a == 0:
        return 2**14
    positive = _saturate(2 * _newton(_exp(-abs(a), 3)))
    return positive if a > 0 else 32767 - positive


def _tanh(a: int, integer_bits: int) -> int:
    """tanh(a) as Q0.15; a doubled is a with one integer bit more."""
    positive = _saturate(4 * (_newton(_exp(-abs(a), integer_bits + 1)) - 2**13)) if a else 0
    return positive if a > 0 else -positive


def _multiply(acc: int, multiplier: int, shift: int) -> int:
    """Return acc * multiplier * 2^(shift - 31), ties up, then away from zero."""
    high = _high(_wrap(acc * 2 ** (max(shift, 0) % 32), 32), multiplier, 32)
    return _nearest_away(high, 2 ** max(-shift, 0))


def _inverse_sqrt(x: int) -> tuple[int, int]:
    """1 / sqrt(x) as multiplier and shift."""
    if x <= 1:
        return 2**31 - 1, 0
    right = 11
    while x >= 2**29:
        x, right = x // 4, right + 1
    pairs = (32 - x.bit_length() - 1) // 2 - 1
    right -= pairs
    half = _nearest_away(x * 4**pairs // 2, 2)
    y = 2**28
    for _ in range(5):
        cube = _clamp(_high(_high(y, y, 32), y, 32) * 64, -(2**31), 2**31 - 1)
        y = _clamp((_high(3 * 2**27, y, 32) - _high(half, cube, 32)) * 8, -(2**31), 2**31 - 1)
    y = _high(y, 1518500250, 32)
    return (y * 2**-right, 0) if right < 0 else (y, -right)


def _normalize(row: list[int], w: list[int], bias: list[int], plan: LayerNorm) -> list[int]:
    size = len(row)
    mean = _truncate(1024 * sum(row), size)
    variance = _truncate(sum(g * g for g in row) * (2**20 // size) - mean * mean, 2**20)
    multiplier, shift = _inverse_sqrt(variance if variance >= 1 else plan.variance_guard)
    result = []
    for g, weight, b in zip(row, w, bias):
        scaled = _wrap(_multiply(1024 * g - mean, multiplier, shift) * weight + b, 32)
        rounded = _truncate(scaled + (512 if scaled > 0 else -512), 1024)
        result.append(_saturate(_multiply(rounded, plan.quantized_multiplier, plan.shift + 12)))
    return result


def _rescale(rule: Requantize, acc: int) -> int:
    return int(rule.explain(acc, 0)[-1][1])


def _dot(x: list[int], w: list[int], zero_point: int, bias: int = 0) -> int:
    return _wrap(sum((a - zero_point) * b for a, b in zip(x, w)) + bias, 32)


class _Explainer:
    """The state of one batch entry, and what each gate did at the latest time step."""

    def __init__(self, tensors: Sequence[np.ndarray], plan: IntegerLstmPlan, entry: int):
        inputs = plan.inputs
        self.lists: list[Any] = [None if tensor is None else tensor.tolist() for tensor in tensors]
        self.plan, self.entry = plan, entry
        self.h = tensors[inputs.output_state].reshape(inputs.batch, inputs.outputs)[entry].tolist()
        self.c = tensors[inputs.cell_state].reshape(inputs.batch, inputs.cells)[entry].tolist()
        self.steps: list[dict[str, Any]] = []

    def gate(self, name: str, x: list[int]) -> list[int]:
        """What a gate sums, of all cells."""
        gate, rules, row = self.plan.inputs.gates[name], self.plan.gates[name], []
        for cell in range(self.plan.inputs.cells):
            bias = 0 if rules.layer_norm else self.lists[gate.bias][cell]
            acc = _dot(x, self.lists[gate.input_weights][cell], self.plan.input_zero_point, bias)
            note = {"x . W + b": acc, "rescaled": (g := _saturate(_rescale(rules.input, acc)))}
            acc = _dot(self.h, self.lists[gate.recurrent_weights][cell], self.plan.output_zero_point)
            note |= {"h . R": acc, "rescaled and added": (g := _saturate(g + _rescale(rules.recurrent, acc)))}
            if gate.peephole is not None and rules.peephole is not None:
                weight = self.peephole(gate.peephole, cell)
                note["with peephole"] = g = _saturate(g + _rescale(rules.peephole, weight * self.c[cell]))
            row.append(g)
            self.steps[cell] |= {f"{name} gate: {what}": value for what, value in note.items()}
        if gate.layer_norm is not None and rules.layer_norm is not None:
            row = _normalize(row, self.lists[gate.layer_norm], self.lists[gate.bias], rules.layer_norm)
            self.note(f"{name} gate: normalized", row)
        return row

    def peephole(self, position: int, cell: int) -> int:
        """The weight that a cell meets; weights are read with the stride of the outputs."""
        inputs = self.plan.inputs
        place, end = (
            (self.entry * inputs.cells + cell, inputs.batch * inputs.outputs) if self.plan.time_major else (cell, inputs.outputs)
        )
        return self.lists[position][place % inputs.outputs] if place < end else 0

    def note(self, name: str, values: list[int]) -> list[int]:
        """Keep a value of each cell as a named step."""
        for steps, value in zip(self.steps, values):
            steps[name] = value
        return values

    def step(self, x: list[int]) -> None:
        """One time step."""
        plan, clip = self.plan, self.plan.cell_clip
        self.steps = [{} for _ in self.c]
        i = None if plan.inputs.cifg else self.note("i = logistic(input gate)", [_logistic(g) for g in self.gate("input", x)])
        f = self.note("f = logistic(forget gate)", [_logistic(g) for g in self.gate("forget", x)])
        j = self.note("j = tanh(cell gate)", [_tanh(g, 3) for g in self.gate("cell", x)])
        i = i if i is not None else self.note("i = 32767 - f", [32767 - value for value in f])
        kept = self.note("f * c / 2^15", [_nearest_away(a * b, 2**15) for a, b in zip(f, self.c)])
        divisor = 2 ** (30 + plan.cell_exponent)
        added = self.note(f"i * j / {divisor}", [_wrap(_nearest_away(a * b, divisor), 16) for a, b in zip(i, j)])
        c = [_saturate(a + b) for a, b in zip(kept, added)]
        self.c = self.note("c", [_clamp(value, -clip, clip) if clip > 0 else value for value in c])
        o = self.note("o = logistic(output gate)", [_logistic(g) for g in self.gate("output", x)])
        tanh_of_cells = [_tanh(value, 15 + plan.cell_exponent) for value in self.c] if plan.cell_has_tanh else None
        t = self.note("t = i, for want of a tanh" if tanh_of_cells is None else "t = tanh(c)", tanh_of_cells or i)
        hidden = self.note("o * t, rescaled", [_rescale(plan.hidden, a * b) for a, b in zip(o, t)])
        if plan.inputs.projection is None or plan.projection is None:
            self.h = [_clamp(value + plan.hidden_zero_point, -128, 127) for value in hidden]
        else:
            projected = [_clamp(value - plan.hidden_zero_point, -128, 127) for value in hidden]
            self.h = self.project(projected, self.lists[plan.inputs.projection], plan.projection)

    def project(self, hidden: list[int], weights: list[list[int]], rule: Requantize) -> list[int]:
        """The outputs of all projected units; the steps are then those of the units."""
        plan, inputs, clip = self.plan, self.plan.inputs, self.plan.projection_clip
        self.steps, outputs = [], []
        for unit in range(inputs.outputs):
            bias = 0 if inputs.projection_bias is None else self.lists[inputs.projection_bias][unit]
            acc = _dot(hidden, weights[unit], -plan.hidden_zero_point, bias)
            h = _clamp(_rescale(rule, acc) + plan.output_zero_point, -128, 127)
            outputs.append(_clamp(h, -clip, clip) if clip > 0 else h)
            self.steps.append({"hidden": tuple(hidden), "hidden . P + bias": acc, "rescaled + zero point": h})
        return outputs


def explain_lstm(*arguments: Any) -> list[Step]:
    """Derive y[element] in plain Python integers; arguments are the operator's inputs, the plan and the element."""
    *tensors, plan, element = arguments
    x = tensors[0] if tensors[0].ndim == 3 else tensors[0][None]
    *place, unit = (0, *element)[-3:]
    time, entry = place if plan.time_major else place[::-1]
    explainer = _Explainer(tensors, plan, entry)
    for t in range(time + 1):
        explainer.step((x[t, entry] if plan.time_major else x[entry, t]).tolist())
    return [*(Step(name, value) for name, value in explainer.steps[unit].items()), Step("y", explainer.h[unit])]
