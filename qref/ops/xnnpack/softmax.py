"""SOFTMAX of XNNPACK: y = e * (1 / sum(e)) along the last axis, e = exp(x - max(x)).

Types    float32 and float16 with beta 1; other nodes are left to the optimized kernels
Note     the sum is taken in as many lanes as a register of the CPU holds float32 numbers: 16 with AVX-512, 8 with AVX2; that of
         float16 in 8 lanes
Source   XNNPACK, src/f32-raddstoreexpminusmax; facts verified in tests/ops/test_softmax_optimized.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fused import flush_denormals

from .. import softmax as base
from .._unary import AsIs
from ..node import Node, Prepared
from ._cpu import float32_lanes
from ._delegate import is_float16, is_float32
from ._functions import exp_of_difference
from ._half import exp as exp_of_half
from ._half_formulas import derive_exp

HALF_LANES = 8
IN_FLIGHT = 4  # registers that the kernel loads at a time, into two accumulators in turn


@dataclass(frozen=True, slots=True)
class SoftmaxFloat32Plan:
    """How the sum is taken."""

    lanes: int


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    x, y = node.input(0), node.output()
    if node.options.get("beta", 0.0) != 1:
        return None
    if is_float16(x) and is_float16(y):
        base.operands_of_softmax(node)
        return Prepared(softmax_float16, AsIs(), explain_float16)
    if not (is_float32(x) and is_float32(y)):
        return None
    base.operands_of_softmax(node)
    return Prepared(softmax_float32, SoftmaxFloat32Plan(float32_lanes()), explain)


@np.errstate(all="ignore")
def softmax_float32(x: np.ndarray, plan: SoftmaxFloat32Plan) -> np.ndarray:
    """Return y [..., depth] float32."""
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    rows = flush_denormals(x).reshape(-1, x.shape[-1])
    e = exp_of_difference(flush_denormals(rows - rows.max(axis=1, keepdims=True)))
    total = sum_in_lanes(e, plan.lanes)
    return flush_denormals(e * (np.float32(1) / total)[:, None]).reshape(x.shape)


@np.errstate(all="ignore")
def softmax_float16(x: np.ndarray, plan: AsIs) -> np.ndarray:
    """Return y [..., depth] float16: float16(e) * float16(1 / sum(e)), the sum in float32."""
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    rows = x.reshape(-1, x.shape[-1]).astype(np.float32)
    e = exp_of_half(rows - rows.max(axis=1, keepdims=True))
    inverse = (np.float32(1) / sum_of_halves(e)).astype(np.float16)
    return (e.astype(np.float16) * inverse[:, None]).reshape(x.shape)


def sum_of_halves(rows: np.ndarray) -> np.ndarray:
    """The sums of rows [count, size]: whole registers of eight, half upon half; four, two and one number more; half upon half."""
    size = rows.shape[1]
    end = size // HALF_LANES * HALF_LANES
    lanes = np.zeros((len(rows), HALF_LANES), np.float32)
    for start in range(0, end, HALF_LANES):
        lanes = lanes + rows[:, start : start + HALF_LANES]
    lanes = lanes[:, :4] + lanes[:, 4:]
    for count in (4, 2, 1):
        if size & count:
            lanes[:, :count] += rows[:, end : end + count]
            end += count
    lanes = lanes[:, :2] + lanes[:, 2:]
    return lanes[:, 0] + lanes[:, 1]


def sum_in_lanes(rows: np.ndarray, lanes: int) -> np.ndarray:
    """The sums of rows [count, size]: four registers at a time into two accumulators, then single ones, then half upon half."""
    block = IN_FLIGHT * lanes
    blocks = rows.shape[1] // block * block
    padded = np.zeros((len(rows), -(-rows.shape[1] // lanes) * lanes), np.float32)
    padded[:, : rows.shape[1]] = rows
    registers = padded.reshape(len(rows), -1, lanes)
    total = np.zeros((len(rows), lanes), np.float32)
    if blocks:
        pairs = registers[:, : blocks // lanes]
        even, odd = (np.add.accumulate(pairs[:, j::2], axis=1)[:, -1] for j in (0, 1))
        total = even + odd
    for j in range(blocks // lanes, registers.shape[1]):
        total = total + registers[:, j]
    while lanes > 1:
        lanes //= 2
        total = total[:, :lanes] + total[:, lanes:]
    return total[:, 0]


def explain(x: np.ndarray, plan: SoftmaxFloat32Plan, element: tuple[int, ...]) -> Explanation:
    """Return y[element] step by step; the exponentials of the row are given, each as the element's own is found."""
    e, row = Explanation(), x[element[:-1]]
    e.given("x", row, "the row of inputs")
    e.given("position", element[-1], "of the element in its row")
    e.derive("normal", "flush(x)", "denormals count as zeros")
    e.derive("greatest", "max(normal)", "which is subtracted, so that no exponential is above 1")
    e.derive("differences", "flush(float32(normal - greatest))")
    exponentials = []
    for difference in e.value("differences"):
        own = Explanation()
        own.given("difference", difference)
        exponentials.append(own.value(_explain_exp(own)))
    padding = -len(row) % plan.lanes
    words = f"exp of the differences of the whole row, each found as the element's own; zeros fill the last of {plan.lanes} lanes"
    e.given("exponentials", exponentials + [0.0] * padding, words)
    e.derive("difference", "differences[position]", "that of the element")
    _explain_exp(e)
    _explain_sum(e, len(row), plan.lanes)
    e.derive("inverse", "float32(divide(1.0, total))")
    e.derive("y", "flush(float32(exp * inverse))", "the output")
    return e


