"""One output element of an integer LSTM, step by step, gate by gate; the equations are those of _lstm_integer.py.

Names of steps end in the name of their gate. The states before the time step are given. An output of a projection mixes all
cells: then one of them is shown, and the hidden values of the others are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import DoubleRounding

from ._explain_gemmlowp import divide, explain_logistic, explain_tanh, multiply
from ._lstm_walk import Walk

if TYPE_CHECKING:
    from ._lstm_integer import IntegerLstmPlan, LayerNorm

SATURATED = "-(2**15), 2**15 - 1"
GATE_INTEGER_BITS = 3


def explain_lstm(*arguments: Any) -> Explanation:
    """Return y[element] step by step; arguments are the operator's inputs, the plan and the element."""
    *tensors, plan, element = arguments
    x = tensors[0] if tensors[0].ndim == 3 else tensors[0][None]
    *place, unit = (0, *element)[-3:]
    time, entry = place if plan.time_major else place[::-1]
    walk, rows = Walk(tensors, plan, entry), x[:, entry] if plan.time_major else x[entry]
    for row in rows[:time]:
        walk.step(row.tolist())
    e, cell = Explanation(), unit % plan.inputs.cells
    _given(e, walk, rows[time], time, cell)
    walk.step(rows[time].tolist())
    _explain_cell(e, walk, plan, cell)
    if plan.inputs.projection is None:
        hidden = plan.hidden.explain(e, "acc_hidden")
        e.given("output_offset", plan.hidden_zero_point, "the zero point of the output")
        e.derive("y", f"clamp({hidden} + output_offset, -128, 127)", "the output, LSB")
    else:
        _explain_projection(e, walk, plan, cell, unit)
    return e


def _given(e: Explanation, walk: Walk, x: np.ndarray, time: int, cell: int) -> None:
    when = f"after time step {time - 1}" if time else "when the inference begins"
    e.given("x", x, f"the inputs of time step {time}, LSB")
    e.given("h", walk.h, f"the output of all units {when}, LSB")
    e.given("c_before", walk.c[cell], f"the state of cell {cell} {when}, in units of 2^{walk.plan.cell_exponent}")
    e.given("input_offset", -walk.plan.input_zero_point, "minus the zero point of the input")
    e.given("recurrent_offset", -walk.plan.output_zero_point, "minus the zero point of the output")
    e.derive("centred_x", "x + input_offset", "the inputs less their zero point")
    e.derive("centred_h", "h + recurrent_offset", "the output before, less its zero point")


def _explain_cell(e: Explanation, walk: Walk, plan: IntegerLstmPlan, cell: int) -> None:
    """Append the gates, the cell's new state c, and the output gate times the squashed state, "acc_hidden"."""
    for name in ("forget", "cell") if plan.inputs.cifg else ("input", "forget", "cell"):
        total = _explain_gate(e, walk, plan, name, cell)
        function = explain_tanh if name == "cell" else explain_logistic
        _real(e, function(e, total, f"{name}_gate", GATE_INTEGER_BITS), -15)
    if plan.inputs.cifg:
        _real(e, e.derive("input_gate", "2**15 - 1 - forget_gate", "what is not kept is taken in"), -15)
    divide(e, "kept", "forget_gate * c_before", 15, "what is kept of the cell's state, ties away from zero", "ties_away")
    words = "what is taken in, in units of the cell's state, ties away from zero"
    divide(e, "taken_in", "input_gate * cell_gate", 30 + plan.cell_exponent, words, "ties_away")
    state = e.derive("c_unclipped" if plan.cell_clip else "c", f"clamp(kept + wrap(taken_in, 16), {SATURATED})", "the new state")
    if plan.cell_clip:
        e.given("cell_clip", plan.cell_clip, "the limit of the state")
        e.derive("c", f"clamp({state}, -cell_clip, cell_clip)", "the new state, within its limit")
    _real(e, "c", plan.cell_exponent)
    _real(e, explain_logistic(e, _explain_gate(e, walk, plan, "output", cell), "output_gate", GATE_INTEGER_BITS), -15)
    if plan.cell_has_tanh:
        _real(e, explain_tanh(e, "c", "squashed", 15 + plan.cell_exponent), -15)
    else:
        e.derive("squashed", "input_gate", "where the kernel has no tanh for the state's units, its buffer holds the input gate")
    e.derive("acc_hidden", "output_gate * squashed", "of 2^30")


