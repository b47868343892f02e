"""One output element of an LSTM on float32 activations, step by step, gate by gate; the equations are those of _lstm_float.py.

Names of steps end in the name of their gate. The states before the time step are given, as the reference computes them; the
explanations of the elements before show how they come about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation

from ._explain_eigen import explain_activation, explain_logistic, explain_matmul
from ._explain_hybrid import explain_hybrid_product, explain_quantized_row
from ._lstm_float import FloatLstmPlan, run_lstm

FINITE = float(np.finfo(np.float32).max)
SLOTS = ("input", "cell", "forget", "output")  # the order of the gates' buffers


def explain_float_lstm(*arguments: Any) -> Explanation:
    """Return y[element] step by step; arguments are x [T, B, I], [B, T, I] or [B, I], the other inputs, the plan, the element."""
    *tensors, plan, element = arguments
    x = tensors[0] if tensors[0].ndim == 3 else tensors[0][None]
    return explain_step(x, None, tensors, plan, (0, *element)[-3:])


def explain_step(
    x: np.ndarray, aux: np.ndarray | None, tensors: Sequence[np.ndarray], plan: FloatLstmPlan, element: tuple[int, ...]
) -> Explanation:
    """Return y[element] step by step; x and the auxiliary input aux are [T, B, depth] or [B, T, depth]."""
    *place, unit = element
    time, entry = place if plan.time_major else place[::-1]
    step = _Step.at(x, aux, tensors, plan, time, entry)
    cells, cell = plan.inputs.cells, unit % plan.inputs.cells
    mixed = plan.inputs.layer_norm or plan.inputs.projection is not None
    shown = {k: step.start(k) for k in (range(cells) if mixed else [cell])}
    step.explain_gates(shown)
    if plan.inputs.projection is None:
        shown[cell].derive("y", "hidden", "the output")
    else:
        step.explain_projection(shown[cell], [e.value("hidden") for e in shown.values()], cell, unit)
    return shown[cell]


@dataclass(frozen=True)
class _Step:
    """One time step of one batch entry; rows and states of all entries are [B, ...], since neighbours decide orders of sums."""

    tensors: Sequence[np.ndarray]
    plan: FloatLstmPlan
    x: np.ndarray
    aux: np.ndarray | None
    h: np.ndarray
    c: np.ndarray
    time: int
    entry: int

    @classmethod
    def at(
        cls, x: np.ndarray, aux: np.ndarray | None, tensors: Sequence[np.ndarray], plan: FloatLstmPlan, time: int, entry: int
    ) -> _Step:
        """The time step with the states before it."""
        inputs = plan.inputs
        h, c = tensors[inputs.output_state], tensors[inputs.cell_state]
        axis = 0 if plan.time_major else 1
        before = np.arange(time + 1, x.shape[axis]) if plan.reverse else np.arange(time)
        if before.size:
            past = [None if array is None else array.take(before, axis) for array in (x, aux)]
            _, h, c = run_lstm(past[0], past[1], tensors, plan)  # type: ignore[arg-type]
        now = [None if array is None else array.take(time, axis) for array in (x, aux)]
        h, c = h.reshape(inputs.batch, inputs.outputs), c.reshape(inputs.batch, inputs.cells)
        return cls(tensors, plan, now[0], now[1], h, c, time, entry)  # type: ignore[arg-type]

    def start(self, cell: int) -> Explanation:
        """What is given for one cell."""
        e = Explanation()
        e.given("x", self.x[self.entry], f"the inputs of time step {self.time}")
        if self.aux is not None:
            e.given("aux", self.aux[self.entry], "the auxiliary inputs")
        e.given("h", self.h[self.entry], "the outputs of the time step before, or the output state before the first one")
        e.given("c_before", self.c[self.entry, cell], f"the state of cell {cell} then")
        if self.plan.weight_scales:
            for row in ("x", "aux", "h") if self.aux is not None else ("x", "h"):
                explain_quantized_row(e, row, self.plan.asymmetric)
        return e

    def explain_gates(self, shown: dict[int, Explanation]) -> None:
        """Append gates, the new state c and the hidden value of each cell to its explanation."""
        plan, inputs = self.plan, self.plan.inputs
        for name in ("forget", "cell") if inputs.cifg else ("input", "forget", "cell"):
            self.explain_sums(shown, name)
        for cell, e in shown.items():
            if not inputs.cifg:
                self.explain_logistic(e, "input", cell)
            self.explain_logistic(e, "forget", cell)
            explain_activation(e, "sum_cell", "cell_gate", plan.activation)
            if inputs.cifg:
                e.derive("input_gate", "float32(1 - forget_gate)", "what is not kept is taken in")
            e.derive("kept", "float32(forget_gate * c_before)", "what is kept of the cell's state")
            e.derive("taken_in", "float32(cell_gate * input_gate)", "what is taken in")
            _explain_clip(e, "float32(kept + taken_in)", "c", plan.cell_clip, "the new state")
        self.explain_sums(shown, "output")
        for cell, e in shown.items():
            self.explain_logistic(e, "output", cell)
            explain_activation(e, "c", "squashed", plan.activation)
            e.derive("hidden", "float32(output_gate * squashed)", f"what cell {cell} gives")

    def explain_sums(self, shown: dict[int, Explanation], name: str) -> None:
        """Append what a gate sums up in each cell: the step sum_`name`."""
        gate = self.plan.inputs.gates[name]
        for cell, e in shown.items():
            if gate.layer_norm is None:
                total = e.given(f"bias_{name}", self.tensors[gate.bias][cell], f"of the {name} gate")
            else:
                total = e.given(f"start_{name}", 0.0, "the bias comes after the normalization")
            total = self.explain_product(e, total, "x", gate.input_weights, name, cell)
            if self.aux is not None and gate.aux_weights is not None:
                total = self.explain_product(e, total, "aux", gate.aux_weights, f"aux_{name}", cell)
            total = self.explain_product(e, total, "h", gate.recurrent_weights, f"recurrent_{name}", cell)
            if gate.peephole is not None:
                weight = self._peephole(e, gate.peephole, name, cell)
                state = "c" if name == "output" else "c_before"
                total = e.derive(f"with_peephole_{name}", f"float32({total} + float32({weight} * {state}))", "and the state")
            e.derive(f"unnormalized_{name}" if gate.layer_norm is not None else f"sum_{name}", total, f"the {name} gate's sum")
        if gate.layer_norm is not None:
            row = [e.value(f"unnormalized_{name}") for e in shown.values()]
            for cell, e in shown.items():
                weight, bias = self.tensors[gate.layer_norm][cell], self.tensors[gate.bias][cell]
                _explain_normalization(e, row, weight, bias, name)

    def explain_product(self, e: Explanation, total: str, x: str, weights: int, of: str, place: int) -> str:
        """Append how the product of row `x` with the weights of one cell (or unit) is added to a step; returns the sum's name."""
        w, plan = self.tensors[weights], self.plan
        if self._skipped(e, x):
            return e.derive(f"with_{of}", total, f"nothing is added, as {x} is all zeros")
        if w.ndim == 1:
            e.given(f"w_{of}", w[place], "its weight, on the diagonal of a matrix")
            return e.derive(f"with_{of}", f"float32({total} + float32({x}[{place}] * w_{of}))")
        if weights in plan.weight_scales:
            product = explain_hybrid_product(e, x, w[place], plan.weight_scales[weights], of)
            return e.derive(f"with_{of}", f"float32({total} + {product})")
        e.given(f"w_{of}", w[place], f"the weights that {x} meets")
        e.derive(f"products_{of}", f"float32({x} * w_{of})")
        rows, row = (plan.inputs.batch, self.entry) if plan.time_major else (1, 0)
        product = explain_matmul(e, f"products_{of}", f"product_{of}", row, rows, place, len(w), plan.l1_bytes)
        if rows == 1:
            return e.derive(f"with_{of}", f"clamp(float32({product} + {total}), -{FINITE}, {FINITE})", "kept finite")
        return e.derive(f"with_{of}", f"float32(clamp({product}, -{FINITE}, {FINITE}) + {total})", "the product kept finite")

    def _skipped(self, e: Explanation, x: str) -> bool:
        """Whether the kernel leaves a product out: that of zeros in the whole batch; of states only if weights have 8 bits."""
        if x in ("h", "hidden_of_all") and not self.plan.weight_scales:
            return False
        rows = {"x": self.x, "aux": self.aux, "h": self.h}.get(x)
        return not np.any(e.value(x) if rows is None or not self.plan.time_major else rows)

    def _peephole(self, e: Explanation, position: int, name: str, cell: int) -> str:
        w, scale = self.tensors[position][cell : cell + 1], self.plan.weight_scales.get(position)
        if scale is None:
            return e.given(f"peephole_{name}", w[0], "the weight of the cell's state")
        e.given(f"stored_peephole_{name}", w.view(np.int8)[0], "the weight of the cell's state, LSB")
        e.given(f"scale_peephole_{name}", scale, "real units per LSB")
        return e.derive(f"peephole_{name}", f"float32(stored_peephole_{name} * scale_peephole_{name})")

    def explain_logistic(self, e: Explanation, name: str, cell: int) -> None:
        """Append a gate's value; where it lies in the kernel's buffer decides which exponential it takes."""
        inputs, slot = self.plan.inputs, SLOTS.index(name) - self.plan.inputs.cifg
        groups, rows = (1, inputs.batch) if self.plan.time_major else (inputs.batch, 1)
        group, row = (0, self.entry) if self.plan.time_major else (self.entry, 0)
        size = rows * inputs.cells
        explain_logistic(e, f"sum_{name}", f"{name}_gate", (slot * groups + group) * size, size, row * inputs.cells + cell)

    def explain_projection(self, e: Explanation, hidden: list[float], cell: int, unit: int) -> None:
        """Append the projection of what all cells give on one unit: the step "y"."""
        inputs = self.plan.inputs
        e.given("hidden_of_all", hidden, f"what all cells give, each found as that of cell {cell}")
        if self.plan.weight_scales:
            explain_quantized_row(e, "hidden_of_all", self.plan.asymmetric)
        bias = 0.0 if inputs.projection_bias is None else self.tensors[inputs.projection_bias][unit]
        e.given("bias_projection", bias)
        assert inputs.projection is not None
        total = self.explain_product(e, "bias_projection", "hidden_of_all", inputs.projection, "projection", unit)
        _explain_clip(e, total, "y", self.plan.projection_clip, "the output")


