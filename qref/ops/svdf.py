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

from qref.arithmetic.fixed_point import saturate_int16, wrap_int32
from qref.arithmetic.requantize import Requantize
from qref.schema.enums import TensorType

from . import _eigen
from ._lstm_float import activate, quantized_product
from ._lstm_operands import EIGHT_BITS, expect_counts, expect_state, expect_tensor, read_activation
from ._matmul import integer_matmul
from ._rnn import ACTIVATIONS
from .node import Node, Prepared, Step

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
        return Prepared(svdf_float32, plan, updates=(STATE,), pure=False)
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


def explain(x, w, time_weights, bias, state, plan: SvdfPlan, element: tuple[int, ...]) -> list[Step]:
    """Derive y[element] step by step in plain Python integers."""
    entry, unit = element
    memory, acc, steps = time_weights.shape[1], 0 if bias is None else int(bias[unit]), []
    inputs = x[entry].tolist()
    for f in range(unit * plan.rank, (unit + 1) * plan.rank):
        feature_acc = sum((q - plan.input_zero_point) * k for q, k in zip(inputs, w[f].tolist()))
        feature = min(max(plan.feature.explain((feature_acc + 2**31) % 2**32 - 2**31, 0)[-1][1], -32768), 32767)
        values = [*state[entry, f * memory : (f + 1) * memory].tolist()[1:], feature]
        taps = tuple((value, k, value * k) for value, k in zip(values, time_weights[f].tolist()))
        steps += [
            Step(f"filter {f}: x . W_f", feature_acc),
            Step(f"filter {f}: feature", feature),
            Step(f"filter {f}: (state, W_t, product)", taps),
        ]
        acc += sum(product for _, _, product in taps)
    acc = (acc + 2**31) % 2**32 - 2**31
    steps += [Step("acc", acc), *(Step(name, value) for name, value in plan.output.explain(acc, 0))]
    result = steps[-1].value + plan.output_zero_point
    return [*steps, Step("+ zero point", result), Step("clamped", min(max(result, -128), 127))]


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
