"""UNIDIRECTIONAL_SEQUENCE_RNN: RNN over the time steps of a sequence.

Layout   x [T, B, I] or [B, T, I] -> y, like x but of depth U; weights, bias and state as RNN
Types    as RNN
Source   TFLite, unidirectional_sequence_rnn.cc; facts verified in tests/ops/test_rnn.py
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
    node.expect(len(x.shape) == 3, f"input {x} has shape {list(x.shape)}; expected [time, batch, depth] or [batch, time, depth]")
    time_major = bool(node.options.get("time_major", False))
    plan = plan_rnn(node, 1, x.shape[1 if time_major else 0], x.shape[2], time_major=time_major)
    node.expect_type(node.output(), TensorType.FLOAT32)
    node.resize(0, (*x.shape[:2], units_of(node, plan)))
    return Prepared(rnn, plan, explain_rnn, updates=(plan.state,), pure=False)
