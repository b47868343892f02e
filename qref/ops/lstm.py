"""LSTM: one time step of an LSTM whose states persist between inferences.

kernel_type FULL
Layout   x [B, I] -> y [B, O]; all else as UNIDIRECTIONAL_SEQUENCE_LSTM
Types    as UNIDIRECTIONAL_SEQUENCE_LSTM, but recurrent weights always [C, O]

kernel_type BASIC
Layout   x [B, I], h [B, C] (variable), w [4C, I + C], b [4C], c [B, C] (variable)
         -> h [B, C], c [B, C], the concatenation (x, h) [B, I + C], the sums [B, 4C] of the gates input, cell, forget, output
Types    all float32
         x, h, w, concatenation uint8; b int32; c and sums int16      x and h: scale 1/128, zero point 128; c: 2^-11; sums: 2^-12

Source   TFLite, lstm.cc; facts verified in tests/ops/test_lstm.py
"""

from __future__ import annotations

from qref.schema.enums import TensorType

from ._lstm_basic import prepare_basic
from ._lstm_float import lstm_float32, plan_float_lstm
from ._lstm_float_explain import explain_float_lstm
from ._lstm_integer import explain_lstm, lstm_integer, plan_integer_lstm
from ._lstm_operands import Layout, expect_counts, read_lstm
from .node import Node, Prepared

LAYOUT = Layout(weights=1, output_state=18, cell_state=19, layer_norm=20)
FULL, BASIC = 0, 1


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    kernel_type = node.options.get("kernel_type", FULL)
    node.expect(kernel_type in (FULL, BASIC), f"kernel_type is {kernel_type}; expected FULL ({FULL}) or BASIC ({BASIC})")
    return prepare_basic(node) if kernel_type == BASIC else _prepare_full(node)


def _prepare_full(node: Node) -> Prepared:
    expect_counts(node, (20, 24), outputs=1)
    x, y = node.input(0), node.output()
    node.expect_type(y, x.type)
    node.expect(len(x.shape) == 2, f"input {x} has shape {list(x.shape)}; expected [batch, depth]")
    if len(node.intermediates) == 12:
        node.unsupported(
            "12 intermediate tensors, which stand for an LSTM with 8-bit gates; store it with 16-bit gates and 5 intermediates"
        )
    inputs = read_lstm(node, LAYOUT, *x.shape)
    node.resize(0, (inputs.batch, inputs.outputs))
    states = (inputs.output_state, inputs.cell_state)
    if x.type == TensorType.INT8:
        return Prepared(lstm_integer, plan_integer_lstm(node, inputs, time_major=True), explain_lstm, updates=states, pure=False)
    return Prepared(lstm_float32, plan_float_lstm(node, inputs, time_major=True), explain_float_lstm, updates=states, pure=False)
