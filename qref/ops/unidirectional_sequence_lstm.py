"""UNIDIRECTIONAL_SEQUENCE_LSTM: an LSTM over the time steps of a sequence; its states persist between inferences.

Layout   x [T, B, I] or [B, T, I] -> y, like x but of depth O; states [B, O] and [B, C], C cells, O = C without projection
         inputs: 0 x; 1-4 input weights [C, I] of the gates input, forget, cell, output; 5-8 recurrent weights [C, O];
         9-11 peephole weights [C] of input, forget, output; 12-15 biases [C]; 16, 17 projection [O, C], [O];
         18 output state, 19 cell state; 20-23 layer normalization [C]
Types    x, y, output state int8; cell state, peephole, layer normalization int16; weights int8; biases int32
         x, y, states, biases, layer normalization float32; all weights float32, int8 or uint8 (read as int8)
Scales   integers: see _lstm_integer.py, with five intermediate tensors for their scales
Source   TFLite, unidirectional_sequence_lstm.cc; facts verified in tests/ops/test_unidirectional_sequence_lstm.py
"""

from __future__ import annotations

from qref.schema.enums import TensorType

from ._lstm_float import lstm_float32, plan_float_lstm
from ._lstm_float_explain import explain_float_lstm
from ._lstm_integer import explain_lstm, lstm_integer, plan_integer_lstm
from ._lstm_operands import Layout, expect_counts, read_lstm
from .node import Node, Prepared

LAYOUT = Layout(weights=1, output_state=18, cell_state=19, layer_norm=20)


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    expect_counts(node, (20, 24), outputs=1)
    x, y = node.input(0), node.output()
    node.expect_type(y, x.type)
    node.expect(len(x.shape) == 3, f"input {x} has shape {list(x.shape)}; expected [time, batch, depth] or [batch, time, depth]")
    time_major = bool(node.options.get("time_major", False))
    integer = x.type == TensorType.INT8
    inputs = read_lstm(node, LAYOUT, x.shape[1 if time_major else 0], x.shape[2], diagonal=not integer)
    node.resize(0, (*x.shape[:2], inputs.outputs))
    states = (inputs.output_state, inputs.cell_state)
    if integer:
        return Prepared(lstm_integer, plan_integer_lstm(node, inputs, time_major), explain_lstm, updates=states, pure=False)
    return Prepared(lstm_float32, plan_float_lstm(node, inputs, time_major), explain_float_lstm, updates=states, pure=False)
