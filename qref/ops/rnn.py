"""RNN: one time step of a fully connected recurrent network, y = activation(b + W x + R h), whose state h = y persists.

Layout   x [B, I], W [U, I], R [U, U], b [U], h [B, U] (variable) -> y [B, U]
Types    x, b, h, y float32; W, R float32, int8 or uint8 (read as int8)
Scales   W, R: per tensor, zero point 0
Source   TFLite, basic_rnn.cc; facts verified in tests/ops/test_rnn.py
"""

from __future__ import annotations

from qref.schema.enums import TensorType

from ._lstm_operands import expect_counts
from ._rnn import explain_rnn, plan_rnn, rnn, units_of
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    expect_counts(node, (5,), outputs=1)
    x = node.input(0)
    node.expect(len(x.shape) == 2, f"input {x} has shape {list(x.shape)}; expected [batch, depth]")
    plan = plan_rnn(node, 1, *x.shape)
    node.expect_type(node.output(), TensorType.FLOAT32)
    node.resize(0, (x.shape[0], units_of(node, plan)))
    return Prepared(rnn, plan, explain_rnn, updates=(plan.state,), pure=False)
