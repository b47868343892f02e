"""Operators on float32 operands in XNNPACK: plain arithmetic with denormals flushed to zero, then the fused clamp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.fused import flush_denormals
from qref.ops._elementwise import operands
from qref.ops._formulas import CLAMP, Formula, explain_by
from qref.ops._formulas import LIMITS as LIMITS_OF_PLAN
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

from ._cpu import has_avx512

LIMITS = {"NONE": (-np.inf, np.inf), "RELU": (0, np.inf), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1)}


@dataclass(frozen=True, slots=True)
class FloatPlan:
    """The function and the limits of its fused activation."""

    function: Callable[..., np.ndarray]
    low: np.float32
    high: np.float32


def prepare_float(node: Node, function: Callable[..., np.ndarray], *formulas: Formula) -> Prepared:
    """The plan of a function of float32 operands; its formulas make `raw` of v1 and v2."""
    operands(node, TensorType.FLOAT32)
    low, high = LIMITS[node.activation]
    flushed = [(f"v{i}", f"flush(x{i})", "denormals count as zeros") for i in (1, 2)]
    explain = explain_by(*flushed, *formulas, ("result", "flush(raw)", "denormals become zeros"), *CLAMP, **LIMITS_OF_PLAN)
    return Prepared(float_operands, FloatPlan(function, np.float32(low), np.float32(high)), explain)


@np.errstate(all="ignore")
def float_operands(x1: np.ndarray, x2: np.ndarray, plan: FloatPlan) -> np.ndarray:
    """Return y = clamp(function(x1, x2)); without an activation, infinities stay."""
    y = flush_denormals(np.asarray(plan.function(flush_denormals(x1), flush_denormals(x2))))
    y = np.where(y < plan.low, plan.low, y)
    return np.where(plan.high < y, plan.high, y)


def slope_formulas(x: str, slope: str) -> tuple[Formula, ...]:
    """The formulas of slope_below_zero."""
    return (
        ("v", f"flush({x})", "denormals count as zeros"),
        ("scaled", f"flush(float32(v * flush({slope})))", "denormals become zeros"),
        ("y", f"scaled if {'v' if has_avx512() else x} < 0 else {x}", "the slope counts below zero"),
    )


@np.errstate(all="ignore")
def slope_below_zero(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return y = x * slope below zero, else x itself, denormals too.

    AVX-512 asks whether x < 0, for which denormals are zeros; AVX2 asks for the sign, which -0 and negative denormals have.
    """
    scaled = flush_denormals(flush_denormals(x) * flush_denormals(slope))
    return np.where(flush_denormals(x) < 0 if has_avx512() else np.signbit(x), scaled, x)
