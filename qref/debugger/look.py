"""The inside of a quantized LSTM beside that of its float twin: what gates sum, and the cell state, at every time step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from qref.arithmetic.fixed_point import rounding_divide_by_pot, saturate_int16, wrap_int16
from qref.arithmetic.gemmlowp import logistic, tanh
from qref.debugger.lstm import FloatLstm
from qref.debugger.statistics import Inside, decibel
from qref.debugger.twins import Joint
from qref.interpreter import Interpreter
from qref.ops._lstm_integer import GATE_INTEGER_BITS, IntegerLstmPlan, gate_sums, products_of_inputs
from qref.quantizer import lstm
from qref.quantizer.graph import Node

GATE_SCALE = 2.0 ** (GATE_INTEGER_BITS - 15)
SAMPLES = 4  # that are looked into: there is much to compute


@dataclass(slots=True)
class InsideSums:
    """Sums over samples of one value inside an LSTM, of which Inside is made."""

    scale: float | None = None
    error: float = 0.0
    signal: float = 0.0
    magnitude: float = 0.0
    saturated: int = 0
    elements: int = 0

    def add(self, found: np.ndarray, reference: np.ndarray) -> None:
        """Add what the quantized LSTM held, integers where there is a scale, and what it should have held."""
        real_ = found * self.scale if self.scale is not None else found
        self.error += float(np.square(real_ - reference).sum())
        self.signal += float(np.square(reference).sum())
        self.magnitude = max(self.magnitude, float(np.abs(reference).max()))
        self.saturated += int(np.count_nonzero((found <= -32768) | (found >= 32767))) if self.scale is not None else 0
        self.elements += found.size

    def result(self, name: str) -> Inside:
        """What they tell."""
        n = max(1, self.elements)
        rate = None if self.scale is None else self.saturated / n
        return Inside(name, self.scale, float(np.sqrt(self.error / n)), decibel(self.signal, self.error), self.magnitude, rate)


@dataclass
class LstmLook:
    """Compares the inside of one quantized LSTM with that of its float twin, on the first SAMPLES samples.

    reads    the tensors of the joint model that hold its input and output
    hybrid   where it computes with float activations: the same in float64 with its dequantized weights
    integer  where it computes with integers; neither where that form is not covered: peephole weights
    """

    node: Node
    twin: FloatLstm
    reads: tuple[int, int]
    hybrid: FloatLstm | None
    integer: IntegerInside | None
    sums: dict[str, InsideSums] = field(default_factory=dict)
    samples: int = 0

    @classmethod
    def of(cls, interpreter: Interpreter, joint: Joint, node: Node, twin: FloatLstm) -> LstmLook:
        """For one LSTM of the quantized graph."""
        x, y = node.inputs[0], node.outputs[0]
        assert x is not None
        reads = joint.numbers[x], joint.numbers[y]
        if x.type.name == "FLOAT32":
            return cls(node, twin, reads, FloatLstm.of(node, node.inputs), None)
        peephole = lstm.has(node, lstm.PEEPHOLE_WEIGHTS + 2)
        return cls(node, twin, reads, None, None if peephole else IntegerInside.of(interpreter, joint.operators[node]))

    def add(self, chunk: Mapping[int, np.ndarray], wanted: Mapping[str, np.ndarray], carry: bool) -> None:
        """Compare some samples; `wanted` is what the twin held, `carry` as for FloatLstm.run."""
        count = min(SAMPLES - self.samples, len(chunk[self.reads[0]]))
        if count <= 0 or (self.hybrid is None and self.integer is None):
            return
        self.samples += count
        x, y = (chunk[index][:count] for index in self.reads)
        rows = wanted["cell_state"].shape[1] // len(chunk[self.reads[0]]) * count
        if self.hybrid is not None:
            found, scales = self.hybrid.run(x, carry)[1], {}
        elif self.integer is not None:
            found = self.integer.run(self.twin, x, y, carry)
            scales = {name: GATE_SCALE for name in found} | {"cell_state": self.integer.cell_scale}
        for name, reference in wanted.items():
            self.sums.setdefault(name, InsideSums(scales.get(name))).add(found[name], reference[:, :rows])

    def results(self) -> tuple[Inside, ...]:
        """One entry for each gate and the cell state."""
        return tuple(sums.result(name) for name, sums in self.sums.items())


@dataclass
class IntegerInside:
    """Computes what an LSTM on int8 holds inside, from its inputs and outputs and with its own integers.

    tensors   the operator's inputs
    """

    plan: IntegerLstmPlan
    tensors: Sequence[np.ndarray]
    h: np.ndarray | None = None
    c: np.ndarray | None = None

    @classmethod
    def of(cls, interpreter: Interpreter, operator: int) -> IntegerInside:
        """For an operator of an interpreter that is allocated."""
        execution = interpreter.main
        operands = [None if i < 0 else execution.operands[i] for i in interpreter.operator(operator).inputs]
        values = [None if o is None else o.constant if o.constant is not None else np.zeros(o.shape, o.dtype) for o in operands]
        _, prepared = interpreter.prepare_operator(operator, values)
        return cls(prepared.plan, values)  # type: ignore[arg-type]

    @property
    def cell_scale(self) -> float:
        """Of the cell state."""
        return 2.0**self.plan.cell_exponent

    def run(self, layout: FloatLstm, x: np.ndarray, y: np.ndarray, carry: bool) -> dict[str, np.ndarray]:
        """Integers [T, n * B, cells] for samples [n, ...] of its input and output."""
        if not carry:
            self.h = self.c = None
            return self._walk(layout.steps(x), layout.steps(y))
        done = [self._walk(layout.steps(a[None]), layout.steps(b[None])) for a, b in zip(x, y)]
        return {name: np.concatenate([found[name] for found in done], axis=1) for name in done[0]}

    def _walk(self, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        plan = self.plan
        h = np.full(y.shape[1:], plan.output_zero_point) if self.h is None else self.h
        before = np.concatenate([h[None], y[:-1]]).astype(np.int64)
        rows = before.reshape(-1, before.shape[-1])
        sums = {}
        for name in plan.inputs.gates:
            products = products_of_inputs(name, x.astype(np.int64), self.tensors, plan)
            sums[name] = gate_sums(name, products.reshape(len(rows), -1), rows, rows, self.tensors, plan).reshape(products.shape)
        cells = self._cells(sums)
        self.h, self.c = y[-1], cells[-1]
        return {**sums, "cell_state": cells}

    def _cells(self, sums: Mapping[str, np.ndarray]) -> np.ndarray:
        """Equation (4) of qref/ops/_lstm_integer.py, step by step."""
        plan = self.plan
        forget = logistic(sums["forget"], GATE_INTEGER_BITS, 16)
        gain = logistic(sums["input"], GATE_INTEGER_BITS, 16) if "input" in sums else 32767 - forget
        added = wrap_int16(rounding_divide_by_pot(gain * tanh(sums["cell"], GATE_INTEGER_BITS, 16), 30 + plan.cell_exponent))
        cells = np.empty_like(added)
        state = np.zeros_like(added[0]) if self.c is None else self.c
        for t in range(len(cells)):
            state = saturate_int16(rounding_divide_by_pot(forget[t] * state, 15) + added[t])
            state = np.clip(state, -plan.cell_clip, plan.cell_clip) if plan.cell_clip > 0 else state
            cells[t] = state
        return cells