def _explain_exp(e: Explanation) -> str:
    """Append the step "exp": that of the step "difference"."""
    log2_e, bias, cutoff, high, low = (
        float.fromhex(c) for c in ("0x1.715476p0", "0x1.8000FEp23", "-0x1.5D589Ep6", "-0x1.62E400p-1", "-0x1.7F7D1Cp-20")
    )
    if e.value("difference") < cutoff:
        return e.derive("exp", f"0.0 if difference < {cutoff} else 1.0", "the exponential would be denormal")
    e.derive(
        "n", f"float32(fma(difference, {log2_e}, {bias}) - {bias})", "difference / ln 2, rounded to an integer by a great number"
    )
    e.derive("r_high", f"fma(n, {high}, difference)", "difference - n ln 2, with the high part of ln 2")
    e.derive("r", f"fma(n, {low}, r_high)", "and with the low one")
    value = repr(float.fromhex("0x1.0F9F9Cp-7"))
    for k, constant in enumerate(("0x1.573A1Ap-5", "0x1.555A80p-3", "0x1.FFFDC6p-2", "0x1.FFFFF6p-1"), 1):
        value = e.derive(f"polynomial_{k}", f"fma({value}, r, {float.fromhex(constant)})", "Horner's rule for (exp(r) - 1) / r")
    e.derive("scaled_r", "flush(float32(r * 2.0**n))", "r 2^n")
    return e.derive("exp", f"flush(fma(scaled_r, {value}, 2.0**n))", "exp = 2^n + r 2^n (exp(r) - 1) / r")


def _explain_sum(e: Explanation, size: int, lanes: int) -> None:
    """Append the step "total": the sum of the exponentials in lanes."""
    stop = size // (IN_FLIGHT * lanes) * IN_FLIGHT * lanes
    total = ""
    if stop:
        e.derive("two_registers", f"lanes32(exponentials[:{stop}], {2 * lanes})", f"sums of every {2 * lanes}th exponential")
        words = "the second register's lanes upon the first one's"
        total = e.derive("sums_0", f"float32(two_registers[:{lanes}] + two_registers[{lanes}:])", words)
    for k, start in enumerate(range(stop, size, lanes), 1):
        register = f"exponentials[{start}:{start + lanes}]"
        total = e.derive(f"sums_{k}", f"float32({total} + {register})" if total else register, f"{lanes} exponentials more")
    while lanes > 1:
        lanes //= 2
        words = "the upper lanes upon the lower ones"
        total = e.derive(f"lanes_{lanes}", f"float32({total}[:{lanes}] + {total}[{lanes}:])", words)
    e.derive("total", f"{total}[0]", "the sum")


def explain_float16(x: np.ndarray, plan: AsIs, element: tuple[int, ...]) -> Explanation:
    """Return y[element] step by step; the exponentials of the row are given, each as the element's own is found."""
    e, row = Explanation(), x[element[:-1]].astype(np.float32)
    e.given("x", row, "the row of inputs")
    e.given("position", element[-1], "of the element in its row")
    e.derive("greatest", "max(x)", "which is subtracted, so that no exponential is above 1")
    e.derive("differences", "float32(x - greatest)")
    exponentials = []
    for difference in e.value("differences"):
        own = Explanation()
        own.given("difference", difference)
        exponentials.append(own.value(derive_exp(own, "difference")))
    e.given("exponentials", exponentials, "exp of the differences of the whole row, each found as the element's own")
    e.derive("difference", "differences[position]", "that of the element")
    derive_exp(e, "difference")
    end = len(row) // HALF_LANES * HALF_LANES
    if end:
        e.derive("registers", f"lanes32(exponentials[:{end}], {HALF_LANES})", f"sums of every {HALF_LANES}th exponential")
        e.derive("lanes", "float32(registers[:4] + registers[4:])", "the upper lanes upon the lower ones")
    else:
        e.given("lanes", (0.0,) * 4, "no register is full")
    lanes = "lanes"
    for count in (4, 2, 1):
        if len(row) & count:
            more = f"float32({lanes}[:{count}] + exponentials[{end}:{end + count}])"
            whole = more if count == 4 else f"joined({more}, {lanes}[{count}:])"
            lanes = e.derive(f"lanes_and_{count}", whole, f"exponentials left over, {count} of them")
            end += count
    e.derive("halves", f"float32({lanes}[:2] + {lanes}[2:])", "the upper lanes upon the lower ones")
    e.derive("total", "float32(halves[0] + halves[1])", "the sum")
    e.derive("inverse", "float16(float32(divide(1.0, total)))")
    e.derive("y", "float16(float16(exp) * inverse)", "the output")
    return e
