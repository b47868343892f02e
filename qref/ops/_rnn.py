"""The fully connected recurrent network: h <- activation(b + W x + W' x' + R h), with x' an auxiliary input; y = h.

The sums are taken from left to right; each product in four lanes, ((l0 + l1) + l2) + l3, then the last terms one by one.
With weights of 8 bits, rows of x, x' and h are quantized to int8 when they are seen, and a whole step of zeros is skipped.
Source: TFLite, kernel_utils.cc.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from . import _eigen
from ._explain_eigen import explain_activation, explain_packet_products
from ._explain_hybrid import explain_hybrid_product, explain_quantized_row
from ._lstm_float import activate, quantized_product
from ._lstm_operands import EIGHT_BITS, expect_state, expect_tensor, read_activation
from .node import Node

ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")


@dataclass(frozen=True, slots=True)
class RnnPlan:
    """What is fixed before the first inference of one direction; the positions are those of its inputs."""

    weights: int
    recurrent_weights: int
    bias: int
    state: int
    aux_weights: int | None
    scales: tuple[np.float32 | None, ...]  # of weights, recurrent and auxiliary weights; None where they are float32
    time_major: bool
    reverse: bool
    activation: str
    asymmetric: bool


def plan_rnn(
    node: Node,
    first: int,
    batch: int,
    depth: int,
    *,
    time_major: bool = True,
    reverse: bool = False,
    aux: int | None = None,
    aux_depth: int = 0,
) -> RnnPlan:
    """Check weights, bias and state, which stand from input `first` on; aux is the position of the auxiliary weights."""
    node.expect_type(node.input(0), TensorType.FLOAT32)
    weights = node.input(first)
    node.expect_type(weights, TensorType.FLOAT32, *EIGHT_BITS)
    node.expect(len(weights.shape) == 2, f"weights {weights} have shape {list(weights.shape)}; expected [units, {depth}]")
    units = weights.shape[0]
    expect_tensor(node, first, weights.type, (units, depth))
    expect_tensor(node, first + 1, weights.type, (units, units))
    expect_tensor(node, first + 2, TensorType.FLOAT32, (units,))
    expect_tensor(node, first + 3, TensorType.FLOAT32, (batch, units))
    expect_state(node, first + 3, TensorType.FLOAT32, batch * units)
    if aux is not None:
        expect_tensor(node, aux, weights.type, (units, aux_depth))
    positions = (first, first + 1, aux)
    scales = tuple(None if p is None or weights.type == TensorType.FLOAT32 else node.input(p).scale for p in positions)
    activation = read_activation(node, *ACTIVATIONS)
    asymmetric = bool(node.options.get("asymmetric_quantize_inputs", False))
    return RnnPlan(first, first + 1, first + 2, first + 3, aux, scales, time_major, reverse, activation, asymmetric)


def units_of(node: Node, plan: RnnPlan) -> int:
    """How many units a planned network has."""
    return node.input(plan.bias).shape[0]


def _add_product(total: np.ndarray, x: np.ndarray, w: np.ndarray, scale: np.float32 | None, asymmetric: bool) -> np.ndarray:
    if scale is None:
        return _eigen.add_lane_products(total, x, w)
    added = total + quantized_product(x, w, scale, asymmetric)
    return np.where(np.any(x, axis=(-2, -1), keepdims=True), added, total)


@np.errstate(all="ignore")
def run_rnn(
    x: np.ndarray, aux: np.ndarray | None, tensors: Sequence[np.ndarray], plan: RnnPlan, times: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return y, like x but of depth units, and the new state.

    x, aux   [T, B, depth] with time first, all entries of a batch in one step; [B, T, depth] otherwise, one entry after the other
    tensors  all inputs of the operator
    times    how often the sequence is walked; y is that of the last time
    """
    bias, recurrent_weights, state = tensors[plan.bias], tensors[plan.recurrent_weights], tensors[plan.state]
    rows = (1, len(state)) if plan.time_major else (len(state), 1)

    def walk(array: np.ndarray) -> np.ndarray:
        steps = array if plan.time_major else array.swapaxes(0, 1)
        grouped = steps.reshape(len(steps), *rows, array.shape[-1])
        return grouped[::-1] if plan.reverse else grouped

    x = walk(x)
    start = _add_product(
        np.broadcast_to(bias, (*x.shape[:-1], len(bias))), x, tensors[plan.weights], plan.scales[0], plan.asymmetric
    )
    if aux is not None and plan.aux_weights is not None:
        start = _add_product(start, walk(aux), tensors[plan.aux_weights], plan.scales[2], plan.asymmetric)
    h = state.reshape(*rows, len(bias))
    y = np.empty(start.shape, np.float32)
    for t in list(range(len(y))) * times:
        h = activate(plan.activation, _add_product(start[t], h, recurrent_weights, plan.scales[1], plan.asymmetric))
        y[t] = h
    y = (y[::-1] if plan.reverse else y).reshape(len(y), *state.shape)
    return np.ascontiguousarray(y if plan.time_major else y.swapaxes(0, 1)), h.reshape(state.shape).copy()