def _real(e: Explanation, name: str, exponent: int) -> None:
    """Append what a step stands for."""
    e.derive(f"real_{name}", f"{name} * 2.0**{exponent}", "the real number that it stands for")


def _explain_gate(e: Explanation, walk: Walk, plan: IntegerLstmPlan, name: str, cell: int) -> str:
    """Append what a gate sums up in one cell; returns the name of the sum, with 3 integer bits."""
    gate, rules, lists = plan.inputs.gates[name], plan.gates[name], walk.lists
    e.given(f"w_{name}", lists[gate.input_weights][cell], f"the {name} gate's weights of the inputs, LSB")
    e.given(f"r_{name}", lists[gate.recurrent_weights][cell], f"the {name} gate's weights of the output before, LSB")
    bias = ""
    if rules.layer_norm is None:
        bias = " + " + e.given(f"bias_{name}", lists[gate.bias][cell], "in units of s_x * s_w")
    e.derive(f"acc_{name}", f"wrap(sum(centred_x * w_{name}){bias}, 32)", "what the inputs contribute")
    scaled = rules.input.explain(e, f"acc_{name}")
    total = e.derive(f"from_input_{name}", f"clamp({scaled}, {SATURATED})", "in 16 bits")
    e.derive(f"acc_recurrent_{name}", f"wrap(sum(centred_h * r_{name}), 32)", "what the output before contributes")
    scaled = rules.recurrent.explain(e, f"acc_recurrent_{name}")
    total = e.derive(f"with_recurrent_{name}", f"clamp({total} + {scaled}, {SATURATED})", "both, in 16 bits")
    if gate.peephole is not None and rules.peephole is not None:
        e.given(f"peephole_{name}", walk.peephole(gate.peephole, cell), "the weight of the cell's state, LSB")
        state = "c" if name == "output" else "c_before"
        e.derive(f"acc_peephole_{name}", f"peephole_{name} * {state}", "what the cell's state contributes")
        scaled = rules.peephole.explain(e, f"acc_peephole_{name}")
        total = e.derive(f"with_peephole_{name}", f"clamp({total} + {scaled}, {SATURATED})", "with the cell's state")
    if gate.layer_norm is None or rules.layer_norm is None:
        return e.derive(f"sum_{name}", total, "what goes into the gate's function, of 2^12")
    weight, bias_value = lists[gate.layer_norm][cell], lists[gate.bias][cell]
    return _explain_normalization(e, total, walk.sums[name], weight, bias_value, rules.layer_norm, name)


def _explain_normalization(e: Explanation, total: str, row: list[int], weight: int, bias: int, plan: LayerNorm, name: str) -> str:
    """Append the layer normalization of a gate's sum among those of all cells."""
    cells = len(row)
    e.given(f"row_{name}", row, "the sums of this gate in all cells, each found as that of this cell")
    e.derive(f"mean_{name}", f"toward_zero(1024 * sum(row_{name}), {cells})", "their mean, of 2^10")
    squares = f"sum(row_{name} * row_{name}) * (2**20 // {cells}) - mean_{name} * mean_{name}"
    e.derive(f"squares_{name}", squares, "the mean of the squares less the square of the mean, of 2^20")
    e.given(f"least_{name}", plan.variance_guard, "what counts as variance where there is none")
    variance = f"toward_zero(squares_{name}, 2**20)"
    e.derive(f"variance_{name}", f"{variance} if {variance} >= 1 else least_{name}")
    right = _explain_inverse_sqrt(e, f"variance_{name}", f"inverse_deviation_{name}", name)
    e.derive(f"distance_{name}", f"1024 * {total} - mean_{name}", "from the mean, of 2^10")
    multiply(e, f"normal_high_{name}", f"distance_{name} * inverse_deviation_{name}", 32, "first rounding, ties up")
    divide(e, f"normal_{name}", f"normal_high_{name}", right, "second rounding, ties away: of 2^10", "ties_away")
    e.given(f"weight_{name}", weight, "the cell's weight of the normalized sum, LSB")
    e.given(f"bias_{name}", bias, "in units of the weight / 2^10")
    e.derive(f"weighted_{name}", f"wrap(normal_{name} * weight_{name} + bias_{name}, 32)")
    half = f"(512 if weighted_{name} > 0 else -512)"
    e.derive(f"acc_normal_{name}", f"toward_zero(weighted_{name} + {half}, 1024)", "in units of the weight, ties away from zero")
    rule = DoubleRounding(np.array([plan.quantized_multiplier]), np.array([plan.shift + 12]))
    scaled = rule.explain(e, f"acc_normal_{name}")
    return e.derive(f"sum_{name}", f"clamp({scaled}, {SATURATED})", "what goes into the gate's function, of 2^12")


