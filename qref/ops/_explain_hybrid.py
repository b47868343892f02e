"""How explanations of hybrid operators go: floats to int8, integer accumulator, scales; nothing of the references."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qref.arithmetic.explanation import Explanation

from ._explain_windows import Meeting, places, values

ROUNDING_BLOCK = 8  # elements that vector code rounds at once
SIGN_BLOCK = 16  # weights that vector code multiplies at once


def explain_image_products(
    x: np.ndarray, batch: int, w: np.ndarray, meetings: Sequence[Meeting], *, asymmetric: bool, signed: bool = False
) -> Explanation:
    """From the image x[batch] of floats and the integer weights that meet a part of it to their products.

    asymmetric  the image gets a zero point
    signed      the vector code takes signs off the inputs, which -128 does not stand
    """
    e = Explanation()
    inputs, weights = [i for i, _ in meetings], [w_value for _, w_value in values(x, w, meetings)]
    explain_quantized(e, x[batch].ravel().tolist(), places(x.shape, inputs), asymmetric=asymmetric)
    in_blocks = [signed and place < w[0].size // SIGN_BLOCK * SIGN_BLOCK for place in places(w.shape, [j for _, j in meetings])]
    explain_products(e, weights, in_blocks, "(q - zero_point)" if asymmetric else "q")
    return e


def explain_image(
    x: np.ndarray, batch: int, w: np.ndarray, meetings: Sequence[Meeting], *, asymmetric: bool, signed: bool = False
) -> Explanation:
    """The same to the accumulator, the sum of the products."""
    e = explain_image_products(x, batch, w, meetings, asymmetric=asymmetric, signed=signed)
    e.derive("acc", "wrap(sum(products), 32)", "the accumulator, in 32 bits")
    return e


def explain_row_products(e: Explanation, row: Sequence[float], weights: Sequence[int], *, asymmetric: bool) -> None:
    """Append how a row of floats is quantized, and its products with as many weights; zero points are not taken off."""
    explain_quantized(e, row, range(len(row)), asymmetric=asymmetric)
    explain_products(e, weights, [place < len(row) // SIGN_BLOCK * SIGN_BLOCK for place in range(len(row))], "q")


def explain_quantized(e: Explanation, row: Sequence[float], places: Sequence[int], *, asymmetric: bool) -> None:
    """Append how floats that share a scale are quantized, those at `places` of them shown: up to the step "q"."""
    whole = list(places) == list(range(len(row)))
    if not whole:
        e.given("row", row, "all inputs that are quantized with one scale, real")
    e.given("x", [row[place] for place in places], "the inputs that meet the weights, real")
    explain_scale(e, "x" if whole else "row", asymmetric=asymmetric)
    blocks = len(row) // ROUNDING_BLOCK * ROUNDING_BLOCK
    _explain_rounding(e, "x", "", [place < blocks for place in places], asymmetric=asymmetric)


def explain_quantized_row(e: Explanation, x: str, asymmetric: bool) -> None:
    """Append q_x, scale_x, zero_point_x for a step x, a row of float32 numbers, which is about scale_x (q_x - zero_point_x)."""
    explain_scale(e, x, f"_{x}", asymmetric=asymmetric)
    if not asymmetric:
        e.given(f"zero_point_{x}", 0, "symmetric")
    size = len(e.value(x))
    in_blocks = [place < size // ROUNDING_BLOCK * ROUNDING_BLOCK for place in range(size)]
    _explain_rounding(e, x, f"_{x}", in_blocks, asymmetric=asymmetric)


def _explain_rounding(e: Explanation, x: str, of: str, in_blocks: Sequence[bool], *, asymmetric: bool) -> None:
    """Append q for the step x: vector code rounds the elements in whole blocks of a row, scalar code those behind them."""
    scaled = e.derive(f"scaled{of or '_x'}", f"float32({x} * inverse{of})", "in LSB, not yet rounded")
    rounded = []
    if any(in_blocks):
        formula = f"cast_int32(float32({scaled} + copysign(0.5, {scaled})))"
        rounded.append(e.derive(f"by_vector{of}", formula, "whole blocks of 8 are rounded by adding 1/2 in float32"))
    if not rounded or not all(in_blocks):
        formula = f"cast_int32({scaled} + copysign(0.5, {scaled}))"
        rounded.append(e.derive(f"by_scalar{of}", formula, "the rest of a row by C's round: to nearest, ties away from zero"))
    if len(rounded) == 2:
        e.given(f"in_blocks{of}", [int(block) for block in in_blocks], "1 for elements in the row's whole blocks of 8")
        rounded = [f"where(in_blocks{of}, {', '.join(rounded)})"]
    q = f"clamp({rounded[0]} + zero_point{of}, -128, 127)" if asymmetric else f"clamp({rounded[0]}, -127, 127)"
    e.derive(f"q{of}", q, "the inputs in int8")


def explain_scale(e: Explanation, row: str, of: str = "", *, asymmetric: bool) -> None:
    """Append scale and, asymmetric, zero point of a row, whose steps get the suffix `of`."""
    empty = not e.value(row)
    if not asymmetric:
        formula = "127.0" if empty else f"max(abs({row})) or 127.0"
        e.derive(f"greatest{of}", formula, "the greatest magnitude, which becomes 127; a row of zeros has the scale 1")
        e.derive(f"scale{of}", f"float32(greatest{of} / 127)", "real units of an LSB")
        e.derive(f"inverse{of}", f"float32(127 / greatest{of})", "LSB in a real unit, which floats are multiplied with")
        return
    e.derive(f"low{of}", "0.0" if empty else f"min(min({row}), 0.0)", "the range of the row, with zero in it")
    e.derive(f"high{of}", "0.0" if empty else f"max(max({row}), 0.0)")
    low, high, step = f"low{of}", f"high{of}", f"step{of}"
    e.derive(step, f"float32({high} - {low}) / 255 if {low} < {high} else 1.0", "real units of an LSB, in float64")
    e.derive(f"low_steps{of}", f"{low} / {step}", "the ends of the range in LSB, in float64")
    e.derive(f"high_steps{of}", f"{high} / {step}")
    nearer = f"-128 - low_steps{of} if 128 + abs(low_steps{of}) < 127 + abs(high_steps{of}) else 127 - high_steps{of}"
    e.derive(
        f"position{of}", f"({nearer}) if {low} < {high} else 0.0", "of zero, by that end which gives it with the smaller terms"
    )
    e.derive(f"zero_point{of}", f"cast_int32(round_half_away(clamp(position{of}, -128.0, 127.0)))", "LSB")
    e.derive(f"scale{of}", f"float32({step})", "real units of an LSB")
    e.derive(f"inverse{of}", f"float32(divide(1.0, scale{of}))", "LSB in a real unit, which floats are multiplied with")


def explain_products(e: Explanation, weights: Sequence[int], in_blocks: Sequence[bool], inputs: str) -> None:
    """Append the products of the step "q", written as `inputs`, and the weights, with the wrong sign where the runtime has it so.

    in_blocks  which products are formed by vector code that moves the sign of q to the weight
    """
    e.given("w", weights, "the weights they meet, LSB")
    flipped = [int(block and w == -128 and q < 0) for block, w, q in zip(in_blocks, weights, e.value("q"), strict=True)]
    if any(flipped):
        e.given(
            "flipped",
            flipped,
            "1 where vector code moves the sign of q to -128, and 128 is no int8: the product gets the wrong sign",
        )
        e.derive("products", f"{inputs} * w * (1 - 2 * flipped)", "of each tap")
    else:
        e.derive("products", f"{inputs} * w", "of each tap")


def explain_weight_sum(e: Explanation, w: str) -> str:
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


def filter_scale_of(scales: np.ndarray, channel: int) -> float:
    """The scale of the weights for an output channel."""
    return scales[channel if scales.size > 1 else 0].item()


def explain_scales(e: Explanation, filter_scale: float, *one_by_one: str, scale: str = "scale") -> None:
    """Append the accumulator in real units, "scaled": times the product of both scales, or times one and then the other."""
    e.given("filter_scale", filter_scale, "real units of an LSB of the weights")
    if one_by_one:
        first, second = one_by_one
        e.derive("half_scaled", f"float32(float32(acc) * {first})", "times one of the two scales")
        e.derive("scaled", f"float32(half_scaled * {second})", "the sum in real units")
    else:
        e.derive("scales", f"float32({scale} * filter_scale)")
        e.derive("scaled", "float32(float32(acc) * scales)", "the sum in real units")


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
        formula += f" - zero_point_{x} * {explain_weight_sum(e, weights)}"
    e.derive(f"acc_{of}", f"wrap({formula}, 32)", "the accumulator")
    e.given(f"scale_{weights}", scale, "real units per LSB of the weights")
    words = f"in real units: acc * ({x}'s scale * the weights')"
    return e.derive(f"product_{of}", f"float32(float32(acc_{of}) * float32(scale_{x} * scale_{weights}))", words)