def rnn(*arguments: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return y and the new state; arguments are x [B, I], [T, B, I] or [B, T, I], the other inputs, and the plan."""
    *tensors, plan = arguments
    x = tensors[0]
    y, state = run_rnn(x if x.ndim == 3 else x[None], None, tensors, plan)
    return y.reshape(*x.shape[:-1], y.shape[-1]), state


def explain_rnn(*arguments: Any) -> Explanation:
    """Return y[element] step by step; arguments are those of `rnn`, then the element."""
    *tensors, plan, element = arguments
    x = tensors[0]
    return explain_step(x if x.ndim == 3 else x[None], None, tensors, plan, (0, *element)[-3:])


def explain_step(
    x: np.ndarray,
    aux: np.ndarray | None,
    tensors: Sequence[np.ndarray],
    plan: RnnPlan,
    element: tuple[int, ...],
    times: int = 1,
) -> Explanation:
    """Return y[element] of `run_rnn` step by step; the state before the time step is given, as the reference computes it."""
    *place, unit = element
    time, entry = place if plan.time_major else place[::-1]
    e = Explanation()
    e.given("x", (x[time, entry] if plan.time_major else x[entry, time]), f"the inputs of time step {time}")
    total = e.given("bias", tensors[plan.bias][unit])
    total = _explain_product(e, total, "x", tensors[plan.weights][unit], plan.scales[0], "input", plan.asymmetric)
    if aux is not None and plan.aux_weights is not None:
        e.given("aux", aux[time, entry] if plan.time_major else aux[entry, time], "the auxiliary inputs")
        total = _explain_product(e, total, "aux", tensors[plan.aux_weights][unit], plan.scales[2], "aux", plan.asymmetric)
    h = _state_before(x, aux, tensors, plan, time, times)[entry]
    e.given("h", h, "the outputs of the time step before, or the state before the first one")
    total = _explain_product(e, total, "h", tensors[plan.recurrent_weights][unit], plan.scales[1], "recurrent", plan.asymmetric)
    explain_activation(e, total, "y", plan.activation)
    return e


def _state_before(
    x: np.ndarray, aux: np.ndarray | None, tensors: Sequence[np.ndarray], plan: RnnPlan, time: int, times: int
) -> np.ndarray:
    """The state [B, U] before the last visit of a time step."""
    axis = 0 if plan.time_major else 1
    walked = list(tensors)
    if times > 1:
        walked[plan.state] = run_rnn(x, aux, tensors, plan, times - 1)[1]
    before = np.arange(time + 1, x.shape[axis]) if plan.reverse else np.arange(time)
    if before.size:
        past = None if aux is None else aux.take(before, axis)
        walked[plan.state] = run_rnn(x.take(before, axis), past, walked, plan)[1]
    return walked[plan.state]


def _explain_product(
    e: Explanation, total: str, x: str, w: np.ndarray, scale: np.float32 | None, of: str, asymmetric: bool
) -> str:
    """Append how the product of row `x` with the weights of one unit is added to a step; returns the sum's name."""
    if scale is None:
        e.given(f"w_{of}", w, f"the weights that {x} meets")
        e.derive(f"products_{of}", f"float32({x} * w_{of})")
        return explain_packet_products(e, f"products_{of}", f"with_{of}", total)
    explain_quantized_row(e, x, asymmetric)
    product = explain_hybrid_product(e, x, w, scale, of)
    return e.derive(f"with_{of}", f"float32({total} + {product})")