def _explain_inverse_sqrt(e: Explanation, x: str, result: str, name: str) -> int:
    """Append the multiplier that stands for 1 / sqrt(x); returns the bits by which the product with it goes to the right."""
    value = e.value(x)
    if value <= 1:
        e.given(result, 2**31 - 1, "1 / sqrt(1), as near to 1 as it gets")
        return 0
    quarterings, right = 0, 11
    while value >= 2**29:
        value, quarterings = value // 4, quarterings + 1
    pairs = (32 - value.bit_length() - 1) // 2 - 1
    right += quarterings - pairs
    e.derive(f"scaled_variance_{name}", f"{x} // 4**{quarterings} * 4**{pairs}", "scaled to [2^27, 2^29)")
    half = divide(e, f"half_{name}", f"scaled_variance_{name} // 2", 1, "half of it, ties away from zero", "ties_away")
    y = e.given(f"root_0_{name}", 2**28, "1, with 3 integer bits: the first estimate y of 1 / sqrt")
    for k in range(1, 6):
        square = multiply(e, f"y2_{k}_{name}", f"{y} * {y}", 32, "y^2")
        multiply(e, f"y3_{k}_{name}", f"{square} * {y}", 32, "y^3, with 9 integer bits")
        e.derive(f"cube_{k}_{name}", f"clamp(64 * y3_{k}_{name}, -(2**31), 2**31 - 1)", "with 3 integer bits")
        linear = multiply(e, f"linear_{k}_{name}", f"3 * 2**27 * {y}", 32, "3/2 y")
        cubic = multiply(e, f"times_half_{k}_{name}", f"{half} * cube_{k}_{name}", 32, "x / 2 y^3")
        y = e.derive(f"root_{k}_{name}", f"clamp(8 * ({linear} - {cubic}), -(2**31), 2**31 - 1)", "Newton: 3/2 y - x / 2 y^3")
    multiply(e, f"root_{name}", f"{y} * 1518500250", 32, "times sqrt(1/2)")
    e.derive(result, f"root_{name} * 2**{max(-right, 0)}", f"1 / sqrt(variance), to be shifted {max(right, 0)} bits to the right")
    return max(right, 0)


def _explain_projection(e: Explanation, walk: Walk, plan: IntegerLstmPlan, cell: int, unit: int) -> None:
    """Append the hidden value of the cell, those of all cells, and their projection on one unit."""
    weights, bias, rule = plan.inputs.projection, plan.inputs.projection_bias, plan.projection
    assert weights is not None
    assert rule is not None
    hidden = plan.hidden.explain(e, "acc_hidden")
    e.given("hidden_offset", plan.hidden_zero_point, "the zero point of the hidden values")
    e.derive("hidden_of_cell", f"clamp({hidden} - hidden_offset, -128, 127)", f"the hidden value of cell {cell}")
    e.given("hidden", walk.hidden, f"those of all cells, each found as that of cell {cell}")
    e.given("w_projection", walk.lists[weights][unit], "the weights of the projection, LSB")
    e.given("bias_projection", 0 if bias is None else walk.lists[bias][unit], "in units of s_hidden * s_w")
    e.derive("acc", "wrap(sum((hidden + hidden_offset) * w_projection) + bias_projection, 32)", "the accumulator, in 32 bits")
    scaled = rule.explain(e, "acc")
    e.given("output_offset", plan.output_zero_point, "the zero point of the output")
    y = e.derive("unclipped" if plan.projection_clip else "y", f"clamp({scaled} + output_offset, -128, 127)", "the output, LSB")
    if plan.projection_clip:
        e.given("projection_clip", plan.projection_clip, "the limit of the output, LSB")
        e.derive("y", f"clamp({y}, -projection_clip, projection_clip)", "the output within its limit, LSB")
