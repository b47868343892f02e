"""CAST: each number as another type.

Layout   x [...] -> y [...]
Types    int8, uint8, int16, uint16, int32, uint32, int64, float16, float32, float64, bool, complex64, each to each
         int4, uint4, int2 from and to float32
Note     integers wrap into integers; floats are truncated into integers and saturate, NaN gives the greatest one;
         to float16 by way of float32; complex numbers lose their imaginary part; scales are not looked at
Source   facts verified in tests/ops/test_cast.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._elementwise import WORD_TYPES, check_counts
from .node import Node, Prepared

TYPES = (
    *WORD_TYPES,
    TensorType.INT64,
    TensorType.FLOAT16,
    TensorType.FLOAT32,
    TensorType.FLOAT64,
    TensorType.BOOL,
    TensorType.COMPLEX64,
)
NARROW_LIMITS = {TensorType.INT4: (-8, 7), TensorType.UINT4: (0, 15), TensorType.INT2: (-2, 1)}


@dataclass(frozen=True, slots=True)
class CastPlan:
    """The type of the output."""

    output_dtype: np.dtype
    limits: tuple[int, int] | None  # of an integer type, which floats saturate to


def prepare(node: Node) -> Prepared:
    """Check the types."""
    check_counts(node, 1)
    x, y = node.input(0), node.output()
    if x.type in NARROW_LIMITS or y.type in NARROW_LIMITS:
        fits = TensorType.FLOAT32 in (x.type, y.type)
        node.expect(fits, f"{x} has type {x.type.name} and {y} {y.type.name}; expected FLOAT32 on one side: cast twice")
        limits = NARROW_LIMITS.get(y.type)
    else:
        node.expect_type(x, *TYPES)
        node.expect_type(y, *TYPES)
        limits = (np.iinfo(y.dtype).min, np.iinfo(y.dtype).max) if y.dtype.kind in "iu" else None
    node.resize(0, x.shape)
    real = all(operand.type != TensorType.COMPLEX64 for operand in (x, y))
    return Prepared(cast, CastPlan(y.dtype, limits), explain if real else None)


@np.errstate(all="ignore")
def cast(x: np.ndarray, plan: CastPlan) -> np.ndarray:
    """Return x as plan.output_dtype."""
    if x.dtype.kind == "c" and plan.output_dtype.kind != "c":
        x = x.real
    if x.dtype.kind == "f" and plan.limits is not None:
        return _saturate(x, plan.output_dtype, *plan.limits)
    if plan.output_dtype == np.float16:
        x = x.astype(np.float32)
    return x.astype(plan.output_dtype)


def _saturate(x: np.ndarray, dtype: np.dtype, low: int, high: int) -> np.ndarray:
    x = x.astype(np.float32) if x.dtype == np.float16 else x
    greatest = x.dtype.type(high)
    above = x > greatest if int(greatest) == high else x >= greatest  # 2^31 - 1 as float32 is 2^31, which does not fit
    inside = ~(above | (x < x.dtype.type(low)) | np.isnan(x))
    y = np.where(inside, x, 0).astype(np.int64).astype(dtype)
    return np.where(inside, y, np.where(x < 0, dtype.type(low), dtype.type(high)))


def explain(x: np.ndarray, plan: CastPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of real numbers."""
    e, name = Explanation(), plan.output_dtype.name
    e.given("x", x[element].item(), "the operand's element")
    if x.dtype.kind == "f" and plan.limits is not None:
        e.given("least", plan.limits[0], "what the type holds")
        e.given("greatest", plan.limits[1], "what the type holds; NaN becomes it too")
        e.derive("whole", "trunc(x)", "the fraction is dropped")
        e.derive("y", "least if whole < least else whole if whole < greatest else greatest")
    elif name == "bool":
        e.derive("y", "int_of(x != 0)")
    else:
        e.derive("y", f"{name}({'float32(x)' if name == 'float16' else 'x'})", "integers wrap")
    return e