def _explain_clip(e: Explanation, formula: str, name: str, limit: np.float32, meaning: str) -> None:
    if limit > 0:
        e.derive(f"unclipped_{name}", formula)
        e.given(f"limit_{name}", limit)
        formula = f"clamp(unclipped_{name}, -limit_{name}, limit_{name})"
    e.derive(name, formula, meaning)


def _explain_normalization(e: Explanation, row: list[float], weight: np.float32, bias: np.float32, name: str) -> None:
    """Append the layer normalization of a gate's sum among those of all cells."""
    size = len(row)
    e.given(f"row_{name}", row, "the sums of this gate in all cells, each found as that of this cell")
    e.derive(f"mean_{name}", f"float32(sum32(row_{name}) / {size})")
    e.derive(f"centred_{name}", f"float32(row_{name} - mean_{name})")
    squares = f"float32(centred_{name} * centred_{name})"
    e.derive(f"variance_{name}", f"float32(sum32({squares}) / {size})", "the mean of the squares")
    least = float(np.float32(1e-8))
    e.derive(f"inverse_{name}", f"float32(divide(1.0, sqrt(float32(variance_{name} + {least}))))", "1 / the standard deviation")
    e.derive(f"normal_{name}", f"float32(float32(unnormalized_{name} - mean_{name}) * inverse_{name})", "mean 0, variance 1")
    e.given(f"weight_{name}", weight, "the cell's weight of the normalized sum")
    e.given(f"bias_{name}", bias, f"of the {name} gate")
    e.derive(f"sum_{name}", f"float32(float32(normal_{name} * weight_{name}) + bias_{name})", f"the {name} gate's sum")
