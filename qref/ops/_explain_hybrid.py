"""Products of float activations with weights of 8 bits, step by step: a row is quantized to int8 when it is seen."""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation

VECTOR = 8  # numbers of a row that are rounded at a time


def explain_quantized_row(e: Explanation, x: str, asymmetric: bool) -> None:
    """Append q_x, scale_x, zero_point_x for a step x, a row of float32 numbers, which is about scale_x (q_x - zero_point_x)."""
    row = e.value(x)
    if asymmetric:
        _explain_range(e, x)
    else:
        e.derive(f"greatest_{x}", f"max(abs({x})) or 127.0", "the greatest magnitude; 127 in a row of zeros")
        e.derive(f"scale_{x}", f"div32(greatest_{x}, 127.0)", "of this row, real units per LSB")
        e.given(f"zero_point_{x}", 0, "symmetric")
        e.derive(f"inverse_{x}", f"div32(127.0, greatest_{x})")
    e.derive(f"scaled_{x}", f"float32({x} * inverse_{x})", "in LSB")
    blocks = len(row) // VECTOR * VECTOR
    vector = f"cast_int32(float32(scaled_{x}[:{blocks}] + copysign(0.5, scaled_{x}[:{blocks}])))"
    e.derive(f"rounded_blocks_{x}", vector, "whole blocks of 8 are rounded by adding 1/2 in float32")
    e.derive(f"rounded_rest_{x}", f"round_half_away(scaled_{x}[{blocks}:])", "the rest by C's round")
    low, high = (-128, 127) if asymmetric else (-127, 127)
    formula = f"clamp(joined(rounded_blocks_{x}, rounded_rest_{x}) + zero_point_{x}, {low}, {high})"
    e.derive(f"q_{x}", formula, "the row in int8")


def _explain_range(e: Explanation, x: str) -> None:
    """Append scale and zero point with which the range of a row, 0 included, takes all 256 values."""
    e.derive(f"low_{x}", f"min(min({x}), 0.0)")
    e.derive(f"high_{x}", f"max(max({x}), 0.0)")
    if e.value(f"low_{x}") == e.value(f"high_{x}"):
        e.given(f"scale_{x}", 1.0, "of a row of zeros")
        e.given(f"zero_point_{x}", 0, "of a row of zeros")
    else:
        e.derive(f"step_{x}", f"float32(high_{x} - low_{x}) / 255", "real units per LSB, in float64")
        e.derive(f"from_low_{x}", f"-128 - low_{x} / step_{x}", "where 0 comes to lie if the lowest number is -128")
        e.derive(f"from_high_{x}", f"127 - high_{x} / step_{x}", "and if the highest one is 127")
        nearer = f"128 + abs(low_{x} / step_{x}) < 127 + abs(high_{x} / step_{x})"
        e.derive(f"real_zero_{x}", f"from_low_{x} if {nearer} else from_high_{x}", "that from the end nearer to 0")
        e.derive(f"zero_point_{x}", f"round_half_away(clamp(real_zero_{x}, -128.0, 127.0))", "ties away from zero")
        e.derive(f"scale_{x}", f"float32(step_{x})", "of this row, in float32")
    e.derive(f"inverse_{x}", f"div32(1.0, scale_{x})")


def explain_hybrid_product(e: Explanation, x: str, w: np.ndarray, scale: np.float32, of: str) -> str:
    """Append the product of the quantized row x with weights w [K], int8 or uint8 read as int8; returns its name."""
    weights = e.given(f"w_{of}", w.view(np.int8), "the weights it meets, LSB")
    e.derive(f"products_{of}", f"q_{x} * {weights}")
    formula = f"sum(products_{of})"
    wrong = np.arange(len(w)) < len(w) // 16 * 16
    wrong &= w.view(np.int8) == -128
    if wrong.any():
        e.given(f"sign_errors_{of}", wrong.astype(int), "1: in whole blocks of 16, x86 takes -128 for 128 where q < 0")
        e.derive(f"errors_{of}", f"256 * clamp(q_{x}, -128, 0) * sign_errors_{of}", "128 q instead of -128 q")
        formula += f" + sum(errors_{of})"
    if e.value(f"zero_point_{x}"):
        formula += f" - zero_point_{x} * {_explain_row_sum(e, weights)}"
    e.derive(f"acc_{of}", f"wrap({formula}, 32)", "the accumulator")
    e.given(f"scale_{weights}", scale, "real units per LSB of the weights")
    words = f"in real units: acc * ({x}'s scale * the weights')"
    return e.derive(f"product_{of}", f"float32(float32(acc_{of}) * float32(scale_{x} * scale_{weights}))", words)


def _explain_row_sum(e: Explanation, w: str) -> str:
    """Append what the kernel takes for the sum of the weights: eight lanes of 16 bits, which can overflow, and the rest."""
    size = len(e.value(w))
    pairs, eights = size // 16 * 16, size // 8 * 8
    lanes = []
    for k in range(8):
        formula = f"sum({w}[{2 * k}:{pairs}:16]) + sum({w}[{2 * k + 1}:{pairs}:16])"
        lanes.append(formula + (f" + {w}[{pairs + k}]" if eights > pairs else ""))
    own = Explanation()
    own.given(w, e.value(w))
    sums = [own.value(own.derive(f"lane_{k}", formula)) for k, formula in enumerate(lanes)]
    if max(map(abs, sums)) < 2**15:
        return e.derive(f"sum_{w}", f"sum({w})", "the sum of the weights, by which the zero point counts")
    for k, formula in enumerate(lanes):
        e.derive(f"lane_{k}_{w}", f"wrap({formula}, 16)", "one of eight sums of weights in 16 bits")
    total = " + ".join(f"lane_{k}_{w}" for k in range(8))
    return e.derive(f"sum_{w}", f"{total} + sum({w}[{eights}:])", "the sum of the weights, by which the zero point counts")
