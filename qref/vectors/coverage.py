"""Which corner cases a case hits, and how often; for those that none hits, why.

A target is the name of a corner case. Of an operator that accumulates:

    tie_first_rounding, tie_positive, tie_negative, tie_beside_even    see `rules.find_ties`
    tie_negative_shows, tie_beside_even_shows    such ties within the limits of the output: rounded another way, y is another
    saturates_low, saturates_high     results below output_activation_min and above output_activation_max, before the clamp
    equals_min, equals_max            results that are just these limits before the clamp
    acc_least, acc_greatest           the extreme accumulator of a channel, over all inputs there are
    acc_wraps                         an accumulator that the bits of the accumulator do not hold
    acc_inexact                       an accumulator that the rule's floating point cannot hold exactly
    input_zero_point, input_least, input_greatest    inputs that stand for the real 0, and at the limits of their type
    input_zero_point_at_limit, output_zero_point_at_limit    elements, where the zero point is the least or greatest of its type
    padding_top_left, ...             outputs whose window reaches over that corner of the image
Of any other:
    input_P_least, input_P_greatest, input_P_values  of 8 and 16 bits; the last counts different values
    output_P_least, output_P_greatest
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.arithmetic.fixed_point import wrap_int32
from qref.arithmetic.requantize import HalfUpBlocks
from qref.ops._matmul import wrap_accumulator

from .cases import Case, Subject
from .describe import ROLES, has_accumulation
from .loader import taps
from .rules import FRACTION_BITS, channel_rule, find_ties, real_scale, tie_candidates

Hits = dict[str, int]
SHOWN, SHOWS = ("tie_negative", "tie_beside_even"), "_shows"
CORNERS = tuple(f"padding_{v}_{h}" for v in ("top", "bottom") for h in ("left", "right"))


@dataclass(frozen=True, slots=True)
class Reach:
    """Where inputs act on an output element with as many taps as any, and the accumulators that they can make there."""

    place: tuple[int, ...]  # of the element in the output, without its channel
    x_taps: list[np.ndarray]  # by channel: flat positions in x
    weights: list[np.ndarray]  # by channel: w + filter_offset of these taps
    least: np.ndarray  # int64 [channels]
    greatest: np.ndarray
    bounds: tuple[int, int]  # no accumulator of the operator lies outside, wherever it is; computed from the weights' sums


def raw_output(subject: Subject, acc: np.ndarray) -> np.ndarray:
    """requantize(acc) + output_offset, before the clamp; acc [..., channels]."""
    plan = subject.prepared.plan
    return wrap_int32(plan.requantize(wrap_accumulator(acc, plan.acc_bits)) + plan.output_offset)


def find_reach(subject: Subject, fields: dict[str, Any], case: Case) -> Reach | None:
    """Of an operator that accumulates, with the weights of that case; None where the output has no elements."""
    plan, roles = subject.prepared.plan, fields["operands"]
    if not math.prod(plan.output_shape):
        return None
    x, w = case.inputs[roles["x"]], case.inputs[roles["w"]]
    b = None if roles["b"] is None or roles["b"] >= len(case.inputs) else case.inputs[roles["b"]]
    assert x is not None
    assert w is not None
    described = {"name": subject.node.operator.name, "accumulation": fields}
    place = _place_with_most_taps(described, x, w, plan.output_shape)
    channels = plan.output_shape[-1]
    pairs = [taps(described, x.shape, w.shape, (*place, channel)) for channel in range(channels)]
    weights = [w.ravel()[w_taps].astype(np.int64) + plan.filter_offset for _, w_taps in pairs]
    limits = np.iinfo(x.dtype)
    low, high = limits.min + plan.input_offset, limits.max + plan.input_offset
    bias = np.zeros(channels, np.int64) if b is None else b.reshape(-1).astype(np.int64)
    least = np.array([np.minimum(v * low, v * high).sum() for v in weights]) + bias
    greatest = np.array([np.maximum(v * low, v * high).sum() for v in weights]) + bias
    return Reach(place, [x_taps for x_taps, _ in pairs], weights, least, greatest, _bounds(subject, fields, w, b, (low, high)))


def _bounds(
    subject: Subject, fields: dict[str, Any], w: np.ndarray, b: np.ndarray | None, inputs: tuple[int, int]
) -> tuple[int, int]:
    """Between which numbers every accumulator lies: each tap adds least or greatest, or nothing where it lies outside."""
    roles, name = fields["operands"], subject.node.operator.name
    if b is not None and roles["b"] in subject.free:
        limits = np.iinfo(b.dtype)
        biases = np.array([[limits.min], [limits.max]], np.int64)
    else:
        biases = np.zeros((2, 1), np.int64) if b is None else np.broadcast_to(b.reshape(-1).astype(np.int64), (2, b.size))
    values = w.astype(np.int64) + fields["filter_offset"]
    if roles["w"] in subject.free:
        limits = np.iinfo(w.dtype)
        corners = [v * i for v in (limits.min + fields["filter_offset"], limits.max + fields["filter_offset"]) for i in inputs]
        count = max(w.shape) if name in ("BATCH_MATMUL", "FULLY_CONNECTED") else w.size
        least, greatest = np.int64(min(0, *corners) * count), np.int64(max(0, *corners) * count)
    else:
        channels = values.reshape(-1, w.shape[-1]).T if name == "DEPTHWISE_CONV_2D" else values.reshape(len(values), -1)
        if name == "BATCH_MATMUL":
            channels = values.reshape(1, -1)
        least = np.minimum(channels * inputs[0], channels * inputs[1]).sum(axis=1)
        greatest = np.maximum(channels * inputs[0], channels * inputs[1]).sum(axis=1)
    return int((least + biases[0]).min()), int((greatest + biases[1]).max())


def _place_with_most_taps(described: dict[str, Any], x: np.ndarray, w: np.ndarray, shape: tuple[int, ...]) -> tuple[int, ...]:
    if "axes" not in described["accumulation"]:
        return tuple(0 for _ in shape[:-1])
    best = []
    for axis in (1, 2):
        places = [tuple(p if a == axis else shape[a] // 2 if a else 0 for a in range(3)) for p in range(shape[axis])]
        best.append(max(places, key=lambda place: len(taps(described, x.shape, w.shape, (*place, 0))[0]))[axis])
    return (0, *best)


def count_hits(subject: Subject, case: Case, reach: Reach | None) -> Hits:
    """How many elements of a case hit each target."""
    return _accumulator_hits(subject, case, reach) if has_accumulation(subject) else _value_hits(subject, case)


def hit_masks(subject: Subject, case: Case, reach: Reach | None) -> dict[str, np.ndarray]:
    """For each target that concerns output elements of an operator that accumulates, which of them hit it."""
    plan = subject.prepared.plan
    assert case.acc is not None
    acc = wrap_accumulator(case.acc, plan.acc_bits)
    raw = raw_output(subject, case.acc)
    masks = dict(find_ties(plan.requantize, acc))
    inside = (raw > plan.output_activation_min) & (raw < plan.output_activation_max)
    for target in SHOWN:
        masks[f"{target}{SHOWS}"] = masks[target] & inside
    masks["saturates_low"], masks["saturates_high"] = raw < plan.output_activation_min, raw > plan.output_activation_max
    masks["equals_min"], masks["equals_max"] = raw == plan.output_activation_min, raw == plan.output_activation_max
    if reach is not None:
        masks["acc_least"], masks["acc_greatest"] = case.acc == reach.least, case.acc == reach.greatest
    masks["acc_wraps"] = case.acc != acc
    bits = FRACTION_BITS.get(type(plan.requantize))
    if bits is not None:
        held = acc.astype(np.float32 if bits == 24 else np.float64)
        masks["acc_inexact"] = held.astype(np.longdouble) != acc.astype(np.longdouble)
    if hasattr(plan, "axes") and subject.node.operator.name != "TRANSPOSE_CONV":
        masks |= _padding_masks(plan)
    return {name: np.broadcast_to(mask, case.acc.shape) for name, mask in masks.items()}


def _padding_masks(plan: Any) -> dict[str, np.ndarray]:
    sides = []
    for axis in plan.axes:
        first = np.arange(axis.output_size) * axis.stride - axis.padding
        sides.append((first < 0, first + (axis.filter_size - 1) * axis.dilation >= axis.image_size))
    pairs = [(rows, columns) for rows in sides[0] for columns in sides[1]]
    return {name: (rows[:, None] & columns)[..., None] for name, (rows, columns) in zip(CORNERS, pairs)}


def _accumulator_hits(subject: Subject, case: Case, reach: Reach | None) -> Hits:
    plan = subject.prepared.plan
    x = case.inputs[ROLES[subject.node.operator.name]["x"]]
    assert x is not None
    hits = {name: int(np.count_nonzero(mask)) for name, mask in hit_masks(subject, case, reach).items()}
    limits = np.iinfo(x.dtype)
    for name, value in (("zero_point", -plan.input_offset), ("least", limits.min), ("greatest", limits.max)):
        hits[f"input_{name}"] = int(np.count_nonzero(x == value))
    hits["input_zero_point_at_limit"] = x.size * (-plan.input_offset in (limits.min, limits.max))
    limits = np.iinfo(plan.output_dtype)
    hits["output_zero_point_at_limit"] = case.outputs[0].size * (plan.output_offset in (limits.min, limits.max))
    return hits


def _value_hits(subject: Subject, case: Case) -> Hits:
    hits = {}
    named = [(f"input_{p}", case.inputs[p]) for p in subject.free] + [(f"output_{p}", y) for p, y in enumerate(case.outputs)]
    for name, values in named:
        if values is not None and values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
            limits = np.iinfo(values.dtype)
            hits[f"{name}_least"] = int(np.count_nonzero(values == limits.min))
            hits[f"{name}_greatest"] = int(np.count_nonzero(values == limits.max))
    return hits


def why_missed(subject: Subject, target: str, reach: Reach | None, tried: int) -> str:
    """Why no unit case hits a target: that it cannot be hit, or else what was tried in vain."""
    reasons: dict[str, Callable[[Subject, str, Reach], str | None]] = {
        "saturates": _why_no_result,
        "equals": _why_no_result,
        "acc_wraps": _why_no_wrap,
        "acc_inexact": _why_exact,
        "tie": _why_no_tie,
    }
    if target in CORNERS:
        return "cannot be hit: no window reaches over this corner of the image"
    if target.endswith("zero_point_at_limit"):
        plan = subject.prepared.plan
        zero_point = -plan.input_offset if target.startswith("input") else plan.output_offset
        return f"cannot be hit: the model's zero point is {zero_point}"
    if reach is not None:
        for prefix, reason in reasons.items():
            if target.startswith(prefix) and (found := reason(subject, target, reach)) is not None:
                return f"cannot be hit: {found}"
    return f"not hit by the {tried} inputs that were tried"


def _why_no_result(subject: Subject, target: str, reach: Reach) -> str | None:
    plan = subject.prepared.plan
    if not _is_monotone(plan, reach):
        return None
    channels = np.ones(plan.output_shape[-1], np.int64)
    least, greatest = (int(f(raw_output(subject, channels * bound))) for f, bound in zip((np.min, np.max), reach.bounds))
    impossible = {
        "saturates_low": least >= plan.output_activation_min,
        "saturates_high": greatest <= plan.output_activation_max,
        "equals_min": least > plan.output_activation_min or greatest < plan.output_activation_min,
        "equals_max": greatest < plan.output_activation_max or least > plan.output_activation_max,
    }
    limits = f"{plan.output_activation_min} to {plan.output_activation_max}"
    return (
        f"with these weights results lie in {least} to {greatest}, the output's range is {limits}" if impossible[target] else None
    )


def _is_monotone(plan: Any, reach: Reach) -> bool:
    """Whether greater accumulators never give less: nothing that the rule computes overflows."""
    greatest = max(-reach.bounds[0], reach.bounds[1])
    left = max(0, int(np.max(getattr(plan.requantize, "shift", 0))))
    if isinstance(plan.requantize, HalfUpBlocks):
        left = max(0, int(np.max(plan.requantize.half_up.shift)))
    scale = max(real_scale(channel_rule(plan.requantize, channel)) for channel in range(plan.output_shape[-1]))
    return greatest << left < 2 ** (31 if plan.acc_bits == 32 else 47) and greatest * scale < 2**30


def _why_no_wrap(subject: Subject, target: str, reach: Reach) -> str | None:
    limit = 2 ** (subject.prepared.plan.acc_bits - 1)
    fits = -limit <= reach.bounds[0] and reach.bounds[1] < limit
    return f"accumulators lie in {reach.bounds[0]} to {reach.bounds[1]}, which their bits hold" if fits else None


def _why_exact(subject: Subject, target: str, reach: Reach) -> str | None:
    bits = FRACTION_BITS[type(subject.prepared.plan.requantize)]
    exact = max(-reach.bounds[0], reach.bounds[1]) <= 2**bits
    return f"accumulators lie in {reach.bounds[0]} to {reach.bounds[1]}, which {bits} bits hold exactly" if exact else None


def _why_no_tie(subject: Subject, target: str, reach: Reach) -> str | None:
    channels = range(subject.prepared.plan.output_shape[-1])
    found = [ties_of_channel(subject, target, channel, reach.bounds) for channel in channels]
    if not all(complete and not ties.size for ties, complete in found):
        return None
    within = " within the output's limits" if target.endswith(SHOWS) else ""
    return f"no accumulator in {reach.bounds[0]} to {reach.bounds[1]} is such a tie{within} under any channel's multiplier"


def ties_of_channel(subject: Subject, target: str, channel: int, bounds: tuple[int, int]) -> tuple[np.ndarray, bool]:
    """Accumulators within `bounds` that hit a target of ties in a channel, and whether all that do are within sight."""
    plan, kind = subject.prepared.plan, target.removesuffix(SHOWS)
    rule = channel_rule(plan.requantize, channel)
    candidates, complete = tie_candidates(rule, kind, bounds)
    if not candidates.size:
        return candidates, complete
    hit = find_ties(rule, candidates)[kind]
    if target.endswith(SHOWS):
        raw = rule(candidates) + plan.output_offset
        hit = hit & (raw > plan.output_activation_min) & (raw < plan.output_activation_max)
    return candidates[hit], complete
