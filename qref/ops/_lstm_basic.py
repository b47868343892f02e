"""LSTM with kernel_type BASIC: one matrix holds the weights of all gates, and the states are outputs too.

(1)  s = w (x, h) + b,  split into the gates input i, cell j, forget f, output o
(2)  c <- logistic(i) tanh(j) + logistic(f) c
(3)  h <- logistic(o) tanh(c)

In the quantized form s is Q3.12, c is Q4.11, h - 128 is Q0.7; products and functions are gemmlowp's on 16 bits; tanh in
equation (3) sees c saturated to Q3.12.
Source: TFLite, lstm.cc; optimized_ops.h, LstmCell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.arithmetic import gemmlowp
from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import rounding_divide_by_pot, saturate_int16, saturating_left_shift_16, wrap_int32
from qref.arithmetic.fixed_point import saturating_rounding_doubling_high_mul_16 as multiply
from qref.arithmetic.requantize import HalfUp, Requantize
from qref.schema.enums import TensorType

from . import _eigen, _explain_eigen, _explain_gemmlowp
from ._lstm_float import FINITE
from ._lstm_operands import expect_counts, expect_state, expect_tensor
from ._matmul import integer_matmul
from .node import Node, Prepared

OUTPUT_STATE, CELL_STATE = 1, 4  # input positions
STATE_INTEGER_BITS = 4
GATES = ("input", "cell", "forget", "output")  # in the order of the rows of w


@dataclass(frozen=True, slots=True)
class BasicFloatPlan:
    """The float32 form."""

    l1_bytes: int


@dataclass(frozen=True, slots=True)
class BasicIntegerPlan:
    """The quantized form."""

    filter_zero_point: int  # LSB
    requantize: Requantize  # to Q3.12


def prepare_basic(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    expect_counts(node, (5,), outputs=4)
    x = node.input(0)
    node.expect_type(x, TensorType.FLOAT32, TensorType.UINT8)
    node.expect(len(x.shape) == 2, f"input {x} has shape {list(x.shape)}; expected [batch, depth]")
    h = node.input(OUTPUT_STATE)
    node.expect(
        len(h.shape) == 2 and h.shape[0] == x.shape[0], f"state {h} has shape {list(h.shape)}; expected [{x.shape[0]}, cells]"
    )
    batch, cells, total = x.shape[0], h.shape[1], x.shape[1] + h.shape[1]
    node.expect(cells > 0, f"state {h} has no cells")
    quantized = x.type == TensorType.UINT8
    bias_type, wide = (TensorType.INT32, TensorType.INT16) if quantized else (TensorType.FLOAT32, TensorType.FLOAT32)
    expect_tensor(node, 2, x.type, (4 * cells, total))
    expect_tensor(node, 3, bias_type, (4 * cells,))
    for position, type_ in (OUTPUT_STATE, x.type), (CELL_STATE, wide):
        expect_tensor(node, position, type_, (batch, cells))
        expect_state(node, position, type_, batch * cells)
    for position, (type_, width) in enumerate([(x.type, cells), (wide, cells), (x.type, total), (wide, 4 * cells)]):
        node.expect_type(node.output(position), type_)
        node.resize(position, (batch, width))
    if not quantized:
        return Prepared(
            lstm_basic_float32,
            BasicFloatPlan(_eigen.l1_cache_bytes()),
            explain_float32,
            updates=(OUTPUT_STATE, CELL_STATE),
            pure=False,
        )
    scale = float(node.output(1).scale)
    bits = 15 + math.log2(scale) if scale > 0 and math.isfinite(scale) else math.nan
    node.expect(abs(bits - STATE_INTEGER_BITS) < 1e-3, f"the cell state {node.output(1)} has the scale {scale}; expected 2^-11")
    rule = HalfUp.of(np.float64(4096) * np.atleast_1d(np.float64(node.input(3).scale)))
    plan = BasicIntegerPlan(node.input(2).zero_point, rule)
    return Prepared(lstm_basic_uint8, plan, explain_uint8, updates=(OUTPUT_STATE, CELL_STATE), pure=False)


@np.errstate(all="ignore")
def lstm_basic_float32(
    x: np.ndarray, h: np.ndarray, w: np.ndarray, b: np.ndarray, c: np.ndarray, plan: BasicFloatPlan
) -> tuple[np.ndarray, ...]:
    """Return the four outputs, and the new h and c again as states."""
    both = np.concatenate([x, h], axis=1)
    sums = np.clip(_eigen.matmul(both, w, plan.l1_bytes) + b, -FINITE, FINITE)
    i, j, f, o = np.split(sums, 4, axis=1)
    offsets = np.arange(len(x)) * c.shape[1]
    state = _eigen.logistic(i, offsets) * _eigen.tanh(j) + _eigen.logistic(f, offsets) * c
    activation = _eigen.logistic(o, offsets) * _eigen.tanh(state)
    return activation, state, both, sums, activation.copy(), state.copy()


def lstm_basic_uint8(
    x: np.ndarray, h: np.ndarray, w: np.ndarray, b: np.ndarray, c: np.ndarray, plan: BasicIntegerPlan
) -> tuple[np.ndarray, ...]:
    """Return the four outputs, and the new h and c again as states."""
    both = np.concatenate([x, h], axis=1)
    acc = wrap_int32(integer_matmul(both.astype(np.int64) - 128, w.astype(np.int64) - plan.filter_zero_point) + b)
    sums = saturate_int16(plan.requantize(acc))
    i, j, f, o = np.split(sums, 4, axis=1)
    added = rounding_divide_by_pot(multiply(gemmlowp.logistic(i, 3, 16), gemmlowp.tanh(j, 3, 16)), STATE_INTEGER_BITS)
    state = saturate_int16(added + multiply(gemmlowp.logistic(f, 3, 16), c))
    hidden = multiply(gemmlowp.logistic(o, 3, 16), gemmlowp.tanh(saturating_left_shift_16(state, 1), 3, 16))
    activation = (128 + np.clip(rounding_divide_by_pot(hidden, 8), -128, 127)).astype(np.uint8)
    state = state.astype(np.int16)
    return activation, state, both, sums.astype(np.int16), activation.copy(), state.copy()


def explain_float32(
    x: np.ndarray, h: np.ndarray, w: np.ndarray, b: np.ndarray, c: np.ndarray, plan: BasicFloatPlan, element: tuple[int, int]
) -> Explanation:
    """Return an element of the first output, h, step by step; names end in the name of their gate."""
    e, (entry, cell), (batch, cells) = Explanation(), element, c.shape
    e.given("x", x[entry], "the inputs")
    e.given("h", h[entry], "the output of the inference before")
    e.given("c_before", c[element], f"the state of cell {cell} before")
    e.derive("both", "joined(x, h)")
    for k, name in enumerate(GATES):
        column = k * cells + cell
        e.given(f"w_{name}", w[column], f"the {name} gate's weights of inputs and output")
        e.given(f"bias_{name}", b[column], f"of the {name} gate")
        e.derive(f"products_{name}", f"float32(both * w_{name})")
        product = _explain_eigen.explain_matmul(
            e, f"products_{name}", f"product_{name}", entry, batch, column, len(w), plan.l1_bytes
        )
        total = e.derive(f"sum_{name}", f"clamp(float32({product} + bias_{name}), -{FINITE}, {FINITE})", "kept finite")
        if name == "cell":
            _explain_eigen.explain_tanh(e, total, "cell_gate")
        else:
            _explain_eigen.explain_logistic(e, total, f"{name}_gate", entry * cells, cells, cell)
    e.derive("taken_in", "float32(input_gate * cell_gate)", "what the cell takes in")
    e.derive("kept", "float32(forget_gate * c_before)", "what it keeps of its state")
    e.derive("c", "float32(taken_in + kept)", "its new state")
    _explain_eigen.explain_tanh(e, "c", "squashed")
    e.derive("y", "float32(output_gate * squashed)", "the output")
    return e


def explain_uint8(
    x: np.ndarray, h: np.ndarray, w: np.ndarray, b: np.ndarray, c: np.ndarray, plan: BasicIntegerPlan, element: tuple[int, int]
) -> Explanation:
    """Return an element of the first output, h, step by step; names end in the name of their gate."""
    e, (entry, cell) = Explanation(), element
    e.given("x", x[entry], "the inputs, LSB")
    e.given("h", h[entry], "the output of the inference before, LSB")
    e.given("c_before", c[element], f"the state of cell {cell} before, of 2^11")
    e.given("filter_offset", -plan.filter_zero_point, "minus the zero point of the weights")
    e.derive("both", "joined(x, h) - 128", "less their zero point, of 2^7")
    for k, name in enumerate(GATES):
        row = k * c.shape[1] + cell
        e.given(f"w_{name}", w[row], f"the {name} gate's weights of inputs and output, LSB")
        e.given(f"bias_{name}", b[row], "in units of s_w / 2^7")
        acc = e.derive(f"acc_{name}", f"wrap(sum(both * (w_{name} + filter_offset)) + bias_{name}, 32)", "in 32 bits")
        scaled = plan.requantize.explain(e, acc)
        e.derive(f"sum_{name}", f"clamp({scaled}, -(2**15), 2**15 - 1)", f"what the {name} gate sums up, of 2^12")
        function = _explain_gemmlowp.explain_tanh if name == "cell" else _explain_gemmlowp.explain_logistic
        function(e, f"sum_{name}", f"{name}_gate", 3)
    _explain_gemmlowp.multiply(e, "candidate", "input_gate * cell_gate", 16, "of 2^15, ties up")
    _explain_gemmlowp.divide(
        e, "taken_in", "candidate", STATE_INTEGER_BITS, "what the cell takes in, of 2^11, ties away from zero", "ties_away"
    )
    _explain_gemmlowp.multiply(e, "kept", "forget_gate * c_before", 16, "what it keeps of its state, of 2^11")
    e.derive("c", "clamp(taken_in + kept, -(2**15), 2**15 - 1)", "its new state, of 2^11")
    e.derive("c_of_12", "clamp(2 * c, -(2**15), 2**15 - 1)", "of 2^12, as far as 16 bits reach")
    _explain_gemmlowp.explain_tanh(e, "c_of_12", "squashed", 3)
    _explain_gemmlowp.multiply(e, "hidden", "output_gate * squashed", 16, "of 2^15, ties up")
    _explain_gemmlowp.divide(e, "hidden_of_7", "hidden", 8, "of 2^7, ties away from zero", "ties_away")
    e.derive("y", "128 + clamp(hidden_of_7, -128, 127)", "the output, LSB")
    return e
