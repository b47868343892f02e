"""The integer LSTM on one batch entry in plain Python integers; the equations are those of _lstm_integer.py.

An element depends on all cells of its batch entry at all earlier time steps. Explanations take from here what came before the
time step that they show, and what other cells do meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul
from typing import TYPE_CHECKING, Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import DoubleRounding, Requantize

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
    if isinstance(rule, DoubleRounding):  # the rule of the known runtimes; others are slower, by their explanation
        return _multiply(acc, int(rule.quantized_multiplier[0]), int(rule.shift[0]))
    e = Explanation()
    return int(e.value(rule.explain(e, e.given("acc", acc))))


def _centred(x: list[int], zero_point: int) -> list[int]:
    return [value - zero_point for value in x]


def _dot(x: list[int], w: list[int], bias: int = 0) -> int:
    return _wrap(sum(map(mul, x, w)) + bias, 32)


class Walk:
    """The states of one batch entry, with what each gate summed and what was projected at the latest time step.

    h, c    output [O] and cell state [C]
    sums    by gate: what its cells summed [C], before layer normalization
    hidden  what goes into the projection [C]
    """

    def __init__(self, tensors: Sequence[np.ndarray], plan: IntegerLstmPlan, entry: int):
        inputs = plan.inputs
        self.lists: list[Any] = [None if tensor is None else tensor.tolist() for tensor in tensors]
        self.plan, self.entry = plan, entry
        self.h: list[int] = tensors[inputs.output_state].reshape(inputs.batch, inputs.outputs)[entry].tolist()
        self.c: list[int] = tensors[inputs.cell_state].reshape(inputs.batch, inputs.cells)[entry].tolist()
        self.sums: dict[str, list[int]] = {}
        self.hidden: list[int] = []

    def peephole(self, position: int, cell: int) -> int:
        """The weight that a cell meets; weights are read with the stride of the outputs."""
        inputs = self.plan.inputs
        place, end = (
            (self.entry * inputs.cells + cell, inputs.batch * inputs.outputs) if self.plan.time_major else (cell, inputs.outputs)
        )
        return self.lists[position][place % inputs.outputs] if place < end else 0

    def step(self, x: list[int]) -> None:
        """One time step."""
        plan, clip = self.plan, self.plan.cell_clip
        i = None if plan.inputs.cifg else [_logistic(g) for g in self._gate("input", x)]
        f = [_logistic(g) for g in self._gate("forget", x)]
        j = [_tanh(g, 3) for g in self._gate("cell", x)]
        i = i if i is not None else [32767 - value for value in f]
        kept = [_nearest_away(a * b, 2**15) for a, b in zip(f, self.c)]
        added = [_wrap(_nearest_away(a * b, 2 ** (30 + plan.cell_exponent)), 16) for a, b in zip(i, j)]
        c = [_saturate(a + b) for a, b in zip(kept, added)]
        self.c = [_clamp(value, -clip, clip) if clip > 0 else value for value in c]
        o = [_logistic(g) for g in self._gate("output", x)]
        t = [_tanh(value, 15 + plan.cell_exponent) for value in self.c] if plan.cell_has_tanh else i
        hidden = [_rescale(plan.hidden, a * b) for a, b in zip(o, t)]
        if plan.inputs.projection is None or plan.projection is None:
            self.h = [_clamp(value + plan.hidden_zero_point, -128, 127) for value in hidden]
        else:
            self.hidden = [_clamp(value - plan.hidden_zero_point, -128, 127) for value in hidden]
            self.h = [self._project(unit, plan.inputs.projection, plan.projection) for unit in range(plan.inputs.outputs)]

    def _gate(self, name: str, x: list[int]) -> list[int]:
        gate, rules, row = self.plan.inputs.gates[name], self.plan.gates[name], []
        x, h = _centred(x, self.plan.input_zero_point), _centred(self.h, self.plan.output_zero_point)
        for cell in range(self.plan.inputs.cells):
            bias = 0 if rules.layer_norm else self.lists[gate.bias][cell]
            g = _saturate(_rescale(rules.input, _dot(x, self.lists[gate.input_weights][cell], bias)))
            g = _saturate(g + _rescale(rules.recurrent, _dot(h, self.lists[gate.recurrent_weights][cell])))
            if gate.peephole is not None and rules.peephole is not None:
                g = _saturate(g + _rescale(rules.peephole, self.peephole(gate.peephole, cell) * self.c[cell]))
            row.append(g)
        self.sums[name] = row
        if gate.layer_norm is not None and rules.layer_norm is not None:
            return _normalize(row, self.lists[gate.layer_norm], self.lists[gate.bias], rules.layer_norm)
        return row

    def _project(self, unit: int, weights: int, rule: Requantize) -> int:
        plan, clip, bias = self.plan, self.plan.projection_clip, self.plan.inputs.projection_bias
        hidden = _centred(self.hidden, -plan.hidden_zero_point)
        acc = _dot(hidden, self.lists[weights][unit], 0 if bias is None else self.lists[bias][unit])
        h = _clamp(_rescale(rule, acc) + plan.output_zero_point, -128, 127)
        return _clamp(h, -clip, clip) if clip > 0 else h
