"""One output element of TFLM's LSTM, step by step, gate by gate; the equations are those of unidirectional_sequence_lstm.py.

Names of steps end in the name of their gate. The states before the time step are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.ops._formulas import derive_all, renamed
from qref.ops._function_formulas import LOGISTIC
from qref.ops._lstm_operands import GATES
from qref.ops._sigmoid import SigmoidPlan, derive_logistic, derive_tanh

from ._lstm_plan import BIASES, GATE_EXPONENT, INPUT_WEIGHTS, RECURRENT_WEIGHTS, Float32LstmPlan, LstmPlan

OF_GATES = SigmoidPlan(0, 12 + GATE_EXPONENT)


def explain_step(tensors: Sequence[Any], plan: LstmPlan, element: tuple[int, ...], h: np.ndarray, c: np.ndarray) -> Explanation:
    """Explain y[element] of integers; h and c [B, cells] are the states before its time step."""
    e, limits = _given(tensors, plan, element, h, c), np.iinfo(tensors[0].dtype)
    e.given("input_offset", -plan.input_zero_point, "minus the zero point of the input")
    e.given("recurrent_offset", -plan.output_zero_point, "minus the zero point of the output")
    e.derive("centred_x", "x + input_offset", "the inputs less their zero point")
    e.derive("centred_h", "h + recurrent_offset", "the output before, less its zero point")
    for name in GATES:
        _explain_gate(e, tensors, plan, name, element[-1])
    e.derive("acc_kept", "forget_gate * c_before")
    kept = plan.keep.explain(e, "acc_kept")
    e.derive("acc_taken_in", "input_gate * cell_gate")
    taken_in = plan.add.explain(e, "acc_taken_in")
    formula = f"saturate(saturate({kept}, 16) + saturate({taken_in}, 16), 16)"
    _explain_clip(e, formula, plan.cell_clip)
    derive_tanh(e, "c", "squashed", SigmoidPlan(*plan.tanh_of_cell))
    e.derive("acc_hidden", "output_gate * squashed", "of 2^30")
    hidden = plan.hidden.explain(e, "acc_hidden")
    e.given("output_offset", plan.output_zero_point, "the zero point of the output")
    e.derive("y", f"clamp({hidden} + output_offset, {limits.min}, {limits.max})", "the output, LSB")
    return e


def explain_float32_step(
    tensors: Sequence[Any], plan: Float32LstmPlan, element: tuple[int, ...], h: np.ndarray, c: np.ndarray
) -> Explanation:
    """Explain y[element] of float32; h and c [B, cells] are the states before its time step."""
    e = _given(tensors, plan, element, h, c)
    for name in GATES:
        _give_weights(e, tensors, name, element[-1])
        e.derive(f"from_input_{name}", f"float32(sum32(float32(x * w_{name})) + bias_{name})", "one by one, then the bias")
        e.derive(f"sum_{name}", f"float32(from_input_{name} + sum32(float32(h * r_{name})))", "with what the output before adds")
        if name == "cell":
            e.derive("cell_gate", "float32(tanhf(sum_cell))", "the C library's function")
        else:
            names = {"x": f"sum_{name}", "e": f"e_{name}", "total": f"total_{name}", "y": f"{name}_gate"}
            derive_all(e, renamed(LOGISTIC, **names))
    e.derive("kept", "float32(forget_gate * c_before)", "what is kept of the cell's state")
    e.derive("taken_in", "float32(input_gate * cell_gate)", "what is taken in")
    _explain_clip(e, "float32(kept + taken_in)", plan.cell_clip)
    e.derive("squashed", "float32(tanhf(c))", "the C library's function")
    e.derive("y", "float32(output_gate * squashed)", "the output")
    return e


def _given(
    tensors: Sequence[Any], plan: LstmPlan | Float32LstmPlan, element: tuple[int, ...], h: np.ndarray, c: np.ndarray
) -> Explanation:
    e, entry = Explanation(), element[1 if plan.time_major else 0]
    e.given("x", tensors[0][element[:2]], "the inputs of the time step")
    e.given("h", h[entry], "the output of all cells before it")
    e.given("c_before", c[entry, element[-1]], "the state of the cell before it")
    return e


def _give_weights(e: Explanation, tensors: Sequence[Any], name: str, cell: int) -> None:
    k = GATES.index(name)
    e.given(f"w_{name}", tensors[INPUT_WEIGHTS + k][cell], f"the {name} gate's weights of the inputs")
    e.given(f"r_{name}", tensors[RECURRENT_WEIGHTS + k][cell], f"the {name} gate's weights of the output before")
    e.given(f"bias_{name}", tensors[BIASES + k][cell], "of the gate")


def _explain_gate(e: Explanation, tensors: Sequence[Any], plan: LstmPlan, name: str, cell: int) -> None:
    """Append what a gate sums up in one cell, of 2^12, and its function, of 2^15: the step `name`_gate."""
    _give_weights(e, tensors, name, cell)
    bits = plan.acc_bits[name]
    e.derive(f"acc_{name}", f"wrap(sum(centred_x * w_{name}) + bias_{name}, {bits})", f"what the inputs add, in {bits} bits")
    of_input = plan.input[name].explain(e, f"acc_{name}")
    e.derive(f"acc_recurrent_{name}", f"wrap(sum(centred_h * r_{name}), {bits})", "what the output before adds")
    recurrent = plan.recurrent[name].explain(e, f"acc_recurrent_{name}")
    e.derive(f"sum_{name}", f"saturate(saturate({of_input}, 16) + saturate({recurrent}, 16), 16)", "in 16 bits, of 2^12")
    (derive_tanh if name == "cell" else derive_logistic)(e, f"sum_{name}", f"{name}_gate", OF_GATES)


def _explain_clip(e: Explanation, formula: str, limit: int | np.float32) -> None:
    """Append the cell's new state, "c", within its limit where there is one."""
    if limit > 0:
        e.derive("unclipped", formula)
        e.given("cell_clip", limit, "the limit of the state")
        formula = "clamp(unclipped, -cell_clip, cell_clip)"
    e.derive("c", formula, "the new state of the cell")
