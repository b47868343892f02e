"""SVDF: a filter over features and time whose weights are split into `rank` products of a feature and a time filter.

Layout   x [B, I], feature weights [F, I], time weights [F, M], bias [U] (optional), state [B, F * M] (variable) -> y [B, U]
         F = U * rank filters; the state holds what each filter gave in the last M inferences, the oldest first

(1)  f = W_f x                                     state: shifted by one step, f appended
(2)  y[u] = activation(b[u] + sum_r sum_m W_t[u rank + r, m] state[u rank + r, m])

Types    x, y int8; feature weights int8; time weights, state int16; bias int32
         x, y, bias, state float32; weights float32, int8 or uint8 (read as int8)
Scales   f: s_x s_f / s_state, y: s_state s_t / s_y, both float32; integers need the fused activation RELU, which does nothing
Source   TFLite, svdf.cc and reference/svdf.h; facts verified in tests/ops/test_svdf.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import saturate_int16, wrap_int32
from qref.arithmetic.requantize import Requantize
from qref.schema.enums import TensorType

from . import _eigen
from ._explain_eigen import explain_activation, explain_packet_products
from ._explain_hybrid import explain_hybrid_product, explain_quantized_row
from ._lstm_float import activate, quantized_product
from ._lstm_operands import EIGHT_BITS, expect_counts, expect_state, expect_tensor, read_activation
from ._matmul import integer_matmul
from ._rnn import ACTIVATIONS
from .node import Node, Prepared

STATE = 4  # input position


@dataclass(frozen=True, slots=True)
class SvdfPlan:
    """The integers that are fixed before the first inference."""

    rank: int
    input_zero_point: int  # LSB
    feature: Requantize
    output: Requantize
    output_zero_point: int


@dataclass(frozen=True, slots=True)
class SvdfFloatPlan:
    """The float32 form; scales are None unless weights are of 8 bits."""

    rank: int
    activation: str
    feature_scale: np.float32 | None
    time_scale: np.float32 | None
    asymmetric: bool


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    expect_counts(node, (5,), outputs=1)
    x, w, time_weights, y = node.input(0), node.input(1), node.input(2), node.output()
    node.expect_type(x, TensorType.FLOAT32, TensorType.INT8)
    integer = x.type == TensorType.INT8
    node.expect_type(w, *(EIGHT_BITS[:1] if integer else (TensorType.FLOAT32, *EIGHT_BITS)))
    node.expect_type(y, x.type)
    node.expect(len(x.shape) == 2, f"input {x} has shape {list(x.shape)}; expected [batch, depth]")
    node.expect(len(w.shape) == 2, f"feature weights {w} have shape {list(w.shape)}; expected [filters, depth]")
    node.expect(
        len(time_weights.shape) == 2,
        f"time weights {time_weights} have shape {list(time_weights.shape)}; expected [filters, memory]",
    )
    (batch, depth), filters, memory = x.shape, w.shape[0], time_weights.shape[1]
    rank = node.options.get("rank", 0)
    node.expect(rank > 0 and filters % rank == 0, f"rank is {rank}; expected a divisor of the {filters} filters")
    node.expect(memory > 0, f"time weights {time_weights} hold no time step")
    expect_tensor(node, 1, w.type, (filters, depth))
    expect_tensor(node, 2, TensorType.INT16 if integer else w.type, (filters, memory))
    if node.input(3, optional=True) is not None:
        expect_tensor(node, 3, TensorType.INT32 if integer else TensorType.FLOAT32, (filters // rank,))
    state_type = TensorType.INT16 if integer else TensorType.FLOAT32
    expect_tensor(node, STATE, state_type, (batch, filters * memory))
    state = expect_state(node, STATE, state_type, batch * filters * memory)
    node.resize(0, (batch, filters // rank))
    if not integer:
        hybrid, asymmetric = w.type != TensorType.FLOAT32, bool(node.options.get("asymmetric_quantize_inputs", False))
        feature_scale, time_scale = (w.scale, time_weights.scale) if hybrid else (None, None)
        plan = SvdfFloatPlan(rank, read_activation(node, *ACTIVATIONS), feature_scale, time_scale, asymmetric)
        return Prepared(svdf_float32, plan, explain_float32, updates=(STATE,), pure=False)
    read_activation(node, "RELU")
    with np.errstate(all="ignore"):
        feature = node.requantize(x.scale * w.scale / state.scale)
        output = node.requantize(state.scale * time_weights.scale / y.scale)
    return Prepared(svdf, SvdfPlan(rank, x.zero_point, feature, output, y.zero_point), explain, updates=(STATE,), pure=False)


def append_step(state: np.ndarray, features: np.ndarray, memory: int) -> np.ndarray:
    """The state [B, F, M] one step later."""
    steps = state.reshape(*features.shape, memory)
    return np.concatenate([steps[..., 1:], features[..., None].astype(state.dtype)], axis=-1)


def svdf(
    x: np.ndarray, w: np.ndarray, time_weights: np.ndarray, bias: np.ndarray | None, state: np.ndarray, plan: SvdfPlan
) -> tuple[np.ndarray, np.ndarray]:
    """Return y int8 and the new state int16.

    f = saturate(feature(sum_i W_f[., i] (x[i] - zp_x)))
    y = clamp(output(b + sum W_t state) + zp_y)                    the sum wraps to 32 bits
    """
    features = saturate_int16(plan.feature(wrap_int32(integer_matmul(x.astype(np.int64) - plan.input_zero_point, w))))
    steps = append_step(state, features, time_weights.shape[1])
    acc = (steps.astype(np.int64) * time_weights).sum(axis=-1).reshape(len(x), len(w) // plan.rank, plan.rank).sum(axis=-1)
    y = plan.output(wrap_int32(acc if bias is None else acc + bias)) + plan.output_zero_point
    return np.clip(y, -128, 127).astype(np.int8), steps.reshape(state.shape)


def explain(x, w, time_weights, bias, state, plan: SvdfPlan, element: tuple[int, ...]) -> Explanation:
    """Return y[element] step by step; the names end in the number of the filter of its unit."""
    e, (entry, unit), memory = Explanation(), element, time_weights.shape[1]
    e.given("x", x[entry], "the inputs, LSB")
    e.given("input_offset", -plan.input_zero_point, "minus the zero point of the input")
    e.derive("centred", "x + input_offset", "the inputs less their zero point")
    e.given("bias", 0 if bias is None else bias[unit], "in units of s_state * s_t")
    sums = []
    for k, f in enumerate(range(unit * plan.rank, (unit + 1) * plan.rank)):
        e.given(f"w_{k}", w[f], "the feature weights, LSB")
        e.derive(f"acc_{k}", f"wrap(sum(centred * w_{k}), 32)", "the accumulator of the feature")
        scaled = plan.feature.explain(e, f"acc_{k}")
        e.derive(f"feature_{k}", f"clamp({scaled}, -(2**15), 2**15 - 1)", "the feature, in LSB of the state")
        _explain_memory(e, k, state.reshape(len(x), len(w), memory)[entry, f], time_weights[f])
        sums.append(f"sum(past_{k})")
    e.derive("acc", f"wrap(bias + {' + '.join(sums)}, 32)", "the accumulator, in 32 bits")
    scaled = plan.output.explain(e, "acc")
    e.given("output_offset", plan.output_zero_point, "the zero point of the output")
    e.derive("with_offset", f"{scaled} + output_offset")
    e.derive("y", "clamp(with_offset, -128, 127)", "the output, LSB")
    return e


def _explain_memory(e: Explanation, k: int, state: np.ndarray, time_weights: np.ndarray) -> None:
    """Append what a filter holds now, and its products with the time weights."""
    e.given(f"state_{k}", state[1:], "what the filter gave at the inferences before, the oldest first")
    e.derive(f"memory_{k}", f"joined(state_{k}, feature_{k})", "and what it gives now")
    e.given(f"time_weights_{k}", time_weights, "the weights of its past")
    e.derive(f"past_{k}", f"memory_{k} * time_weights_{k}")


@np.errstate(all="ignore")
def svdf_float32(
    x: np.ndarray, w: np.ndarray, time_weights: np.ndarray, bias: np.ndarray | None, state: np.ndarray, plan: SvdfFloatPlan
) -> tuple[np.ndarray, np.ndarray]:
    """Return y and the new state; all sums in four lanes, the bias last. Rows of x are quantized where weights have 8 bits."""
    zeros = np.zeros((len(x), len(w)), np.float32)
    if plan.feature_scale is None or plan.time_scale is None:
        features = _eigen.add_lane_products(zeros, x, w)
    else:
        features = zeros + quantized_product(x, w, plan.feature_scale, plan.asymmetric) if x.any() else zeros
        time_weights = time_weights.view(np.int8).astype(np.float32) * plan.time_scale
    steps = append_step(state, features, time_weights.shape[1])
    filtered = _eigen.sum_in_lanes(steps * time_weights)
    y = _eigen.sum_in_lanes(filtered.reshape(len(x), len(w) // plan.rank, plan.rank))
    return activate(plan.activation, y if bias is None else y + bias), steps.reshape(state.shape)


def explain_float32(x, w, time_weights, bias, state, plan: SvdfFloatPlan, element: tuple[int, ...]) -> Explanation:
    """Return y[element] step by step; the names end in the number of the filter of its unit."""
    e, (entry, unit), memory = Explanation(), element, time_weights.shape[1]
    e.given("x", x[entry], "the inputs")
    if plan.feature_scale is not None:
        explain_quantized_row(e, "x", plan.asymmetric)
    for k, f in enumerate(range(unit * plan.rank, (unit + 1) * plan.rank)):
        if plan.feature_scale is not None:
            e.derive(f"feature_{k}", explain_hybrid_product(e, "x", w[f], plan.feature_scale, str(k)), "the feature")
        else:
            e.given(f"w_{k}", w[f], "the feature weights")
            e.derive(f"terms_{k}", f"float32(x * w_{k})")
            explain_packet_products(e, f"terms_{k}", f"feature_{k}")
        _explain_float_memory(e, k, state.reshape(len(x), len(w), memory)[entry, f], time_weights[f], plan.time_scale)
        explain_packet_products(e, f"past_{k}", f"filtered_{k}")
    e.derive("filtered", f"joined({', '.join(f'filtered_{k}' for k in range(plan.rank))})", "what the filters of this unit give")
    total = explain_packet_products(e, "filtered", "total")
    if bias is not None:
        e.given("bias", bias[unit])
        total = e.derive("with_bias", "float32(total + bias)")
    explain_activation(e, total, "y", plan.activation)
    return e


def _explain_float_memory(e: Explanation, k: int, state: np.ndarray, time_weights: np.ndarray, scale: np.float32 | None) -> None:
    """Append what a filter holds now, and its products with the time weights."""
    e.given(f"state_{k}", state[1:], "what the filter gave at the inferences before, the oldest first")
    e.derive(f"memory_{k}", f"joined(state_{k}, feature_{k})", "and what it gives now")
    weights = e.given(
        f"time_weights_{k}", time_weights if scale is None else time_weights.view(np.int8), "the weights of its past"
    )
    if scale is not None:
        e.given(f"time_scale_{k}", scale, "real units per LSB of the time weights")
        weights = e.derive(f"real_time_weights_{k}", f"float32({weights} * time_scale_{k})")
    e.derive(f"past_{k}", f"float32(memory_{k} * {weights})")
