"""Rounding rules channel by channel: their constants as integers, and which accumulators are rounding ties.

A rule of fixed point has quantized_multiplier and shift. A factor in floating point is an integer of 24 or 53 bits and a power of
two: effective_scale = multiplier * 2^shift.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from qref.arithmetic import fixed_point as fp
from qref.arithmetic.requantize import (
    DoubleRounding,
    Float32HalfEven,
    Float64HalfAway,
    HalfUp,
    HalfUpBlocks,
    Requantize,
    SingleRounding,
    SingleRounding64,
)

RULES = (DoubleRounding, HalfUp, SingleRounding, SingleRounding64, Float64HalfAway, Float32HalfEven)
RULE_NAMES = tuple(rule.name for rule in RULES)
FRACTION_BITS = {Float64HalfAway: 53, Float32HalfEven: 24}
MOST_ACCUMULATORS, MOST_RESULTS = 2**20, 2**17  # that are looked at one by one
FixedPoint = (DoubleRounding, HalfUp, SingleRounding, SingleRounding64)


def is_known(rule: Requantize) -> bool:
    """Whether the rule can be written channel by channel with the constants of this file."""
    return isinstance(rule, (*RULES, HalfUpBlocks))


def channel_rule(rule: Requantize, channel: int) -> Requantize:
    """The rule of one channel, with its constants alone."""
    if isinstance(rule, HalfUpBlocks):
        return channel_rule(rule.half_up if channel < rule.channels_in_blocks else rule.double_rounding, channel)
    if isinstance(rule, FixedPoint):
        constants = rule.quantized_multiplier, rule.shift
        multiplier, shift = (c[channel : channel + 1] if c.size > 1 else c for c in constants)
        return replace(rule, quantized_multiplier=multiplier, shift=shift)
    scale = rule.effective_scale  # type: ignore[attr-defined]
    return replace(rule, effective_scale=scale[channel : channel + 1] if scale.size > 1 else scale)  # type: ignore[type-var]


def channel_constants(rule: Requantize, channels: int) -> dict[str, np.ndarray]:
    """For each channel the number of its rule in RULES (uint8), its multiplier and its shift (int64)."""
    rules = [channel_rule(rule, channel) for channel in range(channels)]
    pairs = [_integers(r) for r in rules]
    return {
        "rule": np.array([RULES.index(type(r)) for r in rules], np.uint8),
        "multiplier": np.array([m for m, _ in pairs], np.int64),
        "shift": np.array([s for _, s in pairs], np.int64),
    }


def _integers(rule: Requantize) -> tuple[int, int]:
    if isinstance(rule, FixedPoint):
        return int(rule.quantized_multiplier[0]), int(rule.shift[0])
    bits = FRACTION_BITS[type(rule)]
    fraction, exponent = np.frexp(np.float64(rule.effective_scale[0]))  # type: ignore[attr-defined]
    return int(fraction * 2.0**bits), int(exponent) - bits


def real_scale(rule: Requantize) -> float:
    """The real factor that the constants of one channel stand for."""
    multiplier, shift = _integers(rule)
    return float(np.ldexp(float(multiplier), shift - 31 if isinstance(rule, FixedPoint) else shift))


def find_ties(rule: Requantize, acc: np.ndarray) -> dict[str, np.ndarray]:
    """Which accumulators, wrapped as the rule takes them, lie exactly half way between two results of a rounding step.

    tie_first_rounding  of the first of two roundings; only rules that round twice have it
    tie_positive        of the last rounding, above zero;  tie_negative: below
    tie_beside_even     of the last rounding, whose neighbor towards zero is even: ties to even and ties away differ there
    """
    if isinstance(rule, HalfUpBlocks):
        rule = rule.half_up
    if isinstance(rule, DoubleRounding | HalfUp):
        left, right = np.maximum(rule.shift, 0) & 31, np.clip(-rule.shift, 0, 31)
        product = fp.wrap_int32(acc << left) * rule.quantized_multiplier
        high = fp.saturating_rounding_doubling_high_mul(fp.wrap_int32(acc << left), rule.quantized_multiplier)
        last = (right > 0) & (high & (np.int64(1) << right) - 1 == np.int64(1) << np.maximum(right - 1, 0))
        return {"tie_first_rounding": product & 2**31 - 1 == 2**30, **_last_ties(last, high, np.abs(high) >> right)}
    if isinstance(rule, SingleRounding | SingleRounding64):
        wide = isinstance(rule, SingleRounding64)
        factor = fp.reduce_multiplier(rule.quantized_multiplier) if wide else rule.quantized_multiplier
        right, product = np.clip((15 if wide else 31) - rule.shift, 1, 62), acc * factor
        tie = product & (np.int64(1) << right) - 1 == np.int64(1) << right - 1
        return _last_ties(tie, product, np.abs(product) >> right)
    dtype = np.float64 if isinstance(rule, Float64HalfAway) else np.float32
    product = acc.astype(dtype) * rule.effective_scale  # type: ignore[attr-defined]
    return _last_ties(np.abs(product) % 1 == 0.5, product, np.floor(np.abs(product)))


def _last_ties(tie: np.ndarray, value: np.ndarray, towards_zero: np.ndarray) -> dict[str, np.ndarray]:
    """Ties of the last rounding; of `value`, whose greatest integer below in magnitude is `towards_zero`."""
    return {
        "tie_positive": tie & (value > 0),
        "tie_negative": tie & (value < 0),
        "tie_beside_even": tie & (towards_zero % 2 == 0),
    }


def accumulators_near(rule: Requantize, results: np.ndarray) -> np.ndarray:
    """Accumulators that one channel's rule brings close to real `results`, before zero point and clamp; int64.

    Where |result| stays below 2^30 no rule is more than one rounding of one unit of acc away, so that two on either side are
    enough to have every accumulator whose scaled value is nearest to a result.
    """
    scale = real_scale(rule)
    centers = np.rint(results / scale) if scale else np.zeros(0)
    centers = centers[np.abs(centers) < 2.0**52].astype(np.int64)
    return (centers[:, None] + np.arange(-2, 3)).ravel()


def tie_candidates(rule: Requantize, target: str, bounds: tuple[int, int]) -> tuple[np.ndarray, bool]:
    """Accumulators within `bounds` among which one channel's ties of that kind are, and whether all of these are among them.

    Where the exact product is rounded, a tie is an odd multiple of half the divisor, and so acc one of a power of two; every such
    acc is a tie. The others are looked for near the accumulators that would give k + 1/2.
    """
    least, greatest = bounds
    if target == "tie_first_rounding" or isinstance(rule, SingleRounding | SingleRounding64):
        return _odd_multiples(_power_of_ties(rule), least, greatest), True
    if isinstance(rule, Float32HalfEven) and greatest - least <= MOST_ACCUMULATORS:
        return np.arange(least, greatest + 1), True
    scale = real_scale(rule)
    lowest, highest = np.floor(least * scale) - 1, np.ceil(greatest * scale) + 1
    results = np.arange(max(lowest, -MOST_RESULTS), min(highest, MOST_RESULTS) + 1)
    found = accumulators_near(rule, results + 0.5)
    left = max(0, int(rule.shift[0])) if isinstance(rule, FixedPoint) else 0
    complete = max(-lowest, highest) <= MOST_RESULTS and max(-least, greatest) << left < 2**31
    return found[(found >= least) & (found <= greatest)], complete and not isinstance(rule, Float32HalfEven)


def _power_of_ties(rule: Any) -> int:
    """The exponent of the power of two whose odd multiples are ties of a product; negative if there are none."""
    wide = isinstance(rule, SingleRounding64)
    factor = int((fp.reduce_multiplier(rule.quantized_multiplier) if wide else rule.quantized_multiplier)[0])
    shift = int(rule.shift[0]) if isinstance(rule, SingleRounding | SingleRounding64) else max(0, int(rule.shift[0]))
    return (14 if wide else 30) - shift - _trailing_zeros(factor)


def _odd_multiples(power: int, least: int, greatest: int) -> np.ndarray:
    """The odd multiples of 2^power from least to greatest, at most MOST_ACCUMULATORS of them; none of a negative power."""
    if power < 0 or 2**power > max(-least, greatest):
        return np.zeros(0, np.int64)
    step = 2 ** (power + 1)
    first, last = -(-(least - step // 2) // step), (greatest - step // 2) // step
    return np.arange(first, min(last, first + MOST_ACCUMULATORS) + 1) * step + step // 2


def _trailing_zeros(n: int) -> int:
    return (n & -n).bit_length() - 1 if n else 64
