"""BIDIRECTIONAL_SEQUENCE_LSTM: two LSTMs over a sequence, of which the second walks time backwards.

Layout   x [T, B, I] or [B, T, I] -> y forward [..., O] and y backward [..., O], or merged in one [..., 2 O]
         inputs: 0 x; 1-17 the forward LSTM in the order of UNIDIRECTIONAL_SEQUENCE_LSTM; 18-34 the backward LSTM;
         35, 36 forward output and cell state; 37, 38 backward; 39 auxiliary input; 40-43, 44-47 its weights [C, A]
         An auxiliary input with weights is a second input of both LSTMs, without weights the input of the backward LSTM.
Types    as UNIDIRECTIONAL_SEQUENCE_LSTM with float32 activations; there is no layer normalization
Source   TFLite, bidirectional_sequence_lstm.cc; facts verified in tests/ops/test_bidirectional_sequence_lstm.py
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._lstm_float import plan_float_lstm, run_lstm
from ._lstm_float_explain import explain_step
from ._lstm_operands import Layout, expect_counts, read_lstm
from .node import Node, Prepared

FORWARD = Layout(weights=1, output_state=35, cell_state=36, aux_weights=40)
BACKWARD = Layout(weights=18, output_state=37, cell_state=38, aux_weights=44)
AUX_INPUT = 39


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan: one for each direction."""
    merged = bool(node.options.get("merge_outputs", False))
    expect_counts(node, (48,), outputs=1 if merged else 2)
    x, aux = node.input(0), node.input(AUX_INPUT, optional=True)
    node.expect_type(x, TensorType.FLOAT32)
    node.expect(len(x.shape) == 3, f"input {x} has shape {list(x.shape)}; expected [time, batch, depth] or [batch, time, depth]")
    if aux is not None:
        node.expect_type(aux, TensorType.FLOAT32)
        node.expect(
            aux.shape[:-1] == x.shape[:2],
            f"auxiliary input {aux} has shape {list(aux.shape)}; expected {[*x.shape[:2], 'depth']}",
        )
    aux_depth = 0 if aux is None else aux.shape[-1]
    time_major = bool(node.options.get("time_major", False))
    batch = x.shape[1 if time_major else 0]
    forward, backward = (read_lstm(node, layout, batch, x.shape[2], aux_depth=aux_depth) for layout in (FORWARD, BACKWARD))
    with_weights = forward.gates["output"].aux_weights is not None
    node.expect(
        with_weights == (backward.gates["output"].aux_weights is not None),
        "weights of the auxiliary input must be there for both directions",
    )
    node.expect(aux is not None or not with_weights, "there are weights of the auxiliary input, but it is missing")
    node.expect(
        aux is None or with_weights or aux_depth == x.shape[2],
        f"auxiliary input {aux} has depth {aux_depth}; expected {x.shape[2]}",
    )
    sizes = [(direction.cells, direction.outputs) for direction in (forward, backward)]
    node.expect(
        sizes[0] == sizes[1], f"the directions have {sizes[0]} and {sizes[1]} cells and outputs; expected the same numbers"
    )
    if merged and not time_major and batch > 1:
        node.unsupported(
            "merged outputs with the batch first, which LiteRT's kernel computes from memory outside its states; use time_major"
        )
    for position, output in enumerate(node.outputs):
        node.expect_type(output, TensorType.FLOAT32)
        node.resize(position, (*x.shape[:2], forward.outputs * (2 if merged else 1)))
    plans = plan_float_lstm(node, forward, time_major), plan_float_lstm(node, backward, time_major, reverse=True)
    states = (forward.output_state, forward.cell_state, backward.output_state, backward.cell_state)
    return Prepared(bidirectional_merged if merged else bidirectional, plans, explain, updates=states, pure=False)


def bidirectional(*arguments: Any) -> tuple[np.ndarray, ...]:
    """Return y forward, y backward and the four states; arguments are the inputs, then the plans of both directions."""
    *tensors, (forward, backward) = arguments
    x, aux = tensors[0], tensors[AUX_INPUT]
    stacked = aux is not None and forward.inputs.gates["output"].aux_weights is None
    first, *first_states = run_lstm(x, None if stacked else aux, tensors, forward)
    second, *second_states = run_lstm(aux if stacked else x, None if stacked else aux, tensors, backward)
    return first, second, *first_states, *second_states


def bidirectional_merged(*arguments: Any) -> tuple[np.ndarray, ...]:
    """Return y [..., 2 O] and the four states."""
    first, second, *states = bidirectional(*arguments)
    return np.concatenate([first, second], axis=-1), *states


def explain(*arguments: Any) -> Explanation:
    """Return an element of the first output step by step; arguments are the inputs, the plans, the element."""
    *tensors, (forward, backward), element = arguments
    x, aux = tensors[0], tensors[AUX_INPUT]
    stacked = aux is not None and forward.inputs.gates["output"].aux_weights is None
    *place, unit = element
    if unit < forward.inputs.outputs:
        return explain_step(x, None if stacked else aux, tensors, forward, element)
    return explain_step(
        aux if stacked else x, None if stacked else aux, tensors, backward, (*place, unit - forward.inputs.outputs)
    )
