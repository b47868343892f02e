"""BIDIRECTIONAL_SEQUENCE_RNN: two RNNs over a sequence, of which the second walks time backwards.

Layout   x [T, B, I] or [B, T, I] -> y forward [..., U] and y backward [..., V], or merged in one [..., U + V]
         inputs: 0 x; 1-4 forward weights [U, I], recurrent weights [U, U], bias [U], state [B, U]; 5-8 backward alike;
         9 auxiliary input [..., A]; 10, 11 its weights [U, A], [V, A]
         An auxiliary input with weights is a second input of both networks, without weights the input of the backward one.
Types    as RNN

LiteRT's kernel has faults that are reproduced, since they are its results:
- weights of 8 bits and time first: each network walks the whole sequence T times, its state running on
- batch first: the auxiliary input without weights is not read, the backward network reads x
- the auxiliary input with weights is read with steps of depth I instead of A, unless weights are float32 and the batch is first
Source   TFLite, bidirectional_sequence_rnn.cc; facts verified in tests/ops/test_rnn.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._lstm_operands import expect_counts
from ._rnn import RnnPlan, explain_step, plan_rnn, run_rnn, units_of
from .node import Node, Prepared, Shape

AUX_INPUT, FORWARD_AUX_WEIGHTS, BACKWARD_AUX_WEIGHTS = 9, 10, 11


@dataclass(frozen=True, slots=True)
class BidirectionalRnnPlan:
    """Both directions, and what the kernel's faults make of them."""

    forward: RnnPlan
    backward: RnnPlan
    backward_reads_aux: bool
    aux_step: int | None  # floats from one step of the auxiliary input to the next, where that is not its size
    repeat: bool  # whether the sequence is walked as often as it has steps


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan: one for each direction."""
    merged = bool(node.options.get("merge_outputs", False))
    expect_counts(node, (12,), outputs=1 if merged else 2)
    x, aux = node.input(0), node.input(AUX_INPUT, optional=True)
    node.expect(len(x.shape) == 3, f"input {x} has shape {list(x.shape)}; expected [time, batch, depth] or [batch, time, depth]")
    with_weights = [node.input(p, optional=True) is not None for p in (FORWARD_AUX_WEIGHTS, BACKWARD_AUX_WEIGHTS)]
    node.expect(
        all(with_weights) == any(with_weights), "weights of the auxiliary input must be there for both directions, or for none"
    )
    node.expect(aux is not None or not any(with_weights), "there are weights of the auxiliary input, but it is missing")
    aux_depth = 0
    if aux is not None:
        node.expect_type(aux, TensorType.FLOAT32)
        node.expect(
            aux.shape[:-1] == x.shape[:2],
            f"auxiliary input {aux} has shape {list(aux.shape)}; expected {[*x.shape[:2], 'depth']}",
        )
        aux_depth = aux.shape[-1]
        node.expect(
            any(with_weights) or aux_depth == x.shape[2], f"auxiliary input {aux} has depth {aux_depth}; expected {x.shape[2]}"
        )
    time_major = bool(node.options.get("time_major", False))
    batch = x.shape[1 if time_major else 0]

    def plan(first: int, reverse: bool, aux_weights: int) -> RnnPlan:
        position = aux_weights if all(with_weights) else None
        return plan_rnn(node, first, batch, x.shape[2], time_major=time_major, reverse=reverse, aux=position, aux_depth=aux_depth)

    forward, backward = plan(1, False, FORWARD_AUX_WEIGHTS), plan(5, True, BACKWARD_AUX_WEIGHTS)
    widths = [units_of(node, forward), units_of(node, backward)]
    for position, width in enumerate([sum(widths)] if merged else widths):
        node.expect_type(node.output(position), TensorType.FLOAT32)
        node.resize(position, (*x.shape[:2], width))
    hybrid = forward.scales[0] is not None
    if hybrid and merged and time_major and batch > 1 and not forward.asymmetric:
        node.unsupported(
            "merged outputs of several entries with 8-bit weights, on which LiteRT crashes; set asymmetric_quantize_inputs"
        )
    plans = BidirectionalRnnPlan(
        forward,
        backward,
        backward_reads_aux=aux is not None and not all(with_weights) and time_major,
        aux_step=_aux_step(node, batch, x.shape, aux_depth, time_major) if all(with_weights) and (time_major or hybrid) else None,
        repeat=hybrid and time_major,
    )
    return Prepared(
        bidirectional_merged if merged else bidirectional, plans, explain, updates=(forward.state, backward.state), pure=False
    )


def _aux_step(node: Node, batch: int, shape: Shape, aux_depth: int, time_major: bool) -> int:
    steps = shape[0] if time_major else shape[0] * shape[1]
    node.expect(
        shape[2] <= aux_depth or steps <= 1,
        f"the auxiliary input has depth {aux_depth}, less than the input's {shape[2]}: LiteRT's kernel would read behind its end",
    )
    return shape[2] * (batch if time_major else 1)


def _as_read(aux: np.ndarray, plan: BidirectionalRnnPlan) -> np.ndarray:
    """The auxiliary input as the kernel reads it."""
    if plan.aux_step is None:
        return aux
    size = (aux.shape[1] if plan.forward.time_major else 1) * aux.shape[2]
    steps = np.arange(aux.size // size if size else 0)
    return aux.reshape(aux.size)[steps[:, None] * plan.aux_step + np.arange(size)].reshape(aux.shape)


def bidirectional(*arguments: Any) -> tuple[np.ndarray, ...]:
    """Return y forward, y backward and both states; arguments are the inputs, then the plan."""
    *tensors, plan = arguments
    x, aux = tensors[0], tensors[AUX_INPUT]
    second_input = aux if plan.backward_reads_aux else x
    aux = None if aux is None or plan.forward.aux_weights is None else _as_read(aux, plan)
    times = len(x) if plan.repeat else 1
    first, first_state = run_rnn(x, aux, tensors, plan.forward, times)
    second, second_state = run_rnn(second_input, aux, tensors, plan.backward, times)
    return first, second, first_state, second_state


def bidirectional_merged(*arguments: Any) -> tuple[np.ndarray, ...]:
    """Return y [..., U + V] and both states."""
    first, second, *states = bidirectional(*arguments)
    return np.concatenate([first, second], axis=-1), *states


def explain(*arguments: Any) -> Explanation:
    """Return an element of the first output step by step; arguments are the inputs, the plan, the element."""
    *tensors, plan, element = arguments
    x, aux = tensors[0], tensors[AUX_INPUT]
    second_input = aux if plan.backward_reads_aux else x
    aux = None if aux is None or plan.forward.aux_weights is None else _as_read(aux, plan)
    times, units = len(x) if plan.repeat else 1, len(tensors[plan.forward.bias])
    *place, unit = element
    if unit < units:
        return explain_step(x, aux, tensors, plan.forward, element, times)
    return explain_step(second_input, aux, tensors, plan.backward, (*place, unit - units), times)
